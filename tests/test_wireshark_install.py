"""`vebus wireshark`: into the folder that the program names, once, never over a foreign file; and what doctor sees."""

import os
import stat
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.wireshark_compare import find_program as required
from vebus_tools import __version__
from vebus_tools.cli import app
from vebus_tools.wireshark import (
    Diagnosis,
    OurFile,
    Verdict,
    colour_filters,
    diagnoses,
    find_program,
    install,
    lua_text,
    our_files,
    uninstall,
)
from vebus_tools.wireshark.installation import InstallError
from vebus_tools.wireshark.inventory import DISSECTOR, LAUNCHER, PROFILE, launcher_text
from vebus_tools.wireshark.programs import ProgramError

_TEXT = lua_text(__version__)
_ORDINARY_USER = 1000
_FOLDERS = """#!/bin/sh
case "$*" in
--version) printf 'TShark (Wireshark) {version}.\\n\\nCompiled {lua}, with zlib.\\n' ;;
"-G folders")
    printf 'Temp:\\t/tmp\\nPersonal Lua Plugins:\\t{folder}\\nGlobal Lua Plugins:\\t{shared}\\n'
    printf 'Personal configuration:\\t{configuration}\\n{more}'
    ;;
"-G protocols") printf '{protocols}' ;;
-D) printf '{listed}'; printf '{complaint}' >&2 ;;
esac
"""


def _program(folder: Path, **facts: str) -> str:
    """A stand-in for tshark that answers the three questions."""
    known = {"version": "4.0.17", "lua": "with Lua 5.2.4", "protocols": "A\\ta\\tvebus\\nB\\tb\\tmk3\\n"}
    known |= {"folder": str(folder / "plugins"), "shared": str(folder / "shared")}
    known |= {"configuration": str(folder / "settings"), "more": "", "listed": "1. vebus-sim (x)\\n", "complaint": ""}
    path = folder / "fakeshark"
    path.write_text(_FOLDERS.format(**(known | facts)), encoding="utf-8")
    path.chmod(0o755)
    return str(path)


def _vebus(*words: str) -> Result:
    return CliRunner().invoke(app, ["wireshark", *words])


def _doctor(
    program: str, user: int = _ORDINARY_USER, interpreter: str = sys.executable, ports: tuple[str, ...] = ()
) -> list[Diagnosis]:
    return list(diagnoses(__version__, interpreter, program, user=user, ports=ports))


def _install_all(program: str, interpreter: str = sys.executable) -> dict[str, Path]:
    """Install everything; the paths by the names of the files."""
    files = list(our_files(find_program(program).folders(), __version__, interpreter))
    for file in files:
        install(file)
    return {file.path.name: file.path for file in files}


def _lua(folder: Path, text: str = _TEXT) -> OurFile:
    return OurFile(path=folder / DISSECTOR, text=text)


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


def test_colorfilters_writes_the_colours() -> None:
    assert _vebus("colorfilters").stdout == colour_filters(__version__)


def test_output_is_for_texts_only() -> None:
    assert _vebus("install", "-o", "somewhere").exit_code == 2


def test_install_is_idempotent_and_uninstall_removes(tmp_path: Path) -> None:
    program = _program(tmp_path)
    first, second = (_vebus("install", "--program", program) for _ in range(2))
    settings = tmp_path / "settings"
    profile = settings / "profiles" / PROFILE
    paths = [
        tmp_path / "plugins" / DISSECTOR,
        settings / "extcap" / LAUNCHER,
        profile / "colorfilters",
        profile / "preferences",
    ]
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert first.stdout.count("installed") == len(paths)
    assert second.stdout.count("current") == len(paths)
    assert paths[0].read_text(encoding="utf-8") == _TEXT
    assert [stat.S_IMODE(path.stat().st_mode) for path in paths] == [0o644, 0o755, 0o644, 0o644]
    assert sorted(path for path in tmp_path.rglob("*") if path.is_file()) == sorted([*paths, Path(program)])
    assert _vebus("uninstall", "--program", program).stdout.count("removed") == len(paths)
    assert not any(path.exists() for path in paths)
    assert not profile.exists()
    assert _vebus("uninstall", "--program", program).stdout.count("nothing to do") == len(paths)


