"""Raw numbers to physical values and back.

Most scales of this bus belong to the device: it announces them per RAM variable (winmon 36) and per setting
(winmon 35).  What was learned in that way stands in a `ScaleBook`; what was not learned comes from a published device
table and is then marked as assumed, or is not known at all.

Sources: mk3.md 8 (rules), 5.3 and 5.4 (info frames), 10 (settings); vebus-rs485.md 6.2 (scale rules and the published
tables of the MultiPlus-II 12/3000 and 48/5000).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

from vebus_protocol.errors import EncodeError
from vebus_protocol.schema import (
    CONFIRMED,
    INFERRED,
    SINGLE,
    Evidence,
    Field,
    Linear,
    OfRam,
    OfSetting,
    Reciprocal,
    Shape,
)

__all__ = [
    "DEFAULT_TABLE",
    "DEVICE_TABLES",
    "DeviceTable",
    "Physical",
    "RamRow",
    "RamScale",
    "Rule",
    "ScaleBook",
    "Scaling",
    "SettingRow",
    "SettingScale",
    "decimals_of",
    "physical",
    "raw_of",
    "rule_of",
]

Number = int | float

_HALF = 0x4000  # from here on an announced RAM scale is a divisor
_FULL = 0x8000  # divisor = _FULL - |s|; as an offset it marks a variable of one bit
_WORD_BITS = 16
_PERIODS_PER_SECOND = 10  # period variables count in tenths of a second, so frequency = 10 / value

_NOT_IN_FRAME = "not in this frame"
_NOT_VALID = "not valid here"
_NOT_KNOWN = "scale not known"
_NOT_SUPPORTED = "not supported by the device"
_NO_VALUE = "no value for this raw number"


def _as_i16(number: int, name: str) -> int:
    """The i16 behind a number that was read either as i16 or as u16."""
    if not -_FULL <= number < 2 * _FULL:
        raise EncodeError(f"{name} = {number} does not fit 16 bits ({-_FULL}..{2 * _FULL - 1})")
    return number - 2 * _FULL if number >= _FULL else number


def _places(divisor: int) -> int:
    """Decimals that keep two neighbouring raw numbers apart: 1 -> 0, 10 -> 1, 50 and 100 -> 2, 200 -> 3."""
    return len(str(divisor - 1)) if divisor > 1 else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One scale with all that it depends on looked up; made by `rule_of`, walked by every engine.

    value = (raw + offset) * multiply / divide; with ``over`` it is over / that value; with ``bit`` it is that bit of raw.
    ``signed`` says how the raw number is read: None = as its layout reads it, else as this says, in its own width.
    ``reason`` is set when there is no value.
    """

    multiply: int = 1
    divide: int = 1
    offset: int = 0
    over: int | None = None
    bit: int | None = None
    signed: bool | None = None
    assumed: bool = False
    reason: str = ""

    def value(self, raw: int) -> Number | None:
        """Value of a raw number that is already read with the right sign; None where the formula has none.

        An integer when nothing divides, else one correctly rounded division (1331 / 100 is 13.31).
        """
        if self.bit is not None:
            return (raw >> self.bit) & 1
        top = (raw + self.offset) * self.multiply
        if self.over is not None:
            return self.over * self.divide / top if top else None
        return top if self.divide == 1 else top / self.divide

    def raw(self, value: Number) -> int | None:
        """Nearest raw number of a value, not limited to any width; None where no raw number gives it."""
        if not math.isfinite(value):
            return None
        if self.bit is not None:
            return int(value) << self.bit if value in (0, 1) else None
        if self.over is not None:
            top = self.over * self.divide / value if value else None
        else:
            top = value * self.divide
        if top is None or not self.multiply:
            return None
        return round(top / self.multiply) - self.offset

    def reread(self, raw: int, bits: int) -> int:
        """The same ``bits`` bits of ``raw``, signed or unsigned as this rule wants them."""
        if self.signed is None:
            return raw
        bare = raw & ((1 << bits) - 1)
        return bare - (1 << bits) if self.signed and bare >> (bits - 1) else bare


