"""Wireshark and tshark: dissector, launcher of the capture interfaces and colours, and where they are installed."""

from vebus_tools.wireshark.colours import colour_filters
from vebus_tools.wireshark.doctor import Diagnosis, Verdict, diagnoses
from vebus_tools.wireshark.installation import OurFile, install, uninstall
from vebus_tools.wireshark.inventory import our_files
from vebus_tools.wireshark.lua import lua_text
from vebus_tools.wireshark.programs import find_program

__all__ = [
    "Diagnosis",
    "OurFile",
    "Verdict",
    "colour_filters",
    "diagnoses",
    "find_program",
    "install",
    "lua_text",
    "our_files",
    "uninstall",
]
