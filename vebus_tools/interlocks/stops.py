"""How a session ends: the reasons, and the exit codes that tell them apart."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from vebus_tools.interlocks.table import Interlock

__all__ = ["ExitCode", "Reaction", "Stop"]


class ExitCode(enum.IntEnum):
    """Exit codes of a transmitting session; a firmware gate that refuses (X-3) uses those of `vebus check-firmware`."""

    DONE = 0
    """Stopped as asked for: Ctrl-C, end of the input, end of the time (X-16), and the Multi reacted."""
    REFUSED = 20
    """An interlock held before the first byte: nothing was sent."""
    STOPPED = 21
    """An interlock ended a session that had begun."""
    SECOND_BMS = 22
    """Another BMS was heard during the session; latched until the program is started anew."""
    COLLISIONS = 23
    """Three collisions in 60 s; latched until the program is started anew."""
    NO_REACTION = 24
    """The Multi did not react to the silence in time: switch the system off by hand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """Why nothing is sent any more, since ``at_s``; ``latched`` allows no new start by this program."""

    at_s: float
    why: str
    interlock: Interlock | None = None
    latched: bool = False
    exit_code: int = ExitCode.STOPPED

    def __str__(self) -> str:
        """One line for people."""
        named = f"{self.interlock}: " if self.interlock else ""
        return f"{named}{self.why}{' (latched: start again by hand)' if self.latched else ''}"


class Reaction(enum.Enum):
    """What the Multi did after the stop (X-18)."""

    NOT_ASKED = "none is expected: nothing was sent, or no Multi was heard"
    WATCHING = "watching"
    EMERGENCY = "emergency mode: only the LED Mains on is lit"
    OFF = "switched off"
    NONE = "no reaction: switch the system off by hand"

    @property
    def known(self) -> bool:
        """Whether there is nothing left to wait for."""
        return self is not Reaction.WATCHING
