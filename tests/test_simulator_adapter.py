"""The simulated adapter: the recipe of mk3.md 18, point by point, and recorded request sequences."""

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.simulated import ESS_DEVICE, Client, alone, event, frames, plain
from vebus_protocol.info import AcInfo, BmsInfo, DcInfo, DmcInfo, IdentityInfo
from vebus_protocol.mk3 import Mk3Frame, dissect_mk3_frame, encode_mk3_frame, plain_checksum
from vebus_protocol.scaling import DEVICE_TABLES
from vebus_protocol.switch import AcInputConfiguration
from vebus_protocol.winmon import EnergyCounters
from vebus_tools.simulator import Mk3Adapter, VirtualBus, load_scenario
from vebus_tools.simulator.adapter_commands import bus_payload
from vebus_tools.simulator.bus import HOST, MULTI
from vebus_tools.simulator.scenario import AccessorySpec, AdapterSpec, Assistant, DeviceSpec, EventKind, RandomSpec

FF = 0xFF
A, D, F, H, L, N, R, S, V, W, X, Y, Z = b"ADFHLNRSVWXYZ"
SPLIT_VERSION, COMBINED_VERSION = bytes.fromhex("ff5882741f"), bytes.fromhex("ff5882741f28000701")
SELECT_0 = (FF, A, 1, 0)
WORD = "open"
COMBINED = (FF, S, 3, 0, 0x80, 1, 0x90, 0, 0)
SPLIT = (FF, S, 3, 0, 0x80, 1, 0x90, 0, 1)


@pytest.fixture
def client() -> Client:
    made = Client(plain())
    made.ask(*SELECT_0)
    return made


def changed(**values: object) -> Client:
    made = Client(plain(**values))
    made.ask(*SELECT_0)
    return made


# --- the adapter itself ----------------------------------------------------------------------------------------------
def test_version_tells_whether_an_address_is_selected() -> None:
    asked = Client(plain())
    assert asked.ask(FF, V) == [bytes.fromhex("ff5628db110042")]
    assert asked.ask(*SELECT_0) == [bytes(SELECT_0)]
    assert asked.ask(FF, V) == [bytes.fromhex("ff5628db110000")]


def test_address_is_echoed_even_when_nobody_has_it(client: Client) -> None:
    assert client.ask(FF, A, 1, 7) == [bytes((FF, A, 1, 7))]
    assert client.ask(FF, A, 0, 0) == [bytes((FF, A, 0, 7))]
    assert client.ask(FF, X, 5) == []


def test_before_any_address_was_selected_the_letter_w_is_told() -> None:
    assert Client(plain()).ask(FF, A, 0, 0) == [bytes((FF, A, 0, 0x57))]


def test_heartbeat_comes_when_nothing_else_does(client: Client) -> None:
    client.wait(3.0)
    times = [sent.at_s for sent in client.wait(10.0)]
    steps = [after - before for before, after in pairwise(times)]
    assert all(step == pytest.approx(1.5375, abs=0.001) for step in steps)
    busy = [client.ask(FF, L, wait_s=1.0) for _ in range(5)]
    assert all(len(said) == 1 for said in busy)
    assert sum(sent.data[2] == V for sent in client.out[-5:]) == 0


def test_heartbeat_may_be_switched_off() -> None:
    assert changed(adapter=AdapterSpec(heartbeat_s=0.0)).payloads(10.0, without_v=False) == []


def test_leds_have_six_data_bytes(client: Client) -> None:
    assert client.ask(FF, L) == [bytes((FF, L, 5, 0, 0, 0, 0x80, 0))]


def test_lines_are_kept(client: Client) -> None:
    assert client.ask(FF, H) == [bytes((FF, H, 5))]
    assert client.ask(FF, H, 7) == [bytes((FF, H, 7))]
    assert client.ask(FF, H, 5, 0) == [bytes((FF, H, 5))]


def test_reset_forgets_the_address(client: Client) -> None:
    client.send(FF, R)
    assert client.payloads(0.7, without_v=False) == [bytes.fromhex("ff5628db110042")]


def test_state_is_answered_and_kept(client: Client) -> None:
    assert client.ask(FF, S, 1, 0x40, 0x01, 1, 0x80) == [bytes((FF, S))]
    assert client.ask(FF, D) == [bytes((FF, D, 1, 0x40, 0x01, 0, 0x80, 0))]
    device = client.installation.master
    assert device.switch_register() == 0x55
    assert device.limits()[2] == 32.0


