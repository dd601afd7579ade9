"""The table requirement -> tests, read from the sources of the tests."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.traceability.requirements import REQUIREMENTS

__all__ = ["covered", "lines"]

_TESTS = Path(__file__).parent.parent


def covered(folder: Path = _TESTS) -> dict[str, list[str]]:
    """Requirement -> tests that say `@covers` of it, as pytest names them."""
    found: dict[str, list[str]] = {}
    for path in sorted(folder.rglob("test_*.py")):
        for name, numbers in _marked(ast.parse(path.read_text(encoding="utf-8"))):
            for number in numbers:
                found.setdefault(number, []).append(f"{path.relative_to(folder.parent).as_posix()}::{name}")
    return found


def _marked(tree: ast.Module) -> Iterator[tuple[str, list[str]]]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef):
            continue
        for mark in node.decorator_list:
            if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "covers":
                yield node.name, [ast.literal_eval(one) for one in mark.args]


def lines() -> Iterator[str]:
    """The table as text: one line a requirement, its tests below, a sum at the end."""
    found = covered()
    for one in REQUIREMENTS:
        tests = found.get(one.number, [])
        state = f"{len(tests)} tests" if tests else "OPEN" if not one.part.done else "NO TEST"
        yield f"{one.number:<6} {one.tag:<5} {state:<9} {one.part.name}: {one.about}"
        yield from (f"{'':<22} {test}" for test in tests)
    done = [one for one in REQUIREMENTS if one.part.done]
    tested = sum(one.number in found for one in done)
    rest = len(REQUIREMENTS) - len(done)
    yield f"{len(REQUIREMENTS)} requirements: {len(done)} implemented, {tested} of them tested; {rest} open"
