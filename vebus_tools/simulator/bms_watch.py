"""What a simulated Multi knows of the BMS: the information frames that it heard, read by a profile, and their age.

One frame is for all units (U-22).  A frame that breaks a rule of its profile allows nothing; remote off and the
pre-alarm come with the frame where the profile has such fields (U-21).
"""

from __future__ import annotations

from dataclasses import dataclass

from vebus_protocol.bms import NOTHING_ALLOWED, BmsFrame, Permissions, Profile, ProfileError, Towards, decode
from vebus_protocol.frame import Frame, ReceivedFrame

__all__ = ["BmsWatch", "Heard"]

_LOSS, _VERSION = "loss_timeout", "version"


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """The last information frame: when it ended in s, what it allows, and the rest that a Multi shows or obeys."""

    at_s: float
    permissions: Permissions = NOTHING_ALLOWED
    pre_alarm: bool = False
    remote_off: bool = False
    error: bool = False
    broken: tuple[str, ...] = ()

    @property
    def nothing(self) -> bool:
        """Whether it allows nothing because something is wrong with it, or with the BMS."""
        return self.error or bool(self.broken)


class BmsWatch:
    """Folds frames; ``expected`` is whether a BMS has to be there.

    Raises ProfileError for a profile with an information frame but without a loss time-out: old data would never end.
    """

    def __init__(self, profile: Profile, *, expected: bool, recovery_s: float = 0.0) -> None:
        """``recovery_s`` is how long frames have to be back after a loss before they count (U-5)."""
        timeout = profile.timing.get(_LOSS)
        if timeout is None and any(one.periodic and one.towards is Towards.FROM_BMS for one in profile.frames):
            raise ProfileError(f"{profile.id}: without a loss time-out nobody can say when its frames are missing")
        self.profile = profile
        self.expected = expected
        self.timeout_s = timeout.seconds if timeout else 0.0
        self.recovery_s = recovery_s
        self.last: Heard | None = None
        self.version: int | None = None
        self.frames = 0
        self._back_since = 0.0

    @property
    def seen(self) -> bool:
        """Whether a frame was ever heard."""
        return self.last is not None

    def age(self, now: float) -> float | None:
        """Age of the last frame in s; None without one."""
        return None if self.last is None else now - self.last.at_s

    def found(self, now: float) -> bool:
        """Whether frames arrive, the last one younger than the time-out, and have been back for the recovery time."""
        age = self.age(now)
        return age is not None and age < self.timeout_s and now - self._back_since >= self.recovery_s

    def hear(self, frame: ReceivedFrame, at: float) -> bool:
        """Take a good frame whose end was at ``at`` seconds; says whether it is one of the BMS."""
        address = self.profile.link.address
        if address is not None and frame.sender != address:
            return False
        own = Frame(sender=frame.sender, kind=frame.kind, number=frame.number, payload=frame.payload)
        found = decode(self.profile, own)
        if found is None or found.spec.towards is not Towards.FROM_BMS:
            return False
        permissions = found.permissions
        if permissions is not None:
            self._take(found, permissions, at)
        elif _VERSION in found.values:
            self.version = int(found.values[_VERSION])
        return True

    def _take(self, found: BmsFrame, permissions: Permissions, at: float) -> None:
        if self.last is None or at - self.last.at_s >= self.timeout_s:
            self._back_since = at if self.last is not None else at - self.recovery_s
        self.frames += 1
        values = found.values
        self.last = Heard(
            at_s=at,
            permissions=permissions,
            pre_alarm=bool(values.get("pre_alarm")),
            remote_off=bool(values.get("remote_off")) and not found.broken,
            error=bool(values.get("bms_error")),
            broken=found.broken,
        )
