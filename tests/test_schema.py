"""The declaration machinery on small messages of its own: parse, build, spans, optional tails, errors."""

import copy
import dataclasses
import pickle
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vebus_protocol.errors import EncodeError, MessageError
from vebus_protocol.schema import (
    ASCII,
    CONFIRMED,
    I8,
    I16,
    LIST_I16,
    LIST_U8,
    LIST_U16,
    RAW,
    U8,
    U16,
    U16_BE,
    U24,
    U32,
    Direction,
    Evidence,
    Layout,
    Link,
    Message,
    Shape,
    Space,
    WireEnum,
    bit,
    computed,
    const,
    field,
    message,
    raw,
    this,
)


class Fruit(WireEnum):
    """An open enumeration for these tests."""

    APPLE = (1, "Apple")
    PEAR = (2, "Pear")


@message(Space.PAYLOAD, {0: 0x11, 4: (1, 2, 3)}, title="Sample", abbrev="vebus.sample")
class Sample(Message):
    """Every sort of field that the declarations use."""

    cmd: int = const(0x11, "Frame type", abbrev="vebus.cmd")
    level: int = field(I16, "Level", unit="A", evidence=CONFIRMED, source="a source")
    fruit: int = field(U8, "Fruit", enum=Fruit)
    choice: int = field(U8, "Choice")
    flags: int = field(
        U16, "Flags", bits=(bit("low", 0, "Low"), bit("wide", 4, "Wide", width=6)), evidence=CONFIRMED, source="flags"
    )
    fixed: bytes = field(raw(2), "Fixed bytes")
    twice = computed(this.level * 2, "Twice the level")


@message(Space.PAYLOAD, {0: 0x12}, title="Short or long", abbrev="vebus.tail")
class Tail(Message):
    """A message whose last fields short frames leave out."""

    cmd: int = const(0x12, "Frame type")
    first: int | None = field(U8, "First", optional=True)
    second: int | None = field(U16, "Second", optional=True)
    third: int | None = field(U8, "Third", optional=True)


@message(Space.PAYLOAD, {0: 0x13}, title="Numbers", abbrev="vebus.numbers")
class Numbers(Message):
    """A message that ends with a list."""

    cmd: int = const(0x13, "Frame type")
    values: tuple[int, ...] = field(LIST_I16, "Values")


@message(
    Space.PAYLOAD,
    {0: 0x14},
    title="Narrow",
    abbrev="vebus.narrow",
    lengths=range(2, 4),
    links=(Link.MK3,),
    direction=Direction.TO_DEVICE,
)
class Narrow(Message):
    """A message of one link and two lengths."""

    cmd: int = const(0x14, "Frame type")


SAMPLE = bytes.fromhex("11 5F FF 02 03 41 00 AA BB")


# --- parse and build -------------------------------------------------------------------------------------------------
def test_parse_reads_raw_numbers() -> None:
    found = Sample.parse(SAMPLE)
    assert found == Sample(level=-161, fruit=2, choice=3, flags=0x41, fixed=b"\xaa\xbb")
    assert found.rest == b""
    assert found.build() == SAMPLE


def test_unknown_bytes_behind_the_fields_are_kept() -> None:
    found = Sample.parse(SAMPLE + b"\x00\xff\x7f")
    assert found.rest == b"\x00\xff\x7f"
    assert found.build() == SAMPLE + b"\x00\xff\x7f"


def test_an_unnamed_enum_value_stays_a_number() -> None:
    found = Sample.parse(SAMPLE[:3] + b"\xb7" + SAMPLE[4:])
    assert found.fruit == 0xB7
    assert Fruit.text_of(found.fruit) is None
    assert Fruit.text_of(2) == "Pear"
    assert found.build()[3] == 0xB7


def test_enum_members_can_be_built_with() -> None:
    assert Sample(level=0, fruit=Fruit.APPLE, choice=1, flags=0, fixed=b"\0\0").build()[3] == 1


@given(st.binary(min_size=9, max_size=40))
def test_any_bytes_come_back_unchanged(data: bytes) -> None:
    payload = b"\x11" + data[1:]
    assert Sample.parse(payload).build() == payload