def _word_raw(rule: Rule, value: Number, name: str) -> int:
    """Raw u16 of a value; raises EncodeError with the name, the value and the range."""
    if rule.reason:
        raise EncodeError(f"{name}: {rule.reason}")
    low, high = (-_FULL, _FULL - 1) if rule.signed else (0, 2 * _FULL - 1)
    found = rule.raw(value)
    if found is None or not low <= found <= high:
        raise EncodeError(f"{name} = {value} does not fit {_range_text(rule, low, high)}")
    return found & (2 * _FULL - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class RamScale:
    """Announced scale of a RAM variable (mk3.md 8): ``scale`` and ``offset`` as received, i16 or u16 view alike.

    Both are kept as i16.  Raises EncodeError when one does not fit 16 bits.
    """

    scale: int
    offset: int = 0

    def __post_init__(self) -> None:
        """Bring both numbers to the i16 view."""
        object.__setattr__(self, "scale", _as_i16(self.scale, "scale"))
        object.__setattr__(self, "offset", _as_i16(self.offset, "offset"))

    @property
    def supported(self) -> bool:
        """Whether the variable exists and its scale can be used.

        Scale 0 says that it does not exist.  Scale 0x8000 would divide by zero and a bit above 15 lies outside the
        word; nobody has seen these two, and they give no value here.
        """
        if self.offset == -_FULL:
            return 0 < abs(self.scale) <= _WORD_BITS
        return self.scale not in (0, -_FULL)

    @property
    def bit(self) -> int | None:
        """Number of the bit that the variable is, 0 = least significant; None for a number."""
        return abs(self.scale) - 1 if self.supported and self.offset == -_FULL else None

    @property
    def signed(self) -> bool:
        """Whether the raw 16-bit number is read as i16."""
        return self.scale < 0 and self.offset != -_FULL

    @property
    def multiplier(self) -> int:
        """Integer that (raw + offset) is multiplied with; 1 for divided scales, for bits and for unsupported ones."""
        size = abs(self.scale)
        return size if 0 < size < _HALF and self.offset != -_FULL else 1

    @property
    def divisor(self) -> int:
        """Integer that (raw + offset) is divided by; 1 for multiplied scales, for bits and for unsupported ones."""
        size = abs(self.scale)
        return _FULL - size if _HALF <= size < _FULL and self.offset != -_FULL else 1

    @property
    def decimals(self) -> int:
        """Decimals to print, enough to tell two neighbouring raw numbers apart."""
        return _places(self.divisor)

    @property
    def rule(self) -> Rule:
        """The same scale in the form that all scales share."""
        if not self.supported:
            return Rule(reason=_NOT_SUPPORTED)
        if self.bit is not None:
            return Rule(bit=self.bit, signed=False)
        return Rule(multiply=self.multiplier, divide=self.divisor, offset=self.offset, signed=self.signed)

    def value(self, raw: int) -> Number | None:
        """Value of a raw u16 (an i16 is taken as well); None when the variable is not supported."""
        rule = self.rule
        return None if rule.reason else rule.value(rule.reread(raw, _WORD_BITS))

    def raw(self, value: Number) -> int:
        """Raw u16 nearest to a value; for a bit variable all other bits are 0.

        Raises EncodeError when the value does not fit or the variable is not supported.
        """
        return _word_raw(self.rule, value, "RAM value")


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingScale:
    """Announced scale of a setting (mk3.md 8): < 0 divides, > 0 multiplies, 0 = not supported; raw is unsigned.

    Both numbers may be given in i16 or u16 view and are kept as i16.  Raises EncodeError when one does not fit 16 bits.
    """

    scale: int
    offset: int = 0

    def __post_init__(self) -> None:
        """Bring both numbers to the i16 view."""
        object.__setattr__(self, "scale", _as_i16(self.scale, "scale"))
        object.__setattr__(self, "offset", _as_i16(self.offset, "offset"))

    @property
    def supported(self) -> bool:
        """Whether the setting exists."""
        return self.scale != 0

    @property
    def multiplier(self) -> int:
        """Integer that (raw + offset) is multiplied with."""
        return max(self.scale, 1)

    @property
    def divisor(self) -> int:
        """Integer that (raw + offset) is divided by."""
        return max(-self.scale, 1)

    @property
    def decimals(self) -> int:
        """Decimals to print, enough to tell two neighbouring raw numbers apart."""
        return _places(self.divisor)

    @property
    def rule(self) -> Rule:
        """The same scale in the form that all scales share."""
        if not self.supported:
            return Rule(reason=_NOT_SUPPORTED)
        return Rule(multiply=self.multiplier, divide=self.divisor, offset=self.offset, signed=False)

    def value(self, raw: int) -> Number | None:
        """Value of a raw u16 (an i16 is taken as the same bits); None when the setting is not supported."""
        rule = self.rule
        return None if rule.reason else rule.value(rule.reread(raw, _WORD_BITS))

    def raw(self, value: Number) -> int:
        """Raw u16 nearest to a value.  Raises EncodeError when it does not fit or the setting is not supported."""
        return _word_raw(self.rule, value, "setting")


# --- published tables ------------------------------------------------------------------------------------------------


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
    (7, 30815, 256, SINGLE, "; an older device announced 0x7857 (igui)"),
    (8, 31791, 0, CONFIRMED, "; igui has the same"),
    (9, -32668, 0, SINGLE, ""),
    (11, 5, -32768, SINGLE, "; the bit differs between devices (igui: 0)"),
    (12, 6, -32768, SINGLE, "; the bit differs between devices (igui: 1 or 5)"),
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

# Default, minimum and maximum of the 48/5000 where they differ.  Setting 12 is copied from the 12/3000 in that list, so
# vebus-rs485.md 6.2 gives all rows but the four that differ little trust.
_LIMITS_48_5000: Mapping[int, tuple[int, int, int]] = {
    2: (5850, 4800, 5900),
    3: (5800, 4800, 5900),
    4: (80, 0, 80),
    11: (4320, 4200, 4600),
}


def _ram_table() -> dict[int, RamRow]:
    return {
        row[0]: RamRow(
            variable=row[0],
            scale=RamScale(scale=row[1], offset=row[2]),
            evidence=row[3],
            source=_GITNIK + row[4],
        )
        for row in _RAM_ROWS
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
        DeviceTable(name=DEFAULT_TABLE, ram=_ram_table(), settings=_settings_of_both()),
        DeviceTable(name="MultiPlus-II 12/3000", ram=_ram_table(), settings=_settings_12_3000()),
        DeviceTable(name="MultiPlus-II 48/5000", ram=_ram_table(), settings=_settings_48_5000()),
    )
}
"""Published device tables by name.  Only what was read from a device stands here; ids without a row are not known."""


