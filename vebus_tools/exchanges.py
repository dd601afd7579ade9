"""Which records belong together as request and reply: winmon by transaction id or channel, info and adapter commands.

Sources: vebus-rs485.md 6.2 and 6.3, mk3.md 4, 5.1 and 7.1.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from vebus_protocol.enums import InfoCommand, WinmonReply, WinmonRequest
from vebus_protocol.mk3 import ADAPTER_MARKER
from vebus_protocol.registry import Placed
from vebus_protocol.schema import Direction, Message, Space
from vebus_protocol.winmon import WinmonFrame
from vebus_tools.records import Record

__all__ = ["EXCHANGED", "Exchange", "Key", "Role", "answers", "exchange_of"]

FIRST_REPLY = 0x80
# Split replies may come as one frame for each part (mk3.md 7.2); these parts belong to the reply before them.
_CONTINUATIONS = frozenset(
    (
        WinmonReply.SETTING_OFFSET,
        WinmonReply.SETTING_DEFAULT,
        WinmonReply.SETTING_MINIMUM,
        WinmonReply.SETTING_MAXIMUM,
        WinmonReply.RAM_OFFSET,
    )
)
_ALWAYS = frozenset((WinmonReply.NOT_SUPPORTED, WinmonReply.ACCESS_LEVEL_REQUIRED))
_UNANSWERED_WINMON = frozenset((WinmonRequest.WRITE_RAM, WinmonRequest.WRITE_SETTING))  # "none, or 80"
_UNANSWERED_COMMANDS = frozenset((InfoCommand.SNAPSHOT, InfoCommand.RESET))
_PAIRED = "ADHLRSV"  # adapter commands with a known reply (mk3.md 4)
_ALIKE = "AH"
_INFO, _INFO_REQUEST, _AC_INPUT = 0x20, 0x21, 0x41
_LIMITS_REPLY = 0x3C
EXCHANGED = frozenset((0x00, _INFO, _INFO_REQUEST, _AC_INPUT, _LIMITS_REPLY))
"""First payload bytes of all frames on the bus that may be request or reply."""

# What an info request asks for, and the info types that answer it (mk3.md 5.1, 5.4; on the bus by analogy).
_WANTED = {0x00: "dc", 0x01: "l1", 0x02: "l2", 0x03: "l3", 0x04: "l4", 0x05: "ac input", 0x80: "dmc", 0x83: "bms"}
_COMMANDS = {InfoCommand.IDENTITY: "identity", InfoCommand.BATTERY_LIMITS: "limits"}
_ANSWERS = {
    **dict.fromkeys(range(0x08, 0x0C), "l1"),
    0x05: "l4",
    0x06: "l3",
    0x07: "l2",
    0x0C: "dc",
    0x80: "dmc",
    0x83: "bms",
    **dict.fromkeys((2, 3, 4, *range(0x20, 0x30)), "identity"),
}


Key = tuple[str, str | int]
"""What request and reply have in common: the sort of exchange, and a transaction id, a letter or what is asked for."""


class Role(enum.Enum):
    """Part that a record plays in an exchange; EITHER where only the order of the frames tells."""

    REQUEST = "request"
    REPLY = "reply"
    CONTINUATION = "continuation"
    EITHER = "either"


@dataclass(frozen=True, slots=True)
class Exchange:
    """Key by which request and reply find each other on their bus or adapter.

    ``expects_reply`` is False for requests that may stay unanswered, ``only_on_request`` False for frames that also
    come unasked.
    """

    key: Key
    role: Role
    expects_reply: bool = True
    only_on_request: bool = False


def exchange_of(record: Record) -> Exchange | None:
    """Exchange that a good record takes part in, or None."""
    if not record.chain:
        return None
    first = record.chain[0].message
    if len(record.chain) > 1:
        return _winmon(first, record.chain[1])
    if first.INFO.space is Space.ADAPTER or getattr(first, "marker", None) == ADAPTER_MARKER:
        return _adapter(record, first)
    return _info(first)


def _winmon(carrier: Message, body: Placed) -> Exchange:
    code = getattr(body.message, "code", 0)
    key: Key
    if isinstance(carrier, WinmonFrame):
        key = ("tid", carrier.tid)
    else:
        key = ("channel", chr(int(getattr(carrier, "cmd", 0))).upper())
    if code < FIRST_REPLY:
        return Exchange(key, Role.REQUEST, expects_reply=code not in _UNANSWERED_WINMON)
    role = Role.CONTINUATION if code in _CONTINUATIONS else Role.REPLY
    return Exchange(key, role, only_on_request=True)


def answers(reply: Message, request: Message) -> bool:
    """Whether a reply with the right key can be the answer to this request: winmon codes have to fit each other."""
    expected = request.INFO.replies
    return not expected or getattr(reply, "code", None) in expected | _ALWAYS


def _adapter(record: Record, message: Message) -> Exchange | None:
    letter = chr(int(getattr(message, "cmd", 0)))
    if letter == "F":
        return _info_command(message)
    if letter not in _PAIRED:
        return None
    key = ("adapter", "V" if letter == "R" else letter)
    if record.direction is Direction.BOTH:  # A and H look the same both ways
        return Exchange(key, Role.EITHER) if letter in _ALIKE else None
    return Exchange(key, Role.REQUEST if record.direction is Direction.TO_DEVICE else Role.REPLY)


def _info_command(message: Message) -> Exchange | None:
    command = getattr(message, "selector", None)
    if command is None or command in _UNANSWERED_COMMANDS:
        return None
    wanted = _COMMANDS.get(command, _WANTED.get(command))
    return Exchange(("info", wanted), Role.REQUEST) if wanted else None


def _info(message: Message) -> Exchange | None:
    kind = getattr(message, "cmd", None)
    selector = getattr(message, "selector", None)
    if kind == _INFO_REQUEST and selector is not None:
        wanted = _WANTED.get(selector)
        return Exchange(("info", wanted), Role.REQUEST) if wanted else None
    if kind == _AC_INPUT:
        return Exchange(("info", "ac input"), Role.REPLY)
    if kind == _LIMITS_REPLY:
        return Exchange(("info", "limits"), Role.REPLY)
    if kind == _INFO and selector is not None:
        answer = _ANSWERS.get(selector)
        return Exchange(("info", answer), Role.REPLY) if answer else None
    return None
