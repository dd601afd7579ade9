"""The live table as the listening process sees it: a window that takes updates, gives commands, and may die."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import termios
from typing import Any

from vebus_tools.records import CaptureError
from vebus_tools.view.channel import Channel
from vebus_tools.view.terminal import LEAVE, key_source
from vebus_tools.view.update import Command

__all__ = ["Window"]

PATIENCE_S = 2.0
"""How long the process that shows may take to restore the terminal and end."""


class Window:
    """A process of its own that paints on this terminal; nothing here ever waits for it, except `close`.

    A fresh process and no fork: it holds neither the port nor the recording, so it cannot keep them busy.
    """

    def __init__(self, *, colour: bool, module: str = "vebus_tools.view", option: str = "--view") -> None:
        """Open it on standard output; ``module`` is what shows, ``option`` asked for it.

        Raises CaptureError where there is no terminal to read keys from.
        """
        try:
            self._keys = key_source()
            self._before: list[Any] = termios.tcgetattr(self._keys)
        except (OSError, termios.error) as problem:
            raise CaptureError(f"{option}: no terminal to read keys from: {problem}") from problem
        ours, theirs = socket.socketpair()
        command = [sys.executable, "-P", "-m", module, str(theirs.fileno()), _WORDS[colour]]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        # Ctrl-C is for this process; the other one would die of it while it still starts.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            with theirs:
                self._process = subprocess.Popen(  # noqa: S603
                    command,
                    pass_fds=(theirs.fileno(),),
                    env=environment,
                    stdin=None if os.isatty(0) else subprocess.DEVNULL,  # not the bytes of a bus
                )
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        self._channel = Channel(ours)

    @property
    def alive(self) -> bool:
        """Whether somebody still shows; False also when the process was killed."""
        return self._process.poll() is None and self._channel.open

    @property
    def ready(self) -> bool:
        """Whether the last update was taken; before that another one would only wait behind it."""
        return not self._channel.busy

    @property
    def process_id(self) -> int:
        """Number of the process that shows."""
        return self._process.pid

    def offer(self, update: object) -> bool:
        """Show this, or drop it where the last one still waits; says which."""
        if not self.ready:
            return False
        self._channel.send(update)
        return True

    def commands(self) -> list[Command]:
        """What was asked for since the last call."""
        return [found for found in self.received() if isinstance(found, Command)]

    def received(self) -> list[object]:
        """What the process that shows has sent since the last call."""
        return self._channel.receive()

    def close(self) -> str:
        """End the process and see that the terminal is as it was; returns how it ended, nothing for in order."""
        self._channel.close()
        code = self._wait()
        with contextlib.suppress(OSError, termios.error):
            if code < 0:  # it had no chance to leave the alternate screen
                os.write(1, LEAVE.encode("ascii"))
            termios.tcsetattr(self._keys, termios.TCSANOW, self._before)
        os.close(self._keys)
        return "" if code == 0 else f"ended by signal {-code}" if code < 0 else f"failed with exit code {code}"

    def _wait(self) -> int:
        for insist in (self._process.terminate, self._process.kill):
            try:
                return self._process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                insist()
        return self._process.wait()


_WORDS = {True: "colour", False: "plain"}
