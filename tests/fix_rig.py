"""Scripts for the FIX session layer: how they are read, and how they are played on the machine and over a socket.

A file holds scripts, each under a line `## name: what it proves`. A line of a script is one step:

    iCONNECT            connect (`iCONNECT 2`: as the second connection; its lines are then `I2`, `E2`, `e2DISCONNECT`)
    I 35=0|34=2         send a message; 8, 9, 10 and the header's 49, 52, 56 are added where they are not given
    I 35=0|34=2|!56     as above, without field 56
    R 8=FIX.4.4|9=5|    send bytes as they stand, `|` being SOH, nothing added
    E 35=0|34=2         expect a message: all its fields in order but 8, 9, 10, 49, 52, 56, which are checked by rule
    iDISCONNECT         end the connection
    eDISCONNECT         expect that the other side ends it
    iWAIT 3             let so many seconds pass
    iKEEP               let the other side keep its numbers from one logon to the next (first line of a script)
    iHOURS 0 3600       let sessions stand from one second of the day to another, UTC (behind iKEEP)
    iSEND 35=j|372=D    let the venue send a message of its own accord
    iRESTART            let the process of the other side end, and start anew over what it has kept

`<TIME>` is now, `<TIME-121>` so many seconds before; where a message is expected it is any time, as `*` is anything.
What comes and is not expected fails the script at the next step of our own.
"""

import asyncio
import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from naryq.gateways.fix import dictionary, tags, times, wire
from naryq.gateways.fix.acceptor import Acceptor, Seat
from naryq.gateways.fix.conformance import Echo, body_of, header_of
from naryq.gateways.fix.connection import Act, Admit, Connection
from naryq.gateways.fix.schedule import Schedule
from naryq.gateways.fix.session import NS, Close, Deliver, Forget, Keep, Session, Terms, Write
from naryq.gateways.fix.store import MemoryStore

FOLDER = Path(__file__).parent / "fix_scripts"
BEGUN_NS = 1_641_790_800 * NS
"""10 January 2022, 05:00 UTC."""
STEP_NS = NS // 10
LONG_SECONDS = 60
"""From here on time passes by the second."""
OURS, THEIRS = "VENUE", "TRADER"
ADDED = (tags.SENDER_COMP_ID, tags.SENDING_TIME, tags.TARGET_COMP_ID)


class Script(NamedTuple):
    """One script: its name, the sentence that it proves, and its steps."""

    name: str
    proves: str
    steps: tuple[str, ...]

    @property
    def in_no_time(self) -> bool:
        """Whether it can be played over a socket as it stands."""
        return not any(re.match(r"iWAIT|iKEEP|iHOURS|iSEND|iRESTART", step) for step in self.steps)


def scripts() -> list[Script]:
    """Read all scripts."""
    return [script for path in sorted(FOLDER.glob("*.txt")) for script in _of(path.read_text(encoding="utf-8"))]


def _of(text: str) -> Iterator[Script]:
    for part in text.split("\n## ")[1:]:
        heading, *lines = part.split("\n")
        name, _, proves = heading.partition(": ")
        yield Script(name, proves, tuple(line.strip() for line in lines if line.strip() and line[0] != "#"))


def frame(fields: list[str]) -> bytes:
    """Return a message with these fields, `tag=value` each; what was given of 8, 9 and 10 stands."""
    given = dict(field.partition("=")[::2] for field in fields)
    body = "".join(f"{field}\x01" for field in fields if field.partition("=")[0] not in {"8", "9", "10"})
    head = f"8={given.get('8', wire.VERSION)}\x019={given.get('9', len(body))}\x01{body}"
    checksum = given.get("10", f"{sum(head.encode('latin-1')) % 256:03d}")
    return f"{head}10={checksum}\x01".encode("latin-1")


def sent(line: str, now_ns: int) -> bytes:
    """Return the bytes of a line that is sent."""
    fields = timed(line, now_ns).split("|")
    left_out = {int(field[1:]) for field in fields if field.startswith("!")}
    fields = [field for field in fields if not field.startswith("!")]
    given = {field.partition("=")[0] for field in fields}
    values = {49: THEIRS, 52: times.written(now_ns)[:-4], 56: OURS}
    added = [f"{tag}={values[tag]}" for tag in ADDED if str(tag) not in given and tag not in left_out]
    place = next((n for n, field in enumerate(fields, 1) if field.startswith("34=")), 1)
    return frame([*fields[:place], *added, *fields[place:]])


