"""A venue with its desk in this process: a clock that the test moves, people who can sign in, and a day of trading."""

import asyncio
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

import argon2
import httpx
import pyotp
import uvicorn
from starlette.applications import Starlette
from tests.money_samples import MONEY_RULES
from tests.venue_samples import DAY, LINKS, MONTH, PLACES, instant, rulebook

from naryq.access import Access
from naryq.access.store import Store
from naryq.desk import doors
from naryq.desk.pages import Page
from naryq.engine import Engine
from naryq.gateways.application import application
from naryq.gateways.house import House
from naryq.journal.memory import MemoryJournal
from naryq.messages import (
    AdmitParticipant,
    AdoptRulebook,
    AnyEvent,
    ApprovePlan,
    ChangePhase,
    ClearSession,
    CloseSession,
    Deposit,
    LegalSource,
    ListInstrument,
    OpenPlan,
    OpenSession,
    ProposeRuleChange,
    PublishSession,
    RefuseAllotment,
    Refused,
    ReportParity,
    ReportRetailTerms,
    ReviewApplications,
    RuleChange,
    StateCapacity,
    SubmitApplication,
    SubmitOrder,
    Withdraw,
)

BEFORE: Final = "2021-12-30"
PERIODS: Final = (MONTH, "2022-02")
"""The plans of the furnished venue: one is approved, one is in the making."""
PASSWORD: Final = "correct horse battery"  # noqa: S105 - of people that are in tests alone
CHEAP: Final = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
PEOPLE: Final = {
    "operator": ("operator", "Naryq Exchange"),
    "regulator": ("regulator", "Ministry of Energy"),
    "zhanaozen": ("seller", "Zhanaozen Gas Plant"),
    "atyrau": ("seller", "Atyrau Refinery"),
    "aktau": ("buyer", "Aktau Autogas"),
    "dossor": ("buyer", "Dossor Depot"),
    "press": ("observer", "The press"),
}
RULES: Final[dict[str, Any]] = {
    **MONEY_RULES,
    "who_may_stop": ("operator", "regulator"),
    "collar_rise": 2_000,
    "collar_fall": 2_000,
    "hold_rise": 700,
    "session_price_limit": 500,
    "session_halt": 10,
    "order_lots_highest": 200,
    "batch_highest": 400,
    "cumulative_sessions": 14,
    "cumulative_threshold": 1_400_000,
    "administered_price": 70_000,
    "two_key_level": 110_000,
    "two_key_spread": 20_000,
    "two_key_sessions": 3,
    "two_key_stay": 5,
    "parity_age": 30,
    "fund_floor": -100_000_000_000,
    "emergency_days_max": 10,
    "rule_change_notice_days": 1,
    "self_trade": "cancel_newest",
    "market_orders": "taken",
    "watch_concentration": 2_000,
    "watch_order_to_trade": 10,
    "platform_share": {"default": 6_500},
    "wholesale_cap": 38_000,
}


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self, at_ns: int) -> None:
        self.at_ns = at_ns

    def __call__(self) -> int:
        return self.at_ns

    def set(self, clock: str, day: str = DAY) -> None:
        self.at_ns = instant(clock, day)

    def pass_seconds(self, seconds: int) -> None:
        self.at_ns += seconds * 10**9


class Chance:
    """Bytes that are another each time, and the same in each test."""

    def __init__(self) -> None:
        self.number = 0

    def __call__(self, size: int) -> bytes:
        self.number += 1
        return self.number.to_bytes(size, "big")


