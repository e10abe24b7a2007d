"""The cumulative counter, the two keys and the claims at the venue."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.limit_script import LimitScript
from tests.trading_samples import REPUBLICAN, bid, closed, instrument, offer, over, venue
from tests.venue_samples import Desk, founded, instant, opening, order, rulebook

from naryq import exchange, limits
from naryq.exchange import snapshots
from naryq.messages import (
    AdoptRulebook,
    ClaimCompensation,
    ClearSession,
    CloseSession,
    Code,
    DecideClaim,
    LegalSource,
    LimitLifted,
    LimitReached,
    ListInstrument,
    OpenSession,
    PriceCounted,
    ReportParity,
    SessionCleared,
    SubmitOrder,
)
from naryq.units import month_after

FIXED = settings(derandomize=True, max_examples=300, database=None)
COUNTER: dict[str, Any] = {
    "cumulative_sessions": 3,
    "cumulative_threshold": 240_000,
    "administered_price": 80_000,
    "claim_days": 7,
}
KEYS: dict[str, Any] = {
    "two_key_level": 90_000,
    "two_key_spread": 10_000,
    "two_key_sessions": 2,
    "two_key_stay": 2,
    "parity_age": 62,
}
SOURCE = LegalSource("Customs", "https://customs.example/prices")


def session(desk: Desk, number: int, price: int, *, ask: int | None = None, bid: int | None = None) -> Any:
    """Hold the session of one month at one price, and return its clearing's events."""
    name, day = f"s{number}", f"{month_after('2021-01', number)}-28"
    desk.at_ns = max(desk.at_ns, instant("10:00", day))
    desk.must(OpenSession, "operator", **opening(name, day=day, delivery_month=month_after("2021-01", number + 1)))
    desk.at_ns = instant("11:00", day)
    selling = order(f"{name}-ask", "ZH", "sell", price=price if ask is None else ask, lots=5, session_id=name)
    desk.must(SubmitOrder, "zhanaozen", **selling)
    most = price + 2_000 if bid is None else bid
    buying = order(f"{name}-bid", "KZ-47", "buy", price=most, lots=5, session_id=name)
    desk.must(SubmitOrder, "aktau", **buying)
    desk.at_ns = instant("13:00", day)
    desk.must(CloseSession, "operator", session_id=name)
    return desk.give(ClearSession, "operator", session_id=name).events


def of(events: Any, kind: Any) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


def price_at(events: Any, place: str = "KZ-47") -> Any:
    return next(price for price in of(events, SessionCleared)[0].prices if price.place == place)


# --- The counter ------------------------------------------------------------------------------------------------


def ramped() -> tuple[Desk, Any]:
    """Return a venue whose last session brought the rolling sum above its threshold."""
    desk = founded(rulebook(**COUNTER), "2021-01-01")
    events: Any = ()
    for number, price in enumerate((70_000, 80_000, 90_000, 100_000)):
        events = session(desk, number, price)
    return desk, events


def test_the_sum_of_the_last_sessions_brings_the_administered_price() -> None:
    """Above the threshold of the last three prices, carriage apart, the administered price applies next."""
    desk, events = ramped()
    (counted,) = of(events, PriceCounted)
    assert (counted.region, counted.uncapped_price_tenge_per_tonne, counted.sum_tenge_per_tonne) == (
        "KZ-47",
        100_000,
        270_000,
    )
    (reached,) = of(events, LimitReached)
    assert (reached.limit, reached.subject, reached.value) == ("cumulative_threshold", "KZ-47", 270_000)
    assert price_at(events).price_tenge_per_tonne == 102_000
    assert desk.findings == []


def test_a_sum_at_the_threshold_is_not_above_it() -> None:
    """Three sessions at 80,000 make 240,000, which is the threshold: nothing acts."""
    desk = founded(rulebook(**COUNTER), "2021-01-01")
    for number, price in enumerate((70_000, 80_000, 90_000)):
        assert of(session(desk, number, price), LimitReached) == []


def test_the_administered_price_caps_and_says_what_it_would_be_without() -> None:
    """Who comes to the cap sells at it, the price says that it is bound, and the sum goes on with the free price."""
    desk, _ = ramped()
    events = session(desk, 4, 110_000, ask=80_000)
    price = price_at(events)
    assert (price.price_tenge_per_tonne, price.traded_lots) == (82_000, 5)
    assert "administered_price" in price.limits
    assert price.uncapped_price_tenge_per_tonne == 97_000  # The middle of 82,000 and 112,000.
    assert of(events, PriceCounted)[0].uncapped_price_tenge_per_tonne == 95_000
    assert desk.findings == []


