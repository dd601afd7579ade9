"""The errors of the protocol package.

VEBusError
├── FrameError            bytes that are no valid frame
│   ├── ChecksumError     the sum is wrong; says what was expected and what came
│   ├── StuffingError     an escape that the rule does not know
│   └── TruncatedError    the frame ends too early
├── MessageError          a valid frame whose payload does not have the declared layout
└── EncodeError           a value that does not fit the declared layout

Functions that decode *one* frame or message raise these.  Decoding a *stream* never raises: there the problem
becomes part of the record.
"""

from __future__ import annotations

__all__ = [
    "ChecksumError",
    "EncodeError",
    "FrameError",
    "MessageError",
    "StuffingError",
    "TruncatedError",
    "VEBusError",
]


class VEBusError(Exception):
    """Root of everything that vebus_protocol and vebus_tools raise on purpose."""


class FrameError(VEBusError):
    """Bytes that are not one valid frame."""


class ChecksumError(FrameError):
    """The checksum does not fit: ``expected`` and ``got`` are the byte values 0..255."""

    def __init__(self, expected: int, got: int, frame: bytes) -> None:
        """Keep both sums and say them in hex together with the frame."""
        super().__init__(f"checksum 0x{got:02x} incorrect, should be 0x{expected:02x}: {frame.hex(' ')}")
        self.expected = expected
        self.got = got


class StuffingError(FrameError):
    """An escape byte FA followed by a byte that no rule explains."""


class TruncatedError(FrameError):
    """Fewer bytes than the smallest frame of this kind."""


class MessageError(VEBusError):
    """A payload that does not have the layout that was asked for."""


class EncodeError(VEBusError):
    """A value that cannot be written in its declared layout."""
