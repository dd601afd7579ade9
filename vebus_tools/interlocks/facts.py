"""What has to be known before the first byte.  Every default is a refusal: what nobody found out is not allowed."""

from __future__ import annotations

from dataclasses import dataclass, field

from vebus_tools.battery import Limits
from vebus_tools.emulator.evidence import Evidence
from vebus_tools.emulator.regions import Timing
from vebus_tools.firmware import Assistant, Unit

__all__ = ["LONGEST_DATA_AGE_S", "LONGEST_SESSION_S", "Facts", "Transport"]

LONGEST_SESSION_S = 15 * 60.0
"""Longest time in s that one opt-in lasts (X-16)."""
LONGEST_DATA_AGE_S = 2.0
"""Oldest age in s of battery data and of a sign of life (X-12); configurable down only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transport:
    """What a port can do.

    ``sync_aligned`` is whether it starts a transmission behind a sync frame by hardware (X-8); ``driver_timed`` whether
    hardware or the kernel switches the bus driver, so that no program can leave it on (X-11); ``simulated`` is a pty
    whose other end is a simulated bus, known to be one by whoever made it.
    """

    name: str
    sync_aligned: bool = False
    driver_timed: bool = False
    simulated: bool = False
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the edge found out; times in s.

    ``typed`` is what was typed for the name of the ``port`` (X-1), ``protected`` the answer to the question for an
    independent protection (X-4), ``units`` are inverters that were *read* (not claimed) by other means than this bus,
    ``assistant`` and ``label`` fill in what the bus does not tell of them, ``vebus_error`` is the number read like the
    units, ``bms_version`` the version that the emulated BMS answers with, ``gx_bms`` the version of a BMS V2 that a GX
    device reports (``/Bms/BmsType`` 2), None where none is reported.
    """

    terminal: bool = False
    port: str = ""
    typed: str = ""
    protected: bool = False
    evidence: Evidence | None = None
    units: tuple[Unit, ...] = ()
    assistant: Assistant = Assistant.UNKNOWN
    label: int | None = None
    vebus_error: int | None = None
    bms_version: int | None = None
    gx_bms: int | None = None
    port_locked: bool = False
    bus_locked: bool = False
    transport: Transport | None = None
    log_open: bool = False
    limits: Limits = field(default_factory=Limits)
    timing: Timing = field(default_factory=Timing)
    session_s: float = LONGEST_SESSION_S
    data_age_s: float = LONGEST_DATA_AGE_S
