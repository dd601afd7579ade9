"""What `vebus convert` does: read records, write them in another format, tell what that cannot hold."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vebus_protocol.schema import Link
from vebus_tools.capture import AUTO, Capture, open_capture
from vebus_tools.capture.losses import Losses
from vebus_tools.capture.opening import format_to_write
from vebus_tools.capture.recorder import Recorder, Recording, Ring
from vebus_tools.cli.failures import FAILED
from vebus_tools.decoder import decode_chunks
from vebus_tools.generated import quick_chain
from vebus_tools.records import CaptureError
from vebus_tools.tally import Tally

if TYPE_CHECKING:
    from vebus_tools.records import Record

__all__ = ["Request", "run"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One call of `vebus convert`; the names are those of the options."""

    source: str
    target: str
    file_type: str | None = None
    input_format: str = AUTO
    link: str = AUTO
    file_size: int | None = None
    gzip: bool = False
    quiet: bool = False


def run(request: Request) -> int:
    """Do what was asked for; returns the exit code.  Raises VEBusError, BrokenPipeError."""
    losses, tally, failure = Losses(format_to_write(request.target, request.file_type)), Tally(), None
    with ExitStack() as stack:
        capture = stack.enter_context(open_capture(request.source, input_format=request.input_format))
        link = capture.link() if request.link == AUTO else Link(request.link)
        recorder: Recorder | None = None
        try:
            for record in decode_chunks(capture.chunks, link, chain=quick_chain):
                if recorder is None:
                    recorder = _recorder(request, capture, record)
                    stack.callback(recorder.close)
                recorder.write(record, record.stamp.at)
                tally.take(record)
                losses.take(record)
        except CaptureError as problem:
            if recorder is None or not tally.frames + tally.resyncs:
                raise
            failure = problem
    if not request.quiet:
        for line in losses.lines(capture.notes):
            _tell(f"{request.target} cannot hold: {line}")
    for line in (tally.damage, str(failure or "")):
        if line:
            _tell(line)
    return FAILED if failure else 0


def _recorder(request: Request, capture: Capture, first: Record) -> Recorder:
    recording = Recording(
        target=request.target,
        link=first.link,
        interface=first.interface,
        form=request.file_type,
        ring=Ring(filesize_kb=request.file_size),
        gzip=request.gzip,
        notes=capture.notes,
        input_path=request.source,
    )
    return Recorder(recording, first.stamp.at)


def _tell(text: str) -> None:
    sys.stderr.write(f"vebus: {text}\n")
