"""Series of sessions on a seller's request, and the calendar that they keep."""

from typing import Any

import pytest
from tests.trading_samples import (
    REGIONAL,
    REPUBLICAN,
    SERIES,
    bid,
    closed,
    instrument,
    offer,
    over,
    phase,
    trading,
    venue,
)
from tests.venue_samples import Answer, Desk, instant, rulebook

from naryq import exchange
from naryq.messages import (
    BasePriceSet,
    Code,
    DeclareHolidays,
    ListInstrument,
    OpenSession,
    PhaseChanged,
    RulebookText,
    ScheduleSessions,
    SubmitOrder,
)


def buy(desk: Desk, order_id: str, price: int, lots: int, who: str = "aktau", **changes: Any) -> Answer:
    return desk.give(SubmitOrder, who, **bid(order_id, price, lots, **changes))


def sell(desk: Desk, order_id: str, price: int, lots: int, who: str = "zhanaozen", **changes: Any) -> Answer:
    return desk.give(SubmitOrder, who, **offer(order_id, price, lots, **changes))


def scheduled(text: RulebookText | None = None, **changes: Any) -> Desk:
    desk = venue(text)
    desk.must(DeclareHolidays, "operator", year=2022, days=("2022-01-03", "2022-01-04"), source="a decree")
    desk.must(ScheduleSessions, "operator", **{**SERIES, **changes})
    return desk


def days(desk: Desk) -> list[tuple[str, str | None, str]]:
    opened = [desk.state.sessions[f"extra-{number}"].opened for number in range(1, 6)]
    return [(each.day, each.instrument, each.phase) for each in opened]


def test_a_series_is_two_sessions_for_the_region_and_three_for_all() -> None:
    """The sessions stand on the next trading days, announced, around the base price that the request states."""
    desk = scheduled()
    assert days(desk) == [
        ("2021-12-31", REGIONAL, "announced"),
        ("2022-01-05", REGIONAL, "announced"),
        ("2022-01-06", REPUBLICAN, "announced"),
        ("2022-01-07", REPUBLICAN, "announced"),
        ("2022-01-10", REPUBLICAN, "announced"),
    ]
    assert desk.state.sessions["extra-1"].opened.reference_tenge_per_tonne == 80_000


def hold(desk: Desk, number: int, lots: int, price: int = 80_000) -> Answer:
    """Hold a session of the series in which so many lots trade."""
    name = f"extra-{number}"
    opened = desk.state.sessions[name].opened
    desk.at_ns = opened.opens_at_ns
    assert phase(desk, "continuous", name).code is None
    if lots:
        place: dict[str, Any] = {"session_id": name, "place": opened.instrument}
        sell(desk, f"a{number}", price, lots, **place)
        buy(desk, f"b{number}", price, lots, **place)
    return closed(desk, name)


def cancelled(answer: Answer) -> dict[str, str]:
    return {
        event.session_id: event.reason
        for event in answer.events
        if isinstance(event, PhaseChanged) and event.phase == "cancelled"
    }


def test_deals_in_the_region_spare_the_republic() -> None:
    """When the regional sessions have brought deals, the others are cancelled with that reason, and not before."""
    desk = scheduled()
    assert cancelled(hold(desk, 1, 4)) == {}
    told = cancelled(hold(desk, 2, 0))
    assert list(told) == ["extra-3", "extra-4", "extra-5"]
    assert set(told.values()) == {"the sessions for the region have brought deals"}


@pytest.mark.parametrize(("lots", "gone"), [(4, ["extra-2", "extra-3", "extra-4", "extra-5"]), (0, ["extra-2"])])
def test_a_regional_session_that_is_called_off_brings_no_deals(lots: int, gone: list[str]) -> None:
    """Where the last one for the region is called off, what the first has brought says whether the Republic follows."""
    desk = scheduled()
    hold(desk, 1, lots)
    assert list(cancelled(phase(desk, "cancelled", "extra-2"))) == gone


def test_without_deals_the_republic_follows() -> None:
    """When the region brings no deal, the sessions for all are held, until the volume is sold."""
    desk = scheduled()
    assert [cancelled(hold(desk, number, 0)) for number in (1, 2)] == [{}, {}]
    assert list(cancelled(hold(desk, 3, 10))) == ["extra-4", "extra-5"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"series_id": "extra"}, Code.ALREADY_EXISTS),
        ({"base_source": ""}, Code.NO_PRICE),
        ({"base_source": " "}, Code.WORDS_MISSING),
        ({"base_price_tenge_per_tonne": None}, Code.NO_PRICE),
        ({"requested_by": "nobody"}, Code.UNKNOWN_PARTICIPANT),
        ({"requested_by": "aktau"}, Code.NOT_PERMITTED),
        ({"requested_by": "regulator"}, Code.NOT_PERMITTED),
        ({"fallback_instrument": REGIONAL}, Code.OUT_OF_RANGE),
        ({"first_day": "2022-02-30"}, Code.OUT_OF_RANGE),
        ({"window": "night"}, Code.OUTSIDE_WINDOW),
        ({"series_id": "x" * 61}, Code.OUT_OF_RANGE),
        ({"first_day": "9999-12-31"}, Code.OUT_OF_RANGE),
        ({"first_day": "2262-12-31"}, Code.OUT_OF_RANGE),
    ],
)
def test_a_series_that_cannot_be_is_refused(changes: dict[str, Any], code: Code) -> None:
    """A second series of a name, a base price without a source, and what else makes no series is refused whole."""
    desk = scheduled()
    fields = {**SERIES, "series_id": "more", "first_day": "2022-02-01", **changes}
    assert desk.give(ScheduleSessions, "operator", **fields).code == code


