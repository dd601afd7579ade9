"""The line at the foot of the panel where commands are typed: keys in, whole commands out; knows no terminal."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["KEYS", "Entry"]

_LONGEST = 200
_KEPT = 50

KEYS = "Up, Down: earlier commands  Esc: empty the line  Ctrl-L: paint  Ctrl-C: quit"
"""Keys and what they do, as the help shows them."""


@dataclass(slots=True)
class Entry:
    """The line that is being typed; ``help`` is whether the list of commands covers the screen."""

    text: str = ""
    help: bool = False
    _before: list[str] = field(default_factory=list)
    _at: int = 0

    def press(self, key: str) -> str | None:
        """Take a key; returns a command that is complete."""
        if self.help:
            self.help = False
            if key in ("enter", "esc", " "):
                return None
        if key == "enter":
            return self._entered()
        if key in ("up", "down"):
            self._look_back(-1 if key == "up" else 1)
        elif key == "backspace":
            self.text = self.text[:-1]
        elif key in ("esc", "erase"):
            self.text = ""
        elif len(key) == 1 and len(self.text) < _LONGEST:
            self.text += key
        return None

    def _entered(self) -> str | None:
        text, self.text = self.text.strip(), ""
        if not text:
            return None
        self._before = [*[one for one in self._before if one != text], text][-_KEPT:]
        self._at = len(self._before)
        if text.lower() in ("help", "?"):
            self.help = True
            return None
        return text

    def _look_back(self, steps: int) -> None:
        self._at = min(max(self._at + steps, 0), len(self._before))
        self.text = self._before[self._at] if self._at < len(self._before) else ""
