"""Scales: the announced numbers, the published tables, and the way from raw numbers to values and back."""

from collections.abc import Mapping
from typing import Any, TypedDict, Unpack

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from vebus_protocol.errors import EncodeError
from vebus_protocol.scaling import (
    DEVICE_TABLES,
    Physical,
    RamRow,
    RamScale,
    Rule,
    ScaleBook,
    SettingRow,
    SettingScale,
    decimals_of,
    physical,
    raw_of,
    rule_of,
)
from vebus_protocol.schema import (
    CONFIRMED,
    I16,
    INFERRED,
    LIST_U16,
    SINGLE,
    U8,
    U16,
    U24,
    Field,
    Layout,
    Linear,
    OfRam,
    OfSetting,
    Reciprocal,
    Scale,
    computed,
    raw,
    this,
)
from vebus_protocol.variables import ALWAYS_SIGNED

BOOK = ScaleBook()
BLANK = ScaleBook(table=None)
WORDS = st.integers(0, 0xFFFF)


class Facts(TypedDict, total=False):
    absent: tuple[int, ...]
    absent_text: str
    valid: object
    decimals: int
    shift: int
    width: int


def spec(layout: Layout | None, scale: Scale | None, unit: str = "", **facts: Unpack[Facts]) -> Field:
    return Field(name="current", label="Current", layout=layout, scale=scale, unit=unit, **facts)


def known(value: float, *, assumed: bool = True) -> Physical:
    return Physical(value=value, assumed=assumed)


# --- announced RAM scales --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scale", "offset", "signed", "multiplier", "divisor", "decimals"),
    [
        (0x7F9C, 0, False, 1, 100, 2),  # y-ram-info-reply-combined, winmon-ramvar-info-reply-4
        (0x8064, 0, True, 1, 100, 2),
        (0x800A, 0, True, 1, 10, 1),  # y-ram-info-5-split, winmon-ramvar-info-reply-5
        (0x7F38, 0, False, 1, 200, 3),  # x-ram-info-13-soc
        (0x785F, 0x0100, False, 1, 1953, 4),  # x-ram-info-7-combined, winmon-ramvar-info-reply-7
        (0x7C2F, 0, False, 1, 977, 3),  # x-ram-info-8-combined
        (0xFFFF, 0, True, 1, 1, 0),  # x-ram-info-14-combined
        (1, 0, False, 1, 1, 0),
        (0x3FFF, 0, False, 0x3FFF, 1, 0),  # last one that multiplies
        (0x4000, 0, False, 1, 0x4000, 5),  # first one that divides
        (0xC000, 0, True, 1, 0x4000, 5),
        (0xC001, 0, True, 0x3FFF, 1, 0),
        (0x7FFF, 0, False, 1, 1, 0),
        (0x8001, 0, True, 1, 1, 0),
        (0x7FCE, 0, False, 1, 50, 2),
    ],
)
def test_announced_ram_scale(
    scale: int, offset: int, signed: object, multiplier: int, divisor: int, decimals: int
) -> None:
    found = RamScale(scale=scale, offset=offset)
    assert found.supported
    assert found.bit is None
    assert (found.signed, found.multiplier, found.divisor) == (signed, multiplier, divisor)
    assert found.decimals == decimals


@pytest.mark.parametrize(
    ("scale", "offset", "raw_number", "value"),
    [
        (0x7F9C, 0, 1331, 13.31),
        (0x7F9C, 0, 0xFFFF, 655.35),
        (0x8064, 0, 0xFF5F, -1.61),
        (0x800A, 0, 0x8000, -3276.8),
        (0x7F38, 0, 200, 1.0),
        (0x785F, 256, 0x86, 390 / 1953),
        (0x785F, 256, 0, 256 / 1953),
        (0x7C2F, 0, 0xC3, 195 / 977),
        (-1, 0, 0xFFFF, -1),
        (-1, 0, 0xFE89, -375),  # x-snapshot-reply, inverter power
        (-1, 0, 0x8000, -32768),
        (2, -5, 10, 10),  # offset first, then the factor
        (-2, 5, 0xFFFF, 8),
        (1, 0xFFFF, 3, 2),  # an offset is an i16 too
        (1, 0, 0xFFFF, 65535),
    ],
)
def test_ram_value_and_back(scale: int, offset: int, raw_number: int, value: float) -> None:
    announced = RamScale(scale=scale, offset=offset)
    assert announced.value(raw_number) == value
    assert announced.raw(value) == raw_number


