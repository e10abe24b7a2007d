"""What came out, told to people: the bulletin's story, and how far each assumption moves the answer."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from naryq import exchange
from naryq.lab import scenario
from naryq.lab.inputs import Assumption, Inputs
from naryq.messages import AnyCommand, AnyEvent, Entry, PricesPublished, RulebookText
from naryq.units import TIYN_PER_TENGE, divide, grouped, tenge
from naryq.views import Bulletin, Observed, ProvinceLine, RulebookResult, Swing

TITLE = "Liquefied gas in Kazakhstan: the step of 1 January 2022"


def observed(inputs: Inputs) -> dict[str, Observed]:
    """Return what was seen at the pumps in the first days of January 2022, by province."""
    return {province: _observed(inputs, province) for province in inputs.subjects("observed_lowest")}


def _observed(inputs: Inputs, province: str) -> Observed:
    lowest, highest = (inputs.facts[name, province] for name in ("observed_lowest", "observed_highest"))
    return Observed(
        lowest_tiyn_per_litre=lowest.value * TIYN_PER_TENGE,
        highest_tiyn_per_litre=highest.value * TIYN_PER_TENGE,
        day="2022-01-03" if highest.source == lowest.source else "2022-01",
        source=lowest.source,
        second_source=highest.source if highest.source != lowest.source else "",
    )


def bulletin(inputs: Inputs, results: tuple[RulebookResult, ...], swings: tuple[Swing, ...]) -> Bulletin:
    """Join the results of all rulebooks with the story that they tell."""
    before, after = (month.delivery_month for month in scenario.MONTHS)
    return Bulletin(
        title=TITLE,
        before_month=before,
        after_month=after,
        results=results,
        story=tuple(_story(inputs, results, swings)),
        facts=len(inputs.facts),
        assumptions=len(inputs.assumptions),
        swings=swings,
    )


# --- The story --------------------------------------------------------------------------------------------------


def mangystau(result: RulebookResult) -> ProvinceLine:
    """Return the line of the province in which it began."""
    return next(line for line in result.provinces if line.code == scenario.MANGYSTAU)


def _story(inputs: Inputs, results: tuple[RulebookResult, ...], swings: tuple[Swing, ...]) -> Iterator[str]:
    as_it_was, guarded = results
    yield " ".join(_what_happened(mangystau(as_it_was), inputs.value("cost", "KAZGPZ")))
    yield " ".join((*_how_far_off(mangystau(as_it_was), swings), *_elsewhere(as_it_was)))
    yield " ".join(_what_limits_would_do(guarded, mangystau(guarded)))


def _what_happened(line: ProvinceLine, cost: int) -> Iterator[str]:
    before, after = tenge(line.pump_before_tiyn_per_litre, 2), tenge(line.pump_after_tiyn_per_litre, 2)
    yield "Until the end of December 2021 all of Mangystau's gas came from the plan,"
    yield f"at {grouped(line.ex_works_before_tenge_per_tonne)} tenge a tonne at the plant:"
    yield f"{before} tenge a litre at the pump."
    yield "On 1 January all of it went to the platform at once."
    yield f"The plant at Zhanaozen does not sell below its cost of about {grouped(cost)} tenge a tonne;"
    yield f"the auction finds {grouped(line.ex_works_after_tenge_per_tonne)} for the gas that reaches Mangystau,"
    yield f"and the pump price becomes {after}, {_percent(line.change_tenths_of_percent)} more overnight."
    yield "No rule in force bounded it; the first retail cap came on 6 January."
    yield "Elsewhere most gas had been on the platform for months, and the model finds a smaller step there."


def _how_far_off(line: ProvinceLine, swings: tuple[Swing, ...]) -> Iterator[str]:
    seen = line.observed
    assert seen is not None, "Mangystau's pumps were watched"
    lowest, highest = seen.lowest_tiyn_per_litre, seen.highest_tiyn_per_litre
    found = line.pump_after_tiyn_per_litre
    moved = [found, *(swing.pump_at_lowest_tiyn_per_litre for swing in swings)]
    moved += [swing.pump_at_highest_tiyn_per_litre for swing in swings]
    yield f"Observed in Mangystau in the first days of January: {tenge(lowest)} to {tenge(highest)} tenge a litre."
    yield f"The model's {tenge(found, 2)} {_against(found, lowest, highest)}."
    yield "No price that Kazakhstan's market or pumps had in January was used to find it:"
    yield "the assumptions were chosen by December's prices."
    yield f"One assumption at a time, moved over its whole range, puts the answer between {tenge(min(moved), 2)}"
    yield f"and {tenge(max(moved), 2)}; facts, such as the cost of Zhanaozen's gas, stay where they are."


def _elsewhere(result: RulebookResult) -> Iterator[str]:
    """Say what was seen in the other provinces that were watched, however far the model is from it."""
    for line in result.provinces:
        if line.observed is None or line.code == scenario.MANGYSTAU:
            continue
        lowest, highest = line.observed.lowest_tiyn_per_litre, line.observed.highest_tiyn_per_litre
        seen = tenge(lowest) if lowest == highest else f"{tenge(lowest)} to {tenge(highest)}"
        found = line.pump_after_tiyn_per_litre
        yield f"In {line.name} {seen} was seen; the model's {tenge(found, 2)} {_against(found, lowest, highest)}."


def _against(found: int, lowest: int, highest: int) -> str:
    what = "that" if lowest == highest else "that range"
    if found < lowest:
        return f"lies {tenge(lowest - found, 2)} below {what}"
    if found > highest:
        return f"lies {tenge(found - highest, 2)} above {what}"
    below = tenge(highest - found, 2)
    return f"lies inside that range, {tenge(found - lowest, 2)} above its lower end and {below} below its upper end"


def _what_limits_would_do(result: RulebookResult, line: ProvinceLine) -> Iterator[str]:
    path = next((path for path in result.paths if path.code == line.code), None)
    assert path is not None, "the step binds in Mangystau under the guarded rulebook"
    before, after = tenge(line.pump_before_tiyn_per_litre, 2), tenge(line.pump_after_tiyn_per_litre, 2)
    gap = tenge(line.formula_after_tiyn_per_litre - line.pump_after_tiyn_per_litre, 2)
    whole = sum(point.fund_tiyn for point in path.points)
    yield f"Under the guarded rulebook the pump price may rise by {_percent(line.change_tenths_of_percent)} a month:"
    yield f"{before} becomes {after} in January."
    yield f"The fund pays Mangystau's stations the rest, {gap} tenge a litre, {_millions(line.fund_tiyn)} million tenge"
    yield f"for the month ({_millions(result.fund_tiyn)} million in the whole country)."
    yield f"If the market stayed where it was found, the pump price would arrive in {len(path.points)} months,"
    yield f"at {_millions(whole)} million tenge in all for Mangystau."
    yield "The collar keeps sellers from naming the price that the fund then pays;"
    yield f"at the collar buyers lack {result.unserved_lots} lots of 36 tonnes:"
    yield "a limit spreads a shock in time, it does not make gas."


def _percent(tenths: int) -> str:
    assert tenths >= 0, "the story tells of rises"
    return f"{tenths // 10}.{tenths % 10} per cent"


def _millions(amount_tiyn: int) -> str:
    return tenge(divide(amount_tiyn, 10**6))


# --- What the answer hangs on -----------------------------------------------------------------------------------


def in_memory() -> tuple[scenario.Venue, list[Entry]]:
    """Return a venue without a journal, and the list to which it adds its rows: the same machine, for rehearsal."""
    rows: list[Entry] = []
    state = exchange.initial_state()

    def venue(commands: Sequence[AnyCommand]) -> list[tuple[AnyEvent, ...]]:
        nonlocal state
        answers = []
        for command in commands:
            events = exchange.decide(state, command)
            rows.append(Entry(state.sequence + 1, command, events))
            state = exchange.apply(state, rows[-1])
            answers.append(events)
        return answers

    return venue, rows


def mangystau_after(inputs: Inputs, rulebook: RulebookText) -> int:
    """Return Mangystau's pump price after the step, in tiyn a litre, played in memory."""
    venue, rows = in_memory()
    scenario.play(venue, inputs, rulebook)
    published = [event for row in rows for event in row.events if isinstance(event, PricesPublished)]
    return next(p.pump_tiyn_per_litre for p in published[-1].pump_prices if p.province == scenario.MANGYSTAU)


