"""`vebus emulate-bms`: a BMS in a dry run, in a simulation, or, behind every interlock, on a real bus."""

from typing import Annotated, Literal

import typer

from vebus_tools.cli.options import Color

__all__ = ["emulate_bms"]


def emulate_bms(
    *,
    interface: Annotated[
        str | None, typer.Option("-i", "--interface", help="Port for --transmit.", metavar="PORT")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", "--shadow", help="Print what would be sent; no port is opened. The default.")
    ] = False,
    simulate: Annotated[
        bool, typer.Option("--simulate", help="Together with a simulated Multi, in memory, on a pty or TCP.")
    ] = False,
    transmit: Annotated[
        bool, typer.Option("--transmit", help="On a real port, behind all interlocks X-1 to X-19.")
    ] = False,
    bench: Annotated[
        bool, typer.Option("--bench", help="With --transmit: two adapters on a desk; the first sync frame ends it.")
    ] = False,
    profile: Annotated[
        str, typer.Option("--profile", help="Bytes of the frames: lab-sim-1, or a JSON file.")
    ] = "lab-sim-1",
    scenario: Annotated[
        str | None, typer.Option("--scenario", help="A ready scenario, a TOML file, or list.", metavar="NAME")
    ] = None,
    config: Annotated[
        str | None, typer.Option("--config", help="TOML file with battery, limits, installation.", metavar="FILE")
    ] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option("--set", help="One value, such as soc=80, voltage=52.1V; --set help lists.", metavar="KEY=VALUE"),
    ] = None,
    cells: Annotated[
        str | None, typer.Option("--cells", help="Cell values over time from a CSV file.", metavar="FILE")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Same scenario and seed: same bytes.")] = 0,
    fault: Annotated[
        list[str] | None,
        typer.Option("--fault", help="checksum@2%, silence@10s..20s, delay:5ms, split; repeat.", metavar="FAULT"),
    ] = None,
    max_duration: Annotated[
        str | None, typer.Option("--max-duration", help="Stop after this time, such as 60s.", metavar="TIME")
    ] = None,
    virtual: Annotated[bool, typer.Option("--virtual", help="As fast as the machine can, in virtual time.")] = False,
    pty: Annotated[bool, typer.Option("--pty", help="With --simulate: offer the bus on a pty.")] = False,
    link_name: Annotated[
        str | None, typer.Option("--link-name", help="Symbolic link to the pty.", metavar="PATH")
    ] = None,
    tcp: Annotated[
        str | None,
        typer.Option("--tcp", help="With --simulate: offer the bus here, on loopback.", metavar="HOST:PORT"),
    ] = None,
    unit: Annotated[
        list[str] | None,
        typer.Option("--unit", help="Firmware version of each inverter/charger, for the gate.", metavar="VERSION"),
    ] = None,
    assistant: Annotated[
        Literal["ess", "ve-bus-bms", "none", "unknown"], typer.Option("--assistant", help="Assistant in the units.")
    ] = "unknown",
    processor: Annotated[
        str | None, typer.Option("--processor", help="Label of the microprocessor.", metavar="LABEL")
    ] = None,
    write: Annotated[
        str | None,
        typer.Option("-w", "--write", help="Record the bus; frames of the BMS are outbound.", metavar="FILE"),
    ] = None,
    file_type: Annotated[
        Literal["raw", "hex", "log", "pcapng", "pcap"] | None,
        typer.Option("-F", "--file-type", help="Format of the recording; the suffix says it otherwise."),
    ] = None,
    print_all: Annotated[
        bool, typer.Option("-P", "--print", help="Print every frame, also those that say the same again.")
    ] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Print the end only.")] = False,
    output: Annotated[
        Literal["text", "json"], typer.Option("-T", "--output-type", help="Lines as text, or as JSON objects.")
    ] = "text",
    panel: Annotated[
        bool | None, typer.Option("--panel/--no-panel", help="Live panel; the default on a terminal but for dry runs.")
    ] = None,
    color: Color = None,
) -> None:
    """Emulate a VE.Bus BMS V2: dry run, simulation, or a real bus.

    The frames are a laboratory format by default, because nobody has published the real one.

    Exit code: 0 done; 1 and 2 as everywhere; 10 to 14 the firmware gate refused, as in check-firmware; 20 an interlock
    refused, 21 one stopped it, 22 another BMS was heard, 23 collisions, 24 the Multi did not react to the silence.
    """
    from vebus_tools.cli.emulating import Request, run
    from vebus_tools.cli.failures import guarded

    request = Request(
        interface=interface,
        dry_run=dry_run,
        simulate=simulate,
        transmit=transmit,
        bench=bench,
        profile=profile,
        scenario=scenario,
        config=config,
        settings=tuple(setting or ()),
        cells=cells,
        seed=seed,
        faults=tuple(fault or ()),
        max_duration=max_duration,
        virtual=virtual,
        pty=pty or link_name is not None,
        link_name=link_name,
        tcp=tcp,
        units=tuple(unit or ()),
        assistant=assistant,
        processor=processor,
        write=write,
        file_type=file_type,
        print_all=print_all,
        quiet=quiet,
        output=output,
        panel=panel,
        color=color,
    )
    raise typer.Exit(guarded(lambda: run(request)))
