"""Random sequences of events at the interlocks, and every combination of flags with a profile that nobody captured."""

from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.interlocked import ALL, BMS_INFO, GOOD, LEDS, LOW, NOTHING, OTHER, Desk, ready
from tests.test_layering import MODULES
from tests.traceability import covers
from vebus_protocol.bms import LAB, Medium, ProvenanceClass, built_in
from vebus_tools.emulator import Content, Timing
from vebus_tools.emulator.evidence import Evidence
from vebus_tools.interlocks import Facts, Mode, Transport

ALIGNED = Transport(name="aligned", sync_aligned=True, driver_timed=True)
USB = Transport(name="/dev/ttyUSB0")
PTY = Transport(name="/dev/pts/1")

contents = st.builds(
    Content,
    pre_alarm=st.booleans(),
    low_cell=st.booleans(),
    high_cell=st.booleans(),
    error=st.booleans(),
    remote_off=st.booleans(),
    low_power=st.booleans(),
)
events = st.one_of(
    st.tuples(st.just("send"), contents),
    st.tuples(st.just("sync"), st.integers(1, 60)),
    st.tuples(st.just("fresh"), st.booleans()),
    st.tuples(st.just("alive"), st.booleans()),
    st.tuples(st.just("lose"), st.none()),
    st.tuples(st.just("noise"), st.binary(min_size=1, max_size=20)),
    st.tuples(st.just("bms"), st.none()),
    st.tuples(st.just("leds"), st.sampled_from([0x01, 0x05, 0x45])),
    st.tuples(st.just("pass"), st.floats(0.0, 3.0)),
    st.tuples(st.just("stop"), st.none()),
)


