"""The firmware gate: boundaries exact, the worst unit decides, what is not known is refused."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.checkout import ROOT
from tests.traceability import covers
from vebus_protocol.adapter import AdapterAddress, WinmonCommand
from vebus_protocol.frame import Frame, encode_frame
from vebus_protocol.info import BmsInfo, IdentityInfo
from vebus_protocol.mk3 import Mk3Frame, encode_mk3_frame
from vebus_protocol.schema import Direction, Link, Message
from vebus_protocol.winmon import (
    RamValues,
    ReadRam,
    RequestVersionHigh,
    RequestVersionLow,
    VersionHigh,
    VersionLow,
    VersionReply,
    WinmonFrame,
)
from vebus_tools.decoder import Decoder, decode_chunks
from vebus_tools.firmware import (
    Assistant,
    FirmwareError,
    Heard,
    Unit,
    Verdict,
    assistant_in,
    judge,
    judge_system,
    judge_venus_os,
    processor_of_label,
    rules,
    thresholds,
    unit_of_text,
    unit_of_version,
)
from vebus_tools.records import Chunk, Stamp, TimeSource
from vebus_tools.session import Session
from vebus_tools.simulator import Installation, Mk3Adapter, load_scenario

ESS, V1_ASSISTANT, NONE, UNKNOWN = Assistant.ESS, Assistant.VE_BUS_BMS, Assistant.NONE, Assistant.UNKNOWN


def verdict(text: str, assistant: Assistant = UNKNOWN, label: int | None = None) -> Verdict:
    return judge(unit_of_text(text, assistant, label)).verdict


# --- one unit --------------------------------------------------------------------------------------------------------
@covers("B-134", "B-136", "B-137", "B-138", "B-140", "B-142")
@pytest.mark.parametrize(
    ("text", "assistant", "expected"),
    [
        ("2629414", ESS, Verdict.ERROR_15),
        ("2629414", UNKNOWN, Verdict.ERROR_15),
        ("2629415", NONE, Verdict.ASSISTANT_NEEDED),
        ("2629415", UNKNOWN, Verdict.ASSISTANT_NEEDED),
        ("2629415", ESS, Verdict.ACCEPTED_WITH_NOTE),
        ("2629415", V1_ASSISTANT, Verdict.ACCEPTED_WITH_NOTE),
        ("2629488", NONE, Verdict.ASSISTANT_NEEDED),
        ("2629488", UNKNOWN, Verdict.ASSISTANT_NEEDED),
        ("2629488", ESS, Verdict.ACCEPTED_WITH_NOTE),
        ("2629489", NONE, Verdict.ACCEPTED),
        ("2629489", UNKNOWN, Verdict.ACCEPTED),
        ("2029489", ESS, Verdict.WRONG_PROCESSOR),
        ("1929414", UNKNOWN, Verdict.WRONG_PROCESSOR),
        ("1045", UNKNOWN, Verdict.NOT_VERIFIED),
        ("552", ESS, Verdict.NOT_VERIFIED),
        ("nonsense", ESS, Verdict.NOT_VERIFIED),
        ("1170216", ESS, Verdict.NOT_VERIFIED),
        ("1245489", ESS, Verdict.NOT_VERIFIED),
        ("v489", ESS, Verdict.NOT_VERIFIED),
        ("xxxx414", ESS, Verdict.ERROR_15),
        ("0x489", ESS, Verdict.NOT_VERIFIED),
    ],
)
def test_verdict_of_a_unit(text: str, assistant: Assistant, expected: Verdict) -> None:
    assert verdict(text, assistant) is expected


@covers("B-136", "B-137", "B-138")
@given(firmware=st.integers(0, 999), assistant=st.sampled_from(Assistant), processor=st.sampled_from((26, 27)))
def test_the_three_bands_for_every_firmware(firmware: int, assistant: Assistant, processor: int) -> None:
    found = judge(Unit(name="x", told="", firmware=firmware, processor=processor, assistant=assistant)).verdict
    if firmware < 415:
        assert found is Verdict.ERROR_15
    elif firmware >= 489:
        assert found is Verdict.ACCEPTED
    elif assistant in (ESS, V1_ASSISTANT):
        assert found is Verdict.ACCEPTED_WITH_NOTE
    else:
        assert found is Verdict.ASSISTANT_NEEDED


@covers("B-142")
@given(
    firmware=st.none() | st.integers(0, 999),
    processor=st.none() | st.integers(0, 99),
    label=st.none() | st.integers(0, 99),
    assistant=st.sampled_from(Assistant),
)
def test_nothing_unknown_is_ever_accepted(
    firmware: int | None, processor: int | None, label: int | None, assistant: Assistant
) -> None:
    unit = Unit(name="x", told="t", firmware=firmware, processor=processor, label=label, assistant=assistant)
    judged = judge(unit)
    if judged.verdict.accepted:
        assert firmware is not None
        assert firmware >= 415
        assert len(unit.processors) == 1
        assert not unit.processors & {19, 20}
        assert firmware >= 489 or assistant in (ESS, V1_ASSISTANT)


@covers("B-134", "B-135")
@pytest.mark.parametrize(
    ("text", "label", "expected"),
    [
        ("v489", 26, Verdict.ACCEPTED),
        ("v489", 19, Verdict.WRONG_PROCESSOR),
        ("2629489", 20, Verdict.WRONG_PROCESSOR),
        ("2029489", 26, Verdict.WRONG_PROCESSOR),
        ("2629489", 27, Verdict.NOT_VERIFIED),
        ("2629489", 26, Verdict.ACCEPTED),
        ("nonsense", 20, Verdict.WRONG_PROCESSOR),
    ],
)
def test_the_label_counts_beside_the_version(text: str, label: int, expected: Verdict) -> None:
    assert verdict(text, label=label) is expected


@covers("B-135")
@pytest.mark.parametrize(("text", "expected"), [("19XXXXX", 19), ("2012345", 20), ("26", 26), (" 27xxxxx ", 27)])
def test_the_first_two_digits_of_a_label_decide(text: str, expected: int) -> None:
    assert processor_of_label(text) == expected


@pytest.mark.parametrize("text", ["", "2", "266", "x6", "26123456", "abc"])
def test_a_label_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(FirmwareError, match="no processor label"):
        processor_of_label(text)


def test_a_sub_version_does_not_disturb() -> None:
    assert judge(unit_of_version("x", 2629560 | 3 << 24, "reply")).verdict is Verdict.ACCEPTED
    assert judge(unit_of_version("x", 2629414 | 3 << 24, "reply")).verdict is Verdict.NOT_VERIFIED


def test_every_verdict_cites_a_rule_and_says_what_to_do() -> None:
    for text in ("2629414", "2629415", "2629489", "2029489", "1045", "v489", "1170216"):
        judged = judge(unit_of_text(text))
        assert judged.reason
        assert judged.advice
        assert "manual" in judged.source
        assert all(re.fullmatch(r"B-1(3[4-9]|4[0-2])", one) for one in judged.requirements)
        assert judged.requirements


def test_every_rule_and_threshold_has_a_source() -> None:
    assert all(rule.source and rule.requirements and rule.advice for rule in rules())
    assert {one.id for about in ("firmware", "bms", "venus-os") for one in thresholds(about)} == {
        "limits-lost-flag",
        "sub-version",
        "bms-v2",
        "venus-os",
    }
    assert all(one.source for about in ("firmware", "bms", "venus-os") for one in thresholds(about))


@pytest.mark.parametrize(
    ("firmware", "expected"), [(501, set()), (502, {"502"}), (553, {"502"}), (554, {"502", "554"})]
)
def test_published_thresholds_are_notes(firmware: int, expected: set[str]) -> None:
    judged = judge(Unit(name="x", told="", firmware=firmware, processor=26, label=26))
    assert {found[1] for note in judged.notes if (found := re.match(r"from ([0-9]+) on", note.text))} == expected
    assert judged.verdict is Verdict.ACCEPTED


def test_exit_codes_are_distinct_and_only_accepted_is_zero() -> None:
    codes = {one: one.exit_code for one in Verdict}
    assert len(set(codes.values())) == len(codes)
    assert [one for one, code in codes.items() if code == 0] == [Verdict.ACCEPTED]
    assert not {1, 2, 130, 141} & set(codes.values())


# --- systems ---------------------------------------------------------------------------------------------------------
@covers("B-141")
@given(texts=st.lists(st.sampled_from(("2629489", "2629415", "2629414", "2029489", "1045")), max_size=5))
def test_a_system_gets_the_verdict_of_its_worst_unit(texts: list[str]) -> None:
    found = judge_system(map(unit_of_text, texts))
    alone = [verdict(text) for text in texts]
    assert [one.verdict for one in found.units] == alone
    if alone:
        assert found.verdict.rank == max(one.rank for one in alone)
        assert found.verdict.accepted == all(one.accepted for one in alone)
    else:
        assert found.verdict is Verdict.NOT_VERIFIED


@covers("B-97")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2.79", False),
        ("2.80~33", False),
        ("v2.80", True),
        ("2.81~1", True),
        ("3.00~1", True),
        ("3.14", True),
        ("1.99", False),
    ],
)
def test_venus_os_from_2_80_on(text: str, *, expected: bool) -> None:
    host = judge_venus_os(text)
    assert host.compatible is expected
    assert "B-97" in host.note.source
    system = judge_system([unit_of_text("2629489")], host).verdict
    assert system is (Verdict.ACCEPTED if expected else Verdict.ACCEPTED_WITH_NOTE)


@pytest.mark.parametrize("text", ["", "2.8", "2", "two", "2.80.1"])
def test_a_venus_os_version_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(FirmwareError, match="no Venus OS version"):
        judge_venus_os(text)


# --- assistants ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ({}, UNKNOWN),
        ({128: 0}, NONE),
        ({128: 0x0054}, ESS),
        ({128: 0x0012, 131: 0x0054}, ESS),
        ({128: 0x0012, 131: 0}, NONE),
        ({128: 0x0012, 129: 0x0054}, UNKNOWN),
        ({128: 0x0090, 129: 0x8800, 130: 0x0054}, ESS),
        ({128: 0x0090, 129: 0x8800, 130: 0x00A1, 132: 0}, UNKNOWN),
        ({128: 0x0001, 130: 0}, UNKNOWN),
        ({128: 0x001F, 144: 0x001F, 160: 0x001F, 176: 0x001F, 192: 0x001F, 208: 0x1F, 224: 0x1F, 240: 0x1F}, UNKNOWN),
    ],
)
def test_the_list_of_assistants_is_read_to_its_end(words: dict[int, int], expected: Assistant) -> None:
    assert assistant_in(words) is expected


@given(words=st.dictionaries(st.integers(128, 255), st.integers(0, 0xFFFF)))
def test_an_assistant_list_never_raises_and_none_needs_an_end(words: dict[int, int]) -> None:
    if assistant_in(words) is NONE:
        assert 0 in words.values()


# --- captures --------------------------------------------------------------------------------------------------------
def hear(data: bytes, link: Link) -> Heard:
    heard, session = Heard(), Session()
    for record in decode_chunks([Chunk(data=data)], link):
        heard.observe(record, session.observe(record))
    return heard


def bus(*bodies: Message, sender: int = 0x8383) -> bytes:
    frames = (WinmonFrame(tid=0xE6, rest=body.build()) for body in bodies)
    return b"".join(
        encode_frame(Frame(sender=sender, kind=0xFE, number=number, payload=frame.build()))
        for number, frame in enumerate(frames)
    )


def adapter(*messages: Message) -> bytes:
    return b"".join(encode_mk3_frame(Mk3Frame(payload=message.build())) for message in messages)


def winmon(body: Message, letter: str = "X") -> Message:
    return WinmonCommand(cmd=ord(letter), rest=body.build())


def select(address: int) -> Message:
    return AdapterAddress(action=1, address=address)


def test_a_bus_capture_tells_version_and_assistant() -> None:
    data = bus(VersionReply(version=2629415), ReadRam(ids=(128,)), RamValues(values=(0x0054,)))
    (unit,) = hear(data, Link.RS485).units()
    assert (unit.firmware, unit.processor, unit.assistant) == (415, 26, ESS)


def test_the_halves_of_a_split_version_are_put_together() -> None:
    data = adapter(winmon(VersionLow(low=2629488 & 0xFFFF)), winmon(VersionHigh(high=2629488 >> 16)))
    (unit,) = hear(data, Link.MK3).units()
    assert (unit.firmware, unit.processor) == (488, 26)


def test_a_high_half_alone_is_no_version() -> None:
    (unit,) = hear(adapter(winmon(VersionHigh(high=40))), Link.MK3).units()
    assert unit.firmware is None


@covers("B-141")
def test_behind_an_adapter_each_address_is_a_unit() -> None:
    data = adapter(
        select(0), winmon(VersionReply(version=2629489)), select(1), winmon(VersionReply(version=2629414)), select(2)
    )
    units = hear(data, Link.MK3).units()
    assert [(unit.name, unit.firmware) for unit in units] == [("address 0", 489), ("address 1", 414)]
    assert judge_system(units).verdict is Verdict.ERROR_15


@covers("B-141")
def test_two_versions_from_one_sender_are_two_units() -> None:
    units = hear(bus(VersionReply(version=2629489), VersionReply(version=2629415)), Link.RS485).units()
    assert judge_system(units).verdict is Verdict.ASSISTANT_NEEDED


@covers("B-142")
def test_a_unit_that_answers_without_a_version_is_not_verified() -> None:
    data = adapter(select(0), winmon(VersionReply(version=2629489)), select(1), winmon(RamValues(values=(1,))))
    assert judge_system(hear(data, Link.MK3).units()).verdict is Verdict.NOT_VERIFIED


@covers("B-142")
def test_announced_units_without_a_version_are_not_verified() -> None:
    identity = IdentityInfo(
        unique_number=1,
        selector=2,
        unknown_r0=0,
        unknown_r1=0,
        addresses=0b11,
        unknown_r6=0,
        flags=0,
        short_address=0,
    )
    data = adapter(winmon(VersionReply(version=2629489)), identity)
    found = judge_system(hear(data, Link.MK3).units())
    assert found.verdict is Verdict.NOT_VERIFIED
    assert "announce" in found.units[-1].unit.told


def test_what_is_claimed_fills_in_but_does_not_overrule() -> None:
    none = hear(bus(VersionReply(version=2629415), ReadRam(ids=(128,)), RamValues(values=(0,))), Link.RS485)
    silent = hear(bus(VersionReply(version=2629415)), Link.RS485)
    assert judge_system(none.units(claimed=ESS)).verdict is Verdict.ASSISTANT_NEEDED
    assert judge_system(silent.units(claimed=ESS)).verdict is Verdict.ACCEPTED_WITH_NOTE


def test_a_damaged_reply_tells_nothing() -> None:
    data = bytearray(bus(VersionReply(version=2629489)))
    data[-2] ^= 1
    assert hear(bytes(data), Link.RS485).units() == ()


@pytest.mark.parametrize(("version", "word"), [(1145100, "V1"), (1146099, "V1"), (1146100, "V2"), (1245112, "V2")])
def test_a_bms_that_was_heard_is_named(version: int, word: str) -> None:
    payload = BmsInfo(unknown_5_8=bytes(4), version=version).build()
    data = encode_frame(Frame(sender=0x4C42, kind=0xFE, number=1, payload=payload))
    note, warning = hear(data, Link.RS485).notes()
    assert f"BMS {word}" in note.text
    assert "does not show" in warning.text


# --- the command -----------------------------------------------------------------------------------------------------
def command(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "vebus_tools.cli", "check-firmware", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@covers("B-141", "B-142")
@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("2629414",), 12, "refused: VE.Bus error 15"),
        (("2629415", "--assistant", "none"), 11, "refused: assistant needed"),
        (("2629415", "--assistant", "ess"), 10, "accepted with a note"),
        (("2629489",), 0, "accepted"),
        (("2029489",), 13, "refused: processor 19/20, use V1"),
        (("1045",), 14, "refused: not verified"),
        (("2629489", "2629415"), 11, "refused: assistant needed (worst unit, B-141)"),
        (("-r", str(ROOT / "captures" / "synthetic-60s.bin")), 0, "accepted"),
        (("-r", str(ROOT / "captures" / "rs485-real.hex")), 14, "refused: not verified"),
    ],
)
def test_the_command_says_it_and_exits_with_it(
    checkout_environment: dict[str, str], arguments: tuple[str, ...], code: int, words: str
) -> None:
    run = command(checkout_environment, *arguments)
    assert run.returncode == code, run.stderr
    assert run.stdout.splitlines()[-1] == f"System: {words}"


@pytest.mark.parametrize(
    "arguments", [(), ("2629489", "--processor", "big"), ("2629489", "--venus-os", "new"), ("--assistant", "all")]
)
def test_wrong_usage_is_no_verdict(checkout_environment: dict[str, str], arguments: tuple[str, ...]) -> None:
    run = command(checkout_environment, *arguments)
    assert run.returncode == 2
    assert run.stderr
    assert not run.stdout


def test_an_unreadable_capture_is_no_verdict(checkout_environment: dict[str, str], tmp_path: Path) -> None:
    run = command(checkout_environment, "-r", str(tmp_path / "none.bin"))
    assert run.returncode == 1
    assert not run.stdout


def test_json_has_verdict_rule_and_sources(checkout_environment: dict[str, str]) -> None:
    run = command(checkout_environment, "2629415", "1045", "-T", "json", "--venus-os", "2.80", "--processor", "26")
    shown = json.loads(run.stdout)
    assert shown["exit_code"] == run.returncode == 11
    assert shown["verdict"] == "assistant-needed"
    assert not shown["accepted"]
    assert [unit["rule"] for unit in shown["units"]] == ["assistant-not-known", "not-verified"]
    assert all(unit["source"] and unit["requirements"] and unit["advice"] for unit in shown["units"])
    assert shown["venus_os"]["compatible"] is True


# --- a simulated adapter ---------------------------------------------------------------------------------------------
def talk(scenario: str, addresses: tuple[int, ...], *, identity: bool = False) -> Heard:
    """What a client reads of each address from a simulated adapter: version, and the list of assistants."""
    adapter_machine = Mk3Adapter(Installation(load_scenario(scenario), 1))
    decoder, heard, session, now = Decoder(Link.MK3), Heard(), Session(), 0.0

    def tell(data: bytes, at: float, direction: Direction) -> None:
        chunk = Chunk(data=data, stamp=Stamp(at, TimeSource.HOST), direction=direction, whole=True)
        for record in decoder.feed(chunk):
            heard.observe(record, session.observe(record))

    for address in addresses:
        words = [ReadRam(ids=(which,)) for which in range(128, 140)]
        bodies = [RequestVersionLow(), RequestVersionHigh(), *words]
        asked = [adapter(message) for message in (select(address), *map(winmon, bodies))]
        asked += [encode_mk3_frame(Mk3Frame(payload=b"\xffF\x07\x00\x00\x00"))] * identity
        for data in asked:
            tell(data, now, Direction.TO_DEVICE)
            adapter_machine.on_bytes(data, now)
            end = now + 1.0
            while adapter_machine.next_at < end:
                now = max(now, adapter_machine.next_at)
                for sent in adapter_machine.poll(now):
                    tell(sent.data, sent.at_s, Direction.FROM_DEVICE)
            now = end
    return heard


@covers("B-134", "B-136", "B-141")
@pytest.mark.parametrize(
    ("scenario", "addresses", "count", "assistant", "expected"),
    [
        ("exact", (0,), 1, None, Verdict.ACCEPTED),
        ("ess-day", (0,), 1, ESS, Verdict.ACCEPTED),
        ("old-firmware", (0,), 1, None, Verdict.WRONG_PROCESSOR),
        ("three-phase", (0, 1, 2), 3, None, Verdict.ACCEPTED),
        ("three-phase", (0, 1), 3, None, Verdict.NOT_VERIFIED),
    ],
)
def test_units_behind_a_simulated_adapter(
    scenario: str, addresses: tuple[int, ...], count: int, assistant: Assistant | None, expected: Verdict
) -> None:
    units = talk(scenario, addresses, identity=count > len(addresses)).units()
    judged = judge_system(units)
    assert (judged.verdict, len(units)) == (expected, count), [(one.unit.name, one.verdict) for one in judged.units]
    assert assistant is None or units[0].assistant is assistant
