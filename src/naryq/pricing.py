"""From a session's orders to its prices, and from these to the pump: the steps of the corridor, joined.

Each function takes what the rules in force and the state say, and returns what is to be written down.
"""

from collections.abc import Container, Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

import msgspec

from naryq import ledger, limits, reform, retail
from naryq.market.clearing import Clearing, clear
from naryq.messages import (
    Fill,
    Flow,
    Link,
    OrderAccepted,
    Place,
    PlacePrice,
    Posting,
    PriceStep,
    PumpPrice,
    RetailTermsReported,
    SessionCleared,
    SessionOpened,
    SupplyPlanned,
)
from naryq.rulebook import InForce
from naryq.units import BASIS_POINTS, TIYN_PER_TENGE, litres, weighted_average

PAID_BY_FUND: Final = "paid by the fund"
NO_CAPS: Final[Mapping[str, int]] = MappingProxyType({})


def cheapest_carriage(places: Sequence[Place], links: Sequence[Link]) -> dict[str, int]:
    """Return for each place the lowest tariff (tenge a tonne) of the links that reach it; zero where none does."""
    return {
        place.place: min((link.tariff_tenge_per_tonne for link in links if link.target == place.place), default=0)
        for place in places
    }


# --- The session ------------------------------------------------------------------------------------------------


def clear_session(
    opened: SessionOpened,
    orders: Sequence[OrderAccepted],
    rules: InForce,
    *,
    left_out: Container[str] = (),
    caps: Mapping[str, int] = NO_CAPS,
    highest_bid: int | None = None,
) -> SessionCleared:
    """Find the uniform prices of a session's orders, with the reason for each.

    Ties and prices go by the rules in force when the session opened, so that nobody can bend them once the orders are
    known; journals from before they were written down go by the rules now in force.

    Orders that are `left_out`, by identifier, stand and trade nothing: a stop keeps them from trading. `caps` are the
    administered prices of places (tenge a tonne as delivered there); each price then says what it would be without.
    `highest_bid` is the most that the two keys leave to an order, carriage apart: a price that stands there says so.
    """
    trading = [order for order in orders if order.order_id not in left_out]
    if not trading:
        return _nothing_cleared(opened.session_id, orders, rules)
    caps = _binding_somebody(caps, opened, trading)
    result = _cleared(opened, trading, rules, caps)
    uncapped = _cleared(opened, trading, rules, NO_CAPS) if caps else None
    fills = _fills(orders, trading, result)
    carriage = cheapest_carriage(opened.places, opened.links)
    prices = tuple(
        _place_price(
            result,
            place,
            (
                *_bound(result.prices[place.place], carriage[place.place], caps.get(place.place), opened),
                *_by_keys(result.prices[place.place], carriage[place.place], highest_bid),
            ),
            None if uncapped is None else _traded_at(uncapped, place),
        )
        for place in opened.places
        if _has_price(result, place)
    )
    return SessionCleared(
        session_id=opened.session_id,
        prices=prices,
        fills=fills,
        flows=_flows(opened.links, result),
        welfare=result.welfare,
        dual_value=result.dual_value,
        average_ex_works_tenge_per_tonne=_average_ex_works(opened, orders, fills, prices),
        rulebook_version=rules.version,
        reference_moved=moves_reference(opened, sold_at_plants(opened, orders, fills), rules),
    )


def _cleared(
    opened: SessionOpened, trading: Sequence[OrderAccepted], rules: InForce, caps: Mapping[str, int]
) -> Clearing:
    places = {"place": list(caps), "cap": list(caps.values())}
    return clear(
        _order_columns(trading),
        _link_columns(opened.links),
        places=places if caps else None,
        tie=opened.tie_rule or rules.text("tie_rule"),
        price_rule=opened.price_rule or rules.text("price_rule"),
    )


def _binding_somebody(
    caps: Mapping[str, int], opened: SessionOpened, trading: Sequence[OrderAccepted]
) -> Mapping[str, int]:
    """Return the administered prices of places where an order stands or a link ends: of others there is no price."""
    named = {order.place for order in trading}
    named.update(end for link in opened.links for end in (link.source, link.target))
    return {place: cap for place, cap in caps.items() if place in named}


