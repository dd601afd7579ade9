"""Profile files of schema ``vebus-bms-profile/1``: JSON -> Profile, with everything checked that can be checked.

A file cannot promote itself: what its class does not allow, `tx_policy` cannot either.  Source: bms-wire.md 8.1.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from hashlib import sha256
from pkgutil import get_data
from typing import TypeVar

from vebus_protocol.bms.profile import (
    CaptureSpec,
    FieldSpec,
    FieldType,
    FrameSpec,
    GoldenVector,
    LinkSpec,
    Medium,
    MessageSpec,
    Profile,
    ProfileError,
    Provenance,
    ProvenanceClass,
    Rule,
    Setting,
    Sort,
    StateSpan,
    Towards,
    Unknown,
)
from vebus_protocol.schema import Link

__all__ = ["BUILT_IN", "LAB", "SCHEMA", "built_in", "read_profile"]

SCHEMA = "vebus-bms-profile/1"
LAB = "lab-sim-1"
"""The default profile: invented, and printed as such everywhere."""
BUILT_IN = (LAB, "public-version-reply-1")

_STATUS = frozenset({"documented", "measured", "assumed"})
_TIMES = ("interval_normal", "interval_low_power", "jitter", "loss_timeout", "boot")
_LARGEST_PAYLOAD = 60
_SHA256_DIGITS = 64

T = TypeVar("T")


class _Table:
    """A JSON object whose keys are taken one by one; what nobody took is an error, so that a typing slip is seen."""

    def __init__(self, found: object, where: str) -> None:
        if not isinstance(found, dict):
            raise ProfileError(f"{where}: has to be an object")
        self._left = dict(found)
        self.where = where

    def take(self, key: str, sort: type[T], default: T | None = None) -> T:
        """The value of a key.  Raises ProfileError when it is missing or of another sort."""
        where = f"{self.where}.{key}"
        if key not in self._left:
            if default is None:
                raise ProfileError(f"{where}: is missing")
            return default
        found = self._left.pop(key)
        if not isinstance(found, sort) or (isinstance(found, bool) and sort is not bool):
            raise ProfileError(f"{where}: {found!r} has to be of type {sort.__name__}")
        return found

    def number(self, key: str, default: float | None = None) -> float:
        """A number, whole or not."""
        if key not in self._left and default is not None:
            return default
        found = self._left.pop(key, None)
        if isinstance(found, bool) or not isinstance(found, int | float):
            raise ProfileError(f"{self.where}.{key}: {found!r} has to be a number")
        return found

    def has(self, key: str) -> bool:
        """Whether a key is there and was not taken."""
        return key in self._left

    def keys(self) -> tuple[str, ...]:
        """The keys that were not taken."""
        return tuple(self._left)

    def any(self, key: str) -> object:
        """The value as it is, None where there is none."""
        return self._left.pop(key, None)

    def tables(self, key: str) -> Iterator[_Table]:
        """The objects of a list."""
        for at, one in enumerate(self.take(key, list)):
            yield _Table(one, f"{self.where}.{key}[{at}]")

    def bytes(self, key: str, default: str | None = None) -> bytes:
        """Bytes written in hex."""
        text = self.take(key, str, default)
        try:
            return bytes.fromhex(text)
        except ValueError as problem:
            raise ProfileError(f"{self.where}.{key}: {text!r} are no bytes in hex") from problem

    def choice(self, key: str, make: Callable[[object], T]) -> T:
        """A value of an enumeration."""
        found = self.take(key, str)
        try:
            return make(found)
        except ValueError as problem:
            raise ProfileError(f"{self.where}.{key}: {found!r} is not known") from problem

    def texts(self, key: str, default: list[str] | None = None) -> tuple[str, ...]:
        """A list of texts."""
        found = self.take(key, list, default)
        if not all(isinstance(one, str) for one in found):
            raise ProfileError(f"{self.where}.{key}: has to be a list of texts")
        return tuple(found)

    def end(self) -> None:
        """Nothing may be left."""
        if self._left:
            raise ProfileError(f"{self.where}: unknown keys {', '.join(sorted(self._left))}")


def read_profile(text: str, where: str) -> Profile:
    """Read and check a profile; ``where`` names it in errors.  Raises ProfileError."""
    try:
        table = _Table(json.loads(text), where)
    except ValueError as problem:
        raise ProfileError(f"{where}: is no JSON: {problem}") from problem
    if (schema := table.take("schema", str)) != SCHEMA:
        raise ProfileError(f"{where}: schema {schema!r} is not known; this program reads {SCHEMA}")
    provenance = _provenance(_Table(table.any("provenance"), f"{where}.provenance"))
    media, reason = _policy(_Table(table.any("tx_policy"), f"{where}.tx_policy"), provenance.sort)
    profile = Profile(
        id=table.take("id", str),
        version=table.take("version", int),
        title=table.take("title", str),
        sender_name=table.take("sender_name", str),
        provenance=provenance,
        media=media,
        reason=reason,
        link=_link(_Table(table.any("link"), f"{where}.link")),
        timing=_timing(_Table(table.any("timing"), f"{where}.timing")),
        frames=tuple(map(_frame, table.tables("frames"))),
        rules=tuple(map(_rule, table.tables("rules"))),
        vectors=tuple(map(_vector, table.tables("tests"))),
        digest=sha256(text.encode()).hexdigest(),
    )
    table.end()
    _check_names(profile, where)
    return profile


@cache
def built_in(name: str) -> Profile:
    """A profile that comes with the package.  Raises ProfileError for a name that is not in BUILT_IN."""
    if name not in BUILT_IN:
        raise ProfileError(f"no built-in profile {name!r}; there are {', '.join(BUILT_IN)}")
    content = get_data("vebus_protocol", f"profiles/{name}.json")
    if content is None:
        raise ProfileError(f"the built-in profile {name!r} cannot be read from where the package is")
    return read_profile(content.decode(), name)


# --- parts -----------------------------------------------------------------------------------------------------------
def _provenance(table: _Table) -> Provenance:
    versions = table.take("multi_versions", list, [])
    if not all(isinstance(one, int) and not isinstance(one, bool) for one in versions):
        raise ProfileError(f"{table.where}.multi_versions: has to be a list of whole numbers")
    found = Provenance(
        sort=table.choice("class", ProvenanceClass),
        text=table.take("text", str),
        sources=table.texts("sources"),
        bms_version=table.take("bms_version", int, 0) or None,
        multi_versions=tuple(versions),
        date=table.take("date", str, ""),
        captures=tuple(map(_capture, table.tables("captures"))) if table.has("captures") else (),
    )
    table.end()
    if not found.sources:
        raise ProfileError(f"{table.where}.sources: at least one is needed")
    return found


def _capture(table: _Table) -> CaptureSpec:
    found = CaptureSpec(
        file=table.take("file", str),
        sha256=table.bytes("sha256").hex(),
        spans=tuple(map(_span, table.tables("states"))),
    )
    table.end()
    if len(found.sha256) != _SHA256_DIGITS:
        raise ProfileError(f"{table.where}.sha256: has {_SHA256_DIGITS} hex digits")
    return found


def _span(table: _Table) -> StateSpan:
    values = _Table(table.any("values"), f"{table.where}.values")
    found = StateSpan(
        from_s=table.number("from_s"),
        until_s=table.number("until_s"),
        values={name: values.number(name) for name in values.keys()},  # noqa: SIM118  (no mapping)
    )
    table.end()
    if not 0 <= found.from_s < found.until_s or not found.values:
        raise ProfileError(f"{table.where}: a state has a time from_s < until_s, and values")
    return found


def _policy(table: _Table, sort: ProvenanceClass) -> tuple[frozenset[Medium], str]:
    try:
        media = frozenset(map(Medium, table.texts("media")))
    except ValueError as problem:
        raise ProfileError(f"{table.where}.media: {problem}") from problem
    if excess := sorted(one.value for one in media - sort.media):
        raise ProfileError(f"{table.where}.media: class {sort.value} never allows {', '.join(excess)}")
    reason = table.take("reason", str)
    table.end()
    return media, reason


def _link(table: _Table) -> LinkSpec:
    address, kind = table.any("address"), table.bytes("kind")
    if address is not None:
        try:
            address = bytes.fromhex(str(address))
        except ValueError as problem:
            raise ProfileError(f"{table.where}.address: {address!r} are no bytes in hex") from problem
    if (isinstance(address, bytes) and len(address) != 2) or len(kind) != 1:
        raise ProfileError(f"{table.where}: an address has two bytes, a kind one")
    found = LinkSpec(
        address=int.from_bytes(address, "big") if isinstance(address, bytes) else None,
        kind=kind[0],
        numbering=table.take("numbering", str),
        slot=table.take("slot", str),
    )
    table.end()
    return found


def _timing(table: _Table) -> Mapping[str, Setting]:
    found: dict[str, Setting] = {}
    for name in _TIMES:
        entry = table.any(f"{name}_ms")
        if entry is None:
            continue
        one = _Table(entry, f"{table.where}.{name}_ms")
        found[name] = Setting(seconds=one.number("value") / 1000, status=one.take("status", str))
        one.end()
        if found[name].status not in _STATUS or not 0 <= found[name].seconds < 3600:
            raise ProfileError(f"{one.where}: a time is 0 ms to 1 h, and documented, measured or assumed")
    table.end()
    if "interval_normal" in found or "interval_low_power" in found:
        normal, low = (found.get(one) for one in ("interval_normal", "interval_low_power"))
        if normal is None or low is None or not low.seconds > normal.seconds > 0:
            raise ProfileError(f"{table.where}: intervals have to be low power > normal > 0 (B-63)")
    return found


def _frame(table: _Table) -> FrameSpec:
    trigger, message = table.any("trigger"), table.any("message")
    reply = _Table(trigger, f"{table.where}.trigger") if isinstance(trigger, dict) else None
    if reply is None and trigger not in ("periodic", "host"):
        raise ProfileError(f"{table.where}.trigger: {trigger!r} is none of periodic, host, {{reply-to: FRAME}}")
    found = FrameSpec(
        name=table.take("name", str),
        title=table.take("title", str),
        towards=table.choice("direction", Towards),
        length=table.take("length", int),
        fields=tuple(map(_field, table.tables("fields"))),
        unknown=tuple(map(_unknown, table.tables("unknown"))),
        periodic=trigger == "periodic",
        reply_to=reply.take("reply-to", str) if reply else "",
        message=_message(_Table(message, f"{table.where}.message")) if message is not None else None,
    )
    table.end()
    _check_places(found, table.where)
    return found


def _message(table: _Table) -> MessageSpec:
    found = MessageSpec(name=table.take("class", str), abbrev=table.take("abbrev", str), summary=table.texts("summary"))
    table.end()
    return found


def _field(table: _Table) -> FieldSpec:
    sort = table.choice("type", FieldType)
    names = _Table(table.take("enum", dict, {}), f"{table.where}.enum")
    found = FieldSpec(
        name=table.take("name", str),
        label=table.take("label", str),
        at=table.take("at", int),
        type=sort,
        confidence=table.number("confidence"),
        bit=table.take("bit", int, 0) if sort is FieldType.BITS else 0,
        width=table.take("width", int, 1) if sort is FieldType.BITS else 1,
        invert=table.take("invert", bool, default=False),
        scale=table.number("scale", 1),
        offset=table.number("offset", 0),
        constant=table.bytes("bytes") if sort is FieldType.CONST else b"",
        names={int(key): names.take(key, str) for key in list(names._left)},  # noqa: SLF001  (own class)
        meaning=table.take("meaning", str, ""),
        symbol=table.take("symbol", str, ""),
        unit=table.take("unit", str, ""),
    )
    table.end()
    if not 0 <= found.confidence <= 1 or not found.scale or found.bit + found.width > 8 or min(found.bit, found.at) < 0:
        raise ProfileError(f"{table.where}: confidence is 0..1, scale not 0, and bits lie inside their byte")
    if found.type is FieldType.CONST and not found.constant:
        raise ProfileError(f"{table.where}: a const has bytes")
    return found


def _unknown(table: _Table) -> Unknown:
    size, fill = table.take("size", int), table.bytes("fill", "")
    found = Unknown(at=table.take("at", int), fill=fill or bytes(size))
    table.end()
    if len(found.fill) != size or size < 1:
        raise ProfileError(f"{table.where}: the fill has to be as long as the unknown bytes")
    return found


def _rule(table: _Table) -> Rule:
    found = Rule(
        name=table.take("name", str),
        frame=table.take("frame", str),
        field=table.take("field", str),
        sort=table.choice("is", Sort),
        of=table.texts("of", []),
        bit=table.take("bit", int, 0),
        value=table.take("value", int, 0),
    )
    table.end()
    if (found.sort is Sort.BIT_OF and len(found.of) != 1) or (found.sort is Sort.NONE_OF and not found.of):
        raise ProfileError(f"{table.where}.of: bit-of names one field, none-of at least one")
    return found


def _vector(table: _Table) -> GoldenVector:
    values = _Table(table.any("values"), f"{table.where}.values")
    sender = table.bytes("sender", "")
    found = GoldenVector(
        name=table.take("name", str),
        frame=table.take("frame", str),
        link=table.choice("link", Link),
        values={key: values.number(key) for key in list(values._left)},  # noqa: SLF001  (own class)
        wire=table.bytes("wire"),
        number=table.take("number", int, 0),
        sender=int.from_bytes(sender, "big") if sender else None,
        breaks=table.texts("breaks", []),
    )
    table.end()
    return found


# --- what parts say of each other ------------------------------------------------------------------------------------
def _check_places(frame: FrameSpec, where: str) -> None:
    """Every bit of the payload belongs to exactly one field or unknown range."""
    if not 1 <= frame.length <= _LARGEST_PAYLOAD:
        raise ProfileError(f"{where}.length: a payload has 1 to {_LARGEST_PAYLOAD} bytes")
    covered = [0] * frame.length
    places = [(one.at, 8 * one.size, 0) for one in frame.fields if one.type is not FieldType.BITS]
    places += [(one.at, 8 * len(one.fill), 0) for one in frame.unknown]
    places += [(one.at, one.width, one.bit) for one in frame.fields if one.type is FieldType.BITS]
    for at, bits, shift in places:
        for place in range(8 * at + shift, 8 * at + shift + bits):
            mask = 1 << place % 8
            if not 0 <= place < 8 * frame.length or covered[place // 8] & mask:
                raise ProfileError(f"{where}: byte {place // 8} is outside the frame, or in two fields")
            covered[place // 8] |= mask
    if any(one != 0xFF for one in covered):
        missing = [at for at, one in enumerate(covered) if one != 0xFF]
        raise ProfileError(f"{where}: bytes {missing} are in no field; list them under unknown")


def _check_names(profile: Profile, where: str) -> None:
    _unique([one.name for one in profile.frames], f"{where}.frames")
    for frame in profile.frames:
        _unique([one.name for one in frame.fields], f"{where}.{frame.name}")
        if frame.reply_to:
            profile.frame(frame.reply_to)
    for rule in profile.rules:
        known = {one.name for one in profile.frame(rule.frame).fields}
        if missing := {rule.field, *rule.of} - known:
            raise ProfileError(f"{where}.rules: {rule.name} names unknown fields {', '.join(sorted(missing))}")
    for vector in profile.vectors:
        profile.frame(vector.frame)


def _unique(names: Sequence[str], where: str) -> None:
    if len(set(names)) != len(names):
        raise ProfileError(f"{where}: a name is used twice")
