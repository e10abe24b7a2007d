"""The kernels of small markets: many markets that stand one after another in the same arrays, each cleared whole.

First the curves of each market are drawn; the network simplex (naryq.market.simplex_kernels) finds prices and a trade
for them; then each market is settled: who trades at the margin, the lattice of all optimal prices and the vector of it
that is published, the fills, and the proof.

**Why the simplex trades the most.** Among trades of equal welfare, the one that trades most is wanted. The curves have
two steps for each tenge: an offer at p stands at 2p and a bid at 2p + 1. So a bid and an offer at one price gain by
half a tenge when they trade. A circle that costs something costs at least one tenge, and touches at most two curves:
the halves cannot outweigh it, so what is found is optimal, and of all that is optimal it trades the most. Half the
doubled price, rounded down, is an optimal price: rounding keeps every comparison with a limit or a tariff.

A kernel and all that it calls stand in this file; see naryq.market.kernels for why.
"""

# ruff: noqa: PLR0917 - kernels take their arguments by position

from typing import NamedTuple, TypeAlias

import numpy as np

from naryq.market.kernels import Flags, Integers, bare, compiled

Whole: TypeAlias = int | np.int64

PROVEN, UNSETTLED, BROKEN = 0, 1, 2
"""How a market was left: done; to be settled in the ordinary way; or with a trade that is not optimal, a bug."""
BY_TIME, PRO_RATA = 0, 1
LOWEST, MIDDLE, HIGHEST, REFERENCE = 0, 1, 2, 3


class Markets(NamedTuple):
    """Markets one after another: where the rows, places and links of each start, then the orders and the links.

    Each market numbers its places from 0: `here` is the place of an order, `source` and `target` are those of a link.
    `turn` orders the orders at the margin before their row does.
    """

    row: Integers
    place: Integers
    link: Integers
    here: Integers
    side: Integers
    price: Integers
    quantity: Integers
    turn: Integers
    source: Integers
    target: Integers
    capacity: Integers
    tariff: Integers


class Trades(NamedTuple):
    """What the simplex found: doubled prices above the lowest limit, lots used of each curve, and flows."""

    price: Integers
    used: Integers
    flow: Integers


class Settled(NamedTuple):
    """What was found for each market: one value a place, then one an order, then one a market."""

    prices: Integers
    lowest: Integers
    highest: Integers
    determined: Flags
    bought: Integers
    sold: Integers
    fills: Integers
    welfare: Integers
    dual_value: Integers
    state: Integers


class Book(NamedTuple):
    """One market's orders, links and flows, and its places while it is settled.

    `lots` counts, for each place and side, what is inside the price and what is offered and trades at it; `least` and
    `most` bound the price of a place, by the orders there.
    """

    here: Integers
    side: Integers
    price: Integers
    quantity: Integers
    turn: Integers
    source: Integers
    target: Integers
    capacity: Integers
    tariff: Integers
    flow: Integers
    at: Integers
    inside: Integers
    offered: Integers
    traded: Integers
    least: Integers
    most: Integers


# --- Curves -------------------------------------------------------------------------------------------------------


@bare
def sort_pairs(first: Integers, second: Integers) -> None:
    """Sort pairs by their first number, then by their second (D. Shell, A high-speed sorting procedure, 1959)."""
    gap = 1
    while 3 * gap < first.shape[0]:
        gap = 3 * gap + 1
    while gap > 0:
        for index in range(gap, first.shape[0]):
            one, other, place = first[index], second[index], index - gap
            while place >= 0 and (first[place] > one or (first[place] == one and second[place] > other)):
                first[place + gap], second[place + gap] = first[place], second[place]
                place -= gap
            first[place + gap], second[place + gap] = one, other
        gap //= 3


@bare
def extremes(values: Integers) -> tuple[np.int64, np.int64]:
    """Return the lowest and the highest of some numbers; two zeros where there are none."""
    if values.shape[0] == 0:
        return np.int64(0), np.int64(0)
    lowest, highest = values[0], values[0]
    for value in values:
        lowest, highest = min(lowest, value), max(highest, value)
    return lowest, highest


