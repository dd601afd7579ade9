"""Statistics: what each of them counts, on records with known times and values."""

import json
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.checkout import ROOT
from tests.handmade import AC_PHASE, BAD_REPLY, DC, REPLY, STUFFED, SYNC, UNKNOWN, WRITE
from tests.statistics_goldens import GOLDENS, SAMPLE, golden, stats
from vebus_protocol.frame import Frame, encode_frame
from vebus_protocol.schema import Evidence, Link
from vebus_tools import glossary
from vebus_tools.decoder import decode_chunks
from vebus_tools.filters import compile_filter
from vebus_tools.records import Chunk, Record, Stamp, TimeSource
from vebus_tools.statistics import ENTRIES, Gathering, Setting, StatisticsError, Table, help_lines, make_tap
from vebus_tools.statistics.catalogue import split_arguments
from vebus_tools.statistics.expert import MAX_TEXTS
from vebus_tools.statistics.io_stat import MAX_INTERVALS
from vebus_tools.statistics.numbers import Spread
from vebus_tools.statistics.seen import MAX_KINDS
from vebus_tools.statistics.unknown import evidence_of

SETTING = Setting(compile=lambda text: compile_filter(text, glossary.known_fields(), glossary.known_fields()))
Heard = tuple[float, bytes]


def records(*heard: Heard, interface: str = "") -> list[Record]:
    """Frames with the times of a log, in seconds."""
    chunks = (
        Chunk(data=data, stamp=Stamp(1e9 + at, TimeSource.LOG, epoch=True), whole=True, interface=interface)
        for at, data in heard
    )
    return list(decode_chunks(chunks, Link.RS485))


def tables(text: str, found: Iterable[Record], **options: Any) -> tuple[Table, ...]:  # noqa: ANN401  (options of the gathering)
    gathering = Gathering([make_tap(text, SETTING)], **options)
    for record in found:
        gathering.take(record)
    return gathering.tables()[0]


def rows(text: str, found: Iterable[Record], table: int = 0) -> list[dict[str, Any]]:
    """Rows of a table as objects."""
    made = tables(text, found)[table]
    return [dict(zip([column.key for column in made.columns], row, strict=True)) for row in made.rows]


def sync(number: int) -> bytes:
    return encode_frame(Frame(sender=0x8383, kind=0xFD, number=number, payload=bytes.fromhex("55511802")))


def data(number: int, payload: bytes = b"\x38\x01", sender: int = 0x8383) -> bytes:
    return encode_frame(Frame(sender=sender, kind=0xFE, number=number, payload=payload))


# --- io,stat ---------------------------------------------------------------------------------------------------------
def test_frames_and_bytes_of_each_interval() -> None:
    found = rows("io,stat,1", records((0, SYNC), (0.5, WRITE), (1.0, DC), (3.2, DC)))
    assert [(row["start"], row["1.frames"], row["1.bytes"]) for row in found] == [
        (0, 2, 23),
        (1, 1, 21),
        (2, 0, 0),
        (3, 1, 21),
    ]
    assert found[-1]["end"] == pytest.approx(3.2)


def test_the_record_at_the_very_end_is_counted() -> None:
    """One that is a whole number of intervals behind the first; tshark 4.0 loses it."""
    assert [row["1.frames"] for row in rows("io,stat,20", records((0, SYNC), (20, SYNC), (60, SYNC)))] == [1, 1, 1]


def test_functions_of_a_field() -> None:
    text = ",".join(f"{name}(vebus.dc.voltage)vebus.dc" for name in ("COUNT", "SUM", "MIN", "MAX", "AVG"))
    low = encode_frame(Frame(sender=0x8383, kind=0xFE, number=4, payload=DC[4:-2].replace(b"\x33\x05", b"\x00\x05")))
    (row,) = rows(f"io,stat,0,{text}", records((0, DC), (1, SYNC), (2, low)))
    assert row["1.count"] == 2
    assert row["2.sum"] == pytest.approx(26.11)
    assert (row["3.min"], row["4.max"]) == (12.80, 13.31)
    assert row["5.avg"] == pytest.approx(13.055)


def test_no_value_is_none_and_not_zero() -> None:
    first, second = rows("io,stat,1,MIN(vebus.dc.voltage)", records((0, SYNC), (1.5, DC)))
    assert (first["1.min"], second["1.min"]) == (None, 13.31)


def test_an_interval_has_no_end_of_rows() -> None:
    """A clock that jumps by years neither fills the memory nor hides what was left out."""
    (table,) = tables("io,stat,0.001", records((0, SYNC), (5e7, SYNC)))
    assert len(list(table.rows)) == MAX_INTERVALS
    assert table.notes == (f"1 frames behind interval {MAX_INTERVALS} are left out; choose a longer one.",)


