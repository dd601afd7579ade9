"""The fast forms hold the same bytes as the declarations they are made from."""

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.simulated import frames, plain
from vebus_protocol.enums import FrameKind, SenderId
from vebus_protocol.errors import EncodeError
from vebus_protocol.frame import Frame, encode_frame
from vebus_protocol.info import AcInfo, DcInfo
from vebus_protocol.registry import MESSAGES, decode_payload
from vebus_protocol.scaling import ScaleBook, raw_of
from vebus_protocol.schema import Field, Linear, Link, Message, Shape, Space
from vebus_protocol.status import AcPhase, Charger, Condition
from vebus_protocol.switch import AcInputConfiguration
from vebus_protocol.sync import SyncFrame
from vebus_protocol.winmon import EnergyCounters, RamValues, WriteRam
from vebus_tools.simulator.bus import VirtualBus
from vebus_tools.simulator.packing import Quantity, WireEncoder, list_struct, struct_of

FIXED = (SyncFrame, AcPhase, Charger, Condition, AcInputConfiguration, AcInfo, DcInfo, EnergyCounters, WriteRam)


def _random_values(declared: type[Message], random: Random) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for spec in declared.FIELDS:
        if spec.constant is not None or spec.layout is None:
            continue
        layout = spec.layout
        low = -(1 << (layout.bits - 1)) if layout.signed else 0
        values[spec.name] = (
            random.randint(low, low + (1 << layout.bits) - 1)
            if layout.shape is Shape.INTEGER
            else random.randbytes(layout.size)
        )
    return values


def _arguments(message: Message) -> list[Any]:
    arguments: list[Any] = []
    for spec in message.FIELDS:
        value = getattr(message, spec.name)
        wide = spec.layout is not None and spec.layout.name == "u24"
        arguments += [value & 0xFFFF, value >> 16] if wide else [value]
    return arguments


@pytest.mark.parametrize("declared", FIXED)
@given(seed=st.integers(0, 1 << 32))
def test_struct_form_equals_the_built_message(declared: type[Message], seed: int) -> None:
    message = declared(**_random_values(declared, Random(seed)))  # noqa: S311  (test data)
    assert struct_of(declared).pack(*_arguments(message)) == message.build()


def test_struct_form_of_open_messages_is_refused() -> None:
    with pytest.raises(EncodeError, match="values has no fixed"):
        struct_of(RamValues)


@given(values=st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=6))
def test_list_form_equals_the_built_message(values: list[int]) -> None:
    assert list_struct(len(values)).pack(0x85, *values) == RamValues(values=tuple(values)).build()


@given(
    sender=st.sampled_from((SenderId.MULTI, SenderId.MK3)),
    number=st.integers(0, 127),
    payload=st.binary(min_size=1, max_size=40),
)
def test_wire_encoder_equals_encode_frame(sender: SenderId, number: int, payload: bytes) -> None:
    expected = encode_frame(Frame(sender=sender, kind=FrameKind.DATA, number=number, payload=payload))
    assert ENCODERS[sender](number, payload) == expected


@given(number=st.integers(0, 127), rest=st.binary(max_size=12))
def test_wire_encoder_leaves_the_sync_marker_out_of_the_sum(number: int, rest: bytes) -> None:
    payload = b"\x55" + rest
    expected = encode_frame(Frame(sender=SenderId.MULTI, kind=FrameKind.SYNC, number=number, payload=payload))
    assert SYNC_ENCODER(number, payload) == expected


ENCODERS = {sender: WireEncoder(sender, FrameKind.DATA) for sender in SenderId}
SYNC_ENCODER = WireEncoder(SenderId.MULTI, FrameKind.SYNC, first=0x55)
QUANTITIES = [
    spec
    for declared in (AcPhase, Charger, Condition, AcInputConfiguration)
    for field in (*declared.FIELDS, *declared.COMPUTED)
    for spec in (field, *field.bits)
    if isinstance(spec.scale, Linear) and spec.layout is not None
]


@pytest.mark.parametrize("spec", QUANTITIES, ids=lambda spec: spec.abbrev)
@given(part=st.floats(0.01, 0.99))
def test_quantity_equals_the_scale_of_the_declaration(spec: Field, part: float) -> None:
    assert spec.layout is not None
    assert isinstance(spec.scale, Linear)
    low = -(1 << (spec.layout.bits - 1)) if spec.layout.signed else 0
    raw = low + round(part * ((1 << spec.layout.bits) - 1))
    value = (raw + spec.scale.offset) * spec.scale.multiply / spec.scale.divide
    assert Quantity(spec)(value) == raw_of(spec, value, {}, ScaleBook(table=None)) == raw


def test_quantity_stays_within_its_layout() -> None:
    current = Quantity(Condition.spec("dc_current"))
    assert (current(1e9), current(-1e9)) == (32767, -32768)


def test_quantity_without_linear_scale_is_refused() -> None:
    with pytest.raises(EncodeError, match="no linear scale"):
        Quantity(AcInfo.spec("mains_voltage"))


def test_every_frame_of_a_simulated_bus_is_what_the_declarations_build() -> None:
    seen = set()
    for said in frames(VirtualBus(plain()), 20.0):
        rebuilt = said.messages[0].build()
        assert rebuilt == said.frame.payload
        again = Frame(
            sender=said.frame.sender, kind=said.frame.kind, number=said.frame.number, payload=said.frame.payload
        )
        assert encode_frame(again) == said.sent.data
        space = Space.SYNC if said.frame.kind == FrameKind.SYNC else Space.PAYLOAD
        assert type(said.messages[0]) is type(decode_payload(space, rebuilt, Link.RS485)[0].message)
        seen.add(type(said.last))
    assert {SyncFrame, AcPhase, Condition, Charger, AcInputConfiguration, AcInfo, DcInfo, RamValues} <= seen
    assert seen <= set(MESSAGES)
