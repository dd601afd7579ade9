"""What a statistic hands over: tables of plain values, with what their columns mean.  Renderers do the rest."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

__all__ = ["Cell", "Column", "ExpertTable", "Hierarchy", "IntervalItem", "IntervalTable", "Table"]

Cell = int | float | str | tuple[int, ...] | None
"""A value of a table; None where there is none, a tuple for a histogram."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column: ``key`` for programs, ``title`` for people, unit and decimals of its numbers.

    ``bars`` says that the cells are histograms.
    """

    key: str
    title: str
    unit: str = ""
    decimals: int = 0
    bars: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows of cells below columns; ``notes`` are sentences that say what the numbers rest on."""

    title: str
    columns: tuple[Column, ...]
    rows: Iterable[tuple[Cell, ...]]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class IntervalItem:
    """One filter of ``io,stat``: ``function`` is empty for frames and bytes, ``width`` counts its cells in a row."""

    text: str
    function: str = ""
    decimal: bool = False

    @property
    def width(self) -> int:
        """How many cells of a row it fills."""
        return 1 if self.function else 2


@dataclass(frozen=True, slots=True, kw_only=True)
class IntervalTable(Table):
    """The table of ``io,stat``: rows begin with start and end of an interval in seconds, then the cells of the items.

    ``decimals`` are those of the interval.
    """

    duration_ns: int
    interval_ns: int
    decimals: int
    items: tuple[IntervalItem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hierarchy(Table):
    """The table of ``io,phs``: rows are depth, protocol, frames, bytes; ``filter_text`` says what was counted."""

    filter_text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpertTable(Table):
    """The tables of ``expert``: rows are severity, frequency, group, protocol, summary; the worst severity first."""

    totals: tuple[tuple[str, int], ...] = field(default=())
