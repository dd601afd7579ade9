"""Lists, details and ``-T ek`` of a large raw capture by whole batches, where a request asks for every record."""

from __future__ import annotations

import codecs
import importlib.util
import itertools
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from vebus_protocol.scaling import ScaleBook
from vebus_protocol.schema import Link
from vebus_tools.capture import Capture
from vebus_tools.capture.detect import Format
from vebus_tools.cli.engines import Engine, engine
from vebus_tools.names import NameTable
from vebus_tools.nodes import Dissection
from vebus_tools.records import CaptureError, Chunk
from vebus_tools.sinks.colours import plain
from vebus_tools.sinks.frame_form import EVERYTHING, MachineForm
from vebus_tools.sinks.text import ARROW
from vebus_tools.sinks.text_form import TextForm
from vebus_tools.sinks.tree import ALL_DETAILS
from vebus_tools.times import TimeForm

if TYPE_CHECKING:
    from vebus_tools.bulk_text import Candidates
    from vebus_tools.cli.decoding import Request
    from vebus_tools.filters import Filter
    from vebus_tools.records import Record
    from vebus_tools.times import Timeline, Timing

__all__ = ["WORTH_IT", "can_be_chosen", "can_be_wide", "candidates", "is_wide", "print_wide"]

WORTH_IT = 1 << 16
"""Bytes from which on loading numpy costs less than it saves."""

_DIFFERENCES = (TimeForm.DELTA, TimeForm.DELTA_DISPLAYED)


def can_be_wide(request: Request, form: MachineForm, out: TextIO) -> bool:
    """Whether a request asks for every record of a file, in a form that the columnar engine has."""
    return (
        request.display_filter is None
        and request.write is None
        and not request.line_buffered
        and _has_columns(form)
        and hasattr(out, "buffer")
        and codecs.lookup(out.encoding).name == "utf-8"
        and _is_large(request)
    )


def can_be_chosen(request: Request) -> bool:
    """Whether a request asks for all of a file that passes a filter, so that columns may tell which frames can."""
    return request.display_filter is not None and _is_large(request)


def _is_large(request: Request) -> bool:
    """Whether a whole file is read once, and it is so large that loading numpy pays."""
    return (
        engine() is Engine.FAST
        and (request.count, request.start, request.stop) == (None, None, None)
        and not request.two_pass
        and request.source is not None
        and Path(request.source).is_file()
        and Path(request.source).stat().st_size >= WORTH_IT
    )


def _has_columns(form: MachineForm) -> bool:
    if not isinstance(form, TextForm):
        from vebus_tools.sinks.json_form import EkForm

        return isinstance(form, EkForm) and form.subset is EVERYTHING
    if form.paint is not plain or form.pane is not None:
        return False
    return form.tree is ALL_DETAILS if form.tree is not None else _is_list(form)


def _is_list(form: TextForm) -> bool:
    return form.summary and not form.tabs and form.time not in _DIFFERENCES


def is_wide(capture: Capture, link: Link) -> bool:
    """Whether the columnar engine reads such captures: one endless stream of the bus, without stamps."""
    has_numpy = importlib.util.find_spec("numpy") is not None
    return capture.format is Format.RAW and link is Link.RS485 and has_numpy


def print_wide(
    capture: Capture,
    form: MachineForm,
    out: TextIO,
    *,
    book: ScaleBook,
    names: NameTable,
    seen: Callable[[Dissection], None],
) -> CaptureError | None:
    """Print all records; ``seen`` is told every record that is no good frame.

    Returns why the capture could not be read to its end; raises that CaptureError when nothing could be read.
    """
    from vebus_tools.bulk_text import SummaryLines, WholeRecords, record_form

    chunks = _Readable(capture.chunks)
    first = next(chunks, None)
    if first is None and chunks.failure is not None:
        raise chunks.failure
    whole = record_form(form)
    writer: SummaryLines | WholeRecords
    if whole is None:
        writer = SummaryLines(book=book, names=names, arrow=getattr(form, "arrow", ARROW), seen=seen)
    else:
        writer = WholeRecords(whole, book=book, names=names, seen=seen)
    out.flush()
    for text in writer.write(itertools.chain([first or b""], chunks)):
        out.buffer.write(text)
    out.buffer.flush()
    return chunks.failure


def candidates(
    capture: Capture,
    passes: Filter,
    *,
    book: ScaleBook,
    names: NameTable,
    seen: Callable[[Record], None],
) -> Iterator[tuple[Dissection, Timing, Timeline]] | None:
    """Records that might pass, None where all of them might; ``seen`` is told every record that is no good frame.

    Reading them raises CaptureError at what cannot be read, after all that stands before it.
    """
    from vebus_tools.bulk_text import Candidates

    if not Candidates.helps(passes):
        return None
    return _candidates(capture, Candidates(passes, book=book, names=names, seen=seen))


def _candidates(capture: Capture, found: Candidates) -> Iterator[tuple[Dissection, Timing, Timeline]]:
    chunks = _Readable(capture.chunks)
    yield from found.read(chunks)
    if chunks.failure is not None:
        raise chunks.failure


class _Readable(Iterator[bytes]):
    """Bytes of the chunks up to the first that cannot be read."""

    def __init__(self, chunks: Iterable[Chunk]) -> None:
        self._chunks = iter(chunks)
        self.failure: CaptureError | None = None

    def __next__(self) -> bytes:
        try:
            return next(self._chunks).data
        except CaptureError as problem:
            self.failure = problem
            raise StopIteration from None
