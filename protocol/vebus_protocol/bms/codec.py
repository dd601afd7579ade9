"""One codec for every profile: values <-> payload <-> frame, and what a frame permits.

A frame that breaks a rule of its profile is decoded, says which, and permits nothing.  Source: bms-wire.md 8.1, 8.2.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from vebus_protocol.bms.profile import FieldSpec, FieldType, FrameSpec, Permissions, Profile, ProfileError, Towards
from vebus_protocol.errors import EncodeError, VEBusError
from vebus_protocol.frame import Frame, decode_frame, encode_frame
from vebus_protocol.mk3 import Mk3Frame, decode_mk3_frame, encode_mk3_frame
from vebus_protocol.schema import Link

__all__ = [
    "NOTHING_ALLOWED",
    "BmsFrame",
    "broken_rules",
    "check_vectors",
    "decode",
    "decode_payload",
    "encode",
    "encode_payload",
]

NOTHING_ALLOWED = Permissions()
_DISCHARGE, _CHARGE = "discharge_allowed", "charge_allowed"


@dataclass(frozen=True, slots=True, kw_only=True)
class BmsFrame:
    """A frame as its profile reads it; ``broken`` names the rules that it breaks."""

    profile: Profile
    spec: FrameSpec
    values: Mapping[str, float]
    broken: tuple[str, ...] = ()

    @property
    def permissions(self) -> Permissions | None:
        """What an information frame allows: nothing where it contradicts itself; None for any other frame."""
        if _DISCHARGE not in self.values or _CHARGE not in self.values:
            return None
        if self.broken:
            return NOTHING_ALLOWED
        return Permissions(discharge=bool(self.values[_DISCHARGE]), charge=bool(self.values[_CHARGE]))


# --- payload ---------------------------------------------------------------------------------------------------------
def encode_payload(profile: Profile, name: str, values: Mapping[str, float]) -> bytes:
    """Payload of a frame.  Every field but the constants needs a value; rules are not enforced here.

    Raises ProfileError for an unknown frame, EncodeError for a missing, unknown or unfit value.
    """
    spec = profile.frame(name)
    wanted = {one.name for one in spec.fields if not one.constant}
    if wanted != values.keys():
        difference = ", ".join(sorted(wanted ^ values.keys()))
        raise EncodeError(f"{profile.id} {name}: values missing or not known: {difference}")
    payload = bytearray(spec.length)
    for gap in spec.unknown:
        payload[gap.at : gap.at + len(gap.fill)] = gap.fill
    for one in spec.fields:
        if one.constant:
            payload[one.at : one.at + one.size] = one.constant
        elif one.type is FieldType.BITS:
            payload[one.at] |= _raw(one, values[one.name]) << one.bit
        else:
            data = _raw(one, values[one.name]).to_bytes(one.size, "little", signed=one.type.signed)
            payload[one.at : one.at + one.size] = data
    return bytes(payload)


def _raw(spec: FieldSpec, value: float) -> int:
    raw = round((value - spec.offset) / spec.scale)
    low = -(1 << spec.bits - 1) if spec.type.signed else 0
    high = (1 << spec.bits) - 1 + low
    if not low <= raw <= high:
        raise EncodeError(f"{spec.name} = {value} does not fit {spec.type.value} ({low}..{high})")
    return raw ^ high if spec.invert else raw


def decode_payload(profile: Profile, payload: bytes, towards: Towards = Towards.FROM_BMS) -> BmsFrame | None:
    """The first frame of the profile that these bytes are, or None."""
    for spec in profile.frames:
        if spec.towards is towards and spec.recognises(payload):
            values = dict(_values(spec, payload))
            broken = tuple(rule.name for rule in profile.rules_of(spec.name) if not rule.holds(values))
            return BmsFrame(profile=profile, spec=spec, values=values, broken=broken)
    return None


def _values(spec: FrameSpec, payload: bytes) -> Iterator[tuple[str, float]]:
    for one in spec.fields:
        if one.constant:
            continue
        if one.type is FieldType.BITS:
            raw = payload[one.at] >> one.bit & (1 << one.width) - 1
        else:
            raw = int.from_bytes(payload[one.at : one.at + one.size], "little", signed=one.type.signed)
        raw = raw ^ (1 << one.bits) - 1 if one.invert else raw
        yield one.name, raw if (one.scale, one.offset) == (1, 0) else raw * one.scale + one.offset


def broken_rules(profile: Profile, payload: bytes) -> tuple[str, ...]:
    """Names of the rules that a payload breaks; empty also for what is no frame of the profile."""
    found = decode_payload(profile, payload)
    return found.broken if found else ()


# --- frame on the bus ------------------------------------------------------------------------------------------------
def encode(
    profile: Profile, name: str, values: Mapping[str, float], *, number: int, sender: int | None = None
) -> bytes:
    """Complete stuffed frame with checksum; ``number`` is 0..127, ``sender`` is for frames towards the BMS.

    Raises ProfileError where the profile knows no address, and the errors of `encode_payload`.
    """
    own = profile.link.address if profile.frame(name).towards is Towards.FROM_BMS else None
    origin = own if sender is None else sender
    if origin is None:
        raise ProfileError(f"{profile.id} {name}: the sender id is not known; give one")
    payload = encode_payload(profile, name, values)
    return encode_frame(Frame(sender=origin, kind=profile.link.kind, number=number, payload=payload))


def decode(profile: Profile, frame: Frame) -> BmsFrame | None:
    """Read a good frame by a profile, or None when it is none of the profile's.

    A frame of the BMS has to come from its address; the address is not summed, so a damaged one is an unknown sender,
    never a BMS.  A profile without an address takes any sender.
    """
    if frame.kind != profile.link.kind:
        return None
    own = profile.link.address
    if own is None or frame.sender == own:
        found = decode_payload(profile, frame.payload)
        if found is not None:
            return found
    return decode_payload(profile, frame.payload, Towards.TO_BMS) if frame.sender != own else None


# --- golden vectors --------------------------------------------------------------------------------------------------
def check_vectors(profile: Profile) -> tuple[str, ...]:
    """What is wrong with the golden vectors of a profile, one line each; empty when all hold both ways."""
    return tuple(text for vector in profile.vectors if (text := _wrong(profile, vector.name)))


def _wrong(profile: Profile, name: str) -> str:
    vector = next(one for one in profile.vectors if one.name == name)
    towards = profile.frame(vector.frame).towards
    try:
        if vector.link is Link.MK3:
            made = encode_mk3_frame(Mk3Frame(payload=encode_payload(profile, vector.frame, vector.values)))
            read = decode_payload(profile, decode_mk3_frame(vector.wire).payload, towards)
        else:
            made = encode(profile, vector.frame, vector.values, number=vector.number, sender=vector.sender)
            read = decode(profile, decode_frame(vector.wire))
    except VEBusError as problem:
        return f"{name}: {problem}"
    if made != vector.wire:
        return f"{name}: makes {made.hex(' ')}, should be {vector.wire.hex(' ')}"
    if read is None or read.spec.name != vector.frame or dict(read.values) != dict(vector.values):
        return f"{name}: does not read back"
    return "" if read.broken == vector.breaks else f"{name}: breaks {read.broken}, should break {vector.breaks}"
