"""The panel in the place of printed lines: faces go to the process that shows, commands come back."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

from vebus_tools.cli.failures import UsageError
from vebus_tools.view.window import Window

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from vebus_tools.panel.model import Face

__all__ = ["PanelWindow", "panel_wanted"]

UPDATE_S = 0.1
"""Time between two faces."""


def panel_wanted(chosen: bool | None, *, usual: bool) -> bool:
    """Whether the panel takes the place of lines.  Raises UsageError where it was asked for and cannot be."""
    able = sys.stdout.isatty() and sys.stdin.isatty() and os.environ.get("TERM", "") not in {"", "dumb"}
    if chosen and not able:
        raise UsageError("--panel needs a terminal for input and output")
    return able and (usual if chosen is None else chosen)


class PanelWindow:
    """The process that shows, for as long as it is entered; `ended` when it is gone."""

    def __init__(self, *, color: bool | None) -> None:
        """``color`` None is as the environment says."""
        self._colour = not os.environ.get("NO_COLOR") if color is None else color
        self._window: Window | None = None
        self._offered = 0.0
        self.fate = ""
        """How the process that shows ended by itself; empty while it runs, and when it was asked to end."""

    def __enter__(self) -> Self:
        """Open it.  Raises CaptureError without a terminal."""
        self._window = Window(colour=self._colour, module="vebus_tools.panel", option="--panel")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the terminal back."""
        window, self._window = self._window, None
        if window is not None:
            asked = window.alive  # then it is we who end it, however long it takes
            how = window.close()
            self.fate = "" if asked else how or "ended"

    @property
    def ended(self) -> bool:
        """Whether nobody shows any more."""
        return self._window is None or not self._window.alive

    @property
    def due(self) -> bool:
        """Whether it is time for another face, and the last one was taken."""
        return self._window is not None and time.monotonic() - self._offered >= UPDATE_S and self._window.ready

    def offer(self, face: Face) -> None:
        """Show this."""
        if self._window is not None:
            self._offered = time.monotonic()
            self._window.offer(face)

    def take(self) -> list[str]:
        """Commands that were typed."""
        found = self._window.received() if self._window is not None else []
        return [one for one in found if isinstance(one, str)]

    def wait(self, timeout_s: float) -> None:
        """Wait; commands are looked for ten times a second anyway."""
        time.sleep(timeout_s)
