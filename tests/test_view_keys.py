"""Keys of the live table: from bytes to keys, and what each of them does."""

import contextlib
import socket
from collections.abc import Iterator

import pytest

from vebus_tools.view.channel import Channel
from vebus_tools.view.controls import KEYS, SIDE_STEP, Controls, Sort
from vebus_tools.view.keys import Keys
from vebus_tools.view.model import Row
from vebus_tools.view.screen import compose, plain_text
from vebus_tools.view.update import Command, Status, Update, Verb


def update(done: int = 0, count: int = 1, rows: int = 1, filter: str = "", problem: str = "") -> Update:  # noqa: A002
    status = Status(port="sim:", elapsed_s=1.0, frames=count, speed=1.0)
    made = tuple(
        Row(
            ident=at,
            name=f"Message {at:02d}",
            sender="Multi",
            rank=1,
            style="",
            count=count + at,
            rate=1.0,
            period_s=1.0,
            jitter_s=0.0,
            age_s=0.1,
            values=f"V={at}",
            longest=4,
            data=bytes((at, 1, 2)),
            changed=bytes(3),
            recent=frozenset(),
            shown=True,
        )
        for at in range(rows)
    )
    return Update(status=status, rows=made, done=done, filter=filter, problem=problem)


def controls_with(rows: int = 1, filter: str = "", problem: str = "") -> Controls:  # noqa: A002
    controls = Controls()
    controls.receive(update(rows=rows, filter=filter, problem=problem))
    painted(controls)
    return controls


def painted(controls: Controls) -> str:
    """The screen, with what the painter tells the controls."""
    page = compose(controls, (80, 24))
    controls.limit, controls.page = page.limit, page.page
    return plain_text(page)


def press(controls: Controls, *keys: str) -> list[Command]:
    return [command for key in keys if (command := controls.press(key)) is not None]


# --- bytes to keys ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"q", ["q"]),
        (b" #*", [" ", "#", "*"]),
        (b"\x1b[A\x1b[B\x1b[C\x1b[D", ["up", "down", "right", "left"]),
        (b"\x1bOA\x1bOH\x1bOF", ["up", "home", "end"]),
        (b"\x1b[5~\x1b[6~\x1b[1~\x1b[4~", ["pgup", "pgdn", "home", "end"]),
        (b"\x1b[H\x1b[F", ["home", "end"]),
        (b"a\rb\x7f", ["a", "enter", "b", "backspace"]),
        (b"\x0c\x15", ["repaint", "erase"]),
        ("ü€".encode(), ["ü", "€"]),
        (b"\x1b[15;2~\x1b[Zx", ["x"]),
        (b"\x1bxq", ["q"]),
        (b"\x00\x01q", ["q"]),
    ],
)
def test_bytes_become_keys_however_they_are_cut(data: bytes, expected: list[str]) -> None:
    assert Keys().feed(data) == expected
    keys = Keys()
    assert [key for at in range(len(data)) for key in keys.feed(data[at : at + 1])] == expected


def test_escape_alone_is_a_key_when_nothing_follows() -> None:
    keys = Keys()
    assert keys.feed(b"\x1b") == []
    assert keys.waiting
    assert keys.timeout() == ["esc"]
    assert not keys.waiting
    assert keys.timeout() == []
    assert keys.feed(b"\x1b\x1b[A") == ["esc", "up"]


def test_an_endless_sequence_is_given_up() -> None:
    keys = Keys()
    keys.feed(b"\x1b[" + b"1" * 200)
    assert keys.feed(b"q")[-1:] == ["q"]


# --- keys to actions -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("keys", "verb"),
    [
        ("q", Verb.QUIT),
        ("esc", Verb.QUIT),
        ("c", Verb.CLEAR),
        ("r", Verb.CLEAR),
        ("#", Verb.NOTCH),
        ("*", Verb.UNNOTCH),
        ("m", Verb.MARK),
    ],
)
def test_commands(keys: str, verb: Verb) -> None:
    assert press(controls_with(), keys) == [Command(verb)]


def test_pause_freezes_the_screen_and_lets_answers_through() -> None:
    for key in (" ", "p"):
        controls = controls_with()
        assert press(controls, key) == []
        controls.receive(update(count=50))
        assert "PAUSED" in painted(controls)
        assert controls.update == update()
        controls.receive(update(done=1, count=60))
        assert controls.update == update(done=1, count=60)
        press(controls, key)
        controls.receive(update(done=1, count=70))
        assert controls.update == update(done=1, count=70)
        assert "LIVE" in painted(controls)


def test_sort_goes_through_all_orders() -> None:
    controls = controls_with()
    seen = []
    for _ in Sort:
        seen.append(controls.sort)
        press(controls, "s")
    assert seen == list(Sort)
    assert controls.sort is Sort.MESSAGE


