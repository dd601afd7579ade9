"""Frames by the thousand for comparing two decoders: every message, field extremes, stuffing, checksums, damage.

Everything comes from the declarations and a seeded generator, so the same count and seed give the same file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any

from vebus_protocol.adapter import FreezeSnapshot, WinmonCommand
from vebus_protocol.enums import FrameKind, SenderId
from vebus_protocol.errors import EncodeError
from vebus_protocol.frame import Frame, encode_frame
from vebus_protocol.mk3 import MAX_PAYLOAD, Mk3Frame, encode_mk3_frame
from vebus_protocol.registry import MESSAGES
from vebus_protocol.schema import Direction, Field, Link, Message, Shape, Space
from vebus_protocol.winmon import (
    RamInfo,
    RamInfoSplit,
    RamValues,
    ReadRam,
    ReadRamInfo,
    ReadSetting,
    ReadSettingInfo,
    RequestSnapshot,
    SettingInfo,
    SettingValue,
    Snapshot,
    WinmonFrame,
)
from vebus_tools.capture import open_writer
from vebus_tools.records import Record, Stamp, TimeSource

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Heard", "Make", "damaged", "noise", "valid", "vectors", "write_capture"]

_EPOCH_S = 1_700_000_000.0
_SENDERS = (*(int(sender) for sender in SenderId), 0x1234)
_DIRECTIONS = (Direction.BOTH, Direction.BOTH, Direction.FROM_DEVICE, Direction.TO_DEVICE)
_RESERVED = (0xFA, 0xFB, 0xFD, 0xFE, 0xFF, 0x55)
_TIDS = (0x80, 0x8D, 0xE6, 0xFF)  # few, so that requests find replies


@dataclass(frozen=True, slots=True)
class Heard:
    """Bytes of one packet and where they were heard."""

    link: Link
    wire: bytes
    interface: str = ""
    direction: Direction = Direction.BOTH


def _random(seed: int) -> Random:
    return Random(seed)  # noqa: S311  (no secret: the same seed has to give the same frames)


Make = Callable[[int, int], Iterator[Heard]]
"""A maker of packets: how many, and the seed."""


# --- valid frames ----------------------------------------------------------------------------------------------------
def valid(count: int, seed: int) -> Iterator[Heard]:
    """So many good frames: each message in turn on each of its links, its fields at their extremes and in between."""
    random, made, number = _random(seed), 0, 0
    bodies = [declared for declared in MESSAGES if declared.INFO.carries is None]
    while made < count:
        for declared in bodies:
            for link in sorted(declared.INFO.links, key=lambda one: one.value):
                number += 1 if random.random() < 0.95 else random.randrange(4)
                try:
                    wire = _wire(declared, link, number % 128, random)
                except EncodeError:
                    continue  # too long for the adapter's link
                yield Heard(link, wire, random.choice(("bus0", "bus0", "bus1")), random.choice(_DIRECTIONS))
                made += 1
                if made == count:
                    return
        for heard in _conversations(random):
            yield heard
            made += 1
            if made == count:
                return


def _conversations(random: Random) -> Iterator[Heard]:
    """Requests and the replies that fit: announced scales, assistants' records, a snapshot."""
    words = tuple(random.randrange(0x10000) for _ in range(4))
    header = random.choice((0x0054, 0x0014, 0x0000, 0x0901))  # ESS, AC current sensor, end of the list, not known
    ram, setting = random.randrange(20), random.randrange(90)
    scale, offset = random.choice((1, -1, 5, 32668, -32758, 0, -32768)), random.choice((0, 0, 256, 0x8000, 0xFFFF))
    pairs: tuple[tuple[Message, Message], ...] = (
        (ReadRamInfo(id=ram), RamInfo(scale=scale, offset=offset)),
        (ReadRamInfo(id=ram), RamInfoSplit(scale=scale, offset=offset)),
        (
            ReadSettingInfo(id=setting),
            SettingInfo(scale=scale, offset=offset, default=1, minimum=0, maximum=9, access=None),
        ),
        (ReadRam(ids=(ram, 4)), RamValues(values=words[:2])),
        (ReadSetting(id=setting), SettingValue(value=words[0])),
        (ReadRam(ids=(128, 129, 130, 131, 132)), RamValues(values=(header, *words))),
        (RequestSnapshot(), Snapshot(values=(-1, 5, 200))),
    )
    freeze = FreezeSnapshot(ids=(ram, 129, 4))
    yield Heard(Link.MK3, encode_mk3_frame(Mk3Frame(payload=freeze.build())), "bus0")
    for link in (Link.RS485, Link.MK3):
        for pair in pairs:
            carrier = _carrier(link, random).build()
            for body in pair:
                payload = (carrier + body.build())[: MAX_PAYLOAD if link is Link.MK3 else None]
                yield Heard(link, _enveloped(link, payload, random), "bus0")


def _enveloped(link: Link, payload: bytes, random: Random) -> bytes:
    if link is Link.MK3:
        return encode_mk3_frame(Mk3Frame(payload=payload))
    frame = Frame(sender=SenderId.MULTI, kind=FrameKind.DATA, number=random.randrange(128), payload=payload)
    return encode_frame(frame)


