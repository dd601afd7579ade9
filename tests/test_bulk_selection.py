"""Display filters over columns: what is not looked at could not have passed, and the output is the same."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.checkout import ROOT
from tests.damaged_streams import seeded, stream_of
from tests.vector_files import shared_vectors
from vebus_protocol.schema import Link
from vebus_tools import glossary
from vebus_tools.cli import app
from vebus_tools.cli.engines import SWITCH
from vebus_tools.cli.printing import display_filter
from vebus_tools.filters import Filter
from vebus_tools.names import DEFAULT_NAMES
from vebus_tools.records import Chunk
from vebus_tools.runner import dissections

np = pytest.importorskip("numpy")

from vebus_tools.bulk_text import Candidates  # noqa: E402

SAMPLE = ROOT / "vebus_tools" / "samples" / "synthetic-10s.bin"
FILTERS = (
    "vebus.dc.voltage > 13",
    "vebus.dc",
    "vebus.dc.voltage != 13",
    "vebus.acphase.mode == 0x49 && frame.time_delta > 0.001",
    "vebus.ac.state == 4 || vebus.condition.relay == 2",
    "!vebus.sync.time",
    "!(vebus.dc.voltage > 13) && vebus.dc",
    "vebus.ram.value",
    'vebus.checksum.status == "Bad" || vebus.sync.time.raw == 195',
    "vebus.setting.id in {6, 2}",
    "vebus.response_to && vebus.setting_info.scale",
)
FORMS = (("-V",), ("-T", "ek"), ("-T", "fields", "-e", "frame.time_delta_displayed", "-e", "frame.number"))


def compiled(text: str) -> Filter:
    found = display_filter(text, DEFAULT_NAMES)
    assert found is not None
    return found


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["decode", *arguments])
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize(
    ("text", "form"), [*((text, ()) for text in FILTERS), *((text, form) for text in FILTERS[3:5] for form in FORMS)]
)
def test_a_filtered_dump_is_the_same(text: str, form: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vebus_tools.cli.wide.WORTH_IT", 0)
    monkeypatch.setenv(SWITCH, "reference")
    expected = run(str(SAMPLE), "-Y", text, *form)
    monkeypatch.setenv(SWITCH, "fast")
    assert run(str(SAMPLE), "-Y", text, *form) == expected


@pytest.mark.parametrize("text", FILTERS[:3])
def test_damage_and_saving_are_the_same(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, targets = tmp_path / "damaged.bin", [tmp_path / "a.pcapng", tmp_path / "b.pcapng"]
    source.write_bytes(stream_of(seeded(text), 40_000))
    monkeypatch.setattr("vebus_tools.cli.wide.WORTH_IT", 0)
    shown = []
    for engine, target in zip(("reference", "fast"), targets, strict=True):
        monkeypatch.setenv(SWITCH, engine)
        shown.append(run(str(source), "-Y", text, "-P", "-w", str(target)))
    assert shown[0] == shown[1]
    assert targets[0].read_bytes() == targets[1].read_bytes()


def test_no_name_stands_in_a_record_whose_messages_do_not_declare_it() -> None:
    streams = [SAMPLE.read_bytes(), *(stream_of(seeded(seed), 60_000) for seed in range(3))]
    streams += [vector.wire for vector in shared_vectors(Link.RS485)]
    limited = glossary.names_of_messages()
    assert "vebus.dc.voltage" in limited
    assert "vebus.checksum" not in limited
    for data in streams:
        for found in dissections([Chunk(data=data)], Link.RS485):
            here: set[str] = set()
            for placed in found.record.chain:
                here |= glossary.names_of(type(placed.message))  # type: ignore[arg-type]  # as in the glossary
            names = {block.protocol for block in found.blocks} | {node.abbrev for node in found.walk()}
            assert names & limited <= here, found.info


def test_only_frames_that_may_pass_are_dissected() -> None:
    found = list(Candidates(compiled("vebus.dc.voltage > 13")).read([SAMPLE.read_bytes()]))
    everything = len(list(dissections([Chunk(data=SAMPLE.read_bytes())], Link.RS485)))
    assert 0 < len(found) < everything / 5


@pytest.mark.parametrize(
    ("text", "helps"),
    [
        ("vebus.dc.voltage > 13", True),
        ("vebus.dc && vebus.seq > 3", True),
        ("vebus.dc || vebus.seq > 3", False),
        ("vebus.seq == 3", False),
        ("!vebus.dc", False),
        ("frame.number < 10", False),
        ("_ws.expert", False),
    ],
)
def test_columns_are_asked_where_that_helps(text: str, helps: bool) -> None:  # noqa: FBT001
    assert Candidates.helps(compiled(text)) is helps
