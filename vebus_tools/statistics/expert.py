"""``expert``: what is wrong with frames, or unexplained in them, by severity, with how often."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from vebus_tools.records import Finding, Severity
from vebus_tools.statistics.seen import Seen
from vebus_tools.statistics.tables import Cell, Column, ExpertTable
from vebus_tools.statistics.tap import Detail, Ending

if TYPE_CHECKING:
    from vebus_tools.filters import Filter
    from vebus_tools.nodes import Dissection

__all__ = ["MAX_TEXTS", "ExpertInfos"]

MAX_TEXTS = 10_000
"""More different texts than this are counted together: texts with numbers must not fill the memory."""

_OTHERS = ("Others", "", f"further texts, beyond the first {MAX_TEXTS}")


class ExpertInfos:
    """The tap."""

    look = True

    def __init__(self, least: Severity = Severity.CHAT, test: Filter | None = None) -> None:
        """``least`` is the lowest severity that counts, ``test`` says which records do."""
        self._least = least
        self._test = test
        self._found: dict[Severity, Counter[tuple[str, str, str]]] = {severity: Counter() for severity in Severity}

    def take(self, seen: Seen, detail: Detail | None) -> None:  # noqa: ARG002  (neither time nor size plays a part)
        """Count one record."""
        if detail is None or not detail.findings or not detail.passes(self._test):
            return
        for finding in detail.findings:
            if finding.severity >= self._least:
                counts = self._found[finding.severity]
                key = (finding.group.value, protocol_of(finding, detail.dissection).upper(), finding.text)
                counts[key if key in counts or len(counts) < MAX_TEXTS else _OTHERS] += 1

    def tables(self, ending: Ending) -> tuple[ExpertTable, ...]:  # noqa: ARG002  (times play no part)
        """One table."""
        columns = (
            Column(key="severity", title="Severity"),
            Column(key="frequency", title="Frequency"),
            Column(key="group", title="Group"),
            Column(key="protocol", title="Protocol"),
            Column(key="summary", title="Summary"),
        )
        totals = tuple((severity.name.capitalize(), self._found[severity].total()) for severity in reversed(Severity))
        return (ExpertTable(title="Expert Infos", columns=columns, rows=tuple(self._rows()), totals=totals),)

    def _rows(self) -> Iterator[tuple[Cell, ...]]:
        for severity in reversed(Severity):
            for (group, protocol, text), count in self._found[severity].items():
                yield severity.name.capitalize(), count, group, protocol, text


def protocol_of(finding: Finding, dissection: Dissection) -> str:
    """The protocol whose block shows a finding: the one with its field, else the first."""
    for block in dissection.blocks:
        if finding.abbrev and any(node.abbrev == finding.abbrev for node in block.walk()):
            return block.protocol
    return dissection.blocks[0].protocol if dissection.blocks else ""
