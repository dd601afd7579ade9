"""A chart of characters: braille dots for numbers, bars for states, marks for events."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from vebus_tools.plotting.series import Event, Series

__all__ = ["chart_lines", "plain"]

_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
_BRAILLE = 0x2800
_WIDE, _HIGH = 2, 4  # dots of a character
_MARGIN = 12
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_BARS = {0.0: "_", 1.0: "#"}


def chart_lines(
    series: Sequence[Series], events: Sequence[Event], *, end: float, width: int, height: int = 8
) -> Iterator[str]:
    """Lines of ``width`` characters: each number in a chart of ``height`` lines, each row of states in one.

    ``end`` is the last time in seconds; events are marked below.
    """
    inner = max(width - _MARGIN - 1, 16)
    span = end or 1.0
    for one in series:
        yield one.title
        yield from _states(one, span, inner) if one.names is not None else _numbers(one, span, inner, height)
    yield from _events(events, span, inner)
    yield f"{'':>{_MARGIN}}+{'-' * inner}"
    left, right = "0 s", f"{end:.6g} s"
    yield f"{'':>{_MARGIN}} {left}{right:>{inner - len(left)}}"


def plain(line: str) -> str:
    """The same line for an output that has no braille dots: a star for each character with dots."""
    return "".join("*" if _BRAILLE < ord(char) < _BRAILLE + 0x100 else char for char in line)


def _numbers(series: Series, span: float, inner: int, height: int) -> Iterator[str]:
    least, most = min(series.values), max(series.values)
    rows = [[0] * inner for _ in range(height)]
    lowest, rightmost = height * _HIGH - 1, inner * _WIDE - 1
    points = [
        (
            min(int(at / span * rightmost), rightmost),
            lowest - round((value - least) / (most - least) * lowest) if most > least else lowest // 2,
        )
        for at, value in zip(*series.reduced(inner * _WIDE), strict=True)
    ]
    for x, y in _joined(points, steps=series.whole):
        rows[y // _HIGH][x // _WIDE] |= _DOTS[y % _HIGH][x % _WIDE]
    for number, row in enumerate(rows):
        label = {0: f"{most:.6g}", height - 1: f"{least:.6g}"}.get(number, "")
        yield f"{label:>{_MARGIN}}|{''.join(chr(_BRAILLE + dots) if dots else ' ' for dots in row)}".rstrip()


def _joined(points: Sequence[tuple[int, int]], *, steps: bool) -> Iterator[tuple[int, int]]:
    """The points and the dots of the lines between them; a whole number keeps its value until the next."""
    yield from points[:1]
    for (x0, y0), (x1, y1) in pairwise(points):
        if steps:
            yield from ((x, y0) for x in range(x0 + 1, x1))
            x0 = x1  # noqa: PLW2901  (then straight up or down)
        count = max(x1 - x0, abs(y1 - y0), 1)
        yield from ((x0 + (x1 - x0) * at // count, y0 + round((y1 - y0) * at / count)) for at in range(1, count + 1))


def _states(series: Series, span: float, inner: int) -> Iterator[str]:
    names = series.names or {}
    flags = set(names) <= set(_BARS)
    letters = _BARS if flags else {value: _LETTERS[at % len(_LETTERS)] for at, value in enumerate(sorted(names))}
    cells = [" "] * inner
    for start, stop, value in series.spans(span):
        first = min(int(start / span * inner), inner - 1)
        for at in range(first, max(first + 1, min(int(stop / span * inner), inner))):
            cells[at] = letters[value]
    yield f"{'':>{_MARGIN}}|{''.join(cells)}".rstrip()
    yield f"{'':>{_MARGIN}}|{', '.join(f'{letters[value]} {names[value]}' for value in sorted(names))}"


def _events(events: Sequence[Event], span: float, inner: int) -> Iterator[str]:
    if not events:
        return
    cells = [" "] * inner
    for event in events:
        cells[min(int(event.at / span * inner), inner - 1)] = "^"
    yield f"{'events':>{_MARGIN}}|{''.join(cells)}".rstrip()
    for event in events:
        yield f"{'':>{_MARGIN}}| {event.at:.3f} s {event.text}"
