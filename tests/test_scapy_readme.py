"""The examples of the README's section on Scapy, run as they stand there."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.checkout import ROOT


def _examples() -> list[str]:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (section,) = re.findall(r"^## Scapy\n(.*?)^## ", text, re.DOTALL | re.MULTILINE)
    return re.findall(r"^```sh\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)


_EXPECTED = (
    (r"^VEBus Multi > Bus: Reply, Nr=\d+, Tid=0xf0, Read RAM variable OK \(0x85\), RAM\[4\]=5\d\.\d\d V ",),
    (
        r"^0000  98 F7 FE 05 00 E6 37 02 83 64 00 F8 FF",
        r"Checksum 0x12 incorrect, should be 0xf8",
        r"^1 VEBus .*DC info",
    ),
    (r"^VEBus Multi > Bus: Reply, .* RAM\[\d+\]=", r"^[1-9]\d*$"),
    (r"^VEBus Multi > Bus: Sync, Nr=0", r"^MK3 MK3 > Host: Adapter state"),
)


@pytest.fixture
def folder(tmp_path: Path, checkout_environment: dict[str, str]) -> tuple[Path, dict[str, str]]:
    """A folder with the sample, and an environment with `python` and `vebus`."""
    (tmp_path / "vebus_tools").mkdir()
    (tmp_path / "vebus_tools" / "samples").symlink_to(ROOT / "vebus_tools" / "samples")
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, arguments in (("python", ""), ("vebus", "-P -m vebus_tools.cli ")):
        (programs / name).write_text(f'#!/bin/sh\nexec {sys.executable} {arguments}"$@"\n', encoding="utf-8")
        (programs / name).chmod(0o755)
    return tmp_path, {**checkout_environment, "PATH": os.pathsep.join((str(programs), os.environ["PATH"]))}


def test_there_is_something_expected_of_each_example() -> None:
    assert len(_examples()) == len(_EXPECTED)


@pytest.mark.parametrize(("example", "expected"), list(zip(_examples(), _EXPECTED, strict=False)))
def test_example(example: str, expected: tuple[str, ...], folder: tuple[Path, dict[str, str]]) -> None:
    where, environment = folder
    done = subprocess.run(
        ["/bin/sh", "-ec", example], cwd=where, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    for pattern in expected:
        assert re.search(pattern, done.stdout, re.MULTILINE), (pattern, done.stdout)
