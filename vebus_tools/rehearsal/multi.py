"""What the simulated Multi does, as news and as a report after the stop (X-18)."""

from __future__ import annotations

from collections.abc import Iterator

from vebus_tools.rehearsal.news import News, Sort
from vebus_tools.simulator import Reaction, State, VirtualBus

__all__ = ["MultiWatch", "state_and_deed", "state_text"]

_SAFE = (State.EMERGENCY, State.OFF)
"""Where a Multi that misses its BMS ends (B-119 to B-122)."""


def state_text(reaction: Reaction) -> str:
    """What a unit does and shows, in one line."""
    lit = ", ".join(reaction.lit) or "none"
    blinking = f"; blinking: {', '.join(reaction.blinking)}" if reaction.blinking else ""
    return f"{state_and_deed(reaction.state.value, reaction.does)}; LEDs: {lit}{blinking}"


def state_and_deed(state: str, does: str) -> str:
    """Both, unless one says the other."""
    return does if does.startswith(state) else f"{state}: {does}"


class MultiWatch:
    """Looks at all units of a bus."""

    def __init__(self, bus: VirtualBus) -> None:
        """Nothing was told yet."""
        self._bus = bus

    @property
    def on(self) -> bool:
        """Whether any unit runs: how a real BMS finds out is not known (U-3)."""
        return any(one.on for one in self._bus.reactions())

    @property
    def reactions(self) -> tuple[Reaction, ...]:
        """How every unit reacts at the moment."""
        return self._bus.reactions()

    def news(self) -> Iterator[News]:
        """What changed since the last call; edges at one time are told as one."""
        several = len(self.reactions) > 1
        edges = self._bus.transitions()
        for place, edge in enumerate(edges):
            following = edges[place + 1] if place + 1 < len(edges) else None
            if following is not None and (following.at_s, following.unit) == (edge.at_s, edge.unit):
                continue
            unit = f"unit {edge.unit}: " if several else ""
            text = f"{unit}{state_and_deed(edge.target.value, edge.does)}"
            yield News(at_s=edge.at_s, sort=Sort.MULTI, text=text, requirements=edge.requirements)

    @property
    def safe(self) -> bool:
        """Whether every unit is where a missing BMS leads, or refuses to work anyway."""
        return all(one.state in _SAFE or one.error for one in self.reactions)

    def report(self, last_frame_s: float, now: float) -> str:
        """How all units reacted to the silence since the last frame of the BMS (X-18)."""
        return "; ".join(_reacted(one, last_frame_s, now) for one in self.reactions)


def _reacted(one: Reaction, last_frame_s: float, now: float) -> str:
    if one.state in _SAFE and one.since_s >= last_frame_s:
        return f"{one.since_s - last_frame_s:.1f} s after the last frame the Multi is in {state_text(one)}"
    if one.state in _SAFE or one.error:
        return f"the Multi was there before: {state_text(one)}"
    after = now - last_frame_s
    return f"none within {after:.1f} s, the Multi is {state_text(one)}: on a real bus switch the system off by hand"
