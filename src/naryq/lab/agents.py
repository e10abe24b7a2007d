"""Who trades in the model: provinces that bid along a demand curve, plants that ask above a reservation price.

Nobody is random: the same inputs give the same orders. Quantities come from decimal arithmetic of fixed precision, so
that they are the same on every machine; prices and money stay integers throughout.
"""

from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import lru_cache
from typing import NamedTuple

from naryq import retail
from naryq.lab.inputs import Inputs
from naryq.messages import Link, Side
from naryq.units import TIYN_PER_TENGE, apportion, divide

PERCENT = 100
PRICE_STEP_TENGE_PER_TONNE = 1_000
"""The distance between two bids of a curve: 0.6 tenge a litre at the pump."""
LOWEST_BID_TENGE_PER_TONNE = 20_000
_CONTEXT = Context(prec=16, rounding=ROUND_HALF_UP)


class Offer(NamedTuple):
    """An order before it is sent: by whom, where, on which side, at which limit price, for how many lots.

    `worst_tenge_per_tonne` is the price at which its owner would still rather trade than not.
    """

    participant_id: str
    place: str
    side: Side
    price_tenge_per_tonne: int
    worst_tenge_per_tonne: int
    quantity_lots: int

    def within(self, lowest_tenge_per_tonne: int | None, highest_tenge_per_tonne: int | None) -> "Offer | None":
        """Return the offer moved to the nearest price between two bounds, or None if its owner would rather stay away.

        >>> Offer("plant", "plant", "sell", 110_000, 100_000, 5).within(40_000, 105_000).price_tenge_per_tonne
        105000
        >>> Offer("plant", "plant", "sell", 110_000, 106_000, 5).within(40_000, 105_000) is None
        True
        """
        price = self.price_tenge_per_tonne
        if highest_tenge_per_tonne is not None:
            price = min(price, highest_tenge_per_tonne)
        if lowest_tenge_per_tonne is not None:
            price = max(price, lowest_tenge_per_tonne)
        worse = price > self.worst_tenge_per_tonne if self.side == "buy" else price < self.worst_tenge_per_tonne
        return None if worse else self._replace(price_tenge_per_tonne=price)


def lots(tonnes: int, lot_kg: int) -> int:
    """Return a mass in whole lots, rounded half up."""
    return divide(tonnes * 1_000, lot_kg)


# --- Demand -----------------------------------------------------------------------------------------------------


class Demand(NamedTuple):
    """A province's demand curve: base quantity at a reference pump price, constant elasticity, a choke price."""

    province: str
    base_lots: int
    reference_tiyn_per_litre: int
    elasticity_percent: int
    choke_tiyn_per_litre: int

    def quantity_lots(self, pump_tiyn_per_litre: int) -> int:
        """Return what is burned in a month at a pump price: `base x (reference / price) ^ elasticity`, in lots."""
        if pump_tiyn_per_litre > self.choke_tiyn_per_litre:
            return 0
        factor = _power(self.reference_tiyn_per_litre, pump_tiyn_per_litre, self.elasticity_percent)
        return int(_CONTEXT.multiply(Decimal(self.base_lots), factor).to_integral_value(context=_CONTEXT))


@lru_cache(maxsize=100_000)
def _power(numerator: int, denominator: int, exponent_percent: int) -> Decimal:
    """Return a ratio to a power; remembered, because every swing of an assumption walks mostly the same curves."""
    ratio = _CONTEXT.divide(Decimal(numerator), Decimal(denominator))
    return _CONTEXT.power(ratio, _CONTEXT.divide(Decimal(exponent_percent), Decimal(PERCENT)))


def demand(inputs: Inputs, province: str, lot_kg: int) -> Demand:
    """Return the demand curve of a province."""
    return Demand(
        province,
        lots(inputs.value("demand", province), lot_kg),
        inputs.value("reference_pump", province) * TIYN_PER_TENGE,
        inputs.value("elasticity"),
        inputs.value("choke_pump") * TIYN_PER_TENGE,
    )


