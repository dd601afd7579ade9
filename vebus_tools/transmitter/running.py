"""The side of the caller: asks the user, starts the process that sends, feeds it, and shows what it tells."""

from __future__ import annotations

import os
import select
import socket
import subprocess
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from vebus_tools.interlocks import ExitCode, Interlocks, Mode, Stop, interlock
from vebus_tools.transmitter.plan import SAFETY_TEXTS, Feed, Outcome, Snapshot
from vebus_tools.transmitter.process import Failure, first_facts
from vebus_tools.view.channel import Channel

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vebus_tools.interlocks import Facts
    from vebus_tools.transmitter.plan import Ask, Plan

__all__ = ["PROCESS", "ask_user", "run"]

PROCESS = ("-P", "-m", "vebus_tools.transmitter")
TURN_S = 0.1
_PATIENCE_S = 1.0
_INSISTING = 3
_PROTECTION = (
    "This emulator is no protective device. Is the battery guarded by a real, independent protection "
    "that works without it?"
)


def run(
    plan: Plan,
    *,
    feed: Callable[[float], Feed],
    show: Callable[[Snapshot], None],
    ask: Ask,
    process: Sequence[str] = PROCESS,
) -> Outcome:
    """One session from the opt-ins to the report about the reaction; returns when it is over.

    ``feed`` gets the time of `time.monotonic()` about ten times a second; ``show`` gets at most ten snapshots a second.
    ``process`` are the arguments of Python for the process that sends.  A refusal is an Outcome, too.  Raises LinkError
    and CaptureError for what was wrong here, Failure for what was wrong there.  KeyboardInterrupt ends the session in
    order (silence, then the report); a second one ends the report.
    """
    facts = ask_user(plan, ask)
    if isinstance(facts, Outcome):
        return facts
    return _Controller(plan, facts, process).run(feed, show)


def ask_user(plan: Plan, ask: Ask) -> Facts | Outcome:
    """The two opt-ins and the question for a protection (X-1, X-4); what cannot be allowed anyway is refused first."""
    facts = first_facts(plan, "", terminal=ask.is_terminal(), protected=False)
    if refused := _refused(plan, facts):
        return refused
    facts = replace(facts, typed=ask.type_port(SAFETY_TEXTS, plan.port).strip())
    if refused := _refused(plan, facts, "" if facts.typed else "X-1"):
        return refused
    facts = replace(facts, protected=ask.confirm(_PROTECTION))
    return _refused(plan, facts, "" if facts.protected else "X-4") or facts


def _refused(plan: Plan, facts: Facts, waiting: str = "") -> Outcome | None:
    """The refusal that these facts come to; ``waiting`` is an interlock that must not wait any longer."""
    now = time.monotonic()
    interlocks = Interlocks(plan.profile, Mode.BENCH if plan.bench else Mode.TRANSMIT, facts)
    states = interlocks.states(now)
    state = interlocks.refusal(now) if not waiting else next(one for one in states if one.interlock.number == waiting)
    if state is None:
        return None
    stop = Stop(at_s=now, why=state.why, interlock=interlock(state.interlock.number), exit_code=ExitCode.REFUSED)
    return Outcome(exit_code=ExitCode.REFUSED, stop=stop, interlocks=states)


class _Controller:
    """The process that sends, as the controlling process sees it."""

    def __init__(self, plan: Plan, facts: Facts, arguments: Sequence[str]) -> None:
        ours, theirs = socket.socketpair()
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603
                [sys.executable, *arguments, str(theirs.fileno())],
                pass_fds=(theirs.fileno(),),
                env=environment,
                stdin=subprocess.DEVNULL,
            )
        self._channel = Channel(ours)
        self._channel.send((plan, facts))
        self._poll = select.poll()
        self._poll.register(ours.fileno(), select.POLLIN)
        self._interrupts = 0

    def run(self, feed: Callable[[float], Feed], show: Callable[[Snapshot], None]) -> Outcome:
        try:
            while True:
                try:
                    outcome = self._turn(feed, show)
                except KeyboardInterrupt:
                    self._interrupted()
                    continue
                if outcome is not None:
                    return outcome
        finally:
            self._close()

    def _turn(self, feed: Callable[[float], Feed], show: Callable[[Snapshot], None]) -> Outcome | None:
        if not self._channel.busy:
            said = feed(time.monotonic())
            self._channel.send(replace(said, stop="Ctrl-C") if self._interrupts else said)
        until = time.monotonic() + TURN_S
        while (left := until - time.monotonic()) > 0:
            self._poll.poll(1000 * left)
            for told in self._channel.receive():
                if isinstance(told, Snapshot):
                    show(told)
                elif isinstance(told, Outcome):
                    return told
                elif isinstance(told, Failure):
                    raise told
            if not self._channel.open:
                raise Failure(
                    f"the process that sends has died ({self._death()}); the port is silent", ExitCode.STOPPED
                )
        return None

    def _death(self) -> str:
        try:
            code = self._process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            return "it does not answer"
        return f"signal {-code}" if code < 0 else f"exit code {code}"

    def _interrupted(self) -> None:
        self._interrupts += 1
        if self._interrupts > 1:
            self._process.terminate()

    def _close(self) -> None:
        self._channel.close()
        for _ in range(_INSISTING):
            try:
                self._process.wait(_PATIENCE_S)
            except subprocess.TimeoutExpired:
                self._process.terminate()
            else:
                return
        self._process.kill()
        self._process.wait()
