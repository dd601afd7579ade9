"""Switch state, input current limit and flags of the adapter: S sets them, D asks for them.

Sources: mk3.md 4.4, 4.5 (velib, mk2py, victron-mk3, ve-ctrl-tool).
"""

from __future__ import annotations

from functools import partial

from vebus_protocol.adapter.facts import FILL, REPLY, REQUEST, letter, marker_byte
from vebus_protocol.enums import SwitchPosition
from vebus_protocol.schema import (
    DOCUMENTED,
    INFERRED,
    SINGLE,
    U8,
    U16,
    UNKNOWN,
    Field,
    Linear,
    Message,
    Space,
    bit,
    computed,
    field,
    message,
    this,
)

__all__ = [  # noqa: RUF022  (lookup order: of two that fit, the first one is taken)
    "RequestAdapterState",
    "AdapterState",
    "AdapterStateSet",
    "SetAdapterState",
]

_S = "mk3.md 4.4 (velib, mk2py, victron-mk3)"
_D = "mk3.md 4.5 (velib)"

_state = partial(
    field,
    U8,
    "Switch",
    abbrev="mk3.state.switch",
    symbol="Switch",
    enum=SwitchPosition,
    evidence=DOCUMENTED,
    source=_S,
)


_limit = partial(
    field,
    U16,
    "Limit, raw",
    abbrev="mk3.state.limit",
    display="hex",
    meaning="new format: the limit; old format: potentiometer position, then panel scale",
    evidence=DOCUMENTED,
    source=_S,
)


_flags = partial(
    field,
    U8,
    "Adapter flags",
    abbrev="mk3.state.flags",
    symbol="Flags",
    display="hex",
    bits=(
        bit("auto_state", 0, "Send state by itself"),
        bit("append_leds", 1, "Append LED status"),
        bit("reset_on_break", 2, "Reset on line break"),
        bit("reserved_3", 3, "Reserved"),
        bit("no_panel_state", 4, "Do not send the panel state to the bus"),
        bit("reserved_5", 5, "Reserved"),
        bit("forward_panel", 6, "Forward panel frames"),
        bit("new_limit", 7, "New limit format"),
    ),
    evidence=DOCUMENTED,
    source=_S,
)


_NEW_FORMAT = (this.flags & 0x80) == 0x80
_OLD_FORMAT = (this.flags & 0x80) == 0
_CURRENT: Field = computed(
    this.limit,
    "Input current limit",
    abbrev="mk3.state.current",
    symbol="Limit",
    unit="A",
    scale=Linear(divide=10),
    decimals=1,
    valid=_NEW_FORMAT & (this.limit != 0x8000),
    beside="limit",
    meaning="0: the minimum applies",
    evidence=DOCUMENTED,
    source=_S,
)
_NO_LIMIT: Field = computed(
    _NEW_FORMAT & (this.limit == 0x8000),
    "No limit",
    abbrev="mk3.state.no_limit",
    summary_text="no limit",
    beside="limit",
    meaning="the maximum applies",
    evidence=DOCUMENTED,
    source=_S,
)
_POSITION: Field = computed(
    this.limit & 0xFF,
    "Potentiometer position",
    abbrev="mk3.state.position",
    valid=_OLD_FORMAT,
    evidence=SINGLE,
    source="mk3.md 4.4 (velib, ve-ctrl-tool)",
)
_PANEL_SCALE: Field = computed(
    this.limit >> 8,
    "Panel scale",
    abbrev="mk3.state.panel_scale",
    valid=_OLD_FORMAT,
    evidence=SINGLE,
    source="mk3.md 4.4 (velib, ve-ctrl-tool)",
)
_OLD_CURRENT: Field = computed(
    (this.limit >> 8) * (this.limit & 0xFF),
    "Input current limit of the old format",
    abbrev="mk3.state.old_current",
    symbol="Limit",
    unit="A",
    scale=Linear(divide=255),
    decimals=1,
    valid=_OLD_FORMAT,
    meaning="panel scale * position / 255",
    evidence=INFERRED,
    source="mk3.md 4.4",
)


