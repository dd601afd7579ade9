"""From a declared field and its raw number to a value, and back.

Sources: mk3.md 5.3 and 5.4 (currents of info frames, frequencies), 8 (rules).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from vebus_protocol.errors import EncodeError
from vebus_protocol.scaling.rules import Number, Rule, places
from vebus_protocol.schema import Field, Linear, OfRam, OfSetting, Reciprocal
from vebus_protocol.variables import ALWAYS_SIGNED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vebus_protocol.scaling.book import ScaleBook

__all__ = ["NOT_KNOWN", "Physical", "decimals_of", "physical", "raw_of", "rule_of"]

_WORD_BITS = 16
_PERIODS_PER_SECOND = 10  # period variables count in tenths of a second, so frequency = 10 / value
_FREQUENCY_DECIMALS = 2

_NOT_IN_FRAME = "not in this frame"
_NOT_VALID = "not valid here"
NOT_KNOWN = "scale not known"
"""Reason for no value: nobody has told the scale."""
_NO_VALUE = "no value for this raw number"


@dataclass(frozen=True, slots=True, kw_only=True)
class Physical:
    """Value of a field in the unit that its declaration names.

    ``value`` None has its ``reason``; ``assumed`` says that the scale comes from a published table.
    """

    value: Number | None
    assumed: bool
    reason: str = ""


def _evaluate(expression: object, raws: Mapping[str, Any]) -> int | None:
    """A number, or an expression over the message; None when a field that it needs is not in the frame."""
    try:
        found = expression(raws) if callable(expression) else expression
    except (LookupError, TypeError):  # an optional field is missing, or None stands in its place
        return None
    return int(found) if isinstance(found, int) else None


def _ram_rule(scale: OfRam, raws: Mapping[str, Any], book: ScaleBook, variable: int | None) -> Rule:
    wanted = variable if scale.variable is None else _evaluate(scale.variable, raws)
    known = None if wanted is None else book.ram(wanted)
    if known is None:
        return Rule(reason=NOT_KNOWN)
    rule = replace(known.scale.rule, assumed=known.assumed)
    if scale.announced_sign and wanted in ALWAYS_SIGNED:
        rule = replace(rule, signed=True)
    if not scale.announced_sign:  # the layout of info frames says it, whatever the device announces (mk3.md 5.4)
        rule = replace(rule, signed=None)
    times = 1 if scale.times is None else _evaluate(scale.times, raws)
    if times is None:
        return Rule(reason=_NOT_IN_FRAME)
    if rule.reason:
        return rule
    if scale.frequency:
        return Rule(reason=_NO_VALUE) if rule.bit is not None else replace(rule, over=_PERIODS_PER_SECOND * times)
    return rule if rule.bit is not None else replace(rule, multiply=rule.multiply * times)


def _setting_rule(scale: OfSetting, raws: Mapping[str, Any], book: ScaleBook, setting: int | None) -> Rule:
    wanted = setting if scale.setting is None else _evaluate(scale.setting, raws)
    known = None if wanted is None else book.setting(wanted)
    return Rule(reason=NOT_KNOWN) if known is None else replace(known.scale.rule, assumed=known.assumed)


def rule_of(
    spec: Field,
    raws: Mapping[str, Any],
    book: ScaleBook,
    *,
    variable: int | None = None,
) -> Rule:
    """Look up the scale of a field; ``raws`` are the raw numbers of its message, for expressions in the declaration.

    ``variable`` is the RAM variable or setting id where only the request tells it.
    """
    scale = spec.scale
    if isinstance(scale, Linear):
        return Rule(multiply=scale.multiply, divide=scale.divide, offset=scale.offset)
    if isinstance(scale, Reciprocal):
        return Rule(over=scale.numerator)
    if isinstance(scale, OfRam):
        return _ram_rule(scale, raws, book, variable)
    if isinstance(scale, OfSetting):
        return _setting_rule(scale, raws, book, variable)
    return Rule()


def physical(
    spec: Field,
    raw: int | None,
    raws: Mapping[str, Any],
    book: ScaleBook,
    *,
    variable: int | None = None,
) -> Physical:
    """Value of one raw number of a field, in ``spec.unit``.

    ``raws`` are the raw numbers of its message (`Message.raws`), ``book`` the scales of the sending device and
    ``variable`` the id of the RAM variable or setting where only the request tells it.  Never raises on what the bus
    says: what has no value comes back as None with a reason.
    """
    if raw is None:
        return Physical(value=None, assumed=False, reason=_NOT_IN_FRAME)
    if spec.scale is None and not spec.absent and spec.valid is None:
        return Physical(value=raw, assumed=False)
    if raw in spec.absent:
        return Physical(value=None, assumed=False, reason=spec.absent_text)
    if spec.valid is not None and not _evaluate(spec.valid, raws):
        return Physical(value=None, assumed=False, reason=_NOT_VALID)
    rule = rule_of(spec, raws, book, variable=variable)
    if rule.reason:
        return Physical(value=None, assumed=rule.assumed, reason=rule.reason)
    value = rule.value(rule.reread(raw, _bits(spec) or _WORD_BITS))
    return Physical(value=value, assumed=rule.assumed, reason=_NO_VALUE if value is None else "")


def _bits(spec: Field) -> int:
    """Width of one raw number of a field; 0 for computed fields and for bytes."""
    if spec.width:
        return spec.width
    return spec.layout.bits if spec.layout else 0


def raw_of(
    spec: Field,
    value: Number | None,
    raws: Mapping[str, Any],
    book: ScaleBook,
    *,
    variable: int | None = None,
) -> int:
    """Raw number nearest to a value, ready for the field's layout; the inverse of `physical`.

    None gives the field's "not available" pattern.  Raises EncodeError with the field's name, the value and the allowed
    range when the value does not fit, would read as "not available", or its scale is not known.
    """
    name = spec.name or spec.label
    bits = _bits(spec)
    if not bits:
        raise EncodeError(f"{name} has no bytes of its own that carry a number")
    if value is None:
        if not spec.absent:
            raise EncodeError(f'{name} has no pattern for "{spec.absent_text}"')
        return spec.absent[0]
    rule = rule_of(spec, raws, book, variable=variable)
    if rule.reason:
        raise EncodeError(f"{name} = {value}{_unit(spec)}: {rule.reason}")
    layout_signed = spec.layout is not None and spec.layout.signed
    low = -(1 << (bits - 1)) if (layout_signed if rule.signed is None else rule.signed) else 0
    high = low + (1 << bits) - 1
    found = rule.raw(value)
    if found is None or not low <= found <= high:
        raise EncodeError(f"{name} = {value}{_unit(spec)} does not fit {rule.range_text(low, high)}{_unit(spec)}")
    found = replace(rule, signed=layout_signed).reread(found, bits)
    if found in spec.absent:
        raise EncodeError(f'{name} = {value}{_unit(spec)} would read as "{spec.absent_text}" (raw {found})')
    return found


def _unit(spec: Field) -> str:
    return f" {spec.unit}" if spec.unit else ""


def decimals_of(
    spec: Field,
    book: ScaleBook,
    raws: Mapping[str, Any] | None = None,
    *,
    variable: int | None = None,
) -> int:
    """Decimals to print for a field: what its declaration says, else what its scale needs.

    Frequencies and other reciprocals get 2, values whose scale is not known 0.  ``raws`` and ``variable`` as in
    `physical`, for fields whose scale depends on them.
    """
    if spec.decimals is not None:
        return spec.decimals
    scale = spec.scale
    if isinstance(scale, Reciprocal) or (isinstance(scale, OfRam) and scale.frequency):
        return _FREQUENCY_DECIMALS
    if isinstance(scale, OfRam):  # a whole factor asks for no other decimals, and may need the message
        spec = replace(spec, scale=replace(scale, times=None))
    return places(rule_of(spec, raws or {}, book, variable=variable).divide)
