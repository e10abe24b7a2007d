"""How the auditor judges stops and limits: which are justified, what they must say, what they must leave alone."""

from collections.abc import Iterator
from datetime import date
from fractions import Fraction
from typing import Any

from tests.audit_of_prices import Books, bid_limit, moves_reference
from tests.pricing_twins import half_up

from naryq import messages as m
from naryq.messages import Code


def wrong(books: Books, command: Any, lacks: list[Code]) -> Iterator[Code]:
    """Return every code for which a command of these topics must be refused."""
    if isinstance(command, m.StopTrading | m.ResumeTrading):
        yield from lacks
        if not lacks:
            yield from _wrong_stop(books, command)
    if isinstance(command, m.ReportParity | m.ClaimCompensation | m.DecideClaim):
        yield from wrong_claim(books, command, lacks)


def _wrong_stop(books: Books, command: m.StopTrading | m.ResumeTrading) -> Iterator[Code]:
    today = books.day(command.at_ns)
    if books.people[command.actor] not in (books.rule("who_may_stop", today, today) or ()):
        yield Code.NOT_PERMITTED
    stands = books.stops.get((command.scope, command.target))
    regulates = books.people[command.actor] == "regulator"
    regulated = stands is not None and books.people[stands.actor] == "regulator"
    if isinstance(command, m.ResumeTrading):
        yield from (Code.NOT_STOPPED,) if stands is None else ()
        yield from (Code.NOT_PERMITTED,) if regulated and not regulates else ()
        return
    if stands is not None and (regulated or not regulates):
        yield Code.ALREADY_EXISTS
    match command.scope:
        case "venue" if command.target != "venue":
            yield Code.OUT_OF_RANGE
        case "session" if command.target not in books.calls:
            yield Code.UNKNOWN_SESSION
        case "region" if command.target not in books.rule("provinces", today, today):
            yield Code.UNKNOWN_PLACE
        case "instrument" if command.target not in books.limits.regions:
            yield Code.UNKNOWN_INSTRUMENT
        case "participant" if command.target not in books.people:
            yield Code.UNKNOWN_PARTICIPANT


def _cancels(books: Books, command: m.StopTrading) -> bool:
    today = books.day(command.at_ns)
    return command.scope == "participant" or books.rule("stop_orders", today, today) == "cancel"


def stopped(books: Books, command: m.StopTrading) -> m.TradingStopped:
    """Return what a stop must say."""
    return m.TradingStopped(
        scope=command.scope,
        target=command.target,
        reason=command.reason,
        resting="cancel" if _cancels(books, command) else "keep",
        actor=command.actor,
        at_ns=command.at_ns,
        rulebook_version=books.version,
    )


def reached(books: Books, command: Any, call: Any) -> bool:
    """Say whether a stop reaches every order of a session."""
    opened, instrument = call.opened, call.opened.instrument
    region = None if instrument is None else opened.region or books.limits.regions[instrument]
    named = {"venue": "venue", "session": opened.session_id, "instrument": instrument, "region": region}
    return bool(command.scope != "participant" and named[command.scope] == command.target)


def cancelled(books: Books, command: m.StopTrading, events: tuple[m.AnyEvent, ...]) -> Iterator[str]:
    """A stop cancels what it reaches or nothing, as its rule says, and a participant's orders always; books halt."""
    gone: list[m.AnyEvent] = []
    halted: list[m.AnyEvent] = []
    reason = f"trading stopped: {command.reason}"
    for name, call in sorted(books.calls.items()):
        whole = reached(books, command, call)
        if call.phase in STANDING and _cancels(books, command):
            gone += [
                m.OrderCancelled(name, order.order_id, reason)
                for order in call.orders.values()
                if whole or command.target in (order.participant_id, order.place, order.delivery)
            ]
        if call.phase in ("call", "continuous") and whole:
            halted.append(m.PhaseChanged(name, "halted", reason, command.at_ns))
    told = [event for event in events if isinstance(event, m.OrderCancelled | m.PhaseChanged)]
    if told != gone + halted:
        yield f"leads to {told}, where the stop reaches {gone + halted}"


STANDING = ("collecting", "call", "continuous", "halted")


