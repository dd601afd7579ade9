"""The work of `vebus export` on one capture, in this process or in others."""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vebus_protocol.scaling import ScaleBook
from vebus_tools import __version__
from vebus_tools.capture import AUTO, Capture, open_capture
from vebus_tools.capture.detect import Format as CaptureFormat
from vebus_tools.cli.extras import has
from vebus_tools.cli.printing import display_filter
from vebus_tools.export.capture_rows import CaptureRows, Seen, UnevenCaptureError, Way, Wish
from vebus_tools.export.rows import Rows, Selection
from vebus_tools.export.tables import CAPTURES
from vebus_tools.export.target import Format, Source, Store, Writer, store_at, table_rows
from vebus_tools.names import NameTable
from vebus_tools.records import Link

if TYPE_CHECKING:
    from vebus_tools.cli.progress import Progress, Step

__all__ = ["Job", "Outcome", "export_one", "in_processes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What to do with every capture; can be sent to another process."""

    select: Selection
    start: float | None
    stop: float | None
    names: Mapping[int, str]
    book: ScaleBook
    display_filter: str | None
    input_format: str
    link: str
    reference: bool
    schema: str

    @property
    def selected(self) -> str:
        """The options that leave something out, as one text."""
        parts = [f"-m {name}" for name in sorted(self.select.tables or ())]
        parts += [f"-e {name}" for name in sorted(self.select.fields or ())]
        parts += [f"-Y {self.display_filter}"] if self.display_filter else []
        parts += [
            f"--{name} {value:g}" for name, value in (("start", self.start), ("stop", self.stop)) if value is not None
        ]
        return " ".join(parts)

    def wish(self) -> Wish:
        """The same in the form of the engine."""
        names = NameTable(self.names)
        return Wish(
            select=self.select,
            start=self.start,
            stop=self.stop,
            passes=display_filter(self.display_filter, names),
            names=names,
            book=self.book,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of one capture."""

    capture: str
    seen: Seen


def export_one(store: Store, source: Source, job: Job, step: Step, *, threaded: bool = False) -> Outcome:
    """Export one capture.  Raises CaptureError, OSError and what the library behind the store raises."""
    try:
        return _attempt(store, source, job, step, None, threaded=threaded)
    except UnevenCaptureError:
        store.drop([source.capture])
        return _attempt(store, source, job, step, Way.RECORDS, threaded=threaded)


def _attempt(store: Store, source: Source, job: Job, step: Step, way: Way | None, *, threaded: bool) -> Outcome:
    with open_capture(source.path, input_format=job.input_format) as capture:
        link = capture.link() if job.link == AUTO else Link(job.link)
        vocabularies = {"capture": (source.capture,), "sender_name": tuple(dict.fromkeys(job.names.values()))}
        writer = store.writer(source, vocabularies)
        if threaded:
            writer = _Threaded(writer)
        rows = CaptureRows(source.capture, job.wish())
        try:
            for tables in rows.of(capture.chunks, link, way or _way(capture, link, source, job)):
                writer.write(tables)
                step(capture.offset, rows.seen.rows)
            writer.write([_capture_row(source, capture, link, job, rows.seen)])
        finally:
            writer.close()
    return Outcome(capture=source.capture, seen=rows.seen)


def _way(capture: Capture, link: Link, source: Source, job: Job) -> Way:
    """The fastest way that can serve the request; what does not begin anew has no second attempt."""
    if job.reference:
        return Way.REFERENCE
    if job.display_filter or link is not Link.RS485 or not has("numpy"):
        return Way.RECORDS
    if capture.format is CaptureFormat.RAW:
        return Way.STREAM
    packets = capture.format in (CaptureFormat.PCAPNG, CaptureFormat.PCAP, CaptureFormat.LOG)
    return Way.PACKETS if packets and source.content is not None else Way.RECORDS


def _capture_row(source: Source, capture: Capture, link: Link, job: Job, seen: Seen) -> Rows:
    facts: dict[str, Any] = {
        "capture": source.capture,
        "path": source.path,
        "content": source.content,
        "bytes": source.size,
        "format": capture.format.value,
        "link": link.value,
        "rows": seen.rows,
        "damaged": seen.damaged,
        "undecoded": seen.undecoded,
        "first_time": seen.first_time,
        "last_time": seen.last_time,
        "duration": seen.duration,
        "complete": not seen.problem,
        "problem": seen.problem or None,
        "selection": job.selected or None,
        "program": f"vebus-tools {__version__}",
        "schema": job.schema,
        "exported_at": time.time_ns() // 1000,
    }
    return table_rows(CAPTURES, [[facts[column.name] for column in CAPTURES.columns]])


class _Threaded:
    """Hands rows to a writer in another thread, which works while the next rows are made."""

    _AHEAD = 4

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._waiting: queue.Queue[list[Rows] | None] = queue.Queue(self._AHEAD)
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="export writer", daemon=True)
        self._thread.start()

    def _work(self) -> None:
        while (tables := self._waiting.get()) is not None:
            if self._failure is not None:
                continue  # so that nobody waits for a place in the queue
            try:
                self._writer.write(tables)
            except BaseException as problem:  # noqa: BLE001  (raised again by `write` or `close`)
                self._failure = problem

    def write(self, tables: list[Rows]) -> None:
        if self._failure is not None:
            raise self._failure
        self._waiting.put(tables)

    def close(self) -> None:
        self._waiting.put(None)
        self._thread.join()
        if self._failure is not None:
            raise self._failure
        self._writer.close()


# --- several processes ------------------------------------------------------------------------------------------------
_LOOK_S = 0.1
_shared: list[Any] = []


def in_processes(work: Sequence[tuple[Source, Path, Format]], job: Job, jobs: int, bar: Progress) -> list[Outcome]:
    """Export captures side by side, each with files of its own.  Raises as export_one."""
    context = multiprocessing.get_context("spawn")
    counts, stop = context.Array("q", 2 * len(work)), context.Event()
    started = (counts, stop, os.getpid())
    with ProcessPoolExecutor(min(jobs, len(work)), context, initializer=_begin, initargs=started) as pool:
        futures = [pool.submit(_export_there, place, *one, job) for place, one in enumerate(work)]
        try:
            _watch(futures, counts, bar)
            return [future.result() for future in futures]
        except BaseException:
            stop.set()
            pool.shutdown(cancel_futures=True)
            raise


def _watch(futures: Iterable[Future[Outcome]], counts: Any, bar: Progress) -> None:  # noqa: ANN401  (no type of its own)
    waiting = set(futures)
    while waiting:
        done, waiting = wait(waiting, timeout=_LOOK_S)
        for future in done:
            future.result()
        for place in range(len(counts) // 2):
            bar.at(place, counts[2 * place], counts[2 * place + 1])


def _begin(*shared: Any) -> None:  # noqa: ANN401
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that started us says when to stop
    _shared[:] = shared


def _export_there(place: int, source: Source, path: Path, form: Format, job: Job) -> Outcome:
    counts, stop, parent = _shared

    def step(read: int, rows: int) -> None:
        counts[2 * place], counts[2 * place + 1] = read, rows
        if stop.is_set() or os.getppid() != parent:
            raise SystemExit(1)

    return export_one(store_at(path, form), source, job, step)
