"""``io,phs``: which protocols stand in which, with their frames and bytes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vebus_tools.frame_fields import FRAME
from vebus_tools.statistics.seen import Seen
from vebus_tools.statistics.tables import Cell, Column, Hierarchy
from vebus_tools.statistics.tap import Detail, Ending

if TYPE_CHECKING:
    from vebus_tools.filters import Filter

__all__ = ["ProtocolHierarchy"]


@dataclass(slots=True)
class _Branch:
    frames: int = 0
    bytes: int = 0
    below: dict[str, _Branch] = field(default_factory=dict)

    def rows(self, name: str, depth: int) -> Iterator[tuple[Cell, ...]]:
        yield depth, name, self.frames, self.bytes
        for inner, branch in self.below.items():
            yield from branch.rows(inner, depth + 1)


class ProtocolHierarchy:
    """The tap."""

    look = True

    def __init__(self, test: Filter | None = None) -> None:
        """``test`` says what is counted."""
        self._test = test
        self._tree = _Branch()

    def take(self, seen: Seen, detail: Detail | None) -> None:
        """Count one record."""
        if detail is None or not detail.passes(self._test):
            return
        branch = self._tree
        names = dict.fromkeys(block.protocol for block in detail.dissection.blocks)
        for name in (FRAME, *names):
            branch = branch.below.setdefault(name, _Branch())
            branch.frames += 1
            branch.bytes += seen.size

    def tables(self, ending: Ending) -> tuple[Hierarchy, ...]:  # noqa: ARG002  (times play no part)
        """One table."""
        columns = (
            Column(key="depth", title="Depth"),
            Column(key="protocol", title="Protocol"),
            Column(key="frames", title="Frames"),
            Column(key="bytes", title="Bytes"),
        )
        rows = tuple(row for name, branch in self._tree.below.items() for row in branch.rows(name, 0))
        text = self._test.text if self._test is not None else ""
        return (Hierarchy(title="Protocol Hierarchy Statistics", columns=columns, rows=rows, filter_text=text),)
