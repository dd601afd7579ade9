"""JSON, EK, PDML, PSML and field lists: read back, and compared with what the real tshark prints."""

# ruff: noqa: S314, ANN401  (the XML was written a line before; builders and JSON hold anything)

import math
import xml.etree.ElementTree as ET
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.machine_samples import (
    BAD_SUM,
    CHECKSUM_NODE,
    EPOCH,
    FLAGS_NODE,
    KIND_NODE,
    NASTY,
    ODD,
    REPLY,
    STUFFED,
    SYNC,
    VOLTS_NODE,
    block,
    dissection,
    ek_layers,
    json_layers,
    node,
    output,
    strict,
)
from vebus_protocol.enums import FrameKind
from vebus_protocol.schema import Field, Link
from vebus_tools.decoder import Decoder
from vebus_tools.dissection import dissect
from vebus_tools.nodes import Dissection
from vebus_tools.records import Chunk, Finding, Group, Severity, Stamp, TimeSource
from vebus_tools.sinks.fields_form import FieldsForm
from vebus_tools.sinks.frame_form import MachineForm, Subset, render
from vebus_tools.sinks.json_form import EkForm, JsonForm, JsonRawForm
from vebus_tools.sinks.xml_form import PdmlForm, PsmlForm, escaped
from vebus_tools.times import TimeForm, Timeline, Timing


def all_forms() -> list[MachineForm]:
    fields = FieldsForm(
        ["frame.number", "vebus.volts", "_ws.col.info"], known=("frame.number", "vebus.volts", "_ws.col.info")
    )
    return [JsonForm(), JsonRawForm(), EkForm(), PdmlForm(), PsmlForm(), fields]


# --- JSON ------------------------------------------------------------------------------------------------------------
def test_json_of_nothing_is_valid() -> None:
    assert strict(output(JsonForm())) == []
    assert strict(output(JsonRawForm())) == []


def test_json_comes_one_element_at_a_time() -> None:
    form = JsonForm()
    parts = [form.start(), *(form.record(dissection(block(KIND_NODE))) for _ in range(3)), form.stop()]
    assert len(strict("".join(parts))) == 3
    assert all(strict("".join(parts[: count + 1]) + "\n]") for count in (1, 2, 3))


def test_json_element() -> None:
    (element,) = strict(output(JsonForm(), dissection(block(KIND_NODE), at=EPOCH + 0.25, epoch=True)))
    assert list(element) == ["_index", "_type", "_score", "_source"]
    assert (element["_index"], element["_type"], element["_score"]) == ("packets-2023-11-14", "doc", None)
    assert element["_source"] == {
        "layers": {
            "frame": {
                "frame.time_epoch": EPOCH + 0.25,
                "frame.time_delta": 0.0,
                "frame.time_relative": 0.0,
                "frame.number": 1,
                "frame.len": 10,
                "frame.cap_len": 10,
                "frame.protocols": "vebus",
                "frame.time_source": "capture file",
                "frame.raw": SYNC.hex(),
            },
            "vebus": {"vebus.type": 0xFD, "vebus.type.text": "Sync"},
        }
    }


def test_times_without_a_date() -> None:
    made = dissection(at=1.5)
    (element,) = strict("".join(render(JsonForm(), [(made, Timing(first=Stamp(0.5, TimeSource.BYTES)))])))
    frame = element["_source"]["layers"]["frame"]
    assert element["_index"] == "packets-undated"
    assert (frame["frame.time_relative"], frame["frame.time_source.mark"]) == (1.0, "estimated")
    assert "frame.time_epoch" not in frame
    assert strict(output(EkForm(), made).splitlines()[1])["timestamp"] is None


def test_times_on_two_clocks_are_left_out() -> None:
    made = dissection(at=EPOCH, epoch=True)
    (element,) = strict("".join(render(JsonForm(), [(made, Timing(first=Stamp(0.5, TimeSource.BYTES)))])))
    assert "frame.time_relative" not in element["_source"]["layers"]["frame"]


