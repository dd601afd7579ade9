"""Where an export goes: formats, what is there already, which captures are new, and the step that makes it appear."""

from __future__ import annotations

import contextlib
import enum
import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Any, Protocol
from urllib.parse import quote

from vebus_tools.export.rows import Rows
from vebus_tools.export.staging import Staged
from vebus_tools.export.tables import CAPTURES, COLUMNS, Table, all_tables, columns_rows
from vebus_tools.records import CaptureError

__all__ = ["Format", "Known", "Source", "Store", "Target", "Writer", "format_of", "source_of", "table_rows"]


class Format(enum.StrEnum):
    """What is written; the first three are folders."""

    PARQUET = "parquet"
    ARROW = "arrow"
    CSV = "csv"
    SQLITE = "sqlite"
    DUCKDB = "duckdb"
    JSONL = "jsonl"

    @property
    def is_folder(self) -> bool:
        """Whether there is a folder for each table, else one file."""
        return self in (Format.PARQUET, Format.ARROW, Format.CSV)

    @property
    def text(self) -> str:
        """Its name for people."""
        return _TITLES[self]

    @property
    def needs(self) -> tuple[str, ...]:
        """Modules that have to be installed."""
        return _NEEDS.get(self, ())


_TITLES = {
    Format.PARQUET: "Parquet",
    Format.ARROW: "Arrow",
    Format.CSV: "CSV",
    Format.SQLITE: "SQLite",
    Format.DUCKDB: "DuckDB",
    Format.JSONL: "JSON lines",
}
_NEEDS = {
    Format.PARQUET: ("numpy", "pyarrow"),
    Format.ARROW: ("numpy", "pyarrow"),
    Format.DUCKDB: ("numpy", "pyarrow", "duckdb"),
}
_SUFFIXES = {
    "": Format.PARQUET,
    ".parquet": Format.PARQUET,
    ".arrow": Format.ARROW,
    ".feather": Format.ARROW,
    ".csv": Format.CSV,
    ".sqlite": Format.SQLITE,
    ".sqlite3": Format.SQLITE,
    ".db": Format.SQLITE,
    ".duckdb": Format.DUCKDB,
    ".jsonl": Format.JSONL,
    ".ndjson": Format.JSONL,
}


def format_of(out: str) -> Format:
    """Format that the suffix of a name says.  Raises CaptureError."""
    suffix = PurePath(out).suffix.lower()
    if suffix not in _SUFFIXES:
        known = " ".join(filter(None, _SUFFIXES))
        raise CaptureError(f"{out}: no export has the suffix {suffix}; use one of {known}, or say -F FORMAT")
    return _SUFFIXES[suffix]


# --- captures ---------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One capture to export: ``capture`` is its name in the export, ``content`` its SHA-256, ``size`` in bytes.

    The last two are None for standard input.
    """

    path: str
    capture: str
    content: str | None = None
    size: int | None = None

    @property
    def stem(self) -> str:
        """Name of its files in a folder, without their suffix."""
        return quote(self.capture, safe="")


STANDARD_INPUT = "-"


def source_of(path: str) -> Source:
    """Look at a file.  Raises CaptureError."""
    if path == STANDARD_INPUT:
        return Source(path=path, capture="standard input")
    try:
        with Path(path).open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
            size = os.fstat(file.fileno()).st_size
    except OSError as problem:
        raise CaptureError(f"{path}: cannot be read: {problem.strerror or problem}") from problem
    return Source(path=str(Path(path).resolve()), capture=PurePath(path).name, content=content, size=size)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A capture that an export has already."""

    capture: str
    path: str
    content: str | None
    schema: str


# --- stores -----------------------------------------------------------------------------------------------------------
class Writer(Protocol):
    """Takes the rows of one capture."""

    def write(self, tables: list[Rows]) -> None:
        """Take some rows.  Raises what the library behind it raises."""

    def close(self) -> None:
        """Write what waits."""


Vocabularies = Mapping[str, tuple[str, ...]]


class Store(Protocol):
    """An export while it is written."""

    def drop(self, captures: Sequence[str]) -> None:
        """Take captures out."""

    def writer(self, source: Source, vocabularies: Vocabularies) -> Writer:
        """Begin a capture."""

    def finish(self) -> None:
        """Write what all captures share."""


