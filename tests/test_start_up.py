"""What may be loaded before there is work to do: a slow import on the way to `--help` is felt at every start.

The load is read from `python -X importtime`. No test here measures time, so none depends on the machine.
"""

import io
import subprocess
import sys
from pathlib import Path

import pytest

from vebus_tools.cli.decoding import Printer

SAMPLE = Path(__file__).parents[1] / "vebus_tools" / "samples" / "synthetic-10s.bin"
SLOW = frozenset(
    {
        "asyncio",
        "construct",
        "duckdb",
        "importlib.metadata",
        "numpy",
        "pyarrow",
        "pydantic",
        "rich",
        "scapy",
        "serial",
    }
)


def _loaded(code: str, *arguments: str, environment: dict[str, str]) -> frozenset[str]:
    """Every module that a fresh Python loads while it runs `code` to a good end."""
    command = [sys.executable, "-X", "importtime", "-c", code, *arguments]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    rows = (line.split("|") for line in run.stderr.splitlines() if line.startswith("import time:"))
    return frozenset(row[-1].strip() for row in rows)


def _among(loaded: frozenset[str], unwanted: frozenset[str]) -> set[str]:
    """The unwanted modules that were loaded, themselves or a part of them."""
    return {name for name in loaded for slow in unwanted if name == slow or name.startswith(f"{slow}.")}


@pytest.mark.parametrize("arguments", [["--help"], ["decode", "--help"]], ids=" ".join)
def test_help_loads_nothing_slow(arguments: list[str], checkout_environment: dict[str, str]) -> None:
    code = "import sys; sys.argv[0] = 'vebus'; from vebus_tools.cli import main; sys.exit(main())"
    loaded = _loaded(code, *arguments, environment=checkout_environment)
    assert "vebus_tools.cli" in loaded
    assert _among(loaded, SLOW) == set()


@pytest.mark.parametrize(
    "arguments",
    [
        ["--extcap-version=4.0", "--extcap-interface", "vebus-rs485-ttyUSB0", "--extcap-dlts"],
        ["--extcap-interface", "vebus-sim", "--extcap-config"],
        ["--extcap-interfaces"],
    ],
    ids=lambda arguments: arguments[-1],
)
def test_answers_to_wireshark_load_nothing_slow(arguments: list[str], checkout_environment: dict[str, str]) -> None:
    code = "import sys; sys.argv[0] = 'vebus'; from vebus_tools.cli import main; sys.exit(main())"
    loaded = _loaded(code, "extcap", *arguments, environment=checkout_environment)
    assert "vebus_tools.extcap.sentences" in loaded
    ports = {"serial"} if "--extcap-interfaces" in arguments else set()  # who lists ports has to ask for them
    assert _among(loaded, SLOW - ports) == set()


def test_printing_a_capture_loads_nothing_slow(checkout_environment: dict[str, str]) -> None:
    code = "import sys; sys.argv[0] = 'vebus'; from vebus_tools.cli import main; sys.exit(main())"
    loaded = _loaded(code, "decode", str(SAMPLE), environment=checkout_environment)
    assert {"vebus_tools.cli.decoding", "vebus_tools.generated.source"} <= loaded
    assert _among(loaded, SLOW | {"importlib.resources", "zipfile"}) == set()


class Pipe(io.StringIO):
    """What was handed over when the stream was last flushed."""

    handed = ""

    def flush(self) -> None:
        self.handed = self.getvalue()


class Lines:
    """A form of one line for each record."""

    def record(self, *_: object) -> str:
        return "line\n"


def test_the_first_line_is_handed_over_at_once() -> None:
    out = Pipe()
    printer = Printer(Lines(), out, flush=False)  # type: ignore[arg-type]  # it prints nothing else
    for _ in range(3):
        printer.record(None, None)  # type: ignore[arg-type]  # these lines say nothing of a record
        assert out.handed == "line\n"


@pytest.mark.parametrize("package", ["vebus_protocol", "vebus_tools"])
def test_public_names_load_nothing_of_the_outer_edges(package: str, checkout_environment: dict[str, str]) -> None:
    loaded = _loaded(f"from {package} import *", environment=checkout_environment)
    assert package in loaded
    assert _among(loaded, SLOW | {"typer"}) == set()


def test_a_slow_import_would_be_seen(checkout_environment: dict[str, str]) -> None:
    loaded = _loaded("import asyncio, importlib.metadata, json", environment=checkout_environment)
    assert {"asyncio", "asyncio.events", "importlib.metadata"} <= _among(loaded, SLOW)
    assert not _among(loaded, frozenset({"jso", "asyncio.event"}))
