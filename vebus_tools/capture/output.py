"""The byte edge of writing: whole records to a file, a pipe or a stream, with a clear state when that fails."""

from __future__ import annotations

import abc
import contextlib
import errno
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from vebus_tools.capture.stream import problem_with
from vebus_tools.records import CaptureError

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from vebus_tools.records import Record

__all__ = ["CaptureWriter", "Output", "open_output"]

_FLUSH_SIZE = 1 << 16


class Output:
    """Collects parts that make sense only as a whole and hands them to the operating system in big pieces.

    When writing fails, a file is cut back behind its last complete part, so that it can be read.
    """

    def __init__(self, stream: BinaryIO, name: str, *, owned: bool) -> None:
        """Write to ``stream``, which is unbuffered where it is ``owned``; ``name`` is for error messages."""
        self.name = name
        self.size = 0
        """Bytes taken so far, whether handed over or not."""
        self._stream = stream
        self._owned = owned
        self._parts: list[bytes] = []
        self._pending = 0
        self._good_end = 0
        self._failed = False

    def write(self, part: bytes) -> None:
        """Append one part.  Raises as ``flush``."""
        self._parts.append(part)
        self._pending += len(part)
        self.size += len(part)
        if self._pending >= _FLUSH_SIZE:
            self.flush()

    def flush(self) -> None:
        """Hand over all parts; does nothing after a failure.

        Raises CaptureError, and BrokenPipeError where the reader of a pipe has left.
        """
        if self._failed:
            return
        try:
            self._hand_over()
        except BrokenPipeError:
            self._failed = True
            raise
        except (OSError, ValueError) as problem:
            self._failed = True
            self._cut_back()
            raise problem_with(self.name, problem, doing="write") from problem

    def close(self) -> None:
        """Write what is left and close a file; a stream that was passed in stays open.  Raises as ``flush``."""
        try:
            self.flush()
        finally:
            if self._owned:
                self._stream.close()

    def _hand_over(self) -> None:
        sizes = [len(part) for part in self._parts]
        data = memoryview(b"".join(self._parts))
        self._parts.clear()
        self._pending = done = 0
        try:
            while done < len(data):
                count = self._stream.write(data[done:])
                if not count:
                    raise OSError(errno.EAGAIN, "the target takes no more bytes")
                done += count
            self._stream.flush()
        finally:
            for size in sizes:
                done -= size
                self._good_end += size if done >= 0 else 0

    def _cut_back(self) -> None:
        if self._owned:
            with contextlib.suppress(OSError, ValueError):
                self._stream.truncate(self._good_end)


def open_output(target: str | os.PathLike[str], *, input_path: str | os.PathLike[str] | None = None) -> Output:
    """Create the file ``target``, or take the standard output for "-".

    Raises CaptureError when that fails, and when the target is the file that is being read (``input_path``, "-" for
    the standard input): it would be emptied before it is read.
    """
    if str(target) == "-":
        return Output(_standard_output(), "standard output", owned=False)
    try:
        if input_path is not None and _same_file(target, input_path):
            raise CaptureError(f"{target}: is the file that is being read; write to another one")
        return Output(Path(target).open("wb", buffering=0), str(target), owned=True)
    except FileNotFoundError as problem:
        raise CaptureError(f"{target}: no such directory; create it first") from problem
    except (OSError, ValueError) as problem:
        raise problem_with(str(target), problem, doing="create") from problem


def _same_file(target: str | os.PathLike[str], source: str | os.PathLike[str]) -> bool:
    try:
        facts = os.fstat(0) if str(source) == "-" else Path(source).stat()
        there = Path(target).stat()
    except OSError:
        return False
    return stat.S_ISREG(facts.st_mode) and os.path.samestat(facts, there)


def _standard_output() -> BinaryIO:
    import sys

    if sys.stdout is None:  # started with a closed descriptor
        raise CaptureError("standard output: is closed; name a file")
    return sys.stdout.buffer


class CaptureWriter(abc.ABC):
    """Takes records one by one and writes them in one format; also a Sink and a context manager."""

    def __init__(self, output: Output) -> None:
        """Write to ``output``, and close it in the end."""
        self._output = output

    @property
    def size(self) -> int:
        """Bytes of the capture so far, including what is not handed to the operating system yet."""
        return self._output.size

    @abc.abstractmethod
    def write(self, record: Record) -> None:
        """Append one record.  Raises CaptureError, and BrokenPipeError where the reader of a pipe has left."""

    def flush(self) -> None:
        """Hand everything to the operating system now.  Raises as ``write``."""
        self._output.flush()

    def close(self) -> None:
        """Write what is left and close the file.  Raises as ``write``."""
        self._output.close()

    def stop(self) -> None:
        """See Sink.stop; the same as ``close``."""
        self.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