@pytest.mark.parametrize(
    ("limit", "flags", "amps"),
    [
        (120, 0x80, 12.0),
        (0x8000, 0x80, 50.0),  # no limit
        (0, 0x80, 1.0),  # the minimum
        (0x10C0, 0x00, 16 * 192 / 255),  # potentiometer C0 of a panel of 16 A
    ],
)
def test_input_limit_in_both_formats(client: Client, limit: int, flags: int, amps: float) -> None:
    client.ask(FF, S, 3, limit & 0xFF, limit >> 8, 1, flags)
    (reply,) = client.ask(FF, F, 5, wait_s=1.0)
    shown = AcInputConfiguration.parse(reply)
    assert shown.actual == pytest.approx(amps * 10, abs=1)
    assert shown.config & 0x84 == 0x84


def test_flags_alone_leave_the_switch_alone(client: Client) -> None:
    client.ask(FF, S, 4, 0, 0x80, 1, 0x90, 0, 0)
    assert client.installation.master.switch_register() == 0x77
    assert client.ask(FF, X, 5) == [COMBINED_VERSION]


def test_blocked_adapter_says_so(client: Client) -> None:
    client.ask(FF, S, 3, 0, 0x80, 1, 0x90, 0, 1, 2)
    assert client.ask(FF, L)[0][5] == 0x80


def test_split_is_the_default_and_s_switches(client: Client) -> None:
    assert client.ask(FF, X, 5) == [SPLIT_VERSION]
    assert client.ask(FF, Y, 6) == [bytes.fromhex("ff59832800")]
    client.ask(*COMBINED)
    assert client.ask(FF, X, 5) == [COMBINED_VERSION]
    client.ask(*SPLIT)
    assert client.ask(FF, X, 5) == [SPLIT_VERSION]


def test_leds_are_appended_when_asked_for(client: Client) -> None:
    client.ask(FF, S, 3, 0, 0x80, 1, 0x92)
    client.send(FF, X, 5)
    (piece,) = client.pieces(0.3)
    assert (piece.frame.payload, piece.frame.leds) == (SPLIT_VERSION, (5, 0))


def test_speed_switch() -> None:
    asked = Client(plain())
    asked.send(FF, V)
    slow = asked.wait(0.5)[0].at_s
    assert slow == pytest.approx(0.005 + 9 * 10 / 2400)
    asked.send(FF, N)
    assert asked.adapter.speed == 115_200
    asked.raw(b"\x55" * 5)
    start = asked.now
    asked.send(FF, V)
    assert asked.wait(0.5)[0].at_s - start == pytest.approx(0.005 + 9 * 10 / 115_200)
    asked.adapter.on_bytes(encode_mk3_frame(Mk3Frame(payload=bytes((FF, L)))), asked.now, speed=2400)
    assert asked.payloads(0.5) == []


@pytest.mark.parametrize("junk", [b"\x55" * 5, b"\x00", b"\x00\x00", b"\x03\xff\x46", bytes(range(200, 230))])
def test_junk_between_frames_is_survived(client: Client, junk: bytes) -> None:
    client.raw(junk)
    client.wait(0.5)
    assert client.ask(FF, X, 5) == [SPLIT_VERSION]


@pytest.mark.parametrize("payload", [(FF, V), SELECT_0, (FF, L), (FF, F, 0), (FF, X, 5), (FF, Y, 0x36, 0), (FF, D)])
def test_a_surplus_00_is_accepted(client: Client, payload: tuple[int, ...]) -> None:
    assert len(client.ask(*payload, 0)) == 1


@pytest.mark.parametrize("payload", [(FF, ord("C")), (FF, ord("T"), 1), (FF, F), (FF, A), (FF, S, 3), (0x38, 4, 0x6C)])
def test_what_nobody_describes_stays_unanswered(client: Client, payload: tuple[int, ...]) -> None:
    assert client.ask(*payload) == []


# --- second checksum -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("strict", "register"), [(True, 0x77), (False, 0x44)])
def test_second_checksum_is_enforced_unless_told_otherwise(*, strict: bool, register: int) -> None:
    asked = changed(adapter=AdapterSpec(accept_plain_checksum=not strict))
    body = bytes.fromhex("053f04000000")
    asked.raw(body + bytes((plain_checksum(body),)))
    asked.wait(0.5)
    assert asked.installation.master.switch_register() == register


