"""The process that sends: opens the port, finds out what the interlocks ask for, and runs the loop."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import signal
import socket
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from vebus_protocol.errors import VEBusError
from vebus_tools.interlocks import ExitCode, Facts, Stop, Transport
from vebus_tools.link import BusyLinkError
from vebus_tools.link.sending import PortFacts, SendingPort, open_sending_port
from vebus_tools.transmitter.captures import read_evidence
from vebus_tools.transmitter.locks import BusLock
from vebus_tools.transmitter.log import Log
from vebus_tools.transmitter.loop import Loop
from vebus_tools.transmitter.plan import Outcome
from vebus_tools.transmitter.session import Session
from vebus_tools.view.channel import Channel

if TYPE_CHECKING:
    from collections.abc import Callable

    from vebus_tools.transmitter.plan import Plan

__all__ = ["Failure", "first_facts", "serve", "transport_of", "urgent"]

_PRIORITY = 10
_PATIENCE_S = 5.0
_MCL_CURRENT, _MCL_FUTURE = 1, 2


class Failure(VEBusError):  # noqa: N818  (one that crosses a process: its text and exit code)
    """What went wrong in the process that sends."""

    def __init__(self, text: str, exit_code: int = 1) -> None:
        """Keep the exit code of the error it stands for."""
        super().__init__(text)
        self.exit_code = exit_code

    def __reduce__(self) -> tuple[type[Failure], tuple[str, int]]:
        """Cross a process with the exit code."""
        return Failure, (str(self), self.exit_code)


def urgent() -> tuple[str, ...]:
    """Ask the kernel for what keeps replies in time; returns what it does not permit, for people to know."""
    refused = []
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(_PRIORITY))
    except OSError:
        refused.append("no real-time priority (SCHED_FIFO is not permitted): replies may be late on a busy computer")
    with contextlib.suppress(OSError, AttributeError):
        if ctypes.CDLL(None, use_errno=True).mlockall(_MCL_CURRENT | _MCL_FUTURE):
            refused.append("memory is not locked (mlockall is not permitted): a reply may wait for a page")
    return tuple(refused)


def transport_of(facts: PortFacts, *, simulated_line: bool) -> Transport:
    """What the interlocks want to know of a port.

    No serial port on Linux starts a transmission behind a received frame by hardware, so none is said to be aligned.
    """
    kind = "a pty" if facts.pty else f"{'USB adapter' if facts.usb else 'serial port'} ({facts.driver or 'no driver'})"
    late = "its bytes wait 1 to 16 ms for the USB host" if facts.usb else "its bytes start when a program says so"
    if facts.pty:
        late = "where its other end leads nobody can see; a simulation has --simulate"
    timed = "the kernel switches its driver (TIOCSRS485)" if facts.kernel_rs485 else "its driver offers no TIOCSRS485"
    simulated = simulated_line and facts.pty
    return Transport(
        name=f"{facts.name}, {kind}", driver_timed=facts.kernel_rs485, simulated=simulated, text=f"{late}; {timed}"
    )


def first_facts(plan: Plan, typed: str, *, terminal: bool, protected: bool) -> Facts:
    """What is known before the port is opened."""
    line = Transport(name=plan.port, simulated=True, text="said to be simulated") if plan.simulated_line else None
    return Facts(
        terminal=terminal,
        transport=line,
        port=plan.port,
        typed=typed,
        protected=protected,
        evidence=read_evidence(plan.profile, plan.captures),
        units=plan.units,
        assistant=plan.assistant,
        label=plan.label,
        vebus_error=plan.vebus_error,
        bms_version=plan.version,
        gx_bms=plan.gx_bms,
        limits=plan.limits,
        timing=plan.timing,
        session_s=plan.session_s,
        data_age_s=plan.data_age_s,
    )


class _Finder:
    """Finds out while it listens what needs the line: the lock of the bus."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._lock: BusLock | None = None
        self._refused = False

    def look(self, session: Session, now: float) -> None:
        """Lock the bus as soon as it is known which it is."""
        if self._lock is not None or self._refused:
            return
        identity = self._identity(session, now)
        if not identity:
            return
        try:
            self._lock = BusLock(identity)
        except VEBusError as problem:
            self._refused = True
            session.stop(str(problem), now, "X-7", exit_code=ExitCode.REFUSED)
            return
        self._facts = replace(self._facts, bus_locked=True)
        session.before(self._facts, now)

    def _identity(self, session: Session, now: float) -> str:
        line = session.interlocks.line
        if session.plan.bench:
            return f"bench at {os.path.realpath(session.plan.port)}"
        if not line.syncs_now(now):
            return ""
        senders = ", ".join(f"{one:04x}" for one in sorted(line.inverters))
        return f"Multi {senders}{' at ' + session.plan.port if session.plan.simulated_line else ''}"

    def close(self) -> None:
        """Give the bus back."""
        if self._lock is not None:
            self._lock.close()


