"""The FIX session as a machine: messages and instants in, what is to be done out (FIX 4.4, volume 2).

It reads no clock, no socket and no file. Who drives it carries out the effects in order: what is to be kept is kept
before a byte of it is written, so that a number is never given twice and a message that was seen can be sent again.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Final, Literal, NamedTuple

from naryq.gateways.fix import dictionary as rules
from naryq.gateways.fix import tags, times, wire
from naryq.gateways.fix.dictionary import Dictionary, Problem
from naryq.gateways.fix.schedule import Schedule
from naryq.gateways.fix.wire import Field, Message

HEARTBEAT: Final = "0"
TEST_REQUEST: Final = "1"
RESEND_REQUEST: Final = "2"
REJECT: Final = "3"
SEQUENCE_RESET: Final = "4"
LOGOUT: Final = "5"
LOGON: Final = "A"
BUSINESS_REJECT: Final = "j"
UNSUPPORTED_KIND: Final = "3"

NS: Final = times.NS_PER_SECOND
QUEUE_MAX: Final = 1_000
"""How many messages that came too early are held; later ones are asked for again with the rest."""
ASK_AGAIN_NS: Final = 30 * NS
"""How long a request to resend may go unanswered before it is made again."""
HEARTBEAT_SECONDS_MAX: Final = 3_600


class Terms(NamedTuple):
    """Whose session it is and on which terms: our name, theirs, the kinds of application messages that are taken.

    `latency_seconds` bounds how far their clock may be from ours, `patience_seconds` how long a logout waits for its
    answer. With `fresh`, each logon begins at number one.
    """

    ours: str
    theirs: str
    taken: frozenset[str]
    dictionary: Dictionary
    schedule: Schedule | None = None
    latency_seconds: int = 120
    patience_seconds: int = 2
    fresh: bool = False


class Sent(NamedTuple):
    """An application message as it was first sent."""

    number: int
    raw: bytes


class Keep(NamedTuple):
    """Keep a message, so that it can be sent again."""

    sent: Sent


class Forget(NamedTuple):
    """Forget all messages that were kept: the numbers begin anew."""


class Write(NamedTuple):
    """Send bytes, once everything before it is kept."""

    raw: bytes


class Deliver(NamedTuple):
    """Give an application message to the application."""

    message: Message


class Close(NamedTuple):
    """End the connection; the reason is for the log."""

    reason: str


class Joined(NamedTuple):
    """The counterparty has logged on."""


Effect = Keep | Forget | Write | Deliver | Close | Joined
History = Callable[[int, int], Iterable[Sent]]
"""The kept messages from one number to another, both included, in order."""


class Session:
    """One counterparty's session, which outlives its connections."""

    def __init__(
        self, terms: Terms, history: History, *, incoming: int = 1, outgoing: int = 1, begun_ns: int = 0
    ) -> None:
        """Go on with the numbers that are expected and given next; they were first given out at `begun_ns`."""
        self.terms = terms
        self.incoming, self.outgoing, self.begun_ns = incoming, outgoing, begun_ns
        self.phase: Literal["away", "on", "leaving"] = "away"
        self._history = history
        self._effects: list[Effect] = []
        self._early: dict[int, Message] = {}
        self._now_ns = self._heard_ns = self._spoke_ns = self._left_ns = self._asked_ns = 0
        self._heartbeat_ns = 0
        self._asked = False
        """Whether a request to resend stands open."""
        self._asked_as = 0
        """Its number."""
        self._tested = False
        """Whether a test request stands open."""

    # --- What comes from outside ------------------------------------------------------------------------------------

    def logon(self, message: Message, now_ns: int) -> list[Effect]:
        """Take the logon of a counterparty who has been found to be who it says it is."""
        assert self.phase == "away", "a session has one connection at most"
        self._now_ns = self._heard_ns = now_ns
        self._tested = self._asked = False
        self._early.clear()
        text = self._reason_against(message)
        if text:
            self._say(LOGOUT, [(tags.TEXT, text)])
            self._effects.append(Close(text))
        else:
            self._join(message)
        return self._done()

    def receive(self, message: Message, now_ns: int) -> list[Effect]:
        """Take a message that is not garbled, in a session that stands."""
        self._now_ns = self._heard_ns = now_ns
        self._tested = False
        if message.version != wire.VERSION:
            self._leave("Incorrect BeginString")
        elif self.phase == "leaving" and message.kind not in (LOGOUT, RESEND_REQUEST):
            pass  # What comes between our logout and its answer is asked for again in the next session.
        elif not self._is_misaddressed(message):
            self._judge(message, int(message.get(tags.MSG_SEQ_NUM)))
        return self._done()

    def send(
        self, kind: str, body: Iterable[Field], now_ns: int, *, passing: bool = False, header: Iterable[Field] = ()
    ) -> list[Effect]:
        """Number and keep an application message, and send it if the counterparty is there.

        `header` holds what its header is to say besides names, number and time.
        If it is not, it will ask at its next logon for what it has missed. What is `passing`, such as a price, is not
        kept: nobody needs it later, and a gap fill stands for it.
        """
        self._now_ns = now_ns
        self._begin_period()
        raw = self._numbered(kind, body, header)
        if not passing:
            self._effects.append(Keep(Sent(self.outgoing - 1, raw)))
        if self.phase == "on":
            self._write(raw)
        return self._done()

    def tick(self, now_ns: int) -> list[Effect]:
        """Let time pass: heartbeats, test requests, and the ends of patience and of the period."""
        self._now_ns = now_ns
        if self.phase == "leaving" and now_ns - self._left_ns >= self.terms.patience_seconds * NS:
            self._effects.append(Close("the logout was not answered"))
        elif self.phase == "on" and self._period() is None:
            self._leave("The session is over for today")
        elif self.phase == "on":
            self._keep_alive()
        return self._done()

    def logout(self, text: str, now_ns: int) -> list[Effect]:
        """Begin to leave, and say why."""
        self._now_ns = now_ns
        if self.phase == "on":
            self._leave(text)
        return self._done()

    def lost(self) -> None:
        """Note that the connection is gone."""
        self.phase = "away"

    # --- Joining and leaving ----------------------------------------------------------------------------------------

    def _reason_against(self, logon: Message) -> str:
        """Say why a logon cannot be taken; empty when it can. Numbers that have run out begin anew here."""
        problem = self.terms.dictionary.problem(logon)
        if problem is not None:
            return problem.text if problem.tag is None else f"{problem.text}: {problem.tag}"
        if not 0 <= int(logon.get(tags.HEART_BT_INT)) <= HEARTBEAT_SECONDS_MAX:
            return f"HeartBtInt must be from 0 to {HEARTBEAT_SECONDS_MAX}"
        if self._period() is None:
            return "Outside the session's hours"
        self._begin_period()
        number = int(logon.get(tags.MSG_SEQ_NUM))
        if logon.says(tags.RESET_SEQ_NUM_FLAG) and number != 1:
            return "ResetSeqNumFlag needs MsgSeqNum 1"
        if logon.says(tags.RESET_SEQ_NUM_FLAG) or self.terms.fresh:
            self._reset()
        return _too_low(self.incoming, number) if number < self.incoming else ""

    def _join(self, logon: Message) -> None:
        seconds = logon.get(tags.HEART_BT_INT)
        self._heartbeat_ns = int(seconds) * NS
        self.phase = "on"
        reset = [(tags.RESET_SEQ_NUM_FLAG, "Y")] if logon.says(tags.RESET_SEQ_NUM_FLAG) else []
        self._say(LOGON, [(tags.ENCRYPT_METHOD, "0"), (tags.HEART_BT_INT, seconds), *reset])
        self._effects.append(Joined())
        self._sequenced(logon, int(logon.get(tags.MSG_SEQ_NUM)))

    def _log_on_again(self, message: Message, number: int) -> None:
        """Take a logon within the session: it may only begin the numbers anew."""
        if message.says(tags.RESET_SEQ_NUM_FLAG) and number == 1 and self.terms.dictionary.problem(message) is None:
            self._reset()
            self._join(message)
        elif message.says(tags.POSS_DUP_FLAG) and number < self.incoming:
            return
        else:
            self._leave("Logon within a session")

    def _leave(self, text: str = "") -> None:
        self._say(LOGOUT, [(tags.TEXT, text)] if text else [])
        self.phase, self._left_ns = "leaving", self._now_ns

    def _part(self, message: Message, number: int) -> None:
        """Answer a logout, or take the answer to ours; what may be missing is asked for in the next session."""
        if self.phase == "on":
            self._say(LOGOUT, [])
        if number == self.incoming:
            self.incoming += 1
        self._effects.append(Close(f"logged out: {message.get(tags.TEXT)}"))

    def _period(self) -> int | None:
        return 0 if self.terms.schedule is None else self.terms.schedule.period(self._now_ns)

    def _begin_period(self) -> None:
        """Begin the numbers anew where they are of a period that is over."""
        period = self._period()
        if period is not None and self.begun_ns < period:
            self._reset()

    def _reset(self) -> None:
        self.incoming = self.outgoing = 1
        self.begun_ns = self._now_ns
        self._early.clear()
        self._asked = False
        self._effects.append(Forget())

    # --- Judging ----------------------------------------------------------------------------------------------------

    def _is_misaddressed(self, message: Message) -> bool:
        """Turn away a message whose header does not say, or says wrongly, from whom, to whom, when and as which."""
        number = message.get(tags.MSG_SEQ_NUM)
        if not (number.isascii() and number.isdigit()):
            self._leave("MsgSeqNum is missing or no number")
            return True
        problem = self._header_problem(message)
        if problem is None:
            return False
        self._reject(message, problem)
        if problem.reason in (rules.COMP_ID_WRONG, rules.TIME_WRONG):
            self._leave()
        return True

    def _header_problem(self, message: Message) -> Problem | None:
        for tag in self.terms.dictionary.header.required:
            if not message.get(tag):
                return Problem(rules.NO_VALUE if tag in message.first else rules.TAG_MISSING, tag)
        terms = self.terms
        if (message.get(tags.SENDER_COMP_ID), message.get(tags.TARGET_COMP_ID)) != (terms.theirs, terms.ours):
            return Problem(rules.COMP_ID_WRONG)
        if is_off(message, self._now_ns, terms.latency_seconds):
            return Problem(rules.TIME_WRONG)
        if message.says(tags.POSS_DUP_FLAG) and message.kind != SEQUENCE_RESET:
            return _repeat_problem(message)
        return None

    def _judge(self, message: Message, number: int) -> None:
        if message.kind == LOGOUT:
            self._part(message, number)
        elif message.kind == LOGON:
            self._log_on_again(message, number)
        elif message.kind == SEQUENCE_RESET and not message.says(tags.GAP_FILL_FLAG):
            self._reset_to(message)
        elif message.kind == RESEND_REQUEST:
            self._asked_of_us(message, number)
        else:
            self._sequenced(message, number)

    def _asked_of_us(self, message: Message, number: int) -> None:
        """Resend at once, whatever the request's own number: two sides that both wait for the other would wait on."""
        if self.terms.dictionary.problem(message) is None:
            self._resend(message)
            if number >= self.incoming:
                self._sequenced(message, number)
        else:
            self._sequenced(message, number)

    def _sequenced(self, message: Message, number: int) -> None:
        """Take a message in its turn: hold it when others are missing, ignore a repeat, leave at what is too low."""
        if number > self.incoming:
            if len(self._early) < QUEUE_MAX:
                self._early[number] = message
            if not self._asked or message.says(tags.POSS_DUP_FLAG):
                self._ask()
        elif number == self.incoming:
            self._take(message, number)
            self._take_early()
        elif not message.says(tags.POSS_DUP_FLAG):
            text = _too_low(self.incoming, number)
            self._say(LOGOUT, [(tags.TEXT, text)])
            self._effects.append(Close(text))

    def _take_early(self) -> None:
        while (message := self._early.pop(self.incoming, None)) is not None:
            self._take(message, self.incoming)
        for number in [each for each in self._early if each < self.incoming]:
            del self._early[number]
        self._asked = self._asked and bool(self._early)

    def _take(self, message: Message, number: int) -> None:
        """Take the message whose turn it is."""
        if message.kind not in self.terms.dictionary.messages and rules.is_of_fix(message.kind):
            self.incoming = number + 1
            self._say_unsupported(message)
            return
        problem = self.terms.dictionary.problem(message)
        if problem is not None:
            self._reject(message, problem)
            return
        self.incoming = number + 1
        if message.kind == TEST_REQUEST:
            self._say(HEARTBEAT, [(tags.TEST_REQ_ID, message.get(tags.TEST_REQ_ID))])
        elif message.kind == SEQUENCE_RESET:
            self._fill(message, number)
        elif self.terms.dictionary.messages[message.kind].category == "app":
            self._deliver(message)

    def _deliver(self, message: Message) -> None:
        if message.kind in self.terms.taken:
            self._effects.append(Deliver(message))
        else:
            self._say_unsupported(message)

    def _say_unsupported(self, message: Message) -> None:
        """Answer a message of a kind that FIX has and we do not take."""
        self.send_now(
            BUSINESS_REJECT,
            [
                (tags.REF_SEQ_NUM, message.get(tags.MSG_SEQ_NUM)),
                (tags.TEXT, "Unsupported Message Type"),
                (tags.REF_MSG_TYPE, message.kind),
                (tags.BUSINESS_REJECT_REASON, UNSUPPORTED_KIND),
            ],
        )

    # --- Numbers ----------------------------------------------------------------------------------------------------

    def _fill(self, message: Message, number: int) -> None:
        """Pass over what the counterparty will not send again."""
        new = int(message.get(tags.NEW_SEQ_NO))
        if new <= number:
            self._say_rejected(message, Problem(rules.VALUE_WRONG))
        else:
            self.incoming = new

    def _reset_to(self, message: Message) -> None:
        """Take the counterparty's word for its next number, whatever the number of this message; only upward."""
        problem = self.terms.dictionary.problem(message)
        if problem is None and int(message.get(tags.NEW_SEQ_NO)) < self.incoming:
            problem = Problem(rules.VALUE_WRONG)
        if problem is not None:
            self._say_rejected(message, problem)
            return
        self.incoming = int(message.get(tags.NEW_SEQ_NO))
        self._take_early()

    def _ask(self) -> None:
        """Ask for all from the first that is missing."""
        self._asked, self._asked_as, self._asked_ns = True, self.outgoing, self._now_ns
        self._say(RESEND_REQUEST, [(tags.BEGIN_SEQ_NO, str(self.incoming)), (tags.END_SEQ_NO, "0")])

    def _resend(self, request: Message) -> None:
        begin, end, last = int(request.get(tags.BEGIN_SEQ_NO)), int(request.get(tags.END_SEQ_NO)), self.outgoing - 1
        if not 1 <= begin <= last or 0 < end < begin:
            self._say_rejected(request, Problem(rules.VALUE_WRONG, tags.BEGIN_SEQ_NO))
            return
        for raw in self._again(begin, min(end or last, last)):
            self._write(raw)
        if self._asked and begin <= self._asked_as <= (end or last):
            # Whoever held our own request until its turn has just heard that it need not wait for it.
            self._ask()

    def _again(self, begin: int, end: int) -> Iterator[bytes]:
        """Yield what was sent from one number to another: kept messages once more, and one gap fill for all between."""
        at = begin
        for sent in self._history(begin, end):
            if at < sent.number:
                yield self._gap(at, sent.number)
            yield self._repeated(sent.raw)
            at = sent.number + 1
        if at <= end:
            yield self._gap(at, end + 1)

    def _gap(self, number: int, following: int) -> bytes:
        now = times.written(self._now_ns)
        header = self._header(number, ((tags.POSS_DUP_FLAG, "Y"), (tags.ORIG_SENDING_TIME, now)))
        body = ((tags.NEW_SEQ_NO, str(following)), (tags.GAP_FILL_FLAG, "Y"))
        return wire.written(wire.of(SEQUENCE_RESET, (*header, *body)))

    def _repeated(self, raw: bytes) -> bytes:
        sent = wire.read(raw)
        more = ((tags.POSS_DUP_FLAG, "Y"), (tags.ORIG_SENDING_TIME, sent.get(tags.SENDING_TIME)))
        members = self.terms.dictionary.header.members
        said = (field for field in sent.fields if field[0] in members and field[0] not in _WRITTEN_ANEW)
        header = self._header(int(sent.get(tags.MSG_SEQ_NUM)), (*more, *said))
        body = (field for field in sent.fields if field[0] not in members)
        return wire.written(wire.of(sent.kind, (*header, *body)))

    # --- Speaking ---------------------------------------------------------------------------------------------------

    def _keep_alive(self) -> None:
        if self._asked and self._now_ns - self._asked_ns >= ASK_AGAIN_NS:
            self._ask()
        silent_ns = self._now_ns - self._heard_ns
        if not self._heartbeat_ns:
            return
        if silent_ns * 10 >= self._heartbeat_ns * 24:
            self._effects.append(Close("nothing was heard, and the test request was not answered"))
        elif silent_ns * 10 >= self._heartbeat_ns * 12 and not self._tested:
            self._say(TEST_REQUEST, [(tags.TEST_REQ_ID, "TEST")])
            self._tested = True
        elif self._now_ns - self._spoke_ns >= self._heartbeat_ns and not self._tested:
            self._say(HEARTBEAT, [])

    def _reject(self, message: Message, problem: Problem) -> None:
        """Reject a message, which uses up its number when it was its turn."""
        self._say_rejected(message, problem)
        if int(message.get(tags.MSG_SEQ_NUM)) == self.incoming:
            self.incoming += 1
            self._take_early()

    def _say_rejected(self, message: Message, problem: Problem) -> None:
        body = [(tags.REF_SEQ_NUM, message.get(tags.MSG_SEQ_NUM)), (tags.TEXT, problem.text)]
        if problem.tag is not None:
            body.append((tags.REF_TAG_ID, str(problem.tag)))
        if message.kind:
            body.append((tags.REF_MSG_TYPE, message.kind))
        body.append((tags.SESSION_REJECT_REASON, str(problem.reason)))
        self._say(REJECT, body, route_back(message))

    def send_now(self, kind: str, body: Iterable[Field]) -> None:
        """Number, keep and write an application message in answer to the one at hand."""
        raw = self._numbered(kind, body)
        self._effects.append(Keep(Sent(self.outgoing - 1, raw)))
        self._write(raw)

    def _say(self, kind: str, body: Iterable[Field], route: Iterable[Field] = ()) -> None:
        self._write(self._numbered(kind, body, route))

    def _numbered(self, kind: str, body: Iterable[Field], route: Iterable[Field] = ()) -> bytes:
        header = self._header(self.outgoing, route)
        self.outgoing += 1
        return wire.written(wire.of(kind, (*header, *body)))

    def _header(self, number: int, more: Iterable[Field] = ()) -> list[Field]:
        fields = [
            (tags.MSG_SEQ_NUM, str(number)),
            (tags.SENDER_COMP_ID, self.terms.ours),
            (tags.SENDING_TIME, times.written(self._now_ns)),
            (tags.TARGET_COMP_ID, self.terms.theirs),
            *more,
        ]
        return sorted(fields)

    def _write(self, raw: bytes) -> None:
        self._effects.append(Write(raw))
        self._spoke_ns = self._now_ns

    def _done(self) -> list[Effect]:
        effects, self._effects = self._effects, []
        return effects


