"""The emulated BMS as a machine: intervals, slots, numbers, polls, silence; all in memory."""

import json
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.checkout import PACKAGES
from tests.traceability import covers
from vebus_protocol.bms import (
    LAB,
    BmsFrame,
    Permissions,
    Profile,
    ProfileError,
    built_in,
    decode,
    encode,
    read_profile,
)
from vebus_protocol.frame import Frame, decode_frame, encode_frame
from vebus_protocol.info import BmsInfo, InfoRequest
from vebus_protocol.schema import Link
from vebus_tools.battery import Bank, Sample, uniform_sample
from vebus_tools.decoder import decode_chunks
from vebus_tools.emulator import EmulatedBms, Led, Terminals, Timing
from vebus_tools.records import Chunk, Record, Stamp, TimeSource

PROFILE = built_in(LAB)
TEXT = (PACKAGES["vebus_protocol"] / "profiles" / f"{LAB}.json").read_text(encoding="utf-8")
BANK = Bank(system_v=24, series=2)
CYCLE_S, BYTE_S = 0.02, 10 / 256_000
VERSION = 1245112
POLL = InfoRequest(long_id=0xFFFF_FFFF, selector=0x83, extra=None).build()
NOTHING = Permissions()
EVERYTHING = Permissions(discharge=True, charge=True)
INTERVAL, LOW_POWER = (PROFILE.timing[f"interval_{one}"].seconds for one in ("normal", "low_power"))


class Wire:
    """A bus with sync frames every 20 ms, the machine, and a list of what it sent."""

    def __init__(
        self, profile: Profile = PROFILE, timing: Timing | None = None, *, syncs: bool = True, start: bool = True
    ) -> None:
        self.bms = EmulatedBms(profile, version=VERSION, cells=BANK.cells, timing=timing)
        self.profile, self.syncs, self.now, self.number = profile, syncs, 0.0, 0x7D
        self.sent: list[tuple[float, bytes]] = []
        self.slots: list[float] = []  # time since the end of the sync frame
        self.sample: Sample | None = uniform_sample(BANK, 0.0)
        self.fresh = True
        if start:
            self.bms.change(supply_v=26.0, vebus=True, battery_v=26.0, terminals=Terminals(joined=True))

    def hear(self, wire: bytes, at: float) -> None:
        (frame,) = decode_chunks([Chunk(data=wire, whole=True)], Link.RS485)
        self.bms.on_record(replace(frame, stamp=Stamp(at, TimeSource.HOST)))

    def tell(self, payload: bytes, sender: int = 0x98F7, kind: int = 0xFE) -> None:
        self.number = (self.number + 1) & 0x7F
        self.hear(encode_frame(Frame(sender=sender, kind=kind, number=self.number, payload=payload)), self.now)

    def run(self, seconds: float) -> "Wire":
        end = self.now + seconds
        while self.now < end - 1e-9:
            self.cycle()
        return self

    def cycle(self) -> None:
        if self.syncs:
            self.tell(bytes.fromhex("55 01 02 03"), sender=0x8383, kind=0xFD)
        if self.fresh:
            self.sample = self.sample and Sample(at_s=self.now, cells=self.sample.cells)
            self.bms.feed(self.sample)
        for sent in self.bms.poll(self.now + 0.0005):
            assert self.now <= sent.earliest <= sent.latest <= self.now + CYCLE_S / 2
            self.slots.append(sent.earliest - self.now)
            self.sent.append((sent.earliest, sent.data))
            if self.syncs:
                assert decode_frame(sent.data).number == (self.number + 1) & 0x7F
                self.number = (self.number + 1) & 0x7F
            self.hear(sent.data, sent.earliest)  # half duplex: it hears itself
        self.now += CYCLE_S

    def frames(self, since: float = 0.0) -> list[tuple[float, BmsFrame]]:
        read = [(at, decode(self.profile, decode_frame(wire))) for at, wire in self.sent if at >= since]
        return [(at, frame) for at, frame in read if frame is not None]

    def information(self, since: float = 0.0) -> list[tuple[float, BmsFrame]]:
        return [(at, frame) for at, frame in self.frames(since) if frame.spec.name == "information"]

    @property
    def last(self) -> BmsFrame:
        return self.information()[-1][1]

    def cells(self, volts: float = 3.3, degrees: float = 20.0) -> "Wire":
        self.sample = uniform_sample(BANK, self.now, voltage_v=volts, temperature_c=degrees)
        return self


