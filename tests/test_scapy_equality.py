"""Scapy sees the same as `vebus decode`, its JSON and tshark: every field, every value, every byte.

`python -m tests.wireshark_soak` does it for larger counts.
"""

import re
from pathlib import Path

import pytest

from captures.golden import FOLDER
from tests.checkout import ROOT
from tests.scapy_compare import differences, of_json, of_scapy, of_tshark, pieces_of, read_packets
from tests.vector_files import declared_vectors, shared_vectors
from tests.wireshark_compare import Lua, find_program
from tests.wireshark_corpus import Make, damaged, noise, valid, vectors, write_capture
from vebus_protocol.schema import Link

_COUNT = 500
_SEED = 20


def _decoded(*arguments: str) -> str:
    from typer.testing import CliRunner

    from vebus_tools.cli import app

    result = CliRunner().invoke(app, ["decode", *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.parametrize("name", ["rs485-real.hex", "mk3-real.hex"])
def test_real_samples_are_the_same(tmp_path: Path, name: str) -> None:
    path = tmp_path / "sample.pcapng"
    _decoded(str(FOLDER / name), "-w", str(path))
    assert sum(1 for _ in read_packets(path)) > 10
    assert not differences(path)


def test_a_recorded_bus_is_the_same(tmp_path: Path) -> None:
    path = tmp_path / "bus.pcapng"
    _decoded(str(ROOT / "vebus_tools" / "samples" / "synthetic-10s.bin"), "-c", "300", "-w", str(path))
    assert sum(1 for _ in read_packets(path)) == 300
    assert not differences(path)


def test_vectors_are_the_same(tmp_path: Path) -> None:
    known = [*shared_vectors(Link.RS485), *shared_vectors(Link.MK3), *declared_vectors()]
    path = tmp_path / "vectors.pcapng"
    assert write_capture(path, vectors((vector.link, vector.wire) for vector in known)) == len(known) > 100
    assert not differences(path)


@pytest.mark.parametrize("make", [valid, damaged, noise])
def test_generated_packets_are_the_same(tmp_path: Path, make: Make) -> None:
    path = tmp_path / "generated.pcapng"
    write_capture(path, make(_COUNT, _SEED), _SEED)
    assert not differences(path)


@pytest.mark.parametrize("make", [valid, damaged, noise])
def test_json_of_decode_has_the_same_names_and_values(tmp_path: Path, make: Make) -> None:
    path = tmp_path / "generated.pcapng"
    write_capture(path, make(_COUNT // 2, _SEED + 2), _SEED)
    theirs = [of_scapy(piece, like_json=True) for packet in read_packets(path) for piece in pieces_of(packet)]
    assert theirs == of_json(_decoded(str(path), "-T", "json"))


@pytest.mark.parametrize("make", [valid, damaged, noise])
def test_tshark_has_the_same_names_and_values(tmp_path: Path, make: Make) -> None:
    lua = Lua(tmp_path, find_program("tshark"))
    path = tmp_path / "generated.pcapng"
    write_capture(path, make(_COUNT // 2, _SEED + 3), _SEED)
    theirs = [sorted(one for piece in pieces_of(packet) for one in of_scapy(piece)) for packet in read_packets(path)]
    assert theirs == of_tshark(lua, path)


def test_a_difference_would_be_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from vebus_tools.scapy_layers import VEBus

    path = tmp_path / "sync.pcapng"
    write_capture(path, vectors([(Link.RS485, bytes.fromhex("8383fd025551180297ff"))]))
    assert not differences(path)
    monkeypatch.setattr(VEBus, "expected_checksum", property(lambda _: 0))
    (line,) = differences(path)
    assert re.match(r"packet 1: Scapy .*expected=0.*, ours .*expected=151", line)


def test_the_table_of_differences_is_short() -> None:
    text = (FOLDER / "scapy.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert 3 < len(rows) < 15
    assert all(row.count("|") == 5 for row in rows)
