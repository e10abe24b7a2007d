"""The rules in force on a day, as known on a day: the facts of January 2022, and every answer a caller may get."""

import itertools
from collections.abc import Callable
from functools import cache

import pytest
from tests.rulebook_samples import dated, sample_text, with_values

from naryq.cli.files import read_rulebook
from naryq.messages import Code, DatedValue, Refusal
from naryq.rulebook import InForce, Rulebook
from naryq.rulebook.in_force import REMEMBERED_MAX
from naryq.units import NS_PER_DAY, day_of, instant_ns

KAZAKHSTAN = Rulebook(read_rulebook("kazakhstan"))
GUARDED = Rulebook(read_rulebook("guarded"))


def on(day: str, known: str | None = None) -> InForce:
    return KAZAKHSTAN.in_force(day, known or day)


def test_the_night_of_the_last_step() -> None:
    """The platform's share goes from 65 per cent to all in one night, Mangystau from nothing to all, then to none."""
    shares = [
        (on(day).required_integer("platform_share", "KZ-15"), on(day).required_integer("platform_share", "KZ-47"))
        for day in ("2021-12-31", "2022-01-01", "2022-01-05", "2022-01-10")
    ]
    assert shares == [(6_500, 0), (10_000, 10_000), (0, 0), (0, 0)]


def test_january_is_judged_by_what_was_known() -> None:
    """On 4 January nobody knew of the postponement: plans for the 6th still sell everything through the platform."""
    assert on("2022-01-06", known="2022-01-04").integer("platform_share", "KZ-47") == 10_000
    assert on("2022-01-06", known="2022-01-05").integer("platform_share", "KZ-47") == 0


def test_retail_cap_comes_on_the_sixth() -> None:
    """There was no cap at the pump on New Year's Day; from the 6th it is 50 tenge in Mangystau and 5 more far away."""
    assert on("2022-01-01", known="2021-12-31").integer("retail_cap", "KZ-47") is None
    assert on("2022-01-06").integer("retail_cap", "KZ-47") == 50
    assert on("2022-01-06").integer("retail_remote_surcharge") == 5
    assert on("2022-01-06").integer("remote_distance") == 200
    assert on("2022-01-01").next_change("retail_cap", "KZ-47") == ("2022-01-06", 50)
    assert on("2022-01-01").next_change("retail_cap", "KZ-47", known="2022-01-04") is None
    assert on("2022-01-06").next_change("retail_cap", "KZ-47") == ("2024-01-01", 54)


@pytest.mark.parametrize(
    ("day", "cap"),
    [
        ("2015-01-31", None),
        ("2015-02-01", 11_033),
        ("2016-09-30", 23_106),
        ("2016-10-01", 28_000),
        ("2017-06-02", 34_319),
        ("2018-06-01", None),
        ("2019-05-01", 38_701),
        ("2020-01-01", None),
        ("2021-12-15", 38_000),
        ("2022-01-01", None),
        ("2022-04-01", 28_000),
        ("2022-07-01", 33_600),
        ("2023-07-01", 40_320),
        ("2024-07-01", 45_158),
        ("2025-08-01", 59_722),
    ],
)
def test_wholesale_cap_through_the_years(day: str, cap: int | None) -> None:
    """The series of caps holds on its days, and where no source gives one, no older one comes back in its place."""
    assert on(day).integer("wholesale_cap") == cap


def test_rise_of_july_2023_is_four_tenge() -> None:
    """The rulebook's caps, tax and density give the official rise at the pump: 4 tenge a litre."""
    before, after = on("2023-06-30"), on("2023-07-01")
    rise = after.required_integer("wholesale_cap") - before.required_integer("wholesale_cap")
    with_tax = rise * (10_000 + after.required_integer("vat"))
    assert rise == 6_720
    assert round(with_tax * after.required_integer("density") / 10_000_000_000, 2) == 4.06


def test_gaps_are_none_and_the_guarded_rulebook_fills_them() -> None:
    """As it was, nothing limits a rise; guarded sets a collar of 10 per cent and a monthly step of 5 per cent."""
    limits = ("collar_rise", "collar_fall", "pump_step_rise")
    assert [on("2022-01-01").integer(rule) for rule in limits] == [None, None, None]
    assert [GUARDED.in_force("2022-01-01", "2022-01-01").integer(rule) for rule in limits] == [1_000, 6_000, 500]
    source = on("2022-01-01").source("collar_rise")
    assert source is not None
    assert source.act.startswith("President, 05.01.2022")


