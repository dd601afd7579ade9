"""How the keys of the shared vector files are read from a decoded frame; which key is read how is in `vector_keys`.

A reader gets the frame taken apart and returns what the vector should say, in the vector's own spelling.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

from tests.vector_files import Heard
from vebus_protocol.enums import (
    AdapterMode,
    ChargeSubState,
    DeviceState,
    FrameKind,
    InfoRequestSelector,
    SwitchPosition,
)
from vebus_protocol.frame import FbFrame
from vebus_protocol.scaling import RamScale, SettingScale
from vebus_protocol.schema import Space

Reader = Callable[[Heard], Any]


# --- how most keys are read ------------------------------------------------------------------------------------------
def raw(name: str) -> Reader:
    return lambda heard: heard.raw(name)


def listed(name: str) -> Reader:
    return lambda heard: list(heard.raw(name))


def value(name: str, *, at: int | None = None, variable: int | None = None) -> Reader:
    return lambda heard: heard.value(name, at=at, variable=variable)


def flag(name: str) -> Reader:
    return lambda heard: heard.flag(name)


def not_flag(name: str) -> Reader:
    return lambda heard: not heard.flag(name)


def place(number: int) -> Reader:
    return lambda heard: heard.at(number)


def hexadecimal(name: str, digits: int = 2) -> Reader:
    return lambda heard: f"0x{heard.raw(name):0{digits}X}"


def spaced(name: str) -> Reader:
    return lambda heard: bytes(heard.raw(name)).hex(" ").upper()


def by_message(**readers: Reader) -> Reader:
    """The key means different things in different messages; argument names are message classes."""
    return lambda heard: readers[type(heard.last).__name__](heard)


def named(texts: Mapping[str, str]) -> Reader:
    """The key's text stands for a message class; ``texts`` maps class names to texts."""
    return lambda heard: texts[type(heard.last).__name__]


def first_of(*names: str) -> Reader:
    """The key's value stands in the first of these fields that the message has."""

    def read(heard: Heard) -> object:
        own = {spec.name for spec in heard.last.FIELDS}
        return heard.raw(next(name for name in names if name in own))

    return read


# --- keys that need more than one field -------------------------------------------------------------------------------
def word(number: int) -> int:
    """A 16-bit number as signed."""
    return (number & 0xFFFF) - 0x10000 if number & 0x8000 else number & 0xFFFF


def ram_scale(heard: Heard) -> RamScale:
    own = {spec.name for spec in heard.last.FIELDS}
    return RamScale(scale=heard.raw("scale"), offset=heard.raw("offset") if "offset" in own else 0)


def setting_scale(heard: Heard) -> SettingScale:
    return SettingScale(scale=heard.raw("scale"), offset=heard.raw("offset"))


def announced(name: str) -> Reader:
    """A raw limit of a setting info in the unit of the setting."""
    return lambda heard: setting_scale(heard).value(heard.raw(name))


def factor(heard: Heard) -> float:
    scale = setting_scale(heard) if type(heard.last).__name__.startswith("Setting") else ram_scale(heard)
    return scale.multiplier / scale.divisor


def supported(heard: Heard) -> bool:
    return not type(heard.last).__name__.endswith("Missing") and ram_scale(heard).supported


def state_text(heard: Heard) -> str | None:
    own = next(spec for spec in heard.last.FIELDS if spec.name == "state")
    assert own.enum in (DeviceState, SwitchPosition)
    text = own.enum.text_of(heard.raw("state"))
    return text.lower() if text else None


def sub_state_text(heard: Heard) -> str:
    return (ChargeSubState.text_of(heard.raw("sub_state")) or "not named").lower()


def bus_type(heard: Heard) -> str:
    first = heard.bus.payload[0]
    return f"sync 0x{first:02X}" if heard.bus.kind == FrameKind.SYNC else f"0x{first:02X}"


def frame_kind(heard: Heard) -> str:
    if isinstance(heard.frame, FbFrame):
        return "fb"
    kinds: dict[int, str] = {FrameKind.SYNC: "sync", FrameKind.DATA: "data"}
    return kinds[heard.bus.kind]


