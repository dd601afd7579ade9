"""Files of `vebus emulate-bms`: a scenario or a configuration in TOML, with errors that name line and key.

    [bank]  [limits]  [emulator]     what the BMS looks after, and how
    [[step]] at, do, say        what happens when, in the words that standard input takes
    all others                  the installation, as in the scenarios of `vebus simulate`

A configuration is the same file, usually without steps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib.resources import files
from typing import Any

from vebus_tools.battery import Bank, BatteryError, Limits, Module
from vebus_tools.rehearsal.doing import can_do
from vebus_tools.rehearsal.orders import Order, OrderError, read_order
from vebus_tools.simulator import Scenario, ScenarioError, parse_scenario
from vebus_tools.simulator import scenario_keys as keys
from vebus_tools.simulator.converter import nominal_voltage
from vebus_tools.simulator.scenario_text import SCENARIO_KEYS, ScenarioSource

__all__ = ["SETTINGS", "SETTING_TEXTS", "Script", "Setup", "Step", "read_script", "script_names", "shipped_script"]

_VOLTS, _DEGREES = keys.number(0, 100), keys.number(-60, 150)
_BANK: Mapping[str, tuple[str, keys.Reader]] = {
    "system": ("system_v", keys.whole(1, 1000)),
    "module": ("module_v", _VOLTS),
    "series": ("series", keys.whole(0, 1000)),
    "parallel": ("parallel", keys.whole(0, 1000)),
}
_LIMITS: Mapping[str, tuple[str, keys.Reader]] = {
    "pre-alarm": ("pre_alarm", _VOLTS),
    "low-cell": ("low_cell", _VOLTS),
    "overvoltage": ("overvoltage", _VOLTS),
    "hot": ("hot", _DEGREES),
    "cold": ("cold", _DEGREES),
    "max-age": ("max_age_s", keys.duration),
}
_EMULATOR: Mapping[str, tuple[str, keys.Reader]] = {
    "version": ("version", keys.whole(0, 0xFFFFFF)),
    "slot-delay": ("slot_delay_s", keys.duration),
    "hold": ("hold_s", keys.duration),
    "aux": ("aux_v", _VOLTS),
    "soc": ("soc", keys.number(0, 100)),
    "voltage": ("voltage_v", _VOLTS),
    "temperature": ("temperature_c", _DEGREES),
}
_TABLES = {"bank": _BANK, "limits": _LIMITS, "emulator": _EMULATOR}
_STEP: Mapping[str, tuple[str, keys.Reader]] = {
    "at": ("at_s", keys.duration),
    "do": ("do", keys.text),
    "say": ("say", keys.text),
}
_OWN = frozenset({*_TABLES, "step", "title", "duration"})
_SUFFIX = ".toml"
_DEFAULT_BANK = Bank(system_v=48, module=Module(voltage_v=25.6), series=2)

SETTING_TEXTS = {
    "system": "V: 12, 24 or 48",
    "module": "V of a module: 12.8 or 25.6",
    "series": "modules in a string",
    "parallel": "strings",
    "pre-alarm": "V per cell, 2.85 to 3.15",
    "low-cell": "V per cell, assumed 2.8",
    "overvoltage": "V per cell, assumed 4.0",
    "hot": "degC, assumed 55",
    "cold": "degC, assumed 5",
    "max-age": "how old cell values may be: 2s",
    "version": "what the BMS answers to the poll for its version: 1245112",
    "slot-delay": "time from a sync frame to the slot of the BMS, invented: 2ms",
    "hold": "how long more permissive contents wait: 2s",
    "aux": "V at Aux-In",
    "soc": "state of charge in % of the simulated battery",
    "voltage": "V of the bank, instead of the simulated battery's",
    "temperature": "degC of all cells, instead of the simulated battery's",
}
"""Key of a setting -> what it is, for people."""

SETTINGS: Mapping[str, tuple[str, str, keys.Reader]] = {
    key: (table, attribute, read) for table, known in _TABLES.items() for key, (attribute, read) in known.items()
}
"""Key of a setting -> its table, its attribute and how it is read; each key stands in one table only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Something that happens at a time in s; ``say`` is what is told about it."""

    at_s: float
    order: Order | None
    text: str
    say: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """One file: settings by table and attribute, steps in order of time, and the installation where it names one."""

    name: str
    title: str = ""
    duration_s: float | None = None
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    steps: tuple[Step, ...] = ()
    installation: Scenario | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """Everything about battery and BMS that can be set; the default is a 48 V bank of two 25.6 V modules.

    ``soc`` is the state of charge in %, ``voltage_v`` the voltage of the bank in V and ``temperature_c`` that of the
    cells; None where the simulated battery says it.  ``hold_s`` is how long anything more permissive waits (X-13),
    ``slot_delay_s`` the time from sync to slot (W-4).
    """

    bank: Bank = _DEFAULT_BANK
    limits: Limits = field(default_factory=Limits)
    version: int = 1245112
    slot_delay_s: float = 0.002
    hold_s: float = 2.0
    aux_v: float = 0.0
    soc: float | None = None
    voltage_v: float | None = None
    temperature_c: float | None = None

    @classmethod
    def of(cls, *settings: Mapping[str, Mapping[str, Any]]) -> Setup:
        """The default with settings over it, later ones over earlier ones.

        Raises BatteryError for a bank or limits that cannot be.
        """
        merged = {table: _merged(one.get(table, {}) for one in settings) for table in _TABLES}
        return cls(bank=_bank(merged["bank"]), limits=_limits(merged["limits"]), **merged["emulator"])


def _merged(tables: Any) -> dict[str, Any]:  # noqa: ANN401  (any iterable of mappings)
    found: dict[str, Any] = {}
    for table in tables:
        found.update(table)
    return found


def _bank(values: Mapping[str, Any]) -> Bank:
    default = _DEFAULT_BANK
    system_v = values.get("system_v", default.system_v)
    usual = 12.8 if system_v == 12 else default.module.voltage_v
    module = Module(voltage_v=values.get("module_v", usual))
    needed = max(1, round(system_v / (module.cells * 3)))
    return Bank(
        system_v=system_v,
        module=module,
        series=values.get("series", needed),
        parallel=values.get("parallel", default.parallel),
    )


def _limits(values: Mapping[str, Any]) -> Limits:
    default = Limits()
    changed = {
        name: value if name == "max_age_s" else replace(getattr(default, name), limit=value)
        for name, value in values.items()
    }
    return replace(default, **changed)


# --- files -----------------------------------------------------------------------------------------------------------
def read_script(content: str, name: str) -> Script:
    """Read a file; ``name`` is for errors.  Raises ScenarioError with file, line and key."""
    source = ScenarioSource(content, name)
    settings = {table: source.values(source.data.get(table, {}), (table,), known) for table, known in _TABLES.items()}
    installation = parse_scenario(content, name, _OWN)  # also refuses keys that nobody knows
    script = Script(
        name=installation.name,
        title=installation.title,
        duration_s=installation.duration_s if "duration" in source.data else None,
        settings=settings,
        steps=tuple(sorted(_steps(source), key=lambda step: step.at_s)),
        installation=installation if (SCENARIO_KEYS - _OWN) & source.data.keys() else None,
    )
    _check(script, source)
    return script


def _steps(source: ScenarioSource) -> list[Step]:
    found = []
    for place, table in enumerate(source.rows("step")):
        path = ("step", place)
        values = source.values(table, path, _STEP)
        if "at_s" not in values or not {"do", "say"} & values.keys():
            raise source.error(path, "a step needs at, and do or say")
        text = values.get("do", "")
        try:
            order = read_order(text) if text else None
        except OrderError as problem:
            raise source.error((*path, "do"), str(problem)) from problem
        if order is not None and (why := can_do(order, simulated=True)):
            raise source.error((*path, "do"), why)
        found.append(Step(at_s=values["at_s"], order=order, text=text, say=values.get("say", "")))
    return found


def _check(script: Script, source: ScenarioSource) -> None:
    try:
        setup = Setup.of(script.settings)
    except BatteryError as problem:
        raise source.error(("bank",) if "bank" in source.data else ("limits",), str(problem)) from problem
    for place, table in enumerate(source.rows("step")):
        order = read_order(table["do"]) if table.get("do") else None
        if order is not None and order.cell > setup.bank.cells:
            raise source.error(("step", place, "do"), f"the bank has cells 1 to {setup.bank.cells}")
    if script.installation is not None:
        nominal = nominal_voltage(script.installation.devices[0].model)[0]
        if nominal != setup.bank.system_v:
            raise source.error(("device",), f"a Multi for {nominal:g} V on a bank of {setup.bank.system_v} V")


def script_names() -> tuple[str, ...]:
    """Names of the scenarios of the package, sorted."""
    entries = files(__package__).joinpath("scenarios").iterdir()
    return tuple(sorted(entry.name.removesuffix(_SUFFIX) for entry in entries if entry.name.endswith(_SUFFIX)))


def shipped_script(name: str) -> Script:
    """Scenario of the package by its name.  Raises ScenarioError for a name that it does not have."""
    if name not in script_names():
        raise ScenarioError(f"no scenario {name!r}; there are {', '.join(script_names())}")
    content = files(__package__).joinpath("scenarios", name + _SUFFIX).read_text(encoding="utf-8")
    return read_script(content, name + _SUFFIX)
