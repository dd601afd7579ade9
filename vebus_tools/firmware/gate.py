"""The gate: may a VE.Bus BMS V2 be connected to these units?  Pure functions; what is not known is never accepted.

Requirements B-97 and B-134 to B-142; the numbers and their sources stand in `rules.toml`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from vebus_protocol.errors import VEBusError
from vebus_protocol.version import PROCESSORS, VEBusVersion, VersionError, parse_version
from vebus_tools.firmware.rules import Assistant, Rule, Verdict, rules, thresholds

__all__ = [
    "FirmwareError",
    "HostJudgement",
    "Note",
    "SystemJudgement",
    "Unit",
    "UnitJudgement",
    "judge",
    "judge_system",
    "judge_venus_os",
    "processor_of_label",
    "unit_of_text",
    "unit_of_version",
]

_FIRST_INVERTER = min(PROCESSORS)


class FirmwareError(VEBusError):
    """A processor label or a host version that cannot be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One inverter(/charger) as far as it is known.

    ``firmware`` is 0..999, ``processor`` the first two digits of its version number, ``label`` those of the label on
    the microprocessor; None is not known.  ``told`` says where the numbers come from, or why there are none.
    """

    name: str
    told: str
    firmware: int | None = None
    processor: int | None = None
    label: int | None = None
    assistant: Assistant = Assistant.UNKNOWN

    @property
    def processors(self) -> frozenset[int]:
        """Every processor type that anything says of this unit: more than one is a contradiction."""
        return frozenset(one for one in (self.processor, self.label) if one is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Something to know beside a verdict, with its source."""

    text: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitJudgement:
    """Verdict about one unit: which rule decided, why, what to do, and where that is published."""

    unit: Unit
    verdict: Verdict
    rule: str
    reason: str
    advice: str
    requirements: tuple[str, ...]
    source: str
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HostJudgement:
    """Whether a GX device can be used for what the BMS V2 asks of it (B-97)."""

    version: str
    compatible: bool
    note: Note


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemJudgement:
    """Verdict about a system: that of its worst unit (B-141); ``reason`` is set where no unit tells it."""

    verdict: Verdict
    units: tuple[UnitJudgement, ...]
    host: HostJudgement | None = None
    reason: str = ""


def processor_of_label(text: str) -> int:
    """Processor type from a label such as ``2650123``, ``26XXXXX`` or ``26``.  Raises FirmwareError."""
    found = re.fullmatch(r"([0-9]{2})(?:[0-9xX]{5})?", text.strip(), re.ASCII)
    if not found:
        raise FirmwareError(f"{text!r} is no processor label; write its seven digits, or the first two, such as 26")
    return int(found[1])


def unit_of_text(text: str, assistant: Assistant = Assistant.UNKNOWN, label: int | None = None) -> Unit:
    """A unit by its version as people write it; what cannot be read becomes a unit that is not known."""
    try:
        reading = parse_version(text)
    except VersionError as problem:
        return Unit(name=text, told=str(problem), label=label, assistant=assistant)
    return Unit(
        name=text,
        told=reading.assumed,
        firmware=reading.firmware,
        processor=reading.version.processor if reading.version else None,
        label=label,
        assistant=assistant,
    )


def unit_of_version(
    name: str, number: int, told: str, assistant: Assistant = Assistant.UNKNOWN, label: int | None = None
) -> Unit:
    """A unit by the u32 that it sent; a number that is no version becomes a unit that is not known."""
    try:
        version = VEBusVersion.from_number(number)
    except VersionError as problem:
        return Unit(name=name, told=str(problem), label=label, assistant=assistant)
    return Unit(
        name=name,
        told=f"{told}: {version}",
        firmware=version.firmware,
        processor=version.processor,
        label=label,
        assistant=assistant,
    )


