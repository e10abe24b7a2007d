"""`naryq.StandardAuction`: the standard auction of Kazakhstan's exchange law, one initiator against many participants.

The law: deals are made in an auction down or up, at the best price for the buyer or seller who initiated it (Law of
4 May 2009 No 155-IV on commodity exchanges, article 1, subparagraph 16-1, and article 15-1, paragraph 3).

>>> import naryq
>>> auction = naryq.StandardAuction(
...     initiator="seller", direction="up", format="open", payment="uniform", lots=10, start_price=80_000, step=5_000
... )
>>> for name, lots in (("Aktobe", 6), ("Kostanay", 5), ("Turkistan", 4)):
...     auction.bid(name, lots, at_ns=0)
>>> auction.next_round()
85000
>>> auction.bid("Aktobe", 6, at_ns=60)
>>> auction.bid("Kostanay", 3, at_ns=61)
>>> print(auction.next_round())
None
>>> result = auction.close()
>>> result
participant  lots   price   amount, tiyn
Aktobe          6  80 000  1 728 000 000
Kostanay        4  80 000  1 152 000 000
10 of 10 lots sold: all at 80 000 tenge a tonne; Kostanay won the last at 80 000, and the best price left without was \
80 000.
>>> result.check()
"""

from typing import Any, Unpack

from naryq.market.intake import Table
from naryq.market.standard_awards import StandardResult
from naryq.market.standard_terms import Bid, Options, Round, Terms, bounded, check_name
from naryq.messages import Code, Refusal
from naryq.units import INT64_MAX

BID_COLUMNS = ("participant", "price", "quantity")


