"""Log, locks and evidence of a transmitting session, and the machine inside it on a virtual clock."""

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.interlocked import GOOD
from tests.traceability import covers
from vebus_protocol.bms import (
    LAB,
    CaptureSpec,
    Medium,
    Profile,
    ProfileError,
    ProvenanceClass,
    StateSpan,
    built_in,
    encode,
    read_profile,
)
from vebus_protocol.bms.profile import Unknown
from vebus_protocol.frame import Frame, decode_frame, encode_frame
from vebus_tools.battery import Bank, uniform_sample
from vebus_tools.emulator import Terminals, Timing
from vebus_tools.emulator.evidence import HeardCapture, check_evidence
from vebus_tools.interlocks import ExitCode, Reaction
from vebus_tools.link import BusyLinkError
from vebus_tools.records import CaptureError
from vebus_tools.simulator import VirtualBus, load_scenario
from vebus_tools.transmitter import Feed, Plan, session
from vebus_tools.transmitter.captures import read_evidence
from vebus_tools.transmitter.locks import BusLock
from vebus_tools.transmitter.log import Log
from vebus_tools.transmitter.session import Phase, Session, sync_number

BYTE_S, STEP_S = 10 / 256_000, 0.01
BANK = Bank(system_v=24, series=2)
FIELDS = ("discharge_allowed", "charge_allowed", "pre_alarm", "low_cell", "high_cell", "bms_error", "remote_off")


# --- log -------------------------------------------------------------------------------------------------------------
@covers("X-17", trips=True)
def test_a_log_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    log = Log(tmp_path / "s.log")
    with pytest.raises(CaptureError, match="cannot create"):
        Log(tmp_path / "s.log")
    log.close()
    log.close()
    with pytest.raises(CaptureError, match="cannot write"):
        log.sent(b"\x4c\x42\xff", 1.0)
    with pytest.raises(CaptureError, match="cannot create"):
        Log(tmp_path / "missing" / "s.log")


@covers("X-17", trips=True)
def test_a_full_disk_stops_before_the_frame() -> None:
    log = Log.__new__(Log)
    log.path, log._epoch = Path("/dev/full"), 0.0
    log._fd = os.open("/dev/full", os.O_WRONLY)
    with pytest.raises(CaptureError, match="cannot write the log"):
        log.sent(b"\x4c\x42\xff", 1.0)


# --- locks -----------------------------------------------------------------------------------------------------------
@covers("X-7", trips=True)
def test_a_bus_is_locked_once(tmp_path: Path) -> None:
    first = BusLock("Multi 8383", tmp_path)
    with pytest.raises(BusyLinkError, match="looks the same"):
        BusLock("Multi 8383", tmp_path)
    BusLock("Multi 8484", tmp_path).close()
    first.close()
    BusLock("Multi 8383", tmp_path).close()


# --- evidence --------------------------------------------------------------------------------------------------------
def frames_of_states() -> Iterator[tuple[float, Frame]]:
    """Ten seconds for each state: in each one flag is set, as a BMS would."""
    counter = 0
    for at, name in enumerate(("", *FIELDS[2:])):
        for second in range(10):
            yield 10.0 * at + second, _frame(name, counter)
            counter += 1


def _values(name: str) -> dict[str, int]:
    values = dict.fromkeys(FIELDS, 0) | ({name: 1} if name else {})
    never = values["bms_error"] or values["remote_off"]
    values["discharge_allowed"] = int(not (never or values["low_cell"]))
    values["charge_allowed"] = int(not (never or values["high_cell"]))
    return {**values, "high_cell_level": 0x90 if values["high_cell"] else 0x20, "link_mode": values["remote_off"]}


def _frame(name: str, counter: int) -> Frame:
    lab = built_in(LAB)
    values = {**_values(name), "reserved": 0, "counter": counter & 0xFF}
    wire = encode(lab, "information", values, number=counter & 0x7F)

    found = decode_frame(wire)
    return Frame(sender=found.sender, kind=found.kind, number=found.number, payload=found.payload)


