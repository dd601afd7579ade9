"""Which part a frame plays in an exchange, and which frames belong together."""

import pytest

from tests.streams import adapter, bus
from vebus_protocol.schema import Direction, Link
from vebus_tools.decoder import decode_chunks
from vebus_tools.exchanges import Exchange, Key, Role, answers, exchange_of
from vebus_tools.records import Chunk, Record

TO, FROM = Direction.TO_DEVICE, Direction.FROM_DEVICE


def heard(wire: bytes, link: Link = Link.MK3, direction: Direction | None = None) -> Record:
    (record,) = decode_chunks([Chunk(data=wire, direction=direction, whole=True)], link)
    return record


def of(payload: str, direction: Direction | None = None) -> Exchange | None:
    """Exchange of an adapter frame."""
    return exchange_of(heard(adapter(payload), direction=direction))


def of_bus(payload: str) -> Exchange | None:
    return exchange_of(heard(bus(payload), Link.RS485))


# --- keys and roles --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("payload", "key", "role"),
    [
        ("00 E6 30 04", ("tid", 0xE6), Role.REQUEST),
        ("00 E6 85 33 05", ("tid", 0xE6), Role.REPLY),
        ("00 E7 85 33 05", ("tid", 0xE7), Role.REPLY),
        ("00 E6 8F 00 00", ("tid", 0xE6), Role.CONTINUATION),
        ("21 FF FF FF FF 83", ("info", "bms"), Role.REQUEST),
        ("20 00 00 00 00 83 F4 7C 11 00", ("info", "bms"), Role.REPLY),
        ("21 FF FF FF FF 80", ("info", "dmc"), Role.REQUEST),
        ("20 00 00 00 00 80 10 3E 11 00", ("info", "dmc"), Role.REPLY),
        ("21 00 00 00 00 00", ("info", "dc"), Role.REQUEST),
        ("20 40 A5 C4 01 0C 33 05 12 00 00 00 00 00 86", ("info", "dc"), Role.REPLY),
        ("21 00 00 00 00 01 00", ("info", "l1"), Role.REQUEST),
        ("41 10 01 0C 00 10 00 00 F4 01 5E 01 77", ("info", "ac input"), Role.REPLY),
    ],
)
def test_bus_frames(payload: str, key: Key, role: Role) -> None:
    found = of_bus(payload)
    assert found is not None
    assert (found.key, found.role) == (key, role)


@pytest.mark.parametrize(
    ("payload", "key", "role"),
    [
        ("FF 58 30 04", ("channel", "X"), Role.REQUEST),
        ("FF 58 85 33 05", ("channel", "X"), Role.REPLY),
        ("FF 59 85 33 05", ("channel", "Y"), Role.REPLY),
        ("FF 78 30 04 01", ("channel", "X"), Role.REQUEST),  # x with an address is answered by X
        ("FF 57 8F 00 00", ("channel", "W"), Role.CONTINUATION),
        ("FF 46 00", ("info", "dc"), Role.REQUEST),
        ("FF 46 01", ("info", "l1"), Role.REQUEST),
        ("FF 46 04", ("info", "l4"), Role.REQUEST),
        ("FF 46 05", ("info", "ac input"), Role.REQUEST),
        ("FF 46 07 00", ("info", "identity"), Role.REQUEST),
        ("FF 46 09 03 00 10 00", ("info", "limits"), Role.REQUEST),
        ("20 78 56 34 12 02 00 00 01 00 00 00 00 10 00", ("info", "identity"), Role.REPLY),
        ("3C 01 02 03 04 05 06", ("info", "limits"), Role.REPLY),
        ("FF 56", ("adapter", "V"), Role.REQUEST),
        ("FF 56 00", ("adapter", "V"), Role.REQUEST),  # the surplus 00 of old adapters
        ("FF 56 24 DB 11 00 42", ("adapter", "V"), Role.REPLY),
        ("FF 52", ("adapter", "V"), Role.REQUEST),
        ("FF 44", ("adapter", "D"), Role.REQUEST),
        ("FF 44 03 40 01 00 D0 00", ("adapter", "D"), Role.REPLY),
        ("FF 53 03 40 01 01 D0 00 05", ("adapter", "S"), Role.REQUEST),
        ("FF 53", ("adapter", "S"), Role.REPLY),
        ("FF 4C", ("adapter", "L"), Role.REQUEST),
        ("FF 4C 01 0C 00 00 80 00", ("adapter", "L"), Role.REPLY),
        ("FF 48", ("adapter", "H"), Role.REQUEST),
        ("FF 48 05", ("adapter", "H"), Role.EITHER),
        ("FF 41 01 00", ("adapter", "A"), Role.EITHER),
    ],
)
def test_adapter_frames(payload: str, key: Key, role: Role) -> None:
    found = of(payload)
    assert found is not None
    assert (found.key, found.role) == (key, role)


