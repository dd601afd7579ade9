"""Regions and outputs of the emulated BMS: edges, truth tables, patterns, and what holds after any history."""

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.traceability import covers
from vebus_tools.battery import HighCell, Signals
from vebus_tools.emulator import (
    REGIONS,
    Charge,
    Discharge,
    Inputs,
    Led,
    Level,
    Life,
    LinkMode,
    Outputs,
    Remote,
    State,
    Terminals,
    Timing,
    content_of,
    lit,
    outputs_of,
    remote_is_on,
    step,
)
from vebus_tools.emulator.outputs import LIMITS_A, SINK_A

GOOD = Signals(known=True)
PRE = Signals(pre_alarm=True, known=True)
LOW = Signals(pre_alarm=True, low_cell=True, known=True)
LOW_ALONE = Signals(low_cell=True, known=True)
HIGH, HOT, COLD = (Signals(high_cell=frozenset({one}), known=True) for one in HighCell)
BLIND = Signals()
LOOP, OPEN = Terminals(joined=True), Terminals()
NORMAL = Inputs(supply_v=26.0, vebus=True, terminals=LOOP, signals=GOOD, battery_v=26.0)
SHAPED, AT_ONCE = Timing(), Timing(shaped=False)
HOLD = SHAPED.hold_s


class Bench:
    """A BMS whose inputs change at chosen times; polled often enough to see every edge."""

    def __init__(self, timing: Timing = SHAPED, inputs: Inputs = NORMAL) -> None:
        self.timing, self.inputs, self.now, self.state = timing, inputs, 0.0, State()
        self.requirements: list[str] = []
        self.step()

    def step(self) -> None:
        self.state, taken = step(self.state, self.inputs, self.now, self.timing)
        self.requirements += [row.requirements for row in taken]

    def set(self, **inputs: object) -> "Bench":
        self.inputs = replace(self.inputs, **inputs)  # type: ignore[arg-type]
        self.step()
        return self

    def wait(self, seconds: float) -> "Bench":
        self.now += seconds
        self.step()
        return self

    @property
    def outputs(self) -> Outputs:
        return outputs_of(self.state, self.inputs)

    @property
    def levels(self) -> tuple[bool, bool, bool]:
        """Pre-alarm, load disconnect, charge disconnect: whether they are high."""
        shown = self.outputs
        return shown.pre_alarm.high, shown.load_disconnect.high, shown.charge_disconnect.high


def running(timing: Timing = SHAPED, **inputs: object) -> Bench:
    """In normal operation: hold times are over."""
    return Bench(timing).wait(HOLD).wait(100.0).set(**inputs)


# --- tables ----------------------------------------------------------------------------------------------------------
def test_the_tables_name_only_their_own_places_and_requirements() -> None:
    places = dict(zip(REGIONS, (Life, Discharge, Charge, Remote, LinkMode), strict=True))
    for region, rows in REGIONS.items():
        assert {type(row.origin) for row in rows} == {type(row.target) for row in rows} == {places[region]}
        assert {row.origin for row in rows} == set(places[region])
        assert all(row.requirements.startswith("B-") for row in rows)


def test_a_second_step_at_the_same_time_changes_nothing() -> None:
    for signals in (GOOD, PRE, LOW, LOW_ALONE, HIGH, BLIND):
        bench = running(signals=signals)
        before = bench.state
        bench.step()
        assert bench.state == before


# --- life ------------------------------------------------------------------------------------------------------------
@covers("B-66", "B-68")
@pytest.mark.parametrize(
    ("volts", "cable", "expected"),
    [
        (8.99, True, Life.UNPOWERED),
        (9.0, True, Life.RUN),
        (70.0, True, Life.RUN),
        (70.01, True, Life.UNPOWERED),
        (26.0, False, Life.UNPOWERED),
        (math.nan, True, Life.UNPOWERED),
    ],
)
def test_supply_range_and_cable(volts: float, expected: Life, *, cable: bool) -> None:
    assert Bench(inputs=replace(NORMAL, supply_v=volts, vebus=cable)).state.life is expected
    bench = running(supply_v=volts, vebus=cable)
    assert bench.state.life is expected
    if expected is Life.UNPOWERED:
        assert bench.levels == (False, False, False)
        assert {bench.outputs.status_led, bench.outputs.low_led, bench.outputs.high_led} == {Led.DARK}
        assert bench.outputs.supply_ma == 0
        assert content_of(bench.state, bench.inputs) is None


