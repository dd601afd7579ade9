"""The display filter: what it reads, what it means, and what it says of a wrong one."""

from __future__ import annotations

import math
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vebus_protocol.frame import dissect_frame
from vebus_protocol.schema import Link
from vebus_tools.filter_syntax import MAX_DEPTH
from vebus_tools.filters import FilterError, compile_filter
from vebus_tools.nodes import Block, Dissection, Node, Value
from vebus_tools.records import Finding, Group, Record, Severity, Stamp, TimeSource

# A stuffed frame: 15 bytes as heard, 13 unstuffed; the value is -4.
WIRE = bytes.fromhex("98f7fe0300e6370283fa7cfa7f6fff")
PLAIN = bytes.fromhex("98f7fe0300e6370283fcff6fff")

KINDS = {
    "vebus": "bytes",
    "winmon": "bytes",
    "mk3": "bytes",
    "vebus.addr": "number",
    "vebus.seq": "number",
    "vebus.tid": "number",
    "vebus.reply": "number",
    "vebus.dc.voltage": "number",
    "vebus.ram.value": "number",
    "vebus.checksum.status": "text",
    "vebus.unknown": "bytes",
    "vebus.led.mains": "boolean",
    "vebus.letter": "text",
}
ENUMS = {
    "vebus.reply": {"Write RAM OK": 0x87, "Write setting OK": 0x88},
    "vebus.checksum.status": {"Bad": 0, "Good": 1},
}


def node(abbrev: str, value: Value, text: str = "", *, raw: int | None = None, name: str = "") -> Node:
    return Node(abbrev=abbrev, label=abbrev, text=text or str(value), value=value, raw=raw, name=name)


NODES = (
    node("vebus.addr", 0x98F7, "MK3 (0x98f7)", name="MK3"),
    node("vebus.seq", 3),
    node("vebus.reply", 0x87, "Write RAM OK (0x87)", name="Write RAM OK"),
    node("vebus.dc.voltage", 13.31, "13.31 V", raw=1331),
    node("vebus.ram.value", 5, "5"),
    node("vebus.ram.value", -4, "-4", raw=0xFFFC),
    node("vebus.ram.value", None, "not available", raw=0x7FFF),
    node("vebus.checksum.status", "Good"),
    node("vebus.unknown", bytes.fromhex("00e6 41 42"), "00 e6 41 42"),
    node("vebus.led.mains", value=True),
    node("vebus.letter", "V"),
)


def dissection(*nodes: Node, wire: bytes = WIRE, stamp: Stamp | None = None, findings: int = 0) -> Dissection:
    severities = (Severity.CHAT, Severity.WARN)
    record = Record(
        number=7,
        stamp=stamp or Stamp(2.5, TimeSource.START),
        link=Link.RS485,
        offset=0,
        wire=wire,
        frame=dissect_frame(wire),
    )
    head = Block(protocol="vebus", title="Victron VE.Bus", start=0, size=len(PLAIN), nodes=nodes)
    body = Block(protocol="winmon", title="Winmon", start=4, size=7, nodes=())
    return Dissection(
        record=record,
        source="MK3",
        destination="Bus",
        protocol="VE.Bus",
        info="Write via ID, Nr=3, RAM[131]=-4",
        remarks=("Response in: 3",),
        blocks=(head, body),
        findings=tuple(
            Finding(severity, Group.SEQUENCE, f"Finding {severity.text}") for severity in severities[:findings]
        ),
    )


SAMPLE = dissection(*NODES, findings=2)
EMPTY = dissection()


def passes(text: str, sample: Dissection = SAMPLE) -> bool:
    """The verdict, which must be the same with and without the kinds of the fields."""
    verdict = compile_filter(text, KINDS)(sample)
    assert compile_filter(text, KINDS, KINDS)(sample) == verdict
    return verdict


def problem(text: str) -> FilterError:
    with pytest.raises(FilterError) as caught:
        compile_filter(text, KINDS, KINDS, ENUMS)
    return caught.value