def captured_profile(digest: str, file: str = "states.hex") -> Profile:
    lab = built_in(LAB)
    spans = tuple(
        StateSpan(from_s=10.0 * at, until_s=10.0 * at + 10.0, values=_values(name))
        for at, name in enumerate(("", *FIELDS[2:]))
    )
    provenance = replace(
        lab.provenance,
        sort=ProvenanceClass.CAPTURED,
        bms_version=1245112,
        multi_versions=(2629492,),
        captures=(CaptureSpec(file=file, sha256=digest, spans=spans),),
    )
    return replace(lab, provenance=provenance, media=frozenset(Medium))


def heard(**changes: Any) -> dict[str, HeardCapture]:  # noqa: ANN401  (the attributes of a capture)
    return {"states.hex": replace(HeardCapture(sha256="ab" * 32, frames=tuple(frames_of_states())), **changes)}


@covers("X-2", trips=False)
def test_captures_that_agree_are_evidence() -> None:
    evidence = check_evidence(captured_profile("ab" * 32), heard())
    assert evidence.problems == ()
    assert evidence.holds
    assert (evidence.captures, evidence.frames) == (1, 60)


def without_state(profile: Profile, name: str) -> Profile:
    (capture,) = profile.provenance.captures
    spans = tuple(one for one in capture.spans if not one.values[name])
    return replace(profile, provenance=replace(profile.provenance, captures=(replace(capture, spans=spans),)))


@covers("X-2", trips=True)
def test_captures_that_disagree_are_none() -> None:
    profile, frames = captured_profile("ab" * 32), tuple(frames_of_states())
    swapped = tuple((at, _frame("remote_off", at_number)) for at_number, (at, _) in enumerate(frames))
    strange = (*frames, (60.0, replace(frames[0][1], payload=b"\x01\x02")))
    lab = built_in(LAB)
    gap = replace(lab.frame("information"), unknown=(Unknown(at=6, fill=b"\x07"),))
    cases = [
        (profile, {}, "is not at hand"),
        (profile, heard(sha256="cd" * 32), "is not the file"),
        (profile, heard(frames=()), "no information frame"),
        (profile, heard(frames=swapped), "is not always"),
        (profile, heard(frames=strange), "does not know"),
        (profile, heard(frames=frames[:5] + frames[6:]), "does not count"),
        (without_state(profile, "high_cell"), heard(), "no labelled state tells"),
        (replace(profile, frames=(gap,), rules=()), heard(), "nobody can explain"),
        (replace(profile, provenance=replace(profile.provenance, captures=())), heard(), "names no captures"),
    ]
    for one, found, text in cases:
        evidence = check_evidence(one, found)
        assert not evidence.holds
        assert [problem for problem in evidence.problems if text in problem], (text, evidence.problems)


@covers("X-2", trips=True)
def test_a_capture_that_was_changed_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "states.log"
    lines = [
        f"({at + 1.0:.6f}) vebus0 {(wire := encode_frame(frame)).hex()[:4].upper()}#{wire.hex()[4:].upper()}\n"
        for at, frame in frames_of_states()
    ]
    path.write_text("".join(lines), encoding="ascii")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    profile = captured_profile(digest, "states.log")
    good = read_evidence(profile, {"states.log": path})
    assert good is not None
    assert good.holds, good.problems
    path.write_text("".join(lines).replace("4C42", "4C42 ", 0) + "\n", encoding="ascii")
    bad = read_evidence(profile, {"states.log": path})
    assert bad is not None
    assert not bad.holds
    assert read_evidence(built_in(LAB), {}) is None
    with pytest.raises(CaptureError, match="cannot read the capture"):
        read_evidence(profile, {"states.log": tmp_path / "gone"})


