"""Who takes part: admission by class, standing, and who belongs together."""

from collections.abc import Iterable, Iterator
from types import MappingProxyType
from typing import Any, Final

import msgspec

from naryq.exchange import control
from naryq.exchange.state import Absence, Pair, State, ordered
from naryq.exchange.topic import Decision, Topic, is_regulator, may_undo, rules_in_force
from naryq.maps import Map
from naryq.messages import (
    AdmitParticipant,
    AffiliationDeclared,
    AffiliationEnded,
    ClassifyParticipant,
    Code,
    Day,
    DeclareAffiliation,
    EndAffiliation,
    ExcludeParticipant,
    OrderCancelled,
    ParticipantAdmitted,
    ParticipantClass,
    ParticipantClassified,
    ParticipantExcluded,
    ParticipantReinstated,
    ParticipantSuspended,
    Refusal,
    ReinstateParticipant,
    Role,
    Shown,
    Side,
    Standing,
    SuspendParticipant,
)
from naryq.rulebook import UNCLASSED, InForce
from naryq.units import INT64_MAX, day_after, day_years_after, instant_ns

ROLE_OF_CLASS: Final = MappingProxyType(
    {
        "producer": "seller",
        "tolling_owner": "seller",
        "importer": "seller",
        "gas_network_organisation": "buyer",
        "industrial_consumer": "buyer",
        "depot_owner": "buyer",
        "station_owner": "buyer",
        "akimat": "observer",
    }
)
"""The one role under which each class takes part."""
AFFILIATED: Final = "affiliated with the exchange"
"""Why whoever belongs with the exchange is suspended."""
MEMBERS: Final[tuple[Role, ...]] = ("seller", "buyer")
"""The roles of those who trade."""


# --- What other topics ask --------------------------------------------------------------------------------------


def group_of(state: State, participant_id: str) -> str:
    """Return the smallest identifier of all that are affiliated with a participant, itself among them."""
    return state.people.groups.get(participant_id, participant_id)


def members_of(state: State, participant_id: str) -> tuple[str, ...]:
    """Return all that are affiliated with a participant, itself among them, in order."""
    groups = state.people.groups
    if participant_id not in groups:
        return (participant_id,)
    group = groups[participant_id]
    return tuple(member for member, of in sorted(groups.items()) if of == group)


def standing(state: State, participant_id: str, at_ns: int) -> Standing:
    """Return whether a participant may act at an instant: a suspension ends by itself, an exclusion never does."""
    absence = state.people.absences.get(participant_id)
    if isinstance(absence, ParticipantExcluded):
        return "excluded"
    return "active" if absence is None or _is_over(absence, at_ns) else "suspended"


def _is_over(absence: Absence, at_ns: int) -> bool:
    return absence.ends_at_ns is not None and at_ns >= absence.ends_at_ns


def participant(state: State, participant_id: str, where: str = "participant_id") -> ParticipantAdmitted:
    """Return who is admitted under an identifier; refuses (UNKNOWN_PARTICIPANT) where nobody is."""
    found = state.participants.get(participant_id)
    if found is None:
        what = f"nobody is admitted as {participant_id!r}"
        raise Refusal(Code.UNKNOWN_PARTICIPANT, what, where=where, remedy="Name a participant of the venue.")
    return found


def check_standing(state: State, participant_id: str, at_ns: int, where: str = "actor") -> None:
    """Refuse (SUSPENDED, EXCLUDED) whoever may not act at an instant."""
    if participant_id not in state.people.absences or standing(state, participant_id, at_ns) == "active":
        return
    absence = state.people.absences[participant_id]
    excluded = isinstance(absence, ParticipantExcluded)
    last_day = f" until {absence.until}" if absence.until else ""
    what = f"{participant_id!r} is {'excluded' if excluded else 'suspended'}{last_day}: {absence.reason}"
    remedy = "Cancel orders and perform what is owed; ask the operator for the rest."
    raise Refusal(Code.EXCLUDED if excluded else Code.SUSPENDED, what, where=where, remedy=remedy)


