"""Which tests hold which requirement: B-n of the specification of the BMS V2.

A test says it with `@covers("B-22")`; `python -m tests.traceability` prints the table.
"""

from collections.abc import Callable
from typing import TypeVar

__all__ = ["covers"]

Test = TypeVar("Test", bound=Callable[..., object])


def covers(*requirements: str) -> Callable[[Test], Test]:
    """Say which requirements a test holds; the table reads it from the source, nothing happens at run time."""
    assert requirements

    def unchanged(test: Test) -> Test:
        return test

    return unchanged
