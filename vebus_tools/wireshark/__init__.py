"""Wireshark and tshark: a dissector in Lua, generated from the declarations, and where it is installed."""

from vebus_tools.wireshark.lua import lua_text

__all__ = ["lua_text"]
