"""Rulebooks of random values: who wins, what may not matter, and that no text at all breaks the reader."""

from datetime import date, timedelta
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.rulebook_samples import URL, dated, rule_file, sample_files, with_values

from naryq.messages import DatedValue, Refusal, RulebookText
from naryq.rulebook import CATALOGUE, END_OF_TIME, Kind, Rulebook, load, problems

FIRST = date(2022, 1, 1)
ALL_DAYS = tuple((FIRST + timedelta(number)).isoformat() for number in range(10))
DAYS = st.sampled_from(ALL_DAYS)
PLACES = ("KZ-47", "KZ-23", "default")
CAPS = st.dictionaries(st.sampled_from(PLACES), st.integers(1, 5), min_size=1)


@st.composite
def dated_values(draw: st.DrawFn) -> list[DatedValue]:
    """Draw up to eight values of a cap by place, no two with the same pair of days."""
    pairs = draw(st.lists(st.tuples(DAYS, DAYS), min_size=1, max_size=8, unique=True))
    return [
        dated(
            effective,
            known,
            draw(st.none() | CAPS),
            draw(st.none() | st.sampled_from([day for day in ALL_DAYS if day >= effective])),
        )
        for effective, known in pairs
    ]


def naive(values: list[DatedValue], effective: str, known: str) -> DatedValue | None:
    """Choose as the rule's text says: known and effective by then, not ended; latest effective, then latest known."""
    best: DatedValue | None = None
    for value in values:
        ended = value.until is not None and value.until < effective
        if value.known > known or value.effective > effective or ended:
            continue
        if best is None or (value.effective, value.known) > (best.effective, best.known):
            best = value
    return best


def naive_cap(values: list[DatedValue], place: str, effective: str, known: str) -> int | None:
    winner = naive(values, effective, known)
    caps = winner.value if winner is not None else None
    return caps.get(place, caps.get("default")) if isinstance(caps, dict) else None


@given(dated_values(), DAYS, DAYS, st.sampled_from(PLACES[:2]))
def test_in_force_agrees_with_the_naive_twin(values: list[DatedValue], effective: str, known: str, place: str) -> None:
    """Value, number and source in force are those of the naive twin."""
    answer = with_values("retail_cap", *values).in_force(effective, known)
    winner = naive(values, effective, known)
    assert answer.value("retail_cap") == winner
    assert answer.integer("retail_cap", place) == naive_cap(values, place, effective, known)
    assert answer.source("retail_cap") == (winner.source if winner is not None else None)


@given(dated_values(), DAYS, DAYS, st.sampled_from(PLACES[:2]))
def test_next_change_agrees_with_walking_day_by_day(
    values: list[DatedValue], effective: str, known: str, place: str
) -> None:
    """The next change is what somebody finds who asks on each following day in turn."""
    now = naive_cap(values, place, effective, known)
    expected = None
    day = date.fromisoformat(effective)
    while expected is None and day < FIRST + timedelta(30):
        day += timedelta(1)
        number = naive_cap(values, place, day.isoformat(), known)
        if number is not None and number != now:
            expected = (day.isoformat(), number)
    answer = with_values("retail_cap", *values).in_force(effective, known)
    assert answer.next_change("retail_cap", place, known) == expected


@given(dated_values(), DAYS, DAYS)
def test_what_became_known_later_changes_no_earlier_answer(
    values: list[DatedValue], effective: str, known: str
) -> None:
    """Values that were not known yet, or take effect later, can be taken away and the answer stays the same."""
    needed = [value for value in values if value.known <= known and value.effective <= effective]
    with_all = with_values("retail_cap", *values).in_force(effective, known)
    without = with_values("retail_cap", *(needed or values)).in_force(effective, known)
    assert with_all.value("retail_cap") == without.value("retail_cap")


@given(dated_values(), DAYS, DAYS)
def test_a_later_correction_wins_from_the_day_it_is_known(values: list[DatedValue], effective: str, known: str) -> None:
    """A value for a day itself, known later than all else, holds for who knew it and for nobody before."""
    corrected = dated(effective, "2022-06-01", {"default": 9})
    book = with_values("retail_cap", *values, corrected)
    assert book.in_force(effective, "2022-06-01").integer("retail_cap", "KZ-47") == 9
    assert book.in_force(effective, known).value("retail_cap") == naive(values, effective, known)


@given(dated_values(), st.data())
def test_digest_changes_with_any_value(values: list[DatedValue], data: st.DataObject) -> None:
    """Another number, day, end, source or note in any one value gives another digest and another version."""
    position = data.draw(st.integers(0, len(values) - 1))
    value = values[position]
    changes: list[dict[str, Any]] = [
        {"value": {"default": 77}},
        {"until": "2029-01-01"},
        {"known": "2019-01-01"},
        {"effective": "2019-01-01", "until": None},
        {"note": "another note"},
        {"source": msgspec.structs.replace(value.source, url=URL + "/2")},
    ]
    changed = msgspec.structs.replace(value, **data.draw(st.sampled_from(changes)))
    others = [*values[:position], changed, *values[position + 1 :]]
    before, after = with_values("retail_cap", *values), with_values("retail_cap", *others)
    assert before.text.digest != after.text.digest
    assert before.version != after.version


