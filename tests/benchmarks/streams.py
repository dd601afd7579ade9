"""The capture that all measurements share: the mix of the synthetic bus, endless, with values that move.

Per second 50 sync frames, 50 of type E4 and about 20 others (requests, replies, cyclic frames), numbered without a gap.
The same seed gives the same bytes; nothing in it was measured on a bus.
"""

from __future__ import annotations

from random import Random

from tests.damaged_streams import CLEAN
from vebus_protocol.enums import FrameKind
from vebus_protocol.frame import Frame, ReceivedFrame, encode_frame
from vebus_protocol.info import DcInfo
from vebus_protocol.status import AcPhase, Condition
from vebus_protocol.sync import SyncFrame
from vebus_tools.framing import Rs485Splitter

__all__ = ["bus"]

_SEED = 6
_CYCLE_TICKS = 50_000
_STARTED_AT = 1500  # frames; behind the exchanges of the start-up, which happen once a day at most


def bus(count: int) -> bytes:
    """``count`` frames as heard."""
    random = Random(_SEED)  # noqa: S311  (values for a measurement, nothing secret)
    splitter = Rs485Splitter()
    heard = [piece.frame for piece in splitter.feed(CLEAN) if isinstance(piece.frame, ReceivedFrame)]
    frames = [frame for frame in heard if frame.good]
    first, rest = frames[:_STARTED_AT], frames[_STARTED_AT:]
    chosen = [*first, *(rest * (count // len(rest) + 1))][:count]
    moving = _Moving(random)
    return b"".join(
        encode_frame(Frame(sender=frame.sender, kind=frame.kind, number=number % 128, payload=moving.payload(frame)))
        for number, frame in enumerate(chosen)
    )


class _Moving:
    """Puts moving values into the payloads of the frequent frames."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._tick = 0
        self._voltage = 650.0

    def payload(self, frame: ReceivedFrame) -> bytes:
        """Payload of the next frame of this kind."""
        payload = bytearray(frame.payload)
        if frame.kind == FrameKind.SYNC:
            self._tick += _CYCLE_TICKS
            self._voltage += self._random.uniform(-0.4, 0.4) + (650 - self._voltage) * 0.001
            _put(payload, SyncFrame.spec("status").offset, self._tick & 0xFF, 1)
            _put(payload, SyncFrame.spec("time").offset, self._tick >> 8 & 0xFFFF, 2)
        elif payload[0] == 0xE4:
            noise = self._random.gauss
            _put(payload, AcPhase.spec("period").offset, 50_000 + round(noise(0, 12)), 2)
            _put(payload, AcPhase.spec("counter").offset, self._tick + 7500 & 0xFFFFFF, 3)
            _put(payload, AcPhase.spec("power_factor").offset, round(noise(16_000, 3000)) & 0xFFFF, 2)
            _put(payload, AcPhase.spec("dc").offset, 0x7000 | round(self._voltage), 2)
        elif payload[0] == 0x80:
            _put(payload, Condition.spec("dc_current").offset, round(self._random.gauss(-200, 60)) & 0xFFFF, 2)
        elif payload[0] == 0x20 and payload[5] == 0x0C:
            _put(payload, DcInfo.spec("voltage").offset, round(self._voltage * 2), 2)
        return bytes(payload)


def _put(payload: bytearray, at: int, value: int, size: int) -> None:
    payload[at : at + size] = value.to_bytes(size, "little")
