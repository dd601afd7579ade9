"""Smallest, mean, largest and spread of whole numbers, exact for any count and any order of adding."""

from __future__ import annotations

import math

__all__ = ["Spread"]


class Spread:
    """Takes whole numbers one by one; keeps only sums, which Python holds exactly."""

    __slots__ = ("_squares", "_sum", "count", "largest", "smallest")

    def __init__(self) -> None:
        """Start without a number."""
        self.count = 0
        self.smallest = 0
        self.largest = 0
        self._sum = 0
        self._squares = 0

    def add(self, value: int) -> None:
        """Take the next number."""
        if not self.count:
            self.smallest = self.largest = value
        elif value < self.smallest:
            self.smallest = value
        elif value > self.largest:
            self.largest = value
        self.count += 1
        self._sum += value
        self._squares += value * value

    def mean(self) -> float | None:
        """Mean; None without a number."""
        return self._sum / self.count if self.count else None

    def deviation(self) -> float | None:
        """Standard deviation of the numbers; None below two."""
        if self.count < 2:
            return None
        return math.sqrt(max(0, self.count * self._squares - self._sum * self._sum)) / self.count

    def summary(self, unit: float) -> tuple[float | None, float | None, float | None]:
        """Smallest, mean and largest, divided by ``unit``; all None without a number."""
        mean = self.mean()
        if mean is None:
            return None, None, None
        return self.smallest / unit, mean / unit, self.largest / unit
