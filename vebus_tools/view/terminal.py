"""The process that shows: reads keys, paints, and leaves the terminal as it found it.

Only changed lines are painted, without rich.Live: that costs about 20 ms a refresh for 77 rows, this 0.03 ms
(measured); the styles are rich's.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import signal
import sys
import termios
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Self

from vebus_tools.sinks.colours import ansi
from vebus_tools.view.channel import Channel
from vebus_tools.view.controls import Controls
from vebus_tools.view.keys import Keys
from vebus_tools.view.screen import COLOURS, Line, Size, compose
from vebus_tools.view.update import Update

if TYPE_CHECKING:
    import socket
    from types import FrameType, TracebackType

__all__ = ["LEAVE", "Ended", "LinePainter", "Terminal", "ellipsis", "key_source", "painted", "show", "signals"]

ENTER = "\x1b[?1049h\x1b[?25l\x1b[0m\x1b[2J"
LEAVE = "\x1b[0m\x1b[?25h\x1b[?1049l"
"""What leaves the alternate screen and shows the cursor again."""

ESCAPE_S = 0.05
"""How long an escape character may be the beginning of another key."""

_READ_SIZE = 4096
_ATTRIBUTES = frozenset({"bold", "dim", "underline", "reverse"})
_MONOCHROME = {"recent": "reverse", "changed": "underline", "paused": "bold reverse", "bad": "bold"}
_DEFAULT_SIZE = os.terminal_size((80, 24))


class Ended(Exception):  # noqa: N818  (no error: a signal asks for the end)
    """SIGTERM or SIGHUP came."""


def key_source() -> int:
    """A new descriptor to read keys from: the terminal behind standard input, or that of the session.  Raises OSError.

    It is not standard input itself, which may be the bytes of a bus.
    """
    return os.dup(0) if os.isatty(0) else os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)


class Terminal:
    """The terminal while it is ours: keys come at once and unseen, the alternate screen is on, no stray job control."""

    def __init__(self, keys: int, out: int) -> None:
        """``keys`` is read, ``out`` is painted on; both are the same terminal."""
        self.keys = keys
        self.out = out
        self._before: list[Any] = []

    def __enter__(self) -> Self:
        self._before = termios.tcgetattr(self.keys)
        ours = termios.tcgetattr(self.keys)
        ours[0] &= ~(termios.IXON | termios.ICRNL)
        ours[3] &= ~(termios.ICANON | termios.ECHO | termios.IEXTEN)
        ours[6][termios.VMIN], ours[6][termios.VTIME] = 1, 0
        # Ctrl-Z and Ctrl-\ would stop or kill the process that records; Ctrl-C ends it in order and stays.
        ours[6][termios.VSUSP] = ours[6][termios.VQUIT] = b"\x00"
        termios.tcsetattr(self.keys, termios.TCSANOW, ours)
        self.write(ENTER)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # nothing comes between us and the restored terminal
        with contextlib.suppress(OSError):
            self.write(LEAVE)
        with contextlib.suppress(OSError, termios.error):
            termios.tcsetattr(self.keys, termios.TCSANOW, self._before)

    def write(self, text: str) -> None:
        """Write all of it.  Raises OSError when the terminal is gone."""
        data = text.encode(sys.stdout.encoding or "ascii", "replace")
        while data:
            data = data[os.write(self.out, data) :]

    def read(self) -> bytes:
        """What was typed.  Raises OSError when the terminal is gone."""
        data = os.read(self.keys, _READ_SIZE)
        if not data:
            raise OSError(errno.EIO, "the terminal is gone")
        return data

    def size(self) -> Size:
        """Columns and lines, as they are now."""
        try:
            size = os.get_terminal_size(self.out)
        except OSError:
            size = _DEFAULT_SIZE
        return (size.columns or _DEFAULT_SIZE.columns, size.lines or _DEFAULT_SIZE.lines)


def painted(line: Line, *, colour: bool) -> str:
    """A line with the escape codes of its styles."""
    return "".join(ansi(text, _style(style, colour=colour)) for text, style in line)


def _style(style: str, *, colour: bool) -> str:
    if colour:
        return COLOURS.get(style, style)
    wanted = _MONOCHROME.get(style) or COLOURS.get(style, style)
    return " ".join(word for word in wanted.split() if word in _ATTRIBUTES)


class LinePainter:
    """Paints the lines that differ from what stands there."""

    def __init__(self, terminal: Terminal, *, colour: bool) -> None:
        """Nothing stands there yet."""
        self._terminal = terminal
        self._colour = colour
        self._size: Size = (0, 0)
        self._lines: tuple[Line, ...] = ()

    def again(self) -> None:
        """Paint everything next time."""
        self._lines = ()

    def paint(self, lines: tuple[Line, ...], size: Size) -> None:
        """Show as many lines as the size has.  Raises OSError when the terminal is gone."""
        pieces = []
        if size != self._size or not self._lines:
            pieces.append("\x1b[0m\x1b[2J")
            self._size, self._lines = size, ((),) * len(lines)
        for place, (line, before) in enumerate(zip(lines, self._lines, strict=True), 1):
            if line != before:
                # Erased first: behind a full line the cursor stands on its last character.
                pieces.append(f"\x1b[{place};1H\x1b[2K{painted(line, colour=self._colour)}")
        self._lines = lines
        if pieces:
            self._terminal.write("".join(pieces))


def ellipsis() -> str:
    """What stands for text that was cut off, as the terminal can show it."""
    dots = "\N{HORIZONTAL ELLIPSIS}"
    try:
        dots.encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return "..."
    return dots


def show(end: socket.socket, *, colour: bool) -> None:
    """Show what comes through ``end`` until its other side is closed."""
    channel = Channel(end)
    with signals() as woken, contextlib.suppress(Ended, OSError):
        keys = key_source()
        with Terminal(keys, 1) as terminal:
            _loop(channel, terminal, woken, colour=colour)


@contextlib.contextmanager
def signals() -> Iterator[int]:
    """Signals of this process: a change of the size wakes the loop, an end ends it, Ctrl-C is for the other process."""
    readable, writable = os.pipe()
    for fd in (readable, writable):
        os.set_blocking(fd, False)
    signal.set_wakeup_fd(writable, warn_on_full_buffer=False)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTSTP, signal.SIG_IGN)
    signal.signal(signal.SIGWINCH, lambda _number, _frame: None)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)
    yield readable


def _end(_number: int, _frame: FrameType | None) -> None:
    raise Ended


def _loop(channel: Channel, terminal: Terminal, woken: int, *, colour: bool) -> None:
    controls, keys = Controls(), Keys()
    painter, dots = LinePainter(terminal, colour=colour), ellipsis()
    poll = select.poll()
    for fd in (channel.fileno(), terminal.keys, woken):
        poll.register(fd, select.POLLIN)
    while channel.open:
        _paint(painter, controls, terminal.size(), dots)
        ready = {fd for fd, _ in poll.poll(ESCAPE_S * 1000 if keys.waiting else None)}
        if woken in ready:
            os.read(woken, _READ_SIZE)
        if channel.fileno() in ready:
            for message in channel.receive():
                if isinstance(message, Update):
                    controls.receive(message)
        if terminal.keys in ready:
            _press(keys.feed(terminal.read()), controls, painter, channel)
        elif not ready:
            _press(keys.timeout(), controls, painter, channel)


def _paint(painter: LinePainter, controls: Controls, size: Size, dots: str) -> None:
    page = compose(controls, size, dots=dots)
    controls.limit, controls.page = page.limit, page.page
    controls.top = min(controls.top, page.limit)
    painter.paint(page.lines, size)


def _press(keys: list[str], controls: Controls, painter: LinePainter, channel: Channel) -> None:
    for key in keys:
        if key == "repaint":
            painter.again()
        command = controls.press(key)
        if command is not None:
            channel.send(command)
