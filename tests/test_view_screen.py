"""The live table as text: golden screens, sizes, order, colours."""

from dataclasses import replace

import pytest

from tests.view_screens import GOLDEN, SCREENS, controls_over, screen_text
from vebus_tools.view.controls import Controls, Sort
from vebus_tools.view.model import Row
from vebus_tools.view.screen import Page, Size, compose, plain_text
from vebus_tools.view.terminal import painted
from vebus_tools.view.update import Status, Update

STATUS = Status(port="sim:", elapsed_s=3_723.0, frames=7_000, speed=119.6, load=0.0712, sync_age_s=0.01, sync_s=0.02)
ROW = Row(
    ident=0,
    name="DC info",
    sender="Multi",
    rank=0x8383,
    style="green",
    count=12,
    rate=1.25,
    period_s=0.8,
    jitter_s=0.0064,
    age_s=0.5,
    values="Udc=13.31 V, Iinv=1.8 A",
    longest=23,
    data=bytes.fromhex("20 40 a5 c4"),
    changed=bytes.fromhex("00 00 81 01"),
    recent=frozenset({2}),
    shown=True,
)


def controls_with(*rows: Row, status: Status = STATUS, **facts: str) -> Controls:
    controls = Controls()
    controls.receive(Update(status=status, rows=rows, **facts))  # type: ignore[arg-type]
    return controls


def spans(page: Page, style: str) -> list[str]:
    return [text for line in page.lines for text, used in line if used == style]


@pytest.mark.parametrize("name", SCREENS)
def test_golden_screen(name: str) -> None:
    size, keys = SCREENS[name]
    assert screen_text(size, keys) == (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "size", [(1, 1), (2, 3), (10, 4), (40, 10), (79, 23), (80, 24), (133, 50), (169, 9), (300, 90)]
)
@pytest.mark.parametrize("keys", ["", "b", "?", "G", "/"])
def test_every_screen_has_its_size(size: Size, keys: str) -> None:
    controls = controls_over_once()
    for key in keys:
        controls.press(key)
    page = compose(controls, size)
    assert len(page.lines) == size[1]
    assert max(sum(len(text) for text, _ in line) for line in page.lines) <= size[0]


_OVER: list[Controls] = []


def controls_over_once() -> Controls:
    """The capture is folded once; each call gives fresh settings."""
    if not _OVER:
        _OVER.append(controls_over())
    return replace(_OVER[0])


def test_changed_bytes_are_marked_and_the_marks_can_be_hidden() -> None:
    page = compose(controls_with(ROW), (80, 24))
    assert (spans(page, "recent"), spans(page, "changed")) == (["a5"], ["c4"])
    controls = controls_with(ROW)
    controls.press("h")
    page = compose(controls, (80, 24))
    assert (spans(page, "recent"), spans(page, "changed")) == ([], [])
    assert "20 40 a5 c4" in plain_text(page)


def test_changed_bits_are_marked_in_binary() -> None:
    controls = controls_with(ROW)
    controls.press("b")
    page = compose(controls, (80, 24))
    assert "00100000 01000000 10100101 11000100" in plain_text(page)
    assert spans(page, "recent") == ["1", "1"]
    assert spans(page, "changed") == ["0"]


def test_a_row_that_is_not_heard_any_more_is_dim() -> None:
    page = compose(controls_with(replace(ROW, age_s=30.0)), (80, 24))
    assert any("DC info" in text for text in spans(page, "dim"))
    assert not any("DC info" in text for text in spans(compose(controls_with(ROW), (80, 24)), "dim"))


def test_values_too_long_for_the_line_of_the_bytes_have_their_own() -> None:
    values = "Umains=230.12 V, " * 4
    text = plain_text(compose(controls_with(replace(ROW, values=values, longest=len(values))), (80, 24)))
    assert f"   {values.strip()}\n" in text
    assert "\n" + "20 40 a5 c4".rjust(80) + "\n" in text


def test_values_that_are_cut_off_can_be_reached() -> None:
    values = "".join(f"V{at}={at} V, " for at in range(40))
    controls = controls_with(replace(ROW, values=values, longest=len(values)))
    assert "V39=39 V" not in plain_text(compose(controls, (80, 24)))
    for _ in range(40):
        controls.press("right")
    assert "V39=39 V" in plain_text(compose(controls, (80, 24)))
    for _ in range(60):
        controls.press("left")
    assert "   V0=0 V" in plain_text(compose(controls, (80, 24)))