def check_may_trade(trader: ParticipantAdmitted, side: Side, rules: InForce, where: str = "side") -> None:
    """Refuse (NOT_PERMITTED) a role or a class that the rulebook does not let buy or sell on the platform.

    Source: Gas Law, article 27-1(12), which leaves the categories entitled to trade to the rules.
    """
    roles = rules.words("who_may_buy" if side == "buy" else "who_may_sell")
    if trader.role not in roles:
        what, remedy = f"a {trader.role} may not {side}", f"The rule who_may_{side} admits {', '.join(roles)}."
        raise Refusal(Code.NOT_PERMITTED, what, where=where, remedy=remedy)
    rule = "platform_buyers" if side == "buy" else "platform_sellers"
    listed, own = rules.listed(rule), trader.participant_class or UNCLASSED
    if listed is not None and own not in listed:
        what, remedy = f"the class {own} may not {side}", f"The rule {rule} admits {', '.join(listed)}."
        raise Refusal(Code.NOT_PERMITTED, what, where=where, remedy=remedy)


def check_takes_delivery(state: State, participant_id: str, province: str, where: str) -> None:
    """Refuse (OUTSIDE_REGION) a province in which a buyer takes no delivery; whoever names none takes it everywhere."""
    own = state.participants[participant_id].provinces
    if own and province not in own:
        what = f"{participant_id!r} takes no delivery in {province}"
        raise Refusal(Code.OUTSIDE_REGION, what, where=where, remedy=f"Name one of {', '.join(own)}.")


# --- Admission --------------------------------------------------------------------------------------------------


def check_founder(command: AdmitParticipant) -> None:
    """Refuse a first command that does not found the venue."""
    if command.role != "operator" or command.actor != command.participant_id:
        what = "the first participant of a venue is its operator and admits itself"
        raise Refusal(Code.NOT_PERMITTED, what, where="role", remedy="Admit the operator first, as its own actor.")


def _admit_participant(state: State, command: AdmitParticipant) -> Decision:
    _check_may_admit(state, command)
    if command.participant_id in state.participants:
        what = f"{command.participant_id!r} is admitted already"
        raise Refusal(Code.ALREADY_EXISTS, what, where="participant_id", remedy="Choose another identifier.")
    version = _version_that_judged(state, command)
    return (ParticipantAdmitted(**_admission(command), name=command.name, role=command.role, rulebook_version=version),)


def _check_may_admit(state: State, command: AdmitParticipant) -> None:
    """Refuse (NOT_PERMITTED) a regulator of the operator's own making, and whoever else a regulator would admit.

    What needs a second person of another role would need nobody, could the operator make that person. The first
    regulator has to come from the operator, since nobody else is there.
    """
    if not len(state.participants):
        return
    admits, role = state.participants[command.actor].role, command.role
    if admits == "regulator" and role != "regulator":
        what, remedy = f"a regulator admits regulators only, no {role}", "The operator admits everybody else."
        raise Refusal(Code.NOT_PERMITTED, what, where="role", remedy=remedy)
    if admits == "operator" and role == "regulator" and _has_regulator(state):
        what = "the venue has a regulator, and the operator may not make another"
        raise Refusal(Code.NOT_PERMITTED, what, where="role", remedy="Ask a regulator to admit the other.")


def _has_regulator(state: State) -> bool:
    return any(one.role == "regulator" for one in state.participants.values())


def _version_that_judged(state: State, command: AdmitParticipant) -> str:
    """Return the rulebook's version after judging a class by it; empty where there is no class to judge."""
    if command.participant_class is None and not command.provinces:
        return ""
    rules = rules_in_force(state, command.at_ns)
    _check_admission(command, command.role, rules)
    return rules.version


