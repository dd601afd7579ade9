"""The process that shows the panel: paints faces, lets LEDs blink between them, sends commands back."""

from __future__ import annotations

import contextlib
import os
import select
import time
from typing import TYPE_CHECKING

from vebus_tools.panel.entry import Entry
from vebus_tools.panel.model import Face
from vebus_tools.panel.screen import blinks, compose
from vebus_tools.view.channel import Channel
from vebus_tools.view.keys import Keys
from vebus_tools.view.terminal import Ended, LinePainter, Terminal, ellipsis, key_source, signals

if TYPE_CHECKING:
    import socket

__all__ = ["show"]

_BLINK_S, _REST_S, _ESCAPE_S = 0.025, 0.25, 0.05
"""How often is painted while something blinks, while nothing does, and how long an escape may be half a key."""
_OLDEST_S = 2.0
_READ_SIZE = 4096


def show(end: socket.socket, *, colour: bool) -> None:
    """Show what comes through ``end`` until its other side is closed."""
    channel = Channel(end)
    with signals() as woken, contextlib.suppress(Ended, OSError):
        keys = key_source()
        with Terminal(keys, 1) as terminal:
            _Panel(channel, terminal, colour=colour).run(woken)


class _Panel:
    """What is on the screen now."""

    def __init__(self, channel: Channel, terminal: Terminal, *, colour: bool) -> None:
        self._channel, self._terminal = channel, terminal
        self._painter, self._dots = LinePainter(terminal, colour=colour), ellipsis()
        self._entry, self._keys = Entry(), Keys()
        self._face: Face | None = None
        self._came = time.monotonic()

    def run(self, woken: int) -> None:
        poll = select.poll()
        for fd in (self._channel.fileno(), self._terminal.keys, woken):
            poll.register(fd, select.POLLIN)
        while self._channel.open:
            self._paint()
            ready = {fd for fd, _ in poll.poll(1000 * self._wait_s())}
            if woken in ready:
                os.read(woken, _READ_SIZE)
            if self._channel.fileno() in ready:
                self._receive()
            if self._terminal.keys in ready:
                self._press(self._keys.feed(self._terminal.read()))
            elif self._keys.waiting:
                self._press(self._keys.timeout())

    def _wait_s(self) -> float:
        if self._keys.waiting:
            return _ESCAPE_S
        return _BLINK_S if self._face is not None and blinks(self._face) else _REST_S

    def _paint(self) -> None:
        size = self._terminal.size()
        age = min(time.monotonic() - self._came, _OLDEST_S)  # LEDs stand still when nothing comes any more
        self._painter.paint(compose(self._face, self._entry, size, age, dots=self._dots), size)

    def _receive(self) -> None:
        for message in self._channel.receive():
            if isinstance(message, Face):
                self._face, self._came = message, time.monotonic()

    def _press(self, keys: list[str]) -> None:
        for key in keys:
            if key == "repaint":
                self._painter.again()
            command = self._entry.press(key)
            if command is not None:
                self._channel.send(command)
