"""Numbers of VE.Bus that have a name: open enumerations, and the bit lists that several messages share.

A number without a member is no error: it stays a number.  Codes that no public source describes have no member here.
No public source gives texts for access levels or for the values of "last active AC input", so neither is listed.

Sources: vebus-rs485.md 2, 6, 7; mk3.md 2.6, 4, 5, 7, 10, 11, 12, 13; error-codes.json (vebus_errors).
"""

from __future__ import annotations

from vebus_protocol.schema import DOCUMENTED, Field, WireEnum, bit

__all__ = [
    "LED_NAMES",
    "AcPhaseMode",
    "AcRelay",
    "AdapterMode",
    "BusSwitch",
    "ChargeCurve",
    "ChargeSubState",
    "ConditionStatus",
    "DeviceState",
    "FrameKind",
    "FrameType",
    "InfoCommand",
    "InfoRequestSelector",
    "InfoType",
    "LongId",
    "LowBatteryStatus",
    "SenderId",
    "SetChargeState",
    "SwitchPosition",
    "SyncMarker",
    "VEBusErrorCode",
    "VirtualSwitchUse",
    "WinmonReply",
    "WinmonRequest",
    "alarm_bits",
    "led_bits",
]


class SenderId(WireEnum):
    """Sender of an RS485 frame: its first two bytes, read in wire order (vebus-rs485.md 2).

    The id of a real BMS is not known; "LB" is that of the laboratory profile (bms-wire.md 8.2).
    """

    MULTI = (0x8383, "Multi")
    MK3 = (0x98F7, "MK3")
    LAB_BMS = (0x4C42, "LAB BMS")


class FrameKind(WireEnum):
    """Third byte of an RS485 frame (vebus-rs485.md 2.2, 2.3); 0xFC has never been reported."""

    SPECIAL = (0xFB, "Special")
    SYNC = (0xFD, "Sync")
    DATA = (0xFE, "Data")


class SyncMarker(WireEnum):
    """First payload byte of a sync frame (vebus-rs485.md 6.1)."""

    MARKER = (0x55, "Sync marker")


class FrameType(WireEnum):
    """First payload byte of a data frame, on both links (vebus-rs485.md 6, mk3.md 2.6)."""

    WINMON = (0x00, "Winmon")
    INFO = (0x20, "Info")
    INFO_REQUEST = (0x21, "Info request")
    TYPE_38 = (0x38, "Not identified")
    BATTERY_LIMITS_REPLY = (0x3C, "Battery limits reply")
    TYPE_3D = (0x3D, "Not identified")
    SWITCH = (0x3F, "Switch")
    PANEL = (0x40, "Panel")
    AC_INPUT_CONFIGURATION = (0x41, "Master LEDs and AC input configuration")
    CHARGER = (0x70, "Charger")
    CONDITION = (0x80, "Condition")
    AC_PHASE = (0xE4, "AC phase")
    ADAPTER = (0xFF, "Adapter command")


class DeviceState(WireEnum):
    """State of an inverter/charger, in AC info and winmon 94 (vebus-rs485.md 7.1, mk3.md 11)."""

    DOWN = (0, "Down")
    STARTUP = (1, "Start-up")
    OFF = (2, "Off")
    SLAVE = (3, "Slave")
    INVERT_FULL = (4, "Invert full")
    INVERT_HALF = (5, "Invert half")
    INVERT_AES = (6, "Invert AES")
    POWER_ASSIST = (7, "Power assist")
    BYPASS = (8, "Bypass")
    CHARGE = (9, "Charge")


class ChargeSubState(WireEnum):
    """Charge phase, second byte of winmon 94; meaningful while charging (vebus-rs485.md 7.2, mk3.md 11)."""

    INITIALISING = (0, "Initialising")
    BULK = (1, "Bulk")
    ABSORPTION = (2, "Absorption")
    FLOAT = (3, "Float")
    STORAGE = (4, "Storage")
    REPEATED_ABSORPTION = (5, "Repeated absorption")
    FORCED_ABSORPTION = (6, "Forced absorption")
    EQUALISE = (7, "Equalise")
    BULK_STOPPED = (8, "Bulk stopped")
    UNKNOWN = (9, "Unknown to the vendor's library")


class SetChargeState(WireEnum):
    """What winmon 0E asks for (mk3.md 7.3)."""

    ASK = (0, "Ask only")
    EQUALISE = (1, "Force equalise")
    ABSORPTION = (2, "Force absorption")
    FLOAT = (3, "Force float")


class ChargeCurve(WireEnum):
    """Setting 10 (mk3.md 10; one project counts from 0)."""

    FIXED = (1, "Fixed")
    ADAPTIVE = (2, "Adaptive")
    ADAPTIVE_BATTERY_SAFE = (3, "Adaptive with BatterySafe")


