"""Assistants' records in a device's RAM: where each one stands, learned from the header words that were read.

The records follow each other from RAM id 128 on.  Each begins with a header (assistant id << 4 | ids that follow), so
the place of a header is known only when all headers before it are.  Sources: mk3.md 15; vebus-rs485.md 6.2.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from vebus_protocol.schema import Field
from vebus_protocol.variables import ASSISTANT_MEMORY, ASSISTANT_WORDS, AssistantId

__all__ = ["NO_RECORDS", "AssistantRecords", "RecordPlace"]

_WORD = 0xFFFF
_ID_SHIFT = 4
_COUNT = 0xF


@dataclass(frozen=True, slots=True)
class RecordPlace:
    """What a RAM id holds: word ``index`` of the record that begins with ``header``; index 0 is the header itself."""

    header: int
    index: int

    @property
    def assistant(self) -> int:
        """Id of the assistant, 0..0xfff; 0 with no ids behind it ends the list."""
        return self.header >> _ID_SHIFT

    @property
    def count(self) -> int:
        """How many ids follow the header, 0..15."""
        return self.header & _COUNT

    @property
    def word(self) -> Field | None:
        """Meaning of a word behind the header, None where no source describes it."""
        return ASSISTANT_WORDS.get((self.assistant, self.index))

    @property
    def label(self) -> str:
        """Name of what stands here, for people: ``Assistant record: ESS``, ``ESS, word 1: set point``."""
        name = AssistantId.text_of(self.assistant)
        if not self.index:
            if not self.header:
                return "End of assistant records"
            return f"Assistant record: {name}" if name else "Assistant record"
        known = f": {self.word.label}" if self.word else ""
        return f"{name or f'Assistant 0x{self.assistant:03x}'}, word {self.index}{known}"

    @property
    def header_text(self) -> str:
        """The header word in words: ``84 (ESS, 4 ids follow)``."""
        if not self.header:
            return "0 (no more records)"
        name = AssistantId.text_of(self.assistant) or f"assistant 0x{self.assistant:03x}"
        follow = "1 id follows" if self.count == 1 else f"{self.count} ids follow"
        return f"{self.header} ({name}, {follow})"


@dataclass(frozen=True, slots=True)
class AssistantRecords:
    """The headers that are known, in the order of the device's RAM.  Never changes; ``learned`` returns a new one."""

    headers: tuple[int, ...] = ()

    def place(self, variable: int) -> RecordPlace | None:
        """What the RAM variable of this id holds, None where no known record has it."""
        for start, header in self._starts():
            if start <= variable <= start + (header & _COUNT):
                return RecordPlace(header, variable - start)
        return None

    def learned(self, values: Iterable[tuple[int, int]]) -> AssistantRecords:
        """These records and what values of RAM variables, as pairs of id and raw word, tell of them.

        Only a word at the place of a header counts.  A header that differs from the known one takes its place, and
        what was known behind it is forgotten.
        """
        found = self
        for variable, raw in sorted(values):
            found = found._with(variable, raw & _WORD)
        return found

    def continues(self, earlier: AssistantRecords) -> bool:
        """Whether these are the earlier records, perhaps with more behind them: none of them has changed."""
        return self.headers[: len(earlier.headers)] == earlier.headers

    def _starts(self) -> Iterator[tuple[int, int]]:
        """RAM id and value of each known header."""
        start = ASSISTANT_MEMORY
        for header in self.headers:
            yield start, header
            start += 1 + (header & _COUNT)

    def _with(self, variable: int, raw: int) -> AssistantRecords:
        for at, (start, header) in enumerate(self._starts()):
            if start == variable:
                return self if header == raw else AssistantRecords((*self.headers[:at], raw))
        return AssistantRecords((*self.headers, raw)) if variable == self._next() else self

    def _next(self) -> int | None:
        """RAM id of the first header that is not known; None behind assistant 0, which ends the list for velib."""
        if self.headers and not self.headers[-1] >> _ID_SHIFT:
            return None
        return ASSISTANT_MEMORY + sum(1 + (header & _COUNT) for header in self.headers)


NO_RECORDS = AssistantRecords()
"""No header was read."""
