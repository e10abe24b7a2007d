"""Bugs planted in the limits, one at a time: the auditor or a scenario must catch each."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from tests.limit_script import LimitScript
from tests.planting import catalogue, fold_with, wrap
from tests.trading_samples import REGIONAL, REPUBLICAN, closed, instrument, offer, over, venue
from tests.trading_samples import bid as trucked
from tests.unit.test_cumulative import COUNTER, KEYS, claim, parity, session
from tests.unit.test_market_orders import second
from tests.unit.test_market_orders import sent as sent_second
from tests.unit.test_pump_limits import CALENDAR, cleared, publish
from tests.unit.test_two_keys import keyed, sent, traded
from tests.unit.test_two_keys import opened as of_keys
from tests.venue_samples import Desk, founded, instant, opened, order, rulebook

from naryq import limits, pricing
from naryq.exchange import bounding, calendar, control, machine, orders, people
from naryq.exchange import limits as limit_topic
from naryq.exchange import parity as parity_topic
from naryq.limits import orders as limit_orders
from naryq.messages import (
    CancelOrder,
    DecideClaim,
    DeclareAffiliation,
    DeclareHolidays,
    LimitReached,
    ListInstrument,
    OpenSession,
    OrderCancelled,
    SessionEnded,
    StopTrading,
    SubmitOrder,
    TradingStopped,
)

SECOND = 10**9
BUGS, bug = catalogue()


# --- The tour ---------------------------------------------------------------------------------------------------


def tour() -> list[str]:
    """Take every limit through what it must refuse and what it must take, and return what its watchers say."""
    for stage in (_orders, _stops, _counter, _keys, _keys_of_instruments, _trucks, _kept, _holidays, _pump):
        findings = stage()
        if findings:
            return findings
    try:
        for script in SCRIPTS:
            LimitScript(script)
    except AssertionError as failure:
        return [str(failure)]
    return []


def _bid(desk: Desk, name: str, lots: int, actor: str = "aktau", price: int = 90_000) -> None:
    desk.give(SubmitOrder, actor, **order(name, "KZ-47", "buy", price=price, lots=lots))


def _orders() -> list[str]:
    rules: dict[str, Any] = {"orders_per_second": 1, "batch_highest": 12, "batch_lowest": 2, "order_lots_highest": 8}
    desk = opened(rulebook(**rules, order_value_highest=25_000_000))
    desk.must(DeclareAffiliation, "aktau", participant_id="aktau", affiliate_id="dossor", evidence="one owner")
    for name, lots, actor, gap in (
        ("small", 1, "aktau", 0),
        ("a", 5, "aktau", 0),
        ("b", 4, "dossor", SECOND),
        ("c", 2, "aktau", SECOND - 1),
        ("d", 4, "dossor", SECOND),
        ("e", 3, "aktau", SECOND),
    ):
        desk.at_ns += gap
        _bid(desk, name, lots, actor)
    for name, lots, price in (("large", 9, 50_000), ("dear", 8, 90_000)):
        desk.at_ns += SECOND
        desk.give(SubmitOrder, "zhanaozen", **order(name, "ZH", "sell", price=price, lots=lots))
    desk.give(CancelOrder, "aktau", session_id="call", order_id="a")
    desk.at_ns += SECOND
    _bid(desk, "f", 5)
    return desk.findings


def _stops() -> list[str]:
    findings = []
    for rule in ("keep", "cancel"):
        for scope, target in (("region", "KZ-47"), ("participant", "aktau"), ("session", "call"), ("venue", "venue")):
            desk = opened(rulebook(who_may_stop=("regulator",), stop_orders=rule))
            _bid(desk, "a", 1)
            _bid(desk, "b", 1, "dossor")
            desk.give(StopTrading, "operator", scope=scope, target=target, reason="a test")
            desk.give(StopTrading, "regulator", scope=scope, target=target, reason="a test")
            _bid(desk, "c", 1)
            desk.give(SubmitOrder, "dossor", **order("d", "KZ-23", "buy", price=90_000, lots=1))
            findings += desk.findings
    return findings


def _counter() -> list[str]:
    desk = founded(rulebook(**COUNTER), "2021-01-01")
    for number, price in enumerate((70_000, 80_000, 90_000, 100_000)):
        session(desk, number, price)
    session(desk, 4, 110_000, ask=80_000)
    claim(desk, cost_tenge_per_tonne=100_001)
    desk.give(DecideClaim, "regulator", claim_id="k", granted_tiyn=360_018_001, reason="too much")
    desk.give(DecideClaim, "regulator", claim_id="k", granted_tiyn=300_000_000, reason="as audited")
    for number in (5, 6, 7):
        session(desk, number, 50_000)
    return desk.findings


def _keys() -> list[str]:
    desk = founded(rulebook(**KEYS), "2021-01-01")
    for number, price in enumerate((100_000, 100_000, 100_000, 90_000, 60_000, 60_000)):
        day = f"2021-0{number + 1}-27"
        desk.at_ns = max(desk.at_ns, instant("09:00", day))
        parity(desk, day, 95_000 if number == 0 else 70_000)
        session(desk, number, price)
    return desk.findings


def _keys_of_instruments() -> list[str]:
    desk = keyed(market_orders="taken", collar_rise=1_000, reference_minimum_lots=2, two_key_stay=3)
    traded(desk, "continuous", 0, 100_000)
    _book(desk, 1, REGIONAL, "sell 100000 9", "buy 100000 9", "sell 60000 1", "buy 60000 1")
    traded(desk, "continuous", 2, 60_000, lots=1)
    for number, code in ((3, REGIONAL), (4, REPUBLICAN)):
        _book(desk, number, code, "sell 90001 1", "buy 90001 1", "buy any 1", "sell 70000 9", "buy 70000 9")
    traded(desk, "continuous", 5, 60_000)
    return desk.findings


def _kept() -> list[str]:
    desk = second(cumulative_sessions=3, cumulative_threshold=10**6, administered_price=80_000)
    orders_sent = (("zhanaozen", "high sell 97000 2"), ("aktau", "any buy any 2"), ("zhanaozen", "low sell 90000 1"))
    for who, words in (*orders_sent, ("dossor", "bid buy 90000 1")):
        sent_second(desk, who, words)
    closed(desk, "second")
    return desk.findings


def _holidays() -> list[str]:
    desk = venue()
    desk.must(DeclareHolidays, "operator", year=2022, days=("2022-01-03",), source="a decree")
    for day in ("2022-01-03", "2022-01-04"):
        desk.give(OpenSession, "operator", **over("call", f"on-{day}", day=day))
    return desk.findings


def _trucks() -> list[str]:
    desk = venue(rulebook(order_lots_highest=2, reference_minimum_lots=2, truck_lot=1_000))
    desk.must(ListInstrument, "operator", **instrument("TRUCK", "KZ-47", carriage="truck"))
    desk.at_ns = desk.must(OpenSession, "operator", **over("continuous", instrument="TRUCK")).opens_at_ns
    for name, lots in (("large", 73), ("most", 72)):
        desk.give(SubmitOrder, "zhanaozen", **offer(name, 80_000, lots, place="TRUCK"))
    desk.give(SubmitOrder, "aktau", **trucked("bid", 80_000, 71, place="TRUCK"))
    closed(desk)
    return desk.findings


def _book(desk: Desk, number: int, code: str, *orders_sent: str) -> None:
    name = of_keys(desk, "continuous", number, code)
    for words in orders_sent:
        sent(desk, name, "zhanaozen" if words.startswith("sell") else "aktau", words)
    closed(desk, name)


def _pump() -> list[str]:
    desk = founded(rulebook(**CALENDAR, fund_floor=-1_000_000, fund_exhausted="pump"), "2021-12-31")
    cleared(desk, "2022-01", "2021-12-31", 60_000)
    cleared(desk, "2022-02", "2021-12-31", 110_000, "other")
    publish(desk, "2022-01")
    publish(desk, "2022-02")
    publish(desk, "2022-02", "2022-01-31")
    return desk.findings


SCRIPTS = (
    """
    rules session_price_limit 500
    rules session_halt 5
    people seller s1 s2
    people buyer b1 b2
    reference 100000
    11:00  s1 sell 105001 1
    11:01  b1 buy 105001 1
    trades -
    limit  session_price_limit 105001 105000
    phase  halted
    11:03  phase call         -> still_halted
    11:07  phase call
    11:08  phase continuous
    trades 105001 1
    11:09  s2 sell 110000 1
    11:10  b2 buy 110000 1
    trades 110000 1
    """,
    """
    rules hold_rise 700
    rules band_step 150
    rules band_edge 10
    rules band_trades 3
    rules band_buyers 2
    rules band_sellers 2
    rules band_cooling_off 15
    people seller s1 s2 s3
    people buyer b1 b2 b3
    group  b2 b3
    reference 100000
    11:00  s1 sell 107001 9 as high
    11:01  b1 buy 107001 1    -> price_above_hold
    11:02  s1 sell 107000 1
    11:02  s3 sell 107000 1
    11:02  s1 sell 107000 3
    11:03  b2 buy 107000 1
    11:04  b3 buy 107000 1
    11:05  b2 buy 107000 1
    widened -
    11:06  s2 sell 106900 1
    11:07  b1 buy 106900 1
    widened 107000 108500 11:22
    11:08  b1 buy 107001 1    -> price_above_hold
    11:23  b1 buy 107001 1
    trades 107000 1, 107000 1, 107000 1, 106900 1, 107000 1
    """,
)


# --- The bugs ---------------------------------------------------------------------------------------------------


@bug
def _(patch: pytest.MonkeyPatch) -> None:
    """A second has one nanosecond too few."""
    wrap(patch, limit_orders, "within_second", lambda original, times, at_ns: original(times, at_ns + 1))


@bug
def _(patch: pytest.MonkeyPatch) -> None:
    """One order too many is let through a second."""
    wrap(
        patch, limits, "judge_rate", lambda original, times, at_ns, highest: original(times, at_ns, (highest or 99) + 1)
    )


@bug
def _(patch: pytest.MonkeyPatch) -> None:
    """A robot's breach is not written down."""
    patch.setattr(machine, "_WITNESSES", {})