TRUE = """
vebus
winmon
vebus.seq
frame
vebus.seq == 3
vebus.seq eq 3
vebus.seq==0x03
vebus.seq == 0b11
vebus.seq != 4
vebus.seq ne 4
vebus.seq < 4
vebus.seq lt 4
vebus.seq <= 3
vebus.seq le 3
vebus.seq > -1
vebus.seq gt 2.5
vebus.seq >= 3
vebus.seq ge 3e0
3 == vebus.seq
2 < vebus.seq
vebus.seq == '\\x03'
vebus.seq == vebus.seq
vebus.seq < vebus.reply
vebus.dc.voltage == 13.31
vebus.dc.voltage > 12.5
vebus.dc.voltage.raw == 1331
vebus.dc.voltage.raw
vebus.seq.raw == 3
vebus.ram.value == 5
vebus.ram.value == -4
vebus.ram.value.raw == 0x7fff
vebus.ram.value < 0 && vebus.ram.value > 0
vebus.ram.value !== 5
vebus.ram.value any_ne 5
vebus.seq === 3
vebus.seq all_eq 3
vebus.ram.value in {5, 6}
vebus.ram.value in {100, -9..-1}
vebus.ram.value not in {6, 7..9}
vebus.reply == 0x87
vebus.reply == "Write RAM OK"
vebus.reply == "write ram ok"
vebus.reply == "Write RAM OK (0x87)"
vebus.reply in {"Write RAM OK"}
vebus.reply != "Write setting OK"
vebus.reply contains "RAM"
vebus.reply matches "^write .* ok$"
vebus.checksum.status == "Good"
vebus.checksum.status > "Bad"
vebus.checksum.status in {"A".."H"}
vebus.checksum.status[0:2] == "Go"
vebus.led.mains
vebus.led.mains == true
vebus.led.mains == True
vebus.led.mains == 1
vebus.led.mains != false
vebus.letter == "V"
vebus.letter == 'V'
vebus.unknown == 00:e6:41:42
vebus.unknown == "\\x00\\xe6AB"
vebus.unknown contains e6:41
vebus.unknown contains "AB"
vebus.unknown contains :41
vebus.unknown contains 0x41
vebus.unknown contains 'A'
vebus.unknown matches "\\xe6ab$"
vebus.unknown matches r"\\x41\\w"
vebus.unknown[-2:] == "AB"
vebus.unknown[2] == 'A'
vebus.unknown > 00:e5
vebus[4:2] == 00:e6
vebus[4-5] == 00:e6
vebus[4 - 5] == 00:e6
vebus[:2] == 98:f7
vebus[11:] == 6f:ff
vebus[-2:1] == 0x6f
vebus[-2--1] == 6f:ff
vebus[-1] == :ff
vebus[0] == 152
vebus[0,2-3] == 98:fe:03
vebus[8] in {0x80..0x8f}
vebus[12]
winmon[0:2] == 00:e6
frame[9:2] == fa:7c
frame contains fa:7f
frame.number == 7
frame.len == 15
frame.time_relative == 2.5
_ws.expert
_ws.expert contains "Chat"
_ws.expert.severity == "Warning"
_ws.expert.severity == "Warn"
_ws.expert.severity >= "Note"
_ws.expert.severity == 1
_ws.expert.group == "Sequence"
_ws.expert.message matches "warning"
_ws.col.info contains "[Response in: 3]"
_ws.col.protocol == "VE.Bus"
_ws.col.def_src == "MK3"
_ws.col.def_dst == "Bus"
!mk3
not mk3
!!vebus
not not (not mk3)
vebus and winmon
vebus && !mk3 || mk3
vebus || mk3 && mk3
(vebus || mk3) && winmon
vebus OR mk3
!(vebus.tid == 1)
!vebus.seq == 4
"""

FALSE = """
mk3
vebus.tid
vebus.tid == 1
vebus.tid != 1
vebus.tid not in {1}
vebus.seq == 4
vebus.seq != 3
vebus.seq < 3
vebus.seq > 3
vebus.seq !== 3
vebus.seq in {1, 4..9}
vebus.ram.value != 5
vebus.ram.value not in {5}
vebus.ram.value === 5
vebus.ram.value == 0x7fff
vebus.dc.voltage == 1331
vebus.dc.voltage.raw == 13.31
vebus.reply == "Write RAM"
vebus.reply contains "ram"
vebus.reply.raw == 0x88
vebus.checksum.status == "good"
vebus.checksum.status == "Bad"
vebus.led.mains == false
vebus.led.mains == 0
vebus.unknown == 00:e6
vebus.unknown contains "ab"
vebus.unknown[4]
vebus[13]
vebus[12:2]
vebus[-14:]
vebus[0,13] == 98
vebus[0,13]
vebus[12:2] != 00:00
vebus[9:2] == fa:7c
frame.time_epoch
frame.time_delta
_ws.expert.severity == "Error"
_ws.expert.severity > "Warn"
vebus && mk3
mk3 || !vebus
(vebus || mk3) && mk3
!vebus || mk3
"""