def judge(unit: Unit) -> UnitJudgement:
    """Verdict about one unit (B-134 to B-140, B-142)."""
    if unit.processors and min(unit.processors) < _FIRST_INVERTER:
        reason = f"{min(unit.processors)} is no processor type of an inverter(/charger): the version of another device"
        return _not_verified(unit, reason, "give the version of the inverter(/charger)")
    rule = next((one for one in rules() if one.fits(unit.firmware, unit.processors, unit.assistant)), None)
    if rule is None:
        return _not_verified(
            unit, unit.told, "find out the version of the unit, and check it before the BMS is connected"
        )
    doubt = _doubt(unit) if rule.verdict.accepted else None
    if doubt:
        return _not_verified(unit, *doubt)
    return _judged(unit, rule)


def _doubt(unit: Unit) -> tuple[str, str] | None:
    """Why a unit with good firmware is not accepted yet, and what to do."""
    shown = sorted(unit.processors)
    if not shown:
        reason = (
            f"firmware {unit.firmware} would do, but the processor is not known; 19 and 20 do not work with a BMS V2"
        )
        return reason, "give the whole version number, or --processor with the label of the microprocessor"
    if len(shown) > 1:
        return f"the version says processor {unit.processor}, the label {unit.label}", "read both again"
    return None


def _not_verified(unit: Unit, reason: str, advice: str) -> UnitJudgement:
    return UnitJudgement(
        unit=unit,
        verdict=Verdict.NOT_VERIFIED,
        rule="not-verified",
        reason=reason,
        advice=advice,
        requirements=("B-142",),
        source=rules()[0].source,
    )


def _judged(unit: Unit, rule: Rule) -> UnitJudgement:
    return UnitJudgement(
        unit=unit,
        verdict=rule.verdict,
        rule=rule.id,
        reason=rule.reason,
        advice=rule.advice,
        requirements=rule.requirements,
        source=rule.source,
        notes=tuple(_notes(unit)),
    )


def _notes(unit: Unit) -> Iterable[Note]:
    if unit.firmware is not None:
        for one in thresholds("firmware"):
            if text := one.says(unit.firmware):
                yield Note(text=f"from {one.first} on: {text}", source=one.source)
    if unit.label is None and unit.processor is not None:
        text = f"processor {unit.processor} is taken from the version number; that the label begins with it is inferred"
        yield Note(text=text, source="bms-wire.md 6; read the label to be sure, and give it with --processor")
    strange = unit.processors - PROCESSORS
    if strange:
        text = f"processor type {min(strange)} is in no published list; only 19 and 20 are known not to work"
        yield Note(text=text, source=rules()[0].source)


def judge_venus_os(text: str) -> HostJudgement:
    """Whether this Venus OS version will do (B-97); a beta such as 2.80~10 comes before its release.

    Raises FirmwareError for what is no version.
    """
    found = re.fullmatch(r"[vV]?([0-9]+)\.([0-9]{2})(~[0-9]+)?", text.strip(), re.ASCII)
    if not found:
        raise FirmwareError(f"{text!r} is no Venus OS version; write 2.80, v3.14 or 2.80~10")
    number = int(found[1]) * 100 + int(found[2]) - (found[3] is not None)
    (rule,) = thresholds("venus-os")
    note = Note(text=rule.says(number), source=rule.source)
    return HostJudgement(version=text.strip(), compatible=number >= rule.first, note=note)


def judge_system(units: Iterable[Unit], host: HostJudgement | None = None) -> SystemJudgement:
    """Verdict about all units together: the worst one (B-141); a system of which no unit is known is refused."""
    judged = tuple(map(judge, units))
    worst = max((one.verdict for one in judged), key=lambda one: one.rank, default=Verdict.NOT_VERIFIED)
    if worst is Verdict.ACCEPTED and host is not None and not host.compatible:
        worst = Verdict.ACCEPTED_WITH_NOTE
    return SystemJudgement(verdict=worst, units=judged, host=host, reason="" if judged else "no unit is known (B-142)")
