"""Values of scenario files: what a key may hold, and how it is read.

Every reader takes what TOML gave and returns our value, or raises ValueError with what it wanted.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from vebus_protocol.scaling import DEVICE_TABLES
from vebus_protocol.version import VersionError, parse_version
from vebus_tools.simulator.scenario import BMS_ASSISTANT, ESS, Assistant, MainsDetector, PhaseWord

__all__ = [
    "Reader",
    "assistants",
    "choice",
    "duration",
    "flag",
    "frame_types",
    "mains_detector",
    "model",
    "number",
    "phase_word",
    "profile",
    "text",
    "version",
    "whole",
]

Reader = Callable[[object], Any]

_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|min|s|m|h|d)")
_ESS_WORDS = (0, 0, 0, 0)  # set point, flags and two words of unknown meaning, as in the one real unit (mk3.md 15)
_MOST_WORDS = 0xF
_TYPES = {"sync": 0x55, "winmon": 0x00}


def number(low: float, high: float) -> Reader:
    """A number within limits."""

    def read(value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise ValueError(f"a number from {low:g} to {high:g}")
        return float(value)

    return read


def whole(low: int, high: int) -> Reader:
    """An integer within limits."""

    def read(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError(f"an integer from {low} to {high}")
        return value

    return read


def flag(value: object) -> bool:
    """Read true or false."""
    if not isinstance(value, bool):
        raise ValueError("true or false")  # noqa: TRY004  (the caller adds file, line and key)
    return value


def text(value: object) -> str:
    """Any text."""
    if not isinstance(value, str):
        raise ValueError("a text in quotes")  # noqa: TRY004
    return value


def choice(*allowed: str) -> Reader:
    """One word of a list."""

    def read(value: object) -> str:
        if value not in allowed:
            raise ValueError(f"one of {', '.join(allowed)}")
        return str(value)

    return read


def duration(value: object) -> float:
    """Seconds as a number, or a text such as "250ms", "8s", "1h30m"."""
    if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
        return float(value)
    if isinstance(value, str) and re.fullmatch(f"(?:{_PART.pattern})+", value):
        return sum(float(part[1]) * _UNITS_S[part[2]] for part in _PART.finditer(value))
    raise ValueError('a time such as 2.5, "250ms", "8s", "1h30m"')


def version(value: object) -> int:
    """A version number AABBCCC, as a number or in any notation with processor and model."""
    try:
        found = parse_version(str(value)).version
    except VersionError as problem:
        raise ValueError(f"a version AABBCCC such as 2629492 ({problem})") from problem
    if found is None:
        raise ValueError("a version AABBCCC such as 2629492, with processor and model")
    return found.u32


def model(value: object) -> str:
    """One of the published models with its own limits."""
    known = [name for name in DEVICE_TABLES if "/" in name]
    if value not in known:
        raise ValueError(f"one of {', '.join(known)}")
    return str(value)


def phase_word(value: object) -> PhaseWord:
    """Reading of the first word of type E4."""
    return PhaseWord(choice(*(word.value for word in PhaseWord))(value))


def mains_detector(value: object) -> MainsDetector:
    """Whether a unit needs a mains detector, and has it."""
    return MainsDetector(choice(*(one.value for one in MainsDetector))(value))


def assistants(value: object) -> tuple[Assistant, ...]:
    """A list of "ess", "ve-bus-bms" and of tables {id = 0x005, words = [0, 0]}."""
    if not isinstance(value, list):
        raise ValueError('a list of "ess", "ve-bus-bms" and { id = ..., words = [...] }')  # noqa: TRY004
    return tuple(_assistant(item) for item in value)


def _assistant(item: object) -> Assistant:
    if item == "ess":
        return Assistant(id=ESS, words=_ESS_WORDS)
    if item == "ve-bus-bms":
        return Assistant(id=BMS_ASSISTANT)
    table = item if isinstance(item, dict) else {}
    words = table.get("words", [])
    if "id" not in table or not isinstance(words, list) or set(table) - {"id", "words"} or len(words) > _MOST_WORDS:
        raise ValueError('"ess" or { id = 0..0xfff, words = [at most 15 numbers] }')
    return Assistant(id=whole(0, 0xFFF)(table["id"]), words=tuple(whole(0, 0xFFFF)(word) for word in words))


def profile(value: object) -> tuple[tuple[float, float], ...]:
    """A daily profile: [["6h30m", 800], ...], times rising, watts 0..20000."""
    if not isinstance(value, list) or not value:
        raise ValueError('a list of ["6h30m", watts]')
    points = []
    for item in value:
        if not isinstance(item, list) or len(item) != 2:
            raise ValueError('a list of ["6h30m", watts]')
        points.append((duration(item[0]), number(0, 20_000)(item[1])))
    times = [point[0] for point in points]
    if times != sorted(set(times)) or times[-1] >= _UNITS_S["d"]:
        raise ValueError("times that rise within one day")
    return tuple(points)


def frame_types(value: object) -> frozenset[int]:
    """Frame types: numbers 0..255, or "sync" and "winmon"."""
    if not isinstance(value, list):
        raise ValueError('a list of frame types such as [0xe4, "winmon"]')  # noqa: TRY004
    return frozenset(_TYPES[item] if item in _TYPES else whole(0, 0xFF)(item) for item in value)