def test_interface_is_told_where_there_is_one() -> None:
    plain = dissection()
    named = replace(plain, record=replace(plain.record, interface="vebus0"))
    assert json_layers(named)["frame"]["frame.interface"] == "vebus0"
    assert "frame.interface" not in json_layers(plain)["frame"]


def test_json_value_raw_number_and_mark() -> None:
    assert json_layers(dissection(block(VOLTS_NODE)))["vebus"] == {
        "vebus.volts": 13.31,
        "vebus.volts.raw": 1331,
        "vebus.volts.mark": "assumed scale",
    }


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"\xaa\xbb\xcc", "aa:bb:cc"),
        (b"", ""),
        (True, True),
        (0, 0),
        (-4, -4),
        (0.1 + 0.2, 0.3),
        (EPOCH + 0.003125, EPOCH + 0.003125),
        (1e30, 1e30),
        ("text", "text"),
        (math.nan, None),
        (math.inf, None),
        (FrameKind.SYNC, 0xFD),
    ],
)
def test_json_types(value: Any, expected: Any) -> None:
    found = json_layers(dissection(block(node("vebus.x", value))))["vebus"]["vebus.x"]
    assert (found, type(found)) == (expected, type(expected))


def test_a_value_that_is_not_available_is_null_with_a_reason() -> None:
    found = json_layers(dissection(block(node("vebus.x", None, raw=0x7FFF, text="not available (0x7fff)"))))
    assert found["vebus"] == {"vebus.x": None, "vebus.x.raw": 0x7FFF, "vebus.x.text": "not available (0x7fff)"}


def test_json_tree_and_what_stands_beside() -> None:
    milliseconds = node("vebus.time_ms", 48.24)
    found = json_layers(dissection(block(FLAGS_NODE, node("vebus.time", 536, beside=(milliseconds,)))))
    assert found["vebus"] == {
        "vebus.flags": 0x18,
        "vebus.flags_tree": {"vebus.flags.on": True},
        "vebus.time": 536,
        "vebus.time_ms": 48.24,
    }


def test_repeated_fields_are_one_array_in_step() -> None:
    found = json_layers(
        dissection(block(VOLTS_NODE, node("vebus.volts", None, text="none"), replace(VOLTS_NODE, mark="")))
    )
    assert found["vebus"] == {
        "vebus.volts": [13.31, None, 13.31],
        "vebus.volts.raw": [1331, None, 1331],
        "vebus.volts.text": [None, "none", None],
        "vebus.volts.mark": ["assumed scale", None, None],
    }


def test_repeated_trees_are_an_array() -> None:
    found = json_layers(dissection(block(FLAGS_NODE, replace(FLAGS_NODE, children=()))))
    assert found["vebus"]["vebus.flags_tree"] == [{"vebus.flags.on": True}, None]


def test_two_blocks_of_one_protocol_are_one_object() -> None:
    found = json_layers(dissection(block(KIND_NODE), block(node("vebus.x"), protocol="winmon"), block(VOLTS_NODE)))
    assert list(found) == ["frame", "vebus", "winmon"]
    assert found["frame"]["frame.protocols"] == "vebus:winmon"
    assert {"vebus.type", "vebus.volts"} <= found["vebus"].keys()


BAD_SUM_JSON = {
    "_ws.expert.message": "Bad checksum",
    "_ws.expert.severity": 4,
    "_ws.expert.severity.text": "Error",
    "_ws.expert.group": "Checksum",
}


def test_finding_stands_in_the_tree_of_its_field_once() -> None:
    found = json_layers(dissection(block(CHECKSUM_NODE, KIND_NODE, CHECKSUM_NODE), findings=(BAD_SUM, BAD_SUM)))
    assert found["vebus"]["vebus.checksum_tree"] == [{"_ws.expert": [BAD_SUM_JSON, BAD_SUM_JSON]}, None]


