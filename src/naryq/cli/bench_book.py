"""The work of `naryq bench book`: the continuous book on several streams, and every Python engine on one of them.

Each stream is drawn from a seed. Everybody gets the same messages, made ready in the form it likes best before its
clock starts; slow engines get the first part of them. What each says has traded is compared with our trades.
"""

import gc
import time
from collections.abc import Callable
from functools import partial
from math import inf
from typing import Any, Final, NamedTuple

import numpy as np

from naryq.cli.bench_book_peers import PEERS, Missing, Stream, Trade
from naryq.market.book import Book
from naryq.market.book_kernels import CANCEL
from naryq.market.book_replay import Replay
from naryq.market.book_rules import SIDES
from naryq.units import grouped

RUNS: Final = 7
ONE_BY_ONE: Final = 200_000
SEED: Final = 7
SETTLED: Final = 1
"""The last status of a message that was taken."""
MISSING: Final = "not installed: in Naryq's folder, .venv/bin/python -m pip install -e '.[peers]'"

Say = Callable[[str], None]


class Figure(NamedTuple):
    """One line of the report: how many messages a second, and how many times as fast the replay is."""

    work: str
    messages: int
    rate: float | None
    replay_is_faster_by: float | None = None
    target: str = ""
    trades: str = ""


def stream(length: int, *, cancels: int = 42, crosses: int = 16, spread: int = 30, waiting: int = 2_000) -> Stream:
    """Make messages: so many in a hundred cancel, so many cross, the others rest up to `spread` ticks from the middle.

    Every order that rests is cancelled in its turn, when about so many newer ones are waiting.
    The cancel of one that has traded before is refused.
    """
    draw = np.random.default_rng(SEED)
    part = draw.integers(0, 100, length)
    cancel, cross = part < cancels, (part >= cancels) & (part < cancels + crosses)
    names = np.arange(length)
    side = draw.integers(0, 2, length, np.uint8)
    middle = 10_000 + np.cumsum(draw.integers(-1, 2, length)) // 50
    away = np.where(cross, -2, draw.integers(1, spread, length))
    adds = names[~cancel & ~cross]
    turns = adds[np.argsort(adds + draw.integers(0, waiting, adds.shape[0]))]
    order_id = names.copy()
    if turns.size:
        order_id[cancel] = turns[np.clip(np.arange(int(cancel.sum())) - waiting, 0, turns.size - 1)]
    return Stream(
        kind=np.where(cancel, CANCEL, 0).astype(np.uint8),
        order_id=order_id,
        side=side,
        price=middle + np.where(side == 0, -away, away),
        quantity=np.where(cancel, 0, draw.integers(1, 20, length)),
    )


def streams(length: int) -> dict[str, Stream]:
    """Make the streams that the replay runs: ordinary days and the worst ones."""
    mixed = stream(length)
    return {
        "adds, cancels, trades": mixed,
        "mostly cancels, as on exchanges": stream(length, cancels=48, crosses=3),
        "2,000 waiting at 2 prices a side": stream(length, spread=3),
        "100,000 waiting at 2 prices a side": stream(length, spread=3, crosses=2, cancels=49, waiting=100_000),
        "a sweep of all prices": stream(length, spread=2_000),
        "nothing but orders": stream(length, cancels=0, crosses=50),
        "names and prices too wide for an array": mixed._replace(
            price=mixed.price * 10**6, order_id=mixed.order_id * 10**9
        ),
    }


class Entry(NamedTuple):
    """A line to be measured: how often, how to make the work ready anew, and what its answer says of the trades."""

    work: str
    messages: int
    runs: int
    ready: Callable[[], Callable[[], Any]]
    target: str
    verdict: Callable[[Any], str]