def timed(line: str, now_ns: int) -> str:
    """Put times in the place of placeholders."""

    def written(match: re.Match[str]) -> str:
        return times.written(now_ns + int(match[1] or 0) * NS)[:-4]

    return re.sub(r"<TIME([+-]\d+)?>", written, line)


def check_expected(line: str, raw: bytes) -> None:
    """Check that a message is the one that a line expects, and that its frame and header are as they must be."""
    message = wire.read(raw)
    assert message.version == wire.VERSION
    assert (message.get(49), message.get(56)) == (OURS, THEIRS), "it is from the venue to the trader"
    assert times.read(message.get(52)) is not None, "it has a time"
    header = [tag for tag, _ in message.fields if tag in dictionary.load().header.members]
    assert header == sorted(header), "its header is in order"
    fields = [(35, message.kind), *(field for field in message.fields if field[0] not in ADDED)]
    wanted = [field.partition("=")[::2] for field in line.split("|")]
    assert [tag for tag, _ in fields] == [int(tag) for tag, _ in wanted], f"{line!r} is not {fields}"
    for (tag, value), (_, want) in zip(fields, wanted, strict=True):
        anything = want == "*" or (want == "<TIME>" and times.read(value) is not None)
        assert anything or value == want, f"field {tag} is {value!r}, not {want!r}"


def play(script: Script) -> None:
    """Play a script on the machine.

    Raises:
        AssertionError: When the machine does not do what the script expects.
    """
    rig = Rig()
    for number, step in enumerate(script.steps, 1):
        try:
            rig.take(step)
        except AssertionError as error:
            raise AssertionError(f"{script.name}, step {number}, {step!r}: {error}") from None
    rig.check_all_heard()


