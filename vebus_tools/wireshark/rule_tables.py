"""Rules of BMS profiles -> Lua tables: what has to agree within a message, and what is said when it does not."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from vebus_protocol.bms import FieldSpec, FieldType, FrameSpec, Profile, Rule
from vebus_protocol.errors import VEBusError
from vebus_protocol.schema import Message
from vebus_tools.wireshark.literals import Literal, record

__all__ = ["RuleError", "rule_tables"]


class RuleError(VEBusError):
    """A message has a check that does not come from the rules of a profile, so there is no Lua form of it."""


def rule_tables(one: type[Message]) -> list[Literal] | None:
    """Rules of a message, None where it has none.  Raises RuleError."""
    check: Callable[[bytes], tuple[str, ...]] | None = one.INFO.check
    if check is None:
        return None
    profile = check.args[0] if isinstance(check, partial) and check.args else None
    if not isinstance(profile, Profile):
        raise RuleError(f"{one.__name__}: its check is no profile's")
    spec = next(frame for frame in profile.frames if frame.message and frame.message.name == one.__name__)
    return [_rule(rule, spec, profile) for rule in profile.rules_of(spec.name)]


def _rule(rule: Rule, spec: FrameSpec, profile: Profile) -> Literal:
    places = {one.name: _place(one) for one in spec.fields}
    return record(
        sort=rule.sort.value,
        field=places[rule.field],
        of=[places[name] for name in rule.of],
        bit=rule.bit,
        value=rule.value,
        text=f"Breaks the rule '{rule.name}' of {profile.id}: allows nothing",
    )


def _place(spec: FieldSpec) -> Literal:
    """Where the number of a field stands and how it is read; rules compare values with scale."""
    is_bits = spec.type is FieldType.BITS
    return record(
        at=spec.at,
        size=None if is_bits else spec.size,
        signed=spec.type.signed,
        shift=spec.bit if is_bits else 0,
        width=spec.bits,
        invert=spec.invert,
        scale=spec.scale,
        offset=spec.offset,
    )
