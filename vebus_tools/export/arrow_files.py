"""Rows to Arrow: Parquet files partitioned by day, and Arrow IPC files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from vebus_tools.export.rows import Cells, Rows, listed
from vebus_tools.export.tables import Column, Kind, Table
from vebus_tools.export.wide import Codes, Numbers, Spans

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["UNKNOWN_DAY", "ArrowFolder", "ParquetFolder", "batch_of", "read_captures", "schema_of"]

UNKNOWN_DAY = "unknown"
"""Partition of rows without a date."""

_BUFFERED = 16 << 20  # bytes of rows that wait, of all tables
_ROW_GROUP = 1 << 18  # rows
_OPEN_FILES = 200

_TYPES: dict[Kind, Any] = {
    Kind.BOOL: pa.bool_(),
    Kind.U8: pa.uint8(),
    Kind.U16: pa.uint16(),
    Kind.U32: pa.uint32(),
    Kind.I8: pa.int8(),
    Kind.I16: pa.int16(),
    Kind.I32: pa.int32(),
    Kind.I64: pa.int64(),
    Kind.F64: pa.float64(),
    Kind.TEXT: pa.string(),
    Kind.NAME: pa.dictionary(pa.int16(), pa.string()),
    Kind.BYTES: pa.binary(),
    Kind.TIME: pa.timestamp("us"),
    Kind.INTS: pa.list_(pa.int32()),
    Kind.FLOATS: pa.list_(pa.float64()),
    Kind.TEXTS: pa.list_(pa.string()),
}


# --- schema -----------------------------------------------------------------------------------------------------------
def schema_of(table: Table) -> pa.Schema:
    """Arrow schema with the documentation of table and columns as metadata."""
    fields = [
        pa.field(column.name, _TYPES[column.kind], metadata=dict(column.documentation)) for column in table.columns
    ]
    documented = {column.name: dict(column.documentation) for column in table.columns}
    return pa.schema(fields, metadata={"vebus.title": table.title, "vebus.columns": json.dumps(documented)})


# --- cells ------------------------------------------------------------------------------------------------------------
Vocabularies = Mapping[str, tuple[str, ...]]


def batch_of(rows: Rows, schema: pa.Schema, vocabularies: Vocabularies) -> pa.RecordBatch:
    """Rows as one batch; ``vocabularies`` are the texts of columns whose declaration does not list them."""
    arrays = [
        _array(column, rows.cells.get(column.name), rows.count, column.vocabulary or vocabularies.get(column.name, ()))
        for column in rows.table.columns
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _array(column: Column, cells: Cells | None, count: int, vocabulary: tuple[str, ...]) -> pa.Array:
    if column.kind is Kind.NAME:
        return _names(cells, count, vocabulary)
    kind = _TYPES[column.kind]
    if cells is None:
        return pa.nulls(count, kind)
    if isinstance(cells, Numbers):
        return _numbers(cells, pa.int64()).view(kind) if column.kind is Kind.TIME else _numbers(cells, kind)
    if isinstance(cells, Spans):
        return _spans(cells)
    return pa.array(listed(cells), type=kind)


def _names(cells: Cells | None, count: int, vocabulary: tuple[str, ...]) -> pa.DictionaryArray:
    if isinstance(cells, Codes):
        codes = cells.codes
    else:
        place = {text: at for at, text in reversed(list(enumerate(vocabulary)))}
        texts = [] if cells is None else listed(cells)
        codes = np.full(count, -1, dtype=np.int16)
        codes[: len(texts)] = [-1 if text is None else place[text] for text in texts]
    absent = codes < 0
    indices = pa.array(codes, mask=absent if absent.any() else None)
    return pa.DictionaryArray.from_arrays(indices, pa.array(vocabulary, pa.string()), safe=False)


def _numbers(cells: Numbers, kind: pa.DataType) -> pa.Array:
    mask = None if cells.valid is None else ~cells.valid
    if cells.values.ndim == 1:
        return pa.array(cells.values, type=kind, mask=mask)
    count, width = cells.values.shape
    offsets = np.arange(count + 1, dtype=np.int32) * width
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(np.ascontiguousarray(cells.values).reshape(-1)))


def _spans(cells: Spans) -> pa.Array:
    size = cells.size
    offsets = np.zeros(len(size) + 1, dtype=np.int32)
    np.cumsum(size, out=offsets[1:])
    total = int(offsets[-1])
    packed = len(size) and int(cells.start[0]) == 0 and total == len(cells.data)
    if packed:
        data = cells.data
    else:
        data = cells.data[np.arange(total, dtype=np.int64) + np.repeat(cells.start - offsets[:-1], size)]
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(data))]
    found = pa.Array.from_buffers(pa.binary(), len(size), buffers)
    return pc.if_else(pc.equal(pc.binary_length(found), 0), None, found) if cells.empty_is_null else found


# --- files ------------------------------------------------------------------------------------------------------------
class _Buffered:
    """Collects batches until they are worth a row group; what is largest is written first."""

    def __init__(self, folder: Path, name: str, vocabularies: Vocabularies) -> None:
        """``name`` is that of the files of this capture, without their suffix."""
        self._folder = folder
        self._name = name
        self._vocabularies = vocabularies
        self._schemas: dict[str, pa.Schema] = {}
        self._waiting: dict[str, list[pa.RecordBatch]] = {}
        self._rows: dict[str, int] = {}
        self._bytes: dict[str, int] = {}

    def write(self, tables: list[Rows]) -> None:
        """Take some rows.  Raises OSError."""
        for rows in tables:
            name = rows.table.name
            if name not in self._schemas:
                self._schemas[name] = schema_of(rows.table)
            batch = batch_of(rows, self._schemas[name], self._vocabularies)
            self._waiting.setdefault(name, []).append(batch)
            self._rows[name] = self._rows.get(name, 0) + rows.count
            self._bytes[name] = self._bytes.get(name, 0) + batch.nbytes
            if self._rows[name] >= _ROW_GROUP:
                self._flush(name)
        while sum(self._bytes.values()) > _BUFFERED:
            self._flush(max(self._bytes, key=lambda name: self._bytes[name]))

    def _flush(self, name: str) -> None:
        batches = self._waiting.pop(name)
        del self._rows[name], self._bytes[name]
        self._put(name, pa.Table.from_batches(batches))
        pa.default_memory_pool().release_unused()

    def _put(self, name: str, found: pa.Table) -> None:
        raise NotImplementedError

    def close(self) -> None:
        """Write what waits.  Raises OSError."""
        for name in list(self._waiting):
            self._flush(name)


class ArrowFolder(_Buffered):
    """``OUT/<table>/<name>.arrow``."""

    def __init__(self, folder: Path, name: str, vocabularies: Vocabularies) -> None:
        """See _Buffered."""
        super().__init__(folder, name, vocabularies)
        self._files: dict[str, pa.ipc.RecordBatchFileWriter] = {}

    def _put(self, name: str, found: pa.Table) -> None:
        if name not in self._files:
            path = self._folder / name / f"{self._name}.arrow"
            path.parent.mkdir(exist_ok=True)
            self._files[name] = pa.ipc.new_file(str(path), found.schema)
        self._files[name].write_table(found.combine_chunks())

    def close(self) -> None:
        """See _Buffered.close."""
        super().close()
        for file in self._files.values():
            file.close()


class ParquetFolder(_Buffered):
    """``OUT/<table>/day=YYYY-MM-DD/<name>.parquet``, days in UTC; ``day=unknown`` where there is no date."""

    def __init__(self, folder: Path, name: str, vocabularies: Vocabularies) -> None:
        """See _Buffered."""
        super().__init__(folder, name, vocabularies)
        self._files: dict[tuple[str, str], pq.ParquetWriter] = {}
        self._parts: dict[tuple[str, str], int] = {}

    def _put(self, name: str, found: pa.Table) -> None:
        if "time" not in found.schema.names:
            self._append(name, "", found)
            return
        for day, part in _by_day(found):
            self._append(name, f"day={day}", part)

    def _append(self, name: str, day: str, found: pa.Table) -> None:
        key = name, day
        if key not in self._files:
            self._make_room()
            self._files[key] = self._created(key, found.schema)
        self._files[key].write_table(found, row_group_size=_ROW_GROUP)

    def _make_room(self) -> None:
        """Close the file that was opened first; if more comes for it, another part is begun."""
        if len(self._files) >= _OPEN_FILES:
            self._files.pop(next(iter(self._files))).close()

    def _created(self, key: tuple[str, str], schema: pa.Schema) -> pq.ParquetWriter:
        part = self._parts[key] = self._parts.get(key, 0) + 1
        name = self._name if part == 1 else f"{self._name}+{part}"
        path = self._folder / key[0] / key[1] / f"{name}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        names = [field.name for field in schema if pa.types.is_dictionary(field.type)]
        counted = [name for name in ("number", "offset") if name in schema.names]
        return pq.ParquetWriter(
            str(path),
            schema,
            compression="zstd",
            compression_level=1,
            use_dictionary=names or False,  # of physical values a dictionary costs time and space
            column_encoding=dict.fromkeys(counted, "DELTA_BINARY_PACKED") or None,
            write_statistics=True,
        )

    def close(self) -> None:
        """See _Buffered.close."""
        super().close()
        for file in self._files.values():
            file.close()


_DAY_US = 86_400_000_000
_EPOCH = date(1970, 1, 1)


def _by_day(found: pa.Table) -> list[tuple[str, pa.Table]]:
    """Rows of each day, in their order."""
    times = found.column("time")
    if times.null_count == len(times):
        return [(UNKNOWN_DAY, found)]
    micros = times.cast(pa.int64()).combine_chunks()
    days = np.where(np.asarray(micros.is_null()), np.iinfo(np.int64).min, np.asarray(micros.fill_null(0)) // _DAY_US)
    present = np.unique(days).tolist()
    if len(present) == 1:
        return [(_day_text(present[0]), found)]
    return [(_day_text(day), found.filter(pa.array(days == day))) for day in present]


def _day_text(day: int) -> str:
    try:
        return (_EPOCH + timedelta(days=day)).isoformat()
    except OverflowError:
        return UNKNOWN_DAY


# --- what is there already --------------------------------------------------------------------------------------------
def read_captures(folder: Path) -> list[dict[str, Any]]:
    """Rows of table ``captures`` of a folder of Parquet or Arrow files.  Raises OSError and ValueError."""
    rows: list[dict[str, Any]] = []
    for path in sorted((folder / "captures").rglob("*.*")):
        if path.suffix == ".parquet":
            rows += pq.ParquetFile(path).read().to_pylist()
        elif path.suffix == ".arrow":
            with pa.OSFile(str(path)) as source:
                rows += pa.ipc.open_file(source).read_all().to_pylist()
    return rows