@compiled
def draw(
    here: Integers,
    side: Integers,
    price: Integers,
    quantity: Integers,
    start: Integers,
    limit: Integers,
    lots: Integers,
    taken: Integers,
) -> None:
    """Draw the curve of each place, with a bid for one lot below all limits and an offer of one above them."""
    lowest, highest = extremes(price)
    start[:] = 0
    for row in range(here.shape[0]):
        start[here[row] + 1] += 1
    for place in range(taken.shape[0]):
        start[place + 1] += start[place] + 2
    following = start[:-1].copy()
    for place in range(taken.shape[0]):
        step = start[place]
        limit[step], lots[step] = 1, 1
        limit[step + 1], lots[step + 1] = 2 * (highest - lowest + 2), 1
        following[place] += 2
        taken[place] = 1
    for row in range(here.shape[0]):
        place, is_bid = here[row], 1 - side[row]
        step = following[place]
        limit[step], lots[step] = 2 * (price[row] - lowest + 1) + is_bid, quantity[row]
        following[place] += 1
        taken[place] += quantity[row] * is_bid
    for place in range(taken.shape[0]):
        steps = slice(start[place], start[place + 1])
        sort_pairs(limit[steps], lots[steps])


@compiled
def draw_each(markets: Markets, start: Integers, limit: Integers, lots: Integers, taken: Integers) -> None:
    """Draw the curves of every market; each place has two steps more than it has orders."""
    for index in range(markets.row.shape[0] - 1):
        rows = slice(markets.row[index], markets.row[index + 1])
        first, last = markets.place[index], markets.place[index + 1]
        steps = slice(markets.row[index] + 2 * first, markets.row[index + 1] + 2 * last)
        draw(
            markets.here[rows],
            markets.side[rows],
            markets.price[rows],
            markets.quantity[rows],
            start[first + index : last + index + 1],
            limit[steps],
            lots[steps],
            taken[first:last],
        )


# --- Who trades ---------------------------------------------------------------------------------------------------


@compiled
def stand(book: Book, used: Integers) -> bool:
    """Count what stands inside and at the price of each place, what of it trades, and bound the price by the orders.

    Returns False when what is used of a curve does not fit the price, which proves that it is not optimal.
    """
    under = np.zeros(used.shape[0], np.int64)
    book.inside[:], book.offered[:] = 0, 0
    book.least[:], book.most[:] = -1, extremes(book.price)[1] + 1
    for row in range(book.here.shape[0]):
        here, side, price = book.here[row], book.side[row], book.price[row]
        if price == book.at[here]:
            book.offered[here, side] += book.quantity[row]
        elif price < book.at[here]:
            under[here] += book.quantity[row]
            book.inside[here, 1] += book.quantity[row] * side
            book.least[here] = max(book.least[here], price)
        else:
            book.inside[here, 0] += book.quantity[row] * (1 - side)
            book.most[here] = min(book.most[here], price)
    fits = True
    for place in range(used.shape[0]):
        rest = used[place] - 1 - under[place]  # One lot is the bid below all limits.
        sold = min(rest, book.offered[place, 1])
        left = rest - sold
        fits = fits and rest >= 0 and left <= book.offered[place, 0]
        book.traded[place, 0], book.traded[place, 1] = book.offered[place, 0] - left, sold
        if book.traded[place, 1] < book.offered[place, 1] or book.traded[place, 0] > 0:
            book.most[place] = book.at[place]
        if book.traded[place, 1] > 0 or book.traded[place, 0] < book.offered[place, 0]:
            book.least[place] = book.at[place]
    return fits


@bare
def pays(book: Book) -> bool:
    """Tell whether no link that has room gains, and none that is used loses: else prices or flows are not optimal."""
    for link in range(book.source.shape[0]):
        gap = book.at[book.target[link]] - book.at[book.source[link]] - book.tariff[link]
        if (gap > 0 and book.flow[link] < book.capacity[link]) or (gap < 0 and book.flow[link] > 0):
            return False
    return True


