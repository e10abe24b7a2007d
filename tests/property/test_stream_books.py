"""Whoever folds a snapshot and what follows knows the book, wherever it began, stopped and resumed."""

import asyncio
import random
from typing import Any

import pytest
from tests.stream_samples import (
    NaiveReader,
    Stage,
    act,
    book_of,
    messages,
    reader,
    trading_stage,
)
from tests.trading_twins import stream

from naryq.gateways.stream_hub import Hub, Reader, _Track
from naryq.messages.stream import Resumed, Snapshot
from naryq.showing import announcements
from naryq.showing.board import Line

MARKET = "market/day"


class Follower:
    """A reader that goes away now and then, and comes back with the last row that it knows."""

    def __init__(self, stage: Stage, draw: random.Random) -> None:
        self.stage, self.draw = stage, draw
        self.naive = NaiveReader()
        self.reader: Reader | None = None
        self.snapshots = self.resumed = 0

    def follow(self) -> None:
        """Hear what has come; if the flush is done, the book must be the venue's."""
        if self.reader is None and self.draw.random() < 0.1:
            self.reader = reader(self.stage.hub)
            self.stage.hub.subscribe(self.reader, MARKET, self.naive.sequence)
        if self.reader is None:
            return
        for message in messages(self.reader):
            self.snapshots += isinstance(message, Snapshot)
            self.resumed += isinstance(message, Resumed)
            self.naive.hear(message)
        if self.draw.random() < 0.05:
            self.stage.hub.leave(self.reader)
            self.reader = None

    @property
    def is_right(self) -> bool:
        """Whether nothing was missed, and the book that it knows is the venue's."""
        return not self.naive.gaps and self.naive.levels == book_of(self.stage.state)


def played(seed: int, length: int, held: int = 10) -> tuple[int, list[Follower]]:
    """Play a stream before three followers; return how often one was wrong."""
    draw = random.Random(seed)
    stage = trading_stage(Hub(held_updates=held))
    followers = [Follower(stage, draw) for _ in range(3)]
    wrong = 0
    for row in stream(seed, length):
        act(stage, row)
        for follower in followers:
            follower.follow()
            wrong += follower.reader is not None and not follower.is_right
    return wrong, followers


@pytest.mark.parametrize("seed", range(6))
def test_snapshot_and_updates_are_the_book(seed: int) -> None:
    """After every row each follower's book is the venue's, wherever it began and resumed."""
    wrong, followers = played(seed, 400)
    assert wrong == 0
    assert all(follower.resumed and follower.snapshots for follower in followers)


def test_what_is_gathered_is_the_book_too() -> None:
    """Where many rows make one update, the book is right after each update."""
    asyncio.run(gathered())


async def gathered() -> None:
    stage, draw = trading_stage(Hub(flush_seconds=3_600)), random.Random(9)
    stage.hub.enter()
    naive, one = NaiveReader(), reader(stage.hub)
    stage.hub.subscribe(one, MARKET)
    for row in stream(9, 600):
        act(stage, row)
        if draw.random() < 0.1:
            stage.hub.flush()
            for message in messages(one):
                naive.hear(message)
            assert naive.levels == book_of(stage.state)
    assert naive.gaps == 0
    stage.hub.flush()


def test_a_restarted_hub_goes_on_where_the_last_one_stopped() -> None:
    """A reader resumes at a hub that was folded anew from the rows, since sequences are the journal's."""
    first, naive = trading_stage(), NaiveReader()
    one = reader(first.hub)
    first.hub.subscribe(one, MARKET)
    rows = stream(3, 300)
    for row in rows[:200]:
        act(first, row)
    for message in messages(one):
        naive.hear(message)
    for row in rows[200:]:
        act(first, row)
    again = Hub()
    for entry in first.rows:
        again.see(entry)
    other = reader(again)
    again.subscribe(other, MARKET, naive.sequence)
    heard = messages(other)
    assert isinstance(heard[0], Resumed)
    for message in heard:
        naive.hear(message)
    assert (naive.gaps, naive.levels) == (0, book_of(first.state))


# --- Planted bugs ---------------------------------------------------------------------------------------------------


def _forget_orders(plant: pytest.MonkeyPatch) -> None:
    whole = Line.add
    plant.setattr(Line, "add", lambda line, order, lots, orders: whole(line, order, lots, max(orders, 0)))


def _tell_no_end(plant: pytest.MonkeyPatch) -> None:
    whole = announcements._levels
    plant.setattr(announcements, "_levels", lambda *given: (each for each in whole(*given) if each.quantity_lots))


def _stay_open(plant: pytest.MonkeyPatch) -> None:
    plant.setattr(Line, "is_open_book", property(lambda line: line.opened.kind == "continuous"))


def _resume_one_late(plant: pytest.MonkeyPatch) -> None:
    whole = _Track.after
    plant.setattr(_Track, "after", lambda track, sequence: whole(track, sequence)[1:])


def _resume_what_is_forgotten(plant: pytest.MonkeyPatch) -> None:
    plant.setattr(_Track, "forgotten", property(lambda _: 0, lambda *_: None), raising=False)


@pytest.mark.parametrize("bug", [_forget_orders, _tell_no_end, _stay_open, _resume_one_late, _resume_what_is_forgotten])
def test_a_planted_bug_is_seen(bug: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hub that forgets, keeps open or resumes wrongly is caught by the same followers."""
    bug(monkeypatch)
    wrong, _ = played(1, 400)
    assert wrong > 0