def test_a_profile_file_names_its_captures() -> None:

    path = Path(__file__).parent.parent / "protocol/vebus_protocol/profiles/lab-sim-1.json"
    text = json.loads(path.read_text(encoding="utf-8"))
    span = {"from_s": 0, "until_s": 10, "values": {"low_cell": 1}}
    text["provenance"] |= {
        "class": "captured",
        "bms_version": 1245112,
        "multi_versions": [2629492],
        "date": "2026-11-23",
        "captures": [{"file": "a.pcapng", "sha256": "ab" * 32, "states": [span]}],
    }
    profile = read_profile(json.dumps(text), "test")
    assert profile.provenance.captures[0].spans == (StateSpan(from_s=0, until_s=10, values={"low_cell": 1}),)
    assert len(profile.digest) == 64
    for wrong in ({"sha256": "ab"}, {"states": [{**span, "until_s": 0}]}, {"states": [{**span, "values": {}}]}):
        text["provenance"]["captures"][0] = {"file": "a", "sha256": "ab" * 32, "states": [span]} | wrong
        with pytest.raises(ProfileError):
            read_profile(json.dumps(text), "test")


# --- the machine -----------------------------------------------------------------------------------------------------
class Lines:
    """A log in memory."""

    def __init__(self) -> None:
        self.told: list[tuple[str, float, object]] = []

    def sent(self, wire: bytes, at: float) -> None:
        self.told.append(("sent", at, wire))

    def heard(self, wire: bytes, at: float) -> None:
        self.told.append(("heard", at, wire))

    def remark(self, text: str, at: float) -> None:
        self.told.append(("remark", at, text))


class Machine:
    """A session at a virtual bus."""

    def __init__(self, **changes: Any) -> None:  # noqa: ANN401  (the attributes of Plan)
        plan = Plan(
            port=GOOD.port,
            profile=built_in(LAB),
            version=1245112,
            log=Path("unused"),
            cells=BANK.cells,
            simulated_line=True,
            slot_delay_s=0.002,
            inputs={"supply_v": 26.0, "vebus": True, "battery_v": 26.0, "terminals": Terminals(joined=True)},
            timing=Timing(shaped=False),
        )
        self.log = Lines()
        self.session = Session(replace(plan, **changes), replace(GOOD, units=()), self.log)  # type: ignore[arg-type]
        self.session.before(self.session.interlocks.facts, 0.0)
        self.bus = VirtualBus(load_scenario("exact"), 1)
        self.now = 0.0
        self.feeding = True
        self.voltage_v = 3.3
        self.left: list[tuple[float, bytes]] = []

    @property
    def phase(self) -> Phase:
        return self.session.phase

    def run(self, seconds: float) -> None:
        until = self.now + seconds
        while self.now < until:
            self.now += STEP_S
            for sent in list(self.bus.run(self.now)):
                self.hear(sent.data, sent.at_s + len(sent.data) * BYTE_S, ours=sent.sender == "bms")
            if self.feeding and round(self.now / STEP_S) % 10 == 0:
                sample = uniform_sample(BANK, self.now, voltage_v=self.voltage_v)
                self.session.on_feed(Feed(sample=sample), self.now)
            self.session.step(self.now)

    def hear(self, data: bytes, end: float, *, ours: bool) -> None:
        if self.session.quick_sync(data, end):
            self.send(end + 0.002)
            self.session.on_bytes(data, end, read_back=False)
        else:
            self.session.on_bytes(data, end, read_back=ours)

    def send(self, at: float) -> None:
        wire = self.session.frame(at)
        if wire is not None:
            self.left.append((at, wire))
            self.bus.inject(wire, at + 0.00004, "bms")
            self.session.sent(wire, at)


