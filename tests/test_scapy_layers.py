"""Scapy packets from the declarations: built, dissected, damaged, shown, written and read."""

import copy
import doctest
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.config import conf
from scapy.packet import Packet, Raw, fuzz
from scapy.sendrecv import sniff
from scapy.utils import hexdump, rdpcap, wrpcap

from tests.scapy_compare import read_packets
from tests.wireshark_corpus import Heard, _carrier, _message, write_capture
from vebus_protocol.enums import FrameKind
from vebus_protocol.errors import EncodeError
from vebus_protocol.frame import Frame, dissect_frame, encode_frame
from vebus_protocol.mk3 import MAX_PAYLOAD, Mk3Frame, dissect_mk3_frame, encode_mk3_frame
from vebus_protocol.registry import MESSAGES
from vebus_protocol.schema import Direction, Link, Message, Space
from vebus_tools.decoder import decode_frame_chain
from vebus_tools.scapy_layers import (
    LAYERS,
    MK3,
    AcPhase,
    AdapterVersion,
    DcInfo,
    FbFrame,
    InfoRequest,
    MessageLayer,
    MK3Pieces,
    RamValues,
    ReadRam,
    SyncFrame,
    VEBus,
    VEBusPieces,
    VEBusSession,
    WinmonCommand,
    WinmonFrame,
    WriteRam,
    WriteSetting,
)
from vebus_tools.scapy_layers.fields import field_names
from vebus_tools.scapy_layers.messages import TAKEN

_DC = bytes.fromhex("8383fe722040a5c4010c3305120000000000 86ebff")
_SYNC = bytes.fromhex("8383fd025551180297ff")
_BODIES = [declared for declared in MESSAGES if declared.INFO.carries is None]


@pytest.fixture(autouse=True)
def _nothing_is_swallowed() -> Iterator[None]:
    """Scapy makes Raw of what a dissector raises; here it shall show."""
    before, conf.debug_dissector = conf.debug_dissector, True
    yield
    conf.debug_dissector = before


# --- building --------------------------------------------------------------------------------------------------------
def test_kind_stuffing_and_checksum_are_computed() -> None:
    frame = VEBus(addr="MK3", seq=3) / InfoRequest(long_id=0xFFFFFFFF, selector=0x83)
    assert bytes(frame) == bytes.fromhex("98f7fe0321fa7ffa7ffa7ffa7f83") + bytes(frame)[-2:]
    assert dissect_frame(bytes(frame)).good
    assert bytes(VEBus() / SyncFrame())[2] == FrameKind.SYNC
    assert VEBus(bytes(frame)).checksum_ok


def test_what_is_given_is_kept_so_that_damage_can_be_made() -> None:
    frame = VEBus(addr=0x1234, type=0xFC, seq=200, checksum=0xFE, end=0x7F) / Raw(b"\x01\xff")
    assert bytes(frame).hex() == "1234fcc801fa7ffa047f"
    wrong = VEBus(bytes(VEBus(checksum=0x12) / DcInfo()))
    assert not wrong.checksum_ok
    assert "0x12 incorrect, should be 0x" in str(wrong.show(dump=True))
    assert "Checksum 0x12 incorrect" in wrong.summary()
    del wrong.checksum
    assert VEBus(bytes(wrong)).checksum_ok


def test_length_leds_and_both_checksums_of_the_adapter_link() -> None:
    plain = MK3() / WinmonCommand(cmd="W") / ReadRam(ram_id=[4]) / Raw(b"\0\0")
    assert bytes(plain) == encode_mk3_frame(Mk3Frame(payload=bytes.fromhex("ff5730040000")))
    shown = MK3(led_on=3, led_blink=1) / AdapterVersion(version=1)
    assert dissect_mk3_frame(bytes(shown)).leds == (3, 1)
    second = MK3() / InfoRequest(long_id=0xFFFFFFFF, selector=0x83)
    assert bytes(second) == encode_mk3_frame(Mk3Frame(payload=bytes.fromhex("21ffffffff83")))
    assert bytes(MK3(len=0x33, checksum=1) / Raw(b"\xff\x56")).hex() == "33ff5601"


