"""The VE.Bus BMS on the wire, as data: profiles, one codec for all of them, and the messages they declare.

    profile = built_in("lab-sim-1")
    wire = encode(profile, "information", values, number=16)
    decode(profile, decode_frame(wire)).permissions

The information frame of a real BMS is not public (bms-wire.md 1), so nothing here claims to know it.
"""

from vebus_protocol.bms.codec import (
    NOTHING_ALLOWED,
    BmsFrame,
    broken_rules,
    check_vectors,
    decode,
    decode_payload,
    encode,
    encode_payload,
)
from vebus_protocol.bms.loading import BUILT_IN, LAB, SCHEMA, built_in, read_profile
from vebus_protocol.bms.messages import LabBmsInformation, declared_message
from vebus_protocol.bms.profile import (
    CaptureSpec,
    FieldSpec,
    FieldType,
    FrameSpec,
    GoldenVector,
    Medium,
    Permissions,
    Profile,
    ProfileError,
    ProvenanceClass,
    Rule,
    Sort,
    StateSpan,
    Towards,
)

__all__ = [
    "BUILT_IN",
    "LAB",
    "NOTHING_ALLOWED",
    "SCHEMA",
    "BmsFrame",
    "CaptureSpec",
    "FieldSpec",
    "FieldType",
    "FrameSpec",
    "GoldenVector",
    "LabBmsInformation",
    "Medium",
    "Permissions",
    "Profile",
    "ProfileError",
    "ProvenanceClass",
    "Rule",
    "Sort",
    "StateSpan",
    "Towards",
    "broken_rules",
    "built_in",
    "check_vectors",
    "declared_message",
    "decode",
    "decode_payload",
    "encode",
    "encode_payload",
    "read_profile",
]
