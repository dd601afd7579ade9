"""The transmitting session as processes at a pty: what leaves, what does not, and how it ends."""

import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.interlocked import OTHER
from tests.traceability import covers
from tests.transmit_line import RealLine, sent_lines
from vebus_protocol.bms import LAB, Profile, built_in, decode_payload
from vebus_protocol.frame import decode_frame
from vebus_protocol.schema import Link
from vebus_tools.battery import Bank, uniform_sample
from vebus_tools.capture import open_capture
from vebus_tools.decoder import decode_chunks
from vebus_tools.emulator import Terminals, Timing
from vebus_tools.interlocks import Condition, ExitCode, Reaction
from vebus_tools.transmitter import Feed, Outcome, Plan, Snapshot, run
from vebus_tools.transmitter.process import Failure
from vebus_tools.transmitter.running import PROCESS

BANK = Bank(system_v=24, series=2)
CHILD = ("-P", "-m", "tests.transmit_child")
INPUTS = {"supply_v": 26.0, "vebus": True, "battery_v": 26.0, "terminals": Terminals(joined=True)}


def quick_profile() -> Profile:
    """The laboratory profile with short times, so that a test does not take long."""
    lab = built_in(LAB)
    seconds = {"interval_normal": 0.2, "interval_low_power": 0.3, "loss_timeout": 0.5, "boot": 0.0}
    timing = {name: replace(one, seconds=seconds.get(name, one.seconds)) for name, one in lab.timing.items()}
    return replace(lab, timing=timing)


def plan_for(path: str, log: Path, **changes: Any) -> Plan:  # noqa: ANN401  (the attributes of Plan)
    plan = Plan(
        port=path,
        profile=quick_profile(),
        version=1245112,
        log=log,
        cells=BANK.cells,
        inputs=INPUTS,
        timing=Timing(hold_s=0.1, shaped=False),
        listen_s=0.3,
        simulated_line=True,
    )
    return replace(plan, **changes)


class User:
    """Says what the plan needs, unless told otherwise."""

    def __init__(self, *, terminal: bool = True, typed: str | None = None, yes: bool = True) -> None:
        self.texts: tuple[str, ...] = ()
        self._terminal, self._typed, self._yes = terminal, typed, yes

    def is_terminal(self) -> bool:
        return self._terminal

    def type_port(self, texts: tuple[str, ...], port: str) -> str:
        self.texts = texts
        return port if self._typed is None else self._typed

    def confirm(self, text: str) -> bool:
        assert "protection" in text
        return self._yes


class Session:
    """One run with what it showed; ``ends`` says when to press Ctrl-C."""

    def __init__(self, plan: Plan, ends: Callable[["Session"], bool]) -> None:
        self.snapshots: list[Snapshot] = []
        self.plan = plan
        self._ends = ends
        self._stopping = False

    def feed(self, now: float) -> Feed:
        self._stopping = self._stopping or self._ends(self)
        return Feed(sample=uniform_sample(BANK, now), stop="Ctrl-C" if self._stopping else "")

    def run(self) -> Outcome:
        return run(self.plan, feed=self.feed, show=self.snapshots.append, ask=User(), process=CHILD)


@covers("X-17", "X-18", trips=False)
def test_a_whole_session(tmp_path: Path) -> None:
    with RealLine() as line:
        session = Session(plan_for(line.path, tmp_path / "s.log"), lambda _: len(line.heard) >= 4)
        started = time.monotonic()
        outcome = session.run()
        assert line.heard[0][0] - started > 0.3, "it listened first"
    assert (outcome.exit_code, outcome.reaction) == (ExitCode.DONE, Reaction.EMERGENCY), outcome
    assert str(outcome.stop) == "Ctrl-C"
    assert outcome.frames == len(line.heard) == len(sent_lines(tmp_path / "s.log"))
    frames = [decode_payload(session.plan.profile, decode_frame(wire).payload) for _, wire in line.heard]
    assert all(one is not None and one.spec.periodic and not one.broken for one in frames)
    first, last = (one.permissions for one in (frames[0], frames[-1]) if one is not None)
    assert first is not None
    assert last is not None
    assert (last.discharge, last.charge) == (True, True)
    assert {one.phase for one in session.snapshots} == {"listening", "sending", "watching", "over"}
    assert sum(part.sent for one in session.snapshots for part in one.traffic) == outcome.frames
    _check_log(tmp_path / "s.log", session.plan.profile.digest)


def _check_log(log: Path, digest: str) -> None:
    text = log.read_text(encoding="ascii")
    assert digest in text
    assert "every interlock lets frames pass" in text
    assert "stopped: Ctrl-C" in text
    with open_capture(str(log)) as capture:
        records = list(decode_chunks(capture.chunks, Link.RS485))
    interfaces = [one.interface for one in records if b"LAB" in one.wire]
    assert interfaces.count("sent0") == interfaces.count("vebus0"), "what was sent came back"
    assert interfaces[0] == "sent0", "and stood in the log before"


