"""The emulated BMS at rehearsal: cells, orders, files, faults, and what holds in every sequence of events."""

from itertools import pairwise

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.rehearsals import PROFILE, frames_of, permissions_of, rehearsal
from tests.traceability import covers
from vebus_protocol.bms import Permissions, ProfileError, built_in
from vebus_tools.battery import Bank, uniform_sample
from vebus_tools.emulator import Discharge, EmulatedBms, Life, Terminals, Timing
from vebus_tools.rehearsal import (
    HELP,
    SETTINGS,
    CellError,
    CellLines,
    FaultError,
    OrderError,
    Rehearsal,
    Setup,
    Sort,
    read_fault,
    read_order,
    read_rows,
    read_script,
    script_names,
    shipped_script,
)
from vebus_tools.rehearsal.faults import Faults
from vebus_tools.simulator import Scenario, ScenarioError, State

BANK = Setup().bank
EVERYTHING, NOTHING = Permissions(discharge=True, charge=True), Permissions()
INTERVAL_S = PROFILE.timing["interval_normal"].seconds


def texts(found: Rehearsal, sort: Sort) -> list[str]:
    return [one.text for one in found.take_news() if one.sort is sort]


def say_all(found: Rehearsal, *orders: str) -> None:
    for order in orders:
        found.say(order)


# --- orders ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "cell", "numbers", "over_s"),
    [
        ("cell 3 2.75", 3, (2.75,), 0.0),
        ("CELL 3 2.75V over 20s", 3, (2.75,), 20.0),
        ("cell 16 follow", 16, (None,), 0.0),
        ("cells 3.3 over 1m30s", 0, (3.3,), 90.0),
        ("temperature -5", 0, (-5.0,), 0.0),
        ("temp 2 -5degC over 4", 2, (-5.0,), 4.0),
        ("supply follow", 0, (None,), 0.0),
        ("terminals open 12", 0, (None, 12.0), 0.0),
    ],
)
def test_orders_are_read(text: str, cell: int, numbers: tuple[float | None, ...], over_s: float) -> None:
    order = read_order(text)
    assert (order.cell, order.numbers, order.over_s) == (cell, numbers, over_s)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "nothing was said"),
        ("fly", "'fly' is not known; known are cell, cells, temperature"),
        ("cell", "write cell N VOLTS"),
        ("cell 0 3.3", "write cell N VOLTS"),
        ("cell 3 many", "'many' is no number"),
        ("cell 3 nan", "'nan' is no number"),
        ("cell 3 2.7 over", "a time such as 20s belongs behind over"),
        ("cell 3 2.7 over soon", "a time such as"),
        ("remote maybe", "write remote on|off"),
        ("unplug now", "nothing follows it"),
        ("aux 200", "200 is not between 0 and 80"),
        ("switch up", "write switch on|off"),
        ("terminals 1", "write terminals L H"),
    ],
)
def test_wrong_orders_are_one_clear_line(text: str, complaint: str) -> None:
    with pytest.raises(OrderError) as caught:
        read_order(text)
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_every_order_stands_in_the_help() -> None:
    assert all(any(line.startswith(word) for line in HELP) for word in ("cell ", "remote ", "unplug", "mains ", "quit"))


@pytest.mark.parametrize(
    ("order", "complaint"),
    [
        ("cell 17 3.3", "there is no cell 17: the bank has cells 1 to 16"),
        ("cell 3 99", "99 V is no value of a cell"),
        ("cells 3.3 3.2", "2 values for 16 cells"),
        ("mains off", "mains needs the simulated Multi"),
    ],
)
def test_orders_that_cannot_be_done_change_nothing(order: str, complaint: str) -> None:
    found = rehearsal(simulated=False)
    before = found.bms.source.sample(0.0)
    with pytest.raises((OrderError, CellError), match=complaint):
        found.say(order)
    assert found.bms.source.sample(0.0) == before
    assert texts(found, Sort.YOU) == []


