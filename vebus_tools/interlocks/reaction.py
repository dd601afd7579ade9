"""X-18: what the Multi does when the emulated BMS has fallen silent (B-119 to B-122)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vebus_protocol.enums import DeviceState
from vebus_tools.interlocks.stops import Reaction

if TYPE_CHECKING:
    from vebus_tools.interlocks.line import Line

__all__ = ["ReactionWatch"]

SILENT_S = 1.0
"""A line without a sync frame for so long: the Multi is off."""
_OFF = frozenset({DeviceState.DOWN.value, DeviceState.OFF.value})


class ReactionWatch:
    """Watches from a stop on; ``until_s`` is twice the loss time-out later."""

    def __init__(self, stopped_s: float, loss_timeout_s: float, line: Line) -> None:
        """Only what is heard after the stop counts."""
        self.found = Reaction.WATCHING
        self.after_s: float | None = None
        self.until_s = stopped_s + 2 * loss_timeout_s
        self._stopped = stopped_s
        self._line = line
        self._lived = line.syncs > 0

    def look(self, now: float) -> Reaction:
        """What it is by now; the first reaction stays."""
        if self.found is Reaction.WATCHING:
            self.found = self._seen(now)
            self.after_s = now - self._stopped if self.found.known else None
        return self.found

    def _seen(self, now: float) -> Reaction:
        leds, line = self._line.leds, self._line
        if leds is not None and leds.at_s > self._stopped:
            if leds.mains_alone:
                return Reaction.EMERGENCY
            if leds.dark:
                return Reaction.OFF
        if line.state_at_s is not None and line.state_at_s > self._stopped and line.state in _OFF:
            return Reaction.OFF
        quiet_since = max(self._stopped, line.sync_at_s or 0.0)
        if self._lived and now - quiet_since > SILENT_S:
            return Reaction.OFF
        return Reaction.NONE if now >= self.until_s else Reaction.WATCHING
