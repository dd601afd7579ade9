"""What a GX device makes of a VE.Bus BMS: the values that it shows, and its orders to the chargers (DVCC).

Sources: the BMS V2 specification, B-107 to B-110, B-183; host software, bms-wire.md 5.1 and 5.4.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from vebus_tools.simulator.bms_watch import BmsWatch
from vebus_tools.simulator.panels import BmsModel
from vebus_tools.simulator.reacting import Reaction

__all__ = ["ChargerOrders", "GxSystem", "charger_orders", "dvcc_fault", "gx_values"]

_MODE_V1, _MODE_V2 = 5, 13  # network mode; the bit that differs says "BMS present"
_BELOW_BATTERY_V = 1.0
_VEBUS_BMS, _NO_BMS, _ALARM = 2, 0, 2


def gx_values(watch: BmsWatch, reaction: Reaction, now: float, model: BmsModel) -> Mapping[str, int | None]:
    """D-Bus values of com.victronenergy.vebus about the BMS; None is invalid.

    A V1 tells the GX device nothing itself (B-183).  What else a V2 broadcasts is not known (U-20); its version is
    invalid while the Multi is off (bms-wire.md 5.4, the reason is inferred).  The alarm levels are inferred.
    """
    heard, found = watch.last, watch.found(now)
    told = heard if found and model is BmsModel.V2 else None
    allowed = told.permissions if told else None
    return {
        "/Bms/AllowToCharge": None if allowed is None else int(allowed.charge),
        "/Bms/AllowToDischarge": None if allowed is None else int(allowed.discharge),
        "/Bms/BmsExpected": int(watch.expected or watch.seen),
        "/Bms/BmsType": _VEBUS_BMS if watch.seen else _NO_BMS,
        "/Bms/Error": None if told is None else int(told.nothing),
        "/Bms/PreAlarm": None if told is None else int(told.pre_alarm),
        "/Alarms/BmsConnectionLost": _ALARM if watch.seen and not found else 0,
        "/Devices/Bms/Version": watch.version if reaction.on and found else None,
        "/VebusError": reaction.error,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class GxSystem:
    """A system with a GX device: whether DVCC is on, the interface is an MK3, and the Multi runs ESS.

    ``multi_charge_v`` in V is what the algorithm of the Multi asks for, ``user_limit_a`` in A a limit of the user.
    """

    dvcc: bool
    ess: bool
    model: BmsModel
    multi_charge_v: float
    battery_v: float
    mk3: bool = True
    user_limit_a: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargerOrders:
    """What solar chargers, Inverter RS and Multi RS are told; None leaves it to the charger itself."""

    max_charge_a: float | None
    charge_v: float | None
    network_mode: int


def dvcc_fault(system: GxSystem) -> str:
    """What is wrong with a system that has a GX device and a BMS V2; empty when nothing is (B-107)."""
    if system.model is BmsModel.V2 and not system.dvcc:
        return "DVCC is off: the BMS V2 cannot stop solar chargers, Inverter RS or Multi RS; switch it on (B-107)"
    return ""


def charger_orders(system: GxSystem, *, allow_charge: bool) -> ChargerOrders | None:
    """Orders of the GX device; None where it gives none, because DVCC is off.

    No charging is a current limit of 0 (B-108).  The BMS says nothing of the charge voltage (B-109): only in ESS is
    there one, that of the Multi (B-110), which stays 1 V below the battery while charging is forbidden (bms-wire.md
    5.4).
    """
    if not system.dvcc:
        return None
    voltage = None
    if system.ess:
        voltage = system.multi_charge_v if allow_charge else system.battery_v - _BELOW_BATTERY_V
    with_bit = system.model is BmsModel.V2 and system.mk3
    return ChargerOrders(
        max_charge_a=system.user_limit_a if allow_charge else 0.0,
        charge_v=voltage,
        network_mode=_MODE_V2 if with_bit else _MODE_V1,
    )