def test_raw_switch_frames_switch(client: Client) -> None:
    client.raw(bytes.fromhex("053F04000000C5"))
    client.wait(0.5)
    assert client.installation.master.switch_register() == 0x44
    client.raw(bytes.fromhex("053F07000000C2"))
    client.wait(0.5)
    assert client.installation.master.switch_register() == 0x77


@pytest.mark.parametrize(
    ("selector", "present", "kind"), [(0x83, True, BmsInfo), (0x80, True, DmcInfo), (0x83, False, None)]
)
def test_presence_polls(*, selector: int, present: bool, kind: type[BmsInfo | DmcInfo] | None) -> None:
    accessory = AccessorySpec(bms_version=1146100, dmc_version=107) if present else AccessorySpec()
    said = changed(accessory=accessory).ask(0x21, 255, 255, 255, 255, selector)
    assert len(said) == present
    assert kind is None or kind.parse(said[0]).version in (1146100, 107)


def test_dc_by_source(client: Client) -> None:
    (reply,) = client.ask(0x21, 0, 0, 0, 0, 0)
    assert DcInfo.parse(reply).selector == 0x0C


# --- winmon ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("letter", [W, X, Y, Z])
def test_winmon_works_on_every_letter(client: Client, letter: int) -> None:
    (reply,) = client.ask(FF, letter, 0x30, 14, 16)
    assert reply[:3] == bytes((FF, letter, 0x85))
    assert len(reply) == 7


def test_read_ram_takes_one_to_six_ids(client: Client) -> None:
    for count in range(1, 7):
        assert len(client.ask(FF, X, 0x30, *range(count))[0]) == 3 + 2 * count
    assert client.ask(FF, X, 0x30) == [bytes((FF, X, 0x80, 0))]
    assert client.ask(FF, X, 0x30, *range(7)) == [bytes((FF, X, 0x80, 0))]


def test_unknown_ram_in_both_forms(client: Client) -> None:
    assert client.ask(FF, X, 0x30, 10) == [bytes((FF, X, 0x90, 0, 0))]
    assert client.ask(FF, X, 0x36, 10, 0) == [bytes((FF, X, 0x8E, 0, 0))]
    client.ask(*COMBINED)
    assert client.ask(FF, X, 0x30, 0, 10) == [bytes((FF, X, 0x90, 2))]
    assert client.ask(FF, X, 0x36, 10, 0) == [bytes((FF, X, 0x8E))]


def test_settings_in_both_forms(client: Client) -> None:
    assert client.ask(FF, X, 0x31, 2, 0) == [bytes.fromhex("ff5886da16")]
    assert client.ask(FF, X, 0x31, 99, 0) == [bytes.fromhex("ff58910000")]
    assert client.ask(FF, X, 0x35, 2, 0) == [bytes.fromhex("ff58899cff8a00008bda168cc0128d0c17")]
    assert client.ask(FF, X, 0x35, 99, 0) == [bytes.fromhex("ff58890000")]
    client.ask(*COMBINED)
    assert client.ask(FF, X, 0x35, 2, 0) == [bytes.fromhex("ff58899cff0000da16c0120c1700")]
    assert client.ask(FF, X, 0x35, 99, 0) == [bytes.fromhex("ff5889")]


def test_settings_are_written_within_their_limits(client: Client) -> None:
    assert client.ask(FF, X, 0x37, 1, 6, 100, 0) == [bytes.fromhex("ff58880000")]
    assert client.installation.master.limits()[2] == 10.0
    assert client.ask(FF, X, 0x37, 1, 6, 0xFF, 0xFF) == [bytes.fromhex("ff588003")]
    assert client.ask(FF, X, 0x37, 1, 99, 0, 0) == [bytes.fromhex("ff588002")]
    assert client.installation.master.limits()[2] == 10.0


def test_settings_in_ram_only_are_gone_after_a_reset(client: Client) -> None:
    client.ask(FF, X, 0x37, 3, 6, 100, 0)
    client.ask(FF, X, 0x37, 1, 4, 40, 0)
    client.send(FF, F, 8, 0, 0, 0, 0)
    client.wait(5.0)
    settings_now = client.installation.master.settings
    assert (settings_now.raw[6], settings_now.raw[4]) == (320, 40)


