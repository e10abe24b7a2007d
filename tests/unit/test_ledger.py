"""The ledger: balanced bookings only, and who pays whom when a session is settled."""

import pytest

from naryq import ledger
from naryq.ledger import Deal
from naryq.messages import Fill, Flow, Link, Posting

LOT_KG = 36_000


def amounts(postings: tuple[Posting, ...]) -> dict[tuple[str, str], int]:
    found: dict[tuple[str, str], int] = {}
    for leg in postings:
        found[leg.account, leg.unit] = found.get((leg.account, leg.unit), 0) + leg.amount
    return found


def test_a_new_venue_owes_nobody() -> None:
    """There are no balances before the first booking."""
    assert len(ledger.opened()) == 0


def test_a_balanced_set_is_booked() -> None:
    """Legs add to what their accounts held, and the old balances stay as they were."""
    first = ledger.post(ledger.opened(), (Posting("a", "tiyn", -5), Posting("b", "tiyn", 5)))
    second = ledger.post(first, (Posting("b", "tiyn", -2), Posting("b", "tiyn", -1), Posting("a", "tiyn", 3)))
    assert dict(first.items()) == {("a", "tiyn"): -5, ("b", "tiyn"): 5}
    assert dict(second.items()) == {("a", "tiyn"): -2, ("b", "tiyn"): 2}
    assert ledger.post(second, ()) == second


@pytest.mark.parametrize(
    "postings",
    [
        (Posting("a", "tiyn", 1),),
        (Posting("a", "kg", 1),),
        (Posting("a", "tiyn", 1), Posting("b", "kg", -1)),
        (Posting("a", "tiyn", 10**20), Posting("b", "tiyn", -(10**20) + 1)),
    ],
)
def test_an_unbalanced_set_is_a_bug(postings: tuple[Posting, ...]) -> None:
    """What does not sum to zero in each unit by itself is never booked."""
    with pytest.raises(AssertionError, match="made nor lost"):
        ledger.post(ledger.opened(), postings)


def test_a_total_is_of_one_unit() -> None:
    """Tiyn and kilograms are summed apart."""
    legs = (Posting("a", "tiyn", 5), Posting("a", "kg", 7), Posting("b", "tiyn", -1))
    assert (ledger.total(legs, "tiyn"), ledger.total(legs, "kg")) == (4, 7)
    assert ledger.total((), "kg") == 0


def test_a_deal_settles_between_buyer_seller_and_carrier() -> None:
    """A rail car bought at 102,000 and sold at 100,000 leaves the tariff of 2,000 a tonne to the carrier."""
    deals = [Deal("aktau", "buy", 102_000, LOT_KG), Deal("zhanaozen", "sell", 100_000, LOT_KG)]
    postings = ledger.settlement(deals, 36 * 2_000 * 100)
    assert amounts(postings) == {
        ("participant:aktau", "tiyn"): -36 * 102_000 * 100,
        ("participant:aktau", "kg"): 36_000,
        ("participant:zhanaozen", "tiyn"): 36 * 100_000 * 100,
        ("participant:zhanaozen", "kg"): -36_000,
        ("carrier", "tiyn"): 36 * 2_000 * 100,
    }


def test_the_rent_of_a_full_link_is_held_apart() -> None:
    """What buyers pay above sellers and carrier goes to nobody's account but the one for congestion."""
    deals = [Deal("aktau", "buy", 110_000, LOT_KG), Deal("zhanaozen", "sell", 100_000, LOT_KG)]
    booked = amounts(ledger.settlement(deals, 36 * 2_000 * 100))
    assert booked["congestion", "tiyn"] == 36 * 8_000 * 100
    assert sum(amount for (_, unit), amount in booked.items() if unit == "tiyn") == 0


def test_gas_for_nothing_moves_no_money() -> None:
    """A trade at the price 0 books the gas alone, from seller to buyer; at any other the money beside it."""
    gas = {("participant:aktau", "kg"): LOT_KG, ("participant:zhanaozen", "kg"): -LOT_KG}
    assert amounts(ledger.exchanged("aktau", "zhanaozen", 0, LOT_KG)) == gas
    money = {("participant:aktau", "tiyn"): -1, ("participant:zhanaozen", "tiyn"): 1}
    assert amounts(ledger.exchanged("aktau", "zhanaozen", 1, LOT_KG)) == {**money, **gas}


def test_nothing_traded_books_nothing() -> None:
    """A session without deals has no legs at all."""
    assert ledger.settlement((), 0) == ()


def test_a_rounding_goes_to_congestion() -> None:
    """Two sellers' half tiyns are rounded up each; the odd tiyn is taken from the account that belongs to nobody."""
    deals = [Deal("b", "buy", 1, 10), Deal("s", "sell", 1, 5), Deal("t", "sell", 1, 5)]
    booked = amounts(ledger.settlement(deals, 0))
    assert booked["participant:s", "tiyn"] == 1
    assert booked["congestion", "tiyn"] == -1


def test_the_carrier_earns_each_links_tariff() -> None:
    """Lots times tonnes times the tariff of their own way."""
    links = (Link("A", "X", 9, 2_000), Link("B", "X", 9, 500), Link("A", "Y", 9, 0))
    table = ledger.tariff_table(links)
    assert table == {("A", "X"): 2_000, ("B", "X"): 500, ("A", "Y"): 0}
    flows = (Flow("A", "X", 2), Flow("B", "X", 1), Flow("A", "Y", 5))
    assert ledger.tariffs_tiyn(flows, table, LOT_KG) == (2 * 2_000 + 500) * 36 * 100
    assert ledger.tariffs_tiyn((), {}, LOT_KG) == 0
    assert ledger.tariffs_tiyn((Flow("no", "way", 0),), {}, LOT_KG) == 0


def test_orders_that_traded_nothing_are_left_out() -> None:
    """Only fills above zero are deals."""
    assert ledger.traded((Fill("a", 2), Fill("b", 0))) == {"a": 2}


def test_the_fund_pays_the_stations() -> None:
    """A held pump price is paid by the fund to the stations of its province, and by nobody where nothing is held."""
    assert amounts(ledger.compensation("KZ-47", 500)) == {("fund", "tiyn"): -500, ("stations:KZ-47", "tiyn"): 500}
    assert ledger.compensation("KZ-47", 0) == ()
    with pytest.raises(AssertionError, match="does not collect"):
        ledger.compensation("KZ-47", -1)