def _nothing_cleared(session_id: str, orders: Sequence[OrderAccepted], rules: InForce) -> SessionCleared:
    fills = tuple(Fill(order.order_id, 0) for order in orders)
    return SessionCleared(session_id, (), fills, (), 0, 0, None, rules.version, reference_moved=False)


def _fills(orders: Sequence[OrderAccepted], trading: Sequence[OrderAccepted], result: Clearing) -> tuple[Fill, ...]:
    """Return one fill for each standing order, in the order of arrival; zero for those that may not trade."""
    filled = {order.order_id: int(quantity) for order, quantity in zip(trading, result.fills["quantity"], strict=True)}
    return tuple(Fill(order.order_id, filled.get(order.order_id, 0)) for order in orders)


def moves_reference(opened: SessionOpened, traded_lots: int, rules: InForce) -> bool:
    """Say whether a session has traded enough to move the reference: something, and what the rules ask for by mass.

    `reference_minimum_lots` counts lots by rail: ten lots by truck are no ten tank cars.
    """
    least = rules.integer("reference_minimum_lots")
    least_kg = 1 if least is None else least * rules.required_integer("lot")
    return traded_lots * opened.lot_kg >= least_kg


def sold_at_plants(opened: SessionOpened, orders: Sequence[OrderAccepted], fills: Sequence[Fill]) -> int:
    """Return the lots that plants sold: where the rules ask for a least volume, less leaves the reference as it was."""
    plants = frozenset(place.place for place in opened.places if place.kind == "plant")
    pairs = zip(orders, fills, strict=True)
    return sum(fill.quantity_lots for order, fill in pairs if order.side == "sell" and order.place in plants)


def _order_columns(orders: Sequence[OrderAccepted]) -> dict[str, list[object]]:
    return {
        "order_id": [order.order_id for order in orders],
        "place": [order.place for order in orders],
        "side": [order.side for order in orders],
        "price": [order.price_tenge_per_tonne for order in orders],
        "quantity": [order.quantity_lots for order in orders],
        "submitted_at": [order.submitted_at_ns for order in orders],
    }


def _link_columns(links: Sequence[Link]) -> dict[str, list[object]] | None:
    if not links:
        return None
    return {
        "source": [link.source for link in links],
        "target": [link.target for link in links],
        "capacity": [link.capacity_lots for link in links],
        "tariff": [link.tariff_tenge_per_tonne for link in links],
    }


def _flows(links: Sequence[Link], result: Clearing) -> tuple[Flow, ...]:
    if not links:
        return ()
    quantities = (int(quantity) for quantity in result.flows["quantity"])
    return tuple(
        Flow(link.source, link.target, quantity) for link, quantity in zip(links, quantities, strict=True) if quantity
    )


def _has_price(result: Clearing, place: Place) -> bool:
    return result.prices.get(place.place) is not None


def _place_price(result: Clearing, place: Place, bound: tuple[str, ...], uncapped: int | None) -> PlacePrice:
    why = result.why(place.place)
    assert why.price is not None, "only places with a price are asked"
    return PlacePrice(
        place=place.place,
        price_tenge_per_tonne=why.price,
        traded_lots=why.sold if place.kind == "plant" else why.bought,
        set_at=why.set_at,
        marginal_orders=tuple(str(order) for order in why.marginal_orders),
        full_links=tuple(f"{link.source} -> {link.target}" for link in why.full_links),
        limits=bound,
        uncapped_price_tenge_per_tonne=uncapped,
    )


def _traded_at(result: Clearing, place: Place) -> int | None:
    """Return the price of a place where something was sold or bought, or None."""
    why = result.why(place.place) if _has_price(result, place) else None
    return why.price if why is not None and (why.sold or why.bought) else None


def _bound(price: int | None, carriage: int, cap: int | None, opened: SessionOpened) -> tuple[str, ...]:
    """Return the limits at which a price stands: the collar, an administered price, or both."""
    assert price is not None, "only places with a price are asked"
    at_collar = price - carriage in (opened.collar_lowest_tenge_per_tonne, opened.collar_highest_tenge_per_tonne)
    return (limits.COLLAR,) * at_collar + (limits.ADMINISTERED,) * (price == cap)


