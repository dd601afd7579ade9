"""``vebus,unknown``: which bytes nobody can explain, in which kinds of messages, and how well the others are known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from vebus_protocol.frame import FbFrame, ReceivedFrame, Rs485Header, Rs485Trailer
from vebus_protocol.mk3 import Mk3Header, Mk3Leds, Mk3Trailer
from vebus_protocol.schema import Evidence, Field, Message
from vebus_tools.records import Record
from vebus_tools.statistics.seen import Kind, Seen
from vebus_tools.statistics.tables import Cell, Column, Table
from vebus_tools.statistics.tap import Detail, Ending

__all__ = ["Unknown", "evidence_of"]

_LEVELS = (
    Column(key="evidence", title="Evidence"),
    Column(key="bytes", title="Bytes"),
    Column(key="share", title="Share", unit="%", decimals=2),
)
_KINDS = (
    Column(key="message", title="Message"),
    Column(key="sender", title="From"),
    Column(key="count", title="Count"),
    Column(key="bytes", title="Bytes"),
    Column(key="unknown", title="Unknown"),
    Column(key="share", title="Share", unit="%", decimals=1),
    Column(key="example", title="Example, unknown bytes in brackets"),
)
_DAMAGED = "frame with an error"
_NO_FRAME = "belongs to no frame"
_NOTE = (
    "Unstuffed bytes of whole frames, by the evidence of the field that they belong to; a field with bits counts as "
    "one."
)

_Signature = tuple[object, ...]


@dataclass(slots=True)
class _Found:
    count: int = 0
    bytes: int = 0
    unknown: int = 0
    example: str = ""


class Unknown:
    """The tap."""

    look = True

    def __init__(self) -> None:
        """Start without records."""
        self._levels: Counter[str] = Counter()
        self._kinds: dict[Kind, _Found] = {}
        self._places: dict[_Signature, tuple[Evidence, ...]] = {}

    def take(self, seen: Seen, detail: Detail | None) -> None:
        """Count one record."""
        if detail is None:
            return
        if not seen.good:
            self._levels[_DAMAGED if seen.kind.frame else _NO_FRAME] += seen.size
            return
        levels = self._evidence(detail.record)
        for level, count in Counter(levels).items():
            self._levels[level.value] += count
        unknown = levels.count(Evidence.UNKNOWN)
        if unknown:
            found = self._kinds.setdefault(seen.kind, _Found())
            found.count += 1
            found.bytes += len(levels)
            found.unknown += unknown
            found.example = found.example or _marked(detail.record.unstuffed, levels)

    def _evidence(self, record: Record) -> tuple[Evidence, ...]:
        types = tuple(type(placed.message) for placed in record.chain)
        leds = getattr(record.frame, "leds", None) is not None
        signature = (record.link, type(record.frame), len(record.unstuffed), leds, *types)
        known = self._places.get(signature)
        if known is None:
            known = self._places[signature] = evidence_of(record)
        return known

    def tables(self, ending: Ending) -> tuple[Table, ...]:  # noqa: ARG002  (times play no part)
        """A table of evidence, and one of the kinds with unknown bytes, most of them first."""
        total = self._levels.total()
        names = (*(level.value for level in Evidence), _DAMAGED, _NO_FRAME)
        levels = tuple(
            (name, self._levels[name], self._levels[name] / total * 100 if total else None) for name in names
        )
        explained = sum(self._levels[level.value] for level in Evidence if level is not Evidence.UNKNOWN)
        share = f"Explained: {explained / total * 100:.2f} % of {total} bytes." if total else "No bytes."
        return (
            Table(title="VE.Bus Bytes by Evidence", columns=_LEVELS, rows=levels, notes=(_NOTE, share)),
            Table(title="VE.Bus Unknown Bytes by Message", columns=_KINDS, rows=tuple(self._rows())),
        )

    def _rows(self) -> Iterator[tuple[Cell, ...]]:
        for kind, found in sorted(self._kinds.items(), key=lambda pair: -pair[1].unknown):
            share = found.unknown / found.bytes * 100
            yield kind.title, kind.sender, found.count, found.bytes, found.unknown, share, found.example


def evidence_of(record: Record) -> tuple[Evidence, ...]:
    """Evidence of each byte of a frame, in the unstuffed form; UNKNOWN where no declaration has it."""
    levels = [Evidence.UNKNOWN] * len(record.unstuffed)
    frame = record.frame
    if isinstance(frame, FbFrame):
        _lay(levels, frame.FIELDS, 0)
        return tuple(levels)
    if isinstance(frame, ReceivedFrame):
        _lay(levels, Rs485Header.FIELDS, 0)
        _lay(levels, Rs485Trailer.FIELDS, len(levels) - Rs485Trailer.SIZE)
    elif frame is not None:
        _lay(levels, Mk3Header.FIELDS, 0)
        _lay(levels, Mk3Trailer.FIELDS, len(levels) - Mk3Trailer.SIZE)
        if frame.leds is not None:
            _lay(levels, Mk3Leds.FIELDS, len(levels) - Mk3Trailer.SIZE - Mk3Leds.SIZE)
    for placed in record.chain:
        _lay_message(levels, placed.message, placed.start)
    return tuple(levels)


def _lay(levels: list[Evidence], fields: tuple[Field, ...], start: int) -> None:
    for spec in fields:
        size = spec.layout.size if spec.layout is not None else 0
        levels[start : start + size] = [spec.evidence] * size
        start += size


def _lay_message(levels: list[Evidence], message: Message, start: int) -> None:
    end = start
    for span in message.spans(start):
        levels[span.start : span.start + span.size] = [span.field.evidence] * span.size
        end = span.start + span.size
    if message.INFO.rest_known and message.INFO.carries is None:
        levels[end : end + len(message.rest)] = [message.INFO.evidence] * len(message.rest)


def _marked(data: bytes, levels: tuple[Evidence, ...]) -> str:
    """Hex text with brackets around the runs of unknown bytes."""
    parts: list[str] = []
    for byte, level in zip(data, levels, strict=True):
        unknown = level is Evidence.UNKNOWN
        if unknown and parts and parts[-1].endswith("]"):
            parts[-1] = f"{parts[-1][:-1]} {byte:02x}]"
        else:
            parts.append(f"[{byte:02x}]" if unknown else f"{byte:02x}")
    return " ".join(parts)
