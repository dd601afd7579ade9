"""Who may switch the inverter/charger on, off or to charger-only beside a VE.Bus BMS: one table.

Source: the BMS V2 specification, B-99, B-100, B-101, B-184.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping

from vebus_tools.firmware import thresholds

__all__ = ["BmsModel", "Panel", "bms_model", "may_switch"]


class Panel(enum.Enum):
    """What can switch over VE.Bus; VRM does it through the GX device."""

    GX = "GX device"
    VRM = "VRM"
    DONGLE = "VE.Bus Smart Dongle"
    DMC = "Digital Multi Control"


class BmsModel(enum.Enum):
    """Generation of a VE.Bus BMS."""

    V1 = "VE.Bus BMS (V1)"
    V2 = "VE.Bus BMS V2"


_ALL = frozenset(Panel)
_DMC_ALONE = frozenset({Panel.DMC})
# (BMS, whether there is a DMC) -> who is obeyed.
_OBEYED: Mapping[tuple[BmsModel, bool], frozenset[Panel]] = {
    (BmsModel.V2, False): _ALL - _DMC_ALONE,  # B-99, B-100
    (BmsModel.V2, True): _DMC_ALONE,  # B-101
    (BmsModel.V1, False): frozenset(),  # B-184
    (BmsModel.V1, True): _DMC_ALONE,  # B-184
}


def may_switch(panel: Panel, bms: BmsModel, *, dmc: bool) -> bool:
    """Whether on / off / charger-only of a panel counts; ``dmc`` is whether a Digital Multi Control is connected."""
    return panel in _OBEYED[bms, dmc]


def bms_model(version: int) -> BmsModel:
    """Generation by the version that a BMS answers with, as host software tells them apart (bms-wire.md 4.3)."""
    (rule,) = thresholds("bms")
    return BmsModel.V2 if version >= rule.first else BmsModel.V1
