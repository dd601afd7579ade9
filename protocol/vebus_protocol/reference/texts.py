"""The sentences of the reference page that explain how to read it; facts of messages stand in the declarations."""

from __future__ import annotations

__all__ = ["ABOUT", "ABOUT_ASSISTANTS", "ABOUT_RAM", "ABOUT_SETTINGS", "HOW_TO_READ", "REGENERATE", "SOURCES"]

REGENERATE = "python -m vebus_protocol.reference > protocol/README.md"
"""The command that writes the page anew."""

ABOUT = f"""\
What is publicly known of the frames on Victron's VE.Bus (RS485) and on the serial link of an MK2 or MK3 adapter.
This page is generated from the declarations in `vebus_protocol`; do not edit it, run

    {REGENERATE}

Victron documents the adapter's side only.  The bus was worked out by a few public projects, nearly all of them on one
MultiPlus-II, 50 Hz, single phase.  Each statement therefore carries its evidence:"""

HOW_TO_READ = """\
In the tables, *payload* counts from the first byte of the message (p[n] of an adapter's frame), *RS485* from the first
byte of the unstuffed bus frame; `+` means this place or later.  Numbers of more than one byte are little endian unless
the type ends in `be`; `u` is unsigned, `i` signed, `[]` a list.  Below a field's name in code stands its name in
display filters.  Rows that start with *bit* are parts of the field above them, rows without a place are computed
from other fields.  Bytes behind the declared fields are kept as `rest`.

A *key* tells a message apart within its *space*: `payload` is what an RS485 data frame carries, and an adapter's frame
that does not begin with FF; `sync` what an RS485 sync frame carries; `adapter` an adapter's frame that begins with FF;
`winmon` what stands inside a winmon frame of either link.  Of two messages that fit, the first one is taken.

Sources name a section of a dossier and, in brackets, where the dossier has it from:"""

ABOUT_RAM = """\
Values that winmon 30 reads.  The device announces a scale and an offset for each (winmon 36), both signed words; the
assumed scale is what published devices announced, and a value that rests on it is marked.

Value = (raw + offset) * scale.  Scale 0: not supported.  Negative: the raw number is signed, and the absolute value
counts.  From 0x4000 on it divides, by 0x8000 minus it.  Offset 0x8000: the value is one bit, number scale - 1.
(mk3.md 8)"""

ABOUT_ASSISTANTS = """\
From {first} on stand the records of assistants, one behind the other: a word with the assistant's id in its upper 12
bits (see {ids}) and the number of ids that follow in its lower 4 bits, then those ids; 0 ends the list.  (mk3.md 15)

Word 1 is the first id behind the header.  No published table has scales for these ids; where the device did not
announce one either, a value has the scale below and is marked."""

ABOUT_SETTINGS = """\
Values that winmon 31 reads and 37 writes.  The device announces scale, offset and limits of each (winmon 35); the
assumed scale and the limits (default, minimum, maximum, all raw) are published ones.

Value = (raw + offset) * scale.  A negative scale divides.  Scale 0: not supported.  (mk3.md 8)"""

SOURCES = (
    (
        "vebus-rs485.md, mk3.md",
        "the dossiers that the declarations were written from, on the bus and on the adapter",
    ),
    ("velib", "Victron's own host library, its MK2 part"),
    (
        "vendor document",
        'Victron, "Interfacing with VE.Bus products - MK2 Protocol" 3.14, as quoted by public projects',
    ),
    ("venus#N", "issue N of victronenergy/venus"),
    ("baxi", "pv-baxi/esp32ess"),
    ("pepe", "PepeTheFroggie/Victron-VE.Bus---esp32"),
    ("gitnik", "GitNik1/VEBus, and a fork of it with a table of the MultiPlus-II 48/5000"),
    ("kras", "mkrasselt1/ve.bus-library"),
    ("mk2py", "tomjnixon/mk2.py"),
    ("victron-mk3, HASS", "j9brown/victron-mk3 and j9brown/victron-mk3-hass"),
    ("multiplus2", "martiby/multiplus2"),
    ("invertergui, igui", "diebietse/invertergui"),
    ("ve-ctrl-tool", "yvesf/ve-ctrl-tool"),
    ("xcel, xcellsior", "xcellsior/ve-bus-programming"),
    ("rvms", "a settings table for VEConfigure files"),
)
