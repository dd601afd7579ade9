"""Lines of standard input while something runs: commands, taken without ever waiting for them."""

from __future__ import annotations

import os
import select
import sys
import time
from types import TracebackType
from typing import Self

__all__ = ["Input"]

_READ_SIZE = 4096
_LONGEST_LINE = 4096


class Input:
    """Standard input by lines; ``ended`` is whether nothing more can come."""

    def __init__(self, descriptor: int | None = None) -> None:
        """``descriptor`` is standard input unless given."""
        self._descriptor = descriptor
        self._pending = b""
        self.ended = False

    def __enter__(self) -> Self:
        """Find out whether there is anything to read from."""
        try:
            self._descriptor = sys.stdin.fileno() if self._descriptor is None else self._descriptor
            os.fstat(self._descriptor)
        except (AttributeError, OSError, ValueError):
            self.ended = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is kept."""

    def wait(self, timeout_s: float) -> None:
        """Wait until something can be read, at most so long."""
        descriptor = self._readable()
        if descriptor is None:
            time.sleep(timeout_s)
        else:
            select.select([descriptor], [], [], timeout_s)

    def take(self) -> list[str]:
        """Whole lines that have come; the rest of the last one, too, when that was the end."""
        descriptor = self._readable()
        while descriptor is not None and select.select([descriptor], [], [], 0)[0]:
            try:
                data = os.read(descriptor, _READ_SIZE)
            except OSError:
                data = b""
            self._pending += data
            if not data:
                self.ended = True
                break
        *lines, rest = self._pending.split(b"\n")
        if self.ended or len(rest) > _LONGEST_LINE:
            lines, rest = [*lines, rest], b""
        self._pending = rest
        return [line.decode("utf-8", "replace") for line in lines if line.strip()]

    def _readable(self) -> int | None:
        """The descriptor, unless it is the terminal of somebody else: reading there would stop us."""
        descriptor = self._descriptor
        if self.ended or descriptor is None:
            return None
        if os.isatty(descriptor):
            try:
                return descriptor if os.tcgetpgrp(descriptor) == os.getpgrp() else None
            except OSError:
                return None
        return descriptor