def reopened(books: Books, command: m.ResumeTrading, events: tuple[m.AnyEvent, ...]) -> Iterator[str]:
    """What a stop alone kept halted reopens in a call, unless a limit's own halt is not over."""
    others = [stop for key, stop in books.stops.items() if key != (command.scope, command.target)]
    wanted = [
        m.PhaseChanged(name, "call", f"trading resumed: {command.reason}", command.at_ns)
        for name, call in sorted(books.calls.items())
        if call.phase == "halted"
        and call.opened.kind == "continuous"
        and reached(books, command, call)
        and not any(reached(books, stop, call) for stop in others)
        and books.limits.halted_until.get(name, 0) <= command.at_ns
    ]
    if [event for event in events if isinstance(event, m.PhaseChanged)] != wanted:
        yield f"leads to {events}, where the resumption reopens {wanted}"


# --- Limits -----------------------------------------------------------------------------------------------------

FOLLOWING = (m.PriceCounted, m.KeysCounted, m.CollarTightened, m.LimitReached, m.LimitLifted, m.BandWidened)
"""What the limits add to the events of a command."""


def of_order(books: Books, command: m.SubmitOrder, replaced_lots: int = 0) -> Iterator[Code]:
    """Return the codes with which the limits of size, rate, batch and parity must refuse an order."""
    today = books.day(command.at_ns)
    rule = {name: books.rule(name, today, today) for name in ORDER_RULES}
    call = books.calls[command.session_id]
    cars = Fraction(command.quantity_lots * call.opened.lot_kg, books.rule("lot", today, today))
    if rule["order_lots_highest"] is not None and cars > rule["order_lots_highest"]:
        yield Code.TOO_MANY_LOTS
    tenge = Fraction(command.price_tenge_per_tonne * command.quantity_lots * call.opened.lot_kg, 1000)
    if rule["order_value_highest"] is not None and half_up(tenge) > rule["order_value_highest"]:
        yield Code.TOO_MUCH_VALUE
    recent = _recent(books, command)
    if rule["orders_per_second"] is not None and len(recent) >= rule["orders_per_second"]:
        yield Code.TOO_FAST
    if command.side == "buy":
        mass_kg = (command.quantity_lots - replaced_lots) * call.opened.lot_kg
        mass_kg += taken(books, command.actor, call.opened.delivery_month)
        lots = Fraction(mass_kg, books.rule("lot", today, today))
        if rule["batch_highest"] is not None and lots > rule["batch_highest"]:
            yield Code.BATCH_TOO_LARGE
        if rule["batch_lowest"] is not None and lots < rule["batch_lowest"]:
            yield Code.BATCH_TOO_SMALL
    limit = bid_limit(books, call.opened.instrument, today)
    if limit is not None and command.price_tenge_per_tonne - call.carriage.get(command.place, 0) > limit:
        yield Code.PRICE_ABOVE_PARITY


def _recent(books: Books, command: m.SubmitOrder) -> list[int]:
    """List when the sender and its affiliates sent orders within the last second."""
    group = books.register.group(command.actor)
    return [time for one in group for time in books.limits.sent[one] if time > command.at_ns - 10**9]


ORDER_RULES = (
    "order_lots_highest",
    "order_value_highest",
    "orders_per_second",
    "batch_lowest",
    "batch_highest",
)


def taken(books: Books, participant_id: str, month: str) -> int:
    """Count over again how many kilograms a buyer has bought or is bidding for in a month."""
    taken_kg, group = 0, books.register.group(participant_id)
    for call in books.calls.values():
        if call.opened.delivery_month == month:
            filled = {} if call.cleared is None else {f.order_id: f.quantity_lots for f in call.cleared.fills}
            for order in call.orders.values():
                if order.side == "buy" and books.register.group(order.participant_id) == group:
                    lots = order.quantity_lots if call.cleared is None else filled[order.order_id]
                    taken_kg += lots * call.opened.lot_kg
            bought = (trade.quantity_lots for trade in call.trades if books.register.group(trade.buyer_id) == group)
            taken_kg += sum(bought) * call.opened.lot_kg
    return taken_kg


def beside_refusal(books: Books, command: Any, refused: m.Refused, events: tuple[m.AnyEvent, ...]) -> Iterator[str]:
    """A refusal says what is wrong and nothing else happens, but that a robot's breach is written down."""
    if not refused.what:
        yield "a refusal does not say what is wrong"
    if refused.code is not Code.TOO_FAST:
        yield from ["a refusal, and something else happens"] if events else []
        return
    recent = _recent(books, command)
    today = books.day(command.at_ns)
    told = [(e.limit, e.subject, e.value, e.threshold, e.at_ns) for e in events if isinstance(e, m.LimitReached)]
    highest = books.rule("orders_per_second", today, today)
    wanted = ("orders_per_second", command.actor, min(len(recent) + 1, 100), highest, command.at_ns)
    if told != [wanted] or len(events) != 1:
        yield f"a robot's breach is written down as {told}, not as {wanted}"


