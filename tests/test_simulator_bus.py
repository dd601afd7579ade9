"""The virtual bus: order, numbers, times, who is heard and who is ignored."""

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.simulated import alone, decoded, digest, event, frames, plain
from vebus_protocol.enums import BusSwitch, FrameKind, SenderId
from vebus_protocol.frame import Frame, encode_frame, looks_like_frame
from vebus_protocol.info import AcInfo, BmsInfo, DcInfo, InfoRequest
from vebus_protocol.schema import Link
from vebus_protocol.status import AcPhase, Condition
from vebus_protocol.switch import AcInputConfiguration, SwitchCommand
from vebus_protocol.sync import SyncFrame
from vebus_protocol.winmon import RamWritten, ReadRam, VersionReply, WinmonFrame, WriteRam
from vebus_tools.decoder import Decoder
from vebus_tools.records import Chunk, Stamp, TimeSource
from vebus_tools.simulator import Installation, Multi, VirtualBus, load_scenario, scenario_names
from vebus_tools.simulator.bus import BYTE_S, HOST, MULTI
from vebus_tools.simulator.scenario import AccessorySpec, EventKind, MainsSpec, RandomSpec

STEADY = MainsSpec(wander_v=0.0, wander_hz=0.0)


def host_frame(number: int, payload: bytes) -> bytes:
    return encode_frame(Frame(sender=SenderId.MK3, kind=FrameKind.DATA, number=number, payload=payload))


def winmon(body: bytes, tid: int = 0xE6) -> bytes:
    return WinmonFrame(tid=tid, rest=body).build()


def ask(bus: VirtualBus, payload: bytes, wait_s: float = 0.06) -> list[object]:
    """Send a frame right behind the next sync frame, with the right number; the messages of all data frames then."""
    for said in frames(bus, bus.now_s + 0.03):
        if said.frame.kind == FrameKind.SYNC:
            after = said
    del after
    start = bus.now_s
    for sent in bus.run(start + 0.05):
        if sent.data[2] == FrameKind.SYNC and len(sent.data) > 6:
            bus.inject(host_frame((bus.number + 1) % 128, payload), bus.now_s + len(sent.data) * BYTE_S)
            break
    return [said.last for said in frames(bus, bus.now_s + wait_s) if said.frame.sender == SenderId.MULTI]


# --- order and time --------------------------------------------------------------------------------------------------
def test_rates_are_those_of_a_real_bus() -> None:
    said = list(frames(VirtualBus(load_scenario("quiet-house"), 1), 60.0))
    counts = Counter(type(one.messages[0]) for one in said)
    assert counts[SyncFrame] == pytest.approx(3000, abs=3)
    assert counts[AcPhase] == pytest.approx(3000, abs=3)
    assert len(said) / 60 == pytest.approx(118, abs=3)
    assert counts[Condition] == 250
    assert sum(one.sent.sender == HOST for one in said) / 60 == pytest.approx(6.3, abs=0.5)


@pytest.mark.parametrize(("hertz", "period_s"), [(50.0, 0.020), (60.0, 1 / 60)])
def test_sync_frames_come_once_in_a_mains_period(hertz: float, period_s: float) -> None:
    bus = VirtualBus(alone(mains=replace(STEADY, frequency_hz=hertz)))
    syncs = [said for said in frames(bus, 5.0) if isinstance(said.last, SyncFrame)][1:]
    steps = [after.sent.at_s - before.sent.at_s for before, after in pairwise(syncs)]
    assert max(steps) == pytest.approx(period_s, abs=1e-6)
    assert min(steps) == pytest.approx(period_s, abs=1e-6)


@pytest.mark.parametrize("name", [name for name in scenario_names() if name not in ("noisy-bus", "firmware-update")])
def test_numbers_follow_each_other_and_nothing_overlaps(name: str) -> None:
    number, free_at = None, 0.0
    for said in frames(VirtualBus(load_scenario(name), 7), 30.0):
        assert said.frame.good
        assert number is None or said.frame.number == (number + 1) % 128
        assert said.sent.at_s >= free_at - 1e-9
        number, free_at = said.frame.number, said.sent.at_s + len(said.sent.data) * BYTE_S