def table_rows(table: Table, rows: Sequence[Sequence[Any]]) -> Rows:
    """Rows of a table from tuples in the order of its columns."""
    columns = zip(*rows, strict=True) if rows else [()] * len(table.columns)
    cells = {column.name: list(cells) for column, cells in zip(table.columns, columns, strict=True)}
    return Rows(table=table, count=len(rows), cells=cells)


def _documentation(present: frozenset[str]) -> Rows:
    tables = [table for table in (*all_tables().values(), CAPTURES) if table.name in present]
    return table_rows(COLUMNS, list(columns_rows(tables)))


class FolderStore:
    """A folder for each table, in it files of each capture."""

    def __init__(self, path: Path, form: Format) -> None:
        """``path`` is the folder to write to."""
        self._path = path
        self._form = form

    def drop(self, captures: Sequence[str]) -> None:
        """See Store.drop."""
        stems = {quote(capture, safe="") for capture in captures}
        for path in self._path.rglob("*.*"):
            if _stem(path) in stems:
                path.unlink()

    def writer(self, source: Source, vocabularies: Vocabularies) -> Writer:
        """See Store.writer."""
        return self._folder(source.stem, vocabularies)

    def _folder(self, stem: str, vocabularies: Vocabularies) -> Writer:
        if self._form is Format.CSV:
            from vebus_tools.export.text_files import CsvFolder

            return CsvFolder(self._path, stem)
        from vebus_tools.export.arrow_files import ArrowFolder, ParquetFolder

        kind = ParquetFolder if self._form is Format.PARQUET else ArrowFolder
        return kind(self._path, stem, vocabularies)

    def finish(self) -> None:
        """See Store.finish."""
        present = frozenset(path.name for path in self._path.iterdir() if path.is_dir())
        writer = self._folder(COLUMNS.name, {})
        writer.write([_documentation(present)])
        writer.close()


class _Open:
    """A writer that leaves closing to its store."""

    def __init__(self, writer: Writer) -> None:
        self.write = writer.write

    def close(self) -> None:
        """See Writer.close."""


class DatabaseStore:
    """One database file for all captures."""

    def __init__(self, path: Path, form: Format) -> None:
        """``path`` is the file to write to."""
        from vebus_tools.export.databases import DuckdbFile, SqliteFile

        self._base = DuckdbFile(path) if form is Format.DUCKDB else SqliteFile(path)

    def drop(self, captures: Sequence[str]) -> None:
        """See Store.drop."""
        self._base.drop(captures)

    def writer(self, source: Source, vocabularies: Vocabularies) -> Writer:  # noqa: ARG002
        """See Store.writer."""
        self._base.vocabularies = vocabularies
        return _Open(self._base)

    def finish(self) -> None:
        """See Store.finish."""
        self._base.write([_documentation(self._base.tables())])
        self._base.close()


class JsonStore:
    """One file of JSON lines."""

    def __init__(self, path: Path) -> None:
        """``path`` is the file to write to."""
        self._path = path

    def drop(self, captures: Sequence[str]) -> None:
        """See Store.drop."""
        from vebus_tools.export.text_files import drop_captures

        drop_captures(self._path, frozenset(captures))

    def writer(self, source: Source, vocabularies: Vocabularies) -> Writer:  # noqa: ARG002
        """See Store.writer."""
        from vebus_tools.export.text_files import JsonLines

        return JsonLines(self._path.open("a", encoding="utf-8"))

    def finish(self) -> None:
        """See Store.finish."""


def store_at(path: Path, form: Format) -> Store:
    """What writes this format to a file or folder."""
    if form.is_folder:
        return FolderStore(path, form)
    return JsonStore(path) if form is Format.JSONL else DatabaseStore(path, form)


