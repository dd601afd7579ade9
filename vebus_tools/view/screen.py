"""Rows to lines of styled text, for a screen of any size; pure, knows neither terminal nor bus."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from vebus_tools.sinks.text import printable
from vebus_tools.view.controls import KEYS, Controls, Sort
from vebus_tools.view.model import Row
from vebus_tools.view.update import Status, Update

__all__ = ["COLOURS", "WIDE", "Line", "Page", "Size", "Span", "clock", "compose", "filled", "fit", "plain_text"]

WIDE = 170
"""From this width in characters on, values and bytes stand on the line of the counts."""

HEAD_LINES, FOOT_LINES = 4, 2
INDENT = 3
SYNC_LOST_S = 1.0
"""Others call a bus without sync dead after 1 s (vebus-rs485.md section 5)."""

COLOURS = {
    "bar": "reverse",
    "paused": "bold black on yellow",
    "columns": "underline",
    "recent": "black on yellow",
    "changed": "yellow",
    "bad": "bold red",
    "dim": "dim",
    "strong": "bold",
    "cursor": "reverse",
}
"""Styles of this screen in rich's words; a span may also have such words itself."""

Span = tuple[str, str]
"""A text and its style."""

Line = tuple[Span, ...]
Size = tuple[int, int]
"""Columns and lines."""

_COLUMNS = (("From", 7), ("Count", 8), ("Rate/s", 7), ("Period ms", 9), ("Jitter ms", 9), ("Age s", 6))
_COUNTS_WIDTH = sum(width + 1 for _, width in _COLUMNS)
_STALE_S, _STALE_PERIODS = 3.0, 4.0


@dataclass(frozen=True, slots=True)
class Page:
    """A composed screen; ``limit`` and ``page`` are how far one can scroll and how many rows fit."""

    lines: tuple[Line, ...]
    limit: int
    page: int


def compose(controls: Controls, size: Size, *, dots: str = "\N{HORIZONTAL ELLIPSIS}") -> Page:
    """The whole screen: as many lines as it has, none longer than it is wide."""
    width, height = size
    update = controls.update
    if controls.help:
        return Page(filled(list(_help()), width, height, dots), controls.limit, controls.page)
    if update is None:
        return Page(filled([(("Waiting for the listener ...", "dim"),)], width, height, dots), 0, 1)
    rows = _sorted([row for row in update.rows if row.shown], controls.sort)
    blocks = [list(_row_lines(row, controls, width, dots)) for row in rows]
    room = max(1, height - HEAD_LINES - FOOT_LINES)
    limit = _limit([len(block) for block in blocks], room)
    top = min(controls.top, limit)
    body = [line for block in blocks[top:] for line in block][:room]
    if not rows:
        body = [((_nothing(update), "dim"),)]
    fitting = _fitting([len(block) for block in blocks[top:]], room)
    head = list(_head(update.status, controls, width))
    foot = list(_foot(update, controls, width, (top, fitting, len(rows))))
    return Page(filled([*head, *body], width, height, dots, foot), limit, max(1, fitting))


def plain_text(page: Page) -> str:
    """The screen as bare text, without blanks at the ends of lines."""
    return "".join("".join(text for text, _ in line).rstrip() + "\n" for line in page.lines)


# --- placing ---------------------------------------------------------------------------------------------------------
def filled(lines: Sequence[Line], width: int, height: int, dots: str, foot: Sequence[Line] = ()) -> tuple[Line, ...]:
    """Exactly ``height`` lines, the foot at the bottom."""
    room = max(0, height - len(foot))
    body = [*lines[:room], *[()] * (room - len(lines))]
    return tuple(_cut(line, width, dots) for line in [*body, *foot][:height])


def _cut(line: Line, width: int, dots: str) -> Line:
    if sum(_cells(text) for text, _ in line) <= width:
        return line
    kept: list[Span] = []
    left = width
    for text, style in line:
        if _cells(text) > left - 1:
            kept.append(
                (fit(text, left, dots).rstrip() if _cells(text) > left else fit(text, left - 1, "") + dots, style)
            )
            break
        kept.append((text, style))
        left -= _cells(text)
    return tuple(kept)


def _limit(heights: list[int], room: int) -> int:
    """First row of the last page."""
    used = 0
    for count, height in enumerate(reversed(heights)):
        used += height
        if used > room:
            return len(heights) - max(count, 1)
    return 0


def _fitting(heights: list[int], room: int) -> int:
    used = 0
    for count, height in enumerate(heights):
        used += height
        if used > room:
            return count
    return len(heights)


