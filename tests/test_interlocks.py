"""Each interlock X-1 to X-19, tripped and not tripped, on a virtual clock."""

from dataclasses import replace
from typing import Any

import pytest

from tests.interlocked import (
    ALL,
    BMS_INFO,
    DMC_INFO,
    GOOD,
    LEDS,
    LOW,
    NOTHING,
    OTHER,
    SYNC_S,
    WRITE_RAM,
    Desk,
    ready,
    version_wire,
)
from tests.traceability import covers
from vebus_protocol.bms import LAB, Medium, Permissions, Profile, ProvenanceClass, built_in
from vebus_protocol.frame import Frame, encode_frame
from vebus_tools.battery import Limits, Threshold
from vebus_tools.emulator import Timing
from vebus_tools.emulator.evidence import Evidence
from vebus_tools.firmware import unit_of_text
from vebus_tools.interlocks import Condition, ExitCode, Facts, Mode, Reaction, Transport

HARDWARE = Transport(name="/dev/ttyUSB0, USB adapter (ftdi_sio)", text="late")
ALIGNED = Transport(name="aligned", sync_aligned=True, driver_timed=True, text="in hardware")
EVIDENCE = Evidence(profile=LAB, captures=1, frames=9)


def captured() -> Profile:
    """The laboratory profile as if it had been captured of a real system."""
    lab = built_in(LAB)
    provenance = replace(
        lab.provenance, sort=ProvenanceClass.CAPTURED, bms_version=1245112, multi_versions=(heard_version(),)
    )
    return replace(lab, provenance=provenance, media=frozenset(Medium))


def heard_version() -> int:
    """Version of the simulated Multi."""
    desk = Desk()
    desk.take(version_wire())
    (version,) = desk.interlocks.line.heard.versions
    return version


def test_a_good_session_sends() -> None:
    desk = ready()
    assert [str(one) for one in desk.interlocks.states(desk.now) if not one.condition.passes] == []
    assert desk.send() == ""
    assert desk.interlocks.frames == 1


def test_nothing_is_known_at_the_start() -> None:
    desk = Desk(facts=Facts())
    assert desk.why_not(desk.frame()) == "X-1"
    held = {one.interlock.number for one in desk.interlocks.states(desk.now) if not one.condition.passes}
    assert held == {"X-1", "X-2", "X-3", "X-4", "X-5", "X-7", "X-8", "X-11", "X-12", "X-14", "X-15", "X-17"}


# --- X-1 -------------------------------------------------------------------------------------------------------------
@covers("X-1", trips=True)
@pytest.mark.parametrize(
    "changes",
    [{"terminal": False}, {"typed": ""}, {"typed": "/dev/ttyUSB1"}, {"typed": "y"}, {"port": "", "typed": ""}],
    ids=str,
)
def test_without_both_opt_ins_nothing_is_sent(changes: dict[str, Any]) -> None:
    desk = ready(facts=replace(GOOD, **changes))
    assert desk.send() == "X-1"
    assert desk.interlocks.frames == 0


@covers("X-1", trips=False)
def test_the_typed_name_of_the_port_is_the_second_opt_in() -> None:
    assert ready().state("X-1") is Condition.OK


# --- X-2 -------------------------------------------------------------------------------------------------------------
@covers("X-2", trips=True)
@pytest.mark.parametrize("transport", [None, HARDWARE, ALIGNED], ids=str)
@pytest.mark.parametrize("sort", [ProvenanceClass.SYNTHETIC, ProvenanceClass.HYPOTHESIS])
def test_made_up_profiles_never_reach_hardware(sort: ProvenanceClass, transport: Transport | None) -> None:
    lab = built_in(LAB)
    # A profile that claims hardware for itself: the class decides.
    profile = replace(lab, provenance=replace(lab.provenance, sort=sort), media=frozenset(Medium))
    desk = ready(facts=replace(GOOD, transport=transport, evidence=EVIDENCE), profile=profile)
    assert desk.state("X-2") is Condition.TRIPPED
    assert desk.send() == "X-2"


@covers("X-2", trips=True)
def test_a_hypothesis_is_not_even_simulated() -> None:
    lab = built_in(LAB)
    profile = replace(lab, provenance=replace(lab.provenance, sort=ProvenanceClass.HYPOTHESIS))
    desk = ready(Mode.SIMULATE, profile=profile)
    assert desk.send() == "X-2"


