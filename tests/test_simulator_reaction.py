"""The reaction of the Multi to a BMS as a table: every row, priorities, invariants of the states, what they allow."""

from itertools import product

import pytest

from tests.traceability import covers
from vebus_tools.firmware import Verdict
from vebus_tools.simulator import leds
from vebus_tools.simulator.reaction import DOES, EFFECTS, FREE, TABLE, Charging, Moment, State, effect_of, step

RUN, BULK, CHARGER, LOW_OFF = State.RUN, State.BULK_REDUCED, State.CHARGER_ONLY, State.OFF_LOW
OFF, EMERGENCY, HELD, HELD_OFF = State.OFF, State.EMERGENCY, State.HELD_PASSTHRU, State.HELD_OFF
RUNNING = (RUN, BULK, CHARGER, LOW_OFF)
GOOD, SOME, BELOW, NO_ASSISTANT = (
    Verdict.ACCEPTED,
    Verdict.ACCEPTED_WITH_NOTE,
    Verdict.ERROR_15,
    Verdict.ASSISTANT_NEEDED,
)


def moment(words: str, verdict: Verdict = GOOD, **more: bool) -> Moment:
    """A situation in words: ac, low, high, remote-off, lost; without them all is allowed, and there is no AC."""
    said = set(words.split())
    assert said <= {"ac", "low", "high", "remote-off", "lost"}
    off = "remote-off" in said
    return Moment(
        verdict=verdict,
        seen=True,
        found="lost" not in said,
        discharge=not off and "low" not in said,
        charge=not off and "high" not in said,
        remote_off=off,
        ac="ac" in said,
        **more,
    )


# One line for each row of bms-v2.md 4.3, in its order; "any running state" and "or" are written out.
ROWS = [
    (OFF, moment("", BELOW), State.ERR15, "B-138"),
    (OFF, moment("ac", BELOW), State.ERR15, "B-138"),
    (OFF, moment("ac", NO_ASSISTANT), State.NEED_ASSISTANT, "B-137"),
    (OFF, moment(""), RUN, "B-136"),
    (OFF, moment("ac"), RUN, "B-136"),
    (OFF, moment("ac", SOME), RUN, "B-137"),
    (OFF, moment("low ac"), CHARGER, "B-115"),
    (OFF, moment("low"), LOW_OFF, "B-116"),
    (OFF, moment("high ac"), BULK, "B-117"),
    (OFF, moment("lost ac"), EMERGENCY, "B-119 B-120 B-121"),
    (OFF, moment("lost"), OFF, ""),
    (RUN, moment("low ac"), CHARGER, "B-115"),
    (RUN, moment("low"), LOW_OFF, "B-116"),
    (CHARGER, moment("low"), LOW_OFF, "B-116"),
    (CHARGER, moment("ac"), RUN, "B-57"),
    (LOW_OFF, moment("low ac"), CHARGER, "B-129"),
    (LOW_OFF, moment("low ac", wakes=False), LOW_OFF, ""),
    (LOW_OFF, moment(""), RUN, "B-57"),
    (RUN, moment("high ac"), BULK, "B-117"),
    (RUN, moment("high"), RUN, ""),
    (BULK, moment("ac"), RUN, "B-60"),
    (BULK, moment("high"), RUN, "B-60"),
    (BULK, moment("low ac"), CHARGER, "B-115"),
    (CHARGER, moment("low high ac"), CHARGER, ""),
    *((state, moment("remote-off ac"), HELD, "B-81 B-82") for state in RUNNING),
    *((state, moment("remote-off"), HELD_OFF, "B-81") for state in RUNNING),
    (HELD, moment("ac"), RUN, "B-76"),
    (HELD_OFF, moment(""), RUN, "B-76"),
    (HELD, moment("low ac"), CHARGER, "B-115"),
    (HELD_OFF, moment("low"), LOW_OFF, "B-116"),
    (HELD, moment("high ac"), BULK, "B-117"),
    *((state, moment("lost ac"), EMERGENCY, "B-119 B-120 B-121") for state in (*RUNNING, HELD, HELD_OFF)),
    *((state, moment("lost"), OFF, "B-122") for state in (*RUNNING, HELD, HELD_OFF)),
    (EMERGENCY, moment("lost"), OFF, "B-122"),
    (EMERGENCY, moment("lost ac"), EMERGENCY, ""),
    (EMERGENCY, moment("ac"), RUN, "B-119"),
    (EMERGENCY, moment("low ac"), CHARGER, "B-115"),
    (EMERGENCY, moment("remote-off ac"), HELD, "B-82"),
    (State.ERR15, moment("ac", GOOD, restarted=True), RUN, "B-136"),
    (State.ERR15, moment("ac", BELOW, restarted=True), State.ERR15, "B-138"),
    (State.ERR15, moment("ac", GOOD), State.ERR15, ""),
    (State.ERR15, moment("lost ac", BELOW), State.ERR15, ""),
    (State.ERR15, moment("ac", NO_ASSISTANT, restarted=True), State.NEED_ASSISTANT, "B-137"),
    (State.NEED_ASSISTANT, moment("ac", SOME, restarted=True), RUN, "B-137"),
    (State.NEED_ASSISTANT, moment("ac", NO_ASSISTANT), State.NEED_ASSISTANT, ""),
]


