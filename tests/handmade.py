"""Dissections made by hand, and the samples that they have to look like."""

# ruff: noqa: ANN401  (the facts of a dataclass go through these builders unchanged)

from dataclasses import replace
from typing import Any

from vebus_protocol.frame import dissect_frame
from vebus_protocol.registry import Placed, decode_payload
from vebus_protocol.schema import Field, Link, Space
from vebus_tools.nodes import Block, Dissection, Node
from vebus_tools.records import Finding, Group, Record, Severity, Stamp, TimeSource
from vebus_tools.sinks.text import summary_line
from vebus_tools.times import TimeForm, Timing, time_text

SYNC = bytes.fromhex("8383fd025551180297ff")
WRITE = bytes.fromhex("98f7fe0300e63702836400faff")
STUFFED = bytes.fromhex("98f7fe0300e6370283fa7cfa7f6fff")
AC_PHASE = bytes.fromhex("8383fe51e48056c3c3a64cbe8fd368194b7a001aff")
DC = bytes.fromhex("8383fe722040a5c4010c330512000000000086ebff")
UNKNOWN = bytes.fromhex("8383fe053801c0c045ff")
REPLY = bytes.fromhex("8383fe3c00e6875aff")
BAD_REPLY = bytes.fromhex("8383fe3c00e6875bff")
BAD_SUM = Finding(Severity.ERROR, Group.CHECKSUM, "Bad checksum", "vebus.checksum")
ESCAPE = "\x1b"


def node(label: str, text: str = "", **facts: Any) -> Node:
    return Node(**{"abbrev": f"vebus.{label.lower()}", "label": label, "text": text, "value": 1, **facts})


def generated(label: str, text: str = "", **facts: Any) -> Node:
    return node(label, text, generated=True, **facts)


def block(title: str, *nodes: Node, protocol: str = "vebus") -> Block:
    return Block(protocol=protocol, title=title, start=0, size=1, nodes=nodes)


def record(data: bytes, at: float = 0.0, **facts: Any) -> Record:
    values: dict[str, Any] = {"number": 1, "stamp": Stamp(at, TimeSource.BYTES), "link": Link.RS485, "offset": 0}
    return Record(**{**values, "wire": data, "frame": dissect_frame(data), **facts})


def dissection(of: Record, info: str = "Reply", *remarks: str, **facts: Any) -> Dissection:
    values: dict[str, Any] = {"record": of, "source": "Multi", "destination": "Bus", "protocol": "VE.Bus", "info": info}
    return Dissection(**{**values, "remarks": remarks, "blocks": (), "findings": (), **facts})


def decoded(wire: bytes) -> Dissection:
    """With its chain of messages, which decides about the colour."""
    frame = dissect_frame(wire)
    space = Space.SYNC if frame.kind == 0xFD else Space.PAYLOAD
    chain: tuple[Placed, ...] = tuple(decode_payload(space, frame.payload, Link.RS485, 4))
    return dissection(record(wire, chain=chain))


CHECKSUM_BLOCK = block(
    "Victron VE.Bus, Data, Src: Multi (0x8383), Nr: 60",
    node("Checksum", "0x5b incorrect, should be 0x5a"),
    generated("Checksum Status", "Bad"),
)


def finding(severity: Severity, text: str, group: Group = Group.SEQUENCE) -> Finding:
    return Finding(severity, group, text)


