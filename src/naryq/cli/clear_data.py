"""A cleared market as plain values, with the unit in the name: prices in tenge a tonne, quantities in lots."""

from typing import TYPE_CHECKING, Any, Final

from naryq.cli.tables import Table

if TYPE_CHECKING:
    from naryq import Clearing
    from naryq.market.pivotal import Pivot
    from naryq.market.why import Why

LINK_UNITS: Final = {
    "tariff": "tariff_tenge_per_tonne",
    "capacity": "capacity_lots",
    "capacity_back": "capacity_back_lots",
}


def as_data(result: "Clearing", tables: dict[str, Table], reasons: list["Why"], language: str) -> dict[str, Any]:
    """Put everything into plain values."""
    return {
        "prices": [price_data(why, language) for why in reasons],
        "fills": fill_data(result, tables["orders"]),
        "flows": flow_data(result, tables["links"]) if "links" in tables else [],
        "paradoxical": [
            {"order_id": paradox.order_id, "loss_tenge_per_tonne_lots": paradox.loss, "because": paradox.because}
            for paradox in result.paradoxical
        ],
        "welfare_tenge_per_tonne_lots": result.welfare,
        "dual_value_tenge_per_tonne_lots": result.dual_value,
        "bound_tenge_per_tonne_lots": result.bound,
        "optimal": result.proven,
    }


def price_data(why: "Why", language: str) -> dict[str, Any]:
    """Give one place: its price, the range of optimal prices, what traded, and why."""
    return {
        "place": why.place,
        "price_tenge_per_tonne": why.price,
        "lowest_price_tenge_per_tonne": why.lowest,
        "highest_price_tenge_per_tonne": why.highest,
        "bought_lots": why.bought,
        "sold_lots": why.sold,
        "shadow_price_tenge_per_tonne": why.shadow_price,
        "price_without_limits_tenge_per_tonne": why.price_without_limits,
        "limits": why.limits,
        "shortage_lots": why.shortage,
        "surplus_lots": why.surplus,
        "imported_lots": why.imported,
        "exported_lots": why.exported,
        "marginal_orders": why.marginal_orders,
        "set_at": why.set_at,
        "full_links": [
            {"source": link.source, "target": link.target, "gain_tenge_per_tonne": link.gap} for link in why.full_links
        ],
        "decided_by": None if why.uncrossing is None else why.uncrossing.decided_by,
        "reason": why.say(language),
    }


def fill_data(result: "Clearing", orders: Table, most: int | None = None) -> list[dict[str, Any]]:
    """Give one entry an order, in the order of the file; at most so many when that is said."""
    names = ("order_id", "place", "side", "limit_price_tenge_per_tonne", "quantity_lots", "filled_lots")
    columns = [orders.columns[column] for column in ("order_id", "place", "side", "price", "quantity")]
    return entries(names, [*columns, result.fills["quantity"]], most)


def flow_data(result: "Clearing", links: Table, most: int | None = None) -> list[dict[str, Any]]:
    """Give one entry a link, in the order of the file; at most so many when that is said."""
    known = [column for column in ("source", "target", *LINK_UNITS) if column in links.columns]
    names = (*(LINK_UNITS.get(column, column) for column in known), "flow_lots")
    return entries(names, [*(links.columns[column] for column in known), result.flows["quantity"]], most)


def pivot_data(pivot: "Pivot") -> dict[str, Any]:
    """Give one participant: what he traded, and the market without him."""
    return {
        "participant": pivot.participant,
        "sold_lots": pivot.sold,
        "bought_lots": pivot.bought,
        "shortage_lots": pivot.shortage,
        "surplus_lots": pivot.surplus,
        "is_pivotal": pivot.is_pivotal,
        "prices": [
            {"place": place, "price_tenge_per_tonne": price, "price_without_tenge_per_tonne": without}
            for (place, price), without in zip(pivot.prices.items(), pivot.prices_without.values(), strict=True)
        ],
    }


def entries(names: tuple[str, ...], columns: list[Any], most: int | None) -> list[dict[str, Any]]:
    """Turn the beginning of columns, or all of them, into named rows."""
    rows = zip(*(listed(column[:most]) for column in columns), strict=True)
    return [dict(zip(names, row, strict=True)) for row in rows]


def listed(column: Any) -> list[Any]:
    """Return a column as a list of plain Python values."""
    values: list[Any] = column if isinstance(column, list) else column.tolist()
    return values