def _admission(command: AdmitParticipant | ClassifyParticipant) -> dict[str, Any]:
    fields = ("participant_id", "participant_class", "provinces", "shown")
    return {field: getattr(command, field) for field in fields}


def _classify_participant(state: State, command: ClassifyParticipant) -> Decision:
    role = participant(state, command.participant_id).role
    rules = rules_in_force(state, command.at_ns)
    _check_admission(command, role, rules)
    return (ParticipantClassified(**_admission(command), rulebook_version=rules.version),)


def _check_admission(command: AdmitParticipant | ClassifyParticipant, role: Role, rules: InForce) -> None:
    own = command.participant_class
    if own is not None and ROLE_OF_CLASS[own] != role:
        what, remedy = f"the class {own} does not take part as {role}", f"It takes part as {ROLE_OF_CLASS[own]}."
        raise Refusal(Code.OUT_OF_RANGE, what, where="participant_class", remedy=remedy)
    for province in command.provinces:
        check_province(province, rules, "provinces")
    missing = tuple(_missing(own, command.shown, rules))
    if missing:
        remedy = "Show each by its document and the day since which it is held."
        raise Refusal(
            Code.CREDENTIAL_MISSING, f"the class {own} lacks {'; '.join(missing)}", where="shown", remedy=remedy
        )


def check_province(province: str, rules: InForce, where: str = "province") -> None:
    """Refuse (UNKNOWN_PLACE) a province that the rulebook does not list."""
    if province not in rules.words("provinces"):
        what = f"{province!r} is none of the rulebook's provinces"
        remedy = "Name a province of the rule provinces by its code."
        raise Refusal(Code.UNKNOWN_PLACE, what, where=where, remedy=remedy)


def _missing(own: ParticipantClass | None, shown: tuple[Shown, ...], rules: InForce) -> Iterator[str]:
    """Say what a class must show by the rule `admission` and has not, or has not held for long enough."""
    since: dict[str, Day] = {each.credential: each.since for each in shown}
    for word, years in sorted(rules.numbers("admission").items()):
        of_class, credential = word.split(".")
        held = since.get(credential)
        if of_class == own and (held is None or _years_later(held, years) > rules.effective):
            yield f"{credential} held for {years} years" if years else credential


def _years_later(day: Day, years: int) -> Day:
    try:
        return day_years_after(day, years)
    except ValueError:
        raise _no_such_day(day, "shown") from None


def _no_such_day(day: Day, where: str) -> Refusal:
    what = f"{day} is no day of the calendar before April 2262, where the venue's clock ends"
    return Refusal(Code.OUT_OF_RANGE, what, where=where, remedy="Give a day such as 2022-01-31.")


# --- Standing ---------------------------------------------------------------------------------------------------


def _suspend_participant(state: State, command: SuspendParticipant) -> Decision:
    rules, who, until = rules_in_force(state, command.at_ns), command.participant_id, command.until
    _check_removable(state, command)
    if until is not None:
        _check_not_barred(state, who, rules, where="until")
        if until < rules.effective:
            what = f"the suspension would end on {until}, before it begins"
            raise Refusal(Code.OUT_OF_RANGE, what, where="until", remedy="Name a day from today on, or none.")
    ends_at_ns = _end_of(until, rules)
    return (ParticipantSuspended(who, command.reason, until, ends_at_ns, rules.version, command.actor),)


def _exclude_participant(state: State, command: ExcludeParticipant) -> Decision:
    """Exclude for the years of the rule (Law on commodity exchanges, article 19(1): two)."""
    rules = rules_in_force(state, command.at_ns)
    _check_removable(state, command)
    years = rules.integer("exclusion")
    until = None if years is None else day_years_after(rules.effective, years)
    ends_at_ns, who = _end_of(until, rules), command.participant_id
    return (ParticipantExcluded(who, command.reason, until, ends_at_ns, rules.version, command.actor),)


