"""What the tests of replayed sessions share: days over instruments, made of numbers, and a twin that lives them again.

The twin is a venue of its own, founded under the rules in question: it is sent what everybody sent, while its clock
ticks second by second. Its payments are added up from its trades by hand.
"""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from tests.trading_samples import REGIONAL, REPUBLICAN, over, venue
from tests.venue_samples import DAY, Desk, instant, replaced, rulebook

from naryq.exchange.rule_effect import last_sessions
from naryq.exchange.rule_replay import Case, RulesReplayed
from naryq.messages import (
    AdoptRulebook,
    AmendOrder,
    CancelOrder,
    ChangePhase,
    ClearSession,
    CloseSession,
    Deposit,
    Entry,
    NextRound,
    OpenSession,
    PhaseChanged,
    PublishSession,
    Refused,
    RulebookText,
    SessionOpened,
    StandardTerms,
    Statistics,
    SubmitOrder,
    Traded,
)
from naryq.rulebook import Rulebook

SECOND: Final = 10**9
CALL: Final = 300 * SECOND
FIRST: Final = "2021-12-30"
DAYS: Final = (DAY, "2022-01-03")
MONTH_OF: Final = {FIRST: "2021-12", DAY: "2021-12", "2022-01-03": "2022-01"}
RULES: Final[dict[str, Any]] = {
    "who_may_sell": ("seller", "buyer"),
    "who_may_buy": ("seller", "buyer"),
    "market_orders": "taken",
    "self_trade": "cancel_newest",
    "collar_rise": 1_500,
    "collar_fall": 1_500,
    "session_price_limit": 300,
    "session_halt": 10,
    "hold_rise": 1_000,
    "guarantee_share": 500,
    "order_lots_highest": 9,
}
CHANGES: Final[tuple[dict[str, Any], ...]] = (
    {"session_price_limit": 100},
    {"session_price_limit": None},
    {"session_price_limit": 150, "session_halt": 3},
    {"session_halt": 45},
    {"collar_rise": 200, "collar_fall": 300},
    {"hold_rise": 100},
    {"order_lots_highest": 3},
    {"order_lots_highest": 20},
    {"self_trade": "cancel_both"},
    {"market_orders": "refused"},
    {"call_price_rule": "last_accepted_sell"},
    {"auction_minimum_participants": 5},
    {"auction_minimum_participants": 2, "tie_rule": "pro_rata"},
    {"guarantee_share": 10_000},
    {"reference_minimum_lots": 30},
    {"orders_per_second": 1},
    {"batch_highest": 12},
    {"settlement": "against_delivery", "delivery_days": 10},
)
PEOPLE: Final = ("zhanaozen", "atyrau", "aktau", "dossor")
NAMES: Final = {"book": "continuous", "call": "call", "sealed": "standard", "open": "standard"}
PRICE: Final = 90_000


class Move(NamedTuple):
    """The numbers that one command is made of, and how many seconds pass after it."""

    what: int
    who: int
    where: int
    steps: int
    lots: int
    seconds: int


BEGINNING: Final = tuple(
    Move(what, who, where, steps, 2, 1) for where, steps in ((0, 10), (4, 11)) for what, who in ((4, 0), (5, 2))
)

BUSY: Final = tuple(
    Move(7 * i % 997, i % 4, 5 * i % 8, 17 * i * i % 100, 1 + 3 * i % 12, 11 * i % 90) for i in range(120)
)
"""Days on which all comes about that the planted bugs meddle with."""


def changed(**rules: Any) -> RulebookText:
    """Return the rules of the lived days with some changed, or ended by None."""
    return rulebook(**{name: value for name, value in {**RULES, **rules}.items() if value is not None})


def lived(moves: tuple[Move, ...], text: RulebookText | None = None) -> Desk:
    """Return a venue with sessions of all kinds over instruments on three days: some trades, then the moves.

    The first day gives both instruments a reference, so that limits bound the others.
    """
    desk = venue(text or rulebook(**RULES), FIRST)
    for number, person in enumerate(PEOPLE):
        money = {"participant_id": person, "amount_tiyn": 5 * 10**9 * (1 + number), "bank_reference": f"bank-{person}"}
        desk.must(Deposit, "operator", **money)
    half = len(moves) // 2
    _hold(desk, FIRST, BEGINNING)
    for day, share in zip(DAYS, (moves[:half], moves[half:]), strict=True):
        _hold(desk, day, share)
    return desk


