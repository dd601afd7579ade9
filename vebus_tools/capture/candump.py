"""Log captures in the form of ``candump -L``.

    (1700000000.003125) vebus0 98F7#FE0300E63702836400FAFF      RS485: first two bytes, then the rest of the frame
    (1700000000.003125) mk3 #07FF5624DB11004252 R               MK2/MK3: no address; R received, T sent by the host

Times are seconds since 1970, or since the start of the capture where the number is small.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING

from vebus_protocol.frame import END
from vebus_protocol.schema import Direction, Link
from vebus_tools.capture.output import CaptureWriter
from vebus_tools.capture.stream import MAX_LINE
from vebus_tools.records import CaptureError, Chunk, Stamp, TimeSource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vebus_tools.capture.stream import ByteSource
    from vebus_tools.records import Record

__all__ = ["FIRST_EPOCH_S", "LogWriter", "begins_like_log", "is_epoch", "read_log"]

FIRST_EPOCH_S = 1e8
"""Times below this, in seconds, count from the start of the capture (as an epoch it would be March 1973)."""

_FORM = "(seconds) interface address#bytes"
_ADDRESS_SIZE = 2
_BEGIN = re.compile(rb"\s*\(\s*-?\d")
_TIME = re.compile(r"\s*\(\s*(-?\d+(?:\.\d*)?)\)")
_LINE = re.compile(
    _TIME.pattern + r"\s+(?P<port>\S+)\s+(?P<address>[0-9A-Fa-f]*)#(?P<rest>[0-9A-Fa-f.]*)(?:\s+(?P<flag>[RT]))?\s*"
)
_DIRECTIONS = {"R": Direction.FROM_DEVICE, "T": Direction.TO_DEVICE}
_FLAGS = {direction: f" {flag}" for flag, direction in _DIRECTIONS.items()}
_PORTS = {Link.RS485: "vebus0", Link.MK3: "mk3"}


def begins_like_log(line: bytes) -> bool:
    """Whether a line begins with a number in brackets, as only this format does."""
    return _BEGIN.match(line) is not None


def is_epoch(seconds: float) -> bool:
    """Whether a time in a file must be one since 1970; smaller ones count from the start of the capture."""
    return seconds >= FIRST_EPOCH_S


class _MisfitError(Exception):
    """A line of another form; never leaves this module."""


def read_log(source: ByteSource) -> Iterator[Chunk]:
    """One chunk a line.  Raises CaptureError at the first line of another form, and for an end that is cut off."""
    number = 0
    while raw := source.line():
        number += 1
        text = raw.decode("utf-8", "replace")
        where = f"{source.name}: line {number}"
        if raw.endswith(b"\n"):
            yield from _complete(text, where)
        elif len(raw) >= MAX_LINE:
            raise CaptureError(f"{where} is longer than {MAX_LINE} bytes, so this is no log; check --input-format")
        else:
            yield from _last(text, where)


def _complete(text: str, where: str) -> Iterator[Chunk]:
    if _is_blank(text):
        return
    try:
        chunk = _parse(text)
    except _MisfitError as misfit:
        raise CaptureError(f"{where}: {misfit}; correct or remove the line") from misfit
    if chunk.data:
        yield chunk


def _last(text: str, where: str) -> Iterator[Chunk]:
    """The last line when its line feed is missing: what is there of it, and an error unless its frame is complete."""
    if _is_blank(text):
        return
    match = _LINE.fullmatch(text.lstrip("\ufeff"))
    digits = (match["address"] + match["rest"].replace(".", "")) if match else ""
    if match and digits:
        chunk = _chunk(match, bytes.fromhex(digits[: len(digits) // 2 * 2]))
        if chunk.data:
            yield chunk
        if len(digits) % 2 == 0 and _ends_like_frame(chunk):
            return
    if not text.lstrip("\ufeff \t").startswith("("):
        raise CaptureError(f"{where}: {_complaint(text)}; correct or remove the line")
    raise CaptureError(f"{where} is cut off: the file ends in the middle of it; all before it was read")


def _ends_like_frame(chunk: Chunk) -> bool:
    if chunk.link is Link.RS485:
        return chunk.data[-1] == END
    return len(chunk.data) == (chunk.data[0] & 0x7F) + 2


def _is_blank(text: str) -> bool:
    return not text.strip("\ufeff \t\r\n") or text.lstrip("\ufeff \t").startswith("#")


def _parse(text: str) -> Chunk:
    text = text.lstrip("\ufeff")
    match = _LINE.fullmatch(text)
    if match is None:
        raise _MisfitError(_complaint(text))
    if len(match["address"]) not in (0, 2, 4):
        raise _MisfitError(
            f"address {match['address']!r} is not the first {_ADDRESS_SIZE} bytes of a VE.Bus frame "
            "(is this a log of a CAN bus?)"
        )
    digits = match["rest"].replace(".", "")
    if len(digits) % 2:
        raise _MisfitError(f"odd number of hex digits behind '#': {digits[-20:]!r}")
    return _chunk(match, bytes.fromhex(match["address"] + digits))


def _complaint(text: str) -> str:
    if "##" in text:
        return "'##' is the form of CAN FD, VE.Bus has one '#'"
    if re.search(r"\[\d+\]", text):
        return f"this is the screen form of candump; the log form is {_FORM} (candump -L)"
    return f"not of the form {_FORM}: {text.strip()[:40]!r}"


def _chunk(match: re.Match[str], data: bytes) -> Chunk:
    seconds = float(match[1])
    return Chunk(
        data=data,
        stamp=Stamp(seconds, TimeSource.LOG, is_epoch(seconds)),
        direction=_DIRECTIONS.get(match["flag"] or ""),
        link=Link.RS485 if match["address"] else Link.MK3,
        whole=True,
        interface=match["port"],
    )


class LogWriter(CaptureWriter):
    """Writes one record a line, times with 6 decimals; the format cannot say that a time is estimated."""

    def write(self, record: Record) -> None:
        """Append one line.  Raises as CaptureWriter.write."""
        self._output.write(_line(record).encode())


def _line(record: Record) -> str:
    size = _ADDRESS_SIZE if record.link is Link.RS485 else 0
    address, rest = record.wire[:size].hex().upper(), record.wire[size:].hex().upper()
    port = "_".join(record.interface.split()) or _PORTS[record.link]
    return f"({Decimal(repr(record.stamp.at)):.6f}) {port} {address}#{rest}{_FLAGS.get(record.direction, '')}\n"
