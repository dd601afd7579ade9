"""The panel of emulate-bms: golden screens, sizes, blinking, the command line, and a terminal as it was before."""

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.panel_screens import SCREENS, face_of, screen_text, shown
from tests.rehearsals import GOLDEN
from tests.screens import on_terminal
from tests.traceability import covers
from vebus_tools.battery import Cell, Sample
from vebus_tools.emulator import Led
from vebus_tools.interlocks import INTERLOCKS, Condition, InterlockState
from vebus_tools.panel.entry import Entry
from vebus_tools.panel.model import Face, Folder
from vebus_tools.panel.screen import blinks, compose
from vebus_tools.rehearsal import News, Sort


@pytest.fixture(scope="module")
def face() -> Face:
    return face_of(12.0)


# --- the screen ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", SCREENS)
def test_the_screen_is_the_golden_one(name: str) -> None:
    assert screen_text(name) == (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("size", [(1, 1), (10, 3), (40, 12), (79, 23), (80, 24), (200, 60)])
def test_every_size_is_filled_exactly(face: Face, size: tuple[int, int]) -> None:
    for one in (face, None):
        for helping in (False, True):
            lines = compose(one, Entry("x" * 300, help=helping), size)
            assert len(lines) == size[1]
            assert all(sum(len(text) for text, _ in line) <= size[0] for line in lines)


def test_everything_that_matters_fits_on_80x24(face: Face) -> None:
    text = shown(compose(face, Entry(), (80, 24)))
    for word in (
        *("Firmware accepted", "LAB/SIMULATION PROFILE - not the Victron frame format", "signals: ", "16 3."),
        *("pre-alarm ", "load disconnect ", "charge disconnect ", "Status", "Cell > 2.8 V", "Cell > 4 V", "GX-Pow"),
        *("Multi    running", "inverter on", "Events", "> "),
        *(one.number for one in INTERLOCKS),
    ):
        assert word in text, word


def test_many_cells_leave_room_for_the_rest(face: Face) -> None:
    many = Sample(at_s=0.0, cells=(Cell(voltage_v=3.3, temperature_c=20.0),) * 160)
    text = shown(compose(replace(face, sample=many), Entry(), (80, 24)))
    assert "and 132 more" in text
    assert "Events" in text


def test_what_is_missing_is_said(face: Face) -> None:
    text = shown(compose(replace(face, sample=None), Entry(), (80, 24)))
    assert "Cells    no values" in text
    holes = Sample(at_s=0.0, cells=(Cell(voltage_v=None, temperature_c=None),) * 4)
    assert shown(compose(replace(face, sample=holes), Entry(), (80, 24))).count("  --") == 4


def test_an_interlock_that_holds_is_shown_with_its_reason(face: Face) -> None:
    state = InterlockState(interlock=INTERLOCKS[5], condition=Condition.LATCHED, why="another BMS is there")
    stopped = replace(face, interlocks=(state,), stopped="X-6 (no other BMS): another BMS is there")
    text = shown(compose(stopped, Entry(), (120, 32)))
    assert "X-6#" in text
    assert "X-6 (no other BMS): latched: another BMS is there" in text
    assert "Stopped: X-6" in text
    assert " STOPPED " in text


@covers("B-50", "B-53")
def test_leds_blink_as_on_the_device(face: Face) -> None:
    outputs = replace(face.outputs, status_led=Led.FLASH)
    flashing = replace(face, outputs=outputs, folded=replace(face.folded, led_since={"status_led": face.at_s}))
    assert blinks(flashing)

    def lamp(after_s: float, shown_face: Face) -> str:
        text = shown(compose(shown_face, Entry(), (100, 30), after_s))
        return next(line for line in text.splitlines() if line.startswith("LEDs"))[9]

    assert [lamp(after, flashing) for after in (0.01, 0.2, 5.0, 10.02)] == ["●", "○", "○", "●"]
    fast = replace(flashing, outputs=replace(outputs, status_led=Led.FAST))
    assert {lamp(turn / 60, fast) for turn in range(8)} == {"●", "○"}
    assert not blinks(replace(flashing, outputs=replace(outputs, status_led=Led.DARK), units=()))


def test_a_terminal_without_these_characters_gets_others(face: Face) -> None:
    text = shown(compose(face, Entry(), (100, 30), dots="..."))
    assert text.isascii()
    assert "(*) Cell > 2.8 V" in text


def test_frames_that_say_the_same_are_no_events() -> None:
    folder = Folder()
    folder.take([News(at_s=1.0, sort=Sort.FRAME, text="a"), News(at_s=2.0, sort=Sort.FRAME, text="a", again=True)])
    folded = folder.folded(face_of(1.0).outputs, 2.0)
    assert (folded.frames, len(folded.news), folded.last_at_s) == (2, 1, 2.0)


# --- the command line ------------------------------------------------------------------------------------------------
def typed(entry: Entry, text: str) -> list[str]:
    found = [entry.press(key) for key in text]
    return [one for one in found if one is not None]


def test_a_command_is_typed_corrected_and_repeated() -> None:
    entry = Entry()
    assert typed(entry, "cell 3 2.8") == []
    entry.press("backspace")
    assert typed(entry, "7") == []
    assert entry.press("enter") == "cell 3 2.7"
    assert entry.text == ""
    assert entry.press("enter") is None
    typed(entry, "unplug")
    assert entry.press("enter") == "unplug"
    for _ in range(3):
        entry.press("up")
    assert entry.text == "cell 3 2.7"
    for _ in range(5):
        entry.press("down")
    assert entry.text == ""
    typed(entry, "rubbish")
    entry.press("esc")
    assert entry.text == ""


def test_help_covers_the_screen_until_a_key() -> None:
    entry = Entry()
    typed(entry, "help")
    assert entry.press("enter") is None
    assert entry.help
    assert "cell N VOLTS" in shown(compose(None, entry, (120, 40)))
    entry.press("q")
    assert (entry.help, entry.text) == (False, "q")


@settings(deadline=None)
@given(
    st.lists(st.one_of(st.characters(), st.sampled_from(["enter", "up", "down", "backspace", "esc", "erase", "f7"])))
)
def test_no_key_breaks_the_command_line(keys: list[str]) -> None:
    entry = Entry()
    for key in keys:
        command = entry.press(key)
        assert command is None or command.strip()
    assert len(entry.text) <= 200


# --- on a terminal ---------------------------------------------------------------------------------------------------
def test_panel_command_and_quit_on_a_terminal(checkout_environment: dict[str, str]) -> None:
    with on_terminal(checkout_environment, "--simulate", command="emulate-bms", size=(120, 32)) as terminal:
        before = terminal.attributes()
        terminal.wait_for_text("Multi    running: works as configured")
        terminal.type("remote off\r")
        terminal.wait_for_text("Multi    held, AC passed through")
        terminal.type("cell 99 3\r")
        terminal.wait_for_text("there is no cell 99: the bank has cells 1 to 16")
        terminal.resize(80, 24)
        terminal.wait_for_text("X-19")
        terminal.type("quit\r")
        assert terminal.finish() == 0
        assert not terminal.screen.alternate
        assert terminal.attributes() == before
        ending = terminal.screen.normal.decode()
        assert "Stopped    quit" in ending
        assert "Reaction   " in ending


def test_ctrl_c_while_the_panel_still_starts(checkout_environment: dict[str, str]) -> None:
    with on_terminal(checkout_environment, "--simulate", command="emulate-bms") as terminal:
        number = terminal.process.pid
        children = Path(f"/proc/{number}/task/{number}/children")
        terminal.wait_for(lambda _screen: children.read_text(encoding="ascii"), "the process that shows")
        os.killpg(number, signal.SIGINT)
        assert terminal.finish() == 0
        ending = terminal.screen.normal.decode()
        assert "Stopped    Ctrl-C" in ending
        assert "ended by signal" not in ending


def test_a_killed_panel_is_told_and_the_report_comes(checkout_environment: dict[str, str]) -> None:
    with on_terminal(checkout_environment, "--simulate", command="emulate-bms") as terminal:
        terminal.wait_for_text("Multi    running: works as configured")
        number = terminal.process.pid
        (child,) = Path(f"/proc/{number}/task/{number}/children").read_text(encoding="ascii").split()
        os.kill(int(child), signal.SIGKILL)
        assert terminal.finish() == 1
        ending = terminal.screen.normal.decode()
        assert "Stopped    the panel is gone" in ending
        assert "vebus: the panel ended by signal 9" in ending


@covers("X-1", trips=True)
def test_another_name_than_that_of_the_port_is_refused(checkout_environment: dict[str, str]) -> None:
    arguments = ("--transmit", "--bench", "-i", "/dev/null")
    with on_terminal(checkout_environment, *arguments, command="emulate-bms", size=(200, 24)) as terminal:
        terminal.wait_for(lambda screen: b"type the name of the port" in screen.normal, "the question")
        assert b"check for hazardous voltages" in terminal.screen.normal
        terminal.type("/dev/zero\r")
        assert terminal.finish() == 20
        assert "refused: X-1 (two opt-ins)" in terminal.screen.normal.decode()
