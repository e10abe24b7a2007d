"""How the auditor judges what is traded, on which days and in which sessions: from a listing to the publication.

What an auction makes of its terms and rounds is worked out by a twin of its own, tests/standard_twin.py: here a refusal
of one is only held to be of those that its rules know.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from fractions import Fraction
from itertools import chain
from typing import Any

import msgspec
from tests import audit_of_limits, audit_of_trading
from tests.pricing_twins import average, collar, half_up
from tests.verdicts import misjudged

from naryq import messages as m
from naryq.messages import Code

LAST_YEAR = 2262
"""In its spring the nanoseconds since 1970 no longer fit 64 bits; the auditor asks for no day of that year."""
OF_AUCTIONS = {Code.NOT_SUPPORTED, Code.WRONG_PHASE, Code.OUT_OF_RANGE}
OF_INITIATORS = {
    Code.OUT_OF_RANGE,
    Code.INSUFFICIENT_GUARANTEE,
    Code.TOO_MANY_LOTS,
    Code.TOO_MUCH_VALUE,
    Code.BATCH_TOO_SMALL,
    Code.BATCH_TOO_LARGE,
}
"""Why the order may be refused that an auction enters for its initiator, besides what is worked out here."""
WAYS = {
    "announced": ("collecting", "cancelled"),
    "collecting": ("halted", "cancelled"),
    "halted": ("collecting", "cancelled"),
}
CONTINUOUS_WAYS = {
    "announced": ("call", "continuous", "cancelled"),
    "call": ("continuous", "halted", "cancelled"),
    "continuous": ("call", "halted", "cancelled"),
    "halted": ("call", "cancelled"),
}
"""Into which phase a command may lead: docs/reference/sessions.md."""
REGIONAL, REPUBLICAN = 2, 3


def judged(books: Any, command: Any, events: tuple[Any, ...]) -> Iterator[str]:
    """Say where the answer to a command about instruments, or a session over one, is not what the rules allow."""
    must, may = set(wrong(books, command)), set(_left_open(books, command))
    yield from misjudged(must, may, events[0])
    if not must and not isinstance(events[0], m.Refused):
        yield from _told(books, command, events)


def wrong(books: Any, command: Any) -> Iterator[Code]:
    """Yield every code for which a command about instruments and sessions must be refused."""
    judge: dict[type, Any] = {
        m.OpenSession: wrong_opening,
        m.ListInstrument: _wrong_listing,
        m.DelistInstrument: _wrong_delisting,
        m.DeclareHolidays: _wrong_holidays,
        m.ScheduleSessions: _wrong_series,
        m.ChangePhase: _wrong_phase,
        m.NextRound: _wrong_round,
        m.PublishSession: _wrong_publication,
        m.CloseSession: _wrong_close,
        m.ClearSession: _wrong_clearing,
        m.PublishPrices: _wrong_pump_prices,
    }
    yield from judge[type(command)](books, command)


def _left_open(books: Any, command: Any) -> set[Code]:
    """Return the codes of refusals that are not worked out here."""
    if isinstance(command, m.OpenSession):
        return OF_INITIATORS if command.standard is not None else set()
    if isinstance(command, m.ListInstrument):
        return {Code.OUT_OF_RANGE} if len(command.code) == 7 and command.code.isupper() else set()
    call = books.calls.get(getattr(command, "session_id", ""))
    of_auction = call is not None and call.opened.kind == "standard"
    return OF_AUCTIONS if of_auction and isinstance(command, m.NextRound | m.CloseSession | m.ClearSession) else set()


def lacking(books: Any, at_ns: int, effective: str | None, *rules: str) -> Iterator[Code]:
    """Say whether a rule that a command needs is not in force."""
    if books.rulebook is None:
        yield Code.NO_RULEBOOK
        return
    today = books.day(at_ns)
    if any(books.rule(rule, effective or today, today) is None for rule in ("utc_offset", *rules)):
        yield Code.RULE_MISSING


# --- Opening ----------------------------------------------------------------------------------------------------


def wrong_opening(books: Any, command: m.OpenSession) -> Iterator[Code]:
    """Yield every code for which a session may not be opened."""
    windows = [f"session_window_{window}" for window in ("plan", "other") if window == command.window]
    yield from lacking(books, command.at_ns, command.day, "lot", "tie_rule", "price_rule")
    lacks = list(lacking(books, command.at_ns, command.day, *windows))
    yield from lacks
    if command.session_id in books.calls:
        yield Code.ALREADY_EXISTS
    yield from _mixed(command)
    if command.kind == "network":
        yield from _wrong_network(command)
    if not windows:
        yield Code.OUTSIDE_WINDOW
    elif not is_day(command.day):
        yield Code.OUT_OF_RANGE
    elif not lacks:
        yield from _wrong_day(books, command)
    if command.kind != "network":
        yield from _wrong_subject(books, command, lacks)


def _wrong_day(books: Any, command: m.OpenSession) -> Iterator[Code]:
    """Say whether a session's window has passed, its day is none of trading, or its month is too far away."""
    if command.at_ns >= window_of(books, command)[1] or not trades_on(books, command.day, opened=True):
        yield Code.OUTSIDE_WINDOW
    ahead = books.rule("delivery_months_ahead", command.day, books.day(command.at_ns))
    number = [int(part) for part in (*command.delivery_month.split("-"), *command.day.split("-")[:2])]
    apart = 12 * (number[0] - number[2]) + number[1] - number[3]
    if apart < 0 or (ahead is not None and apart > ahead):
        yield Code.OUT_OF_RANGE


