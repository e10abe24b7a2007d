"""The arithmetic of the supply plan: who receives how much of what, from which plant, in whole lots.

The Gas Law cuts all recipients pro rata where more is applied for than there is (article 27-1(6)-(9)), and is silent on
plants. Here a plant serves only the provinces that its routes reach, so that an equal cut may not be possible. The
shares are then as equal as the routes allow: the least share is as high as it can be, then the next, and so on (max-min
fairness; N. Megiddo, Optimal flows in networks with multiple sources and sinks, Mathematical Programming 7, 1974).
Lots go by the largest remainder. Which plant serves whom is then the cheapest way to carry these shares.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from math import lcm
from typing import NamedTuple, TypeAlias

from naryq.messages import Allotment, PlannedProvince, PlannedSource, PlatformSupply
from naryq.reform import part_plan
from naryq.units import apportion, weighted_average

Carried: TypeAlias = dict[tuple[str, str], int]
"""Lots by plant and province."""
Cells: TypeAlias = list[tuple[int, int, int]]
"""The filled cells of a matrix: row, column and lots."""


class Source(NamedTuple):
    """What a seller can deliver from a plant."""

    plant: str
    seller_id: str
    lots: int


class Route(NamedTuple):
    """What can be carried from a plant to a province, and for how much."""

    plant: str
    province: str
    lots: int
    tariff_tenge_per_tonne: int


class Need(NamedTuple):
    """What a province applied for: outside the platform by applicant, and through it; and what share goes through it.

    `accepted_lots` is what a review has left of all that was applied for outside, None where there was none.
    """

    province: str
    outside: tuple[tuple[str, int], ...]
    platform_lots: int
    platform_share_basis_points: int
    accepted_lots: int | None = None

    @property
    def outside_lots(self) -> int:
        """What counts of all that was applied for outside the platform."""
        applied = sum(lots for _, lots in self.outside)
        return applied if self.accepted_lots is None else min(applied, self.accepted_lots)

    @property
    def lots(self) -> int:
        """All that the province needs."""
        return self.outside_lots + self.platform_lots


class SharedOut(NamedTuple):
    """A plan: by source, by province, and as a matrix of both for each part."""

    sources: tuple[PlannedSource, ...]
    provinces: tuple[PlannedProvince, ...]
    allotments: tuple[Allotment, ...]
    platform: tuple[PlatformSupply, ...]


# --- The plan ---------------------------------------------------------------------------------------------------


def share_out(sources: Iterable[Source], needs: Iterable[Need], routes: Iterable[Route], prefix: str) -> SharedOut:
    """Share a period's supply out; the order in which anything is given does not matter.

    1. Provinces share what the plants can deliver by all that they need (`fair_shares`), carried as cheaply as can be.
    2. The sellers at a plant deliver in proportion to what they can.
    3. Each province's share is parted by its platform share (`naryq.reform.part_plan`); what nobody applied for outside
       goes through the platform. Every source bears the two parts in the same proportion.
    4. The part outside is cut pro rata among its applicants, and comes to them from as few sources as possible.

    Allotments are numbered within `prefix`, by province, source and applicant.
    """
    given, asked, ways = sorted(sources), sorted(needs), sorted(routes)
    supply = _summed((source.plant, source.lots) for source in given)
    shares = fair_shares(supply, {need.province: need.lots for need in asked}, ways)
    columns = _by_source(given, [need.province for need in asked], carried(supply, shares, ways))
    parts = [_parted(need, column) for need, column in zip(asked, columns, strict=True)]
    allotments = tuple(_allotments(given, asked, parts, prefix))
    return SharedOut(
        sources=tuple(_sources(given, columns, parts)),
        provinces=tuple(
            _province(*each, _tariffs(given, each[0].province, ways))
            for each in zip(asked, columns, parts, strict=True)
        ),
        allotments=allotments,
        platform=tuple(_platform(given, asked, columns, parts)),
    )


def _summed(pairs: Iterable[tuple[str, int]]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for name, lots in pairs:
        sums[name] = sums.get(name, 0) + lots
    return sums


def _by_source(given: Sequence[Source], provinces: Sequence[str], flows: Carried) -> list[list[int]]:
    """Return for each province what it receives from each source, the sellers of a plant bearing equal parts."""
    columns = [[0] * len(given) for _ in provinces]
    for plant in sorted({source.plant: None for source in given}):
        rows = [row for row, source in enumerate(given) if source.plant == plant]
        taken = [flows.get((plant, province), 0) for province in provinces]
        borne = apportion(sum(taken), tuple(given[row].lots for row in rows))
        for row, column, lots in few_parts(borne, taken):
            columns[column][rows[row]] += lots
    return columns


def _parted(need: Need, column: Sequence[int]) -> tuple[int, ...]:
    """Return what each source delivers to a province outside the platform."""
    outside = part_plan(sum(column), need.platform_share_basis_points).outside_lots
    return apportion(min(outside, need.outside_lots), tuple(column))


def _allotments(
    given: Sequence[Source], asked: Sequence[Need], parts: Sequence[Sequence[int]], prefix: str
) -> Iterable[Allotment]:
    number = 0
    for need, part in zip(asked, parts, strict=True):
        applicants = sorted(need.outside)
        cut = apportion(sum(part), tuple(lots for _, lots in applicants))
        for row, who, lots in few_parts(part, cut):
            number += 1
            plant, seller_id, _ = given[row]
            yield Allotment(f"{prefix}/{number}", seller_id, plant, need.province, applicants[who][0], lots)


def _platform(
    given: Sequence[Source],
    asked: Sequence[Need],
    columns: Sequence[Sequence[int]],
    parts: Sequence[Sequence[int]],
) -> Iterable[PlatformSupply]:
    for need, column, part in zip(asked, columns, parts, strict=True):
        for (plant, seller_id, _), whole, outside in zip(given, column, part, strict=True):
            if whole > outside:
                yield PlatformSupply(seller_id, plant, need.province, whole - outside)


def _sources(
    given: Sequence[Source], columns: Sequence[Sequence[int]], parts: Sequence[Sequence[int]]
) -> Iterable[PlannedSource]:
    for row, (plant, seller_id, lots) in enumerate(given):
        whole, outside = (sum(each[row] for each in matrix) for matrix in (columns, parts))
        yield PlannedSource(seller_id, plant, lots, outside, whole - outside, lots - whole)


def _province(need: Need, column: Sequence[int], part: Sequence[int], tariffs: Sequence[int]) -> PlannedProvince:
    return PlannedProvince(
        province=need.province,
        applied_outside_lots=sum(lots for _, lots in need.outside),
        applied_platform_lots=need.platform_lots,
        outside_lots=sum(part),
        platform_lots=sum(column) - sum(part),
        platform_share_basis_points=need.platform_share_basis_points,
        transport_tenge_per_tonne=weighted_average(tuple(tariffs), tuple(column)) or 0,
    )


def _tariffs(given: Sequence[Source], province: str, routes: Iterable[Route]) -> list[int]:
    tariffs = {route.plant: route.tariff_tenge_per_tonne for route in routes if route.province == province}
    return [tariffs.get(source.plant, 0) for source in given]


def few_parts(rows: Sequence[int], columns: Sequence[int]) -> Cells:
    """Fill a matrix with given sums in as few cells as its order allows: each takes what is left of the one before.

    >>> few_parts([5, 2], [3, 4])
    [(0, 0, 3), (0, 1, 2), (1, 1, 2)]
    """
    assert sum(rows) == sum(columns), "what is given is what is received"
    cells, row, column = [], 0, 0
    left, wanted = list(rows), list(columns)
    while row < len(left) and column < len(wanted):
        lots = min(left[row], wanted[column])
        left[row], wanted[column] = left[row] - lots, wanted[column] - lots
        if lots:
            cells.append((row, column, lots))
        row, column = (row, column + 1) if left[row] else (row + 1, column)
    return cells


# --- Fair shares ------------------------------------------------------------------------------------------------


def fair_shares(supply: Mapping[str, int], needs: Mapping[str, int], routes: Sequence[Route]) -> dict[str, int]:
    """Return the lots of each province: the exact max-min fair shares of its needs, rounded by the largest remainder.

    No lot more can be carried, none is given beyond a need, and each province is within one lot of its exact share.

    >>> fair_shares({"P": 10}, {"A": 6, "B": 9}, [Route("P", "A", 99, 0), Route("P", "B", 99, 0)])
    {'A': 4, 'B': 6}
    """
    exact = exact_shares(supply, needs, routes)
    lots = {province: int(amount // 1) for province, amount in exact.items()}
    network = _Network(supply, lots, [route._replace(tariff_tenge_per_tonne=0) for route in routes])
    network.fill()
    for province in sorted(exact, key=lambda name: (lots[name] - exact[name], name)):
        if lots[province] < exact[province] and network.one_more(province):
            lots[province] += 1
    return lots


def exact_shares(supply: Mapping[str, int], needs: Mapping[str, int], routes: Sequence[Route]) -> dict[str, Fraction]:
    """Return the max-min fair shares as exact fractions of a lot.

    All provinces climb together until some of them, as a set, have all that can be carried to it; these stay, and the
    others climb on. The level of the first set comes from above by Newton's steps (Dinkelbach 1967): each set that
    is short at a level bounds the level by what reaches it.
    """
    shares: dict[str, Fraction] = {name: Fraction(0) for name in sorted(needs) if not needs[name]}
    while climbing := [name for name in sorted(needs) if name not in shares]:
        level, stopped = Fraction(1), climbing
        while short := _short(supply, {**shares, **{name: level * needs[name] for name in climbing}}, routes):
            stopped = [name for name in climbing if name in short]
            reached = sum(short.values()) - sum(shares[name] for name in short if name in shares)
            level = Fraction(reached, sum(needs[name] for name in stopped))
        shares.update({name: level * needs[name] for name in stopped})
    return dict(sorted(shares.items()))


def _short(supply: Mapping[str, int], wants: Mapping[str, Fraction], routes: Sequence[Route]) -> dict[str, Fraction]:
    """Return a set of provinces that together want more than can reach them, and what each receives; empty if none.

    It counts in such parts of a lot that every amount is whole; carriage does not matter here, and costs nothing.
    """
    parts = lcm(*(amount.denominator for amount in wants.values()))
    network = _Network(
        {plant: lots * parts for plant, lots in supply.items()},
        {name: int(amount * parts) for name, amount in wants.items()},
        [Route(route.plant, route.province, route.lots * parts, 0) for route in routes],
    )
    network.fill()
    if network.received() == sum(network.wants.values()):
        return {}
    return {name: Fraction(amount, parts) for name, amount in network.beyond_reach().items()}


def carried(supply: Mapping[str, int], shares: Mapping[str, int], routes: Sequence[Route]) -> Carried:
    """Return the cheapest flow from plants to provinces that brings each its share, in lots."""
    network = _Network(supply, shares, routes)
    network.fill()
    assert network.received() == sum(shares.values()), "fair shares can be carried"
    return network.carried()


class _Network:
    """Plants, provinces, and the edges between them with their room; each edge is followed by its way back."""

    def __init__(self, supply: Mapping[str, int], wants: Mapping[str, int], routes: Sequence[Route]) -> None:
        self.wants, self.routes = (
            wants,
            [route for route in routes if route.plant in supply and route.province in wants],
        )
        names = ("start", "end", *(f"from {name}" for name in supply), *(f"to {name}" for name in wants))
        self.node = {name: number for number, name in enumerate(names)}
        self.edges: list[list[int]] = [[] for _ in names]
        self.head: list[int] = []
        self.room: list[int] = []
        self.cost: list[int] = []
        for name, lots in supply.items():
            self._join("start", f"from {name}", lots, 0)
        self.first_want = len(self.head)
        for name, amount in wants.items():
            self._join(f"to {name}", "end", amount, 0)
        self.first_route = len(self.head)
        for route in self.routes:
            self._join(f"from {route.plant}", f"to {route.province}", route.lots, route.tariff_tenge_per_tonne)

    def _join(self, tail: str, head: str, room: int, cost: int) -> None:
        for end, to, left, price in ((tail, head, room, cost), (head, tail, 0, -cost)):
            self.edges[self.node[end]].append(len(self.head))
            self.head.append(self.node[to])
            self.room.append(left)
            self.cost.append(price)

    def fill(self) -> None:
        """Carry as much as can be carried, as cheaply as can be: always along the cheapest way that is left."""
        while self._push():
            pass

    def one_more(self, province: str) -> bool:
        """Let a province want one lot more, and tell whether it comes; nobody else loses."""
        self.room[self._want(province)] += 1
        return self._push()

    def received(self) -> int:
        """Return all that arrives."""
        return sum(self.room[self._want(name) + 1] for name in self.wants)

    def beyond_reach(self) -> dict[str, int]:
        """Return the provinces that nothing more can reach, and what each receives: in sum all that can reach them."""
        paths = self._cheapest_paths()
        return {name: self.room[self._want(name) + 1] for name in self.wants if paths[self.node[f"to {name}"]] is None}

    def carried(self) -> Carried:
        """Return the whole lots on each route that carries any."""
        back = enumerate(self.routes)
        lots = {(r.plant, r.province): self.room[self.first_route + 2 * place + 1] for place, r in back}
        return {way: amount for way, amount in lots.items() if amount}

    def _want(self, province: str) -> int:
        return self.first_want + 2 * list(self.wants).index(province)

    def _push(self) -> bool:
        """Carry what fits along the cheapest way that has room, and tell whether there was one."""
        edge = self._cheapest_paths()
        path, node = [], 1
        while node and (step := edge[node]) is not None:
            path.append(step)
            node = self.head[step ^ 1]
        if node:
            return False
        amount = min(self.room[step] for step in path)
        for step in path:
            self.room[step] -= amount
            self.room[step ^ 1] += amount
        return True

    def _cheapest_paths(self) -> list[int | None]:
        """Return the last edge of the cheapest way to each node that can be reached (Bellman and Ford, by a queue)."""
        cost: list[int | None] = [None] * len(self.edges)
        last: list[int | None] = [None] * len(self.edges)
        cost[0] = 0
        waiting = deque([0])
        while waiting:
            node = waiting.popleft()
            so_far = cost[node]
            assert so_far is not None, "only what was reached is waiting"
            for edge in self.edges[node]:
                head, price = self.head[edge], so_far + self.cost[edge]
                known = cost[head]
                if self.room[edge] and (known is None or price < known):
                    cost[head], last[head] = price, edge
                    if head not in waiting:
                        waiting.append(head)
        return last
