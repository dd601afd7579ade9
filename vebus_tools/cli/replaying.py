"""What `vebus replay` does: open the capture and the ends, play, and tell what was sent."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

from vebus_protocol.schema import Link
from vebus_tools.capture import AUTO, Capture, CaptureWriter, open_capture, open_writer
from vebus_tools.cli.conditions import duration_s
from vebus_tools.cli.ending import Ending
from vebus_tools.cli.failures import UsageError
from vebus_tools.decoder import decode_chunks
from vebus_tools.dissection import dissect
from vebus_tools.link import End, PtyEnd, TcpServer
from vebus_tools.player import Pace, Player, Scheduled, restamped, schedule
from vebus_tools.records import Record, Stamp
from vebus_tools.session import Session
from vebus_tools.sinks.text import arrow_for, summary_line
from vebus_tools.timebase import BYTE_TIME_S

__all__ = ["Request", "run"]

_ENDLESS = "i"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One call of `vebus replay`; the names are those of the options."""

    source: str
    pty: bool = False
    link_name: str | None = None
    tcp: str | None = None
    write: str | None = None
    file_type: str | None = None
    input_format: str = AUTO
    link: str = AUTO
    loop: str = "1"
    gap: str | None = None
    skip: str | None = None
    ignore_timestamps: bool = False
    step: bool = False
    count: int | None = None
    verbose: bool = False


def run(request: Request) -> int:
    """Do what was asked for; returns the exit code.  Raises VEBusError, BrokenPipeError."""
    _check(request)
    rounds = _rounds(request.loop)
    with ExitStack() as stack:
        capture = stack.enter_context(_open(request))
        link = capture.link() if request.link == AUTO else Link(request.link)
        pace = Pace(
            byte_s=BYTE_TIME_S[link],
            gap_s=duration_s(request.gap, "--gap") if request.gap else None,
            skip_s=duration_s(request.skip, "-s") if request.skip else None,
            at_once=request.ignore_timestamps,
        )
        writer = _writer(request, stack)
        ends = list(_ends(request, stack))
        planned = schedule(_all_rounds(request, capture, link, rounds), pace)
        with Ending() as ending:
            player = Player(ends, pace, ending.wanted)
            show = _Show(verbose=request.verbose, step=request.step)
            sent = _play(itertools.islice(planned, request.count), player, _Copy(writer, pace), show)
    heard = f", {sum(end.unheard for end in ends)} bytes unheard" if ends else ""
    sys.stderr.write(f"vebus: {sent.records} records, {sent.bytes} bytes played{heard}\n")
    return 0


def _check(request: Request) -> None:
    if not (request.pty or request.tcp or request.write):
        raise UsageError("nothing to play to; name --pty, --tcp HOST:PORT or -w FILE")
    if request.gap and request.ignore_timestamps:
        raise UsageError("--gap sets a time and --ignore-timestamps sets none; choose one")
    if request.source == "-" and (request.loop != "1" or request.step):
        raise UsageError("standard input can be played once, and leaves no keyboard for --step; name a file")
    endless_file = request.loop == _ENDLESS and request.count is None and request.write
    if endless_file and not (request.pty or request.tcp):
        raise UsageError("-l i to a file never ends; say how many frames with -n N")


def _rounds(text: str) -> int | None:
    if text == _ENDLESS:
        return None
    if not text.isdecimal() or not int(text):
        raise UsageError(f"-l {text}: expected a number of rounds, or {_ENDLESS} for endless")
    return int(text)


def _open(request: Request) -> Capture:
    return open_capture(request.source, input_format=request.input_format)


def _all_rounds(request: Request, first: Capture, link: Link, rounds: int | None) -> Iterator[Iterable[Record]]:
    yield decode_chunks(first.chunks, link)
    for _ in itertools.count() if rounds is None else range(rounds - 1):
        with _open(request) as capture:
            yield decode_chunks(capture.chunks, link)


def _writer(request: Request, stack: ExitStack) -> CaptureWriter | None:
    if request.write is None:
        return None
    return stack.enter_context(open_writer(request.write, request.file_type, input_path=request.source))


def _ends(request: Request, stack: ExitStack) -> Iterator[End]:
    if request.pty:
        pty = PtyEnd(request.link_name)
        stack.callback(pty.close)
        yield _told(pty)
    if request.tcp:
        server = TcpServer(request.tcp)
        stack.callback(server.close)
        yield _told(server)


def _told(end: End) -> End:
    sys.stdout.write(f"{end.name}\n")
    sys.stdout.flush()
    return end


@dataclass(slots=True)
class _Sent:
    records: int = 0
    bytes: int = 0


def _play(planned: Iterator[Scheduled], player: Player, copy: _Copy, show: _Show) -> _Sent:
    sent = _Sent()
    player.wait_for_listener()
    for scheduled in planned:
        if not show(scheduled) or not player.send(scheduled):
            break
        sent.records += 1
        sent.bytes += len(scheduled.record.wire)
        copy(scheduled, sent.records)
    player.drain()
    return sent


class _Copy:
    """Writes what is played to a capture."""

    def __init__(self, writer: CaptureWriter | None, pace: Pace) -> None:
        self._writer = writer
        self._pace = pace
        self._start: Stamp | None = None

    def __call__(self, scheduled: Scheduled, number: int) -> None:
        self._start = self._start or scheduled.record.stamp
        if self._writer is not None:
            self._writer.write(restamped(scheduled, number, self._start, self._pace))


class _Show:
    """Prints what is played, and waits for Enter where wanted."""

    def __init__(self, *, verbose: bool, step: bool) -> None:
        self._verbose = verbose or step
        self._step = step
        self._session = Session()
        self._arrow = arrow_for(sys.stderr.encoding)

    def __call__(self, scheduled: Scheduled) -> bool:
        """False when the user wants to end."""
        if self._verbose:
            record = scheduled.record
            dissection = dissect(record, self._session.observe(record))
            sys.stderr.write(summary_line(dissection, f"{scheduled.at_s:.6f}", arrow=self._arrow) + "\n")
        if not self._step:
            return True
        sys.stderr.write("[Enter] ")
        sys.stderr.flush()
        line = sys.stdin.readline()
        return bool(line) and not line.lower().startswith("q")
