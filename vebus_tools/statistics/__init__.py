"""Statistics of captures and of listening: taps as tshark has them with ``-z``, and those of this bus.

    taps = [make_tap("io,stat,1", setting), make_tap("vebus,quality", setting)]
    gathering = Gathering(taps)
    for record in records:
        gathering.take(record)
    for tables in gathering.tables():
        ...

Nothing here reads, prints or looks at a clock: records come in with their times, tables of plain values go out.
Memory does not grow with the capture, except for one row in each interval of ``io,stat`` and ``vebus,load``, and one
for each different text of ``expert``, all of them bounded.  `vebus_tools.statistics.stream_columns` does the same for
raw captures with numpy, for taps that do not look into frames.
"""

from vebus_tools.statistics.catalogue import DEFAULT, ENTRIES, Entry, help_lines, make_tap
from vebus_tools.statistics.gathering import Gathering
from vebus_tools.statistics.tables import (
    Cell,
    Column,
    ExpertTable,
    Hierarchy,
    IntervalItem,
    IntervalTable,
    Table,
)
from vebus_tools.statistics.tap import Detail, Ending, Setting, StatisticsError, Tap

__all__ = [
    "DEFAULT",
    "ENTRIES",
    "Cell",
    "Column",
    "Detail",
    "Ending",
    "Entry",
    "ExpertTable",
    "Gathering",
    "Hierarchy",
    "IntervalItem",
    "IntervalTable",
    "Setting",
    "StatisticsError",
    "Table",
    "Tap",
    "help_lines",
    "make_tap",
]
