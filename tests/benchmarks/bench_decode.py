"""The ratio table of the decoding engines: columns, dicts, text and start-up against Construct and tshark.

    python -m tests.benchmarks.bench_decode [--frames 1000000] [--rounds 5] [--only TEXT]

Both sides of a row are measured in the same run, rounds interleaved and shuffled, in CPU time (the first line in wall
time); a figure is the median of all rounds.  Programs are measured on a long and on a short file of the same bus, and
their start-up is taken off.  What is compared is checked to be equal before anything is measured.
"""

from __future__ import annotations

import argparse
import gc
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.benchmarks.programs import Pair, Program, Unavailable, machine, pairs_with_tshark
from tests.benchmarks.ratios import Row, measured, printed
from tests.benchmarks.streams import bus
from vebus_protocol.enums import FrameKind
from vebus_protocol.frame import ReceivedFrame
from vebus_protocol.scaling import physical
from vebus_protocol.schema import Link, Message, Space
from vebus_tools.bulk import read_columns
from vebus_tools.decoder import decode_frame_chain
from vebus_tools.framing import Rs485Splitter
from vebus_tools.generated import reader_of, stream_values
from vebus_tools.session import NO_CONTEXT

__all__ = ["main"]

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


def generated_dicts(data: bytes) -> Iterator[object]:
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
    )
    medium = data[: len(data) // 10]
    yield Row(
        work="frame by frame, dict of every field, whole path",
        against="Construct reference",
        least=20,
        aim=50,
        own=lambda: drained(generated_dicts, medium) / (frames / 10),
        other=construct_s,
    )


def program_row(pair: Pair, frames: int, few: int) -> Row:
    """One of our output forms against tshark's: time per frame, start-up taken off."""

    def rate(program: Program) -> Callable[[], float]:
        return lambda: (program.cpu_s(long=True) - program.cpu_s(long=False)) / (frames - few)

    return Row(
        work=pair.work, against=pair.against, least=pair.least, aim=pair.aim, own=rate(pair.own), other=rate(pair.other)
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
    )


def main() -> None:
    """Measure everything that can be measured here and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="rows whose work has this text in it")
    options = parser.parse_args()
    data = bus(options.frames)
    notes = ["row against cantools: not measured yet"]
    rows = [row for row in own_rows(data, options.frames) if options.only in row.work]
    with tempfile.TemporaryDirectory() as folder:
        if not (options.only and rows):
            try:
                rows += [row for row in program_rows(Path(folder), data, options.frames) if options.only in row.work]
            except Unavailable as reason:
                notes.append(f"rows against tshark: {reason}")
        print(machine(), f"{options.frames} frames, {options.rounds} rounds", sep="\n")  # noqa: T201
        print(printed(measured(rows, options.rounds)), *notes, sep="\n")  # noqa: T201


def program_rows(folder: Path, data: bytes, frames: int) -> Iterator[Row]:
    """All rows against tshark.  Raises Unavailable without it."""
    few = 1000
    pairs = pairs_with_tshark(folder, data, bus(few))
    yield from (program_row(pair, frames, few) for pair in pairs)
    yield first_line(pairs[0])


if __name__ == "__main__":
    main()
