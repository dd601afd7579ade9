"""Colours of lines on a terminal: which style a line gets, and the escape codes around it.

Styles are rich's words ("bold red"), an empty style leaves a text as it is.  Only the sixteen colours of the terminal's
own theme are used.  The codes of a style are made once, because rich's own printing is slow for many short lines.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from vebus_protocol.schema import Space
from vebus_tools.nodes import Dissection
from vebus_tools.records import Severity

__all__ = ["Painter", "ansi", "painter", "plain", "summary_style", "tree_style"]

Painter = Callable[[str, str], str]
"""Takes a text and a style, returns what is to be written."""

_BAD = "red"
_WARNING = "yellow"
_TITLE = "bold"
_SPACES = {Space.SYNC: "dim", Space.ADAPTER: "magenta", Space.WINMON: "cyan"}
_MEASURED = dict.fromkeys(("vebus.dc", "vebus.ac", "vebus.acphase"), "green")
_STATES = dict.fromkeys(("vebus.led", "vebus.config", "vebus.charger", "vebus.condition", "vebus.switch"), "blue")
_FAMILIES = {**_MEASURED, **_STATES, "vebus.bms": "magenta"}
_TREE_MARKS = {"[Expert Info (Error/": _BAD, "[Expert Info (Warning/": _WARNING}


def summary_style(dissection: Dissection) -> str:
    """Style of a line of the summary list: red for a bad checksum and other errors, yellow for warnings.

    All others have the colour of their message family, and none where nobody knows the family.
    """
    worst = max((finding.severity for finding in dissection.findings), default=Severity.CHAT)
    if worst is Severity.ERROR:
        return _BAD
    if worst is Severity.WARN:
        return _WARNING
    if not dissection.record.chain:
        return ""
    info = dissection.record.chain[-1].message.INFO
    return _FAMILIES.get(info.abbrev, _SPACES.get(info.space, ""))


def tree_style(line: str) -> str:
    """Style of a line of the detail tree: titles bold, expert lines by severity."""
    if line and not line.startswith(" "):
        return _TITLE
    text = line.lstrip(" ")
    return next((style for mark, style in _TREE_MARKS.items() if text.startswith(mark)), "")


def painter(*, on: bool) -> Painter:
    """How to write styled text: with escape codes on a terminal, otherwise the bare text."""
    return ansi if on else plain


def plain(text: str, style: str) -> str:  # noqa: ARG001  (a Painter)
    """The text itself."""
    return text


def ansi(text: str, style: str) -> str:
    """The text between the escape codes of a style; rich raises StyleSyntaxError for words it does not know."""
    if not style or not text:
        return text
    before, after = _codes(style)
    return f"{before}{text}{after}"


@lru_cache(maxsize=32)
def _codes(style: str) -> tuple[str, str]:
    from rich.color import ColorSystem
    from rich.style import Style

    place = "\0"
    before, _, after = Style.parse(style).render(place, color_system=ColorSystem.STANDARD).partition(place)
    return before, after