def test_rows_that_a_filter_hides_are_told() -> None:
    controls = controls_with(ROW, replace(ROW, ident=1, name="Sync", shown=False), filter="vebus.dc")
    text = plain_text(compose(controls, (80, 24)))
    assert "filter: vebus.dc (1 hidden)" in text
    assert "Sync  " not in text.split("Message")[1]
    assert "No row" in plain_text(compose(controls_with(replace(ROW, shown=False)), (80, 24)))


def test_a_wrong_filter_is_told_over_two_lines() -> None:
    problem = "filter: column 1: no such field, " + "long " * 20 + "end"
    lines = plain_text(compose(controls_with(ROW, problem=problem), (80, 24))).splitlines()
    assert (lines[-2] + lines[-1]).replace(" ", "") == problem.replace(" ", "")


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        (Sort.MESSAGE, ["A", "B", "C"]),
        (Sort.COUNT, ["B", "C", "A"]),
        (Sort.RATE, ["C", "A", "B"]),
        (Sort.AGE, ["B", "A", "C"]),
    ],
)
def test_order_of_rows(sort: Sort, expected: list[str]) -> None:
    rows = (
        replace(ROW, ident=0, name="C", rank=2, count=20, rate=9.0, age_s=8.0),
        replace(ROW, ident=1, name="B", rank=1, count=30, rate=1.0, age_s=0.2),
        replace(ROW, ident=2, name="A", rank=1, count=10, rate=2.0, age_s=3.0),
    )
    controls = controls_with(*rows)
    controls.sort = sort
    lines = plain_text(compose(controls, (80, 24))).splitlines()
    assert [line[0] for line in lines[4:10:2]] == expected


def test_errors_are_red_and_rare_ones_appear_when_there_are_some() -> None:
    calm = compose(controls_with(ROW), (80, 24))
    assert spans(calm, "bad") == []
    assert "Framing errors" not in plain_text(calm)
    status = replace(STATUS, bad_checksums=2, gaps=1, framing_errors=5, lost_links=1)
    bad = compose(controls_with(ROW, status=status), (100, 24))
    assert spans(bad, "bad") == ["2 ", "1 ", "5 ", "1 "]


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"sync_age_s": None}, "Sync none yet"),
        ({"sync_age_s": 4.2}, "Sync lost for 4 s"),
        ({"sync_jitter_s": 0.0004}, "Sync 20.000 ms, jitter 0.400 ms"),
        ({"load": None}, "Bus load unknown"),
        ({"elapsed_s": 200_000.0}, "2d 07:33:20"),
        ({"recording": "bus.pcapng", "size": 1_500}, "bus.pcapng 1.5 kB"),
        ({"recording": "bus.pcapng", "size": 2_500_000_000, "files": 4}, "bus.pcapng 2.5 GB, file 4"),
        ({}, "not recording"),
    ],
)
def test_head(changes: dict[str, object], text: str) -> None:
    status = replace(STATUS, **changes)  # type: ignore[arg-type]
    assert text in plain_text(compose(controls_with(ROW, status=status), (80, 24)))


def test_a_long_name_of_a_recording_never_hides_its_size() -> None:
    status = replace(STATUS, port="/dev/ttyUSB0", recording="x" * 100 + ".pcapng", size=1_200_000, files=12)
    first = plain_text(compose(controls_with(ROW, status=status), (80, 24))).splitlines()[0]
    assert ".pcapng 1.2 MB, file 12" in first
    assert len(first) <= 80


def test_what_the_bus_says_moves_no_cursor() -> None:
    row = replace(ROW, name="A\x1b[2J", values="B\nC\x07")
    text = plain_text(compose(controls_with(row), (80, 24)))
    assert "\x1b" not in text
    assert "\x07" not in text
    assert len(text.splitlines()) == 24


def test_wide_characters_do_not_break_the_columns() -> None:
    from rich.cells import cell_len

    page = compose(controls_with(replace(ROW, sender="インバータ一号機")), (80, 24))
    assert max(cell_len("".join(text for text, _ in line)) for line in page.lines) <= 80


def test_colours_of_rich_and_a_form_without_colours() -> None:
    line = (("a5", "recent"), ("c4", "changed"), ("20", ""))
    assert painted(line, colour=True) == "\x1b[30;43ma5\x1b[0m\x1b[33mc4\x1b[0m20"
    assert painted(line, colour=False) == "\x1b[7ma5\x1b[0m\x1b[4mc4\x1b[0m20"
