"""Colour filters: which packets get which colours in Wireshark and in ``tshark --color``.

The first filter that matches counts: damage, then what is not known, then the kinds of messages.
"""

from __future__ import annotations

from dataclasses import dataclass

from vebus_tools.wireshark.installation import MARK

__all__ = ["COLOURS", "Colour", "colour_filters"]

_BLACK, _WHITE = "000000", "ffffff"


@dataclass(frozen=True, slots=True, kw_only=True)
class Colour:
    """One rule: the display filter, and text over background as ``rrggbb``."""

    name: str
    filter: str
    text: str = _BLACK
    background: str


COLOURS = (
    Colour(
        name="VE.Bus bad checksum",
        filter="vebus.expert.checksum.error",
        text="ff9090",
        background="2b0b0b",
    ),
    Colour(
        name="VE.Bus malformed or skipped bytes",
        filter="vebus.expert.malformed.error || vebus.expert.malformed.warn",
        text="ffd75f",
        background="2b1d0b",
    ),
    Colour(
        name="VE.Bus laboratory frame",
        filter="vebus.lab_bms",
        text=_WHITE,
        background="7a2a8a",
    ),
    Colour(
        name="VE.Bus no reply to this request",
        filter="vebus.expert.response.warn",
        text=_BLACK,
        background="ffaf87",
    ),
    Colour(
        name="VE.Bus unknown",
        filter="vebus.expert.undecoded.note",
        background="d0d0d0",
    ),
    Colour(
        name="VE.Bus sync",
        filter='vebus.type == "Sync"',
        text="606060",
        background="f4f4f4",
    ),
    Colour(
        name="VE.Bus BMS",
        filter="vebus.bms || vebus.battery_limits_reply || mk3.battery_limits",
        background="e8c8ff",
    ),
    Colour(
        name="VE.Bus winmon reply",
        filter="vebus.reply",
        background="c8e8ff",
    ),
    Colour(
        name="VE.Bus winmon request",
        filter="winmon",
        background="e4f4ff",
    ),
    Colour(
        name="VE.Bus info",
        filter="vebus.dc || vebus.ac || vebus.acphase",
        background="d8f4d0",
    ),
    Colour(
        name="VE.Bus state",
        filter="vebus.config || vebus.charger || vebus.condition || vebus.panel || vebus.switch || mk3.leds",
        background="fff4c8",
    ),
    Colour(name="VE.Bus other", filter="vebus", background=_WHITE),
    Colour(name="MK2/MK3", filter="mk3", background="f0e8dc"),
)
"""All rules, the first one that matches counts."""


def colour_filters(version: str) -> str:
    """The file ``colorfilters`` of a Wireshark profile; View, Coloring Rules, Import takes it, too."""
    head = f"# {MARK} install` of vebus-tools {version}.\n"
    return head + "".join(f"@{one.name}@{one.filter}@{_words(one.background)}{_words(one.text)}\n" for one in COLOURS)


def _words(colour: str) -> str:
    """``[r,g,b]`` with 16 bits each, as Wireshark writes them."""
    return "[{},{},{}]".format(*(byte * 0x101 for byte in bytes.fromhex(colour)))
