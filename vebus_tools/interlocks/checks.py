"""One function an interlock: how it stands, and why.  Each is a sentence about facts and folds; none changes anything.

LASTING ones depend on facts, and on what frames other than the sync frames of a known sender tell; their answers are
kept until one of these comes.  PER_FRAME ones look at each frame by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from vebus_protocol.bms import Medium, ProvenanceClass
from vebus_tools.battery import HIGHEST_PRE_ALARM_V, LOWEST_PRE_ALARM_V
from vebus_tools.firmware import judge_system
from vebus_tools.interlocks.facts import LONGEST_DATA_AGE_S, LONGEST_SESSION_S
from vebus_tools.interlocks.stops import Reaction
from vebus_tools.interlocks.table import Condition, Mode

if TYPE_CHECKING:
    from vebus_tools.interlocks.guard import Interlocks

__all__ = ["CHECKS", "LASTING", "LISTEN_S", "MOST_LOAD", "PER_FRAME", "needed_listening_s"]

Answer = tuple[Condition, str]
Check = Callable[["Interlocks", float], Answer]

LISTEN_S = 10.0
"""Shortest time in s to listen before the first byte (X-5)."""
MOST_LOAD = 0.5
"""Largest share of the time in which the line may be busy; ordinary traffic takes 7 % (perf.md 10)."""
_MOST_DAMAGE = 5  # damaged frames in 10 s that a running session bears
_INTERVALS_TO_HEAR = 3

OK, WAITING, TRIPPED, LATCHED = Condition.OK, Condition.WAITING, Condition.TRIPPED, Condition.LATCHED


def needed_listening_s(session: Interlocks) -> float:
    """Time in s to listen: 10 s, and three times the longest interval of any BMS that is known."""
    return max(LISTEN_S, _INTERVALS_TO_HEAR * session.longest_interval_s)


def _opt_ins(session: Interlocks, _now: float) -> Answer:
    facts = session.facts
    if not facts.terminal:
        return TRIPPED, "standard input is no terminal, so nobody can type the name of the port"
    if not facts.typed:
        return WAITING, "the name of the port was not typed yet"
    if facts.typed != facts.port or not facts.port:
        return TRIPPED, f"{facts.typed!r} was typed, and the port is {facts.port!r}"
    return OK, f"--transmit, and {facts.port} typed"


def _profile(session: Interlocks, _now: float) -> Answer:
    profile, transport = session.profile, session.facts.transport
    sort = profile.provenance.sort
    if not session.mode.transmits:
        if profile.may_reach(Medium.MEMORY):
            return OK, f"{profile.id} ({sort.value}) may be simulated"
        return TRIPPED, f"{profile.id}: class {sort.value} is for decoding only"
    if session.mode is Mode.BENCH:
        return _bench_profile(session)
    if transport is not None and transport.simulated:
        return (OK if profile.may_reach(Medium.PTY) else TRIPPED), f"class {sort.value} on a simulated line"
    return _hardware_profile(session)


def _hardware_profile(session: Interlocks) -> Answer:
    profile = session.profile
    sort = profile.provenance.sort
    if sort not in _FOR_HARDWARE:
        hint = "; two adapters on a desk: --bench" if sort is ProvenanceClass.SYNTHETIC else ""
        return TRIPPED, f"{profile.id}: a profile of class {sort.value} is never sent to hardware{hint}"
    if not profile.may_reach(Medium.HARDWARE):
        return TRIPPED, f"{profile.id} itself does not name hardware as a medium: {profile.reason}"
    return _FOR_HARDWARE[sort](session)


def _bench_profile(session: Interlocks) -> Answer:
    sort = session.profile.provenance.sort
    if sort is not ProvenanceClass.SYNTHETIC:
        return TRIPPED, f"--bench is for synthetic profiles, {session.profile.id} is of class {sort.value}"
    if session.line.syncs:
        return LATCHED, "a sync frame was heard: this is no bench, a Multi is on the line"
    return OK, "synthetic profile on a line without sync frames"


def _public(session: Interlocks) -> Answer:
    if any(one.periodic for one in session.profile.frames):
        return TRIPPED, "a public-source profile is for the version reply only, and this one has a periodic frame"
    return OK, "public layout of the version reply"


def _captured(session: Interlocks) -> Answer:
    profile, evidence, provenance = session.profile, session.facts.evidence, session.profile.provenance
    if evidence is None or evidence.profile != profile.id:
        return TRIPPED, "the captures behind the profile are not at hand, so nothing can be checked"
    if not evidence.holds:
        return TRIPPED, evidence.problems[0] if evidence.problems else "its captures hold no information frame"
    if session.facts.bms_version != provenance.bms_version or provenance.bms_version is None:
        return TRIPPED, f"recorded of BMS {provenance.bms_version}, to be emulated is {session.facts.bms_version}"
    heard = sorted(set(session.line.heard.versions))
    if strange := sorted(set(heard) - set(provenance.multi_versions)):
        return TRIPPED, f"recorded with Multi {_list(provenance.multi_versions)}, on the bus is {_list(strange)}"
    if not heard:
        return WAITING, "no version of a Multi was read from the bus yet"
    return OK, f"{evidence.frames} frames of {evidence.captures} captures agree, Multi {_list(heard)}"


_FOR_HARDWARE = {ProvenanceClass.PUBLIC_SOURCE: _public, ProvenanceClass.CAPTURED: _captured}


def _list(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, numbers)) or "no version"


def _firmware(session: Interlocks, _now: float) -> Answer:
    facts = session.facts
    units = (*facts.units, *session.line.heard.units(facts.assistant, facts.label))
    if not units:
        return WAITING, "no unit was read yet (B-142)"
    judged = judge_system(units)
    if judged.verdict.accepted:
        return OK, f"{len(units)} units: {judged.verdict.text}"
    worst = max(judged.units, key=lambda one: one.verdict.rank)
    unread = any(one.unit.firmware is None for one in judged.units)
    text = f"{worst.unit.name}: {judged.verdict.text}: {worst.reason} ({', '.join(worst.requirements)})"
    return (WAITING if unread and not session.frames else TRIPPED), text


def _protection(session: Interlocks, _now: float) -> Answer:
    if session.facts.protected:
        return OK, "the user says that an independent battery protection is there"
    return WAITING, "nobody confirmed an independent battery protection; this emulator is no protective device"


def _listening(session: Interlocks, now: float) -> Answer:
    line, need = session.line, needed_listening_s(session)
    if session.mode is Mode.BENCH:
        heard = 0.0 if line.began_s is None else now - line.began_s
        so_far = f"listened for {heard:.1f} of {need:g} s; no sync frame so far"
        return (WAITING, so_far) if heard < need else (OK, f"no sync frame in {heard:.0f} s")
    if session.facts.vebus_error:
        return TRIPPED, f"VE.Bus error {session.facts.vebus_error} is present"
    if line.leds is not None and line.leds.alarms:
        return TRIPPED, f"alarm LED: {line.leds.alarms}"
    return _running(session, now) if session.frames else _quiet(session, now, need)


def _running(session: Interlocks, now: float) -> Answer:
    damage, load = session.line.damage(now), session.line.load(now)
    bad = damage > _MOST_DAMAGE or load > MOST_LOAD
    return (TRIPPED if bad else OK), f"{damage} damaged frames in 10 s, line busy for {100 * load:.0f} % of the time"


def _quiet(session: Interlocks, now: float, need: float) -> Answer:
    line = session.line
    if line.load(now) > MOST_LOAD:
        return WAITING, f"the line is busy for {100 * line.load(now):.0f} % of the time"
    good = min(line.synced_s(now), line.clean_s(now))
    if good < need:
        return WAITING, f"sync frames without damage for {good:.1f} of {need:g} s"
    if line.leds is None and session.facts.vebus_error is None:
        return WAITING, "neither an error number nor the LEDs of the Multi were read yet"
    return OK, f"sync frames without damage for {good:.0f} s"


def _other_bms(session: Interlocks, _now: float) -> Answer:
    if session.line.other_bms:
        latched = session.frames > 0 or session.mode is Mode.SIMULATE
        return (LATCHED if latched else TRIPPED), f"another BMS is there: {session.line.other_bms}"
    if session.facts.gx_bms is not None:
        return TRIPPED, f"a GX device reports BMS V2 {session.facts.gx_bms}"
    return OK, "no other BMS was heard"


def _single(session: Interlocks, _now: float) -> Answer:
    facts = session.facts
    if not facts.port_locked:
        return WAITING, "the port is not locked yet"
    if not facts.bus_locked:
        return WAITING, "the bus is not locked yet"
    return OK, "port and bus are locked"


def _slots(session: Interlocks, now: float) -> Answer:
    line, transport = session.line, session.facts.transport
    if session.mode is Mode.SIMULATE:
        return OK, "slots of the simulated bus" if line.syncs_now(now) else "no sync frames, so no slots (U-30)"
    if transport is None:
        return WAITING, "the port was not looked at yet"
    if transport.simulated:
        return OK, "simulated line"
    if transport.sync_aligned:
        return OK, transport.text
    return TRIPPED, f"{transport.name} cannot start behind a sync frame by hardware: {transport.text}"


def _collisions(session: Interlocks, _now: float) -> Answer:
    back = session.read_back
    if back.latched:
        return LATCHED, f"three collisions in 60 s; the last: {back.difference or 'see the log'}"
    if back.difference:
        return TRIPPED, f"collision, silent for a moment: {back.difference}"
    return OK, f"{back.collisions} collisions"


def _rate(_session: Interlocks, _now: float) -> Answer:
    return OK, "looked at for each frame"


def _driver(session: Interlocks, _now: float) -> Answer:
    transport = session.facts.transport
    if transport is None:
        return WAITING, "the port was not looked at yet"
    if transport.simulated:
        return OK, "simulated line"
    if transport.driver_timed:
        return OK, transport.text
    if session.mode is Mode.BENCH:
        return OK, "RTS stays low: a driver that RTS switches stays off, an automatic one follows each byte"
    return TRIPPED, f"nothing but a program would switch the driver of {transport.name} off: {transport.text}"


def _dead_man(session: Interlocks, now: float) -> Answer:
    man, facts = session.dead_man, session.facts
    if not 0 < facts.data_age_s <= LONGEST_DATA_AGE_S:
        return TRIPPED, f"data may be at most {LONGEST_DATA_AGE_S:g} s old, not {facts.data_age_s:g} s"
    if man.suspended_s and session.mode.transmits:
        return TRIPPED, f"the program did not run for {man.suspended_s:.1f} s: suspended?"
    why = man.data_why(now) or man.heartbeat_why(now)
    if not why:
        return OK, "fresh data and a sign of life"
    return (TRIPPED if man.began else WAITING), why


def _one_sided(session: Interlocks, _now: float) -> Answer:
    said = session.transitions.said
    allowed = [name for name, on in (("discharge", said.discharge), ("charge", said.charge)) if on]
    return OK, f"last said: {' and '.join(allowed) or 'nothing'} allowed"


def _thresholds(session: Interlocks, _now: float) -> Answer:
    facts = session.facts
    if not LOWEST_PRE_ALARM_V <= facts.limits.pre_alarm.limit <= HIGHEST_PRE_ALARM_V:
        return TRIPPED, f"a pre-alarm at {facts.limits.pre_alarm.limit} V is outside 2.85 to 3.15 V (B-20)"
    if not session.mode.transmits:
        return OK, "30 s from pre-alarm to low cell" if facts.timing.shaped else "restrictions take effect at once"
    if facts.timing.shaped:
        return TRIPPED, "the 30 s of B-22 would delay a restriction on hardware"
    return OK, "restrictions take effect at once"


def _topology(session: Interlocks, _now: float) -> Answer:
    against = session.line.topology()
    if against:
        return TRIPPED, f"not one single Multi: {against}"
    if not session.line.single:
        return WAITING, "nothing heard yet says that there is one single Multi"
    return OK, "one Multi"


def _session(session: Interlocks, now: float) -> Answer:
    limit = session.facts.session_s
    if not 0 < limit <= LONGEST_SESSION_S:
        return TRIPPED, f"a session lasts at most {LONGEST_SESSION_S:g} s, not {limit:g} s"
    left = limit if session.opted_at is None else limit - (now - session.opted_at)
    return (OK, f"{left:.0f} s left") if left > 0 else (TRIPPED, f"the {limit:g} s of this opt-in are over")


def _log(session: Interlocks, _now: float) -> Answer:
    return (OK, "written before each frame") if session.facts.log_open else (WAITING, "no log is open yet")


def _after(session: Interlocks, _now: float) -> Answer:
    watch = session.watch
    if watch is None:
        return OK, "listens after the stop"
    after = f" after {watch.after_s:.1f} s" if watch.after_s is not None else ""
    return (TRIPPED if watch.found is Reaction.NONE else OK), f"{watch.found.value}{after}"


def _nothing_else(session: Interlocks, _now: float) -> Answer:
    dmc = f"; {session.line.dmc}" if session.line.dmc else ""
    held = f"held back: {session.forbidden}" if session.forbidden else "information frames and version replies only"
    return OK, held + dmc


CHECKS: dict[str, Check] = {
    "X-1": _opt_ins,
    "X-2": _profile,
    "X-3": _firmware,
    "X-4": _protection,
    "X-5": _listening,
    "X-6": _other_bms,
    "X-7": _single,
    "X-8": _slots,
    "X-9": _collisions,
    "X-10": _rate,
    "X-11": _driver,
    "X-12": _dead_man,
    "X-13": _one_sided,
    "X-14": _thresholds,
    "X-15": _topology,
    "X-16": _session,
    "X-17": _log,
    "X-18": _after,
    "X-19": _nothing_else,
}
LASTING = frozenset({"X-1", "X-2", "X-3", "X-4", "X-6", "X-7", "X-11", "X-14", "X-15", "X-17"})
PER_FRAME = frozenset({"X-10", "X-13", "X-18", "X-19"})
