"""Captures: every format read, written, detected, damaged and refused."""

import io
import itertools
import os
import shutil
import struct
import subprocess
import tracemalloc
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.real_tshark import Tshark, find_tshark
from vebus_protocol.schema import Direction, Link
from vebus_tools.capture import (
    Capture,
    EmptyCapture,
    Format,
    detect_format,
    detect_link,
    open_capture,
    open_writer,
    read_capture,
)
from vebus_tools.capture.output import Output
from vebus_tools.capture.pcapng import PcapngWriter
from vebus_tools.capture.pcapng_numbers import ESTIMATED
from vebus_tools.capture.stream import MAX_LINE
from vebus_tools.decoder import decode_chunks
from vebus_tools.framing import splitter_for
from vebus_tools.records import CaptureError, Chunk, Record, Stamp, TimeSource

SYNC = bytes.fromhex("8383fd025551180297ff")
WRITE = bytes.fromhex("98f7fe0300e63702836400faff")
REPLY = bytes.fromhex("8383fe3c00e6875aff")
VERSION = bytes.fromhex("02ff56a9")
VERSION_REPLY = bytes.fromhex("07ff5624db11004252")
BUS = SYNC + WRITE + REPLY

WRITABLE = [Format.RAW, Format.HEX, Format.LOG, Format.PCAPNG]  # what holds both links in one file


def read(data: bytes, input_format: str = "auto", chunk_size: int = 65536) -> list[Chunk]:
    return list(read_capture("-", input_format=input_format, chunk_size=chunk_size, stdin=io.BytesIO(data)))


def read_broken(data: bytes, input_format: str = "auto") -> tuple[list[Chunk], str]:
    """What could be read, and the complaint."""
    chunks = read_capture("-", input_format=input_format, stdin=io.BytesIO(data))
    found, problem = drained(chunks)
    assert problem is not None
    return found, str(problem)


def drained(chunks: Iterable[Chunk]) -> tuple[list[Chunk], CaptureError | None]:
    """All chunks up to the complaint, and the complaint."""
    found: list[Chunk] = []
    iterator = iter(chunks)
    while True:
        try:
            found.append(next(iterator))
        except StopIteration:
            return found, None
        except CaptureError as problem:
            return found, problem


def joined(chunks: Iterable[Chunk]) -> bytes:
    return b"".join(chunk.data for chunk in chunks)


def record(
    wire: bytes,
    at: float = 0.0,
    *,
    link: Link = Link.RS485,
    source: TimeSource = TimeSource.LOG,
    epoch: bool = False,
    direction: Direction = Direction.BOTH,
    interface: str = "",
    reason: str = "",
) -> Record:
    pieces = [piece for piece in splitter_for(link).feed(wire) if piece.data == wire]
    return Record(
        number=1,
        stamp=Stamp(at, source, epoch),
        link=link,
        offset=0,
        wire=wire,
        frame=pieces[0].frame if pieces else None,
        direction=direction,
        interface=interface,
        reason=reason,
    )


def as_written(records: Iterable[Record], form: str) -> bytes:
    stream = io.BytesIO()
    with open_writer(stream, form) as writer:
        for entry in records:
            writer.write(entry)
    return stream.getvalue()


class Trickle(io.RawIOBase):
    """A pipe that brings a few bytes at a time, and can tell how many were taken."""

    def __init__(self, data: bytes, step: int = 1) -> None:
        super().__init__()
        self.data = data
        self.step = step
        self.taken = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        end = self.taken + min(self.step, size if size >= 0 else self.step)
        piece = self.data[self.taken : end]
        self.taken += len(piece)
        return piece


def trickled(data: bytes, step: int = 1) -> io.BufferedReader:
    return cast("io.BufferedReader", Trickle(data, step))


# --- all formats alike -----------------------------------------------------------------------------------------------
MIXED = [
    record(SYNC, 1_700_000_000.0, epoch=True, interface="vebus0"),
    record(WRITE, 1_700_000_000.003125, epoch=True, interface="vebus0", direction=Direction.TO_DEVICE),
    record(b"\x12\x34\x56", 1_700_000_000.004, epoch=True, interface="vebus0", reason="no frame"),
    record(b"\x12", 1_700_000_000.0045, epoch=True, interface="vebus1", reason="no frame"),
    record(REPLY, 1_700_000_000.005, epoch=True, interface="vebus0", direction=Direction.FROM_DEVICE),
    record(VERSION, 1_700_000_000.1, epoch=True, link=Link.MK3, interface="mk3", direction=Direction.TO_DEVICE),
    record(VERSION_REPLY, 1_700_000_000.2, epoch=True, link=Link.MK3, interface="mk3", direction=Direction.FROM_DEVICE),
]


def facts(chunk: Chunk, form: Format) -> tuple[object, ...]:
    """What a format can hold of a record, and so has to give back."""
    direction = chunk.direction or Direction.BOTH
    if form is Format.HEX:
        return chunk.data, direction, chunk.whole
    return chunk.data, direction, chunk.stamp, chunk.link, chunk.interface, chunk.whole


def held(entry: Record, form: Format) -> tuple[object, ...]:
    if form is Format.HEX:
        return entry.wire, entry.direction, entry.direction is not Direction.BOTH
    return entry.wire, entry.direction, entry.stamp, entry.link, entry.interface, True


