"""Winmon of a simulated device: a request body in, reply bodies out, in the form that the asking side wants.

Codes and forms: mk3.md 7, vebus-rs485.md 6.2.  Requests that no source describes, and replies whose layout is not known
(81, 92), are answered by 80.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from functools import lru_cache

from vebus_protocol.enums import WinmonReply
from vebus_protocol.registry import decode_payload
from vebus_protocol.schema import Link, Message, Space
from vebus_protocol.winmon import (
    AccessLevelRequired,
    DeviceStateReply,
    EnergyCounters,
    ExtraFlagAccess,
    PasswordAccepted,
    RamNotSupported,
    RamNotSupportedAt,
    RamWritten,
    ReadRam,
    ReadRamInfo,
    ReadSetting,
    ReadSettingInfo,
    RequestDeviceState,
    RequestEnergyCounters,
    RequestExtraFlagAccess,
    RequestPassword,
    RequestSerialNumber,
    RequestSnapshot,
    RequestVersionHigh,
    RequestVersionLow,
    SerialNumber,
    SettingNotSupported,
    SettingValue,
    SettingWritten,
    SettingWrittenFlags,
    VersionHigh,
    VersionLow,
    VersionReply,
    WriteData,
    WriteRam,
    WriteRamAddress,
    WriteSetting,
    WriteSettingAddress,
)
from vebus_tools.simulator.device import Device
from vebus_tools.simulator.packing import list_struct, struct_of
from vebus_tools.simulator.scales import ram_info, setting_info
from vebus_tools.simulator.settings import PROTECTED, RESET_REQUIRED

__all__ = ["Form", "WinmonServer"]

_MOST_IDS = 6
_FILL = bytes(2)
_BUS_TAIL = bytes.fromhex("081D00003910")  # vebus-rs485.md 6.2, meaning unknown
_ADAPTER_TAIL = bytes.fromhex("0701")  # mk3.md 7.2, meaning unknown
_FIRST_WRITE_BY_ID = _FIRST_COMBINED = 200  # firmware generation v2xx (mk3.md 7.2, 14)
_FIRST_FLAGS = 308
_FLAG_WORD_LEVELS = (0,) * 8
_LEVEL_NEEDED = 2
_RESET_NEEDED = 0x01
_NO_EEPROM = 0x02
_FLAGS_BYTE, _ID_BYTE, _VALUE_BYTE = 1, 2, 3
_ENERGY = struct_of(EnergyCounters)
_LISTS = tuple(list_struct(count) for count in range(_MOST_IDS + 1))


class Form(enum.Enum):
    """How replies look: on the bus, combined or split behind an adapter (mk3.md 7.2)."""

    BUS = "bus"
    COMBINED = "combined"
    SPLIT = "split"


@lru_cache(maxsize=1024)
def _parse(body: bytes) -> Message | None:
    chain = decode_payload(Space.WINMON, body, Link.MK3)
    return chain[0].message if chain else None


def _refused(which: int = 0) -> list[bytes]:
    return [bytes((WinmonReply.NOT_SUPPORTED, which))]


class WinmonServer:
    """Answers for one device; remembers the address of an old two-step write."""

    def __init__(self, device: Device) -> None:
        """Nothing addressed yet."""
        self._device = device
        self._addressed: tuple[bool, int] | None = None
        self._handlers: dict[type[Message], Callable[..., list[bytes]]] = {
            RequestVersionLow: self._version_low,
            RequestVersionHigh: self._version_high,
            RequestDeviceState: self._state,
            RequestEnergyCounters: self._energy,
            ReadRam: self._read_ram,
            ReadSetting: self._read_setting,
            WriteRamAddress: self._address,
            WriteSettingAddress: self._address,
            WriteData: self._data,
            ReadSettingInfo: self._setting_info,
            ReadRamInfo: self._ram_info,
            WriteRam: self._write_ram,
            WriteSetting: self._write_setting,
            RequestSnapshot: self._snapshot,
            RequestPassword: self._password,
            RequestSerialNumber: self._serial,
            RequestExtraFlagAccess: self._flag_access,
        }

    def answer(self, body: bytes, form: Form, now: float) -> list[bytes]:
        """Reply bodies, none where a real device stays silent.  Old devices have no combined form."""
        request = _parse(body)
        if form is Form.COMBINED and self._device.firmware < _FIRST_COMBINED:
            form = Form.SPLIT
        handler = self._handlers.get(type(request)) if request else None
        return _refused() if handler is None else handler(request, form, now)

    # version, state, energy ------------------------------------------------------------------------------------------

    def _version_low(self, _: RequestVersionLow, form: Form, __: float) -> list[bytes]:
        if form is Form.SPLIT:
            return [VersionLow(low=self._device.version & 0xFFFF).build()]
        tail = _BUS_TAIL if form is Form.BUS else _ADAPTER_TAIL
        return [VersionReply(version=self._device.version, rest=tail).build()]

    def _version_high(self, _: RequestVersionHigh, __: Form, ___: float) -> list[bytes]:
        return [VersionHigh(high=self._device.version >> 16).build()]

    def _state(self, request: RequestDeviceState, _: Form, __: float) -> list[bytes]:
        converter = self._device.converter
        if not converter.charger.force(request.action):
            return _refused(_FLAGS_BYTE)
        return [DeviceStateReply(state=converter.state(), sub_state=converter.sub_state()).build()]

    def _energy(self, _: RequestEnergyCounters, __: Form, ___: float) -> list[bytes]:
        return [_ENERGY.pack(WinmonReply.ENERGY_COUNTERS, *self._device.converter.energy.counters())]

    def _serial(self, _: RequestSerialNumber, __: Form, ___: float) -> list[bytes]:
        return [SerialNumber(number=self._device.spec.serial.encode("ascii").ljust(11)[:11]).build()]

    # RAM variables ---------------------------------------------------------------------------------------------------

    def _read_ram(self, request: ReadRam, form: Form, _: float) -> list[bytes]:
        ids = request.ids
        if not 0 < len(ids) <= _MOST_IDS:
            return _refused()
        values = [self._device.ram.raw(variable) for variable in ids]
        known = [value for value in values if value is not None]
        if len(known) == len(values):
            return [_LISTS[len(known)].pack(WinmonReply.RAM_READ, *known)]
        if form is Form.COMBINED:
            return [RamNotSupportedAt(position=values.index(None) + 1).build()]
        return [RamNotSupported(rest=_FILL if form is Form.SPLIT else b"").build()]

    def _ram_info(self, request: ReadRamInfo, form: Form, _: float) -> list[bytes]:
        split = form is Form.SPLIT
        scale = self._device.ram.scales.get(request.id)
        return ram_info(scale, split=split, pieces=self._device.firmware < _FIRST_COMBINED)

    def _write_ram(self, request: WriteRam, form: Form, now: float) -> list[bytes]:
        if self._device.firmware < _FIRST_WRITE_BY_ID:
            return _refused()
        return self._put_ram(request.id, request.value, form, now)

    def _put_ram(self, variable: int, value: int, form: Form, now: float) -> list[bytes]:
        if variable != self._device.ram.set_point_id:
            return _refused(_ID_BYTE)
        self._device.write_set_point(value, now)
        return [RamWritten(rest=_FILL if form is Form.SPLIT else b"").build()]

    def _snapshot(self, _: RequestSnapshot, __: Form, ___: float) -> list[bytes]:
        frozen = self._device.snapshot or ()
        return [_LISTS[len(frozen)].pack(WinmonReply.SNAPSHOT, *frozen)]

    # settings --------------------------------------------------------------------------------------------------------

    def _read_setting(self, request: ReadSetting, form: Form, _: float) -> list[bytes]:
        raw = self._device.settings.raw.get(request.id)
        if raw is None:
            return [SettingNotSupported(rest=_FILL if form is Form.SPLIT else b"").build()]
        return [SettingValue(value=raw).build()]

    def _setting_info(self, request: ReadSettingInfo, form: Form, _: float) -> list[bytes]:
        row = self._device.settings.rows.get(request.id)
        split, firmware = form is Form.SPLIT, self._device.firmware
        return setting_info(row, split=split, pieces=firmware < _FIRST_COMBINED, access=firmware >= _FIRST_FLAGS)

    def _write_setting(self, request: WriteSetting, form: Form, now: float) -> list[bytes]:
        if self._device.firmware < _FIRST_WRITE_BY_ID:
            return _refused()
        return self._put_setting(request.id, request.value, form, now, store=not request.flags & _NO_EEPROM)

    def _put_setting(self, setting: int, value: int, form: Form, now: float, *, store: bool) -> list[bytes]:
        settings = self._device.settings
        row = settings.rows.get(setting)
        if row is None:
            return _refused(_ID_BYTE)
        if row.access & PROTECTED and not self._device.unlocked(now):
            return [AccessLevelRequired(level=_LEVEL_NEEDED).build()]
        if not settings.fits(setting, value):
            return _refused(_VALUE_BYTE)
        settings.write(setting, value, store=store)
        if form is Form.COMBINED and self._device.firmware >= _FIRST_FLAGS and row.access & RESET_REQUIRED:
            return [SettingWrittenFlags(flags=_RESET_NEEDED).build()]
        return [SettingWritten(rest=_FILL if form is Form.SPLIT else b"").build()]

    # old writes, password, flag access -------------------------------------------------------------------------------

    def _address(self, request: WriteRamAddress | WriteSettingAddress, _: Form, __: float) -> list[bytes]:
        self._addressed = (isinstance(request, WriteSettingAddress), request.id)
        return []

    def _data(self, request: WriteData, form: Form, now: float) -> list[bytes]:
        addressed, self._addressed = self._addressed, None
        if addressed is None or self._device.firmware >= _FIRST_WRITE_BY_ID:
            return _refused()
        setting, which = addressed
        if setting:
            return self._put_setting(which, request.value, form, now, store=True)
        return self._put_ram(which, request.value, form, now)

    def _password(self, request: RequestPassword, form: Form, now: float) -> list[bytes]:
        if form is Form.SPLIT or not self._device.unlock(request.password, now):
            return _refused(1)
        return [PasswordAccepted().build()]

    def _flag_access(self, request: RequestExtraFlagAccess, _: Form, __: float) -> list[bytes]:
        halves = (WinmonReply.EXTRA_FLAG_ACCESS_LOW, WinmonReply.EXTRA_FLAG_ACCESS_HIGH)
        return [ExtraFlagAccess(code=code, word=request.word, levels=_FLAG_WORD_LEVELS).build() for code in halves]
