"""The loop from chunks to dissections: decoder, session and dissection in a row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from vebus_protocol.scaling import ScaleBook
from vebus_protocol.schema import Link
from vebus_tools.decoder import decode_chunks
from vebus_tools.dissection import dissect
from vebus_tools.names import DEFAULT_NAMES, NameTable
from vebus_tools.nodes import Dissection
from vebus_tools.records import Chunk
from vebus_tools.session import Knowledge, Session

__all__ = ["dissections", "survey"]


def survey(chunks: Iterable[Chunk], link: Link, book: ScaleBook | None = None) -> Knowledge:
    """First of two passes over a capture: learn its scales and which reply answers which request."""
    session = Session(book=book)
    for record in decode_chunks(chunks, link):
        session.observe(record)
    return session.knowledge()


def dissections(
    chunks: Iterable[Chunk],
    link: Link,
    *,
    knowledge: Knowledge | None = None,
    book: ScaleBook | None = None,
    names: NameTable = DEFAULT_NAMES,
) -> Iterator[Dissection]:
    """Every record of a capture, dissected.  Raises only what reading the chunks raises."""
    session = Session(knowledge, book)
    for record in decode_chunks(chunks, link):
        yield dissect(record, session.observe(record), names)
