"""What frames mean together: numbers, syncs, requests and replies, learned scales, in one pass and in two."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import pytest

from tests.streams import BUS_FB, BUS_REPLY, BUS_SYNC, adapter, bus, flip
from vebus_protocol.frame import Frame, dissect_frame, encode_frame
from vebus_protocol.scaling import RamScale, ScaleBook, SettingScale
from vebus_protocol.schema import Direction, Link
from vebus_tools.decoder import decode_chunks
from vebus_tools.nodes import Dissection
from vebus_tools.records import Chunk, Finding, Group, Record, Severity, Stamp, TimeSource
from vebus_tools.runner import dissections, survey
from vebus_tools.session import REPLY_WINDOW_S, Context, Knowledge, Session

NO_REQUEST = "No request with this ID in the capture"
NO_REPLY = "No reply to this request in the capture"
ASSUMED = "assumed scale"


def at_times(wires: Iterable[bytes | tuple[bytes, float]], link: Link, interface: str = "") -> list[Chunk]:
    """One log line for each frame, 10 ms apart, or at the time that stands beside it."""
    timed = [wire if isinstance(wire, tuple) else (wire, at / 100) for at, wire in enumerate(wires)]
    return [
        Chunk(data=data, stamp=Stamp(at, TimeSource.LOG), whole=True, link=link, interface=interface)
        for data, at in timed
    ]


def told(chunks: Sequence[Chunk], knowledge: Knowledge | None = None) -> list[tuple[Record, Context]]:
    session = Session(knowledge)
    return [(record, session.observe(record)) for record in decode_chunks(chunks, Link.RS485)]


def contexts(*wires: bytes | tuple[bytes, float], link: Link = Link.RS485) -> list[Context]:
    return [context for _, context in told(at_times(wires, link))]


def on_adapter(*payloads: str) -> list[Context]:
    return contexts(*(adapter(payload) for payload in payloads), link=Link.MK3)


def texts(context: Context) -> list[str]:
    return [found.text for found in context.findings]


def both_passes(chunks: Sequence[Chunk]) -> tuple[list[Dissection], list[Dissection]]:
    """One pass alone, and the second of two."""
    known = survey(chunks, Link.RS485)
    return list(dissections(chunks, Link.RS485)), list(dissections(chunks, Link.RS485, knowledge=known))


def numbered(number: int) -> bytes:
    return bus("38 01 C0 C0", number)


# --- frame numbers and syncs -----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("numbers", "found"),
    [
        ((1, 2, 3), ["", "", ""]),
        ((126, 127, 0, 1), ["", "", "", ""]),
        ((1, 3), ["", "Frame number gap: 1 missing before 3, the last one was 1"]),
        ((127, 1), ["", "Frame number gap: 1 missing before 1, the last one was 127"]),
        ((5, 4), ["", "Frame number gap: 126 missing before 4, the last one was 5"]),
        ((5, 5, 6), ["", "Frame number 5 repeated", ""]),
    ],
)
def test_frame_numbers(numbers: tuple[int, ...], found: list[str]) -> None:
    heard = contexts(*(numbered(number) for number in numbers))
    assert ["".join(texts(context)) for context in heard] == found
    assert {f.group for context in heard for f in context.findings} <= {Group.SEQUENCE}
    assert {f.abbrev for context in heard for f in context.findings} <= {"vebus.seq"}


def test_five_byte_frames_have_no_number() -> None:
    assert not any(texts(context) for context in contexts(numbered(1), BUS_FB, numbered(2)))


def test_a_damaged_number_does_not_count() -> None:
    damaged = flip(numbered(2), 8 * 3 + 6)
    heard = contexts(numbered(1), damaged, numbered(3))
    assert texts(heard[1]) == []
    assert texts(heard[2]) == ["Frame number gap: 1 missing before 3, the last one was 1"]


def test_interval_between_syncs() -> None:
    other = encode_frame(Frame(sender=0x8383, kind=0xFD, number=4, payload=bytes.fromhex("55 51 20 03")))
    heard = contexts((BUS_SYNC, 1.0), (BUS_REPLY, 1.01), (other, 1.02))
    assert [context.sync_interval_s for context in heard[:2]] == [None, None]
    assert heard[2].sync_interval_s == pytest.approx(0.02)


def test_a_damaged_sync_starts_no_interval() -> None:
    heard = contexts((BUS_SYNC, 1.0), (flip(BUS_SYNC, 50), 1.02), (BUS_SYNC, 1.04))
    assert heard[1].sync_interval_s is None
    assert heard[2].sync_interval_s == pytest.approx(0.04)


# --- pairing ---------------------------------------------------------------------------------------------------------
READ, VALUE = bus("00 E6 30 04", 1, 0x98F7), bus("00 E6 85 33 05", 2)


def test_request_and_reply_by_transaction_id() -> None:
    other = bus("00 E7 30 05", 2, 0x98F7)
    asked, also_asked, replied = contexts((READ, 1.0), (other, 1.01), (VALUE, 1.03))
    assert (asked.response_in, also_asked.response_to) == (None, None)
    assert replied.response_to == 1
    assert replied.response_time_s == pytest.approx(0.03)
    assert replied.ram_ids == (4,)


def test_with_two_passes_the_request_knows_its_reply() -> None:
    chunks = at_times([READ, numbered(2), VALUE], Link.RS485)
    known = survey(chunks, Link.RS485)
    assert known.responses == {1: 3}
    assert [context.response_in for _, context in told(chunks, known)] == [3, None, None]


def test_request_and_reply_by_channel() -> None:
    heard = on_adapter("FF 58 30 04", "FF 59 30 05", "FF 59 85 01 00", "FF 58 85 33 05")
    assert [context.response_to for context in heard] == [None, None, 2, 1]
    assert [context.ram_ids for context in heard[2:]] == [(5,), (4,)]


def test_a_heartbeat_between_request_and_reply_changes_nothing() -> None:
    heard = on_adapter("FF 58 30 04", "FF 56 24 DB 11 00 42", "FF 58 85 33 05")
    assert [context.response_to for context in heard] == [None, None, 1]
    assert not any(texts(context) for context in heard)


@pytest.mark.parametrize(
    ("asked", "replied"),
    [
        ("FF 46 00", "20 40 A5 C4 01 0C 33 05 12 00 00 00 00 00 86"),
        ("FF 46 01", "20 01 01 01 09 08 EC 5A 5F FF EC 5A 08 00 C3"),
        ("FF 46 05", "41 10 05 00 00 94 5E 00 F4 01 63 00 77"),
        ("FF 46 07 00", "20 78 56 34 12 02 00 00 01 00 00 00 00 10 00"),
        ("FF 56", "FF 56 24 DB 11 00 42"),
        ("FF 52", "FF 56 24 DB 11 00 42"),
        ("FF 44", "FF 44 03 40 01 00 D0 00"),
        ("FF 4C", "FF 4C 01 0C 00 00 80 00"),
        ("FF 53 03 40 01 01 D0 00 05", "FF 53"),
        ("FF 48", "FF 48 05"),
        ("FF 48 03", "FF 48 03"),
        ("FF 41 01 00", "FF 41 01 00"),
        ("21 FF FF FF FF 83", "20 00 00 00 00 83 B8 FF 12 00"),
    ],
)
def test_adapter_commands_and_info_requests(asked: str, replied: str) -> None:
    heard = on_adapter(asked, replied)
    assert [context.response_to for context in heard] == [None, 1]


def test_an_info_frame_of_another_phase_is_no_answer() -> None:
    heard = on_adapter("FF 46 02", "20 01 01 01 09 08 EC 5A 5F FF EC 5A 08 00 C3")
    assert heard[1].response_to is None
    assert texts(heard[1]) == []  # info frames also come unasked


def test_frames_that_look_alike_take_turns() -> None:
    heard = on_adapter("FF 41 01 00", "FF 41 01 00", "FF 41 00 00", "FF 41 00 00")
    ways = [Direction.TO_DEVICE, Direction.FROM_DEVICE] * 2
    assert [context.direction for context in heard] == ways
    assert [context.response_to for context in heard] == [None, 1, None, 3]


def test_a_told_direction_is_not_overruled() -> None:
    way = Direction.TO_DEVICE
    chunks = [replace(chunk, direction=way) for chunk in at_times([adapter("FF 48 05")] * 2, Link.MK3)]
    assert [(context.direction, context.response_to) for _, context in told(chunks)] == [(None, None)] * 2


def test_a_reply_without_a_request_is_a_finding() -> None:
    (context,) = contexts(VALUE)
    assert context.findings == (Finding(Severity.NOTE, Group.RESPONSE, NO_REQUEST),)
    assert context.ram_ids == ()


def test_a_second_reply_is_a_finding() -> None:
    assert texts(contexts(READ, VALUE, bus("00 E6 85 33 05", 3))[2]) == [
        "Request 1, which has the same ID, was answered before"
    ]


def test_a_reply_that_does_not_fit_is_a_finding_and_the_request_goes_on_waiting() -> None:
    heard = contexts(READ, bus("00 E6 86 33 05", 2), bus("00 E6 85 33 05", 3))
    assert texts(heard[1]) == ["Does not answer request 1, which has the same ID"]
    assert heard[2].response_to == 1


def test_the_reply_window_ends() -> None:
    in_time = contexts((READ, 1.0), (VALUE, 1.0 + REPLY_WINDOW_S))
    late = contexts((READ, 1.0), (VALUE, 1.1 + REPLY_WINDOW_S))
    assert in_time[1].response_to == 1
    assert late[1].response_to is None
    assert texts(late[1]) == ["Too late for request 1, which has the same ID: 5.100 s"]


def test_requests_without_a_reply_need_two_passes() -> None:
    again = bus("00 E6 30 04", 2, 0x98F7)
    chunks = at_times([READ, again, bus("00 E6 85 33 05", 3), bus("00 E7 30 04", 4, 0x98F7)], Link.RS485)
    known = survey(chunks, Link.RS485)
    assert known.unanswered == {1, 4}
    assert [texts(context) for _, context in told(chunks)] == [[], [], [], []]
    second = [context for _, context in told(chunks, known)]
    assert [texts(context) for context in second] == [[NO_REPLY], [], [], [NO_REPLY]]
    assert second[0].findings[0].severity is Severity.WARN


def test_a_request_that_was_answered_too_late_has_no_reply() -> None:
    chunks = at_times([(READ, 1.0), (VALUE, 20.0)], Link.RS485)
    assert survey(chunks, Link.RS485).unanswered == {1}


def test_two_step_writes_may_stay_unanswered() -> None:
    wires = [adapter(payload) for payload in ("FF 57 32 81 00", "FF 57 34 C8 00", "FF 57 87")]
    known = survey(at_times(wires, Link.MK3), Link.MK3)
    assert known.unanswered == frozenset()
    assert known.responses == {2: 3}


def test_a_damaged_reply_answers_nothing() -> None:
    chunks = at_times([READ, flip(VALUE, 8 * 7)], Link.RS485)
    assert survey(chunks, Link.RS485).responses == {}
    assert [context.response_to for _, context in told(chunks)] == [None, None]


def test_a_damaged_request_asks_nothing() -> None:
    assert texts(contexts(flip(READ, 8 * 7), VALUE)[1]) == [NO_REQUEST]


# --- snapshots -------------------------------------------------------------------------------------------------------
def test_a_snapshot_has_the_ids_that_were_frozen() -> None:
    heard = on_adapter("FF 46 06 0E 10 0F", "FF 58 38", "FF 58 99 89 FE 05 00 72 01")
    assert heard[2].ram_ids == (14, 16, 15)


def test_ids_that_were_frozen_after_the_request_belong_to_the_next_snapshot() -> None:
    heard = on_adapter("FF 46 06 0E", "FF 58 38", "FF 46 06 04", "FF 58 99 89 FE", "FF 59 38", "FF 59 99 33 05")
    assert [heard[3].ram_ids, heard[5].ram_ids] == [(14,), (4,)]


def test_a_damaged_freeze_is_not_believed() -> None:
    wires = [adapter("FF 46 06 0E"), flip(adapter("FF 46 06 04"), 36), adapter("FF 58 38"), adapter("FF 58 99 89 FE")]
    assert contexts(*wires, link=Link.MK3)[3].ram_ids == (14,)


# --- scales ----------------------------------------------------------------------------------------------------------
def marks(dissection: Dissection) -> set[str]:
    return {node.mark for node in dissection.walk()}


def value_of(dissection: Dissection, abbrev: str) -> object:
    return next(node.value for node in dissection.walk() if node.abbrev == abbrev)


ANNOUNCED = {
    "combined": [adapter("FF 58 36 04"), adapter("FF 58 8E 38 7F 00 00")],
    "split": [adapter("FF 58 36 04 00"), adapter("FF 58 8E 38 7F 8F 00 00")],
    "piecewise": [adapter("FF 57 36 04 00"), adapter("FF 57 8E 38 7F"), adapter("FF 57 8F 00 00")],
}
RAM_4 = [adapter("FF 59 30 04"), adapter("FF 59 85 10 27")]  # 10000


@pytest.mark.parametrize("form", ANNOUNCED)
def test_ram_scale_is_used_from_its_announcement_on(form: str) -> None:
    """Factor 0.005, not the 0.01 of the table."""
    chunks = at_times([*RAM_4, *ANNOUNCED[form], *RAM_4], Link.MK3)
    one, two = both_passes(chunks)
    assert [value_of(one[at], "vebus.ram.value") for at in (1, -1)] == [100.0, 50.0]
    assert [ASSUMED in marks(one[at]) for at in (1, -1)] == [True, False]
    assert [value_of(two[at], "vebus.ram.value") for at in (1, -1)] == [50.0, 50.0]
    assert not any(ASSUMED in marks(dissection) for dissection in two)
    assert ASSUMED in one[1].remarks
    assert ASSUMED not in two[1].remarks


SETTING = {
    "combined": [adapter("FF 58 35 02"), adapter("FF 58 89 CE FF 00 00 A0 05 B0 04 40 06")],
    "split": [
        adapter("FF 58 35 02 00"),
        adapter("FF 58 89 CE FF 8A 00 00 8B A0 05 8C B0 04 8D 40 06"),
    ],
    "piecewise": [
        adapter(f"FF 57 {body}") for body in ("35 02 00", "89 CE FF", "8A 00 00", "8B A0 05", "8C B0 04", "8D 40 06")
    ],
}
SETTING_2 = [adapter("FF 59 31 02 00"), adapter("FF 59 86 A0 05")]  # 1440


@pytest.mark.parametrize("form", SETTING)
def test_setting_scale_is_used_from_its_announcement_on(form: str) -> None:
    """Divided by 50, not by the 100 of the table."""
    chunks = at_times([*SETTING_2, *SETTING[form], *SETTING_2], Link.MK3)
    one, two = both_passes(chunks)
    assert [value_of(one[at], "vebus.setting.value") for at in (1, -1)] == [14.4, 28.8]
    assert [ASSUMED in marks(one[at]) for at in (1, -1)] == [True, False]
    assert [value_of(two[at], "vebus.setting.value") for at in (1, -1)] == [28.8, 28.8]
    assert not any(ASSUMED in marks(dissection) for dissection in two)


@pytest.mark.parametrize("form", [SETTING, ANNOUNCED])
def test_every_piece_belongs_to_its_request(form: dict[str, list[bytes]]) -> None:
    heard = contexts(*form["piecewise"], link=Link.MK3)
    assert [context.response_to for context in heard] == [None, *([1] * (len(heard) - 1))]
    assert not any(texts(context) for context in heard)
    known = survey(at_times(form["piecewise"], Link.MK3), Link.MK3)
    assert known.responses == {1: 2}  # the first piece is the reply


def learned(*payloads: str) -> ScaleBook:
    """The book after these adapter frames."""
    return on_adapter(*payloads)[-1].book


@pytest.mark.parametrize("reply", ["FF 58 8E", "FF 58 8E 00 00", "FF 58 8E 00 00 8F 00 00", "FF 58 8E 00 00 05 00"])
def test_ram_variable_that_is_not_there(reply: str) -> None:
    assert learned("FF 58 36 0A", reply).learned_ram == {10: RamScale(scale=0, offset=0)}


@pytest.mark.parametrize("reply", ["FF 58 89", "FF 58 89 00 00"])
def test_setting_that_is_not_there(reply: str) -> None:
    assert learned("FF 58 35 0D", reply).learned_settings == {13: SettingScale(scale=0, offset=0)}


@pytest.mark.parametrize("reply", ["FF 58 8E 9C", "FF 58 8E 9C 7F 00", "FF 58 8E 9C 7F 00 00 00", "FF 58 80 00"])
def test_a_reply_of_unknown_length_announces_nothing(reply: str) -> None:
    assert learned("FF 58 36 04", reply).learned_ram == {}


def test_bit_variables_and_negative_offsets() -> None:
    assert learned("FF 58 36 0B", "FF 58 8E 05 00 00 80").learned_ram == {11: RamScale(scale=5, offset=-0x8000)}
    assert learned("FF 58 36 07", "FF 58 8E 5F 78 00 FF").learned_ram == {7: RamScale(scale=0x785F, offset=-256)}


def test_the_last_announcement_counts() -> None:
    book = learned("FF 58 36 04", "FF 58 8E", "FF 59 36 04", "FF 59 8E 9C 7F 00 00")
    assert book.learned_ram == {4: RamScale(scale=0x7F9C)}


def test_pieces_of_two_channels_do_not_mix() -> None:
    book = learned("FF 58 36 04", "FF 59 36 05", "FF 58 8E 9C 7F", "FF 59 8E 0A 80", "FF 58 8F 00 00", "FF 59 8F 01 00")
    assert book.learned_ram == {4: RamScale(scale=0x7F9C), 5: RamScale(scale=-0x7FF6, offset=1)}


def test_a_piece_without_its_first_half_announces_nothing() -> None:
    assert learned("FF 58 36 04", "FF 58 8F 00 00").learned_ram == {}
    assert learned("FF 58 36 04", "FF 58 8E 9C 7F", "FF 58 8A 00 00").learned_ram == {}
    assert learned("FF 58 30 04", "FF 58 85 01 00", "FF 58 8F 00 00").learned_ram == {}


def test_a_new_request_forgets_the_half_of_the_old_one() -> None:
    book = learned("FF 58 36 04", "FF 58 8E 9C 7F", "FF 58 36 05", "FF 58 8F 00 00")
    assert book.learned_ram == {}


def test_announcements_on_the_bus() -> None:
    heard = contexts(bus("00 83 36 04 00", 1, 0x98F7), bus("00 83 8E 9C 7F 00 00", 2))
    assert heard[1].book.learned_ram == {4: RamScale(scale=0x7F9C)}
    assert heard[1].ram_ids == (4,)
    setting = contexts(bus("00 8D 35 0D 00", 1, 0x98F7), bus("00 8D 89", 2))
    assert setting[1].book.learned_settings == {13: SettingScale(scale=0)}
    assert setting[1].setting_id == 13


def test_an_announcement_nobody_asked_for_announces_nothing() -> None:
    """Without its request nobody knows which variable it is about."""
    assert learned("FF 58 8E 9C 7F 00 00").learned_ram == {}
    assert learned("FF 58 30 04", "FF 58 8E 9C 7F 00 00").learned_ram == {}


@pytest.mark.parametrize("bit", range(8 * 9))
def test_damaged_frames_never_teach_anything(bit: int) -> None:
    request, reply = adapter("FF 58 36 04"), adapter("FF 58 8E 38 7F 00 00")
    for wires in ([request, flip(reply, bit)], [flip(request, bit), reply]):
        heard = contexts(*wires, link=Link.MK3)
        assert all(not context.book.learned_ram for context in heard)
    on_bus = contexts(bus("00 83 36 04", 1, 0x98F7), flip(bus("00 83 8E 38 7F 00 00", 2), 16 + bit))
    assert not on_bus[-1].book.learned_ram


def test_scales_to_assume_come_from_the_caller() -> None:
    book = ScaleBook(table=None)
    session = Session(book=book)
    (record,) = decode_chunks(at_times([BUS_SYNC], Link.RS485), Link.RS485)
    assert session.observe(record).book is book
    assert Session(Knowledge(), book).observe(record).book is book


# --- several interfaces ----------------------------------------------------------------------------------------------
def test_two_interfaces_do_not_mix() -> None:
    """One capture of two adapters and two buses, with the same channels, ids and numbers."""
    first = at_times([*ANNOUNCED["combined"], *RAM_4], Link.MK3, "mk3-a")
    second = at_times([*RAM_4, adapter("FF 58 8E 38 7F 00 00")], Link.MK3, "mk3-b")
    chunks = [*first, *second]
    one, two = both_passes(chunks)
    for passed in (one, two):
        by_port = {(item.record.interface, item.record.number): item for item in passed}
        assert value_of(by_port["mk3-a", 4], "vebus.ram.value") == 50.0
        assert ASSUMED not in marks(by_port["mk3-a", 4])
        assert value_of(by_port["mk3-b", 6], "vebus.ram.value") == 100.0
        assert ASSUMED in marks(by_port["mk3-b", 6])
        assert NO_REQUEST in [found.text for found in by_port["mk3-b", 7].findings]


def test_two_links_under_one_name_do_not_mix() -> None:
    chunks = [*at_times(ANNOUNCED["combined"], Link.MK3, "x"), *at_times([VALUE], Link.RS485, "x")]
    heard = told(chunks)
    assert [bool(context.book.learned_ram) for _, context in heard] == [False, True, False]
    known = survey(chunks, Link.RS485)
    assert {port: len(book.learned_ram) for port, book in known.books.items()} == {
        (Link.MK3, "x"): 1,
        (Link.RS485, "x"): 0,
    }


def test_numbers_syncs_snapshots_and_requests_are_those_of_one_interface() -> None:
    def on(interface: str, *wires: bytes, link: Link = Link.RS485) -> list[Chunk]:
        return at_times(wires, link, interface)

    chunks = [*on("a", numbered(1)), *on("b", numbered(90)), *on("a", numbered(2)), *on("b", numbered(91))]
    chunks += [*on("a", BUS_SYNC), *on("b", BUS_SYNC), *on("a", READ), *on("b", VALUE)]
    chunks += on("c", adapter("FF 46 06 0E"), link=Link.MK3)
    chunks += on("d", adapter("FF 58 38"), adapter("FF 58 99 33 05"), link=Link.MK3)
    heard = [context for _, context in told(chunks)]
    assert not any(texts(context) for context in heard[:4])
    assert [context.sync_interval_s for context in heard[4:6]] == [None, None]
    assert heard[7].response_to is None
    assert NO_REQUEST in texts(heard[7])
    assert heard[10].ram_ids == ()


# --- senders ---------------------------------------------------------------------------------------------------------
def test_last_known_state_of_each_sender() -> None:
    session = Session()
    stream = BUS_SYNC + BUS_REPLY + flip(BUS_REPLY, 58) + READ
    for record in decode_chunks([Chunk(data=stream)], Link.RS485):
        session.observe(record)
    multi, mk3 = session.senders[0x8383], session.senders[0x98F7]
    assert (multi.frames, multi.bad, mk3.frames, mk3.bad) == (3, 1, 1, 0)
    assert set(multi.last) == {"Sync", "Reply"}
    assert multi.last["Reply"].build() == dissect_frame(BUS_REPLY).payload[2:]


@pytest.mark.parametrize(("surveys", "kept"), [(False, 0), (True, 200)])
def test_only_a_survey_keeps_what_grows_with_the_capture(*, surveys: bool, kept: int) -> None:
    asked, answer = bus("00 80 30 04", 1), bus("00 80 85 01 02", 2)
    session = Session(survey=surveys)
    for record in decode_chunks(at_times([asked, answer] * 200, Link.RS485), Link.RS485):
        session.observe(record)
    assert len(session.knowledge().responses) == kept
