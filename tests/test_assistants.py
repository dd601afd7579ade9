"""Assistants' records: where they stand is learned from what was read, and nothing is assumed without it.

The exchanges of public projects are those of captures/mk3-real.hex; the other frames are built from the rules of
mk3.md 15, with the records of the unit that it describes.
"""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captures.golden import FOLDER
from vebus_protocol.mk3 import Mk3Frame, encode_mk3_frame
from vebus_protocol.schema import Link
from vebus_protocol.variables import ASSISTANT_MEMORY, ASSISTANT_WORDS, AssistantId
from vebus_tools import glossary
from vebus_tools.assistants import NO_RECORDS, AssistantRecords, RecordPlace
from vebus_tools.capture import open_capture
from vebus_tools.nodes import Dissection, Node
from vebus_tools.records import Chunk
from vebus_tools.runner import dissections, survey
from vebus_tools.sinks.tree import tree_lines

UNIT = {128: 0x0090, 129: 0x8800, 130: 0x0054, 135: 0x00A1, 137: 0}
KNOWN = NO_RECORDS.learned(UNIT.items())


# --- where the records stand -----------------------------------------------------------------------------------------
def test_records_of_a_real_unit() -> None:
    assert KNOWN.headers == (0x0090, 0x8800, 0x0054, 0x00A1, 0)
    assert KNOWN.place(130) == RecordPlace(0x0054, 0)
    assert KNOWN.place(131) == RecordPlace(0x0054, 1)
    assert KNOWN.place(134) == RecordPlace(0x0054, 4)
    assert KNOWN.place(136) == RecordPlace(0x00A1, 1)
    assert KNOWN.place(137) == RecordPlace(0, 0)
    assert KNOWN.place(138) is KNOWN.place(127) is KNOWN.place(4) is None


def test_nothing_is_known_without_the_headers_before() -> None:
    assert NO_RECORDS.place(128) is None
    assert NO_RECORDS.learned([(129, 0x0054), (130, 0x0054)]) == NO_RECORDS
    assert NO_RECORDS.learned([(128, 0x0090), (130, 0x0054)]).headers == (0x0090,)


def test_a_word_of_a_record_is_no_header() -> None:
    ess = NO_RECORDS.learned([(128, 0x0054)])
    assert ess.learned([(129, 0x0054), (132, 0x00A1)]) == ess
    assert ess.learned([(133, 0x00A1)]).headers == (0x0054, 0x00A1)


def test_a_changed_header_forgets_what_is_behind_it() -> None:
    changed = KNOWN.learned([(129, 0x8801)])
    assert changed.headers == (0x0090, 0x8801)
    assert changed.place(131) is None
    assert KNOWN.learned([(129, 0x8800)]) == KNOWN
    assert KNOWN.continues(AssistantRecords(KNOWN.headers[:2]))
    assert not changed.continues(KNOWN)


def test_values_of_one_reply_are_taken_in_the_order_of_the_memory() -> None:
    assert NO_RECORDS.learned(reversed(UNIT.items())) == KNOWN


@pytest.mark.parametrize("end", [0x0000, 0x0001])
def test_nothing_is_behind_assistant_0(end: int) -> None:
    ended = NO_RECORDS.learned([(128, end)])
    assert ended.learned([(129, 0x0054), (130, 0x0054)]) == ended


@given(st.lists(st.tuples(st.integers(0, 255), st.integers(-0x8000, 0xFFFF)), max_size=40))
def test_any_values_make_records_that_follow_each_other(values: list[tuple[int, int]]) -> None:
    found = NO_RECORDS.learned(values)
    places = [found.place(variable) for variable in range(512)]
    starts = [at for at, place in enumerate(places) if place and place.index == 0]
    assert [place.header for place in places if place and place.index == 0] == list(found.headers)
    assert starts[:1] == [ASSISTANT_MEMORY][: len(starts)]
    assert sum(place is not None for place in places) == sum(1 + (header & 15) for header in found.headers)


# --- frames ----------------------------------------------------------------------------------------------------------
def frames(*payloads: bytes) -> list[Chunk]:
    return [Chunk(data=encode_mk3_frame(Mk3Frame(payload=b"\xff" + payload)), whole=True) for payload in payloads]


def read(values: dict[int, int]) -> list[Chunk]:
    request = bytes((ord("X"), 0x30, *values))
    words = b"".join(word.to_bytes(2, "little") for word in values.values())
    return frames(request, bytes((ord("X"), 0x85)) + words)


def written(variable: int, word: int) -> list[Chunk]:
    return frames(bytes((ord("Z"), 0x37, 2, variable)) + word.to_bytes(2, "little"))


def announced(variable: int, scale: int, offset: int = 0) -> list[Chunk]:
    reply = bytes((ord("X"), 0x8E)) + scale.to_bytes(2, "little", signed=True) + offset.to_bytes(2, "little")
    return frames(bytes((ord("X"), 0x36, variable, 0)), reply)


