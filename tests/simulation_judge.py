"""The judge of a simulation: which rows may stand, what each answer may say, and what a recovery must find."""

from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from functools import reduce
from typing import Any

import msgspec

from naryq import exchange
from naryq.engine import Answer, Engine
from naryq.exchange.trading import SELF_TRADE
from naryq.journal.contract import GENESIS, Record
from naryq.journal.verify import checked
from naryq.messages import (
    AmendOrder,
    AnyCommand,
    Code,
    DefaultCovered,
    Entry,
    LimitReached,
    OrderAmended,
    OrderCancelled,
    PhaseChanged,
    ReceiptConfirmed,
    Refusal,
    Refused,
    RulebookAdopted,
    Traded,
    TradingResumed,
)

ALIVE = ("collecting", "call", "continuous", "halted")
LEFT_ALONE = ("sequence", "commands")
"""The fields of the state in which a refused command is remembered; all others are the same objects as before."""


def same(command: AnyCommand, other: AnyCommand) -> bool:
    """Say whether one command is the other, sent again: the time only says when."""
    return msgspec.structs.replace(command, at_ns=other.at_ns) == other


Sender = tuple[str, str]
"""Who has sent a command, and its command_id: what makes it one, and its repeats the same."""


def sender_of(command: AnyCommand) -> Sender:
    return command.actor, command.command_id


