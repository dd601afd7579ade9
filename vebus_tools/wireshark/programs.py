"""Asking tshark or Wireshark about itself: version, Lua, folders, known protocols."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from vebus_protocol.errors import VEBusError

__all__ = ["PROGRAMS", "Folders", "Program", "ProgramError", "find_program"]

PROGRAMS = ("tshark", "wireshark")
"""Programs that can be asked, the preferred one first."""

_TIMEOUT_S = 60
_VERSION = re.compile(r"\b(\d+)\.(\d+)(?:\.(\d+))?")
_LUA = re.compile(r"\bwith\s+Lua\s+(\d+)\.(\d+)", re.IGNORECASE)
_ROOT_WARNING = "Running as user"
_PERSONAL_LUA = "Personal Lua Plugins"
_GLOBAL_LUA = "Global Lua Plugins"
_PERSONAL_EXTCAP = "Personal Extcap path"
_CONFIGURATION = "Personal configuration"


class ProgramError(VEBusError):
    """Neither tshark nor Wireshark can be asked; the text says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Folders:
    """Where a program looks for scripts in Lua: those of this user, and those of everybody (None: it names none).

    ``extcap`` is where it looks for capture interfaces of this user, ``configuration`` where their settings are.
    """

    personal: Path
    shared: Path | None
    extcap: Path
    configuration: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A program of the Wireshark family; ``version`` and ``lua`` are numbers such as (4, 0, 17), empty if unknown."""

    path: str
    version: tuple[int, ...]
    lua: tuple[int, ...]

    def folders(self) -> Folders:
        """Folders for scripts as the program itself reports them.  Raises ProgramError."""
        found = {
            name.strip().rstrip(":"): place.strip()
            for name, _, place in (line.partition("\t") for line in self.ask("-G", "folders")[0])
        }
        for wanted, text in ((_PERSONAL_LUA, "for Lua scripts"), (_CONFIGURATION, "for settings")):
            if not found.get(wanted):
                raise ProgramError(f"{self.path} -G folders names no folder {text}; is it too old?")
        shared, extcap = found.get(_GLOBAL_LUA), found.get(_PERSONAL_EXTCAP)
        configuration = Path(found[_CONFIGURATION])
        return Folders(
            personal=Path(found[_PERSONAL_LUA]),
            shared=Path(shared) if shared else None,
            extcap=Path(extcap) if extcap else configuration / "extcap",  # before 4.2 it was there, and not named
            configuration=configuration,
        )

    def ask(self, *options: str) -> tuple[list[str], list[str]]:
        """Lines of the output, and what it complains about.  Raises ProgramError when it cannot be run."""
        return _run(self.path, *options)


def find_program(name: str | None = None) -> Program:
    """The program of this name or path, else the first of PROGRAMS that is installed.  Raises ProgramError."""
    for wanted in (name,) if name else PROGRAMS:
        path = shutil.which(wanted)
        if path is not None:
            return _described(path)
    missing = f"{name} is not installed or may not be run" if name else "neither tshark nor wireshark is installed"
    raise ProgramError(f"{missing}; on Debian: apt install tshark")


def _described(path: str) -> Program:
    lines, _ = _run(path, "--version")
    version = _VERSION.search(lines[0]) if lines else None
    lua = _LUA.search(" ".join(lines))
    return Program(
        path=path,
        version=tuple(int(part) for part in version.groups() if part) if version else (),
        lua=tuple(map(int, lua.groups())) if lua else (),
    )


def _run(path: str, *options: str) -> tuple[list[str], list[str]]:
    try:
        done = subprocess.run(  # noqa: S603  (the program that the user named, with options of ours)
            [path, *options], stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=_TIMEOUT_S
        )
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise ProgramError(f"{path} {' '.join(options)}: {problem}") from problem
    complaints = done.stderr.decode("utf-8", "replace").splitlines()
    return (
        done.stdout.decode("utf-8", "replace").splitlines(),
        [line for line in complaints if line and not line.startswith(_ROOT_WARNING)],
    )
