"""Money by a second author, in plain dictionaries: what every account must hold after every command.

It is told the commands, and of the venue's answers only what is not money: which session opened, which order was
taken or left, what was filled, and for each pair of a deal who deals with whom. All amounts it works out itself, with
fractions, from the whole of what has happened to an order or a deal so far.
"""

from collections import defaultdict
from collections.abc import Iterator
from copy import deepcopy
from datetime import date, timedelta
from fractions import Fraction
from math import ceil, floor
from typing import Any

import msgspec
from tests.naive_deals import WHOLE, Deal, Order, half_up, later, ring, worth, wrong_pairs

from naryq import messages as m
from naryq.messages import Code

RULES = (
    *("settlement", "payment_days", "prepayment_days", "delivery_days"),
    *("weight_tolerance", "penalty_share", "penalty_recipient", "loss_sharing"),
)


class NaiveMoney:
    """What every account must hold."""

    def __init__(self) -> None:
        self.accounts: defaultdict[tuple[str, str], int] = defaultdict(int)
        self.orders: dict[str, Order] = {}
        self.terms: dict[str, dict[str, Any]] = {}
        self.deals: dict[str, Deal] = {}
        self.documents: dict[str, str] = {}
        self.received: set[str] = set()
        self.references: set[str] = set()
        self.debts: defaultdict[str, list[list[Any]]] = defaultdict(list)
        self.standing: dict[str, m.OrderAccepted] = {}
        self.unsettled: list[m.Traded] = []
        """The trade for which an obligation must be opened next."""

    def copy(self) -> "NaiveMoney":
        """Return one that knows the same and goes its own way."""
        return deepcopy(self)

    def move(self, source: str, target: str, amount: int, unit: str = "tiyn") -> None:
        self.accounts[source, unit] -= amount
        self.accounts[target, unit] += amount

    def has(self, account: str) -> int:
        return self.accounts[account, "tiyn"]

    def free(self, who: str) -> int:
        owed: int = sum(amount for _, _, amount in self.debts[who])
        return max(0, self.has(f"cash:{who}") - owed)

    def differences(self, books: Any, money: Any) -> Iterator[str]:
        """Say where the venue's accounts, or what it knows of orders and deals, is not what it must be."""
        booked = {key: amount for key, amount in books.balances.items() if amount}
        wanted = {key: amount for key, amount in self.accounts.items() if amount}
        for account, unit in sorted(booked.keys() | wanted.keys()):
            found, told = booked.get((account, unit), 0), wanted.get((account, unit), 0)
            if found != told:
                yield f"account {account} holds {found} {unit}, and should hold {told}"
        held = {name: hold.guarantee_tiyn + hold.reserve_tiyn for name, hold in money.holds.items()}
        if {k: v for k, v in held.items() if v} != {k: o.held() for k, o in self.orders.items() if o.held()}:
            yield "what is known to be held for orders is not what must be held"
        for name, deal in self.deals.items():
            known = money.obligations[name]
            facts = (known.paid_tiyn, known.pending_kg, known.delivered_kg, known.settled_kg, known.lapsed_kg)
            if facts != (deal.paid, deal.underway, deal.received, deal.settled, deal.lapsed):
                yield f"obligation {name} is known as {facts}"
            if bool(known.closing) != deal.closed:
                yield f"obligation {name} is {known.closing or 'open'}"

    # --- What must be refused -----------------------------------------------------------------------------------

    def wrong(self, books: Any, command: Any) -> Iterator[Code]:
        """Return every code for which a command of money must be refused."""
        match command:
            case m.Deposit() | m.Withdraw() | m.EndowFund():
                yield from self._wrong_transfer(books, command)
            case m.SubmitOrder() if books.rulebook is not None and command.session_id in books.calls:
                order = self.asked(books, command)
                if order.held() > self.free(command.actor):
                    yield Code.INSUFFICIENT_GUARANTEE
            case m.ConfirmReceipt():
                yield from self._wrong_receipt(books, command)
            case m.PayObligation() | m.ReportShipment() | m.DeclareDefault() | m.RefundObligation():
                deal = self.deals.get(command.obligation_id)
                if deal is None:
                    yield Code.UNKNOWN_OBLIGATION
                elif deal.closed:
                    yield Code.WRONG_PHASE
                else:
                    yield from self._wrong_step(books, command, deal)

    def asked(self, books: Any, order: Any) -> Order:
        """Return an order as it would be held for by the rules of its day."""
        opened = books.calls[order.session_id].opened
        day = books.day(order.at_ns if isinstance(order, m.SubmitOrder) else order.submitted_at_ns)
        share, fee, minimum = (
            books.rule(rule, day, day) for rule in ("guarantee_share", "exchange_fee", "exchange_fee_minimum")
        )
        basis = order.price_tenge_per_tonne
        if order.side == "sell":
            basis = max(basis, opened.reference_tenge_per_tonne or 0)
        who = getattr(order, "participant_id", None) or order.actor
        terms = (share, fee or 0, minimum or 0)
        made = Order(who, order.session_id, order.quantity_lots, opened.lot_kg, basis, *terms)
        made.has_terms = any(rule is not None for rule in (share, fee, minimum))
        return made

    def _wrong_transfer(self, books: Any, command: Any) -> Iterator[Code]:
        if getattr(command, "participant_id", command.actor) not in books.people:
            yield Code.UNKNOWN_PARTICIPANT
        if command.bank_reference in self.references:
            yield Code.ALREADY_EXISTS
        if isinstance(command, m.Withdraw) and command.amount_tiyn > self.free(command.participant_id):
            yield Code.INSUFFICIENT_FUNDS

    def _wrong_receipt(self, books: Any, command: m.ConfirmReceipt) -> Iterator[Code]:
        if command.document not in self.documents:
            yield Code.UNKNOWN_OBLIGATION
        elif command.document in self.received:
            yield Code.ALREADY_EXISTS
        else:
            deal = self.deals[self.documents[command.document]]
            is_operator, came = books.people[command.actor] == "operator", command.received_kg
            if command.actor != deal.event.buyer_id and not is_operator:
                yield Code.NOT_PERMITTED
            if came is not None and came > deal.on_paper[command.document]:
                yield Code.OUT_OF_RANGE
            if came is not None and came < deal.on_paper[command.document] and not is_operator:
                yield Code.NOT_PERMITTED

    def _wrong_step(self, books: Any, command: Any, deal: Deal) -> Iterator[Code]:
        day = books.day(command.at_ns)
        kinds: dict[type, str] = {m.PayObligation: "buyer", m.ReportShipment: "seller"}
        party = kinds.get(type(command), "")
        if party and command.actor != deal.who(party) and books.people[command.actor] != "operator":
            yield Code.NOT_PERMITTED
        match command:
            case m.PayObligation():
                if command.amount_tiyn > deal.unpaid:
                    yield Code.OUT_OF_RANGE
                elif command.amount_tiyn > self.free(deal.who("buyer")) + self._freed(deal, paid=command.amount_tiyn):
                    yield Code.INSUFFICIENT_FUNDS
            case m.ReportShipment():
                yield from self._wrong_shipment(books, command, deal, day)
            case m.DeclareDefault() if not self._may_fail(deal, command.party, day):
                yield Code.NOT_DUE
            case m.RefundObligation() if deal.received or deal.underway or deal.failed:
                yield Code.WRONG_PHASE
            case _:
                pass

    def _wrong_shipment(self, books: Any, command: m.ReportShipment, deal: Deal, day: str) -> Iterator[Code]:
        if day > _last_day(deal) and books.people[command.actor] != "operator":
            yield Code.NOT_PERMITTED
        if command.document in self.documents or command.document in books.supply.documents:
            yield Code.ALREADY_EXISTS
        try:
            date.fromisoformat(command.loaded_on)
        except ValueError:
            yield Code.OUT_OF_RANGE
            return
        if (
            not deal.terms["day"] <= command.loaded_on <= day
            or command.mass_kg > deal.awaited + self._tolerance(deal)
            or not deal.awaited
        ):
            yield Code.OUT_OF_RANGE
        days = deal.terms["prepayment_days"]
        asks_for_payment = days is not None and deal.buyers(deal.due_kg)
        if asks_for_payment and (deal.unpaid or later(deal.paid_on, days) > command.loaded_on):
            yield Code.NOT_PAID

    def _may_fail(self, deal: Deal, party: str, day: str) -> bool:
        if party in deal.failed or deal.underway:
            return False
        if party == "buyer":
            days = deal.terms["payment_days"]
            return days is not None and day > later(deal.terms["day"], days) and deal.unpaid > 0
        if deal.unpaid and deal.terms["prepayment_days"] is not None:
            return False
        return day > _last_day(deal) and deal.awaited > 0

    def _tolerance(self, deal: Deal) -> int:
        return half_up(Fraction(deal.event.mass_kg * (deal.terms["weight_tolerance"] or 0), WHOLE))

    # --- What must happen ---------------------------------------------------------------------------------------

    def follow(self, books: Any, command: Any, events: tuple[m.AnyEvent, ...]) -> Iterator[str]:
        """Do what a command and the events that are not of money bring about, and say what is wrong with a pair."""
        match command:
            case m.Deposit():
                self.references.add(command.bank_reference)
                self.move("bank", f"cash:{command.participant_id}", command.amount_tiyn)
                self._collect(command.participant_id)
            case m.Withdraw():
                self.references.add(command.bank_reference)
                self.move(f"cash:{command.participant_id}", "bank", command.amount_tiyn)
            case m.EndowFund():
                self.references.add(command.bank_reference)
                self.move("bank", command.fund, command.amount_tiyn)
            case m.PayObligation():
                self._pay(books, command)
            case m.ReportShipment():
                deal = self.deals[command.obligation_id]
                self.documents[command.document] = command.obligation_id
                deal.on_paper[command.document] = command.mass_kg
                deal.loaded[command.document] = min(command.mass_kg, deal.awaited)
            case m.ConfirmReceipt():
                self._receive(command)
            case m.DeclareDefault():
                self._fail(books, command)
            case m.RefundObligation():
                self._undo(self.deals[command.obligation_id])
            case _:
                yield from self._follow_events(books, events)
                yield from (f"nothing follows from {trade.trade_id}" for trade in self.unsettled)

    def _follow_events(self, books: Any, events: tuple[m.AnyEvent, ...]) -> Iterator[str]:
        for event in events:
            match event:
                case m.SessionOpened():
                    self._note_terms(books, event)
                case m.SessionCleared():
                    yield from self._clear(books, event, events)
                case m.ClaimDecided():
                    self.move("fund", f"cash:{event.participant_id}", event.granted_tiyn)
                    self._collect(event.participant_id)
                case m.PricesPublished():
                    for pump in event.pump_prices:
                        self.move("fund", f"stations:{pump.province}", pump.fund_tiyn)
                case _:
                    yield from self._follow_order(books, event)

    def _follow_order(self, books: Any, event: Any) -> Iterator[str]:
        match event:
            case m.OrderAccepted():
                self.standing[event.order_id] = event
                self.orders[event.order_id] = order = self.asked(books, event)
                self.move(f"cash:{order.who}", f"held:{order.who}", order.held())
            case m.OrderCancelled() | m.OrderExpired():
                self._leave(event.order_id)
            case m.OrderAmended():
                self._amend(books, event)
            case m.Traded():
                self._settle_trade(books, event)
            case m.ObligationOpened() if event.obligation_id not in self.deals:
                yield from self._agree_trade(event)

    def _note_terms(self, books: Any, event: m.SessionOpened) -> None:
        found = {rule: books.rule(rule, event.day, event.day) for rule in RULES}
        self.terms[event.session_id] = {**found, "day": event.day}

    def _leave(self, order_id: str) -> None:
        order = self.orders[order_id]
        self.move(f"held:{order.who}", f"cash:{order.who}", order.held())
        order.stands = False
        self._collect(order.who)

    def _amend(self, books: Any, event: m.OrderAmended) -> None:
        order = self.orders[event.order_id]
        standing = self.standing[event.order_id]
        changes = {"price_tenge_per_tonne": event.price_tenge_per_tonne, "quantity_lots": event.quantity_lots}
        self.standing[event.order_id] = msgspec.structs.replace(standing, **changes, submitted_at_ns=event.at_ns)
        before = order.held()
        now = self.asked(books, self.standing[event.order_id])
        order.has_terms = now.has_terms if not event.keeps_place else order.has_terms
        order.amend(now, event.keeps_place)
        self.move(f"cash:{order.who}", f"held:{order.who}", order.held() - before)
        self._collect(order.who)

    def _settle_trade(self, books: Any, event: m.Traded) -> None:
        if self.terms[event.session_id]["settlement"] == "against_delivery":
            self.unsettled.append(event)
            return
        mass = event.quantity_lots * books.calls[event.session_id].opened.lot_kg
        value = worth(event.price_tenge_per_tonne, mass)
        self.move(f"participant:{event.buyer_id}", f"participant:{event.seller_id}", value)
        self.move(f"participant:{event.seller_id}", f"participant:{event.buyer_id}", mass, "kg")
        for order_id in (event.buy_order_id, event.sell_order_id):
            self._charge_now(order_id, event.quantity_lots, value)
        self._leave_if_done(event)

    def _charge_now(self, order_id: str, lots: int, value: int) -> None:
        order = self.orders[order_id]
        reserved = order.reserve()
        freed, fee = order.trade(lots, value)
        self.move(f"held:{order.who}", f"cash:{order.who}", freed)
        self.move(f"held:{order.who}", "fees", min(fee, reserved))
        self.move(f"participant:{order.who}", "fees", fee - min(fee, reserved))

    def _agree_trade(self, pair: m.ObligationOpened) -> Iterator[str]:
        if not self.unsettled:
            return
        trade = self.unsettled.pop()
        told = (pair.buy_order_id, pair.sell_order_id, pair.lots, pair.buy_price_tenge_per_tonne)
        price = trade.price_tenge_per_tonne
        if told != (trade.buy_order_id, trade.sell_order_id, trade.quantity_lots, price):
            yield f"{pair.obligation_id} is not what {trade.trade_id} agreed on"
        if pair.sell_price_tenge_per_tonne != price or pair.carriage_tenge_per_tonne:
            yield f"{pair.obligation_id} has two prices or a carriage"
        self._agree(pair)
        self._leave_if_done(trade)

    def _leave_if_done(self, trade: m.Traded) -> None:
        for order_id in (trade.buy_order_id, trade.sell_order_id):
            if self.orders[order_id].traded == self.orders[order_id].lots:
                self._leave(order_id)

    def _clear(self, books: Any, event: m.SessionCleared, events: tuple[m.AnyEvent, ...]) -> Iterator[str]:
        call = books.calls[event.session_id]
        prices = {price.place: price.price_tenge_per_tonne for price in event.prices}
        tariffs = {(link.source, link.target): link.tariff_tenge_per_tonne for link in call.opened.links}
        lots = {fill.order_id: fill.quantity_lots for fill in event.fills if fill.quantity_lots}
        if self.terms[event.session_id]["settlement"] == "against_delivery":
            pairs = [e for e in events if isinstance(e, m.ObligationOpened)]
            yield from wrong_pairs(pairs, call.orders, lots, prices)
            carriage = sum(flow.quantity_lots * tariffs[flow.source, flow.target] for flow in event.flows)
            if carriage != sum(pair.lots * pair.carriage_tenge_per_tonne for pair in pairs):
                yield "the pairs do not pay for the flows"
            for pair in pairs:
                self._agree(pair)
        else:
            self._settle_now(call, event, lots, prices, tariffs)
        for order_id in call.orders:
            self._leave(order_id)

    def _settle_now(self, call: Any, event: Any, lots: Any, prices: Any, tariffs: Any) -> None:
        lot_kg = call.opened.lot_kg
        for order_id, count in lots.items():
            order = call.orders[order_id]
            value, account = worth(prices[order.place], count * lot_kg), f"participant:{order.participant_id}"
            buying = order.side == "buy"
            self.move(account if buying else "congestion", "congestion" if buying else account, value)
            self.accounts[account, "kg"] += count * lot_kg * (1 if buying else -1)
            self._charge_now(order_id, count, value)
        for flow in event.flows:
            self.move("congestion", "carrier", worth(tariffs[flow.source, flow.target], flow.quantity_lots * lot_kg))

    def _agree(self, pair: m.ObligationOpened) -> None:
        deal = Deal(pair, self.terms[pair.session_id], {}, {})
        for party, order_id, value in (
            ("buyer", pair.buy_order_id, deal.buyers(pair.mass_kg)),
            ("seller", pair.sell_order_id, deal.sellers(pair.mass_kg)),
        ):
            who, reserved = self.orders[order_id].who, self.orders[order_id].reserve()
            deal.guarantees[party], fee = self.orders[order_id].trade(pair.lots, value)
            deal.fees[party] = fee
            first = min(fee, reserved)
            second = min(fee - first, self.has(f"cash:{who}"))
            self.move(f"held:{who}", "fees", first)
            self.move(f"cash:{who}", "fees", second)
            self._owe(who, f"fee {party} {pair.obligation_id}", "fees", fee - first - second)
        self.deals[pair.obligation_id] = deal
        self.move(f"payable:{pair.buyer_id}", "commitments", deal.buyers(pair.mass_kg))
        self.move("commitments", f"receivable:{pair.seller_id}", deal.sellers(pair.mass_kg))
        product = pair.product
        self.move(
            f"undelivered:{pair.seller_id}#{product}", f"undelivered:{pair.buyer_id}#{product}", pair.mass_kg, "kg"
        )

    # --- Debts --------------------------------------------------------------------------------------------------

    def _owe(self, who: str, name: str, creditor: str, amount: int) -> None:
        if amount:
            self.debts[who].append([name, creditor, amount])
            self.move(f"owed:{who}", "debts", amount)

    def _collect(self, *people: str) -> None:
        """Let people pay, the last to have been paid first, and take away what would only go round."""
        stack = list(people)
        while stack:
            who = stack[-1]
            self.debts[who] = [debt for debt in self.debts[who] if debt[2]]
            if not self.debts[who] or not self.has(f"cash:{who}"):
                stack.pop()
                continue
            found = ring(self.debts, who)
            debt = self.debts[who][0]
            amount = min(part[2] for part in found.values()) if found else min(debt[2], self.has(f"cash:{who}"))
            for debtor, part in (found or {who: debt}).items():
                part[2] -= amount
                self.move("debts", f"owed:{debtor}", amount)
            if not found:
                self.move(f"cash:{who}", debt[1], amount)
                stack += [debt[1].removeprefix("cash:")] if debt[1].startswith("cash:") else []

    # --- Steps of a deal ----------------------------------------------------------------------------------------

    def _kept(self, deal: Deal, party: str, part: Fraction) -> int:
        """What of a guarantee must stay when so large a part is still to be performed, and some was drawn."""
        return min(deal.guarantees[party] - deal.used[party], ceil(deal.guarantees[party] * part))

    def _freed(self, deal: Deal, paid: int = 0, received: int = 0) -> int:
        """What a payment or a receipt frees; what is freed or drawn counts as used."""
        if received:
            part = Fraction(deal.due_kg - deal.received - received, deal.event.mass_kg)
            kept = self._kept(deal, "seller", part)
            return deal.guarantees["seller"] - deal.used["seller"] - kept
        part = Fraction(deal.unpaid - paid, deal.buyers(deal.event.mass_kg))
        return deal.guarantees["buyer"] - deal.used["buyer"] - self._kept(deal, "buyer", part)

    def _free(self, deal: Deal, party: str, amount: int) -> None:
        deal.used[party] += amount
        self.move(f"held:{deal.who(party)}", f"cash:{deal.who(party)}", amount)

    def _pay(self, books: Any, command: m.PayObligation) -> None:
        deal = self.deals[command.obligation_id]
        self._free(deal, "buyer", self._freed(deal, paid=command.amount_tiyn))
        self._pay_in(deal, f"cash:{deal.who('buyer')}", command.amount_tiyn)
        deal.paid_on = books.day(command.at_ns)
        self._settle(deal)

    def _pay_in(self, deal: Deal, source: str, amount: int) -> None:
        deal.paid += amount
        self.move(source, "clearing", amount)
        self.move("commitments", f"payable:{deal.who('buyer')}", amount)

    def _receive(self, command: m.ConfirmReceipt) -> None:
        deal = self.deals[self.documents[command.document]]
        loaded = deal.loaded.pop(command.document)
        mass = loaded if command.received_kg is None else min(loaded, command.received_kg)
        self.received.add(command.document)
        if mass:
            self._free(deal, "seller", self._freed(deal, received=mass))
        deal.received += mass
        for party, sign in (("buyer", 1), ("seller", -1)):
            for kind, way in (("undelivered", -1), ("delivered", 1)):
                self.accounts[f"{kind}:{deal.who(party)}#{deal.event.product}", "kg"] += sign * way * mass
        if 0 < deal.awaited <= self._tolerance(deal) and not deal.underway:
            self._lapse(deal, deal.awaited)
        self._settle(deal)

    def _lapse(self, deal: Deal, mass: int) -> None:
        before, earned = deal.buyers(deal.due_kg), deal.sellers(deal.due_kg)
        deal.lapsed += mass
        back = max(0, deal.paid - deal.buyers(deal.due_kg))
        deal.paid -= back
        self.move("clearing", f"cash:{deal.who('buyer')}", back)
        self.move("commitments", f"payable:{deal.who('buyer')}", before - deal.buyers(deal.due_kg) - back)
        self.move(f"receivable:{deal.who('seller')}", "commitments", earned - deal.sellers(deal.due_kg))
        for party, sign in (("buyer", 1), ("seller", -1)):
            for kind, way in (("undelivered", -1), ("lapsed", 1)):
                self.accounts[f"{kind}:{deal.who(party)}#{deal.event.product}", "kg"] += sign * way * mass

    def _settle(self, deal: Deal) -> None:
        if deal.received > deal.settled and deal.paid >= deal.buyers(deal.received):
            seller = deal.sellers(deal.received) - deal.sellers(deal.settled)
            tariff = deal.event.carriage_tenge_per_tonne
            carrier = worth(tariff, deal.received) - worth(tariff, deal.settled)
            whole = deal.buyers(deal.received) - deal.buyers(deal.settled)
            self._pay_out(deal, seller, carrier, whole - seller - carrier)
        self._finish(deal)

    def _pay_out(self, deal: Deal, seller: int, carrier: int, rent: int) -> None:
        who = deal.who("seller")
        self.move("clearing", f"cash:{who}", seller)
        self.move("clearing", "carrier", carrier)
        self.move("clearing", "congestion", rent)
        self.move(f"receivable:{who}", "commitments", deal.sellers(deal.received) - deal.sellers(deal.settled))
        deal.settled = deal.received

    def _finish(self, deal: Deal) -> None:
        if deal.settled + deal.lapsed == deal.event.mass_kg:
            self._close(deal)
        self._collect(deal.who("seller"))
        self._collect(deal.who("buyer"))

    def _close(self, deal: Deal) -> None:
        deal.closed = True
        for party in ("buyer", "seller"):
            self._free(deal, party, deal.guarantees[party] - deal.used[party])

    def _undo(self, deal: Deal) -> None:
        event = deal.event
        buyer, seller = event.buyer_id, event.seller_id
        self.move("commitments", f"payable:{buyer}", deal.unpaid)
        self.move(f"receivable:{seller}", "commitments", deal.sellers(event.mass_kg))
        self.move(f"undelivered:{buyer}#{event.product}", f"undelivered:{seller}#{event.product}", event.mass_kg, "kg")
        self.move("clearing", f"cash:{buyer}", deal.paid)
        deal.paid = 0
        deal.undone = True
        for party in ("buyer", "seller"):
            who, name = deal.who(party), f"fee {party} {event.obligation_id}"
            missing = sum(debt[2] for debt in self.debts[who] if debt[0] == name)
            self.debts[who] = [debt for debt in self.debts[who] if debt[0] != name]
            self.move("debts", f"owed:{who}", missing)
            self.move("fees", f"cash:{who}", deal.fees[party] - missing)
        self._close(deal)
        self._collect(buyer)
        self._collect(seller)

    # --- Default ------------------------------------------------------------------------------------------------

    def _fail(self, books: Any, command: m.DeclareDefault) -> None:
        deal, party = self.deals[command.obligation_id], command.party
        who, injured = deal.who(party), deal.who("seller" if party == "buyer" else "buyer")
        missed = deal.unpaid if party == "buyer" else deal.sellers(deal.due_kg) - deal.sellers(deal.received)
        penalty = half_up(Fraction(missed * (deal.terms["penalty_share"] or 0), WHOLE))
        due = max(0, deal.buyers(deal.received) - deal.paid) if party == "buyer" else 0
        deal.failed.append(party)
        if deal.awaited:
            self._lapse(deal, deal.awaited)
        to_venue = deal.terms["penalty_recipient"] == "venue"
        target = "penalties" if to_venue else f"cash:{injured}"
        own = [(f"held:{who}", deal.guarantees[party] - deal.used[party]), (f"cash:{who}", self.has(f"cash:{who}"))]
        for account, most in own:
            for_due = min(most, due)
            for_penalty = min(most - for_due, penalty)
            due, penalty = due - for_due, penalty - for_penalty
            deal.used[party] += for_due + for_penalty if account.startswith("held") else 0
            self._pay_in(deal, account, for_due)
            self.move(account, target, for_penalty)
        apart = injured not in books.register.group(who)
        others = [(fund, self.has(fund)) for fund in ("guarantee_fund", "insurance_fund") if apart]
        due, penalty = self._bear(deal, party, others, due, penalty)
        if deal.terms["loss_sharing"] == "pro_rata" and apart:
            shares = self._shares(deal, due + (0 if to_venue else penalty))
            due, penalty = self._bear(deal, party, shares, due, penalty)
        if party == "buyer" and due:
            self._settle_short(deal, due)
        elif party == "buyer":
            self._settle(deal)
        self._owe(who, "penalty", target, penalty)
        self._finish_failed(deal)

    def _bear(self, deal: Deal, party: str, others: list[tuple[str, int]], due: int, penalty: int) -> tuple[int, int]:
        """Let others give for what is due, and for a penalty that is due to the injured; returns what is left."""
        injured = deal.who("seller" if party == "buyer" else "buyer")
        to_venue = deal.terms["penalty_recipient"] == "venue"
        for account, most in others:
            for_due = min(most, due)
            for_penalty = 0 if to_venue else min(most - for_due, penalty)
            due, penalty = due - for_due, penalty - for_penalty
            self._pay_in(deal, account, for_due)
            self.move(account, f"cash:{injured}", for_penalty)
            self._owe(deal.who(party), "due borne", account, for_due)
            self._owe(deal.who(party), "penalty borne", account, for_penalty)
        return due, penalty

    def _shares(self, deal: Deal, loss: int) -> list[tuple[str, int]]:
        parties = {deal.who("buyer"), deal.who("seller")}
        mass: dict[str, int] = {}
        for _, other in sorted(self.deals.items()):
            if other.event.session_id == deal.event.session_id and not other.undone:
                for who in (other.who("buyer"), other.who("seller")):
                    if who not in parties:
                        mass[who] = mass.get(who, 0) + other.event.mass_kg
        total = sum(mass.values())
        exact = {who: Fraction(loss * part, total) for who, part in mass.items()}
        shares = {who: floor(part) for who, part in exact.items()}
        by_rest = sorted(exact, key=lambda who: (shares[who] - exact[who], list(exact).index(who)))
        for who in by_rest[: loss - sum(shares.values())] if mass else []:
            shares[who] += 1
        return [(f"cash:{who}", min(part, self.has(f"cash:{who}"))) for who, part in shares.items()]

    def _settle_short(self, deal: Deal, short: int) -> None:
        seller = deal.sellers(deal.received) - deal.sellers(deal.settled)
        tariff = deal.event.carriage_tenge_per_tonne
        carrier = worth(tariff, deal.received) - worth(tariff, deal.settled)
        rent = deal.buyers(deal.received) - deal.buyers(deal.settled) - seller - carrier
        there = deal.paid - deal.buyers(deal.settled)
        paid_rent = min(rent, 0)
        there -= paid_rent
        paid_seller = min(seller, there)
        paid_carrier = min(carrier, there - paid_seller)
        paid_rent = paid_rent or min(rent, there - paid_seller - paid_carrier)
        self._pay_out(deal, paid_seller, paid_carrier, paid_rent)
        buyer = deal.who("buyer")
        self.move("commitments", f"payable:{buyer}", short)
        self._owe(buyer, "due", f"cash:{deal.who('seller')}", seller - paid_seller)
        self._owe(buyer, "due", "carrier", carrier - paid_carrier)
        self._owe(buyer, "due", "congestion", rent - paid_rent)

    def _finish_failed(self, deal: Deal) -> None:
        if not deal.closed and deal.settled + deal.lapsed == deal.event.mass_kg:
            self._close(deal)
        self._collect(deal.who("buyer"))
        self._collect(deal.who("seller"))


def _last_day(deal: Deal) -> str:
    """The day until which the seller loads: some days after the last of the delivery month."""
    first = date.fromisoformat(f"{deal.event.delivery_month}-01")
    last = (first.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    return later(last.isoformat(), deal.terms["delivery_days"] or 0)
