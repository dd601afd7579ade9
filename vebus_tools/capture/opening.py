"""Opening captures for reading and writing: what the formats have in common."""

from __future__ import annotations

import os
from collections import deque
from pathlib import PurePath
from typing import TYPE_CHECKING, BinaryIO

from vebus_tools.capture.candump import LogWriter, read_log
from vebus_tools.capture.detect import HEAD_SIZE, MAGIC_SIZE, Format, LinkVote, detect_format, sure_format
from vebus_tools.capture.hextext import HexWriter, read_hex
from vebus_tools.capture.notes import CaptureNotes
from vebus_tools.capture.output import CaptureWriter, Output, open_output
from vebus_tools.capture.packed import GZIP_MAGIC, unpacked
from vebus_tools.capture.pcap import PcapWriter, read_pcap
from vebus_tools.capture.pcapng import PcapngWriter
from vebus_tools.capture.pcapng_reading import read_pcapng
from vebus_tools.capture.rawfile import CHUNK_SIZE, RawWriter, read_raw
from vebus_tools.capture.stream import open_source
from vebus_tools.records import CaptureError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import TracebackType
    from typing import Self

    from vebus_protocol.schema import Link
    from vebus_tools.capture.stream import ByteSource
    from vebus_tools.records import Chunk

__all__ = ["AUTO", "Capture", "EmptyCapture", "format_to_write", "open_capture", "open_writer", "read_capture"]

AUTO = "auto"


class EmptyCapture(CaptureError):  # noqa: N818  (being empty is for the caller to judge)
    """A capture without a single byte of the bus."""


_READERS: dict[Format, Callable[[ByteSource], Iterator[Chunk]]] = {
    Format.HEX: read_hex,
    Format.LOG: read_log,
    Format.PCAP: read_pcap,
}
_WRITERS: dict[Format, Callable[[Output], CaptureWriter]] = {
    Format.RAW: RawWriter,
    Format.HEX: HexWriter,
    Format.LOG: LogWriter,
    Format.PCAPNG: PcapngWriter,
    Format.PCAP: PcapWriter,
}
_WRITABLE = ", ".join(_WRITERS)
_SUFFIXES = {
    "": Format.PCAPNG,
    ".pcapng": Format.PCAPNG,
    ".pcap": Format.PCAP,
    ".bin": Format.RAW,
    ".raw": Format.RAW,
    ".hex": Format.HEX,
    ".txt": Format.HEX,
    ".log": Format.LOG,
}


class Capture:
    """An opened capture: ``format`` is what it was found to be, ``chunks`` what is in it, to be read once.

    ``notes`` has what it says beside its packets, as far as it was read.  Close it, or use it as a context manager;
    reading to the end closes it too.
    """

    def __init__(self, source: ByteSource, form: Format, chunks: Iterator[Chunk], notes: CaptureNotes) -> None:
        """Put together what ``open_capture`` found."""
        self.name = source.name
        self.format = form
        self.notes = notes
        self._chunks = _Chunks(_guarded(source, chunks))
        self.chunks: Iterator[Chunk] = self._chunks
        self._source = source

    @property
    def offset(self) -> int:
        """Bytes of the file that were read so far, unpacked where it is packed."""
        return self._source.offset

    def link(self) -> Link:
        """The link it was heard on (see detect_link), told from the first chunks; none of them is lost.

        What is wrong with these chunks is raised when ``chunks`` is read, not here.
        """
        vote = LinkVote()
        seen: list[Chunk | CaptureError] = []
        try:
            for chunk in self._chunks:
                seen.append(chunk)
                if vote.take(chunk):
                    break
        except CaptureError as problem:
            seen.append(problem)
        self._chunks.put_back(seen)
        return vote.finish()

    def close(self) -> None:
        """Release the file."""
        self._source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Chunks:
    """Chunks that can be looked at before they are read, whoever holds this already."""

    def __init__(self, chunks: Iterator[Chunk]) -> None:
        self._chunks = chunks
        self._ahead: deque[Chunk | CaptureError] = deque()

    def __iter__(self) -> Iterator[Chunk]:
        return self

    def __next__(self) -> Chunk:
        if not self._ahead:
            return next(self._chunks)
        chunk = self._ahead.popleft()
        if isinstance(chunk, CaptureError):
            raise chunk
        return chunk

    def put_back(self, seen: Iterable[Chunk | CaptureError]) -> None:
        """Give again what was read, the error at its end included."""
        self._ahead.extendleft(reversed(list(seen)))


def _guarded(source: ByteSource, chunks: Iterator[Chunk]) -> Iterator[Chunk]:
    empty = True
    try:
        for chunk in chunks:
            empty = False
            yield chunk
        if empty:
            raise EmptyCapture(f"{source.name}: holds no bytes of a bus")
    finally:
        source.close()


