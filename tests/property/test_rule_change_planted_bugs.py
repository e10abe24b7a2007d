"""Bugs planted in how rules change, one at a time: the auditor, the twin venue or the replay must catch each."""

from collections.abc import Callable
from itertools import chain
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.audit_of_rules import _changed, _in_emergency, after
from tests.planting import catalogue, judge_with, wrap
from tests.rule_change_samples import (
    LATER,
    RULES,
    approve,
    assess,
    change,
    declare,
    effect_faults,
    propose,
    ruled,
    two_months,
)
from tests.venue_samples import DAY, SOURCE, Desk, dated, instant, rulebook

from naryq import exchange
from naryq.exchange import rule_effect, rulebooks
from naryq.exchange.topic import rules_in_force
from naryq.messages import (
    AdoptRulebook,
    ConfirmEmergency,
    DatedValue,
    DeclareEmergency,
    EmergencyValue,
    RejectProposal,
    WholeRulebook,
    WithdrawProposal,
)
from naryq.rulebook import Rulebook, amend, digest_of, emergency, proposed_text

CHANGES: tuple[dict[str, Any], ...] = ({"collar_rise": 100}, {"price_rule": "highest", "pump_step_rise": 200})


def tour() -> list[str]:
    """Take two venues through changes of rules, right and wrong, and return what their watchers say."""
    return [*chain(*map(_effects, CHANGES)), *_decisions(), *_emergencies()]


def _effects(changed: dict[str, Any]) -> list[str]:
    desk, twin = two_months(rulebook(**RULES)), two_months(rulebook(**{**RULES, **changed}))
    propose(desk, *(change(rule, worth) for rule, worth in changed.items()))
    found = assess(desk)
    return [*desk.findings, *effect_faults(found, "today", desk), *effect_faults(found, "proposed", twin)]


def _decisions() -> list[str]:
    desk = ruled()
    for name, effective in (("p", LATER), ("q", DAY), ("old", "2021-06-01"), ("r", after(DAY, 10))):
        propose(desk, change("collar_rise", 500, effective), change("vat", 1_600), proposal_id=name)
    approve(desk)
    assess(desk)
    for actor in ("operator", "desk-2", "regulator", "regulator"):
        approve(desk, actor)
    desk.give(WithdrawProposal, "regulator", proposal_id="r")
    desk.give(RejectProposal, "operator", proposal_id="r", reason="No.")
    desk.give(AdoptRulebook, "regulator", rulebook=rulebook("back"))
    return [*desk.findings, *_replayed(desk)]


def _emergencies() -> list[str]:
    desk = ruled(collar_rise=(dated("2021-01-01", "2020-12-01", 1_000), dated("2022-01-05", "2021-12-01", 2_000)))
    declare(desk, 31)
    declare(desk, 9, EmergencyValue("utc_offset", 0))
    declare(desk, 9)
    desk.give(ConfirmEmergency, "ministry", emergency_id="e")
    desk.at_ns = instant("09:00", "2022-01-12")
    declare(desk, 9, emergency_id="again")
    desk.give(ConfirmEmergency, "operator", emergency_id="e")
    return [*desk.findings, *_replayed(desk)]


def _replayed(desk: Desk) -> list[str]:
    """Decide every row again, as a court would years later."""
    state, found = exchange.initial_state(), []
    for row in desk.rows:
        if exchange.decide(state, row.command) != row.events:
            found.append(f"row {row.sequence} is decided otherwise again")
        state = exchange.apply(state, row)
    if exchange.state_hash(state) != exchange.state_hash(desk.read_back()):
        found.append("replay ends in another state")
    return found


BUGS, bug = catalogue()


@bug
def _one_pair_of_eyes(patch: pytest.MonkeyPatch) -> None:
    """The proposer approves."""
    patch.setattr(rulebooks, "_check_second_person", lambda *_: None)


