"""What `vebus wireshark` does: write, install, remove or check what Wireshark needs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from vebus_tools import __version__
from vebus_tools.cli.failures import FAILED, UsageError
from vebus_tools.wireshark import (
    OurFile,
    Verdict,
    colour_filters,
    diagnoses,
    find_program,
    install,
    lua_text,
    our_files,
    uninstall,
)
from vebus_tools.wireshark.installation import InstallError

__all__ = ["run"]

_TEXTS: dict[str, Callable[[str], str]] = {"lua": lua_text, "colorfilters": colour_filters}


def run(action: str, *, output: str | None = None, program: str | None = None) -> int:
    """Do one of lua, colorfilters, install, uninstall and doctor; returns the exit code.

    Raises VEBusError and OSError.
    """
    if output is not None and action not in _TEXTS:
        raise UsageError(f"-o is for `vebus wireshark lua`; {action} finds its folders through the program")
    if action in _TEXTS:
        return _write(_TEXTS[action](__version__), output)
    if action == "doctor":
        return _doctor(program)
    return _each(install if action == "install" else uninstall, program)


def _write(text: str, output: str | None) -> int:
    if output in (None, "-"):
        sys.stdout.write(text)
    else:
        Path(str(output)).write_text(text, encoding="utf-8")
    return 0


def _each(action: Callable[[OurFile], str], program: str | None) -> int:
    """Do it with all files, whatever one of them says.  Raises InstallError for the first that could not be done."""
    problems = []
    for file in our_files(find_program(program).folders(), __version__, sys.executable):
        try:
            sys.stdout.write(f"{action(file)}\n")
        except InstallError as problem:
            problems.append(problem)
    if problems:
        raise InstallError("; ".join(map(str, problems)))
    return 0


def _doctor(program: str | None) -> int:
    """Print what was found; a problem makes the exit code 1, a warning does not."""
    from vebus_tools.link.ports import port_names

    found = list(diagnoses(__version__, sys.executable, program, ports=port_names()))
    sys.stdout.writelines(f"{one}\n" for one in found)
    return FAILED if any(one.verdict is Verdict.BAD for one in found) else 0
