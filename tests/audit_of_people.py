"""The auditor's register of people, by a second author: who is admitted, absent and affiliated, in plain Python."""

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from naryq import messages as m
from naryq.messages import Code

SELLERS = ("producer", "tolling_owner", "importer")
BUYERS = ("gas_network_organisation", "industrial_consumer", "depot_owner", "station_owner")


def role_of(name: str) -> str:
    """Return the role under which a class takes part."""
    return "seller" if name in SELLERS else "buyer" if name in BUYERS else "observer"


@dataclass
class Register:
    """What the events have told of people."""

    classes: dict[str, str] = field(default_factory=dict)
    provinces: dict[str, tuple[str, ...]] = field(default_factory=dict)
    absent: dict[str, Any] = field(default_factory=dict)
    pairs: set[tuple[str, str]] = field(default_factory=set)

    def copy(self) -> "Register":
        """Return a register that goes its own way."""
        return Register(**{name: copy(value) for name, value in vars(self).items()})

    def fold(self, event: Any) -> None:
        """Write down what an event says."""
        match event:
            case m.ParticipantAdmitted() | m.ParticipantClassified():
                self.classes[event.participant_id] = event.participant_class or "unclassed"
                self.provinces[event.participant_id] = event.provinces
            case m.ParticipantSuspended() | m.ParticipantExcluded():
                self.absent[event.participant_id] = event
            case m.ParticipantReinstated():
                del self.absent[event.participant_id]
            case m.AffiliationDeclared():
                self.pairs.add((event.participant_id, event.affiliate_id))
            case m.AffiliationEnded():
                self.pairs.remove((event.participant_id, event.affiliate_id))

    def kept_out(self, who: str, at_ns: int) -> Code | None:
        """Say why somebody may not act, or None."""
        event = self.absent.get(who)
        if isinstance(event, m.ParticipantExcluded):
            return Code.EXCLUDED
        return Code.SUSPENDED if event and (event.ends_at_ns is None or at_ns < event.ends_at_ns) else None

    def group(self, who: str) -> set[str]:
        """Walk from one to all that are affiliated."""
        reached, waiting = {who}, [who]
        while waiting:
            one = waiting.pop()
            near = {other for pair in self.pairs if one in pair for other in pair} - reached
            reached |= near
            waiting += near
        return reached


def wrong(books: Any, command: Any) -> Iterator[Code]:
    """Yield every code for which a command about people must be refused."""
    match command:
        case m.AdmitParticipant():
            yield from _wrong_admission(books, command)
            if command.participant_id in books.people:
                yield Code.ALREADY_EXISTS
            if command.participant_class or command.provinces:
                yield from _wrong_class(books, command, command.role)
        case m.ClassifyParticipant():
            if command.participant_id not in books.people:
                yield Code.UNKNOWN_PARTICIPANT
            yield from _wrong_class(books, command, books.people.get(command.participant_id))
        case m.SuspendParticipant() | m.ExcludeParticipant():
            yield from _wrong_removal(books, command)
        case m.ReinstateParticipant():
            yield from _wrong_return(books, command)
        case _:
            yield from _wrong_pair(books, command)


def _wrong_admission(books: Any, command: m.AdmitParticipant) -> Iterator[Code]:
    by_regulator = books.people.get(command.actor) == "regulator"
    has_regulator = "regulator" in books.people.values()
    if has_regulator and by_regulator != (command.role == "regulator"):
        yield Code.NOT_PERMITTED


def _wrong_pair(books: Any, command: Any) -> Iterator[Code]:
    pair = tuple(sorted((command.participant_id, command.affiliate_id)))
    declared, ends = pair in books.register.pairs, isinstance(command, m.EndAffiliation)
    if any(one not in books.people for one in pair):
        yield Code.UNKNOWN_PARTICIPANT
    if pair[0] == pair[1]:
        yield Code.SELF_LOOP
    if ends and not declared:
        yield Code.NOT_FOUND
    if declared and not ends:
        yield Code.ALREADY_EXISTS
    if not ends and books.people[command.actor] in ("seller", "buyer"):
        if command.actor not in pair:
            yield Code.NOT_PERMITTED
        yield from _accuses(books, command)
    of_exchange = any(books.people.get(one) == "operator" for one in books.register.group(pair[0]))
    if ends and declared and of_exchange and books.people[command.actor] != "regulator":
        yield Code.NOT_PERMITTED