@pytest.mark.parametrize("declared", [Sample, Tail, Numbers, Narrow])
@given(first=st.sampled_from([0x11, 0x12, 0x13, 0x14]), behind=st.binary(max_size=12))
def test_what_fits_is_what_can_be_parsed(declared: type[Message], first: int, behind: bytes) -> None:
    payload = bytes((first, *behind))
    try:
        declared.parse(payload)
    except MessageError:
        assert not declared.fits(payload)
    else:
        assert declared.fits(payload)


@pytest.mark.parametrize("size", range(9))
def test_too_few_bytes_are_a_message_error(size: int) -> None:
    with pytest.raises(MessageError, match=rf"Sample: {size} bytes, needs at least 9"):
        Sample.parse(SAMPLE[:size])


def test_another_telling_byte_is_a_message_error() -> None:
    with pytest.raises(MessageError, match="Sample"):
        Sample.parse(b"\x10" + SAMPLE[1:])


def test_messages_are_frozen_and_take_keywords_only() -> None:
    found = Sample.parse(SAMPLE)
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.level = 1  # type: ignore[misc]
    with pytest.raises(TypeError):
        Numbers(b"")  # type: ignore[call-arg]


@message(Space.PAYLOAD, {0: 0x15}, title="Parent", abbrev="vebus.parent")
class Parent(Message):
    """A message that another one extends."""

    cmd: int = const(0x15, "Frame type")


@message(Space.PAYLOAD, {0: 0x15}, title="Child", abbrev="vebus.child")
class Child(Parent):
    """A message with one field more than its parent."""

    more: int = field(U8, "More")


def test_messages_are_dataclasses_with_all_that_these_have() -> None:
    found = Numbers(values=(1, 2), rest=b"\3")
    assert [one.name for one in dataclasses.fields(found)] == ["rest", "cmd", "values"]
    assert repr(found) == "Numbers(rest=b'\\x03', cmd=19, values=(1, 2))"
    assert found == Numbers(values=(1, 2), rest=b"\3") != Numbers(values=(1, 2))
    assert hash(found) == hash(Numbers(values=(1, 2), rest=b"\3"))
    assert dataclasses.asdict(found) == {"rest": b"\3", "cmd": 0x13, "values": (1, 2)}
    assert dataclasses.replace(found, rest=b"") == Numbers(values=(1, 2))
    assert copy.deepcopy(found) == pickle.loads(pickle.dumps(found)) == found  # noqa: S301  (our own bytes)
    with pytest.raises(dataclasses.FrozenInstanceError):
        del found.rest
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.absent = 1
    with pytest.raises(AttributeError):
        found.__dict__  # noqa: B018  (slots leave none)


def test_messages_of_two_classes_are_never_equal() -> None:
    assert Parent(rest=b"\1") != Child(more=1)
    assert Parent() != 0x15


def test_wrong_keywords_are_refused_by_name() -> None:
    with pytest.raises(TypeError, match=r"Numbers.__init__\(\) got an unexpected keyword argument 'value'"):
        Numbers(value=())  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"Narrow.__init__\(\) got an unexpected keyword argument 'x'"):
        Narrow(x=1)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="missing 1 required keyword-only argument: 'more'"):
        Child()  # type: ignore[call-arg]


def test_a_message_extends_another_whoever_is_made_first() -> None:
    assert Parent(rest=b"\2").build() == b"\x15\2"
    assert Child(more=7).build() == b"\x15\7"
    assert ([spec.name for spec in Child.FIELDS], Child.SIZE) == (["cmd", "more"], 2)
    assert ([spec.name for spec in Parent.FIELDS], Parent.SIZE) == (["cmd"], 1)


# --- optional tails --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "first", "second", "third", "rest"),
    [
        ("12", None, None, None, ""),
        ("12 01", 1, None, None, ""),
        ("12 01 02", 1, None, None, "02"),
        ("12 01 02 03", 1, 0x302, None, ""),
        ("12 01 02 03 04", 1, 0x302, 4, ""),
        ("12 01 02 03 04 05", 1, 0x302, 4, "05"),
    ],
)
def test_optional_tail(text: str, first: int | None, second: int | None, third: int | None, rest: str) -> None:
    found = Tail.parse(bytes.fromhex(text))
    assert found == Tail(first=first, second=second, third=third, rest=bytes.fromhex(rest))
    assert found.build() == bytes.fromhex(text)


