"""What usually breaks between Wireshark and the dissector, and what to do about it."""

from __future__ import annotations

import enum
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vebus_tools.wireshark.installation import FILE_NAME, is_ours
from vebus_tools.wireshark.programs import Program, ProgramError, find_program

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Diagnosis", "Verdict", "diagnoses"]

_OLDEST = (3, 6)  # older ones were never tried, and have no Lua 5.2 in most distributions
_TRIED = (4, 0)
_OLDEST_LUA = (5, 2)
_OUR_PROTOCOLS = frozenset({"vebus", "mk3"})


class Verdict(enum.Enum):
    """How a diagnosis ends; the values are what is printed in front."""

    GOOD = "ok"
    WARNING = "warning"
    BAD = "problem"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One thing that was looked at, and what to do where it is not good."""

    verdict: Verdict
    text: str

    def __str__(self) -> str:
        """One line."""
        return f"{self.verdict.value}: {self.text}"


def diagnoses(text: str, name: str | None = None, *, user: int | None = None) -> Iterator[Diagnosis]:
    """Look at the program, the folders and the installed file.

    ``text`` is the dissector as this version writes it, ``name`` the program to ask, ``user`` the id of the user
    (None: the one who runs this, where the system has such ids).
    """
    yield from _of_user(_own_id() if user is None else user)
    try:
        program = find_program(name)
        folders = program.folders()
    except ProgramError as problem:
        yield Diagnosis(Verdict.BAD, str(problem))
        return
    yield from _of_version(program)
    path = folders.personal / FILE_NAME
    yield from _of_folder(folders.personal)
    yield from _of_file(path, text)
    if folders.shared is not None and (folders.shared / FILE_NAME).exists():
        other = folders.shared / FILE_NAME
        yield Diagnosis(Verdict.BAD, f"{other} is there, too: a protocol may exist only once; remove one of them")
    if path.exists():
        yield from _of_loading(program)


def _own_id() -> int | None:
    return os.geteuid() if hasattr(os, "geteuid") else None


def _of_user(user: int | None) -> Iterator[Diagnosis]:
    if user == 0:
        yield Diagnosis(
            Verdict.WARNING, "running as root: install as the user who runs Wireshark, which may refuse scripts of root"
        )


def _of_version(program: Program) -> Iterator[Diagnosis]:
    version = ".".join(map(str, program.version)) or "of unknown version"
    said = f"{program.path} {version}"
    if program.version and program.version < _OLDEST:
        yield Diagnosis(Verdict.BAD, f"{said} is too old; {'.'.join(map(str, _OLDEST))} or newer is needed")
    elif program.version < _TRIED:
        yield Diagnosis(Verdict.WARNING, f"{said}: the dissector was only tried with {'.'.join(map(str, _TRIED))}")
    else:
        yield Diagnosis(Verdict.GOOD, said)
    lua = ".".join(map(str, program.lua))
    if not program.lua:
        yield Diagnosis(Verdict.BAD, f"{program.path} was built without Lua; install one that says 'with Lua'")
    elif program.lua < _OLDEST_LUA:
        yield Diagnosis(Verdict.BAD, f"Lua {lua} is too old; {'.'.join(map(str, _OLDEST_LUA))} or newer is needed")
    else:
        yield Diagnosis(Verdict.GOOD, f"Lua {lua}")


def _of_folder(folder: Path) -> Iterator[Diagnosis]:
    place = next(one for one in (folder, *folder.parents) if one.exists())
    if not place.is_dir():
        yield Diagnosis(Verdict.BAD, f"{place} is no folder; move it away")
    elif not os.access(place, os.R_OK | os.W_OK | os.X_OK):
        yield Diagnosis(Verdict.BAD, f"{place} may not be written; look at its owner and its permissions")
    else:
        yield Diagnosis(Verdict.GOOD, f"folder {folder}{'' if folder.exists() else ' (not there yet)'}")


def _of_file(path: Path, text: str) -> Iterator[Diagnosis]:
    if not path.exists():
        yield Diagnosis(Verdict.BAD, f"{path} is not installed; run: vebus wireshark install")
        return
    try:
        there = path.read_text(encoding="utf-8", errors="replace")
    except OSError as problem:
        yield Diagnosis(Verdict.BAD, f"{path}: {problem.strerror}; Wireshark cannot read it either")
        return
    if there == text:
        yield Diagnosis(Verdict.GOOD, f"{path} is current")
    elif is_ours(there):
        yield Diagnosis(Verdict.WARNING, f"{path} is of another version; run: vebus wireshark install")
    else:
        yield Diagnosis(Verdict.BAD, f"{path} was not written by vebus wireshark; move it away")


def _of_loading(program: Program) -> Iterator[Diagnosis]:
    """Start the program with all its scripts and see what it knows then."""
    lines, complaints = program.ask("-G", "protocols")
    yield from (Diagnosis(Verdict.BAD, f"{program.path}: {line}") for line in complaints if "Lua" in line)
    known = {line.split("\t")[-1] for line in lines}
    if known >= _OUR_PROTOCOLS:
        yield Diagnosis(Verdict.GOOD, f"{program.path} knows {' and '.join(sorted(_OUR_PROTOCOLS))}")
    else:
        yield Diagnosis(
            Verdict.BAD,
            f"{program.path} does not load the dissector; is Lua switched off in init.lua, or for root?",
        )
