"""Time stamps of a live stream: back-dated by byte position, never backwards, each with its estimated error."""

import pytest

from vebus_protocol.schema import Link
from vebus_tools.decoder import Decoder
from vebus_tools.records import Chunk, Record, Stamp, TimeSource

SYNC = bytes.fromhex("83 83 fd 02 55 51 18 02 97 ff")
BYTE_S = 10 / 256_000


def heard(*pieces: tuple[float, bytes], baud: int | None = None, link: Link = Link.RS485) -> list[Record]:
    """Records of chunks, each with the time at which its last byte was there."""
    decoder = Decoder(link, baud)
    records: list[Record] = []
    for at, data in pieces:
        stamp = Stamp(at, TimeSource.HOST, epoch=True, error_s=at / 1000)
        records += decoder.feed(Chunk(data=data, stamp=stamp))
    return [*records, *decoder.finish()]


def test_a_frame_is_dated_at_its_first_byte() -> None:
    (record,) = heard((100.0, SYNC))
    assert record.stamp.at == pytest.approx(100.0 - 10 * BYTE_S)
    assert record.stamp.source is TimeSource.HOST
    assert record.stamp.epoch
    assert record.stamp.error_s == pytest.approx(0.1)


def test_frames_of_one_chunk_are_apart_by_their_bytes() -> None:
    first, second, third = heard((100.0, SYNC * 3))
    assert third.stamp.at - second.stamp.at == pytest.approx(10 * BYTE_S)
    assert second.stamp.at - first.stamp.at == pytest.approx(10 * BYTE_S)


def test_a_frame_in_two_chunks_is_as_early_as_its_first_byte() -> None:
    (record,) = heard((100.0, SYNC[:4]), (100.5, SYNC[4:]))
    assert record.stamp.at == pytest.approx(100.0 - 4 * BYTE_S)
    assert record.stamp.error_s == pytest.approx(0.1)


def test_a_late_first_chunk_is_corrected_by_the_second() -> None:
    (record,) = heard((100.0, SYNC[:4]), (100.0 + 2 * BYTE_S, SYNC[4:]))
    assert record.stamp.at == pytest.approx(100.0 - 8 * BYTE_S)


def test_times_never_go_backwards() -> None:
    records = heard((100.0, SYNC), (100.0 + BYTE_S, SYNC), (99.0, SYNC))
    times = [record.stamp.at for record in records]
    assert times == sorted(times)


def test_the_rate_counts() -> None:
    (record,) = heard((100.0, bytes.fromhex("05 ff 4c 00 00 00 b0")), baud=115_200, link=Link.MK3)
    assert record.stamp.at == pytest.approx(100.0 - 7 * 10 / 115_200)


def test_one_byte_at_a_time_gives_the_time_of_each_byte() -> None:
    stream = SYNC * 2
    records = heard(*((100.0 + at * BYTE_S, stream[at : at + 1]) for at in range(len(stream))))
    assert [record.stamp.at for record in records] == pytest.approx([100.0 - BYTE_S, 100.0 + 9 * BYTE_S])