@covers("X-2", trips=True)
@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"evidence": None}, "not at hand"),
        ({"evidence": replace(EVIDENCE, profile="another")}, "not at hand"),
        ({"evidence": replace(EVIDENCE, frames=0)}, "no information frame"),
        ({"evidence": replace(EVIDENCE, problems=("x.bin is not the file",))}, "x.bin is not the file"),
        ({"bms_version": 1146100}, "to be emulated is 1146100"),
    ],
    ids=str,
)
def test_a_captured_profile_needs_its_captures(changes: dict[str, Any], text: str) -> None:
    facts = replace(GOOD, transport=ALIGNED, evidence=EVIDENCE)
    desk = ready(facts=replace(facts, **changes), profile=captured())
    desk.take(version_wire())
    assert desk.send() == "X-2"
    assert text in desk.why("X-2")


@covers("X-2", trips=True)
def test_a_captured_profile_is_for_the_recorded_versions() -> None:
    desk = ready(facts=replace(GOOD, transport=ALIGNED, evidence=EVIDENCE), profile=captured())
    assert desk.state("X-2") is Condition.WAITING, "no version was read yet"
    other = replace(captured(), provenance=replace(captured().provenance, multi_versions=(2629500,)))
    desk = ready(facts=replace(GOOD, transport=ALIGNED, evidence=EVIDENCE), profile=other)
    desk.take(version_wire())
    assert desk.state("X-2") is Condition.TRIPPED


@covers("X-2", trips=False)
def test_a_captured_profile_with_everything_in_order_passes() -> None:
    desk = ready(facts=replace(GOOD, transport=ALIGNED, evidence=EVIDENCE), profile=captured())
    desk.take(version_wire())
    desk.sync()
    assert desk.send() == ""


@covers("X-2", trips=False)
def test_public_source_is_for_the_version_reply() -> None:
    lab = built_in(LAB)
    public = replace(lab.provenance, sort=ProvenanceClass.PUBLIC_SOURCE)
    replies = tuple(one for one in lab.frames if not one.periodic)
    profile = replace(lab, provenance=public, media=frozenset(Medium), frames=replies, rules=(), vectors=())
    desk = ready(facts=replace(GOOD, transport=ALIGNED), profile=profile)
    assert desk.send(desk.reply()) == ""
    with_a_frame = replace(profile, frames=lab.frames)
    assert ready(facts=replace(GOOD, transport=ALIGNED), profile=with_a_frame).state("X-2") is Condition.TRIPPED


@covers("X-2", trips=True)
def test_the_first_sync_frame_ends_a_bench_for_good() -> None:
    desk = ready(Mode.BENCH, replace(GOOD, transport=HARDWARE))
    assert desk.send() == ""
    desk.sync()
    assert desk.state("X-2") is Condition.LATCHED
    assert desk.interlocks.stopped is not None
    assert desk.interlocks.stopped.latched
    desk.silence(60.0)
    assert desk.send() == "X-2"


@covers("X-2", trips=True)
def test_a_sync_frame_that_was_only_begun_to_be_read_ends_a_bench() -> None:
    desk = ready(Mode.BENCH, replace(GOOD, transport=HARDWARE))
    desk.interlocks.on_sync(0x8383, 3, desk.now)
    assert desk.send() == "X-2"


@covers("X-2", trips=True)
def test_a_bench_is_for_synthetic_profiles() -> None:
    desk = ready(Mode.BENCH, replace(GOOD, transport=HARDWARE, evidence=EVIDENCE), captured())
    assert desk.send() == "X-2"


@covers("X-2", trips=False)
def test_a_synthetic_profile_may_be_sent_on_a_silent_bench() -> None:
    desk = ready(Mode.BENCH, replace(GOOD, transport=HARDWARE))
    assert [desk.send() for _ in range(2)] == ["", "X-10"]


