"""The firmware gate: may a VE.Bus BMS V2 be connected to these inverters and inverter/chargers?

    from vebus_tools.firmware import judge_system, unit_of_text

    judge_system([unit_of_text("2629489")]).verdict        # Verdict.ACCEPTED

Requirements B-97 and B-134 to B-142.  The published numbers stand in `rules.toml`, each with its source; what is not
known is refused.
"""

from vebus_tools.firmware.gate import (
    FirmwareError,
    HostJudgement,
    Note,
    SystemJudgement,
    Unit,
    UnitJudgement,
    judge,
    judge_system,
    judge_venus_os,
    processor_of_label,
    unit_of_text,
    unit_of_version,
)
from vebus_tools.firmware.heard import Heard, assistant_in
from vebus_tools.firmware.rules import Assistant, Rule, Threshold, Verdict, rules, thresholds

__all__ = [
    "Assistant",
    "FirmwareError",
    "Heard",
    "HostJudgement",
    "Note",
    "Rule",
    "SystemJudgement",
    "Threshold",
    "Unit",
    "UnitJudgement",
    "Verdict",
    "assistant_in",
    "judge",
    "judge_system",
    "judge_venus_os",
    "processor_of_label",
    "rules",
    "thresholds",
    "unit_of_text",
    "unit_of_version",
]