@pytest.mark.parametrize("form", WRITABLE)
def test_what_was_written_is_read_back(form: Format) -> None:
    chunks = read(as_written(MIXED, form))
    assert joined(chunks) == b"".join(entry.wire for entry in MIXED)
    if form is not Format.RAW:
        assert [facts(chunk, form) for chunk in chunks] == [held(entry, form) for entry in MIXED]


@pytest.mark.parametrize("form", WRITABLE)
@pytest.mark.parametrize("records", [MIXED, MIXED[:1], MIXED[-2:]])
def test_each_written_format_is_detected(form: Format, records: list[Record]) -> None:
    data = as_written(records, form)
    assert detect_format(data) is form
    with open_capture("-", stdin=io.BytesIO(data)) as capture:
        assert capture.format is form


@pytest.mark.parametrize("form", WRITABLE)
def test_slow_pipe_gives_the_same_chunks(form: Format) -> None:
    data = as_written(MIXED, form)
    slow = list(read_capture("-", stdin=trickled(data)))
    if form is Format.RAW:
        assert joined(slow) == joined(read(data))
    else:
        assert slow == read(data)


@pytest.mark.parametrize("form", WRITABLE)
def test_pipe_is_read_as_it_comes(form: Format) -> None:
    data = as_written(MIXED * 100, form)
    pipe = Trickle(data, 8)
    capture = open_capture("-", stdin=cast("io.BufferedReader", pipe))
    next(iter(capture.chunks))
    assert pipe.taken < 400


@pytest.mark.parametrize("form", WRITABLE)
def test_memory_stays_bounded(form: Format) -> None:
    class Again(Trickle):
        def read(self, size: int = -1) -> bytes:  # noqa: ARG002  (one file behind the other is a file in each format)
            self.taken += len(self.data)
            return self.data if self.taken < 1_500_000 else b""

    data = as_written(MIXED * 200, form)
    chunks = read_capture("-", stdin=cast("io.BufferedReader", Again(data)))
    tracemalloc.start()
    try:
        size = sum(len(chunk.data) for chunk in chunks)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert size > 100_000
    assert peak < 700_000


def test_decoded_records_survive_every_format() -> None:
    records = list(decode_chunks(read(BUS * 3, "raw"), Link.RS485))
    for form in WRITABLE:
        again = list(decode_chunks(read(as_written(records, form)), Link.RS485))
        assert [entry.wire for entry in again] == [entry.wire for entry in records], form
        assert [entry.frame for entry in again] == [entry.frame for entry in records], form


# --- raw -------------------------------------------------------------------------------------------------------------
@given(data=st.binary(min_size=1, max_size=300), chunk_size=st.integers(1, 400))
def test_raw_bytes_do_not_depend_on_the_chunk_size(data: bytes, chunk_size: int) -> None:
    chunks = read(data, "raw", chunk_size)
    assert joined(chunks) == data
    assert max(len(chunk.data) for chunk in chunks) <= chunk_size
    assert {(chunk.stamp, chunk.whole, chunk.direction, chunk.link) for chunk in chunks} == {(None, False, None, None)}


# --- hex text --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "text",
    [
        "83 83 FD 02 55 51 18 02 97 FF",
        "8383fd025551180297ff",
        "8383 FD02 5551 1802 97FF",
        "  83\t83  fd 02 55 51 18 02 97 ff  ",
        "0x83,0x83,0xfd,0x2,0x55,0x51,0x18,0x02,0x97,0xFF",
        "0x83, 0x83, 0xfd, 0x02,\n0x55, 0x51, 0x18, 0x02, 0x97, 0xFF,",
        "83:83:FD:02:55:51:18:02:97:FF",
        "83-83-FD-02-55-51-18-02-97-FF",
        "8383:FD02:5551:1802:97FF",
        "0x8383FD025551180297FF",
        "# a sync frame, 12 34\n83 83 FD 02 55 51 18 02 97 FF # one of many",
        "// ein Gerät\n\n83 83 FD 02 // 55\r\n55 51 18 02 97 FF\r\n",
        "\ufeff83 83 FD 02 55 51 18 02 97 FF",
        "83\n83\nFD\n02\n55\n51\n18\n02\n97\nFF\n",
        "0000  83 83 fd 02 55 51 18 02 97 ff                     ....UQ....",
        "0000  83 83 fd 02 55 51 18 02 97 ff",
        "00000000: 8383 fd02 5551 1802 97ff                 ....UQ....",
        "00000000  83 83 fd 02 55 51 18 02  97 ff                    |....UQ....|\n0000000a",
        "0000000 83 83 fd 02 55 51 18 02 97 ff\n0000012\n",
        "0000000 83 83 fd 02 55 51 18 02 97 ff                    >....UQ....<\n0000010\n",
        "0000  83 83 fd 02   ....\n0004  55 51 18 02 97 ff   UQ....",
        "0010  83 83 fd 02 55 51 18 02 97 ff                     ....UQ....",
        "0000 83 83 fd 02 55 51 18 02 97 ff # cut out by hand",
    ],
)
def test_hex_is_read_in_any_spelling(text: str) -> None:
    data = text.encode()
    assert detect_format(data) is Format.HEX
    chunks = read(data)
    assert joined(chunks) == SYNC
    assert {(chunk.stamp, chunk.whole, chunk.direction) for chunk in chunks} == {(None, False, None)}


