"""The captures behind a profile, read anew with their hashes (X-2)."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from vebus_protocol.bms import ProvenanceClass
from vebus_protocol.frame import Frame, ReceivedFrame
from vebus_protocol.schema import Link
from vebus_tools.capture import open_capture
from vebus_tools.decoder import decode_chunks
from vebus_tools.emulator.evidence import Evidence, HeardCapture, check_evidence
from vebus_tools.records import CaptureError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from vebus_protocol.bms import Profile

__all__ = ["read_evidence"]


def read_evidence(profile: Profile, paths: Mapping[str, Path]) -> Evidence | None:
    """Check a captured profile against its files; None for a profile of another class.  Raises CaptureError."""
    if profile.provenance.sort is not ProvenanceClass.CAPTURED:
        return None
    named = {one.file for one in profile.provenance.captures}
    return check_evidence(profile, {name: _heard(path) for name, path in paths.items() if name in named})


def _heard(path: Path) -> HeardCapture:
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as problem:
        raise CaptureError(f"{path}: cannot read the capture: {problem.strerror}") from problem
    return HeardCapture(sha256=digest, frames=tuple(_frames(path)))


def _frames(path: Path) -> Iterator[tuple[float, Frame]]:
    first: float | None = None
    with open_capture(str(path)) as capture:
        for record in decode_chunks(capture.chunks, Link.RS485):
            frame = record.frame
            first = record.stamp.at if first is None else first
            if isinstance(frame, ReceivedFrame) and frame.good:
                at = record.stamp.at - first
                yield at, Frame(sender=frame.sender, kind=frame.kind, number=frame.number, payload=frame.payload)
