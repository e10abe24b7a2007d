"""The house behind all doors: the engine, who may enter, and the state as the doors see it, in one asyncio loop.

The engine's writer is a thread of its own. What it says comes into the loop by one bell: for each batch of answers
and rows it is rung once, since waking a loop costs more than an answer. Views are told of rows before the answers that
stand in them are given: whoever is answered finds what he has caused in everything that he looks at.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import Final, NamedTuple, TypeAlias, TypeVar

from msgspec import structs

from naryq.access import Access, Principal
from naryq.access.switches import SWITCHED_OFF
from naryq.engine import NOT_KEPT, Answer, Engine, EngineApart, OnEntry, Promise
from naryq.engine.intake import AHEAD_NS
from naryq.exchange import State, sequence_of
from naryq.gateways.replays import Replays
from naryq.journal.contract import Reader
from naryq.messages import AmendOrder, AnyCommand, Code, Entry, Refusal, SubmitOrder, decode_entry
from naryq.messages.basics import check_said
from naryq.showing.history import History

Clock: TypeAlias = Callable[[], int]
"""Nanoseconds since 1970 in UTC."""
View: TypeAlias = Callable[[Entry], None]
"""What is folded from every row since the venue's first, the recovered ones among them."""


ENTERING: Final = (SubmitOrder, AmendOrder)
"""The commands that a kill switch keeps out."""


Folded = TypeVar("Folded")


def _fold(open_reader: Callable[[], Reader], fold: Callable[[Iterator[Entry]], Folded]) -> Folded:
    with closing(open_reader()) as reader:
        return fold(decode_entry(record.payload) for record in reader.read())


class _Asked(NamedTuple):
    """Somebody who waits in the loop for the answers to some commands."""

    future: asyncio.Future[list[Answer]]
    promises: list[Promise]


