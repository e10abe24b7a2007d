"""From plant to pump: the facts of 2015 to 2023 as gold, and exact sums of steps."""

import pytest

from naryq import retail
from naryq.messages import PriceStep
from naryq.retail import Supply, Terms

VAT, DENSITY = 1_200, 540
BARE = Terms(VAT, DENSITY, 0, 0)


def pump(ex_works: int, transport: int = 0, terms: Terms = BARE) -> int:
    return retail.pump_price(retail.build_up(ex_works, transport, terms))


def test_the_rise_of_july_2023() -> None:
    """A cap that rises by 6,720 tenge a tonne raises the pump price by 4.06 tenge a litre: the official 4."""
    assert pump(6_720) == 406
    assert pump(40_320) - pump(33_600) in (406, 407)
    terms = Terms(VAT, DENSITY, 6_000, 3_100)
    assert pump(40_320, 4_050, terms) - pump(33_600, 4_050, terms) in (406, 407)


def test_the_regulated_price_of_2015() -> None:
    """11,033.91 tenge a tonne came to 6.6 tenge a litre before any margin: the model makes 6.67."""
    assert 660 <= pump(11_033) <= 670
    assert 660 <= pump(11_034) <= 670


@pytest.mark.parametrize("ex_works", [38_000, 38_701])
def test_mangystau_in_december_2021(ex_works: int) -> None:
    """With 38 thousand at the plant, 150 km of carriage, a depot and a station, Mangystau pays about 60."""
    assert 5_800 <= pump(ex_works, 4_050, Terms(VAT, DENSITY, 6_000, 3_100)) <= 6_200


def test_the_build_up_of_the_first_half_of_2024() -> None:
    """Of Mangystau's cap of 54 tenge, the regulated 40,320 tenge a tonne make 24.4."""
    assert pump(40_320) == 2_439


def test_the_rail_tariff_of_2023() -> None:
    """A rise of 28 per cent of about 12,000 tenge a tonne is 2 tenge a litre, VAT included."""
    assert 200 <= pump(0, 12_000 * 28 // 100) <= 205


def test_each_step_is_named_and_in_order() -> None:
    """The steps are the plant's price, the tax on it, transport with its tax, the depot and the station."""
    steps = retail.build_up(38_000, 6_000, Terms(VAT, DENSITY, 5_000, 3_000))
    assert [(step.step, step.tiyn_per_litre) for step in steps] == [
        ("ex-works", 2_052),
        ("VAT", 246),
        ("transport", 363),
        ("depot", 270),
        ("station margin", 3_000),
    ]
    assert tuple(step.step for step in steps) == retail.STEPS


def test_nothing_costs_nothing() -> None:
    """A gas that costs nothing anywhere has a pump price of zero, and a half tiyn is rounded up."""
    assert pump(0) == 0
    assert pump(10, 0, Terms(0, 500, 0, 0)) == 1
    assert pump(9, 0, Terms(0, 500, 0, 0)) == 0


def test_the_pump_price_is_the_sum_of_any_steps() -> None:
    """Steps below zero, as the fund's, count too."""
    assert retail.pump_price((PriceStep("ex-works", 100), PriceStep("paid by the fund", -30))) == 70
    assert retail.pump_price(()) == 0


def test_two_streams_become_one() -> None:
    """Prices and tariffs are weighted by lots; a stream without lots counts for nothing, and none makes none."""
    streams = (Supply(35, 38_000, 6_000), Supply(65, 100_000, 10_000))
    assert retail.blended(streams) == Supply(100, 78_300, 8_600)
    assert retail.blended((*streams, Supply(0, 10**9, 10**9))) == Supply(100, 78_300, 8_600)
    assert retail.blended((Supply(0, 5, 5),)) is None
    assert retail.blended(()) is None