def counted(books: Books, command: m.ClearSession, events: tuple[m.AnyEvent, ...]) -> Iterator[str]:
    """The rolling sums and the two keys after a session, over the whole history."""
    call, cleared = books.calls[command.session_id], events[0]
    assert isinstance(cleared, m.SessionCleared)
    day = books.day(call.opened.closes_at_ns)
    yield from _sums(books, call, cleared, day, events)
    average = cleared.average_ex_works_tenge_per_tonne if cleared.reference_moved else None
    yield from _keys(books, call.opened, average, day, events)


def _sums(
    books: Books, call: Any, cleared: m.SessionCleared, day: str, events: tuple[m.AnyEvent, ...]
) -> Iterator[str]:
    regions = [place.place for place in call.opened.places if place.kind == "province"]
    prices = {}
    for price in cleared.prices:
        value = price.uncapped_price_tenge_per_tonne
        value = price.price_tenge_per_tonne if value is None and price.traded_lots else value
        if price.place in regions and value is not None:
            prices[price.place] = value - call.carriage[price.place]
    yield from _counter(books, call.opened, prices, day, events)


def counted_in_trade(books: Books, events: tuple[m.AnyEvent, ...]) -> Iterator[str]:
    """The price of a session over an instrument is counted at its end: what traded, and what a bound kept from it.

    Its keys are held against what traded alone, where that moves the reference.
    """
    ended = next((event for event in events if isinstance(event, m.SessionEnded) and event.statistics), None)
    if ended is None or ended.statistics is None:
        early = _of(events, m.PriceCounted) + _of(events, m.KeysCounted)
        yield from ["a price is counted and no session ends"] if early else []
        return
    call, after = books.calls[ended.session_id], books.limits.copy()
    for event in events:
        if isinstance(event, m.LimitReached):
            after.fold(event)
    turnover, lots = after.kept.get(ended.session_id, (0, 0))
    turnover, lots = turnover + ended.statistics.turnover, lots + ended.statistics.volume_lots
    region = books.region_of(call)
    prices = {} if region is None or not lots else {region: half_up(Fraction(turnover, lots))}
    day, traded = books.day(ended.at_ns), ended.statistics
    yield from _counter(books, call.opened, prices, day, events)
    ends = [
        event.phase for event in events if isinstance(event, m.PhaseChanged) and event.session_id == ended.session_id
    ]
    broken_off = "cancelled" in ends
    if ended.reference_moved != (not broken_off and moves_reference(books, call.opened, traded.volume_lots, day)):
        yield "the reference moves on less volume than the rules ask for, or stays on enough"
    average = half_up(Fraction(traded.turnover, traded.volume_lots)) if traded.volume_lots else None
    yield from _keys(books, call.opened, average if ended.reference_moved else None, day, events)


def _of(events: tuple[m.AnyEvent, ...], kind: type) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


def _counter(
    books: Books, opened: Any, prices: dict[str, int], day: str, events: tuple[m.AnyEvent, ...]
) -> Iterator[str]:
    """Add each region's price to all that were counted before, and compare the sums and what follows from them."""
    sessions, threshold = books.rule("cumulative_sessions", day, day), books.rule("cumulative_threshold", day, day)
    told = _of(events, m.PriceCounted)
    if sessions is None or threshold is None:
        yield from ["prices are counted without a rule"] if told else []
        return
    wanted, moved = [], {}
    for region, value in prices.items():
        history = [*books.limits.counts[region], value][-sessions:]
        at_ns = opened.closes_at_ns
        wanted.append(m.PriceCounted(opened.session_id, region, value, len(history), sum(history), at_ns))
        if (sum(history) > threshold) != (region in books.limits.administered):
            moved[region] = m.LimitReached if sum(history) > threshold else m.LimitLifted
    if sorted(told, key=lambda each: each.region) != sorted(wanted, key=lambda each: each.region):
        yield f"the sums are {told}, by hand {wanted}"
    limits = [event for event in events if isinstance(event, m.LimitReached | m.LimitLifted)]
    acts = [event for event in limits if event.limit == "cumulative_threshold"]
    if {event.subject: type(event) for event in acts} != moved:
        yield f"the administered price begins or ends by {acts}, by hand {moved}"


