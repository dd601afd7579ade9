"""What differs between two captures: kinds, senders, lengths, values, unexplained bits, periods, findings."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from vebus_tools.portrait import Bits, KindPortrait, Period, Portrait, Values

__all__ = ["Aspect", "Difference", "differences"]

PERIOD_TOLERANCE = 0.1
"""Periods that differ by less than this share are the same."""


class Aspect(enum.Enum):
    """What it is that differs."""

    KIND = "kind"
    SENDERS = "senders"
    SIZES = "lengths"
    VALUES = "values"
    RANGE = "range"
    BITS = "bits"
    PERIOD = "period"
    FINDINGS = "findings"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One difference: of which kind of message, in what, and what the two captures have instead of each other.

    ``name`` is a field's filter name, or the place of a byte; ``first`` and ``second`` are texts, empty where a
    capture has nothing of it.
    """

    link: str
    kind: str
    aspect: Aspect
    first: str
    second: str
    name: str = ""
    note: str = ""


def differences(
    first: Portrait, second: Portrait, *, tolerance: float = PERIOD_TOLERANCE, all_ranges: bool = False
) -> Iterator[Difference]:
    """All differences, kind by kind in the order of the first capture, then what only the second has.

    ``tolerance`` is the share by which periods may differ.  Measured values differ where their ranges do not touch, or
    with ``all_ranges`` where the ranges are not the same.
    """
    for link, title in dict.fromkeys((*first.kinds, *second.kinds)):
        a, b = first.kinds.get((link, title)), second.kinds.get((link, title))
        if a is None or b is None:
            one, other = _count(a), _count(b)
            yield Difference(link=link, kind=title, aspect=Aspect.KIND, first=one, second=other)
        else:
            yield from _of_kind(link, a, b, tolerance, all_ranges=all_ranges)
    for group in sorted({*first.findings, *second.findings}):
        counts = first.findings.get(group, 0), second.findings.get(group, 0)
        if not all(counts):
            texts = [str(count) if count else "" for count in counts]
            yield Difference(link="", kind=group, aspect=Aspect.FINDINGS, first=texts[0], second=texts[1])


def _count(kind: KindPortrait | None) -> str:
    return "" if kind is None else f"{kind.count} from {', '.join(sorted(kind.senders))}"


def _of_kind(
    link: str, a: KindPortrait, b: KindPortrait, tolerance: float, *, all_ranges: bool
) -> Iterator[Difference]:
    def found(aspect: Aspect, first: str, second: str, name: str = "", note: str = "") -> Difference:
        return Difference(link=link, kind=a.title, aspect=aspect, first=first, second=second, name=name, note=note)

    for aspect, ours, theirs in ((Aspect.SENDERS, a.senders, b.senders), (Aspect.SIZES, a.sizes, b.sizes)):
        only, others = _only(ours, theirs), _only(theirs, ours)
        if only or others:
            yield found(aspect, only, others)
    for abbrev in dict.fromkeys((*a.values, *b.values)):
        one, two = a.values.get(abbrev), b.values.get(abbrev)
        label = (one or two or Values("")).label
        ends = _values(one, two, all_ranges=all_ranges)
        if ends is not None:
            yield found(ends[0], ends[1], ends[2], abbrev, label)
    for at in sorted({*a.bits, *b.bits}):
        patterns = [bits.pattern if bits else "" for bits in (a.bits.get(at), b.bits.get(at))]
        if patterns[0] != patterns[1] and _bit_differs(a.bits.get(at), b.bits.get(at)):
            yield found(Aspect.BITS, patterns[0], patterns[1], f"byte {at}")
    if _period_differs(a.period, b.period, tolerance):
        note = "estimated times" if a.period.estimated or b.period.estimated else ""
        yield found(Aspect.PERIOD, _ms(a.period), _ms(b.period), note=note)


def _only(these: Iterable[object], those: Iterable[object]) -> str:
    return ", ".join(str(one) for one in sorted(set(these) - set(those), key=str))


def _values(a: Values | None, b: Values | None, *, all_ranges: bool) -> tuple[Aspect, str, str] | None:
    """What only one of the two has, or None; a field that only one has shows its values or its range."""
    if a is None or b is None:
        return Aspect.VALUES, _all_of(a), _all_of(b)
    if a.texts is not None and b.texts is not None:
        only, others = _texts(a, b), _texts(b, a)
        return (Aspect.VALUES, only, others) if only or others else None
    same = (a.least, a.most) == (b.least, b.most)
    apart = a.most < b.least or b.most < a.least
    if same or not (apart or all_ranges):
        return None
    return Aspect.RANGE, _range(a), _range(b)


def _texts(a: Values, b: Values) -> str:
    return ", ".join(text for value, text in (a.texts or {}).items() if value not in (b.texts or {}))


def _all_of(values: Values | None) -> str:
    if values is None:
        return ""
    return _range(values) if values.texts is None else ", ".join(values.texts.values())


def _range(values: Values) -> str:
    if values.least > values.most:
        return "many values"
    unit = f" {values.unit}" if values.unit else ""
    return f"{values.least:g}..{values.most:g}{unit}"


def _bit_differs(a: Bits | None, b: Bits | None) -> bool:
    """Whether a bit was always the same in one capture and not so in the other."""
    if a is None or b is None:
        return True
    steady = ~(a.ones & a.zeros) | ~(b.ones & b.zeros)
    return bool(steady & ((a.ones ^ b.ones) | (a.zeros ^ b.zeros)) & 0xFF)


def _period_differs(a: Period, b: Period, tolerance: float) -> bool:
    if not (a.regular and b.regular):
        return False
    return abs(a.mean_s - b.mean_s) > tolerance * max(a.mean_s, b.mean_s)


def _ms(period: Period) -> str:
    return f"{period.mean_s * 1000:.3f} ms"
