"""Times of streams without times, of measured chunks, and of log lines."""

from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.streams import BUS_REPLY, BUS_SYNC, LINKS, cut_at, flip, streams
from vebus_protocol.frame import Frame, encode_frame
from vebus_protocol.schema import Direction, Link
from vebus_tools.decoder import decode_chunks
from vebus_tools.records import Chunk, Record, Stamp, TimeSource
from vebus_tools.timebase import BYTE_TIME_S, SYNC_PERIOD_S

BYTE_S = BYTE_TIME_S[Link.RS485]
TICK_S = 0.4e-6
_AC_PHASE = bytes.fromhex("83 83 FE 03 E4 80 50 C3 40 0D 03 00 0E 00 00 00 A8 09 00 7A FF")


def phase(counter: int) -> bytes:
    """An E4 frame with this counter."""
    payload = bytearray(_AC_PHASE[4:-2])
    payload[4:7] = (counter % (1 << 24)).to_bytes(3, "little")
    return encode_frame(Frame(sender=0x8383, kind=0xFE, number=3, payload=bytes(payload)))


def raw(*parts: bytes, link: Link = Link.RS485) -> list[Record]:
    """Records of a raw stream without times."""
    return list(decode_chunks([Chunk(data=b"".join(parts))], link))


def times(records: Iterable[Record]) -> list[float]:
    return [record.stamp.at for record in records]


def measured(data: bytes, at: float, **facts: Direction | str) -> Chunk:
    return Chunk(data=data, stamp=Stamp(at, TimeSource.HOST, epoch=True), **facts)  # type: ignore[arg-type]


# --- estimated times -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("link", LINKS)
@given(data=st.data())
def test_estimated_times_never_go_backwards_and_do_not_depend_on_chunks(link: Link, data: st.DataObject) -> None:
    stream = data.draw(streams(link))
    records = raw(stream, link=link)
    assert times(records) == sorted(times(records))
    assert all(record.stamp.source.estimated for record in records)
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=8))
    assert list(decode_chunks([Chunk(data=part) for part in cut_at(stream, cuts)], link)) == records


def test_every_byte_takes_its_time_on_the_line() -> None:
    first, second, junk, last = raw(BUS_REPLY, BUS_REPLY, b"\x11" * 20, BUS_REPLY)
    assert first.stamp == Stamp(0.0, TimeSource.START)
    assert second.stamp.source is TimeSource.BYTES
    assert second.stamp.at == pytest.approx(9 * BYTE_S)
    assert junk.stamp.at == pytest.approx(18 * BYTE_S)
    assert last.stamp.at == pytest.approx(38 * BYTE_S)


def test_syncs_are_a_period_apart() -> None:
    records = raw(BUS_SYNC, BUS_REPLY, BUS_SYNC, BUS_SYNC)
    syncs = [record for record in records if record.wire == BUS_SYNC]
    assert [record.stamp.source for record in syncs] == [TimeSource.START, TimeSource.SYNC, TimeSource.SYNC]
    assert times(syncs) == pytest.approx([0, SYNC_PERIOD_S, 2 * SYNC_PERIOD_S])


def test_syncs_may_be_further_apart_than_a_period() -> None:
    """More bytes than fit between two syncs: the bytes win, time does not go backwards."""
    records = raw(BUS_SYNC, BUS_REPLY * 100, BUS_SYNC)
    assert records[-1].stamp.at == pytest.approx((10 + 900) * BYTE_S)
    assert records[-1].stamp.source is TimeSource.BYTES


def test_the_counter_bridges_lost_syncs() -> None:
    lost = 5 * SYNC_PERIOD_S
    records = raw(BUS_SYNC, phase(0), BUS_SYNC, phase(round((SYNC_PERIOD_S + lost) / TICK_S)))
    assert records[-1].stamp.source is TimeSource.COUNTER
    assert records[-1].stamp.at - records[1].stamp.at == pytest.approx(SYNC_PERIOD_S + lost)


def test_the_counter_bridges_silence_without_any_sync() -> None:
    first, second = raw(phase(0), phase(round(5 / TICK_S)))
    assert second.stamp.at - first.stamp.at == pytest.approx(5)


def test_the_counter_wraps() -> None:
    records = raw(*(phase((1 << 24) - 75_000 + 50_000 * step) for step in range(5)))
    assert [after - before for before, after in pairwise(times(records))] == pytest.approx([0.02] * 4)