# --- intervals and slots ---------------------------------------------------------------------------------------------
@covers("B-61", "B-62", "B-63")
def test_intervals_in_both_modes() -> None:
    wire = Wire().run(20)
    wire.bms.change(multi_on=False)
    begin = wire.now + LOW_POWER
    wire.run(20)
    normal = [at for at, _ in wire.information() if at < begin - LOW_POWER]
    low = [at for at, _ in wire.information(begin)]
    for times, expected in ((normal, INTERVAL), (low, LOW_POWER)):
        gaps = [later - earlier for earlier, later in pairwise(times)]
        assert gaps
        assert min(gaps) >= expected - 1e-9
        assert max(gaps) <= expected + 2 * CYCLE_S
    assert {frame.values["link_mode"] for _, frame in wire.information(begin)} == {1}


def test_it_speaks_right_behind_a_sync_frame() -> None:
    wire = Wire().run(10)
    assert wire.slots
    end_of_sync = 10 * BYTE_S  # ids, kind, number, four bytes, checksum, end
    assert all(end_of_sync < slot < end_of_sync + 0.0002 for slot in wire.slots)


def test_it_speaks_without_sync_frames_when_the_interval_has_passed() -> None:
    wire = Wire(syncs=False).run(10)
    assert len(wire.information()) >= 9


def test_a_missed_slot_waits_for_the_next_sync_frame() -> None:
    wire = Wire().run(5)
    wire.tell(bytes.fromhex("55 01 02 03"), sender=0x8383, kind=0xFD)
    assert wire.bms.poll(wire.now + 0.01) == []


def test_a_later_slot_waits_for_the_line_and_takes_the_number_after_the_last_frame() -> None:
    bms = EmulatedBms(PROFILE, version=VERSION, cells=BANK.cells, slot_delay_s=0.002)
    bms.change(supply_v=26.0, vebus=True, battery_v=26.0, terminals=Terminals(joined=True))
    assert bms.next_at is None
    sync = encode_frame(Frame(sender=0x8383, kind=0xFD, number=5, payload=bytes.fromhex("55 01 02 03")))
    other = encode_frame(Frame(sender=0x98F7, kind=0xFE, number=6, payload=bytes(30)))
    bms.feed(uniform_sample(BANK, 0.0))
    bms.poll(0.0)  # it starts to run
    bms.feed(uniform_sample(BANK, 1.0))
    for at, wire in ((1.0, sync), (1.0 + len(sync) * BYTE_S + 0.0019, other)):
        (record,) = decode_chunks([Chunk(data=wire, whole=True)], Link.RS485)
        bms.on_record(replace(record, stamp=Stamp(at, TimeSource.HOST)))
        assert bms.poll(at + len(wire) * BYTE_S - 0.001) == []
    assert bms.next_at is not None
    (sent,) = bms.poll(bms.next_at)
    assert sent.earliest > 1.0 + len(sync) * BYTE_S + 0.0019 + len(other) * BYTE_S
    assert decode_frame(sent.data).number == 7
    assert bms.next_at is None


@covers("B-65")
def test_the_first_frame_comes_after_the_boot_time_and_allows_nothing() -> None:
    wire = Wire().run(3)
    at, first = wire.information()[0]
    assert at >= PROFILE.timing["boot"].seconds
    assert first.permissions == NOTHING
    wire.run(3)
    assert wire.last.permissions == EVERYTHING
    wire.bms.change(app_ok=False)
    count = len(wire.sent)
    wire.run(5)
    assert len(wire.sent) == count


def test_counters_go_up_by_one_and_no_frame_breaks_a_rule() -> None:
    wire = Wire(syncs=False).run(270)
    counters = [int(frame.values["counter"]) for _, frame in wire.information()]
    assert counters == [at & 0xFF for at in range(len(counters))]
    assert len(counters) > 256, "the counter has gone round"
    assert not any(frame.broken for _, frame in wire.frames())


