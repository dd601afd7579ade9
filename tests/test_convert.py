"""`vebus convert`: every format into every other, and what is told to be lost."""

import gzip
import itertools
import struct
from pathlib import Path

import pytest

from tests.checkout import ROOT
from vebus_protocol.schema import Direction, Link
from vebus_tools.capture import open_capture
from vebus_tools.capture.notes import CaptureNotes, InterfaceNotes
from vebus_tools.capture.output import Output
from vebus_tools.capture.pcapng import PcapngWriter
from vebus_tools.cli.converting import Request, run
from vebus_tools.cli.failures import guarded
from vebus_tools.decoder import decode_chunks
from vebus_tools.records import Record, Stamp, TimeSource

DAMAGED = ROOT / "captures" / "synthetic-60s.bin"
SAMPLES = [ROOT / "captures" / name for name in ("rs485-real.hex", "mk3-real.hex")]
FORMATS = (".bin", ".hex", ".log", ".pcapng", ".pcap")


def convert(source: Path | str, target: Path | str, **options: object) -> int:
    return guarded(lambda: run(Request(source=str(source), target=str(target), **options)))  # type: ignore[arg-type]


def records(path: Path) -> list[Record]:
    with open_capture(path) as capture:
        link = capture.link()
        return list(decode_chunks(capture.chunks, link))


def wire(path: Path) -> bytes:
    return b"".join(record.wire for record in records(path))


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.name)
@pytest.mark.parametrize(("first", "second"), list(itertools.product(FORMATS, FORMATS)))
def test_no_byte_is_lost_or_moved(sample: Path, first: str, second: str, tmp_path: Path) -> None:
    between, last = tmp_path / f"between{first}", tmp_path / f"last{second}"
    assert convert(sample, between) == 0
    assert convert(between, last) == 0
    assert wire(last) == wire(sample)


@pytest.mark.parametrize("form", FORMATS)
def test_damaged_parts_are_kept_where_they_were(form: str, tmp_path: Path) -> None:
    target = tmp_path / f"target{form}"
    assert convert(DAMAGED, target) == 0
    assert wire(target) == DAMAGED.read_bytes()


@pytest.mark.parametrize("form", [".log", ".pcapng"])
def test_times_directions_and_interfaces_stay_where_there_is_a_place(form: str, tmp_path: Path) -> None:
    source = tmp_path / "source.log"
    source.write_text(
        "(1700000000.003125) vebus0 98F7#FE0300E63702836400FAFF\n(1700000000.250001) mk3 #07FF5624DB11004252 R\n",
        encoding="ascii",
    )
    target = tmp_path / f"target{form}"
    assert convert(source, target) == 0
    assert [(one.stamp.at, one.interface, one.link) for one in records(target)] == [
        (1700000000.003125, "vebus0", Link.RS485),
        (1700000000.250001, "mk3", Link.MK3),
    ]
    assert records(target)[1].direction is Direction.FROM_DEVICE


def noted(path: Path) -> None:
    """A pcapng file with everything that it can say beside its packets."""
    notes = CaptureNotes(comments=["A cold morning"])
    notes.interfaces[Link.RS485, "bus"] = InterfaceNotes(description="garage", hardware="FTDI", filter="x", rate=256000)
    one = Record(
        number=1,
        stamp=Stamp(1700000000.5, TimeSource.LOG, epoch=True),
        link=Link.RS485,
        offset=0,
        wire=bytes.fromhex("98F7FE0300E63702836400FAFF"),
        frame=None,
        interface="bus",
        comments=("kettle on", "kettle off"),
    )
    with PcapngWriter(Output(path.open("wb", buffering=0), str(path), owned=True), notes=notes) as writer:
        writer.write(one)


def test_comments_and_notes_survive_pcapng(tmp_path: Path) -> None:
    source, target = tmp_path / "source.pcapng", tmp_path / "target.pcapng"
    noted(source)
    assert convert(source, target) == 0
    with open_capture(target) as capture:
        (chunk,) = capture.chunks
        assert chunk.comments == ("kettle on", "kettle off")
        assert capture.notes.comments == ["A cold morning"]
        facts = capture.notes.interfaces[Link.RS485, "bus"]
    assert facts == InterfaceNotes(description="garage", hardware="FTDI", filter="x", rate=256000)


