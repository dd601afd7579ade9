"""Runs of `vebus emulate-bms` in memory; golden texts are written by ``python -m tests.rehearsals``."""

import contextlib
import io
from functools import cache
from pathlib import Path
from typing import Any

from vebus_protocol.bms import LAB, Permissions, Profile, built_in, decode
from vebus_protocol.errors import VEBusError
from vebus_protocol.frame import decode_frame
from vebus_tools.cli.emulating import Request, run
from vebus_tools.rehearsal import Rehearsal, Setup, script_names
from vebus_tools.simulator import Scenario, TimedBytes

__all__ = ["GOLDEN", "RUNS", "emulate", "frames_of", "permissions_of", "rehearsal", "scenario_text"]

GOLDEN = Path(__file__).parent / "goldens"
PROFILE: Profile = built_in(LAB)
RUNS: dict[str, dict[str, Any]] = {
    "emulate-dry-run": {"virtual": True},
    **{f"emulate-{name}": {"virtual": True, "simulate": True, "scenario": name} for name in script_names()},
}
"""Name of a golden text -> the options that make it."""


def emulate(**options: Any) -> tuple[int, str, str]:  # noqa: ANN401  (the options of the command)
    """One call of the command: exit code, standard output, standard error."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = run(Request(**options))
        except VEBusError as problem:
            err.write(f"vebus: {problem}\n")
            code = getattr(problem, "exit_code", 1)
    return code, out.getvalue(), err.getvalue()


@cache
def scenario_text(name: str) -> str:
    """What the run of a golden text prints."""
    code, text, complaints = emulate(**RUNS[name])
    assert (code, complaints) == (0, ""), complaints
    return text


def rehearsal(*, simulated: bool = True, scenario: Scenario | None = None, **options: Any) -> Rehearsal:  # noqa: ANN401
    """A rehearsal with the laboratory profile."""
    installation = (scenario or Scenario()) if simulated else None
    setup = options.pop("setup", Setup())
    return Rehearsal(setup, options.pop("profile", PROFILE), scenario=installation, **options)


def frames_of(found: Rehearsal, until_s: float) -> list[TimedBytes]:
    """Let time pass; returns what the BMS said."""
    return [sent for sent in found.run(until_s) if sent.sender == "bms"]


def permissions_of(wire: bytes) -> Permissions | None:
    """What a frame of the BMS allows; None for a version reply."""
    read = decode(PROFILE, decode_frame(wire))
    assert read is not None
    return read.permissions


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for title in RUNS:
        (GOLDEN / f"{title}.txt").write_text(scenario_text(title), encoding="utf-8")
