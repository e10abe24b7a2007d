"""A venue under faults, in one thread and by no clock: one seed is one run, and the same seed is the same run.

A real engine works over a journal in memory that fails on purpose. Clients send commands of every topic, repeat them,
take them back, reuse an identifier, fill the queue. First faults may come anywhere; then none, and everything that was
unknown must be answered. A judge follows the durable rows and every answer, and says in words what is wrong.
"""

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from tests.auditor import Auditor
from tests.property.test_money_properties import broken_promises
from tests.simulation_judge import Judge
from tests.simulation_moves import FIRST_DAY, TRADERS, Moves
from tests.simulation_rules import drawn_rulebook
from tests.trading_samples import REGIONAL, REPUBLICAN, instrument
from tests.venue_samples import PEOPLE, instant, replaced

from naryq import exchange
from naryq.engine import Answer, Engine, Promise, snapshots, writer
from naryq.journal.contract import Record, Step, outcome_unknown
from naryq.journal.memory import WHERE, MemoryJournal
from naryq.journal.snapshots import MemorySnapshots, Snapshot
from naryq.messages import (
    AdmitParticipant,
    AdoptRulebook,
    AnyCommand,
    Code,
    Deposit,
    Entry,
    ListInstrument,
)

QUEUE_LIMIT, BATCH_LIMIT, SNAPSHOT_EVERY = 12, 8, 120
BURSTS = (*(1, 2, 2, 3, 3, 5, 8) * 3, 16)
"""How many commands come before the engine takes a batch; the longest does not fit the queue."""
COMPARED_EVERY = 100
"""How many rows lie between two comparisons of the whole state with the auditor's books."""
LIVE_TURNS = 200
"""Within so many turns without a fault everybody must have an answer."""
AGAIN = {Code.BUSY, Code.STOPPED, Code.OUTCOME_UNKNOWN, Code.JOURNAL_LOCKED}
FAULTS = (
    "kept",
    "kept",
    "not kept",
    "not kept",
    *("overtaken",) * 2,
    *(step for step in Step if not step.value.startswith("snapshot")),
)
RESTARTS = ("journal", "snapshot", "snapshot", "damaged", "foreign", "older")


MONEY_TIYN = (10**11, 10**11, 2 * 10**9)
"""What somebody may have on the first day: as good as everything, or a few orders' guarantees."""
ROLES: dict[str, Any] = {**PEOPLE, "tengiz": "seller", "taraz": "buyer"}


class Killed(Exception):  # noqa: N818 - it is no error of the program
    """The process dies here."""


class Held:
    """A thread that runs when somebody waits for it, and not before."""

    def __init__(self, *, target: Callable[..., None], args: tuple[Any, ...] = (), **_: Any) -> None:
        self._target, self._args, self._done = target, args, False

    def start(self) -> None:
        """Wait for somebody to wait."""

    def is_alive(self) -> bool:
        return not self._done

    def join(self) -> None:
        if not self._done:
            self._done = True
            self._target(*self._args)


@contextmanager
def one_thread() -> Iterator[None]:
    """Let engines start no threads of their own."""
    held = SimpleNamespace(Lock=threading.Lock, Condition=threading.Condition, Thread=Held)
    with patch.object(writer, "threading", held), patch.object(snapshots, "threading", held):
        yield


class FaultyJournal(MemoryJournal):
    """A journal in memory whose next append may fail, kept or not."""

    fault: str | None = None
    attempted: tuple[int, int] = (0, 0)
    """The rows before the last append, and how many it was to add."""

    def append(self, payloads: Sequence[bytes]) -> Record:
        fault, self.fault = self.fault, None
        self.attempted = (len(self.rows), len(payloads))
        if fault is None:
            return super().append(payloads)
        if fault == "kept":
            super().append(payloads)
        self.close()
        raise outcome_unknown(WHERE, "a fault of the simulation")


