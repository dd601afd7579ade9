"""Every name that ``vebus decode -G fields`` lists is a field that ``-Y`` finds and ``-e`` prints."""

from collections.abc import Iterator
from functools import lru_cache

import pytest
from typer.testing import CliRunner

from captures.golden import FOLDER
from tests.vector_files import declared_vectors, shared_vectors
from vebus_protocol.schema import Link
from vebus_tools import glossary
from vebus_tools.capture import open_capture
from vebus_tools.cli import app
from vebus_tools.filters import Filter, compile_filter
from vebus_tools.frame_fields import COLUMNS, RECORD_FIELDS, record_nodes
from vebus_tools.nodes import Dissection
from vebus_tools.records import Chunk, Stamp, TimeSource
from vebus_tools.runner import dissections, survey
from vebus_tools.sinks.fields_form import FieldsForm, FieldsOptions
from vebus_tools.times import TimeForm, Timing

LISTED = [line.split("\t")[2] for line in glossary.field_lines()]

IN_NO_SAMPLE = {
    # no sample has dates, or more than one interface
    "frame.time_epoch",
    "frame.interface",
    # no published device announces an offset below 0
    "vebus.setting_info.negative_offset",
    "vebus.ram_info.negative_offset",
    # flags in assistants' records, which no published exchange reads
    "vebus.sensor.position",
    "vebus.sensor.phase",
    "vebus.sensor.unknown",
    "vebus.ess.no_charging",
    "vebus.ess.no_feed_in",
    "vebus.ess.unknown",
}
WITHOUT_A_VALUE = {"mk3.reset_device.number"}  # the one vector names no device
SEPARATOR = "\x1f"
JUNK = b"\x00\x01\x02"


@lru_cache(maxsize=1)
def known() -> tuple[Dissection, ...]:
    """The real samples, all vectors, and a few bytes between frames."""
    return tuple(_known())


def _known() -> Iterator[Dissection]:
    for name in ("rs485-real.hex", "mk3-real.hex"):
        with open_capture(FOLDER / name) as opened:
            link, chunks = opened.link(), list(opened.chunks)
        yield from dissections(chunks, link, knowledge=survey(chunks, link))
    for link in Link:
        vectors = [*shared_vectors(link), *(one for one in declared_vectors() if one.link is link)]
        yield from dissections([Chunk(data=one.wire, whole=True) for one in vectors], link)
    yield from dissections([Chunk(data=JUNK, whole=True)], Link.RS485)


def compiled(text: str, time: TimeForm = TimeForm.RELATIVE) -> Filter:
    kinds = glossary.known_fields()
    return compile_filter(text, kinds, kinds, glossary.known_enums(), time=time)


def passes(text: str, dissection: Dissection) -> bool:
    first = known()[0].record.stamp
    return compiled(text)(dissection, first=first, previous=first)


def of(wire: str) -> Dissection:
    return next(each for each in known() if each.record.wire == bytes.fromhex(wire))


READ_RAM = "07 ff 58 85 90 00 61 59 d3"


# --- every name ------------------------------------------------------------------------------------------------------
def test_what_is_listed_is_what_is_known() -> None:
    assert set(LISTED) == glossary.known_fields().keys()


def test_a_filter_finds_every_listed_name() -> None:
    missing = {name for name in LISTED if not any(passes(name, each) for each in known())}
    assert missing == IN_NO_SAMPLE


def test_every_listed_name_can_be_printed() -> None:
    form = FieldsForm(LISTED, FieldsOptions(separator=SEPARATOR, quote=""))
    timing = Timing(first=known()[0].record.stamp)
    rows = [form.record(each, timing).rstrip("\n").split(SEPARATOR) for each in known()]
    assert {len(row) for row in rows} == {len(LISTED)}
    empty = {name for at, name in enumerate(LISTED) if not any(row[at] for row in rows)}
    assert empty == IN_NO_SAMPLE | WITHOUT_A_VALUE


