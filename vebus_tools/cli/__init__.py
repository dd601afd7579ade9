"""The command `vebus`: one file for each sub-command, each of them thin.

Exit codes of every command: 0 done; 1 the input or output failed (the text on stderr says what, where and what to do);
2 wrong usage, a wrong filter or field name among them; 130 stopped with Ctrl-C; 141 the reader of our output went away.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated, NoReturn

import typer

from vebus_tools import __version__
from vebus_tools.cli.decode import decode

__all__ = ["app", "main"]

FAILED, INTERRUPTED, BROKEN_PIPE = 1, 130, 141

app = typer.Typer(
    name="vebus",
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
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


app.command()(decode)


def main() -> NoReturn:
    """Entry point: run the command line; every expected failure is one line and an exit code."""
    from vebus_protocol.errors import VEBusError

    try:
        app()
    except VEBusError as problem:
        _stop(f"vebus: {problem}", getattr(problem, "exit_code", FAILED))
    except KeyboardInterrupt:
        _stop("", INTERRUPTED)
    except BrokenPipeError:
        # Point stdout at nothing, so that the interpreter's last flush does not complain either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        _stop("", BROKEN_PIPE)
    except OSError as problem:
        _stop(f"vebus: {problem.filename or 'output'}: {problem.strerror or problem}", FAILED)
    sys.exit(0)


def _stop(text: str, code: int) -> NoReturn:
    if text:
        sys.stderr.write(text + "\n")
    sys.exit(code)
