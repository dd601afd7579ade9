"""Raw captures: the bytes of the line and nothing else, so no times, no directions and no frame borders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vebus_tools.capture.output import CaptureWriter
from vebus_tools.records import Chunk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vebus_tools.capture.stream import ByteSource
    from vebus_tools.records import Record

__all__ = ["CHUNK_SIZE", "RawWriter", "read_raw"]

CHUNK_SIZE = 1 << 16
"""Largest chunk of a raw capture in bytes, unless told otherwise."""


def read_raw(source: ByteSource, chunk_size: int = CHUNK_SIZE) -> Iterator[Chunk]:
    """Chunks of at most ``chunk_size`` bytes of one endless stream."""
    while data := source.some(chunk_size):
        yield Chunk(data=data)


class RawWriter(CaptureWriter):
    """Writes the bytes as heard, skipped ones included."""

    def write(self, record: Record) -> None:
        """Append the bytes of one record.  Raises as CaptureWriter.write."""
        self._output.write(record.wire)
