"""What `vebus sniff --view` does with what is heard: fold it, and hand it to the window that shows it."""

from __future__ import annotations

import os
import sys
import time
from collections import deque
from pathlib import PurePath
from typing import TYPE_CHECKING

from vebus_protocol.errors import VEBusError
from vebus_protocol.scaling import DEFAULT_TABLE, ScaleBook
from vebus_tools.cli.engines import Engine, engine
from vebus_tools.cli.failures import UsageError
from vebus_tools.cli.printing import display_filter
from vebus_tools.dissection import dissect
from vebus_tools.generated import quick_dissect
from vebus_tools.live import Heard, Notice
from vebus_tools.session import Session
from vebus_tools.sinks.colours import summary_style
from vebus_tools.times import TimeForm
from vebus_tools.view.model import Intervals, Model, Speed
from vebus_tools.view.update import Command, Status, Update, Verb

if TYPE_CHECKING:
    from vebus_tools.live import Listener
    from vebus_tools.names import NameTable
    from vebus_tools.view.window import Window

__all__ = ["LiveTable", "ViewError", "can_view"]

UPDATE_S = 0.2
"""Time between two updates: what is faster nobody reads."""

NEWS_S = 8.0
"""How long news stand in the window."""

_TOLD_IN_THE_END = 50
_REST_S = 0.02  # records are folded in groups: fewer turns taken from the thread that listens


class ViewError(VEBusError):
    """The window went away, and there was nothing else to do."""


def can_view() -> bool:
    """Whether standard output is a terminal that can be painted on, with keys behind it."""
    if not sys.stdout.isatty() or os.environ.get("TERM", "") in {"", "dumb"}:
        return False
    from vebus_tools.view.terminal import key_source

    try:
        os.close(key_source())
    except OSError:
        return False
    return True