def complement_ok(heard: Heard) -> bool:
    assert isinstance(heard.frame, FbFrame)
    return heard.frame.complement_ok


def asks_for(heard: Heard) -> str:
    """The vectors mark what is known only by analogy."""
    inferred: dict[int, str] = {
        InfoRequestSelector.DC: "DC info (inferred)",
        InfoRequestSelector.AC_L1: "AC L1 info (inferred)",
    }
    selector = heard.raw("selector")
    return inferred.get(selector) or InfoRequestSelector.text_of(selector) or "not named"


def switch_register(heard: Heard) -> list[str]:
    spelling = {"onboard_invert": "onboard_remote_invert"}
    return [spelling.get(name, name) for name in heard.names("register")]


def version(heard: Heard) -> int:
    """The split form has two halves; the low one came before."""
    if type(heard.last).__name__ != "VersionHigh":
        return int(heard.raw("version"))
    low = next(message.raws()["low"] for message in heard.earlier if type(message).__name__ == "VersionLow")
    return int(heard.raw("high")) << 16 | int(low)


def adapter_mode(heard: Heard) -> str:
    mode = heard.raw("mode")
    if mode == AdapterMode.NO_ADDRESS:
        return "VE.Bus mode, no address selected yet"
    assert AdapterMode.text_of(mode) is None
    return f"VE.Bus mode, device address {mode} selected"


def kind(heard: Heard) -> str:
    """Sort of an MK2/MK3 frame in the words of the vectors."""
    space = heard.last.INFO.space
    if space is Space.WINMON:
        return "winmon request" if heard.raw("code") < 0x80 else "winmon reply"
    if space is Space.ADAPTER:
        return "command" if heard.from_host else "reply"
    kinds = {0x20: "info", 0x41: "info", 0x21: "info request", 0x40: "panel", 0x38: "raw VE.Bus", 0x3F: "raw VE.Bus"}
    return kinds[heard.raw("cmd")]


def winmon_name(heard: Heard) -> str:
    """The vectors tell a bit variable, and "not supported", apart from other RAM infos."""
    name = type(heard.last).__name__
    if name in ("RamInfo", "RamScalePiece"):
        if not ram_scale(heard).supported:
            return "RAM info, variable unsupported"
        if ram_scale(heard).bit is not None:
            return "RAM info, single bit"
    if name == "SettingInfo" and heard.raw("access") is not None:
        return "setting info, combined form with access byte"
    return _WINMON_NAMES[name]


def info(heard: Heard) -> str | int:
    """Of a request its selector, of an info frame its sort, of a refusal the byte that says why."""
    numbers = {"InfoRequest": "selector", "Refused": "info", "RamNotSupportedAt": "position"}
    if type(heard.last).__name__ in numbers:
        return int(heard.raw(numbers[type(heard.last).__name__]))
    return {
        "AcInfo": "AC",
        "DcInfo": "DC",
        "AcInputConfiguration": "AC-in config (0x41)",
        "IdentityInfo": "config",
        "BmsInfo": "BMS present (0x83)",
        "DmcInfo": "DMC present (0x80)",
    }[type(heard.last).__name__]


def meaning(heard: Heard) -> str | dict[str, Any]:
    """Free text, or the values of a snapshot that was taken of the RAM variables 14, 16 and 15."""
    name = type(heard.last).__name__
    if name == "Snapshot":
        asked = ((14, "14 inverter power W"), (16, "16 output power W"), (15, "15 input power W"))
        return {text: heard.value("values", at=at, variable=variable) for at, (variable, text) in enumerate(asked)}
    if name == "SwitchCommand":
        return {4: "sleep / off", 7: "switch on / wake up"}[heard.raw("position")]
    if name == "InfoRequest":
        return {0x80: "is a DMC present", 0x83: "is a BMS present"}[heard.raw("selector")]
    if name == "RequestDeviceState":
        return {2: "force absorption"}[heard.raw("action")]
    return _BUS_MEANINGS[name]