def test_text_column_of_another_alphabet_is_left_out() -> None:
    row = "0000  83 83 fd 02 55 51 18 02  97 ff        \u0192\u0192\u00fd\u2022UQ\u2022\u2022\u2014\u00ff"
    assert joined(read(row.encode(), "hex")) == SYNC


def test_plain_hex_is_never_taken_for_an_offset() -> None:
    assert joined(read(b"98F7 FE 03 00 E6\n")) == bytes.fromhex("98f7fe0300e6")
    assert joined(read(b"98F7FE03  00 E6\n")) == bytes.fromhex("98f7fe0300e6")
    assert joined(read(b"0000 0001 0002\n")) == bytes.fromhex("000000010002")
    assert joined(read(b"0000 0x83 0x84\n")) == bytes.fromhex("00008384")
    assert joined(read(b"00 83 84\n")) == bytes.fromhex("008384")


@pytest.mark.parametrize(
    "program", [("hexdump", "-v", "-C"), ("xxd",), ("od", "-v", "-A", "x", "-t", "x1z"), ("od", "-v", "-t", "x1")]
)
def test_dumps_of_real_programs_are_read(program: tuple[str, ...], tmp_path: Path) -> None:
    if shutil.which(program[0]) is None:
        pytest.skip(f"{program[0]} is not installed")
    data = bytes(range(256)) + b"12 34 # // |ab| <3>  :" + BUS + b"\x20" * 37
    path = tmp_path / "capture.bin"
    path.write_bytes(data)
    dump = subprocess.run([*program, str(path)], capture_output=True, check=True, timeout=60).stdout
    assert joined(read(dump)) == data


def test_arrows_tell_the_direction_and_whole_frames() -> None:
    host, adapter, stream = read(b"> 02 FF 56 A9\n<07FF56 24DB11004252 # reply\n02 FF\n")
    assert host == Chunk(data=VERSION, direction=Direction.TO_DEVICE, whole=True)
    assert adapter == Chunk(data=VERSION_REPLY, direction=Direction.FROM_DEVICE, whole=True)
    assert stream == Chunk(data=b"\x02\xff")


@pytest.mark.parametrize(
    ("text", "before", "complaint"),
    [
        ("83 83\nFD XY 02\n", "8383fd", "line 2, column 4: 'XY' is no hex"),
        ("83 83\nFD 2 55\n", "8383fd", "line 2, column 4: odd number of hex digits in '2'"),
        ("83 83\n8383F\n", "83838383", "line 2, column 1: odd number of hex digits in '8383F'"),
        ("83 83\n> 02 FF 5", "838302ff", "line 2, column 9: odd number"),
        ("83 83\nFrame (15 bytes):\n", "8383", "line 2, column 1: 'Frame' is no hex; write other text behind '#'"),
        ("A capture of mine\n83 83\n", "", "line 1, column 1: odd number of hex digits in 'A'"),
        ("83 83zz", "83", "line 1, column 4: '83zz' is no hex"),
        ("0000  00 00                                               ..\n*\n0010\n", "0000", "hexdump -v"),
        ("0000  83 83\n0002  fd zz\n", "8383", "line 2, column 10: 'zz' is no hex"),
    ],
)
def test_text_that_is_no_hex_is_named_after_all_before_it(text: str, before: str, complaint: str) -> None:
    chunks, problem = read_broken(text.encode(), "hex")
    assert joined(chunks).hex() == before
    assert complaint in problem
    assert problem.startswith("standard input: line ")
    assert "\n" not in problem


@given(data=st.binary(min_size=1, max_size=60), step=st.integers(1, 50), arrow=st.sampled_from(["", "> ", "< "]))
def test_hex_lines_give_their_bytes(data: bytes, step: int, arrow: str) -> None:
    lines = [arrow + data[at : at + step].hex(" ") for at in range(0, len(data), step)]
    assert joined(read("\n".join(lines).encode(), "hex")) == data


@pytest.mark.parametrize("gap", ["", " ", ", 0x"])
@pytest.mark.parametrize("extra", [0, 1, 2, 3])
def test_one_endless_line_is_read_in_pieces(gap: str, extra: int) -> None:
    data = bytes(itertools.islice(itertools.cycle(SYNC), MAX_LINE + extra))
    text = ("0x" if gap.endswith("x") else "") + gap.join(f"{byte:02x}" for byte in data)
    for end in ("", "\n12", " # 12 34" + " comment" * MAX_LINE + "\n12"):
        chunks = read((text + end).encode(), "hex")
        assert joined(chunks) == data + (b"\x12" if "\n" in end else b"")
        assert max(len(chunk.data) for chunk in chunks) <= MAX_LINE


# --- log -------------------------------------------------------------------------------------------------------------
def test_log_line_of_the_bus() -> None:
    (chunk,) = read(b"(1700000000.003125) vebus0 98F7#FE0300E63702836400FAFF\n")
    stamp = Stamp(1_700_000_000.003125, TimeSource.LOG, epoch=True)
    assert chunk == Chunk(data=WRITE, stamp=stamp, link=Link.RS485, whole=True, interface="vebus0")


