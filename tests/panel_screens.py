"""The panel of a rehearsal, as text: golden screens, written by ``python -m tests.panel_screens``."""

from tests.rehearsals import GOLDEN, rehearsal
from vebus_tools.cli.emulate_faces import FaceMaker
from vebus_tools.firmware import judge_system, unit_of_text
from vebus_tools.panel.entry import Entry
from vebus_tools.panel.model import Face
from vebus_tools.panel.screen import compose
from vebus_tools.rehearsal import Rehearsal, shipped_script
from vebus_tools.view.screen import Line, Size

__all__ = ["SCREENS", "face_of", "low_cell", "screen_text", "shown"]

SCREENS: dict[str, tuple[Size, float, bool]] = {
    "panel-120x32": ((120, 32), 16.0, False),
    "panel-80x24": ((80, 24), 42.0, False),
    "panel-80x24-help": ((80, 24), 1.0, True),
}
"""Name of a golden screen -> size, time in s of the scenario low-cell, whether the help covers it."""


def low_cell(until_s: float) -> tuple[Rehearsal, FaceMaker]:
    """The scenario low-cell up to a time in s."""
    script = shipped_script("low-cell")
    found = rehearsal(scenario=script.installation, steps=script.steps)
    faces = FaceMaker(found, judge_system([unit_of_text("2629492")]), script.duration_s or 0.0, "bus.pcapng")
    for _ in found.run(until_s):
        pass
    faces.take(found.take_news())
    return found, faces


def face_of(until_s: float) -> Face:
    """What the panel shows then."""
    return low_cell(until_s)[1].face()


def shown(lines: tuple[Line, ...]) -> str:
    """The screen as bare text, without blanks at the ends of lines."""
    return "".join("".join(text for text, _ in line).rstrip() + "\n" for line in lines)


def screen_text(name: str) -> str:
    """The screen of a golden text."""
    size, at_s, helping = SCREENS[name]
    return shown(compose(face_of(at_s), Entry("cell 3 2.9", help=helping), size, 0.4))


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for title in SCREENS:
        (GOLDEN / f"{title}.txt").write_text(screen_text(title), encoding="utf-8")
