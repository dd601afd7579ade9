"""An MK2/MK3 adapter that is asked: the one link to hardware that has a way to write.

What is written goes to the adapter's own micro-controller, which puts frames of its own on the bus (mk3.md 1, 2.3); no
byte written here reaches the bus as it is.  Only a command that says so opens one.
"""

from __future__ import annotations

import os
import select
import time

from vebus_tools.link.errors import LinkError
from vebus_tools.link.ports import describe_port
from vebus_tools.link.readers import DescriptorReader, LinkFacts, connect, lost
from vebus_tools.link.tty import can_open_tty, open_tty

__all__ = ["AdapterLine", "open_adapter"]

_WRITE_S = 1.0


class AdapterLine(DescriptorReader):
    """Reads as any link does, and writes frames for the adapter."""

    def write(self, data: bytes) -> None:
        """Send bytes to the adapter.  Raises LostLinkError when it is gone, LinkError when it takes nothing."""
        until = time.monotonic() + _WRITE_S
        poll = select.poll()
        poll.register(self.fileno(), select.POLLOUT)
        while data:
            if not poll.poll(max(0.0, until - time.monotonic()) * 1000):
                raise LinkError(f"{self.facts.name}: takes no bytes; is it an MK2/MK3 adapter?")
            try:
                data = data[os.write(self.fileno(), data) :]
            except OSError as problem:
                raise lost(self.facts.name, problem) from problem


def open_adapter(url: str, *, baud: int) -> AdapterLine:
    """Open an adapter behind a device path or ``socket://HOST:PORT`` at ``baud`` bit/s.

    Raises LinkError, BusyLinkError.
    """
    if url.lower().startswith("socket://"):
        return AdapterLine(connect(url), LinkFacts(name=url), tty=False, ends=False)
    if "://" in url or url == "-" or not can_open_tty():
        raise LinkError(f"{url}: an adapter is asked through a device path on Linux, or socket://HOST:PORT")
    fd, state = open_tty(url, baud=baud, exclusive=True, low_latency=False, writable=True)
    facts = LinkFacts(name=url, rate=state.rate, adapter=describe_port(url), warnings=state.warnings)
    return AdapterLine(fd, facts, tty=True, ends=False)