def test_whole_factors_give_integers_and_divisors_give_floats() -> None:
    assert type(RamScale(scale=-1).value(5)) is int
    assert type(RamScale(scale=0x7F9C).value(500)) is float


@pytest.mark.parametrize(("scale", "bit"), [(1, 0), (5, 4), (6, 5), (-5, 4), (16, 15), (-16, 15)])
def test_bit_variables(scale: int, bit: int) -> None:
    """5 and 6 are real: x-ram-info-11-bit, winmon-ramvar-info-reply-11-bit and the relay."""
    announced = RamScale(scale=scale, offset=0x8000)
    assert (announced.supported, announced.bit, announced.signed, announced.decimals) == (True, bit, False, 0)
    assert announced.value(1 << bit) == 1
    assert announced.value(0xFFFF ^ (1 << bit)) == 0
    assert announced.value(-1) == 1
    assert (announced.raw(0), announced.raw(1)) == (0, 1 << bit)
    with pytest.raises(EncodeError, match=r"^2 does not fit 0\.\.1$"):
        announced.raw(2)


@pytest.mark.parametrize(
    ("scale", "offset"),
    [
        (0, 0),  # x-ram-unsupported-split
        (0, 0x8000),
        (0x8000, 0),  # would divide by zero
        (0x8000, 0x8000),
        (17, 0x8000),  # bit 16 of a 16-bit word
        (0x7F9C, 0x8000),
    ],
)
def test_scales_without_a_value(scale: int, offset: int) -> None:
    announced = RamScale(scale=scale, offset=offset)
    assert not announced.supported
    assert announced.value(1) is None
    assert (announced.bit, announced.signed, announced.multiplier, announced.divisor) == (None, False, 1, 1)
    with pytest.raises(EncodeError, match="not supported"):
        announced.raw(1)


def test_both_views_of_the_announced_numbers_are_one_scale() -> None:
    assert RamScale(scale=0x800A, offset=0x8000) == RamScale(scale=-32758, offset=-32768)
    assert RamScale(scale=0x800A).scale == -32758
    assert SettingScale(scale=0xFF9C) == SettingScale(scale=-100)


@pytest.mark.parametrize("number", [-0x8001, 0x10000])
def test_announced_numbers_have_16_bits(number: int) -> None:
    with pytest.raises(EncodeError, match=rf"^scale = {number} does not fit 16 bits \(-32768\.\.65535\)$"):
        RamScale(scale=number)
    with pytest.raises(EncodeError, match=rf"^offset = {number} "):
        SettingScale(scale=1, offset=number)


@pytest.mark.parametrize(
    ("scale", "value", "limits"),
    [
        (0x7F9C, -0.01, r"0\.\.655\.35"),
        (0x7F9C, 655.36, r"0\.\.655\.35"),
        (0x8064, 327.68, r"-327\.68\.\.327\.67"),
        (0xFFFF, 32768, r"-32768\.\.32767"),
        (0xFFFF, float("nan"), r"-32768\.\.32767"),
        (0xFFFF, float("inf"), r"-32768\.\.32767"),
        (0xFFFF, 10**400, r"-32768\.\.32767"),
    ],
)
def test_ram_value_out_of_range(scale: int, value: float, limits: str) -> None:
    with pytest.raises(EncodeError, match=rf"does not fit {limits}$"):
        RamScale(scale=scale).raw(value)