# --- battery events --------------------------------------------------------------------------------------------------
@covers("B-10", "B-12", "B-13", "B-14", "B-22", "B-57")
def test_a_discharge_event_from_cell_voltages_to_frames() -> None:
    wire = Wire().run(10)
    wire.cells(3.05).run(2)
    assert wire.last.values["pre_alarm"] == 1
    assert wire.last.permissions == EVERYTHING
    wire.cells(2.75).run(20)
    assert wire.last.permissions == EVERYTHING
    wire.run(15)
    assert wire.last.permissions == Permissions(discharge=False, charge=True)
    assert not wire.bms.outputs.load_disconnect.high
    wire.cells(3.3).run(10)
    assert wire.last.permissions == EVERYTHING
    texts = [event.text for event in wire.bms.events]
    assert [one for one in texts if "alarm" in one or "low cell" in one][:2] == [
        "ok -> pre-alarm",
        "pre-alarm -> low cell",
    ]


@covers("B-15", "B-17")
@pytest.mark.parametrize(("volts", "degrees"), [(4.1, 20.0), (3.3, 60.0), (3.3, 0.0)])
def test_high_hot_and_cold_cells_stop_charging_in_the_next_frame(volts: float, degrees: float) -> None:
    wire = Wire().run(10).cells(volts, degrees).run(INTERVAL + 2 * CYCLE_S)
    assert wire.last.permissions == Permissions(discharge=True, charge=False)
    assert int(wire.last.values["high_cell_level"]) & 0x80


def test_on_hardware_timing_a_low_cell_is_in_the_next_frame() -> None:
    wire = Wire(timing=Timing(shaped=False)).run(10).cells(2.7).run(INTERVAL + 2 * CYCLE_S)
    assert wire.last.permissions != EVERYTHING
    assert wire.last.values["low_cell"] == 1


@covers("B-81")
def test_a_restriction_in_low_power_does_not_wait_for_the_longer_interval() -> None:
    wire = Wire().run(10)
    wire.bms.change(multi_on=False)
    wire.run(10)
    begin, changed = wire.information()[-1][0], wire.now
    wire.bms.change(terminals=Terminals())
    wire.run(5)
    at, frame = wire.information(begin + 0.001)[0]
    assert frame.values["remote_off"] == 1
    assert frame.permissions == NOTHING
    assert at <= max(begin + INTERVAL, changed) + 2 * CYCLE_S


# --- silence ---------------------------------------------------------------------------------------------------------
def test_old_data_mean_silence_and_fresh_ones_a_hold_time() -> None:
    wire = Wire().run(10)
    wire.fresh = False
    silent_from = wire.now + wire.bms.limits.max_age_s
    wire.run(20)
    assert not wire.information(silent_from)
    assert not wire.bms.outputs.charge_disconnect.high
    wire.fresh = True
    back = wire.now
    wire.run(10)
    heard = wire.information(back)
    assert heard[0][1].permissions == NOTHING
    assert all(frame.permissions == NOTHING for at, frame in heard if at < back + wire.bms.timing.hold_s)
    assert heard[-1][1].permissions == EVERYTHING


@pytest.mark.parametrize("gap", [30.0, 3.0])
def test_after_a_time_in_which_nobody_polled_the_hold_time_starts_anew(gap: float) -> None:
    wire = Wire().run(10)
    wire.now += gap
    back = wire.now
    wire.run(5)
    heard = wire.information(back)
    assert heard[0][1].permissions == NOTHING
    assert all(frame.permissions == NOTHING for at, frame in heard if at < back + wire.bms.timing.hold_s)
    assert heard[-1][1].permissions == EVERYTHING


def test_a_source_that_says_nothing_means_silence_at_once() -> None:
    wire = Wire().run(10)
    wire.sample, wire.fresh = None, False
    wire.bms.feed(None)
    count = len(wire.sent)
    wire.run(5)
    assert len(wire.sent) == count


