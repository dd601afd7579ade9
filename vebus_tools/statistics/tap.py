"""The shape of a statistic: it takes records one by one and hands over tables in the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from vebus_protocol.errors import VEBusError
from vebus_tools.names import DEFAULT_NAMES, NameTable
from vebus_tools.records import Finding, Record, Stamp
from vebus_tools.session import Context
from vebus_tools.statistics.seen import Seen
from vebus_tools.statistics.tables import Table

if TYPE_CHECKING:
    from vebus_tools.filters import Filter
    from vebus_tools.nodes import Dissection

__all__ = ["ESTIMATED", "Detail", "Ending", "Setting", "StatisticsError", "Tap", "estimated_notes"]

ESTIMATED = "The capture has no clock: times are estimated from byte positions, sync frames and counters."


class StatisticsError(VEBusError):
    """A statistic that does not exist, or wrong arguments for one; the text says what would be right."""


class Detail:
    """A record with all that is known of it; it is only taken apart when a statistic looks into it."""

    __slots__ = ("_dissect", "_made", "context", "first", "previous", "record")

    def __init__(
        self,
        record: Record,
        context: Context,
        *,
        dissect: Callable[[Record, Context], Dissection],
        made: Dissection | None = None,
        first: Stamp | None = None,
        previous: Stamp | None = None,
    ) -> None:
        """``made`` is the dissection where there is one already; ``first`` and ``previous`` as for `Filter`."""
        self.record = record
        self.context = context
        self.first = first or record.stamp
        self.previous = previous
        self._dissect = dissect
        self._made = made

    @property
    def dissection(self) -> Dissection:
        """The record taken apart."""
        if self._made is None:
            self._made = self._dissect(self.record, self.context)
        return self._made

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What there is to tell about the record."""
        if self._made is not None:
            return self._made.findings
        return (*self.record.findings, *self.context.findings)

    def passes(self, test: Filter | None) -> bool:
        """Whether it passes a filter; None lets everything pass."""
        return test is None or test(self.dissection, first=self.first, previous=self.previous)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What is only known in the end: how long the capture lasted, and whether any time was estimated."""

    duration_ns: int
    estimated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What taps are made with: names of senders, and the compiler of filters (raises StatisticsError)."""

    compile: Callable[[str], Filter]
    names: NameTable = DEFAULT_NAMES


class Tap(Protocol):
    """One statistic.

    ``look`` says that it looks at details; those of a tap that does not may be None.
    """

    look: bool

    def take(self, seen: Seen, detail: Detail | None) -> None:
        """Count one record."""

    def tables(self, ending: Ending) -> tuple[Table, ...]:
        """What was counted."""


def estimated_notes(ending: Ending) -> tuple[str, ...]:
    """The note that belongs below a table with times, where they are estimated."""
    return (ESTIMATED,) if ending.estimated else ()