@given(st.permutations(list(sample_files().items())))
def test_digest_does_not_change_with_the_order_of_files(files: list[tuple[str, str]]) -> None:
    """The same files in any order are the same rulebook."""
    assert load(dict(files)) == load(sample_files())


@given(dated_values())
def test_rulebook_survives_the_journal(values: list[DatedValue]) -> None:
    """A rulebook that went through the journal's form comes back equal and is accepted again."""
    book = with_values("retail_cap", *values)
    again = msgspec.json.decode(msgspec.json.encode(book.text), type=RulebookText)
    assert Rulebook(again) == book


def written(value: DatedValue) -> str:
    """Write a value as a person would in a file."""
    caps = value.value
    pairs = ", ".join(f"{place}: {number}" for place, number in caps.items()) if isinstance(caps, dict) else ""
    cap = "{" + pairs + "}" if pairs else "none"
    until = f"    until: {value.until}\n" if value.until is not None else ""
    return (
        f"  - effective: {value.effective}\n    known: {value.known}\n{until}    value: {cap}\n"
        f"    source:\n      act: {value.source.act}\n      url: {value.source.url}\n"
    )


@given(dated_values())
@settings(max_examples=50)
def test_what_is_written_is_what_is_read(values: list[DatedValue]) -> None:
    """Values written to a file in any order are read back, oldest first, and pass every check."""
    head = rule_file("retail_cap", "none").split("  - ")[0]
    files = {**sample_files(), "sample/retail_cap.yaml": head + "".join(map(written, values))}
    rule = Rulebook(load(files)).rule("retail_cap")
    assert rule is not None
    assert list(rule.values) == sorted(values, key=lambda value: (value.effective, value.known))


# --- Text that nobody should have written -----------------------------------------------------------------------

MARKS = tuple("-:{}[]'\"#|>?%~=\n\t\x00\x1b\u202e\ud7ff")
WORDS = (" ", ": ", "&a ", "*a", "!!int ", "---\n", "...", "none", "null", "0x1", "1_0", ".inf", "2022-02-30", "<<: ")
SNIPPETS = st.sampled_from(("", *MARKS, *WORDS))


@given(st.text(max_size=200))
@settings(max_examples=300)
def test_any_text_is_read_or_refused(text: str) -> None:
    """Whatever stands in a rule file, the reader answers with refusals that name the file and say what to do."""
    for refusal in problems({**sample_files(), "sample/vat.yaml": text}):
        assert isinstance(refusal, Refusal)
        assert refusal.where.startswith(("sample/vat.yaml:", "rulebook sample"))
        assert refusal.remedy
        assert str(refusal).isprintable()


@given(st.data())
@settings(max_examples=400)
def test_any_damage_to_a_file_is_read_or_refused(data: st.DataObject) -> None:
    """A good file with a piece cut out and another put in is read or refused, and what is read is a valid rulebook."""
    rule = data.draw(st.sampled_from(["vat", "provinces", "platform_share", "session_window_plan"]))
    text = sample_files()[f"sample/{rule}.yaml"]
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 20)))
    damaged = text[:start] + data.draw(SNIPPETS) + text[end:]
    files = {**sample_files(), f"sample/{rule}.yaml": damaged}
    refusals = problems(files)
    assert all(refusal.remedy and refusal.where and str(refusal).isprintable() for refusal in refusals)
    if not refusals:
        assert Rulebook(load(files)).in_force(END_OF_TIME, END_OF_TIME).value(rule) is not None


@given(st.sampled_from(sorted(CATALOGUE)), st.none() | st.booleans() | st.integers() | st.text() | CAPS)
@settings(max_examples=300)
def test_a_rulebook_in_hand_answers_within_the_catalogue(rule: str, value: int | str | dict[str, int] | None) -> None:
    """Whatever value a rule is given, the rulebook is refused or its answer keeps the catalogue's bounds."""
    try:
        book = with_values(rule, dated("2022-01-01", "2022-01-01", value))
    except Refusal:
        return
    specification = CATALOGUE[rule]
    answer = book.in_force("2022-01-01", "2022-01-01")
    if specification.kind in {Kind.INTEGER, Kind.BY_PLACE}:
        number = answer.integer(rule, "KZ-47") if value is not None and "KZ-47" in _places(value) else None
        assert number is None or specification.lowest <= number <= specification.highest


def _places(value: object) -> tuple[str, ...]:
    """Return the places for which a value gives a number: those named, or all."""
    return tuple(value) if isinstance(value, dict) else PLACES
