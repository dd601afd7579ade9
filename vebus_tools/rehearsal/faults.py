"""Faults of the emulated BMS on its line, as `--fault` writes them: damaged, late, in pieces, silent.

checksum@2%      silence@10s..20s      delay:5ms      split      each also with @..., such as delay:5ms@10s..20s
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from random import Random

from vebus_protocol.errors import VEBusError
from vebus_protocol.frame import checksum_bytes, dissect_frame
from vebus_tools.simulator.scenario_keys import duration

__all__ = ["BmsFault", "FaultError", "Faults", "Piece", "read_fault"]

_GAP_S = 0.0003  # between the pieces of a split frame: eight bytes of silence
_PERCENT = 100.0
_KINDS = ("checksum", "silence", "delay", "split")


class FaultError(VEBusError):
    """A fault that cannot be read; the text says how one is written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BmsFault:
    """One fault: its kind, when it may strike (s), with what probability, and by how much it delays (s)."""

    kind: str
    probability: float = 1.0
    from_s: float = 0.0
    until_s: float = float("inf")
    delay_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Bytes that go on the line ``after_s`` later than planned."""

    after_s: float
    data: bytes


def read_fault(text: str) -> BmsFault:
    """A fault of `--fault`.  Raises FaultError."""
    head, _, when = text.partition("@")
    kind, _, amount = head.partition(":")
    if kind not in _KINDS or (bool(amount) is not (kind == "delay")):
        raise FaultError(f"--fault {text}: write checksum, silence, split or delay:5ms, and @2% or @10s..20s behind it")
    try:
        delay_s = duration(amount) if amount else 0.0
        probability, from_s, until_s = _when(when) if when else (1.0, 0.0, float("inf"))
    except ValueError as problem:
        raise FaultError(f"--fault {text}: {problem}") from problem
    return BmsFault(kind=kind, probability=probability, from_s=from_s, until_s=until_s, delay_s=delay_s)


def _when(text: str) -> tuple[float, float, float]:
    if found := re.fullmatch(r"(\d+(?:\.\d+)?)%", text):
        share = float(found[1]) / _PERCENT
        if share > 1.0:
            raise ValueError("a share is 0% to 100%")
        return share, 0.0, float("inf")
    start, dots, end = text.partition("..")
    if not dots:
        raise ValueError("behind @ stands a share such as 2%, or a time such as 10s..20s")
    from_s, until_s = duration(start), duration(end) if end else float("inf")
    if until_s <= from_s:
        raise ValueError("the end has to be later than the start")
    return 1.0, from_s, until_s


class Faults:
    """Applies faults to frames; the same seed gives the same faults."""

    def __init__(self, faults: Iterable[BmsFault], seed: int = 0) -> None:
        """``faults`` are looked at in order."""
        self._faults = tuple(faults)
        self._random = Random(f"{seed}/bms faults")  # noqa: S311  (a simulation, nothing secret)

    def apply(self, wire: bytes, at_s: float) -> tuple[list[Piece], list[str]]:
        """What goes on the line instead of a frame at a time in s, and the names of the faults that struck."""
        struck = [one for one in self._faults if self._strikes(one, at_s)]
        names = [one.kind for one in struck]
        if "silence" in names:
            return [], ["silence"]
        if "checksum" in names:
            wire = _damaged(wire)
        late = sum(one.delay_s for one in struck)
        if "split" not in names:
            return [Piece(after_s=late, data=wire)], names
        cut = len(wire) // 2
        return [Piece(after_s=late, data=wire[:cut]), Piece(after_s=late + _GAP_S, data=wire[cut:])], names

    def _strikes(self, fault: BmsFault, at_s: float) -> bool:
        if not fault.from_s <= at_s < fault.until_s:
            return False
        return fault.probability >= 1.0 or self._random.random() < fault.probability


def _damaged(wire: bytes) -> bytes:
    """The same with a checksum that is wrong by one."""
    frame = dissect_frame(wire)
    return wire[: -1 - len(checksum_bytes(frame.checksum))] + checksum_bytes((frame.checksum - 1) & 0xFF) + wire[-1:]