# --- cells -----------------------------------------------------------------------------------------------------------
def test_a_cell_moves_to_its_value_and_follows_again() -> None:
    found = rehearsal(simulated=False, setup=Setup(voltage_v=52.8, temperature_c=20.0))
    say_all(found, "cell 3 2.3 over 10s", "temperature 2 -5")
    middle, end = found.bms.source.sample(5.0), found.bms.source.sample(11.0)
    assert middle is not None
    assert end is not None
    assert [one.voltage_v for one in middle.cells[:4]] == pytest.approx([3.3, 3.3, 2.8, 3.3])
    assert [one.voltage_v for one in end.cells[:4]] == pytest.approx([3.3, 3.3, 2.3, 3.3])
    assert [one.temperature_c for one in end.cells[:3]] == [20.0, -5.0, 20.0]
    found.say("cells follow")
    again = found.bms.source.sample(12.0)
    assert again is not None
    assert [one.voltage_v for one in again.cells] == pytest.approx([3.3] * 16)


ROWS = """time,cell 1,cell 2,cell 3,cell 4,temperature
100,3.3,3.3,3.3,3.3,20
101,3.3,,3.1,3.3,21

101.5,3.3,3.2,3.1,3.3,
"""
SMALL = Bank(system_v=12)


def test_rows_of_a_file_become_samples_and_get_old() -> None:
    rows = read_rows(ROWS.splitlines(), "a.csv", SMALL)
    first, second, last = rows.sample(0.5), rows.sample(1.0), rows.sample(60.0)
    assert first is not None
    assert second is not None
    assert last is not None
    assert (first.at_s, second.at_s, last.at_s) == (0.0, 1.0, 1.5)
    assert [one.voltage_v for one in second.cells] == [3.3, None, 3.1, 3.3]
    assert {one.temperature_c for one in first.cells} == {20.0}
    assert {one.temperature_c for one in last.cells} == {None}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "a.csv: is empty"),
        ("time,cell 1\n", "no row"),
        ("cell 1\n3.3\n", "line 1: one column has to be time"),
        ("time,cell 5\n0,3\n", "line 1: the bank has cells 1 to 4, not 5"),
        ("time,volts\n0,3\n", "line 1: no column is called 'volts'"),
        ("time,cell 1\n0,3\n1\n", "line 3: 1 values for 2 columns"),
        ("time,cell 1\n0,many\n", "line 2: could not convert"),
        ("time,cell 1\n5,3\n4,3\n", "line 3: the time has to be a number that never goes back"),
    ],
)
def test_wrong_rows_are_told_with_their_line(text: str, complaint: str) -> None:
    with pytest.raises(CellError, match=complaint):
        read_rows(text.splitlines(), "a.csv", SMALL)


def test_lines_that_arrive_are_measured_when_they_come() -> None:
    lines = CellLines("fifo", SMALL)
    head, *rows = ROWS.splitlines()
    assert lines.take(head, 5.0) is None
    sample = lines.take(rows[0], 6.0)
    assert sample is not None
    assert sample.at_s == 6.0
    with pytest.raises(CellError, match="fifo, line 3: 1 values for 6 columns"):
        lines.take("7", 7.0)


@covers("B-9", "B-10")
def test_rows_drive_the_bms_and_silence_follows_their_end() -> None:
    text = "time,temperature," + ",".join(f"cell {number}" for number in range(1, 17)) + "\n"
    text += "".join(f"{second},20,{','.join(['3.3'] * 16)}\n" for second in range(10))
    found = rehearsal(simulated=False, rows=read_rows(text.splitlines(), "a.csv", BANK))
    sent = frames_of(found, 30.0)
    assert permissions_of(sent[-1].data) == EVERYTHING
    assert sent[-1].at_s <= 9.0 + Setup().limits.max_age_s
    assert "cell values are missing or too old: signals are not known" in texts(found, Sort.BATTERY)
    with pytest.raises(OrderError, match="come from a file"):
        found.say("cell 3 2.7")


