"""The glossary is what the declarations say, in the columns of tshark."""

from collections import Counter
from pathlib import Path

import pytest

from tests.real_tshark import Tshark, find_tshark
from vebus_protocol import frame, mk3
from vebus_protocol.enums import FrameKind
from vebus_protocol.registry import ENVELOPES, MESSAGES
from vebus_protocol.schema import CONFIRMED, LIST_U16, U8, U16, Linear, Message, Space, bit, field, message
from vebus_tools import dissection, glossary
from vebus_tools.frame_fields import COLUMNS, RECORD_FIELDS, Entry
from vebus_tools.glossary import (
    conflicts,
    entries,
    field_lines,
    known_enums,
    known_fields,
    protocol_lines,
    protocols,
    repeatable,
    value_lines,
)


@message(Space.ENVELOPE, {}, title="Sample", abbrev="sample")
class Sample(Message):
    """One field of every sort."""

    volts: int = field(U16, "Volts", scale=Linear(divide=100), unit="V", meaning="at the\tterminals")
    flags: int = field(
        U8,
        "Flags",
        display="hex",
        bits=(bit("on", 3, "On"), bit("mode", 0, "Mode", width=2, enum=FrameKind)),
        evidence=CONFIRMED,
    )
    counts: tuple[int, ...] = field(LIST_U16, "Counts")


@pytest.fixture
def sample(monkeypatch: pytest.MonkeyPatch) -> dict[str, Entry]:
    monkeypatch.setattr(glossary, "_messages", lambda: (Sample,))
    return dict(entries.__wrapped__())


@pytest.fixture
def tshark(tmp_path: Path) -> Tshark:
    return find_tshark(tmp_path)


@pytest.mark.parametrize(
    ("abbrev", "ftype", "base", "mask", "kind"),
    [
        ("sample.volts", "FT_DOUBLE", "", 0, "number"),
        ("sample.volts.raw", "FT_UINT16", "BASE_DEC", 0, "number"),
        ("sample.flags", "FT_UINT8", "BASE_HEX", 0, "number"),
        ("sample.flags.on", "FT_BOOLEAN", "8", 8, "boolean"),
        ("sample.flags.mode", "FT_UINT8", "BASE_DEC", 3, "number"),
        ("sample.counts", "FT_UINT16", "BASE_DEC", 0, "number"),
        ("sample.counts.list", "FT_UINT16", "BASE_DEC", 0, "number"),
        ("vebus.src", "FT_STRING", "", 0, "text"),
        ("vebus.unknown", "FT_BYTES", "", 0, "bytes"),
        ("vebus.response_in", "FT_FRAMENUM", "", 0, "number"),
    ],
)
def test_types(sample: dict[str, Entry], abbrev: str, ftype: str, base: str, mask: int, kind: str) -> None:
    found = sample[abbrev]
    assert (found.ftype, found.base, found.mask, found.kind) == (ftype, base, mask, kind)
    assert found.protocol == abbrev.partition(".")[0]


def test_only_scaled_fields_have_a_raw_number(sample: dict[str, Entry]) -> None:
    assert [abbrev for abbrev in sample if abbrev.startswith("sample") and abbrev.endswith(".raw")] == [
        "sample.volts.raw"
    ]
    assert (sample["sample.volts"].unit, sample["sample.volts.raw"].unit) == ("V", "")


