"""What the line tells: sync frames, damage, load, units, phases, alarms, a DMC, another BMS.  A fold over records."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vebus_protocol.bms import BUILT_IN, built_in, decode_payload
from vebus_protocol.enums import LED_NAMES, FrameKind
from vebus_protocol.frame import ReceivedFrame
from vebus_protocol.info import AcInfo, BmsInfo, DmcInfo, IdentityInfo
from vebus_protocol.status import AcPhase, Condition
from vebus_protocol.switch import AcInputConfiguration
from vebus_tools.firmware import Heard
from vebus_tools.records import Severity
from vebus_tools.session import Context

if TYPE_CHECKING:
    from vebus_protocol.bms import Profile
    from vebus_protocol.schema import Message
    from vebus_tools.records import Record

__all__ = ["BYTE_S", "SYNC_GONE_S", "Leds", "Line"]

BYTE_S = 10 / 256_000
"""Time of one byte on the line in s."""
SYNC_GONE_S = 0.1
"""Five cycles of 20 ms without a sync frame: there are none."""
LOAD_WINDOW_S = 1.0

_ALARMS = ("overload", "low_battery", "temperature")
_BITS = {name: 1 << at for at, (name, _) in enumerate(LED_NAMES)}
_DAMAGE_WINDOW_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Leds:
    """LEDs of the Multi as its type 41 frame has them, and when."""

    at_s: float
    on: int
    blink: int

    @property
    def alarms(self) -> str:
        """Names of the alarm LEDs that are lit or blink; empty for none."""
        return ", ".join(name.replace("_", " ") for name in _ALARMS if (self.on | self.blink) & _BITS[name])

    @property
    def mains_alone(self) -> bool:
        """Whether Mains on is lit and nothing else (B-121)."""
        return self.on == _BITS["mains"] and self.blink & ~_BITS["mains"] == 0

    @property
    def dark(self) -> bool:
        """Whether none is lit or blinks."""
        return self.on == self.blink == 0


class Line:
    """Everything the interlocks want to know of the line; own frames are told apart by the caller."""

    def __init__(self, profile: Profile) -> None:
        """Start without knowledge."""
        self.began_s: float | None = None
        self.frames = 0
        self.sync_since_s: float | None = None
        self.sync_at_s: float | None = None
        self.syncs = 0
        self.number: int | None = None
        self.free_at_s = 0.0
        self.damaged_at_s: float | None = None
        self.other_bms = ""
        self.dmc = ""
        self.leds: Leds | None = None
        self.phases = 0
        self.addresses = 0
        self.inverters: set[int] = set()
        self.heard = Heard()
        self.versions = 0
        self.state: int | None = None
        self.state_at_s: float | None = None
        self._known = (profile, *map(built_in, BUILT_IN))
        self._own = profile.link.address
        self._traffic: deque[tuple[float, int]] = deque()
        self._bytes = 0
        self._damage: deque[float] = deque()

    # what comes in ---------------------------------------------------------------------------------------------------
    def begin(self, now: float) -> None:
        """Somebody began to listen."""
        if self.began_s is None:
            self.began_s = now

    def on_sync(self, sender: int, number: int, end: float) -> None:
        """A good sync frame ended at a time in s."""
        self.frames += 1
        self.number = number
        self.free_at_s = end
        if self.sync_at_s is None or end - self.sync_at_s > SYNC_GONE_S:
            self.sync_since_s = end
        self.sync_at_s = end
        self.syncs += 1
        self.inverters.add(sender)

    def observe(self, record: Record, now: float, context: Context | None, *, own: bool, counted: bool) -> None:
        """Take a record; ``own`` is a frame of ours that came back, ``counted`` a sync frame that `on_sync` had."""
        self.begin(now)
        self._count(now, len(record.wire))
        frame = record.frame
        if not isinstance(frame, ReceivedFrame) or any(one.severity is Severity.ERROR for one in record.findings):
            if self.frames and (frame is None or isinstance(frame, ReceivedFrame)):
                self.damaged_at_s = now
                self._damage.append(now)
            return
        end = record.stamp.at + len(record.wire) * BYTE_S
        if frame.kind == FrameKind.SYNC:
            if not counted:
                self.on_sync(frame.sender, frame.number, end)
            return
        self.frames += 1
        self.number = frame.number
        self.free_at_s = end
        if not own:
            self._on_data(record, frame, now, context or Context())

    def _count(self, now: float, size: int) -> None:
        self._traffic.append((now, size))
        self._bytes += size
        self._forget(now)

    def _forget(self, now: float) -> None:
        while self._traffic and now - self._traffic[0][0] > LOAD_WINDOW_S:
            self._bytes -= self._traffic.popleft()[1]
        while self._damage and now - self._damage[0] > _DAMAGE_WINDOW_S:
            self._damage.popleft()

    def _on_data(self, record: Record, frame: ReceivedFrame, now: float, context: Context) -> None:
        if frame.sender == self._own or any(decode_payload(one, frame.payload) for one in self._known):
            self.other_bms = self.other_bms or f"sender {frame.sender:04x} speaks as a BMS"
        self.heard.observe(record, context)
        for placed in record.chain:
            self._on_message(placed.message, frame.sender, now)

    def _on_message(self, message: Message, sender: int, now: float) -> None:
        if isinstance(message, BmsInfo):
            self.other_bms = self.other_bms or f"sender {sender:04x} answers as BMS {message.version}"
        elif isinstance(message, DmcInfo):
            self.dmc = self.dmc or f"sender {sender:04x} answers as DMC {message.version}"
        elif isinstance(message, AcInfo):
            self.phases = max(self.phases, message.selector - 7 if message.selector >= 8 else 9 - message.selector)
            self.state, self.state_at_s = message.state, now
        elif isinstance(message, IdentityInfo):
            self.addresses = max(self.addresses, message.addresses.bit_count())
        elif isinstance(message, AcPhase | Condition):
            self.inverters.add(sender)
        elif isinstance(message, AcInputConfiguration):
            self.leds = Leds(at_s=now, on=message.led_on, blink=message.led_blink)
            self.inverters.add(sender)

    # what comes out --------------------------------------------------------------------------------------------------
    def syncs_now(self, now: float) -> bool:
        """Whether sync frames come."""
        return self.sync_at_s is not None and now - self.sync_at_s <= SYNC_GONE_S

    def synced_s(self, now: float) -> float:
        """For how long sync frames have come without a break; 0 where none come."""
        return now - self.sync_since_s if self.sync_since_s is not None and self.syncs_now(now) else 0.0

    def clean_s(self, now: float) -> float:
        """For how long no damage was heard."""
        since = self.began_s if self.damaged_at_s is None else self.damaged_at_s
        return 0.0 if since is None else now - since

    def damage(self, now: float) -> int:
        """Damaged frames and runs of bytes in the last 10 s."""
        self._forget(now)
        return len(self._damage)

    def load(self, now: float) -> float:
        """Share of the last second in which the line was busy."""
        self._forget(now)
        return self._bytes * BYTE_S / LOAD_WINDOW_S

    def topology(self) -> str:
        """What speaks against one single Multi; empty for nothing."""
        if len(self.inverters) > 1:
            return (
                f"{len(self.inverters)} inverters: senders {', '.join(f'{one:04x}' for one in sorted(self.inverters))}"
            )
        if self.addresses > 1:
            return f"an identity frame announces {self.addresses} units"
        return f"AC info frames speak of {self.phases} phases" if self.phases > 1 else ""

    @property
    def single(self) -> bool:
        """Whether something says that there is one Multi; silence about it says nothing."""
        return self.phases == 1 or self.addresses == 1