# --- files -----------------------------------------------------------------------------------------------------------
def test_ready_scenarios_read_and_have_titles() -> None:
    assert {"low-cell", "high-cell", "cold", "remote-off", "unplug", "error-15", "assistant-missing"} == set(
        script_names()
    )
    for name in script_names():
        script = shipped_script(name)
        assert script.title
        assert script.duration_s
        assert script.steps
        assert all(step.at_s < script.duration_s for step in script.steps)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[bank]\nsystem = 36", r"a\.toml, line 1: bank: .*36 V is not supported.*B-2"),
        ("[bank]\nseries = 9", r"a\.toml, line 1: bank: .*in series"),
        ("[limits]\npre-alarm = 2.5", r"a\.toml, line 1: limits: .*B-20"),
        ('[limits]\npre-alarm = "low"', r"a\.toml, line 2: limits\.pre-alarm: 'low' is not a number"),
        ("[bms]\nfoo = 1", r"line 2: bms\.foo: not known"),
        ("foo = 1", r"line 1: foo: not known; known are .*emulator"),
        ('[[step]]\nat = "5s"', r"line 1: step\[0\]: a step needs at, and do or say"),
        ('[[step]]\nat = "5s"\ndo = "cell 3"', r"line 3: step\[0\]\.do: 'cell 3': write cell N VOLTS"),
        ('[[step]]\nat = "5s"\ndo = "quit"', r"line 3: step\[0\]\.do: quit is for the keyboard"),
        ('[[step]]\nat = "5s"\ndo = "cell 17 3"', r"line 3: step\[0\]\.do: the bank has cells 1 to 16"),
        ('[[device]]\nmodel = "MultiPlus-II 12/3000"', r"line 1: device: a Multi for 12 V on a bank of 48 V"),
        ("title = ", r"a\.toml: "),
    ],
)
def test_wrong_files_name_line_and_key(text: str, complaint: str) -> None:
    with pytest.raises(ScenarioError, match=complaint):
        read_script(text, "a.toml")


def test_what_a_scenario_cannot_do_is_told_and_the_rest_goes_on() -> None:
    text = '[[step]]\nat = "1s"\ndo = "multi off"\n[[step]]\nat = "2s"\ndo = "aux 12"\n'
    found = rehearsal(steps=read_script(text, "a.toml").steps)
    frames_of(found, 3.0)
    news = found.take_news()
    assert [one.text for one in news if one.sort is Sort.NOTE] == [
        "not done: multi off: here the simulated Multi says whether it runs; switch it with: switch on, switch off"
    ]
    assert "Aux-In at 12 V" in [one.text for one in news if one.sort is Sort.SCENARIO]


def test_no_scenario_of_that_name() -> None:
    with pytest.raises(ScenarioError, match="no scenario 'nothing'; there are assistant-missing, cold"):
        shipped_script("nothing")


def test_settings_stand_over_each_other() -> None:
    first = read_script("[bank]\nsystem = 12\n[limits]\npre-alarm = 3.0\n[emulator]\nsoc = 40\n", "a.toml")
    second = read_script("[limits]\npre-alarm = 2.9\ncold = 2\n", "b.toml")
    setup = Setup.of(first.settings, second.settings)
    assert (setup.bank.system_v, setup.bank.cells, setup.soc) == (12, 4, 40.0)
    assert (setup.limits.pre_alarm.limit, setup.limits.cold.limit, setup.limits.hot.limit) == (2.9, 2.0, 55.0)
    assert set(SETTINGS) >= {"soc", "voltage", "temperature", "pre-alarm", "system"}


