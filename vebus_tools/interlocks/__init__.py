"""The interlocks X-1 to X-19: whether a frame of the emulated BMS may leave.  Pure: time and facts come in.

    interlocks = Interlocks(profile, Mode.SIMULATE)
    interlocks.data(sample.at_s, now); interlocks.heartbeat(now); interlocks.on_record(record, now)
    if interlocks.may_send(transmission.data, now).allowed: ...

They are looked at in every mode; those that have no meaning in one say `Condition.NOT_HERE`.  Source: bms-wire.md 8.5.
"""

from vebus_tools.interlocks.facts import LONGEST_DATA_AGE_S, LONGEST_SESSION_S, Facts, Transport
from vebus_tools.interlocks.guard import Interlocks
from vebus_tools.interlocks.stops import ExitCode, Reaction, Stop
from vebus_tools.interlocks.table import (
    INTERLOCKS,
    Condition,
    Decision,
    Interlock,
    InterlockState,
    Mode,
    interlock,
)

__all__ = [
    "INTERLOCKS",
    "LONGEST_DATA_AGE_S",
    "LONGEST_SESSION_S",
    "Condition",
    "Decision",
    "ExitCode",
    "Facts",
    "Interlock",
    "InterlockState",
    "Interlocks",
    "Mode",
    "Reaction",
    "Stop",
    "Transport",
    "interlock",
]