# --- what is known of one device -------------------------------------------------------------------------------------

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
        row = self.table.settings.get(setting) if self.table else None
        return Scaling(scale=row.scale, assumed=True) if row else None

    def with_ram(self, variable: int, scale: RamScale) -> ScaleBook:
        """This book and the announced scale of one RAM variable (also an announced "not supported")."""
        return replace(self, learned_ram={**self.learned_ram, variable: scale})

    def with_setting(self, setting: int, scale: SettingScale) -> ScaleBook:
        """This book and the announced scale of one setting (also an announced "not supported")."""
        return replace(self, learned_settings={**self.learned_settings, setting: scale})


# --- fields ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Physical:
    """Value of a field in the unit that its declaration names.

    ``value`` None has its ``reason``; ``assumed`` says that the scale comes from a published table.
    """

    value: Number | None
    assumed: bool
    reason: str = ""


def _evaluate(expression: Any, raws: Mapping[str, Any]) -> int | None:
    """A number, or an expression over the message; None when a field that it needs is not in the frame."""
    if not callable(expression):
        return None if expression is None else int(expression)
    try:
        found = expression(raws)
    except (KeyError, TypeError):  # an optional field is missing, or None stands in its place
        return None
    return None if found is None else int(found)


def _ram_rule(scale: OfRam, raws: Mapping[str, Any], book: ScaleBook, variable: int | None) -> Rule:
    wanted = variable if scale.variable is None else _evaluate(scale.variable, raws)
    known = None if wanted is None else book.ram(wanted)
    if known is None:
        return Rule(reason=_NOT_KNOWN)
    rule = replace(known.scale.rule, assumed=known.assumed)
    if not scale.announced_sign:  # the layout of info frames says it, whatever the device announces (mk3.md 5.4)
        rule = replace(rule, signed=None)
    times = 1 if scale.times is None else _evaluate(scale.times, raws)
    if times is None:
        return Rule(reason=_NOT_IN_FRAME)
    if rule.reason:
        return rule
    if scale.frequency:
        return Rule(reason=_NO_VALUE) if rule.bit is not None else replace(rule, over=_PERIODS_PER_SECOND * times)
    return rule if rule.bit is not None else replace(rule, multiply=rule.multiply * times)


def _setting_rule(scale: OfSetting, raws: Mapping[str, Any], book: ScaleBook, setting: int | None) -> Rule:
    wanted = setting if scale.setting is None else _evaluate(scale.setting, raws)
    known = None if wanted is None else book.setting(wanted)
    return Rule(reason=_NOT_KNOWN) if known is None else replace(known.scale.rule, assumed=known.assumed)


