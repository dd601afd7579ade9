"""The transmitting session of the emulated BMS: a process of its own holds the port, and asks every interlock.

    outcome = run(Plan(port="/dev/ttyUSB0", profile=profile, ...), feed=feed, show=show, ask=ask)

The caller keeps the terminal, the panel, and the battery data; `feed` is called about ten times a second, and each call
is the sign of life of X-12.  All times are `time.monotonic()`.
"""

from vebus_tools.transmitter.plan import SAFETY_TEXTS, Ask, Feed, Outcome, Plan, Snapshot, Traffic
from vebus_tools.transmitter.running import run

__all__ = ["SAFETY_TEXTS", "Ask", "Feed", "Outcome", "Plan", "Snapshot", "Traffic", "run"]
