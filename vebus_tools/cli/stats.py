"""`vebus stats`: count what is in captures."""

from typing import Annotated, Literal

import typer

from vebus_tools.cli import options

__all__ = ["stats"]


def stats(
    files: Annotated[
        list[str] | None,
        typer.Argument(help="Captures to read; - is standard input.", show_default=False, metavar="FILE..."),
    ] = None,
    *,
    statistics: options.Statistics = None,
    output: Annotated[
        Literal["text", "json"], typer.Option("-T", "--output-type", help="Form of the output.")
    ] = "text",
    display_filter: Annotated[
        str | None, typer.Option("-Y", "--display-filter", help="Count only what matches.", metavar="FILTER")
    ] = None,
    input_format: options.InputFormat = "auto",
    link: options.LinkChoice = "auto",
    names: options.NamesFile = None,
    device_table: options.DeviceTable = None,
) -> None:
    """Count what is in captures: load, periods, damage, replies, values.

    Without -z it prints the period of each kind of message and the quality of the line; -z help lists all statistics.
    Several captures are counted one by one, each under its name.
    """
    from vebus_tools.cli.failures import guarded
    from vebus_tools.cli.statistics import Request, run

    request = Request(
        files=tuple(files or ()),
        statistics=tuple(statistics or ()),
        output=output,
        display_filter=display_filter,
        input_format=input_format,
        link=link,
        names=names,
        device_table=device_table,
    )
    raise typer.Exit(guarded(lambda: run(request)))
