"""A progress bar on standard error, with rate and time left; nothing where nobody looks at it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

__all__ = ["Progress", "Step", "progress_bar"]

Step = Callable[[int, int], None]
"""Takes how many bytes of a file were read, and how many rows were made of it."""


class Progress:
    """Progress of work on some files; shows nothing."""

    def at(self, place: int, read: int, rows: int) -> None:
        """The file at this place is read so far, in bytes, and gave so many rows."""

    def stepping(self, place: int) -> Step:
        """The same for one file."""
        return lambda read, rows: self.at(place, read, rows)


class _Shown(Progress):
    def __init__(self, bar: Bar, tasks: Sequence[TaskID]) -> None:
        self._bar = bar
        self._tasks = tasks
        self._rows = [0] * len(tasks)

    def at(self, place: int, read: int, rows: int) -> None:
        self._bar.update(self._tasks[place], completed=read, rows=rows, rate=self._rate(place, rows))

    def _rate(self, place: int, rows: int) -> str:
        passed = self._bar.tasks[place].elapsed
        return f"{rows / passed:,.0f} frames/s" if passed else ""


@contextlib.contextmanager
def progress_bar(names: Sequence[str], sizes: Sequence[int | None], *, shown: bool) -> Iterator[Progress]:
    """A bar for each file of so many bytes; None is a size that nobody knows."""
    if not shown:
        yield Progress()
        return
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=Console(stderr=True, force_terminal=True), transient=True, refresh_per_second=5) as bar:
        tasks = [
            bar.add_task(name, total=size, start=True, rows=0, rate="") for name, size in zip(names, sizes, strict=True)
        ]
        yield _Shown(bar, tasks)
