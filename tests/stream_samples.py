"""A venue with a hub at its side, and a reader that knows nothing but what the stream says."""

from typing import Any

import msgspec
from tests.trading_samples import bid, instrument, offer, over
from tests.trading_twins import Row
from tests.venue_samples import PEOPLE, Answer, Desk, instant, rulebook

from naryq import exchange
from naryq.exchange import trading
from naryq.exchange.book import queue
from naryq.gateways.stream_hub import Hub, Reader
from naryq.messages import (
    AdmitParticipant,
    AdoptRulebook,
    AmendOrder,
    AnyCommand,
    CancelOrder,
    ChangePhase,
    ListInstrument,
    OpenSession,
    RulebookText,
    SubmitOrder,
)
from naryq.messages.stream import (
    Beat,
    BookHidden,
    FromStream,
    LevelChanged,
    Market,
    Resumed,
    Snapshot,
    Update,
)
from naryq.showing import Viewer

_heard = msgspec.json.Decoder(FromStream)
Levels = dict[tuple[str, int], tuple[int, int]]


class Stage(Desk):
    """A desk without an auditor, whose rows the hub sees as they are made."""

    def __init__(self, hub: Hub | None = None) -> None:
        super().__init__()
        self.hub = hub or Hub()

    def send(self, command: AnyCommand) -> Answer:
        events = self._decided(command)
        self.hub.see(self.rows[-1])
        return Answer(events, [])


def staged(hub: Hub | None = None, text: RulebookText | None = None) -> Stage:
    """Return a stage with the people and the rules of the small country, and its regional instrument."""
    stage = Stage(hub)
    stage.at_ns = instant("10:00")
    for person, role in PEOPLE.items():
        stage.must(AdmitParticipant, "operator", participant_id=person, name=person.title(), role=role)
    stage.must(AdoptRulebook, "regulator", rulebook=text or rulebook(self_trade="cancel_newest"))
    stage.must(ListInstrument, "operator", **instrument())
    return stage


def trading_stage(hub: Hub | None = None, kind: str = "continuous", **changes: Any) -> Stage:
    """Return a stage with an open session over the regional instrument, at the first instant of its window."""
    stage = staged(hub)
    opened = stage.must(OpenSession, "operator", **over(kind, **changes))
    stage.at_ns = opened.opens_at_ns
    return stage


def reader(hub: Hub, participant_id: str = "press", role: Any = "observer", **more: Any) -> Reader:
    """Let a reader in."""
    found = Reader(Viewer(participant_id, role), "text", **more)
    assert hub.join(found)
    return found


def messages(of: Reader) -> list[FromStream]:
    """Return what waits for a reader, decoded, and take it."""
    return [_heard.decode(piece) for piece in of.take() if isinstance(piece, str)]


class NaiveReader:
    """Folds a market's channel by the rules of the reference page, and complains of every gap."""

    def __init__(self) -> None:
        self.sequence: int | None = None
        self.levels: Levels = {}
        self.gaps = 0

    def hear(self, message: FromStream) -> None:
        """Apply one message."""
        if isinstance(message, Snapshot):
            self._start(message)
        elif isinstance(message, Update):
            self._go_on(message)
        else:
            assert isinstance(message, Resumed | Beat), message

    def _start(self, snapshot: Snapshot) -> None:
        market = snapshot.content
        assert isinstance(market, Market)
        sides = (("buy", market.bids), ("sell", market.asks))
        self.levels = {
            (side, at.price_tenge_per_tonne): (at.quantity_lots, at.orders) for side, half in sides for at in half
        }
        self.sequence = snapshot.sequence

    def _go_on(self, update: Update) -> None:
        assert self.sequence is not None
        self.gaps += update.previous > self.sequence
        for event in update.events:
            if isinstance(event, BookHidden):
                self.levels = {}
            elif isinstance(event, LevelChanged):
                key = (event.side, event.price_tenge_per_tonne)
                if event.quantity_lots:
                    self.levels[key] = (event.quantity_lots, event.orders)
                else:
                    self.levels.pop(key, None)
        self.sequence = max(self.sequence, update.sequence)


def book_of(state: exchange.State, session_id: str = "day") -> Levels:
    """Return what stands at each price of a continuous session, from the venue's own state; nothing unless it is on."""
    session = state.sessions[session_id]
    if session.phase != "continuous":
        return {}
    assert session.book is not None
    levels: Levels = {}
    for side in ("buy", "sell"):
        for number in queue(session.book, side):
            order = session.orders[number]
            key = (side, trading.limit_of(order))
            lots, orders = levels.get(key, (0, 0))
            levels[key] = (lots + order.quantity_lots, orders + 1)
    return levels


def act(stage: Stage, row: Row) -> None:
    """Give the stage one message of a stream of `tests.trading_twins`."""
    if row.kind in {"halt", "start_call", "uncross"}:
        to = {"halt": "halted", "start_call": "call", "uncross": "continuous"}[row.kind]
        stage.give(ChangePhase, "operator", session_id="day", phase=to, reason="a test")
        return
    order_id = f"o{row.number}"
    if row.kind in {"cancel", "amend"}:
        _known(stage, row, order_id)
        return
    actor = ("aktau", "dossor")[row.owner % 2] if row.side == "buy" else ("zhanaozen", "atyrau")[row.owner % 2]
    at_once = row.kind in {"immediate_or_cancel", "fill_or_kill"}
    fields = (bid if row.side == "buy" else offer)(order_id, row.price or 0, row.quantity or 1)
    more = {"time_in_force": row.kind if at_once else "session", "post_only": row.kind == "post_only"}
    stage.give(SubmitOrder, actor, **fields, **more)


def _known(stage: Stage, row: Row, order_id: str) -> None:
    order = stage.hub.board.orders.get(order_id)
    actor, named = order.participant_id if order else "aktau", {"session_id": "day", "order_id": order_id}
    if row.kind == "cancel":
        stage.give(CancelOrder, actor, **named)
    else:
        stage.give(AmendOrder, actor, **named, price_tenge_per_tonne=row.price, quantity_lots=row.quantity)