@pytest.mark.parametrize("selector", [5, 6, 7, 8, 9, 10, 11])
def test_each_phase_answers_its_own_request(selector: int) -> None:
    found = of(f"20 01 01 01 09 {selector:02X} EC 5A 5F FF EC 5A 08 00 C3")
    phase = {5: "l4", 6: "l3", 7: "l2"}.get(selector, "l1")
    assert found == Exchange(("info", phase), Role.REPLY)


@pytest.mark.parametrize("payload", ["FF 41 01 00", "FF 48 05"])
def test_a_told_direction_says_what_the_bytes_do_not(payload: str) -> None:
    to, back = of(payload, TO), of(payload, FROM)
    assert to is not None
    assert back is not None
    assert (to.role, back.role) == (Role.REQUEST, Role.REPLY)


@pytest.mark.parametrize(
    "payload",
    [
        "FF 46 06 0E 0F 10",  # freeze a snapshot: no answer
        "FF 46 08 00 00 00 00",  # reset: no answer
        "FF 46",
        "FF 4E",
        "FF 43 01",
        "FF 99 01",
        "FF 58",
        "38 04 6C 00 00",
        "40 03 00 00 00",
        "77 01 02",
        "00 01",
    ],
)
def test_frames_that_belong_to_no_exchange(payload: str) -> None:
    assert of(payload) is None


@pytest.mark.parametrize(
    "payload", ["80 80 13 00 80 02 01 30 00 00 00 BE 00", "38 01 C0 C0", "3F 07 00 00 00", "00", "00 E6"]
)
def test_bus_frames_that_belong_to_no_exchange(payload: str) -> None:
    assert of_bus(payload) is None


def test_skipped_bytes_and_five_byte_frames_belong_to_none() -> None:
    assert exchange_of(heard(b"\x01\x02\x03", Link.RS485)) is None
    assert exchange_of(heard(bytes.fromhex("00 FB 10 6F FF"), Link.RS485)) is None


# --- what fits -------------------------------------------------------------------------------------------------------
def body(payload: str) -> Record:
    return heard(bus("00 E6 " + payload), Link.RS485)


@pytest.mark.parametrize(
    ("request_", "reply", "fits"),
    [
        ("30 04", "85 33 05", True),
        ("30 04", "90", True),
        ("30 04", "86 33 05", False),
        ("31 02 00", "86 DA 16", True),
        ("31 02 00", "91", True),
        ("35 02 00", "89 9C FF 00 00 A0 05 B0 04 40 06 00", True),
        ("35 02 00", "8E 9C 7F 00 00", False),
        ("36 04 00", "8E 9C 7F 00 00", True),
        ("36 04 00", "8F 00 00", True),
        ("36 04 00", "8A 00 00", False),
        ("37 02 83 64 00", "87", True),
        ("37 02 83 64 00", "88", False),
        ("37 03 06 64 00", "88", True),
        ("05", "82 74 1F 28 00", True),
        ("38", "99 01 00", True),
        ("30 04", "80 00", True),  # refused: always possible
        ("37 02 83 64 00", "9B 02", True),
        ("1F", "A5 01", True),  # nobody knows what answers an unknown request
    ],
)
def test_reply_codes_that_fit(request_: str, reply: str, fits: bool) -> None:  # noqa: FBT001  (a table of cases)
    assert answers(body(reply).chain[-1].message, body(request_).chain[-1].message) is fits


def test_two_step_writes_need_no_answer() -> None:
    for code in ("32", "33"):
        found = of_bus(f"00 E6 {code} 05 00")
        assert found is not None
        assert not found.expects_reply
    answered = of_bus("00 E6 34 05 00")
    assert answered is not None
    assert answered.expects_reply


def test_only_winmon_replies_are_findings_without_a_request() -> None:
    """Info frames, V and 41 also come unasked."""
    asked_only = {
        payload: exchange_of(heard(adapter(payload))) for payload in ("FF 58 85 33 05", "FF 56 24 DB 11 00 42")
    }
    assert [found.only_on_request for found in asked_only.values() if found] == [True, False]
