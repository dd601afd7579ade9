"""Python values -> Lua literals: numbers, texts, tables with sorted keys."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

__all__ = ["Code", "Literal", "literal", "record", "set_of"]

_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r"}
_WIDTH = 110
_RESERVED = frozenset(("and", "break", "do", "else", "elseif", "end", "false", "for", "function", "goto", "if", "in"))
_RESERVED |= {"local", "nil", "not", "or", "repeat", "return", "then", "true", "until", "while"}
_INDENT = "    "


@dataclass(frozen=True, slots=True)
class Code:
    """Lua source that stands as it is."""

    text: str


Literal = bool | int | float | str | Code | list["Literal"] | Mapping[str, "Literal"] | Mapping[int, "Literal"]


def record(**items: Literal | None) -> dict[str, Literal]:
    """A table with these keys; keys whose value is None, "" or False are left out, as Lua reads nil as all of them."""
    return {key: value for key, value in items.items() if value is not None and value is not False and value != ""}


def set_of(numbers: Iterable[int]) -> Code:
    """A set of numbers, as the runtime's ``set`` makes it of single numbers and pairs of first and last."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1][1:] = [number]
        else:
            runs.append([number])
    return Code(f"set({{ {', '.join(_run(run) for run in runs)} }})")


def _run(run: list[int]) -> str:
    return f"0x{run[0]:02x}" if len(run) == 1 else f"{{ 0x{run[0]:02x}, 0x{run[1]:02x} }}"


def literal(value: Literal, depth: int = 0) -> str:
    """Lua source of a value; tables that do not fit a line get a line for each item."""
    if isinstance(value, Code):
        return value.text
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        return _text(value)
    items = (
        [literal(item, depth + 1) for item in value]
        if isinstance(value, list)
        else [f"{_key(key)} = {literal(item, depth + 1)}" for key, item in value.items()]
    )
    return _table(items, depth)


def _table(items: list[str], depth: int) -> str:
    if not items:
        return "{}"
    line = f"{{ {', '.join(items)} }}"
    if "\n" not in line and len(line) + len(_INDENT) * depth <= _WIDTH:
        return line
    inner = _INDENT * (depth + 1)
    return "{\n" + "".join(f"{inner}{item},\n" for item in items) + _INDENT * depth + "}"


def _key(key: str | int) -> str:
    if isinstance(key, int):
        return f"[{key}]"
    return key if key.isidentifier() and key not in _RESERVED else f"[{_text(key)}]"


def _text(text: str) -> str:
    plain = "".join(_ESCAPES.get(char, char) for char in text)
    return f'"{"".join(map(_escaped, plain))}"'


def _escaped(char: str) -> str:
    """A character of ASCII, or the decimal escapes of its bytes."""
    return char if " " <= char <= "~" else "".join(f"\\{byte:03d}" for byte in char.encode())