def _keys(
    books: Books, opened: m.SessionOpened, average: int | None, day: str, events: tuple[m.AnyEvent, ...]
) -> Iterator[str]:
    """The keys of an instrument, or of the network, over all sessions that have held an average against them."""
    names = ("two_key_level", "two_key_spread", "two_key_sessions", "two_key_stay")
    level, spread, sessions, stay = (books.rule(name, day, day) for name in names)
    told = [event for event in events if isinstance(event, m.KeysCounted)]
    if None in (level, spread, sessions, stay) or average is None:
        yield from ["keys are counted without a rule or a price"] if told else []
        return
    parity, oldest = books.limits.parity, books.rule("parity_age", day, day)
    if parity is not None and oldest is not None:
        age = (date.fromisoformat(day) - date.fromisoformat(parity.day)).days
        parity = None if age > oldest else parity
    price, instrument = None if parity is None else parity.parity_tenge_per_tonne, opened.instrument
    books.limits.keys[instrument].append(price is not None and average > level and average - price >= spread)
    keys, before = books.limits.keys[instrument], books.limits.acting[instrument]
    acting = _acting(keys, before, sessions, stay)
    turned, failed = (_in_a_row(keys, each) for each in (True, False))
    wanted = m.KeysCounted(opened.session_id, average, price, turned, failed, acting, instrument)
    if told != [wanted]:
        yield f"the two keys say {told}, by hand {wanted}"
    moves = _of(events, m.LimitReached) + _of(events, m.LimitLifted)
    said = [(type(event), event.subject) for event in moves if event.limit == "two_key_level"]
    has_moved = (acting is not None) != (before[-1:] == [True])
    if said != [(m.LimitLifted if acting is None else m.LimitReached, instrument or "venue")] * has_moved:
        yield f"the limit of the two keys begins or ends by {said}, and by hand {'does' if has_moved else 'does not'}"


def _in_a_row(keys: list[bool], wanted: object) -> int:
    """Return how many of the last sessions came to the same, up to the last of all."""
    return next((back for back, turned in enumerate(reversed(keys)) if turned is not wanted), len(keys))


def _acting(keys: list[bool], acted: list[bool], sessions: int, stay: int) -> int | None:
    """Return for how many sessions the limit acts after the last of these, given after which it acted; None for not."""
    if acted[-1:] != [True]:
        return 0 if len(keys) >= sessions and all(keys[-sessions:]) else None
    since = _in_a_row(acted, wanted=True)
    return None if since >= stay and len(keys) >= sessions and not any(keys[-sessions:]) else since


def own_kinds(command: Any, events: tuple[m.AnyEvent, ...]) -> tuple[type, ...]:
    """Return the kinds of a command's own events, without what the limits add and what a stop cancels."""
    kinds = tuple(type(event) for event in events if not isinstance(event, FOLLOWING))
    return kinds[:1] if isinstance(command, m.StopTrading | m.ResumeTrading) else kinds


def told(books: Books, command: Any, events: tuple[m.AnyEvent, ...]) -> Iterator[str]:
    """Judge what a stop, its end, a claim or its decision says."""
    match command:
        case m.StopTrading():
            if events[0] != stopped(books, command):
                yield f"says {events[0]}, not {stopped(books, command)}"
            yield from cancelled(books, command, events[1:])
        case m.ResumeTrading():
            stop = (command.scope, command.target, command.reason, command.actor, command.at_ns)
            if events[0] != m.TradingResumed(*stop):
                yield f"says {events[0]}, not what was resumed"
            yield from reopened(books, command, events[1:])
        case _:
            yield from claim(books, command, events)


def claim(books: Books, command: Any, events: tuple[m.AnyEvent, ...]) -> Iterator[str]:
    """A claim is the gap to cost of what was sold at the price found; what is granted is booked from the fund."""
    event = events[0]
    if isinstance(event, m.CompensationClaimed) and event != _claimed(books, command):
        yield f"claims {event}, by hand {_claimed(books, command)}"
    if isinstance(event, m.ClaimDecided):
        seller = books.limits.claims[command.claim_id].participant_id
        booked = {leg.account: leg.amount for e in events[1:] for leg in getattr(e, "postings", ())}
        granted = command.granted_tiyn
        if booked != ({"fund": -granted, f"cash:{seller}": granted} if granted else {}):
            yield f"booked {booked} for a claim of which {granted} is granted"
        if event != m.ClaimDecided(command.claim_id, seller, granted, command.reason, command.at_ns):
            yield f"decides {event}, where {command} was sent"


