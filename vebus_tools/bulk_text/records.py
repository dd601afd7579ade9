"""Whole records of a large capture in any form, written field by field over many frames instead of frame by frame.

What the sink prints of a record is cut where its numbers stand; each piece between is made once for all frames that
share it.  Records that are damaged, or whose frame numbers do not follow, are printed one by one by the sink.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import repeat

import numpy as np

from vebus_protocol.scaling import ScaleBook
from vebus_tools.bulk.stream import Batch, Group, batches, groups_of
from vebus_tools.bulk_text.cells import Texts
from vebus_tools.bulk_text.envelope import Envelope, Times
from vebus_tools.bulk_text.forms import RecordForm
from vebus_tools.bulk_text.history import Heard, History, Portion
from vebus_tools.bulk_text.kinds import Kind, kind_of
from vebus_tools.dissection import dissect
from vebus_tools.generated import quick_dissect
from vebus_tools.names import DEFAULT_NAMES, NameTable
from vebus_tools.nodes import Dissection

__all__ = ["WholeRecords"]

_BATCH = 1 << 16
"""Bytes at a time: a record may print as a hundred times its size."""


class WholeRecords:
    """Records of one RS485 stream that has no stamps."""

    def __init__(
        self,
        form: RecordForm,
        *,
        book: ScaleBook | None = None,
        names: NameTable = DEFAULT_NAMES,
        seen: Callable[[Dissection], None] | None = None,
    ) -> None:
        """``book`` and ``names`` as for `dissections`; ``seen`` is told every record that is no good frame."""
        self._form = form
        self._names = names
        self._seen = seen
        self._history = History(book)
        self._envelope = Envelope(form, names)
        self._kinds: dict[object, tuple[object, Kind | None]] = {}
        self._first: float | None = None
        self._previous = 0.0

    def write(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Text in UTF-8, many records at a time."""
        for batch in batches(chunks, _BATCH):
            if len(batch):
                yield self._text(batch).encode()

    def _text(self, batch: Batch) -> str:
        groups = list(groups_of(batch))
        kinds = [self._kind(group) for group in groups]
        alone = {id(group) for group, kind in zip(groups, kinds, strict=True) if kind is None}
        told = self._history.follow(batch, groups, lambda group: id(group) in alone)
        if self._first is None:
            self._first = self._previous = float(told.at[0])
        times = Times(told, self._first, self._previous)
        self._previous = float(told.at[-1])
        found = np.empty(len(batch), dtype=object)
        for group, kind in zip(groups, kinds, strict=True):
            if kind is not None:
                for portion in kind.portions(batch, group, told):
                    found[portion.rows] = self._rows(kind, portion, times)
        for row in [row for row, text in enumerate(found.tolist()) if text is None]:
            found[row] = self._form.record(self._dissected(told.heard[row]), times.timing(row))
        for row in batch.others:
            if self._seen is not None:
                self._seen(quick_dissect(told.heard[row].record, told.heard[row].context, self._names))
        return "".join(found.tolist())

    def _dissected(self, heard: Heard) -> Dissection:
        return dissect(heard.record, heard.context, self._names)

    def _kind(self, group: Group) -> Kind | None:
        """What all frames of a group have in common; None where each is printed for itself."""
        if group.parts is None:
            return None
        key = group.space, len(group.planes), id(group.parts)
        known = self._kinds.get(key)
        if known is None or known[0] is not group.parts:
            known = self._kinds[key] = group.parts, kind_of(group, self._form, self._names)
        return known[1]

    def _rows(self, kind: Kind, portion: Portion, times: Times) -> list[str]:
        """Texts of some frames of a group."""
        envelope = self._envelope
        front, behind = envelope.frame(kind.protocols, portion, times)
        history: Texts = ""
        if kind.exchanged:
            history = [envelope.links(heard.context) for heard in portion.heard()]
        elif kind.is_sync:
            history = envelope.intervals(portion.told.interval_s[portion.rows].tolist())
        inside = list(kind.cells(portion)) if kind.is_inline else []
        columns = _Columns(len(portion.own))
        columns.add(front)
        columns.add(envelope.outer(portion, inside, history))
        columns.add((kind.closed(portion), behind[0]))
        if not kind.is_inline:
            columns.add(kind.inner(portion))
            columns.add((behind[1],))
        return columns.joined()


class _Columns:
    """Texts side by side: one for each row, or one for all."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._columns: list[Texts] = []

    def add(self, columns: Iterable[Texts]) -> None:
        """Add some on the right; what is the same in all rows goes together."""
        for column in columns:
            if isinstance(column, str) and self._columns and isinstance(self._columns[-1], str):
                self._columns[-1] += column
            else:
                self._columns.append(column)

    def joined(self) -> list[str]:
        """The text of each row."""
        columns = [repeat(column, self._count) if isinstance(column, str) else column for column in self._columns]
        return list(map("".join, zip(*columns, strict=False)))
