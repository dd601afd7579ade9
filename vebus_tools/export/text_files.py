"""Rows to text: a CSV file for each table, and one file of JSON lines.

Times are ``2026-01-31T12:00:00.000000Z``, bytes are hex digits, lists are JSON.  In CSV null is an empty cell; in JSON
lines it is left out.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import IO, TYPE_CHECKING, Any, TextIO

from vebus_tools.export.tables import Kind

if TYPE_CHECKING:
    from pathlib import Path

    from vebus_tools.export.rows import Rows
    from vebus_tools.export.tables import Table

__all__ = ["CsvFolder", "JsonLines", "drop_captures", "iso_time", "read_csv_captures", "read_json_captures"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LISTS = (Kind.INTS, Kind.FLOATS, Kind.TEXTS)
Cell = Callable[[Any], Any]


def iso_time(micros: int | None, separator: str = "T", zone: str = "Z") -> str | None:
    """A time in microseconds since 1970 as text; None for one outside the years 1 to 9999."""
    if micros is None:
        return None
    try:
        then = _EPOCH + timedelta(microseconds=micros)
    except OverflowError:
        return None
    return f"{then:%Y-%m-%d}{separator}{then:%H:%M:%S.%f}{zone}"


def _bytes_text(data: bytes | None) -> str | None:
    return None if data is None else data.hex()


def _list_text(items: Sequence[Any] | None) -> str | None:
    return None if items is None else json.dumps(items)


def _flag_text(flag: bool | None) -> str | None:  # noqa: FBT001  (it is the value)
    return None if flag is None else ("true" if flag else "false")


_CSV_CELLS: dict[Kind, Cell] = {
    Kind.TIME: iso_time,
    Kind.BYTES: _bytes_text,
    Kind.BOOL: _flag_text,
    **dict.fromkeys(_LISTS, _list_text),
}
_JSON_CELLS: dict[Kind, Cell] = {Kind.TIME: iso_time, Kind.BYTES: _bytes_text}


def _texts(rows: Rows, forms: dict[Kind, Cell]) -> Iterator[tuple[Any, ...]]:
    """Rows as tuples, with the cells of these kinds as text."""
    columns = []
    for column, cells in zip(rows.table.columns, rows.lists().values(), strict=True):
        form = forms.get(column.kind)
        columns.append(cells if form is None else [form(cell) for cell in cells])
    return zip(*columns, strict=True)


class CsvFolder:
    """``OUT/<table>/<name>.csv`` in UTF-8, with a line of column names."""

    def __init__(self, folder: Path, name: str) -> None:
        """``name`` is that of the files of this capture, without their suffix."""
        self._folder = folder
        self._name = name
        self._files: dict[str, IO[str]] = {}

    def write(self, tables: list[Rows]) -> None:
        """Take some rows.  Raises OSError."""
        for rows in tables:
            csv.writer(self._file(rows.table), lineterminator="\n").writerows(_texts(rows, _CSV_CELLS))

    def _file(self, table: Table) -> IO[str]:
        if table.name not in self._files:
            path = self._folder / table.name / f"{self._name}.csv"
            path.parent.mkdir(exist_ok=True)
            self._files[table.name] = path.open("w", encoding="utf-8", newline="")
            names = [column.name for column in table.columns]
            csv.writer(self._files[table.name], lineterminator="\n").writerow(names)
        return self._files[table.name]

    def close(self) -> None:
        """Write what waits.  Raises OSError."""
        for file in self._files.values():
            file.close()


class JsonLines:
    """One object a line: ``table`` first, then the columns that have a value; frames by their number."""

    def __init__(self, out: TextIO) -> None:
        """``out`` is closed in the end."""
        self._out = out

    def write(self, tables: list[Rows]) -> None:
        """Take some rows.  Raises OSError."""
        lines: list[tuple[int, str]] = []
        for rows in tables:
            names = [column.name for column in rows.table.columns]
            at = names.index("number") if "number" in names else 0
            for cells in _texts(rows, _JSON_CELLS):
                found = {name: cell for name, cell in zip(names, cells, strict=True) if cell is not None}
                line = json.dumps({"table": rows.table.name, **found}, separators=(",", ":"))
                lines.append((cells[at] if isinstance(cells[at], int) else 0, line))
        lines.sort(key=lambda numbered: numbered[0])
        self._out.writelines(f"{line}\n" for _, line in lines)

    def close(self) -> None:
        """Write what waits.  Raises OSError."""
        self._out.close()


def read_csv_captures(folder: Path) -> list[dict[str, Any]]:
    """Rows of table ``captures``.  Raises OSError and ValueError."""
    rows: list[dict[str, Any]] = []
    for path in sorted((folder / "captures").glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            rows += csv.DictReader(file)
    return rows


def read_json_captures(path: Path) -> list[dict[str, Any]]:
    """Lines of table ``captures``.  Raises OSError and ValueError."""
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.startswith('{"table":"captures"')]


def drop_captures(path: Path, captures: frozenset[str]) -> None:
    """Take all lines of some captures out of a file.  Raises OSError and ValueError."""
    kept = path.with_name(f"{path.name}.kept")
    with path.open(encoding="utf-8") as before, kept.open("w", encoding="utf-8") as after:
        after.writelines(line for line in before if json.loads(line).get("capture") not in captures)
    kept.replace(path)
