"""`vebus emulate-bms --transmit`: the session on a real port, behind all interlocks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vebus_tools.cli.failures import UsageError

if TYPE_CHECKING:
    from vebus_tools.cli.emulate_setup import Prepared
    from vebus_tools.cli.emulating import Request

__all__ = ["transmit"]


def transmit(request: Request, prepared: Prepared) -> int:
    """Transmit; returns the exit code."""
    raise UsageError(f"--transmit is not there yet ({request.interface}, {prepared.profile.id})")