@bug
def _(patch: pytest.MonkeyPatch) -> None:
    """The largest batch is exceeded by one lot."""
    wrap(patch, limits, "judge_batch", lambda original, has, mass, lot, *ends: original(has, mass - lot, lot, *ends))


@bug
def _(patch: pytest.MonkeyPatch) -> None:
    """Affiliates have a batch each."""
    patch.setattr(people, "group_of", lambda _, who: who)


@bug
def _(patch: pytest.MonkeyPatch) -> None:
    """A cancelled bid goes on counting for its month."""
    table = {**machine._EVOLVERS}
    original = machine._EVOLVERS[OrderCancelled]

    def fold(state: Any, event: Any) -> Any:
        after = original(state, event)
        batches = msgspec.structs.replace(after.limits, batches=state.limits.batches)
        return msgspec.structs.replace(after, limits=batches)

    patch.setattr(machine, "_EVOLVERS", {**table, OrderCancelled: fold})


@bug
def _(patch: pytest.MonkeyPatch) -> None:
    """An order one lot too large is taken."""
    wrap(patch, limits, "judge_size", lambda original, price, lots, *rest: original(price, lots - 1, *rest))


@bug
def _(patch: pytest.MonkeyPatch) -> None:
    """A lot by truck is as much of an order as a tank car."""
    wrap(
        patch,
        limits,
        "judge_size",
        lambda original, price, lots, _, most, value: original(price, lots, 36_000, most, value),
    )


