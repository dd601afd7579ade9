"""`vebus extcap`: the questions that Wireshark asks at each start, in the words of extcap(4), and what is loaded."""

import re
from pathlib import Path
from urllib.parse import urlparse

import pytest
from typer.core import TyperCommand
from typer.main import get_command
from typer.testing import CliRunner, Result

from vebus_protocol.schema import Link
from vebus_tools.capture.linktypes import LINK_TYPES
from vebus_tools.cli import app
from vebus_tools.extcap import sentences
from vebus_tools.extcap.interfaces import (
    SIMULATED,
    Interface,
    InterfaceError,
    LineKind,
    Source,
    interface_named,
    interfaces,
)
from vebus_tools.simulator import DEFAULT_SCENARIO, load_scenario, scenario_names

_SENTENCE = re.compile(r"(extcap|interface|control|dlt|arg|value) ((?:\{[a-z]+=[^{}]+\})+)")
_FACT = re.compile(r"\{([a-z]+)=([^{}]+)\}")
_PORTS = {"/dev/ttyUSB0": "FTDI FT232R", "/dev/ttyACM1": ""}


def _vebus(*words: str) -> Result:
    return CliRunner().invoke(app, ["extcap", *words])


def _read(lines: list[str]) -> list[tuple[str, dict[str, str]]]:
    """Sentences as Wireshark takes them apart."""
    found = []
    for line in lines:
        sentence = _SENTENCE.fullmatch(line)
        assert sentence is not None, line
        found.append((sentence[1], dict(_FACT.findall(sentence[2]))))
    return found


def _asked(*words: str) -> list[tuple[str, dict[str, str]]]:
    result = _vebus(*words)
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    return _read(result.stdout.splitlines())


def _facts(found: list[tuple[str, dict[str, str]]], word: str) -> list[dict[str, str]]:
    return [facts for one, facts in found if one == word]


# --- interfaces ------------------------------------------------------------------------------------------------------
def test_each_port_is_there_as_bus_and_as_adapter() -> None:
    names = [one.value for one in interfaces(_PORTS)]
    assert names == [
        "vebus-sim",
        *("vebus-rs485-ttyUSB0", "vebus-mk3-ttyUSB0", "vebus-rs485-ttyACM1", "vebus-mk3-ttyACM1"),
        *("vebus-rs485", "vebus-mk3"),
    ]
    assert "FTDI FT232R, ttyUSB0" in [one.display for one in interfaces(_PORTS)][1]


@pytest.mark.parametrize("offered", list(interfaces({**_PORTS, "/other/place": ""})), ids=lambda one: one.value)
def test_an_interface_is_found_again_by_its_name(offered: Interface) -> None:
    found = interface_named(offered.value)
    assert (found.kind, found.source, found.port) == (offered.kind, offered.source, offered.port)


@pytest.mark.parametrize("name", ["", "eth0", "vebus", "vebus-", "vebus-can0-x", "vebus-rs485-"])
def test_other_names_are_no_interfaces(name: str) -> None:
    with pytest.raises(InterfaceError, match="no such interface"):
        interface_named(name)


def test_link_types_are_those_of_our_captures() -> None:
    assert {Link(kind.value): kind.link_type[0] for kind in LineKind} == LINK_TYPES
    assert {kind.link_type for kind in LineKind} == {(147, "USER0"), (148, "USER1")}


# --- sentences -------------------------------------------------------------------------------------------------------
def test_the_introduction_names_interfaces_and_toolbar() -> None:
    found = _read(list(sentences.introduction("1.2.3", interfaces(_PORTS))))
    assert found[0][0] == "extcap"
    assert found[0][1]["version"] == "1.2.3"
    assert Path(urlparse(found[0][1]["help"]).path).read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert [facts["value"] for facts in _facts(found, "interface")] == [one.value for one in interfaces(_PORTS)]
    controls = _facts(found, "control")
    assert [int(facts["number"]) for facts in controls] == list(sentences.Control)
    assert [facts.get("role") for facts in controls] == [None, None, None, "logger", "help"]
    assert {facts["type"] for facts in controls} == {"string", "button"}