def swings(
    inputs: Inputs, rulebook: RulebookText, progress: Callable[[Sequence[str]], Iterable[str]] = iter
) -> tuple[Swing, ...]:
    """Move each assumption over its range, all its subjects together, and say where Mangystau's pump price goes.

    The widest swing comes first; `progress` may wrap the names to show how far the work is.
    """
    names = sorted({name for name, _ in inputs.assumptions})
    found = [_swing(inputs, rulebook, name) for name in progress(names)]
    return tuple(sorted(found, key=lambda swing: (-_width(swing), swing.assumption)))


def _width(swing: Swing) -> int:
    return abs(swing.pump_at_highest_tiyn_per_litre - swing.pump_at_lowest_tiyn_per_litre)


def _swing(inputs: Inputs, rulebook: RulebookText, name: str) -> Swing:
    rows = {key: row for key, row in inputs.assumptions.items() if key[0] == name}
    lowest = _moved(inputs, {key: row.lowest for key, row in rows.items()})
    highest = _moved(inputs, {key: row.highest for key, row in rows.items()})
    known = any(fact == name for fact, _ in inputs.facts)
    return Swing(
        assumption=f"{name} (where assumed)" if known else name,
        unit=next(iter(rows.values())).unit,
        lowest=_span(rows, "lowest"),
        value=_span(rows, "value"),
        highest=_span(rows, "highest"),
        pump_at_lowest_tiyn_per_litre=mangystau_after(lowest, rulebook),
        pump_at_highest_tiyn_per_litre=mangystau_after(highest, rulebook),
    )


def _moved(inputs: Inputs, values: Mapping[tuple[str, str], int]) -> Inputs:
    for key, value in values.items():
        inputs = inputs.assuming(key, value)
    return inputs


def _span(rows: Mapping[tuple[str, str], Assumption], column: str) -> str:
    """Return a column's value, or its span where the assumption has many subjects."""
    values = sorted(getattr(row, column) for row in rows.values())
    lowest, highest = grouped(values[0]), grouped(values[-1])
    return lowest if lowest == highest else f"{lowest} to {highest}"
