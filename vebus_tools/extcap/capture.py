"""A capture that Wireshark reads while it is written: the pcapng of a recording, handed over after each read."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO, cast

from vebus_tools.capture.notes import InterfaceNotes, Statistics
from vebus_tools.capture.output import Output
from vebus_tools.capture.pcapng import PcapngWriter

if TYPE_CHECKING:
    from io import RawIOBase

    from vebus_tools.records import Link, Record

__all__ = ["PipeCapture"]


class PipeCapture:
    """What a Listener writes to; see live.Keeper."""

    files = 1

    def __init__(
        self, stream: RawIOBase, link: Link, interface: str, notes: InterfaceNotes, summary: Callable[[], Statistics]
    ) -> None:
        """Write the head at once; ``summary`` is asked for the counts at the end.  Raises as ``write``."""
        self._writer = PcapngWriter(Output(cast("BinaryIO", stream), "pipe to Wireshark", owned=True), notes=notes)
        self._summary = summary
        self._remarks: deque[str] = deque()  # filled by one thread, emptied by another
        self._writer.describe(link, interface)
        self._writer.flush()

    @property
    def size(self) -> int:
        """Bytes written so far."""
        return self._writer.size

    def is_full(self, at: float) -> bool:  # noqa: ARG002  (a Keeper)
        """Never: Wireshark decides when there is enough."""
        return False

    def write(self, record: Record, at: float) -> None:  # noqa: ARG002  (a Keeper)
        """Append a record.  Raises CaptureError, BrokenPipeError."""
        while self._remarks:
            self._writer.remark(self._remarks.popleft())
        self._writer.write(record)

    def tick(self, at: float) -> None:  # noqa: ARG002  (a Keeper)
        """Hand over what there is.  Raises as ``write``."""
        self._writer.flush()

    def remark(self, text: str) -> None:
        """Comment the next packet; may be called by any thread."""
        self._remarks.append(text)

    def close(self) -> None:
        """Append the counts, with the comments that found no packet any more.  Raises as ``write``."""
        facts = self._summary()
        try:
            self._writer.statistics(replace(facts, comment="; ".join((facts.comment, *self._remarks))))
        finally:
            self._writer.close()
