"""What `vebus plot` does: gather values, then draw them as a picture or on the terminal."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vebus_protocol.schema import Link
from vebus_tools.capture import AUTO, open_capture
from vebus_tools.cli.engines import Engine, engine
from vebus_tools.cli.extras import require
from vebus_tools.cli.failures import FAILED, UsageError
from vebus_tools.cli.printing import display_filter
from vebus_tools.names import DEFAULT_NAMES
from vebus_tools.plotting.figure import SUFFIXES, Picture, draw
from vebus_tools.plotting.series import Event, Gathering, PlotError, Subplot, parse_fields
from vebus_tools.plotting.terminal import chart_lines, plain
from vebus_tools.records import CaptureError
from vebus_tools.runner import dissections
from vebus_tools.sinks.text import ARROW, arrow_for, printable
from vebus_tools.tally import Tally
from vebus_tools.times import Timeline

if TYPE_CHECKING:
    from vebus_tools.nodes import Dissection

__all__ = ["Request", "run"]

_MOST_EVENTS = 60
_NARROW = 40

Passes = Callable[..., bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One call of `vebus plot`; the names are those of the options."""

    source: str
    fields: tuple[str, ...]
    output: str | None = None
    display_filter: str | None = None
    start: float | None = None
    stop: float | None = None
    marks: tuple[str, ...] = ()
    absolute: bool = False
    title: str | None = None
    input_format: str = AUTO
    link: str = AUTO


def run(request: Request) -> int:
    """Do what was asked for; returns the exit code.  Raises VEBusError, OSError, BrokenPipeError."""
    target = _target(request.output)
    try:
        subplots = parse_fields(request.fields)
    except PlotError as problem:
        raise UsageError(str(problem)) from problem
    reading = _Reading(request, [name for one in subplots for axis in one.axes for name in axis.fields])
    failure = reading.read()
    if not reading.gathering.series:
        raise failure or PlotError(f"{request.source}: none of the fields has a value here")
    for name in request.fields:
        if name in reading.gathering.wanted and name not in reading.gathering.series:
            _tell(f"{name} has no value here")
    if target is None:
        _on_terminal(reading, subplots)
    else:
        _as_picture(request, reading, subplots, target)
    for line in (reading.tally.damage, reading.left_out, str(failure or "")):
        if line:
            _tell(line)
    return FAILED if failure else 0


def _target(output: str | None) -> Path | None:
    if output is None:
        return None
    target = Path(output)
    if target.suffix.lower() not in SUFFIXES:
        raise UsageError(f"-o {output}: a picture is one of {' '.join(SUFFIXES)}")
    require(f"A picture ({target.suffix})", "matplotlib", extra="plot")
    return target


class _Reading:
    """Values and events of a capture."""

    def __init__(self, request: Request, names: list[str]) -> None:
        """Raises UsageError for a wrong filter."""
        self._request = request
        self._passes = display_filter(request.display_filter, DEFAULT_NAMES)
        self._marks = [display_filter(text, DEFAULT_NAMES, option="--mark") for text in request.marks]
        self.gathering = Gathering(names)
        self.events: list[Event] = []
        self.tally = Tally()
        self._events_left_out = 0

    @property
    def left_out(self) -> str:
        """How many events are not marked, because a picture full of marks shows nothing."""
        count = self._events_left_out
        return f"{count} more events match; the first {_MOST_EVENTS} are marked" if count else ""

    def read(self) -> CaptureError | None:
        """Read to the end, or to what cannot be read, which is returned.  Raises CaptureError before a first frame."""
        request, timeline = self._request, Timeline()
        with open_capture(request.source, input_format=request.input_format) as capture:
            link = capture.link() if request.link == AUTO else Link(request.link)
            try:
                for found in dissections(capture.chunks, link, fast=engine() is not Engine.REFERENCE):
                    self._take(found, timeline)
            except CaptureError as problem:
                if not self.tally.frames + self.tally.resyncs:
                    raise
                return problem
        return None

    def _take(self, found: Dissection, timeline: Timeline) -> None:
        request, stamp = self._request, found.record.stamp
        timing = timeline.place(stamp)
        first = timing.first or stamp
        self.tally.take(found.record)
        since = stamp.at - first.at
        if (request.start is not None and since < request.start) or (request.stop is not None and since > request.stop):
            return
        if self._passes is not None and not self._passes(found, first=first, previous=timing.previous):
            return
        at = self.gathering.take(found, timing)
        events = [Event(at, text, text) for text in found.record.comments]
        events += [
            Event(at, found.info_column, label)
            for label, passes in zip(request.marks, self._marks, strict=True)
            if passes is not None and passes(found, first=first, previous=timing.previous)
        ]
        room = max(0, _MOST_EVENTS - len(self.events))
        self.events += events[:room]
        self._events_left_out += len(events[room:])


def _on_terminal(reading: _Reading, subplots: list[Subplot]) -> None:
    gathering = reading.gathering
    dots = arrow_for(sys.stdout.encoding) == ARROW
    width = max(_NARROW, shutil.get_terminal_size().columns)
    for subplot in subplots:
        series = [gathering.series[name] for axis in subplot.axes for name in axis.fields if name in gathering.series]
        for line in chart_lines(series, reading.events, end=gathering.end, width=width):
            sys.stdout.write(f"{line if dots else plain(line)}\n")
    if gathering.estimated:
        sys.stdout.write("Times are estimated, the capture has none.\n")


def _as_picture(request: Request, reading: _Reading, subplots: list[Subplot], target: Path) -> None:
    gathering = reading.gathering
    absolute = request.absolute and gathering.epoch
    if request.absolute and not absolute:
        _tell(f"{request.source}: has no dates; the axis counts from its start")
    picture = Picture(
        title=printable(request.title or Path(request.source).name),
        subplots=subplots,
        series=gathering.series,
        events=reading.events,
        end=gathering.end,
        start=gathering.start if absolute else None,
        estimated=gathering.estimated,
    )
    draw(picture, target)


def _tell(text: str) -> None:
    sys.stderr.write(f"vebus: {text}\n")
