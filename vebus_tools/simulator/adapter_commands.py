"""What a simulated MK2/MK3 adapter does with one frame of the host.  Source: mk3.md 4 to 7, 18."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vebus_protocol.adapter import (
    AdapterStateSet,
    FreezeSnapshot,
    LedStatus,
    ResetDevice,
    SetAdapterState,
)
from vebus_protocol.enums import InfoCommand, SwitchPosition
from vebus_protocol.errors import MessageError
from vebus_protocol.info import BatteryLimitsReply
from vebus_tools.simulator.adapter_state import HIGH_SPEED, Memory
from vebus_tools.simulator.cyclic import CyclicFrames
from vebus_tools.simulator.info import ac_info, accessory_info, dc_info, identity_info
from vebus_tools.simulator.winmon import Form, WinmonServer

if TYPE_CHECKING:
    from random import Random

    from vebus_tools.simulator.device import Device
    from vebus_tools.simulator.installation import Installation

__all__ = ["Commands", "Reply", "bus_payload"]

_OWN_S, _BUS_S, _SLOW_S, _RESET_S = 0.005, 0.032, 0.4, 0.5
_FASTEST_S, _SLOWEST_S = 0.025, 0.043
_ADAPTER, _INFO_REQUEST, _SWITCH = 0xFF, 0x21, 0x3F
_LARGEST_SNAPSHOT = 6
_L_TAIL = (0x80, 0x00)  # p[6..7] as seen, meaning unknown
_BLOCKED = 0x80
_RAW_TYPES = frozenset((_INFO_REQUEST, _SWITCH))
_CHANNELS, _FIRST_TID = b"WXYZ", 0xE4
_LIMITS_FILL = bytes(6)  # the reply has 7 bytes, no source says which


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """Payload for the host, and how long it takes from the request to its first byte, in s."""

    payload: bytes
    delay_s: float


class Commands:
    """The devices, as one adapter sees them."""

    def __init__(self, installation: Installation, memory: Memory, latency: Random | None) -> None:
        """``latency`` draws the time of replies that come over the bus; without it they all take the same."""
        self.memory = memory
        self._installation = installation
        self._latency = latency
        self._servers = {device.spec.address: WinmonServer(device) for device in installation.devices}
        self._own: dict[str, Callable[[bytes], bytes]] = {
            "A": memory.select,
            "D": lambda _: self.memory.state_frame(),
            "H": memory.pull,
            "L": lambda _: self._leds(),
            "S": self._set_state,
            "V": lambda _: self.memory.version_frame(),
        }

    def handle(self, payload: bytes, now: float, form: Form) -> Iterator[Reply]:
        """Replies to one good frame; nothing for what is unknown, absent, or never answered."""
        try:
            if payload[0] == _ADAPTER:
                yield from self._adapter(payload, now, form)
            elif payload[0] == _INFO_REQUEST and len(payload) > 5:
                yield from self._by_bus(accessory_info(payload[5], self._installation.scenario.accessory))
                yield from self._by_source(payload)
            elif payload[0] == _SWITCH and len(payload) > 1 and self._installation.host_may_switch:
                for device in self._installation.devices:
                    device.bus_switch(payload[1])
        except MessageError:  # too few bytes for its letter
            return

    def _adapter(self, payload: bytes, now: float, form: Form) -> Iterator[Reply]:
        letter = chr(payload[1])
        if letter in self._own:
            yield Reply(payload=self._own[letter](payload), delay_s=_OWN_S)
        elif letter == "R":
            self.memory.address = None
            yield Reply(payload=self.memory.version_frame(), delay_s=_RESET_S)
        elif letter == "N":
            self.memory.speed = HIGH_SPEED
        elif letter == "F":
            yield from self._info(payload, now)
        elif letter in "WXYZ":
            yield from self._winmon(letter, self.memory.address, payload[2:], now, form)
        elif letter in "xyz" and len(payload) > 3:
            yield from self._winmon(letter.upper(), payload[-1], payload[2:-1], now, form)

    def _winmon(self, letter: str, address: int | None, body: bytes, now: float, form: Form) -> Iterator[Reply]:
        """Before an address was selected the first device answers: an assumption, no source says."""
        server = self._servers.get(self._installation.master.spec.address if address is None else address)
        if server is None or not body:
            return
        head = bytes((_ADAPTER, ord(letter)))
        parts = server.answer(body, form, now)
        delay = self._drawn() if parts else 0.0  # all parts of a reply come in a row
        for part in parts:
            yield Reply(payload=head + part, delay_s=delay)

    def _by_bus(self, payload: bytes | None, more_s: float = 0.0) -> Iterator[Reply]:
        if payload is not None:
            yield Reply(payload=payload, delay_s=self._drawn() + more_s)

    def _drawn(self) -> float:
        return self._latency.uniform(_FASTEST_S, _SLOWEST_S) if self._latency else _BUS_S

    # own replies -----------------------------------------------------------------------------------------------------

    def _leds(self) -> bytes:
        device = self._installation.master
        on, blink = device.leds()
        status = device.vebus_error | (_BLOCKED if self.memory.blocked else 0)
        return LedStatus(
            led_on=on,
            led_blink=blink,
            alarms=device.alarms(),
            status=status,
            unknown_6=_L_TAIL[0],
            unknown_7=_L_TAIL[1],
        ).build()

    def _set_state(self, payload: bytes) -> bytes:
        request = SetAdapterState.parse(payload)
        if self.memory.take(request):
            for device in self._installation.devices:
                if request.state in set(SwitchPosition) and self._installation.host_may_switch:
                    device.converter.switch = _POSITIONS[request.state]
                lowest, largest, _ = device.limits()
                device.converter.limit_a = min(max(self.memory.limit_a(largest), lowest), largest)
                device.panel_seen = True
        return AdapterStateSet().build()

    # F ---------------------------------------------------------------------------------------------------------------

    def _info(self, payload: bytes, now: float) -> Iterator[Reply]:
        if len(payload) < 3:
            return
        wanted = payload[2]
        if wanted <= InfoCommand.AC_INPUT_CONFIGURATION:
            slow = _SLOW_S if wanted == InfoCommand.AC_INPUT_CONFIGURATION else 0.0
            yield from self._by_bus(self._live(wanted), slow)
        elif wanted == InfoCommand.SNAPSHOT:
            device = self._selected()
            if device is not None:
                device.freeze(FreezeSnapshot.parse(payload).ids[:_LARGEST_SNAPSHOT])
        elif wanted == InfoCommand.IDENTITY and len(payload) > 3:
            found = self._installation.device_at(payload[3])
            used = sum(1 << device.spec.address for device in self._installation.devices)
            yield from self._by_bus(identity_info(found, used) if found else None)
        elif wanted == InfoCommand.RESET:
            self._reset(ResetDevice.parse(payload), now)
        elif wanted == InfoCommand.BATTERY_LIMITS:
            yield from self._by_bus(BatteryLimitsReply(rest=_LIMITS_FILL).build())

    def _live(self, wanted: int) -> bytes | None:
        """DC and input configuration of the system, or AC values of one phase."""
        devices = self._installation.devices
        if wanted == InfoCommand.DC:
            return dc_info(devices)
        if wanted == InfoCommand.AC_INPUT_CONFIGURATION:
            return CyclicFrames(self._installation.master).configuration()
        found = self._installation.device_of(wanted)
        return ac_info(found, len(devices)) if found else None

    def _by_source(self, payload: bytes) -> Iterator[Reply]:
        target = int.from_bytes(payload[1:5], "little")
        known = {0, 0xFFFFFFFF} | {device.spec.unique_number for device in self._installation.devices}
        if target in known and payload[5] <= InfoCommand.AC_INPUT_CONFIGURATION:
            yield from self._by_bus(self._live(payload[5]))

    def _reset(self, request: ResetDevice, now: float) -> None:
        number = request.number_high << 16 | request.number_low
        for device in self._installation.devices:
            if number in (0, device.spec.unique_number):
                device.reset(now)

    def _selected(self) -> Device | None:
        address = self.memory.address
        return self._installation.master if address is None else self._installation.device_at(address)


def bus_payload(payload: bytes, address: int) -> bytes | None:
    """What a frame of the host becomes on the bus, or None where that is not known.

    Winmon of the master, with one transaction id for each channel, and raw frames; F 0 to 5 as type 21.  Channels and F
    are inferred (vebus-rs485.md 6.2, 6.3); nothing is known of other addresses.
    """
    if payload[0] in _RAW_TYPES:
        return payload
    if payload[0] != _ADAPTER or len(payload) < 3:
        return None
    channel = _CHANNELS.find(payload[1])
    if channel >= 0 and address == 0:
        return bytes((0, _FIRST_TID + channel)) + payload[2:]
    if payload[1] == ord("F") and payload[2] <= InfoCommand.AC_INPUT_CONFIGURATION:
        return bytes((_INFO_REQUEST, 0, 0, 0, 0, payload[2]))
    return None


_POSITIONS: dict[int, SwitchPosition] = {position.value: position for position in SwitchPosition}