def test_names_numbers_and_bits_of_values() -> None:
    write = WriteRam(flags={"no_eeprom": 1}, ram_id="Battery voltage", ram_value=100)
    assert (write.flags, write.ram_id, write.flags.no_eeprom, write.flags.setting) == (2, 4, 1, 0)
    write.flags = write.flags.with_bits(unknown=5, no_eeprom=0)
    assert bytes(write).hex() == "3714046400"
    assert {"no_eeprom", "setting"} <= set(dir(write.flags))
    with pytest.raises(ValueError, match=r"6 bits hold 0\.\.63"):
        write.flags.with_bits(unknown=64)
    with pytest.raises(AttributeError, match="no bits 'x'; there are setting, no_eeprom, unknown"):
        _ = write.flags.x
    with pytest.raises(ValueError, match=r"is no name of vebus\.ram\.id; give the raw number"):
        WriteRam(ram_id="nothing")


def test_values_that_do_not_fit_say_so_in_one_line() -> None:
    with pytest.raises(ValueError, match=r"voltage: 65536 does not fit u16 \(vebus.dc.voltage\)"):
        bytes(DcInfo(voltage=0x10000))
    with pytest.raises(ValueError, match=r"seq: 300 does not fit u8 \(vebus.seq\)"):
        bytes(VEBus(seq=300))


def test_the_five_byte_frame_has_its_complement() -> None:
    assert bytes(FbFrame(value=5)).hex() == "00fb057aff"
    assert isinstance(VEBus(bytes(FbFrame(value=5))), FbFrame)
    assert bytes(FbFrame(value=5, complement=1)).hex() == "00fb0501ff"


def test_defaults_are_recognised_as_their_own_message() -> None:
    for declared in _BODIES:
        if declared.INFO.space is Space.WINMON or declared.INFO.lengths is not None:
            continue
        link = next(link for link in Link if link in declared.INFO.links)
        if link is Link.MK3 and declared.SIZE < 2:
            continue  # no frame of an adapter is so short
        made = (VEBus if link is Link.RS485 else MK3)() / LAYERS[declared.__name__]()
        assert type(type(made)(bytes(made)).payload).__name__ == declared.__name__


# --- dissecting ------------------------------------------------------------------------------------------------------
def test_fields_bits_and_what_is_left_over() -> None:
    frame = VEBus(_DC)
    assert (frame.addr, frame.type, frame.seq, frame.checksum, frame.end) == (0x8383, 0xFE, 114, 0xEB, 0xFF)
    assert (frame[DcInfo].voltage, frame[DcInfo].physical("voltage")) == (1331, 13.31)
    assert bytes(frame) == _DC
    reply = VEBus(bytes(VEBus() / WinmonFrame(tid=1) / RamValues(value=[1, 2]) / Raw(b"\x07")))
    assert (reply[RamValues].value, reply[Raw].load) == ([1, 2], b"\x07")


def test_physical_values_have_their_scale() -> None:
    assert WriteRam(flags=2).physical("flags.no_eeprom") == 1
    assert DcInfo(voltage=1331).physical("voltage") == 13.31
    assert MK3().physical("led_on.mains") is None
    assert ReadRam(ram_id=[4, 5]).physical("ram_id") == (4, 5)
    for name in ("nothing", "voltage.nothing"):
        with pytest.raises(KeyError):
            DcInfo().physical(name)


def test_one_packet_may_stand_for_many() -> None:
    many = VEBus(seq=[1, 2]) / WinmonFrame(tid=(0x80, 0x82)) / ReadRam(ram_id=[4, 5])
    assert [(packet.seq, packet.tid, packet.ram_id) for packet in many] == [
        (seq, tid, [4, 5]) for seq in (1, 2) for tid in (0x80, 0x81, 0x82)
    ]
    assert all(VEBus(bytes(packet)).checksum_ok for packet in many)


