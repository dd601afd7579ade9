"""`vebus wireshark`: into the folder that the program names, once, never over a foreign file; and what doctor sees."""

import os
import stat
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.wireshark_compare import find_program as required
from vebus_tools import __version__
from vebus_tools.cli import app
from vebus_tools.wireshark import Diagnosis, Verdict, diagnoses, find_program, install, lua_text, uninstall
from vebus_tools.wireshark.installation import FILE_NAME, InstallError
from vebus_tools.wireshark.programs import ProgramError

_TEXT = lua_text(__version__)
_ORDINARY_USER = 1000
_FOLDERS = """#!/bin/sh
case "$*" in
--version) printf 'TShark (Wireshark) {version}.\\n\\nCompiled {lua}, with zlib.\\n' ;;
"-G folders") printf 'Temp:\\t/tmp\\nPersonal Lua Plugins:\\t{folder}\\nGlobal Lua Plugins:\\t{shared}\\n' ;;
"-G protocols") printf '{protocols}' ;;
esac
"""


def _program(folder: Path, **facts: str) -> str:
    """A stand-in for tshark that answers the three questions."""
    known = {"version": "4.0.17", "lua": "with Lua 5.2.4", "protocols": "A\\ta\\tvebus\\nB\\tb\\tmk3\\n"}
    known |= {"folder": str(folder / "plugins"), "shared": str(folder / "shared")}
    path = folder / "fakeshark"
    path.write_text(_FOLDERS.format(**(known | facts)), encoding="utf-8")
    path.chmod(0o755)
    return str(path)


def _vebus(*words: str) -> Result:
    return CliRunner().invoke(app, ["wireshark", *words])


def _doctor(program: str, user: int = _ORDINARY_USER) -> list[Diagnosis]:
    return list(diagnoses(_TEXT, program, user=user))


def _texts(found: list[Diagnosis], verdict: Verdict) -> str:
    return "\n".join(one.text for one in found if one.verdict is verdict)


# --- the command -----------------------------------------------------------------------------------------------------
def test_lua_writes_the_dissector_to_a_file_or_to_standard_output(tmp_path: Path) -> None:
    target = tmp_path / "vebus.lua"
    assert _vebus("lua", "-o", str(target)).exit_code == 0
    assert target.read_text(encoding="utf-8") == _vebus("lua").stdout == _TEXT


def test_a_file_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    result = _vebus("lua", "-o", str(tmp_path / "missing" / "vebus.lua"))
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert "No such file" in result.stderr


def test_output_is_for_lua_only() -> None:
    assert _vebus("install", "-o", "somewhere").exit_code == 2


def test_install_is_idempotent_and_uninstall_removes(tmp_path: Path) -> None:
    program = _program(tmp_path)
    first, second = (_vebus("install", "--program", program) for _ in range(2))
    path = tmp_path / "plugins" / FILE_NAME
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert "installed" in first.stdout
    assert "current" in second.stdout
    assert path.read_text(encoding="utf-8") == _TEXT
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert [one.name for one in path.parent.iterdir()] == [FILE_NAME]
    assert "removed" in _vebus("uninstall", "--program", program).stdout
    assert not path.exists()
    assert "nothing to do" in _vebus("uninstall", "--program", program).stdout


def test_a_program_that_is_missing_is_one_line() -> None:
    result = _vebus("install", "--program", "no-such-shark")
    assert result.exit_code == 1
    assert "no-such-shark is not installed" in result.stderr
    assert result.stderr.count("\n") == 1


# --- files -----------------------------------------------------------------------------------------------------------
def test_an_older_file_of_ours_is_replaced(tmp_path: Path) -> None:
    install(tmp_path, lua_text("0.0.1"))
    assert "replaced" in install(tmp_path, _TEXT)
    assert (tmp_path / FILE_NAME).read_text(encoding="utf-8") == _TEXT


def test_a_foreign_file_is_neither_replaced_nor_removed(tmp_path: Path) -> None:
    foreign = tmp_path / FILE_NAME
    foreign.write_text("-- mine\n", encoding="utf-8")
    with pytest.raises(InstallError, match="not written by vebus wireshark"):
        install(tmp_path, _TEXT)
    with pytest.raises(InstallError, match="not written by vebus wireshark"):
        uninstall(tmp_path)
    assert foreign.read_text(encoding="utf-8") == "-- mine\n"


