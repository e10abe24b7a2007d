"""How often the screens of the watch speak: of honest markets, which they should not, and of planted misconduct."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple

from naryq.lab.honest import Kind, market, sessions
from naryq.lab.misconduct import PLANTED, Planted
from naryq.surveillance import SCREENS, Sheet, screened

SESSIONS: Final = 12
"""How many sessions of a market are counted, after those that only make a past."""
PAST: Final = 4
KINDS: Final[tuple[Kind, ...]] = ("call", "book")


class Rate(NamedTuple):
    """How often one screen spoke in one kind of session."""

    screen: str
    rule: str
    threshold: int
    direction: str
    kind: Kind
    sessions: int
    flagged: int
    ninety_ninth: int | None
    """The value that one session in a hundred passed, from the side from which the screen speaks; None if none did."""


class Power(NamedTuple):
    """In how many markets one screen spoke at least once of a planted misconduct."""

    misconduct: str
    screen: str
    kind: Kind
    markets: int
    caught: int


def _counted(kind: Kind, seed: int, planted: Planted | None = None) -> Iterator[Sheet]:
    start = market(seed)
    played = sessions(start, kind, PAST + SESSIONS, planted.act) if planted else sessions(start, kind, PAST + SESSIONS)
    for number, sheet in enumerate(played):
        if number >= PAST:
            yield sheet


def honest_rates(thresholds: Mapping[str, int], markets: int, say: Callable[[str], None]) -> Iterator[Rate]:
    """Play honest markets and yield for each screen and kind how many of their sessions it flagged."""
    for kind in KINDS:
        say(f"{markets * SESSIONS} honest sessions of the kind {kind}")
        worst: dict[str, list[int]] = {test.screen: [] for test in SCREENS}
        for seed in range(markets):
            for sheet in _counted(kind, seed):
                for test in SCREENS:
                    values = [finding.value for finding in test.measure(sheet)]
                    if values:
                        worst[test.screen].append(max(values) if test.direction == "at least" else min(values))
        for test in SCREENS:
            threshold = thresholds[test.rule]
            passed = [value for value in worst[test.screen] if _passes(test.direction, value, threshold)]
            count = markets * SESSIONS
            extreme = _ninety_ninth(worst[test.screen], count, test.direction)
            yield Rate(test.screen, test.rule, threshold, test.direction, kind, count, len(passed), extreme)


def _passes(direction: str, value: int, threshold: int) -> bool:
    return value >= threshold if direction == "at least" else value <= threshold


def _ninety_ninth(values: list[int], count: int, direction: str) -> int | None:
    """Return the value of the session that is the hundredth part from the worst; None where fewer had a value."""
    ordered = sorted(values, reverse=direction == "at least")
    place = count // 100
    return ordered[place] if place < len(ordered) else None


def powers(thresholds: Mapping[str, int], markets: int, say: Callable[[str], None]) -> Iterator[Power]:
    """Plant each kind of misconduct in markets and yield in how many the screens that must see it spoke."""
    for planted in PLANTED:
        for kind in planted.kinds:
            say(f"{markets} markets of the kind {kind}: {planted.name}")
            caught = dict.fromkeys(planted.screens, 0)
            for seed in range(markets):
                spoke = _spoken(_counted(kind, seed, planted), thresholds)
                for screen in planted.screens:
                    caught[screen] += screen in spoke
            for screen, count in caught.items():
                yield Power(planted.name, screen, kind, markets, count)


def _spoken(sheets: Iterator[Sheet], thresholds: Mapping[str, int]) -> frozenset[str]:
    return frozenset(found.screen for sheet in sheets for found in screened(sheet, thresholds))
