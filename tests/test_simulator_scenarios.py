"""Scenario files: what they may hold, errors with line and key, and the ready ones."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vebus_protocol.enums import DeviceState
from vebus_tools.simulator import (
    Installation,
    Scenario,
    ScenarioError,
    VirtualBus,
    load_scenario,
    parse_scenario,
    scenario_names,
)
from vebus_tools.simulator.scenario import (
    BMS_ASSISTANT,
    ESS,
    Assistant,
    BmsSpec,
    EventKind,
    FaultKind,
    MainsDetector,
    PhaseWord,
    Side,
)

FULL = """
title    = "All of it"
duration = "1h30m"

[[device]]
model         = "MultiPlus-II 12/3000"
version       = "0x281F74"
serial        = "HQ2144ABCDE"
unique-number = 0x12345678
address       = 3
phase         = 1
load          = 250.5
load-wave     = 10
load-profile  = [["0h", 100], ["6h30m", 800]]
assistants    = [{ id = 0x009 }, "ess", { id = 0x00A, words = [7] }]
power-assist  = false
input-limit   = 16
phase-word    = "ticks"
password      = "open"
ac-inputs     = 2
mains-detector = "missing"

[mains]
present          = false
voltage          = 228
frequency        = 60
wander-voltage   = 0
wander-frequency = 0.01
connect-delay    = "3s"
input            = 2

[battery]
capacity   = 100
resistance = 0.01
soc        = 0.5
ambient    = 30
connected  = false

[host]
present  = true
every    = 10
start-up = false

[adapter]
version               = 1130136
heartbeat             = "1s"
combined              = true
accept-plain-checksum = true

[accessory]
bms-version = 1146100
dmc-version = 107

[bms]
expected      = true
reduced-share = 0.25
recovery      = "3s"

[random]
measurement = 0.5
latency     = true

[[event]]
at   = "10s"
what = "ac-lost"
for  = "500ms"

[[event]]
at    = 20
what  = "set-point"
watts = -500

[[event]]
at   = "1m"
what = "set-point"
stop = true

[[event]]
at      = "2m"
what    = "firmware"
version = 2629508

[[event]]
at    = "3m"
what  = "ac-input"
input = 1

[[event]]
at        = "4m"
what      = "battery"
connected = true

[[fault]]
kind   = "bad-checksum"
side   = "both"
types  = [0xE4, "sync", "winmon"]
from   = "1s"
until  = "2s"
every  = 7

