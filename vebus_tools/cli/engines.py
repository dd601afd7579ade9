"""Which engine decodes: an environment variable forces one, otherwise the fastest that can serve the request."""

from __future__ import annotations

import enum
import os

from vebus_tools.cli.failures import UsageError

__all__ = ["SWITCH", "Engine", "engine"]

SWITCH = "VEBUS_ENGINE"
"""Name of the environment variable."""


class Engine(enum.Enum):
    """``reference`` reads with Construct and walks the declarations, ``fast`` is derived from them."""

    REFERENCE = "reference"
    FAST = "fast"


def engine() -> Engine:
    """The engine that the environment asks for; fast without a word.  Raises UsageError for an unknown one."""
    wanted = os.environ.get(SWITCH) or Engine.FAST.value
    try:
        return Engine(wanted)
    except ValueError:
        raise UsageError(f"{SWITCH}={wanted}: there are {', '.join(each.value for each in Engine)}") from None