def run(length: int, *, say: Say) -> list[Figure]:
    """Measure everything, and say what is being measured."""
    mixed = stream(length)
    whole = Book.replay(mixed._asdict())
    accepted = mixed.only(whole.statuses <= SETTLED)
    entries = [*_replays(length), *_one_by_one(accepted), *_peers(accepted, whole)]
    figures = _measured(entries, say)
    return [_with_ratio(figure, figures[0].rate) for figure in figures]


def _measured(entries: list[Entry], say: Say) -> list[Figure]:
    """Run all in turn, round by round, so that a neighbour disturbs all alike; keep the shortest time of each."""
    seconds = dict.fromkeys(entries, inf)
    words = dict.fromkeys(entries, "")
    for number in range(max(entry.runs for entry in entries)):
        for entry in entries:
            if entry.runs <= number or words[entry] == MISSING:
                continue
            say(f"round {number + 1}: {entry.work}, {entry.messages} messages")
            try:
                taken, answer = _timed(entry.ready())
            except Missing:
                words[entry] = MISSING
            else:
                seconds[entry], words[entry] = min(taken, seconds[entry]), entry.verdict(answer)
    return [
        Figure(entry.work, entry.messages, entry.messages / seconds[entry] or None, None, entry.target, words[entry])
        for entry in entries
    ]


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    gc.collect()
    begun = time.perf_counter()
    answer = work()
    return time.perf_counter() - begun, answer


def _with_ratio(figure: Figure, replayed: float | None) -> Figure:
    if figure.rate is None or replayed is None:
        return figure
    return figure._replace(replay_is_faster_by=replayed / figure.rate)


def _replays(length: int) -> list[Entry]:
    made = [
        Entry(f"replay: {name}", length, RUNS, partial(partial, Book.replay, messages._asdict()), "", _count)
        for name, messages in streams(length).items()
    ]
    made[0] = made[0]._replace(target="30 M/s")
    return made


def _count(replay: Replay) -> str:
    return grouped(replay.statistics.trades)


def _one_by_one(accepted: Stream) -> list[Entry]:
    part = accepted.first(ONE_BY_ONE)
    orders = stream(part.kind.size, cancels=0, crosses=20)
    named = (("Book.submit and Book.cancel", part, "1.0 M/s"), ("Book.submit alone, 20 in 100 cross", orders, ""))
    return [
        Entry(name, messages.kind.size, RUNS, partial(_calls, messages), target, lambda _: "")
        for name, messages, target in named
    ]


def _calls(messages: Stream) -> Callable[[], None]:
    """Make the calls of a new book ready to run."""
    book = Book()
    calls: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
        (book.cancel, (name,)) if kind == CANCEL else (book.submit, (name, SIDES[side], price, quantity))
        for kind, name, side, price, quantity in messages.rows()
    ]

    def work() -> None:
        for call, arguments in calls:
            call(*arguments)

    return work


def _peers(accepted: Stream, whole: Replay) -> list[Entry]:
    made = []
    for peer in PEERS:
        part = accepted.first(peer.messages)
        verdict = partial(_verdict, _trades(whole, part))
        made.append(Entry(peer.name, part.kind.size, peer.runs, partial(peer.ready, part), "50x", verdict))
    return made


def _trades(whole: Replay, part: Stream) -> list[Trade]:
    """List our trades in a part of the messages, as the peers are asked for them."""
    trades = whole.trades
    last = int(part.order_id[part.kind != CANCEL].max(initial=-1))
    count = int(np.searchsorted(trades.message, last, side="right"))
    columns = (trades.maker_order_id, trades.price, trades.quantity)
    return [Trade(*row) for row in zip(*(column[:count].tolist() for column in columns), strict=True)]


def _verdict(own: list[Trade], found: list[Trade] | None) -> str:
    """Say whether a peer traded as we did."""
    if found is None:
        return "does not match"
    if found == own:
        return f"the same {grouped(len(own))}"
    differ = (row for row, (left, right) in enumerate(zip(found, own, strict=False)) if left != right)
    same = next(differ, min(len(found), len(own)))
    return f"{grouped(len(found))}, the first {grouped(same)} the same"
