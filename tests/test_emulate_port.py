"""What stands around a transmitting session: user, cell values, commands, report; the session itself is a double."""

import contextlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.checkout import PACKAGES
from tests.rehearsals import PROFILE, emulate
from tests.traceability import covers
from vebus_protocol.bms import encode, read_profile
from vebus_tools.battery import Bank
from vebus_tools.cli import emulate_port
from vebus_tools.cli.emulate_follow import Follower
from vebus_tools.emulator import Inputs, State, Terminals, outputs_of
from vebus_tools.interlocks import INTERLOCKS, Condition, ExitCode, InterlockState, Reaction, Stop, interlock
from vebus_tools.records import CaptureError
from vebus_tools.rehearsal import CellError
from vebus_tools.transmitter import Ask, Feed, Outcome, Plan, Snapshot, Traffic

VALUES = {
    "discharge_allowed": 1,
    "charge_allowed": 1,
    "pre_alarm": 0,
    "low_cell": 0,
    "high_cell": 0,
    "bms_error": 0,
    "remote_off": 0,
    "reserved": 0,
    "high_cell_level": 0x20,
    "link_mode": 0,
    "counter": 0,
}
WIRE = encode(PROFILE, "information", VALUES, number=1)
SMALL = Bank(system_v=12)
STATES = tuple(InterlockState(interlock=one, condition=Condition.OK, why="ok") for one in INTERLOCKS)


class Session:
    """Stands in for `vebus_tools.transmitter.run`: some turns, then an outcome."""

    def __init__(self, turns: int = 1, between: Callable[[int], None] | None = None) -> None:
        self.turns, self.between = turns, between
        self.plans: list[Plan] = []
        self.fed: list[Feed] = []

    def __call__(
        self, plan: Plan, *, feed: Callable[[float], Feed], show: Callable[[Snapshot], None], ask: Ask
    ) -> Outcome:
        self.plans.append(plan)
        assert not ask.is_terminal()
        for turn in range(self.turns):
            if self.between is not None:
                self.between(turn)
            self.fed.append(feed(time.monotonic()))
            show(snapshot(Traffic(at_s=time.monotonic(), data=WIRE, sent=True), waits=turn == 0))
        stop = Stop(at_s=0.0, why="a test", interlock=interlock("X-6"), latched=True, exit_code=ExitCode.SECOND_BMS)
        return Outcome(
            exit_code=stop.exit_code, stop=stop, frames=self.turns, reaction=Reaction.EMERGENCY, log=plan.log
        )


def snapshot(*traffic: Traffic, waits: bool) -> Snapshot:
    state, inputs = State(), Inputs()
    first = replace(STATES[4], condition=Condition.WAITING, why="nothing heard") if waits else STATES[4]
    return Snapshot(
        at_s=time.monotonic(),
        phase="sending",
        state=state,
        inputs=inputs,
        outputs=outputs_of(state, inputs),
        content=None,
        frames=len(traffic),
        interlocks=(*STATES[:4], first, *STATES[5:]),
        reaction=Reaction.NOT_ASKED,
        notes=("a note",),
        traffic=traffic,
    )


