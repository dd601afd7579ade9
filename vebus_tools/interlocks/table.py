"""The nineteen interlocks in front of every byte that the emulated BMS sends: numbers, names, texts, where they apply.

Source: bms-wire.md 8.5.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

__all__ = ["INTERLOCKS", "Condition", "Decision", "Interlock", "InterlockState", "Mode", "interlock"]


class Mode(enum.Enum):
    """What the emulated BMS is connected to."""

    DRY_RUN = "dry run"
    SIMULATE = "simulation"
    TRANSMIT = "transmission"
    BENCH = "bench transmission"

    @property
    def transmits(self) -> bool:
        """Whether bytes leave through a real port."""
        return self in (Mode.TRANSMIT, Mode.BENCH)


_EVERYWHERE = frozenset(Mode)
_HARDWARE = frozenset({Mode.TRANSMIT, Mode.BENCH})
_ON_A_BUS = frozenset({Mode.TRANSMIT})
_HEARD = frozenset({Mode.SIMULATE, Mode.TRANSMIT, Mode.BENCH})


@dataclass(frozen=True, slots=True, kw_only=True)
class Interlock:
    """One interlock: ``number`` as ``X-5``, ``text`` what it asks for, ``modes`` where it is looked at."""

    number: str
    name: str
    text: str
    modes: frozenset[Mode] = _HARDWARE

    def __str__(self) -> str:
        """Number and name, as a refusal names it."""
        return f"{self.number} ({self.name})"


class Condition(enum.Enum):
    """How an interlock stands; only OK and NOT_HERE let a frame pass."""

    OK = "ok"
    WAITING = "waiting"
    TRIPPED = "tripped"
    LATCHED = "latched"
    NOT_HERE = "does not apply"

    @property
    def passes(self) -> bool:
        """Whether it lets a frame pass."""
        return self in (Condition.OK, Condition.NOT_HERE)


@dataclass(frozen=True, slots=True, kw_only=True)
class InterlockState:
    """How one interlock stands, and why in one line."""

    interlock: Interlock
    condition: Condition
    why: str

    def __str__(self) -> str:
        """One line for people."""
        return f"{self.interlock}: {self.condition.value}: {self.why}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Whether a frame may be sent; where not, ``interlock`` is the one that holds it back, and ``why`` its reason."""

    allowed: bool
    interlock: Interlock | None = None
    why: str = ""


INTERLOCKS = (
    Interlock(
        number="X-1",
        name="two opt-ins",
        text="--transmit, and the name of the port typed at a terminal after the safety texts",
    ),
    Interlock(
        number="X-2",
        name="profile",
        text="only a captured profile whose captures are at hand and agree with it, for the recorded versions",
        modes=_EVERYWHERE,
    ),
    Interlock(
        number="X-3", name="firmware gate", text="every unit read and accepted before the first byte", modes=_ON_A_BUS
    ),
    Interlock(
        number="X-4", name="independent protection", text="the user confirms that a real battery protection is there"
    ),
    Interlock(
        number="X-5",
        name="listen before talk",
        text="valid sync frames, no framing errors, no VE.Bus error, a bus that is not overloaded",
    ),
    Interlock(number="X-6", name="no other BMS", text="nobody else speaks as a BMS, before and during", modes=_HEARD),
    Interlock(number="X-7", name="single emulator", text="exclusive lock on the port and on the bus"),
    Interlock(
        number="X-8",
        name="slot discipline",
        text="frame number last + 1, in the slot behind a sync frame, by a transport that can hold it",
        modes=frozenset({Mode.SIMULATE, Mode.TRANSMIT}),
    ),
    Interlock(number="X-9", name="collision check", text="every byte sent is read back"),
    Interlock(
        number="X-10",
        name="rate limit",
        text="never faster than the profile, one frame a sync cycle, ten frames in a second at most",
        modes=_EVERYWHERE,
    ),
    Interlock(
        number="X-11", name="driver watchdog", text="the driver of the bus is off unless hardware or kernel times it"
    ),
    Interlock(
        number="X-12",
        name="dead man",
        text="fresh battery data and a living controlling process, or silence",
        modes=_EVERYWHERE,
    ),
    Interlock(
        number="X-13",
        name="one-sided transitions",
        text="stricter at once, more permissive only from fresh data after a hold time",
        modes=_EVERYWHERE,
    ),
    Interlock(
        number="X-14",
        name="protection before timing",
        text="on hardware a low cell takes effect at once; thresholds only in the published range",
        modes=_EVERYWHERE,
    ),
    Interlock(number="X-15", name="topology", text="one single Multi", modes=_ON_A_BUS),
    Interlock(number="X-16", name="session limit", text="at most 15 minutes for one opt-in"),
    Interlock(number="X-17", name="complete log", text="every frame in the log before it is on the line"),
    Interlock(
        number="X-18",
        name="listen after the stop",
        text="how the Multi reacts to the silence is watched and reported",
        modes=frozenset({Mode.SIMULATE, Mode.TRANSMIT}),
    ),
    Interlock(
        number="X-19",
        name="nothing else",
        text="information frames and version replies, never a command; a DMC on the bus is reported",
        modes=_EVERYWHERE,
    ),
)

_BY_NUMBER = {one.number: one for one in INTERLOCKS}


def interlock(number: str) -> Interlock:
    """An interlock by its number, such as ``X-5``.  Raises KeyError."""
    return _BY_NUMBER[number]
