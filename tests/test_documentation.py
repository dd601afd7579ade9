"""The documents keep up with the program: commands are described, the README's blocks are what CI runs."""

import ast
import importlib
import inspect
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.core import TyperCommand, TyperGroup, TyperOption
from typer.main import get_command

from tests.checkout import PACKAGES, ROOT, modules

MODULES = modules()


# --- commands --------------------------------------------------------------------------------------------------------
def _commands() -> dict[str, TyperCommand]:
    """Every command of the program by its full name, such as `vebus decode`."""
    from vebus_tools.cli import app

    program = get_command(app)
    assert isinstance(program, TyperGroup), "one command and no callback: `vebus decode` would not be a command"
    return dict(_walk("vebus", program))


def _walk(name: str, group: TyperGroup) -> Iterator[tuple[str, TyperCommand]]:
    context = group.make_context(name, [], resilient_parsing=True)
    for word in group.list_commands(context):
        command = group.get_command(context, word)
        if isinstance(command, TyperGroup):
            yield from _walk(f"{name} {word}", command)
        else:
            assert isinstance(command, TyperCommand)
            yield f"{name} {word}", command


def test_decode_is_a_command() -> None:
    assert "vebus decode" in _commands()


def test_every_command_appears_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    missing = [name for name in _commands() if not re.search(rf"\b{re.escape(name)}\b(?!-)", readme)]
    assert not missing, f"not in README.md: {missing}"


def test_every_command_has_a_short_first_line_of_help() -> None:
    for name, command in _commands().items():
        first = inspect.cleandoc(command.help or "").partition("\n")[0]
        assert first, f"{name} has no help"
        assert len(first) <= 80, f"{name}: {first!r} has {len(first)} characters"


def test_the_list_of_commands_has_the_first_line_of_each_help() -> None:
    from vebus_tools.cli import COMMANDS

    for name, command in _commands().items():
        first = inspect.cleandoc(command.help or "").partition("\n")[0]
        assert COMMANDS[name.removeprefix("vebus ")] == first


def test_every_option_has_help() -> None:
    options = [
        (name, option)
        for name, command in _commands().items()
        for option in command.params
        if isinstance(option, TyperOption) and not option.hidden
    ]
    assert options
    silent = [f"{name} {option.opts[0]}" for name, option in options if not option.help]
    assert not silent, f"options without help: {silent}"


# --- the README and CI -----------------------------------------------------------------------------------------------
def _quick_start(readme: str) -> list[str]:
    """The texts of the ```sh blocks under "## Quick start"."""
    blocks: list[str] = []
    fence = ""  # the line that opened the block we are in
    inside = False
    for line in readme.splitlines():
        if fence:
            if line.rstrip() == "```":
                fence = ""
            elif inside and fence == "```sh":
                blocks[-1] += line + "\n"
        elif line.startswith("```"):
            fence = line.rstrip()
            blocks += [""] if inside and fence == "```sh" else []
        elif line.startswith("## "):
            inside = line.rstrip() == "## Quick start"
    return blocks


def test_readme_has_two_blocks_under_quick_start() -> None:
    blocks = _quick_start((ROOT / "README.md").read_text(encoding="utf-8"))
    assert len(blocks) == 2
    assert "vebus decode" in blocks[0]
    assert all(tool in blocks[1] for tool in ("ruff check", "ruff format --check", "mypy", "pytest"))


def test_ci_takes_the_second_block_of_the_readme() -> None:
    shown = subprocess.run([ROOT / ".ci" / "run", "--print"], capture_output=True, text=True, timeout=30, check=True)
    assert shown.stdout.strip() == _quick_start((ROOT / "README.md").read_text(encoding="utf-8"))[1].strip()


