"""Exported values against the reference decoder, and the columnar way against the one record by record."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.checkout import ROOT
from tests.damaged_streams import CLEAN, seeded, stream_of
from vebus_protocol.frame import FbFrame, ReceivedFrame
from vebus_protocol.registry import MESSAGES
from vebus_protocol.schema import Evidence, OfRam, OfSetting
from vebus_tools.capture import open_capture
from vebus_tools.decoder import decode_chunks
from vebus_tools.dissection import dissect
from vebus_tools.export.capture_rows import CaptureRows, Way, Wish
from vebus_tools.export.tables import COMMON, Place, all_tables, table_of
from vebus_tools.nodes import Node
from vebus_tools.records import Chunk, Link, Record, Severity, Stamp, TimeSource
from vebus_tools.session import Session

pytest.importorskip("numpy")

CAPTURES = (
    ROOT / "captures" / "rs485-real.hex",
    ROOT / "captures" / "mk3-real.hex",
    ROOT / "vebus_tools" / "samples" / "synthetic-10s.bin",
)
STREAM_BYTES = 24_000  # about 1,500 records
Exported = dict[int, tuple[str, dict[str, Any]]]


def exported(chunks: list[Chunk], link: Link, way: Way) -> Exported:
    """Rows by record number: name of the table, and its columns."""
    found: Exported = {}
    for tables in CaptureRows("a capture", Wish()).of(iter(chunks), link, way):
        for rows in tables:
            columns = rows.lists()
            for cells in zip(*columns.values(), strict=True):
                row = dict(zip(columns, cells, strict=True))
                assert row["number"] not in found
                found[row["number"]] = rows.table.name, row
    return found


def of_file(path: Path) -> tuple[list[Chunk], Link]:
    with open_capture(path) as capture:
        link = capture.link()
        return list(capture.chunks), link


# --- against the reference --------------------------------------------------------------------------------------------
def check_against_reference(chunks: list[Chunk], link: Link, found: Exported) -> None:
    session = Session()
    first: Stamp | None = None
    count = 0
    for record in decode_chunks(chunks, link):
        count += 1
        first = first or record.stamp
        dissection = dissect(record, session.observe(record))
        table, row = found[record.number]
        check_frame(record, row, first)
        if table in {"damaged", "undecoded"}:
            assert is_unplaced(record), table
            assert row["reason"]
            continue
        last = FbFrame if isinstance(record.frame, FbFrame) else type(record.chain[-1].message)
        declared = table_of(last)  # type: ignore[arg-type]  # mypy asks the instances for a hash
        assert table == declared.name
        nodes: dict[int, Node] = {}
        for node in dissection.walk():  # a list stands in front of its items
            nodes.setdefault(id(node.field), node)
        for place in declared.places:
            check_field(place, row, nodes.get(id(place.spec)))
        unknown = next((node.value for node in dissection.walk() if node.abbrev == "vebus.unknown"), None)
        assert row["rest"] == unknown
    assert count == len(found)


def is_unplaced(record: Record) -> bool:
    errors = any(finding.severity is Severity.ERROR for finding in record.findings)
    other = isinstance(record.frame, ReceivedFrame) and record.frame.kind not in (0xFD, 0xFE)
    return errors or other or (not record.chain and not isinstance(record.frame, FbFrame))


def check_frame(record: Record, row: dict[str, Any], first: Stamp) -> None:
    stamp, frame = record.stamp, record.frame
    assert row["raw"] == record.wire
    assert (row["offset"], row["size"], row["link"]) == (record.offset, len(record.wire), record.link.value)
    assert row["elapsed"] == stamp.at - first.at
    assert (row["time_source"], row["time_estimated"]) == (stamp.source.value, stamp.source.estimated)
    assert (row["time"] is not None) is stamp.epoch
    if isinstance(frame, ReceivedFrame):
        assert (row["sender"], row["frame_type"], row["sequence"]) == (frame.sender, frame.kind, frame.number)
        assert row["checksum"] == ("Good" if frame.checksum_ok else "Bad")


def check_field(place: Place, row: dict[str, Any], node: Node | None) -> None:
    if node is None:  # a carrier of the other link, or an optional field that this frame has not
        assert row[place.value] is None or any(other is not place for other in shared(place, row))
        return
    if node.abbrev.endswith(".list"):
        values = [None if item.mark == "scale not known" else item.value for item in node.children]
        assert row[place.value] == values, place.spec.abbrev
        return
    unknown = node.mark == "scale not known"
    assert row[place.value] == (None if unknown else node.value), place.spec.abbrev
    if place.raw and node.value is not None:
        assert row[place.raw] == (node.value if node.raw is None else node.raw)
    if place.name:
        assert row[place.name] == (node.name or None)
    if place.scale and node.value is not None:
        marks = {"scale not known": "unknown", "assumed scale": "assumed"}
        assert row[place.scale] == marks.get(node.mark, "announced")
    if place.unit:
        assert row[place.unit] == (node.unit or None)


def shared(place: Place, row: dict[str, Any]) -> Iterator[Place]:
    """Places of other carriers with the same column."""
    for table in all_tables().values():
        if place in table.places and set(table.column) == set(row):
            yield from (other for other in table.places if other.value == place.value and other.spec is not place.spec)


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.name)
@pytest.mark.parametrize("way", [Way.RECORDS, Way.REFERENCE, Way.STREAM], ids=lambda way: way.value)
def test_samples_hold_what_the_reference_says(path: Path, way: Way) -> None:
    chunks, link = of_file(path)
    if way is Way.STREAM and path.suffix != ".bin":
        return  # the columns read raw streams
    check_against_reference(chunks, link, exported(chunks, link, way))


def test_damaged_streams_hold_what_the_reference_says(request: pytest.FixtureRequest) -> None:
    random = seeded("export")
    for _ in range(max(1, request.config.getoption("--frames") // 4500)):
        chunks = [Chunk(data=stream_of(random, STREAM_BYTES))]
        check_against_reference(chunks, Link.RS485, exported(chunks, Link.RS485, Way.STREAM))


# --- one way against the other ----------------------------------------------------------------------------------------
def test_columns_and_records_give_the_same_rows(request: pytest.FixtureRequest) -> None:
    random = seeded("ways")
    for _ in range(max(1, request.config.getoption("--frames") // 3000)):
        data = stream_of(random, STREAM_BYTES)
        size = random.choice((700, 9000, 1 << 20))
        chunks = [Chunk(data=data[at : at + size]) for at in range(0, len(data), size)]
        assert exported(chunks, Link.RS485, Way.STREAM) == exported(chunks, Link.RS485, Way.RECORDS)


def test_exchanges_of_a_whole_start_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vebus_tools.bulk.stream._CHUNK", 4000)
    chunks = [
        Chunk(data=CLEAN[:16_000] * 2)
    ]  # the second start-up asks again under ids that were used for other things
    assert exported(chunks, Link.RS485, Way.STREAM) == exported(chunks, Link.RS485, Way.RECORDS)


def packets(random: Any, count: int) -> list[Chunk]:  # noqa: ANN401
    """Frames of the bus, some of them damaged, cut or glued together, each with a stamp."""
    found = []
    frames = [frame + b"\xff" for frame in CLEAN.split(b"\xff")]
    for at in range(count):
        data = frames[at]
        match random.randrange(30):
            case 0:
                data = data[:-1]
            case 1:
                data += frames[at + 1]
            case 2:
                data = bytes((*data[:4], random.randrange(256), *data[5:]))
            case 3:
                data = random.randbytes(3) + data
            case _:
                pass
        stamp = Stamp(1_700_000_000 + at * 0.008, TimeSource.LOG, epoch=True)
        found.append(Chunk(data=data, stamp=stamp, link=Link.RS485, whole=True, interface="bus0"))
    return found


def test_packets_give_the_same_rows_in_columns(request: pytest.FixtureRequest) -> None:
    random = seeded("packets")
    for _ in range(max(1, request.config.getoption("--frames") // 4500)):
        chunks = packets(random, 1500)
        wide = exported(chunks, Link.RS485, Way.PACKETS)
        assert wide == exported(chunks, Link.RS485, Way.RECORDS)
        check_against_reference(chunks, Link.RS485, wide)


# --- the schema -------------------------------------------------------------------------------------------------------
def test_every_message_has_a_table_and_every_field_a_column() -> None:
    tables = all_tables()
    assert len(tables) == len(MESSAGES) + 3 + 2
    for table in tables.values():
        names = [column.name for column in table.columns]
        assert len(set(names)) == len(names)
        assert names[: len(COMMON)] == [column.name for column in COMMON]
        assert {name for place in table.places for name in place.columns} <= set(names)
        assert all(name.isidentifier() and name == name.lower() for name in names)
        own = {id(spec) for spec in (*table.declared.FIELDS, *table.declared.COMPUTED)} if table.declared else set()
        for place in table.places:
            column = table.column[place.value]
            if id(place.spec) not in own:
                continue  # what carries the message shares its columns
            assert (column.unit, column.evidence, column.source) == (
                place.spec.unit,
                place.spec.evidence,
                place.spec.source,
            )


def test_no_mark_hides_where_a_scale_is_from() -> None:
    announced = [
        spec
        for declared in MESSAGES
        for spec in (*declared.FIELDS, *declared.COMPUTED)
        if isinstance(spec.scale, OfRam | OfSetting)
    ]
    assert announced
    assert not [spec.abbrev for spec in announced if spec.evidence in (Evidence.INFERRED, Evidence.UNKNOWN)]