def test_replies_begin_25_to_43_ms_after_their_request() -> None:
    asked: dict[int, float] = {}
    waits = []
    scenario = plain(random=RandomSpec(latency=True))
    for said in frames(VirtualBus(scenario, 3), 60.0):
        if not isinstance(said.messages[0], WinmonFrame):
            continue
        tid = said.messages[0].tid
        if said.sent.sender == HOST:
            asked[tid] = said.sent.at_s + len(said.sent.data) * BYTE_S
        else:
            waits.append(said.sent.at_s - asked.pop(tid))
    assert len(waits) > 200
    assert 0.025 <= min(waits) < 0.027
    assert 0.039 < max(waits) <= 0.043


def test_run_goes_on_where_it_stopped() -> None:
    whole = digest(plain(), 5, 3.0)
    bus = VirtualBus(plain(), 5)
    parts = [sent for until in (0.7, 0.7, 1.9001, 3.0) for sent in bus.run(until)]
    assert parts == whole


def test_boot_and_ac_loss_are_announced_by_fb_frames() -> None:
    lost = alone(events=(event(2.0, EventKind.AC_LOST),))
    special = [sent for sent in VirtualBus(lost).run(4.0) if sent.data[1] == 0xFB]
    assert [round(sent.at_s) for sent in special] == [0, 0, 0, 2, 2]
    assert all(len(sent.data) == 5 and sent.data[2] + sent.data[3] == 0x7F for sent in special)


# --- same seed, same bytes -------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", scenario_names())
def test_same_scenario_and_seed_give_the_same_bytes(name: str) -> None:
    assert digest(load_scenario(name), 11, 15.0) == digest(load_scenario(name), 11, 15.0)


def test_two_seeds_are_alike_where_nothing_is_left_to_chance() -> None:
    assert digest(load_scenario("exact"), 1, 30.0) == digest(load_scenario("exact"), 2, 30.0)


def test_two_seeds_differ_only_in_measured_values() -> None:
    scenario = plain(random=RandomSpec(measurement=1.0), mains=STEADY)
    first, second = digest(scenario, 1, 20.0), digest(scenario, 2, 20.0)
    assert first != second
    assert [sent.data[2:5] for sent in first] == [sent.data[2:5] for sent in second]  # kind, number, type
    syncs = [[sent for sent in said if sent.data[2] == FrameKind.SYNC] for said in (first, second)]
    assert syncs[0] == syncs[1]


def test_two_seeds_differ_only_in_reply_times() -> None:
    scenario = plain(random=RandomSpec(latency=True))
    first, second = digest(scenario, 1, 20.0), digest(scenario, 2, 20.0)
    assert [sent.at_s for sent in first] != [sent.at_s for sent in second]
    syncs = [
        [(sent.at_s, decoded(sent).frame.payload) for sent in said if sent.data[2] == FrameKind.SYNC]
        for said in (first, second)
    ]
    assert syncs[0] == syncs[1]


# --- others on the bus -----------------------------------------------------------------------------------------------
def test_a_frame_with_the_right_number_is_answered() -> None:
    (reply,) = [one for one in ask(VirtualBus(alone()), winmon(b"\x05")) if isinstance(one, VersionReply)]
    assert reply.version == 2629492


@pytest.mark.parametrize("wrong", [0, 2, 5, 127])
def test_a_frame_with_a_wrong_number_is_ignored(wrong: int) -> None:
    bus = VirtualBus(alone())
    list(bus.run(0.2055))
    bus.inject(host_frame((bus.number + wrong) % 128, winmon(b"\x05")))
    said = [one.last for one in frames(bus, 0.4)]
    assert not any(isinstance(one, VersionReply) for one in said)
    assert bus.multi.ignored == 1


def test_a_damaged_frame_is_ignored() -> None:
    bus = VirtualBus(alone())
    list(bus.run(0.2055))
    good = host_frame((bus.number + 1) % 128, winmon(b"\x05"))
    bus.inject(good[:6] + bytes((good[6] ^ 1,)) + good[7:])
    assert not any(isinstance(one.last, VersionReply) for one in frames(bus, 0.4) if one.sent.sender == MULTI)
    assert bus.multi.ignored == 0


