"""Orders and deals as the naive ledger knows them: what has happened to each, and what follows by plain fractions."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction
from math import ceil, floor
from typing import Any

from naryq import messages as m

WHOLE = 10_000


def half_up(amount: Fraction) -> int:
    return floor(amount + Fraction(1, 2))


def worth(price: int, mass_kg: int) -> int:
    """Tiyn for kilograms at tenge a tonne."""
    return half_up(Fraction(price * mass_kg, 10))


@dataclass
class Order:
    """What an order was taken for, and all its deals: lots and value of each."""

    who: str
    session_id: str
    lots: int
    lot_kg: int
    basis: int
    share: int | None
    fee: int
    minimum: int
    deals: list[tuple[int, int]] = field(default_factory=list)
    charged: int = 0
    ceiling: int = 0
    """The fee that was held for when the order was taken or amended."""
    stands: bool = True

    def __post_init__(self) -> None:
        self.ceiling = self.fees(worth(self.basis, self.lots * self.lot_kg))

    @property
    def traded(self) -> int:
        return sum(lots for lots, _ in self.deals)

    def guarantee(self, traded: int) -> int:
        """What must be held when so many lots have traded."""
        return ceil(Fraction(worth(self.basis, (self.lots - traded) * self.lot_kg) * (self.share or 0), WHOLE))

    def fees(self, value: int) -> int:
        """The fee for a value in all."""
        return max(self.minimum, half_up(Fraction(value * self.fee, WHOLE)))

    def trade(self, lots: int, value: int) -> tuple[int, int]:
        """Trade, and return what of the guarantee goes with it and the fee that it adds."""
        freed = self.guarantee(self.traded) - self.guarantee(self.traded + lots)
        self.deals.append((lots, value))
        fee = max(0, self.fees(sum(part for _, part in self.deals)) - self.charged)
        self.charged += fee
        return freed, fee

    def reserve(self) -> int:
        """What must still be held for the fee."""
        return 0 if self.share is None or not self.stands else max(0, self.ceiling - self.charged)

    def held(self) -> int:
        """What must be held in all."""
        return self.guarantee(self.traded) + self.reserve() if self.stands else 0

    def amend(self, now: "Order", keeps_place: bool) -> None:  # noqa: FBT001
        """Become what the order would be now: by the rules of its own time where it keeps its place."""
        value = sum(part for _, part in self.deals) + worth(now.basis, now.lots * now.lot_kg)
        if keeps_place:
            self.ceiling = min(self.ceiling, self.fees(value))
        else:
            self.basis, self.share, self.fee, self.minimum = now.basis, now.share, now.fee, now.minimum
            if not self.has_terms:
                self.deals, self.charged = [], 0
            self.ceiling = self.fees(value)
        self.lots = self.traded + now.lots

    has_terms: bool = True


@dataclass
class Deal:
    """One obligation, by what has happened to it."""

    event: m.ObligationOpened
    terms: dict[str, Any]
    guarantees: dict[str, int]
    fees: dict[str, int]
    paid: int = 0
    paid_on: str = ""
    loaded: dict[str, int] = field(default_factory=dict)
    """What is on its way, by loading document, as far as it is awaited."""
    on_paper: dict[str, int] = field(default_factory=dict)
    """What each loading document says."""
    received: int = 0
    settled: int = 0
    lapsed: int = 0
    used: dict[str, int] = field(default_factory=lambda: {"buyer": 0, "seller": 0})
    failed: list[str] = field(default_factory=list)
    closed: bool = False
    undone: bool = False

    def buyers(self, mass_kg: int) -> int:
        return worth(self.event.buy_price_tenge_per_tonne, mass_kg)

    def sellers(self, mass_kg: int) -> int:
        return worth(self.event.sell_price_tenge_per_tonne, mass_kg)

    @property
    def due_kg(self) -> int:
        return self.event.mass_kg - self.lapsed

    @property
    def underway(self) -> int:
        return sum(self.loaded.values())

    @property
    def awaited(self) -> int:
        return self.due_kg - self.received - self.underway

    @property
    def unpaid(self) -> int:
        return self.buyers(self.due_kg) - self.paid

    def who(self, party: str) -> str:
        return self.event.buyer_id if party == "buyer" else self.event.seller_id


def later(day: str, days: int) -> str:
    """Return the day some days later."""
    return (date.fromisoformat(day) + timedelta(days=days)).isoformat()


def ring(debts: Mapping[str, list[list[Any]]], who: str) -> dict[str, list[Any]]:
    """The first debts of all through whose hands money would come back to its payer; none where it would not."""
    found: dict[str, list[Any]] = {}
    name = who
    while name not in found:
        waiting = [debt for debt in debts.get(name, ()) if debt[2]]
        if not waiting or not waiting[0][1].startswith("cash:"):
            return {}
        found[name] = waiting[0]
        name = waiting[0][1].removeprefix("cash:")
    return found if name == who else {}


def wrong_pairs(pairs: Any, orders: Any, lots: dict[str, int], prices: dict[str, int]) -> Iterator[str]:
    """Say where the pairs of a session are not its fills, at the prices of their places."""
    for side in ("buy", "sell"):
        paired: defaultdict[str, int] = defaultdict(int)
        for pair in pairs:
            order_id = getattr(pair, f"{side}_order_id")
            paired[order_id] += pair.lots
            if getattr(pair, f"{side}_price_tenge_per_tonne") != prices[orders[order_id].place]:
                yield f"order {order_id} is paired at another price than that of its place"
        if dict(paired) != {name: count for name, count in lots.items() if orders[name].side == side}:
            yield f"the pairs of side {side} are not its fills"
