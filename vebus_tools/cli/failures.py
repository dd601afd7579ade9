"""Exit codes, and the failures that are the user's."""

from __future__ import annotations

from vebus_protocol.errors import VEBusError

__all__ = ["FAILED", "UsageError"]

FAILED, USAGE = 1, 2


class UsageError(VEBusError):
    """A wrong option, filter or field name; nothing was read yet."""

    exit_code = USAGE
