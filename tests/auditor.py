"""An auditor of the venue, written by a second author from `messages.py` and the docstrings alone, in plain Python.

It follows a stream of (command, events), predicts which answers are permissible, and says in words what is wrong:
an answer that no rule explains, an event that tells something else than its command, money or gas made or lost, a
price that is not uniform, optimal or within its limits, a pump price whose steps, step, cap or fund do not add up.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from copy import copy
from itertools import chain
from typing import Any, get_args

from msgspec import structs
from tests import (
    audit_of_bands,
    audit_of_limits,
    audit_of_orders,
    audit_of_people,
    audit_of_plans,
    audit_of_prices,
    audit_of_rules,
    audit_of_sessions,
    audit_of_supply,
    audit_of_trading,
)
from tests.audit_of_prices import Books, Call
from tests.naive_money import NaiveMoney

from naryq import messages as m
from naryq.exchange.people import group_of
from naryq.messages import Code
from naryq.messages.money import MoneyCommand, MoneyEvent

PERMITTED: dict[type, set[str]] = {
    m.AdmitParticipant: {"operator", "regulator"},
    m.ClassifyParticipant: {"operator"},
    m.SuspendParticipant: {"operator", "regulator"},
    m.ReinstateParticipant: {"operator", "regulator"},
    m.ExcludeParticipant: {"operator", "regulator"},
    m.DeclareAffiliation: {"operator", "regulator", "seller", "buyer"},
    m.EndAffiliation: {"operator", "regulator"},
    m.AdoptRulebook: {"regulator"},
    m.OpenSession: {"operator"},
    m.SubmitOrder: {"seller", "buyer"},
    m.AmendOrder: {"seller", "buyer"},
    m.CancelOrder: {"seller", "buyer"},
    m.CancelAll: {"operator", "seller", "buyer"},
    m.ListInstrument: {"operator"},
    m.DelistInstrument: {"operator"},
    m.DeclareHolidays: {"operator"},
    m.ScheduleSessions: {"operator"},
    m.ChangePhase: {"operator"},
    m.NextRound: {"operator"},
    m.PublishSession: {"operator"},
    m.CloseSession: {"operator"},
    m.ClearSession: {"operator"},
    m.StopTrading: {"operator", "regulator"},
    m.ResumeTrading: {"operator", "regulator"},
    m.Deposit: {"operator"},
    m.Withdraw: {"operator"},
    m.EndowFund: {"operator"},
    m.PayObligation: {"operator", "seller", "buyer"},
    m.ReportShipment: {"operator", "seller"},
    m.ConfirmReceipt: {"operator", "seller", "buyer"},
    m.DeclareDefault: {"operator"},
    m.RefundObligation: {"operator"},
    m.ReportParity: {"operator", "regulator"},
    m.ClaimCompensation: {"seller"},
    m.DecideClaim: {"regulator"},
    m.PlanSupply: {"regulator"},
    m.ReportRetailTerms: {"operator", "regulator"},
    m.PublishPrices: {"operator"},
    m.ProposeRuleChange: {"operator", "regulator"},
    m.WithdrawProposal: {"operator", "regulator"},
    m.AssessProposal: {"operator", "regulator"},
    m.ApproveProposal: {"operator", "regulator"},
    m.RejectProposal: {"operator", "regulator"},
    m.DeclareEmergency: {"regulator"},
    m.ConfirmEmergency: {"operator", "regulator"},
    m.CloseFlag: {"regulator"},
    **audit_of_supply.PERMITTED,
}
"""Who may do what: whoever is not named here may not."""

WORDS = ("name", "reason", "evidence", "statement", "correction", "maintenance", "base_source")
"""Under what a command says something in words."""

RULE_COMMANDS = {
    m.AdoptRulebook,
    m.CloseFlag,
    m.ProposeRuleChange,
    m.WithdrawProposal,
    m.AssessProposal,
    m.ApproveProposal,
    m.RejectProposal,
    m.DeclareEmergency,
    m.ConfirmEmergency,
}
"""The commands by which rules change, which `audit_of_rules` judges."""

EVEN_ABSENT = {
    m.CancelOrder,
    m.CancelAll,
    m.DeclareAffiliation,
    m.PayObligation,
    m.ReportShipment,
    m.ConfirmReceipt,
    m.ClaimCompensation,
    *audit_of_supply.EVEN_ABSENT,
}
"""What whoever is suspended or excluded may still send."""

OF_PEOPLE = (
    m.AdmitParticipant
    | m.ClassifyParticipant
    | m.SuspendParticipant
    | m.ReinstateParticipant
    | m.ExcludeParticipant
    | m.DeclareAffiliation
    | m.EndAffiliation
)

ROOM_LOTS = 9_000_000_000
"""What a session may hold in all, so that it can always be cleared within 64 bits."""

EVENTS: dict[type, tuple[type, ...]] = {
    m.AdoptRulebook: (m.RulebookAdopted,),
    m.OpenSession: (m.SessionOpened,),
    m.SubmitOrder: (m.OrderAccepted,),
    m.CancelOrder: (m.OrderCancelled,),
    m.CloseSession: (m.SessionClosed,),
    m.ClearSession: (m.SessionCleared, m.SessionEnded),
    m.StopTrading: (m.TradingStopped,),
    m.ResumeTrading: (m.TradingResumed,),
    m.Deposit: (m.Deposited,),
    m.Withdraw: (m.Withdrawn,),
    m.EndowFund: (m.FundEndowed,),
    m.PayObligation: (m.ObligationPaid,),
    m.ReportShipment: (m.ShipmentReported,),
    m.ConfirmReceipt: (m.ReceiptConfirmed,),
    m.DeclareDefault: (m.DefaultDeclared,),
    m.RefundObligation: (m.ObligationRefunded,),
    m.ReportParity: (m.ParityReported,),
    m.ClaimCompensation: (m.CompensationClaimed,),
    m.DecideClaim: (m.ClaimDecided,),
    m.PlanSupply: (m.SupplyPlanned,),
    m.ReportRetailTerms: (m.RetailTermsReported,),
    m.PublishPrices: (m.PricesPublished,),
    m.ProposeRuleChange: (m.RuleChangeProposed,),
    m.WithdrawProposal: (m.ProposalWithdrawn,),
    m.AssessProposal: (m.ProposalAssessed,),
    m.ApproveProposal: (m.ProposalApproved, m.RulebookAdopted),
    m.RejectProposal: (m.ProposalRejected,),
    m.DeclareEmergency: (m.EmergencyDeclared, m.RulebookAdopted),
    m.ConfirmEmergency: (m.EmergencyConfirmed,),
    m.CloseFlag: (m.FlagClosed,),
}
"""What a command causes, in order, but for what follows in money: that is judged by the naive ledger."""
MONEY_COMMANDS = get_args(MoneyCommand)
MONEY_EVENTS = get_args(MoneyEvent)


class Auditor:
    """Everything that the commands and events so far have said, and the judgement of the next."""

    def __init__(self) -> None:
        self.books = Books()
        self.money = NaiveMoney()
        self.answers: dict[tuple[str, str], tuple[m.AnyCommand, tuple[m.AnyEvent, ...]]] = {}
        """Sender and command_id -> the command, and what it was answered."""
        self.at_ns = 0
        self.seen: Counter[str] = Counter()

    def copy(self) -> "Auditor":
        """Return an auditor that knows the same and goes its own way."""
        other = copy(self)
        other.money = self.money.copy()
        other.books, other.answers, other.seen = self.books.copy(), dict(self.answers), Counter(self.seen)
        return other

    def observe(self, command: m.AnyCommand, events: tuple[m.AnyEvent, ...]) -> list[str]:
        """Judge an answer and remember it."""
        if (command.actor, command.command_id) in self.answers:
            return list(self._repeat(command, events))
        findings = list(self._judge(command, events))
        self.answers[command.actor, command.command_id] = (command, events)
        if isinstance(events[0], m.Refused):
            for witness in events[1:]:
                self.books.limits.fold(witness)
        if not findings and not isinstance(events[0], m.Refused):
            self.at_ns = command.at_ns
            for event in events:
                self.books.fold(event, self.at_ns)
                self.books.changes.fold(event, len(self.answers))
                self.seen.update(_sights(event, self.books))
            findings += self.books.unbalanced()
            findings += self.money.follow(self.books, command, events)
        return findings

    def compare(self, state: Any) -> Iterator[str]:
        """Say where the venue's own state differs from what its events have told."""
        balances = {key: amount for key, amount in state.balances.items() if amount}
        if balances != {key: amount for key, amount in self.books.balances.items() if amount}:
            yield "the venue's accounts are not what was booked"
        yield from self.money.differences(self.books, state.money)
        if state.at_ns != self.at_ns:
            yield f"the venue's clock says {state.at_ns}, the last command taken {self.at_ns}"
        if state.reference_tenge_per_tonne != self.books.reference:
            yield f"the reference is {state.reference_tenge_per_tonne}, not {self.books.reference}"
        for person in self.books.people:
            if group_of(state, person) != min(self.books.register.group(person)):
                yield f"{person} is in another group than the declared pairs say"
        for name, call in self.books.calls.items():
            standing = [order.order_id for _, order in sorted(state.sessions[name].orders.items())]
            if standing != list(call.orders) or state.sessions[name].phase != call.phase:
                yield f"session {name} holds other orders or is in another phase than its events say"

    def _repeat(self, command: m.AnyCommand, events: tuple[m.AnyEvent, ...]) -> Iterator[str]:
        first, answer = self.answers[command.actor, command.command_id]
        command = structs.replace(command, at_ns=first.at_ns)  # A repeat is sent later.
        if command == first and events != answer:
            yield "a repeated command is answered otherwise than before"
        if command != first and getattr(events[0], "code", None) != Code.COMMAND_ID_REUSED:
            yield "a command_id serves two commands of one sender"

    def _judge_trading(self, command: m.AnyCommand, events: tuple[m.AnyEvent, ...]) -> Iterator[str]:
        """Judge what concerns an instrument or a plan: who may is certain, and why an order is refused."""
        denied = Code.TIME_BACKWARD if command.at_ns < self.at_ns else self._denied(command)
        code = events[0].code if isinstance(events[0], m.Refused) else None
        self.seen[f"{type(command).__name__} {code or ''}".strip()] += 1
        if denied is not None and code != denied:
            yield f"answered with {code or 'events'}, though {denied}"
            return
        if denied is None and isinstance(command, audit_of_orders.COMMANDS):
            yield from audit_of_orders.judged(self.books, self.money, command, events)
        elif denied is None:
            judge = audit_of_plans if isinstance(command, audit_of_supply.COMMANDS) else audit_of_sessions
            yield from judge.judged(self.books, command, events)
        if isinstance(events[0], m.Refused):
            yield from audit_of_limits.beside_refusal(self.books, command, events[0], events[1:])
        elif isinstance(command, audit_of_supply.COMMANDS):
            yield from audit_of_supply.judged(events)
        else:
            yield from audit_of_trading.judged(self.books, events)
            yield from audit_of_limits.counted_in_trade(self.books, events)
            yield from audit_of_bands.judged(self.books, events)
            yield from audit_of_sessions.rebased(self.books, events)

    def _judge(self, command: m.AnyCommand, events: tuple[m.AnyEvent, ...]) -> Iterator[str]:
        if isinstance(command, audit_of_supply.COMMANDS) or audit_of_trading.concerns(self.books, command):
            yield from self._judge_trading(command, events)
            return
        permissible = self.permissible(command)
        head = events[0]
        if isinstance(head, m.Refused):
            self.seen[f"{type(command).__name__} {head.code}"] += 1
            if head.code not in permissible:
                yield f"refused with {head.code} ({head.what}); permissible: {sorted(permissible) or 'none'}"
            yield from audit_of_limits.beside_refusal(self.books, command, head, events[1:])
            return
        self.seen[type(command).__name__] += 1
        if permissible:
            yield f"accepted, though {sorted(permissible)}"
            return
        yield from self._told(command, events)

    # --- Which refusals are justified ---------------------------------------------------------------------------

    def permissible(self, command: m.AnyCommand) -> set[Code]:
        """Return every code for which this command must be refused now; none says that it must be taken."""
        if command.at_ns < self.at_ns:
            return {Code.TIME_BACKWARD}
        denied = self._denied(command)
        return {denied} if denied else set(self._wrong(command))

    def _denied(self, command: m.AnyCommand) -> Code | None:
        people = self.books.people
        if not people and isinstance(command, m.AdmitParticipant):
            founds = command.role == "operator" and command.actor == command.participant_id
            return None if founds else Code.NOT_PERMITTED
        if command.actor not in people:
            return Code.UNKNOWN_PARTICIPANT
        if people[command.actor] not in PERMITTED[type(command)]:
            return Code.NOT_PERMITTED
        absent = self.books.register.kept_out(command.actor, command.at_ns)
        if absent and type(command) not in EVEN_ABSENT:
            return absent
        return Code.WORDS_MISSING if any(map(_shows_nothing, _words(command))) else None

    def _wrong(self, command: m.AnyCommand) -> Iterator[Code]:
        yield from self.money.wrong(self.books, command)
        yield from audit_of_limits.wrong(self.books, command, list(self._lacks(command, None)))
        match command:
            case _ if isinstance(command, OF_PEOPLE):
                yield from audit_of_people.wrong(self.books, command)
            case _ if type(command) in RULE_COMMANDS:
                yield from self._wrong_about_rules(command)
            case m.OpenSession():
                yield from audit_of_sessions.wrong_opening(self.books, command)
            case m.SubmitOrder():
                yield from self._wrong_order(command)
            case m.CancelOrder():
                yield from self._wrong_session(command, "collecting", "halted") or self._wrong_cancellation(command)
            case m.CloseSession():
                yield from self._wrong_session(command, "collecting", "halted") or self._too_early(command)
            case m.ClearSession():
                yield from self._wrong_clearing(command)
            case m.PlanSupply() | m.ReportRetailTerms():
                yield from self._wrong_report(command)
            case m.PublishPrices():
                yield from self._wrong_session(command, "cleared") or self._wrong_publication(command)
            case _:
                pass

    def _wrong_about_rules(self, command: m.AnyCommand) -> Iterator[Code]:
        lacks = [] if isinstance(command, m.AdoptRulebook | m.CloseFlag) else list(self._lacks(command, None))
        yield from lacks or audit_of_rules.wrong(self.books, command)

    def _lacks(self, command: m.AnyCommand, effective: str | None, *rules: str) -> Iterator[Code]:
        return audit_of_sessions.lacking(self.books, command.at_ns, effective, *rules)

    def _wrong_session(self, command: Any, *phases: str) -> list[Code]:
        call = self.books.calls.get(command.session_id)
        if call is None:
            return [Code.UNKNOWN_SESSION]
        return [] if call.phase in phases else [Code.WRONG_PHASE]

    def _wrong_order(self, command: m.SubmitOrder) -> Iterator[Code]:
        rule = {"buy": "who_may_buy", "sell": "who_may_sell"}[command.side]
        lacks = list(self._lacks(command, None, rule))
        wrong = self._wrong_session(command, "collecting")
        yield from (*lacks, *wrong)
        today = self.books.day(command.at_ns)
        if not lacks and self.books.people[command.actor] not in self.books.rule(rule, today, today):
            yield Code.NOT_PERMITTED
        classes = self.books.rulebook and self.books.rule(rule.replace("who_may_", "platform_") + "ers", today, today)
        if classes and self.books.register.classes[command.actor] not in classes:
            yield Code.NOT_PERMITTED
        if command.order_id in self.books.order_ids:
            yield Code.DUPLICATE_ID
        if self.books.stopped(command.session_id, command.actor, command.place):
            yield Code.TRADING_STOPPED
        if not wrong:
            yield from _wrong_in_call(command, self.books.calls[command.session_id])
            yield from () if lacks else audit_of_limits.of_order(self.books, command)
            yield from self._wrong_province(command, self.books.calls[command.session_id].opened)

    def _wrong_province(self, command: m.SubmitOrder, opened: m.SessionOpened) -> Iterator[Code]:
        """Say whether a buyer bids in a province where it takes no delivery."""
        own = self.books.register.provinces[command.actor]
        provinces = {place.place for place in opened.places if place.kind == "province"}
        if command.side == "buy" and own and command.place in provinces - set(own):
            yield Code.OUTSIDE_REGION

    def _wrong_cancellation(self, command: m.CancelOrder) -> Iterator[Code]:
        order = self.books.calls[command.session_id].orders.get(command.order_id)
        if order is None:
            yield Code.UNKNOWN_ORDER
        elif order.participant_id != command.actor:
            yield Code.NOT_PERMITTED
        elif command.at_ns >= self.books.calls[command.session_id].opened.closes_at_ns:
            yield Code.OUTSIDE_WINDOW

    def _too_early(self, command: m.CloseSession) -> Iterator[Code]:
        if command.at_ns < self.books.calls[command.session_id].opened.closes_at_ns:
            yield Code.OUTSIDE_WINDOW

    def _wrong_clearing(self, command: m.ClearSession) -> Iterator[Code]:
        yield from self._lacks(command, None)
        yield from self._wrong_session(command, "closed")
        if self.books.stopped(command.session_id, "", ""):
            yield Code.TRADING_STOPPED

    def _wrong_report(self, command: Any) -> Iterator[Code]:
        month, planning = f"{command.delivery_month}-01", isinstance(command, m.PlanSupply)
        lacks = list(self._lacks(command, month))
        yield from lacks
        if lacks:
            return
        stands = (command.delivery_month, command.province) in (self.books.plans if planning else self.books.terms)
        yield from audit_of_supply.wrong_report(self.books, command, stands)
        today = self.books.day(command.at_ns)
        share = self.books.rule("platform_share", month, today, command.province)
        price = self.books.rule("wholesale_cap", month, today)
        if planning and (share is None or (self.books.parted(command.total_lots, share)[0] and price is None)):
            yield Code.RULE_MISSING

    def _wrong_publication(self, command: m.PublishPrices) -> Iterator[Code]:
        opened = self.books.calls[command.session_id].opened
        yield from self._lacks(command, f"{opened.delivery_month}-01", "vat", "density")
        provinces = {place.place for place in opened.places if place.kind == "province"}
        if any(self.books.published_until.get(province, "") >= opened.delivery_month for province in provinces):
            yield Code.ALREADY_EXISTS
        if any((opened.delivery_month, province) not in self.books.terms for province in provinces):
            yield Code.NO_PRICE
        yield from audit_of_limits.wrong_publication(self.books, command, self.books.day(command.at_ns))

    # --- What the events must say -------------------------------------------------------------------------------

    def _told(self, command: m.AnyCommand, events: tuple[m.AnyEvent, ...]) -> Iterator[str]:
        if isinstance(command, OF_PEOPLE):
            told = tuple(event for event in events if not isinstance(event, MONEY_EVENTS))
            if told != audit_of_people.expected(self.books, command):
                yield f"says {told}, not {audit_of_people.expected(self.books, command)}"
        elif not isinstance(command, MONEY_COMMANDS):
            yield from self._told_of_trade(command, events)
        elif type(events[0]) not in EVENTS[type(command)]:
            yield f"caused {type(events[0]).__name__}"

    def _told_of_trade(self, command: m.AnyCommand, events: tuple[m.AnyEvent, ...]) -> Iterator[str]:
        told = tuple(
            event for event in events if not isinstance(event, (*MONEY_EVENTS, m.SessionWatched, m.FlagRaised))
        )
        yield from audit_of_rules.flagged(self.books, events)
        kinds = audit_of_limits.own_kinds(command, told)
        expected = EVENTS[type(command)]
        if kinds != expected:
            yield f"caused {[kind.__name__ for kind in kinds]}"
            return
        fractions = [f"{where} is {value!r}, no integer" for where, value in chain(*map(_fractions, events))]
        if fractions:
            yield from fractions
            return
        match command:
            case m.ClearSession():
                against_delivery = self.money.terms[command.session_id]["settlement"] == "against_delivery"
                yield from audit_of_prices.cleared(self.books, command, events, against_delivery=against_delivery)
                yield from audit_of_limits.counted(self.books, command, events)
            case m.PublishPrices():
                yield from audit_of_prices.published(self.books, command, events)
            case _ if type(command) in RULE_COMMANDS - {m.AdoptRulebook}:
                yield from audit_of_rules.told(self.books, command, events)
            case m.StopTrading() | m.ResumeTrading() | m.ClaimCompensation() | m.DecideClaim():
                yield from audit_of_limits.told(self.books, command, events)
            case _:
                wanted = self._expected(command)
                if events[0] != wanted:
                    yield f"says {events[0]}, where the command and the rules say {wanted}"

    def _expected(self, command: Any) -> m.AnyEvent:
        make: dict[type, Callable[[Any], m.AnyEvent]] = {
            m.AdoptRulebook: lambda c: m.RulebookAdopted(c.rulebook, f"{c.rulebook.name}@{c.rulebook.digest[:12]}"),
            m.OpenSession: lambda c: audit_of_sessions.expected_opening(self.books, c),
            m.SubmitOrder: self._expected_order,
            m.CancelOrder: lambda c: m.OrderCancelled(c.session_id, c.order_id),
            m.CloseSession: lambda c: m.SessionClosed(c.session_id, "its window has ended"),
            m.ReportParity: lambda c: m.ParityReported(**_fields(c, m.ParityReported)),
            m.PlanSupply: self._expected_plan,
            m.ReportRetailTerms: self._expected_terms,
        }
        return make[type(command)](command)

    def _expected_order(self, command: m.SubmitOrder) -> m.OrderAccepted:
        return m.OrderAccepted(
            **_fields(command, m.OrderAccepted),
            participant_id=command.actor,
            submitted_at_ns=command.at_ns,
            rulebook_version=self.books.version,
        )

    def _expected_terms(self, command: m.ReportRetailTerms) -> m.RetailTermsReported:
        before = self.books.terms.get((command.delivery_month, command.province))
        names = ("depot_tenge_per_tonne", "station_margin_tiyn_per_litre", "plan_pass_on_basis_points")
        previous = audit_of_supply.figures(before, *names)
        return m.RetailTermsReported(**_fields(command, m.RetailTermsReported), previous=previous)

    def _expected_plan(self, command: m.PlanSupply) -> m.SupplyPlanned:
        month, today = f"{command.delivery_month}-01", self.books.day(command.at_ns)
        share = self.books.rule("platform_share", month, today, command.province)
        outside, platform = self.books.parted(command.total_lots, share)
        before = self.books.plans.get((command.delivery_month, command.province))
        names = ("outside_lots", "platform_lots", "transport_tenge_per_tonne")
        return m.SupplyPlanned(
            previous=audit_of_supply.figures(before, *names),
            **_fields(command, m.SupplyPlanned),
            outside_lots=outside,
            platform_lots=platform,
            outside_price_tenge_per_tonne=self.books.rule("wholesale_cap", month, today),
            platform_share_basis_points=share,
            rulebook_version=self.books.version,
        )


