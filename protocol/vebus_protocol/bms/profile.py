"""A BMS information frame profile: what a VE.Bus BMS says, as data.  Nothing here knows any byte by itself.

The bytes of the real information frame are not public (bms-wire.md 1 and 7), so encoder, decoder, emulator and
simulator take them from a profile: replacing the file replaces the protocol and nothing else.

Source: bms-wire.md 8.1 (keys, provenance classes and what each may do).
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from vebus_protocol.errors import VEBusError
from vebus_protocol.schema import Link

__all__ = [
    "CaptureSpec",
    "FieldSpec",
    "FieldType",
    "FrameSpec",
    "GoldenVector",
    "LinkSpec",
    "Medium",
    "MessageSpec",
    "Permissions",
    "Profile",
    "ProfileError",
    "Provenance",
    "ProvenanceClass",
    "Rule",
    "Setting",
    "Sort",
    "StateSpan",
    "Towards",
    "Unknown",
]


class ProfileError(VEBusError):
    """A profile that is not valid; the text says where and why."""


class Medium(enum.Enum):
    """Where frames of a profile may go."""

    MEMORY = "memory"
    PTY = "pty"
    TCP_LOOPBACK = "tcp-loopback"
    HARDWARE = "hardware"


_SIMULATED = frozenset({Medium.MEMORY, Medium.PTY, Medium.TCP_LOOPBACK})


class ProvenanceClass(enum.Enum):
    """Where the knowledge in a profile comes from; every class may be decoded with."""

    SYNTHETIC = "synthetic"
    HYPOTHESIS = "hypothesis"
    PUBLIC_SOURCE = "public-source"
    CAPTURED = "captured"

    @property
    def media(self) -> frozenset[Medium]:
        """Media that this class may ever reach: hardware only behind every interlock, a hypothesis reaches none."""
        return {
            ProvenanceClass.SYNTHETIC: _SIMULATED,
            ProvenanceClass.HYPOTHESIS: frozenset[Medium](),
            ProvenanceClass.PUBLIC_SOURCE: _SIMULATED | {Medium.HARDWARE},
            ProvenanceClass.CAPTURED: _SIMULATED | {Medium.HARDWARE},
        }[self]


class Towards(enum.Enum):
    """Direction of a frame, seen from the BMS."""

    FROM_BMS = "from-bms"
    TO_BMS = "to-bms"


class FieldType(enum.Enum):
    """How the bytes of a field are read; `size` in bytes, 0 for const, whose bytes say it."""

    U8 = "u8"
    U16LE = "u16le"
    U24LE = "u24le"
    U32LE = "u32le"
    S16LE = "s16le"
    BITS = "bits"
    CONST = "const"
    COUNTER = "counter"

    @property
    def size(self) -> int:
        """Bytes that it takes."""
        sizes = {"u16le": 2, "u24le": 3, "u32le": 4, "s16le": 2, "const": 0}
        return sizes.get(self.value, 1)

    @property
    def signed(self) -> bool:
        """Whether the highest bit is a sign."""
        return self is FieldType.S16LE


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldSpec:
    """One field of a payload.  ``at`` counts bytes from the start of the payload, ``bit`` from the least significant.

    value = raw * scale + offset; an inverted bit is 1 where the wire has 0.  ``confidence`` is 0..1.
    """

    name: str
    label: str
    at: int
    type: FieldType
    confidence: float
    bit: int = 0
    width: int = 1
    invert: bool = False
    scale: float = 1
    offset: float = 0
    constant: bytes = b""
    names: Mapping[int, str] = field(default_factory=dict)
    meaning: str = ""
    symbol: str = ""
    unit: str = ""

    @property
    def size(self) -> int:
        """Bytes that it takes, or shares."""
        return len(self.constant) or self.type.size

    @property
    def bits(self) -> int:
        """Width of its raw number in bits."""
        return self.width if self.type is FieldType.BITS else 8 * self.size


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """Bytes that nobody can explain, and what a simulation writes there; real hardware never gets a made-up byte."""

    at: int
    fill: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageSpec:
    """Name, filter prefix and summary of the declared message that is made from a frame."""

    name: str
    abbrev: str
    summary: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameSpec:
    """One frame of a profile; ``length`` in bytes of payload, ``reply_to`` names the frame that it answers."""

    name: str
    title: str
    towards: Towards
    length: int
    fields: tuple[FieldSpec, ...]
    unknown: tuple[Unknown, ...] = ()
    periodic: bool = False
    reply_to: str = ""
    message: MessageSpec | None = None

    def recognises(self, payload: bytes) -> bool:
        """Whether the constant bytes are in their places; a longer reply is one too, its tail is not read."""
        fits = len(payload) >= self.length if self.reply_to else len(payload) == self.length
        return fits and all(payload[one.at :].startswith(one.constant) for one in self.fields if one.constant)


class Sort(enum.Enum):
    """What a rule compares a field with."""

    NONE_OF = "none-of"
    BIT_OF = "bit-of"
    VALUE = "value"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A field of a frame follows from others: it is 1 when none of them is, it is a bit of another, or it is fixed."""

    name: str
    frame: str
    field: str
    sort: Sort
    of: tuple[str, ...] = ()
    bit: int = 0
    value: int = 0

    def holds(self, values: Mapping[str, float]) -> bool:
        """Whether these values agree with the rule."""
        if self.sort is Sort.NONE_OF:
            return bool(values[self.field]) is not any(values[one] for one in self.of)
        if self.sort is Sort.BIT_OF:
            return values[self.field] == int(values[self.of[0]]) >> self.bit & 1
        return values[self.field] == self.value


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldenVector:
    """Values and the complete frame that they make; ``breaks`` names the rules that it breaks on purpose."""

    name: str
    frame: str
    link: Link
    values: Mapping[str, float]
    wire: bytes
    number: int = 0
    sender: int | None = None
    breaks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StateSpan:
    """A stretch of a capture in a known state: times in s since its start, and the values that frames have there."""

    from_s: float
    until_s: float
    values: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureSpec:
    """A capture behind a profile: ``sha256`` of the file in hex, and the states that were seen in it."""

    file: str
    sha256: str
    spans: tuple[StateSpan, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Where the knowledge comes from; versions and captures are those of class ``captured``."""

    sort: ProvenanceClass
    text: str
    sources: tuple[str, ...]
    bms_version: int | None = None
    multi_versions: tuple[int, ...] = ()
    date: str = ""
    captures: tuple[CaptureSpec, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkSpec:
    """How the frames stand on the bus; ``address`` is None where the sender id is not known."""

    address: int | None
    kind: int
    numbering: str
    slot: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A time in s and how well it is known: documented, measured or assumed."""

    seconds: float
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Permissions:
    """What an information frame allows.  The default allows nothing."""

    discharge: bool = False
    charge: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One profile file.  ``timing`` has the keys interval_normal, interval_low_power, jitter, loss_timeout, boot.

    ``digest`` is the SHA-256 of the file in hex.
    """

    id: str
    version: int
    title: str
    sender_name: str
    provenance: Provenance
    media: frozenset[Medium]
    reason: str
    link: LinkSpec
    timing: Mapping[str, Setting]
    frames: tuple[FrameSpec, ...]
    rules: tuple[Rule, ...]
    vectors: tuple[GoldenVector, ...]
    digest: str = ""

    def frame(self, name: str) -> FrameSpec:
        """A frame by its name.  Raises ProfileError."""
        for one in self.frames:
            if one.name == name:
                return one
        raise ProfileError(f"profile {self.id} has no frame {name!r}")

    def rules_of(self, name: str) -> tuple[Rule, ...]:
        """Rules of a frame."""
        return tuple(rule for rule in self.rules if rule.frame == name)

    def may_reach(self, medium: Medium) -> bool:
        """Whether file and class both allow a medium; hardware needs every interlock besides."""
        return medium in self.media & self.provenance.sort.media