def test_write_says_that_a_reset_is_needed(client: Client) -> None:
    client.ask(*COMBINED)
    assert client.ask(FF, X, 0x37, 1, 64, 0xD0, 0x07) == [bytes.fromhex("ff588801")]
    assert client.ask(FF, X, 0x37, 1, 4, 40, 0) == [bytes.fromhex("ff5888")]


def test_only_the_set_point_can_be_written_in_ram(client: Client) -> None:
    assert client.ask(FF, X, 0x37, 2, 129, 0x18, 0xFC) == [bytes.fromhex("ff58870000")]
    assert client.installation.master.converter.set_point_w == -1000
    assert client.ask(FF, X, 0x30, 129) == [bytes.fromhex("ff588518fc")]
    assert client.ask(FF, X, 0x37, 2, 4, 0, 0) == [bytes.fromhex("ff588002")]


def test_protected_settings_need_the_password() -> None:
    asked = changed(devices=(replace(ESS_DEVICE, password=WORD),))
    asked.ask(*COMBINED)
    assert asked.ask(FF, X, 0x37, 1, 81, 5, 0) == [bytes.fromhex("ff589b02")]
    assert asked.ask(FF, X, 0x3A, *b"wrong\0\0\0") == [bytes.fromhex("ff588001")]
    assert asked.ask(FF, X, 0x3A, *WORD.encode().ljust(8, b"\0")) == [bytes.fromhex("ff589c")]
    assert asked.ask(FF, X, 0x37, 1, 81, 5, 0) == [bytes.fromhex("ff5888")]
    asked.wait(31.0)
    assert asked.ask(FF, X, 0x37, 1, 81, 6, 0) == [bytes.fromhex("ff589b02")]


def test_snapshot_is_frozen(client: Client) -> None:
    assert client.ask(FF, X, 0x38) == [bytes((FF, X, 0x99))]
    client.send(FF, F, 6, 14, 16, 15)
    ram = client.installation.master.ram
    frozen = b"".join((ram.raw(variable) or 0).to_bytes(2, "little") for variable in (14, 16, 15))
    client.installation.master.converter.inverter_w += 500
    assert client.ask(FF, X, 0x38) == [bytes((FF, X, 0x99)) + frozen]
    client.send(FF, F, 6, 14, 10)
    client.wait(0.2)
    assert client.ask(FF, X, 0x38) == [bytes((FF, X, 0x99))]


def test_device_state_and_forced_phases(client: Client) -> None:
    assert client.ask(FF, X, 0x0E, 0, 0) == [bytes((FF, X, 0x94, 9, 1))]
    assert client.ask(FF, X, 0x0E, 3, 0) == [bytes((FF, X, 0x94, 9, 3))]
    assert client.ask(FF, X, 0x0E, 9, 0) == [bytes((FF, X, 0x80, 1))]


def test_energy_serial_and_flag_access(client: Client) -> None:
    client.wait(120.0)
    (reply,) = client.ask(FF, X, 0x0F)
    assert EnergyCounters.parse(reply[2:]).ac_in1_to_inverter > 0
    assert client.ask(FF, X, 0x3B) == [b"\xffX\x9dHQ00000SIM0"]
    assert client.ask(FF, X, 0x3C, 60) == [bytes((FF, X, code, 60)) + bytes(8) for code in (0x9E, 0x9F)]


@pytest.mark.parametrize("code", [0x00, 0x02, 0x03, 0x0D, 0x20, 0x39, 0x7F])
def test_other_winmon_codes_are_refused(client: Client, code: int) -> None:
    assert client.ask(FF, X, code, 0, 0) == [bytes((FF, X, 0x80, 0))]


def test_every_published_variable_and_setting_has_its_scale(client: Client) -> None:
    client.ask(*COMBINED)
    table = DEVICE_TABLES["MultiPlus-II 48/5000"]
    for variable, row in table.ram.items():
        expected = row.scale.scale.to_bytes(2, "little", signed=True) + (row.scale.offset & 0xFFFF).to_bytes(
            2, "little"
        )
        assert client.ask(FF, X, 0x36, variable, 0, wait_s=0.2)[0][3:] == expected
    for setting, info in table.settings.items():
        (reply,) = client.ask(FF, X, 0x35, setting, 0, wait_s=0.2)
        assert int.from_bytes(reply[3:5], "little", signed=True) == info.scale.scale