def _average_ex_works(
    opened: SessionOpened, orders: Sequence[OrderAccepted], fills: Sequence[Fill], prices: Sequence[PlacePrice]
) -> int | None:
    """Return the average price at which plants sold, weighted by lots; None when none did.

    What is sold elsewhere has its carriage in the price. Would it count, two friends could trade one lot in a far
    province and lift the reference of the next collar by the carriage, beyond what the collar allows.
    """
    plants = frozenset(place.place for place in opened.places if place.kind == "plant")
    price_of = {price.place: price.price_tenge_per_tonne for price in prices}
    sold = [
        (price_of[order.place], fill.quantity_lots)
        for order, fill in zip(orders, fills, strict=True)
        if order.side == "sell" and order.place in plants and fill.quantity_lots
    ]
    return weighted_average(tuple(price for price, _ in sold), tuple(lots for _, lots in sold))


def _by_keys(price: int | None, carriage: int, highest_bid: int | None) -> tuple[str, ...]:
    """Return the limit of the two keys, where a price stands at it."""
    assert price is not None, "only places with a price are asked"
    return (limits.TWO_KEY,) * (price - carriage == highest_bid)


def settle(opened: SessionOpened, orders: Sequence[OrderAccepted], cleared: SessionCleared) -> tuple[Posting, ...]:
    """Return the postings that settle a cleared session: buyers pay, sellers and the carrier receive."""
    price_of = {price.place: price.price_tenge_per_tonne for price in cleared.prices}
    traded = ledger.traded(cleared.fills)
    deals = [
        ledger.Deal(order.participant_id, order.side, price_of[order.place], traded[order.order_id] * opened.lot_kg)
        for order in orders
        if order.order_id in traded
    ]
    tariffs = ledger.tariffs_tiyn(cleared.flows, ledger.tariff_table(opened.links), opened.lot_kg)
    return ledger.settlement(deals, tariffs)


# --- The pump ---------------------------------------------------------------------------------------------------


PLAN_GAS: Final = "regulated plan gas"


class _Gas(NamedTuple):
    """What a province burns in a month: its price as it reaches the pump, the lots sold, and where they came from."""

    supply: retail.Supply
    sold_lots: int
    source: str


def pump_price(
    province: str,
    *,
    opened: SessionOpened,
    cleared: SessionCleared,
    rules: InForce,
    planned: SupplyPlanned | None,
    terms: RetailTermsReported,
    previous: PumpPrice | None,
) -> PumpPrice | None:
    """Return a province's pump price for the month, bounded by the rules in force; None when no gas reaches it."""
    platform = _platform_supply(province, opened, cleared)
    gas = _gas(platform, planned, terms.plan_pass_on_basis_points)
    if gas is None:
        return None
    density = rules.required_integer("density")
    steps = retail.build_up(
        gas.supply.ex_works_tenge_per_tonne,
        gas.supply.transport_tenge_per_tonne,
        retail.Terms(
            rules.required_integer("vat"), density, terms.depot_tenge_per_tonne, terms.station_margin_tiyn_per_litre
        ),
    )
    before = None if previous is None else previous.pump_tiyn_per_litre
    cap = _cap_tiyn_per_litre(rules, province)
    bounded = limits.bound_pump(retail.pump_price(steps), before, rules.integer("pump_step_rise"), cap)
    volume_kg = gas.sold_lots * opened.lot_kg
    return PumpPrice(
        province=province,
        ex_works_tenge_per_tonne=gas.supply.ex_works_tenge_per_tonne,
        transport_tenge_per_tonne=gas.supply.transport_tenge_per_tonne,
        steps=steps + _held_back(steps, bounded),
        formula_tiyn_per_litre=retail.pump_price(steps),
        pump_tiyn_per_litre=bounded.pump_tiyn_per_litre,
        previous_tiyn_per_litre=before,
        cap_tiyn_per_litre=cap,
        limits=bounded.limits + _session_limits(province, cleared),
        volume_kg=volume_kg,
        fund_tiyn=reform.fund_cost(bounded.fund_tiyn_per_litre, volume_kg, density),
        reason=_reason(gas, bounded),
    )


def _platform_supply(province: str, opened: SessionOpened, cleared: SessionCleared) -> retail.Supply | None:
    price = next((price for price in cleared.prices if price.place == province), None)
    if price is None or price.traded_lots == 0:
        return None
    tariffs = ledger.tariff_table(opened.links)
    flows = [flow for flow in cleared.flows if flow.target == province]
    carried = weighted_average(
        tuple(tariffs[flow.source, flow.target] for flow in flows), tuple(flow.quantity_lots for flow in flows)
    )
    transport = carried or 0
    return retail.Supply(price.traded_lots, price.price_tenge_per_tonne - transport, transport)


