"""Hex text: bytes as people and other tools write them down.

    83 83 FD 02 55 51 18 02 97 FF     # any spacing, also 8383FD.., 0x83,0x83 and 83:83 or 83-83
    > 02 FF 56 A9                     // host to adapter (to the device): one line, whole frames
    < 07 FF 56 24 DB 11 00 42 52      // from the device
    0000  83 83 fd 02 55 51 18 02 97 ff                     ....UQ....

The last form is what tshark -x, hexdump -C, xxd and od -t x1 print: the offset and the text column are left out.  Lines
without an arrow are pieces of one endless stream.
"""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vebus_protocol.schema import Direction
from vebus_tools.capture.output import CaptureWriter
from vebus_tools.capture.stream import MAX_LINE
from vebus_tools.records import CaptureError, Chunk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vebus_tools.capture.stream import ByteSource
    from vebus_tools.records import Record

__all__ = ["HexWriter", "is_hex_line", "read_hex"]

_ARROWS = {">": Direction.TO_DEVICE, "<": Direction.FROM_DEVICE}
_MARKS = {direction: f"{arrow} " for arrow, direction in _ARROWS.items()}
_COMMENT = re.compile(r"(?:#|//).*", re.DOTALL)
_GAP = re.compile(r"[\s,;:\-]*")
_DIGITS = re.compile(r"(0[xX])?([0-9A-Fa-f]+)")
_WORD = re.compile(r"[^\s,;:\-]")
_ROW = re.compile(r"\s*([0-9A-Fa-f]{4,16})(?:(:)\s+|([ \t]+))(\S.*)")
_GROUP = re.compile(r"[ \t]*((?:[0-9A-Fa-f]{2})+)(?=[\s|]|$)")
_LONGEST_ROW = 2048  # characters; xxd prints up to 256 bytes in a row
_HALF_ROW = 8  # hexdump -C leaves a wider gap behind this many bytes


class _MisfitError(Exception):
    """Text that is no hex: the good bytes in front of it, its place in the line (from 0) and what is wrong."""

    def __init__(self, before: bytes, column: int, text: str) -> None:
        super().__init__(text)
        self.before = before
        self.column = column


def is_hex_line(line: bytes) -> bool:
    """Whether a line reads as at least two bytes of hex text."""
    text = line.decode("utf-8", "replace").lstrip("\ufeff")
    try:
        return len(_HexText().line(text).data) > 1
    except _MisfitError:
        return False


def read_hex(source: ByteSource) -> Iterator[Chunk]:
    """One chunk a line.  Raises CaptureError at the first text that is no hex, after all that stands in front of it."""
    reader = _HexText()
    for piece in _pieces(source):
        try:
            chunk = reader.line(piece.text) if piece.is_line else reader.part(piece.text, first=not piece.column)
        except _MisfitError as misfit:
            if misfit.before:
                yield Chunk(data=misfit.before, direction=reader.direction)
            where = f"{source.name}: line {piece.number}, column {piece.column + misfit.column + 1}"
            raise CaptureError(f"{where}: {misfit}") from misfit
        if chunk.data:
            yield chunk


@dataclass(frozen=True, slots=True, kw_only=True)
class _Piece:
    """A line, or a part of one that is too long to be held at once; lines count from 1, columns from 0."""

    number: int
    column: int
    text: str
    is_line: bool


def _pieces(source: ByteSource) -> Iterator[_Piece]:
    number, column, kept = 1, 0, ""
    while raw := source.line(MAX_LINE):
        text = kept + raw.decode("utf-8", "replace").lstrip("\ufeff")
        if raw.endswith(b"\n") or len(raw) < MAX_LINE:
            yield _Piece(number=number, column=column, text=text, is_line=not column)
            number, column, kept = number + 1, 0, ""
        else:
            text, kept = _cut(text)
            yield _Piece(number=number, column=column, text=text, is_line=False)
            column += len(text)
    if kept:
        yield _Piece(number=number, column=column, text=kept, is_line=False)


def _cut(text: str) -> tuple[str, str]:
    """Split a piece of an overlong line so that no byte is cut apart: what to read now, what to keep for later."""
    at = len(text.rstrip("0123456789ABCDEFabcdefxX/")) or len(text) // 2 * 2
    return text[:at], text[at:]


