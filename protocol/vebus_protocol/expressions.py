"""Arithmetic of the declarations over the raw numbers of a message: ``this.level * 2`` and its tree.

Declarations compute with `this` (`schema.computed`, ``valid``, ``times`` ...).  An expression is called with the raw
numbers of a message, and engines that write source code walk its tree.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from vebus_protocol.errors import VEBusError

__all__ = ["Expression", "ExpressionError", "Name", "Number", "Operation", "Tree", "names_in", "this", "tree_of"]

_OPERATORS: Mapping[str, Callable[[Any, Any], int]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "%": operator.mod,
    "//": operator.floordiv,
    "<<": operator.lshift,
    ">>": operator.rshift,
    "&": operator.and_,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
_COMPARISONS = frozenset({"<", "<=", ">", ">=", "==", "!="})


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


class Expression:
    """A value that follows from the raw numbers of a message.

    All operators of whole numbers make a new expression, comparisons too: they are 1 or 0 when it is called.
    """

    __slots__ = ("tree",)
    __hash__ = None  # type: ignore[assignment]  # == makes an expression

    def __init__(self, tree: Tree) -> None:
        """Write an expression as its tree; declarations begin with `this`."""
        self.tree = tree

    def __call__(self, raws: Mapping[str, Any]) -> int:
        """The value for these raw numbers.

        Raises KeyError for a field that is not in the message, TypeError for one that is None.
        """
        value: int = _value(self.tree, raws)
        return value

    def __neg__(self) -> Expression:
        """Zero minus this."""
        return Expression(Operation("-", Number(0), self.tree))

    def __repr__(self) -> str:
        """The expression as a declaration writes it."""
        return _text(self.tree)


def _forward(symbol: str) -> Callable[[Expression, object], Expression]:
    return lambda left, right: Expression(Operation(symbol, left.tree, tree_of(right)))


def _reflected(symbol: str) -> Callable[[Expression, object], Expression]:
    return lambda right, left: Expression(Operation(symbol, tree_of(left), right.tree))


for _symbol, _operator in _OPERATORS.items():
    _name = _operator.__name__.strip("_")
    setattr(Expression, f"__{_name}__", _forward(_symbol))
    if _symbol not in _COMPARISONS:
        setattr(Expression, f"__r{_name}__", _reflected(_symbol))


class _Message:
    """The message that an expression is about: its attributes are raw numbers."""

    def __getattr__(self, name: str) -> Expression:
        if name.startswith("_"):
            raise AttributeError(name)
        return Expression(Name(name))


this: Any = _Message()
"""The message: ``this.level`` is the raw number of its field ``level``."""


def _value(tree: Tree, raws: Mapping[str, Any]) -> Any:  # noqa: ANN401  (a raw number is whatever the message holds)
    if isinstance(tree, Operation):
        return _OPERATORS[tree.symbol](_value(tree.left, raws), _value(tree.right, raws))
    return raws[tree.field] if isinstance(tree, Name) else tree.value


def _text(tree: Tree) -> str:
    if isinstance(tree, Operation):
        return f"({_text(tree.left)} {tree.symbol} {_text(tree.right)})"
    return f"this.{tree.field}" if isinstance(tree, Name) else str(tree.value)


def tree_of(expression: object) -> Tree:
    """The tree of an expression over `this`, or of a plain number.  Raises ExpressionError."""
    if isinstance(expression, Expression):
        return expression.tree
    if isinstance(expression, int):
        return Number(int(expression))
    raise ExpressionError(f"no tree for the expression {expression!r}")


def names_in(tree: Tree) -> tuple[str, ...]:
    """Fields that a tree reads, each once, in the order they appear."""
    if isinstance(tree, Operation):
        return tuple(dict.fromkeys((*names_in(tree.left), *names_in(tree.right))))
    return (tree.field,) if isinstance(tree, Name) else ()