def _mixed(command: m.OpenSession) -> Iterator[Code]:
    """Say whether a session has what belongs to another kind, or lacks what its own needs."""
    network, calls = command.kind == "network", command.opening_call or command.closing_call
    foreign = (command.instrument or command.region) if network else (command.places or command.links)
    if foreign or (calls and command.kind != "continuous") or (command.kind == "standard") != bool(command.standard):
        yield Code.NOT_SUPPORTED


def _wrong_network(command: m.OpenSession) -> Iterator[Code]:
    names = [place.place for place in command.places]
    pairs = [(link.source, link.target) for link in command.links]
    if len(set(names)) < len(names) or len(set(pairs)) < len(pairs):
        yield Code.DUPLICATE_ID
    if not set(chain(*pairs)) <= set(names):
        yield Code.UNKNOWN_PLACE
    if any(source == target for source, target in pairs):
        yield Code.SELF_LOOP


def _wrong_subject(books: Any, command: m.OpenSession, lacks: list[Code]) -> Iterator[Code]:
    """Say what is wrong with the instrument, the region or the initiator of a session."""
    if not books.market.is_listed(command.instrument):
        yield Code.UNKNOWN_INSTRUMENT
    if lacks:
        return
    if command.region is not None and command.region not in books.rule(
        "provinces", command.day, books.day(command.at_ns)
    ):
        yield Code.UNKNOWN_PLACE
    if command.standard is not None and books.market.is_listed(command.instrument):
        yield from _wrong_initiator(books, command, command.standard)


def _wrong_initiator(books: Any, command: m.OpenSession, terms: m.StandardTerms) -> Iterator[Code]:
    who, today = terms.initiator_id, books.day(command.at_ns)
    if who not in books.people:
        yield Code.UNKNOWN_PARTICIPANT
        return
    if command.session_id in books.order_ids:
        yield Code.DUPLICATE_ID
    side = {"seller": "sell", "buyer": "buy"}[terms.initiator]
    classes = books.rule("platform_sellers" if side == "sell" else "platform_buyers", command.day, today)
    if books.people[who] not in books.rule(f"who_may_{side}", command.day, today):
        yield Code.NOT_PERMITTED
    if classes and books.register.classes[who] not in classes:
        yield Code.NOT_PERMITTED
    absent = books.register.kept_out(who, command.at_ns)
    if absent is not None:
        yield absent
    reached = {("venue", "venue"), ("session", command.session_id), ("participant", who)}
    instrument = books.market.instruments[command.instrument]
    reached |= {("instrument", instrument.code), ("region", instrument.code)}
    region = command.region or instrument.delivery_region
    if reached & set(books.stops) or (region != m.REPUBLIC and ("region", region) in books.stops):
        yield Code.TRADING_STOPPED


def trades_on(books: Any, day: str, *, opened: bool = False) -> bool:
    """Say whether the venue trades on a day; a session that is `opened` may be on any where no calendar is declared."""
    declared, weekday = books.limits.holidays.get(int(day[:4])), date.fromisoformat(day).weekday() < 5
    if declared is None:
        return opened or weekday
    return day in declared.working or (weekday and day not in declared.days)