class Judge:
    """What was sent, what is durable, what was answered; and in words what is wrong."""

    def __init__(self, desk: Any) -> None:
        self.desk = desk
        self.findings: list[str] = []
        self.seen: Counter[str] = Counter()
        self.sent_by_id: dict[Sender, list[AnyCommand]] = {}
        self.first: dict[Sender, Answer] = {}
        self.unknown: set[Sender] = set()
        self.gone: set[Sender] = set()
        self.chain = GENESIS
        self.halted: set[str] = set()
        self.overtaken = False
        self.current: str | None = None

    # --- What is sent -------------------------------------------------------------------------------------------

    def sent(self, command: AnyCommand) -> None:
        """Remember a command: no row may hold another."""
        self.gone.discard(sender_of(command))
        known = self.sent_by_id.setdefault(sender_of(command), [])
        if command not in known:
            known.append(command)

    def taken_back(self, command: AnyCommand, waiting: list[AnyCommand]) -> bool:
        """Remember a command that was taken back: no row may hold it. Return whether it still must be asked about."""
        same = [each for each in waiting if sender_of(each) == sender_of(command)]
        is_unknown = sender_of(command) in self.unknown
        if len(same) == 1 and exchange.identity(*sender_of(command)) not in self.desk.state.commands and not is_unknown:
            self.gone.add(sender_of(command))
        self.seen["taken back"] += 1
        return is_unknown

    def at_the_door(self, turned_away: Code | None, is_answered: bool) -> None:  # noqa: FBT001 - what is asked
        """Say whether the queue took what it had no room for, or turned away what it had."""
        if turned_away is not None or is_answered:
            self.findings.append(f"the door should have said {turned_away or 'nothing'}")

    def fault(self, fault: str | None) -> None:
        """Know what goes wrong in the turn that comes."""
        self.current = fault

    # --- What is durable ----------------------------------------------------------------------------------------

    def group(self, rows: int, before: int, count: int) -> None:
        """A group is kept whole or not at all."""
        if rows not in {before, before + count}:
            self.findings.append(f"of a group of {count}, {rows - before} rows were kept")

    def absorb(self, rows: list[Record]) -> None:
        """Judge the rows that are new: the chain, the decision made again, and what the auditor says of it."""
        known = len(self.desk.rows)
        try:
            for record, entry in checked(rows[known:], known, self.chain):
                self.chain = record.chain
                self._row(entry)
        except Refusal as refusal:
            self.findings.append(f"the journal is damaged: {refusal}")

    def _row(self, entry: Entry) -> None:
        command, before = entry.command, self.desk.state
        where = f"row {entry.sequence}, {type(command).__name__}"
        if command not in self.sent_by_id.get(sender_of(command), ()) or sender_of(command) in self.gone:
            self.findings.append(f"{where}: nobody sent it, or it was taken back")
        if before.commands.get(exchange.identity(*sender_of(command))) is not None or sender_of(command) in self.first:
            self.findings.append(f"{where}: a command_id of one sender stands in two rows")
        events, folded = exchange.decide_and_fold(before, command)
        if events != entry.events:
            self.findings.append(f"{where}: decided again, it gives other events")
            folded = reduce(exchange.evolve, entry.events, before)
        self.findings += [f"{where}: {said}" for said in self._out_of_turn(entry)]
        self.findings += [f"{where}: {said}" for said in self._unnamed(entry)]
        self.desk.state = exchange.seal(folded, entry)
        self.desk.rows.append(entry)
        self.findings += [f"{where}: {said}" for said in self.desk.auditor.observe(command, entry.events)]
        self.findings += [f"{where}: {said}" for said in self._refused(entry, before)]
        self._see(entry)

    def _refused(self, entry: Entry, before: Any) -> Iterator[str]:
        """A refused command leaves everything as it is, but for its row and its identifier."""
        if isinstance(entry.events[0], Refused) and len(entry.events) == 1:
            for name in before.__struct_fields__:
                old, new = getattr(before, name), getattr(self.desk.state, name)
                if name not in LEFT_ALONE and old is not new and old != new:
                    yield f"refused, and yet {name} is another"

    def _unnamed(self, entry: Entry) -> Iterator[str]:
        """Every decision that rests on rules names the rulebook in force, which one before it may have brought."""
        rulebook = self.desk.state.rulebook
        version = None if rulebook is None else rulebook.version
        for event in entry.events:
            version = event.version if isinstance(event, RulebookAdopted) else version
            if isinstance(event, OrderAmended) and not isinstance(entry.command, AmendOrder):
                continue  # What a clearing takes from an order leaves it under the rules that it was accepted by.
            named = getattr(event, "rulebook_version", None)
            if named and named != version:
                yield f"names the rulebook {named}"

    def _out_of_turn(self, entry: Entry) -> Iterator[str]:
        """In a continuous book nobody trades while a better or older order of the same side waits that may trade."""
        trades = [event for event in entry.events if isinstance(event, Traded) and event.aggressor is not None]
        books = self.desk.auditor.books
        if not trades or books.stops or isinstance(entry.events[0], PhaseChanged):
            return
        call = books.calls.get(trades[0].session_id)
        if call is None or call.phase != "continuous" or call.opened.self_trade not in {"", "allow"}:
            return
        side = "sell" if trades[0].aggressor == "buy" else "buy"
        own = {getattr(entry.command, "order_id", "")}
        queue = [order for name, order in call.orders.items() if order.side == side and name not in own]
        queue.sort(key=lambda order: order.price_tenge_per_tonne * (1 if side == "sell" else -1))
        told = [trade.sell_order_id if side == "sell" else trade.buy_order_id for trade in trades]
        if told != [order.order_id for order in queue[: len(told)]]:
            yield "a better or older order was passed over"

    # --- What is answered ---------------------------------------------------------------------------------------

    def heard(self, command: AnyCommand, answer: Answer, rows: list[Record], expected: Code | None) -> Code | None:
        """Judge an answer, and return its code where it is a refusal that stands in no row."""
        where, head = f"{type(command).__name__} {command.command_id}", answer.events[0]
        if answer.sequence:
            self.findings += [f"{where}: {said}" for said in self._kept(command, answer, rows)]
            return None
        assert isinstance(head, Refused), "what stands in no row is a refusal"
        self.seen[head.code] += 1
        if expected is not None and head.code != expected:
            self.findings.append(f"{where}: answered {head.code} at the door, not {expected}")
        if expected is None:
            self.findings += [f"{where}: {said}" for said in self._not_kept(command, head.code)]
        return head.code

    def _kept(self, command: AnyCommand, answer: Answer, rows: list[Record]) -> Iterator[str]:
        if answer.sequence > min(len(rows), len(self.desk.rows)):
            yield "acknowledged, and not durable"
            return
        row = self.desk.rows[answer.sequence - 1]
        if not same(row.command, command) or row.events != answer.events:
            yield f"answered otherwise than row {answer.sequence} says"
        first = self.first.setdefault(sender_of(command), answer)
        if (first.sequence, first.events) != (answer.sequence, answer.events):
            yield "a repeat is answered otherwise than the first"
        self.seen["repeated"] += answer.repeated
        if answer.repeated and sender_of(command) in self.unknown:
            self.seen["unknown, and then known to be kept"] += 1
        self.unknown.discard(sender_of(command))

    def _not_kept(self, command: AnyCommand, code: Code) -> Iterator[str]:
        """A refusal that stands in no row has its reason in what has happened."""
        known = self.desk.state.commands.get(exchange.identity(*sender_of(command)))
        match code:
            case Code.COMMAND_ID_REUSED:
                if all(same(each, command) for each in self.sent_by_id[sender_of(command)]):
                    yield "its sender has not used this command_id for another command"
            case Code.OUTCOME_UNKNOWN:
                self.unknown.add(sender_of(command))
                if self.current in {None, "overtaken"}:
                    yield "unknown, though nothing went wrong"
            case Code.JOURNAL_LOCKED | Code.STOPPED:
                if not self.overtaken and (self.current is None or code == Code.JOURNAL_LOCKED):
                    yield f"answered {code}, though nothing went wrong"
                if known is not None and sender_of(command) not in self.first and not self._was_kept_before(known):
                    yield f"answered {code}, and kept"
            case _:
                yield f"answered {code}"

    def _was_kept_before(self, sequence: int) -> bool:
        """Say whether the row of a command is from before this turn, so that a repeat of it is turned away."""
        return sender_of(self.desk.rows[sequence - 1].command) in self.unknown

    def outcomes(self) -> None:
        """Count what has become of what was unknown."""
        for sender in sorted(self.unknown):
            kept = self.desk.state.commands.get(exchange.identity(*sender)) is not None
            self.seen["unknown kept" if kept else "unknown not kept"] += 1

    def all_known(self, left: list[AnyCommand]) -> None:
        """When faults have stopped, nobody waits, and what was acknowledged stands."""
        self.findings += [f"{command.command_id} was never answered" for command in left]
        unknown = sorted(self.unknown - self.first.keys() - {sender_of(each) for each in left})
        self.findings += [f"what became of {sender} was never told" for sender in unknown if self._lost(sender)]

    def _lost(self, sender: Sender) -> bool:
        first, *others = self.sent_by_id[sender]
        return all(same(first, other) for other in others) and sender not in self.gone

    # --- What is recovered --------------------------------------------------------------------------------------

    def recovered(self, engine: Engine[exchange.State], how: str) -> None:
        """Compare a recovered state with that of the rows."""
        begun = 0 if engine._keeper is None else engine._keeper.sequence
        is_open = any(session.phase in ALIVE for session in self.desk.state.sessions.values())
        self.seen[f"restart: {how}"] += 1
        self.overtaken = False
        self.seen["restart from a snapshot inside an open session"] += begun > 0 and is_open
        if engine.state != self.desk.state:
            self.findings.append(f"recovered from {how} after row {begun}, the state is another")

    # --- What has been met --------------------------------------------------------------------------------------

    def _see(self, entry: Entry) -> None:
        head, kind = entry.events[0], type(entry.command).__name__
        self.seen[f"{kind} drawn"] += 1
        self.seen[f"{kind} taken"] += not isinstance(head, Refused)
        if isinstance(head, Refused):
            self.seen[head.code] += 1
        for event in entry.events:
            self._see_event(event)
        emergencies = self.desk.auditor.books.changes.emergencies
        if emergencies:
            today = str(date(1970, 1, 1) + timedelta(seconds=entry.command.at_ns // 10**9 + 6 * 3600))
            self.seen["emergency expired"] += any(each.until < today for each in emergencies.values())

    def _see_event(self, event: Any) -> None:
        self.seen[type(event).__name__] += 1
        match event:
            case PhaseChanged(phase="halted"):
                self.halted.add(event.session_id)
            case PhaseChanged(phase="call" | "continuous" | "collecting") if event.session_id in self.halted:
                self.seen["halted and reopened"] += 1
            case LimitReached():
                self.seen[f"limit: {event.limit}"] += 1
            case TradingResumed():
                self.seen["stopped and resumed"] += 1
            case OrderCancelled(reason=reason) if reason == SELF_TRADE:
                self.seen["self-trade prevented"] += 1
            case RulebookAdopted():
                sessions = self.desk.state.sessions.values()
                self.seen["rules changed between bid and close"] += any(
                    len(each.orders) and each.phase in ALIVE for each in sessions
                )
            case ReceiptConfirmed(received_kg=int(came)):
                self.seen["part came" if came else "nothing came"] += 1
            case DefaultCovered() if event.source.partition(" of ")[0] != "guarantee":
                self.seen["default beyond the guarantee"] += 1