@bug
def _a_colleague_approves(patch: pytest.MonkeyPatch) -> None:
    """Another person of the same role approves."""

    def around(original: Any, state: Any, actor: str, first: str, role: Any) -> None:
        if actor == first:
            original(state, actor, first, role)

    wrap(patch, rulebooks, "_check_second_person", around)


@bug
def _unseen(patch: pytest.MonkeyPatch) -> None:
    """A proposal is approved without its effect."""
    patch.setattr(rulebooks, "_check_assessed", lambda *_: None)


@bug
def _new_rules_on_both_sides(patch: pytest.MonkeyPatch) -> None:
    """The effect is computed with the new rules on both sides."""

    def around(original: Any, state: Any, proposed: Any, **fields: Any) -> Any:
        there = original(msgspec.structs.replace(state, rulebook=proposed), proposed, **fields)
        return msgspec.structs.replace(there, rulebook_version=state.rulebook.version)

    wrap(patch, rulebooks, "effect", around)


@bug
def _old_rules_on_both_sides(patch: pytest.MonkeyPatch) -> None:
    """The effect is computed with the old rules on both sides."""

    def around(original: Any, state: Any, proposed: Any, **fields: Any) -> Any:
        here = original(state, state.rulebook, **fields)
        return msgspec.structs.replace(here, proposed_version=proposed.version)

    wrap(patch, rulebooks, "effect", around)


@bug
def _limits_not_asked(patch: pytest.MonkeyPatch) -> None:
    """The effect takes orders that the proposed limits refuse."""
    patch.setattr(rule_effect, "JUDGED_BY_RULES", ())


@bug
def _each_pump_alone(patch: pytest.MonkeyPatch) -> None:
    """Each pump price of the effect starts from the recorded one, as if the step had not been taken before."""
    wrap(patch, rule_effect, "_pump", lambda original, again, province, _: original(again, province, {}))


@bug
def _wrong_sessions(patch: pytest.MonkeyPatch) -> None:
    """The effect looks at the first sessions instead of the last."""
    wrap(
        patch,
        rule_effect,
        "last_sessions",
        lambda original, state, _: (original(state, 100)[0][:1], ()),
    )


@bug
def _retroactive(patch: pytest.MonkeyPatch) -> None:
    """A value may begin in the past."""
    patch.setattr(rulebooks, "first_day", lambda _: "9999-01-01")


@bug
def _notice_forgotten(patch: pytest.MonkeyPatch) -> None:
    """A value may begin on the day of its approval."""
    wrap(patch, rulebooks, "day_after", lambda original, day, days: original(day, min(0, days)))


@bug
def _known_before(patch: pytest.MonkeyPatch) -> None:
    """An approved value is known since the day before."""
    wrap(
        patch,
        rulebooks,
        "proposed_text",
        lambda original, text, proposed, known: original(text, proposed, after(known, -1)),
    )


@bug
def _half_of_it(patch: pytest.MonkeyPatch) -> None:
    """Only the first value of a proposal enters the rulebook."""
    wrap(
        patch,
        rulebooks,
        "proposed_text",
        lambda original, text, proposed, known: original(text, proposed[:1], known),
    )


@bug
def _door_left_open(patch: pytest.MonkeyPatch) -> None:
    """A rulebook is replaced in one command."""
    patch.setattr(rulebooks, "_changes_by_proposal", lambda *_: False)


@bug
def _decided_twice(patch: pytest.MonkeyPatch) -> None:
    """A proposal that is decided can be approved once more."""
    patch.setattr(rulebooks, "_open_proposal", lambda state, name: state.rule_changes.proposals[name])


@bug
def _for_ever(patch: pytest.MonkeyPatch) -> None:
    """An emergency never ends."""
    wrap(
        patch,
        rulebooks,
        "emergency",
        lambda original, text, values, today, _, source: original(text, values, today, "9000-12-31", source),
    )


