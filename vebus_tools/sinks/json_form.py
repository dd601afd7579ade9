"""``-T json``, ``-T jsonraw`` and ``-T ek``: tshark's structure and field names, with the types of JSON.

What differs from tshark, on purpose: numbers are numbers and true is true; a key stands once in an object, and repeated
fields become an array; a value that is not available is null.  Under the name of a field stand

    <field>        the value, with its physical scale; bytes are aa:bb:cc
    <field>.raw    the number on the wire, where it is not the value itself
    <field>.text   the name of an enum value; for null, why there is no value
    <field>.mark   what the value is worth where it is no plain fact: "unconfirmed", "assumed scale" and so on
    <field>_tree   what is below the field

Where a field is repeated, each of these is an array too, with null in the places that have none.  Findings stand in an
array ``_ws.expert`` in the tree of their field, or in their protocol.  ``frame.raw`` is plain hex.  A protocol that
prints several blocks is one object.

``ek`` is one object a line and has no trees: all fields of a protocol stand beside each other, with the keys of tshark:
the protocol of the field in front, and ``_`` for ``.`` (``vebus_vebus_seq``).  Fields that may be repeated are always
arrays.  All output is ASCII, whatever the texts hold.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime

from vebus_tools.frame_fields import FRAME, RECORD_FIELDS
from vebus_tools.glossary import entries, repeatable
from vebus_tools.nodes import Dissection, Node, Value
from vebus_tools.records import Finding, Stamp
from vebus_tools.sinks.frame_form import EVERYTHING, Layer, Subset, inner, layers, siblings
from vebus_tools.times import NO_TIMING, Timing

__all__ = ["EkForm", "JsonForm", "JsonRawForm", "number_text"]

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
_Facets = Callable[[Node], dict[str, Json]]

_EXPERT = "_ws.expert"
_INDENT = "  "
_SURE_LENGTH = 16
_TYPE_NUMBERS = {  # places in the list of field types of Wireshark 4.0
    "FT_NONE": 0,
    "FT_PROTOCOL": 1,
    "FT_BOOLEAN": 2,
    "FT_UINT8": 4,
    "FT_UINT16": 5,
    "FT_UINT24": 6,
    "FT_UINT32": 7,
    "FT_INT8": 12,
    "FT_INT16": 13,
    "FT_INT24": 14,
    "FT_INT32": 15,
    "FT_DOUBLE": 23,
    "FT_RELATIVE_TIME": 25,
    "FT_STRING": 26,
    "FT_BYTES": 30,
    "FT_FRAMENUM": 35,
}


class JsonForm:
    """An array with one element for each record; valid when it is empty, too."""

    def __init__(self, subset: Subset = EVERYTHING) -> None:
        self._subset = subset
        self._between = "\n"

    def start(self) -> str:
        """Open the array."""
        return "["

    def record(self, dissection: Dissection, timing: Timing = NO_TIMING) -> str:
        """One element, with the comma that parts it from the one before."""
        element: Json = {
            "_index": _index(dissection.record.stamp),
            "_type": "doc",
            "_score": None,
            "_source": {"layers": self._layers(dissection, timing)},
        }
        lines = json.dumps(element, indent=len(_INDENT), allow_nan=False).splitlines()
        text = self._between + "\n".join(_INDENT + line for line in lines)
        self._between = ",\n"
        return text

    def stop(self) -> str:
        """Close the array."""
        return "\n]\n"

    def _layers(self, dissection: Dissection, timing: Timing) -> dict[str, Json]:
        return {layer.protocol: _layer(layer, self._subset, _facets) for layer in layers(dissection, timing)}


class JsonRawForm(JsonForm):
    """The same with the bytes in place of the values: ``<field>_raw`` is [hex, position, size, bit mask, type].

    Positions count in the unstuffed frame, those of the frame block in the bytes as heard; generated fields have no
    bytes.  The type is Wireshark's number.  Findings have no bytes and are left out.
    """

    def _layers(self, dissection: Dissection, timing: Timing) -> dict[str, Json]:
        wire, unstuffed = dissection.record.wire, dissection.record.unstuffed
        found: dict[str, Json] = {}
        for layer in layers(dissection, timing):
            data = wire if layer.protocol == FRAME else unstuffed
            places: list[Json] = [_place(data, block.start, block.size) for block in layer.blocks]
            found[f"{layer.protocol}_raw"] = places[0] if len(places) == 1 else places
            found[layer.protocol] = _layer(layer, self._subset, _raw_facets(data), experts=False)
        return found


class EkForm:
    """Lines for the bulk interface of Elasticsearch: for each record one that names the index, and one with the record.

    ``timestamp`` is in milliseconds since 1970, null where stamps have no date.
    """

    def __init__(self, subset: Subset = EVERYTHING) -> None:
        self._subset = subset

    @property
    def subset(self) -> Subset:
        """Protocols that are written out."""
        return self._subset

    def start(self) -> str:
        """Nothing stands in front of the records."""
        return ""

    def record(self, dissection: Dissection, timing: Timing = NO_TIMING) -> str:
        """Both lines of one record."""
        stamp = dissection.record.stamp
        document: Json = {
            "timestamp": round(stamp.at * 1e6) // 1000 if stamp.epoch else None,
            "layers": {layer.protocol.replace(".", "_"): self._layer(layer) for layer in layers(dissection, timing)},
        }
        index: Json = {"index": {"_index": _index(stamp), "_type": "doc"}}
        return f"{_line(index)}\n{_line(document)}\n"

    def stop(self) -> str:
        """Nothing stands behind the records."""
        return ""

    def _layer(self, layer: Layer) -> Json:
        if not self._subset.has_layer(layer.protocol):
            return {"filtered": layer.protocol}
        findings = [*layer.findings, *(finding for below in layer.below.values() for finding in below)]
        return self._members(layer.nodes, findings)

    def members(self, nodes: Iterable[Node], findings: Iterable[Finding] = ()) -> str:
        """Fields and findings as they stand in the object of their protocol, without its braces."""
        return _line(self._members(siblings(nodes), findings))[1:-1]

    def _members(self, nodes: Iterable[Node], findings: Iterable[Finding]) -> dict[str, Json]:
        items = [(node.abbrev, _facets(node)) for node in _flat(nodes, self._subset)]
        fields = _merged(items, repeatable())
        found = {f"{_ek_protocol(key)}_{key}".replace(".", "_"): value for key, value in fields.items()}
        findings = list(findings)
        if findings:
            found[_EXPERT.replace(".", "_")] = [
                {f"{_EXPERT}_{_EXPERT}.{key}".replace(".", "_"): value for key, value in _expert(finding).items()}
                for finding in findings
            ]
        return found


def _line(value: Json) -> str:
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


def _ek_protocol(key: str) -> str:
    return key.partition(".")[0]


def _flat(nodes: Iterable[Node], subset: Subset) -> Iterator[Node]:
    for node in nodes:
        yield node
        if subset.has_tree(node.abbrev):
            yield from _flat(siblings(node.children), subset)


def _index(stamp: Stamp) -> str:
    """Name of the index as tshark makes it, with the date of the record in UTC; in lower case, as it has to be."""
    try:
        return f"packets-{datetime.fromtimestamp(stamp.at, UTC):%Y-%m-%d}" if stamp.epoch else "packets-undated"
    except (OverflowError, ValueError, OSError):
        return "packets-undated"


# --- objects ---------------------------------------------------------------------------------------------------------
def _layer(layer: Layer, subset: Subset, facets: _Facets, *, experts: bool = True) -> Json:
    if not subset.has_layer(layer.protocol):
        return {"filtered": layer.protocol}
    pending = dict(layer.below) if experts else {}
    found = _object(layer.nodes, subset, facets, pending)
    return {**_experts(layer.findings if experts else ()), **found}


def _object(
    nodes: Iterable[Node], subset: Subset, facets: _Facets, pending: dict[str, tuple[Finding, ...]]
) -> dict[str, Json]:
    """Fields of one level; findings are taken out of ``pending`` by the first field that they belong to."""
    items = []
    for node in nodes:
        own = facets(node)
        tree = _experts(pending.pop(node.abbrev, ()))
        if node.children and not subset.has_tree(node.abbrev):
            tree["filtered"] = node.abbrev
        elif node.children:
            tree |= _object(inner(node), subset, facets, pending)
        if tree:
            own["_tree"] = tree
        items.append((node.abbrev, own))
    return _merged(items)


def _merged(items: Iterable[tuple[str, dict[str, Json]]], lists: frozenset[str] = frozenset()) -> dict[str, Json]:
    """Each key once: what is repeated, or listed in ``lists``, becomes an array, in step for all facets of a field."""
    found: dict[str, list[dict[str, Json]]] = {}
    for abbrev, own in items:
        found.setdefault(abbrev, []).append(own)
    merged: dict[str, Json] = {}
    for abbrev, all_of_it in found.items():
        suffixes = dict.fromkeys(suffix for own in all_of_it for suffix in own)
        for suffix in suffixes:
            values = [own.get(suffix) for own in all_of_it]
            merged[abbrev + suffix] = values if len(values) > 1 or abbrev in lists else values[0]
    return merged


def _facets(node: Node) -> dict[str, Json]:
    """What is told of one field, by the suffix of its key."""
    plain_hex = node.abbrev == "frame.raw" and isinstance(node.value, bytes)
    found: dict[str, Json] = {"": node.text if plain_hex else _json(node.value)}
    if node.raw is not None and node.raw != node.value:
        found[".raw"] = node.raw
    if node.name or node.value is None:
        found[".text"] = node.name or node.text
    if node.mark:
        found[".mark"] = node.mark
    return found


def _json(value: Value) -> Json:
    if isinstance(value, bytes):
        return value.hex(":")
    if isinstance(value, float):
        return _short(value) if math.isfinite(value) else None
    return value


def number_text(value: float) -> str:
    """A number as it stands in the output."""
    if not isinstance(value, float):
        return str(value)
    text = repr(value)
    if len(text) <= _SURE_LENGTH and text[-1].isdigit():  # 15 digits at most, and no "inf"
        return text
    return repr(_short(value)) if math.isfinite(value) else "null"


def _short(value: float) -> float:
    """The number with 15 digits where that is the same but for the last bits: 0.3 and not 0.30000000000000004."""
    short = float(f"{value:.15g}")
    return short if abs(short - value) <= 2 * math.ulp(value) else value


def _experts(findings: Iterable[Finding]) -> dict[str, Json]:
    found: list[Json] = [{f"{_EXPERT}.{key}": value for key, value in _expert(one).items()} for one in findings]
    return {_EXPERT: found} if found else {}


def _expert(finding: Finding) -> dict[str, Json]:
    return {
        "message": finding.text,
        "severity": finding.severity.value,
        "severity.text": finding.severity.text,
        "group": finding.group.value,
    }


# --- bytes -----------------------------------------------------------------------------------------------------------
def _place(data: bytes, start: int, size: int) -> list[Json]:
    return [data[start : start + size].hex(), start, size, 0, _TYPE_NUMBERS["FT_PROTOCOL"]]


def _raw_facets(data: bytes) -> _Facets:
    def facets(node: Node) -> dict[str, Json]:
        mask = node.field.mask if node.bits and node.field is not None else 0
        number = node.value if node.raw is None else node.raw
        text = f"{number:x}" if mask and isinstance(number, int) else data[node.start : node.start + node.size].hex()
        return {"_raw": [text, node.start, node.size, mask, _type_number(node)]}

    return facets


def _type_number(node: Node) -> int:
    entry = entries().get(node.abbrev) or RECORD_FIELDS.get(node.abbrev)
    kind = _kind_of(node.value) if entry is None else entry.ftype
    return _TYPE_NUMBERS.get(kind, _TYPE_NUMBERS["FT_NONE"])


def _kind_of(value: Value) -> str:
    for kind, types in (("FT_BOOLEAN", bool), ("FT_UINT32", int), ("FT_DOUBLE", float), ("FT_BYTES", bytes)):
        if isinstance(value, types):
            return kind
    return "FT_STRING"
