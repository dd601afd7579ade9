"""`vebus wireshark`: dissector, capture interfaces and colours for Wireshark and tshark."""

from typing import Annotated, Literal

import typer

__all__ = ["wireshark"]


def wireshark(
    action: Annotated[
        Literal["install", "uninstall", "doctor", "lua", "colorfilters"],
        typer.Argument(
            help="Put it into your folders, take it away, find out what is wrong; write dissector or colours to a file."
        ),
    ],
    *,
    output: Annotated[
        str | None,
        typer.Option(
            "-o", "--output", help="Where lua and colorfilters write; standard output otherwise.", metavar="FILE"
        ),
    ] = None,
    program: Annotated[
        str | None,
        typer.Option("--program", help="Program to ask for its folders, tshark otherwise.", metavar="NAME"),
    ] = None,
) -> None:
    """Show and capture VE.Bus in Wireshark and tshark: install, check, remove.

    Installed are the dissector, the capture interfaces (`vebus extcap`), and a profile "VE.Bus" with colours and
    columns. The program itself is asked for its folders, and files that are not of this program are left alone.
    """
    from vebus_tools.cli.dissector import run
    from vebus_tools.cli.failures import guarded

    raise typer.Exit(guarded(lambda: run(action, output=output, program=program)))