# --- X-3 -------------------------------------------------------------------------------------------------------------
@covers("X-3", trips=True)
@pytest.mark.parametrize(
    ("units", "condition"),
    [
        ((), Condition.WAITING),
        (("2629414",), Condition.TRIPPED),
        (("2629415",), Condition.TRIPPED),
        (("2029489",), Condition.TRIPPED),
        (("2629489", "2629414"), Condition.TRIPPED),
        (("1045",), Condition.WAITING),
    ],
    ids=str,
)
def test_the_gate_stands_in_front_of_the_first_byte(units: tuple[str, ...], condition: Condition) -> None:
    desk = ready(facts=replace(GOOD, units=tuple(map(unit_of_text, units))))
    assert desk.state("X-3") is condition
    assert desk.send() == "X-3"


@covers("X-3", trips=True)
def test_a_unit_that_shows_up_during_the_session_is_judged_too() -> None:
    desk = ready(facts=replace(GOOD, units=(unit_of_text("2629489"),)))
    assert desk.send() == ""
    desk.interlocks.before(replace(desk.interlocks.facts, units=(unit_of_text("2629414"),)), desk.now)
    desk.sync()
    assert desk.interlocks.stopped is not None
    assert str(desk.interlocks.stopped.interlock) == "X-3 (firmware gate)"


@covers("X-3", trips=False)
def test_a_unit_heard_on_the_bus_opens_the_gate() -> None:
    desk = ready(facts=replace(GOOD, units=()))
    desk.take(version_wire())
    assert desk.state("X-3") is Condition.OK


# --- X-4 -------------------------------------------------------------------------------------------------------------
@covers("X-4", trips=True)
def test_without_a_confirmed_protection_nothing_is_sent() -> None:
    assert ready(facts=replace(GOOD, protected=False)).send() == "X-4"


@covers("X-4", trips=False)
def test_a_confirmed_protection_lets_pass() -> None:
    assert ready().state("X-4") is Condition.OK


# --- X-5 -------------------------------------------------------------------------------------------------------------
@covers("X-5", trips=True)
def test_ten_seconds_of_good_sync_frames_come_first() -> None:
    desk = Desk()
    desk.listen(9.5)
    assert desk.send() == "X-5"
    desk.listen(1.0)
    assert desk.send() == ""


@covers("X-5", trips=True)
def test_damage_starts_the_listening_anew() -> None:
    desk = ready()
    desk.take(b"\x83\x83\xfe\x10\x20\x01\x02\x03\x99\xff")
    desk.sync()
    assert desk.send() == "X-5"


@covers("X-5", trips=True)
@pytest.mark.parametrize("on", [0x25, 0x45, 0x85])
def test_an_alarm_led_keeps_the_emulator_silent(on: int) -> None:
    desk = ready()
    desk.hear(LEDS.format(on=on))
    desk.sync()
    assert desk.state("X-5") is Condition.TRIPPED
    assert desk.send() == "X-5"


@covers("X-5", trips=True)
def test_an_error_number_keeps_the_emulator_silent() -> None:
    assert ready(facts=replace(GOOD, vebus_error=15)).send() == "X-5"


@covers("X-5", trips=True)
def test_without_leds_or_error_number_nothing_is_sent() -> None:
    desk = Desk()
    desk.listen()
    desk.interlocks.line.leds = None
    assert desk.send() == "X-5"
    assert ready(facts=replace(GOOD, vebus_error=0)).send() == ""


@covers("X-5", trips=True)
def test_a_busy_line_is_left_alone() -> None:
    desk = ready()
    for _ in range(40):
        for _ in range(18):
            desk.hear("20" * 20, OTHER)
        desk.sync()
    assert desk.interlocks.line.load(desk.now) > 0.25
    for _ in range(600):
        desk.hear("20" * 40, OTHER)
    assert "busy" in desk.why("X-5")


@covers("X-5", trips=True)
def test_noise_during_the_session_ends_it() -> None:
    desk = ready()
    assert desk.send() == ""
    for _ in range(6):
        desk.sync()
        desk.take(b"\x83\x83\xfe\x10\x20\x01\x02\x03\x99\xff")
    desk.sync()
    assert desk.interlocks.stopped is not None
    assert desk.interlocks.stopped.interlock is not None
    assert desk.interlocks.stopped.interlock.number == "X-5"


@covers("X-5", trips=False)
def test_a_good_bus_lets_pass() -> None:
    assert ready().state("X-5") is Condition.OK