def test_finding_without_a_field_stands_in_the_first_protocol() -> None:
    lost = replace(ODD, abbrev="vebus.nowhere")
    found = json_layers(dissection(block(KIND_NODE), block(node("vebus.x"), protocol="winmon"), findings=(ODD, lost)))
    assert [one["_ws.expert.group"] for one in found["vebus"]["_ws.expert"]] == ["Assumption", "Assumption"]
    assert "_ws.expert" not in found["winmon"]


def test_finding_of_a_record_without_blocks_stands_in_the_frame() -> None:
    assert json_layers(dissection(findings=(ODD,)))["frame"]["_ws.expert"][0]["_ws.expert.severity.text"] == "Note"


def test_protocols_that_were_not_asked_for() -> None:
    made = dissection(block(KIND_NODE, FLAGS_NODE), block(node("vebus.x"), protocol="winmon"))
    deep = json_layers(made, Subset(names=frozenset({"vebus"})))
    assert (deep["frame"], deep["winmon"]) == ({"filtered": "frame"}, {"filtered": "winmon"})
    assert deep["vebus"]["vebus.flags_tree"] == {"vebus.flags.on": True}
    flat = json_layers(made, Subset(names=frozenset({"vebus"}), deep=False))
    assert flat["vebus"]["vebus.flags_tree"] == {"filtered": "vebus.flags"}
    named = json_layers(made, Subset(names=frozenset({"vebus", "vebus.flags"}), deep=False))
    assert named["vebus"]["vebus.flags_tree"] == {"vebus.flags.on": True}


def test_jsonraw() -> None:
    made = dissection(block(KIND_NODE, FLAGS_NODE, VOLTS_NODE), findings=(BAD_SUM,))
    (element,) = strict(output(JsonRawForm(), made))
    layers = element["_source"]["layers"]
    assert layers["frame_raw"] == [SYNC.hex(), 0, 10, 0, 1]
    assert layers["vebus_raw"] == [SYNC.hex(), 0, 10, 0, 1]
    assert layers["vebus"] == {
        "vebus.type_raw": ["fd", 2, 1, 0, 4],
        "vebus.flags_raw": ["18", 6, 1, 0, 7],
        "vebus.flags_tree": {"vebus.flags.on_raw": ["1", 6, 1, 8, 2]},
        "vebus.volts_raw": ["", 0, 0, 0, 23],
    }


def test_jsonraw_counts_in_the_unstuffed_frame() -> None:
    made = dissection(block(node("vebus.x", 0xFFFC, start=9, size=2)), data=STUFFED)
    (element,) = strict(output(JsonRawForm(), made))
    layers = element["_source"]["layers"]
    assert layers["frame_raw"][0] == STUFFED.hex()
    assert layers["vebus"]["vebus.x_raw"][:3] == ["fcff", 9, 2]


# --- EK --------------------------------------------------------------------------------------------------------------
def test_ek_has_two_lines_for_each_record() -> None:
    made = dissection(block(KIND_NODE, FLAGS_NODE), at=EPOCH + 0.003125, epoch=True)
    lines = [strict(line) for line in output(EkForm(), made, made).splitlines()]
    assert lines[0] == {"index": {"_index": "packets-2023-11-14", "_type": "doc"}}
    assert lines[1]["timestamp"] == EPOCH * 1000 + 3
    assert lines[1]["layers"]["vebus"] == {
        "vebus_vebus_type": 0xFD,
        "vebus_vebus_type_text": "Sync",
        "vebus_vebus_flags": 0x18,
        "vebus_vebus_flags_on": True,
    }
    assert lines[2:] == lines[:2]


def test_ek_arrays_do_not_depend_on_the_number() -> None:
    value = node("vebus.ram.value", 100, raw=7)
    one, two = (ek_layers(dissection(block(*[value] * count)))["vebus"] for count in (1, 2))
    assert one == {"vebus_vebus_ram_value": [100], "vebus_vebus_ram_value_raw": [7]}
    assert two == {"vebus_vebus_ram_value": [100, 100], "vebus_vebus_ram_value_raw": [7, 7]}


