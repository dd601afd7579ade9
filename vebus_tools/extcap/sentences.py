"""The sentences of extcap(4): ``arg {number=0}{call=--baud}{type=unsigned}``, one a line.

`settings` says which settings an interface has; the options of `vebus extcap` have the same names and defaults.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from vebus_tools.extcap.interfaces import Interface, Source

__all__ = [
    "DEFAULT_SCENARIO",
    "Control",
    "Setting",
    "config",
    "dlts",
    "introduction",
    "ready_scenarios",
    "settings",
    "values",
]

_FOLDER = Path(__file__).parent  # importlib.resources would take longer to load than all else here

DEFAULT_SCENARIO = "quiet-house"
"""Scenario of the simulated bus where none is chosen; that of `vebus simulate`."""


class Control(enum.IntEnum):
    """Elements of the toolbar by their numbers, which are also their order."""

    TEXT = 0
    MARK = 1
    HEARD = 2
    MESSAGES = 3
    HELP = 4


_CONTROLS = {
    Control.TEXT: {"type": "string", "display": "Marker", "tooltip": "Text of the next marker"},
    Control.MARK: {"type": "button", "display": "Mark", "tooltip": "Put a marker at the next packet, as its comment"},
    Control.HEARD: {"type": "string", "display": "Heard", "tooltip": "Frames, bytes and damage since the start"},
    Control.MESSAGES: {
        "type": "button",
        "role": "logger",
        "display": "Messages",
        "tooltip": "What was noticed: silence, a wrong bit rate, a lost port",
    },
    Control.HELP: {"type": "button", "role": "help", "display": "Help", "tooltip": "Show the help"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting of an interface: ``call`` is the option that it becomes, ``kind`` a type of extcap(4).

    ``limits`` are the smallest and the largest number, ``choices`` the values of a selector with their texts.
    """

    call: str
    display: str
    kind: str
    tooltip: str
    group: str
    default: str = ""
    limits: tuple[float, float] | None = None
    required: bool = False
    placeholder: str = ""
    choices: dict[str, str] = field(default_factory=dict)


def introduction(version: str, offered: Iterable[Interface]) -> Iterator[str]:
    """Answer to ``--extcap-interfaces``."""
    yield _sentence("extcap", version=version, help=(_FOLDER / "help.html").as_uri(), display="VE.Bus")
    for one in offered:
        yield _sentence("interface", value=one.value, display=one.display)
    for number, facts in _CONTROLS.items():
        yield _sentence("control", number=str(int(number)), **facts)


def dlts(interface: Interface) -> Iterator[str]:
    """Answer to ``--extcap-dlts``."""
    number, name = interface.kind.link_type
    yield _sentence("dlt", number=str(number), name=name, display=interface.kind.text)


def config(interface: Interface) -> Iterator[str]:
    """Answer to ``--extcap-config``."""
    for number, one in enumerate(settings(interface)):
        facts = {
            "call": one.call,
            "display": one.display,
            "tooltip": one.tooltip,
            "type": one.kind,
            "range": "" if one.limits is None else ",".join(f"{limit:.10g}" for limit in one.limits),
            "default": "" if one.choices else one.default,
            "placeholder": one.placeholder,
            "required": "true" if one.required else "",
            "group": one.group,
        }
        yield _sentence("arg", number=str(number), **facts)
        yield from _values(number, one)


def values(interface: Interface, call: str) -> Iterator[str]:
    """Answer to ``--extcap-reload-option``: the values of one setting, named with or without its dashes."""
    for number, one in enumerate(settings(interface)):
        if one.call.lstrip("-") == call.lstrip("-"):
            yield from _values(number, one)


def _values(number: int, setting: Setting) -> Iterator[str]:
    for value, text in setting.choices.items():
        chosen = "true" if value == setting.default else "false"
        yield _sentence("value", arg=str(number), value=value, display=text, default=chosen)


def settings(interface: Interface) -> Iterator[Setting]:
    """Settings of an interface in the order of its dialog."""
    if interface.source is Source.SIMULATION:
        yield from _of_simulation()
        return
    if interface.source is Source.ADDRESS:
        yield Setting(
            call="--address",
            display="Address",
            kind="string",
            tooltip="socket://HOST:PORT, rfc2217://HOST:PORT, or the path of a device",
            group="Line",
            required=True,
            placeholder="socket://HOST:PORT",
        )
    yield Setting(
        call="--baud",
        display="Bit rate",
        kind="unsigned",
        tooltip=f"Bit/s; {interface.kind.text} has {interface.kind.rate}",
        group="Line",
        default=str(interface.kind.rate),
        limits=(1, 4_000_000),
    )
    yield Setting(
        call="--low-latency",
        display="Low latency",
        kind="boolean",
        tooltip="Ask the adapter to hand over bytes at once, for better time stamps",
        group="Line",
        default="true",
    )
    yield Setting(
        call="--reconnect",
        display="Reconnect",
        kind="boolean",
        tooltip="Wait for an adapter that was unplugged, and go on in the same capture",
        group="Line",
        default="false",
    )


def _of_simulation() -> Iterator[Setting]:
    yield Setting(
        call="--scenario",
        display="Scenario",
        kind="selector",
        tooltip="What happens on the simulated bus",
        group="Simulation",
        default=DEFAULT_SCENARIO,
        choices=ready_scenarios(),
    )
    yield Setting(
        call="--seed",
        display="Seed",
        kind="unsigned",
        tooltip="The same seed gives the same bytes",
        group="Simulation",
        default="0",
        limits=(0, 2**31 - 1),
    )
    yield Setting(
        call="--speed",
        display="Speed",
        kind="double",
        tooltip="1 is real time; at 10 an hour of the scenario takes six minutes, and sync frames come every 2 ms",
        group="Simulation",
        default="1",
        limits=(0.1, 100),
    )


def ready_scenarios() -> dict[str, str]:
    """Scenarios of the package with their titles, read without loading the simulator."""
    import tomllib

    found = sorted((_FOLDER.parent / "simulator" / "scenarios").glob("*.toml"))
    return {path.stem: str(tomllib.loads(path.read_text(encoding="utf-8")).get("title", "")) for path in found}


def _sentence(word: str, **facts: str) -> str:
    """One sentence; empty facts are left out."""
    return " ".join((word, "".join(f"{{{name}={_plain(value)}}}" for name, value in facts.items() if value)))


def _plain(text: str) -> str:
    """Text without what would end a fact or a line: names of adapters come from the adapters."""
    return "".join({"{": "(", "}": ")"}.get(one, one if one.isprintable() else " ") for one in text)
