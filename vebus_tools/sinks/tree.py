"""The detail tree (``-V``, ``-O``): frame block, protocol blocks, nodes and findings in tshark's layout."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vebus_protocol.schema import Link
from vebus_tools.nodes import Dissection, Node
from vebus_tools.records import Finding, Record, Stamp, TimeSource
from vebus_tools.sinks.text import printable
from vebus_tools.times import NO_TIMING, Timing, arrival_text, elapsed_text, epoch_text

if TYPE_CHECKING:
    from datetime import tzinfo

__all__ = ["ALL_DETAILS", "FRAME_PROTOCOL", "TreeOptions", "finding_lines", "node_lines", "tree_lines"]

FRAME_PROTOCOL = "frame"
"""Name of the frame block for ``-O``."""

_INDENT = "    "
_ENCAPSULATIONS = {Link.RS485: "USER 0 (45)", Link.MK3: "USER 1 (46)"}
_SOURCE_TEXTS = {TimeSource.HOST: "host"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeOptions:
    """How a tree is printed.

    ``only`` names the protocols that are printed in detail, None is all of them; the others keep their title line.
    "vebus" includes "vebus.dc", not the other way round.
    ``zone`` is that of the arrival time, None the zone of this computer.  ``interface_id`` counts the interfaces of the
    capture from 0.  ``clock_error_s`` is the estimated error of host times in seconds, None where nobody estimated it.
    """

    only: frozenset[str] | None = None
    zone: tzinfo | None = None
    interface_id: int = 0
    clock_error_s: float | None = None

    def details(self, protocol: str) -> bool:
        """Whether a block of this protocol is printed with its nodes."""
        return self.only is None or not self.only.isdisjoint((protocol, protocol.partition(".")[0]))


ALL_DETAILS = TreeOptions()
"""What ``-V`` prints."""


def tree_lines(dissection: Dissection, timing: Timing = NO_TIMING, options: TreeOptions = ALL_DETAILS) -> Iterator[str]:
    """Lines of one record's tree, without the empty line behind it.

    A finding is printed below the first node with its abbreviation, or at the end of the first block if there is none.
    """
    pending = list(dissection.findings)
    known = {node.abbrev for node in dissection.walk()}
    unplaced = [finding for finding in pending if finding.abbrev not in known]
    yield _frame_title(dissection.record, options)
    if options.details(FRAME_PROTOCOL):
        yield from _frame_block(dissection, timing, options)
    for index, block in enumerate(dissection.blocks):
        yield printable(block.title)
        if options.details(block.protocol):
            yield from _nodes(block.nodes, 1, pending)
            yield from _experts(() if index else unplaced, 1)
    if not dissection.blocks:
        yield from _experts(unplaced, 1)


def node_lines(nodes: Iterable[Node], findings: Iterable[Finding] = ()) -> Iterator[str]:
    """Lines of nodes of a block, with everything below them and those of the findings that belong there."""
    yield from _nodes(nodes, 1, list(findings))


def finding_lines(findings: Iterable[Finding]) -> Iterator[str]:
    """Lines of findings that stand in a block below none of its nodes."""
    yield from _experts(findings, 1)


def _count(size: int) -> str:
    return f"{size} byte{'' if size == 1 else 's'}"


def _frame_title(record: Record, options: TreeOptions) -> str:
    size, bits = _count(len(record.wire)), 8 * len(record.wire)
    place = f" on interface {printable(record.interface)}, id {options.interface_id}" if record.interface else ""
    return f"Frame {record.number}: {size} on wire ({bits} bits), {size} captured ({bits} bits){place}"


def _frame_block(dissection: Dissection, timing: Timing, options: TreeOptions) -> Iterator[str]:
    record = dissection.record
    for line in (
        *_encapsulation(record),
        *_times(record.stamp, timing, options),
        f"Frame Number: {record.number}",
        f"Frame Length: {_count(len(record.wire))} ({8 * len(record.wire)} bits)",
        *_protocols(dissection),
    ):
        yield _INDENT + line


def _encapsulation(record: Record) -> Iterator[str]:
    if record.link in _ENCAPSULATIONS:
        yield f"Encapsulation type: {_ENCAPSULATIONS[record.link]}"


def _times(stamp: Stamp, timing: Timing, options: TreeOptions) -> Iterator[str]:
    if stamp.epoch:
        yield f"Arrival Time: {arrival_text(stamp, options.zone)}"
    yield f"[Time stamp source: {_time_source(stamp, options.clock_error_s)}]"
    if stamp.epoch:
        yield f"Epoch Time: {epoch_text(stamp)} seconds"
    delta, since = elapsed_text(stamp, timing.previous), elapsed_text(stamp, timing.first)
    if delta:
        yield f"[Time delta from previous captured frame: {delta} seconds]"
    if since:
        yield f"[Time since reference or first frame: {since} seconds]"


def _time_source(stamp: Stamp, clock_error_s: float | None) -> str:
    source = _SOURCE_TEXTS.get(stamp.source, stamp.source.value)
    if stamp.source.estimated:
        return f"{source}, estimated"
    error_s = clock_error_s if stamp.error_s is None else stamp.error_s
    if stamp.source is TimeSource.HOST and error_s is not None:
        return f"{source}, estimated error {error_s * 1000:.1f} ms"
    return source


def _protocols(dissection: Dissection) -> Iterator[str]:
    names = dict.fromkeys(block.protocol for block in dissection.blocks)
    if names:
        yield f"[Protocols in frame: {':'.join(names)}]"


def _nodes(nodes: Iterable[Node], depth: int, pending: list[Finding]) -> Iterator[str]:
    for node in nodes:
        if node.hidden:
            continue
        yield _INDENT * depth + printable(_node(node))
        yield from _experts(_taken(node, pending), depth + 1)
        for beside in node.beside:
            yield from _nodes(beside.children, depth + 1, pending)
        yield from _nodes(node.children, depth + 1, pending)


def _node(node: Node) -> str:
    if node.generated:
        inside = [": ".join(part for part in (node.label, _with_phrase(node)) if part), node.mark]
        return " ".join((_bracket(inside), *map(_beside, node.beside)))
    named = ": ".join(part for part in (node.label, node.text) if part)
    pattern = f"{node.bits} = " if node.bits else ""
    phrase = node.field.phrase if node.field and node.value is not None else ""
    behind = [_bracket([part]) for part in dict.fromkeys((phrase, node.mark)) if part]
    return " ".join((pattern + named, *behind, *map(_beside, node.beside)))


def _beside(node: Node) -> str:
    return _bracket([_with_phrase(node), node.mark])


def _bracket(parts: Iterable[str]) -> str:
    return f"[{', '.join(part for part in parts if part)}]"


def _with_phrase(node: Node) -> str:
    """The value and how it is read; a value that is absent is not read at all."""
    if node.field is None or not node.field.phrase or node.value is None:
        return node.text
    return f"{node.text} {node.field.phrase}".strip()


def _taken(node: Node, pending: list[Finding]) -> list[Finding]:
    """Findings that belong below this node's line; they are removed, so that a second such node has none."""
    abbrevs = {node.abbrev, *(beside.abbrev for beside in node.beside)}
    taken = [finding for finding in pending if finding.abbrev in abbrevs]
    pending[:] = [finding for finding in pending if finding.abbrev not in abbrevs]
    return taken


def _experts(findings: Iterable[Finding], depth: int) -> Iterator[str]:
    for finding in findings:
        outer, inner, text = _INDENT * depth, _INDENT * (depth + 1), printable(finding.text)
        yield f"{outer}[Expert Info ({finding.severity.text}/{finding.group.value}): {text}]"
        yield f"{inner}[{text}]"
        yield f"{inner}[Severity level: {finding.severity.text}]"
        yield f"{inner}[Group: {finding.group.value}]"