def test_log_lines_of_the_adapter_link() -> None:
    host, adapter = read(b"(0.5) mk3 #02FF56A9 T\n(0.612345) mk3 #07FF5624DB11004252 R\n")
    assert (host.data, host.direction, host.link) == (VERSION, Direction.TO_DEVICE, Link.MK3)
    assert (adapter.data, adapter.direction) == (VERSION_REPLY, Direction.FROM_DEVICE)
    assert adapter.stamp == Stamp(0.612345, TimeSource.LOG, epoch=False)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("(1700000000.1) vebus0 98F7 [3] FE 03 FF", "screen form of candump"),
        ("(1700000000.1) can0 123#1122", "address '123'"),
        ("(1700000000.1) can0 98F7##1122", "CAN FD"),
        ("(1700000000.1) vebus0 98F7#FE0", "odd number of hex digits"),
        ("(yesterday) vebus0 98F7#FE03", "not of the form"),
        ("83 83 fd 02", "not of the form"),
    ],
)
def test_malformed_log_line_is_named_after_all_before_it(line: str, complaint: str) -> None:
    good = "(1.0) vebus0 8383#FD025551180297FF\n"
    chunks, problem = read_broken(f"{good}# note\n{line}\n{good}".encode(), "log")
    assert [chunk.data for chunk in chunks] == [SYNC]
    assert "standard input: line 3: " in problem
    assert complaint in problem


LOG_LINE = b"(1.0) vebus0 8383#FD025551180297FF\n"


