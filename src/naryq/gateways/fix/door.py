"""The FIX door of the venue: who may log on, what each message becomes, and who is told of which row."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from naryq.access.principals import Principal
from naryq.engine import NOT_KEPT, Answer
from naryq.exchange import sequence_of
from naryq.gateways.fix import dictionary, incoming, listings, market_data, reports, tags
from naryq.gateways.fix.acceptor import Acceptor, Caller, Certificate, Seat
from naryq.gateways.fix.blotter import CANCEL_REJECT, EXECUTION, MASS_CANCEL_REPORT, Blotter, Report, command_id
from naryq.gateways.fix.incoming import CANCEL, CANCEL_REPLACE, MASS_CANCEL, NEW_ORDER
from naryq.gateways.fix.market_data import Declined, Subject
from naryq.gateways.fix.reports import Ticket
from naryq.gateways.fix.schedule import Schedule
from naryq.gateways.fix.session import BUSINESS_REJECT, Terms
from naryq.gateways.fix.store import Store
from naryq.gateways.fix.wire import Field, Message
from naryq.gateways.house import House
from naryq.gateways.stream_hub import Hub
from naryq.messages import AnyCommand, Code, Entry, PhaseChanged, Refusal, Refused
from naryq.showing.announcements import Announcement

FLUSH_SECONDS: Final = 0.05
"""How long what happens in the markets is gathered before it is told."""
FIELD_MISSING: Final = "5"
CERTIFICATE: Final = "certificate"
"""The credential of whoever logs on without a key."""
RECHECK_SECONDS: Final = 15
"""How often we look whether the keys of those who are here still stand."""
UNKNOWN_AFTERWARDS: Final = (Code.OUTCOME_UNKNOWN, Code.STOPPED)
"""What is answered when the venue itself does not know yet: the counterparty is asked for the order again later."""


class Origin(NamedTuple):
    """Which message of a session: its number, and since which beginning of the numbers."""

    beginnings: int
    number: int


class Terminal:
    """What a counterparty has open: commands that are not answered, and what it wants to be told of."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.principal: Principal | None = None
        """Who has logged on last, and from where."""
        self.address = ""
        self.asked: dict[str, Origin] = {}
        """Command -> the message that it came in."""
        self.requests: dict[str, market_data.Request] = {}
        self.sessions: dict[str, str] = {}
        """Request for the status of trading sessions -> the session, or empty for all."""

    def hang_up(self) -> None:
        """Want to be told of nothing any more."""
        self.requests.clear()
        self.sessions.clear()


class Doorway(NamedTuple):
    """Where and how the door is open."""

    address: str
    port: int
    tls: ssl.SSLContext | None = None
    say: Callable[[str], object] = print