class House:
    """The venue as every gateway has it. All but the writer's side belongs to the loop, and needs no lock.

    The views are told each row from the first on, in the thread that opens the house and then in the loop; all rows of
    a commit are told in one step of the loop. `history` is one of them.
    """

    def __init__(
        self,
        open_engine: Callable[[OnEntry], Engine[State] | EngineApart[State]],
        access: Access,
        clock: Clock,
        *,
        views: Sequence[View] = (),
        second_person: frozenset[type[AnyCommand]] = frozenset(),
        open_reader: Callable[[], Reader] | None = None,
    ) -> None:
        """Open the engine, which recovers; the doors open with `enter`. What is folded from all rows needs a reader.

        `second_person` are the commands that one person asks for and another of the same participant confirms.
        """
        self._second_person = second_person
        self._open_reader = open_reader
        self._folding = asyncio.Lock()
        self.access: Final = access
        self.history: Final = History()
        self.replays: Final = Replays(self.folded)
        self.figures: Final[list[Callable[[], Iterator[str]]]] = []
        """What yields the lines of a door's own metrics."""
        self._views = (self.history.see, *views)
        self._clock = clock
        self._loop: asyncio.AbstractEventLoop | None = None
        self._rows: deque[Entry] = deque()
        self._told: deque[_Asked] = deque()
        self._held: list[_Asked] = []
        self._rung = False
        self._seen = 0
        self.engine: Final = open_engine(self._on_entry)
        self._latest_ns = self.state.at_ns

    @property
    def state(self) -> State:
        """The last durable state: a value, which may be a few rows ahead of the views."""
        return self.engine.state

    def enter(self) -> None:
        """Belong to the running loop from now on."""
        self._loop = asyncio.get_running_loop()
        if isinstance(self.engine, EngineApart):
            self.engine.deliver(self._loop.call_soon_threadsafe)

    async def leave(self) -> None:
        """Answer all that was asked, and close the engine with its journal."""
        await asyncio.to_thread(self.engine.close)
        self._drain()

    async def metrics(self) -> str:
        """Return the figures of the engine, which may come from another process, and of the doors."""
        text = await asyncio.to_thread(self.engine.metrics)
        return text + "".join(f"{line}\n" for figures in self.figures for line in figures())

    async def folded(self, fold: Callable[[Iterator[Entry]], Folded]) -> Folded:
        """Fold all rows of the journal in a thread, one fold at a time: a long journal takes its seconds."""
        assert self._open_reader is not None, "a house that folds its rows has a reader"
        async with self._folding:
            return await asyncio.to_thread(_fold, self._open_reader, fold)

    @property
    def is_ready(self) -> bool:
        """Whether commands are taken."""
        return self._loop is not None and self.engine.running

    def now_ns(self) -> int:
        """Return the time for the next command: the venue's clock, which never runs backward.

        Where the clock is set back by more than a command may lie ahead of it, what we stamp would be refused for as
        long. Then only what stands in a row holds: a clock that was wrong while nothing was taken has done no harm.
        """
        now_ns = self._clock()
        stamped_ns = self._latest_ns if self._latest_ns <= now_ns + AHEAD_NS else 0
        self._latest_ns = max(stamped_ns, self.state.at_ns, now_ns)
        return self._latest_ns

    async def request(self, principal: Principal, command: AnyCommand) -> Answer:
        """Give a person's command, stamped as for `submit`; what needs a second person waits for one.

        Raises:
            Refusal: SECOND_PERSON, where the command waits from now on; WORDS_MISSING, where its second person could
                not read why.
        """
        is_new = sequence_of(self.state, command.actor, command.command_id) is None
        if is_new and type(command) in self._second_person:
            check_said(command)
            pending_id = self.access.seconds.ask(principal, command)
            what = f"{type(command).__name__} waits for another person of {principal.participant_id!r}"
            remedy = "Let that person approve it under the identifier given."
            raise Refusal(Code.SECOND_PERSON, what, where=pending_id, remedy=remedy)
        return await self.submit(command)

    async def approve(self, principal: Principal, pending_id: str) -> Answer:
        """Carry out what waits, as its second person; refuses as `Seconds.approvable` does.

        Should we end in between, it still waits, and has its first answer when it is approved again.
        """
        pending = self.access.seconds.approvable(principal, pending_id)
        answer = await self.submit(structs.replace(pending.command, at_ns=self.now_ns()))
        if answer.sequence != NOT_KEPT:
            self.access.seconds.decided(pending_id, principal, "approved")
        return answer

    async def submit(self, command: AnyCommand) -> Answer:
        """Give a command that was stamped by `now_ns` in this very step of the loop, and wait for its answer."""
        (answer,) = await self.offer([command])
        return answer

    async def submit_many(self, commands: list[AnyCommand], *, whole: bool = False) -> list[Answer]:
        """Give a batch of stamped commands, which is queued whole or refused whole, and wait for all answers.

        With `whole` it is also taken whole or not at all.
        """
        return await self.offer(commands, whole=whole)

    def offer(self, commands: list[AnyCommand], *, whole: bool = False) -> asyncio.Future[list[Answer]]:
        """Give a batch of stamped commands, one at least; the future never fails: a refusal is an answer too."""
        assert self._loop is not None, "the house is entered before anything is asked of it"
        future = self._loop.create_future()
        if self.access.switches.engaged and any(map(self._is_switched_off, commands)):
            future.set_result([Answer(NOT_KEPT, (SWITCHED_OFF,))] * len(commands))
            return future
        asked = _Asked(future, self.engine.offer_many(commands, whole=whole))
        # The writer answers in the order of the queue: when the last has its answer, all have theirs.
        last = next((promise for promise in reversed(asked.promises) if not promise.done()), None)
        if last is None:
            self._hear(asked)
        else:
            last.add_done_callback(lambda _: self._hear(asked))
        return asked.future

    def _is_switched_off(self, command: AnyCommand) -> bool:
        return isinstance(command, ENTERING) and command.actor in self.access.switches.engaged

    # --- The writer's side, in its thread ---------------------------------------------------------------------------

    def _on_entry(self, entry: Entry) -> None:
        if self._loop is None:
            self._see(entry)
        else:
            self._rows.append(entry)
            self._ring()

    def _hear(self, asked: _Asked) -> None:
        self._told.append(asked)
        self._ring()

    def _ring(self) -> None:
        if not self._rung:
            self._rung = True
            assert self._loop is not None, "nobody hears before the house is entered"
            self._loop.call_soon_threadsafe(self._drain)

    # --- The loop's side --------------------------------------------------------------------------------------------

    def _drain(self) -> None:
        """Tell the views all rows that have come, then give all answers whose rows were told; the others wait."""
        self._rung = False
        while self._told:
            self._held.append(self._told.popleft())
        while self._rows:
            self._see(self._rows.popleft())
        waiting, self._held = self._held, []
        for asked in waiting:
            self._give(asked)

    def _see(self, entry: Entry) -> None:
        self._seen = entry.sequence
        for view in self._views:
            view(entry)

    def _give(self, asked: _Asked) -> None:
        answers = [promise.result() for promise in asked.promises]
        if max(answer.sequence for answer in answers) > self._seen:
            self._held.append(asked)
        elif not asked.future.done():  # Whoever asked may have gone away.
            asked.future.set_result(answers)
