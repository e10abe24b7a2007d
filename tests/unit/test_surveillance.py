"""The screens of the watch: each sees its planted misconduct, none an honest market, and resale is followed by hand."""

from functools import cache

import pytest

from naryq.cli.files import read_rulebook
from naryq.lab.honest import Kind, market, sessions
from naryq.lab.misconduct import PLANTED, Planted
from naryq.lab.watching import KINDS, honest_rates, powers
from naryq.messages import GroupPosition as Position
from naryq.messages import GroupTrade as Pair
from naryq.messages import Screen
from naryq.messages import SessionWatched as Digest
from naryq.rulebook import CATALOGUE, Rulebook
from naryq.surveillance import SCREENS, Fill, Sheet, Trade, screened
from naryq.surveillance.chains import Resold, circular_trades, resold
from naryq.surveillance.screens import Screened


@cache
def thresholds() -> dict[str, int]:
    """Return the thresholds of the shipped rulebook that sets them."""
    rules = Rulebook(read_rulebook("guarded")).in_force("2022-01-01", "2022-01-01")
    return {screen.rule: rules.required_integer(screen.rule) for screen in SCREENS}


CASES = [(planted, kind, screen) for planted in PLANTED for kind in planted.kinds for screen in planted.screens]


@cache
def flagged(planted: Planted, kind: Kind) -> tuple[tuple[Sheet, Screened], ...]:
    """Return what the screens say of two markets of a planted misconduct."""
    sheets = (sheet for seed in (1, 2) for sheet in sessions(market(seed), kind, 12, planted.act))
    return tuple((sheet, found) for sheet in sheets for found in screened(sheet, thresholds()))


def spoken(planted: Planted, kind: Kind) -> frozenset[str]:
    """Return the screens that speak in two markets of a planted misconduct."""
    return frozenset(found.screen for _, found in flagged(planted, kind))


@pytest.mark.parametrize(("planted", "kind", "screen"), CASES, ids=[f"{p.name}-{k}-{s}" for p, k, s in CASES])
def test_a_screen_sees_what_is_planted_for_it(planted: Planted, kind: Kind, screen: Screen) -> None:
    """At the thresholds of the shipped rulebook each screen speaks of its misconduct in one of two markets."""
    assert screen in spoken(planted, kind)


@pytest.mark.parametrize(("planted", "kind"), sorted({case[:2] for case in CASES}, key=str))
def test_a_finding_names_orders_of_those_whom_it_concerns(planted: Planted, kind: Kind) -> None:
    """Whoever looks at a flag has orders of its subjects to begin with: up to twenty, each once."""
    for sheet, (screen, _, _, finding) in flagged(planted, kind):
        own = {each.order_id for each in sheet.offers if {each.group, each.participant_id} & {*finding.subjects}}
        sold = {each.order_id for each in sheet.offers if each.side == "sell"}
        assert own.issuperset(finding.order_ids), screen
        assert len(set(finding.order_ids)) == len(finding.order_ids) <= 20
        if screen == "withheld_capacity":
            assert bool(finding.order_ids) == bool(own & sold)
        else:
            assert finding.order_ids, screen


def test_every_screen_has_its_misconduct_and_its_rule() -> None:
    """No screen is there without a planted misconduct that it must see, and without a rule in the catalogue."""
    assert {screen for planted in PLANTED for screen in planted.screens} == {each.screen for each in SCREENS}
    assert {each.rule for each in SCREENS} == {rule for rule in CATALOGUE if rule.startswith("watch_")}


@pytest.mark.parametrize("kind", KINDS)
def test_an_honest_market_is_left_alone(kind: Kind) -> None:
    """In an honest market of each kind no screen speaks in any of twelve sessions."""
    found = [each for sheet in sessions(market(4), kind, 12) for each in screened(sheet, thresholds())]
    assert [(each.screen, each.finding.value) for each in found] == []


def test_nothing_is_said_of_an_empty_session() -> None:
    """A session to which nobody came has nothing to say, and no measure fails on it."""
    empty = Sheet("empty", 0, 10, 10, (), (), ())
    for screen in SCREENS:
        assert list(screen.measure(empty)) == []


def test_the_rates_count_what_the_screens_say() -> None:
    """The tables count flagged sessions and caught markets: all where the threshold is nothing, none out of reach."""
    easy = {screen.rule: 0 if screen.direction == "at least" else 10**9 for screen in SCREENS}
    hard = {screen.rule: 10**9 if screen.direction == "at least" else -1 for screen in SCREENS}
    for held, expected in ((easy, 12), (hard, 0)):
        rates = {(rate.screen, rate.kind): rate.flagged for rate in honest_rates(held, 1, lambda _: None)}
        assert {rates["concentration", kind] for kind in KINDS} == {expected}
    assert {power.caught for power in powers(hard, 1, lambda _: None)} == {0}


