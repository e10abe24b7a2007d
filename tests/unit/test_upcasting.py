"""Rows of earlier versions: what was once written is read for ever, nothing of it is lost, and nothing is guessed."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests import little_machine
from tests.little_machine import order

from naryq import exchange
from naryq.journal import verify as verification
from naryq.journal.contract import Record, rows_after
from naryq.journal.verify import KnownHead, verify
from naryq.messages import (
    AnyCommand,
    AnyEvent,
    Code,
    Entry,
    Refusal,
    Refused,
    decode_entry,
    encode,
    upcasting,
    written_today,
)
from naryq.messages import entry as entry_module
from naryq.messages.upcasting import DECIDED_ALIKE_SINCE, ENTRY_VERSION, LIFTS, Lift, Row, lifted

SAMPLES = sorted((Path(__file__).parents[1] / "samples").glob("journal-v*.jsonl"))
HEADS = {
    1: "d04705b7354f4cbdabde8bcbf4817714cfa066e85e11a2b1120a79619a6d975a",
    2: "974c8bdf12118fcd563bd1255d39da962c19a4b85d0cb5b6a5e9e228608a0a0a",
    3: "17da733fb2f489f90173dbc93cf15eacb0a440f8ffc6cd8cc8c6e3e4ef38aeea",
}
"""The last chain of each kept journal. Those after the first are of simulated venues, with rows of most kinds."""


class _Row(msgspec.Struct):
    sequence: int
    chain: str
    payload: msgspec.Raw


def records(sample: Path) -> list[Record]:
    """Read a kept journal without the help of the program's own import."""
    lines = sample.read_bytes().splitlines()[1:]
    rows = [msgspec.json.decode(line, type=_Row) for line in lines]
    return [Record(row.sequence, bytes(row.payload), bytes.fromhex(row.chain)) for row in rows]


def version_of(sample: Path) -> int:
    return int(sample.stem.removeprefix("journal-v"))


def leaves(value: Any) -> Iterator[Any]:
    """Yield every plain value of a decoded row, wherever it stands."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield from ((name, leaf) if isinstance(leaf, bool | None) else leaf for leaf in leaves(part))
    elif isinstance(value, list):
        for part in value:
            yield from leaves(part)
    else:
        yield value


def lost(row: Row, lifts: tuple[Lift, ...] = LIFTS) -> Counter[Any]:
    """Return the values that a row had before its lifting and has no more after it."""
    return Counter(map(repr, leaves(row))) - Counter(map(repr, leaves(lifted(row, lifts))))


def test_every_earlier_version_has_its_sample() -> None:
    """A version of which no journal was kept could stop being read without anybody knowing."""
    assert [version_of(sample) for sample in SAMPLES][: ENTRY_VERSION - 1] == list(range(1, ENTRY_VERSION))


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.stem)
def test_a_kept_journal_verifies_for_ever(sample: Path) -> None:
    """Its chain holds, every row is read, both replays agree, and what is decided alike was decided again."""
    rows = records(sample)
    found = verify(rows)  # If this fails after a decision has changed, `naryq.messages.upcasting` says what to do.
    assert found.rows == len(rows) > 40
    assert found.hash_by_events == found.hash_by_decisions
    assert found.taken_rows == (len(rows) if version_of(sample) < DECIDED_ALIKE_SINCE else 0)
    assert {decode_entry(row.payload).version for row in rows} == {version_of(sample)}


@pytest.mark.parametrize(("version", "head"), HEADS.items())
def test_a_sample_is_the_one_that_was_kept(version: int, head: str) -> None:
    """A sample that is made anew by a later program would prove nothing: its head is known."""
    assert verify(records(SAMPLES[version - 1]), known=[KnownHead(head)]).head_chain == head


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.stem)
def test_lifting_loses_nothing(sample: Path) -> None:
    """Every value of every row stands in what the row is lifted to."""
    assert all(not lost(msgspec.json.decode(row.payload)) for row in records(sample))


def test_the_sample_of_version_1_has_every_message_of_its_day() -> None:
    """The journal of November 2026 has each command and event that there was, so that none may change unseen."""
    entries = [decode_entry(row.payload) for row in records(SAMPLES[0])]
    kinds = {type(part).__name__ for entry in entries for part in (entry.command, *entry.events)}
    assert kinds == {
        *("AdmitParticipant", "AdoptRulebook", "OpenSession", "SubmitOrder", "CancelOrder", "CloseSession"),
        *("ClearSession", "PlanSupply", "ReportRetailTerms", "PublishPrices", "Refused", "ParticipantAdmitted"),
        *("RulebookAdopted", "SessionOpened", "OrderAccepted", "OrderCancelled", "SessionClosed", "SessionCleared"),
        *("LedgerPosted", "SupplyPlanned", "RetailTermsReported", "PricesPublished"),
    }


# --- Planted bugs ---------------------------------------------------------------------------------------------------


def _forget_a_margin(row: Row) -> Row:
    """A planted bug: a lift that leaves out what has become optional."""
    command = row["command"]
    if command["type"] == "ReportRetailTerms":
        return {**row, "command": {name: value for name, value in command.items() if not name.startswith("station")}}
    return row


def test_a_lift_that_drops_a_field_is_found() -> None:
    """The canary: what a lift leaves out is missed by name."""
    rows = [msgspec.json.decode(row.payload) for row in records(SAMPLES[0])]
    assert any(lost(row, (_forget_a_margin,)) == {"3100": 1} for row in rows)


def _forget_the_events(row: Row) -> Row:
    """A planted bug: a lift that keeps the command only."""
    return {**row, "events": []}


def test_a_lift_that_drops_an_event_is_found_by_the_verifier(monkeypatch: pytest.MonkeyPatch) -> None:
    """The canary: where decisions are repeated, a row that was lifted wrongly is not what is decided again."""
    rows = rows_after(
        None, [encode(Entry(1, order(1), little_machine.decide(little_machine.initial_state(), order(1))))]
    )
    monkeypatch.setattr(verification, "DECIDED_ALIKE_SINCE", 1)
    assert verify(rows, little_machine).taken_rows == 0
    monkeypatch.setattr(entry_module, "lifted", lambda row: lifted(row, (_forget_the_events,)))
    with pytest.raises(Refusal, match="gives other events") as refusal:
        verify(rows, little_machine)
    assert refusal.value.code is Code.JOURNAL_DAMAGED


# --- Versions -------------------------------------------------------------------------------------------------------


def first_entry() -> Entry:
    return decode_entry(records(SAMPLES[0])[0].payload)


def parts() -> tuple[int, AnyCommand, tuple[AnyEvent, ...]]:
    entry = first_entry()
    return entry.sequence, entry.command, entry.events


def test_a_row_of_today_names_its_version_and_one_of_version_1_does_not() -> None:
    """What was written before there were versions is spelled as it was; what is written now says which it is."""
    payload = records(SAMPLES[0])[0].payload
    assert b'"version"' not in payload
    assert first_entry().version == 1
    today = encode(written_today(*parts()))
    assert today.endswith(f',"version":{ENTRY_VERSION}}}'.encode())
    assert decode_entry(today) == written_today(*parts())


@pytest.mark.parametrize("version", [ENTRY_VERSION + 1, 10**30, 0, -1, True, "2", None, 1.5])
def test_a_version_that_is_not_known_is_refused(version: object) -> None:
    """A row of a later program, or of none, is refused with what to do, and never read by guessing."""
    row = msgspec.json.decode(encode(written_today(*parts()))) | {"version": version}
    with pytest.raises(Refusal, match="sequence 1: the row has version") as refusal:
        decode_entry(msgspec.json.encode(row))
    assert refusal.value.code is Code.NOT_SUPPORTED
    assert "Use the version of Naryq that wrote the journal" in refusal.value.remedy


def test_rows_that_are_decided_otherwise_now_are_taken_as_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where today's program decides otherwise, old rows are evolved and counted, and not decided again."""
    events = little_machine.decide(little_machine.initial_state(), order(1))
    other = tuple(msgspec.structs.replace(event, rulebook_version="another") for event in events)
    rows = rows_after(None, [encode(Entry(1, order(1), other))])
    assert verify(rows, little_machine).taken_rows == 1
    monkeypatch.setattr(verification, "DECIDED_ALIKE_SINCE", 1)
    with pytest.raises(Refusal, match="gives other events"):
        verify(rows, little_machine)


