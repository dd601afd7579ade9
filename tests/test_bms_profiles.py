"""Profiles of the BMS: golden vectors byte for byte both ways, damage is refused, a file cannot promote itself."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.checkout import PACKAGES
from tests.traceability import covers
from vebus_protocol.bms import (
    BUILT_IN,
    LAB,
    NOTHING_ALLOWED,
    BmsFrame,
    GoldenVector,
    LabBmsInformation,
    Medium,
    Permissions,
    Profile,
    ProfileError,
    ProvenanceClass,
    Towards,
    built_in,
    check_vectors,
    declared_message,
    decode,
    decode_payload,
    encode,
    encode_payload,
    read_profile,
)
from vebus_protocol.enums import SenderId
from vebus_protocol.errors import EncodeError, VEBusError
from vebus_protocol.frame import Frame, decode_frame
from vebus_protocol.info import BmsInfo, InfoRequest
from vebus_protocol.mk3 import decode_mk3_frame
from vebus_protocol.schema import Link
from vebus_tools.decoder import decode_chunks
from vebus_tools.names import DEFAULT_NAMES
from vebus_tools.records import Chunk, Group, Severity
from vebus_tools.runner import dissections

PROFILE = built_in(LAB)
PUBLIC = built_in("public-version-reply-1")
VECTORS = [vector for vector in PROFILE.vectors if vector.frame == "information"]
TEXT = (PACKAGES["vebus_protocol"] / "profiles" / f"{LAB}.json").read_text(encoding="utf-8")

# The table of bms-wire.md 8.2, written out once more: a slip in the profile has to show.
GOLDEN = {
    "normal": "4C 42 FE 10 4C 41 42 01 03 20 00 00 00 FF",
    "pre-alarm, bare FA checksum": "4C 42 FE 11 4C 41 42 01 07 20 00 01 FA FF",
    "low cell, low power": "4C 42 FE 12 4C 41 42 01 0E 20 01 02 F0 FF",
    "high cell": "4C 42 FE 13 4C 41 42 01 11 90 00 03 7C FF",
    "BMS error": "4C 42 FE 15 4C 41 42 01 20 00 00 04 FA FF",
    "remote off, low power": "4C 42 FE 16 4C 41 42 01 40 20 01 05 B7 FF",
    "normal, escaped checksum": "4C 42 FE 20 4C 41 42 01 03 20 00 F2 FA 04 FF",
    "stuffing, breaks a rule on purpose": "4C 42 FE 14 4C 41 42 01 03 FA 7F 00 FA 7B 2E FF",
    "version reply 1245112": "4C 42 FE 21 20 00 00 00 00 83 B8 FA 7F 12 00 00 00 00 00 00 FA 02 FF",
}
ALLOWED = {
    "normal": (True, True),
    "pre-alarm, bare FA checksum": (True, True),
    "low cell, low power": (False, True),
    "high cell": (True, False),
    "BMS error": (False, False),
    "remote off, low power": (False, False),
    "normal, escaped checksum": (True, True),
    "stuffing, breaks a rule on purpose": (False, False),
}

vectors = pytest.mark.parametrize("vector", PROFILE.vectors, ids=lambda one: one.name)


def read(wire: bytes, profile: Profile = PROFILE) -> BmsFrame | None:
    return decode(profile, decode_frame(wire))


# --- golden vectors --------------------------------------------------------------------------------------------------
def test_the_vectors_of_the_profile_are_those_of_the_specification() -> None:
    assert {vector.name: vector.wire.hex(" ").upper() for vector in PROFILE.vectors} == GOLDEN


@vectors
def test_values_make_the_golden_bytes(vector: GoldenVector) -> None:
    assert encode(PROFILE, vector.frame, vector.values, number=vector.number) == bytes.fromhex(GOLDEN[vector.name])


@vectors
def test_the_golden_bytes_give_the_values(vector: GoldenVector) -> None:
    found = read(vector.wire)
    assert found is not None
    assert found.spec.name == vector.frame
    assert dict(found.values) == dict(vector.values)
    assert found.broken == vector.breaks


@pytest.mark.parametrize("vector", VECTORS, ids=lambda one: one.name)
def test_a_frame_that_breaks_a_rule_allows_nothing(vector: GoldenVector) -> None:
    found = read(vector.wire)
    assert found is not None
    discharge, charge = ALLOWED[vector.name]
    assert found.permissions == Permissions(discharge=discharge, charge=charge)


@vectors
def test_every_single_bit_error_is_refused(vector: GoldenVector) -> None:
    for at in range(2, len(vector.wire)):
        for bit in range(8):
            damaged = bytearray(vector.wire)
            damaged[at] ^= 1 << bit
            with pytest.raises(VEBusError):
                decode_frame(bytes(damaged))


@vectors
def test_a_damaged_address_is_an_unknown_sender_never_a_bms(vector: GoldenVector) -> None:
    for at in range(16):
        damaged = bytearray(vector.wire)
        damaged[at // 8] ^= 1 << at % 8
        assert read(bytes(damaged)) is None


@vectors
def test_a_stream_with_a_single_bit_error_has_no_sound_frame_of_the_bms(vector: GoldenVector) -> None:
    for at in range(8 * len(vector.wire)):
        damaged = bytearray(vector.wire)
        damaged[at // 8] ^= 1 << at % 8
        for record in decode_chunks([Chunk(data=bytes(damaged), whole=True)], Link.RS485):
            sound = not any(one.severity is Severity.ERROR for one in record.findings)
            frame = getattr(record.frame, "sender", None), sound
            assert frame != (SenderId.LAB_BMS, True)


@pytest.mark.parametrize("name", BUILT_IN)
def test_built_in_profiles_hold_their_own_vectors(name: str) -> None:
    profile = built_in(name)
    assert profile.vectors
    assert check_vectors(profile) == ()
    assert {vector.frame for vector in profile.vectors} >= {one.name for one in profile.frames} - {"presence_poll"}


def test_a_wrong_vector_is_told() -> None:
    entry = json.loads(TEXT)
    entry["tests"][0]["values"]["counter"] = 1
    (wrong,) = check_vectors(read_profile(json.dumps(entry), "x"))
    assert wrong.startswith("normal: makes 4c 42 fe 10")


# --- public poll and reply -------------------------------------------------------------------------------------------
def test_the_public_poll_and_reply_agree_with_the_declared_messages() -> None:
    poll, reply, bus_poll = PUBLIC.vectors
    asked = InfoRequest.parse(decode_mk3_frame(poll.wire).payload)
    assert (asked.long_id, asked.selector) == (0xFFFF_FFFF, 0x83)
    assert BmsInfo.parse(decode_mk3_frame(reply.wire).payload).version == reply.values["version"] == 1245112
    assert InfoRequest.parse(decode_frame(bus_poll.wire).payload).build() == asked.build()


def test_the_reply_is_read_with_any_filler_and_tail() -> None:
    payload = bytes.fromhex("20 DE AD BE EF 83 B8 FF 12 00 01 02 03")
    found = decode_payload(PUBLIC, payload)
    assert found is not None
    assert found.values == {"version": 1245112}
    assert found.permissions is None
    assert decode_payload(PUBLIC, payload[:9]) is None


def test_without_an_address_a_sender_has_to_be_given() -> None:
    with pytest.raises(ProfileError, match="sender id is not known"):
        encode(PUBLIC, "version_reply", {"version": 1245112}, number=1)
    wire = encode(PUBLIC, "version_reply", {"version": 1245112}, number=1, sender=0x1234)
    assert read(wire, PUBLIC) is not None
    assert read(wire) is None


def test_a_poll_is_known_from_anybody_but_the_bms_itself() -> None:
    payload = bytes.fromhex("21 FF FF FF FF 83")
    for sender, expected in ((0x98F7, "presence_poll"), (0x8383, "presence_poll"), (0x4C42, None)):
        found = decode(PROFILE, Frame(sender=sender, kind=0xFE, number=1, payload=payload))
        assert (found and found.spec.name) == expected
    assert decode(PROFILE, Frame(sender=0x98F7, kind=0xFD, number=1, payload=payload)) is None


# --- values ----------------------------------------------------------------------------------------------------------
@given(data=st.data(), number=st.integers(0, 127))
def test_any_values_come_back(data: st.DataObject, number: int) -> None:
    spec = PROFILE.frame("information")
    values = {
        one.name: data.draw(st.integers(0, (1 << one.bits) - 1), one.name) for one in spec.fields if not one.constant
    }
    found = read(encode(PROFILE, "information", values, number=number))
    assert found is not None
    assert found.values == values
    permissions = found.permissions
    assert permissions is not None
    if values["low_cell"] or values["bms_error"] or values["remote_off"]:
        assert not permissions.discharge
    if values["high_cell"] or values["bms_error"] or values["remote_off"]:
        assert not permissions.charge
    assert not found.broken or permissions == NOTHING_ALLOWED


@pytest.mark.parametrize(
    ("change", "text"),
    [({"counter": 256}, "counter = 256 does not fit"), ({"low_cell": 2}, "low_cell"), ({"speed": 1}, "speed")],
)
def test_an_unfit_value_is_refused(change: dict[str, int], text: str) -> None:
    with pytest.raises(EncodeError, match=text):
        encode_payload(PROFILE, "information", {**VECTORS[0].values, **change})


def test_a_missing_value_is_refused() -> None:
    with pytest.raises(EncodeError, match="counter"):
        encode_payload(PROFILE, "information", {k: v for k, v in VECTORS[0].values.items() if k != "counter"})


def test_every_type_inversion_and_scale_goes_both_ways() -> None:
    entry = json.loads(TEXT)
    fields = [
        {"name": "a", "label": "A", "at": 0, "type": "s16le", "confidence": 1, "scale": 0.1, "offset": -5},
        {"name": "b", "label": "B", "at": 2, "type": "u24le", "confidence": 1},
        {"name": "c", "label": "C", "at": 5, "type": "u16le", "confidence": 1, "invert": True},
        {"name": "d", "label": "D", "at": 7, "type": "bits", "bit": 0, "confidence": 1, "invert": True},
        {"name": "e", "label": "E", "at": 7, "type": "bits", "bit": 1, "width": 7, "confidence": 1},
    ]
    entry["frames"] = [{**entry["frames"][0], "fields": fields, "length": 8}]
    del entry["frames"][0]["message"]
    entry["rules"] = entry["tests"] = []
    profile = read_profile(json.dumps(entry), "x")
    payload = encode_payload(profile, "information", {"a": -7.5, "b": 70000, "c": 1, "d": 1, "e": 127})
    assert payload == bytes.fromhex("E7 FF 70 11 01 FE FF FE")
    found = decode_payload(profile, payload)
    assert found is not None
    assert found.values == {"a": pytest.approx(-7.5), "b": 70000, "c": 1, "d": 1, "e": 127}


# --- files -----------------------------------------------------------------------------------------------------------
def _set(*path: Any, to: Any) -> Callable[[dict[str, Any]], None]:  # noqa: ANN401  (JSON)
    def change(entry: dict[str, Any]) -> None:
        place: Any = entry
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = to

    return change


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (_set("schema", to="vebus-bms-profile/2"), "schema"),
        (_set("colour", to="red"), "unknown keys colour"),
        (_set("id", to=5), "has to be of type str"),
        (_set("provenance", "class", to="gospel"), "gospel"),
        (_set("provenance", "sources", to=[]), "at least one"),
        (_set("provenance", to=None), "has to be an object"),
        (_set("tx_policy", "media", to=["hardware"]), "class synthetic never allows hardware"),
        (_set("tx_policy", "media", to=["smoke"]), "smoke"),
        (_set("link", "address", to="4C"), "two bytes"),
        (_set("link", "address", to="xx"), "no bytes in hex"),
        (_set("frames", 0, "trigger", to="often"), "often"),
        (_set("frames", 0, "length", to=9), "in no field"),
        (_set("frames", 0, "length", to=0), "1 to 60"),
        (_set("frames", 0, "fields", 1, "at", to=2), "in two fields"),
        (_set("frames", 0, "fields", 2, "bit", to=1), "in two fields"),
        (_set("frames", 0, "fields", 2, "bit", to=8), "inside their byte"),
        (_set("frames", 0, "fields", 0, "bytes", to=""), "a const has bytes"),
        (_set("frames", 0, "fields", 2, "confidence", to=2), "confidence"),
        (_set("frames", 0, "fields", 2, "name", to="low_cell"), "used twice"),
        (_set("frames", 1, "trigger", to={"reply-to": "nobody"}), "nobody"),
        (_set("frames", 1, "unknown", 0, "fill", to="00"), "as long as"),
        (_set("rules", 0, "of", to=["soc"]), "soc"),
        (_set("rules", 0, "of", to=[]), "at least one"),
        (_set("tests", 0, "frame", to="nobody"), "nobody"),
        (_set("tests", 0, "wire", to="4"), "no bytes in hex"),
        (_set("timing", "boot_ms", "status", to="sure"), "documented, measured or assumed"),
        (_set("timing", "boot_ms", "value", to="soon"), "has to be a number"),
        (_set("timing", "boot_ms", "value", to=-1), "0 ms to 1 h"),
    ],
)
def test_a_wrong_profile_is_refused_with_its_place(change: Callable[[dict[str, Any]], None], text: str) -> None:
    entry = json.loads(TEXT)
    change(entry)
    with pytest.raises(ProfileError, match=text):
        read_profile(json.dumps(entry), "file.json")


@covers("B-63")
@pytest.mark.parametrize(("normal", "low"), [(1000, 1000), (1000, 900), (0, 1500), (-5, 10)])
def test_low_power_frames_are_further_apart_than_normal_ones(normal: int, low: int) -> None:
    assert PROFILE.timing["interval_low_power"].seconds > PROFILE.timing["interval_normal"].seconds > 0
    entry = json.loads(TEXT)
    entry["timing"]["interval_normal_ms"]["value"] = normal
    entry["timing"]["interval_low_power_ms"]["value"] = low
    with pytest.raises(ProfileError, match="timing"):
        read_profile(json.dumps(entry), "x")


def test_a_text_that_is_no_json_is_refused() -> None:
    with pytest.raises(ProfileError, match="no JSON"):
        read_profile("{", "x")
    with pytest.raises(ProfileError, match="has to be an object"):
        read_profile("[]", "x")


def test_an_unknown_built_in_profile_names_the_others() -> None:
    with pytest.raises(ProfileError, match="lab-sim-1"):
        built_in("victron")


def test_what_each_class_may_reach() -> None:
    simulated = {Medium.MEMORY, Medium.PTY, Medium.TCP_LOOPBACK}
    assert {one: set(one.media) for one in ProvenanceClass} == {
        ProvenanceClass.SYNTHETIC: simulated,
        ProvenanceClass.HYPOTHESIS: set(),
        ProvenanceClass.PUBLIC_SOURCE: {*simulated, Medium.HARDWARE},
        ProvenanceClass.CAPTURED: {*simulated, Medium.HARDWARE},
    }
    assert not PROFILE.may_reach(Medium.HARDWARE)
    assert all(PROFILE.may_reach(one) for one in simulated)


def test_assumed_times_say_so() -> None:
    assert {one.status for one in PROFILE.timing.values()} == {"assumed"}


# --- the declared message --------------------------------------------------------------------------------------------
def test_the_laboratory_frame_is_labelled_and_named() -> None:
    wires = b"".join(vector.wire for vector in VECTORS)
    found = list(dissections([Chunk(data=wires)], Link.RS485))
    assert len(found) == len(VECTORS)
    for one in found:
        assert one.source == "LAB BMS"
        assert "LAB/SIMULATION PROFILE - not the Victron frame format" in one.info_column
    assert "Pre-alarm, Low cell" in found[2].info_column


def test_names_and_address_are_those_of_the_profile() -> None:
    assert PROFILE.link.address == SenderId.LAB_BMS
    assert DEFAULT_NAMES.name(SenderId.LAB_BMS) == PROFILE.sender_name
    assert PROFILE.title in LabBmsInformation.INFO.title


@pytest.mark.parametrize("vector", VECTORS, ids=lambda one: one.name)
def test_message_and_codec_read_the_same(vector: GoldenVector) -> None:
    message = LabBmsInformation.parse(decode_frame(vector.wire).payload)
    raws = message.raws()
    flags = {one.name: one.pick(raws["flags"]) for one in message.spec("flags").bits}
    plain = {name: raws[name] for name in ("high_cell_level", "link_mode", "counter")}
    assert {**flags, **plain} == vector.values
    assert message.build() == decode_frame(vector.wire).payload


def test_a_broken_rule_is_a_finding() -> None:
    for vector in VECTORS:
        (record,) = decode_chunks([Chunk(data=vector.wire)], Link.RS485)
        texts = [one.text for one in record.findings if one.group is Group.MALFORMED]
        assert len(texts) == len(vector.breaks)
        assert all("allows nothing" in text for text in texts)


def test_a_frame_that_names_no_message_is_not_declared() -> None:
    spec = PROFILE.frame("version_reply")
    assert spec.towards is Towards.FROM_BMS
    with pytest.raises(ProfileError, match="names no message"):
        declared_message(PROFILE, spec)