def test_injected_bytes_may_come_in_pieces() -> None:
    bus = VirtualBus(alone())
    list(bus.run(0.2055))
    wire = host_frame((bus.number + 1) % 128, winmon(b"\x05"))
    bus.inject(wire[:4])
    bus.inject(wire[4:], bus.now_s + 4 * BYTE_S)
    found = [sent for sent in bus.run(0.4) if sent.sender == MULTI and len(sent.data) > 6]
    assert any(isinstance(decoded(sent).last, VersionReply) for sent in found)


@pytest.mark.parametrize(
    ("selector", "expected"), [(0, DcInfo), (1, AcInfo), (5, AcInputConfiguration), (0x83, BmsInfo)]
)
def test_info_requests_are_answered(selector: int, expected: type) -> None:
    bus = VirtualBus(alone(accessory=AccessorySpec(bms_version=1146100)))
    request = InfoRequest(long_id=0xFFFFFFFF, selector=selector, extra=None).build()
    before = bus.multi.replies
    said = ask(bus, request)
    assert bus.multi.replies == before + 1
    assert any(isinstance(one, expected) for one in said)


@pytest.mark.parametrize(("target", "selector"), [(0xFFFFFFFF, 2), (0xFFFFFFFF, 0x80), (0xFFFFFFFF, 0x83), (0x1, 0)])
def test_what_is_absent_or_not_meant_stays_silent(target: int, selector: int) -> None:
    bus = VirtualBus(alone())
    ask(bus, InfoRequest(long_id=target, selector=selector, extra=None).build())
    assert bus.multi.replies == 0


@pytest.mark.parametrize(
    ("position", "register"),
    [(BusSwitch.ON, 0x77), (BusSwitch.CHARGER_ONLY, 0x55), (BusSwitch.INVERTER_ONLY, 0x66), (BusSwitch.OFF, 0x44)],
)
def test_switch_shows_in_the_register(position: BusSwitch, register: int) -> None:
    bus = VirtualBus(alone())
    said = ask(bus, SwitchCommand(position=position, zeros=bytes(3)).build(), wait_s=1.2)
    (shown, *_) = [one for one in said if isinstance(one, AcInputConfiguration)]
    assert shown.register == register
    assert shown.config & 0x80


def test_unknown_switch_positions_change_nothing() -> None:
    bus = VirtualBus(alone())
    ask(bus, b"\x3f\x00\x11\x00\x00")
    assert bus.installation.master.switch_register() == 0x77


@pytest.mark.parametrize(("version", "timeout_s"), [(2629492, 72.0), (2629508, 15.0)])
def test_ess_set_point_expires(version: int, timeout_s: float) -> None:
    scenario = alone(devices=(replace(alone().devices[0], version=version),))
    bus = VirtualBus(scenario)
    write = WriteRam(flags=2, id=129, value=-1000 & 0xFFFF)
    assert any(isinstance(one, RamWritten) for one in ask(bus, winmon(write.build())))
    written_at = bus.now_s
    converter = bus.installation.master.converter
    list(bus.run(written_at + 10.0))
    assert converter.mains_w == -1000
    list(bus.run(written_at + timeout_s - 0.5))
    assert converter.set_point_w == -1000
    list(bus.run(written_at + timeout_s + 0.5))
    assert converter.set_point_w is None


def test_host_set_points_steer_the_mains() -> None:
    bus = VirtualBus(plain(events=(event(10.0, EventKind.SET_POINT, value=500.0),)))
    list(bus.run(30.0))
    assert bus.installation.master.converter.mains_w == 500


def test_bytes_into_a_busy_line_collide() -> None:
    bus = VirtualBus(alone())
    sync = next(sent for sent in bus.run(1.0) if sent.data[2:3] == b"\xfd")
    bus.inject(b"\x98\xf7\xfe\x10\x00\xe6\x05\x10\xff", sync.at_s + 2 * BYTE_S)
    (collided,) = [sent for sent in bus.run(0.01) if sent.sender == "injected"]
    assert collided.data != b"\x98\xf7\xfe\x10\x00\xe6\x05\x10\xff"
    assert bus.counters.collisions == 1


