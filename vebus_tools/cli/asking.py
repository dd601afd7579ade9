"""Where `vebus check-firmware -i` gets its knowledge from: an adapter that is asked, or a bus that is listened to."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass

from vebus_protocol.schema import Link
from vebus_tools.cli.ending import Ending
from vebus_tools.cli.sniffing import USUAL_RATES, open_port
from vebus_tools.firmware import Heard
from vebus_tools.firmware.inquiry import AdapterInquiry
from vebus_tools.link import LinkError
from vebus_tools.link.adapters import open_adapter
from vebus_tools.live import Heard as HeardRecord
from vebus_tools.live import Listener, Stops
from vebus_tools.session import Session

__all__ = ["Live", "ask_adapter", "overhear_bus"]

_POLL_S = 0.1
_ADVICE = {
    2_400: "asleep, without VE.Bus power, another program's speed (--baud 115200), or no MK2/MK3 adapter",
    115_200: "asleep, without VE.Bus power, at its usual speed (--baud 2400), or no MK2/MK3 adapter",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """A port to learn from; ``duration_s`` is how long a bus is listened to."""

    port: str
    baud: int | None
    duration_s: float


def ask_adapter(live: Live) -> Heard:
    """What the units behind an adapter answer.  Raises LinkError, also where the adapter says nothing."""
    baud = live.baud or USUAL_RATES[Link.MK3]
    line = open_adapter(live.port, baud=baud)
    inquiry = AdapterInquiry()
    _tell(f"asking the units behind {live.port} for identity, version and assistants; nothing is written to them")
    try:
        with Ending() as ending:
            while not inquiry.done and not ending.wanted():
                line.write(inquiry.poll(time.monotonic()))
                wait = min(_POLL_S, max(0.0, inquiry.next_at - time.monotonic()))
                data = line.read(wait)
                if data:
                    inquiry.feed(data, time.monotonic())
    finally:
        line.close()
    if not inquiry.answered:
        raise LinkError(f"{live.port}: no answer from the adapter; {_ADVICE.get(baud, _ADVICE[2_400])}")
    if not inquiry.done:
        _tell("stopped before all units were asked; what was not read is not verified")
    return inquiry.heard


def overhear_bus(live: Live) -> Heard:
    """What passes on a bus within the time; nothing is sent.  Ctrl-C judges what was heard until then."""
    reader = open_port(live.port, Link.RS485, baud=live.baud, low_latency=True)
    listener = Listener(reader, Link.RS485, baud=live.baud, stops=Stops(duration_s=live.duration_s))
    heard, session = Heard(), Session()
    _tell(f"listening to {live.port} for {live.duration_s:g} s; versions pass only while a GX device or a tool asks")
    with Ending(listener.stop):
        listener.start()
        try:
            for event in listener.events():
                if isinstance(event, HeardRecord):
                    heard.observe(event.record, session.observe(event.record))
        finally:
            listener.stop()
            listener.join()
    _tell(listener.tally.line())
    if listener.problem is not None:
        raise listener.problem
    return heard


def _tell(text: str) -> None:
    sys.stderr.write(f"vebus: {text}\n")
    sys.stderr.flush()