# --- X-6 -------------------------------------------------------------------------------------------------------------
@covers("X-6", trips=True)
def test_a_bms_that_is_there_already_is_a_refusal() -> None:
    desk = Desk()
    desk.hear(BMS_INFO, OTHER)
    desk.listen()
    assert desk.send() == "X-6"
    assert desk.interlocks.stopped is not None
    assert desk.interlocks.stopped.exit_code == ExitCode.REFUSED


@covers("X-6", trips=True)
@pytest.mark.parametrize("mode", [Mode.TRANSMIT, Mode.SIMULATE, Mode.BENCH])
def test_a_second_bms_stops_within_one_frame_and_latches(mode: Mode) -> None:
    desk = ready(mode)
    assert desk.send() == ""
    desk.take(encode_frame(Frame(sender=0x1234, kind=0xFE, number=5, payload=desk.frame(ALL)[4:-2])))
    assert desk.send() == "X-6"
    assert desk.interlocks.stopped is not None
    assert desk.interlocks.stopped.latched
    assert desk.interlocks.stopped.exit_code == ExitCode.SECOND_BMS
    desk.listen(30.0)
    assert desk.send() == "X-6"


@covers("X-6", trips=True)
def test_a_frame_from_our_own_address_that_we_did_not_send_is_another_bms() -> None:
    desk = ready()
    desk.take(desk.frame())
    assert desk.interlocks.stopped is not None


@covers("X-6", trips=True)
def test_a_gx_device_that_reports_a_bms_is_believed() -> None:
    assert ready(facts=replace(GOOD, gx_bms=1146100)).send() == "X-6"


@covers("X-6", trips=False)
def test_our_own_frames_that_come_back_are_no_other_bms() -> None:
    desk = ready()
    for _ in range(5):
        assert desk.send() == ""
        desk.listen(1.1)
    assert desk.interlocks.stopped is None


# --- X-7 -------------------------------------------------------------------------------------------------------------
@covers("X-7", trips=True)
@pytest.mark.parametrize("changes", [{"port_locked": False}, {"bus_locked": False}], ids=str)
def test_port_and_bus_have_to_be_ours_alone(changes: dict[str, Any]) -> None:
    assert ready(facts=replace(GOOD, **changes)).send() == "X-7"


@covers("X-7", trips=False)
def test_locked_port_and_bus_let_pass() -> None:
    assert ready().state("X-7") is Condition.OK


# --- X-8 -------------------------------------------------------------------------------------------------------------
@covers("X-8", trips=True)
def test_a_port_that_cannot_hold_slots_is_not_offered() -> None:
    desk = ready(
        facts=replace(GOOD, transport=replace(HARDWARE, driver_timed=True), evidence=EVIDENCE), profile=captured()
    )
    desk.take(version_wire())
    assert desk.send() == "X-8"
    assert desk.state("X-8") is Condition.TRIPPED


@covers("X-8", trips=True)
@pytest.mark.parametrize("off", [-1, 0, 2, 64])
def test_the_frame_number_is_last_plus_one(off: int) -> None:
    desk = ready()
    desk.number += off - 1 if off else -1
    wire = desk.frame()
    assert (desk.send(wire) == "X-8") is (wire[3] != (desk.interlocks.line.number or 0) + 1 & 0x7F)


@covers("X-8", trips=True)
def test_outside_the_slot_nothing_is_sent() -> None:
    desk = ready()
    desk.pass_time(0.004)
    assert desk.send() == "X-8"
    desk.sync()
    assert desk.send() == ""
    for _ in range(12):
        desk.pass_time(0.1)
    assert desk.send() == "X-8", "without sync frames there is no slot"


@covers("X-8", trips=False)
def test_behind_a_sync_frame_with_the_right_number_it_may_be_sent() -> None:
    desk = ready()
    desk.pass_time(0.0002)
    assert desk.send() == ""


# --- X-9 -------------------------------------------------------------------------------------------------------------
@covers("X-9", trips=True)
def test_a_byte_that_comes_back_changed_makes_a_pause() -> None:
    desk = ready()
    wire = desk.frame()
    assert desk.send(wire, back=wire[:6] + b"\x00" + wire[7:]) == ""
    assert "sent" in desk.why("X-9")
    desk.pass_time(0.02)
    assert desk.send() == "X-9"
    desk.listen(12.0)
    assert desk.send() == "", "after the pause, and a clean line, it goes on"


