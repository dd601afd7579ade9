"""`import vebus_protocol` offers its names, loads them only when they are asked for, and its example works."""

import ast
import doctest
import subprocess
import sys

import pytest

import vebus_protocol
from tests.checkout import PACKAGES


def _typed_names() -> dict[str, str]:
    """Name -> module of every import that only a type checker sees."""
    tree = ast.parse((PACKAGES["vebus_protocol"] / "__init__.py").read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    return {alias.name: node.module or "" for node in imports for alias in node.names}


def test_names_at_run_time_are_those_a_type_checker_sees() -> None:
    typed = _typed_names()
    assert sorted(typed) == sorted(vebus_protocol.__all__)
    for name, module in typed.items():
        assert getattr(vebus_protocol, name) is getattr(sys.modules[module], name)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'vebus_protocol' has no attribute 'Frme'"):
        vebus_protocol.Frme  # type: ignore[attr-defined]  # noqa: B018


def test_all_names_are_listed() -> None:
    assert set(vebus_protocol.__all__) <= set(dir(vebus_protocol))


def test_errors_come_without_construct(checkout_environment: dict[str, str]) -> None:
    code = "import sys, vebus_protocol.errors; sys.exit('construct' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], env=checkout_environment, timeout=60, check=False)
    assert run.returncode == 0


def test_the_example_of_the_docstring_works() -> None:
    found = doctest.testmod(vebus_protocol)
    assert found.attempted >= 6
    assert not found.failed