@covers("X-6", trips=True)
def test_a_second_bms_ends_it_with_an_exit_code_of_its_own(tmp_path: Path) -> None:
    with RealLine() as line:

        def ends(_: Session) -> bool:
            if len(line.heard) == 2 and not said:
                said.append(len(line.heard))
                line.say(bytes.fromhex("200000000083b8ff120000000000000000"[:30]), OTHER)
            return False

        said: list[int] = []
        outcome = Session(plan_for(line.path, tmp_path / "s.log"), ends).run()
        assert len(line.heard) <= 3, "stopped within one frame"
    assert outcome.exit_code == ExitCode.SECOND_BMS
    assert outcome.stop.latched
    assert outcome.reaction is Reaction.EMERGENCY


@covers("X-12", trips=True)
def test_a_controlling_process_that_dies_means_silence(tmp_path: Path) -> None:
    class DiedError(Exception):
        pass

    def ends(_: Session) -> bool:
        if len(line.heard) >= 2:
            raise DiedError
        return False

    with RealLine() as line:
        session = Session(plan_for(line.path, tmp_path / "s.log"), ends)
        with pytest.raises(DiedError):
            session.run()
        count = len(line.heard)
        time.sleep(0.5)
        assert len(line.heard) <= count + 1
    assert "the controlling process is gone" in (tmp_path / "s.log").read_text(encoding="ascii")


@covers("X-12", trips=True)
def test_a_sending_process_that_is_killed_is_silent(tmp_path: Path) -> None:
    def ends(_: Session) -> bool:
        if len(line.heard) == 2:
            os.kill(_child(), signal.SIGKILL)
        return False

    with RealLine() as line:
        session = Session(plan_for(line.path, tmp_path / "s.log"), ends)
        with pytest.raises(Failure, match="has died"):
            session.run()
        assert len(line.heard) in {2, 3}


def _child() -> int:
    tasks = Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii").split()
    (found,) = [one for one in tasks if b"transmit_child" in Path(f"/proc/{one}/cmdline").read_bytes()]
    return int(found)


@covers("X-2", trips=True)
def test_a_bench_stops_for_good_at_the_first_sync_frame(tmp_path: Path) -> None:
    def ends(_: Session) -> bool:
        line.syncs = len(line.heard) >= 3
        return False

    with RealLine(syncs=False) as line:
        outcome = Session(plan_for(line.path, tmp_path / "s.log", bench=True, simulated_line=False), ends).run()
        count = len(line.heard)
    assert 3 <= count <= 5
    assert outcome.frames == count
    assert outcome.stop.latched
    assert str(outcome.stop.interlock) == "X-2 (profile)"


@covers("X-2", "X-1", "X-4", trips=True)
@pytest.mark.parametrize(
    ("changes", "user", "number"),
    [
        ({"simulated_line": False}, User(), "X-2"),
        ({}, User(terminal=False), "X-1"),
        ({}, User(typed=""), "X-1"),
        ({}, User(typed="/dev/ttyUSB9"), "X-1"),
        ({}, User(yes=False), "X-4"),
        ({"data_age_s": 3.0}, User(), "X-12"),
        ({"session_s": 1000.0}, User(), "X-16"),
        ({"timing": Timing()}, User(), "X-14"),
    ],
    ids=["class", "no terminal", "nothing typed", "other port", "no protection", "old data", "long", "shaped"],
)
def test_a_refusal_comes_before_anything_is_opened(
    changes: dict[str, Any], user: User, number: str, tmp_path: Path
) -> None:
    plan = plan_for("/dev/does-not-exist", tmp_path / "s.log", **changes)
    outcome = run(plan, feed=lambda _: Feed(), show=lambda _: None, ask=user, process=PROCESS)
    assert outcome.exit_code == ExitCode.REFUSED
    assert outcome.stop.interlock is not None
    assert outcome.stop.interlock.number == number
    assert outcome.frames == 0
    assert any(not one.condition.passes for one in outcome.interlocks if one.interlock.number == number)
    assert not (tmp_path / "s.log").exists()


def test_safety_texts_are_shown(tmp_path: Path) -> None:
    user = User(typed="no")
    plan = plan_for("/dev/does-not-exist", tmp_path / "s.log")
    outcome = run(plan, feed=lambda _: Feed(), show=lambda _: None, ask=user)
    assert [one for one in user.texts if "B-150" in one]
    assert Condition.TRIPPED in {one.condition for one in outcome.interlocks}


@covers("X-12", trips=True)
@pytest.mark.parametrize(
    ("signals", "text", "code"),
    [
        ((signal.SIGHUP,), "the terminal is gone", ExitCode.DONE),
        ((signal.SIGSTOP, signal.SIGCONT), "suspended", ExitCode.STOPPED),
    ],
    ids=["hang-up", "suspend"],
)
def test_signals_end_a_session(signals: tuple[signal.Signals, ...], text: str, code: ExitCode, tmp_path: Path) -> None:
    def ends(_: Session) -> bool:
        if len(line.heard) >= 2 and not told:
            told.append(_child())
            for at, one in enumerate(signals):
                time.sleep(1.2 * at)
                os.kill(told[0], one)
        return False

    told: list[int] = []
    with RealLine() as line:
        outcome = Session(plan_for(line.path, tmp_path / "s.log"), ends).run()
        assert len(line.heard) <= 4
    assert text in outcome.stop.why
    assert outcome.exit_code == code
