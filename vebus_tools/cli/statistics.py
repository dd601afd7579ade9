"""What `vebus stats` does: open each capture, count, print the tables."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass

from vebus_protocol.schema import Link
from vebus_tools.capture import AUTO, Capture, open_capture
from vebus_tools.cli.counting import HELP, Counting, counting, print_help, print_json
from vebus_tools.cli.decoding import name_table, scale_book
from vebus_tools.cli.engines import Engine, engine
from vebus_tools.cli.failures import FAILED, UsageError
from vebus_tools.cli.printing import display_filter
from vebus_tools.cli.wide import is_wide
from vebus_tools.decoder import decode_chunks
from vebus_tools.generated import quick_chain
from vebus_tools.records import CaptureError, Chunk
from vebus_tools.statistics import DEFAULT
from vebus_tools.tally import Tally

__all__ = ["Request", "run"]

_HEADING = "== {} =="


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One call of `vebus stats`; the names are those of the options."""

    files: tuple[str, ...]
    statistics: tuple[str, ...] = ()
    output: str = "text"
    display_filter: str | None = None
    input_format: str = AUTO
    link: str = AUTO
    names: str | None = None
    device_table: str | None = None


def run(request: Request) -> int:
    """Do what was asked for; returns the exit code.  Raises VEBusError, BrokenPipeError, KeyboardInterrupt."""
    if HELP in request.statistics:
        print_help()
        return 0
    if not request.files:
        raise UsageError("no capture named; try: vebus stats FILE, or - for standard input")
    _counting(request)  # wrong arguments are told before anything is read
    code, objects = 0, []
    for name in request.files:
        found, code_here = _count(name, request)
        code = code or code_here
        if found is None:
            continue
        if request.output == "json":
            objects.append(found.object(name))
        else:
            _print(found, name, heading=len(request.files) > 1)
    if request.output == "json":
        print_json(objects, sys.stdout)
    return code


def _print(found: Counting, name: str, *, heading: bool) -> None:
    if heading:
        sys.stdout.write(f"{_HEADING.format(name)}\n")
    found.print(sys.stdout)
    if heading:
        sys.stdout.write("\n")


def _counting(request: Request) -> Counting:
    names = name_table(request.names)
    passes = display_filter(request.display_filter, names)
    return counting(request.statistics or DEFAULT, names, book=scale_book(request.device_table), passes=passes)


def _count(name: str, request: Request) -> tuple[Counting | None, int]:
    """Count one capture up to where it can be read; nothing where that is not even its beginning."""
    found: Counting | None = None
    tally = Tally()
    try:
        with open_capture(name, input_format=request.input_format) as capture:
            counted = _counting(request)
            failure = _read(capture, request, counted, tally)
            found = counted
    except CaptureError as problem:
        failure = problem
    place = f"{name}: " if len(request.files) > 1 and tally.damage else ""
    for line in (place + tally.damage, str(failure or "")):
        if line:
            sys.stdout.flush()
            sys.stderr.write(f"vebus: {line}\n")
    return found, FAILED if failure else 0


def _read(capture: Capture, request: Request, found: Counting, tally: Tally) -> CaptureError | None:
    link = capture.link() if request.link == AUTO else Link(request.link)
    chunks = _Readable(iter(capture.chunks))
    if engine() is Engine.FAST and not found.gathering.look and is_wide(capture, link):
        from vebus_tools.statistics.stream_columns import count_stream

        count_stream((chunk.data for chunk in chunks), found.gathering, tally.take)
    else:
        chain = None if engine() is Engine.REFERENCE else quick_chain
        for record in decode_chunks(chunks, link, chain=chain):
            tally.take(record)
            found.gathering.take(record)
    if chunks.failure is not None and not chunks.any:
        raise chunks.failure
    return chunks.failure


class _Readable(Iterator[Chunk]):
    """Chunks up to the first that cannot be read; ``failure`` says why, ``any`` whether there was one before."""

    def __init__(self, chunks: Iterator[Chunk]) -> None:
        self._chunks = chunks
        self.failure: CaptureError | None = None
        self.any = False

    def __next__(self) -> Chunk:
        try:
            chunk = next(self._chunks)
        except CaptureError as problem:
            self.failure = problem
            raise StopIteration from None
        self.any = True
        return chunk