class Venue:
    """A house with its people, to which commands are given from the test's own thread."""

    def __init__(self, folder: Path) -> None:
        self.clock = Clock(instant("09:00", BEFORE))
        self.access = Access(
            Store.open(folder / "access.db"), self.clock, Chance(), hasher=CHEAP, requests_per_second=100_000
        )
        journal = MemoryJournal()
        self.house = House(
            lambda on_entry: Engine(journal, on_entry=on_entry),
            self.access,
            self.clock,
            open_reader=lambda: MemoryJournal(journal.rows),
            second_person=frozenset({Withdraw}),
        )
        self.secrets: dict[str, str] = {}
        self.number = 0

    def app(self) -> Starlette:
        return application(self.house, doors.routes(self.house, Chance()))

    def give(self, kind: Any, actor: str, /, **fields: Any) -> tuple[AnyEvent, ...]:
        """Give a command to the engine, as another door would."""
        self.number += 1
        command = kind(command_id=f"t{self.number}", actor=actor, at_ns=self.house.now_ns(), **fields)
        return self.house.engine.submit(command).events

    def must(self, kind: Any, actor: str, /, **fields: Any) -> Any:
        """Give a command that must be taken."""
        first = self.give(kind, actor, **fields)[0]
        assert not isinstance(first, Refused), first
        return first

    def must_reopen(self, session_id: str) -> None:
        """Take a session that reopened in a call back into its continuous phase."""
        self.must(ChangePhase, "operator", session_id=session_id, phase="continuous", reason="as the test says")

    def found(self, **rules: Any) -> Self:
        """Admit everybody, adopt the rulebook, and let each sign in."""
        for person, (role, name) in PEOPLE.items():
            self.must(AdmitParticipant, "operator", participant_id=person, name=name, role=role)
        self.must(AdoptRulebook, "regulator", rulebook=rulebook(**{**RULES, **rules}))
        for person in PEOPLE:
            self.add_person(person, person)
        self.add_person("cashier", "operator")
        akimat = {"participant_class": "akimat", "provinces": ("KZ-47",)}
        self.must(
            AdmitParticipant, "operator", participant_id="mangystau", name="Mangystau Akimat", role="observer", **akimat
        )
        self.add_person("mangystau", "mangystau")
        return self

    def add_person(self, login: str, participant_id: str) -> None:
        """Let a person sign in; in a thread, since a browser's driver may have a loop of its own in this one."""
        with ThreadPoolExecutor(1) as pool:
            adding = self.access.people.add(login, participant_id, PASSWORD, "operator")
            self.secrets[login] = pool.submit(asyncio.run, adding).result().one_time_secret

    def code(self, login: str) -> str:
        """Return the next one-time code of somebody: a code counts once, so the clock moves on by a step."""
        self.clock.pass_seconds(30)
        at = datetime.fromtimestamp(self.clock.at_ns // 10**9, UTC)
        return pyotp.TOTP(self.secrets[login]).at(at)

    def close(self) -> None:
        self.house.engine.close()
        self.access.close()


def order(  # noqa: PLR0917 - as short as a script
    order_id: str, side: str, price: int, lots: int, session_id: str = "day", place: str = "ZH-47"
) -> dict[str, Any]:
    """Return the fields of an order."""
    fields = {"session_id": session_id, "order_id": order_id, "place": place, "side": side}
    delivery = {"delivery": "KZ-47"} if side == "buy" and place == "ZH-47" else {}
    return {**fields, "price_tenge_per_tonne": price, "quantity_lots": lots, **delivery}


def planned(venue: Venue) -> None:
    """Let the plan of the month be made and approved, a lot of it be refused, and the next one be under way."""
    give, (first, second) = venue.must, PERIODS
    for number, period in enumerate(PERIODS):
        give(OpenPlan, "regulator", period=period, links=LINKS)
        give(StateCapacity, "zhanaozen", period=period, plant="ZH", lots=120, maintenance="A week in the middle")
        give(StateCapacity, "atyrau", period=period, plant="AT", lots=60)
        for person, part, province, lots in (
            ("aktau", "outside", "KZ-47", 100),
            ("aktau", "platform", "KZ-47", 60),
            ("dossor", "outside", "KZ-23", 40),
        ):
            fields = {"part": part, "province": province, "applicant_id": person, "lots": lots}
            give(SubmitApplication, person, period=period, application_id=f"{person}-{part}-{number}", **fields)
    give(ApprovePlan, "regulator", period=first)
    own = next(
        each for _, each in venue.house.state.supply.allotments.items() if each.allotment.applicant_id == "aktau"
    )
    give(RefuseAllotment, "aktau", allotment_id=own.allotment.allotment_id, lots=3, reason="The depot is full")
    give(ReviewApplications, "regulator", period=second, province="KZ-47", lots=90, reason="As much as last year")


def furnished(venue: Venue) -> Venue:
    """Let a morning pass: money, instruments, a network session that was cleared, a book that trades, a proposal."""
    give = venue.must
    planned(venue)
    for person, tenge in (
        ("aktau", 900_000_000),
        ("dossor", 400_000_000),
        ("zhanaozen", 90_000_000),
        ("atyrau", 90_000_000),
    ):
        give(Deposit, "operator", participant_id=person, amount_tiyn=tenge * 100, bank_reference=f"bank-{person}")
    for code, region in (("ZH-47", "KZ-47"), ("ZH-KZ", "KZ")):
        give(
            ListInstrument,
            "operator",
            code=code,
            product="LPG",
            plant="ZH",
            delivery_basis="EXW",
            delivery_region=region,
        )
    book = {"window": "other", "delivery_month": MONTH, "kind": "continuous", "instrument": "ZH-47"}
    give(OpenSession, "operator", session_id="day-before", day=BEFORE, **book)
    venue.clock.set("14:00", BEFORE)
    give(SubmitOrder, "zhanaozen", **order("y-1", "sell", 81_000, 20, "day-before"))
    give(SubmitOrder, "aktau", **order("y-2", "buy", 81_000, 16, "day-before"))
    venue.clock.set("16:00", BEFORE)
    give(CloseSession, "operator", session_id="day-before")
    give(PublishSession, "operator", session_id="day-before")
    venue.clock.set("09:00")
    give(
        OpenSession,
        "operator",
        session_id="net-1",
        day=DAY,
        window="plan",
        delivery_month=MONTH,
        places=PLACES,
        links=LINKS,
    )
    for province in ("KZ-47", "KZ-23"):
        give(
            ReportRetailTerms,
            "operator",
            delivery_month=MONTH,
            province=province,
            depot_tenge_per_tonne=6_000,
            station_margin_tiyn_per_litre=3_100,
            plan_pass_on_basis_points=0,
        )
    source = {"act": "Argus, 30.12.2021", "url": "https://report.example/parity"}
    give(ReportParity, "regulator", day=BEFORE, parity_tenge_per_tonne=84_000, source=_source(source))
    venue.clock.set("11:00")
    give(SubmitOrder, "zhanaozen", **order("n-1", "sell", 78_000, 40, "net-1", "ZH"))
    give(SubmitOrder, "atyrau", **order("n-2", "sell", 81_000, 20, "net-1", "AT"))
    give(SubmitOrder, "aktau", **order("n-3", "buy", 96_000, 25, "net-1", "KZ-47"))
    give(SubmitOrder, "dossor", **order("n-4", "buy", 92_000, 15, "net-1", "KZ-23"))
    venue.clock.set("13:00")
    give(CloseSession, "operator", session_id="net-1")
    give(ClearSession, "operator", session_id="net-1")
    give(OpenSession, "operator", session_id="day", day=DAY, **book)
    give(
        ProposeRuleChange,
        "operator",
        proposal_id="wider-collar",
        proposed=(_change("collar_rise", 2_500), _change("order_lots_highest", 18)),
        reason="The collar of a fifth has refused honest bids",
    )
    venue.clock.set("14:00")
    for number, (price, lots) in enumerate(((82_000, 5), (82_500, 8), (83_000, 12), (84_000, 20)), 1):
        give(SubmitOrder, "zhanaozen" if number % 2 else "atyrau", **order(f"a-{number}", "sell", price, lots))
        venue.clock.pass_seconds(20)
    for number, (price, lots) in enumerate(((80_500, 6), (80_000, 10), (79_500, 15)), 1):
        give(SubmitOrder, "dossor" if number % 2 else "aktau", **order(f"b-{number}", "buy", price, lots))
        venue.clock.pass_seconds(20)
    give(SubmitOrder, "dossor", **order("b-9", "buy", 82_000, 2))
    venue.clock.pass_seconds(60)
    return venue


def _source(fields: dict[str, str]) -> LegalSource:
    return LegalSource(**fields)


def _change(rule: str, value: int) -> RuleChange:
    return RuleChange(rule, "2022-01-10", value, _source({"act": "Order 1", "url": "https://law.example/1"}))


@contextmanager
def opened(folder: Path, **rules: Any) -> Iterator[Venue]:
    """Open a furnished venue, and close it."""
    venue = Venue(folder).found(**rules)
    try:
        yield furnished(venue)
    finally:
        venue.close()


def addresses(page: Page, sessions: tuple[str, ...] = ("day",)) -> tuple[str, ...]:
    """Return the addresses of a page in the furnished venue: each of the sessions or plans, or the page alone."""
    named = {"session": sessions, "plan": PERIODS, "replay": ("wider-collar",)}.get(page.key, ("",))
    return tuple(page.address.format(session_id=each, period=each, proposal_id=each) for each in named)


# --- Over HTTP without a browser -----------------------------------------------------------------------------------


class Visitor:
    """Somebody without a browser: a client that keeps cookies, follows where it is led, and sends a page's forms."""

    def __init__(self, venue: Venue, app: Starlette, loop: asyncio.AbstractEventLoop, language: str = "en") -> None:
        transport = httpx.ASGITransport(app, client=("127.0.0.1", 1))
        self.client = httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", follow_redirects=True)
        self.client.cookies.set("naryq_language", language, domain="127.0.0.1", path="/desk")
        self.venue, self._loop = venue, loop
        self._is_in = False

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self._loop.run_until_complete(self.client.get(path, headers=headers))

    def post(
        self,
        path: str,
        fields: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        **more: str,
    ) -> httpx.Response:
        """Send a form to an address."""
        sent = {**(fields or {}), **more}
        return self._loop.run_until_complete(self.client.post(path, data=sent, headers=headers))

    def sign_in(self, login: str) -> Self:
        """Sign in; whoever was signed in is so no more."""
        self.client.cookies.delete("naryq_desk", domain="127.0.0.1", path="/desk") if self._is_in else None
        self._is_in = True
        answer = self.post("/desk/sign-in", login=login, password=PASSWORD, code=self.venue.code(login), back="/desk")
        assert answer.url.path == "/desk", answer.text
        return self

    def form(self, path: str, action: str, **values: str) -> "Form":
        """Return the first form of an action on a page in which the values named stand."""
        for form in forms_of(self.get(path).text):
            if form.action == f"/desk/do/{action}" and values.items() <= form.values.items():
                return form
        raise AssertionError(f"there is no form {action} on {path}")

    def send(self, path: str, action: str, **fields: str) -> httpx.Response:
        """Fill in the first form of an action on a page, and send it."""
        form = self.form(path, action)
        return self.post(form.action, {**form.values, **fields})


@contextmanager
def visited(venue: Venue) -> Iterator[Callable[..., Visitor]]:
    """Open a venue's doors in this thread, and return what makes visitors."""
    app = venue.app()
    loop = asyncio.new_event_loop()
    visitors: list[Visitor] = []

    def visitor(login: str = "", language: str = "en") -> Visitor:
        visitors.append(Visitor(venue, app, loop, language))
        return visitors[-1].sign_in(login) if login else visitors[-1]

    entered = app.router.lifespan_context(app)
    loop.run_until_complete(entered.__aenter__())
    try:
        yield visitor
    finally:
        for each in visitors:
            loop.run_until_complete(each.client.aclose())
        loop.run_until_complete(entered.__aexit__(None, None, None))
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


class Form(NamedTuple):
    """A form of a page: where it leads, and what stands in it."""

    action: str
    values: dict[str, str]


def forms_of(html: str) -> list[Form]:
    """Return the forms of a page with the values that a browser would send."""
    found = re.finditer(r"<form[^>]*action=\"([^\"]*)\"[^>]*>(.*?)</form>", html, re.DOTALL)
    return [Form(unescape(match[1]), _values(match[2])) for match in found]


def _values(inner: str) -> dict[str, str]:
    values: dict[str, str] = {}
    for tag in re.finditer(r"<input\b([^>]*)>", inner):
        attributes = dict(re.findall(r"([\w-]+)(?:=\"([^\"]*)\")?", tag[1]))
        kind = attributes.get("type", "text")
        if kind not in {"radio", "checkbox"} or "checked" in attributes:
            values[attributes["name"]] = unescape(attributes.get("value", ""))
    for tag in re.finditer(r"<select name=\"(\w+)\"[^>]*>(.*?)</select>", inner, re.DOTALL):
        chosen = re.search(r"<option value=\"([^\"]*)\" selected", tag[2]) or re.search(
            r"<option value=\"([^\"]*)\"", tag[2]
        )
        values[tag[1]] = unescape(chosen[1]) if chosen else ""
    for tag in re.finditer(r"<textarea name=\"(\w+)\"[^>]*>(.*?)</textarea>", inner, re.DOTALL):
        values[tag[1]] = unescape(tag[2])
    return values


# --- A server for a browser ----------------------------------------------------------------------------------------


@contextmanager
def served(venue: Venue) -> Iterator[str]:
    """Serve a venue's desk on a port of this machine, and return its address."""
    config = uvicorn.Config(venue.app(), port=0, log_config=None, lifespan="on", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the server has not come up"
        thread.join(0.05)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()