def test_words_and_windows() -> None:
    """Sessions of the plan ran from 11 to 13, others from 14 to 16, by Astana's clock; buyers buy and sellers sell."""
    day = on("2021-12-15")
    assert day.text("session_window_plan") == "11:00-13:00"
    assert day.text("session_window_other") == "14:00-16:00"
    assert (day.text("tie_rule"), day.text("price_rule")) == ("time", "middle")
    assert (day.words("who_may_sell"), day.words("who_may_buy")) == (("seller",), ("buyer",))
    assert len(day.words("provinces")) == 17
    assert len(on("2022-06-08").words("provinces")) == 20


def test_local_day_follows_the_clock_of_its_time() -> None:
    """Half past eleven in the evening is the same day by Astana's clock before and after the change of 2024."""
    for day, offset in (("2022-01-01", 360), ("2024-03-02", 300)):
        assert on(day).required_integer("utc_offset") == offset
        assert KAZAKHSTAN.day(instant_ns(day, "23:30", offset)) == day
        assert KAZAKHSTAN.day(instant_ns(day, "00:30", offset)) == day


def test_version_names_the_rulebook_and_its_digest() -> None:
    """A decision records name and twelve digits of the digest, and the two rulebooks differ in both."""
    assert GUARDED.version == f"guarded@{GUARDED.text.digest[:12]}"
    assert GUARDED.in_force("2022-01-01", "2022-01-01").version == GUARDED.version
    assert GUARDED.name == "guarded"
    assert GUARDED.text.digest != KAZAKHSTAN.text.digest


def test_answers_are_remembered_and_equal_rulebooks_are_equal() -> None:
    """Asking twice gives the same object; a rulebook made again from the same text is equal to the first."""
    assert on("2022-01-01") is on("2022-01-01")
    assert Rulebook(KAZAKHSTAN.text) == KAZAKHSTAN
    assert Rulebook(KAZAKHSTAN.text) != GUARDED


# --- What is not there ------------------------------------------------------------------------------------------


def test_missing_values_are_refused_with_rule_and_day() -> None:
    """A value that a caller cannot do without is refused with the rule, the place, both days and what to do."""
    with pytest.raises(Refusal) as caught:
        on("2020-01-01", known="2020-02-02").required_integer("platform_share", "KZ-47")
    assert caught.value.code is Code.RULE_MISSING
    assert "no value of platform_share on 2020-01-01, as known on 2020-02-02" in caught.value.what
    assert "platform_share.yaml" in caught.value.remedy


@pytest.mark.parametrize(
    "ask",
    [
        lambda day: day.integer("vat"),
        lambda day: day.text("tie_rule"),
        lambda day: day.words("who_may_buy"),
    ],
)
def test_rule_that_a_venue_needs_is_never_silently_absent(ask: Callable[[InForce], object]) -> None:
    """Before its first value a needed rule is refused, also by the calls that may answer None for a limit."""
    with pytest.raises(Refusal, match="rule_missing"):
        ask(Rulebook(sample_text()).in_force("2021-01-01", "2021-01-01"))


def test_rulebook_that_says_none_is_told_from_one_that_is_silent() -> None:
    """`none` and silence both give no limit; asked for a number, each says which of the two it is."""
    says = with_values("collar_rise", dated("2022-01-01", "2022-01-01", None)).in_force("2022-01-01", "2022-01-01")
    silent = Rulebook(sample_text()).in_force("2022-01-01", "2022-01-01")
    assert (says.integer("collar_rise"), silent.integer("collar_rise")) == (None, None)
    assert (says.value("collar_rise") is None, silent.value("collar_rise") is None) == (False, True)
    assert silent.source("collar_rise") is None
    assert silent.next_change("collar_rise") is None
    with pytest.raises(Refusal, match="says that there is no collar_rise"):
        says.required_integer("collar_rise")
    with pytest.raises(Refusal, match="has no value of collar_rise"):
        silent.required_integer("collar_rise")


def test_place_without_a_value() -> None:
    """A place falls back on the default; without one it has no cap, and a needed share is refused with the place."""
    caps = with_values("retail_cap", dated("2022-01-01", "2022-01-01", {"KZ-47": 50}))
    day = caps.in_force("2022-01-01", "2022-01-01")
    assert (day.integer("retail_cap", "KZ-47"), day.integer("retail_cap", "KZ-23")) == (50, None)
    shares = with_values("platform_share", dated("2022-01-01", "2022-01-01", {"KZ-47": 0}))
    with pytest.raises(Refusal, match="platform_share for KZ-23 on 2022-01-01"):
        shares.in_force("2022-01-01", "2022-01-01").integer("platform_share", "KZ-23")


