"""The text output as one form: summary list, details and bytes of each record, as asked for."""

from __future__ import annotations

from dataclasses import dataclass

from vebus_tools.nodes import Dissection
from vebus_tools.sinks.colours import Painter, plain, summary_style, tree_style
from vebus_tools.sinks.hexpane import HexOptions, hex_lines
from vebus_tools.sinks.text import ARROW, frame_lines, summary_line
from vebus_tools.sinks.tree import TreeOptions, tree_lines
from vebus_tools.times import NO_TIMING, TimeForm, Timing, time_text

__all__ = ["TextForm"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TextForm:
    """Text for people; ``tree`` and ``pane`` are None where they are not asked for."""

    time: TimeForm = TimeForm.RELATIVE
    summary: bool = True
    tabs: bool = False
    tree: TreeOptions | None = None
    pane: HexOptions | None = None
    arrow: str = ARROW
    paint: Painter = plain

    def start(self) -> str:
        """Nothing stands before the first record."""
        return ""

    def record(self, dissection: Dissection, timing: Timing = NO_TIMING) -> str:
        """Lines of one record."""
        record, summary = dissection.record, None
        if self.summary:
            time = time_text(self.time, record.stamp, timing)
            line = summary_line(dissection, time, arrow=self.arrow, tabs=self.tabs)
            summary = self.paint(line, summary_style(dissection))
        tree = pane = None
        if self.tree is not None:
            tree = [self.paint(line, tree_style(line)) for line in tree_lines(dissection, timing, self.tree)]
        if self.pane is not None:
            pane = hex_lines(record, self.pane)
        return "".join(f"{line}\n" for line in frame_lines(summary, tree, pane))

    def stop(self) -> str:
        """Nothing stands behind the last record."""
        return ""
