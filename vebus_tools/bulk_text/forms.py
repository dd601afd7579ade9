"""How the forms of output put a record together from the texts of its nodes; every text is made by the sinks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from vebus_tools.nodes import Block, Dissection, Node
from vebus_tools.records import Finding
from vebus_tools.sinks.frame_form import MachineForm
from vebus_tools.sinks.json_form import EkForm, number_text
from vebus_tools.sinks.text import printable
from vebus_tools.sinks.text_form import TextForm
from vebus_tools.sinks.tree import ALL_DETAILS, finding_lines, node_lines
from vebus_tools.times import Timing

__all__ = ["HOLE", "EkRecords", "RecordForm", "TreeRecords", "record_form"]

HOLE = "{}"
"""What an empty block prints where its text belongs."""

_SECOND = 1_000_000_000
_EXACT = 10**15  # up to here all digits are those of a double


class RecordForm(Protocol):
    """A form of output in which a record is the text around empty blocks, and in each block one text after another.

    The text of a block is `opened`, its nodes, `closed`.  Times are in nanoseconds.
    """

    def record(self, dissection: Dissection, timing: Timing) -> str:
        """The whole record as the sink prints it."""

    def empty(self, protocol: str) -> Block:
        """A block that prints HOLE alone."""

    def opened(self, title: str, protocol: str) -> str:
        """Beginning of a block."""

    def closed(self, findings: Iterable[Finding], below: Iterable[Finding] = ()) -> str:
        """End of a block: ``findings`` belong to it, those ``below`` to one of its nodes."""

    def nodes(self, nodes: Sequence[Node], findings: Iterable[Finding] = (), *, first: bool = False) -> str:
        """Nodes with everything below them; the ``first`` of a block may print otherwise."""

    def number(self, value: float) -> str:
        """A value of a field."""

    def seconds(self, nanoseconds: Sequence[int]) -> list[str]:
        """Times of the frame block."""


class TreeRecords:
    """The detail tree."""

    def __init__(self, form: TextForm) -> None:
        """``form`` prints the tree and nothing else."""
        self._form = form

    def record(self, dissection: Dissection, timing: Timing) -> str:
        """The whole record as the sink prints it."""
        return self._form.record(dissection, timing)

    def empty(self, protocol: str) -> Block:
        """A block that prints HOLE alone."""
        return Block(protocol=protocol, title=HOLE, start=0, size=0, nodes=())

    def opened(self, title: str, protocol: str) -> str:  # noqa: ARG002  (a RecordForm)
        """Title of a block."""
        return printable(title)

    def closed(self, findings: Iterable[Finding], below: Iterable[Finding] = ()) -> str:  # noqa: ARG002  (a RecordForm)
        """Lines of findings; those below a node stand there."""
        return "".join(f"\n{line}" for line in finding_lines(findings))

    def nodes(self, nodes: Sequence[Node], findings: Iterable[Finding] = (), *, first: bool = False) -> str:  # noqa: ARG002  (a RecordForm)
        """Lines of the nodes."""
        return "".join(f"\n{line}" for line in node_lines(nodes, findings))

    def number(self, value: float) -> str:
        """Numbers stand in texts only."""
        return str(value)

    def seconds(self, nanoseconds: Sequence[int]) -> list[str]:
        """Times with nine decimals."""
        return [f"{one // _SECOND}.{one % _SECOND:09d}" for one in nanoseconds]


class EkRecords:
    """Two lines of JSON."""

    def __init__(self, form: EkForm) -> None:
        """``form`` prints all protocols."""
        self._form = form

    def record(self, dissection: Dissection, timing: Timing) -> str:
        """The whole record as the sink prints it."""
        return self._form.record(dissection, timing)

    def empty(self, protocol: str) -> Block:
        """A block that prints HOLE alone: an empty object."""
        return Block(protocol=protocol, title="", start=0, size=0, nodes=())

    def opened(self, title: str, protocol: str) -> str:  # noqa: ARG002  (a RecordForm)
        """Beginning of an object."""
        return "{"

    def closed(self, findings: Iterable[Finding], below: Iterable[Finding] = ()) -> str:
        """Findings, and the end of the object."""
        members = self._form.members((), (*findings, *below))
        return f",{members}}}" if members else "}"

    def nodes(self, nodes: Sequence[Node], findings: Iterable[Finding] = (), *, first: bool = False) -> str:  # noqa: ARG002  (a RecordForm)
        """Members of the object."""
        members = self._form.members(nodes)
        return f",{members}" if members and not first else members

    def number(self, value: float) -> str:
        """A number of JSON."""
        return number_text(value)

    def seconds(self, nanoseconds: Sequence[int]) -> list[str]:
        """Times as numbers."""
        if max(nanoseconds) < _EXACT:
            return [repr(one / _SECOND) for one in nanoseconds]
        return [number_text(one / _SECOND) for one in nanoseconds]


def record_form(form: MachineForm) -> RecordForm | None:
    """The same form for whole batches, or None for one that prints every record by itself."""
    if isinstance(form, EkForm):
        return EkRecords(form)
    if isinstance(form, TextForm) and form.tree is ALL_DETAILS and not form.summary and form.pane is None:
        return TreeRecords(form)
    return None
