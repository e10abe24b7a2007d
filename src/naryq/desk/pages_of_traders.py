"""The pages of those who trade: one session with its ticket, own orders and fills, the account, obligations."""

from collections.abc import Iterator
from typing import Final

from naryq.desk.look import Choices, Look, NoSuchPage, Shown
from naryq.desk.words import name_of
from naryq.exchange.sessions import ways_of
from naryq.messages import SessionOpened, Side
from naryq.rulebook import InForce
from naryq.showing import books, distances, members, moneys, orders, sessions
from naryq.showing.books import Depth
from naryq.showing.sessions import ShownSession

ORDERS_SHOWN: Final = 100
FILLS_SHOWN: Final = 100
TRADES_SHOWN: Final = 20


def session(look: Look) -> Shown:
    """Show one session: its book or its auction, own orders in it, the ticket of a trader, the operator's steps."""
    session_id = look.named["session_id"]
    shown = sessions.session(look.state, session_id, look.at_ns)
    if shown is None:
        raise NoSuchPage
    depth = books.depth(look.state, look.viewer, session_id)
    trades_here = look.viewer.role in {"seller", "buyer"} and shown.takes_orders
    return {
        "shown": shown,
        "depth": depth,
        "deepest": _deepest(depth),
        "called": sessions.called_price(look.state, session_id),
        "rounds": sessions.rounds(look.state, session_id),
        "trades": look.history.trades(session_id, TRADES_SHOWN),
        **_own_table(look, session_id),
        "fills": look.history.fills(look.viewer, session_id)[:TRADES_SHOWN],
        "trades_here": trades_here,
        "account": moneys.account(look.state, look.viewer.participant_id),
        "ticket_values": _ticket(look, shown),
        "ticket_choices": _ticket_choices(look, shown.opened),
        "ticket_skip": _needless(look, shown.opened),
        "steps": steps(shown, look.at_ns),
        "ways": [(phase, name_of(look.language, "phase", phase)) for phase in ways_of(look.state.sessions[session_id])],
    }


def _deepest(depth: Depth | None) -> int:
    """Return the lots of the largest level, which fills a bar."""
    return max((level.lots for level in (*depth.bids, *depth.asks)), default=0) if depth else 0


def steps(shown: ShownSession, at_ns: int) -> tuple[str, ...]:
    """Return the actions by which the operator may take a session on now, the next one first."""
    opened, phase = shown.opened, shown.phase
    is_over = at_ns >= opened.closes_at_ns
    possible = (
        ("next-round", shown.round_number is not None and phase == "collecting" and at_ns >= opened.opens_at_ns),
        ("close-session", phase in sessions.STANDING and is_over),
        ("clear-session", phase == "closed" and opened.kind != "continuous"),
        ("publish-prices", phase == "cleared" and opened.kind == "network"),
        (
            "publish-session",
            opened.kind != "network" and phase == ("closed" if opened.kind == "continuous" else "cleared"),
        ),
    )
    return tuple(name for name, may in possible if may)


# --- The ticket ---------------------------------------------------------------------------------------------------


def _ticket(look: Look, shown: ShownSession) -> dict[str, str | int]:
    """Return what stands in a fresh ticket: the side of the role, and what has but one choice."""
    opened = shown.opened
    places = _places(look, opened)
    provinces = _provinces(look, opened)
    side: Side = "sell" if look.viewer.role == "seller" else "buy"
    called = sessions.called_price(look.state, opened.session_id)
    return {
        "session_id": opened.session_id,
        "place": places[0][0] if len(places) == 1 else "",
        "side": side,
        "delivery": provinces[0][0] if side == "buy" and len(provinces) == 1 else "",
        "price_tenge_per_tonne": "" if called is None else called,
        "order_type": "limit",
        "time_in_force": "session",
    }


def _needless(look: Look, opened: SessionOpened) -> tuple[str, ...]:
    """Return the fields of the ticket that have nothing to choose in a session: they keep what stands in them."""
    needless = (
        ("place", opened.instrument is not None),
        ("delivery", opened.instrument is None or look.viewer.role == "seller"),
        ("order_type", not opened.market_orders),
        ("time_in_force", opened.kind != "continuous"),
        ("post_only", opened.kind != "continuous"),
    )
    return tuple(name for name, is_needless in needless if is_needless)


