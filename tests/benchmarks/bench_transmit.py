"""Time from a sync frame to the first byte of our answer, beside a C responder with the same privileges.

    python -m tests.benchmarks.bench_transmit                            # 20,000 syncs a row: half an hour
    python -m tests.benchmarks.bench_transmit --period 5                 # on a bus four times as fast: ten minutes
    python -m tests.benchmarks.bench_transmit --syncs 1000 --rounds 1    # a first look

Two peers are compiled from transmit_peer.c: the line (a pty, sync frames, what the interlocks want to hear) measures
both responders in the same way.  Rounds are by turns.  "Loaded" is two processes that spin and a rich table that is
painted as fast as it can be.  Needs a C compiler (`cc`, or CC).
"""

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.checkout import PACKAGES, ROOT
from tests.interlocked import AC_INFO, LEDS, version_wire
from vebus_protocol.bms import LAB, Profile, built_in
from vebus_protocol.frame import decode_frame
from vebus_tools.battery import Bank, uniform_sample
from vebus_tools.emulator import Terminals, Timing
from vebus_tools.transmitter import Feed, Plan, Snapshot, run

BANK = Bank(system_v=24, series=2)
WARM_S = 20.0
GOAL_P99_MS, GOAL_RATIO, AIM_RATIO = 1.0, 2.5, 1.2
PEER = Path(__file__).with_name("transmit_peer.c")
HOG = "while True: pass"
PAINTER = """
import os, sys
from rich.console import Console
from rich.live import Live
from rich.table import Table
with Live(console=Console(file=open(os.devnull, "w"), force_terminal=True, width=120), auto_refresh=False) as live:
    n = 0
    while True:
        table = Table()
        for name in "abcd":
            table.add_column(name)
        for row in range(77):
            table.add_row(*(str(n + row + column) for column in range(4)))
        live.update(table, refresh=True)
        n += 1
"""


@dataclass(slots=True, kw_only=True)
class Side:
    """Answers of one responder under one load, in ms; ``missed`` slots had none."""

    times: list[float] = field(default_factory=list)
    missed: int = 0

    def take(self, lines: list[str]) -> None:
        """The figures of a round."""
        found = [int(line) for line in lines]
        self.times += [one / 1e6 for one in found if one >= 0]
        self.missed += sum(one < 0 for one in found)

    def at(self, share: float) -> float:
        """A quantile."""
        ordered = sorted(self.times)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