def _check_removable(state: State, command: SuspendParticipant | ExcludeParticipant) -> None:
    participant_id = command.participant_id
    found = participant(state, participant_id)
    if found.role in ("operator", "regulator"):
        what = f"{participant_id!r} acts as {found.role}, without whom the venue could not go on"
        raise Refusal(Code.NOT_PERMITTED, what, where="participant_id", remedy="Name a seller, a buyer or an observer.")
    if isinstance(state.people.absences.get(participant_id), ParticipantExcluded):
        what = f"{participant_id!r} is excluded already"
        raise Refusal(Code.EXCLUDED, what, where="participant_id", remedy="It can be reinstated when its time is over.")
    _check_overrules(state, command)


def _check_overrules(state: State, command: SuspendParticipant | ExcludeParticipant | ReinstateParticipant) -> None:
    """Refuse (NOT_PERMITTED) to anybody but a regulator to end or replace a regulator's suspension while it lasts."""
    absence = state.people.absences.get(command.participant_id)
    if absence is None or _is_over(absence, command.at_ns):
        return
    if not may_undo(state, command.actor, absence.actor):
        what = f"the regulator {absence.actor!r} has suspended {command.participant_id!r}: {absence.reason}"
        raise Refusal(Code.NOT_PERMITTED, what, where="participant_id", remedy="Ask the regulator.")


def _end_of(day: Day | None, rules: InForce) -> int | None:
    """Return the first instant after a day, by the venue's own clock; None for no day."""
    return None if day is None else _instant_after(day, rules.required_integer("utc_offset"))


def _instant_after(day: Day, utc_offset_minutes: int) -> int:
    try:
        ends_at_ns = instant_ns(day_after(day), "00:00", utc_offset_minutes)
    except (ValueError, OverflowError):
        ends_at_ns = INT64_MAX + 1
    if ends_at_ns > INT64_MAX:
        raise _no_such_day(day, "until")
    return ends_at_ns


def _reinstate_participant(state: State, command: ReinstateParticipant) -> Decision:
    rules = rules_in_force(state, command.at_ns)
    _check_may_return(state, command)
    _check_not_barred(state, command.participant_id, rules, where="participant_id")
    return (ParticipantReinstated(command.participant_id, command.reason),)


def _check_not_barred(state: State, who: str, rules: InForce, where: str) -> None:
    if who in _barred(state, rules):
        what = f"{who!r} is affiliated with the exchange"
        raise Refusal(Code.NOT_PERMITTED, what, where=where, remedy="Let the regulator end the affiliation first.")


def _check_may_return(state: State, command: ReinstateParticipant) -> None:
    who = participant(state, command.participant_id).participant_id
    absence = state.people.absences.get(who)
    if absence is None:
        what = f"{who!r} is neither suspended nor excluded"
        raise Refusal(Code.NOT_FOUND, what, where="participant_id", remedy="There is nothing to do.")
    if isinstance(absence, ParticipantExcluded) and not _is_over(absence, command.at_ns):
        what = f"{who!r} is excluded {f'until {absence.until}' if absence.until else 'without an end'}"
        raise Refusal(Code.EXCLUDED, what, where="participant_id", remedy="Wait for the end of its time.")
    _check_overrules(state, command)


def _orders_leave(state: State, event: Absence) -> Decision:
    """Take the orders of whoever may not act out of every session that still takes orders."""
    standing_now = "excluded" if isinstance(event, ParticipantExcluded) else "suspended"
    return tuple(
        OrderCancelled(name, order.order_id, f"participant {standing_now}: {event.reason}")
        for name, session in sorted(state.sessions.items())
        if session.phase in control.STANDING
        for order in ordered(session.orders)
        if order.participant_id == event.participant_id
    )


# --- Affiliates -------------------------------------------------------------------------------------------------


