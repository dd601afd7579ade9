"""From the options that every printing command shares to a form of output and a display filter."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

from vebus_protocol.errors import VEBusError
from vebus_tools.cli.failures import UsageError
from vebus_tools.names import NameTable
from vebus_tools.sinks.colours import painter
from vebus_tools.sinks.frame_form import EVERYTHING, MachineForm, Subset
from vebus_tools.sinks.hexpane import parse_hex_options
from vebus_tools.sinks.text import arrow_for
from vebus_tools.sinks.text_form import TextForm
from vebus_tools.sinks.tree import ALL_DETAILS, TreeOptions
from vebus_tools.times import TimeForm

if TYPE_CHECKING:  # filters and forms are imported by the requests that ask for them
    from vebus_tools.filters import Filter

__all__ = ["PrintOptions", "display_filter", "make_form"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintOptions:
    """How records are printed; the names are those of the options."""

    output: str = "text"
    details: bool = False
    only: str | None = None
    hex_pane: bool = False
    hexdump: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    field_options: tuple[str, ...] = ()
    protocols: str | None = None
    trees: str | None = None
    time_form: str = "r"
    color: bool | None = None


def make_form(options: PrintOptions, out: TextIO) -> MachineForm:
    """The form of output that was asked for, fit for this stream.  Raises UsageError."""
    try:
        return _form(options, out)
    except (VEBusError, ValueError) as problem:
        raise UsageError(str(problem)) from problem


def _form(options: PrintOptions, out: TextIO) -> MachineForm:
    time = TimeForm(options.time_form)
    if options.fields and options.output != "fields":
        raise UsageError("-e names fields for -T fields, -T json is complete; add -T fields")
    if options.output in {"text", "tabs"}:
        return _text(options, out)
    if options.output == "fields":
        if not options.fields:
            raise UsageError("-T fields needs at least one -e FIELD; vebus decode -G fields lists them")
        from vebus_tools.sinks.fields_form import FieldsForm, parse_options

        return FieldsForm(options.fields, parse_options(options.field_options), time=time)
    if options.output == "psml":
        from vebus_tools.sinks.xml_form import PsmlForm

        return PsmlForm(time)
    named = options.trees or options.protocols
    subset = Subset(names=frozenset(named.split(",")), deep=options.trees is not None) if named else EVERYTHING
    if options.output == "pdml":
        from vebus_tools.sinks.xml_form import PdmlForm

        return PdmlForm(subset)
    from vebus_tools.sinks.json_form import EkForm, JsonForm, JsonRawForm

    if options.output == "ek":
        return EkForm(subset)
    return JsonForm(subset) if options.output == "json" else JsonRawForm(subset)


def _text(options: PrintOptions, out: TextIO) -> TextForm:
    tree = ALL_DETAILS if options.details else None
    if options.only:
        from vebus_tools import glossary

        names = frozenset(name for name in options.only.split(",") if name)
        unknown = sorted(names - {name for name, _ in glossary.protocols()})
        if unknown:
            raise UsageError(f"-O {unknown[0]}: no such protocol; vebus decode -G protocols lists them")
        tree = TreeOptions(only=names)
    return TextForm(
        time=TimeForm(options.time_form),
        summary=tree is None,
        tabs=options.output == "tabs",
        tree=tree,
        pane=parse_hex_options(options.hexdump) if options.hex_pane or options.hexdump else None,
        arrow=arrow_for(out.encoding),
        paint=painter(on=_coloured(options.color, out)),
    )


def _coloured(wanted: bool | None, out: TextIO) -> bool:
    if wanted is None:
        return out.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return wanted


def display_filter(
    text: str | None, names: NameTable, *, option: str = "-Y", time: TimeForm = TimeForm.RELATIVE
) -> Filter | None:
    """Compile the filter of an option over all known fields; None passes everything.  Raises UsageError.

    ``time`` is the form of the time column.
    """
    if not text:
        return None
    from vebus_tools import glossary
    from vebus_tools.filters import compile_filter

    enums = dict(glossary.known_enums())
    enums["vebus.addr"] = {**enums.get("vebus.addr", {}), **{name: sender for sender, name in names.names.items()}}
    kinds = glossary.known_fields()
    try:
        return compile_filter(text, kinds, kinds, enums, time=time)
    except VEBusError as problem:
        raise UsageError(f"{option}: {problem}") from problem
