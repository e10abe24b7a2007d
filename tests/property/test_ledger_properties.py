"""Whatever is settled, money and gas are conserved, and each account holds the sum of its legs."""

from collections import defaultdict

from hypothesis import given, settings
from hypothesis import strategies as st
from tests import pricing_twins as twins

from naryq import ledger
from naryq.ledger import Deal
from naryq.messages import Posting

FIXED = settings(derandomize=True, database=None, max_examples=200)
people = st.sampled_from(["a", "b", "c"])
trades = st.tuples(people, people, st.integers(0, 10**9), st.integers(0, 10**9), st.integers(1, 10**7))


@FIXED
@given(st.lists(trades, max_size=8), st.integers(0, 10**15))
def test_a_settlement_conserves_money_and_gas(matched: list[tuple[str, str, int, int, int]], tariffs: int) -> None:
    """Buyers' and sellers' legs are as the twin has them, and all legs sum to zero in both units."""
    deals: list[Deal] = []
    expected: defaultdict[str, int] = defaultdict(int)
    for buyer, seller, paid, received, mass_kg in matched:
        deals += [Deal(buyer, "buy", paid, mass_kg), Deal(seller, "sell", received, mass_kg)]
        expected[f"participant:{buyer}"] -= twins.amount_tiyn(paid, mass_kg)
        expected[f"participant:{seller}"] += twins.amount_tiyn(received, mass_kg)
    postings = ledger.settlement(deals, tariffs)
    assert ledger.total(postings, "tiyn") == ledger.total(postings, "kg") == 0
    for account, amount in expected.items():
        assert sum(leg.amount for leg in postings if (leg.account, leg.unit) == (account, "tiyn")) == amount
    assert sum(leg.amount for leg in postings if leg.account == ledger.CARRIER) == tariffs
    assert all(leg.amount for leg in postings)


legs = st.lists(st.tuples(people, people, st.sampled_from(["tiyn", "kg"]), st.integers(-(10**20), 10**20)), max_size=20)


@FIXED
@given(legs)
def test_balances_are_the_sums_of_their_legs(transfers: list[tuple[str, str, str, int]]) -> None:
    """After any row of transfers each account holds what went in and out of it, and all accounts together nothing."""
    balances = ledger.opened()
    held: defaultdict[tuple[str, str], int] = defaultdict(int)
    for source, target, unit, amount in transfers:
        out = Posting(source, unit, -amount)  # type: ignore[arg-type]  # the two units above
        into = Posting(target, unit, amount)  # type: ignore[arg-type]  # the two units above
        balances = ledger.post(balances, (out, into))
        held[source, unit] -= amount
        held[target, unit] += amount
    assert {key: amount for key, amount in balances.items() if amount} == {k: v for k, v in held.items() if v}
    assert sum(amount for _, amount in balances.items()) == 0
