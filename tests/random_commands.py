"""Commands from plain numbers: most of them sensible where the venue stands now, some wrong on purpose."""

from collections.abc import Callable
from typing import Any, NamedTuple

from tests.venue_samples import (
    DAY,
    LINKS,
    MONTH,
    PLACES,
    Desk,
    dated,
    founded,
    instant,
    opening,
    order,
    report_terms,
    rulebook,
    terms,
)

from naryq.messages import (
    AdmitParticipant,
    AdoptRulebook,
    AnyCommand,
    ApprovePlan,
    CancelOrder,
    ClassifyParticipant,
    ClearSession,
    CloseSession,
    DeclareAffiliation,
    EndAffiliation,
    ExcludeParticipant,
    Link,
    OpenPlan,
    OpenSession,
    PlanSupply,
    PublishPrices,
    RefuseAllotment,
    ReinstateParticipant,
    ReportRetailTerms,
    RulebookText,
    Shown,
    StateCapacity,
    SubmitApplication,
    SubmitOrder,
    SuspendParticipant,
)

ADMISSION = {"producer.plant": 0, "station_owner.station": 0, "station_owner.experience": 2}
BUYERS = ("station_owner", "unclassed")
RULEBOOKS = (
    rulebook("free"),
    rulebook("stepped", pump_step_rise=500, collar_rise=10_000, retail_cap={"KZ-23": 80, "default": 101}),
    rulebook("capped", retail_cap={"KZ-23": 60, "default": 70}),
    rulebook("collared", collar_rise=9_000, collar_fall=3_000, tie_rule="pro_rata", price_rule="lowest"),
    rulebook("planned", platform_share={"KZ-47": 0, "default": 6_500}, wholesale_cap=38_000, price_rule="highest"),
    rulebook("open", platform_share={"default": 9_000}, who_may_buy=("buyer", "seller"), lot=7, vat=1_300, density=555),
    rulebook("strict", exchange_affiliates="forbidden", exclusion=1, admission=ADMISSION, platform_buyers=BUYERS),
    rulebook("late", lot=(dated("2022-01-03", "2021-12-01", 36_000),)),
)
PEOPLE = ("operator", "regulator", "zhanaozen", "atyrau", "aktau", "dossor", "press", "nobody")
ROLES = ("operator", "regulator", "seller", "buyer", "observer")
NARROW = (Link("ZH", "KZ-47", 3, 2_000), *LINKS[1:])
SESSIONS: dict[str, dict[str, Any]] = {
    "call": {"day": DAY, "window": "plan", "delivery_month": MONTH},
    "second": {"day": DAY, "window": "other", "delivery_month": "2022-02", "links": NARROW},
    "third": {"day": "2022-01-01", "window": "plan", "delivery_month": MONTH},
    "fourth": {"day": "2022-01-02", "window": "plan", "delivery_month": "2022-03"},
    "fifth": {"day": "2022-01-03", "window": "other", "delivery_month": "2022-04"},
}
NETWORKS: tuple[dict[str, Any], ...] = (
    {},
    {"links": NARROW},
    {"links": ()},
    {"links": (Link("ZH", "ZH", 1, 1),)},
    {"links": (Link("ZH", "KZ-99", 1, 1),)},
    {"places": (*PLACES, PLACES[0])},
    {"links": (LINKS[0], LINKS[0])},
    {"window": "night"},
    {"day": "2022-02-30"},
    {"day": "2021-12-29"},
    {"links": (Link("ZH", "KZ-47", 10**12, 10**12), *LINKS[1:])},
)


class Draw(NamedTuple):
    """The numbers that one command is made of."""

    kind: int
    a: int
    b: int
    c: int
    d: int


