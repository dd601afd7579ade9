"""`vebus wireshark`: the dissector for Wireshark and tshark."""

from typing import Annotated, Literal

import typer

__all__ = ["wireshark"]


def wireshark(
    action: Annotated[
        Literal["lua", "install", "uninstall", "doctor"],
        typer.Argument(help="Write the dissector, put it into your folder, take it away, or find out what is wrong."),
    ],
    *,
    output: Annotated[
        str | None, typer.Option("-o", "--output", help="Where lua writes; standard output otherwise.", metavar="FILE")
    ] = None,
    program: Annotated[
        str | None,
        typer.Option("--program", help="Program to ask for its folders, tshark otherwise.", metavar="NAME"),
    ] = None,
) -> None:
    """Show VE.Bus in Wireshark and tshark: write, install and check the dissector."""
    from vebus_tools.cli.dissector import run
    from vebus_tools.cli.failures import guarded

    raise typer.Exit(guarded(lambda: run(action, output=output, program=program)))