def window_of(books: Any, command: m.OpenSession) -> tuple[int, int]:
    """Return the first instant of a session's window and the first one after it."""
    today = books.day(command.at_ns)
    clock = books.rule(f"session_window_{command.window}", command.day, today)
    zone = timezone(timedelta(minutes=books.rule("utc_offset", command.day, today)))
    instants = [datetime.fromisoformat(f"{command.day}T{time}").replace(tzinfo=zone) for time in clock.split("-")]
    since = [instant - datetime(1970, 1, 1, tzinfo=UTC) for instant in instants]
    opens, closes = ((gap.days * 86_400 + gap.seconds) * 10**9 for gap in since)
    return opens, closes


def is_day(text: str) -> bool:
    """Say whether a text is a day of the calendar that the venue's clock reaches."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).year < LAST_YEAR
    except ValueError:
        return False


def expected_opening(books: Any, command: m.OpenSession) -> m.SessionOpened:
    """Return the session that a command must open."""
    today, over = books.day(command.at_ns), {}
    reference = books.reference
    if command.instrument is not None:
        over = _over(books, command, books.market.instruments[command.instrument], today)
        reference = books.market.references.get(command.instrument)
    opens, closes = window_of(books, command)
    names = (name for name in m.OpenSession.__struct_fields__ if hasattr(m.SessionOpened, name))
    shared = {name: getattr(command, name) for name in names}
    opened = {
        **shared,
        "opens_at_ns": opens,
        "closes_at_ns": closes,
        "lot_kg": books.rule("lot", command.day, today),
        "rulebook_version": books.version,
        "tie_rule": books.rule("tie_rule", command.day, today),
        "price_rule": books.rule("price_rule", command.day, today),
        **over,
    }
    return around(books, command, opened, reference)


def _over(books: Any, command: m.OpenSession, instrument: m.Instrument, today: str) -> dict[str, Any]:
    rule = {name: books.rule(name, command.day, today) for name in ("call_price_rule", "self_trade", "market_orders")}
    least = books.rule("auction_minimum_participants", command.day, today) or 3
    terms = command.standard and msgspec.structs.replace(command.standard, minimum_participants=least)
    return {
        "places": (m.Place(instrument.code, "plant"),),
        "lot_kg": instrument.lot_kg,
        "tick_tenge_per_tonne": instrument.tick_tenge_per_tonne,
        "phase": {"continuous": "call" if command.opening_call else "continuous"}.get(command.kind, "collecting"),
        "price_rule": rule["call_price_rule"] or "xetra",
        "self_trade": rule["self_trade"] or "allow",
        "market_orders": rule["market_orders"] == "taken" and command.kind != "standard",
        "standard": terms,
    }


def around(books: Any, command: Any, opened: dict[str, Any], reference: int | None) -> m.SessionOpened:
    """Return a session with the collar around a reference, by the rules of its own day."""
    today = books.day(command.at_ns)
    rise, fall = (books.rule(rule, opened["day"], today) for rule in ("collar_rise", "collar_fall"))
    lowest, highest = collar(reference, rise, fall)
    return m.SessionOpened(
        **opened,
        reference_tenge_per_tonne=reference,
        collar_lowest_tenge_per_tonne=lowest,
        collar_highest_tenge_per_tonne=highest,
    )


# --- Instruments, the calendar and series -----------------------------------------------------------------------


def _wrong_listing(books: Any, command: m.ListInstrument) -> Iterator[Code]:
    lacks = list(lacking(books, command.at_ns, None, "lot" if command.carriage == "rail" else "truck_lot"))
    yield from lacks
    if command.code in books.market.instruments:
        yield Code.ALREADY_EXISTS
    if books.rulebook is not None:
        today = books.day(command.at_ns)
        provinces = set(books.rule("provinces", today, today))
        nameless = not command.provinces and command.delivery_region not in {*provinces, m.REPUBLIC}
        if nameless or not set(command.provinces) <= provinces:
            yield Code.UNKNOWN_PLACE


def _wrong_delisting(books: Any, command: m.DelistInstrument) -> Iterator[Code]:
    if not books.market.is_listed(command.code):
        yield Code.UNKNOWN_INSTRUMENT
    over = [call for call in books.calls.values() if call.opened.instrument == command.code]
    if any(call.phase not in {"cleared", "published", "cancelled"} for call in over):
        yield Code.WRONG_PHASE


def _wrong_holidays(_: Any, command: m.DeclareHolidays) -> Iterator[Code]:
    days = (*command.days, *command.working)
    if not all(_in_calendar(day) and int(day[:4]) == command.year for day in days):
        yield Code.OUT_OF_RANGE
    if set(command.days) & set(command.working):
        yield Code.DUPLICATE_ID


def _in_calendar(day: str) -> bool:
    try:
        date.fromisoformat(day)
    except ValueError:
        return False
    return True


def _wrong_series(books: Any, command: m.ScheduleSessions) -> Iterator[Code]:
    lacks, market = list(lacking(books, command.at_ns, None)), books.market
    yield from lacks
    if command.series_id in market.series:
        yield Code.ALREADY_EXISTS
    if not is_day(command.first_day) or len(command.series_id) > 60:
        yield Code.OUT_OF_RANGE
    if command.requested_by not in books.people:
        yield Code.UNKNOWN_PARTICIPANT
    elif not lacks and books.people[command.requested_by] not in _who_may_sell(books, command.at_ns):
        yield Code.NOT_PERMITTED
    codes = (command.instrument, command.fallback_instrument)
    if not all(map(market.is_listed, codes)):
        yield Code.UNKNOWN_INSTRUMENT
        return
    one, other = (market.instruments[code] for code in codes)
    if other.delivery_region != m.REPUBLIC or (one.plant, one.product) != (other.plant, other.product):
        yield Code.OUT_OF_RANGE
    unsaid = command.base_price_tenge_per_tonne is None or not command.base_source.strip()
    if unsaid and not any(code in market.references for code in codes):
        yield Code.NO_PRICE
    if not lacks and is_day(command.first_day):
        for asked in _announced(books, command):
            yield from wrong_opening(books, asked)


def _who_may_sell(books: Any, at_ns: int) -> tuple[str, ...]:
    today = books.day(at_ns)
    roles: tuple[str, ...] = books.rule("who_may_sell", today, today)
    return roles


def _announced(books: Any, command: m.ScheduleSessions) -> Iterator[m.OpenSession]:
    """Yield the sessions of a series as if each were opened by itself."""
    today, day = books.day(command.at_ns), date.fromisoformat(command.first_day)
    regional, others = (
        otherwise if (count := books.rule(f"series_{part}_sessions", today, today)) is None else count
        for part, otherwise in (("regional", REGIONAL), ("republic", REPUBLICAN))
    )
    for number in range(1, regional + others + 1):
        while not trades_on(books, day.isoformat()):
            day += timedelta(1)
        yield m.OpenSession(
            **{name: getattr(command, name) for name in ("command_id", "actor", "at_ns", "window", "delivery_month")},
            session_id=f"{command.series_id}-{number}",
            day=day.isoformat(),
            kind="continuous",
            instrument=command.instrument if number <= regional else command.fallback_instrument,
        )
        day += timedelta(1)


def _expected_series(books: Any, command: m.ScheduleSessions) -> tuple[Any, ...]:
    references = [books.market.references.get(code) for code in (command.instrument, command.fallback_instrument)]
    known = [price for price in references if price is not None]
    base = known[0] if known else command.base_price_tenge_per_tonne
    asked = list(_announced(books, command))
    opened = []
    for one in asked:
        by_itself = expected_opening(books, one)
        names = ("reference_tenge_per_tonne", "collar_lowest_tenge_per_tonne", "collar_highest_tenge_per_tonne")
        fields = {name: getattr(by_itself, name) for name in by_itself.__struct_fields__ if name not in names}
        fields |= {"phase": "announced", "series_id": command.series_id}
        opened.append(around(books, command, fields, base))
    scheduled = m.SessionsScheduled(
        series_id=command.series_id,
        requested_by=command.requested_by,
        session_ids=tuple(one.session_id for one in opened),
        fallback_from=sum(one.instrument == command.instrument for one in asked),
        quantity_lots=command.quantity_lots,
        base_price_tenge_per_tonne=base or 0,
        base_source="last weighted average price" if known else command.base_source,
        rulebook_version=books.version,
    )
    return (scheduled, *opened)


def rebased(books: Any, events: tuple[Any, ...]) -> Iterator[str]:
    """A session that moves its instrument's average gives the announced sessions of its series their base price."""
    told = [event for event in events if isinstance(event, m.BasePriceSet)]
    wanted: list[m.BasePriceSet] = []
    gone = {event.session_id for event in events if isinstance(event, m.PhaseChanged)}
    for ended in (event for event in events if isinstance(event, m.SessionEnded)):
        average_price, code = ended.weighted_average_tenge_per_tonne, books.calls[ended.session_id].opened.instrument
        for _, series in sorted(books.market.series.items()) if average_price and ended.reference_moved else ():
            held = [books.calls[name] for name in series.session_ids]
            over = held if any(call.opened.instrument == code for call in held) else []
            wanted += [_rebased(books, call.opened, ended) for call in over if _may_move(call, average_price, gone)]
    if told != wanted:
        yield f"the base prices set are {told}, by hand {wanted}"