def test_a_hole_in_the_tail_is_not_built() -> None:
    with pytest.raises(EncodeError, match=r"third"):
        Tail(first=1, second=None, third=3).build()


@given(st.binary(max_size=8))
def test_any_tail_comes_back_unchanged(data: bytes) -> None:
    found = Tail.parse(b"\x12" + data)
    assert found.build() == b"\x12" + data
    assert sum(span.size for span in found.spans()) + len(found.rest) == len(data) + 1


# --- lists and layouts -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("data", "values", "rest"),
    [("", (), ""), ("FF", (), "FF"), ("FF FF", (-1,), ""), ("01 00 00 80", (1, -32768), ""), ("01 00 02", (1,), "02")],
)
def test_a_list_takes_whole_numbers_and_leaves_the_rest(data: str, values: tuple[int, ...], rest: str) -> None:
    payload = b"\x13" + bytes.fromhex(data)
    found = Numbers.parse(payload)
    assert found == Numbers(values=values, rest=bytes.fromhex(rest))
    assert found.build() == payload


@pytest.mark.parametrize(
    ("layout", "code"), [(U8, "<B"), (I8, "<b"), (U16, "<H"), (I16, "<h"), (U16_BE, ">H"), (U32, "<I")]
)
@given(data=st.binary(min_size=4, max_size=4))
def test_integers_have_the_width_sign_and_order_of_their_name(layout: Layout, code: str, data: bytes) -> None:
    piece = data[: layout.size]
    (expected,) = struct.unpack(code, piece)
    assert layout.construct.parse(piece) == expected
    assert layout.construct.build(expected) == piece
    assert (layout.signed, layout.bits, layout.shape) == (code[1].islower(), 8 * layout.size, Shape.INTEGER)


@given(st.integers(0, 0xFFFFFF))
def test_u24_is_little_endian(value: int) -> None:
    assert U24.construct.parse(value.to_bytes(3, "little")) == value
    assert U24.bits == 24


def test_lists_and_bytes_know_their_shape() -> None:
    assert [(one.shape, one.element_size) for one in (LIST_U8, LIST_U16, LIST_I16)] == [
        (Shape.LIST, 1),
        (Shape.LIST, 2),
        (Shape.LIST, 2),
    ]
    assert (RAW.shape, RAW.size, RAW.bits) == (Shape.BYTES, 0, 0)
    assert (raw(4).shape, raw(4).size, raw(4).name) == (Shape.BYTES, 4, "bytes[4]")
    assert (ASCII(11).shape, ASCII(11).size) == (Shape.TEXT, 11)


# --- what a declaration tells ----------------------------------------------------------------------------------------
def test_fields_know_their_place_and_filter_name() -> None:
    assert [(spec.name, spec.abbrev, spec.offset) for spec in Sample.FIELDS] == [
        ("cmd", "vebus.cmd", 0),
        ("level", "vebus.sample.level", 1),
        ("fruit", "vebus.sample.fruit", 3),
        ("choice", "vebus.sample.choice", 4),
        ("flags", "vebus.sample.flags", 5),
        ("fixed", "vebus.sample.fixed", 7),
    ]
    assert (Sample.SIZE, Tail.SIZE, Numbers.SIZE) == (9, 1, 1)


def test_spans_give_the_place_in_the_frame() -> None:
    spans = list(Sample.parse(SAMPLE).spans(base=4))
    assert [(span.field.name, span.raw, span.start, span.size) for span in spans] == [
        ("cmd", 0x11, 4, 1),
        ("level", -161, 5, 2),
        ("fruit", 2, 7, 1),
        ("choice", 3, 8, 1),
        ("flags", 0x41, 9, 2),
        ("fixed", b"\xaa\xbb", 11, 2),
    ]


