"""What the invented Multi sends: its cyclic frames, and its answers.

Only forms that somebody reported from the bus are written.  Bytes whose meaning nobody knows carry the value of a
report (vebus-rs485.md 6), or 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from captures.synthetic.plant import AC_BACK_S, AC_LOST_S
from vebus_protocol.enums import (
    AcPhaseMode,
    AcRelay,
    BusSwitch,
    ChargeSubState,
    ConditionStatus,
    DeviceState,
    InfoRequestSelector,
    InfoType,
)
from vebus_protocol.info import AcInfo, DcInfo, InfoRequest
from vebus_protocol.scaling import DEVICE_TABLES, ScaleBook, raw_of
from vebus_protocol.status import AcPhase, Charger, Condition
from vebus_protocol.switch import AcInputConfiguration, SwitchCommand
from vebus_protocol.sync import SyncFrame
from vebus_protocol.winmon import (
    DeviceStateReply,
    RamInfo,
    RamInfoMissing,
    RamValues,
    RamWritten,
    ReadRam,
    ReadRamInfo,
    ReadSetting,
    ReadSettingInfo,
    RequestDeviceState,
    RequestVersionLow,
    SettingInfo,
    SettingInfoMissing,
    SettingValue,
    SettingWritten,
    VersionReply,
    WinmonFrame,
    WriteRam,
    WriteSetting,
)

if TYPE_CHECKING:
    from random import Random

    from captures.synthetic.plant import Plant
    from vebus_protocol.schema import Message

__all__ = ["MODEL", "SETPOINT_RAM", "Device", "Winmon"]

MODEL = "MultiPlus-II 12/3000"
SETPOINT_RAM = 131

_TABLE = DEVICE_TABLES[MODEL]
_BOOK = ScaleBook.assuming(MODEL)
_VERSION = 2629492  # vebus-rs485.md 7.4
_VERSION_TAIL = bytes.fromhex("081D00003910")  # vebus-rs485.md 6.2, meaning unknown
_ASSISTANTS = {128: 0x0090, 129: 0x8800, 130: 0x0054}  # vebus-rs485.md 6.2 (mart): ESS record, set point in 131
_REACTIVE_VAR = 120.0
_IDLE_W = 20.0
_COUNTER_MASK = 0xFFFFFF
_FACTORS = {"backfeed_factor": 1, "inverter_factor": 1}
_INPUT_LIMIT = 6  # id of the setting


@dataclass(frozen=True, slots=True, kw_only=True)
class Winmon:
    """A winmon body with its transaction id."""

    tid: int
    body: Message

    def build(self) -> bytes:
        """Payload of the data frame."""
        return WinmonFrame(tid=self.tid, rest=self.body.build()).build()


class Device:
    """The Multi: ``now`` is what it measures; requests change its switch, its settings and the plant's set point."""

    def __init__(self, plant: Plant, random: Random) -> None:
        """Switched on, with the published defaults as settings."""
        self.now = plant.step(0.0, 0.0)
        self._plant = plant
        self._random = random
        self._settings = {row.setting: row.default or 0 for row in _TABLE.settings.values()}
        self._panel_seen = False

    # cyclic frames -----------------------------------------------------------------------------------------------

    @staticmethod
    def sync(tick: int) -> SyncFrame:
        """Sync frame; status and time stamp are one counter of 0.4 us (our reading, vebus-rs485.md 6.1)."""
        return SyncFrame(status=tick & 0xFF, time=tick >> 8 & 0xFFFF)

    def phase(self, tick: int) -> AcPhase:
        """AC phase; the first word counts mHz here (baxi), the other reading of it is open (vebus-rs485.md 6.9)."""
        active = self.now.inverter_w
        apparent = math.sqrt(active * active + _REACTIVE_VAR * _REACTIVE_VAR)
        voltage = raw_of(AcPhase.spec("dc").bits[0], self.now.battery_v, {}, _BOOK)
        return AcPhase(
            unknown_5=0x80,
            period=round(self.now.frequency_hz * 1000),
            counter=tick & _COUNTER_MASK,
            mode=self._mode(),
            unknown_12=0x8F,
            power_factor=raw_of(AcPhase.spec("power_factor"), active / apparent, {}, _BOOK),
            phase=min(round(math.atan2(_REACTIVE_VAR, active) / math.pi * 128), 127),
            dc=0x7000 | voltage,
            unknown_18=0,
        )

    def _mode(self) -> AcPhaseMode:
        power = self.now.inverter_w
        if not self.now.connected:
            return AcPhaseMode.ISLAND
        if not self.now.inverter_on:
            return AcPhaseMode.CHARGER_ONLY_CHARGING if power > _IDLE_W else AcPhaseMode.CHARGER_ONLY_IDLE
        if abs(power) <= _IDLE_W:
            return AcPhaseMode.STANDBY
        return AcPhaseMode.CHARGING if power > 0 else AcPhaseMode.DISCHARGING

    def condition(self, *, with_temperature: bool) -> Condition:
        """Charger and inverter condition; every other frame carries the temperature."""
        mux = 0x30 if with_temperature else 0x10
        return Condition(
            unknown_5=0x80,
            status=self._status(),
            battery=0,
            unknown_8=0x80,
            dc_current=raw_of(Condition.spec("dc_current"), self.now.battery_a, {}, _BOOK),
            mux=mux,
            relay=AcRelay.MAINS if self.now.connected else AcRelay.ISLAND,
            unknown_13=0,
            unknown_14=0,
            temperature=round((self.now.temperature_c + 8) / 0.2) if with_temperature else 0,
            unknown_16=0,
        )

    def _status(self) -> ConditionStatus:
        at = self.now.at_s
        if AC_LOST_S <= at < AC_LOST_S + 0.5:
            return ConditionStatus.AC_LOSS
        if AC_BACK_S <= at < AC_BACK_S + 1.0:
            return ConditionStatus.AC_RETURN
        if not self.now.connected:
            return ConditionStatus.AC_DISCONNECTED
        return ConditionStatus.INVERTER_ON if self.now.inverter_on else ConditionStatus.INVERTER_OFF

    def charger(self) -> Charger:
        """Type 70 with absorption voltage and charge current as its two words (our reading, vebus-rs485.md 6.7)."""
        return Charger(
            unknown_5=0x81,
            voltage_word=self._settings[2],
            current_word=self._settings[4] * 10,
            capacity=int(194.85 + self.now.charged_as / 3600.0),
            unknown_12=0,
        )

    def configuration(self) -> AcInputConfiguration:
        """LEDs, input limits and switches."""
        waiting = self.now.mains_present and not self.now.connected
        limits = AcInputConfiguration.spec("maximum")
        return AcInputConfiguration(
            unknown_5=0x10,
            led_on=0x05 if self.now.connected else 0x10,
            led_blink=0x01 if waiting else 0x00,
            battery=0,
            config=0x90 if self._panel_seen else 0x10,
            minimum=0,
            maximum=raw_of(limits, 50.0, {}, _BOOK),
            actual=self._settings[_INPUT_LIMIT],
            register=0x77 if self.now.inverter_on else 0x55,
        )

    # answers -----------------------------------------------------------------------------------------------------

    def answer(self, request: Message | Winmon) -> Message | Winmon | None:
        """The answer to a frame of the host; None where the bus stays silent."""
        if isinstance(request, Winmon):
            body = self._winmon(request.body)
            return None if body is None else Winmon(tid=request.tid, body=body)
        if isinstance(request, SwitchCommand):
            self._panel_seen = True
            self._plant.inverter_on = request.position in (BusSwitch.ON, BusSwitch.INVERTER_ONLY)
            return None
        if isinstance(request, InfoRequest) and request.selector == InfoRequestSelector.DC:
            return self._dc_info()
        if isinstance(request, InfoRequest) and request.selector == InfoRequestSelector.AC_L1:
            return self._ac_info()
        return None

    def _dc_info(self) -> DcInfo:
        current = self.now.battery_a
        left_over = bytes(int(self._random.random() * 256) for _ in range(4))
        return DcInfo(
            undefined=left_over,
            voltage=raw_of(DcInfo.spec("voltage"), self.now.battery_v, {}, _BOOK),
            inverter_current=raw_of(DcInfo.spec("inverter_current"), max(-current, 0.0), {}, _BOOK),
            charger_current=raw_of(DcInfo.spec("charger_current"), max(current, 0.0), {}, _BOOK),
            inverter_period=raw_of(DcInfo.spec("inverter_period"), 1000 / self.now.frequency_hz, {}, _BOOK),
        )

    def _ac_info(self) -> AcInfo:
        now = self.now
        period_ms = 1000 / 50.0 if now.mains_present else None
        return AcInfo(
            backfeed_factor=_FACTORS["backfeed_factor"],
            inverter_factor=_FACTORS["inverter_factor"],
            undefined=0x01,
            state=self._state()[0],
            selector=InfoType.AC_L1_OF_1,
            mains_voltage=raw_of(AcInfo.spec("mains_voltage"), now.mains_v, _FACTORS, _BOOK),
            mains_current=raw_of(AcInfo.spec("mains_current"), now.mains_a, _FACTORS, _BOOK),
            inverter_voltage=raw_of(AcInfo.spec("inverter_voltage"), now.output_v, _FACTORS, _BOOK),
            inverter_current=raw_of(AcInfo.spec("inverter_current"), now.output_a, _FACTORS, _BOOK),
            mains_period=raw_of(AcInfo.spec("mains_period"), period_ms, _FACTORS, _BOOK),
        )

    def _state(self) -> tuple[DeviceState, ChargeSubState]:
        """State and sub-state; the one real log of a discharge into the mains has state 9 in it, too."""
        if not self.now.connected:
            return DeviceState.INVERT_FULL, ChargeSubState.INITIALISING
        if self._plant.setpoint_w is None:
            return DeviceState.BYPASS, ChargeSubState.BULK
        return DeviceState.CHARGE, ChargeSubState.BULK

    def _winmon(self, body: Message) -> Message | None:
        if isinstance(body, RequestVersionLow):
            return VersionReply(version=_VERSION, rest=_VERSION_TAIL)
        if isinstance(body, RequestDeviceState):
            state, sub_state = self._state()
            return DeviceStateReply(state=state, sub_state=sub_state)
        if isinstance(body, WriteRam) and body.id == SETPOINT_RAM:
            self._plant.setpoint_w = body.value - 0x10000 if body.value >= 0x8000 else body.value
            return RamWritten()
        if isinstance(body, WriteSetting):
            self._settings[body.id] = body.value
            return SettingWritten()
        return self._read(body)

    def _read(self, body: Message) -> Message | None:
        if isinstance(body, ReadRam):
            return RamValues(values=tuple(self._ram(variable) for variable in body.ids))
        if isinstance(body, ReadRamInfo):
            return _ram_info(body.id)
        if isinstance(body, ReadSetting):
            return SettingValue(value=self._settings[body.id])
        if isinstance(body, ReadSettingInfo):
            return _setting_info(body.id)
        return None

    def _ram(self, variable: int) -> int:
        """Raw word of a RAM variable."""
        if variable == SETPOINT_RAM:
            return round(self._plant.setpoint_w or 0.0) & 0xFFFF
        if variable in _ASSISTANTS:
            return _ASSISTANTS[variable]
        now = self.now
        values = {
            0: now.mains_v,
            1: now.mains_a,
            2: now.output_v,
            3: now.output_a,
            4: now.battery_v,
            5: now.battery_a,
            6: 0.02 + abs(now.battery_a) / 1000.0,
            7: 10 / now.frequency_hz,
            8: 10 / now.frequency_hz if now.mains_present else 0.0,
            9: now.output_a,
            11: 0,
            12: 0,
            13: now.soc,
            14: now.inverter_w,
            15: now.mains_w,
            16: now.output_w,
        }
        return _TABLE.ram[variable].scale.raw(values[variable])


def _ram_info(variable: int) -> Message:
    row = _TABLE.ram.get(variable)
    return RamInfoMissing() if row is None else RamInfo(scale=row.scale.scale, offset=row.scale.offset & 0xFFFF)


def _setting_info(setting: int) -> Message:
    row = _TABLE.settings.get(setting)
    if row is None:
        return SettingInfoMissing()
    return SettingInfo(
        scale=row.scale.scale,
        offset=row.scale.offset & 0xFFFF,
        default=row.default or 0,
        minimum=row.minimum or 0,
        maximum=row.maximum or 0,
        access=row.access,
    )
