"""What is installed where: dissector, launcher of the capture interfaces, and a profile with colours and columns."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import TYPE_CHECKING

from vebus_tools.wireshark.colours import colour_filters
from vebus_tools.wireshark.installation import MARK, OurFile
from vebus_tools.wireshark.lua import lua_text

if TYPE_CHECKING:
    from vebus_tools.wireshark.programs import Folders

__all__ = ["DISSECTOR", "LAUNCHER", "PROFILE", "launcher_text", "our_files", "preferences_text"]

DISSECTOR = "vebus.lua"
LAUNCHER = "vebus-extcap"
PROFILE = "VE.Bus"
"""Names of the installed files, and of the profile."""

_COLUMNS = (
    ("No.", "%m"),
    ("Time", "%t"),
    ("Delta", "%Gt"),
    ("Source", "%s"),
    ("Destination", "%d"),
    ("Protocol", "%p"),
    ("Length", "%L"),
    ("Info", "%i"),
)


def our_files(folders: Folders, version: str, interpreter: str) -> Iterator[OurFile]:
    """All files, dissector and launcher first; ``interpreter`` is the Python that has this package."""
    profile = folders.configuration / "profiles" / PROFILE
    yield OurFile(path=folders.personal / DISSECTOR, text=lua_text(version))
    yield OurFile(path=folders.extcap / LAUNCHER, text=launcher_text(version, interpreter), executable=True)
    yield OurFile(path=profile / "colorfilters", text=colour_filters(version), adoptable=True)
    yield OurFile(path=profile / "preferences", text=preferences_text(version), adoptable=True)


def launcher_text(version: str, interpreter: str) -> str:
    """Script that Wireshark starts as a capture interface; it becomes the interpreter, so signals reach it."""
    return (
        f"#!/bin/sh\n"
        f"# {MARK} install` of vebus-tools {version}: capture interfaces of Wireshark and tshark.\n"
        f'exec {shlex.quote(interpreter)} -P -m vebus_tools.cli extcap "$@"\n'
    )


def preferences_text(version: str) -> str:
    """Preferences of the profile: the columns of the packet list; all else is as Wireshark has it."""
    cells = ",\n\t".join(f'"{title}", "{form}"' for title, form in _COLUMNS)
    return f"# {MARK} install` of vebus-tools {version}.\n\ngui.column.format: \n\t{cells}\n"
