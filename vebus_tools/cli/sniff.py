"""`vebus sniff`: listen to a bus."""

from typing import Annotated, Literal

import typer

from vebus_tools.cli import options

__all__ = ["sniff"]


def sniff(
    port: Annotated[
        str | None, typer.Argument(help="Port to listen to; the same as -i.", show_default=False, metavar="PORT")
    ] = None,
    *,
    interface: Annotated[
        str | None,
        typer.Option(
            "-i",
            "--interface",
            help="Device, socket://HOST:PORT, rfc2217://, sim: or sim:SCENARIO, or - (standard input).",
            metavar="PORT",
        ),
    ] = None,
    list_interfaces: Annotated[bool, typer.Option("-D", "--list-interfaces", help="List the ports, and stop.")] = False,
    baud: Annotated[
        int | None,
        typer.Option("--baud", "--bitrate", help="Bit rate; 256000 for the bus, 2400 for an adapter.", min=1),
    ] = None,
    link: Annotated[Literal["rs485", "mk3"], typer.Option("--link", help="Bus (rs485) or adapter (mk3).")] = "rs485",
    write: Annotated[
        str | None, typer.Option("-w", "--write", help="Record to FILE; - is standard output.", metavar="FILE")
    ] = None,
    file_type: Annotated[
        Literal["pcapng", "pcap", "raw", "log", "hex"] | None,
        typer.Option("-F", "--file-type", help="Format of the recording; the suffix says it otherwise."),
    ] = None,
    compress: Annotated[
        Literal["gzip"] | None, typer.Option("--compress", help="Pack each file when it is finished.")
    ] = None,
    print_too: options.PrintToo = False,
    count: Annotated[int | None, typer.Option("-c", "--count", help="Stop after N frames.", min=1, metavar="N")] = None,
    candump_count: Annotated[int | None, typer.Option("-n", hidden=True, min=1)] = None,
    autostop: Annotated[
        list[str] | None,
        typer.Option("-a", "--autostop", help="Stop: duration:S, filesize:kB, packets:N, files:N.", metavar="WHEN"),
    ] = None,
    ring: Annotated[
        list[str] | None,
        typer.Option(
            "-b",
            "--ring-buffer",
            help="Next file: filesize:kB, duration:S, interval:S, packets:N; keep files:N; printname:FILE.",
            metavar="WHEN",
        ),
    ] = None,
    capture_filter: Annotated[
        str | None, typer.Option("-f", "--capture-filter", help="Record and print only this.", metavar="FILTER")
    ] = None,
    display_filter: options.DisplayFilter = None,
    comment: Annotated[
        list[str] | None, typer.Option("--capture-comment", help="Comment in the recording; repeat.", metavar="TEXT")
    ] = None,
    output: options.OutputType = "text",
    details: options.Details = False,
    only: options.Only = None,
    hex_pane: options.HexPane = False,
    hexdump: options.Hexdump = None,
    field: options.FieldNames = None,
    field_option: options.FieldOptions = None,
    time_form: options.TimeColumn = "r",
    names: options.NamesFile = None,
    line_buffered: options.LineBuffered = False,
    statistics: options.Statistics = None,
    quiet: options.Quiet = False,
    silent: Annotated[bool, typer.Option("-Q", "--silent", help="Print errors only, no counts either.")] = False,
    low_latency: Annotated[
        bool, typer.Option("--low-latency/--no-low-latency", help="Ask the adapter to hand over bytes at once.")
    ] = True,
    reconnect: Annotated[
        bool, typer.Option("--reconnect", help="Wait for a lost port, and go on in the same recording.")
    ] = False,
    view: Annotated[
        bool, typer.Option("--view", help="Live table, one row for each kind of message; ? in it lists the keys.")
    ] = False,
    color: options.Color = None,
) -> None:
    """Listen to a bus: print what is heard, record it, or both.

    Nothing is ever sent. Without -i the ports are listed; -i sim: listens to a built-in simulated bus. Ctrl-C and
    SIGTERM end it in order, with exit code 0; 3 means that the port was lost.
    """
    from vebus_tools.cli.failures import guarded
    from vebus_tools.cli.printing import PrintOptions
    from vebus_tools.cli.sniffing import Request, run

    printing = PrintOptions(
        output=output,
        details=details,
        only=only,
        hex_pane=hex_pane,
        hexdump=tuple(hexdump or ()),
        fields=tuple(field or ()),
        field_options=tuple(field_option or ()),
        time_form=time_form,
        color=color,
    )
    request = Request(
        port=interface or port,
        list_ports=list_interfaces,
        baud=baud,
        link=link,
        write=write,
        file_type=file_type,
        gzip=compress is not None,
        print_too=print_too,
        count=count or candump_count,
        autostop=tuple(autostop or ()),
        ring=tuple(ring or ()),
        capture_filter=capture_filter,
        display_filter=display_filter,
        comments=tuple(comment or ()),
        printing=printing,
        names=names,
        line_buffered=line_buffered,
        statistics=tuple(statistics or ()),
        quiet=quiet or silent,
        silent=silent,
        low_latency=low_latency,
        reconnect=reconnect,
        view=view,
    )
    raise typer.Exit(guarded(lambda: run(request)))
