"""The screenshots of the documentation show what the commands print now."""

from pathlib import Path

import pytest

from captures.screens import FOLDER, SCREENS, Screen, render, text_of
from captures.tshark_golden import VERSION
from tests.checkout import ROOT
from tests.wireshark_compare import find_program
from vebus_tools.wireshark import find_program as described
from vebus_tools.wireshark.colours import COLOURS


@pytest.mark.parametrize("screen", SCREENS, ids=lambda screen: screen.file)
def test_a_screen_is_current(screen: Screen) -> None:
    if screen.file.startswith("tshark"):
        version = described(find_program("tshark")).version
        if version[:2] != VERSION:
            pytest.skip(f"the screen is from tshark {VERSION}, this is {version}")
    shown = text_of((FOLDER / screen.file).read_text(encoding="utf-8"))
    assert len(shown) > 10
    assert any("vebus" in text or "tshark" in text for text in shown)
    drawn = render(screen)
    assert text_of(drawn) == shown, "read the change, then run `python -m captures.screens`"
    if screen.file.startswith("tshark"):
        sync = next(one for one in COLOURS if one.filter == 'vebus.type == "Sync"')
        assert f"#{sync.text}" in drawn
        assert f"#{sync.background}" in drawn


def test_every_screen_is_made_and_shown_in_a_document() -> None:
    assert {path.name for path in FOLDER.glob("*.svg")} == {screen.file for screen in SCREENS}
    documents = "".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "README.md", Path(ROOT / "captures" / "tshark.md"))
    )
    for screen in SCREENS:
        assert f"screens/{screen.file}" in documents
