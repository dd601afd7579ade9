"""`vebus convert`: from one capture format to another."""

from typing import Annotated, Literal

import typer

from vebus_tools.cli import options

__all__ = ["convert"]


def convert(
    source: Annotated[str, typer.Argument(help="Capture to read; - is standard input.", metavar="IN")],
    target: Annotated[str, typer.Argument(help="Capture to write; its suffix says the format.", metavar="OUT")],
    *,
    file_type: Annotated[
        Literal["raw", "hex", "log", "pcapng", "pcap"] | None,
        typer.Option("-F", "--file-type", help="Format to write, whatever the suffix."),
    ] = None,
    input_format: options.InputFormat = "auto",
    link: options.LinkChoice = "auto",
    file_size: Annotated[
        int | None, typer.Option("--file-size", help="Begin another file after this many kB.", min=1, metavar="KB")
    ] = None,
    compress: Annotated[
        Literal["gzip"] | None, typer.Option("--compress", help="Pack each file when it is finished.")
    ] = None,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Do not tell what the format cannot hold.")] = False,
) -> None:
    """Write a capture in another format: raw, hex, log, pcapng or pcap.

    Formats: .bin .raw, .hex .txt, .log, .pcapng, .pcap; gzip is read as well.  No byte is lost, and what the target
    cannot hold is told on standard error.
    """
    from vebus_tools.cli.converting import Request, run
    from vebus_tools.cli.failures import guarded

    request = Request(
        source=source,
        target=target,
        file_type=file_type,
        input_format=input_format,
        link=link,
        file_size=file_size,
        gzip=compress is not None,
        quiet=quiet,
    )
    raise typer.Exit(guarded(lambda: run(request)))
