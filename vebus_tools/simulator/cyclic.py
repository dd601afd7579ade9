"""Payloads that a Multi sends unasked: sync, E4, 80, 70, 41.

Bytes whose meaning nobody knows carry the value of a report (vebus-rs485.md 6), or 0.  The sync frame counts its 24
bits in 0.4 us and type 70 holds the charger's set-points: both are readings of ours, and unconfirmed.
"""

from __future__ import annotations

import math

from vebus_protocol.enums import AcPhaseMode, AcRelay
from vebus_protocol.status import AcPhase, Charger, Condition
from vebus_protocol.switch import AcInputConfiguration
from vebus_protocol.sync import SyncFrame
from vebus_tools.simulator.device import Device
from vebus_tools.simulator.packing import Quantity, struct_of
from vebus_tools.simulator.scenario import PhaseWord

__all__ = ["TICKS_PER_S", "CyclicFrames"]

TICKS_PER_S = 2_500_000
"""Counts of 0.4 us in a second."""

_SYNC, _PHASE, _CONDITION = struct_of(SyncFrame), struct_of(AcPhase), struct_of(Condition)
_CHARGER, _CONFIGURATION = struct_of(Charger), struct_of(AcInputConfiguration)
_POWER_FACTOR = Quantity(AcPhase.spec("power_factor"))
_DC_VOLTAGE = Quantity(AcPhase.spec("dc").bits[0])
_DC_CURRENT = Quantity(Condition.spec("dc_current"))
_TEMPERATURE = Quantity(Condition.spec("temperature_c"))
_SET_VOLTAGE, _SET_CURRENT = Quantity(Charger.spec("voltage")), Quantity(Charger.spec("current"))
_LIMIT = Quantity(AcInputConfiguration.spec("maximum"))
_COUNTER_MASK, _WORD, _BYTE = 0xFFFFFF, 0xFFFF, 0xFF
_DC_UNKNOWN_BITS = 0x7000  # seen in captures, meaning unknown
_REACTIVE_VAR = 120.0  # ours: gives power factor and phase angle something to show
_HALF_TURN, _MOST_ANGLE = 128, 127
_STANDBY_W = 20
_INPUTS_SHIFT, _PANEL_SEEN, _OVERRIDDEN = 4, 0x80, 0x04


class CyclicFrames:
    """Payloads of the moment; what changes only with a step of the model is kept until `refresh`."""

    def __init__(self, device: Device) -> None:
        """Frames of this device."""
        self._device = device
        self._first_word = 0
        self._behind_counter: tuple[int, ...] = ()
        self.refresh()

    @staticmethod
    def sync(tick: int) -> bytes:
        """Sync frame; status and time stamp together are one counter of 0.4 us."""
        return _SYNC.pack(0x55, tick & _BYTE, tick >> 8 & _WORD)

    def phase(self, tick: int) -> bytes:
        """Type E4 with the counter of this moment."""
        return _PHASE.pack(0xE4, 0x80, self._first_word, tick & _WORD, tick >> 16 & _BYTE, *self._behind_counter)

    def refresh(self) -> None:
        """Take over what the model measured."""
        now = self._device.converter
        if now.output_hz:
            of_ticks = self._device.spec.phase_word is PhaseWord.TICKS
            self._first_word = round(TICKS_PER_S / now.output_hz if of_ticks else now.output_hz * 1000.0)
        active = float(now.inverter_w)
        apparent = math.sqrt(active * active + _REACTIVE_VAR * _REACTIVE_VAR)
        angle = min(round(math.atan2(_REACTIVE_VAR, active) / math.pi * _HALF_TURN), _MOST_ANGLE)
        dc = _DC_UNKNOWN_BITS | _DC_VOLTAGE(now.battery_v)
        self._behind_counter = (self._mode(), 0x8F, _POWER_FACTOR(active / apparent), angle, dc, 0)

    def _mode(self) -> AcPhaseMode:
        now = self._device.converter
        if not now.connected:
            return AcPhaseMode.ISLAND
        if not now.invert_allowed:
            return AcPhaseMode.CHARGER_ONLY_CHARGING if now.charging else AcPhaseMode.CHARGER_ONLY_IDLE
        if abs(now.inverter_w) <= _STANDBY_W:
            return AcPhaseMode.STANDBY
        return AcPhaseMode.CHARGING if now.inverter_w > 0 else AcPhaseMode.DISCHARGING

    def condition(self, *, with_temperature: bool) -> bytes:
        """Type 80; every other one carries the temperature."""
        now = self._device.converter
        return _CONDITION.pack(
            0x80,
            0x80,
            now.condition(),
            self._device.low_battery,
            0x80,
            _DC_CURRENT(now.dc_a),
            0x30 if with_temperature else 0x10,
            AcRelay.MAINS if now.connected else AcRelay.ISLAND,
            0,
            0,
            _TEMPERATURE(self._device.battery.temperature_c) if with_temperature else 0,
            0,
        )

    def charger(self) -> bytes:
        """Type 70; its capacity counts what was charged since the start, in Ah."""
        volts, amps = self._device.charge_set_point()
        charged_ah = int(self._device.battery.charged_as / 3600.0) & _WORD
        return _CHARGER.pack(0x70, 0x81, _SET_VOLTAGE(volts), _SET_CURRENT(amps), charged_ah, 0)

    def configuration(self) -> bytes:
        """Type 41: LEDs, input limits, switches."""
        device = self._device
        on, blink = device.leds()
        lowest, highest, limit = device.limits()
        config = device.spec.ac_inputs << _INPUTS_SHIFT | (device.converter.ac_input - 1)
        config |= _PANEL_SEEN if device.panel_seen else 0
        config |= _OVERRIDDEN if device.converter.limit_a is not None else 0
        return _CONFIGURATION.pack(
            0x41,
            0x10,
            on,
            blink,
            device.low_battery,
            config,
            _LIMIT(lowest),
            _LIMIT(highest),
            _LIMIT(limit),
            device.switch_register(),
        )
