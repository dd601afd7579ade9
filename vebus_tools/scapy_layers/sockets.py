"""Scapy sockets over our links: ``sniff(opened_socket=...)`` and ``sr1()``.

Nothing here sends on a real bus.  A port is opened for reading only, as by ``vebus sniff``; sending is for the built-in
simulation (``sim:``), for an end in memory, and, where the caller says that a simulator is there, for a loopback
connection or a pty.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from scapy.data import MTU
from scapy.supersocket import SuperSocket

from vebus_protocol.schema import Link
from vebus_tools.framing import splitter_for
from vebus_tools.scapy_layers.envelopes import MK3Pieces, VEBus, VEBusPieces
from vebus_tools.scapy_layers.lines import Line, open_line
from vebus_tools.scapy_layers.session import VEBusSession

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from scapy.packet import Packet
    from scapy.plist import PacketList, SndRcvList

    from vebus_tools.framing import Piece
    from vebus_tools.link import MemoryEnd

__all__ = ["VEBusSocket"]

_POLL_S = 0.02


class VEBusSocket(SuperSocket):
    """Packets from a port, and to a simulator: ``VEBusSocket("sim:")``, ``VEBusSocket("/dev/ttyUSB0")``.

    A VEBus packet with ``seq=None`` is sent with the number that follows the last one on the bus.  The socket has a
    session of its own, which hears what is received and what is sent.
    """

    desc = "VE.Bus or MK2/MK3 traffic; sends to simulators only"
    nonblocking_socket = False

    def __init__(
        self,
        port: str | MemoryEnd,
        link: Link | str = Link.RS485,
        *,
        baud: int | None = None,
        simulator: bool = False,
        seed: int = 0,
    ) -> None:
        """Open a port as ``vebus sniff -i`` names it, or one half of ``memory_pair``.

        ``sim:`` and ``sim:SCENARIO`` are the built-in simulation, with ``seed``.  ``simulator`` says that ``vebus
        simulate`` is at the other side of a loopback ``socket://`` or a pty; only then they can be sent to.  ``baud``
        is in bit/s.  Raises LinkError.
        """
        self.closed = True
        self._link = Link(link)
        self._line: Line = open_line(port, self._link, baud=baud, simulator=simulator, seed=seed)
        self.closed = False
        self._splitter = splitter_for(self._link)
        self._heard: deque[Packet] = deque()
        self._lock = threading.RLock()
        self._ended = False
        self._session = VEBusSession()

    @property
    def name(self) -> str:
        """What it is connected to."""
        return self._line.name

    # receiving --------------------------------------------------------------------------------------------------------
    def fileno(self) -> int:
        """Descriptor that is readable with new bytes; -1 where there is none."""
        return self._line.fileno()

    @property
    def waiting(self) -> bool:
        """Whether ``recv`` has something without reading."""
        return bool(self._heard) or self._ended

    def recv(self, x: int = MTU, **_: Any) -> Packet | None:  # noqa: ANN401, ARG002  (as Scapy has it)
        """Next packet, or None as long as there is no whole one.  Raises EOFError at the end, LostLinkError."""
        with self._lock:
            if not self._heard and not self._ended:
                self._read()
            if self._heard:
                return self._heard.popleft()
        if self._ended:
            raise EOFError
        return None

    def _read(self) -> None:
        data = self._line.read(0.0)
        if data is None:
            self._ended = True
            self._take(self._splitter.flush())
        else:
            self._take(self._splitter.feed(data))

    def _take(self, pieces: Iterator[Piece]) -> None:
        several = VEBusPieces if self._link is Link.RS485 else MK3Pieces
        piece = None
        for piece in pieces:
            packet = several.packet_of(piece)
            packet.time = time.time()
            self._observe(packet)
            self._heard.append(packet)
        if piece is not None:
            self._line.heard(piece)  # the newest one: it tells whose turn it is

    def _observe(self, packet: Packet) -> None:
        with self._lock:
            self._session.process(packet)

    @staticmethod
    def select(sockets: list[SuperSocket], remain: float | None = None) -> list[SuperSocket]:
        """Those that have something: at once where a packet was cut already, else as soon as bytes come."""
        full: list[SuperSocket] = [one for one in sockets if isinstance(one, VEBusSocket) and one.waiting]
        if full:
            return full
        unseen = [one for one in sockets if one.fileno() < 0]
        wait = min(_POLL_S, _POLL_S if remain is None else remain)
        return [*SuperSocket.select([one for one in sockets if one.fileno() >= 0], wait), *unseen]

    # sending ----------------------------------------------------------------------------------------------------------
    def send(self, x: Packet) -> int:
        """Send a packet to a simulator; returns how many bytes it has.

        Raises LinkError for everything else, and ValueError for a packet that cannot be built; then nothing is sent.
        """
        self._line.check()
        size = len(x)  # a packet that cannot be built fails here, with the caller
        x.sent_time = time.time()
        self._line.post(_Frame(x, self._observe))
        return size

    def sr(self, *args: Any, **options: Any) -> tuple[SndRcvList, PacketList]:  # noqa: ANN401
        """See Scapy.  Raises LinkError where nothing can be sent."""
        self._line.check()
        return super().sr(*args, **options)

    def sr1(self, *args: Any, **options: Any) -> Packet | None:  # noqa: ANN401
        """See Scapy.  Raises LinkError where nothing can be sent."""
        self._line.check()
        return super().sr1(*args, **options)

    def close(self) -> None:
        """Release the port; a second time does nothing."""
        if not self.closed:
            self.closed = True
            self._line.close()


class _Frame:
    """A packet on its way: the number of the bus where it has none itself; the session hears of it when it went out."""

    def __init__(self, packet: Packet, sent: Callable[[Packet], None]) -> None:
        self._packet = packet
        self._sent = sent
        self._open = isinstance(packet, VEBus) and packet.seq is None

    def _with(self, number: int) -> Packet:
        made = self._packet.copy()
        if self._open:
            made.seq = number
        return made

    def data(self, number: int) -> bytes:
        """See Outgoing."""
        return bytes(self._with(number))

    def sent(self, number: int) -> None:
        """See Outgoing."""
        self._sent(self._with(number))
