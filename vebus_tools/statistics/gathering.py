"""Several statistics over one stream of records: each record goes to all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from vebus_protocol.scaling import ScaleBook
from vebus_tools.dissection import dissect as reference_dissect
from vebus_tools.names import DEFAULT_NAMES, NameTable
from vebus_tools.records import Record
from vebus_tools.session import Context, Session
from vebus_tools.statistics.seen import Kinds, Lines, Seen
from vebus_tools.statistics.tables import Table
from vebus_tools.statistics.tap import Detail, Ending, Tap
from vebus_tools.times import Timeline

if TYPE_CHECKING:
    from vebus_tools.filters import Filter
    from vebus_tools.nodes import Dissection

__all__ = ["Dissect", "Gathering"]

Dissect = Callable[[Record, Context, NameTable], "Dissection"]


class Gathering:
    """Feeds taps with the records of a capture, all of them and in their order."""

    def __init__(
        self,
        taps: Iterable[Tap],
        *,
        names: NameTable = DEFAULT_NAMES,
        book: ScaleBook | None = None,
        passes: Filter | None = None,
        dissect: Dissect = reference_dissect,
    ) -> None:
        """``passes`` says which records count; the others still tell what is missing in front of one that counts.

        ``names`` and ``book`` as for `dissections`; ``dissect`` takes a record apart where a tap looks into it.
        """
        self.taps = tuple(taps)
        self.kinds = Kinds(names)
        self.lines = Lines()
        self._names = names
        self._passes = passes
        self._dissect = dissect
        self._session = Session(book=book)
        self._timeline = Timeline()
        self._estimated = False

    @property
    def look(self) -> bool:
        """Whether anything here looks at more than what was `Seen`."""
        return self._passes is not None or any(tap.look for tap in self.taps)

    def take(self, record: Record, dissection: Dissection | None = None) -> None:
        """Count the next record; ``dissection`` where there is one already."""
        context = self._session.observe(record)
        seen = self.lines.seen(record, self.kinds.of(record, context))
        self._estimated = self._estimated or record.stamp.source.estimated
        timing = self._timeline.place(record.stamp)
        detail = Detail(
            record, context, dissect=self._apart, made=dissection, first=timing.first, previous=timing.previous
        )
        if detail.passes(self._passes):
            for tap in self.taps:
                tap.take(seen, detail)

    def _apart(self, record: Record, context: Context) -> Dissection:
        return self._dissect(record, context, self._names)

    def take_seen(self, several: Iterable[Seen]) -> None:
        """Count the next records of a stream without a clock, of which nobody wants to know more."""
        self._estimated = True
        takes = [tap.take for tap in self.taps]
        for seen in several:
            for take in takes:
                take(seen, None)

    def tables(self) -> tuple[tuple[Table, ...], ...]:
        """The tables of each tap, in the order of the taps."""
        ending = Ending(duration_ns=self.lines.last_ns, estimated=self._estimated)
        return tuple(tap.tables(ending) for tap in self.taps)
