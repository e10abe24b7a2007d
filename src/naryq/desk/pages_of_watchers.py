"""The pages of those who operate and watch: calendar, participants, settlements, limits, flags, rules, the stop."""

from datetime import date, timedelta
from typing import Any, Final, NamedTuple

from naryq.desk.look import Choices, Look, NoSuchPage, Shown
from naryq.desk.pages_of_plans import typed_links
from naryq.desk.pages_of_traders import steps
from naryq.exchange import calendar
from naryq.messages import HolidaysDeclared, LimitLifted, LimitReached, ProposalAssessed, Role
from naryq.messages.surveillance import measured
from naryq.showing import changes, distances, members, moneys, plans, sessions, stops, watching
from naryq.showing.changes import ShownProposal
from naryq.showing.days import holidays, series
from naryq.showing.instruments import instruments
from naryq.showing.sessions import ShownSession
from naryq.surveillance import SCREENS

DAYS_SHOWN: Final = 14
ENDED_SHOWN: Final = 100
ORDERS_SHOWN: Final = 100
TRADING: Final[tuple[Role, ...]] = ("operator", "seller", "buyer", "observer")
"""Who may be somebody's affiliate."""
OVER: Final = ("closed", "cleared", "published")
"""Where a session stands that was run again to its end: what is only said of it afterwards is not run again."""
UNDER_WAY: Final = ("announced", *sessions.STANDING, "closed", "cleared")


class ShownDay(NamedTuple):
    """One day of the calendar."""

    day: str
    weekday: int
    trades: bool
    sessions: tuple[ShownSession, ...]


class ShownYear(NamedTuple):
    """The days of a year that are declared, and whether every Saturday and Sunday of it has trading."""

    declared: HolidaysDeclared
    is_whole_week: bool


class UnderWay(NamedTuple):
    """A session that is not done, and the actions that take it on."""

    shown: ShownSession
    steps: tuple[str, ...]


def calendar_page(look: Look) -> Shown:
    """Show this week and the next with their sessions, what is to be done with those under way, and how to open one."""
    found = sessions.current(look.state, look.at_ns, ENDED_SHOWN)
    waiting = [UnderWay(each, steps(each, look.at_ns)) for each in reversed(found) if each.phase in UNDER_WAY]
    listed = instruments(look.state, look.viewer)
    choices: Choices = [(each.instrument.code, each.instrument.code) for each in listed if each.delisted is None]
    return {
        "days": _days(look, found),
        "waiting": sorted(waiting, key=lambda each: not each.steps),
        "today": look.today,
        "month": look.today[:7],
        "instrument_choices": choices,
        "years": tuple(map(_year, holidays(look.state))),
        "series": series(look.state),
        "sellers": _people(look, "seller"),
        "traders": _people(look, "seller", "buyer"),
        **_last_network(found),
    }


def _year(declared: HolidaysDeclared) -> ShownYear:
    """Return the days of a year, the weekends as one where all of them have trading."""
    days = (date(declared.year, 1, 1) + timedelta(days=number) for number in range(366))
    weekends = {day.isoformat() for day in days if day.year == declared.year and day.weekday() >= calendar.SATURDAY}
    return ShownYear(declared, is_whole_week=weekends == {*declared.working})


def _people(look: Look, *roles: Role) -> Choices:
    """Return the participants of some roles as choices, each with its name."""
    found = members.members(look.state, look.viewer, look.at_ns)
    return [(each.participant_id, f"{each.participant_id} · {each.name}") for each in found if each.role in roles]


def _last_network(found: tuple[ShownSession, ...]) -> Shown:
    """Return places and links of the last network session as they are typed: the next one has mostly the same."""
    opened = next((each.opened for each in found if each.opened.kind == "network"), None)
    if opened is None:
        return {"last_places": "", "last_links": ""}
    places = "\n".join(f"{each.place}; {each.kind}" for each in opened.places)
    return {"last_places": places, "last_links": typed_links(opened.links)}


def _days(look: Look, found: tuple[ShownSession, ...]) -> tuple[ShownDay, ...]:
    today = date.fromisoformat(look.today)
    monday = today - timedelta(days=today.weekday())
    days = [(monday + timedelta(days=number)).isoformat() for number in range(DAYS_SHOWN)]
    return tuple(
        ShownDay(
            day,
            number % 7,
            calendar.is_trading_day(look.state, day),
            tuple(each for each in reversed(found) if each.opened.day == day and each.phase != "cancelled"),
        )
        for number, day in enumerate(days)
    )


def participants(look: Look) -> Shown:
    """Show who takes part and who belongs together; `one` names whoever something is to be done about."""
    found = members.members(look.state, look.viewer, look.at_ns)
    one, admitted = look.query.get("one", ""), look.state.participants
    return {
        "members": found,
        "chosen": next((each for each in found if each.participant_id == one), None),
        "shown_before": admitted[one].shown if one in admitted else (),
        "affiliations": members.affiliations(look.state, look.viewer),
        "others": [choice for choice in _people(look, *TRADING) if choice[0] != one],
    }


