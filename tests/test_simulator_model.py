"""The physical model: numbers agree with each other, and things take their course."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.simulated import ESS_DEVICE, alone, battery, event
from vebus_protocol.enums import ChargeSubState, ConditionStatus, DeviceState
from vebus_protocol.variables import SettingId
from vebus_tools.simulator import Installation, Scenario, load_scenario
from vebus_tools.simulator.converter import Converter
from vebus_tools.simulator.device import Device
from vebus_tools.simulator.scenario import EventKind, MainsSpec, RandomSpec

LED_MAINS, LED_ABSORPTION, LED_BULK, LED_FLOAT, LED_INVERTER, LED_LOW = 0x01, 0x02, 0x04, 0x08, 0x10, 0x40


def course(scenario: Scenario, until_s: float, every_s: float = 1.0) -> Iterator[tuple[float, Device]]:
    installation = Installation(scenario, 3)
    now = 0.0
    while now < until_s:
        now += every_s
        installation.advance(now)
        yield now, installation.master


def after(scenario: Scenario, at_s: float) -> Device:
    installation = Installation(scenario, 3)
    installation.advance(at_s)
    return installation.master


def _balanced(now: Converter) -> None:
    assert now.inverter_w + now.mains_w + now.output_w == 0
    assert now.inverter_now_w + now.mains_now_w + now.output_now_w == 0
    assert now.dc_a * now.battery_v == pytest.approx(now.dc_w)
    assert now.output_a * now.output_v == pytest.approx(now.output_w)
    assert now.mains_a * now.mains_v == pytest.approx(-now.mains_w)
    if now.inverter_w > 0:
        assert 0 < now.dc_w < now.inverter_w
    elif now.inverter_w < 0:
        assert now.dc_w < now.inverter_w


@pytest.mark.parametrize("name", ["quiet-house", "ac-loss", "charging", "three-phase", "firmware-update"])
def test_powers_balance_at_every_moment(name: str) -> None:
    installation = Installation(load_scenario(name), 3)
    for step in range(1, 2000):
        installation.advance(step * 0.1)
        for device in installation.devices:
            _balanced(device.converter)


def test_charging_goes_through_its_phases() -> None:
    phases: list[ChargeSubState] = []
    leds, volts = set(), []
    scenario = load_scenario("charging")
    for _, device in course(scenario, 5000.0, 10.0):
        now = device.converter
        if not phases or phases[-1] is not now.charger.phase:
            phases.append(now.charger.phase)
        volts.append(now.battery_v)
        if now.charging:
            leds.add((now.charger.phase, device.leds()))
    assert phases[:3] == [ChargeSubState.BULK, ChargeSubState.ABSORPTION, ChargeSubState.FLOAT]
    assert max(volts) == pytest.approx(58.5, abs=0.1)
    assert (ChargeSubState.BULK, (LED_MAINS | LED_BULK, 0)) in leds
    assert (ChargeSubState.ABSORPTION, (LED_MAINS | LED_ABSORPTION, 0)) in leds
    assert (ChargeSubState.FLOAT, (LED_MAINS | LED_FLOAT, 0)) in leds


def test_soc_counts_what_flows() -> None:
    device = after(alone(battery=battery(0.5)), 600.0)
    expected = 0.5 + device.battery.charged_as * 0.985 / (280 * 3600)
    assert device.battery.soc == pytest.approx(expected)
    assert device.battery.soc > 0.54


def test_forced_charging_blinks() -> None:
    scenario = alone(events=(event(5.0, EventKind.CHARGER, text="equalise"),))
    device = after(scenario, 20.0)
    assert device.converter.charger.phase is ChargeSubState.EQUALISE
    assert device.leds() == (LED_MAINS, LED_BULK | LED_ABSORPTION | LED_FLOAT)


def test_absorption_is_repeated_after_its_interval() -> None:
    installation = Installation(alone(battery=battery(0.99)), 3)
    device = installation.master
    device.settings.write(SettingId.REPEATED_ABSORPTION_INTERVAL, 1, store=False)
    seen = set()
    for step in range(1, 5 * 36):
        installation.advance(step * 200.0)
        seen.add(device.converter.charger.phase)
    assert ChargeSubState.REPEATED_ABSORPTION in seen


def test_ac_loss_is_a_moment_and_then_island_mode() -> None:
    states: list[int] = []
    conditions: list[int] = []
    scenario = alone(events=(event(5.0, EventKind.AC_LOST), event(20.0, EventKind.AC_BACK)))
    for _, device in course(scenario, 40.0, 0.1):
        for seen, value in ((states, device.converter.state()), (conditions, device.converter.condition())):
            if not seen or seen[-1] != value:
                seen.append(value)
    assert states == [DeviceState.CHARGE, DeviceState.INVERT_FULL, DeviceState.CHARGE]
    assert conditions == [
        ConditionStatus.INVERTER_ON,
        ConditionStatus.AC_LOSS,
        ConditionStatus.AC_DISCONNECTED,
        ConditionStatus.AC_RETURN,
        ConditionStatus.INVERTER_ON,
    ]


def test_mains_led_blinks_until_the_relay_closes() -> None:
    scenario = alone(events=(event(5.0, EventKind.AC_LOST), event(20.0, EventKind.AC_BACK)))
    assert after(scenario, 10.0).leds() == (LED_INVERTER, 0)
    assert after(scenario, 22.0).leds() == (LED_INVERTER, LED_MAINS)
    assert after(scenario, 35.0).leds()[0] & LED_MAINS


def test_power_assist_helps_only_when_allowed() -> None:
    heavy = replace(ESS_DEVICE, load_w=3000.0, input_limit_a=10.0)
    helped = after(alone(devices=(heavy,)), 20.0).converter
    assert helped.state() is DeviceState.POWER_ASSIST
    assert helped.mains_w == pytest.approx(-10 * helped.mains_v, abs=30)
    alone_then = after(alone(devices=(replace(heavy, power_assist=False),)), 20.0).converter
    assert alone_then.state() is DeviceState.BYPASS
    assert alone_then.mains_w == -3000


def test_an_empty_battery_switches_the_inverter_off_and_the_mains_bring_it_back() -> None:
    device = replace(ESS_DEVICE, load_w=3500.0)
    scenario = alone(
        devices=(device,),
        battery=battery(0.001),
        events=(event(5.0, EventKind.AC_LOST), event(300.0, EventKind.AC_BACK)),
    )
    dead = after(scenario, 250.0)
    assert dead.converter.state() is DeviceState.OFF
    assert dead.leds()[0] & LED_LOW
    assert dead.converter.condition() is ConditionStatus.WILL_NOT_INVERT
    assert dead.alarms() == 0x20
    assert after(scenario, 400.0).converter.state() is DeviceState.CHARGE


def test_overload_shows_in_island_mode() -> None:
    device = replace(ESS_DEVICE, load_w=6000.0)
    shown = after(alone(devices=(device,), events=(event(2.0, EventKind.AC_LOST),)), 5.0)
    assert shown.alarms() == 0x40
    assert shown.leds()[1] & 0x20


def test_energy_counters_count_what_went_where() -> None:
    device = after(alone(battery=battery(0.5)), 600.0)
    counters = device.converter.energy.counters()
    assert counters[0] > counters[2] > 0
    assert [counters[at] for at in (1, 3, 5, 6, 7, 9)] == [0] * 6
    fed = after(alone(events=(event(1.0, EventKind.AC_LOST),)), 600.0).converter.energy.counters()
    assert fed[8] == pytest.approx(600 * 300 / 65536, abs=2)


def test_the_battery_warms_up_under_load() -> None:
    assert after(alone(battery=battery(0.3)), 900.0).battery.temperature_c > 22.5


def test_input_limit_and_soc_events() -> None:
    scenario = alone(
        events=(
            event(1.0, EventKind.INPUT_LIMIT, value=6.0),
            event(2.0, EventKind.SOC, value=0.2),
            event(3.0, EventKind.AMBIENT, value=35.0),
            event(4.0, EventKind.ERROR, value=11.0),
        )
    )
    device = after(scenario, 30.0)
    assert device.limits()[2] == 6.0
    assert device.converter.mains_a < 6.05
    assert 0.19 < device.battery.soc < 0.22
    assert device.error == 11
    assert device.battery.temperature_c > 22.0


def test_mains_events_change_voltage_and_frequency() -> None:
    steady = MainsSpec(wander_v=0.0, wander_hz=0.0)
    scenario = alone(mains=steady, events=(event(2.0, EventKind.MAINS, value=241.0, other=50.2),))
    device = after(scenario, 3.0)
    assert (device.converter.mains_v, device.converter.mains_hz) == (241.0, 50.2)


def test_noise_stays_small_and_is_off_without_it() -> None:
    quiet = [device.converter.battery_v for _, device in course(alone(battery=battery(0.5)), 5.0, 0.1)]
    noisy = alone(battery=battery(0.5), random=RandomSpec(measurement=1.0))
    shaken = [device.converter.battery_v for _, device in course(noisy, 5.0, 0.1)]
    assert quiet != shaken
    assert max(abs(a - b) for a, b in zip(quiet, shaken, strict=True)) <= 0.0151


def test_how_often_somebody_asks_changes_nothing() -> None:
    often, rarely = Installation(load_scenario("ac-loss"), 4), Installation(load_scenario("ac-loss"), 4)
    for step in range(1, 9000):
        often.advance(step * 0.007)
    rarely.advance(8999 * 0.007)
    assert often.battery.charge == rarely.battery.charge
    assert often.master.converter.battery_v == rarely.master.converter.battery_v


def test_the_load_profile_repeats_every_day() -> None:
    device = replace(ESS_DEVICE, load_w=0.0, load_profile=((0.0, 200.0), (3600.0, 1000.0), (7200.0, 200.0)))
    converter = after(alone(devices=(device,)), 0.0).converter
    assert converter.load_at(1800.0) == pytest.approx(600.0)
    assert converter.load_at(86_400.0 + 1800.0) == pytest.approx(600.0)
    assert converter.load_at(50_000.0) == pytest.approx(200.0)
