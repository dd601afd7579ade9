"""Others on the virtual bus: whoever listens, wants to send at certain times, and can be pulled out again.

bus.attach(speaker)         # an emulated BMS, say: the bus knows nothing of it but this protocol
for sent in bus.run(10.0): ...
bus.detach(speaker)         # the cable is pulled out
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from heapq import heapify, heappop, heappush
from typing import Protocol

from vebus_protocol.frame import ReceivedFrame, looks_like_frame
from vebus_tools.framing import Rs485Splitter
from vebus_tools.records import Transmission

__all__ = ["Speaker", "Speakers"]

_NEVER = float("inf")
_LEAST_WAIT_S = 0.0001  # a speaker that always wants to be asked at once is asked this often


class Speaker(Protocol):
    """One participant; times are seconds of the bus.

    ``next_at`` is when it wants to be asked, ``poll`` returns what it wants to send then or a little later, ``on_wire``
    brings all bytes of the line with the end of the last one, its own included, as they came out: damaged, perhaps.
    """

    @property
    def name(self) -> str:
        """Sender of its bytes in `TimedBytes`; no two on one bus have the same."""

    @property
    def next_at(self) -> float:
        """When `poll` may have something."""

    def poll(self, now: float) -> Iterable[Transmission]:
        """What is to be sent; a frame, or a piece of one."""

    def on_wire(self, data: bytes, at: float) -> None:
        """Take bytes of the line whose last one ended at ``at``."""


class _Place:
    """One socket of the bus."""

    def __init__(self, speaker: Speaker) -> None:
        self.speaker = speaker
        self.splitter = Rs485Splitter()
        self.polled_at = -_NEVER

    @property
    def next_at(self) -> float:
        return max(self.speaker.next_at, self.polled_at + _LEAST_WAIT_S)


class Speakers:
    """All of them, and what they have handed over but is not due yet."""

    def __init__(self) -> None:
        """Nobody is there."""
        self._places: dict[str, _Place] = {}
        self._waiting: list[tuple[float, int, Transmission, str]] = []
        self._order = 0

    def __bool__(self) -> bool:
        """Whether anybody is there."""
        return bool(self._places)

    def attach(self, speaker: Speaker) -> None:
        """Plug in.  Raises ValueError when the name is taken."""
        if speaker.name in self._places:
            raise ValueError(f"there is a {speaker.name!r} on this bus already")
        self._places[speaker.name] = _Place(speaker)

    def detach(self, speaker: Speaker) -> None:
        """Pull out, with all that it has not sent yet; does nothing when it is not there."""
        place = self._places.get(speaker.name)
        if place is not None and place.speaker is speaker:
            del self._places[speaker.name]
            self._waiting = [one for one in self._waiting if one[3] != speaker.name]
            heapify(self._waiting)

    @property
    def next_at(self) -> float:
        """When somebody wants to be asked, or to send, in s."""
        asked = min((place.next_at for place in self._places.values()), default=_NEVER)
        return min(asked, self._waiting[0][0]) if self._waiting else asked

    def poll(self, now: float, at_once_s: float) -> None:
        """Ask everybody whose time has come, and who comes so soon that it could not hear the others begin."""
        for name, place in tuple(self._places.items()):
            at = max(place.next_at, now)
            if at > now and at >= now + at_once_s:
                continue
            place.polled_at = at
            for sent in place.speaker.poll(at):
                self._order += 1
                heappush(self._waiting, (max(sent.earliest, at), self._order, sent, name))

    def due(self, now: float, at_once_s: float) -> Iterator[dict[str, Transmission]]:
        """What is to go out by ``now``, by sender; several begin within ``at_once_s`` of each other, unheard."""
        while self._waiting and self._waiting[0][0] <= now:
            first, _, sent, name = heappop(self._waiting)
            together = {name: sent}
            while self._waiting and self._waiting[0][0] < first + at_once_s and self._waiting[0][3] not in together:
                _, _, other, rival = heappop(self._waiting)
                together[rival] = other
            yield together

    def frames(self, name: str, data: bytes) -> Iterator[bytes]:
        """Frames that end with these bytes of a sender."""
        place = self._places.get(name)
        if place is None:
            return
        if looks_like_frame(data):  # a pause lies between frames: what came before it is over
            place.splitter = Rs485Splitter()
            yield data
            return
        for piece in place.splitter.feed(data):
            if isinstance(piece.frame, ReceivedFrame):
                yield piece.data

    def hear(self, data: bytes, end_s: float) -> None:
        """Let everybody hear bytes of the line."""
        for place in tuple(self._places.values()):
            place.speaker.on_wire(data, end_s)
