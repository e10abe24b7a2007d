"""`naryq.clear_batch`: many markets in one call, each of them cleared as `naryq.clear` clears it alone.

>>> import naryq
>>> orders = {
...     "market": ["May", "May", "June", "June"],
...     "order_id": [1, 2, 1, 2],
...     "place": ["Pavlodar", "Astana", "Pavlodar", "Astana"],
...     "side": ["sell", "buy", "sell", "buy"],
...     "price": [80_000, 120_000, 90_000, 100_000],
...     "quantity": [10, 15, 10, 15],
... }
>>> links = {"source": ["Pavlodar"], "target": ["Astana"], "capacity": [40], "tariff": [12_000]}
>>> result = naryq.clear_batch(orders, links)
>>> result.welfare
{'June': 0, 'May': 280000}
>>> result.fills["quantity"].tolist(), result.flows["quantity"].tolist()
([10, 10, 0, 0], [0, 10])
>>> result["May"].prices
{'Astana': 120000, 'Pavlodar': 108000}
>>> result["May"].check().is_optimal
True
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any, Final

import numba
import numpy as np

from naryq.market import batch_intake, intake, labels, sheets, small
from naryq.market.auction import Answer, Rules
from naryq.market.batch_intake import Batch
from naryq.market.checking import Certificate
from naryq.market.clearing import Clearing, Request, found
from naryq.market.intake import Links
from naryq.market.kernels import Integers
from naryq.market.options import check_options
from naryq.market.passes import Market
from naryq.market.small_kernels import PROVEN, Markets, Settled
from naryq.market.why import Outcome
from naryq.units import grouped

RUN: Final = 128
"""So many markets at a time go through the kernels: their arrays stay in the cache."""
SHOWN_MARKETS: Final = 20


class Clearings(Mapping[int | str, Clearing]):
    """The result of `clear_batch`: each market by its name is a `Clearing`, and tables tell of all of them together.

    The markets come sorted by name.

    Attributes:
        welfare: For each market, what the filled bids are worth, less what the filled offers ask, less transport.
        dual_value: For each market, the dual function at its prices; equal to its welfare, which proves the optimum.
    """

    def __init__(self, batch: Batch, settled: Settled, flow: Integers, by: str) -> None:
        """Keep what was found for the caller's own tables; `clear_batch` is the way to make one."""
        self._batch = batch
        self._settled = settled
        self._flow = flow
        self._by = by
        self.welfare = self._by_name(settled.welfare)
        self.dual_value = self._by_name(settled.dual_value)

    def _by_name(self, values: Integers) -> dict[int | str, int]:
        return dict(zip(self._batch.names, values.tolist(), strict=True))

    def __len__(self) -> int:
        return len(self._batch.names)

    def __iter__(self) -> Iterator[int | str]:
        return iter(self._batch.names)

    def __getitem__(self, market: int | str) -> Clearing:
        """Return one market as `naryq.clear` would: with its prices, reasons and check.

        Raises:
            KeyError: When neither an order nor a link names the market.
        """
        index = self._number[market]
        request = request_of(self._batch, index)
        own = market_of(self._batch, index)
        rules = Rules(
            request.tie, request.orders.submitted_at, request.price_rule, _reference(self._batch, index, index + 1)
        )
        answer = self._answer(index)
        return Clearing(Outcome(list(_words(self._batch, index)), own, answer, request.orders.order_id, rules), request)

    @cached_property
    def _number(self) -> dict[int | str, int]:
        return {name: index for index, name in enumerate(self._batch.names)}

    def _answer(self, index: int) -> Answer:
        batch, settled = self._batch, self._settled
        places = batch.place_slice(index, index + 1)
        links = batch.link_slice(index, index + 1)
        return Answer(
            settled.prices[places],
            settled.lowest[places],
            settled.highest[places],
            settled.determined[places],
            settled.bought[places],
            settled.sold[places],
            settled.fills[batch.orders.of(index, index + 1)],
            self._flow[links],
            int(settled.welfare[index]),
            int(settled.dual_value[index]),
        )

    @cached_property
    def prices(self) -> Any:
        """One row a market and place, in the caller's own kind: the market, `place` and `price` (tenge a tonne)."""
        batch, settled = self._batch, self._settled
        count = np.diff(batch.places.start)
        words = np.array([*batch.words, ""], object)[batch.places.keys % max(1, len(batch.words))]
        markets = np.array([*batch.names, ""], object)[:-1].repeat(count)
        price = settled.prices.astype(object)
        price[~settled.determined] = None
        columns = {self._by: markets.tolist(), "place": words.tolist(), "price": price.tolist()}
        return intake.like(batch.request.orders.frame, columns, ("price",), ("price",))

    @cached_property
    def fills(self) -> Any:
        """One row an order, in the order given and in the caller's own kind: the market, `order_id` and `quantity`."""
        return intake.answer(self._batch.request.orders.frame, (self._by, "order_id"), self._settled.fills)

    @cached_property
    def flows(self) -> Any:
        """One row a link, in the order given and in the caller's own kind: `source`, `target` and `quantity` (lots).

        The market comes first. Links that are the same for all markets come again for each of them.
        """
        batch, links = self._batch, self._batch.request.links
        if batch.own_links:
            flow = np.empty(batch.source.size, np.int64)
            flow[batch.links_of(0, len(batch.names))] = self._flow
            return intake.answer(links.frame, (self._by, "source", "target"), _net(flow, links.back))
        markets, count = len(batch.names), batch.source.size - links.back.size
        columns = {
            self._by: [name for name in batch.names for _ in range(count)],
            "source": links.source[:count] * markets,
            "target": links.target[:count] * markets,
            "quantity": _net(self._flow.reshape(markets, batch.source.size), links.back).ravel(),
        }
        return intake.like(batch.request.orders.frame, columns, ("quantity",))

    def check(self) -> dict[int | str, Certificate]:
        """Recompute every market by code that the solver does not use, one after another.

        Raises:
            AssertionError: What was found wrong first, in one sentence.
        """
        return {name: clearing.check() for name, clearing in self.items()}

    def __repr__(self) -> str:
        return sheets.as_text(("market", "welfare"), self._rows(), self._notes())

    def _repr_html_(self) -> str:
        return sheets.as_html(("market", "welfare"), self._rows(), self._notes())

    def _rows(self) -> list[tuple[str, str]]:
        return [(str(name), grouped(value)) for name, value in list(self.welfare.items())[:SHOWN_MARKETS]]

    def _notes(self) -> list[str]:
        more = len(self) - SHOWN_MARKETS
        proven = "all proven optimal" if self.welfare == self.dual_value else "NOT ALL PROVEN"
        return [
            *([f"... and {grouped(more)} more markets."] if more > 0 else []),
            f"{grouped(len(self))} markets, {proven}",
        ]


