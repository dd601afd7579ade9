"""protocol/README.md is what the declarations say, and a reader finds everything on it."""

import re
import subprocess
import sys

import pytest

from tests.checkout import ROOT
from vebus_protocol.enums import DeviceState
from vebus_protocol.reference import REGENERATE, reference_page
from vebus_protocol.reference.fields import rule_words, scale_words
from vebus_protocol.reference.markdown import link, slug, table
from vebus_protocol.registry import ENVELOPES, MESSAGES
from vebus_protocol.scaling import RamScale, Rule
from vebus_protocol.schema import Linear, Message, OfRam, OfSetting, Reciprocal, Scale, this
from vebus_protocol.variables import RAM_VARIABLES, SETTINGS

PAGE = reference_page()
LINES = PAGE.splitlines()
HEADINGS = [line.lstrip("#").strip() for line in LINES if re.match(r"#+ ", line)]


def _section(heading: str) -> list[str]:
    """Lines from a heading to the next one."""
    start = next(at for at, line in enumerate(LINES) if re.fullmatch(rf"#+ {re.escape(heading)}", line))
    rest = LINES[start + 1 :]
    return rest[: next((at for at, line in enumerate(rest) if re.match(r"#+ ", line)), len(rest))]


def test_the_page_in_the_repository_is_current() -> None:
    path = ROOT / "protocol" / "README.md"
    assert path.read_text(encoding="utf-8") == PAGE, f"declarations have changed, run: {REGENERATE}"


def test_the_command_writes_the_page(checkout_environment: dict[str, str]) -> None:
    words = REGENERATE.partition(" > ")[0].split()
    assert words[0] == "python"
    run = subprocess.run(
        [sys.executable, *words[1:]], env=checkout_environment, capture_output=True, timeout=60, check=True
    )
    assert run.stdout.decode("utf-8") == PAGE


def test_the_page_tells_how_it_is_made() -> None:
    assert REGENERATE in PAGE


# --- completeness ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("declared", [*MESSAGES, *ENVELOPES], ids=lambda one: one.__name__)
def test_every_message_has_its_section(declared: type[Message]) -> None:
    heading = declared.__name__ if declared in ENVELOPES else f"{declared.__name__}: {declared.INFO.title}"
    section = "\n".join(_section(heading))
    assert " ".join((declared.__doc__ or "").replace("``", "`").split()) in " ".join(section.split())
    rows = [line for line in section.splitlines() if line.startswith("|")]
    for spec in (*declared.FIELDS, *declared.COMPUTED):
        for one in (spec, *spec.bits):
            named = [row for row in rows if f"`{one.name}`<br>`{one.abbrev}`" in row]
            assert named, f"no row for {one.abbrev}"
            assert any(one.evidence.value in row and one.source in row and one.label in row for row in named)


def test_every_ram_variable_and_setting_has_a_row() -> None:
    ram, settings = "\n".join(_section("RAM variables")), "\n".join(_section("Settings"))
    assert all(f"| {int(one)} | `{RAM_VARIABLES[one].name}` |" in ram for one in RAM_VARIABLES)
    assert all(f"| {int(one)} | `{SETTINGS[one].name}` |" in settings for one in SETTINGS)


def test_enumerations_list_number_name_and_text() -> None:
    section = _section("DeviceState")
    for state in DeviceState:
        assert f"| {state.value} | `0x{state.value:02X}` | `{state.name}` | {state.text} |" in section


# --- form ------------------------------------------------------------------------------------------------------------
def test_headings_are_unique_and_links_lead_to_them() -> None:
    anchors = [slug(heading) for heading in HEADINGS]
    assert len(set(anchors)) == len(anchors)
    targets = set(re.findall(r"\]\(#([^)]*)\)", PAGE))
    assert targets
    assert targets <= set(anchors)


def test_the_contents_lead_to_every_chapter() -> None:
    chapters = [line[3:] for line in LINES if line.startswith("## ") and line != "## Contents"]
    listed = "\n".join(_section("Contents"))
    assert chapters
    assert all(link(chapter) in listed for chapter in chapters)


def test_rows_have_as_many_cells_as_their_head() -> None:
    width = 0
    for line in LINES:
        cells = len(re.findall(r"(?<!\\)\|", line))
        if not line.startswith("|"):
            width = 0
        elif not width:
            width = cells
        else:
            assert cells == width, line


def test_the_page_holds_nothing_of_this_machine_and_no_python_object() -> None:
    assert str(ROOT) not in PAGE
    assert not re.search(r"<(function|class|enum|object|construct)|0x[0-9a-f]{8,} object|this\[|frozenset", PAGE)


# --- words -----------------------------------------------------------------------------------------------------------
def test_places_count_on_both_links() -> None:
    rows = [line for line in _section("ReadRam: Read RAM") if line.startswith("|")]
    assert rows[0].startswith("| body | RS485 | p[n] | size |")
    assert rows[2].startswith("| 0 | 6 | 2 | 1 | u8 | `code`")
    assert rows[3].startswith("| 1 | 7 | 3 | n x 1 | u8[] | `ids`")
    assert rows[4].startswith("| 1+ | 7+ | 3+ | n | bytes | `rest` |")
    assert (
        "| 6 | 10 | 2 | u16 | `voltage`<br>`vebus.dc.voltage` | V | RAM variable 4, announced by the device |" in PAGE
    )


@pytest.mark.parametrize(
    ("scale", "words"),
    [
        (None, ""),
        (Linear(), "x 1"),
        (Linear(divide=100), "/ 100"),
        (Linear(multiply=15), "x 15"),
        (Linear(multiply=9, divide=100), "x 9 / 100"),
        (Linear(offset=-40, divide=5), "(raw - 40) / 5"),
        (Linear(offset=100), "(raw + 100)"),
        (Reciprocal(numerator=2_500_000), "2500000 / raw"),
        (OfRam(variable=4), "RAM variable 4, announced by the device"),
        (OfRam(variable=this.id), "RAM variable `id`, announced by the device"),
        (OfRam(), "that of the RAM variable in the request, announced by the device"),
        (OfRam(variable=8, frequency=True), "10 / value; RAM variable 8, announced by the device"),
        (OfRam(variable=1, times=this.factor), "RAM variable 1, announced by the device; times `factor`"),
        (OfSetting(setting=2), "setting 2, announced by the device"),
        (OfSetting(), "that of the setting in the request, announced by the device"),
    ],
)
def test_scales_in_words(scale: Scale | None, words: str) -> None:
    assert scale_words(scale) == words


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (RamScale(scale=-0x7FF6).rule, "/ 10, signed"),
        (RamScale(scale=0x785F, offset=256).rule, "(raw + 256) / 1953"),
        (RamScale(scale=5, offset=-0x8000).rule, "bit 4"),
        (RamScale(scale=0).rule, "not supported by the device"),
    ],
)
def test_announced_scales_in_words(rule: Rule, words: str) -> None:
    assert rule_words(rule) == words


def test_tables_leave_out_empty_columns_and_escape_bars() -> None:
    shown = table(("a", "b", "c"), [("1", "", "x|y"), ("2", "", "")])
    assert shown == "| a | c |\n| --- | --- |\n| 1 | x\\|y |\n| 2 |  |"
