"""An emulated VE.Bus BMS V2: regions, outputs, and a machine that speaks by a profile.

Nothing here opens a port: `EmulatedBms` takes records and returns what it would send.
"""

from vebus_tools.emulator.content import Content, content_of
from vebus_tools.emulator.inputs import Inputs, Terminals, remote_is_on
from vebus_tools.emulator.machine import EmulatedBms, Event, Offer
from vebus_tools.emulator.outputs import Led, Level, Output, Outputs, lit, outputs_of
from vebus_tools.emulator.regions import (
    REGIONS,
    Charge,
    Discharge,
    Life,
    LinkMode,
    Remote,
    Row,
    State,
    Timing,
    step,
)

__all__ = [
    "REGIONS",
    "Charge",
    "Content",
    "Discharge",
    "EmulatedBms",
    "Event",
    "Inputs",
    "Led",
    "Level",
    "Life",
    "LinkMode",
    "Offer",
    "Output",
    "Outputs",
    "Remote",
    "Row",
    "State",
    "Terminals",
    "Timing",
    "content_of",
    "lit",
    "outputs_of",
    "remote_is_on",
    "step",
]