@covers("B-68")
def test_without_the_cable_or_the_start_nothing_is_sent() -> None:
    assert Wire(start=False).run(20).sent == []
    wire = Wire().run(10)
    wire.bms.change(vebus=False)
    count = len(wire.sent)
    assert len(wire.run(5).sent) == count


@pytest.mark.parametrize(
    "other",
    [
        Frame(sender=0x4C42, kind=0xFE, number=1, payload=b"\x01\x02"),
        Frame(sender=0x1234, kind=0xFE, number=1, payload=bytes.fromhex("4C 41 42 01 03 20 00 00")),
        Frame(sender=0x1234, kind=0xFE, number=1, payload=BmsInfo(unknown_5_8=bytes(4), version=1145100).build()),
    ],
)
def test_another_bms_silences_it_for_good(other: Frame) -> None:
    wire = Wire().run(10)
    wire.hear(encode_frame(other), wire.now)
    count = len(wire.sent)
    wire.run(60)
    assert len(wire.sent) == count
    assert "another BMS" in wire.bms.stopped
    assert wire.bms.events[-1].requirements == "X-6 U-23"


def _led(wire: Wire) -> Led:
    return wire.bms.outputs.status_led


@covers("B-50", "B-64")
def test_the_status_led_flashes_only_while_frames_are_sent() -> None:
    wire = Wire().run(10)
    assert _led(wire) is Led.FLASH
    wire.fresh = False
    wire.run(5)
    assert _led(wire) is Led.DARK
    wire.fresh = True
    wire.run(1)
    assert _led(wire) is Led.FLASH
    wire.hear(encode_frame(Frame(sender=0x4C42, kind=0xFE, number=1, payload=b"\x01\x02")), wire.now)
    assert _led(wire) is Led.DARK


def test_its_own_echo_is_no_news() -> None:
    wire = Wire().run(60)
    assert wire.bms.stopped == ""


def test_a_damaged_frame_is_no_other_bms() -> None:
    wire = Wire().run(10)
    data = bytearray(encode_frame(Frame(sender=0x4C42, kind=0xFE, number=1, payload=b"\x01\x02")))
    data[-2] ^= 1
    for record in decode_chunks([Chunk(data=bytes(data), whole=True)], Link.RS485):
        wire.bms.on_record(record)
    assert wire.bms.stopped == ""


# --- the presence poll -----------------------------------------------------------------------------------------------
def _versions(wire: Wire) -> list[float]:
    return [frame.values["version"] for _, frame in wire.frames() if frame.spec.name == "version_reply"]


def test_the_presence_poll_is_answered_once() -> None:
    wire = Wire().run(10)
    wire.tell(POLL)
    wire.run(1)
    assert _versions(wire) == [VERSION]
    wire.run(10)
    assert _versions(wire) == [VERSION]


def test_a_poll_for_something_else_is_not_answered() -> None:
    wire = Wire().run(10)
    wire.tell(InfoRequest(long_id=0xFFFF_FFFF, selector=0x80, extra=None).build())
    wire.tell(InfoRequest(long_id=0, selector=0, extra=None).build())
    assert _versions(wire.run(5)) == []


def test_no_sync_cycle_has_two_frames() -> None:
    wire = Wire().run(5)
    for _ in range(500):
        wire.tell(POLL)
        wire.cycle()
    times = [at for at, _ in wire.sent]
    assert all(later - earlier > CYCLE_S / 2 for earlier, later in pairwise(times))


# --- profiles --------------------------------------------------------------------------------------------------------
def test_another_profile_changes_the_bytes_and_nothing_else() -> None:
    entry = json.loads(TEXT)
    entry["id"], entry["link"]["address"] = "other", "12 34"
    frame = entry["frames"][0]
    del frame["message"]
    frame["fields"][0]["bytes"], frame["fields"][1]["bytes"] = "77 77 77", "02"
    for one in frame["fields"]:
        if one["type"] == "bits":
            one["bit"] = 7 - one["bit"]
            one["invert"] = True
    entry["tests"] = []
    other = read_profile(json.dumps(entry), "other")
    traces: list[list[tuple[float, Any]]] = []
    bytes_sent = []
    for profile in (PROFILE, other):
        wire = Wire(profile).run(5).cells(3.0).run(40).cells(2.7).run(5).cells(3.3, 60.0).run(5)
        traces.append([(at, (frame.spec.name, frame.values)) for at, frame in wire.frames()])
        bytes_sent.append([data for _, data in wire.sent])
    assert traces[0] == traces[1]
    assert len(traces[0]) > 50
    assert all(one != two for one, two in zip(*bytes_sent, strict=True))