@pytest.mark.parametrize("size", range(1, len(LOG_LINE) - 1))
def test_cut_log_gives_what_is_there(size: int) -> None:
    chunks, problem = read_broken(LOG_LINE + LOG_LINE[:size], "log")
    digits = max(0, size - LOG_LINE.index(b"#") - 1)
    expected = SYNC[: 2 + digits // 2] if size > LOG_LINE.index(b"#") else b""
    assert chunks[0].data == SYNC
    assert joined(chunks[1:]) == expected
    assert problem.startswith("standard input: line 2 is cut off: ")


@pytest.mark.parametrize("line", ["(1.0) vebus0 8383#FD025551180297FF", "(1.0) mk3 #02FF56A9 T"])
def test_log_whose_last_frame_is_complete_needs_no_line_feed(line: str) -> None:
    assert len(read(f"{line}\n{line}".encode())) == 2


def test_endless_log_line_is_refused() -> None:
    _, problem = read_broken(b"(1.0) vebus0 8383#" + b"FD" * MAX_LINE, "log")
    assert "line 1 is longer than" in problem


@given(
    st.lists(
        st.tuples(
            st.binary(min_size=1, max_size=30),
            st.integers(0, 2_000_000_000_000_000),
            st.sampled_from(Link),
            st.sampled_from(Direction),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_log_and_pcapng_give_back_all_they_were_given(
    rows: list[tuple[bytes, int, Link, Direction]],
) -> None:
    records = [
        record(
            data,
            micros / 1_000_000,
            epoch=micros / 1_000_000 >= 1e8,
            link=link,
            direction=direction,
            interface=link.value,
        )
        for data, micros, link, direction in rows
    ]
    for form in (Format.LOG, Format.PCAPNG):
        chunks = read(as_written(records, form))
        assert [facts(chunk, form) for chunk in chunks] == [held(entry, form) for entry in records]


# --- pcapng and pcap -------------------------------------------------------------------------------------------------
def block(order: str, kind: int, body: bytes) -> bytes:
    body += bytes(-len(body) % 4)
    size = struct.pack(f"{order}I", 12 + len(body))
    return struct.pack(f"{order}I", kind) + size + body + size


def section(order: str) -> bytes:
    return block(order, 0x0A0D0D0A, struct.pack(f"{order}IHHq", 0x1A2B3C4D, 1, 0, -1))


def option(order: str, code: int, value: bytes) -> bytes:
    return struct.pack(f"{order}HH", code, len(value)) + value + bytes(-len(value) % 4)


def interface(order: str, link_type: int = 147, options: bytes = b"") -> bytes:
    return block(order, 1, struct.pack(f"{order}HHI", link_type, 0, 0) + options)


def packet(order: str, number: int, ticks: int, data: bytes, options: bytes = b"") -> bytes:
    head = struct.pack(f"{order}5I", number, ticks >> 32, ticks & 0xFFFFFFFF, len(data), len(data))
    return block(order, 6, head + data + bytes(-len(data) % 4) + options)


@pytest.mark.parametrize("order", ["<", ">"])
def test_pcapng_in_both_byte_orders_with_all_kinds_of_packets(order: str) -> None:
    old = struct.pack(f"{order}HH4I", 1, 0xFFFF, 0, 4_000_000, len(REPLY), len(REPLY))
    data = (
        section(order)
        + interface(order)
        + block(order, 0x80000001, b"unknown block")
        + interface(order, 148, option(order, 2, b"mk3") + option(order, 9, b"\x06") + bytes(4))
        + packet(order, 0, 1_500_000, SYNC)
        + packet(
            order, 1, 2_000_000, VERSION, option(order, 1, b"note") + option(order, 2, struct.pack(f"{order}I", 2))
        )
        + block(order, 2, old + REPLY)
        + block(order, 3, struct.pack(f"{order}I", len(WRITE)) + WRITE)
    )
    first, second, third, fourth = read(data)
    stamp = Stamp(1.5, TimeSource.LOG)
    assert first == Chunk(data=SYNC, stamp=stamp, link=Link.RS485, whole=True)
    assert (second.data, second.link, second.interface) == (VERSION, Link.MK3, "mk3")
    assert second.direction is Direction.TO_DEVICE
    assert (third.data, third.stamp) == (REPLY, Stamp(4.0, TimeSource.LOG))
    assert (fourth.data, fourth.stamp, fourth.interface) == (WRITE, None, "")


@pytest.mark.parametrize(
    ("resolution", "ticks", "seconds"),
    [
        (b"\x00", 3, 3.0),
        (b"\x03", 1500, 1.5),
        (b"\x09", 1_700_000_000_003_125_000, 1_700_000_000.003125),
        (b"\x8a", 1536, 1.5),
    ],
)
def test_pcapng_time_resolutions(resolution: bytes, ticks: int, seconds: float) -> None:
    options = option("<", 9, resolution)
    (chunk,) = read(section("<") + interface("<", options=options) + packet("<", 0, ticks, SYNC))
    assert chunk.stamp == Stamp(seconds, TimeSource.LOG, epoch=seconds > 1e8)


def test_pcapng_time_offset() -> None:
    options = option("<", 14, struct.pack("<q", 1_700_000_000))
    (chunk,) = read(section("<") + interface("<", options=options) + packet("<", 0, 500_000, SYNC))
    assert chunk.stamp == Stamp(1_700_000_000.5, TimeSource.LOG, epoch=True)


def test_sections_of_different_byte_order_in_one_file() -> None:
    data = b"".join(section(order) + interface(order) + packet(order, 0, 1, SYNC) for order in "<>")
    assert [chunk.data for chunk in read(data)] == [SYNC, SYNC]


@pytest.mark.parametrize(
    ("magic", "order", "ticks"),
    [
        (0xA1B2C3D4, "<", 250_000),
        (0xA1B2C3D4, ">", 250_000),
        (0xA1B23C4D, "<", 250_000_000),
        (0xA1B23C4D, ">", 250_000_000),
    ],
)
def test_classic_pcap(magic: int, order: str, ticks: int) -> None:
    data = struct.pack(f"{order}IHHIIII", magic, 2, 4, 0, 0, 65535, 148)
    data += struct.pack(f"{order}4I", 1_700_000_000, ticks, len(VERSION), len(VERSION)) + VERSION
    with open_capture("-", stdin=io.BytesIO(data)) as capture:
        assert capture.format is Format.PCAP
        (chunk,) = capture.chunks
    stamp = Stamp(1_700_000_000.25, TimeSource.LOG, epoch=True)
    assert chunk == Chunk(data=VERSION, stamp=stamp, link=Link.MK3, whole=True)
    cut, problem = read_broken(data[:-1])
    assert cut == []
    assert "cut off at byte" in problem


def block_borders(data: bytes) -> Iterator[int]:
    at = 0
    while at < len(data):
        at += int.from_bytes(data[at + 4 : at + 8], "little")
        yield at


def test_pcap_gives_back_one_link_and_its_times() -> None:
    written = [record(SYNC, 1.5), record(WRITE, 1_700_000_000.123456789, epoch=True), record(REPLY, -1.0)]
    chunks = read(as_written(written, "pcap"))
    assert [chunk.data for chunk in chunks] == [SYNC, WRITE, REPLY]
    assert [chunk.stamp and chunk.stamp.at for chunk in chunks] == [1.5, 1_700_000_000.1234567, 0.0]
    assert {chunk.link for chunk in chunks} == {Link.RS485}


def test_pcap_refuses_a_second_link_after_what_it_has() -> None:
    stream = io.BytesIO()
    with open_writer(stream, "pcap") as writer:
        writer.write(record(SYNC))
        with pytest.raises(CaptureError, match=r"holds one link.*write pcapng"):
            writer.write(record(VERSION, link=Link.MK3))
    assert joined(read(stream.getvalue())) == SYNC


def test_every_cut_of_a_pcapng_gives_all_before_it() -> None:
    data = as_written(MIXED, Format.PCAPNG)
    whole = read(data)
    complete = {len(as_written(MIXED[:count], Format.PCAPNG)): count for count in range(len(MIXED) + 1)}
    borders = set(block_borders(data))
    for size in range(4, len(data)):
        chunks, problem = drained(open_capture("-", stdin=io.BytesIO(data[:size])).chunks)
        assert chunks == whole[: max((count for end, count in complete.items() if end <= size), default=0)]
        if size in borders:
            assert problem is None or isinstance(problem, EmptyCapture)
        else:
            assert f"cut off at byte {size}, within a block" in str(problem)


@given(at=st.integers(0, 2000), value=st.integers(0, 255))
def test_damaged_pcapng_never_fails_otherwise(at: int, value: int) -> None:
    data = bytearray(as_written(MIXED, Format.PCAPNG))
    data[at % len(data)] = value
    chunks, problem = drained(read_capture("-", input_format="pcapng", stdin=io.BytesIO(data)))
    assert len(chunks) <= len(MIXED)
    assert "\n" not in str(problem)


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (section("<") + interface("<", 1) + packet("<", 0, 0, SYNC), "has link type 1; 147 (USER0"),
        (section("<") + packet("<", 0, 0, SYNC), "interface 0 was not described"),
        (section("<") + struct.pack("<II", 6, 0xFFFFFFF0), "a block of 4294967280 bytes"),
        (section("<") + struct.pack("<II", 6, 4), "a block of 4 bytes"),
        (section("<") + interface("<")[:-4] + b"\xff\xff\xff\xff", "the two lengths of a block differ"),
        (section("<")[:8] + b"\x00\x01\x02\x03" + section("<")[12:], "byte order mark"),
        (struct.pack("<IHHIIII", 0xA1B2C3D4, 2, 4, 0, 0, 0, 1) + struct.pack("<4I", 0, 0, 1, 1) + b"x", "link type 1;"),
        (struct.pack("<IHHIIII", 0xA1B2C3D4, 2, 4, 0, 0, 0, 147) + b"\xff" * 16, "a packet of 4294967295 bytes"),
        (struct.pack("<IHH", 0xA1B2C3D4, 2, 4), "cut off at byte 8"),
    ],
)
def test_damage_is_named(data: bytes, complaint: str) -> None:
    chunks, problem = read_broken(data)
    assert chunks == []
    assert complaint in problem


def test_estimated_times_stay_marked() -> None:
    records = [
        record(SYNC, 0.0, source=TimeSource.START),
        record(REPLY, 0.5, source=TimeSource.SYNC),
        record(WRITE, 1_700_000_000.0, epoch=True),
    ]
    data = as_written(records, Format.PCAPNG)
    assert data.count(ESTIMATED.encode()) == 1
    estimated, also, measured = (chunk.stamp for chunk in read(data))
    assert estimated == Stamp(0.0, TimeSource.BYTES)
    assert also == Stamp(0.5, TimeSource.BYTES)
    assert measured == Stamp(1_700_000_000.0, TimeSource.LOG, epoch=True)
    assert b"0.500000 s estimated" in as_written(records, Format.HEX)


def test_capture_without_records_is_valid_but_empty() -> None:
    for form in WRITABLE:
        data = as_written([], form)
        with pytest.raises(EmptyCapture):
            read(data)


# --- the programs of Wireshark ---------------------------------------------------------------------------------------
@pytest.fixture
def tshark(tmp_path: Path) -> Tshark:
    return find_tshark(tmp_path)


def test_wireshark_reads_what_we_write(tshark: Tshark, tmp_path: Path) -> None:
    path = tmp_path / "written.pcapng"
    with open_writer(path) as writer:
        for entry in MIXED:
            writer.write(entry)
    columns = [
        "frame.time_epoch",
        "frame.len",
        "frame.interface_name",
        "frame.encap_type",
        "frame.packet_flags_direction",
    ]
    lines = tshark.lines(path, "-T", "fields", *itertools.chain.from_iterable(("-e", name) for name in columns))
    assert lines[0] == "1700000000.000000000\t10\tvebus0\t45\t"
    assert lines[1] == "1700000000.003125000\t13\tvebus0\t45\t0x00000002"
    assert lines[-1] == "1700000000.200000000\t9\tmk3\t46\t0x00000001"
    assert len(lines) == len(MIXED)
    (comment,) = tshark.lines(path, "-Y", "frame.number == 3", "-T", "fields", "-e", "frame.comment")
    assert comment == "skipped: no frame"


def run(*arguments: str) -> str:
    done = subprocess.run(arguments, capture_output=True, check=True, timeout=60, env={**os.environ, "LC_ALL": "C"})
    return done.stdout.decode()


def program(name: str) -> str:
    found = shutil.which(name)
    if found:
        return found
    reason = f"{name} is not installed (Debian packages tshark, wireshark-common)"
    if os.environ.get("CI"):
        pytest.fail(reason)
    return pytest.skip(reason)


def test_capinfos_accepts_sections_of_both_sorts_of_times(tmp_path: Path) -> None:
    path = tmp_path / "two-sections.pcapng"
    with open_writer(path) as writer:
        writer.write(record(SYNC, 0.0, source=TimeSource.START))
        writer.write(record(SYNC, 1_700_000_000.0, epoch=True))
    found = run(program("capinfos"), "-c", "-T", "-r", "-m", str(path))
    assert found.strip().endswith(",2")


def test_text2pcap_editcap_and_mergecap_write_what_we_read(tmp_path: Path) -> None:
    text2pcap, editcap, mergecap = program("text2pcap"), program("editcap"), program("mergecap")
    source, first, cut, merged, old = (
        tmp_path / name for name in ("a.txt", "a.pcapng", "b.pcapng", "c.pcapng", "d.pcap")
    )
    source.write_text(f"I\n0000 {SYNC.hex(' ')}\nO\n0000 {REPLY.hex(' ')}\n")
    run(text2pcap, "-D", "-l", "147", "-F", "pcapng", "-N", "vebus0", str(source), str(first))
    chunks = read(first.read_bytes())
    assert [(chunk.data, chunk.direction) for chunk in chunks] == [
        (SYNC, Direction.FROM_DEVICE),
        (REPLY, Direction.TO_DEVICE),
    ]
    assert {(chunk.link, chunk.interface) for chunk in chunks} == {(Link.RS485, "vebus0")}
    run(editcap, "-r", "-T", "user1", str(first), str(cut), "2")
    assert [(chunk.data, chunk.link) for chunk in read(cut.read_bytes())] == [(REPLY, Link.MK3)]
    run(mergecap, "-a", "-w", str(merged), str(first), str(cut))
    links = [(chunk.data, chunk.link) for chunk in read(merged.read_bytes())]
    assert links == [(SYNC, Link.RS485), (REPLY, Link.RS485), (REPLY, Link.MK3)]
    run(editcap, "-F", "pcap", str(first), str(old))
    assert [chunk.data for chunk in read(old.read_bytes())] == [SYNC, REPLY]


# --- detection -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("head", "form"),
    [
        (BUS, Format.RAW),
        (BUS[5:], Format.RAW),
        (VERSION_REPLY, Format.RAW),
        (b"\xff", Format.RAW),
        (b"\x02", Format.RAW),
        (b"12#34\xff", Format.RAW),
        (b"\xff" * 100 + b"\n83 83 83\n", Format.RAW),
        (b"8383\n" + b"\xff" * 100, Format.HEX),
        (b"# only a comment \xc3\xa4", Format.HEX),
        (b"readme: no capture at all\n", Format.HEX),
        (b"\n\n  (1.0) vebus0 8383#FD\n", Format.LOG),
        (b"# heading\n(1700000000.1) veb", Format.LOG),
        (b"\x0a\x0d\x0d\x0a" + bytes(8), Format.PCAPNG),
        (b"\xd4\xc3\xb2\xa1" + bytes(8), Format.PCAP),
    ],
)
def test_format_is_told_from_the_head(head: bytes, form: Format) -> None:
    assert detect_format(head) is form


@given(st.sampled_from(WRITABLE), st.integers(1, 64))
def test_early_verdict_is_the_final_one(form: Format, step: int) -> None:
    data = as_written(MIXED, form)
    with open_capture("-", stdin=trickled(data, step)) as capture:
        assert capture.format is detect_format(data)


@pytest.mark.parametrize("cut", [0, 3, 11])
@pytest.mark.parametrize("size", [1, 7, 1000, 65536])
def test_link_is_told_from_the_frames(cut: int, size: int) -> None:
    for data, link in ((BUS * 50, Link.RS485), ((VERSION + VERSION_REPLY) * 50, Link.MK3)):
        assert detect_link(read(data[cut:], "raw", size)) is link


def test_link_is_rs485_where_nothing_tells() -> None:
    assert detect_link([]) is Link.RS485
    assert detect_link([Chunk(data=bytes(100))]) is Link.RS485


def test_link_that_the_capture_says_is_believed() -> None:
    assert detect_link([Chunk(data=SYNC, link=Link.MK3)]) is Link.MK3


def test_link_takes_no_more_chunks_than_it_needs() -> None:
    chunks = iter([Chunk(data=BUS) for _ in range(10_000)])
    assert detect_link(chunks) is Link.RS485
    assert len(list(chunks)) > 9900


def test_asking_for_the_link_loses_no_chunk_and_no_complaint() -> None:
    capture = open_capture("-", stdin=io.BytesIO(b"83 83 FD\n02 55 51 18 02 97 FF\nXY\n"))
    assert capture.link() is Link.RS485
    chunks, problem = drained(capture.chunks)
    assert "line 3, column 1" in str(problem)
    assert joined(chunks) == SYNC


def test_who_has_the_chunks_before_the_link_is_asked_gets_all_of_them() -> None:
    capture = open_capture("-", stdin=io.BytesIO(SYNC * 100), chunk_size=7)
    chunks = capture.chunks
    first = next(chunks)
    assert capture.link() is Link.RS485
    assert joined([first, *chunks]) == SYNC * 100


# --- what cannot be read ---------------------------------------------------------------------------------------------
def test_missing_file_and_directory(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match=r"missing\.bin: no such file; check the name"):
        open_capture(tmp_path / "missing.bin")
    with pytest.raises(CaptureError, match="is a directory; name a file in it"):
        open_capture(tmp_path)


def test_closed_standard_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    monkeypatch.setattr("sys.stdout", None)
    with pytest.raises(CaptureError, match="standard input: is closed"):
        open_capture("-")
    with pytest.raises(CaptureError, match="standard output: is closed"):
        open_writer("-")


def test_name_that_is_none() -> None:
    with pytest.raises(CaptureError, match="cannot open"):
        open_capture("a\0b")


def test_unreadable_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")  # root may read everything, so the mode of a file shows nothing

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(CaptureError, match=r"locked\.bin: permission denied; check the owner"):
        open_capture(tmp_path / "locked.bin")
    with pytest.raises(CaptureError, match=r"locked\.bin: permission denied"):
        open_writer(tmp_path / "locked.bin")


def test_failure_while_reading() -> None:
    class Broken(Trickle):
        def read(self, size: int = -1) -> bytes:
            if self.taken:
                raise OSError(5, "Input/output error")
            return super().read(size)

    stdin = cast("io.BufferedReader", Broken(BUS, len(BUS)))
    chunks, problem = drained(read_capture("-", stdin=stdin))
    assert str(problem) == "standard input: cannot read: Input/output error"
    assert joined(chunks) == BUS


@pytest.mark.parametrize("form", ["auto", *WRITABLE])
def test_empty_file_is_told_apart(form: str, tmp_path: Path) -> None:
    path = tmp_path / "empty.bin"
    path.touch()
    with pytest.raises(EmptyCapture, match=r"empty\.bin: is empty"):
        open_capture(path, input_format=form)


@pytest.mark.parametrize(
    ("data", "form", "complaint"),
    [
        (BUS, "pcapng", "is no pcapng file, it begins with 83 83 fd 02"),
        (b"83 83", "pcapng", "is no pcapng file"),
        (b"\x0a\x0d\x0d\x0a" + bytes(20), "hex", "is a pcapng file, no hex text"),
        (BUS, "scapy", "'scapy' is no capture format; there are auto, raw, hex, log, pcapng"),
        ("83 83".encode("utf-16"), "auto", "text in UTF-16"),
        ("83 83".encode("utf-16-be").join([b"\xfe\xff", b""]), "auto", "text in UTF-16"),
        (b"\x1f\x8b\x08\x00" + bytes(20), "auto", "is compressed; unpack it first"),
    ],
)
def test_wrong_format_is_refused_at_once(data: bytes, form: str, complaint: str) -> None:
    with pytest.raises(CaptureError) as problem:
        open_capture("-", input_format=form, stdin=io.BytesIO(data))
    assert complaint in str(problem.value)


@pytest.mark.parametrize("form", ["hex", "log"])
def test_binary_that_is_forced_to_be_text_is_named(form: str) -> None:
    chunks, problem = read_broken(BUS * 20_000, form)
    assert chunks == []
    assert "standard input: line 1" in problem


def test_raw_can_be_forced_for_everything() -> None:
    data = as_written(MIXED, Format.PCAPNG)
    assert joined(read(data, "raw")) == data


def test_file_is_closed_after_reading_and_after_failure(tmp_path: Path) -> None:
    path = tmp_path / "a.hex"
    path.write_text("83 83\nXY\n")
    capture = open_capture(path)
    with pytest.raises(CaptureError):
        list(capture.chunks)
    assert is_closed(capture)
    with open_capture(path) as other:
        pass
    assert is_closed(other)


def is_closed(capture: Capture) -> bool:
    return capture._source._stream.closed


# --- what cannot be written ------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("a.bin", Format.RAW),
        ("a.raw", Format.RAW),
        ("a.hex", Format.HEX),
        ("a.TXT", Format.HEX),
        ("a.log", Format.LOG),
        ("a.pcapng", Format.PCAPNG),
        ("a.pcap", Format.PCAP),
        ("a", Format.PCAPNG),
    ],
)
def test_suffix_decides(name: str, form: Format, tmp_path: Path) -> None:
    with open_writer(tmp_path / name) as writer:
        writer.write(MIXED[0])
    assert detect_format((tmp_path / name).read_bytes()) is form
    with open_writer(tmp_path / name, "raw") as writer:
        writer.write(MIXED[0])
    assert (tmp_path / name).read_bytes() == SYNC