class StandardAuction:
    """One standard auction as a machine without a clock: who does what, and when, comes with each call.

    Keywords are the terms, as `naryq.market.standard_terms.Terms` explains them. A refused call changes nothing.

    Open, towards the initiator's gain (a seller's auction up, a buyer's down): in each round the participants say how
    many lots they want at its price, never more than in the round before; who says nothing has dropped out. The price
    moves on while more lots are wanted than there are. Those who drop out of the last round share what is left over at
    the price before.

    Open, away from it (a seller's auction down, a buyer's up): in each round participants take lots at its price, for
    good. The price moves on while lots are left and the initiator takes the next price.

    Sealed: each participant bids in as many steps as he likes, each so many lots at a price; nobody sees them before
    the close.

    Raises:
        Refusal: `unknown_option`, `wrong_type`, `out_of_range` or `overflow` for terms that make no auction.

    >>> auction = StandardAuction(
    ...     initiator="buyer", direction="down", format="sealed", payment="pay_as_bid", lots=3, start_price=99_000
    ... )
    >>> auction.bid("North", 2, 91_000, at_ns=1)
    >>> auction.bid("South", 2, 90_000, at_ns=2)
    >>> [award[:3] for award in auction.close().awards]
    [('South', 2, 90000), ('North', 1, 91000)]
    """

    def __init__(self, **terms: Unpack[Options]) -> None:
        self.terms = Terms(**terms)
        self._admitted: dict[str, None] = {}
        self._rounds: list[Round] = []
        self._bids: dict[str | int, Bid] = {}
        self._entered = 0
        self._wanted: dict[str, int] = {}
        self._allowed: dict[str, int] = {}
        self._left = self.terms.lots
        self._now_ns = 0
        self._phase = "bidding"

    @property
    def phase(self) -> str:
        """`bidding`; `ended` when the last round is over; `closed` when the result has been given."""
        return self._phase

    @property
    def round_number(self) -> int:
        """The number of the round that is on, or of the last one, counted from 1."""
        return len(self._rounds) + (self._phase == "bidding")

    @property
    def price(self) -> int | None:
        """The price of that round (tenge a tonne); None in a sealed auction."""
        return self.terms.price_of(self.round_number) if self._is_open else None

    @property
    def left(self) -> int:
        """The lots that nobody has taken before this round; all of them where lots are won at the end only."""
        return self._left

    @property
    def rounds(self) -> tuple[Round, ...]:
        """The rounds that are over."""
        return tuple(self._rounds)

    @property
    def _is_open(self) -> bool:
        return self.terms.format == "open"

    @property
    def _has_drop_outs(self) -> bool:
        return self._is_open and self.terms.is_towards

    def admit(self, participant: str, *, at_ns: int) -> None:
        """Admit a participant to an open auction before its first round is over; whoever bids in it is admitted too.

        All who are admitted count: while the price comes to meet them, they take part by waiting.

        Raises:
            Refusal: `wrong_phase` later or in a sealed auction, where bidding alone counts; `not_permitted` for the
                initiator and his affiliates; `wrong_type` or `time_backward`.
        """
        self._require("bidding", "admission")
        if not self._is_open or self.round_number > 1:
            what = "admission is open in the first round only" if self._is_open else "a sealed auction admits nobody"
            raise Refusal(Code.WRONG_PHASE, what, remedy="In an open auction admit before; in a sealed one, bid.")
        self.terms.check_admissible(participant)
        self._now_ns = self._at(at_ns)
        self._admitted[participant] = None

    def bid(self, participant: str, quantity: int, price: int | None = None, *, at_ns: int) -> None:
        """State how many lots a participant wants, at the price of the round or, sealed, at a price of his own.

        Where participants drop out, a second statement in a round replaces the first, time included, and 0 drops out
        at once. A take stands; a second one adds to it. Each sealed bid is a step of its own.

        Args:
            participant: His identifier.
            quantity: Lots: at most those on offer, those of his last round or those left, as the format says.
            price: Tenge a tonne; needed in a sealed auction, otherwise the price of the round or nothing.
            at_ns: When: no earlier than the call before.

        Raises:
            Refusal: `wrong_phase`, `not_permitted`, `unknown_participant`, `wrong_type`, `out_of_range` or
                `time_backward`.
        """
        self._require("bidding", "a bid")
        self.terms.check_admissible(participant)
        self._check_admitted(participant)
        price = self._round_price(price) if self._is_open else self.terms.check_price(price)
        quantity = self._checked_quantity(participant, quantity)
        self._now_ns = self._at(at_ns)
        self._admitted[participant] = None
        self._enter(Bid(participant, price, quantity, self._now_ns, self.round_number))

    def _enter(self, bid: Bid) -> None:
        """Put a checked bid into force: where participants drop out, one each; else all side by side."""
        self._entered += 1
        if self._has_drop_outs:
            self._bids.pop(bid.participant, None)
            self._wanted.pop(bid.participant, None)
        if bid.quantity:
            self._bids[bid.participant if self._has_drop_outs else self._entered] = bid
            self._wanted[bid.participant] = self._wanted.get(bid.participant, 0) + bid.quantity

    def withdraw(self, participant: str, *, at_ns: int) -> None:
        """Take back all sealed bids of a participant, before the close.

        Raises:
            Refusal: `wrong_phase` in an open auction, where a bid of 0 drops out and a take stands, or after the
                close; `unknown_participant` when there are none; `wrong_type` or `time_backward`.
        """
        self._require("bidding", "a withdrawal")
        if self._is_open:
            remedy = "Bid 0 where participants drop out; a take stands."
            raise Refusal(Code.WRONG_PHASE, "only sealed bids can be withdrawn", remedy=remedy)
        check_name("participant", participant)
        if participant not in self._wanted:
            raise Refusal(Code.UNKNOWN_PARTICIPANT, f"{participant!r} has no bid", remedy="Name one who has.")
        self._now_ns = self._at(at_ns)
        self._bids = {key: bid for key, bid in self._bids.items() if bid.participant != participant}
        del self._wanted[participant], self._admitted[participant]

    def next_round(self) -> int | None:
        """End the round, and call the next.

        Returns:
            The price of the next round; None when the auction has ended and waits to be closed.

        Raises:
            Refusal: `wrong_phase` in a sealed auction, or when it has ended.
        """
        self._require("bidding", "a next round")
        if not self._is_open:
            raise Refusal(Code.WRONG_PHASE, "a sealed auction has no rounds", remedy="Close it.")
        if self._is_last():
            self._end_round()
            self._phase = "ended"
            return None
        self._end_round()
        return self.price

    def close(self) -> StandardResult:
        """End the auction and find the awards. The initiator may stop where the price comes to meet the participants.

        Raises:
            Refusal: `wrong_phase` while more lots are wanted in a round than there are, or when it is closed.
        """
        if self._phase == "bidding":
            if self._has_drop_outs and not self._is_last():
                what = f"round {self.round_number} is not the last: more is wanted, or the reserve is not met"
                raise Refusal(Code.WRONG_PHASE, what, remedy="Call the next round.")
            self._end_round()
            self._phase = "ended"
        self._require("ended", "a close")
        self._phase = "closed"
        return StandardResult(self.terms, self._admitted, self._rounds)

    def judge_by(self, terms: Terms) -> None:
        """Go on under terms that say otherwise who belongs together: that may be learnt while the auction runs.

        What was said and called before stands; later bids, and how many took part, are judged by these terms.
        """
        self.terms = terms

    def _require(self, phase: str, what: str) -> None:
        if self._phase != phase:
            what = f"the auction has {self._phase} and takes no more: {what}"
            raise Refusal(Code.WRONG_PHASE, what, remedy="Begin another auction, or close one that has ended.")

    def _at(self, at_ns: int) -> int:
        at_ns = bounded("at_ns", at_ns, 0, INT64_MAX)
        if at_ns < self._now_ns:
            what = f"at_ns is {at_ns}, before {self._now_ns}"
            raise Refusal(Code.TIME_BACKWARD, what, remedy="Give calls in the order of their time.")
        return at_ns

    def _check_admitted(self, participant: str) -> None:
        if self._is_open and self.round_number > 1 and participant not in self._admitted:
            what = f"{participant} was not admitted in the first round"
            raise Refusal(Code.UNKNOWN_PARTICIPANT, what, remedy="Admit before the first round ends.")

    def _round_price(self, price: int | None) -> int:
        called = self.terms.price_of(self.round_number)
        if price is not None and bounded("price", price, 0, INT64_MAX) != called:
            what = f"price is {price}, and round {self.round_number} is called at {called}"
            raise Refusal(Code.OUT_OF_RANGE, what, remedy="Leave it out, or give the price of the round.")
        return called

    def _checked_quantity(self, participant: str, quantity: Any) -> int:
        if not self._is_open:
            return bounded("quantity", quantity, 1, self.terms.lots)
        if not self.terms.is_towards:
            most = self._left - self._wanted.get(participant, 0)
            if most < 1:
                what = f"{participant} has taken all {self._left} lots left"
                raise Refusal(Code.OUT_OF_RANGE, what, remedy="There is no more to take.")
            return bounded("quantity", quantity, 1, most)
        if self.round_number == 1:
            return bounded("quantity", quantity, 0, self.terms.lots)
        return bounded("quantity", quantity, 0, self._allowed.get(participant, 0))

    def _is_last(self) -> bool:
        """Whether the auction ends with the round that is on."""
        terms, wanted = self.terms, sum(self._wanted.values())
        price = terms.price_of(self.round_number)
        if terms.counted(self._admitted) < terms.minimum_participants:
            return True
        if not terms.is_possible(terms.price_of(self.round_number + 1)):
            return True
        if not terms.is_towards:
            return wanted >= self._left
        return wanted == 0 or (wanted <= terms.lots and terms.meets_reserve(price))

    def _end_round(self) -> None:
        wanted = sum(self._wanted.values())
        self._rounds.append(Round(self.round_number, self.price, wanted, tuple(self._bids.values())))
        if self._is_open and not self.terms.is_towards:
            self._left = max(0, self._left - wanted)
        self._allowed, self._wanted, self._bids = self._wanted, {}, {}


