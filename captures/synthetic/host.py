"""What the host behind the MK3 sends: a start-up that learns all scales, then a round of questions and set points."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, count

from captures.synthetic.device import SETPOINT_RAM, Winmon
from vebus_protocol.enums import BusSwitch, InfoRequestSelector, LongId, SetChargeState
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
    WriteSetting,
)

__all__ = ["Host"]

_STATE, _SNAPSHOT, _ESS, _READ = 0xE4, 0xE5, 0xE6, 0xE7  # ids of Venus OS (vebus-rs485.md 6.2)
_FREE_TID = 0x80  # the question about id n has transaction id 80 + n, as in the captures of one project
_RAM_IDS = range(17)
_SETTING_IDS = range(15)
_KNOWN_SETTINGS = (2, 3, 4, 5, 6, 10, 11)
_NO_EEPROM = 0x02
_SETTING_IN_RAM = 0x03
_STARTING_EVERY, _EVERY = 4, 8  # cycles between two frames of the host

_SETPOINTS_W = ((0.0, -1200), (18.0, -900), (44.0, -1500), (55.0, 200))  # from s on; positive = feed into the mains
_EVENTS_S: tuple[tuple[float, Message | Winmon], ...] = (
    (21.0, Winmon(tid=0x90, body=WriteSetting(flags=_SETTING_IN_RAM, id=6, value=250))),
    (50.0, SwitchCommand(position=BusSwitch.CHARGER_ONLY, zeros=bytes(3))),
    (54.0, SwitchCommand(position=BusSwitch.ON, zeros=bytes(3))),
)
_EXTRAS: tuple[Winmon, ...] = (  # one a round
    Winmon(tid=_STATE, body=RequestDeviceState(action=SetChargeState.ASK, state=0)),
    Winmon(tid=_READ, body=ReadRam(ids=(0, 1, 2, 3))),
    Winmon(tid=_READ, body=ReadRam(ids=(7, 8, 9))),
    Winmon(tid=_READ, body=ReadRam(ids=(SETPOINT_RAM,))),
    Winmon(tid=_READ, body=ReadRam(ids=(6, 11, 12))),
    Winmon(tid=_FREE_TID + 6, body=ReadSetting(id=6, id_high=0)),
)


class Host:
    """Gives one frame at a time; never two within the time that an answer takes."""

    def __init__(self) -> None:
        """Begin with the start-up."""
        self._starting = _start_up()
        self._turns = count()
        self._events = list(_EVENTS_S)
        self._every = _STARTING_EVERY

    def request(self, number: int, at_s: float) -> Message | Winmon | None:
        """The frame for the cycle with this number, if it is the host's turn."""
        if number % self._every != 2:
            return None
        if self._events and at_s >= self._events[0][0]:
            return self._events.pop(0)[1]
        request = next(self._starting, None)
        if request is not None:
            return request
        self._every = _EVERY
        return self._in_turn(next(self._turns), at_s)

    @staticmethod
    def _in_turn(turn: int, at_s: float) -> Message | Winmon:
        number, place = divmod(turn, 6)
        in_round = (
            _dc(),
            _ac(),
            Winmon(tid=_SNAPSHOT, body=ReadRam(ids=(14, 15, 16))),
            _setpoint(at_s),
            Winmon(tid=_READ, body=ReadRam(ids=(4, 5, 13))),
            _EXTRAS[number % len(_EXTRAS)],
        )
        return in_round[place]


def _start_up() -> Iterator[Message | Winmon]:
    yield SwitchCommand(position=BusSwitch.ON, zeros=bytes(3))
    yield Winmon(tid=_FREE_TID, body=RequestVersionLow())
    yield InfoRequest(long_id=LongId.ANY, selector=InfoRequestSelector.BMS, extra=None)
    yield InfoRequest(long_id=LongId.ANY, selector=InfoRequestSelector.DMC, extra=None)
    rest = chain(
        (Winmon(tid=_FREE_TID + n, body=ReadRamInfo(id=n, id_high=0)) for n in _RAM_IDS),
        (Winmon(tid=_READ, body=ReadRam(ids=(n,))) for n in range(128, SETPOINT_RAM + 1)),
        (Winmon(tid=_FREE_TID + n, body=ReadSettingInfo(id=n, id_high=0)) for n in _SETTING_IDS),
        (Winmon(tid=_FREE_TID + n, body=ReadSetting(id=n, id_high=0)) for n in _KNOWN_SETTINGS),
    )
    for number, request in enumerate(rest):
        if number % 4 == 0:
            yield _dc() if number % 8 else _ac()
        yield request


def _dc() -> InfoRequest:
    return InfoRequest(long_id=0, selector=InfoRequestSelector.DC, extra=None)


def _ac() -> InfoRequest:
    return InfoRequest(long_id=0, selector=InfoRequestSelector.AC_L1, extra=0)


def _setpoint(at_s: float) -> Winmon:
    watts = [watts for start, watts in _SETPOINTS_W if at_s >= start][-1]
    return Winmon(tid=_ESS, body=WriteRam(flags=_NO_EEPROM, id=SETPOINT_RAM, value=watts & 0xFFFF))