class VirtualSwitchUse(WireEnum):
    """Setting 15 (mk3.md 10)."""

    NONE = (0, "None")
    RELAY = (1, "Relay")
    IGNORE_AC = (2, "Ignore AC")
    DEDICATED_IGNORE_AC = (3, "Dedicated ignore AC")
    GENERATOR = (4, "Generator")


class SwitchPosition(WireEnum):
    """Switch as the adapter's S command and panel frames count it (mk3.md 4.4, 6.2)."""

    CHARGER_ONLY = (1, "Charger only")
    INVERTER_ONLY = (2, "Inverter only")
    ON = (3, "On")
    OFF = (4, "Off")


class BusSwitch(WireEnum):
    """Switch byte of a 3F frame (vebus-rs485.md 6.4); VEConfigure sends other, unexplained values."""

    OFF = (4, "Off")
    CHARGER_ONLY = (5, "Charger only")
    INVERTER_ONLY = (6, "Inverter only")
    ON = (7, "On")


class LowBatteryStatus(WireEnum):
    """Status byte of type 41 and type 80 frames (vebus-rs485.md 6.6, 6.8)."""

    OK = (0, "Ok")
    BATTERY_LOW = (2, "Battery low")


class ConditionStatus(WireEnum):
    """Status byte of a type 80 frame as one project watched it (vebus-rs485.md 6.8, baxi)."""

    AC_DISCONNECTED = (0x11, "AC input disconnected")
    INVERTER_OFF = (0x12, "Inverter off")
    INVERTER_ON = (0x13, "Battery good and inverter on")
    WILL_NOT_INVERT = (0x16, "Will not invert")
    AC_LOSS = (0x17, "Moment of AC loss, or not allowed to invert")
    AC_RETURN = (0x19, "Moment of AC return")


class AcRelay(WireEnum):
    """AC relay byte of a type 80 frame (vebus-rs485.md 6.8, baxi)."""

    MAINS = (0x00, "Mains")
    ISLAND = (0x02, "Emergency or island mode")


class AcPhaseMode(WireEnum):
    """Byte 11 of a type E4 frame as one project watched it (vebus-rs485.md 6.9, baxi)."""

    ISLAND = (0x49, "Island mode")
    CHARGER_ONLY_IDLE = (0xB0, "Charger only at 0 A")
    CHARGER_ONLY_CHARGING = (0xB5, "Charger only, charging")
    STANDBY = (0xB8, "Standby or timeout")
    DISCHARGING = (0xB9, "Discharging")
    CHARGING = (0xBE, "Charging")


class LongId(WireEnum):
    """Target of an info request with a special meaning (mk3.md 6.3); other values are unique numbers of devices."""

    ANY = (0xFFFFFFFF, "Any device")


class AdapterMode(WireEnum):
    """Last byte of an adapter's V frame; any other value is the selected device address (mk3.md 4.2)."""

    NO_ADDRESS = (0x42, "VE.Bus mode, no address selected")
    W_MODE = (0x57, "W mode, no VE.Bus")


class InfoType(WireEnum):
    """Kind of an info answer, sixth byte of a 20 frame (mk3.md 5.2 to 5.6)."""

    IDENTITY_02 = (0x02, "Identity, type 02")
    IDENTITY_03 = (0x03, "Identity, type 03")
    IDENTITY_04 = (0x04, "Identity, type 04")
    AC_L4 = (0x05, "AC L4")
    AC_L3 = (0x06, "AC L3")
    AC_L2 = (0x07, "AC L2")
    AC_L1_OF_1 = (0x08, "AC L1 of 1 phase")
    AC_L1_OF_2 = (0x09, "AC L1 of 2 phases")
    AC_L1_OF_3 = (0x0A, "AC L1 of 3 phases")
    AC_L1_OF_4 = (0x0B, "AC L1 of 4 phases")
    DC = (0x0C, "DC")
    IDENTITY_20 = (0x20, "Identity, type 20")
    IDENTITY_21 = (0x21, "Identity, type 21")
    IDENTITY_22 = (0x22, "Identity, type 22")
    IDENTITY_23 = (0x23, "Identity, type 23")
    IDENTITY_24 = (0x24, "Identity, type 24")
    IDENTITY_25 = (0x25, "Identity, type 25")
    IDENTITY_26 = (0x26, "Identity, type 26")
    IDENTITY_27 = (0x27, "Identity, type 27")
    IDENTITY_28 = (0x28, "Identity, type 28")
    IDENTITY_29 = (0x29, "Identity, type 29")
    IDENTITY_2A = (0x2A, "Identity, type 2A")
    IDENTITY_2B = (0x2B, "Identity, type 2B")
    IDENTITY_2C = (0x2C, "Identity, type 2C")
    IDENTITY_2D = (0x2D, "Identity, type 2D")
    IDENTITY_2E = (0x2E, "Identity, type 2E")
    IDENTITY_2F = (0x2F, "Identity, type 2F")
    DMC = (0x80, "Digital Multi Control")
    BMS = (0x83, "VE.Bus BMS")


