"""Faults of the line and of the target: each one told when it is there, and not told when it is not."""

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from random import Random

import pytest

from tests.sniffers import LOST, PAUSE, Script, frames, heard, listen, notices, run, sniffing
from tests.test_recorder import count_in, tool
from vebus_protocol.schema import Link
from vebus_tools.capture import EmptyCapture
from vebus_tools.capture.recorder import Recorder, Recording
from vebus_tools.link import LINK_LOST, LinkError, LinkFacts, LostLinkError, PtyEnd
from vebus_tools.link.tty import LineErrors
from vebus_tools.live import Listener
from vebus_tools.records import CaptureError
from vebus_tools.tally import SUSPICIOUS_BYTES

MK3 = bytes.fromhex("05 ff 4c 00 00 00 b0")


def noise(size: int) -> bytes:
    return Random(7).randbytes(size)  # noqa: S311  (the same noise at every run)


# --- adapter unplugged -----------------------------------------------------------------------------------------------
def test_a_lost_link_ends_it_with_all_that_was_heard(tmp_path: Path) -> None:
    path = tmp_path / "bus.pcapng"
    listener = listen([frames(50), LOST, frames(50, 50)])
    recording = Recording(target=str(path), link=Link.RS485, interface="script")
    listener.keeper = Recorder(recording, listener.now(), listener.statistics)
    run(listener)
    assert isinstance(listener.problem, LostLinkError)
    assert count_in(path) == 50
    assert "Number of stat entries = 1" in tool("capinfos", path)


def test_an_unplugged_adapter_has_its_own_exit_code(checkout_environment: dict[str, str], tmp_path: Path) -> None:
    path, pty = tmp_path / "bus.pcapng", PtyEnd()
    with sniffing(checkout_environment, "-i", pty.path, "-w", path) as sniffer:
        sniffer.wait_until_listening(pty)
        pty.write(frames(100))
        sniffer.wait_for_file(path, 2000)
        pty.close()
        code, _, err = sniffer.finish()
    assert code == LINK_LOST
    assert "the link is gone" in err
    assert "100 frames" in err
    assert count_in(path) == 100
    assert "Number of packets:   100" in tool("capinfos", "-c", path)


def test_reconnecting_goes_on_in_the_same_recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vebus_tools.live.RETRY_S", 0.001)
    path = tmp_path / "bus.pcapng"
    attempts: list[Script | LinkError] = [
        LinkError("no such port"),
        LinkError("no such port"),
        Script([frames(30, 60)]),
    ]

    def reopen() -> Script:
        found = attempts.pop(0)
        if isinstance(found, LinkError):
            raise found
        return found

    listener = listen([frames(50) + frames(1, 50)[:5], LOST], reopen=reopen)
    recording = Recording(target=str(path), link=Link.RS485, interface="script")
    listener.keeper = Recorder(recording, listener.now(), listener.statistics)
    events = run(listener)
    assert listener.problem is None
    told = notices(events)
    assert "waiting for it" in told[0]
    assert "the link is back after" in told[1]
    assert b"".join(record.wire for record in heard(events)) == frames(50) + frames(1, 50)[:5] + frames(30, 60)
    assert listener.tally.lost_links == 1
    assert count_in(path) == 81
    comments = tool("tshark", "-r", path, "-T", "fields", "-e", "frame.comment").splitlines()
    assert "the link is back after" in comments[51]


def test_waiting_for_a_link_can_be_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vebus_tools.live.RETRY_S", 0.001)

    def never() -> Script:
        listener.stop()
        raise LinkError("no such port")

    listener = listen([LOST], reopen=never)
    run(listener)
    assert listener.problem is None


def test_the_program_reconnects(checkout_environment: dict[str, str], tmp_path: Path) -> None:
    path, name = tmp_path / "bus.bin", tmp_path / "port"
    pty = PtyEnd(name)
    with sniffing(checkout_environment, "-i", name, "-w", path, "--reconnect") as sniffer:
        sniffer.wait_until_listening(pty)
        pty.write(frames(10))
        sniffer.wait_for_file(path, len(frames(10)))
        pty.close()
        pty = PtyEnd(name)
        sniffer.wait_until_listening(pty)
        pty.write(frames(10, 10))
        sniffer.wait_for_file(path, len(frames(20)))
        code, _, err = sniffer.finish(signal.SIGTERM)
    pty.close()
    assert code == 0
    assert path.read_bytes() == frames(20)
    assert "waiting for it" in err
    assert "the link is back after" in err