def _hold(desk: Desk, day: str, moves: tuple[Move, ...]) -> None:
    desk.at_ns = max(desk.at_ns, instant("09:00", day))
    sessions = {name: f"{name}-{day}" for name in NAMES}
    for name, kind in NAMES.items():
        fields: dict[str, Any] = {"day": day, "delivery_month": MONTH_OF[day], "window": "plan"}
        if kind == "continuous":
            fields |= {"opening_call": day == DAYS[1], "closing_call": True}
        if kind == "standard":
            form: Any = name
            fields["standard"] = StandardTerms("zhanaozen", "seller", "up", form, "uniform", 6, PRICE, 1_000, None)
        instrument = REPUBLICAN if name == "call" else REGIONAL
        desk.give(OpenSession, "operator", **over(kind, sessions[name], **{**fields, "instrument": instrument}))
    desk.at_ns = instant("11:00", day)
    for move in moves:
        _made(desk, move, sessions)
        desk.at_ns = min(desk.at_ns + move.seconds * SECOND, instant("12:59", day))
        _kept(desk)
    desk.at_ns = instant("12:59", day)
    _kept(desk)
    desk.give(NextRound, "operator", session_id=sessions["open"])
    desk.at_ns = instant("13:00", day)
    for session_id in sessions.values():
        for kind_ in (CloseSession, ClearSession, PublishSession):
            desk.give(kind_, "operator", session_id=session_id)


def _made(desk: Desk, move: Move, sessions: dict[str, str]) -> None:
    name, who = tuple(NAMES)[(0, 0, 0, 0, 1, 1, 2, 3)[move.where % 8]], PEOPLE[move.who % 4]
    own = [order for _, order in sorted(desk.state.sessions[sessions[name]].orders.items())]
    mine = [order.order_id for order in own if order.participant_id == who]
    price = PRICE + 500 * (move.steps % 21 - 10)
    if move.what % 12 == 0 and mine:
        desk.give(CancelOrder, who, session_id=sessions[name], order_id=mine[move.lots % len(mine)])
    elif move.what % 12 < 3 and mine:
        fields = {"session_id": sessions[name], "order_id": mine[move.lots % len(mine)], "quantity_lots": move.lots}
        desk.give(AmendOrder, who, **fields, price_tenge_per_tonne=price if move.steps % 2 else None)
    elif move.what % 12 == 3:
        desk.give(NextRound, "operator", session_id=sessions["open"])
    else:
        _sent(desk, move, name, price, sessions)


def _sent(desk: Desk, move: Move, name: str, price: int, sessions: dict[str, str]) -> None:
    side = "buy" if NAMES[name] == "standard" or move.what % 2 else "sell"
    if name == "open":
        price = PRICE + 1_000 * max(0, len(desk.state.sessions[sessions[name]].rounds) - 1)
    fields: dict[str, Any] = {"session_id": sessions[name], "order_id": f"o{len(desk.rows)}", "side": side}
    if name == "book":
        fields["time_in_force"] = ("session", "session", "session", "immediate_or_cancel")[move.steps % 4]
        fields["order_type"] = "market" if move.steps % 9 == 0 else "limit"
    place = REPUBLICAN if name == "call" else REGIONAL
    more = {"place": place, "price_tenge_per_tonne": price, "quantity_lots": move.lots, "delivery": "KZ-47"}
    desk.give(SubmitOrder, PEOPLE[move.who % 4], **fields, **more)


def _kept(desk: Desk) -> None:
    """Do what the keeper of the clock would do now for a book."""
    for session_id, session in sorted(desk.state.sessions.items()):
        if session.opened.kind != "continuous":
            continue
        ends_ns, phase = session.opened.closes_at_ns - CALL, ""
        band = desk.state.limits.bands.get(session_id)
        is_over = band is not None and desk.at_ns >= (band.halted_until_ns or 0)
        if (session.phase == "halted" and is_over) or (session.phase == "continuous" and desk.at_ns >= ends_ns):
            phase = "call"
        elif session.phase == "call" and desk.at_ns < ends_ns and desk.at_ns >= _since(desk, session_id) + CALL:
            phase = "continuous"
        if phase:
            desk.give(ChangePhase, "operator", session_id=session_id, phase=phase, reason="the clock")


def _since(desk: Desk, session_id: str) -> int:
    """Return when a session came into its phase."""
    changes = [event.at_ns for event in phases_of(desk, session_id)]
    return changes[-1] if changes else desk.state.sessions[session_id].opened.opens_at_ns


def phases_of(desk: Desk, session_id: str) -> list[PhaseChanged]:
    """Return all changes of a session's phase."""
    events = (event for row in desk.rows for event in row.events)
    return [event for event in events if isinstance(event, PhaseChanged) and event.session_id == session_id]


# --- The case -------------------------------------------------------------------------------------------------------


def case_of(desk: Desk, today: RulebookText, proposed: RulebookText, count: int = 100) -> Case:
    """Return the case of a venue's last sessions under two rulebooks that say the same on every day."""
    _, session_ids = last_sessions(desk.state, count)
    rules = (Rulebook(text).in_force(DAYS[-1], DAYS[-1]) for text in (today, proposed))
    return Case(session_ids, *rules)


# --- The twin -------------------------------------------------------------------------------------------------------


def lived_again(desk: Desk, text: RulebookText) -> Desk:
    """Return a venue that is founded under a rulebook and sent what another one was sent, its own halts kept."""
    twin, phases, called = Desk(), dict[str, str](), dict[str, int]()
    twin.at_ns = desk.rows[0].command.at_ns
    for row in desk.rows:
        command = row.command
        _ticked(twin, phases, called, command.at_ns)
        if isinstance(command, AdoptRulebook):
            command = replaced(command, rulebook=text)
        if not _is_of_another_halt(command, twin, phases, called):
            twin.send(command)
        for event in row.events:
            if isinstance(event, PhaseChanged | SessionOpened):
                phases[event.session_id] = event.phase
    return twin