class InfoRequestSelector(WireEnum):
    """What a 21 frame asks for (vebus-rs485.md 6.3); 02 to 05 are known only by analogy with the F command."""

    DC = (0x00, "DC values")
    AC_L1 = (0x01, "AC values of L1")
    AC_L2 = (0x02, "AC values of L2")
    AC_L3 = (0x03, "AC values of L3")
    AC_L4 = (0x04, "AC values of L4")
    AC_INPUT_CONFIGURATION = (0x05, "AC input configuration")
    DMC = (0x80, "Digital Multi Control")
    BMS = (0x83, "VE.Bus BMS")


class InfoCommand(WireEnum):
    """Third byte of the adapter's F command (mk3.md 5.1); 09 is known from one fork only."""

    DC = (0x00, "DC values")
    AC_L1 = (0x01, "AC values of L1")
    AC_L2 = (0x02, "AC values of L2")
    AC_L3 = (0x03, "AC values of L3")
    AC_L4 = (0x04, "AC values of L4")
    AC_INPUT_CONFIGURATION = (0x05, "AC input configuration")
    SNAPSHOT = (0x06, "Freeze a snapshot")
    IDENTITY = (0x07, "Identity")
    RESET = (0x08, "Reset device")
    BATTERY_LIMITS = (0x09, "Battery limits")


class WinmonRequest(WireEnum):
    """Winmon request codes (mk3.md 7.3); no public source describes the missing ones."""

    LED_STATUS = (0x02, "LED status")
    SWITCH = (0x03, "Switch")
    SHORE_SET_POINT = (0x04, "Shore set point")
    VERSION_0 = (0x05, "Software version part 0")
    VERSION_1 = (0x06, "Software version part 1")
    SWITCH_SHORE_LEDS = (0x0C, "Switch, shore and LEDs")
    GET_SWITCH_AND_LIMIT = (0x0D, "Get switch and shore limit")
    DEVICE_STATE = (0x0E, "Device state")
    ENERGY_COUNTERS = (0x0F, "Energy counters")
    READ_RAM = (0x30, "Read RAM variable")
    READ_SETTING = (0x31, "Read setting")
    WRITE_RAM = (0x32, "Write RAM variable, address")
    WRITE_SETTING = (0x33, "Write setting, address")
    WRITE_DATA = (0x34, "Write data")
    SETTING_INFO = (0x35, "Get setting info")
    RAM_INFO = (0x36, "Get RAM variable info")
    WRITE_VIA_ID = (0x37, "Write via ID")
    READ_SNAPSHOT = (0x38, "Read snapshot")
    PASSWORD = (0x3A, "Access password")
    SERIAL_NUMBER = (0x3B, "Serial number")
    EXTRA_FLAG_ACCESS = (0x3C, "Extra flag access")


class WinmonReply(WireEnum):
    """Winmon reply codes (mk3.md 7.4); no public source describes the missing ones."""

    NOT_SUPPORTED = (0x80, "Command not supported or refused")
    LED_STATUS = (0x81, "LED status")
    VERSION_0 = (0x82, "Software version part 0")
    VERSION_1 = (0x83, "Software version part 1")
    RAM_READ = (0x85, "Read RAM variable OK")
    SETTING_READ = (0x86, "Read setting OK")
    RAM_WRITTEN = (0x87, "Write RAM variable OK")
    SETTING_WRITTEN = (0x88, "Write setting OK")
    SETTING_INFO = (0x89, "Setting info, scale")
    SETTING_OFFSET = (0x8A, "Setting info, offset")
    SETTING_DEFAULT = (0x8B, "Setting info, default")
    SETTING_MINIMUM = (0x8C, "Setting info, minimum")
    SETTING_MAXIMUM = (0x8D, "Setting info, maximum")
    RAM_INFO = (0x8E, "RAM variable info, scale")
    RAM_OFFSET = (0x8F, "RAM variable info, offset")
    RAM_NOT_SUPPORTED = (0x90, "RAM variable not supported")
    SETTING_NOT_SUPPORTED = (0x91, "Setting not supported")
    SWITCH_AND_LIMIT = (0x92, "Switch and shore limit")
    DEVICE_STATE = (0x94, "Device state")
    ENERGY_COUNTERS = (0x98, "Energy counters")
    SNAPSHOT = (0x99, "Snapshot")
    ACCESS_LEVEL_REQUIRED = (0x9B, "Access level too low")
    PASSWORD_ACCEPTED = (0x9C, "Password accepted")
    SERIAL_NUMBER = (0x9D, "Serial number")
    EXTRA_FLAG_ACCESS_LOW = (0x9E, "Extra flag access, low half")
    EXTRA_FLAG_ACCESS_HIGH = (0x9F, "Extra flag access, high half")