def test_show_has_units_names_bits_and_marks() -> None:
    text = str(VEBus(_DC).show(dump=True))
    assert "addr      = Multi (0x8383)" in text
    assert "checksum  = 0xeb [correct]" in text
    assert "voltage   = 13.31 V (raw 1331) [assumed scale]" in text
    assert "undefined = 40 a5 c4 01" in text
    flags = WriteRam(flags=2).show(dump=True)
    assert "flags     = 0x02 [unknown=0, no_eeprom=True, setting=False]" in flags


def test_one_line_for_each_packet() -> None:
    expected = "VEBus Multi > Bus: DC info, Nr=114, Udc=13.31 V, Iinv=1.8 A, Ichg=0.0 A [assumed scale]"
    assert VEBus(_DC).summary() == expected
    assert (
        VEBus(b"ab\xff" + _SYNC).summary().startswith("VEBusPieces ? > Bus: [3 bytes skipped] [no frame] | Sync, Nr=2")
    )
    assert hexdump(VEBus(_SYNC), dump=True) == "0000  83 83 FD 02 55 51 18 02 97 FF                    ....UQ...."


@pytest.mark.parametrize(
    ("data", "members"),
    [
        (b"", []),
        (b"junk", [Raw]),
        (_SYNC * 2, [VEBus, VEBus]),
        (b"\x01\x02\xff" + _SYNC + b"\x83", [Raw, VEBus, Raw]),
        (b"\x00\xfb\x05\x7a\xff" + _SYNC, [FbFrame, VEBus]),
    ],
)
def test_what_is_not_one_frame_becomes_pieces(data: bytes, members: list[type[Packet]]) -> None:
    packet: Packet = VEBus(data)
    assert type(packet) is VEBusPieces
    assert [type(piece) for piece in packet.pieces] == members
    assert bytes(packet) == data
    assert all(member in packet for member in members)


def test_bad_escapes_are_built_as_they_came_until_something_changes() -> None:
    wire = bytes.fromhex("8383fe0520fa01fa7f11fb22ff")
    frame = VEBus(wire)
    assert type(frame) is VEBus
    assert bytes(frame) == wire
    assert bytes(frame.copy()) == wire
    frame.seq = 6
    assert bytes(frame) != wire
    assert dissect_frame(bytes(frame)).number == 6


def test_copies_and_pickles_are_equal() -> None:
    frame = VEBus(_DC)
    for other in (frame.copy(), copy.deepcopy(frame), pickle.loads(pickle.dumps(frame))):  # noqa: S301  (our own)
        assert other == frame
        assert bytes(other) == _DC
    bits = WriteRam(flags=2).flags
    assert pickle.loads(pickle.dumps(bits)).no_eeprom == 1  # noqa: S301


@given(st.binary(max_size=60))
def test_any_bytes_are_taken_and_built_again(data: bytes) -> None:
    for first, pieces in ((VEBus, VEBusPieces), (MK3, MK3Pieces)):
        packet = first(data)
        assert isinstance(packet, first | pieces | FbFrame)
        assert bytes(packet) == data
        assert packet.show(dump=True)
        assert packet.summary()
        assert repr(packet)
        assert packet.answers(packet) in (0, 1)
        packet.hashret()


@given(st.sampled_from(sorted(LAYERS)), st.binary(max_size=24))
def test_any_message_takes_any_bytes(name: str, data: bytes) -> None:
    layer = LAYERS[name](data) if data else LAYERS[name]()
    assert not data or bytes(layer) == data
    assert layer.show(dump=True)
    assert repr(layer)