def test_skipped_bytes_get_their_reason_once(tmp_path: Path) -> None:
    source, once, twice = tmp_path / "noise.bin", tmp_path / "once.pcapng", tmp_path / "twice.pcapng"
    source.write_bytes(b"\x11\x22\xff" + bytes.fromhex("98F7FE0300E63702836400FAFF"))
    assert convert(source, once) == 0
    assert convert(once, twice) == 0
    assert twice.read_bytes().count(b"skipped: ") == once.read_bytes().count(b"skipped: ") == 1


@pytest.mark.parametrize(
    ("form", "told"),
    [
        (".bin", ["1 times", "2 comments of frames", "1 names of interfaces (bus)", "1 comments of the capture"]),
        (".hex", ["1 times", "2 comments of frames", "1 names of interfaces (bus)", "1 comments of the capture"]),
        (".log", ["2 comments of frames", "1 comments of the capture"]),
        (".pcap", ["2 comments of frames", "1 names of interfaces (bus)", "1 comments of the capture"]),
        (".pcapng", []),
    ],
)
def test_what_is_lost_is_told(form: str, told: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, target = tmp_path / "source.pcapng", tmp_path / f"target{form}"
    noted(source)
    assert convert(source, target) == 0
    lost = [line.split("cannot hold: ")[1] for line in capsys.readouterr().err.splitlines() if "cannot hold" in line]
    assert [text for text in lost if "directions" not in text] == told


def test_statistics_blocks_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, target = tmp_path / "source.pcapng", tmp_path / "target.pcapng"
    noted(source)
    body = struct.pack("<III", 0, 0, 0)
    block = struct.pack("<II", 5, 24) + body + struct.pack("<I", 24)
    source.write_bytes(source.read_bytes() + block)
    assert convert(source, target) == 0
    assert "1 blocks with counts" in capsys.readouterr().err


def test_quiet_tells_nothing_of_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert convert(SAMPLES[0], tmp_path / "a.bin", quiet=True) == 0
    assert "cannot hold" not in capsys.readouterr().err


def test_two_links_in_one_stream_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "both.log"
    source.write_text("(1.0) vebus0 98F7#FE0300E63702836400FAFF\n(2.0) mk3 #07FF5624DB11004252 R\n", encoding="ascii")
    assert convert(source, tmp_path / "both.bin") == 0
    assert "bus and adapter are mixed" in capsys.readouterr().err


def test_a_pcap_file_holds_one_link(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, target = tmp_path / "both.log", tmp_path / "both.pcap"
    source.write_text("(1.0) vebus0 98F7#FE0300E63702836400FAFF\n(2.0) mk3 #07FF5624DB11004252 R\n", encoding="ascii")
    assert convert(source, target) == 1
    assert "write pcapng" in capsys.readouterr().err
    assert len(records(target)) == 1


def test_a_cut_capture_gives_what_is_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole, cut, target = tmp_path / "whole.pcapng", tmp_path / "cut.pcapng", tmp_path / "target.bin"
    assert convert(SAMPLES[0], whole) == 0
    cut.write_bytes(whole.read_bytes()[:-7])
    assert convert(cut, target) == 1
    assert "cut off" in capsys.readouterr().err
    assert wire(target) == b"".join(record.wire for record in records(whole)[:-1])


def test_files_of_a_size_and_packed(tmp_path: Path) -> None:
    target = tmp_path / "part.pcapng"
    assert convert(DAMAGED, target, file_size=100, gzip=True) == 0
    parts = sorted(tmp_path.glob("part_*.pcapng.gz"))
    assert len(parts) > 3
    unpacked = [tmp_path / f"{at}.pcapng" for at in range(len(parts))]
    for path, part in zip(unpacked, parts, strict=True):
        path.write_bytes(gzip.decompress(part.read_bytes()))
    assert b"".join(wire(path) for path in unpacked) == DAMAGED.read_bytes()


@pytest.mark.parametrize(
    ("source", "target", "words"),
    [
        ("missing.bin", "a.hex", "missing.bin"),
        ("real.hex", "real.hex", "is being read"),
        ("real.hex", "a.docx", "no capture format has the suffix"),
        ("real.hex", "nowhere/a.bin", "no such directory"),
        ("empty.bin", "a.hex", "is empty"),
    ],
)
def test_bad_input_is_one_line(
    source: str, target: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "real.hex").write_bytes(SAMPLES[0].read_bytes())
    (tmp_path / "empty.bin").write_bytes(b"")
    before = (tmp_path / "real.hex").read_bytes()
    assert convert(tmp_path / source, tmp_path / target) == 1
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1
    assert (tmp_path / "real.hex").read_bytes() == before
