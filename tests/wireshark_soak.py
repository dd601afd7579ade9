"""Compare tshark, the Scapy layers and our own dissection for as many generated packets as wanted.

    python -m tests.wireshark_soak --frames 20000 --seed 7

So many good frames, as many damaged ones, and a quarter of it in random bytes; each file with Scapy, and with tshark in
one pass and in two.  The same seed makes the same packets.  Ends with exit code 1 where anything differs.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from tests import scapy_compare
from tests.wireshark_compare import Lua, differences
from tests.wireshark_corpus import damaged, noise, valid, write_capture


def main() -> int:
    """Read the options, print one line for each file and pass, and the first differences."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.wireshark_soak", description="Compare tshark and Scapy with us."
    )
    parser.add_argument("--frames", type=int, default=20_000, help="good frames, and as many damaged ones (20000)")
    parser.add_argument("--seed", type=int, default=0, help="first seed (0)")
    options = parser.parse_args()
    tshark = shutil.which("tshark")
    if tshark is None:
        sys.stderr.write("tshark is not installed\n")
        return 1
    count, seed = options.frames, options.seed
    files = {"good": valid(count, seed), "damaged": damaged(count, seed), "noise": noise(max(1, count // 4), seed)}
    worst = 0
    with tempfile.TemporaryDirectory() as name:
        lua = Lua(Path(name), tshark)
        for kind, packets in files.items():
            capture = Path(name) / f"{kind}.pcapng"
            written = write_capture(capture, packets, seed)
            found = scapy_compare.differences(capture)
            worst = max(worst, _told(f"{kind}, Scapy", written, found))
            for two_pass in (False, True):
                found = differences(lua, capture, two_pass=two_pass)
                worst = max(worst, _told(f"{kind}, {1 + two_pass} pass", written, found))
    return 1 if worst else 0


def _told(what: str, written: int, found: list[str]) -> int:
    sys.stdout.write(f"{what}: {written} packets, {len(found)} differ\n")
    sys.stdout.writelines(f"    {line}\n" for line in found[:5])
    sys.stdout.flush()
    return len(found)


if __name__ == "__main__":
    sys.exit(main())