# --- the same bytes as the declarations ------------------------------------------------------------------------------
def _names(declared: type[Message]) -> dict[str, str]:
    return {spec.name: name for name, spec in field_names(declared, TAKEN)}


def _layer(message: Message) -> MessageLayer:
    declared = type(message)
    values = {name: getattr(message, own) for own, name in _names(declared).items()}
    return LAYERS[declared.__name__](**{name: value for name, value in values.items() if value is not None})


def _raws(layer: Packet, declared: type[Message]) -> dict[str, object]:
    found = {own: layer.getfieldval(name) for own, name in _names(declared).items()}
    return {own: tuple(value) if isinstance(value, list) else value for own, value in found.items()}


@given(st.sampled_from(_BODIES), st.randoms(use_true_random=False), st.integers(0, 127), st.sampled_from(Link))
def test_scapy_builds_what_we_decode_and_back(declared: type[Message], random: Random, number: int, link: Link) -> None:
    link = link if link in declared.INFO.links else next(iter(declared.INFO.links))
    messages = [_message(declared, random)]
    if declared.INFO.space is Space.WINMON:
        messages.insert(0, _carrier(link, random))
    payload = b"".join(message.build() for message in messages)
    packet: Packet = VEBus(addr=0x8383, seq=number) if link is Link.RS485 else MK3()
    for message in messages:
        packet /= _layer(message)
    kind = FrameKind.SYNC if declared.INFO.space is Space.SYNC else FrameKind.DATA
    try:
        if link is Link.RS485:
            wire = encode_frame(Frame(sender=0x8383, kind=kind, number=number, payload=payload))
        else:
            wire = encode_mk3_frame(Mk3Frame(payload=payload))
    except EncodeError:
        assert link is Link.MK3
        assert len(payload) > MAX_PAYLOAD
        return
    assert bytes(packet) == wire
    heard = type(packet)(wire)
    chain = decode_frame_chain(dissect_frame(wire) if link is Link.RS485 else dissect_mk3_frame(wire))
    if not isinstance(heard, VEBus | MK3):
        return  # too long for a frame of the bus, or too short for one of the adapter
    layers = list(heard.iterpayloads())[1:]
    for placed, layer in zip(chain, layers, strict=False):
        found = type(placed.message)
        assert type(layer).__name__ == found.__name__
        assert _raws(layer, found) == {own: getattr(placed.message, own) for own in _names(found)}
    heard.clear_cache()
    assert bytes(heard) == wire


def test_random_packets_stay_what_they_are() -> None:
    for name, layer in LAYERS.items():
        if layer.MESSAGE.INFO.space is Space.WINMON:
            packet = fuzz(VEBus() / WinmonFrame() / layer())
        else:
            packet = fuzz(VEBus() / layer())
        data = [bytes(packet) for _ in range(30)]
        assert len(set(data)) > 1
        assert all(one[2] in (0xFD, 0xFE) and one[-1] == 0xFF and one[3] < 0x80 for one in data), name
    ends = {VEBus(bytes(fuzz(VEBus() / WinmonFrame() / WriteSetting())))[WriteSetting].flags & 1 for _ in range(20)}
    assert ends == {1}


# --- names -----------------------------------------------------------------------------------------------------------
def test_every_declared_message_has_a_class_with_all_its_fields() -> None:
    from vebus_tools import glossary

    assert {declared.__name__ for declared in MESSAGES} <= set(LAYERS)
    for name, layer in LAYERS.items():
        fields: list[Any] = layer.fields_desc
        specs = [field.spec for field in fields]
        assert specs == list(layer.MESSAGE.FIELDS), name
        names = [field.name for field in fields]
        assert len(set(names)) == len(names), name
        assert not set(names) & TAKEN, name
        assert all(one.isidentifier() for one in names), name
        assert all(spec.abbrev in glossary.entries() for spec in specs), name
        assert not {part.name for spec in specs for part in spec.bits} & set(dir(int)), name


