"""One emulator on a bus (X-7): a lock for what the bus looks like, beside the lock on the port itself.

A bus has no name, so it is told by what is heard: the sender of its sync frames and the versions of its units.  Two
buses that look alike cannot be told apart; then the second emulator on this computer is refused as well.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
from pathlib import Path

from vebus_tools.link import BusyLinkError, LinkError

__all__ = ["BusLock"]


class BusLock:
    """Holds the lock until it is closed, or the process ends."""

    def __init__(self, identity: str, folder: Path | None = None) -> None:
        """Lock a bus by what it looks like.  Raises BusyLinkError when another emulator has it, LinkError."""
        name = hashlib.sha256(identity.encode()).hexdigest()[:16]
        self.path = (folder or Path(tempfile.gettempdir())) / f"vebus-bus-{name}.lock"
        try:
            self._fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
        except OSError as problem:
            raise LinkError(f"{self.path}: cannot lock the bus: {problem.strerror}") from problem
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as problem:
            os.close(self._fd)
            raise BusyLinkError(f"another emulated BMS works on a bus that looks the same ({identity})") from problem

    def close(self) -> None:
        """Give it back; the file stays, so that nobody locks one that is about to vanish."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