def test_an_offer_above_the_administered_price_sells_nothing_and_is_counted() -> None:
    """Who asks more keeps his gas; the price that would have been found without the cap still counts."""
    desk, _ = ramped()
    events = session(desk, 4, 110_000)
    assert [fill.quantity_lots for fill in events[0].fills] == [0, 0]
    assert of(events, PriceCounted)[0].uncapped_price_tenge_per_tonne == 110_000
    assert desk.findings == []


def test_the_administered_price_ends_when_the_sum_has_fallen() -> None:
    """When the market's own prices bring the sum to the threshold, prices are free again from the next session."""
    desk, _ = ramped()
    lifted = [of(session(desk, number, 60_000), LimitLifted) for number in (4, 5)]
    assert [len(events) for events in lifted] == [0, 1]
    assert price_at(session(desk, 6, 95_000)).price_tenge_per_tonne == 97_000
    assert desk.findings == []


def test_a_region_without_a_sum_above_the_threshold_is_free() -> None:
    """The counter is one a region: where nothing was dear, nothing is capped."""
    desk, _ = ramped()
    assert list(desk.state.limits.administered) == ["KZ-47"]


def traded_for_all(desk: Desk, number: int, price: int) -> Any:
    """Hold a session over the instrument for the whole Republic at one price, and return what its end brings."""
    name, day = f"r{number}", f"{month_after('2021-01', number)}-27"
    desk.at_ns = instant("10:00", day)
    desk.must(OpenSession, "operator", **over("continuous", name, day=day, instrument=REPUBLICAN))
    desk.at_ns = instant("11:00", day)
    place: dict[str, Any] = {"session_id": name, "place": REPUBLICAN}
    desk.give(SubmitOrder, "zhanaozen", **offer(f"{name}-ask", price, 2, **place))
    desk.give(SubmitOrder, "aktau", **bid(f"{name}-bid", price, 2, **place))
    return closed(desk, name).events


def test_what_is_sold_to_the_whole_republic_is_counted_and_capped_too() -> None:
    """A ramp in the sessions for the Republic meets the counter: they count as a region of their own."""
    desk = venue(rulebook(**COUNTER), "2021-01-01")
    reached = [of(traded_for_all(desk, number, price), LimitReached) for number, price in enumerate((70_000, 90_000))]
    assert reached == [[], []]
    (reached_now,) = of(traded_for_all(desk, 2, 100_000), LimitReached)
    assert (reached_now.subject, reached_now.value) == ("KZ", 260_000)
    assert not of(traded_for_all(desk, 3, 100_000), PriceCounted)  # Neither bid nor trade above the administered price.
    (counted,) = of(traded_for_all(desk, 4, 80_000), PriceCounted)
    assert (counted.region, counted.uncapped_price_tenge_per_tonne) == ("KZ", 80_000)
    assert desk.findings == []


def test_an_administered_region_is_not_left_by_a_session_for_all() -> None:
    """A bid for delivery to an administered region pays no more in a session for the Republic; others may."""
    desk, _ = ramped()
    desk.must(ListInstrument, "operator", **instrument(REPUBLICAN, "KZ"))
    desk.at_ns = instant("10:00", "2021-05-31")
    desk.must(OpenSession, "operator", **over("continuous", day="2021-05-31", instrument=REPUBLICAN))
    desk.at_ns = instant("11:00", "2021-05-31")
    sent = [
        desk.give(
            SubmitOrder, "aktau", **bid(f"{delivery}-{price}", price, 1, place=REPUBLICAN, delivery=delivery)
        ).code
        for delivery, price in (("KZ-47", 80_001), ("KZ-47", 80_000), ("KZ-23", 90_000))
    ]
    assert sent == [Code.PRICE_ABOVE_HOLD, None, None]


@FIXED
@given(st.lists(st.integers(0, 200_000), max_size=30), st.integers(1, 8), st.integers(0, 900_000))
def test_the_counter_is_the_sum_of_the_last_prices(prices: list[int], sessions: int, threshold: int) -> None:
    """Whatever the prices, the reading is the plain sum of the last ones, and acts exactly above the threshold."""
    kept: limits.Counted = ()
    for number, price in enumerate(prices, 1):
        kept, total, acts = limits.counted(kept, price, sessions, threshold)
        assert total == sum(prices[max(0, number - sessions) : number])
        assert acts == (total > threshold)
        assert len(kept) <= sessions


# --- Claims -----------------------------------------------------------------------------------------------------


def sold_below_cost() -> Desk:
    desk, _ = ramped()
    session(desk, 4, 110_000, ask=80_000)
    return desk


def claim(desk: Desk, **changes: Any) -> Any:
    fields = {"claim_id": "k", "session_id": "s4", "cost_tenge_per_tonne": 100_000, "statement": "cost of processing"}
    return desk.give(ClaimCompensation, changes.pop("actor", "zhanaozen"), **{**fields, **changes})


