"""Settings of a simulated device: raw values, announced scales and limits, access.

Scales, defaults and limits of ids 0..12 are those of the published tables; a few more ids that client programs use are
there with their usual scale and limits of our own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from vebus_protocol.scaling import DEVICE_TABLES, SettingScale
from vebus_protocol.variables import SettingId
from vebus_tools.simulator.charger import ChargeSettings
from vebus_tools.simulator.scenario import DeviceSpec

__all__ = ["RESET_REQUIRED", "SettingInfoRow", "Settings"]

RESET_REQUIRED = 0x80
PROTECTED = 0x01
_POWER_ASSIST = 1 << 5
_CHARGER_OFF = 1 << 6
_WORD = 0xFFFF


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingInfoRow:
    """What the device announces about a setting (winmon 89): all numbers raw, ``access`` as in mk3.md 16."""

    scale: SettingScale
    default: int
    minimum: int
    maximum: int
    access: int = 0


# Limits of these are ours; scales are the usual ones (mk3.md 10), bit 7 = reset required after a write.
_MORE: Mapping[int, SettingInfoRow] = {
    SettingId.FLAGS_2: SettingInfoRow(scale=SettingScale(scale=1), default=16, minimum=0, maximum=_WORD),
    SettingId.FLAGS_3: SettingInfoRow(scale=SettingScale(scale=1), default=0, minimum=0, maximum=_WORD),
    SettingId.BATTERY_CAPACITY: SettingInfoRow(
        scale=SettingScale(scale=1), default=280, minimum=0, maximum=5000, access=RESET_REQUIRED
    ),
    SettingId.SOC_END_OF_BULK: SettingInfoRow(scale=SettingScale(scale=-2), default=170, minimum=0, maximum=200),
    SettingId.GRID_CODE: SettingInfoRow(
        scale=SettingScale(scale=1), default=0, minimum=0, maximum=255, access=PROTECTED
    ),
}


class Settings:
    """Raw values by id; ``stored`` are those that survive a reset (EEPROM)."""

    def __init__(self, spec: DeviceSpec) -> None:
        """Defaults of the model, with the input limit and PowerAssist of the scenario."""
        table = DEVICE_TABLES[spec.model]
        self.rows: Mapping[int, SettingInfoRow] = {
            **{
                row.setting: SettingInfoRow(
                    scale=row.scale,
                    default=row.default or 0,
                    minimum=row.minimum or 0,
                    maximum=row.maximum or 0,
                    access=row.access,
                )
                for row in table.settings.values()
            },
            **_MORE,
        }
        self.stored = {setting: row.default for setting, row in self.rows.items()}
        limit = self.rows[SettingId.INPUT_LIMIT_1].scale.raw(spec.input_limit_a)
        self.stored[SettingId.INPUT_LIMIT_1] = limit
        flags = self.stored[SettingId.FLAGS_0] & ~_POWER_ASSIST
        self.stored[SettingId.FLAGS_0] = flags | (_POWER_ASSIST if spec.power_assist else 0)
        self.reset()

    def value(self, setting: int) -> float:
        """Physical value of a setting that exists."""
        return self._values[setting]

    def fits(self, setting: int, raw: int) -> bool:
        """Whether a raw value is within the announced limits; the flag words 0 and 1 are never refused.

        The published maximum of flag word 0 lies below its own default, so it cannot be a limit of the number.
        """
        row = self.rows[setting]
        return setting in (SettingId.FLAGS_0, SettingId.FLAGS_1) or row.minimum <= raw <= row.maximum

    def write(self, setting: int, raw: int, *, store: bool) -> None:
        """Take a raw value, for good or until the next reset."""
        self.raw[setting] = raw
        if store:
            self.stored[setting] = raw
        self._values[setting] = float(self.rows[setting].scale.value(raw) or 0)
        self.charging = self._charge_settings()

    def reset(self) -> None:
        """Forget what was not stored."""
        self.raw = dict(self.stored)
        self._values = {setting: float(row.scale.value(self.raw[setting]) or 0) for setting, row in self.rows.items()}
        self.charging = self._charge_settings()

    @property
    def power_assist(self) -> bool:
        """Whether flag word 0 allows PowerAssist."""
        return bool(self.raw[SettingId.FLAGS_0] & _POWER_ASSIST)

    @property
    def charger_off(self) -> bool:
        """Whether flag word 0 disables the charger."""
        return bool(self.raw[SettingId.FLAGS_0] & _CHARGER_OFF)

    def _charge_settings(self) -> ChargeSettings:
        return ChargeSettings(
            absorption_v=self.value(SettingId.ABSORPTION_VOLTAGE),
            float_v=self.value(SettingId.FLOAT_VOLTAGE),
            bulk_a=self.value(SettingId.BULK_CURRENT),
            repeated_s=self.value(SettingId.REPEATED_ABSORPTION_TIME) * 60.0,
            interval_s=self.value(SettingId.REPEATED_ABSORPTION_INTERVAL) * 60.0,
            longest_s=self.value(SettingId.ABSORPTION_LIMIT) * 60.0,
        )