def test_a_profile_that_cannot_be_spoken_is_refused() -> None:
    with pytest.raises(ProfileError, match="sender id"):
        EmulatedBms(built_in("public-version-reply-1"), version=VERSION)
    entry = json.loads(TEXT)
    entry["provenance"]["class"], entry["tx_policy"]["media"] = "hypothesis", []
    with pytest.raises(ProfileError, match="decoding only"):
        EmulatedBms(read_profile(json.dumps(entry), "x"), version=VERSION)
    entry = json.loads(TEXT)
    entry["frames"][0]["fields"][-1]["name"], entry["tests"] = "state_of_charge", []
    with pytest.raises(ProfileError, match="state_of_charge"):
        EmulatedBms(read_profile(json.dumps(entry), "x"), version=VERSION)


# --- after any history -----------------------------------------------------------------------------------------------
ACTIONS = st.lists(
    st.tuples(
        st.sampled_from((0.3, 1.0, 3.0, 8.0)),
        st.sampled_from(("cells", "stale", "fresh", "remote", "unplug", "multi", "poll", "none")),
        st.sampled_from((2.7, 3.0, 3.3, 4.1)),
        st.booleans(),
    ),
    max_size=12,
)


def _act(wire: Wire, action: str, volts: float, *, on: bool) -> None:
    if action == "cells":
        wire.cells(volts)
    elif action in ("stale", "fresh"):
        wire.fresh = action == "fresh"
    elif action == "remote":
        wire.bms.change(terminals=Terminals(joined=on))
    elif action == "unplug":
        wire.bms.change(vebus=on)
    elif action == "multi":
        wire.bms.change(multi_on=on)
    elif action == "poll":
        wire.tell(POLL)


@settings(max_examples=15, phases=[Phase.reuse, Phase.generate])
@given(actions=ACTIONS, shaped=st.booleans())
def test_no_frame_is_permissive_beyond_what_fresh_data_and_switches_allow(
    actions: list[tuple[float, str, float, bool]], *, shaped: bool
) -> None:
    wire = Wire(timing=Timing(shaped=shaped)).run(4)
    for seconds, action, volts, on in actions:
        _act(wire, action, volts, on=on)
        end = wire.now + seconds
        while wire.now < end:
            count = len(wire.sent)
            wire.cycle()
            if len(wire.sent) > count:
                _judge(wire, *wire.sent[-1], shaped=shaped)
    times = [at for at, _ in wire.information()]
    assert all(later - earlier >= INTERVAL - 1e-9 for earlier, later in pairwise(times))


def _judge(wire: Wire, at: float, data: bytes, *, shaped: bool) -> None:
    found = decode(PROFILE, decode_frame(data))
    assert found is not None
    assert not found.broken
    sample, inputs = wire.bms._sample, wire.bms.inputs
    assert sample is not None, "a frame without data"
    assert at - sample.at_s <= wire.bms.limits.max_age_s
    assert inputs.vebus
    permissions = found.permissions
    if permissions is None:
        return
    if not inputs.remote_on:
        assert permissions == NOTHING
    volts = sample.cells[0].voltage_v
    assert volts is not None
    assert not (permissions.charge and volts >= 4.0)
    assert shaped or not (permissions.discharge and volts <= 2.8)
    assert encode(PROFILE, "information", found.values, number=decode_frame(data).number) == data


def test_records_of_another_link_are_ignored() -> None:
    wire = Wire()
    (record,) = decode_chunks([Chunk(data=bytes.fromhex("06 21 FF FF FF FF 83 4A"))], Link.MK3)
    assert isinstance(record, Record)
    wire.bms.on_record(record)
    wire.run(5)
    assert _versions(wire) == []
