"""``io,stat``: frames and bytes in intervals of time, or what a function makes of the values of a field."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

from vebus_tools import glossary
from vebus_tools.filter_values import Moment, collect
from vebus_tools.frame_fields import RECORD_FIELDS
from vebus_tools.nodes import Value
from vebus_tools.statistics.seen import Seen
from vebus_tools.statistics.tables import Cell, Column, IntervalItem, IntervalTable
from vebus_tools.statistics.tap import Detail, Ending, Setting, StatisticsError, estimated_notes
from vebus_tools.times import Timing

if TYPE_CHECKING:
    from vebus_tools.filters import Filter

__all__ = ["MAX_INTERVALS", "IntervalStatistics", "interval_ns_of"]

MAX_INTERVALS = 1_000_000
"""More rows than this are not printed: what is later stands in a note."""

_ITEM = re.compile(r"\s*([A-Za-z]+)\s*\(([^()]*)\)(.*)", re.DOTALL)
_FUNCTIONS = ("FRAMES", "BYTES", "COUNT", "SUM", "MIN", "MAX", "AVG")
_WITHOUT_FIELD = ("FRAMES", "BYTES")
_DECIMAL_TYPES = ("FT_DOUBLE", "FT_RELATIVE_TIME")
_MICROSECOND = 1_000
_SECOND = 1_000_000_000
_SHORT_NS, _SHORT_DECIMALS, _LONG_DECIMALS = 10 * _SECOND, 3, 1


@dataclass(slots=True)
class _Sum:
    """What one item has counted in one interval."""

    frames: int = 0
    bytes: int = 0
    values: int = 0
    total: float = 0
    least: float | None = None
    most: float | None = None

    def add(self, value: float) -> None:
        """Count a value of the field."""
        self.values += 1
        self.total += value
        self.least = value if self.least is None or value < self.least else self.least
        self.most = value if self.most is None or value > self.most else self.most


_CELLS: dict[str, Callable[[_Sum], Cell]] = {
    "FRAMES": lambda found: found.frames,
    "BYTES": lambda found: found.bytes,
    "COUNT": lambda found: found.values,
    "SUM": lambda found: found.total,
    "MIN": lambda found: found.least,
    "MAX": lambda found: found.most,
    "AVG": lambda found: found.total / found.values if found.values else None,
}


class _Item:
    """One filter, with a function and a field where it has them."""

    def __init__(self, text: str, setting: Setting) -> None:
        match = _ITEM.fullmatch(text)
        self.field, rest, function = "", text, ""
        if text in _WITHOUT_FIELD:
            function, rest = text, ""
        elif match is not None:
            function, rest = match[1].upper(), match[3]
            self.field = _field_of(function, match[2].strip(), text)
        self.shown = IntervalItem(text=text, function=function, decimal=_is_decimal(function, self.field))
        self.test: Filter | None = setting.compile(rest) if rest.strip() else None

    def count(self, found: _Sum, seen: Seen, detail: Detail | None) -> None:
        """Count a record, if it passes."""
        if detail is not None and not detail.passes(self.test):
            return
        found.frames += 1
        found.bytes += seen.size
        if self.field and detail is not None:
            timing = Timing(first=detail.first, previous=detail.previous)
            moment = Moment(dissection=detail.dissection, timing=timing)
            for item in collect(moment, (self.field,))[self.field]:
                self._value(found, item.value)

    def _value(self, found: _Sum, value: Value) -> None:
        if self.shown.function == "COUNT":
            found.values += 1
        elif isinstance(value, int | float):
            found.add(value)

    def cells(self, found: _Sum) -> tuple[Cell, ...]:
        """The cells of a row."""
        return (_CELLS[self.shown.function](found),) if self.shown.function else (found.frames, found.bytes)

    def columns(self, place: int) -> tuple[Column, ...]:
        """The columns of these cells."""
        names = (self.shown.function.lower(),) if self.shown.function else ("frames", "bytes")
        return tuple(Column(key=f"{place}.{name}", title=name.capitalize()) for name in names)


def _field_of(function: str, name: str, text: str) -> str:
    if function not in _FUNCTIONS:
        near = get_close_matches(function, _FUNCTIONS, n=1)
        advice = f"the nearest is {near[0]}" if near else f"there are {', '.join(_FUNCTIONS)}"
        raise StatisticsError(f"{text}: no function {function}, {advice}")
    if function in _WITHOUT_FIELD:
        if name:
            raise StatisticsError(f"{text}: {function}() takes no field")
        return ""
    kinds = glossary.known_fields()
    if name not in kinds:
        near = get_close_matches(name, sorted(kinds), n=1)
        advice = f", the nearest is {near[0]}" if near else "; vebus decode -G fields lists them"
        raise StatisticsError(f"{text}: no field {name or 'between the parentheses'}{advice}")
    if function != "COUNT" and kinds[name] not in ("number", "boolean"):
        raise StatisticsError(f"{text}: {name} is {kinds[name]}, {function} needs a number; COUNT works with any field")
    return name


def _is_decimal(function: str, name: str) -> bool:
    entry = glossary.entries().get(name) or RECORD_FIELDS.get(name) if name else None
    return entry is not None and entry.ftype in _DECIMAL_TYPES and function != "COUNT"


def interval_ns_of(text: str, what: str) -> int:
    """Nanoseconds of an interval in seconds; 0 for 0 and below, which means the whole capture.

    Raises StatisticsError.
    """
    try:
        seconds = float(text)
    except ValueError:
        seconds = float("nan")
    if not abs(seconds) < 1e9:
        raise StatisticsError(f"{what}: {text or 'nothing'} is no interval; write seconds, such as 1 or 0.02")
    if 0 < seconds < 1e-6:
        raise StatisticsError(f"{what}: {text} s is too short, the shortest interval is 0.000001")
    return max(0, round(seconds * 1e6)) * _MICROSECOND


class IntervalStatistics:
    """The tap; only records that a filter or a field asks for are taken apart."""

    def __init__(self, interval: str, items: list[str], setting: Setting) -> None:
        """``interval`` in seconds, 0 is the whole capture; without ``items`` all frames are counted.

        Raises StatisticsError.
        """
        self._interval_ns = interval_ns_of(interval, "io,stat")
        self._items = [_Item(text, setting) for text in items or [""]]
        self._sums: dict[int, list[_Sum]] = {}
        self._later = 0
        self.look = any(item.test is not None or item.field for item in self._items)

    def take(self, seen: Seen, detail: Detail | None) -> None:
        """Count one record."""
        number = max(0, seen.at_ns) // self._interval_ns if self._interval_ns else 0
        sums = self._sums.get(number)
        if sums is None:
            if number >= MAX_INTERVALS:
                self._later += 1
                return
            sums = self._sums[number] = [_Sum() for _ in self._items]
        for item, found in zip(self._items, sums, strict=True):
            item.count(found, seen, detail)

    def tables(self, ending: Ending) -> tuple[IntervalTable, ...]:
        """One table with a row for each interval."""
        duration_ns, interval_ns = ending.duration_ns, self._interval_ns
        whole = not interval_ns or interval_ns >= duration_ns
        short = duration_ns < _SHORT_NS
        decimals = (_SHORT_DECIMALS if short else _LONG_DECIMALS) if whole else _decimals(interval_ns)
        later = f"{self._later} frames behind interval {MAX_INTERVALS} are left out; choose a longer one."
        seconds = Column(key="start", title="Start", unit="s"), Column(key="end", title="End", unit="s")
        places = [column for place, item in enumerate(self._items, 1) for column in item.columns(place)]
        return (
            IntervalTable(
                title="IO Statistics",
                columns=(*seconds, *places),
                rows=tuple(self._rows(duration_ns, duration_ns if whole else interval_ns)),
                notes=(*estimated_notes(ending), *[later] * bool(self._later)),
                duration_ns=duration_ns,
                interval_ns=duration_ns if whole else interval_ns,
                decimals=decimals,
                items=tuple(item.shown for item in self._items),
            ),
        )

    def _rows(self, duration_ns: int, interval_ns: int) -> Iterator[tuple[Cell, ...]]:
        count = min(-(-duration_ns // interval_ns), MAX_INTERVALS) if interval_ns else 1
        nothing = _Sum()
        for number in range(count):
            start, end = number * interval_ns, min((number + 1) * interval_ns, duration_ns)
            sums = self._sums.get(number)
            if number == count - 1:  # the last record may be at the very end, where the next interval would begin
                sums = self._merged([sums, *(self._sums[late] for late in self._sums if late > number)])
            cells = [item.cells(nothing if sums is None else sums[at]) for at, item in enumerate(self._items)]
            yield start / _SECOND, end / _SECOND, *(cell for several in cells for cell in several)

    def _merged(self, several: list[list[_Sum] | None]) -> list[_Sum]:
        found = [_Sum() for _ in self._items]
        for sums in several:
            for into, one in zip(found, sums or (), strict=False):
                into.frames += one.frames
                into.bytes += one.bytes
                into.values += one.values
                into.total += one.total
                into.least = min((v for v in (into.least, one.least) if v is not None), default=None)
                into.most = max((v for v in (into.most, one.most) if v is not None), default=None)
        return found


def _decimals(interval_ns: int) -> int:
    fraction = f"{interval_ns % _SECOND // _MICROSECOND:06d}".rstrip("0")
    return len(fraction)
