"""Asking the units behind an adapter: the machine on a virtual clock, and the command on a pty."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.traceability import covers
from vebus_protocol.adapter import AdapterAddress, WinmonCommand
from vebus_protocol.mk3 import Mk3Frame, encode_mk3_frame
from vebus_protocol.registry import decode_payload
from vebus_protocol.schema import Link, Space
from vebus_protocol.winmon import ReadRam, RequestVersionHigh, RequestVersionLow
from vebus_tools.decoder import decode_frame_chain
from vebus_tools.firmware import Assistant, Verdict, judge_system
from vebus_tools.firmware.inquiry import AdapterInquiry
from vebus_tools.framing import Mk3Splitter
from vebus_tools.link import LinkError, TcpServer
from vebus_tools.link.adapters import open_adapter
from vebus_tools.simulator import Installation, Mk3Adapter, load_scenario
from vebus_tools.simulator.scenario import Assistant as AssistantRecord

_LIMIT_S = 120.0


def ask(adapter: Mk3Adapter, hear: Callable[[bytes], bytes] = bytes) -> tuple[AdapterInquiry, list[bytes]]:
    """Let an inquiry talk to a simulated adapter until it is done; what it sent, and ``hear`` spoils the replies."""
    inquiry, sent, now = AdapterInquiry(), [], 0.0
    while not inquiry.done:
        data = inquiry.poll(now)
        if data:
            sent.append(data)
            adapter.on_bytes(data, now)
        now = min(adapter.next_at, inquiry.next_at) if adapter.next_at > now else now + 0.001
        for said in adapter.poll(now):
            inquiry.feed(hear(said.data), now)
        assert now < _LIMIT_S
    return inquiry, sent


def simulated(scenario: str) -> Mk3Adapter:
    return Mk3Adapter(Installation(load_scenario(scenario), 1))


@covers("B-134", "B-136", "B-141")
@pytest.mark.parametrize(
    ("scenario", "count", "verdict"),
    [
        ("exact", 1, Verdict.ACCEPTED),
        ("ess-day", 1, Verdict.ACCEPTED),
        ("three-phase", 3, Verdict.ACCEPTED),
        ("old-firmware", 1, Verdict.WRONG_PROCESSOR),
    ],
)
def test_every_unit_behind_the_adapter_is_read(scenario: str, count: int, verdict: Verdict) -> None:
    inquiry, _ = ask(simulated(scenario))
    units = inquiry.heard.units()
    assert len(units) == count
    assert judge_system(units).verdict is verdict


def test_the_assistants_are_read_to_the_end_of_their_list() -> None:
    (unit,) = ask(simulated("ess-day"))[0].heard.units()
    assert unit.assistant is Assistant.ESS


def test_nothing_but_questions_is_sent() -> None:
    _, sent = ask(simulated("three-phase"))
    allowed = {"RequestAdapterVersion", "RequestIdentity", "AdapterAddress", "WinmonCommand"}
    bodies = set()
    for data in sent:
        (piece,) = Mk3Splitter().feed(data)
        chain = decode_frame_chain(piece.frame)
        assert type(chain[0].message).__name__ in allowed
        if isinstance(chain[0].message, WinmonCommand):
            bodies.add(type(chain[-1].message))
    assert bodies <= {RequestVersionLow, RequestVersionHigh, ReadRam}
    assert ReadRam in bodies


def test_the_address_that_was_selected_is_selected_again() -> None:
    adapter = simulated("three-phase")
    adapter.on_bytes(encode_mk3_frame(Mk3Frame(payload=AdapterAddress(action=1, address=2).build())), 0.0)
    _, sent = ask(adapter)
    (piece,) = Mk3Splitter().feed(sent[-1])
    last = decode_frame_chain(piece.frame)[-1].message
    assert isinstance(last, AdapterAddress)
    assert (last.action, last.address) == (1, 2)


def test_an_adapter_that_is_silent_is_asked_three_times_and_no_more() -> None:
    inquiry, now, sent = AdapterInquiry(), 0.0, []
    while not inquiry.done:
        sent += [data] if (data := inquiry.poll(now)) else []
        now = max(now + 0.01, inquiry.next_at)
    assert not inquiry.answered
    assert len(sent) == 3


@covers("B-142")
def test_damaged_replies_leave_the_units_unverified() -> None:
    def spoil(data: bytes) -> bytes:
        body = decode_payload(Space.PAYLOAD, data[1:-1], Link.MK3, 1)
        winmon = len(data) > 3 and data[2] in b"XYZ"
        return bytes([*data[:-1], data[-1] ^ 0x55]) if winmon and body else data

    inquiry, _ = ask(simulated("exact"), spoil)
    units = inquiry.heard.units()
    assert units == () or judge_system(units).verdict is Verdict.NOT_VERIFIED


def test_noise_between_replies_does_not_stop_it() -> None:
    inquiry, _ = ask(simulated("exact"), lambda data: b"\x55\x55" + data)
    assert judge_system(inquiry.heard.units()).verdict is Verdict.ACCEPTED


# --- the edge --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("url", ["-", "rfc2217://host:1", "loop://", "socket://", "socket://nowhere.invalid:1"])
def test_what_cannot_be_asked_is_refused_in_a_line(url: str) -> None:
    with pytest.raises(LinkError, match=r"socket://|adapter|connect"):
        open_adapter(url, baud=2400)


def test_an_adapter_line_writes_and_reads() -> None:
    server = TcpServer()
    line = open_adapter(f"socket://{server.name}", baud=2400)
    try:
        line.write(b"\x02\xff\x56\xa9")
        heard = b""
        while not heard:
            heard = server.read()
        assert heard == b"\x02\xff\x56\xa9"
        server.write(b"\x01")
        assert line.read(5.0) == b"\x01"
    finally:
        line.close()
        server.close()


@covers("B-141")
def test_the_command_asks_through_a_simulated_adapter(checkout_environment: dict[str, str], tmp_path: Path) -> None:
    port = tmp_path / "mk3"
    simulate = [sys.executable, "-m", "vebus_tools.cli", "simulate", "exact", "-q", "--mk3-link-name", str(port)]
    check = [sys.executable, "-m", "vebus_tools.cli", "check-firmware", "-i", str(port), "--link", "mk3"]
    with subprocess.Popen(simulate, env=checkout_environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as bus:
        try:
            assert bus.stdout is not None
            assert bus.stderr is not None
            while not port.exists() and bus.poll() is None:
                bus.stdout.readline()
            run = subprocess.run(
                check, env=checkout_environment, capture_output=True, text=True, timeout=120, check=False
            )
        finally:
            bus.terminate()
            bus.communicate(timeout=20)
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines()[-1] == "System: accepted"
    assert "nothing is written" in run.stderr


@covers("B-141")
def test_the_command_overhears_a_bus(checkout_environment: dict[str, str]) -> None:
    arguments = ["check-firmware", "-i", "sim:exact", "-a", "duration:2"]
    run = subprocess.run(
        [sys.executable, "-m", "vebus_tools.cli", *arguments],
        env=checkout_environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines()[-1] == "System: accepted"
    assert "listening" in run.stderr


@covers("B-134", "B-136", "B-137", "B-138")
@pytest.mark.parametrize(
    ("version", "ess", "code"),
    [
        (2629414, False, 12),
        (2629415, False, 11),
        (2629415, True, 10),
        (2629488, False, 11),
        (2629489, False, 0),
        (2029489, False, 13),
    ],
)
def test_each_verdict_is_reached_through_an_adapter(version: int, ess: bool, code: int) -> None:  # noqa: FBT001
    assistants = (AssistantRecord(id=0x005, words=(0, 0, 0, 0)),) if ess else ()
    scenario = load_scenario("exact")
    devices = tuple(replace(one, version=version, assistants=assistants) for one in scenario.devices)
    inquiry, _ = ask(Mk3Adapter(Installation(replace(scenario, devices=devices), 1)))
    assert judge_system(inquiry.heard.units()).verdict.exit_code == code