SUMMARY = """\
    1   0.000000        Multi → Bus          VE.Bus 10 Sync, Nr=2, Time=536 (48.24 ms), Status=0x51
    2   0.003125          MK3 → Bus          VE.Bus 13 Write via ID, Nr=3, Tid=0x00e6, RAM[131]=100, no EEPROM [Response in: 3]
    3   0.006480        Multi → Bus          VE.Bus 9 Reply, Nr=4, Tid=0x00e6, Write RAM OK (0x87) [Request in: 2, 3.355 ms]
    4   0.010000        Multi → Bus          VE.Bus 21 AC phase, Nr=81, F=50.006 Hz, PF=0.819, Udc=52.70 V
    5   0.014200        Multi → Bus          VE.Bus 21 DC info, Nr=114, Udc=13.31 V, Iinv=1.8 A, Ichg=0.0 A [assumed scale]
    6   0.016000        Multi → Bus          VE.Bus 10 Unknown 0x38, Nr=5, 3 bytes undecoded
    7   0.020000        Multi → Bus          VE.Bus 9 Reply, Nr=60, Tid=0x00e6, Write RAM OK (0x87)
    8   0.026000        Multi → Bus          VE.Bus 9 Reply, Nr=60 [Checksum 0x5b incorrect, should be 0x5a]
"""  # noqa: E501  (as it stands on the screen)

ROWS: list[tuple[bytes, float, dict[str, Any]]] = [
    (SYNC, 0.0, {"info": "Sync, Nr=2, Time=536 (48.24 ms), Status=0x51"}),
    (
        WRITE,
        0.003125,
        {
            "info": "Write via ID, Nr=3, Tid=0x00e6, RAM[131]=100, no EEPROM",
            "remarks": ("Response in: 3",),
            "source": "MK3",
        },
    ),
    (
        REPLY,
        0.00648,
        {"info": "Reply, Nr=4, Tid=0x00e6, Write RAM OK (0x87)", "remarks": ("Request in: 2, 3.355 ms",)},
    ),
    (AC_PHASE, 0.01, {"info": "AC phase, Nr=81, F=50.006 Hz, PF=0.819, Udc=52.70 V"}),
    (DC, 0.0142, {"info": "DC info, Nr=114, Udc=13.31 V, Iinv=1.8 A, Ichg=0.0 A", "remarks": ("assumed scale",)}),
    (UNKNOWN, 0.016, {"info": "Unknown 0x38, Nr=5, 3 bytes undecoded"}),
    (REPLY, 0.02, {"info": "Reply, Nr=60, Tid=0x00e6, Write RAM OK (0x87)"}),
    (BAD_REPLY, 0.026, {"info": "Reply, Nr=60", "blocks": (CHECKSUM_BLOCK,), "findings": (BAD_SUM,)}),
]


def rows() -> list[Dissection]:
    made = []
    for number, (wire, at, facts) in enumerate(ROWS, 1):
        plain = dissection(record(wire, at, number=number))
        made.append(replace(plain, **facts))
    return made


def summary(of: Dissection, **options: Any) -> str:
    stamp = of.record.stamp
    return summary_line(of, time_text(TimeForm.RELATIVE, stamp, Timing(first=replace(stamp, at=0.0))), **options)


SYNC_TREE = """\
Frame 1: 10 bytes on wire (80 bits), 10 bytes captured (80 bits) on interface vebus0, id 0
    Encapsulation type: USER 0 (45)
    Arrival Time: Nov 14, 2023 22:13:20.000000000 UTC
    [Time stamp source: host, estimated error 1.2 ms]
    Epoch Time: 1700000000.000000000 seconds
    [Time delta from previous captured frame: 0.000000000 seconds]
    [Time since reference or first frame: 0.000000000 seconds]
    Frame Number: 1
    Frame Length: 10 bytes (80 bits)
    [Protocols in frame: vebus]
Victron VE.Bus, Sync, Src: Multi (0x8383), Nr: 2
    Address: Multi (0x8383)
    Frame type: Sync (0xfd)
    Frame number: 2
    Sync marker: 0x55 [not part of the checksum]
    Status: 0x51 [unknown meaning]
    Time stamp: 536 [48.240 ms at 90 us per tick, unconfirmed]
    Checksum: 0x97 [correct]
    [Checksum Status: Good]
    End of frame: 0xff
""".splitlines()

