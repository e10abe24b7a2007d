"""A bulletin as the page meets it: seventeen provinces, two rulebooks, invented figures of the right size and kind."""

from typing import NamedTuple

import msgspec

from naryq.limits import STEP, bound_pump
from naryq.messages import PriceStep
from naryq.reform import fund_cost, path
from naryq.retail import Terms, build_up, pump_price
from naryq.units import percent_change_tenths
from naryq.views import Bulletin, Observed, Path, PathPoint, PlantLine, ProvinceLine, RulebookResult, Swing

DENSITY = 540
MONTHS = tuple(f"{2022 + index // 12}-{index % 12 + 1:02d}" for index in range(240))
REGULATED = 38_000


class Province(NamedTuple):
    code: str
    name: str
    ex_works_before: int
    ex_works_after: int
    transport: int
    margin_tiyn: int
    volume_tonnes: int
    next_cap_tenge: int
    reason: str


MARKET = "The platform sets the price: Pavlodar sold its last lot at this price; the link from Aktobe was full."
PROVINCES = (
    Province("KZ-11", "Akmola", 78_300, 104_000, 9_200, 3_000, 7_400, 70, MARKET),
    Province("KZ-15", "Aktobe", 71_000, 104_000, 4_000, 2_400, 13_000, 50, MARKET),
    Province("KZ-19", "Almaty oblast", 81_000, 106_500, 14_800, 3_100, 9_100, 70, MARKET),
    Province("KZ-23", "Atyrau", 52_000, 104_000, 3_000, 2_900, 7_100, 50, MARKET),
    Province("KZ-27", "West Kazakhstan", 84_000, 104_000, 8_000, 3_300, 3_500, 60, MARKET),
    Province("KZ-31", "Zhambyl", 79_000, 95_000, 6_500, 2_700, 5_200, 60, MARKET),
    Province("KZ-35", "Karaganda", 80_000, 99_000, 9_000, 3_000, 9_800, 70, MARKET),
    Province("KZ-39", "Kostanay", 82_000, 104_000, 10_500, 2_800, 5_300, 70, MARKET),
    Province("KZ-43", "Kyzylorda", 76_000, 95_000, 7_000, 2_900, 4_100, 60, MARKET),
    Province(
        "KZ-47",
        "Mangystau",
        REGULATED,
        116_400,
        1_500,
        3_340,
        17_500,
        50,
        "All of the plan moved from the regulated 38 000 tenge a tonne to the platform on 1 January; one plant serves "
        "the province and its link was full, so the dearest bid that still found gas set the price.",
    ),
    Province("KZ-55", "Pavlodar", 78_000, 92_000, 1_000, 2_900, 5_000, 70, MARKET),
    Province("KZ-59", "North Kazakhstan", 83_000, 101_000, 11_200, 3_100, 5_700, 70, MARKET),
    Province("KZ-61", "Turkistan", 77_500, 95_000, 3_100, 2_600, 8_800, 60, MARKET),
    Province("KZ-63", "East Kazakhstan", 92_000, 92_000, 7_200, 3_000, 6_900, 60, MARKET),
    Province("KZ-71", "Astana", 78_300, 104_000, 9_000, 3_100, 8_000, 70, MARKET),
    Province("KZ-75", "Almaty city", 98_000, 95_000, 13_900, 3_200, 12_300, 65, MARKET),
    Province("KZ-79", "Shymkent", 77_500, 95_000, 500, 2_600, 12_000, 60, MARKET),
)

OBSERVED = {
    "KZ-47": Observed(9_500, 12_000, "2022-01-03", "https://example.org/news/2022/01/03/zhanaozen"),
    "KZ-23": Observed(
        11_500, 11_500, "2022-01", "Reported by https://example.org/atyrau and https://example.com/a?b=1&c=2"
    ),
}


def line(province: Province, step_rise: int | None) -> ProvinceLine:
    terms = Terms(1_200, DENSITY, 5_000, province.margin_tiyn)
    before = build_up(province.ex_works_before, province.transport, terms)
    after = build_up(province.ex_works_after, province.transport, terms)
    formula = pump_price(after)
    pump, gap, limits = bound_pump(formula, pump_price(before), step_rise, None)
    mass_kg = province.volume_tonnes * 1_000
    return ProvinceLine(
        code=province.code,
        name=province.name,
        ex_works_before_tenge_per_tonne=province.ex_works_before,
        ex_works_after_tenge_per_tonne=province.ex_works_after,
        pump_before_tiyn_per_litre=pump_price(before),
        pump_after_tiyn_per_litre=pump,
        change_tenths_of_percent=percent_change_tenths(pump_price(before), pump),
        cap_tiyn_per_litre=None,
        next_cap_tiyn_per_litre=province.next_cap_tenge * 100,
        next_cap_day="2022-01-06",
        formula_after_tiyn_per_litre=formula,
        steps_before=before,
        steps_after=after,
        limits=limits,
        volume_before_kg=mass_kg,
        volume_after_kg=mass_kg,
        fund_tiyn=fund_cost(gap, mass_kg, DENSITY),
        reason=province.reason if STEP not in limits else "The largest monthly step holds the price. " + MARKET,
        observed=OBSERVED.get(province.code),
    )


