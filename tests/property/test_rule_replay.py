"""Sessions over instruments run again: nothing changes where no rule does, a twin that lives them agrees, bugs show."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.planting import catalogue, wrap
from tests.replay_samples import (
    BUSY,
    CHANGES,
    Move,
    case_of,
    changed,
    lived,
    lived_again,
    order_faults,
    replay_faults,
)
from tests.venue_samples import Desk, dated, rulebook

from naryq.exchange import rule_replay
from naryq.exchange.rule_replay import Case, replayed
from naryq.messages import CancelOrder, Refused
from naryq.rulebook import InForce, Rulebook

moves = st.lists(
    st.builds(
        Move,
        st.integers(0, 999),
        st.integers(0, 3),
        st.integers(0, 7),
        st.integers(0, 99),
        st.integers(1, 12),
        st.sampled_from((0, 5, 30, 90, 200, 400)),
    ),
    min_size=40,
    max_size=120,
).map(tuple)


def faults(desk: Desk, rules: dict[str, Any]) -> list[str]:
    """Replay a venue's days under its rules and under changed ones, and say where it differs from who lived so."""
    proposed = changed(**rules)
    found, twin = replayed(desk.rows, case_of(desk, changed(), proposed)), lived_again(desk, proposed)
    return [
        *desk.findings,
        *replay_faults(found, "today", desk),
        *replay_faults(found, "proposed", twin),
        *order_faults(found, desk, twin),
    ]


@given(moves)
@settings(max_examples=20)
def test_rules_that_do_not_change_change_nothing(drawn: tuple[Move, ...]) -> None:
    """Under one and the same rules both sides are alike, and are what the journal says, to the last trade and halt."""
    desk = lived(drawn)
    found = replayed(desk.rows, case_of(desk, changed(), changed()))
    assert [each.today for each in found.sessions] == [each.proposed for each in found.sessions]
    assert all(each.today == each.proposed for each in found.participants)
    assert found.orders == ()
    assert [*desk.findings, *replay_faults(found, "today", desk)] == []


@given(moves, st.sampled_from(CHANGES))
@settings(max_examples=40)
def test_a_venue_that_lived_under_the_rules_agrees(drawn: tuple[Move, ...], rules: dict[str, Any]) -> None:
    """Trades, payments, halts and refusals are those of a venue founded under the proposed rules whose clock ticks."""
    assert faults(lived(drawn), rules) == []


@given(st.data())
@settings(max_examples=100)
def test_rules_for_ever_answer_as_they_do_on_their_day(data: st.DataObject) -> None:
    """Whatever the days of its values, a rulebook for ever says on every day what the rules say on theirs."""
    days = [f"2022-01-{day:02d}" for day in range(1, 9)]
    pairs = data.draw(st.lists(st.tuples(*[st.sampled_from(days)] * 2), max_size=5, unique=True))
    values = tuple(dated(first, known, data.draw(st.none() | st.integers(1, 4))) for first, known in sorted(pairs))
    given_values: dict[str, Any] = {"collar_rise": values} if values else {}
    text = rulebook(**given_values)
    rules = Rulebook(text).in_force(data.draw(st.sampled_from(days)), data.draw(st.sampled_from(days)))
    answers = rules.for_ever().in_force(*[data.draw(st.sampled_from(days))] * 2)
    for rule in ("collar_rise", "collar_fall", "vat", "session_halt"):
        assert answers.integer(rule) == rules.integer(rule)
    assert answers.words("provinces") == rules.words("provinces")


# --- Planted bugs ---------------------------------------------------------------------------------------------------

BUGS, bug = catalogue()


def tour() -> list[str]:
    """Replay busy days under some changes, and say what is wrong with it."""
    desk = lived(BUSY)
    found = [fault for rules in ({}, CHANGES[0], CHANGES[1], CHANGES[6]) for fault in faults(desk, rules)]
    return [*found, *_of_a_later_day(desk)]


def _of_a_later_day(desk: Desk) -> list[str]:
    """Replay under a rule that begins long after the days: the twin had it from the first day on."""
    later = (dated("2021-01-01", "2020-12-01", 1_500), dated("2023-01-01", "2022-02-01", 200))
    case = case_of(desk, changed(), changed())
    rules = Rulebook(changed(collar_rise=later)).in_force("2023-01-01", "2022-02-01")
    found = replayed(desk.rows, Case(case.session_ids, case.today, rules))
    return list(replay_faults(found, "proposed", lived_again(desk, changed(collar_rise=200))))


@bug
def _never_reopened(patch: pytest.MonkeyPatch) -> None:
    """A halt that the journal does not have never ends."""
    patch.setattr(rule_replay._Run, "_goes_on", lambda *_: False)


@bug
def _needless_calls(patch: pytest.MonkeyPatch) -> None:
    """What ended a halt in the journal begins a call where nothing has halted."""
    patch.setattr(rule_replay._Run, "_is_left_out", lambda _, command, __: isinstance(command, rule_replay.OF_RULES))


@bug
def _not_sent_again(patch: pytest.MonkeyPatch) -> None:
    """What the journal's session refused is not sent again, though it might be taken."""
    wrap(
        patch,
        rule_replay._Run,
        "take",
        lambda original, run, entry, record: (
            entry.events[0].code if isinstance(entry.events[0], Refused) else original(run, entry, record)
        ),
    )


@bug
def _one_side_forgets(patch: pytest.MonkeyPatch) -> None:
    """Orders are taken back on one side only."""
    runs: list[Any] = []

    def around(original: Any, run: Any, entry: Any, record: Any) -> Any:
        if run not in runs:
            runs.append(run)
        if runs.index(run) % 2 and isinstance(entry.command, CancelOrder):
            return None
        return original(run, entry, record)

    wrap(patch, rule_replay._Run, "take", around)


@bug
def _unpaid(patch: pytest.MonkeyPatch) -> None:
    """What is sold counts for the buyer alone."""
    wrap(
        patch, rule_replay, "added", lambda original, sums, deal: sums if deal.side == "sell" else original(sums, deal)
    )


@bug
def _wrong_lot(patch: pytest.MonkeyPatch) -> None:
    """Gas is paid for by the kilogram as if it were a tonne."""
    patch.setattr(rule_replay, "amount_tiyn", lambda price, mass_kg: price * mass_kg * 100)


@bug
def _over_too_soon(patch: pytest.MonkeyPatch) -> None:
    """The reading ends with the first session that ends."""
    patch.setattr(rule_replay._Record, "is_over", property(lambda record: len(record._waits) < len(record.opened)))


@bug
def _rules_of_the_day(patch: pytest.MonkeyPatch) -> None:
    """Each session is judged by the rules of its own day, whatever day was asked for."""
    patch.setattr(InForce, "for_ever", lambda rules: rules.rulebook)


@bug
def _sides_mixed_up(patch: pytest.MonkeyPatch) -> None:
    """The codes of the two sides are told the wrong way round."""
    wrap(
        patch,
        rule_replay,
        "_differing",
        lambda original, command, case, today, proposed: original(command, case, proposed, today),
    )


def test_nobody_has_anything_to_say_of_the_tour() -> None:
    """The replay as it is passes the whole tour: what is said of a planted bug is said of the bug."""
    assert tour() == []


@pytest.mark.parametrize("plant", BUGS.values(), ids=list(BUGS))
def test_a_planted_bug_is_caught(plant: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each planted bug makes the journal or the twin disagree, or an assertion fail."""
    plant(monkeypatch)
    try:
        found = tour()
    except (AssertionError, KeyError):
        return
    assert found