class Line:
    """The line as a process: its pty, and its figures in the end."""

    def __init__(self, peer: Path, syncs: int, period_ms: float) -> None:
        payloads = [LEDS.format(on=5), AC_INFO.format(phases=8), decode_frame(version_wire()).payload.hex()]
        arguments = [str(syncs), str(int(1000 * period_ms)), str(WARM_S)]
        texts = [one.replace(" ", "") for one in payloads]
        self._process = subprocess.Popen(
            [str(peer), "line", *arguments, *texts], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self._process.stdout is not None
        self.path = self._process.stdout.readline().strip()

    @property
    def done(self) -> bool:
        """Whether it has measured."""
        return self._process.poll() is not None

    def figures(self) -> list[str]:
        """One line a sync frame."""
        output, _ = self._process.communicate(timeout=3600)
        if self._process.returncode:
            raise SystemExit("bench_transmit: the responder did not answer")
        return output.split()


def profile() -> Profile:
    """The laboratory profile, as fast as it goes."""
    lab = built_in(LAB)
    seconds = {"interval_normal": 0.0001, "interval_low_power": 0.0002, "boot": 0.0, "loss_timeout": 0.01}
    timing = {name: replace(one, seconds=seconds.get(name, one.seconds)) for name, one in lab.timing.items()}
    return replace(lab, timing=timing)


class Opted:
    """The opt-ins of a benchmark."""

    def is_terminal(self) -> bool:
        """There is somebody."""
        return True

    def type_port(self, texts: tuple[str, ...], port: str) -> str:  # noqa: ARG002
        """The right port."""
        return port

    def confirm(self, text: str) -> bool:  # noqa: ARG002
        """No battery is near."""
        return True


def ours(peer: Path, syncs: int, period_ms: float, notes: set[str]) -> list[str]:
    """One round of the sending loop."""
    line = Line(peer, syncs, period_ms)
    with tempfile.TemporaryDirectory() as folder:
        plan = Plan(
            port=line.path,
            profile=profile(),
            version=1245112,
            log=Path(folder) / "session.log",
            cells=BANK.cells,
            inputs={"supply_v": 26.0, "vebus": True, "battery_v": 26.0, "terminals": Terminals(joined=True)},
            timing=Timing(hold_s=0.1, shaped=False),
            listen_s=0.3,
            simulated_line=True,
        )

        def feed(now: float) -> Feed:
            return Feed(sample=uniform_sample(BANK, now), stop="measured" if line.done else "")

        def show(snapshot: Snapshot) -> None:
            notes.update(snapshot.notes)

        collected: list[str] = []
        with _collecting(line, collected):
            run(plan, feed=feed, show=show, ask=Opted(), process=("-P", "-m", "tests.benchmarks.transmit_side"))
    return collected


@contextlib.contextmanager
def _collecting(line: Line, into: list[str]) -> Iterator[None]:
    import threading

    thread = threading.Thread(target=lambda: into.extend(line.figures()))
    thread.start()
    try:
        yield
    finally:
        thread.join()


def theirs(peer: Path, syncs: int, period_ms: float) -> list[str]:
    """One round of the C responder."""
    line = Line(peer, syncs, period_ms)
    responder = subprocess.Popen([str(peer), "answer", line.path], stderr=subprocess.DEVNULL)
    try:
        return line.figures()
    finally:
        responder.kill()
        responder.wait()


@contextlib.contextmanager
def load(*, on: bool) -> Iterator[None]:
    """Two processes that spin, and one that paints."""
    programs = [HOG, HOG, PAINTER] if on else []
    processes = [subprocess.Popen([sys.executable, "-c", text]) for text in programs]
    try:
        time.sleep(1.0 if on else 0.0)
        yield
    finally:
        for one in processes:
            one.kill()
            one.wait()


def row(load_name: str, name: str, side: Side) -> str:
    """One line of the table."""
    figures = " | ".join(f"{side.at(share):.3f}" for share in (0.5, 0.99, 0.999))
    largest = max(side.times, default=float("nan"))
    count = len(side.times) + side.missed
    return f"| {load_name} | {name} | {count} | {figures} | {largest:.3f} | {side.missed} |"


def verdicts(found: dict[tuple[bool, str], Side]) -> Iterator[str]:
    """What was asked for, and what was reached."""
    idle = found[False, "ours"]
    yield f"idle p99 {idle.at(0.99):.3f} ms, goal below {GOAL_P99_MS} ms: {_met(idle.at(0.99) < GOAL_P99_MS)}"
    for loaded, text in ((False, "idle"), (True, "loaded")):
        if (loaded, "ours") in found:
            mine, peer = found[loaded, "ours"], found[loaded, "C"]
            ratio = mine.at(0.999) / peer.at(0.999)
            goal = f"goal {GOAL_RATIO}: {_met(ratio <= GOAL_RATIO)}; aim {AIM_RATIO}: {_met(ratio <= AIM_RATIO)}"
            missed = f"missed slots {mine.missed}: {_met(not mine.missed)}"
            yield f"{text} p99.9 {ratio:.2f} times that of C, {goal}; {missed}"


def _met(yes: bool) -> str:  # noqa: FBT001  (one word)
    return "met" if yes else "NOT MET"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--syncs", type=int, default=20_000, help="sync frames for each row")
    parser.add_argument("--period", type=float, default=20.0, help="ms from sync frame to sync frame; a bus has 20")
    parser.add_argument("--rounds", type=int, default=4, help="rounds by turns that a row is made of")
    parser.add_argument("--idle-only", action="store_true", help="leave the loaded rows out")
    wanted = parser.parse_args()
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), *(str(folder.parent) for folder in PACKAGES.values())])
    found: dict[tuple[bool, str], Side] = {}
    notes: set[str] = set()
    each = max(1, wanted.syncs // wanted.rounds)
    with tempfile.TemporaryDirectory() as folder:
        peer = Path(folder) / "transmit_peer"
        subprocess.run([os.environ.get("CC", "cc"), "-O2", "-o", str(peer), str(PEER)], check=True)
        for _ in range(wanted.rounds):
            for loaded in (False,) if wanted.idle_only else (False, True):
                with load(on=loaded):
                    found.setdefault((loaded, "ours"), Side()).take(ours(peer, each, wanted.period, notes))
                    found.setdefault((loaded, "C"), Side()).take(theirs(peer, each, wanted.period))
    _print(found, notes, wanted.period)


def _print(found: dict[tuple[bool, str], Side], notes: set[str], period_ms: float) -> None:
    lines = [
        f"A sync frame every {period_ms:g} ms; ms from just before it is written to the first byte of the answer.",
        "",
        "| load | responder | syncs | p50 | p99 | p99.9 | largest | missed slots |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    names = {False: "idle", True: "two hogs and a painter"}
    lines += [row(names[loaded], name, side) for (loaded, name), side in sorted(found.items())]
    lines += ["", *verdicts(found), *(f"note: {one}" for one in sorted(notes))]
    cores = os.cpu_count()
    lines.append(f"{cores} cores, load {os.getloadavg()[0]:.1f} in the last minute, medians of what else ran included")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
