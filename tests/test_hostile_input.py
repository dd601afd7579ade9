"""Every command with hostile input: one or two lines, a documented exit code, never a traceback."""

import gzip
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.checkout import ROOT
from vebus_tools.cli import COMMANDS, app
from vebus_tools.cli.failures import BROKEN_PIPE, FAILED, INTERRUPTED, USAGE

SAMPLE = str(ROOT / "vebus_tools" / "samples" / "synthetic-10s.bin")
SMALL = str(ROOT / "captures" / "rs485-real.hex")
NOT_VERIFIED = 14
DIFFERENT, TROUBLE = 1, 2

# The words of a command that reads {file}, and its exit code where that cannot be read.
READERS = {
    "decode": ("decode {file}", FAILED),
    "decode, details of two passes": ("decode -2 -V {file}", FAILED),
    "decode, JSON": ("decode -T json {file}", FAILED),
    "decode, names of senders": (f"decode {SMALL} -c 1 --names {{file}}", USAGE),
    "convert": ("convert {file} {folder}/out.log", FAILED),
    "diff": (f"diff {{file}} {SMALL}", TROUBLE),
    "export": ("export {file} -o {folder}/out.jsonl", FAILED),
    "plot": ("plot {file} vebus.dc.voltage", FAILED),
    "replay": ("replay {file} -w {folder}/out.bin", FAILED),
    "simulate": ("simulate {file} --virtual --duration 1s -w {folder}/out.bin", FAILED),
    "sniff": ("sniff -i {file}", FAILED),
    "stats": ("stats {file}", FAILED),
    "stats, intervals": ("stats {file} -z io,stat,1", FAILED),
    "check-firmware": ("check-firmware -r {file}", FAILED),
    "check-firmware, port": ("check-firmware -i {file}", FAILED),
    "check-firmware, adapter": ("check-firmware -i {file} --link mk3", FAILED),
    "emulate-bms, scenario": ("emulate-bms --virtual --scenario {file}", FAILED),
    "emulate-bms, config": ("emulate-bms --virtual --config {file}", FAILED),
    "emulate-bms, cells": ("emulate-bms --virtual --cells {file}", FAILED),
    "emulate-bms, profile": ("emulate-bms --virtual --profile {file}", FAILED),
}
WITHOUT_FILES = {"extcap", "wireshark"}


def _noise(folder: Path) -> Path:
    path = folder / "noise.bin"
    path.write_bytes(random.Random(1).randbytes(3000))  # noqa: S311  (no secret)
    return path


def _cut_pcapng(folder: Path) -> Path:
    path = folder / "cut.pcapng"
    CliRunner().invoke(app, ["convert", SMALL, str(path), "-q"])
    os.truncate(path, 701)
    return path


def _cut_gzip(folder: Path) -> Path:
    path = folder / "cut.bin.gz"
    path.write_bytes(gzip.compress(Path(SAMPLE).read_bytes())[:700])
    return path


def _written(name: str, data: bytes) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (folder / name).write_bytes(data)
        return folder / name

    return write


def _folder(folder: Path) -> Path:
    (folder / "folder.bin").mkdir()
    return folder / "folder.bin"


def _circle(folder: Path) -> Path:
    (folder / "circle.bin").symlink_to(folder / "circle.bin")
    return folder / "circle.bin"


UNREADABLE: dict[str, Callable[[Path], Path]] = {
    "missing": lambda folder: folder / "missing.bin",
    "not UTF-8": lambda folder: folder / os.fsdecode(b"\xff\xfe.bin"),
    "long name": lambda folder: folder / ("n" * 300),
    "folder": _folder,
    "circle of links": _circle,
    "text": _written("text.txt", b"good morning\n"),
}
# What some commands can read, at least in part, and others cannot.
ODD: dict[str, Callable[[Path], Path]] = {
    "empty": _written("empty.bin", b""),
    "noise": _noise,
    "cut pcapng": _cut_pcapng,
    "cut gzip": _cut_gzip,
    "UTF-16": _written("wide.txt", "83 83 fd 02\n".encode("utf-16")),
    "cut log": _written("cut.log", b"(0.000000) vebus0 8383#FD02555118\n(0.1"),
}


