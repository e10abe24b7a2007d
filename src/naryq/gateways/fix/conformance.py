"""The session layer alone, for suites that try it from outside: every logon begins anew, every new order comes back."""

from collections.abc import Iterable
from typing import Final

from naryq.gateways.fix import dictionary, tags
from naryq.gateways.fix.acceptor import Acceptor, Caller, Seat
from naryq.gateways.fix.session import Terms
from naryq.gateways.fix.wire import Field, Message

NEW_ORDER: Final = "D"


class Echo:
    """Knows one counterparty, lets it in without a password, and sends its orders back.

    One that says that it may have been sent before (PossResend) comes back only if its ClOrdID is new.
    """

    def __init__(self, acceptor: Acceptor, theirs: str) -> None:
        """Be the host of an acceptor."""
        acceptor.host = self
        self._acceptor = acceptor
        terms = Terms(acceptor.ours, theirs, frozenset(NEW_ORDER), dictionary.load(), fresh=True)
        self._seat = Seat(terms, acceptor.store)
        self._seen: set[str] = set()

    def find(self, name: str) -> Seat | None:
        """Return the one seat there is."""
        return self._seat if name == self._seat.name else None

    async def admit(self, logon: Message, caller: Caller) -> str:  # noqa: ARG002 - a host has this form
        """Let in whoever bears the name."""
        return ""

    def joined(self, seat: Seat) -> None:  # noqa: ARG002 - as above
        """Begin anew."""
        self._seen.clear()

    def gone(self, seat: Seat) -> None:
        """Do nothing."""

    def deliver(self, seat: Seat, message: Message) -> None:
        """Send an order back."""
        seat.unanswered.clear()
        order_id = message.get(tags.CL_ORD_ID)
        if not (message.says(tags.POSS_RESEND) and order_id in self._seen):
            self._acceptor.send(seat, message.kind, body_of(message), header=header_of(message))
        self._seen.add(order_id)


def header_of(message: Message) -> Iterable[Field]:
    """Return what a message's header says that its echo says too: that it may have been sent before."""
    return [field for field in message.fields if field[0] == tags.POSS_RESEND]


def body_of(message: Message) -> Iterable[Field]:
    """Return the body of a message, its fields by number; the fields of a group stay together behind their count."""
    rules = dictionary.load()
    shape = rules.messages[message.kind]
    held: list[list[Field]] = []
    inside: frozenset[int] = frozenset()
    for tag, value in message.fields:
        if tag in rules.header.members or tag in rules.trailer.members:
            continue
        if tag in inside:
            held[-1].append((tag, value))
        else:
            held.append([(tag, value)])
            inside = frozenset(shape.groups[tag].members) if tag in shape.groups else frozenset()
    return [field for run in sorted(held, key=lambda run: run[0][0]) for field in run]
