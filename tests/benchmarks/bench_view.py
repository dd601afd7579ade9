"""Processor time and losses of `vebus sniff --view -w FILE` at a saturated line, over both processes.

    python -m tests.benchmarks.bench_view [seconds] [rounds] [columns] [lines]

The same traffic as in bench_sniff, the program on a terminal of its own whose screen is read and thrown away.  Prints
the share of one core (user and system time of both processes over the time the line was busy, without the start), and
the bytes that are missing in the recording.
"""

import os
import resource
import statistics
import sys
import tempfile
import threading
from pathlib import Path

from tests.benchmarks.bench_sniff import RATE, feed, traffic
from tests.checkout import PACKAGES
from tests.screens import on_terminal
from vebus_tools.capture import open_capture
from vebus_tools.link import PtyEnd

GOAL = 0.35
"""Share of one core that both processes may use."""


def one_round(stream: bytes, size: tuple[int, int]) -> tuple[float, int]:
    """Processor time in seconds and bytes missing in the recording; an empty stream measures the start."""
    environment = {**os.environ, "PYTHONPATH": ":".join(str(folder.parent) for folder in PACKAGES.values())}
    end = PtyEnd()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bus.pcapng"
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        with on_terminal(environment, "-i", end.path, "-w", path, "--view", size=size) as terminal:
            terminal.wait_for_text("Nothing heard yet")
            feeder = threading.Thread(target=feed, args=(end, stream))
            feeder.start()
            while feeder.is_alive():
                terminal.look()
            end.drain(10.0)
            terminal.wait_for(lambda screen: not stream or "Reply" in str(screen), "a row")
            terminal.type("q")
            terminal.finish()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        end.close()
        held = held_bytes(path) if stream else 0
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, len(stream) - held


def held_bytes(path: Path) -> int:
    """Bytes of the bus in a recording."""
    with open_capture(path) as capture:
        return sum(len(chunk.data) for chunk in capture.chunks)


def main(arguments: list[str]) -> None:
    """Run the rounds and print the median."""
    seconds, rounds, columns, lines = (
        float(given) for given in (*arguments, *("10", "3", "120", "40")[len(arguments) :])
    )
    stream, size = traffic(seconds), (int(columns), int(lines))
    shares, losses = [], 0
    for _ in range(int(rounds)):
        start_s, _lost = one_round(b"", size)
        used_s, lost = one_round(stream, size)
        shares.append((used_s - start_s) * RATE / len(stream))
        losses += lost
    found = ", ".join(f"{share:.1%}" for share in shares)
    sys.stdout.write(f"{seconds:g} s at {RATE} bytes/s on {columns:g}x{lines:g}: {found}\n")
    sys.stdout.write(f"median {statistics.median(shares):.1%} of one core (goal {GOAL:.0%}), {losses} bytes lost\n")


if __name__ == "__main__":
    main(sys.argv[1:])