class LiveTable:
    """Takes the place of the printed lines; `begin`, `take` for every event, `close`, `stop`."""

    showing = True

    def __init__(
        self,
        names: NameTable,
        *,
        port: str,
        rate: int,
        passes: str | None = None,
        time_form: str = "r",
        color: bool | None = None,
        silent: bool = False,
    ) -> None:
        """``rate`` is that of the line in bit/s, ``passes`` the first display filter.  Raises UsageError for it."""
        self._names = names
        self._port = port
        self._rate = rate
        self._time = TimeForm(time_form)
        self._colour = not os.environ.get("NO_COLOR") if color is None else color
        self._silent = silent
        self._filter = passes or ""
        self._passes = display_filter(passes, names, time=self._time)
        self._window: Window | None = None
        self._ended = ""
        self._problem = ""
        self._done = 0
        self._markers = 0
        self._updated = 0.0
        self._saying = 0.0, ""
        self._told: deque[str] = deque(maxlen=_TOLD_IN_THE_END)

    def begin(self, listener: Listener) -> None:
        """Open the window.  Raises CaptureError."""
        from vebus_tools.view.window import Window

        self._listener = listener
        start = listener.started_at
        self._model = Model(
            Session(book=ScaleBook.assuming(DEFAULT_TABLE)),
            start,
            names=self._names,
            dissect=dissect if engine() is Engine.REFERENCE else quick_dissect,
            style=summary_style,
        )
        self._model.choose(self._passes)
        self._frames, self._bytes = Speed(start), Speed(start)
        self._window = Window(colour=self._colour)

    def take(self, event: Heard | Notice | None) -> None:
        """Fold one event; None means that nothing waits, so that there is time to show."""
        if isinstance(event, Heard):
            self._model.take(event.record, event.dissection)
        elif isinstance(event, Notice):
            self._tell(event.text)
        else:
            self._look_around()
            time.sleep(_REST_S)

    def close(self) -> None:
        """Give the terminal back and tell on it what was told in the window."""
        if self._window is not None:
            self._end_of(self._window)
        if not self._silent:
            sys.stderr.writelines(f"vebus: {text}\n" for text in self._told)
        self._told.clear()

    def stop(self) -> None:
        """Raises ViewError where the window was all there was, and went away by itself."""
        if self._ended and self._listener.keeper is None:
            raise ViewError(f"the live view {self._ended}")

    # the window ------------------------------------------------------------------------------------------------------
    def _look_around(self) -> None:
        window = self._window
        if window is None:
            return
        for command in window.commands():
            self._obey(command)
            self._updated = 0.0
        if not window.alive:
            self._lost(window)
            return
        now = self._listener.now()
        if not 0 <= now - self._updated < UPDATE_S and window.ready:
            self._updated = now
            window.offer(self._update(now))

    def _end_of(self, window: Window) -> str:
        self._window = None
        return window.close()

    def _lost(self, window: Window) -> None:
        """The window is gone: a recording goes on without it, otherwise this is the end."""
        self._ended = self._end_of(window) or "ended"
        if self._listener.keeper is None:
            self._listener.stop()
        else:
            self._tell(f"the live view {self._ended}; the recording goes on, Ctrl-C ends it")

    def _say(self, text: str) -> None:
        self._saying = self._listener.now(), text

    def _tell(self, text: str) -> None:
        if self._window is not None:
            self._say(text)
            self._told.append(text)
        elif not self._silent:
            sys.stderr.write(f"vebus: {text}\n")
            sys.stderr.flush()

    def _obey(self, command: Command) -> None:
        self._done += 1
        self._problem = ""
        verb = command.verb
        if verb is Verb.QUIT:
            self._listener.stop()
        elif verb is Verb.CLEAR:
            self._model.clear(self._listener.now())
        elif verb is Verb.NOTCH:
            self._model.notch()
        elif verb is Verb.UNNOTCH:
            self._model.unnotch()
        elif verb is Verb.FILTER:
            self._choose(command.text)
        elif verb is Verb.MARK:
            self._mark()

    def _choose(self, text: str) -> None:
        try:
            passes = display_filter(text, self._names, option="filter", time=self._time)
        except UsageError as problem:
            self._problem = str(problem)
        else:
            self._filter = text
            self._model.choose(passes)

    def _mark(self) -> None:
        self._markers += 1
        text = f"marker {self._markers}"
        keeper = self._listener.keeper
        if keeper is None:
            self._say(f"{text}: nothing is recorded (-w FILE), so it is kept nowhere")
        else:
            keeper.remark(text)
            self._say(f"{text}: comment of the next frame in the recording, where its format has comments")

    def _update(self, now: float) -> Update:
        said_at, saying = self._saying
        return Update(
            status=self._status(now),
            rows=self._model.rows(now),
            done=self._done,
            filter=self._filter,
            problem=self._problem,
            news=saying if now - said_at < NEWS_S else "",
        )

    def _status(self, now: float) -> Status:
        tally, keeper, sync = self._listener.tally, self._listener.keeper, self._model.sync
        return Status(
            port=self._port,
            elapsed_s=now - self._listener.started_at,
            frames=tally.frames,
            speed=self._frames.at(now, tally.frames),
            load=self._bytes.at(now, tally.bytes) * 10 / self._rate,
            sync_s=sync.period_s,
            sync_jitter_s=sync.jitter_s,
            sync_age_s=_age(sync, now),
            bad_checksums=tally.bad_checksums,
            resyncs=tally.resyncs,
            gaps=tally.gaps,
            overruns=tally.overruns,
            framing_errors=tally.framing_errors,
            lost_links=tally.lost_links,
            unseen=tally.unprinted,
            recording="" if keeper is None else PurePath(getattr(keeper, "name", "")).name or "recording",
            size=0 if keeper is None else keeper.size,
            files=0 if keeper is None else keeper.files,
        )


def _age(events: Intervals, now: float) -> float | None:
    return None if events.last is None else max(0.0, now - events.last)