@given(st.lists(st.integers(0, 10**7), min_size=1, max_size=40), st.sampled_from(("0", "0.3", "1", "7.25")))
def test_every_frame_is_in_one_interval(at_us: list[int], interval: str) -> None:
    found = rows(f"io,stat,{interval}", records(*((at / 1e6, SYNC) for at in sorted(at_us))))
    assert sum(row["1.frames"] for row in found) == len(at_us)
    assert all(first["end"] == second["start"] for first, second in pairwise(found))


# --- the other ones of tshark ----------------------------------------------------------------------------------------
def test_protocols_stand_below_what_carries_them() -> None:
    found = [tuple(row.values()) for row in rows("io,phs", records((0, SYNC), (1, WRITE), (2, DC)))]
    assert found == [(0, "frame", 3, 44), (1, "vebus", 3, 44), (2, "winmon", 1, 13), (2, "vebus.dc", 1, 21)]


def test_expert_infos_by_severity() -> None:
    heard = records((0, REPLY), (1, BAD_REPLY), (2, BAD_REPLY), (3, UNKNOWN))
    found = [(row["severity"], row["frequency"], row["group"]) for row in rows("expert", heard)]
    assert found[0] == ("Error", 2, "Checksum")
    assert ("Warn", 1, "Sequence") in found
    assert [row["severity"] for row in rows("expert,error", heard)] == ["Error"]
    assert rows("expert,chat,vebus.dc", heard) == []


def test_texts_of_expert_infos_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vebus_tools.statistics.expert.MAX_TEXTS", 3)
    gaps = records(*((at, sync(at * at % 128)) for at in range(20)))
    found = rows("expert,warn", gaps)
    assert len(found) == 4
    assert found[-1]["summary"].startswith("further texts")
    assert MAX_TEXTS > 1000


def test_endpoints_are_senders() -> None:
    found = rows("endpoints,vebus", records((0, SYNC), (1, WRITE), (2, DC), (3, BAD_REPLY)))
    assert [(row["address"], row["id"], row["frames"], row["bytes"]) for row in found] == [
        ("Multi", "0x8383", 2, 31),
        ("MK3", "0x98f7", 1, 13),
    ]


def test_a_fitting_reply_proves_a_conversation() -> None:
    found = rows("conv,vebus", records((0, SYNC), (1, WRITE), (1.01, data(5, b"\x00\xe6\x87"))))
    pairs = {(row["a"], row["b"]): (row["frames_to_a"], row["frames_to_b"]) for row in found}
    assert pairs == {("Multi", "MK3"): (1, 1), ("Multi", "Bus"): (0, 1)}


def test_a_request_without_a_reply_goes_to_the_bus() -> None:
    (row,) = rows("conv,vebus", records((0, WRITE)))
    assert (row["a"], row["b"], row["frames"], row["bytes"]) == ("MK3", "Bus", 1, 13)


# --- those of this bus -----------------------------------------------------------------------------------------------
def test_period_and_jitter() -> None:
    (row,) = rows("vebus,period", records((0, sync(0)), (0.02, sync(1)), (0.05, sync(2))))
    assert (row["message"], row["sender"], row["count"]) == ("Sync", "Multi", 3)
    assert (row["period_ms"], row["min_ms"], row["max_ms"], row["jitter_ms"]) == (25.0, 20.0, 30.0, 5.0)


def test_one_frame_has_no_period() -> None:
    (row,) = rows("vebus,period", records((0, SYNC)))
    assert (row["count"], row["period_ms"], row["jitter_ms"], row["rate"]) == (1, None, None, None)


def test_load_counts_escapes() -> None:
    (table,) = tables("vebus,load,1", records((0, STUFFED), (2, SYNC)))
    assert [row[3] for row in table.rows] == [15, 10]
    first = next(iter(table.rows))
    assert first[4] == pytest.approx(15 / 25_600 * 100)
    assert "25600 bytes/s" in table.notes[0]


def test_slots_count_from_the_sync_frame() -> None:
    heard = records((0, data(0)), (1, sync(1)), (1.0035, data(2)), (1.0251, data(3)), (2, sync(4)), (2.0001, data(5)))
    (table, *_) = tables("vebus,slots", heard)
    keys = next(row for row in rows("vebus,slots", heard) if row["message"] != "Sync")
    assert (keys["count"], keys["late"], keys["overlaps"]) == (3, 1, 1)
    assert (keys["min_ms"], keys["max_ms"]) == (pytest.approx(0.1, abs=1e-3), pytest.approx(3.5, abs=1e-3))
    assert keys["histogram"][:5] == (1, 0, 0, 1, 0)
    assert "1 frames in front of the first sync frame are left out." in table.notes