def command(desk: Desk, draw: Draw) -> AnyCommand:
    """Return the command that the numbers say, and move the desk's clock."""
    if draw.d % 16 == 15 and desk.rows:
        return desk.rows[draw.a % len(desk.rows)].command
    kind, actor, fields = _MAKERS[draw.kind % len(_MAKERS)](desk, draw)
    actor = PEOPLE[draw.b % len(PEOPLE)] if draw.d % 16 == 14 else actor
    at_ns = desk.at_ns - draw.b if draw.d % 16 == 13 else desk.at_ns + draw.d % 7 * 10**6
    desk.at_ns = max(desk.at_ns, at_ns)
    known = f"c{1 + draw.a % (len(desk.rows) + 1)}" if draw.d % 16 == 12 else f"c{len(desk.rows) + 1}"
    made: AnyCommand = kind(command_id=known, actor=actor, at_ns=max(at_ns, 0), **fields)
    return made


Made = tuple[Any, str, dict[str, Any]]


def _admit(_: Desk, draw: Draw) -> Made:
    person = f"guest-{draw.a % 4}"
    return AdmitParticipant, "operator", {"participant_id": person, "name": "A guest, қонақ", "role": ROLES[draw.c % 5]}


def _classify(_: Desk, draw: Draw) -> Made:
    """Admit a guest under a class, or give a class to somebody, with too little to show now and then."""
    person = ("zhanaozen", "aktau", "press", "operator", "nobody")[draw.b % 5]
    fits = {"zhanaozen": "producer", "aktau": "station_owner"}.get(person, "akimat")
    name = fits if draw.d % 5 else ("producer", "station_owner", "akimat")[draw.c % 3]
    since = ("2019-12-30", "2020-01-01", "2021-02-30", "2022-05-01")[draw.b % 4 if draw.d % 3 else 0]
    shown = (Shown("plant", "deed", since), Shown("station", "deed", since), Shown("experience", "books", since))
    fields = {
        "participant_class": name,
        "provinces": ("KZ-47", "KZ-99")[: draw.c % 3],
        "shown": shown[: draw.a // 2 % 4],
    }
    if draw.a % 2:
        return ClassifyParticipant, "operator", {"participant_id": person, **fields}
    role = {"producer": "seller", "station_owner": "buyer", "akimat": "observer"}[name] if draw.d % 5 else "seller"
    return AdmitParticipant, "operator", {"participant_id": f"guest-{draw.b % 9}", "name": "", "role": role, **fields}


def _stand(desk: Desk, draw: Draw) -> Made:
    """Suspend, exclude or reinstate somebody: mostly reinstate, so that the campaign does not run out of people."""
    absent = sorted(desk.auditor.books.register.absent)
    if absent and draw.c % 3:
        return ReinstateParticipant, "regulator", {"participant_id": absent[draw.a % len(absent)], "reason": "heard"}
    fields: dict[str, Any] = {"participant_id": PEOPLE[draw.a % len(PEOPLE)], "reason": "late"}
    if draw.b % 7 == 0:
        return ExcludeParticipant, "operator", fields
    until = (None, "2021-12-29", "2021-12-31", "2022-01-01", "2022-02-30")[draw.b % 5]
    return SuspendParticipant, ("operator", "regulator")[draw.c % 2], {**fields, "until": until}


def _affiliate(desk: Desk, draw: Draw) -> Made:
    """Declare a pair, or end one: mostly one that is declared."""
    declared = sorted(desk.auditor.books.register.pairs)
    pair = (PEOPLE[draw.a % len(PEOPLE)], PEOPLE[draw.b % len(PEOPLE)])
    kind = EndAffiliation if draw.d % 2 == 0 or (declared and draw.d % 3) else DeclareAffiliation
    if kind is EndAffiliation and declared and draw.c % 4:
        pair = declared[draw.a % len(declared)]
    actor = ("operator", "regulator", "aktau")[draw.c % 3 if kind is DeclareAffiliation else draw.c % 2]
    return kind, actor, {"participant_id": pair[0], "affiliate_id": pair[1], "evidence": "one owner"}


def _supply(desk: Desk, draw: Draw) -> Made:
    """Take a step of a supply plan: mostly the one that is due, of one of two periods."""
    period = ("2022-04", "2022-05")[draw.d % 2]
    plan = desk.state.supply.plans.get(period)
    if plan is None or draw.b % 13 == 0:
        return OpenPlan, "regulator", {"period": period, "links": (LINKS[0], LINKS[2]) if draw.c % 5 else ()}
    step = draw.a % 8
    if step < 4:
        plant, again = ("ZH", "AT")[step % 2], ("", "", "a compressor stands still")[draw.c % 3]
        fields = {"period": period, "plant": plant, "lots": draw.b % 40, "correction": again}
        return StateCapacity, ("zhanaozen", "atyrau")[step % 2], fields
    if step < 6:
        name = ("aktau", "dossor")[draw.b % 2]
        applied = {
            "application_id": f"a{len(desk.rows)}",
            "period": period,
            "part": ("outside", "platform")[draw.c % 2],
        }
        where = {"province": ("KZ-47", "KZ-23", "KZ-99")[draw.b % 7 % 3], "applicant_id": name, "lots": 1 + draw.b % 30}
        return SubmitApplication, name, {**applied, **where}
    allotted = sorted(desk.state.supply.allotments)
    if step == 6 and allotted:
        fields = {"allotment_id": allotted[draw.b % len(allotted)], "lots": 1 + draw.c % 9, "reason": "a full depot"}
        return RefuseAllotment, ("aktau", "dossor")[draw.c % 2], fields
    return ApprovePlan, "regulator", {"period": period}


def _adopt(_: Desk, draw: Draw) -> Made:
    return AdoptRulebook, "regulator", {"rulebook": RULEBOOKS[draw.a % len(RULEBOOKS)]}


def ready(text: RulebookText) -> Desk:
    """Return a desk with last month's prices published, then a rulebook, and a session where the rules allow one."""
    desk = founded(RULEBOOKS[0], "2021-12-30")
    for month in ("2021-12", MONTH):
        report_terms(desk, month)
    desk.must(OpenSession, "operator", **opening("zero", day="2021-12-30", delivery_month="2021-12"))
    desk.at_ns = instant("11:00", "2021-12-30")
    desk.must(SubmitOrder, "atyrau", **order("zero-1", "AT", "sell", price=62_000, lots=20, session_id="zero"))
    desk.must(SubmitOrder, "aktau", **order("zero-2", "KZ-47", "buy", price=72_000, lots=10, session_id="zero"))
    desk.must(SubmitOrder, "dossor", **order("zero-3", "KZ-23", "buy", price=72_000, lots=9, session_id="zero"))
    desk.at_ns = instant("13:00", "2021-12-30")
    for kind in (CloseSession, ClearSession, PublishPrices):
        desk.must(kind, "operator", session_id="zero")
    desk.must(AdoptRulebook, "regulator", rulebook=text)
    desk.give(OpenSession, "operator", **opening("call"))
    return desk


def _open(desk: Desk, draw: Draw) -> Made:
    fresh = [name for name in SESSIONS if name not in desk.auditor.books.calls]
    name = fresh[0] if fresh and draw.a % 5 else list(SESSIONS)[draw.a % len(SESSIONS)]
    changes = NETWORKS[draw.c % len(NETWORKS)] if draw.c % 4 == 0 else {}
    return OpenSession, "operator", opening(name, **{**SESSIONS[name], **changes})


def _submit(desk: Desk, draw: Draw) -> Made:
    name = _session(desk, draw)
    if name not in desk.auditor.books.calls and draw.d % 4:
        return _open(desk, draw)
    call = desk.auditor.books.calls.get(name)
    if call and draw.d % 9:
        desk.at_ns = max(desk.at_ns, call.opened.opens_at_ns)
    place = PLACES[draw.a % 4].place if draw.b % 23 else "KZ-99"
    selling = (draw.a % 4 < 2) != (draw.b % 11 == 0)
    price = (
        (draw.c % 32 + 8 * len(desk.auditor.books.calls)) * 2_500 + 30_000 if draw.c % 13 else draw.a % 3 * 500_000_000
    )
    if call and call.opened.collar_highest_tenge_per_tonne is not None and draw.c % 4 == 0:
        price = call.opened.collar_highest_tenge_per_tonne + call.carriage.get(place, 0) + draw.b % 2
    lots = 1 + draw.b % 9 if draw.c % 17 else 10**6
    actors = ("zhanaozen", "atyrau") if selling else ("aktau", "dossor")
    order_ids = sorted(desk.auditor.books.order_ids)
    order_id = order_ids[draw.a % len(order_ids)] if order_ids and draw.b % 19 == 0 else f"o{len(desk.rows)}"
    fields = order(order_id, place, "sell" if selling else "buy", price=price, lots=lots, session_id=name)
    return SubmitOrder, actors[draw.b % 2], fields


def _cancel(desk: Desk, draw: Draw) -> Made:
    orders = [o for call in desk.auditor.books.calls.values() for o in call.orders.values()]
    if not orders or draw.b % 5 == 0:
        return CancelOrder, "aktau", {"session_id": _session(desk, draw), "order_id": f"o{draw.a}"}
    chosen = orders[draw.a % len(orders)]
    actor = chosen.participant_id if draw.c % 4 else "dossor"
    return CancelOrder, actor, {"session_id": chosen.session_id, "order_id": chosen.order_id}


def _session(desk: Desk, draw: Draw) -> str:
    """Name a session: mostly one that is still collecting, sometimes any, sometimes none."""
    collecting = [name for name, call in desk.auditor.books.calls.items() if call.phase == "collecting"]
    return collecting[draw.c % len(collecting)] if collecting and draw.d % 10 else (*SESSIONS, "none")[draw.c % 6]


ENOUGH_ORDERS = 4


def _end(desk: Desk, draw: Draw) -> Made:
    """Take a session one phase further."""
    calls = [(name, call) for name, call in desk.auditor.books.calls.items() if call.phase != "published"]
    if not calls or draw.b % 9 == 0:
        return (
            (CloseSession, ClearSession, PublishPrices)[draw.a % 3],
            "operator",
            {"session_id": list(SESSIONS)[draw.c % len(SESSIONS)]},
        )
    name, call = calls[0 if draw.a % 4 else -1]
    if call.phase == "collecting" and len(call.orders) < ENOUGH_ORDERS and draw.c % 8:
        return _submit(desk, draw)
    if call.phase == "collecting" and draw.b % 2:
        desk.at_ns = max(desk.at_ns, call.opened.closes_at_ns)
    kind = {"collecting": CloseSession, "closed": ClearSession, "cleared": PublishPrices}[call.phase]
    return kind, "operator", {"session_id": name}


def _plan(_: Desk, draw: Draw) -> Made:
    fields = {
        "delivery_month": MONTH if draw.c % 4 else "2022-02",
        "province": ("KZ-47", "KZ-23")[draw.a % 2],
        "total_lots": draw.b,
        "transport_tenge_per_tonne": draw.c % 9_000,
        "correction": ("", "a plant stands still")[draw.d % 2],
    }
    return PlanSupply, "regulator", fields


def _terms(_: Desk, draw: Draw) -> Made:
    changes = {
        "delivery_month": (MONTH, "2022-02", "2022-03", "2022-04")[draw.c % 4],
        "station_margin_tiyn_per_litre": draw.b * 10,
        "plan_pass_on_basis_points": draw.c % 10_001,
        "correction": ("", "a depot was counted twice")[draw.d % 2],
    }
    return ReportRetailTerms, ("operator", "regulator")[draw.b % 2], terms(("KZ-47", "KZ-23")[draw.a % 2], **changes)


_MAKERS: tuple[Callable[[Desk, Draw], Made], ...] = (
    *(_submit,) * 20,
    *(_end,) * 19,
    _open,
    *(_cancel,) * 2,
    _plan,
    _supply,
    _terms,
    _adopt,
    _admit,
    _classify,
    _stand,
    _affiliate,
)