@pytest.mark.parametrize(
    "misuse",
    [
        lambda day: day.integer("who_may_buy"),
        lambda day: day.text("vat"),
        lambda day: day.words("vat"),
        lambda day: day.integer("platform_share"),
        lambda day: day.value("no_such_rule"),
    ],
)
def test_misuse_by_the_program_is_a_bug_and_no_refusal(misuse: Callable[[InForce], object]) -> None:
    """A caller that asks a rule for what it is not has a bug: that is an assertion, never an answer."""
    with pytest.raises((AssertionError, KeyError)):
        misuse(Rulebook(sample_text()).in_force("2022-01-01", "2022-01-01"))


# --- Every small case, and the oracle's own test ----------------------------------------------------------------

DAYS = ("2022-01-01", "2022-01-02", "2022-01-03")
Chooser = Callable[[list[DatedValue], str, str], DatedValue | None]


def naive(values: list[DatedValue], effective: str, known: str) -> DatedValue | None:
    """Choose as the rule's text says, without relying on any order."""
    open_ones = [
        value
        for value in values
        if value.known <= known and value.effective <= effective and (value.until is None or effective <= value.until)
    ]
    return max(open_ones, key=lambda value: (value.effective, value.known), default=None)


def forgets_known(values: list[DatedValue], effective: str, _: str) -> DatedValue | None:
    return naive(values, effective, DAYS[-1])


def forgets_until(values: list[DatedValue], effective: str, known: str) -> DatedValue | None:
    open_ones = [value for value in values if value.known <= known and value.effective <= effective]
    return max(open_ones, key=lambda value: (value.effective, value.known), default=None)


def prefers_known(values: list[DatedValue], effective: str, known: str) -> DatedValue | None:
    open_ones = [value for value in values if naive([value], effective, known) is not None]
    return max(open_ones, key=lambda value: (value.known, value.effective), default=None)


def ends_a_day_early(values: list[DatedValue], effective: str, known: str) -> DatedValue | None:
    return naive([value for value in values if value.until != effective], effective, known)


def small_cases() -> list[list[DatedValue]]:
    """Return every set of up to two values over three days, and with them every way in which two can meet."""
    single = [
        dated(effective, known, number, until)
        for number, (effective, known) in enumerate(itertools.product(DAYS, DAYS))
        for until in (None, *(day for day in DAYS if day >= effective))
    ]
    pairs = [
        [first, second]
        for first, second in itertools.combinations(single, 2)
        if (first.effective, first.known) != (second.effective, second.known)
    ]
    return [[value] for value in single] + pairs


@cache
def small_books() -> list[tuple[list[DatedValue], Rulebook]]:
    return [(values, with_values("collar_rise", *values)) for values in small_cases()]


def disagreements(choose: Chooser) -> int:
    """Count the small cases and days on which a chooser and the program differ."""
    return sum(
        book.in_force(effective, known).value("collar_rise") is not choose(values, effective, known)
        for values, book in small_books()
        for effective, known in itertools.product(DAYS, DAYS)
    )


def test_in_force_agrees_with_its_naive_twin_in_every_small_case() -> None:
    """On three days, with up to two values, the program chooses what the text of the rule says, without exception."""
    assert disagreements(naive) == 0


@pytest.mark.parametrize("planted", [forgets_known, forgets_until, prefers_known, ends_a_day_early])
def test_the_small_cases_catch_planted_bugs(planted: Chooser) -> None:
    """A chooser that forgets a date or prefers the wrong one differs in some small case: the test above would fail."""
    assert disagreements(planted) > 0


def test_a_rulebook_remembers_a_bounded_number_of_days() -> None:
    """Whatever days senders name, the memory of answers stays bounded, and the answers stay the same."""
    book = Rulebook(read_rulebook("kazakhstan"))
    days = [number * NS_PER_DAY for number in range(18_000, 18_000 + 2 * REMEMBERED_MAX + 5)]
    answers = [book.rules_of_day(at_ns).effective for at_ns in days]
    assert answers == [day_of(at_ns, 360) for at_ns in days]
    assert max(len(book._memory), len(book._todays)) <= REMEMBERED_MAX
