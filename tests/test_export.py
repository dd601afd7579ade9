"""`vebus export`: formats, appending, what happens when it is killed, and what is said of wrong requests."""

import csv
import gzip
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.checkout import ROOT
from tests.damaged_streams import CLEAN, seeded, stream_of
from vebus_tools.capture import open_writer
from vebus_tools.cli import app
from vebus_tools.decoder import decode_chunks
from vebus_tools.export.tables import Kind, all_tables
from vebus_tools.records import Chunk, Link, Stamp, TimeSource

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")
duckdb = pytest.importorskip("duckdb")

BUS = ROOT / "vebus_tools" / "samples" / "synthetic-10s.bin"
ADAPTER = ROOT / "captures" / "mk3-real.hex"
FOLDERS = ("parquet", "arrow", "csv")
FORMATS = (*FOLDERS, "sqlite", "duckdb", "jsonl")
Row = dict[str, Any]


def run(*arguments: str | Path | int) -> tuple[int, str]:
    """Exit code and standard error."""
    result = CliRunner().invoke(app, ["export", *map(str, arguments)])
    return result.exit_code, result.stderr


def exported(*arguments: str | Path | int) -> str:
    code, said = run(*arguments)
    assert code == 0, said
    return said


# --- reading back -----------------------------------------------------------------------------------------------------
def plain(row: Row, kinds: dict[str, Kind]) -> Row:
    """A row with its values in one form, whatever file they come from."""
    there = {name: value for name, value in row.items() if value not in (None, "") and name in kinds}
    return {name: plain_value(value, kinds[name]) for name, value in there.items()}


def plain_value(value: Any, kind: Kind) -> Any:  # noqa: ANN401
    if kind is Kind.BYTES:
        return value.hex() if isinstance(value, bytes) else value
    if kind is Kind.TIME:
        return str(value).replace("T", " ").removesuffix("Z")[:19]
    if kind is Kind.BOOL:
        return value in (True, 1, "true")
    if kind in (Kind.INTS, Kind.FLOATS, Kind.TEXTS):
        return json.loads(value) if isinstance(value, str) else list(value)
    if kind is Kind.F64:
        return float(value)
    return value if kind in (Kind.TEXT, Kind.NAME) else int(value)


def rows_of(path: Path, form: str) -> dict[str, list[Row]]:
    """All rows of frames by table, by capture and number."""
    found: dict[str, list[Row]] = {}
    for name, rows in READERS[form](path):
        table = all_tables().get(name)
        if table is not None:
            kinds = {column.name: column.kind for column in table.columns}
            found.setdefault(name, []).extend(plain(row, kinds) for row in rows)
    return {
        name: sorted(rows, key=lambda row: (row["capture"], row["number"]))
        for name, rows in sorted(found.items())
        if rows
    }


Tables = Iterator[tuple[str, list[Row]]]


def _parquet(path: Path) -> Tables:
    for file in sorted(path.glob("*/day=*/*.parquet")):
        yield file.parent.parent.name, pq.ParquetFile(file).read().to_pylist()


def _arrow(path: Path) -> Tables:
    for file in sorted(path.glob("*/*.arrow")):
        yield file.parent.name, pa.ipc.open_file(file.read_bytes()).read_all().to_pylist()


def _csv(path: Path) -> Tables:
    for file in sorted(path.glob("*/*.csv")):
        yield file.parent.name, list(csv.DictReader(file.read_text(encoding="utf-8").splitlines()))


def _sqlite(path: Path) -> Tables:
    base = sqlite3.connect(path)
    base.row_factory = sqlite3.Row
    for (name,) in base.execute("SELECT name FROM sqlite_master").fetchall():
        yield name, [dict(row) for row in base.execute(f'SELECT * FROM "{name}"')]  # noqa: S608
    base.close()


def _duckdb(path: Path) -> Tables:
    with duckdb.connect(str(path), read_only=True) as base:
        for (name,) in base.execute("SELECT table_name FROM duckdb_tables()").fetchall():
            found = base.execute(f'SELECT * FROM "{name}"')  # noqa: S608
            columns = [facts[0] for facts in found.description]
            yield name, [dict(zip(columns, row, strict=True)) for row in found.fetchall()]


def _jsonl(path: Path) -> Tables:
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        yield row["table"], [row]


READERS: dict[str, Callable[[Path], Tables]] = {
    "parquet": _parquet,
    "arrow": _arrow,
    "csv": _csv,
    "sqlite": _sqlite,
    "duckdb": _duckdb,
    "jsonl": _jsonl,
}


