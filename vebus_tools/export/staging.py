"""A file or folder that appears under its name when it is whole, and not before.

Work is done beside the target under the name ``.NAME.partial``.  ``commit`` brings everything to the disk and then
takes one step: a rename, or for a folder that is there already an exchange of both names.  Whatever happens before
leaves the target as it was, and the next export clears the rest away.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Self

from vebus_tools.records import CaptureError

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

__all__ = ["Staged"]

_AT_CWD = -100
_EXCHANGE = 2
_ASIDE = ".old"


class Staged:
    """Where an export is written until it is whole; a context manager that throws away what was not committed.

    ``path`` is the file or folder to write to; nobody else writes there at the same time.
    """

    def __init__(self, target: Path, *, folder: bool) -> None:
        """Take the place beside ``target``.  Raises CaptureError when that fails or another export is at work."""
        self.target = target
        self.path = target.parent / f".{target.name}.partial"
        self._folder = folder
        try:
            self._lock = self._taken()
        except OSError as problem:
            raise CaptureError(f"{target}: cannot be written: {problem.strerror or problem}") from problem

    def _taken(self) -> int:
        aside = self.path.with_suffix(_ASIDE)
        if aside.exists() and not self.target.exists():  # killed between the steps of `_exchange`
            aside.rename(self.target)
        while True:
            lock = self._locked()
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(lock), self.path.stat()):
                    break
            os.close(lock)  # it was committed between opening and locking
        self._clear()
        return lock

    def _locked(self) -> int:
        if self._folder:
            self.path.mkdir(exist_ok=True)
        lock = os.open(self.path, os.O_RDONLY if self._folder else os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise CaptureError(f"{self.target}: another export writes it now; wait until it is done") from None
        return lock

    def _clear(self) -> None:
        """Throw away what a killed export left."""
        if not self._folder:
            os.truncate(self.path, 0)
            for beside in self.path.parent.glob(f"{self.path.name}?*"):
                beside.unlink()
            return
        for entry in self.path.iterdir():
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()

    def keep(self, wanted: Callable[[Path], bool]) -> None:
        """Begin with what the target has: a copy of a file, for a folder links to the files that are ``wanted``."""
        if not self._folder:
            shutil.copyfile(self.target, self.path)
            return
        for path in sorted(self.target.rglob("*")):
            if path.is_file() and wanted(path):
                place = self.path / path.relative_to(self.target)
                place.parent.mkdir(parents=True, exist_ok=True)
                _link(path, place)

    def commit(self) -> None:
        """Make it appear.  Raises OSError."""
        for path in _below(self.path):
            _sync(path)
        if self._folder and self.target.exists():
            _exchange(self.path, self.target)
        else:
            self.path.rename(self.target)
        _sync(self.target.parent)
        os.close(self._lock)
        self._lock = -1
        with contextlib.suppress(OSError, CaptureError):  # the former folder stands there now
            self._lock = self._locked() if self.path.exists() else -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._lock < 0:
            return
        if self._folder:
            shutil.rmtree(self.path, ignore_errors=True)
        else:
            self.path.unlink(missing_ok=True)
        os.close(self._lock)


def _below(path: Path) -> Iterator[Path]:
    """All files and folders, the innermost first."""
    if path.is_dir():
        for entry in path.iterdir():
            yield from _below(entry)
    yield path


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as problem:
        if problem.errno not in (errno.EINVAL, errno.ENOTSUP):  # a file system that knows no fsync of folders
            raise
    finally:
        os.close(handle)


def _link(path: Path, place: Path) -> None:
    try:
        os.link(path, place)
    except OSError:  # a file system without links
        shutil.copy2(path, place)


def _exchange(new: Path, old: Path) -> None:
    """Let two folders change names in one step; where the system cannot, in three."""
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.renameat2(_AT_CWD, os.fsencode(new), _AT_CWD, os.fsencode(old), _EXCHANGE) == 0:
            return
    aside = new.with_suffix(_ASIDE)
    old.rename(aside)
    new.rename(old)
    aside.rename(new)
