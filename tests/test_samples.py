"""The sample captures: provenance is there, the decoder finds what it says, golden texts are current."""

import json
import tomllib
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from captures import tshark_golden
from captures.golden import FOLDER, GOLDEN, Golden, render
from captures.synthetic import bus
from captures.synthetic.bus import Capture, record
from captures.synthetic.files import CAPTURE, SAMPLE, files
from tests.checkout import PACKAGES, ROOT
from vebus_protocol.enums import ConditionStatus, DeviceState, FrameKind
from vebus_protocol.frame import FbFrame, ReceivedFrame, dissect_frame
from vebus_protocol.info import AcInfo, DcInfo
from vebus_protocol.schema import Message
from vebus_protocol.status import AcPhase, Condition
from vebus_protocol.sync import SyncFrame
from vebus_protocol.winmon import RamValues, ReadRam, WinmonFrame
from vebus_tools.capture import open_capture
from vebus_tools.decoder import decode_chunks
from vebus_tools.records import Group, Record

SAMPLES = PACKAGES["vebus_tools"] / "samples"
CAPTURES = sorted(path for folder in (FOLDER, SAMPLES) for path in folder.iterdir() if path.suffix in {".bin", ".hex"})
_24_BITS = 1 << 24


def _facts(capture: Path) -> dict[str, Any]:
    return tomllib.loads(capture.with_suffix(".toml").read_text(encoding="utf-8"))


def _records(capture: Path) -> list[Record]:
    with open_capture(capture) as opened:
        link = opened.link()
        return list(decode_chunks(opened.chunks, link))


def _bad(records: Iterable[Record]) -> list[Record]:
    return [found for found in records if any(finding.group is Group.CHECKSUM for finding in found.findings)]


# --- every sample ----------------------------------------------------------------------------------------------------
@pytest.fixture(params=CAPTURES, ids=lambda path: path.name)
def capture(request: pytest.FixtureRequest) -> Path:
    found = request.param
    assert isinstance(found, Path)
    return found


def test_all_samples_are_there() -> None:
    assert [path.name for path in CAPTURES if path.parent == FOLDER] == [
        "mk3-real.hex",
        "rs485-real.hex",
        "synthetic-60s.bin",
    ]
    assert len([path for path in CAPTURES if path.parent == SAMPLES]) == 1


def test_sample_has_its_provenance(capture: Path) -> None:
    facts = _facts(capture)
    for name in ("device", "firmware", "adapter", "date", "provenance", "licence"):
        assert facts[name].strip(), name
    assert facts["synthetic"] is ("synthetic" in capture.name)
    assert facts["synthetic"] is facts["provenance"].strip().startswith("Synthetic.")


def test_sample_decodes_to_what_its_provenance_says(capture: Path) -> None:
    facts, records = _facts(capture), _records(capture)
    skipped = [found for found in records if found.frame is None]
    assert {found.link.value for found in records} == {facts["link"]}
    assert sum(len(found.wire) for found in records) == facts["bytes"]
    assert len(records) - len(skipped) == facts["frames"]
    assert sum(len(found.wire) for found in skipped) == facts["skipped_bytes"]
    assert len(_bad(records)) == facts["bad_checksums"]


def test_records_of_a_raw_sample_are_its_bytes() -> None:
    for path in (path for path in CAPTURES if path.suffix == ".bin"):
        assert b"".join(found.wire for found in _records(path)) == path.read_bytes()


# --- the real ones ---------------------------------------------------------------------------------------------------
def _vectors(name: str, provenance: str) -> list[dict[str, Any]]:
    vectors = json.loads((ROOT / "tests" / "vectors" / name).read_text(encoding="utf-8"))
    return [vector for vector in vectors if vector["provenance"] == provenance]


def _lines(capture: str) -> list[tuple[str, str, str]]:
    """Arrow, bytes and comment of each frame in a hex file."""
    found = []
    for line in (FOLDER / capture).read_text(encoding="utf-8").splitlines():
        text, _, comment = line.partition("#")
        arrow = text[:1] if text[:1] in {"<", ">"} else ""
        if text.strip():
            found.append((arrow, text.strip("<> ").upper(), comment))
    return found


def test_real_bus_frames_are_those_of_the_vectors() -> None:
    wanted = sorted(vector["hex"] for vector in _vectors("rs485.json", "real sniffed"))
    assert sorted(text for _, text, _ in _lines("rs485-real.hex")) == wanted