@bug
def _(patch: pytest.MonkeyPatch) -> None:
    """A lot by truck moves the reference as a tank car does."""
    wrap(
        patch,
        pricing,
        "moves_reference",
        lambda original, opened, *rest: original(msgspec.structs.replace(opened, lot_kg=36_000), *rest),
    )


@bug
def _(patch: pytest.MonkeyPatch) -> None:
    """The value of an order is not limited."""
    wrap(patch, limits, "judge_size", lambda original, price, lots, kg, most, _: original(price, lots, kg, most, None))


@bug
def _(patch: pytest.MonkeyPatch) -> None:
    """The stop is not looked at when an order comes."""
    patch.setattr(control, "check_order", lambda *_: None)


@bug
def _(patch: pytest.MonkeyPatch) -> None:
    """A stop of a region reaches the whole venue."""
    wrap(patch, control, "_reaches", lambda original, stop, *rest: stop.scope == "region" or original(stop, *rest))


@bug
def _(patch: pytest.MonkeyPatch) -> None:
    """Everybody may stop trading whose role may ask for it."""
    patch.setattr(control, "_check_may_stop", lambda *_: None)


@bug
def _(patch: pytest.MonkeyPatch) -> None:
    """Standing orders are kept whatever the rule says."""
    patch.setattr(control, "_resting", lambda *_: "keep")