def _accuses(books: Any, command: m.DeclareAffiliation) -> Iterator[Code]:
    """A member that declares its affiliates suspends nobody but itself by that."""
    pair = (command.participant_id, command.affiliate_id)
    if (
        pair[0] != pair[1]
        and all(one in books.people for one in pair)
        and tuple(sorted(pair)) not in books.register.pairs
    ):
        joined = books.register.group(pair[0]) | books.register.group(pair[1])
        hit = {event.participant_id for event in _declared(books, command)[1]}
        if hit & (joined - {command.actor}):
            yield Code.NOT_PERMITTED


def _wrong_class(books: Any, command: Any, role: str | None) -> Iterator[Code]:
    if books.rulebook is None:
        yield Code.NO_RULEBOOK
        return
    today = books.day(command.at_ns)
    if command.participant_class and role_of(command.participant_class) != role:
        yield Code.OUT_OF_RANGE
    if not set(command.provinces) <= set(books.rule("provinces", today, today)):
        yield Code.UNKNOWN_PLACE
    asked = books.value("admission", today, today) or {}
    shown = {one.credential: one.since for one in command.shown}
    for words, years in asked.items():
        name, credential = words.split(".")
        if name == command.participant_class:
            since = shown.get(credential)
            if since is not None and not is_day(since):
                yield Code.OUT_OF_RANGE
            elif since is None or years_later(since, years) > today:
                yield Code.CREDENTIAL_MISSING


def _wrong_removal(books: Any, command: Any) -> Iterator[Code]:
    role = books.people.get(command.participant_id)
    if books.rulebook is None:
        yield Code.NO_RULEBOOK
    if role is None:
        yield Code.UNKNOWN_PARTICIPANT
    if role in ("operator", "regulator"):
        yield Code.NOT_PERMITTED
    if isinstance(books.register.absent.get(command.participant_id), m.ParticipantExcluded):
        yield Code.EXCLUDED
    yield from _overruled(books, command)
    until = getattr(command, "until", None)
    if until and books.rulebook:
        if not is_day(until) or until < books.day(command.at_ns):
            yield Code.OUT_OF_RANGE
        if barred(books, command.participant_id, books.day(command.at_ns)):
            yield Code.NOT_PERMITTED


def _overruled(books: Any, command: Any) -> Iterator[Code]:
    """Only a regulator ends or changes what a regulator has ordered, as long as it lasts."""
    who = command.participant_id
    by_regulator = who in books.register.absent and books.people.get(books.register.absent[who].actor) == "regulator"
    if by_regulator and books.register.kept_out(who, command.at_ns) is Code.SUSPENDED:
        yield from (Code.NOT_PERMITTED,) if books.people[command.actor] != "regulator" else ()


def _wrong_return(books: Any, command: Any) -> Iterator[Code]:
    who = command.participant_id
    if books.rulebook is None:
        yield Code.NO_RULEBOOK
        return
    absence = books.register.absent.get(who)
    if who not in books.people:
        yield Code.UNKNOWN_PARTICIPANT
    elif absence is None:
        yield Code.NOT_FOUND
    elif isinstance(absence, m.ParticipantExcluded) and (
        absence.ends_at_ns is None or command.at_ns < absence.ends_at_ns
    ):
        yield Code.EXCLUDED
    if barred(books, who, books.day(command.at_ns)):
        yield Code.NOT_PERMITTED
    yield from _overruled(books, command)


def barred(books: Any, who: str, today: str) -> bool:
    """Tell whether somebody who trades belongs to the exchange, where that is forbidden."""
    forbidden = books.rule("exchange_affiliates", today, today) == "forbidden"
    of_exchange = any(books.people[one] == "operator" for one in books.register.group(who) if one in books.people)
    return forbidden and of_exchange and books.people.get(who) in ("seller", "buyer")


