"""The line of a dry run: nobody is there but the emulated BMS, and nothing leaves."""

from __future__ import annotations

from collections.abc import Iterator

from vebus_tools.rehearsal.participant import Participant
from vebus_tools.simulator import TimedBytes

__all__ = ["EmptyLine"]


class EmptyLine:
    """A line with one participant, in the shape of `VirtualBus`."""

    def __init__(self) -> None:
        """Time starts at 0 s."""
        self.now_s = 0.0
        self._speaker: Participant | None = None

    @property
    def next_at(self) -> float:
        """Time in s of what comes next."""
        return self._speaker.next_at if self._speaker else float("inf")

    def attach(self, speaker: Participant) -> None:
        """Put the only participant on the line."""
        self._speaker = speaker

    def run(self, until_s: float) -> Iterator[TimedBytes]:
        """All bytes whose first one falls before a time in s."""
        speaker = self._speaker
        while speaker is not None and speaker.next_at < until_s:
            self.now_s = speaker.next_at
            for sent in sorted(speaker.poll(self.now_s), key=lambda one: one.earliest):
                yield TimedBytes(max(sent.earliest, self.now_s), sent.data, speaker.name)
        self.now_s = max(self.now_s, until_s)