def serve(number: int, make: Callable[[Plan, Facts, Log], Session] = Session) -> None:
    """Run one session for the process at the other end of a socket; ``number`` is its descriptor."""
    channel = Channel(socket.socket(fileno=number))
    plan, facts = _order(channel)
    try:
        outcome: Outcome | Failure = _session(channel, plan, facts, make)
    except BusyLinkError as problem:
        stop = Stop(at_s=time.monotonic(), why=str(problem), exit_code=ExitCode.REFUSED)
        outcome = Outcome(exit_code=ExitCode.REFUSED, stop=stop)
    except VEBusError as problem:
        outcome = Failure(str(problem), getattr(problem, "exit_code", 1))
    except Exception as problem:  # noqa: BLE001  (the port is closed; whoever controls us has to hear of it)
        outcome = Failure(f"error in the program: {type(problem).__name__}: {problem}", ExitCode.STOPPED)
    _tell(channel, outcome)
    channel.close()


def _tell(channel: Channel, outcome: Outcome | Failure) -> None:
    """Send how it ended, and wait until the other end hangs up: one that still sends would lose it."""
    if channel.open:
        channel.send(outcome)
    until = time.monotonic() + _PATIENCE_S
    while channel.open and time.monotonic() < until:
        time.sleep(0.001 if channel.busy else 0.01)  # `busy` sends what is left
        channel.receive()


def _order(channel: Channel) -> tuple[Plan, Facts]:
    while channel.open:
        for one in channel.receive():
            if isinstance(one, tuple):
                return one
        time.sleep(0.001)
    raise SystemExit(ExitCode.STOPPED)


def _session(channel: Channel, plan: Plan, facts: Facts, make: Callable[[Plan, Facts, Log], Session]) -> Outcome:
    log = Log(plan.log)
    port: SendingPort | None = None
    try:
        port = open_sending_port(plan.port, baud=plan.baud)
        transport = transport_of(port.facts, simulated_line=plan.simulated_line)
        facts = replace(facts, port_locked=True, log_open=True, transport=transport)
        session = make(plan, facts, log)
        now = time.monotonic()
        _head(log, plan, transport, now)
        session.before(facts, now)
        session.interlocks.notes += [*port.facts.warnings, *urgent()]
        finder = _Finder(facts)
        loop = Loop(port, channel, session, finder.look)
        _obey_signals(loop)
        try:
            return loop.run()
        finally:
            finder.close()
    finally:
        if port is not None:
            port.close()
        log.close()


def _obey_signals(loop: Loop) -> None:
    names = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "asked to end", signal.SIGHUP: "the terminal is gone"}
    for number, name in names.items():
        signal.signal(number, lambda _number, _frame, name=name: loop.ask_to_stop(name))  # type: ignore[misc]


def _head(log: Log, plan: Plan, transport: Transport, now: float) -> None:
    profile = plan.profile
    log.remark(f"profile {profile.id} version {profile.version}, SHA-256 {profile.digest}: {profile.title}", now)
    log.remark(f"port {transport.name}: {transport.text}", now)
    log.remark(f"{'bench' if plan.bench else 'bus'}, at most {plan.session_s:g} s", now)
