"""Statistics of raw captures by the columnar engine: the same tables as from records, for every sample and damage."""

import json
import random

import pytest

from tests.checkout import ROOT
from tests.damaged_streams import CLEAN, seeded, stream_of
from tests.statistics_goldens import stats
from vebus_protocol.schema import Link
from vebus_tools.bulk.stream import batches
from vebus_tools.decoder import decode_chunks
from vebus_tools.filters import compile_filter
from vebus_tools.records import Chunk, Record
from vebus_tools.statistics import ENTRIES, Gathering, Setting, Table, make_tap
from vebus_tools.statistics.stream_columns import count_stream
from vebus_tools.tally import Tally

TEXTS = ("io,stat,0.1", "io,stat,0,FRAMES,BYTES", "vebus,period", "vebus,quality", "vebus,load,0.25", "endpoints,vebus")
SETTING = Setting(compile=lambda text: compile_filter(text, ()))


def _gathering() -> Gathering:
    return Gathering([make_tap(text, SETTING) for text in TEXTS])


def _by_records(data: bytes) -> tuple[tuple[tuple[Table, ...], ...], Tally]:
    gathering, tally = _gathering(), Tally()
    for record in decode_chunks([Chunk(data=data)], Link.RS485):
        gathering.take(record)
        tally.take(record)
    return gathering.tables(), tally


def _by_columns(chunks: list[bytes]) -> tuple[tuple[tuple[Table, ...], ...], Tally]:
    gathering, tally = _gathering(), Tally()
    count_stream(chunks, gathering, tally.take)
    return gathering.tables(), tally


def _same(data: bytes, *sizes: int) -> None:
    expected, tally = _by_records(data)
    for size in sizes:
        found, damage = _by_columns([data[at : at + size] for at in range(0, len(data), size)])
        assert found == expected
        assert damage.damage == tally.damage


def test_which_statistics_look_at_nothing_but_what_is_seen() -> None:
    assert not _gathering().look
    assert make_tap("expert", SETTING).look


def test_samples() -> None:
    _same(CLEAN, len(CLEAN), 4096)
    _same((ROOT / "vebus_tools" / "samples" / "synthetic-10s.bin").read_bytes(), 1 << 20)


@pytest.mark.parametrize("seed", range(6))
def test_damaged_streams(seed: int) -> None:
    _same(stream_of(seeded(seed), 30_000), 30_000, 777)


def test_noise_and_nothing() -> None:
    noise = random.Random(3).randbytes(5000)  # noqa: S311  (values for a test, nothing secret)
    _same(noise, 5000, 100)
    _same(b"", 1)


def test_kinds_beyond_the_limit_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vebus_tools.statistics.seen.MAX_KINDS", 7)
    _same(stream_of(seeded(1), 20_000), 20_000, 777)


def test_batches_follow_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small batches: kinds, numbers and times go on from one to the next."""
    monkeypatch.setattr("vebus_tools.statistics.stream_columns.batches", lambda chunks: batches(chunks, 3000))
    _same(stream_of(seeded(2), 20_000), 20_000)


def test_the_command_prints_the_same_with_both_engines(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [entry.name for entry in ENTRIES if entry.name != "io,stat"]
    arguments = [ROOT / "captures" / "rs485-real.hex", ROOT / "captures" / "mk3-real.hex", "-T", "json"]
    arguments += [word for text in texts for word in ("-z", text)]
    fast = stats(*arguments)
    monkeypatch.setenv("VEBUS_ENGINE", "reference")
    assert stats(*arguments) == fast
    assert len(json.loads(fast)) == 2


def test_what_is_no_good_frame_is_told() -> None:
    told: list[Record] = []
    gathering = _gathering()
    count_stream([CLEAN], gathering, told.append)
    expected = [record for record in decode_chunks([Chunk(data=CLEAN)], Link.RS485) if record.frame is None]
    assert [record.wire for record in told if record.frame is None] == [record.wire for record in expected]