@compiled
def contested(book: Book) -> bool:
    """Tell whether, among places that open links join, one margin is short while another of that side is served."""
    places = book.at.shape[0]
    group = np.arange(places)
    changed = True
    while changed:
        changed = False
        for link in range(book.source.shape[0]):
            one, other = book.source[link], book.target[link]
            joins = book.capacity[link] > 0 and book.at[other] - book.at[one] == book.tariff[link]
            if joins and group[one] != group[other]:
                group[one] = group[other] = min(group[one], group[other])
                changed = True
    counts = np.zeros((places, 2, 3), np.int64)
    for place in range(places):
        for side in range(2):
            offered, traded = book.offered[place, side], book.traded[place, side]
            counts[group[place], side, 0] += traded < offered
            counts[group[place], side, 1] += traded > 0
            counts[group[place], side, 2] += offered > 0
    for place in range(places):
        for side in range(2):
            if counts[place, side, 0] > 0 and counts[place, side, 1] > 0 and counts[place, side, 2] > 1:
                return True
    return False


@compiled
def circles(book: Book) -> bool:
    """Tell whether free links carry something in a circle: strip what leads nowhere until nothing is left."""
    links = book.source.shape[0]
    carries = np.zeros(links, np.bool_)
    left = 0
    for link in range(links):
        carries[link] = book.tariff[link] == 0 and book.flow[link] > 0
        left += carries[link]
    leads_on = np.zeros(book.at.shape[0], np.bool_)
    while left > 0:
        leads_on[:] = False
        for link in range(links):
            if carries[link]:
                leads_on[book.source[link]] = True
        stripped = 0
        for link in range(links):
            if carries[link] and not leads_on[book.target[link]]:
                carries[link] = False
                stripped += 1
        if stripped == 0:
            return True
        left -= stripped
    return False


# --- Prices -------------------------------------------------------------------------------------------------------


@bare
def lower_all(book: Book, prices: Integers) -> None:
    """Lower prices in place to the highest at which no open link gains and no used one loses."""
    changed = True
    while changed:
        changed = False
        for link in range(book.source.shape[0]):
            source, target, tariff = book.source[link], book.target[link], book.tariff[link]
            if book.flow[link] < book.capacity[link] and prices[source] + tariff < prices[target]:
                prices[target] = prices[source] + tariff
                changed = True
            if book.flow[link] > 0 and prices[target] - tariff < prices[source]:
                prices[source] = prices[target] - tariff
                changed = True


@bare
def copy(values: Integers, target: Integers) -> None:
    """Copy numbers one by one: that compiles in a tenth of the time of an assignment to a slice."""
    for index in range(values.shape[0]):
        target[index] = values[index]


@bare
def raise_all(book: Book, prices: Integers) -> None:
    """Raise prices in place to the lowest at which no open link gains and no used one loses."""
    changed = True
    while changed:
        changed = False
        for link in range(book.source.shape[0]):
            source, target, tariff = book.source[link], book.target[link], book.tariff[link]
            if book.flow[link] < book.capacity[link] and prices[target] - tariff > prices[source]:
                prices[source] = prices[target] - tariff
                changed = True
            if book.flow[link] > 0 and prices[source] + tariff > prices[target]:
                prices[target] = prices[source] + tariff
                changed = True


