"""The statistics by name: what each is for, and how the text of ``-z`` becomes one of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

from vebus_tools.records import Severity
from vebus_tools.statistics.conversations import Conversations
from vebus_tools.statistics.endpoints import Endpoints
from vebus_tools.statistics.expert import ExpertInfos
from vebus_tools.statistics.io_stat import IntervalStatistics
from vebus_tools.statistics.latency import ReplyLatency
from vebus_tools.statistics.load import BusLoad
from vebus_tools.statistics.period import Periods
from vebus_tools.statistics.phs import ProtocolHierarchy
from vebus_tools.statistics.quality import Quality
from vebus_tools.statistics.seen import Seen
from vebus_tools.statistics.slots import Slots
from vebus_tools.statistics.tables import Table
from vebus_tools.statistics.tap import Detail, Ending, Setting, StatisticsError, Tap
from vebus_tools.statistics.unknown import Unknown

if TYPE_CHECKING:
    from vebus_tools.filters import Filter

__all__ = ["DEFAULT", "ENTRIES", "Entry", "help_lines", "make_tap"]

Make = Callable[[list[str], Setting], Tap]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One statistic: its name, the arguments behind it, what it tells, and how it is made."""

    name: str
    arguments: str
    text: str
    make: Make


class _Filtered:
    """A tap that gets only what passes a filter."""

    look = True

    def __init__(self, tap: Tap, test: Filter) -> None:
        self._tap = tap
        self._test = test

    def take(self, seen: Seen, detail: Detail | None) -> None:
        if detail is not None and detail.passes(self._test):
            self._tap.take(seen, detail)

    def tables(self, ending: Ending) -> tuple[Table, ...]:
        return self._tap.tables(ending)


def _simple(make: Callable[[Setting], Tap]) -> Make:
    """A statistic whose only argument is a filter."""

    def made(arguments: list[str], setting: Setting) -> Tap:
        return _with_filter(make(setting), arguments, setting)

    return made


def _with_filter(tap: Tap, arguments: list[str], setting: Setting) -> Tap:
    test = _filter(arguments, setting)
    return tap if test is None else _Filtered(tap, test)


def _filter(arguments: list[str], setting: Setting) -> Filter | None:
    text = ",".join(arguments).strip()
    return setting.compile(text) if text else None


def _io_stat(arguments: list[str], setting: Setting) -> Tap:
    if not arguments:
        raise StatisticsError("io,stat: needs an interval in seconds, such as io,stat,1; 0 is the whole capture")
    return IntervalStatistics(arguments[0], arguments[1:], setting)


def _expert(arguments: list[str], setting: Setting) -> Tap:
    names = {severity.name.lower(): severity for severity in Severity}
    least = Severity.CHAT
    if arguments and arguments[0].lower() in names:
        least, arguments = names[arguments[0].lower()], arguments[1:]
    elif arguments and (near := get_close_matches(arguments[0].lower(), names, n=1)):
        raise StatisticsError(f"expert: no severity {arguments[0]}, the nearest is {near[0]}")
    return ExpertInfos(least, _filter(arguments, setting))


def _load(arguments: list[str], setting: Setting) -> Tap:
    return _with_filter(BusLoad(arguments[0] if arguments else "1"), arguments[1:], setting)


