"""What can go wrong with a link.

LinkError             a port that cannot be opened or set up; says what to do
├── BusyLinkError     somebody else has it
└── LostLinkError     it was there and went away (unplugged, connection closed); exit code 3
"""

from __future__ import annotations

from vebus_protocol.errors import VEBusError

__all__ = ["LINK_LOST", "BusyLinkError", "LinkError", "LostLinkError"]

LINK_LOST = 3
"""Exit code of a command whose link went away while it worked."""


class LinkError(VEBusError):
    """A port, address or end that cannot be used; the text says which, why and what to do."""


class BusyLinkError(LinkError):
    """Another program has the port."""


class LostLinkError(LinkError):
    """The link worked and is gone: adapter unplugged, connection closed by the other side."""

    exit_code = LINK_LOST
