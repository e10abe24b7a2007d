"""Days of trading over one instrument as scripts that a trader can read: one line an order, the outcome at the end.

rules    self_trade cancel_newest            rules of the sample rulebook
session  continuous [call]                   its kind; with an opening call
11:00    zhanaozen sell 90000 5 as a [words] at once: `ioc`, `fok`; `post`; `market`; [-> refusal code]
11:01    aktau     amend b 91000 3           price and lots
11:02    aktau     cancel b                  `cancel all` for all of one's own
11:03    phase call                          what the operator does; also `close`, `clear`, `round`, `publish`
trade    b a 90000 2                         the next trade: buyer's order, seller's order, price, lots
book     a:90000:3 b:89000:1                 what is left: sellers from the best, then buyers from the best
closes   89500 of 7                          weighted average and volume that are published
"""

from collections.abc import Callable
from typing import Any

import pytest
from tests.trading_samples import asked, over, venue
from tests.venue_samples import Answer, Desk, instant, rulebook

from naryq import exchange
from naryq.exchange.book import queue
from naryq.messages import (
    AmendOrder,
    CancelAll,
    CancelOrder,
    ChangePhase,
    ClearSession,
    CloseSession,
    NextRound,
    OpenSession,
    PublishSession,
    SessionPublished,
    SubmitOrder,
    Traded,
)

DAYS = {
    "the better price, then the earlier order, at the price of the book": """
        session continuous
        11:00   zhanaozen sell 90000 5 as a
        11:01   atyrau    sell 90000 5 as b
        11:02   atyrau    sell 89000 2 as c
        11:03   aktau     buy  90000 8 as d
        trade   d c 89000 2
        trade   d a 90000 5
        trade   d b 90000 1
        book    b:90000:4
        13:00   close
        13:01   publish
        closes  89750 of 8
    """,
    "a robot that lifts its own offer is stopped by the ban on cross-trades": """
        rules   who_may_sell seller buyer
        rules   self_trade cancel_newest
        session continuous
        11:00   aktau  sell 95000 1 as mine
        11:01   aktau  buy  95000 1 as robot
        11:02   dossor buy  95000 1 as honest
        trade   honest mine 95000 1
        book
    """,
    "all or nothing, now or never, and only to wait": """
        session continuous
        11:00   zhanaozen sell 90000 2 as a
        11:01   aktau     buy  90000 3 as all fok
        11:02   dossor    buy  90000 1 as wait post
        11:03   dossor    buy  90000 3 as now ioc
        trade   now a 90000 2
        book
    """,
    "a halt, a call, and one price for all": """
        session continuous call
        11:00   zhanaozen sell 90000 4 as a
        11:01   aktau     buy  92000 3 as b
        11:02   phase continuous
        trade   b a 90000 3
        11:10   phase halted
        11:11   dossor    buy  99000 9 as c -> wrong_phase
        11:12   phase call
        11:13   dossor    buy  99000 2 as c
        11:14   atyrau    sell 95000 2 as d
        11:15   phase continuous
        trade   c a 95000 1
        trade   c d 95000 1
        book    d:95000:1
        13:00   close
        13:01   publish
        closes  92000 of 5
    """,
    "less keeps the place, more loses it": """
        session continuous
        11:00   zhanaozen sell 90000 5 as a
        11:01   atyrau    sell 90000 5 as b
        11:02   zhanaozen amend a 90000 4
        11:03   aktau     buy  90000 1 as c
        trade   c a 90000 1
        11:04   zhanaozen amend a 90000 6
        11:05   aktau     buy  90000 1 as d
        trade   d b 90000 1
        book    b:90000:4 a:90000:6
        11:06   zhanaozen cancel all
        11:07   zhanaozen cancel a -> unknown_order
        book    b:90000:4
    """,
    "a call collects, closes with its window and is cleared": """
        session call
        11:00   zhanaozen sell 90000 5 as a
        12:00   aktau     buy  94000 2 as b
        12:01   dossor    buy  91000 9 as c
        12:02   dossor    buy  91000 9 as d ioc -> not_supported
        13:00   aktau     buy  99000 9 as e -> outside_window
        13:01   close
        13:02   clear
        trade   b a 91000 2
        trade   c a 91000 3
        13:03   publish
        closes  91000 of 5
    """,
    "nobody comes": """
        session continuous
        13:00   close
        13:01   publish
        closes  - of 0
    """,
}
WORDS: dict[str, dict[str, Any]] = {
    "ioc": {"time_in_force": "immediate_or_cancel"},
    "fok": {"time_in_force": "fill_or_kill"},
    "post": {"post_only": True},
    "market": {"order_type": "market"},
}
STEPS = {"close": CloseSession, "clear": ClearSession, "round": NextRound, "publish": PublishSession}


