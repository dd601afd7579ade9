"""The ratio table of the decoding engines: columns, dicts, text and start-up against Construct and tshark.

    python -m tests.benchmarks.bench_decode [--frames 1000000] [--tshark-frames 100000] [--rounds 5] [--only TEXT]

Both sides of a row are measured in the same run, rounds interleaved and shuffled, in CPU time (the first line in wall
time); a figure is the median of all rounds.  Programs are measured on a long and on a short file of the same bus, and
their start-up is taken off.  What is compared is checked to be equal before anything is measured.
"""

from __future__ import annotations

import argparse
import gc
import importlib.util
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

from tests.benchmarks.peer_cantools import both_sides, payloads_of
from tests.benchmarks.programs import Pair, Program, Unavailable, machine, pairs_with_tshark
from tests.benchmarks.ratios import Row, measured, printed
from tests.benchmarks.streams import bus
from vebus_protocol.scaling import physical
from vebus_protocol.schema import Message
from vebus_tools.bulk import read_columns
from vebus_tools.decoder import decode_frame_chain
from vebus_tools.framing import Rs485Splitter
from vebus_tools.generated import stream_values
from vebus_tools.session import NO_CONTEXT

__all__ = ["main"]

T = TypeVar("T")

_FEW = 1000  # frames of the short file: start-up
_MEMORY_MB, _MEMORY_AIM_MB = 250, 120
_REFERENCE_FRAMES = 4_000
"""The reference is so much slower that it reads the beginning of the capture only; its time is per frame."""


def reference_dicts(data: bytes) -> Iterator[dict[str, object]]:
    """Every field of every frame by Construct, with its value in the declared unit."""
    splitter = Rs485Splitter()
    for piece in splitter.feed(data):
        found: dict[str, object] = {}
        for placed in decode_frame_chain(piece.frame):
            found |= _values(placed.message)
        yield found


def _values(found: Message) -> dict[str, object]:
    raws, book = found.raws(), NO_CONTEXT.book
    values: dict[str, object] = {}
    for spec in found.FIELDS:
        raw = raws[spec.name]
        if not isinstance(raw, int):
            values[spec.abbrev] = raw
            continue
        values[spec.abbrev] = physical(spec, raw, raws, book).value
        for part in spec.bits:
            values[part.abbrev] = physical(part, part.pick(raw), raws, book).value
    for spec in found.COMPUTED:
        values[spec.abbrev] = physical(spec, int(spec.expression(raws)), raws, book).value
    return values


def generated_dicts(data: bytes) -> Iterator[Mapping[str, object]]:
    """The same by generated code."""
    return stream_values([data])


def drained(function: Callable[[bytes], Iterator[object]], data: bytes) -> float:
    """CPU seconds that it takes to get everything."""
    gc.collect()
    before = time.process_time()
    for _ in function(data):
        pass
    return time.process_time() - before


def check_dicts(data: bytes) -> None:
    """Numbers of both sides are equal, field by field (True is 1)."""
    for expected, found in zip(reference_dicts(data), generated_dicts(data), strict=True):
        for abbrev, value in expected.items():
            if isinstance(value, int | float) and found[abbrev] != value:
                raise AssertionError(f"{abbrev}: {value} and {found[abbrev]}")


def check_columns(data: bytes) -> None:
    """Columns have the same numbers as the dicts of the reference; scales that a device announces are left out."""
    expected = list(reference_dicts(data))
    at = 0
    for columns in read_columns([data]):
        for table in columns.tables:
            for abbrev, column in table.columns.items():
                if column.valid is not None or column.values.ndim > 1 or abbrev not in expected[at + table.rows[0]]:
                    continue
                wanted = [expected[at + row][abbrev] for row in table.rows.tolist()]
                if column.scaled and column.values.tolist() != wanted:
                    raise AssertionError(f"{abbrev}: {wanted[:3]} and {column.values[:3]}")
        at += len(columns.frames)