def test_real_adapter_frames_are_those_of_the_vectors() -> None:
    vectors = _vectors("mk3.json", "real logged")
    wanted = [(">" if vector["direction"] == "host->mk3" else "<", vector["hex"]) for vector in vectors]
    lines = _lines("mk3-real.hex")
    assert sorted((arrow, text) for arrow, text, _ in lines) == sorted(wanted)
    completed = {vector["hex"] for vector in vectors if "completed_by_rule" in vector}
    assert {text for _, text, comment in lines if "completed by rule" in comment} == completed


def test_real_exchanges_stand_in_their_order() -> None:
    places = {text: at for at, (_, text, _) in enumerate(_lines("mk3-real.hex"))}
    exchanges: dict[str, list[tuple[int, int]]] = {}
    for vector in _vectors("mk3.json", "real logged"):
        if "exchange" in vector:
            exchanges.setdefault(vector["exchange"], []).append((vector["seq"], places[vector["hex"]]))
    assert len(exchanges) == 9
    for steps in exchanges.values():
        at = [place for _, place in sorted(steps)]
        assert at == list(range(at[0], at[0] + len(at)))


def test_sources_are_counted() -> None:
    for name in ("rs485-real.hex", "mk3-real.hex"):
        facts = _facts(FOLDER / name)
        counts = [source["frames"] for source in facts["source"]]
        assert sum(count if isinstance(count, int) else len(count) for count in counts) == facts["frames"]


# --- the synthetic one -----------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def made() -> Capture:
    return record()


@pytest.fixture(scope="module")
def heard() -> list[Record]:
    return _records(ROOT / f"{CAPTURE}.bin")


def _messages(records: Iterable[Record], wanted: type[Message]) -> list[Any]:
    return [placed.message for found in records for placed in found.chain if isinstance(placed.message, wanted)]


def test_the_script_writes_the_committed_files() -> None:
    written = files()
    assert written.keys() == {f"{stem}{suffix}" for stem in (CAPTURE, SAMPLE) for suffix in (".bin", ".toml")}
    changed = [name for name, content in written.items() if (ROOT / name).read_bytes() != content]
    assert not changed, f"not what the script writes: {changed}; run `python -m captures.synthetic`"


def test_another_seed_gives_other_bytes(made: Capture) -> None:
    assert record(seed=bus.SEED + 1).data != made.data


def test_the_shipped_sample_is_the_beginning_of_the_capture(made: Capture) -> None:
    sample = (ROOT / f"{SAMPLE}.bin").read_bytes()
    assert made.data.startswith(sample)
    assert 10_000 < len(sample) <= 20_000
    assert sample[-1] == 0xFF


def test_damages_are_where_the_provenance_says(heard: list[Record]) -> None:
    flip, cut, noise = _facts(ROOT / f"{CAPTURE}.bin")["damage"]
    (bad,) = _bad(heard)
    assert bad.offset <= flip["offset"] < bad.offset + len(bad.wire)
    mended = bytearray(bad.wire)
    mended[flip["offset"] - bad.offset] ^= 0x01
    assert dissect_frame(bytes(mended)).good
    skipped = {
        at for found in heard if found.frame is None for at in range(found.offset, found.offset + len(found.wire))
    }
    assert skipped == {
        at for damage in (cut, noise) for at in range(damage["offset"], damage["offset"] + damage["size"])
    }


def test_frame_numbers_go_up_by_one(heard: list[Record]) -> None:
    numbers = [found.frame.number for found in heard if isinstance(found.frame, ReceivedFrame)]
    steps = [(after - before) % 128 for before, after in pairwise(numbers)]
    assert sorted(set(steps)) == [1, 2]
    assert steps.count(2) == 1  # the frame that was cut off


def test_all_cases_of_the_envelope_occur(heard: list[Record]) -> None:
    good = [found.frame for found in heard if isinstance(found.frame, ReceivedFrame) and found.frame.good]
    checksums = [frame.checksum for frame in good]
    assert {0xFA, 0xFB, 0xFC, 0xFD, 0xFE, 0xFF} <= set(checksums)
    assert any(frame.wire[-2:] == b"\xfa\xff" for frame in good)
    assert 0.05 < sum(frame.escapes > 0 for frame in good) / len(good) < 0.30
    assert {frame.kind for frame in good} == {FrameKind.SYNC, FrameKind.DATA}
    special = [found.frame for found in heard if isinstance(found.frame, FbFrame)]
    assert len(special) == 5
    assert all(frame.complement_ok for frame in special)


def test_rates_are_those_of_a_bus(heard: list[Record]) -> None:
    assert len(_messages(heard, SyncFrame)) == 60 * 50
    assert len(_messages(heard, AcPhase)) == 60 * 50 - 1
    assert 110 < len(heard) / 60 < 125


