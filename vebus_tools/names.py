"""Names of bus participants, by sender id; users extend the table with a TOML file.

[names]
8383 = "Quattro L1"
4c42 = "My BMS"
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from vebus_protocol.enums import SenderId
from vebus_tools.records import CaptureError

__all__ = ["DEFAULT_NAMES", "NameTable", "parse_names"]

_HEX_DIGITS = 4


def _defaults() -> Mapping[int, str]:
    return MappingProxyType({sender.value: sender.text for sender in SenderId})


@dataclass(frozen=True, slots=True)
class NameTable:
    """Sender id (0..0xFFFF, first byte high) -> name; unknown ids print as four hex digits."""

    names: Mapping[int, str] = field(default_factory=_defaults)

    def name(self, sender: int) -> str:
        """Name, or the id as four hex digits."""
        return self.names.get(sender) or f"{sender:04x}"


DEFAULT_NAMES = NameTable()


def parse_names(text: str, where: str) -> NameTable:
    """Read a table of names from TOML and lay it over the built-in one.  Raises CaptureError with the bad key."""
    import tomllib

    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise CaptureError(f"{where}: {problem}") from problem
    table = found.pop("names", {})
    if found or not isinstance(table, dict):
        wrong = next(iter(found), "names")
        raise CaptureError(f"{where}: {wrong!r} does not belong here; names stand below a line [names]")
    names = dict(_defaults())
    for key, name in table.items():
        if len(key) != _HEX_DIGITS or any(digit not in "0123456789abcdefABCDEF" for digit in key):
            raise CaptureError(f'{where}: {key!r} is no sender id; write four hex digits, as in 8383 = "Multi"')
        if not isinstance(name, str) or not name.isprintable() or not name.strip():
            raise CaptureError(f"{where}: the name of {key} must be a text in quotes, on one line")
        names[int(key, 16)] = name
    return NameTable(MappingProxyType(names))
