"""What `vebus extcap --capture` does: listen, and write to the pipe that Wireshark reads."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vebus_protocol.schema import Link
from vebus_tools.capture.notes import InterfaceNotes
from vebus_tools.cli.ending import Ending
from vebus_tools.cli.extcap_answers import chosen
from vebus_tools.cli.failures import UsageError
from vebus_tools.cli.sniffing import capture_filter
from vebus_tools.extcap.capture import PipeCapture
from vebus_tools.extcap.fifo import Fifo, open_fifo
from vebus_tools.extcap.interfaces import Source
from vebus_tools.extcap.sentences import DEFAULT_SCENARIO, Control
from vebus_tools.extcap.toolbar import Command, Toolbar
from vebus_tools.generated import quick_chain
from vebus_tools.link import LinkFacts, PacedReader, Reader, open_link
from vebus_tools.live import SILENT_S, Listener, Notice
from vebus_tools.names import DEFAULT_NAMES

if TYPE_CHECKING:
    from vebus_tools.extcap.interfaces import Interface
    from vebus_tools.simulator import TimedBytes

__all__ = ["Request", "run"]

_COUNTS_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One call with ``--capture``; the names are those of the options."""

    interface: str | None
    fifo: str | None
    capture_filter: str | None = None
    control_in: str | None = None
    control_out: str | None = None
    address: str | None = None
    baud: int | None = None
    low_latency: bool = True
    reconnect: bool = False
    scenario: str | None = None
    seed: int = 0
    speed: float = 1.0


def run(request: Request) -> int:
    """Capture until nobody reads any more, or a signal comes; returns the exit code.  Raises VEBusError, OSError."""
    interface = chosen(request.interface)
    if request.fifo is None:
        raise UsageError("--capture needs --fifo FILE: where to write to")
    if interface.source is Source.ADDRESS and not request.address:
        raise UsageError(f"{interface.value} needs --address, such as socket://HOST:PORT")
    stopping = threading.Event()
    with Ending(stopping.set):
        fifo = open_fifo(request.fifo, stopping)
        if fifo is not None:
            with fifo:
                _capture(request, interface, fifo, stopping)
    return 0


def _capture(request: Request, interface: Interface, fifo: Fifo, stopping: threading.Event) -> None:
    choose = capture_filter(request.capture_filter, DEFAULT_NAMES)
    reader = _open(request, interface)
    try:
        listener = Listener(
            reader,
            Link(interface.kind.value),
            baud=reader.facts.rate or request.baud or interface.kind.rate,
            choose=choose,
            reopen=(lambda: _open(request, interface)) if request.reconnect else None,
            showing=False,
            chain=quick_chain,
        )
        listener.keeper = _keeper(request, interface, fifo, listener, reader.facts)
    except BaseException:
        reader.close()
        raise
    toolbar = Toolbar(request.control_in, request.control_out)
    try:
        _serve(listener, _Panel(toolbar, listener), lambda: stopping.is_set() or fifo.abandoned())
    finally:
        toolbar.close()
    _judge(listener, interface)


def _keeper(request: Request, interface: Interface, fifo: Fifo, listener: Listener, facts: LinkFacts) -> PipeCapture:
    notes = InterfaceNotes(
        description=interface.display, hardware=facts.adapter, filter=request.capture_filter or "", rate=facts.rate or 0
    )
    return PipeCapture(fifo, Link(interface.kind.value), facts.name, notes, listener.statistics)


def _serve(listener: Listener, panel: _Panel, enough: Callable[[], bool]) -> None:
    listener.start()
    try:
        for event in listener.events():
            panel.take(event if isinstance(event, Notice) else None)
            if enough():
                listener.stop()
    finally:
        listener.stop()
        listener.join()


def _judge(listener: Listener, interface: Interface) -> None:
    """Raise what went wrong, and say on stderr, which Wireshark shows, why the capture may be empty."""
    problem = listener.problem
    if problem is not None and not isinstance(problem, BrokenPipeError):
        raise problem
    tally = listener.tally
    if not tally.bytes and listener.now() - listener.started_at > SILENT_S:
        sys.stderr.write("vebus: no bytes came; is the bus awake, the adapter wired and this the right port?\n")
    elif tally.suspicious:
        sys.stderr.write(
            f"vebus: {tally.bytes} bytes came, but {tally.good} valid frames: wrong bit rate, noise, or not"
            f" {interface.kind.text}\n"
        )


# --- opening ---------------------------------------------------------------------------------------------------------
def _open(request: Request, interface: Interface) -> Reader:
    if interface.source is Source.SIMULATION:
        return _simulated(request, interface)
    place = interface.port or request.address or ""
    return open_link(place, baud=request.baud or interface.kind.rate, low_latency=request.low_latency)


def _simulated(request: Request, interface: Interface) -> Reader:
    from vebus_tools.simulator import VirtualBus, load_scenario

    bus = VirtualBus(load_scenario(request.scenario or DEFAULT_SCENARIO), request.seed)
    rate = round(interface.kind.rate * request.speed)
    facts = LinkFacts(name=interface.value, rate=rate, adapter="simulated bus", error_s=0.001, lasting=False)
    return PacedReader(_faster(bus.run(float("inf")), request.speed), facts)


def _faster(source: Iterator[TimedBytes], speed: float) -> Iterator[TimedBytes]:
    return source if speed == 1.0 else (sent._replace(at_s=sent.at_s / speed) for sent in source)


# --- the toolbar -----------------------------------------------------------------------------------------------------
class _Panel:
    """What stands in the toolbar, and what its button does."""

    def __init__(self, toolbar: Toolbar, listener: Listener) -> None:
        self._toolbar = toolbar
        self._listener = listener
        self._text = ""
        self._markers = 0
        self._shown = ""
        self._counted_at = 0.0
        toolbar.say(Control.HEARD, Command.DISABLE, "")

    def take(self, notice: Notice | None) -> None:
        """Show a notice, obey the user, count once a second."""
        if notice is not None:
            clock = time.strftime("%H:%M:%S", time.localtime(self._listener.now()))
            self._toolbar.say(Control.MESSAGES, Command.ADD, f"{clock} {notice.text}\n")
        for message in self._toolbar.said():
            if message.command != Command.SET:
                continue
            if message.control == Control.TEXT:
                self._text = message.payload.decode("utf-8", "replace")
            elif message.control == Control.MARK:
                self._mark()
        self._count()
        self._toolbar.flush()

    def _mark(self) -> None:
        self._markers += 1
        text = f"marker {self._markers}" + (f": {self._text}" if self._text else "")
        if self._listener.keeper is not None:
            self._listener.keeper.remark(text)
        self._toolbar.say(Control.MARK, Command.STATUS, f"{text}: comment of the next packet")

    def _count(self) -> None:
        now = time.monotonic()
        if now - self._counted_at < _COUNTS_S:
            return
        self._counted_at = now
        tally = self._listener.tally
        damaged = tally.bad_checksums + tally.resyncs
        text = f"{tally.frames} frames, {tally.bytes} bytes, {damaged} damaged, {tally.missing} missing"
        if text != self._shown:
            self._shown = text
            self._toolbar.say(Control.HEARD, Command.SET, text)
