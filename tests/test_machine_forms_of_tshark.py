"""JSON, EK, PDML, PSML and field lists beside those that the real tshark prints of the same frame."""

# ruff: noqa: S314, ANN401  (the XML was written a line before; builders and JSON hold anything)

import json
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.machine_samples import (
    BAD_SUM,
    CHECKSUM,
    EPOCH,
    ON,
    dissection,
    node,
    output,
    strict,
)
from tests.real_tshark import Tshark, find_tshark
from vebus_tools.nodes import Block, Dissection
from vebus_tools.sinks import json_form
from vebus_tools.sinks.fields_form import FieldsForm, parse_options
from vebus_tools.sinks.json_form import EkForm, JsonForm, JsonRawForm
from vebus_tools.sinks.xml_form import PdmlForm, PsmlForm


@pytest.fixture
def tshark(tmp_path: Path) -> Tshark:
    return find_tshark(tmp_path)


SEEN = bytes.fromhex("8383fe3c00e6875bff")
SEEN_BLOCK = Block(
    protocol="vebus",
    title="Victron VE.Bus, Data",
    start=0,
    size=9,
    nodes=(
        node("vebus.checksum", 0x5B, label="Checksum", text="0x5b", start=7, size=1, field=CHECKSUM),
        node("vebus.mains", value=True, bits=".... ...1", label="Mains on", size=1, field=replace(ON, shift=0)),
    ),
)


def seen(**facts: Any) -> Dissection:
    """What the dissector of ``real_tshark`` says of SEEN."""
    return dissection(SEEN_BLOCK, data=SEEN, at=EPOCH + 0.003125, epoch=True, info="Reply, Nr=60", **facts)


def printed(tshark: Tshark, *arguments: str) -> str:
    path = tshark.capture([(EPOCH * 1_000_000 + 3125, SEEN)])
    return "\n".join(tshark.lines(path, "-X", tshark.dissector(SEEN), *arguments)) + "\n"


def test_json_has_the_structure_of_tshark(tshark: Tshark) -> None:
    (theirs,) = json.loads(printed(tshark, "-T", "json"))
    (ours,) = strict(output(JsonForm(), seen(findings=(BAD_SUM,))))
    assert list(ours) == list(theirs)
    assert (ours["_index"], ours["_type"], ours["_score"]) == (theirs["_index"], theirs["_type"], theirs["_score"])
    mine, real = ours["_source"]["layers"], theirs["_source"]["layers"]
    assert list(mine) == [name for name in real if name in mine] == ["frame", "vebus"]
    shared = mine["frame"].keys() & real["frame"].keys()
    assert {"frame.number", "frame.len", "frame.time_epoch", "frame.time_relative", "frame.protocols"} <= shared
    assert {key: float(real["frame"][key]) for key in shared - {"frame.protocols"}} == {
        key: mine["frame"][key] for key in shared - {"frame.protocols"}
    }
    assert int(real["vebus"]["vebus.checksum"], 0) == mine["vebus"]["vebus.checksum"]
    (expert,) = mine["vebus"]["vebus.checksum_tree"]["_ws.expert"]
    names = {"_ws.expert.message", "_ws.expert.severity", "_ws.expert.group"}
    assert names <= expert.keys() & real["vebus"]["vebus.checksum_tree"]["_ws.expert"].keys()


def test_jsonraw_has_the_arrays_of_tshark(tshark: Tshark) -> None:
    (theirs,) = json.loads(printed(tshark, "-T", "jsonraw"))
    (ours,) = strict(output(JsonRawForm(), seen()))
    mine, real = ours["_source"]["layers"], theirs["_source"]["layers"]
    assert mine["frame_raw"] == real["frame_raw"]
    assert mine["vebus_raw"] == real["vebus_raw"]
    assert mine["vebus"]["vebus.checksum_raw"] == real["vebus"]["vebus.checksum_raw"]
    shared = mine["frame"].keys() & real["frame"].keys()
    assert {key: mine["frame"][key] for key in shared} == {key: real["frame"][key] for key in shared}
    assert {"frame.number_raw", "frame.time_epoch_raw"} <= shared


