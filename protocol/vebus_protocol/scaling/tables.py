"""Scales that people read from devices and published; only assumed for any other device.

Sources: vebus-rs485.md 6.2 (lists of the MultiPlus-II 12/3000 and 48/5000), mk3.md 8 and 10 (the same numbers seen
elsewhere).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from vebus_protocol.scaling.rules import RamScale, SettingScale
from vebus_protocol.schema import CONFIRMED, INFERRED, SINGLE, Evidence

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["DEFAULT_TABLE", "DEVICE_TABLES", "DeviceTable", "RamRow", "SettingRow"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RamRow:
    """One published RAM variable: its announced scale and how well that is known."""

    variable: int
    scale: RamScale
    evidence: Evidence
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingRow:
    """One published setting: scale, raw limits (None where the devices of the table differ) and evidence.

    ``access`` is the access byte: bit 7 = restart needed after a write (mk3.md 16).
    """

    setting: int
    scale: SettingScale
    default: int | None
    minimum: int | None
    maximum: int | None
    access: int = 0
    evidence: Evidence
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceTable:
    """What was published for one device; the same firmware family may announce something else."""

    name: str
    ram: Mapping[int, RamRow]
    settings: Mapping[int, SettingRow]


_GITNIK = "vebus-rs485.md 6.2 (gitnik, MultiPlus-II 12/3000)"
_FORK = "vebus-rs485.md 6.2 (fork of gitnik, MultiPlus-II 48/5000)"

_RAM_ROWS: tuple[tuple[int, int, int, Evidence, str], ...] = (
    (0, 32668, 0, SINGLE, ""),
    (1, -32668, 0, SINGLE, ""),
    (2, 32668, 0, SINGLE, ""),
    (3, 32668, 0, SINGLE, "; announced as unsigned, yet info frames carry negative numbers"),
    (4, 32668, 0, SINGLE, ""),
    (5, -32758, 0, CONFIRMED, "; mk3.md 8: MultiPlus-II of 48 V and of 12 V"),
    (6, 32668, 0, SINGLE, ""),
    (7, 30815, 256, SINGLE, "; another model announced 0x7857 (igui)"),
    (8, 31791, 0, CONFIRMED, "; igui has the same"),
    (9, -32668, 0, SINGLE, ""),
    (11, 5, -32768, SINGLE, "; the bit differs between models (igui: 0)"),
    (12, 6, -32768, SINGLE, "; the bit differs between models (igui: 1 or 5)"),
    (13, 32568, 0, SINGLE, ""),
    (14, -1, 0, SINGLE, ""),
    (15, -1, 0, SINGLE, ""),
    (16, -1, 0, SINGLE, ""),
    (17, -1, 0, SINGLE, ""),
    (18, -1, 0, SINGLE, ""),
    (19, -1, 0, SINGLE, ""),
)

_SETTING_ROWS: tuple[tuple[int, int, int, int, int, int, str], ...] = (  # id, scale, default, min, max, access, note
    (0, 1, 35248, 0, 28668, 0, "; flag word; its default lies above its maximum, as published"),
    (1, 2, 19966, 0, 65535, 0, "; flag word; scale 2 as published"),
    (2, -100, 1440, 1200, 1600, 0, ""),
    (3, -100, 1380, 1200, 1600, 0, ""),
    (4, 1, 120, 0, 120, 0, ""),
    (5, 1, 230, 210, 245, 0, ""),
    (6, -10, 320, 10, 500, 0, ""),
    (7, 15, 4, 1, 96, 0, ""),
    (8, 360, 28, 1, 180, 0, ""),
    (9, 60, 8, 1, 24, 0, ""),
    (10, 1, 3, 1, 3, 0, ""),
    (11, -100, 930, 930, 1300, 128, ""),
    (12, -100, 160, 25, 600, 0, ""),
)

# Default, minimum and maximum of the 48/5000 where they differ; all other rows of that list look copied
# (vebus-rs485.md 6.2).
_LIMITS_48_5000: Mapping[int, tuple[int, int, int]] = {
    2: (5850, 4800, 5900),
    3: (5800, 4800, 5900),
    4: (80, 0, 80),
    11: (4320, 4200, 4600),
}


_RAM: Mapping[int, RamRow] = {
    row[0]: RamRow(
        variable=row[0], scale=RamScale(scale=row[1], offset=row[2]), evidence=row[3], source=_GITNIK + row[4]
    )
    for row in _RAM_ROWS
}


def _ram_48_5000() -> dict[int, RamRow]:
    return {
        variable: replace(
            row,
            evidence=row.evidence if row.evidence is CONFIRMED else INFERRED,
            source=f"{row.source}; repeated in the list of the 48/5000",
        )
        for variable, row in _RAM.items()
    }


def _settings_12_3000() -> dict[int, SettingRow]:
    return {
        row[0]: SettingRow(
            setting=row[0],
            scale=SettingScale(scale=row[1]),
            default=row[2],
            minimum=row[3],
            maximum=row[4],
            access=row[5],
            evidence=SINGLE,
            source=_GITNIK + row[6],
        )
        for row in _SETTING_ROWS
    }


def _settings_48_5000() -> dict[int, SettingRow]:
    rows = {}
    for setting, row in _settings_12_3000().items():
        limits = _LIMITS_48_5000.get(setting)
        if limits is None:
            rows[setting] = replace(row, evidence=INFERRED, source=f"{_FORK}; looks copied from the 12/3000")
        else:
            low, high = limits[1:]
            rows[setting] = replace(row, default=limits[0], minimum=low, maximum=high, source=_FORK)
    return rows


def _settings_of_both() -> dict[int, SettingRow]:
    """The scales that both published devices share, without the limits that differ."""
    return {
        setting: replace(row, default=None, minimum=None, maximum=None) if setting in _LIMITS_48_5000 else row
        for setting, row in _settings_12_3000().items()
    }


DEFAULT_TABLE = "MultiPlus-II"
"""Name of the table that is used when nothing else is asked for."""

DEVICE_TABLES: Mapping[str, DeviceTable] = {
    table.name: table
    for table in (
        DeviceTable(name=DEFAULT_TABLE, ram=_RAM, settings=_settings_of_both()),
        DeviceTable(name="MultiPlus-II 12/3000", ram=_RAM, settings=_settings_12_3000()),
        DeviceTable(name="MultiPlus-II 48/5000", ram=_ram_48_5000(), settings=_settings_48_5000()),
    )
}
"""Published device tables by name.  Only what was read from a device stands here; ids without a row are not known."""
