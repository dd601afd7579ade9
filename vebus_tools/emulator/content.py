"""What an information frame says in a state, in the words that every profile uses.

The bytes are the profile's business: here are only its field names and their values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from vebus_protocol.bms import FrameSpec, Permissions, Profile, ProfileError, Towards
from vebus_tools.emulator.inputs import Inputs
from vebus_tools.emulator.regions import Charge, Discharge, Life, LinkMode, Remote, State

__all__ = ["Content", "content_of", "information_frame", "values_for"]

_LEVEL_IDLE, _LEVEL_HIGH, _LEVEL_ERROR = 0x20, 0x90, 0x00
"""High-cell level: bit 7 is the flag (bms-wire.md 5.1), the rest is made up for the laboratory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """One information frame; ``error`` means "no permission yet": data came back too short a time ago."""

    pre_alarm: bool
    low_cell: bool
    high_cell: bool
    error: bool
    remote_off: bool
    low_power: bool

    @property
    def permissions(self) -> Permissions:
        """What it allows."""
        never = self.error or self.remote_off
        return Permissions(discharge=not (never or self.low_cell), charge=not (never or self.high_cell))

    def stricter_than(self, other: Content) -> bool:
        """Whether it takes back a permission that the other one gives."""
        new, old = self.permissions, other.permissions
        return (old.discharge and not new.discharge) or (old.charge and not new.charge)


def content_of(state: State, inputs: Inputs) -> Content | None:
    """What is to be said now, or None: nobody speaks from data that are missing or old (X-12)."""
    if state.life is not Life.RUN or not inputs.signals.known:
        return None
    return Content(
        pre_alarm=state.discharge is not Discharge.OK,
        low_cell=state.discharge is Discharge.LOW,
        high_cell=state.charge is Charge.STOP,
        error=not state.settled,
        remote_off=state.remote is Remote.OFF,
        low_power=state.link is LinkMode.LOW_POWER,
    )


def information_frame(profile: Profile) -> FrameSpec | None:
    """The periodic frame of a profile, if it has one.  Raises ProfileError when it needs a field that nobody knows."""
    for spec in profile.frames:
        if spec.periodic and spec.towards is Towards.FROM_BMS:
            known = _words(Content(**dict.fromkeys(Content.__slots__, False)), 0)
            strange = {one.name for one in spec.fields if not one.constant} - known.keys()
            if strange:
                raise ProfileError(f"{profile.id} {spec.name}: the emulator has no {', '.join(sorted(strange))}")
            return spec
    return None


def values_for(spec: FrameSpec, content: Content, counter: int) -> Mapping[str, int]:
    """Values of the fields of a profile's frame."""
    words = _words(content, counter)
    return {one.name: words[one.name] for one in spec.fields if not one.constant}


def _words(content: Content, counter: int) -> dict[str, int]:
    permissions = content.permissions
    level = _LEVEL_ERROR if content.error and not content.high_cell else _LEVEL_IDLE
    return {
        "discharge_allowed": permissions.discharge,
        "charge_allowed": permissions.charge,
        "pre_alarm": content.pre_alarm,
        "low_cell": content.low_cell,
        "high_cell": content.high_cell,
        "bms_error": content.error,
        "remote_off": content.remote_off,
        "reserved": 0,
        "high_cell_level": _LEVEL_HIGH if content.high_cell else level,
        "link_mode": content.low_power,
        "counter": counter & 0xFF,
    }
