"""What `vebus diff` does: draw a portrait of each capture, compare them, print what differs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass

from vebus_protocol.errors import VEBusError
from vebus_protocol.schema import Link
from vebus_tools.capture import AUTO, open_capture
from vebus_tools.cli.decoding import name_table
from vebus_tools.cli.engines import Engine, engine
from vebus_tools.cli.failures import UsageError, guarded
from vebus_tools.cli.printing import display_filter
from vebus_tools.differences import Aspect, Difference, differences
from vebus_tools.portrait import Portrait
from vebus_tools.records import CaptureError, Stamp
from vebus_tools.runner import dissections
from vebus_tools.tally import Tally

__all__ = ["Request", "run"]

_SAME, _DIFFERENT, _TROUBLE = 0, 1, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One call of `vebus diff`; the names are those of the options."""

    first: str
    second: str
    display_filter: str | None = None
    tolerance: float = 0.1
    all_ranges: bool = False
    input_format: str = AUTO
    link: str = AUTO
    names: str | None = None
    output: str = "text"
    quiet: bool = False


class _TroubleError(VEBusError):
    """No comparison, or none of all there is: the exit code of diff(1)."""

    exit_code = _TROUBLE


@dataclass(slots=True)
class _Side:
    """One capture: what it consists of, and what was wrong with it."""

    name: str
    portrait: Portrait
    tally: Tally
    seconds: float = 0.0
    problem: CaptureError | None = None


def run(request: Request) -> int:
    """Compare and print; returns the exit code.  Raises BrokenPipeError."""
    return guarded(lambda: _compare(request))


def _compare(request: Request) -> int:
    try:
        if request.first == request.second == "-":
            raise UsageError("standard input can be read once; name a file for one of the two")
        sides = [_side(name, request) for name in (request.first, request.second)]
    except (VEBusError, OSError) as problem:
        raise _TroubleError(str(problem)) from problem
    a, b = sides
    found = list(differences(a.portrait, b.portrait, tolerance=request.tolerance, all_ranges=request.all_ranges))
    if not request.quiet:
        lines = _json(a, b, found) if request.output == "json" else _text(a, b, found)
        _print(lines)
    for side in sides:
        if side.tally.damage:
            sys.stderr.write(f"vebus: {side.name}: {side.tally.damage}\n")
    for side in sides:
        if side.problem is not None:
            raise _TroubleError(f"{side.problem}; compared what could be read") from side.problem
    return _DIFFERENT if found else _SAME


def _print(lines: Iterable[str]) -> None:
    """Print all of it; a full disk is trouble, not a difference."""
    try:
        sys.stdout.writelines(f"{line}\n" for line in lines)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as problem:
        raise _TroubleError(f"standard output: {problem.strerror or problem}") from problem


def _side(name: str, request: Request) -> _Side:
    """Read a capture to its end, or to what cannot be read.  Raises CaptureError where there is nothing to read."""
    side = _Side(name, Portrait(), Tally())
    names = name_table(request.names)
    passes = display_filter(request.display_filter, names)
    first: Stamp | None = None
    with open_capture(name, input_format=request.input_format) as capture:
        link = capture.link() if request.link == AUTO else Link(request.link)
        try:
            fast = engine() is not Engine.REFERENCE
            previous: Stamp | None = None
            for dissection in dissections(capture.chunks, link, names=names, fast=fast):
                stamp = dissection.record.stamp
                first = first or stamp
                side.tally.take(dissection.record)
                side.seconds = stamp.at - first.at
                if passes is None or passes(dissection, first=first, previous=previous):
                    side.portrait.take(dissection)
                previous = stamp
        except CaptureError as problem:
            if first is None:
                raise
            side.problem = problem
    return side


# --- what is printed -------------------------------------------------------------------------------------------------
def _text(a: _Side, b: _Side, found: list[Difference]) -> Iterator[str]:
    for mark, side in (("---", a), ("+++", b)):
        portrait = side.portrait
        kinds = f"{len(portrait.kinds)} kinds"
        yield f"{mark} {side.name}: {portrait.records} records of {kinds} in {side.seconds:.3f} s"
    kind = None
    for one in found:
        if one.aspect is Aspect.KIND:
            yield f"{'-' if one.first else '+'} {one.kind}: {one.first or one.second}"
        elif one.aspect is Aspect.FINDINGS:
            yield f"{'-' if one.first else '+'} findings of the group {one.kind}: {one.first or one.second}"
        else:
            if (one.link, one.kind) != kind:
                yield f"  {one.kind}"
            yield from _lines(one)
        kind = (one.link, one.kind)
    if not found:
        yield "no difference in kinds, senders, lengths, values, bits, periods, findings"


def _lines(one: Difference) -> Iterator[str]:
    name = " ".join(filter(None, (one.aspect.value, one.name)))
    note = f"  ({one.note})" if one.note else ""
    for mark, text in (("-", one.first), ("+", one.second)):
        if text:
            yield f"{mark}   {name}: {text}{note}"


def _json(a: _Side, b: _Side, found: list[Difference]) -> Iterator[str]:
    shown = {
        "captures": [
            {
                "name": side.name,
                "records": side.portrait.records,
                "kinds": len(side.portrait.kinds),
                "seconds": side.seconds,
                "damage": side.tally.damage,
                "problem": str(side.problem or ""),
            }
            for side in (a, b)
        ],
        "differences": [{**asdict(one), "aspect": one.aspect.value} for one in found],
    }
    yield json.dumps(shown, indent=2, ensure_ascii=False)