def open_capture(
    source: str | os.PathLike[str],
    *,
    input_format: str = AUTO,
    chunk_size: int = CHUNK_SIZE,
    stdin: BinaryIO | None = None,
) -> Capture:
    """Open a capture and find out its format; ``source`` is a path, or "-" for ``stdin``.

    ``input_format`` is raw, hex, log, pcapng or auto; ``chunk_size`` limits the chunks of a raw capture, in bytes.  A
    file packed with gzip is unpacked, unless raw bytes are asked for.
    Nothing is held in memory but the head; a pipe is read as it comes.  Raises CaptureError when it cannot be opened
    or has another format than the one asked for, EmptyCapture for 0 bytes; what is wrong further on is raised by
    ``chunks``, after all that could be read.
    """
    wanted = _format_named(input_format)
    opened = open_source(source, stdin)
    if wanted is not Format.RAW and str(source) != "-" and opened.peek(len(GZIP_MAGIC)) == GZIP_MAGIC:
        opened.close()
        opened = unpacked(source)
    try:
        form = _format_of(opened, wanted)
    except BaseException:
        opened.close()
        raise
    notes = CaptureNotes()
    return Capture(opened, form, _chunks(opened, form, notes, chunk_size), notes)


def _chunks(source: ByteSource, form: Format, notes: CaptureNotes, chunk_size: int) -> Iterator[Chunk]:
    if form is Format.RAW:
        return read_raw(source, chunk_size)
    return read_pcapng(source, notes) if form is Format.PCAPNG else _READERS[form](source)


def read_capture(
    source: str | os.PathLike[str],
    *,
    input_format: str = AUTO,
    chunk_size: int = CHUNK_SIZE,
    stdin: BinaryIO | None = None,
) -> Iterator[Chunk]:
    """The chunks of a capture; arguments and errors as of ``open_capture``."""
    with open_capture(source, input_format=input_format, chunk_size=chunk_size, stdin=stdin) as capture:
        yield from capture.chunks


def _format_named(name: str) -> Format | None:
    if name == AUTO:
        return None
    try:
        return Format(name)
    except ValueError as problem:
        raise CaptureError(f"{name!r} is no capture format; there are {AUTO}, {_WRITABLE}") from problem


def _format_of(source: ByteSource, wanted: Format | None) -> Format:
    magic = source.peek(MAGIC_SIZE)
    if not magic:
        raise EmptyCapture(f"{source.name}: is empty")
    found = sure_format(magic)
    if wanted is None:
        return _detected(source)
    if wanted in (Format.PCAPNG, Format.PCAP) and found not in (Format.PCAPNG, Format.PCAP):
        raise CaptureError(f"{source.name}: is no pcapng file, it begins with {magic.hex(' ')}; check --input-format")
    if wanted in (Format.HEX, Format.LOG) and found in (Format.PCAPNG, Format.PCAP):
        raise CaptureError(f"{source.name}: is a {found} file, no {wanted} text; check --input-format")
    return found if found is not None and wanted is not Format.RAW and found is not Format.RAW else wanted


def _detected(source: ByteSource) -> Format:
    """Format told from the head, of which no more is waited for than is needed."""
    while (head := source.ahead()[:HEAD_SIZE]) and len(head) < HEAD_SIZE:
        found = sure_format(head)
        if found is not None or not source.fill():
            break
    _refuse_packed(source, head)
    return detect_format(head)


def _refuse_packed(source: ByteSource, head: bytes) -> None:
    """Text in UTF-16 and compressed files would read as raw bytes: say it instead."""
    if head.startswith(GZIP_MAGIC):
        raise CaptureError(f"{source.name}: is compressed; unpack it first (gunzip), or say --input-format raw")
    high_bytes = {b"\xff\xfe": head[3:64:2], b"\xfe\xff": head[2:64:2]}.get(head[:2])
    if high_bytes and not any(high_bytes):
        raise CaptureError(f"{source.name}: is text in UTF-16; save it as UTF-8, or say --input-format raw")


def open_writer(
    target: str | os.PathLike[str] | BinaryIO,
    form: str | None = None,
    *,
    input_path: str | os.PathLike[str] | None = None,
) -> CaptureWriter:
    """Create a capture; ``target`` is a path, "-" for the standard output, or a stream that stays open in the end.

    ``form`` is raw, hex, log, pcapng or pcap; without it the suffix decides: .bin .raw .hex .txt .log .pcapng .pcap,
    and pcapng where there is none.  ``input_path`` is the capture that is being read ("-" for the standard input);
    writing onto it is refused.  Raises CaptureError.
    """
    if isinstance(target, str | os.PathLike):
        make = _WRITERS[format_to_write(os.fspath(target), form)]
        return make(open_output(target, input_path=input_path))
    name = str(getattr(target, "name", "output stream"))
    return _WRITERS[format_to_write("-", form)](Output(target, name, owned=False))


def format_to_write(target: str, form: str | None) -> Format:
    """The format that a name and an option ask for, see ``open_writer``.  Raises CaptureError."""
    if form is not None:
        found = _format_named(form)
        if found not in _WRITERS:
            raise CaptureError(f"{target}: {form} cannot be written; there are {_WRITABLE}")
        return found
    suffix = "" if target == "-" else PurePath(target).suffix.lower()
    if suffix not in _SUFFIXES:
        known = " ".join(filter(None, _SUFFIXES))
        raise CaptureError(
            f"{target}: no capture format has the suffix {suffix}; use one of {known}, or say the format"
        )
    return _SUFFIXES[suffix]
