"""Whether the captures that a profile names are at hand and say what the profile says (X-2).

A file cannot promote itself: class ``captured`` counts only after hashes and fields were checked here.  The fields are
derived anew: in every labelled state each information frame has to have the labelled values, each field has to be seen
with more than one value, counters have to count, bytes that nobody can explain have to be the same in every frame, and
nothing else may come from the address of the BMS.  Pure: hashes and frames come in.  Source: bms-wire.md 8.1, 8.3.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from vebus_protocol.bms import BmsFrame, FieldType, FrameSpec, Profile, Sort, Towards, decode
from vebus_protocol.frame import Frame

__all__ = ["Evidence", "HeardCapture", "check_evidence"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeardCapture:
    """A capture as it is now: hash in hex, and its good frames with their times in s since its start."""

    sha256: str
    frames: tuple[tuple[float, Frame], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What the captures of a profile came to; ``problems`` is empty when every one agrees with it."""

    profile: str
    captures: int = 0
    frames: int = 0
    problems: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether the profile is what its captures say."""
        return self.captures > 0 and self.frames > 0 and not self.problems


def check_evidence(profile: Profile, found: Mapping[str, HeardCapture]) -> Evidence:
    """Compare a profile with its captures; ``found`` has those that are at hand, by the name in the profile."""
    spec = next((one for one in profile.frames if one.periodic and one.towards is Towards.FROM_BMS), None)
    if spec is None or not profile.provenance.captures:
        return Evidence(profile=profile.id, problems=("the profile names no captures of an information frame",))
    heard = {name: list(_of_bms(profile, capture.frames)) for name, capture in found.items()}
    problems = [*_files(profile, found), *_strange(heard), *_states(profile, spec, heard)]
    for frames in heard.values():
        problems += _counters(spec, [one for _, _, one in frames if one is not None and one.spec is spec])
    problems += _unknown_bytes(spec, heard)
    count = sum(one is not None and one.spec is spec for frames in heard.values() for _, _, one in frames)
    captures = len(profile.provenance.captures)
    return Evidence(profile=profile.id, captures=captures, frames=count, problems=tuple(dict.fromkeys(problems)))


_Heard = tuple[float, Frame, BmsFrame | None]


def _of_bms(profile: Profile, frames: Iterable[tuple[float, Frame]]) -> Iterator[_Heard]:
    for at, frame in frames:
        if frame.sender == profile.link.address:
            yield at, frame, decode(profile, frame)


def _files(profile: Profile, found: Mapping[str, HeardCapture]) -> Iterator[str]:
    for one in profile.provenance.captures:
        if one.file not in found:
            yield f"the capture {one.file} is not at hand"
        elif found[one.file].sha256 != one.sha256:
            yield f"{one.file} is not the file that the profile was made from: SHA-256 {found[one.file].sha256[:12]}..."


def _strange(heard: Mapping[str, list[_Heard]]) -> Iterator[str]:
    for name, frames in heard.items():
        for at, _, one in frames:
            if one is None:
                yield f"{name} at {at:.3f} s: the BMS sends a frame that the profile does not know"
            elif one.broken:
                yield f"{name} at {at:.3f} s: a frame of the BMS breaks the rule {one.broken[0]}"


def _states(profile: Profile, spec: FrameSpec, heard: Mapping[str, list[_Heard]]) -> Iterator[str]:
    seen: dict[str, set[float]] = {}
    for capture in profile.provenance.captures:
        for span in capture.spans:
            here = [
                one
                for at, _, one in heard.get(capture.file, ())
                if one is not None and one.spec is spec and span.from_s <= at < span.until_s
            ]
            if not here:
                yield f"{capture.file}: no information frame from {span.from_s:g} to {span.until_s:g} s"
            for name, value in span.values.items():
                seen.setdefault(name, set()).add(value)
                if any(one.values.get(name) != value for one in here):
                    yield f"{capture.file}: {name} is not always {value:g} from {span.from_s:g} to {span.until_s:g} s"
    fixed = {rule.field for rule in profile.rules_of(spec.name) if rule.sort is Sort.VALUE}
    for field in spec.fields:
        free = field.type not in (FieldType.CONST, FieldType.COUNTER) and field.name not in fixed
        if free and len(seen.get(field.name, ())) <= 1:
            yield f"no labelled state tells {field.name} from a constant"


def _counters(spec: FrameSpec, frames: list[BmsFrame]) -> Iterator[str]:
    for field in spec.fields:
        if field.type is FieldType.COUNTER:
            values = [int(one.values[field.name]) for one in frames]
            if any(later != (earlier + 1) & 0xFF for earlier, later in pairwise(values)):
                yield f"{field.name} does not count the frames"


def _unknown_bytes(spec: FrameSpec, heard: Mapping[str, list[_Heard]]) -> Iterator[str]:
    for gap in spec.unknown:
        place = slice(gap.at, gap.at + len(gap.fill))
        for name, frames in heard.items():
            if any(
                one.spec is spec and frame.payload[place] != gap.fill for _, frame, one in frames if one is not None
            ):
                yield f"{name}: the bytes from {gap.at} on, which nobody can explain, are not those of the profile"