@pytest.mark.parametrize(("key", "name"), [("h", "highlight"), ("b", "binary"), ("p", "paused")])
def test_switches_go_on_and_off(key: str, name: str) -> None:
    controls = controls_with()
    before = getattr(controls, name)
    press(controls, key)
    assert getattr(controls, name) is not before
    press(controls, key)
    assert getattr(controls, name) is before


def test_filter_is_typed_corrected_and_sent() -> None:
    for key in ("/", "f"):
        controls = controls_with()
        assert press(controls, key, *"vebus.dcc", "backspace") == []
        assert "Filter: vebus.dc" in painted(controls)
        assert press(controls, "enter") == [Command(Verb.FILTER, "vebus.dc")]
        assert controls.draft is None


def test_letters_in_a_filter_are_no_commands_and_escape_leaves_it() -> None:
    controls = controls_with(filter="vebus.ac")
    assert press(controls, "/", "q", "c", "#", "up") == []
    assert controls.draft == "vebus.acqc#"
    assert press(controls, "esc") == []
    assert controls.draft is None
    assert not controls.quitting
    assert press(controls, "/", "erase", "enter") == [Command(Verb.FILTER, "")]


def test_escape_first_takes_a_complaint_away() -> None:
    controls = controls_with(problem="filter: column 1: no such field", filter="vebus.ac")
    assert press(controls, "esc") == [Command(Verb.FILTER, "vebus.ac")]
    controls.receive(update(done=1))
    assert press(controls, "esc") == [Command(Verb.QUIT)]


def test_scrolling_stays_in_the_table_and_changes_no_count() -> None:
    controls = controls_with(rows=30)
    before = controls.update
    assert (controls.page, controls.limit) == (9, 21)
    for keys, top in (
        (["up"], 0),
        (["down", "down", "j"], 3),
        (["k"], 2),
        (["pgdn"], 11),
        (["pgup"], 2),
        (["end"], 21),
        (["pgdn", "down"], 21),
        (["g"], 21),
        (["g"], 0),
        (["G"], 21),
        (["home"], 0),
    ):
        assert press(controls, *keys) == []
        assert controls.top == top, keys
    assert controls.update is before


def test_only_two_g_in_a_row_go_to_the_top() -> None:
    controls = controls_with(rows=30)
    press(controls, "G", "g", "h", "g")
    assert controls.top == 21
    press(controls, "g")
    assert controls.top == 0


def test_arrows_to_the_side_move_the_values() -> None:
    controls = controls_with()
    press(controls, "right", "right", "left")
    assert controls.aside == SIDE_STEP
    press(controls, "left", "left")
    assert controls.aside == 0


def test_help_names_every_key_and_goes_away_with_any() -> None:
    controls = controls_with()
    press(controls, "?")
    text = painted(controls)
    assert all(keys in text for keys, _ in KEYS)
    assert press(controls, "c") == []
    assert "Keys" not in painted(controls)
    press(controls, "?")
    assert press(controls, "q") == [Command(Verb.QUIT)]


def test_keys_before_the_first_update_do_no_harm() -> None:
    controls = Controls()
    assert "Waiting" in painted(controls)
    press(controls, "up", "G", "s", "b", "/", "enter", "p")
    controls.receive(update())
    assert "Message 00" in painted(controls)


# --- between the processes -------------------------------------------------------------------------------------------
@contextlib.contextmanager
def channels() -> Iterator[tuple[Channel, Channel]]:
    ends = socket.socketpair()
    made = Channel(ends[0]), Channel(ends[1])
    try:
        yield made
    finally:
        for channel in made:
            channel.close()


def test_objects_arrive_whole_and_in_order() -> None:
    with channels() as (ours, theirs):
        sent = [update(done=at) for at in range(5)]
        for message in sent:
            ours.send(message)
        assert theirs.receive() == sent
        theirs.send(Command(Verb.FILTER, "vebus.dc"))
        assert ours.receive() == [Command(Verb.FILTER, "vebus.dc")]


def test_an_end_that_does_not_read_makes_nobody_wait_and_loses_no_message() -> None:
    with channels() as (ours, theirs):
        sent = 0
        while not ours.busy:
            ours.send(update(done=sent, rows=40))
            sent += 1
            assert sent < 10_000
        found: list[object] = []
        while ours.busy or len(found) < sent:
            found += theirs.receive()
        assert [message.done for message in found if isinstance(message, Update)] == list(range(sent))


def test_an_end_that_hangs_up_is_seen_and_sending_to_it_does_no_harm() -> None:
    with channels() as (ours, theirs):
        ours.send(update())
        theirs.close()
        for _ in range(3):
            ours.send(update())
        assert ours.receive() == []
        assert not ours.open
