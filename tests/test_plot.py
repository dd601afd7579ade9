"""`vebus plot`: gathering of values, charts on the terminal, pictures, wrong names."""

import re
import xml.etree.ElementTree as ET
from array import array
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vebus_tools.cli.failures import guarded
from vebus_tools.cli.plotting import Request, run
from vebus_tools.plotting.series import Event, PlotError, Series, parse_fields
from vebus_tools.plotting.terminal import chart_lines
from vebus_tools.simulator import VirtualBus, load_scenario

SVG = "{http://www.w3.org/2000/svg}"


def plot(source: Path, *fields: str, **options: object) -> int:
    return guarded(lambda: run(Request(source=str(source), fields=fields, **options)))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def loss(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of a simulated loss of mains after 20 s."""
    path = tmp_path_factory.mktemp("plot") / "loss.log"
    lines = []
    for sent in VirtualBus(load_scenario("ac-loss")).run(26.0):
        text = sent.data.hex().upper()
        lines.append(f"({1_700_000_000 + sent.at_s:.6f}) vebus0 {text[:4]}#{text[4:]}\n")
    path.write_text("".join(lines), encoding="ascii")
    return path


# --- names -----------------------------------------------------------------------------------------------------------
def test_subplots_and_axes() -> None:
    subplots = parse_fields(["vebus.dc.voltage", ",", "vebus.ac.state", "-", "frame.number"])
    assert [[axis.fields for axis in one.axes] for one in subplots] == [
        [["vebus.dc.voltage"], ["vebus.ac.state"]],
        [["frame.number"]],
    ]


def test_globs_take_what_can_be_drawn() -> None:
    (subplot,) = parse_fields(["vebus.dc.*"])
    assert "vebus.dc.voltage" in subplot.axes[0].fields
    assert not any(name.endswith(".raw") for name in subplot.axes[0].fields)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (["vebus.dc.voltag"], "the nearest is vebus.dc.voltage"),
        (["vebus.src"], "holds text or bytes"),
        (["nothing.*"], "matches"),
        (["vebus.dc.voltage", "-"], "without a field"),
        (["vebus.dc.voltage", ",", "vebus.ac.state", ",", "frame.number"], "another subplot"),
    ],
)
def test_wrong_fields_are_told(fields: list[str], words: str) -> None:
    with pytest.raises(PlotError, match=re.escape(words)):
        parse_fields(fields)


# --- series ----------------------------------------------------------------------------------------------------------
@given(
    st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=400),
    st.integers(1, 20),
)
def test_reducing_keeps_both_ends_and_every_peak(values: list[float], buckets: int) -> None:
    series = Series("a", "A", times=array("d", range(len(values))), values=array("d", values))
    times, kept = series.reduced(buckets)
    assert times == sorted(times)
    assert (kept[0], kept[-1]) == (values[0], values[-1])
    assert (min(kept), max(kept)) == (min(values), max(values))
    assert len(kept) <= max(4 * buckets, 1)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=60))
def test_spans_cover_the_time_without_a_gap(values: list[int]) -> None:
    series = Series("a", "A", names={}, times=array("d", range(len(values))), values=array("d", values))
    spans = list(series.spans(float(len(values))))
    assert (spans[0][0], spans[-1][1]) == (0.0, len(values))
    for (_, end, before), (start, _, after) in pairwise(spans):
        assert end == start
        assert before != after


# --- the terminal ----------------------------------------------------------------------------------------------------
def test_a_chart_shows_ends_states_and_events() -> None:
    number = Series("v", "Volts", unit="V", times=array("d", [0, 5, 10]), values=array("d", [12, 14, 13]))
    state = Series(
        "s", "State", names={1.0: "Charge", 2.0: "Invert"}, times=array("d", [0, 5]), values=array("d", [1, 2])
    )
    lines = list(chart_lines([number, state], [Event(5.0, "kettle on", "k")], end=10.0, width=60))
    assert max(map(len, lines)) <= 60
    text = "\n".join(lines)
    for words in ("Volts (V)", "14|", "12|", "A Charge, B Invert", "^", "5.000 s kettle on", "10 s"):
        assert words in text, words
    assert re.search(r"\|A{20,}B{20,}", text)


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(-1e9, 1e9)), min_size=1, max_size=60), st.integers(0, 200))
def test_any_values_can_be_charted(points: list[tuple[float, float]], width: int) -> None:
    points = sorted(points)
    for whole in (False, True):
        series = Series(
            "v",
            "V",
            whole=whole,
            times=array("d", [at for at, _ in points]),
            values=array("d", [value for _, value in points]),
        )
        lines = list(chart_lines([series], [], end=points[-1][0], width=width))
        assert any(0x2800 < ord(char) < 0x2900 for line in lines for char in line)


def test_the_command_draws_on_the_terminal(loss: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert plot(loss, "vebus.dc.voltage", "vebus.condition.relay") == 0
    shown = capsys.readouterr().out
    assert "DC voltage (V)" in shown
    assert "A Mains, B Emergency or island mode" in shown


# --- pictures --------------------------------------------------------------------------------------------------------
def test_a_png_is_a_picture_of_some_size(loss: Path, tmp_path: Path) -> None:
    target = tmp_path / "loss.png"
    assert plot(loss, "vebus.dc.voltage", "vebus.ac.state", "-", "vebus.ac.state", output=str(target)) == 0
    data = target.read_bytes()
    assert data.startswith(b"\x89PNG")
    assert int.from_bytes(data[16:20], "big") > 1000


def test_an_svg_has_labels_units_states_and_events(loss: Path, tmp_path: Path) -> None:
    target = tmp_path / "loss.svg"
    fields = ("vebus.dc.voltage", "vebus.ac.state", ",", "vebus.ac.mains_current")
    assert plot(loss, *fields, output=str(target), marks=("vebus.condition.status == 0x17",)) == 0
    texts = " ".join("".join(one.itertext()) for one in ET.fromstring(target.read_bytes()).iter(f"{SVG}text"))  # noqa: S314
    for words in ("DC voltage (V)", "Mains current (A)", "Device state: Charge", "Time since the first frame (s)"):
        assert words in texts, words
    assert "vebus.condition.status == 0x17" in texts


def test_the_same_capture_gives_the_same_svg(loss: Path, tmp_path: Path) -> None:
    targets = [tmp_path / "a.svg", tmp_path / "b.svg"]
    for target in targets:
        assert plot(loss, "vebus.dc.voltage", output=str(target), title="x") == 0
    assert targets[0].read_bytes() == targets[1].read_bytes()


def test_dates_on_the_axis(loss: Path, tmp_path: Path) -> None:
    target = tmp_path / "loss.svg"
    assert plot(loss, "vebus.dc.voltage", output=str(target), absolute=True) == 0
    assert "Time (UTC)" in target.read_text(encoding="utf-8")


# --- what goes wrong -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("fields", "options", "code", "words"),
    [
        (("vebus.dc.voltag",), {}, 2, "nearest"),
        (("vebus.dc.voltage",), {"output": "a.bmp"}, 2, ".png .svg .pdf"),
        (("vebus.dc.voltage",), {"display_filter": "vebus.dc.voltage >"}, 2, "-Y"),
        (("vebus.dc.voltage",), {"marks": ("nothing == 1",)}, 2, "--mark"),
        (("vebus.dc.voltage",), {"stop": 0.001}, 1, "none of the fields"),
    ],
)
def test_bad_input_is_one_line(
    loss: Path,
    fields: tuple[str, ...],
    options: dict[str, object],
    code: int,
    words: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert plot(loss, *fields, **options) == code
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1


def test_without_matplotlib_it_says_what_to_install(
    loss: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        "vebus_tools.cli.extras.find_spec", lambda name: None if name == "matplotlib" else find_spec(name)
    )
    assert plot(loss, "vebus.dc.voltage", output=str(tmp_path / "a.png")) == 1
    assert "pip install 'vebus-tools[plot]'" in capsys.readouterr().err
    assert plot(loss, "vebus.dc.voltage") == 0


def test_a_capture_that_ends_badly_is_drawn_as_far_as_it_goes(
    loss: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cut = tmp_path / "cut.log"
    cut.write_text(loss.read_text(encoding="ascii") + "nonsense\n", encoding="ascii")
    assert plot(cut, "vebus.dc.voltage") == 1
    shown = capsys.readouterr()
    assert "DC voltage (V)" in shown.out
    assert "nonsense" in shown.err
