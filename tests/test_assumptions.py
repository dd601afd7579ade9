"""What a decode takes for granted is told as a finding: laboratory frames, and messages whose meaning is inferred."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.vector_files import declared_vectors, shared_vectors
from tests.wireshark_compare import Lua, find_program
from tests.wireshark_corpus import vectors, write_capture
from vebus_protocol.bms import LAB, LabBmsInformation
from vebus_protocol.registry import MESSAGES
from vebus_protocol.schema import Evidence, Link
from vebus_tools import Chunk, Record, decode_chunks
from vebus_tools.cli import app
from vebus_tools.records import Group, Severity

_VECTORS = [*shared_vectors(Link.RS485), *shared_vectors(Link.MK3), *declared_vectors()]


def _records() -> list[Record]:
    return [
        record for vector in _VECTORS for record in decode_chunks([Chunk(data=vector.wire, whole=True)], vector.link)
    ]


def _told(record: Record) -> list[str]:
    found = [one for one in record.findings if one.group is Group.ASSUMPTION]
    assert all(one.severity is Severity.NOTE for one in found)
    return [one.text for one in found]


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("vectors") / "vectors.pcapng"
    write_capture(path, vectors((vector.link, vector.wire) for vector in _VECTORS))
    return path


def test_messages_say_what_they_assume() -> None:
    assumed = {one.__name__: one.INFO.assumes for one in MESSAGES if one.INFO.assumes}
    assert LAB in assumed.pop(LabBmsInformation.__name__)
    assert set(assumed) == {one.__name__ for one in MESSAGES if one.INFO.evidence is Evidence.INFERRED}
    assert "Charger" in assumed


def test_each_frame_tells_the_assumptions_of_its_messages_and_no_others() -> None:
    seen: set[type] = set()
    for record in _records():
        wanted = [placed.message.INFO.assumes for placed in record.chain if placed.message.INFO.assumes]
        assert _told(record) == wanted
        seen.update(type(placed.message) for placed in record.chain if placed.message.INFO.assumes)
    assert LabBmsInformation in seen
    assert len(seen) >= 4


def test_they_are_printed_and_filters_find_them(capture: Path) -> None:
    words = ("decode", str(capture), "-V", "-Y", '_ws.expert.group == "Assumption" && vebus.lab_bms')
    shown = CliRunner().invoke(app, words).stdout
    assert f"[Expert Info (Note/Assumption): Decoded by the profile {LAB}: LAB/SIMULATION PROFILE" in shown


def test_tshark_finds_the_same_frames(tmp_path: Path, capture: Path) -> None:
    lua = Lua(tmp_path, find_program("tshark"))
    asked = ("-Y", "vebus.expert.assumption.note", "-T", "fields", "-e", "frame.number")
    theirs = [int(line) for line in lua.run(capture, *asked).split()]
    assert theirs == [number for number, record in enumerate(_records(), 1) if _told(record)]
    assert len(theirs) >= 4
