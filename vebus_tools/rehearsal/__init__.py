"""The emulated BMS at rehearsal: alone, or on one virtual line with the simulated installation.

    rehearsal = Rehearsal(Setup(), built_in(LAB), scenario=Scenario())
    for sent in rehearsal.run(20.0): ...
    rehearsal.say("cell 3 2.75")
    rehearsal.take_news()

Machines without I/O or clock: time, orders and seed come in, bytes and news come out.
"""

from vebus_tools.rehearsal.cells import CellError, CellLines, CellModel, CellRows, bank_voltage, read_rows
from vebus_tools.rehearsal.doing import Stage, can_do, do
from vebus_tools.rehearsal.faults import BmsFault, FaultError, read_fault
from vebus_tools.rehearsal.news import LED_NAMES, OUTPUT_NAMES, Narrator, News, Sort, frame_news
from vebus_tools.rehearsal.orders import HELP, OrderError, read_order
from vebus_tools.rehearsal.participant import BMS
from vebus_tools.rehearsal.rehearsal import Rehearsal
from vebus_tools.rehearsal.script import (
    SETTING_TEXTS,
    SETTINGS,
    Script,
    Setup,
    Step,
    read_script,
    script_names,
    shipped_script,
)

__all__ = [
    "BMS",
    "HELP",
    "LED_NAMES",
    "OUTPUT_NAMES",
    "SETTINGS",
    "SETTING_TEXTS",
    "BmsFault",
    "CellError",
    "CellLines",
    "CellModel",
    "CellRows",
    "FaultError",
    "Narrator",
    "News",
    "OrderError",
    "Rehearsal",
    "Script",
    "Setup",
    "Sort",
    "Stage",
    "Step",
    "bank_voltage",
    "can_do",
    "do",
    "frame_news",
    "read_fault",
    "read_order",
    "read_rows",
    "read_script",
    "script_names",
    "shipped_script",
]