def _ticked(twin: Desk, phases: dict[str, str], called: dict[str, int], until_ns: int) -> None:
    """Let the clock tick up to an instant: what has halted here alone is called, and trades again when that is over."""
    while True:
        for session_id, session in sorted(twin.state.sessions.items()):
            band, in_journal = twin.state.limits.bands.get(session_id), phases.get(session_id)
            over_ns = None if band is None else band.halted_until_ns
            if session.phase == "halted" and in_journal in {"call", "continuous"} and twin.at_ns >= (over_ns or 0):
                called[session_id] = twin.at_ns
                _reopened(twin, session_id, "call")
            is_called = session.phase == "call" and in_journal == "continuous" and session_id in called
            if is_called and twin.at_ns >= called[session_id] + CALL:
                del called[session_id]
                _reopened(twin, session_id, "continuous")
        if twin.at_ns >= until_ns:
            return
        waits = any(session.phase in {"halted", "call"} for session in twin.state.sessions.values())
        twin.at_ns = min(twin.at_ns + SECOND, until_ns) if waits else until_ns


def _reopened(twin: Desk, session_id: str, phase: Any) -> None:
    stamp: dict[str, Any] = {"command_id": f"tick-{len(twin.rows)}", "actor": "operator", "at_ns": twin.at_ns}
    twin.send(ChangePhase(**stamp, session_id=session_id, phase=phase, reason="the clock"))


def _is_of_another_halt(command: Any, twin: Desk, phases: dict[str, str], called: dict[str, int]) -> bool:
    """Say whether a command ends a halt that is not there, or the call after another one."""
    if not isinstance(command, ChangePhase):
        return False
    session = twin.state.sessions.get(command.session_id)
    if session is not None and session.phase != "halted" and phases.get(command.session_id) == "halted":
        return True
    return command.phase == "continuous" and command.session_id in called


def replay_faults(found: RulesReplayed, side: str, twin: Desk) -> Iterator[str]:
    """Compare one side of a replay with a venue that has lived under its rules, the payments added up by hand."""
    shown = {each.session_id: getattr(each, side) for each in found.sessions}
    paid, amounts = dict.fromkeys(shown, 0), dict[str, list[int]]()
    for trade in (event for row in twin.rows for event in row.events if isinstance(event, Traded)):
        mass_kg = trade.quantity_lots * twin.state.sessions[trade.session_id].opened.lot_kg
        tiyn = trade.price_tenge_per_tonne * mass_kg // 10
        paid[trade.session_id] += tiyn
        for who, at in ((trade.buyer_id, 0), (trade.seller_id, 1)):
            sums = amounts.setdefault(who, [0, 0, 0, 0])
            sums[at] += mass_kg
            sums[at + 2] += tiyn
    told = {each.participant_id: getattr(each, side) for each in found.participants}
    for who in sorted({*told, *amounts}):
        own = told.get(who)
        sums = [] if own is None else [own.bought_kg, own.sold_kg, own.paid_tiyn, own.received_tiyn]
        if (sums or [0, 0, 0, 0]) != amounts.get(who, [0, 0, 0, 0]):
            yield f"{side}: {who} has other gas or money: {sums}, not {amounts.get(who)}"
    for session_id, outcome in shown.items():
        session = twin.state.sessions.get(session_id)
        statistics = Statistics() if session is None else session.statistics
        if (outcome.statistics, outcome.paid_tiyn) != (statistics, paid[session_id]):
            yield f"{side}: {session_id} has traded otherwise"
        if [event.at_ns for event in outcome.halts] != _halts(twin, session_id):
            yield f"{side}: {session_id} has halted otherwise"


def _halts(twin: Desk, session_id: str) -> list[int]:
    return [event.at_ns for event in phases_of(twin, session_id) if event.phase == "halted"]


def order_faults(found: RulesReplayed, desk: Desk, twin: Desk) -> Iterator[str]:
    """Compare the orders that a replay lists with those that a venue has judged otherwise than another one."""
    answers = {row.command.command_id: _code(row) for row in twin.rows}
    wanted, shown = list[Any](), [(each.order_id, each.asked, each.today, each.proposed) for each in found.orders]
    replayed_ids = {each.session_id for each in found.sessions}
    for row in desk.rows:
        command, then = row.command, answers.get(row.command.command_id)
        if isinstance(command, SubmitOrder | AmendOrder) and command.session_id in replayed_ids and _code(row) != then:
            asked = "submit" if isinstance(command, SubmitOrder) else "amend"
            wanted.append((command.order_id, asked, _code(row), then))
    if wanted != shown:
        yield f"other orders are refused: {shown}, not {wanted}"


def _code(row: Entry) -> str | None:
    first = row.events[0]
    return first.code if isinstance(first, Refused) else None