def test_the_last_average_is_the_base_price() -> None:
    """Where the instrument has traded, its last weighted average is the base price, whatever the request says."""
    desk = trading()
    sell(desk, "a1", 90_000, 2)
    buy(desk, "b1", 90_000, 2)
    closed(desk)
    desk.at_ns = instant("14:00")
    series = desk.must(ScheduleSessions, "operator", **{**SERIES, "first_day": "2022-01-03"})
    assert (series.base_price_tenge_per_tonne, series.base_source) == (90_000, "last weighted average price")


def based(answer: Answer) -> dict[str, int]:
    return {
        event.session_id: event.reference_tenge_per_tonne for event in answer.events if isinstance(event, BasePriceSet)
    }


def test_each_session_has_the_last_average_as_its_base_price() -> None:
    """What the first session brings is the base of those that follow, whose collar moves with it."""
    desk = scheduled(rulebook(collar_rise=1_000, collar_fall=1_000))
    assert based(hold(desk, 1, 4, price=84_000)) == {f"extra-{number}": 84_000 for number in (2, 3, 4, 5)}
    opened = desk.state.sessions["extra-2"].opened
    assert (opened.collar_lowest_tenge_per_tonne, opened.collar_highest_tenge_per_tonne) == (75_600, 92_400)
    assert desk.state.sessions["extra-1"].opened.reference_tenge_per_tonne == 80_000
    assert based(hold(desk, 2, 4, price=84_000)) == {}
    assert exchange.state_hash(desk.read_back()) == exchange.state_hash(desk.state)


def test_the_average_of_any_session_over_the_instrument_is_the_base() -> None:
    """A session outside the series moves it too, and one that trades too little does not."""
    desk = scheduled(rulebook(reference_minimum_lots=3))
    days = [f"extra-{number}" for number in range(1, 6)]
    for name, window, lots, told in (("little", "plan", 2, []), ("enough", "other", 3, days)):
        opened = desk.must(OpenSession, "operator", **over("continuous", name, window=window))
        desk.at_ns = opened.opens_at_ns
        sell(desk, f"a-{name}", 81_000, lots, session_id=name)
        buy(desk, f"b-{name}", 81_000, lots, session_id=name)
        assert list(based(closed(desk, name))) == told


def test_a_session_over_another_instrument_moves_no_base_price() -> None:
    """The average of an instrument is the base of its own series, and of no other that is announced beside it."""
    desk = scheduled()
    desk.must(ListInstrument, "operator", **instrument("ANOTHER", "KZ-47"))
    opened = desk.must(OpenSession, "operator", **over("continuous", "beside", instrument="ANOTHER", window="other"))
    desk.at_ns = opened.opens_at_ns
    sell(desk, "a-beside", 81_000, 4, session_id="beside", place="ANOTHER")
    buy(desk, "b-beside", 81_000, 4, session_id="beside", place="ANOTHER")
    assert based(closed(desk, "beside")) == {}
    assert desk.state.sessions["extra-2"].opened.reference_tenge_per_tonne == 80_000


def test_no_session_is_held_on_a_day_of_rest() -> None:
    """Once the calendar of a year is declared, a holiday and a Saturday are refused, and a moved working day is not."""
    desk = venue()
    fields = {"days": ("2022-01-03",), "working": ("2022-01-08",), "source": "a decree"}
    desk.must(DeclareHolidays, "operator", year=2022, **fields)
    for day, code in (("2022-01-03", Code.OUTSIDE_WINDOW), ("2022-01-15", Code.OUTSIDE_WINDOW), ("2022-01-08", None)):
        assert desk.give(OpenSession, "operator", **over("call", f"on-{day}", day=day)).code == code
    for wrong in ({"days": ("2021-01-03",)}, {"days": ("2022-02-30",)}, {"days": ("2022-01-08",)}):
        answer = desk.give(DeclareHolidays, "operator", year=2022, **{**fields, **wrong})
        assert answer.code in {Code.OUT_OF_RANGE, Code.DUPLICATE_ID}
