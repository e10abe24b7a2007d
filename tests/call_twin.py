"""The rules of call auctions in plain Python, word for word as the rulebooks say them: every limit is tried."""

from typing import NamedTuple

Orders = list[tuple[int | None, int]]
"""Limit and quantity of each order of one side; a limit of None is a market order."""


class Row(NamedTuple):
    limit: int
    volume: int
    surplus: int


class CallTwin:
    """Each step is a method of its own, so that a test can plant a bug by overriding one."""

    def __init__(self, bids: Orders, asks: Orders, tick: int = 1) -> None:
        self.bids = bids
        self.asks = asks
        self.tick = tick

    def row(self, limit: int) -> Row:
        demand = sum(quantity for price, quantity in self.bids if price is None or price >= limit)
        supply = sum(quantity for price, quantity in self.asks if price is None or price <= limit)
        return Row(limit, min(demand, supply), demand - supply)

    def table(self) -> list[Row]:
        limits = {price for price, _ in self.bids + self.asks if price is not None}
        return [self.row(limit) for limit in sorted(limits)]

    def market(self, side: Orders) -> int:
        return sum(quantity for price, quantity in side if price is None)

    def price(self, rule: str, reference: int | None) -> int | None:
        table = self.table()
        if not table:
            return reference if self.market(self.bids) and self.market(self.asks) else None
        if not max(row.volume for row in table):
            return None
        if rule == "last_accepted_sell":
            return self.last_accepted_sell(table)
        kept = self.least_surplus(self.most_volume(table))
        if len(kept) == 1:
            return kept[0].limit
        return self.by_pressure(kept, rule, reference)

    def most_volume(self, rows: list[Row]) -> list[Row]:
        most = max(row.volume for row in rows)
        return [row for row in rows if row.volume == most]

    def least_surplus(self, rows: list[Row]) -> list[Row]:
        least = min(abs(row.surplus) for row in rows)
        return [row for row in rows if abs(row.surplus) == least]

    def by_pressure(self, rows: list[Row], rule: str, reference: int | None) -> int:
        if all(row.surplus > 0 for row in rows):
            return max(row.limit for row in rows)
        if all(row.surplus < 0 for row in rows):
            return min(row.limit for row in rows)
        if any(row.surplus for row in rows):
            bid_surplus = [row.limit for row in rows if row.surplus > 0]
            ask_surplus = [row.limit for row in rows if row.surplus < 0]
            return self.by_reference([*sorted(bid_surplus)[-1:], *sorted(ask_surplus)[:1]], rule, reference)
        return self.by_reference([row.limit for row in rows], rule, reference)

    def by_reference(self, limits: list[int], rule: str, reference: int | None) -> int:
        if rule == "xetra":
            if reference is None:
                return max(limits)
            nearest = min(abs(limit - reference) for limit in limits)
            return max(limit for limit in limits if abs(limit - reference) == nearest)
        if reference is None:
            return (min(limits) + max(limits)) // 2 // self.tick * self.tick
        if reference >= max(limits):
            return max(limits)
        return max(reference, min(limits))

    def last_accepted_sell(self, table: list[Row]) -> int:
        """Serve sellers from the cheapest and buyers from the dearest; no bid left short may beat the price."""
        volume = max(row.volume for row in table)
        last = self.last_served(
            sorted(self.asks, key=lambda order: -(10**13) if order[0] is None else order[0]), volume
        )
        short = self.best_short(
            sorted(self.bids, key=lambda order: -(10**13 if order[0] is None else order[0])), volume
        )
        known = [limit for limit in (last, short) if limit is not None]
        return max(known) if known else table[0].limit

    def last_served(self, asks: Orders, volume: int) -> int | None:
        last = None
        for limit, quantity in asks:
            if volume > 0:
                last = limit
            volume -= quantity
        return last

    def best_short(self, bids: Orders, volume: int) -> int | None:
        for limit, quantity in bids:
            volume -= quantity
            if volume < 0 and limit is not None:
                return limit
        return None