def _sights(event: m.AnyEvent, books: Books) -> Iterator[str]:
    """Name what a campaign of random commands must have met to be worth anything."""
    if isinstance(event, m.PricesPublished):
        yield from (f"bound by {limit}" for pump in event.pump_prices for limit in pump.limits)
        yield from ("fund pays" for pump in event.pump_prices if pump.fund_tiyn)
        yield from (step.step for pump in event.pump_prices for step in pump.steps if step.tiyn_per_litre < 0)
    if isinstance(event, m.SessionCleared):
        orders = books.calls[event.session_id].orders
        yield from ("full link" for price in event.prices if price.full_links)
        yield from ("partial fill" for f in event.fills if 0 < f.quantity_lots < orders[f.order_id].quantity_lots)
        yield from ("marginal tie" for price in event.prices if len(price.marginal_orders) > 1)
        if not event.fills:
            yield "empty session"
        elif len({order.side for order in orders.values()}) == 1:
            yield "one-sided session"
        if {order.rulebook_version for order in orders.values()} - {event.rulebook_version}:
            yield "rulebook changed between order and clearing"


def _fields(command: Any, event: Any) -> dict[str, Any]:
    """Return the fields that a command and an event share by name."""
    return {name: getattr(command, name) for name in command.__struct_fields__ if name in event.__struct_fields__}