@message(
    Space.ADAPTER,
    {0: 0xFF, 1: 0x44},
    title="Get adapter state",
    abbrev="mk3.get_state",
    lengths=(2, 3),
    evidence=DOCUMENTED,
    source=_D,
    **REQUEST,
    **FILL,
)
class RequestAdapterState(Message):
    """Ask what this adapter last set with S."""

    marker: int = marker_byte()
    cmd: int = letter(0x44, source=_D)


@message(
    Space.ADAPTER,
    {0: 0xFF, 1: 0x44},
    title="Adapter state",
    abbrev="mk3.state",
    summary=("state", "current", "old_current", "no_limit", "flags"),
    evidence=DOCUMENTED,
    source=_D,
    **REPLY,
)
class AdapterState(Message):
    """What this adapter last set with S; not the state of the device."""

    marker: int = marker_byte()
    cmd: int = letter(0x44, source=_D)
    state: int = _state()
    limit: int = _limit()
    identity: int = field(
        U8, "Extra identity bits", abbrev="mk3.state.identity", display="hex", evidence=DOCUMENTED, source=_D
    )
    flags: int = _flags()
    srf_identity: int = field(
        U8, "SRF identity", abbrev="mk3.state.srf_identity", display="hex", evidence=DOCUMENTED, source=_D
    )
    current = _CURRENT
    no_limit = _NO_LIMIT
    position = _POSITION
    panel_scale = _PANEL_SCALE
    old_current = _OLD_CURRENT


@message(
    Space.ADAPTER,
    {0: 0xFF, 1: 0x53},
    title="Adapter state set",
    abbrev="mk3.state_set",
    lengths=(2,),
    evidence=DOCUMENTED,
    source=_S,
    **REPLY,
)
class AdapterStateSet(Message):
    """Reply to S."""

    marker: int = marker_byte()
    cmd: int = letter(0x53, source=_S)


@message(
    Space.ADAPTER,
    {0: 0xFF, 1: 0x53},
    title="Set adapter state",
    abbrev="mk3.state",
    summary=("state", "current", "old_current", "no_limit", "flags", "extended"),
    evidence=DOCUMENTED,
    source=_S,
    **REQUEST,
    **FILL,
)
class SetAdapterState(Message):
    """Remote switch, input current limit and adapter flags.  Switch and limit stay in force until the device sleeps."""

    marker: int = marker_byte()
    cmd: int = letter(0x53, source=_S)
    state: int = _state()
    limit: int = _limit()
    fixed_5: int = field(U8, "Fixed byte", display="hex", meaning="01 in every source", evidence=UNKNOWN, source=_S)
    flags: int = _flags()
    panel: int | None = field(
        U8, "Panel byte", display="hex", optional=True, meaning="00, or 3E from one project", evidence=SINGLE, source=_S
    )
    extended: int | None = field(
        U8,
        "Extended flags",
        symbol="Ext",
        display="hex",
        optional=True,
        bits=(
            bit("short_winmon", 0, "Short (split) winmon replies"),
            bit("identity", 1, "Send identity continuously"),
            bit("forward_config", 2, "Forward all configuration replies"),
            bit("ignore_block", 3, "Ignore block mode", meaning="the vendor's library calls the bit block mode"),
            bit("unknown", 4, "Unknown bits", width=4, evidence=UNKNOWN, source=_S),
        ),
        evidence=DOCUMENTED,
        source=_S,
    )
    eeprom: int | None = field(
        U8,
        "EEPROM flags",
        display="hex",
        optional=True,
        bits=(
            bit("force_vebus", 0, "Force VE.Bus mode"),
            bit("block", 1, "Block transmission"),
            bit("unknown", 2, "Unknown bits", width=6, evidence=UNKNOWN, source=_S),
        ),
        evidence=DOCUMENTED,
        source=_S,
    )
    current = _CURRENT
    no_limit = _NO_LIMIT
    position = _POSITION
    panel_scale = _PANEL_SCALE
    old_current = _OLD_CURRENT