# --- faults ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("fire", "write checksum, silence, split or delay:5ms"),
        ("delay", "write checksum, silence, split or delay:5ms"),
        ("split:5ms", "write checksum"),
        ("checksum@200%", "a share is 0% to 100%"),
        ("checksum@often", "behind @ stands a share"),
        ("silence@20s..10s", "the end has to be later"),
        ("delay:soon", "a time such as"),
    ],
)
def test_wrong_faults_say_how_one_is_written(text: str, complaint: str) -> None:
    with pytest.raises(FaultError, match=f"--fault {text}.*{complaint}"):
        read_fault(text)


def test_faults_strike_where_and_as_often_as_they_say() -> None:
    wire = bytes.fromhex("4c42fe104c41420103200000 00ff")
    always = Faults([read_fault("checksum")])
    (piece,), names = always.apply(wire, 0.0)
    assert names == ["checksum"]
    assert piece.data != wire
    assert len([1 for old, new in zip(wire, piece.data, strict=False) if old != new]) == 1 or len(piece.data) != len(
        wire
    )
    rare = Faults([read_fault("checksum@2%")], seed=3)
    share = sum(bool(rare.apply(wire, float(at))[1]) for at in range(5000)) / 5000
    assert share == pytest.approx(0.02, abs=0.006)
    window = Faults([read_fault("silence@10s..20s")])
    assert [bool(window.apply(wire, at)[0]) for at in (9.9, 10.0, 19.9, 20.0)] == [True, False, False, True]
    both = Faults([read_fault("delay:5ms"), read_fault("split")])
    pieces, _ = both.apply(wire, 0.0)
    assert b"".join(one.data for one in pieces) == wire
    assert [one.after_s for one in pieces] == pytest.approx([0.005, 0.0053])


def test_damaged_and_missing_frames_are_nothing_to_the_multi() -> None:
    found = rehearsal(faults=[read_fault("checksum@4s..12s")])
    frames_of(found, 3.5)
    assert found.bus is not None
    heard = found.bus.installation.bms.frames
    damaged = frames_of(found, 11.0)
    assert damaged
    assert found.bus.installation.bms.frames <= heard + 1
    assert found.bus.reactions()[0].state is State.EMERGENCY
    assert any("checksum strikes frame" in text for text in texts(found, Sort.FAULT))
    frames_of(found, 15.0)
    assert found.bus.reactions()[0].state is State.RUN


# --- runs ------------------------------------------------------------------------------------------------------------
def test_frames_of_a_dry_run_are_exactly_an_interval_apart() -> None:
    sent = frames_of(rehearsal(simulated=False), 12.0)
    assert [one.at_s for one in sent] == [0.5 + INTERVAL_S * place for place in range(12)]
    assert [permissions_of(one.data) for one in sent[:3]] == [NOTHING, NOTHING, EVERYTHING]


@covers("B-61", "B-119", "B-121")
def test_a_stop_is_silence_and_the_reaction_is_reported() -> None:
    found = rehearsal()
    assert frames_of(found, 4.0)
    found.stop("quit")
    assert frames_of(found, 12.0) == []
    assert found.settled
    assert found.reaction().startswith("5.")
    assert "emergency mode" in found.reaction()
    assert "LEDs: mains on" in found.reaction()
    assert found.exit_code == 0


def test_without_ac_the_reaction_is_off() -> None:
    found = rehearsal()
    frames_of(found, 3.0)
    found.say("mains off")
    frames_of(found, 5.0)
    found.stop("quit")
    frames_of(found, 12.0)
    assert "the Multi is in off: does not invert, does not charge" in found.reaction()


@covers("X-6", trips=True)
def test_a_second_bms_stops_the_first_for_good() -> None:
    found = rehearsal()
    frames_of(found, 5.0)
    found.say("second-bms")
    sent = frames_of(found, 12.0)
    assert all(one.at_s < 5.2 for one in sent)
    assert "X-6" in found.stopped
    assert found.exit_code == 22
    assert any("silent for good" in text for text in texts(found, Sort.STOP))


