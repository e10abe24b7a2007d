"""What a standard auction comes to: who gets which lots at what price, and why.

All formats share one rule. Whatever was stated becomes steps, each so many lots at a price; the best prices for the
initiator are served first, and the tie rule shares what is left at the price where the lots run out. A sealed bid is
a step, and so is a take while the price comes to meet the participants. Where they drop out as the price moves, each
lot stands at the last price at which its participant still wanted it.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from html import escape
from importlib import import_module
from itertools import groupby
from typing import Any, Final, Literal, NamedTuple

import narwhals as nw
import numpy as np

from naryq.market import intake, sheets
from naryq.market.standard_checking import Published, check_standard
from naryq.market.standard_terms import Bid, Round, Terms
from naryq.market.words import LANGUAGES, listed, say
from naryq.units import apportion, grouped

Status = Literal["sold", "partly_sold", "void"]
Reason = Literal["", "too_few_participants", "no_bids", "reserve_not_met"]

NAMED: Final = 3
"""How many participants a sentence names before it counts the rest."""
SHOWN_AWARDS: Final = 60
AWARD_HEADS: Final = ("participant", "lots", "price", "amount, tiyn")


class Award(NamedTuple):
    """Lots of one participant at one price (tenge a tonne), and what they cost (tiyn)."""

    participant: str
    quantity: int
    price: int
    amount_tiyn: int


class Outcome(NamedTuple):
    """The lots of each step, in the order given; the price of the last lot accepted; the best price left unserved."""

    filled: tuple[int, ...]
    last_accepted: int | None
    first_rejected: int | None


class AuctionWhy(NamedTuple):
    """The reasons of a result, as data; `say` gives them as one sentence in Kazakh, Russian or English.

    Attributes:
        initiator: `seller` or `buyer`.
        status: `sold`, `partly_sold` or `void`.
        reason: Why it is void: `too_few_participants`, `no_bids` or `reserve_not_met`; empty otherwise.
        participants: How many took part as the law counts them.
        minimum_participants: How many were needed.
        lots: How many lots were offered (asked for).
        quantity: How many were awarded.
        price: The price of the auction, or None.
        payment: `pay_as_bid` or `uniform`.
        marginal_participants: Who holds bids at the price of the last lot accepted.
        last_accepted: The price of the last lot accepted, or None.
        first_rejected: The best price at which a lot was wanted and not awarded, or None.
    """

    initiator: str
    status: Status
    reason: Reason
    participants: int
    minimum_participants: int
    lots: int
    quantity: int
    price: int | None
    payment: str
    marginal_participants: tuple[str, ...]
    last_accepted: int | None
    first_rejected: int | None

    @property
    def text(self) -> str:
        """One plain sentence in English."""
        return self.say("en")

    def say(self, language: str) -> str:
        """Give the reasons as one plain sentence in a language: `kk`, `ru` or `en`.

        Raises:
            Refusal: UNKNOWN_OPTION when there is no such language.
        """
        if self.price is None or self.last_accepted is None:
            numbers = {"participants": self.participants, "minimum": self.minimum_participants}
            reason = say(language, f"auction_{self.reason}", **numbers)
            return say(language, "auction_void", reason=reason)
        price = say(language, f"auction_{self.payment}", price=self.price)
        verb = "auction_sold" if self.initiator == "seller" else "auction_bought"
        margin = self._margin(language, self.last_accepted)
        return say(language, verb, quantity=self.quantity, lots=self.lots, price=price, margin=margin)

    def _margin(self, language: str, last: int) -> str:
        named = listed(language, self.marginal_participants, NAMED)
        if self.first_rejected is None:
            return say(language, "auction_margin", participants=named, price=last)
        return say(language, "auction_margin_left", participants=named, price=last, rejected=self.first_rejected)

    def as_data(self) -> dict[str, Any]:
        """Give the reasons as a dictionary of plain values, ready for JSON, the sentence in each language with them."""
        return self._asdict() | {"text": {language: self.say(language) for language in LANGUAGES}}

    def __str__(self) -> str:
        return self.text


def steps_of(terms: Terms, rounds: Sequence[Round]) -> tuple[Bid, ...]:
    """Turn what was stated into steps: so many lots of a participant at the last price at which he wanted them."""
    if terms.format == "sealed" or not terms.is_towards:
        return tuple(bid for each in rounds for bid in each.bids)
    steps = []
    for number, each in enumerate(rounds, 1):
        later = {bid.participant: bid.quantity for bid in rounds[number].bids} if number < len(rounds) else {}
        given_up = (bid._replace(quantity=bid.quantity - later.get(bid.participant, 0)) for bid in each.bids)
        steps += [step for step in given_up if step.quantity]
    return tuple(steps)


def serve(terms: Terms, steps: Sequence[Bid]) -> Outcome:
    """Serve the best prices first, up to the lots; the tie rule shares what is left where they run out."""
    filled = [0] * len(steps)
    left, last, first = terms.lots, None, None
    takers = [row for row, step in enumerate(steps) if terms.meets_reserve(step.price)]
    takers.sort(key=lambda row: (-terms.sign * steps[row].price, steps[row].at_ns, row))
    for price, group in groupby(takers, key=lambda row: steps[row].price):
        rows = list(group)
        quantities = tuple(steps[row].quantity for row in rows)
        for row, lots in zip(rows, shared(left, quantities, terms.tie), strict=True):
            filled[row] = lots
        if left:
            last = price
        if sum(quantities) > left:
            first = price
            break
        left -= sum(quantities)
    return Outcome(tuple(filled), last, first)


def shared(lots: int, quantities: tuple[int, ...], tie: str) -> tuple[int, ...]:
    """Share lots among bids at one price, given in the order of their time."""
    if sum(quantities) <= lots:
        return quantities
    if tie == "pro_rata":
        return apportion(lots, quantities)
    parts = []
    for quantity in quantities:
        parts.append(min(quantity, lots))
        lots -= parts[-1]
    return tuple(parts)


def uniform_price(terms: Terms, outcome: Outcome) -> int | None:
    """Return the one price of all lots by the rule of the terms.

    Where no lot was rejected, the first rejected price is the worst at which one could have been bid for: the start
    price or the reserve, whichever is better for the initiator; where neither bounds it, the last accepted price.
    """
    if terms.uniform_rule == "last_accepted" or outcome.last_accepted is None:
        return outcome.last_accepted
    if outcome.first_rejected is not None:
        return outcome.first_rejected
    bounds = [terms.reserve_price] if terms.reserve_price is not None else []
    bounds += [terms.start_price] if terms.is_towards else []
    return max(bounds, key=lambda price: terms.sign * price, default=outcome.last_accepted)


class StandardResult:
    """The result of a standard auction.

    Attributes:
        terms: What was agreed.
        participants: How many took part, as the law counts them.
        status: `sold`, `partly_sold` or `void`.
        reason: Why it is void; empty otherwise.
        clearing_price: The price of all lots under `uniform`, of the last lot accepted under `pay_as_bid` (tenge a
            tonne); None when void.
        awards: Who gets how many lots at which price, and what they cost: the best price first, then who came first.
        quantity: The lots awarded.
        amount_tiyn: What they cost together.
        rounds: The rounds, with the bids in force at the end of each; a sealed auction has one.
        steps: What was served: bids, takes or, where participants dropped out, the lots given up at each price.
        filled: The lots of each step.
    """

    def __init__(self, terms: Terms, participants: Iterable[str], rounds: Sequence[Round], frame: Any = None) -> None:
        """Find the awards; `StandardAuction.close` and `standard_auction` are the ways to make one."""
        self.terms = terms
        self.rounds = tuple(rounds)
        self.steps = steps_of(terms, rounds)
        self._frame = frame
        self._admitted = tuple(participants)
        self.participants = terms.counted(self._admitted)
        self._outcome = serve(terms, self.steps)
        self.reason: Reason = self._void_reason()
        if self.reason:
            self._outcome = Outcome((0,) * len(self.steps), None, None)
        self.filled = self._outcome.filled
        uniform = terms.payment == "uniform"
        self.clearing_price = uniform_price(terms, self._outcome) if uniform else self._outcome.last_accepted
        self.awards = self._awards()
        self.quantity = sum(self.filled)
        self.amount_tiyn = sum(award.amount_tiyn for award in self.awards)
        self.status: Status = "void" if self.reason else "sold" if self.quantity == terms.lots else "partly_sold"

    def _void_reason(self) -> Reason:
        if self.participants < self.terms.minimum_participants:
            return "too_few_participants"
        if not self.steps:
            return "no_bids"
        return "" if self._outcome.last_accepted is not None else "reserve_not_met"

    def _paid(self, step: Bid) -> int:
        uniform = self.clearing_price if self.terms.payment == "uniform" else None
        return step.price if uniform is None else uniform

    def _awards(self) -> tuple[Award, ...]:
        won = [(step, lots) for step, lots in zip(self.steps, self.filled, strict=True) if lots]
        won.sort(key=lambda each: (-self.terms.sign * each[0].price, each[0].at_ns))
        lots_of: dict[tuple[str, int], int] = {}
        for step, lots in won:
            key = step.participant, self._paid(step)
            lots_of[key] = lots_of.get(key, 0) + lots
        return tuple(
            Award(name, lots, price, self.terms.amount_tiyn(price, lots)) for (name, price), lots in lots_of.items()
        )

    @property
    def fills(self) -> Any:
        """One row a step, in the order given and in the caller's own kind of table: what it got and what it pays.

        Columns: `participant`, `quantity` (lots), `price` (tenge a tonne; that of the bid where it got nothing),
        `amount_tiyn`. An auction driven by calls gives a mapping of columns.
        """
        prices = [self._paid(step) if lots else step.price for step, lots in zip(self.steps, self.filled, strict=True)]
        amounts = map(self.terms.amount_tiyn, prices, self.filled)
        columns = {"price": prices, "amount_tiyn": list(amounts)}
        frame = self._frame
        if frame is None:
            frame = {"participant": [step.participant for step in self.steps]}
        return _with_columns(intake.answer(frame, ("participant",), np.array(self.filled, np.int64)), columns)

    def check(self) -> None:
        """Judge the result by the rules themselves, in code that the auction does not use.

        Raises:
            AssertionError: What was found wrong, in one sentence.
        """
        answer = self.status, self.reason, self.participants, self.clearing_price, self.awards, self.amount_tiyn
        check_standard(self.terms, self._admitted, self.rounds, Published(*answer))
        self._check_fills()

    def _check_fills(self) -> None:
        """Hold the lots of each step against the awards, which were judged by the rules."""
        awarded = sum(award.quantity for award in self.awards)
        assert self.quantity == awarded, f"{awarded} lots are awarded, not {self.quantity}"
        filled: Counter[tuple[str, int]] = Counter()
        for step, lots in zip(self.steps, self.filled, strict=True):
            assert 0 <= lots <= step.quantity, f"{step.participant} gets {lots} lots of {step.quantity}"
            filled[step.participant, self._paid(step)] += lots
        expected = Counter({(award.participant, award.price): award.quantity for award in self.awards})
        assert +filled == expected, "the fills are not what is awarded"

    def why(self) -> AuctionWhy:
        """Say why the auction ended as it did."""
        last = self._outcome.last_accepted
        marginal = dict.fromkeys(
            step.participant for step, lots in zip(self.steps, self.filled, strict=True) if lots and step.price == last
        )
        return AuctionWhy(
            initiator=self.terms.initiator,
            status=self.status,
            reason=self.reason,
            participants=self.participants,
            minimum_participants=self.terms.minimum_participants,
            lots=self.terms.lots,
            quantity=self.quantity,
            price=self.clearing_price,
            payment=self.terms.payment,
            marginal_participants=tuple(marginal),
            last_accepted=last,
            first_rejected=self._outcome.first_rejected,
        )

    def picture(self, *, kind: str = "svg", language: str = "en") -> bytes:
        """Draw what was bid, the best first, what of it won, and at which price.

        The same result gives the same bytes on each run. Needs matplotlib: `python -m pip install matplotlib`.

        Args:
            kind: `svg` or `png`.
            language: Of the labels: `en`, `kk` or `ru`.

        Raises:
            Refusal: UNKNOWN_OPTION for another kind or language; NOT_SUPPORTED where matplotlib is missing.
        """
        # The drawing stands above the market and knows it, not the other way round (docs/decisions).
        drawn: bytes = import_module("naryq.pictures").auction_picture(self, kind=kind, language=language)
        return drawn

    def __repr__(self) -> str:
        text = self.why().text
        return sheets.as_text(AWARD_HEADS, self._rows(), [*self._more(), text]) if self.awards else text

    def _repr_html_(self) -> str:
        text = self.why().text
        notes = [*self._more(), text]
        return sheets.as_html(AWARD_HEADS, self._rows(), notes) if self.awards else f"<p>{escape(text)}</p>"

    def _rows(self) -> list[tuple[str, ...]]:
        return [(each.participant, *map(grouped, each[1:])) for each in self.awards[:SHOWN_AWARDS]]

    def _more(self) -> list[str]:
        more = len(self.awards) - SHOWN_AWARDS
        return [f"... and {more} more awards."] if more > 0 else []


def _with_columns(table: Any, columns: dict[str, list[int]]) -> Any:
    if isinstance(table, dict):
        return table | {name: np.array(values, np.int64) for name, values in columns.items()}
    wrapped = nw.from_native(table, eager_only=True)
    series = [
        nw.new_series(name, values, nw.Int64(), backend=wrapped.implementation) for name, values in columns.items()
    ]
    if wrapped.implementation.is_pandas():  # The caller's index, which a new series would not share.
        return table.assign(**{each.name: each.to_numpy() for each in series})
    return wrapped.with_columns(*series).to_native()
