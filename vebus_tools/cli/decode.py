"""`vebus decode`: print a capture as tshark would."""

from typing import Annotated, Literal

import typer

from vebus_tools.cli import options

__all__ = ["decode"]


def decode(
    file: Annotated[
        str | None, typer.Argument(help="Capture to read; - is standard input.", show_default=False)
    ] = None,
    *,
    read: Annotated[str | None, typer.Option("-r", "--read", help="The same as FILE.", metavar="FILE")] = None,
    input_format: options.InputFormat = "auto",
    link: options.LinkChoice = "auto",
    two_pass: Annotated[
        bool, typer.Option("-2", "--two-pass", help="Read twice: links to replies, scales learned anywhere.")
    ] = False,
    names: options.NamesFile = None,
    device_table: options.DeviceTable = None,
    output: options.OutputType = "text",
    details: options.Details = False,
    only: options.Only = None,
    hex_pane: options.HexPane = False,
    hexdump: options.Hexdump = None,
    field: options.FieldNames = None,
    field_option: options.FieldOptions = None,
    protocols: Annotated[
        str | None, typer.Option("-j", "--protocols", help="JSON of these protocols only.", metavar="PROTO,...")
    ] = None,
    trees: Annotated[
        str | None, typer.Option("-J", "--trees", help="The same with all that is below.", metavar="PROTO,...")
    ] = None,
    time_form: options.TimeColumn = "r",
    display_filter: options.DisplayFilter = None,
    count: Annotated[int | None, typer.Option("-c", "--count", help="Stop after N frames read.", min=1)] = None,
    start: Annotated[float | None, typer.Option("--start", help="Leave out what is earlier, in seconds.")] = None,
    stop: Annotated[float | None, typer.Option("--stop", help="Leave out what is later, in seconds.")] = None,
    write: Annotated[
        str | None, typer.Option("-w", "--write", help="Save what is selected; - is standard output.", metavar="FILE")
    ] = None,
    file_type: Annotated[
        Literal["raw", "hex", "log", "pcapng", "pcap"] | None,
        typer.Option("-F", "--file-type", help="Format to save in; the suffix says it otherwise."),
    ] = None,
    print_too: options.PrintToo = False,
    glossary: Annotated[
        Literal["fields", "protocols", "values"] | None,
        typer.Option("-G", "--glossary", help="Print what filters can name, and stop."),
    ] = None,
    statistics: options.Statistics = None,
    quiet: options.Quiet = False,
    line_buffered: options.LineBuffered = False,
    color: options.Color = None,
) -> None:
    """Print a capture: summary list, details, bytes, or data."""
    from vebus_tools.cli.decoding import Request, run
    from vebus_tools.cli.failures import guarded
    from vebus_tools.cli.printing import PrintOptions

    printing = PrintOptions(
        output=output,
        details=details,
        only=only,
        hex_pane=hex_pane,
        hexdump=tuple(hexdump or ()),
        fields=tuple(field or ()),
        field_options=tuple(field_option or ()),
        protocols=protocols,
        trees=trees,
        time_form=time_form,
        color=color,
    )
    request = Request(
        source=file or read,
        input_format=input_format,
        link=link,
        two_pass=two_pass,
        names=names,
        device_table=device_table,
        printing=printing,
        display_filter=display_filter,
        count=count,
        start=start,
        stop=stop,
        write=write,
        file_type=file_type,
        print_too=print_too,
        glossary=glossary,
        statistics=tuple(statistics or ()),
        quiet=quiet,
        line_buffered=line_buffered,
    )
    raise typer.Exit(guarded(lambda: run(request)))
