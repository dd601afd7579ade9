"""`vebus extcap`: what Wireshark and tshark call to capture from a bus."""

from typing import Annotated, Literal

import typer

__all__ = ["extcap"]

_Answer = Literal["true", "false"]


def extcap(
    *,
    list_interfaces: Annotated[bool, typer.Option("--extcap-interfaces", help="List the interfaces.")] = False,
    version: Annotated[
        str | None, typer.Option("--extcap-version", help="Version of the caller.", metavar="VERSION")
    ] = None,
    interface: Annotated[
        str | None, typer.Option("--extcap-interface", help="The interface that is meant.", metavar="NAME")
    ] = None,
    dlts: Annotated[bool, typer.Option("--extcap-dlts", help="Name the link type of the interface.")] = False,
    config: Annotated[bool, typer.Option("--extcap-config", help="List the settings of the interface.")] = False,
    reload: Annotated[
        str | None, typer.Option("--extcap-reload-option", help="List the values of one setting.", metavar="NAME")
    ] = None,
    capture: Annotated[bool, typer.Option("--capture", help="Capture from the interface.")] = False,
    fifo: Annotated[str | None, typer.Option("--fifo", help="Pipe or file to write pcapng to.", metavar="FILE")] = None,
    capture_filter: Annotated[
        str | None,
        typer.Option(
            "--extcap-capture-filter", help="Capture only this; without --capture, check it.", metavar="FILTER"
        ),
    ] = None,
    control_in: Annotated[
        str | None, typer.Option("--extcap-control-in", help="Pipe from the toolbar.", metavar="FILE")
    ] = None,
    control_out: Annotated[
        str | None, typer.Option("--extcap-control-out", help="Pipe to the toolbar.", metavar="FILE")
    ] = None,
    address: Annotated[
        str | None, typer.Option("--address", help="socket://HOST:PORT, rfc2217:// or a device.", metavar="ADDRESS")
    ] = None,
    baud: Annotated[int | None, typer.Option("--baud", help="Bit rate.", min=1)] = None,
    low_latency: Annotated[
        _Answer, typer.Option("--low-latency", help="Ask the adapter to hand over bytes at once.")
    ] = "true",
    reconnect: Annotated[
        _Answer, typer.Option("--reconnect", help="Wait for a lost port, and go on in the same capture.")
    ] = "false",
    scenario: Annotated[
        str | None, typer.Option("--scenario", help="What happens on the simulated bus.", metavar="NAME")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Seed of the simulated bus.", min=0)] = 0,
    speed: Annotated[float, typer.Option("--speed", help="Speed of the simulated bus.", min=0.1, max=100)] = 1.0,
) -> None:
    """Capture for Wireshark and tshark, which call this themselves.

    `vebus wireshark install` tells them of it. The answers are sentences of extcap(4). Nothing is ever sent to a bus.
    A capture ends when nobody reads the pipe any more, and with SIGTERM or Ctrl-C.
    """
    from vebus_tools.cli.extcap_answers import Question, answer
    from vebus_tools.cli.failures import guarded

    def work() -> int:
        if not capture:
            asked = Question(
                version=version,
                interface=interface,
                list_interfaces=list_interfaces,
                dlts=dlts,
                config=config,
                reload=reload,
                capture_filter=capture_filter,
            )
            return answer(asked)
        from vebus_tools.cli.extcapturing import Request, run

        request = Request(
            interface=interface,
            fifo=fifo,
            capture_filter=capture_filter,
            control_in=control_in,
            control_out=control_out,
            address=address,
            baud=baud,
            low_latency=low_latency == "true",
            reconnect=reconnect == "true",
            scenario=scenario,
            seed=seed,
            speed=speed,
        )
        return run(request)

    raise typer.Exit(guarded(work))
