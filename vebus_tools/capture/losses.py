"""What a capture format cannot hold, counted while records are written in it."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from vebus_protocol.schema import Direction
from vebus_tools.capture.detect import Format
from vebus_tools.capture.notes import CaptureNotes
from vebus_tools.records import Record

__all__ = ["Losses"]

_NO_TIMES = frozenset({Format.RAW, Format.HEX})
_NO_DIRECTIONS = frozenset({Format.RAW, Format.PCAP})
_NO_INTERFACES = frozenset({Format.RAW, Format.HEX, Format.PCAP})
_NO_ESTIMATES = frozenset({Format.LOG, Format.PCAP})
_FROM_ZERO = frozenset({Format.PCAPNG, Format.PCAP})
_DECIMALS = {Format.LOG: 6, Format.PCAPNG: 9, Format.PCAP: 9}


class Losses:
    """Counts what of the records is not in a capture of one format; `lines` tells it in words.

    Frame borders are no loss: they are found again by the rules of the frames.
    """

    def __init__(self, form: Format) -> None:
        """``form`` is the format that is written."""
        self._form = form
        self._times = self._estimates = self._fractions = self._negative = 0
        self._directions = self._comments = 0
        self._interfaces: set[str] = set()
        self._links: set[str] = set()

    def take(self, record: Record) -> None:
        """Count one record that is written."""
        form, stamp = self._form, record.stamp
        self._links.add(record.link.value)
        self._interfaces.add(record.interface)
        self._comments += len(record.comments) if form is not Format.PCAPNG else 0
        self._directions += form in _NO_DIRECTIONS and record.direction is not Direction.BOTH
        if form in _NO_TIMES:
            self._times += not stamp.source.estimated
            return
        self._estimates += form in _NO_ESTIMATES and stamp.source.estimated
        self._negative += form in _FROM_ZERO and stamp.at < 0
        decimals = -int(Decimal(repr(stamp.at)).as_tuple().exponent)
        self._fractions += not stamp.source.estimated and decimals > _DECIMALS[form]

    def lines(self, notes: CaptureNotes) -> Iterator[str]:
        """What is lost, one thing a line; ``notes`` are those of the capture that was read."""
        form, decimals = self._form, _DECIMALS.get(self._form, 0)
        named = {name for name in self._interfaces if name}
        counted = (
            (self._times, "times"),
            (self._directions, "directions, except where the messages tell them"),
            (self._comments, "comments of frames"),
            (self._estimates, "marks that a time is estimated"),
            (self._fractions, f"times with more than {decimals} decimals, which are rounded"),
            (self._negative, "times before 0, which become 0"),
            (len(named) if form in _NO_INTERFACES else 0, f"names of interfaces ({', '.join(sorted(named))})"),
            (len(notes.comments) if form is not Format.PCAPNG else 0, "comments of the capture"),
            (notes.others, "blocks with counts, names or other notes of the capturing program"),
        )
        yield from (f"{count} {what}" for count, what in counted if count)
        if form in _NO_INTERFACES and len(self._interfaces) > 1:
            yield f"which of {len(self._interfaces)} interfaces a frame was heard on: they are mixed"
        if form in _NO_INTERFACES and len(self._links) > 1:
            yield "which link a frame was heard on: bus and adapter are mixed, choose one with -Y vebus or -Y mk3"
