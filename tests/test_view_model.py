"""The fold behind the live table: counts, periods, rates, changes, notch, filter."""

import math
from collections.abc import Iterable

import pytest

from tests import handmade
from vebus_protocol.enums import FrameKind
from vebus_protocol.frame import Frame, encode_frame
from vebus_protocol.schema import Link
from vebus_tools import glossary
from vebus_tools.decoder import Decoder
from vebus_tools.filters import Filter, compile_filter
from vebus_tools.generated import quick_dissect
from vebus_tools.records import Chunk, Record, Stamp, TimeSource
from vebus_tools.session import Session
from vebus_tools.simulator import VirtualBus, load_scenario
from vebus_tools.view.model import INTERVALS, MAX_ROWS, RATE_S, RECENT_S, Intervals, Model, Row, Speed

MULTI = 0x8383
MK3_VERSION = bytes.fromhex("07ff5624db11004252")  # captures/mk3-real.hex, exchange mp2-version


def records(parts: Iterable[tuple[float, bytes]], link: Link = Link.RS485) -> list[Record]:
    """What a decoder makes of bytes at these times."""
    decoder = Decoder(link)
    found: list[Record] = []
    for at, data in parts:
        stamp = Stamp(at, TimeSource.HOST)
        found += decoder.feed(Chunk(data=data, stamp=stamp, whole=True))
    return [*found, *decoder.finish()]


def frame(payload: bytes, number: int = 0, sender: int = MULTI) -> bytes:
    return encode_frame(Frame(sender=sender, kind=FrameKind.DATA, number=number, payload=payload))


def model_over(found: Iterable[Record]) -> Model:
    model = Model(Session(), 0.0)
    for record in found:
        model.take(record)
    return model


def only(model: Model, now: float) -> Row:
    (row,) = model.rows(now)
    return row


def display_filter(text: str) -> Filter:
    kinds = glossary.known_fields()
    return compile_filter(text, kinds, kinds, glossary.known_enums())


# --- periods and rates -----------------------------------------------------------------------------------------------
def test_nothing_is_said_of_intervals_that_are_not_there() -> None:
    intervals = Intervals()
    assert (intervals.last, intervals.period_s, intervals.jitter_s) == (None, None, None)
    intervals.add(1.0)
    assert (intervals.last, intervals.period_s, intervals.jitter_s) == (1.0, None, None)
    intervals.add(1.5)
    assert (intervals.period_s, intervals.jitter_s) == (0.5, None)


def test_period_is_the_mean_and_jitter_the_standard_deviation() -> None:
    intervals = Intervals()
    for at in (0.0, 1.0, 3.0, 4.0, 6.0):
        intervals.add(at)
    assert intervals.period_s == pytest.approx(1.5)
    assert intervals.jitter_s == pytest.approx(0.5)


def test_only_the_newest_intervals_count() -> None:
    intervals = Intervals()
    intervals.add(-1000.0)
    for at in range(INTERVALS + 1):
        intervals.add(float(at))
    assert intervals.period_s == pytest.approx(1.0)
    assert intervals.jitter_s == pytest.approx(0.0)


def test_speed_is_over_the_last_seconds() -> None:
    speed = Speed(0.0)
    assert speed.at(0.0, 0) == 0.0
    assert speed.at(1.0, 100) == pytest.approx(100.0)
    for tenth in range(11, 200):
        last = speed.at(tenth / 10, 100)
    assert last == 0.0
    assert speed.at(20.0, 100 + int(RATE_S)) == pytest.approx(1.0, rel=0.05)


def test_a_row_counts_and_times_its_frames() -> None:
    found = records((at * 0.02, frame(b"\x38\x01\xc0\xc0", at % 128)) for at in range(100))
    model = Model(Session(), 0.0)
    for record in found:
        model.take(record)
    row = only(model, 2.0)
    assert (row.count, row.name, row.sender, row.rank) == (100, "Unknown 0x38", "Multi", MULTI)
    assert row.period_s == pytest.approx(0.02)
    assert row.jitter_s == pytest.approx(0.0, abs=1e-9)
    assert row.rate == pytest.approx(50.0)
    assert row.age_s == pytest.approx(0.02, abs=1e-3)


def test_the_first_frame_of_a_kind_is_no_high_rate() -> None:
    model = model_over(records([(7.0, frame(b"\x38\x01\xc0\xc0"))]))
    assert only(model, 7.1).rate == pytest.approx(1 / RATE_S, rel=0.05)
    model.clear(8.0)
    for record in records([(9.0, frame(b"\x38\x01\xc0\xc0"))]):
        model.take(record)
    assert only(model, 10.0).rate == pytest.approx(0.5)