def dissected(*groups: Iterable[Chunk], two_pass: bool = False) -> list[Dissection]:
    chunks = [chunk for group in groups for chunk in group]
    knowledge = survey(chunks, Link.MK3) if two_pass else None
    return list(dissections(chunks, Link.MK3, knowledge=knowledge))


def values_of(dissection: Dissection) -> list[Node]:
    return [node for node in dissection.walk() if node.abbrev in ("vebus.ram.value", "vebus.snapshot.value")]


def lines_of(dissection: Dissection) -> list[str]:
    return [line.strip() for line in tree_lines(dissection)]


def real(*, two_pass: bool = False) -> list[Dissection]:
    with open_capture(FOLDER / "mk3-real.hex") as opened:
        return dissected(list(opened.chunks), two_pass=two_pass)


def of_wire(found: Iterable[Dissection], wire: str) -> Dissection:
    return next(each for each in found if each.record.wire == bytes.fromhex(wire))


SCAN_MP2 = "07 ff 58 85 90 00 61 59 d3"
SET_POINT_MP2 = "07 ff 5a 37 00 83 72 01 73"
SCAN_VCT = "07 ff 57 85 54 00 03 5a 6d"
SET_POINT_VCT = "07 ff 57 37 00 81 c8 00 23"
READ_BACK_VCT = "07 ff 57 85 14 00 a2 59 0f"


# --- real exchanges --------------------------------------------------------------------------------------------------
def test_a_scan_that_finds_an_assistant_nobody_has_identified() -> None:
    scan = of_wire(real(), SCAN_MP2)
    header, mains = values_of(scan)
    assert (header.label, header.text) == ("RAM[128] Assistant record", "144 (assistant 0x009, 0 ids follow)")
    assert (header.value, header.mark, mains.text) == (144, "", "228.81 V")
    assert "RAM[128]=144 (assistant 0x009, 0 ids follow), RAM[0]=228.81 V" in scan.info


def test_a_scan_that_finds_ess() -> None:
    header, _ = values_of(of_wire(real(), SCAN_VCT))
    assert (header.label, header.text) == ("RAM[128] Assistant record: ESS", "84 (ESS, 4 ids follow)")


def test_the_set_point_behind_that_scan_has_its_unit() -> None:
    found = real()
    request, reply = of_wire(found, SET_POINT_VCT), of_wire(found, READ_BACK_VCT)
    assert request.info_column.endswith("RAM[129]=200 W [assumed scale]")
    assert "RAM[129] ESS, word 1: set point: 200 W [assumed scale]" in lines_of(request)
    assert "RAM[129]=20 W" in reply.info
    node = values_of(reply)[0]
    assert (node.label, node.value, node.unit, node.mark) == (
        "RAM[129] ESS, word 1: set point",
        20,
        "W",
        "assumed scale",
    )


@pytest.mark.parametrize("two_pass", [False, True])
def test_nothing_is_assumed_for_a_set_point_whose_record_was_not_read(*, two_pass: bool) -> None:
    """The file holds two devices, so its second scan must not explain what the first device was told."""
    request = of_wire(real(two_pass=two_pass), SET_POINT_MP2)
    assert "RAM[131]=370" in request.info
    assert request.remarks[-1] == "scale not known"
    assert "Value: 370 [scale not known]" in lines_of(request)


# --- built exchanges -------------------------------------------------------------------------------------------------
def test_the_set_point_is_known_behind_the_record_and_with_two_passes_before_it() -> None:
    exchange = (written(131, 370), read({128: 0x0090, 129: 0x8800, 130: 0x0054}), written(131, 0xFF9C))
    before, *_, after = dissected(*exchange)
    assert before.info_column.endswith("RAM[131]=370, no EEPROM [scale not known]")
    assert after.info_column.endswith("RAM[131]=-100 W, no EEPROM [assumed scale]")
    assert (values_of(after)[0].value, values_of(after)[0].raw) == (-100, 0xFF9C)
    before, *_, after = dissected(*exchange, two_pass=True)
    assert "RAM[131]=370 W, no EEPROM" in before.info
    assert "RAM[131]=-100 W, no EEPROM" in after.info


def test_with_two_passes_what_is_before_a_change_is_read_as_it_was() -> None:
    exchange = (written(129, 5), read({128: 0x0054}), read({128: 0x0091}), written(129, 6))
    first, *_, last = dissected(*exchange, two_pass=True)
    assert "RAM[129]=5 W" in first.info
    assert "RAM[129] Assistant 0x009, word 1: 6 [scale not known]" in lines_of(last)


def test_headers_are_read_again_when_the_list_has_changed() -> None:
    *_, found = dissected(read({128: 0x0054}), read({128: 0x0090, 129: 0x0052}), read({129: 0x0052, 130: 7}))
    assert [node.label for node in values_of(found)] == [
        "RAM[129] Assistant record: ESS",
        "RAM[130] ESS, word 1: set point",
    ]