def test_names_are_those_of_the_filters() -> None:
    assert [field.name for field in AcPhase.fields_desc][:3] == ["cmd", "unknown_5", "period"]
    assert [field.name for field in ReadRam.fields_desc] == ["winmon_code", "ram_id"]
    assert [field.name for field in SyncFrame.fields_desc] == ["marker", "status", "sync_time"]
    assert [field.name for field in VEBus.fields_desc] == ["addr", "type", "seq", "checksum", "end"]
    assert [field.name for field in MK3.fields_desc] == ["len", "led_on", "led_blink", "checksum"]


def test_scapy_is_loaded_only_when_used(checkout_environment: dict[str, str]) -> None:
    code = "import sys, vebus_tools, vebus_tools.cli; sys.exit('scapy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], env=checkout_environment, check=False).returncode == 0
    import vebus_tools.scapy_layers

    assert "GPL-2.0-only" in str(vebus_tools.scapy_layers.__doc__)


def test_the_example_of_the_module_is_right() -> None:
    import vebus_tools.scapy_layers

    assert doctest.testmod(vebus_tools.scapy_layers) == doctest.TestResults(failed=0, attempted=3)


# --- files -----------------------------------------------------------------------------------------------------------
def test_files_keep_the_link_and_the_bytes(tmp_path: Path) -> None:
    path = str(tmp_path / "bus.pcap")
    for data, first in ((_SYNC, VEBus), (b"junk", VEBusPieces), (b"\x00\xfb\x05\x7a\xff", FbFrame)):
        wrpcap(path, [VEBus(data), VEBus(_DC)])
        back = rdpcap(path)
        assert [type(packet) for packet in back] == [first, VEBus]
        assert [bytes(packet) for packet in back] == [data, _DC]
    adapter = MK3() / AdapterVersion(version=1)
    wrpcap(path, [adapter])
    (found,) = sniff(offline=path)
    assert type(found) is MK3
    assert bytes(found) == bytes(adapter)


def test_a_recording_may_have_both_links(tmp_path: Path) -> None:
    path = tmp_path / "both.pcapng"
    adapter = bytes(MK3() / AdapterVersion(version=1))
    write_capture(path, [Heard(Link.RS485, _DC, "bus0"), Heard(Link.MK3, adapter, "adapter0", Direction.FROM_DEVICE)])
    found = list(read_packets(path))
    assert [(type(packet), packet.sniffed_on) for packet in found] == [(VEBus, "bus0"), (MK3, "adapter0")]
    assert "MK3 > Host" in found[1].summary()


def test_our_decoder_reads_what_scapy_wrote(tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from vebus_tools.cli import app

    path = tmp_path / "bus.pcap"
    wrpcap(str(path), [VEBus(seq=1) / WinmonFrame(tid=0xE6) / ReadRam(ram_id=[4])])
    assert (
        "Read RAM, Nr=1, Tid=0xe6, ID=Battery voltage (0x04)" in CliRunner().invoke(app, ["decode", str(path)]).stdout
    )


def test_a_session_knows_what_a_packet_does_not() -> None:
    tell = [
        VEBus(addr="MK3", seq=1) / WinmonFrame(tid=0xE6) / ReadRam(ram_id=[4, 5]),
        VEBus(addr="Multi", seq=2) / WinmonFrame(tid=0xE6) / RamValues(value=[1331, 7]),
    ]
    for at, packet in enumerate(tell):
        packet.time = 100 + at / 100
    alone = VEBus(bytes(tell[1]))
    assert alone[RamValues].physical("value") == (1331, 7)
    reply = sniff(offline=tell, session=VEBusSession)[1]
    assert reply[RamValues].physical("value") == (13.31, 0.7)
    assert "RAM[4]=13.31 V" in reply.summary()
    assert "13.31 V" in reply.show(dump=True)
    assert "13.31 V" in reply.copy().show(dump=True)
