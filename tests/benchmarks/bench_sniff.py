"""Processor time and losses of `vebus sniff` at a saturated line: 9-byte frames at 256000 bit/s through a pty.

    python -m tests.benchmarks.bench_sniff [seconds] [rounds] [sniff options ...]

Prints the share of one core that the sniffer used (user and system time over the time the line was busy), the median of
all rounds, and what was lost.  The feeder writes one millisecond of traffic at a time, as a serial driver would.
"""

import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path

from tests.checkout import PACKAGES
from tests.sniffers import sniffing
from vebus_protocol.frame import Frame, encode_frame
from vebus_tools.capture import open_capture
from vebus_tools.link import PtyEnd

RATE = 25_600
"""Bytes in a second of a saturated line."""

TICK_S = 0.001
GOAL = 0.15
"""Share of one core that reading, decoding and recording may use."""


def traffic(seconds: float) -> bytes:
    """Replies of 9 bytes with running numbers and changing contents."""
    made = bytearray()
    number = 0
    while len(made) < seconds * RATE:
        payload = bytes((0x00, 0xE6, 0x80 | number & 7))
        made += encode_frame(Frame(sender=0x8383, kind=0xFE, number=number & 0x7F, payload=payload))
        number += 1
    return bytes(made)


def feed(end: PtyEnd, stream: bytes) -> float:
    """Write a stream at the rate of the line; returns how long it took in seconds."""
    start = time.monotonic()
    at = 0
    while at < len(stream):
        due = min(len(stream), int((time.monotonic() - start) * RATE))
        end.write(stream[at:due], 1.0)
        at = due
        time.sleep(TICK_S)
    return time.monotonic() - start


def one_round(stream: bytes, options: list[str]) -> tuple[float, int]:
    """Share of one core, and bytes missing in the recording."""
    environment = {"PYTHONPATH": ":".join(str(folder.parent) for folder in PACKAGES.values())}
    end = PtyEnd()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bus.pcapng"
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        with sniffing(environment, "-i", end.path, "-w", path, "-q", *options) as sniffer:
            sniffer.wait_until_listening(end)
            busy_s = feed(end, stream)
            end.drain(10.0)
            end.close()
            _, _, told = sniffer.finish()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        with open_capture(path) as capture:
            held = sum(len(chunk.data) for chunk in capture.chunks)
    sys.stdout.write(f"  {told.splitlines()[0]}\n")
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return (used - start_up_s(environment)) / busy_s, len(stream) - held


def start_up_s(environment: dict[str, str]) -> float:
    """Processor time of a sniffer that hears nothing."""
    end = PtyEnd()
    with tempfile.TemporaryDirectory() as folder:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        with sniffing(environment, "-i", end.path, "-w", Path(folder) / "bus.pcapng", "-q") as sniffer:
            sniffer.wait_until_listening(end)
            end.close()
            sniffer.finish()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main(arguments: list[str]) -> None:
    """Run the rounds and print the medians."""
    seconds, rounds = float(arguments[0]) if arguments else 10.0, int(arguments[1]) if len(arguments) > 1 else 3
    stream = traffic(seconds)
    shares, losses = zip(*(one_round(stream, arguments[2:]) for _ in range(rounds)), strict=True)
    found = ", ".join(f"{share:.1%}" for share in shares)
    sys.stdout.write(f"{seconds:g} s at {RATE} bytes/s, {rounds} rounds: {found}\n")
    sys.stdout.write(
        f"median {statistics.median(shares):.1%} of one core (goal {GOAL:.0%}), {sum(losses)} bytes lost\n"
    )


if __name__ == "__main__":
    main(sys.argv[1:])