[[fault]]
kind = "no-heartbeat"
"""


def test_every_key_arrives() -> None:
    scenario = parse_scenario(FULL, "full.toml")
    assert (scenario.name, scenario.title, scenario.duration_s) == ("full", "All of it", 5400.0)
    (device,) = scenario.devices
    assert (device.model, device.version, device.serial) == ("MultiPlus-II 12/3000", 2629492, "HQ2144ABCDE")
    assert (device.unique_number, device.address, device.phase) == (0x12345678, 3, 1)
    assert (device.load_w, device.load_wave_w, device.power_assist, device.input_limit_a) == (250.5, 10.0, False, 16.0)
    assert device.load_profile == ((0.0, 100.0), (23400.0, 800.0))
    assert device.assistants == (
        Assistant(id=9),
        Assistant(id=ESS, words=(0, 0, 0, 0)),
        Assistant(id=10, words=(7,)),
    )
    assert (device.phase_word, device.password) == (PhaseWord.TICKS, "open")
    assert (device.ac_inputs, device.mains_detector) == (2, MainsDetector.MISSING)
    assert (scenario.mains.input, scenario.bms) == (2, BmsSpec(expected=True, reduced_share=0.25, recovery_s=3.0))
    mains, battery = scenario.mains, scenario.battery
    assert (mains.present, mains.voltage_v, mains.frequency_hz) == (False, 228.0, 60.0)
    assert (mains.wander_v, mains.wander_hz, mains.connect_delay_s) == (0.0, 0.01, 3.0)
    assert not battery.connected
    assert (battery.capacity_ah, battery.resistance_ohm, battery.soc, battery.ambient_c) == (100.0, 0.01, 0.5, 30.0)
    assert (scenario.host.present, scenario.host.every, scenario.host.start_up) == (True, 10, False)
    adapter = scenario.adapter
    assert (adapter.version, adapter.heartbeat_s, adapter.combined) == (1130136, 1.0, True)
    assert adapter.accept_plain_checksum
    assert (scenario.accessory.bms_version, scenario.accessory.dmc_version) == (1146100, 107)
    assert (scenario.random.measurement, scenario.random.latency) == (0.5, True)


def test_events_and_faults_arrive() -> None:
    scenario = parse_scenario(FULL, "full.toml")
    assert [(event.at_s, event.kind) for event in scenario.events] == [
        (10.0, EventKind.AC_LOST),
        (10.5, EventKind.AC_BACK),
        (20.0, EventKind.SET_POINT),
        (60.0, EventKind.SET_POINT),
        (120.0, EventKind.FIRMWARE),
        (180.0, EventKind.AC_INPUT),
        (240.0, EventKind.BATTERY),
    ]
    assert [event.value for event in scenario.events] == [0.0, 0.0, -500.0, 0.0, 2629508, 1, True]
    assert [event.text for event in scenario.events[2:4]] == ["", "stop"]
    checksum, heartbeat = scenario.faults
    assert (checksum.kind, checksum.side, checksum.every) == (FaultKind.BAD_CHECKSUM, Side.BOTH, 7)
    assert (checksum.types, checksum.from_s, checksum.until_s) == (frozenset((0xE4, 0x55, 0x00)), 1.0, 2.0)
    assert (heartbeat.kind, heartbeat.side) == (FaultKind.NO_HEARTBEAT, Side.ADAPTER)


def test_the_bms_assistant_has_a_stand_in_for_its_id() -> None:
    (spec,) = parse_scenario('[[device]]\nassistants = ["ve-bus-bms", "ess"]', "x.toml").devices
    assert spec.assistants == (Assistant(id=BMS_ASSISTANT), Assistant(id=ESS, words=(0, 0, 0, 0)))


def test_an_empty_file_is_a_scenario() -> None:
    assert parse_scenario("", "folder/empty.toml") == Scenario(name="empty")


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("title = 3", "x.toml, line 1: title: 3 is not a text in quotes"),
        ("\n\nvoltage = 230", "x.toml, line 3: voltage: not known; known are accessory, adapter, battery, bms"),
        ("[mains]\nvoltage = 12", "x.toml, line 2: mains.voltage: 12 is not a number from 80 to 300"),
        ("[mains]\n# a comment\nfrequenzy = 50", "x.toml, line 3: mains.frequenzy: not known; known here are"),
        ("[mains]\npresent = 1", "x.toml, line 2: mains.present: 1 is not true or false"),
        ("mains = 3", "x.toml, line 1: mains: has to be a table"),
        ("[device]\nload = 3", "x.toml, line 1: device: write [[device]]"),
        (
            '[[device]]\nmodel = "Quattro"',
            "x.toml, line 2: device[0].model: 'Quattro' is not one of MultiPlus-II 12/3000",
        ),
        (
            "[[device]]\n\n[[device]]\nphase = 1\naddress = 1",
            "x.toml, line 4: device[1].phase: 1 is taken by another device",
        ),
        ("[[device]]\n[[device]]\nphase = 2", "x.toml, line 2: device[1].address: 0 is taken by another device"),
        ("[[device]]\nphase = 2", "device: one device has to be on phase 1"),
        ('[[device]]\nserial = "short"', "x.toml, line 2: device[0].serial: a serial number has 11 ASCII characters"),
        (
            '[[device]]\n[[device]]\naddress = 1\nphase = 2\nmodel = "MultiPlus-II 12/3000"',
            "x.toml, line 5: device[1].model: all devices share one battery",
        ),
        ('[[device]]\nversion = "492"', "x.toml, line 2: device[0].version: '492' is not a version AABBCCC"),
        ("[[device]]\nassistants = [5]", 'device[0].assistants: [5] is not "ess" or { id = 0..0xfff'),
        ('[[device]]\nload-profile = [["2h", 1], ["1h", 2]]', "is not times that rise within one day"),
        ("[[event]]\nat = 3", "x.toml, line 1: event[0]: needs the key what: one of ac-lost, ac-back"),
        ('[[event]]\nat = 3\nwhat = "fire"', "x.toml, line 3: event[0].what: 'fire' is not one of"),
        ('[[event]]\nwhat = "load"\nwatts = 3', "x.toml, line 1: event[0]: load needs the key at"),
        ('[[event]]\nat = 1\nwhat = "load"', "x.toml, line 1: event[0]: load needs the key watts"),
        ('[[event]]\nat = "1 hour"\nwhat = "reset"', "event[0].at: '1 hour' is not a time such as 2.5"),
        ('[[event]]\nat = 1\nwhat = "set-point"', "event[0]: set-point needs watts, or stop = true"),
        ('[[event]]\nat = 1\nwhat = "reset"\nwatts = 3', "x.toml, line 4: event[0].watts: not known"),
        ('[[device]]\nmains-detector = "yes"', "'yes' is not one of not-needed, installed, missing"),
        ("[[device]]\nac-inputs = 3", "device[0].ac-inputs: 3 is not an integer from 1 to 2"),
        ('[[event]]\nat = 1\nwhat = "ac-input"', "event[0]: ac-input needs the key input"),
        ("[bms]\nreduced-share = 2", "x.toml, line 2: bms.reduced-share: 2 is not a number from 0 to 1"),
        ('[[fault]]\nkind = "explosion"', "x.toml, line 2: fault[0].kind: 'explosion' is not one of bad-checksum"),
        ('[[fault]]\nkind = "noise"\nevery = 2\nnth = 3', "fault[0]: only one of nth, every and probability"),
        ('[[fault]]\nkind = "noise"\nfrom = 5\nuntil = 5', "x.toml, line 4: fault[0].until: has to be later than from"),
        ('[[fault]]\nkind = "led-appended"\nside = "bus"', "x.toml, line 3: fault[0].side: led-appended exists only"),
        (
            '[[fault]]\nkind = "wrong-number"\nside = "both"',
            "line 3: fault[0].side: frames have numbers only on the bus",
        ),
        (
            '[[fault]]\nkind = "noise"\ntypes = [\n  0xE4,\n  300,\n]',
            "x.toml, line 3: fault[0].types: [228, 300] is not",
        ),
        ("[mains]\nvoltage = ,\n", "x.toml: Invalid value (at line 2, column 11)"),
    ],
)
def test_errors_name_line_and_key(content: str, complaint: str) -> None:
    with pytest.raises(ScenarioError) as raised:
        parse_scenario(content, "x.toml")
    assert complaint in str(raised.value)


def test_lines_are_right_behind_values_of_several_lines() -> None:
    content = '[[device]]\nassistants = [\n  "ess",  # [\n  { id = 9 },\n]\nload = -1\n'
    with pytest.raises(ScenarioError, match=r"x\.toml, line 6: device\[0\]\.load: -1 is not a number"):
        parse_scenario(content, "x.toml")


@given(st.text(max_size=200))
def test_any_text_is_a_scenario_or_a_scenario_error(content: str) -> None:
    problem = "x.toml"
    try:
        parse_scenario(content, "x.toml")
    except ScenarioError as found:
        problem = str(found)
    assert problem.startswith("x.toml")


def test_unknown_names_are_told_with_the_known_ones() -> None:
    with pytest.raises(ScenarioError, match="no scenario 'nowhere'; there are ac-loss, charging"):
        load_scenario("nowhere")


@pytest.mark.parametrize("name", scenario_names())
def test_ready_scenarios_are_complete_and_run(name: str) -> None:
    scenario = load_scenario(name)
    assert scenario.name == name
    assert scenario.title
    assert scenario.duration_s >= 60.0
    bus = VirtualBus(scenario, 1)
    assert sum(1 for _ in bus.run(5.0)) > 500


def test_the_ready_scenarios_are_those_in_the_package() -> None:
    folder = Path(load_scenario.__code__.co_filename).parent / "scenarios"
    assert set(scenario_names()) == {path.stem for path in folder.glob("*.toml")}
    assert {"quiet-house", "charging", "ac-loss", "ess-day", "noisy-bus", "three-phase", "old-firmware"} <= set(
        scenario_names()
    )


def test_ess_day_tells_the_story_of_its_title() -> None:
    installation = Installation(load_scenario("ess-day"), 1)
    course = {}
    converter = installation.master.converter
    for hour in range(1, 25):
        for second in range(hour * 3600 - 3600, hour * 3600, 5):  # as the host on the bus does it
            installation.advance(float(second))
            if installation.host_set_point_w is not None:
                installation.master.write_set_point(round(installation.host_set_point_w) & 0xFFFF, second)
        course[hour] = (converter.mains_w, converter.inverter_w, installation.battery.soc)
    assert abs(course[3][0]) <= 50  # the battery carries the night
    assert course[3][1] < -150
    assert course[13][1] > 1500  # surplus at noon
    assert course[20][1] < -1000
    assert min(soc for _, _, soc in course.values()) > 0.05
    assert converter.state() in (DeviceState.CHARGE, DeviceState.BYPASS)
