"""Records of a large capture that a display filter might let pass, found without dissecting the others.

Which messages a frame holds is known for whole groups of frames; a filter that asks for a field of one message can
pass no frame of another.  What is left is dissected, and the filter itself decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from vebus_protocol.scaling import ScaleBook
from vebus_tools.bulk.stream import Batch, Group, batches, groups_of
from vebus_tools.bulk.times import SOURCES
from vebus_tools.bulk_text.history import History, Told
from vebus_tools.filters import Filter
from vebus_tools.generated import quick_dissect
from vebus_tools.glossary import names_of, names_of_messages
from vebus_tools.names import DEFAULT_NAMES, NameTable
from vebus_tools.nodes import Dissection
from vebus_tools.records import Record, Stamp
from vebus_tools.times import Timeline, Timing

__all__ = ["Candidates"]

_BATCH = 1 << 18


class Candidates:
    """Candidates of one RS485 stream that has no stamps; the first record is always among them."""

    def __init__(
        self,
        passes: Filter,
        *,
        book: ScaleBook | None = None,
        names: NameTable = DEFAULT_NAMES,
        seen: Callable[[Record], None] | None = None,
    ) -> None:
        """``book`` and ``names`` as for `dissections`; ``seen`` is told every record that is no good frame."""
        self._passes = passes
        self._names = names
        self._seen = seen
        self._history = History(book)
        self._timeline = Timeline()
        self._previous: Stamp | None = None
        self._wanted: dict[int, tuple[object, bool]] = {}

    @staticmethod
    def helps(passes: Filter) -> bool:
        """Whether the filter asks for a field of a message at all, so that some frames need not be looked at."""
        return not passes.may_pass(names_of_messages())

    def read(self, chunks: Iterable[bytes]) -> Iterator[tuple[Dissection, Timing, Timeline]]:
        """Candidates in their order, with the stamps that their times are measured against."""
        for batch in batches(chunks, _BATCH):
            if len(batch):
                yield from self._batch(batch)

    def _batch(self, batch: Batch) -> Iterator[tuple[Dissection, Timing, Timeline]]:
        groups = list(groups_of(batch))
        wanted = {id(group) for group in groups if self._may_pass(group)}
        if self._previous is None:  # the stamp of the first record is what all times are measured against
            wanted |= {id(group) for group in groups if len(group.rows) and group.rows[0] == 0}
        told = self._history.follow(batch, groups, lambda group: id(group) in wanted, gaps=False)
        rows = set(batch.others).union(*(group.rows.tolist() for group in groups if id(group) in wanted))
        for row in sorted(rows):
            heard = told.heard[row]
            if row in batch.others and self._seen is not None:
                self._seen(heard.record)
            before = _stamp(told, row - 1) if row else self._previous
            if before is not None:
                self._timeline.place(before)
            timing = self._timeline.place(heard.record.stamp)
            yield quick_dissect(heard.record, heard.context, self._names), timing, self._timeline
        self._previous = _stamp(told, len(batch) - 1)

    def _may_pass(self, group: Group) -> bool:
        """Whether a frame of the group might pass."""
        parts = group.parts
        if parts is None:
            return True
        known = self._wanted.get(id(parts))
        if known is None or known[0] is not parts:
            here: set[str] = set()
            for plan, _ in parts.plans:
                here |= names_of(plan.declared)  # type: ignore[arg-type]  # mypy asks the instances for a hash
            known = self._wanted[id(parts)] = parts, self._passes.may_pass(names_of_messages() - here)
        return known[1]


def _stamp(told: Told, row: int) -> Stamp:
    return Stamp(float(told.at[row]), SOURCES[told.source[row]])
