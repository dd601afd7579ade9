"""The battery: supported banks, signals with thresholds, hysteresis and delays; not knowing allows nothing."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.traceability import covers
from vebus_tools.battery import (
    Bank,
    BatteryError,
    Cell,
    HighCell,
    Limits,
    Module,
    Sample,
    Signals,
    SignalState,
    Threshold,
    Verdict,
    advance,
    uniform_sample,
    verdict,
)

BIG = Module(voltage_v=25.6)
BANK = Bank(system_v=24, series=2, parallel=2)
LIMITS = Limits()
NOTHING = Verdict()
ALL = Verdict(discharge=True, charge=True)


def signals(sample: Sample | None, limits: Limits = LIMITS, now_s: float = 0.0) -> Signals:
    return advance(SignalState(), sample, limits, now_s)[1]


# --- banks -----------------------------------------------------------------------------------------------------------
@covers("B-1", "B-2", "B-3", "B-4", "B-5", "B-6")
@pytest.mark.parametrize(
    ("system", "module", "series", "parallel"),
    [
        (12, Module(), 1, 1),
        (12, Module(), 1, 20),
        (24, Module(), 2, 10),
        (48, Module(), 4, 5),
        (24, BIG, 1, 20),
        (48, BIG, 2, 10),
        (48, BIG, 2, 1),
    ],
)
def test_supported_banks(system: int, module: Module, series: int, parallel: int) -> None:
    bank = Bank(system_v=system, module=module, series=series, parallel=parallel)
    assert bank.modules == series * parallel
    assert bank.cells == bank.modules * (4 if module.voltage_v == 12.8 else 8)


@covers("B-2", "B-3", "B-4", "B-5", "B-6")
@pytest.mark.parametrize(
    ("system", "module", "series", "parallel", "requirement"),
    [
        (36, Module(), 3, 1, "B-2"),
        (0, Module(), 1, 1, "B-2"),
        (24, Module(), 1, 1, "B-2"),
        (48, Module(), 3, 1, "B-2"),
        (12, BIG, 1, 1, "B-2"),
        (48, Module(), 5, 1, "B-4"),
        (48, BIG, 3, 1, "B-5"),
        (12, Module(), 1, 21, "B-6"),
        (24, Module(), 2, 11, "B-6"),
        (48, BIG, 2, 11, "B-6"),
        (12, Module(), 0, 1, "B-3"),
        (12, Module(), 1, 0, "B-3"),
    ],
)
def test_other_banks_are_refused(system: int, module: Module, series: int, parallel: int, requirement: str) -> None:
    with pytest.raises(BatteryError, match=requirement):
        Bank(system_v=system, module=module, series=series, parallel=parallel)


@covers("B-1", "B-11")
@pytest.mark.parametrize(
    ("facts", "requirement"),
    [
        ({"voltage_v": 12.0}, "B-1"),
        ({"voltage_v": 51.2}, "B-1"),
        ({"chemistry": "lead"}, "B-1"),
        ({"family": "Lithium NG"}, "B-1"),
        ({"cords": 1}, "B-11"),
    ],
)
def test_other_modules_are_refused(facts: dict[str, str], requirement: str) -> None:
    with pytest.raises(BatteryError, match=requirement):
        Module(**facts)  # type: ignore[arg-type]


@covers("B-11")
def test_the_chain_passes_each_module_once() -> None:
    assert Bank(system_v=24, series=2, parallel=2, chain=(3, 1, 0, 2)).modules == 4
    for chain in ((0, 1, 2), (0, 1, 2, 2), (1, 2, 3, 4)):
        with pytest.raises(BatteryError, match="B-11"):
            Bank(system_v=24, series=2, parallel=2, chain=chain)


@covers("B-7", "B-8")
@pytest.mark.parametrize(("system", "series", "kwh"), [(12, 1, 84), (24, 2, 102), (48, 4, 102)])
def test_quoted_energy(system: int, series: int, kwh: int) -> None:
    assert Bank(system_v=system, series=series).most_energy_kwh == kwh


# --- thresholds ------------------------------------------------------------------------------------------------------
@covers("B-19", "B-20")
@pytest.mark.parametrize(
    ("volts", "good"),
    [(2.84, False), (2.85, True), (3.1, True), (3.15, True), (3.16, False), (math.nan, False), (-3.0, False)],
)
def test_range_of_the_pre_alarm(volts: float, *, good: bool) -> None:
    assert LIMITS.pre_alarm.limit == 3.1
    if good:
        assert Limits.with_pre_alarm(volts).pre_alarm.limit == volts
    else:
        with pytest.raises(BatteryError):
            Limits.with_pre_alarm(volts)


@pytest.mark.parametrize(
    "facts",
    [
        {"low_cell": Threshold(limit=3.1, above=False, hysteresis=0.1)},
        {"overvoltage": Threshold(limit=3.0, above=True, hysteresis=0.1)},
        {"low_cell": Threshold(limit=2.8, above=True, hysteresis=0.1)},
        {"cold": Threshold(limit=60.0, above=False, hysteresis=1)},
        {"max_age_s": 0.0},
        {"max_age_s": math.inf},
        {"max_age_s": math.nan},
    ],
)
def test_limits_that_contradict_each_other_are_refused(facts: dict[str, Threshold]) -> None:
    with pytest.raises(BatteryError):
        Limits(**facts)  # type: ignore[arg-type]


@pytest.mark.parametrize("facts", [{"hysteresis": -1.0}, {"delay_s": -1.0}, {"limit": math.nan}])
def test_a_threshold_is_made_of_numbers(facts: dict[str, float]) -> None:
    with pytest.raises(BatteryError):
        Threshold(**{"limit": 1.0, "above": True, "hysteresis": 0.1, **facts})  # type: ignore[arg-type]


# --- signals ---------------------------------------------------------------------------------------------------------
@covers("B-9", "B-10", "B-12", "B-19")
@pytest.mark.parametrize("cell", range(BANK.cells))
def test_one_cell_of_one_module_is_enough(cell: int) -> None:
    good = uniform_sample(BANK, 0.0)
    assert signals(good) == Signals(known=True)
    assert signals(good.replaced(cell, voltage_v=3.1)).pre_alarm
    low = signals(good.replaced(cell, voltage_v=2.8))
    assert low.pre_alarm
    assert low.low_cell
    assert not low.high_cell
    assert signals(good.replaced(cell, voltage_v=4.0)).high_cell == {HighCell.OVERVOLTAGE}
    assert signals(good.replaced(cell, temperature_c=55.0)).high_cell == {HighCell.HOT}
    assert signals(good.replaced(cell, temperature_c=5.0)).high_cell == {HighCell.COLD}


@covers("B-17")
@pytest.mark.parametrize("temperature", [-20.0, 5.0, 55.0, 90.0])
def test_too_cold_and_too_hot_stop_charging_alone(temperature: float) -> None:
    found = verdict(signals(uniform_sample(BANK, 0.0, temperature_c=temperature)))
    assert found == Verdict(discharge=True, charge=False)


def test_a_signal_goes_only_behind_its_hysteresis() -> None:
    state, _ = advance(SignalState(), uniform_sample(BANK, 0.0, voltage_v=2.8), LIMITS, 0.0)
    for at, (volts, on) in enumerate([(2.9, True), (3.0, True), (3.01, False), (2.9, False), (2.8, True)], 1):
        state, found = advance(state, uniform_sample(BANK, at, voltage_v=volts), LIMITS, at)
        assert found.low_cell is on, volts


def test_delays_count_from_the_first_violation_without_a_break() -> None:
    limits = Limits(low_cell=Threshold(limit=2.8, above=False, hysteresis=0.1, delay_s=2.0, release_s=3.0))
    state, seen = SignalState(), []
    voltages = [2.7, 2.7, 3.0, 2.7, 2.7, 2.7, 3.0, 2.85, 3.0, 3.0, 3.0, 3.0]
    for at, volts in enumerate(voltages):
        state, found = advance(state, uniform_sample(BANK, at, voltage_v=volts), limits, at)
        seen.append(found.low_cell)
    assert seen == [False] * 5 + [True] * 6 + [False]


def test_a_time_without_data_does_not_count_for_the_release() -> None:
    limits = Limits(low_cell=Threshold(limit=2.8, above=False, hysteresis=0.1, release_s=3.0))
    state, _ = advance(SignalState(), uniform_sample(BANK, 0.0, voltage_v=2.7), limits, 0.0)
    state, _ = advance(state, uniform_sample(BANK, 1.0), limits, 1.0)
    state, blind = advance(state, None, limits, 2.0)
    assert blind.low_cell
    assert not blind.known
    state, found = advance(state, uniform_sample(BANK, 5.0), limits, 5.0)
    assert found.low_cell
    state, found = advance(state, uniform_sample(BANK, 8.0), limits, 8.0)
    assert not found.low_cell


# --- not knowing -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "sample",
    [
        None,
        Sample(at_s=10.0, cells=()),
        uniform_sample(BANK, 7.9),
        uniform_sample(BANK, 10.1),
        uniform_sample(BANK, math.nan),
        uniform_sample(BANK, 10.0, voltage_v=math.nan),
        uniform_sample(BANK, 10.0, temperature_c=math.inf),
        Sample(at_s=10.0, cells=(Cell(voltage_v=3.3, temperature_c=20.0),) * (BANK.cells - 1)),
        Sample(at_s=10.0, cells=(*uniform_sample(BANK, 0).cells[1:], Cell(voltage_v=None, temperature_c=20.0))),
        Sample(at_s=10.0, cells=(*uniform_sample(BANK, 0).cells[1:], Cell(voltage_v=3.3, temperature_c=None))),
    ],
)
def test_missing_or_old_data_allow_nothing(sample: Sample | None) -> None:
    _, found = advance(SignalState(), sample, LIMITS, 10.0, BANK.cells)
    assert not found.known
    assert verdict(found) == NOTHING


def test_fresh_good_data_allow_everything() -> None:
    _, found = advance(SignalState(), uniform_sample(BANK, 8.0), LIMITS, 10.0, BANK.cells)
    assert verdict(found) == ALL
    assert verdict(Signals()) == NOTHING


def test_another_cell_value_needs_that_cell() -> None:
    with pytest.raises(BatteryError, match="no cell 16"):
        uniform_sample(BANK, 0).replaced(16, voltage_v=3.0)


SAMPLES = st.none() | st.builds(
    lambda at, volts, temperatures: Sample(
        at_s=at, cells=tuple(Cell(voltage_v=v, temperature_c=t) for v, t in zip(volts, temperatures, strict=True))
    ),
    st.floats(-5, 5),
    st.lists(st.none() | st.floats(2, 5) | st.just(math.nan), min_size=4, max_size=4),
    st.lists(st.none() | st.floats(-30, 80), min_size=4, max_size=4),
)


@given(steps=st.lists(st.tuples(st.floats(0, 3), SAMPLES), max_size=20))
def test_permissions_imply_fresh_complete_data_inside_the_limits(steps: list[tuple[float, Sample | None]]) -> None:
    """Whatever came before: no permission without every cell known, fresh, and on the right side of its limit."""
    state, now = SignalState(), 0.0
    for wait, offered in steps:
        now += wait
        sample = offered and Sample(at_s=now + offered.at_s, cells=offered.cells)
        state, found = advance(state, sample, LIMITS, now, 4)
        allowed = verdict(found)
        if allowed == NOTHING:
            continue
        assert sample is not None
        assert 0 <= now - sample.at_s <= LIMITS.max_age_s
        for cell in sample.cells:
            assert cell.known
            assert cell.voltage_v is not None
            assert cell.temperature_c is not None
            assert not allowed.discharge or cell.voltage_v > 2.8
            assert not allowed.charge or (cell.voltage_v < 4.0 and 5.0 < cell.temperature_c < 55.0)