def test_names_of_adapters_cannot_break_a_sentence() -> None:
    found = _read(
        list(sentences.introduction("1", interfaces({"/dev/ttyUSB0": "odd {name=x}\ninterface {value=evil}"})))
    )
    assert "odd (name=x) interface (value=evil), ttyUSB0" in found[2][1]["display"]
    assert len(_facts(found, "interface")) == 5


@pytest.mark.parametrize("one", list(interfaces(_PORTS)), ids=lambda one: one.value)
def test_settings_are_options_of_ours_with_the_same_defaults(one: Interface) -> None:
    found = _read(list(sentences.config(one)))
    options = {name: option for option in _command().params for name in option.opts}
    for number, facts in enumerate(_facts(found, "arg")):
        assert int(facts["number"]) == number
        assert facts["call"] in options
        values = [value for value in _facts(found, "value") if int(value["arg"]) == number]
        assert (facts["type"] == "selector") == bool(values)
        assert [value["default"] for value in values].count("true") == bool(values)
        default = options[facts["call"]].default
        if default is not None:
            assert facts["default"] == (f"{default:g}" if isinstance(default, float) else str(default))
        assert facts["group"]
        assert facts["tooltip"]
    assert any("required" in facts for facts in _facts(found, "arg")) == (one.source is Source.ADDRESS)


def _command() -> TyperCommand:
    command = get_command(app).get_command(None, "extcap")  # type: ignore[attr-defined]
    assert isinstance(command, TyperCommand)
    return command


def test_scenarios_are_those_of_the_simulator() -> None:
    assert sentences.ready_scenarios() == {name: load_scenario(name).title for name in scenario_names()}
    assert sentences.DEFAULT_SCENARIO == DEFAULT_SCENARIO


# --- the command -----------------------------------------------------------------------------------------------------
def test_answers_of_the_command() -> None:
    listed = _asked("--extcap-interfaces", "--extcap-version=4.0")
    assert SIMULATED.value in [facts["value"] for facts in _facts(listed, "interface")]
    assert _asked("--extcap-interface", "vebus-mk3-ttyS9", "--extcap-dlts") == [
        ("dlt", {"number": "148", "name": "USER1", "display": "MK2/MK3 adapter"})
    ]
    settings = _asked("--extcap-interface=vebus-sim", "--extcap-config")
    assert [facts["call"] for facts in _facts(settings, "arg")] == ["--scenario", "--seed", "--speed"]
    reloaded = _asked("--extcap-interface", "vebus-sim", "--extcap-reload-option", "scenario")
    assert reloaded == [one for one in settings if one[0] == "value"]
    assert _asked("--extcap-interface", "vebus-sim", "--extcap-reload-option", "seed") == []
    assert _asked("--extcap-version", "4.0") == []


def test_a_capture_filter_is_checked_by_silence_or_one_line() -> None:
    good = _vebus("--extcap-interface", "vebus-sim", "--extcap-capture-filter", "vebus.dc.voltage > 48")
    assert (good.exit_code, good.stdout) == (0, "")
    bad = _vebus("--extcap-interface", "vebus-sim", "--extcap-capture-filter", "vebus.dx")
    assert bad.exit_code == 0  # Wireshark reads the text only where this is 0
    assert bad.stdout.count("\n") == 1
    assert 'no field or protocol "vebus.dx"' in bad.stdout


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ((), "vebus wireshark install"),
        (("--extcap-dlts",), "--extcap-interface NAME is missing"),
        (("--extcap-config", "--extcap-interface", "eth0"), "eth0: no such interface"),
        (("--capture", "--extcap-interface", "vebus-sim"), "needs --fifo"),
        (("--capture", "--extcap-interface", "vebus-mk3", "--fifo", "x"), "needs --address"),
        (("--capture", "--fifo", "x"), "--extcap-interface NAME is missing"),
        (("--capture", "--extcap-interface", "vebus-sim", "--fifo", "x", "--speed", "0"), "--speed"),
    ],
)
def test_wrong_use_is_told(words: tuple[str, ...], text: str) -> None:
    result = _vebus(*words)
    assert result.exit_code == 2
    assert text in result.stderr
    assert "Traceback" not in result.stderr