def test_a_reply_without_its_request_teaches_nothing() -> None:
    *_, found = dissected(read({128: 0x0054})[1:], written(129, 370))
    assert found.info_column.endswith("RAM[129]=370, no EEPROM [scale not known]")


def test_a_damaged_reply_teaches_nothing() -> None:
    request, reply = read({128: 0x0054})
    bad = Chunk(data=reply.data[:-1] + bytes((reply.data[-1] ^ 1,)), whole=True)
    *_, found = dissected([request, bad], written(129, 370))
    assert "RAM[129]=370, no EEPROM" in found.info


def test_another_interface_has_other_records() -> None:
    elsewhere = [Chunk(data=chunk.data, whole=True, interface="mk3-2") for chunk in written(129, 370)]
    *_, found = dissected(read({128: 0x0054}), elsewhere)
    assert "RAM[129]=370, no EEPROM" in found.info


def test_texts_of_headers() -> None:
    *_, found = dissected(read(UNIT))
    assert [(node.label, node.text) for node in values_of(found)] == [
        ("RAM[128] Assistant record", "144 (assistant 0x009, 0 ids follow)"),
        ("RAM[129] Assistant record", "34816 (assistant 0x880, 0 ids follow)"),
        ("RAM[130] Assistant record: ESS", "84 (ESS, 4 ids follow)"),
        ("RAM[135] Assistant record", "161 (assistant 0x00a, 1 id follows)"),
        ("RAM[137] End of assistant records", "0 (no more records)"),
    ]


def test_words_of_ess() -> None:
    *_, found = dissected(read({128: 0x0054, 129: 0xFE0C, 130: 0x0002, 131: 0xFFFE}))
    lines = lines_of(found)
    assert "RAM[129] ESS, word 1: set point: -500 W [assumed scale]" in lines
    assert "RAM[130] ESS, word 2: flags: 0x0002" in lines
    assert ".... .... .... ...0 = No charging: False" in lines
    assert ".... .... .... ..1. = No feed-in: True" in lines
    assert "RAM[131] ESS, word 3: 65534 (signed: -2) [scale not known]" in lines


def test_words_of_an_ac_current_sensor() -> None:
    *_, found = dissected(read({128: 0x0014, 129: 0x0021, 130: 1234, 131: 2838, 132: 100}))
    lines = lines_of(found)
    assert "RAM[128] Assistant record: AC current sensor: 20 (AC current sensor, 4 ids follow)" in lines
    assert "RAM[129] AC current sensor, word 1: flags: 0x0021" in lines
    assert ".... .... ...0 0001 = Position: AC output (0x01)" in lines
    assert ".... .... .01. .... = Phase: 1" in lines
    assert "RAM[130] AC current sensor, word 2: current: 12.34 A [assumed scale]" in lines
    assert "RAM[131] AC current sensor, word 3: power: 2838 VA [assumed scale]" in lines
    assert "RAM[132] AC current sensor, word 4: energy: 1.8204 kWh [assumed scale]" in lines


def test_an_announced_scale_wins() -> None:
    *_, found = dissected(read({128: 0x0054}), announced(129, -2), written(129, 0xFFFF))
    node = values_of(found)[0]
    assert (node.label, node.text, node.mark) == ("RAM[129] ESS, word 1: set point", "-2 W", "")


def test_an_announcement_without_a_scale_changes_nothing() -> None:
    *_, found = dissected(read({128: 0x0054}), announced(129, 0), written(129, 370))
    assert values_of(found)[0].text == "370 W"


def test_a_snapshot_shows_the_words_too() -> None:
    freeze = frames(bytes((ord("F"), 6, 129, 128)))
    reply = frames(bytes((ord("X"), 0x38)), bytes.fromhex("58 99 9c ff 54 00"))
    *_, found = dissected(read({128: 0x0054}), freeze, reply)
    assert [node.text for node in values_of(found)] == ["-100 W", "84 (ESS, 4 ids follow)"]


def test_a_header_of_16_bits_in_a_snapshot_is_no_negative_number() -> None:
    freeze = frames(bytes((ord("F"), 6, 128)))
    reply = frames(bytes((ord("X"), 0x38)), bytes.fromhex("58 99 00 88"))
    *_, found = dissected(read({128: 0x8800}), freeze, reply)
    assert values_of(found)[0].text == "34816 (assistant 0x880, 0 ids follow)"


# --- the table -------------------------------------------------------------------------------------------------------
def test_every_word_says_what_it_is_and_who_says_so() -> None:
    for (assistant, word), spec in ASSISTANT_WORDS.items():
        assert AssistantId.text_of(assistant)
        assert 1 <= word <= 15
        assert spec.layout is not None
        assert spec.layout.bits == 16
        assert spec.source
        assert spec.scale or sum(part.mask for part in spec.bits) == 0xFFFF


def test_the_bits_can_be_named_in_a_filter() -> None:
    bits = {part.abbrev for spec in ASSISTANT_WORDS.values() for part in spec.bits}
    assert bits <= glossary.known_fields().keys()
