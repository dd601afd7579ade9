"""The time column in the forms of tshark's ``-t``, and the times that every record has.

All arithmetic is done in whole nanoseconds.  A stamp without an epoch (``Stamp.epoch`` is False) has no date: every
form that would need one prints the relative time instead.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import lru_cache

from vebus_tools.records import Stamp

__all__ = [
    "NO_TIMING",
    "TimeForm",
    "Timeline",
    "Timing",
    "arrival_text",
    "elapsed_text",
    "epoch_text",
    "nanoseconds",
    "time_text",
]

_SECOND = 1_000_000_000
_DIGITS = 9
_NANOSECOND_LIMIT = float(1 << 22)  # seconds: up to here a double holds nanoseconds, an epoch time only microseconds
_UNPRINTABLE_DATE = "Not representable"  # tshark's words for a date outside the calendar
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class TimeForm(enum.Enum):
    """Forms of the time column; the values are the arguments of ``-t``."""

    ABSOLUTE = "a"
    ABSOLUTE_DATE = "ad"
    ABSOLUTE_DAY_OF_YEAR = "adoy"
    DELTA = "d"
    DELTA_DISPLAYED = "dd"
    EPOCH = "e"
    RELATIVE = "r"
    UTC = "u"
    UTC_DATE = "ud"
    UTC_DAY_OF_YEAR = "udoy"


_UTC_FORMS = frozenset({TimeForm.UTC, TimeForm.UTC_DATE, TimeForm.UTC_DAY_OF_YEAR})
_DATE_PATTERNS = {
    TimeForm.ABSOLUTE_DATE: "%Y-%m-%d %H:%M:%S",
    TimeForm.ABSOLUTE_DAY_OF_YEAR: "%Y/%j %H:%M:%S",
    TimeForm.UTC_DATE: "%Y-%m-%d %H:%M:%S",
    TimeForm.UTC_DAY_OF_YEAR: "%Y/%j %H:%M:%S",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """The stamps a record is measured against; None where there is none yet.

    ``first`` is the first record of the capture, ``previous`` the one before this, ``displayed`` the one shown last.
    """

    first: Stamp | None = None
    previous: Stamp | None = None
    displayed: Stamp | None = None


NO_TIMING = Timing()
"""Timing of the very first record."""


class Timeline:
    """Remembers the stamps that the times of later records are measured against."""

    def __init__(self) -> None:
        self._timing = NO_TIMING

    def place(self, stamp: Stamp) -> Timing:
        """Timing of the next record of the capture; call it for every record, shown or not."""
        timing = self._timing
        self._timing = Timing(first=timing.first or stamp, previous=stamp, displayed=timing.displayed)
        return timing

    def shown(self, stamp: Stamp) -> None:
        """Note that the record with this stamp was displayed."""
        self._timing = Timing(first=self._timing.first, previous=self._timing.previous, displayed=stamp)


def time_text(
    form: TimeForm, stamp: Stamp, timing: Timing = NO_TIMING, *, decimals: int = 6, zone: tzinfo | None = None
) -> str:
    """Text of the time column with 0 to 9 ``decimals``, cut and not rounded, as tshark does.

    ``zone`` is used by the forms of local time, None is the zone of this computer.  Empty where a difference has no
    meaning, between a stamp with an epoch and one without.
    """
    if form is TimeForm.DELTA:
        return elapsed_text(stamp, timing.previous, decimals=decimals)
    if form is TimeForm.DELTA_DISPLAYED:
        return elapsed_text(stamp, timing.displayed, decimals=decimals)
    if form is TimeForm.RELATIVE or not stamp.epoch:
        return elapsed_text(stamp, timing.first, decimals=decimals)
    if form is TimeForm.EPOCH:
        return epoch_text(stamp, decimals=decimals)
    seconds, fraction = divmod(nanoseconds(stamp.at), _SECOND)
    clock = _clock(seconds, _DATE_PATTERNS.get(form, "%H:%M:%S"), UTC if form in _UTC_FORMS else zone)
    return clock if clock == _UNPRINTABLE_DATE else clock + _fraction(fraction, decimals)


def elapsed_text(stamp: Stamp, earlier: Stamp | None, *, decimals: int = 9) -> str:
    """Seconds since ``earlier``, zero where there is none; empty where only one of both stamps has an epoch."""
    if earlier is None:
        return _decimal(0, decimals)
    if earlier.epoch != stamp.epoch:
        return ""
    return _decimal(nanoseconds(stamp.at) - nanoseconds(earlier.at), decimals)


def epoch_text(stamp: Stamp, *, decimals: int = 9) -> str:
    """Seconds since 1970 of a stamp with an epoch."""
    return _decimal(nanoseconds(stamp.at), decimals)


def arrival_text(stamp: Stamp, zone: tzinfo | None = None) -> str:
    """Date and time with zone, as the frame block prints it: ``Nov 14, 2023 22:13:20.000000000 UTC``.

    ``zone`` None is the zone of this computer.
    """
    seconds, fraction = divmod(nanoseconds(stamp.at), _SECOND)
    try:
        local = datetime.fromtimestamp(seconds, UTC).astimezone(zone)
    except (OverflowError, ValueError, OSError):
        return _UNPRINTABLE_DATE
    clock = f"{local:%H:%M:%S}{_fraction(fraction, _DIGITS)}"
    return f"{_MONTHS[local.month - 1]} {local.day:2d}, {local.year} {clock} {local.tzname()}"


def nanoseconds(at: float) -> int:
    """Whole nanoseconds; the digits that a double of this size does not hold are zero and not noise."""
    return round(at * 1e9) if abs(at) < _NANOSECOND_LIMIT else round(at * 1e6) * 1000


def _decimal(nanoseconds: int, decimals: int) -> str:
    step = 10 ** (_DIGITS - decimals)
    cut = abs(nanoseconds) // step * step
    seconds, fraction = divmod(cut, _SECOND)
    return f"{'-' if nanoseconds < 0 and cut else ''}{seconds}{_fraction(fraction, decimals)}"


def _fraction(nanoseconds: int, decimals: int) -> str:
    return f".{nanoseconds:09d}"[: decimals + 1] if decimals else ""


@lru_cache(maxsize=64)
def _clock(seconds: int, pattern: str, zone: tzinfo | None) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).astimezone(zone).strftime(pattern)
    except (OverflowError, ValueError, OSError):
        return _UNPRINTABLE_DATE