def test_ek_has_the_lines_and_keys_of_tshark(tshark: Tshark) -> None:
    theirs = [json.loads(line) for line in printed(tshark, "-T", "ek").splitlines() if line]
    ours = [strict(line) for line in output(EkForm(), seen(findings=(BAD_SUM,))).splitlines()]
    assert ours[0] == theirs[0]
    assert list(ours[1]) == list(theirs[1])
    assert ours[1]["timestamp"] == int(theirs[1]["timestamp"])
    mine, real = ours[1]["layers"], theirs[1]["layers"]
    assert {"frame_frame_number", "frame_frame_protocols"} <= mine["frame"].keys() & real["frame"].keys()
    assert {"vebus_vebus_checksum", "vebus_vebus_mains", "_ws_expert"} <= mine["vebus"].keys() & real["vebus"].keys()
    theirs_of_it = {key for key in real["vebus"]["_ws_expert"] if key.startswith("_ws_expert")}
    assert theirs_of_it <= mine["vebus"]["_ws_expert"][0].keys()
    assert len(theirs_of_it) == 3


def test_psml_is_that_of_tshark(tshark: Tshark) -> None:
    theirs = printed(tshark, "-T", "psml")
    ours = output(PsmlForm(creator="us"), seen())
    start = theirs.index('creator="') + len('creator="')
    assert ours.strip() == theirs.replace(theirs[start : theirs.index('"', start)], "us", 1).strip()


def test_pdml_is_that_of_tshark(tshark: Tshark) -> None:
    text = printed(tshark, "-T", "pdml")
    theirs, ours = ET.fromstring(text), ET.fromstring(output(PdmlForm(), seen()))
    assert (ours.tag, ours.get("version")) == (theirs.tag, theirs.get("version"))
    assert set(ours.attrib) <= set(theirs.attrib)
    assert output(PdmlForm(), seen()).splitlines()[:2] == text.splitlines()[:2]
    mine = ours.findall("packet/proto")
    names = [proto.get("name") for proto in mine]
    real = [proto for proto in theirs.findall("packet/proto") if proto.get("name") in names]
    assert names == ["geninfo", "frame", "vebus"] == [proto.get("name") for proto in real]
    assert ET.tostring(mine[0]).strip() == ET.tostring(real[0]).strip()
    assert [list(proto.attrib.items()) for proto in mine] == [list(proto.attrib.items()) for proto in real]
    assert [list(field.attrib.items()) for field in mine[2]] == [
        list(field.attrib.items()) for field in real[2] if field.get("name") in {"vebus.checksum", "vebus.mains"}
    ]


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("header=y", "quote=d", "separator=,"),
        ("quote=s", "separator=/s", "bom=y"),
        ("occurrence=f", "aggregator=;", "quote=n", "separator=,"),
    ],
)
def test_fields_are_those_of_tshark(tshark: Tshark, options: tuple[str, ...]) -> None:
    names = [
        *("frame.number", "frame.time_epoch", "frame.time_relative", "frame.len", "vebus.checksum", "vebus.mains"),
        *("vebus", "frame", "_ws.col.Info", "_ws.col.Protocol", "_ws.col.Source"),
    ]
    arguments = [part for name in names for part in ("-e", name)] + [part for one in options for part in ("-E", one)]
    theirs = printed(tshark, "-T", "fields", *arguments)
    made = FieldsForm(names, parse_options(options), known=names)
    assert output(made, seen()) == theirs


def test_type_numbers_are_those_of_wireshark(tshark: Tshark) -> None:
    real = [line.split("\t")[0] for line in tshark._run(tshark.tshark, "-G", "ftypes").splitlines()]
    assert {name: real.index(name) for name in json_form._TYPE_NUMBERS} == json_form._TYPE_NUMBERS
