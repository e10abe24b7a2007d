"""The FIX session layer, held against scripts: on the machine, and over a socket."""

import asyncio
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.fix_rig import BEGUN_NS, Script, echo_acceptor, play, play_over_socket, scripts

from naryq import Refusal
from naryq.gateways.fix import connection, dictionary, session, store, tags, times, wire
from naryq.gateways.fix.acceptor import Seat
from naryq.gateways.fix.dictionary import Dictionary
from naryq.gateways.fix.schedule import Schedule
from naryq.gateways.fix.session import NS, Session, Terms
from naryq.gateways.fix.wire import Framer, Message

SCRIPTS = scripts()
FAMILIES = ("1", "2", "3", "4", "6", "7", "8", "10", "11", "13", "14", "15", "16", "19", "20", "21", "22")
Planting = Callable[[pytest.MonkeyPatch], None]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_the_machine_plays_the_script(script: Script) -> None:
    """The session layer does what the script's sentence says."""
    play(script)


def test_there_are_scripts_of_every_family() -> None:
    """The suite has at least sixty scripts, each under a name of its own, and some of every family."""
    names = [script.name for script in SCRIPTS]
    assert len(set(names)) == len(names) >= 60
    assert {name.partition("-")[0].rstrip("abcdefghijkmnopqrst") for name in names} == set(FAMILIES)


def test_scripts_are_played_over_a_socket() -> None:
    """What the machine does is also what a counterparty sees on the wire: every script that needs no waiting."""

    async def over_the_wire() -> int:
        played = 0
        for script in SCRIPTS:
            if script.in_no_time:
                async with echo_acceptor(BEGUN_NS).listening("127.0.0.1", 0) as port:
                    await play_over_socket(script, port, BEGUN_NS)
                played += 1
        return played

    assert asyncio.run(over_the_wire()) >= 60


# --- Planted bugs ---------------------------------------------------------------------------------------------------


def no_checksum(patch: pytest.MonkeyPatch) -> None:
    """Take any checksum and any length."""
    patch.setattr(wire, "_check", lambda *_: None)


def short_frames(patch: pytest.MonkeyPatch) -> None:
    """Let a message end where its length says, whatever stands there."""

    def end(framer: Framer, begins: int) -> int | None:
        length = wire._LENGTH.match(framer._bytes, begins)
        return length.end() + int(length[1]) + len("10=000|") if length else 0

    patch.setattr(Framer, "_end", end)


def silent_reset(patch: pytest.MonkeyPatch) -> None:
    """Keep what was sent before a reset."""
    patch.setattr(Seat, "forget", lambda _: None)


def numbers_from_one(patch: pytest.MonkeyPatch) -> None:
    """Forget the numbers with the process."""
    patch.setattr(store.MemoryStore, "numbers", lambda *_: store.Numbers())


def nothing_kept(patch: pytest.MonkeyPatch) -> None:
    """Keep no message."""
    patch.setattr(Seat, "keep", lambda *_: None)


def time_of_repeat(patch: pytest.MonkeyPatch) -> None:
    """Say of a repeat that it was first sent now."""
    repeated = Session._repeated
    original = tags.SENDING_TIME

    def told(self: Session, raw: bytes) -> bytes:
        sent = wire.read(raw)
        now = (original, times.written(self._now_ns))
        return repeated(self, wire.written(wire.of(sent.kind, [now if f[0] == original else f for f in sent.fields])))

    patch.setattr(Session, "_repeated", told)


def rejected_for_nothing(patch: pytest.MonkeyPatch) -> None:
    """Let a rejected message use up no number."""
    patch.setattr(Session, "_reject", Session._say_rejected)


def low_is_nothing(patch: pytest.MonkeyPatch) -> None:
    """Pass over whatever is too low, repeat or not."""
    sequenced = Session._sequenced

    def passed(self: Session, message: Message, number: int) -> None:
        if number >= self.incoming:
            sequenced(self, message, number)

    patch.setattr(Session, "_sequenced", passed)


