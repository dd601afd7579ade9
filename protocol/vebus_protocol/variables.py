"""RAM variables, settings and assistants of a device: what their ids mean.

Scales belong to the device, which announces them (winmon 36 and 35); what published devices announced stands in
``scaling.tables``.

Sources: vebus-rs485.md 6.2 (gitnik, from a MultiPlus-II 12/3000); mk3.md 8, 9, 10, 15.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vebus_protocol.schema import DOCUMENTED, I16, SINGLE, U16, Evidence, Field, Linear, WireEnum, bit

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "ALWAYS_SIGNED",
    "ASSISTANT_MEMORY",
    "ASSISTANT_WORDS",
    "RAM_VARIABLES",
    "SETTINGS",
    "AssistantId",
    "RamId",
    "RamVariable",
    "SensorPosition",
    "Setting",
    "SettingId",
]

ASSISTANT_MEMORY = 128
"""First RAM id of the assistants' records: a word (assistant id << 4 | ids that follow), then those ids (mk3.md 15)."""


class AssistantId(WireEnum):
    """Assistants with a known id (mk3.md 15); 000, 009, 00A and 880 were seen and are not identified."""

    AC_CURRENT_SENSOR = (0x001, "AC current sensor")
    HUB_1 = (0x002, "Hub-1")
    ESS = (0x005, "ESS")


class SensorPosition(WireEnum):
    """Where an AC current sensor measures (mk3.md 15)."""

    INPUT = (0, "AC input")
    OUTPUT = (1, "AC output")


_SENSOR = "mk3.md 15 (velib)"
_ESS = "mk3.md 15 (ve-ctrl-tool, multiplus2)"
_ESS_FLAGS = "mk3.md 15 (a fork of multiplus2)"

ASSISTANT_WORDS: Mapping[tuple[int, int], Field] = {
    (AssistantId.AC_CURRENT_SENSOR, 1): Field(
        name="sensor_flags",
        label="flags",
        layout=U16,
        display="hex",
        bits=(
            bit(
                "position",
                0,
                "Position",
                width=5,
                abbrev="vebus.sensor.position",
                enum=SensorPosition,
                evidence=DOCUMENTED,
                source=_SENSOR,
            ),
            bit("phase", 5, "Phase", width=2, abbrev="vebus.sensor.phase", evidence=DOCUMENTED, source=_SENSOR),
            bit("unknown", 7, "Unknown bits", width=9, abbrev="vebus.sensor.unknown", source=_SENSOR),
        ),
        evidence=DOCUMENTED,
        source=_SENSOR,
    ),
    (AssistantId.AC_CURRENT_SENSOR, 2): Field(
        name="sensor_current",
        label="current",
        layout=U16,
        unit="A",
        scale=Linear(divide=100),
        decimals=2,
        evidence=DOCUMENTED,
        source=_SENSOR,
    ),
    (AssistantId.AC_CURRENT_SENSOR, 3): Field(
        name="sensor_power", label="power", layout=U16, unit="VA", scale=Linear(), evidence=DOCUMENTED, source=_SENSOR
    ),
    (AssistantId.AC_CURRENT_SENSOR, 4): Field(
        name="sensor_energy",
        label="energy",
        layout=U16,
        unit="kWh",
        scale=Linear(multiply=65536, divide=3600000),
        decimals=4,
        meaning="counts 2^16 J",
        evidence=DOCUMENTED,
        source=_SENSOR,
    ),
    (AssistantId.ESS, 1): Field(
        name="ess_set_point",
        label="set point",
        layout=I16,
        unit="W",
        scale=Linear(),
        sign="positive = feed into the grid at AC in, negative = take from it",
        meaning="reads back smaller after some time, and ends without a refresh",
        evidence=SINGLE,
        source=f"{_ESS}, vebus-rs485.md 6.2",
    ),
    (AssistantId.ESS, 2): Field(
        name="ess_flags",
        label="flags",
        layout=U16,
        display="hex",
        bits=(
            bit("no_charging", 0, "No charging", abbrev="vebus.ess.no_charging", evidence=SINGLE, source=_ESS_FLAGS),
            bit("no_feed_in", 1, "No feed-in", abbrev="vebus.ess.no_feed_in", evidence=SINGLE, source=_ESS_FLAGS),
            bit("unknown", 2, "Unknown bits", width=14, abbrev="vebus.ess.unknown", source=_ESS_FLAGS),
        ),
        evidence=SINGLE,
        source=_ESS_FLAGS,
    ),
}
"""Words of assistants' records with a known meaning, by assistant and place behind the header (1 = the first id).

Whether the words of an AC current sensor are signed is not said anywhere; they are read as unsigned.
"""


