"""One connection: bytes in, effects out. It finds whose it is by the first message, and from then on feeds its session.

It answers a stranger with nothing: whoever does not log on as somebody we know, and proves it, is cut off.
"""

from collections import deque
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple, TypeAlias

from naryq.gateways.fix import tags, wire
from naryq.gateways.fix.session import LOGON, NS, Close, Effect, Session, is_off
from naryq.gateways.fix.wire import Framer, Garbled, Message

LOGON_SECONDS: Final = 10
"""How long a connection may stand without a logon."""


class Admit(NamedTuple):
    """Find out whether who logs on is who it says it is, and say `admitted` or `refused`."""

    session: Session
    logon: Message


Find: TypeAlias = Callable[[str], Session | None]
"""The session of a counterparty by its name (SenderCompID); None when we know none."""
Act: TypeAlias = Effect | Admit


class Connection:
    """A connection from its first byte to its last."""

    def __init__(self, ours: str, find: Find, opened_ns: int) -> None:
        """Wait for a logon to us (`ours` is our TargetCompID)."""
        self.session: Session | None = None
        self._ours, self._find, self._opened_ns = ours, find, opened_ns
        self._framer = Framer()
        self._frames: deque[bytes] = deque()
        self._logon: Message | None = None
        """The logon that is being looked into; what comes behind it waits."""
        self._closed = False

    def receive(self, data: bytes, now_ns: int) -> Iterator[list[Act]]:
        """Take bytes as they come; yield what each message causes, before the next is looked at."""
        self._frames.extend(self._framer.feed(data))
        yield from self._go_on(now_ns)

    def admitted(self, now_ns: int) -> Iterator[list[Act]]:
        """Go on: who logs on is who it says it is, unless the session has been taken in the meantime."""
        logon, self._logon = self._logon, None
        assert logon is not None, "nobody is admitted twice"
        session = self._find(logon.get(tags.SENDER_COMP_ID))
        if session is None or session.phase != "away" or self._closed:
            yield self._cut("the session is taken")
            return
        self.session = session
        yield self._noted([*session.logon(logon, now_ns)])
        yield from self._go_on(now_ns)

    def refused(self, reason: str) -> list[Act]:
        """Cut off who logs on: it has not proven who it is."""
        return self._cut(reason)

    def tick(self, now_ns: int) -> list[Act]:
        """Let time pass."""
        if self._closed:
            return []
        if self.session is not None:
            return self._noted([*self.session.tick(now_ns)])
        return self._cut("no logon came") if now_ns - self._opened_ns > LOGON_SECONDS * NS else []

    def lost(self) -> None:
        """Note that the connection is gone."""
        self._closed = True
        if self.session is not None:
            self.session.lost()
            self.session = None

    def _go_on(self, now_ns: int) -> Iterator[list[Act]]:
        while self._frames and self._logon is None and not self._closed:
            yield self._noted(self._one(self._frames.popleft(), now_ns))

    def _one(self, frame: bytes, now_ns: int) -> list[Act]:
        try:
            message = wire.read(frame)
        except Garbled as garbled:
            return [] if self.session is not None else [Close(f"the first message is garbled: {garbled}")]
        if self.session is None:
            return [self._first(message, now_ns)]
        return [*self.session.receive(message, now_ns)]

    def _first(self, message: Message, now_ns: int) -> Act:
        if message.kind != LOGON or message.version != wire.VERSION:
            return Close("the first message is no logon of FIX 4.4")
        session = self._find(message.get(tags.SENDER_COMP_ID))
        if session is None or message.get(tags.TARGET_COMP_ID) != self._ours:
            return Close("nobody is known by this name")
        if session.phase != "away":
            return Close("the session is taken")
        if is_off(message, now_ns, session.terms.latency_seconds):
            return Close("the logon's time is too far from ours")
        if not message.get(tags.MSG_SEQ_NUM).isdecimal():
            return Close("the logon has no number")
        self._logon = message
        return Admit(session, message)

    def _noted(self, acts: list[Act]) -> list[Act]:
        """Stop at what closes the connection: nothing that comes behind it is looked at."""
        self._closed = self._closed or any(isinstance(act, Close) for act in acts)
        return acts

    def _cut(self, reason: str) -> list[Act]:
        return self._noted([Close(reason)])
