"""The GX device or MK3 on the simulated bus: learns the scales, then asks and sets in turn, and passes on requests.

Speaks right behind a sync frame (vebus-rs485.md 5, variant A), with the next frame number, as a real sender has to.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import count

from vebus_protocol.enums import BusSwitch, FrameKind, InfoRequestSelector, LongId, SenderId, SetChargeState
from vebus_protocol.info import InfoRequest
from vebus_protocol.schema import Message
from vebus_protocol.switch import SwitchCommand
from vebus_protocol.winmon import (
    ReadRam,
    ReadRamInfo,
    ReadSetting,
    ReadSettingInfo,
    RequestDeviceState,
    RequestVersionLow,
    WriteRam,
)
from vebus_tools.records import Transmission
from vebus_tools.simulator.installation import Installation
from vebus_tools.simulator.packing import WireEncoder, struct_of

__all__ = ["BusHost"]

_NEVER = float("inf")
_MOST_PASSED = 64
_GAP_S, _SLOT_S = 0.00004, 0.001
_LAST_NUMBER = 0x7F
_FIRST_TID, _TIDS = 0xE4, 4  # ids of Venus OS, presumably one for each channel of an MK3 (vebus-rs485.md 6.2)
_STARTING_EVERY = 4
_RAM_IDS, _SETTING_IDS = range(20), range(15)
_NO_EEPROM, _WORD = 0x02, 0xFFFF
_WRITE = struct_of(WriteRam)


class BusHost:
    """Sends a frame every few sync frames; ``next_at`` is the time in s of its next one."""

    def __init__(self, installation: Installation) -> None:
        """Silent when the scenario has no host."""
        self.next_at = _NEVER
        self._installation = installation
        self._spec = installation.scenario.host
        self._every = _STARTING_EVERY if self._spec.start_up else self._spec.every
        self._number = 0
        self._syncs = 0
        self._encoder = WireEncoder(SenderId.MK3, FrameKind.DATA)
        self._tids = count()
        self._starting = self._start_up() if self._spec.start_up else iter(())
        self._round = self._rounds()
        self._passed: deque[bytes] = deque(maxlen=_MOST_PASSED)

    def pass_on(self, payload: bytes) -> None:
        """Send the payload of somebody behind an adapter behind one of the next sync frames."""
        self._passed.append(payload)

    def on_wire(self, data: bytes, at: float) -> None:
        """Take the bytes of a frame whose end was at ``at`` seconds: number and kind are enough."""
        if len(data) < 7 or data[3] > _LAST_NUMBER:
            return
        self._number = data[3]
        if data[2] == FrameKind.SYNC:
            self._syncs += 1
            own_turn = self._spec.present and self._syncs % self._every == 2 % self._every
            if own_turn or self._passed:
                self.next_at = at + _GAP_S

    def poll(self, now: float) -> list[Transmission]:
        """The frame whose turn it is."""
        at, self.next_at = self.next_at, _NEVER
        if at > now:
            self.next_at = at
            return []
        payload = self._passed.popleft() if self._passed else self._own()
        self._number = (self._number + 1) & _LAST_NUMBER
        return [Transmission(earliest=at, latest=at + _SLOT_S, data=self._encoder(self._number, payload))]

    def _own(self) -> bytes:
        payload = next(self._starting, None)
        if payload is None:
            self._every = self._spec.every
            payload = next(self._round)
        return payload

    def _winmon(self, body: bytes) -> bytes:
        return bytes((0, _FIRST_TID + next(self._tids) % _TIDS)) + body

    def _start_up(self) -> Iterator[bytes]:
        yield SwitchCommand(position=BusSwitch.ON, zeros=bytes(3)).build()
        yield self._winmon(RequestVersionLow().build())
        yield InfoRequest(long_id=LongId.ANY, selector=InfoRequestSelector.BMS, extra=None).build()
        yield InfoRequest(long_id=LongId.ANY, selector=InfoRequestSelector.DMC, extra=None).build()
        bodies: list[Message] = [ReadRamInfo(id=variable, id_high=0) for variable in _RAM_IDS]
        bodies += [ReadRam(ids=(variable,)) for variable in sorted(self._installation.master.ram.words)]
        bodies += [ReadSettingInfo(id=setting, id_high=0) for setting in _SETTING_IDS]
        bodies += [ReadSetting(id=setting, id_high=0) for setting in _SETTING_IDS[:13]]
        for body in bodies:
            yield self._winmon(body.build())

    def _rounds(self) -> Iterator[bytes]:
        """Infos and powers in each round, one of the rarer questions behind them."""
        dc = InfoRequest(long_id=0, selector=InfoRequestSelector.DC, extra=None).build()
        ac = InfoRequest(long_id=0, selector=InfoRequestSelector.AC_L1, extra=0).build()
        powers, battery = ReadRam(ids=(14, 15, 16)).build(), ReadRam(ids=(4, 5, 13)).build()
        extras = [
            RequestDeviceState(action=SetChargeState.ASK, state=0).build(),
            ReadRam(ids=(0, 1, 2, 3)).build(),
            ReadRam(ids=(7, 8, 9)).build(),
            RequestVersionLow().build(),
            ReadRam(ids=(6, 11, 12)).build(),
            ReadRam(ids=(17, 18, 19)).build(),
            ReadSetting(id=6, id_high=0).build(),
        ]
        for number in count():
            yield dc
            yield ac
            yield self._winmon(powers)
            yield from self._set_point()
            yield self._winmon(battery)
            yield self._winmon(extras[number % len(extras)])

    def _set_point(self) -> Iterator[bytes]:
        watts = self._installation.host_set_point_w
        variable = self._installation.master.ram.set_point_id
        if watts is not None and variable is not None:
            yield self._winmon(_WRITE.pack(0x37, _NO_EEPROM, variable, round(watts) & _WORD))
