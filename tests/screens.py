"""What the tests of the live table share: a terminal with a program in it, and what stands on its screen."""

import contextlib
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from fcntl import ioctl

__all__ = ["Emulator", "Terminal", "on_terminal"]

_CODES = re.compile(rb"\x1b\[(\??)([\d;]*)([A-Za-z])")
_HALF_CODE = re.compile(rb"\x1b\[\??[\d;]*")
"""What stands there of a code when its writer was killed; a terminal drops it at the next code."""

_LAUNCHER = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.executable, sys.argv[1:])"
)


class Emulator:
    """The few escape codes that the live table uses."""

    def __init__(self, columns: int, lines: int) -> None:
        self.rows = [""] * lines
        self.columns = columns
        self.alternate = False
        self.cursor = True
        self.blank = True
        """False after a change of the size until all is painted again: what comes before was meant for the old size."""
        self.normal = b""
        """What was written outside of the alternate screen."""
        self._at = (0, 0)
        self._pending = b""

    def feed(self, data: bytes) -> None:
        data = self._pending + data
        cut = data.rfind(b"\x1b")
        unfinished = cut >= 0 and _CODES.match(data, cut) is None
        data, self._pending = (data[:cut], data[cut:]) if unfinished else (data, b"")
        end = 0
        for found in _CODES.finditer(data):
            self._text(data[end : found.start()])
            self._code(found[1] == b"?", found[2].decode(), found[3].decode())
            end = found.end()
        self._text(data[end:])

    def _text(self, data: bytes) -> None:
        if not self.alternate:
            self.normal += data
        elif data and self.blank:
            line, column = self._at
            text = _HALF_CODE.sub(b"", data).decode("utf-8", "replace")
            assert text.isprintable(), text
            before = self.rows[line].ljust(column)
            self.rows[line] = before[:column] + text + before[column + len(text) :]
            assert len(self.rows[line]) <= self.columns, self.rows[line]
            self._at = line, column + len(text)

    def _code(self, private: bool, arguments: str, letter: str) -> None:  # noqa: FBT001
        if private and arguments == "1049":
            self.alternate = letter == "h"
        elif private and arguments == "25":
            self.cursor = letter == "h"
        elif letter == "H":
            line, column = map(int, arguments.split(";"))
            self._at = line - 1, column - 1
        elif letter == "K" and self.blank:
            self.rows[self._at[0]] = ""
        elif letter == "J":
            self.rows = [""] * len(self.rows)
            self.blank = True
        else:
            assert letter in "Km", letter

    def __str__(self) -> str:
        return "\n".join(self.rows)


class Terminal:
    """A program on a terminal of its own, with a keyboard and a screen."""

    def __init__(self, process: "subprocess.Popen[bytes]", fd: int, size: tuple[int, int]) -> None:
        self.process = process
        self.screen = Emulator(*size)
        self._fd = fd

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self._fd, keys.encode())

    def resize(self, columns: int, lines: int) -> None:
        """Change the size of the window."""
        self.screen = Emulator(columns, lines)
        self.screen.alternate, self.screen.cursor, self.screen.blank = True, False, False
        ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def attributes(self) -> list[object]:
        """Settings of the terminal."""
        return termios.tcgetattr(self._fd)

    def look(self, wait_s: float = 0.05) -> None:
        """Take in what the program paints."""
        if select.select([self._fd], [], [], wait_s)[0]:
            with contextlib.suppress(OSError):
                self.screen.feed(os.read(self._fd, 1 << 16))

    def wait_for(self, condition: Callable[[Emulator], object], what: str, limit_s: float = 30.0) -> None:
        """Look until it is so."""
        end = time.monotonic() + limit_s
        while not condition(self.screen):
            assert time.monotonic() < end, f"waited for {what}:\n{self.screen}\n{self.screen.normal.decode()}"
            self.look()

    def wait_for_text(self, text: str) -> None:
        """Look until a text stands on the screen."""
        self.wait_for(lambda screen: text in str(screen), text)

    def finish(self, number: int | None = None) -> int:
        """Send a signal if wanted, wait for the end, look at the rest; the exit code."""
        if number is not None:
            self.process.send_signal(number)
        end = time.monotonic() + 30.0
        while self.process.poll() is None:
            assert time.monotonic() < end, str(self.screen)
            self.look()
        for _ in range(5):
            self.look(0.02)
        return self.process.returncode


@contextlib.contextmanager
def on_terminal(
    environment: dict[str, str], *arguments: object, size: tuple[int, int] = (80, 24), command: str = "sniff"
) -> Iterator[Terminal]:
    """Run a command of `vebus` on a terminal of its own; killed when the test is done with it."""
    ours, theirs = pty.openpty()
    ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
    program = [sys.executable, "-c", _LAUNCHER, sys.executable, "-m", "vebus_tools.cli", command]
    settings = {**environment, "PYTHONIOENCODING": "utf-8", "TERM": "xterm", "LC_ALL": "C.UTF-8"}
    settings.pop("NO_COLOR", None)
    process = subprocess.Popen(
        [*program, *map(str, arguments)],
        env=settings,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=os.sep,
        start_new_session=True,
    )
    try:
        yield Terminal(process, ours, size)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.wait()
        os.close(ours)
        os.close(theirs)
