"""The texts around a run of `vebus emulate-bms`: head, verdict of the gate, report in the end."""

from __future__ import annotations

from collections.abc import Iterator

from vebus_protocol.bms import Profile, ProvenanceClass
from vebus_tools.battery import Bank
from vebus_tools.cli.emulate_setup import Prepared
from vebus_tools.firmware import SystemJudgement, Verdict

__all__ = ["gate_text", "head_rows", "profile_text"]

_CLASSES = {
    ProvenanceClass.SYNTHETIC: "Invented: nobody has published the frame of a real BMS, and no device of Victron"
    " understands this one. It may never go to a real bus.",
    ProvenanceClass.PUBLIC_SOURCE: "From public sources.",
    ProvenanceClass.CAPTURED: "Learned from captures.",
    ProvenanceClass.HYPOTHESIS: "A hypothesis: for decoding only.",
}
_COLUMNS = (
    "time in s; what it is about; for a frame its bytes as on the wire (sender, FE, number, payload, checksum, FF),"
    " then what they say. In brackets: the rule behind it (B- what the manual of the BMS V2 says, U- what it leaves"
    " open, X- an interlock)."
)


def profile_text(profile: Profile) -> str:
    """Name and class of a profile."""
    return f"{profile.id}: {profile.title}"


def gate_text(judgement: SystemJudgement) -> str:
    """The verdict, and why, in one line."""
    worst = max(judgement.units, key=lambda one: one.verdict.rank, default=None)
    if worst is None:
        return f"{judgement.verdict.text}: {judgement.reason}"
    rules = f" [{', '.join(worst.requirements)}]"
    return f"{judgement.verdict.text}. {worst.unit.name}: {worst.reason or worst.unit.told}{rules}"


def head_rows(
    mode: str, prepared: Prepared, judgement: SystemJudgement, consequence: str, *, live: bool
) -> Iterator[tuple[str, str]]:
    """The lines before the first event: name and text; ``live`` is whether commands can be typed."""
    yield "", f"vebus emulate-bms: {mode}"
    yield "Firmware", f"{gate_text(judgement)}{consequence}"
    if judgement.verdict is not Verdict.ACCEPTED and judgement.units:
        yield "", f"{'':<10} Do: {judgement.units[0].advice}"
    yield "Profile", f"{profile_text(prepared.profile)}. {_CLASSES[prepared.profile.provenance.sort]}"
    yield "Battery", _bank_text(prepared.setup.bank, prepared)
    if prepared.title:
        yield "Scenario", prepared.title
    yield "Lines", _COLUMNS
    if live:
        yield "Commands", "type help; or, for example: cell 3 2.75 over 10s, remote off, unplug, status, quit"
    yield "", ""


def _bank_text(bank: Bank, prepared: Prepared) -> str:
    limits = prepared.setup.limits
    strings = f", {bank.parallel} strings" if bank.parallel > 1 else ""
    return (
        f"{bank.system_v} V: {bank.series} x {bank.module.voltage_v} V in series{strings}, {bank.cells} cells;"
        f" pre-alarm at {limits.pre_alarm.limit:g} V [B-19]; assumed: low cell {limits.low_cell.limit:g} V,"
        f" overvoltage {limits.overvoltage.limit:g} V, cold {limits.cold.limit:g}, hot {limits.hot.limit:g} degC"
    )
