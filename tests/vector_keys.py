"""What each key under "fields" of the shared vector files stands for: key -> how the same is read from a decoded frame.

A reader gets the frame taken apart and returns what the vector should say, in the vector's own spelling.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

from tests.vector_files import Heard
from vebus_protocol.enums import (
    AcRelay,
    AdapterMode,
    ChargeSubState,
    DeviceState,
    FrameKind,
    InfoRequestSelector,
    LowBatteryStatus,
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

# --- the tables ------------------------------------------------------------------------------------------------------
RS485_KEYS: dict[str, Reader] = {
    # envelope
    "sender_id": lambda heard: f"0x{heard.bus.sender:04X}",
    "frame_kind": frame_kind,
    "frame_number": lambda heard: heard.bus.number,
    "type": bus_type,
    "checksum_value_before_escaping": lambda heard: f"0x{heard.bus.checksum:02X}",
    "byte0": raw("lead"),
    "kind_byte": hexadecimal("kind"),
    "value": raw("value"),
    "complement": raw("complement"),
    "complement_ok": complement_ok,
    # places without a name
    "byte5": place(5),
    "byte5_raw": place(5),
    "byte7_undefined": place(7),
    "byte11": place(11),
    "byte12": place(12),
    "byte18": place(18),
    "bytes5_8_undefined": lambda heard: heard.at(5).hex(" ").upper(),
    "bytes6_8": lambda heard: heard.at(6).hex(" ").upper(),
    "u16_at6_raw": place(6),
    "u16_at8_raw": place(8),
    "u16_at10_raw": place(10),
    "u24_at5_raw": raw("counter"),
    "payload_hex": lambda heard: heard.rest.hex(" ").upper(),
    "data_hex": lambda heard: heard.rest.hex(" ").upper(),
    "tail_hex_unknown": lambda heard: heard.rest.hex(" ").upper(),
    "extra_hex": lambda heard: f"{heard.raw('extra'):02X}",
    # E4, 70, 80
    "ac_frequency_hz_if_millihertz": value("frequency"),
    "ac_frequency_hz_if_400ns_period": value("frequency_of_period"),
    "counter24_raw": raw("counter"),
    "counter_s_at_400ns": value("counter"),
    "power_factor": value("power_factor"),
    "ac_phase_raw_i8": raw("phase"),
    "dc_voltage_v": by_message(AcPhase=value("dc.voltage"), DcInfo=value("voltage")),
    "byte17_high_nibble": raw("dc.unknown"),
    "capacity_counter_ah_unconfirmed": value("capacity"),
    "charge_voltage_setpoint_v_hypothesis": value("voltage"),
    "charge_current_limit_a_hypothesis": value("current"),
    "voltage_status_raw": raw("status"),
    "dc_level_allows_inverting": flag("status.dc_allows_inverting"),
    "status7_raw": raw("battery"),
    "low_battery": lambda heard: heard.raw("battery") == LowBatteryStatus.BATTERY_LOW,
    "dc_current_a": value("dc_current"),
    "mux11_raw": raw("mux"),
    "on_emergency_power": lambda heard: heard.raw("relay") == AcRelay.ISLAND,
    "temperature_raw": value("temperature"),
    "temperature_c_approx": value("temperature_c"),
    # 3F, 41
    "switch_raw": raw("position"),
    "charger_enabled": flag("position.charger"),
    "inverter_enabled": flag("position.inverter"),
    "led_on_raw": raw("led_on"),
    "led_blink_raw": raw("led_blink"),
    "leds_on": lambda heard: heard.names("led_on"),
    "leds_blinking": lambda heard: heard.names("led_blink"),
    "status8_raw": raw("battery"),
    "ac_input_config_raw": raw("config"),
    "last_active_ac_input": raw("config.active_input"),
    "limit_overridden_by_panel": flag("config.overridden"),
    "dmc_dedicated": flag("config.dmc"),
    "ac_input_count": raw("config.input_count"),
    "remote_panel_detected": flag("config.panel"),
    "input_current_min_a": value("minimum"),
    "input_current_max_a": value("maximum"),
    "input_current_actual_a": value("actual"),
    "switch_register_raw": raw("register"),
    "switch_register": switch_register,
    # 20, 21
    "selector": hexadecimal("selector"),
    "info": named({"AcInfo": "ac", "DcInfo": "dc", "BmsInfo": "bms", "DmcInfo": "dmc"}),
    "inverter_current_a": value("inverter_current"),
    "charger_current_a": value("charger_current"),
    "inverter_period_raw": raw("inverter_period"),
    "inverter_frequency_hz_with_scale_1_1953_offset_256": value("inverter_frequency"),
    "phase": value("phase"),
    "phase_count": value("phase_count"),
    "backfeed_factor": value("backfeed_factor"),
    "inverter_factor": value("inverter_factor"),
    "state_raw": raw("state"),
    "mains_voltage_v": by_message(
        AcInfo=value("mains_voltage"),
        RamValues=value("values", at=0, variable=0),
    ),
    "mains_current_a": value("mains_current"),
    "inverter_voltage_v": value("inverter_voltage"),
    "mains_period_raw": raw("mains_period"),
    "long_id": hexadecimal("long_id", 8),
    "asks_for": asks_for,
    "bms_version": value("version"),
    "dmc_version": value("version"),
    # winmon
    "transaction_id": hexadecimal("tid"),
    "command": hexadecimal("code"),
    "response": hexadecimal("code"),
    "meaning": meaning,
    "flags": raw("flags"),
    "target": target,
    "eeprom": not_flag("flags.no_eeprom"),
    "variable_id": raw("id"),
    "setting_id": raw("id"),
    "value_raw": raw("value"),
    "ess_setpoint_w": value("value"),
    "variable_ids": listed("ids"),
    "values_raw": listed("values"),
    "mains_power_w": value("values", at=1, variable=15),
    "inverter_power_w": value("values", at=2, variable=14),
    "absorption_voltage_v": value("value", variable=2),
    "mains_current_limit_a": value("value"),
    "scale_raw": raw("scale"),
    "offset": lambda heard: word(heard.raw("offset")),
    "default_raw": raw("default"),
    "minimum_raw": raw("minimum"),
    "maximum_raw": raw("maximum"),
    "access_level": raw("access"),
    "default_v": announced("default"),
    "minimum_v": announced("minimum"),
    "maximum_v": announced("maximum"),
    "scale": factor,
    "signed": lambda heard: ram_scale(heard).signed,
    "bit_variable": lambda heard: ram_scale(heard).bit is not None,
    "bit": lambda heard: ram_scale(heard).bit,
    "version": value("version"),
    "action": raw("action"),
    "state": by_message(
        AcInfo=lambda heard: state_text(heard) or "unknown",
        DeviceStateReply=state_text,
        RequestDeviceState=raw("state"),
    ),
    "substate_raw": raw("sub_state"),
    "substate": sub_state_text,
}
"""Key of rs485.json -> reader."""

MK3_KEYS: dict[str, Reader] = {
    # envelope and sort
    "kind": kind,
    "cmd": lambda heard: chr(heard.messages[0].raws()["cmd"]),
    "appended_led_on": lambda heard: (heard.adapter.leds or (None, None))[0],
    "appended_led_blink": lambda heard: (heard.adapter.leds or (None, None))[1],
    "type": first_of("selector", "cmd"),
    "body": lambda heard: heard.last.build()[1:].hex().upper(),
    "meaning": meaning,
    "pad": pad,
    "extra": extra,
    "target": target,
    # A, V, L, H, F
    "action": raw("action"),
    "address": raw("address"),
    "version": version,
    "mode_byte": raw("mode"),
    "mode": adapter_mode,
    "led_on": raw("led_on"),
    "led_blink": raw("led_blink"),
    "on": lambda heard: heard.names("led_on"),
    "blink": lambda heard: heard.names("led_blink"),
    "anti_phase": lambda heard: [name for name in heard.names("led_on") if name in heard.names("led_blink")],
    "undetermined": undetermined,
    "alarms": raw("alarms"),
    "vebus_error": raw("status.error"),
    "mk2_blocked": flag("status.blocked"),
    "lines": raw("lines"),
    "panel_detect": flag("lines.panel_detect"),
    "standby": flag("lines.standby"),
    "unknown_bit2": flag("lines.unknown_2"),
    "sub": raw("selector"),
    "ram_ids": listed("ids"),
    # S and D
    "limit_raw": raw("limit"),
    "limit_A": value("current"),
    "limit": no_limit,
    "limit_lo": lambda heard: heard.raw("limit") & 0xFF,
    "limit_hi": lambda heard: heard.raw("limit") >> 8,
    "const": raw("fixed_5"),
    "auto_send_state": flag("flags.auto_state"),
    "no_send_panel_state": flag("flags.no_panel_state"),
    "auto_forward_panel": flag("flags.forward_panel"),
    "new_limit_format": flag("flags.new_limit"),
    "ext0": raw("extended"),
    "short_winmon": flag("extended.short_winmon"),
    "forward_config": flag("extended.forward_config"),
    "eeprom": raw("eeprom"),
    # info frames
    "info": info,
    "phase": value("phase"),
    "phase_count": value("phase_count"),
    "bf_factor": value("backfeed_factor"),
    "inverter_factor": value("inverter_factor"),
    "reserved": raw("undefined"),
    "state": raw("state"),
    "state_name": state_text,
    "mains_voltage_raw": raw("mains_voltage"),
    "mains_current_raw": raw("mains_current"),
    "inverter_voltage_raw": raw("inverter_voltage"),
    "inverter_current_raw": raw("inverter_current"),
    "mains_period_raw": raw("mains_period"),
    "mains_voltage_V": value("mains_voltage"),
    "mains_current_A": value("mains_current"),
    "inverter_voltage_V": value("inverter_voltage"),
    "inverter_current_A": value("inverter_current"),
    "mains_frequency_Hz": lambda heard: heard.value("mains_frequency") or 0,  # the vectors write 0 for "no mains"
    "voltage_raw": raw("voltage"),
    "used_raw": raw("inverter_current"),
    "charge_raw": raw("charger_current"),
    "inverter_period_raw": raw("inverter_period"),
    "voltage_V": value("voltage"),
    "used_A": value("inverter_current"),
    "charge_A": value("charger_current"),
    "battery_current_A": value("battery_current"),
    "inverter_frequency_Hz": value("inverter_frequency"),
    "unique_number": raw("unique_number"),
    "short_id_map": raw("addresses"),
    "flags7": raw("flags"),
    "vll_not_used": flag("flags.vll_not_used"),
    "short_address": raw("short_address"),
    # 40, 41
    "switch_position": value("position"),
    "status": raw("battery"),
    "ac_cfg": raw("config"),
    "active_ac_input": raw("config.active_input"),
    "limit_overridden": flag("config.overridden"),
    "dmc_dedicated": flag("config.dmc"),
    "ac_input_count": raw("config.input_count"),
    "remote_panel_detected": flag("config.panel"),
    "min_limit_A": value("minimum"),
    "max_limit_A": value("maximum"),
    "actual_limit_A": value("actual"),
    "switch_register": raw("register"),
    # winmon
    "winmon": raw("code"),
    "winmon_name": winmon_name,
    "ids": ids,
    "second_id": last_id,
    "values_u16": listed("values"),
    "values_i16": signed_values,
    "umains_V": value("values", at=1, variable=0),
    "assistant_id": lambda heard: heard.raw("values")[0] >> 4,
    "assistant_ram_count": lambda heard: heard.raw("values")[0] & 0x0F,
    "flags": raw("flags"),
    "is_setting": flag("flags.setting"),
    "ram_only": flag("flags.no_eeprom"),
    "id": raw("id"),
    "value_raw": raw("value"),
    "value_i16": lambda heard: word(heard.raw("value")),
    "flags0_bit6_disable_charge": lambda heard: bool(heard.raw("value") >> 6 & 1),
    "volts_if_setting_2": value("value", variable=2),
    "state_arg": raw("action"),
    "substate": raw("sub_state"),
    "substate_name": sub_state_text,
    "scale_raw": lambda heard: heard.raw("scale") & 0xFFFF,
    "scale_i16": raw("scale"),
    "scale": raw("scale"),
    "offset_raw": raw("offset"),
    "offset": lambda heard: word(heard.raw("offset")),
    "signed": lambda heard: ram_scale(heard).signed,
    "factor": factor,
    "bit": lambda heard: ram_scale(heard).bit,
    "supported": supported,
    "default": raw("default"),
    "minimum": raw("minimum"),
    "maximum": raw("maximum"),
    "access": raw("access"),
    "reset_required": flag("access.reset_required"),
    "level": raw("level"),
    "low": raw("low"),
    "high": raw("high"),
    "processor": value("processor"),
    "model": value("model"),
    "firmware": value("firmware"),
    "counters": counters,
    "unit": counter_unit,
    "text": lambda heard: heard.raw("number").decode("ascii"),
}
"""Key of mk3.json -> reader."""
