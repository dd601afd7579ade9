"""One moment of a rehearsal as the panel and `status` show it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from vebus_tools.cli.emulate_words import gate_text, profile_text
from vebus_tools.panel.model import Face, Folder, Unit, status_lines
from vebus_tools.rehearsal.multi import state_and_deed

if TYPE_CHECKING:
    from vebus_tools.firmware import SystemJudgement
    from vebus_tools.rehearsal import News, Rehearsal
    from vebus_tools.simulator import Reaction

__all__ = ["FaceMaker", "unit_of"]


def unit_of(one: Reaction, name: str) -> Unit:
    """A simulated inverter(/charger) for people."""
    ac = "AC there" if one.ac else "no AC"
    error = f", VE.Bus error {one.error}" if one.error else ""
    permitted = f"charge up to {one.permitted_charge_a:.0f} A" if one.permitted_charge_a else "no charging"
    return Unit(
        name=name,
        does=state_and_deed(one.state.value, one.does),
        leds_on=one.lit,
        leds_blink=one.blinking,
        detail=f"{ac}, {permitted}, battery {one.battery_v:.1f} V {one.battery_a:+.1f} A{error}",
    )


class FaceMaker:
    """Folds the news of a rehearsal and makes faces."""

    def __init__(self, rehearsal: Rehearsal, judgement: SystemJudgement, until_s: float, recording: str) -> None:
        """``until_s`` may be infinite."""
        self._rehearsal = rehearsal
        self._gate, self._good = gate_text(judgement), judgement.verdict.accepted
        self._until_s = until_s
        self._recording = recording
        self._folder = Folder()
        self.answer, self.answer_good = "", True

    def take(self, news: Iterable[News]) -> None:
        """Take what happened."""
        self._folder.take(news)

    def face(self) -> Face:
        """How everything stands now."""
        rehearsal = self._rehearsal
        bms, now = rehearsal.bms.bms, rehearsal.now_s
        reactions = rehearsal.multi.reactions if rehearsal.multi else ()
        names = ["Multi"] if len(reactions) == 1 else [f"Multi {one.unit}" for one in reactions]
        return Face(
            mode="simulation" if rehearsal.bus else "dry run",
            profile=profile_text(rehearsal.profile),
            gate=self._gate,
            gate_good=self._good,
            at_s=now,
            state=bms.state,
            inputs=bms.inputs,
            outputs=bms.outputs,
            sample=rehearsal.bms.sample,
            folded=self._folder.folded(bms.outputs, now),
            until_s=None if math.isinf(self._until_s) else self._until_s,
            units=tuple(map(unit_of, reactions, names)),
            interlocks=rehearsal.bms.interlocks.states(now),
            stopped=rehearsal.stopped,
            answer=self.answer,
            answer_good=self.answer_good,
            recording=self._recording,
        )

    def status(self) -> Iterator[str]:
        """The face in plain lines."""
        return status_lines(self.face())
