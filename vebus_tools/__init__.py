"""Protocol analyzer and toolkit for Victron VE.Bus and the MK2/MK3 adapter link.

From bytes to what they mean:

    >>> from vebus_tools import Chunk, Link, dissections
    >>> data = bytes.fromhex("83 83 FE 72 20 40 A5 C4 01 0C 33 05 12 00 00 00 00 00 86 EB FF")
    >>> for dissection in dissections([Chunk(data=data)], Link.RS485):
    ...     print(dissection.source, dissection.info_column)
    Multi DC info, Nr=114, Udc=13.31 V, Iinv=1.8 A, Ichg=0.0 A [assumed scale]

`open_capture` reads files, `compile_filter` makes a display filter, `Decoder` and `Session` are the parts of
`dissections` for programs that read a live stream.  The names are loaded on first use.
"""

from typing import TYPE_CHECKING

from vebus_protocol.face import lazy_face

if TYPE_CHECKING:
    from vebus_tools.capture import Capture, open_capture, open_writer
    from vebus_tools.decoder import Decoder, decode_chunks
    from vebus_tools.dissection import dissect
    from vebus_tools.filters import compile_filter
    from vebus_tools.names import NameTable
    from vebus_tools.nodes import Block, Dissection, Node
    from vebus_tools.records import CaptureError, Chunk, Finding, Link, Record, Stamp
    from vebus_tools.runner import dissections
    from vebus_tools.session import Context, Session

__version__ = "0.1.0"

__all__ = [
    "Block",
    "Capture",
    "CaptureError",
    "Chunk",
    "Context",
    "Decoder",
    "Dissection",
    "Finding",
    "Link",
    "NameTable",
    "Node",
    "Record",
    "Session",
    "Stamp",
    "compile_filter",
    "decode_chunks",
    "dissect",
    "dissections",
    "open_capture",
    "open_writer",
]

_HOMES = {
    "capture": ("Capture", "open_capture", "open_writer"),
    "decoder": ("Decoder", "decode_chunks"),
    "dissection": ("dissect",),
    "filters": ("compile_filter",),
    "names": ("NameTable",),
    "nodes": ("Block", "Dissection", "Node"),
    "records": ("CaptureError", "Chunk", "Finding", "Link", "Record", "Stamp"),
    "runner": ("dissections",),
    "session": ("Context", "Session"),
}

if not TYPE_CHECKING:  # a type checker that saw this would accept every name
    __getattr__, __dir__ = lazy_face(__name__, globals(), _HOMES)
