"""The columnar engine and the wide summary list against the reference, on clean, cut and damaged streams.

`pytest tests/test_bulk_engines.py --frames 1000000` runs the same on so many records.
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.checkout import ROOT
from tests.damaged_streams import CLEAN, seeded, stream_of
from vebus_protocol.frame import ReceivedFrame
from vebus_protocol.scaling import ScaleBook, physical
from vebus_protocol.schema import Field, Link, Message, Raw
from vebus_tools.cli import app
from vebus_tools.cli.engines import SWITCH, Engine, engine
from vebus_tools.cli.failures import UsageError
from vebus_tools.decoder import decode_chunks
from vebus_tools.dissection import dissect
from vebus_tools.framing import Rs485Splitter
from vebus_tools.records import Chunk, Record
from vebus_tools.session import Session
from vebus_tools.sinks.frame_form import MachineForm
from vebus_tools.sinks.json_form import EkForm
from vebus_tools.sinks.text_form import TextForm
from vebus_tools.sinks.tree import ALL_DETAILS
from vebus_tools.times import Timeline

np = pytest.importorskip("numpy")

from vebus_tools.bulk import SOURCES, Column, Columns, Status, Table, read_columns  # noqa: E402
from vebus_tools.bulk.framing import segments  # noqa: E402
from vebus_tools.bulk.stream import Batch, batches  # noqa: E402
from vebus_tools.bulk_text import SummaryLines, WholeRecords, record_form  # noqa: E402

STREAM_BYTES = 24_000  # about 1,500 records
SIZES = (64, 700, 9_000, 1 << 20)


@pytest.fixture
def streams(request: pytest.FixtureRequest) -> Iterator[bytes]:
    """Streams with as many records together as the option asks for."""
    wanted = request.config.getoption("--frames")
    random = seeded(request.node.name)
    return (stream_of(random, STREAM_BYTES) for _ in range(-(-wanted // 1500)))


# --- framing ----------------------------------------------------------------------------------------------------------
def pieces_of(batch: Batch) -> Iterator[tuple[int, bytes, str, Any]]:
    found = batch.segments
    for row in range(len(batch)):
        piece = batch.others.get(row)
        if piece is not None:
            yield piece.offset, piece.data, piece.reason, piece.frame
            continue
        start, at = int(batch.offset[row]), int(batch.frame[row])
        plain = found.plain[found.plain_start[at] : found.plain_start[at] + found.plain_size[at]].tobytes()
        wire = batch.data[start - batch.base : start - batch.base + int(batch.size[row])].tobytes()
        frame = ReceivedFrame(
            wire=wire,
            unstuffed=plain,
            checksum=plain[-2],
            expected=plain[-2],
            escapes=int(found.escapes[at]),
            bad_escapes=(),
        )
        yield start, wire, "", frame


def test_the_same_pieces_as_the_splitter(streams: Iterator[bytes]) -> None:
    random = seeded(1)
    for data in streams:
        splitter = Rs485Splitter()
        expected = [(one.offset, one.data, one.reason, one.frame) for one in (*splitter.feed(data), *splitter.flush())]
        found = [piece for batch in batches([data], random.choice(SIZES)) for piece in pieces_of(batch)]
        assert found == expected
        assert b"".join(piece[1] for piece in found) == data


def test_most_frames_take_the_fast_way() -> None:
    found = segments(np.frombuffer(CLEAN, dtype=np.uint8))
    assert found.good.mean() > 0.99


@pytest.mark.parametrize("data", [b"", b"\xff", b"\xfa", bytes(1000), b"\xff" * 500, b"\x83\x83\xfd\x14\x55"])
def test_streams_without_a_frame(data: bytes) -> None:
    splitter = Rs485Splitter()
    expected = [(one.offset, one.data) for one in (*splitter.feed(data), *splitter.flush())]
    assert [piece[:2] for batch in batches([data], 100) for piece in pieces_of(batch)] == expected


# --- columns ----------------------------------------------------------------------------------------------------------
def test_columns_hold_what_the_reference_says(streams: Iterator[bytes]) -> None:
    random = seeded(2)
    for data in streams:
        records = list(decode_chunks([Chunk(data=data)], Link.RS485))
        session = Session()
        books = [session.observe(record).book for record in records]
        at = 0
        for columns in read_columns([data], size=random.choice(SIZES)):
            count = len(columns.frames)
            check_frames(columns, records[at : at + count])
            for table in columns.tables:
                check_table(table, records[at : at + count], books[at : at + count])
            at += count
        assert at == len(records)


def check_frames(columns: Columns, records: list[Record]) -> None:
    frames = columns.frames
    assert frames.number.tolist() == [record.number for record in records]
    assert frames.time.tolist() == [record.stamp.at for record in records]
    assert [SOURCES[source] for source in frames.source.tolist()] == [record.stamp.source for record in records]
    assert frames.offset.tolist() == [record.offset for record in records]
    assert [columns.wire(row) for row in range(len(records))] == [record.wire for record in records]
    heard = [record.frame if isinstance(record.frame, ReceivedFrame) else None for record in records]
    assert frames.sequence.tolist() == [-1 if frame is None else frame.number for frame in heard]
    assert frames.sender.tolist() == [-1 if frame is None else frame.sender for frame in heard]
    good = [frame is not None and frame.good for frame in heard]
    assert (frames.status == Status.GOOD).tolist() == good
    placed = sum(len(table.rows) for table in columns.tables) + sum(len(group.rows) for group in columns.unplaced)
    assert placed + len(columns.others) == len(records)


def check_table(table: Table, records: list[Record], books: list[ScaleBook]) -> None:
    for at, row in enumerate(table.rows.tolist()):
        chain = records[row].chain
        assert type(chain[-1].message) is table.declared
        seen: dict[str, int] = {}
        for placed in chain:
            for spec, raw in numbers_of(placed.message):
                count = seen[spec.abbrev] = seen.get(spec.abbrev, 0) + 1
                column = table.columns[spec.abbrev if count == 1 else f"{spec.abbrev}#{count}"]
                check_cell(column, at, spec, raw, placed.message, books[row])


def numbers_of(found: Message) -> Iterator[tuple[Field, Raw]]:
    raws = found.raws()
    for spec in found.FIELDS:
        raw = raws[spec.name]
        if raw is not None:
            yield spec, raw
            yield from ((part, part.pick(raw)) for part in spec.bits)
    for spec in found.COMPUTED:
        try:
            yield spec, int(spec.expression(raws))
        except TypeError:
            continue  # an optional field that it needs is not in this frame


def check_cell(column: Column, at: int, spec: Field, raw: Raw, found: Message, book: ScaleBook) -> None:
    value = column.values[at]
    if isinstance(raw, bytes | tuple):
        assert value.tolist() == list(raw)
        return
    assert raw in (value, None if column.raw is None else column.raw[at])
    if spec.enum is not None or not column.scaled:
        assert value == raw
        return
    expected = bool(raw) if spec.width == 1 else physical(spec, raw, found.raws(), book).value
    is_valid = column.valid is None or bool(column.valid[at])
    assert is_valid is (expected is not None), (spec.abbrev, raw)
    assert expected is None or value == expected, (spec.abbrev, raw)


@pytest.mark.parametrize("size", [300, 4000, 1 << 20])
def test_announced_scales_hold_from_their_announcement_on(size: int) -> None:
    data = CLEAN + CLEAN  # the second start-up asks again under ids that were used for other things meanwhile
    records = list(decode_chunks([Chunk(data=data)], Link.RS485))
    session, at = Session(), 0
    books = [session.observe(record).book for record in records]
    for columns in read_columns([data], size=size):
        for table in columns.tables:
            if table.declared.__name__ in {"DcInfo", "AcInfo"}:
                check_table(table, records[at : at + len(columns.frames)], books[at : at + len(columns.frames)])
        at += len(columns.frames)


def test_types_and_units_come_from_the_declaration() -> None:
    (columns,) = (one for one in read_columns([CLEAN[:20_000]]) if len(one.frames) and one.tables)
    (table,) = (one for one in columns.tables if one.declared.__name__ == "AcPhase")
    voltage, mode = table.columns["vebus.acphase.dc.voltage"], table.columns["vebus.acphase.mode"]
    assert (voltage.unit, voltage.values.dtype.name, voltage.valid) == ("V", "float64", None)
    assert (mode.values.dtype.name, mode.enum is not None) == ("uint8", True)
    assert table.columns["vebus.acphase.counter"].raw is not None
    assert table.payload.shape == (len(table.rows), 15)


# --- text -------------------------------------------------------------------------------------------------------------
FORMS: dict[str, Callable[[], MachineForm]] = {
    "tree": lambda: TextForm(tree=ALL_DETAILS, summary=False),
    "ek": EkForm,
}


def reference_lines(data: bytes, form: MachineForm | None = None) -> bytes:
    timeline, session = Timeline(), Session()
    form = form or TextForm(arrow="->")
    return "".join(
        form.record(dissect(record, session.observe(record)), timeline.place(record.stamp))
        for record in decode_chunks([Chunk(data=data)], Link.RS485)
    ).encode()


def test_wide_summary_lines(streams: Iterator[bytes]) -> None:
    for number, data in enumerate(streams):
        if number % 2 == 0:  # the reference takes longest here
            assert b"".join(SummaryLines(arrow="->").write([data])) == reference_lines(data)


@pytest.mark.parametrize("name", FORMS)
def test_whole_records(name: str, streams: Iterator[bytes]) -> None:
    made = FORMS[name]
    for number, data in enumerate(streams):
        if number % 3 == 0:
            form = record_form(made())
            assert form is not None
            assert b"".join(WholeRecords(form).write([data])) == reference_lines(data, made())


# --- the command ------------------------------------------------------------------------------------------------------
OPTIONS = (
    (),
    ("-V",),
    ("-x",),
    ("-2",),
    ("-t", "d"),
    ("--color",),
    ("-T", "ek"),
    ("-T", "json"),
    ("-T", "pdml"),
    ("-T", "fields", "-e", "frame.time_relative", "-e", "vebus.cmd", "-e", "_ws.col.info"),
    ("-Y", "vebus.cmd == 0xe4 && vebus.acphase.power_factor > 0.5"),
    ("-Y", 'vebus.checksum.status == "Bad"'),
)
CAPTURES = (
    "captures/rs485-real.hex",
    "captures/mk3-real.hex",
    "vebus_tools/samples/synthetic-10s.bin",
)


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["decode", *arguments])
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize("options", OPTIONS, ids=" ".join)
@pytest.mark.parametrize("capture", CAPTURES)
def test_decode_prints_the_same(capture: str, options: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vebus_tools.cli.wide.WORTH_IT", 0)
    monkeypatch.setenv(SWITCH, "reference")
    expected = run(str(ROOT / capture), *options)
    monkeypatch.setenv(SWITCH, "fast")
    assert run(str(ROOT / capture), *options) == expected


@pytest.mark.parametrize("options", [(), ("-V",), ("-T", "ek")], ids=" ".join)
def test_a_damaged_file_is_reported_the_same(
    options: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "damaged.bin"
    path.write_bytes(stream_of(seeded(4), 80_000))
    monkeypatch.setattr("vebus_tools.cli.wide.WORTH_IT", 0)
    monkeypatch.setenv(SWITCH, "reference")
    expected = run(str(path), "--link", "rs485", *options)
    monkeypatch.setenv(SWITCH, "fast")
    assert run(str(path), "--link", "rs485", *options) == expected


def test_a_large_file_goes_the_wide_way(monkeypatch: pytest.MonkeyPatch) -> None:
    used: list[int] = []
    write = SummaryLines.write

    def watched(self: SummaryLines, chunks: Iterable[bytes]) -> Iterator[bytes]:
        used.append(1)
        return write(self, chunks)

    monkeypatch.setattr(SummaryLines, "write", watched)
    assert run(str(ROOT / "captures" / "synthetic-60s.bin"))[0] == 0
    assert used


def test_the_switch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SWITCH, raising=False)
    assert engine() is Engine.FAST
    monkeypatch.setenv(SWITCH, "reference")
    assert engine() is Engine.REFERENCE
    monkeypatch.setenv(SWITCH, "slow")
    with pytest.raises(UsageError, match="VEBUS_ENGINE=slow: there are reference, fast"):
        engine()
