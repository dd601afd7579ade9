"""Asks the units behind an MK2/MK3 adapter for their versions and assistants.

A machine without I/O or clock: bytes to send come out of `AdapterInquiry.poll`, bytes of the adapter go into `feed`.
It only reads: the adapter's version and selected address, and of each unit identity, version and the RAM words of the
assistants.  Nothing is written to a unit; the address that was selected before is selected again in the end.
Sequence and waiting times: mk3.md 2.7, 4.1, 5.1, 7, 15, 17.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass

from vebus_protocol.adapter import (
    AdapterAddress,
    AdapterVersion,
    AddressAction,
    RequestAdapterVersion,
    RequestIdentity,
    WinmonCommand,
)
from vebus_protocol.enums import AdapterMode
from vebus_protocol.info import IdentityInfo
from vebus_protocol.mk3 import Mk3Frame, encode_mk3_frame
from vebus_protocol.schema import Direction, Link, Message
from vebus_protocol.variables import ASSISTANT_MEMORY
from vebus_protocol.winmon import (
    RamValues,
    ReadRam,
    RequestVersionHigh,
    RequestVersionLow,
    VersionHigh,
    VersionLow,
    VersionReply,
)
from vebus_tools.decoder import Decoder
from vebus_tools.firmware.heard import Heard
from vebus_tools.records import Chunk, Record, Severity, Stamp, TimeSource
from vebus_tools.session import Session

__all__ = ["AdapterInquiry"]

_ADAPTER_S = 1.0  # reply time-out of the vendor's library (mk3.md 2.7)
_UNIT_S = 0.75
_TRIES = 3
_ADDRESSES = 32
_LAST_ID = 0xFF
_LETTERS = b"XYZ"  # in turn, so that a late reply is told from the current one (mk3.md 7.1)


@dataclass(frozen=True, slots=True)
class _Question:
    """One request, what may answer it, and how long and how often it is asked."""

    message: Message
    answers: tuple[type[Message], ...]
    wait_s: float = _UNIT_S
    tries: int = _TRIES

    def is_answered_by(self, record: Record) -> bool:
        """Whether a good frame of the adapter is the reply; any other winmon reply with our letter is a refusal."""
        asked = self.message
        if isinstance(asked, WinmonCommand):
            first = record.chain[0].message
            return isinstance(first, WinmonCommand) and first.cmd == asked.cmd
        if isinstance(asked, AdapterAddress):
            reply = record.chain[-1].message
            return isinstance(reply, AdapterAddress) and reply.address == asked.address
        return isinstance(record.chain[-1].message, self.answers)


_Script = Generator[_Question, Message | None, None]


class AdapterInquiry:
    """One inquiry; times in seconds of any clock that does not go back.

    ``heard`` has what was learnt, ``answered`` tells whether the adapter has said anything at all.
    """

    def __init__(self) -> None:
        """Begin with the adapter's own version."""
        self.heard = Heard()
        self.answered = False
        self.done = False
        self._decoder, self._session = Decoder(Link.MK3), Session()
        self._letter = 0
        self._script = self._ask_all()
        self._question: _Question | None = next(self._script)
        self._asked, self._until = 0, 0.0

    @property
    def next_at(self) -> float:
        """When `poll` has something to do."""
        return self._until

    def poll(self, now: float) -> bytes:
        """Bytes to send now, perhaps none."""
        while not self.done and now >= self._until:
            question = self._question
            if question is None:
                self.done = True
            elif self._asked < question.tries:
                return self._ask(question, now)
            else:
                self._go_on(None)
        return b""

    def feed(self, data: bytes, now: float) -> None:
        """Take bytes of the adapter."""
        for record in self._observe(data, now, Direction.FROM_DEVICE):
            good = record.chain and all(one.severity is not Severity.ERROR for one in record.findings)
            self.answered = self.answered or bool(good)
            if good and self._asked and self._question is not None and self._question.is_answered_by(record):
                reply = record.chain[-1].message
                self._go_on(reply if isinstance(reply, self._question.answers) else None)

    def _observe(self, data: bytes, now: float, direction: Direction) -> Iterator[Record]:
        whole = direction is Direction.TO_DEVICE
        chunk = Chunk(data=data, stamp=Stamp(now, TimeSource.HOST), direction=direction, whole=whole)
        for record in self._decoder.feed(chunk):
            self.heard.observe(record, self._session.observe(record))
            yield record

    def _ask(self, question: _Question, now: float) -> bytes:
        data = encode_mk3_frame(Mk3Frame(payload=question.message.build()))
        for _ in self._observe(data, now, Direction.TO_DEVICE):
            pass
        self._asked += 1
        self._until = now + question.wait_s
        return data

    def _go_on(self, reply: Message | None) -> None:
        """Hand the reply to the script, None for silence or refusal, and take its next question."""
        try:
            self._question = self._script.send(reply)
        except StopIteration:
            self._question = None
        self._asked, self._until = 0, 0.0

    # the script -------------------------------------------------------------------------------------------------------
    def _ask_all(self) -> _Script:
        adapter = yield _Question(RequestAdapterVersion(), (AdapterVersion,), _ADAPTER_S)
        if not self.answered:
            return
        identity = yield _Question(RequestIdentity(address=0), (IdentityInfo,))
        known = identity.addresses if isinstance(identity, IdentityInfo) else 0
        for address in range(_ADDRESSES):
            if known >> address & 1 or not known:
                yield from self._ask_unit(address, tries=_TRIES if known or not address else 1)
        mode = adapter.mode if isinstance(adapter, AdapterVersion) else None
        if mode is not None and AdapterMode.text_of(mode) is None:
            yield _selection(mode)

    def _ask_unit(self, address: int, tries: int) -> _Script:
        """Version and assistants of one unit; a unit that does not tell its version is not asked for more."""
        yield _selection(address)
        version = yield self._winmon(RequestVersionLow(), (VersionReply, VersionLow), tries)
        if version is None:
            return
        if isinstance(version, VersionLow):  # the split form has the other half in a reply of its own (mk3.md 7.2)
            yield self._winmon(RequestVersionHigh(), (VersionHigh,))
        at = ASSISTANT_MEMORY
        while at <= _LAST_ID:
            words = yield self._winmon(ReadRam(ids=(at,)), (RamValues,))
            if not isinstance(words, RamValues) or not words.values or words.values[0] == 0:
                return
            at += 1 + (words.values[0] & 0xF)

    def _winmon(self, body: Message, answers: tuple[type[Message], ...], tries: int = _TRIES) -> _Question:
        self._letter = (self._letter + 1) % len(_LETTERS)
        command = WinmonCommand(cmd=_LETTERS[self._letter], rest=body.build())
        return _Question(command, answers, tries=tries)


def _selection(address: int) -> _Question:
    return _Question(AdapterAddress(action=AddressAction.SET.value, address=address), (AdapterAddress,), _ADAPTER_S)