_WRITTEN_ANEW: Final = (tags.MSG_SEQ_NUM, tags.SENDER_COMP_ID, tags.SENDING_TIME, tags.TARGET_COMP_ID)
"""The fields of the header that every message of ours has, and that a repeat does not take over."""


def is_off(message: Message, now_ns: int, latency_seconds: int) -> bool:
    """Say whether the time of sending is no time, or too far from ours."""
    sent_ns = times.read(message.get(tags.SENDING_TIME))
    return sent_ns is None or abs(sent_ns - now_ns) > latency_seconds * NS


def _repeat_problem(message: Message) -> Problem | None:
    """Say what is wrong with the times of a message that says it is a repeat."""
    if tags.ORIG_SENDING_TIME not in message.first:
        return Problem(rules.TAG_MISSING, tags.ORIG_SENDING_TIME)
    first, again = times.read(message.get(tags.ORIG_SENDING_TIME)), times.read(message.get(tags.SENDING_TIME))
    if first is None:
        return Problem(rules.FORMAT_WRONG, tags.ORIG_SENDING_TIME)
    return Problem(rules.TIME_WRONG) if again is None or first > again else None


def _too_low(expected: int, number: int) -> str:
    return f"MsgSeqNum too low, expecting {expected} but received {number}"


_ROUTES: Final = (
    (tags.ON_BEHALF_OF_COMP_ID, tags.DELIVER_TO_COMP_ID),
    (tags.ON_BEHALF_OF_SUB_ID, tags.DELIVER_TO_SUB_ID),
    (tags.ON_BEHALF_OF_LOCATION_ID, tags.DELIVER_TO_LOCATION_ID),
)


def route_back(message: Message) -> Iterator[Field]:
    """Yield the route of a message turned around, for its answer."""
    for here, there in (*_ROUTES, *((there, here) for here, there in _ROUTES)):
        if message.get(here):
            yield there, message.get(here)
