"""A small country for the tests of the venue: two plants, two provinces, their people, their rules, and a desk."""

from typing import Any, NamedTuple

import msgspec
from tests.auditor import Auditor

from naryq import exchange
from naryq.messages import (
    AdmitParticipant,
    AdoptRulebook,
    AnyCommand,
    AnyEvent,
    Code,
    DatedValue,
    Entry,
    LegalSource,
    Link,
    OpenSession,
    Place,
    Refused,
    ReportRetailTerms,
    Rule,
    RulebookText,
    RuleValue,
    canonical,
    decode_entry,
    decode_events,
    encode,
)
from naryq.rulebook import CATALOGUE, digest_of
from naryq.units import instant_ns

ASTANA_MINUTES = 360
DAY = "2021-12-31"
MONTH = "2022-01"
SOURCE = LegalSource("An act", "https://law.example/act")

RULES: dict[str, RuleValue] = {
    "provinces": ("KZ-47", "KZ-23"),
    "platform_share": {"default": 10_000},
    "vat": 1_200,
    "density": 540,
    "lot": 36_000,
    "session_window_plan": "11:00-13:00",
    "session_window_other": "14:00-16:00",
    "utc_offset": ASTANA_MINUTES,
    "who_may_sell": ("seller",),
    "who_may_buy": ("buyer",),
    "tie_rule": "time",
    "price_rule": "middle",
}
"""One value of each rule that a venue cannot do without."""

PEOPLE = {
    "operator": "operator",
    "regulator": "regulator",
    "zhanaozen": "seller",
    "atyrau": "seller",
    "aktau": "buyer",
    "dossor": "buyer",
    "press": "observer",
}
PLACES = (Place("ZH", "plant"), Place("AT", "plant"), Place("KZ-47", "province"), Place("KZ-23", "province"))
LINKS = (Link("ZH", "KZ-47", 100, 2_000), Link("AT", "KZ-47", 100, 6_000), Link("AT", "KZ-23", 100, 1_000))


def dated(effective: str, known: str, value: RuleValue, until: str | None = None) -> DatedValue:
    """Return a dated value with a source."""
    return DatedValue(effective=effective, known=known, value=value, source=SOURCE, until=until)


def rulebook(name: str = "sample", **changes: Any) -> RulebookText:
    """Return the sample with rules changed or added: each a bare value, or a tuple of dated ones."""
    rules = tuple(_rule(rule, value) for rule, value in sorted({**RULES, **changes}.items()))
    return RulebookText(name=name, digest=digest_of(rules), rules=rules)


def _rule(rule: str, value: Any) -> Rule:
    given = isinstance(value, tuple) and isinstance(value[0], DatedValue)
    values = value if given else (dated("2021-01-01", "2020-12-01", value),)
    return Rule(rule, rule.replace("_", " "), CATALOGUE[rule].unit, values)


def instant(clock: str, day: str = DAY) -> int:
    """Return an instant of the small country's clock."""
    return instant_ns(day, clock, ASTANA_MINUTES)


class Answer(NamedTuple):
    """What a command caused, and what the auditor has to say about it."""

    events: tuple[AnyEvent, ...]
    findings: list[str]

    @property
    def code(self) -> Code | None:
        """The code of the refusal, or None when the command was taken."""
        first = self.events[0]
        return first.code if isinstance(first, Refused) else None


