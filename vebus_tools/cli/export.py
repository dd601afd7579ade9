"""`vebus export`: captures as tables for Parquet, Arrow, CSV, SQLite, DuckDB and JSON lines."""

from typing import Annotated, Literal

import typer

from vebus_tools.cli import options

__all__ = ["export"]


def export(
    files: Annotated[
        list[str] | None, typer.Argument(help="Captures to export; - is standard input.", show_default=False)
    ] = None,
    *,
    output: Annotated[
        str | None,
        typer.Option("-o", "--output", help="Folder (Parquet, Arrow, CSV) or file to make.", metavar="OUT"),
    ] = None,
    file_type: Annotated[
        Literal["parquet", "arrow", "csv", "sqlite", "duckdb", "jsonl"] | None,
        typer.Option("-F", "--file-type", help="Format; the suffix of OUT says it otherwise, Parquet without one."),
    ] = None,
    append: Annotated[
        bool, typer.Option("--append", help="Add to what is there; what is in it already stays.")
    ] = False,
    again: Annotated[bool, typer.Option("--again", help="With --append: export captures anew that are there.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an export that is there.")] = False,
    message: Annotated[
        list[str] | None, typer.Option("-m", "--message", help="This table only; repeat.", metavar="TABLE")
    ] = None,
    field: Annotated[
        list[str] | None,
        typer.Option("-e", "--field", help="This field only, by its name in filters; repeat.", metavar="FIELD"),
    ] = None,
    display_filter: Annotated[
        str | None,
        typer.Option("-Y", "--display-filter", help="Export only what matches; takes longer.", metavar="FILTER"),
    ] = None,
    start: Annotated[float | None, typer.Option("--start", help="Leave out what is earlier, in seconds.")] = None,
    stop: Annotated[float | None, typer.Option("--stop", help="Leave out what is later, in seconds.")] = None,
    input_format: options.InputFormat = "auto",
    link: options.LinkChoice = "auto",
    names: options.NamesFile = None,
    device_table: options.DeviceTable = None,
    jobs: Annotated[int, typer.Option("-J", "--jobs", help="Processor cores to use.", min=1)] = 1,
    progress: Annotated[
        bool | None, typer.Option("--progress/--no-progress", help="Progress bar; otherwise on a terminal only.")
    ] = None,
    glossary: Annotated[
        Literal["tables", "columns"] | None,
        typer.Option("-G", "--glossary", help="Print all tables, or all columns, and stop."),
    ] = None,
) -> None:
    """Export captures as tables: Parquet, Arrow, CSV, SQLite, DuckDB, JSON lines."""
    from vebus_tools.cli.exporting import Request, run
    from vebus_tools.cli.failures import guarded

    request = Request(
        files=tuple(files or ()),
        output=output,
        file_type=file_type,
        append=append,
        again=again,
        overwrite=overwrite,
        messages=tuple(message or ()),
        fields=tuple(field or ()),
        display_filter=display_filter,
        start=start,
        stop=stop,
        input_format=input_format,
        link=link,
        names=names,
        device_table=device_table,
        jobs=jobs,
        progress=progress,
        glossary=glossary,
    )
    raise typer.Exit(guarded(lambda: run(request)))