@given(scale=WORDS, offset=WORDS, word=WORDS)
def test_every_announced_ram_scale_gives_the_raw_number_back(scale: int, offset: int, word: int) -> None:
    announced = RamScale(scale=scale, offset=offset)
    value = announced.value(word)
    if not announced.supported:
        assert value is None
    elif announced.bit is not None:
        assert value is not None
        assert announced.raw(value) == word & (1 << announced.bit)
    else:
        assert value is not None
        assert announced.raw(value) == word
        assert announced.value(announced.raw(value)) == value


@given(scale=WORDS, offset=st.integers(-0x7FFF, 0x7FFF), word=WORDS)
def test_ram_value_follows_the_five_rules(scale: int, offset: int, word: int) -> None:
    s = scale - 0x10000 if scale >= 0x8000 else scale
    announced = RamScale(scale=scale, offset=offset)
    if s in (0, -0x8000):
        assert announced.value(word) is None
        return
    number = word - 0x10000 if s < 0 and word >= 0x8000 else word
    factor = 1 / (0x8000 - abs(s)) if abs(s) >= 0x4000 else abs(s)
    assert announced.value(word) == pytest.approx(factor * (number + offset))


# --- announced setting scales ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scale", "offset", "raw_number", "value"),
    [
        (-100, 0, 5850, 58.5),  # winmon-read-setting-reply
        (-100, 0, 1440, 14.4),  # winmon-setting-info-reply-2, x-setting-2-info
        (-10, 0, 72, 7.2),  # winmon-write-setting-6-ram-only
        (-10, 0, 320, 32.0),  # x-setting-6-info
        (1, 0, 3, 3),  # z-setting-info-combined
        (360, 0, 28, 10080),
        (1, 0, 0xFFFF, 65535),  # never signed, whatever the scale
        (-1, 0, 0xFFFF, 65535),
        (1, 100, 170, 270),
        (1, 0x8000, 0x8005, 5),
        (0x8000, 0, 0x8000, 1.0),
        (0x7FFF, 0, 1, 0x7FFF),  # no rule of 0x4000 here
    ],
)
def test_setting_value_and_back(scale: int, offset: int, raw_number: int, value: float) -> None:
    announced = SettingScale(scale=scale, offset=offset)
    assert announced.supported
    assert announced.value(raw_number) == value
    assert announced.raw(value) == raw_number


def test_unsupported_setting() -> None:
    announced = SettingScale(scale=0)
    assert not announced.supported
    assert announced.value(1) is None
    with pytest.raises(EncodeError, match=r"^1: not supported by the device$"):
        announced.raw(1)


def test_setting_parts() -> None:
    assert (SettingScale(scale=-100).divisor, SettingScale(scale=-100).multiplier) == (100, 1)
    assert (SettingScale(scale=15).divisor, SettingScale(scale=15).multiplier) == (1, 15)
    assert (SettingScale(scale=-100).decimals, SettingScale(scale=15).decimals) == (2, 0)


@given(scale=WORDS.filter(bool), offset=WORDS, word=WORDS)
def test_every_setting_scale_gives_the_raw_number_back(scale: int, offset: int, word: int) -> None:
    announced = SettingScale(scale=scale, offset=offset)
    value = announced.value(word)
    assert value is not None
    assert announced.raw(value) == word


# --- what is known of a device ---------------------------------------------------------------------------------------


def test_published_scales_are_assumed() -> None:
    found = ScaleBook().ram(5)
    assert found is not None
    assert found.assumed
    assert found.scale == RamScale(scale=0x800A)


@pytest.mark.parametrize("variable", [10, 20, 21, 128, 131])
def test_variables_without_a_published_scale_are_not_known(variable: int) -> None:
    assert BOOK.ram(variable) is None


@pytest.mark.parametrize("setting", [13, 14, 61, 128])
def test_settings_without_a_published_scale_are_not_known(setting: int) -> None:
    assert BOOK.setting(setting) is None


