"""What `vebus export` does: look at the captures and the target, export each capture, make the whole appear."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from vebus_tools.cli.decoding import name_table, scale_book
from vebus_tools.cli.engines import Engine, engine
from vebus_tools.cli.export_work import Job, Outcome, export_one, in_processes
from vebus_tools.cli.extras import require
from vebus_tools.cli.failures import FAILED, UsageError
from vebus_tools.cli.printing import display_filter
from vebus_tools.cli.progress import Progress, progress_bar
from vebus_tools.export.rows import Selection
from vebus_tools.export.tables import COMMON, all_tables, columns_rows, schema_mark
from vebus_tools.export.target import Format, Source, Store, Target, format_of, source_of
from vebus_tools.nodes import RAW_SUFFIX
from vebus_tools.records import CaptureError

__all__ = ["Request", "run"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One call of `vebus export`; the names are those of the options."""

    files: tuple[str, ...]
    output: str | None
    file_type: str | None = None
    append: bool = False
    again: bool = False
    overwrite: bool = False
    messages: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    display_filter: str | None = None
    start: float | None = None
    stop: float | None = None
    input_format: str = "auto"
    link: str = "auto"
    names: str | None = None
    device_table: str | None = None
    jobs: int = 1
    progress: bool | None = None
    glossary: str | None = None


def run(request: Request) -> int:
    """Do what was asked for; returns the exit code.  Raises VEBusError, OSError, KeyboardInterrupt."""
    if request.glossary is not None:
        sys.stdout.writelines(f"{line}\n" for line in _glossary(request.glossary))
        return 0
    out, form = _asked(request)
    select = selection(request.messages, request.fields)
    names = name_table(request.names)
    job = Job(
        select=select,
        start=request.start,
        stop=request.stop,
        names=dict(names.names),
        book=scale_book(request.device_table),
        display_filter=request.display_filter,
        input_format=request.input_format,
        link=request.link,
        reference=engine() is Engine.REFERENCE,
        schema=schema_mark(request.fields),
    )
    display_filter(request.display_filter, names)  # a wrong one is told before anything is read
    require(form.text, *form.needs, extra="export")
    target = Target.opened(out, form, append=request.append, overwrite=request.overwrite)
    chosen, dropped, notes = target.choose([source_of(path) for path in request.files], job.schema, again=request.again)
    _say(notes)
    if not chosen:
        return 0
    outcomes = _export(target, chosen, dropped, job, request)
    _say(_report(outcomes, request.output or out))
    return FAILED if any(outcome.seen.problem for outcome in outcomes) else 0


def _asked(request: Request) -> tuple[str, Format]:
    if not request.files:
        raise UsageError("no capture named; try: vebus export FILE... -o OUT")
    if not request.output:
        raise UsageError("no target named; add -o OUT, for example -o day.parquet")
    if request.append and request.overwrite:
        raise UsageError("--append keeps what is there and --overwrite does not: say one of them")
    if request.again and not request.append:
        raise UsageError("--again says what --append does with captures that are there already: add --append")
    out = request.output.rstrip("/") or request.output
    try:
        return out, Format(request.file_type) if request.file_type else format_of(out)
    except CaptureError as problem:
        raise UsageError(str(problem)) from problem


# --- what is wanted ---------------------------------------------------------------------------------------------------
def selection(messages: Sequence[str], fields: Sequence[str]) -> Selection:
    """Tables and columns that were asked for.  Raises UsageError with the nearest name for one that there is not."""
    tables = all_tables()
    abbrevs = {column.abbrev for table in tables.values() for column in table.columns if column.abbrev}
    for name in messages:
        _known(name, tables, "-m", "table", "vebus export -G tables")
    asked = [name.removesuffix(RAW_SUFFIX) for name in fields]
    for name in asked:
        _known(name, abbrevs, "-e", "field", "vebus export -G columns")
    own = set(asked) - {column.abbrev for column in COMMON}
    return Selection(
        tables=frozenset(messages) if messages else None,
        fields=frozenset(own) if own else None,
    )


def _known(name: str, known: Iterable[str], option: str, what: str, listed: str) -> None:
    known = sorted(known)
    if name in known:
        return
    near = get_close_matches(name, known, n=1)
    below = [one for one in known if one.startswith(f"{name}.")]
    advice = f"the nearest is {near[0]}" if near else f"{listed} lists them"
    if below:
        advice = f"there are {', '.join(below[:3])}" if len(below) > 1 else f"there is {below[0]}"
    raise UsageError(f"{option} {name}: no such {what}, {advice}")


def _glossary(what: str) -> Iterator[str]:
    tables = all_tables().values()
    if what == "tables":
        for table in tables:
            yield f"{table.name}\t{table.title}"
        return
    for row in columns_rows(tables):
        yield "\t".join(text or "" for text in row)


# --- work -------------------------------------------------------------------------------------------------------------
def _export(
    target: Target, chosen: Sequence[Source], dropped: Sequence[str], job: Job, request: Request
) -> list[Outcome]:
    with _bar(chosen, request) as bar, _told(request.output or ""), target.staged(dropped) as (staged, store):
        several = request.jobs > 1 and len(chosen) > 1 and target.form.is_folder
        if several:
            work = [(source, staged.path, target.form) for source in chosen]
            outcomes = in_processes(work, job, request.jobs, bar)
        else:
            outcomes = _one_by_one(store, chosen, job, bar, threaded=request.jobs > 1 and target.form is Format.PARQUET)
        store.finish()
        staged.commit()
    return outcomes


def _one_by_one(store: Store, chosen: Sequence[Source], job: Job, bar: Progress, *, threaded: bool) -> list[Outcome]:
    outcomes = []
    for place, source in enumerate(chosen):
        outcomes.append(export_one(store, source, job, bar.stepping(place), threaded=threaded))
    return outcomes


def _bar(chosen: Sequence[Source], request: Request) -> contextlib.AbstractContextManager[Progress]:
    wanted = sys.stderr.isatty() if request.progress is None else request.progress
    sizes = [None if source.path.endswith(".gz") else source.size for source in chosen]
    return progress_bar([source.capture for source in chosen], sizes, shown=wanted)


@contextlib.contextmanager
def _told(out: str) -> Iterator[None]:
    """Errors of the libraries that write, on one line."""
    try:
        yield
    except (CaptureError, UsageError, OSError):
        raise
    except Exception as problem:
        if type(problem).__module__.partition(".")[0] not in {"pyarrow", "duckdb", "_duckdb", "sqlite3"}:
            raise
        raise CaptureError(f"{out}: cannot be written: {str(problem).splitlines()[0]}") from problem


# --- what is said -----------------------------------------------------------------------------------------------------
def _say(lines: Iterable[str]) -> None:
    sys.stderr.writelines(f"vebus: {line}\n" for line in lines)


def _report(outcomes: Sequence[Outcome], out: str) -> Iterator[str]:
    for outcome in outcomes:
        seen = outcome.seen
        parts = [f"{seen.damaged} in table damaged (wrong checksum or escapes)"] if seen.damaged else []
        parts += [f"{seen.undecoded} in table undecoded (no frame, or no message in it)"] if seen.undecoded else []
        if parts:
            yield f"{outcome.capture}: {', '.join(parts)}"
        if seen.problem:
            yield seen.problem
    rows = sum(outcome.seen.rows for outcome in outcomes)
    tables = len({name for outcome in outcomes for name in outcome.seen.tables})
    captures = f"{len(outcomes)} capture{'' if len(outcomes) == 1 else 's'}"
    yield f"{rows} rows in {tables} tables from {captures} to {Path(out)}"