def _may_move(call: Any, price: int | None, gone: set[str]) -> bool:
    moves = call.opened.reference_tenge_per_tonne != price
    return moves and call.phase == "announced" and call.opened.session_id not in gone


def _rebased(books: Any, opened: m.SessionOpened, ended: m.SessionEnded) -> m.BasePriceSet:
    price, today = ended.weighted_average_tenge_per_tonne, books.day(ended.at_ns)
    rise, fall = (books.rule(rule, opened.day, today) for rule in ("collar_rise", "collar_fall"))
    assert price is not None
    return m.BasePriceSet(opened.session_id, ended.session_id, price, *collar(price, rise, fall), books.version)


# --- Phases -----------------------------------------------------------------------------------------------------


def _in_phase(books: Any, command: Any, *phases: str) -> list[Code]:
    call = books.calls.get(command.session_id)
    if call is None:
        return [Code.UNKNOWN_SESSION]
    return [] if call.phase in phases else [Code.WRONG_PHASE]


def _is_stopped(books: Any, call: Any) -> bool:
    return any(audit_of_limits.reached(books, stop, call) for stop in books.stops.values())


def _wrong_phase(books: Any, command: m.ChangePhase) -> Iterator[Code]:
    wrong_phase = _in_phase(books, command, "announced", *audit_of_limits.STANDING)
    yield from wrong_phase
    if wrong_phase:
        return
    call = books.calls[command.session_id]
    ways = CONTINUOUS_WAYS if call.opened.kind == "continuous" else WAYS
    if command.phase not in ways.get(call.phase, ()):
        yield Code.WRONG_PHASE
    if command.phase == "cancelled":
        return
    if not call.opened.opens_at_ns <= command.at_ns < call.opened.closes_at_ns:
        yield Code.OUTSIDE_WINDOW
    if call.phase == "halted" and books.limits.halted_until.get(command.session_id, 0) > command.at_ns:
        yield Code.STILL_HALTED
    if _is_stopped(books, call):
        yield Code.TRADING_STOPPED