@covers("B-53", "B-54", "B-65")
def test_a_bad_application_sticks_in_the_bootloader_until_it_is_updated() -> None:
    bench = running(app_ok=False)
    assert bench.state.life is Life.BOOT_STUCK
    assert bench.outputs.status_led is Led.FAST
    assert bench.levels == (False, False, False)
    assert content_of(bench.state, bench.inputs) is None
    assert bench.set(app_ok=True).state.life is Life.RUN
    assert Bench(inputs=replace(NORMAL, app_ok=False)).state.life is Life.BOOT_STUCK
    assert bench.set(app_ok=False).set(vebus=False).state.life is Life.UNPOWERED


def test_nothing_is_allowed_at_the_start_and_everything_after_the_hold_time() -> None:
    bench = Bench()
    assert bench.levels == (False, False, False)
    content = content_of(bench.state, bench.inputs)
    assert content is not None
    assert content.permissions == type(content.permissions)()
    bench.wait(HOLD)
    content = content_of(bench.state, bench.inputs)
    assert content is not None
    assert content.permissions.discharge
    assert content.permissions.charge
    assert bench.levels == (False, True, True)


# --- discharge side --------------------------------------------------------------------------------------------------
@covers("B-12", "B-18")
def test_the_pre_alarm_goes_high_and_floats_again() -> None:
    bench = running()
    assert bench.outputs.pre_alarm.level is Level.FLOATING
    assert bench.set(signals=PRE).outputs.pre_alarm.level is Level.HIGH
    bench.set(signals=GOOD)
    assert bench.outputs.pre_alarm.high
    assert bench.wait(HOLD).outputs.pre_alarm.level is Level.FLOATING
    assert bench.levels == (False, True, True)


@covers("B-13", "B-14", "B-22", "B-25", "B-28", "B-56")
@pytest.mark.parametrize("low_after", [0.0, 0.5, 29.9, 30.0, 100.0])
def test_load_disconnect_waits_30_s_after_the_pre_alarm(low_after: float) -> None:
    bench = running(signals=PRE)
    bench.wait(low_after).set(signals=LOW)
    if low_after < 30:
        assert bench.levels == (True, True, True)
        bench.wait(30 - low_after - 0.01)
        assert bench.levels == (True, True, True)
        bench.wait(0.02)
    assert bench.levels == (True, False, True)
    assert bench.outputs.load_disconnect.level is Level.FLOATING
    assert bench.outputs.load_disconnect.voltage_v is None
    assert bench.outputs.low_led is Led.DARK
    content = content_of(bench.state, bench.inputs)
    assert content is not None
    assert not content.permissions.discharge
    assert content.permissions.charge


@covers("B-22")
def test_a_low_cell_without_a_pre_alarm_starts_the_30_s() -> None:
    bench = running(signals=LOW_ALONE)
    assert bench.levels == (True, True, True)
    assert bench.wait(29.9).levels == (True, True, True)
    assert bench.wait(0.2).levels == (True, False, True)


@covers("B-14")
def test_on_hardware_a_low_cell_takes_effect_at_once() -> None:
    for signals in (LOW, LOW_ALONE):
        bench = running(AT_ONCE, signals=signals)
        assert bench.state.discharge is Discharge.LOW
        assert bench.levels == (True, False, True)
        assert "X-14" in bench.requirements[-1]


@covers("B-55", "B-57")
def test_loads_come_back_by_themselves_after_the_hold_time() -> None:
    bench = running(signals=PRE).wait(30).set(signals=LOW).wait(5).set(signals=PRE)
    assert bench.levels == (True, False, True)
    bench.wait(HOLD)
    assert bench.levels == (True, True, True)
    assert bench.outputs.low_led is Led.ON
    bench.set(signals=GOOD).wait(HOLD)
    assert bench.state.discharge is Discharge.OK


def test_a_short_recovery_restarts_the_30_s() -> None:
    bench = running(signals=PRE).wait(29).set(signals=GOOD).wait(HOLD).set(signals=LOW)
    assert bench.wait(29).levels == (True, True, True)
    assert bench.wait(1).levels == (True, False, True)


def test_a_recovery_that_does_not_last_is_none() -> None:
    bench = running(signals=PRE).wait(30).set(signals=LOW)
    for _ in range(5):
        bench.set(signals=GOOD).wait(HOLD * 0.9).set(signals=LOW)
        assert bench.state.discharge is Discharge.LOW


# --- charge side -----------------------------------------------------------------------------------------------------
@covers("B-15", "B-16", "B-17", "B-38", "B-39", "B-42", "B-58")
@pytest.mark.parametrize("signals", [HIGH, HOT, COLD])
def test_every_high_cell_reason_stops_charging_at_once(signals: Signals) -> None:
    bench = running(signals=signals)
    assert bench.levels == (False, True, False)
    assert bench.outputs.charge_disconnect.level is Level.FLOATING
    assert bench.outputs.high_led is Led.ON
    content = content_of(bench.state, bench.inputs)
    assert content is not None
    assert content.permissions.discharge
    assert not content.permissions.charge