def test_counters_run_in_ticks_of_a_mains_period(heard: list[Record]) -> None:
    syncs = [found.status + 256 * found.time for found in _messages(heard, SyncFrame)]
    assert all(abs((after - before) % _24_BITS - 50_000) < 40 for before, after in pairwise(syncs))
    steps = [(after.counter - before.counter) % _24_BITS for before, after in pairwise(_messages(heard, AcPhase))]
    far = [step for step in steps if abs(step - 50_000) >= 40]
    assert [round(step / 50_000) for step in far] == [2]  # around the frame that was cut off


def test_answers_begin_25_to_43_ms_after_their_request() -> None:
    for slot in bus._ANSWER_MS:
        assert slot - bus._REQUEST_MS >= 25
        assert slot + bus._JITTER_MS - bus._REQUEST_MS <= 43


def test_every_frame_means_something(heard: list[Record]) -> None:
    unexplained = [found for found in heard if found.chain and "Unknown" in type(found.chain[-1].message).__name__]
    assert not unexplained


def test_every_winmon_request_has_its_reply(made: Capture) -> None:
    open_tid = None
    for wire in (part.wire for part in made.sent if part.what == "Winmon"):
        frame = dissect_frame(wire)
        tid = WinmonFrame.parse(frame.payload).tid
        assert (frame.sender == 0x98F7) is (open_tid is None)
        assert open_tid in {None, tid}
        open_tid = tid if open_tid is None else None
    assert open_tid is None


def test_powers_and_currents_agree(heard: list[Record]) -> None:
    chains = [found.chain[-1].message for found in heard if found.chain]
    powers = [
        reply.values
        for asked, reply in pairwise(found for found in chains if isinstance(found, ReadRam | RamValues))
        if isinstance(asked, ReadRam) and isinstance(reply, RamValues) and asked.ids == (14, 15, 16)
    ]
    assert len(powers) > 40
    for words in powers:
        inverter, mains, output = (word - 0x10000 if word >= 0x8000 else word for word in words)
        assert abs(inverter + output + mains) <= 1 or mains == 0  # 15 = -(14 + 16), and island mode
    currents = [info.charger_current - info.inverter_current for info in _messages(heard, DcInfo)]
    assert max(currents) > 600 > -600 > min(currents)  # tenths of an ampere
    by_current = sorted(
        (info.charger_current - info.inverter_current, info.voltage) for info in _messages(heard, DcInfo)
    )
    assert by_current[0][1] < by_current[len(by_current) // 2][1] < by_current[-1][1]


def test_ac_is_lost_for_a_while(heard: list[Record]) -> None:
    infos = _messages(heard, AcInfo)
    island = [info for info in infos if info.state == DeviceState.INVERT_FULL]
    assert 0 < len(island) < len(infos)
    assert any(info.mains_voltage == 0 and info.mains_period == 0 for info in island)
    assert all(info.mains_voltage > 20_000 for info in infos if info not in island)
    statuses = [found.status for found in _messages(heard, Condition)]
    changes = [statuses[0], *(after for before, after in pairwise(statuses) if before != after)]
    assert changes == [
        ConditionStatus.INVERTER_ON,
        ConditionStatus.AC_LOSS,
        ConditionStatus.AC_DISCONNECTED,
        ConditionStatus.AC_RETURN,
        ConditionStatus.AC_DISCONNECTED,
        ConditionStatus.INVERTER_ON,
        ConditionStatus.INVERTER_OFF,
        ConditionStatus.INVERTER_ON,
    ]


# --- golden texts ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("golden", GOLDEN, ids=lambda golden: golden.file)
def test_golden_text_is_current(golden: Golden) -> None:
    text = (FOLDER / golden.file).read_text(encoding="utf-8")
    assert render(golden) == text, f"{golden.file} differs; read the change, then run `python -m captures.golden`"


def test_every_text_beside_a_capture_is_held() -> None:
    others = {path.name for path in FOLDER.iterdir() if path.is_file()} - {path.name for path in CAPTURES}
    listed = {golden.file for golden in GOLDEN} | {"README.md", "__init__.py", "golden.py"}
    listed |= {
        "scapy.md",
        "tshark.md",
        "tshark_golden.py",
        *(tshark_golden.golden_of(name).name for name in tshark_golden.CAPTURES),
    }
    assert others - {name for name in others if name.endswith(".toml")} == listed


def test_every_file_is_named_in_the_readme() -> None:
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    for path in CAPTURES:
        assert f"`{path.name}`" in readme or path.parent == SAMPLES
    for golden in GOLDEN:
        assert f"`*{Path(golden.file).suffix}`" in readme
