"""The line between the doors and the writer: whole messages in order, or nothing of one that was cut off."""

import socket
import threading
from contextlib import closing
from io import BytesIO

import pytest

from naryq.engine import line
from naryq.messages import Code, Refused

OFFERS: list[line.ToWriter] = [
    line.Offer(1, 17, (b"{}", b"", b"x" * 100_000), whole=True, turned_away=(Code.WRONG_TYPE,)),
    line.AskFigures(),
    line.Offer(2, 18, (), whole=False, turned_away=()),
]
TOLD: list[line.ToDoors] = [
    line.Opened(),
    line.Recovered(7),
    line.Told((b"row",), (line.Answered(1, (line.Kept(7, False, b""),)),), running=True),  # noqa: FBT003 - by place
    line.Figures("naryq_running 1\n"),
    line.NotOpened(Refused(Code.JOURNAL_LOCKED, "what", "where", "remedy")),
]


def sent(messages: list[line.ToWriter] | list[line.ToDoors]) -> bytes:
    """Return what goes over the line."""
    ours, theirs = socket.socketpair()
    received = bytearray()

    def receive() -> None:
        while piece := theirs.recv(1 << 16):
            received.extend(piece)

    reading = threading.Thread(target=receive)
    reading.start()
    with closing(theirs):
        with closing(ours):
            for message in messages:
                line.send(ours, message)
        reading.join()
    return bytes(received)


def test_what_is_sent_is_what_is_heard() -> None:
    """Messages of every kind come out as they went in, in both directions, one of 100,000 bytes too."""
    assert list(line.from_doors(BytesIO(sent(OFFERS)))) == OFFERS
    assert list(line.from_writer(BytesIO(sent(TOLD)))) == TOLD


def test_a_message_that_was_cut_off_is_not_heard() -> None:
    """Wherever the other side ends, within a length or within a message, what came before is heard, and no part."""
    whole = sent(TOLD)
    heard = [len(list(line.from_writer(BytesIO(whole[:end])))) for end in range(len(whole) + 1)]
    assert heard == sorted(heard)
    assert (set(heard), heard[-2:]) == (set(range(len(TOLD) + 1)), [len(TOLD) - 1, len(TOLD)])


def test_whoever_is_gone_hears_nothing() -> None:
    """Sending to an end that is closed is an error of the system, which both sides wait for."""
    ours, theirs = socket.socketpair()
    theirs.close()
    with closing(ours), pytest.raises(OSError, match=r"\w"):
        line.send(ours, line.AskFigures())
