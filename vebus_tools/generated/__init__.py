"""Code generated from the declarations: the same answers as the reference, many times faster.

`reader_of` compiles one message of one length, and `Reader.source` shows what was made of it; `quick_chain` and
`quick_dissect` stand where the reference has ``decode_frame_chain`` and ``dissect``.  Construct and the walk of
``dissection`` stay the reference: what cannot be derived raises DerivationError here and is left to them.
"""

from vebus_tools.generated.plan import DerivationError, Parts, Plan, Slot, names_in, parts_of, plan_of, telling_offsets
from vebus_tools.generated.quick import chain_by, dissect_by, quick_chain, quick_dissect, readers_of
from vebus_tools.generated.source import Part, Reader, parts_for, reader_of
from vebus_tools.generated.stream import stream_values

__all__ = [
    "DerivationError",
    "Part",
    "Parts",
    "Plan",
    "Reader",
    "Slot",
    "chain_by",
    "dissect_by",
    "names_in",
    "parts_for",
    "parts_of",
    "plan_of",
    "quick_chain",
    "quick_dissect",
    "reader_of",
    "readers_of",
    "stream_values",
    "telling_offsets",
]