def rule_of(
    spec: Field,
    raws: Mapping[str, Any],
    book: ScaleBook,
    *,
    variable: int | None = None,
) -> Rule:
    """Look up the scale of a field; ``raws`` are the raw numbers of its message, for expressions in the declaration.

    ``variable`` is the RAM variable or setting id where only the request tells it.
    """
    scale = spec.scale
    if isinstance(scale, Linear):
        return Rule(multiply=scale.multiply, divide=scale.divide, offset=scale.offset)
    if isinstance(scale, Reciprocal):
        return Rule(over=scale.numerator)
    if isinstance(scale, OfRam):
        return _ram_rule(scale, raws, book, variable)
    if isinstance(scale, OfSetting):
        return _setting_rule(scale, raws, book, variable)
    return Rule()


def physical(
    spec: Field,
    raw: int | None,
    raws: Mapping[str, Any],
    book: ScaleBook,
    *,
    variable: int | None = None,
) -> Physical:
    """Value of one raw number of a field, in ``spec.unit``.

    ``raws`` are the raw numbers of its message (`Message.raws`), ``book`` the scales of the sending device, ``variable``
    the id of the RAM variable or setting where only the request tells it.  Never raises on what the bus says: what has
    no value comes back as None with a reason.
    """
    if raw is None:
        return Physical(value=None, assumed=False, reason=_NOT_IN_FRAME)
    if raw in spec.absent:
        return Physical(value=None, assumed=False, reason=spec.absent_text)
    if spec.valid is not None and not _evaluate(spec.valid, raws):
        return Physical(value=None, assumed=False, reason=_NOT_VALID)
    rule = rule_of(spec, raws, book, variable=variable)
    if rule.reason:
        return Physical(value=None, assumed=rule.assumed, reason=rule.reason)
    value = rule.value(rule.reread(raw, _bits(spec) or _WORD_BITS))
    return Physical(value=value, assumed=rule.assumed, reason=_NO_VALUE if value is None else "")


def _bits(spec: Field) -> int:
    """Width of one raw number of a field; 0 for computed fields and for bytes."""
    if spec.width:
        return spec.width
    return spec.layout.bits if spec.layout else 0


def _range_text(rule: Rule, low: int, high: int) -> str:
    """The values that raw numbers low..high can carry."""
    if rule.bit is not None:
        return "0..1"
    if rule.over is not None:  # a reciprocal has no value where its bottom is 0, and none of use below
        low = max(low, 1 - rule.offset)
    ends = sorted(end for end in (rule.value(low), rule.value(high)) if end is not None)
    return f"{ends[0]:g}..{ends[-1]:g}" if ends else "any value"


def raw_of(
    spec: Field,
    value: Number | None,
    raws: Mapping[str, Any],
    book: ScaleBook,
    *,
    variable: int | None = None,
) -> int:
    """Raw number nearest to a value, ready for the field's layout; the inverse of `physical`.

    None gives the field's "not available" pattern.  Raises EncodeError with the field's name, the value and the allowed
    range when the value does not fit, would read as "not available", or its scale is not known.
    """
    name = spec.name or spec.label
    bits = _bits(spec)
    if not bits or (spec.layout is not None and spec.layout.shape is Shape.BYTES):
        raise EncodeError(f"{name} has no bytes of its own that carry a number")
    if value is None:
        if not spec.absent:
            raise EncodeError(f'{name} has no pattern for "{spec.absent_text}"')
        return spec.absent[0]
    rule = rule_of(spec, raws, book, variable=variable)
    if rule.reason:
        raise EncodeError(f"{name} = {value}{_unit(spec)}: {rule.reason}")
    layout_signed = spec.layout is not None and spec.layout.signed
    low = -(1 << (bits - 1)) if (layout_signed if rule.signed is None else rule.signed) else 0
    high = low + (1 << bits) - 1
    found = rule.raw(value)
    if found is None or not low <= found <= high:
        raise EncodeError(f"{name} = {value}{_unit(spec)} does not fit {_range_text(rule, low, high)}{_unit(spec)}")
    found = replace(rule, signed=layout_signed).reread(found, bits)
    if found in spec.absent:
        raise EncodeError(f'{name} = {value}{_unit(spec)} would read as "{spec.absent_text}" (raw {found})')
    return found


def _unit(spec: Field) -> str:
    return f" {spec.unit}" if spec.unit else ""


def decimals_of(
    spec: Field,
    book: ScaleBook,
    raws: Mapping[str, Any] | None = None,
    *,
    variable: int | None = None,
) -> int:
    """Decimals to print for a field: what its declaration says, else what its scale needs.

    Frequencies and other reciprocals get 2.  ``raws`` and ``variable`` as in `physical`, where the scale depends on them.
    """
    if spec.decimals is not None:
        return spec.decimals
    rule = rule_of(spec, raws or {}, book, variable=variable)
    return 2 if rule.over is not None else _places(rule.divide)