def target(heard: Heard) -> str:
    """Who is meant: of a write the sort of memory, of a request the device."""
    name = type(heard.last).__name__
    if name in ("WriteRam", "WriteSetting"):
        return {"WriteRam": "ram", "WriteSetting": "setting"}[name]
    if name == "ResetDevice":
        return "all" if heard.raw("number") == 0 else f"{heard.raw('number'):08X}"
    return f"{heard.raw('long_id'):08X}"


def ids(heard: Heard) -> list[int] | int:
    """Ids of a read request; the vectors list the high byte of a 16-bit id on its own."""
    return list(heard.raw("ids"))[:-1] if heard.raw("ids")[-1] == 0 else list(heard.raw("ids"))


def last_id(heard: Heard) -> int:
    return int(heard.raw("ids")[-1])


def signed_values(heard: Heard) -> list[int]:
    """An empty snapshot reply is a message of its own."""
    return [] if type(heard.last).__name__ == "SnapshotMissing" else [word(number) for number in heard.raw("values")]


def pad(heard: Heard) -> int | str:
    """Fill bytes: a number behind an adapter's command or an id, hex digits behind a reply."""
    if type(heard.last).__name__ == "ReadRam":
        return last_id(heard)
    return heard.rest.hex() if heard.last.INFO.space is Space.WINMON else int.from_bytes(heard.rest, "little")


def extra(heard: Heard) -> str:
    if type(heard.last).__name__ == "LedStatus":
        return bytes((heard.raw("unknown_6"), heard.raw("unknown_7"))).hex()
    return heard.rest.hex()


def no_limit(heard: Heard) -> str:
    assert heard.flag("flags.new_limit")
    assert heard.value("current") is None
    return "none" if heard.raw("limit") == 0x8000 else "limited"


def undetermined(heard: Heard) -> bool:
    return bool(heard.raw("led_on") == heard.raw("led_blink") == 0x1F)


def counters(heard: Heard) -> list[int]:
    return [span.raw for span in heard.last.spans() if isinstance(span.raw, int) and span.field.unit == "kWh"]


def counter_unit(heard: Heard) -> str:
    first = next(spec.name for spec in heard.last.FIELDS if spec.unit == "kWh")
    assert math.isclose(heard.value(first), heard.raw(first) * 2**16 / 3.6e6)
    return "2^16 J per count"


_BUS_MEANINGS = {
    "RamWritten": "RAM variable written",
    "SettingWritten": "setting written",
    "SettingInfoMissing": "setting info not available (empty answer)",
    "RamInfoMissing": "RAM variable info not available (empty answer)",
    "RamNotSupported": "variable not supported",
    "AccessLevelRequired": "access level required",
}
_WINMON_NAMES = {
    "AccessLevelRequired": "access level required",
    "DeviceStateReply": "device state",
    "EnergyCounters": "energy counters",
    "RamInfo": "RAM scale and offset, combined form",
    "RamInfoMissing": "RAM info, variable unsupported",
    "RamInfoSplit": "RAM scale and offset, split form",
    "RamNotSupportedAt": "variable not supported",
    "RamValues": "RAM value",
    "RamWritten": "RAM write ok",
    "ReadRam": "read RAM",
    "ReadRamInfo": "RAM info",
    "ReadSetting": "read setting",
    "Refused": "unknown command",
    "RequestDeviceState": "device state",
    "RequestSnapshot": "read snapshot",
    "RequestSwitchAndLimit": "get switch and shore limit",
    "RequestVersionHigh": "software version part 1",
    "RequestVersionLow": "software version part 0",
    "SerialNumber": "serial number",
    "SettingInfo": "setting info, combined form",
    "SettingInfoMissing": "setting info, setting unsupported",
    "SettingNotSupported": "setting not supported",
    "SettingValue": "setting value",
    "SettingWritten": "setting write ok",
    "Snapshot": "snapshot",
    "SnapshotMissing": "snapshot",
    "VersionHigh": "software version high half",
    "VersionLow": "software version low half",
    "VersionReply": "software version, combined form",
    "WriteData": "write data",
    "WriteRam": "write via id",
    "WriteRamAddress": "write RAM address",
    "WriteSetting": "write via id",
}