@bare
def publish(
    book: Book, rule: int, reference: Integers, prices: Integers, lowest: Integers, highest: Integers, determined: Flags
) -> None:
    """Find the lowest and the highest optimal prices and, by the rule, those to publish (see market/lattice.py)."""
    top = extremes(book.price)[1]
    copy(book.least, lowest)
    copy(book.most, highest)
    raise_all(book, lowest)
    lower_all(book, highest)
    for place in range(prices.shape[0]):
        middle = (lowest[place] + highest[place]) >> 1
        if rule == LOWEST:
            prices[place] = lowest[place]
        elif rule == MIDDLE:
            prices[place] = middle
        elif rule == HIGHEST:
            prices[place] = highest[place]
        else:
            wanted = middle if reference[place] < 0 else reference[place]
            prices[place] = min(book.most[place], max(wanted, lowest[place]))
    if rule == REFERENCE:
        lower_all(book, prices)
    for place in range(prices.shape[0]):
        open_below, open_above = lowest[place] < 0, highest[place] > top
        determined[place] = not (open_below and open_above)
        if open_below or open_above:
            prices[place] = book.most[place]
    lower_all(book, prices)
    for place in range(prices.shape[0]):
        if highest[place] > top:
            prices[place] = book.least[place]
    raise_all(book, prices)


# --- Fills and proof ----------------------------------------------------------------------------------------------


@bare
def fill_in_turn(quantity: Integers, members: Integers, total: Whole, fills: Integers) -> None:
    """Fill some rows, the first of them first, until nothing is left."""
    for row in members:
        fills[row] = min(quantity[row], total)
        total -= fills[row]


@compiled
def fill_pro_rata(quantity: Integers, members: Integers, total: Whole, fills: Integers) -> bool:
    """Fill some rows in proportion, by the largest remainder, then the first; False when 64 bits do not suffice."""
    weight, left = np.int64(0), total
    for row in members:
        weight += quantity[row]
        if quantity[row] > (2**63 - 1) // total:
            return False
    lacking, position = np.empty_like(members), np.arange(members.shape[0])
    for index in range(members.shape[0]):
        product = quantity[members[index]] * total
        lacking[index] = -(product % weight)
        fills[members[index]] = product // weight
        left -= product // weight
    sort_pairs(lacking, position)
    for index in range(left):
        fills[members[position[index]]] += 1
    return True


@compiled
def margin_of(book: Book, here: Whole, side: Whole) -> Integers:
    """Return the rows of one side at the price of a place, in the order of their turn, then of the rows."""
    rows, turn = np.empty_like(book.here), np.empty_like(book.here)
    found = 0
    for row in range(book.here.shape[0]):
        if book.here[row] == here and book.side[row] == side and book.price[row] == book.at[here]:
            rows[found], turn[found] = row, book.turn[row]
            found += 1
    sort_pairs(turn[:found], rows[:found])
    return rows[:found]


@compiled
def fill(book: Book, tie: int, fills: Integers) -> bool:
    """Fill every order; False when sharing in proportion does not fit 64 bits."""
    marginal = 0
    for row in range(fills.shape[0]):
        here, side = book.here[row], book.side[row]
        gain = (book.price[row] - book.at[here]) * (1 - 2 * side)
        fills[row] = book.quantity[row] if gain > 0 else 0
        if gain == 0 and book.traded[here, side] == book.offered[here, side]:
            fills[row] = book.quantity[row]
        marginal += gain == 0 and 0 < book.traded[here, side] < book.offered[here, side]
    for first in range(fills.shape[0] if marginal else 0):
        here, side = book.here[first], book.side[first]
        total = book.traded[here, side]
        if fills[first] > 0 or book.price[first] != book.at[here] or not 0 < total < book.offered[here, side]:
            continue
        members = margin_of(book, here, side)
        if tie == BY_TIME:
            fill_in_turn(book.quantity, members, total, fills)
        elif not fill_pro_rata(book.quantity, members, total, fills):
            return False
        book.traded[here, side] = 0  # Shared out: the other rows of this margin must not share it again.
    return True


@bare
def values(book: Book, prices: Integers, fills: Integers) -> tuple[np.int64, np.int64]:
    """Return the welfare of the fills and flows, and the dual value of the prices."""
    welfare, dual_value = np.int64(0), np.int64(0)
    for row in range(fills.shape[0]):
        sign = 1 - 2 * book.side[row]
        welfare += sign * fills[row] * book.price[row]
        dual_value += max(0, sign * (book.price[row] - prices[book.here[row]])) * book.quantity[row]
    for link in range(book.source.shape[0]):
        welfare -= book.flow[link] * book.tariff[link]
        gap = prices[book.target[link]] - prices[book.source[link]] - book.tariff[link]
        dual_value += max(0, gap) * book.capacity[link]
    return welfare, dual_value