def _declare_affiliation(state: State, command: DeclareAffiliation) -> Decision:
    pair = _pair_of(state, command)
    own = state.participants[command.actor].role in MEMBERS
    if own and command.actor not in pair:
        what = f"{command.actor!r} is none of the two"
        remedy = "Declare your own affiliates; tell the operator of those of others."
        raise Refusal(Code.NOT_PERMITTED, what, where="participant_id", remedy=remedy)
    if pair in state.people.affiliations:
        what = f"{pair[0]!r} and {pair[1]!r} are affiliated already"
        raise Refusal(Code.ALREADY_EXISTS, what, where="affiliate_id", remedy="There is nothing to do.")
    declared = AffiliationDeclared(*pair, command.evidence)
    barred = tuple(_barred_by(state, declared, command.at_ns))
    if own:
        _check_bars_itself(state, command, barred)
    return (declared, *barred)


def _check_bars_itself(state: State, command: DeclareAffiliation, barred: Iterable[ParticipantSuspended]) -> None:
    """Refuse (NOT_PERMITTED) a member's word by which others of its group would be suspended: rivals, if it lies."""
    joined = {*members_of(state, command.participant_id), *members_of(state, command.affiliate_id)} - {command.actor}
    others = [event.participant_id for event in barred if event.participant_id in joined]
    if others:
        what = f"it would suspend {', '.join(others)} as affiliated with the exchange"
        remedy = "Send the evidence to the operator or a regulator, who may declare it."
        raise Refusal(Code.NOT_PERMITTED, what, where="affiliate_id", remedy=remedy)


def _end_affiliation(state: State, command: EndAffiliation) -> Decision:
    pair = _pair_of(state, command)
    if pair not in state.people.affiliations:
        what = f"{pair[0]!r} and {pair[1]!r} are not declared as affiliated"
        raise Refusal(Code.NOT_FOUND, what, where="affiliate_id", remedy="Name a declared pair.")
    of_exchange = any(state.participants[member].role == "operator" for member in members_of(state, pair[0]))
    if of_exchange and not is_regulator(state, command.actor):
        what = "the operator belongs to this group, and cannot say itself who has left it"
        raise Refusal(Code.NOT_PERMITTED, what, where="participant_id", remedy="Let the regulator end the affiliation.")
    return (AffiliationEnded(*pair, command.evidence),)


def _pair_of(state: State, command: DeclareAffiliation | EndAffiliation) -> Pair:
    """Return the two in order; refuses whoever is not admitted, and one who would be its own affiliate."""
    participant(state, command.participant_id)
    participant(state, command.affiliate_id, "affiliate_id")
    if command.participant_id == command.affiliate_id:
        what = f"{command.participant_id!r} is named twice"
        raise Refusal(Code.SELF_LOOP, what, where="affiliate_id", remedy="Name two participants.")
    first, second = sorted((command.participant_id, command.affiliate_id))
    return first, second


def groups(pairs: Iterable[Pair]) -> dict[str, str]:
    """Return for each member of a pair the smallest member of its connected component.

    >>> groups([("b", "c"), ("a", "b"), ("x", "y")])
    {'a': 'a', 'b': 'a', 'c': 'a', 'x': 'x', 'y': 'x'}
    """
    found: dict[str, str] = {}
    for first, second in sorted(pairs):
        one, other = found.setdefault(first, first), found.setdefault(second, second)
        least, most = min(one, other), max(one, other)
        found.update({member: least for member, group in found.items() if group == most})
    return dict(sorted(found.items()))


def _barred_by(state: State, declared: AffiliationDeclared, at_ns: int) -> Iterator[ParticipantSuspended]:
    """Suspend the members that an affiliation makes one with the exchange, where the rulebook forbids it.

    Whoever is suspended through a day would trade again after it: that suspension gets no end, and stays whose it was.
    Source: Law on commodity exchanges, article 11(3).
    """
    if state.rulebook is None:
        return
    rules = rules_in_force(state, at_ns)
    after = _affiliation_declared(state, declared)
    for member in _barred(after, rules):
        absence = state.people.absences.get(member)
        if standing(state, member, at_ns) == "active":
            yield ParticipantSuspended(member, AFFILIATED, None, None, rules.version)
        elif isinstance(absence, ParticipantSuspended) and absence.ends_at_ns is not None:
            yield ParticipantSuspended(member, AFFILIATED, None, None, rules.version, absence.actor)


