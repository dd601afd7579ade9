"""Who sends when: the order of all frames, their numbers, and the damages near the end.

A cycle begins with the sync frame.  The host may speak right behind it, the Multi sends type E4 3 ms after it and all
else in the slots that are left; an answer begins 25..43 ms after its request (vebus-rs485.md 5).  The slots themselves
are invented: nobody has published the real ones.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random
from typing import TYPE_CHECKING

from captures.synthetic.device import Device
from captures.synthetic.host import Host
from captures.synthetic.plant import AC_LOST_S, Plant
from vebus_protocol.enums import FrameKind, SenderId
from vebus_protocol.frame import END, FbFrame, Frame, encode_frame

if TYPE_CHECKING:
    from captures.synthetic.device import Winmon
    from vebus_protocol.schema import Message

__all__ = ["CYCLES", "SEED", "Capture", "Damage", "Sent", "record"]

SEED = 20240229
CYCLES = 3000  # of 20 ms
_TICKS_PER_S = 2_500_000
_FIRST_TICK = 50_000
_REQUEST_MS, _PHASE_MS, _CYCLIC_MS = 0.43, 3.0, 4.6
_ANSWER_MS = (
    26.0,
    28.5,
    31.0,
    33.5,
    36.0,
    41.6,
)  # after the sync frame in front of the request, a little later at times
_JITTER_MS = 0.4
_FB_AT_START = (0x00, 0x01, 0x02)  # invented: no literal FB frame is public (vebus-rs485.md 2.3)
_FB_AT_LOSS = (0x10, 0x11)
_FLIPPED_CYCLE, _CUT_CYCLE, _NOISE_CYCLE = 2900, 2930, 2960
_CUT_TO, _NOISE_SIZE, _NOISE_END_AT = 12, 24, 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """Bytes that went out in the cycle with this number; ``what`` is the name of the message, or of the damage."""

    cycle: int
    what: str
    wire: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """One damage made on purpose; ``offset`` counts bytes of the capture, ``size`` the bytes it spoils or adds."""

    kind: str
    offset: int
    size: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """The finished capture: what was sent in this order, and what was damaged."""

    sent: tuple[Sent, ...]
    damages: tuple[Damage, ...]

    @property
    def data(self) -> bytes:
        """All bytes."""
        return b"".join(part.wire for part in self.sent)


@dataclass(frozen=True, slots=True, order=True)
class _Turn:
    """A frame that waits for its time, in ms since the start of the capture."""

    at_ms: float
    order: int
    sender: SenderId
    message: Message | Winmon
    kind: FrameKind = FrameKind.DATA


class _Bus:
    """Runs plant, device and host cycle by cycle and numbers what they send."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)  # noqa: S311  (values for a sample, nothing secret)
        self._plant = Plant(self._random)
        self._device = Device(self._plant, self._random)
        self._host = Host()
        self._number = 0
        self._tick = _FIRST_TICK
        self._requests: list[tuple[float, Message | Winmon]] = []
        self.sent: list[Sent] = []

    def run(self, cycles: int) -> None:
        """Send everything of so many cycles."""
        self._special(0, _FB_AT_START)
        lost = False
        for cycle in range(cycles):
            at_s = cycle * 0.020
            if at_s >= AC_LOST_S and not lost:
                self._special(cycle, _FB_AT_LOSS)
                lost = True
            ticks = round(_TICKS_PER_S / self._device.now.frequency_hz)
            self._device.now = self._plant.step(at_s, 0.020)
            for turn in sorted(self._turns(cycle, at_s)):
                self._send(cycle, turn)
            self._tick += ticks

    def _turns(self, cycle: int, at_s: float) -> list[_Turn]:
        start, device, multi = at_s * 1000, self._device, SenderId.MULTI
        jitter = round((self._random.random() - 0.5) * 8)
        turns = [
            _Turn(start, 0, multi, device.sync(self._tick), FrameKind.SYNC),
            _Turn(start + _PHASE_MS, 1, multi, device.phase(self._tick + 7500 + jitter)),
        ]
        if cycle % 12 == 5:
            turns.append(_Turn(start + _CYCLIC_MS, 2, multi, device.condition(with_temperature=cycle % 24 == 5)))
        if cycle % 50 == 16:
            turns.append(_Turn(start + _CYCLIC_MS, 3, multi, device.charger()))
        if cycle % 50 == 34:
            turns.append(_Turn(start + _CYCLIC_MS, 4, multi, device.configuration()))
        turns += self._answers(start)
        request = self._host.request(cycle, at_s)
        if request is not None:
            turns.append(_Turn(start + _REQUEST_MS, 5, SenderId.MK3, request))
            place = int(self._random.random() * len(_ANSWER_MS))
            self._requests.append((start + _ANSWER_MS[place] + self._random.random() * _JITTER_MS, request))
        return turns

    def _answers(self, start: float) -> list[_Turn]:
        """Answers whose time lies in the cycle that begins at ``start``; asked for now, so their values are fresh."""
        due = [(at, request) for at, request in self._requests if at < start + 20]
        self._requests = [(at, request) for at, request in self._requests if at >= start + 20]
        answers = [(at, self._device.answer(request)) for at, request in due]
        return [_Turn(at, 6, SenderId.MULTI, answer) for at, answer in answers if answer is not None]

    def _send(self, cycle: int, turn: _Turn) -> None:
        frame = Frame(sender=turn.sender, kind=turn.kind, number=self._number, payload=turn.message.build())
        self._number = (self._number + 1) % 128
        self.sent.append(Sent(cycle=cycle, what=type(turn.message).__name__, wire=encode_frame(frame)))

    def _special(self, cycle: int, values: tuple[int, ...]) -> None:
        for value in values:
            frame = FbFrame(lead=0, kind=FrameKind.SPECIAL, value=value, complement=0x7F - value, end=END)
            self.sent.append(Sent(cycle=cycle, what="FbFrame", wire=frame.build()))

    def noise(self) -> bytes:
        """A burst of noise: any bytes, with one end byte in the middle and none at the end."""
        noise = bytearray(int(self._random.random() * END) for _ in range(_NOISE_SIZE))
        noise[_NOISE_END_AT] = END
        return bytes(noise)


