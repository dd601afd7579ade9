"""The queries of the README, on a simulated house and on a week of the laboratory BMS."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.checkout import ROOT
from vebus_protocol.bms import LabBmsInformation
from vebus_protocol.frame import Frame, encode_frame
from vebus_tools.capture import open_writer
from vebus_tools.cli import app
from vebus_tools.decoder import decode_chunks
from vebus_tools.export.tables import COMMON, all_tables
from vebus_tools.records import Chunk, Link, Stamp, TimeSource

duckdb = pytest.importorskip("duckdb")

README = (ROOT / "README.md").read_text(encoding="utf-8")
SECTION = README.partition("## `vebus export`\n")[2].partition("\n## ")[0]
QUERIES = re.findall(r"```sql\n(.*?)```", SECTION, flags=re.DOTALL)
MONDAY = 1_767_571_200.0  # 2026-01-05
DISCHARGE, CHARGE = 1, 2
STEP_S = 600


def week(path: Path) -> None:
    """A frame every ten minutes: on Wednesday from 06:00 to 09:00 no discharge, on Saturday no charge at all."""
    with open_writer(path) as writer:
        for at in range(7 * 24 * 3600 // STEP_S):
            day, hour = divmod(at * STEP_S / 3600, 24)
            flags = (0 if day == 2 and 6 <= hour < 9 else DISCHARGE) | (0 if day == 5 else CHARGE)
            fields: dict[str, Any] = {"flags": flags, "high_cell_level": 0, "link_mode": 0, "counter": at % 256}
            payload = LabBmsInformation(**{"magic": b"LAB", "layout": 1, **fields}).build()
            wire = encode_frame(Frame(sender=0x4C42, kind=0xFE, number=at % 128, payload=payload))
            stamp = Stamp(MONDAY + at * STEP_S, TimeSource.LOG, epoch=True)
            for record in decode_chunks([Chunk(data=wire, stamp=stamp, whole=True)], Link.RS485):
                writer.write(record)


@pytest.fixture(scope="module")
def answer(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], list[tuple[Any, ...]]]:
    """Runs the query of this place in the README."""
    folder = tmp_path_factory.mktemp("queries")
    house = folder / "house.pcapng"
    options = ["simulate", "ac-loss", "--virtual", "--duration", "50s", "--seed", "1", "-w", str(house), "-q"]
    assert CliRunner().invoke(app, options).exit_code == 0
    week(folder / "week.pcapng")
    result = CliRunner().invoke(app, ["export", str(house), str(folder / "week.pcapng"), "-o", str(folder / "bus")])
    assert result.exit_code == 0, result.stderr

    def run(place: int) -> list[tuple[Any, ...]]:
        query = QUERIES[place].replace("'bus/", f"'{folder}/bus/")
        found: list[tuple[Any, ...]] = duckdb.sql(query).fetchall()
        return found

    return run


def test_there_are_three_queries() -> None:
    assert len(QUERIES) == 3


def test_sag_at_load_steps(answer: Callable[[int], list[tuple[Any, ...]]]) -> None:
    mains_lost, load = answer(0)  # at 20 s the mains goes, at 40 s a load of 1400 W comes
    for (at_s, step_a, before_v, lowest_v), second, least in ((mains_lost, 20, -100), (load, 40, -50)):
        assert second <= at_s < second + 0.5
        assert step_a < least
        assert 12 < lowest_v < before_v < 14


def test_time_in_each_state(answer: Callable[[int], list[tuple[Any, ...]]]) -> None:
    found = {state: (times, seconds) for state, times, seconds in answer(1)}
    assert set(found) == {"Invert full", "Charge"}
    assert found["Charge"][1] == pytest.approx(15, abs=5)
    assert found["Invert full"][1] == pytest.approx(30, abs=2)


def test_permissions_over_a_week(answer: Callable[[int], list[tuple[Any, ...]]]) -> None:
    found = {str(day): facts for day, *facts in answer(2)}
    assert sorted(found) == [f"2026-01-{day:02d}" for day in range(5, 12)]
    assert found["2026-01-07"] == [21.0, 24.0, 1]
    assert found["2026-01-10"] == [24.0, 0.0, 1]
    assert found["2026-01-05"] == [24.0, 24.0, 0]
    assert found["2026-01-11"] == [pytest.approx(24, abs=0.2), pytest.approx(24, abs=0.2), 0]


def test_the_columns_of_the_frame_are_listed() -> None:
    for column in COMMON:
        assert f"`{column.name}`" in SECTION, column.name
    named = re.findall(r"'bus/(\w+)/", SECTION)
    assert {name for name in named if name not in ("columns", "captures")} <= set(all_tables())
