"""What usually breaks between Wireshark and what is installed for it, and what to do about it."""

from __future__ import annotations

import enum
import os
import shlex
import stat
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from vebus_tools.wireshark.installation import OurFile, is_ours
from vebus_tools.wireshark.inventory import DISSECTOR, our_files
from vebus_tools.wireshark.programs import Program, ProgramError, find_program

__all__ = ["Diagnosis", "Verdict", "diagnoses"]

_OLDEST = (3, 6)  # older ones were never tried, and have no Lua 5.2 in most distributions
_TRIED = (4, 0)
_OLDEST_LUA = (5, 2)
_OUR_PROTOCOLS = frozenset({"vebus", "mk3"})
_OUR_INTERFACE = "vebus-sim"
_TIMEOUT_S = 30


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


def diagnoses(
    version: str, interpreter: str, name: str | None = None, *, user: int | None = None, ports: Iterable[str] = ()
) -> Iterator[Diagnosis]:
    """Look at the program, the folders, the installed files and the serial ports.

    ``version`` and ``interpreter`` are what an installation would write now, ``name`` the program to ask, ``user`` the
    id of the user (None: the one who runs this, where the system has such ids), ``ports`` paths of devices.
    """
    yield from _of_user(_own_id() if user is None else user)
    try:
        program = find_program(name)
        folders = program.folders()
    except ProgramError as problem:
        yield Diagnosis(Verdict.BAD, str(problem))
        return
    yield from _of_version(program)
    files = list(our_files(folders, version, interpreter))
    for folder in dict.fromkeys(file.path.parent for file in files):
        yield from _of_folder(folder)
    for file in files:
        yield from _of_file(file)
    other = None if folders.shared is None else folders.shared / DISSECTOR
    if other is not None and other.exists():
        yield Diagnosis(Verdict.BAD, f"{other} is there, too: a protocol may exist only once; remove one of them")
    dissector, launcher = files[0], files[1]
    if dissector.path.exists():
        yield from _of_loading(program)
    if launcher.path.exists():
        yield from _of_launcher(launcher.path)
        yield from _of_interfaces(program)
    yield from _of_ports(ports)


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


def _of_file(file: OurFile) -> Iterator[Diagnosis]:
    path = file.path
    try:
        there = file.content()
    except OSError as problem:
        yield Diagnosis(Verdict.BAD, f"{path}: {problem.strerror}; Wireshark cannot read it either")
        return
    if there is None:
        verdict = Verdict.WARNING if file.adoptable else Verdict.BAD
        yield Diagnosis(verdict, f"{path} is not installed; run: vebus wireshark install")
    elif file.is_current(there):
        yield Diagnosis(Verdict.GOOD, f"{path} is current")
    elif file.executable and not os.access(path, os.X_OK):
        yield Diagnosis(Verdict.BAD, f"{path} may not be executed; run: vebus wireshark install")
    elif is_ours(there):
        other = " or Python" if file.executable else ""
        yield Diagnosis(Verdict.WARNING, f"{path} is of another version{other}; run: vebus wireshark install")
    elif file.adoptable:
        yield Diagnosis(Verdict.GOOD, f"{path} was changed in Wireshark, and stays so")
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


def _of_launcher(path: Path) -> Iterator[Diagnosis]:
    """Start the launcher as Wireshark does."""
    interpreter = _interpreter(path)
    if interpreter is not None and _gone(interpreter):
        text = f"{path}: its Python {interpreter} is gone; run vebus wireshark install with the Python to use"
        yield Diagnosis(Verdict.BAD, text)
        return
    try:
        done = subprocess.run(  # noqa: S603  (the file that we installed)
            [str(path), "--extcap-interfaces"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=_TIMEOUT_S,
        )
    except (OSError, subprocess.TimeoutExpired) as problem:
        yield Diagnosis(Verdict.BAD, f"{path} cannot be started: {problem}")
        return
    if done.returncode or _OUR_INTERFACE not in done.stdout.decode("utf-8", "replace"):
        said = done.stderr.decode("utf-8", "replace").splitlines()
        why = said[-1] if said else f"exit code {done.returncode}"
        yield Diagnosis(Verdict.BAD, f"{path} fails: {why}; run vebus wireshark install with the Python to use")
    else:
        yield Diagnosis(Verdict.GOOD, f"{path} answers")


def _interpreter(path: Path) -> str | None:
    """Python that a launcher starts; None where that cannot be told."""
    try:
        last = path.read_text(encoding="utf-8", errors="replace").splitlines()[-1]
        words = shlex.split(last)
    except (OSError, ValueError, IndexError):
        return None
    return words[1] if len(words) > 1 and words[0] == "exec" else None


def _gone(path: str) -> bool:
    try:
        Path(path).stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def _of_interfaces(program: Program) -> Iterator[Diagnosis]:
    lines, complaints = program.ask("-D")
    ours = [line for line in lines if "vebus-" in line]
    if any("dumpcap" in line for line in complaints):
        text = "may not run dumpcap, without which nothing can be captured; is this user in the group wireshark?"
        yield Diagnosis(Verdict.BAD, f"{program.path} {text}")
    elif ours:
        yield Diagnosis(Verdict.GOOD, f"{program.path} -D lists {len(ours)} interfaces of ours")
    else:
        yield Diagnosis(Verdict.BAD, f"{program.path} -D lists no interface of ours; does it capture at all?")


def _of_ports(ports: Iterable[str]) -> Iterator[Diagnosis]:
    for port in ports:
        if not os.access(port, os.R_OK):
            yield Diagnosis(Verdict.WARNING, f"{port} may not be opened by this user{_membership(port)}")


def _membership(port: str) -> str:
    """Which group would help; none where the port gives its group nothing, or the system has no groups."""
    try:
        import grp

        facts = Path(port).stat()
        group = grp.getgrgid(facts.st_gid).gr_name
    except (ImportError, OSError, KeyError):
        return ""
    if facts.st_gid == 0 or not facts.st_mode & stat.S_IRGRP:
        return "; look at its owner and its permissions"
    return f"; join its group: sudo usermod -aG {group} $USER, then log in anew"
