"""FIX messages as bytes: reading and writing, cutting a stream, and whatever a stranger may send."""

import os
import random

import pytest
from tests.fix_rig import BEGUN_NS, Line, Rig, frame, scripts, sent

from naryq.gateways.fix import times, wire
from naryq.gateways.fix.dictionary import load
from naryq.gateways.fix.wire import Framer, Garbled

INPUTS = int(os.environ.get("NARYQ_FIX_INPUTS", "4000"))
"""How many broken inputs the parser is given; the two hundred thousand of the report take some minutes."""
SOUND = [
    sent(step.partition(" ")[2], BEGUN_NS)
    for script in scripts()
    for step in script.steps
    if step.startswith("I ") and "<TIME" not in step.partition(" ")[2]
]


def test_what_is_written_is_read_again() -> None:
    """A message comes back as it was, its fields in order, those of a group too."""
    message = wire.of("V", [(34, "2"), (262, "r"), (267, "2"), (269, "0"), (269, "1"), (58, "é=ü")])
    assert wire.read(wire.written(message)) == message
    assert message.get(269) == "0"
    assert message.get(99) == ""


@pytest.mark.parametrize(
    "garbled",
    [
        b"",
        b"8=FIX.4.4\x01",
        frame(["35=0", "34=2"])[:-1],
        frame(["35=0", "34=2", "x=1"]),
        frame(["35=0", "34=2", "1.5=1"]),
        frame(["35=0", "34=2", "nothing"]),
        frame(["34=2", "35=0"]),
        frame(["9=4", "35=0"]),
        frame(["35=0", "10=000"]),
        frame(["35=0", "90=5", "91=toolong"]),
        frame(["35=0", "34=2"]) + b"34=2\x01",
    ],
    ids=range(11),
)
def test_what_cannot_be_read_is_garbled(garbled: bytes) -> None:
    """Whatever is no message is garbled, and nothing else is raised."""
    with pytest.raises(Garbled):
        wire.read(garbled)


def test_data_may_hold_separators() -> None:
    """A field of data is as long as the field before it says, whatever stands in it."""
    message = wire.read(frame(["35=0", "34=2", "95=7", "96=a\x01b=c\x01d", "112=x"]))
    assert message.fields == ((34, "2"), (95, "7"), (96, "a\x01b=c\x01d"), (112, "x"))


def test_a_stream_is_cut_alike_whatever_its_pieces() -> None:
    """Messages come out of a stream as they went in, one byte at a time or all at once, noise between them or not."""
    rng = random.Random(7)
    stream = b"".join(each + rng.choice([b"", b"\x01", b"8=", b"noise 8=x\x01"]) for each in SOUND)
    whole = list(Framer().feed(stream))
    for seed in range(20):
        framer, pieces, at = Framer(), list[bytes](), 0
        rng = random.Random(seed)
        while at < len(stream):
            size = 1 if seed == 0 else rng.randint(1, 200)
            pieces += framer.feed(stream[at : at + size])
            at += size
        assert pieces == whole
    assert [each for each in SOUND if each not in whole] == []


def test_what_is_held_of_a_stranger_is_bounded() -> None:
    """However long a stranger sends what never becomes a message, little of it is held."""
    for noise in (b"8=", b"8=FIX.4.4\x019=", b"8=FIX.4.4\x019=16000\x01", b"x", b"\x0110="):
        framer = Framer()
        for _ in range(300):
            assert list(framer.feed(noise * 200)) == [] or noise == b"x"
            assert len(framer._bytes) < 3 * wire.BODY_BYTES_MAX


def broken(rng: random.Random) -> bytes:
    """Return a message with something wrong with it, mostly with its checksum mended, so that it is looked at."""
    data = bytearray(rng.choice(SOUND))
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(data))
        change = rng.randrange(4)
        if change == 0:
            data[at] = rng.randrange(256)
        elif change == 1:
            del data[at : at + rng.randint(1, 6)]
        elif change == 2:
            data[at:at] = rng.choice(
                [b"\x01", b"=", b"|43=Y\x01", b"\x01386=9\x01", b"\x0134=-5\x01", bytes([at % 256])]
            )
        else:
            data[at:at] = data[at // 2 : at]
    if rng.random() < 0.8:
        fields = bytes(data).decode("latin-1").split("\x01")
        return frame(
            [field for field in fields if field and field.partition("=")[0] not in {"8", "9", "10"}] or ["35=0"]
        )
    return bytes(data)


def test_no_input_breaks_the_machine() -> None:
    """Whatever comes, nothing is raised, what is answered is sound, and our numbers follow each other without a gap."""
    rng = random.Random(20260)
    line, expected = Line(Rig()), 1
    heard = 0
    for _ in range(INPUTS):
        if line.ended or line.connection.session is None or line.rig.seat.session.phase != "on":
            line.end()
            line = Line(line.rig)
            line.feed(sent("35=A|34=1|98=0|108=30", line.rig.now_ns))
            expected = 1
        line.feed(broken(rng))
        for raw in line.heard:
            answer = wire.read(raw)
            assert load().problem(answer) is None, answer
            if not answer.says(43):
                assert int(answer.get(34)) == (1 if answer.says(141) else expected)
                expected = int(answer.get(34)) + 1
            heard += 1
        line.heard.clear()
    assert heard > INPUTS // 10, "most of it gets as far as an answer"


def test_times_are_read_and_written() -> None:
    """An instant is written to the millisecond and read to the nanosecond; what is no instant is none."""
    assert times.written(BEGUN_NS + 7_654_321) == "20220110-05:00:00.007"
    assert times.read("20220110-05:00:00.007654321") == BEGUN_NS + 7_654_321
    assert times.read("20220110-05:00:00") == BEGUN_NS
    for wrong in ("", "20220230-00:00:00", "20220110", "20220110-05:00:00.x", "now"):
        assert times.read(wrong) is None
