"""Recording for days: files that rotate, are on disk within half a second, and tell in the end what they hold.

Names of a ring are those of dumpcap: ``bus_00001_20240131235959.pcapng``.  Nothing here has a clock: times come in as
arguments.
"""

from __future__ import annotations

import contextlib
import gzip
import os
import shutil
import sys
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from vebus_tools.capture.notes import NO_NOTES, CaptureNotes, InterfaceNotes, Statistics
from vebus_tools.capture.opening import open_writer
from vebus_tools.capture.output import CaptureWriter, open_output
from vebus_tools.capture.pcapng import PcapngWriter
from vebus_tools.capture.stream import problem_with
from vebus_tools.records import CaptureError

if TYPE_CHECKING:
    from vebus_protocol.schema import Link
    from vebus_tools.records import Record

__all__ = ["FLUSH_S", "Recorder", "Recording", "Ring"]

FLUSH_S = 0.5
"""Longest time in seconds that a record stays in memory, so that a killed recorder loses less than a second."""

_REMEMBERED = 8  # finished files of which packing may still go on

KILOBYTE = 1000
"""Bytes of a ``filesize``, as tshark counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ring:
    """When the next file begins, each None for never: size in kB, age and clock interval in seconds, records.

    ``files`` is how many are kept; ``print_name`` is where the name of each finished file goes ("-" is standard output,
    "stderr" standard error).
    """

    filesize_kb: int | None = None
    duration_s: float | None = None
    interval_s: float | None = None
    packets: int | None = None
    files: int | None = None
    print_name: str | None = None

    @property
    def rotates(self) -> bool:
        """Whether there is ever a second file."""
        return any((self.filesize_kb, self.duration_s, self.interval_s, self.packets))


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """What is recorded, and where to: ``target`` is a path or "-", ``form`` a capture format or None for its suffix.

    ``gzip`` packs each file when it is finished.  ``input_path`` is a capture that is read meanwhile, which is never
    overwritten.  ``zone`` is that of the times in file names, None that of this
    computer.
    """

    target: str
    link: Link
    interface: str
    form: str | None = None
    ring: Ring = field(default_factory=Ring)
    gzip: bool = False
    notes: InterfaceNotes | CaptureNotes = NO_NOTES
    comments: tuple[str, ...] = ()
    zone: tzinfo | None = None
    input_path: str | None = None


@dataclass(slots=True)
class _Finished:
    """A finished file, and the thread that packs it."""

    name: str
    thread: threading.Thread | None = None

    def wait(self, *, remove: bool = False) -> None:
        """Wait until it is packed, and perhaps remove it, packed or not."""
        if self.thread is not None:
            self.thread.join()
        if remove:
            for path in (self.name, f"{self.name}.gz"):
                with contextlib.suppress(FileNotFoundError):
                    Path(path).unlink()


class Recorder:
    """Writes records to one file after the other."""

    def __init__(self, recording: Recording, at: float, summary: Callable[[], Statistics] | None = None) -> None:
        """Create the first file, at the time ``at`` in seconds since 1970.

        ``summary`` is asked for the counts that stand at the end of each file.  Raises CaptureError.
        """
        if recording.target == "-" and (recording.ring.rotates or recording.gzip):
            raise CaptureError("standard output: is one stream, it can neither rotate nor be packed; name a file")
        self._recording = recording
        self._summary = summary
        self._kept: deque[_Finished] = deque()
        self._problems: list[str] = []
        self.finished_bytes = 0
        self.files = 0
        """Files begun so far."""
        self._flushed = at
        self._begin(at)

    @property
    def size(self) -> int:
        """Bytes in the file that is being written."""
        return self._writer.size

    @property
    def name(self) -> str:
        """Path of the file that is being written."""
        return self._name

    def write(self, record: Record, at: float) -> None:
        """Append a record; ``at`` is the time now in seconds since 1970.  Raises CaptureError, BrokenPipeError."""
        if self.is_full(at):
            self._end()
            self._make_room()
            self._begin(at)
        self._writer.write(record)
        self._records += 1
        self.tick(at)

    def is_full(self, at: float) -> bool:
        """Whether a record at this time, in seconds since 1970, begins another file."""
        ring = self._recording.ring
        return bool(
            (ring.filesize_kb and self._writer.size >= ring.filesize_kb * KILOBYTE)
            or (ring.packets and self._records >= ring.packets)
            or (ring.duration_s and at - self._begun >= ring.duration_s)
            or (ring.interval_s and at // ring.interval_s > self._begun // ring.interval_s)
        )

    def tick(self, at: float) -> None:
        """Hand over what is older than FLUSH_S; call it also while nothing comes.  Raises as ``write``."""
        if not 0 <= at - self._flushed < FLUSH_S:
            self._writer.flush()
            self._flushed = at

    def remark(self, text: str) -> None:
        """Comment the next record, where the format has comments."""
        if isinstance(self._writer, PcapngWriter):
            self._writer.remark(text)

    def close(self) -> None:
        """Finish the last file and wait until all are packed.  Raises as ``write``."""
        self._end()
        for finished in self._kept:
            finished.wait()
        if self._problems:
            raise CaptureError(self._problems[0])

    # files -----------------------------------------------------------------------------------------------------------
    def _begin(self, at: float) -> None:
        self.files += 1
        self._begun = at
        self._records = 0
        self._name = self._file_name(at)
        self._writer = self._open()
        if isinstance(self._writer, PcapngWriter):
            self._writer.describe(self._recording.link, self._recording.interface)
            self._writer.flush()

    def _open(self) -> CaptureWriter:
        recording = self._recording
        suffix = PurePath(recording.target).suffix.lower()
        pcapng = recording.form == "pcapng" or (recording.form is None and suffix in ("", ".pcapng"))
        if not pcapng:
            return open_writer(self._name, recording.form, input_path=recording.input_path)
        output = open_output(self._name, input_path=recording.input_path)
        return PcapngWriter(output, notes=recording.notes, comments=recording.comments)

    def _file_name(self, at: float) -> str:
        target = self._recording.target
        if not self._recording.ring.rotates:
            return target
        path = PurePath(target)
        clock = datetime.fromtimestamp(at, UTC).astimezone(self._recording.zone)
        return str(path.with_name(f"{path.stem}_{self.files:05d}_{clock:%Y%m%d%H%M%S}{path.suffix}"))

    def _end(self) -> None:
        if self._summary is not None and isinstance(self._writer, PcapngWriter):
            self._writer.statistics(self._summary())
        self._writer.close()
        self.finished_bytes += self._writer.size
        finished = _Finished(self._name)
        if self._recording.gzip:
            finished.thread = threading.Thread(target=self._pack, args=(self._name,), name=f"gzip {self._name}")
            finished.thread.start()
        else:
            self._print_name(self._name)
        self._kept.append(finished)

    def _make_room(self) -> None:
        """Remove the oldest files, so that with the next one there are as many as wanted."""
        files = self._recording.ring.files
        while len(self._kept) > (_REMEMBERED if files is None else files - 1):
            self._kept.popleft().wait(remove=files is not None)

    def _pack(self, name: str) -> None:
        packed = f"{name}.gz"
        try:
            with Path(name).open("rb") as plain, gzip.open(packed, "wb", compresslevel=6) as target:
                shutil.copyfileobj(plain, target)
            Path(name).unlink()
            self._print_name(packed)
        except OSError as problem:
            with contextlib.suppress(OSError):
                Path(packed).unlink()
            self._problems.append(f"{problem_with(packed, problem, doing='pack')}; {name} is complete")
        except CaptureError as problem:
            self._problems.append(str(problem))

    def _print_name(self, name: str) -> None:
        target = self._recording.ring.print_name
        if target is not None:
            _print_name(target, name)


def _print_name(target: str, name: str) -> None:
    streams = {"-": sys.stdout, "stdout": sys.stdout, "stderr": sys.stderr}
    if target in streams:
        streams[target].write(f"{os.fspath(name)}\n")
        streams[target].flush()
        return
    try:
        with Path(target).open("a", encoding="utf-8") as names:
            names.write(f"{name}\n")
    except OSError as problem:
        raise problem_with(target, problem, doing="write") from problem