def _barred(state: State, rules: InForce) -> tuple[str, ...]:
    """Return the members that are affiliated with the exchange, in order, where the rulebook forbids it."""
    if rules.word("exchange_affiliates") != "forbidden":
        return ()
    of_group, people = state.people.groups, state.participants
    operators = frozenset(of_group[who] for who in of_group if people[who].role == "operator")
    return tuple(who for who in sorted(of_group) if of_group[who] in operators and people[who].role in MEMBERS)


# --- Folding ----------------------------------------------------------------------------------------------------


def _participant_admitted(state: State, event: ParticipantAdmitted) -> State:
    return msgspec.structs.replace(state, participants=state.participants.insert(event.participant_id, event))


def _participant_classified(state: State, event: ParticipantClassified) -> State:
    changes = {field: getattr(event, field) for field in event.__struct_fields__}
    return _participant_admitted(state, msgspec.structs.replace(state.participants[event.participant_id], **changes))


def _absent(state: State, event: Absence) -> State:
    absences = state.people.absences.insert(event.participant_id, event)
    return msgspec.structs.replace(state, people=msgspec.structs.replace(state.people, absences=absences))


def _participant_reinstated(state: State, event: ParticipantReinstated) -> State:
    absences = state.people.absences.remove(event.participant_id)
    return msgspec.structs.replace(state, people=msgspec.structs.replace(state.people, absences=absences))


def _affiliation_declared(state: State, event: AffiliationDeclared) -> State:
    pair = (event.participant_id, event.affiliate_id)
    return _with_affiliations(state, state.people.affiliations.insert(pair, event))


def _affiliation_ended(state: State, event: AffiliationEnded) -> State:
    pair = (event.participant_id, event.affiliate_id)
    return _with_affiliations(state, state.people.affiliations.remove(pair))


def _with_affiliations(state: State, affiliations: Map[Pair, AffiliationDeclared]) -> State:
    people = msgspec.structs.replace(state.people, affiliations=affiliations, groups=Map(groups(affiliations.keys())))
    return msgspec.structs.replace(state, people=people)


TOPIC: Final = Topic(
    permitted=MappingProxyType(
        {
            AdmitParticipant: ("operator", "regulator"),
            ClassifyParticipant: ("operator",),
            SuspendParticipant: ("operator", "regulator"),
            ReinstateParticipant: ("operator", "regulator"),
            ExcludeParticipant: ("operator", "regulator"),
            DeclareAffiliation: ("operator", "regulator", "seller", "buyer"),
            EndAffiliation: ("operator", "regulator"),
        }
    ),
    deciders=MappingProxyType(
        {
            AdmitParticipant: _admit_participant,
            ClassifyParticipant: _classify_participant,
            SuspendParticipant: _suspend_participant,
            ReinstateParticipant: _reinstate_participant,
            ExcludeParticipant: _exclude_participant,
            DeclareAffiliation: _declare_affiliation,
            EndAffiliation: _end_affiliation,
        }
    ),
    evolvers=MappingProxyType(
        {
            ParticipantAdmitted: _participant_admitted,
            ParticipantClassified: _participant_classified,
            ParticipantSuspended: _absent,
            ParticipantExcluded: _absent,
            ParticipantReinstated: _participant_reinstated,
            AffiliationDeclared: _affiliation_declared,
            AffiliationEnded: _affiliation_ended,
        }
    ),
    followers=MappingProxyType({ParticipantSuspended: (_orders_leave,), ParticipantExcluded: (_orders_leave,)}),
    while_suspended=(DeclareAffiliation,),
)