class RamId(WireEnum):
    """RAM variables with a name (mk3.md 9); 20 is not described."""

    MAINS_VOLTAGE = (0, "Mains voltage")
    MAINS_CURRENT = (1, "Mains current")
    INVERTER_VOLTAGE = (2, "Inverter voltage")
    INVERTER_CURRENT = (3, "Inverter current")
    BATTERY_VOLTAGE = (4, "Battery voltage")
    BATTERY_CURRENT = (5, "Battery current")
    BATTERY_RIPPLE = (6, "Battery ripple voltage")
    INVERTER_PERIOD = (7, "Inverter period")
    MAINS_PERIOD = (8, "Mains period")
    AC_LOAD_CURRENT = (9, "AC load current")
    VIRTUAL_SWITCH = (10, "Virtual switch position")
    IGNORE_AC_INPUT = (11, "Ignore AC input")
    RELAY = (12, "Multi-function relay")
    STATE_OF_CHARGE = (13, "State of charge")
    INVERTER_POWER = (14, "Inverter power, filtered")
    MAINS_POWER = (15, "Mains power, filtered")
    OUTPUT_POWER = (16, "Output power, filtered")
    INVERTER_POWER_NOW = (17, "Inverter power, unfiltered")
    MAINS_POWER_NOW = (18, "Mains power, unfiltered")
    OUTPUT_POWER_NOW = (19, "Output power, unfiltered")
    BATTERY_TEMPERATURE = (21, "Battery temperature")


@dataclass(frozen=True, slots=True, kw_only=True)
class RamVariable:
    """What is known of a RAM variable.

    ``always_signed``: read it as signed even when the announcement says unsigned.
    ``period``: the value counts tenths of a second, and 10 / value is a frequency in Hz.
    """

    id: RamId
    unit: str = ""
    sign: str = ""
    meaning: str = ""
    always_signed: bool = False
    period: bool = False
    evidence: Evidence = DOCUMENTED
    source: str = "mk3.md 9 (vendor document)"

    @property
    def name(self) -> str:
        """Stable name for filters and machine output."""
        return self.id.name.lower()

    @property
    def label(self) -> str:
        """Name as an installer knows it."""
        return self.id.text


_CHARGING = "positive = AC to DC (charging)"
_TOWARD_INPUT = "positive = toward the AC input"
_LOAD = "positive = load"