def own_rows(data: bytes, frames: int) -> Iterator[Row]:
    """Engines of our own against Construct, in this process."""
    short = bus(_REFERENCE_FRAMES)
    check_dicts(short)
    check_columns(short)

    def construct_s() -> float:
        return drained(reference_dicts, short) / _REFERENCE_FRAMES

    yield Row(
        work="wire to every field as a column, checksums tested",
        against="Construct reference",
        least=250,
        aim=1000,
        own=lambda: drained(lambda whole: read_columns([whole], times=False), data) / frames,
        other=construct_s,
        missed="framing takes half of it, and small groups of frames cost a call for each of their fields",
    )
    medium = data[: len(data) // 10]
    yield Row(
        work="frame by frame, dict of every field, whole path",
        against="Construct reference",
        least=20,
        aim=50,
        own=lambda: drained(generated_dicts, medium) / (frames / 10),
        other=construct_s,
        missed="a tenth of the frames is winmon, whose values ask tables for scales and names",
    )
    yield from cantools_rows(medium)


def cantools_rows(data: bytes) -> Iterator[Row]:
    """Payload to dict against cantools with the same signals; ours decodes computed fields besides."""
    payloads = payloads_of(data)
    ours, theirs = both_sides(payloads)
    count = sum(map(len, payloads.values()))
    yield Row(
        work="payload to dict, sync, E4 and 80",
        against="cantools, equal signals",
        least=3,
        aim=8,
        own=lambda: called(ours) / count,
        other=lambda: called(theirs) / count,
        missed="ours makes the computed fields and the undecoded bytes besides",
    )


def called(function: Callable[[], None]) -> float:
    """CPU seconds of one call."""
    gc.collect()
    before = time.process_time()
    function()
    return time.process_time() - before


def program_row(pair: Pair, frames: int, tshark_frames: int, few: int) -> Row:
    """One of our output forms against tshark's: time per frame, start-up taken off."""

    def rate(program: Program, count: int) -> Callable[[], float]:
        return lambda: (program.cpu_s(long=True) - program.cpu_s(long=False)) / (count - few)

    return Row(
        work=pair.work,
        against=pair.against,
        least=pair.least,
        aim=pair.aim,
        own=rate(pair.own, frames),
        other=rate(pair.other, tshark_frames),
        missed="request and reply go through the session one by one, in Python",
    )


def first_line(pair: Pair) -> Row:
    """Wall time until the first line of the short file is there."""
    return Row(
        work="first line of a 1,000-frame file, whole process (time)",
        against=pair.against,
        least=0.3,
        aim=0.1,
        own=pair.own.first_line_s,
        other=pair.other.first_line_s,
        as_time=True,
        missed="everything is imported first: typer a quarter, messages a quarter, a hundred small modules the rest",
    )


def memory_lines(pairs: list[Pair], frames: int) -> Iterator[str]:
    """Largest memory of each form of output over the long capture."""
    for pair in pairs:
        peak = statistics.median(pair.own.peak_mb() for _ in range(3))
        reached = "aim" if peak <= _MEMORY_AIM_MB else "goal" if peak <= _MEMORY_MB else "no"
        yield (
            f"{pair.work}: {peak:.0f} MB peak resident size for {frames} frames "
            f"(at most {_MEMORY_MB}, aim {_MEMORY_AIM_MB}: {reached})"
        )


def main() -> None:
    """Measure everything that can be measured here and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=1_000_000)
    parser.add_argument("--tshark-frames", type=int, help="frames that tshark reads (as many); its time is per frame")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="rows whose work has this text in it")
    options = parser.parse_args()
    data, notes = bus(options.frames), [""]
    theirs = bus(options.tshark_frames) if options.tshark_frames else data
    rows = available(own_rows(data, options.frames), notes)
    with tempfile.TemporaryDirectory() as folder:
        pairs: list[Pair] = []
        if not any(options.only in row.work for row in rows) or not options.only:
            pairs = available(pairs_with_tshark(Path(folder), data, theirs, bus(_FEW)), notes)
        rows += program_rows(pairs, options.frames, options.tshark_frames or options.frames)
        rows = [row for row in rows if options.only in row.work]
        print(machine(), f"{options.frames} frames, {options.rounds} rounds", sep="\n")  # noqa: T201
        print(printed(measured(rows, options.rounds)), *notes, sep="\n")  # noqa: T201
        if not options.only:
            print(*memory_lines(pairs, options.frames), sep="\n")  # noqa: T201
            print(export_table(options.frames, options.rounds))  # noqa: T201


def available(found: Iterable[T], notes: list[str]) -> list[T]:
    """All that can be had on this computer; what is missing comes into the notes."""
    everything: list[T] = []
    try:
        everything.extend(found)
    except Unavailable as reason:
        notes.append(f"not measured: {reason}")
    return everything


def program_rows(pairs: list[Pair], frames: int, tshark_frames: int) -> list[Row]:
    """All rows against tshark."""
    return [
        *(program_row(pair, frames, tshark_frames, _FEW) for pair in pairs),
        *(first_line(pair) for pair in pairs[:1]),
    ]


def export_table(frames: int, rounds: int) -> str:
    """The rows of the measurement of `vebus export`, which is a program of its own."""
    module = "tests.benchmarks.bench_export"
    if importlib.util.find_spec(module) is None:
        return "export: not measured, there is no program for it"
    command = [sys.executable, "-m", module, "--frames", str(frames), "--rounds", str(rounds)]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    return found.stdout if not found.returncode else f"export: not measured: {found.stderr.strip()[-200:]}"


if __name__ == "__main__":
    main()