@bug
def _(patch: pytest.MonkeyPatch) -> None:
    """A stop takes effect at the next stop only."""
    patch.setattr(control, "_trading_stopped", lambda state, _: state)
    table = {**machine._EVOLVERS, TradingStopped: lambda state, _: state}
    patch.setattr(machine, "_EVOLVERS", table)


@bug
def _(patch: pytest.MonkeyPatch) -> None:
    """The counter forgets the oldest price one session late."""
    wrap(patch, limits, "counted", lambda original, prices, price, n, most: original(prices, price, n + 1, most))


@bug
def _(patch: pytest.MonkeyPatch) -> None:
    """What a bound kept from trading is no part of the price that is counted."""
    original = machine._EVOLVERS[LimitReached]
    fold_with(patch, LimitReached, lambda state, event: original(state, msgspec.structs.replace(event, lots=0)))


@bug
def _(patch: pytest.MonkeyPatch) -> None:
    """A session is opened on a holiday."""
    patch.setattr(calendar, "check_trading_day", lambda *_: None)


@bug
def _(patch: pytest.MonkeyPatch) -> None:
    """The limit of two keys stays no session longer than a key turns."""
    wrap(patch, limits, "turned", lambda original, lock, a, p, keys: original(lock, a, p, keys._replace(stay=0)))


@bug
def _(patch: pytest.MonkeyPatch) -> None:
    """However many meet at the edge of a band, it is no wider."""
    patch.setattr(limits, "is_broad", lambda *_: False)


@bug
def _(patch: pytest.MonkeyPatch) -> None:
    """A sum at the threshold is above it."""
    wrap(patch, limits, "counted", lambda original, prices, price, n, most: original(prices, price, n, most - 30_000))


@bug
def _(patch: pytest.MonkeyPatch) -> None:
    """The administered price leaves out the carriage."""
    wrap(patch, limit_topic, "_carriage", lambda *_: 0)
    patch.setattr("naryq.exchange.sessions.caps", lambda state, *_: dict.fromkeys(state.limits.administered, 80_000))


@bug
def _(patch: pytest.MonkeyPatch) -> None:
    """The administered price is not applied."""
    patch.setattr("naryq.exchange.sessions.caps", lambda *_: {})


@bug
def _(patch: pytest.MonkeyPatch) -> None:
    """A claim is for all that was sold, not for what it lost."""
    wrap(patch, limits, "below_cost_tiyn", lambda original, cost, _, kg: original(cost, 0, kg))


@bug
def _(patch: pytest.MonkeyPatch) -> None:
    """More may be granted than was claimed."""
    wrap(patch, machine, "decide_and_fold", _generous)


def _generous(original: Callable[..., Any], state: Any, command: Any) -> Any:
    if isinstance(command, DecideClaim) and command.claim_id in state.limits.claims:
        claims = state.limits.claims
        rich = msgspec.structs.replace(claims[command.claim_id], claimed_tiyn=10**15)
        memory = msgspec.structs.replace(state.limits, claims=claims.insert(command.claim_id, rich))
        state = msgspec.structs.replace(state, limits=memory)
    return original(state, command)


@bug
def _(patch: pytest.MonkeyPatch) -> None:
    """One key opens the limit of two."""
    wrap(patch, limits, "turned", lambda original, lock, average, _, keys: original(lock, average, 0, keys))


@bug
def _(patch: pytest.MonkeyPatch) -> None:
    """The limit of two keys opens a session early."""
    wrap(patch, limits, "turned", lambda original, lock, a, p, keys: original(lock, a, p, keys._replace(sessions=1)))


@bug
def _(patch: pytest.MonkeyPatch) -> None:
    """The limit of two keys ends after its stay is over."""
    wrap(patch, limits, "turned", lambda original, lock, a, p, keys: original(lock, a, p, keys._replace(stay=9)))


@bug
def _(patch: pytest.MonkeyPatch) -> None:
    """All instruments have the network's two keys."""
    wrap(patch, parity_topic, "lock_of", lambda original, state, _: original(state, None))
    wrap(patch, parity_topic, "_turned", lambda original, state, came: original(state, came._replace(instrument=None)))


@bug
def _(patch: pytest.MonkeyPatch) -> None:
    """The two keys of an instrument bind every order."""

    def lock_of(original: Any, state: Any, instrument: Any) -> Any:
        acting = (lock for _, lock in state.limits.locks.items() if lock.acting is not None)
        return next(acting, original(state, instrument))

    wrap(patch, parity_topic, "lock_of", lock_of)