OTHERWISE: dict[tuple[int, int], Code] = {(2, 154): Code.NOT_PERMITTED}
"""Rows, by version and number, that are refused today on purpose: a seller reports a loading after its last day."""


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.stem)
def test_a_venue_can_go_on_from_every_row_of_an_old_journal(sample: Path) -> None:
    """Wherever an old venue stopped, today's program takes and refuses what the old one took and refused there."""
    state = exchange.initial_state()
    for row in records(sample):
        entry = decode_entry(row.payload)
        again, otherwise = exchange.decide(state, entry.command)[0], OTHERWISE.get((entry.version, row.sequence))
        if otherwise is not None:
            assert isinstance(again, Refused)
            assert again.code == otherwise
        else:
            assert type(again) is type(entry.events[0]), f"row {row.sequence}: {again}"
        state = exchange.apply(state, entry)


def test_a_row_of_an_earlier_version_after_a_later_one_is_refused() -> None:
    """Versions only rise along a journal: an old form behind a new one is forged, even under a chain that fits."""
    _, command, events = parts()
    payloads = [written_today(1, command, events), Entry(2, msgspec.structs.replace(command, command_id="z"), events)]
    with pytest.raises(
        Refusal, match=f"sequence 2: the row has version 1, after one of version {ENTRY_VERSION}"
    ) as refusal:
        verify(rows_after(None, [encode(entry) for entry in payloads]))
    assert refusal.value.code is Code.JOURNAL_DAMAGED


def test_a_row_of_an_earlier_version_has_one_spelling_too() -> None:
    """A space that no program has written is found, although the old row cannot be compared with a new one by bytes."""
    payload = records(SAMPLES[0])[0].payload
    with pytest.raises(Refusal, match="as no version of the program spells it"):
        verify(rows_after(None, [payload.replace(b":", b": ", 1)]))


def test_lifts_are_applied_in_order() -> None:
    """A row of version n passes the lifts from the n-th on, each once."""
    lifts = (lambda row: {**row, "path": "1"}, lambda row: {**row, "path": row.get("path", "") + "2"})
    assert lifted({}, lifts)["path"] == "12"
    assert lifted({"version": 2}, lifts)["path"] == "2"
    assert len(upcasting.LIFTS) == ENTRY_VERSION - 1