def test_a_market_is_its_seed() -> None:
    """The same seed gives the same sessions, another one others."""
    first, again, other = (next(iter(sessions(market(seed), "book", 1))) for seed in (7, 7, 8))
    assert first == again
    assert first != other


# --- Circles ----------------------------------------------------------------------------------------------------


def traded(*deals: tuple[str, str, int]) -> tuple[Trade, ...]:
    """Return the trades of a session: who sold to whom, and how many lots."""
    return tuple(
        Trade(seller, buyer, 100, lots, "buy", n, f"s{n}", f"b{n}") for n, (seller, buyer, lots) in enumerate(deals)
    )


def test_two_who_sell_to_each_other_make_a_circle() -> None:
    """What went there and back counts once, by the lesser way, though half of it went in an earlier session."""
    earlier = (digest("1", Pair("b", "a", 3, 3 * 100)),)
    sheet = Sheet("2", 0, 10, 10, (), (), traded(("a", "b", 5), ("a", "c", 9)), elsewhere=earlier)
    (found,) = circular_trades(sheet)
    assert (found.subjects, found.value) == (("a", "b"), 3)


def test_a_circle_is_told_by_the_session_in_which_all_of_it_trade() -> None:
    """Where one of the circle did not come, it is not told again: it is no news of whoever came."""
    earlier = (digest("1", Pair("a", "b", 3, 300), Pair("b", "a", 3, 300)),)
    assert list(circular_trades(Sheet("2", 0, 10, 10, (), (), traded(("a", "c", 5)), elsewhere=earlier))) == []


# --- Resale -----------------------------------------------------------------------------------------------------


def digest(name: str, *pairs: Pair, positions: tuple[Position, ...] = ()) -> Digest:
    """Return a session of which only its trades matter."""
    return Digest(name, int(name), None, (), (), positions, pairs)


def test_gas_is_followed_from_hand_to_hand() -> None:
    """First bought is first sold: cost, proceeds, first price and the number of sales are those of the very lots."""
    found = resold(
        (
            digest("1", Pair("plant", "a", 4, 4 * 100), Pair("plant", "b", 3, 3 * 110)),
            digest("2", Pair("plant", "a", 4, 4 * 120)),
            digest("3", Pair("a", "b", 6, 6 * 150)),
            digest("4", Pair("b", "c", 5, 5 * 200), Pair("plant", "c", 1, 90)),
        )
    )
    assert found == {"b": Resold(5, 3 * 110 + 2 * 150, 5 * 200, 3 * 110 + 2 * 100, 3)}


def test_gas_of_an_auction_begins_anew() -> None:
    """Where nobody knows whose gas one bought, what is sold on has been sold twice, whatever happened before."""
    bought = digest("1", positions=(Position("a", 5, 5 * 100), Position("plant", 0, 0, 5, 5 * 100)))
    sold = digest("2", positions=(Position("a", 0, 0, 3, 3 * 130), Position("b", 3, 3 * 130)))
    again = digest("3", positions=(Position("b", 0, 0, 2, 2 * 150), Position("c", 2, 2 * 150)))
    assert resold((bought, sold)) == {"a": Resold(3, 300, 390, 300, 2)}
    assert resold((bought, sold, again)) == {"b": Resold(2, 260, 300, 260, 2)}


def test_what_one_never_bought_is_no_resale() -> None:
    """A producer sells its own gas, and what is bought and burned is not sold on."""
    assert resold((digest("1", Pair("plant", "a", 4, 400)), digest("2", Pair("plant", "b", 9, 900)))) == {}


def test_the_worst_findings_come_first_and_few() -> None:
    """Of forty groups that trade with themselves ten are shown, the largest first."""
    trades = tuple(Trade(f"g{n:02d}", f"g{n:02d}", 100, n + 1, "buy", n, f"s{n}", f"b{n}") for n in range(40))
    fills = tuple(Fill(f"b{n}", f"g{n:02d}", f"g{n:02d}", "buy", 100, n + 1) for n in range(40))
    sheet = Sheet("s", 0, 10**10, 10**10, (), fills, trades)
    found = list(screened(sheet, {"watch_self_match": 1}))
    assert [each.finding.subjects for each in found] == [(f"g{n:02d}",) for n in range(39, 29, -1)]
