"""X-12: battery data and the controlling process have to be alive; nothing is said from old data."""

from __future__ import annotations

__all__ = ["DeadMan"]

GAP_S = 1.0
"""A loop that did not run for so long was suspended, or the machine was: what it knows is old."""


class DeadMan:
    """Ages of data and of the sign of life, in s; ``fresh_since_s`` is since when the data have been fresh."""

    def __init__(self, oldest_s: float) -> None:
        """``oldest_s`` is the age that ends everything."""
        self.oldest_s = oldest_s
        self.fresh_since_s: float | None = None
        self._measured_at: float | None = None
        self._beat_at: float | None = None
        self._ticked_at: float | None = None
        self.suspended_s = 0.0

    def data(self, measured_at: float | None, now: float) -> None:
        """Data came, or their source has nothing to say any more (None)."""
        self._age(now)
        self._measured_at = measured_at
        if self.data_why(now):
            self.fresh_since_s = None
        elif self.fresh_since_s is None:
            self.fresh_since_s = now

    def heartbeat(self, now: float) -> None:
        """The controlling process lives."""
        self._beat_at = now

    def tick(self, now: float) -> None:
        """The loop runs."""
        if self._ticked_at is not None and not 0 <= now - self._ticked_at <= GAP_S:
            self.suspended_s = now - self._ticked_at
        self._ticked_at = now
        self._age(now)

    def _age(self, now: float) -> None:
        if self.data_why(now):
            self.fresh_since_s = None

    def data_why(self, now: float) -> str:
        """What is wrong with the data; empty for nothing."""
        if self._measured_at is None:
            return "no battery data"
        age = now - self._measured_at
        if age < 0:
            return "battery data from the future"
        return f"battery data are {age:.1f} s old, at most {self.oldest_s:g} s" if age > self.oldest_s else ""

    def heartbeat_why(self, now: float) -> str:
        """What is wrong with the controlling process; empty for nothing."""
        if self._beat_at is None:
            return "no sign of life of the controlling process yet"
        age = now - self._beat_at
        return f"no sign of life of the controlling process for {age:.1f} s" if age > self.oldest_s else ""

    @property
    def began(self) -> bool:
        """Whether data and a sign of life came at all."""
        return self._beat_at is not None and self._measured_at is not None
