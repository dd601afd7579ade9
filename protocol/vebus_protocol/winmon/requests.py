"""Winmon requests about the device: LEDs, switch, version, state, energy, password, serial number; and what is left.

Sources: mk3.md 2.4, 7.3, 16 (velib); vebus-rs485.md 6.2 (velib, gitnik).
"""

from __future__ import annotations

from vebus_protocol.enums import SetChargeState, WinmonRequest
from vebus_protocol.schema import (
    CONFIRMED,
    DOCUMENTED,
    INFERRED,
    U8,
    UNKNOWN,
    Direction,
    Message,
    Space,
    field,
    message,
    raw,
)
from vebus_protocol.winmon.facts import REQUEST, any_request_code, request_code

__all__ = [  # noqa: RUF022  (lookup order: of two that fit, the first one is taken)
    "RequestLedStatus",
    "RequestNamedOnly",
    "RequestVersionLow",
    "RequestVersionHigh",
    "RequestSwitchAndLimit",
    "RequestDeviceState",
    "RequestEnergyCounters",
    "RequestPassword",
    "RequestSerialNumber",
    "RequestExtraFlagAccess",
    "IncompleteRequest",
    "UnknownWinmonRequest",
]

_MK3 = "mk3.md 7.3 (velib)"
_BOTH = "mk3.md 7.3, vebus-rs485.md 6.2 (velib)"
_DESCRIBED = tuple(int(code) for code in WinmonRequest)


@message(
    Space.WINMON,
    {0: 0x02},
    title="LED status",
    abbrev="vebus.get_leds",
    replies=frozenset((0x81,)),
    evidence=DOCUMENTED,
    source=_MK3,
    **REQUEST,
)
class RequestLedStatus(Message):
    """Ask for the LEDs; answered by 81."""

    code: int = request_code(0x02, source=_MK3)


@message(
    Space.WINMON,
    {0: (0x03, 0x04, 0x0C)},
    title="Set switch or shore limit",
    abbrev="vebus.set_switch",
    direction=Direction.TO_DEVICE,
    summary=("code",),
    evidence=DOCUMENTED,
    source="mk3.md 7.3 (velib: name only)",
)
class RequestNamedOnly(Message):
    """Switch (03), shore set point (04), switch with shore and LEDs (0C): known by name, their data by no source."""

    code: int = any_request_code(evidence=CONFIRMED, source="mk3.md 7.3")


@message(
    Space.WINMON,
    {0: 0x05},
    title="Version part 0",
    abbrev="vebus.get_version",
    replies=frozenset((0x82,)),
    evidence=DOCUMENTED,
    source=_BOTH,
    **REQUEST,
)
class RequestVersionLow(Message):
    """Ask for the firmware version; answered by 82, with all of it or the low half."""

    code: int = request_code(0x05, source=_BOTH)


@message(
    Space.WINMON,
    {0: 0x06},
    title="Version part 1",
    abbrev="vebus.get_version",
    replies=frozenset((0x83,)),
    evidence=DOCUMENTED,
    source=_BOTH,
    **REQUEST,
)
class RequestVersionHigh(Message):
    """Ask for the high half of the firmware version; answered by 83."""

    code: int = request_code(0x06, source=_BOTH)


@message(
    Space.WINMON,
    {0: 0x0D},
    title="Get switch and shore limit",
    abbrev="vebus.get_switch",
    replies=frozenset((0x92,)),
    evidence=DOCUMENTED,
    source=_MK3,
    **REQUEST,
)
class RequestSwitchAndLimit(Message):
    """Ask for switch and shore limit; answered by 92."""

    code: int = request_code(0x0D, source=_MK3)


@message(
    Space.WINMON,
    {0: 0x0E},
    title="Device state",
    abbrev="vebus.set_state",
    replies=frozenset((0x94,)),
    evidence=DOCUMENTED,
    source=_BOTH,
    **REQUEST,
)
class RequestDeviceState(Message):
    """Ask for the device state, or force a charge phase; answered by 94."""

    code: int = request_code(0x0E, source=_BOTH)
    action: int = field(U8, "Action", symbol="Action", enum=SetChargeState, evidence=DOCUMENTED, source=_BOTH)
    state: int | None = field(
        U8, "State", optional=True, meaning="0 in every description; kras leaves it out", evidence=UNKNOWN, source=_BOTH
    )


@message(
    Space.WINMON,
    {0: 0x0F},
    title="Energy counters",
    abbrev="vebus.get_energy",
    replies=frozenset((0x98,)),
    evidence=DOCUMENTED,
    source="mk3.md 7.3, 7.6 (velib)",
    **REQUEST,
)
class RequestEnergyCounters(Message):
    """Ask for the ten energy counters; answered by 98."""

    code: int = request_code(0x0F, source=_MK3)


@message(
    Space.WINMON,
    {0: 0x3A},
    title="Access password",
    abbrev="vebus.password",
    replies=frozenset((0x9C,)),
    summary=(),
    evidence=DOCUMENTED,
    source="mk3.md 7.3, 16 (velib)",
    **REQUEST,
)
class RequestPassword(Message):
    """Raise the access level for 30 s; answered by 9C, or by 80 01 when it is wrong."""

    code: int = request_code(0x3A, source=_MK3)
    password: bytes = field(
        raw(8), "Password", display="hex", meaning="a secret, never in the summary", evidence=DOCUMENTED, source=_MK3
    )


@message(
    Space.WINMON,
    {0: 0x3B},
    title="Serial number",
    abbrev="vebus.get_serial",
    replies=frozenset((0x9D,)),
    evidence=DOCUMENTED,
    source=_MK3,
    **REQUEST,
)
class RequestSerialNumber(Message):
    """Ask for the serial number; answered by 9D."""

    code: int = request_code(0x3B, source=_MK3)


@message(
    Space.WINMON,
    {0: 0x3C},
    title="Extra flag access",
    abbrev="vebus.flag_access",
    replies=frozenset((0x9E, 0x9F)),
    evidence=DOCUMENTED,
    source="mk3.md 7.3, 16 (velib)",
    **REQUEST,
)
class RequestExtraFlagAccess(Message):
    """Ask which access level each group of bits of a flag word needs; answered by 9E and 9F."""

    code: int = request_code(0x3C, source=_MK3)
    word: int = field(
        U8,
        "Flag word",
        abbrev="vebus.flag_access.word",
        symbol="ID",
        meaning="flag word id; one project takes code 3C for the setting info",
        evidence=DOCUMENTED,
        source="mk3.md 7.3 (velib; against xcellsior)",
    )


@message(
    Space.WINMON,
    {0: _DESCRIBED},
    title="Incomplete request",
    abbrev="vebus.winmon",
    direction=Direction.TO_DEVICE,
    summary=("code",),
    evidence=UNKNOWN,
    source="mk3.md 7.3",
)
class IncompleteRequest(Message):
    """A described request with too few data bytes."""

    code: int = any_request_code(evidence=CONFIRMED, source="mk3.md 7.3")


@message(
    Space.WINMON,
    {0: range(0x80)},
    title="Unknown winmon request",
    abbrev="vebus.winmon",
    direction=Direction.TO_DEVICE,
    summary=(),
    evidence=UNKNOWN,
    source="mk3.md 7.3: no source describes 00, 01, 07..0B, 10..2F and 39..",
)
class UnknownWinmonRequest(Message):
    """A request code that nobody has described.  That codes below 80 are requests is an inference."""

    code: int = any_request_code(evidence=INFERRED, source="mk3.md 7.1")
