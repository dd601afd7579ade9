"""X-13 and X-14: what one frame may say after the last one, judged by its bytes."""

from __future__ import annotations

from collections.abc import Mapping

from vebus_protocol.bms import NOTHING_ALLOWED, Permissions

__all__ = ["OneSided"]

PRE_ALARM_S = 30.0
"""Shortest time from the pre-alarm to the load disconnect in a BMS V2 (B-22)."""


class OneSided:
    """Stricter at once; more permissive only after the hold time with fresh data and nothing stricter said."""

    def __init__(self, hold_s: float) -> None:
        """Nothing is allowed at the start."""
        self.hold_s = hold_s
        self.said = NOTHING_ALLOWED
        self.low_cell_after_s: float | None = None
        """Time from the pre-alarm to a low cell that was sent earlier than B-22 has it."""
        self._stricter_at: float | None = None
        self._pre_alarm_at: float | None = None
        self._low = False

    def why_not(self, wanted: Permissions, now: float, fresh_since: float | None) -> str:
        """Why these permissions may not be said now; empty when they may."""
        more = (wanted.discharge and not self.said.discharge) or (wanted.charge and not self.said.charge)
        if not more:
            return ""
        if fresh_since is None:
            return "more permissive without fresh data"
        since = fresh_since if self._stricter_at is None else max(fresh_since, self._stricter_at)
        left = self.hold_s - (now - since)
        return f"more permissive {left:.1f} s before the hold time is over" if left > 0 else ""

    def took(self, said: Permissions, values: Mapping[str, float], now: float) -> None:
        """This was said."""
        if (self.said.discharge and not said.discharge) or (self.said.charge and not said.charge):
            self._stricter_at = now
        self.said = said
        self._watch(bool(values.get("pre_alarm")), bool(values.get("low_cell")), now)

    def _watch(self, pre_alarm: bool, low: bool, now: float) -> None:  # noqa: FBT001  (two bits of a frame)
        if pre_alarm or low:
            self._pre_alarm_at = now if self._pre_alarm_at is None else self._pre_alarm_at
        else:
            self._pre_alarm_at = None
        if low and not self._low and self._pre_alarm_at is not None and now - self._pre_alarm_at < PRE_ALARM_S:
            self.low_cell_after_s = now - self._pre_alarm_at
        self._low = low
