"""What `vebus extcap` answers to the questions of Wireshark; asked at each of its starts, so little is loaded."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass

from vebus_tools import __version__
from vebus_tools.cli.failures import UsageError
from vebus_tools.extcap import sentences
from vebus_tools.extcap.interfaces import Interface, interface_named, interfaces

__all__ = ["Question", "answer", "chosen"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One call without ``--capture``; the names are those of the options."""

    version: str | None = None
    interface: str | None = None
    list_interfaces: bool = False
    dlts: bool = False
    config: bool = False
    reload: str | None = None
    capture_filter: str | None = None


def answer(asked: Question) -> int:
    """Print the answer; returns the exit code.  Raises UsageError, InterfaceError."""
    sys.stdout.writelines(f"{line}\n" for line in _lines(asked))
    return 0


def chosen(name: str | None) -> Interface:
    """The interface that a call is about.  Raises UsageError, InterfaceError."""
    if name is None:
        raise UsageError("--extcap-interface NAME is missing; --extcap-interfaces lists the names")
    return interface_named(name)


def _lines(asked: Question) -> Iterator[str]:
    if asked.list_interfaces:
        yield from sentences.introduction(__version__, interfaces(_ports()))
    elif asked.config:
        yield from sentences.config(chosen(asked.interface))
    elif asked.reload is not None:
        yield from sentences.values(chosen(asked.interface), asked.reload)
    elif asked.dlts:
        yield from sentences.dlts(chosen(asked.interface))
    elif asked.capture_filter is not None:
        yield from _objections(asked.capture_filter)
    elif asked.version is None:
        raise UsageError(
            "Wireshark calls this when it captures; `vebus wireshark install` tells it so.  By hand: vebus sniff"
        )


def _ports() -> dict[str, str]:
    """Serial ports and what they are, without asking who has them open."""
    from vebus_tools.link.ports import port_names

    return port_names()


def _objections(text: str) -> Iterator[str]:
    """What is wrong with a capture filter: Wireshark takes silence for consent."""
    from vebus_tools.cli.printing import display_filter
    from vebus_tools.names import DEFAULT_NAMES

    try:
        display_filter(text, DEFAULT_NAMES, option="capture filter")
    except UsageError as problem:
        yield str(problem)
