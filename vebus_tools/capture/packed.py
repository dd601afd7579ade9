"""Captures that a recorder has packed with gzip are read like any other."""

from __future__ import annotations

import errno
import gzip
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from vebus_tools.capture.stream import ByteSource, problem_with

if TYPE_CHECKING:
    import os

__all__ = ["GZIP_MAGIC", "unpacked"]

GZIP_MAGIC = b"\x1f\x8b\x08"
"""First bytes of a gzip file."""


class _Unpacked(gzip.GzipFile):
    """Says what is wrong with the file in the way of other files."""

    def read1(self, size: int = -1) -> bytes:
        try:
            return super().read1(size)
        except (EOFError, zlib.error) as problem:
            raise OSError(errno.EIO, "the gzip file is cut off or damaged; all before it was read") from problem


def unpacked(path: str | os.PathLike[str]) -> ByteSource:
    """The bytes in a gzip file.  Raises CaptureError."""
    try:
        return ByteSource(cast("BinaryIO", _Unpacked(Path(path), "rb")), str(path))
    except (OSError, ValueError) as problem:
        raise problem_with(str(path), problem, doing="open") from problem