def test_ek_findings_are_always_an_array() -> None:
    found = ek_layers(dissection(block(CHECKSUM_NODE), findings=(BAD_SUM,)))
    assert found["vebus"]["_ws_expert"] == [
        {
            "_ws_expert__ws_expert_message": "Bad checksum",
            "_ws_expert__ws_expert_severity": 4,
            "_ws_expert__ws_expert_severity_text": "Error",
            "_ws_expert__ws_expert_group": "Checksum",
        }
    ]


# --- XML -------------------------------------------------------------------------------------------------------------
def pdml(*dissections: Dissection, **options: Any) -> ET.Element:
    return ET.fromstring(output(PdmlForm(**options), *dissections))


def pdml_field(of: Dissection, name: str) -> ET.Element:
    found = pdml(of).find(f".//field[@name='{name}']")
    assert found is not None
    return found


def test_pdml_of_nothing_is_valid() -> None:
    root = pdml(capture_file="a&b.bin")
    assert (root.tag, len(root), root.get("capture_file"), root.get("version")) == ("pdml", 0, "a&b.bin", "0")


def test_pdml_field() -> None:
    assert dict(pdml_field(dissection(block(KIND_NODE)), "vebus.type").attrib) == {
        "name": "vebus.type",
        "showname": "Frame type: Sync (0xfd)",
        "size": "1",
        "pos": "2",
        "show": "0xfd",
        "value": "fd",
    }


def test_pdml_field_for_filters_only_is_hidden() -> None:
    found = pdml_field(dissection(block(replace(KIND_NODE, hidden=True))), "vebus.type")
    assert list(found.attrib) == ["name", "showname", "hide", "size", "pos", "show", "value"]


def test_pdml_bit_field() -> None:
    found = pdml_field(dissection(block(FLAGS_NODE)), "vebus.flags")
    (bit,) = found
    assert dict(bit.attrib) == {
        "name": "vebus.flags.on",
        "showname": ".... 1... = Mains on: True",
        "size": "1",
        "pos": "6",
        "show": "1",
        "value": "1",
        "unmaskedvalue": "18",
    }


def test_pdml_marks_and_phrases() -> None:
    spec = Field(label="Time", phrase="at 90 us per tick")
    made = node("vebus.x", 48.24, label="Time", text="48.240 ms", mark="unconfirmed", generated=True, field=spec)
    found = pdml_field(dissection(block(made)), "vebus.x")
    assert found.get("showname") == "Time: 48.240 ms [at 90 us per tick] [unconfirmed]"
    assert (found.get("show"), found.get("value")) == ("48.24", None)


def test_pdml_finding() -> None:
    checksum = pdml_field(dissection(block(CHECKSUM_NODE), findings=(BAD_SUM,)), "vebus.checksum")
    (expert,) = checksum
    assert expert.get("showname") == "Expert Info (Error/Checksum): Bad checksum"
    assert [(part.get("name"), part.get("show")) for part in expert] == [
        ("_ws.expert.message", "Bad checksum"),
        ("_ws.expert.severity", "4"),
        ("_ws.expert.group", "Checksum"),
    ]


def test_pdml_finding_without_a_field() -> None:
    protos = pdml(dissection(block(KIND_NODE), findings=(ODD,))).findall("packet/proto")
    assert [child.get("name") for child in protos[-1]] == ["vebus.type", "_ws.expert"]


def test_pdml_protocols_that_were_not_asked_for() -> None:
    made = dissection(block(FLAGS_NODE), block(node("vebus.x"), protocol="winmon"))
    protos = pdml(made, subset=Subset(names=frozenset({"vebus"}), deep=False)).findall("packet/proto")
    below = {proto.get("name"): [dict(child.attrib) for child in proto] for proto in protos}
    assert below["winmon"] == [{"name": "filtered", "value": "winmon"}]
    assert [child.get("value") for child in protos[2].iter("field") if child.get("name") == "filtered"] == [
        "vebus.flags"
    ]


