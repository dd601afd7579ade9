"""The arithmetic of scales: announced numbers to factors, raw numbers to values and back.

Sources: mk3.md 8 and vebus-rs485.md 6.2 (scale rules: vendor's library and document, and two more projects).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from vebus_protocol.errors import EncodeError

__all__ = ["NOT_SUPPORTED", "Number", "RamScale", "Rule", "SettingScale", "places"]

Number = int | float

NOT_SUPPORTED = "not supported by the device"
"""Reason for no value: the device announced scale 0, or one that cannot be used."""

_HALF = 0x4000  # from here on an announced RAM scale is a divisor
_FULL = 0x8000  # divisor = _FULL - |s|; as an offset it marks a variable of one bit
_WORD_BITS = 16
_HUGE = 1e15  # far above what any raw number can carry; keeps the arithmetic of `Rule.raw` finite


def places(divisor: int) -> int:
    """Decimals that keep two neighbouring raw numbers apart: 1 -> 0, 10 -> 1, 50 and 100 -> 2, 200 -> 3."""
    return len(str(divisor - 1)) if divisor > 1 else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One scale with all that it depends on looked up: the form that every engine walks.

    value = (raw + offset) * multiply / divide; with ``over`` it is over / that; with ``bit`` it is that bit of raw.
    ``signed`` says how the raw number is read: None = as its layout reads it, else as this says, in its own width.
    ``assumed`` marks a scale from a published table.  With a ``reason`` there is no value.
    """

    multiply: int = 1
    divide: int = 1
    offset: int = 0
    over: int | None = None
    bit: int | None = None
    signed: bool | None = None
    assumed: bool = False
    reason: str = ""

    def reread(self, raw: int, bits: int) -> int:
        """The same ``bits`` bits of ``raw``, signed or unsigned as this rule wants them."""
        if self.signed is None:
            return raw
        bare = raw & ((1 << bits) - 1)
        return bare - (1 << bits) if self.signed and bare >> (bits - 1) else bare

    def value(self, raw: int) -> Number | None:
        """Value of a raw number that is already read with the right sign; None where the formula has none.

        An integer when nothing divides, else one correctly rounded division (1331 / 100 is 13.31).
        """
        if self.reason:
            return None
        if self.bit is not None:
            return (raw >> self.bit) & 1
        top = (raw + self.offset) * self.multiply
        if self.over is not None:
            return self.over * self.divide / top if top else None
        return top if self.divide == 1 else top / self.divide

    def raw(self, value: Number) -> int | None:
        """Raw number nearest to a value, not limited to any width; None where no raw number comes near it.

        A bit variable has all its other bits 0.
        """
        if self.reason or not abs(value) < _HUGE:
            return None
        if self.bit is not None:
            return int(value) << self.bit if value in (0, 1) else None
        if self.over is None:
            return self._nearest(value * self.divide)
        return self._nearest(self.over * self.divide / value) if value else None

    def _nearest(self, top: Number) -> int | None:
        """Raw number for (raw + offset) * multiply."""
        return round(top / self.multiply) - self.offset if self.multiply and abs(top) < _HUGE else None

    def range_text(self, low: int, high: int) -> str:
        """The values that the raw numbers low..high can carry, for an error message."""
        if self.bit is not None:
            return "0..1"
        if self.over is not None:  # no value where (raw + offset) is 0, and no meaning below
            low = max(low, 1 - self.offset)
        ends = sorted(end for end in (self.value(low), self.value(high)) if end is not None)
        return f"{ends[0]:.10g}..{ends[-1]:.10g}" if ends else "any value"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Announced(ABC):
    """Two 16-bit numbers of an info reply; given in i16 or u16 view and kept as i16."""

    scale: int
    offset: int = 0

    def __post_init__(self) -> None:
        """Bring both numbers to the i16 view."""
        for name in ("scale", "offset"):
            number = getattr(self, name)
            if not -_FULL <= number < 2 * _FULL:
                raise EncodeError(f"{name} = {number} does not fit 16 bits ({-_FULL}..{2 * _FULL - 1})")
            object.__setattr__(self, name, number - 2 * _FULL if number >= _FULL else number)

    @property
    @abstractmethod
    def rule(self) -> Rule:
        """The same scale in the form that all scales share."""

    @property
    def supported(self) -> bool:
        """Whether the device has it, and its scale can be used."""
        return not self.rule.reason

    @property
    def multiplier(self) -> int:
        """Integer that (raw + offset) is multiplied with; 1 where nothing multiplies."""
        return self.rule.multiply

    @property
    def divisor(self) -> int:
        """Integer that (raw + offset) is divided by; 1 where nothing divides."""
        return self.rule.divide

    @property
    def decimals(self) -> int:
        """Decimals to print, enough to tell two neighbouring raw numbers apart."""
        return places(self.rule.divide)

    def value(self, raw: int) -> Number | None:
        """Value of a raw u16 (an i16 is taken as the same bits); None when it is not supported."""
        rule = self.rule
        return rule.value(rule.reread(raw, _WORD_BITS))

    def raw(self, value: Number) -> int:
        """Raw u16 nearest to a value; for a bit variable all other bits are 0.

        Raises EncodeError when the value does not fit or nothing is supported.
        """
        rule = self.rule
        if rule.reason:
            raise EncodeError(f"{value}: {rule.reason}")
        low, high = (-_FULL, _FULL - 1) if rule.signed else (0, 2 * _FULL - 1)
        found = rule.raw(value)
        if found is None or not low <= found <= high:
            raise EncodeError(f"{value} does not fit {rule.range_text(low, high)}")
        return found & (2 * _FULL - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class RamScale(_Announced):
    """Scale of a RAM variable as the device announces it (winmon 36, rules of mk3.md 8).

    ``scale`` and ``offset`` may be given in i16 or u16 view and are kept as i16.  Raises EncodeError for numbers that
    do not fit 16 bits.
    """

    @property
    def rule(self) -> Rule:
        """The same scale in the form that all scales share.

        Scale 0 says that the variable does not exist.  Scale 0x8000 would divide by zero and a bit above 15 lies
        outside the word; no source shows these two, and they give no value here.
        """
        size = abs(self.scale)
        if self.offset == -_FULL:
            return Rule(bit=size - 1, signed=False) if 0 < size <= _WORD_BITS else Rule(reason=NOT_SUPPORTED)
        if size in (0, _FULL):
            return Rule(reason=NOT_SUPPORTED)
        multiply, divide = (1, _FULL - size) if size >= _HALF else (size, 1)
        return Rule(multiply=multiply, divide=divide, offset=self.offset, signed=self.scale < 0)

    @property
    def bit(self) -> int | None:
        """Number of the bit that the variable is, 0 = least significant; None for a number."""
        return self.rule.bit

    @property
    def signed(self) -> bool:
        """Whether the raw 16-bit number is read as i16."""
        return bool(self.rule.signed)


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingScale(_Announced):
    """Scale of a setting as the device announces it (winmon 35, mk3.md 8): < 0 divides, > 0 multiplies, 0 = none.

    The raw number is always unsigned.  ``scale`` and ``offset`` may be given in i16 or u16 view and are kept as i16.
    Raises EncodeError for numbers that do not fit 16 bits.
    """

    @property
    def rule(self) -> Rule:
        """The same scale in the form that all scales share."""
        if self.scale == 0:
            return Rule(reason=NOT_SUPPORTED)
        return Rule(multiply=max(self.scale, 1), divide=max(-self.scale, 1), offset=self.offset, signed=False)
