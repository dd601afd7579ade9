"""The byte edge to the outside: serial ports and URLs for reading, ends that others connect to, a list of ports.

Readers (``open_link``) cannot write: they have no method for it.  Ends (``PtyEnd``, ``TcpServer``, ``memory_pair``) are
for simulators and replay, and never a serial port.  What can send to a serial port is `vebus_tools.link.sending`, which
only the transmitting BMS imports.
"""

from vebus_tools.link.ends import End, MemoryEnd, PtyEnd, TcpServer, is_loopback, memory_pair, wait_for
from vebus_tools.link.errors import LINK_LOST, BusyLinkError, LinkError, LostLinkError
from vebus_tools.link.ports import Port, list_ports
from vebus_tools.link.readers import LinkFacts, PacedReader, Reader, open_link

__all__ = [
    "LINK_LOST",
    "BusyLinkError",
    "End",
    "LinkError",
    "LinkFacts",
    "LostLinkError",
    "MemoryEnd",
    "PacedReader",
    "Port",
    "PtyEnd",
    "Reader",
    "TcpServer",
    "is_loopback",
    "list_ports",
    "memory_pair",
    "open_link",
    "wait_for",
]