def test_spans_of_lists_and_of_missing_fields() -> None:
    assert [span.size for span in Numbers(values=(1, 2, 3)).spans()] == [1, 6]
    assert [span.field.name for span in Tail(first=7, second=None, third=None).spans()] == ["cmd", "first"]


def test_computed_values_follow_from_raw_numbers() -> None:
    (spec,) = Sample.COMPUTED
    assert (spec.name, spec.abbrev) == ("twice", "vebus.sample.twice")
    assert spec.expression(Sample.parse(SAMPLE).raws()) == -322


def test_bits_are_taken_out_of_their_field() -> None:
    low, wide = Sample.spec("flags").bits
    assert (low.abbrev, low.mask, low.pick(0x41)) == ("vebus.sample.flags.low", 0x0001, 1)
    assert (wide.abbrev, wide.mask, wide.pick(0x41)) == ("vebus.sample.flags.wide", 0x03F0, 4)
    assert (wide.evidence, wide.source) == (CONFIRMED, "flags"), "bits inherit what is known of their field"


def test_a_field_is_found_by_name() -> None:
    assert Sample.spec("level").unit == "A"
    assert Sample.spec("twice").label == "Twice the level"
    with pytest.raises(KeyError):
        Sample.spec("absent")


@pytest.mark.parametrize(
    ("payload", "link", "known"),
    [("14 00", Link.MK3, True), ("14 00 00", Link.MK3, True), ("14", Link.MK3, False), ("14 00", Link.RS485, False)],
)
def test_link_and_length_decide(payload: str, link: Link, *, known: bool) -> None:
    assert Narrow.INFO.recognises(bytes.fromhex(payload), link) is known


def test_telling_bytes_decide() -> None:
    assert Sample.INFO.recognises(SAMPLE, Link.RS485)
    assert not Sample.INFO.recognises(SAMPLE[:4] + b"\x04", Link.RS485)
    assert not Sample.INFO.recognises(SAMPLE[:4], Link.RS485), "the second telling byte is missing"


def test_only_what_is_not_proven_gets_a_mark() -> None:
    assert [level.mark for level in Evidence] == ["", "", "", "unconfirmed", "unknown meaning"]


# --- errors of our caller --------------------------------------------------------------------------------------------
def test_a_bare_message_leaves_later_classes_alone() -> None:
    assert Message(rest=b"x").rest == b"x"

    @message(Space.PAYLOAD, {0: 0x6C}, title="Later", abbrev="vebus.later", evidence=CONFIRMED, source="a source")
    class Later(Message):
        level: int = field(I16, "Level", evidence=CONFIRMED, source="a source")

    assert Later(level=3).level == 3


GOOD = Sample(level=0, fruit=0, choice=1, flags=0, fixed=b"\0\0")


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"level": 40000}, r"level = 40000 does not fit i16 \(-32768\.\.32767\)"),
        ({"level": -32769}, r"level = -32769 does not fit i16"),
        ({"fruit": 256}, r"fruit = 256 does not fit u8 \(0\.\.255\)"),
        ({"fruit": -1}, r"fruit = -1 does not fit u8"),
        ({"fruit": "apple"}, r"fruit = 'apple' does not fit u8"),
        ({"flags": 1.5}, r"flags = 1\.5 does not fit u16"),
        ({"cmd": 0x12}, r"cmd = 18 must be 0x11"),
        ({"fixed": b"\0"}, r"fixed"),
        ({"fixed": b"\0\0\0"}, r"fixed"),
        ({"level": None}, r"level"),
    ],
)
def test_an_encode_error_names_message_and_field(change: dict[str, object], text: str) -> None:
    wrong = dataclasses.replace(GOOD, **change)  # type: ignore[arg-type]
    with pytest.raises(EncodeError, match=rf"Sample: .*{text}"):
        wrong.build()


@pytest.mark.parametrize("values", [(1, 40000), (-40000,), ("a",)])
def test_an_encode_error_names_the_list(values: tuple[int, ...]) -> None:
    with pytest.raises(EncodeError, match=r"Numbers: .*values"):
        Numbers(values=values).build()