def count_of(path: Path, form: str = "parquet") -> int:
    return sum(len(rows) for rows in rows_of(path, form).values())


# --- formats ----------------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def damaged_bus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("captures") / "damaged.bin"
    path.write_bytes(stream_of(seeded(11), 12_000))
    return path


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory, damaged_bus: Path) -> dict[str, list[Row]]:
    out = tmp_path_factory.mktemp("parquet") / "all.parquet"
    exported(damaged_bus, ADAPTER, "--link", "auto", "-o", out)
    return rows_of(out, "parquet")


@pytest.mark.parametrize("form", FORMATS[1:])
def test_all_formats_carry_the_same_rows(
    form: str, tmp_path: Path, damaged_bus: Path, expected: dict[str, list[Row]]
) -> None:
    out = tmp_path / f"all.{form}"
    exported(damaged_bus, ADAPTER, "-o", out)
    assert rows_of(out, form) == expected


@pytest.mark.parametrize("form", ["csv", "sqlite", "jsonl"])
def test_what_needs_no_library_gives_the_same_without_numpy(
    form: str, tmp_path: Path, damaged_bus: Path, expected: dict[str, list[Row]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "numpy", None)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    out = tmp_path / f"all.{form}"
    exported(damaged_bus, ADAPTER, "-o", out)
    assert rows_of(out, form) == expected


def test_parquet_has_the_documented_schema(tmp_path: Path) -> None:
    out = tmp_path / "out"
    exported(BUS, "-o", out)
    seen = set()
    for file in out.glob("*/day=unknown/*.parquet"):
        schema = pq.ParquetFile(file).schema_arrow
        table = all_tables()[file.parent.parent.name]
        seen.add(table.name)
        assert schema.names == [column.name for column in table.columns]
        for column in table.columns:
            facts = {key.decode(): text.decode() for key, text in (schema.field(column.name).metadata or {}).items()}
            facts.pop("PARQUET:field_id", None)
            assert facts == dict(column.documentation)
    assert {"ac_phase", "sync_frame", "ram_values"} <= seen
    voltage = pq.ParquetFile(next(out.glob("ac_phase/*/*.parquet"))).schema_arrow.field("dc_voltage").metadata
    assert (voltage[b"unit"], voltage[b"filter_name"]) == (b"V", b"vebus.acphase.dc.voltage")
    assert {b"evidence", b"source", b"label"} <= set(voltage)


def test_duckdb_opens_the_folder(tmp_path: Path) -> None:
    out = tmp_path / "out"
    exported(BUS, ADAPTER, "-o", out)
    found = duckdb.sql(
        f"SELECT day, count(*), min(dc_voltage), any_value(mode_name) FROM '{out}/ac_phase/*/*.parquet' GROUP BY day"  # noqa: S608
    ).fetchall()
    assert found[0][0] == "unknown"
    columns = duckdb.sql(f"SELECT unit FROM '{out}/columns/*.parquet' WHERE column_name = 'dc_voltage'")  # noqa: S608
    assert columns.fetchall() == [("V",)]
    (kinds,) = duckdb.sql(f"SELECT list(capture ORDER BY capture) FROM '{out}/captures/*.parquet'").fetchall()  # noqa: S608
    assert kinds == (["mk3-real.hex", "synthetic-10s.bin"],)


def packets(path: Path, seconds: float, first: float, step: int = 1) -> Path:
    """A recording with dates: the synthetic bus at full and half times."""
    records = [record for record in decode_chunks([Chunk(data=CLEAN)], Link.RS485) if record.stamp.at < seconds]
    with open_writer(path) as writer:
        for record in records[::step]:
            stamp = Stamp(first + record.stamp.at, TimeSource.LOG, epoch=True)
            writer.write(type(record)(**{**_facts(record), "stamp": stamp}))
    return path


def _facts(record: Any) -> dict[str, Any]:  # noqa: ANN401
    return {name: getattr(record, name) for name in record.__slots__}


MIDNIGHT = 1_767_225_600.0  # 2026-01-01


def test_days_are_those_of_the_frames_in_utc(tmp_path: Path) -> None:
    capture = packets(tmp_path / "night.pcapng", 2.0, MIDNIGHT - 1)
    out = tmp_path / "out"
    exported(capture, "-o", out)
    days = sorted(path.name for path in (out / "sync_frame").iterdir())
    assert days == ["day=2025-12-31", "day=2026-01-01"]
    (row,) = duckdb.sql(
        "SELECT min(time)::VARCHAR, max(time) < TIMESTAMP '2026-01-01 00:00:01', bool_or(time_estimated)"  # noqa: S608
        f" FROM '{out}/sync_frame/day=2026-01-01/*.parquet'"
    ).fetchall()
    assert row[0].startswith("2026-01-01 00:00:00")
    assert row[1:3] == (True, False)


def test_times_of_a_raw_file_are_marked(tmp_path: Path) -> None:
    exported(BUS, "-o", tmp_path / "out")
    rows = rows_of(tmp_path / "out", "parquet")["sync_frame"]
    assert {row["time_estimated"] for row in rows} == {True}
    assert {row["time_source"] for row in rows} >= {"sync period"}
    assert not any("time" in row for row in rows)


# --- selection --------------------------------------------------------------------------------------------------------
def test_fields_filters_and_times(tmp_path: Path) -> None:
    out = tmp_path / "out"
    exported(BUS, "-o", out, "-e", "vebus.dc.voltage", "--start", 1, "--stop", 5)
    rows = rows_of(out, "parquet")
    assert set(rows) == {"dc_info"}
    assert all({"voltage", "voltage_raw", "voltage_scale"} <= set(row) for row in rows["dc_info"])
    assert not any("inverter_current" in row for row in rows["dc_info"])
    assert all(1 <= row["elapsed"] <= 5 for row in rows["dc_info"])
    exported(BUS, "-o", tmp_path / "high", "-Y", "vebus.acphase.dc.voltage > 13.05", "-m", "ac_phase")
    high = rows_of(tmp_path / "high", "parquet")
    assert set(high) == {"ac_phase"}
    exported(BUS, "-o", tmp_path / "all", "-m", "ac_phase")
    every = rows_of(tmp_path / "all", "parquet")["ac_phase"]
    assert high["ac_phase"] == [row for row in every if row["dc_voltage"] > 13.05]
    assert 0 < len(high["ac_phase"]) < len(every)


@pytest.mark.parametrize(
    ("options", "advice"),
    [
        (("-e", "vebus.dc.voltge"), "-e vebus.dc.voltge: no such field, the nearest is vebus.dc.voltage"),
        (("-m", "ac_phas"), "-m ac_phas: no such table, the nearest is ac_phase"),
        (("-m", "42"), "-m 42: no such table, vebus export -G tables lists them"),
        (("-Y", "vebus.dc.voltge > 1"), "the nearest is vebus.dc.voltage"),
        (("-F", "jsonl", "--append", "--overwrite"), "say one of them"),
        (("--again",), "add --append"),
        (("--device-table", "moon"), "--device-table moon: there are"),
    ],
)
def test_wrong_requests_say_what_to_do(options: tuple[str, ...], advice: str, tmp_path: Path) -> None:
    code, said = run(BUS, "-o", tmp_path / "out", *options)
    assert code == 2
    assert advice in said
    assert said.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "code", "advice"),
    [
        ((), 2, "no capture named"),
        ((BUS,), 2, "no target named; add -o OUT"),
        ((BUS, "-o", "day.xlsx"), 2, "no export has the suffix .xlsx; use one of .parquet"),
        ((BUS, "-o", "nowhere/day"), 1, "nowhere/day: no such directory; create it first"),
        (("missing.bin", "-o", "day"), 1, "missing.bin: cannot be read: No such file"),
        ((ROOT, "-o", "day"), 1, "cannot be read: Is a directory"),
    ],
)
def test_what_cannot_be_done(
    arguments: tuple[str | Path, ...], code: int, advice: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found, said = run(*arguments)
    assert (found, said.count("\n")) == (code, 1)
    assert advice in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("form", "missing", "line"),
    [
        ("parquet", "pyarrow", "Parquet needs pyarrow; install it with: pip install 'vebus-tools[export]'"),
        ("arrow", "pyarrow", "Arrow needs pyarrow; install it with: pip install 'vebus-tools[export]'"),
        ("duckdb", "duckdb", "DuckDB needs duckdb; install it with: pip install 'vebus-tools[export]'"),
    ],
)
def test_a_missing_library_is_named(
    form: str, missing: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    assert run(BUS, "-o", tmp_path / f"out.{form}") == (1, f"vebus: {line}\n")
    assert list(tmp_path.iterdir()) == []


# --- damage -----------------------------------------------------------------------------------------------------------
def test_a_file_that_ends_badly_gives_what_could_be_read(tmp_path: Path) -> None:
    packed = tmp_path / "cut.bin.gz"
    packed.write_bytes(gzip.compress(BUS.read_bytes())[:-4000])
    code, said = run(packed, "-o", tmp_path / "out")
    assert code == 1
    assert "cut.bin.gz" in said
    assert count_of(tmp_path / "out") > 100
    (facts,) = pq.ParquetFile(next((tmp_path / "out" / "captures").iterdir())).read().to_pylist()
    assert (facts["complete"], facts["capture"]) == (False, "cut.bin.gz")
    assert "cut.bin.gz" in facts["problem"]


def test_a_file_without_anything_to_read_makes_no_export(tmp_path: Path) -> None:
    empty = tmp_path / "empty.bin"
    empty.touch()
    code, said = run(empty, "-o", tmp_path / "out")
    assert (code, said) == (1, f"vebus: {empty}: is empty\n")
    assert list(tmp_path.iterdir()) == [empty]


def test_what_was_damaged_is_said_and_kept(tmp_path: Path, damaged_bus: Path) -> None:
    said = exported(damaged_bus, "-o", tmp_path / "out")
    rows = rows_of(tmp_path / "out", "parquet")
    assert f"{len(rows['damaged'])} in table damaged" in said
    assert f"{len(rows['undecoded'])} in table undecoded" in said
    assert all(row["reason"] and row["raw"] for name in ("damaged", "undecoded") for row in rows[name])
    heard = sorted((row["offset"], row["raw"]) for table in rows.values() for row in table)
    assert bytes.fromhex("".join(raw for _, raw in heard)) == damaged_bus.read_bytes()


# --- adding -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("form", FORMATS)
def test_captures_are_added_and_never_twice(form: str, tmp_path: Path) -> None:
    out = tmp_path / f"out.{form}"
    exported(ADAPTER, "-o", out)
    alone = rows_of(out, form)
    code, said = run(ADAPTER, "-o", out)
    assert (code, said) == (1, f"vebus: {out}: exists; --append adds to it, --overwrite replaces it\n")
    copy = tmp_path / "copy.hex"
    copy.write_bytes(ADAPTER.read_bytes())
    said = exported(copy, ROOT / "captures" / "rs485-real.hex", "-o", out, "--append")
    assert f"{copy}: left out, it is there already as mk3-real.hex" in said
    both = rows_of(out, form)
    assert sum(map(len, both.values())) == sum(map(len, alone.values())) + 12
    assert [row for rows in both.values() for row in rows if row["capture"] == "mk3-real.hex"] == [
        row for rows in alone.values() for row in rows
    ]
    exported(ADAPTER, "-o", out, "--append", "--again")
    assert rows_of(out, form) == both
    exported(ADAPTER, "-o", out, "--overwrite")
    assert rows_of(out, form) == alone


def test_a_capture_that_grew_is_not_added_silently(tmp_path: Path) -> None:
    capture, out = tmp_path / "bus.bin", tmp_path / "out"
    capture.write_bytes(CLEAN[:4000])
    exported(capture, "-o", out)
    before = count_of(out)
    capture.write_bytes(CLEAN[:8000])
    code, said = run(capture, "-o", out, "--append")
    assert code == 1
    assert "has changed since it was exported as bus.bin; --again exports it anew" in said
    assert count_of(out) == before
    exported(capture, "-o", out, "--append", "--again")
    assert count_of(out) > before * 1.5
    other = tmp_path / "other" / "bus.bin"
    other.parent.mkdir()
    other.write_bytes(CLEAN[8000:12000])
    exported(other, "-o", out, "--append")
    names = {row["capture"] for rows in rows_of(out, "parquet").values() for row in rows}
    assert names == {"bus.bin", "bus.bin~2"}


@pytest.mark.parametrize("form", FORMATS)
def test_what_is_no_export_is_left_alone(form: str, tmp_path: Path) -> None:
    out = tmp_path / f"precious.{form}"
    if form in FOLDERS:
        out.mkdir()
        precious = out / "letter.txt"
    else:
        precious = out
    precious.write_text("dear diary", encoding="utf-8")
    for option in ("--append", "--overwrite"):
        code, said = run(ADAPTER, "-o", out, option)
        assert code == 1
        assert "export of vebus" in said
        assert precious.read_text(encoding="utf-8") == "dear diary"


def test_other_columns_do_not_go_together(tmp_path: Path) -> None:
    exported(ADAPTER, "-o", tmp_path / "out.sqlite", "-e", "vebus.ram.value")
    code, said = run(BUS, "-o", tmp_path / "out.sqlite", "--append")
    assert code == 1
    assert "was exported with other columns; export into another place" in said


def test_several_processes_give_the_same(tmp_path: Path) -> None:
    sources = (BUS, ADAPTER, ROOT / "captures" / "rs485-real.hex")
    exported(*sources, "-o", tmp_path / "one")
    exported(*sources, "-o", tmp_path / "two", "--jobs", 2)
    assert rows_of(tmp_path / "two", "parquet") == rows_of(tmp_path / "one", "parquet")
    exported(BUS, "-o", tmp_path / "threaded", "--jobs", 2)
    exported(BUS, "-o", tmp_path / "plain")
    assert rows_of(tmp_path / "threaded", "parquet") == rows_of(tmp_path / "plain", "parquet")


def test_packets_of_two_buses_are_read_one_by_one(tmp_path: Path) -> None:
    capture = tmp_path / "two.log"
    lines = (ROOT / "captures" / "rs485-real.hex").read_text(encoding="utf-8").splitlines()
    frames = [line.split("#")[0].strip().replace(" ", "") for line in lines if line[:2] == "83"]
    text = [f"({at}.000000) bus{at % 2} {frame[:4]}#{frame[4:]}" for at, frame in enumerate(frames)]
    capture.write_text("\n".join(text), encoding="utf-8")
    exported(capture, "-o", tmp_path / "out")
    rows = rows_of(tmp_path / "out", "parquet")
    assert {row["interface"] for table in rows.values() for row in table} == {"bus0", "bus1"}


def test_the_bar_has_rate_and_time_left(tmp_path: Path) -> None:
    assert "frames/s" in exported(BUS, "-o", tmp_path / "out", "--progress")
    assert "frames/s" not in exported(BUS, "-o", tmp_path / "quiet")


def test_the_glossary_lists_tables_and_columns() -> None:
    result = CliRunner().invoke(app, ["export", "-G", "tables"])
    assert "ac_phase\tAC phase\n" in result.stdout
    result = CliRunner().invoke(app, ["export", "-G", "columns"])
    assert "ac_phase\tdc_voltage\tdouble\tV\tDC voltage" in result.stdout


# --- killed at any moment ---------------------------------------------------------------------------------------------
def started(*arguments: str | Path, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "vebus_tools.cli", "export", *map(str, arguments)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.mark.parametrize("form", ["parquet", "sqlite"])
def test_a_killed_export_leaves_what_was_there(form: str, tmp_path: Path, checkout_environment: dict[str, str]) -> None:
    out, big = tmp_path / f"out.{form}", tmp_path / "big.bin"
    big.write_bytes(CLEAN)
    exported(ADAPTER, "-o", out)
    before = rows_of(out, form)
    random, whole = seeded(form), 0
    for _ in range(4):
        child = started(big, "-o", out, "--append", environment=checkout_environment)
        time.sleep(random.uniform(0.3, 1.2))
        child.send_signal(signal.SIGKILL)
        child.wait(timeout=30)
        found = rows_of(out, form)
        if found != before:  # it was quick enough: then all of it is there
            assert sum(map(len, found.values())) == sum(map(len, before.values())) + 7180
            whole += 1
            break
    exported(big, "-o", out, "--append")
    assert count_of(out, form) == sum(map(len, before.values())) + 7180
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([big.name, out.name])


@pytest.mark.parametrize("form", ["parquet", "duckdb"])
def test_every_step_of_the_end_may_be_the_last(form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed between any two of the steps that touch the disk, what is there is the old export or the new one."""
    out = tmp_path / f"out.{form}"
    exported(ADAPTER, "-o", out)
    before = rows_of(out, form)
    steps = 0
    while True:
        child = os.fork()
        if not child:
            _die_at(steps, monkeypatch)
            run(BUS, "-o", out, "--append")
            os._exit(0)
        _, status = os.waitpid(child, 0)
        found = rows_of(out, form)
        if found != before:
            assert sum(map(len, found.values())) > sum(map(len, before.values()))
            break
        assert status, f"nothing was done, and nothing stopped it at step {steps}"
        steps += 11 if form == "parquet" else 1
    assert steps > 1


def _die_at(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    left = [step]

    def counted(name: str) -> None:
        original = getattr(os, name)

        def call(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401
            left[0] -= 1
            if left[0] < 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return original(*arguments, **options)

        monkeypatch.setattr(os, name, call)

    for name in ("fsync", "link", "rename"):
        counted(name)


def test_two_exports_do_not_write_the_same_place(tmp_path: Path) -> None:
    from vebus_tools.export.staging import Staged

    out = tmp_path / "out"
    with Staged(out, folder=True):
        code, said = run(BUS, "-o", out)
    assert (code, said) == (1, f"vebus: {out}: another export writes it now; wait until it is done\n")
    assert list(tmp_path.iterdir()) == []
