"""What a reader of the stream must remember to come again: how far it knows each channel."""

from collections.abc import Iterator
from typing import Final

import msgspec

from naryq.messages import Code, Refusal
from naryq.messages.stream import Beat, Declined, Dropped, FromStream, Resumed, Snapshot, Update

NOT_WANTED: Final = 4001
PATH: Final = "/v1/stream"
SILENCE_SECONDS: Final = 45
"""After three beats that did not come the connection is taken for dead."""
LONGEST_PAUSE_SECONDS: Final = 10.0

_decoder = msgspec.json.Decoder(FromStream)


class Following:
    """Channels and how far each is known: it reads what a connection brings, and says how to ask for the rest.

    A message is given on once, whatever is repeated, and never with something missing before it.
    """

    def __init__(self, channels: tuple[str, ...], after: int | None = None, tries: int | None = None) -> None:
        """Begin with snapshots, or behind a row; give up after so many connections in a row that brought nothing."""
        if not channels:
            raise Refusal(Code.EMPTY, "no channel is named", where="channels", remedy="Name one, such as venue.")
        self._channels, self._tries = channels, tries
        self._known: dict[str, int] = {} if after is None else dict.fromkeys(channels, after)
        """The row up to which each channel is known; one that is not here begins with a snapshot."""
        self._rest = b""
        self.failures = 0
        """How many connections in a row have brought nothing."""
        self.is_behind = False
        """Whether something was missing, so that the connection must be made anew."""

    def query(self) -> tuple[tuple[str, str | int], ...]:
        """Begin a connection, and return what is asked for in its address.

        Raises:
            Refusal: STOPPED after too many connections that brought nothing.
        """
        if self.failures == self._tries:
            remedy = "Ask again when it can be reached."
            raise Refusal(Code.STOPPED, "the venue cannot be reached, or says nothing", where="", remedy=remedy)
        self._rest, self.is_behind = b"", False
        self.failures += 1
        known = [("after", self._known.get(channel, "")) for channel in self._channels]
        return (*(("channel", channel) for channel in self._channels), *known)

    def pause_seconds(self) -> float:
        """Return how long to wait before the next connection."""
        return min(0.1 * 2.0 ** min(self.failures, 10), LONGEST_PAUSE_SECONDS)

    def hear(self, piece: bytes) -> Iterator[FromStream]:
        """Take bytes of server-sent events, and yield each message that is news.

        Raises:
            Refusal: why a channel is not given, or why we may not listen any more.
        """
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in lines:
            if line.startswith(b"data: "):
                yield from self._news(_decoder.decode(line[6:]))
            elif line.startswith(b"id: "):
                self._know(int(line[4:]))
            if self.is_behind:
                return

    def _news(self, message: FromStream) -> Iterator[FromStream]:
        self.failures = 0
        if isinstance(message, Declined):
            refused = message.refused
            raise Refusal(refused.code, refused.what, where=refused.where, remedy=refused.remedy)
        if isinstance(message, Dropped):
            if message.code == NOT_WANTED:
                remedy = "Begin again with a key that holds."
                raise Refusal(Code.NOT_AUTHENTICATED, message.reason, where="key", remedy=remedy)
            self.is_behind = True
        elif isinstance(message, Update):
            yield from self._update(message)
        elif isinstance(message, Snapshot):
            self._known[message.channel] = message.sequence
            yield message
        else:
            if isinstance(message, Beat):
                self._know(message.sequence)
            assert isinstance(message, Resumed | Beat), "the venue says nothing else"
            yield message

    def _know(self, sequence: int) -> None:
        """Note that all up to a row was told."""
        for channel, known in self._known.items():
            self._known[channel] = max(known, sequence)

    def _update(self, update: Update) -> Iterator[Update]:
        known = self._known[update.channel]
        if update.previous > known:  # The venue held to its word if this never happens.
            del self._known[update.channel]
            self.is_behind = True
        elif update.sequence > known:
            self._known[update.channel] = update.sequence
            yield update