def test_format_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match=r"no capture format has the suffix \.cap; use one of \.pcapng"):
        open_writer(tmp_path / "a.cap")
    with pytest.raises(CaptureError, match="is no capture format"):
        open_writer(tmp_path / "a", "cap")
    assert list(tmp_path.iterdir()) == []


def test_unwritable_targets(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="no such directory; create it first"):
        open_writer(tmp_path / "missing" / "a.bin")
    (tmp_path / "folder.bin").mkdir()
    with pytest.raises(CaptureError, match="is a directory"):
        open_writer(tmp_path / "folder.bin")


def test_input_is_never_overwritten(tmp_path: Path) -> None:
    path, link = tmp_path / "a.bin", tmp_path / "b.bin"
    path.write_bytes(BUS)
    link.symlink_to(path)
    for target in (path, link):
        with pytest.raises(CaptureError, match="is the file that is being read"):
            open_writer(target, input_path=path)
    assert path.read_bytes() == BUS
    with open_writer(tmp_path / "c.bin", input_path=path) as writer:
        writer.write(MIXED[0])


def test_full_disk_is_told_with_the_path() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full")
    writer = open_writer("/dev/full", "raw")
    writer.write(MIXED[0])
    with pytest.raises(CaptureError, match="/dev/full: no space left on the device"):
        writer.close()


