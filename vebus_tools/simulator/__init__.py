"""A virtual VE.Bus: a simulated Multi, the bus around it, and an MK2/MK3 adapter in front of it.

    from vebus_tools.simulator import VirtualBus, load_scenario

    for sent in VirtualBus(load_scenario("quiet-house"), seed=1).run(10.0):
        print(f"{sent.at_s:.6f} {sent.sender} {sent.data.hex(' ')}")

Machines without I/O or clock: time and bytes come in as arguments.
"""

from vebus_tools.simulator.adapter import Mk3Adapter
from vebus_tools.simulator.bus import TimedBytes, VirtualBus
from vebus_tools.simulator.installation import Installation
from vebus_tools.simulator.library import DEFAULT_SCENARIO, load_scenario, scenario_names
from vebus_tools.simulator.multi import Multi
from vebus_tools.simulator.reacting import Reaction, Transition
from vebus_tools.simulator.reaction import State
from vebus_tools.simulator.scenario import Scenario, ScenarioError
from vebus_tools.simulator.scenario_text import parse_scenario
from vebus_tools.simulator.speakers import Speaker

__all__ = [
    "DEFAULT_SCENARIO",
    "Installation",
    "Mk3Adapter",
    "Multi",
    "Reaction",
    "Scenario",
    "ScenarioError",
    "Speaker",
    "State",
    "TimedBytes",
    "Transition",
    "VirtualBus",
    "load_scenario",
    "parse_scenario",
    "scenario_names",
]