def bids(
    curve: Demand, terms: retail.Terms, *, planned_lots: int, highest_pump_tiyn_per_litre: int | None, buyers: int
) -> Iterator[Offer]:
    """Yield a province's bids: at each delivered price what it would burn there, less what the plan delivers.

    Where the pump price may not pass a height, drivers burn as much at any higher price: the curve is upright above it.
    """
    price = _choke_price(curve, terms)
    wanted = 0
    number = 0
    while price >= LOWEST_BID_TENGE_PER_TONNE:
        pump = retail.pump_price(retail.build_up(price, 0, terms))
        if highest_pump_tiyn_per_litre is not None:
            pump = min(pump, highest_pump_tiyn_per_litre)
        quantity = curve.quantity_lots(pump) - planned_lots
        for part in _parts(quantity - wanted, buyers if wanted == 0 else 1):
            yield Offer(buyer(curve.province, number % buyers), curve.province, "buy", price, price, part)
            number += 1
        wanted = max(wanted, quantity)
        price -= PRICE_STEP_TENGE_PER_TONNE


def _choke_price(curve: Demand, terms: retail.Terms) -> int:
    """Return the highest delivered price, on the curve's steps, whose pump price does not pass the choke price."""
    price = LOWEST_BID_TENGE_PER_TONNE
    while retail.pump_price(retail.build_up(price, 0, terms)) <= curve.choke_tiyn_per_litre:
        price += PRICE_STEP_TENGE_PER_TONNE
    return price - PRICE_STEP_TENGE_PER_TONNE


def _parts(quantity: int, count: int) -> tuple[int, ...]:
    """Share a quantity among buyers, leaving out those that get nothing."""
    return tuple(part for part in apportion(max(quantity, 0), (1,) * count) if part)


def buyer(province: str, number: int) -> str:
    """Return the name of one of a province's buyers."""
    return f"{province}/buyer-{number + 1}"


# --- Supply -----------------------------------------------------------------------------------------------------


def reservation_tenge_per_tonne(inputs: Inputs, plant: str) -> int:
    """Return below which price a plant does not sell: its cost, or what export leaves it where export is open."""
    cost = inputs.value("cost", plant)
    if not inputs.get("export_open", plant):
        return cost
    dollars = inputs.value("export_price", "border") - inputs.value("carriage_to_border", "export")
    return max(cost, dollars * inputs.value("exchange_rate", "dollar"))


def asks(inputs: Inputs, plant: str, offered_lots: int) -> Iterator[Offer]:
    """Yield a plant's asks: equal parts, from its reservation price up to that price and the markup."""
    reservation = reservation_tenge_per_tonne(inputs, plant)
    steps = inputs.value("ask_steps")
    markup = inputs.value("markup")
    for number, quantity in enumerate(apportion(offered_lots, (1,) * steps)):
        rise = divide(reservation * markup * number, PERCENT * max(steps - 1, 1))
        if quantity:
            yield Offer(plant, plant, "sell", reservation + rise, reservation, quantity)


# --- The way between --------------------------------------------------------------------------------------------


def pair(source: str, target: str) -> str:
    """Return the subject under which the inputs keep a way from a plant to a province."""
    return f"{source}>{target}"


def tariff_tenge_per_tonne(inputs: Inputs, way: str) -> int:
    """Return the tariff of a way: a base and a rate for each kilometre."""
    return inputs.value("rail_tariff_base") + inputs.value("rail_tariff_distance") * inputs.value("distance", way)


def links(inputs: Inputs, lot_kg: int) -> tuple[Link, ...]:
    """Return all ways from plants to provinces."""
    capacity = lots(inputs.value("link_capacity"), lot_kg)
    return tuple(
        Link(plant, province, capacity, tariff_tenge_per_tonne(inputs, pair(plant, province)))
        for plant, province in (way.split(">") for way in inputs.subjects("distance"))
    )
