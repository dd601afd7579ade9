"""Which tests hold which requirement: B-n of the specification of the BMS V2, X-n of its interlocks.

A test says it with `@covers("B-22")`, of an interlock with `@covers("X-5", trips=True)` or `trips=False`;
`python -m tests.traceability` prints the table.
"""

from collections.abc import Callable
from typing import TypeVar

__all__ = ["covers"]

Test = TypeVar("Test", bound=Callable[..., object])


def covers(*requirements: str, trips: bool | None = None) -> Callable[[Test], Test]:
    """Say which requirements a test holds; the table reads it from the source, nothing happens at run time.

    ``trips`` is for interlocks: whether the test shows one that trips, or one that lets pass.
    """
    assert requirements
    assert (trips is not None) == all(one.startswith("X-") for one in requirements)

    def unchanged(test: Test) -> Test:
        return test

    return unchanged
