"""Rows of a table of ratios: both sides measured by turns, in shuffled rounds, and their medians."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from tests.damaged_streams import seeded

__all__ = ["Row", "measured", "printed"]


@dataclass(slots=True, kw_only=True)
class Row:
    """One comparison; ``own`` and ``other`` measure seconds per unit of work.

    The ratio says how many times faster ours is, or with ``as_time`` which part of the other's time ours takes.
    ``missed`` is told where the goal is not reached.
    """

    work: str
    against: str
    least: float
    aim: float
    own: Callable[[], float]
    other: Callable[[], float]
    as_time: bool = False
    missed: str = "the reason is not known"
    own_s: list[float] = field(default_factory=list)
    other_s: list[float] = field(default_factory=list)

    @property
    def ratios(self) -> list[float]:
        """The ratio of each round."""
        pairs = zip(self.own_s, self.other_s, strict=True)
        return sorted(own / other if self.as_time else other / own for own, other in pairs)

    @property
    def is_met(self) -> bool:
        """Whether the median reaches what is asked for."""
        middle = statistics.median(self.ratios)
        return middle <= self.least if self.as_time else middle >= self.least


def measured(rows: Iterable[Row], rounds: int) -> list[Row]:
    """Run all rounds; both sides of a row follow each other, in either order."""
    rows, random = list(rows), seeded(0)
    for _ in range(rounds):
        for row in random.sample(rows, len(rows)):
            sides = [(row.own, row.own_s), (row.other, row.other_s)]
            for measure, found in random.sample(sides, 2):
                found.append(measure())
    return rows


def printed(rows: Iterable[Row]) -> str:
    """The table: medians, the spread of the ratios, what was asked for, and why it is not reached."""
    rows = list(rows)
    lines = [
        "| work | against | at least | aim | measured (lowest..highest) | ours | theirs | reached |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        ratios = row.ratios
        middle = statistics.median(ratios)
        cells = (
            row.work,
            row.against,
            f"{row.least:g}",
            f"{row.aim:g}",
            f"{middle:.3g} ({ratios[0]:.3g}..{ratios[-1]:.3g})",
            _time(statistics.median(row.own_s)),
            _time(statistics.median(row.other_s)),
            _reached(row, middle),
        )
        lines.append(f"| {' | '.join(cells)} |")
    reasons = [f"{row.work}: not reached, {row.missed}" for row in rows if not row.is_met]
    return "\n".join((*lines, *reasons))


def _reached(row: Row, middle: float) -> str:
    if not row.is_met:
        return "no"
    return "aim" if (middle <= row.aim if row.as_time else middle >= row.aim) else "goal"


def _time(seconds: float) -> str:
    for unit, factor in (("s", 1), ("ms", 1e3), ("us", 1e6)):
        if seconds * factor >= 1:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"
