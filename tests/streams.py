"""Streams to decode in tests: frames of the vectors, whole or damaged in every known way, with noise between them."""

import random
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import pairwise

from hypothesis import strategies as st

from tests.vector_files import shared_vectors
from vebus_protocol.frame import Frame, encode_frame
from vebus_protocol.mk3 import Mk3Frame, encode_mk3_frame
from vebus_protocol.schema import Link
from vebus_tools.framing import Piece, splitter_for

LINKS = tuple(Link)
RUNS = (b"\x55", b"\xff", b"\x00", b"\xfa", b"\x83\x83\xfe\x01", b"\xfe\x01", b"\x14", b"\x02\xff")
"""Bytes that mean something to a splitter, to be repeated."""

# --- frames ----------------------------------------------------------------------------------------------------------
BUS_SYNC = bytes.fromhex("83 83 FD 02 55 51 18 02 97 FF")
BUS_REPLY = bytes.fromhex("83 83 FE 3C 00 E6 87 5A FF")
BUS_BARE_FA = bytes.fromhex("98 F7 FE 03 00 E6 37 02 83 64 00 FA FF")
BUS_ESCAPES = bytes.fromhex("98 F7 FE 03 00 E6 37 02 83 FA 7C FA 7F 6F FF")
BUS_FB = bytes.fromhex("00 FB 10 6F FF")
ADAPTER_VERSION = bytes.fromhex("07 FF 56 24 DB 11 00 42 52")
ADAPTER_LEDS = bytes.fromhex("89 FF 56 28 DB 11 00 00 01 08 05")
ADAPTER_INFO = bytes.fromhex("0F 20 01 01 01 09 08 EC 5A 5F FF EC 5A 08 00 C3 08")
ADAPTER_RAW = bytes.fromhex("05 38 04 6C 00 00 0A")


@cache
def frames(link: Link) -> tuple[bytes, ...]:
    """All good frames of the vectors of a link; five-byte FB frames are among those of the bus."""
    return tuple(vector.wire for vector in shared_vectors(link) if vector.good or vector.is_fb)


# --- cutting and splitting -------------------------------------------------------------------------------------------
def cut_at(data: bytes, cuts: Iterable[int]) -> list[bytes]:
    """The same bytes in pieces that end at ``cuts``; empty pieces are possible."""
    return [data[start:end] for start, end in pairwise((0, *sorted(cuts), len(data)))]


def sized(data: bytes, size: int) -> list[bytes]:
    """The same bytes in pieces of ``size``."""
    return [data[at : at + size] for at in range(0, len(data), size)]


def split(link: Link, chunks: Iterable[bytes]) -> list[Piece]:
    """What a fresh splitter makes of these chunks."""
    splitter = splitter_for(link)
    pieces = [piece for chunk in chunks for piece in splitter.feed(chunk)]
    return [*pieces, *splitter.flush()]


def assert_accounted(pieces: Sequence[Piece], data: bytes) -> None:
    """Every byte is in exactly one piece, at its offset; frames hold their own bytes, the rest has a reason."""
    at = 0
    for piece in pieces:
        assert piece.offset == at
        assert piece.data
        assert bool(piece.reason) is (piece.frame is None)
        at += len(piece.data)
    assert b"".join(piece.data for piece in pieces) == data


# --- streams ---------------------------------------------------------------------------------------------------------
def stretches(link: Link) -> st.SearchStrategy[bytes]:
    """A stretch of a stream: a frame, a damaged one, noise, or a long run."""
    whole = st.sampled_from(frames(link))
    cut_off = st.builds(lambda wire, size: wire[:size], whole, st.integers(1, 20))
    flipped = st.builds(flip, whole, st.integers(0, 22 * 8 - 1))
    runs = st.builds(lambda unit, times: unit * times, st.sampled_from(RUNS), st.integers(1, 600))
    return st.one_of(whole, whole, cut_off, flipped, st.binary(max_size=40), runs)


def streams(link: Link) -> st.SearchStrategy[bytes]:
    """Frames, damage and noise behind each other."""
    return st.lists(stretches(link), max_size=12).map(b"".join)


def flip(wire: bytes, bit: int) -> bytes:
    """The same bytes with one bit flipped (counted around)."""
    at, shift = divmod(bit % (8 * len(wire)), 8)
    return wire[:at] + bytes((wire[at] ^ 1 << shift,)) + wire[at + 1 :]


def corpus(link: Link, size: int, seed: int) -> Iterator[bytes]:
    """At least ``size`` bytes of the worst sort, always the same for the same seed, in pieces of some kilobytes.

    A third is random; the rest are good, truncated and bit-flipped frames behind each other, with long runs.
    """
    dice = random.Random(seed)  # noqa: S311  (the same bytes for the same seed are what is wanted)
    made = 0
    while made < size:
        kind = dice.randrange(3)
        piece = dice.randbytes(8192) if kind == 0 else b"".join(_worn(link, dice) for _ in range(400))
        made += len(piece)
        yield piece


def _worn(link: Link, dice: random.Random) -> bytes:
    wire = dice.choice(frames(link))
    match dice.randrange(12):
        case 0:
            return wire[: dice.randrange(len(wire))]
        case 1:
            return flip(wire, dice.randrange(8 * len(wire)))
        case 2:
            return wire[dice.randrange(len(wire)) :]
        case 3:
            return dice.randbytes(dice.randrange(30)) + wire
        case 4:
            return dice.choice(RUNS) * dice.choice((1, 2, 5, 30, 300))
        case _:
            return wire


# --- frames by hand --------------------------------------------------------------------------------------------------
def bus(payload: str, number: int = 0, sender: int = 0x8383, kind: int = 0xFE) -> bytes:
    """An RS485 frame with this payload in hex, unstuffed."""
    return encode_frame(Frame(sender=sender, kind=kind, number=number, payload=bytes.fromhex(payload)))


def adapter(payload: str) -> bytes:
    """An MK2/MK3 frame with this payload in hex."""
    return encode_mk3_frame(Mk3Frame(payload=bytes.fromhex(payload)))
