"""The same as a picture, with matplotlib: PNG, SVG or PDF."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from vebus_tools.plotting.series import Axis, Event, Series, Subplot

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["SUFFIXES", "Picture", "draw"]

SUFFIXES = (".png", ".svg", ".pdf")
_BUCKETS = 2000
_FEW = 150  # points that are marked one by one
_LANE = 0.8
_INK = "#444444"
_NOTE = 40  # characters of an event
_CLOSE = 0.03  # share of the width


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """What is drawn: ``start`` is the time of the first frame in seconds since 1970, None to count from 0.

    ``end`` is the last time in seconds since the first frame; ``size`` in inches.
    """

    title: str
    subplots: Sequence[Subplot]
    series: dict[str, Series]
    events: Sequence[Event]
    end: float
    start: float | None = None
    estimated: bool = False
    size: tuple[float, float] = (12.0, 3.2)
    dpi: int = 110


def draw(picture: Picture, target: Path) -> None:
    """Write the picture; the suffix of ``target`` is one of SUFFIXES.  Raises OSError."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    count = len(picture.subplots)
    width, height = picture.size
    with mpl.rc_context({"svg.hashsalt": "vebus-tools", "svg.fonttype": "none", "font.size": 9}):
        figure = Figure(figsize=(width, height * count + 0.6), layout="constrained")
        figure.suptitle(picture.title)
        panes = figure.subplots(count, 1, sharex=True, squeeze=False)[:, 0]
        for pane, subplot in zip(panes, picture.subplots, strict=True):
            _subplot(pane, subplot, picture)
        panes[-1].set_xlabel(_time_label(picture))
        metadata = {"Date": None} if target.suffix.lower() == ".svg" else None
        figure.savefig(target, dpi=picture.dpi, metadata=metadata)


def _time_label(picture: Picture) -> str:
    note = ", estimated" if picture.estimated else ""
    if picture.start is None:
        return f"Time since the first frame (s{note})"
    return f"Time (UTC{note})"


def _at(picture: Picture, seconds: float) -> Any:  # noqa: ANN401  (a number or a date, as the axis has it)
    if picture.start is None:
        return seconds
    return datetime.fromtimestamp(picture.start + seconds, UTC)


def _subplot(pane: Any, subplot: Subplot, picture: Picture) -> None:  # noqa: ANN401  (matplotlib's own classes)
    pane.grid(visible=True, color="#dddddd", linewidth=0.6)
    pane.set_axisbelow(True)
    handles: list[Any] = []
    numbers = [one for axis in subplot.axes for one in _drawn(axis, picture) if one.names is None]
    for number, axis in enumerate(subplot.axes):
        side = pane.twinx() if number else pane
        lines = [one for one in _drawn(axis, picture) if one.names is None]
        handles += [_line(side, one, picture, f"C{len(handles) + at}") for at, one in enumerate(lines)]
        units = sorted({one.unit for one in lines if one.unit})
        side.set_ylabel(lines[0].title if len(lines) == 1 else ", ".join(units))
    states = [one for axis in subplot.axes for one in _drawn(axis, picture) if one.names is not None]
    handles += _bands(pane, states, picture) if numbers else _lanes(pane, states, picture)
    _events(pane, picture)
    pane.set_xlim(_at(picture, 0.0), _at(picture, picture.end or 1.0))
    if handles:
        pane.legend(
            handles=handles,
            loc="upper left",
            bbox_to_anchor=(1.01 + 0.09 * len(subplot.axes[1:]), 1.0),
            fontsize=8,
            frameon=False,
        )


def _events(pane: Any, picture: Picture) -> None:  # noqa: ANN401
    """Dotted lines, with a text at the first of several that are close together."""
    told: dict[str, float] = {}
    for event in picture.events:
        pane.axvline(_at(picture, event.at), color=_INK, linestyle=":", linewidth=0.9)
        if event.at - told.get(event.label, -picture.end) > _CLOSE * picture.end:
            note = pane.annotate(
                event.label if len(event.label) <= _NOTE else f"{event.label[: _NOTE - 1]}…",
                (_at(picture, event.at), 0.98),
                xycoords=("data", "axes fraction"),
                fontsize=7,
                rotation=90,
                va="top",
                ha="right",
                color=_INK,
            )
            note.set_in_layout(False)  # a long text must not push the picture aside
        told[event.label] = event.at


def _drawn(axis: Axis, picture: Picture) -> list[Series]:
    return [picture.series[name] for name in axis.fields if name in picture.series]


def _line(side: Any, series: Series, picture: Picture, color: str) -> Any:  # noqa: ANN401
    times, values = series.reduced(_BUCKETS)
    style: dict[str, Any] = {"drawstyle": "steps-post"} if series.whole else {}
    if len(times) < _FEW:
        style |= {"marker": ".", "markersize": 4}
    at = [_at(picture, one) for one in times]
    (line,) = side.plot(at, values, color=color, linewidth=1.1, label=series.title, **style)
    return line


def _colors(count: int, first: int = 0) -> list[Any]:
    import matplotlib as mpl

    table = mpl.colormaps["tab20"].colors  # type: ignore[attr-defined]  # a listed map has them
    return [table[(first + at) * 2 % 20 + (first + at) * 2 // 20 % 2] for at in range(count)]


def _bands(pane: Any, states: list[Series], picture: Picture) -> list[Any]:  # noqa: ANN401
    """Background colours behind numbers."""
    from matplotlib.patches import Patch

    handles: list[Any] = []
    for series in states:
        names = series.names or {}
        colors = dict(zip(sorted(names), _colors(len(names), len(handles)), strict=True))
        for start, stop, value in series.spans(picture.end):
            pane.axvspan(_at(picture, start), _at(picture, stop), color=colors[value], alpha=0.22, linewidth=0)
        handles += [
            Patch(color=colors[value], alpha=0.35, label=f"{series.label}: {names[value]}") for value in sorted(names)
        ]
    return handles


def _lanes(pane: Any, states: list[Series], picture: Picture) -> list[Any]:  # noqa: ANN401
    """A lane of bars for each row of states."""
    from matplotlib.patches import Patch

    handles: list[Any] = []
    for lane, series in enumerate(states):
        names = series.names or {}
        colors = dict(zip(sorted(names), _colors(len(names), len(handles)), strict=True))
        for start, stop, value in series.spans(picture.end):
            first = _at(picture, start)
            bar = (first, _at(picture, stop) - first)
            pane.broken_barh([bar], (-lane - _LANE / 2, _LANE), color=colors[value], linewidth=0)
        handles += [Patch(color=colors[value], label=f"{series.label}: {names[value]}") for value in sorted(names)]
    pane.set_yticks([-lane for lane in range(len(states))], [series.title for series in states])
    return handles
