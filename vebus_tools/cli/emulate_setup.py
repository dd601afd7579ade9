"""From the options of `vebus emulate-bms` to what a rehearsal or a session needs: files read, values checked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vebus_protocol.bms import BUILT_IN, Profile, built_in, read_profile
from vebus_tools.battery import Bank, BatteryError
from vebus_tools.cli.failures import UsageError
from vebus_tools.records import CaptureError
from vebus_tools.rehearsal import (
    SETTING_TEXTS,
    SETTINGS,
    BmsFault,
    CellRows,
    FaultError,
    Script,
    Setup,
    Step,
    can_do,
    read_fault,
    read_rows,
    read_script,
    script_names,
    shipped_script,
)
from vebus_tools.simulator import DEFAULT_SCENARIO, Scenario, load_scenario
from vebus_tools.simulator.converter import nominal_voltage
from vebus_tools.simulator.scenario_keys import duration

if TYPE_CHECKING:
    from vebus_tools.cli.emulating import Request

__all__ = ["Prepared", "prepare", "read_time", "scenario_lines", "setting_lines"]

_SUFFIX = ".toml"
_UNITS = ("degc", "v", "c", "%")
_LIST = "list"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """Everything that the options came to; ``installation`` is None in a dry run and on a real port."""

    setup: Setup
    profile: Profile
    profile_path: Path | None
    installation: Scenario | None
    steps: tuple[Step, ...]
    rows: CellRows | None
    cells_path: Path | None
    faults: tuple[BmsFault, ...]
    duration_s: float | None
    title: str


def prepare(request: Request) -> Prepared:
    """Read files and values.  Raises UsageError, CaptureError, ScenarioError, ProfileError, CellError."""
    profile, path = _profile(request.profile)
    scripts = [one for one in (_script(request.scenario), _script(request.config)) if one is not None]
    setup = _setup([one.settings for one in scripts], request.settings)
    installation = next((one.installation for one in reversed(scripts) if one.installation), None)
    if request.simulate:
        installation = _fitting(installation, setup.bank)
    scenario = scripts[0] if request.scenario else None
    _check_steps(scenario, simulated=request.simulate)
    return Prepared(
        setup=setup,
        profile=profile,
        profile_path=path,
        installation=installation if request.simulate else None,
        steps=scenario.steps if scenario else (),
        rows=None if request.transmit else _rows(request.cells, setup.bank),
        cells_path=Path(request.cells) if request.cells else None,
        faults=_faults(request.faults),
        duration_s=_duration(request.max_duration, scenario),
        title=scenario.title if scenario else "",
    )


def _check_steps(scenario: Script | None, *, simulated: bool) -> None:
    for step in scenario.steps if scenario else ():
        if step.order is not None and (why := can_do(step.order, simulated=simulated)):
            raise UsageError(f"--scenario {scenario.name if scenario else ''}: at {step.at_s:g} s: {why}: --simulate")


def _faults(texts: Iterable[str]) -> tuple[BmsFault, ...]:
    try:
        return tuple(map(read_fault, texts))
    except FaultError as problem:
        raise UsageError(str(problem)) from problem


def _duration(text: str | None, scenario: Script | None) -> float | None:
    if text is None:
        return scenario.duration_s if scenario else None
    return read_time("--max-duration", text)


def read_time(option: str, text: str) -> float:
    """A time of an option in s; a bare number is seconds.  Raises UsageError."""
    try:
        found = duration(float(text) if text.replace(".", "", 1).isdecimal() else text)
    except ValueError as problem:
        raise UsageError(f"{option} {text}: is not {problem}") from problem
    if found <= 0:
        raise UsageError(f"{option} {text}: has to be more than 0")
    return found


# --- files -----------------------------------------------------------------------------------------------------------
def _text(name: str, option: str, hint: str) -> str:
    try:
        return Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else "is no UTF-8 text"
        raise CaptureError(f"{option} {name}: {reason}; {hint}") from problem


def _profile(name: str) -> tuple[Profile, Path | None]:
    if name in BUILT_IN:
        return built_in(name), None
    hint = f"built in are {', '.join(BUILT_IN)}"
    return read_profile(_text(name, "--profile", hint), name), Path(name)


def _script(name: str | None) -> Script | None:
    if name is None:
        return None
    if name in script_names() or not (name.endswith(_SUFFIX) or "/" in name):
        return shipped_script(name)
    return read_script(_text(name, "file", "--scenario list shows the ready scenarios"), name)


def _rows(name: str | None, bank: Bank) -> CellRows | None:
    if name is None:
        return None
    return read_rows(_text(name, "--cells", "a CSV file with time, cell 1 ... is needed").splitlines(), name, bank)


def _fitting(installation: Scenario | None, bank: Bank) -> Scenario:
    """The installation, whose Multi has to be one for the bank."""
    found = installation or load_scenario(DEFAULT_SCENARIO)
    nominal = nominal_voltage(found.devices[0].model)[0]
    if nominal != bank.system_v:
        raise UsageError(
            f"the simulated {found.devices[0].model} does not fit a bank of {bank.system_v} V;"
            " name another one in a file: [[device]] model"
        )
    return found


def scenario_lines() -> Iterator[str]:
    """The ready scenarios, one line each."""
    names = script_names()
    width = max(map(len, names))
    for name in names:
        yield f"{name:<{width}}  {shipped_script(name).title}"


# --- values ----------------------------------------------------------------------------------------------------------
def setting_lines() -> Iterator[str]:
    """What --set knows, one line each."""
    for key, (table, _, _) in SETTINGS.items():
        yield f"{key:<12} [{table}]{'':<{10 - len(table)}} {SETTING_TEXTS[key]}"


def _setup(files: Iterable[Mapping[str, Mapping[str, Any]]], settings: Iterable[str]) -> Setup:
    said: dict[str, dict[str, Any]] = {}
    for text in settings:
        table, attribute, value = _setting(text)
        said.setdefault(table, {})[attribute] = value
    try:
        return Setup.of(*files, said)
    except BatteryError as problem:
        raise UsageError(f"--set: {problem}") from problem


def _setting(text: str) -> tuple[str, str, Any]:
    key, equals, value = (part.strip() for part in text.partition("="))
    if not equals or key not in SETTINGS:
        raise UsageError(f"--set {text}: write KEY=VALUE; keys are {', '.join(SETTINGS)}")
    table, attribute, read = SETTINGS[key]
    try:
        return table, attribute, read(_bare(value))
    except ValueError as problem:
        raise UsageError(f"--set {text}: {value} is not {problem}") from problem


def _bare(text: str) -> object:
    """The number without its unit; what is none stays a text, so that a time such as 2s is read as one."""
    lower = text.lower()
    number = next((lower.removesuffix(unit) for unit in _UNITS if lower.endswith(unit)), lower)
    for kind in (int, float):
        try:
            return kind(number)
        except ValueError:
            continue
    return text