def test_learned_scales_take_the_place_of_assumed_ones_in_a_new_book() -> None:
    learned = BOOK.with_ram(5, RamScale(scale=0x8064)).with_ram(131, RamScale(scale=-1))
    learned = learned.with_setting(2, SettingScale(scale=-10)).with_setting(13, SettingScale(scale=1))
    battery, setpoint = learned.ram(5), learned.ram(131)
    assert battery is not None
    assert (battery.scale, battery.assumed) == (RamScale(scale=0x8064), False)
    assert setpoint is not None
    assert not setpoint.assumed
    absorption, slaves = learned.setting(2), learned.setting(13)
    assert absorption is not None
    assert (absorption.scale, absorption.assumed) == (SettingScale(scale=-10), False)
    assert slaves is not None
    assert not slaves.assumed
    assert (BOOK.learned_ram, BOOK.learned_settings) == ({}, {})
    assert BOOK.ram(131) is None


def test_without_a_table_nothing_is_assumed() -> None:
    assert (BLANK.ram(0), BLANK.setting(2)) == (None, None)


def test_tables_are_chosen_by_name() -> None:
    assert set(DEVICE_TABLES) == {"MultiPlus-II", "MultiPlus-II 12/3000", "MultiPlus-II 48/5000"}
    assert ScaleBook.assuming("MultiPlus-II 48/5000").table is DEVICE_TABLES["MultiPlus-II 48/5000"]
    assert ScaleBook().table is DEVICE_TABLES["MultiPlus-II"]
    with pytest.raises(KeyError):
        ScaleBook.assuming("Quattro")


def test_limits_of_the_published_settings() -> None:
    """Setting 2 and 11 of the 12/3000 are those of x-setting-2-info and x-setting-11-info-locked."""
    small = DEVICE_TABLES["MultiPlus-II 12/3000"].settings
    large = DEVICE_TABLES["MultiPlus-II 48/5000"].settings
    assert (small[2].default, small[2].minimum, small[2].maximum, small[2].access) == (1440, 1200, 1600, 0)
    assert (small[11].default, small[11].minimum, small[11].maximum, small[11].access) == (930, 930, 1300, 128)
    assert (large[2].default, large[2].minimum, large[2].maximum) == (5850, 4800, 5900)
    limits = {
        table: {row.setting: (row.default, row.minimum, row.maximum) for row in DEVICE_TABLES[table].settings.values()}
        for table in DEVICE_TABLES
    }
    first, second = limits["MultiPlus-II 12/3000"], limits["MultiPlus-II 48/5000"]
    differing = {setting for setting in first if first[setting] != second[setting]}
    assert differing == {2, 3, 4, 11}
    assert {setting for setting, found in limits["MultiPlus-II"].items() if None in found} == differing


def test_tables_of_one_family_share_their_scales() -> None:
    ram = [{row.variable: row.scale for row in table.ram.values()} for table in DEVICE_TABLES.values()]
    settings = [{row.setting: row.scale for row in table.settings.values()} for table in DEVICE_TABLES.values()]
    assert ram[0] == ram[1] == ram[2]
    assert settings[0] == settings[1] == settings[2]


def test_every_published_row_names_its_source_and_evidence() -> None:
    for table in DEVICE_TABLES.values():
        rows: list[RamRow | SettingRow] = [*table.ram.values(), *table.settings.values()]
        assert all(row.source.startswith("vebus-rs485.md 6.2 (") for row in rows)
        assert {row.evidence for row in rows} <= {CONFIRMED, SINGLE, INFERRED}
    large = DEVICE_TABLES["MultiPlus-II 48/5000"].settings
    assert {setting for setting, row in large.items() if row.evidence is SINGLE} == {2, 3, 4, 11}


# --- fields to values ------------------------------------------------------------------------------------------------

VOLTAGE = spec(U16, OfRam(variable=4), unit="V")
CURRENT_24 = spec(U24, OfRam(variable=5), unit="A")
MAINS_CURRENT = spec(I16, OfRam(variable=1, times=this.factor), unit="A")
INVERTER_CURRENT = spec(I16, OfRam(variable=3, times=this.factor), unit="A")
INVERTER_FREQUENCY = spec(U8, OfRam(variable=7, frequency=True), unit="Hz")
MAINS_FREQUENCY = spec(U8, OfRam(variable=8, frequency=True), unit="Hz", absent=(0, 0xFF), absent_text="no mains")
RAM_VALUE = spec(LIST_U16, OfRam(announced_sign=True))


