"""The hex pane (``-x``, ``--hexdump``), byte for byte as tshark 4 prints it, so that text2pcap can read it.

A stuffed frame has two blocks, the bytes as heard and the unstuffed ones, as tshark shows a second data source.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from vebus_tools.records import Record

__all__ = ["DEFAULT_HEX", "HEXDUMP_WORDS", "Ascii", "HexOptions", "dump_lines", "hex_lines", "parse_hex_options"]

_PER_LINE = 16
_OFFSET_DIGITS = 4
_HEX_WIDTH = 3 * _PER_LINE + 2  # puts the ASCII column at character 56, with offsets of four digits
_VISIBLE = bytes(byte if 0x20 <= byte < 0x7F else ord(".") for byte in range(256))


class Ascii(enum.Enum):
    """What stands behind the hex digits; the values are words of ``--hexdump``."""

    PLAIN = "ascii"
    DELIMITED = "delimit"
    NONE = "noascii"


@dataclass(frozen=True, slots=True, kw_only=True)
class HexOptions:
    """``ascii`` is the form of the ASCII column, ``all_sources`` whether unstuffed bytes get a block of their own."""

    ascii: Ascii = Ascii.PLAIN
    all_sources: bool = True


DEFAULT_HEX = HexOptions()
"""What ``-x`` prints."""

_SOURCES = {"all": True, "frames": False}

HEXDUMP_WORDS = (*_SOURCES, *(form.value for form in Ascii))
"""Words that ``--hexdump`` takes, apart from ``help``."""


def parse_hex_options(words: Iterable[str]) -> HexOptions:
    """Options for the arguments of ``--hexdump``; of two that contradict each other the later one counts.

    Raises ValueError that names the words there are.
    """
    options = DEFAULT_HEX
    for word in words:
        if word in _SOURCES:
            options = replace(options, all_sources=_SOURCES[word])
        elif word in HEXDUMP_WORDS:
            options = replace(options, ascii=Ascii(word))
        else:
            raise ValueError(f'"{word}" is not a hexdump option; there are {", ".join(HEXDUMP_WORDS)}')
    return options


def hex_lines(record: Record, options: HexOptions = DEFAULT_HEX) -> Iterator[str]:
    """Lines of one record's hex pane, without the empty line behind it."""
    if not options.all_sources or record.unstuffed == record.wire:
        yield from dump_lines(record.wire, options.ascii)
        return
    for name, data in (("Frame", record.wire), ("Unstuffed VE.Bus", record.unstuffed)):
        yield f"{name} ({len(data)} byte{'' if len(data) == 1 else 's'}):"
        yield from dump_lines(data, options.ascii)


def dump_lines(data: bytes, form: Ascii = Ascii.PLAIN) -> Iterator[str]:
    """Offset, 16 bytes and ASCII column a line; the hex part is padded even where nothing follows, as in tshark."""
    digits = max(_OFFSET_DIGITS, len(f"{max(len(data) - 1, 0):x}"))
    for at in range(0, len(data), _PER_LINE):
        piece = data[at : at + _PER_LINE]
        yield f"{at:0{digits}x}  {piece.hex(' '):<{_HEX_WIDTH}}{_ascii(piece, form)}"


def _ascii(piece: bytes, form: Ascii) -> str:
    if form is Ascii.NONE:
        return ""
    text = piece.translate(_VISIBLE).decode("ascii")
    return f"|{text}|" if form is Ascii.DELIMITED else text
