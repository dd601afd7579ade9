"""Each part of a summary line as a function of the few numbers that it depends on, to fill lookup tables with."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from vebus_protocol.schema import Message, OfRam, OfSetting
from vebus_tools.generated.plan import DerivationError, Plan, plan_of
from vebus_tools.generated.source import Part, direct_lines, direct_text, parts_for, table_lines
from vebus_tools.generated.tables import reads

__all__ = ["PieceOfSummary", "pieces_of"]

_WORD = re.compile(r"[a-z_]\w*")


@dataclass(frozen=True, slots=True, kw_only=True)
class PieceOfSummary:
    """One part: ``names`` are the fields it reads, ``call(context, *raws)`` gives its text and its marks.

    ``bits`` is the width of each of these fields.  The text is empty where the part is not printed.
    """

    names: tuple[str, ...]
    bits: tuple[int, ...]
    call: Callable[..., tuple[str, tuple[str, ...]]]
    source: str


@lru_cache(maxsize=4096)
def pieces_of(declared: type[Message], length: int) -> tuple[PieceOfSummary, ...]:
    """All parts of the summary of a message of ``length`` bytes.

    Raises:
        DerivationError: where a part depends on more than numbers of the message itself: on what the device announced,
            on the request of a reply, or on a list.
    """
    plan = plan_of(declared, length)  # type: ignore[arg-type]  # mypy asks the instances for a hash
    return tuple(_piece(part, plan) for part in parts_for(plan))


def _piece(part: Part, plan: Plan) -> PieceOfSummary:
    specs = (part.spec, *(spec for spec, _ in part.beside))
    announced = any(isinstance(spec.scale, OfRam | OfSetting) for spec in specs)
    if part.each or not part.raw or "{" in part.spec.symbol or announced:
        raise DerivationError(f"{part.spec.abbrev}: depends on more than its own frame")
    read = {name for text in (part.raw, *(raw for _, raw in part.beside)) for name in _WORD.findall(text)}
    read |= {name for spec in specs for name in reads(spec)}
    slots = plan.raw_specs
    names = tuple(name for name in slots if name in read)
    space: dict[str, Any] = {}
    text = direct_text(part)
    lines = direct_lines(part, text) if text is not None else table_lines(part, plan, space)
    source = "\n".join(
        (
            f"def piece({', '.join(('context', *names))}):",
            "    parts = []",
            "    marks = {}",
            *lines,
            "    return (parts[0] if parts else ''), tuple(marks)",
            "",
        )
    )
    exec(compile(source, f"<part {part.spec.abbrev}>", "exec"), space)  # noqa: S102  (our own source)
    bits = tuple(8 * slots[name].size for name in names)
    return PieceOfSummary(names=names, bits=bits, call=space["piece"], source=source)
