"""The build-up and the path to a market price against twins in fractions, over all that the rules admit."""

from hypothesis import given, settings
from hypothesis import strategies as st
from tests import pricing_twins as twins

from naryq import reform, retail
from naryq.retail import Supply, Terms

FIXED = settings(derandomize=True, database=None, max_examples=400)
prices = st.integers(0, 10**9)
terms = st.builds(Terms, st.integers(0, 5_000), st.integers(450, 650), st.integers(0, 10**6), st.integers(0, 10**5))
supplies = st.builds(Supply, st.integers(0, 10**6), prices, st.integers(0, 10**5))


@FIXED
@given(prices, st.integers(0, 10**6), terms)
def test_the_steps_are_those_of_the_twin(ex_works: int, transport: int, of: Terms) -> None:
    """Each step agrees with exact fractions, none is below zero, and their sum is the price rounded once."""
    steps = [step.tiyn_per_litre for step in retail.build_up(ex_works, transport, of)]
    assert steps == twins.build_up(ex_works, transport, of)
    assert min(steps) >= 0
    assert sum(steps) == retail.pump_price(retail.build_up(ex_works, transport, of))


@FIXED
@given(prices, st.integers(0, 10**6), terms)
def test_dearer_gas_is_never_cheaper(ex_works: int, transport: int, of: Terms) -> None:
    """A tenge more at the plant, on the way or at the depot never lowers the pump price."""
    base = retail.pump_price(retail.build_up(ex_works, transport, of))
    assert retail.pump_price(retail.build_up(ex_works + 1, transport, of)) >= base
    assert retail.pump_price(retail.build_up(ex_works, transport + 1, of)) >= base
    dearer = of._replace(depot_tenge_per_tonne=of.depot_tenge_per_tonne + 1)
    assert retail.pump_price(retail.build_up(ex_works, transport, dearer)) >= base


@FIXED
@given(st.lists(supplies, max_size=5))
def test_streams_are_joined_by_their_weight(streams: list[Supply]) -> None:
    """The joined price is the average of the twin, and lies between the lowest and the highest that flows."""
    joined = retail.blended(tuple(streams))
    flowing = [stream for stream in streams if stream.quantity_lots]
    if joined is None:
        assert not flowing
        return
    ex_works = [stream.ex_works_tenge_per_tonne for stream in flowing]
    assert joined.quantity_lots == sum(stream.quantity_lots for stream in streams)
    assert joined.ex_works_tenge_per_tonne == twins.average([(s[1], s[0]) for s in streams])
    assert joined.transport_tenge_per_tonne == twins.average([(s[2], s[0]) for s in streams])
    assert min(ex_works) <= joined.ex_works_tenge_per_tonne <= max(ex_works)


@FIXED
@given(st.integers(0, 20_000), st.integers(0, 40_000), st.integers(0, 3_000), st.integers(0, 10**8))
def test_the_path_is_that_of_the_twin(previous: int, formula: int, step: int, mass_kg: int) -> None:
    """Month by month, pump price and fund agree with the twin; the price neither falls back nor overshoots."""
    found = reform.path(previous, formula, step, mass_kg, 540)
    assert [tuple(month) for month in found] == twins.path(previous, formula, step, mass_kg, 540)
    assert 1 <= len(found) <= reform.PATH_MONTHS_MAX
    pumps = [month.pump_tiyn_per_litre for month in found]
    assert pumps == sorted(pumps)
    assert pumps[-1] <= formula
    assert all(month.fund_tiyn >= 0 for month in found)


@FIXED
@given(st.integers(0, 10**12), st.integers(0, 10_000))
def test_a_plan_is_parted_without_loss(total: int, share: int) -> None:
    """The two parts agree with the twin, make up the whole, and neither is below zero."""
    parts = reform.part_plan(total, share)
    assert tuple(parts) == twins.parted(total, share)
    assert sum(parts) == total
    assert min(parts) >= 0