def expected(books: Any, command: Any) -> tuple[m.AnyEvent, ...]:
    """Return all the events that a command about people must cause."""
    version = books.version if books.rulebook else ""
    match command:
        case m.AdmitParticipant() | m.ClassifyParticipant():
            return (_admitted(command, version),)
        case m.SuspendParticipant() | m.ExcludeParticipant():
            return (_removed(books, command), *_leaving(books, _removed(books, command)))
        case m.ReinstateParticipant():
            return (m.ParticipantReinstated(command.participant_id, command.reason),)
        case m.EndAffiliation():
            first, second = sorted((command.participant_id, command.affiliate_id))
            return (m.AffiliationEnded(first, second, command.evidence),)
    return _affiliated(books, command)


def _admitted(command: Any, version: str) -> m.AnyEvent:
    fields = {
        "participant_id": command.participant_id,
        "participant_class": command.participant_class,
        "provinces": command.provinces,
        "shown": command.shown,
    }
    if isinstance(command, m.ClassifyParticipant):
        return m.ParticipantClassified(**fields, rulebook_version=version)
    judged = version if command.participant_class or command.provinces else ""
    return m.ParticipantAdmitted(**fields, name=command.name, role=command.role, rulebook_version=judged)


def _absence(command: Any) -> Any:
    return m.ParticipantExcluded if isinstance(command, m.ExcludeParticipant) else m.ParticipantSuspended


def _removed(books: Any, command: Any) -> m.AnyEvent:
    today, kind = books.day(command.at_ns), _absence(command)
    if isinstance(command, m.ExcludeParticipant):
        years = books.rule("exclusion", today, today)
        until = years_later(today, years) if years else None
    else:
        until = command.until
    ends = books.midnight_after(until, command.at_ns) if until else None
    event: m.AnyEvent = kind(command.participant_id, command.reason, until, ends, books.version, command.actor)
    return event


def _affiliated(books: Any, command: m.DeclareAffiliation) -> tuple[m.AnyEvent, ...]:
    declared, suspended = _declared(books, command)
    followed: list[m.AnyEvent] = [declared]
    for event in suspended:
        followed += [event, *_leaving(books, event)]
    return tuple(followed)


def _declared(
    books: Any, command: m.DeclareAffiliation
) -> tuple[m.AffiliationDeclared, tuple[m.ParticipantSuspended, ...]]:
    """Return a declaration with the suspensions that it brings: without an end, also where one through a day lasts."""
    first, second = sorted((command.participant_id, command.affiliate_id))
    declared = m.AffiliationDeclared(first, second, command.evidence)
    if books.rulebook is None:
        return declared, ()
    after, today = books.copy(), books.day(command.at_ns)
    after.fold(declared, command.at_ns)
    suspended = []
    for who in sorted(books.people):
        lasting = after.register.absent[who] if after.register.kept_out(who, command.at_ns) else None
        if barred(after, who, today) and (lasting is None or _ends_by_itself(lasting)):
            by = "" if lasting is None else lasting.actor
            fields = (who, "affiliated with the exchange", None, None, books.version, by)
            suspended.append(m.ParticipantSuspended(*fields))
    return declared, tuple(suspended)


def _ends_by_itself(absence: Any) -> bool:
    return isinstance(absence, m.ParticipantSuspended) and absence.ends_at_ns is not None


def _leaving(books: Any, event: Any) -> Iterator[m.OrderCancelled]:
    what = "excluded" if isinstance(event, m.ParticipantExcluded) else "suspended"
    for name, call in sorted(books.calls.items()):
        if call.phase in {"collecting", "call", "continuous", "halted"}:
            for order in call.orders.values():
                if order.participant_id == event.participant_id:
                    yield m.OrderCancelled(name, order.order_id, f"participant {what}: {event.reason}")


def years_later(day: str, years: int) -> str:
    """Return the day of the same date, or the last one before it."""
    start = date.fromisoformat(day)
    for back in (0, 1):
        try:
            return (start - timedelta(days=back)).replace(year=start.year + years).isoformat()
        except ValueError:
            continue
    raise AssertionError(f"{day} has no such day {years} years later")


def is_day(text: str) -> bool:
    """Tell whether a text is a day of the calendar that the venue's clock reaches."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).year < 2262
    except ValueError:
        return False