class Desk:
    """A venue in memory, with an auditor at its side, that stamps commands and answers repeats as the engine does."""

    def __init__(self) -> None:
        self.state = exchange.initial_state()
        self.rows: list[Entry] = []
        self.auditor = Auditor()
        self.findings: list[str] = []
        self.at_ns = 0

    def send(self, command: AnyCommand) -> Answer:
        """Give a command to the venue and its answer to the auditor."""
        known = exchange.sequence_of(self.state, command.actor, command.command_id)
        events = self._decided(command) if known is None else self._again(command, known)
        findings = self.auditor.observe(command, events)
        if known is None:
            findings += self.auditor.compare(self.state)
        self.findings += [f"row {self.state.sequence}, {type(command).__name__}: {finding}" for finding in findings]
        return Answer(events, findings)

    def _decided(self, command: AnyCommand) -> tuple[AnyEvent, ...]:
        events = exchange.decide(self.state, command)
        assert decode_events(canonical(events)) == events, "the engine stops at an event that it cannot read back"
        entry = Entry(self.state.sequence + 1, command, events)
        self.rows.append(entry)
        self.state = exchange.apply(self.state, entry)
        return events

    def _again(self, command: AnyCommand, known: int) -> tuple[AnyEvent, ...]:
        row = self.rows[known - 1]
        same = replaced(command, at_ns=row.command.at_ns) == row.command
        return row.events if same else (Refused(code=Code.COMMAND_ID_REUSED, what="another command"),)

    def give(self, kind: Any, actor: str, /, **fields: Any) -> Answer:
        """Make a command of a kind, stamped with the next number and the desk's time, and send it."""
        stamp = {"command_id": f"c{len(self.rows) + 1}", "actor": actor, "at_ns": self.at_ns}
        return self.send(kind(**{**stamp, **fields}))

    def must(self, kind: Any, actor: str, /, **fields: Any) -> Any:
        """Send a command that the venue has no reason to refuse, and return its first event."""
        answer = self.give(kind, actor, **fields)
        assert answer.code is None, f"the test sent what the venue refuses: {answer.events[0]}"
        return answer.events[0]

    def read_back(self) -> exchange.State:
        """Return the state that the journal's rows lead to, written and read as bytes."""
        state = exchange.initial_state()
        for entry in self.rows:
            state = exchange.apply(state, decode_entry(encode(entry)))
        return state

    def branch(self) -> "Desk":
        """Return a desk that goes on from here by itself."""
        other = Desk()
        other.state, other.at_ns = self.state, self.at_ns
        other.rows = list(self.rows)
        other.auditor = self.auditor.copy()
        return other


def founded(text: RulebookText | None = None, day: str = DAY) -> Desk:
    """Return a desk whose people are admitted and whose rulebook is in force, at nine in the morning."""
    desk = Desk()
    desk.at_ns = instant("09:00", day)
    for person, role in PEOPLE.items():
        desk.must(AdmitParticipant, "operator", participant_id=person, name=person.title(), role=role)
    desk.must(AdoptRulebook, "regulator", rulebook=text or rulebook())
    return desk


def opening(session_id: str = "call", **changes: Any) -> dict[str, Any]:
    """Return the fields of an `OpenSession`."""
    fields = {
        "session_id": session_id,
        "day": DAY,
        "window": "plan",
        "delivery_month": MONTH,
        "places": PLACES,
        "links": LINKS,
    }
    return {**fields, **changes}


def opened(text: RulebookText | None = None, **changes: Any) -> Desk:
    """Return a desk with an open session, at the first instant of its window."""
    desk = founded(text)
    event = desk.must(OpenSession, "operator", **opening(**changes))
    desk.at_ns = event.opens_at_ns
    return desk


def terms(province: str, **changes: Any) -> dict[str, Any]:
    """Return the fields of a `ReportRetailTerms`."""
    fields = {
        "delivery_month": MONTH,
        "province": province,
        "depot_tenge_per_tonne": 6_000,
        "station_margin_tiyn_per_litre": 3_100,
        "plan_pass_on_basis_points": 0,
    }
    return {**fields, **changes}


def report_terms(desk: Desk, month: str = MONTH) -> None:
    """Report the retail terms of both provinces."""
    for province in ("KZ-47", "KZ-23"):
        desk.must(ReportRetailTerms, "operator", **terms(province, delivery_month=month))


def order(order_id: str, place: str, side: str, *, price: int, lots: int, session_id: str = "call") -> dict[str, Any]:
    """Return the fields of a `SubmitOrder`."""
    return {
        "session_id": session_id,
        "order_id": order_id,
        "place": place,
        "side": side,
        "price_tenge_per_tonne": price,
        "quantity_lots": lots,
    }


def replaced(command: AnyCommand, **changes: Any) -> Any:
    """Return a command with some fields changed."""
    return msgspec.structs.replace(command, **changes)
