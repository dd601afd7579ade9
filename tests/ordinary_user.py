"""Programs as an ordinary user runs them, also where the tests run as root; each with a home folder of its own."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

__all__ = ["OrdinaryUser", "ordinary_user"]

_NOBODY = 65_534
_READING = (None, "dac_read_search", "dac_override")
"""What an ordinary user may need besides, where the Python of the tests lies in the home folder of root."""


@dataclass(frozen=True, slots=True)
class OrdinaryUser:
    """Somebody who is not root; ``home`` is empty in the beginning."""

    prefix: tuple[str, ...]
    home: Path
    environment: dict[str, str]

    def command(self, *words: str) -> tuple[str, ...]:
        """The command line that makes this user run something."""
        return (*self.prefix, *words)

    def run(self, *words: str, timeout_s: float = 60) -> "subprocess.CompletedProcess[str]":
        """Run a program to its end."""
        return subprocess.run(
            self.command(*words),
            env=self.environment,
            cwd=os.sep,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            check=False,
            timeout=timeout_s,
        )

    def processes(self) -> list[str]:
        """Command lines of the processes that have this home folder."""
        mark = f"HOME={self.home}\0".encode()
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if mark in (folder / "environ").read_bytes():
                    found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace"))
            except OSError:
                continue  # somebody else's, or just gone
        return found


@contextmanager
def ordinary_user(environment: dict[str, str]) -> Iterator[OrdinaryUser]:
    """Whoever runs the tests, or nobody instead of root; skipped, and failing in CI, where that cannot be."""
    with tempfile.TemporaryDirectory(prefix="home-") as name:
        home = Path(name).resolve()
        settings = {**environment, "HOME": str(home), "XDG_RUNTIME_DIR": str(home), "TMPDIR": str(home), "TZ": "UTC"}
        settings |= {"LC_ALL": "C.UTF-8", "PYTHONIOENCODING": "utf-8"}
        for variable in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "WIRESHARK_PLUGIN_DIR", "WIRESHARK_CONFIG_DIR"):
            settings.pop(variable, None)
        if os.geteuid() == 0:
            os.chown(home, _NOBODY, _NOBODY)
        for prefix in _prefixes():
            user = OrdinaryUser(prefix, home, settings)
            # Through a shell: setpriv itself may still start more than its user can.
            if user.run("sh", "-c", 'exec "$0" -c "import vebus_tools"', sys.executable).returncode == 0:
                yield user
                return
    reason = "tests run as root, and nobody else can run this Python (setpriv is in util-linux)"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def _prefixes() -> Iterator[tuple[str, ...]]:
    if os.geteuid() != 0:
        yield ()
        return
    setpriv = shutil.which("setpriv")
    for capability in _READING if setpriv else ():
        more = (f"--inh-caps=+{capability}", f"--ambient-caps=+{capability}") if capability else ()
        yield (str(setpriv), f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups", *more)
