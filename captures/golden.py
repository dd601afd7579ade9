"""The golden texts: what `vebus decode` prints for the sample captures.

`python -m captures.golden`, from the top of the checkout, writes them anew; read the difference before committing it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["FOLDER", "GOLDEN", "Golden", "render"]

FOLDER = Path(__file__).parent
_REAL, _MK3, _SYNTHETIC = "rs485-real.hex", "mk3-real.hex", "synthetic-60s.bin"
_FIELDS = ("frame.number", "frame.time_relative", "vebus.type", "vebus.seq", "_ws.col.info")


@dataclass(frozen=True, slots=True, kw_only=True)
class Golden:
    """One golden text: the file it stands in, the capture, and the options behind `vebus decode CAPTURE`.

    With ``ends`` only so many lines from the beginning and from the end are kept.
    """

    file: str
    capture: str
    options: tuple[str, ...] = ()
    ends: tuple[int, int] | None = None


GOLDEN = (
    Golden(file="rs485-real.txt", capture=_REAL),
    Golden(file="rs485-real.tree.txt", capture=_REAL, options=("-V",)),
    Golden(file="rs485-real.hex.txt", capture=_REAL, options=("-x",)),
    Golden(file="rs485-real.e4.txt", capture=_REAL, options=("-Y", "vebus.cmd == 0xe4")),
    Golden(file="rs485-real.json", capture=_REAL, options=("-T", "json")),
    Golden(file="rs485-real.ek.ndjson", capture=_REAL, options=("-T", "ek")),
    Golden(file="rs485-real.pdml", capture=_REAL, options=("-T", "pdml")),
    Golden(
        file="rs485-real.csv",
        capture=_REAL,
        options=(
            *("-T", "fields", "-E", "header=y", "-E", "separator=,", "-E", "quote=d"),
            *(word for name in _FIELDS for word in ("-e", name)),
        ),
    ),
    Golden(file="mk3-real.txt", capture=_MK3),
    Golden(file="mk3-real.tree.txt", capture=_MK3, options=("-V",)),
    Golden(file="mk3-real.hex.txt", capture=_MK3, options=("-x",)),
    Golden(file="synthetic-60s.txt", capture=_SYNTHETIC, ends=(400, 100)),
    Golden(file="synthetic-60s.bad.txt", capture=_SYNTHETIC, options=("-Y", 'vebus.checksum.status == "Bad"')),
)


def render(golden: Golden) -> str:
    """Run the command and return what stands in the file; raises RuntimeError when the command fails."""
    from typer.testing import CliRunner

    from vebus_tools.cli import app

    result = CliRunner().invoke(app, ["decode", str(FOLDER / golden.capture), *golden.options])
    if result.exit_code:
        raise RuntimeError(f"{golden.file}: exit code {result.exit_code}: {result.stderr}{result.exception or ''}")
    return result.stdout if golden.ends is None else _ends(result.stdout, *golden.ends)


def _ends(text: str, first: int, last: int) -> str:
    lines = text.splitlines(keepends=True)
    return "".join([*lines[:first], f"[... {len(lines) - first - last} lines left out here ...]\n", *lines[-last:]])


if __name__ == "__main__":
    for each in GOLDEN:
        (FOLDER / each.file).write_text(render(each), encoding="utf-8")