def way(province: Province, step_rise: int) -> Path:
    made = line(province, step_rise)
    steps = path(
        made.pump_before_tiyn_per_litre,
        made.formula_after_tiyn_per_litre,
        step_rise,
        made.volume_after_kg,
        DENSITY,
    )
    points = tuple(PathPoint(month, *step) for month, step in zip(MONTHS, steps, strict=False))
    return Path(province.code, province.name, points)


def plants(dearer: bool) -> tuple[PlantLine, ...]:  # noqa: FBT001 - two samples, told apart by this alone
    return (
        PlantLine("ANPZ", "Atyrau refinery", 96_000, 104_000, 118, 205, "its own ask is the marginal one: 104000"),
        PlantLine(
            "CNPC-AMG",
            "CNPC-Aktobemunaigas",
            97_500,
            104_000,
            322,
            512,
            "all it offers is sold: the buyers' marginal bid sets the price",
        ),
        PlantLine(
            "KAZGPZ",
            "Kazakh gas processing plant (KazGPZ), Zhanaozen",
            None,
            116_400 if dearer else 104_500,
            0,
            402,
            "Sold on the platform for the first time." if dearer else "The collar bound the dearest bids.",
        ),
        PlantLine("PKOP", "Shymkent refinery", 91_000, 95_000, 240, 388, "Bids from Zhambyl set the price."),
        PlantLine("PNHZ", "Pavlodar refinery", 90_000, 92_000, 330, 470, "Offers were plentiful."),
    )


def result(rulebook: str, title: str, step_rise: int | None) -> RulebookResult:
    lines = tuple(line(province, step_rise) for province in PROVINCES)
    held = [] if step_rise is None else [one for one, made in zip(PROVINCES, lines, strict=True) if made.limits]
    return RulebookResult(
        rulebook=rulebook,
        version=f"{rulebook}@1f0c9a27",
        title=title,
        orders_accepted=1_204,
        orders_refused=0 if step_rise is None else 37,
        refusals={} if step_rise is None else {"price_above_collar": 35, "outside_window": 2},
        average_ex_works_before_tenge_per_tonne=93_412,
        average_ex_works_after_tenge_per_tonne=103_870,
        plants=plants(dearer=step_rise is None),
        provinces=lines,
        fund_tiyn=sum(made.fund_tiyn for made in lines),
        unserved_lots=14,
        paths=tuple(way(one, step_rise or 0) for one in held),
        journal_sequence=1_259,
        journal_chain="6e0b6a4f5f1c5f9f7bb7c9c9ac3e0d6f2f4d3c1b8a79605e4d3c2b1a09f8e7d6",
        state_hash="0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0",
    )


STORY = (
    (
        "On 1 January 2022 the last third of the plan moved onto the platform overnight. Mangystau, which until then "
        "drew all its gas at the regulated 38 000 tenge a tonne, met the market price in one day: a litre that had "
        "cost 60 tenge came to about 107. What was seen at the pumps was 95 to 120."
    ),
    (
        "Nothing in the rulebook of the day could slow it: no collar on orders, no largest step for the pump price, no "
        "fund. The cap that came on 6 January set 50 tenge, below what gas cost at the plant."
    ),
    (
        "Under the guarded rulebook the same orders clear at the same plants, but the pump price may rise by at most "
        "five per cent a month; the fund pays the gap, and the amount is known on the first day."
    ),
)

SWINGS = (
    Swing("demand", "tonne_per_month", "1,500 to 13,000", "2,500 to 15,000", "4,000 to 17,000", 9_870, 11_390),
    Swing("rail_tariff", "tenge_per_tonne", "800", "1,500", "4,000", 10_390, 10_620),
    Swing("station_margin", "tiyn_per_litre", "2,600", "3,340", "4,500", 9_690, 11_590),
    Swing("cost", "tenge_per_tonne", "90,000", "100,000", "110,000", 10_432, 10_432),
)


def bulletin() -> Bulletin:
    """Return the sample: December 2021 and January 2022 under `kazakhstan` and `guarded`."""
    return Bulletin(
        title="Liquefied petroleum gas in Kazakhstan, 1 January 2022",
        before_month="2021-12",
        after_month="2022-01",
        results=(
            result("kazakhstan", "As it was: no limit on the price", None),
            result("guarded", "As it could have been: a collar, and a largest step at the pump", 500),
        ),
        story=STORY,
        facts=412,
        assumptions=63,
        swings=SWINGS,
    )


def with_line(sample: Bulletin, code: str, /, **changes: object) -> Bulletin:
    """Return the bulletin with one province changed under every rulebook."""
    results = tuple(
        msgspec.structs.replace(
            one,
            provinces=tuple(
                msgspec.structs.replace(line, **changes) if line.code == code else line for line in one.provinces
            ),
        )
        for one in sample.results
    )
    return msgspec.structs.replace(sample, results=results)


def with_step(sample: Bulletin, step: PriceStep) -> Bulletin:
    """Return the bulletin with one more step in Mangystau's price after."""
    found = next(line for line in sample.results[0].provinces if line.code == "KZ-47")
    return with_line(sample, "KZ-47", steps_after=(*found.steps_after, step))
