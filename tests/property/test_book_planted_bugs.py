"""Bugs planted in both fast forms of the book, one at a time: the comparison with the naive twin catches each."""

import sys
from pathlib import Path
from types import ModuleType

import pytest
from tests.book_streams import difference, one_by_one, random_stream, replayed
from tests.naive_book import NaiveBook

from naryq.market import book, book_halves, book_kernels, book_meeting, book_phases, book_replay
from naryq.market.book_rules import SELF_TRADES
from naryq.market.call import VENUE_RULES

IN_THE_BOOK = {
    "a growing amendment keeps its place": ("price == order.price and quantity <= left", "price == order.price"),
    "a shrinking amendment loses its place": ("price == order.price and quantity <= left", "False"),
    "a refill keeps its place": ("level.queue.rotate(-1)", "pass"),
    "the newest goes first": ("maker = level.queue[0]", "maker = level.orders()[-1]"),
    "an order trades at its own price": ("maker.shown, maker.price", "maker.shown, taker.price"),
    "a limit is taken as strict": ("other.keys and other.keys[-1] >= limit", "other.keys and other.keys[-1] > limit"),
    "a partial fill takes one too many": (
        "maker.shown -= lots\n            level",
        "maker.shown -= 1\n            level",
    ),
    "fill-or-kill fills in part": ("not self._fillable(order, other, limit)", "False"),
    "fill-or-kill does not count what is hidden": ("hidden += order.hidden", "pass"),
    "fill-or-kill counts beyond its own order": ('elif self._self_trade != "cancel_resting"', "elif False"),
    "post-only crosses": ('if kind == "post_only" or', "if"),
    "a self-trade is missed": ("prevents and maker.owner", "False and maker.owner"),
    "the resting order of two cancelled stays": ('_trade != "cancel_newest"', '_trade == "cancel_resting"'),
    "nobody is an owner too": ("and taker.owner is not None", ""),
    "a cancelled order may be named again": ("if order_id in self._orders:", "if self._orders.get(order_id):"),
    "a cancel takes what is shown first": ("min(less, order.hidden)", "max(less - order.shown, 0)"),
    "an immediate order rests": ('(kind == "limit" or kind == "post_only")', 'kind != "market"'),
    "the depth shows what is hidden": ("level.shown += shown", "level.shown += shown + order.hidden"),
    "the last price is the first of a sweep": ("self._last = last", "self._last = first"),
    "an amended post-only order may cross": ('"post_only" if order.post_only else "limit"', '"limit"'),
}
IN_A_HALF = {
    "an iceberg brings only what it shows": ("key: sum(order.shown + order.hidden", "key: sum(order.shown"),
    "worse orders than the price trade": ("self.sign * price) :]", "self.sign * price - 1) :]"),
    "an empty price stays the best": ("self.keys.pop()", "pass"),
    "a queue made anew is turned round": ("deque(level.orders())", "deque(level.orders()[::-1])"),
    "who is gone still counts": ("order.shown = order.hidden = 0", "pass"),
}
IN_THE_CALL = {
    "what an iceberg hides is not taken": ("order.hidden -= from_hidden", "order.hidden -= 0"),
    "market orders stay": ("        self._drop_market_orders()\n", ""),
    "the call goes on": ("self._arrivals, self._kinds = None, KINDS", "pass"),
    "any kind is taken": ("{}, CALL_KINDS", "{}, KINDS"),
    "market orders have no priority": ('MARKET_PRICE if order.side == "buy" else -MARKET_PRICE', "1"),
    "who came first is forgotten": ("for age, order_id in enumerate(there)}", "for age, order_id in enumerate([])}"),
    "an amended order is as old as it was": ("self._arrivals.pop(order.order_id, None)", "pass"),
    "nothing is cancelled before": ("if not meeting.cancelled:", "if True:"),
}
IN_THE_KERNEL = {
    "a shrinking amendment loses its place": ("level == before and quantity <= left", "False"),
    "a refill keeps its place": ("        unlink(nodes, node)\n        append(nodes, node, level)\n", ""),
    "worse prices to sell are forgotten": ("found if found >= 0 else tables", "tables"),
    "a limit is taken as strict": ("(1 - 2 * side) <= 0", "(1 - 2 * side) < 0"),
    "a partial fill takes one": ("            quantity -= lots", "            quantity -= 1"),
    "an order trades more than it wants": ("lots = min(quantity, nodes[node, SHOWN])", "lots = nodes[node, SHOWN]"),
    "fill-or-kill fills in part": ("not fillable(messages, tables, entry, rule)", "False"),
    "fill-or-kill counts what is hidden behind its own": ("return shown, True", "return whole, True"),
    "fill-or-kill counts only what is shown": ("+= nodes[node, SHOWN] + nodes[node, HIDDEN]", "+= nodes[node, SHOWN]"),
    "post-only crosses": ("if kind == POST_ONLY or (", "if ("),
    "a self-trade is missed": ("nodes[node, ORIGIN]) == owner:", "nodes[node, ORIGIN]) == -2:"),
    "the resting order of two cancelled stays": ("if rule != CANCEL_NEWEST:", "if rule == CANCEL_RESTING:"),
    "an order that is gone is taken for the next in its node": ("HANDLE] != handle", "HANDLE] == -1"),
    "a name may be taken twice": ("tables.slots[handle] != 0:", "tables.slots[handle] > 0:"),
    "a cancel takes what is shown first": ("min(less, nodes[node, HIDDEN])", "max(less - nodes[node, SHOWN], 0)"),
    "trades without room are lost": ("trades[count, LOTS] = lots", "trades[count, LOTS] = quantity"),
    "an amended post-only order may cross": ("kind = POST_ONLY * (terms", "kind = LIMIT * (terms"),
    "a price off the tick is taken": ("level * scale.step != offset", "False"),
    "an order keeps no owner through an amendment": ("Entry(ENTERS, kind, np.int64(origin)", "Entry(ENTERS, kind, row"),
}
IN_THE_PHASES = {
    "market orders stay": ("< MARKET_PRICE)", "<= MARKET_PRICE)"),
    "those who were there before came last": ("self.arrived[asks.origin] = -1", "self.arrived[asks.origin] = 10**6"),
    "worse bids than the price trade": ("self.prices[bids.level] >= price", "self.prices[bids.level] >= price - 1"),
    "a refill keeps its place": ("np.lexsort((refilled, run))", "np.lexsort((run,))"),
    "the node of an order that is gone is not given back": ("table[nodes, kernels.HANDLE] = -1", "pass"),
    "a wrong reference price ends the call": ("return OUT_OF_RANGE", "pass"),
    "offers stay up": ("level=limits[1].level - self.gap", "level=limits[1].level"),
    "the pyramid forgets": ("np.bitwise_or.at(bits", "np.bitwise_and.at(bits"),
    "trades come in another order": ("zip_longest(written, own)", "zip_longest(own, written)"),
}
IN_THE_MEETING = {
    "self-trades happen": ("if rule != 0 and", "if False and"),
    "the wrong one is cancelled": ("ages[0][buyer] < ages", "ages[0][buyer] > ages"),
    "nobody is an owner too": ("owners[0][buyer] >= 0 and ", ""),
}


