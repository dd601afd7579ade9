"""From failures to one line on stderr and an exit code.

Exit codes of every command: 0 done; 1 the input or output failed (the line says what, where and what to do); 2 wrong
usage, a wrong filter or field name among them; 3 the port of `vebus sniff` was lost; 130 stopped with Ctrl-C (0 for
commands that run until then: sniff, simulate, replay, emulate-bms); 141 the reader of our output went away.  10 to 14
are verdicts of the firmware gate (check-firmware), 20 to 24 ends of a transmitting session (emulate-bms).
"""

import os
import sys
from collections.abc import Callable

from vebus_protocol.errors import VEBusError

__all__ = ["BROKEN_PIPE", "FAILED", "INTERRUPTED", "USAGE", "UsageError", "guarded"]

FAILED, USAGE, INTERRUPTED, BROKEN_PIPE = 1, 2, 130, 141


class UsageError(VEBusError):
    """A wrong option, filter or field name; nothing was read yet."""

    exit_code = USAGE


def guarded(action: Callable[[], int]) -> int:
    """Run a command; returns its exit code, or that of the failure, of which one line was written."""
    try:
        return action()
    except VEBusError as problem:
        return _failed(str(problem), getattr(problem, "exit_code", FAILED))
    except KeyboardInterrupt:
        return _failed("", INTERRUPTED)
    except BrokenPipeError:
        # Point stdout at nothing, so that the interpreter's last flush does not complain either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except OSError as problem:
        return _failed(f"{problem.filename or 'output'}: {problem.strerror or problem}", FAILED)


def _failed(text: str, code: int) -> int:
    sys.stdout.flush()  # what was printed so far stands before the reason
    if text:
        sys.stderr.write(f"vebus: {text}\n")
    return code