def test_lines_have_the_columns_of_tshark(sample: dict[str, Entry], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(glossary, "entries", lambda: sample)
    lines = list(field_lines())
    assert "F\tVolts\tsample.volts\tFT_DOUBLE\tsample\t\t0x0\tat the terminals, in V" in lines
    assert "F\tOn\tsample.flags.on\tFT_BOOLEAN\tsample\t8\t0x8\t" in lines
    assert "V\tsample.flags.mode\t253\tSync" in list(value_lines())


# --- the declarations as they are ------------------------------------------------------------------------------------
def test_everything_declared_is_there() -> None:
    declared = {
        spec.abbrev
        for one in (*ENVELOPES, *MESSAGES)
        for top in (*one.FIELDS, *one.COMPUTED)
        for spec in (top, *top.bits)
    }
    generated = {spec.abbrev for spec in (*frame.GENERATED, *mk3.GENERATED, *dissection.GENERATED.values())}
    assert len(declared) > 100
    assert declared | generated <= entries().keys()
    assert (
        declared | generated | RECORD_FIELDS.keys() | COLUMNS.keys() | dict(protocols()).keys() <= known_fields().keys()
    )


def test_no_abbreviation_has_two_types_or_units() -> None:
    assert conflicts() == []


def test_two_types_or_units_are_seen() -> None:
    @message(Space.ENVELOPE, {}, title="Other", abbrev="sample")
    class Other(Message):
        """The same names with other facts."""

        volts: int = field(U16, "Volts", scale=Linear(divide=100), unit="mV")
        flags: int = field(U16, "Flags")

    found = conflicts((Sample, Other))
    assert [line.partition(":")[0] for line in found] == ["sample.volts", "sample.flags"]
    assert 'FT_DOUBLE in "V" (Volts) and FT_DOUBLE in "mV" (Volts)' in found[0]


def test_types_of_generated_fields_are_listed_here() -> None:
    generated = {spec.abbrev for spec in (*frame.GENERATED, *mk3.GENERATED, *dissection.GENERATED.values())}
    assert generated == set(glossary._GENERATED_TYPES)


def test_names_in_json_cannot_meet() -> None:
    """<field>.raw, .text, .mark and <field>_tree stand beside other fields, in ek with _ for the dots."""
    keys: Counter[str] = Counter()
    for abbrev, entry in {**RECORD_FIELDS, **entries()}.items():
        if abbrev.endswith(".raw") and abbrev.removesuffix(".raw") in entries():
            continue
        facets = ("", ".raw", ".text", ".mark", "_tree") if entry.protocol != "frame" else ("",)
        keys.update((abbrev + facet).replace(".", "_") for facet in facets)
    assert {key for key, count in keys.items() if count > 1} == set()


def test_names_of_values() -> None:
    assert known_enums()["vebus.type"] == {"Special": 0xFB, "Sync": 0xFD, "Data": 0xFE}
    assert "vebus.seq" not in known_enums()


def test_the_smaller_of_two_numbers_with_one_name_counts() -> None:
    for abbrev, names in known_enums().items():
        enum = entries()[abbrev].enum
        assert enum is not None
        assert all(value == next(member for member in enum if member.text == name) for name, value in names.items())


def test_what_can_be_repeated() -> None:
    assert {"vebus.ram.value", "vebus.ram.id", "_ws.expert.message"} <= repeatable()
    assert not {"vebus.seq", "vebus.addr", "vebus.tid", "frame.number"} & repeatable()


def test_each_line_is_a_line() -> None:
    for lines, columns in ((field_lines(), {3, 8}), (protocol_lines(), {3}), (value_lines(), {4})):
        rows = [line.split("\t") for line in lines]
        assert {len(row) for row in rows} == columns
        assert all(line.isprintable() for row in rows for line in row)
    names = [line.split("\t")[2] for line in field_lines() if line.startswith("F")]
    assert len(names) == len(set(names))


# --- the real one ----------------------------------------------------------------------------------------------------
def test_types_are_those_of_wireshark(tshark: Tshark) -> None:
    known = {line.split("\t")[0] for line in tshark._run(tshark.tshark, "-G", "ftypes").splitlines()}
    assert {entry.ftype for entry in (*RECORD_FIELDS.values(), *entries().values())} <= known


def test_fields_of_the_record_are_those_of_wireshark(tshark: Tshark) -> None:
    own = {"frame.time_source", "frame.interface", "frame.raw", "_ws.expert", "_ws.expert.severity", "_ws.expert.group"}
    real = {}
    for line in tshark._run(tshark.tshark, "-G", "fields").splitlines():
        cells = line.split("\t")
        if cells[0] == "F" and cells[2] in RECORD_FIELDS:
            real[cells[2]] = cells
    for line in field_lines():
        cells = line.split("\t")
        if cells[0] == "F" and cells[2] in RECORD_FIELDS.keys() - own:
            assert cells[:7] == real[cells[2]][:7]
            assert len(cells) == len(real[cells[2]])