@covers("X-9", trips=True)
def test_bytes_that_do_not_come_back_are_a_collision() -> None:
    desk = ready()
    assert desk.send(back=b"") == ""
    desk.sync()
    assert desk.state("X-9") is Condition.OK
    desk.pass_time(0.2)
    assert desk.state("X-9") is Condition.TRIPPED
    assert "did not come back" in desk.why("X-9")


@covers("X-9", trips=True)
def test_three_collisions_in_a_minute_latch() -> None:
    desk = ready()
    for _ in range(3):
        assert desk.interlocks.stopped is None
        wire = desk.frame()
        assert desk.send(wire, back=b"\x00" + wire[1:]) == ""
        desk.listen(12.0)
    assert desk.interlocks.stopped is not None
    assert desk.interlocks.stopped.latched
    assert desk.interlocks.stopped.exit_code == ExitCode.COLLISIONS
    desk.listen(120.0)
    assert desk.send() == "X-9"


@covers("X-9", trips=False)
def test_three_collisions_far_apart_do_not_latch() -> None:
    desk = ready()
    for _ in range(4):
        wire = desk.frame()
        assert desk.send(wire, back=b"\x00" + wire[1:]) == ""
        desk.listen(31.0)
    assert desk.interlocks.stopped is None
    assert desk.interlocks.read_back.collisions == 4


@covers("X-9", trips=False)
def test_frames_that_come_back_in_pieces_are_no_collision() -> None:
    desk = ready()
    wire = desk.frame()
    desk.interlocks.on_sent(wire, desk.now)
    for byte in wire:
        desk.interlocks.on_read_back(bytes([byte]), desk.now)
    assert desk.interlocks.read_back.waiting == 0
    assert desk.interlocks.read_back.collisions == 0


# --- X-10 ------------------------------------------------------------------------------------------------------------
@covers("X-10", trips=True)
def test_never_faster_than_the_profile() -> None:
    desk = ready()
    assert desk.send() == ""
    held = []
    for _ in range(48):
        desk.sync()
        held.append(desk.send())
    assert set(held) == {"X-10"}
    desk.sync()
    desk.sync()
    assert desk.send() == ""


@covers("X-10", trips=True)
def test_one_frame_a_sync_cycle() -> None:
    desk = ready()
    assert desk.send(desk.reply()) == ""
    assert desk.send() == "X-10"
    desk.sync()
    assert desk.send() == ""


@covers("X-10", trips=True)
def test_no_profile_can_raise_the_ceiling() -> None:
    lab = built_in(LAB)
    timing = {**lab.timing, "interval_normal": replace(lab.timing["interval_normal"], seconds=0.0001)}
    desk = ready(profile=replace(lab, timing=timing))
    sent = []
    for _ in range(300):
        desk.sync()
        if desk.send() == "":
            sent.append(desk.now)
    busiest = max(sum(start <= at < start + 1.0 for at in sent) for start in sent)
    assert 8 <= busiest <= 10


@covers("X-10", trips=False)
def test_at_its_own_interval_every_frame_passes() -> None:
    desk = ready()
    for _ in range(10):
        assert desk.send() == ""
        desk.listen(1.0)


# --- X-11 ------------------------------------------------------------------------------------------------------------
@covers("X-11", trips=True)
def test_a_driver_that_only_a_program_switches_off_is_refused() -> None:
    transport = Transport(name="/dev/ttyS0, serial port (8250)", sync_aligned=True, text="no TIOCSRS485")
    desk = ready(facts=replace(GOOD, transport=transport, evidence=EVIDENCE), profile=captured())
    desk.take(version_wire())
    assert desk.send() == "X-11"


@covers("X-11", trips=False)
def test_a_driver_that_the_kernel_switches_passes() -> None:
    assert ready(facts=replace(GOOD, transport=ALIGNED)).state("X-11") is Condition.OK