def _cells(text: str) -> int:
    """Columns that a text takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def fit(text: str, width: int, dots: str, *, right: bool = False) -> str:
    """The text in exactly ``width`` columns."""
    if width <= 0:
        return ""
    cells = _cells(text)
    if cells > width:
        if text.isascii():
            return text[: width - len(dots)] + dots if width >= len(dots) else dots[:width]
        from rich.cells import set_cell_size

        return set_cell_size(text, width - len(dots)) + dots
    return " " * (width - cells) + text if right else text + " " * (width - cells)


# --- head and foot ---------------------------------------------------------------------------------------------------
def _head(status: Status, controls: Controls, width: int) -> Iterator[Line]:
    state = " PAUSED " if controls.paused else " CLOSING " if controls.quitting else " LIVE "
    right = f" {clock(status.elapsed_s)} "
    room = width - len(state) - len(right)
    yield (
        (fit(_title(status, room), room, "..."), "bar"),
        (state, "paused" if controls.paused else "bar"),
        (right, "bar"),
    )
    yield tuple(_traffic(status))
    yield tuple(_errors(status))
    name_width = _name_width(width)
    columns = "".join(f" {fit(title, size, '', right=title != 'From')}" for title, size in _COLUMNS)
    title = fit("Message", name_width, "") + columns
    if width >= WIDE:
        title += "   Values"
        title = fit(title, width - 12, "") + "Payload".rjust(12)
    yield ((fit(title, width, ""), "columns"),)


def _title(status: Status, room: int) -> str:
    """Port and recording; where it is too long, the name of the file loses its middle and never its size."""
    title = f" vebus sniff {printable(status.port)} | "
    if not status.recording:
        return title + "not recording"
    size = f" {_size(status.size)}" + (f", file {status.files}" if status.files > 1 else "")
    name = printable(status.recording)
    left = max(8, room - _cells(title) - len(size))
    if _cells(name) > left:
        name = f"{name[: left // 2 - 2]}...{name[-(left - left // 2 - 1) :]}"
    return title + name + size


def _traffic(status: Status) -> Iterator[Span]:
    load = "unknown" if status.load is None else f"{status.load:.1%}"
    yield " Bus load ", "dim"
    yield f"{load:<6}", "strong"
    yield f"  {status.speed:.0f} frames/s  {status.frames} frames", ""
    yield "  Sync ", "dim"
    if status.sync_age_s is None:
        yield "none yet", ""
    elif status.sync_age_s > SYNC_LOST_S:
        yield f"lost for {status.sync_age_s:.0f} s", "bad"
    elif status.sync_s is not None:
        yield f"{status.sync_s * 1000:.3f} ms", "strong"
        if status.sync_jitter_s is not None:
            yield f", jitter {status.sync_jitter_s * 1000:.3f} ms", ""


def _errors(status: Status) -> Iterator[Span]:
    always = (
        ("Bad checksums", status.bad_checksums),
        ("Resyncs", status.resyncs),
        ("Number gaps", status.gaps),
        ("Overruns", status.overruns),
    )
    optional = (
        ("Framing errors", status.framing_errors),
        ("Link lost", status.lost_links),
        ("Not shown", status.unseen),
    )
    for name, count in (*always, *((name, count) for name, count in optional if count)):
        yield f" {name} ", "dim"
        yield f"{count} ", "bad" if count else ""


def _foot(update: Update, controls: Controls, width: int, rows: tuple[int, int, int]) -> Iterator[Line]:
    if controls.draft is not None:
        yield (("Filter: ", "strong"), (printable(controls.draft), ""), (" ", "cursor"))
        yield (("Enter apply  Esc leave it  Ctrl-U erase  (empty shows all; the language of -Y)", "dim"),)
        return
    if update.problem:
        text = printable(update.problem)
        yield ((text[:width], "bad"),)
        yield ((text[width:] or "/ tries again  Esc leaves it", "bad" if text[width:] else "dim"),)
        return
    yield ((printable(update.news), "strong"),) if update.news else tuple(_state(update, controls, rows))
    keys = "q quit  space pause  c clear  s sort  / filter  # * notch  b bin  m mark  ? help"
    yield ((keys, "dim"),)


def _state(update: Update, controls: Controls, rows: tuple[int, int, int]) -> Iterator[Span]:
    top, fitting, count = rows
    yield f"Rows {top + 1}-{top + fitting} of {count}" if fitting else f"{count} rows", ""
    yield f"  sorted by {controls.sort.value}", "dim"
    if not controls.highlight:
        yield "  no highlight", "dim"
    if update.filter:
        hidden = len(update.rows) - count
        yield f"  filter: {printable(update.filter)} ({hidden} hidden)", "strong"


def _nothing(update: Update) -> str:
    if update.rows:
        return " No row's last frame matches the filter; / changes it."
    return " Nothing heard yet."


def _help() -> Iterator[Line]:
    yield ((" Keys", "strong"),)
    for keys, text in KEYS:
        yield ((f"  {keys:<15}", "strong"), (text, ""))
    yield ()
    yield (("  Rate: over 5 s. Period, jitter: mean, standard deviation of 64 intervals.", "dim"),)
    yield (
        ("  Bytes: payload of the last frame, ", "dim"),
        ("changed", "recent"),
        (" within 1 s, ", "dim"),
        ("changed", "changed"),
        (" earlier.", "dim"),
    )
    yield (("  Any key goes back.", "dim"),)


# --- rows ------------------------------------------------------------------------------------------------------------
def _sorted(rows: list[Row], sort: Sort) -> list[Row]:
    rows.sort(key=lambda row: (row.rank, row.name, row.ident))
    if sort is Sort.COUNT:
        rows.sort(key=lambda row: -row.count)
    elif sort is Sort.RATE:
        rows.sort(key=lambda row: -round(row.rate, 1))
    elif sort is Sort.AGE:
        rows.sort(key=lambda row: round(row.age_s))
    return rows


def _name_width(width: int) -> int:
    return 34 if width >= WIDE else max(8, width - _COUNTS_WIDTH)


def _row_lines(row: Row, controls: Controls, width: int, dots: str) -> Iterator[Line]:
    stale = row.age_s > max(_STALE_S, _STALE_PERIODS * (row.period_s or 0.0))
    counts = _counts(row, width, dots, stale=stale)
    spans: Line = (
        () if controls.binary else tuple(_hex(row, 48 if width >= WIDE else width // 2, dots, controls.highlight))
    )
    if width >= WIDE:
        room = width - sum(len(text) for text, _ in counts) - 3 - _length(spans) - 1
        values = fit(_aside(row, controls), room, dots)
        yield (*counts, ("   " + values + " ", "dim" if stale else ""), *spans)
    else:
        yield counts
        apart = INDENT + row.longest + 1 + _length(spans) > width
        room = width - INDENT if apart or not spans else width - INDENT - 1 - _length(spans)
        text = " " * INDENT + fit(_aside(row, controls), room, dots), "dim" if stale else ""
        if apart or not spans:
            yield (text,)
        else:
            yield text, (" ", ""), *spans
        if apart and spans:
            spans = tuple(_hex(row, width - INDENT, dots, controls.highlight))
            yield (" " * (width - _length(spans)), ""), *spans
    if controls.binary:
        yield from _binary(row, width, controls.highlight)


def _aside(row: Row, controls: Controls) -> str:
    return printable(row.values)[controls.aside :]


def _length(spans: Sequence[Span]) -> int:
    return sum(len(text) for text, _ in spans)


def _counts(row: Row, width: int, dots: str, *, stale: bool) -> Line:
    style = "dim" if stale else ""
    cells = (
        fit(printable(row.sender), 7, dots),
        fit(_count(row.count), 8, dots, right=True),
        fit(f"{row.rate:.1f}", 7, dots, right=True),
        fit(_milliseconds(row.period_s), 9, dots, right=True),
        fit(_milliseconds(row.jitter_s), 9, dots, right=True),
        fit(_age(row.age_s), 6, dots, right=True),
    )
    name = fit(printable(row.name), _name_width(width), dots)
    mark = row.style if row.style not in ("", "dim") and not stale else ""
    return (name, f"bold {mark}".strip() if not stale else "dim"), (" " + " ".join(cells), style)


def _byte_style(row: Row, index: int, *, on: bool) -> str:
    if not on or index >= len(row.changed) or not row.changed[index]:
        return ""
    return "recent" if index in row.recent else "changed"


def _hex(row: Row, room: int, dots: str, on: bool) -> Iterator[Span]:  # noqa: FBT001
    """The payload: with blanks between bytes, between pairs where that is too long, and cut where that is, too."""
    data = row.data
    group = 1 if 3 * len(data) - 1 <= room else 2
    for index, byte in enumerate(data):
        used = index * 2 + index // group
        if index and index % group == 0:
            yield " ", ""
        if used + 2 > room - (len(dots) if index + 1 < len(data) else 0):
            yield dots, ""
            return
        yield f"{byte:02x}", _byte_style(row, index, on=on)


def _binary(row: Row, width: int, on: bool) -> Iterator[Line]:  # noqa: FBT001
    each = max(1, (width - INDENT) // 9)
    for start in range(0, len(row.data), each):
        line: list[Span] = [(" " * INDENT, "")]
        for index in range(start, min(start + each, len(row.data))):
            line += _bits(row, index, on=on)
            line.append((" ", ""))
        yield tuple(line[:-1])


def _bits(row: Row, index: int, *, on: bool) -> Iterator[Span]:
    style = _byte_style(row, index, on=on)
    text = f"{row.data[index]:08b}"
    if not style:
        yield text, ""
        return
    for place, bit in enumerate(text):
        yield bit, style if row.changed[index] >> (7 - place) & 1 else ""


# --- numbers ---------------------------------------------------------------------------------------------------------
def _milliseconds(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    value = seconds * 1000
    return f"{value:.2f}" if value < 10_000 else f"{value:.0f}"


def _count(count: int) -> str:
    return str(count) if count < 100_000_000 else f"{count / 1e6:.1f}M"


def _age(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.1f}"
    return f"{seconds:.0f}" if seconds < 100_000 else f"{seconds / 86400:.0f}d"


def _size(size: int) -> str:
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= scale:
            return f"{size / scale:.1f} {unit}"
    return f"{size} B"


def clock(seconds: float) -> str:
    """A duration as hours, minutes and seconds, with days before them where there are any."""
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    return (f"{days}d " if days else "") + f"{hour:02d}:{minute:02d}:{second:02d}"
