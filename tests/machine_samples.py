"""Dissections made by hand for the machine forms, and readers that accept no mistake."""

# ruff: noqa: ANN401  (builders and JSON hold anything)

import json
from typing import Any

import pytest

from vebus_protocol.enums import FrameKind
from vebus_protocol.frame import dissect_frame
from vebus_protocol.schema import Field, Linear, Link
from vebus_tools.nodes import Block, Dissection, Node
from vebus_tools.records import Finding, Group, Record, Severity, Stamp, TimeSource
from vebus_tools.sinks.frame_form import MachineForm, Subset, render
from vebus_tools.sinks.json_form import EkForm, JsonForm
from vebus_tools.times import NO_TIMING

SYNC = bytes.fromhex("8383fd025551180297ff")
REPLY = bytes.fromhex("8383fe3c00e6875aff")
STUFFED = bytes.fromhex("98f7fe0300e6370283fa7cfa7f6fff")
NASTY = "a<b>&\"'\x00\x1b\t\n\r\ufffe\ud800\N{DEGREE SIGN}C\U0001f50b"
EPOCH = 1_700_000_000
BAD_SUM = Finding(Severity.ERROR, Group.CHECKSUM, "Bad checksum", "vebus.checksum")
ODD = Finding(Severity.NOTE, Group.ASSUMPTION, "Something odd")

KIND = Field(label="Frame type", display="hex", enum=FrameKind)
CHECKSUM = Field(label="Checksum", display="hex")
VOLTS = Field(label="Voltage", scale=Linear(divide=100), unit="V")
ON = Field(label="Mains on", shift=3, width=1)


def node(abbrev: str, value: Any = 1, **facts: Any) -> Node:
    return Node(**{"abbrev": abbrev, "label": abbrev, "text": str(value), "value": value, **facts})


KIND_NODE = node("vebus.type", 0xFD, label="Frame type", text="Sync (0xfd)", name="Sync", start=2, size=1, field=KIND)
CHECKSUM_NODE = node("vebus.checksum", 0x97, text="0x97 [correct]", start=8, size=1, field=CHECKSUM)
VOLTS_NODE = node("vebus.volts", 13.31, raw=1331, unit="V", text="13.31 V", mark="assumed scale", field=VOLTS)
FLAGS_NODE = node(
    "vebus.flags",
    0x18,
    start=6,
    size=1,
    children=(node("vebus.flags.on", value=True, bits=".... 1...", label="Mains on", field=ON),),
)


def block(*nodes: Node, protocol: str = "vebus", title: str = "Victron VE.Bus") -> Block:
    return Block(protocol=protocol, title=title, start=0, size=10, nodes=nodes)


def dissection(*blocks: Block, data: bytes = SYNC, at: float = 0.0, epoch: bool = False, **facts: Any) -> Dissection:
    source = TimeSource.LOG if epoch else TimeSource.BYTES
    record = Record(
        number=1,
        stamp=Stamp(at, source, epoch),
        link=Link.RS485,
        offset=0,
        wire=data,
        frame=dissect_frame(data),
    )
    values: dict[str, Any] = {"source": "Multi", "destination": "Bus", "protocol": "VE.Bus", "info": "Sync, Nr=2"}
    return Dissection(**{**values, "record": record, "remarks": (), "blocks": blocks, "findings": (), **facts})


def output(form: MachineForm, *dissections: Dissection) -> str:
    return "".join(render(form, [(one, NO_TIMING) for one in dissections]))


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object in which no key may be repeated."""
    assert len({key for key, _ in pairs}) == len(pairs)
    return dict(pairs)


def no_constant(text: str) -> None:
    pytest.fail(f"{text} is no JSON")


def strict(text: str) -> Any:
    return json.loads(text, object_pairs_hook=once, parse_constant=no_constant)


def json_layers(of: Dissection, subset: Subset | None = None) -> dict[str, Any]:
    (element,) = strict(output(JsonForm(subset or Subset()), of))
    found: dict[str, Any] = element["_source"]["layers"]
    return found


def ek_layers(of: Dissection) -> dict[str, Any]:
    found: dict[str, Any] = strict(output(EkForm(), of).splitlines()[1])["layers"]
    return found
