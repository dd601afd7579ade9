"""Options that several commands share, each written once."""

from typing import Annotated, Literal

import typer

__all__ = [
    "Color",
    "Details",
    "DeviceTable",
    "DisplayFilter",
    "FieldNames",
    "FieldOptions",
    "HexPane",
    "Hexdump",
    "InputFormat",
    "LineBuffered",
    "LinkChoice",
    "NamesFile",
    "Only",
    "OutputType",
    "PrintToo",
    "Quiet",
    "Statistics",
    "TimeColumn",
]

InputFormat = Annotated[
    Literal["auto", "raw", "hex", "log", "pcapng"],
    typer.Option("--input-format", help="Format of the capture; found out by itself otherwise."),
]
LinkChoice = Annotated[
    Literal["auto", "rs485", "mk3"],
    typer.Option("--link", help="Bus (rs485) or adapter (mk3) bytes; found out by itself otherwise."),
]
DeviceTable = Annotated[
    str | None, typer.Option("--device-table", help="Published scales to assume until the capture tells them.")
]
Statistics = Annotated[
    list[str] | None,
    typer.Option("-z", "--statistics", help="Count, and print a table in the end; repeat; -z help.", metavar="NAME"),
]
OutputType = Annotated[
    Literal["text", "tabs", "fields", "json", "jsonraw", "ek", "psml", "pdml"],
    typer.Option("-T", "--output-type", help="Form of the output."),
]
Details = Annotated[bool, typer.Option("-V", "--details", help="Print every field of every frame.")]
Only = Annotated[str | None, typer.Option("-O", "--only", help="Details of these protocols only.", metavar="PROTO,...")]
HexPane = Annotated[bool, typer.Option("-x", "--hex", help="Print the bytes below each frame.")]
Hexdump = Annotated[
    list[str] | None,
    typer.Option("--hexdump", help="Form of the bytes: all, frames, ascii, delimit, noascii.", metavar="OPT"),
]
FieldNames = Annotated[
    list[str] | None, typer.Option("-e", "--field", help="Field to print with -T fields; repeat.", metavar="FIELD")
]
FieldOptions = Annotated[
    list[str] | None,
    typer.Option("-E", "--field-option", help="header=y, separator=, quote=d, occurrence=f ...", metavar="OPT"),
]
TimeColumn = Annotated[
    Literal["a", "ad", "adoy", "d", "dd", "e", "r", "u", "ud", "udoy"],
    typer.Option("-t", "--time", help="Time column: absolute, date, delta, epoch, relative, UTC."),
]
DisplayFilter = Annotated[
    str | None, typer.Option("-Y", "--display-filter", help="Print only what matches.", metavar="FILTER")
]
NamesFile = Annotated[str | None, typer.Option("--names", help="TOML file with names of sender ids.", metavar="FILE")]
PrintToo = Annotated[bool, typer.Option("-P", "--print", help="Print also while saving with -w.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Print no frames.")]
LineBuffered = Annotated[bool, typer.Option("-l", "--line-buffered", help="Flush after each frame.")]
Color = Annotated[bool | None, typer.Option("--color/--no-color", help="Colours; otherwise on a terminal only.")]
