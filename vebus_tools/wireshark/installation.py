"""The dissector in the user's folder for Lua scripts: put there, taken away, never in place of a foreign file."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from vebus_protocol.errors import VEBusError
from vebus_tools.wireshark.lua import MARK

__all__ = ["FILE_NAME", "InstallError", "install", "is_ours", "uninstall"]

FILE_NAME = "vebus.lua"
"""Name of the installed file."""


class InstallError(VEBusError):
    """The dissector cannot be installed or removed; the text says where and what to do."""


def install(folder: Path, text: str) -> str:
    """Write the dissector and say what was done; what is there already is left alone.  Raises InstallError."""
    path = folder / FILE_NAME
    try:
        there = path.read_text(encoding="utf-8", errors="replace") if path.exists() else None
        if there == text:
            return f"{path} is there already, and current"
        if there is not None and not is_ours(there):
            raise InstallError(f"{path} was not written by vebus wireshark; move it away first")
        folder.mkdir(parents=True, exist_ok=True)
        _replace(path, text)
    except OSError as problem:
        raise _failed(path, problem) from problem
    return f"{path} {'installed' if there is None else 'replaced by the current one'}"


def uninstall(folder: Path) -> str:
    """Remove the dissector and say what was done.  Raises InstallError."""
    path = folder / FILE_NAME
    try:
        if not path.exists():
            return f"{path} is not there, nothing to do"
        if not is_ours(path.read_text(encoding="utf-8", errors="replace")):
            raise InstallError(f"{path} was not written by vebus wireshark, so it stays")
        path.unlink()
    except OSError as problem:
        raise _failed(path, problem) from problem
    return f"{path} removed"


def is_ours(text: str) -> bool:
    """Whether a Lua file was written by this program, in whatever version."""
    return MARK in text[:1000]


def _replace(path: Path, text: str) -> None:
    """Write beside the target and move it there, so that a program that starts now never reads half a file."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with open(handle, "w", encoding="utf-8") as file:  # noqa: PTH123  (a descriptor, not a path)
            file.write(text)
        Path(name).chmod(0o644)
        os.replace(name, path)  # noqa: PTH105
    except OSError:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise


def _failed(path: Path, problem: OSError) -> InstallError:
    return InstallError(f"{problem.filename or path}: {problem.strerror or problem}")
