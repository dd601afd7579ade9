"""A line in real time behind a pty: a Multi that says the least an interlock asks for, and hears itself and the BMS."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.interlocked import AC_INFO, LEDS, MULTI, SYNC_S, version_wire
from vebus_protocol.frame import Frame, encode_frame
from vebus_tools.link import PtyEnd, wait_for

__all__ = ["RealLine"]

_TELL_EVERY = 5  # sync frames from one telling of LEDs, phases and version to the next
_REST_S = 0.001


class RealLine:
    """Runs in a thread; ``heard`` are the frames of the emulated BMS with their times."""

    def __init__(self, *, syncs: bool = True, loss_s: float = 0.3) -> None:
        self.end = PtyEnd()
        self.syncs = syncs
        self.heard: list[tuple[float, bytes]] = []
        self.lost = False
        self._loss_s = loss_s
        self._number = 0
        self._pending = b""
        self._extra: list[bytes] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="line")

    @property
    def path(self) -> str:
        return str(self.end.path)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        self.end.close()

    def say(self, payload: bytes, sender: int) -> None:
        """Let somebody else speak."""
        self._extra.append(self._frame(payload, sender))

    def _frame(self, payload: bytes, sender: int = MULTI, kind: int = 0xFE) -> bytes:
        self._number = (self._number + 1) & 0x7F
        return encode_frame(Frame(sender=sender, kind=kind, number=self._number, payload=payload))

    def _run(self) -> None:
        due, count = time.monotonic(), 0
        while not self._stop.is_set():
            now = time.monotonic()
            if self.syncs and now >= due:
                due = now + SYNC_S
                count += 1
                self.end.write(self._frame(bytes.fromhex("55ab0340"), kind=0xFD))
                self._listen(SYNC_S / 2)
                if count % _TELL_EVERY == 0:
                    self._tell(now)
            while self._extra:
                self.end.write(self._extra.pop(0))
            self._listen(_REST_S)

    def _tell(self, now: float) -> None:
        quiet = bool(self.heard) and now - self.heard[-1][0] > self._loss_s
        self.lost = self.lost or quiet
        for text in (LEDS.format(on=0x01 if self.lost else 0x05), AC_INFO.format(phases=8)):
            self.end.write(self._frame(bytes.fromhex(text)))
        self._number = (self._number + 1) & 0x7F
        reply = version_wire()
        # The number is summed, so the frame is built anew.
        self.end.write(encode_frame(Frame(sender=MULTI, kind=0xFE, number=self._number, payload=_payload(reply))))

    def _listen(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if not wait_for([self.end], left):
                return
            data = self.end.read()
            if not data:
                return
            self.end.write(data)  # half duplex hears itself
            self._pending += data
            *frames, self._pending = self._pending.split(b"\xff")
            for one in frames:
                self.heard.append((time.monotonic(), one + b"\xff"))
                self._number = one[3] if len(one) > 3 else self._number


def _payload(wire: bytes) -> bytes:
    from vebus_protocol.frame import decode_frame

    return decode_frame(wire).payload


def until(condition: Callable[[], bool], seconds: float = 20.0) -> bool:
    """Wait for something."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.005)
    return True


def sent_lines(log: Path) -> list[str]:
    """Lines of frames that were sent, in a log."""
    return [line for line in log.read_text(encoding="ascii").splitlines() if " sent0 " in line]
