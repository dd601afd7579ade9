"""Summary list and colours: the samples character for character, with real tshark as the judge of layout."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.handmade import (
    AC_PHASE,
    BAD_SUM,
    CHECKSUM_TREE,
    DC,
    ESCAPE,
    REPLY,
    SUMMARY,
    SYNC,
    SYNC_TREE,
    TSHARK_FRAMES,
    UNKNOWN,
    block,
    data,
    decoded,
    dissection,
    expert,
    finding,
    generated,
    node,
    record,
    rows,
    shown_by_tshark,
    summary,
    sync,
)
from tests.real_tshark import find_tshark
from vebus_tools.frame_fields import info_text
from vebus_tools.records import Finding, Group, Severity
from vebus_tools.sinks.colours import ansi, painter, summary_style, tree_style
from vebus_tools.sinks.hexpane import hex_lines
from vebus_tools.sinks.text import arrow_for, frame_lines, printable, summary_line
from vebus_tools.sinks.tree import tree_lines
from vebus_tools.times import TimeForm, Timing, time_text


def test_summary_sample() -> None:
    assert "".join(f"{summary(row)}\n" for row in rows()) == SUMMARY


@pytest.mark.parametrize(
    ("encoding", "arrow"),
    [("utf-8", "→"), ("UTF8", "→"), ("ascii", "->"), ("latin-1", "->"), (None, "->"), ("no-such", "->")],
)
def test_arrow_that_the_output_can_hold(encoding: str | None, arrow: str) -> None:
    assert arrow_for(encoding) == arrow


def test_summary_without_unicode() -> None:
    line = summary(rows()[0], arrow=arrow_for("ascii"))
    assert (
        line == "    1   0.000000        Multi -> Bus          VE.Bus 10 Sync, Nr=2, Time=536 (48.24 ms), Status=0x51"
    )
    assert line.isascii()


def test_wide_columns_push_the_others() -> None:
    wide = replace(rows()[0], source="Quattro in the barn", destination="Everybody on the bus")
    line = summary_line(replace(wide, record=replace(wide.record, number=123456)), "1700000000.000000")
    assert line.startswith("123456 1700000000.000000 Quattro in the barn → Everybody on the bus VE.Bus 10 Sync, ")


def test_tabs_stand_between_the_same_columns() -> None:
    assert summary(rows()[6], tabs=True).split("\t") == [
        "    7",
        "  0.020000",
        "       Multi",
        "→",
        "Bus         ",
        "VE.Bus",
        "9",
        "Reply, Nr=60, Tid=0x00e6, Write RAM OK (0x87)",
    ]


def test_only_warnings_and_errors_follow_the_info() -> None:
    found = tuple(finding(severity, f"it is a {severity.text}", Group.MALFORMED) for severity in Severity)
    row = dissection(record(REPLY), "Reply", "assumed scale", findings=found)
    assert info_text(row) == "Reply [assumed scale] [it is a Warning] [it is a Error]"


@pytest.mark.parametrize("group", sorted(set(Group) - {Group.CHECKSUM, Group.MALFORMED}, key=str))
def test_what_is_no_damage_does_not_follow_the_info(group: Group) -> None:
    assert info_text(dissection(record(REPLY), "Reply", findings=(finding(Severity.ERROR, "x", group),))) == "Reply"


def test_nothing_is_told_twice() -> None:
    twice = finding(Severity.WARN, "Escape byte cut off", Group.MALFORMED)
    assert info_text(dissection(record(REPLY), "Reply", findings=(twice, twice))) == "Reply [Escape byte cut off]"
    row = replace(rows()[7], remarks=("Checksum 0x5b incorrect, should be 0x5a",))
    assert info_text(row) == "Reply, Nr=60 [Checksum 0x5b incorrect, should be 0x5a]"


def test_skipped_bytes_tell_their_reason_once() -> None:
    found = Finding(Severity.WARN, Group.MALFORMED, "7 bytes skipped: no frame", "vebus.resync")
    assert info_text(dissection(record(REPLY), "[7 bytes skipped]", "no frame", findings=(found,))) == (
        "[7 bytes skipped] [no frame]"
    )
    assert info_text(dissection(record(REPLY), "", "7 bytes skipped", findings=(found,))) == "[7 bytes skipped]"


def test_checksum_finding_without_its_node_keeps_its_words() -> None:
    assert info_text(replace(rows()[7], blocks=())) == "Reply, Nr=60 [Bad checksum]"


@given(st.text())
def test_whatever_the_bus_says_stays_on_one_line(text: str) -> None:
    row = dissection(record(REPLY), text, text, source=text, destination=text, protocol=text)
    assert printable(summary(row)) == summary(row)
    assert summary(row, tabs=True).count("\t") == 7
    tree = list(tree_lines(replace(row, blocks=(block(text, node(text, text), generated(text, text)),))))
    assert [printable(line) for line in tree] == tree


def test_control_characters_become_escapes() -> None:
    assert printable("a\x1b[31m\n\u2028°→") == r"a\x1b[31m\n\u2028°→"


# --- all parts of one record -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("summary_part", "tree", "pane", "expected"),
    [
        ("S", None, None, ["S"]),
        (None, ["T"], None, ["T", ""]),
        (None, None, ["H"], ["H", ""]),
        ("S", ["T"], None, ["S", "T", ""]),
        ("S", None, ["H"], ["S", "", "H", ""]),
        (None, ["T"], ["H"], ["T", "", "H", ""]),
        ("S", ["T"], ["H"], ["S", "T", "", "H", ""]),
    ],
)
def test_empty_lines(
    summary_part: str | None, tree: list[str] | None, pane: list[str] | None, expected: list[str]
) -> None:
    assert list(frame_lines(summary_part, tree, pane)) == expected


# --- colours ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wire", "style"), [(SYNC, "dim"), (DC, "green"), (AC_PHASE, "green"), (REPLY, "cyan"), (UNKNOWN, "")]
)
def test_each_family_has_its_colour(wire: bytes, style: str) -> None:
    assert summary_style(decoded(wire)) == style


def test_findings_decide_about_the_colour() -> None:
    note, warning = finding(Severity.NOTE, "n"), finding(Severity.WARN, "w")
    assert summary_style(rows()[7]) == "red"
    assert summary_style(replace(decoded(SYNC), findings=(warning, note))) == "yellow"
    assert summary_style(replace(decoded(SYNC), findings=(warning, BAD_SUM))) == "red"
    assert summary_style(replace(decoded(SYNC), findings=(note,))) == "dim"


def test_colours_of_the_tree() -> None:
    assert [tree_style(line) for line in (SYNC_TREE[0], SYNC_TREE[1], "")] == ["bold", "", ""]
    assert [tree_style(line) for line in CHECKSUM_TREE] == ["", "red", "", "", "", ""]
    assert tree_style(expert(3, "Warning", "w")[0]) == "yellow"
    assert tree_style(expert(3, "Note", "n")[0]) == ""


def test_escape_codes_of_a_terminal() -> None:
    assert ansi("text", "red") == f"{ESCAPE}[31mtext{ESCAPE}[0m"
    assert ansi("text", "") == "text"
    assert ansi("", "red") == ""


def test_colours_leave_the_text_alone() -> None:
    on, off = painter(on=True), painter(on=False)
    lines = [(summary(row), summary_style(row)) for row in rows()]
    lines += [(line, tree_style(line)) for line in (*SYNC_TREE, *CHECKSUM_TREE)]
    assert [off(line, style) for line, style in lines] == [line for line, _ in lines]
    painted = [on(line, style) for line, style in lines]
    assert any(ESCAPE in line for line in painted)
    assert [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in painted] == [line for line, _ in lines]


def test_plain_output_has_no_escape_codes() -> None:
    for row in (*rows(), sync(), data()):
        lines = frame_lines(summary(row), tree_lines(row), hex_lines(row.record))
        assert not any(ESCAPE in line for line in lines)


# --- the real tshark -------------------------------------------------------------------------------------------------


def test_tshark_prints_the_same_summary(tmp_path: Path) -> None:
    tshark = find_tshark(tmp_path)
    path, script = tshark.capture(list(TSHARK_FRAMES)), tshark.dissector(b"\x00")
    made = [shown_by_tshark(wire, number, at) for number, (at, wire) in enumerate(TSHARK_FRAMES, 1)]
    timing = Timing(first=made[0].record.stamp)
    made = [replace(row, findings=()) for row in made]  # tshark has no expert items in its Info column
    times = [time_text(TimeForm.RELATIVE, row.record.stamp, timing) for row in made]
    lines = [summary_line(row, time) for row, time in zip(made, times, strict=True)]
    assert lines == tshark.lines(path, "-X", script)
    tabs = [summary_line(row, time, tabs=True) for row, time in zip(made, times, strict=True)]
    assert tabs == tshark.lines(path, "-X", script, "-T", "tabs")
