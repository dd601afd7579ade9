"""The loop from chunks to dissections: decoder, session and dissection in a row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from vebus_protocol.scaling import ScaleBook
from vebus_protocol.schema import Link
from vebus_tools.decoder import decode_chunks
from vebus_tools.dissection import dissect
from vebus_tools.generated import quick_chain, quick_dissect
from vebus_tools.names import DEFAULT_NAMES, NameTable
from vebus_tools.nodes import Dissection
from vebus_tools.records import Chunk
from vebus_tools.session import Knowledge, Session

__all__ = ["dissections", "survey"]


def survey(chunks: Iterable[Chunk], link: Link, book: ScaleBook | None = None, *, fast: bool = False) -> Knowledge:
    """First of two passes over a capture: learn its scales and which reply answers which request."""
    session = Session(book=book, survey=True)
    for record in decode_chunks(chunks, link, chain=quick_chain if fast else None):
        session.observe(record)
    return session.knowledge()


def dissections(
    chunks: Iterable[Chunk],
    link: Link,
    *,
    knowledge: Knowledge | None = None,
    book: ScaleBook | None = None,
    names: NameTable = DEFAULT_NAMES,
    fast: bool = False,
) -> Iterator[Dissection]:
    """Every record of a capture, dissected.  Raises only what reading the chunks raises.

    ``fast`` takes the code generated from the declarations, otherwise the reference; what comes out is the same.
    """
    session = Session(knowledge, book)
    take = quick_dissect if fast else dissect
    for record in decode_chunks(chunks, link, chain=quick_chain if fast else None):
        yield take(record, session.observe(record), names)