def _wire(declared: type[Message], link: Link, number: int, random: Random) -> bytes:
    payload = _message(declared, random).build() + random.randbytes(random.choice((0, 0, 0, 1, 2, 5)))
    if declared.INFO.space is Space.WINMON:
        payload = _carrier(link, random).build() + payload
    if link is Link.MK3:
        leds = (random.randrange(256), random.randrange(256)) if random.random() < 0.1 else None
        return encode_mk3_frame(Mk3Frame(payload=payload[:MAX_PAYLOAD], leds=leds))
    kind = FrameKind.SYNC if declared.INFO.space is Space.SYNC else FrameKind.DATA
    return encode_frame(Frame(sender=random.choice(_SENDERS), kind=kind, number=number, payload=payload))


def _carrier(link: Link, random: Random) -> Message:
    if link is Link.RS485:
        return WinmonFrame(tid=random.choice(_TIDS))
    return WinmonCommand(cmd=random.choice(sorted(WinmonCommand.INFO.match[1])))


def _message(declared: type[Message], random: Random) -> Message:
    values: dict[str, Any] = {}
    cut = random.random() < 0.3
    for spec in declared.FIELDS:
        if spec.constant is not None:
            continue
        if spec.optional and cut:
            values[spec.name] = None
            continue
        values[spec.name] = _value(spec, declared, random)
    return declared(**values)


def _value(spec: Field, declared: type[Message], random: Random) -> object:
    layout, match = spec.layout, declared.INFO.match
    assert layout is not None
    if layout.shape is Shape.LIST:
        return tuple(_number(spec, random) for _ in range(random.randrange(7)))
    if layout.shape is not Shape.INTEGER:
        data = random.randbytes(layout.size)
        return bytes(min(match.get(spec.offset + at, {byte})) for at, byte in enumerate(data))
    telling = match.get(spec.offset)
    return random.choice(sorted(telling)) if telling and layout.size == 1 else _number(spec, random)


def _number(spec: Field, random: Random) -> int:
    """An extreme, a number with a meaning, one with reserved bytes in it, or any."""
    layout = spec.layout
    assert layout is not None
    low = -(1 << layout.bits - 1) if layout.signed else 0
    high = low + (1 << layout.bits) - 1
    special = [low, high, 0, 1, high - 1, low + 1, 0x80, 0x8000, 0x7FFF, 0xFA, 0xFB, 0xFF, *spec.absent]
    special += [int(member) for member in spec.enum or ()]
    fitting = [one for one in special if low <= one <= high]
    return random.choice(fitting) if random.random() < 0.6 else random.randint(low, high)


# --- vectors ---------------------------------------------------------------------------------------------------------
def vectors(frames: Iterable[tuple[Link, bytes]]) -> Iterator[Heard]:
    """Frames of test vectors, each as a packet."""
    for link, wire in frames:
        yield Heard(link, wire)


# --- damage ----------------------------------------------------------------------------------------------------------
def damaged(count: int, seed: int) -> Iterator[Heard]:
    """So many packets with a good frame that something happened to; some happen to stay good."""
    random = _random(seed)
    before = b""
    for heard in valid(count, seed + 1):
        wire = heard.wire
        for _ in range(random.choice((1, 1, 1, 2, 4))):
            wire = _damage(wire, before, random)
        before = heard.wire
        yield Heard(heard.link, wire or b"\xff", heard.interface, heard.direction)


def _damage(wire: bytes, before: bytes, random: Random) -> bytes:
    """One accident: a bit, a byte, an end, a neighbour, a reserved byte, a checksum."""
    if not wire:
        return wire
    at = random.randrange(len(wire))
    head, tail = wire[:at], wire[at + 1 :]
    accidents = (
        head + bytes((wire[at] ^ 1 << random.randrange(8),)) + tail,
        head + tail,
        head + random.randbytes(1) + wire[at:],
        head,
        wire[at:],
        before + wire,
        wire + before[: random.randrange(len(before) + 1)],
        head + bytes((random.choice(_RESERVED),)) + tail,
        wire[:-2] + random.randbytes(1) + wire[-1:],
    )
    return random.choice(accidents)


def noise(count: int, seed: int) -> Iterator[Heard]:
    """So many packets of random bytes, some of them long, some of them all alike."""
    random = _random(seed)
    for _ in range(count):
        size = random.choice((1, 2, 3, 5, 7, 8, 9, 12, 20, 40, 130, 300, 700))
        data = random.randbytes(size) if random.random() < 0.9 else random.randbytes(1) * size
        yield Heard(random.choice((Link.RS485, Link.MK3)), data, "noise", random.choice(_DIRECTIONS))


# --- the file --------------------------------------------------------------------------------------------------------
def write_capture(path: Path, packets: Iterable[Heard], seed: int = 0) -> int:
    """Write packets to a pcapng file, some milliseconds apart, sometimes seconds; returns how many."""
    random, at, count = _random(seed), _EPOCH_S, 0
    with open_writer(str(path), "pcapng") as writer:
        for count, heard in enumerate(packets, 1):
            at += random.choice((0.001, 0.004, 0.02, 0.0333333)) if random.random() < 0.999 else 6.0
            writer.write(_record(heard, count, round(at, 6)))
    return count


def _record(heard: Heard, number: int, at: float) -> Record:
    return Record(
        number=number,
        stamp=Stamp(at, TimeSource.LOG, epoch=True),
        link=heard.link,
        offset=0,
        wire=heard.wire,
        frame=None,
        direction=heard.direction,
        interface=heard.interface,
    )
