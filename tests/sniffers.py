"""What the tests of the sniffer share: readers that follow a script, and the program in a process of its own."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from vebus_protocol.frame import Frame, encode_frame
from vebus_protocol.schema import Link
from vebus_tools.link import LinkFacts, LostLinkError, PtyEnd
from vebus_tools.link.tty import LineErrors
from vebus_tools.live import Heard, Listener, Notice
from vebus_tools.records import Record

__all__ = ["END", "LOST", "PAUSE", "Script", "Sniffer", "frames", "heard", "listen", "notices", "run", "sniffing"]

END, LOST, PAUSE = "end", "lost", "pause"
"""Steps of a script besides bytes: end of the input, a lost link, a read that ends without bytes."""


def frames(count: int, first: int = 0) -> bytes:
    """Good sync frames with running frame numbers; the bytes of any two neighbours differ."""
    return b"".join(
        encode_frame(Frame(sender=0x8383, kind=0xFD, number=(first + at) % 128, payload=payload))
        for at in range(count)
        for payload in (b"\x55" + (first + at).to_bytes(4, "little")[:2] + b"\x51",)
    )


@dataclass
class Script:
    """A reader that does what a list says; after the last step it is the end of the input."""

    steps: list[bytes | str]
    facts: LinkFacts = field(default_factory=lambda: LinkFacts(name="script", rate=256_000, error_s=0.001))
    counters: list[LineErrors] = field(default_factory=list)
    closed: bool = False

    def fileno(self) -> int:
        return -1

    def read(self, timeout_s: float) -> bytes | None:
        step = self.steps.pop(0) if self.steps else END
        if step == PAUSE:
            time.sleep(min(timeout_s, 0.01))
            return b""
        if step == LOST:
            raise LostLinkError("script: the link is gone: unplugged")
        return None if step == END else step if isinstance(step, bytes) else b""

    def line_errors(self) -> LineErrors | None:
        if len(self.counters) > 1:
            return self.counters.pop(0)
        return self.counters[0] if self.counters else None

    def close(self) -> None:
        self.closed = True


def listen(steps: Iterable[bytes | str], link: Link = Link.RS485, **options: object) -> Listener:
    """A listener over a script, not started yet."""
    return Listener(Script(list(steps)), link, **options)  # type: ignore[arg-type]


def run(listener: Listener) -> list[Heard | Notice]:
    """All events of a listener."""
    listener.start()
    events = [event for event in listener.events() if event is not None]
    listener.join()
    return events


def heard(events: Iterable[Heard | Notice]) -> list[Record]:
    """The records among events."""
    return [event.record for event in events if isinstance(event, Heard)]


def notices(events: Iterable[Heard | Notice]) -> list[str]:
    """The notices among events."""
    return [event.text for event in events if isinstance(event, Notice)]


class Sniffer:
    """`vebus sniff` in a process of its own."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self.process = process

    def wait_for_file(self, path: Path, size: int = 1) -> None:
        """Wait until a file has this size."""
        while not path.exists() or path.stat().st_size < size:
            assert self.process.poll() is None, self.process.communicate()
            time.sleep(0.01)

    def wait_until_listening(self, end: PtyEnd) -> None:
        """Wait until the process has opened the pty."""
        while not end.present():
            assert self.process.poll() is None, self.process.communicate()
            time.sleep(0.01)

    def finish(self, number: int | None = None) -> tuple[int, str, str]:
        """Send a signal if wanted, wait for the end; exit code, output and errors."""
        if number is not None:
            self.process.send_signal(number)
        out, err = self.process.communicate(timeout=60)
        return self.process.returncode, out.decode(), err.decode()


@contextlib.contextmanager
def sniffing(environment: dict[str, str], *arguments: object, stdin: int = subprocess.DEVNULL) -> Iterator[Sniffer]:
    """Run `vebus sniff`; killed when the test is done with it."""
    command = [sys.executable, "-m", "vebus_tools.cli", "sniff", *map(str, arguments)]
    settings = {**environment, "PYTHONIOENCODING": "utf-8", "COLUMNS": "200", "LC_ALL": "C.UTF-8"}
    process = subprocess.Popen(
        command, env=settings, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=os.sep
    )
    try:
        yield Sniffer(process)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        with contextlib.suppress(ValueError):
            process.communicate()