RAM_VARIABLES: Mapping[int, RamVariable] = {
    variable.id: variable
    for variable in (
        RamVariable(id=RamId.MAINS_VOLTAGE, unit="V"),
        RamVariable(id=RamId.MAINS_CURRENT, unit="A", always_signed=True),
        RamVariable(id=RamId.INVERTER_VOLTAGE, unit="V"),
        RamVariable(
            id=RamId.INVERTER_CURRENT,
            unit="A",
            meaning="often announced as unsigned, yet negative numbers occur",
            always_signed=True,
        ),
        RamVariable(id=RamId.BATTERY_VOLTAGE, unit="V"),
        RamVariable(id=RamId.BATTERY_CURRENT, unit="A", sign="positive = charging"),
        RamVariable(id=RamId.BATTERY_RIPPLE, unit="V", meaning="RMS"),
        RamVariable(id=RamId.INVERTER_PERIOD, unit="x 0.1 s", period=True),
        RamVariable(id=RamId.MAINS_PERIOD, unit="x 0.1 s", period=True),
        RamVariable(id=RamId.AC_LOAD_CURRENT, unit="A"),
        RamVariable(id=RamId.VIRTUAL_SWITCH, meaning="one bit; some devices refuse it"),
        RamVariable(id=RamId.IGNORE_AC_INPUT, meaning="one bit"),
        RamVariable(id=RamId.RELAY, meaning="one bit"),
        RamVariable(id=RamId.STATE_OF_CHARGE, meaning="0 to 1, only with the battery monitor switched on"),
        RamVariable(id=RamId.INVERTER_POWER, unit="W", sign=_CHARGING),
        RamVariable(id=RamId.MAINS_POWER, unit="W", sign=_TOWARD_INPUT),
        RamVariable(id=RamId.OUTPUT_POWER, unit="W", sign=_LOAD),
        RamVariable(id=RamId.INVERTER_POWER_NOW, unit="W", sign=_CHARGING),
        RamVariable(id=RamId.MAINS_POWER_NOW, unit="W", sign=_TOWARD_INPUT),
        RamVariable(id=RamId.OUTPUT_POWER_NOW, unit="W", sign=_LOAD),
        RamVariable(id=RamId.BATTERY_TEMPERATURE, meaning="unit not known", evidence=SINGLE, source="mk3.md 9 (mk2py)"),
    )
}
"""RAM variables by id."""

ALWAYS_SIGNED = frozenset(variable for variable, known in RAM_VARIABLES.items() if known.always_signed)
"""RAM variables that are signed whatever the device announces."""


