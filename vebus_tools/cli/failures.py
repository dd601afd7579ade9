"""From failures to one line on stderr and an exit code.

Exit codes of every command: 0 done; 1 the input or output failed (the line says what, where and what to do); 2 wrong
usage, a wrong filter or field name among them; 3 the port of `vebus sniff` was lost; 130 stopped with Ctrl-C (0 for
commands that run until then: sniff, simulate, replay, emulate-bms); 141 the reader of our output went away.  10 to 14
are verdicts of the firmware gate (check-firmware), 20 to 24 ends of a transmitting session (emulate-bms).
"""

import contextlib
import sys
from collections.abc import Callable

from vebus_protocol.errors import VEBusError
from vebus_tools.cli.streams import drop_output

__all__ = ["BROKEN_PIPE", "FAILED", "INTERRUPTED", "USAGE", "UsageError", "guarded"]

FAILED, USAGE, INTERRUPTED, BROKEN_PIPE = 1, 2, 130, 141


class UsageError(VEBusError):
    """A wrong option, filter or field name; nothing was read yet."""

    exit_code = USAGE


def guarded(action: Callable[[], int]) -> int:
    """Run a command; returns its exit code, or that of the failure, of which one line was written."""
    try:
        code = action()
        sys.stdout.flush()  # a full disk is told here, not when the interpreter ends
    except VEBusError as problem:
        return _failed(str(problem), getattr(problem, "exit_code", FAILED))
    except KeyboardInterrupt:
        return _failed("", INTERRUPTED)
    except BrokenPipeError:
        drop_output()
        return BROKEN_PIPE
    except UnicodeEncodeError as problem:  # a file name that is no text, where only text can be stored
        return _failed(f"{problem.object!r}: cannot be written as {problem.encoding}; rename the file", FAILED)
    except OSError as problem:
        return _failed(f"{problem.filename or 'standard output'}: {problem.strerror or problem}", FAILED)
    return code


def _failed(text: str, code: int) -> int:
    try:
        sys.stdout.flush()  # what was printed so far stands before the reason
    except OSError:
        drop_output()
    if text:
        with contextlib.suppress(OSError):  # nobody is left who could be told
            sys.stderr.write(f"vebus: {text}\n")
    return code