@covers("X-3", "X-5", "X-8", "X-10", "X-13", "X-15", trips=False)
def test_a_session_listens_sends_and_ends() -> None:
    machine = Machine()
    machine.run(9.5)
    assert (machine.phase, machine.left) == (Phase.LISTENING, [])
    machine.run(10.0)
    assert machine.phase is Phase.SENDING
    assert 9 <= len(machine.left) <= 12, "one a second, and a version reply"
    assert machine.session.interlocks.read_back.collisions == 0
    for at, wire in machine.left:
        behind = machine.log.told[machine.log.told.index(("sent", at, wire)) :]
        assert ("heard", wire) in [(kind, what) for kind, _, what in behind], "log first, then the line"
    machine.session.on_feed(Feed(stop="Ctrl-C"), machine.now)
    count = len(machine.left)
    machine.run(8.0)
    outcome = machine.session.outcome(machine.now)
    assert len(machine.left) == count
    assert machine.phase.value == "over"
    assert (outcome.exit_code, outcome.reaction) == (ExitCode.DONE, Reaction.EMERGENCY)


@covers("X-12", trips=True)
def test_a_feed_that_ends_is_silence_within_two_seconds() -> None:
    machine = Machine()
    machine.run(14.0)
    assert machine.left
    machine.feeding = False
    since = machine.now
    machine.run(5.0)
    assert machine.left[-1][0] <= since + 2.0
    assert str(machine.session.interlocks.stopped).startswith("X-12")
    assert machine.session.outcome(machine.now).exit_code == ExitCode.STOPPED


@covers("X-14", trips=False)
def test_a_low_cell_is_in_the_next_frame() -> None:
    machine = Machine()
    machine.run(15.0)
    machine.voltage_v = 2.7
    since = machine.now
    machine.run(2.2)
    at, wire = next((at, wire) for at, wire in machine.left if at > since + 0.11)  # the sample comes within 0.1 s
    assert at - since <= 1.2
    assert wire[8] & 0b1001 == 0b1000, "low cell, and no discharge"


def test_a_restriction_that_comes_while_a_frame_is_due_is_in_that_frame() -> None:
    machine = Machine()
    machine.run(15.0)
    running = machine.session
    while not running.due:
        machine.run(STEP_S)
    running.on_feed(Feed(sample=uniform_sample(BANK, machine.now, voltage_v=2.7)), machine.now)
    running.prepare(machine.now)
    machine.voltage_v = 2.7
    count = len(machine.left)
    machine.run(0.05)
    assert machine.left[count][1][8] & 0b1001 == 0b1000


@covers("X-3", trips=True)
def test_old_firmware_is_refused_with_the_exit_code_of_the_gate() -> None:
    machine = Machine()
    machine.bus = VirtualBus(load_scenario("old-firmware"), 1)
    machine.run(20.0)
    outcome = machine.session.outcome(machine.now)
    assert machine.left == []
    assert outcome.stop.interlock is not None
    assert outcome.stop.interlock.number == "X-3"
    assert outcome.exit_code in range(11, 15)


@covers("X-15", trips=True)
def test_a_three_phase_system_is_refused() -> None:
    machine = Machine()
    machine.bus = VirtualBus(load_scenario("three-phase"), 1)
    machine.run(20.0)
    assert machine.left == []
    held = {one.interlock.number for one in machine.session.interlocks.states(machine.now) if not one.condition.passes}
    assert "X-15" in held


def test_what_is_waited_for_too_long_is_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "WAIT_S", 2.0)
    machine, scenario = Machine(), load_scenario("exact")
    machine.bus = VirtualBus(replace(scenario, host=replace(scenario.host, present=False)), 1)
    machine.run(13.0)
    outcome = machine.session.outcome(machine.now)
    assert (outcome.frames, machine.left) == (0, [])
    assert outcome.stop.interlock is not None
    assert outcome.stop.interlock.number == "X-3"


def test_sync_frames_are_found_by_form_and_checksum() -> None:
    bus = VirtualBus(load_scenario("exact"), 1)
    found = [(sent.data, sync_number(sent.data)) for sent in bus.run(5.0)]
    for data, number in found:
        assert (number == data[3]) if data[2] == 0xFD else number is None
    wire = next(data for data, number in found if number is not None)
    assert sync_number(wire[:5] + bytes([wire[5] ^ 1]) + wire[6:]) is None
    assert sync_number(wire + wire) is None
    assert sync_number(wire[:-1]) is None
    assert sync_number(b"") is None