class SettingId(WireEnum):
    """Settings with a name (mk3.md 10); 76 to 80 are not usefully named, 90 to 127 reserved.

    129 to 189 are single values of the grid checkers, protected by a password.
    """

    FLAGS_0 = (0, "Flag word 0")
    FLAGS_1 = (1, "Flag word 1")
    ABSORPTION_VOLTAGE = (2, "Absorption voltage")
    FLOAT_VOLTAGE = (3, "Float voltage")
    BULK_CURRENT = (4, "Bulk current")
    INVERTER_VOLTAGE = (5, "Inverter voltage")
    INPUT_LIMIT_1 = (6, "AC input 1 current limit")
    REPEATED_ABSORPTION_TIME = (7, "Repeated absorption time")
    REPEATED_ABSORPTION_INTERVAL = (8, "Repeated absorption interval")
    ABSORPTION_LIMIT = (9, "Longest absorption time")
    CHARGE_CURVE = (10, "Charge curve")
    LOW_BATTERY_CUT_OFF = (11, "Low-battery cut-off")
    LOW_BATTERY_HYSTERESIS = (12, "Low-battery restart hysteresis")
    SLAVE_COUNT = (13, "Number of slaves")
    THREE_PHASE_SPECIAL = (14, "Special three-phase setting")
    VIRTUAL_SWITCH_USE = (15, "Virtual switch use")
    VS_ON_LOAD = (16, "Virtual switch on: load above")
    VS_ON_BATTERY_HIGH = (17, "Virtual switch on: battery above")
    VS_ON_BATTERY_LOW = (18, "Virtual switch on: battery below")
    VS_ON_DELAY_19 = (19, "Virtual switch on: delay (setting 19)")
    VS_ON_DELAY_20 = (20, "Virtual switch on: delay (setting 20)")
    VS_ON_DELAY_21 = (21, "Virtual switch on: delay (setting 21)")
    VS_ON_DELAY_22 = (22, "Virtual switch on: delay (setting 22)")
    VS_ON_DELAY_23 = (23, "Virtual switch on: delay (setting 23)")
    VS_ON_DELAY_24 = (24, "Virtual switch on: delay (setting 24)")
    VS_ON_DELAY_25 = (25, "Virtual switch on: delay (setting 25)")
    VS_ON_DELAY_26 = (26, "Virtual switch on: delay (setting 26)")
    VS_ON_DELAY_27 = (27, "Virtual switch on: delay (setting 27)")
    VS_OFF_LOAD = (28, "Virtual switch off: load below")
    VS_OFF_BATTERY_HIGH = (29, "Virtual switch off: battery above")
    VS_OFF_BATTERY_LOW = (30, "Virtual switch off: battery below")
    VS_OFF_DELAY_31 = (31, "Virtual switch off: delay (setting 31)")
    VS_OFF_DELAY_32 = (32, "Virtual switch off: delay (setting 32)")
    VS_OFF_DELAY_33 = (33, "Virtual switch off: delay (setting 33)")
    VS_OFF_DELAY_34 = (34, "Virtual switch off: delay (setting 34)")
    VS_OFF_DELAY_35 = (35, "Virtual switch off: delay (setting 35)")
    VS_OFF_DELAY_36 = (36, "Virtual switch off: delay (setting 36)")
    VS_OFF_DELAY_37 = (37, "Virtual switch off: delay (setting 37)")
    VS_OFF_DELAY_38 = (38, "Virtual switch off: delay (setting 38)")
    VS_OFF_DELAY_39 = (39, "Virtual switch off: delay (setting 39)")
    VS_OFF_DELAY_40 = (40, "Virtual switch off: delay (setting 40)")
    VS_OFF_DELAY_41 = (41, "Virtual switch off: delay (setting 41)")
    VS_OFF_DELAY_42 = (42, "Virtual switch off: delay (setting 42)")
    VS_MINIMUM_ON_TIME = (43, "Virtual switch: least on time")
    MAINS_LOW = (44, "Lowest mains voltage")
    MAINS_LOW_HYSTERESIS = (45, "Lowest mains voltage, hysteresis")
    MAINS_HIGH = (46, "Highest mains voltage")
    MAINS_HIGH_HYSTERESIS = (47, "Highest mains voltage, hysteresis")
    ASSIST_BOOST = (48, "Assist boost factor")
    INPUT_LIMIT_2 = (49, "AC input 2 current limit")
    AES_CURRENT = (50, "AES current")
    AES_HYSTERESIS = (51, "AES hysteresis")
    VS2_LOAD_HIGH = (52, "Second virtual switch: load high")
    VS2_LOAD_HIGH_TIME = (53, "Second virtual switch: load high, time")
    VS2_BATTERY_LOW = (54, "Second virtual switch: battery low")
    VS2_BATTERY_LOW_TIME = (55, "Second virtual switch: battery low, time")
    VS2_LOAD_LOW = (56, "Second virtual switch: load low")
    VS2_LOAD_LOW_TIME = (57, "Second virtual switch: load low, time")
    VS2_BATTERY_HIGH = (58, "Second virtual switch: battery high")
    VS2_BATTERY_HIGH_TIME = (59, "Second virtual switch: battery high, time")
    FLAGS_2 = (60, "Flag word 2")
    FLAGS_3 = (61, "Flag word 3")
    INVERTER_PERIOD = (62, "Inverter period")
    LOW_BATTERY_PRE_ALARM = (63, "Low-battery pre-alarm offset")
    BATTERY_CAPACITY = (64, "Battery capacity")
    SOC_END_OF_BULK = (65, "State of charge at end of bulk")
    FS_START_VOLTAGE = (66, "Group fs: battery start voltage")
    FS_START_DELAY = (67, "Group fs: start delay")
    FS_STOP_VOLTAGE = (68, "Group fs: battery stop voltage")
    FS_STOP_DELAY = (69, "Group fs: stop delay")
    VS2_STATE_OF_CHARGE = (70, "Second virtual switch: state of charge")
    TEMPERATURE_COMPENSATION = (71, "Temperature compensation (VLL)")
    CHARGE_EFFICIENCY = (72, "Charge efficiency")
    ASSIST_CURRENT_LIMIT = (73, "Inverter current limit while assisting")
    SOC_END_OF_ABSORPTION = (74, "State of charge that ends absorption early")
    TAIL_CURRENT = (75, "Tail current")
    GRID_CODE = (81, "Grid code")
    PERMANENT_FLAGS = (82, "Permanent flags")
    SOC_STOP_INVERTING = (83, "State of charge to stop inverting")
    SOC_START_INVERTING = (84, "State of charge to start inverting")
    INFO_ID = (85, "Info id")
    BATTERY_TEMPERATURE_STOP = (86, "Battery temperature stop")
    COMPENSATION_SLOPE = (87, "Battery temperature compensation slope")
    SUSTAIN_VOLTAGE = (88, "Sustain voltage")
    CURRENT_SENSOR_FACTOR = (89, "Current-sensor factor")
    GRID_CHECKER_A = (128, "Grid checker A")
    GRID_CHECKER_GENERAL = (190, "Grid checker, general")
    GRID_CHECKER_B = (191, "Grid checker B")


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What is known of a setting.

    ``scale`` and ``offset`` are the usual ones where no device's table has them (``scaling.tables``), in the form of
    winmon 89: value = (raw + offset) * scale, or divided by -scale where scale is negative; scale is None where no
    source says.
    """

    id: SettingId
    unit: str = ""
    meaning: str = ""
    scale: int | None = None
    offset: int = 0

    @property
    def name(self) -> str:
        """Stable name for filters and machine output."""
        return self.id.name.lower()

    @property
    def label(self) -> str:
        """Name as an installer knows it."""
        return self.id.text

    @property
    def evidence(self) -> Evidence:
        """How well the name is known: 0 to 70 come from the vendor's library, the others from one settings table."""
        return DOCUMENTED if self.id <= SettingId.VS2_STATE_OF_CHARGE else SINGLE

    @property
    def source(self) -> str:
        """Where the name comes from."""
        return "mk3.md 10 (velib)" if self.id <= SettingId.VS2_STATE_OF_CHARGE else "mk3.md 10 (rvms settings table)"


