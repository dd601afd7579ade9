"""Texts with holes, found by printing a record whose values are markers: the sink itself says where what stands."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Template", "cut"]


@dataclass(frozen=True, slots=True)
class Template:
    """``parts`` are the constant texts, one more than there are holes; ``holes`` names what stands between them."""

    parts: tuple[str, ...]
    holes: tuple[str, ...]

    @property
    def pattern(self) -> str:
        """The same as a format of ``%``, with ``%s`` for each hole."""
        return "%s".join(part.replace("%", "%%") for part in self.parts)


def cut(text: str, markers: Mapping[str, str]) -> Template:
    """Cut a text at all places of its markers (marker -> name of the hole)."""
    pieces = re.split(f"({'|'.join(map(re.escape, markers))})", text)
    return Template(tuple(pieces[::2]), tuple(markers[piece] for piece in pieces[1::2]))