def _gas(platform: retail.Supply | None, planned: SupplyPlanned | None, pass_on_basis_points: int) -> _Gas | None:
    """Join platform gas and plan gas as they reach the pump.

    Where both are sold, only a part of the plan gas is passed on at its regulated price: the law capped the first
    sale and left every resale free (Gas Law, article 20(10)). Where there is plan gas only, it sets the price.
    """
    outside = _plan_supply(planned)
    if platform is None:
        return None if outside is None else _Gas(outside, outside.quantity_lots, PLAN_GAS)
    if outside is None:
        return _Gas(platform, platform.quantity_lots, "platform gas")
    passed = outside.quantity_lots * pass_on_basis_points
    resold = (outside.quantity_lots + platform.quantity_lots) * BASIS_POINTS - passed
    supply = retail.blended((outside._replace(quantity_lots=passed), platform._replace(quantity_lots=resold)))
    assert supply is not None, "both streams carry gas"
    return _Gas(supply, outside.quantity_lots + platform.quantity_lots, "platform and plan gas")


def _plan_supply(planned: SupplyPlanned | None) -> retail.Supply | None:
    if planned is None or planned.outside_lots == 0:
        return None
    assert planned.outside_price_tenge_per_tonne is not None, "plan gas has a regulated price"
    return retail.Supply(planned.outside_lots, planned.outside_price_tenge_per_tonne, planned.transport_tenge_per_tonne)


def _cap_tiyn_per_litre(rules: InForce, province: str) -> int | None:
    cap = rules.integer("retail_cap", province)
    return None if cap is None else cap * TIYN_PER_TENGE


def _held_back(steps: tuple[PriceStep, ...], bounded: limits.Bounded) -> tuple[PriceStep, ...]:
    """Return the last steps, below zero, that bring the formula's sum down to what is paid at the pump."""
    held = retail.pump_price(steps) - bounded.pump_tiyn_per_litre
    by_cap = held - bounded.fund_tiyn_per_litre
    capped = (PriceStep("held by the cap", -by_cap),) if by_cap else ()
    return (*capped, PriceStep(PAID_BY_FUND, -bounded.fund_tiyn_per_litre)) if bounded.fund_tiyn_per_litre else capped


def short_of_fund(price: PumpPrice, paid_tiyn: int, density: int, *, on_stations: bool) -> PumpPrice:
    """Return a pump price for whose step the fund pays less than is owed: the pump, or the stations, take the rest.

    What is paid is brought down to whole tiyn a litre, so that the steps still sum to the price.
    """
    if paid_tiyn == price.fund_tiyn:
        return price
    sold_litres = litres(price.volume_kg, density)
    owed = -next(step.tiyn_per_litre for step in price.steps if step.step == PAID_BY_FUND)
    paid = min(owed, paid_tiyn // sold_litres) if sold_litres else 0
    rest = owed - paid
    steps = tuple(step for step in price.steps if step.step != PAID_BY_FUND)
    steps += (PriceStep(PAID_BY_FUND, -paid),) if paid else ()
    steps += (PriceStep("carried by the stations", -rest),) if on_stations else ()
    who = "the stations carry the rest" if on_stations else "the pump price takes the rest"
    return msgspec.structs.replace(
        price,
        steps=steps,
        pump_tiyn_per_litre=price.pump_tiyn_per_litre + (0 if on_stations else rest),
        limits=(*price.limits, limits.FLOOR),
        fund_tiyn=paid * sold_litres,
        reason=f"{price.reason}; the fund is at its floor and {who}",
    )


def _session_limits(province: str, cleared: SessionCleared) -> tuple[str, ...]:
    return next((price.limits for price in cleared.prices if price.place == province), ())


def _reason(gas: _Gas, bounded: limits.Bounded) -> str:
    if limits.STEP in bounded.limits and limits.CAP in bounded.limits:
        return f"{gas.source}; held by the retail cap, and to the step below it: the fund pays the rest"
    if limits.STEP in bounded.limits:
        return f"{gas.source}; the rise held to the step, the fund pays the rest"
    if limits.CAP in bounded.limits:
        return f"{gas.source}; held by the retail cap"
    return gas.source
