"""Expressions of the declarations -> Lua functions over the raw numbers of a message.

Truth values are 1 and 0, as Python counts with them.  A function returns nil where a field that it needs is not in the
frame.
"""

from __future__ import annotations

from vebus_protocol.expressions import Name, Operation, Tree, names_in, tree_of
from vebus_tools.wireshark.literals import Code

__all__ = ["lua_expression", "lua_function"]

_FORMS = {
    "//": "math.floor({0} / {1})",
    ">>": "numbers.shift_right({0}, {1})",
    "<<": "({0} * 2 ^ {1})",
    "&": "numbers.both({0}, {1})",
    "!=": "({0} ~= {1} and 1 or 0)",
    **{symbol: f"({{0}} {symbol} {{1}})" for symbol in ("+", "-", "*", "%")},
    **{symbol: f"({{0}} {symbol} {{1}} and 1 or 0)" for symbol in ("<", "<=", ">", ">=", "==")},
}


def lua_function(expression: object) -> Code:
    """The function of one expression.  Raises ExpressionError."""
    tree = tree_of(expression)
    missing = " or ".join(f"r.{name} == nil" for name in names_in(tree))
    guard = f"if {missing} then return nil end " if missing else ""
    return Code(f"function(r) {guard}return {lua_expression(tree)} end")


def lua_expression(tree: Tree) -> str:
    """Lua source of one expression."""
    if isinstance(tree, Operation):
        return _FORMS[tree.symbol].format(lua_expression(tree.left), lua_expression(tree.right))
    return f"r.{tree.field}" if isinstance(tree, Name) else str(tree.value)