@pytest.mark.parametrize("text", TRUE.strip().splitlines())
def test_passes(text: str) -> None:
    assert passes(text)


@pytest.mark.parametrize("text", FALSE.strip().splitlines())
def test_does_not_pass(text: str) -> None:
    assert not passes(text)


@pytest.mark.parametrize("text", ["", "  \t\n"])
def test_empty_filter_lets_everything_pass(text: str) -> None:
    assert passes(text)
    assert passes(text, EMPTY)


def test_and_binds_stronger_than_or() -> None:
    assert passes("vebus or mk3 and mk3")
    assert not passes("(vebus or mk3) and mk3")


def test_value_that_is_not_available_is_there_but_passes_no_comparison() -> None:
    sample = dissection(node("vebus.ram.value", None, "not available", raw=0x7FFF))
    assert passes("vebus.ram.value", sample)
    for test in (
        "== 1",
        "!= 1",
        "=== 1",
        "!== 1",
        "< 1",
        "> 1",
        "in {1}",
        "not in {1}",
        'contains "not"',
        'matches "n"',
    ):
        assert not passes(f"vebus.ram.value {test}", sample)
    assert passes("vebus.ram.value.raw == 0x7fff", sample)


def test_not_equal_and_negated_equal_differ() -> None:
    both = dissection(node("vebus.seq", 1), node("vebus.seq", 2))
    none = EMPTY
    verdicts = [[passes(text, sample) for sample in (both, none)] for text in ("vebus.seq != 1", "!(vebus.seq == 3)")]
    assert verdicts == [[False, False], [True, True]]
    assert passes("vebus.seq != 3", both)
    assert not passes("vebus.seq != 3", none)


def test_nodes_below_and_beside_others_are_found() -> None:
    inner = node("vebus.tid", 230)
    outer = Node(abbrev="vebus.seq", label="", text="", value=1, beside=(node("vebus.letter", "x"),), children=(inner,))
    sample = dissection(outer)
    assert passes("vebus.tid == 0xe6", sample)
    assert passes('vebus.letter == "x"', sample)


def test_values_of_different_sorts_are_different_and_in_no_order() -> None:
    sample = dissection(node("vebus.seq", "text"), node("vebus.tid", 300), node("vebus.ram.value", math.nan))
    for text in ("vebus.seq < 5", "vebus.seq == 5", "vebus.tid == 00:01", "vebus.tid > 00:01", "vebus.ram.value <= 1"):
        assert not compile_filter(text, KINDS)(sample), text
    assert compile_filter("vebus.seq != 5", KINDS)(sample)
    assert compile_filter("vebus.tid != 01:2c", KINDS)(sample)


def test_times() -> None:
    first, previous = Stamp(100.0, TimeSource.LOG, epoch=True), Stamp(100.1, TimeSource.LOG, epoch=True)
    sample = dissection(stamp=Stamp(100.3, TimeSource.LOG, epoch=True))

    def verdict(text: str, **stamps: Stamp | None) -> bool:
        return compile_filter(text, ())(sample, **stamps)

    assert verdict("frame.time_epoch == 100.3")
    assert not verdict("frame.time_relative || frame.time_delta")
    assert verdict("frame.time_relative == 0.3 && frame.time_delta == 0.2", first=first, previous=previous)
    assert verdict("frame.time_relative == 0.3 && frame.time_delta == 0", first=first)
    undated = Stamp(1.0, TimeSource.START)
    assert not verdict("frame.time_relative || frame.time_delta", first=undated, previous=undated)


def test_fields_of_the_dissection_go_before_those_of_the_record() -> None:
    assert compile_filter("frame.time_delta == 4", ())(dissection(node("frame.time_delta", 4.0)))


def test_names_of_a_filter() -> None:
    found = compile_filter("vebus.seq.raw == 1 || !(frame.number in {1}) && vebus[0] && vebus.tid > vebus.seq", KINDS)
    assert found.names == {"vebus.seq", "frame.number", "vebus", "vebus.tid"}
    assert found.text.startswith("vebus.seq.raw")


def test_a_field_may_be_called_raw_itself() -> None:
    sample = dissection(node("vebus.seq", 1.5, raw=15), node("vebus.seq.raw", 99))
    assert compile_filter("vebus.seq.raw == 99", ["vebus.seq", "vebus.seq.raw"])(sample)