def standard_auction(bids: Any, **terms: Unpack[Options]) -> StandardResult:
    """Hold a whole sealed auction at once.

    Args:
        bids: A pandas, Polars or PyArrow table, or a mapping of columns: `participant` (text), `price` (whole tenge a
            tonne), `quantity` (whole lots) and, optional, `submitted_at` (whole nanoseconds). One row a step; without
            times the earlier row came first.
        terms: As for `StandardAuction`; the format is sealed.

    Returns:
        The result; its `fills` are in the caller's own kind of table, one row a bid, in the order given.

    Raises:
        Refusal: Whatever is wrong with the terms or the bids: its code, the row (the first is row 1) and what to do.

    >>> bids = {"participant": ["A", "B", "C"], "price": [90, 95, 90], "quantity": [4, 5, 4]}
    >>> result = standard_auction(
    ...     bids, initiator="seller", direction="up", payment="uniform", lots=9, start_price=80, tie="pro_rata"
    ... )
    >>> result.fills["quantity"].tolist(), result.clearing_price
    ([2, 5, 2], 90)
    """
    terms.setdefault("format", "sealed")
    agreed = Terms(**terms)
    if agreed.format != "sealed":
        raise Refusal(Code.UNKNOWN_OPTION, f"format is {agreed.format!r}", remedy="Rounds need a StandardAuction.")
    table = Table("bids", bids)
    table.require(BID_COLUMNS, ("submitted_at",))
    stated = _read_bids(table, agreed)
    wanted = sum(bid.quantity for bid in stated)
    return StandardResult(agreed, {bid.participant: None for bid in stated}, [Round(1, None, wanted, stated)], bids)


def _read_bids(table: Table, terms: Terms) -> tuple[Bid, ...]:
    words = table.words("participant")
    prices = table.integers("price").tolist()
    quantities = table.integers("quantity", 1, terms.lots).tolist()
    times = table.integers("submitted_at", 0).tolist() if "submitted_at" in table.columns else [0] * table.rows
    names = [words.names[code] for code in words.codes.tolist()]
    for row, (name, price) in enumerate(zip(names, prices, strict=True)):
        try:
            terms.check_admissible(name)
            terms.check_price(price)
        except Refusal as refusal:
            raise table.refusal(refusal.code, row, refusal.what, refusal.remedy) from None
    return tuple(map(Bid, names, prices, quantities, times))