class Day:
    """Plays a script line by line; a line that does not come true fails with itself as the message."""

    def __init__(self, text: str) -> None:
        self.rules: dict[str, Any] = {}
        self.desk: Desk | None = None
        self.trades: list[Traded] = []
        self.past: list[tuple[exchange.State, str]] = []
        """Every state on the way with its hash then: a state stays what it was."""
        self.told = 0
        self.published: SessionPublished | None = None
        self.line = ""
        for line in text.strip().split("\n"):
            self.line = line.strip()
            self.play(*self.line.split())
        assert self.at_work.findings == []
        self.expect(self.told, len(self.trades))
        assert exchange.state_hash(self.at_work.read_back()) == exchange.state_hash(self.at_work.state)
        assert [exchange.state_hash(state) for state, _ in self.past] == [then for _, then in self.past]

    @property
    def at_work(self) -> Desk:
        assert self.desk is not None, "a script opens its session first"
        return self.desk

    def expect(self, found: object, told: object) -> None:
        assert found == told, f"{self.line}: found {found}"

    def play(self, first: str, *words: str) -> None:
        if ":" in first:
            self.at_work.at_ns = max(self.at_work.at_ns, instant(first))
            words, refusal = (words[:-2], words[-1]) if "->" in words else (words, None)
            self.past.append((self.at_work.state, exchange.state_hash(self.at_work.state)))
            answer = self.step(*words)
            self.expect(answer.code, refusal)
            self.trades += [event for event in answer.events if isinstance(event, Traded)]
            return
        line: Callable[..., None] = getattr(self, "rule" if first == "rules" else first)
        line(*words)

    def step(self, who: str, *words: str) -> Answer:
        desk, common = self.at_work, {"session_id": "day"}
        if who in STEPS:
            answer = desk.give(STEPS[who], "operator", **common)
            if isinstance(answer.events[0], SessionPublished):
                self.published = answer.events[0]
            return answer
        if who == "phase":
            return desk.give(ChangePhase, "operator", **common, phase=words[0], reason="by the script")
        if words == ("cancel", "all"):
            return desk.give(CancelAll, who, **common)
        if words[0] == "cancel":
            return desk.give(CancelOrder, who, **common, order_id=words[1])
        if words[0] == "amend":
            fields = {"price_tenge_per_tonne": int(words[2]), "quantity_lots": int(words[3])}
            return desk.give(AmendOrder, who, **common, order_id=words[1], **fields)
        return self.order(who, *words)

    def order(self, who: str, side: str, price: str, lots: str, _: str, name: str, *more: str) -> Answer:
        changes = {key: value for word in more for key, value in WORDS[word].items()}
        delivery = "KZ-47" if side == "buy" else None
        fields = asked(name, side, int(price), int(lots), delivery=delivery, **changes)
        return self.at_work.give(SubmitOrder, who, **fields)

    # --- What is set up, and what must come out -------------------------------------------------------------------

    def rule(self, name: str, *words: str) -> None:
        self.rules[name] = words if name.startswith("who_may") else words[0]

    def session(self, kind: str, *words: str) -> None:
        self.desk = venue(rulebook(**self.rules))
        self.desk.must(OpenSession, "operator", **over(kind, opening_call=words == ("call",)))

    def trade(self, *told: str) -> None:
        assert self.told < len(self.trades), f"{self.line}: nothing more has traded"
        found = self.trades[self.told]
        self.told += 1
        terms = (found.buy_order_id, found.sell_order_id, found.price_tenge_per_tonne, found.quantity_lots)
        self.expect(tuple(map(str, terms)), told)

    def book(self, *told: str) -> None:
        session = self.at_work.state.sessions["day"]
        assert session.book is not None
        numbers = [*queue(session.book, "sell"), *queue(session.book, "buy")]
        orders = [session.orders[number] for number in numbers]
        found = [f"{order.order_id}:{order.price_tenge_per_tonne}:{order.quantity_lots}" for order in orders]
        self.expect(found, list(told))

    def closes(self, average: str, _: str, volume: str) -> None:
        assert self.published is not None
        price = self.published.weighted_average_tenge_per_tonne
        self.expect(
            ("-" if price is None else str(price), str(self.published.statistics.volume_lots)), (average, volume)
        )


@pytest.mark.parametrize("name", DAYS)
def test_the_day_ends_as_told(name: str) -> None:
    """Every line of the script comes true, and nothing has traded that it does not tell."""
    Day(DAYS[name])


def test_a_script_sees_what_is_told_wrong() -> None:
    """A price told wrong, a trade left out and a book told wrong fail with the line."""
    text = DAYS["the better price, then the earlier order, at the price of the book"]
    for right, wrong in (
        ("d c 89000 2", "d c 89001 2"),
        ("        trade   d b 90000 1\n", ""),
        ("b:90000:4", "b:90000:3"),
    ):
        assert right in text
        with pytest.raises(AssertionError):
            Day(text.replace(right, wrong))
