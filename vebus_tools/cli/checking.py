"""What `vebus check-firmware` does: collect units, judge them, print the verdict, return its exit code."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from vebus_protocol.schema import Link
from vebus_tools.capture import AUTO, open_capture
from vebus_tools.cli.conditions import parse_stops
from vebus_tools.cli.failures import UsageError
from vebus_tools.decoder import decode_chunks
from vebus_tools.firmware import (
    Assistant,
    FirmwareError,
    Heard,
    HostJudgement,
    Note,
    SystemJudgement,
    Unit,
    UnitJudgement,
    judge_system,
    judge_venus_os,
    processor_of_label,
    unit_of_text,
)
from vebus_tools.session import Session

__all__ = ["Request", "run"]

_COLUMN = 10
_LISTEN_S = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One call of `vebus check-firmware`; the names are those of the options."""

    versions: tuple[str, ...] = ()
    capture: str | None = None
    port: str | None = None
    baud: int | None = None
    autostop: tuple[str, ...] = ()
    input_format: str = AUTO
    link: str = AUTO
    assistant: str = Assistant.UNKNOWN.value
    processor: str | None = None
    venus_os: str | None = None
    output: str = "text"


def run(request: Request) -> int:
    """Do what was asked for; returns the exit code of the verdict.  Raises VEBusError."""
    if not request.versions and request.capture is None and request.port is None:
        raise UsageError("no version given; try: vebus check-firmware 2629492, -r CAPTURE, or -i PORT --link mk3")
    if request.capture is not None and request.port is not None:
        raise UsageError("-r and -i are two sources; check them one after the other")
    assistant = Assistant(request.assistant)
    label, host = _said(request)
    units = [unit_of_text(text, assistant, label) for text in request.versions]
    notes: tuple[Note, ...] = ()
    source = request.capture or request.port
    if source is not None:
        heard = _read(source, request) if request.port is None else _hear(request.port, request)
        found = heard.units(assistant, label)
        units += found or [Unit(name=source, told="no version reply was seen here", label=label)]
        notes = heard.notes()
    judgement = judge_system(units, host)
    lines = _json(judgement, notes) if request.output == "json" else _text(judgement, notes)
    sys.stdout.writelines(f"{line}\n" for line in lines)
    return judgement.verdict.exit_code


def _said(request: Request) -> tuple[int | None, HostJudgement | None]:
    """Processor label and GX device, as the options tell them."""
    try:
        label = processor_of_label(request.processor) if request.processor is not None else None
        return label, judge_venus_os(request.venus_os) if request.venus_os is not None else None
    except FirmwareError as problem:
        raise UsageError(str(problem)) from problem


def _hear(port: str, request: Request) -> Heard:
    """What a live port tells; only an adapter is asked, and only where it is said to be one."""
    from vebus_tools.cli.asking import Live, ask_adapter, overhear_bus

    duration_s = parse_stops(request.autostop, None).duration_s or _LISTEN_S
    live = Live(port=port, baud=request.baud, duration_s=duration_s)
    return ask_adapter(live) if request.link == Link.MK3.value else overhear_bus(live)


def _read(name: str, request: Request) -> Heard:
    heard, session = Heard(), Session()
    with open_capture(name, input_format=request.input_format) as capture:
        link = capture.link() if request.link == AUTO else Link(request.link)
        for record in decode_chunks(capture.chunks, link):
            heard.observe(record, session.observe(record))
    return heard


def _text(judgement: SystemJudgement, notes: tuple[Note, ...]) -> Iterator[str]:
    for unit in judgement.units:
        yield from _unit_text(unit)
    if judgement.host is not None:
        yield f"Venus OS {judgement.host.version}: {_cited(judgement.host.note)}"
    yield from (f"Note: {_cited(note)}" for note in notes)
    worst = " (worst unit, B-141)" if len(judgement.units) > 1 else ""
    yield f"System: {judgement.verdict.text}{worst}"


def _unit_text(judged: UnitJudgement) -> Iterator[str]:
    yield f"{judged.unit.name}: {judged.verdict.text}"
    rows = [
        ("Read as", judged.unit.told),
        ("Assistant", judged.unit.assistant.value),
        ("Because", judged.reason),
        ("Rule", f"{', '.join(judged.requirements)}: {judged.source}"),
        ("Do", judged.advice),
        *(("Note", _cited(note)) for note in judged.notes),
    ]
    yield from (f"    {name:<{_COLUMN}}{text}" for name, text in rows if text != judged.reason or name == "Because")


def _cited(note: Note) -> str:
    return f"{note.text} [{note.source}]"


def _json(judgement: SystemJudgement, notes: tuple[Note, ...]) -> Iterator[str]:
    host = judgement.host
    shown = {
        "verdict": judgement.verdict.value,
        "text": judgement.verdict.text,
        "accepted": judgement.verdict.accepted,
        "exit_code": judgement.verdict.exit_code,
        "units": [_unit_json(unit) for unit in judgement.units],
        "venus_os": host and {"version": host.version, "compatible": host.compatible, **_note_json(host.note)},
        "notes": [_note_json(note) for note in notes],
    }
    yield json.dumps(shown, indent=2, ensure_ascii=False)


def _unit_json(judged: UnitJudgement) -> dict[str, object]:
    unit = judged.unit
    return {
        "name": unit.name,
        "told": unit.told,
        "firmware": unit.firmware,
        "processor": unit.processor,
        "label": unit.label,
        "assistant": unit.assistant.value,
        "verdict": judged.verdict.value,
        "rule": judged.rule,
        "reason": judged.reason,
        "advice": judged.advice,
        "requirements": list(judged.requirements),
        "source": judged.source,
        "notes": [_note_json(note) for note in judged.notes],
    }


def _note_json(note: Note) -> dict[str, str]:
    return {"text": note.text, "source": note.source}
