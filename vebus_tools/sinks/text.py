"""The summary list: one line a record, in the columns of tshark, and how the parts of one record follow each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from vebus_tools.frame_fields import info_text
from vebus_tools.nodes import Dissection

__all__ = [
    "ARROW",
    "ASCII_ARROW",
    "arrow_for",
    "frame_lines",
    "printable",
    "summary_line",
]

ARROW = "\N{RIGHTWARDS ARROW}"
ASCII_ARROW = "->"


def arrow_for(encoding: str | None) -> str:
    """The arrow between source and destination that an output with this encoding can hold."""
    try:
        ARROW.encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return ASCII_ARROW
    return ARROW


def printable(text: str) -> str:
    r"""The same text on one line: control characters and what else moves a cursor become escapes such as ``\x1b``."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)


def summary_line(dissection: Dissection, time: str, *, arrow: str = ARROW, tabs: bool = False) -> str:
    """One line of the list; ``time`` is the text of the time column, the length counts the bytes on the wire.

    Columns keep tshark's least widths and grow where a text is longer.  With ``tabs`` a tab stands between them
    (``-T tabs``; as in tshark they stay padded and the arrow is a column of its own).
    """
    record = dissection.record
    cells = (
        f"{record.number:5d}",
        f"{time:>10}",
        f"{printable(dissection.source):>12}",
        arrow,
        f"{printable(dissection.destination):<12}",
        printable(dissection.protocol),
        str(len(record.wire)),
        printable(info_text(dissection)),
    )
    return ("\t" if tabs else " ").join(cells)


def frame_lines(
    summary: str | None = None, tree: Iterable[str] | None = None, pane: Iterable[str] | None = None
) -> Iterator[str]:
    """Everything that is printed of one record, with empty lines where tshark has them; None is a part not asked for.

    A summary alone has no empty line; tree and hex pane end with one, and one stands between the pane and the rest.
    """
    if summary is not None:
        yield summary
    if tree is not None:
        yield from tree
        if pane is None:
            yield ""
    if pane is not None:
        if summary is not None or tree is not None:
            yield ""
        yield from pane
        yield ""