def test_a_seller_below_cost_is_paid_what_the_regulator_grants() -> None:
    """Five lots at 80,000 and a cost of 100,000 make a claim of 3.6 million tenge; the fund pays what is granted."""
    desk = sold_below_cost()
    (claimed,) = claim(desk).events
    assert (claimed.sold_kg, claimed.claimed_tiyn) == (180_000, 360_000_000)
    before = desk.state.balances.get(("cash:zhanaozen", "tiyn"), 0)
    decided = desk.give(DecideClaim, "regulator", claim_id="k", granted_tiyn=300_000_000, reason="as audited")
    assert decided.code is None
    assert desk.state.balances["cash:zhanaozen", "tiyn"] - before == 300_000_000
    assert desk.state.balances["fund", "tiyn"] == -300_000_000
    assert desk.give(DecideClaim, "regulator", claim_id="k", granted_tiyn=0, reason="again").code is Code.UNKNOWN_CLAIM
    assert desk.findings == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"cost_tenge_per_tonne": 80_000}, Code.NOTHING_TO_CLAIM),
        ({"session_id": "s3"}, Code.NOTHING_TO_CLAIM),
        ({"session_id": "none"}, Code.NOTHING_TO_CLAIM),
        ({"actor": "atyrau"}, Code.NOTHING_TO_CLAIM),
        ({}, None),
    ],
)
def test_only_a_loss_under_an_administered_price_is_claimed(changes: dict[str, Any], code: Code | None) -> None:
    """No claim without a sale below cost in a session whose price was administered."""
    desk = sold_below_cost()
    assert claim(desk, **changes).code == code
    assert desk.findings == []


def test_a_claim_is_made_once_and_in_time() -> None:
    """A second claim for a session is refused, and a claim after the rule's days as well."""
    desk = sold_below_cost()
    late = desk.branch()
    late.at_ns += 7 * 86_400 * 10**9
    assert claim(late.branch()).code is None
    late.at_ns += 1
    assert claim(late).code is Code.OUTSIDE_WINDOW
    assert claim(desk).code is None
    assert claim(desk, claim_id="other").code is Code.ALREADY_EXISTS
    assert desk.findings == late.findings == []


def test_no_more_is_granted_than_claimed_or_than_the_fund_may_pay() -> None:
    """A grant above the claim is refused, and one that would take the fund below its floor."""
    desk = sold_below_cost()
    claim(desk)
    grant = {"claim_id": "k", "reason": "as audited"}
    assert desk.give(DecideClaim, "regulator", granted_tiyn=360_000_001, **grant).code is Code.OUT_OF_RANGE
    poor = founded(rulebook(**COUNTER, fund_floor=-100), "2021-01-01")
    for number, price in enumerate((70_000, 80_000, 90_000, 100_000)):
        session(poor, number, price)
    session(poor, 4, 110_000, ask=80_000)
    claim(poor)
    assert poor.give(DecideClaim, "regulator", granted_tiyn=101, **grant).code is Code.FUND_EXHAUSTED
    assert poor.give(DecideClaim, "regulator", granted_tiyn=100, **grant).code is None
    assert desk.findings == poor.findings == []


# --- The two keys -----------------------------------------------------------------------------------------------


def parity(desk: Desk, day: str, price: int) -> Any:
    return desk.give(ReportParity, "operator", day=day, parity_tenge_per_tonne=price, source=SOURCE)


def test_both_keys_must_turn() -> None:
    """A high price alone opens nothing; one well above parity, twice in a row, does, and orders are bounded."""
    desk = founded(rulebook(**KEYS), "2021-01-01")
    assert of(session(desk, 0, 100_000), LimitReached) == []  # No parity is known.
    parity(desk, "2021-01-28", 95_000)
    assert of(session(desk, 1, 100_000), LimitReached) == []  # Too near to parity.
    parity(desk, "2021-02-28", 70_000)
    assert of(session(desk, 2, 100_000), LimitReached) == []  # The first in a row.
    (reached,) = of(session(desk, 3, 100_000), LimitReached)
    assert (reached.limit, reached.value, reached.threshold) == ("two_key_level", 100_000, 90_000)
    desk.must(OpenSession, "operator", **opening("now", day="2021-05-10", delivery_month="2021-06"))
    desk.at_ns = instant("11:00", "2021-05-10")
    for place, price, code in (
        ("ZH", 90_000, None),
        ("ZH", 90_001, Code.PRICE_ABOVE_PARITY),
        ("KZ-47", 92_000, None),
        ("KZ-47", 92_001, Code.PRICE_ABOVE_PARITY),
    ):
        fields = order(f"x{place}{price}", place, "sell", price=price, lots=1, session_id="now")
        assert desk.give(SubmitOrder, "zhanaozen", **fields).code == code
    assert desk.findings == []


