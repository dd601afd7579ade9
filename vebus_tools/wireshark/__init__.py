"""Wireshark and tshark: a dissector in Lua, generated from the declarations, and where it is installed."""

from vebus_tools.wireshark.doctor import Diagnosis, Verdict, diagnoses
from vebus_tools.wireshark.installation import install, uninstall
from vebus_tools.wireshark.lua import lua_text
from vebus_tools.wireshark.programs import find_program

__all__ = ["Diagnosis", "Verdict", "diagnoses", "find_program", "install", "lua_text", "uninstall"]