def _gaps(books: Books, command: m.ClaimCompensation) -> list[tuple[int, int]]:
    """List what each sale of a session left below cost, in tiyn, with its mass."""
    sales = books.limits.sales.get((command.session_id, command.actor), [])
    cost = command.cost_tenge_per_tonne
    return [(half_up(Fraction((cost - price) * kg, 10)), kg) for price, kg in sales if price < cost]


def _claimed(books: Books, command: m.ClaimCompensation) -> m.CompensationClaimed:
    gaps = _gaps(books, command)
    shared = {
        name: getattr(command, name) for name in m.CompensationClaimed.__struct_fields__ if hasattr(command, name)
    }
    sold_kg, claimed_tiyn = sum(kg for gap, kg in gaps if gap), sum(gap for gap, _ in gaps)
    return m.CompensationClaimed(**shared, participant_id=command.actor, sold_kg=sold_kg, claimed_tiyn=claimed_tiyn)


def wrong_claim(books: Books, command: Any, lacks: list[Code]) -> Iterator[Code]:
    """Return the codes with which a claim, its decision or a report must be refused."""
    yield from lacks
    if lacks:
        return
    today = books.day(command.at_ns)
    match command:
        case m.ReportParity():
            last = books.limits.parity
            if not _is_day(command.day) or command.day > today or (last is not None and command.day < last.day):
                yield Code.OUT_OF_RANGE
            if last is not None and books.people.get(last.actor) == "regulator" and _is_fresh(books, last.day, today):
                yield from (Code.NOT_PERMITTED,) if books.people[command.actor] != "regulator" else ()
        case m.ClaimCompensation():
            yield from _wrong_claim(books, command, today)
        case m.DecideClaim():
            yield from _wrong_decision(books, command, today)


def _is_fresh(books: Books, day: str, today: str) -> bool:
    oldest = books.rule("parity_age", today, today)
    return oldest is None or (date.fromisoformat(today) - date.fromisoformat(day)).days <= oldest


def _wrong_claim(books: Books, command: m.ClaimCompensation, today: str) -> Iterator[Code]:
    claims = books.limits.claims.values()
    waiting = command.claim_id in books.limits.claims and command.claim_id not in books.limits.decided
    if waiting or any((c.session_id, c.participant_id) == (command.session_id, command.actor) for c in claims):
        yield Code.ALREADY_EXISTS
    if not sum(gap for gap, _ in _gaps(books, command)):
        yield Code.NOTHING_TO_CLAIM
        return
    days = books.rule("claim_days", today, today)
    if days is not None and command.at_ns - books.calls[command.session_id].opened.closes_at_ns > days * 86_400 * 10**9:
        yield Code.OUTSIDE_WINDOW


def _wrong_decision(books: Books, command: m.DecideClaim, today: str) -> Iterator[Code]:
    claim = books.limits.claims.get(command.claim_id)
    if claim is None or command.claim_id in books.limits.decided:
        yield Code.UNKNOWN_CLAIM
        return
    if command.granted_tiyn > claim.claimed_tiyn:
        yield Code.OUT_OF_RANGE
    floor = books.rule("fund_floor", today, today)
    if floor is not None and books.balances.get(("fund", "tiyn"), 0) - command.granted_tiyn < floor:
        yield Code.FUND_EXHAUSTED


def wrong_publication(books: Books, command: m.PublishPrices, today: str) -> Iterator[Code]:
    """Return the code with which a publication outside its calendar must be refused."""
    opened = books.calls[command.session_id].opened
    first = _of_a_later_cycle(f"{opened.delivery_month}-01")
    lead, gap = (
        books.rule(name, f"{opened.delivery_month}-01", today) for name in ("publication_lead", "publication_gap")
    )
    provinces = [place.place for place in opened.places if place.kind == "province"]
    days = [books.limits.published_on[province] for province in provinces if province in books.limits.published_on]
    now = _of_a_later_cycle(today)
    too_early = lead is not None and (first - now).days > lead
    if too_early or (gap is not None and any((now - _of_a_later_cycle(day)).days < gap for day in days)):
        yield Code.OUTSIDE_CALENDAR


def _of_a_later_cycle(day: str) -> date:
    """Return the day 400 years later, when the calendar repeats itself: the year 0 is none of Python's."""
    year, month, number = map(int, day.split("-"))
    return date(year + 400, month, number)


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