def test_a_sync_frame_collides_with_who_speaks_too_long() -> None:
    bus = VirtualBus(alone())
    list(bus.run(0.0195))
    bus.inject(b"\x00" * 60, 0.0196)
    (sync,) = [sent for sent in bus.run(0.0229) if sent.sender == MULTI]
    assert bus.counters.collisions == 1
    assert not looks_like_frame(sync.data)


def test_who_waits_too_long_gives_up() -> None:
    bus = VirtualBus(alone())
    list(bus.run(0.0055))
    bus.inject(bytes(1100), 0.006)  # 43 ms
    said = [sent for sent in bus.run(0.2) if sent.sender == MULTI]
    assert bus.counters.late > 0
    assert not any(0.006 < sent.at_s < 0.048 for sent in said)
    assert all(decoded(sent).frame.good for sent in said if sent.at_s > 0.061)


def test_switched_off_without_mains_the_bus_falls_silent_and_wakes() -> None:
    scenario = alone(
        events=(
            event(1.0, EventKind.AC_LOST),
            event(2.0, EventKind.SWITCH, text="off"),
            event(20.0, EventKind.AC_BACK),
        )
    )
    bus = VirtualBus(scenario)
    times = [sent.at_s for sent in bus.run(25.0)]
    assert any(11.0 < at < 12.0 for at in times)
    assert not any(12.5 < at < 20.0 for at in times)
    assert any(20.0 < at < 20.5 for at in times)


def test_a_firmware_change_restarts_and_shows() -> None:
    bus = VirtualBus(plain(events=(event(3.0, EventKind.FIRMWARE, value=2629508.0),)))
    said = list(frames(bus, 40.0))
    versions = {one.last.version for one in said if isinstance(one.last, VersionReply)}
    assert versions == {2629492, 2629508}
    gaps = [b.sent.at_s - a.sent.at_s for a, b in pairwise(said)]
    assert max(gaps) > 0.9


# --- the machine alone -----------------------------------------------------------------------------------------------
def test_multi_takes_records_of_a_decoder() -> None:
    multi = Multi(Installation(alone()))
    for _ in range(30):
        multi.poll(multi.next_at)
    request = host_frame((multi.number + 1) % 128, winmon(ReadRam(ids=(4,)).build()))
    decoder = Decoder(Link.RS485)
    (record,) = decoder.feed(Chunk(data=request, stamp=Stamp(multi.next_at, TimeSource.HOST), whole=True))
    multi.on_record(record)
    before = multi.replies
    until = multi.next_at + 0.06
    while multi.next_at < until:
        multi.poll(multi.next_at)
    assert multi.replies == before + 1


def test_poll_says_nothing_before_its_time() -> None:
    multi = Multi(Installation(alone()))
    multi.poll(0.0)
    assert multi.poll(multi.next_at - 1e-6) == []
    (sent,) = multi.poll(multi.next_at)
    assert sent.earliest <= sent.latest


@settings(max_examples=40, deadline=None)
@given(
    pieces=st.lists(st.tuples(st.binary(min_size=1, max_size=300), st.floats(0.0, 0.5)), min_size=1, max_size=12),
    seed=st.integers(0, 3),
)
def test_random_bytes_never_break_the_bus(pieces: list[tuple[bytes, float]], seed: int) -> None:
    bus = VirtualBus(plain(), seed)
    for data, at in pieces:
        bus.inject(data, at)
    said = list(bus.run(0.6))
    assert b"".join(data for data, _ in pieces).__len__() == sum(
        len(sent.data) for sent in said if sent.sender == "injected"
    )
    assert [sent.at_s for sent in said] == sorted(sent.at_s for sent in said)


@settings(max_examples=40, deadline=None)
@given(body=st.binary(min_size=1, max_size=12), kind=st.sampled_from((0x00, 0x20, 0x21, 0x3F, 0x38, 0x41, 0xE4)))
def test_random_requests_with_good_envelopes_never_break_the_multi(body: bytes, kind: int) -> None:
    bus = VirtualBus(alone())
    list(bus.run(0.2055))
    bus.inject(host_frame((bus.number + 1) % 128, bytes((kind,)) + body))
    assert all(decoded(sent).frame.good for sent in bus.run(0.4) if len(sent.data) > 6 and sent.sender == MULTI)