class Simulation:
    """One seed: the venue, its clients, its faults, and its judge."""

    def __init__(self, seed: int, commands: int) -> None:
        self.draw = random.Random(seed)
        self.commands = commands
        self.rows: list[Record] = []
        self.store = MemorySnapshots()
        self.desk = SimpleNamespace(state=exchange.initial_state(), rows=list[Entry](), at_ns=0, auditor=Auditor())
        self.judge = Judge(self.desk)
        self.moves = Moves(self.desk, self.draw)
        self.fault_share = self.draw.choice((0, 0.03, 0.06))
        self.waiting: list[tuple[AnyCommand, Promise]] = []
        self.again: list[AnyCommand] = []
        self.kill_at: Step | None = None
        self.rival: Engine[exchange.State] | None = None
        self.due = COMPARED_EVERY
        self.open("journal")

    @property
    def seen(self) -> Counter[str]:
        """What the run has met."""
        return self.judge.seen

    @property
    def met(self) -> Counter[str]:
        """What the run has met, with what the auditor has seen."""
        return Counter(self.judge.seen + self.desk.auditor.seen)

    @property
    def findings(self) -> list[str]:
        """What is wrong."""
        return self.judge.findings

    def play(self) -> "Simulation":
        """Run both phases, and look at everything once more."""
        self.found()
        while self.moves.made < self.commands and not self.findings:
            for _ in range(self.draw.choice(BURSTS)):
                self.offer(self.choose())
            self.take_back()
            self.turn(self.fault())
        if not self.findings:
            self.calm()
        if not self.findings:
            self.finish()
        return self

    def found(self) -> None:
        """Admit the people, adopt the rulebook, list the instruments, and put money on the accounts.

        Whoever lists one before there are rules is told so.
        """
        stamp: dict[str, Any] = {"actor": "operator", "at_ns": instant("08:00", FIRST_DAY.isoformat())}
        first: list[Any] = [
            AdmitParticipant(command_id=f"f-{who}", participant_id=who, name=who, role=role, **stamp)
            for who, role in ROLES.items()
        ]
        first.append(ListInstrument(command_id="f-too-early", **instrument(REGIONAL, "KZ-47"), **stamp))
        first.append(
            AdoptRulebook(command_id="f-rules", rulebook=drawn_rulebook(self.draw), **{**stamp, "actor": "regulator"})
        )
        for code, region in ((REGIONAL, "KZ-47"), (REPUBLICAN, "KZ")):
            first.append(ListInstrument(command_id=f"f-{code}", **instrument(code, region), **stamp))
        for who in TRADERS:
            money: dict[str, Any] = {"participant_id": who, "amount_tiyn": self.draw.choice(MONEY_TIYN)}
            money["bank_reference"] = f"f-{who}-money"
            first.append(Deposit(command_id=f"f-money-{who}", **money, **stamp))
        for command in first:
            self.offer(command)
            self.turn(None)

    # --- The clients --------------------------------------------------------------------------------------------

    def choose(self) -> AnyCommand:
        """Return a new command, one whose answer is wanting, one already answered, or another of its identifier.

        Another comes from its sender, who may not, or from somebody else, of whom it is the first by that identifier.
        """
        chance = self.draw.random()
        if self.again and chance < 0.3:
            return self.again.pop(self.draw.randrange(len(self.again)))
        if self.desk.rows and chance > 0.97:
            row: Entry = self.draw.choice(self.desk.rows)
            if chance > 0.98:
                return self.again_as(row.command, at_ns=row.command.at_ns + self.draw.choice((0, 0, 1)))
            if chance > 0.975:
                return self.again_as(self.moves.next(), command_id=row.command.command_id, actor=row.command.actor)
            others = [who for who in ROLES if who != row.command.actor]
            return self.again_as(row.command, actor=self.draw.choice(others))
        return self.moves.next()

    def again_as(self, command: AnyCommand, **changes: Any) -> AnyCommand:
        """Return a command under its identifier with something changed."""
        changed: AnyCommand = replaced(command, **changes)
        return changed

    def offer(self, command: AnyCommand) -> None:
        """Give a command to the engine; what it answers at the door is judged at once."""
        full = len(self.engine._queue) >= QUEUE_LIMIT
        turned_away = Code.STOPPED if not self.engine.running else Code.BUSY if full else None
        self.judge.sent(command)
        promise = self.engine.offer(command)
        if turned_away is None or not promise.done():
            self.judge.at_the_door(turned_away, promise.done())
            self.waiting.append((command, promise))
        else:
            self.hear(command, promise.result(0), turned_away)

    def take_back(self) -> None:
        """Let a client change its mind, now and then: what the writer has not taken never takes effect."""
        if self.waiting and self.draw.random() < 0.05:
            command, promise = self.draw.choice(self.waiting)
            if promise.cancel() and self.judge.taken_back(command, [each for each, _ in self.waiting]):
                self.again.append(command)

    def hear(self, command: AnyCommand, answer: Answer, expected: Code | None = None) -> None:
        """Judge an answer; whoever is told so sends the same command again."""
        code = self.judge.heard(command, answer, self.rows, expected)
        if code in AGAIN:
            self.again.append(command)

    def hear_all(self) -> None:
        """Judge what has been answered by now."""
        waiting, self.waiting = self.waiting, []
        for command, promise in waiting:
            if not promise.done():
                self.waiting.append((command, promise))
                continue
            try:
                answer = promise.result(0)
            except CancelledError:
                continue
            self.hear(command, answer)

    # --- The engine and its faults ------------------------------------------------------------------------------

    def fault(self) -> str | None:
        """Draw what goes wrong in the next turn: rather one that leaves somebody waiting in the queue."""
        share = self.fault_share * (4 if len(self.engine._queue) > BATCH_LIMIT else 1)
        return self.draw.choice(FAULTS) if self.draw.random() < share else None

    def at_step(self, step: Step) -> None:
        if step is self.kill_at:
            self.kill_at = None
            raise Killed

    def turn(self, fault: str | None) -> None:
        """Let the engine take one batch, with a fault on its way or none; start it again where it has stopped."""
        if all(waiting.promise.done() for waiting in self.engine._queue):
            self.hear_all()
            return  # With nobody to answer the engine would wait for a command, and this thread is the only one.
        self.judge.fault(fault)
        self.kill_at = fault if isinstance(fault, Step) else None
        self.journal.fault = fault if fault in {"kept", "not kept"} else None
        if fault == "overtaken":
            self.overtake()
        try:
            self.engine._turn()
        except Killed:
            self.seen["killed"] += 1
        self.kill_at = None
        self.absorb()
        self.hear_all()
        if self.draw.random() < 0.3 and self.engine._keeper is not None:
            self.engine._keeper.close()
        if not self.engine.running:
            self.restart()

    def overtake(self) -> None:
        """Let a rival take the journal and write a row of its own."""
        rival = MemoryJournal(self.rows)
        command = self.moves.next()
        self.judge.sent(command)
        with Engine(rival) as engine:
            promise = engine.offer(command)
            engine._turn()
            answer = promise.result(0)
        self.journal.attempted = (len(self.rows), 0)
        self.judge.overtaken = True
        self.absorb()
        self.hear(command, answer)

    def absorb(self) -> None:
        """Read the rows that are durable now, judge them, and look at the whole now and then."""
        self.judge.group(len(self.rows), *self.journal.attempted)
        self.judge.absorb(self.rows)
        if len(self.rows) >= self.due:
            self.due = len(self.rows) + COMPARED_EVERY
            self.compare()

    def compare(self) -> None:
        """Compare the whole state with the auditor's books, and ask for every promise about money."""
        self.judge.findings += self.desk.auditor.compare(self.desk.state)
        self.judge.findings += broken_promises(self.desk.state)
        if self.engine.running and not self.judge.overtaken and self.engine.state != self.desk.state:
            self.judge.findings.append("the running state is not that of the rows")

    def open(self, how: str) -> None:
        """Open the journal again and start an engine from it and from the snapshots, as they are."""
        self.spoil(how)
        self.journal = FaultyJournal(self.rows, at_step=self.at_step)
        self.journal.attempted = (len(self.rows), 0)
        self.engine = Engine(
            self.journal,
            queue_limit=QUEUE_LIMIT,
            batch_limit=BATCH_LIMIT,
            snapshots=None if how == "journal" and self.rows else self.store,
            snapshot_every=SNAPSHOT_EVERY,
            at_step=self.at_step,
        )

    def spoil(self, how: str) -> None:
        """Damage the newest snapshot, forge one of another history, or lose the newest."""
        found = next(self.store.newest_first(), None)
        if found is None or not self.rows:
            return
        if how == "damaged":
            spoilt = bytearray(found.state)
            spoilt[self.draw.randrange(len(spoilt))] ^= 1 << self.draw.randrange(8)
            self.store.kept[found.sequence] = found._replace(state=bytes(spoilt))
        if how == "foreign":
            head = self.rows[-1]
            self.store.put(Snapshot(head.sequence, bytes(32), exchange.snapshot(exchange.initial_state())))
        if how == "older":
            del self.store.kept[found.sequence]

    def restart(self) -> None:
        """Start again after a failure, and compare what was recovered with what the rows say."""
        if self.engine._keeper is not None:
            self.engine._keeper.close()
        self.engine.close()
        self.absorb()
        self.hear_all()
        how = self.draw.choice(RESTARTS)
        self.judge.outcomes()
        self.open(how)
        self.judge.recovered(self.engine, how)

    # --- Without faults -----------------------------------------------------------------------------------------

    def calm(self) -> None:
        """Without faults everything is answered, and what was unknown is known."""
        for _ in range(LIVE_TURNS):
            if not self.again and not self.waiting:
                break
            while self.again and len(self.engine._queue) < QUEUE_LIMIT:
                self.offer(self.again.pop())
            self.turn(None)
        self.judge.all_known([*self.again, *(command for command, _ in self.waiting)])

    def finish(self) -> None:
        """Close the venue, and start it from the journal alone and from a snapshot: all end in one state."""
        self.compare()
        if exchange.restored(exchange.snapshot(self.desk.state)) != self.desk.state:
            self.judge.findings.append("a snapshot gives back another state")
        self.engine.close()
        self.absorb()
        for how in ("journal", "snapshot"):
            self.open(how)
            self.judge.recovered(self.engine, how)
            self.engine.close()


def simulate(seed: int, commands: int = 1_000) -> Simulation:
    """Run one seed."""
    with one_thread():
        return Simulation(seed, commands).play()
