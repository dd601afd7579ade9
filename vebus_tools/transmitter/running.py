"""The side of the caller: asks the user, starts the process that sends, feeds it, and shows what it tells."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vebus_tools.transmitter.plan import Ask, Feed, Outcome, Plan, Snapshot

__all__ = ["run"]


def run(plan: Plan, *, feed: Callable[[float], Feed], show: Callable[[Snapshot], None], ask: Ask) -> Outcome:
    """One session from the opt-ins to the report about the reaction; returns when it is over.

    ``feed`` gets the time of `time.monotonic()` about ten times a second; ``show`` gets at most ten snapshots a second.
    A refusal is an Outcome, too.  Raises LinkError for a port that cannot be opened, CaptureError for a capture or log
    file that cannot be read or written.  KeyboardInterrupt ends the session in order (silence, then the report); a
    second one ends the report.
    """
    raise NotImplementedError