@pytest.mark.parametrize(
    ("field", "raw_number", "factor", "value"),
    [
        (VOLTAGE, 0x0533, 1, 13.31),  # 20-dc-1
        (CURRENT_24, 0x12, 1, 1.8),  # 20-dc-1
        (CURRENT_24, 1500, 1, 150.0),  # dc-info-discharge
        (spec(U16, OfRam(variable=0)), 0x5AEC, 1, 232.76),  # ac-info-l1-charge
        (MAINS_CURRENT, -161, 1, -1.61),  # ac-info-l1-charge
        (INVERTER_CURRENT, 8, 1, 0.08),  # ac-info-l1-charge
        (MAINS_CURRENT, -200, 2, -4.0),  # ac-info-power-assist-neg
        (INVERTER_CURRENT, -100, 2, -2.0),  # ac-info-power-assist-neg
        (INVERTER_CURRENT, -2, 1, -0.02),  # 20-ac-mk2-b: signed, though RAM 3 is announced as unsigned
        (MAINS_CURRENT, 1331, 3, 39.93),  # one division, so no digits of rounding
    ],
)
def test_values_of_info_frames(field: Field, raw_number: int, factor: int, value: float) -> None:
    raws = {"factor": factor}
    assert physical(field, raw_number, raws, BOOK) == known(value)
    assert raw_of(field, value, raws, BOOK) == raw_number


@pytest.mark.parametrize(
    ("field", "period", "frequency"),
    [
        (INVERTER_FREQUENCY, 0x86, "50.08"),  # 20-dc-1
        (INVERTER_FREQUENCY, 136, "49.82"),  # dc-info-discharge
        (MAINS_FREQUENCY, 0xC3, "50.10"),  # ac-info-l1-charge
    ],
)
def test_frequency_of_a_period(field: Field, period: int, frequency: str) -> None:
    found = physical(field, period, {}, BOOK)
    assert found.value is not None
    assert f"{found.value:.{decimals_of(field, BOOK)}f}" == frequency
    assert raw_of(field, float(frequency), {}, BOOK) == period


@pytest.mark.parametrize("period", [0, 0xFF])  # ac-info-invert-factor1, ac-info-no-mains
def test_no_mains_has_no_frequency(period: int) -> None:
    assert physical(MAINS_FREQUENCY, period, {}, BOOK) == Physical(value=None, assumed=False, reason="no mains")


def test_a_period_of_zero_has_no_frequency() -> None:
    bare = spec(U8, OfRam(variable=8, frequency=True))
    assert physical(bare, 0, {}, BOOK) == Physical(value=None, assumed=True, reason="no value for this raw number")
    book = BOOK.with_ram(8, RamScale(scale=3, offset=0x8000))
    assert physical(bare, 4, {}, book).reason == "no value for this raw number"


def test_24_bit_currents_stay_unsigned() -> None:
    """dc-info-u24-charge with RAM 5 announced as signed hundredths."""
    book = BOOK.with_ram(5, RamScale(scale=0x8064))
    assert physical(CURRENT_24, 90000, {}, book) == known(900.0, assumed=False)
    assert physical(CURRENT_24, 0xFF0000, {}, book) == known(167116.8, assumed=False)


def test_computed_difference_keeps_its_sign() -> None:
    battery = computed(this.charge - this.used, "Battery current", scale=OfRam(variable=5), unit="A")
    raws = {"charge": 0, "used": 1500}  # dc-info-discharge
    assert physical(battery, battery.expression(raws), raws, BOOK) == known(-150.0)


