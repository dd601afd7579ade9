"""Expressions of the declarations (Construct's ``this``) -> Lua functions over the raw numbers of a message.

Truth values are 1 and 0, as Python counts with them.  A function returns nil where a field that it needs is not in the
frame.
"""

from __future__ import annotations

import operator
from typing import Any

from construct.expr import BinExpr, Path, UniExpr

from vebus_protocol.errors import VEBusError
from vebus_tools.wireshark.literals import Code

__all__ = ["ExpressionError", "lua_expression", "lua_function", "names_in"]

_ARITHMETIC = {operator.add: "+", operator.sub: "-", operator.mul: "*", operator.mod: "%"}
_COMPARISONS = {
    operator.lt: "<",
    operator.le: "<=",
    operator.gt: ">",
    operator.ge: ">=",
    operator.eq: "==",
    operator.ne: "~=",
}


class ExpressionError(VEBusError):
    """An expression in a declaration that has no Lua form yet."""


def lua_function(expression: Any) -> Code:  # noqa: ANN401  (Construct has no types)
    """The function of one expression.  Raises ExpressionError."""
    missing = " or ".join(f"r.{name} == nil" for name in names_in(expression))
    guard = f"if {missing} then return nil end " if missing else ""
    return Code(f"function(r) {guard}return {lua_expression(expression)} end")


def names_in(expression: Any) -> tuple[str, ...]:  # noqa: ANN401
    """Fields that an expression needs, each once.  Raises ExpressionError."""
    if isinstance(expression, Path):
        return (_name(expression),)
    if isinstance(expression, BinExpr):
        return tuple(dict.fromkeys((*names_in(expression.lhs), *names_in(expression.rhs))))
    if isinstance(expression, UniExpr):
        return names_in(expression.operand)
    return ()


def lua_expression(expression: Any) -> str:  # noqa: ANN401
    """Lua source of one expression.  Raises ExpressionError."""
    if isinstance(expression, Path):
        return f"r.{_name(expression)}"
    if isinstance(expression, BinExpr):
        return _binary(expression.op, expression.lhs, expression.rhs)
    if isinstance(expression, UniExpr) and expression.op is operator.neg:
        return f"(-{lua_expression(expression.operand)})"
    if isinstance(expression, int):
        return str(int(expression))
    raise ExpressionError(f"no Lua form for {expression!r}")


def _binary(op: Any, left: Any, right: Any) -> str:  # noqa: ANN401
    lhs, rhs = lua_expression(left), lua_expression(right)
    if op in _ARITHMETIC:
        return f"({lhs} {_ARITHMETIC[op]} {rhs})"
    if op in _COMPARISONS:
        return f"({lhs} {_COMPARISONS[op]} {rhs} and 1 or 0)"
    if op is operator.floordiv:
        return f"math.floor({lhs} / {rhs})"
    if op is operator.rshift:
        return f"numbers.shift_right({lhs}, {rhs})"
    if op is operator.lshift:
        return f"({lhs} * 2 ^ {rhs})"
    if op is operator.and_:
        return f"numbers.both({lhs}, {rhs})"
    raise ExpressionError(f"no Lua form for {op.__name__} in ({left!r}, {right!r})")


def _name(path: Any) -> str:  # noqa: ANN401
    """Name of a field of the same message: ``this.name``, nothing deeper."""
    parent = object.__getattribute__(path, "_Path__parent")
    name = object.__getattribute__(path, "_Path__field")
    if parent is None or object.__getattribute__(parent, "_Path__parent") is not None or not str(name).isidentifier():
        raise ExpressionError(f"no Lua form for {path!r}: only fields of the same message")
    return str(name)
