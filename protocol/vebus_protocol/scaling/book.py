"""What is known of the scales of one device.  Sources: mk3.md 8 (a scale that was not announced is an assumption)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Generic, TypeVar

from vebus_protocol.scaling.rules import RamScale, SettingScale
from vebus_protocol.scaling.tables import DEFAULT_TABLE, DEVICE_TABLES, DeviceTable
from vebus_protocol.variables import SETTINGS

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ScaleBook", "Scaling"]

S = TypeVar("S", RamScale, SettingScale)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaling(Generic[S]):
    """A scale and whether it is only assumed, that is taken from a published table."""

    scale: S
    assumed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleBook:
    """Scales of one device: what it announced, and behind that a published table.

    Never changes; `with_ram` and `with_setting` return a new book.  Without a table nothing is assumed.
    """

    table: DeviceTable | None = field(default_factory=lambda: DEVICE_TABLES[DEFAULT_TABLE])
    learned_ram: Mapping[int, RamScale] = field(default_factory=dict)
    learned_settings: Mapping[int, SettingScale] = field(default_factory=dict)

    @classmethod
    def assuming(cls, name: str) -> ScaleBook:
        """An empty book over the published table of this name (see DEVICE_TABLES).  Raises KeyError."""
        return cls(table=DEVICE_TABLES[name])

    def ram(self, variable: int) -> Scaling[RamScale] | None:
        """Scale of a RAM variable by its id, or None when nobody has told it."""
        learned = self.learned_ram.get(variable)
        if learned is not None:
            return Scaling(scale=learned, assumed=False)
        row = self.table.ram.get(variable) if self.table else None
        return Scaling(scale=row.scale, assumed=True) if row else None

    def setting(self, setting: int) -> Scaling[SettingScale] | None:
        """Scale of a setting by its id, or None when nobody has told it."""
        learned = self.learned_settings.get(setting)
        if learned is not None:
            return Scaling(scale=learned, assumed=False)
        if self.table is None:
            return None
        row, usual = self.table.settings.get(setting), SETTINGS.get(setting)
        if row is not None:
            return Scaling(scale=row.scale, assumed=True)
        if usual is None or usual.scale is None:
            return None
        return Scaling(scale=SettingScale(scale=usual.scale, offset=usual.offset), assumed=True)

    def with_ram(self, variable: int, scale: RamScale) -> ScaleBook:
        """This book and the announced scale of one RAM variable (also an announced "not supported")."""
        if self.learned_ram.get(variable) == scale:
            return self
        return replace(self, learned_ram={**self.learned_ram, variable: scale})

    def with_setting(self, setting: int, scale: SettingScale) -> ScaleBook:
        """This book and the announced scale of one setting (also an announced "not supported")."""
        if self.learned_settings.get(setting) == scale:
            return self
        return replace(self, learned_settings={**self.learned_settings, setting: scale})
