"""Sealed is sealed at the desk as well: the canaries of REST and the stream, looked for on everybody's pages."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.desk_venue import Venue, Visitor, addresses, forms_of, planned, visited
from tests.property.test_canaries import CANARIES, RULES_OF_THE_DAY, SESSIONS, TERMS, leaks, tokens
from tests.trading_samples import instrument, over
from tests.venue_samples import opening

from naryq.desk.pages import PAGES
from naryq.messages import Deposit, ListInstrument, OpenSession, SubmitOrder
from naryq.showing import books, distances

SUSPECTS = ("operator", "regulator", "zhanaozen", "dossor", "press")


def sealed_venue(folder: Path) -> Venue:
    """Return a venue with every kind of sealed session, and the canaries in them."""
    venue = Venue(folder).found(**RULES_OF_THE_DAY, session_price_limit=None, hold_rise=None)
    planned(venue)
    for number, person in enumerate(("zhanaozen", "atyrau", "aktau", "dossor")):
        fields = {"participant_id": person, "amount_tiyn": 10**15, "bank_reference": f"bank-{number}"}
        venue.must(Deposit, "operator", **fields)
    venue.must(ListInstrument, "operator", **instrument())
    venue.must(OpenSession, "operator", **opening("net"))
    venue.must(OpenSession, "operator", **over("call", "calls"))
    venue.must(OpenSession, "operator", **over("continuous", "opening", opening_call=True))
    venue.must(OpenSession, "operator", **over("standard", "sealed", standard=TERMS))
    venue.clock.set("11:00")
    for each in CANARIES:
        venue.must(SubmitOrder, each.owner, **each.fields())
    return venue


def pages(visitor: Visitor) -> Iterator[str]:
    """Yield what every page of the desk says to a visitor; one that is not his says so."""
    for page in PAGES:
        for address in addresses(page, SESSIONS):
            yield visitor.get(address).text


def found_at(folder: Path, *, meddles: bool = False) -> set[str]:
    """Let everybody look at all pages, and return the leaks."""
    venue = sealed_venue(folder)
    found: set[str] = set()
    try:
        with visited(venue) as visitor:
            for person in SUSPECTS:
                one = visitor(person)
                if meddles and person == "operator":
                    found |= meddled(one)
                found |= {f"{person}: {leak}" for text in pages(one) for leak in leaks(person, visible(text))}
    finally:
        venue.close()
    return found


def visible(text: str) -> str:
    """Return a page without the marks of its forms, which are random."""
    return re.sub(r'value="[0-9a-f]{32,}"', "", text)


def meddled(one: Visitor) -> set[str]:
    """Stop somebody, which takes his orders out, and return what the desk says of them."""
    asked = one.send("/desk/stop", "stop", scope="participant", target="aktau", reason="a test")
    (form,) = (form for form in forms_of(asked.text) if form.action == "/desk/do/stop")
    answer = one.post(form.action, form.values)
    assert one.venue.house.state.stops, "it was stopped"
    said = (asked.text, answer.text)
    return {f"the answer to the operator: {leak}" for text in said for leak in leaks("operator", visible(text))}


def test_no_page_tells_a_sealed_order_to_others(tmp_path: Path) -> None:
    """No page says a sealed order's price, lots, name or value to anybody but its owner."""
    assert found_at(tmp_path, meddles=True) == set()


def test_the_owner_sees_his_own(tmp_path: Path) -> None:
    """The same search finds each of an owner's orders on his own pages."""
    venue = sealed_venue(tmp_path)
    try:
        with visited(venue) as visitor:
            told = {token for text in pages(visitor("aktau")) for token in tokens(visible(text))}
    finally:
        venue.close()
    mine = [each for each in CANARIES if each.owner == "aktau"]
    assert {mark for each in mine for mark in (each.order_id, str(each.price), str(each.lots))} <= told


def _show_every_book(plant: pytest.MonkeyPatch) -> None:
    plant.setattr(books, "shows_book", lambda session: session.book is not None)


def _count_sealed_bids(plant: pytest.MonkeyPatch) -> None:
    plant.setattr(distances, "sealed_bids_kg", lambda _: Counter[Any]())


@pytest.mark.parametrize("leak", [_show_every_book, _count_sealed_bids])
def test_a_planted_leak_is_found(
    leak: Callable[[pytest.MonkeyPatch], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A book shown too early and a sum over sealed bids are found on a page."""
    leak(monkeypatch)
    assert found_at(tmp_path) != set()
