"""The measures of the watch against plain twins, on honest and dishonest markets, and bugs planted in them."""

from collections.abc import Callable
from functools import cache
from math import isqrt
from typing import Any

import pytest
from tests.surveillance_twin import TWINS

from naryq.lab.honest import market, sessions
from naryq.lab.misconduct import PLANTED
from naryq.lab.watching import KINDS
from naryq.surveillance import SCREENS, Sheet, bids, chains, conduct, sheet, structure
from naryq.units import BASIS_POINTS


@cache
def sheets() -> tuple[Sheet, ...]:
    """Return sessions of both kinds, honest ones and of every planted misconduct."""
    honest = [each for kind in KINDS for each in sessions(market(11), kind, 5)]
    planted = [
        each
        for number, one in enumerate(PLANTED)
        for kind in one.kinds
        for each in list(sessions(market(number), kind, 6, one.act))[3:]
    ]
    return (*honest, *planted)


def differences() -> list[str]:
    """Say where a measure and its twin differ."""
    measures = {screen.screen: screen.measure for screen in SCREENS}
    found = []
    for twin in TWINS:
        for each in sheets():
            told = {(finding.subjects, finding.value) for finding in measures[twin.__name__](each)}  # type: ignore[index]  # a twin has its screen's name
            if told != twin(each):
                found.append(f"{twin.__name__} of {each.session_id}: {sorted(told ^ twin(each))[:2]}")
                break
    return found


def test_every_measure_agrees_with_its_twin() -> None:
    """Whom each measure names and which number it gives are those of the formula, in fractions, on every session."""
    assert differences() == []
    assert {twin.__name__ for twin in TWINS} == {each.screen for each in SCREENS} - {"resale_markup", "resale_chain"}


def test_each_twin_has_something_to_say() -> None:
    """No measure agrees with its twin only because both are silent."""
    for twin in TWINS:
        assert any(twin(each) for each in sheets()), twin.__name__


BUGS: dict[str, Callable[[pytest.MonkeyPatch], None]] = {}


def bug(plant: Callable[[pytest.MonkeyPatch], None]) -> Callable[[pytest.MonkeyPatch], None]:
    """Take a planted bug into the catalogue; its docstring says what is wrong."""
    assert plant.__doc__ is not None
    BUGS[plant.__doc__.strip(". \n")] = plant
    return plant


def wrap(patch: pytest.MonkeyPatch, home: Any, name: str, around: Callable[..., Any]) -> None:
    """Replace a function by another that gets the original as its first argument."""
    original = getattr(home, name)
    patch.setattr(home, name, lambda *args: around(original, *args))


def each_offer(patch: pytest.MonkeyPatch, home: Any, name: str, change: Callable[[Any], Any]) -> None:
    """Let a function see other offers than there are."""
    wrap(patch, home, name, lambda original, offers, *args: original([change(each) for each in offers], *args))


@bug
def _affiliates_apart(patch: pytest.MonkeyPatch) -> None:
    """Affiliates count as many sellers."""
    each_offer(patch, structure, "asked_lots", lambda offer: offer._replace(group=offer.participant_id))


@bug
def _plan_forgotten(patch: pytest.MonkeyPatch) -> None:
    """What the plan asks for is left out: only what a group once offered is missed."""
    wrap(patch, structure, "_capacities", lambda original, sheet: original(sheet._replace(planned={})))


@bug
def _withdrawn_count(patch: pytest.MonkeyPatch) -> None:
    """What was taken back counts as offered."""
    each_offer(patch, structure, "asked_lots", lambda offer: offer._replace(withdrawn=False))


@bug
def _prices_by_order(patch: pytest.MonkeyPatch) -> None:
    """A group's average price is not weighted by lots."""
    each_offer(patch, bids, "average_prices", lambda offer: offer._replace(quantity_lots=1))


@bug
def _variance_for_deviation(patch: pytest.MonkeyPatch) -> None:
    """The square of the variation is compared instead of its root."""
    wrap(patch, bids, "variation_basis_points", lambda original, values: original(values) ** 2)


@bug
def _root_the_wrong_way(patch: pytest.MonkeyPatch) -> None:
    """The root of a variation is rounded down, so that what is just above a threshold passes for at it."""
    patch.setattr(sheet, "root_up", sheet.root_down)


@bug
def _shares_not_squared(patch: pytest.MonkeyPatch) -> None:
    """HHI adds up shares as they are."""
    wrap(patch, structure, "divide", lambda _, top, bottom, *__: top // isqrt_of(bottom) if bottom else 0)


def isqrt_of(number: int) -> int:
    return max(1, isqrt(number))


@bug
def _part_of_ten_thousand_and_one(patch: pytest.MonkeyPatch) -> None:
    """A part in basis points is rounded up."""
    wrap(patch, structure, "basis_points", lambda _, part, whole: -(-part * BASIS_POINTS // whole) if whole else 0)


@bug
def _dearest_first(patch: pytest.MonkeyPatch) -> None:
    """Sellers are ranked from the dearest down."""
    wrap(patch, bids, "ranked", lambda original, prices: tuple(reversed(original(prices))))


@bug
def _second_of_two_seconds(patch: pytest.MonkeyPatch) -> None:
    """A second is two seconds long."""
    patch.setattr(conduct, "NS_PER_SECOND", 2 * 10**9)


@bug
def _closing_half(patch: pytest.MonkeyPatch) -> None:
    """The close is the last half of a session."""
    patch.setattr(conduct, "LATE_PART", 2)


@bug
def _circles_of_two(patch: pytest.MonkeyPatch) -> None:
    """Circles of three are not seen."""
    wrap(
        patch,
        chains,
        "_circles",
        lambda original, *args: (circle for circle in original(*args) if len(circle) == 2),
    )


@bug
def _any_buyer_drives(patch: pytest.MonkeyPatch) -> None:
    """Whoever bought a lot is said to have driven the price."""
    patch.setattr(chains, "DRIVER_SHARE_BASIS_POINTS", 1)


@bug
def _corner_of_a_day(patch: pytest.MonkeyPatch) -> None:
    """A corner needs no past."""
    patch.setattr(structure, "FEWEST_SESSIONS", 0)


@pytest.mark.parametrize("plant", BUGS.values(), ids=list(BUGS))
def test_a_planted_bug_is_seen_by_the_twin(
    plant: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each bug planted in a measure makes it differ from its twin."""
    sheets()
    plant(monkeypatch)
    assert differences()