@covers("B-59", "B-60")
def test_charging_comes_back_by_itself_after_the_hold_time() -> None:
    bench = running(signals=HIGH).wait(50).set(signals=GOOD)
    assert bench.levels == (False, True, False)
    bench.wait(HOLD)
    assert bench.levels == (False, True, True)
    assert bench.outputs.high_led is Led.DARK


def test_low_and_high_cell_together_are_legal() -> None:
    both = Signals(pre_alarm=True, low_cell=True, high_cell=frozenset({HighCell.COLD}), known=True)
    bench = running(signals=both).wait(30)
    assert bench.levels == (True, False, False)


# --- remote terminals ------------------------------------------------------------------------------------------------
@covers("B-76", "B-77", "B-78", "B-79")
@pytest.mark.parametrize(
    ("low", "high", "joined", "expected"),
    [
        (None, None, True, True),
        (26.0, 0.0, True, True),
        (3.49, None, False, True),
        (3.5, None, False, False),
        (0.0, 0.0, False, True),
        (None, 2.9, False, False),
        (None, 2.91, False, True),
        (3.5, 2.91, False, True),
        (None, 25.99, False, True),
        (None, 26.0, False, True),
        (None, 26.01, False, False),
        (None, 0.0, False, False),
        (None, None, False, False),
        (math.nan, None, False, False),
        (None, math.nan, False, False),
    ],
)
def test_truth_table_of_the_remote_terminals(
    low: float | None, high: float | None, *, joined: bool, expected: bool
) -> None:
    assert remote_is_on(Terminals(low_v=low, high_v=high, joined=joined), 26.0) is expected


@covers("B-81", "B-74")
def test_remote_off_forbids_both_at_once_and_comes_back_after_the_hold_time() -> None:
    bench = running(terminals=OPEN)
    assert bench.levels == (False, False, False)
    content = content_of(bench.state, bench.inputs)
    assert content is not None
    assert content.remote_off
    assert not content.permissions.discharge
    assert not content.permissions.charge
    assert bench.outputs.supply_ma == 1.5
    bench.set(terminals=LOOP)
    assert bench.levels == (False, False, False)
    bench.wait(HOLD)
    assert bench.levels == (False, True, True)


@covers("B-22")
def test_after_remote_off_the_30_s_count_from_the_new_edge() -> None:
    bench = running(signals=PRE).wait(20).set(terminals=OPEN).wait(5).set(terminals=LOOP).wait(HOLD)
    assert bench.levels == (True, True, True)
    bench.set(signals=LOW)
    assert bench.wait(29.9).levels == (True, True, True)
    assert bench.wait(0.2).levels == (True, False, True)


# --- link and LEDs ---------------------------------------------------------------------------------------------------
@covers("B-50", "B-51", "B-52", "B-61", "B-62")
def test_the_status_led_follows_the_multi_and_frames_go_on() -> None:
    bench = running()
    assert (bench.state.link, bench.outputs.status_led) == (LinkMode.NORMAL, Led.FLASH)
    assert content_of(bench.state, bench.inputs) is not None
    bench.set(multi_on=False)
    assert (bench.state.link, bench.outputs.status_led) == (LinkMode.LOW_POWER, Led.DARK)
    content = content_of(bench.state, bench.inputs)
    assert content is not None
    assert content.low_power
    assert "low power" in bench.outputs.mode
    assert running(vebus=False).outputs.mode == "unpowered"
    bench.set(multi_on=True)
    assert bench.outputs.status_led is Led.FLASH


@covers("B-50", "B-53")
@pytest.mark.parametrize(("led", "per_minute", "tolerance"), [(Led.FLASH, 6, 0.2), (Led.FAST, 900, 0.2)])
def test_led_patterns_over_a_minute(led: Led, per_minute: int, tolerance: float) -> None:
    shown = [lit(led, at / 1000) for at in range(60_000)]
    rises = sum(now and not before for before, now in zip([False, *shown], shown, strict=False))
    assert abs(rises - per_minute) <= tolerance * per_minute
    assert not all(shown)


def test_steady_leds() -> None:
    assert lit(Led.ON, 3.0)
    assert not lit(Led.DARK, 3.0)