class Rig:
    """The machine with a clock of its own, its host the echo of the conformance run."""

    def __init__(self) -> None:
        self.now_ns = BEGUN_NS
        self.store = MemoryStore()
        self.schedule: Schedule | None = None
        self.fresh = True
        self.lines: dict[str, Line] = {}
        self.seen: set[str] = set()
        self.seat = self._seat()

    def _seat(self) -> Seat:
        terms = Terms(OURS, THEIRS, frozenset("D"), dictionary.load(), schedule=self.schedule, fresh=self.fresh)
        return Seat(terms, self.store)

    def take(self, step: str) -> None:
        """Take one step."""
        words = re.fullmatch(r"([iIeER])(\d?) ?(CONNECT|DISCONNECT|WAIT|KEEP|HOURS|SEND|RESTART)? ?(.*)", step)
        assert words is not None, "a step is written as the file's head says"
        kind, which, verb, rest = words.groups()
        if kind in "iIR":
            self.check_all_heard()
        getattr(self, f"_{kind}_{(verb or 'line').lower()}")(which, rest)

    def check_all_heard(self) -> None:
        """Check that nothing came that was not expected."""
        for line in self.lines.values():
            assert not line.heard, f"unexpected: {line.heard[0].replace(wire.SOH, b'|')!r}"

    def _i_connect(self, which: str, rest: str) -> None:
        self.lines[which or rest] = Line(self)

    def _i_disconnect(self, which: str, _: str) -> None:
        self.lines[which].end()

    def _e_disconnect(self, which: str, _: str) -> None:
        assert not self.lines[which].heard, f"unexpected: {self.lines[which].heard[0]!r}"
        assert self.lines[which].ended, "the connection still stands"

    def _i_wait(self, _: str, seconds: str) -> None:
        step_ns = STEP_NS if float(seconds) < LONG_SECONDS else NS
        for _step in range(int(float(seconds) * NS) // step_ns):
            self.now_ns += step_ns
            for line in self.lines.values():
                line.tick()

    def _i_keep(self, *_: str) -> None:
        self.fresh = False
        self.seat = self._seat()

    def _i_hours(self, _: str, hours: str) -> None:
        self.schedule = Schedule(*map(int, hours.split()))
        self.seat = self._seat()

    def _i_send(self, _: str, text: str) -> None:
        kind, *fields = (field.partition("=")[::2] for field in text.split("|"))
        acts = self.seat.session.send(kind[1], [(int(tag), value) for tag, value in fields], self.now_ns)
        next(iter(self.lines.values())).carry_out([*acts])

    def _i_restart(self, *_: str) -> None:
        for line in self.lines.values():
            line.end()
        self.seat = self._seat()

    def _I_line(self, which: str, text: str) -> None:  # noqa: N802 - named after the letter of the step
        self.lines[which].feed(sent(text, self.now_ns))

    def _R_line(self, which: str, text: str) -> None:  # noqa: N802 - as above
        self.lines[which].feed(timed(text, self.now_ns).replace("|", "\x01").encode("latin-1"))

    def _E_line(self, which: str, text: str) -> None:  # noqa: N802 - as above
        heard = self.lines[which].heard
        assert heard, "nothing came"
        check_expected(text, heard.pop(0))


class Line:
    """One connection of a rig: what was heard on it."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.connection = Connection(OURS, self._find, rig.now_ns)
        self.heard: list[bytes] = []
        self.ended = False

    def _find(self, name: str) -> Session | None:
        return self.rig.seat.session if name == THEIRS else None

    def feed(self, data: bytes) -> None:
        """Send bytes, in three pieces, as a network may."""
        for piece in (data[:1], data[1:17], data[17:]):
            for acts in self.connection.receive(piece, self.rig.now_ns):
                self.carry_out(acts)

    def tick(self) -> None:
        """Let time pass."""
        self.carry_out(self.connection.tick(self.rig.now_ns))

    def end(self) -> None:
        """End the connection."""
        self.connection.lost()
        self.ended = True

    def carry_out(self, acts: list[Act]) -> None:
        """Carry out acts as the acceptor does, with everything kept at once."""
        seat = self.rig.seat
        for act in sorted(acts, key=lambda act: isinstance(act, Deliver)):
            if isinstance(act, Write):
                self.heard.append(act.raw)
            elif isinstance(act, Keep):
                seat.keep(act.sent)
            elif isinstance(act, Forget):
                seat.forget()
                self.rig.seen.clear()
            elif isinstance(act, Close):
                self.end()
            elif isinstance(act, Admit):
                for admitted in self.connection.admitted(self.rig.now_ns):
                    self.carry_out(admitted)
            elif isinstance(act, Deliver):
                self._echo(act)
        change = seat.change()
        self.rig.store.keep([change])
        seat.kept(change)

    def _echo(self, act: Deliver) -> None:
        message, rig = act.message, self.rig
        if not (message.says(tags.POSS_RESEND) and message.get(tags.CL_ORD_ID) in rig.seen):
            header = header_of(message)
            self.carry_out([*rig.seat.session.send(message.kind, body_of(message), rig.now_ns, header=header)])
        rig.seen.add(message.get(tags.CL_ORD_ID))


class Wire(NamedTuple):
    """One connection over a socket."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    framer: wire.Framer
    heard: list[bytes]


async def play_over_socket(script: Script, port: int, now_ns: int) -> None:
    """Play a script over sockets against whoever listens on a port."""
    wires = dict[str, Wire]()
    try:
        for number, step in enumerate(script.steps, 1):
            try:
                await _take(step, wires, port, now_ns)
            except (AssertionError, TimeoutError, OSError) as error:
                raise AssertionError(f"{script.name}, step {number}, {step!r}: {error!r}") from None
    finally:
        for each in wires.values():
            await _end(each)


async def _take(step: str, wires: dict[str, Wire], port: int, now_ns: int) -> None:
    words = re.fullmatch(r"([iIeER])(\d?) ?(CONNECT|DISCONNECT)? ?(.*)", step)
    assert words is not None, "a step is written as the file's head says"
    kind, which, verb, rest = words.groups()
    if kind == "i" and verb == "CONNECT":
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        wires[which or rest] = Wire(reader, writer, wire.Framer(), [])
    elif kind == "i":
        await _end(wires[which])
    elif kind == "e":
        assert await _hear(wires[which]) is None, "the connection still stands"
    elif kind == "E":
        raw = await _hear(wires[which])
        assert raw is not None, "the connection has ended"
        check_expected(rest, raw)
    else:
        is_raw = kind == "R"
        data = timed(rest, now_ns).replace("|", "\x01").encode("latin-1") if is_raw else sent(rest, now_ns)
        wires[which].writer.write(data)
        await wires[which].writer.drain()


async def _hear(each: Wire) -> bytes | None:
    """Return the next message; None when the connection ends first."""
    while not each.heard:
        data = await asyncio.wait_for(each.reader.read(65_536), 5)
        if not data:
            return None
        each.heard.extend(each.framer.feed(data))
    return each.heard.pop(0)


async def _end(each: Wire) -> None:
    each.writer.close()
    with contextlib.suppress(OSError):
        await each.writer.wait_closed()


def echo_acceptor(now_ns: int) -> Acceptor:
    """Return the acceptor of the conformance run with a clock that stands."""
    acceptor = Acceptor(OURS, MemoryStore(), lambda: now_ns)
    Echo(acceptor, THEIRS)
    return acceptor
