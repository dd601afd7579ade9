"""What `vebus decode` does: open, dissect, choose, print or save."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TextIO

from vebus_protocol.scaling import DEFAULT_TABLE, DEVICE_TABLES, ScaleBook
from vebus_protocol.schema import Link
from vebus_tools.capture import AUTO, Capture, CaptureWriter, open_capture, open_writer
from vebus_tools.cli.engines import Engine, engine
from vebus_tools.cli.failures import FAILED, UsageError
from vebus_tools.cli.printing import PrintOptions, display_filter, make_form
from vebus_tools.cli.wide import can_be_chosen, can_be_wide, candidates, is_wide, print_wide
from vebus_tools.names import DEFAULT_NAMES, NameTable, parse_names
from vebus_tools.nodes import Dissection
from vebus_tools.records import CaptureError, Chunk
from vebus_tools.runner import dissections, survey
from vebus_tools.session import Knowledge
from vebus_tools.sinks.frame_form import MachineForm
from vebus_tools.tally import Tally
from vebus_tools.times import TimeForm, Timeline, Timing

if TYPE_CHECKING:  # what few requests need is imported by them
    from vebus_tools.cli.counting import Counting
    from vebus_tools.filters import Filter

__all__ = ["Printer", "Request", "name_table", "run", "scale_book"]

STANDARD_INPUT = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One call of `vebus decode`; the names are those of the options."""

    source: str | None
    input_format: str = AUTO
    link: str = AUTO
    two_pass: bool = False
    names: str | None = None
    device_table: str | None = None
    printing: PrintOptions = field(default_factory=PrintOptions)
    display_filter: str | None = None
    count: int | None = None
    start: float | None = None
    stop: float | None = None
    write: str | None = None
    file_type: str | None = None
    print_too: bool = False
    glossary: str | None = None
    statistics: tuple[str, ...] = ()
    quiet: bool = False
    line_buffered: bool = False


def run(request: Request) -> int:
    """Do what was asked for; returns the exit code.  Raises VEBusError, BrokenPipeError, KeyboardInterrupt."""
    if request.glossary is not None:
        sys.stdout.writelines(f"{line}\n" for line in _glossary_lines(request.glossary))
        return 0
    if request.statistics:
        from vebus_tools.cli.counting import HELP, print_help

        if HELP in request.statistics:
            print_help()
            return 0
    if request.source is None:
        raise UsageError("no capture named; try: vebus decode FILE, or - for standard input")
    names = name_table(request.names)
    passes = display_filter(request.display_filter, names, time=TimeForm(request.printing.time_form))
    form = make_form(request.printing, sys.stdout)
    counted = _counting(request, names, passes)
    tally = Tally()
    with ExitStack() as stack:
        source = _Source(request.source, request.input_format, stack, rewind=request.two_pass)
        writer = None
        if request.write is not None:
            writer = stack.enter_context(open_writer(request.write, request.file_type, input_path=request.source))
        opened = _Opened(source, request)
        plain = counted is None and not request.quiet
        if plain and can_be_wide(request, form, sys.stdout) and is_wide(opened.capture, opened.link):
            failure = print_wide(
                opened.capture,
                form,
                sys.stdout,
                book=scale_book(request.device_table),
                names=names,
                seen=lambda found: tally.take(found.record),
            )
        else:
            hidden = request.quiet or (writer and not request.print_too)
            printer = Printer(form, None if hidden else sys.stdout, request.line_buffered)
            chosen = _chosen(opened, request, names, passes, tally) if plain else None
            selected = chosen or _counted(_selected(_read(opened, request, names), request, tally), counted)
            failure = _print(selected, passes, printer, writer)
    if counted is not None:
        counted.print(sys.stdout, request.source, as_json=request.quiet and request.printing.output == "json")
    _report(tally, failure)
    return FAILED if failure else 0


def _glossary_lines(name: str) -> Iterator[str]:
    """What filters can name; ``name`` is that of the option."""
    from vebus_tools import glossary

    lists = {"fields": glossary.field_lines, "protocols": glossary.protocol_lines, "values": glossary.value_lines}
    return lists[name]()


class _Source:
    """The capture, to be opened once for each pass; a pipe is kept in a temporary file for the second one."""

    def __init__(self, name: str, input_format: str, stack: ExitStack, *, rewind: bool) -> None:
        self._name = name
        self._format = input_format
        self._stack = stack
        self._kept: BinaryIO | None = None
        if rewind and name == STANDARD_INPUT:
            self._kept = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115  (the stack closes it)
            try:
                shutil.copyfileobj(sys.stdin.buffer, self._kept)
            except OSError as problem:
                raise CaptureError(f"standard input: cannot be kept: {problem.strerror or problem}") from problem

    def open(self) -> Capture:
        """Open the capture from its beginning.  Raises CaptureError."""
        if self._kept is not None:
            self._kept.seek(0)
        opened = open_capture(self._name, input_format=self._format, stdin=self._kept)
        return self._stack.enter_context(opened)


class _Opened:
    """The capture, opened when it is first asked for, and the link it was heard on."""

    def __init__(self, source: _Source, request: Request) -> None:
        self.source = source
        self._link = request.link

    @cached_property
    def capture(self) -> Capture:
        """The capture from its beginning.  Raises CaptureError."""
        return self.source.open()

    @cached_property
    def link(self) -> Link:
        """The link that was asked for, or found."""
        return self.capture.link() if self._link == AUTO else Link(self._link)