def asks_without_end(patch: pytest.MonkeyPatch) -> None:
    """Ask for what is missing at each message that comes too early."""

    def ask(self: Session) -> None:
        asked(self)
        self._asked = False

    asked = Session._ask
    patch.setattr(Session, "_ask", ask)


def early_are_lost(patch: pytest.MonkeyPatch) -> None:
    """Throw away what came too early."""
    patch.setattr(session, "QUEUE_MAX", 0)


def anybody(patch: pytest.MonkeyPatch) -> None:
    """Take messages from anybody, within a session."""
    header_problem = Session._header_problem

    def problem(self: Session, message: Message) -> dictionary.Problem | None:
        found = header_problem(self, message)
        return None if found == dictionary.Problem(dictionary.COMP_ID_WRONG) else found

    patch.setattr(Session, "_header_problem", problem)


def repeats_of_repeats(patch: pytest.MonkeyPatch) -> None:
    """Ask nothing of a repeat's times."""
    patch.setattr(session, "_repeat_problem", lambda _: None)


def two_at_once(patch: pytest.MonkeyPatch) -> None:
    """Let a second connection take the session over."""

    def first(self: connection.Connection, message: Message, now_ns: int) -> connection.Act:
        found = self._find(message.get(49))
        if found is not None:
            found.phase = "away"
        return really(self, message, now_ns)

    really = connection.Connection._first
    patch.setattr(connection.Connection, "_first", first)


def gaps_in_pieces(patch: pytest.MonkeyPatch) -> None:
    """Fill each gap in two pieces."""
    gap = Session._gap
    patch.setattr(Session, "_gap", lambda self, number, following: gap(self, number, max(number + 1, following - 1)))


def lazy_group(patch: pytest.MonkeyPatch) -> None:
    """Believe what a group says of its own length."""
    group = Dictionary._wrong_group

    def believed(self: Dictionary, shape: object, counter: int, count: int, rest: object) -> object:
        del count
        return group(self, shape, counter, sum(tag == shape.opening for tag, _ in rest), rest)  # type: ignore[arg-type, attr-defined]

    patch.setattr(Dictionary, "_wrong_group", believed)


def eternal(patch: pytest.MonkeyPatch) -> None:
    """Never begin a new period."""
    patch.setattr(Session, "_begin_period", lambda _: None)


def deaf_to_hours(patch: pytest.MonkeyPatch) -> None:
    """Let sessions stand at any hour."""
    patch.setattr(Schedule, "period", lambda *_: 0)


def heartbeat_on_hearing(patch: pytest.MonkeyPatch) -> None:
    """Count the time of a heartbeat from what was heard and not from what was said."""
    patch.setattr(Session, "_write", lambda self, raw: self._effects.append(session.Write(raw)))


def unanswered_test(patch: pytest.MonkeyPatch) -> None:
    """Forget that a test request stands open."""
    patch.setattr(Session, "_tested", property(lambda _: False, lambda *_: None), raising=False)


def turn_of_the_request(patch: pytest.MonkeyPatch) -> None:
    """Let a request to resend wait for its turn."""
    patch.setattr(Session, "_asked_of_us", Session._sequenced)


def few_kinds(patch: pytest.MonkeyPatch) -> None:
    """Call each kind of message invalid that the dictionary has not."""
    patch.setattr(dictionary, "is_of_fix", lambda _: False)


def bare_repeats(patch: pytest.MonkeyPatch) -> None:
    """Leave out of a repeat what its header said."""
    patch.setattr(session, "_WRITTEN_ANEW", tuple(dictionary.load().header.members))


def empty_is_another(patch: pytest.MonkeyPatch) -> None:
    """Take an empty name or time for a wrong one."""
    problem = Session._header_problem

    def found(self: Session, message: Message) -> dictionary.Problem | None:
        was = problem(self, message)
        return dictionary.Problem(dictionary.COMP_ID_WRONG) if was and was.reason == dictionary.NO_VALUE else was

    patch.setattr(Session, "_header_problem", found)