@covers("X-6", trips=False)
def test_nobody_is_stopped_while_it_is_the_only_bms() -> None:
    found = rehearsal()
    assert len(frames_of(found, 8.0)) >= 7
    assert found.stopped == ""
    assert found.bms.interlocks.stopped is None


def test_the_same_seed_gives_the_same_bytes() -> None:
    runs = [[*rehearsal(seed=5, faults=[read_fault("checksum@20%")]).run(4.0)] for _ in "12"]
    assert runs[0] == runs[1]
    other = [*rehearsal(seed=6, faults=[read_fault("checksum@20%")]).run(4.0)]
    assert other != runs[0]


def test_an_interlock_that_holds_a_frame_back_is_told_once() -> None:
    found = rehearsal(simulated=False)
    frames_of(found, 5.0)
    say_all(found, "unplug")
    frames_of(found, 6.0)
    say_all(found, "plug")
    sent = frames_of(found, 12.0)
    held = texts(found, Sort.INTERLOCK)
    assert len(held) <= 1
    assert permissions_of(sent[0].data) == NOTHING
    assert permissions_of(sent[-1].data) == EVERYTHING


def test_a_profile_that_cannot_be_emulated_is_refused() -> None:
    with pytest.raises(ProfileError):
        rehearsal(simulated=False, profile=built_in("public-version-reply-1"))


def test_version_polls_of_the_host_are_answered() -> None:
    sent = frames_of(rehearsal(), 3.0)
    assert sum(permissions_of(one.data) is None for one in sent) == 1


# --- every sequence of events ----------------------------------------------------------------------------------------
ORDERS = st.sampled_from(
    [
        *("cell 3 2.75", "cell 3 3.05", "cell 3 3.3", "cell 5 4.1", "cell 5 3.4", "cells 3.3"),
        *("temperature 2 -5", "temperature 2 20", "temperature 70", "temperature 20"),
        *("data off", "data on", "remote off", "remote on", "unplug", "plug", "supply 5", "supply follow"),
        *("bootloader on", "bootloader off", "mains off", "mains on", "switch off", "switch on"),
    ]
)
EVENTS = st.lists(st.tuples(ORDERS, st.floats(0.3, 18.0)), min_size=1, max_size=8)


LOOK_S = 0.125


class Watch:
    """Looks at a rehearsal eight times a second and holds what has to hold at every moment."""

    def __init__(self, *, simulated: bool) -> None:
        self.found = rehearsal(simulated=simulated)
        self.now = 0.0
        self.alarm_since: float | None = None
        self.was_open = True
        self.heard: list[tuple[float, Permissions]] = []

    def run(self, until_s: float) -> None:
        while self.now < until_s:
            self.now = min(self.now + LOOK_S, until_s)
            for sent in frames_of(self.found, self.now):
                self.frame(sent.at_s, sent.data)
            self.outputs()

    def frame(self, at_s: float, wire: bytes) -> None:
        """Never anything from stale data, never more than the state of the battery allows."""
        bms = self.found.bms
        assert bms.sample is not None
        assert at_s - bms.sample.at_s <= bms.bms.limits.max_age_s
        assert bms.bms.state.life is Life.RUN
        allowed = permissions_of(wire)
        if allowed is None:
            return
        self.heard.append((at_s, allowed))
        if not bms.bms.inputs.signals.known:
            assert allowed == NOTHING

    def outputs(self) -> None:
        """The load disconnect never opens for a low cell earlier than 30 s after the pre-alarm output came."""
        bms = self.found.bms.bms
        outputs = bms.outputs
        if not bms.state.driven:
            self.alarm_since, self.was_open = None, True  # nothing is left that could be opened
            return
        if outputs.pre_alarm.high and self.alarm_since is None:
            self.alarm_since = self.now
        if not outputs.pre_alarm.high:
            self.alarm_since = None
        if bms.state.discharge is Discharge.LOW:
            assert self.alarm_since is not None
        opened = not outputs.load_disconnect.high
        if opened and not self.was_open:
            assert self.alarm_since is not None
            assert self.now - self.alarm_since >= 30.0 - LOOK_S, "earlier than 30 s (B-22)"
        self.was_open = opened


