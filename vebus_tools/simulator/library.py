"""The scenarios that ship with the package: one TOML file each in `scenarios/`."""

from __future__ import annotations

from importlib.resources import files

from vebus_tools.simulator.scenario import Scenario, ScenarioError
from vebus_tools.simulator.scenario_text import parse_scenario

__all__ = ["DEFAULT_SCENARIO", "load_scenario", "scenario_names"]

DEFAULT_SCENARIO = "quiet-house"
_SUFFIX = ".toml"


def scenario_names() -> tuple[str, ...]:
    """Names of all scenarios of the package, sorted."""
    entries = files(__package__).joinpath("scenarios").iterdir()
    return tuple(sorted(entry.name.removesuffix(_SUFFIX) for entry in entries if entry.name.endswith(_SUFFIX)))


def load_scenario(name: str = DEFAULT_SCENARIO) -> Scenario:
    """Scenario of the package by its name.  Raises ScenarioError for a name that it does not have."""
    if name not in scenario_names():
        raise ScenarioError(f"no scenario {name!r}; there are {', '.join(scenario_names())}")
    content = files(__package__).joinpath("scenarios", name + _SUFFIX).read_text(encoding="utf-8")
    return parse_scenario(content, name + _SUFFIX)
