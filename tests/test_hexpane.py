"""The hex pane: the samples, tshark's own output, and back from text to bytes."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.real_tshark import find_tshark
from vebus_protocol.frame import dissect_frame
from vebus_protocol.schema import Link
from vebus_tools.records import Record, Stamp, TimeSource
from vebus_tools.sinks.hexpane import Ascii, HexOptions, dump_lines, hex_lines, parse_hex_options

SYNC = bytes.fromhex("8383fd025551180297ff")
AC_PHASE = bytes.fromhex("8383fe51e48056c3c3a64cbe8fd368194b7a001aff")
BARE_FA = bytes.fromhex("98f7fe0300e63702836400faff")
STUFFED = bytes.fromhex("98f7fe0300e6370283fa7cfa7f6fff")
FRAMES = (SYNC, AC_PHASE, BARE_FA, bytes.fromhex("8383fe3c00e6875aff"))


def record(wire: bytes) -> Record:
    frame = dissect_frame(wire)
    return Record(number=1, stamp=Stamp(0.0, TimeSource.BYTES), link=Link.RS485, offset=0, wire=wire, frame=frame)


@pytest.mark.parametrize(
    ("wire", "expected"),
    [
        (SYNC, ["0000  83 83 fd 02 55 51 18 02 97 ff                     ....UQ...."]),
        (
            STUFFED,
            [
                "Frame (15 bytes):",
                "0000  98 f7 fe 03 00 e6 37 02 83 fa 7c fa 7f 6f ff      ......7...|..o.",
                "Unstuffed VE.Bus (13 bytes):",
                "0000  98 f7 fe 03 00 e6 37 02 83 fc ff 6f ff            ......7....o.",
            ],
        ),
        (
            AC_PHASE,
            [
                "0000  83 83 fe 51 e4 80 56 c3 c3 a6 4c be 8f d3 68 19   ...Q..V...L...h.",
                "0010  4b 7a 00 1a ff                                    Kz...",
            ],
        ),
        (BARE_FA, ["0000  98 f7 fe 03 00 e6 37 02 83 64 00 fa ff            ......7..d..."]),
    ],
)
def test_samples(wire: bytes, expected: list[str]) -> None:
    assert list(hex_lines(record(wire))) == expected


def test_skipped_bytes_have_one_block() -> None:
    stamp = Stamp(0.0, TimeSource.BYTES)
    skipped = Record(number=1, stamp=stamp, link=Link.RS485, offset=0, wire=b"\xfa\x7c\x01", frame=None, reason="x")
    assert list(hex_lines(skipped)) == [f"0000  fa 7c 01{' ' * 42}.|."]


def test_frames_only_leaves_out_the_unstuffed_bytes() -> None:
    lines = list(hex_lines(record(STUFFED), parse_hex_options(["frames"])))
    assert lines == ["0000  98 f7 fe 03 00 e6 37 02 83 fa 7c fa 7f 6f ff      ......7...|..o."]


def test_no_bytes_no_lines() -> None:
    assert list(dump_lines(b"")) == []


@pytest.mark.parametrize(("size", "digits"), [(1, 4), (0x10000, 4), (0x10001, 5), (0x100001, 6)])
def test_offsets_grow_only_when_they_have_to(size: int, digits: int) -> None:
    assert next(dump_lines(bytes(size))).index(" ") == digits


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], HexOptions()),
        (["all", "ascii"], HexOptions()),
        (["frames", "delimit"], HexOptions(ascii=Ascii.DELIMITED, all_sources=False)),
        (["delimit", "noascii"], HexOptions(ascii=Ascii.NONE)),
        (["frames", "all"], HexOptions()),
    ],
)
def test_words_of_the_command_line(words: list[str], expected: HexOptions) -> None:
    assert parse_hex_options(words) == expected


def test_unknown_word_is_refused_with_the_words_there_are() -> None:
    with pytest.raises(ValueError, match=r'^"octal" is not .* all, frames, ascii, delimit, noascii$'):
        parse_hex_options(["octal"])


def read_back(lines: list[str]) -> bytes:
    """Bytes of a dump, read as text2pcap does: an offset, then pairs of hex digits up to the ASCII column."""
    data = b""
    for line in lines:
        offset, _, rest = line.partition("  ")
        assert int(offset, 16) == len(data)
        data += bytes.fromhex(rest[:48])
    return data


@given(st.binary(max_size=300), st.sampled_from(Ascii))
def test_every_byte_can_be_read_back(data: bytes, form: Ascii) -> None:
    lines = list(dump_lines(data, form))
    assert read_back(lines) == data
    assert all(line.isascii() and line.isprintable() for line in lines)
    assert all(line[54:56] == "  " for line in lines)


@given(st.binary(min_size=1, max_size=64))
def test_ascii_column_starts_at_character_56(data: bytes) -> None:
    shown = "".join(line[56:] for line in dump_lines(data))
    assert shown == "".join(chr(byte) if 0x20 <= byte <= 0x7E else "." for byte in data)


@pytest.mark.parametrize("words", [(), ("delimit",), ("noascii",), ("frames",)])
def test_tshark_prints_the_same(tmp_path: Path, words: tuple[str, ...]) -> None:
    tshark = find_tshark(tmp_path)
    path = tshark.capture([(at, wire) for at, wire in enumerate(FRAMES)])
    arguments = [item for word in words for item in ("--hexdump", word)] or ["-x"]
    options = parse_hex_options(words)
    ours = [line for wire in FRAMES for line in (*hex_lines(record(wire), options), "")]
    assert ours == tshark.lines(path, *arguments)


@pytest.mark.parametrize("words", [(), ("frames",), ("all", "delimit")])
def test_tshark_prints_a_second_data_source_the_same(tmp_path: Path, words: tuple[str, ...]) -> None:
    tshark = find_tshark(tmp_path)
    script = tshark.dissector(dissect_frame(STUFFED).unstuffed)
    arguments = [item for word in words for item in ("--hexdump", word)] or ["-x"]
    theirs = tshark.lines(tshark.capture([(0, STUFFED)]), "-X", script, *arguments)
    assert [*hex_lines(record(STUFFED), parse_hex_options(words)), ""] == theirs
