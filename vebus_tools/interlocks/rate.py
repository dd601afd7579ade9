"""X-10: how often a frame may be sent.  No profile can raise what stands here."""

from __future__ import annotations

__all__ = ["CEILING_PER_S", "RateLimit"]

CEILING_PER_S = 10
"""Frames in any second, whatever a profile says (bms-wire.md 8.5)."""
_BURST = 2.0  # an information frame, and a version reply behind it
_REFILL_PER_S = CEILING_PER_S - _BURST  # burst and refill together are the ceiling
_SLOT_S = 0.001  # an interval is counted from slot to slot, and a slot is so wide


class RateLimit:
    """Token bucket, the normal interval of the profile, and one frame a sync cycle."""

    def __init__(self, interval_s: float) -> None:
        """``interval_s`` is the normal interval of the profile; 0 where it has none."""
        self._interval = interval_s
        self._tokens = _BURST
        self._at: float | None = None
        self._information_at: float | None = None
        self._sync: float | None = None

    def why_not(self, now: float, *, information: bool, sync_at: float | None) -> str:
        """Why nothing may be sent now; empty when it may.  ``sync_at`` is the last sync frame, None without any."""
        if self._available(now) < 1.0:
            return f"more than {CEILING_PER_S} frames in a second"
        if sync_at is not None and sync_at == self._sync:
            return "a frame was sent in this sync cycle"
        if information and self._information_at is not None:
            left = self._interval - _SLOT_S - (now - self._information_at)
            if left > 0:
                return f"{1000 * left:.0f} ms too early for the interval of {1000 * self._interval:.0f} ms"
        return ""

    def took(self, now: float, *, information: bool, sync_at: float | None) -> None:
        """A frame was sent."""
        self._tokens = self._available(now) - 1.0
        self._at = now
        self._sync = sync_at
        if information:
            self._information_at = now

    def _available(self, now: float) -> float:
        passed = 0.0 if self._at is None else max(0.0, now - self._at)
        return min(_BURST, self._tokens + passed * _REFILL_PER_S)