def _called(words: str, file: Path, folder: Path) -> tuple[int, str]:
    """Exit code and standard error of a command; any exception that comes out of it fails the test."""
    filled = [word.replace("{file}", str(file)).replace("{folder}", str(folder)) for word in words.split()]
    result = CliRunner().invoke(app, filled)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert "Traceback" not in result.output
    assert len(result.stderr.splitlines()) <= 5, result.stderr
    return result.exit_code, result.stderr


@pytest.mark.parametrize(
    "words",
    [
        "decode {file} -c 1",
        "stats {file} {file}",
        "diff {file} {file}",
        "plot {file} vebus.dc.voltage -o {folder}/out.svg",
        "export {file} -o {folder}/out.sqlite",
        "export {file} -o {folder}/out.jsonl",
    ],
)
def test_names_that_are_no_text(words: str, tmp_path: Path) -> None:
    file = tmp_path / os.fsdecode(b"kitchen\xff.hex")
    file.write_bytes(Path(SMALL).read_bytes())
    found, said = _called(words, file, tmp_path)
    assert (found, "rename" in said) in {(0, False), (FAILED, True)}


def test_an_export_does_not_replace_a_device(tmp_path: Path) -> None:
    found, said = _called(f"export {SMALL} -o /dev/full -F jsonl --overwrite", tmp_path, tmp_path)
    assert found == FAILED
    assert "is a device" in said


def test_every_command_is_in_the_tables() -> None:
    assert {name.partition(",")[0] for name in READERS} | WITHOUT_FILES == set(COMMANDS)


@pytest.mark.parametrize("condition", UNREADABLE)
@pytest.mark.parametrize("reader", READERS)
def test_what_cannot_be_read_is_named(reader: str, condition: str, tmp_path: Path) -> None:
    words, code = READERS[reader]
    file = UNREADABLE[condition](tmp_path)
    found, said = _called(words, file, tmp_path)
    assert found == code
    assert said.startswith("vebus: ")
    # A scenario of that name does not exist; a name that is no text cannot be printed as it is.
    assert file.name.isascii() is False or file.name in said


@pytest.mark.parametrize("condition", ODD)
@pytest.mark.parametrize("reader", READERS)
def test_damaged_files_have_documented_exit_codes(reader: str, condition: str, tmp_path: Path) -> None:
    words, code = READERS[reader]
    found, said = _called(words, ODD[condition](tmp_path), tmp_path)
    whole = {"diff": DIFFERENT, "check-firmware": NOT_VERIFIED}.get(reader, 0)
    assert found in {code, whole}
    assert said or found == whole


@pytest.mark.parametrize("command", COMMANDS)
def test_an_unknown_option_is_wrong_usage(command: str, tmp_path: Path) -> None:
    found, said = _called(f"{command} --no-such-option", tmp_path, tmp_path)
    assert found == USAGE
    assert "--no-such-option" in said


@pytest.mark.parametrize("words", [[], *([command] for command in COMMANDS)], ids=" ".join)
def test_help_fits_a_terminal(words: list[str]) -> None:
    result = CliRunner().invoke(app, [*words, "-h"], env={"COLUMNS": "80", "TERMINAL_WIDTH": "80"})
    assert result.exit_code == 0
    assert result.stdout.startswith("Usage: ")
    assert max(map(len, result.stdout.splitlines())) <= 80


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (f"decode {SMALL} -Y vebus.dc.volt", "vebus.dc.voltage"),
        (f"decode {SMALL} -T fields -e vebus.dc.volt", "vebus.dc.voltage"),
        (f"plot {SMALL} vebus.dc.volt", "vebus.dc.voltage"),
        (f"export {SMALL} -o {{folder}}/x.jsonl -e vebus.dc.volt", "vebus.dc.voltage"),
        (f"stats {SMALL} -Y vebus.dc.volt", "vebus.dc.voltage"),
        (f"stats {SMALL} -z no,such", "-z help"),
        (f"decode {SMALL} -O no", "-G protocols"),
        ("sniff -i sim: -f vebus.dc.volt", "vebus.dc.voltage"),
        ("sniff -i sim: -a no:3", "duration:"),
        (f"replay {SMALL}", "--pty"),
        ("simulate", "--pty"),
        ("emulate-bms --transmit", "-i PORT"),
        ("emulate-bms --virtual --set no=1", "KEY=VALUE"),
        ("extcap --capture", "--extcap-interfaces"),
        ("wireshark install -o x", "-o is for"),
        ("check-firmware", "-r CAPTURE"),
        ("decod x", "decode"),
    ],
)
def test_wrong_usage_says_what_to_do(words: str, hint: str, tmp_path: Path) -> None:
    found, said = _called(words, tmp_path, tmp_path)
    assert found == USAGE
    assert hint in said


