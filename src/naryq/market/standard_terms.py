"""What is agreed before a standard auction begins: who asks for it, which way the price goes, who pays what."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple, Required, TypedDict

import numpy as np

from naryq.market.intake import HIGHEST_PRICE, HIGHEST_QUANTITY
from naryq.messages import Code, Refusal
from naryq.units import INT64_MAX, amount_tiyn, grouped

Initiator = Literal["seller", "buyer"]
Direction = Literal["up", "down"]
Format = Literal["open", "sealed"]
Payment = Literal["pay_as_bid", "uniform"]
UniformRule = Literal["last_accepted", "first_rejected"]
Tie = Literal["time", "pro_rata"]

CHOICES: Final = MappingProxyType(
    {
        "initiator": ("seller", "buyer"),
        "direction": ("up", "down"),
        "format": ("open", "sealed"),
        "payment": ("pay_as_bid", "uniform"),
        "uniform_rule": ("last_accepted", "first_rejected"),
        "tie": ("time", "pro_rata"),
        "reserve_published": (False, True),
        "initiator_counts": (False, True),
    }
)
HIGHEST_LOT_KG: Final = 10**9
EXACT_KG: Final = 10
"""A lot is a multiple of it: then a price in whole tenge a tonne makes whole tiyn, and no amount is ever rounded."""
RANGES: Final = MappingProxyType(
    {
        "lots": (1, HIGHEST_QUANTITY),
        "start_price": (0, HIGHEST_PRICE),
        "step": (1, HIGHEST_PRICE),
        "reserve_price": (0, HIGHEST_PRICE),
        "minimum_participants": (1, HIGHEST_QUANTITY),
        "lot_kg": (EXACT_KG, HIGHEST_LOT_KG),
    }
)
PRICE_WORDS: Final = MappingProxyType({1: "above", -1: "below"})


class Bid(NamedTuple):
    """What a participant states: lots at a price, when, and in which round (1 in a sealed auction)."""

    participant: str
    price: int
    quantity: int
    at_ns: int
    round_number: int = 1


class Round(NamedTuple):
    """A round that is over: its price (None in a sealed auction), the lots wanted at it, and the bids in force."""

    number: int
    price: int | None
    wanted: int
    bids: tuple[Bid, ...]


class Options(TypedDict, total=False):
    """The terms as keywords, as `StandardAuction` and `standard_auction` take them; `Terms` explains each."""

    initiator: Required[Initiator]
    direction: Required[Direction]
    format: Format
    payment: Required[Payment]
    lots: Required[int]
    start_price: Required[int]
    step: int
    reserve_price: int | None
    reserve_published: bool
    minimum_participants: int
    initiator_counts: bool
    initiator_id: str | None
    affiliates: Mapping[str, str]
    tie: Tie
    uniform_rule: UniformRule
    lot_kg: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The terms of one auction, checked. Prices are whole tenge a tonne, quantities whole lots.

    Attributes:
        initiator: Who asked for the auction: a `seller`, and the participants buy; or a `buyer`, and they sell.
        direction: `up` or `down`. Towards the initiator's gain (a seller's `up`, a buyer's `down`) the participants
            outbid each other; away from it (`down`, `up`) the price comes to meet them.
        format: `open`, in rounds with one price each, or `sealed`, all bids at once.
        payment: `pay_as_bid`, each lot at the price at which it was won, or `uniform`, all at one price.
        lots: How many lots are sold (bought).
        start_price: The price of the first round; in a sealed auction the bound from which bids go in the direction.
        step: Between the prices of two rounds, and between two possible prices of a sealed auction.
        reserve_price: The worst price that the initiator takes; None for any.
        reserve_published: Whether bids beyond the reserve are refused at once; a hidden reserve takes them, in vain.
        minimum_participants: With fewer the auction is void.
        initiator_counts: Whether the initiator is one of them, as in the law.
        initiator_id: The initiator's identifier: neither he nor his affiliates may bid.
        affiliates: From a participant to another that he belongs with; all that belong together count once.
        tie: How bids at the price where the lots run out share what is left.
        uniform_rule: What everybody pays under `uniform`: the price of the last lot accepted, or of the first rejected.
        lot_kg: The mass of a lot, a multiple of 10.
    """

    initiator: Initiator
    direction: Direction
    format: Format
    payment: Payment
    lots: int
    start_price: int
    step: int = 1
    reserve_price: int | None = None
    reserve_published: bool = False
    minimum_participants: int = 3
    initiator_counts: bool = True
    initiator_id: str | None = None
    affiliates: Mapping[str, str] = field(default_factory=dict)
    tie: Tie = "time"
    uniform_rule: UniformRule = "last_accepted"
    lot_kg: int = 36_000

    def __post_init__(self) -> None:
        """Check each term by itself, then those that must agree."""
        for name, allowed in CHOICES.items():
            _check_choice(name, getattr(self, name), allowed)
        for name, (lowest, highest) in RANGES.items():
            value = getattr(self, name)
            if value is not None or name != "reserve_price":
                object.__setattr__(self, name, bounded(name, value, lowest, highest))
        for member, other in self._names():
            check_name(member, other)
        object.__setattr__(self, "affiliates", MappingProxyType(dict(self.affiliates)))
        _check_agreement(self)

    def _names(self) -> Iterable[tuple[str, Any]]:
        if self.initiator_id is not None:
            yield "initiator_id", self.initiator_id
        affiliates: Any = self.affiliates
        if not isinstance(affiliates, Mapping):
            what = f"affiliates is {type(affiliates).__name__}"
            raise Refusal(Code.WRONG_TYPE, what, remedy="Give a mapping from participants to whom they belong with.")
        for pair in affiliates.items():
            yield from (("an affiliate", name) for name in pair)

    @property
    def sign(self) -> int:
        """Which way a price is better for the initiator: 1 where higher is, -1 where lower is."""
        return 1 if self.initiator == "seller" else -1

    @property
    def motion(self) -> int:
        """Which way the price moves: 1 up, -1 down."""
        return 1 if self.direction == "up" else -1

    @property
    def is_towards(self) -> bool:
        """Whether the price moves towards the initiator's gain, and participants drop out as it does."""
        return self.sign == self.motion

    @property
    def highest_price(self) -> int:
        """The highest price at which all the lots together still cost less than 2**63 tiyn."""
        return min(HIGHEST_PRICE, INT64_MAX * 10 // (self.lots * self.lot_kg))

    def price_of(self, number: int) -> int:
        """The price of a round, counted from 1."""
        return self.start_price + (number - 1) * self.motion * self.step

    def meets_reserve(self, price: int) -> bool:
        """Whether the initiator takes a price."""
        return self.reserve_price is None or self.sign * (price - self.reserve_price) >= 0

    def is_possible(self, price: int) -> bool:
        """Whether a round may be called at a price: in range, and not beyond where nobody could trade any more."""
        return 0 <= price <= self.highest_price and (self.is_towards or self.meets_reserve(price))

    def amount_tiyn(self, price: int, quantity: int) -> int:
        """What lots cost, exactly: with a lot of a multiple of 10 kg nothing is rounded."""
        return amount_tiyn(price, quantity * self.lot_kg)

    def group(self, participant: str) -> str:
        """The one for all who belong together with a participant: where the chain ends, or the least of a circle."""
        chain = [participant]
        while (other := self.affiliates.get(chain[-1])) is not None:
            if other in chain:
                return min(chain[chain.index(other) :])
            chain.append(other)
        return chain[-1]

    def counted(self, participants: Iterable[str]) -> int:
        """How many participants the law sees: those who belong together once, and the initiator if he counts.

        Whoever is found to belong with the initiator only after he has bid is not another.
        """
        own = set() if self.initiator_id is None else {self.group(self.initiator_id)}
        return len({self.group(name) for name in participants} - own) + self.initiator_counts

    def check_admissible(self, participant: str) -> None:
        """Refuse what is no name, and the initiator and his affiliates in his own auction."""
        check_name("participant", participant)
        if self.initiator_id is not None and self.group(participant) == self.group(self.initiator_id):
            what = f"{participant} is the initiator"
            if participant != self.initiator_id:
                what = f"{participant} belongs with the initiator, {self.initiator_id}"
            raise Refusal(Code.NOT_PERMITTED, what, remedy="Nobody bids in an auction of his own.")

    def check_price(self, given: Any) -> int:
        """Return the price of a sealed bid; refuse one off the grid, before the start or beyond a published reserve."""
        lowest, highest = (self.start_price, self.highest_price) if self.motion > 0 else (0, self.start_price)
        price = bounded("price", given, lowest, highest)
        beyond = (price - self.start_price) % self.step
        if beyond:
            around = (price - beyond, price - beyond + self.step)
            near = min((each for each in around if lowest <= each <= highest), key=lambda each: abs(each - price))
            what = f"price {price} is not a whole number of steps of {self.step} from {self.start_price}"
            raise Refusal(Code.OUT_OF_RANGE, what, remedy=f"The nearest such price is {near}.")
        if self.reserve_published and not self.meets_reserve(price):
            what = f"price {price} is {PRICE_WORDS[-self.sign]} the reserve of {self.reserve_price}"
            raise Refusal(Code.OUT_OF_RANGE, what, remedy=f"Bid {self.reserve_price} or better.")
        return price


def _check_choice(name: str, value: Any, allowed: tuple[Any, ...]) -> None:
    if not any(type(value) is type(each) and value == each for each in allowed):
        remedy = f"Choose one of {', '.join(map(str, allowed))}."
        raise Refusal(Code.UNKNOWN_OPTION, f"{name} is {value!r}", remedy=remedy)


def _check_agreement(terms: Terms) -> None:
    if terms.lot_kg % EXACT_KG:
        what = f"lot_kg is {terms.lot_kg}"
        raise Refusal(Code.OUT_OF_RANGE, what, remedy="Give a multiple of 10: then no amount of money is ever rounded.")
    if terms.start_price > terms.highest_price:
        what = f"{terms.lots} lots of {terms.lot_kg} kg at {terms.start_price} do not fit 64 bits"
        raise Refusal(Code.OVERFLOW, what, remedy="Use a larger unit of quantity, or part the auction.")
    passes_by = terms.is_towards and not terms.reserve_published
    if not (terms.meets_reserve(terms.start_price) or passes_by):
        what = f"the start price {terms.start_price} is {PRICE_WORDS[-terms.sign]} the reserve of {terms.reserve_price}"
        raise Refusal(
            Code.OUT_OF_RANGE, what, remedy="Start at the reserve or better; only a hidden one may be met later."
        )
    if terms.uniform_rule == "first_rejected" and terms.format == "open" and not terms.is_towards:
        what = "uniform_rule is 'first_rejected' where the price comes to meet the participants"
        raise Refusal(
            Code.UNKNOWN_OPTION, what, remedy="Nobody there says what he would still have paid: use last_accepted."
        )


def check_name(what: str, name: Any) -> None:
    """Refuse what is no name of a participant."""
    if not isinstance(name, str) or not name:
        raise Refusal(Code.WRONG_TYPE, f"{what} is {name!r}", remedy="Give a name as text, not empty.")


def bounded(name: str, value: Any, lowest: int, highest: int) -> int:
    """Return a whole number within bounds as Python's own, which never wraps."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise Refusal(Code.WRONG_TYPE, f"{name} is {value!r}, not a whole number", remedy="Give an integer.")
    if not lowest <= value <= highest:
        remedy = f"Give a whole number from {grouped(lowest)} to {grouped(highest)}."
        raise Refusal(Code.OUT_OF_RANGE, f"{name} is {value}", remedy=remedy)
    return int(value)
