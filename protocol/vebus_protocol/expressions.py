"""What an expression of a declaration says, for generators: Construct's ``this`` as a plain tree.

Declarations compute with Construct's ``this`` (`schema.computed`, ``valid``, ``times`` ...), which is called with the
raw numbers of a message.  Engines that write source code need to know what is inside.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import Any

from construct.expr import BinExpr, Path, UniExpr

from vebus_protocol.errors import VEBusError

__all__ = ["ExpressionError", "Name", "Number", "Operation", "Tree", "names_in", "tree_of"]

_SYMBOLS = {
    operator.add: "+",
    operator.sub: "-",
    operator.mul: "*",
    operator.mod: "%",
    operator.floordiv: "//",
    operator.lshift: "<<",
    operator.rshift: ">>",
    operator.and_: "&",
    operator.lt: "<",
    operator.le: "<=",
    operator.gt: ">",
    operator.ge: ">=",
    operator.eq: "==",
    operator.ne: "!=",
}


class ExpressionError(VEBusError):
    """An expression that is more than whole numbers, fields of the same message and the operators of Python's int."""


@dataclass(frozen=True, slots=True)
class Number:
    """A constant."""

    value: int


@dataclass(frozen=True, slots=True)
class Name:
    """The raw number of a field of the same message."""

    field: str


@dataclass(frozen=True, slots=True)
class Operation:
    """``left symbol right``; ``symbol`` is Python's, a negation is ``0 - right``."""

    symbol: str
    left: Tree
    right: Tree


Tree = Number | Name | Operation


def tree_of(expression: Any) -> Tree:  # noqa: ANN401  (Construct has no types)
    """The tree of an expression over ``this``, or of a plain number.  Raises ExpressionError."""
    if isinstance(expression, Path):
        return Name(_field(expression))
    if isinstance(expression, BinExpr) and expression.op in _SYMBOLS:
        return Operation(_SYMBOLS[expression.op], tree_of(expression.lhs), tree_of(expression.rhs))
    if isinstance(expression, UniExpr) and expression.op is operator.neg:
        return Operation("-", Number(0), tree_of(expression.operand))
    if isinstance(expression, int):
        return Number(int(expression))
    raise ExpressionError(f"no tree for the expression {expression!r}")


def names_in(tree: Tree) -> tuple[str, ...]:
    """Fields that a tree reads, each once, in the order they appear."""
    if isinstance(tree, Operation):
        return tuple(dict.fromkeys((*names_in(tree.left), *names_in(tree.right))))
    return (tree.field,) if isinstance(tree, Name) else ()


def _field(path: Any) -> str:  # noqa: ANN401
    """Name in ``this.name``; nothing deeper is an expression over one message."""
    parent = object.__getattribute__(path, "_Path__parent")
    name = object.__getattribute__(path, "_Path__field")
    if parent is None or object.__getattribute__(parent, "_Path__parent") is not None or not str(name).isidentifier():
        raise ExpressionError(f"no tree for {path!r}: only fields of the same message")
    return str(name)
