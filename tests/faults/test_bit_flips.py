"""Bits that turn over in a journal at rest: verification finds each one that changes anything that is written."""

from collections import Counter
from contextlib import closing
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest
from tests import little_machine
from tests.faults.disk import seeded
from tests.little_machine import order

from naryq.engine import Engine
from naryq.journal import verify
from naryq.journal.contract import Record
from naryq.journal.sqlite import SqliteJournal, SqliteReader
from naryq.messages import Refusal

FLIPS_IN_ROWS = 2_000
FLIPS_ANYWHERE = 1_000


class AtRest(NamedTuple):
    """A journal file that nobody has open, its rows, and where in the file each byte of a row stands."""

    path: Path
    content: bytes
    rows: list[Record]

    def row_bytes(self) -> list[int]:
        """Return the places of all bytes of payloads and chains; the last, where SQLite left an old copy behind."""
        places: list[int] = []
        for row in self.rows:
            for part in (row.payload, row.chain):
                start = self.content.rindex(part)
                places += range(start, start + len(part))
        return places

    def flipped(self, place: int, bit: int) -> str:
        """Turn one bit over and say what the verification makes of it."""
        content = bytearray(self.content)
        content[place] ^= 1 << bit
        self.path.write_bytes(content)
        try:
            with closing(SqliteReader.open(str(self.path))) as reader:
                verify.verify(reader.read(), little_machine)
                return "harmless" if list(reader.read()) == self.rows else "unnoticed"
        except Refusal as refusal:
            return refusal.code


@pytest.fixture
def at_rest(tmp_path: Path) -> AtRest:
    path = tmp_path / "venue.journal"
    with Engine(SqliteJournal.create(str(path)), machine=little_machine) as engine:
        engine.submit_many(order(number, quantity_lots=number * 100) for number in range(1, 41))
    with closing(SqliteReader.open(str(path))) as reader:
        rows = list(reader.read())
    return AtRest(path, path.read_bytes(), rows)


def flip(at_rest: AtRest, places: list[int], flips: int, random: Random) -> Counter[str]:
    return Counter(at_rest.flipped(random.choice(places), random.randrange(8)) for _ in range(flips))


def test_every_flip_in_a_row_is_found(at_rest: AtRest) -> None:
    """Not one of 2,000 turned bits of payloads and chains passes the verification."""
    found = flip(at_rest, at_rest.row_bytes(), FLIPS_IN_ROWS, seeded(1))
    assert found == {"journal_damaged": FLIPS_IN_ROWS}


def test_no_flip_anywhere_changes_what_is_read(at_rest: AtRest) -> None:
    """A bit turned anywhere in the file is found, or stands in bytes that mean nothing: then every row is as it was."""
    found = flip(at_rest, list(range(len(at_rest.content))), FLIPS_ANYWHERE, seeded(2))
    assert found.keys() <= {"journal_damaged", "unreadable", "harmless"}, found
    assert found["journal_damaged"] > found["harmless"] > 0


def test_the_suite_finds_a_missing_chain(at_rest: AtRest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The canary: where nobody computes the chain, a turned bit of a command_id passes, and the suite says so."""
    place = at_rest.content.rindex(b'"command_id":"c5"') + len('"command_id":"')
    assert at_rest.flipped(place, 0) == "journal_damaged"
    chains = iter([row.chain for row in at_rest.rows])
    monkeypatch.setattr(verify, "link", lambda *_: next(chains))
    assert at_rest.flipped(place, 0) == "unnoticed"
