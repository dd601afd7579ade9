"""What `vebus sniff` does: open, listen, record, print, and tell in the end what was heard."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vebus_protocol.scaling import DEFAULT_TABLE, ScaleBook
from vebus_protocol.schema import Link
from vebus_tools.capture.notes import InterfaceNotes
from vebus_tools.capture.recorder import Recorder, Recording
from vebus_tools.cli.conditions import parse_ring, parse_stops
from vebus_tools.cli.counting import HELP, counting, print_help
from vebus_tools.cli.decoding import Printer, name_table
from vebus_tools.cli.ending import Ending
from vebus_tools.cli.engines import Engine, engine
from vebus_tools.cli.failures import UsageError
from vebus_tools.cli.printing import PrintOptions, display_filter, make_form
from vebus_tools.cli.viewing import LiveTable, can_view
from vebus_tools.decoder import decode_frame_chain
from vebus_tools.dissection import dissect
from vebus_tools.generated import quick_chain, quick_dissect
from vebus_tools.link import LinkFacts, PacedReader, Port, Reader, list_ports, open_link
from vebus_tools.live import Heard, Listener, Notice
from vebus_tools.session import Session
from vebus_tools.times import TimeForm, Timeline

if TYPE_CHECKING:
    from vebus_tools.filters import Filter
    from vebus_tools.names import NameTable
    from vebus_tools.nodes import Dissection
    from vebus_tools.records import Record, Stamp

__all__ = ["USUAL_RATES", "Request", "open_port", "run"]

USUAL_RATES = {Link.RS485: 256_000, Link.MK3: 2_400}
_SIMULATED = "sim:"
_SWITCH_S = 0.001  # the listening thread gets its turn this soon while another one prints


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One call of `vebus sniff`; the names are those of the options."""

    port: str | None
    list_ports: bool = False
    baud: int | None = None
    link: str = Link.RS485.value
    write: str | None = None
    file_type: str | None = None
    gzip: bool = False
    print_too: bool = False
    count: int | None = None
    autostop: tuple[str, ...] = ()
    ring: tuple[str, ...] = ()
    capture_filter: str | None = None
    display_filter: str | None = None
    comments: tuple[str, ...] = ()
    printing: PrintOptions = field(default_factory=PrintOptions)
    names: str | None = None
    line_buffered: bool = False
    statistics: tuple[str, ...] = ()
    quiet: bool = False
    silent: bool = False
    low_latency: bool = True
    reconnect: bool = False
    view: bool = False


def run(request: Request) -> int:
    """Do what was asked for; returns the exit code.  Raises VEBusError, BrokenPipeError."""
    if request.list_ports:
        sys.stdout.writelines(f"{line}\n" for line in port_lines(list_ports()))
        return 0
    if HELP in request.statistics:
        print_help()
        return 0
    if request.port is None:
        listed = "\n".join(port_lines(list_ports()))
        raise UsageError(f"no port named (-i PORT)\n{listed}\nWithout a bus, try: vebus sniff -i sim:")
    _check(request)
    names = name_table(request.names)
    screen = _screen(request, names)
    choose = capture_filter(request.capture_filter, names)
    reader = _open(request)
    try:
        listener = _listener(request, reader, choose, showing=screen.showing)
        _record(request, reader.facts, listener)
        screen.begin(listener)
    except BaseException:
        reader.close()
        raise
    return _listen(listener, screen, silent=request.silent)


def _check(request: Request) -> None:
    if request.write is None:
        wrong = {"-b": request.ring, "-F": request.file_type, "--compress": request.gzip}
        for option, given in wrong.items():
            if given:
                raise UsageError(f"{option} is about a recording; name its file with -w FILE")
    if request.view and request.quiet:
        raise UsageError("--view shows what -q and -Q hide; leave one of them out")
    if request.write == "-" and request.view:
        raise UsageError("-w - and --view both write to standard output; record to a file")
    if request.statistics and request.view:
        raise UsageError("-z prints tables in the end, --view shows one all the time; leave one of them out")
    if request.write == "-" and request.statistics:
        raise UsageError("-w - and -z both write to standard output; record to a file")
    if request.write == "-" and request.print_too:
        raise UsageError("-w - and -P both write to standard output; record to a file")