ENTRIES = (
    Entry(
        name="io,stat",
        arguments="INTERVAL[,FILTER|,FUNCTION(FIELD)FILTER]...",
        text="Frames and bytes in intervals of seconds; FUNCTION is COUNT, SUM, MIN, MAX, AVG, FRAMES or BYTES.",
        make=_io_stat,
    ),
    Entry(
        name="io,phs",
        arguments="[FILTER]",
        text="Protocol hierarchy: frames and bytes of each protocol.",
        make=lambda arguments, setting: ProtocolHierarchy(_filter(arguments, setting)),
    ),
    Entry(
        name="expert",
        arguments="[error|warn|note|chat][,FILTER]",
        text="Expert infos with their frequency, from this severity on.",
        make=_expert,
    ),
    Entry(
        name="endpoints,vebus",
        arguments="[FILTER]",
        text="Who sends how much.",
        make=_simple(lambda _setting: Endpoints()),
    ),
    Entry(
        name="conv,vebus",
        arguments="[FILTER]",
        text="Who talks with whom, as far as requests and replies prove it.",
        make=_simple(lambda _setting: Conversations()),
    ),
    Entry(
        name="vebus,period",
        arguments="[FILTER]",
        text="Period, smallest and largest interval, and jitter of each kind of message.",
        make=_simple(lambda _setting: Periods()),
    ),
    Entry(
        name="vebus,load",
        arguments="[INTERVAL[,FILTER]]",
        text="Load of the line in intervals of seconds (1), in percent of its rate.",
        make=_load,
    ),
    Entry(
        name="vebus,slots",
        arguments="[FILTER]",
        text="Where in the 20 ms cycle each kind of message stands; overlaps, and cycles that replies take.",
        make=_simple(lambda _setting: Slots()),
    ),
    Entry(
        name="vebus,unknown",
        arguments="[FILTER]",
        text="Bytes that nobody can explain, and the evidence for all others.",
        make=_simple(lambda _setting: Unknown()),
    ),
    Entry(
        name="vebus,quality",
        arguments="[FILTER]",
        text="Bad checksums, number gaps and repeats of each sender, bytes of no frame.",
        make=_simple(lambda setting: Quality(setting.names)),
    ),
    Entry(
        name="vebus,latency",
        arguments="[FILTER]",
        text="How long replies take for each kind of request; requests without one.",
        make=_simple(lambda _setting: ReplyLatency()),
    ),
)
"""All statistics, in the order of ``-z help``."""

DEFAULT = ("vebus,period", "vebus,quality")
"""What `vebus stats` tells when no statistic is named."""


def help_lines() -> Iterator[str]:
    """Lines of ``-z help``."""
    for entry in ENTRIES:
        separator = "[," if entry.arguments.startswith("[") else ","
        yield f"{entry.name}{separator}{entry.arguments.removeprefix('[')}"
        yield f"     {entry.text}"


def make_tap(text: str, setting: Setting) -> Tap:
    """The statistic that the text of a ``-z`` asks for.  Raises StatisticsError with what would be right."""
    words = split_arguments(text)
    for entry in ENTRIES:
        name = entry.name.split(",")
        if [word.strip() for word in words[: len(name)]] == name:
            return entry.make(words[len(name) :], setting)
    raise StatisticsError(_unknown(text, words))


def _unknown(text: str, words: list[str]) -> str:
    names = [entry.name for entry in ENTRIES]
    family = [name for name in names if name.split(",")[0] == words[0].strip()]
    near = get_close_matches(",".join(words[:2]), names, n=1) or get_close_matches(words[0], names, n=1)
    if family and len(words) == 1:
        return f"no statistic {text}, there are {', '.join(family)}"
    if near:
        return f"no statistic {text}, the nearest is {near[0]}; -z help lists them all"
    return f"no statistic {text}; -z help lists them all"


_CLOSING = {"(": ")", "{": "}", "[": "]"}


def split_arguments(text: str) -> list[str]:
    """Split at commas, except inside quotes and brackets: ``in {1, 2}`` is one argument."""
    parts, current, open_brackets, quoted, escaped = [], "", [], False, False
    for char in text:
        if quoted:
            quoted = char != '"' or escaped
            escaped = char == "\\" and not escaped
        elif char == '"':
            quoted, escaped = True, False
        elif char in _CLOSING:
            open_brackets.append(_CLOSING[char])
        elif open_brackets and char == open_brackets[-1]:
            open_brackets.pop()
        elif char == "," and not open_brackets:
            parts.append(current)
            current = ""
            continue
        current += char
    return [*parts, current]
