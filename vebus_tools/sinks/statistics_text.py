"""Tables of statistics as text: in boxes, as tshark prints them."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

from vebus_tools.statistics import (
    Cell,
    Column,
    ExpertTable,
    Hierarchy,
    IntervalItem,
    IntervalTable,
    Table,
)

__all__ = ["table_lines"]

_NOTE_WIDTH = 76
_NAME_WIDTH = 40
_ITEM_AT = len("Col 1: ")
_MOST_WIDTH = 102  # a box is only wider than this where its columns are
_BARS = "▁▂▃▄▅▆▇█"
_PLAIN_BARS = "123456789"
_NOTHING = "-"


def table_lines(table: Table, *, utf8: bool = True) -> Iterator[str]:
    """Lines of a table, an empty one first; ``utf8`` says whether the output can show more than ASCII."""
    yield ""
    if isinstance(table, IntervalTable):
        yield from _interval_lines(table)
    elif isinstance(table, Hierarchy):
        yield from _hierarchy_lines(table)
    elif isinstance(table, ExpertTable):
        yield from _expert_lines(table)
    else:
        yield from _boxed(table, utf8=utf8)


# --- a box of any columns --------------------------------------------------------------------------------------------
def _boxed(table: Table, *, utf8: bool) -> Iterator[str]:
    rows = [
        [_text(cell, column, utf8=utf8) for cell, column in zip(row, table.columns, strict=True)] for row in table.rows
    ]
    titles = [" ".join(part for part in (column.title, column.unit) if part) for column in table.columns]
    widths = [max(map(len, column)) for column in zip(titles, *rows, strict=True)]
    left = [_is_left(column) for column in zip(*table.rows, strict=True)] or [True] * len(titles)
    size = sum(widths) + 3 * len(widths) - 3
    head = [table.title, *_notes(table.notes, max(_NOTE_WIDTH, size))]
    inner = max(size, *map(len, head))
    rest = f"{'|':>{inner - size}}" if inner > size else ""
    yield "=" * (inner + 4)
    for line in head:
        yield f"| {line:<{inner}} |"
    yield f"|{'-' * (inner + 2)}|"
    yield _row(titles, widths, left) + rest
    yield f"|{'-' * (size + 2)}|{rest}"
    for row in rows:
        yield _row(row, widths, left) + rest
    if not rows:
        yield f"| {'(nothing)':<{inner}} |"
    yield "=" * (inner + 4)


def _notes(notes: tuple[str, ...], width: int = _NOTE_WIDTH) -> list[str]:
    lines = [line for note in notes for line in textwrap.wrap(note, width)]
    return ["", *lines] if lines else []


def _row(texts: Iterable[str], widths: list[int], left: list[bool]) -> str:
    cells = (
        f"{text:<{width}}" if to else f"{text:>{width}}" for text, width, to in zip(texts, widths, left, strict=True)
    )
    return f"| {' | '.join(cells)} |"


def _is_left(cells: tuple[Cell, ...]) -> bool:
    return any(isinstance(cell, str | tuple) for cell in cells)


def _text(cell: Cell, column: Column, *, utf8: bool) -> str:
    if cell is None:
        return _NOTHING
    if isinstance(cell, tuple):
        return _bars(cell, _BARS if utf8 else _PLAIN_BARS)
    return f"{cell:.{column.decimals}f}" if isinstance(cell, float) else str(cell)


def _bars(counts: tuple[int, ...], marks: str) -> str:
    most = max(counts, default=0)
    return "".join(marks[(count * len(marks) - 1) // most] if count else "." for count in counts)


# --- io,stat ---------------------------------------------------------------------------------------------------------
def _interval_lines(table: IntervalTable) -> Iterator[str]:
    """The box of ``io,stat``; where tshark's own is crooked (1-digit seconds, decimal values) this one is straight."""
    decimals = table.decimals
    duration, interval = _seconds(table.duration_ns, decimals or 6), _seconds(table.interval_ns, decimals)
    width = len(_seconds(table.duration_ns, decimals)) if decimals else len(str(table.duration_ns // 1_000_000_000))
    spans = [_span(number, table, width) for number, _ in enumerate(table.rows)]
    if spans and not decimals:
        spans[-1] = f"{spans[-1].split(' <> ')[0]} <> Dur"
    first = max(len("Interval"), 2 * width + 4)
    titles = [title for item in table.items for title in _item_titles(item)]
    shown = [item for item in table.items for _ in range(item.width)]
    cells = [[_number(cell, item) for cell, item in zip(row[2:], shown, strict=True)] for row in table.rows]
    widths = [max(map(len, column)) for column in zip(titles, *cells, strict=True)]
    head = [f"Duration: {duration} secs", f"Interval: {interval:>{width}} secs", ""]
    size = first + 4 + sum(each + 3 for each in widths)
    longest = max(len(_item_text(item)) for item in table.items) + _ITEM_AT + 4
    box = max(size, len(head[0]) + 3, len(head[1]) + 4, min(longest, _MOST_WIDTH))
    head += [line for place, item in enumerate(table.items, 1) for line in _item_lines(place, item, box - 4)]
    rest = f"{'|':>{box - size}}" if box > size else ""
    yield "=" * box
    for line in ("IO Statistics", "", *head):
        yield f"| {line:<{box - 3}}|"
    yield f"|{'-' * (box - 2)}|"
    yield f"| {'':<{first}} |{'|'.join(_places(table.items, widths))}|{rest}"
    middles = (f" {_middle(title, width)} " for title, width in zip(titles, widths, strict=True))
    yield f"| {'Interval':<{first}} |{'|'.join(middles)}|{rest}"
    yield f"|{'-' * (size - 2)}|{rest}"
    for span, row in zip(spans, cells, strict=True):
        texts = (f" {text:>{width}} " for text, width in zip(row, widths, strict=True))
        yield f"| {span:<{first + 1}}|{'|'.join(texts)}|{rest}"
    yield "=" * box
    yield from _notes(table.notes)[1:]


def _span(number: int, table: IntervalTable, width: int) -> str:
    start_ns = number * table.interval_ns
    end_ns = min(start_ns + table.interval_ns, table.duration_ns) if table.decimals else start_ns + table.interval_ns
    start, end = (_seconds(at, table.decimals) for at in (start_ns, end_ns))
    return f"{start:>{width}} <> {end:>{width}}"


def _places(items: tuple[IntervalItem, ...], widths: list[int]) -> Iterator[str]:
    at = 0
    for place, item in enumerate(items, 1):
        own = widths[at : at + item.width]
        at += item.width
        yield f"{place:<{sum(own) + 3 * len(own) - 1}}"


def _item_lines(place: int, item: IntervalItem, width: int) -> Iterator[str]:
    """``Col 1: filter``, long ones on several lines."""
    text, room = _item_text(item), width - _ITEM_AT
    head = f"Col {place}" if place == 1 else f"{place:>5}"
    yield f"{head}: {text[:room]}"
    for at in range(room, len(text), room):
        yield f"{'':<{_ITEM_AT}}{text[at : at + room]}"


def _item_text(item: IntervalItem) -> str:
    return item.text or "Frames and bytes"


def _item_titles(item: IntervalItem) -> tuple[str, ...]:
    return (item.function,) if item.function else ("Frames", "Bytes")


def _number(cell: Cell, item: IntervalItem) -> str:
    value = cell if isinstance(cell, int | float) else 0
    return f"{value:.6f}" if item.decimal else str(int(value))


def _middle(text: str, width: int) -> str:
    before = (width - len(text) + 1) // 2
    return f"{' ' * before}{text}{' ' * (width - len(text) - before)}"


def _seconds(nanoseconds: int, decimals: int) -> str:
    """Seconds, rounded to this many decimals (0 to 9)."""
    step = 10 ** (9 - decimals)
    rounded = (nanoseconds + step // 2) // step
    whole, fraction = divmod(rounded, 10**decimals)
    return f"{whole}.{fraction:0{decimals}d}" if decimals else str(whole)


# --- io,phs and expert -----------------------------------------------------------------------------------------------
def _hierarchy_lines(table: Hierarchy) -> Iterator[str]:
    rule = "=" * 67
    yield rule
    yield table.title
    yield f"Filter: {table.filter_text}"
    yield ""
    for depth, name, frames, size in table.rows:
        yield f"{'  ' * int(str(depth)) + str(name):<{_NAME_WIDTH}} frames:{frames} bytes:{size}"
    yield rule


def _expert_lines(table: ExpertTable) -> Iterator[str]:
    rows = list(table.rows)
    if not rows:
        yield "Expert infos: none"
    for number, (severity, total) in enumerate((name, count) for name, count in table.totals if count):
        if number:
            yield ""
        yield f"{severity}s ({total})"
        yield "============="
        yield "   Frequency      Group           Protocol  Summary"
        for _, frequency, group, protocol, summary in (row for row in rows if row[0] == severity):
            yield f"{frequency:>12} {group:>10} {protocol:>18}  {summary}"
