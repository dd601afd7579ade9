"""The published rules about firmware, read from `rules.toml`: each has its requirement numbers and its source."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from functools import cache

__all__ = ["Assistant", "Rule", "Threshold", "Verdict", "rules", "thresholds"]


class Assistant(enum.Enum):
    """Which assistant a unit has, of those that the rules ask for; UNKNOWN where nobody has looked."""

    ESS = "ess"
    VE_BUS_BMS = "ve-bus-bms"
    NONE = "none"
    UNKNOWN = "unknown"


class Verdict(enum.Enum):
    """Answer of the gate about a unit or a system, best first."""

    ACCEPTED = "accepted"
    ACCEPTED_WITH_NOTE = "accepted-with-note"
    NOT_VERIFIED = "not-verified"
    ASSISTANT_NEEDED = "assistant-needed"
    ERROR_15 = "error-15"
    WRONG_PROCESSOR = "wrong-processor"

    @property
    def text(self) -> str:
        """The verdict in words."""
        return _TEXTS[self]

    @property
    def exit_code(self) -> int:
        """Exit code of `vebus check-firmware`; 0 for ACCEPTED alone."""
        return _EXIT_CODES[self]

    @property
    def accepted(self) -> bool:
        """Whether a BMS V2 may be connected."""
        return self in (Verdict.ACCEPTED, Verdict.ACCEPTED_WITH_NOTE)

    @property
    def rank(self) -> int:
        """0 for the best; what is known to be refused ranks behind what is merely not verified."""
        return list(Verdict).index(self)


_TEXTS = {
    Verdict.ACCEPTED: "accepted",
    Verdict.ACCEPTED_WITH_NOTE: "accepted with a note",
    Verdict.NOT_VERIFIED: "refused: not verified",
    Verdict.ASSISTANT_NEEDED: "refused: assistant needed",
    Verdict.ERROR_15: "refused: VE.Bus error 15",
    Verdict.WRONG_PROCESSOR: "refused: processor 19/20, use V1",
}
_EXIT_CODES = {
    Verdict.ACCEPTED: 0,
    Verdict.ACCEPTED_WITH_NOTE: 10,
    Verdict.ASSISTANT_NEEDED: 11,
    Verdict.ERROR_15: 12,
    Verdict.WRONG_PROCESSOR: 13,
    Verdict.NOT_VERIFIED: 14,
}
_LAST = 999


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule about a unit; ``lowest`` and ``highest`` firmware are included, an empty set means any."""

    id: str
    verdict: Verdict
    reason: str
    advice: str
    requirements: tuple[str, ...]
    source: str
    lowest: int = 0
    highest: int = _LAST
    processors: frozenset[int] = frozenset()
    assistants: frozenset[Assistant] = frozenset()

    def fits(self, firmware: int | None, processors: frozenset[int], assistant: Assistant) -> bool:
        """Whether it decides about a unit; firmware None fits only rules that do not ask for it."""
        if self.processors and not self.processors & processors:
            return False
        if self.assistants and assistant not in self.assistants:
            return False
        if firmware is None:
            return (self.lowest, self.highest) == (0, _LAST)
        return self.lowest <= firmware <= self.highest


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """A published number that changes no verdict: ``about`` is firmware, bms or venus-os."""

    id: str
    about: str
    first: int
    at: str
    before: str
    source: str

    def says(self, number: int) -> str:
        """What is to be said of this number; empty for nothing."""
        return self.at if number >= self.first else self.before


@cache
def _file() -> dict[str, list[dict[str, object]]]:
    import tomllib
    from importlib.resources import files

    return tomllib.loads(files(__package__).joinpath("rules.toml").read_text(encoding="utf-8"))


@cache
def rules() -> tuple[Rule, ...]:
    """Rules about units in the order in which they are tried."""
    return tuple(_rule(**entry) for entry in _file()["rule"])


def _rule(**entry: object) -> Rule:
    facts: dict[str, object] = {key: entry[key] for key in ("id", "reason", "advice", "source")}
    lists: dict[str, list[object]] = {
        key: list(found) if isinstance(found := entry.get(key), list) else []
        for key in ("requirements", "processors", "assistants")
    }
    return Rule(
        **{key: str(value) for key, value in facts.items()},
        verdict=Verdict(entry["verdict"]),
        requirements=tuple(map(str, lists["requirements"])),
        lowest=int(str(entry.get("from", 0))),
        highest=int(str(entry.get("below", _LAST + 1))) - 1,
        processors=frozenset(int(str(one)) for one in lists["processors"]),
        assistants=frozenset(Assistant(one) for one in lists["assistants"]),
    )


@cache
def thresholds(about: str) -> tuple[Threshold, ...]:
    """Published thresholds about one sort of number."""
    return tuple(
        Threshold(
            id=str(entry["id"]),
            about=about,
            first=int(str(entry["from"])),
            at=str(entry["at"]),
            before=str(entry["before"]),
            source=str(entry["source"]),
        )
        for entry in _file()["threshold"]
        if entry["about"] == about
    )
