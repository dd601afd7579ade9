"""What the machine forms share: protocols with the place of their findings, and values as tshark writes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from vebus_tools.frame_fields import FRAME, frame_block
from vebus_tools.nodes import Block, Dissection, Node
from vebus_tools.records import Finding
from vebus_tools.times import NO_TIMING, Timing

__all__ = [
    "EVERYTHING",
    "Layer",
    "MachineForm",
    "Subset",
    "inner",
    "layers",
    "render",
    "shown",
    "siblings",
]

_SECONDS = " seconds"
_BYTE_DIGITS = 2


class MachineForm(Protocol):
    """A form of output for programs: text before the records, text of each, text behind them."""

    def start(self) -> str:
        """Text before the first record."""

    def record(self, dissection: Dissection, timing: Timing = NO_TIMING) -> str:
        """Text of one record; ``timing`` has the stamps that its times are measured against."""

    def stop(self) -> str:
        """Text behind the last record."""


def render(form: MachineForm, records: Iterable[tuple[Dissection, Timing]]) -> Iterator[str]:
    """The whole output piece by piece, each record as soon as it comes."""
    yield form.start()
    for dissection, timing in records:
        yield form.record(dissection, timing)
    yield form.stop()


@dataclass(frozen=True, slots=True, kw_only=True)
class Subset:
    """Which protocols are written out (``-j``, ``-J``); the others become a note that they were filtered.

    ``names`` None means all.  Trees below a field of a named protocol come along with ``deep`` (``-J``); without it
    (``-j``) only those whose field is named too.
    """

    names: frozenset[str] | None = None
    deep: bool = True

    def has_layer(self, protocol: str) -> bool:
        """Whether the nodes of this protocol are written."""
        return self.names is None or protocol in self.names

    def has_tree(self, abbrev: str) -> bool:
        """Whether what is below this field is written."""
        return self.names is None or self.deep or abbrev in self.names


EVERYTHING = Subset()
"""No protocol is left out."""


# --- all layers ------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One protocol of a record: its blocks, ``findings`` below none of their fields, and those by abbreviation."""

    protocol: str
    blocks: tuple[Block, ...]
    findings: tuple[Finding, ...]
    below: Mapping[str, tuple[Finding, ...]]

    @property
    def nodes(self) -> Iterator[Node]:
        """Nodes of all blocks, each followed by what stands beside it."""
        for block in self.blocks:
            yield from siblings(block.nodes)


def layers(dissection: Dissection, timing: Timing = NO_TIMING) -> Iterator[Layer]:
    """The frame and then each protocol once, with all its blocks.

    A finding belongs below the first node with its abbreviation, or to the first protocol if there is none.
    """
    blocks = [block for block in dissection.blocks if block.protocol != FRAME]
    grouped: dict[str, list[Block]] = {FRAME: [frame_block(dissection, timing)]}
    for block in blocks:
        grouped.setdefault(block.protocol, []).append(block)
    home: dict[str, str] = {}
    for protocol, own in grouped.items():
        for block in own:
            for node in block.walk():
                home.setdefault(node.abbrev, protocol)
    first = blocks[0].protocol if blocks else FRAME
    for protocol, own in grouped.items():
        here = [finding for finding in dissection.findings if home.get(finding.abbrev, first) == protocol]
        below: dict[str, tuple[Finding, ...]] = {}
        for finding in here:
            if finding.abbrev in home:
                below[finding.abbrev] = (*below.get(finding.abbrev, ()), finding)
        loose = tuple(finding for finding in here if finding.abbrev not in home)
        yield Layer(protocol=protocol, blocks=tuple(own), findings=loose, below=below)


def siblings(nodes: Iterable[Node]) -> Iterator[Node]:
    """The nodes, each followed by those that stand beside it."""
    for node in nodes:
        yield node
        yield from siblings(node.beside)


def inner(node: Node) -> Iterator[Node]:
    """What is below a node; bits have the place of the field that they are in."""
    for child in siblings(node.children):
        yield replace(child, start=node.start, size=node.size) if child.bits and not child.size else child


# --- values ----------------------------------------------------------------------------------------------------------
def shown(node: Node) -> str:
    """A value as tshark's ``show`` has it: the number without unit and name, in hex where it is declared so.

    True is 1; a value that is not available is empty; bytes are hex pairs with colons.
    """
    value = node.value
    if value is None:
        return ""
    if isinstance(value, bytes):
        return value.hex(":")
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float):
        return node.text.removesuffix(_SECONDS) if node.text.endswith(_SECONDS) else f"{value:.15g}"
    if isinstance(value, int) and node.field is not None and node.field.display == "hex" and value >= 0:
        return f"0x{value:0{max(_BYTE_DIGITS * node.size, _BYTE_DIGITS)}x}"
    return str(int(value)) if isinstance(value, int) else value
