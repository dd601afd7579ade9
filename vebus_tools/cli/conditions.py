"""The arguments of ``-a`` and ``-b``: ``duration:10``, ``filesize:1000``, in the words of tshark."""

from __future__ import annotations

import re

from vebus_tools.capture.recorder import Ring
from vebus_tools.cli.failures import UsageError
from vebus_tools.live import Stops

__all__ = ["duration_s", "parse_ring", "parse_stops"]

_UNITS = {"us": 1e-6, "ms": 1e-3, "": 1.0, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]*)")


def duration_s(text: str, option: str) -> float:
    """Seconds of ``2``, ``5ms``, ``1.5s``, ``10min``, ``2h``, ``1d``; more than 0.  Raises UsageError."""
    match = _DURATION.fullmatch(text.strip().lower())
    if match is None or match[2] not in _UNITS or not float(match[1]):
        raise UsageError(f"{option} {text}: is no time; write seconds, or a number with one of {' '.join(_UNITS)}")
    return float(match[1]) * _UNITS[match[2]]


def parse_stops(arguments: tuple[str, ...], count: int | None) -> Stops:
    """Stop conditions of ``-a``, and of ``-c`` where it is given.  Raises UsageError."""
    texts = _pairs("-a", arguments, ("duration", "filesize", "packets", "files"))
    packets = _whole("-a", texts, "packets")
    return Stops(
        packets=min((n for n in (packets, count) if n is not None), default=None),
        duration_s=_seconds("-a", texts, "duration"),
        filesize_kb=_whole("-a", texts, "filesize"),
        files=_whole("-a", texts, "files"),
    )


def parse_ring(arguments: tuple[str, ...]) -> Ring:
    """When to begin another file.  Raises UsageError."""
    texts = _pairs("-b", arguments, ("filesize", "duration", "interval", "packets", "files", "printname"))
    ring = Ring(
        filesize_kb=_whole("-b", texts, "filesize"),
        duration_s=_seconds("-b", texts, "duration"),
        interval_s=_seconds("-b", texts, "interval"),
        packets=_whole("-b", texts, "packets"),
        files=_whole("-b", texts, "files"),
        print_name=texts.get("printname"),
    )
    if ring.files is not None and not ring.rotates:
        raise UsageError("-b files: says how many files are kept; add when one ends: -b filesize:kB or -b duration:S")
    return ring


def _pairs(option: str, arguments: tuple[str, ...], known: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for argument in arguments:
        name, colon, value = argument.partition(":")
        if name not in known or not colon or not value:
            raise UsageError(f"{option} {argument}: is no condition; there are {', '.join(f'{k}:' for k in known)}")
        found[name] = value
    return found


def _whole(option: str, texts: dict[str, str], name: str) -> int | None:
    text = texts.get(name)
    if text is None:
        return None
    if not text.isdecimal() or not int(text):
        raise UsageError(f"{option} {name}:{text}: expected a whole number above 0")
    return int(text)


def _seconds(option: str, texts: dict[str, str], name: str) -> float | None:
    text = texts.get(name)
    return None if text is None else duration_s(text, f"{option} {name}:")
