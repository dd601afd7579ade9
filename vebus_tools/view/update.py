"""What goes between the process that listens and the one that shows: updates one way, commands the other."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from vebus_tools.view.model import Row

__all__ = ["Command", "Status", "Update", "Verb"]


class Verb(enum.Enum):
    """What a key asks the listening side for."""

    QUIT = "quit"
    CLEAR = "clear"
    NOTCH = "notch"
    UNNOTCH = "un-notch"
    FILTER = "filter"
    MARK = "mark"


@dataclass(frozen=True, slots=True)
class Command:
    """One wish of the person at the keys; ``text`` is the filter."""

    verb: Verb
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The head of the screen, as of one moment.

    ``load`` is the share of the line's time with bytes on it (None where its rate is unknown), ``speed`` in frames/s.
    ``sync_s`` and ``sync_jitter_s`` are mean and standard deviation of the sync period, ``sync_age_s`` the time since
    the last sync frame; None where there was none.  ``recording`` is the path of the file being written, empty without
    a recording, ``size`` its bytes and ``files`` how many were begun.
    """

    port: str
    elapsed_s: float
    frames: int
    speed: float
    load: float | None = None
    sync_s: float | None = None
    sync_jitter_s: float | None = None
    sync_age_s: float | None = None
    bad_checksums: int = 0
    resyncs: int = 0
    skipped_bytes: int = 0
    gaps: int = 0
    missing: int = 0
    overruns: int = 0
    framing_errors: int = 0
    lost_links: int = 0
    unseen: int = 0
    recording: str = ""
    size: int = 0
    files: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """All that there is to show.

    ``done`` counts the commands that were carried out so far, ``filter`` is the one in force and ``problem`` what was
    wrong with the last one.  ``news`` is the newest thing to tell.
    """

    status: Status
    rows: tuple[Row, ...]
    done: int = 0
    filter: str = ""
    problem: str = ""
    news: str = ""