# --- targets ---------------------------------------------------------------------------------------------------------
def run_with_small_files(environment: dict[str, str], stream: bytes, limit: int, *arguments: object) -> "Done":
    """Run the program where no file may grow beyond ``limit`` bytes, as on a disk that gets full."""

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    command = [sys.executable, "-m", "vebus_tools.cli", "sniff", "-i", "-", *map(str, arguments)]
    return subprocess.run(command, input=stream, env=environment, capture_output=True, check=False, preexec_fn=limited)


Done = subprocess.CompletedProcess[bytes]


def test_a_full_disk_is_told_and_the_file_is_whole(checkout_environment: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "bus.pcapng"
    done = run_with_small_files(checkout_environment, frames(3000), 50_000, "-w", path)
    assert done.returncode == 1
    assert b"bus.pcapng: cannot write: File too large" in done.stderr
    assert b"Traceback" not in done.stderr
    assert 0 < count_in(path) < 3000
    tool("capinfos", path)


def test_a_disk_with_room_is_not_told(checkout_environment: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "bus.pcapng"
    done = run_with_small_files(checkout_environment, frames(300), 50_000, "-w", path)
    assert done.returncode == 0
    assert b"cannot write" not in done.stderr
    assert count_in(path) == 300


def test_no_space_is_told(checkout_environment: dict[str, str]) -> None:
    with sniffing(checkout_environment, "-i", "sim:", "-w", "/dev/full", "-F", "raw") as sniffer:
        code, _, err = sniffer.finish()
    assert code == 1
    assert "/dev/full: no space left on the device" in err


def test_an_unwritable_target_is_told_at_once(checkout_environment: dict[str, str], tmp_path: Path) -> None:
    with sniffing(checkout_environment, "-i", "sim:", "-w", tmp_path / "nowhere" / "bus.pcapng") as sniffer:
        code, out, err = sniffer.finish()
    assert (code, out) == (1, "")
    assert err == f"vebus: {tmp_path}/nowhere/bus.pcapng: no such directory; create it first\n"


def test_a_target_that_fails_ends_the_listener(tmp_path: Path) -> None:
    class Failing(Recorder):
        def write(self, record: object, at: float) -> None:
            raise CaptureError(f"{record} at {at}: no space left on the device")

    listener = listen([frames(5), PAUSE] * 5)
    recording = Recording(target=str(tmp_path / "bus.bin"), link=Link.RS485, interface="script")
    listener.keeper = Failing(recording, listener.now())
    run(listener)
    assert "no space left" in str(listener.problem)


# --- noise and wrong rates -------------------------------------------------------------------------------------------
def test_endless_noise_is_told_once_and_bounded() -> None:
    data = noise(200_000)
    listener = listen([data[at : at + 1000] for at in range(0, len(data), 1000)])
    events = run(listener)
    assert b"".join(record.wire for record in heard(events)) == data
    (told,) = notices(events)
    assert "wrong bit rate (--baud), noise, or no VE.Bus on RS485" in told
    assert listener.problem is None


def test_noise_without_end_bytes_stays_bounded() -> None:
    listener = listen([bytes(4096)] * 100, showing=False)
    run(listener)
    assert listener.tally.skipped_bytes == 409_600
    assert len(listener._decoder._streams) == 1
    (stream,) = listener._decoder._streams.values()
    assert len(stream._arrivals._known) <= 2


def test_good_traffic_is_not_suspected() -> None:
    assert notices(run(listen([frames(128)] * 20))) == []


def test_some_noise_in_good_traffic_is_not_suspected() -> None:
    assert notices(run(listen([noise(400), frames(128)] * 5))) == []


def test_few_bytes_are_not_suspected() -> None:
    assert notices(run(listen([noise(SUSPICIOUS_BYTES - 1)]))) == []


def test_a_wrong_rate_is_told_with_what_the_driver_says() -> None:
    script = Script(
        [noise(SUSPICIOUS_BYTES)], counters=[LineErrors(framing=5, overruns=0), LineErrors(framing=905, overruns=3)]
    )
    listener = Listener(script, Link.RS485)
    (told,) = notices(run(listener))
    assert told.startswith(
        f"{SUSPICIOUS_BYTES} bytes at 256000 bit/s, 900 of them with a wrong stop bit, but 0 valid frames"
    )
    assert listener.tally.overruns == 3
    assert "3 overruns" in listener.tally.line()
    assert "900 framing errors" in listener.tally.line()


def test_driver_counters_that_stand_still_are_no_overruns() -> None:
    listener = Listener(Script([frames(10)], counters=[LineErrors(framing=5, overruns=7)]), Link.RS485)
    run(listener)
    assert (listener.tally.overruns, listener.tally.framing_errors) == (0, 0)


@pytest.mark.parametrize(
    ("stream", "link", "told"),
    [
        (MK3 * 400, Link.RS485, "this looks like MK2/MK3 traffic, not VE.Bus on RS485; try --link mk3"),
        (frames(400), Link.MK3, "this looks like VE.Bus on RS485, not MK2/MK3 traffic; try --link rs485"),
    ],
)
def test_traffic_of_the_other_link_is_recognised(stream: bytes, link: Link, told: str) -> None:
    assert notices(run(listen([stream], link))) == [told]


# --- silence ---------------------------------------------------------------------------------------------------------
def test_a_stream_that_stops_is_told_and_when_it_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vebus_tools.live.SILENT_S", 0.03)
    told = notices(run(listen([frames(10), *[PAUSE] * 20, frames(10, 10), *[PAUSE] * 20])))
    assert len(told) == 3
    assert told[0].startswith("no bytes for")
    assert "bytes again after" in told[1]
    assert told[2].startswith("no bytes for")


def test_a_stream_that_never_starts_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vebus_tools.live.SILENT_S", 0.03)
    (told,) = notices(run(listen([PAUSE] * 30)))
    assert told.startswith("no bytes yet; is the bus awake")


def test_a_short_pause_is_not_told() -> None:
    assert notices(run(listen([frames(10), PAUSE, frames(10, 10)]))) == []


# --- odds and ends ---------------------------------------------------------------------------------------------------
def test_warnings_of_the_link_are_told() -> None:
    facts = LinkFacts(name="script", warnings=("no low-latency mode",))
    assert notices(run(Listener(Script([frames(1)], facts=facts), Link.RS485))) == ["no low-latency mode"]


def test_the_reader_is_closed_however_it_ends() -> None:
    endings: Iterable[list[bytes | str]] = ([], [LOST], [frames(3)])
    for steps in endings:
        script = Script(list(steps))
        run(Listener(script, Link.RS485))
        assert script.closed


# --- kill -9 ---------------------------------------------------------------------------------------------------------
KILL_MOMENTS = int(os.environ.get("VEBUS_KILL_MOMENTS", "4"))
"""Set it to 50 and more for the long form, which also holds how much is missing against the clock."""


@pytest.mark.parametrize("moment", range(KILL_MOMENTS))
def test_a_killed_recorder_leaves_a_readable_file(
    checkout_environment: dict[str, str], tmp_path: Path, moment: int
) -> None:
    path, pty = tmp_path / "bus.pcapng", PtyEnd()
    random = Random(moment)  # noqa: S311  (the same moments at every run)
    sent: list[tuple[float, bytes]] = []
    with sniffing(checkout_environment, "-i", pty.path, "-w", path) as sniffer:
        sniffer.wait_until_listening(pty)
        end_at = time.monotonic() + random.uniform(0.05, 2.5)
        while time.monotonic() < end_at:
            data = frames(5, 5 * len(sent))
            pty.write(data, 10.0)
            sent.append((time.monotonic(), data))
            time.sleep(0.002)
        killed_at = time.monotonic()
        sniffer.finish(signal.SIGKILL)
    pty.close()
    stream = b"".join(data for _, data in sent)
    told = tool("tshark", "-r", path, "-T", "fields", "-e", "frame.len")
    held = b"" if not told else stream[: sum(map(int, told.split()))]
    assert stream.startswith(held)
    assert count_in_or_none(path) == len(told.split())
    tool("capinfos", path)
    if "VEBUS_KILL_MOMENTS" in os.environ:
        old = sum(len(data) for at, data in sent if at < killed_at - 1.0)
        assert len(held) >= old, f"{old - len(held)} bytes older than a second are missing"


def count_in_or_none(path: Path) -> int:
    try:
        return count_in(path)
    except EmptyCapture:
        return 0
