"""What statistics count, found in megabytes of a raw RS485 stream at once: the same records, kinds and times.

Frames, checksums and times come from the columnar engine; the kind of a frame is judged by the reference, once for all
frames of one sender that agree in every byte that tells messages apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from vebus_protocol.frame import dissect_frame
from vebus_protocol.schema import Link
from vebus_tools.bulk.framing import Ints
from vebus_tools.bulk.stream import Batch, Group, batches, groups_of
from vebus_tools.bulk.times import Clock, Floats
from vebus_tools.decoder import findings_of
from vebus_tools.framing import Piece
from vebus_tools.generated import quick_chain
from vebus_tools.records import Record, Stamp, TimeSource
from vebus_tools.statistics.gathering import Gathering
from vebus_tools.statistics.seen import NO_SENDER, Kind, Kinds, Seen, is_good

__all__ = ["count_stream"]

_EXACT_S = float(1 << 22)  # as in `vebus_tools.times.nanoseconds`
_NUMBER = 3


def count_stream(chunks: Iterable[bytes], gathering: Gathering, other: Callable[[Record], None]) -> None:
    """Feed taps that look at nothing but what is seen; ``other`` is told every record that is no good frame.

    ``chunks`` are one stream without stamps.
    """
    clock = Clock()
    for batch in batches(chunks):
        if len(batch):
            gathering.take_seen(_seen(batch, clock, gathering, other))


def _seen(batch: Batch, clock: Clock, gathering: Gathering, other: Callable[[Record], None]) -> Iterator[Seen]:
    groups = list(groups_of(batch))
    times, _ = clock.stamps(batch, groups)
    others = {row: _record(batch, row, piece, times) for row, piece in batch.others.items()}
    for record in others.values():
        other(record)
    sender, number = (np.full(len(batch), NO_SENDER, dtype=np.int64) for _ in range(2))
    for group in groups:
        sender[group.rows] = group.planes[0].astype(np.int64) << 8 | group.planes[1]
        number[group.rows] = group.planes[_NUMBER]
    found, kind = _kinds(batch, groups, others, sender, times, gathering.kinds)
    good = np.ones(len(batch), dtype=np.bool_)
    for row, record in others.items():
        good[row] = is_good(record)
        sender[row], number[row] = getattr(record.frame, "sender", -1), getattr(record.frame, "number", -1)
    columns: tuple[list[Any], ...] = (
        _nanoseconds(times).tolist(),
        batch.size.tolist(),
        [found[at] for at in kind.tolist()],
        sender.tolist(),
        number.tolist(),
        good.tolist(),
    )
    return map(gathering.lines.place, *columns)


def _nanoseconds(times: Floats) -> Ints:
    exact = np.rint(times * 1e9)
    whole: Ints = np.where(np.abs(times) < _EXACT_S, exact, np.rint(times * 1e6) * 1000).astype(np.int64)
    return whole


def _kinds(  # noqa: PLR0917  (the facts of one batch)
    batch: Batch,
    groups: list[Group],
    others: dict[int, Record],
    sender: Ints,
    times: Floats,
    kinds: Kinds,
) -> tuple[list[Kind], Ints]:
    """All kinds of a batch, and for each record the index of its kind; kinds are met in the order of the records."""
    met: list[tuple[int, Ints, Record | None]] = [(row, np.array([row]), record) for row, record in others.items()]
    for group in groups:
        own = sender[group.rows]
        for one in np.unique(own).tolist():
            rows = group.rows[own == one]
            met.append((int(rows[0]), rows, None))
    at = np.zeros(len(batch), dtype=np.int64)
    found: list[Kind] = []
    for row, rows, record in sorted(met, key=lambda one: one[0]):
        at[rows] = len(found)
        found.append(kinds.of(_good_record(batch, row, times) if record is None else record))
    return found, at


def _good_record(batch: Batch, row: int, times: Floats) -> Record:
    start = int(batch.offset[row]) - batch.base
    wire = batch.data[start : start + int(batch.size[row])].tobytes()
    return _record(batch, row, Piece(int(batch.offset[row]), wire, dissect_frame(wire)), times)


def _record(batch: Batch, row: int, piece: Piece, times: Floats) -> Record:
    chain = quick_chain(piece.frame)
    return Record(
        number=batch.first + row,
        stamp=Stamp(float(times[row]), TimeSource.BYTES),
        link=Link.RS485,
        offset=piece.offset,
        wire=piece.data,
        frame=piece.frame,
        chain=chain,
        findings=tuple(findings_of(piece, chain)),
        reason=piece.reason,
    )