# --- standard streams and signals: these need a process ------------------------------------------------------------
def _shell(script: str, environment: dict[str, str], **more: str) -> tuple[int, str]:
    """Exit code and standard error of a line of shell, in which $vebus is the program; streams are buffered."""
    settings = {**environment, "vebus": f"{sys.executable} -m vebus_tools.cli", "TERM": "dumb", **more}
    settings.pop("PYTHONUNBUFFERED", None)
    done = subprocess.run(
        ["/bin/bash", "-o", "pipefail", "-c", script],
        env=settings,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )
    said = done.stderr.decode("utf-8", "replace")
    assert "Traceback" not in said
    assert "Exception ignored" not in said
    assert len(said.splitlines()) <= 4
    return done.returncode, said


@pytest.mark.parametrize(
    ("script", "code"),
    [
        (f"$vebus decode -c 3 {SMALL} >/dev/full", FAILED),
        (f"$vebus diff {SMALL} {SMALL} >/dev/full", TROUBLE),
        (f"$vebus convert {SMALL} - >/dev/full", FAILED),
        ("$vebus check-firmware 2629492 >/dev/full", FAILED),
        ("$vebus --help >/dev/full", FAILED),
        (f"$vebus decode -c 3 {SMALL} >&-", FAILED),
        (f"$vebus stats {SMALL} <&- >&- 2>&-", FAILED),
        ("$vebus decode -2 - <&-", FAILED),
        (f"$vebus decode -c 3 {SMALL} 2>&-", 0),
        (f"$vebus decode -c 3 {SMALL} | true", BROKEN_PIPE),
        ("$vebus check-firmware 2629492 | true", BROKEN_PIPE),
    ],
)
def test_streams_that_take_or_give_nothing(script: str, code: int, checkout_environment: dict[str, str]) -> None:
    found, said = _shell(script, checkout_environment)
    assert found == code
    assert bool(said) == (code in {FAILED, TROUBLE} and "2>&-" not in script)


def test_a_closed_output_does_not_end_up_in_a_file(checkout_environment: dict[str, str], tmp_path: Path) -> None:
    copy = tmp_path / "copy.bin"
    _shell(f"$vebus decode -P -w {copy} {SAMPLE} >&-", checkout_environment)
    assert Path(SAMPLE).read_bytes().startswith(copy.read_bytes())


@pytest.mark.parametrize(
    "words", ["decode {sample}", "plot {sample} vebus.dc.voltage", "decode {sample} --names {names}"]
)
def test_a_locale_without_utf_8_prints_ascii(words: str, checkout_environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "names.toml").write_text('[names]\n8383 = "Küche"\n', encoding="utf-8")
    filled = words.format(sample=SMALL, names=tmp_path / "names.toml")
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": ""}
    printed = tmp_path / "printed"
    assert _shell(f"$vebus {filled} > {printed}", checkout_environment, **plain) == (0, "")
    assert printed.read_bytes().isascii()
    assert printed.stat().st_size > 100


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_signal_in_the_middle(number: signal.Signals, checkout_environment: dict[str, str]) -> None:
    command = [sys.executable, "-m", "vebus_tools.cli", "decode", "-l", "-"]
    with subprocess.Popen(
        command, env=checkout_environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(Path(SAMPLE).read_bytes())
        process.stdin.flush()
        assert process.stdout.readline()  # it is at work now, and waits for more
        process.send_signal(number)
        _, said = process.communicate(timeout=30)
    assert b"Traceback" not in said
    assert process.returncode == (INTERRUPTED if number is signal.SIGINT else -number)
