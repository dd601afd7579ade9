"""The VE.Bus protocol: what the bytes on the RS485 bus and on an MK2/MK3 adapter's link mean.

Envelopes are pairs of plain functions, messages are frozen dataclasses that keep the raw numbers of the wire, and a
scale book turns raw numbers into values with units:

    >>> from vebus_protocol import Link, ScaleBook, Space, decode_frame, decode_payload, physical
    >>> frame = decode_frame(bytes.fromhex("83 83 FE 72 20 40 A5 C4 01 0C 33 05 12 00 00 00 00 00 86 EB FF"))
    >>> message = decode_payload(Space.PAYLOAD, frame.payload, Link.RS485)[-1].message
    >>> message.INFO.title, message.raws()["voltage"]
    ('DC info', 1331)
    >>> physical(message.spec("voltage"), 1331, message.raws(), ScaleBook())
    Physical(value=13.31, assumed=True, reason='')
    >>> message.build() == frame.payload
    True

Here "assumed" says that the scale comes from a published table: this device has not announced its own yet.

The names are loaded on first use, so that importing only the errors costs nothing else.  Sources stand beside each
declaration; `protocol/README.md` is the reference that is generated from them.
"""

from typing import TYPE_CHECKING

from vebus_protocol.face import lazy_face

if TYPE_CHECKING:
    from vebus_protocol.errors import (
        ChecksumError,
        EncodeError,
        FrameError,
        MessageError,
        StuffingError,
        TruncatedError,
        VEBusError,
    )
    from vebus_protocol.frame import Frame, decode_frame, encode_frame
    from vebus_protocol.mk3 import Mk3Frame, decode_mk3_frame, encode_mk3_frame
    from vebus_protocol.registry import MESSAGES, Placed, decode_payload
    from vebus_protocol.scaling import Physical, ScaleBook, physical
    from vebus_protocol.schema import Direction, Evidence, Field, Link, Message, Space

__all__ = [
    "MESSAGES",
    "ChecksumError",
    "Direction",
    "EncodeError",
    "Evidence",
    "Field",
    "Frame",
    "FrameError",
    "Link",
    "Message",
    "MessageError",
    "Mk3Frame",
    "Physical",
    "Placed",
    "ScaleBook",
    "Space",
    "StuffingError",
    "TruncatedError",
    "VEBusError",
    "decode_frame",
    "decode_mk3_frame",
    "decode_payload",
    "encode_frame",
    "encode_mk3_frame",
    "physical",
]

_HOMES = {
    "errors": (
        "ChecksumError",
        "EncodeError",
        "FrameError",
        "MessageError",
        "StuffingError",
        "TruncatedError",
        "VEBusError",
    ),
    "frame": ("Frame", "decode_frame", "encode_frame"),
    "mk3": ("Mk3Frame", "decode_mk3_frame", "encode_mk3_frame"),
    "registry": ("MESSAGES", "Placed", "decode_payload"),
    "scaling": ("Physical", "ScaleBook", "physical"),
    "schema": ("Direction", "Evidence", "Field", "Link", "Message", "Space"),
}

if not TYPE_CHECKING:  # a type checker that saw this would accept every name
    __getattr__, __dir__ = lazy_face(__name__, globals(), _HOMES)
