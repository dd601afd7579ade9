"""Summary, details and bytes of tshark and `vebus decode`, side by side: the same but for a table of differences."""

import difflib

import pytest

from captures.tshark_golden import CAPTURES, VERSION, golden_of, ours, same_form, theirs
from tests.wireshark_compare import find_program
from vebus_tools.wireshark import find_program as described


@pytest.mark.parametrize("capture", CAPTURES)
def test_the_golden_text_is_what_tshark_prints(capture: str) -> None:
    tshark = find_program("tshark")
    version = described(tshark).version
    if version[:2] != VERSION:
        pytest.skip(f"the golden texts are from tshark {VERSION}, this is {version}")
    assert theirs(capture, tshark) == golden_of(capture).read_text(encoding="utf-8"), (
        "read the change, then run `python -m captures.tshark_golden`"
    )


@pytest.mark.parametrize("capture", CAPTURES)
def test_the_golden_text_is_ours_but_for_the_table_of_differences(capture: str) -> None:
    real = same_form(golden_of(capture).read_text(encoding="utf-8")).splitlines()
    mine = same_form(ours(capture)).splitlines()
    assert len(mine) > 100
    assert list(difflib.unified_diff(mine, real, "vebus decode", "tshark", n=0, lineterm="")) == []
