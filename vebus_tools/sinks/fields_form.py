"""``-T fields``: chosen fields of each record in one line, for spreadsheets and shell scripts.

Options and texts are those of tshark, with one exception: where no ``quote`` is chosen, a value that holds the
separator stands in double quotes, so that a line can be taken apart again.  With ``quote=n`` nothing is quoted, as in
tshark.  A quote inside a quoted value is doubled.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches

from vebus_protocol.errors import VEBusError
from vebus_tools.frame_fields import COLUMNS, FRAME, frame_title, record_nodes
from vebus_tools.glossary import known_fields
from vebus_tools.nodes import RAW_SUFFIX, Dissection, Node
from vebus_tools.sinks.frame_form import shown
from vebus_tools.times import NO_TIMING, TimeForm, Timing

__all__ = ["FieldsError", "FieldsForm", "FieldsOptions", "Occurrence", "check_fields", "parse_options"]

_BYTE_ORDER_MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"
_NAMED_CHARACTERS = {"/t": "\t", "/s": " "}
_QUOTES = {"d": '"', "s": "'", "n": ""}
_SWITCH = {"y": True, "n": False}
_OLD_COLUMNS = {f"_ws.col.{title}": name for name, title in COLUMNS.items()}
"""Names of the columns up to Wireshark 4.2."""

_ESCAPES = {"\n": r"\n", "\r": r"\r", "\t": r"\t", "\v": r"\v", "\f": r"\f", "\b": r"\b", "\a": r"\a"}


class FieldsError(VEBusError):
    """A wrong ``-e`` or ``-E``; the text names the nearest one that is right."""


class Occurrence(enum.Enum):
    """Which occurrences of a field are printed; the values are the arguments of ``-E occurrence=``."""

    FIRST = "f"
    LAST = "l"
    ALL = "a"


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldsOptions:
    r"""What ``-E`` sets.

    ``separator`` stands between fields, ``aggregator`` between occurrences of one field.  ``quote`` is put around
    values, "" quotes nothing, None only what holds the separator.  ``escape`` writes control characters as ``\n``.
    """

    header: bool = False
    separator: str = "\t"
    aggregator: str = ","
    quote: str | None = None
    occurrence: Occurrence = Occurrence.ALL
    escape: bool = True
    bom: bool = False


def parse_options(texts: Iterable[str]) -> FieldsOptions:
    """Read the arguments of ``-E``, each ``name=value``; the last of a name counts.

    Raises:
        FieldsError: for an unknown name or a value that the option does not have.
    """
    found: dict[str, bool | str | Occurrence] = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if name not in _READERS:
            raise FieldsError(f'no option "{name}" for -E{_nearest(name, _READERS, "; there are ")}')
        if not sign:
            raise FieldsError(f"option {name} of -E needs a value: {name}={_EXPECTED[name]}")
        found[name] = _read(name, value)
    return FieldsOptions(**found)  # type: ignore[arg-type]  # each value was read by the reader of its name


def _read(name: str, value: str) -> bool | str | Occurrence:
    try:
        return _READERS[name](value)
    except (KeyError, ValueError):
        raise FieldsError(f'option {name} of -E is {_EXPECTED[name]}, found "{value}"') from None


def _character(value: str) -> str:
    if value in _NAMED_CHARACTERS:
        return _NAMED_CHARACTERS[value]
    if len(value) != 1:
        raise ValueError(value)
    return value


_READERS: dict[str, Callable[[str], bool | str | Occurrence]] = {
    "header": _SWITCH.__getitem__,
    "separator": _character,
    "aggregator": _character,
    "quote": _QUOTES.__getitem__,
    "occurrence": Occurrence,
    "escape": _SWITCH.__getitem__,
    "bom": _SWITCH.__getitem__,
}
_EXPECTED = {
    "header": "y|n",
    "separator": "/t|/s|<character>",
    "aggregator": "/s|<character>",
    "quote": "d|s|n",
    "occurrence": "f|l|a",
    "escape": "y|n",
    "bom": "y|n",
}


def _nearest(name: str, known: Collection[str], otherwise: str = "") -> str:
    near = get_close_matches(name, sorted(known), n=1)
    if near:
        return f", the nearest is {near[0]}"
    return f"{otherwise}{', '.join(sorted(known))}" if otherwise else ""


def check_fields(names: Iterable[str], known: Collection[str] | None = None) -> None:
    """Look up the arguments of ``-e``; ``known`` is all that there are, by default those of the glossary.

    Raises:
        FieldsError: if there are none, or for an unknown one.
    """
    names = tuple(names)
    if not names:
        raise FieldsError("-T fields needs at least one field: -e frame.number -e _ws.col.info")
    known = known_fields() if known is None else known
    for name in names:
        if name not in known and name not in _OLD_COLUMNS:
            raise FieldsError(f'no field or protocol "{name}"{_nearest(name, known)}')


class FieldsForm:
    """One line for each record, with the fields in the order asked for; a missing field is an empty place."""

    def __init__(
        self,
        names: Iterable[str],
        options: FieldsOptions | None = None,
        *,
        time: TimeForm = TimeForm.RELATIVE,
        known: Collection[str] | None = None,
    ) -> None:
        """Check the names as ``check_fields`` does; ``time`` is the form of the time column."""
        self._names = tuple(names)
        check_fields(self._names, known)
        self._options = options or FieldsOptions()
        self._time = time

    def start(self) -> str:
        """Byte order mark and header, where they are wanted; the header is never quoted."""
        options = self._options
        header = f"{options.separator.join(self._names)}\n" if options.header else ""
        return (_BYTE_ORDER_MARK if options.bom else "") + header

    def record(self, dissection: Dissection, timing: Timing = NO_TIMING) -> str:
        """The line of one record."""
        found: dict[str, list[str]] = {name: [] for name in self._names}
        for name, text in self._texts(dissection, timing):
            if name in found:
                found[name].append(text)
        return f"{self._options.separator.join(self._cell(found[name]) for name in self._names)}\n"

    def stop(self) -> str:
        """Nothing stands behind the records."""
        return ""

    def _cell(self, texts: list[str]) -> str:
        options = self._options
        if options.occurrence is not Occurrence.ALL and texts:
            texts = [texts[0 if options.occurrence is Occurrence.FIRST else -1]]
        text = options.aggregator.join(map(_escaped, texts) if options.escape else texts)
        quote = options.quote
        if quote is None:
            quote = '"' if options.separator in text or text.startswith('"') else ""
        return f"{quote}{text.replace(quote, quote * 2)}{quote}" if quote and text else text

    def _texts(self, dissection: Dissection, timing: Timing) -> Iterator[tuple[str, str]]:
        """Every occurrence of everything that can be asked for."""
        yield FRAME, frame_title(dissection.record)
        for node in record_nodes(dissection, timing, self._time):
            yield from _node_texts(node)
            if node.abbrev in COLUMNS:
                yield f"_ws.col.{COLUMNS[node.abbrev]}", node.text
        for block in dissection.blocks:
            yield block.protocol, block.title
            for node in block.walk():
                yield from _node_texts(node)


def _node_texts(node: Node) -> Iterator[tuple[str, str]]:
    """A field, bytes without colons as tshark prints them here, and its raw number."""
    yield node.abbrev, node.value.hex() if isinstance(node.value, bytes) else shown(node)
    raw = node.value if node.raw is None else node.raw
    if isinstance(raw, int) or (isinstance(raw, float) and raw.is_integer()):  # a scaled 0 is 0.0
        yield node.abbrev + RAW_SUFFIX, str(int(raw))


def _escaped(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else _ESCAPES.get(char) or char.encode("unicode_escape").decode("ascii")
        for char in text
    )
