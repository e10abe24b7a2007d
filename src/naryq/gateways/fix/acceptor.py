"""The sockets around the sessions: it carries out what the machines say, in order, and keeps before it writes.

All that one turn of the loop has caused is kept in one commit, in a thread of its own; the bytes follow when it is
durable. While a commit is under way the next turn's work is gathered, so that a slow disk makes groups, not queues.
"""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple, Protocol, TypeAlias, cast

from naryq.gateways.fix.connection import Act, Admit, Connection
from naryq.gateways.fix.session import Close, Deliver, Forget, Joined, Keep, Sent, Session, Terms, Write
from naryq.gateways.fix.store import Change, Numbers, Store
from naryq.gateways.fix.wire import Field, Message

TICK_SECONDS: Final = 0.2
CONNECTIONS_MAX: Final = 1_000
LOG: Final = logging.getLogger("naryq.fix")

Certificate: TypeAlias = dict[str, Any]
"""What Python says of a counterparty's verified certificate; empty when it showed none."""


class Caller(NamedTuple):
    """Who connects, as far as the line says it: the address, and the certificate."""

    address: str
    certificate: Certificate


class Seat:
    """One counterparty's place: its session, what is not kept of it yet, and how far it is answered."""

    def __init__(self, terms: Terms, store: Store) -> None:
        """Go on where the store says that the session stands."""
        numbers = store.numbers(terms.theirs)
        self.name: Final = terms.theirs
        self.told = numbers.told
        """The last journal row that was told over this session."""
        self.unanswered: set[int] = set()
        """The numbers of messages that were delivered and are not answered for good."""
        self.beginnings = 0
        """How often the numbers have begun anew: a number alone does not say which message is meant."""
        self.link: Link | None = None
        self._store = store
        self._unkept: dict[int, Sent] = {}
        self._forgets = False
        self.session: Final = Session(
            terms, self._history, incoming=numbers.incoming, outgoing=numbers.outgoing, begun_ns=numbers.begun_ns
        )

    def keep(self, sent: Sent) -> None:
        """Let a message be kept with the next commit."""
        self._unkept[sent.number] = sent

    def forget(self) -> None:
        """Let all that was sent be forgotten with the next commit."""
        self._unkept.clear()
        self.unanswered.clear()
        self.beginnings += 1
        self._forgets = True

    def change(self) -> Change:
        """Return what is to be kept now.

        The expected number is kept only as far as everything before it is answered: after a crash the counterparty is
        asked for the rest again, and what took effect before is known by its own identifier.
        """
        session = self.session
        incoming = min(self.unanswered, default=session.incoming)
        numbers = Numbers(incoming, session.outgoing, session.begun_ns, self.told)
        return Change(self.name, numbers, tuple(self._unkept.values()), self._forgets)

    def kept(self, change: Change) -> None:
        """Note that a change is durable."""
        for sent in change.sent:
            if self._unkept.get(sent.number) is sent:
                del self._unkept[sent.number]
        self._forgets = False

    def _history(self, first: int, last: int) -> Iterable[Sent]:
        kept = () if self._forgets else self._store.history(self.name, first, last)
        found = {sent.number: sent for sent in (*kept, *self._unkept.values())}
        return [found[number] for number in sorted(found) if first <= number <= last]


class Host(Protocol):
    """Whose acceptor it is: who may log on, and what becomes of application messages."""

    def find(self, name: str) -> Seat | None:
        """Return a counterparty's seat; None when we know nobody by the name."""

    async def admit(self, logon: Message, caller: Caller) -> str:
        """Return why whoever logs on is not let in; empty when it has proven who it is."""

    def joined(self, seat: Seat) -> None:
        """Hear that a counterparty has logged on."""

    def deliver(self, seat: Seat, message: Message) -> None:
        """Take an application message; its number stays in `seat.unanswered` until it is answered for good."""

    def gone(self, seat: Seat) -> None:
        """Hear that a counterparty's connection is gone."""


