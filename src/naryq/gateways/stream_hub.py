"""The hub of the stream: every row is looked at once, and what it means is encoded once for all who look.

All of it belongs to the loop and waits for nobody. A reader has a bounded store of what it has not taken yet; when
that is full the reader is dropped, so that the slowest costs the others nothing.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Final, Literal, NamedTuple, TypeAlias

from naryq.engine.metrics import counter, gauge
from naryq.messages import Entry, Refusal, Refused, encode
from naryq.messages.stream import Audience, Beat, Declined, Dropped, FromStream, Resumed, ShownEvent, Snapshot, Update
from naryq.showing.announcements import Announcement, books, told
from naryq.showing.board import Board
from naryq.showing.snapshots import audience_of, channel_of, content
from naryq.showing.viewer import Viewer

TOO_SLOW: Final = 4008
NOT_WANTED: Final = 4001
TOO_MANY: Final = 4029
BAD_MESSAGES: Final = 4000
BROKEN: Final = 1011
CLOSING: Final = 1012

HELD_UPDATES: Final = 1_024
"""How many updates of a channel are held, for those who resume."""
CHANNELS_HELD: Final = 4_096
"""How many channels nobody reads are held at most."""
READER_BYTES: Final = 1_000_000
"""What may wait for one reader; with more, it is dropped."""
READERS_MOST: Final = 1_000
READERS_OF_ONE: Final = 20
"""How many readers one participant may have at a time."""
CHANNELS_OF_ONE: Final = 200
"""How many channels one reader may have."""
FLUSH_SECONDS: Final = 0.05
"""How long what happens is gathered before it is sent: for each channel there is one update in such a time at most."""

Form: TypeAlias = Literal["text", "event", "message"]
"""How a reader is written to: texts of a WebSocket, server-sent events, or, inside the house, messages as they are."""
Piece: TypeAlias = str | bytes | FromStream
Recheck: TypeAlias = Callable[[], Awaitable[None]]
Listener: TypeAlias = Callable[[Entry, list[Announcement]], None]
"""What is told of every row, with what it means for whom."""


class Payload(NamedTuple):
    """One message, encoded once in both forms, for every reader."""

    text: str
    event: bytes
    message: FromStream

    @classmethod
    def of(cls, message: FromStream) -> "Payload":
        """Encode a message."""
        spelled = encode(message)
        return cls(spelled.decode(), b"data: %b\n\n" % spelled, message)

    def piece(self, form: Form) -> Piece:
        """Return the message in a form."""
        found: Piece = getattr(self, form)
        return found


async def _no_need() -> None:
    """Let a reader of the house itself stay."""


class Reader:
    """One connection: what waits for it, and why it ends."""

    def __init__(
        self, viewer: Viewer, form: Form, most_bytes: int = READER_BYTES, recheck: Recheck | None = None
    ) -> None:
        """Begin with nothing; the viewer says what may be asked for, and `recheck` drops whoever may no more."""
        self.viewer: Final = viewer
        self.form: Final = form
        self.recheck: Final = recheck or _no_need
        self.audiences: dict[Audience, None] = {}
        self.dropped: Dropped | None = None
        self.gone: Final = asyncio.Event()
        """Set once the reader is dropped, even while it is being written to."""
        self._most = most_bytes
        self._waiting: deque[Piece] = deque()
        self._bytes = 0
        self._bell = asyncio.Event()

    def put(self, payload: Payload) -> None:
        """Let a message wait for the reader; with too many waiting, let the reader go."""
        self._add(payload.piece(self.form), len(payload.event))

    def mark(self, sequence: int) -> None:
        """Say that all up to a row was sent: a browser names it when it comes again."""
        if self.form == "event":
            self._add(b"id: %d\n\n" % sequence, 0)

    def _add(self, piece: Piece, size: int) -> None:
        if self.dropped is not None:
            return
        self._bytes += size
        if self._bytes > self._most:
            self.drop(TOO_SLOW, "what waits for this reader is more than it may be")
        else:
            self._waiting.append(piece)
            self._bell.set()

    def drop(self, code: int, reason: str) -> None:
        """End the reader, with what still waits for it forgotten; the first reason stays."""
        if self.dropped is None:
            self.dropped = Dropped(code, reason)
            self._waiting.clear()
            self._bell.set()
            self.gone.set()

    async def next(self) -> list[Piece]:
        """Wait for what comes next, and take all of it; nothing when the reader has ended."""
        while not self._waiting and self.dropped is None:
            self._bell.clear()
            await self._bell.wait()
        return self.take()

    def take(self) -> list[Piece]:
        """Take all that waits, without waiting for more."""
        taken, self._bytes = list(self._waiting), 0
        self._waiting.clear()
        return taken


class _Track:
    """One channel: its newest updates, what is not sent yet, and who reads it."""

    __slots__ = ("forgotten", "last", "pending", "readers", "updates")

    def __init__(self, known: int) -> None:
        """Begin after a row up to which nothing is known."""
        self.updates: deque[tuple[Update, Payload | None]] = deque()
        self.last = known
        """The row up to which the newest update goes."""
        self.forgotten = known
        """The row up to which the newest update that is held no more went."""
        self.pending: list[ShownEvent] = []
        self.readers: dict[Reader, None] = {}

    def close(self, channel: str, sequence: int, held: int) -> Payload | None:
        """Make the next update of what is pending; encode it only if somebody reads it."""
        update = Update(channel, self.last, sequence, tuple(self.pending))
        payload = Payload.of(update) if self.readers else None
        self.pending = []
        self.last = sequence
        self.updates.append((update, payload))
        if len(self.updates) > held:
            self.forgotten = self.updates.popleft()[0].sequence
        return payload

    def after(self, sequence: int) -> list[Payload]:
        """Return the updates that go beyond a row."""
        return [payload or Payload.of(update) for update, payload in self.updates if update.sequence > sequence]


class Hub:
    """What every row means for every channel, and who hears of it.

    `see` is told every row from the venue's first on: first by recovery in the thread that opens the house, then in
    the loop, once it is entered.
    """

    def __init__(
        self,
        *,
        held_updates: int = HELD_UPDATES,
        flush_seconds: float = FLUSH_SECONDS,
        readers_of_one: int = READERS_OF_ONE,
    ) -> None:
        """Begin with a venue on which nothing has happened."""
        assert held_updates >= 1, "who resumes needs the last update at least"
        self.board: Final = Board()
        self.listeners: Final[list[Listener]] = []
        self.readers: dict[Reader, None] = {}
        self.dropped_slow = 0
        """How many readers were too slow so far."""
        self._held, self._flush_seconds, self._readers_of_one = held_updates, flush_seconds, readers_of_one
        self._tracks: dict[Audience, _Track] = {}
        self._fresh: dict[Audience, _Track] = {}
        """The channels with something pending."""
        self._known = 0
        """The row up to which a channel that is held no more may have been told something."""
        self._snapshots: dict[Audience, Payload] = {}
        """Those made since the last row."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None

    def figures(self) -> Iterator[str]:
        """Yield who reads, as Prometheus reads it."""
        yield from gauge("stream_readers", "Connections that read the stream.", len(self.readers))
        yield from counter("stream_readers_dropped", "Readers that were too slow.", self.dropped_slow)

    # --- Rows -------------------------------------------------------------------------------------------------------

    def enter(self) -> None:
        """Belong to the running loop from now on: what happens is gathered for a moment, and then sent."""
        self._loop = asyncio.get_running_loop()

    def see(self, entry: Entry) -> None:
        """Look at a row."""
        is_sound = False
        try:
            announced = told(self.board, entry)
            self._announce(announced)
            for listener in self.listeners:
                listener(entry, announced)
            is_sound = True
        finally:
            if not is_sound:  # A bug: whoever read on would be told what is not so.
                self.close(BROKEN, "the stream has failed")
        self._snapshots.clear()
        if self._loop is None:
            self.flush()
        elif self._timer is None:
            self._timer = self._loop.call_later(self._flush_seconds, self.flush)

    def _announce(self, announcements: Iterable[tuple[Audience, ShownEvent]]) -> None:
        for audience, event in announcements:
            track = self._fresh.get(audience)
            if track is None:
                track = self._fresh[audience] = self._track(audience)
            track.pending.append(event)

    def flush(self) -> None:
        """Send what is pending: one update for each channel in which something has happened."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._announce(books(self.board))
        if not self._fresh:
            return
        fresh, self._fresh = self._fresh, {}
        sequence, marked = self.board.sequence, dict[Reader, None]()
        for audience, track in fresh.items():
            payload = track.close(channel_of(audience), sequence, self._held)
            for reader in track.readers if payload else ():
                assert payload is not None, "a channel that is read is encoded"
                reader.put(payload)
                marked[reader] = None
        self._finish(marked, sequence)

    def _finish(self, told_readers: Iterable[Reader], sequence: int) -> None:
        for reader in told_readers:
            reader.mark(sequence)
            if reader.dropped is not None:
                self.leave(reader)

    def _track(self, audience: Audience) -> _Track:
        """Return a channel, as the one used last; make room by forgetting one that nobody reads."""
        track = self._tracks.pop(audience, None) or _Track(self._known)
        self._tracks[audience] = track
        if len(self._tracks) > CHANNELS_HELD:
            oldest = next((name for name, each in self._tracks.items() if not each.readers and not each.pending), None)
            if oldest not in {None, audience}:
                assert oldest is not None
                self._known = max(self._known, self._tracks.pop(oldest).last)
        return track

    # --- Readers ----------------------------------------------------------------------------------------------------

    def join(self, reader: Reader) -> bool:
        """Let a reader in; return false, with the reader dropped, when there are too many."""
        mine = sum(each.viewer.participant_id == reader.viewer.participant_id for each in self.readers)
        if len(self.readers) >= READERS_MOST or mine >= self._readers_of_one:
            reader.drop(TOO_MANY, "too many streams are open")
            return False
        self.readers[reader] = None
        return True

    def leave(self, reader: Reader) -> None:
        """Let a reader go; a second call does nothing."""
        if reader in self.readers:
            del self.readers[reader]
            self.dropped_slow += reader.dropped is not None and reader.dropped.code == TOO_SLOW
        for audience in reader.audiences:
            self._tracks[audience].readers.pop(reader, None)
        reader.audiences = {}

    def subscribe(self, reader: Reader, channel: str, after: int | None = None) -> Refusal | None:
        """Give a reader what it is missing on a channel after a row, or a snapshot, and then what happens.

        Whoever may not look is told so, and the refusal is returned as well.
        """
        try:
            audience = audience_of(self.board, reader.viewer, channel)
        except Refusal as refusal:
            self.decline(reader, refusal, channel)
            return refusal
        self.flush()  # So that nothing is pending that the snapshot has already.
        track = self._track(audience)
        if audience not in reader.audiences and len(reader.audiences) >= CHANNELS_OF_ONE:
            reader.drop(TOO_MANY, "too many channels are subscribed")
            return None
        if after is not None and track.forgotten <= after <= self.board.sequence:
            reader.put(Payload.of(Resumed(channel, after)))
            for payload in track.after(after):
                reader.put(payload)
        else:
            reader.put(self._snapshot(audience))
        reader.audiences[audience] = None
        track.readers[reader] = None
        return None

    def unsubscribe(self, reader: Reader, channel: str) -> None:
        """Tell a reader no more of a channel; one that it does not read is not told either."""
        for audience in tuple(reader.audiences):
            if channel_of(audience) == channel:
                del reader.audiences[audience]
                self._tracks[audience].readers.pop(reader, None)

    def decline(self, reader: Reader, refusal: Refusal, channel: str = "") -> None:
        """Tell a reader why what it asked for is not given."""
        refused = Refused(refusal.code, refusal.what, refusal.where, refusal.remedy)
        reader.put(Payload.of(Declined(refused, channel)))

    def mark(self, reader: Reader) -> None:
        """Tell a new reader up to where it has been told all that it subscribed to."""
        reader.mark(self.board.sequence)

    def beat(self) -> None:
        """Tell every reader that the stream is alive."""
        self.flush()
        payload = Payload.of(Beat(self.board.sequence))
        for reader in tuple(self.readers):
            reader.put(payload)
            self._finish((reader,), self.board.sequence)

    def close(self, code: int = CLOSING, reason: str = "the venue closes") -> None:
        """Drop every reader."""
        for reader in tuple(self.readers):
            reader.drop(code, reason)
            self.leave(reader)

    def _snapshot(self, audience: Audience) -> Payload:
        found = self._snapshots.get(audience)
        if found is None:
            snapshot = Snapshot(channel_of(audience), self.board.sequence, content(self.board, audience))
            found = self._snapshots[audience] = Payload.of(snapshot)
        return found