def test_the_launcher_goes_where_newer_programs_say(tmp_path: Path) -> None:
    program = _program(tmp_path, more=f"Personal Extcap path:\\t{tmp_path / 'own'}\\n")
    assert _vebus("install", "--program", program).exit_code == 0
    assert (tmp_path / "own" / LAUNCHER).exists()


def test_a_foreign_file_is_told_and_the_others_are_installed(tmp_path: Path) -> None:
    program = _program(tmp_path)
    foreign = tmp_path / "plugins" / DISSECTOR
    foreign.parent.mkdir()
    foreign.write_text("-- mine\n", encoding="utf-8")
    result = _vebus("install", "--program", program)
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert result.stdout.count("installed") == 3


def test_a_profile_that_was_changed_in_wireshark_stays(tmp_path: Path) -> None:
    program = _program(tmp_path)
    colours = _install_all(program)["colorfilters"]
    colours.write_text("# This file was created by Wireshark. Edit with care.\n", encoding="utf-8")
    for action in ("install", "uninstall"):
        result = _vebus(action, "--program", program)
        assert result.exit_code == 0
        assert f"{colours} was changed in Wireshark, so it stays as it is" in result.stdout
    assert "Edit with care" in colours.read_text(encoding="utf-8")


def test_a_launcher_that_lost_its_permission_gets_it_back(tmp_path: Path) -> None:
    program = _program(tmp_path)
    launcher = _install_all(program)[LAUNCHER]
    launcher.chmod(0o644)
    assert f"{launcher} may not be executed" in _texts(_doctor(program), Verdict.BAD)
    assert f"{launcher} replaced" in _vebus("install", "--program", program).stdout
    assert os.access(launcher, os.X_OK)


def test_the_interpreter_may_have_a_space_in_its_path() -> None:
    assert "exec '/opt/my python/bin/python' -P -m vebus_tools.cli extcap \"$@\"\n" in launcher_text(
        "1", "/opt/my python/bin/python"
    )


def test_a_program_that_is_missing_is_one_line() -> None:
    result = _vebus("install", "--program", "no-such-shark")
    assert result.exit_code == 1
    assert "no-such-shark is not installed" in result.stderr
    assert result.stderr.count("\n") == 1


# --- files -----------------------------------------------------------------------------------------------------------
def test_an_older_file_of_ours_is_replaced(tmp_path: Path) -> None:
    install(_lua(tmp_path, lua_text("0.0.1")))
    assert "replaced" in install(_lua(tmp_path))
    assert (tmp_path / DISSECTOR).read_text(encoding="utf-8") == _TEXT


def test_a_foreign_file_is_neither_replaced_nor_removed(tmp_path: Path) -> None:
    foreign = tmp_path / DISSECTOR
    foreign.write_text("-- mine\n", encoding="utf-8")
    with pytest.raises(InstallError, match="not written by vebus wireshark"):
        install(_lua(tmp_path))
    with pytest.raises(InstallError, match="not written by vebus wireshark"):
        uninstall(_lua(tmp_path))
    assert foreign.read_text(encoding="utf-8") == "-- mine\n"


def test_a_folder_that_is_a_file_is_an_error_of_ours(tmp_path: Path) -> None:
    (tmp_path / "plugins").write_text("", encoding="utf-8")
    with pytest.raises(InstallError, match="plugins"):
        install(_lua(tmp_path / "plugins"))


def test_a_program_without_the_folder_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "oldshark"
    path.write_text("#!/bin/sh\necho nothing\n", encoding="utf-8")
    path.chmod(0o755)
    with pytest.raises(ProgramError, match="names no folder"):
        find_program(str(path)).folders()


# --- doctor ----------------------------------------------------------------------------------------------------------
def test_doctor_is_content_with_a_current_installation(tmp_path: Path) -> None:
    program = _program(tmp_path)
    _install_all(program)
    found = _doctor(program)
    assert {one.verdict for one in found} == {Verdict.GOOD}, _texts(found, Verdict.BAD)
    assert len(found) == 12
    assert _vebus("doctor", "--program", program).exit_code == 0