@pytest.mark.parametrize(
    ("variable", "raw_number", "value"),
    [
        (0, 23150, 231.5),  # winmon-read-ram-reply-3-values
        (15, 65116, -420),  # winmon-read-ram-reply-3-values
        (14, 395, 395),  # winmon-read-ram-reply-3-values
        (14, 0xFE89, -375),  # x-snapshot-reply
        (11, 0x0010, 1),
        (12, 0x0010, 0),
        (13, 200, 1.0),
    ],
)
def test_ram_values_take_their_variable_from_the_request(variable: int, raw_number: int, value: float) -> None:
    assert physical(RAM_VALUE, raw_number, {}, BOOK, variable=variable) == known(value)
    if variable < 11 or variable > 12:
        assert raw_of(RAM_VALUE, value, {}, BOOK, variable=variable) == raw_number


def test_a_signed_layout_is_read_again_as_announced() -> None:
    written = spec(I16, OfRam(variable=this.id, announced_sign=True))
    assert physical(written, -1, {"id": 0}, BOOK) == known(655.35)
    assert physical(written, -1, {"id": 14}, BOOK) == known(-1)
    assert raw_of(written, 655.35, {"id": 0}, BOOK) == -1


def test_scale_that_nobody_told() -> None:
    unknown = Physical(value=None, assumed=False, reason="scale not known")
    assert physical(RAM_VALUE, 1, {}, BOOK) == unknown
    assert physical(RAM_VALUE, 1, {}, BOOK, variable=131) == unknown
    assert physical(spec(U16, OfSetting()), 1, {}, BOOK) == unknown
    assert physical(VOLTAGE, 1, {}, BLANK) == unknown
    with pytest.raises(EncodeError, match=r"^current = 1 V: scale not known$"):
        raw_of(VOLTAGE, 1, {}, BLANK)


def test_device_that_refused_a_variable() -> None:
    book = BOOK.with_ram(4, RamScale(scale=0))
    expected = Physical(value=None, assumed=False, reason="not supported by the device")
    assert physical(VOLTAGE, 1, {}, book) == expected


def test_learned_scale_is_not_assumed() -> None:
    book = BOOK.with_ram(4, RamScale(scale=0x800A)).with_setting(2, SettingScale(scale=-100))
    assert physical(VOLTAGE, 100, {}, book) == known(10.0, assumed=False)
    assert physical(spec(U16, OfSetting(setting=2)), 5850, {}, book) == known(58.5, assumed=False)


def test_settings_by_number_by_expression_and_by_request() -> None:
    """winmon-write-setting-6-ram-only and winmon-read-setting-reply."""
    assert physical(spec(U16, OfSetting(setting=6)), 72, {}, BOOK) == known(7.2)
    assert physical(spec(U16, OfSetting(setting=this.id)), 72, {"id": 6}, BOOK) == known(7.2)
    assert physical(spec(U16, OfSetting()), 5850, {}, BOOK, variable=2) == known(58.5)
    assert physical(spec(I16, OfSetting(setting=4)), -1, {}, BOOK) == known(65535)
    assert raw_of(spec(U16, OfSetting(setting=this.id)), 7.2, {"id": 6}, BOOK) == 72


def test_fixed_scales_are_never_assumed() -> None:
    """41-normal: limits in tenths; setting 62 counts a period in 2.5 MHz."""
    limit = spec(U16, Linear(divide=10), unit="A")
    assert physical(limit, 350, {}, BOOK) == known(35.0, assumed=False)
    assert raw_of(limit, 35.0, {}, BOOK) == 350
    shifted = spec(U8, Linear(multiply=2, divide=10, offset=-40))
    assert physical(shifted, 190, {}, BOOK) == known(30.0, assumed=False)
    assert raw_of(shifted, 30.0, {}, BOOK) == 190
    period = spec(U16, Reciprocal(numerator=2_500_000), unit="Hz")
    assert physical(period, 50000, {}, BOOK) == known(50.0, assumed=False)
    assert physical(period, 0, {}, BOOK).reason == "no value for this raw number"
    assert raw_of(period, 50.0, {}, BOOK) == 50000


