"""The time column: all forms of ``-t``, with and without a date, and the same text as tshark."""

import os
import subprocess
import sys
from datetime import UTC, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.real_tshark import find_tshark
from vebus_tools.records import Stamp, TimeSource
from vebus_tools.times import TimeForm, Timeline, Timing, arrival_text, elapsed_text, epoch_text, time_text

CET = timezone(timedelta(hours=1), "CET")
DATED = (TimeForm.ABSOLUTE, TimeForm.ABSOLUTE_DATE, TimeForm.ABSOLUTE_DAY_OF_YEAR, TimeForm.EPOCH, TimeForm.UTC,
         TimeForm.UTC_DATE, TimeForm.UTC_DAY_OF_YEAR)  # fmt: skip


def dated(at: float) -> Stamp:
    return Stamp(at, TimeSource.LOG, epoch=True)


def undated(at: float) -> Stamp:
    return Stamp(at, TimeSource.BYTES)


FIRST, SHOWN, BEFORE = dated(1_700_000_000.0), dated(1_700_000_000.5), dated(1_700_000_000.75)
TIMING = Timing(first=FIRST, previous=BEFORE, displayed=SHOWN)


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("a", "23:13:21.003125"),
        ("ad", "2023-11-14 23:13:21.003125"),
        ("adoy", "2023/318 23:13:21.003125"),
        ("d", "0.253125"),
        ("dd", "0.503125"),
        ("e", "1700000001.003125"),
        ("r", "1.003125"),
        ("u", "22:13:21.003125"),
        ("ud", "2023-11-14 22:13:21.003125"),
        ("udoy", "2023/318 22:13:21.003125"),
    ],
)
def test_every_form(form: str, expected: str) -> None:
    assert time_text(TimeForm(form), dated(1_700_000_001.003125), TIMING, zone=CET) == expected


@pytest.mark.parametrize("form", DATED)
def test_a_stamp_without_a_date_prints_as_relative_time(form: TimeForm) -> None:
    assert time_text(form, undated(0.003125), Timing(first=undated(0.001)), zone=UTC) == "0.002125"


@pytest.mark.parametrize("form", [TimeForm.DELTA, TimeForm.DELTA_DISPLAYED, TimeForm.RELATIVE])
def test_the_first_record_has_no_distance(form: TimeForm) -> None:
    assert time_text(form, dated(1_700_000_000.25)) == "0.000000"


@pytest.mark.parametrize("form", [TimeForm.DELTA, TimeForm.DELTA_DISPLAYED, TimeForm.RELATIVE])
def test_a_date_and_no_date_have_no_difference(form: TimeForm) -> None:
    assert time_text(form, undated(3.0), TIMING) == ""


@pytest.mark.parametrize(("decimals", "expected"), [(9, "0.123456789"), (6, "0.123456"), (1, "0.1"), (0, "0")])
def test_decimals_are_cut_not_rounded(decimals: int, expected: str) -> None:
    assert elapsed_text(undated(0.123456789), undated(0.0), decimals=decimals) == expected
    assert time_text(TimeForm.UTC, dated(0.123456789), decimals=decimals) == f"00:00:0{expected}"


def test_time_that_runs_backwards_is_negative() -> None:
    assert elapsed_text(undated(1.0), undated(1.25)) == "-0.250000000"
    assert elapsed_text(undated(1.0), undated(1.000000004), decimals=6) == "0.000000"


@given(st.integers(0, 4_000_000_000), st.integers(0, 999_999))
def test_an_epoch_time_shows_its_microseconds_and_no_noise(seconds: int, microseconds: int) -> None:
    stamp = dated(float(f"{seconds}.{microseconds:06d}"))
    if seconds >= 1 << 22:
        assert epoch_text(stamp) == f"{seconds}.{microseconds:06d}000"
    assert epoch_text(stamp, decimals=6) == f"{seconds}.{microseconds:06d}"
    assert time_text(TimeForm.UTC, stamp).endswith(f".{microseconds:06d}")


@given(st.integers(0, 10**15), st.integers(0, 10**15))
def test_a_relative_time_is_exact_to_the_nanosecond(first: int, second: int) -> None:
    text = elapsed_text(undated(second / 1e9), undated(first / 1e9))
    assert round(float(text) * 1e9) == second - first


@pytest.mark.parametrize("at", [1e15, -1e15])
def test_a_date_outside_the_calendar_is_no_crash(at: float) -> None:
    assert time_text(TimeForm.UTC_DATE, dated(at)) == "Not representable"
    assert arrival_text(dated(at), UTC) == "Not representable"


def test_arrival_time_has_month_day_and_zone() -> None:
    assert arrival_text(dated(1_700_000_000.0), UTC) == "Nov 14, 2023 22:13:20.000000000 UTC"
    assert arrival_text(dated(1_699_146_123.000001), CET) == "Nov  5, 2023 02:02:03.000001000 CET"


def test_timeline_keeps_first_previous_and_displayed() -> None:
    timeline, stamps = Timeline(), [undated(float(at)) for at in range(4)]
    assert timeline.place(stamps[0]) == Timing()
    timeline.shown(stamps[0])
    assert timeline.place(stamps[1]) == Timing(first=stamps[0], previous=stamps[0], displayed=stamps[0])
    assert timeline.place(stamps[2]) == Timing(first=stamps[0], previous=stamps[1], displayed=stamps[0])
    timeline.shown(stamps[2])
    assert timeline.place(stamps[3]) == Timing(first=stamps[0], previous=stamps[2], displayed=stamps[2])


def test_local_time_is_that_of_the_computer(checkout_environment: dict[str, str]) -> None:
    program = (
        "from vebus_tools.records import Stamp, TimeSource\n"
        "from vebus_tools.times import TimeForm, arrival_text, time_text\n"
        "stamp = Stamp(1700000000.0, TimeSource.LOG, True)\n"
        "print(time_text(TimeForm.ABSOLUTE, stamp), time_text(TimeForm.UTC, stamp), arrival_text(stamp))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **checkout_environment, "TZ": "XYZ-2"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "00:13:20.000000 22:13:20.000000 Nov 15, 2023 00:13:20.000000000 XYZ\n"


@pytest.mark.parametrize("form", TimeForm)
def test_tshark_prints_the_same(tmp_path: Path, form: TimeForm) -> None:
    tshark = find_tshark(tmp_path)
    times = [1_700_000_000_000_000, 1_700_000_000_003_125, 1_700_007_000_999_999, 1_700_090_000_500_000]
    path = tshark.capture([(at, b"\x83\x83\xfd\x02\x55") for at in times])
    timeline, ours = Timeline(), []
    for stamp in (dated(at / 1_000_000) for at in times):
        ours.append(time_text(form, stamp, timeline.place(stamp), zone=CET))
        timeline.shown(stamp)
    lines = tshark.lines(path, "-t", form.value, "-T", "tabs", zone="CET-1")
    assert ours == [line.split("\t")[1].strip() for line in lines]
