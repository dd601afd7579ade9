"""What the keys of the live table do: keys in, changed settings and commands out; knows no terminal."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass

from vebus_tools.view.update import Command, Update, Verb

__all__ = ["KEYS", "Controls", "Sort"]

SIDE_STEP = 8
"""Characters that the values move with an arrow to the side."""

KEYS = (
    ("q, Esc, Ctrl-C", "quit"),
    ("Space, p", "pause and go on; counting and recording never stop"),
    ("c, r", "clear the table; the counters of the head go on"),
    ("s", "sort by sender and message, count, rate, age"),
    ("/, f", "filter rows by their last frame, as -Y does; empty shows all"),
    ("#", "notch: hide what changed so far, new changes stand out"),
    ("*", "un-notch: show all changes again"),
    ("h", "highlight changes on and off"),
    ("b", "bytes in binary or hex"),
    ("m", "marker: a numbered comment in the recording"),
    ("Up, Down, j, k", "scroll by a row"),
    ("PgUp, PgDn", "scroll by a page"),
    ("Home, gg", "go to the first row"),
    ("End, G", "go to the last row"),
    ("Left, Right", "move along values that are cut off"),
    ("Ctrl-L", "paint all again"),
    ("?", "this help"),
)
"""All keys and what they do, as the help shows them."""


class Sort(enum.Enum):
    """Order of the rows; the values are what the screen calls it."""

    MESSAGE = "message"
    COUNT = "count"
    RATE = "rate"
    AGE = "age"


@dataclass(slots=True, kw_only=True)
class Controls:
    """The settings that keys change, and the update that is on the screen.

    ``draft`` is the filter being typed, None while none is; ``limit`` (how far one can scroll) and ``page`` (rows that
    fit) come from the painter.
    """

    update: Update | None = None
    paused: bool = False
    sort: Sort = Sort.MESSAGE
    highlight: bool = True
    binary: bool = False
    help: bool = False
    quitting: bool = False
    draft: str | None = None
    top: int = 0
    aside: int = 0
    limit: int = 0
    page: int = 1
    _sent: int = 0
    _seen: int = 0
    _last: str = ""

    def receive(self, update: Update) -> None:
        """Take what there is to show; a pause lets only the answers to its own commands pass."""
        if not self.paused or update.done > self._seen or self.update is None:
            self.update = update
            self._seen = update.done

    def press(self, key: str) -> Command | None:
        """Do what a key says; returns what the listening side has to do."""
        if self.draft is not None:
            return self._type(key)
        if self.help:
            self.help = False
            if key != "q":
                return None
        if key == "g" and self._last == "g":
            key = "home"
        self._last = "" if key == "home" else key
        if key == "esc" and self.update is not None and self.update.problem:
            return Command(Verb.FILTER, self.update.filter)  # the one in force again, without the complaint
        if key in _COMMANDS:
            verb = _COMMANDS[key]
            self.quitting = self.quitting or verb is Verb.QUIT
            return Command(verb)
        if key in _ACTIONS:
            _ACTIONS[key](self)
        return None

    def _type(self, key: str) -> Command | None:
        draft = self.draft or ""
        if key == "enter":
            self.draft = None
            return Command(Verb.FILTER, draft.strip())
        if key == "esc":
            self.draft = None
        elif key == "backspace":
            self.draft = draft[:-1]
        elif key == "erase":
            self.draft = ""
        elif len(key) == 1:
            self.draft = draft + key
        return None

    def scroll(self, rows: int) -> None:
        """Move the table by rows; the counts do not change."""
        self.top = max(0, min(self.top + rows, self.limit))

    def edit_filter(self) -> None:
        """Begin to type a filter, from the one in force."""
        self.draft = self.update.filter if self.update is not None else ""

    def next_sort(self) -> None:
        """Sort by the next thing."""
        orders = list(Sort)
        self.sort = orders[(orders.index(self.sort) + 1) % len(orders)]

    def toggle(self, name: str) -> None:
        """Turn a setting to the other side."""
        setattr(self, name, not getattr(self, name))

    def move_aside(self, characters: int) -> None:
        """Move along the values."""
        self.aside = max(0, self.aside + characters)


_COMMANDS = {
    "q": Verb.QUIT,
    "esc": Verb.QUIT,
    "c": Verb.CLEAR,
    "r": Verb.CLEAR,
    "#": Verb.NOTCH,
    "*": Verb.UNNOTCH,
    "m": Verb.MARK,
}
_ACTIONS: dict[str, Callable[[Controls], None]] = {
    " ": lambda self: self.toggle("paused"),
    "p": lambda self: self.toggle("paused"),
    "s": Controls.next_sort,
    "/": Controls.edit_filter,
    "f": Controls.edit_filter,
    "h": lambda self: self.toggle("highlight"),
    "b": lambda self: self.toggle("binary"),
    "?": lambda self: self.toggle("help"),
    "left": lambda self: self.move_aside(-SIDE_STEP),
    "right": lambda self: self.move_aside(SIDE_STEP),
    "up": lambda self: self.scroll(-1),
    "k": lambda self: self.scroll(-1),
    "down": lambda self: self.scroll(1),
    "j": lambda self: self.scroll(1),
    "pgup": lambda self: self.scroll(-self.page),
    "pgdn": lambda self: self.scroll(self.page),
    "home": lambda self: self.scroll(-self.top),
    "end": lambda self: self.scroll(self.limit),
    "G": lambda self: self.scroll(self.limit),
}