def clear_batch(
    orders: Any,
    links: Any = None,
    *,
    by: str = "market",
    tie: str = "time",
    price_rule: str = "middle",
    reference: int | Mapping[str, int] | None = None,
) -> Clearings:
    """Clear many markets at once, each as `naryq.clear` clears it alone: every number is the same.

    Args:
        orders: A table as for `clear`, with one more column that names the market of each row, by text or by whole
            numbers; `order_id` need differ within a market only. Rows may stand in any order.
        links: The links of all markets, or, with that column too, of each. None for none.
        by: The name of that column.
        tie: As for `clear`.
        price_rule: As for `clear`.
        reference: As for `clear`, for all markets; a price for a place counts in each market that has the place.

    Returns:
        A `Clearings`: by its name each market as a `Clearing`, and tables of all prices, fills and flows.

    Raises:
        Refusal: Whatever is wrong, as for `clear`, with the row of the caller's table. Orders with conditions or
            without a limit are refused (NOT_SUPPORTED): `clear` takes them.
    """
    check_options(tie, price_rule, reference)
    batch = batch_intake.read(orders, links, by, (tie, price_rule, reference))
    settled, flow = _cleared(batch)
    return Clearings(batch, settled, flow, by)


def _cleared(batch: Batch) -> tuple[Settled, Integers]:
    """Clear all markets, some at a time on each thread; then those that only the ordinary way can settle."""
    count = len(batch.names)
    settled = small.empty(batch.request.orders.price.size, int(batch.places.start[-1]), count)
    flow = np.zeros(batch.links_before(count), np.int64)
    settled.state[:] = 1 - PROVEN
    if batch.request.price_rule in small.PRICE_RULES and small.fits(batch.request.links.tariff, len(batch.words)):
        with ThreadPoolExecutor(int(numba.config.NUMBA_NUM_THREADS)) as pool:  # type: ignore[attr-defined]
            list(pool.map(lambda run: _clear_run(batch, run, settled, flow), _runs(batch)))
    for index in np.flatnonzero(settled.state != PROVEN).tolist():
        _clear_alone(batch, index, settled, flow)
    return settled, flow


def _runs(batch: Batch) -> list[tuple[int, int]]:
    """Part the small markets into runs of neighbours: the first of each, and the one after its last."""
    links = [batch.links_before(market) for market in range(len(batch.names) + 1)]
    size = np.diff(batch.orders.start) + np.diff(batch.places.start) + np.diff(links)
    large = np.flatnonzero(size > small.SMALL).tolist()
    runs = zip([0, *(each + 1 for each in large)], [*large, len(batch.names)], strict=True)
    return [(first, min(first + RUN, last)) for start, last in runs for first in range(start, last, RUN)]


