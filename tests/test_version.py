"""Version numbers: the u32 of the wire, and the notations in which people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vebus_protocol.errors import VEBusError
from vebus_protocol.version import (
    VEBusVersion,
    VersionError,
    VersionForm,
    firmware_from_dbus,
    parse_version,
)


@pytest.mark.parametrize(
    ("wire", "processor", "model", "firmware", "text"),
    [
        # winmon-version-reply
        ("74 1F 28 00", 26, 29, 492, "2629492 (processor 26, model 29, firmware 492)"),
        # x-version-reply-combined
        ("F0 68 28 00", 26, 48, 304, "2648304 (processor 26, model 48, firmware 304)"),
        # v-reply-no-address: an MK3
        ("24 DB 11 00", 11, 70, 212, "1170212 (processor 11, model 70, firmware 212)"),
        # bms-present
        ("B8 FF 12 00", 12, 45, 112, "1245112 (processor 12, model 45, firmware 112)"),
        # bms-v1-present
        ("0C 79 11 00", 11, 45, 100, "1145100 (processor 11, model 45, firmware 100)"),
        # dmc-present, a number that was invented
        ("6B 00 00 00", 0, 0, 107, "107 (processor 0, model 0, firmware 107)"),
    ],
)
def test_number_of_the_wire(wire: str, processor: int, model: int, firmware: int, text: str) -> None:
    number = int.from_bytes(bytes.fromhex(wire), "little")
    version = VEBusVersion.from_number(number)
    assert version == VEBusVersion(processor=processor, model=model, firmware=firmware)
    assert (version.number, version.u32, version.sub_version) == (number, number, None)
    assert str(version) == text


@pytest.mark.parametrize(("sub", "shown"), [(0, ""), (1, ", sub-version 1"), (255, ", sub-version 255")])
def test_sub_version_in_the_highest_byte(sub: int, shown: str) -> None:
    version = VEBusVersion.from_number(sub << 24 | 2729560)
    assert version == VEBusVersion(processor=27, model=29, firmware=560, sub_version=sub)
    assert (version.number, version.u32) == (2729560, sub << 24 | 2729560)
    assert str(version) == f"2729560 (processor 27, model 29, firmware 560{shown})"


def test_sub_versions_begin_with_554() -> None:
    assert VEBusVersion.from_number(2629553).sub_version is None
    assert VEBusVersion.from_number(2629554).sub_version == 0
    assert VEBusVersion.from_number(7 << 24 | 2629554).sub_version == 7
    with pytest.raises(VersionError, match=r"highest byte 0x07 is set with firmware 553"):
        VEBusVersion.from_number(7 << 24 | 2629553)


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (-1, "-1 is no u32"),
        (1 << 32, "4294967296 is no u32"),
        (10_000_000, "10000000 (0x00989680): 10000000 has more than the seven digits of AABBCCC"),
        (0xFFFF_FFFF, "4294967295 (0xffffffff): 16777215 has more than the seven digits of AABBCCC"),
    ],
)
def test_numbers_that_are_no_version(number: int, message: str) -> None:
    with pytest.raises(VersionError) as caught:
        VEBusVersion.from_number(number)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("processor", "model", "firmware", "sub"),
    [
        (100, 0, 0, None),
        (-1, 0, 0, None),
        (26, 100, 0, None),
        (26, 29, 1000, 0),
        (26, 29, 554, None),
        (26, 29, 553, 0),
        (26, 29, 554, 256),
    ],
)
def test_parts_out_of_range(processor: int, model: int, firmware: int, sub: int | None) -> None:
    with pytest.raises(VersionError):
        VEBusVersion(processor=processor, model=model, firmware=firmware, sub_version=sub)


@given(st.integers(0, 0xFFFF_FFFF))
def test_every_number_is_read_back_or_refused(number: int) -> None:
    try:
        version = VEBusVersion.from_number(number)
    except VersionError:
        plain = number & 0xFFFFFF
        assert plain > 9_999_999 or (number >> 24 and plain % 1000 < 554)
    else:
        assert version.u32 == number
        assert version.number == version.processor * 100_000 + version.model * 1000 + version.firmware


@pytest.mark.parametrize(("value", "firmware"), [(1362, 552), (0x415, 415), (0x999, 999), (0x111, 111), (1, 1)])
def test_dbus_value_is_read_in_hexadecimal_digits(value: int, firmware: int) -> None:
    assert firmware_from_dbus(value) == firmware


@pytest.mark.parametrize("value", [0, -1362, 0x4A1, 1363 + 7, 0x1000])
def test_dbus_value_without_three_decimal_digits(value: int) -> None:
    with pytest.raises(VersionError, match=rf"^{value} is no D-Bus firmware version"):
        firmware_from_dbus(value)


@pytest.mark.parametrize(
    ("text", "number", "firmware", "form"),
    [
        ("2629492", 2629492, 492, VersionForm.NUMBER),
        (" 2629492\n", 2629492, 492, VersionForm.NUMBER),
        ("0x281F74", 2629492, 492, VersionForm.HEX_NUMBER),
        ("0X00281f74", 2629492, 492, VersionForm.HEX_NUMBER),
        ("0x0329A658", 2729560, 560, VersionForm.HEX_NUMBER),
        ("53061208", 2729560, 560, VersionForm.U32),
        ("xxxx492", None, 492, VersionForm.FIRMWARE),
        ("XXXX415", None, 415, VersionForm.FIRMWARE),
        ("v492", None, 492, VersionForm.FIRMWARE),
        ("V507", None, 507, VersionForm.FIRMWARE),
        ("v552", None, 552, VersionForm.FIRMWARE),
        ("492", None, 492, VersionForm.FIRMWARE),
        ("489", None, 489, VersionForm.FIRMWARE),
        ("415", None, 415, VersionForm.FIRMWARE),
        ("414", None, 414, VersionForm.FIRMWARE),
        ("0x552", None, 552, VersionForm.DBUS),
        ("0x415", None, 415, VersionForm.DBUS),
        ("0x0415", None, 415, VersionForm.DBUS),
    ],
)
def test_notations(text: str, number: int | None, firmware: int, form: VersionForm) -> None:
    reading = parse_version(text)
    assert (reading.firmware, reading.form) == (firmware, form)
    assert (reading.version.number if reading.version else None) == number


@pytest.mark.parametrize(
    ("text", "assumed"),
    [
        ("2629492", "2629492 taken as decimal number AABBCCC: 2629492 (processor 26, model 29, firmware 492)"),
        ("0x281F74", "0x281F74 taken as hexadecimal number: 2629492 (processor 26, model 29, firmware 492)"),
        ("v492", "v492 taken as firmware number of three digits: firmware 492, processor and model not known"),
        (
            "0x552",
            "0x552 taken as D-Bus firmware version, hexadecimal digits: firmware 552, processor and model not known",
        ),
        (
            "53061208",
            f"53061208 taken as {VersionForm.U32.value}: 2729560 (processor 27, model 29, firmware 560, sub-version 3)",
        ),
    ],
)
def test_reading_says_what_it_assumed(text: str, assumed: str) -> None:
    assert parse_version(text).assumed == assumed


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1045", "1045 is ambiguous: 0x415 on D-Bus would be firmware 415, else it is no version; write 0x415 or v415"),
        ("1362", "1362 is ambiguous: 0x552 on D-Bus would be firmware 552, else it is no version; write 0x552 or v552"),
        ("552", "552 is ambiguous: firmware 552, or the D-Bus value of firmware 228; write v552 or 0x228"),
        (
            "0x2629492",
            "0x2629492 is ambiguous: seven decimal digits behind 0x; write 2629492 or all eight hex digits",
        ),
        ("1050", "1050 is no version: four digits are neither a firmware number nor a D-Bus value"),
        ("0x41A", "0x41A is no version: a firmware number in hexadecimal digits has no letters"),
        ("0x1415", "0x1415 is no version: neither three digits nor a number AABBCCC (5141)"),
        ("0x99", "0x99 is no version: neither three digits nor a number AABBCCC (153)"),
        (
            "26294920",
            "26294920 is no version: more than seven digits, and no known processor behind a sub-version",
        ),
        ("", "'' is no version; write 2629492, 0x281F74, v492, xxxx492 or 0x492"),
    ],
)
def test_refusals_say_why_in_one_line(text: str, message: str) -> None:
    with pytest.raises(VersionError) as caught:
        parse_version(text)
    assert str(caught.value) == message
    assert isinstance(caught.value, VEBusError)


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "0x", "0x0", "0xFFFFFFFF", "0x1FFFFFFFF", "0xv49", "0x 552"),
        *("0", "49", "049", "26294", "262949", "0629492", "99999999999", "4294967295"),
        *("v49", "v4922", "v2629492", "xxx492", "xxxxx492", "2629xxx", "firmware 492"),
        *("-492", "+492", "4_92", "2 629 492", "2629492.0", "\u0664\u0669\u0662"),
    ],
)
def test_what_is_no_version(text: str) -> None:
    with pytest.raises(VersionError):
        parse_version(text)


@given(st.text(max_size=12))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        reading = parse_version(text)
    except VersionError as refusal:
        said = str(refusal)
    else:
        said = reading.assumed
        assert 0 <= reading.firmware <= 999
        assert reading.version is None or reading.version.firmware == reading.firmware
    assert said.isprintable()


@given(st.integers(100, 999))
def test_bare_firmware_number_is_taken_only_where_it_has_one_meaning(firmware: int) -> None:
    """A bare number that could as well be a D-Bus value of three digits is refused."""
    other = f"{firmware:x}"
    if len(other) == 3 and other.isdecimal():
        with pytest.raises(VersionError, match="ambiguous"):
            parse_version(str(firmware))
    else:
        assert parse_version(str(firmware)).firmware == firmware
    assert parse_version(f"v{firmware}").firmware == firmware
    assert parse_version(f"0x{firmware}").firmware == firmware