BUGS: tuple[Planting, ...] = (
    no_checksum,
    short_frames,
    silent_reset,
    numbers_from_one,
    nothing_kept,
    time_of_repeat,
    rejected_for_nothing,
    low_is_nothing,
    asks_without_end,
    early_are_lost,
    anybody,
    repeats_of_repeats,
    two_at_once,
    gaps_in_pieces,
    lazy_group,
    eternal,
    deaf_to_hours,
    heartbeat_on_hearing,
    unanswered_test,
    turn_of_the_request,
    few_kinds,
    bare_repeats,
    empty_is_another,
)


@pytest.mark.parametrize("plant", BUGS, ids=lambda plant: plant.__name__)
def test_the_scripts_see_a_planted_bug(plant: Planting, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the bug at least one script fails, and by what it expects."""
    plant(monkeypatch)
    failed = []
    for script in SCRIPTS:
        try:
            play(script)
        except AssertionError:
            failed.append(script.name)
    assert failed


# --- What scripts do not say ----------------------------------------------------------------------------------------


def test_a_schedule_knows_its_periods() -> None:
    """A period lasts from its opening to its end, over midnight too, and equal ends leave no pause."""
    day = 86_400 * NS
    assert Schedule(3_600, 7_200).period(3_599 * NS) is None
    assert Schedule(3_600, 7_200).period(7_199 * NS) == 3_600 * NS
    assert Schedule(3_600, 7_200).period(7_200 * NS) is None
    assert Schedule(72_000, 3_600).period(day + 10 * NS) == 72_000 * NS
    assert Schedule(3_600, 3_600).period(3_599 * NS + day) == 3_600 * NS


def test_numbers_are_kept_only_as_far_as_everything_is_answered(tmp_path: Path) -> None:
    """After a crash the counterparty is asked again for what was delivered and not answered."""
    kept = store.FileStore.open(tmp_path / "fix.db")
    terms = Terms("VENUE", "TRADER", frozenset("D"), dictionary.load())
    seat = Seat(terms, kept)
    seat.session.incoming, seat.session.outgoing = 9, 4
    seat.unanswered |= {6, 8}
    kept.keep([seat.change()])
    kept.close()
    again = store.FileStore.open(tmp_path / "fix.db")
    found = Seat(terms, again).session
    again.close()
    assert (found.incoming, found.outgoing) == (6, 4)


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    """The store opens no file that is not its own."""
    (tmp_path / "text").write_text("this is no database, whatever its length may be" * 20)
    (tmp_path / "text").chmod(0o600)
    with pytest.raises(Refusal, match="not a database"):
        store.FileStore.open(tmp_path / "text")


def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    """What was said to a counterparty is nobody else's: the file is made so, and another is refused."""
    path = tmp_path / "fix.db"
    store.FileStore.open(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o644)
    with pytest.raises(Refusal, match="chmod 600"):
        store.FileStore.open(path)


@pytest.mark.parametrize("kind", ["memory", "file"])
def test_both_stores_keep_alike(kind: str, tmp_path: Path) -> None:
    """A store gives back what it was given, in order, and forgets when it is told to."""
    kept: store.Store = store.MemoryStore() if kind == "memory" else store.FileStore.open(tmp_path / "fix.db")
    first, second = session.Sent(1, b"one"), session.Sent(3, b"three")
    kept.keep([store.Change("A", store.Numbers(2, 4, 5, 6), (second, first)), store.Change("B", store.Numbers(7))])
    assert (kept.numbers("A"), kept.numbers("B"), kept.numbers("C")) == ((2, 4, 5, 6), (7, 1, 0, 0), (1, 1, 0, 0))
    assert list(kept.history("A", 1, 2)) == [first]
    assert list(kept.history("A", 0, 9)) == [first, second]
    kept.keep([store.Change("A", store.Numbers(), (session.Sent(1, b"new"),), forgets=True)])
    assert list(kept.history("A", 0, 9)) == [session.Sent(1, b"new")]
    kept.close()
