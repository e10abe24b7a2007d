"""How the auditor judges stops and limits: which are justified, what they must say, what they must leave alone."""

from collections.abc import Iterator
from typing import Any

from tests.audit_of_prices import Books

from naryq import messages as m
from naryq.messages import Code


def wrong(books: Books, command: Any, lacks: list[Code]) -> Iterator[Code]:
    """Return every code for which a command of these topics must be refused."""
    if isinstance(command, m.StopTrading | m.ResumeTrading):
        yield from lacks
        if not lacks:
            yield from _wrong_stop(books, command)


def _wrong_stop(books: Books, command: m.StopTrading | m.ResumeTrading) -> Iterator[Code]:
    today = books.day(command.at_ns)
    if books.people[command.actor] not in (books.rule("who_may_stop", today, today) or ()):
        yield Code.NOT_PERMITTED
    stands = (command.scope, command.target) in books.stops
    if isinstance(command, m.ResumeTrading):
        yield from () if stands else (Code.NOT_STOPPED,)
        return
    if stands:
        yield Code.ALREADY_EXISTS
    match command.scope:
        case "venue" if command.target != "venue":
            yield Code.OUT_OF_RANGE
        case "session" if command.target not in books.calls:
            yield Code.UNKNOWN_SESSION
        case "region" if command.target not in books.rule("provinces", today, today):
            yield Code.UNKNOWN_PLACE
        case "participant" if command.target not in books.people:
            yield Code.UNKNOWN_PARTICIPANT


def _cancels(books: Books, command: m.StopTrading) -> bool:
    today = books.day(command.at_ns)
    return command.scope == "participant" or books.rule("stop_orders", today, today) == "cancel"


def stopped(books: Books, command: m.StopTrading) -> m.TradingStopped:
    """Return what a stop must say."""
    return m.TradingStopped(
        scope=command.scope,
        target=command.target,
        reason=command.reason,
        resting="cancel" if _cancels(books, command) else "keep",
        actor=command.actor,
        at_ns=command.at_ns,
        rulebook_version=books.version,
    )


def cancelled(books: Books, command: m.StopTrading, events: tuple[m.AnyEvent, ...]) -> Iterator[str]:
    """A stop cancels all that it reaches, or nothing, as its rule says; a participant's orders always."""
    alone = Books(stops={(command.scope, command.target): stopped(books, command)})
    standing = [
        order
        for _, call in sorted(books.calls.items())
        if call.phase in {"collecting", "call", "continuous", "halted"}
        for order in call.orders.values()
        if alone.stopped(order.session_id, order.participant_id, order.place)
    ]
    reason = f"trading stopped: {command.reason}"
    gone = standing if _cancels(books, command) else []
    if list(events) != [m.OrderCancelled(order.session_id, order.order_id, reason) for order in gone]:
        yield f"cancels {events}, where the stop reaches {gone}"
