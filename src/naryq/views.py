"""Read models: what people look at, folded from events. The bulletin is the one that every door shows."""

import msgspec

from naryq.messages import PriceStep


class View(msgspec.Struct, frozen=True):
    """The common form of what is shown; prices are integers, with their unit last in the name."""


class PlantLine(View, frozen=True):
    """The ex-works price of one plant before and after, and why."""

    plant: str
    name: str
    before_tenge_per_tonne: int | None
    after_tenge_per_tonne: int | None
    sold_before_lots: int
    sold_after_lots: int
    reason: str


class Observed(View, frozen=True):
    """What was seen at the pumps of a province, with its source."""

    lowest_tiyn_per_litre: int
    highest_tiyn_per_litre: int
    day: str
    source: str


class ProvinceLine(View, frozen=True):
    """One province before and after: what gas costs at the plant, at the pump, and why."""

    code: str
    """ISO 3166-2."""
    name: str
    ex_works_before_tenge_per_tonne: int
    ex_works_after_tenge_per_tonne: int
    pump_before_tiyn_per_litre: int
    pump_after_tiyn_per_litre: int
    change_tenths_of_percent: int
    cap_tiyn_per_litre: int | None
    """The retail cap in force on the day of the second session; None when there was none."""
    next_cap_tiyn_per_litre: int | None
    next_cap_day: str | None
    formula_after_tiyn_per_litre: int
    """What the pump price would have been without any limit."""
    steps_before: tuple[PriceStep, ...]
    steps_after: tuple[PriceStep, ...]
    limits: tuple[str, ...]
    volume_before_kg: int
    volume_after_kg: int
    fund_tiyn: int
    """What the fund pays for the month so that the pump price keeps to its step."""
    reason: str
    observed: Observed | None


class PathPoint(View, frozen=True):
    """One month of a pump price on its way: what is paid, what the formula asks, what the fund pays."""

    month: str
    pump_tiyn_per_litre: int
    formula_tiyn_per_litre: int
    fund_tiyn: int


class Path(View, frozen=True):
    """The way of one province's pump price, month by month, if the market price stayed where it was found."""

    code: str
    name: str
    points: tuple[PathPoint, ...]


class RulebookResult(View, frozen=True):
    """All that came out under one rulebook."""

    rulebook: str
    version: str
    title: str
    orders_accepted: int
    orders_refused: int
    refusals: dict[str, int]
    average_ex_works_before_tenge_per_tonne: int | None
    average_ex_works_after_tenge_per_tonne: int | None
    plants: tuple[PlantLine, ...]
    provinces: tuple[ProvinceLine, ...]
    fund_tiyn: int
    unserved_lots: int
    """What buyers bid for at or above the uniform price and did not receive."""
    paths: tuple[Path, ...]
    journal_sequence: int
    journal_chain: str
    state_hash: str


class Swing(View, frozen=True):
    """How far one assumption, moved over its range alone, moves Mangystau's pump price after the step."""

    assumption: str
    unit: str
    lowest: str
    value: str
    highest: str
    pump_at_lowest_tiyn_per_litre: int
    pump_at_highest_tiyn_per_litre: int


class Bulletin(View, frozen=True):
    """The result of a session, for the terminal, the page, the JSON and the CSV alike."""

    title: str
    before_month: str
    after_month: str
    results: tuple[RulebookResult, ...]
    story: tuple[str, ...]
    """Paragraphs of plain text."""
    facts: int
    assumptions: int
    swings: tuple[Swing, ...]
