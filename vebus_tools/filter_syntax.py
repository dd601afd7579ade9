"""Syntax of the display filter: text -> tokens -> a tree, without any knowledge of fields.

The language is Wireshark's (manual page wireshark-filter); ``filters`` gives the tree its meaning.  Every error tells
the column, counted from 1; the end of the text is the column behind its last character.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from vebus_protocol.errors import VEBusError

__all__ = [
    "MAX_DEPTH",
    "AllOf",
    "AnyOf",
    "Character",
    "Compare",
    "Cut",
    "FilterError",
    "Literal",
    "Member",
    "Not",
    "Operand",
    "Present",
    "Reference",
    "Test",
    "one_line",
    "parse_filter",
    "shown",
]

MAX_DEPTH = 100
"""Parentheses and negations inside one another: nobody writes more, and Python's own stack stays far away."""


class FilterError(VEBusError):
    """A display filter that cannot be understood; the text is one line and names the column.

    ``filter`` is the whole filter, ``column`` counts from 1 (one behind the last character for a missing end),
    ``width`` is the number of characters that are wrong.
    """

    def __init__(self, problem: str, *, filter_text: str, column: int, width: int = 1) -> None:
        super().__init__(f"display filter, column {column}: {problem}")
        self.filter = filter_text
        self.column = column
        self.width = max(width, 1)

    @property
    def pointer(self) -> str:
        """The filter and, on a second line, carets below the place."""
        line = "".join(char if char.isprintable() else " " for char in self.filter)
        return f"{line}\n{' ' * (self.column - 1)}{'^' * self.width}"


def shown(text: str) -> str:
    """A piece of a filter in quotes for an error text: short and on one line."""
    plain = one_line(text, limit=40)
    return f"'{plain}'" if '"' in plain else f'"{plain}"'


def one_line(text: str, *, limit: int) -> str:
    """Text for an error, at most this long and free of what would break the line."""
    plain = "".join(char if char.isprintable() else "?" for char in text)
    return f"{plain[: limit - 3]}..." if len(plain) > limit else plain


class Character(int):
    """A character in single quotes: a number, and one character of text where text is compared."""

    __slots__ = ()


# --- the tree --------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True, kw_only=True)
class Literal:
    """A value written in the filter: ``text`` as written, ``value`` as meant (a pattern keeps its escapes)."""

    value: int | float | str | bytes
    column: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """One part of a slice: from ``start`` (negative: from the end) to ``last``, or ``length`` bytes, or the rest."""

    start: int
    length: int | None = None
    last: int | None = None

    def bounds(self, total: int) -> tuple[int, int] | None:
        """First and one past the last index in ``total`` items; None when not all of them are there."""
        begin = self.start if self.start >= 0 else total + self.start
        if self.last is not None:
            end = (self.last if self.last >= 0 else total + self.last) + 1
        else:
            end = total if self.length is None else begin + self.length
        return (begin, end) if 0 <= begin < end <= total else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A name of a field or protocol, with the parts of its slice if it has one."""

    name: str
    column: int
    cuts: tuple[Cut, ...] = ()

    @property
    def text(self) -> str:
        """The name, as a Literal has its text."""
        return self.name


Operand = Literal | Reference


@dataclass(frozen=True, slots=True)
class Present:
    """The field, or that slice of it, is there."""

    what: Reference


@dataclass(frozen=True, slots=True, kw_only=True)
class Compare:
    """Two operands and a relation by its sign: == != === !== < <= > >= contains matches."""

    sign: str
    left: Operand
    right: Operand


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A field in a set of values and of ranges, both ends included; ``negated`` for ``not in``."""

    what: Reference
    choices: tuple[Literal | tuple[Literal, Literal], ...]
    negated: bool


@dataclass(frozen=True, slots=True)
class Not:
    """Negation."""

    test: Test


