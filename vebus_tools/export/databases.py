"""Rows to databases: SQLite and DuckDB, a table for each message."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from vebus_tools.export.tables import CAPTURES, COLUMNS, Kind, Table, all_tables
from vebus_tools.export.text_files import iso_time

if TYPE_CHECKING:
    from pathlib import Path

    from duckdb import DuckDBPyConnection

    from vebus_tools.export.rows import Rows

__all__ = ["DuckdbFile", "SqliteFile", "read_duckdb_captures", "read_sqlite_captures"]


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


# --- SQLite -----------------------------------------------------------------------------------------------------------
def _sqlite_type(kind: Kind) -> str:
    if kind is Kind.F64:
        return "REAL"
    if kind is Kind.BYTES:
        return "BLOB"
    return "TEXT" if kind in {Kind.TEXT, Kind.NAME, Kind.TIME, Kind.INTS, Kind.FLOATS, Kind.TEXTS} else "INTEGER"


def _sqlite_time(micros: int | None) -> str | None:
    """As the date functions of SQLite read it."""
    return iso_time(micros, separator=" ", zone="")


def _json(items: Sequence[Any] | None) -> str | None:
    return None if items is None else json.dumps(items)


_SQLITE_CELLS: dict[Kind, Callable[[Any], Any]] = {
    Kind.TIME: _sqlite_time,
    Kind.INTS: _json,
    Kind.FLOATS: _json,
    Kind.TEXTS: _json,
}


class SqliteFile:
    """One SQLite file; times are UTC text, lists JSON, flags 0 and 1."""

    def __init__(self, path: Path) -> None:
        """Open or create it.  Raises sqlite3.Error."""
        self._base = sqlite3.connect(path)
        self._base.execute("PRAGMA journal_mode = OFF")  # the file is nobody's until it is whole
        self._base.execute("PRAGMA synchronous = OFF")
        self.vocabularies: Mapping[str, tuple[str, ...]] = {}
        """Not needed here: texts stand in the rows."""
        self._known: set[str] = set()

    def drop(self, captures: Iterable[str]) -> None:
        """Take captures out.  Raises sqlite3.Error."""
        for table in self.tables() & {*all_tables(), CAPTURES.name}:
            for capture in captures:
                self._base.execute(f"DELETE FROM {_quoted(table)} WHERE capture = ?", (capture,))  # noqa: S608

    def tables(self) -> frozenset[str]:
        """Names of the tables that are there.  Raises sqlite3.Error."""
        return frozenset(name for (name,) in self._base.execute("SELECT name FROM sqlite_master WHERE type = 'table'"))

    def write(self, tables: list[Rows]) -> None:
        """Take some rows.  Raises sqlite3.Error."""
        for rows in tables:
            self._create(rows.table)
            names = ", ".join(_quoted(column.name) for column in rows.table.columns)
            places = ", ".join("?" for _ in rows.table.columns)
            order = f"INSERT INTO {_quoted(rows.table.name)} ({names}) VALUES ({places})"  # noqa: S608  (our own names)
            self._base.executemany(order, _sqlite_rows(rows))

    def _create(self, table: Table) -> None:
        if table.name in self._known:
            return
        self._known.add(table.name)
        columns = ", ".join(f"{_quoted(column.name)} {_sqlite_type(column.kind)}" for column in table.columns)
        if table is COLUMNS:
            self._base.execute(f"DROP TABLE IF EXISTS {_quoted(table.name)}")
        self._base.execute(f"CREATE TABLE IF NOT EXISTS {_quoted(table.name)} ({columns})")

    def close(self) -> None:
        """Write what waits.  Raises sqlite3.Error."""
        self._base.commit()
        self._base.close()


def _sqlite_rows(rows: Rows) -> Iterable[tuple[Any, ...]]:
    columns = []
    for column, cells in zip(rows.table.columns, rows.lists().values(), strict=True):
        form = _SQLITE_CELLS.get(column.kind)
        columns.append(cells if form is None else [form(cell) for cell in cells])
    return zip(*columns, strict=True)


def read_sqlite_captures(path: Path) -> list[dict[str, Any]]:
    """Rows of table ``captures``.  Raises ValueError for a file that is no export, and sqlite3.Error."""
    base = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        found = base.execute("SELECT * FROM captures")
        names = [facts[0] for facts in found.description]
        return [dict(zip(names, row, strict=True)) for row in found]
    finally:
        base.close()


# --- DuckDB -----------------------------------------------------------------------------------------------------------
_DUCKDB_TYPES: dict[Kind, str] = {
    Kind.BOOL: "BOOLEAN",
    Kind.U8: "UTINYINT",
    Kind.U16: "USMALLINT",
    Kind.U32: "UINTEGER",
    Kind.I8: "TINYINT",
    Kind.I16: "SMALLINT",
    Kind.I32: "INTEGER",
    Kind.I64: "BIGINT",
    Kind.F64: "DOUBLE",
    Kind.TEXT: "VARCHAR",
    Kind.NAME: "VARCHAR",
    Kind.BYTES: "BLOB",
    Kind.TIME: "TIMESTAMP",
    Kind.INTS: "INTEGER[]",
    Kind.FLOATS: "DOUBLE[]",
    Kind.TEXTS: "VARCHAR[]",
}


class DuckdbFile:
    """One DuckDB file; the documentation of the columns is in table ``columns``."""

    def __init__(self, path: Path) -> None:
        """Open or create it; an empty file is none.  Raises duckdb.Error."""
        if path.exists() and not path.stat().st_size:
            path.unlink()  # DuckDB makes its files itself
        self._base = _connected(str(path))
        self._base.execute("SET memory_limit = '200MB'; SET threads = 1; SET preserve_insertion_order = false")
        self.vocabularies: Mapping[str, tuple[str, ...]] = {}
        """Texts of columns whose declaration does not list them."""
        self._known: set[str] = set()
        self._base.execute("BEGIN")

    def drop(self, captures: Iterable[str]) -> None:
        """Take captures out.  Raises duckdb.Error."""
        for table in self.tables() & {*all_tables(), CAPTURES.name}:
            for capture in captures:
                self._base.execute(f"DELETE FROM {_quoted(table)} WHERE capture = ?", [capture])  # noqa: S608

    def tables(self) -> frozenset[str]:
        """Names of the tables that are there.  Raises duckdb.Error."""
        found = self._base.execute("SELECT table_name FROM duckdb_tables()").fetchall()
        return frozenset(name for (name,) in found)

    def write(self, tables: list[Rows]) -> None:
        """Take some rows.  Raises duckdb.Error."""
        from vebus_tools.export.arrow_files import batch_of, schema_of

        for rows in tables:
            self._create(rows.table)
            batch = batch_of(rows, schema_of(rows.table), self.vocabularies)
            self._base.register("arriving", batch)
            self._base.execute(f"INSERT INTO {_quoted(rows.table.name)} BY NAME SELECT * FROM arriving")  # noqa: S608
            self._base.unregister("arriving")

    def _create(self, table: Table) -> None:
        if table.name in self._known:
            return
        self._known.add(table.name)
        name = _quoted(table.name)
        columns = ", ".join(f"{_quoted(column.name)} {_DUCKDB_TYPES[column.kind]}" for column in table.columns)
        if table is COLUMNS:
            self._base.execute(f"DROP TABLE IF EXISTS {name}")
        self._base.execute(f"CREATE TABLE IF NOT EXISTS {name} ({columns})")
        self._base.execute(f"COMMENT ON TABLE {name} IS {_text(table.title)}")

    def close(self) -> None:
        """Write what waits.  Raises duckdb.Error."""
        self._base.execute("COMMIT")
        self._base.execute("CHECKPOINT")
        self._base.close()


def _connected(path: str, *, read_only: bool = False) -> DuckDBPyConnection:
    import duckdb

    return duckdb.connect(path, read_only=read_only)


def read_duckdb_captures(path: Path) -> list[dict[str, Any]]:
    """Rows of table ``captures``.  Raises ValueError for a file that is no export, and duckdb.Error."""
    base = _connected(str(path), read_only=True)
    try:
        found = base.execute("SELECT * FROM captures")
        names = [facts[0] for facts in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]
    finally:
        base.close()
