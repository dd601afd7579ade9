"""Information frames of the VE.Bus BMS, as far as there is a profile with declared messages.

The frame that a real BMS sends is not public, so none is declared.  What stands here is made from the built-in
laboratory profile, which no device of Victron understands; it is declared so that recordings of the emulator decode
with every field named, and labelled for what they are.

Sources: the profile `lab-sim-1` (bms-wire.md 8.2).
"""

from __future__ import annotations

from functools import partial
from itertools import groupby
from types import new_class
from typing import Any

from vebus_protocol.bms.codec import broken_rules
from vebus_protocol.bms.loading import LAB, built_in
from vebus_protocol.bms.profile import FieldSpec, FieldType, FrameSpec, Profile, ProfileError
from vebus_protocol.schema import (
    I16,
    SINGLE,
    U8,
    U16,
    U24,
    U32,
    Direction,
    Field,
    Layout,
    Linear,
    Link,
    Message,
    Space,
    WireEnum,
    bit,
    const,
    field,
    message,
    raw,
)

__all__ = ["LabBmsInformation", "declared_message"]

_LAYOUTS: dict[FieldType, Layout] = {
    FieldType.U8: U8,
    FieldType.COUNTER: U8,
    FieldType.U16LE: U16,
    FieldType.U24LE: U24,
    FieldType.U32LE: U32,
    FieldType.S16LE: I16,
}
_FLAGS = "flags"


def declared_message(profile: Profile, spec: FrameSpec) -> type[Message]:
    """The declared message of a frame that names one: fields, texts and rules are those of the profile.

    Raises ProfileError for a frame that names none, or that has a scale which a declaration cannot hold.
    """
    if spec.message is None:
        raise ProfileError(f"{profile.id} {spec.name} names no message")
    source = f"profile {profile.id} ({', '.join(profile.provenance.sources)})"
    rules = [rule.name for rule in profile.rules_of(spec.name)]
    body = {
        "__module__": __name__,
        "__doc__": f"{spec.title}. {profile.title}. {profile.provenance.text} "
        f"A frame that breaks a rule allows nothing; rules: {', '.join(rules)}.",
        "__annotations__": {},
    }
    for at, group in groupby(sorted(spec.fields, key=lambda one: (one.at, one.bit)), key=lambda one: one.at):
        name, declared = _declared(at, list(group), source)
        body[name] = declared
        body["__annotations__"][name] = Any  # type: ignore[index]
    made = new_class(spec.message.name, (Message,), exec_body=lambda namespace: namespace.update(body))
    telling = {one.at + at: byte for one in spec.fields for at, byte in enumerate(one.constant)}
    return message(
        Space.PAYLOAD,
        telling,
        title=f"{spec.title} [{profile.title}]",
        abbrev=spec.message.abbrev,
        lengths=(spec.length,),
        links=(Link.RS485,),
        direction=Direction.FROM_DEVICE,
        summary=spec.message.summary,
        check=partial(_complaints, profile),
        assumes=f"Decoded by the profile {profile.id}: {profile.title}",
        evidence=SINGLE,
        source=source,
    )(made)


def _declared(at: int, group: list[FieldSpec], source: str) -> tuple[str, Any]:
    """Attribute name and declaration of the field, or of the byte of flags, at a place."""
    first = group[0]
    if first.type is FieldType.BITS:
        bits = tuple(_bit(one, source) for one in group)
        name = _FLAGS if at == min(one.at for one in group) else f"{_FLAGS}_{at}"
        return name, field(U8, "Flags", display="hex", bits=bits, evidence=SINGLE, source=source)
    facts: dict[str, Any] = {"evidence": SINGLE, "source": source, "meaning": first.meaning}
    if len(first.constant) == 1:
        return first.name, const(first.constant[0], first.label, **facts)
    if first.constant:
        return first.name, field(raw(first.size), first.label, default=first.constant, **facts)
    if first.names:
        facts["enum"] = _open_enum(first)
    if (first.scale, first.offset) != (1, 0):
        if first.scale != int(first.scale) or first.offset % first.scale:
            raise ProfileError(f"{first.name}: a declared message has whole scales and offsets")
        facts["scale"] = Linear(multiply=int(first.scale), offset=int(first.offset / first.scale))
    return first.name, field(_LAYOUTS[first.type], first.label, symbol=first.symbol, unit=first.unit, **facts)


def _bit(spec: FieldSpec, source: str) -> Field:
    text = spec.label if spec.name != "reserved" else ""
    return bit(
        spec.name,
        spec.bit,
        spec.label,
        width=spec.width,
        summary_text=text,
        meaning=spec.meaning,
        evidence=SINGLE,
        source=source,
    )


def _open_enum(spec: FieldSpec) -> type[WireEnum]:
    members = [(text.upper().replace(" ", "_"), (number, text)) for number, text in spec.names.items()]
    name = "".join(word.capitalize() for word in spec.name.split("_"))
    return WireEnum(name, members, module=__name__)  # type: ignore[call-arg,arg-type,return-value]


def _complaints(profile: Profile, payload: bytes) -> tuple[str, ...]:
    return tuple(f"Breaks the rule '{name}' of {profile.id}: allows nothing" for name in broken_rules(profile, payload))


_LAB = built_in(LAB)
LabBmsInformation = declared_message(_LAB, next(one for one in _LAB.frames if one.message is not None))
