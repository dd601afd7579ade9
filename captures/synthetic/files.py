"""The files that are written from the synthetic capture: the capture, its provenance, and the sample for the wheel."""

from __future__ import annotations

from captures.synthetic.bus import CYCLES, SEED, Capture, record
from captures.synthetic.device import MODEL

__all__ = ["CAPTURE", "SAMPLE", "files"]

CAPTURE = "captures/synthetic-60s"
SAMPLE = "vebus_tools/samples/synthetic-10s"
_CYCLES_PER_S = 50
_SAMPLE_S = 10

_TOML = '''\
# Written by `python -m captures.synthetic`; edit captures/synthetic/ instead.
synthetic  = true
device     = "none: an invented {model}"
firmware   = "none: answers as version 2629492"
adapter    = "none: written from the declarations"
date       = "none: nothing was recorded"
provenance = """
Synthetic.  {extent}, written from the declarations of vebus_protocol by captures/synthetic with the seed {seed}.
No value was measured and no byte was heard on a bus.  Slots of the frames, values of FB frames and the speed at which
AC comes back are invented; bytes without a known meaning carry the value of a report, or 0.  Type E4 counts its first
word in mHz, the sync frame its 24 bits in 0.4 us: both readings are unconfirmed."""
licence    = "MIT, as the whole project"

link          = "rs485"
bytes         = {bytes}
frames        = {frames}
bad_checksums = {bad_checksums}
skipped_bytes = {skipped_bytes}
'''
_DAMAGE = """
[[damage]]
kind   = "{kind}"
offset = {offset}
size   = {size}
text   = "{text}"
"""
_NO_FRAME = ("cut", "noise")


def files() -> dict[str, bytes]:
    """Name below the top of the checkout -> content, for everything that is written from the synthetic capture."""
    whole = record()
    sample = Capture(sent=tuple(part for part in whole.sent if part.cycle < _SAMPLE_S * _CYCLES_PER_S), damages=())
    return {
        f"{CAPTURE}.bin": whole.data,
        f"{CAPTURE}.toml": _toml(whole, f"{CYCLES // _CYCLES_PER_S} s"),
        f"{SAMPLE}.bin": sample.data,
        f"{SAMPLE}.toml": _toml(sample, f"The first {_SAMPLE_S} s of synthetic-60s.bin"),
    }


def _toml(capture: Capture, extent: str) -> bytes:
    lost = [damage.size for damage in capture.damages if damage.kind in _NO_FRAME]
    text = _TOML.format(
        model=MODEL,
        extent=extent,
        seed=SEED,
        bytes=len(capture.data),
        frames=len(capture.sent) - len(lost),
        bad_checksums=len(capture.damages) - len(lost),
        skipped_bytes=sum(lost),
    )
    for damage in capture.damages:
        text += _DAMAGE.format(kind=damage.kind, offset=damage.offset, size=damage.size, text=damage.text)
    return text.encode()