# --- X-12 ------------------------------------------------------------------------------------------------------------
@covers("X-12", trips=True)
@pytest.mark.parametrize("mode", [Mode.DRY_RUN, Mode.SIMULATE, Mode.TRANSMIT, Mode.BENCH])
@pytest.mark.parametrize("what", ["fresh", "alive"])
def test_old_data_or_a_dead_controller_mean_silence(mode: Mode, what: str) -> None:
    desk = ready(mode)
    assert desk.send() == ""
    setattr(desk, what, False)
    for _ in range(150 if mode is not Mode.BENCH else 0):
        desk.sync()
    desk.silence(2.1) if mode is Mode.BENCH else None
    assert desk.send() == "X-12"
    assert (desk.interlocks.stopped is not None) is mode.transmits


@covers("X-12", trips=True)
def test_a_suspended_machine_stops() -> None:
    desk = ready()
    assert desk.send() == ""
    desk.pass_time(30.0)
    assert desk.interlocks.stopped is not None
    assert "suspended" in desk.interlocks.stopped.why


@covers("X-12", trips=True)
@pytest.mark.parametrize("age", [0.0, 2.1, -1.0])
def test_the_age_of_data_is_configurable_down_only(age: float) -> None:
    assert ready(facts=replace(GOOD, data_age_s=age)).send() == "X-12"


@covers("X-12", trips=True)
def test_a_shorter_age_counts() -> None:
    desk = ready(facts=replace(GOOD, data_age_s=0.5))
    assert desk.send() == ""
    desk.fresh = False
    for _ in range(26):
        desk.sync()
    assert desk.state("X-12") is Condition.TRIPPED


@covers("X-12", trips=True)
def test_data_from_the_future_are_no_data() -> None:
    desk = ready()
    desk.interlocks.data(desk.now + 1.0, desk.now)
    assert desk.send() == "X-12"


@covers("X-12", trips=False)
def test_fresh_data_and_a_living_controller_let_pass() -> None:
    desk = ready()
    desk.fresh = False
    desk.sync()
    assert desk.state("X-12") is Condition.OK, "data of 20 ms ago are fresh"


# --- X-13 ------------------------------------------------------------------------------------------------------------
@covers("X-13", trips=True)
def test_more_permissive_only_after_the_hold_time() -> None:
    desk = Desk(Mode.SIMULATE)
    desk.listen(1.0)
    assert desk.send(desk.frame(ALL)) == "X-13", "data have been fresh for one second, the hold time is two"
    assert desk.send(desk.frame(NOTHING)) == ""
    desk.listen(1.1)
    assert desk.send(desk.frame(ALL)) == ""
    assert desk.said == Permissions(discharge=True, charge=True)


@covers("X-13", trips=True)
def test_a_gap_in_the_data_starts_the_hold_time_anew() -> None:
    desk = ready(Mode.SIMULATE)
    desk.interlocks.data(None, desk.now)
    desk.listen(1.0)
    assert desk.send(desk.frame(ALL)) == "X-13"


@covers("X-13", trips=True)
def test_a_restriction_is_not_taken_back_before_the_hold_time() -> None:
    desk = ready(Mode.SIMULATE)
    assert desk.send(desk.frame(ALL)) == ""
    desk.listen(1.1)
    assert desk.send(desk.frame(LOW)) == ""
    desk.listen(1.1)
    assert desk.send(desk.frame(ALL)) == "X-13"
    desk.listen(1.1)
    assert desk.send(desk.frame(ALL)) == ""


@covers("X-13", trips=False)
def test_a_restriction_takes_effect_at_once() -> None:
    desk = ready()
    assert desk.send(desk.frame(ALL)) == ""
    desk.listen(1.0)
    assert desk.send(desk.frame(LOW)) == ""
    assert desk.said == Permissions(charge=True)


# --- X-14 ------------------------------------------------------------------------------------------------------------
@covers("X-14", trips=True)
def test_the_thirty_seconds_never_delay_hardware() -> None:
    assert ready(facts=replace(GOOD, timing=Timing())).send() == "X-14"


@covers("X-14", trips=True)
@pytest.mark.parametrize("volts", [2.84, 3.16])
def test_thresholds_outside_the_range_are_rejected(volts: float) -> None:
    limits = Limits()
    object.__setattr__(limits, "pre_alarm", Threshold(limit=volts, above=False, hysteresis=0.05))  # no way but this
    assert ready(facts=replace(GOOD, limits=limits)).send() == "X-14"


