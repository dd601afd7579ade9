"""Nodes of numbers that need more than arithmetic, each made once by the reference and then looked up.

Names of enum values, "not available" patterns, scales that the device announces: what a field says depends on a few raw
numbers and the scales known so far.  Generated source asks a table; the table asks the reference for what is new.
"""

from __future__ import annotations

from typing import Any

from vebus_protocol.schema import Field, OfRam, OfSetting
from vebus_tools.field_nodes import item_node, number_node
from vebus_tools.generated.plan import names_in
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
    found = [*names_in(spec.valid)]
    match spec.scale:
        case OfRam(variable=variable, times=times):
            found += [*names_in(variable), *names_in(times)]
        case OfSetting(setting=setting):
            found += names_in(setting)
    return tuple(dict.fromkeys(found))


class NodeTable:
    """Nodes of one field by its raw number and those of the fields that it ``reads``.

    Calling it with what the session knows and these numbers gives the node; None where a computed field has no value.
    """

    def __init__(self, spec: Field) -> None:
        """Start empty."""
        self._spec = spec
        self._names = reads(spec)
        self._own_scale = not isinstance(spec.scale, OfRam | OfSetting)
        self._asked = needs_request(spec)
        self._context: Context | None = None
        self._nodes: dict[tuple[object, ...], Node | None] = {}

    def __call__(self, context: Context, *raws: int) -> Node | None:
        """Node of ``raws``: the field's own number first."""
        if self._outdated(context):
            self._context = context
            self._nodes.clear()
        key: tuple[object, ...] = (raws, context.ram_ids[:1], context.setting_id) if self._asked else raws
        try:
            return self._nodes[key]
        except KeyError:
            found = self._nodes[key] = self._made(context, raws)
            return found

    def item(self, context: Context, at: int, raw: int) -> Node:
        """Node of the number at place ``at`` of a list."""
        if self._outdated(context):
            self._context = context
            self._nodes.clear()
        key = (at, raw, context.ram_ids[at : at + 1])
        found = self._nodes.get(key)
        if found is None:
            found = self._nodes[key] = item_node(self._spec, at, raw, context)
        return found

    def _outdated(self, context: Context) -> bool:
        """Whether what is known of the device has changed, or there is too much of it."""
        before = self._context
        if before is context:
            return False
        same = before is not None and (
            self._own_scale or (before.book is context.book and before.assistants is context.assistants)
        )
        return not same or len(self._nodes) >= _MOST

    def _made(self, context: Context, raws: tuple[int, ...]) -> Node | None:
        others: dict[str, Any] = dict(zip(self._names, raws[1:], strict=True))
        spec = self._spec
        node = number_node(spec, int(raws[0]), others, context)
        missing = node.value is None and spec.expression is not None and spec.valid is not None
        return None if missing else node
