r"""Display filter: an expression over field names -> a test of dissections, as in Wireshark.

    vebus.cmd == 0xe4                          vebus.dc.voltage > 12.5 && !vebus.unknown
    vebus.reply == "Write RAM OK"              vebus.type in {0xfd, 0xfe}
    vebus[4:2] == 00:e6                        _ws.col.info matches "ram.*eeprom"

*Tests.*  ``== eq``, ``!= ne``, ``< lt``, ``<= le``, ``> gt``, ``>= ge``, ``contains``, ``matches``, ``in {1, 4..7}``,
``not in``; a name alone asks whether the field or protocol is there.  ``! not`` binds first, then ``&& and``, then
``|| or``.

*Several occurrences.*  A test is true when any occurrence of the field passes, with two exceptions: ``a != b`` and
``a not in {..}`` are true when the field is there and *all* its occurrences differ (as since Wireshark 4.0);
``!(a == b)`` is also true where the field is missing.  ``===`` asks that all are equal, ``!==`` that any differs.  An
occurrence without a value ("not available") is there, but passes no comparison.

*Values.*  Numbers (decimal, 0x, 0b, float, negative) compare with the physical value; ``<field>.raw`` is the number on
the wire.  Text in double quotes compares with text, bytes, or the name or printed text of a number (in any case);
``r"..."`` knows no escapes.  Bytes are ``00:e6``, one byte also ``:e6``, ``0xe6`` or a number up to 255; ``'V'`` is a
character.  ``true`` and ``false`` are 1 and 0.

*Slices* cut bytes and text: ``[offset:length]``, ``[first-last]``, ``[offset]``, ``[:length]``, ``[offset:]``, joined
with commas; a negative offset counts from the end.  A slice of which a part is missing is missing altogether.  The
bytes of a protocol are those of its block in the unstuffed frame; ``frame`` has the bytes as heard.

*Patterns.*  ``matches`` searches with a Python regular expression in any case (``(?-i:...)`` minds the case); it sees
the backslashes as they are written.  On a number, ``contains`` and ``matches`` look at its name and printed text.

An empty filter lets everything pass.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING

from vebus_tools.filter_syntax import (
    AllOf,
    AnyOf,
    Character,
    Compare,
    FilterError,
    Literal,
    Member,
    Not,
    Operand,
    Present,
    Reference,
    Test,
    one_line,
    parse_filter,
    shown,
)
from vebus_tools.filter_values import (
    OWN_KINDS,
    RELATIONS,
    SEVERITIES,
    Found,
    Item,
    Moment,
    collect,
    sliced,
    texts,
)
from vebus_tools.nodes import RAW_SUFFIX
from vebus_tools.times import TimeForm, Timing

if TYPE_CHECKING:
    from vebus_tools.nodes import Dissection
    from vebus_tools.records import Stamp

__all__ = ["Filter", "FilterError", "compile_filter"]

_Check = Callable[[Found], bool]
_Read = Callable[[Found], Collection[Item]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """A compiled filter; ``names`` are the fields and protocols it asks for, without the ``.raw`` behind them.

    ``time`` is the form of the time column.
    """

    text: str
    names: frozenset[str]
    check: _Check = field(repr=False)
    time: TimeForm = TimeForm.RELATIVE
    tree: Test | None = field(default=None, repr=False)

    def may_pass(self, absent: Collection[str]) -> bool:
        """Whether a record without the names ``absent`` might pass: False only where it surely does not."""
        return self.tree is None or _may_pass(self.tree, absent)

    def __call__(
        self,
        dissection: Dissection,
        *,
        first: Stamp | None = None,
        previous: Stamp | None = None,
        displayed: Stamp | None = None,
    ) -> bool:
        """Whether the dissection passes.  Never raises.

        ``first``, ``previous`` and ``displayed`` are the stamps of the first record of the capture, of the record
        before this one, and of the one that was shown last (None with a ``first``: there is none yet).  Without a
        ``first`` frame.time_delta is missing, and so is frame.time_relative where stamps have a date.
        """
        timing = None if first is None else Timing(first=first, previous=previous, displayed=displayed)
        return self.check(collect(Moment(dissection=dissection, timing=timing, time=self.time), self.names))


def compile_filter(
    text: str,
    fields: Iterable[str],
    kinds: Mapping[str, str] | None = None,
    enums: Mapping[str, Mapping[str, int]] | None = None,
    *,
    time: TimeForm = TimeForm.RELATIVE,
) -> Filter:
    """Compile a display filter once, to run it on many dissections.

    Args:
        text: The filter.
        fields: All names it may use: fields and protocols.  The fields that every record has are always there.
        kinds: "number", "text", "bytes" or "boolean" for names where that is sure; wrong comparisons then are errors.
        enums: The names of the values of fields, with their numbers.  A text that is no such name is an error then, and
            so is a text beside a number without names; names also have an order (``<``).  Without it, texts are
            compared when the filter runs.
        time: The form of the time column, for ``_ws.col.time``.

    Raises:
        FilterError: with the column of what is wrong.
    """
    compiler = _Compiler(text, frozenset(fields), kinds or {}, enums)
    tree = parse_filter(text)
    check = (lambda _found: True) if tree is None else compiler.check(tree)
    return Filter(text=text, names=frozenset(compiler.used), check=check, time=time, tree=tree)


def _may_pass(tree: Test, absent: Collection[str]) -> bool:
    """Every test of a name fails where the name is missing; what stands behind a not is left open."""
    if isinstance(tree, Not):
        return True
    if isinstance(tree, AllOf | AnyOf):
        joined = all if isinstance(tree, AllOf) else any
        return joined(_may_pass(test, absent) for test in tree.tests)
    operands = (tree.left, tree.right) if isinstance(tree, Compare) else (tree.what,)
    return not any(isinstance(operand, Reference) and operand.name in absent for operand in operands)


_OWN_ENUMS = {"_ws.expert.severity": SEVERITIES}
_FITTING = {  # kind of a field -> kinds of values it compares with
    "number": ("number", "boolean", "character"),
    "boolean": ("number", "boolean"),
    "text": ("text", "character"),
    "bytes": ("bytes", "text", "character", "number"),
}
_SEARCHED = {  # the same for contains
    "number": ("text",),
    "boolean": ("text",),
    "text": ("text", "character"),
    "bytes": ("bytes", "text", "character", "number"),
}
_EXPECTED = {
    "number": "is a number, expected a number such as 10, 0x0a or 2.5",
    "boolean": "is true or false, expected true, false, 1 or 0",
    "text": "is text, expected text in double quotes",
    "bytes": "is bytes, expected bytes such as 00:e6, one byte such as 0xe6, or text in double quotes",
}


def _kind_of_value(literal: Literal) -> str:
    value = literal.value
    for kind, types in (("character", Character), ("boolean", bool), ("text", str), ("bytes", bytes)):
        if isinstance(value, types):
            return kind
    return "number"


class _Compiler:
    """Gives a tree its meaning: looks up names, checks kinds, and makes closures."""

    def __init__(
        self,
        text: str,
        known: frozenset[str],
        kinds: Mapping[str, str],
        enums: Mapping[str, Mapping[str, int]] | None,
    ) -> None:
        self._text = text
        self._known = known | OWN_KINDS.keys()
        self._kinds = {**OWN_KINDS, **kinds}
        self._enums = {**_OWN_ENUMS, **(enums or {})}
        self._all_enums = enums is not None
        self.used: set[str] = set()

    def _error(self, problem: str, place: Operand) -> FilterError:
        return FilterError(problem, filter_text=self._text, column=place.column, width=len(place.text))

    # tests -----------------------------------------------------------------------------------------------------------
    def check(self, tree: Test) -> _Check:
        """The closure of a tree; as deep as the tree, which the parser bounds."""
        if isinstance(tree, Not):
            inner = self.check(tree.test)
            return lambda found: not inner(found)
        if isinstance(tree, AllOf | AnyOf):
            tests = tuple(self.check(test) for test in tree.tests)
            joined = all if isinstance(tree, AllOf) else any
            return lambda found: joined(test(found) for test in tests)
        if isinstance(tree, Present):
            read = self._reference(tree.what)
            return lambda found: bool(read(found))
        if isinstance(tree, Member):
            return self._member(tree)
        return self._matches(tree) if tree.sign == "matches" else self._compare(tree)

    def _compare(self, tree: Compare) -> _Check:
        every, negated = tree.sign in ("!=", "==="), tree.sign in ("!=", "!==")
        sign = "==" if tree.sign in ("!=", "===", "!==") else tree.sign
        relation, quantified = RELATIONS[sign], all if every else any
        left, right = self._fitted(tree.left, tree.right, sign), self._fitted(tree.right, tree.left, sign)
        first, second = self._read(left), self._read(right)

        def check(found: Found) -> bool:
            others = _with_value(second(found))
            pairs = [(item, other) for item in _with_value(first(found)) for other in others]
            return bool(pairs) and quantified(relation(item, other) != negated for item, other in pairs)

        return check

    def _member(self, tree: Member) -> _Check:
        read = self._reference(tree.what)
        singles: list[Item] = []
        ranges: list[tuple[Item, Item]] = []
        for choice in tree.choices:
            if isinstance(choice, Literal):
                singles.append(_constant(self._literal(choice, tree.what, "==")))
            else:
                ranges.append(self._range(choice, tree.what))
        equal, at_most, negated = RELATIONS["=="], RELATIONS["<="], tree.negated

        def inside(item: Item) -> bool:
            return any(equal(item, one) for one in singles) or any(
                at_most(low, item) and at_most(item, high) for low, high in ranges
            )

        def check(found: Found) -> bool:
            items = _with_value(read(found))
            return bool(items) and any(map(inside, items)) != negated

        return check

    def _range(self, ends: tuple[Literal, Literal], what: Reference) -> tuple[Item, Item]:
        low, high = (_constant(self._literal(end, what, "<=")) for end in ends)
        if not RELATIONS["<="](low, high):
            raise self._error(f"expected a range from low to high, found {ends[0].text}..{ends[1].text}", ends[1])
        return low, high

    def _matches(self, tree: Compare) -> _Check:
        if isinstance(tree.left, Literal) or not isinstance(tree.right, Literal):
            raise self._error("matches compares a field with a pattern in double quotes", tree.left)
        read, pattern = self._reference(tree.left), self._pattern(tree.right)
        return lambda found: any(pattern.search(text) for item in _with_value(read(found)) for text in texts(item))

    def _pattern(self, literal: Literal) -> re.Pattern[str]:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # Python warns of patterns that a later version may read otherwise
                return re.compile(str(literal.value), re.IGNORECASE)
        except re.error as problem:
            reason = one_line(str(problem), limit=80)
        except (OverflowError, RecursionError):
            reason = "too large or too deep"
        raise self._error(f"{shown(literal.text)} is no regular expression: {reason}", literal)

    # operands --------------------------------------------------------------------------------------------------------
    def _read(self, operand: Operand) -> _Read:
        if isinstance(operand, Reference):
            return self._reference(operand)
        items = (_constant(operand),)
        return lambda _found: items

    def _reference(self, what: Reference) -> _Read:
        name, raw = self._resolved(what)
        cuts = what.cuts
        if cuts and self._kinds.get(name) in ("number", "boolean"):
            raise self._error(f"{name} is a {self._kinds[name]}, expected bytes, text or a protocol for a slice", what)
        self.used.add(name)

        def read(found: Found) -> Collection[Item]:
            items: Collection[Item] = found[name]
            if raw:
                items = [item.bare for item in items]
            return [part for item in items if (part := sliced(item, cuts)) is not None] if cuts else items

        return read

    def _resolved(self, what: Reference) -> tuple[str, bool]:
        """Known name, and whether its raw number is meant."""
        name = what.name
        if name in self._known:
            return name, False
        if name.endswith(RAW_SUFFIX) and name.removesuffix(RAW_SUFFIX) in self._known:
            return name.removesuffix(RAW_SUFFIX), True
        raise self._error(f"no field or protocol {shown(name)}{self._advice(name)}", what)

    def _advice(self, name: str) -> str:
        below = sorted(known for known in self._known if known.startswith(f"{name}."))[:3]
        if below:
            return f", there are {', '.join(below)}" if len(below) > 1 else f", there is {below[0]}"
        nearest = get_close_matches(name, sorted(self._known), n=1)
        if nearest:
            return f", the nearest is {nearest[0]}"
        return "; text stands in double quotes, a byte is written 0xe6"

    # kinds -----------------------------------------------------------------------------------------------------------
    def _fitted(self, operand: Operand, other: Operand, sign: str) -> Operand:
        if isinstance(operand, Literal) and isinstance(other, Reference):
            return self._literal(operand, other, sign)
        return operand

    def _literal(self, literal: Literal, what: Reference, sign: str) -> Literal:
        """The value as this field compares it.  Raises FilterError where the field has no such values."""
        name, raw = self._resolved(what)
        kind = self._kinds.get(name)
        if raw:
            kind = "number" if kind in ("number", "boolean") else None
        own = _kind_of_value(literal)
        if own == "text" and sign != "contains" and not what.cuts and kind != "bytes":
            return self._named(literal, name, None if raw else self._enums.get(name), kind, sign)
        fitting = _SEARCHED if sign == "contains" else _FITTING
        if kind in fitting and own not in fitting[kind]:
            raise self._error(f"{name} {_EXPECTED[kind]}, found {shown(literal.text)}", literal)
        one_byte = isinstance(literal.value, int) and 0 <= literal.value <= 0xFF
        if kind == "bytes" and own in ("number", "character") and not one_byte:
            raise self._error(f"{literal.text} is not one byte, expected 0..255 or bytes such as 00:e6", literal)
        return literal

    def _named(
        self, literal: Literal, name: str, names: Mapping[str, int] | None, kind: str | None, sign: str
    ) -> Literal:
        """A text beside a field: the name of a value as it is spelled, or as its number where an order is asked."""
        if names:
            spelled = {known.casefold(): known for known in names}
            found = spelled.get(str(literal.value).casefold())
            if found is None:
                near = get_close_matches(str(literal.value).casefold(), spelled, n=1)
                advice = f"the nearest is {shown(spelled[near[0]])}" if near else f"there is {shown(min(names))}"
                raise self._error(f"{name} has no value named {shown(literal.text[1:-1])}, {advice}", literal)
            ordered = sign != "==" and kind != "text"
            value = names[found] if ordered else found
            return Literal(value=value, column=literal.column, text=literal.text)
        sure = self._all_enums or name in OWN_KINDS or sign != "=="
        if kind in ("number", "boolean") and sure:
            raise self._error(f"{name} {_EXPECTED[kind]}, found {literal.text}", literal)
        return literal


def _constant(literal: Literal) -> Item:
    return Item(literal.value, literal.value)


def _with_value(items: Iterable[Item]) -> list[Item]:
    return [item for item in items if item.value is not None]