# --- levels, supply, GX-Pow ------------------------------------------------------------------------------------------
@covers("B-26", "B-40", "B-24", "B-27", "B-41", "B-86", "B-87", "B-28", "B-42")
def test_levels_and_ratings() -> None:
    shown = running(signals=PRE).outputs
    for output in (shown.pre_alarm, shown.load_disconnect, shown.charge_disconnect):
        assert output.voltage_v == 25.0
    assert LIMITS_A == {
        "pre_alarm": 1.0,
        "load_disconnect": 1.0,
        "charge_disconnect": 0.01,
        "gx_pow": 1.0,
        "aux_in": 1.0,
    }
    assert SINK_A == 0


@covers("B-72", "B-73", "B-74")
def test_consumption_in_each_mode() -> None:
    assert running().outputs.supply_ma == 10
    assert running(signals=LOW).wait(30).outputs.supply_ma == 2
    assert running(terminals=OPEN).outputs.supply_ma == 1.5


@covers("B-85", "B-88", "B-89")
@pytest.mark.parametrize(
    ("aux", "inputs", "expected"),
    [
        (0.0, {}, 26.0),
        (12.0, {}, 26.0),
        (30.0, {}, 30.0),
        (0.0, {"terminals": OPEN}, None),
        (12.0, {"terminals": OPEN}, 12.0),
        (0.0, {"signals": LOW}, None),
        (12.0, {"signals": LOW}, 12.0),
        (12.0, {"vebus": False}, 12.0),
    ],
)
def test_gx_pow_takes_the_higher_supply(aux: float, inputs: dict[str, object], expected: float | None) -> None:
    assert running().set(**inputs, aux_v=aux).wait(30).outputs.gx_pow_v == expected


# --- times -----------------------------------------------------------------------------------------------------------
@covers("B-22")
@pytest.mark.parametrize("facts", [{"pre_alarm_s": 29.9}, {"hold_s": -1.0}, {"pre_alarm_s": math.nan}])
def test_times_below_the_published_minimum_are_refused(facts: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="B-22"):
        Timing(**facts)  # type: ignore[arg-type]


# --- after any history -----------------------------------------------------------------------------------------------
SIGNALS = st.builds(
    Signals,
    pre_alarm=st.booleans(),
    low_cell=st.booleans(),
    high_cell=st.frozensets(st.sampled_from(HighCell), max_size=2),
    known=st.sampled_from((True, True, True, False)),
)
CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "signals": SIGNALS,
        "terminals": st.sampled_from((LOOP, LOOP, OPEN)),
        "multi_on": st.booleans(),
        "supply_v": st.sampled_from((26.0, 26.0, 26.0, 5.0)),
        "app_ok": st.sampled_from((True, True, True, False)),
    },
)
HISTORY = st.lists(st.tuples(st.sampled_from((0.0, 0.1, 1.0, 2.0, 10.0, 29.0, 31.0)), CHANGES), max_size=40)


@covers("B-22", "B-13", "B-14", "B-15", "B-81")
@settings(max_examples=300)
@given(history=HISTORY, shaped=st.booleans())
def test_invariants_after_any_history(history: list[tuple[float, dict[str, object]]], *, shaped: bool) -> None:
    bench = Bench(Timing(shaped=shaped))
    edge: float | None = None  # when the pre-alarm output went high
    before = bench.levels
    for wait, change in history:
        for _ in range(2):  # half of the wait twice: edges in between are seen too
            bench.wait(wait / 2)
            edge = _check(bench, before, edge, shaped=shaped)
            before = bench.levels
        bench.set(**change)
        edge = _check(bench, before, edge, shaped=shaped)
        before = bench.levels


def _check(bench: Bench, before: tuple[bool, bool, bool], edge: float | None, *, shaped: bool) -> float | None:
    pre, load, charge = bench.levels
    signals, state = bench.inputs.signals, bench.state
    content = content_of(state, bench.inputs)
    if pre and not before[0]:
        edge = bench.now
    # never permissive with stale data, without power, or switched off
    if not (signals.known and state.life is Life.RUN and bench.inputs.remote_on):
        assert not any(bench.levels)
        assert content is None or content.permissions == type(content.permissions)()
    # a restriction takes effect at once
    if signals.high_cell:
        assert not charge
        assert content is None or not content.permissions.charge
    if signals.low_cell and not shaped:
        assert not load
        assert content is None or not content.permissions.discharge
    # load disconnect never earlier than 30 s after the pre-alarm
    if shaped and before[1] and not load and state.driven:
        assert edge is not None
        assert bench.now - edge >= 30
    # what is said agrees with what is driven
    if content is not None:
        assert not content.permissions.discharge or load
        assert not content.permissions.charge or charge
    return edge
