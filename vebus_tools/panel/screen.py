"""A face to lines of styled text, for a screen of any size; pure, knows neither terminal nor bus."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vebus_tools.emulator import Led, lit
from vebus_tools.interlocks import Condition, InterlockState
from vebus_tools.panel.entry import KEYS, Entry
from vebus_tools.panel.model import Face, Unit, condition_mark
from vebus_tools.rehearsal import HELP, LED_NAMES, OUTPUT_NAMES, News, Sort
from vebus_tools.view.screen import Line, Size, Span, clock, filled, fit

__all__ = ["blinks", "compose"]

_NAME = 9
_CELL = 6  # besides its number
_MOST_CELL_LINES = 4
_MULTI_BLINK_HZ = 2.0
"""How fast an LED of a Multi blinks; nobody has published it."""
_LED_STYLES = {"status_led": "bold blue", "low_led": "bold blue", "high_led": "bold red"}
_NEWS_STYLES = {
    Sort.BATTERY: "cyan",
    Sort.BMS: "bold",
    Sort.MULTI: "green",
    Sort.SCENARIO: "magenta",
    Sort.YOU: "magenta",
    Sort.FAULT: "yellow",
    Sort.INTERLOCK: "bold red",
    Sort.STOP: "bold red",
}
_CONDITION_STYLES = {
    Condition.OK: "green",
    Condition.WAITING: "yellow",
    Condition.TRIPPED: "bold red",
    Condition.LATCHED: "bold red reverse",
    Condition.NOT_HERE: "dim",
}
_DOTS = "\N{HORIZONTAL ELLIPSIS}"


def blinks(face: Face) -> bool:
    """Whether anything on the screen moves by itself."""
    leds = {getattr(face.outputs, name) for name in LED_NAMES}
    return bool(leds & {Led.FLASH, Led.FAST}) or any(unit.leds_blink for unit in face.units)


def compose(
    face: Face | None, entry: Entry, size: Size, since_s: float = 0.0, *, dots: str = _DOTS
) -> tuple[Line, ...]:
    """The whole screen; ``since_s`` is the age of the face in s, for what blinks."""
    width, height = size
    if entry.help:
        return filled(list(_help()), width, height, dots)
    if face is None:
        return filled([(("Waiting for the first moment ...", "dim"),)], width, height, dots)
    now = face.at_s + since_s
    plain = dots != _DOTS
    top = [*_head(face, now, width), *_cells(face, width), *_bms(face, now, plain=plain)]
    for unit in face.units:
        top += _unit(unit, now, plain=plain)
    top += _interlocks(face.interlocks, width)
    foot = list(_foot(face, entry, width))
    room = height - len(top) - len(foot)
    body = [*top, *_news(face.folded.news, room)] if room > 0 else top
    return filled(body, width, height, dots, foot)


# --- head ------------------------------------------------------------------------------------------------------------
def _row(name: str, *spans: Span) -> Line:
    return ((fit(name, _NAME, ""), "dim"), *spans)


def _head(face: Face, now: float, width: int) -> Iterator[Line]:
    state = " STOPPED " if face.stopped else " RUNNING "
    until = f" of {clock(face.until_s)}" if face.until_s is not None else ""
    right = f" {clock(now)}{until} "
    room = max(0, width - len(state) - len(right))
    recording = f" | {face.recording}" if face.recording else ""
    yield (
        (fit(f" vebus emulate-bms: {face.mode}{recording}", room, "..."), "bar"),
        (state, "bold white on red" if face.stopped else "bar"),
        (right, "bar"),
    )
    yield _row("Firmware", (face.gate, "" if face.gate_good else "bold red"))
    yield _row("Profile", (face.profile, "yellow"))
    folded = face.folded
    if folded.last_at_s is None:
        yield _row("Frames", ("none yet", "dim"))
    else:
        age = max(0.0, now - folded.last_at_s)
        yield _row("Frames", (f"{folded.frames}, the last {age:4.1f} s ago: ", ""), (folded.last_text, "bold"))


# --- battery ---------------------------------------------------------------------------------------------------------
def _cells(face: Face, width: int) -> Iterator[Line]:
    sample = face.sample
    if sample is None:
        yield _row("Cells", ("no values", "bold red"))
        return
    volts = [one.voltage_v for one in sample.cells if one.voltage_v is not None]
    degrees = [one.temperature_c for one in sample.cells if one.temperature_c is not None]
    spans: list[Span] = []
    if volts:
        spans.append((f"{min(volts):.2f} to {max(volts):.2f} V", ""))
    if degrees:
        spans.append((f"   {min(degrees):.1f} to {max(degrees):.1f} degC", ""))
    yield _row("Cells", *spans, ("   signals: ", "dim"), *_signals(face))
    digits = len(str(len(sample.cells)))
    each = max(1, (width - _NAME) // (digits + _CELL))
    lines = [range(start, min(start + each, len(sample.cells))) for start in range(0, len(sample.cells), each)]
    lowest, highest = min(volts, default=None), max(volts, default=None)
    for places in lines[:_MOST_CELL_LINES]:
        yield _row(
            "", *(_cell(f"{place + 1:>{digits}}", sample.cells[place].voltage_v, lowest, highest) for place in places)
        )
    if len(lines) > _MOST_CELL_LINES:
        yield _row("", (f"and {len(sample.cells) - _MOST_CELL_LINES * each} more", "dim"))


def _cell(number: str, volts: float | None, lowest: float | None, highest: float | None) -> Span:
    if volts is None:
        return f"{number}  --  ", "bold red"
    spread = lowest is not None and highest is not None and highest - lowest > 0.02
    style = "bold yellow" if spread and volts in (lowest, highest) else ""
    return f"{number} {volts:4.2f} ", style


def _signals(face: Face) -> Iterator[Span]:
    signals = face.inputs.signals
    if not signals.known:
        yield "not known: data missing or old", "bold red"
        return
    names = [text for text, on in (("pre-alarm", signals.pre_alarm), ("low cell", signals.low_cell)) if on]
    names += [f"high cell: {one.value}" for one in sorted(signals.high_cell, key=lambda one: one.value)]
    yield (", ".join(names), "bold yellow") if names else ("none", "green")


# --- BMS and Multi ---------------------------------------------------------------------------------------------------
def _bms(face: Face, now: float, *, plain: bool) -> Iterator[Line]:
    outputs = face.outputs
    yield _row("BMS", (outputs.mode, "bold"))
    spans: list[Span] = []
    for name, text in OUTPUT_NAMES.items():
        one = getattr(outputs, name)
        good = one.high is not (name == "pre_alarm")
        spans += [(f"{text} ", "dim"), ("high" if one.high else "floating", "green" if good else "bold yellow")]
        spans.append(("   ", ""))
    high = next((one.voltage_v for one in (outputs.load_disconnect, outputs.charge_disconnect) if one.high), None)
    yield _row("Outputs", *spans, (f"high is {high:.1f} V" if high is not None else "", "dim"))
    spans = []
    for name, text in LED_NAMES.items():
        since = now - face.folded.led_since.get(name, 0.0)
        spans += [_lamp(lit(getattr(outputs, name), since), _LED_STYLES[name], plain=plain), (f" {text}   ", "")]
    gx_pow = "off" if outputs.gx_pow_v is None else f"{outputs.gx_pow_v:.1f} V"
    spans.append((f"GX-Pow {gx_pow}, takes {outputs.supply_ma:g} mA", "dim"))
    yield _row("LEDs", *spans)


def _lamp(on: bool, style: str, *, plain: bool) -> Span:  # noqa: FBT001  (an LED is on or off)
    if plain:
        return ("(*)" if on else "( )"), style if on else "dim"
    return ("\N{BLACK CIRCLE}" if on else "\N{WHITE CIRCLE}"), style if on else "dim"


def _unit(unit: Unit, now: float, *, plain: bool) -> Iterator[Line]:
    yield _row(unit.name, (unit.does, "bold green"))
    blink = now * _MULTI_BLINK_HZ % 1.0 < 0.5
    spans: list[Span] = []
    for name in unit.leds_on:
        spans += [_lamp(on=True, style="bold green", plain=plain), (f" {name}  ", "")]
    for name in unit.leds_blink:
        spans += [_lamp(on=blink, style="bold green", plain=plain), (f" {name}  ", "")]
    yield _row("", *(spans or [("no LED lit  ", "dim")]), (unit.detail, "dim"))


# --- interlocks ------------------------------------------------------------------------------------------------------
def _interlocks(states: Sequence[InterlockState], width: int) -> Iterator[Line]:
    """Marks of all of them, and the reason of each that holds."""
    if not states:
        return
    marks = [
        (f"{one.interlock.number}{condition_mark(one.condition)} ", _CONDITION_STYLES[one.condition]) for one in states
    ]
    line: list[Span] = []
    name = "Locks"
    for mark in marks:
        if sum(len(text) for text, _ in line) + len(mark[0]) > width - _NAME:
            yield _row(name, *line)
            line, name = [], ""
        line.append(mark)
    yield _row(name, *line)
    held = [one for one in states if not one.condition.passes]
    if held:
        more = f" (and {len(held) - 1} more)" if len(held) > 1 else ""
        yield _row("", (f"{held[0]}{more}", _CONDITION_STYLES[held[0].condition]))


# --- events and foot -------------------------------------------------------------------------------------------------
def _news(news: Sequence[News], room: int) -> Iterator[Line]:
    yield (("Events", "underline"),)
    for one in news[-(room - 1) :] if room > 1 else ():
        style = _NEWS_STYLES.get(one.sort, "")
        yield (f"{one.at_s:8.2f} ", "dim"), (f"{one.sort.value:<9} ", "dim"), (one.text, style)


def _foot(face: Face, entry: Entry, width: int) -> Iterator[Line]:
    if face.stopped:
        yield ((f"Stopped: {face.stopped}", "bold red"),)
    elif face.answer:
        yield ((face.answer, "" if face.answer_good else "bold red"),)
    else:
        yield (("Type a command such as: cell 3 2.75 over 10s   remote off   unplug   help   quit", "dim"),)
    room = max(1, width - 4)
    yield ("> ", "bold"), (entry.text[-room:], ""), (" ", "cursor")


def _help() -> Iterator[Line]:
    yield (("Commands", "bold"), ("; any key leaves this help", "dim"))
    yield from (((line, ""),) for line in HELP)
    yield ((KEYS, ""),)
    yield (("Interlocks: + ok   ? waiting   ! tripped   # latched   - does not apply", "dim"),)
