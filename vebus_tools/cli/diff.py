"""`vebus diff`: what differs between two captures."""

from typing import Annotated, Literal

import typer

from vebus_tools.cli import options

__all__ = ["diff"]


def diff(
    first: Annotated[str, typer.Argument(help="Capture; - is standard input.", metavar="A")],
    second: Annotated[str, typer.Argument(help="Capture to compare it with.", metavar="B")],
    *,
    display_filter: options.DisplayFilter = None,
    tolerance: Annotated[
        float, typer.Option("--tolerance", help="Percent by which periods may differ.", min=0.0, metavar="PERCENT")
    ] = 10.0,
    all_ranges: Annotated[bool, typer.Option("--all", help="Also measured values whose ranges overlap.")] = False,
    input_format: options.InputFormat = "auto",
    link: options.LinkChoice = "auto",
    names: options.NamesFile = None,
    output: Annotated[
        Literal["text", "json"], typer.Option("-T", "--output-type", help="Form of the output.")
    ] = "text",
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="No output, the exit code alone.")] = False,
) -> None:
    """Say what differs between two captures: kinds, senders, values, bits, periods.

    Counts and times of single frames are not compared, so that recordings of different length can be.
    Exit code: 0 nothing differs, 1 something does, 2 a capture cannot be read or an option is wrong.
    """
    from vebus_tools.cli.diffing import Request, run

    request = Request(
        first=first,
        second=second,
        display_filter=display_filter,
        tolerance=tolerance / 100,
        all_ranges=all_ranges,
        input_format=input_format,
        link=link,
        names=names,
        output=output,
        quiet=quiet,
    )
    raise typer.Exit(run(request))