@pytest.fixture
def keyboard(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The other end of standard input."""
    readable, writable = os.pipe()
    with os.fdopen(readable) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        yield writable
        with contextlib.suppress(OSError):
            os.close(writable)


def transmit(monkeypatch: pytest.MonkeyPatch, session: Session, **options: Any) -> tuple[int, str, str]:  # noqa: ANN401
    monkeypatch.setattr(emulate_port, "run", session)
    return emulate(transmit=True, interface="/dev/ttyUSB9", **options)


# --- the session -----------------------------------------------------------------------------------------------------
@pytest.mark.usefixtures("keyboard")
def test_what_happened_is_told_and_the_exit_code_is_that_of_the_session(monkeypatch: pytest.MonkeyPatch) -> None:
    session = Session(turns=2)
    code, text, _ = transmit(monkeypatch, session, bench=True)
    assert code == ExitCode.SECOND_BMS
    assert text.count("X-5 (listen before talk): ok: ok") == 1, "what changes is told"
    assert text.count("a note") == 1, "notes come with every snapshot, and are told once"
    for word in ("BENCH on /dev/ttyUSB9", "discharge yes, charge yes", "a note", "Stopped    X-6", "emergency mode"):
        assert word in text, word
    (plan,) = session.plans
    assert (plan.bench, plan.cells, plan.timing.shaped) == (True, 16, False)
    assert plan.inputs["terminals"] == Terminals(joined=True)
    assert plan.log.suffix == ".log"


@covers("X-14", trips=False)
def test_nothing_is_shaped_on_hardware(monkeypatch: pytest.MonkeyPatch) -> None:
    session = Session(turns=0)
    transmit(monkeypatch, session, settings=("pre-alarm=2.9",), write="a.log", max_duration="60s")
    (plan,) = session.plans
    assert not plan.timing.shaped
    assert (plan.limits.pre_alarm.limit, plan.session_s, plan.log) == (2.9, 60.0, Path("a.log"))


def test_commands_become_inputs(monkeypatch: pytest.MonkeyPatch, keyboard: int) -> None:
    def between(turn: int) -> None:
        if turn == 1:
            os.write(keyboard, b"remote off\ncell 3 2.75\nmains off\nhelp\nstatus\n")
        if turn == 2:
            os.write(keyboard, b"quit\n")

    session = Session(turns=3, between=between)
    _, text, complaint = transmit(monkeypatch, session, bench=True)
    first, second, third = session.fed
    assert "terminals" not in first.inputs
    assert second.inputs["terminals"] == Terminals()
    assert second.sample is not None
    assert second.sample.cells[2].voltage_v == 2.75
    assert complaint == "vebus: mains needs the simulated Multi (--simulate)\n"
    assert "cell N VOLTS" in text
    assert (first.stop, second.stop, third.stop) == ("", "", "quit")


@covers("X-12", trips=True)
def test_a_lost_terminal_is_the_end(monkeypatch: pytest.MonkeyPatch, keyboard: int) -> None:
    session = Session(turns=3, between=lambda turn: os.close(keyboard) if turn == 1 else None)
    transmit(monkeypatch, session, bench=True)
    assert [one.stop for one in session.fed] == ["", "X-12: the terminal is lost", "X-12: the terminal is lost"]


@covers("X-12", trips=True)
@pytest.mark.usefixtures("keyboard")
def test_on_a_bus_there_are_no_cell_values_but_those_of_a_battery(monkeypatch: pytest.MonkeyPatch) -> None:
    session = Session(turns=2)
    _, text, _ = transmit(monkeypatch, session)
    assert [one.sample for one in session.fed] == [None, None]
    assert "without them nothing is sent (X-12)" in text


@covers("X-12", trips=False)
@pytest.mark.usefixtures("keyboard")
def test_live_cell_values_are_fed_once_and_their_end_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fifo = tmp_path / "cells"
    os.mkfifo(fifo)
    writers: list[int] = []
    head = b"time,temperature," + b",".join(b"cell %d" % number for number in range(1, 17)) + b"\n"

    def between(turn: int) -> None:
        if turn == 1:
            writers.append(os.open(fifo, os.O_WRONLY))
            os.write(writers[0], head + b"0,20," + b",".join([b"3.3"] * 16) + b"\n")
        if turn == 3:
            os.close(writers[0])

    session = Session(turns=4, between=between)
    transmit(monkeypatch, session, cells=str(fifo))
    before, fresh, nothing_new, gone = session.fed
    assert (before.sample, nothing_new.sample, gone.sample) == (None, None, None)
    assert fresh.sample is not None
    assert time.monotonic() - 60 < fresh.sample.at_s <= time.monotonic()
    assert fresh.inputs["battery_v"] == pytest.approx(52.8)
    assert [one.lost for one in session.fed] == [False, False, False, True]


# --- cell values that come -------------------------------------------------------------------------------------------
def test_what_stood_in_a_file_before_is_old(tmp_path: Path) -> None:
    path = tmp_path / "cells.csv"
    head = "time,temperature,cell 1,cell 2,cell 3,cell 4\n"
    path.write_text(head + "0,20,3.1,3.1,3.1,3.1\n", encoding="utf-8")
    follower = Follower(path, SMALL)
    assert follower.take(5.0) is None
    with path.open("a", encoding="utf-8") as file:
        file.write("1,20,3.3,3.3,3.3,3.3\n2,20,3.2,3.2,")
    sample = follower.take(6.0)
    assert sample is not None
    assert (sample.at_s, sample.cells[0].voltage_v) == (6.0, 3.3)
    with path.open("a", encoding="utf-8") as file:
        file.write("3.2,3.2\n")
    sample = follower.take(7.0)
    assert sample is not None
    assert sample.cells[3].voltage_v == 3.2
    assert not follower.lost


def test_a_file_that_is_not_there_or_holds_something_else(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match=r"--cells .*: No such file"):
        Follower(tmp_path / "nothing", SMALL)
    (tmp_path / "other.csv").write_text("volts\n", encoding="utf-8")
    with pytest.raises(CellError, match="no column is called 'volts'"):
        Follower(tmp_path / "other.csv", SMALL)


# --- nothing leaves --------------------------------------------------------------------------------------------------
def test_another_profile_replaces_the_bytes_and_nothing_else(tmp_path: Path) -> None:
    text = (PACKAGES["vebus_protocol"] / "profiles" / "lab-sim-1.json").read_text(encoding="utf-8")
    data = json.loads(text)
    data["id"] = "mine-1"
    data["link"]["address"] = "4D 4D"
    data["tests"] = []
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(data), encoding="utf-8")
    assert read_profile(path.read_text(encoding="utf-8"), "mine.json").id == "mine-1"
    options = {"virtual": True, "output": "json", "max_duration": "6s"}
    ours, theirs = (
        [json.loads(line) for line in emulate(**options, **more)[1].splitlines()][1:-1]
        for more in ({}, {"profile": str(path)})
    )
    assert [one.get("bytes") for one in ours] != [one.get("bytes") for one in theirs]
    for one in (*ours, *theirs):
        one.pop("bytes", None)
    assert ours == theirs


_OPENED: list[str] = []
_WATCHING = [False]


def _audit(event: str, arguments: tuple[object, ...]) -> None:
    if _WATCHING[0] and (
        event.startswith(("socket.", "subprocess.", "pty."))
        or (event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR))
    ):
        _OPENED.append(f"{event} {arguments}")


sys.addaudithook(_audit)


@pytest.mark.parametrize(
    "options",
    [
        {"virtual": True},
        {"virtual": True, "simulate": True, "max_duration": "2s"},
        {"units": ("2629414",), "virtual": True},
        {"transmit": True, "interface": "/dev/ttyUSB9"},
        {"transmit": True, "interface": "/dev/ttyUSB9", "bench": True},
    ],
    ids=["dry run", "in memory", "refused by the gate", "refused", "bench refused"],
)
def test_no_byte_leaves_a_dry_or_refused_session(options: dict[str, object]) -> None:
    emulate(**options)  # everything is imported now
    _OPENED.clear()
    _WATCHING[0] = True
    try:
        emulate(**options)
    finally:
        _WATCHING[0] = False
    assert _OPENED == []


def test_the_watch_sees_what_it_has_to_see(tmp_path: Path) -> None:
    _OPENED.clear()
    _WATCHING[0] = True
    try:
        emulate(virtual=True, max_duration="1s", write=str(tmp_path / "a.bin"))
    finally:
        _WATCHING[0] = False
    assert any("a.bin" in one for one in _OPENED)


# --- a synthetic profile ---------------------------------------------------------------------------------------------
class Willing:
    """A user at a terminal who types and confirms whatever is asked for."""

    def is_terminal(self) -> bool:
        return True

    def type_port(self, texts: tuple[str, ...], port: str) -> str:
        assert texts
        return port

    def confirm(self, text: str) -> bool:
        return bool(text)


FLAGS: dict[str, dict[str, Any]] = {
    "assistant": {"assistant": "ess"},
    "processor": {"processor": "26"},
    "settings": {"settings": ("soc=80", "voltage=52.1V", "max-age=1s")},
    "max_duration": {"max_duration": "30s"},
    "write": {"write": "a.log"},
    "cells": {"cells": "/dev/null"},
    "quiet": {"quiet": True, "panel": False},
    "output": {"output": "json"},
    "print_all": {"print_all": True},
}


@covers("X-2", trips=True)
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sets(st.sampled_from(sorted(FLAGS))))
def test_a_synthetic_profile_is_refused_with_every_combination_of_flags(
    monkeypatch: pytest.MonkeyPatch, flags: set[str]
) -> None:
    monkeypatch.setattr(emulate_port, "_Terminal", Willing)
    options: dict[str, Any] = {}
    for name in flags:
        options |= FLAGS[name]
    code, text, complaint = emulate(transmit=True, interface="/dev/ttyUSB9", **options)
    assert (code, text) == (ExitCode.REFUSED, "")
    assert complaint.startswith("vebus: refused: X-2 (profile): ")
    assert not Path("a.log").exists()


@covers("X-2", trips=False)
def test_bench_is_what_lets_it_as_far_as_the_port(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(emulate_port, "_Terminal", Willing)
    options = {"transmit": True, "bench": True, "write": str(tmp_path / "a.log"), "panel": False}
    code, _, complaint = emulate(interface=str(tmp_path / "no-port"), **options)
    assert code == 1
    assert "no-port" in complaint
    assert "X-2" not in complaint
