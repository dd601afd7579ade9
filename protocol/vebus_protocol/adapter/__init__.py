"""Commands to, and replies of, the MK2/MK3 adapter itself: payloads that begin with FF and a letter.

Requests and replies have the same letter; where the bytes do not tell which it is, the direction stays open.  Old
adapters want one 00 behind a frame that would end in FF, and several programs always send one, so a surplus 00 may
stand behind any command (mk3.md 2.4).

Sources: mk3.md 4, 5.1, 7.1 (vendor's library velib, vendor document "MK2 Protocol" 3.14 as quoted by public projects,
mk2py, victron-mk3, ve-ctrl-tool, multiplus2 and a three-phase fork of it).
"""

from __future__ import annotations

from vebus_protocol.adapter.carrier import UndescribedCommand, UnknownAdapterCommand, WinmonAddressed, WinmonCommand
from vebus_protocol.adapter.device import (
    AdapterAddress,
    AdapterLines,
    AdapterVersion,
    AddressAction,
    HighSpeed,
    LedStatus,
    RequestAdapterVersion,
    RequestLeds,
    RequestLines,
    ResetAdapter,
)
from vebus_protocol.adapter.facts import AdapterCommand
from vebus_protocol.adapter.info_request import (
    FreezeSnapshot,
    RequestIdentity,
    RequestInfo,
    RequestInfoOther,
    ResetDevice,
    SendBatteryLimits,
)
from vebus_protocol.adapter.state import AdapterState, AdapterStateSet, RequestAdapterState, SetAdapterState

__all__ = [  # noqa: RUF022  (lookup order: of two that fit, the first one is taken)
    "AdapterAddress",
    "AdapterCommand",
    "AddressAction",
    "RequestAdapterState",
    "AdapterState",
    "RequestInfo",
    "FreezeSnapshot",
    "RequestIdentity",
    "ResetDevice",
    "SendBatteryLimits",
    "RequestInfoOther",
    "RequestLines",
    "AdapterLines",
    "RequestLeds",
    "LedStatus",
    "HighSpeed",
    "ResetAdapter",
    "AdapterStateSet",
    "SetAdapterState",
    "RequestAdapterVersion",
    "AdapterVersion",
    "WinmonCommand",
    "WinmonAddressed",
    "UndescribedCommand",
    "UnknownAdapterCommand",
]
