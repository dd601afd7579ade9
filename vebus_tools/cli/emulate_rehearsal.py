"""Dry run and simulation of `vebus emulate-bms`: the loops around a rehearsal, its ends, its recording, its report."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, nullcontext
from typing import TYPE_CHECKING

from vebus_protocol.errors import VEBusError
from vebus_protocol.schema import Direction, Link
from vebus_tools.cli.emulate_faces import FaceMaker
from vebus_tools.cli.emulate_input import Input
from vebus_tools.cli.emulate_lines import Lines
from vebus_tools.cli.emulate_panel import PanelWindow, panel_wanted
from vebus_tools.cli.emulate_words import head_rows
from vebus_tools.cli.ending import Ending
from vebus_tools.cli.failures import UsageError
from vebus_tools.cli.simulate_endpoints import BusSide, Recorder
from vebus_tools.link import End, PtyEnd, TcpServer, is_loopback, wait_for
from vebus_tools.records import CaptureError
from vebus_tools.rehearsal import BMS, HELP, Rehearsal

if TYPE_CHECKING:
    from typing import TextIO

    from vebus_tools.cli.emulate_setup import Prepared
    from vebus_tools.cli.emulating import Request
    from vebus_tools.firmware import SystemJudgement

__all__ = ["rehearse"]

DRY_RUN_S = 10.0
"""How long a dry run is unless something else is said."""
_LONGEST_WAIT_S = 0.05
_VIRTUAL_STEP_S = 0.25
_SLEPT_S = 5.0
_DIRECTIONS = {BMS: Direction.TO_DEVICE}
_FOREVER = float("inf")


class RefusedError(VEBusError):
    """The firmware gate refuses; the exit code is that of the verdict."""

    def __init__(self, text: str, exit_code: int) -> None:
        """``exit_code`` is that of `vebus check-firmware`."""
        super().__init__(text)
        self.exit_code = exit_code


def rehearse(request: Request, prepared: Prepared, judgement: SystemJudgement) -> int:
    """Rehearse until the end; returns the exit code.  Raises VEBusError."""
    consequence = _consequence(request, judgement)
    with ExitStack() as closing:
        run = _Run(request, prepared, judgement, closing)
        if not run.paneled:
            run.lines.head(head_rows(_mode_text(request), prepared, judgement, consequence, live=not request.virtual))
        with Ending() as ending:
            run.go(ending.wanted)
    return run.rehearsal.exit_code


def _mode_text(request: Request) -> str:
    if not request.simulate:
        return "dry run. No port is open, nothing is sent: these are the frames that would be."
    where = " and ".join([name for name, on in (("pty", request.pty), ("TCP", bool(request.tcp))) if on])
    return f"simulation, {'on ' + where if where else 'in memory'}. No real bus is touched."


def _consequence(request: Request, judgement: SystemJudgement) -> str:
    """What the verdict means here.  Raises RefusedError where bytes would leave."""
    if judgement.verdict.accepted:
        return ""
    leaving = request.pty or request.tcp
    if leaving or (request.units and not request.simulate):
        reasons = "; ".join(one.reason or one.unit.told for one in judgement.units)
        raise RefusedError(
            f"X-3 (firmware gate): {judgement.verdict.text}: {reasons}; nothing is sent", judgement.verdict.exit_code
        )
    if request.simulate:
        return ". On a real bus nothing would be sent (X-3); in memory it goes on, to show what the Multi does."
    return ". On a real bus that alone would stop everything (X-3); a dry run goes on."


class _Run:
    """One rehearsal with everything around it."""

    def __init__(self, request: Request, prepared: Prepared, judgement: SystemJudgement, closing: ExitStack) -> None:
        self.rehearsal = Rehearsal(
            prepared.setup,
            prepared.profile,
            scenario=prepared.installation,
            steps=prepared.steps,
            rows=prepared.rows,
            faults=prepared.faults,
            seed=request.seed,
        )
        self.lines = Lines(
            _screen(request),
            as_json=request.output == "json",
            every=request.print_all or not request.simulate,
            quiet=request.quiet,
            color=request.color,
        )
        self._request = request
        self.paneled = panel_wanted(request.panel, usual=request.simulate and not request.virtual and not request.quiet)
        self._until_s = _until(request, prepared)
        self._faces = FaceMaker(self.rehearsal, judgement, self._until_s, request.write or "")
        self._panel: PanelWindow | None = None
        self._stopped_at = 0.0
        self._recorder = _recorder(request, closing)
        self._ends = _ends(request, closing)
        bus = self.rehearsal.bus
        self._side = BusSide(bus, self._ends, self._recorder, live=True, source=self.rehearsal.run) if bus else None

    # the run ---------------------------------------------------------------------------------------------------------
    def go(self, ended: Callable[[], bool]) -> None:
        """Until the end, the reaction of the Multi included."""
        with ExitStack() as closing:
            if self.paneled:
                self._panel = closing.enter_context(PanelWindow(color=self._request.color))
            why = self._virtual(ended) if self._request.virtual else self._live(ended)
            face = self._faces.face()
            self.rehearsal.stop(why)
            self._watch()
        panel, self._panel = self._panel, None
        self.lines.end(face, self._report(why))
        if panel is not None and panel.fate:
            raise CaptureError(f"the panel {panel.fate}")

    def _virtual(self, ended: Callable[[], bool]) -> str:
        now = 0.0
        while now < self._until_s and not self.rehearsal.stopped:
            if ended():
                return "Ctrl-C"
            now = min(now + _VIRTUAL_STEP_S, self._until_s)
            self._advance(now)
        return self._over()

    def _over(self) -> str:
        return self.rehearsal.stopped or f"the time is over ({self._until_s:g} s)"

    def _live(self, ended: Callable[[], bool]) -> str:
        start = before = time.monotonic()
        with Input() if self._panel is None else nullcontext(self._panel) as words:
            while not ended():
                now = time.monotonic()
                start += max(0.0, now - before - _SLEPT_S)  # the computer slept: the rehearsal did, too
                before = now
                self._advance(min(now - start, self._until_s))
                if now - start >= self._until_s or self.rehearsal.stopped:
                    return self._over()
                if any(self._obey(text) for text in words.take()):
                    return "quit"
                if self._panel is not None and self._panel.ended:
                    return "the panel is gone"
                self._wait(start, words)
        return "Ctrl-C"

    def _wait(self, start: float, words: Input | PanelWindow) -> None:
        next_at = min(self.rehearsal.next_at, self._until_s) - (time.monotonic() - start)
        wait = min(max(next_at, 0.0), _LONGEST_WAIT_S)
        side = self._side
        if side is None or not side.ends:
            words.wait(wait)
            return
        for end in wait_for(side.ends, wait):
            side.heard(end, end.read(), time.monotonic() - start)

    def _advance(self, until_s: float) -> None:
        if self._side is not None and self._side.ends:
            self._side.advance(until_s)
        else:
            for sent in self.rehearsal.run(until_s):
                if self._recorder is not None:
                    self._recorder.write(sent)
        self._tell()

    def _tell(self) -> None:
        news = self.rehearsal.take_news()
        self._faces.take(news)
        if self._panel is None and not self.paneled:
            self.lines.news(news)
        elif self._panel is not None and self._panel.due:
            self._panel.offer(self._faces.face())

    # words -----------------------------------------------------------------------------------------------------------
    def _obey(self, text: str) -> bool:
        """Do what was said; True for the end."""
        word = text.strip().lower()
        if word in ("quit", "exit", "stop"):
            return True
        if word == "status":
            self._answer(self._faces.status())
        elif word in ("help", "?"):
            self._answer(HELP)
        elif word:
            try:
                done = self.rehearsal.say(text)
            except VEBusError as problem:
                self._complain(str(problem))
            else:
                self._faces.answer, self._faces.answer_good = done, True
            self._tell()
        return False

    def _answer(self, lines: Iterable[str]) -> None:
        if self._panel is None:
            self.lines.answer(lines)
        else:
            self._faces.answer, self._faces.answer_good = "everything stands on this screen", True

    def _complain(self, text: str) -> None:
        self._faces.answer, self._faces.answer_good = text, False
        if self._panel is None:
            self.lines.complaint(text)

    # the end ---------------------------------------------------------------------------------------------------------
    def _watch(self) -> None:
        """Watch what the Multi does now that nothing is sent any more (X-18)."""
        rehearsal = self.rehearsal
        self._stopped_at = rehearsal.now_s
        limit = self._stopped_at + 2 * rehearsal.loss_s
        watching = rehearsal.multi is not None and rehearsal.bms.handed > 0
        while watching and not rehearsal.settled and rehearsal.now_s < limit:
            self._pause()
            self._advance(min(rehearsal.now_s + _VIRTUAL_STEP_S, limit))

    def _pause(self) -> None:
        if self._ends:  # somebody listens in real time
            time.sleep(_VIRTUAL_STEP_S)

    def _report(self, why: str) -> Iterator[str]:
        rehearsal = self.rehearsal
        yield f"Stopped    {why}, at {self._stopped_at:.3f} s"
        yield f"Reaction   {rehearsal.reaction()}"
        counters = rehearsal.counters()
        yield f"Counters   {', '.join(f'{count} {name}' for name, count in counters.items())}"


# --- ends ------------------------------------------------------------------------------------------------------------
def _until(request: Request, prepared: Prepared) -> float:
    if prepared.duration_s is not None:
        return prepared.duration_s
    if not request.simulate:
        return _FOREVER if request.panel else DRY_RUN_S
    return 60.0 if request.virtual else _FOREVER


def _screen(request: Request) -> TextIO:
    return sys.stderr if request.write == "-" else sys.stdout


def _recorder(request: Request, closing: ExitStack) -> Recorder | None:
    if request.write is None:
        return None
    started = None if request.virtual else time.time()
    recorder = Recorder(request.write, request.file_type, Link.RS485, started, _DIRECTIONS)
    closing.callback(recorder.close)
    return recorder


def _ends(request: Request, closing: ExitStack) -> list[End]:
    ends: list[End] = []
    if request.pty:
        terminal = PtyEnd(request.link_name)
        closing.callback(terminal.close)
        ends.append(terminal)
        sys.stderr.write(f"vebus: bus pty {terminal.name}\n")
    if request.tcp is not None:
        if not is_loopback(request.tcp):
            raise UsageError(f"--tcp {request.tcp}: frames of a BMS stay on this computer; name 127.0.0.1")
        server = TcpServer(request.tcp)
        closing.callback(server.close)
        ends.append(server)
        sys.stderr.write(f"vebus: bus tcp {server.name}\n")
    return ends