def port_lines(ports: list[Port]) -> Iterator[str]:
    """One line a port, as ``-D`` prints them."""
    for number, port in enumerate(ports, 1):
        facts = [port.text, port.usb_id]
        if port.serial_number:
            facts.append(f"serial number {port.serial_number}")
        if port.latency_ms is not None:
            facts.append(f"latency timer {port.latency_ms} ms")
        facts.append(f"in use by {', '.join(port.holders)}" if port.holders else "free")
        yield f"{number}. {port.path} ({', '.join(fact for fact in facts if fact)})"
    yield f"{len(ports) + 1}. {_SIMULATED} (built-in simulated bus)"


# --- opening ---------------------------------------------------------------------------------------------------------
def _open(request: Request) -> Reader:
    return open_port(request.port or "", Link(request.link), baud=request.baud, low_latency=request.low_latency)


def open_port(port: str, link: Link, *, baud: int | None, low_latency: bool) -> Reader:
    """Open a port to listen, ``sim:`` and ``sim:SCENARIO`` among them; ``baud`` None is the usual rate of the link."""
    if port.startswith(_SIMULATED):
        return _simulated(port)
    return open_link(port, baud=baud or USUAL_RATES[link], low_latency=low_latency)


def _simulated(port: str) -> Reader:
    from vebus_tools.simulator import VirtualBus, load_scenario

    name = port.removeprefix(_SIMULATED)
    bus = VirtualBus(load_scenario(name) if name else load_scenario())
    rate = USUAL_RATES[Link.RS485]
    facts = LinkFacts(name=port, rate=rate, adapter="simulated bus", error_s=0.001, lasting=False)
    return PacedReader(bus.run(float("inf")), facts)


def _listener(
    request: Request, reader: Reader, choose: Callable[[Record], Dissection | None] | None, *, showing: bool
) -> Listener:
    link = Link(request.link)
    return Listener(
        reader,
        link,
        baud=request.baud or USUAL_RATES[link],
        stops=parse_stops(request.autostop, request.count),
        choose=choose,
        reopen=(lambda: _open(request)) if request.reconnect else None,
        showing=showing,
        chain=quick_chain if _fast() else decode_frame_chain,
    )


def _fast() -> bool:
    return engine() is not Engine.REFERENCE


def _record(request: Request, facts: LinkFacts, listener: Listener) -> None:
    if request.write is None:
        return
    accuracy = "unknown" if facts.error_s is None else f"{facts.error_s * 1000:.1f} ms"
    notes = InterfaceNotes(
        description=f"Times: host clock, back-dated by byte position, estimated error {accuracy}",
        hardware=facts.adapter,
        filter=request.capture_filter or "",
        rate=facts.rate or 0,
    )
    recording = Recording(
        target=request.write,
        link=Link(request.link),
        interface=facts.name,
        form=request.file_type,
        ring=parse_ring(request.ring),
        gzip=request.gzip,
        notes=notes,
        comments=request.comments,
    )
    listener.keeper = Recorder(recording, listener.now(), listener.statistics)


def capture_filter(text: str | None, names: NameTable) -> Callable[[Record], Dissection | None] | None:
    """What a Listener has to be given as ``choose`` for a filter; None records all.  Raises UsageError."""
    passes = display_filter(text, names, option="-f")
    return None if passes is None else _Chooser(passes, names)


class _Chooser:
    """The capture filter, with a session of its own over everything that was heard."""

    def __init__(self, passes: Filter, names: NameTable) -> None:
        self._passes = passes
        self._names = names
        self._session = Session(book=ScaleBook.assuming(DEFAULT_TABLE))
        self._dissect = quick_dissect if _fast() else dissect
        self._first: Stamp | None = None
        self._previous: Stamp | None = None

    def __call__(self, record: Record) -> Dissection | None:
        dissection = self._dissect(record, self._session.observe(record), self._names)
        first, previous = self._first or record.stamp, self._previous
        self._first, self._previous = first, record.stamp
        return dissection if self._passes(dissection, first=first, previous=previous) else None


