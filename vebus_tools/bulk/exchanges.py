"""Which winmon request a reply on the bus answers, for whole batches: the decisions of `Session`, without its records.

A group shares its message and its code, so that what part it plays is looked up once; what is left for each frame is
one step in a table of the requests that are open.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from vebus_protocol.frame import HEADER_SIZE
from vebus_protocol.schema import Link, Message, Space
from vebus_protocol.variables import ASSISTANT_MEMORY
from vebus_protocol.winmon import ReadRam, ReadRamInfo, ReadSetting, ReadSettingInfo, WinmonFrame
from vebus_tools.bulk.framing import Mask
from vebus_tools.bulk.stream import Batch, Group
from vebus_tools.bulk.times import Floats
from vebus_tools.exchanges import Role, answers, exchange_of
from vebus_tools.generated import chain_by, readers_of
from vebus_tools.records import Record, Stamp, TimeSource
from vebus_tools.session import REPLY_WINDOW_S, Context

__all__ = ["ContextTable", "Exchanges", "asks_for_assistants"]

_TID = HEADER_SIZE + 1


@dataclass(frozen=True, slots=True)
class _Side:
    """What all frames of a group, or one single frame, are in an exchange; ``message`` is one of them."""

    role: Role
    message: Message


@dataclass(slots=True)
class _Open:
    """The last request of an id."""

    number: int
    at: float
    side: _Side
    payload: bytes
    answered: bool = False


@dataclass(frozen=True, slots=True)
class _Told:
    response_to: int
    response_time_s: float
    asked: bytes


class ContextTable(Mapping[int, Context]):
    """Contexts of the records of a batch, made when somebody asks; ``scales`` are known from a record index on."""

    def __init__(self, told: Mapping[int, _Told], scales: list[tuple[int, Context]]) -> None:
        """``scales`` ascend and begin at 0."""
        self._told = told
        self._firsts = [row for row, _ in scales]
        self._scales = [context for _, context in scales]

    def __getitem__(self, row: int) -> Context:
        """What is known of one record; every index has something."""
        known = self._scales[-1]
        if len(self._scales) > 1:
            known = self._scales[int(np.searchsorted(self._firsts, row, side="right")) - 1]
        told = self._told.get(row)
        if told is None:
            return known
        ids, setting = _asked(told.asked)
        return Context(
            book=known.book,
            assistants=known.assistants,
            response_to=told.response_to,
            response_time_s=told.response_time_s,
            ram_ids=ids,
            setting_id=setting,
        )

    def __iter__(self) -> Iterator[int]:
        """Records that answer a request."""
        return iter(self._told)

    def __len__(self) -> int:
        """How many records answer a request."""
        return len(self._told)


_ASKED: dict[bytes, tuple[tuple[int, ...], int | None]] = {}
_MOST = 1 << 14


def _asked(payload: bytes) -> tuple[tuple[int, ...], int | None]:
    """RAM variables and setting that a request asks for."""
    found = _ASKED.get(payload)
    if found is None:
        if len(_ASKED) >= _MOST:
            _ASKED.clear()
        readers = readers_of(Space.PAYLOAD, payload, Link.RS485) or ()
        message = chain_by(readers, payload, HEADER_SIZE)[-1].message if readers else None
        ids = message.ids if isinstance(message, ReadRam) else ()
        if isinstance(message, ReadRamInfo):
            ids = (message.id,)
        setting = message.id if isinstance(message, ReadSetting | ReadSettingInfo) else None
        found = _ASKED[payload] = ids, setting
    return found


def asks_for_assistants(group: Group) -> Mask:
    """Which requests of a group read RAM where assistants have their records."""
    if group.parts is None or group.parts.last.declared is not ReadRam:
        return np.zeros(len(group.rows), dtype=np.bool_)
    start = group.parts.plans[-1][1] + HEADER_SIZE + 1
    return np.asarray((group.planes[start:-2] >= ASSISTANT_MEMORY).any(axis=0))


class Exchanges:
    """Follows the exchanges of one stream."""

    def __init__(self) -> None:
        """No request is open."""
        self._open: dict[int, _Open] = {}
        self._fits: dict[tuple[int, type[Message]], bool] = {}

    def told(self, batch: Batch, winmon: list[Group], singles: Mapping[int, Record], times: Floats) -> dict[int, _Told]:
        """Requests of the replies in a batch; ``singles`` are records that stand in no group (index -> record)."""
        found: dict[int, _Told] = {}
        for row, tid, side, payload in sorted(_steps(winmon, singles), key=lambda step: step[0]):
            at, number = float(times[row]), batch.first + row
            if side.role is Role.REQUEST:
                self._open[tid] = _Open(number, at, side, payload)
                continue
            asked = self._open.get(tid)
            if asked is None or not self._fit(side, asked.side) or at - asked.at > REPLY_WINDOW_S:
                continue
            if asked.answered and side.role is not Role.CONTINUATION:
                continue
            asked.answered = True
            found[row] = _Told(asked.number, at - asked.at, asked.payload)
        return found

    def _fit(self, reply: _Side, request: _Side) -> bool:
        key = getattr(reply.message, "code", -1), type(request.message)
        known = self._fits.get(key)
        if known is None:
            known = self._fits[key] = answers(reply.message, request.message)
        return known


def _steps(winmon: Iterable[Group], singles: Mapping[int, Record]) -> Iterator[tuple[int, int, _Side, bytes]]:
    """Record index, id, part and payload of everything that is request or reply."""
    for group in winmon:
        side = _side_of(group)
        if side is None:
            continue
        rows, tids = group.rows.tolist(), group.planes[_TID].tolist()
        if side.role is not Role.REQUEST:
            yield from ((row, tid, side, b"") for row, tid in zip(rows, tids, strict=True))
            continue
        size = len(group.planes) - HEADER_SIZE - 2
        payloads = group.planes[HEADER_SIZE:-2].T.tobytes()
        for at, (row, tid) in enumerate(zip(rows, tids, strict=True)):
            yield row, tid, side, payloads[at * size : at * size + size]
    for row, record in singles.items():
        first = record.chain[0].message if len(record.chain) > 1 else None
        exchange = exchange_of(record) if isinstance(first, WinmonFrame) else None
        if exchange is not None and isinstance(first, WinmonFrame):
            yield row, first.tid, _Side(exchange.role, record.chain[-1].message), first.build()


def _side_of(group: Group) -> _Side | None:
    payload = group.payload(0)
    readers = readers_of(Space.PAYLOAD, payload, Link.RS485)
    if readers is None:
        return None
    chain = chain_by(readers, payload, HEADER_SIZE)
    record = Record(
        number=1, stamp=Stamp(0.0, TimeSource.START), link=Link.RS485, offset=0, wire=b"", frame=None, chain=chain
    )
    exchange = exchange_of(record)
    return None if exchange is None else _Side(exchange.role, chain[-1].message)