def test_field_without_scale_is_its_raw_number() -> None:
    assert physical(spec(U16, None), 42, {}, BOOK) == known(42, assumed=False)
    assert raw_of(spec(U16, None), 42, {}, BOOK) == 42
    assert raw_of(spec(None, None, shift=4, width=3), 7, {}, BOOK) == 7


def test_values_that_are_not_there() -> None:
    field = spec(U16, Linear(), absent=(0xFFFF,), valid=this.flags & 1)
    assert physical(field, 0xFFFF, {"flags": 1}, BOOK).reason == "not available"
    assert physical(field, 5, {"flags": 2}, BOOK).reason == "not valid here"
    assert physical(field, 5, {"flags": None}, BOOK).reason == "not valid here"
    assert physical(field, 5, {}, BOOK).reason == "not valid here"
    assert physical(field, None, {"flags": 1}, BOOK).reason == "not in this frame"
    assert physical(field, 5, {"flags": 3}, BOOK) == known(5, assumed=False)
    assert physical(spec(U16, Linear(), valid=0), 5, {}, BOOK).value is None


@pytest.mark.parametrize("raws", [{}, {"factor": None}])
def test_missing_factor_gives_no_value(raws: Mapping[str, Any]) -> None:
    assert physical(MAINS_CURRENT, 5, raws, BOOK).reason == "not in this frame"


def test_expression_over_a_field_that_is_not_there() -> None:
    field = spec(U16, OfRam(variable=this.ids + 1))
    assert physical(field, 100, {"ids": 3}, BOOK) == known(1.0)
    assert physical(field, 100, {}, BOOK).reason == "scale not known"
    assert physical(field, 100, {"ids": None}, BOOK).reason == "scale not known"


# --- values to fields ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        (VOLTAGE, 700, "current = 700 V does not fit 0..655.35 V"),
        (MAINS_CURRENT, -700.5, "current = -700.5 A does not fit -655.36..655.34 A"),
        (INVERTER_FREQUENCY, 20, "current = 20 Hz does not fit 38.21917808..76.2890625 Hz"),
        (INVERTER_FREQUENCY, 0, "current = 0 Hz does not fit 38.21917808..76.2890625 Hz"),
        (INVERTER_FREQUENCY, 1e-320, "current = 1e-320 Hz does not fit 38.21917808..76.2890625 Hz"),
        (spec(U8, None), 256, "current = 256 does not fit 0..255"),
        (spec(None, None, width=2), 4, "current = 4 does not fit 0..3"),
        (spec(U16, OfRam(variable=11)), 3, "current = 3 does not fit 0..1"),
        (
            spec(U16, Linear(divide=10), absent=(0xFFFF,)),
            6553.5,
            'current = 6553.5 would read as "not available" (raw 65535)',
        ),
        (spec(U16, None), None, 'current has no pattern for "not available"'),
        (spec(raw(4), None), 1, "current has no bytes of its own that carry a number"),
        (computed(this.a, "Sum", name="total"), 1, "total has no bytes of its own that carry a number"),
    ],
)
def test_values_that_cannot_be_written(field: Field, value: float | None, message: str) -> None:
    with pytest.raises(EncodeError) as caught:
        raw_of(field, value, {"factor": 2}, BOOK)
    assert str(caught.value) == message


def test_a_factor_of_zero_cannot_be_written() -> None:
    assert physical(MAINS_CURRENT, 5, {"factor": 0}, BOOK) == known(0.0)
    with pytest.raises(EncodeError, match=r"does not fit"):
        raw_of(MAINS_CURRENT, 1, {"factor": 0}, BOOK)


def test_none_writes_the_first_pattern() -> None:
    assert raw_of(MAINS_FREQUENCY, None, {}, BOOK) == 0