class Acceptor:
    """All connections and sessions of one port. It belongs to the loop."""

    def __init__(self, ours: str, store: Store, clock: Callable[[], int]) -> None:
        """Begin without a host, who is named before anybody connects; the clock gives ns since 1970 in UTC."""
        self.ours: Final = ours
        self.store: Final = store
        self.clock: Final = clock
        self.host: Host | None = None
        self.links: Final[set[Link]] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._dirty: dict[str, Seat] = {}
        self._steps: list[Callable[[], object]] = []
        self._keeping = False
        self._thread = ThreadPoolExecutor(1, "naryq-fix")

    @asynccontextmanager
    async def listening(self, address: str, port: int, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
        """Take connections while the context is open; yields the port. At its end everybody is logged out."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Link(self), address, port, ssl=tls)
        ticker = asyncio.create_task(self._tick())
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            ticker.cancel()
            await self._farewell()
            self._thread.shutdown()

    async def _farewell(self) -> None:
        """Log everybody out, give them the time of a breath to answer, and keep what is left."""
        for link in tuple(self.links):
            if link.connection.session is not None:
                link.act([*link.connection.session.logout("The venue closes", self.clock())])
        for _ in range(10):
            if self.links or self._keeping or self._dirty:
                await asyncio.sleep(TICK_SECONDS / 2)
        for link in tuple(self.links):
            link.close("the venue closes")
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.sleep(0)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            for link in tuple(self.links):
                link.act(link.connection.tick(self.clock()))

    # --- What the machines say --------------------------------------------------------------------------------------

    def carry_out(self, acts: Iterable[Act], seat: Seat | None, link: "Link | None") -> None:
        """Carry out what a machine says; bytes are written once all before them is durable.

        What is delivered comes last: an answer to it has a number behind all that was numbered before.
        """
        for act in sorted(acts, key=lambda act: isinstance(act, Deliver)):
            self._one(act, seat, link)
        if seat is not None:
            self.changed(seat)

    def send(
        self, seat: Seat, kind: str, body: Iterable[Field], *, passing: bool = False, header: Iterable[Field] = ()
    ) -> None:
        """Send an application message, now or when the counterparty asks for what it has missed."""
        effects = seat.session.send(kind, body, self.clock(), passing=passing, header=header)
        self.carry_out([*effects], seat, seat.link)

    def changed(self, seat: Seat) -> None:
        """Let what has changed about a seat be kept at the end of this turn."""
        if not self._dirty and not self._keeping:
            asyncio.get_running_loop().call_soon(self._flush)
        self._dirty[seat.name] = seat

    def _one(self, act: Act, seat: Seat | None, link: "Link | None") -> None:
        host = self.host
        assert host is not None, "an acceptor has a host before anybody connects"
        if isinstance(act, Write):
            if link is not None:
                self._steps.append(lambda raw=act.raw: link.write(raw))  # type: ignore[misc]
        elif isinstance(act, Keep):
            assert seat is not None, "only a session keeps messages"
            seat.keep(act.sent)
        elif isinstance(act, Forget):
            assert seat is not None, "only a session forgets"
            seat.forget()
        elif isinstance(act, Deliver):
            assert seat is not None, "only a session delivers"
            seat.unanswered.add(int(act.message.get(34)))
            host.deliver(seat, act.message)
        elif link is not None:
            self._of_link(act, seat, link, host)

    def _of_link(self, act: Act, seat: Seat | None, link: "Link", host: Host) -> None:
        if isinstance(act, Joined):
            assert seat is not None, "only a session is joined"
            seat.link = link
            host.joined(seat)
        elif isinstance(act, Admit):
            task = asyncio.get_running_loop().create_task(link.admit(act.logon, host))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        elif isinstance(act, Close):
            if seat is None:
                link.close(act.reason)
            else:
                self._steps.append(lambda reason=act.reason: link.close(reason))  # type: ignore[misc]

    # --- Keeping ----------------------------------------------------------------------------------------------------

    def _flush(self) -> None:
        if self._keeping or not self._dirty:
            return
        seats, self._dirty = self._dirty, {}
        steps, self._steps = self._steps, []
        changes = [seat.change() for seat in seats.values()]
        self._keeping = True
        keeping = asyncio.get_running_loop().run_in_executor(self._thread, self.store.keep, changes)
        keeping.add_done_callback(lambda done: self._kept(done, seats, changes, steps))

    def _kept(
        self,
        done: "asyncio.Future[None]",
        seats: dict[str, Seat],
        changes: list[Change],
        steps: list[Callable[[], object]],
    ) -> None:
        """Write what is durable now. What could not be kept is not written: nobody may see what we would forget."""
        self._keeping = False
        if done.exception() is not None:
            for link in tuple(self.links):
                link.close("the session could not be kept")
            done.result()
        for change in changes:
            seats[change.name].kept(change)
        for step in steps:
            step()
        self._flush()


class Link(asyncio.Protocol):
    """One socket and its connection."""

    def __init__(self, acceptor: Acceptor) -> None:
        """Belong to an acceptor."""
        self._acceptor = acceptor
        self._transport: asyncio.Transport | None = None
        self.connection = Connection(acceptor.ours, self._find, acceptor.clock())

    def _find(self, name: str) -> Session | None:
        host = self._acceptor.host
        seat = host.find(name) if host else None
        return seat.session if seat is not None else None

    @property
    def _seat(self) -> Seat | None:
        host, session = self._acceptor.host, self.connection.session
        return host.find(session.terms.theirs) if host and session else None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin; one more than there may be is cut off."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own is no subclass of it.
        self._acceptor.links.add(self)
        if len(self._acceptor.links) > CONNECTIONS_MAX:
            self.close("too many connections")

    def data_received(self, data: bytes) -> None:
        """Take bytes."""
        for acts in self.connection.receive(data, self._acceptor.clock()):
            self.act(acts)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's own signature
        """End."""
        seat = self._seat
        self.connection.lost()
        self._acceptor.links.discard(self)
        if seat is not None and seat.link is self:
            seat.link = None
            assert self._acceptor.host is not None, "a seat has a host"
            self._acceptor.host.gone(seat)

    def act(self, acts: list[Act]) -> None:
        """Carry out what the connection's machine says."""
        if acts or self.connection.session is not None:
            self._acceptor.carry_out(acts, self._seat, self)

    async def admit(self, logon: Message, host: Host) -> None:
        """Find out who it is, and go on."""
        assert self._transport is not None, "who logs on is connected"
        address, *_ = self._transport.get_extra_info("peername") or ("",)
        reason = await host.admit(logon, Caller(address, self._transport.get_extra_info("peercert") or {}))
        if reason:
            self.act(self.connection.refused(reason))
            return
        for acts in self.connection.admitted(self._acceptor.clock()):
            self.act(acts)

    def write(self, raw: bytes) -> None:
        """Write bytes, unless the connection is gone."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(raw)

    def close(self, reason: str) -> None:
        """End the connection, once what was written before is sent."""
        if self._transport is not None and not self._transport.is_closing():
            LOG.info("fix: a connection ends: %s", reason)
            self._transport.close()