@covers("B-14", "B-15", "B-57", "B-60", "B-76", "B-81", "B-82", "B-115", "B-116", "B-117", "B-119", "B-122", "B-129")
@covers("B-136", "B-137", "B-138")
@pytest.mark.parametrize(("origin", "at", "target", "requirements"), ROWS)
def test_rows_of_the_specification(origin: State, at: Moment, target: State, requirements: str) -> None:
    state, rows = step(origin, at)
    assert state is target
    assert set(requirements.split()) <= set(" ".join(row.requirements for row in rows).replace(";", "").split())
    assert bool(rows) is (bool(requirements))


@pytest.mark.parametrize(
    ("words", "verdict", "target"),
    [
        ("lost remote-off low high ac", BELOW, State.ERR15),
        ("lost remote-off low high ac", GOOD, EMERGENCY),
        ("remote-off low high ac", GOOD, HELD),
        ("low high ac", GOOD, CHARGER),
        ("high ac", GOOD, BULK),
    ],
)
def test_priority_of_the_guards(words: str, verdict: Verdict, target: State) -> None:
    assert step(OFF, moment(words, verdict))[0] is target


def everything() -> list[Moment]:
    flags = ("expected", "seen", "found", "discharge", "charge", "balance", "remote_off", "ac", "wakes", "restarted")
    return [
        Moment(verdict=verdict, **dict(zip(flags, values, strict=True)))
        for verdict in Verdict
        for values in product((False, True), repeat=len(flags))
        if values[1] or not values[2]  # found without ever having been seen does not exist
    ]


EVERYTHING = everything()


@pytest.mark.parametrize("state", State)
def test_every_moment_leads_somewhere_and_then_nothing_moves(state: State) -> None:
    for at in EVERYTHING:
        found, rows = step(state, at)
        again = step(found, moment_of(at))
        assert again == (found, ()), f"{at} {rows}"
        assert len(rows) < 4


def moment_of(at: Moment) -> Moment:
    """The same moment a little later: not restarted any more."""
    return Moment(**{name: getattr(at, name) for name in Moment.__slots__ if name != "restarted"})


@covers("B-14", "B-81", "B-115", "B-116", "B-119", "B-122")
@pytest.mark.parametrize("state", State)
def test_never_inverting_without_a_permission_that_is_fresh(state: State) -> None:
    for at in EVERYTHING:
        if not (at.seen or at.expected) and state is State.WITHOUT_BMS:
            continue
        effect = effect_of(step(state, at)[0], at)
        permitted = at.found and at.discharge and not at.remote_off and at.verdict.accepted
        assert permitted or not effect.invert
        assert at.ac or effect.charging in (Charging.NONE, Charging.NORMAL)  # nothing to charge from, whatever it says


@covers("B-15", "B-81", "B-117", "B-120")
@pytest.mark.parametrize("state", State)
def test_full_charging_only_with_a_permission_that_is_fresh(state: State) -> None:
    for at in EVERYTHING:
        if not (at.seen or at.expected) and state is State.WITHOUT_BMS:
            continue
        after = step(state, at)[0]
        effect = effect_of(after, at)
        permitted = at.found and at.charge and not at.remote_off and at.verdict.accepted
        if effect.charging is Charging.NORMAL and at.ac:
            assert permitted, f"{state} {at}"
        if effect.charging is Charging.EMERGENCY:
            assert after is State.EMERGENCY
            assert not at.found


@covers("B-119", "B-122")
@pytest.mark.parametrize("state", [one for one in State if one not in (State.WITHOUT_BMS, State.ERR15)])
def test_a_bms_that_is_not_found_leaves_emergency_mode_or_off(state: State) -> None:
    for at in EVERYTHING:
        if at.seen and not at.found and at.verdict.accepted and state is not State.NEED_ASSISTANT:
            assert step(state, at)[0] is (EMERGENCY if at.ac else OFF)


@covers("B-120", "B-121", "B-82")
def test_what_the_states_allow_and_show() -> None:
    assert EFFECTS[RUN] is EFFECTS[State.WITHOUT_BMS] is FREE
    assert EFFECTS[EMERGENCY].leds == (leds.MAINS, 0)
    assert EFFECTS[EMERGENCY].charging is Charging.EMERGENCY
    assert (EFFECTS[HELD].relay, EFFECTS[HELD].charging, EFFECTS[HELD].invert) == (True, Charging.NONE, False)
    assert EFFECTS[HELD].low_battery
    assert EFFECTS[State.ERR15].error == 15
    assert EFFECTS[State.NEED_ASSISTANT].error == 7
    for state in (OFF, HELD_OFF, LOW_OFF, State.ERR15, State.NEED_ASSISTANT):
        effect = EFFECTS[state]
        assert (effect.invert, effect.relay, effect.charging) == (False, False, Charging.NONE)


def test_charger_only_follows_the_permission_to_charge() -> None:
    assert effect_of(CHARGER, moment("low ac")).charging is Charging.NORMAL
    assert effect_of(CHARGER, moment("low high ac")).charging is Charging.REDUCED  # U-11
    assert effect_of(CHARGER, moment("low high ac", balance=False)).charging is Charging.NONE


def test_what_the_manual_does_not_say_is_marked() -> None:
    for row in TABLE:
        assert row.requirements.startswith("B-")
        assert ("inferred" in row.requirements) is ("U-" in row.requirements)
    assert set(DOES) == set(EFFECTS) == set(State)


def test_a_processor_that_the_gate_refuses_is_not_modelled() -> None:
    for words in ("", "ac", "low ac", "lost ac", "remote-off ac"):
        assert step(State.WITHOUT_BMS, moment(words, Verdict.WRONG_PROCESSOR))[0] is OFF  # U-13: it does nothing