def _ci(folder: Path, readme: str | None) -> subprocess.CompletedProcess[str]:
    """Run a copy of .ci/run beside the given README, with stand-ins for the programs that it would install."""
    (folder / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "run", folder / ".ci" / "run")
    if readme is not None:
        (folder / "README.md").write_text(readme, encoding="utf-8")
    programs = folder / "bin"
    programs.mkdir()
    for name in ("tshark", "socat", "lua5.2", "lua5.4", "luacheck"):
        (programs / name).write_text("#!/bin/sh\n", encoding="utf-8")
        (programs / name).chmod(0o755)
    (programs / "python3").symlink_to(sys.executable)
    path = os.pathsep.join([str(programs), os.environ["PATH"]])
    return subprocess.run(
        [folder / ".ci" / "run"],
        cwd="/",
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def _readme(*blocks: str) -> str:
    fenced = "\n".join(f"Some text.\n```sh\n{block}\n```\n" for block in blocks)
    before = "# Product\n\n```sh\ntouch before\n```\n\n"
    return f"{before}## Quick start\n\n```text\ntouch text\n```\n{fenced}\n## Next\n\n```sh\ntouch next\n```\n"


def test_ci_runs_the_second_block_and_no_other(tmp_path: Path) -> None:
    run = _ci(tmp_path, _readme("touch first", "## a comment in shell\ntouch second\npwd > where"))
    assert run.returncode == 0, run.stderr
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {".ci", "README.md", "bin", "second", "where"}
    assert Path((tmp_path / "where").read_text(encoding="utf-8").strip()) == tmp_path.resolve()


def test_ci_stops_at_the_first_failure(tmp_path: Path) -> None:
    run = _ci(tmp_path, _readme("true", "sh -c 'exit 7'\ntouch reached"))
    assert run.returncode == 7
    assert not (tmp_path / "reached").exists()


@pytest.mark.parametrize(
    "readme",
    [
        None,
        "",
        "# Product\n```sh\ntouch a\n```\n```sh\ntouch b\n```\n",
        _readme(),
        _readme("touch a"),
        _readme("touch a", ""),
        _readme("touch a", "touch b", "touch c"),
        "## Quick start\n```sh\ntouch a\n```\n```sh\ntouch b\n",
    ],
    ids=["no README", "empty", "no heading", "no block", "one block", "empty block", "three blocks", "not closed"],
)
def test_ci_fails_loudly_without_a_second_block(tmp_path: Path, readme: str | None) -> None:
    run = _ci(tmp_path, readme)
    assert run.returncode == 1
    assert "README.md" in run.stderr
    assert not {"a", "b", "c"} & {path.name for path in tmp_path.iterdir()}


# --- docstrings ------------------------------------------------------------------------------------------------------
DEFINITION = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def _without_docstring(node: ast.Module | ast.ClassDef, name: str) -> Iterator[str]:
    """Every public definition below a module or class that has no docstring of its own."""
    if not ast.get_docstring(node):
        yield name
    for child in node.body:
        if not isinstance(child, DEFINITION) or child.name.startswith("_"):
            continue
        if isinstance(child, ast.ClassDef):
            yield from _without_docstring(child, f"{name}.{child.name}")
        elif not ast.get_docstring(child) and not _is_said_elsewhere(child):
            yield f"{name}.{child.name}"


def _is_said_elsewhere(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """An overload or override: the docstring stands at the implementation, or at the method it replaces."""
    return any(ast.unparse(mark).rpartition(".")[2] in {"overload", "override"} for mark in function.decorator_list)


@pytest.mark.parametrize("module", MODULES)
def test_every_public_definition_has_a_docstring(module: str) -> None:
    missing = list(_without_docstring(ast.parse(MODULES[module].read_text(encoding="utf-8")), module))
    assert not missing, f"without a docstring: {', '.join(missing)}"


def test_a_missing_docstring_would_be_seen() -> None:
    source = (
        "class A:\n    '''Doc.'''\n    def b(self): ...\n    def _c(self): ...\n    @overload\n    def d(self): ...\n"
    )
    assert list(_without_docstring(ast.parse(source), "m")) == ["m", "m.A.b"]


@pytest.mark.parametrize("package", sorted(PACKAGES))
def test_every_name_of_the_public_face_is_documented(package: str) -> None:
    face = importlib.import_module(package)
    assert face.__doc__
    assert face.__all__
    assert len(set(face.__all__)) == len(face.__all__)
    for name in face.__all__:
        value = getattr(face, name)
        # A constant cannot carry a docstring; what it is stands beside it in its module.
        if inspect.isclass(value) or inspect.isroutine(value) or inspect.ismodule(value):
            assert inspect.cleandoc(value.__dict__.get("__doc__") or value.__doc__ or ""), f"{package}.{name}"
