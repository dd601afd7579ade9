"""What a transmitting session is asked to do, and what it tells: values that cross the border of its process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from vebus_protocol.bms import Profile
from vebus_tools.battery import Limits, Sample
from vebus_tools.emulator import Content, Event, Inputs, Outputs, State, Timing
from vebus_tools.firmware import Assistant, Unit
from vebus_tools.interlocks import LONGEST_DATA_AGE_S, LONGEST_SESSION_S, InterlockState, Reaction, Stop

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["SAFETY_TEXTS", "Ask", "Feed", "Outcome", "Plan", "Snapshot", "Traffic"]

SAFETY_TEXTS = (
    "The installation complies with the safety regulations for enclosure, creepage, clearance and segregation (B-147).",
    "Only qualified and trained technicians install and connect this (B-148).",
    "Study the manuals of all connected devices beforehand (B-149).",
    "Switch the system off and check for hazardous voltages before you change any connection (B-150).",
    "This program is no protective device: a wrong frame can keep a protection from acting.",
    "Silence is no emergency stop: nobody knows after what time a Multi reacts to it. Know where your switch is.",
)
"""What is shown before the name of the port is asked for (X-1)."""


class Ask(Protocol):
    """The user at the terminal; asked before anything is opened."""

    def is_terminal(self) -> bool:
        """Whether standard input is a terminal; without one everything is refused (X-1)."""

    def type_port(self, texts: tuple[str, ...], port: str) -> str:
        """Show the texts and let the user type the name of the port; returns what was typed."""

    def confirm(self, text: str) -> bool:
        """Whether the user says yes to a question; anything else than a clear yes is no (X-4)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One session; times in s.

    ``port`` is a device path.  ``bench`` is for two adapters on a desk: a synthetic profile while no sync frame is
    heard.  ``captures`` has the path of each file that a captured profile names.  ``units`` are inverters whose
    versions were read through an adapter; typed numbers have no place there.  ``vebus_error`` was read the same way,
    ``gx_bms`` is what a GX device reports as version of a BMS V2.  ``simulated_line`` is for tests and the benchmark:
    the port is a pty whose other end is known to be a simulated bus; no option of the command sets it.
    """

    port: str
    profile: Profile
    version: int
    log: Path
    bench: bool = False
    baud: int = 256_000
    cells: int | None = None
    limits: Limits = field(default_factory=Limits)
    timing: Timing = field(default_factory=lambda: Timing(shaped=False))
    inputs: Mapping[str, Any] = field(default_factory=dict)
    slot_delay_s: float = 0.0
    session_s: float = LONGEST_SESSION_S
    data_age_s: float = LONGEST_DATA_AGE_S
    listen_s: float = 10.0
    captures: Mapping[str, Path] = field(default_factory=dict)
    units: tuple[Unit, ...] = ()
    assistant: Assistant = Assistant.UNKNOWN
    label: int | None = None
    vebus_error: int | None = None
    gx_bms: int | None = None
    simulated_line: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """What the caller says in a turn: a sample (None: nothing new), inputs of the BMS by name, or the end.

    ``lost`` means that the source of the data is gone: the last sample counts no more.
    """

    sample: Sample | None = None
    inputs: Mapping[str, Any] = field(default_factory=dict)
    lost: bool = False
    stop: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """Bytes of the line: ``at_s`` is when they were read, or handed to the line where ``sent``."""

    at_s: float
    data: bytes
    sent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """How the session stands; ``phase`` is ``listening``, ``sending`` or ``watching`` (after the stop, X-18).

    ``traffic`` and ``events`` are what came since the last snapshot.
    """

    at_s: float
    phase: str
    state: State
    inputs: Inputs
    outputs: Outputs
    content: Content | None
    frames: int
    interlocks: tuple[InterlockState, ...]
    reaction: Reaction
    notes: tuple[str, ...] = ()
    events: tuple[Event, ...] = ()
    traffic: tuple[Traffic, ...] = ()
    stopped: Stop | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How it ended: ``exit_code``, why, what was sent, how the Multi reacted, and how the interlocks stood at last."""

    exit_code: int
    stop: Stop
    frames: int = 0
    reaction: Reaction = Reaction.NOT_ASKED
    interlocks: tuple[InterlockState, ...] = ()
    notes: tuple[str, ...] = ()
    log: Path | None = None
