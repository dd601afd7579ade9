"""Which records are of one kind: same link and interface, same sender, same message about the same thing."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from vebus_protocol.frame import ReceivedFrame
from vebus_protocol.schema import Direction
from vebus_tools.dissection import info_title
from vebus_tools.records import Group, Record
from vebus_tools.session import Context

if TYPE_CHECKING:
    from vebus_protocol.schema import Message
    from vebus_tools.nodes import Dissection

__all__ = ["BAD_CHECKSUM", "NO_FRAME", "Key", "has_bad_checksum", "key_of", "title_of"]

Key = tuple[object, ...]
"""Records with the same key are of one kind."""

BAD_CHECKSUM = "Bad checksum"
"""Title of frames with a wrong checksum: what they say of themselves is not to be trusted."""

NO_FRAME = "Bytes of no frame"
"""Title of skipped bytes."""

_REPLY = "Reply"
_SELECTOR = "vebus.info.type"  # answers of one message that are about different things: phases, identities


def has_bad_checksum(record: Record) -> bool:
    """Whether a record is a frame whose checksum, or complement, is wrong."""
    return bool(record.findings) and any(found.group is Group.CHECKSUM for found in record.findings)


def key_of(record: Record, context: Context) -> Key:
    """The key of a record; ``context`` tells directions that only the order of the frames tells."""
    frame = record.frame
    port = record.link, record.interface
    if frame is None:
        return (*port, "skipped")
    if has_bad_checksum(record):
        return (*port, "bad")
    if isinstance(frame, ReceivedFrame):
        sender: object = (frame.sender, frame.kind)
    else:
        sender = context.direction if context.direction not in (None, Direction.BOTH) else record.direction
    if not record.chain:
        return (*port, sender, type(frame))
    last = record.chain[-1]
    message, data = last.message, record.unstuffed
    code = data[last.start] if last.start < len(data) else None
    name = _selector(type(message))  # type: ignore[arg-type]  # mypy asks the instances for a hash
    return (*port, sender, message.INFO.title, code, getattr(message, name) if name else None)


@lru_cache(maxsize=512)
def _selector(declared: type[Message]) -> str:
    """Name of the field that says what an answer is about, or nothing."""
    return next((spec.name for spec in declared.FIELDS if spec.abbrev == _SELECTOR), "")


def title_of(record: Record, dissection: Dissection) -> tuple[str, str]:
    """Title of a kind, and the part of its values that says the same."""
    frame = record.frame
    if frame is None:
        return NO_FRAME, ""
    if has_bad_checksum(record):
        return BAD_CHECKSUM, ""
    title = info_title(frame, record.chain)
    if not record.chain:
        return title, ""
    last = record.chain[-1]
    if title == _REPLY:
        for node in dissection.walk():
            if node.start == last.start and node.name and not node.generated:
                return f"{_REPLY}: {node.name}", node.text
    selector = _selector(type(last.message))  # type: ignore[arg-type]  # mypy asks the instances for a hash
    if selector and any(at and len(values) > 1 for at, values in last.message.INFO.match.items()):
        for node in dissection.walk():
            if node.abbrev == _SELECTOR and node.name:
                return f"{title}: {node.name.removeprefix(title.split(' ')[0]).strip()}", ""
    return title, ""
