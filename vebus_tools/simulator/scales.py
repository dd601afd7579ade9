"""How a simulated device announces scales: one combined reply, one split payload, or a frame for each piece.

Forms: mk3.md 7.2; that devices before v200 send single pieces is how the vendor's library reads them.
"""

from __future__ import annotations

from vebus_protocol.scaling import RamScale
from vebus_protocol.winmon import (
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
from vebus_tools.simulator.settings import SettingInfoRow

__all__ = ["ram_info", "setting_info"]

_WORD = 0xFFFF


def ram_info(scale: RamScale | None, *, split: bool, pieces: bool) -> list[bytes]:
    """Reply to winmon 36; None = the variable does not exist."""
    if scale is None:
        return [RamScalePiece(scale=0).build() if split else RamInfoMissing().build()]
    offset = scale.offset & _WORD
    if not split:
        return [RamInfo(scale=scale.scale, offset=offset).build()]
    if pieces:
        return [RamScalePiece(scale=scale.scale).build(), RamOffsetPiece(offset=offset).build()]
    return [RamInfoSplit(scale=scale.scale, offset=offset).build()]


def setting_info(row: SettingInfoRow | None, *, split: bool, pieces: bool, access: bool) -> list[bytes]:
    """Reply to winmon 35; None = the setting does not exist, ``access`` = with the access byte."""
    if row is None:
        return [SettingScalePiece(scale=0).build() if split else SettingInfoMissing().build()]
    scale, offset = row.scale.scale, row.scale.offset & _WORD
    if not split:
        return [
            SettingInfo(
                scale=scale,
                offset=offset,
                default=row.default,
                minimum=row.minimum,
                maximum=row.maximum,
                access=row.access if access else None,
            ).build()
        ]
    if pieces:
        return [
            SettingScalePiece(scale=scale).build(),
            SettingOffsetPiece(offset=offset).build(),
            SettingDefaultPiece(default=row.default).build(),
            SettingMinimumPiece(minimum=row.minimum).build(),
            SettingMaximumPiece(maximum=row.maximum).build(),
        ]
    return [
        SettingInfoSplit(
            scale=scale, offset=offset, default=row.default, minimum=row.minimum, maximum=row.maximum
        ).build()
    ]
