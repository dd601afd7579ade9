"""What the panel shows at one moment, and the same in plain lines; knows no terminal."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from vebus_tools.battery import Sample
from vebus_tools.emulator import Inputs, Led, Outputs, State
from vebus_tools.interlocks import Condition, InterlockState
from vebus_tools.rehearsal import LED_NAMES, OUTPUT_NAMES, News, Sort

__all__ = ["Face", "Folded", "Unit", "status_lines"]

_KEPT_NEWS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One simulated inverter(/charger): its state, what it does, and its LED bytes (on, blink)."""

    name: str
    does: str
    leds_on: tuple[str, ...] = ()
    leds_blink: tuple[str, ...] = ()
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Folded:
    """What came out of all news so far: the last frame, how many there were, and the news worth a line.

    ``led_since`` has the time in s at which each LED of `Outputs` began its pattern.
    """

    frames: int = 0
    last_frame: bytes = b""
    last_text: str = ""
    last_at_s: float | None = None
    news: tuple[News, ...] = ()
    led_since: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """One moment; times in s.  ``until_s`` is None without an end, ``answer`` what the last command came to.

    ``gate`` is the verdict about the firmware, ``units`` the simulated installation.
    """

    mode: str
    profile: str
    gate: str
    gate_good: bool
    at_s: float
    state: State
    inputs: Inputs
    outputs: Outputs
    sample: Sample | None
    folded: Folded
    until_s: float | None = None
    units: tuple[Unit, ...] = ()
    interlocks: tuple[InterlockState, ...] = ()
    stopped: str = ""
    answer: str = ""
    answer_good: bool = True
    recording: str = ""

    @property
    def held(self) -> tuple[InterlockState, ...]:
        """Interlocks that let nothing pass."""
        return tuple(one for one in self.interlocks if not one.condition.passes)


class Folder:
    """Folds news and LED patterns over time."""

    def __init__(self) -> None:
        """Nothing has happened."""
        self._frames = 0
        self._last: News | None = None
        self._news: deque[News] = deque(maxlen=_KEPT_NEWS)
        self._patterns: dict[str, tuple[Led, float]] = {}

    def take(self, news: Iterable[News]) -> None:
        """Take what happened."""
        for one in news:
            if one.sort is Sort.FRAME:
                self._frames += 1
                self._last = one
            if not one.again:
                self._news.append(one)

    def folded(self, outputs: Outputs, at_s: float) -> Folded:
        """All of it, as of a time in s."""
        for name in LED_NAMES:
            led = getattr(outputs, name)
            if name not in self._patterns or self._patterns[name][0] is not led:
                self._patterns[name] = (led, at_s)
        last = self._last
        return Folded(
            frames=self._frames,
            last_frame=last.data if last else b"",
            last_text=last.text if last else "",
            last_at_s=last.at_s if last else None,
            news=tuple(self._news),
            led_since={name: since for name, (_, since) in self._patterns.items()},
        )


# --- in plain lines --------------------------------------------------------------------------------------------------
def status_lines(face: Face) -> Iterator[str]:
    """How everything stands, for the line mode."""
    yield f"State      {face.outputs.mode}"
    yield f"Battery    {_battery(face)}"
    yield f"Outputs    {', '.join(_output_texts(face.outputs))}"
    yield f"LEDs       {', '.join(_led_texts(face.outputs))}"
    gx_pow = "off" if face.outputs.gx_pow_v is None else f"{face.outputs.gx_pow_v:.1f} V"
    yield f"Supply     GX-Pow {gx_pow}, the BMS itself takes {face.outputs.supply_ma:g} mA"
    folded = face.folded
    last = f", the last at {folded.last_at_s:.3f} s: {folded.last_text}" if folded.last_at_s is not None else ""
    yield f"Frames     {folded.frames} of the BMS{last}"
    for unit in face.units:
        detail = f"; {unit.detail}" if unit.detail else ""
        yield f"{unit.name:<10} {unit.does}; LEDs: {leds_text(unit)}{detail}"
    for one in face.held:
        yield f"Interlock  {one}"


def leds_text(unit: Unit) -> str:
    """The LEDs of an inverter(/charger) that show anything."""
    blinking = [f"{name} (blinking)" for name in unit.leds_blink]
    return ", ".join([*unit.leds_on, *blinking]) or "none"


def _battery(face: Face) -> str:
    if face.sample is None:
        return "no cell values"
    signals = face.inputs.signals
    volts = [one.voltage_v for one in face.sample.cells if one.voltage_v is not None]
    degrees = [one.temperature_c for one in face.sample.cells if one.temperature_c is not None]
    names = [name for name, on in (("pre-alarm", signals.pre_alarm), ("low cell", signals.low_cell)) if on]
    names += [f"high cell ({reason.value})" for reason in sorted(signals.high_cell, key=lambda one: one.value)]
    spans = []
    if volts:
        spans.append(f"{len(face.sample.cells)} cells, {min(volts):.2f} to {max(volts):.2f} V")
    if degrees:
        spans.append(f"{min(degrees):.1f} to {max(degrees):.1f} degC")
    said = f"signals: {', '.join(names) or 'none'}" if signals.known else "signals not known: data missing or old"
    return ", ".join([*spans, said])


def _output_texts(outputs: Outputs) -> Iterator[str]:
    for name, text in OUTPUT_NAMES.items():
        one = getattr(outputs, name)
        yield f"{text} high ({one.voltage_v:.1f} V)" if one.high else f"{text} floating"


def _led_texts(outputs: Outputs) -> Iterator[str]:
    for name, text in LED_NAMES.items():
        yield f'"{text}" {getattr(outputs, name).value}'


def condition_mark(condition: Condition) -> str:
    """One character for the state of an interlock."""
    return {
        Condition.OK: "+",
        Condition.WAITING: "?",
        Condition.TRIPPED: "!",
        Condition.LATCHED: "#",
        Condition.NOT_HERE: "-",
    }[condition]
