"""`vebus emulate-bms --transmit`: the user, the battery data and the screen around a session on a real port."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vebus_protocol.errors import VEBusError
from vebus_tools.battery import Sample
from vebus_tools.cli.emulate_follow import Follower
from vebus_tools.cli.emulate_input import Input
from vebus_tools.cli.emulate_lines import Lines
from vebus_tools.cli.emulate_panel import PanelWindow, panel_wanted
from vebus_tools.cli.emulate_setup import read_time
from vebus_tools.cli.emulate_words import profile_text
from vebus_tools.cli.failures import UsageError
from vebus_tools.emulator import Terminals, Timing
from vebus_tools.firmware import Assistant
from vebus_tools.interlocks import LONGEST_SESSION_S, Condition, ExitCode, Mode, Reaction
from vebus_tools.panel.model import Face, Folded, Folder, status_lines
from vebus_tools.rehearsal import (
    HELP,
    CellModel,
    Narrator,
    News,
    Sort,
    Stage,
    bank_voltage,
    do,
    frame_news,
    read_order,
)
from vebus_tools.transmitter import Feed, Outcome, Plan, Snapshot, run

if TYPE_CHECKING:
    from vebus_protocol.bms import Profile
    from vebus_tools.cli.emulate_setup import Prepared
    from vebus_tools.cli.emulating import Request

__all__ = ["transmit"]

_DEFAULT_CELL_V, _DEFAULT_C = 3.3, 20.0


def transmit(request: Request, prepared: Prepared) -> int:
    """Transmit; returns the exit code.  Raises VEBusError."""
    plan = _plan(request, prepared)
    with ExitStack() as closing:
        talk = _Talk(request, prepared, plan, closing)
        outcome = run(plan, feed=talk.feed, show=talk.show, ask=_Terminal())
    talk.end(outcome)
    return outcome.exit_code


def _plan(request: Request, prepared: Prepared) -> Plan:
    """The session that the options ask for.  Raises UsageError for what no session can do."""
    if request.interface is None:
        raise UsageError("--transmit needs -i PORT")
    if request.units:
        raise UsageError("X-3 (firmware gate): with --transmit versions are read from the bus; --unit proves nothing")
    if request.scenario or request.faults:
        raise UsageError("--scenario and --fault are for rehearsals; a real bus gets neither")
    if request.write is not None and Path(request.write).suffix != ".log":
        raise UsageError(f"-w {request.write}: with --transmit it is the complete log (X-17): name it FILE.log")
    session_s = LONGEST_SESSION_S
    if request.max_duration is not None:
        session_s = read_time("--max-duration", request.max_duration)
    setup, profile = prepared.setup, prepared.profile
    folder = prepared.profile_path.parent if prepared.profile_path else Path()
    return Plan(
        port=request.interface,
        profile=profile,
        version=setup.version,
        log=Path(request.write or time.strftime("emulate-bms-%Y%m%d-%H%M%S.log")),
        bench=request.bench,
        cells=setup.bank.cells,
        limits=setup.limits,
        timing=Timing(hold_s=setup.hold_s, shaped=False),
        inputs={"vebus": True, "terminals": Terminals(joined=True), "aux_v": setup.aux_v},
        slot_delay_s=setup.slot_delay_s,
        session_s=session_s,
        data_age_s=setup.limits.max_age_s,
        captures={one.file: folder / one.file for one in profile.provenance.captures},
        assistant=Assistant(request.assistant),
        label=request.label,
    )


class _Terminal:
    """The user at the keyboard (X-1, X-4)."""

    def is_terminal(self) -> bool:
        return sys.stdin.isatty() and os.isatty(0)

    def type_port(self, texts: tuple[str, ...], port: str) -> str:
        sys.stderr.writelines(f"  - {text}\n" for text in texts)
        return self._asked(f"To go on, type the name of the port ({port}): ")

    def confirm(self, text: str) -> bool:
        return self._asked(f"{text} Type yes: ").strip().lower() == "yes"

    def _asked(self, text: str) -> str:
        sys.stderr.write(text)
        sys.stderr.flush()
        return sys.stdin.readline().rstrip("\n")


class _Inputs:
    """Inputs of the BMS that were set and not yet fed."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self.changed: dict[str, Any] = {}

    def change(self, **inputs: Any) -> None:  # noqa: ANN401  (the attributes of Inputs)
        self.changed.update(inputs)