@covers("X-14", trips=False)
def test_a_short_time_from_pre_alarm_to_low_cell_is_noted_and_not_delayed() -> None:
    desk = ready()
    assert desk.send(desk.frame(replace(ALL, pre_alarm=True))) == ""
    desk.listen(1.0)
    assert desk.send(desk.frame(LOW)) == ""
    assert [note for note in desk.interlocks.notes if "B-22" in note]


# --- X-15 ------------------------------------------------------------------------------------------------------------
@covers("X-15", trips=True)
@pytest.mark.parametrize("phases", [5, 6, 9, 10])
def test_more_than_one_phase_is_refused(phases: int) -> None:
    desk = ready()
    desk.hear(f"20 01 01 00 09 {phases:02x} 5c 5a 68 08 5c 5a 86 00 c3")
    desk.sync()
    assert desk.send() == "X-15"


@covers("X-15", trips=True)
def test_more_than_one_unit_is_refused() -> None:
    desk = ready()
    desk.hear("20 11 22 33 44 02 00 00 03 00 00 00 00 10 00")
    desk.sync()
    assert desk.state("X-15") is Condition.TRIPPED
    assert desk.send() == "X-3", "and the second one was not read either"
    desk = ready()
    desk.sync(sender=0x8484)
    assert desk.send() == "X-15"


@covers("X-15", trips=True)
def test_what_nobody_said_is_not_a_single_multi() -> None:
    desk = Desk()
    desk.hear(LEDS.format(on=5))
    for _ in range(600):
        desk.sync()
    assert desk.send() == "X-15"


@covers("X-15", trips=False)
def test_one_multi_passes() -> None:
    assert ready().state("X-15") is Condition.OK


# --- X-16 ------------------------------------------------------------------------------------------------------------
@covers("X-16", trips=True)
def test_the_session_ends_by_itself() -> None:
    desk = ready(facts=replace(GOOD, session_s=20.0))
    assert desk.send() == ""
    desk.listen(10.0)
    assert desk.interlocks.stopped is not None
    assert desk.interlocks.stopped.exit_code == ExitCode.DONE
    assert desk.send() == "X-16"


@covers("X-16", trips=True)
@pytest.mark.parametrize("seconds", [0.0, -1.0, 900.1])
def test_no_session_is_longer_than_fifteen_minutes(seconds: float) -> None:
    assert ready(facts=replace(GOOD, session_s=seconds)).send() == "X-16"


@covers("X-16", trips=False)
def test_fifteen_minutes_are_allowed() -> None:
    assert ready(facts=replace(GOOD, session_s=900.0)).state("X-16") is Condition.OK


# --- X-17 ------------------------------------------------------------------------------------------------------------
@covers("X-17", trips=True)
def test_without_a_log_nothing_is_sent() -> None:
    assert ready(facts=replace(GOOD, log_open=False)).send() == "X-17"


@covers("X-17", trips=False)
def test_with_a_log_frames_pass() -> None:
    assert ready().state("X-17") is Condition.OK


# --- X-18 ------------------------------------------------------------------------------------------------------------
@covers("X-18", trips=True)
def test_a_multi_that_goes_on_is_reported() -> None:
    desk = ready()
    assert desk.send() == ""
    desk.interlocks.stop("Ctrl-C", desk.now, exit_code=ExitCode.DONE)
    desk.listen(9.0)
    assert not desk.reaction.known
    desk.listen(1.5)
    assert desk.reaction is Reaction.NONE
    assert desk.state("X-18") is Condition.TRIPPED
    assert "by hand" in desk.why("X-18")


@covers("X-18", trips=False)
@pytest.mark.parametrize(
    ("leds", "reaction"), [(0x01, Reaction.EMERGENCY), (0x00, Reaction.OFF)], ids=["mains alone", "dark"]
)
def test_the_reaction_of_the_multi_is_seen(leds: int, reaction: Reaction) -> None:
    desk = ready()
    assert desk.send() == ""
    desk.interlocks.stop("Ctrl-C", desk.now)
    desk.sync()
    desk.hear(LEDS.format(on=leds))
    desk.sync()
    assert desk.reaction is reaction
    assert desk.state("X-18") is Condition.OK


