"""Where the cell values of a rehearsal come from: a model, values that somebody sets, or the rows of a file.

A source answers with a sample for a moment; a source that has nothing new keeps its last one, which then gets old.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from vebus_protocol.errors import VEBusError
from vebus_tools.battery import Bank, Cell, Sample

__all__ = ["CellError", "CellLines", "CellModel", "CellRows", "Source", "bank_voltage", "read_rows"]

HIGHEST_CELL_V = 10.0
LOWEST_C, HIGHEST_C = -60.0, 150.0
"""What a value may be at all; beyond it is a slip of the keyboard."""


class CellError(VEBusError):
    """A cell that the bank does not have, a value that no cell can have, or a file of cells that cannot be read."""


class Source(Protocol):
    """Cell values over time."""

    def sample(self, now: float) -> Sample | None:
        """The newest sample at a time in s; None before the first one."""


def bank_voltage(bank: Bank, sample: Sample) -> float:
    """Voltage of the bank in V: the mean of its strings; cells without a value count as 0 V."""
    total = math.fsum(one.voltage_v or 0.0 for one in sample.cells)
    return total / bank.parallel


def _checked(value: float, low: float, high: float, unit: str) -> float:
    if not low <= value <= high:
        raise CellError(f"{value:g} {unit} is no value of a cell; {low:g} to {high:g} {unit} can be given")
    return value


# --- a model ---------------------------------------------------------------------------------------------------------
@dataclass(slots=True, kw_only=True)
class _Track:
    """One value that was set: it moves from ``start`` at ``since_s`` to ``target`` within ``duration_s``."""

    start: float
    target: float
    since_s: float
    duration_s: float

    def at(self, now: float) -> float:
        left = self.since_s + self.duration_s - now
        if left <= 0.0:
            return self.target
        return self.target - (self.target - self.start) * left / self.duration_s


Followed = Callable[[], tuple[float, float]]
"""Voltage of a cell in V and temperature in degC as the model behind has them now."""


class CellModel:
    """Every cell follows a model until somebody sets it; cells count from 0, module by module."""

    def __init__(self, bank: Bank, followed: Followed) -> None:
        """``followed`` is asked for the cells that nobody has set."""
        self.bank = bank
        self.talking = True
        """Whether the battery still gives data; without, the last sample gets old."""
        self._followed = followed
        self._volts: dict[int, _Track] = {}
        self._degrees: dict[int, _Track] = {}
        self._last: Sample | None = None

    def sample(self, now: float) -> Sample | None:
        """See Source.sample; fresh at every moment while the battery talks."""
        if self.talking:
            volts, degrees = self._followed()
            cells = tuple(
                Cell(
                    voltage_v=_value(self._volts.get(index), volts, now),
                    temperature_c=_value(self._degrees.get(index), degrees, now),
                )
                for index in range(self.bank.cells)
            )
            self._last = Sample(at_s=now, cells=cells)
        return self._last

    def set_voltage(self, indices: Iterable[int], volts: float, now: float, over_s: float = 0.0) -> None:
        """Let cells go to a voltage in V within a time in s.  Raises CellError."""
        _checked(volts, 0.0, HIGHEST_CELL_V, "V")
        self._set(self._volts, indices, volts, now, over_s, place=0)

    def set_temperature(self, indices: Iterable[int], degrees: float, now: float, over_s: float = 0.0) -> None:
        """Let cells go to a temperature in degC within a time in s.  Raises CellError."""
        _checked(degrees, LOWEST_C, HIGHEST_C, "degC")
        self._set(self._degrees, indices, degrees, now, over_s, place=1)

    def release(self, indices: Iterable[int]) -> None:
        """Let cells follow the model again.  Raises CellError."""
        for index in list(indices):
            self._known(index)
            self._volts.pop(index, None)
            self._degrees.pop(index, None)

    def _set(
        self, tracks: dict[int, _Track], indices: Iterable[int], target: float, now: float, over_s: float, *, place: int
    ) -> None:
        for index in list(indices):
            self._known(index)
            start = _value(tracks.get(index), self._followed()[place], now)
            tracks[index] = _Track(start=start, target=target, since_s=now, duration_s=over_s)

    def _known(self, index: int) -> None:
        if not 0 <= index < self.bank.cells:
            raise CellError(f"there is no cell {index + 1}: the bank has cells 1 to {self.bank.cells}")


def _value(track: _Track | None, followed: float, now: float) -> float:
    return followed if track is None else track.at(now)


# --- rows ------------------------------------------------------------------------------------------------------------
class CellRows:
    """Rows of a file, each valid from its own time on; after the last one the data get old."""

    def __init__(self, rows: Sequence[Sample]) -> None:
        """``rows`` are in order of time, in s since the start."""
        self._rows = rows
        self._next = 0
        self._last: Sample | None = None

    def sample(self, now: float) -> Sample | None:
        """See Source.sample."""
        while self._next < len(self._rows) and self._rows[self._next].at_s <= now:
            self._last = self._rows[self._next]
            self._next += 1
        return self._last


_COLUMN = re.compile(r"(cell|temperature)[ _]?(\d*)(?:[ _](?:v|c))?", re.IGNORECASE)
_TIMES = {"time", "time_s", "seconds"}


def read_rows(lines: Iterable[str], name: str, bank: Bank) -> CellRows:
    """Rows of a CSV file: a head with ``time``, ``cell 1`` ..., ``temperature 1`` ... (or one ``temperature``).

    Times in s count from the first row, voltages are in V, temperatures in degC; an empty place is a missing value.
    Raises CellError with file and line.
    """
    reader = csv.reader(lines)
    head = next(reader, None)
    if not head:
        raise CellError(f"{name}: is empty; the first line has to name the columns: time,cell 1,...,temperature 1,...")
    columns = _columns(head, name, bank)
    rows = list(_rows(reader, columns, name, bank))
    if not rows:
        raise CellError(f"{name}: there is no row below the names of the columns")
    return CellRows(rows)


class CellLines:
    """Lines of the same form as a battery monitor writes them: measured when they come, whatever their time says."""

    def __init__(self, name: str, bank: Bank) -> None:
        """``name`` is for errors; the first line has to name the columns."""
        self._name, self._bank = name, bank
        self._columns: list[tuple[str, int]] = []
        self._lines = 0

    def take(self, line: str, now: float) -> Sample | None:
        """A line that came at a time in s; None for the head and for an empty one.  Raises CellError."""
        self._lines += 1
        texts = next(csv.reader([line]), [])
        if not any(map(str.strip, texts)):
            return None
        if not self._columns:
            self._columns = _columns(texts, self._name, self._bank)
            return None
        values = dict(zip(self._columns, _numbers(texts, self._columns, self._name, self._lines), strict=True))
        return Sample(at_s=now, cells=tuple(_cells(values, self._bank)))


def _columns(head: Sequence[str], name: str, bank: Bank) -> list[tuple[str, int]]:
    """What each column is: ("time", 0), ("cell", index), ("temperature", index; -1 for all)."""
    found: list[tuple[str, int]] = []
    for title in map(str.strip, head):
        match = _COLUMN.fullmatch(title)
        if title.lower() in _TIMES:
            found.append(("time", 0))
        elif match and (match[2] or match[1].lower() == "temperature"):
            found.append((match[1].lower(), int(match[2]) - 1 if match[2] else -1))
        else:
            raise CellError(
                f"{name}, line 1: no column is called {title!r}; known: time, cell 1 ..., temperature 1 ..."
            )
    for sort, index in found:
        if index >= bank.cells or (sort == "cell" and index < 0):
            raise CellError(f"{name}, line 1: the bank has cells 1 to {bank.cells}, not {index + 1}")
    if len(set(found)) != len(found) or ("time", 0) not in found:
        raise CellError(f"{name}, line 1: one column has to be time, and no column may stand twice")
    return found


def _rows(reader: Iterator[list[str]], columns: Sequence[tuple[str, int]], name: str, bank: Bank) -> Iterator[Sample]:
    start: float | None = None
    before = -math.inf
    for line, texts in enumerate(reader, 2):
        if not any(map(str.strip, texts)):
            continue
        values = _numbers(texts, columns, name, line)
        at = values[columns.index(("time", 0))]
        if at is None or not math.isfinite(at) or at < before:
            raise CellError(f"{name}, line {line}: the time has to be a number that never goes back")
        start = at if start is None else start
        before = at
        yield Sample(at_s=at - start, cells=tuple(_cells(dict(zip(columns, values, strict=True)), bank)))


def _numbers(texts: Sequence[str], columns: Sequence[object], name: str, line: int) -> list[float | None]:
    if len(texts) != len(columns):
        raise CellError(f"{name}, line {line}: {len(texts)} values for {len(columns)} columns")
    try:
        return [float(text) if text.strip() else None for text in texts]
    except ValueError as problem:
        raise CellError(f"{name}, line {line}: {problem}") from problem


def _cells(values: dict[tuple[str, int], float | None], bank: Bank) -> Iterator[Cell]:
    of_all = values.get(("temperature", -1))
    for index in range(bank.cells):
        degrees = values.get(("temperature", index), of_all)
        yield Cell(voltage_v=values.get(("cell", index)), temperature_c=degrees)