class _Remote:
    """The emulated BMS in the process that sends, as orders see it."""

    def __init__(self, profile: Profile) -> None:
        self.bms = _Inputs(profile)
        self.supply_v: float | None = None


class _Talk:
    """Feeds the session and shows what it tells."""

    def __init__(self, request: Request, prepared: Prepared, plan: Plan, closing: ExitStack) -> None:
        setup, self._plan, self._closing = prepared.setup, plan, closing
        self._bank, self._request = setup.bank, request
        self._follower = Follower(prepared.cells_path, setup.bank) if prepared.cells_path else None
        volts = setup.voltage_v or _DEFAULT_CELL_V * setup.bank.series * setup.bank.module.cells
        degrees = _DEFAULT_C if setup.temperature_c is None else setup.temperature_c
        each = volts / (setup.bank.series * setup.bank.module.cells)
        # Two adapters on a desk have no battery; a bus has one, and its values have to come from somewhere.
        model = CellModel(setup.bank, lambda: (each, degrees)) if plan.bench and self._follower is None else None
        self._model = model
        self._remote = _Remote(plan.profile)
        self._stage = Stage(bms=self._remote, cells=model, bus=None)
        self._sample: Sample | None = None
        self._start = time.monotonic()
        self._narrator, self._folder = Narrator(), Folder()
        self._said = self._stopping = ""
        self._noted: list[str] = []
        self._conditions: dict[str, Condition] = {}
        self._answer, self._good = "", True
        self._face: Face | None = None
        self._words: Input | PanelWindow | None = None
        self._paneled = panel_wanted(request.panel, usual=not request.quiet)
        self._lines = Lines(
            sys.stdout,
            as_json=request.output == "json",
            every=request.print_all,
            quiet=request.quiet,
            color=request.color,
        )

    # the session asks ------------------------------------------------------------------------------------------------
    def feed(self, now: float) -> Feed:
        """What the user and the battery say now; a lost terminal is the end (X-12)."""
        if self._words is None:
            self._begin()
        words = self._words
        for text in words.take() if words is not None else ():
            self._obey(text, now)
        if isinstance(words, Input) and words.ended:
            self._stopping = self._stopping or "X-12: the terminal is lost"
        if isinstance(words, PanelWindow) and words.ended:
            self._stopping = self._stopping or "X-12: the panel is gone"
        self._measure(now)
        inputs, self._remote.bms.changed = self._remote.bms.changed, {}
        lost = self._follower is not None and self._follower.lost
        return Feed(sample=self._sample, inputs=inputs, lost=lost, stop=self._stopping)

    def _begin(self) -> None:
        """The user has answered, so the terminal is free."""
        if self._paneled:
            self._words = self._closing.enter_context(PanelWindow(color=self._request.color))
        else:
            self._words = self._closing.enter_context(Input())
            self._lines.head(self._head())

    def _head(self) -> Iterator[tuple[str, str]]:
        plan = self._plan
        yield "", f"vebus emulate-bms: {'BENCH' if plan.bench else 'TRANSMISSION'} on {plan.port}"
        yield "Profile", profile_text(plan.profile)
        yield "Log", str(plan.log)
        if self._follower is None and self._model is None:
            yield "Battery", "no data (--cells FILE, a FIFO or a file that grows): without them nothing is sent (X-12)"
        yield "", ""

    def _measure(self, now: float) -> None:
        newest = self._follower.take(now) if self._follower is not None else None
        if self._model is not None:
            newest = self._model.sample(now)
        if newest is None:
            self._sample = None
            return
        self._sample = newest
        volts = bank_voltage(self._bank, newest)
        supply = volts if self._remote.supply_v is None else self._remote.supply_v
        self._remote.bms.change(battery_v=volts, supply_v=supply)

    def _obey(self, text: str, now: float) -> None:
        word = text.strip().lower()
        if word in ("quit", "exit", "stop"):
            self._stopping = "quit"
        elif word in ("help", "?", "status") and self._paneled:
            self._answer, self._good = "everything stands on this screen", True
        elif word in ("help", "?"):
            self._lines.answer(HELP)
        elif word == "status":
            self._lines.answer(status_lines(self._face) if self._face is not None else ["nothing is known yet"])
        elif word:
            try:
                self._answer, self._good = do(read_order(text), self._stage, now), True
            except VEBusError as problem:
                self._answer, self._good = str(problem), False
                if not self._paneled:
                    self._lines.complaint(str(problem))

    # the session tells -----------------------------------------------------------------------------------------------
    def show(self, snapshot: Snapshot) -> None:
        """Fold a snapshot and show it."""
        news = list(self._news(snapshot))
        self._folder.take(news)
        if not self._paneled:
            self._lines.news(news)
        folded = self._folder.folded(snapshot.outputs, snapshot.at_s - self._start)
        self._face = _face(self._plan, snapshot, folded, self._start, (self._answer, self._good), self._sample)
        if isinstance(self._words, PanelWindow) and self._words.due:
            self._words.offer(self._face)

    def _news(self, snapshot: Snapshot) -> Iterator[News]:
        at = snapshot.at_s - self._start
        for sent in snapshot.traffic:
            if sent.sent:
                frame = frame_news(self._plan.profile, sent.data, sent.at_s - self._start, self._said)
                self._said = frame.text
                yield frame
        yield from self._narrator.observe(at, snapshot.state, snapshot.inputs, snapshot.outputs, self._sample)
        for one in snapshot.interlocks:
            before = self._conditions.get(one.interlock.number, one.condition)
            self._conditions[one.interlock.number] = one.condition
            if one.condition is not before:
                yield News(at_s=at, sort=Sort.INTERLOCK, text=str(one))
        for text in snapshot.notes[len(self._noted) :]:  # all notes so far are in every snapshot
            self._noted.append(text)
            yield News(at_s=at, sort=Sort.NOTE, text=text)

    def end(self, outcome: Outcome) -> None:
        """The report, and every interlock that held."""
        report = [
            f"Stopped    {outcome.stop}",
            f"Reaction   {_reaction(self._plan, outcome)}",
            f"Counters   {outcome.frames} frames of the BMS sent",
            *(f"Note       {text}" for text in outcome.notes),
            *([f"Log        {outcome.log}"] if outcome.log else []),
        ]
        if self._face is None:  # refused before anything was shown
            refusing = (Condition.TRIPPED, Condition.LATCHED)
            held = [f"Interlock  {one}" for one in outcome.interlocks if one.condition in refusing]
            sys.stderr.writelines(f"vebus: {line}\n" for line in [f"refused: {outcome.stop}; nothing was sent", *held])
        else:
            self._lines.end(self._face, report)


