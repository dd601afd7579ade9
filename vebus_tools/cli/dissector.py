"""What `vebus wireshark` does: write, install, remove or check the dissector."""

from __future__ import annotations

import sys
from pathlib import Path

from vebus_tools import __version__
from vebus_tools.cli.failures import FAILED, UsageError
from vebus_tools.wireshark import Verdict, diagnoses, find_program, install, lua_text, uninstall

__all__ = ["run"]


def run(action: str, *, output: str | None = None, program: str | None = None) -> int:
    """Do one of lua, install, uninstall and doctor; returns the exit code.  Raises VEBusError and OSError."""
    if output is not None and action != "lua":
        raise UsageError(f"-o is for `vebus wireshark lua`; {action} finds its folder through the program")
    if action == "lua":
        return _write(output)
    if action == "install":
        sys.stdout.write(f"{install(find_program(program).folders().personal, lua_text(__version__))}\n")
        return 0
    if action == "uninstall":
        sys.stdout.write(f"{uninstall(find_program(program).folders().personal)}\n")
        return 0
    return _doctor(program)


def _write(output: str | None) -> int:
    text = lua_text(__version__)
    if output in (None, "-"):
        sys.stdout.write(text)
    else:
        Path(str(output)).write_text(text, encoding="utf-8")
    return 0


def _doctor(program: str | None) -> int:
    """Print what was found; a problem makes the exit code 1, a warning does not."""
    found = list(diagnoses(lua_text(__version__), program))
    sys.stdout.writelines(f"{one}\n" for one in found)
    return FAILED if any(one.verdict is Verdict.BAD for one in found) else 0
