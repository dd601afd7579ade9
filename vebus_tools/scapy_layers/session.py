"""A session for ``sniff``: what one packet alone does not tell."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from scapy.sessions import DefaultSession

from vebus_protocol.schema import Link
from vebus_tools.scapy_layers.envelopes import Envelope, FbFrame, Pieces
from vebus_tools.scapy_layers.records import records_of
from vebus_tools.session import Knowledge, Session

if TYPE_CHECKING:
    from scapy.packet import Packet

    from vebus_protocol.scaling import ScaleBook

__all__ = ["VEBusSession"]


class VEBusSession(DefaultSession):
    """Scales that the device announced, and what a reply answers: ``sniff(offline=FILE, session=VEBusSession)``.

    Sets ``context`` of each frame, from which ``show``, ``summary`` and ``physical`` take them.  Packets stay as they
    are.
    """

    def __init__(
        self,
        supersession: Any = None,  # noqa: ANN401  (as Scapy has it)
        *,
        knowledge: Knowledge | None = None,
        book: ScaleBook | None = None,
    ) -> None:
        """``knowledge`` of a first pass and ``book``, the scales to assume, are those of `vebus_tools.session`."""
        super().__init__(supersession)
        self._session = Session(knowledge, book)
        self._count = 0

    def process(self, pkt: Packet) -> Packet | None:
        """Take the next packet."""
        found = super().process(pkt)
        self._count += 1
        if isinstance(found, Envelope | FbFrame | Pieces):
            self._observe(found)
        return found

    def _observe(self, pkt: Envelope | FbFrame | Pieces) -> None:
        members: list[Packet] = pkt.pieces if isinstance(pkt, Pieces) else [pkt]
        link: Link = pkt.ENVELOPE.LINK if isinstance(pkt, Pieces) else pkt.LINK
        for member, record in zip(members, records_of(pkt, link), strict=False):
            context = self._session.observe(replace(record, number=self._count))
            if isinstance(member, Envelope):
                member.context = context