def _reaction(plan: Plan, outcome: Outcome) -> str:
    """What the Multi did; on a desk there is none."""
    alone = plan.bench and outcome.reaction is Reaction.NONE and outcome.exit_code == ExitCode.DONE
    return "none, as nobody was on the line but the other adapter" if alone else outcome.reaction.value


def _face(
    plan: Plan, snapshot: Snapshot, folded: Folded, start: float, answer: tuple[str, bool], sample: Sample | None
) -> Face:
    mode = Mode.BENCH if plan.bench else Mode.TRANSMIT
    gate = next((one for one in snapshot.interlocks if one.interlock.number == "X-3"), None)
    return Face(
        mode=f"{mode.value.upper()} on {plan.port}, {snapshot.phase}",
        profile=profile_text(plan.profile),
        gate=str(gate) if gate is not None else "not known",
        gate_good=gate is not None and gate.condition.passes,
        at_s=snapshot.at_s - start,
        state=snapshot.state,
        inputs=snapshot.inputs,
        outputs=snapshot.outputs,
        sample=sample,
        folded=folded,
        until_s=plan.session_s,
        interlocks=snapshot.interlocks,
        stopped=str(snapshot.stopped) if snapshot.stopped else "",
        answer=answer[0],
        answer_good=answer[1],
        recording=str(plan.log),
    )