def test_replies_are_counted_by_cycles() -> None:
    write = data(1, WRITE[4:-2], sender=0x98F7)
    heard = records((0, sync(0)), (0.001, write), (0.02, sync(2)), (0.021, data(3, b"\x00\xe6\x87")))
    (row,) = rows("vebus,slots", heard, table=1)
    assert (row["request"], row["count"], row["same_cycle"], row["one_later"]) == ("Write via ID", 1, 0, 1)


def test_unknown_bytes_are_marked() -> None:
    levels, kinds = tables("vebus,unknown", records((0, UNKNOWN), (1, BAD_REPLY)))
    counts = {row[0]: row[1] for row in levels.rows}
    assert counts["unknown"] == 3
    assert counts["frame with an error"] == len(BAD_REPLY)
    assert sum(count for count in counts.values() if isinstance(count, int)) == len(UNKNOWN) + len(BAD_REPLY)
    (row,) = kinds.rows
    assert row[-1] == "83 83 fe 05 38 [01 c0 c0] 45 ff"


@pytest.mark.parametrize("wire", [SYNC, WRITE, STUFFED, AC_PHASE, DC, UNKNOWN, REPLY], ids=bytes.hex)
def test_every_byte_has_an_evidence(wire: bytes) -> None:
    (record,) = records((0, wire))
    levels = evidence_of(record)
    assert len(levels) == len(record.unstuffed)
    assert levels[0] is levels[1] is not Evidence.UNKNOWN


def test_gaps_repeats_and_bad_checksums_of_each_sender() -> None:
    heard = records((0, sync(1)), (1, sync(2)), (2, sync(2)), (3, data(9, sender=0x98F7)), (4, BAD_REPLY))
    found = {row["sender"]: row for row in rows("vebus,quality", heard)}
    multi, other = found["Multi"], found["MK3"]
    assert (multi["frames"], multi["good"], multi["bad_checksum"], multi["repeats"], multi["gaps"]) == (4, 3, 1, 1, 0)
    assert (other["gaps"], other["missing"]) == (1, 6)


def test_ids_of_damaged_frames_do_not_become_senders() -> None:
    damaged = BAD_REPLY.replace(b"\x83\x83", b"\x12\x34")
    assert [row["sender"] for row in rows("vebus,quality", records((0, SYNC), (1, damaged)))] == [
        "Multi",
        "1 ids without a good frame",
    ]


def test_latency_and_requests_without_a_reply() -> None:
    write = [data(number, WRITE[4:-2], sender=0x98F7) for number in range(4)]
    reply = data(1, b"\x00\xe6\x87")
    (row,) = rows("vebus,latency", records((0, write[0]), (0.03, reply), (1, write[2]), (10, write[3])))
    assert (row["requests"], row["answered"], row["unanswered"], row["open"]) == (3, 1, 1, 1)
    assert row["avg_ms"] == pytest.approx(30, abs=1e-3)


