"""The process that sends, for the benchmark alone: it answers every sync frame.

The rate limit (X-10) is taken out, because ten frames in a second would need half an hour for each row, and the time to
listen is short.  Everything else, interlocks, log and loop, is what `vebus emulate-bms --transmit` runs.
"""

import sys

from vebus_tools.interlocks import Facts, checks
from vebus_tools.interlocks.rate import RateLimit
from vebus_tools.transmitter.log import Log
from vebus_tools.transmitter.plan import Plan
from vebus_tools.transmitter.process import serve
from vebus_tools.transmitter.session import Session


class _EverySync(RateLimit):
    def why_not(self, now: float, *, information: bool, sync_at: float | None) -> str:  # noqa: ARG002
        """Nothing against it."""
        return ""


def make(plan: Plan, facts: Facts, log: Log) -> Session:
    """A session without a rate limit."""
    session = Session(plan, facts, log)
    session.interlocks.rate = _EverySync(0.0)
    return session


if __name__ == "__main__":
    checks.LISTEN_S = 0.3
    checks._INTERVALS_TO_HEAR = 0
    serve(int(sys.argv[1]), make)