# --- listening -------------------------------------------------------------------------------------------------------
def _listen(listener: Listener, screen: _Screen | LiveTable, *, silent: bool) -> int:
    before = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_S)
    gc.freeze()  # what is loaded now stays, so that collections look at the traffic only
    try:
        with Ending(listener.stop):
            listener.start()
            try:
                for event in listener.events():
                    screen.take(event)
            finally:
                listener.stop()
                listener.join()
    finally:
        gc.unfreeze()
        sys.setswitchinterval(before)
        screen.close()
        if not silent:
            sys.stderr.write(f"vebus: {listener.tally.line()}\n")
    if listener.problem is not None:
        if isinstance(screen, _Screen):
            screen.count()
        raise listener.problem
    screen.stop()
    return 0


def _screen(request: Request, names: NameTable) -> _Screen | LiveTable:
    """Where it is shown: the live table if that is wanted and there is a terminal for it.  Raises UsageError."""
    if request.view and can_view():
        return LiveTable(
            names,
            port=request.port or "",
            rate=request.baud or USUAL_RATES[Link(request.link)],
            passes=request.display_filter,
            time_form=request.printing.time_form,
            color=request.printing.color,
            silent=request.silent,
        )
    if request.view and not request.silent:
        sys.stderr.write("vebus: --view needs a terminal for screen and keys; printing lines instead\n")
    return _Screen(request, names)


class _Screen:
    """Prints records on standard output and notices on standard error."""

    def __init__(self, request: Request, names: NameTable) -> None:
        """Raises UsageError for wrong options."""
        self._printing = not request.quiet and (request.write is None or request.print_too)
        self.showing = self._printing or bool(request.statistics)
        self._silent = request.silent
        self._passes = display_filter(request.display_filter, names, time=TimeForm(request.printing.time_form))
        self._names = names
        book = ScaleBook.assuming(DEFAULT_TABLE)
        self._name, self._json = request.port or "", request.quiet and request.printing.output == "json"
        self._counted = None
        if request.statistics:
            self._counted = counting(request.statistics, names, book=book, passes=self._passes)
        self._printer = Printer(
            make_form(request.printing, sys.stdout), sys.stdout if self._printing else None, request.line_buffered
        )
        self._session = Session(book=book)
        self._dissect = quick_dissect if _fast() else dissect
        self._timeline = Timeline()
        self._started = False

    def begin(self, listener: Listener) -> None:
        """Nothing is to be prepared for lines."""

    def close(self) -> None:
        """Nothing is to be given back either."""

    def take(self, event: Heard | Notice | None) -> None:
        """Print one event; None means that nothing waits, so that what is printed should be seen."""
        self._start()
        if event is None:
            if self._printing:
                sys.stdout.flush()
        elif isinstance(event, Notice):
            if not self._silent:
                sys.stderr.write(f"vebus: {event.text}\n")
                sys.stderr.flush()
        else:
            self._record(event)

    def stop(self) -> None:
        """Print what stands behind the last record."""
        self._start()
        self._printer.stop()
        self.count()

    def count(self) -> None:
        """Print the statistics of what was heard."""
        if self._counted is not None:
            self._counted.print(sys.stdout, self._name, as_json=self._json)

    def _start(self) -> None:
        if not self._started:
            self._started = True
            self._printer.start()

    def _record(self, heard: Heard) -> None:
        record = heard.record
        if self._counted is not None:
            self._counted.gathering.take(record, heard.dissection)
        if not self._printing:
            return
        timing = self._timeline.place(record.stamp)
        dissection = heard.dissection or self._dissect(record, self._session.observe(record), self._names)
        first = timing.first or record.stamp
        if self._passes is None or self._passes(
            dissection, first=first, previous=timing.previous, displayed=timing.displayed
        ):
            self._printer.record(dissection, timing)
            self._timeline.shown(record.stamp)