def test_psml() -> None:
    root = ET.fromstring(output(PsmlForm(TimeForm.EPOCH), dissection(at=EPOCH, epoch=True)))
    assert [section.text for section in root.findall("structure/section")] == [
        *("No.", "Time", "Source", "Destination", "Protocol", "Length", "Info"),
    ]
    assert [section.text for section in root.findall("packet/section")] == [
        *("1", f"{EPOCH}.000000", "Multi", "Bus", "VE.Bus", "10", "Sync, Nr=2"),
    ]


def test_xml_keeps_what_it_can_and_shows_the_rest() -> None:
    found = pdml_field(dissection(block(node("vebus.x", NASTY))), "vebus.x")
    assert found.get("show") == "a<b>&\"'\\x00\\x1b\t\n\r\\ufffe\\ud800\N{DEGREE SIGN}C\U0001f50b"


@given(st.text(st.characters(codec=None, categories=None)))
def test_any_text_is_valid_xml(text: str) -> None:
    found = ET.fromstring(f'<a b="{escaped(text)}">{escaped(text)}</a>')
    assert found.get("b") == (found.text or "")
    if all(0x20 <= ord(char) < 0xD800 for char in text):
        assert found.get("b") == text


@pytest.mark.parametrize("form", all_forms(), ids=lambda form: type(form).__name__)
def test_nothing_in_a_text_can_break_the_output(form: MachineForm) -> None:
    bad = Finding(Severity.ERROR, Group.MALFORMED, NASTY)
    made = dissection(
        block(node("vebus.volts", NASTY, name=NASTY, mark=NASTY), title=NASTY), info=NASTY, findings=(bad,)
    )
    text = output(form, made)
    text.encode("utf-8")
    if isinstance(form, PdmlForm | PsmlForm):
        assert text.isascii()
        ET.fromstring(text)
    elif isinstance(form, FieldsForm):
        assert text.count("\n") == 1
    else:
        assert text.isascii()
        assert [strict(line) for line in (text.splitlines() if isinstance(form, EkForm) else [text])]


# --- the whole way ---------------------------------------------------------------------------------------------------
def decoded() -> list[tuple[Dissection, Timing]]:
    data = SYNC + b"\x00\x01" + STUFFED + REPLY + bytes.fromhex("8383fe3c00e6875bff")
    decoder, timeline = Decoder(Link.RS485), Timeline()
    records = [*decoder.feed(Chunk(data=data)), *decoder.finish()]
    return [(dissect(record), timeline.place(record.stamp)) for record in records]


def test_decoded_frames_pass_through_every_form() -> None:
    records = decoded()
    elements = strict("".join(render(JsonForm(), records)))
    assert len(elements) == len(records) == len(strict("".join(render(JsonRawForm(), records))))
    heard = "".join(one["_source"]["layers"]["frame"]["frame.raw"] for one in elements)
    assert heard == b"".join(one.record.wire for one, _ in records).hex()
    assert [
        one["_source"]["layers"]["vebus"].get("vebus.seq") for one in elements if "vebus" in one["_source"]["layers"]
    ]
    times = [one["_source"]["layers"]["frame"]["frame.time_relative"] for one in elements]
    assert all(first <= second for first, second in pairwise(times))
    lines = "".join(render(EkForm(), records)).splitlines()
    assert [list(strict(line)) for line in lines] == [["index"], ["timestamp", "layers"]] * len(records)
    for form in (PdmlForm(), PsmlForm()):
        assert len(ET.fromstring("".join(render(form, records))).findall("packet")) == len(records)
    table = "".join(render(FieldsForm(["frame.number", "vebus.checksum.status"]), records)).splitlines()
    assert table[0] == "1\tGood"
    assert table[-1] == f"{len(records)}\tBad"
