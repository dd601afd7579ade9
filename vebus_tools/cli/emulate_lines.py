"""The line mode of `vebus emulate-bms`: a head, one line for each thing that happened, how it stands in the end."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

from vebus_tools.panel.model import Face, status_lines
from vebus_tools.rehearsal import News, Sort
from vebus_tools.sinks.colours import painter

if TYPE_CHECKING:
    from typing import TextIO

__all__ = ["Lines"]

_STYLES = {
    Sort.FRAME: "dim",
    Sort.BATTERY: "cyan",
    Sort.BMS: "bold",
    Sort.MULTI: "green",
    Sort.SCENARIO: "magenta",
    Sort.YOU: "magenta",
    Sort.FAULT: "yellow",
    Sort.INTERLOCK: "red",
    Sort.STOP: "bold red",
}


class Lines:
    """Writes lines; ``json`` for objects, one a line."""

    def __init__(self, out: TextIO, *, as_json: bool, every: bool, quiet: bool, color: bool | None = None) -> None:
        """``every`` prints frames that say the same again, too; ``quiet`` leaves only the end."""
        self._out = out
        self._json = as_json
        self._every = every
        self._quiet = quiet
        terminal = out.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        self._paint = painter(on=terminal if color is None else color)
        self._skipped = 0

    def head(self, rows: Iterable[tuple[str, str]]) -> None:
        """What runs, and how to read the lines."""
        if self._quiet:
            return
        if self._json:
            self._write([json.dumps({"about": "head", **{name.lower(): text for name, text in rows}})])
            return
        self._write(_wrapped(rows))

    def news(self, news: Iterable[News]) -> None:
        """What happened."""
        if not self._quiet:
            self._write(line for one in news for line in self._of(one))

    def _of(self, news: News) -> Iterator[str]:
        if news.again and not self._every:
            self._skipped += 1
            return
        if self._json:
            yield json.dumps(_plain(news), ensure_ascii=False)
            return
        if self._skipped and news.sort is Sort.FRAME:
            yield self._paint(f"{'':>9}  {'':<9} ({self._skipped} frames more that say the same)", "dim")
            self._skipped = 0
        asked = f"  [{news.requirements}]" if news.requirements else ""
        data = f"{news.data.hex(' ')}  " if news.data else ""
        line = f"{news.at_s:9.3f}  {news.sort.value:<9} {data}{news.text}"
        yield self._paint(line, _STYLES.get(news.sort, "")) + self._paint(asked, "dim")

    def answer(self, lines: Iterable[str]) -> None:
        """What a command such as status or help says."""
        if self._json:
            self._write([json.dumps({"about": "answer", "lines": list(lines)}, ensure_ascii=False)])
        else:
            self._write(f"{'':>9}  {line}" for line in lines)

    def complaint(self, text: str) -> None:
        """A command that was wrong."""
        self._out.flush()
        sys.stderr.write(f"vebus: {text}\n")
        sys.stderr.flush()

    def end(self, face: Face, report: Iterable[str]) -> None:
        """How it stands, and how it ended."""
        if self._json:
            folded = face.folded
            shown = {"about": "end", "time": face.at_s, "frames": folded.frames, "report": list(report)}
            self._write([json.dumps(shown, ensure_ascii=False)])
            return
        more = [f"{'':>9}  {'':<9} ({self._skipped} frames more that say the same)"] if self._skipped else []
        self._skipped = 0
        state = [] if self._quiet else ["", *status_lines(face)]
        self._write([*more, *state, *report])

    def _write(self, lines: Iterable[str]) -> None:
        self._out.writelines(f"{line}\n" for line in lines)
        self._out.flush()


def _plain(news: News) -> dict[str, object]:
    found = asdict(news)
    return {
        "time": news.at_s,
        "about": news.sort.value,
        "text": news.text,
        "requirements": news.requirements,
        **({"bytes": news.data.hex(" ")} if news.data else {}),
        **({"values": found["values"]} if news.values else {}),
    }


def _wrapped(rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    from textwrap import wrap

    for name, text in rows:
        if not name:
            yield text
            continue
        first, *rest = wrap(text, 105) or [""]
        yield f"{name:<10} {first}"
        yield from (f"{'':<10} {line}" for line in rest)