def test_enum_names_are_checked_and_have_an_order() -> None:
    for text in (
        'vebus.reply == "write RAM ok"',
        'vebus.reply < "Write setting OK"',
        'vebus.checksum.status == "good"',
    ):
        assert compile_filter(text, KINDS, KINDS, ENUMS)(SAMPLE)
    assert compile_filter('vebus.reply in {"Write RAM OK".."Write setting OK"}', KINDS, KINDS, ENUMS)(SAMPLE)


# --- errors ----------------------------------------------------------------------------------------------------------
WRONG = [
    ("vebus.cheksum.status", 1, "the nearest is vebus.checksum.status"),
    ("vebus.seq == 1 && vebs", 19, "the nearest is vebus"),
    ("vebus.dc", 1, 'no field or protocol "vebus.dc", there is vebus.dc.voltage'),
    ("vebus.seq.row == 1", 1, "the nearest is vebus.seq"),
    ("_ws", 1, "there are _ws.col.def_dst, _ws.col.def_src, _ws.col.info"),
    ("vebus.reply == OK", 16, "double quotes"),
    ("vebus.seq ==", 13, 'expected a value behind "==", found the end'),
    ("vebus.seq = 1", 11, "write =="),
    ("vebus & winmon", 7, "write &&"),
    ("vebus | winmon", 7, "write ||"),
    ("vebus winmon", 7, "expected &&, || or the end"),
    ("vebus &&", 9, "expected a field name, found the end"),
    ("&& vebus", 1, "expected a field name"),
    ("(vebus", 7, "the ) for the ( in column 1"),
    ("vebus)", 6, "there is no ("),
    ("()", 2, "expected a field name"),
    ("5", 1, "alone is no test"),
    ("5 == 6", 6, "expected a field name on one side"),
    ("5 in {5}", 1, "a field name"),
    ("1 < vebus.seq < 5", 15, "expected &&"),
    ('vebus.letter == "abc', 17, "no closing"),
    ("vebus.letter == 'abc'", 17, "unexpected"),
    ('vebus.letter == "\\d"', 17, "is no escape"),
    ("vebus.seq == 8e", 14, "0x8e"),
    ("vebus.seq == 5V", 14, "is no value"),
    ("vebus.seq == 010", 14, "leading zero"),
    (f"vebus.seq == {'9' * 5000}", 14, "too long"),
    ("vebus.unknown == 00:e", 18, "is no value"),
    ("vebus.seq in 5", 14, "a set in braces"),
    ("vebus.seq in {}", 15, "a value of the set"),
    ("vebus.seq in {1 2}", 17, "a comma or the }"),
    ("vebus.seq in {1, 2", 19, "a comma or the }"),
    ("vebus.seq in {5..2}", 18, "from low to high"),
    ("vebus.unknown in {00:01..300}", 26, "not one byte"),
    ("vebus.seq in {vebus.tid}", 15, "a value of the set"),
    ("vebus[4", 6, "no closing ]"),
    ("vebus[]", 6, "is no slice"),
    ("vebus[4:0]", 6, "is no slice"),
    ("vebus[5-4]", 6, "is no slice"),
    ("vebus[1,x]", 6, "is no slice"),
    ("vebus[4:-1]", 6, "is no slice"),
    ("vebus.seq[0] == 1", 1, "for a slice"),
    ("vebus.letter matches 5", 22, "a regular expression"),
    ('vebus.letter matches "a(b"', 22, "no regular expression: missing )"),
    ('vebus.letter matches "a{99999999999}"', 22, "no regular expression"),
    (f'vebus.letter matches "{"(" * 3000}"', 22, "no regular expression"),
    ('"a" matches "a"', 13, "two values"),
    ('"a" contains vebus.seq && 3 matches vebus.seq', 37, "a regular expression"),
    ('vebus.seq == "three"', 14, "is a number"),
    ('vebus.seq < "three"', 13, "is a number"),
    ("vebus.seq == 00:03", 14, "is a number"),
    ('vebus.seq.raw == "three"', 18, "is a number"),
    ("vebus.seq contains 3", 20, "is a number"),
    ('vebus.reply == "Write RAM"', 16, 'the nearest is "Write RAM OK"'),
    ('vebus.checksum.status == "Wrong"', 26, 'there is "Bad"'),
    ("vebus.letter == 5", 17, "is text"),
    ("vebus.led.mains == 00:01", 20, "is true or false"),
    ("vebus.unknown == 256", 18, "not one byte"),
    ("vebus[0] == 1.5", 13, "not one byte"),
    ("vebus[0] == true", 13, "is bytes"),
    ('frame.number == "7"', 17, "is a number"),
    ('_ws.expert.severity == "Fatal"', 24, "has no value named"),
    ("vebus == 1 § 2", 12, "unexpected"),
    ("vebus\n==\n\x00", 10, "unexpected"),
]


