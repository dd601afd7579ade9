"""`vebus simulate`: a virtual bus and adapter for programs, recordings and tests."""

from typing import Annotated, Literal

import typer

__all__ = ["simulate"]


def simulate(
    scenario: Annotated[
        str | None, typer.Argument(help="Name of a ready scenario, or a TOML file.", show_default="quiet-house")
    ] = None,
    *,
    list_scenarios: Annotated[
        bool, typer.Option("--list-scenarios", help="List the ready scenarios and stop.")
    ] = False,
    seed: Annotated[int, typer.Option("--seed", help="Same scenario and seed: same bytes.")] = 0,
    duration: Annotated[
        str | None, typer.Option("--duration", help="Stop after this time, such as 90s or 24h.", metavar="TIME")
    ] = None,
    virtual: Annotated[
        bool, typer.Option("--virtual", help="As fast as the machine can, in virtual time; for recordings.")
    ] = False,
    write: Annotated[
        str | None, typer.Option("-w", "--write", help="Record the bus; - is standard output.", metavar="FILE")
    ] = None,
    file_type: Annotated[
        Literal["raw", "hex", "log", "pcapng", "pcap"] | None,
        typer.Option("-F", "--file-type", help="Format of recordings; the suffix says it otherwise."),
    ] = None,
    pty: Annotated[bool, typer.Option("--pty", help="Offer the bus on a pty and print its path.")] = False,
    link_name: Annotated[
        str | None, typer.Option("--link-name", help="Symbolic link to the pty of the bus.", metavar="PATH")
    ] = None,
    tcp: Annotated[
        str | None, typer.Option("--tcp", help="Offer the bus here; the port alone is loopback.", metavar="HOST:PORT")
    ] = None,
    mk3_pty: Annotated[bool, typer.Option("--mk3-pty", help="Offer an MK3 adapter on a pty.")] = False,
    mk3_link_name: Annotated[
        str | None, typer.Option("--mk3-link-name", help="Symbolic link to the pty of the adapter.", metavar="PATH")
    ] = None,
    mk3_tcp: Annotated[
        str | None, typer.Option("--mk3-tcp", help="Offer an MK3 adapter here.", metavar="HOST:PORT")
    ] = None,
    mk3_write: Annotated[
        str | None, typer.Option("--mk3-write", help="Record the adapter's side, both directions.", metavar="FILE")
    ] = None,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="No counters in the end.")] = False,
) -> None:
    """Simulate a Multi on its bus, an MK3 adapter in front of it, or both.

    Nothing of it touches a real bus.  Ctrl-C ends it.
    """
    from vebus_tools.cli.failures import guarded
    from vebus_tools.cli.simulating import Request, run

    request = Request(
        scenario=scenario,
        list_scenarios=list_scenarios,
        seed=seed,
        duration=duration,
        virtual=virtual,
        write=write,
        file_type=file_type,
        pty=pty or link_name is not None,
        link_name=link_name,
        tcp=tcp,
        mk3_pty=mk3_pty or mk3_link_name is not None,
        mk3_link_name=mk3_link_name,
        mk3_tcp=mk3_tcp,
        mk3_write=mk3_write,
        quiet=quiet,
    )
    raise typer.Exit(guarded(lambda: run(request)))
