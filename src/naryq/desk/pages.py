"""The pages: which there are, whose each is, and what each shows. Everything comes from `naryq.showing`."""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple, TypeAlias

from naryq.desk import pages_of_plans, pages_of_seconds, pages_of_traders, pages_of_watchers
from naryq.desk.look import Look, NoSuchPage, Shown
from naryq.messages import Role
from naryq.showing import prices, sessions
from naryq.showing.instruments import instruments

EVERYBODY: Final[tuple[Role, ...]] = ("operator", "regulator", "seller", "buyer", "observer")
TRADERS: Final[tuple[Role, ...]] = ("seller", "buyer")
ASKING: Final[tuple[Role, ...]] = ("operator", "regulator", "seller", "buyer")
REPORTING: Final[tuple[Role, ...]] = ("operator", "regulator", "seller", "observer")
WATCHERS: Final[tuple[Role, ...]] = ("operator", "regulator")
ENDED_SHOWN: Final = 30
Builder: TypeAlias = Callable[[Look], Shown]


def market(look: Look) -> Shown:
    """Show what is traded, and the sessions."""
    found = sessions.current(look.state, look.at_ns, ENDED_SHOWN)
    shown = instruments(look.state, look.viewer)
    return {
        "open": tuple(each for each in reversed(found) if each.phase not in sessions.ENDED),
        "ended": tuple(each for each in found if each.phase in sessions.ENDED),
        "instruments": shown,
        "listed": [(each.instrument.code, each.instrument.code) for each in shown if each.delisted is None],
    }


def price_page(look: Look) -> Shown:
    """Show the public prices by province."""
    return {"provinces": prices.provinces(look.state)}


class Page(NamedTuple):
    """One page: its key in the navigation, the form of its address, its template, whose it is, and what it shows."""

    key: str
    address: str
    template: str
    roles: tuple[Role, ...]
    build: Builder
    is_listed: bool = True

    def matched(self, path: str) -> dict[str, str] | None:
        """Return what an address names, or None where it is not this page's."""
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]{1,64})", self.address)
        found = re.fullmatch(pattern, path)
        return None if found is None else found.groupdict()


PAGES: Final = (
    Page("market", "/desk", "market.html", EVERYBODY, market),
    Page(
        "session", "/desk/sessions/{session_id}", "session.html", EVERYBODY, pages_of_traders.session, is_listed=False
    ),
    Page("prices", "/desk/prices", "prices.html", EVERYBODY, price_page),
    Page("orders", "/desk/orders", "orders.html", TRADERS, pages_of_traders.own_orders),
    Page("account", "/desk/account", "account.html", TRADERS, pages_of_traders.account),
    Page("obligations", "/desk/obligations", "obligations.html", TRADERS, pages_of_traders.obligations),
    Page("plans", "/desk/plans", "plans.html", EVERYBODY, pages_of_plans.plans_page),
    Page("plan", "/desk/plans/{period}", "plan.html", EVERYBODY, pages_of_plans.plan_page, is_listed=False),
    Page("reports", "/desk/reports", "reports.html", REPORTING, pages_of_plans.reports_page),
    Page("calendar", "/desk/calendar", "calendar.html", EVERYBODY, pages_of_watchers.calendar_page),
    Page("participants", "/desk/participants", "participants.html", WATCHERS, pages_of_watchers.participants),
    Page("settlements", "/desk/settlements", "settlements.html", WATCHERS, pages_of_watchers.settlements),
    Page("limits", "/desk/limits", "limits.html", WATCHERS, pages_of_watchers.limits),
    Page("surveillance", "/desk/surveillance", "surveillance.html", ("regulator",), pages_of_watchers.surveillance),
    Page("second", "/desk/second", "second.html", ASKING, pages_of_seconds.waiting_for_second),
    Page("rules", "/desk/rules", "rules.html", WATCHERS, pages_of_watchers.rules),
    Page(
        "replay",
        "/desk/rules/{proposal_id}/replay",
        "replay.html",
        WATCHERS,
        pages_of_watchers.replay,
        is_listed=False,
    ),
    Page("stop", "/desk/stop", "stop.html", WATCHERS, pages_of_watchers.stop),
)
"""Every page behind the sign-in, in the order of the navigation."""
BY_KEY: Final[Mapping[str, Page]] = MappingProxyType({page.key: page for page in PAGES})


def page_at(path: str) -> tuple[Page, dict[str, str]]:
    """Return the page at an address and what the address names; raises `NoSuchPage` where there is none."""
    for page in PAGES:
        named = page.matched(path)
        if named is not None:
            return page, named
    raise NoSuchPage


class Listed(NamedTuple):
    """One link of the navigation; a count says how much waits there."""

    key: str
    path: str
    current: bool
    waits: int
    urgent: bool


def navigation(look: Look, current: Page) -> tuple[Listed, ...]:
    """Return the links of a viewer's role, with what waits behind each."""
    waits = {**pages_of_watchers.waiting(look), "second": len(look.pending)}
    return tuple(
        Listed(
            page.key, page.address, page.key == current.key, waits.get(page.key, 0), page.key in {"stop", "settlements"}
        )
        for page in PAGES
        if page.is_listed and look.viewer.role in page.roles
    )
