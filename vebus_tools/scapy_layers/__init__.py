"""Scapy layers for VE.Bus and the MK2/MK3 link, made from the declarations in ``vebus_protocol``.

    >>> from vebus_tools.scapy_layers import ReadRam, VEBus, WinmonFrame
    >>> frame = VEBus(addr="MK3", seq=5) / WinmonFrame(tid=0xE6) / ReadRam(ram_id=[4, 5])
    >>> bytes(frame).hex(" ")
    '98 f7 fe 05 00 e6 30 04 05 df ff'

There is a packet class for each declared message, with its name (`LAYERS` has all); its fields have the names that
``vebus decode -G fields`` lists, without the prefix of the class.  Values are the raw numbers of the wire; ``show`` and
``physical`` give them with scale and unit.  A single packet does not know which scales the device announced, nor what a
reply answers: without `VEBusSession` scales are those of the published table ("assumed scale"), and values of RAM
variables, whose ids only the request has, are numbers without a unit.

Scapy itself is licensed GPL-2.0-only.  This package is MIT like the rest of the toolkit, which uses Scapy only here
and installs it as a package of its own.  Whoever passes on a program that imports this module *together with* Scapy has
to do that under the conditions of the GPL, version 2; using it, and passing on our packages alone, asks for nothing.
"""

from typing import TYPE_CHECKING

from vebus_tools.scapy_layers.envelopes import MK3, FbFrame, MK3Pieces, VEBus, VEBusPieces
from vebus_tools.scapy_layers.fields import Bits
from vebus_tools.scapy_layers.messages import LAYERS, MessageLayer
from vebus_tools.scapy_layers.session import VEBusSession
from vebus_tools.scapy_layers.sockets import VEBusSocket

if TYPE_CHECKING:  # the classes of messages are made when this is imported, so that no type checker knows their names
    from typing import Any

    def __getattr__(name: str) -> Any: ...  # noqa: ANN401


__all__ = [  # noqa: PLE0604  (the names of the messages are those of the registry)
    "LAYERS",
    "MK3",
    "Bits",
    "FbFrame",
    "MK3Pieces",
    "MessageLayer",
    "VEBus",
    "VEBusPieces",
    "VEBusSession",
    "VEBusSocket",
    *LAYERS,
]

globals().update(LAYERS)
