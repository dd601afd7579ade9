"""Records taken apart: the lines of the list, every byte in one node, marks, and values that nobody knows."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.streams import (
    ADAPTER_INFO,
    ADAPTER_LEDS,
    ADAPTER_VERSION,
    BUS_BARE_FA,
    BUS_ESCAPES,
    BUS_FB,
    BUS_REPLY,
    BUS_SYNC,
    LINKS,
    adapter,
    bus,
    flip,
    frames,
    streams,
)
from vebus_protocol.registry import MESSAGES
from vebus_protocol.schema import Link, Message, Space
from vebus_tools.decoder import decode_chunks
from vebus_tools.dissection import dissect, severity_of
from vebus_tools.names import parse_names
from vebus_tools.nodes import Block, Dissection, Node
from vebus_tools.records import Chunk, Severity
from vebus_tools.runner import dissections, survey
from vebus_tools.session import Session

ASSUMED = "assumed scale"


def taken_apart(*wires: bytes, link: Link = Link.RS485) -> list[Dissection]:
    """In the second of two passes, so that requests know their replies."""
    chunks = [Chunk(data=wire, whole=True) for wire in wires]
    return list(dissections(chunks, link, knowledge=survey(chunks, link)))


def alone(wire: bytes, link: Link = Link.RS485) -> Dissection:
    (record,) = decode_chunks([Chunk(data=wire, whole=True)], link)
    return dissect(record)


def named(dissection: Dissection, abbrev: str) -> Node:
    """The only node with this field name."""
    (node,) = (node for node in dissection.walk() if node.abbrev == abbrev)
    return node


# --- the list --------------------------------------------------------------------------------------------------------
BAD_REPLY = flip(BUS_REPLY, 8 * 7)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("83 83 FD 02 55 51 18 02 97 FF", "Sync, Nr=2, Time=536 (48.240 ms), Status=0x51"),
        (
            "83 83 FE 51 E4 80 56 C3 C3 A6 4C BE 8F D3 68 19 4B 7A 00 1A FF",
            "AC phase, Nr=81, F=50.006 Hz, PF=0.819, Udc=52.70 V",
        ),
        (
            "83 83 FE 72 20 40 A5 C4 01 0C 33 05 12 00 00 00 00 00 86 EB FF",
            "DC info, Nr=114, Udc=13.31 V, Iinv=1.8 A, Ichg=0.0 A [assumed scale]",
        ),
        ("83 83 FE 05 38 01 C0 C0 45 FF", "Unknown 0x38, Nr=5, 3 bytes undecoded"),
        ("83 83 FE 3C 00 E6 87 5A FF", "Reply, Nr=60, Tid=0xe6, Write RAM variable OK (0x87)"),
        ("83 83 FE 3C 00 E6 87 5B FF", "Reply, Nr=60 [Checksum 0x5b incorrect, should be 0x5a]"),
    ],
)
def test_lines_of_the_list(text: str, line: str) -> None:
    assert alone(bytes.fromhex(text)).info_column == line


def test_lines_of_a_request_and_its_reply() -> None:
    asked, replied = taken_apart(BUS_BARE_FA, bus("00 E6 87", 4))
    assert asked.info == "Write via ID, Nr=3, Tid=0xe6, RAM[131]=100, no EEPROM"
    assert asked.remarks == ("Response in: 2", "scale not known")
    assert replied.info == "Reply, Nr=4, Tid=0xe6, Write RAM variable OK (0x87)"
    assert [remark.split(",")[0] for remark in replied.remarks] == ["Request in: 1"]
    assert (asked.source, replied.source, asked.destination) == ("MK3", "Multi", "Bus")


def test_bare_fa_checksum_and_escaped_value() -> None:
    bare, escaped = alone(BUS_BARE_FA), alone(BUS_ESCAPES)
    assert named(bare, "vebus.checksum").text == "0xfa [correct]"
    assert named(bare, "vebus.checksum.status").value == "Good"
    assert "RAM[131]=65532 (signed: -4)" in escaped.info
    assert named(escaped, "vebus.stuffed").value == 2


def test_skipped_bytes_have_a_line_and_a_node() -> None:
    (found,) = taken_apart(b"\x01\x02\x03")
    assert found.info_column == "[3 bytes skipped] [cut off: no end byte]"
    assert named(found, "vebus.resync").value == 3
    assert (found.source, found.protocol) == ("?", "VE.Bus")


def test_five_byte_frame() -> None:
    found = alone(BUS_FB)
    assert found.info_column == "VE.Bus FB frame, Value=0x10"
    assert severity_of(found.findings) is None


def test_frames_of_an_adapter() -> None:
    assert alone(ADAPTER_VERSION, Link.MK3).info_column.startswith("Adapter version, Version=1170212")
    leds = alone(ADAPTER_LEDS, Link.MK3)
    assert [named(leds, name).value for name in ("mk3.led.on", "mk3.led.blink")] == [1, 8]
    info = alone(ADAPTER_INFO, Link.MK3)
    assert "Umains=232.76 V, Imains=-1.61 A" in info.info_column
    assert info.remarks == (ASSUMED,)
    assert (info.source, info.destination, info.protocol) == ("MK3", "Host", "MK3")


def test_ends_of_a_frame_that_looks_alike_both_ways() -> None:
    assert alone(adapter("FF 41 01 00"), Link.MK3).source == "?"
    asked, replied = taken_apart(adapter("FF 41 01 00"), adapter("FF 41 01 00"), link=Link.MK3)
    assert [(found.source, found.destination) for found in (asked, replied)] == [("Host", "MK3"), ("MK3", "Host")]
    assert [named(found, "vebus.direction").value for found in (asked, replied)] == ["out", "in"]


def test_names_of_the_user() -> None:
    (record,) = decode_chunks([Chunk(data=BUS_SYNC)], Link.RS485)
    found = dissect(record, names=parse_names('[names]\n8383 = "Quattro L1"', "x"))
    assert found.source == "Quattro L1"
    assert named(found, "vebus.addr").text == "Quattro L1 (0x8383)"
    assert found.blocks[0].title == "Victron VE.Bus, Sync, Src: Quattro L1 (0x8383), Nr: 2"


# --- RAM variables and settings --------------------------------------------------------------------------------------
def test_ram_values_have_the_names_of_their_request() -> None:
    asked = bus("00 E6 30 04 0E 83", 1, 0x98F7)
    _, replied = taken_apart(asked, bus("00 E6 85 33 05 18 FC FC FF", 2))
    values = [node for node in replied.walk() if node.abbrev == "vebus.ram.value"]
    assert [(node.label, node.text) for node in values] == [
        ("RAM[4] Battery voltage", "13.31 V"),
        ("RAM[14] Inverter power, filtered", "-1000 W"),
        ("RAM[131]", "65532 (signed: -4)"),
    ]
    assert [node.mark for node in values] == [ASSUMED, ASSUMED, "scale not known"]
    assert "RAM[4]=13.31 V, RAM[14]=-1000 W, RAM[131]=65532 (signed: -4)" in replied.info


def test_ram_values_without_their_request_are_numbers() -> None:
    values = [node for node in alone(bus("00 E6 85 33 05 01 00")).walk() if node.abbrev == "vebus.ram.value"]
    assert [(node.label, node.value, node.mark) for node in values] == [
        ("Value 1", 0x0533, "scale not known"),
        ("Value 2", 1, "scale not known"),
    ]


def test_more_values_than_ids_do_no_harm() -> None:
    _, replied = taken_apart(bus("00 E6 30 04", 1, 0x98F7), bus("00 E6 85 33 05 01 00 02", 2))
    labels = [node.label for node in replied.walk() if node.abbrev == "vebus.ram.value"]
    assert labels == ["RAM[4] Battery voltage", "Value 2"]
    assert named(replied, "vebus.unknown").value == b"\x02"


def test_setting_value_has_the_scale_of_its_request() -> None:
    _, replied = taken_apart(bus("00 81 31 02 00", 1, 0x98F7), bus("00 81 86 A0 05", 2))
    node = named(replied, "vebus.setting.value")
    assert (node.value, node.raw, node.unit, node.mark) == (14.4, 1440, "V", ASSUMED)


def test_a_variable_that_the_device_does_not_have() -> None:
    heard = taken_apart(
        *(adapter(text) for text in ("FF 58 36 04", "FF 58 8E", "FF 58 30 04", "FF 58 85 33 05")), link=Link.MK3
    )
    node = named(heard[3], "vebus.ram.value")
    assert node.value is None
    assert node.raw == 0x0533
    assert "not supported by the device" in node.text


# --- what nobody knows -----------------------------------------------------------------------------------------------
def test_an_unknown_enum_value_is_shown_as_a_number() -> None:
    state = named(alone(adapter("20 01 01 C5 FE 08 D8 59 0A 00 D8 59 32 00 C3"), Link.MK3), "vebus.ac.state")
    assert (state.value, state.name) == (0xFE, "")
    assert state.text == "Unknown (0xfe)"


def test_absent_values_are_none_with_a_reason() -> None:
    found = alone(adapter("20 01 01 00 04 08 00 00 00 00 D8 59 6B 01 FF"), Link.MK3)
    period = named(found, "vebus.ac.mains_period")
    assert (period.value, period.raw) == (None, 0xFF)
    assert "no mains" in period.text
    assert "no mains" in named(found, "vebus.ac.mains_frequency").text


def test_unknown_bytes_are_marked() -> None:
    node = named(alone(bus("77 01 02 03")), "vebus.unknown")
    assert (node.value, node.text, node.mark) == (b"\x01\x02\x03", "01 02 03", "unknown meaning")


def test_frame_of_an_unknown_kind() -> None:
    assert alone(bus("01 02", 5, kind=0xFC)).info_column.startswith("Unknown kind 0xfc, Nr=5")


def test_guesses_are_marked() -> None:
    marks = {node.abbrev: node.mark for node in alone(BUS_SYNC).walk()}
    assert marks["vebus.sync.status"] == "unknown meaning"
    assert marks["vebus.sync.time_ms"] == "unconfirmed"
    assert marks["vebus.sync.time"] == ""


# --- every byte in one node ------------------------------------------------------------------------------------------
def spans(block: Block) -> list[tuple[int, int]]:
    return [(node.start, node.start + node.size) for node in block.nodes if node.size]


def assert_covered(dissection: Dissection) -> None:
    """Top-level nodes with bytes cover the unstuffed frame, each byte once; what is below stays inside."""
    at = 0
    for start, end in sorted(span for block in dissection.blocks for span in spans(block)):
        assert start == at, dissection.record.wire.hex(" ")
        at = end
    assert at == len(dissection.record.unstuffed)
    for block in dissection.blocks:
        for node in block.nodes:
            for child in node.children:
                inside = node.start <= child.start and child.start + child.size <= node.start + node.size
                assert inside or not child.size
            assert not any(extra.size for extra in node.beside)


@pytest.mark.parametrize("link", LINKS)
def test_every_byte_of_the_vectors_is_in_one_node(link: Link) -> None:
    for wire in frames(link):
        assert_covered(alone(wire, link))


RECOGNISED = [declared for declared in MESSAGES if declared.INFO.space is not Space.ENVELOPE]


@settings(max_examples=300)
@given(data=st.data())
def test_every_byte_of_any_recognised_frame_is_in_one_node(data: st.DataObject) -> None:
    """Random bodies behind the telling bytes of every declared message, of its lengths and of wrong ones."""
    declared = data.draw(st.sampled_from(RECOGNISED))
    link = data.draw(st.sampled_from(sorted(declared.INFO.links, key=lambda found: found.value)))
    payload = data.draw(payloads(declared, link))
    kind = 0xFD if declared.INFO.space is Space.SYNC else 0xFE
    wire = bus(payload.hex(), kind=kind) if link is Link.RS485 else adapter(payload.hex())
    found = alone(wire, link)
    assert found.record.wire == wire
    assert_covered(found)
    assert found.info_column


def payloads(declared: type[Message], link: Link) -> st.SearchStrategy[bytes]:
    carrier = {Link.RS485: b"\x00\xe6", Link.MK3: b"\xff\x58"}[link] if declared.INFO.space is Space.WINMON else b""
    room = 20 - len(carrier)
    smallest = max(2 - len(carrier), *(at + 1 for at in declared.INFO.match), 1)
    body = st.integers(smallest, room).flatmap(lambda size: st.binary(min_size=size, max_size=size))
    telling = {at: st.sampled_from(sorted(values)) for at, values in declared.INFO.match.items()}
    return st.builds(lambda data, told: carrier + _with(data, told), body, st.fixed_dictionaries(telling))


def _with(body: bytes, told: dict[int, int]) -> bytes:
    changed = bytearray(body)
    for at, value in told.items():
        changed[at] = value
    return bytes(changed)


@pytest.mark.parametrize("link", LINKS)
@settings(max_examples=60)
@given(data=st.data())
def test_any_stream_is_taken_apart_without_a_gap(link: Link, data: st.DataObject) -> None:
    session = Session()
    for record in decode_chunks([Chunk(data=data.draw(streams(link)))], link):
        found = dissect(record, session.observe(record))
        assert_covered(found)
        assert all(node.label and node.abbrev for node in found.walk())


@pytest.mark.parametrize("link", LINKS)
def test_field_names_belong_to_the_declarations(link: Link) -> None:
    for wire in frames(link):
        for node in alone(wire, link).walk():
            assert node.abbrev.startswith(("vebus.", "mk3."))
            assert node.label


# --- damage ----------------------------------------------------------------------------------------------------------
def test_a_damaged_frame_shows_both_checksums_and_what_it_holds() -> None:
    found = alone(BAD_REPLY)
    assert named(found, "vebus.checksum").text == "0x5b incorrect, should be 0x5a"
    assert named(found, "vebus.checksum.status").value == "Bad"
    assert named(found, "vebus.checksum.expected").value == 0x5A
    assert severity_of(found.findings) is Severity.ERROR
    assert_covered(found)


@pytest.mark.parametrize("link", LINKS)
def test_no_flipped_bit_breaks_the_walk(link: Link) -> None:
    for wire in frames(link)[::6]:
        for bit in range(8 * len(wire)):
            for record in decode_chunks([Chunk(data=flip(wire, bit), whole=True)], link):
                assert_covered(dissect(record))
