"""What the operator asks about sessions, instruments and days: what is traded, when, and how it finds its price."""

from typing import Final

from naryq.desk import lines
from naryq.desk.forms import Action, Built, Field, Values
from naryq.messages import (
    ChangePhase,
    ClearSession,
    CloseSession,
    DeclareHolidays,
    DelistInstrument,
    ListInstrument,
    NextRound,
    OpenSession,
    PublishPrices,
    PublishSession,
    ScheduleSessions,
    StandardTerms,
)

PHASES: Final = ("collecting", "call", "continuous", "halted", "cancelled")
BOOKS: Final = ("continuous", "call")
"""The kinds of sessions over one instrument whose terms are the rulebook's alone."""
_REASON: Final = Field("reason", "long")
_SESSION: Final = (Field("session_id", "hidden"),)
_WINDOW: Final = Field("window", "choice", ("plan", "other"), "window")
_WHEN: Final = (Field("day", "day"), _WINDOW, Field("delivery_month", "month"))
_REGION: Final = Field("region", required=False, hint="hint.region")


def _listed(values: Values) -> Built:
    return {**values, "provinces": lines.words(values, "provinces")}


def _open_network(values: Values) -> Built:
    places = lines.rows(values, "places", 2, "ZH; plant")
    named = [{"place": place, "kind": kind} for place, kind in places]
    return {**values, "kind": "network", "places": named, "links": lines.links(values)}


def _open_auction(values: Values) -> Built:
    """Part the terms of an auction from those of its session."""
    terms = {name: value for name, value in values.items() if name in StandardTerms.__struct_fields__}
    session = {name: value for name, value in values.items() if name not in terms}
    return {**session, "kind": "standard", "standard": terms}


def _holidays(values: Values) -> Built:
    return {**values, "days": lines.words(values, "days"), "working": lines.words(values, "working")}


MARKET_ACTIONS: Final = (
    Action(
        "open-session",
        OpenSession,
        (
            Field("session_id"),
            Field("kind", "choice", BOOKS, "kind"),
            Field("instrument", "choice"),
            *_WHEN,
            _REGION,
            Field("opening_call", "check", required=False),
            Field("closing_call", "check", required=False),
        ),
    ),
    Action(
        "open-network",
        OpenSession,
        (
            Field("session_id"),
            *_WHEN,
            Field("places", "lines", hint="hint.places"),
            Field("links", "lines", label="field.ways", hint="hint.network_links"),
        ),
        build=_open_network,
    ),
    Action(
        "open-auction",
        OpenSession,
        (
            Field("session_id"),
            Field("instrument", "choice"),
            *_WHEN,
            _REGION,
            Field("initiator_id", "choice"),
            Field("initiator", "choice", ("seller", "buyer"), "initiator"),
            Field("direction", "choice", ("up", "down"), "direction"),
            Field("format", "choice", ("open", "sealed"), "format"),
            Field("payment", "choice", ("uniform", "pay_as_bid"), "payment"),
            Field("lots", "number"),
            Field("start_price_tenge_per_tonne", "number"),
            Field("step_tenge_per_tonne", "number", required=False, hint="hint.step"),
            Field("reserve_price_tenge_per_tonne", "number", required=False),
            Field("reserve_published", "check", required=False),
        ),
        build=_open_auction,
    ),
    Action(
        "schedule",
        ScheduleSessions,
        (
            Field("series_id", hint="hint.identifier"),
            Field("requested_by", "choice"),
            Field("instrument", "choice"),
            Field("fallback_instrument", "choice"),
            Field("first_day", "day"),
            _WINDOW,
            Field("delivery_month", "month"),
            Field("quantity_lots", "number"),
            Field("base_price_tenge_per_tonne", "number", required=False, hint="hint.base_price"),
            Field("base_source", required=False),
        ),
    ),
    Action(
        "holidays",
        DeclareHolidays,
        (
            Field("year", "number"),
            Field("days", "lines", required=False, hint="hint.days"),
            Field("working", "lines", required=False, hint="hint.working"),
            Field("source"),
        ),
        build=_holidays,
    ),
    Action(
        "change-phase",
        ChangePhase,
        (Field("session_id", "hidden"), Field("phase", "choice", PHASES, "phase"), _REASON),
    ),
    Action("close-session", CloseSession, _SESSION),
    Action("clear-session", ClearSession, _SESSION),
    Action("publish-session", PublishSession, _SESSION),
    Action("publish-prices", PublishPrices, _SESSION),
    Action("next-round", NextRound, _SESSION),
    Action(
        "list-instrument",
        ListInstrument,
        (
            Field("code"),
            Field("product"),
            Field("plant"),
            Field("delivery_basis", hint="hint.basis"),
            Field("delivery_region", hint="hint.region"),
            Field("carriage", "choice", ("rail", "truck"), "carriage"),
            Field("provinces", required=False, hint="hint.region_provinces"),
        ),
        build=_listed,
    ),
    Action("delist", DelistInstrument, (Field("code", "choice"), _REASON), confirm=True, danger=True),
)
"""Opening, then what takes a session on, then what there is to trade."""