class SmallDisk(io.BytesIO):
    """Takes 25 bytes, then none."""

    def write(self, data: object) -> int:
        room = 25 - self.tell()
        if room <= 0:
            raise OSError(28, "No space left on device")
        return super().write(bytes(cast("bytes", data))[:room])

    def close(self) -> None:
        self.left = self.getvalue()
        super().close()


def test_full_disk_leaves_complete_records() -> None:
    disk = SmallDisk()
    output = Output(disk, "small.bin", owned=True)
    for wire in (SYNC, WRITE, REPLY):
        output.write(wire)
    with pytest.raises(CaptureError, match=r"small\.bin: no space left"):
        output.close()
    assert disk.left == SYNC + WRITE


def test_reader_that_left_is_no_capture_error() -> None:
    class Left(io.BytesIO):
        def write(self, _: object) -> int:
            raise BrokenPipeError

    writer = PcapngWriter(Output(Left(), "pipe", owned=False))
    writer.write(MIXED[0])
    with pytest.raises(BrokenPipeError):
        writer.close()


def test_stream_stays_open_and_can_be_flushed() -> None:
    stream = io.BytesIO()
    writer = open_writer(stream, "raw")
    writer.write(MIXED[0])
    assert stream.getvalue() == b""
    writer.flush()
    assert stream.getvalue() == SYNC
    writer.stop()
    assert not stream.closed