def settlements(look: Look) -> Shown:
    """Show all obligations and the queue of defaults, and how money is confirmed; `one` names an obligation."""
    people = members.members(look.state, look.viewer, look.at_ns)
    found = moneys.all_obligations(look.state, look.viewer)
    one = look.query.get("one", "")
    return {
        "chosen": tuple(each for each in found if each.obligation_id == one),
        "today": look.today,
        "due": moneys.defaults_due(look.state, look.viewer, look.at_ns),
        "obligations": found,
        "funds": moneys.funds(look.state),
        "people": [(each.participant_id, f"{each.participant_id} · {each.name}") for each in people],
    }


class ShownAct(NamedTuple):
    """A time when a limit was reached or lifted."""

    limit: str
    subject: str
    value: int
    threshold: int
    what: str
    at_ns: int
    lifted: bool


def _act(event: LimitReached | LimitLifted) -> ShownAct:
    lifted = isinstance(event, LimitLifted)
    return ShownAct(event.limit, event.subject, event.value, event.threshold, event.what, event.at_ns, lifted)


def limits(look: Look) -> Shown:
    """Show every limit with how close it is, when limits acted, and the claims that wait."""
    found = distances.distances(look.state, look.viewer, look.at_ns)
    told = (each for each in found if each.value is not None or each.acts)
    return {
        "distances": sorted(told, key=lambda each: (each.acts, distances.closeness(each)), reverse=True),
        "unmeasured": tuple(each for each in found if each.value is None and not each.acts),
        "keys": distances.keys(look.state, look.viewer, look.at_ns),
        "acts": tuple(_act(event) for event in look.history.limit_acts(look.viewer)),
        "claims": distances.claims(look.state, look.viewer),
        "today": look.today,
    }


def surveillance(look: Look) -> Shown:
    """Show the flags: the open ones with their evidence, the closed ones with what was found."""
    found = watching.flags(look.state, look.viewer)
    return {
        "open": tuple(each for each in found if each.closed is None),
        "closed": tuple(each for each in found if each.closed is not None),
        "measured": measured,
        "directions": {screening.screen: screening.direction for screening in SCREENS},
    }


class Judged(NamedTuple):
    """A proposal beside its last assessment."""

    shown: ShownProposal
    effect: ProposalAssessed | None


def rules(look: Look) -> Shown:
    """Show the proposals with their effect, and the emergencies."""
    found = changes.proposals(look.state, look.viewer, look.at_ns)
    return {
        "proposals": tuple(
            Judged(each, look.history.assessment(look.viewer, each.proposed.proposal_id)) for each in found
        ),
        "emergencies": changes.emergencies(look.state, look.viewer),
        "version": "" if look.state.rulebook is None else look.state.rulebook.version,
        "today": look.today,
    }


def replay(look: Look) -> Shown:
    """Show what sessions over instruments would have come to under a proposal, and the first of the orders."""
    proposal_id = look.named["proposal_id"]
    if proposal_id not in look.state.rule_changes.proposals:
        raise NoSuchPage
    orders = () if look.replayed is None else look.replayed.orders[:ORDERS_SHOWN]
    return {"proposal_id": proposal_id, "replayed": look.replayed, "orders": orders, "over": OVER}


def stop(look: Look) -> Shown:
    """Show what stands stopped, and the form of the stop; the address may name what is to be stopped."""
    named = {"scope": look.query.get("scope", "venue"), "target": look.query.get("target", "")}
    standing = stops.stops(look.state, look.viewer)
    role_of = {stop.actor: look.state.participants[stop.actor].role for stop in standing}
    return {**named, "role_of": role_of, "traders": _people(look, "seller", "buyer")}


def _to_announce(look: Look) -> int:
    """Return for how many refused allotments the operator still has to announce sessions."""
    if look.viewer.role != "operator":
        return 0
    found = plans.reoffers(look.state, look.viewer)
    return sum(each.scheduled_lots < each.refused_lots for each in found)


def waiting(look: Look) -> dict[str, int]:
    """Return how much waits behind each page of those who watch, cheaply: the navigation of every page asks."""
    if not look.viewer.watches:
        return {}
    counts: dict[str, Any] = {
        "stop": len(stops.stops(look.state, look.viewer)) + len(look.switches),
        "plans": _to_announce(look),
        "rules": sum(proposal.phase == "open" for _, proposal in look.state.rule_changes.proposals.items()),
        "surveillance": sum(flag.closed is None for flag in watching.flags(look.state, look.viewer)),
        "settlements": len(moneys.defaults_due(look.state, look.viewer, look.at_ns)),
    }
    return counts
