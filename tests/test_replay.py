"""`vebus replay`: when each frame goes out, and that what was captured is what is heard."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.sniffers import frames
from tests.test_recorder import count_in, tool
from vebus_protocol.schema import Link
from vebus_tools.capture import open_capture
from vebus_tools.decoder import decode_chunks
from vebus_tools.link import Reader, open_link
from vebus_tools.player import Pace, Player, Scheduled, restamped, schedule
from vebus_tools.records import Chunk, Record, Stamp, TimeSource

BYTE_S = 10 / 256_000
SYNC = frames(1)


def captured(*times: float) -> list[Record]:
    chunks = [Chunk(data=SYNC, stamp=Stamp(at, TimeSource.LOG, epoch=True), whole=True) for at in times]
    return list(decode_chunks(chunks, Link.RS485))


def times(records: list[Record], pace: Pace, rounds: int = 1) -> list[float]:
    return [round(planned.at_s, 6) for planned in schedule([records] * rounds, pace)]


# --- schedule --------------------------------------------------------------------------------------------------------
def test_the_times_of_the_capture_are_kept() -> None:
    assert times(captured(100.0, 100.02, 100.5), Pace(byte_s=BYTE_S)) == [0.0, 0.02, 0.5]


def test_a_gap_takes_their_place() -> None:
    assert times(captured(100.0, 100.02, 100.5), Pace(byte_s=BYTE_S, gap_s=0.005)) == [0.0, 0.005, 0.01]


def test_a_frame_is_not_sooner_than_the_end_of_the_one_before() -> None:
    length = round(10 * BYTE_S, 6)
    assert times(captured(1.0, 1.0001), Pace(byte_s=BYTE_S)) == [0.0, length]
    assert times(captured(1.0, 2.0), Pace(byte_s=BYTE_S, gap_s=1e-6)) == [0.0, length]
    assert times(captured(1.0, 2.0), Pace(byte_s=BYTE_S, at_once=True)) == [0.0, length]


def test_long_silences_are_left_out() -> None:
    pace = Pace(byte_s=BYTE_S, skip_s=1.0)
    assert times(captured(0.0, 0.5, 100.0, 100.5), pace) == [0.0, 0.5, round(0.5 + 10 * BYTE_S, 6), 1.000391]


def test_a_log_that_goes_backwards_does_not_stop_the_replay() -> None:
    assert times(captured(100.0, 50.0, 50.5), Pace(byte_s=BYTE_S)) == [0.0, 0.000391, 0.500391]


def test_rounds_follow_each_other() -> None:
    assert times(captured(100.0, 100.5), Pace(byte_s=BYTE_S), 2) == [0.0, 0.5, 0.500391, 1.000391]


def test_a_recording_of_a_replay_keeps_date_and_source() -> None:
    (record,) = captured(100.0)
    again = restamped(Scheduled(2.0, record), 7, Stamp(1000.0, TimeSource.LOG, epoch=True), Pace(byte_s=BYTE_S))
    assert (again.number, again.stamp) == (7, Stamp(1002.0, TimeSource.LOG, epoch=True))


def test_invented_times_are_marked() -> None:
    (record,) = captured(100.0)
    pace = Pace(byte_s=BYTE_S, gap_s=0.005)
    again = restamped(Scheduled(2.0, record), 7, Stamp(1000.0, TimeSource.LOG, epoch=True), pace)
    assert again.stamp.source.estimated
    assert not again.stamp.epoch


def test_a_stopped_player_sends_nothing() -> None:
    (record,) = captured(100.0)
    player = Player([], Pace(byte_s=BYTE_S), lambda: True)
    player.wait_for_listener()
    assert not player.send(Scheduled(0.0, record))


# --- the program -----------------------------------------------------------------------------------------------------
@pytest.fixture
def capture(tmp_path: Path) -> Path:
    """100 frames, 1 ms apart, and a run of bytes between them that belong to no frame."""
    path = tmp_path / "capture.log"
    stream = [frames(1, number) for number in range(100)]
    stream[50] = b"\x01\x02\x03\x04"
    lines = (
        f"({1_700_000_000 + number / 1000:.6f}) vebus0 {data[:2].hex().upper()}#{data[2:].hex().upper()}\n"
        for number, data in enumerate(stream)
    )
    path.write_text("".join(lines), encoding="ascii")
    return path


def bytes_of(path: Path) -> bytes:
    with open_capture(path) as opened:
        return b"".join(chunk.data for chunk in opened.chunks)


Run = subprocess.CompletedProcess[str]


def replay(environment: dict[str, str], *arguments: object, keys: str = "") -> Run:
    command = [sys.executable, "-m", "vebus_tools.cli", "replay", *map(str, arguments)]
    return subprocess.run(command, env=environment, input=keys, capture_output=True, text=True, check=False, timeout=60)


@contextmanager
def replaying(environment: dict[str, str], *arguments: object) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "vebus_tools.cli", "replay", *map(str, arguments)]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def first_line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def take(reader: Reader, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = reader.read(30.0)
        assert more
        data += more
    return data


def test_a_pty_hears_every_byte_and_is_announced(
    checkout_environment: dict[str, str], capture: Path, tmp_path: Path
) -> None:
    name = tmp_path / "bus"
    with replaying(checkout_environment, capture, "--pty", "--link-name", name) as process:
        assert first_line(process) == str(name)
        reader = open_link(str(name), baud=256_000)
        wanted = bytes_of(capture)
        assert take(reader, len(wanted)) == wanted
        assert process.wait(60) == 0
        reader.close()
        assert process.stderr is not None
        assert f"100 records, {len(wanted)} bytes played, 0 bytes unheard" in process.stderr.read()
    assert not name.is_symlink()


def test_tcp_clients_hear_every_byte(checkout_environment: dict[str, str], capture: Path) -> None:
    with replaying(checkout_environment, capture, "--tcp", "0", "--ignore-timestamps", "-l", "20") as process:
        reader = open_link(f"socket://{first_line(process)}", baud=256_000)
        wanted = bytes_of(capture) * 20
        assert take(reader, len(wanted)) == wanted
        assert process.wait(60) == 0
        reader.close()


def test_it_can_be_sniffed(checkout_environment: dict[str, str], capture: Path, tmp_path: Path) -> None:
    heard = tmp_path / "heard.bin"
    with replaying(checkout_environment, capture, "--pty") as process:
        command = [sys.executable, "-m", "vebus_tools.cli", "sniff", "-i", first_line(process), "-w", str(heard), "-q"]
        done = subprocess.run(command, env=checkout_environment, capture_output=True, check=False, timeout=60)
    assert done.returncode == 3  # the pty goes away with the replay
    assert heard.read_bytes() == bytes_of(capture)


def test_a_file_is_written_without_waiting(checkout_environment: dict[str, str], tmp_path: Path) -> None:
    hour = tmp_path / "hour.log"
    frame = f"{SYNC[:2].hex()}#{SYNC[2:].hex()}"
    hour.write_text(f"(1700000000.0) vebus0 {frame}\n(1700003600.0) vebus0 {frame}\n", encoding="ascii")
    target = tmp_path / "again.pcapng"
    assert replay(checkout_environment, hour, "-w", target).returncode == 0
    with open_capture(target) as opened:
        stamps = [chunk.stamp.at for chunk in opened.chunks if chunk.stamp]
    assert stamps == [1_700_000_000.0, 1_700_003_600.0]
    assert "Number of packets:   2" in tool("capinfos", "-c", target)


def test_rounds_gaps_and_counts_in_a_file(checkout_environment: dict[str, str], capture: Path, tmp_path: Path) -> None:
    target = tmp_path / "again.pcapng"
    arguments = (capture, "-w", target, "-l", 3, "--gap", "5ms", "-n", 250)
    done = replay(checkout_environment, *arguments)
    assert done.returncode == 0
    assert "250 records" in done.stderr
    assert count_in(target) == 250
    with open_capture(target) as opened:
        stamps = [chunk.stamp for chunk in opened.chunks if chunk.stamp]
    assert all(stamp.source.estimated for stamp in stamps)
    assert stamps[1].at - stamps[0].at == pytest.approx(0.005, abs=1e-6)


def test_steps_wait_for_enter_and_end_with_q(
    checkout_environment: dict[str, str], capture: Path, tmp_path: Path
) -> None:
    target = tmp_path / "again.bin"
    done = replay(checkout_environment, capture, "-w", target, "--step", keys="\n\n\nq\n")
    assert done.returncode == 0
    assert target.read_bytes() == frames(3)
    assert done.stderr.count("Sync, Nr=") == 4


def test_verbose_prints_what_is_sent(checkout_environment: dict[str, str], capture: Path, tmp_path: Path) -> None:
    done = replay(checkout_environment, capture, "-w", tmp_path / "again.bin", "-v")
    assert done.stderr.count("Sync, Nr=") == 99


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        ((), 2, "nothing to play to"),
        (("--pty", "--gap", "5ms", "--ignore-timestamps"), 2, "choose one"),
        (("--pty", "--gap", "soon"), 2, "is no time"),
        (("--pty", "-l", "0"), 2, "number of rounds"),
        (("-w", "x.bin", "-l", "i"), 2, "never ends"),
        (("--tcp", "nowhere"), 1, "is no address"),
        (("-w", "x.nonsense"), 1, "no capture format"),
        (("-i", "/dev/ttyUSB0"), 2, "No such option"),
    ],
)
def test_wrong_usage_is_said(
    checkout_environment: dict[str, str], capture: Path, arguments: tuple[str, ...], code: int, text: str
) -> None:
    done = replay(checkout_environment, capture, *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert text in done.stderr
    assert "Traceback" not in done.stderr


def test_standard_input_is_played_once(checkout_environment: dict[str, str], capture: Path, tmp_path: Path) -> None:
    target = tmp_path / "again.bin"
    done = replay(checkout_environment, "-", "-w", target, keys=capture.read_text(encoding="ascii"))
    assert done.returncode == 0
    assert target.read_bytes() == bytes_of(capture)
    assert replay(checkout_environment, "-", "-w", target, "-l", "2").returncode == 2


def test_a_missing_capture_is_said(checkout_environment: dict[str, str], tmp_path: Path) -> None:
    done = replay(checkout_environment, tmp_path / "nothing.bin", "--pty")
    assert done.returncode == 1
    assert "no such file" in done.stderr
    assert done.stdout == ""