def record(seed: int = SEED, cycles: int = CYCLES) -> Capture:
    """Make the whole capture; the same seed gives the same bytes."""
    bus = _Bus(seed)
    bus.run(cycles)
    sent = bus.sent
    flipped = _phase_of(sent, _FLIPPED_CYCLE)
    sent[flipped] = replace(sent[flipped], what="bit flip", wire=_flip(sent[flipped].wire))
    cut = _phase_of(sent, _CUT_CYCLE)
    sent[cut] = replace(sent[cut], what="cut", wire=sent[cut].wire[:_CUT_TO])
    noisy = _phase_of(sent, _NOISE_CYCLE) + 1
    sent.insert(noisy, Sent(cycle=_NOISE_CYCLE, what="noise", wire=bus.noise()))
    offset = [sum(len(part.wire) for part in sent[:at]) for at in (flipped, cut, noisy)]
    return Capture(
        sent=tuple(sent),
        damages=(
            Damage(kind="bit flip", offset=offset[0] + 5, size=1, text="bit 0 of the sixth byte of an E4 frame"),
            Damage(kind="cut", offset=offset[1], size=_CUT_TO, text="an E4 frame that ends after 12 bytes"),
            Damage(kind="noise", offset=offset[2], size=_NOISE_SIZE, text="random bytes, the sixteenth is ff"),
        ),
    )


def _phase_of(sent: list[Sent], cycle: int) -> int:
    """Place of the E4 frame of a cycle."""
    return next(at for at, part in enumerate(sent) if part.cycle == cycle and part.what == "AcPhase")


def _flip(wire: bytes) -> bytes:
    return wire[:5] + bytes((wire[5] ^ 0x01,)) + wire[6:]
