"""What can be said to a rehearsal while it runs: `cell 3 2.75`, `remote off`, `unplug` ...; text to an order.

The same words are the events of a scenario file.  Nothing is done here.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from vebus_protocol.errors import VEBusError
from vebus_tools.simulator.scenario_keys import duration

__all__ = ["HELP", "VERBS", "Order", "OrderError", "read_order"]


class OrderError(VEBusError):
    """Words that are no order; the text says what was expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One order: ``verb`` and what belongs to it.

    ``cell`` counts from 1, 0 means all cells; ``numbers`` are in the unit of the verb, None is "open" or "follow".
    ``over_s`` is how long the change takes; ``word`` is what follows as a word: on, off, charger-only.
    """

    verb: str
    cell: int = 0
    numbers: tuple[float | None, ...] = ()
    word: str = ""
    over_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """One verb: how it is written, what it does, and whether it needs a simulated Multi."""

    usage: str
    about: str
    read: Callable[[str, list[str]], Order]
    simulated: bool = False


def read_order(text: str) -> Order:
    """Order of a line.  Raises OrderError, with how the verb is written."""
    words = text.lower().split()
    if not words:
        raise OrderError("nothing was said; help lists what can be")
    name, rest = words[0], words[1:]
    name = _OTHER_NAMES.get(name, name)
    verb = VERBS.get(name)
    if verb is None:
        raise OrderError(f"{words[0]!r} is not known; known are {', '.join(VERBS)}")
    try:
        return verb.read(name, rest)
    except ValueError as problem:
        detail = f" ({problem})" if str(problem) else ""
        raise OrderError(f"{text.strip()!r}: write {verb.usage}{detail}") from problem


# --- readers of what follows a verb ----------------------------------------------------------------------------------
_UNITS = ("degc", "ohm", "v", "c", "w", "%")


def _number(text: str) -> float:
    """A number with or without its unit.  Raises ValueError."""
    bare = next((text.removesuffix(unit) for unit in _UNITS if text.endswith(unit)), text)
    try:
        value = float(bare)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"{text!r} is no number")
    return value


def _split_over(words: list[str]) -> tuple[list[str], float]:
    if "over" not in words:
        return words, 0.0
    at = words.index("over")
    if len(words) != at + 2:
        raise ValueError("a time such as 20s belongs behind over")
    text = words[at + 1]
    return words[:at], duration(float(text) if text.replace(".", "", 1).isdecimal() else text)


def _of_one(verb: str, words: list[str]) -> Order:
    """``3 2.75 over 20s``, ``3 follow``."""
    words, over_s = _split_over(words)
    if len(words) != 2 or not words[0].isdecimal() or int(words[0]) < 1:
        raise ValueError
    value = None if words[1] == "follow" else _number(words[1])
    return Order(verb=verb, cell=int(words[0]), numbers=(value,), over_s=over_s)


def _of_all(verb: str, words: list[str]) -> Order:
    """``2.75 over 20s``, ``follow``, or one value for each cell."""
    words, over_s = _split_over(words)
    if not words:
        raise ValueError
    if words == ["follow"]:
        return Order(verb=verb, numbers=(None,))
    return Order(verb=verb, numbers=tuple(map(_number, words)), over_s=over_s)


def _temperature(verb: str, words: list[str]) -> Order:
    """One cell or all of them."""
    return (_of_one if len(_split_over(words)[0]) == 2 else _of_all)(verb, words)


def _one_of(*allowed: str) -> Callable[[str, list[str]], Order]:
    def read(verb: str, words: list[str]) -> Order:
        if len(words) != 1 or words[0] not in allowed:
            raise ValueError
        return Order(verb=verb, word=words[0])

    return read


def _one_or_follow(verb: str, words: list[str]) -> Order:
    if len(words) != 1:
        raise ValueError
    return Order(verb=verb, numbers=(None if words == ["follow"] else _number(words[0]),))


def _one_number(low: float, high: float) -> Callable[[str, list[str]], Order]:
    def read(verb: str, words: list[str]) -> Order:
        if len(words) != 1:
            raise ValueError
        value = _number(words[0])
        if not low <= value <= high:
            raise ValueError(f"{value:g} is not between {low:g} and {high:g}")
        return Order(verb=verb, numbers=(value,))

    return read


def _terminals(verb: str, words: list[str]) -> Order:
    if words == ["joined"]:
        return Order(verb=verb, word="joined")
    if len(words) != 2:
        raise ValueError
    return Order(verb=verb, numbers=tuple(None if one == "open" else _number(one) for one in words))


def _bare(verb: str, words: list[str]) -> Order:
    if words:
        raise ValueError("nothing follows it")
    return Order(verb=verb)


_SWITCH = _one_of("on", "off")
VERBS: dict[str, Verb] = {
    "cell": Verb(
        usage="cell N VOLTS [over TIME]",
        about="voltage of one cell: cell 3 2.75 over 20s",
        read=_of_one,
    ),
    "cells": Verb(
        usage="cells VOLTS, or V1 V2 ...",
        about="voltage of all; follow: as the battery model says",
        read=_of_all,
    ),
    "temperature": Verb(
        usage="temperature [N] DEGREES",
        about="of one cell or of all, in degC; also with over",
        read=_temperature,
    ),
    "data": Verb(usage="data on|off", about="battery data go on, or stop and get old", read=_SWITCH),
    "remote": Verb(usage="remote on|off", about="wire loop of the remote terminals", read=_SWITCH),
    "terminals": Verb(
        usage="terminals L H, or joined",
        about="voltages at the remote terminals: open 12",
        read=_terminals,
    ),
    "unplug": Verb(usage="unplug", about="pull the VE.Bus cable of the BMS", read=_bare),
    "plug": Verb(usage="plug", about="put the VE.Bus cable in again", read=_bare),
    "supply": Verb(usage="supply VOLTS, or follow", about="voltage at Battery +", read=_one_or_follow),
    "aux": Verb(usage="aux VOLTS", about="voltage at Aux-In", read=_one_number(0, 80)),
    "bootloader": Verb(usage="bootloader on|off", about="interrupted update of the BMS, and its repair", read=_SWITCH),
    "multi": Verb(usage="multi on|off", about="dry run: whether a Multi is taken to run", read=_SWITCH),
    "mains": Verb(usage="mains on|off", about="AC input of the Multi", read=_SWITCH, simulated=True),
    "load": Verb(usage="load WATTS", about="AC load", read=_one_number(0, 30_000), simulated=True),
    "soc": Verb(usage="soc PERCENT", about="state of charge", read=_one_number(0, 100), simulated=True),
    "switch": Verb(
        usage="switch on|off|charger-only",
        about="front switch of the Multi",
        read=_one_of("on", "off", "charger-only", "inverter-only"),
        simulated=True,
    ),
    "second-bms": Verb(usage="second-bms", about="another BMS speaks once on the bus", read=_bare, simulated=True),
    "status": Verb(usage="status", about="how everything stands", read=_bare),
    "help": Verb(usage="help", about="this list", read=_bare),
    "quit": Verb(usage="quit", about="stop sending, watch the Multi, end", read=_bare),
}
"""Everything that can be said, in the order of the help."""

_OTHER_NAMES = {"temp": "temperature", "temperatures": "temperature", "exit": "quit", "?": "help", "stop": "quit"}

HELP = tuple(f"{verb.usage:<27} {verb.about}" for verb in VERBS.values())
"""One line a verb."""
