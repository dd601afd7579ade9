"""Whether the captures that a profile names are at hand and say what the profile says (X-2).

A file cannot promote itself: class ``captured`` counts only after hashes and fields were checked here.  Pure: the bytes
and the frames of each capture come in.  Source: bms-wire.md 8.1.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Evidence"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What the captures of a profile came to; ``problems`` is empty when every one agrees with it."""

    profile: str
    captures: int = 0
    frames: int = 0
    problems: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether the profile is what its captures say."""
        return self.captures > 0 and self.frames > 0 and not self.problems
