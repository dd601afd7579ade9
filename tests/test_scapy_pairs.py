"""Which packet answers which: by the declarations, as the session pairs them."""

import pytest
from scapy.packet import Packet, Raw

from vebus_protocol.registry import MESSAGES
from vebus_protocol.schema import Space
from vebus_tools.scapy_layers import (
    LAYERS,
    MK3,
    AcInfo,
    AdapterAddress,
    AdapterState,
    DcInfo,
    InfoRequest,
    RamValues,
    ReadRam,
    Refused,
    RequestAdapterState,
    RequestInfo,
    SettingValue,
    SyncFrame,
    VEBus,
    WinmonCommand,
    WinmonFrame,
)


def _on_bus(body: Packet, tid: int = 0xE6, **fields: int) -> Packet:
    packet: Packet = VEBus(**fields) / WinmonFrame(tid=tid) / body
    return packet


def _behind_adapter(body: Packet, letter: str = "W") -> Packet:
    packet: Packet = MK3() / WinmonCommand(cmd=letter) / body
    return packet


def _pairs(request: Packet, reply: Packet) -> bool:
    paired = bool(reply.answers(request))
    assert not paired or reply.hashret() == request.hashret() != b""
    return paired


@pytest.mark.parametrize("wrapped", [_on_bus, _behind_adapter])
def test_winmon_replies_answer_what_was_asked(wrapped: type) -> None:
    ask = wrapped(ReadRam(ram_id=[4]) / Raw(b"\0\0"))
    assert _pairs(ask, wrapped(RamValues(value=[1331]) / Raw(b"\0\0\0\0")))
    assert _pairs(ask, wrapped(Refused()))
    assert not _pairs(ask, wrapped(SettingValue(value=1) / Raw(b"\0\0\0\0")))
    assert not _pairs(wrapped(RamValues(value=[1])), ask)
    assert not _pairs(ask, ask)


def test_every_request_has_exactly_the_replies_of_its_declaration() -> None:
    bodies = [declared for declared in MESSAGES if declared.INFO.space is Space.WINMON]
    asking = [declared for declared in bodies if declared.INFO.replies]
    always = {0x80, 0x9B}
    assert len(asking) > 10
    every = sorted(always.union({0x81, 0xEE}, *(declared.INFO.replies for declared in asking)))
    replies = {code: VEBus(bytes(_on_bus(Raw(bytes((code,)) + bytes(10))))) for code in every}
    for at, declared in enumerate(asking):
        request = VEBus(bytes(_on_bus(LAYERS[declared.__name__]())))
        own = declared.INFO.replies | always
        for code in (*own, *every[at % 5 :: 5]):
            assert bool(replies[code].answers(request)) is (code in own), (declared.__name__, code)


def test_transaction_id_and_channel_tell_pairs_apart() -> None:
    ask = _on_bus(ReadRam(ram_id=[4]), tid=0xE6)
    assert not _pairs(ask, _on_bus(RamValues(value=[1]), tid=0xE7))
    assert ask.hashret() != _on_bus(ReadRam(ram_id=[4]), tid=0xE7).hashret()
    assert _pairs(_behind_adapter(ReadRam(ram_id=[4]), "x"), _behind_adapter(RamValues(value=[1]), "X"))
    assert not _pairs(_behind_adapter(ReadRam(ram_id=[4]), "X"), _behind_adapter(RamValues(value=[1]), "Y"))


def test_infos_answer_requests_on_both_links() -> None:
    assert _pairs(VEBus() / InfoRequest(selector=0), VEBus() / DcInfo())
    assert not _pairs(VEBus() / InfoRequest(selector=1), VEBus() / DcInfo())
    assert _pairs(MK3() / RequestInfo(selector=1), MK3() / AcInfo(info_type=8))


def test_adapter_commands_have_their_replies() -> None:
    assert _pairs(MK3() / RequestAdapterState(), MK3() / AdapterState())
    assert _pairs(MK3() / AdapterAddress(), MK3() / AdapterAddress())  # both ways look the same
    assert not _pairs(MK3() / RequestAdapterState(), MK3() / AdapterAddress())


def test_damaged_and_other_frames_answer_nothing() -> None:
    ask = _on_bus(ReadRam(ram_id=[4]))
    assert not _pairs(ask, _on_bus(RamValues(value=[1]), checksum=0x12))
    assert not _pairs(ask, VEBus() / SyncFrame())
    assert not _pairs(ask, _behind_adapter(RamValues(value=[1])))
    assert (VEBus() / SyncFrame()).hashret() == b""
