"""The golden texts of tshark: what it prints for the real samples with the generated dissector.

`python -m captures.tshark_golden`, from the top of the checkout, writes them anew with the installed tshark, which has
to be of the version that the texts are from; read the difference before committing it.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from pathlib import Path

from captures.golden import FOLDER

__all__ = ["CAPTURES", "VERSION", "golden_of", "ours", "same_form", "theirs"]

CAPTURES = ("rs485-real.hex", "mk3-real.hex")
VERSION = (4, 0)
"""Version of Wireshark that the texts are from."""

_LATER = "\n"
_TIME = re.compile(r"^( *\d+) +(\d+\.\d{6})\d*", re.MULTILINE)
_FRAME = re.compile(r"^(Frame \d+: .* captured \(\d+ bits\)) on interface .*$", re.MULTILINE)


def golden_of(capture: str) -> Path:
    """File that holds the text of a capture."""
    return FOLDER / f"{Path(capture).stem}.tshark.txt"


def theirs(capture: str, tshark: str = "tshark") -> str:
    """What tshark prints: summary, then details and bytes.  Raises OSError and CalledProcessError."""
    from vebus_tools import __version__
    from vebus_tools.wireshark import lua_text

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lua, packets = folder / "vebus.lua", folder / "capture.pcapng"
        lua.write_text(lua_text(__version__), encoding="utf-8")
        _vebus(capture, "-w", str(packets))
        base = [tshark, "-X", f"lua_script:{lua}", "-r", str(packets)]
        environment = {**os.environ, "HOME": name, "TZ": "UTC", "LC_ALL": "C.UTF-8"}
        texts = [
            subprocess.run([*base, *options], check=True, capture_output=True, env=environment, timeout=60).stdout  # noqa: S603
            for options in ((), ("-2", "-x", "-O", ",".join(_protocols())))
        ]
    return _LATER.join(text.decode("utf-8") for text in texts)


def ours(capture: str) -> str:
    """The same of `vebus decode`, from the same packets."""
    with tempfile.TemporaryDirectory() as name:
        packets = str(Path(name) / "capture.pcapng")
        _vebus(capture, "-w", packets)
        return _LATER.join((_vebus(packets), _vebus(packets, "-2", "-x", "-O", ",".join(_protocols()))))


def same_form(text: str) -> str:
    """A text of either, without what differs in every frame: decimals of the time, the tail of the title."""
    return _FRAME.sub(r"\1", _TIME.sub(lambda found: f"{int(found[1]):5d} {found[2]:>10}", text))


def _protocols() -> list[str]:
    from vebus_tools.wireshark.declared import protocol_names

    return [name for name, _ in protocol_names()]


def _vebus(capture: str, *options: str) -> str:
    from typer.testing import CliRunner

    from vebus_tools.cli import app

    result = CliRunner().invoke(app, ["decode", str(FOLDER / capture), *options])
    if result.exit_code:
        raise RuntimeError(f"{capture}: exit code {result.exit_code}: {result.stderr}{result.exception or ''}")
    return result.stdout


if __name__ == "__main__":
    for each in CAPTURES:
        golden_of(each).write_text(theirs(each), encoding="utf-8")
