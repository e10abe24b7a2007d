"""Bugs planted in what binds for long, and in what bounds trades: claims, the counter, the two keys, bands, halts."""

from typing import Any

import pytest
from tests.planting import catalogue, fold_with, judge_with, wrap
from tests.simulated_bugs import caught, changed, without

from naryq import limits
from naryq.exchange import bounding, machine, orders, parity, people, plans
from naryq.exchange import limits as limit_topic
from naryq.messages import (
    ApplicationCorrected,
    ClaimDecided,
    CompensationClaimed,
    DecideClaim,
    InstrumentDelisted,
    LimitLifted,
    LimitReached,
    ParticipantExcluded,
    ParticipantSuspended,
)
from naryq.units import NS_PER_DAY

SEEDS = (1, 2, 14, 21, 22, 29, 8, 38, 39, 13, 19, 11, 26, 0, 4, 16, 79, 50, 133, 195, 42, 54)
"""These say something of a bug of this catalogue; most of them are found by more than one."""

BUGS, bug = catalogue()


# --- Lasting exclusions -----------------------------------------------------------------------------------------


@bug
def _forgotten_exclusion(patch: pytest.MonkeyPatch) -> None:
    """An exclusion is forgotten when its day is over."""

    def fold(state: Any, event: Any) -> Any:
        midnight_ns = (state.at_ns // NS_PER_DAY + 1) * NS_PER_DAY
        fields = (event.participant_id, event.reason, event.until, midnight_ns, event.rulebook_version)
        return people._absent(state, ParticipantSuspended(*fields))

    fold_with(patch, ParticipantExcluded, fold)


@bug
def _exclusion_ends_by_itself(patch: pytest.MonkeyPatch) -> None:
    """An exclusion ends by itself, and nobody has to take the excluded back."""

    def standing(original: Any, state: Any, who: str, at_ns: int) -> Any:
        absence = state.people.absences.get(who)
        return "active" if absence is not None and people._is_over(absence, at_ns) else original(state, who, at_ns)

    wrap(patch, people, "standing", standing)


@bug
def _back_too_soon(patch: pytest.MonkeyPatch) -> None:
    """The excluded are taken back before their time."""
    patch.setattr(people, "_check_may_return", lambda *_: None)


# --- Reviews of applications ------------------------------------------------------------------------------------


@bug
def _review_in_vain(patch: pytest.MonkeyPatch) -> None:
    """A plan grants what was applied for, whatever the review has accepted."""
    wrap(patch, plans, "_needs", lambda original, *of: (n._replace(accepted_lots=None) for n in original(*of)))


@bug
def _no_time_to_correct(patch: pytest.MonkeyPatch) -> None:
    """A plan is approved while reviewed applications may still be corrected."""
    patch.setattr(plans, "_check_corrections_ended", lambda *_: None)


@bug
def _corrected_for_ever(patch: pytest.MonkeyPatch) -> None:
    """Applications may be corrected whenever somebody likes."""
    patch.setattr(plans, "_check_correction_in_time", lambda *_: None)


@bug
def _uncorrected(patch: pytest.MonkeyPatch) -> None:
    """A correction is told and changes nothing."""
    fold_with(patch, ApplicationCorrected, lambda state, _: state)


# --- Claims -----------------------------------------------------------------------------------------------------


@bug
def _paid_twice(patch: pytest.MonkeyPatch) -> None:
    """A claim that is decided still waits, and is paid again."""
    fold_with(patch, ClaimDecided, lambda state, _: state)


@bug
def _claimed_twice(patch: pytest.MonkeyPatch) -> None:
    """A seller may claim for a session again."""

    def fold(state: Any, event: Any) -> Any:
        return limit_topic._with(state, claims=state.limits.claims.insert(event.claim_id, event))

    fold_with(patch, CompensationClaimed, fold)


@bug
def _generous(patch: pytest.MonkeyPatch) -> None:
    """More is granted than was claimed."""

    def around(original: Any, state: Any, command: Any) -> Any:
        claim = state.limits.claims.get(command.claim_id)
        if claim is not None:
            rich = state.limits.claims.insert(command.claim_id, changed(claim, claimed_tiyn=10**15))
            state = limit_topic._with(state, claims=rich)
        return original(state, command)

    judge_with(patch, DecideClaim, around)


@bug
def _endless_claims(patch: pytest.MonkeyPatch) -> None:
    """The time for a claim does not end."""
    patch.setattr(limit_topic, "_check_in_time", lambda *_: None)


# --- The counter, the administered price and the two keys -------------------------------------------------------


@bug
def _never_forgets(patch: pytest.MonkeyPatch) -> None:
    """The counter is never reset: it sums up all prices that there were."""
    wrap(patch, limits, "counted", lambda original, prices, price, _, most: original(prices, price, 10**6, most))


@bug
def _administered_for_ever(patch: pytest.MonkeyPatch) -> None:
    """An administered price that is lifted still acts."""
    fold_with(patch, LimitLifted, lambda state, _: state)


@bug
def _one_key(patch: pytest.MonkeyPatch) -> None:
    """The limit of two keys reads only one of them."""
    wrap(patch, limits, "turned", lambda original, lock, average, _, keys: original(lock, average, 0, keys))


@bug
def _stale_parity(patch: pytest.MonkeyPatch) -> None:
    """A parity that is too old turns the second key."""

    def fresh(state: Any, *_: Any) -> int | None:
        return None if state.limits.parity is None else int(state.limits.parity.parity_tenge_per_tonne)

    patch.setattr(parity, "_fresh_parity", fresh)


BUGS["While the two keys act any price is taken"] = without("check_parity")


@bug
def _short_stay(patch: pytest.MonkeyPatch) -> None:
    """The limit of the two keys does not stay as long as it must."""
    wrap(patch, limits, "turned", lambda original, lock, a, p, keys: original(lock, a, p, keys._replace(stay=0)))


# --- What bounds the trades of a session ------------------------------------------------------------------------


@bug
def _kept_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    """What a bound kept from trading is not counted as a price."""
    original = machine._EVOLVERS[LimitReached]
    fold_with(patch, LimitReached, lambda state, event: original(state, changed(event, lots=0)))


@bug
def _nobody_met(patch: pytest.MonkeyPatch) -> None:
    """However many trade at the edge of a band, it is no wider."""
    patch.setattr(limits, "is_broad", lambda *_: False)


@bug
def _no_pause(patch: pytest.MonkeyPatch) -> None:
    """A session that a limit has halted reopens at once."""
    patch.setattr(bounding, "check_may_reopen", lambda *_: None)


# --- Instruments and sessions -----------------------------------------------------------------------------------


@bug
def _still_listed(patch: pytest.MonkeyPatch) -> None:
    """An instrument that is delisted is traded on."""
    fold_with(patch, InstrumentDelisted, lambda state, _: state)


@bug
def _blind_amendment(patch: pytest.MonkeyPatch) -> None:
    """An amendment that was meant for other open lots is made."""
    patch.setattr(orders, "_check_open_lots", lambda *_: None)


@pytest.mark.parametrize("name", BUGS)
def test_the_planted_bug_is_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With this bug planted, a few seeds end with a finding."""
    BUGS[name](monkeypatch)
    assert caught(SEEDS), f"nobody noticed: {name}"