def test_a_kind_that_stops_gets_rate_zero_and_grows_old() -> None:
    model = model_over(records([(0.0, frame(b"\x38\x01\xc0\xc0"))]))
    for second in range(1, 20):
        row = only(model, float(second))
    assert row.rate == 0.0
    assert row.age_s == pytest.approx(19.0, abs=1e-3)
    assert (row.period_s, row.jitter_s) == (None, None)


# --- kinds -----------------------------------------------------------------------------------------------------------
def test_one_row_for_each_message_and_sender() -> None:
    found = records(
        [
            (0.0, handmade.SYNC),
            (0.1, handmade.AC_PHASE),
            (0.2, handmade.DC),
            (0.3, handmade.UNKNOWN),
            (0.4, frame(b"\x38\x01\xc0\xc0", sender=0x98F7)),
            (0.5, handmade.UNKNOWN),
        ]
    )
    rows = model_over(found).rows(1.0)
    names = [(row.name, row.sender, row.count) for row in rows]
    assert names == [
        ("Sync", "Multi", 1),
        ("AC phase", "Multi", 1),
        ("DC info", "Multi", 1),
        ("Unknown 0x38", "Multi", 2),
        ("Unknown 0x38", "MK3", 1),
    ]


def test_replies_are_told_apart_by_their_code_and_named_by_it() -> None:
    other = frame(bytes.fromhex("00e688"), 61)
    rows = model_over(records([(0.0, handmade.REPLY), (0.1, other), (0.2, handmade.REPLY)])).rows(1.0)
    assert [(row.name, row.count) for row in rows] == [
        ("Reply: Write RAM variable OK", 2),
        ("Reply: Write setting OK", 1),
    ]
    assert [row.values for row in rows] == ["Tid=0xe6", "Tid=0xe6"]


def test_phases_have_rows_of_their_own() -> None:
    phases = (frame(bytes.fromhex(f"20 01 01 00 09 {phase:02x} 05 5a d9 09 05 5a ef 01 c3")) for phase in (10, 7, 6))
    rows = model_over(records(enumerate(phases))).rows(3.0)
    assert [row.name for row in rows] == ["AC info: L1 of 3 phases", "AC info: L2", "AC info: L3"]


def test_damage_has_rows_of_its_own_and_spoils_no_other() -> None:
    found = records([(0.0, handmade.REPLY), (0.1, handmade.BAD_REPLY), (0.2, b"\x11\x22\x33" + handmade.REPLY)])
    rows = {row.name: row for row in model_over(found).rows(1.0)}
    assert set(rows) == {"Reply: Write RAM variable OK", "Bad checksum", "Bytes of no frame"}
    assert rows["Reply: Write RAM variable OK"].count == 2
    assert rows["Bad checksum"].data == handmade.BAD_REPLY
    assert "incorrect, should be 0x5a" in rows["Bad checksum"].values
    assert rows["Bytes of no frame"].data == b"\x11\x22\x33"


def test_requests_and_replies_of_an_adapter_are_two_rows() -> None:
    data = bytes.fromhex("02ff56a9"), MK3_VERSION
    model = model_over(records(list(enumerate(data)), Link.MK3))
    assert {row.name for row in model.rows(2.0)} == {"Get adapter version", "Adapter version"}


def test_the_values_say_what_other_columns_do_not() -> None:
    rows = model_over(records([(0.0, handmade.AC_PHASE), (0.1, handmade.DC)])).rows(1.0)
    assert rows[0].values == "F=50.006 Hz, PF=0.819, Udc=52.70 V"
    assert rows[1].values.startswith("Udc=13.31 V, ")
    assert rows[0].data == handmade.AC_PHASE[4:-2]


