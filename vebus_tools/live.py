"""Listening: the loop, and the only clock, of a live stream.

One thread reads, stamps, decodes and records; what is to be shown goes through a bounded queue to whoever prints it.
A slow screen or pipe therefore costs lines on the screen, never bytes of the bus, and says how many.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from vebus_protocol.errors import VEBusError
from vebus_tools.capture.notes import Statistics
from vebus_tools.decoder import Chain, Decoder
from vebus_tools.link import LinkError, LostLinkError, Reader
from vebus_tools.nodes import Dissection
from vebus_tools.records import Chunk, Link, Record, Stamp, TimeSource
from vebus_tools.tally import SUSPICIOUS_BYTES, Tally, plausible_link
from vebus_tools.timebase import BYTE_TIME_S

__all__ = ["Event", "Heard", "Keeper", "Listener", "Notice", "Stops"]

POLL_S = 0.1
"""Longest wait in seconds for bytes, and so the longest delay of a stop."""

SILENT_S = 2.0
"""Silence in seconds that is told: others call a bus without sync dead after 1 s (vebus-rs485.md section 5)."""

RETRY_S = 0.5
QUEUE_LIMIT = 20_000
"""Records that may wait for the printer: 7 s of a saturated bus, minutes of a normal one."""

_COUNTERS_S = 1.0
_BUSY, _REST_S = 0.9, 0.004  # a line busier than this is read in larger pieces: byte positions give the times then
_AT_ONCE_S = 0.0001  # a read that waits shorter found bytes that may be older


@dataclass(frozen=True, slots=True, kw_only=True)
class Stops:
    """When to stop by itself, each None for never: records, seconds, size of the recording in kB, files."""

    packets: int | None = None
    duration_s: float | None = None
    filesize_kb: int | None = None
    files: int | None = None


class Keeper(Protocol):
    """What records: the part of capture.recorder.Recorder that is used here."""

    files: int

    @property
    def size(self) -> int:
        """Bytes in the current file."""

    def is_full(self, at: float) -> bool:
        """Whether the next record would begin another file."""

    def write(self, record: Record, at: float) -> None:
        """Append a record."""

    def tick(self, at: float) -> None:
        """Time goes on."""

    def remark(self, text: str) -> None:
        """Comment the next record."""

    def close(self) -> None:
        """Finish."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A record to show; ``dissection`` is there already where a capture filter needed it."""

    record: Record
    dissection: Dissection | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to tell people: a silence, a lost link, a suspicion."""

    text: str


Event = Heard | Notice
Choose = Callable[[Record], Dissection | None]


class Listener:
    """Listens to a link in a thread of its own until it is stopped, or stops by itself, or fails.

    ``problem`` is what ended it, if that was a failure; ``tally`` has the counts, to be read when it has ended.
    """

    def __init__(
        self,
        reader: Reader,
        link: Link,
        *,
        baud: int | None = None,
        stops: Stops | None = None,
        choose: Choose | None = None,
        reopen: Callable[[], Reader] | None = None,
        showing: bool = True,
        chain: Chain | None = None,
    ) -> None:
        """Listen to ``reader`` for traffic of ``link``.

        ``choose`` is the capture filter: it gets every record and returns its dissection, or None to leave it out.
        ``reopen`` opens the link again after it was lost; without it a lost link is the end.  ``showing`` fills the
        queue of events.  ``chain`` reads the messages in a frame, see Decoder.
        """
        self.tally = Tally()
        self.problem: VEBusError | OSError | None = None
        self.keeper: Keeper | None = None
        self.started_at = time.time()
        self._epoch = self.started_at - time.monotonic()
        self._reader = reader
        self._link = link
        self._byte_s = 10 / baud if baud else BYTE_TIME_S[link]
        self._decoder = Decoder(link, baud, chain=chain)
        self._stops = stops or Stops()
        self._choose = choose
        self._reopen = reopen
        self._showing = showing
        self._queue: deque[Event] = deque()
        self._news = threading.Condition()
        self._stopping = threading.Event()
        self._enough = False
        self._silent = False
        self._busy = False
        self._head: bytearray | None = bytearray()
        self._read_at = time.monotonic()
        self._last_now = self.started_at
        self._counted_at = 0.0
        self._counters_before = reader.line_errors()
        self._thread = threading.Thread(target=self._run, name="listener")

    # the side of the caller -------------------------------------------------------------------------------------------
    def start(self) -> None:
        """Begin to listen; set ``keeper`` before."""
        self._thread.start()

    def stop(self) -> None:
        """Ask it to end; may be called from a signal handler."""
        self._stopping.set()

    def join(self) -> None:
        """Wait until all is recorded and closed."""
        self._thread.join()

    def events(self) -> Iterator[Event | None]:
        """What there is to show, until the end; None whenever there is nothing for the moment."""
        while True:
            with self._news:
                if not self._queue and self._thread.is_alive():
                    self._news.wait(POLL_S)
                waiting = list(self._queue)
                self._queue.clear()
            yield from waiting
            if waiting or self._thread.is_alive():
                yield None
            elif not self._queue:
                return

    def now(self) -> float:
        """Seconds since 1970 on a clock that never jumps: the date of the start and the time since then."""
        return time.monotonic() + self._epoch

    def statistics(self) -> Statistics:
        """The counts as they stand at the end of a file."""
        tally = self.tally
        return Statistics(
            started=self.started_at,
            ended=self.now(),
            received=tally.frames + tally.resyncs,
            dropped=tally.overruns,
            accepted=tally.accepted,
            comment=tally.line(),
        )

    # the thread -------------------------------------------------------------------------------------------------------
    def _run(self) -> None:
        try:
            for warning in self._reader.facts.warnings:
                self._tell(warning)
            while not self._stopping.is_set() and self._step():
                pass
        except (VEBusError, OSError) as problem:
            self.problem = problem
        finally:
            self._finish()

    def _finish(self) -> None:
        try:
            self._count_line_errors()
            self.tally.quiet(self.now())
            if not self._enough:
                self._take_all(self._decoder.finish())
        except (VEBusError, OSError) as problem:
            self.problem = self.problem or problem
        finally:
            self._reader.close()
            self._close_keeper()
            with self._news:
                self._news.notify_all()

    def _close_keeper(self) -> None:
        if self.keeper is not None:
            try:
                self.keeper.close()
            except (VEBusError, OSError) as problem:
                self.problem = self.problem or problem

    def _step(self) -> bool:
        """Read once; False at the end."""
        if self._busy:
            time.sleep(_REST_S)
        asked_at = time.monotonic()
        try:
            data = self._reader.read(POLL_S)
        except LostLinkError as problem:
            return self._lost(problem)
        read_at = time.monotonic()
        if data is None:
            return False
        if data:
            self._heard(data, asked_at, read_at)
        now = read_at + self._epoch
        self._look_around(now)
        return not self._is_enough(now)

    def _heard(self, data: bytes, asked_at: float, read_at: float) -> None:
        error_s = self._reader.facts.error_s
        if error_s is not None and read_at - asked_at < _AT_ONCE_S:
            error_s += read_at - self._read_at
        self._busy = len(data) * self._byte_s > _BUSY * (read_at - self._read_at)
        self._read_at = read_at
        at = self._last_now = read_at + self._epoch
        first_at = at - len(data) * self._byte_s
        if self._silent:
            self._silent = False
            self._tell(f"bytes again after {self.tally.silence_s(first_at):.1f} s of silence")
        self.tally.heard(len(data), first_at, at)
        stamp = Stamp(at, TimeSource.HOST, epoch=True, error_s=error_s)
        self._take_all(self._decoder.feed(Chunk(data=data, stamp=stamp, interface=self._reader.facts.name)))
        self._suspect(data)

    def _take_all(self, records: Iterator[Record]) -> None:
        for record in records:
            self.tally.take(record)
            dissection = self._choose(record) if self._choose is not None else None
            if self._choose is None or dissection is not None:
                self._accept(record, dissection)
                packets = self._stops.packets
                self._enough = self._enough or (packets is not None and self.tally.accepted >= packets)
                if self._enough:
                    return

    def _accept(self, record: Record, dissection: Dissection | None) -> None:
        if self.keeper is not None:
            now, files = self._last_now, self._stops.files
            if files is not None and self.keeper.files >= files and self.keeper.is_full(now):
                self._enough = True
                return
            self.keeper.write(record, now)
        self.tally.accepted += 1
        if self._showing:
            self._show(Heard(record, dissection))

    def _is_enough(self, now: float) -> bool:
        stops = self._stops
        late = stops.duration_s is not None and now - self.started_at >= stops.duration_s
        kilobytes = stops.filesize_kb
        full = kilobytes is not None and self.keeper is not None and self.keeper.size >= kilobytes * 1000
        self._enough = self._enough or full
        return self._enough or late

    def _look_around(self, now: float) -> None:
        """What is due without new bytes: flushing, driver counters, a silence to tell."""
        if self.keeper is not None:
            self.keeper.tick(now)
        if not 0 <= now - self._counted_at < _COUNTERS_S:
            self._counted_at = now
            self._count_line_errors()
        since = self.tally.silence_s(now) if self.tally.bytes else now - self.started_at
        if since >= SILENT_S and not self._silent:
            self._silent = True
            self._tell(f"no bytes for {SILENT_S:.0f} s" if self.tally.bytes else _NOTHING)

    def _count_line_errors(self) -> None:
        counters, before = self._reader.line_errors(), self._counters_before
        if counters is not None and before is not None:
            self.tally.overruns += max(0, counters.overruns - before.overruns)
            self.tally.framing_errors += max(0, counters.framing - before.framing)
        self._counters_before = counters

    def _suspect(self, data: bytes) -> None:
        """Tell once when what comes cannot be the traffic that was expected."""
        if self._head is None:
            return
        self._head += data[: SUSPICIOUS_BYTES - len(self._head)]
        if len(self._head) >= SUSPICIOUS_BYTES:
            found, self._head = plausible_link(bytes(self._head)), None
            if self.tally.suspicious or found not in (None, self._link):
                self._count_line_errors()
                self._tell(_suspicion(found, self.tally, self._link, self._reader.facts.rate))

    # a link that goes away --------------------------------------------------------------------------------------------
    def _lost(self, problem: LostLinkError) -> bool:
        """Wait for the link to come back; False where it was stopped before.  Raises ``problem`` where nobody waits."""
        lost_at = self.now()
        self.tally.lost_links += 1
        self._take_all(self._decoder.finish())
        if self.keeper is not None:
            self.keeper.tick(lost_at)
        if self._reopen is None or not self._reader.facts.lasting:
            raise problem
        self._reader.close()
        self._tell(f"{problem}; waiting for it")
        while not self._stopping.wait(RETRY_S):
            now = self.now()
            self._look_around_without_link(now)
            if self._is_enough(now):
                return False
            try:
                self._reader = self._reopen()
            except LinkError:
                continue
            self._back(self.now() - lost_at)
            return True
        return False

    def _look_around_without_link(self, now: float) -> None:
        self.tally.quiet(now)
        if self.keeper is not None:
            self.keeper.tick(now)

    def _back(self, away_s: float) -> None:
        text = f"{self._reader.facts.name}: the link is back after {away_s:.1f} s"
        self._counters_before = self._reader.line_errors()
        self._read_at = time.monotonic()
        self._silent = False
        self._tell(text)
        if self.keeper is not None:
            self.keeper.remark(text)

    # the queue --------------------------------------------------------------------------------------------------------
    def _show(self, event: Event) -> None:
        with self._news:
            if isinstance(event, Heard) and len(self._queue) >= QUEUE_LIMIT:
                self.tally.unprinted += 1
                return
            self._queue.append(event)
            self._news.notify_all()

    def _tell(self, text: str) -> None:
        self._show(Notice(text))


_NOTHING = "no bytes yet; is the bus awake, the adapter wired (A and B not swapped) and this the right port?"


def _suspicion(found: Link | None, tally: Tally, link: Link, rate: int | None) -> str:
    """What is probably wrong; ``found`` is the link that the first bytes look like."""
    if found is not None and found is not link:
        return f"this looks like {_LINK_TEXTS[found]}, not {_LINK_TEXTS[link]}; try --link {found.value}"
    at = f" at {rate} bit/s" if rate else ""
    errors = f", {tally.framing_errors} of them with a wrong stop bit" if tally.framing_errors else ""
    return (
        f"{tally.bytes} bytes{at}{errors}, but {tally.good} valid frames: "
        f"wrong bit rate (--baud), noise, or no {_LINK_TEXTS[link]}"
    )


_LINK_TEXTS = {Link.RS485: "VE.Bus on RS485", Link.MK3: "MK2/MK3 traffic"}
