"""Requirements of the BMS V2 that a run can show (SIM) or a check decides (GATE), and who implements them.

The other tags of the specification (rules of wiring, fixed facts, labels) have no place here.
"""

from dataclasses import dataclass

__all__ = ["REQUIREMENTS", "Part", "Requirement"]


@dataclass(frozen=True, slots=True)
class Part:
    """Part of the program that implements a requirement; ``done`` is whether it exists."""

    name: str
    done: bool


GATE = Part("firmware gate", done=True)
BATTERY = Part("battery", done=True)
BMS = Part("emulated BMS", done=True)
PROFILE = Part("profiles", done=True)
MULTI = Part("simulated Multi with a BMS", done=True)
NEIGHBOURS = Part("simulated neighbours (BatteryProtect, charge relay)", done=True)
HOST = Part("simulated GX device, dongle and DMC", done=True)
DVCC = Part("simulated DVCC", done=True)
UPDATE = Part("check before a BMS update", done=True)


@dataclass(frozen=True, slots=True)
class Requirement:
    """One requirement: number, tag, what it is about, and the part that implements it."""

    number: str
    tag: str
    about: str
    part: Part


_SIM = {
    BATTERY: {
        9: "one cell is enough for a signal",
        10: "signals come in, cells stand in front of them",
        17: "cold acts as a high cell",
        19: "pre-alarm at 3.1 V unless set",
    },
    BMS: {
        12: "cell about to be low: pre-alarm",
        13: "low cell: loads off",
        14: "low cell: no discharge, in the frame and by the Multi",
        15: "high cell or hot: charge restricted, in the frame and by the Multi",
        16: "high cell or hot: chargers off by the output, or by DVCC",
        18: "pre-alarm output floats, then goes high",
        22: "30 s from pre-alarm to load disconnect",
        25: "load disconnect floats on a low cell",
        28: "load disconnect never sinks",
        38: "charge disconnect floats on a high or hot cell",
        39: "charge disconnect floats on a cold cell",
        42: "charge disconnect never sinks",
        50: "status LED flashes every 10 s",
        51: "status LED dark while the Multi is off",
        52: "true mode beside the LED",
        53: "status LED fast in the bootloader",
        55: "blue LED on with load disconnect",
        56: "blue LED off on a low cell",
        57: "loads come back by themselves",
        58: "red LED on a high cell",
        59: "red LED off in the normal range",
        60: "chargers come back by themselves",
        61: "frames while the Multi is on",
        62: "frames go on while the Multi is off",
        64: "status LED stands for frames",
        65: "no frames in the bootloader",
        68: "no VE.Bus, no power",
        76: "terminals joined: on",
        77: "L pulled low: on",
        78: "H pulled high: on",
        79: "anything else: off",
        81: "remote off: neither charge nor discharge, in the frame and by the Multi",
        85: "GX-Pow takes the higher supply",
        88: "GX-Pow may go on a low cell",
        89: "Aux-In keeps GX-Pow alive",
    },
    PROFILE: {63: "low-power frames further apart"},
    NEIGHBOURS: {34: "BatteryProtect on low voltage", 35: "BatteryProtect on floating H", 46: "charge relay"},
    MULTI: {
        82: "remote off with AC",
        115: "low cell with AC",
        116: "low cell without AC",
        117: "high cell",
        119: "BMS not found",
        120: "5 A up to nominal voltage",
        121: "one LED in emergency mode",
        122: "AC lost in emergency mode",
        123: "Quattro on AC input 1",
        129: "mains detector",
    },
    HOST: {
        99: "modes from the GX device",
        100: "modes from every panel",
        101: "a DMC rules alone",
        183: "data for the GX device",
        184: "V1 obeys the DMC only",
    },
    DVCC: {108: "charge current zero", 109: "charge voltage untouched", 110: "charge voltage in ESS"},
}
_GATE = {
    BATTERY: {20: "pre-alarm 2.85 to 3.15 V"},
    GATE: {
        97: "Venus OS 2.80",
        134: "processors 19 and 20",
        135: "first two digits of the label",
        136: "from 489 on",
        137: "415 to 488 with an assistant",
        138: "below 415",
        140: "no update to 415: not usable",
        141: "worst unit",
        142: "unknown is refused",
    },
    DVCC: {107: "DVCC has to be on"},
    UPDATE: {166: "no update with a DMC", 167: "no update of a GX device's supply"},
}


def _all() -> tuple[Requirement, ...]:
    found = [
        Requirement(f"B-{number}", tag, about, part)
        for tag, parts in (("SIM", _SIM), ("GATE", _GATE))
        for part, entries in parts.items()
        for number, about in entries.items()
    ]
    return tuple(sorted(found, key=lambda one: int(one.number[2:])))


REQUIREMENTS = _all()