def test_the_limit_ends_by_itself() -> None:
    """It acts for its shortest stay, and ends when a key has failed twice in a row."""
    desk = founded(rulebook(**KEYS), "2021-01-01")
    parity(desk, "2021-01-01", 70_000)
    session(desk, 0, 100_000)
    parity(desk, "2021-01-28", 70_000)
    assert len(of(session(desk, 1, 100_000), LimitReached)) == 1
    assert of(session(desk, 2, 60_000), LimitLifted) == []
    assert len(of(session(desk, 3, 60_000), LimitLifted)) == 1
    assert desk.state.limits.locks[""].acting is None
    assert desk.findings == []


def test_keys_that_are_taken_away_bound_nothing() -> None:
    """A rulebook without the rule may come while it acts: what was refused for it before is taken from then on."""
    desk = founded(rulebook(**KEYS), "2021-01-01")
    parity(desk, "2021-01-01", 70_000)
    session(desk, 0, 100_000)
    parity(desk, "2021-01-28", 70_000)
    assert len(of(session(desk, 1, 100_000), LimitReached)) == 1
    desk.must(OpenSession, "operator", **opening("now", day="2021-03-10", delivery_month="2021-04"))
    desk.at_ns = instant("11:00", "2021-03-10")
    dear = order("dear", "ZH", "sell", price=100_000, lots=1, session_id="now")
    assert desk.give(SubmitOrder, "zhanaozen", **dear).code == Code.PRICE_ABOVE_PARITY
    assert not len(desk.state.sessions["now"].orders)
    desk.must(AdoptRulebook, "regulator", rulebook=rulebook("without"))
    assert desk.give(SubmitOrder, "zhanaozen", **dear).code is None
    assert desk.findings == []


def test_an_old_parity_turns_no_key() -> None:
    """A parity that nobody has brought up to date does not count."""
    desk = founded(rulebook(**{**KEYS, "parity_age": 20}), "2021-01-01")
    parity(desk, "2021-01-01", 70_000)
    for number in range(3):
        assert of(session(desk, number, 100_000), LimitReached) == []
    assert desk.findings == []


def test_a_parity_is_of_a_day_that_has_come() -> None:
    """Neither a day to come nor one before the last report is taken, nor one that is in no calendar."""
    desk = founded(rulebook(**KEYS), "2021-03-01")
    assert parity(desk, "2021-02-28", 70_000).code is None
    for day in ("2021-03-02", "2021-02-27", "2021-02-30"):
        assert parity(desk, day, 70_000).code is Code.OUT_OF_RANGE
    assert desk.findings == []


@FIXED
@given(st.lists(st.booleans(), max_size=40), st.integers(1, 4), st.integers(0, 6))
def test_the_lock_opens_and_closes_as_the_rule_says(both: list[bool], sessions: int, stay: int) -> None:
    """Over any history the limit opens after so many turned in a row, and closes after its stay and as many failed."""
    keys = limits.Keys(100, 10, sessions, stay)
    lock, acting, since = limits.Lock(), False, 0
    for number, turns in enumerate(both, 1):
        lock = limits.turned(lock, 200 if turns else 50, 100, keys)
        last = both[max(0, number - sessions) : number]
        if not acting:
            acting, since = len(last) == sessions and all(last), 0
        else:
            since += 1
            acting = not (since >= stay and len(last) == sessions and not any(last))
        assert (lock.acting is not None) == acting


BANDS = (
    """
    rules hold_rise 700
    rules band_step 150
    rules band_edge 10
    rules band_trades 2
    rules band_buyers 1
    rules band_sellers 1
    rules session_price_limit 500
    reference 100000
    11:00  zhanaozen sell 107000 3
    11:01  aktau buy 107000 1
    limit  session_price_limit 107000 105000
    """,
    """
    rules hold_rise 100
    rules band_step 150
    rules band_edge 10
    rules band_trades 2
    rules band_buyers 1
    rules band_sellers 1
    reference 100000
    11:00  zhanaozen sell 101000 3
    11:01  aktau buy 101000 1
    11:02  aktau buy 101000 1
    11:03  aktau buy 101000 1
    """,
)


# --- What is remembered is kept ---------------------------------------------------------------------------------


def test_a_snapshot_keeps_what_the_limits_remember() -> None:
    """A state with counters, caps, sales, a claim, keys and bands comes back from its snapshot as it was."""
    desk = founded(rulebook(**COUNTER, **{**KEYS, "two_key_level": 150_000}), "2021-01-01")
    parity(desk, "2021-01-01", 70_000)
    for number, price in enumerate((70_000, 80_000, 90_000, 100_000)):
        session(desk, number, price)
    session(desk, 4, 110_000, ask=80_000)
    claim(desk)
    for state in (desk.state, *(LimitScript(script).at_work.state for script in BANDS)):
        again = snapshots.restored(snapshots.snapshot(state))
        assert again.limits == state.limits
        assert exchange.state_hash(again) == exchange.state_hash(state)
