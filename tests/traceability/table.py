"""The table requirement -> tests, read from the sources of the tests."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.traceability.requirements import REQUIREMENTS
from vebus_tools.interlocks import INTERLOCKS

__all__ = ["covered", "interlock_lines", "interlocks", "lines"]

_TESTS = Path(__file__).parent.parent


def covered(folder: Path = _TESTS) -> dict[str, list[str]]:
    """Requirement -> tests that say `@covers` of it, as pytest names them."""
    found: dict[str, list[str]] = {}
    for test, numbers, trips in _tests(folder):
        if trips is None:
            for number in numbers:
                found.setdefault(number, []).append(test)
    return found


def interlocks(folder: Path = _TESTS) -> dict[tuple[str, bool], list[str]]:
    """Interlock, and whether it trips -> tests that say so."""
    found: dict[tuple[str, bool], list[str]] = {}
    for test, numbers, trips in _tests(folder):
        if trips is not None:
            for number in numbers:
                found.setdefault((number, trips), []).append(test)
    return found


def _tests(folder: Path) -> Iterator[tuple[str, list[str], bool | None]]:
    for path in sorted(folder.rglob("test_*.py")):
        for name, numbers, trips in _marked(ast.parse(path.read_text(encoding="utf-8"))):
            yield f"{path.relative_to(folder.parent).as_posix()}::{name}", numbers, trips


def _marked(tree: ast.Module) -> Iterator[tuple[str, list[str], bool | None]]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef):
            continue
        for mark in node.decorator_list:
            if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "covers":
                trips = next((ast.literal_eval(one.value) for one in mark.keywords if one.arg == "trips"), None)
                yield node.name, [ast.literal_eval(one) for one in mark.args], trips


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
    yield from interlock_lines()
    yield f"{len(REQUIREMENTS)} requirements: {len(done)} implemented, {tested} of them tested; {rest} open"


def interlock_lines() -> Iterator[str]:
    """The same of the interlocks: tests that trip each one, and tests that do not."""
    found = interlocks()
    for one in INTERLOCKS:
        tripping, passing = (found.get((one.number, trips), []) for trips in (True, False))
        state = f"{len(tripping)}+{len(passing)} tests" if tripping and passing else "NO TEST"
        yield f"{one.number:<6} {'LOCK':<5} {state:<9} {one.name}: {one.text}"
        yield from (f"{'':<22} trips: {test}" for test in tripping)
        yield from (f"{'':<22} passes: {test}" for test in passing)
    both = sum((one.number, True) in found and (one.number, False) in found for one in INTERLOCKS)
    yield f"{len(INTERLOCKS)} interlocks: {both} with a test that trips it and one that does not"