_DESCRIBED = (
    Setting(id=SettingId.ABSORPTION_VOLTAGE, unit="V"),
    Setting(id=SettingId.FLOAT_VOLTAGE, unit="V"),
    Setting(id=SettingId.BULK_CURRENT, unit="A"),
    Setting(id=SettingId.INVERTER_VOLTAGE, unit="V"),
    Setting(id=SettingId.INPUT_LIMIT_1, unit="A"),
    Setting(id=SettingId.REPEATED_ABSORPTION_TIME, unit="min"),
    Setting(id=SettingId.REPEATED_ABSORPTION_INTERVAL, unit="min"),
    Setting(id=SettingId.ABSORPTION_LIMIT, unit="min"),
    Setting(id=SettingId.CHARGE_CURVE, meaning="1 fixed, 2 adaptive, 3 adaptive with BatterySafe"),
    Setting(id=SettingId.LOW_BATTERY_CUT_OFF, unit="V"),
    Setting(id=SettingId.LOW_BATTERY_HYSTERESIS, unit="V"),
    Setting(
        id=SettingId.VIRTUAL_SWITCH_USE, meaning="0 none, 1 relay, 2 ignore AC, 3 dedicated ignore AC, 4 generator"
    ),
    Setting(id=SettingId.VS_ON_LOAD, scale=-100),
    Setting(id=SettingId.VS_ON_BATTERY_HIGH, scale=-100),
    Setting(id=SettingId.VS_ON_BATTERY_LOW, scale=-100),
    Setting(id=SettingId.VS_ON_DELAY_19, scale=1, offset=-1),
    Setting(id=SettingId.VS_ON_DELAY_20, scale=1, offset=-1),
    Setting(id=SettingId.VS_ON_DELAY_21, scale=1, offset=-1),
    Setting(id=SettingId.VS_ON_DELAY_22, scale=1, offset=-1),
    Setting(id=SettingId.VS_ON_DELAY_23, scale=1, offset=-1),
    Setting(id=SettingId.VS_ON_DELAY_24, scale=1, offset=-1),
    Setting(id=SettingId.VS_ON_DELAY_25, scale=1, offset=-1),
    Setting(id=SettingId.VS_ON_DELAY_26, scale=1, offset=-1),
    Setting(id=SettingId.VS_ON_DELAY_27, scale=1, offset=-1),
    Setting(id=SettingId.VS_OFF_LOAD, scale=-100),
    Setting(id=SettingId.VS_OFF_BATTERY_HIGH, scale=-100),
    Setting(id=SettingId.VS_OFF_BATTERY_LOW, scale=-100),
    Setting(id=SettingId.VS_MINIMUM_ON_TIME, unit="min"),
    Setting(id=SettingId.MAINS_LOW, unit="V"),
    Setting(id=SettingId.MAINS_LOW_HYSTERESIS, unit="V"),
    Setting(id=SettingId.MAINS_HIGH, unit="V", scale=1, offset=100),
    Setting(id=SettingId.MAINS_HIGH_HYSTERESIS, unit="V"),
    Setting(id=SettingId.ASSIST_BOOST, scale=-16),
    Setting(id=SettingId.INPUT_LIMIT_2, unit="A", scale=-10),
    Setting(id=SettingId.AES_CURRENT, unit="A", scale=-100),
    Setting(id=SettingId.AES_HYSTERESIS, unit="A", scale=-100),
    Setting(id=SettingId.VS2_LOAD_HIGH, unit="A", scale=-100),
    Setting(id=SettingId.VS2_LOAD_HIGH_TIME, unit="s"),
    Setting(id=SettingId.VS2_BATTERY_LOW, unit="V", scale=-100),
    Setting(id=SettingId.VS2_BATTERY_LOW_TIME, unit="s"),
    Setting(id=SettingId.VS2_LOAD_LOW, unit="A", scale=-100),
    Setting(id=SettingId.VS2_LOAD_LOW_TIME, unit="min"),
    Setting(id=SettingId.VS2_BATTERY_HIGH, unit="V", meaning="0 and 1 are special", scale=-100),
    Setting(id=SettingId.VS2_BATTERY_HIGH_TIME, unit="min"),
    Setting(id=SettingId.INVERTER_PERIOD, meaning="frequency = 2500000 / raw Hz"),
    Setting(id=SettingId.LOW_BATTERY_PRE_ALARM, meaning="has an offset of 8000"),
    Setting(id=SettingId.BATTERY_CAPACITY, unit="Ah", meaning="0 = battery monitor off", scale=1),
    Setting(id=SettingId.SOC_END_OF_BULK, unit="%", scale=-2),
    Setting(id=SettingId.VS2_STATE_OF_CHARGE, unit="%", scale=-2),
    Setting(id=SettingId.CHARGE_EFFICIENCY, scale=-256, offset=1),
    Setting(id=SettingId.ASSIST_CURRENT_LIMIT, unit="A", scale=-100),
    Setting(id=SettingId.SOC_END_OF_ABSORPTION, unit="%", scale=-2),
    Setting(id=SettingId.TAIL_CURRENT, unit="A"),
    Setting(id=SettingId.GRID_CODE, meaning="0 = none"),
    Setting(id=SettingId.SOC_STOP_INVERTING, unit="%"),
    Setting(id=SettingId.SOC_START_INVERTING, unit="%"),
    Setting(id=SettingId.SUSTAIN_VOLTAGE, unit="V", scale=-100),
)
SETTINGS: Mapping[int, Setting] = {
    **{setting: Setting(id=setting) for setting in SettingId},
    **{setting.id: setting for setting in _DESCRIBED},
}
"""Settings by id."""
