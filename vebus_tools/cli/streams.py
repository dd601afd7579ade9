"""Standard streams that the caller closed (`<&-`, `>&-`, `2>&-`), and those that cannot take what is left in them.

Without a place holder, the first file that is opened would get the number of the closed stream, and what is printed
would end up in it.
"""

import contextlib
import io
import os
import sys
from typing import TextIO, cast

__all__ = ["drop_output", "occupy_closed", "print_anything"]


def occupy_closed() -> None:
    """Put something in the place of closed streams: reading and printing fail as they do everywhere, errors vanish."""
    if sys.stdin is None:
        sys.stdin = _place_holder(0, os.O_WRONLY, "r")
    if sys.stdout is None:
        sys.stdout = _place_holder(1, os.O_RDONLY, "w")
    if sys.stderr is None:
        sys.stderr = _place_holder(2, os.O_WRONLY, "w")


def _place_holder(number: int, flags: int, mode: str) -> TextIO:
    """A stream at this number that goes nowhere; with the wrong flags for its mode, using it is an OSError."""
    _point_to_nothing(number, flags)
    return cast(TextIO, os.fdopen(number, mode, encoding="utf-8", closefd=False))


def print_anything() -> None:
    """What the encoding of standard output lacks is printed as an escape: a name in a file ends no program."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def drop_output() -> None:
    """Forget what standard output could not take, so that the interpreter does not complain when it ends."""
    with contextlib.suppress(OSError, ValueError):  # ValueError: no stream of the operating system
        _point_to_nothing(sys.stdout.fileno(), os.O_WRONLY)


def _point_to_nothing(number: int, flags: int) -> None:
    opened = os.open(os.devnull, flags)
    if opened != number:
        os.dup2(opened, number)
        os.close(opened)
