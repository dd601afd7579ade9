"""The live table over a capture, as text: golden screens, written by ``python -m tests.view_screens``."""

from pathlib import Path

from tests.checkout import ROOT
from vebus_protocol.schema import Link
from vebus_tools.capture import open_capture
from vebus_tools.generated import quick_dissect
from vebus_tools.runner import dissections
from vebus_tools.session import Session
from vebus_tools.sinks.colours import summary_style
from vebus_tools.tally import Tally
from vebus_tools.view.controls import Controls
from vebus_tools.view.model import Model
from vebus_tools.view.screen import Size, compose, plain_text
from vebus_tools.view.update import Status, Update

__all__ = ["GOLDEN", "SCREENS", "controls_over", "screen_text"]

GOLDEN = Path(__file__).parent / "goldens"
CAPTURE = ROOT / "captures" / "synthetic-60s.bin"
SCREENS: dict[str, tuple[Size, str]] = {
    "view-80x24": ((80, 24), ""),
    "view-120x40": ((120, 40), ""),
    "view-180x40": ((180, 40), ""),
    "view-80x24-binary": ((80, 24), "b"),
    "view-80x24-help": ((80, 24), "?"),
    "view-80x24-end": ((80, 24), "G"),
}
"""Name of a golden screen -> size and the keys that were pressed before."""


def controls_over(capture: Path = CAPTURE) -> Controls:
    """Settings as they are in the beginning, with all of a capture in the table."""
    model, tally = Model(Session(), 0.0, dissect=quick_dissect, style=summary_style), Tally()
    now = 0.0
    with open_capture(capture) as opened:
        for dissection in dissections(opened.chunks, Link.RS485):
            model.take(dissection.record)
            tally.take(dissection.record)
            now = dissection.record.stamp.at
    status = Status(
        port="/dev/ttyUSB0",
        elapsed_s=now,
        frames=tally.frames,
        speed=tally.frames / now,
        load=0.071,
        sync_s=model.sync.period_s,
        sync_jitter_s=model.sync.jitter_s,
        sync_age_s=now - (model.sync.last or 0.0),
        bad_checksums=tally.bad_checksums,
        resyncs=tally.resyncs,
        gaps=tally.gaps,
        recording="bus_00003_20240131235959.pcapng",
        size=1_234_567,
        files=3,
    )
    controls = Controls()
    controls.receive(Update(status=status, rows=model.rows(now)))
    return controls


def screen_text(size: Size, keys: str) -> str:
    """The screen after some keys, as bare text."""
    controls = controls_over()
    page = compose(controls, size)
    controls.limit, controls.page = page.limit, page.page
    for key in keys:
        controls.press(key)
    return plain_text(compose(controls, size))


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for name, (wanted, pressed) in SCREENS.items():
        (GOLDEN / f"{name}.txt").write_text(screen_text(wanted, pressed), encoding="utf-8")