def _ticket_choices(look: Look, opened: SessionOpened) -> dict[str, Choices]:
    choices = {"place": _places(look, opened), "delivery": _provinces(look, opened)}
    if opened.kind != "continuous":
        choices["time_in_force"] = [("session", name_of(look.language, "time_in_force", "session"))]
    if not opened.market_orders:
        choices["order_type"] = [("limit", name_of(look.language, "order_type", "limit"))]
    return choices


def _places(look: Look, opened: SessionOpened) -> Choices:
    """Return the places of a session: a seller's plants first, a buyer's provinces."""
    if opened.instrument is not None:
        return [(opened.instrument, opened.instrument)]
    wanted = "plant" if look.viewer.role == "seller" else "province"
    found = sorted(opened.places, key=lambda place: place.kind != wanted)
    return [(place.place, _place_name(look, place.place)) for place in found]


def _place_name(look: Look, code: str) -> str:
    name = name_of(look.language, "province", code)
    return code if name == code.replace("_", " ") else f"{name} ({code})"


def _provinces(look: Look, opened: SessionOpened) -> Choices:
    """Return where a buyer may take delivery in a session over an instrument; a network session asks for none."""
    if opened.instrument is None:
        return []
    return [(code, _place_name(look, code)) for code in _delivered(look, opened)]


def _delivered(look: Look, opened: SessionOpened) -> Iterator[str]:
    assert opened.instrument is not None, "a network session delivers where its places are"
    instrument = look.state.market.instruments[opened.instrument]
    own = look.state.participants[look.viewer.participant_id].provinces
    bounds = [region for region in (instrument.delivery_region, opened.region) if region not in {None, "KZ"}]
    for code in _rules(look).words("provinces"):
        reached = all(code == region or code in instrument.provinces for region in bounds)
        if reached and (not own or code in own):
            yield code


def _rules(look: Look) -> InForce:
    assert look.state.rulebook is not None, "a session was opened under a rulebook"
    return look.state.rulebook.rules_of_day(look.at_ns)


# --- Own things ---------------------------------------------------------------------------------------------------


def _own_table(look: Look, session_id: str | None = None) -> Shown:
    """Return what the table of own orders shows: the newest, of one session or of all, and how many there are."""
    in_session = look.state.order_ids
    open_orders = reversed(look.history.open_orders(look.viewer))
    known = [order_id for order_id in open_orders if session_id in {None, in_session.get(order_id)}]
    return {"own": orders.own_orders(look.state, look.viewer, known[:ORDERS_SHOWN]), "own_count": len(known)}


def own_orders(look: Look) -> Shown:
    """Show one's open orders in all sessions and the last fills; `amend` names an order that is to be amended."""
    amending = orders.own_order(look.state, look.viewer, look.query.get("amend", ""))
    return {
        **_own_table(look),
        "fills": look.history.fills(look.viewer)[:FILLS_SHOWN],
        "amending": amending,
    }


def account(look: Look) -> Shown:
    """Show one's money: free, held and owed, and how it came."""
    return {
        "account": moneys.account(look.state, look.viewer.participant_id),
        **_own_table(look),
        "payments": look.history.payments(look.viewer),
        "affiliations": members.affiliations(look.state, look.viewer),
        "others": _others(look),
    }


def _others(look: Look) -> Choices:
    """Return everybody but the viewer, as choices."""
    found = members.members(look.state, look.viewer, look.at_ns)
    own = look.viewer.participant_id
    return [
        (each.participant_id, f"{each.participant_id} · {each.name}") for each in found if each.participant_id != own
    ]


def obligations(look: Look) -> Shown:
    """Show one's obligations; `one` names that which is to be paid, loaded or confirmed."""
    found = moneys.own_obligations(look.state, look.viewer)
    one = look.query.get("one", "")
    return {
        "obligations": found,
        "chosen": next((each for each in found if each.obligation_id == one), None),
        "claims": distances.claims(look.state, look.viewer),
        "today": look.today,
    }
