"""``vebus,quality``: damage and number gaps, by sender and for each line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from vebus_tools.names import NameTable
from vebus_tools.statistics.seen import NO_SENDER, NOBODY, Port, Seen
from vebus_tools.statistics.tables import Cell, Column, Table
from vebus_tools.statistics.tap import Detail, Ending

__all__ = ["Quality"]

_SENDERS = (
    Column(key="sender", title="Sender"),
    Column(key="id", title="Id"),
    Column(key="frames", title="Frames"),
    Column(key="good", title="Good"),
    Column(key="bad_checksum", title="Bad checksum"),
    Column(key="malformed", title="Malformed"),
    Column(key="gaps", title="Gaps"),
    Column(key="missing", title="Missing"),
    Column(key="repeats", title="Repeats"),
)
_LINES = (
    Column(key="interface", title="Line"),
    Column(key="frames", title="Frames"),
    Column(key="good", title="Good"),
    Column(key="frame_bytes", title="Bytes in frames"),
    Column(key="runs", title="Runs of no frame"),
    Column(key="lost_bytes", title="Bytes of no frame"),
    Column(key="share", title="Good bytes", unit="%", decimals=3),
)
_NOTES = (
    "Gaps and repeats of the frame number stand with the sender of the frame behind them.",
    "Who sent the frames that are missing is not known.",
    "The id of a frame with a bad checksum may itself be damaged.",
)


@dataclass(slots=True)
class _Sender:
    frames: int = 0
    good: int = 0
    bad: int = 0
    gaps: int = 0
    missing: int = 0
    repeats: int = 0


@dataclass(slots=True)
class _Line:
    frames: int = 0
    good: int = 0
    frame_bytes: int = 0
    good_bytes: int = 0
    runs: int = 0
    lost_bytes: int = 0


_Who = tuple[Port, int, str]


class Quality:
    """The tap."""

    look = False

    def __init__(self, names: NameTable) -> None:
        """``names`` are those of senders."""
        self._names = names
        self._senders: dict[_Who, _Sender] = {}
        self._lines: dict[Port, _Line] = {}

    def take(self, seen: Seen, detail: Detail | None) -> None:  # noqa: ARG002  (what was seen is enough)
        """Count one record."""
        kind = seen.kind
        line = self._lines.get(kind.port)
        if line is None:
            line = self._lines[kind.port] = _Line()
        if not kind.frame:
            line.runs += 1
            line.lost_bytes += seen.size
            return
        line.frames += 1
        line.frame_bytes += seen.size
        who = kind.port, seen.sender, kind.sender if seen.sender == NO_SENDER else ""
        sender = self._senders.get(who)
        if sender is None:
            sender = self._senders[who] = _Sender()
        sender.frames += 1
        if not seen.good:
            sender.bad += kind.bad
            return
        line.good += 1
        line.good_bytes += seen.size
        sender.good += 1
        if seen.step == 0:
            sender.repeats += 1
        elif seen.step != 1:
            sender.gaps += 1
            sender.missing += seen.step - 1

    def tables(self, ending: Ending) -> tuple[Table, ...]:  # noqa: ARG002  (times play no part)
        """A table of senders, and one of lines."""
        return (
            Table(title="VE.Bus Quality by Sender", columns=_SENDERS, rows=tuple(self._sender_rows()), notes=_NOTES),
            Table(title="VE.Bus Quality of the Line", columns=_LINES, rows=tuple(self._line_rows())),
        )

    def _told(self) -> Iterator[tuple[_Who, _Sender]]:
        """Senders of good frames, those that have a name, and all other ids in one: most of those never were there."""
        others, count = _Sender(), 0
        for who, found in self._senders.items():
            if found.good or who[2] or who[1] in self._names.names:
                yield who, found
            else:
                count += 1
                others.frames += found.frames
                others.bad += found.bad
        if count:
            yield (next(iter(self._lines)), NO_SENDER, f"{count} ids without a good frame"), others

    def _sender_rows(self) -> Iterator[tuple[Cell, ...]]:
        for (port, sender, name), found in self._told():
            known = name or self._names.name(sender)
            place = f" on {port[1]}" if port[1] and len(self._lines) > 1 else ""
            malformed = found.frames - found.good - found.bad
            yield (
                "(no id)" if known == NOBODY else f"{known}{place}",
                "" if sender == NO_SENDER else f"0x{sender:04x}",
                found.frames,
                found.good,
                found.bad,
                malformed,
                found.gaps,
                found.missing,
                found.repeats,
            )

    def _line_rows(self) -> Iterator[tuple[Cell, ...]]:
        for (link, interface), line in self._lines.items():
            total = line.frame_bytes + line.lost_bytes
            yield (
                interface or link.value,
                line.frames,
                line.good,
                line.frame_bytes,
                line.runs,
                line.lost_bytes,
                line.good_bytes / total * 100 if total else None,
            )
