"""Statistics for the command line: from the texts of ``-z`` to printed tables."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TextIO

from vebus_protocol.scaling import ScaleBook
from vebus_tools.cli.engines import Engine, engine
from vebus_tools.cli.failures import UsageError
from vebus_tools.cli.printing import display_filter
from vebus_tools.dissection import dissect
from vebus_tools.filters import Filter, compile_filter
from vebus_tools.generated import quick_dissect
from vebus_tools.names import NameTable
from vebus_tools.sinks.statistics_json import capture_object
from vebus_tools.sinks.statistics_text import table_lines
from vebus_tools.sinks.text import arrow_for
from vebus_tools.statistics import Gathering, Setting, StatisticsError, Tap, help_lines, make_tap

__all__ = ["HELP", "Counting", "counting", "print_help", "print_json"]

HELP = "help"
"""The ``-z`` that lists all others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counting:
    """Statistics that were asked for, and what gathers them."""

    texts: tuple[str, ...]
    gathering: Gathering

    def print(self, out: TextIO, name: str = "", *, as_json: bool = False) -> None:
        """Print all tables as text, or as JSON with the name of the capture."""
        if as_json:
            print_json([self.object(name)], out)
            return
        utf8 = arrow_for(out.encoding) != "->"
        out.writelines(
            f"{line}\n"
            for tables in self.gathering.tables()
            for table in tables
            for line in table_lines(table, utf8=utf8)
        )
        out.flush()

    def object(self, name: str) -> dict[str, Any]:
        """All tables of a capture of this name, for JSON."""
        return capture_object(name, zip(self.texts, self.gathering.tables(), strict=True))


def counting(
    texts: Iterable[str], names: NameTable, *, book: ScaleBook | None = None, passes: Filter | None = None
) -> Counting:
    """What counts for these ``-z``.  ``passes`` says which records count.  Raises UsageError."""
    asked = tuple(texts)
    setting = Setting(compile=lambda text: _compiled(text, names), names=names)
    taps = [_tap(text, setting) for text in asked]
    quick = quick_dissect if engine() is not Engine.REFERENCE else dissect
    return Counting(texts=asked, gathering=Gathering(taps, names=names, book=book, passes=passes, dissect=quick))


def _compiled(text: str, names: NameTable) -> Filter:
    return display_filter(text, names, option="-z") or compile_filter("", ())


def _tap(text: str, setting: Setting) -> Tap:
    try:
        return make_tap(text, setting)
    except StatisticsError as problem:
        raise UsageError(f"-z {problem}") from problem


def print_help() -> None:
    """Print what ``-z`` can name."""
    sys.stdout.writelines(f"{line}\n" for line in help_lines())


def print_json(objects: Iterable[dict[str, Any]], out: TextIO) -> None:
    """Print captures as one JSON array."""
    json.dump(list(objects), out, indent=2, ensure_ascii=False)
    out.write("\n")
