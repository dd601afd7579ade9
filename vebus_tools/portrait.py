"""What a capture consists of: per kind of message its senders, lengths, values, unexplained bits and period.

A fold over dissections with bounded memory, for comparing one capture with another.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from vebus_tools.kinds import title_of
from vebus_tools.nodes import Dissection, Node
from vebus_tools.records import Record

__all__ = ["MAX_KINDS", "MAX_VALUES", "Bits", "KindPortrait", "Period", "Portrait", "Values"]

MAX_VALUES = 16
"""More different values than this count as a range."""

MAX_KINDS = 2000
"""More kinds than this share one portrait: noise with lucky checksums must not fill the memory."""

_OTHERS = "Other messages"
_UNKNOWN_ABBREV = "vebus.unknown"
_UNKNOWN_MARK = "unknown meaning"
_SELDOM = 3
_COUNTED = frozenset({"vebus.seq", "vebus.tid", "vebus.checksum", "vebus.fb.complement", "mk3.checksum"})
"""Numbers and check sums of frames: they say nothing of the system."""


@dataclass(slots=True)
class Values:
    """Values of one field: all of them while they are few, and the range of numbers."""

    label: str
    unit: str = ""
    texts: dict[object, str] | None = field(default_factory=dict)
    """Value -> text as people read it; None when there were too many, or the field is measured and has a range."""

    least: float = math.inf
    most: float = -math.inf

    def take(self, node: Node) -> None:
        """Add a value."""
        value = node.value
        if isinstance(value, int | float) and not isinstance(value, bool):
            self.least, self.most = min(self.least, value), max(self.most, value)
        if self.texts is None or value in self.texts:
            return
        self.texts[value] = node.text
        if node.unit or isinstance(value, float) or len(self.texts) > MAX_VALUES:
            self.texts = None


@dataclass(slots=True)
class Bits:
    """The bits of one byte that nobody has explained: which were ever 1, and which ever 0."""

    ones: int = 0
    zeros: int = 0

    def take(self, byte: int) -> None:
        """Add a byte."""
        self.ones |= byte
        self.zeros |= byte ^ 0xFF

    @property
    def pattern(self) -> str:
        """Eight characters, highest bit first: 0 and 1 always so, ``*`` both."""
        states = {(True, False): "1", (False, True): "0", (True, True): "*"}
        bits = "".join(states[bool(self.ones >> at & 1), bool(self.zeros >> at & 1)] for at in range(7, -1, -1))
        return f"{bits[:4]} {bits[4:]}"


@dataclass(slots=True)
class Period:
    """Mean and spread of the time between records, in seconds (Welford's sums)."""

    count: int = 0
    mean_s: float = 0.0
    squares: float = 0.0
    last: float | None = None
    estimated: bool = False

    def take(self, record: Record) -> None:
        """Add a record; time that goes back, between files that were joined, is no interval."""
        at, before = record.stamp.at, self.last
        self.last = at
        self.estimated = self.estimated or record.stamp.source.estimated
        if before is None or at < before:
            return
        self.count += 1
        off = at - before - self.mean_s
        self.mean_s += off / self.count
        self.squares += off * (at - before - self.mean_s)

    @property
    def regular(self) -> bool:
        """Whether the intervals are alike: their spread is below half of their mean, and there are some."""
        return self.count >= _SELDOM and math.sqrt(self.squares / self.count) < self.mean_s / 2


@dataclass(slots=True)
class KindPortrait:
    """One kind of message."""

    title: str
    count: int = 0
    senders: set[str] = field(default_factory=set)
    sizes: set[int] = field(default_factory=set)
    values: dict[str, Values] = field(default_factory=dict)
    bits: dict[int, Bits] = field(default_factory=dict)
    """Offset in the unstuffed frame -> bits."""

    period: Period = field(default_factory=Period)

    def take(self, dissection: Dissection) -> None:
        """Add a record of this kind."""
        record = dissection.record
        self.count += 1
        self.senders.add(dissection.source)
        self.period.take(record)
        if record.frame is None:
            return
        self.sizes.add(len(record.unstuffed))
        for node in dissection.walk():
            if node.generated or node.hidden or not node.size or node.abbrev in _COUNTED:
                continue
            if node.abbrev == _UNKNOWN_ABBREV or (node.mark == _UNKNOWN_MARK and not node.bits):
                self._unexplained(node, record.unstuffed)
            elif not node.children or node.name:
                self.values.setdefault(node.abbrev, Values(node.label, node.unit)).take(node)

    def _unexplained(self, node: Node, data: bytes) -> None:
        for at in range(node.start, min(node.start + node.size, len(data))):
            self.bits.setdefault(at, Bits()).take(data[at])


class Portrait:
    """Folds the dissections of one capture; ``kinds`` has what was seen, by link and title."""

    def __init__(self) -> None:
        """Start empty."""
        self.kinds: dict[tuple[str, str], KindPortrait] = {}
        self.findings: dict[str, int] = {}
        """Group of findings (``Checksum``, ``Sequence``...) -> how many."""

        self.records = 0

    def take(self, dissection: Dissection) -> None:
        """Add the next record."""
        self.records += 1
        link = dissection.record.link.value
        title = title_of(dissection.record, dissection)[0]
        if (link, title) not in self.kinds and len(self.kinds) >= MAX_KINDS:
            title = _OTHERS
        self.kinds.setdefault((link, title), KindPortrait(title)).take(dissection)
        for found in dissection.findings:
            group = found.group.value
            self.findings[group] = self.findings.get(group, 0) + 1