def test_old_firmware_sends_pieces_and_knows_two_step_writes_only() -> None:
    asked = Client(load_scenario("old-firmware"))
    asked.ask(*SELECT_0)
    asked.ask(*COMBINED)
    assert asked.ask(FF, X, 5) == [bytes((FF, X, 0x82)) + (1919158 & 0xFFFF).to_bytes(2, "little")]
    assert asked.ask(FF, X, 0x36, 0, 0) == [bytes.fromhex("ff588e9c7f"), bytes.fromhex("ff588f0000")]
    assert [reply[2] for reply in asked.ask(FF, X, 0x35, 2, 0, wait_s=1.0)] == [0x89, 0x8A, 0x8B, 0x8C, 0x8D]
    assert asked.ask(FF, X, 0x37, 1, 4, 50, 0) == [bytes((FF, X, 0x80, 0))]
    assert asked.ask(FF, X, 0x33, 4, 0) == []
    assert asked.ask(FF, X, 0x34, 50, 0) == [bytes((FF, X, 0x88, 0, 0))]
    assert asked.installation.master.settings.raw[4] == 50


# --- several devices -------------------------------------------------------------------------------------------------
def test_three_phases_by_address_and_phase() -> None:
    asked = Client(load_scenario("three-phase"))
    kinds = [AcInfo.parse(asked.ask(FF, F, phase)[0]).selector for phase in (1, 2, 3)]
    assert kinds == [0x0A, 0x07, 0x06]
    assert asked.ask(FF, F, 4) == []
    numbers = []
    for address in (0, 1, 2):
        asked.ask(FF, A, 1, address)
        (reply,) = asked.ask(FF, X, 0x3B)
        numbers.append(reply[3:])
        identity = IdentityInfo.parse(asked.ask(FF, F, 7, address)[0])
        assert (identity.short_address, identity.addresses) == (address, 0b111)
    assert numbers == [b"HQ00000SIM1", b"HQ00000SIM2", b"HQ00000SIM3"]
    assert asked.ask(FF, F, 7, 5) == []


def test_lower_case_letters_name_the_address() -> None:
    asked = Client(load_scenario("three-phase"))
    asked.ask(*SELECT_0)
    assert asked.ask(FF, ord("y"), 0x37, 2, 129, 0x64, 0, 2) == [bytes((FF, Y, 0x87, 0, 0))]
    points = [device.converter.set_point_w for device in asked.installation.devices]
    assert points == [None, None, 100.0]
    assert asked.ask(FF, ord("x"), 0x30, 16, 9) == []


def test_dc_is_that_of_the_system() -> None:
    asked = Client(load_scenario("three-phase"))
    asked.wait(5.0)
    amps = sum(device.converter.dc_a for device in asked.installation.devices)
    shown = DcInfo.parse(asked.ask(FF, F, 0)[0])
    assert (shown.charger_current - shown.inverter_current) / 10 == pytest.approx(amps, abs=2)


def test_one_reset_restarts_one_device() -> None:
    asked = Client(load_scenario("three-phase"))
    asked.send(FF, F, 8, 0x00, 0x10, 0x02, 0x00)
    said = asked.payloads(0.3)
    assert said == [bytes(2)]
    assert [device.restarts for device in asked.installation.devices] == [0, 1, 0]


# --- sleep and wake --------------------------------------------------------------------------------------------------
SLEEPY = (event(1.0, EventKind.AC_LOST), event(2.0, EventKind.SWITCH, text="off"), event(40.0, EventKind.AC_BACK))


def test_sleep_takes_the_power_of_the_adapter_and_ac_brings_it_back() -> None:
    asked = changed(events=SLEEPY, adapter=AdapterSpec(combined=False))
    asked.ask(*COMBINED)
    asked.send(FF, N)
    asked.wait(15.0)
    assert asked.ask(FF, V, wait_s=10.0) == []
    assert asked.wait(5.0) == []
    asked.wait(41.0 - asked.now)
    assert asked.ask(FF, V) == [bytes.fromhex("ff5628db110042")]
    assert asked.adapter.speed == 2400
    assert asked.ask(FF, X, 5) == [SPLIT_VERSION]