DATA_TREE = """\
Frame 7: 9 bytes on wire (72 bits), 9 bytes captured (72 bits) on interface vebus0, id 0
Victron VE.Bus, Data, Src: Multi (0x8383), Nr: 60
    Address: Multi (0x8383)
    Frame type: Data (0xfe)
    Frame number: 60
    [Escaped bytes: 0]
    Checksum: 0x5a [correct]
    [Checksum Status: Good]
    End of frame: 0xff
Winmon, Reply, Tid: 0x00e6
    Transaction ID: 0x00e6
    Reply code: Write RAM variable OK (0x87)
    [No request with this ID in the capture]
""".splitlines()

CHECKSUM_TREE = """\
    Checksum: 0x5b incorrect, should be 0x5a
        [Expert Info (Error/Checksum): Bad checksum]
            [Bad checksum]
            [Severity level: Error]
            [Group: Checksum]
    [Checksum Status: Bad]
""".splitlines()

TICKS = Field(label="Time", phrase="at 90 us per tick")


def head(kind: str, number: int) -> list[Node]:
    return [node("Address", "Multi (0x8383)"), node("Frame type", kind), node("Frame number", str(number))]


def sync() -> Dissection:
    milliseconds = node("Time", "48.240 ms", field=TICKS, mark="unconfirmed", generated=True)
    nodes = (
        *head("Sync (0xfd)", 2),
        node("Sync marker", "0x55", mark="not part of the checksum"),
        node("Status", "0x51", mark="unknown meaning"),
        node("Time stamp", "536", beside=(milliseconds,)),
        node("Checksum", "0x97 [correct]"),
        generated("Checksum Status", "Good"),
        node("End of frame", "0xff"),
    )
    made = record(SYNC, interface="vebus0", stamp=Stamp(1_700_000_000.0, TimeSource.HOST, epoch=True))
    return dissection(made, blocks=(block("Victron VE.Bus, Sync, Src: Multi (0x8383), Nr: 2", *nodes),))


def data() -> Dissection:
    nodes = (
        *head("Data (0xfe)", 60),
        generated("Escaped bytes", "0"),
        node("Checksum", "0x5a [correct]"),
        generated("Checksum Status", "Good"),
        node("End of frame", "0xff"),
    )
    winmon = (
        node("Transaction ID", "0x00e6"),
        node("Reply code", "Write RAM variable OK (0x87)"),
        generated("No request with this ID in the capture"),
    )
    blocks = (
        block("Victron VE.Bus, Data, Src: Multi (0x8383), Nr: 60", *nodes),
        block("Winmon, Reply, Tid: 0x00e6", *winmon, protocol="winmon"),
    )
    return dissection(record(REPLY, number=7, interface="vebus0"), blocks=blocks)


def expert(depth: int, severity: str, text: str) -> list[str]:
    outer, inner = "    " * depth, "    " * (depth + 1)
    return [
        f"{outer}[Expert Info ({severity}/Sequence): {text}]",
        f"{inner}[{text}]",
        f"{inner}[Severity level: {severity}]",
        f"{inner}[Group: Sequence]",
    ]


def shown_by_tshark(wire: bytes, number: int, at: int) -> Dissection:
    """What the dissector of ``real_tshark`` says of a frame."""
    mains = node("Mains on", str(bool(wire[0] & 1)), bits=f".... ...{wire[0] & 1}")
    nodes = (node("Checksum", f"0x{wire[-2]:02x}"), mains, node("Plain"))
    stamp = Stamp(at / 1_000_000, TimeSource.LOG, epoch=True)
    made = record(wire, number=number, stamp=stamp, interface="vebus0")
    blocks = (block("Victron VE.Bus, Data", *nodes),)
    return dissection(made, "Reply, Nr=60", blocks=blocks, findings=(BAD_SUM,))


TSHARK_FRAMES = ((1_700_000_000_000_000, SYNC), (1_700_000_000_003_125, WRITE), (1_700_090_000_500_000, AC_PHASE))