@bug
def _(patch: pytest.MonkeyPatch) -> None:
    """Sessions over an instrument turn no key."""
    patch.setattr(machine, "_FOLLOWERS", {**machine._FOLLOWERS, SessionEnded: ()})


@bug
def _(patch: pytest.MonkeyPatch) -> None:
    """The last price of a session turns its keys, whatever traded before."""

    def last(original: Any, state: Any, came: Any) -> Any:
        price = state.sessions[came.session_id].statistics.last_tenge_per_tonne
        return original(state, came if price is None else came._replace(average=price))

    wrap(patch, parity_topic, "_turned", last)


@bug
def _(patch: pytest.MonkeyPatch) -> None:
    """A lot between friends turns a key back."""
    ended = parity_topic._session_ended

    def always(state: Any, event: Any) -> Any:
        return ended(state, msgspec.structs.replace(event, reference_moved=True))

    follow = tuple(always if each is ended else each for each in machine._FOLLOWERS[SessionEnded])
    patch.setattr(machine, "_FOLLOWERS", {**machine._FOLLOWERS, SessionEnded: follow})


@bug
def _(patch: pytest.MonkeyPatch) -> None:
    """No price says that the two keys bound it."""
    patch.setattr(pricing, "_by_keys", lambda *_: ())


@bug
def _(patch: pytest.MonkeyPatch) -> None:
    """While the two keys act a market bid may pay what it likes."""
    checks = tuple(check for check in orders._CHECKS if check is not parity_topic.check_parity)

    def limited(asked: Any) -> None:
        if asked.command.order_type == "limit":
            parity_topic.check_parity(asked)

    patch.setattr(orders, "_CHECKS", (*checks, limited))


@bug
def _(patch: pytest.MonkeyPatch) -> None:
    """Pump prices have no calendar."""
    patch.setattr(limits, "judge_publication", lambda *_: None)


@bug
def _(patch: pytest.MonkeyPatch) -> None:
    """The fund has no floor."""
    patch.setattr(limits, "rationed", lambda owed, *_: owed)


@bug
def _(patch: pytest.MonkeyPatch) -> None:
    """What is left of the fund goes to the first province."""

    def first(original: Callable[..., Any], owed: tuple[int, ...], *rest: Any) -> tuple[int, ...]:
        paid = original(owed, *rest)
        return (sum(paid), *(0 for _ in paid[1:]))

    wrap(patch, limits, "rationed", first)


@bug
def _(patch: pytest.MonkeyPatch) -> None:
    """A session is not halted at its limit."""
    wrap(patch, limits, "halting", lambda original, anchor, _: original(anchor, None))


@bug
def _(patch: pytest.MonkeyPatch) -> None:
    """A halted session may reopen at once."""
    patch.setattr(bounding, "check_may_reopen", lambda *_: None)


@bug
def _(patch: pytest.MonkeyPatch) -> None:
    """After a call the limit is still drawn around the old reference."""
    wrap(
        patch,
        bounding,
        "band_of",
        lambda original, *of: msgspec.structs.replace(original(*of), anchor=None),
    )


@bug
def _(patch: pytest.MonkeyPatch) -> None:
    """The hold is rounded up."""
    wrap(patch, limits, "held", lambda original, *of: None if None in of else original(*of) + 1)


@bug
def _(patch: pytest.MonkeyPatch) -> None:
    """Affiliates are counted twice for the breadth."""
    patch.setattr(people, "group_of", lambda _, who: who)


@bug
def _(patch: pytest.MonkeyPatch) -> None:
    """A band widens without cooling off."""
    wrap(
        patch, bounding, "hold", lambda original, session, band, rules, at_ns: original(session, band, rules, at_ns * 2)
    )


@bug
def _(patch: pytest.MonkeyPatch) -> None:
    """A trade at the very edge of the band does not count."""
    wrap(patch, limits, "edge", lambda original, *of: original(*of) + 1)


def test_the_tour_is_clean() -> None:
    """Without a bug the tour ends with no finding, so that whatever a bug is caught by is due to it."""
    assert tour() == []


@pytest.mark.parametrize("name", BUGS)
def test_the_bug_is_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each planted bug is caught by the auditor or by a script that does not come true."""
    BUGS[name](monkeypatch)
    try:
        findings = tour()
    except AssertionError as failure:
        findings = [str(failure) or "an assertion"]
    assert findings, f"nobody noticed: {name}"
