"""Info answers of a simulated device: DC, AC, identity, and accessories that say they are there.

Layouts: mk3.md 5, 6.3; vebus-rs485.md 6.3.  The same payload travels on the bus and behind an adapter.
"""

from __future__ import annotations

from vebus_protocol.enums import InfoType
from vebus_protocol.info import AcInfo, BmsInfo, DcInfo, DmcInfo, IdentityInfo
from vebus_protocol.variables import RamId
from vebus_tools.simulator.device import Device
from vebus_tools.simulator.packing import struct_of
from vebus_tools.simulator.ram import raw_word
from vebus_tools.simulator.scenario import AccessorySpec

__all__ = ["GARBAGE_STATE", "STATE_AT", "ac_info", "accessory_info", "dc_info", "identity_info"]

GARBAGE_STATE = 0xB7
"""State byte of a real capture from an older device (vebus-rs485.md 6.3)."""
STATE_AT = AcInfo.spec("state").offset

_AC, _DC = struct_of(AcInfo), struct_of(DcInfo)
_UNDEFINED = bytes.fromhex("40A5C401")  # what a capture had there; the vendor's library calls these bytes undefined
_L1_TYPES = {1: InfoType.AC_L1_OF_1, 2: InfoType.AC_L1_OF_2, 3: InfoType.AC_L1_OF_3, 4: InfoType.AC_L1_OF_4}
_L2_TYPE = 9  # InfoType of L2..L4 is this minus the phase
_SIGN, _WORD, _BYTE = 0x8000, 0xFFFF, 0xFF
_VLL_NOT_USED = 0x10
_TYPE_2 = 0x02


def _signed(word: int) -> int:
    return word - 2 * _SIGN if word >= _SIGN else word


def dc_info(devices: tuple[Device, ...]) -> bytes:
    """Battery side; the currents of all devices together."""
    first = devices[0]
    scale = first.ram.scales
    amps = sum(device.converter.dc_a for device in devices)
    word = abs(_signed(raw_word(scale[RamId.BATTERY_CURRENT], amps)))
    used, delivered = (0, word) if amps > 0 else (word, 0)
    voltage = raw_word(scale[RamId.BATTERY_VOLTAGE], first.ram.value(RamId.BATTERY_VOLTAGE))
    period = raw_word(scale[RamId.INVERTER_PERIOD], first.ram.value(RamId.INVERTER_PERIOD)) & _BYTE
    return _DC.pack(0x20, _UNDEFINED, InfoType.DC, voltage, used, 0, delivered, 0, period)


def ac_info(device: Device, phases: int) -> bytes:
    """AC side of one phase out of so many."""
    scale, value, phase = device.ram.scales, device.ram.value, device.spec.phase
    period = raw_word(scale[RamId.MAINS_PERIOD], value(RamId.MAINS_PERIOD)) & _BYTE
    return _AC.pack(
        0x20,
        1,
        1,
        0,
        device.converter.state(),
        _L1_TYPES[phases] if phase == 1 else _L2_TYPE - phase,
        raw_word(scale[RamId.MAINS_VOLTAGE], value(RamId.MAINS_VOLTAGE)),
        _signed(raw_word(scale[RamId.MAINS_CURRENT], value(RamId.MAINS_CURRENT))),
        raw_word(scale[RamId.INVERTER_VOLTAGE], value(RamId.INVERTER_VOLTAGE)),
        _signed(raw_word(scale[RamId.INVERTER_CURRENT], value(RamId.INVERTER_CURRENT))),
        period,
    )


def identity_info(device: Device, addresses: int) -> bytes:
    """Identity of one device; ``addresses`` is the map of short addresses in use.  Bytes without a meaning are 0."""
    return IdentityInfo(
        unique_number=device.spec.unique_number,
        selector=_TYPE_2,
        unknown_r0=0,
        unknown_r1=0,
        addresses=addresses,
        unknown_r6=0,
        flags=_VLL_NOT_USED,
        short_address=device.spec.address,
    ).build()


def accessory_info(selector: int, accessory: AccessorySpec) -> bytes | None:
    """Answer of a VE.Bus BMS or Digital Multi Control; None where there is none."""
    if selector == InfoType.BMS and accessory.bms_version is not None:
        return BmsInfo(unknown_5_8=bytes(4), version=accessory.bms_version).build()
    if selector == InfoType.DMC and accessory.dmc_version is not None:
        return DmcInfo(unknown_5_8=bytes(4), version=accessory.dmc_version).build()
    return None