class _HexText:
    """What has to be known of the lines before: whether they were rows of a dump, and where the next row starts."""

    def __init__(self) -> None:
        self.direction: Direction | None = None
        self._last_row: tuple[str, int] | None = None
        self._in_comment = False

    def line(self, text: str) -> Chunk:
        """Bytes of one complete line.  Raises _MisfitError."""
        last, self._last_row = self._last_row, None
        self.direction = None
        if last and text.strip() == "*":
            raise _MisfitError(b"", text.index("*"), "'*' stands for rows that were left out; dump with hexdump -v")
        if last and _ends_dump(text.strip(), *last):
            return Chunk(data=b"")
        in_dump = last is not None
        row = _row(text, in_dump=in_dump) or _row(_COMMENT.sub("", text), in_dump=in_dump)
        if row is not None:
            self._last_row = row[0], len(row[1])
            return Chunk(data=row[1])
        try:
            chunk = self.part(text, first=True)
        except _MisfitError as misfit:
            # Of a damaged row nobody can say which digits were the offset.
            raise _MisfitError(b"" if in_dump else misfit.before, misfit.column, str(misfit)) from misfit
        return Chunk(data=chunk.data, direction=chunk.direction, whole=chunk.direction is not None)

    def part(self, text: str, *, first: bool) -> Chunk:
        """Bytes of a part of a line.  Raises _MisfitError."""
        start = 0
        if first:
            self._in_comment, self.direction = False, None
            start = len(text) - len(text.lstrip())
            self.direction = _ARROWS.get(text[start : start + 1])
            start += self.direction is not None
        if self._in_comment:
            return Chunk(data=b"")
        content = _COMMENT.sub("", text)
        self._in_comment = len(content) < len(text)
        return Chunk(data=_bytes(content, start), direction=self.direction)


def _bytes(text: str, start: int) -> bytes:
    try:
        return bytes.fromhex(text[start:])
    except ValueError:
        return _spelled(text, start)


def _spelled(text: str, start: int) -> bytes:
    """The same with prefixes and separators, and with the place of what is wrong."""
    data = bytearray()
    at = _past_gap(text, start)
    while at < len(text):
        found = _DIGITS.match(text, at)
        if found is None or _WORD.match(text, found.end()):
            raise _MisfitError(bytes(data), at, _complaint(text, at))
        digits = found[2]
        if found[1] and len(digits) == 1:
            digits = f"0{digits}"
        if len(digits) % 2:
            data += bytes.fromhex(digits[:-1])
            text = f"odd number of hex digits in {found[0][-20:]!r}; write two for each byte"
            raise _MisfitError(bytes(data), at, text)
        data += bytes.fromhex(digits)
        at = _past_gap(text, found.end())
    return bytes(data)


def _past_gap(text: str, at: int) -> int:
    found = _GAP.match(text, at)
    return found.end() if found else at


def _complaint(text: str, at: int) -> str:
    advice = "; write other text behind '#', or give the format with --input-format"
    return f"{text[at : at + 12].split(maxsplit=1)[0]!r} is no hex{advice}"


def _ends_dump(text: str, offset: str, size: int) -> bool:
    """Whether a line is the offset behind a last row, as hexdump and od print it (od in any of three bases)."""
    for base in (16, 8, 10):
        with contextlib.suppress(ValueError):
            if len(text) == len(offset) and int(text, base) == int(offset, base) + size:
                return True
    return False


def _row(text: str, *, in_dump: bool) -> tuple[str, bytes] | None:
    """Offset and bytes of one row of a dump; None where the line is anything else.

    Plain hex must not be mistaken for a row, as its first bytes would be lost: an offset is one only with a colon, at
    0, behind another row, or when a text column proves it.
    """
    found = _ROW.fullmatch(text.rstrip()) if len(text) < _LONGEST_ROW else None
    if found is None:
        return None
    offset, colon = found[1], found[2]
    data, proven = _row_bytes(found[4], pairs=not colon)
    if not data or not (colon or proven or in_dump or not offset.strip("0")):
        return None
    return offset, data


def _row_bytes(text: str, *, pairs: bool) -> tuple[bytes, bool]:
    """Bytes of a row, and whether a text column behind them says the same; ``pairs``: only two digits in a group."""
    groups: list[tuple[bytes, int]] = []
    data, at = b"", 0
    while (found := _GROUP.match(text, at)) and not (pairs and len(found[1]) > 2):
        data, at = data + bytes.fromhex(found[1]), found.end()
        groups.append((data, at))
    for shown, end in reversed(groups):
        if _tells(text[end:], shown):
            return shown, True
    if at == len(text):
        return data, False
    return _up_to_gap(text, groups), False


def _tells(column: str, data: bytes) -> bool:
    """Whether a text column shows these bytes; blanks are not compared, as they are lost too easily."""
    printed = "".join(chr(byte) if 0x20 < byte < 0x7F else "." for byte in data if byte != ord(" "))
    return bool(printed) and "".join(column.split()) in (printed, f"|{printed}|", f">{printed}<")


def _up_to_gap(text: str, groups: list[tuple[bytes, int]]) -> bytes:
    """Bytes in front of the first wide gap: what follows there is a text column in some other alphabet."""
    gaps = [data for data, at in groups if text.startswith(("  ", "\t", " |"), at)]
    wide = [data for data in gaps if len(data) != _HALF_ROW] or gaps
    return wide[0] if wide else b""


class HexWriter(CaptureWriter):
    """Writes one record a line, with an arrow where the direction is known and the time as a comment."""

    def write(self, record: Record) -> None:
        """Append one line.  Raises as CaptureWriter.write."""
        estimated = " estimated" if record.stamp.source.estimated else ""
        skipped = f", skipped: {record.reason}" if record.frame is None and record.reason else ""
        mark = _MARKS.get(record.direction, "")
        comment = f"# {record.stamp.at:.6f} s{estimated}{skipped}"
        self._output.write(f"{mark}{record.wire.hex(' ')}  {comment}\n".encode())
