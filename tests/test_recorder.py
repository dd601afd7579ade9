"""Recording: rotation as dumpcap does it, files complete at every moment, and what Wireshark's tools find in them."""

import gzip
import os
import shutil
import subprocess
from datetime import UTC
from pathlib import Path

import pytest

from vebus_protocol.schema import Link
from vebus_tools.capture import open_capture
from vebus_tools.capture.notes import InterfaceNotes, Statistics
from vebus_tools.capture.recorder import FLUSH_S, Recorder, Recording, Ring
from vebus_tools.decoder import Decoder
from vebus_tools.records import CaptureError, Chunk, Record, Stamp, TimeSource

SYNC = bytes.fromhex("83 83 fd 02 55 51 18 02 97 ff")
START = 1_700_000_000.0
EVERY_S = 1 / 64


def records(count: int, *, every_s: float = EVERY_S, start: float = START) -> list[Record]:
    decoder = Decoder(Link.RS485)
    found: list[Record] = []
    for number in range(count):
        stamp = Stamp(start + number * every_s, TimeSource.HOST, epoch=True)
        found += decoder.feed(Chunk(data=SYNC, stamp=stamp, interface="bus"))
    return found


def recording(target: Path, ring: Ring | None = None, **more: object) -> Recording:
    return Recording(target=str(target), link=Link.RS485, interface="bus", ring=ring or Ring(), zone=UTC, **more)  # type: ignore[arg-type]


def record_all(what: Recording, count: int = 100) -> Recorder:
    recorder = Recorder(what, START)
    feed(recorder, records(count))
    recorder.close()
    return recorder


def feed(recorder: Recorder, found: list[Record]) -> None:
    for number, record in enumerate(found):
        recorder.write(record, START + number * EVERY_S)


def count_in(path: Path) -> int:
    with open_capture(path) as capture:
        return sum(1 for _ in capture.chunks)


def tool(name: str, *arguments: object) -> str:
    """What one of Wireshark's programs prints; skipped where it is missing, a failure where CI is set."""
    path = shutil.which(name)
    if path is None:
        reason = f"{name} is not installed (Debian package tshark)"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    command = [path, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, check=True, timeout=60, env={**os.environ, "LC_ALL": "C.UTF-8"})
    return done.stdout.decode()


# --- rotation --------------------------------------------------------------------------------------------------------
def test_one_file_without_a_ring(tmp_path: Path) -> None:
    recorder = record_all(recording(tmp_path / "bus.pcapng"))
    assert recorder.files == 1
    assert recorder.name == str(tmp_path / "bus.pcapng")
    assert count_in(tmp_path / "bus.pcapng") == 100


@pytest.mark.parametrize(
    ("ring", "sizes"),
    [
        (Ring(packets=40), [40, 40, 20]),
        (Ring(duration_s=1.0), [64, 36]),
        (Ring(packets=40, duration_s=0.5), [32, 32, 32, 4]),
        (Ring(interval_s=1.0), [64, 36]),
        (Ring(packets=100), [100]),
    ],
)
def test_files_begin_when_they_should(tmp_path: Path, ring: Ring, sizes: list[int]) -> None:
    record_all(recording(tmp_path / "bus.pcapng", ring))
    files = sorted(tmp_path.iterdir())
    assert [count_in(path) for path in files] == sizes


def test_names_are_those_of_dumpcap(tmp_path: Path) -> None:
    record_all(recording(tmp_path / "bus.pcapng", Ring(packets=64)))
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["bus_00001_20231114221320.pcapng", "bus_00002_20231114221321.pcapng"]


def test_interval_follows_the_clock(tmp_path: Path) -> None:
    recorder = Recorder(recording(tmp_path / "bus.pcapng", Ring(interval_s=60.0)), 118.0)
    for record, at in zip(records(4), (118.5, 119.5, 120.5, 121.5), strict=True):
        recorder.write(record, at)
    recorder.close()
    assert [count_in(path) for path in sorted(tmp_path.iterdir())] == [2, 2]


def test_filesize_ends_a_file_soon_after(tmp_path: Path) -> None:
    record_all(recording(tmp_path / "bus.pcapng", Ring(filesize_kb=1)))
    sizes = [path.stat().st_size for path in sorted(tmp_path.iterdir())]
    assert len(sizes) > 2
    assert all(1000 <= size < 1100 for size in sizes[:-1])


