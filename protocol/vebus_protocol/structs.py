"""Declared layouts as Construct's: the untyped world of Construct stays in this module.

It is loaded by the first message or value that goes through Construct, not by a declaration.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import construct
from construct import ConstructError

__all__ = ["ConstructError", "listed", "number", "octets", "struct_of"]


@lru_cache
def number(size: int, *, signed: bool, big_endian: bool) -> Any:
    """One integer of ``size`` bytes."""
    name = f"Int{8 * size}{'s' if signed else 'u'}{'b' if big_endian or size == 1 else 'l'}"
    made = getattr(construct, name, None)
    return construct.BytesInteger(size, signed=signed, swapped=not big_endian) if made is None else made


@lru_cache
def listed(element_size: int, *, signed: bool, big_endian: bool) -> Any:
    """As many integers of ``element_size`` bytes as there are."""
    return construct.GreedyRange(number(element_size, signed=signed, big_endian=big_endian))


@lru_cache
def octets(size: int) -> Any:
    """``size`` bytes, 0 for all that are left."""
    return construct.Bytes(size) if size else construct.GreedyBytes


def struct_of(fields: Iterable[Any]) -> Any:
    """The layout of a message with these fields (`schema.Field`) and the bytes behind them as ``rest``."""
    return construct.Struct(*(_layout(spec) for spec in fields), "rest" / construct.GreedyBytes)


def _layout(spec: Any) -> Any:
    layout = spec.layout.construct if spec.layout else construct.Pass
    if spec.constant is not None:
        layout = construct.Const(spec.constant, layout)
    if spec.optional and spec.layout:
        layout = _Trailing(layout, spec.layout.size or 1)
    return spec.name / layout


class _Trailing(construct.Subconstruct):  # type: ignore[misc]
    """A field that short frames leave out; once one is missing, so are all behind it."""

    def __init__(self, subcon: Any, size: int) -> None:
        super().__init__(subcon)
        self.size = size

    def _parse(self, stream: Any, context: Any, path: str) -> Any:
        start = stream.tell()
        left = len(stream.read(self.size))
        stream.seek(start)
        if left < self.size or context.get("_cut"):
            context["_cut"] = True
            return None
        return self.subcon._parsereport(stream, context, path)  # noqa: SLF001  (Construct's own protocol)

    def _build(self, obj: Any, stream: Any, context: Any, path: str) -> Any:
        if obj is None:
            context["_cut"] = True
            return None
        if context.get("_cut"):
            raise construct.ConstructError(f"{path}: an earlier optional field is missing")
        return self.subcon._build(obj, stream, context, path)  # noqa: SLF001

    def _sizeof(self, context: Any, path: str) -> int:  # noqa: ARG002  (Construct's own protocol)
        raise construct.SizeofError(path=path)
