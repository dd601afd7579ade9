"""Values of fields over time, gathered from dissections.

A field is a line when it is a number, and a row of states when it is a flag or an enumeration.  Memory: 16 bytes a
value.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from fnmatch import fnmatchcase

from vebus_protocol.errors import VEBusError
from vebus_tools import glossary
from vebus_tools.frame_fields import RECORD_FIELDS, record_nodes
from vebus_tools.glossary import Entry
from vebus_tools.nodes import RAW_SUFFIX, Dissection, Node
from vebus_tools.times import Timing

__all__ = ["Axis", "Event", "Gathering", "PlotError", "Series", "Subplot", "parse_fields"]

NEW_SUBPLOT, NEW_AXIS = "-", ","
_NOT_DRAWN = frozenset({"FT_BYTES", "FT_STRING", "FT_PROTOCOL", "FT_NONE"})
_GLOB = frozenset("*?[")


class PlotError(VEBusError):
    """A field that cannot be drawn, or none; the text says what there is."""


@dataclass(frozen=True, slots=True)
class Event:
    """A mark on the time axis; ``at`` in seconds since the first frame, ``label`` a short form of ``text``."""

    at: float
    text: str
    label: str


@dataclass(slots=True)
class Series:
    """One field over time: seconds since the first frame, and the numbers that were true then.

    ``names`` has the texts of states, and is None for a number.  ``remarks`` are the evidence marks that its values
    had, such as "unconfirmed".
    """

    abbrev: str
    label: str
    unit: str = ""
    names: dict[float, str] | None = None
    whole: bool = False
    times: array[float] = field(default_factory=lambda: array("d"))
    values: array[float] = field(default_factory=lambda: array("d"))
    remarks: set[str] = field(default_factory=set)

    def take(self, at: float, node: Node, value: float) -> None:
        """Add a value."""
        self.times.append(at)
        self.values.append(value)
        if node.mark:
            self.remarks.add(node.mark)
        if self.names is not None:
            self.names.setdefault(value, node.name or str(node.value))

    @property
    def title(self) -> str:
        """Label, unit and evidence in one line."""
        unit = f" ({self.unit})" if self.unit else ""
        return f"{self.label}{unit}{''.join(f' [{remark}]' for remark in sorted(self.remarks))}"

    def reduced(self, buckets: int) -> tuple[list[float], list[float]]:
        """At most four points for each of ``buckets`` spans of time: first, least, most, last; no peak is lost."""
        times, values = self.times, self.values
        if len(times) <= 4 * buckets:
            return list(times), list(values)
        step = (times[-1] - times[0]) / buckets or 1.0
        kept: list[int] = []
        start = 0
        for bucket in range(buckets):
            end = bisect_right(times, times[0] + (bucket + 1) * step) if bucket + 1 < buckets else len(times)
            if end > start:
                span = range(start, end)
                kept += sorted({start, end - 1, min(span, key=values.__getitem__), max(span, key=values.__getitem__)})
            start = max(start, end)
        return [times[at] for at in kept], [values[at] for at in kept]

    def spans(self, end: float) -> Iterator[tuple[float, float, float]]:
        """For states: from, to and value of each run of equal values; the last one lasts until ``end``."""
        begun, now = None, None
        for at, value in zip(self.times, self.values, strict=True):
            if value != now:
                if begun is not None and now is not None:
                    yield begun, at, now
                begun, now = at, value
        if begun is not None and now is not None:
            yield begun, max(end, begun), now


@dataclass(slots=True)
class Axis:
    """Fields that share a scale."""

    fields: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Subplot:
    """One picture: an axis on the left and perhaps one on the right."""

    axes: list[Axis] = field(default_factory=lambda: [Axis()])


def parse_fields(arguments: Iterable[str]) -> list[Subplot]:
    """Subplots of the arguments: names and globs of fields, ``-`` begins a subplot, ``,`` a second axis.

    Raises:
        PlotError: for an unknown name (with the nearest), a field that has no numbers, or an axis too many.
    """
    subplots = [Subplot()]
    known = _known()
    for argument in arguments:
        if argument == NEW_SUBPLOT:
            subplots.append(Subplot())
        elif argument == NEW_AXIS:
            if len(subplots[-1].axes) > 1:
                raise PlotError("a subplot has a left and a right axis; begin another subplot with -")
            subplots[-1].axes.append(Axis())
        else:
            subplots[-1].axes[-1].fields += _matching(argument, known)
    if not all(axis.fields for subplot in subplots for axis in subplot.axes):
        raise PlotError("a subplot or axis without a field; write vebus plot FILE vebus.dc.voltage - vebus.ac.state")
    return subplots


def _known() -> Mapping[str, Entry]:
    return {**RECORD_FIELDS, **glossary.entries()}


def _matching(pattern: str, known: Mapping[str, Entry]) -> list[str]:
    if not _GLOB & set(pattern):
        entry = known.get(pattern)
        if entry is None:
            near = get_close_matches(pattern, known, n=1)
            raise PlotError(f'no field "{pattern}"' + (f", the nearest is {near[0]}" if near else ""))
        if entry.ftype in _NOT_DRAWN:
            raise PlotError(f"{pattern} holds text or bytes; numbers, flags and states can be drawn")
        return [pattern]
    found = [
        name
        for name, entry in known.items()
        if fnmatchcase(name, pattern) and entry.ftype not in _NOT_DRAWN and not name.endswith(RAW_SUFFIX)
    ]
    if not found:
        raise PlotError(f'no field that can be drawn matches "{pattern}"; vebus decode -G fields lists them')
    return found


class Gathering:
    """Takes dissections; ``series`` has a Series for each field that had a value."""

    def __init__(self, names: Iterable[str]) -> None:
        """``names`` are names of known fields."""
        known = _known()
        self.wanted = {name: known[name] for name in names}
        self._of_frames = any(name.startswith(("frame.", "_ws.")) for name in self.wanted)
        self.series: dict[str, Series] = {}
        self.estimated = False
        self.start: float | None = None
        self.epoch = False
        self.end = 0.0

    def take(self, dissection: Dissection, timing: Timing) -> float:
        """Add the values of a record; returns its time in seconds since the first frame."""
        stamp = dissection.record.stamp
        if self.start is None:
            self.start, self.epoch = stamp.at, stamp.epoch
        at = stamp.at - self.start
        self.end = max(self.end, at)
        self.estimated = self.estimated or stamp.source.estimated
        if self._of_frames:
            for node in record_nodes(dissection, timing):
                self._node(at, node)
        for node in dissection.walk():
            self._node(at, node)
        return at

    def _node(self, at: float, node: Node) -> None:
        if node.abbrev in self.wanted:
            self._add(node.abbrev, at, node, node.value)
        raw = node.abbrev + RAW_SUFFIX
        if raw in self.wanted:
            self._add(raw, at, node, node.value if node.raw is None else node.raw)

    def _add(self, abbrev: str, at: float, node: Node, value: object) -> None:
        if not isinstance(value, int | float):
            return
        series = self.series.get(abbrev)
        if series is None:
            entry = self.wanted[abbrev]
            states = entry.enum is not None or entry.ftype == "FT_BOOLEAN"
            series = self.series[abbrev] = Series(
                abbrev=abbrev,
                label=entry.label,
                unit=entry.unit or ("" if abbrev.endswith(RAW_SUFFIX) else node.unit),
                names={} if states else None,
                whole="INT" in entry.ftype,
            )
        series.take(at, node, float(value))