class Watched:
    """A desk with a second, simple book of what may be sent."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.measured_at = desk.now
        self.beat_at = desk.now
        self.sent = 0
        self.ended = False

    def happen(self, name: str, what: Any) -> None:  # noqa: ANN401  (one value for each sort of event)
        desk = self.desk
        if name == "send":
            self.send(what)
        elif name == "sync":
            for _ in range(what):
                self.note(0.02)
                desk.sync()
        elif name in ("fresh", "alive"):
            setattr(desk, name, what)
        elif name == "lose":
            desk.interlocks.data(None, desk.now)
            self.measured_at = float("-inf")
        elif name == "noise":
            desk.take(what)
        elif name == "bms":
            desk.hear(BMS_INFO, OTHER)
        elif name == "leds":
            desk.hear(LEDS.format(on=what))
        elif name == "pass":
            self.note(what)
            desk.pass_time(what)
        else:
            desk.interlocks.stop("stopped by hand", desk.now)
        self.ended = self.ended or desk.interlocks.stopped is not None

    def note(self, seconds: float) -> None:
        if self.desk.fresh:
            self.measured_at = self.desk.now + seconds
        if self.desk.alive:
            self.beat_at = self.desk.now + seconds

    def send(self, content: Content) -> None:
        desk, before = self.desk, self.desk.said
        wire = desk.frame(content)
        held = desk.send(wire)
        if held:
            return
        self.sent += 1
        now = desk.now
        assert not self.ended, "nothing after a stop"
        assert now - self.measured_at <= 2.01, "nothing from old data"
        assert now - self.beat_at <= 2.01, "nothing without a sign of life"
        more = (desk.said.discharge and not before.discharge) or (desk.said.charge and not before.charge)
        since = desk.interlocks.dead_man.fresh_since_s
        assert not more or (since is not None and now - since >= 2.0), "more permissive from data that have lasted"


@settings(max_examples=60)
@given(sequence=st.lists(events, max_size=25), mode=st.sampled_from([Mode.TRANSMIT, Mode.SIMULATE]))
def test_no_sequence_sends_from_old_data_or_after_a_stop(sequence: list[tuple[str, Any]], mode: Mode) -> None:
    watched = Watched(ready(mode))
    watched.note(0.0)
    for name, what in sequence:
        watched.happen(name, what)
    assert watched.sent == watched.desk.interlocks.frames


@settings(max_examples=40)
@given(sequence=st.lists(events, max_size=20), changes=st.sampled_from([{"typed": ""}, {"protected": False}]))
def test_no_sequence_gets_a_byte_out_of_a_refused_session(
    sequence: list[tuple[str, Any]], changes: dict[str, Any]
) -> None:
    watched = Watched(ready(facts=replace(GOOD, **changes)))
    watched.note(0.0)
    for name, what in sequence:
        watched.happen(name, what)
    assert watched.sent == watched.desk.interlocks.frames == 0


@settings(max_examples=40)
@given(first=contents, second=contents)
def test_a_restriction_is_never_held_back_by_anything_but_the_rate(first: Content, second: Content) -> None:
    desk = ready()
    assert desk.send(desk.frame(first)) == ""
    desk.listen(1.0)
    held = desk.send(desk.frame(second))
    stricter = not (
        (second.permissions.discharge and not first.permissions.discharge)
        or (second.permissions.charge and not first.permissions.charge)
    )
    assert held == "" if stricter else held in {"", "X-13"}


def test_dry_runs_and_passive_sessions_have_no_port() -> None:
    """What only listens cannot send: the module that writes to a serial port is imported by the transmitter alone."""
    words = ("vebus_tools.link.sending", "SendingPort", "open_sending_port")
    texts = {name: path.read_text(encoding="utf-8") for name, path in MODULES.items()}
    users = {name for name, text in texts.items() if any(word in text for word in words)}
    assert users == {
        "vebus_tools.link",  # names it in its docstring
        "vebus_tools.link.sending",
        "vebus_tools.transmitter.loop",
        "vebus_tools.transmitter.process",
    }
    assert "import" not in next(line for line in texts["vebus_tools.link"].splitlines() if words[0] in line)


# --- flags -----------------------------------------------------------------------------------------------------------
FLAGS = ("terminal", "protected", "port_locked", "bus_locked", "log_open")
MADE_UP = (ProvenanceClass.SYNTHETIC, ProvenanceClass.HYPOTHESIS)


@covers("X-2", trips=True)
@pytest.mark.parametrize("sort", MADE_UP)
@pytest.mark.parametrize("transport", [None, USB, PTY, ALIGNED], ids=str)
@pytest.mark.parametrize("bench", [False, True])
def test_every_combination_of_flags_is_refused_but_a_silent_bench(
    sort: ProvenanceClass, transport: Transport | None, *, bench: bool
) -> None:
    lab = built_in(LAB)
    provenance = replace(lab.provenance, sort=sort, bms_version=1245112, multi_versions=(2629492,))
    profile = replace(lab, provenance=provenance, media=frozenset(Medium))
    evidence = Evidence(profile=LAB, captures=1, frames=9)
    passed = set()
    for values in product((False, True), repeat=len(FLAGS)):
        flags: dict[str, Any] = dict(zip(FLAGS, values, strict=True))
        facts = replace(GOOD, transport=transport, evidence=evidence, **flags)
        desk = Desk(Mode.BENCH if bench else Mode.TRANSMIT, facts, profile)
        desk.silence(10.5) if bench else desk.listen(10.5)
        held = desk.send()
        if held == "":
            passed.add(values)
        else:
            assert held in {"X-1", "X-2", "X-4", "X-7", "X-11", "X-17"}
            assert bench or desk.state("X-2").value == "tripped"
    silent_bench = bench and sort is ProvenanceClass.SYNTHETIC and transport is not None
    assert passed == ({(True,) * len(FLAGS)} if silent_bench else set())


@covers("X-2", trips=True)
@pytest.mark.parametrize("content", [NOTHING, ALL, LOW], ids=str)
def test_nothing_at_all_leaves_without_facts(content: Content) -> None:
    for mode in (Mode.TRANSMIT, Mode.BENCH):
        desk = ready(mode, Facts(timing=Timing(shaped=False)))
        assert desk.send(desk.frame(content)) == "X-1"