@given(scale=WORDS, offset=WORDS, word=st.integers(-0x8000, 0x7FFF), factor=st.integers(1, 255))
def test_signed_field_gives_the_raw_number_back(scale: int, offset: int, word: int, factor: int) -> None:
    book = BOOK.with_ram(1, RamScale(scale=scale, offset=offset))
    raws = {"factor": factor}
    found = physical(MAINS_CURRENT, word, raws, book)
    rule = rule_of(MAINS_CURRENT, raws, book)
    if found.value is None:
        assert found.reason == "not supported by the device"
    elif rule.bit is not None:
        assert found.value in (0, 1)
    else:
        assert raw_of(MAINS_CURRENT, found.value, raws, book) == word


@given(word=st.integers(0, 0xFF), divisor=st.integers(1, 0x4000), offset=st.integers(0, 0x7FFF))
def test_frequency_gives_the_raw_number_back(word: int, divisor: int, offset: int) -> None:
    book = BOOK.with_ram(7, RamScale(scale=0x8000 - divisor, offset=offset))
    found = physical(INVERTER_FREQUENCY, word, {}, book)
    if word + offset == 0:
        assert found.value is None
    else:
        assert found.value is not None
        assert raw_of(INVERTER_FREQUENCY, found.value, {}, book) == word


@given(scale=WORDS, offset=WORDS, word=WORDS, variable=st.integers(0, 0xFF))
def test_ram_values_give_the_raw_number_back(scale: int, offset: int, word: int, variable: int) -> None:
    assume(variable not in ALWAYS_SIGNED)
    announced = RamScale(scale=scale, offset=offset)
    found = physical(RAM_VALUE, word, {}, BOOK.with_ram(variable, announced), variable=variable)
    assert found.value == announced.value(word)
    assert not found.assumed


# --- printing --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "decimals"),
    [
        (VOLTAGE, 2),
        (CURRENT_24, 1),
        (MAINS_CURRENT, 2),  # whatever the factor in the frame is
        (INVERTER_FREQUENCY, 2),
        (spec(U8, OfRam(variable=99, frequency=True)), 2),
        (spec(U16, OfRam(variable=13)), 3),
        (spec(U16, OfRam(variable=14)), 0),
        (spec(U16, OfRam(variable=11)), 0),
        (spec(U16, OfRam(variable=99)), 0),
        (spec(U16, OfSetting(setting=2)), 2),
        (spec(U16, Linear(divide=50)), 2),
        (spec(U16, Linear(divide=1)), 0),
        (spec(U16, Reciprocal(numerator=1000)), 2),
        (spec(U16, Linear(divide=50), decimals=3), 3),
        (spec(U16, None), 0),
    ],
)
def test_decimals(field: Field, decimals: int) -> None:
    assert decimals_of(field, BOOK) == decimals


def test_decimals_where_message_or_request_tell_the_variable() -> None:
    assert decimals_of(RAM_VALUE, BOOK, variable=4) == 2
    assert decimals_of(spec(U16, OfRam(variable=this.id)), BOOK, {"id": 5}) == 1


def test_rule_is_what_other_engines_read() -> None:
    assert rule_of(MAINS_CURRENT, {"factor": 2}, BOOK) == Rule(multiply=2, divide=100, assumed=True)
    assert rule_of(INVERTER_FREQUENCY, {}, BOOK) == Rule(divide=1953, offset=256, over=10, assumed=True)


@pytest.mark.parametrize(
    ("setting", "raw", "value"), [(64, 200, 200), (65, 170, 85.0), (51, 150, 1.5), (72, 229, 230 / 256)]
)
def test_settings_outside_the_device_tables_have_their_usual_scale_as_an_assumption(
    setting: int, raw: int, value: float
) -> None:
    known = BOOK.setting(setting)
    assert known is not None
    assert known.assumed
    assert known.scale.value(raw) == value


def test_inverter_current_is_signed_whatever_the_device_announces() -> None:
    spec = Field(label="Value", layout=U16, scale=OfRam(announced_sign=True))
    assert physical(spec, 0xFFFE, {}, BOOK, variable=3).value == -0.02
    assert physical(spec, 0xFFFE, {}, BOOK, variable=2).value == 655.34
