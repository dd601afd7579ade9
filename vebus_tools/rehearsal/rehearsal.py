"""The emulated BMS with its battery, alone (dry run) or on one virtual line with the simulated installation.

    rehearsal = Rehearsal(Setup(), built_in(LAB), scenario=Scenario())
    for sent in rehearsal.run(20.0): ...
    rehearsal.say("cell 3 2.75")
    rehearsal.take_news()

No I/O, no clock: the same setup, orders and seed give the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from vebus_protocol.bms import Profile
from vebus_protocol.errors import VEBusError
from vebus_tools.interlocks import Mode
from vebus_tools.rehearsal.cells import CellModel, CellRows, Source
from vebus_tools.rehearsal.doing import Stage, do
from vebus_tools.rehearsal.faults import BmsFault, Faults
from vebus_tools.rehearsal.line import EmptyLine
from vebus_tools.rehearsal.multi import MultiWatch
from vebus_tools.rehearsal.news import News, Sort, frame_news
from vebus_tools.rehearsal.orders import Order, read_order
from vebus_tools.rehearsal.participant import BMS, Participant
from vebus_tools.rehearsal.script import Setup, Step
from vebus_tools.simulator import Scenario, TimedBytes, VirtualBus
from vebus_tools.simulator.battery import Battery
from vebus_tools.simulator.scenario import BatterySpec

__all__ = ["Rehearsal"]

_PERCENT = 100.0


class Rehearsal:
    """One run; ``bms`` is the emulated BMS on its line, ``multi`` what the simulated Multi does (None in a dry run)."""

    def __init__(
        self,
        setup: Setup,
        profile: Profile,
        *,
        scenario: Scenario | None = None,
        steps: Sequence[Step] = (),
        rows: CellRows | None = None,
        faults: Iterable[BmsFault] = (),
        seed: int = 0,
    ) -> None:
        """``scenario`` is the installation; None is a dry run.  ``rows`` take the place of the battery model.

        Raises ProfileError for a profile that cannot be emulated.
        """
        self.setup = setup
        self.profile = profile
        self.bus = None if scenario is None else VirtualBus(_charged(scenario, setup), seed, profile=profile)
        self._battery = self.bus.installation.battery if self.bus else _battery(setup)
        model = CellModel(setup.bank, self._followed) if rows is None else None
        source: Source = rows if model is None else model  # type: ignore[assignment]
        self.multi = MultiWatch(self.bus) if self.bus else None
        self.bms = Participant(
            setup,
            profile,
            source,
            Mode.SIMULATE if self.bus else Mode.DRY_RUN,
            Faults(faults, seed),
            multi=self.multi,
        )
        self._line: VirtualBus | EmptyLine = self.bus or EmptyLine()
        self._line.attach(self.bms)
        self._stage = Stage(bms=self.bms, cells=model, bus=self.bus)
        self._steps = sorted(steps, key=lambda step: step.at_s)
        self._said = ""

    def _followed(self) -> tuple[float, float]:
        """Voltage in V and temperature in degC of a cell that nobody has set."""
        setup = self.setup
        volts = self._battery.voltage_v if setup.voltage_v is None else setup.voltage_v
        degrees = self._battery.temperature_c if setup.temperature_c is None else setup.temperature_c
        return volts / (setup.bank.series * setup.bank.module.cells), degrees

    # time ------------------------------------------------------------------------------------------------------------
    @property
    def now_s(self) -> float:
        """How far it is, in s."""
        return self._line.now_s

    @property
    def next_at(self) -> float:
        """When something happens next, in s."""
        return min(self._line.next_at, self._steps[0].at_s) if self._steps else self._line.next_at

    def run(self, until_s: float) -> Iterator[TimedBytes]:
        """Everything that is on the line before a time in s; news of it wait in `take_news`."""
        while self._steps and self._steps[0].at_s < until_s:
            step = self._steps.pop(0)
            yield from self._pass(step.at_s)
            self._take(step)
        yield from self._pass(until_s)

    def _pass(self, until_s: float) -> Iterator[TimedBytes]:
        for sent in self._line.run(until_s):
            if sent.sender == BMS:
                self._sent(sent)
            yield sent

    def _sent(self, sent: TimedBytes) -> None:
        bms = self.bms
        bms.last_sent_s = sent.at_s
        news = frame_news(self.profile, sent.data, sent.at_s, self._said)
        self._said = news.text
        bms.news.append(news)

    # words -----------------------------------------------------------------------------------------------------------
    def say(self, text: str) -> str:
        """Carry out an order of the user now; returns what was done.  Raises OrderError, CellError."""
        order = read_order(text)
        return self._do(order, Sort.YOU)

    def _do(self, order: Order, who: Sort) -> str:
        done = do(order, self._stage, self.now_s)
        self.bms.add(self.now_s, who, done)
        return done

    def _take(self, step: Step) -> None:
        if step.say:
            self.bms.add(step.at_s, Sort.SCENARIO, step.say)
        if step.order is not None:
            try:
                self._do(step.order, Sort.SCENARIO)
            except VEBusError as problem:
                self.bms.add(step.at_s, Sort.NOTE, f"not done: {step.text}: {problem}")

    def take_news(self) -> list[News]:
        """What happened since the last call, in order of time."""
        found = list(self.bms.news)
        self.bms.news.clear()
        return sorted(found, key=lambda one: one.at_s)

    # the end ---------------------------------------------------------------------------------------------------------
    def stop(self, why: str) -> None:
        """Send nothing from now on; the line goes on."""
        self.bms.stop(why, self.now_s)

    @property
    def exit_code(self) -> int:
        """That of the interlock which stopped it; 0 where nothing but `stop` did."""
        stop = self.bms.interlocks.stopped
        return int(stop.exit_code) if stop is not None and stop.interlock is not None else 0

    @property
    def stopped(self) -> str:
        """Why nothing is sent any more; empty while that is not so."""
        return self.bms.silent

    @property
    def settled(self) -> bool:
        """Whether every unit has reacted to the silence, or there is none that could."""
        return self.multi is None or self.multi.safe

    def reaction(self) -> str:
        """How the Multi reacted after the stop (X-18)."""
        if self.multi is None:
            return "no Multi is here; one that misses its BMS charges with 5 A at most, or is off [B-119 to B-122]"
        if self.bms.last_sent_s is None:
            return "nothing was sent, so nothing is expected"
        return self.multi.report(self.bms.last_sent_s, self.now_s)

    def counters(self) -> dict[str, int]:
        """What was counted, by what it is."""
        found = {"frames of the BMS": self.bms.handed, "held back by an interlock": self.bms.held_back}
        if self.bus is not None:
            counters = self.bus.counters
            others = counters.frames - counters.senders.get(BMS, 0)
            found |= {
                "frames of others": others,
                "bytes on the line": counters.bytes,
                "damaged": counters.damaged,
                "collisions": counters.collisions,
                "given up on a busy line": counters.late,
            }
        return found

    @property
    def loss_s(self) -> float:
        """Time in s after which the Multi misses the BMS, as the profile assumes it."""
        found = self.profile.timing.get("loss_timeout")
        return found.seconds if found else 0.0


def _charged(scenario: Scenario, setup: Setup) -> Scenario:
    """The installation with the state of charge that was set."""
    if setup.soc is None:
        return scenario
    return replace(scenario, battery=replace(scenario.battery, soc=setup.soc / _PERCENT))


def _battery(setup: Setup) -> Battery:
    spec = BatterySpec() if setup.soc is None else BatterySpec(soc=setup.soc / _PERCENT)
    return Battery(spec, setup.bank.system_v)