def test_endless_new_kinds_share_a_row_in_the_end() -> None:
    found = records(
        (at / 100, frame(b"\x38\x01\xc0\xc0", sender=0x4000 + at // 200 * 256 + at % 200))
        for at in range(MAX_ROWS + 200)
    )
    rows = model_over(found).rows(10.0)
    assert len(rows) == MAX_ROWS + 1
    assert sum(row.count for row in rows) == MAX_ROWS + 200
    assert (rows[-1].name, rows[-1].count) == ("Other messages", 200)


# --- changes ---------------------------------------------------------------------------------------------------------
def changing(*payloads: str) -> Model:
    """A model over frames one second apart; the first one at 0 s."""
    return model_over(records((float(at), frame(bytes.fromhex(hexed), at)) for at, hexed in enumerate(payloads)))


def test_the_first_frame_is_no_change() -> None:
    row = only(changing("38 01 c0 c0"), 0.0)
    assert (row.changed, row.recent) == (bytes(4), frozenset())


def test_changed_bits_are_kept_and_recent_bytes_fade() -> None:
    model = changing("38 01 c0 c0", "38 03 c0 c0", "38 03 c0 40")
    row = only(model, 2.0 + RECENT_S * 0.4)
    assert row.changed == bytes.fromhex("00 02 00 80")
    assert row.recent == {3}
    assert only(model, 2.0 + RECENT_S * 1.1).recent == frozenset()
    assert only(model, 60.0).changed == bytes.fromhex("00 02 00 80")


def test_a_change_that_is_taken_back_between_two_looks_is_seen() -> None:
    row = only(changing("38 01 c0 c0", "38 01 c1 c0", "38 01 c0 c0"), 2.0)
    assert row.changed == bytes.fromhex("00 00 01 00")
    assert row.recent == {2}


def test_bytes_that_come_and_go_count_as_changed() -> None:
    assert only(changing("38 01 c0 c0", "38 01 c0 c0 05"), 1.0).changed == bytes.fromhex("00 00 00 00 ff")
    shrunk = only(changing("38 01 c0 c0 05", "38 01 c0 c0"), 1.0)
    assert (shrunk.changed, shrunk.data) == (bytes(4), bytes.fromhex("38 01 c0 c0"))


def test_notch_hides_what_changed_and_shows_what_changes_anew() -> None:
    model = changing("38 01 c0 c0", "38 03 c0 c0")
    model.notch()
    assert only(model, 1.0).changed == bytes(4)
    assert only(model, 1.0).recent == frozenset()
    for at, hexed in ((2.0, "38 01 c0 c0"), (3.0, "38 05 c0 c0")):
        for record in records([(at, frame(bytes.fromhex(hexed)))]):
            model.take(record)
    row = only(model, 3.0)
    assert row.changed == bytes.fromhex("00 04 00 00")
    assert row.recent == {1}
    assert row.count == 4


def test_unnotch_shows_all_again() -> None:
    model = changing("38 01 c0 c0", "38 03 c0 c0")
    model.notch()
    model.unnotch()
    assert only(model, 1.0).changed == bytes.fromhex("00 02 00 00")


# --- what keys ask for -----------------------------------------------------------------------------------------------
def test_clear_begins_anew() -> None:
    model = changing("38 01 c0 c0", "38 03 c0 c0")
    model.clear(2.0)
    assert model.rows(2.0) == ()
    for record in records([(3.0, frame(b"\x38\x03\xc0\xc0"))]):
        model.take(record)
    row = only(model, 4.0)
    assert (row.count, row.changed) == (1, bytes(4))


def test_a_filter_hides_rows_by_their_last_frame_and_counts_on() -> None:
    model = model_over(records([(0.0, handmade.AC_PHASE), (0.1, handmade.DC)]))
    before = [row.count for row in model.rows(1.0)]
    model.choose(display_filter("vebus.dc.voltage > 13"))
    assert [(row.name, row.shown) for row in model.rows(2.0)] == [("AC phase", False), ("DC info", True)]
    for record in records([(2.5, handmade.AC_PHASE)]):
        model.take(record)
    assert [row.count for row in model.rows(3.0)] == [before[0] + 1, before[1]]
    model.choose(display_filter("vebus.dc.voltage > 14"))
    assert [row.shown for row in model.rows(4.0)] == [False, False]
    model.choose(None)
    assert [row.shown for row in model.rows(5.0)] == [True, True]


def test_quick_and_reference_dissections_give_the_same_rows() -> None:
    found = records((sent.at_s, sent.data) for sent in VirtualBus(load_scenario(), seed=3).run(10.0))
    quick, reference = Model(Session(), 0.0, dissect=quick_dissect), Model(Session(), 0.0)
    for record in found:
        quick.take(record)
        reference.take(record)
    assert quick.rows(10.0) == reference.rows(10.0)
    assert sum(row.count for row in quick.rows(11.0)) == len(found)
    assert math.isclose(quick.sync.period_s or 0.0, 0.02, rel_tol=0.01)
