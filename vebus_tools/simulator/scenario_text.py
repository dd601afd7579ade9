"""Scenario files: TOML text to a Scenario, with errors that name line and key."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from vebus_tools.simulator import scenario_keys as keys
from vebus_tools.simulator.scenario import (
    AccessorySpec,
    AdapterSpec,
    BatterySpec,
    BmsSpec,
    DeviceSpec,
    Event,
    EventKind,
    Fault,
    FaultKind,
    HostSpec,
    MainsSpec,
    RandomSpec,
    Scenario,
    ScenarioError,
    Side,
)

__all__ = ["SCENARIO_KEYS", "ScenarioSource", "parse_scenario"]

_WATTS, _AMPS = keys.number(-30_000, 30_000), keys.number(0, 200)
_TABLES: Mapping[str, tuple[type, Mapping[str, tuple[str, keys.Reader]]]] = {
    "mains": (
        MainsSpec,
        {
            "present": ("present", keys.flag),
            "voltage": ("voltage_v", keys.number(80, 300)),
            "frequency": ("frequency_hz", keys.number(40, 70)),
            "wander-voltage": ("wander_v", keys.number(0, 20)),
            "wander-frequency": ("wander_hz", keys.number(0, 1)),
            "connect-delay": ("connect_delay_s", keys.duration),
            "input": ("input", keys.whole(1, 2)),
        },
    ),
    "battery": (
        BatterySpec,
        {
            "capacity": ("capacity_ah", keys.number(1, 20_000)),
            "resistance": ("resistance_ohm", keys.number(0.0001, 10)),
            "soc": ("soc", keys.number(0, 1)),
            "ambient": ("ambient_c", keys.number(-8, 43)),
            "connected": ("connected", keys.flag),
        },
    ),
    "host": (
        HostSpec,
        {
            "present": ("present", keys.flag),
            "every": ("every", keys.whole(3, 1000)),
            "start-up": ("start_up", keys.flag),
        },
    ),
    "adapter": (
        AdapterSpec,
        {
            "version": ("version", keys.whole(0, 0xFFFFFFFF)),
            "heartbeat": ("heartbeat_s", keys.duration),
            "combined": ("combined", keys.flag),
            "accept-plain-checksum": ("accept_plain_checksum", keys.flag),
        },
    ),
    "accessory": (
        AccessorySpec,
        {
            "bms-version": ("bms_version", keys.whole(0, 0xFFFFFFFF)),
            "dmc-version": ("dmc_version", keys.whole(0, 0xFFFFFFFF)),
        },
    ),
    "bms": (
        BmsSpec,
        {
            "expected": ("expected", keys.flag),
            "reduced-share": ("reduced_share", keys.number(0, 1)),
            "recovery": ("recovery_s", keys.duration),
        },
    ),
    "random": (
        RandomSpec,
        {"measurement": ("measurement", keys.number(0, 100)), "latency": ("latency", keys.flag)},
    ),
}
_DEVICE: Mapping[str, tuple[str, keys.Reader]] = {
    "model": ("model", keys.model),
    "version": ("version", keys.version),
    "serial": ("serial", keys.text),
    "unique-number": ("unique_number", keys.whole(0, 0xFFFFFFFF)),
    "address": ("address", keys.whole(0, 31)),
    "phase": ("phase", keys.whole(1, 4)),
    "load": ("load_w", keys.number(0, 20_000)),
    "load-wave": ("load_wave_w", keys.number(0, 5_000)),
    "load-profile": ("load_profile", keys.profile),
    "assistants": ("assistants", keys.assistants),
    "power-assist": ("power_assist", keys.flag),
    "input-limit": ("input_limit_a", keys.number(1, 50)),
    "phase-word": ("phase_word", keys.phase_word),
    "password": ("password", keys.text),
    "ac-inputs": ("ac_inputs", keys.whole(1, 2)),
    "mains-detector": ("mains_detector", keys.mains_detector),
}
_ANY_EVENT: Mapping[str, tuple[str, keys.Reader]] = {
    "what": ("kind", keys.text),
    "at": ("at_s", keys.duration),
    "phase": ("phase", keys.whole(0, 4)),
}
# Per kind of event: key in the file -> attribute of Event.
_EVENTS: Mapping[EventKind, Mapping[str, tuple[str, keys.Reader]]] = {
    EventKind.AC_LOST: {},
    EventKind.AC_BACK: {},
    EventKind.LOAD: {"watts": ("value", keys.number(0, 30_000))},
    EventKind.CHARGER: {"state": ("text", keys.choice("equalise", "absorption", "float"))},
    EventKind.FIRMWARE: {"version": ("value", keys.version)},
    EventKind.SWITCH: {"position": ("text", keys.choice("on", "off", "charger-only", "inverter-only"))},
    EventKind.SET_POINT: {"watts": ("value", _WATTS), "stop": ("text", keys.flag)},
    EventKind.INPUT_LIMIT: {"amps": ("value", _AMPS)},
    EventKind.RESET: {},
    EventKind.WAKE: {},
    EventKind.AMBIENT: {"celsius": ("value", keys.number(-8, 43))},
    EventKind.MAINS: {"volts": ("value", keys.number(80, 300)), "hertz": ("other", keys.number(40, 70))},
    EventKind.SOC: {"soc": ("value", keys.number(0, 1))},
    EventKind.ERROR: {"number": ("value", keys.whole(0, 31))},
    EventKind.AC_INPUT: {"input": ("value", keys.whole(1, 2))},
    EventKind.BATTERY: {"connected": ("value", keys.flag)},
}
_NEEDED = {
    EventKind.LOAD: "watts",
    EventKind.CHARGER: "state",
    EventKind.FIRMWARE: "version",
    EventKind.SWITCH: "position",
    EventKind.INPUT_LIMIT: "amps",
    EventKind.AMBIENT: "celsius",
    EventKind.SOC: "soc",
    EventKind.ERROR: "number",
    EventKind.AC_INPUT: "input",
    EventKind.BATTERY: "connected",
}
_UNDO = {EventKind.AC_LOST: EventKind.AC_BACK}
_FAULT: Mapping[str, tuple[str, keys.Reader]] = {
    "kind": ("kind", keys.text),
    "side": ("side", lambda value: Side(keys.choice(*(side.value for side in Side))(value))),
    "types": ("types", keys.frame_types),
    "from": ("from_s", keys.duration),
    "until": ("until_s", keys.duration),
    "nth": ("nth", keys.whole(1, 1_000_000_000)),
    "every": ("every", keys.whole(1, 1_000_000_000)),
    "probability": ("probability", keys.number(0, 1)),
    "delay": ("delay_s", keys.duration),
    "size": ("size", keys.whole(1, 10_000)),
}
SCENARIO_KEYS = frozenset({"title", "duration", "device", "event", "fault", *_TABLES})
"""What may stand at the top of a scenario file."""
_ONLY_BEHIND_ADAPTER = frozenset(
    (
        FaultKind.LED_APPENDED,
        FaultKind.OTHER_FORM,
        FaultKind.NO_HEARTBEAT,
        FaultKind.HEARTBEAT_INSTEAD,
    )
)


class ScenarioSource:
    """The text with the line of every key, for errors."""

    def __init__(self, content: str, name: str) -> None:
        self._name = name
        self._lines = dict(_key_lines(content))
        try:
            self.data = tomllib.loads(content)
        except tomllib.TOMLDecodeError as problem:
            raise ScenarioError(f"{name}: {problem}") from problem

    def error(self, path: tuple[str | int, ...], wanted: str) -> ScenarioError:
        """What is wrong with the value at a path, with file and line."""
        line = next((self._lines[path[:size]] for size in range(len(path), 0, -1) if path[:size] in self._lines), 1)
        key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")
        return ScenarioError(f"{self._name}, line {line}: {key}: {wanted}")

    def values(
        self, table: object, path: tuple[str | int, ...], known: Mapping[str, tuple[str, keys.Reader]]
    ) -> dict[str, Any]:
        """Attributes out of one table.  Raises ScenarioError for keys and values that do not fit."""
        if not isinstance(table, dict):
            raise self.error(path, "has to be a table")
        found = {}
        for key, value in table.items():
            if key not in known:
                raise self.error((*path, key), f"not known; known here are {', '.join(sorted(known))}")
            attribute, read = known[key]
            try:
                found[attribute] = read(value)
            except ValueError as problem:
                raise self.error((*path, key), f"{value!r} is not {problem}") from problem
        return found

    def kind(self, table: object, path: tuple[str | int, ...], key: str, allowed: tuple[str, ...]) -> str:
        """Word that says what a table of an array is."""
        if not isinstance(table, dict) or key not in table:
            raise self.error(path, f"needs the key {key}: one of {', '.join(allowed)}")
        if table[key] not in allowed:
            raise self.error((*path, key), f"{table[key]!r} is not one of {', '.join(allowed)}")
        return str(table[key])

    def rows(self, name: str) -> list[Any]:
        """The tables of an array of tables."""
        rows = self.data.get(name, [])
        if not isinstance(rows, list):
            raise self.error((name,), f"write [[{name}]]")
        return rows


def _key_lines(content: str) -> Iterator[tuple[tuple[str | int, ...], int]]:
    """Path of every key and table with its line; inside values of several lines nothing is looked for."""
    path: tuple[str | int, ...] = ()
    counts: dict[str, int] = {}
    depth = 0
    for number, line in enumerate(content.splitlines(), 1):
        bare = re.sub(r'"[^"]*"|#.*', '""', line)
        if depth == 0 and (header := re.match(r"\s*\[\[\s*([\w.-]+)\s*\]\]", bare)):
            counts[header[1]] = counts.get(header[1], -1) + 1
            path = (header[1], counts[header[1]])
            yield path, number
            continue
        if depth == 0 and (header := re.match(r"\s*\[\s*([\w.-]+)\s*\]", bare)):
            path = (header[1],)
            yield path, number
            continue
        if depth == 0 and (found := re.match(r"\s*([\w-]+)\s*=", bare)):
            yield (*path, found[1]), number
        depth += bare.count("[") + bare.count("{") - bare.count("]") - bare.count("}")


def parse_scenario(content: str, name: str, besides: frozenset[str] = frozenset()) -> Scenario:
    """Read a scenario; ``name`` is the file name for errors and for the scenario.

    ``besides`` are keys at the top that somebody else reads.

    Raises ScenarioError with file, line and key.
    """
    source = ScenarioSource(content, name)
    for key in source.data:
        if key not in SCENARIO_KEYS | besides:
            raise source.error((key,), f"not known; known are {', '.join(sorted(SCENARIO_KEYS | besides))}")
    top = {key: source.data[key] for key in ("title", "duration") if key in source.data}
    plain = source.values(top, (), {"title": ("title", keys.text), "duration": ("duration_s", keys.duration)})
    tables = {
        attribute: spec(**source.values(source.data.get(attribute, {}), (attribute,), known))
        for attribute, (spec, known) in _TABLES.items()
    }
    return Scenario(
        name=re.sub(r".*/|\.toml$", "", name),
        **plain,
        **tables,
        devices=tuple(_devices(source)) or (DeviceSpec(),),
        events=tuple(_events(source)),
        faults=tuple(_faults(source)),
    )


def _devices(source: ScenarioSource) -> Iterator[DeviceSpec]:
    seen: dict[str, set[int]] = {"address": set(), "phase": set()}
    models = set()
    for place, table in enumerate(source.rows("device")):
        spec = DeviceSpec(**source.values(table, ("device", place), _DEVICE))
        for key, values in seen.items():
            value = getattr(spec, key)
            if value in values:
                raise source.error(("device", place, key), f"{value} is taken by another device")
            values.add(value)
        models.add(spec.model)
        if len(models) > 1:
            raise source.error(("device", place, "model"), "all devices share one battery, so they have one model")
        if len(spec.serial) != 11 or not spec.serial.isascii():
            raise source.error(("device", place, "serial"), "a serial number has 11 ASCII characters (mk3.md 7.4)")
        yield spec
    if seen["phase"] and 1 not in seen["phase"]:
        raise source.error(("device",), "one device has to be on phase 1: it is the master")


def _events(source: ScenarioSource) -> Iterator[Event]:
    kinds = {kind.value: kind for kind in EventKind}
    for place, table in enumerate(source.rows("event")):
        path = ("event", place)
        kind = kinds[source.kind(table, path, "what", tuple(kinds))]
        known = {**_ANY_EVENT, **_EVENTS[kind], **({"for": ("for_s", keys.duration)} if kind in _UNDO else {})}
        for needed in ("at", _NEEDED.get(kind, "at")):
            if needed not in table:
                raise source.error(path, f"{kind.value} needs the key {needed}")
        values = {**source.values(table, path, known), "kind": kind}
        for_s = values.pop("for_s", None)
        if kind is EventKind.SET_POINT:
            values["text"] = "stop" if values.get("text") else ""
            if not values["text"] and "value" not in values:
                raise source.error(path, "set-point needs watts, or stop = true")
        yield Event(**values)
        if for_s is not None:
            yield Event(at_s=values["at_s"] + for_s, kind=_UNDO[kind], phase=values.get("phase", 0))


def _faults(source: ScenarioSource) -> Iterator[Fault]:
    kinds = {kind.value: kind for kind in FaultKind}
    for place, table in enumerate(source.rows("fault")):
        path = ("fault", place)
        kind = kinds[source.kind(table, path, "kind", tuple(kinds))]
        values = {**source.values(table, path, _FAULT), "kind": kind}
        if kind in _ONLY_BEHIND_ADAPTER and values.setdefault("side", Side.ADAPTER) is not Side.ADAPTER:
            raise source.error((*path, "side"), f"{kind.value} exists only behind an adapter")
        if kind is FaultKind.WRONG_NUMBER and values.get("side", Side.BUS) is not Side.BUS:
            raise source.error((*path, "side"), "frames have numbers only on the bus")
        if len([key for key in ("nth", "every", "probability") if key in values]) > 1:
            raise source.error(path, "only one of nth, every and probability")
        if values.get("until_s", float("inf")) <= values.get("from_s", 0.0):
            raise source.error((*path, "until"), "has to be later than from")
        yield Fault(**values)