@dataclass(frozen=True, slots=True)
class AllOf:
    """Tests joined with &&."""

    tests: tuple[Test, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Tests joined with ||."""

    tests: tuple[Test, ...]


Test = Present | Compare | Member | Not | AllOf | AnyOf

# --- tokens ----------------------------------------------------------------------------------------------------------
_WORDS = {
    "and": "&&",
    "or": "||",
    "not": "!",
    "eq": "==",
    "any_eq": "==",
    "ne": "!=",
    "all_ne": "!=",
    "all_eq": "===",
    "any_ne": "!==",
    "lt": "<",
    "le": "<=",
    "gt": ">",
    "ge": ">=",
    "~": "matches",
    "contains": "contains",
    "matches": "matches",
    "in": "in",
}
_RELATIONS = frozenset(("==", "!=", "===", "!==", "<", "<=", ">", ">=", "contains", "matches"))
_BOOLEANS = {"true": True, "false": False}

_TOKEN = re.compile(
    r"""
    (?P<space>\s+)
  | (?P<raw>[rR]"(?:[^"\\]|\\.)*")
  | (?P<string>"(?:[^"\\]|\\.)*")
  | (?P<char>'(?:[^'\\]|\\x[0-9a-fA-F]{2}|\\.)')
  | (?P<slice>\[[^\]]*\])
  | (?P<bytes>:?[0-9a-fA-F]{2}(?::[0-9a-fA-F]{2})+ | :[0-9a-fA-F]{2})
  | (?P<op>===|!==|==|!=|<=|>=|&&|\|\||\.\.|[<>!~(){},])
  | (?P<number>[-+]?(?:0[xX][0-9a-fA-F]+|0[bB][01]+|(?:[0-9]+\.[0-9]+|\.[0-9]+|[0-9]+)(?:[eE][-+]?[0-9]+)?))
  | (?P<name>[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z0-9_]+)*)
    """,
    re.VERBOSE | re.DOTALL,
)
_HINTS = {
    "=": "write == to compare",
    "&": "write && for and",
    "|": "write || for or",
    '"': 'the text has no closing "',
    "'": "one character and a closing ' must follow",
    "[": "the slice has no closing ]",
    "]": "there is no [ before it",
}
_TAIL = re.compile(r"[A-Za-z0-9_:]+")


@dataclass(frozen=True, slots=True)
class _Token:
    """``sign`` is the operator in its one spelling, empty for everything else."""

    kind: str
    text: str
    column: int
    sign: str = ""


def _tokens(text: str) -> Iterator[_Token]:
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            hint = _HINTS.get(text[at], "a field name, a value or an operator is expected")
            raise FilterError(f"unexpected {shown(text[at])}: {hint}", filter_text=text, column=at + 1)
        kind, found = match.lastgroup, match.group()
        if kind in ("number", "bytes") and (tail := _TAIL.match(text, match.end())):
            word = found + tail.group()
            hint = "a byte is written 0x8e or :8e, bytes 00:e6, text in double quotes"
            raise FilterError(f"{shown(word)} is no value: {hint}", filter_text=text, column=at + 1, width=len(word))
        if kind != "space":
            sign = found if kind == "op" else ""
            yield _Token(kind, found, at + 1, _WORDS.get(found.lower(), sign) if kind in ("op", "name") else "")
        at = match.end()
    yield _Token("end", "", len(text) + 1)


# --- values ----------------------------------------------------------------------------------------------------------
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|.)", re.DOTALL)
_ESCAPES = dict(zip("abfnrtv0\\'\"", "\a\b\f\n\r\t\v\0\\'\"", strict=True))
_LEADING_ZERO = re.compile(r"[-+]?0[0-9]+")


def _unescaped(body: str) -> str:
    r"""Text of a string; raises ValueError for an escape that is none (``\d`` belongs into a pattern)."""

    def plain(match: re.Match[str]) -> str:
        code = match.group(1)
        if len(code) == 3:  # x and two digits
            return chr(int(code[1:], 16))
        if code not in _ESCAPES:
            raise ValueError(f"\\{code} is no escape: write \\\\ for a backslash")
        return _ESCAPES[code]

    return _ESCAPE.sub(plain, body)


def _number(text: str) -> int | float:
    if _LEADING_ZERO.fullmatch(text):
        raise ValueError("a leading zero is ambiguous: write 10, or 0x10 for hexadecimal")
    lower = text.lower()
    for prefix, radix in (("0x", 16), ("0b", 2)):
        if prefix in lower:
            return int(lower, radix)
    try:
        return float(lower) if any(mark in lower for mark in ".e") else int(lower)
    except ValueError:  # Python reads integers of at most 4300 digits
        raise ValueError("the number is too long") from None


def _value(token: _Token) -> int | float | str | bytes | None:
    """The value of a token, None for one that is no value.  Raises ValueError with the reason."""
    body = token.text
    if token.kind == "number":
        return _number(body)
    if token.kind == "bytes":
        return bytes.fromhex(body.replace(":", " "))
    if token.kind == "char":
        return Character(ord(_unescaped(body[1:-1])))
    if token.kind == "string":
        return _unescaped(body[1:-1])
    if token.kind == "raw":
        return body[2:-1]
    return _BOOLEANS.get(body.lower()) if token.kind == "name" else None


_NUM = r"(-?[0-9]{1,6})"
_CUTS: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...] = tuple(
    (re.compile(pattern.replace(" ", r"\s*").replace("N", _NUM)), names)
    for pattern, names in (
        (" N ", ("one",)),
        (" N : N ", ("start", "length")),
        (" N - N ", ("start", "last")),
        (" : N ", ("length",)),
        (" N : ", ("start",)),
    )
)


def _cut(text: str) -> Cut | None:
    """One part of a slice, None for what is none or can hold no byte."""
    for pattern, names in _CUTS:
        if match := pattern.fullmatch(text):
            found = dict(zip(names, map(int, match.groups()), strict=True))
            start, last = found.get("one", found.get("start", 0)), found.get("one", found.get("last"))
            length = found.get("length")
            backwards = last is not None and last < start and (last < 0) == (start < 0)
            empty = length is not None and length <= 0
            return None if backwards or empty else Cut(start=start, length=length, last=last)
    return None


# --- the parser ------------------------------------------------------------------------------------------------------
_JOINS: tuple[tuple[str, type[AnyOf | AllOf]], ...] = (("||", AnyOf), ("&&", AllOf))  # the loosest first


def parse_filter(text: str) -> Test | None:
    """Read a whole filter; None for an empty one, which lets everything pass.  Raises FilterError."""
    return _Parser(text).whole()


class _Parser:
    """Recursive descent: joins by precedence, then negation and parentheses, then one comparison."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = tuple(_tokens(text))
        self._at = 0
        self._depth = 0

    def whole(self) -> Test | None:
        if self._next.kind == "end":
            return None
        test = self._joined(0)
        if self._next.kind != "end":
            raise self._unexpected("there is no ( for this )" if self._next.sign == ")" else "&&, || or the end")
        return test

    @property
    def _next(self) -> _Token:
        return self._tokens[self._at]

    def _take(self, *signs: str) -> _Token | None:
        """The next token if it is one of these operators."""
        token = self._next
        if token.sign not in signs:
            return None
        self._at += 1
        return token

    def _need(self, sign: str, wanted: str) -> None:
        if self._take(sign) is None:
            raise self._unexpected(wanted)

    def _error(self, problem: str, token: _Token) -> FilterError:
        return FilterError(problem, filter_text=self._text, column=token.column, width=len(token.text))

    def _unexpected(self, wanted: str) -> FilterError:
        found = shown(self._next.text) if self._next.text else "the end"
        what = wanted if wanted.startswith("there is") else f"expected {wanted}"
        return self._error(f"{what}, found {found}", self._next)

    def _joined(self, level: int) -> Test:
        if level == len(_JOINS):
            return self._unary()
        sign, join = _JOINS[level]
        tests = [self._joined(level + 1)]
        while self._take(sign):
            tests.append(self._joined(level + 1))
        return join(tuple(tests)) if len(tests) > 1 else tests[0]

    def _unary(self) -> Test:
        token = self._take("!", "(")
        if token is None:
            return self._comparison()
        if self._depth == MAX_DEPTH:
            raise self._error(f"more than {MAX_DEPTH} parentheses and negations inside one another", token)
        self._depth += 1
        if token.sign == "!":
            test: Test = Not(self._unary())
        else:
            test = self._joined(0)
            self._need(")", f"&&, || or the ) for the ( in column {token.column}")
        self._depth -= 1
        return test

    def _comparison(self) -> Test:
        first = self._next
        left = self._operand("a field name")
        negated = self._next.sign == "!" and self._tokens[self._at + 1].sign == "in"
        if self._next.sign == "in" or negated:
            self._at += 1 + negated
            if isinstance(left, Literal):
                raise self._error("a field name is expected in front of in", first)
            return Member(what=left, choices=self._set(), negated=negated)
        relation = self._take(*_RELATIONS)
        if relation is not None:
            return self._related(left, relation)
        if isinstance(left, Literal):
            raise self._error(f"{shown(first.text)} alone is no test, expected a field name or a comparison", first)
        return Present(left)

    def _related(self, left: Operand, relation: _Token) -> Compare:
        if relation.sign == "matches" and self._next.kind not in ("string", "raw"):
            raise self._unexpected("a regular expression in double quotes")
        at = self._next
        right = self._operand(f"a value behind {shown(relation.text)}", pattern=relation.sign == "matches")
        if isinstance(left, Literal) and isinstance(right, Literal):
            raise self._error("two values, expected a field name on one side", at)
        return Compare(sign=relation.sign, left=left, right=right)

    def _operand(self, wanted: str, *, pattern: bool = False) -> Operand:
        value = self._literal(pattern=pattern)
        if value is not None:
            return value
        token = self._next
        if token.kind != "name" or token.sign:
            raise self._unexpected(wanted)
        self._at += 1
        return Reference(name=token.text, column=token.column, cuts=self._cuts())

    def _literal(self, *, pattern: bool = False) -> Literal | None:
        token = self._next
        try:
            value = token.text[1:-1] if pattern and token.kind == "string" else _value(token)
        except ValueError as problem:
            raise self._error(f"{shown(token.text)}: {problem}", token) from None
        if value is None:
            return None
        self._at += 1
        return Literal(value=value, column=token.column, text=token.text)

    def _cuts(self) -> tuple[Cut, ...]:
        token = self._next
        if token.kind != "slice":
            return ()
        cuts = [_cut(part) for part in token.text[1:-1].split(",")]
        good = tuple(cut for cut in cuts if cut is not None)
        if len(good) != len(cuts):
            forms = "[offset:length], [first-last], [offset], [:length] or [offset:]"
            raise self._error(f"{shown(token.text)} is no slice, expected {forms}", token)
        self._at += 1
        return good

    def _set(self) -> tuple[Literal | tuple[Literal, Literal], ...]:
        self._need("{", "a set in braces behind in, such as {1, 4..7}")
        choices = [self._choice()]
        while self._take(","):
            choices.append(self._choice())
        self._need("}", "a comma or the } of the set")
        return tuple(choices)

    def _choice(self) -> Literal | tuple[Literal, Literal]:
        low = self._set_value()
        return (low, self._set_value()) if self._take("..") else low

    def _set_value(self) -> Literal:
        value = self._literal()
        if value is None:
            raise self._unexpected("a value of the set")
        return value