def _words(command: Any) -> Iterator[str]:
    """Yield what a command says in words, and not what it leaves out."""
    source = getattr(command, "source", "")
    told = [getattr(command, name, "") for name in WORDS]
    yield from filter(None, (*told, source if isinstance(source, str) else source.act))


def _shows_nothing(text: str) -> bool:
    return all(character.isspace() or not character.isprintable() for character in text)


def _wrong_in_call(command: m.SubmitOrder, call: Call) -> Iterator[Code]:
    opened = call.opened
    if sum(order.quantity_lots for order in call.orders.values()) + command.quantity_lots > ROOM_LOTS:
        yield Code.OVERFLOW
    if command.at_ns < opened.opens_at_ns or command.at_ns >= opened.closes_at_ns:
        yield Code.OUTSIDE_WINDOW
    if command.place not in call.carriage:
        yield Code.UNKNOWN_PLACE
        return
    gate = command.price_tenge_per_tonne - call.carriage[command.place]
    highest, lowest = opened.collar_highest_tenge_per_tonne, opened.collar_lowest_tenge_per_tonne
    if highest is not None and gate > highest:
        yield Code.PRICE_ABOVE_COLLAR
    if lowest is not None and gate < lowest:
        yield Code.PRICE_BELOW_COLLAR


def _fractions(value: Any, where: str = "event") -> Iterator[tuple[str, Any]]:
    """Find every number in a message that is no plain integer: a fraction, or an integer of a foreign kind."""
    if hasattr(value, "__struct_fields__"):
        for name in value.__struct_fields__:
            yield from _fractions(getattr(value, name), name)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for item in value:
            yield from _fractions(item, where)
    elif value is not None and not isinstance(value, str | dict | bool) and type(value) is not int:
        yield where, value