def test_doctor_says_that_nothing_is_installed(tmp_path: Path) -> None:
    program = _program(tmp_path)
    assert _texts(_doctor(program), Verdict.BAD).count("vebus wireshark install") == 2
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
        ({"listed": "1. eth0\\n"}, Verdict.BAD, "lists no interface of ours"),
        ({"complaint": "tshark: cannot run dumpcap: Permission denied\\n"}, Verdict.BAD, "in the group wireshark"),
    ],
)
def test_doctor_sees_wrong_programs(tmp_path: Path, facts: dict[str, str], verdict: Verdict, text: str) -> None:
    program = _program(tmp_path, **facts)
    _install_all(program)
    assert text in _texts(_doctor(program), verdict)


def test_doctor_sees_root_an_old_file_a_foreign_file_and_a_second_one(tmp_path: Path) -> None:
    program = _program(tmp_path)
    install(_lua(tmp_path / "plugins", lua_text("0.0.1")))
    found = _doctor(program, user=0)
    assert "root" in _texts(found, Verdict.WARNING)
    assert "another version" in _texts(found, Verdict.WARNING)
    install(_lua(tmp_path / "shared"))
    assert "only once" in _texts(_doctor(program), Verdict.BAD)
    (tmp_path / "plugins" / DISSECTOR).write_text("-- mine\n", encoding="utf-8")
    assert "move it away" in _texts(_doctor(program), Verdict.BAD)


def test_doctor_sees_a_python_that_is_gone_and_one_without_this_package(tmp_path: Path) -> None:
    program = _program(tmp_path)
    moved = str(tmp_path / "old venv" / "bin" / "python")
    launcher = _install_all(program, moved)[LAUNCHER]
    assert f"its Python {moved} is gone" in _texts(_doctor(program), Verdict.BAD)
    assert "another version or Python" in _texts(_doctor(program), Verdict.WARNING)
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho No module named vebus_tools >&2\nexit 1\n", encoding="utf-8")
    broken.chmod(0o755)
    _install_all(program, str(broken))
    assert f"{launcher} fails: No module named vebus_tools" in _texts(_doctor(program), Verdict.BAD)
    broken.write_text("#!/no/such/shell\n", encoding="utf-8")
    assert f"{launcher} fails" in _texts(_doctor(program), Verdict.BAD)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may open everything")
def test_doctor_sees_a_port_that_may_not_be_opened(tmp_path: Path) -> None:
    port = tmp_path / "ttyUSB0"
    port.write_text("", encoding="utf-8")
    port.chmod(0o040)
    found = _texts(_doctor(_program(tmp_path), ports=(str(port),)), Verdict.WARNING)
    assert f"{port} may not be opened by this user; join its group: sudo usermod -aG" in found
    port.chmod(0)
    assert "look at its owner" in _texts(_doctor(_program(tmp_path), ports=(str(port),)), Verdict.WARNING)


def test_doctor_says_what_is_wrong_with_a_port_that_is_gone(tmp_path: Path) -> None:
    found = _texts(_doctor(_program(tmp_path), ports=(str(tmp_path / "ttyUSB0"),)), Verdict.WARNING)
    assert "ttyUSB0 may not be opened by this user" in found


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write and read everything")
def test_doctor_sees_a_folder_that_may_not_be_written(tmp_path: Path) -> None:
    program = _program(tmp_path)
    _install_all(program)
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
    found = list(diagnoses(__version__, sys.executable))
    assert Verdict.BAD not in {one.verdict for one in found}, _texts(found, Verdict.BAD)
    shown = subprocess.run([tshark, "-r", str(capture)], capture_output=True, text=True, check=True, timeout=60).stdout
    assert "VE.Bus 10 Sync, Nr=2, Time=536 (48.240 ms), Status=0x51" in shown
    assert len(shown.splitlines()) == 12
