"""What `vebus simulate` does: build the simulation, connect its ends, run it in real or virtual time, count."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vebus_protocol.schema import Link
from vebus_tools.cli.ending import Ending
from vebus_tools.cli.failures import UsageError
from vebus_tools.cli.simulate_endpoints import AdapterSide, BusSide, Recorder
from vebus_tools.link import End, PtyEnd, TcpServer, wait_for
from vebus_tools.records import CaptureError
from vebus_tools.simulator import (
    DEFAULT_SCENARIO,
    Installation,
    Mk3Adapter,
    Scenario,
    VirtualBus,
    load_scenario,
    parse_scenario,
    scenario_names,
)
from vebus_tools.simulator.scenario_keys import duration as read_duration

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Request", "run"]

_FOREVER = float("inf")
_LONGEST_WAIT_S = 0.05
_VIRTUAL_STEP_S = 1.0
_SUFFIX = ".toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One call of `vebus simulate`; the names are those of the options."""

    scenario: str | None = None
    list_scenarios: bool = False
    seed: int = 0
    duration: str | None = None
    virtual: bool = False
    write: str | None = None
    file_type: str | None = None
    pty: bool = False
    link_name: str | None = None
    tcp: str | None = None
    mk3_pty: bool = False
    mk3_link_name: str | None = None
    mk3_tcp: str | None = None
    mk3_write: str | None = None
    quiet: bool = False

    @property
    def bus_wanted(self) -> bool:
        """Whether anybody is interested in the RS485 side."""
        return bool(self.write or self.pty or self.tcp)

    @property
    def adapter_wanted(self) -> bool:
        """Whether anybody is interested in the adapter's side."""
        return bool(self.mk3_write or self.mk3_pty or self.mk3_tcp)


def run(request: Request) -> int:
    """Do what was asked for; returns the exit code.  Raises VEBusError."""
    if request.list_scenarios:
        sys.stdout.writelines(f"{line}\n" for line in _scenario_lines())
        return 0
    _check(request)
    scenario = _scenario(request.scenario or DEFAULT_SCENARIO)
    until_s = _until(request, scenario)
    installation = Installation(scenario, request.seed)
    with ExitStack() as closing:
        line = VirtualBus(scenario, request.seed, installation)
        bus = _bus_side(request, line, closing)
        seen = line if request.bus_wanted else None
        adapter = _adapter_side(request, Mk3Adapter(installation, request.seed, seen), closing)
        with Ending() as ending:
            (_virtual if request.virtual else _live)(bus, adapter, until_s, ending.wanted)
        if not request.quiet:
            sides = [side for side, wanted in ((bus, request.bus_wanted), (adapter, request.adapter_wanted)) if wanted]
            sys.stderr.writelines(f"vebus: {line}\n" for side in sides for line in side.summary())
    return 0


def _scenario_lines() -> Iterator[str]:
    names = scenario_names()
    width = max(map(len, names))
    for name in names:
        yield f"{name:<{width}}  {load_scenario(name).title}"


def _check(request: Request) -> None:
    if not (request.bus_wanted or request.adapter_wanted):
        raise UsageError(
            "nobody would hear it: name an end (--pty, --tcp HOST:PORT, --mk3-pty, --mk3-tcp HOST:PORT)"
            " or a recording (-w FILE, --mk3-write FILE)"
        )
    if request.virtual and (request.pty or request.tcp or request.mk3_pty or request.mk3_tcp):
        raise UsageError("--virtual is for recordings: no program can keep up with it on a pty or TCP")
    if request.write is not None and request.write == request.mk3_write:
        raise UsageError("-w and --mk3-write name the same file")


def _until(request: Request, scenario: Scenario) -> float:
    if request.duration is None:
        return scenario.duration_s if request.virtual else _FOREVER
    text = request.duration
    try:
        return read_duration(float(text) if text.replace(".", "", 1).isdecimal() else text)
    except ValueError as problem:
        raise UsageError(f"--duration {text}: is not {problem}") from problem


def _scenario(name: str) -> Scenario:
    """A ready scenario by name, or a file.  Raises ScenarioError, CaptureError."""
    if name in scenario_names() or not (name.endswith(_SUFFIX) or "/" in name):
        return load_scenario(name)
    try:
        return parse_scenario(Path(name).read_text(encoding="utf-8"), name)
    except (OSError, UnicodeDecodeError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else "is no UTF-8 text"
        raise CaptureError(f"{name}: {reason}; --list-scenarios shows the ready ones") from problem


# --- ends ------------------------------------------------------------------------------------------------------------
def _bus_side(request: Request, bus: VirtualBus, closing: ExitStack) -> BusSide:
    ends = _ends(request, "bus", pty=request.pty, link_name=request.link_name, tcp=request.tcp, closing=closing)
    return BusSide(bus, ends, _recorder(request, request.write, Link.RS485, closing), live=not request.virtual)


def _adapter_side(request: Request, adapter: Mk3Adapter, closing: ExitStack) -> AdapterSide:
    ends = _ends(
        request, "mk3", pty=request.mk3_pty, link_name=request.mk3_link_name, tcp=request.mk3_tcp, closing=closing
    )
    return AdapterSide(adapter, ends, _recorder(request, request.mk3_write, Link.MK3, closing))


def _ends(
    request: Request, what: str, *, pty: bool, link_name: str | None, tcp: str | None, closing: ExitStack
) -> list[End]:
    ends: list[End] = []
    screen = sys.stderr if "-" in (request.write, request.mk3_write) else sys.stdout
    if pty:
        terminal = PtyEnd(link_name)
        closing.callback(terminal.close)
        ends.append(terminal)
        screen.write(f"{what} pty {terminal.name}\n")
    if tcp is not None:
        server = TcpServer(tcp)
        closing.callback(server.close)
        ends.append(server)
        screen.write(f"{what} tcp {server.name}\n")
        if not server.loopback:
            sys.stderr.write(f"vebus: {server.name} can be reached from other computers\n")
    screen.flush()
    return ends


def _recorder(request: Request, target: str | None, link: Link, closing: ExitStack) -> Recorder | None:
    if target is None:
        return None
    started = None if request.virtual else time.time()
    recorder = Recorder(target, request.file_type, link, started)
    closing.callback(recorder.close)
    return recorder


# --- time ------------------------------------------------------------------------------------------------------------
def _virtual(bus: BusSide, adapter: AdapterSide, until_s: float, ended: Callable[[], bool]) -> None:
    """Step by step, so that both sides stay together and a signal is seen."""
    steps = 0
    now = 0.0
    while now < until_s and not ended():
        steps += 1
        now = min(steps * _VIRTUAL_STEP_S, until_s)
        if bus.wanted:
            bus.advance(now)
        if adapter.wanted:
            adapter.advance(now)


def _live(bus: BusSide, adapter: AdapterSide, until_s: float, ended: Callable[[], bool]) -> None:
    """In real time: wait for the next byte of the simulation, or for somebody who says something."""
    start = time.monotonic()
    owners: list[tuple[End, BusSide | AdapterSide]] = [(end, side) for side in (bus, adapter) for end in side.ends]
    while not ended():
        now = time.monotonic() - start
        if now >= until_s:
            break
        bus.advance(now)
        adapter.advance(now)
        next_at = min(bus.next_at, adapter.next_at, until_s)
        wait = min(max(next_at - (time.monotonic() - start), 0.0), _LONGEST_WAIT_S)
        ready = wait_for([end for end, _ in owners], wait)
        for end, side in owners:
            if end in ready:
                side.heard(end, end.read(), time.monotonic() - start)