@bug
def _interrupted(patch: pytest.MonkeyPatch) -> None:
    """An emergency ends where an older announcement takes effect."""
    patch.setattr(amend, "begins_and_ends", lambda _: ())


@bug
def _too_long(patch: pytest.MonkeyPatch) -> None:
    """An emergency may be as long as one likes."""

    def around(original: Any, state: Any, command: DeclareEmergency) -> Any:
        rules = rules_in_force(state, command.at_ns)
        kept = min(command.days, rules.integer("emergency_days_max") or command.days)
        events = original(state, msgspec.structs.replace(command, days=kept))
        return (msgspec.structs.replace(events[0], until=after(events[0].effective, command.days - 1)), events[1])

    judge_with(patch, DeclareEmergency, around)


@bug
def _one_after_the_other(patch: pytest.MonkeyPatch) -> None:
    """One person follows an emergency with the next."""
    patch.setattr(rulebooks, "_check_rested", lambda *_: None)


@bug
def _clock_in_an_emergency(patch: pytest.MonkeyPatch) -> None:
    """An emergency moves the clock that says when it ends."""
    patch.setattr(amend, "BEYOND_EMERGENCY", ())


def test_nobody_has_anything_to_say_of_the_tour() -> None:
    """The venue as it is passes the whole tour: what is said of a planted bug is said of the bug."""
    assert tour() == []


@pytest.mark.parametrize("plant", BUGS.values(), ids=list(BUGS))
def test_a_planted_bug_is_caught(plant: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each planted bug makes the auditor speak, an assertion fail, or the twin or the replay differ."""
    plant(monkeypatch)
    try:
        found = tour()
    except (AssertionError, KeyError):
        return
    assert found


# --- Rulebooks of random values ---------------------------------------------------------------------------------

DAYS = tuple(after("2022-01-01", number) for number in range(8))
TODAY = DAYS[3]


@st.composite
def values(draw: st.DrawFn) -> tuple[DatedValue, ...]:
    """Draw up to six dated values of a rule, no two of the same two days."""
    pairs = draw(st.lists(st.tuples(st.sampled_from(DAYS), st.sampled_from(DAYS)), min_size=1, max_size=6, unique=True))
    drawn = [
        dated(
            effective,
            known,
            draw(st.none() | st.integers(1, 4)),
            draw(st.none() | st.sampled_from([day for day in DAYS if day >= effective])),
        )
        for effective, known in pairs
    ]
    return tuple(sorted(drawn, key=lambda value: (value.effective, value.known)))


@given(values(), values(), st.sampled_from(DAYS[4:]))
@settings(max_examples=300)
def test_a_replaced_rulebook_answers_as_the_new_one_from_its_day(
    old: tuple[DatedValue, ...], new: tuple[DatedValue, ...], effective: str
) -> None:
    """Whatever both hold: before its day, and for who did not know of it, the old one answers; else the new one."""
    before, whole = rulebook(collar_rise=old), WholeRulebook(effective, rulebook("new", collar_rise=new), SOURCE)
    text = proposed_text(before, whole, TODAY)
    assert text.digest == digest_of(text.rules)
    assert Rulebook(text).name == "new"
    assert list(_changed(before, text, whole, TODAY)) == []


@given(values(), st.integers(1, 6))
@settings(max_examples=300)
def test_an_emergency_leaves_every_other_answer_alone(old: tuple[DatedValue, ...], days: int) -> None:
    """During the emergency and for who knows of it its value holds; every other answer is that of before."""
    known = tuple(msgspec.structs.replace(value, known="2021-12-01") for value in old)
    unique = {value.effective: value for value in known}
    before = rulebook(collar_rise=tuple(unique.values()))
    wanted = (EmergencyValue("collar_rise", 9),)
    text = emergency(before, wanted, TODAY, after(TODAY, days - 1), SOURCE)
    command = DeclareEmergency("c", "regulator", 0, "e", wanted, days, "A run.", SOURCE)
    assert list(_in_emergency(before, text, command, TODAY)) == []
