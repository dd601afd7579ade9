"""Golden tables of every statistic of a sample; `python -m tests.statistics_goldens` writes them anew."""

from pathlib import Path

from typer.testing import CliRunner

from tests.checkout import ROOT
from vebus_tools.cli import app

__all__ = ["GOLDENS", "SAMPLE", "golden", "stats"]

SAMPLE = ROOT / "vebus_tools" / "samples" / "synthetic-10s.bin"
GOLDENS = {
    "io-stat": "io,stat,2,,vebus.type==0xfd,AVG(vebus.dc.voltage)vebus.dc,COUNT(vebus.tid)",
    "io-phs": "io,phs",
    "expert": "expert",
    "endpoints": "endpoints,vebus",
    "conv": "conv,vebus",
    "period": "vebus,period",
    "load": "vebus,load,2",
    "slots": "vebus,slots",
    "unknown": "vebus,unknown",
    "quality": "vebus,quality",
    "latency": "vebus,latency",
}
"""Name of the golden file -> argument of ``-z``."""


def golden(name: str) -> Path:
    """The file of a golden."""
    return Path(__file__).parent / "goldens" / f"stats-{name}.txt"


def stats(*arguments: object, code: int = 0, command: str = "stats") -> str:
    """What `vebus stats` prints on standard output."""
    result = CliRunner().invoke(app, [command, *map(str, arguments)])
    assert result.exit_code == code, result.output
    return result.stdout


if __name__ == "__main__":
    for name, text in GOLDENS.items():
        golden(name).write_text(stats(SAMPLE, "-z", text), encoding="utf-8")
