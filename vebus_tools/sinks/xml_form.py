r"""``-T pdml`` and ``-T psml``: the XML of tshark.

Both are valid XML 1.0 and ASCII, whatever the texts hold: characters that XML cannot have are written as ``\x1b``.
In PDML positions count in the unstuffed frame, those of the frame block in the bytes as heard.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC

from vebus_tools.frame_fields import COLUMNS, FRAME, column_texts, expert_title
from vebus_tools.nodes import Block, Dissection, Node
from vebus_tools.records import Finding, Record
from vebus_tools.sinks.frame_form import EVERYTHING, Layer, Subset, inner, layers, shown, siblings
from vebus_tools.times import (
    NO_TIMING,
    TimeForm,
    Timing,
    arrival_text,
    elapsed_text,
    epoch_text,
)

__all__ = ["PdmlForm", "PsmlForm", "escaped"]

_DECLARATION = '<?xml version="1.0" encoding="utf-8"?>\n'
_STYLE_SHEET = '<?xml-stylesheet type="text/xsl" href="pdml2html.xsl"?>\n'
_CREATOR = "vebus-tools"
_NAMED = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;"}
_SPECIAL = re.compile(r"[^ !#-%(-;=?-~]")
_SURROGATES = range(0xD800, 0xE000)
_SPACES = "\t\n\r"


def escaped(text: str) -> str:
    r"""Text for XML 1.0, in an attribute or between tags; what XML has no characters for becomes ``\x1b``."""
    return _SPECIAL.sub(_reference, text)


def _reference(found: re.Match[str]) -> str:
    char = found.group()
    code = ord(char)
    if char in _NAMED:
        return _NAMED[char]
    no_character = code in _SURROGATES or code & 0xFFFE == 0xFFFE or (code < 0x20 and char not in _SPACES)
    return char.encode("unicode_escape").decode("ascii") if no_character else f"&#x{code:x};"


def _tag(tag: str, attributes: Iterable[tuple[str, object]]) -> str:
    pairs = (f' {name}="{escaped(str(value))}"' for name, value in attributes)
    return f"<{tag}{''.join(pairs)}"


# --- PSML ------------------------------------------------------------------------------------------------------------
class PsmlForm:
    """The columns of the summary list."""

    def __init__(self, time: TimeForm = TimeForm.RELATIVE, *, creator: str = _CREATOR) -> None:
        self._time = time
        self._creator = creator

    def start(self) -> str:
        """Declaration and names of the columns."""
        root = _tag("psml", (("version", "0"), ("creator", self._creator)))
        return f"{_DECLARATION}{root}>\n<structure>\n{_sections(COLUMNS.values())}</structure>\n\n"

    def record(self, dissection: Dissection, timing: Timing = NO_TIMING) -> str:
        """Columns of one record."""
        columns = column_texts(dissection, timing, self._time)
        return f"<packet>\n{_sections(columns.values())}</packet>\n\n"

    def stop(self) -> str:
        """Close the document."""
        return "</psml>\n"


def _sections(texts: Iterable[str]) -> str:
    return "".join(f"<section>{escaped(text)}</section>\n" for text in texts)


# --- PDML ------------------------------------------------------------------------------------------------------------
class PdmlForm:
    """All fields of all protocols.  ``capture_file`` and ``creator`` are what the root element tells."""

    def __init__(self, subset: Subset = EVERYTHING, *, capture_file: str = "", creator: str = _CREATOR) -> None:
        self._subset = subset
        self._root = (("version", "0"), ("creator", creator), ("capture_file", capture_file))

    def start(self) -> str:
        """Declaration and root element."""
        return f"{_DECLARATION}{_STYLE_SHEET}{_tag('pdml', self._root)}>\n"

    def record(self, dissection: Dissection, timing: Timing = NO_TIMING) -> str:
        """One packet element."""
        lines = ["<packet>", *_general(dissection.record, timing)]
        for layer in layers(dissection, timing):
            lines += _Protocol(layer, dissection.record, self._subset).lines()
        return "\n".join((*lines, "</packet>", "", "", ""))

    def stop(self) -> str:
        """Close the document."""
        return "</pdml>\n"


def _general(record: Record, timing: Timing) -> Iterator[str]:
    """The protocol that tshark puts in front of every packet."""
    size, stamp = len(record.wire), record.stamp
    seconds = epoch_text(stamp) if stamp.epoch else elapsed_text(stamp, timing.first)
    fields = (
        ("num", str(record.number), "Number", f"{record.number:x}"),
        ("len", str(size), "Frame Length", f"{size:x}"),
        ("caplen", str(size), "Captured Length", f"{size:x}"),
        ("timestamp", arrival_text(stamp, UTC) if stamp.epoch else seconds, "Captured Time", seconds),
    )
    proto = (("name", "geninfo"), ("pos", 0), ("showname", "General information"), ("size", size))
    yield f"  {_tag('proto', proto)}>"
    for name, show, showname, value in fields:
        pairs = (("name", name), ("pos", 0), ("show", show), ("showname", showname), ("value", value), ("size", size))
        yield f"    {_tag('field', pairs)}/>"
    yield "  </proto>"


class _Protocol:
    """The elements of one protocol, one for each of its blocks."""

    def __init__(self, layer: Layer, record: Record, subset: Subset) -> None:
        self._layer = layer
        self._data = record.wire if layer.protocol == FRAME else record.unstuffed
        self._subset = subset
        self._pending = dict(layer.below)

    def lines(self) -> Iterator[str]:
        for at, block in enumerate(self._layer.blocks):
            pairs = (("name", block.protocol), ("showname", block.title), ("size", block.size), ("pos", block.start))
            yield f"  {_tag('proto', pairs)}>"
            yield from self._inside(block, () if at else self._layer.findings)
            yield "  </proto>"

    def _inside(self, block: Block, findings: Iterable[Finding]) -> Iterator[str]:
        if not self._subset.has_layer(block.protocol):
            yield _filtered(block.protocol, 2)
            return
        yield from self._fields(siblings(block.nodes), 2)
        yield from _experts(findings, 2, block.start)

    def _fields(self, nodes: Iterable[Node], depth: int) -> Iterator[str]:
        for node in nodes:
            below = list(_experts(self._pending.pop(node.abbrev, ()), depth + 1, node.start))
            if node.children and self._subset.has_tree(node.abbrev):
                below += self._fields(inner(node), depth + 1)
            elif node.children:
                below.append(_filtered(node.abbrev, depth + 1))
            yield from _element(self._attributes(node), below, depth)

    def _attributes(self, node: Node) -> list[tuple[str, object]]:
        found: list[tuple[str, object]] = [
            ("name", node.abbrev),
            ("showname", _show_name(node)),
            *((("hide", "yes"),) if node.hidden else ()),
            ("size", node.size),
            ("pos", node.start),
            ("show", shown(node)),
        ]
        data = self._data[node.start : node.start + node.size].hex()
        number = node.value if node.raw is None else node.raw
        if node.bits and isinstance(number, int):
            found += [("value", f"{number:x}"), ("unmaskedvalue", data)]
        elif data:
            found.append(("value", data))
        return found


def _element(attributes: Iterable[tuple[str, object]], below: list[str], depth: int) -> Iterator[str]:
    head = f"{'  ' * depth}{_tag('field', attributes)}"
    if not below:
        yield f"{head}/>"
        return
    yield f"{head}>"
    yield from below
    yield f"{'  ' * depth}</field>"


def _filtered(name: str, depth: int) -> str:
    return f"{'  ' * depth}{_tag('field', (('name', 'filtered'), ('value', name)))}/>"


def _show_name(node: Node) -> str:
    """The line of a field: bit pattern, label, text, and in square brackets what the value is worth."""
    phrase = node.field.phrase if node.field is not None and node.value is not None else ""
    pattern = f"{node.bits} = " if node.bits else ""
    behind = "".join(f" [{part}]" for part in dict.fromkeys((phrase, node.mark)) if part)
    return f"{pattern}{node.label}: {node.text}{behind}"


def _experts(findings: Iterable[Finding], depth: int, at: int) -> Iterator[str]:
    for finding in findings:
        attributes = (("name", "_ws.expert"), ("showname", expert_title(finding)), ("size", 0), ("pos", at))
        severity, group = finding.severity, finding.group.value
        parts = (
            ("_ws.expert.message", f"Message: {finding.text}", finding.text),
            ("_ws.expert.severity", f"Severity level: {severity.text}", severity.value),
            ("_ws.expert.group", f"Group: {group}", group),
        )
        below: list[str] = []
        for name, showname, show in parts:
            pairs = (("name", name), ("showname", showname), ("size", 0), ("pos", 0), ("show", show))
            below += _element(pairs, [], depth + 1)
        yield from _element(attributes, below, depth)
