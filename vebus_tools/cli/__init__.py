"""The command `vebus`: one module for each sub-command, each of them thin and loaded only when it is called.

Exit codes stand in `failures`.
"""

import gc
import signal
import threading

gc.disable()  # nothing that importing makes is garbage; switched on again in `main`
_EARLY = threading.current_thread() is threading.main_thread() and (
    signal.getsignal(signal.SIGINT) is signal.default_int_handler
)
if _EARLY:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C while importing ends the program without a word

from importlib import import_module  # noqa: E402
from typing import Annotated, Any  # noqa: E402

import typer  # noqa: E402
from typer.core import TyperGroup  # noqa: E402
from typer.main import get_command  # noqa: E402

from vebus_tools import __version__  # noqa: E402

if _EARLY:
    signal.signal(signal.SIGINT, signal.default_int_handler)

__all__ = ["COMMANDS", "app", "main"]

COMMANDS = {
    "decode": "Print a capture: summary list, details, bytes, or data.",
    "convert": "Write a capture in another format: raw, hex, log, pcapng or pcap.",
    "diff": "Say what differs between two captures: kinds, senders, values, bits, periods.",
    "export": "Export captures as tables: Parquet, Arrow, CSV, SQLite, DuckDB, JSON lines.",
    "plot": "Draw fields over time: lines for numbers, bands for states, marks for events.",
    "replay": "Play a capture to a pty, to TCP clients or to a file.",
    "simulate": "Simulate a Multi on its bus, an MK3 adapter in front of it, or both.",
    "sniff": "Listen to a bus: print what is heard, record it, or both.",
    "stats": "Count what is in captures: load, periods, damage, replies, values.",
    "check-firmware": "Say whether a VE.Bus BMS V2 may be connected to these units.",
    "extcap": "Capture for Wireshark and tshark, which call this themselves.",
    "emulate-bms": "Emulate a VE.Bus BMS V2: dry run, simulation, or a real bus.",
    "wireshark": "Show and capture VE.Bus in Wireshark and tshark: install, check, remove.",
}
"""Sub-command -> first line of its help.  Its function has the same name and lives in the module of that name, with
``_`` for ``-``."""

_HELP_NAMES = {"help_option_names": ["-h", "--help"]}


class _Commands(TyperGroup):
    """Sub-commands that are imported when they are called: the list of them costs nothing."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401, ARG002  (typer's own context, as typer calls it)
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401, ARG002
        if cmd_name not in COMMANDS:
            return None
        name = cmd_name.replace("-", "_")
        one = typer.Typer(rich_markup_mode=None, add_completion=False, pretty_exceptions_enable=False)
        one.command(cmd_name, context_settings=_HELP_NAMES)(getattr(import_module(f"{__name__}.{name}"), name))
        return get_command(one)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401
        if args[0] not in COMMANDS:
            from difflib import get_close_matches

            near = get_close_matches(args[0], COMMANDS, n=1)
            ctx.fail(f"No such command {args[0]!r}." + (f" Did you mean {near[0]!r}?" if near else ""))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401, ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


app = typer.Typer(
    name="vebus",
    cls=_Commands,
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings=_HELP_NAMES,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"vebus {__version__}")
        raise typer.Exit


@app.callback()
def vebus(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """Read, filter and print VE.Bus and MK2/MK3 traffic."""


def main() -> None:
    """Entry point: run the command line."""
    from vebus_tools.cli.failures import guarded
    from vebus_tools.cli.streams import occupy_closed, print_anything

    gc.enable()
    occupy_closed()
    print_anything()
    raise SystemExit(guarded(app))
