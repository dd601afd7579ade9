"""Tables, anchors and docstrings as Markdown."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["Row", "doc", "heading_of", "link", "sentences", "slug", "table"]

Row = Sequence[str]


def table(head: Row, rows: Iterable[Row]) -> str:
    """A table without its empty columns; the first column is always kept."""
    body = [[cell.replace("|", r"\|").replace("\n", " ") for cell in row] for row in rows]
    kept = [at for at in range(len(head)) if at == 0 or any(row[at] for row in body)]
    lines = [head, ["---"] * len(head), *body]
    return "\n".join("| " + " | ".join(line[at] for at in kept) + " |" for line in lines)


def slug(heading: str) -> str:
    """Anchor that a Markdown viewer gives to a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def link(heading: str) -> str:
    """Link to a heading of the same page."""
    return f"[{heading}](#{slug(heading)})"


def doc(thing: object) -> str:
    """Docstring as Markdown."""
    return (inspect.getdoc(thing) or "").replace("``", "`")


def heading_of(module: ModuleType) -> str:
    """The subject of a module: its first line, without what stands behind a colon."""
    return doc(module).partition("\n")[0].partition(": ")[0].rstrip(".")


def sentences(*parts: str) -> str:
    """Parts that are not empty, one behind the other."""
    return "; ".join(part for part in parts if part)