@covers("X-18", trips=False)
def test_a_silent_line_is_a_multi_that_is_off() -> None:
    desk = ready()
    assert desk.send() == ""
    desk.interlocks.stop("Ctrl-C", desk.now)
    desk.silence(1.2)
    assert desk.reaction is Reaction.OFF


@covers("X-18", trips=False)
def test_on_a_bench_no_reaction_is_expected() -> None:
    desk = ready(Mode.BENCH)
    assert desk.send() == ""
    desk.interlocks.stop("Ctrl-C", desk.now, exit_code=ExitCode.DONE)
    assert desk.reaction is Reaction.NOT_ASKED
    assert desk.reaction.known


# --- X-19 ------------------------------------------------------------------------------------------------------------
@covers("X-19", trips=True)
@pytest.mark.parametrize("payload", [WRITE_RAM, "3f 07 00 00 00", "40 05 00", DMC_INFO, "ff"], ids=str)
def test_no_command_is_ever_sent(payload: str) -> None:
    desk = ready()
    address = desk.profile.link.address
    assert address is not None
    wire = encode_frame(Frame(sender=address, kind=0xFE, number=desk.number + 1 & 0x7F, payload=bytes.fromhex(payload)))
    assert desk.send(wire) == "X-19"


@covers("X-19", trips=True)
def test_neither_a_frame_of_somebody_else_nor_one_that_contradicts_itself_is_sent() -> None:
    desk = ready()
    wire = desk.frame()
    assert desk.send(b"\x83\x83" + wire[2:]) == "X-19"
    assert desk.send(wire[:-2] + b"\x00\xff") == "X-19"
    assert desk.send(b"") == "X-19"
    assert desk.send(desk.frame(ALL, low_cell=1)) == "X-19"


@covers("X-19", trips=True)
def test_a_profile_cannot_hide_a_command_in_an_information_frame() -> None:
    lab = built_in(LAB)
    spec = lab.frame("information")
    command = replace(spec, length=5, fields=(replace(spec.fields[0], constant=bytes.fromhex("3f07000000")),))
    desk = ready(profile=replace(lab, frames=(command,), rules=(), vectors=()))
    address = lab.link.address
    assert address is not None
    payload = bytes.fromhex("3f07000000")
    wire = encode_frame(Frame(sender=address, kind=0xFE, number=desk.number + 1 & 0x7F, payload=payload))
    assert desk.send(wire) == "X-19"


@covers("X-19", trips=False)
def test_a_dmc_on_the_bus_is_reported() -> None:
    desk = ready()
    desk.hear(DMC_INFO, OTHER)
    desk.sync()
    assert desk.send() == ""
    assert [note for note in desk.interlocks.notes if "B-101" in note]
    assert "DMC" in desk.why("X-19")


# --- where nothing is transmitted ------------------------------------------------------------------------------------
def test_what_has_no_meaning_in_a_mode_says_so() -> None:
    desk = ready(Mode.SIMULATE, Facts())
    assert desk.send() == ""
    away = {one.interlock.number for one in desk.interlocks.states(desk.now) if one.condition is Condition.NOT_HERE}
    assert away == {"X-1", "X-3", "X-4", "X-5", "X-7", "X-9", "X-11", "X-15", "X-16", "X-17"}
    assert "X-8" in {
        one.interlock.number for one in Desk(Mode.DRY_RUN).interlocks.states(0.0) if one.condition is Condition.NOT_HERE
    }


def test_the_first_reason_of_a_stop_stays() -> None:
    desk = ready()
    assert desk.send() == ""
    desk.interlocks.stop("first", desk.now)
    desk.interlocks.stop("second", desk.now, "X-9", latched=True)
    assert str(desk.interlocks.stopped) == "first"
    assert desk.send() == "stopped"


def test_sync_frames_are_counted_once() -> None:
    desk = Desk()
    desk.sync()
    before = desk.interlocks.line.syncs
    desk.now += SYNC_S
    desk.interlocks.on_sync(0x8383, 7, desk.now)
    desk.take(encode_frame(Frame(sender=0x8383, kind=0xFD, number=7, payload=bytes.fromhex("55ab0340"))))
    assert desk.interlocks.line.syncs == before + 1
