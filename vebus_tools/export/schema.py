"""What a table and a column are, and the tables and columns that follow from no message."""

from __future__ import annotations

import enum
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from vebus_protocol.schema import Evidence, Field, Message
from vebus_tools.records import TimeSource

__all__ = [
    "CAPTURES",
    "COLUMNS",
    "COMMON",
    "DAMAGED",
    "REASON",
    "UNDECODED",
    "Column",
    "Kind",
    "Place",
    "Table",
    "plain_column",
]


class Kind(enum.Enum):
    """Type of a column; NAME is text from a short list, TIME is microseconds since 1970, UTC."""

    BOOL = "bool"
    U8 = "uint8"
    U16 = "uint16"
    U32 = "uint32"
    I8 = "int8"
    I16 = "int16"
    I32 = "int32"
    I64 = "int64"
    F64 = "double"
    TEXT = "text"
    NAME = "name"
    BYTES = "bytes"
    TIME = "time"
    INTS = "list of int32"
    FLOATS = "list of double"
    TEXTS = "list of text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a table.

    ``abbrev`` is the filter name of its field.  ``vocabulary`` has all texts of a NAME (empty: the capture has them),
    ``numbers`` the numbers that these texts stand for.
    """

    name: str
    kind: Kind
    label: str
    unit: str = ""
    meaning: str = ""
    abbrev: str = ""
    evidence: Evidence | None = None
    source: str = ""
    vocabulary: tuple[str, ...] = ()
    numbers: tuple[int, ...] = ()

    @property
    def documentation(self) -> Mapping[str, str]:
        """What the metadata of the formats says of a column; only what there is to say."""
        facts = {
            "label": self.label,
            "unit": self.unit,
            "meaning": self.meaning,
            "filter_name": self.abbrev,
            "evidence": self.evidence.value if self.evidence else "",
            "source": self.source,
            "values": json.dumps(dict(zip(self.numbers, self.vocabulary, strict=True))) if self.numbers else "",
        }
        return {name: text for name, text in facts.items() if text}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The columns of one field, by what they hold; empty names are columns that there are not."""

    spec: Field
    value: str
    raw: str = ""
    name: str = ""
    scale: str = ""
    id: str = ""
    unit: str = ""

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of all columns of the field."""
        names = (self.value, self.raw, self.name, self.scale, self.id, self.unit)
        return tuple(name for name in names if name)


@dataclass(frozen=True)
class Table:
    """One table: ``places`` say where the fields of its message go, and those of what carries it."""

    name: str
    title: str
    columns: tuple[Column, ...]
    places: tuple[Place, ...] = ()
    declared: type[Message] | None = None
    rest: str = ""

    @cached_property
    def by_spec(self) -> Mapping[int, Place]:
        """Places by the identity of their declaration."""
        return {id(place.spec): place for place in self.places}

    @cached_property
    def column(self) -> Mapping[str, Column]:
        """Columns by name."""
        return {column.name: column for column in self.columns}

    @cached_property
    def is_exchange(self) -> bool:
        """Whether rows say which request they answer."""
        return "request" in self.column

    def only(self, names: frozenset[str]) -> Table:
        """The same with these columns alone; those of the frame always stay."""
        kept = names | {column.name for column in COMMON}
        return Table(
            name=self.name,
            title=self.title,
            columns=tuple(column for column in self.columns if column.name in kept),
            places=self.places,
            declared=self.declared,
            rest=self.rest,
        )


def plain_column(name: str, kind: Kind, label: str, *vocabulary: str, unit: str = "", abbrev: str = "") -> Column:
    """A column that stands for no field of a message."""
    return Column(name=name, kind=kind, label=label, unit=unit, abbrev=abbrev, vocabulary=vocabulary)


COMMON: tuple[Column, ...] = (
    plain_column("capture", Kind.NAME, "Capture, as in table captures"),
    plain_column("number", Kind.I64, "Number of the frame in the capture, from 1", abbrev="frame.number"),
    plain_column("time", Kind.TIME, "Date and time in UTC; null where there is no date", abbrev="frame.time_epoch"),
    plain_column("elapsed", Kind.F64, "Time since the first frame", unit="s", abbrev="frame.time_relative"),
    plain_column(
        "time_source",
        Kind.NAME,
        "What the time rests on",
        *(source.value for source in TimeSource),
        abbrev="frame.time_source",
    ),
    plain_column("time_estimated", Kind.BOOL, "Whether the time was reconstructed and not measured"),
    plain_column("interface", Kind.TEXT, "Interface, where the capture names it", abbrev="frame.interface"),
    plain_column("link", Kind.NAME, "Bus (rs485) or adapter (mk3)", "rs485", "mk3"),
    plain_column("direction", Kind.NAME, "Where it travels, on an adapter", "to device", "from device"),
    plain_column("sender", Kind.U16, "Sender id, first byte high", abbrev="vebus.addr"),
    plain_column("sender_name", Kind.NAME, "Name of the sender, where it has one", abbrev="vebus.src"),
    plain_column("frame_type", Kind.U8, "Frame type: 0xfd sync, 0xfe data", abbrev="vebus.type"),
    plain_column("sequence", Kind.U8, "Frame number on the bus", abbrev="vebus.seq"),
    plain_column("checksum", Kind.NAME, "Checksum status", "Good", "Bad", abbrev="vebus.checksum.status"),
    plain_column("offset", Kind.I64, "Place of the first byte in the stream", unit="bytes"),
    plain_column("size", Kind.I32, "Bytes on the wire", unit="bytes", abbrev="frame.len"),
    plain_column("raw", Kind.BYTES, "Bytes as heard, with escapes", abbrev="frame.raw"),
)
"""Columns that every table of frames begins with."""

REASON = plain_column("reason", Kind.TEXT, "Why it stands here")
DAMAGED = Table("damaged", "Frames with a wrong checksum or wrong escapes", (*COMMON, REASON))
UNDECODED = Table("undecoded", "Bytes of no frame, frames of unknown type or without a message", (*COMMON, REASON))

CAPTURES = Table(
    "captures",
    "What was exported, a row for each capture",
    (
        plain_column("capture", Kind.TEXT, "Name, unique in the export"),
        plain_column("path", Kind.TEXT, "Where it was read"),
        plain_column("content", Kind.TEXT, "SHA-256 of the file; null for standard input"),
        plain_column("bytes", Kind.I64, "Size of the file", unit="bytes"),
        plain_column("format", Kind.TEXT, "Format of the file"),
        plain_column("link", Kind.TEXT, "Link it was heard on, where the frames do not say it"),
        plain_column("rows", Kind.I64, "Rows exported"),
        plain_column("damaged", Kind.I64, "Rows in table damaged"),
        plain_column("undecoded", Kind.I64, "Rows in table undecoded"),
        plain_column("first_time", Kind.TIME, "Time of the first exported frame; null without a date"),
        plain_column("last_time", Kind.TIME, "Time of the last exported frame; null without a date"),
        plain_column("duration", Kind.F64, "Time of the last exported frame since the first of the capture", unit="s"),
        plain_column("complete", Kind.BOOL, "Whether the capture could be read to its end"),
        plain_column("problem", Kind.TEXT, "What could not be read"),
        plain_column("selection", Kind.TEXT, "Options that left something out"),
        plain_column("program", Kind.TEXT, "What wrote it"),
        plain_column("schema", Kind.TEXT, "Mark of the columns; captures with different marks do not go together"),
        plain_column("exported_at", Kind.TIME, "When it was exported"),
    ),
)
COLUMNS = Table(
    "columns",
    "What the columns of all tables mean",
    tuple(
        plain_column(name, Kind.TEXT, label)
        for name, label in (
            ("table_name", "Table"),
            ("column_name", "Column"),
            ("type", "Type"),
            ("unit", "Unit"),
            ("label", "What it is"),
            ("meaning", "What is known beyond that"),
            ("filter_name", "Name of the field in filters"),
            ("evidence", "How well it is known"),
            ("source", "Where that is published"),
            ("values", "Numbers of an enumeration and their texts, as JSON"),
        )
    ),
)
