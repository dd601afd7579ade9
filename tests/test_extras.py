"""What is said where a library of an extra is not installed."""

import sys

import pytest

from vebus_tools.cli.extras import MissingExtraError, has, require
from vebus_tools.cli.failures import FAILED, guarded


def test_the_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    def work() -> int:
        require("Parquet", "sys", "pyarrow", extra="export")
        return 0

    assert guarded(work) == FAILED
    assert (
        capsys.readouterr().err == "vebus: Parquet needs pyarrow; install it with: pip install 'vebus-tools[export]'\n"
    )


def test_all_that_is_missing_stands_on_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numpy", None)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    text = r"^A chart needs numpy and matplotlib; install them with: pip install 'vebus-tools\[plot\]'$"
    with pytest.raises(MissingExtraError, match=text):
        require("A chart", "numpy", "matplotlib", extra="plot")


def test_nothing_is_said_or_loaded_where_all_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "sqlite3", raising=False)
    require("SQLite", "sqlite3", extra="export")
    assert has("sqlite3", "json")
    assert not has("sqlite3", "no_such_module")
    assert "sqlite3" not in sys.modules