def test_the_standby_line_keeps_it_awake() -> None:
    asked = changed(events=SLEEPY)
    asked.ask(FF, H, 7)
    asked.wait(20.0)
    assert len(asked.ask(FF, V)) == 1


def test_a_wake_event_ends_sleep_for_a_while() -> None:
    events = (*SLEEPY[:2], event(20.0, EventKind.WAKE))
    asked = changed(events=events)
    asked.wait(19.0 - asked.now)
    assert asked.ask(FF, V, wait_s=0.5) == []
    asked.wait(20.5 - asked.now)
    assert len(asked.ask(FF, V)) == 1
    asked.wait(35.0 - asked.now)
    assert asked.ask(FF, V) == []


def test_a_restarted_device_announces_itself() -> None:
    asked = changed(events=(event(3.0, EventKind.FIRMWARE, value=2629508.0),))
    asked.wait(2.5 - asked.now)
    assert asked.payloads(1.0) == [bytes(2)]
    assert asked.ask(FF, X, 5)[0][3:] == (2629508 & 0xFFFF).to_bytes(2, "little")


# --- with a bus behind it --------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("payload", "on_bus"),
    [
        ((FF, W, 5, 0, 0), (0x00, 0xE4, 5, 0, 0)),
        ((FF, Z, 0x30, 4, 5), (0x00, 0xE7, 0x30, 4, 5)),
        ((FF, F, 1), (0x21, 0, 0, 0, 0, 1)),
        ((0x21, 255, 255, 255, 255, 0x83), (0x21, 255, 255, 255, 255, 0x83)),
        ((0x3F, 5, 0, 0, 0), (0x3F, 5, 0, 0, 0)),
        ((FF, V), None),
        ((FF, F, 6, 1), None),
        ((FF, L), None),
    ],
)
def test_what_goes_to_the_multi_is_seen_on_the_bus(payload: tuple[int, ...], on_bus: tuple[int, ...] | None) -> None:
    scenario = alone()
    bus = VirtualBus(scenario)
    adapter = Mk3Adapter(bus.installation, 0, bus)
    list(bus.run(0.5))
    adapter.on_bytes(encode_mk3_frame(Mk3Frame(payload=bytes(payload))), 0.5)
    said = list(frames(bus, 0.7))
    asked = [one for one in said if one.sent.sender == HOST]
    assert [tuple(one.frame.payload) for one in asked] == ([on_bus] if on_bus else [])
    if on_bus and on_bus[0] == 0:
        (answer,) = [one for one in said if one.frame.payload[:2] == bytes(on_bus[:2]) and one.sent.sender == MULTI]
        assert answer.sent.at_s - asked[0].sent.at_s < 0.045


def test_other_addresses_are_not_seen_on_the_bus() -> None:
    assert bus_payload(bytes((FF, X, 5)), 1) is None


# --- recorded sequences ----------------------------------------------------------------------------------------------
VECTORS = json.loads((Path(__file__).parent / "vectors" / "mk3.json").read_text(encoding="utf-8"))
# The device of each project, as far as its replies show it: assistant records, form of the replies.
MP2 = (Assistant(id=0x009), Assistant(id=0x880), Assistant(id=0x005, words=(0,) * 4), Assistant(id=0x00A, words=(0,)))
SEQUENCES = {
    "mp2-version": ({}, False),
    "mp2-setpoint": ({"assistants": MP2}, True),
    "mp2-assistant-scan": ({"assistants": MP2}, True),
    "mp2-snapshot": ({}, True),
    "vct-device-state": ({}, False),
    "vct-scan": ({}, False),
    "vct-write-refused": ({}, False),
    "vct-setpoint": ({}, True),
    "velib-ram-info": ({}, True),
    "velib-write": ({}, True),
    "velib-version": ({}, True),
    "velib-version-split": ({}, False),
    "built-setting-2": ({"model": "MultiPlus-II 12/3000"}, True),
}
# Where a reply has values of the moment or of another device: only so many bytes have to be alike.
ALIKE = {
    "mp2-version": 2,
    "mp2-snapshot": 3,
    "mp2-assistant-scan": 5,
    "vct-device-state": 3,
    "vct-scan": 5,
    "vct-setpoint": 3,
    "velib-write": 3,
}


def _sequence(name: str) -> list[dict[str, Any]]:
    return sorted((entry for entry in VECTORS if entry.get("exchange") == name), key=lambda entry: int(entry["seq"]))


