"""Winmon: read and write RAM variables and settings; its bodies are the same on the bus and behind an adapter.

On the bus a data frame of type 00 carries a body, behind an adapter one of the letters W X Y Z x y z does (`adapter`).

Sources: vebus-rs485.md 6.2 (velib, gitnik, captures); mk3.md 7 (velib, mk2py, multiplus2).
"""

from __future__ import annotations

from vebus_protocol.enums import FrameType
from vebus_protocol.schema import CONFIRMED, U8, Link, Message, Space, const, field, message
from vebus_protocol.winmon.access import (
    ReadRam,
    ReadRamInfo,
    ReadSetting,
    ReadSettingInfo,
    RequestSnapshot,
    WriteData,
    WriteRam,
    WriteRamAddress,
    WriteSetting,
    WriteSettingAddress,
)
from vebus_protocol.winmon.replies import (
    AccessLevelRequired,
    DeviceStateReply,
    EnergyCounters,
    ExtraFlagAccess,
    LedStatusReply,
    OtherReply,
    PasswordAccepted,
    Refused,
    SerialNumber,
    SwitchAndLimitReply,
    UnknownWinmonReply,
    VersionHigh,
    VersionLow,
    VersionReply,
)
from vebus_protocol.winmon.requests import (
    IncompleteRequest,
    RequestDeviceState,
    RequestEnergyCounters,
    RequestExtraFlagAccess,
    RequestLedStatus,
    RequestNamedOnly,
    RequestPassword,
    RequestSerialNumber,
    RequestSwitchAndLimit,
    RequestVersionHigh,
    RequestVersionLow,
    UnknownWinmonRequest,
)
from vebus_protocol.winmon.scales import (
    RamInfo,
    RamInfoMissing,
    RamInfoSplit,
    RamOffsetPiece,
    RamScalePiece,
    SettingDefaultPiece,
    SettingInfo,
    SettingInfoMissing,
    SettingInfoSplit,
    SettingMaximumPiece,
    SettingMinimumPiece,
    SettingOffsetPiece,
    SettingScalePiece,
)
from vebus_protocol.winmon.values import (
    RamNotSupported,
    RamNotSupportedAt,
    RamValues,
    RamWritten,
    SettingNotSupported,
    SettingValue,
    SettingWritten,
    SettingWrittenFlags,
    Snapshot,
    SnapshotMissing,
)

__all__ = [  # noqa: RUF022  (lookup order: of two that fit, the first one is taken)
    "WinmonFrame",
    "RequestLedStatus",
    "RequestNamedOnly",
    "RequestVersionLow",
    "RequestVersionHigh",
    "RequestSwitchAndLimit",
    "RequestDeviceState",
    "RequestEnergyCounters",
    "ReadRam",
    "ReadSetting",
    "WriteRamAddress",
    "WriteSettingAddress",
    "WriteData",
    "ReadSettingInfo",
    "ReadRamInfo",
    "WriteRam",
    "WriteSetting",
    "RequestSnapshot",
    "RequestPassword",
    "RequestSerialNumber",
    "RequestExtraFlagAccess",
    "IncompleteRequest",
    "UnknownWinmonRequest",
    "Refused",
    "LedStatusReply",
    "VersionLow",
    "VersionReply",
    "VersionHigh",
    "RamValues",
    "SettingValue",
    "RamWritten",
    "SettingWrittenFlags",
    "SettingWritten",
    "SettingInfoMissing",
    "SettingInfoSplit",
    "SettingInfo",
    "SettingScalePiece",
    "SettingOffsetPiece",
    "SettingDefaultPiece",
    "SettingMinimumPiece",
    "SettingMaximumPiece",
    "RamInfoMissing",
    "RamInfoSplit",
    "RamInfo",
    "RamScalePiece",
    "RamOffsetPiece",
    "RamNotSupportedAt",
    "RamNotSupported",
    "SettingNotSupported",
    "SwitchAndLimitReply",
    "DeviceStateReply",
    "EnergyCounters",
    "SnapshotMissing",
    "Snapshot",
    "AccessLevelRequired",
    "PasswordAccepted",
    "SerialNumber",
    "ExtraFlagAccess",
    "OtherReply",
    "UnknownWinmonReply",
]


@message(
    Space.PAYLOAD,
    {0: 0x00},
    title="Winmon",
    abbrev="vebus.winmon",
    links=(Link.RS485,),
    carries=Space.WINMON,
    summary=("tid",),
    evidence=CONFIRMED,
    source="vebus-rs485.md 6.2",
)
class WinmonFrame(Message):
    """Carrier of a winmon request or reply on the bus; a reply repeats the transaction id of its request."""

    cmd: int = const(
        0x00,
        "Command",
        abbrev="vebus.cmd",
        enum=FrameType,
        meaning="perhaps the short address of the device, as no other address byte is visible",
        source="vebus-rs485.md 6.2",
    )
    tid: int = field(
        U8,
        "Transaction ID",
        abbrev="vebus.tid",
        symbol="Tid",
        display="hex",
        meaning="free choice of the asking side in 80..FF; the reply repeats it",
        evidence=CONFIRMED,
        source="vebus-rs485.md 6.2",
    )