def test_a_ring_keeps_the_newest_files(tmp_path: Path) -> None:
    record_all(recording(tmp_path / "bus.pcapng", Ring(packets=10, files=3)))
    names = sorted(path.name[:9] for path in tmp_path.iterdir())
    assert names == ["bus_00008", "bus_00009", "bus_00010"]


@pytest.mark.parametrize(("suffix", "form"), [(".bin", None), (".log", None), (".dat", "raw"), ("", None)])
def test_other_formats_rotate_too(tmp_path: Path, suffix: str, form: str | None) -> None:
    record_all(recording(tmp_path / f"bus{suffix}", Ring(packets=60), form=form))
    files = sorted(tmp_path.iterdir())
    assert len(files) == 2
    assert all(path.suffix == suffix for path in files)


def test_standard_output_cannot_rotate() -> None:
    with pytest.raises(CaptureError, match="is one stream"):
        Recorder(Recording(target="-", link=Link.RS485, interface="bus", ring=Ring(packets=1)), START)


def test_an_unwritable_target_is_said_before_anything_is_heard(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="no such directory"):
        Recorder(recording(tmp_path / "nowhere" / "bus.pcapng"), START)
    with pytest.raises(CaptureError, match="is a directory"):
        Recorder(recording(tmp_path), START)


def test_names_of_finished_files_are_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ring = Ring(packets=60, print_name=str(tmp_path / "names"))
    record_all(recording(tmp_path / "bus.bin", ring))
    names = (tmp_path / "names").read_text(encoding="utf-8").splitlines()
    assert [Path(name).name[:9] for name in names] == ["bus_00001", "bus_00002"]
    record_all(recording(tmp_path / "other.bin", Ring(packets=60, print_name="-")))
    assert capsys.readouterr().out.count("other_0000") == 2


# --- packing ---------------------------------------------------------------------------------------------------------
def test_files_are_packed_when_finished(tmp_path: Path) -> None:
    record_all(recording(tmp_path / "bus.pcapng", Ring(packets=50), gzip=True))
    files = sorted(tmp_path.iterdir())
    assert [path.name.rpartition("_")[0] for path in files] == ["bus_00001", "bus_00002"]
    assert all(path.name.endswith(".pcapng.gz") for path in files)
    assert [count_in(path) for path in files] == [50, 50]
    assert gzip.decompress(files[0].read_bytes()).startswith(b"\x0a\x0d\x0d\x0a")
    assert "Number of packets:   50" in tool("capinfos", "-c", files[0])


@pytest.mark.parametrize("damage", ["cut off", "overwritten"])
def test_a_damaged_packed_file_is_one_clear_line(tmp_path: Path, damage: str) -> None:
    record_all(recording(tmp_path / "bus.pcapng", gzip=True))
    path = tmp_path / "bus.pcapng.gz"
    whole = path.read_bytes()
    path.write_bytes(whole[:-20] if damage == "cut off" else whole[:60] + bytes(20) + whole[80:])
    with pytest.raises(CaptureError, match=r"bus\.pcapng\.gz: "):
        count_in(path)


def test_a_packed_file_can_be_read_as_raw_bytes(tmp_path: Path) -> None:
    record_all(recording(tmp_path / "bus.pcapng", gzip=True))
    path = tmp_path / "bus.pcapng.gz"
    with open_capture(path, input_format="raw") as capture:
        assert b"".join(chunk.data for chunk in capture.chunks) == path.read_bytes()


def test_a_ring_of_packed_files_keeps_the_newest(tmp_path: Path) -> None:
    record_all(recording(tmp_path / "bus.bin", Ring(packets=10, files=2), gzip=True))
    assert sorted(path.name[:9] for path in tmp_path.iterdir()) == ["bus_00009", "bus_00010"]


def test_a_file_that_cannot_be_packed_stays_as_it_is(tmp_path: Path) -> None:
    target = tmp_path / "bus.bin"
    (tmp_path / "bus.bin.gz").mkdir()
    recorder = Recorder(recording(target, gzip=True), START)
    recorder.write(records(1)[0], START)
    with pytest.raises(CaptureError, match=r"bus\.bin is complete"):
        recorder.close()
    assert target.read_bytes() == SYNC


# --- what is on the disk ---------------------------------------------------------------------------------------------
def test_an_empty_recording_is_a_valid_file_from_the_start(tmp_path: Path) -> None:
    path = tmp_path / "bus.pcapng"
    recorder = Recorder(recording(path), START)
    assert "Number of packets:   0" in tool("capinfos", "-c", path)
    recorder.close()


