"""Nodes of numbers that need more than arithmetic, each made once by the reference and then looked up.

Names of enum values, "not available" patterns, scales that the device announces: what a field says depends on a few raw
numbers and the scales known so far.  Generated source asks a table; the table asks the reference for what is new.
"""

from __future__ import annotations

from typing import Any

from vebus_protocol.scaling import ScaleBook
from vebus_protocol.schema import Field, OfRam, OfSetting
from vebus_tools.field_nodes import number_node
from vebus_tools.generated.plan import DerivationError, names_in
from vebus_tools.nodes import Node
from vebus_tools.session import Context

__all__ = ["NodeTable", "needs_request", "reads"]

_MOST = 1 << 16
_LAST_PLAIN_VARIABLE = 127  # from 128 on, the records of assistants say what a RAM variable is


def needs_request(spec: Field) -> bool:
    """Whether only the request of a reply, or the records of assistants, say what the field holds."""
    match spec.scale:
        case OfRam(variable=int(variable)) if variable <= _LAST_PLAIN_VARIABLE:
            return False
        case OfSetting(setting=int()):
            return False
        case OfRam() | OfSetting():
            return True
    return False


def reads(spec: Field) -> tuple[str, ...]:
    """Names of the raw numbers, other than its own, that decide what a field says."""
    times = spec.scale.times if isinstance(spec.scale, OfRam) else None
    return tuple(dict.fromkeys((*names_in(spec.valid), *names_in(times))))


class NodeTable:
    """Nodes of one field by its raw number and those of the fields that it ``reads``.

    Calling it with the book of scales and these numbers gives the node, or None where a computed field has no value.
    """

    def __init__(self, spec: Field) -> None:
        """Start empty.  Raises DerivationError for a field that only a request explains."""
        if needs_request(spec):
            raise DerivationError(f"{spec.abbrev}: its request says what it holds")
        self._spec = spec
        self._names = reads(spec)
        self._own_scale = not isinstance(spec.scale, OfRam | OfSetting)
        self._context: Context | None = None
        self._nodes: dict[tuple[int, ...], Node | None] = {}

    def __call__(self, book: ScaleBook, *raws: int) -> Node | None:
        """Node of ``raws``: the field's own number first."""
        context = self._context
        if context is None or (context.book is not book and not self._own_scale) or len(self._nodes) >= _MOST:
            self._context = Context(book=book)
            self._nodes.clear()
        try:
            return self._nodes[raws]
        except KeyError:
            found = self._nodes[raws] = self._made(raws)
            return found

    def _made(self, raws: tuple[int, ...]) -> Node | None:
        others: dict[str, Any] = dict(zip(self._names, raws[1:], strict=True))
        spec = self._spec
        node = number_node(spec, int(raws[0]), others, self._context or Context())
        missing = node.value is None and spec.expression is not None and spec.valid is not None
        return None if missing else node
