"""Every fault trips where the scenario says so, and nowhere else."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.simulated import ESS_DEVICE, Client, decoded, plain
from vebus_protocol.frame import looks_like_frame
from vebus_protocol.info import AcInfo
from vebus_protocol.mk3 import Mk3Frame, encode_mk3_frame
from vebus_protocol.winmon import WinmonFrame
from vebus_tools.simulator import TimedBytes, VirtualBus
from vebus_tools.simulator.bus import BYTE_S, HOST, MULTI, NOISE
from vebus_tools.simulator.faults import garbled
from vebus_tools.simulator.scenario import Fault, FaultKind, RandomSpec, Side

UNTIL_S = 12.0
WINMON = frozenset((0x00,))


def said(*faults: Fault, seed: int = 1) -> list[TimedBytes]:
    return list(VirtualBus(plain(faults=faults), seed).run(UNTIL_S))


def whole(sent: TimedBytes) -> bool:
    return len(sent.data) > 6 and looks_like_frame(sent.data)


def bad_checksums(sent: list[TimedBytes]) -> int:
    return sum(whole(one) and not decoded(one).frame.checksum_ok for one in sent)


def cut(sent: list[TimedBytes]) -> int:
    return sum(one.sender in (MULTI, HOST) and one.data[-1] != 0xFF for one in sent)


def noise(sent: list[TimedBytes]) -> int:
    return sum(one.sender == NOISE for one in sent)


def unreadable(sent: list[TimedBytes]) -> int:
    return sum(
        one.sender != NOISE and one.data[1] != 0xFB and not (whole(one) and decoded(one).frame.good) for one in sent
    )


def gaps(sent: list[TimedBytes]) -> int:
    numbers = [one.data[3] for one in sent if whole(one)]
    return sum(after != (before + 1) % 128 for before, after in pairwise(numbers))


def long_waits(sent: list[TimedBytes]) -> int:
    """Replies that begin later than 43 ms after their request."""
    asked: dict[int, float] = {}
    late = 0
    for one in sent:
        message = decoded(one).messages[0] if whole(one) else None
        if isinstance(message, WinmonFrame):
            if one.sender == HOST:
                asked[message.tid] = one.at_s + len(one.data) * BYTE_S
            else:
                late += one.at_s - asked.pop(message.tid) > 0.044
    return late


def missing_replies(sent: list[TimedBytes]) -> int:
    requests = replies = 0
    for one in sent:
        if whole(one) and isinstance(decoded(one).messages[0], WinmonFrame):
            requests += one.sender == HOST
            replies += one.sender == MULTI
    return requests - replies


def garbage_states(sent: list[TimedBytes]) -> int:
    found = [decoded(one).last for one in sent if whole(one)]
    return sum(isinstance(message, AcInfo) and message.state == 0xB7 for message in found)


def silences(sent: list[TimedBytes]) -> int:
    times = [one.at_s for one in sent]
    return sum(after - before > 0.5 for before, after in pairwise(times))


BUS_FAULTS: list[tuple[FaultKind, Callable[[list[TimedBytes]], int], dict[str, object]]] = [
    (FaultKind.BAD_CHECKSUM, bad_checksums, {}),
    (FaultKind.TRUNCATION, cut, {"size": 6}),
    (FaultKind.NOISE, noise, {"size": 9}),
    (FaultKind.OVERLAP, unreadable, {}),
    (FaultKind.WRONG_NUMBER, gaps, {"types": frozenset((0xE4,))}),
    (FaultKind.LATE_REPLY, long_waits, {"delay_s": 0.03}),
    (FaultKind.DROPPED_REPLY, missing_replies, {}),
    (FaultKind.GARBAGE_STATE, garbage_states, {}),
]


@pytest.mark.parametrize(("kind", "count", "values"), BUS_FAULTS, ids=lambda value: getattr(value, "value", ""))
def test_fault_on_the_bus_trips_as_often_as_told(
    kind: FaultKind, count: Callable[[list[TimedBytes]], int], values: dict[str, object]
) -> None:
    clean = count(said())
    assert clean <= (1 if kind is FaultKind.DROPPED_REPLY else 0)  # the last request may be open
    once = count(said(replace(Fault(kind=kind, nth=3), **values)))  # type: ignore[arg-type]
    assert 1 <= once - clean <= 2  # a wrong number makes two gaps
    assert count(said(replace(Fault(kind=kind, every=2), **values))) > once + 2  # type: ignore[arg-type]
    off = Fault(kind=kind, from_s=UNTIL_S + 1)
    assert count(said(replace(off, **values))) == clean  # type: ignore[arg-type]
    elsewhere = Fault(kind=kind, side=Side.ADAPTER)
    assert count(said(replace(elsewhere, **values))) == clean  # type: ignore[arg-type]


def test_silence_on_the_bus_has_a_beginning_and_an_end() -> None:
    assert silences(said()) == 0
    quiet = said(Fault(kind=FaultKind.SILENCE, from_s=4.0, until_s=6.0))
    assert silences(quiet) == 1
    assert not any(4.03 < one.at_s < 6.0 for one in quiet)
    assert quiet[-1].at_s > UNTIL_S - 0.1


@pytest.mark.parametrize("kind", [FaultKind.BAD_CHECKSUM, FaultKind.TRUNCATION, FaultKind.OVERLAP])
def test_faults_hit_only_the_types_they_are_about(kind: FaultKind) -> None:
    hit = said(Fault(kind=kind, every=2, types=WINMON, size=6))
    damaged = [one for one in hit if one.data[1] != 0xFB and not (whole(one) and decoded(one).frame.good)]
    assert damaged
    assert {one.data[4] for one in hit if one not in damaged and whole(one)} >= {0x55, 0xE4}
    if kind is not FaultKind.OVERLAP:  # there the type itself may be garbled
        assert {one.data[4] for one in damaged} == {0x00}


def test_probability_is_about_right_and_follows_the_seed() -> None:
    fault = Fault(kind=FaultKind.BAD_CHECKSUM, probability=0.2)
    frames = len(said())
    first, second = said(fault, seed=1), said(fault, seed=2)
    assert bad_checksums(first) == pytest.approx(0.2 * frames, rel=0.25)
    assert first != second
    assert first == said(fault, seed=1)


def test_a_fault_more_does_not_move_the_others() -> None:
    fault = Fault(kind=FaultKind.BAD_CHECKSUM, probability=0.05, types=frozenset((0xE4,)))
    other = Fault(kind=FaultKind.GARBAGE_STATE, probability=0.5)
    spoiled = [one.at_s for one in said(fault) if whole(one) and not decoded(one).frame.checksum_ok]
    both = [one.at_s for one in said(fault, other) if whole(one) and not decoded(one).frame.checksum_ok]
    assert spoiled == both


@given(st.binary(min_size=3, max_size=40), st.binary(max_size=40))
def test_garbled_bytes_always_differ(data: bytes, other: bytes) -> None:
    mixed = garbled(data, other)
    assert mixed != data
    assert len(mixed) == len(data)


# --- behind the adapter ----------------------------------------------------------------------------------------------
V_REQUEST, F1, VERSION = (0xFF, ord("V")), (0xFF, ord("F"), 1), (0xFF, ord("X"), 5)


def client(*faults: Fault, seed: int = 1) -> Client:
    made = Client(plain(devices=(ESS_DEVICE,), faults=faults, random=RandomSpec()), seed)
    made.send(0xFF, ord("A"), 1, 0)
    made.wait(0.3)
    return made


def adapter(kind: FaultKind, **values: object) -> Fault:
    return replace(Fault(kind=kind, side=Side.ADAPTER, from_s=0.25), **values)  # type: ignore[arg-type]


def test_no_fault_no_damage() -> None:
    asked = client()
    assert asked.ask(*F1)[0][4] == 9
    assert asked.ask(*VERSION) == [bytes.fromhex("ff5882741f")]
    assert all(piece.frame is not None for piece in asked.pieces(5.0))


def test_bad_checksum_behind_the_adapter() -> None:
    asked = client(adapter(FaultKind.BAD_CHECKSUM, nth=1))
    asked.send(*VERSION)
    (sent,) = asked.wait(0.2)
    assert sum(sent.data) % 256 != 0
    assert asked.ask(*VERSION) == [bytes.fromhex("ff5882741f")]


def test_truncation_behind_the_adapter() -> None:
    asked = client(adapter(FaultKind.TRUNCATION, nth=1, size=4))
    asked.send(*VERSION)
    (sent,) = asked.wait(0.2)
    assert sent.data == bytes.fromhex("05ff5882")
    assert asked.ask(*VERSION) == [bytes.fromhex("ff5882741f")]


def test_noise_behind_the_adapter() -> None:
    asked = client(adapter(FaultKind.NOISE, nth=1, size=5))
    asked.send(*VERSION)
    first, second = asked.wait(0.2)
    assert (first.sender, len(first.data)) == (NOISE, 5)
    assert second.data == encode_mk3_frame(Mk3Frame(payload=bytes.fromhex("ff5882741f")))


def test_overlap_behind_the_adapter() -> None:
    asked = client(adapter(FaultKind.OVERLAP, nth=1))
    asked.send(*VERSION)
    (sent,) = asked.wait(0.2)
    assert sent.data != encode_mk3_frame(Mk3Frame(payload=bytes.fromhex("ff5882741f")))


def test_late_reply_behind_the_adapter() -> None:
    asked = client(adapter(FaultKind.LATE_REPLY, nth=2, delay_s=0.6))
    assert len(asked.ask(*VERSION, wait_s=0.3)) == 1
    assert asked.ask(*VERSION, wait_s=0.3) == []
    assert len(asked.payloads(0.6)) == 1


def test_dropped_reply_behind_the_adapter() -> None:
    asked = client(adapter(FaultKind.DROPPED_REPLY, nth=2))
    assert [len(asked.ask(*VERSION)) for _ in range(3)] == [1, 0, 1]


def test_heartbeat_in_place_of_a_reply() -> None:
    asked = client(adapter(FaultKind.HEARTBEAT_INSTEAD, nth=1))
    asked.send(*VERSION)
    assert asked.payloads(0.2, without_v=False) == [bytes.fromhex("ff5628db110000")]
    assert asked.ask(*VERSION) == [bytes.fromhex("ff5882741f")]


def test_garbage_state_behind_the_adapter() -> None:
    asked = client(adapter(FaultKind.GARBAGE_STATE, nth=2))
    assert [asked.ask(*F1)[0][4] for _ in range(3)] == [9, 0xB7, 9]


def test_led_appended_frames() -> None:
    asked = client(adapter(FaultKind.LED_APPENDED, until_s=2.0))
    asked.send(*VERSION)
    (piece,) = asked.pieces(0.3)
    assert (piece.frame.payload, piece.frame.leds) == (bytes.fromhex("ff5882741f"), (5, 0))
    asked.wait(2.0)
    asked.send(*VERSION)
    assert asked.pieces(0.3)[0].frame.leds is None


def test_other_winmon_form() -> None:
    asked = client(adapter(FaultKind.OTHER_FORM, until_s=2.0))
    assert asked.ask(*VERSION) == [bytes.fromhex("ff5882741f28000701")]
    asked.wait(2.0)
    assert asked.ask(*VERSION) == [bytes.fromhex("ff5882741f")]


def test_missing_heartbeat() -> None:
    asked = client(adapter(FaultKind.NO_HEARTBEAT, until_s=8.0))
    assert asked.payloads(7.0, without_v=False) == []
    assert len(asked.payloads(7.0, without_v=False)) >= 3


def test_silence_behind_the_adapter() -> None:
    asked = client(adapter(FaultKind.SILENCE, until_s=4.0))
    assert asked.ask(*VERSION, wait_s=3.5) == []
    asked.wait(1.0)
    assert len(asked.ask(*VERSION)) == 1


def test_faults_of_the_bus_do_not_show_behind_the_adapter() -> None:
    asked = client(*(Fault(kind=kind) for kind, _, _ in BUS_FAULTS))
    assert asked.ask(*VERSION) == [bytes.fromhex("ff5882741f")]
