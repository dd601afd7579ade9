"""Bytes from a terminal to names of keys; knows no terminal and no clock."""

from __future__ import annotations

import codecs
from collections.abc import Iterator

__all__ = ["Keys"]

_ESC = "\x1b"
_SEQUENCES = {
    "A": "up",
    "B": "down",
    "C": "right",
    "D": "left",
    "H": "home",
    "F": "end",
    "1~": "home",
    "7~": "home",
    "4~": "end",
    "8~": "end",
    "5~": "pgup",
    "6~": "pgdn",
    "3~": "delete",
}
_PLAIN = {"\r": "enter", "\n": "enter", "\x7f": "backspace", "\x08": "backspace", "\x0c": "repaint", "\x15": "erase"}
_LONGEST = 16  # characters of a sequence; what is longer is none


class Keys:
    """Cuts what a terminal sends into keys: "up", "pgdn", "enter", "esc" ..., and the character for all others.

    An escape character may be the key or the beginning of another one; `waiting` says that only time can tell, and
    `timeout` that it has passed.
    """

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._pending = ""

    @property
    def waiting(self) -> bool:
        """Whether there is half a key."""
        return bool(self._pending)

    def feed(self, data: bytes) -> list[str]:
        """Keys that are complete with these bytes."""
        self._pending += self._decoder.decode(data)
        return list(self._complete())

    def timeout(self) -> list[str]:
        """Keys that are meant when nothing follows."""
        pending, self._pending = self._pending, ""
        return ["esc", *(char for char in pending[1:] if char.isprintable())] if pending else []

    def _complete(self) -> Iterator[str]:
        while self._pending:
            char = self._pending[0]
            if char == _ESC:
                size, key = _sequence(self._pending)
                if not size:
                    return
                self._pending = self._pending[size:]
                if key:
                    yield key
            else:
                self._pending = self._pending[1:]
                key = _PLAIN.get(char, char)
                if len(key) > 1 or key.isprintable():
                    yield key


def _sequence(text: str) -> tuple[int, str]:
    """Length and key of the escape sequence that a text begins with; 0 where it is not complete, no key if unknown."""
    if len(text) == 1:
        return 0, ""
    if text[1] == _ESC:
        return 1, "esc"
    if text[1] not in "[O":
        return 2, ""
    for at in range(2, min(len(text), _LONGEST)):
        if "@" <= text[at] <= "~":
            body = text[2 : at + 1]
            return at + 1, _SEQUENCES.get(body, "")
    return (0, "") if len(text) < _LONGEST else (len(text), "")
