"""All interlocks of one session as a fold over what is heard, sent, read back, and known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vebus_tools.interlocks.facts import Facts
from vebus_tools.interlocks.stops import ExitCode, Reaction, Stop
from vebus_tools.interlocks.table import INTERLOCKS, Condition, Decision, InterlockState, Mode

if TYPE_CHECKING:
    from vebus_protocol.bms import Profile
    from vebus_tools.emulator import Content
    from vebus_tools.records import Record
    from vebus_tools.session import Context

__all__ = ["Interlocks"]


class Interlocks:
    """The interlocks of one session.  All times are in s on one clock that never jumps.

    ``stopped`` tells why nothing is sent any more, None while that is not so; ``notes`` are things to tell people.
    """

    def __init__(self, profile: Profile, mode: Mode, facts: Facts | None = None) -> None:
        """Begin with nothing allowed; ``facts`` may come later, by `before`."""
        self.profile = profile
        self.mode = mode
        self.facts = facts or Facts()
        self.stopped: Stop | None = None
        self.notes: list[str] = []

    # what comes in ---------------------------------------------------------------------------------------------------
    def before(self, facts: Facts, now: float) -> tuple[InterlockState, ...]:
        """Take what the edge found out; returns the interlocks that hold, WAITING ones included, for X-1 to X-19."""
        self.facts = facts
        return tuple(one for one in self.states(now) if not one.condition.passes)

    def on_record(self, record: Record, now: float, context: Context | None = None) -> None:
        """Take what was heard, own frames that came back included."""

    def on_sent(self, wire: bytes, content: Content | None, now: float) -> None:
        """A frame was handed to the line; ``content`` None for a version reply."""

    def on_read_back(self, data: bytes, now: float) -> None:
        """Bytes that came from the line while a sent frame waits for its echo, in order (X-9)."""

    def heartbeat(self, now: float) -> None:
        """The controlling process lives (X-12)."""

    def data(self, measured_at: float | None, now: float) -> None:
        """Battery data were measured at a time; None is a source that has nothing to say any more (X-12, X-13)."""

    def tick(self, now: float) -> None:
        """Time goes on: ages, missing echoes, the end of the session, the reaction after a stop."""

    def stop(
        self, why: str, now: float, number: str = "", *, latched: bool = False, exit_code: int = ExitCode.STOPPED
    ) -> None:
        """End the session for good; the first reason stays.  ``number`` is the interlock behind it."""

    # what comes out --------------------------------------------------------------------------------------------------
    def may_send(self, wire: bytes, content: Content | None, now: float) -> Decision:
        """Whether this frame may go on the line at this moment; ``content`` None for a version reply."""
        return Decision(allowed=False)

    def states(self, now: float) -> tuple[InterlockState, ...]:
        """How each interlock stands, in order of their numbers."""
        return tuple(InterlockState(interlock=one, condition=Condition.WAITING, why="") for one in INTERLOCKS)

    @property
    def reaction(self) -> Reaction:
        """What the Multi did after the stop (X-18)."""
        return Reaction.NOT_ASKED

    def latches(self) -> Sequence[InterlockState]:
        """The interlocks that allow no new start."""
        return ()
