"""`vebus replay`: play a capture to programs that listen."""

from typing import Annotated, Literal

import typer

from vebus_tools.cli import options

__all__ = ["replay"]


def replay(
    file: Annotated[str, typer.Argument(help="Capture to play; - is standard input.", show_default=False)],
    *,
    pty: Annotated[bool, typer.Option("--pty", help="Play to a pty, and print its path.")] = False,
    link_name: Annotated[
        str | None, typer.Option("--link-name", help="Symbolic link to the pty.", metavar="PATH")
    ] = None,
    tcp: Annotated[
        str | None, typer.Option("--tcp", help="Play to TCP clients; a port alone is loopback.", metavar="HOST:PORT")
    ] = None,
    write: Annotated[
        str | None, typer.Option("-w", "--write", help="Play to a capture file, without waiting.", metavar="FILE")
    ] = None,
    file_type: Annotated[
        Literal["raw", "hex", "log", "pcapng", "pcap"] | None,
        typer.Option("-F", "--file-type", help="Format of that file; the suffix says it otherwise."),
    ] = None,
    input_format: options.InputFormat = "auto",
    link: options.LinkChoice = "auto",
    loop: Annotated[str, typer.Option("-l", "--loop", help="Rounds, i for endless.", metavar="N|i")] = "1",
    gap: Annotated[
        str | None, typer.Option("-g", "--gap", help="Time from frame to frame, such as 5ms.", metavar="TIME")
    ] = None,
    skip: Annotated[
        str | None, typer.Option("-s", "--skip", help="Leave out silences longer than this.", metavar="TIME")
    ] = None,
    ignore_timestamps: Annotated[
        bool, typer.Option("--ignore-timestamps", help="As fast as the listeners take it.")
    ] = False,
    step: Annotated[bool, typer.Option("--step", help="Wait for Enter before each frame; q ends.")] = False,
    count: Annotated[int | None, typer.Option("-n", "--count", help="Stop after N frames.", min=1, metavar="N")] = None,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Print each frame that is sent.")] = False,
) -> None:
    """Play a capture to a pty, to TCP clients or to a file.

    It has its own timing, begins when somebody listens, and never goes to a serial port.
    """
    from vebus_tools.cli.failures import guarded
    from vebus_tools.cli.replaying import Request, run

    request = Request(
        source=file,
        pty=pty or link_name is not None,
        link_name=link_name,
        tcp=tcp,
        write=write,
        file_type=file_type,
        input_format=input_format,
        link=link,
        loop=loop,
        gap=gap,
        skip=skip,
        ignore_timestamps=ignore_timestamps,
        step=step,
        count=count,
        verbose=verbose,
    )
    raise typer.Exit(guarded(lambda: run(request)))