def test_kinds_do_not_fill_the_memory() -> None:
    heard = records(*((at, data(0, bytes((at % 256, 1)), sender=0x1000 + at // 200)) for at in range(2 * MAX_KINDS)))
    found = rows("vebus,period", heard)
    assert len(found) == MAX_KINDS + 1
    assert sum(row["count"] for row in found) == 2 * MAX_KINDS
    assert found[-1]["message"] == "Other messages"


def test_interfaces_are_lines_of_their_own() -> None:
    both = [*records((0, sync(1)), interface="a"), *records((1, sync(7)), interface="b")]
    found = rows("vebus,quality", both)
    assert [(row["sender"], row["gaps"]) for row in found] == [("Multi on a", 0), ("Multi on b", 0)]
    assert len(tables("vebus,load", both)) == 2


# --- what counts -----------------------------------------------------------------------------------------------------
def test_a_display_filter_hides_frames_from_counting_but_not_from_the_numbers() -> None:
    """What is left out of the count was there: no gaps in front of the frames that count."""
    heard = records((0, sync(1)), (1, data(2, sender=0x98F7)), (2, sync(3)))
    passes = SETTING.compile("vebus.sync.time")
    (senders, _) = tables("vebus,quality", heard, passes=passes)
    ((_, _, frames, _, _, _, gaps, _, _),) = senders.rows
    assert (frames, gaps) == (2, 0)


def test_a_filter_behind_a_statistic_does_the_same() -> None:
    heard = records((0, sync(1)), (1, data(2, sender=0x98F7)), (2, sync(3)))
    assert [row["address"] for row in rows("endpoints,vebus,vebus.sync.time", heard)] == ["Multi"]


def test_estimated_times_are_told() -> None:
    raw = decode_chunks([Chunk(data=SYNC + sync(3))], Link.RS485)
    assert "estimated" in tables("vebus,period", raw)[0].notes[-1]
    assert not any("estimated" in note for note in tables("vebus,period", records((0, SYNC)))[0].notes)


@given(st.lists(st.integers(-(10**12), 10**12), max_size=30))
def test_spread_is_exact(values: list[int]) -> None:
    spread = Spread()
    for value in values:
        spread.add(value)
    if values:
        assert (spread.smallest, spread.largest) == (min(values), max(values))
        assert spread.mean() == sum(values) / len(values)
    assert (spread.deviation() is None) == (len(values) < 2)


# --- names and arguments ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("vebus,perod", "the nearest is vebus,period"),
        ("vebus", "there are vebus,period"),
        ("nothing", "-z help lists them all"),
        ("io,stat", "needs an interval"),
        ("io,stat,x", "x is no interval"),
        ("io,stat,nan", "nan is no interval"),
        ("io,stat,1e-9", "too short"),
        ("io,stat,1,AVX(vebus.seq)", "no function AVX, the nearest is"),
        ("io,stat,1,AVG(vebus.dc.volage)", "the nearest is vebus.dc.voltage"),
        ("io,stat,1,AVG(vebus.src)", "needs a number"),
        ("io,stat,1,AVG()", "no field between the parentheses"),
        ("io,stat,1,FRAMES(vebus.seq)", "takes no field"),
        ("expert,wran", "the nearest is warn"),
        ("vebus,load,fast", "fast is no interval"),
    ],
)
def test_wrong_arguments_are_told_with_what_is_right(text: str, answer: str) -> None:
    with pytest.raises(StatisticsError, match=answer) as problem:
        make_tap(text, SETTING)
    assert "\n" not in str(problem.value)


def test_commas_inside_brackets_and_quotes_are_no_separators() -> None:
    assert split_arguments('io,stat,1,a in {1, 2},b == "x,\\",y",c') == [
        "io",
        "stat",
        "1",
        "a in {1, 2}",
        'b == "x,\\",y"',
        "c",
    ]


def test_help_has_a_line_for_each() -> None:
    lines = list(help_lines())
    assert len(lines) == 2 * len(ENTRIES)
    assert stats("-z", "help").splitlines() == lines


# --- the command -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", GOLDENS)
def test_golden_tables(name: str) -> None:
    assert stats(SAMPLE, "-z", GOLDENS[name]) == golden(name).read_text(encoding="utf-8")


def test_every_statistic_has_a_golden() -> None:
    assert {entry.name for entry in ENTRIES} <= {",".join(text.split(",")[:2]).strip() for text in GOLDENS.values()}


def test_boxes_are_straight() -> None:
    for name in GOLDENS:
        lines = golden(name).read_text(encoding="utf-8").split("\n\n")
        for box in (part.splitlines() for part in lines if part.strip().startswith("==")):
            if box and "|" in box[1]:
                assert len({len(line) for line in box if line.startswith(("|", "="))}) == 1, box


def test_json_has_the_same_numbers() -> None:
    (found,) = json.loads(stats(SAMPLE, "-T", "json", "-z", "vebus,load,5", "-z", "io,stat,0"))
    assert found["capture"] == str(SAMPLE)
    load, total = found["statistics"]
    (row,) = total["tables"][0]["rows"]
    assert row["1.bytes"] == sum(one["bytes"] for one in load["tables"][0]["rows"])
    assert row["1.bytes"] == SAMPLE.stat().st_size


def test_several_captures_one_by_one() -> None:
    other = ROOT / "captures" / "rs485-real.hex"
    text = stats(SAMPLE, other, "-z", "io,stat,0")
    assert text.index(f"== {SAMPLE} ==") < text.index(f"== {other} ==")
    assert text.count("IO Statistics") == 2


def test_a_missing_capture_does_not_stop_the_others() -> None:
    assert "Duration" in stats("no-such-file.bin", SAMPLE, "-z", "io,stat,0", code=1)


def test_decode_prints_the_tables_behind_the_frames() -> None:
    table = stats(SAMPLE, "-z", "io,stat,0")
    assert stats(SAMPLE, "-q", "-z", "io,stat,0", command="decode") == table
    assert stats(SAMPLE, "-z", "io,stat,0", command="decode").endswith(table)


def test_decode_counts_what_it_shows() -> None:
    text = stats(SAMPLE, "-q", "-Y", "vebus.dc", "--stop", "5", "-z", "io,stat,0", command="decode")
    shown = stats(SAMPLE, "-Y", "vebus.dc", "--stop", "5", command="decode").splitlines()
    assert f"|{len(shown):>7} |" in text


def test_sniff_prints_the_tables_in_the_end() -> None:
    text = stats("-i", "sim:", "-c", "20", "-q", "-z", "io,stat,0", command="sniff")
    assert text.startswith("\n====")
    assert "|     20 |" in text
