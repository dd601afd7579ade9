"""Which frames belong together, asked of `exchanges` for every message and every value that makes a difference."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from vebus_protocol.adapter import FreezeSnapshot
from vebus_protocol.registry import Placed
from vebus_protocol.schema import Direction, Field, Link, Message, Shape, Space
from vebus_protocol.winmon import (
    RamInfo,
    RamInfoMissing,
    RamInfoSplit,
    RamOffsetPiece,
    RamScalePiece,
    RamValues,
    ReadRam,
    ReadRamInfo,
    ReadSetting,
    ReadSettingInfo,
    RequestSnapshot,
    SettingInfo,
    SettingInfoMissing,
    SettingInfoSplit,
    SettingOffsetPiece,
    SettingScalePiece,
    UnknownWinmonReply,
    UnknownWinmonRequest,
    WinmonFrame,
)
from vebus_tools.exchanges import FIRST_REPLY, Exchange, answers, exchange_of
from vebus_tools.records import Record, Stamp, TimeSource
from vebus_tools.wireshark.literals import Literal, record, set_of

__all__ = ["exchange_facts", "winmon_codes"]

_ASKS: dict[type[Message], str] = {
    ReadRam: "ram",
    ReadSetting: "setting",
    ReadRamInfo: "ram_info",
    ReadSettingInfo: "setting_info",
    RequestSnapshot: "snapshot",
}
_TELLS: dict[type[Message], str] = {
    **dict.fromkeys((RamInfo, RamInfoSplit, SettingInfo, SettingInfoSplit), "all"),
    **dict.fromkeys((RamInfoMissing, SettingInfoMissing), "missing"),
    **dict.fromkeys((RamScalePiece, SettingScalePiece), "scale"),
    **dict.fromkeys((RamOffsetPiece, SettingOffsetPiece), "offset"),
}
_DIRECTIONS = {"to": Direction.TO_DEVICE, "from": Direction.FROM_DEVICE, "both": Direction.BOTH}
_STAMP = Stamp(0.0, TimeSource.LOG)
_TELLING = ("selector", "cmd")


def exchange_facts(one: type[Message]) -> dict[str, Literal]:
    """What a message asks, tells and answers, as items of its Lua table."""
    replies = frozenset(code for code in range(FIRST_REPLY, 0x100) if _is_answered_by(one, code))
    return record(
        asks=_ASKS.get(one),
        tells=_TELLS.get(one),
        tells_ram=one is RamValues,
        freezes=one is FreezeSnapshot,
        replies=set_of(replies) if one.INFO.replies else None,
        channels=_channels(one) if one.INFO.carries and one is not WinmonFrame else None,
        exchanges=_exchanges(one) or None,
    )


def winmon_codes() -> dict[int, Literal]:
    """Part that a winmon body plays, by its code."""
    carrier = WinmonFrame(tid=0)
    found: dict[int, Literal] = {}
    for code in range(0x100):
        body = UnknownWinmonReply(code=code) if code >= FIRST_REPLY else UnknownWinmonRequest(code=code)
        exchange = exchange_of(_record((carrier, body), Direction.BOTH))
        if exchange is not None:
            found[code] = _part(exchange)
    return found


def _is_answered_by(request: type[Message], code: int) -> bool:
    return answers(UnknownWinmonReply(code=code), _example(request))


def _channels(carrier: type[Message]) -> dict[int, Literal]:
    """The channel of each letter of a carrier."""
    found: dict[int, Literal] = {}
    for letter in sorted(carrier.INFO.match[1]):
        exchange = exchange_of(_record((_example(carrier, cmd=letter), UnknownWinmonReply(code=0xFF)), Direction.BOTH))
        if exchange is not None:
            found[letter] = str(exchange.key[-1])
    return found


def _exchanges(one: type[Message]) -> dict[str, Literal]:
    """Exchange of a message that is a chain of its own, for each direction and each value of its telling field."""
    if one.INFO.space in (Space.WINMON, Space.ENVELOPE):
        return {}
    found: dict[str, Literal] = {}
    for name, direction in _DIRECTIONS.items():
        told = dict(_told(one, direction))
        parts = {value: _part(exchange, keyed=True) for value, exchange in told.items()}
        if not parts:
            continue
        telling = _telling(one)
        found[name] = parts[None] if telling is None else record(field=telling.name, by=_numbered(parts))
    return found


def _numbered(parts: dict[int | None, Literal]) -> dict[int, Literal]:
    return {value: part for value, part in parts.items() if value is not None}


def _told(one: type[Message], direction: Direction) -> Iterator[tuple[int | None, Exchange]]:
    telling = _telling(one)
    for value in (None,) if telling is None else range(0x100):
        example = _example(one) if telling is None else _example(one, **{telling.name: value})
        exchange = exchange_of(_record((example,), direction))
        if exchange is not None:
            yield value, exchange


def _telling(one: type[Message]) -> Field | None:
    """The field whose value decides about the exchange, where the declaration leaves it open."""
    for name in _TELLING:
        for spec in one.FIELDS:
            if spec.name == name and spec.constant is None:
                return spec
    return None


def _part(exchange: Exchange, *, keyed: bool = False) -> Literal:
    return record(
        key=" ".join(map(str, exchange.key)) if keyed else None,
        role=exchange.role.value,
        expects=exchange.expects_reply,
        only_on_request=exchange.only_on_request,
    )


def _record(chain: tuple[Message, ...], direction: Direction) -> Record:
    placed = tuple(Placed(message, 0) for message in chain)
    return Record(
        number=0,
        stamp=_STAMP,
        link=Link.MK3,
        offset=0,
        wire=b"",
        frame=None,
        chain=placed,
        direction=direction,
    )


def _example(one: type[Message], **values: int | None) -> Message:
    """A message of this class with zeros where nothing is given."""
    given: dict[str, Any] = {}
    for spec in one.FIELDS:
        if spec.constant is not None or spec.layout is None:
            continue
        if spec.layout.shape is Shape.INTEGER:
            given[spec.name] = 0
        else:
            given[spec.name] = () if spec.layout.shape is Shape.LIST else bytes(spec.layout.size)
    return one(**{**given, **values})