@covers("B-22", "B-18", "B-25")
@settings(max_examples=20, deadline=None, phases=[Phase.explicit, Phase.generate], derandomize=True)
@given(EVENTS)
def test_what_holds_in_every_sequence_of_events(events: list[tuple[str, float]]) -> None:
    _hold(Watch(simulated=False), [one for one in events if not one[0].startswith(("mains", "switch"))])


@covers("B-22")
@settings(max_examples=3, deadline=None, phases=[Phase.explicit, Phase.generate], derandomize=True)
@given(EVENTS)
def test_the_same_holds_with_a_multi_on_the_line(events: list[tuple[str, float]]) -> None:
    _hold(Watch(simulated=True), events[:4])


def _hold(watch: Watch, events: list[tuple[str, float]]) -> None:
    watch.run(4.0)
    for order, wait in events:
        watch.found.say(order)
        watch.run(watch.now + wait)
    spaced = [later - earlier for (earlier, _), (later, _) in pairwise(watch.heard)]
    assert all(gap >= INTERVAL_S - 1e-6 for gap in spaced), "never faster than the profile (X-10)"


@covers("X-13", trips=False)
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
@given(st.sampled_from(["remote off", "temperature 2 -5", "cell 5 4.2"]), st.floats(3.0, 9.0))
def test_a_restriction_is_in_the_next_frame(order: str, at_s: float) -> None:
    found = rehearsal(simulated=False)
    frames_of(found, at_s)
    found.say(order)
    following = frames_of(found, at_s + INTERVAL_S + 0.2)
    assert following
    after = [permissions_of(one.data) for one in following if one.at_s > at_s + 0.07]
    assert after
    assert all(one is not None and not one.charge for one in after)


@covers("X-14", trips=False)
@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.floats(3.0, 9.0), st.floats(2.0, 2.8))
def test_unshaped_a_low_cell_is_in_the_next_frame(at_s: float, volts: float) -> None:
    timing = Timing(shaped=False)
    bms = EmulatedBms(PROFILE, version=1245112, cells=BANK.cells, timing=timing)
    bms.change(supply_v=52.0, battery_v=52.0, vebus=True, terminals=Terminals(joined=True))
    heard: list[tuple[float, Permissions | None]] = []
    for turn in range(200):
        now = turn / 16
        sample = uniform_sample(BANK, now)
        bms.feed(sample if now < at_s else sample.replaced(7, voltage_v=volts))
        heard += [(now, permissions_of(sent.data)) for sent in bms.poll(now)]
    after = [allowed for now, allowed in heard if now >= at_s]
    assert any(allowed == EVERYTHING for now, allowed in heard if now < at_s)
    assert after
    assert all(allowed is not None and not allowed.discharge for allowed in after)


@covers("B-120", "B-122")
@settings(max_examples=3, deadline=None, derandomize=True)
@given(st.floats(2.5, 6.0), st.integers(0, 1_000_000))
@pytest.mark.parametrize("mains", [True, False])
def test_a_bms_that_dies_leaves_the_multi_safe(mains: bool, dies_s: float, seed: int) -> None:  # noqa: FBT001  (a case)
    found = rehearsal(seed=seed, scenario=Scenario())
    frames_of(found, 2.2)
    if not mains:
        found.say("mains off")
    frames_of(found, dies_s)
    found.stop("killed")
    frames_of(found, dies_s + found.loss_s + 1.2)
    assert found.multi is not None
    (reaction,) = found.multi.reactions
    assert reaction.state is (State.EMERGENCY if mains else State.OFF)
    assert not reaction.inverting
    assert reaction.permitted_charge_a <= 5.0