def test_what_no_sample_has_is_found_where_it_is() -> None:
    stamp = Stamp(1_700_000_000.25, TimeSource.LOG, epoch=True)
    chunk = Chunk(data=bytes.fromhex("8383fe3c00e6875aff"), stamp=stamp, whole=True, interface="vebus0")
    (found,) = dissections([chunk], Link.RS485)
    assert passes('frame.time_epoch == 1700000000.25 && frame.interface == "vebus0"', found)
    sensor = "05 ff 58 30 80 81", "07 ff 58 85 14 00 21 00"
    exchange = [bytes.fromhex(part) for part in sensor]
    chunks = [Chunk(data=data + bytes((-sum(data) & 0xFF,)), whole=True) for data in exchange]
    *_, found = dissections([_length(chunk) for chunk in chunks], Link.MK3)
    assert passes('vebus.sensor.position == "AC output" && vebus.sensor.phase == 1 && vebus.sensor.unknown == 0', found)


def _length(chunk: Chunk) -> Chunk:
    """The chunk with its length byte and checksum put right."""
    payload = chunk.data[1:-1]
    data = bytes((len(payload), *payload))
    return Chunk(data=data + bytes((-sum(data) & 0xFF,)), whole=True)


# --- fields of the record --------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "text",
    [
        'frame.protocols == "mk3:winmon"',
        'frame.protocols contains "winmon"',
        'frame.time_source == "capture file" || frame.time_source == "byte position"',
        "frame.raw[0:2] == 07:ff",
        "frame[0:2] == 07:ff",
        "frame.cap_len == 9",
        '_ws.col.packet_length == "9"',
        '_ws.col.protocol == "MK3"',
        '_ws.col.def_dst == "Host"',
        '_ws.col.time matches "^[0-9.]+$"',
        '_ws.col.info contains "RAM[128]=144 (assistant 0x009"',
        "vebus.ram.value.raw == 22881",
        "vebus.ram.value == 228.81",
        "!frame.interface",
    ],
)
def test_a_filter_on_fields_of_the_record(text: str) -> None:
    assert passes(text, of(READ_RAM))


def test_each_record_has_what_is_declared_of_records_and_nothing_else() -> None:
    declared = RECORD_FIELDS.keys() | COLUMNS.keys()
    assert {node.abbrev for each in known() for node in record_nodes(each)} == declared - IN_NO_SAMPLE


def test_findings_are_found_by_their_words() -> None:
    bad = next(each for each in known() if any(one.text == "Bad checksum" for one in each.findings))
    for text in (
        '_ws.expert == "Bad checksum"',
        '_ws.expert == "Expert Info (Error/Checksum): Bad checksum"',
        '_ws.expert.message == "Bad checksum"',
        '_ws.expert.severity == "Error" && _ws.expert.severity == 4',
        '_ws.expert.group == "Checksum"',
    ):
        assert passes(text, bad), text


def test_a_finding_in_the_info_column_is_found_as_it_is_printed() -> None:
    bad = next(each for each in known() if "incorrect" in each.info_column)
    assert passes('_ws.col.info contains "incorrect, should be"', bad)


def test_the_time_column_is_that_of_the_list() -> None:
    stamps = [Stamp(1_700_000_000.0 + at, TimeSource.LOG, epoch=True) for at in (0, 1, 3)]
    chunk = Chunk(data=bytes.fromhex("8383fe3c00e6875aff"), stamp=stamps[2], whole=True)
    (found,) = dissections([chunk], Link.RS485)
    for time, text in (
        (TimeForm.RELATIVE, "3.000000"),
        (TimeForm.DELTA, "2.000000"),
        (TimeForm.DELTA_DISPLAYED, "3.000000"),
        (TimeForm.EPOCH, "1700000003.000000"),
    ):
        wanted = compiled(f'_ws.col.time == "{text}"', time)
        assert wanted(found, first=stamps[0], previous=stamps[1], displayed=stamps[0]), time


def test_the_command_filters_on_fields_of_the_record() -> None:
    base = ["decode", str(FOLDER / "mk3-real.hex")]
    chosen = CliRunner().invoke(app, [*base, "-Y", 'frame.protocols contains "winmon" && _ws.col.def_src == "MK3"'])
    assert chosen.exit_code == 0
    lines = chosen.stdout.splitlines()
    assert len(lines) > 5
    assert all(" Reply, " in line for line in lines)
    timed = CliRunner().invoke(app, [*base, "-t", "d", "-Y", '_ws.col.time == "0.016666"'])
    assert [line.split()[:2] for line in timed.stdout.splitlines()] == [["2", "0.016666"]]
