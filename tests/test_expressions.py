"""Expressions of the declarations: what they compute, what stands in their tree, what they refuse."""

import operator
from collections.abc import Callable
from typing import Any

import construct
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vebus_protocol.expressions import ExpressionError, Name, Number, Operation, names_in, this, tree_of

BINARY = (
    operator.add,
    operator.sub,
    operator.mul,
    operator.mod,
    operator.floordiv,
    operator.lshift,
    operator.rshift,
    operator.and_,
    operator.lt,
    operator.le,
    operator.gt,
    operator.ge,
    operator.eq,
    operator.ne,
)


@pytest.mark.parametrize("apply", BINARY, ids=lambda one: one.__name__)
@given(a=st.integers(0, 0xFFFF), b=st.integers(1, 40))
def test_every_operator_computes_as_on_numbers(apply: Callable[[Any, Any], Any], a: int, b: int) -> None:
    raws = {"a": a, "b": b}
    assert apply(this.a, this.b)(raws) == apply(a, b)
    assert apply(this.a, b)(raws) == apply(a, b), "a number on the right"
    assert apply(a, this.b)(raws) == apply(a, b), "a number on the left"
    assert apply(construct.this.a, b)(raws) == apply(this.a, b)(raws), "as Construct computes"


def test_expressions_nest_and_negate() -> None:
    expression = (((this.a & 0x80) == 0x80) * 3 - -this.b) // 2
    assert expression({"a": 0x81, "b": 5}) == 4
    assert repr(expression) == "(((((this.a & 128) == 128) * 3) - (0 - this.b)) // 2)"
    assert names_in(tree_of(expression)) == ("a", "b")


def test_the_tree_keeps_the_order_of_the_declaration() -> None:
    assert tree_of(10 - this.a) == Operation("-", Number(10), Name("a"))
    assert tree_of(this.a - 10) == Operation("-", Name("a"), Number(10))
    assert tree_of(7) == Number(7)


def test_what_is_not_in_the_message_has_no_value() -> None:
    with pytest.raises(KeyError):
        (this.a + 1)({})
    with pytest.raises(TypeError):
        (this.a + 1)({"a": None})


@pytest.mark.parametrize("wrong", [lambda: this.a + 1.5, lambda: this.a == "text", lambda: tree_of(len)])
def test_more_than_whole_numbers_is_refused_where_it_is_written(wrong: Callable[[], object]) -> None:
    with pytest.raises(ExpressionError, match="no tree for the expression"):
        wrong()


@pytest.mark.parametrize("wrong", [lambda: this.a.b, lambda: this._private, lambda: hash(this.a)])
def test_only_fields_of_the_same_message_have_a_name(wrong: Callable[[], object]) -> None:
    with pytest.raises((AttributeError, TypeError)):
        wrong()