# --- the target -------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where an export goes: ``known`` are the captures that stay, ``exists`` says that something is there."""

    path: Path
    form: Format
    exists: bool
    known: tuple[Known, ...] = ()

    @classmethod
    def opened(cls, out: str, form: Format, *, append: bool, overwrite: bool) -> Target:
        """Look at what is there.  Raises CaptureError where it may not be written to."""
        path = Path(out)
        if not path.parent.is_dir():
            raise CaptureError(f"{out}: no such directory; create it first")
        if not path.exists():
            return cls(path=path, form=form, exists=False)
        if not path.is_file() and not path.is_dir():
            raise CaptureError(f"{out}: is a device or a pipe; export into a file or folder")
        if not append and not overwrite:
            raise CaptureError(f"{out}: exists; --append adds to it, --overwrite replaces it")
        known = tuple(_known(path, form))
        return cls(path=path, form=form, exists=True, known=known if append else ())

    def choose(
        self, sources: Sequence[Source], schema: str, *, again: bool
    ) -> tuple[list[Source], list[str], list[str]]:
        """What to export, which captures to drop for it, and notes on what is left out.

        Raises CaptureError for a file that changed since it was exported, unless it is exported ``again``, and for an
        export with other columns.
        """
        for known in self.known:
            if known.schema != schema:
                text = f"{self.path}: {known.capture} was exported with other columns; export into another place"
                raise CaptureError(text)
        chosen: list[Source] = []
        dropped: list[str] = []
        notes: list[str] = []
        for source in sources:
            before = self._before(source, chosen)
            if before is None:
                taken = {known.capture for known in self.known} | {other.capture for other in chosen}
                chosen.append(_named(source, taken - set(dropped)))
            elif isinstance(before, Known) and again:
                dropped.append(before.capture)
                chosen.append(replace(source, capture=before.capture))
            elif before.content == source.content:
                notes.append(f"{source.path}: left out, it is there already as {before.capture}")
            else:
                text = f"{source.path}: has changed since it was exported as {before.capture}; --again exports it anew"
                raise CaptureError(text)
        return chosen, dropped, notes

    def _before(self, source: Source, chosen: Sequence[Source]) -> Known | Source | None:
        if source.content is None:
            return None
        candidates: tuple[Known | Source, ...] = (*self.known, *chosen)
        found = [one for one in candidates if source.content == one.content or source.path == one.path]
        return found[0] if found else None

    @contextlib.contextmanager
    def staged(self, dropped: Sequence[str]) -> Iterator[tuple[Staged, Store]]:
        """A place to write to, with what stays of the captures that are there.  Raises CaptureError and OSError."""
        with Staged(self.path, folder=self.form.is_folder) as staged:
            if self.known:
                stems = {quote(capture, safe="") for capture in dropped}
                staged.keep(lambda path: self._stays(path, stems))
            store = store_at(staged.path, self.form)
            if dropped:
                store.drop(dropped)
            yield staged, store

    def _stays(self, path: Path, stems: set[str]) -> bool:
        if path.relative_to(self.path).parts[0] == COLUMNS.name:
            return False
        return _stem(path) not in stems


def _stem(path: Path) -> str:
    """What the name of a file says of its capture; a plus stands in front of the number of a part."""
    return path.stem.partition("+")[0] if path.is_file() else ""


def _named(source: Source, taken: set[str]) -> Source:
    if source.capture not in taken:
        return source
    count = 2
    while f"{source.capture}~{count}" in taken:
        count += 1
    return replace(source, capture=f"{source.capture}~{count}")


def _known(path: Path, form: Format) -> Iterator[Known]:
    if path.is_dir() is not form.is_folder:
        raise CaptureError(f"{path}: is a {'folder' if path.is_dir() else 'file'}; {form.text} is not")
    if form.is_folder and not any(path.iterdir()):
        return
    try:
        rows = _captures(path, form)
    except Exception as problem:  # each library has errors of its own
        raise CaptureError(f"{path}: is no {form.text} export of vebus: {str(problem).splitlines()[0]}") from problem
    if not rows:
        raise CaptureError(f"{path}: is no {form.text} export of vebus, it has no captures; name another place")
    for row in rows:
        yield Known(
            capture=row["capture"], path=row.get("path") or "", content=row.get("content") or None, schema=row["schema"]
        )


def _captures(path: Path, form: Format) -> list[dict[str, Any]]:
    if form in (Format.PARQUET, Format.ARROW):
        from vebus_tools.export.arrow_files import read_captures

        return read_captures(path)
    if form in (Format.CSV, Format.JSONL):
        from vebus_tools.export import text_files

        return text_files.read_csv_captures(path) if form is Format.CSV else text_files.read_json_captures(path)
    from vebus_tools.export import databases

    read = databases.read_duckdb_captures if form is Format.DUCKDB else databases.read_sqlite_captures
    return read(path)
