"""X-9: every byte that was sent has to come back, in order and unchanged."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random

__all__ = ["ReadBack"]

OVERDUE_S = 0.1
"""After this time a byte that has not come back will not come: five times what a USB adapter may hold it back."""
LATCH_COUNT, LATCH_WINDOW_S = 3, 60.0
_SHORTEST_PAUSE_S, _LONGEST_PAUSE_S = 0.05, 1.0


class ReadBack:
    """Compares what comes back with what was sent; ``chance`` makes the pause after a collision."""

    def __init__(self, chance: random.Random) -> None:
        """Start with nothing sent."""
        self.difference = ""
        self.collisions = 0
        self._chance = chance
        self._waiting = bytearray()
        self._sent_at = 0.0
        self._again_at: float | None = None
        self._when: deque[float] = deque()

    @property
    def waiting(self) -> int:
        """Bytes that have not come back yet."""
        return len(self._waiting)

    @property
    def latched(self) -> bool:
        """Whether there were too many collisions."""
        return len(self._when) >= LATCH_COUNT

    def sent(self, wire: bytes, now: float) -> None:
        """These bytes were handed to the line."""
        self._waiting += wire
        self._sent_at = now

    def heard(self, data: bytes, now: float) -> None:
        """These bytes came from the line."""
        for byte in data:
            if not self._waiting:
                return
            if byte != self._waiting[0]:
                self._collided(f"sent {self._waiting[0]:02x}, read back {byte:02x}", now)
                return
            del self._waiting[0]

    def tick(self, now: float) -> None:
        """Time goes on."""
        if self._waiting and now - self._sent_at > OVERDUE_S:
            self._collided(f"{len(self._waiting)} bytes did not come back in {1000 * OVERDUE_S:.0f} ms", now)
        if not self.latched:
            while self._when and now - self._when[0] > LATCH_WINDOW_S:
                self._when.popleft()
        if self._again_at is not None and now >= self._again_at:
            self._again_at, self.difference = None, ""

    def _collided(self, text: str, now: float) -> None:
        self.difference = text
        self.collisions += 1
        self._waiting.clear()
        self._when.append(now)
        while now - self._when[0] > LATCH_WINDOW_S:
            self._when.popleft()
        self._again_at = now + self._chance.uniform(_SHORTEST_PAUSE_S, _LONGEST_PAUSE_S)
