"""What a simulated MK2/MK3 adapter remembers until it loses power, and how S, D, A, H and V show it.

Sources: mk3.md 4.1, 4.2, 4.4 to 4.6.
"""

from __future__ import annotations

from dataclasses import dataclass

from vebus_protocol.adapter import AdapterAddress, AdapterLines, AdapterState, AdapterVersion, SetAdapterState
from vebus_protocol.enums import AdapterMode, SwitchPosition
from vebus_tools.simulator.winmon import Form

__all__ = ["HIGH_SPEED", "LOW_SPEED", "Memory"]

LOW_SPEED, HIGH_SPEED = 2400, 115_200
_DEFAULT_LINES, _STANDBY = 0x05, 0x02
_APPEND_LEDS, _NO_PANEL_STATE, _NEW_LIMIT = 0x02, 0x10, 0x80
_SHORT_WINMON, _BLOCK = 0x01, 0x02
_NO_LIMIT = 0x8000
_POSITION_STEPS, _TENTHS = 255.0, 10.0


@dataclass(slots=True, kw_only=True)
class Memory:
    """State of the adapter: ``address`` None = none selected, ``speed`` in baud, the rest as S and H set it."""

    version: int
    form: Form
    address: int | None = None
    speed: int = LOW_SPEED
    switch: int = SwitchPosition.ON
    limit: int = _NO_LIMIT
    flags: int = _NEW_LIMIT
    lines: int = _DEFAULT_LINES
    blocked: bool = False

    @property
    def append_leds(self) -> bool:
        """Whether S asked for the LED status behind every frame."""
        return bool(self.flags & _APPEND_LEDS)

    @property
    def standby_pulled(self) -> bool:
        """Whether H pulls the standby line to ground."""
        return bool(self.lines & _STANDBY)

    def version_frame(self) -> bytes:
        """V reply and heartbeat."""
        mode = AdapterMode.NO_ADDRESS if self.address is None else self.address
        return AdapterVersion(version=self.version, mode=mode).build()

    def select(self, payload: bytes) -> bytes:
        """Obey A; the reply has the bytes of the request, with the address filled in when it was asked for."""
        request = AdapterAddress.parse(payload)
        if request.action:
            self.address = request.address
            return payload
        address = AdapterMode.W_MODE if self.address is None else self.address
        return payload[:3] + bytes((address,)) + payload[4:]

    def pull(self, payload: bytes) -> bytes:
        """Obey H, with or without new lines; the reply has no surplus byte."""
        if len(payload) > 2:
            self.lines = payload[2]
        return AdapterLines(lines=self.lines).build()

    def state_frame(self) -> bytes:
        """D reply: what S last set."""
        return AdapterState(state=self.switch, limit=self.limit, identity=0, flags=self.flags, srf_identity=0).build()

    def take(self, request: SetAdapterState) -> bool:
        """Obey S; says whether switch and limit go on to the bus (flag 0x10 keeps them back)."""
        self.flags = request.flags
        if request.extended is not None:
            self.form = Form.SPLIT if request.extended & _SHORT_WINMON else Form.COMBINED
        if request.eeprom is not None:
            self.blocked = bool(request.eeprom & _BLOCK)
        if request.flags & _NO_PANEL_STATE:
            return False
        self.switch, self.limit = request.state, request.limit
        return True

    def limit_a(self, largest: float) -> float:
        """Input current limit in A that S asks for; ``largest`` stands for "no limit"."""
        if not self.flags & _NEW_LIMIT:
            return (self.limit >> 8) * (self.limit & 0xFF) / _POSITION_STEPS
        return largest if self.limit == _NO_LIMIT else self.limit / _TENTHS