def _wrong_round(books: Any, command: m.NextRound) -> Iterator[Code]:
    wrong_phase = _in_phase(books, command, "collecting")
    yield from wrong_phase
    if not wrong_phase:
        opened = books.calls[command.session_id].opened
        if opened.standard is None:
            yield Code.NOT_SUPPORTED
        if command.at_ns < opened.opens_at_ns:
            yield Code.OUTSIDE_WINDOW


def _wrong_publication(books: Any, command: m.PublishSession) -> Iterator[Code]:
    if books.rulebook is None:
        yield Code.NO_RULEBOOK
    call = books.calls.get(command.session_id)
    ended = "closed" if call is not None and call.opened.kind == "continuous" else "cleared"
    yield from _in_phase(books, command, ended)
    if call is not None and call.opened.instrument is None:
        yield Code.WRONG_PHASE


def _wrong_pump_prices(books: Any, command: m.PublishPrices) -> Iterator[Code]:
    """Pump prices come of a network session alone, and this is judged of all others."""
    yield from _in_phase(books, command, "cleared") or [Code.NOT_SUPPORTED]


def _wrong_close(books: Any, command: m.CloseSession) -> Iterator[Code]:
    wrong_phase = _in_phase(books, command, *audit_of_limits.STANDING)
    yield from wrong_phase
    if not wrong_phase and command.at_ns < books.calls[command.session_id].opened.closes_at_ns:
        yield Code.OUTSIDE_WINDOW