class Door:
    """The host of the venue's acceptor. It belongs to the loop, but for the rows that are told before it runs."""

    def __init__(self, acceptor: Acceptor, hub: Hub, schedule: Schedule | None = None) -> None:
        """Hear of every row that the hub sees, from the venue's first on."""
        acceptor.host = self
        hub.listeners.append(self.hear)
        self._acceptor, self._hub, self._schedule = acceptor, hub, schedule
        self._house: House | None = None
        self._blotter = Blotter()
        self._seats = {name: self._seat(name) for name in acceptor.store.names()}
        self._terminals: dict[str, Terminal] = {}
        self._early: list[tuple[int, Report]] = []
        """What is to be told once the loop runs."""
        self._touched: dict[str, None] = {}
        self._timer: asyncio.TimerHandle | None = None

    def service(self, doorway: Doorway) -> Callable[[House], AbstractAsyncContextManager[object]]:
        """Return what keeps the door open while a house is."""

        @asynccontextmanager
        async def open_door(house: House) -> AsyncIterator[None]:
            self._house = house
            for sequence, report in self._early:
                self._send(sequence, report)
            self._early.clear()
            async with self._acceptor.listening(doorway.address, doorway.port, doorway.tls) as port:
                doorway.say(f"FIX 4.4: {doorway.address}:{port}, TargetCompID {self._acceptor.ours}")
                rechecks = asyncio.create_task(self._recheck())
                try:
                    yield
                finally:
                    rechecks.cancel()
                    if self._timer is not None:
                        self._timer.cancel()

        return open_door

    async def _recheck(self) -> None:
        """Log out, from time to time, whose key was taken back."""
        while True:
            await asyncio.sleep(RECHECK_SECONDS)
            self.recheck()

    def recheck(self) -> None:
        """Log out whose key stands no more."""
        for name, terminal in self._terminals.items():
            seat, principal = self._seats.get(name), terminal.principal
            if seat is None or seat.link is None or principal is None or principal.credential == CERTIFICATE:
                continue
            if not self.house.access.keys.stands(principal.credential):
                effects = seat.session.logout("The key was taken back", self._acceptor.clock())
                self._acceptor.carry_out([*effects], seat, seat.link)

    @property
    def house(self) -> House:
        """The venue."""
        assert self._house is not None, "the door is open within a house"
        return self._house

    # --- Who comes --------------------------------------------------------------------------------------------------

    def find(self, name: str) -> Seat | None:
        """Return the seat of a participant, who has its identifier for a name."""
        seat = self._seats.get(name)
        if seat is None and self._house is not None and name in self.house.state.participants:
            seat = self._seats[name] = self._seat(name)
            seat.told = self._hub.board.sequence
        return seat

    def _seat(self, name: str) -> Seat:
        terms = Terms(self._acceptor.ours, name, incoming.TAKEN, dictionary.load(), schedule=self._schedule)
        return Seat(terms, self._acceptor.store)

    async def admit(self, logon: Message, caller: Caller) -> str:
        """Let in who shows a certificate of its name, or a key of its own as password; note whoever is not let in."""
        name = logon.get(tags.SENDER_COMP_ID)
        try:
            principal = await self._principal(name, logon, caller)
        except Refusal as refusal:
            self.house.access.audit.note(refusal.code, name, "", caller.address, f"FIX logon: {refusal.what}")
            return str(refusal)
        terminal = self._terminals.setdefault(name, Terminal())
        terminal.principal, terminal.address = principal, caller.address
        return ""

    async def _principal(self, name: str, logon: Message, caller: Caller) -> Principal:
        if name in common_names(caller.certificate):
            return Principal(name, name, CERTIFICATE)
        if logon.get(tags.USERNAME, name) != name:
            raise _not_of(name, "the username is not the SenderCompID")
        principal = await self.house.access.principal(f"Bearer {logon.get(tags.PASSWORD)}", caller.address)
        if principal.participant_id != name:
            raise _not_of(name, "the key is not that of the SenderCompID")
        return principal

    def joined(self, seat: Seat) -> None:
        """Begin with nothing subscribed."""
        self._terminal(seat).hang_up()

    def gone(self, seat: Seat) -> None:
        """Tell nothing any more of what was subscribed."""
        self._terminal(seat).hang_up()

    def _terminal(self, seat: Seat) -> Terminal:
        return self._terminals.setdefault(seat.name, Terminal())

    # --- What is asked ----------------------------------------------------------------------------------------------

    def deliver(self, seat: Seat, message: Message) -> None:
        """Take an application message."""
        take = _TAKES[message.kind]
        try:
            settled = take(self, seat, message)
        except Refusal as refusal:
            self._refuse(seat, message, refusal)
            settled = True
        if settled:
            self._settle(seat, message)

    def _settle(self, seat: Seat, message: Message) -> None:
        seat.unanswered.discard(int(message.get(tags.MSG_SEQ_NUM)))

    def take_order(self, seat: Seat, message: Message) -> bool:
        """Give a new order to the venue; one that has come before is not given again."""
        if not self._is_repeat(seat, message):
            return self._offer(seat, message, incoming.submit(message, seat.name, self.house.now_ns()))
        if message.says(tags.POSS_RESEND):
            return self.take_status(seat, message)
        if not message.says(tags.POSS_DUP_FLAG):
            raise _used(message)
        return True

    def take_replace(self, seat: Seat, message: Message) -> bool:
        """Give other terms of an order to the venue."""
        if self._is_repeat(seat, message):
            return self._repeated(message)
        ticket = self._ticket(seat, message)
        return self._offer(seat, message, incoming.amend(message, ticket, seat.name, self.house.now_ns()))

    def take_cancel(self, seat: Seat, message: Message) -> bool:
        """Take an order back."""
        if self._is_repeat(seat, message):
            return self._repeated(message)
        ticket = self._ticket(seat, message)
        return self._offer(seat, message, incoming.cancel(message, ticket, seat.name, self.house.now_ns()))

    def take_mass_cancel(self, seat: Seat, message: Message) -> bool:
        """Take all orders back."""
        if self._is_repeat(seat, message):
            return self._repeated(message)
        return self._offer(seat, message, incoming.cancel_all(message, seat.name, self.house.now_ns()))

    def take_status(self, seat: Seat, message: Message) -> bool:
        """Say how an order stands."""
        name = message.get(tags.CL_ORD_ID)
        ticket = self._blotter.find(seat.name, name)
        identifier = f"S{message.get(tags.MSG_SEQ_NUM)}-{seat.session.outgoing}"
        if ticket is None:
            body = reports.status_unknown(asked_fields(message), identifier)
        else:
            body = reports.execution(ticket, reports.STATUS, identifier, self.house.now_ns())
        self._acceptor.send(seat, EXECUTION, body)
        return True

    def take_market_data(self, seat: Seat, message: Message) -> bool:
        """Show markets once, or from now on, or not any more."""
        requests, identifier = self._terminal(seat).requests, message.get(tags.MD_REQ_ID)
        if message.get(tags.SUBSCRIPTION_REQUEST_TYPE) == "2":
            requests.pop(identifier, None)
            return True
        try:
            asked = market_data.request(self._hub.board, message, requests)
        except Declined as why:
            self._pass(seat, market_data.REJECT, [market_data.declined(message, why)])
            return True
        self._pass(seat, market_data.SNAPSHOT, market_data.snapshots(self._hub.board, asked, asked.subjects))
        if message.get(tags.SUBSCRIPTION_REQUEST_TYPE) == "1":
            requests[identifier] = asked
        return True

    def take_security_list(self, seat: Seat, message: Message) -> bool:
        """List what is traded."""
        self._pass(seat, listings.SECURITY_LIST, listings.security_list(self._hub.board, message))
        return True

    def take_session_status(self, seat: Seat, message: Message) -> bool:
        """Say which sessions are on, and go on saying it if that is wanted."""
        sessions, identifier = self._terminal(seat).sessions, message.get(tags.TRAD_SES_REQ_ID)
        wanted = message.get(tags.SUBSCRIPTION_REQUEST_TYPE)
        if wanted == "2":
            sessions.pop(identifier, None)
            return True
        if wanted == "1" and len(sessions) < market_data.SUBSCRIPTIONS_MAX:
            sessions[identifier] = message.get(tags.TRADING_SESSION_ID)
        self._pass(seat, listings.SESSION_STATUS, listings.session_status(self._hub.board, message))
        return True

    def _is_repeat(self, seat: Seat, message: Message) -> bool:
        """Say whether a message of this kind and ClOrdID has become a command already."""
        identifier = command_id(message.kind, seat.name, message.get(tags.CL_ORD_ID))
        is_known = sequence_of(self.house.state, seat.name, identifier) is not None
        return is_known or identifier in self._terminal(seat).asked

    def _repeated(self, message: Message) -> bool:
        if message.says(tags.POSS_DUP_FLAG) or message.says(tags.POSS_RESEND):
            return True
        raise _used(message)

    def _ticket(self, seat: Seat, message: Message) -> Ticket:
        ticket = self._blotter.find(seat.name, message.get(tags.ORIG_CL_ORD_ID))
        if ticket is None:
            what = f"no order {message.get(tags.ORIG_CL_ORD_ID)!r} is known"
            raise Refusal(Code.UNKNOWN_ORDER, what, where="OrigClOrdID", remedy="Name an order of your own over FIX.")
        return ticket

    def _offer(self, seat: Seat, message: Message, command: AnyCommand) -> bool:
        """Give a command to the venue; its row, once it is told, is the answer."""
        self._check_may_ask(seat)
        origin = Origin(seat.beginnings, int(message.get(tags.MSG_SEQ_NUM)))
        self._terminal(seat).asked[command.command_id] = origin
        future = self.house.offer([command])
        future.add_done_callback(partial(self._answered, seat, message, command))
        return False

    def _check_may_ask(self, seat: Seat) -> None:
        """Refuse (NOT_PERMITTED, TOO_MANY_REQUESTS) a key that only reads, and who asks too often."""
        principal = self._terminal(seat).principal
        if principal is not None and principal.reads_only:
            remedy = "Log on with a key that was not made with `reads_only`."
            raise Refusal(Code.NOT_PERMITTED, "this key only reads", where="Password", remedy=remedy)
        self.house.access.rates.check(seat.name)

    def _answered(
        self, seat: Seat, message: Message, command: AnyCommand, future: asyncio.Future[list[Answer]]
    ) -> None:
        """Refuse what stands in no row; where the venue itself has stopped, leave the message unanswered."""
        (answer,) = future.result()
        if answer.sequence != NOT_KEPT:
            return
        (refused,) = answer.events
        assert isinstance(refused, Refused), "what stands in no row is refused"
        self._terminal(seat).asked.pop(command.command_id, None)
        if refused.code in UNKNOWN_AFTERWARDS:
            if seat.link is not None:
                seat.link.close("the venue has stopped")
            return
        self._refuse(seat, message, refused)
        self._settle(seat, message)
        self._acceptor.changed(seat)

    def _refuse(self, seat: Seat, message: Message, refusal: Refusal | Refused) -> None:
        """Refuse a message in the form that its kind has for it, and note it: it stands in no row."""
        terminal = self._terminal(seat)
        person = terminal.principal.person if terminal.principal else ""
        what = f"FIX {message.kind} {message.get(tags.MSG_SEQ_NUM)}: {refusal.what}"
        self.house.access.audit.note(refusal.code, seat.name, person, terminal.address, what)
        at_ns, name = self.house.now_ns(), message.get(tags.CL_ORD_ID)
        if refusal.code is Code.COLUMN_MISSING:
            self._acceptor.send(seat, BUSINESS_REJECT, _business(message, refusal))
        elif message.kind == NEW_ORDER:
            identifier = f"R{message.get(tags.MSG_SEQ_NUM)}-{seat.session.outgoing}"
            body = reports.rejection(asked_fields(message), refusal, identifier, at_ns)
            self._acceptor.send(seat, EXECUTION, body)
        elif message.kind == MASS_CANCEL:
            kind, session_id = message.get(tags.MASS_CANCEL_REQUEST_TYPE), message.get(tags.TRADING_SESSION_ID)
            self._acceptor.send(seat, MASS_CANCEL_REPORT, reports.mass_cancel(name, kind, session_id, refusal, at_ns))
        else:
            of = message.get(tags.ORIG_CL_ORD_ID)
            ticket = self._blotter.find(seat.name, of)
            to = "2" if message.kind == CANCEL_REPLACE else "1"
            body = reports.cancel_rejection(reports.Withheld(name, of, to), ticket, refusal, at_ns)
            self._acceptor.send(seat, CANCEL_REJECT, body)

    # --- What is told -----------------------------------------------------------------------------------------------

    def hear(self, entry: Entry, announced: Iterable[Announcement]) -> None:
        """Tell whom it concerns of a row, once each, over restarts too."""
        new = [report for report in self._blotter.fold(entry, announced) if self._is_new(report, entry.sequence)]
        if self._house is None:
            self._early += [(entry.sequence, report) for report in new]
            return
        for report in new:
            self._send(entry.sequence, report)
        self._settle_row(entry)
        self._look_at_markets(entry)

    def _is_new(self, report: Report, sequence: int) -> bool:
        seat = self._seats.get(report.owner)
        return seat is not None and sequence > seat.told

    def _send(self, sequence: int, report: Report) -> None:
        """Send a report; that its row was told is kept in the same commit as the report itself."""
        seat = self._seats[report.owner]
        self._acceptor.send(seat, report.kind, report.body)
        seat.told = sequence

    def _settle_row(self, entry: Entry) -> None:
        """Note that a row was told to whoever sent its command, with all that was numbered for it."""
        seat = self._seats.get(entry.command.actor)
        if seat is not None:
            origin = self._terminal(seat).asked.pop(entry.command.command_id, None)
            if origin is not None and origin.beginnings == seat.beginnings:
                seat.unanswered.discard(origin.number)

    def _look_at_markets(self, entry: Entry) -> None:
        for event in entry.events:
            session_id = getattr(event, "session_id", None)
            if session_id is not None:
                self._touched[session_id] = None
            if isinstance(event, PhaseChanged):
                self._tell_phase(event.session_id)
        if self._touched and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_SECONDS, self._tell_markets)

    def _tell_phase(self, session_id: str) -> None:
        shown = self._hub.board.sessions[session_id].shown
        for name, terminal in self._terminals.items():
            for identifier, wanted in terminal.sessions.items():
                if wanted in ("", session_id):
                    body = listings.status(shown, identifier, unsolicited=True)
                    self._pass(self._seats[name], listings.SESSION_STATUS, [body])

    def _tell_markets(self) -> None:
        """Tell everybody who asked for it what has changed in the markets since they were last told."""
        self._timer = None
        touched, self._touched = self._touched, {}
        for name, terminal in self._terminals.items():
            for asked in terminal.requests.values():
                subjects = [subject for subject in asked.subjects if subject.session_id in touched]
                self._tell_market(self._seats[name], asked, subjects)

    def _tell_market(self, seat: Seat, asked: market_data.Request, subjects: list[Subject]) -> None:
        board = self._hub.board
        if asked.incremental:
            body = market_data.changes(board, asked, subjects)
            if body:
                self._pass(seat, market_data.INCREMENTS, [body])
            return
        changed = [each for each in subjects if asked.last.get(each) != market_data.entries(board, asked, each)]
        self._pass(seat, market_data.SNAPSHOT, market_data.snapshots(board, asked, changed))

    def _pass(self, seat: Seat, kind: str, bodies: Iterable[tuple[Field, ...]]) -> None:
        """Send what is worth nothing later."""
        if seat.link is not None:
            for body in bodies:
                self._acceptor.send(seat, kind, body, passing=True)