def _clear_run(batch: Batch, run: tuple[int, int], settled: Settled, flow: Integers) -> None:
    """Clear some neighbouring markets and write what was found among that of all."""
    first, last = run
    rows = batch.orders.of(first, last)
    places = batch.place_slice(first, last)
    links = batch.link_slice(first, last)
    markets, request = markets_of(batch, first, last), batch.request
    answer, flows = small.settled(markets, request.tie, request.price_rule, _reference(batch, first, last))
    flow[links] = flows
    settled.fills[rows] = answer.fills
    _put(settled[:6], answer[:6], places)
    _put(settled[7:], answer[7:], slice(first, last))


def _put(wholes: Sequence[Any], parts: Sequence[Any], where: slice) -> None:
    """Write parts where they belong among the whole."""
    for whole, part in zip(wholes, parts, strict=True):
        whole[where] = part


def markets_of(batch: Batch, first: int, last: int) -> Markets:
    """Make the arrays of some neighbouring markets."""
    orders, every, starts = batch.request.orders, batch.request.links, batch.places.start
    rows, links = batch.orders.of(first, last), batch.links_of(first, last)
    before = np.array([batch.links_before(market) for market in range(first, last + 1)]) - batch.links_before(first)
    market_of_link = np.repeat(np.arange(first, last), np.diff(before))
    market = np.repeat(np.arange(first, last), np.diff(batch.orders.start[first : last + 1]))
    here = batch.places.numbers(market * len(batch.words) + batch.place[orders.place.codes[rows]]) - starts[market]
    keys = market_of_link * len(batch.words)
    source, target = (batch.places.numbers(keys + names[links]) for names in (batch.source, batch.target))
    return Markets(
        batch.orders.start[first : last + 1] - batch.orders.start[first],
        starts[first : last + 1] - starts[first],
        before,
        here,
        batch.side[orders.side.codes[rows]],
        np.array(orders.price[rows]),
        np.array(orders.quantity[rows]),
        np.arange(here.size) if orders.submitted_at is None else np.array(orders.submitted_at[rows]),
        source - starts[market_of_link],
        target - starts[market_of_link],
        np.minimum(every.capacity[links], batch.lots[market_of_link]),
        every.tariff[links],
    )


def _reference(batch: Batch, first: int, last: int) -> Integers:
    places = batch.place_slice(first, last)
    return batch.reference[batch.places.keys[places] % max(1, len(batch.words))]


def _words(batch: Batch, index: int) -> list[str]:
    keys = batch.places.keys[batch.places.start[index] : batch.places.start[index + 1]]
    return [batch.words[key] for key in (keys % len(batch.words)).tolist()]


def _clear_alone(batch: Batch, index: int, settled: Settled, flow: Integers) -> None:
    """Clear one market in the ordinary way."""
    answer = found(request_of(batch, index)).answer
    places = batch.place_slice(index, index + 1)
    _put(settled[:6], answer[:6], places)
    settled.fills[batch.orders.of(index, index + 1)] = answer.fills
    flow[batch.link_slice(index, index + 1)] = answer.flow
    settled.welfare[index], settled.dual_value[index] = answer.welfare, answer.dual_value


def request_of(batch: Batch, index: int) -> Request:
    """Take one market out of all, as `clear` would read it."""
    request, words = batch.request, _words(batch, index)
    rows = np.arange(batch.request.orders.price.size)[batch.orders.of(index, index + 1)]
    orders = type(request.orders)(*(intake.rows_of(column, rows) for column in request.orders))
    reference = request.reference
    if isinstance(reference, Mapping):
        reference = {name: price for name, price in reference.items() if name in words}
    participants = request.participants
    return request._replace(
        orders=orders,
        links=_links_of(batch, index),
        participants=None if participants is None else labels.of_rows(participants, rows),
        reference=reference,
        places=tuple(words),
    )


def _links_of(batch: Batch, index: int) -> Links:
    links = batch.request.links
    if not batch.own_links:
        return links
    rows, count = batch.links_of(index, index + 1), len(links.source) - links.back.size
    forth = rows[rows < count]
    return Links(
        intake.rows_of(links.frame, forth),
        [links.source[row] for row in rows.tolist()],
        [links.target[row] for row in rows.tolist()],
        links.capacity[rows],
        links.tariff[rows],
        np.searchsorted(forth, links.back[rows[rows >= count] - count]),
    )


def market_of(batch: Batch, index: int) -> Market:
    """Return one market as arrays, its places numbered by their names."""
    own, request = markets_of(batch, index, index + 1), request_of(batch, index)
    return Market(
        int(own.place[-1]),
        own.here.astype(np.int32),
        own.side.astype(np.uint8),
        np.arange(own.place[-1]),
        np.arange(2),
        own.price,
        own.quantity,
        own.source,
        own.target,
        own.capacity,
        own.tariff,
        request.links.back,
    )


def _net(flow: Integers, back: Integers) -> Integers:
    """Return what links carry from source to target, less what those of them that run both ways carry back."""
    count = flow.shape[-1] - back.size
    net = flow[..., :count].copy()
    net[..., back] -= flow[..., count:]
    return net
