"""Snapshots hold what events were folded into: another fold has another number, so that no old one is believed."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from naryq import exchange
from naryq.exchange import limits, machine, parity, snapshots, supply
from naryq.exchange.limits_state import Band
from naryq.exchange.snapshots import FOLD_VERSION
from naryq.maps import Map
from naryq.messages import AnyEvent, Deposited, Entry, Message, Refusal, decode_entry, encode

SAMPLE = Path(__file__).parents[1] / "samples" / "folds.jsonl"
FOLDED = {
    1: "aed1ffc4be3657d5a9929e909f7541abdd948f3935d4dd8b6ebbd8ec5149d6db",
    2: "cb6d7f029efaaedb02a0066284e37f3d785b4336219e5b292cb901af30402f2f",
    3: "d9dac903c79a31cc3971eb92b9edea57fbde3f48a5c3a22ccb3813a21c0e40bf",
    4: "f5a7f215058299c1eb13c4100fc4c08817fb9029c7077e68e7d7b7a8f49d80d7",
}
"""For each number of the fold, what the kept histories came to. The last is of today; the others never change."""
NOT_KEPT = "BasePriceSet ClaimDecided CollarTightened DebtWaived LimitLifted ObligationRefunded"
"""The events of which no kept history has one."""


def histories() -> Iterator[list[Entry]]:
    """Yield the kept histories: each begins with its first row."""
    rows: list[Entry] = []
    for line in SAMPLE.read_bytes().splitlines():
        entry = decode_entry(line)
        if entry.sequence == 1 and rows:
            yield rows
            rows = []
        rows.append(entry)
    yield rows


def folded() -> str:
    """Return what the kept histories come to: the hash of the hashes of their last states."""
    hashes = []
    for rows in histories():
        state = exchange.initial_state()
        for entry in rows:
            state = exchange.apply(state, entry)
        hashes.append(exchange.state_hash(state))
    return sha256("".join(hashes).encode()).hexdigest()


def test_a_changed_fold_has_another_number() -> None:
    """Kept events come to what they came to; where they do not, raise FOLD_VERSION, so that no old snapshot counts."""
    assert max(FOLDED) == FOLD_VERSION
    assert folded() == FOLDED[FOLD_VERSION], "the fold has changed: raise FOLD_VERSION, and add a line to FOLDED"
    assert len(set(FOLDED.values())) == len(FOLDED)


def as_before_the_fourth(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a state be hashed as before the fourth fold: one pair of keys, no `actor`, bands without names."""
    today = exchange.state_hash

    def before(state: exchange.State) -> str:
        lock: Any = parity.lock_of(state, None)
        absences: Any = Map({who: unsigned(absence) for who, absence in state.people.absences.items()})
        bands: Any = Map({session_id: unnamed(band) for session_id, band in state.limits.bands.items()})
        reported: Any = None if state.limits.parity is None else unsigned(state.limits.parity)
        limits_then = msgspec.structs.replace(state.limits, locks=lock, bands=bands, parity=reported)
        people_then = msgspec.structs.replace(state.people, absences=absences)
        return today(msgspec.structs.replace(state, limits=limits_then, people=people_then))

    monkeypatch.setattr(exchange, "state_hash", before)


def unnamed(band: Band) -> tuple[Any, ...]:
    """Return what a band held while it did not say which limits had acted."""
    assert band.__struct_fields__[-1] == "acted"
    return msgspec.structs.astuple(band)[:-1]


def unsigned(absence: Message) -> msgspec.Raw:
    """Return how an absence or a parity was spelled while it had no `actor`; of kept histories none has one."""
    spelling = encode(absence)
    assert spelling.endswith(b',"actor":""}')
    return msgspec.Raw(spelling.removesuffix(b',"actor":""}') + b"}")


def test_the_fourth_fold_differs_in_whose_keys_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where only the network has two keys, and nothing says who asked for it, all comes to what it came to."""
    as_before_the_fourth(monkeypatch)
    assert folded() == FOLDED[3]


def test_the_third_fold_differs_in_what_months_and_plans_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where batches and offers count lots instead of mass, as before, the kept histories come to what they came to."""
    as_before_the_fourth(monkeypatch)
    for topic in (limits, supply):
        monkeypatch.setattr(topic, "mass_kg", lambda _, lots: lots)
    assert folded() == FOLDED[2]


def test_the_second_fold_differs_in_whose_a_command_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a command is known by its identifier alone as well, the kept histories come to what they first came to."""
    as_before_the_fourth(monkeypatch)
    for topic in (limits, supply):
        monkeypatch.setattr(topic, "mass_kg", lambda _, lots: lots)
    monkeypatch.setattr(machine, "identity", lambda _, command_id: command_id)
    assert folded() == FOLDED[1]


def test_the_kept_histories_have_nearly_every_event() -> None:
    """What no kept history has is listed by name, so that a new event is looked at here."""
    kept = {type(event).__name__ for rows in histories() for entry in rows for event in entry.events}
    assert sorted({kind.__name__ for kind in get_args(AnyEvent)} - kept) == sorted(NOT_KEPT.split())


def test_a_bug_in_a_fold_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    """With one event folded otherwise the kept histories come to something else."""
    original = machine._EVOLVERS[Deposited]

    def around(state: exchange.State, event: Deposited) -> exchange.State:
        return msgspec.structs.replace(original(state, event), reference_tenge_per_tonne=1)

    monkeypatch.setattr(machine, "_EVOLVERS", {**machine._EVOLVERS, Deposited: around})
    assert folded() != FOLDED[FOLD_VERSION]


def test_a_snapshot_of_another_fold_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """A snapshot by a program that folded otherwise is refused, and the journal replayed."""
    old = exchange.snapshot(exchange.initial_state())
    assert exchange.restored(old) == exchange.initial_state()
    monkeypatch.setattr(snapshots, "FOLD_VERSION", FOLD_VERSION + 1)
    with pytest.raises(Refusal, match="not_supported"):
        exchange.restored(old)
