"""From a cleared session to the pump price of every province."""

from collections.abc import Iterable
from types import MappingProxyType
from typing import Final

import msgspec

from naryq import ledger, limits, pricing
from naryq.exchange.limits import fund_balance as balance
from naryq.exchange.people import check_province
from naryq.exchange.state import Session, State, with_session
from naryq.exchange.topic import Decision, Topic, check_correction, rules_for_month, session_in
from naryq.messages import (
    Code,
    Day,
    LedgerPosted,
    Month,
    PricesPublished,
    PublishPrices,
    PumpPrice,
    Refusal,
    ReportRetailTerms,
    RetailTermsReported,
    SessionCleared,
)
from naryq.rulebook import InForce


def _report_retail_terms(state: State, command: ReportRetailTerms) -> Decision:
    month, province = command.delivery_month, command.province
    check_province(province, rules_for_month(state, command.at_ns, month))
    before = state.terms.get((month, province))
    check_correction(before is not None, command.correction, f"what stands between price and pump in {province}")
    check_unpublished(state, month, province)
    reported = RetailTermsReported(
        delivery_month=month,
        province=province,
        depot_tenge_per_tonne=command.depot_tenge_per_tonne,
        station_margin_tiyn_per_litre=command.station_margin_tiyn_per_litre,
        plan_pass_on_basis_points=command.plan_pass_on_basis_points,
        correction=command.correction,
        previous=None if before is None else _figures(before),
    )
    return (reported,)


def _figures(terms: RetailTermsReported) -> tuple[int, int, int]:
    return (terms.depot_tenge_per_tonne, terms.station_margin_tiyn_per_litre, terms.plan_pass_on_basis_points)


def is_published(state: State, month: Month, province: str) -> bool:
    """Tell whether the pump price of a province is published for a month, or for a later one."""
    return any(
        session.phase == "published" and session.opened.delivery_month >= month and province in _provinces(session)
        for session in state.sessions.values()
    )


def check_unpublished(state: State, month: Month, province: str) -> None:
    """Refuse (ALREADY_EXISTS) to change what a published pump price was computed from."""
    if is_published(state, month, province):
        what = f"the pump price of {province} is published for {month} or for a later month already"
        raise Refusal(Code.ALREADY_EXISTS, what, where="delivery_month", remedy="Report what holds for a later month.")


def _publish_prices(state: State, command: PublishPrices) -> Decision:
    session = session_in(state, command.session_id, "cleared")
    if session.cleared is None:
        raise Refusal(
            Code.NOT_SUPPORTED,
            "only a network session has a price for each province",
            where="session_id",
            remedy="Publish a session over one instrument with PublishSession.",
        )
    _check_unpublished(state, session)
    rules = rules_for_month(state, command.at_ns, session.opened.delivery_month)
    today = rules.rulebook.day(command.at_ns)
    _check_calendar(state, session, rules, today)
    prices = _within_the_fund(state, tuple(_pump_prices(state, session, session.cleared, rules)), rules)
    postings = tuple(leg for price in prices for leg in ledger.compensation(price.province, price.fund_tiyn))
    published = PricesPublished(
        session_id=command.session_id,
        day=session.opened.day,
        delivery_month=session.opened.delivery_month,
        pump_prices=prices,
        rulebook_version=rules.version,
        published_on=today,
    )
    return (
        (published, LedgerPosted(f"compensation for {session.opened.delivery_month}", postings))
        if postings
        else (published,)
    )


def _check_unpublished(state: State, session: Session) -> None:
    """Refuse a province's second pump price for a month: the step would be taken, and the fund would pay, twice."""
    month, provinces = session.opened.delivery_month, _provinces(session)
    for other in state.sessions.values():
        if other.phase == "published" and other.opened.delivery_month >= month and _provinces(other) & provinces:
            raise Refusal(
                Code.ALREADY_EXISTS,
                f"pump prices of these provinces are published for {month} or for a later month already",
                where="session_id",
                remedy="Publish each month once, in the order of the months.",
            )


def _check_calendar(state: State, session: Session, rules: InForce, today: Day) -> None:
    """Refuse to publish too early for the month, or too soon after a province's last pump price."""
    lead, gap = rules.integer("publication_lead"), rules.integer("publication_gap")
    days = (state.limits.published.get(province) for province in sorted(_provinces(session)))
    last = max((day for day in days if day is not None), default=None)
    refused = limits.judge_publication(today, session.opened.delivery_month, last, lead, gap)
    if refused is not None:
        raise refused


def _within_the_fund(state: State, prices: tuple[PumpPrice, ...], rules: InForce) -> tuple[PumpPrice, ...]:
    """Return the pump prices with no more paid by the fund than its floor allows, shared pro rata.

    Where it falls short, the rule `fund_exhausted` says who takes the rest: the pump price or the stations.
    """
    owed = tuple(price.fund_tiyn for price in prices)
    paid = limits.rationed(owed, balance(state), rules.integer(limits.FLOOR))
    if paid == owed:
        return prices
    who = rules.value("fund_exhausted")
    on_stations = who is not None and who.value == "stations"
    return tuple(
        pricing.short_of_fund(price, tiyn, rules.required_integer("density"), on_stations=on_stations)
        for price, tiyn in zip(prices, paid, strict=True)
    )


def _provinces(session: Session) -> frozenset[str]:
    return frozenset(place.place for place in session.opened.places if place.kind == "province")


def _pump_prices(state: State, session: Session, cleared: SessionCleared, rules: InForce) -> Iterable[PumpPrice]:
    opened = session.opened
    for place in opened.places:
        if place.kind != "province":
            continue
        key = (opened.delivery_month, place.place)
        terms = state.terms.get(key)
        if terms is None:
            raise Refusal(
                Code.NO_PRICE,
                f"no retail terms are reported for {place.place} in {opened.delivery_month}",
                where="session_id",
                remedy="Report them with ReportRetailTerms first.",
            )
        price = pricing.pump_price(
            place.place,
            opened=opened,
            cleared=cleared,
            rules=rules,
            planned=state.supplies.get(key),
            terms=terms,
            previous=state.pump_prices.get(place.place),
        )
        if price is not None:
            yield price


def _retail_terms_reported(state: State, event: RetailTermsReported) -> State:
    terms = state.terms.insert((event.delivery_month, event.province), event)
    return msgspec.structs.replace(state, terms=terms)


def _prices_published(state: State, event: PricesPublished) -> State:
    prices = state.pump_prices
    for price in event.pump_prices:
        prices = prices.insert(price.province, price)
    session = msgspec.structs.replace(state.sessions[event.session_id], phase="published", published=event)
    return with_session(msgspec.structs.replace(state, pump_prices=prices), session)


TOPIC: Final = Topic(
    permitted=MappingProxyType(
        {
            ReportRetailTerms: ("operator", "regulator"),
            PublishPrices: ("operator",),
        }
    ),
    deciders=MappingProxyType(
        {
            ReportRetailTerms: _report_retail_terms,
            PublishPrices: _publish_prices,
        }
    ),
    evolvers=MappingProxyType(
        {
            RetailTermsReported: _retail_terms_reported,
            PricesPublished: _prices_published,
        }
    ),
)