def test_records_are_handed_over_in_time(tmp_path: Path) -> None:
    path = tmp_path / "bus.bin"
    first, second, third = records(3)
    recorder = Recorder(recording(path), START)
    recorder.write(first, START + 0.1)
    assert path.read_bytes() == b""
    recorder.write(second, START + FLUSH_S)
    assert path.read_bytes() == SYNC * 2
    recorder.write(third, START + FLUSH_S + 0.1)
    recorder.tick(START + FLUSH_S + 0.2)
    assert path.read_bytes() == SYNC * 2
    recorder.tick(START + 2 * FLUSH_S)
    assert path.read_bytes() == SYNC * 3
    recorder.close()


def test_less_than_a_second_is_in_memory_only() -> None:
    assert FLUSH_S < 1.0


def test_a_clock_that_is_set_back_flushes_at_once(tmp_path: Path) -> None:
    path = tmp_path / "bus.bin"
    recorder = Recorder(recording(path), START)
    recorder.write(records(1)[0], START - 3600)
    assert path.read_bytes() == SYNC
    recorder.close()


def test_a_full_disk_leaves_complete_records(tmp_path: Path) -> None:
    import resource

    path = tmp_path / "bus.pcapng"
    recorder = Recorder(recording(path), START)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3000, before[1]))
    try:
        with pytest.raises(CaptureError, match=r"bus\.pcapng"):
            feed(recorder, records(200))
        recorder.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert 0 < count_in(path) < 200


# --- what the file says ----------------------------------------------------------------------------------------------
NOTES = InterfaceNotes(
    description="Times: host clock", hardware="FTDI FT232R, USB 0403:6001", filter="vebus.cmd == 0xe4", rate=256_000
)


def test_capinfos_shows_interface_and_counts(tmp_path: Path) -> None:
    path = tmp_path / "bus.pcapng"
    facts = Statistics(
        started=START, ended=START + 2, received=120, dropped=5, accepted=100, comment="100 frames, Grüße"
    )
    recorder = Recorder(recording(path, notes=NOTES, comments=("first", "second")), START, lambda: facts)
    recorder.remark("the link is back")
    feed(recorder, records(100))
    recorder.close()
    told = tool("capinfos", path)
    for text in (
        "Number of packets:   100",
        "Name = bus",
        "Description = Times: host clock",
        "Hardware = FTDI FT232R, USB 0403:6001",
        "Speed = 256000",
        "Number of stat entries = 1",
        "Encapsulation = USER 0",
        "first",
        "Strict time order:   True",
    ):
        assert text in told
    assert "Filter string = vebus.cmd == 0xe4" in told or "vebus.cmd == 0xe4" in told
    assert "the link is back" in tool("tshark", "-r", path, "-c", "1", "-T", "fields", "-e", "frame.comment")
    assert "100 frames, Grüße".encode() in path.read_bytes()


def test_editcap_and_tshark_read_every_file(tmp_path: Path) -> None:
    facts = Statistics(started=START, ended=START + 2, received=100, dropped=0, accepted=100)
    recorder = Recorder(recording(tmp_path / "bus.pcapng", Ring(packets=30), notes=NOTES), START, lambda: facts)
    feed(recorder, records(100))
    recorder.close()
    for path in sorted(tmp_path.glob("bus_*")):
        tool("editcap", path, tmp_path / "copy.pcapng")
        lines = tool("tshark", "-r", path, "-T", "fields", "-e", "frame.time_epoch").splitlines()
        assert len(lines) == count_in(path) == count_in(tmp_path / "copy.pcapng")


def test_our_own_reader_gives_back_times_and_bytes(tmp_path: Path) -> None:
    path = tmp_path / "bus.pcapng"
    wanted = records(20)
    recorder = Recorder(recording(path, notes=NOTES), START)
    feed(recorder, wanted)
    recorder.close()
    with open_capture(path) as capture:
        chunks = list(capture.chunks)
    assert [chunk.data for chunk in chunks] == [record.wire for record in wanted]
    assert all(
        chunk.stamp is not None and chunk.stamp.at == pytest.approx(record.stamp.at, abs=1e-6)
        for chunk, record in zip(chunks, wanted, strict=True)
    )


def test_a_comment_that_is_too_long_is_cut_and_stays_readable(tmp_path: Path) -> None:
    path = tmp_path / "bus.pcapng"
    record_all(recording(path, comments=("\N{EURO SIGN}" * 40_000,)), 3)
    assert count_in(path) == 3
    assert "Number of packets:   3" in tool("capinfos", "-c", path)
