"""`naryq bench book` on short streams: every figure is there, and who is missing is said."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from naryq.cli import bench as bench_module
from naryq.cli import bench_book
from naryq.cli.bench import bench
from naryq.cli.bench_book import stream, streams
from naryq.cli.bench_book_peers import PEERS, Missing, Stream, Trade, Work, changes
from naryq.market.book import Book
from naryq.market.book_kernels import CANCEL


def test_every_engine_has_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """A short run reports each stream and each engine, in numbers or with the word on what is missing."""
    monkeypatch.setattr(bench_book, "PEERS", [peer._replace(ready=nobody) for peer in PEERS])
    result = CliRunner().invoke(bench, ["book", "--messages", "1000", "--json"], catch_exceptions=False)
    report = json.loads(result.stdout)
    named = [figure["work"] for figure in report["figures"]]
    assert len(named) == len(streams(10)) + 2 + len(PEERS)
    assert all("peers" in figure["trades"] for figure in report["figures"][-len(PEERS) :])
    bench_module._show_book(report)


def nobody(_: Stream) -> Work:
    """Be an engine that is not installed."""
    message = "nobody"
    raise Missing(message)


@pytest.mark.parametrize("cancels", [0, 50, 100])
def test_a_stream_has_the_cancels_it_was_asked_for(cancels: int) -> None:
    """So many in a hundred are cancels, even all of them."""
    made = stream(2_000, cancels=cancels, crosses=0)
    assert np.count_nonzero(made.kind == CANCEL) == pytest.approx(20 * cancels, abs=100)


def test_the_changes_of_a_stream_lead_to_the_same_book() -> None:
    """What an engine without matching is told, change by change, ends in the book that matching ends in."""
    messages = stream(3_000, waiting=200)
    replay = Book.replay(messages._asdict())
    left: dict[int, tuple[int, int, int]] = {}
    for action, name, side, price, quantity in changes(messages.only(replay.statuses <= 1)):
        if action == "delete":
            del left[name]
        else:
            left[name] = (side, price, quantity)
    bids: dict[int, int] = {}
    for side, price, quantity in left.values():
        if side == 0:
            bids[price] = bids.get(price, 0) + quantity
    assert sorted(bids.items(), reverse=True) == replay.depth(99).bids


def test_a_wrong_trade_is_seen() -> None:
    """An engine that trades otherwise does not pass for one that trades the same."""
    own = [Trade(1, 5, 2), Trade(2, 5, 1)]
    assert bench_book._verdict(own, own) == "the same 2"
    assert bench_book._verdict(own, [own[0], Trade(2, 6, 1)]) == "2, the first 1 the same"
    assert bench_book._verdict(own, own[:1]) == "1, the first 1 the same"
