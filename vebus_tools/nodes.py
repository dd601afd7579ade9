"""The dissected form of a record: blocks of nodes, as every dump, filter and export walks them.

One walk over the declarations makes it (``dissection``); nothing behind it knows a protocol fact.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from vebus_protocol.schema import Field
from vebus_tools.records import Finding, Record

__all__ = ["RAW_SUFFIX", "Block", "Dissection", "Node", "Value"]

RAW_SUFFIX = ".raw"
"""Behind the abbreviation of a scaled field: the number on the wire."""

Value = int | float | str | bool | bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One field of one record.

    ``value`` is physical (with ``unit``) or the plain number, text or bytes; ``raw`` is the number on the wire where
    it differs from ``value``, else None. ``text`` is the value as people read it, unit included; ``name`` that of an
    enum value. ``start`` and ``size`` count in the unstuffed frame. ``generated`` nodes have no bytes; ``hidden``
    ones are there for filters and programs, not for the tree.

    ``mark`` is what stands in square brackets behind a value that is no plain fact: "unconfirmed", "unknown meaning",
    "assumed scale".  ``bits`` is the pattern ``.... ...1`` of a bit field.  ``beside`` nodes print on the line of their
    parent.
    """

    abbrev: str
    label: str
    text: str
    value: Value
    raw: int | None = None
    unit: str = ""
    name: str = ""
    start: int = 0
    size: int = 0
    generated: bool = False
    hidden: bool = False
    mark: str = ""
    bits: str = ""
    beside: tuple[Node, ...] = ()
    children: tuple[Node, ...] = ()
    field: Field | None = None

    def walk(self) -> Iterator[Node]:
        """This node, what stands beside it, and all below, in printing order."""
        yield self
        for node in (*self.beside, *self.children):
            yield from node.walk()


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One protocol block of the tree: ``protocol`` is the filter name ("vebus", "mk3"), ``title`` its line."""

    protocol: str
    title: str
    start: int
    size: int
    nodes: tuple[Node, ...]

    def walk(self) -> Iterator[Node]:
        """All nodes of the block, in printing order."""
        for node in self.nodes:
            yield from node.walk()


@dataclass(frozen=True, slots=True, kw_only=True)
class Dissection:
    """A record with everything that is printed of it.

    ``info`` is the text of the Info column without findings, ``remarks`` what follows it in square brackets.
    ``findings`` are those of the record and of the session.
    """

    record: Record
    source: str
    destination: str
    protocol: str
    info: str
    remarks: tuple[str, ...]
    blocks: tuple[Block, ...]
    findings: tuple[Finding, ...]

    def walk(self) -> Iterator[Node]:
        """All nodes of all blocks, in printing order."""
        for block in self.blocks:
            yield from block.walk()

    @property
    def info_column(self) -> str:
        """The whole Info column."""
        return " ".join((self.info, *(f"[{remark}]" for remark in self.remarks)))
