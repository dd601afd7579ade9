"""Participants from outside on the virtual bus: heard, answered, damaged, pulled out; and the poll for a BMS."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import pairwise
from random import Random

import pytest

from tests.bms_on_bus import NORMAL, PROFILE, VERSION, BmsSpeaker, Repeater, bus_with, hear, run
from tests.simulated import Client, alone, event, frames, plain
from vebus_protocol.bms import LAB, built_in, encode
from vebus_protocol.frame import dissect_frame, looks_like_frame
from vebus_protocol.info import BmsInfo
from vebus_protocol.mk3 import Mk3Frame, encode_mk3_frame
from vebus_tools.records import Transmission
from vebus_tools.simulator import Installation, Mk3Adapter, Scenario, State, TimedBytes, VirtualBus
from vebus_tools.simulator.bus import BYTE_S, MULTI
from vebus_tools.simulator.installation import STEP_S
from vebus_tools.simulator.scenario import (
    AdapterSpec,
    BmsSpec,
    EventKind,
    Fault,
    FaultKind,
    HostSpec,
    MainsSpec,
)

POLL = bytes.fromhex("06 21 FF FF FF FF 83 4A")
POLL_WITH_PLAIN_CHECKSUM = bytes.fromhex("06 21 FF FF FF FF 83 5A")


@dataclass
class Once:
    """Sends given bytes at given times, whatever the line does."""

    name: str
    plan: list[Transmission]
    heard: list[tuple[bytes, float]] = field(default_factory=list)

    @property
    def next_at(self) -> float:
        return self.plan[0].earliest if self.plan else float("inf")

    def poll(self, now: float) -> Iterable[Transmission]:
        due = [one for one in self.plan if one.earliest <= now]
        self.plan = self.plan[len(due) :]
        return due

    def on_wire(self, data: bytes, at: float) -> None:
        self.heard.append((data, at))


def once(name: str, *sent: tuple[float, bytes], patience_s: float = 0.01) -> Once:
    return Once(name, [Transmission(earliest=at, latest=at + patience_s, data=data) for at, data in sent])


def information(number: int) -> bytes:
    return encode(built_in(LAB), "information", NORMAL, number=number)


def syncs(sent: Iterable[TimedBytes]) -> list[TimedBytes]:
    return [one for one in sent if one.sender == MULTI and len(one.data) > 6 and one.data[2] == 0xFD]


# --- heard and answered ----------------------------------------------------------------------------------------------
def test_an_emulated_bms_takes_part() -> None:
    bms = BmsSpeaker()
    bus = bus_with(bms, plain())
    said = list(bus.run(20.0))
    own = [one for one in said if one.sender == "bms"]
    assert bus.counters.senders["bms"] == len(own) == 21  # 20 information frames, one answer to the host's poll
    assert bms.bms.stopped == ""
    assert (bus.counters.collisions, bus.counters.late, bus.multi.ignored) == (0, 0, 0)
    assert bms.heard == [one.data for one in said], "it hears every byte, its own included"
    numbers = [one.data[3] for one in said if looks_like_frame(one.data)]
    assert all(after == (before + 1) % 128 for before, after in pairwise(numbers))
    assert [one.at_s for one in said] == sorted(one.at_s for one in said)
    assert bus.installation.bms.version == VERSION
    assert bus.reactions()[0].state is State.RUN


def test_the_poll_for_a_bms_is_answered_on_the_bus() -> None:
    answers = [said.last for said in frames(bus_with(BmsSpeaker(), plain()), 5.0) if isinstance(said.last, BmsInfo)]
    assert [answer.version for answer in answers] == [VERSION]


def test_pieces_of_time_give_the_same_bytes() -> None:
    whole = list(bus_with(BmsSpeaker(), plain()).run(6.0))
    bus = bus_with(BmsSpeaker(), plain())
    pieces = [sent for step in range(1, 601) for sent in bus.run(step / 100)]
    assert pieces == whole


def test_who_is_pulled_out_is_missed() -> None:
    bms = BmsSpeaker()
    bus = bus_with(bms, plain())
    run(bus, 8.0)
    assert bus.reactions()[0].state is State.RUN
    bus.detach(bms)
    said = list(bus.run(15.0))
    assert not [one for one in said if one.sender == "bms"]
    assert bus.reactions()[0].state is State.EMERGENCY
    bus.attach(bms)
    run(bus, 20.0)
    assert bus.reactions()[0].state is State.RUN


def test_a_bms_speaks_to_a_multi_that_sleeps() -> None:
    """Everything off for a while, no sync frame: the BMS goes on (U-30), and the Multi still knows of it."""
    off = (event(5.0, EventKind.SWITCH, text="off"),)
    bms = BmsSpeaker()
    bus = bus_with(bms, alone(mains=MainsSpec(present=False), events=off))
    run(bus, 20.0)
    assert bus.installation.asleep
    bms.bms.change(multi_on=False)
    quiet = list(bus.run(30.0))
    assert {one.sender for one in quiet} == {"bms"}
    assert len(quiet) in (6, 7)  # every 1.5 s
    assert bus.installation.bms.found(bus.now_s)


def test_who_comes_late_is_not_asked_about_the_past() -> None:
    class Recorder(Once):
        def poll(self, now: float) -> Iterable[Transmission]:
            asked.append(now)
            return super().poll(now)

    asked: list[float] = []
    bus = VirtualBus(alone())
    run(bus, 5.0)
    bus.attach(Recorder("late", [Transmission(earliest=1.0, latest=9.0, data=information(0))]))
    (own,) = [one for one in bus.run(6.0) if one.sender == "late"]
    assert asked
    assert min(asked) >= 5.0
    assert own.at_s >= 5.0
    assert bus.now_s == 6.0


def test_a_damaged_frame_does_not_swallow_the_next_one() -> None:
    other = replace(PROFILE, link=replace(PROFILE.link, address=0x5152))
    broken = Fault(kind=FaultKind.TRUNCATION, types=frozenset((0x4C,)), size=9, nth=1)
    bus = VirtualBus(alone(faults=(broken,)), 1, profile=other)
    bus.attach(BmsSpeaker(profile=other))
    said = [one for one in bus.run(4.0) if one.sender == "bms"]
    assert [len(one.data) == 9 for one in said] == [True, False, False, False]
    assert bus.installation.bms.frames == 3


def test_names_are_taken_once() -> None:
    bus = bus_with(Repeater(), alone())
    for name in ("bms", "multi", "host", "noise", "injected"):
        with pytest.raises(ValueError, match=name):
            bus.attach(Repeater(name=name))


def test_frames_in_pieces_are_put_together() -> None:
    wire, at = information(0), 0.0125
    bus = VirtualBus(alone())
    run(bus, 0.0121)
    wire = information((bus.number + 1) % 128)
    bus.attach(once("bms", (at, wire[:5]), (at + 6 * BYTE_S, wire[5:])))
    run(bus, 0.2)
    assert bus.installation.bms.frames == 1


def test_who_wants_to_speak_all_the_time_does_not_stop_the_clock() -> None:
    class Eager(Once):
        @property
        def next_at(self) -> float:
            return 0.0

    bus = VirtualBus(alone())
    bus.attach(Eager("eager", []))
    assert len(syncs(bus.run(1.0))) == 50


# --- collisions ------------------------------------------------------------------------------------------------------
def test_two_that_begin_at_once_damage_each_other() -> None:
    first, second = once("first", (0.0120, information(3))), once("second", (0.01201, information(4)))
    bus = VirtualBus(alone())
    bus.attach(first)
    bus.attach(second)
    (mixed,) = [one for one in bus.run(0.019) if one.sender in ("first", "second")]
    assert mixed.data not in (information(3), information(4))
    assert (bus.counters.collisions, bus.counters.damaged) == (1, 2)
    for speaker in (first, second):
        assert mixed.data in [data for data, _ in speaker.heard], "what comes back is not what was sent"
    assert bus.installation.bms.last is None


def test_a_frame_that_runs_into_a_sync_frame_damages_both() -> None:
    speaker = once("bms", (0.0198, information(3)))
    bus = VirtualBus(alone())
    bus.attach(speaker)
    said = list(bus.run(0.05))
    (own,) = [one for one in said if one.sender == "bms"]
    assert own.data != information(3)
    hurt = [one for one in said if one.sender == MULTI and looks_like_frame(one.data) and not good(one.data)]
    assert (bus.counters.collisions, bus.counters.damaged) == (1, 2)
    assert len(hurt) <= 1
    assert bus.installation.bms.last is None


def good(data: bytes) -> bool:
    return dissect_frame(data).good


def test_who_finds_the_line_busy_waits_and_gives_up_when_it_is_too_late() -> None:
    long = bytes(40)
    bus = VirtualBus(alone())
    bus.inject(long, 0.0120)
    patient, hasty = once("patient", (0.0122, information(3))), once("hasty", (0.0122, information(3)), patience_s=0.0)
    bus.attach(patient)
    bus.attach(hasty)
    said = [one for one in bus.run(0.019) if one.sender in ("patient", "hasty", "injected")]
    assert said[0].sender == "injected"
    assert said[1].at_s >= said[0].at_s + len(long) * BYTE_S
    bus = VirtualBus(alone())
    bus.inject(long, 0.0120)
    bus.attach(once("hasty", (0.0122, information(3)), patience_s=0.0))
    assert [one.sender for one in bus.run(0.019) if one.sender != MULTI] == ["injected"]
    assert bus.counters.late == 1


def test_faults_of_the_scenario_hit_speakers_too() -> None:
    broken = Fault(kind=FaultKind.BAD_CHECKSUM, types=frozenset((0x4C,)), every=2)
    bms = BmsSpeaker()
    bus = bus_with(bms, alone(faults=(broken,)))
    own = [one for one in bus.run(11.0) if one.sender == "bms"]
    assert Counter(good(one.data) for one in own) == {True: len(own) - len(own) // 2, False: len(own) // 2}
    assert bus.installation.bms.frames == len(own) - len(own) // 2


def test_a_frame_with_a_number_out_of_turn_is_no_sign_of_life() -> None:
    wrong = Fault(kind=FaultKind.WRONG_NUMBER, types=frozenset((0x4C,)), from_s=5.0)
    bus = bus_with(Repeater(), alone(faults=(wrong,)))  # an emulated BMS would take its own frames for those of another
    run(bus, 12.0)
    assert bus.reactions()[0].state is State.EMERGENCY
    assert bus.multi.ignored > 5


# --- behind an adapter -----------------------------------------------------------------------------------------------
def answers(poll: bytes, *, attached: bool = True, adapter: AdapterSpec | None = None) -> list[bytes]:
    """Info frames that a host behind the adapter gets within 1.5 s of a poll; the BMS sits on the bus."""
    scenario: Scenario = replace(plain(host=HostSpec(present=False)), adapter=adapter or AdapterSpec())
    world = Installation(scenario)
    bus = VirtualBus(scenario, 0, world)
    if attached:
        bus.attach(BmsSpeaker())
    client = Client(scenario)
    client.adapter = Mk3Adapter(world, 0, bus)
    for step in range(500):
        run(bus, (step + 1) / 100)
        client.wait(0.01)
        if step == 350:
            client.raw(poll)
    data = b"".join(sent.data for sent in client.out)
    client.out, client.raw = [], client.raw  # type: ignore[method-assign]
    found = []
    while data:
        size = (data[0] & 0x7F) + 2
        found.append(data[1 : size - 1])
        data = data[size:]
    return [payload for payload in found if payload[0] == 0x20]


def test_an_adapter_brings_the_answer_of_the_bms() -> None:
    (found,) = answers(POLL)
    assert (found[0], found[5], int.from_bytes(found[6:10], "little")) == (0x20, 0x83, VERSION)


def test_without_a_bms_nobody_answers() -> None:
    assert answers(POLL, attached=False) == []


def test_the_poll_with_the_plain_checksum_is_answered_only_with_the_switch() -> None:
    assert answers(POLL_WITH_PLAIN_CHECKSUM) == []
    assert len(answers(POLL_WITH_PLAIN_CHECKSUM, adapter=AdapterSpec(accept_plain_checksum=True))) == 1


def test_an_answer_that_nobody_asked_for_stays_on_the_bus() -> None:
    assert answers(encode_mk3_frame(Mk3Frame(payload=bytes.fromhex("FF 56")))) == []


# --- a BMS that dies at any time -------------------------------------------------------------------------------------
def test_a_bms_that_dies_leaves_emergency_mode_or_off_for_1000_seeds() -> None:
    loss = replace(PROFILE.timing["loss_timeout"], seconds=1.0)  # short, so that 1000 deaths take seconds
    profile = replace(PROFILE, timing={**PROFILE.timing, "loss_timeout": loss})
    for seed in range(1000):
        chance = Random(seed)  # noqa: S311  (a simulation)
        world = Installation(alone(bms=BmsSpec(expected=chance.random() < 0.5)), seed, profile)
        if chance.random() < 0.5:
            world.mains.lose(0)
        dies, last_s = chance.uniform(0.0, 2.0), 0.0
        values = {**NORMAL, "low_cell": 1, "discharge_allowed": 0} if chance.random() < 0.3 else NORMAL
        for half in range(int(dies * 2) + 1):
            last_s = half / 2
            world.advance(last_s)
            hear(world, values, last_s)
        if chance.random() < 0.3:
            world.mains.bring_back(0)
        world.advance(last_s + loss.seconds + STEP_S)
        (reaction,) = world.reactions()
        assert reaction.state is (State.EMERGENCY if reaction.ac else State.OFF), f"seed {seed}"
        assert not reaction.inverting
