"""Ending in order: the first Ctrl-C, SIGTERM or SIGHUP asks, a second one ends at once."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Self

__all__ = ["Ending"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Ending:
    """Catches the signals that end a program, for as long as it is entered."""

    def __init__(self, action: Callable[[], None] | None = None) -> None:
        """``action`` is called at the first signal."""
        self._action = action
        self._wanted = False
        self._before: dict[int, Any] = {}

    def wanted(self) -> bool:
        """Whether a signal has come."""
        return self._wanted

    def __enter__(self) -> Self:
        self._before = {number: signal.signal(number, self._ended) for number in map(int, _SIGNALS)}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, action in self._before.items():
            signal.signal(number, action)

    def _ended(self, number: int, _frame: FrameType | None) -> None:
        self._wanted = True
        signal.signal(number, self._before[number])
        if self._action is not None:
            self._action()