@pytest.mark.parametrize(("text", "column", "part"), WRONG)
def test_error_names_place_and_reason(text: str, column: int, part: str) -> None:
    error = problem(text)
    assert error.column == column
    assert error.filter == text
    message = str(error)
    assert message.startswith(f"display filter, column {column}: ")
    assert part in message
    assert message.isprintable()
    assert len(message) < 250
    line, carets = error.pointer.split("\n")
    assert len(line) == len(text)
    assert carets.index("^") == column - 1
    assert carets.strip(" ") == "^" * error.width


def test_pointer_underlines_the_wrong_word() -> None:
    assert problem("vebus.seq == 1 || vebs.seq").pointer == (
        "vebus.seq == 1 || vebs.seq\n"
        "                  ^^^^^^^^"
    )  # fmt: skip


def test_without_kinds_and_enums_only_the_running_filter_decides() -> None:
    for text in ('vebus.seq == "three"', "vebus.letter == 5", "vebus.unknown == 256"):
        assert not compile_filter(text, KINDS)(SAMPLE)
    assert not compile_filter('vebus.seq == "three"', KINDS, KINDS)(SAMPLE)


@pytest.mark.parametrize(("opening", "closing"), [("(", ")"), ("!", ""), ("!(", ")"), ("(mk3 || (vebus && ", "))")])
def test_nesting_is_bounded_and_what_is_allowed_also_runs(opening: str, closing: str) -> None:
    levels = opening.count("(") + opening.count("!")
    count = MAX_DEPTH // levels
    assert passes(opening * count + "vebus" + closing * count) == (count * opening.count("!") % 2 == 0)
    error = problem(opening * 5000 + "vebus" + closing * 5000)
    assert f"more than {MAX_DEPTH}" in str(error)


def test_long_chains_need_no_depth() -> None:
    assert passes(" || ".join(["mk3"] * 3000 + ["vebus"]))
    assert not passes(" && ".join(["vebus"] * 3000 + ["mk3"]))
    assert passes(" && ".join(["(!mk3)"] * 3 * MAX_DEPTH))


# --- properties ------------------------------------------------------------------------------------------------------
_NAMES = st.sampled_from(
    [*KINDS, "frame.number", "frame.time_relative", "_ws.expert", "_ws.expert.severity", "vebus.x"]
)
_VALUES = st.sampled_from(
    [
        "0",
        "3",
        "-4",
        "0x87",
        "13.31",
        "1e999",
        "00:e6",
        ":e6",
        '"Good"',
        '"\\xe6"',
        'r"\\d+"',
        "'V'",
        "true",
        "vebus.seq",
    ]
)
_SLICES = st.sampled_from(["", "", "", "[0]", "[4:2]", "[-1]", "[:3]", "[2:]", "[1-2,0]", "[99]", ".raw"])
_SIGNS = st.sampled_from(["==", "!=", "===", "!==", "<", "<=", ">", ">=", "contains", "matches", "eq", "any_ne"])
_FIELDS = st.builds(lambda name, cut: name + cut, _NAMES, _SLICES)
_TESTS = st.one_of(
    _FIELDS,
    st.builds(lambda left, sign, right: f"{left} {sign} {right}", _FIELDS, _SIGNS, _VALUES),
    st.builds(lambda left, low, high: f"{left} in {{{low}, {high}}}", _FIELDS, _VALUES, _VALUES),
    st.builds(lambda left, low, high: f"{left} not in {{{low}..{high}}}", _FIELDS, _VALUES, _VALUES),
)
_FILTERS = st.recursive(
    _TESTS,
    lambda inner: st.one_of(
        st.builds(lambda test: f"!({test})", inner),
        st.builds(lambda one, join, two: f"({one}) {join} ({two})", inner, st.sampled_from(["&&", "||"]), inner),
    ),
    max_leaves=6,
)
_WORDS = (
    """vebus vebus.seq == != ! ( ) [4:2] [ ] { } , .. && in not matches "a" " ' r \\ 1 0x 00:e6 : . - e true "[[a]" """
)
_PIECES = st.sampled_from([*_WORDS.split(), " ", "\n", '"(?P<a>["'])
_TEXTS = st.one_of(
    st.text(max_size=40),
    st.text(alphabet=string.printable, max_size=40),
    st.lists(_PIECES, max_size=14).map(" ".join),
    st.lists(_PIECES, max_size=14).map("".join),
    _FILTERS,
)
_PLAIN_VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=6), st.binary(max_size=6)
)
_NODES = st.builds(
    lambda abbrev, value, raw, text, name: node(abbrev, value, text, raw=raw, name=name),
    st.sampled_from(list(KINDS)),
    _PLAIN_VALUES,
    st.one_of(st.none(), st.integers()),
    st.text(max_size=6),
    st.text(max_size=6),
)
_DISSECTIONS = st.lists(_NODES, max_size=6).map(lambda nodes: dissection(*nodes, findings=len(nodes) % 3))


