"""`vebus export` to Parquet against `tshark -r` of the same frames, and the memory that it takes.

    python -m tests.benchmarks.bench_export [--frames 10000000] [--rounds 5] [--share 100000] [--packets]

Both are programs, measured in the same run by turns, in CPU time (user and system) with their start-up taken off: each
reads a long and a short capture.  tshark reads ``--share`` frames of the same bus only, when the whole would take long;
its time is per frame, and the table says so.  ``--packets`` lets `vebus export` read the pcapng that tshark reads.
Before anything is measured, the values of some fields that tshark and the Parquet files hold have to be equal.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq

from tests.benchmarks.programs import Program, machine, pairs_with_tshark
from tests.benchmarks.ratios import Row, measured, printed
from tests.benchmarks.streams import bus

__all__ = ["main"]

_EXPORT = (sys.executable, "-m", "vebus_tools.cli", "export", "--overwrite")
_SHORT = 1000
_PIECE = 500_000
"""Frames of the endless bus that are made; longer captures repeat them."""


def long_bus(path: Path, frames: int) -> None:
    """A capture of so many frames."""
    piece = bus(min(frames, _PIECE))
    with path.open("wb") as file:
        for _ in range(frames // min(frames, _PIECE)):
            file.write(piece)


def check_equal(folder: Path, theirs: Program) -> None:
    """Periods and sync times of the short capture are the same on both sides."""
    fields = ["-T", "fields", "-e", "vebus.acphase.period", "-e", "vebus.sync.time"]
    command = [*theirs.command, str(theirs.short), *fields]
    printed_there = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    rows = [line.split("\t") for line in printed_there]
    out = folder / "equal"
    ours = folder / "short.bin"
    subprocess.run([*_EXPORT, str(ours), "-o", str(out)], check=True, capture_output=True)
    for table, column, place in (("ac_phase", "period", 0), ("sync_frame", "sync_time", 1)):
        (file,) = out.glob(f"{table}/*/*.parquet")
        found = pq.ParquetFile(file).read().column(column).to_pylist()
        expected = [int(row[place], 0) for row in rows if row[place]]
        if found != expected:
            raise AssertionError(f"{table}.{column}: {found[:3]} and {expected[:3]}")


def rate(program: Program, frames: int) -> Callable[[], float]:
    """Measures seconds of CPU per frame."""
    return lambda: (program.cpu_s(long=True) - program.cpu_s(long=False)) / (frames - _SHORT)


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--share", type=int, default=100_000, help="frames that tshark reads")
    parser.add_argument("--packets", action="store_true", help="read pcapng instead of the raw bytes")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        run(Path(name), options)


def run(folder: Path, options: argparse.Namespace) -> None:
    """All of it in a folder that is thrown away."""
    share = min(options.share, options.frames)
    theirs = next(pairs_with_tshark(folder, bus(_SHORT), bus(share), bus(_SHORT))).other
    check_equal(folder, theirs)
    whole, out = folder / "whole.bin", folder / "out"
    long_bus(whole, options.frames)
    long = whole
    if options.packets:
        long = whole.with_suffix(".pcapng")
        subprocess.run([sys.executable, "-m", "vebus_tools.cli", "convert", str(whole), str(long)], check=True)
    ours = Program((*_EXPORT, "-o", str(out)), long, theirs.short if options.packets else folder / "short.bin")
    row = Row(
        work=f"{options.frames} frames to Parquet of all messages ({long.suffix[1:]})",
        against=f"tshark -r of {share} frames" if share < options.frames else "tshark -r",
        least=40,
        aim=150,
        own=rate(ours, options.frames),
        other=rate(theirs, share),
    )
    rows = measured([row], options.rounds)
    print(machine(), f"{options.frames} frames, {options.rounds} rounds, one core", sep="\n")  # noqa: T201
    print(printed(rows))  # noqa: T201
    peak = ours.peak_mb()
    size = sum(path.stat().st_size for path in out.rglob("*.parquet"))
    print(f"peak resident size {peak:.0f} MB (at most 500, aim 250)")  # noqa: T201
    files = list(out.rglob("*.parquet"))
    size = sum(path.stat().st_size for path in files)
    captured = long.stat().st_size
    print(f"capture {captured / 1e6:.1f} MB, Parquet {size / 1e6:.1f} MB in {len(files)} files")  # noqa: T201
    shutil.rmtree(out)


if __name__ == "__main__":
    main()