def test_a_folder_that_is_a_file_is_an_error_of_ours(tmp_path: Path) -> None:
    (tmp_path / "plugins").write_text("", encoding="utf-8")
    with pytest.raises(InstallError, match="plugins"):
        install(tmp_path / "plugins", _TEXT)


def test_a_program_without_the_folder_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "oldshark"
    path.write_text("#!/bin/sh\necho nothing\n", encoding="utf-8")
    path.chmod(0o755)
    with pytest.raises(ProgramError, match="names no folder"):
        find_program(str(path)).folders()


# --- doctor ----------------------------------------------------------------------------------------------------------
def test_doctor_is_content_with_a_current_installation(tmp_path: Path) -> None:
    program = _program(tmp_path)
    install(tmp_path / "plugins", _TEXT)
    found = _doctor(program)
    assert {one.verdict for one in found} == {Verdict.GOOD}
    assert len(found) == 5
    assert _vebus("doctor", "--program", program).exit_code == 0


def test_doctor_says_that_nothing_is_installed(tmp_path: Path) -> None:
    program = _program(tmp_path)
    assert "vebus wireshark install" in _texts(_doctor(program), Verdict.BAD)
    result = _vebus("doctor", "--program", program)
    assert result.exit_code == 1
    assert "problem: " in result.stdout


@pytest.mark.parametrize(
    ("facts", "verdict", "text"),
    [
        ({"version": "2.6.20"}, Verdict.BAD, "too old"),
        ({"version": "3.6.2"}, Verdict.WARNING, "only tried with 4.0"),
        ({"lua": "without Lua"}, Verdict.BAD, "built without Lua"),
        ({"lua": "with Lua 5.1.5"}, Verdict.BAD, "Lua 5.1 is too old"),
        ({"protocols": "A\\ta\\ttcp\\n"}, Verdict.BAD, "does not load the dissector"),
    ],
)
def test_doctor_sees_wrong_programs(tmp_path: Path, facts: dict[str, str], verdict: Verdict, text: str) -> None:
    program = _program(tmp_path, **facts)
    install(tmp_path / "plugins", _TEXT)
    assert text in _texts(_doctor(program), verdict)


def test_doctor_sees_root_an_old_file_a_foreign_file_and_a_second_one(tmp_path: Path) -> None:
    program = _program(tmp_path)
    install(tmp_path / "plugins", lua_text("0.0.1"))
    found = _doctor(program, user=0)
    assert "root" in _texts(found, Verdict.WARNING)
    assert "another version" in _texts(found, Verdict.WARNING)
    install(tmp_path / "shared", _TEXT)
    assert "only once" in _texts(_doctor(program), Verdict.BAD)
    (tmp_path / "plugins" / FILE_NAME).write_text("-- mine\n", encoding="utf-8")
    assert "move it away" in _texts(_doctor(program), Verdict.BAD)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write and read everything")
def test_doctor_sees_a_folder_that_may_not_be_written(tmp_path: Path) -> None:
    program = _program(tmp_path)
    install(tmp_path / "plugins", _TEXT)
    (tmp_path / "plugins").chmod(0o500)
    try:
        assert "may not be written" in _texts(_doctor(program), Verdict.BAD)
    finally:
        (tmp_path / "plugins").chmod(0o700)


def test_doctor_sees_a_folder_that_is_a_file(tmp_path: Path) -> None:
    program = _program(tmp_path)
    (tmp_path / "plugins").write_text("", encoding="utf-8")
    assert "is no folder" in _texts(_doctor(program), Verdict.BAD)


# --- the real one ----------------------------------------------------------------------------------------------------
def test_the_real_tshark_shows_our_captures_after_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import subprocess

    tshark = required("tshark")
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "WIRESHARK_PLUGIN_DIR", "WIRESHARK_CONFIG_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    capture = tmp_path / "bus.pcapng"
    sample = Path(__file__).parent.parent / "captures" / "rs485-real.hex"
    assert CliRunner().invoke(app, ["decode", str(sample), "-w", str(capture)]).exit_code == 0
    assert _vebus("install").exit_code == 0
    assert Verdict.BAD not in {one.verdict for one in diagnoses(_TEXT)}
    shown = subprocess.run([tshark, "-r", str(capture)], capture_output=True, text=True, check=True, timeout=60).stdout
    assert "VE.Bus 10 Sync, Nr=2, Time=536 (48.240 ms), Status=0x51" in shown
    assert len(shown.splitlines()) == 12
