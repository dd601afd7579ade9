"""The simulated Multi with a BMS on its bus: what the wire, an adapter and the battery show of its reaction."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.bms_on_bus import (
    BMS_ERROR,
    BOTH,
    CONTRADICTORY,
    HIGH,
    LOW,
    NORMAL,
    PROFILE,
    REMOTE_OFF,
    BmsSpeaker,
    Repeater,
    bus_with,
    hear,
    run,
)
from tests.simulated import ESS_DEVICE, Client, alone, battery, event, frames, plain
from tests.traceability import covers
from vebus_protocol.bms import ProfileError, built_in
from vebus_protocol.enums import ChargeSubState, DeviceState, SwitchPosition
from vebus_protocol.info import AcInfo
from vebus_protocol.schema import Message
from vebus_protocol.status import Condition
from vebus_protocol.switch import AcInputConfiguration
from vebus_tools.simulator import Installation, Scenario, State, VirtualBus, load_scenario
from vebus_tools.simulator.bms_watch import BmsWatch
from vebus_tools.simulator.converter import nominal_voltage
from vebus_tools.simulator.installation import STEP_S
from vebus_tools.simulator.reacting import assistant_of
from vebus_tools.simulator.scenario import (
    BMS_ASSISTANT,
    Assistant,
    BmsSpec,
    DeviceSpec,
    EventKind,
    MainsDetector,
    MainsSpec,
)

PLAIN_DEVICE = DeviceSpec(load_wave_w=0.0)
NO_MAINS = MainsSpec(present=False)
EXPECTED = BmsSpec(expected=True)
LOSS_S = 5.0  # of lab-sim-1
LOW_CELLS_SOC, EMPTY_SOC = 0.6, 0.004


def device(**changes: object) -> tuple[DeviceSpec, ...]:
    return (replace(PLAIN_DEVICE, **changes),)  # type: ignore[arg-type]


def after(values: Mapping[str, int] | None, seconds: float = 12.0, **changes: object) -> VirtualBus:
    """A bus where a BMS says the same all the time."""
    bus = bus_with(Repeater(values), alone(**{"devices": device(), **changes}))
    run(bus, seconds)
    return bus


def state(bus: VirtualBus) -> State:
    (reaction,) = bus.reactions()
    return reaction.state


def last(bus: VirtualBus, kind: type[Message], seconds: float = 1.2) -> Message:
    """The last message of a kind on the wire in the next seconds."""
    return [said.last for said in frames(bus, bus.now_s + seconds) if isinstance(said.last, kind)][-1]


def ac_info(bus: VirtualBus) -> AcInfo:
    message = last(bus, AcInfo, 3.0)
    assert isinstance(message, AcInfo)
    return message


# --- without a BMS nothing is different ------------------------------------------------------------------------------
def test_without_a_bms_there_is_no_reaction() -> None:
    bus = VirtualBus(load_scenario("quiet-house"), 1)
    run(bus, 20.0)
    (reaction,) = bus.reactions()
    assert (reaction.state, reaction.frame_age_s, reaction.error) == (State.WITHOUT_BMS, None, 0)
    assert bus.transitions() == ()


def test_one_frame_is_enough_to_miss_the_bms_from_then_on() -> None:
    bms = Repeater(NORMAL)
    bus = bus_with(bms, alone())
    run(bus, 1.2)
    assert state(bus) is State.RUN
    bus.detach(bms)
    run(bus, 20.0)
    assert state(bus) is State.EMERGENCY
    steps = bus.transitions()
    assert [one.target for one in steps] == [State.OFF, State.RUN, State.EMERGENCY]
    heard = bus.installation.bms.last
    assert heard is not None
    assert LOSS_S <= steps[-1].at_s - heard.at_s <= LOSS_S + STEP_S
    assert bus.transitions() == ()


# --- low cell --------------------------------------------------------------------------------------------------------
@covers("B-14", "B-115")
def test_low_cell_with_ac_charges_and_does_not_invert() -> None:
    bus = after(LOW)
    (reaction,) = bus.reactions()
    assert (reaction.state, reaction.inverting, reaction.charging) == (State.CHARGER_ONLY, False, True)
    assert bus.installation.battery.current_a > 50.0
    assert reaction.does == "charges, does not invert"
    assert "low battery" in reaction.lit
    condition = last(bus, Condition)
    assert isinstance(condition, Condition)
    assert condition.battery == 2
    configuration = last(bus, AcInputConfiguration)
    assert isinstance(configuration, AcInputConfiguration)
    assert configuration.led_on & 0x41 == 0x41
    assert configuration.register == 0x57  # asked to charge and invert, allowed to charge


@covers("B-14", "B-116")
def test_low_cell_without_ac_is_off() -> None:
    bus = bus_with(bms := Repeater(NORMAL), plain(devices=device(), mains=NO_MAINS))
    run(bus, 5.0)
    assert bus.reactions()[0].inverting
    assert bus.installation.battery.current_a < -4.0
    bms.values = LOW
    run(bus, 7.0)
    (reaction,) = bus.reactions()
    assert (reaction.state, reaction.inverting, reaction.on) == (State.OFF_LOW, False, False)
    assert bus.installation.battery.current_a == 0.0
    info = ac_info(bus)
    assert info.state == DeviceState.OFF
    assert bus.installation.master.converter.output_v == 0.0


@covers("B-14")
def test_neither_ess_nor_power_assist_takes_from_a_low_battery() -> None:
    heavy = replace(ESS_DEVICE, load_w=6000.0, input_limit_a=10.0)
    bus = bus_with(Repeater(LOW), alone(devices=(heavy,)))
    run(bus, 8.0)
    bus.installation.master.write_set_point(3000, bus.now_s)
    run(bus, 12.0)
    assert bus.installation.battery.current_a >= 0.0
    assert not bus.reactions()[0].inverting


@covers("B-57", "B-60")
def test_recovery_needs_nobody() -> None:
    bms = Repeater(LOW)
    bus = bus_with(bms, alone(devices=device(), mains=NO_MAINS))
    run(bus, 6.0)
    assert state(bus) is State.OFF_LOW
    bms.values = NORMAL
    run(bus, 8.0)
    assert state(bus) is State.RUN
    assert bus.reactions()[0].inverting


@covers("B-129")
@pytest.mark.parametrize(
    ("detector", "expected"),
    [
        (MainsDetector.NOT_NEEDED, State.CHARGER_ONLY),
        (MainsDetector.INSTALLED, State.CHARGER_ONLY),
        (MainsDetector.MISSING, State.OFF_LOW),
    ],
)
def test_ac_starts_a_unit_after_a_low_cell_only_with_its_detector(detector: MainsDetector, expected: State) -> None:
    bus = after(
        LOW, 20.0, devices=device(mains_detector=detector), mains=NO_MAINS, events=(event(6.0, EventKind.AC_BACK),)
    )
    assert state(bus) is expected
    charged = bus.installation.battery.current_a > 0
    assert charged is (expected is State.CHARGER_ONLY)


# --- high cell -------------------------------------------------------------------------------------------------------
@covers("B-15", "B-117")
def test_high_cell_is_bulk_with_reduced_current() -> None:
    bms = Repeater(NORMAL)
    bus = bus_with(bms, alone(devices=device()))
    run(bus, 9.0)
    assert bus.installation.battery.current_a == pytest.approx(80.0, abs=0.5)
    bus.installation.master.converter.charger.enter(ChargeSubState.FLOAT)
    bms.values = HIGH
    run(bus, 10.5)
    (reaction,) = bus.reactions()
    assert (reaction.state, reaction.permitted_charge_a) == (State.BULK_REDUCED, 8.0)
    assert 0 < bus.installation.battery.current_a <= 8.001
    assert bus.installation.master.converter.sub_state() is ChargeSubState.BULK
    bms.values = NORMAL
    run(bus, 15.0)
    assert state(bus) is State.RUN


@covers("B-117")
def test_high_cell_without_ac_goes_on_inverting() -> None:
    bus = after(HIGH, mains=NO_MAINS)
    assert (state(bus), bus.reactions()[0].inverting) == (State.RUN, True)


def test_how_much_is_left_on_a_high_cell_is_a_parameter() -> None:
    assert after(HIGH, bms=BmsSpec(reduced_share=0.0)).installation.battery.current_a <= 0.0
    quarter = after(HIGH, bms=BmsSpec(reduced_share=0.25)).installation.battery.current_a
    assert quarter == pytest.approx(20.0, abs=0.2)


def test_low_and_high_cell_together() -> None:
    bus = after(BOTH)
    assert state(bus) is State.CHARGER_ONLY
    assert bus.installation.battery.current_a == pytest.approx(8.0, abs=0.1)


# --- remote off, errors, frames that contradict themselves -----------------------------------------------------------
@covers("B-81", "B-82")
def test_remote_off_with_ac_passes_it_through() -> None:
    bus = after(REMOTE_OFF)
    (reaction,) = bus.reactions()
    assert (reaction.state, reaction.connected, reaction.on) == (State.HELD_PASSTHRU, True, False)
    assert bus.installation.battery.current_a == 0.0
    assert bus.installation.master.converter.output_v > 200.0
    assert reaction.lit == ("mains on", "low battery")
    assert reaction.alarms == 0x20
    assert bus.installation.master.converter.state() is DeviceState.BYPASS


@covers("B-81")
def test_remote_off_without_ac_is_off() -> None:
    bus = after(REMOTE_OFF, mains=NO_MAINS)
    (reaction,) = bus.reactions()
    assert (reaction.state, reaction.inverting, reaction.lit) == (State.HELD_OFF, False, ())
    assert bus.installation.battery.current_a == 0.0


@pytest.mark.parametrize("values", [BMS_ERROR, CONTRADICTORY])
@pytest.mark.parametrize("mains", [True, False])
def test_nothing_is_allowed_by_a_bms_in_error_and_by_a_contradiction(values: Mapping[str, int], *, mains: bool) -> None:
    bus = after(values, mains=MainsSpec(present=mains))
    assert state(bus) is (State.CHARGER_ONLY if mains else State.OFF_LOW)
    assert bus.installation.battery.current_a == 0.0
    assert not bus.reactions()[0].inverting


def test_the_pre_alarm_shows_as_a_low_battery_warning() -> None:
    bus = after({**NORMAL, "pre_alarm": 1})
    (reaction,) = bus.reactions()
    assert (reaction.state, reaction.alarms, "low battery" in reaction.lit) == (State.RUN, 0x02, False)
    assert bus.installation.master.low_battery == 2


# --- emergency mode --------------------------------------------------------------------------------------------------
@covers("B-119", "B-120", "B-121")
@pytest.mark.parametrize(("model", "volts"), [("MultiPlus-II 48/5000", 48.0), ("MultiPlus-II 12/3000", 12.0)])
def test_emergency_mode_charges_with_5_a_up_to_the_nominal_voltage(model: str, volts: float) -> None:
    bus = after(None, 20.0, devices=device(model=model, load_w=0.0), bms=EXPECTED, battery=battery(EMPTY_SOC))
    (reaction,) = bus.reactions()
    assert (reaction.state, reaction.permitted_charge_a, reaction.permitted_charge_v) == (State.EMERGENCY, 5.0, volts)
    cell = bus.installation.battery
    assert 4.5 < cell.current_a <= 5.000001
    configuration = last(bus, AcInputConfiguration)
    assert isinstance(configuration, AcInputConfiguration)
    assert (configuration.led_on, configuration.led_blink) == (0x01, 0)
    cell.charge = 0.04
    run(bus, bus.now_s + 1.0)
    assert cell.open_v > volts
    assert cell.current_a == 0.0
    assert state(bus) is State.EMERGENCY


def test_nominal_voltages_come_from_the_model() -> None:
    assert [nominal_voltage(f"MultiPlus-II {volts}/3000")[0] for volts in (12, 24, 48)] == [12.0, 24.0, 48.0]


@covers("B-120")
def test_a_full_charge_current_falls_to_5_a_at_once_and_three_units_share_it() -> None:
    units = tuple(
        replace(PLAIN_DEVICE, address=number, phase=number + 1, unique_number=number + 1) for number in range(3)
    )
    bms = Repeater(NORMAL)
    bus = bus_with(bms, alone(devices=units, battery=battery(EMPTY_SOC)))
    run(bus, 30.0)
    cell = bus.installation.battery
    assert cell.current_a > 100.0
    cell.charge = EMPTY_SOC
    bms.values = None
    most = []
    for tenth in range(300, 420):
        run(bus, tenth / 10)
        if all(one.state is State.EMERGENCY for one in bus.reactions()):
            most.append(cell.current_a)
    assert len(most) > 30
    assert max(most) <= 5.000001


@covers("B-122")
def test_ac_lost_in_emergency_mode_is_off_and_stays_so() -> None:
    bus = after(None, 12.0, bms=EXPECTED, events=(event(6.0, EventKind.AC_LOST),))
    (reaction,) = bus.reactions()
    assert (reaction.state, reaction.inverting, reaction.on) == (State.OFF, False, False)
    assert bus.installation.battery.current_a == 0.0
    assert [one.target for one in bus.transitions()] == [State.OFF, State.EMERGENCY, State.OFF]


@covers("B-122")
def test_a_unit_without_bms_and_ac_does_not_start() -> None:
    bus = after(None, 12.0, bms=EXPECTED, mains=NO_MAINS)
    assert state(bus) is State.OFF
    assert not bus.reactions()[0].inverting


def test_when_emergency_mode_ends_is_a_parameter() -> None:
    bus = bus_with(Repeater(None), alone(devices=device(), bms=BmsSpec(expected=True, recovery_s=4.0)))
    run(bus, 3.0)
    assert state(bus) is State.EMERGENCY
    bus.attach(Repeater(NORMAL, name="other"))
    run(bus, 4.5)
    assert state(bus) is State.RUN, "the first frames ever are no recovery"
    bus = bus_with(bms := Repeater(NORMAL), alone(devices=device(), bms=BmsSpec(recovery_s=4.0)))
    run(bus, 2.0)
    bms.values = None
    run(bus, 10.0)
    bms.values = NORMAL
    run(bus, 13.5)
    assert state(bus) is State.EMERGENCY
    run(bus, 15.5)
    assert state(bus) is State.RUN


# --- Quattro ---------------------------------------------------------------------------------------------------------
@covers("B-123")
def test_an_empty_quattro_needs_ac_on_input_1() -> None:
    changes = {"devices": device(ac_inputs=2), "mains": MainsSpec(input=2), "battery": battery(0.0), "bms": EXPECTED}
    bus = after(None, 10.0, **changes, events=(event(8.0, EventKind.AC_INPUT, value=1),))
    assert state(bus) is State.EMERGENCY
    late = bus.transitions()
    assert [one.target for one in late] == [State.OFF, State.EMERGENCY]
    assert late[-1].at_s == pytest.approx(8.0)
    run(bus, 16.0)
    assert bus.installation.battery.current_a > 0


@covers("B-123")
@pytest.mark.parametrize(
    ("inputs", "fed", "soc", "charges"), [(1, 1, 0.0, True), (2, 1, 0.0, True), (2, 2, 0.6, True), (2, 2, 0.0, False)]
)
def test_which_ac_can_be_used(inputs: int, fed: int, soc: float, *, charges: bool) -> None:
    bus = VirtualBus(alone(devices=device(ac_inputs=inputs), mains=MainsSpec(input=fed), battery=battery(soc)))
    run(bus, 8.0)
    assert (bus.installation.battery.current_a > 0) is charges
    assert bus.reactions()[0].ac is charges


@covers("B-123")
@pytest.mark.parametrize(("fed", "starts"), [(1, True), (2, False)])
def test_a_quattro_without_a_battery_needs_ac_on_input_1(fed: int, *, starts: bool) -> None:
    cut = replace(battery(0.6), connected=False)
    bus = after(None, 8.0, devices=device(ac_inputs=2), mains=MainsSpec(input=fed), battery=cut, bms=EXPECTED)
    (reaction,) = bus.reactions()
    assert (reaction.state, reaction.connected) == ((State.EMERGENCY, True) if starts else (State.OFF, False))
    assert (bus.installation.battery.current_a, reaction.battery_v) == (0.0, 0.0)


def test_a_battery_that_is_cut_off_and_comes_back() -> None:
    events = (event(3.0, EventKind.BATTERY, value=False), event(6.0, EventKind.BATTERY, value=True))
    bus = VirtualBus(alone(devices=device(), mains=NO_MAINS, events=events), 1)
    run(bus, 5.0)
    assert bus.installation.master.converter.state() is DeviceState.OFF
    assert bus.installation.battery.current_a == 0.0
    run(bus, 9.0)
    assert bus.installation.master.converter.state() is DeviceState.INVERT_FULL
    assert bus.installation.battery.current_a < 0.0


# --- firmware --------------------------------------------------------------------------------------------------------
BMS_ONLY, ESS_ONLY = (Assistant(id=BMS_ASSISTANT),), (Assistant(id=0x005, words=(0, 0, 0, 0)),)


@covers("B-136", "B-137", "B-138")
@pytest.mark.parametrize(
    ("version", "assistants", "expected", "error"),
    [
        (2629414, (), State.ERR15, 15),
        (2629414, ESS_ONLY, State.ERR15, 15),
        (2629415, (), State.NEED_ASSISTANT, 7),
        (2629415, BMS_ONLY, State.RUN, 0),
        (2629488, (), State.NEED_ASSISTANT, 7),
        (2629488, ESS_ONLY, State.RUN, 0),
        (2629489, (), State.RUN, 0),
        (2029489, (), State.OFF, 0),
    ],
)
def test_the_firmware_decides_first(
    version: int, assistants: tuple[Assistant, ...], expected: State, error: int
) -> None:
    bus = after(NORMAL, 9.0, devices=device(version=version, assistants=assistants))
    (reaction,) = bus.reactions()
    assert (reaction.state, reaction.error) == (expected, error)
    assert bool(reaction.error_text) is bool(error)
    works = expected is State.RUN
    assert (bus.installation.battery.current_a > 0) is works
    assert reaction.connected is works


@covers("B-138")
def test_error_15_needs_an_update_and_a_restart() -> None:
    update = event(8.0, EventKind.FIRMWARE, value=2629489)
    bus = after(NORMAL, 7.0, devices=device(version=2629414), events=(update,))
    assert bus.reactions()[0].error == 15
    bus.detach(Repeater())  # a stranger of the same name: nothing happens
    run(bus, 12.0)
    assert (state(bus), bus.reactions()[0].error) == (State.RUN, 0)


@covers("B-137")
def test_an_assistant_for_the_bms_is_a_bms_that_is_expected() -> None:
    spec = device(version=2629488, assistants=BMS_ONLY)
    assert assistant_of(spec[0]).value == "ve-bus-bms"
    assert state(after(None, 3.0, devices=spec)) is State.EMERGENCY


# --- what an adapter and other profiles see --------------------------------------------------------------------------
@covers("B-82", "B-121")
@pytest.mark.parametrize(
    ("values", "version", "reply"),
    [
        (REMOTE_OFF, 2629492, (0x41, 0x00, 0x20, 0x00)),
        (None, 2629492, (0x01, 0x00, 0x00, 0x00)),
        (NORMAL, 2629414, (0x00, 0x10, 0x00, 0x0F)),
        (NORMAL, 2629415, (0x00, 0x10, 0x00, 0x07)),
    ],
)
def test_led_reply_of_an_adapter(
    values: Mapping[str, int] | None, version: int, reply: tuple[int, int, int, int]
) -> None:
    client = Client(alone(devices=device(version=version), bms=EXPECTED))
    if values is not None:
        hear(client.installation, values, 0.0)
    client.wait(4.0)
    (found,) = client.ask(0xFF, ord("L"))
    assert tuple(found[2:6]) == reply


def test_another_profile_changes_the_bytes_and_nothing_else() -> None:
    other = replace(PROFILE, id="other", link=replace(PROFILE.link, address=0x5151))
    traces = []
    for profile in (PROFILE, other):
        bms = BmsSpeaker(profile=profile)
        bus = VirtualBus(alone(devices=device()), 1, profile=profile)
        bus.attach(bms)
        run(bus, 5.0)
        bms.celsius = 70.0
        run(bus, 9.0)
        traces.append([(one.at_s, one.target) for one in bus.transitions()])
    assert traces[0] == traces[1]
    assert traces[0][-1][1] is State.BULK_REDUCED
    deaf = VirtualBus(alone(devices=device()), 1)
    deaf.attach(BmsSpeaker(profile=other))
    run(deaf, 3.0)
    assert state(deaf) is State.WITHOUT_BMS


def test_a_profile_whose_frames_never_get_old_is_refused() -> None:
    timing = {name: value for name, value in PROFILE.timing.items() if name != "loss_timeout"}
    with pytest.raises(ProfileError, match="without a loss time-out"):
        BmsWatch(replace(PROFILE, timing=timing), expected=False)
    BmsWatch(built_in("public-version-reply-1"), expected=False)


# --- random histories ------------------------------------------------------------------------------------------------
HAPPENING = st.sampled_from(
    [
        *(NORMAL, NORMAL, LOW, HIGH, BOTH, REMOTE_OFF, BMS_ERROR, CONTRADICTORY, "silence", "ac", "no ac"),
        *("restart", "empty", "full", "switch off", "switch on", "set point"),
    ]
)


@covers("B-14", "B-15", "B-81", "B-115", "B-116", "B-119", "B-120", "B-122")
@settings(max_examples=60)
@given(
    st.lists(st.tuples(HAPPENING, st.integers(1, 80)), min_size=1, max_size=12),
    st.sampled_from([2629492, 2629488, 2629414]),
    st.booleans(),
)
def test_invariants_of_random_histories(
    history: list[tuple[Mapping[str, int] | str, int]],
    version: int,
    expected: bool,  # noqa: FBT001  (hypothesis)
) -> None:
    scenario = alone(devices=(replace(ESS_DEVICE, version=version),), bms=BmsSpec(expected=expected))
    world, now, said = Installation(scenario), 0, None
    for what, tenths in history:
        said = what if isinstance(what, dict) else None if what == "silence" else said
        if isinstance(what, str):
            happen(world, what, now * STEP_S)
        for _ in range(tenths):
            if said is not None and now % 10 == 0:
                hear(world, said, now * STEP_S)
            world.advance(now * STEP_S)
            check(world, now * STEP_S)
            now += 1


def happen(world: Installation, what: str, now: float) -> None:
    master = world.master
    if what in ("ac", "no ac"):
        (world.mains.bring_back if what == "ac" else world.mains.lose)(0)
    elif what == "restart":
        master.reset(now)
    elif what in ("empty", "full"):
        world.battery.charge = EMPTY_SOC if what == "empty" else 1.0
    elif what.startswith("switch"):
        master.converter.switch = SwitchPosition.OFF if what == "switch off" else SwitchPosition.ON
    elif what == "set point":
        master.write_set_point(4000, now)


def check(world: Installation, now: float) -> None:
    """What holds at every moment of every history."""
    (reaction,) = world.reactions()
    watch = world.bms
    if not watch.seen and not watch.expected:
        assert reaction.state is State.WITHOUT_BMS
        return
    heard, amps = watch.last, world.battery.current_a
    fresh = watch.found(now) and heard is not None
    may_discharge = fresh and heard is not None and heard.permissions.discharge and reaction.verdict.accepted
    may_charge = fresh and heard is not None and heard.permissions.charge and reaction.verdict.accepted
    assert may_discharge or (not reaction.inverting and amps >= 0.0)
    if reaction.state is State.EMERGENCY:
        assert amps <= 5.000001
        assert world.battery.voltage_v <= 48.0 or amps == 0.0
    elif not may_charge:
        assert amps <= 8.000001
    if not fresh and reaction.verdict.accepted:
        assert reaction.state in (State.EMERGENCY, State.OFF)
    if reaction.state in (State.OFF, State.OFF_LOW, State.HELD_OFF, State.ERR15, State.NEED_ASSISTANT):
        assert amps == 0.0
    if reaction.state is State.HELD_PASSTHRU:
        assert amps == 0.0


def test_a_scenario_is_what_it_was_without_the_new_keys() -> None:
    assert Scenario().bms == BmsSpec()
    assert not Scenario().bms.expected
