"""`vebus decode` and tshark as programs: the same capture in the form that each of them reads, and their times."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.checkout import PACKAGES

if TYPE_CHECKING:
    import resource

__all__ = ["Pair", "Program", "Unavailable", "machine", "pairs_with_tshark"]

_DECODE = (sys.executable, "-m", "vebus_tools.cli", "decode")
_BYTE_CODE = Path(tempfile.gettempdir()) / "vebus-benchmark-bytecode"  # an installed program has its byte code
_ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"},
    "PYTHONPATH": os.pathsep.join(str(path.parent) for path in PACKAGES.values()),
    "PYTHONPYCACHEPREFIX": str(_BYTE_CODE),
}
_FIELDS = ("-T", "fields", "-e", "vebus.seq", "-e", "vebus.acphase.period", "-e", "vebus.sync.time")


class Unavailable(Exception):  # noqa: N818  (it is a reason, and is printed as one)
    """A peer that is not on this computer."""


@dataclass(frozen=True, slots=True)
class Program:
    """A command without its capture, and the long and the short capture."""

    command: Sequence[str]
    long: Path
    short: Path

    def cpu_s(self, *, long: bool) -> float:
        """User and system time of one run that throws its output away."""
        usage = self._usage(long=long)
        return usage.ru_utime + usage.ru_stime

    def peak_mb(self) -> float:
        """Largest resident size of one run over the long capture, in MB."""
        return self._usage(long=True).ru_maxrss / 1000  # kB on Linux

    def _usage(self, *, long: bool) -> resource.struct_rusage:
        with subprocess.Popen(
            [*self.command, str(self.long if long else self.short)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=_ENVIRONMENT,
        ) as child:
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            raise Unavailable(f"{self.command[0]} ends with exit code {child.returncode}")
        return usage

    def first_line_s(self) -> float:
        """Wall time from the start of the program to its first line."""
        before = time.perf_counter()
        with subprocess.Popen(
            [*self.command, str(self.short)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=_ENVIRONMENT
        ) as child:
            if child.stdout is None or not child.stdout.readline():
                raise Unavailable(f"{self.command[0]} prints nothing")
            passed = time.perf_counter() - before
            child.stdout.read()
        return passed

    def output(self) -> str:
        """What it prints of the short capture."""
        command = [*self.command, str(self.short)]
        return subprocess.run(command, capture_output=True, text=True, check=True, env=_ENVIRONMENT).stdout


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A row of the table with a program on both sides."""

    work: str
    against: str
    least: float
    aim: float
    own: Program
    other: Program


def pairs_with_tshark(folder: Path, long: bytes, tshark_long: bytes, short: bytes) -> Iterator[Pair]:
    """Everything that tshark does too, which may get another long capture of the same bus.

    Raises Unavailable where it is missing.
    """
    tshark = shutil.which("tshark")
    if tshark is None:
        raise Unavailable("tshark is not installed")
    from vebus_tools.wireshark import lua_text

    script = folder / "vebus.lua"
    script.write_text(lua_text("benchmark"), encoding="utf-8")
    own = _written(folder, "long", long), _written(folder, "short", short)
    theirs = _converted(_written(folder, "tshark", tshark_long)), _converted(own[1])

    def pair(work: str, least: float, aim: float, *options: str) -> Pair:
        return Pair(
            work=work,
            against=f"tshark {' '.join(options)}".strip(),
            least=least,
            aim=aim,
            own=Program((*_DECODE, *options, "-r"), *own),
            other=Program((tshark, "-X", f"lua_script:{script}", "-n", *options, "-r"), *theirs),
        )

    _check(pair("", 0, 0, *_FIELDS))
    yield pair("summary text of a large capture", 40, 250)
    yield pair("-T ek with every field", 30, 200, "-T", "ek")
    yield pair("-V", 6, 50, "-V")


def _written(folder: Path, name: str, data: bytes) -> Path:
    path = folder / f"{name}.bin"
    path.write_bytes(data)
    return path


def _converted(path: Path) -> Path:
    target = path.with_suffix(".pcapng")
    subprocess.run([*_DECODE, str(path), "-w", str(target)], check=True, env=_ENVIRONMENT, capture_output=True)
    return target


def _check(pair: Pair) -> None:
    """Both programs print the same values, hex or decimal."""
    own, other = ([_numbers(line) for line in side.output().splitlines()] for side in (pair.own, pair.other))
    if own != other:
        first = next((one for one in zip(own, other, strict=False) if one[0] != one[1]), (len(own), len(other)))
        raise AssertionError(f"not the same values: {first[0]} and {first[1]}")


def _numbers(line: str) -> list[int | None]:
    return [int(cell, 0) if cell else None for cell in line.split("\t")]


def machine() -> str:
    """What the figures were measured on."""
    facts = Path("/proc/cpuinfo").read_text(encoding="ascii").splitlines()
    cpu = next((line.partition(":")[2].strip() for line in facts if "model name" in line), platform.processor())
    system = f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    return f"{cpu}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {system}"
