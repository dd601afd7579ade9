"""Streams for the differential tests of the engines: the synthetic bus, repeated, cut and damaged in every way."""

from random import Random

from tests.checkout import ROOT

__all__ = ["CLEAN", "damaged", "seeded", "stream_of"]

CLEAN = (ROOT / "captures" / "synthetic-60s.bin").read_bytes()
_SPECIAL = bytes((0xFA, 0xFB, 0xFC, 0xFD, 0xFE, 0xFF, 0x00, 0x55, 0x7A, 0x7F, 0x01, 0x05))


def seeded(seed: int | str) -> Random:
    """Numbers that are the same in every run."""
    return Random(seed)  # noqa: S311  (values for tests, nothing secret)


def damaged(data: bytes, count: int, random: Random) -> bytes:
    """The same bytes with ``count`` damages: flipped, lost and added bytes, special ones most of all."""
    found = bytearray(data)
    for _ in range(count):
        at = random.randrange(len(found))
        match random.randrange(8):
            case 0 | 1:
                found[at] = random.randrange(256)
            case 2 | 3:
                found[at] = random.choice(_SPECIAL)
            case 4:
                del found[at : at + random.randrange(1, 20)]
            case 5:
                found[at:at] = random.randbytes(random.choice((1, 2, 8, 30, 700)))
            case 6:
                found[at:at] = bytes(random.choices(_SPECIAL, k=random.choice((1, 2, 5, 300))))
            case _:
                found[at:at] = bytes((0xFA, random.randrange(256)))
    return bytes(found)


def stream_of(random: Random, size: int) -> bytes:
    """``size`` bytes or more from anywhere in the synthetic bus, more or less damaged."""
    start = random.randrange(max(1, len(CLEAN) - size))
    data = (CLEAN[start:] + CLEAN * (size // len(CLEAN) + 1))[:size]
    return damaged(data, random.choice((0, 2, size // 2000, size // 300, size // 40)), random)
