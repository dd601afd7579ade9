"""The loop that sends: one poll, one read, the reply before anything else.  It runs in a process of its own.

Design and reasons: docs of the measurements in tests/benchmarks.  The port comes first; the news of the controlling
process come before it only when a frame is due, so that a restriction is never one frame late.
"""

from __future__ import annotations

import select
import time
from typing import TYPE_CHECKING

from vebus_tools.interlocks import ExitCode
from vebus_tools.link import LinkError
from vebus_tools.records import CaptureError
from vebus_tools.transmitter.plan import Feed, Outcome
from vebus_tools.transmitter.session import Phase, Session

if TYPE_CHECKING:
    from collections.abc import Callable

    from vebus_tools.link.sending import SendingPort
    from vebus_tools.view.channel import Channel

__all__ = ["Loop"]

POLL_MS = 10
SNAPSHOT_S = 0.1
_STEP_S = 0.01
_REST_MS = 2  # after an answer the processor is left to the kernel, which may need it to bring the bytes to the line
_SPIN_S = 0.0002  # the last part of a wait: shorter than the kernel's timers are late


class Loop:
    """Port, channel to the controlling process, and session of one run."""

    def __init__(
        self, port: SendingPort, channel: Channel, session: Session, look: Callable[[Session, float], None]
    ) -> None:
        """``look`` is called after each step, for what the edge has to find out while it listens."""
        self._port = port
        self._channel = channel
        self._session = session
        self._look = look
        self._poll = select.poll()
        self._poll.register(port.fileno(), select.POLLIN)
        self._poll.register(channel.fileno(), select.POLLIN)
        self._snapshot_at = 0.0
        self._step_at = 0.0
        self._asked = ""
        self._collisions = 0
        self._later: tuple[bytes, float] | None = None

    def ask_to_stop(self, why: str) -> None:
        """Stop at the next turn; may be called from a signal handler, a second time ends also the watching."""
        if self._asked:
            self._session.phase = Phase.OVER
        self._asked = self._asked or why

    def run(self) -> Outcome:
        """Until everything is over.  Whatever happens, the port cannot write when this returns."""
        session = self._session
        try:
            while session.phase is not Phase.OVER:
                self._turn()
        except LinkError as problem:
            session.stop(str(problem), time.monotonic(), exit_code=getattr(problem, "exit_code", ExitCode.STOPPED))
        except CaptureError as problem:
            session.stop(str(problem), time.monotonic(), "X-17")
        finally:
            self._port.release()
        now = time.monotonic()
        self._tell(now)
        return session.outcome(now)

    def _turn(self) -> None:
        session = self._session
        ready = {fd for fd, _ in self._poll.poll(POLL_MS if self._later is None else _REST_MS)}
        now = time.monotonic()
        if self._asked:
            session.stop(self._asked, now, exit_code=ExitCode.DONE)
        news = self._channel.fileno() in ready
        if news and session.due:
            self._hear_news(now)
        synced = self._catch_up()
        synced = (self._port.fileno() in ready and self._hear_line(now)) or synced
        if news:
            self._hear_news(now)
        if synced or now - self._step_at >= _STEP_S:
            self._step(time.monotonic())

    def _hear_line(self, now: float) -> bool:
        """Take what came, and answer a sync frame; returns whether there was one."""
        session = self._session
        data = self._port.read()
        if not data:
            return False
        if session.quick_sync(data, now):
            if self._answer(now):
                self._later = data, now
                return False
            session.on_bytes(data, now, read_back=False)
            return True
        syncs = session.interlocks.line.syncs
        session.on_bytes(data, now)
        if session.interlocks.line.syncs == syncs:
            return False
        session.prepare(now)  # a sync frame that came in pieces, or with others
        self._answer(time.monotonic())
        return True

    def _catch_up(self) -> bool:
        """Take the sync frame that was answered, now that the answer is on its way; returns whether there was one."""
        if self._later is None:
            return False
        (data, at), self._later = self._later, None
        self._session.on_bytes(data, at, read_back=False)
        return True

    def _answer(self, synced_at: float) -> bool:
        """Send what is due, in the slot behind a sync frame that ended just now; returns whether anything was."""
        session = self._session
        if not session.due:
            return False
        if session.plan.slot_delay_s > 0:
            self._await(synced_at + session.plan.slot_delay_s)
        return self._free() and self._send()

    def _await(self, until: float) -> None:
        """Wait for a slot."""
        time.sleep(max(0.0, until - time.monotonic() - _SPIN_S))
        while time.monotonic() < until:
            pass

    def _free(self) -> bool:
        """Whether nothing has come since the sync frame: somebody speaks, or we are later than we know."""
        ready = {fd for fd, _ in self._poll.poll(0)}
        if self._channel.fileno() in ready:
            self._hear_news(time.monotonic())
        return self._port.fileno() not in ready

    def _send(self) -> bool:
        session = self._session
        wire = session.frame(time.monotonic())
        if wire is None:
            return False
        self._port.send(wire)
        session.sent(wire, time.monotonic())
        return True

    def _hear_news(self, now: float) -> None:
        for feed in self._channel.receive():
            if isinstance(feed, Feed):
                self._session.on_feed(feed, now)
        if not self._channel.open:
            self._poll.unregister(self._channel.fileno())
            self._session.stop("the controlling process is gone", now, "X-12")
        elif self._session.due:
            self._session.prepare(now)

    def _step(self, now: float) -> None:
        session = self._session
        self._step_at = now
        session.step(now)
        self._look(session, now)
        if session.interlocks.read_back.collisions != self._collisions:
            self._collisions = session.interlocks.read_back.collisions
            self._port.cut()
            self._port.release()
        if session.phase is not Phase.SENDING:
            self._port.release()
        elif not session.interlocks.read_back.difference:
            self._port.arm()
            if session.due and not session.interlocks.line.syncs_now(now) and session.plan.bench:
                self._send()  # a bench has no slots
        if now - self._snapshot_at >= SNAPSHOT_S:
            self._tell(now)

    def _tell(self, now: float) -> None:
        self._snapshot_at = now
        if self._channel.open and not self._channel.busy:
            self._channel.send(self._session.snapshot(now))