@compiled
def balanced(book: Book, fills: Integers) -> bool:
    """Tell whether every place sends on what it buys and does not use, and no link carries more than it can."""
    left = np.zeros(book.at.shape[0], np.int64)
    for row in range(fills.shape[0]):
        left[book.here[row]] += (2 * book.side[row] - 1) * fills[row]
    fits = True
    for link in range(book.source.shape[0]):
        left[book.source[link]] -= book.flow[link]
        left[book.target[link]] += book.flow[link]
        fits = fits and 0 <= book.flow[link] <= book.capacity[link]
    for lots in left:
        fits = fits and lots == 0
    return fits


# --- One market after another -------------------------------------------------------------------------------------


@compiled
def settle(book: Book, used: Integers, options: tuple[int, int], reference: Integers, answer: Settled) -> int:
    """Settle a market for which a trade was found, and return how it was left."""
    tie, rule = options
    if not (stand(book, used) and pays(book)):
        return BROKEN
    if contested(book) or circles(book):
        return UNSETTLED
    for place in range(book.at.shape[0]):
        answer.bought[place] = book.inside[place, 0] + book.traded[place, 0]
        answer.sold[place] = book.inside[place, 1] + book.traded[place, 1]
    publish(book, rule, reference, answer.prices, answer.lowest, answer.highest, answer.determined)
    if not fill(book, tie, answer.fills):
        return UNSETTLED
    welfare, dual_value = values(book, answer.prices, answer.fills)
    answer.welfare[0], answer.dual_value[0] = welfare, dual_value
    return PROVEN if welfare == dual_value and balanced(book, answer.fills) else BROKEN


@bare
def leave_empty(answer: Settled, flow: Integers) -> None:
    """Answer for a market without orders: no price anywhere, and nothing moves."""
    answer.prices[:], answer.lowest[:], answer.highest[:] = 0, -1, 1
    answer.determined[:], answer.bought[:], answer.sold[:] = False, 0, 0
    answer.welfare[0], answer.dual_value[0] = 0, 0
    flow[:] = 0


@compiled
def settle_each(
    markets: Markets, trades: Trades, options: tuple[int, int], reference: Integers, answers: Settled
) -> None:
    """Settle every market, and note how it was left."""
    for index in range(markets.row.shape[0] - 1):
        rows = slice(markets.row[index], markets.row[index + 1])
        places = slice(markets.place[index], markets.place[index + 1])
        links = slice(markets.link[index], markets.link[index + 1])
        answer = Settled(
            answers.prices[places],
            answers.lowest[places],
            answers.highest[places],
            answers.determined[places],
            answers.bought[places],
            answers.sold[places],
            answers.fills[rows],
            answers.welfare[index : index + 1],
            answers.dual_value[index : index + 1],
            answers.state[index : index + 1],
        )
        price = markets.price[rows]
        if price.shape[0] == 0:
            leave_empty(answer, trades.flow[links])
            answers.state[index] = PROVEN
            continue
        lowest, highest = extremes(price)
        at = trades.price[places].copy()
        for place in range(at.shape[0]):
            at[place] = min(max((at[place] >> 1) + lowest - 1, lowest), highest)
        lots = np.empty((3, at.shape[0], 2), np.int64)
        bounds = np.empty((2, at.shape[0]), np.int64)
        book = Book(
            markets.here[rows],
            markets.side[rows],
            price,
            markets.quantity[rows],
            markets.turn[rows],
            markets.source[links],
            markets.target[links],
            markets.capacity[links],
            markets.tariff[links],
            trades.flow[links],
            at,
            lots[0],
            lots[1],
            lots[2],
            bounds[0],
            bounds[1],
        )
        answers.state[index] = settle(book, trades.used[places], options, reference[places], answer)
