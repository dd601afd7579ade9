"""Speed and memory of a simulated bus in virtual time, as a share of the goal of a day in three minutes of one core.

    python -m tests.benchmarks.bench_simulator [virtual minutes] [rounds] [scenario]

Prints processor seconds for a virtual day (median of all rounds, extrapolated), and how far the memory grew between the
first and the last quarter of the longest run; without a recording and with one of each format.
"""

import resource
import statistics
import sys
import tempfile
import time
from collections import deque
from pathlib import Path

from vebus_protocol.schema import Link
from vebus_tools.cli.simulate_endpoints import Recorder
from vebus_tools.simulator import VirtualBus, load_scenario

DAY_S = 86_400.0
GOAL_S = 180.0
"""Processor time that a virtual day may take."""

FORMS = (None, "raw", "pcapng")


def one_round(scenario: str, seconds: float, form: str | None, seed: int) -> tuple[float, int]:
    """Processor seconds for a virtual day, and the frames of this run."""
    bus = VirtualBus(load_scenario(scenario), seed)
    with tempfile.TemporaryDirectory() as folder:
        recorder = None if form is None else Recorder(str(Path(folder) / "bus"), form, Link.RS485, None)
        before = time.process_time()
        if recorder is None:
            deque(bus.run(seconds), maxlen=0)
        else:
            for sent in bus.run(seconds):
                recorder.write(sent)
            recorder.close()
        used = time.process_time() - before
    return used * DAY_S / seconds, bus.counters.frames


def growth_kib(scenario: str, seconds: float) -> int:
    """KiB by which the largest memory use grew in the last three quarters of a run."""
    bus = VirtualBus(load_scenario(scenario), 1)
    deque(bus.run(seconds / 4), maxlen=0)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    deque(bus.run(seconds), maxlen=0)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before


def main(minutes: str = "20", rounds: str = "5", scenario: str = "quiet-house") -> int:
    """Run all cases in turn; returns 1 when the goal is missed."""
    seconds = float(minutes) * 60.0
    missed = False
    results: dict[str | None, list[float]] = {form: [] for form in FORMS}
    for seed in range(int(rounds)):
        for form in FORMS:
            day_s, frames = one_round(scenario, seconds, form, seed)
            results[form].append(day_s)
            sys.stdout.write(f"  round {seed}, {form or 'no file'}: {day_s:.0f} s a day, {frames} frames\n")
    for form, found in results.items():
        median = statistics.median(found)
        missed |= form != "pcapng" and median > GOAL_S
        sys.stdout.write(
            f"{form or 'no file'}: {median:.0f} s of one core for a day ({median / GOAL_S:.0%} of the goal)\n"
        )
    sys.stdout.write(f"memory grew by {growth_kib(scenario, seconds)} KiB behind the first quarter\n")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
