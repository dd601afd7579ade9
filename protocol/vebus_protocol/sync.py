"""Sync frame: the heartbeat of the bus, one in each mains period (20 ms at 50 Hz).

Sources: vebus-rs485.md 5, 6.1 (baxi); the wide counter is our reading of the same bytes.
"""

from __future__ import annotations

from vebus_protocol.schema import (
    INFERRED,
    SINGLE,
    U8,
    U16,
    UNKNOWN,
    Direction,
    Linear,
    Link,
    Message,
    Space,
    computed,
    const,
    field,
    message,
    this,
)

__all__ = ["SyncFrame"]


@message(
    Space.SYNC,
    {0: 0x55},
    title="Sync",
    abbrev="vebus.sync",
    links=(Link.RS485,),
    direction=Direction.FROM_DEVICE,
    inline=True,
    summary=("time", "status"),
    source="vebus-rs485.md 6.1",
)
class SyncFrame(Message):
    """Time synchronisation, sent by the (master) Multi."""

    marker: int = const(
        0x55, "Sync marker", phrase="not part of the checksum", source="vebus-rs485.md 4, 6.1 (all projects)"
    )
    status: int = field(
        U8,
        "Status",
        symbol="Status",
        display="hex",
        meaning="a status, or the low byte of the time stamp",
        evidence=UNKNOWN,
        source="vebus-rs485.md 6.1 (baxi)",
    )
    time: int = field(
        U16,
        "Time stamp",
        symbol="Time",
        meaning="counts about 90 us",
        evidence=SINGLE,
        source="vebus-rs485.md 6.1 (baxi)",
    )
    time_ms = computed(
        this.time,
        "Time",
        unit="ms",
        scale=Linear(multiply=9, divide=100),
        decimals=3,
        beside="time",
        phrase="at 90 us per tick",
        evidence=INFERRED,
        source="vebus-rs485.md 6.1 (baxi)",
    )
    counter = computed(
        this.status + 256 * this.time,
        "Counter of 24 bits",
        meaning="status and time stamp read as one number",
        unit="ms",
        scale=Linear(divide=2500),
        decimals=4,
        phrase="at 0.4 us per tick",
        evidence=INFERRED,
        source="vebus-rs485.md 6.1 (our reading, by analogy with type E4)",
    )
