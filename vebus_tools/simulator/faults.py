"""Faults on purpose: what a scenario's fault list does to frames and replies.

Each fault has its own random numbers and its own count, so that adding one never moves another.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from vebus_protocol.frame import END
from vebus_tools.simulator.info import GARBAGE_STATE, STATE_AT
from vebus_tools.simulator.installation import stream
from vebus_tools.simulator.scenario import Fault, FaultKind, Side

if TYPE_CHECKING:
    from random import Random

__all__ = ["FaultPlan", "Trigger", "garbled"]

_INFO, _AC_TYPES, _TYPE_AT = 0x20, range(0x05, 0x0C), 5
_CHECKSUM_MASK = 0x01  # keeps FF and the escape FA as they are: neither value becomes, or comes from, one of them here
_FLIPPED = 0x15


class Trigger:
    """Decides for one fault, occurrence by occurrence."""

    def __init__(self, fault: Fault, random: Random) -> None:
        """Nothing counted yet."""
        self.fault = fault
        self.hits = 0
        self._random = random
        self._count = 0

    def inside(self, now: float) -> bool:
        """Whether the time window of the fault is open."""
        return self.fault.from_s <= now < self.fault.until_s

    def strikes(self, now: float, kind: int | None = None) -> bool:
        """Count an eligible occurrence and say whether it is hit; ``kind`` is the type of a frame."""
        fault = self.fault
        if not self.inside(now) or (fault.types and kind not in fault.types):
            return False
        self._count += 1
        hit = self._chosen(fault)
        self.hits += hit
        return hit

    def _chosen(self, fault: Fault) -> bool:
        if fault.nth:
            return self._count == fault.nth
        if fault.every:
            return self._count % fault.every == 0
        return self._random.random() < fault.probability if fault.probability else True

    def noise(self) -> bytes:
        """Random bytes of the fault's size."""
        return bytes(self._random.randrange(0x100) for _ in range(self.fault.size))


class FaultPlan:
    """All faults of one side."""

    def __init__(self, faults: tuple[Fault, ...], side: Side, seed: int) -> None:
        """Take those that show on this side."""
        mine = [fault for fault in faults if fault.side in (side, Side.BOTH)]
        self.triggers = tuple(
            Trigger(fault, stream(seed, f"fault {side.value} {place} {fault.kind.value}"))
            for place, fault in enumerate(mine)
        )
        self._by_kind = {kind: tuple(t for t in self.triggers if t.fault.kind is kind) for kind in FaultKind}

    def __bool__(self) -> bool:
        """Whether there is any fault at all."""
        return bool(self.triggers)

    def of(self, kind: FaultKind) -> tuple[Trigger, ...]:
        """Triggers of one kind."""
        return self._by_kind[kind]

    def strikes(self, kind: FaultKind, now: float, frame_type: int | None = None) -> Trigger | None:
        """Trigger of this kind that hits now; every trigger of the kind counts the occurrence."""
        hit = [trigger for trigger in self._by_kind[kind] if trigger.strikes(now, frame_type)]
        return hit[0] if hit else None

    def holds(self, kind: FaultKind, now: float) -> bool:
        """Whether a fault of this kind is on at this time (silence, no heartbeat, other form)."""
        return any(trigger.inside(now) for trigger in self._by_kind[kind])

    def reply_delay(self, now: float) -> float | None:
        """Extra delay in s of a reply that is due; None when it is dropped."""
        if self.strikes(FaultKind.DROPPED_REPLY, now):
            return None
        late = self.strikes(FaultKind.LATE_REPLY, now)
        return late.fault.delay_s if late else 0.0

    def payload(self, payload: bytes, now: float) -> bytes:
        """A payload, its state byte spoiled where the plan says so."""
        is_ac = payload[0] == _INFO and len(payload) > _TYPE_AT and payload[_TYPE_AT] in _AC_TYPES
        if is_ac and self.strikes(FaultKind.GARBAGE_STATE, now):
            return payload[:STATE_AT] + bytes((GARBAGE_STATE,)) + payload[STATE_AT + 1 :]
        return payload

    def on_wire(self, data: bytes, now: float, frame_type: int, checksum_at: int) -> Iterator[tuple[str, bytes]]:
        """The bytes of a frame as they come out, as pairs of what and bytes; noise comes before the frame."""
        noise = self.strikes(FaultKind.NOISE, now, frame_type)
        if noise:
            yield "noise", noise.noise()
        if self.strikes(FaultKind.BAD_CHECKSUM, now, frame_type):
            data = data[:checksum_at] + bytes((_other(data[checksum_at]),)) + data[checksum_at + 1 :]
        if self.strikes(FaultKind.OVERLAP, now, frame_type):
            data = garbled(data, data[len(data) // 2 :])
        cut = self.strikes(FaultKind.TRUNCATION, now, frame_type)
        yield "frame", data[: cut.fault.size] if cut else data


def _other(value: int) -> int:
    """Another checksum byte: never FF, never an escape, and no escape undone."""
    return value ^ (_CHECKSUM_MASK if value < 0xF0 else _FLIPPED)


def garbled(data: bytes, other: bytes) -> bytes:
    """What a receiver makes of two senders at once: bits of both mixed, from the third byte on."""
    mixed = bytearray(data)
    for at in range(2, len(data)):
        mixed[at] &= other[at % len(other)] if other else 0
    if bytes(mixed) == data:
        mixed[-1] ^= END
    return bytes(mixed)
