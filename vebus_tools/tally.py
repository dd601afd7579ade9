"""What a listener counts: a fold over records, and what the counts say of the line."""

from __future__ import annotations

from dataclasses import dataclass, field

from vebus_protocol.frame import ReceivedFrame
from vebus_protocol.mk3 import ReceivedMk3Frame
from vebus_tools.framing import Mk3Splitter, Rs485Splitter
from vebus_tools.records import Group, Link, Record

__all__ = ["SUSPICIOUS_BYTES", "Tally", "plausible_link"]

SUSPICIOUS_BYTES = 2048
"""Bytes without a valid frame after which something must be wrong: 80 ms of a saturated bus."""

_NUMBERS = 0x80
_SURE_FRAMES = 3


@dataclass(slots=True, kw_only=True)
class Tally:
    """Counts since the start; times in seconds.

    ``resyncs`` are runs of bytes that belong to no frame, ``gaps`` places where frame numbers jump and ``missing`` the
    frames that are missing there (modulo 128).  ``overruns`` are bytes that the driver lost, ``framing_errors`` those
    with a wrong stop bit, each as far as it counts them.  ``unprinted`` are records that a slow output did not get.
    """

    frames: int = 0
    bytes: int = 0
    good: int = 0
    bad_checksums: int = 0
    resyncs: int = 0
    skipped_bytes: int = 0
    gaps: int = 0
    missing: int = 0
    overruns: int = 0
    framing_errors: int = 0
    unprinted: int = 0
    accepted: int = 0
    lost_links: int = 0
    longest_silence_s: float = 0.0
    _last_byte_at: float | None = field(default=None, repr=False)
    _last_number: int | None = field(default=None, repr=False)

    def heard(self, size: int, first_at: float, last_at: float) -> None:
        """Count bytes that arrived, the first of them at ``first_at`` and the last at ``last_at``."""
        self.bytes += size
        self.quiet(first_at)
        self._last_byte_at = last_at

    def quiet(self, at: float) -> None:
        """Note that nothing came until ``at``."""
        if self._last_byte_at is None:
            self._last_byte_at = at
        self.longest_silence_s = max(self.longest_silence_s, at - self._last_byte_at)

    def silence_s(self, at: float) -> float:
        """How long nothing has come, as of ``at``."""
        return 0.0 if self._last_byte_at is None else at - self._last_byte_at

    def take(self, record: Record) -> None:
        """Count one record."""
        if record.frame is None:
            self.resyncs += 1
            self.skipped_bytes += len(record.wire)
            return
        self.frames += 1
        if record.findings and any(finding.group is Group.CHECKSUM for finding in record.findings):
            self.bad_checksums += 1
            return
        self.good += 1
        if isinstance(record.frame, ReceivedFrame):
            self._number(record.frame.number)

    def _number(self, number: int) -> None:
        if self._last_number is not None:
            missing = (number - self._last_number - 1) % _NUMBERS
            self.gaps += bool(missing)
            self.missing += missing
        self._last_number = number

    @property
    def suspicious(self) -> bool:
        """Whether what comes cannot be the traffic that was expected."""
        return self.bytes >= SUSPICIOUS_BYTES and self.good * SUSPICIOUS_BYTES < self.bytes

    @property
    def damage(self) -> str:
        """What was damaged, on one line; nothing where all was well."""
        skipped = f"{self.skipped_bytes} bytes in {self.resyncs} places belong to no frame"
        bad = f"{self.bad_checksums} frames with a bad checksum"
        return ", ".join([skipped] * (self.resyncs > 0) + [bad] * (self.bad_checksums > 0))

    def line(self) -> str:
        """All counts on one line, the longest silence last."""
        parts = [
            f"{self.frames} frames",
            f"{self.bytes} bytes",
            f"{self.bad_checksums} bad checksums",
            f"{self.resyncs} resynchronisations ({self.skipped_bytes} bytes skipped)",
            f"{self.gaps} number gaps ({self.missing} frames missing)",
            f"{self.overruns} overruns",
            f"longest silence {self.longest_silence_s:.3f} s",
        ]
        optional = (
            (self.framing_errors, "framing errors"),
            (self.lost_links, "losses of the link"),
            (self.unprinted, "records not printed, the output was too slow"),
        )
        return ", ".join([*parts, *(f"{count} {what}" for count, what in optional if count)])


def plausible_link(data: bytes) -> Link | None:
    """The link whose frames are in these bytes; None where there are none or too few to tell."""
    counts = {}
    for link, splitter in ((Link.RS485, Rs485Splitter()), (Link.MK3, Mk3Splitter())):
        frames = [piece.frame for piece in (*splitter.feed(data), *splitter.flush())]
        counts[link] = sum(
            isinstance(frame, ReceivedFrame | ReceivedMk3Frame) and frame.checksum_ok for frame in frames
        )
    best = max(counts, key=lambda link: counts[link])
    return best if counts[best] >= _SURE_FRAMES else None
