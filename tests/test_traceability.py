"""Every requirement that is implemented has a test, and every test names a requirement that there is."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.checkout import ROOT
from tests.traceability.requirements import REQUIREMENTS, Requirement
from tests.traceability.table import covered, interlocks, lines
from vebus_tools.interlocks import INTERLOCKS, Interlock

COVERED = covered()
# Fixed facts that tests hold besides; they have another tag in the specification.
REFERENCE_FACTS = {f"B-{number}" for number in (1, 2, 3, 4, 5, 6, 7, 8, 11, 24, 26, 27, 40, 41, 54, 66, 72, 73, 74)} | {
    "B-86",
    "B-87",
}


@pytest.mark.parametrize("one", [one for one in REQUIREMENTS if one.part.done], ids=lambda one: one.number)
def test_an_implemented_requirement_has_a_test(one: Requirement) -> None:
    assert COVERED.get(one.number), f"{one.number} ({one.about}) has no test with @covers"


def test_a_test_names_only_requirements_that_there_are() -> None:
    known = {one.number for one in REQUIREMENTS} | REFERENCE_FACTS
    assert set(COVERED) <= known
    assert set(COVERED) >= REFERENCE_FACTS


def test_what_is_open_claims_no_test() -> None:
    assert not [one.number for one in REQUIREMENTS if not one.part.done and one.number in COVERED]


@pytest.mark.parametrize("one", INTERLOCKS, ids=lambda one: one.number)
def test_an_interlock_has_a_test_that_trips_it_and_one_that_does_not(one: Interlock) -> None:
    found = interlocks()
    assert found.get((one.number, True)), f"{one} has no test with @covers(..., trips=True)"
    assert found.get((one.number, False)), f"{one} has no test with @covers(..., trips=False)"


def test_a_test_names_only_interlocks_that_there_are() -> None:
    assert {number for number, _ in interlocks()} == {one.number for one in INTERLOCKS}
    assert [one.number for one in INTERLOCKS] == [f"X-{number}" for number in range(1, 20)]


def test_requirements_are_listed_once() -> None:
    numbers = [one.number for one in REQUIREMENTS]
    assert len(set(numbers)) == len(numbers)
    assert {one.tag for one in REQUIREMENTS} == {"SIM", "GATE"}
    assert sum(one.tag == "GATE" for one in REQUIREMENTS) == 13
    assert sum(one.tag == "SIM" for one in REQUIREMENTS) == 61


def test_marks_are_read_from_the_source(tmp_path: Path) -> None:
    marked = '@covers("X-1", trips=True)\ndef test_d(): ...\n@covers("X-1", trips=False)\ndef test_e(): ...\n'
    source = (
        marked
        + '@covers("B-1", "B-2")\n@other\ndef test_a(): ...\n@covers("B-2")\ndef test_b(): ...\ndef test_c(): ...\n'
    )
    (tmp_path / "test_x.py").write_text(source, encoding="utf-8")
    place = f"{tmp_path.name}/test_x.py"
    assert covered(tmp_path) == {
        "B-1": [f"{place}::test_a"],
        "B-2": [f"{place}::test_a", f"{place}::test_b"],
    }
    assert interlocks(tmp_path) == {("X-1", True): [f"{place}::test_d"], ("X-1", False): [f"{place}::test_e"]}


def test_the_table_is_printed_on_demand(checkout_environment: dict[str, str]) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "tests.traceability"],
        cwd=ROOT,
        env=checkout_environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert run.stdout.splitlines() == list(lines())
    assert not [line for line in lines() if "NO TEST" in line]