@given(text=_TEXTS, typed=st.booleans())
def test_any_text_compiles_or_says_where_it_is_wrong(text: str, typed: bool) -> None:  # noqa: FBT001
    error = None
    try:
        found = compile_filter(text, KINDS, KINDS, ENUMS) if typed else compile_filter(text, KINDS)
    except FilterError as problem_found:
        error = problem_found
    if error is None:
        assert found(SAMPLE) in {True, False}
        return
    assert 1 <= error.column <= len(text) + 1
    assert error.column + error.width - 1 <= len(text) + 1
    assert str(error).isprintable()
    assert error.pointer.count("\n") == 1


def _compiled_or_presence(text: str) -> str:
    try:
        compile_filter(text, KINDS)
    except FilterError:
        return "vebus.seq"
    return text


@given(text=_FILTERS.map(_compiled_or_presence), sample=_DISSECTIONS)
def test_evaluation_never_raises(text: str, sample: Dissection) -> None:
    assert compile_filter(text, KINDS)(sample) in {True, False}


@given(one=_FILTERS.map(_compiled_or_presence), two=_FILTERS.map(_compiled_or_presence), sample=_DISSECTIONS)
def test_negation_and_de_morgan(one: str, two: str, sample: Dissection) -> None:
    assert passes_plain(f"!!({one})", sample) == passes_plain(one, sample)
    assert passes_plain(f"!({one})", sample) != passes_plain(one, sample)
    assert passes_plain(f"!(({one}) && ({two}))", sample) == passes_plain(f"!({one}) || !({two})", sample)
    assert passes_plain(f"!(({one}) || ({two}))", sample) == passes_plain(f"!({one}) && !({two})", sample)


def passes_plain(text: str, sample: Dissection) -> bool:
    return compile_filter(text, KINDS)(sample)


@given(values=st.lists(st.one_of(st.none(), st.integers(-3, 3)), max_size=5), wanted=st.integers(-3, 3))
def test_quantifiers_are_those_of_the_documentation(values: list[int | None], wanted: int) -> None:
    sample = dissection(*(node("vebus.seq", value) for value in values))
    there = [value for value in values if value is not None]
    assert passes(f"vebus.seq == {wanted}", sample) == (wanted in there)
    assert passes(f"vebus.seq != {wanted}", sample) == (bool(there) and wanted not in there)
    assert passes(f"vebus.seq === {wanted}", sample) == (set(there) == {wanted})
    assert passes(f"vebus.seq !== {wanted}", sample) == any(value != wanted for value in there)
    assert passes(f"vebus.seq not in {{{wanted}}}", sample) == passes(f"vebus.seq != {wanted}", sample)
    assert passes(f"vebus.seq in {{{wanted}..3}}", sample) == any(value >= wanted for value in there)


@given(data=st.binary(min_size=1, max_size=12), start=st.integers(-14, 14), length=st.integers(1, 14))
def test_slice_is_whole_or_missing(data: bytes, start: int, length: int) -> None:
    sample = dissection(node("vebus.unknown", data))
    begin = start if start >= 0 else len(data) + start
    whole = begin >= 0 and begin + length <= len(data)
    assert passes(f"vebus.unknown[{start}:{length}]", sample) == whole
    part = data[begin : begin + length] if whole else b"\0"
    literal = ":".join(f"{byte:02x}" for byte in part) if len(part) > 1 else f"0x{part[0]:02x}"
    assert passes(f"vebus.unknown[{start}:{length}] == {literal}", sample) == whole
