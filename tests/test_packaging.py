"""What is shipped: the wheel runs on its own, and the source archive holds all that the tests need."""

import configparser
import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pytest

from tests.checkout import PACKAGES, ROOT, modules


@dataclass(frozen=True, slots=True)
class Distributions:
    """The names inside both archives, and the wheel unpacked the way pip does it."""

    in_wheel: frozenset[str]
    in_sdist: frozenset[str]
    unpacked: Path


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Distributions:
    """Both distributions, built by the backend that pyproject.toml names, without a network."""
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-t", "wheel", "-d", str(folder)]
    run = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    (wheel,) = folder.glob("*.whl")
    (sdist,) = folder.glob("*.tar.gz")
    unpacked = folder / "site"
    with zipfile.ZipFile(wheel) as archive:
        in_wheel = frozenset(archive.namelist())
    shutil.unpack_archive(wheel, unpacked, "zip")
    with tarfile.open(sdist) as archive:
        in_sdist = frozenset(name.partition("/")[2] for name in archive.getnames())
    return Distributions(in_wheel, in_sdist, unpacked)


def _run(site: Path, code: str, *arguments: str) -> str:
    """Run code with nothing of ours importable but the unpacked wheel, from a folder that is not the checkout."""
    # -P keeps the current folder out; PYTHONPATH goes before an editable install of the checkout.
    run = subprocess.run(
        [sys.executable, "-P", "-c", code, *arguments],
        cwd=site.parent,
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


def _entry_point(site: Path) -> str:
    """Code that does what the installed `vebus` script does."""
    (path,) = site.glob("*.dist-info/entry_points.txt")
    points = configparser.ConfigParser()
    points.read(path, encoding="utf-8")
    module, _, function = points["console_scripts"]["vebus"].partition(":")
    return f"import sys; sys.argv[0] = 'vebus'; from {module} import {function}; sys.exit({function}())"


def test_wheel_holds_both_packages_and_their_types(built: Distributions) -> None:
    wanted = {f"{package}/{name}" for package in PACKAGES for name in ("__init__.py", "py.typed")}
    assert wanted <= built.in_wheel


def test_wheel_holds_nothing_else(built: Distributions) -> None:
    tops = {PurePosixPath(name).parts[0] for name in built.in_wheel}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(PACKAGES)
    assert not [name for name in built.in_wheel if "__pycache__" in name or name.endswith(".pyc")]


def test_wheel_holds_every_module_of_the_checkout(built: Distributions) -> None:
    wanted = {path.relative_to(PACKAGES[name.partition(".")[0]].parent).as_posix() for name, path in modules().items()}
    assert wanted
    assert wanted <= built.in_wheel


def test_wheel_holds_a_sample_that_its_own_program_decodes(built: Distributions) -> None:
    samples = sorted(path for path in (built.unpacked / "vebus_tools" / "samples").iterdir() if path.suffix != ".py")
    captures = [path for path in samples if path.suffix not in {".toml", ".txt", ".md"}]
    assert captures
    assert sum(path.stat().st_size for path in samples) < 100_000
    for capture in captures:
        assert _run(built.unpacked, _entry_point(built.unpacked), "decode", str(capture)).strip()


def test_sdist_holds_captures_and_tests(built: Distributions) -> None:
    for folder in ("captures", "tests"):
        files = [path for path in (ROOT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts]
        assert files
        assert {path.relative_to(ROOT).as_posix() for path in files} <= built.in_sdist
    assert {"README.md", "LICENSE", "pyproject.toml", ".ci/run", ".github/CHANGELOG.md"} <= built.in_sdist


def test_wheel_alone_is_what_runs(built: Distributions) -> None:
    code = "import vebus_protocol, vebus_tools; print(vebus_protocol.__file__, vebus_tools.__file__, sep='\\n')"
    for origin in _run(built.unpacked, code).splitlines():
        assert Path(origin).resolve().is_relative_to(built.unpacked.resolve())


def test_help_runs_from_the_wheel_alone(built: Distributions) -> None:
    output = _run(built.unpacked, _entry_point(built.unpacked), "--help")
    assert "vebus" in output
    assert "decode" in output


def test_version_is_that_of_the_project(built: Distributions) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    output = _run(built.unpacked, _entry_point(built.unpacked), "--version")
    assert project["version"] in output.split()