def test_a_restarted_counter_is_not_believed() -> None:
    records = raw(BUS_SYNC, phase(5_000_000), BUS_SYNC, phase(200), BUS_SYNC, phase(50_200))
    assert records[-1].stamp.at < 3 * SYNC_PERIOD_S
    phases = [record for record in records if record.wire[4] == 0xE4]
    assert phases[2].stamp.at - phases[1].stamp.at == pytest.approx(SYNC_PERIOD_S)


def test_a_damaged_frame_moves_no_time() -> None:
    """Bit 7 of the highest counter byte: 3.4 s if anybody believed it."""
    damaged = flip(phase(50_000), 8 * 10 + 7)
    records = raw(phase(0), damaged, BUS_REPLY)
    assert records[1].findings
    assert records[-1].stamp.at == pytest.approx(42 * BYTE_S)
    later = raw(phase(0), damaged, phase(100_000))
    assert later[-1].stamp.at == pytest.approx(0.04)


def test_the_adapter_link_is_slower() -> None:
    first, second = raw(bytes.fromhex("02 FF 56 A9") * 2, link=Link.MK3)
    assert second.stamp.at - first.stamp.at == pytest.approx(4 * 10 / 2400)


# --- measured times --------------------------------------------------------------------------------------------------
@given(
    cuts=st.lists(st.integers(0, 57), max_size=6),
    gaps=st.lists(st.floats(-0.01, 0.1), min_size=7, max_size=7),
)
def test_measured_times_never_go_backwards(cuts: list[int], gaps: list[float]) -> None:
    at, chunks = 1_700_000_000.0, []
    for part, gap in zip(cut_at((BUS_SYNC + BUS_REPLY) * 3, cuts), gaps, strict=False):
        at += gap
        chunks.append(measured(part, at))
    records = list(decode_chunks(chunks, Link.RS485))
    assert times(records) == sorted(times(records))
    assert all(record.stamp.epoch and not record.stamp.source.estimated for record in records)


def test_bytes_that_waited_keep_the_time_of_their_own_chunk() -> None:
    """Half a frame, silence for 100 s, then a whole one: the half was not heard 100 s later."""
    half, whole = decode_chunks([measured(BUS_SYNC[:5], 1.0), measured(BUS_SYNC, 101.0)], Link.RS485)
    assert half.stamp.at == pytest.approx(1.0 - 5 * BYTE_S)
    assert whole.stamp.at == pytest.approx(101.0 - 10 * BYTE_S)


def test_two_directions_do_not_take_each_others_times() -> None:
    """Both run on one clock, but their offsets count for themselves."""
    request = bytes.fromhex("02 FF 56 A9")
    chunks = [
        measured(request * 100, 1.0, direction=Direction.TO_DEVICE),
        measured(request[:3], 2.0, direction=Direction.FROM_DEVICE),
        measured(request[:3], 3.0, direction=Direction.TO_DEVICE),
    ]
    records = list(decode_chunks(chunks, Link.MK3))
    cut_off = [record for record in records if record.frame is None]
    assert [record.direction for record in cut_off] == [Direction.TO_DEVICE, Direction.FROM_DEVICE]
    byte_s = BYTE_TIME_S[Link.MK3]
    assert cut_off[0].stamp.at == pytest.approx(3.0 - 3 * byte_s)
    assert all(record.stamp.at < 3.0 for record in records)


def test_two_interfaces_have_two_time_bases() -> None:
    chunks = [measured(BUS_SYNC, 5.0, interface="a"), measured(BUS_SYNC, 1.0, interface="b")]
    assert times(decode_chunks(chunks, Link.RS485)) == pytest.approx([5 - 10 * BYTE_S, 1 - 10 * BYTE_S])


# --- log lines -------------------------------------------------------------------------------------------------------
def test_log_lines_keep_their_times_even_backwards() -> None:
    stamps = [Stamp(at, TimeSource.LOG) for at in (5.0, 7.5, 7.0, 7.0)]
    chunks = [Chunk(data=BUS_SYNC, stamp=stamp, whole=True) for stamp in stamps]
    assert [record.stamp for record in decode_chunks(chunks, Link.RS485)] == stamps


def test_all_pieces_of_a_log_line_have_its_time() -> None:
    line = Chunk(data=b"\x11\x22" + BUS_SYNC + BUS_REPLY[:4], stamp=Stamp(3.0, TimeSource.LOG), whole=True)
    records = list(decode_chunks([line], Link.RS485))
    assert len(records) == 3
    assert times(records) == [3.0, 3.0, 3.0]