class VEBusErrorCode(WireEnum):
    """VE.Bus error number (error-codes.json).  128 exists on the host side only: the L reply has five bits."""

    NONE = (0, "no error")
    OTHER_PHASE_OFF = (1, "switched off because another phase of the system switched off")
    MIXED_MK2_TYPES = (2, "old and new MK2 types mixed in one system")
    DEVICE_COUNT = (3, "not all expected devices present, or more than expected")
    NO_OTHER_DEVICE = (4, "no other device found at all")
    AC_OUT_OVERVOLTAGE = (5, "overvoltage on the AC output")
    DDC_PROGRAM = (6, "fault in the DDC (assistant) program")
    BMS_WITHOUT_ASSISTANT = (7, "VE.Bus BMS present, needs an assistant, none loaded")
    GROUND_RELAY_TEST = (8, "ground relay test failed")
    RESERVED_9 = (9, "not documented publicly")
    TIME_SYNCHRONISATION = (10, "system time synchronisation problem")
    RELAY_TEST = (11, "grid (backfeed) relay test failed")
    SECOND_PROCESSOR_CONFIGURATION = (12, "configuration differs from the second microcontroller")
    RESERVED_13 = (13, "not documented publicly")
    CANNOT_TRANSMIT = (14, "device cannot transmit data")
    COMBINATION = (15, "VE.Bus combination error: products or firmware versions that cannot work together")
    AWAITING_CONFIGURATION = (16, "waiting for configuration, or dongle missing")
    PHASE_MASTER_MISSING = (17, "phase master missing; a device took over as master")
    SLAVE_AC_OVERVOLTAGE = (18, "AC overvoltage on a slave's output while it was already switched off")
    SLAVE_WITHOUT_AC_INPUT = (19, "slave without AC input")
    CONFIGURATION_MISMATCH = (20, "configuration mismatch")
    RESERVED_21 = (21, "not documented publicly")
    CANNOT_BE_SLAVE = (22, "device cannot work as slave")
    RESERVED_23 = (23, "not documented publicly")
    SWITCH_OVER_PROTECTION = (24, "switch-over protection tripped")
    FIRMWARE_INCOMPATIBLE = (
        25,
        "firmware incompatibility: a connected device's firmware is too old to work with this device",
    )
    INTERNAL = (26, "internal error")
    RESERVED_27 = (27, "not documented publicly")
    RESERVED_28 = (28, "not documented publicly")
    RESERVED_29 = (29, "not documented publicly")
    RESERVED_30 = (30, "not documented publicly")
    RESERVED_31 = (31, "not documented publicly")
    RESERVED_32 = (32, "not documented publicly")
    RELAY_TEST_PREVENTS_CONNECTION = (128, "relay test keeps failing and prevents connection")


LED_NAMES: tuple[tuple[str, str], ...] = (
    ("mains", "Mains"),
    ("absorption", "Absorption"),
    ("bulk", "Bulk"),
    ("float", "Float"),
    ("inverter", "Inverter"),
    ("overload", "Overload"),
    ("low_battery", "Low battery"),
    ("temperature", "Temperature"),
)
"""Front LEDs as (name, label), least significant bit first (mk3.md 12)."""

_ALARM_NAMES = (
    ("temperature_pre", "Temperature pre-alarm"),
    ("low_battery_pre", "Low-battery pre-alarm"),
    ("overload_pre", "Overload pre-alarm"),
    ("ripple_pre", "Ripple pre-alarm"),
    ("temperature", "Temperature alarm"),
    ("low_battery", "Low-battery alarm"),
    ("overload", "Overload alarm"),
    ("ripple", "Ripple alarm"),
)


def led_bits(how: str) -> tuple[Field, ...]:
    """Bits of a LED byte; ``how`` completes the label ("on", "blinking").  mk3.md 12 (velib, mk2py)."""
    return tuple(
        bit(name, shift, f"{label} {how}", evidence=DOCUMENTED, source="mk3.md 12 (velib, mk2py)")
        for shift, (name, label) in enumerate(LED_NAMES)
    )


def alarm_bits() -> tuple[Field, ...]:
    """Bits of the alarm byte of the adapter's L reply.  mk3.md 12 (velib, mk2py)."""
    return tuple(
        bit(name, shift, label, evidence=DOCUMENTED, source="mk3.md 12 (velib, mk2py)")
        for shift, (name, label) in enumerate(_ALARM_NAMES)
    )