def _read(opened: _Opened, request: Request, names: NameTable) -> Iterator[Dissection]:
    book = scale_book(request.device_table)
    capture, link = opened.capture, opened.link
    knowledge: Knowledge | None = None
    fast = engine() is not Engine.REFERENCE
    if request.two_pass:
        knowledge = survey(_all_readable(capture), link, book, fast=fast)
        capture = opened.source.open()
    yield from dissections(capture.chunks, link, knowledge=knowledge, book=book, names=names, fast=fast)


def _all_readable(capture: Capture) -> Iterator[Chunk]:
    """Chunks up to the first that cannot be read; the second pass tells what is wrong."""
    try:
        yield from capture.chunks
    except CaptureError:
        return


def scale_book(table: str | None) -> ScaleBook:
    """Scales to assume, from the table of this name or the default one.  Raises UsageError."""
    name = table or DEFAULT_TABLE
    if name not in DEVICE_TABLES:
        raise UsageError(f"--device-table {name}: there are {', '.join(map(repr, DEVICE_TABLES))}")
    return ScaleBook.assuming(name)


def name_table(path: str | None) -> NameTable:
    """Names of senders from a TOML file, or the known ones.  Raises UsageError."""
    if path is None:
        return DEFAULT_NAMES
    try:
        return parse_names(Path(path).read_text(encoding="utf-8"), path)
    except UnicodeDecodeError as problem:
        raise UsageError(f"--names {path}: is no UTF-8 text; a TOML file with [names] is needed") from problem
    except OSError as problem:
        raise UsageError(f"--names {path}: {problem.strerror or problem}") from problem
    except CaptureError as problem:
        raise UsageError(f"--names {problem}") from problem


def _selected(
    found: Iterator[Dissection], request: Request, tally: Tally
) -> Iterator[tuple[Dissection, Timing, Timeline]]:
    """Records in the wanted window, with the stamps that their times are measured against."""
    timeline = Timeline()
    for dissection in found:
        record = dissection.record
        timing = timeline.place(record.stamp)
        since = record.stamp.at - (timing.first or record.stamp).at
        tally.take(record)
        early = request.start is not None and since < request.start
        late = request.stop is not None and since > request.stop
        if not early and not late:
            yield dissection, timing, timeline
        if request.count is not None and record.number >= request.count:
            return


def _chosen(
    opened: _Opened, request: Request, names: NameTable, passes: Filter | None, tally: Tally
) -> Iterator[tuple[Dissection, Timing, Timeline]] | None:
    """What may pass the filter, told from columns; None where that does not help."""
    if passes is None or not (can_be_chosen(request) and is_wide(opened.capture, opened.link)):
        return None
    book = scale_book(request.device_table)
    return candidates(opened.capture, passes, book=book, names=names, seen=tally.take)


def _counting(request: Request, names: NameTable, passes: Filter | None) -> Counting | None:
    """The statistics that are asked for.  Raises UsageError."""
    if not request.statistics:
        return None
    if request.write == STANDARD_INPUT:
        raise UsageError("-w - and -z both write to standard output; save to a file")
    from vebus_tools.cli.counting import counting

    return counting(request.statistics, names, book=scale_book(request.device_table), passes=passes)


def _counted(
    found: Iterator[tuple[Dissection, Timing, Timeline]], counted: Counting | None
) -> Iterator[tuple[Dissection, Timing, Timeline]]:
    """The same records, each of them counted on its way."""
    for dissection, timing, timeline in found:
        if counted is not None:
            counted.gathering.take(dissection.record, dissection)
        yield dissection, timing, timeline


class Printer:
    """Writes a form to a stream, or nowhere."""

    def __init__(self, form: MachineForm, out: TextIO | None, flush: bool) -> None:
        """``flush`` hands each record over at once; the first one is always, whoever waits for it sees it."""
        self._form = form
        self._begun = False
        self._out = out
        self._flush = flush

    def text(self, text: str) -> None:
        """Write some text."""
        if self._out is not None:
            self._out.write(text)
            if self._flush:
                self._out.flush()

    def start(self) -> None:
        """Write what stands before the first record."""
        self.text(self._form.start())

    def record(self, dissection: Dissection, timing: Timing) -> None:
        """Write one record."""
        if self._out is not None:
            self.text(self._form.record(dissection, timing))
            if not self._begun:
                self._begun = True
                self._out.flush()

    def stop(self) -> None:
        """Write what stands behind the last record."""
        self.text(self._form.stop())
        if self._out is not None:
            self._out.flush()


def _print(
    found: Iterator[tuple[Dissection, Timing, Timeline]],
    passes: Callable[..., bool] | None,
    printer: Printer,
    writer: CaptureWriter | None,
) -> CaptureError | None:
    """Print and save what passes; a capture that ends badly is told after all that could be read."""
    started, failure = False, None
    try:
        for dissection, timing, timeline in found:
            if not started:
                printer.start()
                started = True
            first = timing.first or dissection.record.stamp
            if passes is not None and not passes(
                dissection, first=first, previous=timing.previous, displayed=timing.displayed
            ):
                continue
            printer.record(dissection, timing)
            timeline.shown(dissection.record.stamp)
            if writer is not None:
                writer.write(dissection.record)
    except CaptureError as problem:
        if not started:
            raise
        failure = problem
    if not started:
        printer.start()
    printer.stop()
    return failure


def _report(tally: Tally, failure: CaptureError | None) -> None:
    for line in (tally.damage, str(failure or "")):
        if line:
            sys.stderr.write(f"vebus: {line}\n")
