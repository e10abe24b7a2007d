"""The keeper: what the clock decides, sent as commands of the operator when its time has come.

It opens announced sessions when their window begins, takes a continuous session from its call to its trading and into
its closing call, reopens it in a call when a limit's halt is over, closes sessions when their window ends, and clears
what is closed. What needs judgement it leaves to people: rounds of an auction, publishing, stopping and resuming.
"""

from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Final

from naryq.exchange import State, bounding
from naryq.exchange.sessions import CALL_SECONDS
from naryq.exchange.state import Session
from naryq.gateways.application import again_and_again
from naryq.gateways.house import House
from naryq.messages import (
    AnyCommand,
    ChangePhase,
    ClearSession,
    CloseSession,
    Entry,
    Phase,
    PhaseChanged,
    Refused,
    SessionOpened,
)
from naryq.units import NS_PER_SECOND

TICK_SECONDS: Final = 1
PATIENCE_NS: Final = 60 * NS_PER_SECOND
"""How long the keeper waits before it sends again what was refused."""
STANDING: Final = ("collecting", "call", "continuous", "halted")


class Keeper:
    """Looks at the clock once a second. It is a view as well: it must know since when a session is in its phase."""

    def __init__(self, *, call_seconds: int = CALL_SECONDS) -> None:
        """Begin before the first row."""
        self._call_ns = call_seconds * NS_PER_SECOND
        self._since_ns: dict[str, int] = {}
        self._again_ns: dict[tuple[str, type[AnyCommand]], int] = {}
        self._count = 0

    def see(self, entry: Entry) -> None:
        """Fold one row."""
        for event in entry.events:
            if isinstance(event, PhaseChanged):
                self._since_ns[event.session_id] = event.at_ns
            elif isinstance(event, SessionOpened):
                self._since_ns[event.session_id] = event.opens_at_ns

    async def tick(self, house: House) -> int:
        """Send what is due now, in order, and return how much of it was taken."""
        taken = 0
        operator = _operator(house.state)
        for session_id, session in sorted(house.state.sessions.items()) if operator else ():
            for kind, fields in self._due(house.state, session, house.now_ns()):
                if self._again_ns.get((session_id, kind), 0) <= house.now_ns():
                    taken += await self._send(house, kind, operator, session_id, fields)
        return taken

    async def _send(
        self, house: House, kind: type[AnyCommand], operator: str, session_id: str, fields: dict[str, str]
    ) -> bool:
        self._count += 1
        now_ns = house.now_ns()
        command_id = f"keeper:{now_ns}:{self._count}"
        command = kind(command_id=command_id, actor=operator, at_ns=now_ns, session_id=session_id, **fields)  # type: ignore[call-arg, arg-type]  # the kinds below have these fields
        answer = await house.submit(command)
        if isinstance(answer.events[0], Refused):
            self._again_ns[session_id, kind] = now_ns + PATIENCE_NS
            return False
        return True

    def _due(self, state: State, session: Session, now_ns: int) -> Iterator[tuple[type[AnyCommand], dict[str, str]]]:
        """Yield the one command that the clock has made due for a session, if there is one."""
        opened = session.opened
        if session.phase in STANDING and now_ns >= opened.closes_at_ns:
            yield CloseSession, {}
        elif session.phase == "closed" and opened.kind != "continuous":
            yield ClearSession, {}
        elif opened.opens_at_ns <= now_ns < opened.closes_at_ns:
            phase = self._phase_due(state, session, now_ns)
            if phase is not None:
                yield ChangePhase, {"phase": phase[0], "reason": phase[1]}

    def _phase_due(self, state: State, session: Session, now_ns: int) -> tuple[Phase, str] | None:
        opened, since_ns = session.opened, self._since_ns.get(session.opened.session_id, session.opened.opens_at_ns)
        ends_in_call = opened.closing_call and now_ns >= opened.closes_at_ns - self._call_ns
        halted_until_ns = bounding.band_of(state, session).halted_until_ns
        match session.phase:
            case "announced" if opened.kind != "continuous":
                return "collecting", "the window begins"
            case "announced":
                return ("call" if opened.opening_call else "continuous"), "the window begins"
            case "continuous" if ends_in_call:
                return "call", "the closing call begins"
            case "halted" if halted_until_ns is not None and now_ns >= halted_until_ns:
                return "call", "the halt is over"
            case "call" if opened.kind == "continuous" and not ends_in_call and now_ns >= since_ns + self._call_ns:
                return "continuous", "the call is over"
        return None

    def service(self, house: House) -> AbstractAsyncContextManager[None]:
        """Look at the clock while the house is open."""
        return again_and_again(partial(self.tick, house), TICK_SECONDS)


def _operator(state: State) -> str:
    """Return the venue's operator; empty where there is none."""
    return next((name for name, one in sorted(state.participants.items()) if one.role == "operator"), "")
