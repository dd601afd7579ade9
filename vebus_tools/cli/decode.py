"""`vebus decode`: print a capture as tshark would."""

from typing import Annotated, Literal

import typer

__all__ = ["decode"]


def decode(
    file: Annotated[
        str | None, typer.Argument(help="Capture to read; - is standard input.", show_default=False)
    ] = None,
    *,
    read: Annotated[str | None, typer.Option("-r", "--read", help="The same as FILE.", metavar="FILE")] = None,
    input_format: Annotated[
        Literal["auto", "raw", "hex", "log", "pcapng"],
        typer.Option("--input-format", help="Format of the capture; found out by itself otherwise."),
    ] = "auto",
    link: Annotated[
        Literal["auto", "rs485", "mk3"],
        typer.Option("--link", help="Bus (rs485) or adapter (mk3) bytes; found out by itself otherwise."),
    ] = "auto",
    two_pass: Annotated[
        bool, typer.Option("-2", "--two-pass", help="Read twice: links to replies, scales learned anywhere.")
    ] = False,
    names: Annotated[
        str | None, typer.Option("--names", help="TOML file with names of sender ids.", metavar="FILE")
    ] = None,
    device_table: Annotated[
        str | None, typer.Option("--device-table", help="Published scales to assume until the capture tells them.")
    ] = None,
    output: Annotated[
        Literal["text", "tabs", "fields", "json", "jsonraw", "ek", "psml", "pdml"],
        typer.Option("-T", "--output-type", help="Form of the output."),
    ] = "text",
    details: Annotated[bool, typer.Option("-V", "--details", help="Print every field of every frame.")] = False,
    only: Annotated[
        str | None, typer.Option("-O", "--only", help="Details of these protocols only.", metavar="PROTO,...")
    ] = None,
    hex_pane: Annotated[bool, typer.Option("-x", "--hex", help="Print the bytes below each frame.")] = False,
    hexdump: Annotated[
        list[str] | None,
        typer.Option("--hexdump", help="Form of the bytes: all, frames, ascii, delimit, noascii.", metavar="OPT"),
    ] = None,
    field: Annotated[
        list[str] | None, typer.Option("-e", "--field", help="Field to print with -T fields; repeat.", metavar="FIELD")
    ] = None,
    field_option: Annotated[
        list[str] | None,
        typer.Option("-E", "--field-option", help="header=y, separator=, quote=d, occurrence=f ...", metavar="OPT"),
    ] = None,
    protocols: Annotated[
        str | None, typer.Option("-j", "--protocols", help="JSON of these protocols only.", metavar="PROTO,...")
    ] = None,
    trees: Annotated[
        str | None, typer.Option("-J", "--trees", help="The same with all that is below.", metavar="PROTO,...")
    ] = None,
    time_form: Annotated[
        Literal["a", "ad", "adoy", "d", "dd", "e", "r", "u", "ud", "udoy"],
        typer.Option("-t", "--time", help="Time column: absolute, date, delta, epoch, relative, UTC."),
    ] = "r",
    display_filter: Annotated[
        str | None, typer.Option("-Y", "--display-filter", help="Print only what matches.", metavar="FILTER")
    ] = None,
    count: Annotated[int | None, typer.Option("-c", "--count", help="Stop after N frames read.", min=1)] = None,
    start: Annotated[float | None, typer.Option("--start", help="Leave out what is earlier, in seconds.")] = None,
    stop: Annotated[float | None, typer.Option("--stop", help="Leave out what is later, in seconds.")] = None,
    write: Annotated[
        str | None, typer.Option("-w", "--write", help="Save what is selected; - is standard output.", metavar="FILE")
    ] = None,
    file_type: Annotated[
        Literal["raw", "hex", "log", "pcapng"] | None,
        typer.Option("-F", "--file-type", help="Format to save in; the suffix says it otherwise."),
    ] = None,
    print_too: Annotated[bool, typer.Option("-P", "--print", help="Print also while saving with -w.")] = False,
    glossary: Annotated[
        Literal["fields", "protocols", "values"] | None,
        typer.Option("-G", "--glossary", help="Print what filters can name, and stop."),
    ] = None,
    line_buffered: Annotated[bool, typer.Option("-l", "--line-buffered", help="Flush after each frame.")] = False,
    color: Annotated[
        bool | None, typer.Option("--color/--no-color", help="Colours; otherwise on a terminal only.")
    ] = None,
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
        line_buffered=line_buffered,
    )
    raise typer.Exit(guarded(lambda: run(request)))
