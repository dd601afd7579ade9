"""What `vebus emulate-bms` does: read the options, ask the firmware gate, then rehearse or transmit."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from vebus_protocol.bms import Medium, Profile
from vebus_tools.cli.emulate_setup import Prepared, prepare, scenario_lines, setting_lines
from vebus_tools.cli.failures import UsageError
from vebus_tools.firmware import (
    Assistant,
    FirmwareError,
    SystemJudgement,
    Unit,
    judge_system,
    processor_of_label,
    unit_of_text,
    unit_of_version,
)
from vebus_tools.simulator.reacting import assistant_of

__all__ = ["Request", "run"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One call of `vebus emulate-bms`; the names are those of the options."""

    interface: str | None = None
    dry_run: bool = False
    simulate: bool = False
    transmit: bool = False
    bench: bool = False
    profile: str = "lab-sim-1"
    scenario: str | None = None
    config: str | None = None
    settings: tuple[str, ...] = ()
    cells: str | None = None
    seed: int = 0
    faults: tuple[str, ...] = ()
    max_duration: str | None = None
    virtual: bool = False
    pty: bool = False
    link_name: str | None = None
    tcp: str | None = None
    units: tuple[str, ...] = ()
    assistant: str = Assistant.UNKNOWN.value
    processor: str | None = None
    write: str | None = None
    file_type: str | None = None
    print_all: bool = False
    quiet: bool = False
    output: str = "text"
    panel: bool | None = None
    color: bool | None = None

    @property
    def label(self) -> int | None:
        """Processor type that the label says.  Raises UsageError."""
        try:
            return processor_of_label(self.processor) if self.processor is not None else None
        except FirmwareError as problem:
            raise UsageError(f"--processor: {problem}") from problem


def run(request: Request) -> int:
    """Do what was asked for; returns the exit code.  Raises VEBusError."""
    if request.scenario == "list":
        return _listed(scenario_lines())
    if "help" in request.settings:
        return _listed(setting_lines())
    _check(request)
    prepared = prepare(request)
    if request.transmit:
        from vebus_tools.cli.emulate_port import transmit

        return transmit(request, prepared)
    _check_media(request, prepared.profile)
    judgement = _judgement(request, prepared)
    from vebus_tools.cli.emulate_rehearsal import rehearse

    return rehearse(request, prepared, judgement)


def _listed(lines: object) -> int:
    sys.stdout.writelines(f"{line}\n" for line in lines)  # type: ignore[attr-defined]
    return 0


def _check(request: Request) -> None:
    chosen = [f"--{name}" for name in ("dry-run", "simulate", "transmit") if getattr(request, name.replace("-", "_"))]
    if len(chosen) > 1:
        raise UsageError(f"{' and '.join(chosen)}: only one of them")
    if request.bench and not request.transmit:
        raise UsageError("--bench goes with --transmit only")
    if request.interface is not None and not request.transmit:
        raise UsageError(
            f"-i {request.interface}: a port is opened with --transmit only; --simulate has --pty and --tcp"
        )
    if (request.pty or request.tcp) and not request.simulate:
        raise UsageError("--pty and --tcp go with --simulate: they offer the simulated bus")
    if request.virtual and (request.pty or request.tcp or request.transmit):
        raise UsageError("--virtual is for rehearsals in memory: nobody can keep up with it on a pty, TCP or port")
    if request.virtual and request.panel:
        raise UsageError("--virtual is over before a panel could be read; leave one of both away")


def _check_media(request: Request, profile: Profile) -> None:
    """A profile goes only where file and class allow it (bms-wire.md 8.1)."""
    wanted = [(Medium.PTY, request.pty), (Medium.TCP_LOOPBACK, bool(request.tcp)), (Medium.MEMORY, True)]
    for medium, used in wanted:
        if used and not profile.may_reach(medium):
            kind = profile.provenance.sort.value
            raise UsageError(f"--profile {profile.id} (class {kind}) may not be sent over {medium.value}")


def _judgement(request: Request, prepared: Prepared) -> SystemJudgement:
    """What the gate says: about the simulated units, or about those that the options name."""
    label, claimed = request.label, Assistant(request.assistant)
    units = [unit_of_text(text, claimed, label) for text in request.units]
    if prepared.installation is not None and not units:
        units = [
            unit_of_version(f"simulated {spec.model}", spec.version, "simulated unit", assistant_of(spec), label)
            for spec in prepared.installation.devices
        ]
    if not units:
        units = [Unit(name="no unit", told="no version was given (--unit 2629492)", label=label)]
    return judge_system(units)
