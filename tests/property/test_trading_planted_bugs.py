"""Bugs planted in sessions, series, references and auctions, one at a time: a test of theirs must catch each."""

from collections.abc import Callable, Iterator
from types import MappingProxyType
from typing import Any

import msgspec
import pytest
from tests.scenarios import test_trading_days as days
from tests.unit import test_order_limits as limit_tests
from tests.unit import test_people as people_tests
from tests.unit import test_series as series_tests
from tests.unit import test_trading as sessions_tests
from tests.unit import test_venue_auctions as auction_tests

from naryq.exchange import auctions, calendar, limits, orders, people, series, sessions, trading
from naryq.exchange.state import ordered
from naryq.messages import Code, OrderCancelled, Phase, Refusal

Plant = Callable[[Any], Any]


def _returns(value: Any) -> Plant:
    return lambda _: lambda *__: value


def _with(**changes: Any) -> Plant:
    """Let a function return what it did, with fields changed."""
    return lambda original: lambda *asked: msgspec.structs.replace(original(*asked), **changes)


def _without(*names: str) -> Plant:
    return lambda checks: tuple(check for check in checks if check.__name__ not in names)


def _unweighted(_: Any) -> Any:
    def average(found: Any) -> int | None:
        first, last = found.first_tenge_per_tonne, found.last_tenge_per_tonne
        return None if first is None else (first + last) // 2

    return average


def _anybodys(_: Any) -> Any:
    def cancelled(session: Any, __: Any, reason: str) -> Iterator[OrderCancelled]:
        return (OrderCancelled(order.session_id, order.order_id, reason) for order in ordered(session.orders))

    return cancelled


def _tells(original: Any) -> Any:
    """Say in a refusal what somebody else has bid."""

    def check(asked: Any, bid: Any) -> None:
        others = [order for order in ordered(asked.session.orders) if order.participant_id != bid.participant]
        if len(others) > 1:
            best = max(order.price_tenge_per_tonne for order in others)
            raise Refusal(Code.OUT_OF_RANGE, f"somebody bids {best}", remedy="Bid more.")
        original(asked, bid)

    return check


def _any_phase(_: Any) -> Any:
    every: tuple[Phase, ...] = ("announced", "call", "continuous", "halted", "cancelled")
    return MappingProxyType(dict.fromkeys(every, every))


def _from_the_command(original: Any) -> Any:
    """Take the least number of participants from the command, not from the rules."""
    return lambda state, opened, given, _: original(state, opened, given, given.minimum_participants)


def _last_first(original: Any) -> Any:
    return lambda book, side: iter(list(original(book, side))[::-1])


