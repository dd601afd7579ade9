"""Field lists: every option, every sort of value, and errors that name what was meant."""

# ruff: noqa: ANN401  (options go through unchanged)

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from tests.machine_samples import (
    BAD_SUM,
    EPOCH,
    FLAGS_NODE,
    KIND_NODE,
    SYNC,
    VOLTS_NODE,
    block,
    dissection,
    node,
    output,
)
from vebus_protocol.errors import VEBusError
from vebus_tools.nodes import Dissection
from vebus_tools.records import Stamp, TimeSource
from vebus_tools.sinks.fields_form import FieldsError, FieldsForm, FieldsOptions, Occurrence, parse_options
from vebus_tools.sinks.frame_form import render
from vebus_tools.times import NO_TIMING, Timing


def fields(of: Dissection, *names: str, timing: Timing = NO_TIMING, known: Iterable[str] = (), **options: Any) -> str:
    form = FieldsForm(names, FieldsOptions(**options), known={*names, *known})
    return "".join(render(form, [(of, timing)]))


def test_the_example() -> None:
    """As it stands beside ``-T fields -E header=y -E separator=,`` where the output is described."""
    made = dissection(block(KIND_NODE, node("vebus.seq", 2)), info="Sync, Nr=2, Time=536 (48.24 ms), Status=0x51")
    names = ["frame.number", "frame.time_relative", "vebus.type", "vebus.seq", "_ws.col.info"]
    assert output(FieldsForm(names, parse_options(["header=y", "separator=,"])), made) == (
        "frame.number,frame.time_relative,vebus.type,vebus.seq,_ws.col.info\n"
        '1,0.000000000,0xfd,2,"Sync, Nr=2, Time=536 (48.24 ms), Status=0x51"\n'
    )


@pytest.mark.parametrize(
    ("option", "line"),
    [
        ("quote=n", "13.31,20.5,a, b,"),
        ("quote=d", '"13.31,20.5","a, b",'),
        ("quote=s", "'13.31,20.5','a, b',"),
        ("occurrence=f", '13.31,"a, b",'),
        ("occurrence=l", '20.5,"a, b",'),
        ("aggregator=/s", '13.31 20.5,"a, b",'),
        ("aggregator=;", '13.31;20.5,"a, b",'),
    ],
)
def test_options(option: str, line: str) -> None:
    made = dissection(block(VOLTS_NODE, replace(VOLTS_NODE, value=20.5)), info="a, b")
    names = ("vebus.volts", "_ws.col.info", "vebus.other")
    form = FieldsForm(names, parse_options(["separator=,", option]), known=names)
    assert output(form, made) == f"{line}\n"


def test_quotes_inside_a_quoted_value_are_doubled() -> None:
    made = dissection(info='say "a b"')
    assert fields(made, "_ws.col.info", quote='"') == '"say ""a b"""\n'
    assert fields(made, "_ws.col.info", separator=" ") == '"say ""a b"""\n'
    assert fields(made, "_ws.col.info") == 'say "a b"\n'
    assert fields(made, "_ws.col.info", quote="'") == "'say \"a b\"'\n"


def test_control_characters() -> None:
    made = dissection(block(node("vebus.x", "a\tb\nc\x1b")))
    assert fields(made, "vebus.x") == "a\\tb\\nc\\x1b\n"
    assert fields(made, "vebus.x", escape=False, quote="") == "a\tb\nc\x1b\n"


def test_byte_order_mark_and_header() -> None:
    made = dissection()
    assert fields(made, "frame.len", "frame.number", bom=True, header=True, quote='"') == (
        '\ufeffframe.len\tframe.number\n"10"\t"1"\n'
    )


def test_values() -> None:
    nodes = (
        KIND_NODE,
        FLAGS_NODE,
        VOLTS_NODE,
        node("vebus.bytes", b"\xaa\xbb"),
        node("vebus.none", None),
        node("vebus.checksum.status", "Good"),
    )
    made = dissection(block(*nodes), findings=(BAD_SUM,), at=EPOCH + 0.003125, epoch=True)
    timing = Timing(first=Stamp(EPOCH, TimeSource.LOG, epoch=True), previous=Stamp(EPOCH, TimeSource.LOG, epoch=True))
    expected = {
        "vebus": "Victron VE.Bus",
        "frame": "Frame 1: 10 bytes on wire (80 bits), 10 bytes captured (80 bits)",
        "vebus.type": "0xfd",
        "vebus.type.raw": "253",
        "vebus.flags.on": "1",
        "vebus.volts": "13.31",
        "vebus.volts.raw": "1331",
        "vebus.bytes": "aabb",
        "vebus.none": "",
        "vebus.checksum.status": "Good",
        "frame.time_epoch": "1700000000.003125000",
        "frame.time_relative": "0.003125000",
        "frame.time_delta": "0.003125000",
        "frame.len": "10",
        "frame.protocols": "vebus",
        "frame.raw": SYNC.hex(),
        "_ws.expert": "Expert Info (Error/Checksum): Bad checksum",
        "_ws.expert.message": "Bad checksum",
        "_ws.expert.severity": "4",
        "_ws.expert.group": "Checksum",
        "_ws.col.number": "1",
        "_ws.col.time": "0.003125",
        "_ws.col.def_src": "Multi",
        "_ws.col.def_dst": "Bus",
        "_ws.col.protocol": "VE.Bus",
        "_ws.col.packet_length": "10",
        "_ws.col.Protocol": "VE.Bus",
        "_ws.col.info": "Sync, Nr=2 [Bad checksum]",
    }
    line = fields(made, *expected, timing=timing).rstrip("\n")
    assert dict(zip(expected, line.split("\t"), strict=True)) == expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("heder=y", 'no option "heder" for -E, the nearest is header'),
        ("xyz=1", 'no option "xyz" for -E; there are aggregator, bom, escape, header, occurrence, quote, separator'),
        ("header", "option header of -E needs a value: header=y|n"),
        ("header=yes", 'option header of -E is y|n, found "yes"'),
        ("quote=x", 'option quote of -E is d|s|n, found "x"'),
        ("separator=", 'option separator of -E is /t|/s|<character>, found ""'),
        ("separator=ab", 'option separator of -E is /t|/s|<character>, found "ab"'),
        ("occurrence=x", 'option occurrence of -E is f|l|a, found "x"'),
    ],
)
def test_wrong_option(text: str, problem: str) -> None:
    with pytest.raises(FieldsError) as caught:
        parse_options([text])
    assert str(caught.value) == problem
    assert isinstance(caught.value, VEBusError)


def test_all_options_together() -> None:
    texts = ["header=y", "separator=/t", "separator=/s", "aggregator=;", "quote=n", "occurrence=l", "escape=n", "bom=y"]
    assert parse_options(texts) == FieldsOptions(
        header=True, separator=" ", aggregator=";", quote="", occurrence=Occurrence.LAST, escape=False, bom=True
    )
    assert parse_options([]) == FieldsOptions()


def test_wrong_field() -> None:
    with pytest.raises(FieldsError, match=r'no field or protocol "vebus.seqq", the nearest is vebus.seq'):
        FieldsForm(["vebus.seqq"])
    with pytest.raises(FieldsError, match="at least one field"):
        FieldsForm([])
    assert FieldsForm(["vebus.seq", "_ws.col.Info", "vebus", "frame.time_delta"]).start() == ""