def changed(module: ModuleType, old: str, new: str) -> ModuleType:
    """Make a module again from its source with a bug in it; its kernels run as plain Python."""
    source = Path(str(module.__file__)).read_text(encoding="utf-8")
    assert source.count(old) >= 1, f"{old!r} is not in the source any more"
    broken = ModuleType(f"{module.__name__}_broken")
    sys.modules[broken.__name__] = broken
    source = source.replace("@bare\n", "").replace("@part\n", "").replace("@compiled\n", "").replace(old, new)
    exec(compile(source, broken.__name__, "exec"), broken.__dict__)  # noqa: S102
    return broken


def wrong_book(module: ModuleType, *, calls: bool = False) -> str:
    """Return the first difference between a book and the twin; a failed assertion or lookup is one, too."""
    try:
        for seed, rule in enumerate(SELF_TRADES * 2):
            stream = random_stream(seed, 400, calls=calls)
            found = difference(
                one_by_one(module.Book(self_trade=rule), stream), one_by_one(NaiveBook(self_trade=rule), stream)
            )
            if found:
                return found
    except (AssertionError, LookupError, TypeError) as problem:
        return repr(problem)
    return ""


def wrong_replay(module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the first difference between a replay and the twin, likewise."""
    monkeypatch.setattr(book_replay, "kernels", module)
    try:
        for seed, rule in enumerate(SELF_TRADES * 3):
            tick = 1 + seed // (2 * len(SELF_TRADES))
            stream = random_stream(seed, 400, tick)
            twin = NaiveBook(self_trade=rule, tick=tick)
            found = difference(replayed(stream, rule, tick), one_by_one(twin, stream))
            if found:
                return found
    except (AssertionError, IndexError) as problem:
        return repr(problem)
    return ""


def wrong_phases(module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the first difference between a replay with calls and the twin, likewise."""
    monkeypatch.setattr(book_replay, "phased", module.phased)
    try:
        for seed, rule in enumerate(SELF_TRADES * 6):
            tick, price_rule = 1 + seed % 2, VENUE_RULES[seed % 3]
            stream = random_stream(seed, 250, tick, calls=True)
            twin = NaiveBook(self_trade=rule, tick=tick)
            found = difference(replayed(stream, rule, tick, price_rule), one_by_one(twin, stream, price_rule))
            if found:
                return found
    except (AssertionError, IndexError) as problem:
        return repr(problem)
    return ""


@pytest.mark.parametrize("bug", IN_THE_BOOK)
def test_a_bug_in_the_book_is_caught(bug: str) -> None:
    """The comparison sees the bug."""
    assert wrong_book(changed(book, *IN_THE_BOOK[bug]))


@pytest.mark.parametrize("bug", IN_THE_CALL)
def test_a_bug_in_the_call_phase_is_caught(bug: str) -> None:
    """The comparison of streams with calls sees the bug."""
    assert wrong_book(changed(book, *IN_THE_CALL[bug]), calls=True)


@pytest.mark.parametrize("bug", IN_A_HALF)
def test_a_bug_in_a_half_of_the_book_is_caught(bug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same comparison sees a bug in how a side keeps its queues."""
    monkeypatch.setattr(book, "Half", changed(book_halves, *IN_A_HALF[bug]).Half)
    assert wrong_book(book, calls=True)


@pytest.mark.parametrize("bug", IN_THE_KERNEL)
def test_a_bug_in_the_kernel_is_caught(bug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison sees the bug."""
    assert wrong_replay(changed(book_kernels, *IN_THE_KERNEL[bug]), monkeypatch)


@pytest.mark.parametrize("bug", IN_THE_PHASES)
def test_a_bug_in_the_phases_is_caught(bug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison of streams with calls sees the bug."""
    assert wrong_phases(changed(book_phases, *IN_THE_PHASES[bug]), monkeypatch)


@pytest.mark.parametrize("bug", IN_THE_MEETING)
def test_a_bug_in_the_meeting_is_caught(bug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison of streams with calls sees the bug."""
    monkeypatch.setattr(book_phases, "meet", changed(book_meeting, *IN_THE_MEETING[bug]).meet)
    assert wrong_phases(book_phases, monkeypatch)


def test_without_a_bug_nothing_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same comparison is content with the sources as they are, even run as plain Python."""
    assert wrong_book(changed(book, "Book", "Book")) == ""
    assert wrong_book(changed(book, "Book", "Book"), calls=True) == ""
    assert wrong_phases(changed(book_phases, "meet", "meet"), monkeypatch) == ""
    assert wrong_replay(changed(book_kernels, "run", "run"), monkeypatch) == ""
