"""`vebus diff`: portraits of captures, what differs between two, and the exit codes of diff(1)."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.checkout import ROOT
from vebus_protocol.frame import Frame, encode_frame
from vebus_protocol.schema import Link
from vebus_tools.cli.diffing import Request, run
from vebus_tools.decoder import decode_chunks
from vebus_tools.differences import Aspect, Difference, differences
from vebus_tools.portrait import MAX_KINDS, MAX_VALUES, Bits, Portrait
from vebus_tools.records import Chunk, Stamp, TimeSource
from vebus_tools.runner import dissections
from vebus_tools.simulator import VirtualBus, load_scenario

SYNTHETIC = ROOT / "vebus_tools" / "samples" / "synthetic-10s.bin"


def chunks(*payloads: bytes, every_s: float = 0.5, sender: int = 0x8383) -> list[Chunk]:
    return [
        Chunk(
            data=encode_frame(Frame(sender=sender, kind=0xFE, number=at % 128, payload=payload)),
            stamp=Stamp(1e9 + at * every_s, TimeSource.LOG, epoch=True),
            whole=True,
        )
        for at, payload in enumerate(payloads)
    ]


def portrait(parts: list[Chunk]) -> Portrait:
    found = Portrait()
    for dissection in dissections(parts, Link.RS485):
        found.take(dissection)
    return found


def compare(first: list[Chunk], second: list[Chunk]) -> list[Difference]:
    return list(differences(portrait(first), portrait(second)))


def unknown(*bodies: int) -> list[bytes]:
    """Payloads of a command that nobody has described, with one byte behind it."""
    return [bytes((0x6F, body)) for body in bodies]


def test_a_capture_does_not_differ_from_itself() -> None:
    parts = [Chunk(data=SYNTHETIC.read_bytes())]
    assert compare(parts, parts) == []


def test_a_longer_capture_of_the_same_is_the_same() -> None:
    assert compare(chunks(*unknown(1, 2) * 10), chunks(*unknown(1, 2) * 40)) == []


def test_kinds_that_only_one_has() -> None:
    found = compare(chunks(*unknown(1)), chunks(*unknown(1), bytes((0x6E, 0))))
    assert [(one.aspect, one.first, one.second.partition(" ")[0]) for one in found] == [(Aspect.KIND, "", "1")]


def test_another_sender() -> None:
    found = compare(chunks(*unknown(1)), chunks(*unknown(1), sender=0x98F7))
    (senders,) = [one for one in found if one.aspect is Aspect.SENDERS]
    assert senders.first
    assert senders.second
    assert senders.first != senders.second


def test_another_length() -> None:
    found = compare(chunks(b"\x6f\x01"), chunks(b"\x6f\x01\x01"))
    assert (Aspect.SIZES, "8", "9") in [(one.aspect, one.first, one.second) for one in found]


def test_bits_that_are_steady_in_one() -> None:
    found = compare(chunks(*unknown(0b0000_0001, 0b0000_0011)), chunks(*unknown(0b1000_0001, 0b1000_0011)))
    (bits,) = [one for one in found if one.aspect is Aspect.BITS and one.name == "byte 5"]
    assert (bits.first, bits.second) == ("0000 00*1", "1000 00*1")


def test_bits_that_change_in_both_are_no_difference() -> None:
    assert compare(chunks(*unknown(0, 0xFF)), chunks(*unknown(0xFF, 0, 0x0F))) == []


def test_another_period() -> None:
    slow = compare(chunks(*unknown(1) * 20, every_s=0.5), chunks(*unknown(1) * 20, every_s=0.6))
    assert [(one.aspect, one.first, one.second) for one in slow] == [(Aspect.PERIOD, "500.000 ms", "600.000 ms")]
    assert compare(chunks(*unknown(1) * 20, every_s=0.5), chunks(*unknown(1) * 20, every_s=0.54)) == []


def simulated(scenario: str, seconds: float) -> list[Chunk]:
    bus = VirtualBus(load_scenario(scenario))
    return [
        Chunk(data=sent.data, stamp=Stamp(1e9 + sent.at_s, TimeSource.LOG, epoch=True)) for sent in bus.run(seconds)
    ]


def test_values_of_enumerations_and_ranges_of_measurements() -> None:
    quiet, loss = simulated("quiet-house", 12.0), simulated("ac-loss", 30.0)
    found = compare(quiet, loss)
    ranges = {one.name: (one.first, one.second) for one in found if one.aspect is Aspect.RANGE}
    assert ranges["vebus.dc.voltage"][0].endswith(" V")
    values = {one.name for one in found if one.aspect is Aspect.VALUES}
    assert "vebus.condition.relay" in values


def test_damage_is_a_finding() -> None:
    good = chunks(*unknown(1) * 3)
    bad = [replace(good[0], data=good[0].data[:-2] + bytes((good[0].data[-2] ^ 1, 0xFF))), *good[1:]]
    found = compare(good, bad)
    assert (Aspect.FINDINGS, "Checksum", "1") in [(one.aspect, one.kind, one.second) for one in found]


# --- bounds ----------------------------------------------------------------------------------------------------------
@settings(max_examples=30, deadline=None)
@given(st.binary(max_size=600))
def test_any_bytes_have_a_portrait(data: bytes) -> None:
    found = portrait([Chunk(data=data)])
    assert found.records == len(list(decode_chunks([Chunk(data=data)], Link.RS485)))
    assert list(differences(found, found)) == []


def test_values_and_kinds_are_bounded() -> None:
    found = portrait(chunks(*(bytes((0x6F, at & 0xFF, at >> 8)) for at in range(400))))
    for kind in found.kinds.values():
        assert all(len(values.texts or ()) <= MAX_VALUES for values in kind.values.values())
    assert len(found.kinds) <= MAX_KINDS


def test_a_bit_pattern() -> None:
    bits = Bits()
    bits.take(0b1000_0001)
    bits.take(0b1000_0010)
    assert bits.pattern == "1000 00**"


# --- the command -----------------------------------------------------------------------------------------------------
def captures(tmp_path: Path) -> tuple[Path, Path]:
    first, second = tmp_path / "a.bin", tmp_path / "b.bin"
    first.write_bytes(b"".join(chunk.data for chunk in chunks(*unknown(1, 1, 1))))
    second.write_bytes(b"".join(chunk.data for chunk in chunks(*unknown(1, 1, 3))))
    return first, second


def test_exit_codes_are_those_of_diff(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = map(str, captures(tmp_path))
    assert run(Request(first=first, second=first)) == 0
    assert "no difference" in capsys.readouterr().out
    assert run(Request(first=first, second=second)) == 1
    assert run(Request(first=first, second=str(tmp_path / "none.bin"))) == 2
    assert run(Request(first=first, second=second, display_filter="vebus.nothing == 1")) == 2
    assert run(Request(first="-", second="-")) == 2


def test_quiet_has_no_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = map(str, captures(tmp_path))
    assert run(Request(first=first, second=second, quiet=True)) == 1
    assert capsys.readouterr().out == ""


def test_a_filter_chooses_what_is_compared(tmp_path: Path) -> None:
    first, second = map(str, captures(tmp_path))
    assert run(Request(first=first, second=second, display_filter="frame.number < 3", quiet=True)) == 0


def test_a_capture_that_ends_badly_is_compared_as_far_as_it_goes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, _ = captures(tmp_path)
    cut = tmp_path / "cut.log"
    frame = chunks(*unknown(1))[0].data.hex().upper()
    cut.write_text(f"(1.0) vebus0 {frame[:4]}#{frame[4:]}\n(2.0) vebus0 nonsense\n", encoding="ascii")
    assert run(Request(first=str(first), second=str(cut))) == 2
    shown = capsys.readouterr()
    assert "+++" in shown.out
    assert "line 2" in shown.err


def test_json_has_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = map(str, captures(tmp_path))
    assert run(Request(first=first, second=second, output="json")) == 1
    shown = json.loads(capsys.readouterr().out)
    assert [one["records"] for one in shown["captures"]] == [3, 3]
    assert {one["aspect"] for one in shown["differences"]} == {"bits"}
