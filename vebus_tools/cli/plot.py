"""`vebus plot`: values over time, as a picture or on the terminal."""

from typing import Annotated, Literal

import typer

from vebus_tools.cli import options

__all__ = ["plot"]


def plot(
    source: Annotated[str, typer.Argument(help="Capture to read; - is standard input.", metavar="FILE")],
    fields: Annotated[
        list[str],
        typer.Argument(
            help="Names or globs of fields (vebus.dc.*); - begins another subplot, a comma a second axis.",
            metavar="FIELD...",
        ),
    ],
    *,
    output: Annotated[
        str | None,
        typer.Option("-o", "--output", help="Picture: .png, .svg or .pdf; the terminal otherwise.", metavar="FILE"),
    ] = None,
    display_filter: options.DisplayFilter = None,
    start: Annotated[float | None, typer.Option("--start", help="Leave out what is earlier, in seconds.")] = None,
    stop: Annotated[float | None, typer.Option("--stop", help="Leave out what is later, in seconds.")] = None,
    mark: Annotated[
        list[str] | None, typer.Option("--mark", help="Mark the frames that match; repeat.", metavar="FILTER")
    ] = None,
    time: Annotated[
        Literal["r", "a"], typer.Option("-t", "--time", help="Time axis: seconds since the first frame, or date.")
    ] = "r",
    title: Annotated[str | None, typer.Option("--title", help="Title of the picture.", metavar="TEXT")] = None,
    input_format: options.InputFormat = "auto",
    link: options.LinkChoice = "auto",
) -> None:
    """Draw fields over time: lines for numbers, bands for states, marks for events."""
    from vebus_tools.cli.failures import guarded
    from vebus_tools.cli.plotting import Request, run

    request = Request(
        source=source,
        fields=tuple(fields),
        output=output,
        display_filter=display_filter,
        start=start,
        stop=stop,
        marks=tuple(mark or ()),
        absolute=time == "a",
        title=title,
        input_format=input_format,
        link=link,
    )
    raise typer.Exit(guarded(lambda: run(request)))
