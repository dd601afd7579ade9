"""What a capture tells about the firmware of its units: versions, assistants, how many units there are.

A fold over records, like the session beside it.  On an adapter's link the selected address tells units apart; on the
bus no address of a winmon reply is known, so different versions from one sender count as different units.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from vebus_protocol.adapter import AdapterAddress, AdapterVersion, AddressAction, WinmonAddressed, WinmonCommand
from vebus_protocol.enums import AdapterMode
from vebus_protocol.frame import ReceivedFrame
from vebus_protocol.info import BmsInfo, IdentityInfo
from vebus_protocol.schema import Message, Space
from vebus_protocol.variables import ASSISTANT_MEMORY, AssistantId
from vebus_protocol.winmon import RamValues, VersionHigh, VersionLow, VersionReply
from vebus_tools.firmware.gate import Note, Unit, unit_of_version
from vebus_tools.firmware.rules import Assistant, thresholds
from vebus_tools.records import Record, Severity
from vebus_tools.session import Context

__all__ = ["Heard", "assistant_in"]

_FIRST_REPLY = 0x80
_LAST_ID = 0xFF
_HARMLESS = frozenset({AssistantId.AC_CURRENT_SENSOR.value, AssistantId.HUB_1.value})
_LOWER = 0x20


def assistant_in(words: Mapping[int, int]) -> Assistant:
    """Which assistant the list that begins at RAM id 128 shows; ``words`` maps RAM ids to raw words.

    Each entry is a word (assistant id << 4 | n) with n RAM ids behind it, and 0 ends the list (mk3.md 15).  The id of
    the VE.Bus BMS assistant is not published, so an id that nobody has identified may be one: then, and when the list
    was not read to its end, nothing is known.
    """
    at, strange = ASSISTANT_MEMORY, False
    while at <= _LAST_ID:
        word = words.get(at)
        if word is None:
            return Assistant.UNKNOWN
        if word == 0:
            return Assistant.UNKNOWN if strange else Assistant.NONE
        which, following = word >> 4, word & 0xF
        if which == AssistantId.ESS:
            return Assistant.ESS
        strange = strange or which not in _HARMLESS
        at += 1 + following
    return Assistant.UNKNOWN


@dataclass(slots=True)
class _Seen:
    """What one sender or address has said."""

    name: str
    versions: dict[int, str] = field(default_factory=dict)
    low: int | None = None
    words: dict[int, int] = field(default_factory=dict)


class Heard:
    """Folds records; ask `units` and `notes` at the end.  Damaged frames and requests tell nothing."""

    def __init__(self) -> None:
        """Start without knowledge."""
        self._seen: dict[tuple[str, str, int], _Seen] = {}
        self._address: dict[str, int] = {}
        self._addressed: dict[tuple[str, int], int] = {}
        self._bms: dict[int, None] = {}
        self._announced: dict[str, int] = {}

    def observe(self, record: Record, context: Context) -> None:
        """Take the next record, with what the session knows of it."""
        if not record.chain or any(one.severity is Severity.ERROR for one in record.findings):
            return
        first, last = record.chain[0].message, record.chain[-1].message
        if isinstance(last, BmsInfo):
            self._bms.setdefault(last.version)
        elif isinstance(last, IdentityInfo):
            before = self._announced.get(record.interface, 0)
            self._announced[record.interface] = max(before, last.addresses.bit_count())
        elif last.INFO.space is Space.WINMON:
            self._winmon(record, context, first, last)
        else:
            self._select(record.interface, last)

    def _select(self, interface: str, message: Message) -> None:
        """Remember the address that winmon goes to, on an adapter's link."""
        if isinstance(message, AdapterAddress) and message.action == AddressAction.SET:
            self._address[interface] = message.address
        elif isinstance(message, AdapterVersion) and AdapterMode.text_of(message.mode) is None:
            self._address[interface] = message.mode

    def _winmon(self, record: Record, context: Context, first: Message, body: Message) -> None:
        if isinstance(first, WinmonAddressed):
            self._addressed[record.interface, first.cmd - _LOWER] = record.chain[-1].message.build()[-1]
            return
        if getattr(body, "code", 0) < _FIRST_REPLY:
            if isinstance(first, WinmonCommand):
                self._addressed.pop((record.interface, first.cmd), None)
            return
        seen = self._of(record, first)
        if isinstance(body, VersionReply):
            seen.versions.setdefault(body.version, f"version reply in frame {record.number}")
        elif isinstance(body, VersionLow):
            seen.low = body.low
        elif isinstance(body, VersionHigh) and seen.low is not None:
            seen.versions.setdefault(seen.low | body.high << 16, f"version reply ending in frame {record.number}")
            seen.low = None
        elif isinstance(body, RamValues):
            pairs = zip(context.ram_ids, body.values, strict=False)  # a reply may carry fill behind what was asked
            seen.words.update({which: word for which, word in pairs if which >= ASSISTANT_MEMORY})

    def _of(self, record: Record, first: Message) -> _Seen:
        if isinstance(record.frame, ReceivedFrame):
            sender = record.frame.sender
            return self._seen.setdefault((record.interface, "bus", sender), _Seen(f"sender {sender:04x}"))
        address = self._address.get(record.interface, 0)
        if isinstance(first, WinmonCommand):
            address = self._addressed.get((record.interface, first.cmd), address)
        return self._seen.setdefault((record.interface, "adapter", address), _Seen(f"address {address}"))

    @property
    def versions(self) -> tuple[int, ...]:
        """Version numbers that were heard, in the order in which they came."""
        return tuple(number for seen in self._seen.values() for number in seen.versions)

    def units(self, claimed: Assistant = Assistant.UNKNOWN, label: int | None = None) -> tuple[Unit, ...]:
        """The units that were heard; ``claimed`` and ``label`` fill in what the capture does not tell."""
        found: list[Unit] = []
        for seen in self._seen.values():
            assistant = assistant_in(seen.words)
            assistant = claimed if assistant is Assistant.UNKNOWN else assistant
            for number, told in seen.versions.items():
                found.append(unit_of_version(seen.name, number, told, assistant, label))
            if not seen.versions:
                told = "it answers, but its version was not read in this capture"
                found.append(Unit(name=seen.name, told=told, label=label, assistant=assistant))
        missing = sum(self._announced.values()) - len(found)
        if missing > 0:
            told = "identity frames announce more units than this capture has version replies of"
            found += [Unit(name="not heard", told=told)] * missing
        return tuple(found)

    def notes(self) -> tuple[Note, ...]:
        """What is published about the BMS versions that were heard, and what such a capture cannot tell."""
        found = tuple(
            Note(text=f"BMS {number}: {text}", source=one.source)
            for number in self._bms
            for one in thresholds("bms")
            if (text := one.says(number & 0xFF_FFFF))
        )
        if self._announced:
            return found
        text = "no identity frame tells how many units there are; a unit that this capture does not show is not judged"
        return (*found, Note(text=text, source="B-141: the rule applies to all units"))