A = "the better price, then the earlier order, at the price of the book"
BUGS: dict[str, tuple[Any, str, Plant, Callable[[], Any]]] = {
    "a series goes on when it is not needed": (
        *(series, "_cancelled", _returns(())),
        series_tests.test_deals_in_the_region_spare_the_republic,
    ),
    "a series ends before the region has had its turn": (
        *(series, "_is_ahead", _returns(value=False)),
        series_tests.test_deals_in_the_region_spare_the_republic,
    ),
    "a session's base price is not the last average": (
        *(series, "_base_price", _returns((80_000, "a guess"))),
        series_tests.test_the_last_average_is_the_base_price,
    ),
    "every weekday is a trading day": (
        *(calendar, "is_trading_day", _returns(value=True)),
        series_tests.test_no_session_is_held_on_a_day_of_rest,
    ),
    "one lot moves the reference": (
        *(sessions, "ended", _with(reference_moved=True)),
        sessions_tests.test_too_little_volume_moves_no_reference,
    ),
    "the average is not weighted": (
        *(sessions, "weighted_average_of", _unweighted),
        sessions_tests.test_a_continuous_session_ends_with_its_statistics,
    ),
    "any phase follows any other": (
        *(sessions, "_CONTINUOUS", _any_phase),
        lambda: sessions_tests.test_a_phase_follows_only_where_it_may("continuous"),
    ),
    "a halted session takes orders": (
        *(orders, "TAKING", lambda phases: (*phases, "halted")),
        sessions_tests.test_a_halted_session_takes_nothing_and_gives_back,
    ),
    "a cancelled session keeps its orders": (
        *(orders, "cancelled_of", _returns(())),
        sessions_tests.test_a_cancelled_session_gives_every_order_back,
    ),
    "whoever cancels all cancels everybody's": (
        *(orders, "cancelled_of", _anybodys),
        sessions_tests.test_all_orders_of_one_are_taken_back_at_once,
    ),
    "gas is delivered anywhere": (
        *(orders, "_CHECKS", _without("_check_delivery")),
        sessions_tests.test_a_session_for_a_region_takes_buyers_of_it_alone,
    ),
    "an order that must trade at once waits in a call": (
        *(orders, "_CHECKS", _without("_check_kind")),
        sessions_tests.test_only_a_continuous_phase_trades_at_once,
    ),
    "the window of a session does not bind": (
        *(orders, "check_window", _returns(None)),
        lambda: days.Day(days.DAYS["a call collects, closes with its window and is cleared"]),
    ),
    "the book is read from its worst end": (
        *(trading, "queue", _last_first),
        lambda: days.Day(days.DAYS[A]),
    ),
    "what is stopped trades on": (
        *(trading, "is_held", _returns(value=False)),
        sessions_tests.test_a_stopped_order_is_traded_past,
    ),
    "affiliates count each": (
        *(people, "group_of", lambda _: lambda __, participant_id: participant_id),
        auction_tests.test_affiliates_count_once_and_the_initiators_may_not_bid,
    ),
    "the command says how many make an auction": (
        *(auctions, "checked_terms", _from_the_command),
        auction_tests.test_the_rule_says_how_many_it_takes,
    ),
    "a refusal tells a sealed bid": (
        *(auctions, "_check_sealed", _tells),
        auction_tests.test_nobody_learns_of_a_sealed_bid,
    ),
    "the initiator's own wins if it was found out late": (
        *(auctions, "_is_out", lambda _: trading.is_held),
        lambda: auction_tests.test_who_turns_out_to_be_the_initiators_own_wins_nothing("sealed"),
    ),
    "whoever is found out stops the auction": (
        *(auctions, "_apart", lambda _: lambda affiliates, __: affiliates),
        lambda: auction_tests.test_who_turns_out_to_be_the_initiators_own_wins_nothing("open"),
    ),
    "an open bid can be taken back": (
        *(auctions, "check_may_leave", _returns(None)),
        auction_tests.test_sealed_bids_can_be_taken_back_and_open_ones_stand,
    ),
    "an auction closes while more is wanted": (
        *(auctions, "check_may_close", _returns(None)),
        auction_tests.test_an_auction_in_which_more_is_wanted_cannot_be_closed,
    ),
    "a reduced bid is asked for nothing": (
        *(limits, "check_reduced", _returns(None)),
        limit_tests.test_a_bid_is_not_reduced_below_the_smallest_batch,
    ),
    "a reduced bid is asked for the largest batch too": (
        *(limits, "check_reduced", lambda _: limits.check_batch),
        limit_tests.test_whoever_is_above_a_new_largest_batch_may_come_down,
    ),
    "an amended order may trade that only posts": (
        *(orders, "_as_submitted", _with(post_only=False)),
        sessions_tests.test_an_order_that_only_posts_posts_only_when_amended_too,
    ),
    "affiliates have a second each": (
        *(limits, "_sent_by_group", lambda _: lambda state, who: state.limits.sent.get(who, ())),
        limit_tests.test_affiliates_share_one_second,
    ),
    "the operator makes its own regulator": (
        *(people, "_has_regulator", _returns(value=False)),
        people_tests.test_the_operator_makes_no_second_regulator,
    ),
    "a bid of an old round is taken at a new price": (
        *(orders, "_CHECKS", _without("check_bid")),
        auction_tests.test_rounds_are_called_until_enough_have_dropped_out,
    ),
}


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_caught(bug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test passes without the bug, and with it fails or breaks an assertion of the venue."""
    module, name, plant, test = BUGS[bug]
    test()
    monkeypatch.setattr(module, name, plant(getattr(module, name)))
    with pytest.raises((AssertionError, KeyError, Refusal)):
        test()