def common_names(certificate: Certificate) -> set[str]:
    """Return the common names in a verified certificate's subject."""
    return {value for part in certificate.get("subject", ()) for name, value in part if name == "commonName"}


def asked_fields(message: Message) -> Mapping[int, str]:
    """Return the fields of an order or a question that its answer repeats."""
    named = (tags.CL_ORD_ID, tags.ORDER_QTY, tags.ORD_TYPE, tags.PRICE, tags.SIDE, tags.SYMBOL)
    return {tag: message.get(tag) for tag in named}


def _not_of(name: str, what: str) -> Refusal:
    remedy = f"Log on as {name} with a key of {name} as Password (554)."
    return Refusal(Code.NOT_AUTHENTICATED, what, where="Username", remedy=remedy)


def _used(message: Message) -> Refusal:
    what = f"the ClOrdID {message.get(tags.CL_ORD_ID)!r} was used"
    remedy = "Give each request a ClOrdID of its own, and set PossResend on one that is sent again."
    return Refusal(Code.DUPLICATE_ID, what, where="ClOrdID", remedy=remedy)


def _business(message: Message, refusal: Refusal | Refused) -> tuple[Field, ...]:
    return (
        (tags.REF_SEQ_NUM, message.get(tags.MSG_SEQ_NUM)),
        (tags.TEXT, reports.text_of(refusal)),
        (tags.REF_MSG_TYPE, message.kind),
        (tags.BUSINESS_REJECT_REF_ID, message.get(tags.CL_ORD_ID)),
        (tags.BUSINESS_REJECT_REASON, FIELD_MISSING),
    )


_TAKES: Final[Mapping[str, Callable[[Any, Seat, Message], bool]]] = MappingProxyType(
    {
        NEW_ORDER: Door.take_order,
        CANCEL_REPLACE: Door.take_replace,
        CANCEL: Door.take_cancel,
        MASS_CANCEL: Door.take_mass_cancel,
        incoming.STATUS: Door.take_status,
        incoming.MARKET_DATA: Door.take_market_data,
        incoming.SECURITY_LIST: Door.take_security_list,
        incoming.SESSION_STATUS: Door.take_session_status,
    }
)


def door_over(store: Store, ours: str, clock: Callable[[], int], hub: Hub, schedule: Schedule | None = None) -> Door:
    """Return the door of a venue under our own name; it hears of every row that the hub sees."""
    return Door(Acceptor(ours, store, clock), hub, schedule)
