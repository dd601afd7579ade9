"""Names of senders: the known ones, and those of the user's file."""

import pytest

from vebus_tools.names import DEFAULT_NAMES, NameTable, parse_names
from vebus_tools.records import CaptureError


def test_known_senders_have_names_and_others_four_hex_digits() -> None:
    assert DEFAULT_NAMES.name(0x8383) == "Multi"
    assert DEFAULT_NAMES.name(0x98F7) == "MK3"
    assert DEFAULT_NAMES.name(0x4C42) == "LAB BMS"
    assert DEFAULT_NAMES.name(0x1234) == "1234"
    assert DEFAULT_NAMES.name(0x0001) == "0001"


def test_a_file_extends_the_table_and_may_rename() -> None:
    table = parse_names('[names]\n8383 = "Quattro L1"\n4C42 = "My BMS"\n', "names.toml")
    assert [table.name(sender) for sender in (0x8383, 0x4C42, 0x98F7)] == ["Quattro L1", "My BMS", "MK3"]
    assert DEFAULT_NAMES.name(0x8383) == "Multi"


@pytest.mark.parametrize("text", ["", "# nothing\n", "[names]\n"])
def test_a_file_without_names_changes_nothing(text: str) -> None:
    assert parse_names(text, "names.toml") == DEFAULT_NAMES == NameTable()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[names", "names.toml: "),
        ('[names]\n838 = "x"', "'838' is no sender id"),
        ('[names]\n83838 = "x"', "'83838' is no sender id"),
        ('[names]\n"0x83" = "x"', "'0x83' is no sender id"),
        ('[names]\n"\\uFF18383" = "x"', "is no sender id"),
        ("[names]\n8383 = 5", "the name of 8383 must be a text"),
        ('[names]\n8383 = ""', "the name of 8383 must be a text"),
        ('[names]\n8383 = " "', "the name of 8383 must be a text"),
        ('[names]\n8383 = "two\\nlines"', "on one line"),
        ('[names]\n8383 = "\\u001b[31m"', "on one line"),
        ("[names.8383]\nx = 1", "the name of 8383 must be a text"),
        ("names = 3", "'names' does not belong here"),
        ('8383 = "x"', "'8383' does not belong here; names stand below a line [names]"),
        ('[name]\n8383 = "x"', "'name' does not belong here"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text: str, told: str) -> None:
    with pytest.raises(CaptureError) as caught:
        parse_names(text, "names.toml")
    assert str(caught.value).startswith("names.toml: ")
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)
