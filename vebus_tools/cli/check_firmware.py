"""`vebus check-firmware`: may a VE.Bus BMS V2 be connected?"""

from typing import Annotated, Literal

import typer

from vebus_tools.cli import options

__all__ = ["check_firmware"]


def check_firmware(
    version: Annotated[
        list[str] | None,
        typer.Argument(
            help="Version of each unit: 2629492, 0x281F74, v492, xxxx492 or 0x492.",
            show_default=False,
            metavar="VERSION",
        ),
    ] = None,
    *,
    read: Annotated[
        str | None,
        typer.Option("-r", "--read", help="Take versions and assistants from a capture; - is stdin.", metavar="FILE"),
    ] = None,
    interface: Annotated[
        str | None,
        typer.Option(
            "-i",
            "--interface",
            help="Port: an adapter that is asked (--link mk3), or a bus that is only listened to.",
            metavar="PORT",
        ),
    ] = None,
    baud: Annotated[int | None, typer.Option("--baud", "--bitrate", help="Bit rate of the port.", min=300)] = None,
    autostop: Annotated[
        list[str] | None,
        typer.Option("-a", "--autostop", help="How long to listen to a bus: duration:S; 20 s otherwise.", metavar="C"),
    ] = None,
    input_format: options.InputFormat = "auto",
    link: options.LinkChoice = "auto",
    assistant: Annotated[
        Literal["ess", "ve-bus-bms", "none", "unknown"],
        typer.Option("--assistant", help="Assistant in the units, where the capture does not tell."),
    ] = "unknown",
    processor: Annotated[
        str | None,
        typer.Option("--processor", help="Label of the microprocessor, or its first two digits.", metavar="LABEL"),
    ] = None,
    venus_os: Annotated[
        str | None, typer.Option("--venus-os", help="Venus OS version of the GX device, if any.", metavar="VERSION")
    ] = None,
    output: Annotated[
        Literal["text", "json"], typer.Option("-T", "--output-type", help="Form of the output.")
    ] = "text",
) -> None:
    """Say whether a VE.Bus BMS V2 may be connected to these units.

    Units are told as arguments, or read: from a capture, by listening to a bus, or through an MK2/MK3 adapter, which
    is asked for identity, versions and RAM words of assistants and writes nothing to the units.

    Exit code: 0 accepted; 10 accepted with a note; 11 assistant needed; 12 VE.Bus error 15; 13 processor 19/20;
    14 not verified; 1 and 2 as everywhere: input failed, wrong usage.
    """
    from vebus_tools.cli.checking import Request, run
    from vebus_tools.cli.failures import guarded

    request = Request(
        versions=tuple(version or ()),
        capture=read,
        port=interface,
        baud=baud,
        autostop=tuple(autostop or ()),
        input_format=input_format,
        link=link,
        assistant=assistant,
        processor=processor,
        venus_os=venus_os,
        output=output,
    )
    raise typer.Exit(guarded(lambda: run(request)))
