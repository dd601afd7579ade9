"""What is told about a BMS: one piece of news for each change of its state, signals and outputs, in plain words.

`Narrator` compares one moment with the one before; it knows neither clock nor bus, so that a rehearsal and a session on
a real port are told in the same words.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from vebus_protocol.bms import BmsFrame, Permissions, Profile, decode
from vebus_protocol.errors import VEBusError
from vebus_protocol.frame import decode_frame
from vebus_tools.battery import HighCell, Sample, Signals
from vebus_tools.emulator import (
    REGIONS,
    Charge,
    Discharge,
    Inputs,
    Led,
    Life,
    LinkMode,
    Output,
    Outputs,
    Remote,
    State,
)

__all__ = ["LED_NAMES", "OUTPUT_NAMES", "Narrator", "News", "Sort", "frame_news", "frame_text", "permission_text"]

OUTPUT_NAMES = {
    "pre_alarm": "pre-alarm",
    "load_disconnect": "load disconnect",
    "charge_disconnect": "charge disconnect",
}
LED_NAMES = {"status_led": "Status", "low_led": "Cell > 2.8 V", "high_led": "Cell > 4 V"}
"""Attribute of `Outputs` -> what is printed on the BMS."""


class Sort(enum.Enum):
    """Who or what a piece of news is about; the values stand in the second column of the line mode."""

    FRAME = "frame"
    BATTERY = "battery"
    BMS = "bms"
    OUTPUT = "output"
    MULTI = "multi"
    YOU = "you"
    SCENARIO = "scenario"
    FAULT = "fault"
    INTERLOCK = "interlock"
    STOP = "stop"
    NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """One thing that happened at a time in s.

    ``requirements`` names what asked for it, ``data`` has the bytes of a frame and ``values`` what they say.
    ``again`` marks a frame that allows and says the same as the one before.
    """

    at_s: float
    sort: Sort
    text: str
    requirements: str = ""
    data: bytes = b""
    values: Mapping[str, Any] = field(default_factory=dict)
    again: bool = False


# --- frames ----------------------------------------------------------------------------------------------------------
_FLAGS = {
    "pre_alarm": "pre-alarm",
    "low_cell": "low cell",
    "high_cell": "high cell",
    "bms_error": "no permission yet",
    "remote_off": "remote off",
}


def permission_text(allowed: Permissions) -> str:
    """Both permissions in words."""
    return f"discharge {_yes(allowed.discharge)}, charge {_yes(allowed.charge)}"


def _yes(allowed: bool) -> str:  # noqa: FBT001  (a word for a flag)
    return "yes" if allowed else "NO"


def _digits(value: float) -> str:
    return str(int(value)) if value == int(value) else f"{value:g}"


def frame_text(found: BmsFrame) -> str:
    """What a frame of the BMS says."""
    allowed = found.permissions
    if allowed is None:
        return ", ".join([found.spec.title, *(f"{name} {_digits(value)}" for name, value in found.values.items())])
    flags = [text for name, text in _FLAGS.items() if found.values.get(name)]
    if found.values.get("link_mode"):
        flags.append("low power")
    return f"{permission_text(allowed)}{' (' + ', '.join(flags) + ')' if flags else ''}"


def frame_news(profile: Profile, wire: bytes, at_s: float, before: str = "") -> News:
    """A sent frame as news; ``before`` is the text of the last one.  Bytes that no profile reads are told as such."""
    try:
        found = decode(profile, decode_frame(wire))
    except VEBusError as problem:
        reason = str(problem).partition(": ")[0]
        return News(at_s=at_s, sort=Sort.FRAME, text=f"damaged by a fault: {reason}", data=wire)
    if found is None:
        return News(at_s=at_s, sort=Sort.FRAME, text="no frame of the profile", data=wire)
    text = frame_text(found)
    return News(at_s=at_s, sort=Sort.FRAME, text=text, data=wire, values=dict(found.values), again=text == before)


# --- state -----------------------------------------------------------------------------------------------------------
_WORDS: Mapping[enum.Enum, str] = {
    Life.UNPOWERED: "the BMS is without supply (Battery + out of 9..70 V, or VE.Bus not connected): it is silent",
    Life.BOOT_STUCK: "the BMS is stuck in its bootloader: it is silent, the status LED flashes fast",
    Life.RUN: "the BMS starts: supply and VE.Bus are there",
    Discharge.OK: "discharge side normal: no alarm any more",
    Discharge.PRE: "pre-alarm: loads get at least 30 s to stop before they are disconnected",
    Discharge.LOW: "low cell: discharge is not allowed any more",
    Charge.OK: "charge side normal: charging is allowed again",
    Charge.STOP: "high cell: charging is restricted",
    Remote.ON: "remote terminals say on",
    Remote.OFF: "remote terminals say off: neither discharge nor charge is allowed",
    LinkMode.NORMAL: "the Multi is on: normal mode",
    LinkMode.LOW_POWER: "the Multi is off: low-power mode, frames come a little slower",
}
_CONDITIONAL = re.compile(r" when |on hardware")
_OVER = "low cell is over: discharge is allowed again"
_REASONS = {HighCell.OVERVOLTAGE: "cell overvoltage", HighCell.HOT: "too hot", HighCell.COLD: "too cold"}


class Narrator:
    """Tells what changed since the last call."""

    def __init__(self) -> None:
        """Nothing is known before the first call."""
        self._state: State | None = None
        self._signals = Signals()
        self._outputs: Outputs | None = None

    def observe(
        self, at_s: float, state: State, inputs: Inputs, outputs: Outputs, sample: Sample | None
    ) -> Iterator[News]:
        """News of a moment, causes first: battery, state, outputs."""
        yield from self._battery(at_s, inputs.signals, sample)
        if self._state is not None:
            yield from self._regions(at_s, self._state, state)
        elif state.life is Life.RUN:
            yield _edge(at_s, "life", Life.UNPOWERED, Life.RUN)
        if self._outputs is not None:
            yield from _outputs(at_s, self._outputs, outputs)
        self._state, self._signals, self._outputs = state, inputs.signals, outputs

    def _battery(self, at_s: float, new: Signals, sample: Sample | None) -> Iterator[News]:
        old = self._signals
        if new.known is not old.known:
            text = "cell values arrive" if new.known else "cell values are missing or too old: signals are not known"
            yield News(at_s=at_s, sort=Sort.BATTERY, text=text, requirements="" if new.known else "X-12")
        if sample is None or (new == old):
            return
        lowest, highest = _extreme(sample, lowest=True), _extreme(sample, lowest=False)
        for name, asked in (("pre_alarm", "B-12 B-19"), ("low_cell", "B-9")):
            if getattr(new, name) is not getattr(old, name):
                text = f"{_FLAGS[name]} signal {_comes(getattr(new, name))}: {lowest}"
                yield News(at_s=at_s, sort=Sort.BATTERY, text=text, requirements=asked)
        for reason in sorted(new.high_cell ^ old.high_cell, key=lambda one: one.value):
            where = highest if reason is HighCell.OVERVOLTAGE else _degrees(sample, coldest=reason is HighCell.COLD)
            text = f"high cell signal ({_REASONS[reason]}) {_comes(reason in new.high_cell)}: {where}"
            yield News(at_s=at_s, sort=Sort.BATTERY, text=text, requirements="B-9 B-17")

    def _regions(self, at_s: float, old: State, new: State) -> Iterator[News]:
        if old.life is not new.life:
            yield _edge(at_s, "life", old.life, new.life)
        if new.life is not Life.RUN or old.life is not Life.RUN:
            return
        if new.settled and not old.settled:
            text = "cell values have been fresh for the hold time: something may be allowed from now on"
            yield News(at_s=at_s, sort=Sort.BMS, text=text, requirements="X-13")
        for region in ("remote", "discharge", "charge", "link"):
            before, after = getattr(old, region), getattr(new, region)
            if before is not after:
                yield _edge(at_s, region, before, after)


def _edge(at_s: float, region: str, before: enum.Enum, after: enum.Enum) -> News:
    rows = [row for row in REGIONS[region] if row.target is after]
    row = next((one for one in rows if one.origin is before), rows[0])
    text = _OVER if (before, after) == (Discharge.LOW, Discharge.PRE) else _WORDS[after]
    return News(at_s=at_s, sort=Sort.BMS, text=text, requirements=_always(row.requirements))


def _always(requirements: str) -> str:
    """The parts that hold without a condition."""
    return "; ".join(part.strip() for part in requirements.split(";") if not _CONDITIONAL.search(part))


def _comes(on: bool) -> str:  # noqa: FBT001  (a word for a flag)
    return "comes" if on else "goes"


def _extreme(sample: Sample, *, lowest: bool) -> str:
    """The cell with the lowest or highest voltage."""
    known = [(one.voltage_v, index) for index, one in enumerate(sample.cells, 1) if one.voltage_v is not None]
    if not known:
        return "no cell has a voltage"
    volts, index = min(known) if lowest else max(known)
    return f"cell {index} has {volts:.2f} V"


def _degrees(sample: Sample, *, coldest: bool) -> str:
    known = [(one.temperature_c, index) for index, one in enumerate(sample.cells, 1) if one.temperature_c is not None]
    if not known:
        return "no cell has a temperature"
    degrees, index = min(known) if coldest else max(known)
    return f"cell {index} has {degrees:.1f} degC"


def _outputs(at_s: float, old: Outputs, new: Outputs) -> Iterator[News]:
    changes = [
        f"{text} {_level(getattr(new, name))}"
        for name, text in OUTPUT_NAMES.items()
        if getattr(old, name).level is not getattr(new, name).level
    ]
    changes += [
        f'LED "{text}" {_shown(getattr(new, name))}'
        for name, text in LED_NAMES.items()
        if getattr(old, name) is not getattr(new, name)
    ]
    if (old.gx_pow_v is None) is not (new.gx_pow_v is None):
        changes.append("GX-Pow off" if new.gx_pow_v is None else f"GX-Pow {new.gx_pow_v:.1f} V")
    if changes:
        yield News(at_s=at_s, sort=Sort.OUTPUT, text=", ".join(changes))


def _level(output: Output) -> str:
    return f"high ({output.voltage_v:.1f} V)" if output.voltage_v is not None else "floating"


def _shown(led: Led) -> str:
    return {Led.DARK: "dark", Led.ON: "on", Led.FLASH: "flashes every 10 s", Led.FAST: "flashes 15 times a second"}[led]
