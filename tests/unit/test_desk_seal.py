"""What is sealed moves nothing: no page of anybody else changes by a single letter when a sealed order comes."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.desk_venue import PEOPLE, Venue, addresses, opened, order
from tests.venue_samples import DAY, LINKS, MONTH, PLACES

from naryq.desk import rendering
from naryq.desk.look import Look
from naryq.desk.pages import PAGES, page_at
from naryq.desk.rendering import Visit
from naryq.messages import CancelOrder, ListInstrument, OpenSession, SubmitOrder
from naryq.showing import plans
from naryq.showing.viewer import viewer_of


@pytest.fixture
def venue(tmp_path: Path) -> Iterator[Venue]:
    """A venue with a sealed network session and a sealed call, in the window of both."""
    with opened(tmp_path) as made:
        made.must(
            ListInstrument,
            "operator",
            code="ZH-23",
            product="LPG",
            plant="ZH",
            delivery_basis="EXW",
            delivery_region="KZ-23",
        )
        terms = {"day": DAY, "window": "other", "delivery_month": MONTH}
        made.must(OpenSession, "operator", session_id="net-2", places=PLACES, links=LINKS, **terms)
        made.must(OpenSession, "operator", session_id="call-2", kind="call", instrument="ZH-23", **terms)
        yield made


def pages_of(venue: Venue, at_ns: int) -> dict[tuple[str, str], str]:
    """Return every page of everybody, as an open page is made anew."""
    found = {}
    for person in PEOPLE:
        viewer = viewer_of(venue.house.state, person)
        assert viewer is not None
        for page in PAGES:
            for address in addresses(page, ("net-2", "call-2", "day")):
                if viewer.role in page.roles:
                    look = Look(
                        state=venue.house.state,
                        history=venue.house.history,
                        viewer=viewer,
                        at_ns=at_ns,
                        language="en",
                        query={},
                        named=page_at(address)[1],
                        person=person,
                    )
                    visit = Visit(person, "csrf", "salt", "", address)
                    found[person, address] = rendering.render_parts(look, page, visit)
    return found


def changed(before: dict[tuple[str, str], str], after: dict[tuple[str, str], str]) -> set[str]:
    """Return whose pages are not what they were."""
    assert before.keys() == after.keys()
    return {person for (person, _), text in before.items() if text != after[person, _]}


@pytest.mark.parametrize(
    ("who", "fields"),
    [
        ("zhanaozen", order("s-1", "sell", 77_777, 33, "net-2", "ZH")),
        ("aktau", order("s-2", "buy", 91_111, 33, "net-2", "KZ-47")),
        ("dossor", {**order("s-3", "buy", 84_321, 31, "call-2", "ZH-23"), "delivery": "KZ-23"}),
        ("atyrau", order("s-4", "sell", 84_321, 31, "call-2", "ZH-23")),
    ],
)
def test_a_sealed_order_moves_nobody_elses_page(venue: Venue, who: str, fields: dict[str, object]) -> None:
    """When a sealed order is taken, and when it is taken back, only its owner's pages change."""
    at_ns = venue.house.now_ns()
    before = pages_of(venue, at_ns)
    venue.must(SubmitOrder, who, **fields)
    during = pages_of(venue, at_ns)
    assert changed(before, during) == {who}
    venue.must(CancelOrder, who, session_id=fields["session_id"], order_id=fields["order_id"])
    assert changed(before, pages_of(venue, at_ns)) == set()


def test_an_open_order_is_seen_by_everybody(venue: Venue) -> None:
    """The comparison sees what is not sealed: an order in an open book changes a page of everybody."""
    at_ns = venue.house.now_ns()
    before = pages_of(venue, at_ns)
    venue.must(SubmitOrder, "zhanaozen", **order("o-1", "sell", 84_444, 5))
    assert changed(before, pages_of(venue, at_ns)) == set(PEOPLE)


def test_an_offer_that_is_counted_too_early_is_seen(venue: Venue, monkeypatch: pytest.MonkeyPatch) -> None:
    """Were a sealed offer counted among what its seller owes the platform, the pages of those who watch would move."""
    monkeypatch.setattr(plans, "sealed_orders", lambda _: iter(()))
    at_ns = venue.house.now_ns()
    before = pages_of(venue, at_ns)
    venue.must(SubmitOrder, "zhanaozen", **order("s-1", "sell", 77_777, 33, "net-2", "ZH"))
    assert changed(before, pages_of(venue, at_ns)) == {"zhanaozen", "operator", "regulator"}