def _wrong_clearing(books: Any, command: m.ClearSession) -> Iterator[Code]:
    wrong_phase = _in_phase(books, command, "closed")
    yield from wrong_phase
    if not wrong_phase:
        call = books.calls[command.session_id]
        if _is_stopped(books, call):
            yield Code.TRADING_STOPPED
        if call.opened.kind == "continuous":
            yield Code.NOT_SUPPORTED


# --- What the events must say -----------------------------------------------------------------------------------


def _told(books: Any, command: Any, events: tuple[Any, ...]) -> Iterator[str]:
    match command:
        case m.ChangePhase() | m.CloseSession() | m.ClearSession():
            yield from _phases_told(books, command, events)
        case m.NextRound():
            called = [event for event in events if isinstance(event, m.RoundCalled)]
            if [event.session_id for event in called] != [command.session_id]:
                yield f"calls {called}, and not one round"
        case m.OpenSession():
            if events[0] != expected_opening(books, command):
                yield f"says {events[0]}, where the command and the rules say {expected_opening(books, command)}"
        case _:
            wanted, own = (
                _expected(books, command),
                tuple(e for e in events if not isinstance(e, m.SettlementTermsFixed)),
            )
            if own != wanted:
                yield f"says {own}, where the command and the rules say {wanted}"


def _expected(books: Any, command: Any) -> tuple[Any, ...]:
    match command:
        case m.ListInstrument():
            return (_listed(books, command),)
        case m.DelistInstrument():
            return (m.InstrumentDelisted(command.code, command.reason),)
        case m.DeclareHolidays():
            days, working = (tuple(sorted(set(each))) for each in (command.days, command.working))
            return (m.HolidaysDeclared(command.year, days, working, command.source),)
        case m.ScheduleSessions():
            return _expected_series(books, command)
    return (_published(books, command),)


def _listed(books: Any, command: m.ListInstrument) -> m.InstrumentListed:
    today = books.day(command.at_ns)
    shared = {name: getattr(command, name) for name in m.Instrument.__struct_fields__ if hasattr(command, name)}
    lot = books.rule("lot" if command.carriage == "rail" else "truck_lot", today, today)
    tick = books.rule("price_tick", today, today) or 1
    return m.InstrumentListed(m.Instrument(**shared, lot_kg=lot, tick_tenge_per_tonne=tick), books.version)


def _published(books: Any, command: m.PublishSession) -> m.SessionPublished:
    call = books.calls[command.session_id]
    pairs = [(trade.price_tenge_per_tonne, trade.quantity_lots) for trade in call.trades]
    prices = [price for price, _ in pairs]
    ends = (prices[0], max(prices), min(prices), prices[-1]) if prices else (None, None, None, None)
    sums = m.Statistics(len(pairs), sum(lots for _, lots in pairs), sum(price * lots for price, lots in pairs), *ends)
    opened = call.opened
    acted = books.limits.acted[command.session_id]
    turnover, lots = books.limits.kept.get(command.session_id, (0, 0))
    kept = half_up(Fraction(turnover + sums.turnover, lots + sums.volume_lots)) if lots else None
    limits = tuple(name for number, name in enumerate(acted) if name not in acted[:number])
    return m.SessionPublished(
        command.session_id, opened.day, opened.instrument, sums, average(pairs), books.version, limits, kept
    )


def _phases_told(books: Any, command: Any, events: tuple[Any, ...]) -> Iterator[str]:
    """A session goes into the one phase that was asked for; whoever closes or cancels it leaves no order in it."""
    call = books.calls[command.session_id]
    told = [event for event in events if isinstance(event, m.PhaseChanged) and event.session_id == command.session_id]
    phase = command.phase if isinstance(command, m.ChangePhase) else "closed"
    if isinstance(command, m.ClearSession):
        phase = told[0].phase if told and told[0].phase in {"cleared", "cancelled"} else "cleared"
    reason = command.reason if isinstance(command, m.ChangePhase) else getattr(told[0] if told else None, "reason", "")
    if told != [m.PhaseChanged(command.session_id, phase, reason, command.at_ns)]:
        yield f"leads to {told}, where {phase} was asked for"
    over = phase in {"cancelled", "cleared"} or (phase == "closed" and call.opened.kind == "continuous")
    after = replace(call, orders=dict(call.orders), trades=list(call.trades))
    for event in events:
        if getattr(event, "session_id", None) == command.session_id:
            audit_of_trading.fold(after, event)
    if over and after.orders:
        yield f"{sorted(after.orders)} stand in a session that is over"