@pytest.mark.parametrize("name", SEQUENCES)
def test_recorded_requests_get_the_recorded_replies(name: str) -> None:
    values, combined = SEQUENCES[name]
    version = 2648304 if name.startswith("velib") else 2629492
    asked = Client(plain(devices=(replace(ESS_DEVICE, version=version, **values),)))  # type: ignore[arg-type]
    if name != "mp2-version":
        asked.ask(*SELECT_0)
    asked.ask(*(COMBINED if combined else SPLIT))
    entries = _sequence(name)
    if name == "velib-version-split":  # the recording begins with the reply
        asked.send(FF, X, 5)
    expected: list[bytes] = []
    got: list[bytes] = []
    for entry in entries:
        wire = bytes.fromhex(entry["hex"])
        if entry["direction"] == "host->mk3":
            asked.raw(wire)
            got += asked.payloads(0.4, without_v=name != "mp2-version")
        else:
            expected.append(dissect_mk3_frame(wire).payload)
    if name == "mp2-snapshot":
        expected = expected[1:]  # an info frame that was asked for before
    if name == "built-setting-2":
        asked.send(FF, X, 0x35, 2, 0)
    got += asked.payloads(0.4, without_v=name != "mp2-version")
    same = ALIKE.get(name, 100)
    assert [reply[:same] for reply in got] == [reply[:same] for reply in expected]
    assert [len(reply) for reply in got] == [len(reply) for reply in expected]


def test_all_sequences_of_the_vectors_are_tried() -> None:
    names = {entry["exchange"] for entry in VECTORS if entry.get("exchange")}
    assert names - set(SEQUENCES) == {"mp2-led"}  # a reply without its request


@pytest.mark.parametrize(
    "entry", [e for e in VECTORS if e["direction"] == "host->mk3" and e["checksum_ok"]], ids=lambda entry: entry["name"]
)
def test_every_recorded_request_is_understood(entry: dict[str, Any]) -> None:
    asked = changed(devices=(replace(ESS_DEVICE, assistants=MP2),), accessory=AccessorySpec(bms_version=1146100))
    before = asked.adapter.frames_in
    asked.raw(bytes.fromhex(entry["hex"]))
    said = asked.pieces(1.0)
    assert asked.adapter.frames_in == before + 1
    assert all(piece.frame is not None and piece.frame.checksum_ok for piece in said)


def test_same_seed_same_bytes_two_seeds_other_times() -> None:
    def session(seed: int) -> list[Any]:
        asked = Client(plain(random=RandomSpec(latency=True, measurement=1.0)), seed)
        for payload in (SELECT_0, (FF, F, 0), (FF, F, 1), (FF, X, 0x30, 4, 5), COMBINED, (FF, X, 5)):
            asked.ask(*payload)
        return asked.out

    assert session(1) == session(1)
    assert session(1) != session(2)


# --- whatever comes --------------------------------------------------------------------------------------------------
@settings(max_examples=60, deadline=None)
@given(chunks=st.lists(st.binary(max_size=40), max_size=12))
def test_random_bytes_never_break_the_adapter(chunks: list[bytes]) -> None:
    asked = Client(plain())
    for chunk in chunks:
        asked.raw(chunk)
        asked.wait(0.05)
    asked.wait(1.0)
    assert len(asked.ask(FF, L, wait_s=1.0)) == 1


@settings(max_examples=120, deadline=None)
@given(letter=st.sampled_from(b"ACDFHLNRSTVWXYZxyz"), rest=st.binary(max_size=14))
def test_random_commands_with_good_checksums_never_break_it(letter: int, rest: bytes) -> None:
    asked = Client(plain())
    asked.send(FF, letter, *rest)
    said = asked.pieces(1.5)
    assert all(piece.frame is not None and piece.frame.checksum_ok for piece in said)


def test_phase_of_a_device_spec_decides_who_answers() -> None:
    specs = tuple(DeviceSpec(address=at, phase=at + 1, unique_number=at, load_w=100.0 * at) for at in range(2))
    asked = Client(plain(devices=specs))
    asked.wait(2.0)
    second = AcInfo.parse(asked.ask(FF, F, 2)[0])
    assert second.inverter_current * second.inverter_voltage / 10_000 == pytest.approx(100, abs=5)
