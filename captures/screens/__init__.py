"""Screenshots for the documentation, made by commands: terminals with `vebus decode` and with tshark, as SVG.

`python -m captures.screens`, from the top of the checkout, writes them anew with the installed tshark.
"""

from __future__ import annotations

import html
import io
import os
import pty
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from captures.golden import FOLDER as CAPTURES

__all__ = ["FOLDER", "SCREENS", "Screen", "render", "text_of"]

FOLDER = Path(__file__).parent
_SAMPLE = "rs485-real.hex"
_ERASE = "\x1b[K"  # tshark: the background goes on to the end of the line
_CODES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_FROM_THE_NET = re.compile(r",\s*url\([^)]*\) format\([^)]*\)")  # fonts of somebody's server
_READ_SIZE = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """One screenshot: its file, the commands as a reader would type them, and how to get what they print."""

    file: str
    title: str
    command: str
    lines: Callable[[], list[str]]


def render(screen: Screen) -> str:
    """The SVG.  Raises OSError and CalledProcessError, which the test takes for a missing tshark."""
    from rich.console import Console
    from rich.text import Text

    lines = [f"$ {screen.command}", *screen.lines()]
    width = max(len(_CODES.sub("", line)) for line in lines)
    console = Console(
        width=width,
        record=True,
        file=io.StringIO(),
        force_terminal=True,
        color_system="truecolor",
        legacy_windows=False,
    )
    for line in lines:
        bare = len(_CODES.sub("", line))
        console.print(Text.from_ansi(line.replace(_ERASE, " " * (width - bare))), no_wrap=True, highlight=False)
    return _FROM_THE_NET.sub("", console.export_svg(title=screen.title, unique_id=screen.file.removesuffix(".svg")))


def text_of(svg: str) -> list[str]:
    """Texts in an SVG in their order, whatever version of rich has drawn them."""
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", svg)
    return [html.unescape(text).replace("\xa0", " ").strip() for text in texts if text.strip()]


# --- what the commands print -----------------------------------------------------------------------------------------
def _decoded(*options: str) -> list[str]:
    from typer.testing import CliRunner

    from vebus_tools.cli import app

    result = CliRunner().invoke(app, ["decode", str(CAPTURES / _SAMPLE), "--color", *options])
    if result.exit_code:
        raise RuntimeError(result.stderr)
    return result.stdout.rstrip("\n").splitlines()


def _summary() -> list[str]:
    return _decoded()


def _details() -> list[str]:
    return _decoded("-V", "-x", "-O", "vebus,vebus.dc", "-Y", "vebus.dc")


def _in_tshark() -> list[str]:
    """The sample in tshark, with all that `vebus wireshark install` puts into an empty home."""
    with tempfile.TemporaryDirectory() as home:
        packets = str(Path(home) / "bus.pcapng")
        _decoded("-w", packets)
        environment = {**os.environ, "HOME": home, "TZ": "UTC", "LC_ALL": "C.UTF-8", "COLORTERM": "truecolor"}
        for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "WIRESHARK_PLUGIN_DIR", "WIRESHARK_CONFIG_DIR"):
            environment.pop(name, None)
        install = [sys.executable, "-m", "vebus_tools.cli", "wireshark", "install"]
        subprocess.run(install, check=True, capture_output=True, env=environment, timeout=60)  # noqa: S603  (our own)
        shown = b"".join(_on_a_terminal(["tshark", "-r", packets, "-C", "VE.Bus", "--color"], environment))
    return shown.decode("utf-8").replace("\r", "").rstrip("\n").splitlines()


def _on_a_terminal(command: list[str], environment: dict[str, str]) -> Iterator[bytes]:
    """What a program prints on a terminal, which is where tshark has colours."""
    master, slave = pty.openpty()
    process = subprocess.Popen(  # noqa: S603  (tshark, with options of ours)
        command, env=environment, stdin=subprocess.DEVNULL, stdout=slave, stderr=subprocess.DEVNULL
    )
    os.close(slave)
    try:
        while part := os.read(master, _READ_SIZE):
            yield part
    except OSError:  # Linux says so when the program has closed its side
        pass
    finally:
        os.close(master)
    if process.wait(60):
        raise subprocess.CalledProcessError(process.returncode, command)


SCREENS = (
    Screen(file="decode.svg", title="vebus decode", command=f"vebus decode captures/{_SAMPLE}", lines=_summary),
    Screen(
        file="details.svg",
        title="vebus decode -V -x",
        command=f"vebus decode captures/{_SAMPLE} -V -x -O vebus,vebus.dc -Y vebus.dc",
        lines=_details,
    ),
    Screen(
        file="tshark.svg",
        title="tshark with vebus wireshark install",
        command="tshark -r bus.pcapng -C VE.Bus --color",
        lines=_in_tshark,
    ),
)
