"""The screens in one table: which measure is held against which rule, and from which side."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple

from naryq.messages import Screen
from naryq.surveillance import bids, chains, conduct, structure
from naryq.surveillance.sheet import Direction, Finding, Sheet

Measure = Callable[[Sheet], Iterator[Finding]]

FINDINGS_MAX: Final = 10
"""How many findings of one screen are shown of one session: the worst."""


class Screening(NamedTuple):
    """One screen: its measure, and on which side of the threshold it speaks."""

    screen: Screen
    measure: Measure
    direction: Direction

    @property
    def rule(self) -> str:
        """The rule that sets its threshold; where there is none, the screen is not held."""
        return f"watch_{self.screen}"


class Screened(NamedTuple):
    """A finding that passed the threshold of its screen."""

    screen: Screen
    rule: str
    threshold: int
    finding: Finding


SCREENS: Final[tuple[Screening, ...]] = (
    Screening("concentration", structure.concentration, "at least"),
    Screening("pivotal_supplier", structure.pivotal_supplier, "at most"),
    Screening("withheld_capacity", structure.withheld_capacity, "at least"),
    Screening("clustered_bids", bids.clustered_bids, "at most"),
    Screening("losing_bids", bids.losing_bids, "at least"),
    Screening("identical_prices", bids.identical_prices, "at least"),
    Screening("same_order", bids.same_order, "at least"),
    Screening("order_to_trade", conduct.order_to_trade, "at least"),
    Screening("self_match", conduct.self_match, "at least"),
    Screening("circular_trades", chains.circular_trades, "at least"),
    Screening("message_rate", conduct.message_rate, "at least"),
    Screening("regular_intervals", conduct.regular_intervals, "at most"),
    Screening("resale_markup", chains.resale_markup, "at least"),
    Screening("resale_chain", chains.resale_chain, "at least"),
    Screening("marking_the_close", conduct.marking_the_close, "at least"),
    Screening("momentum", chains.momentum, "at least"),
    Screening("cornering", structure.cornering, "at least"),
)


def screened(sheet: Sheet, thresholds: Mapping[str, int]) -> Iterator[Screened]:
    """Yield what of a session passes the thresholds given by rule, screen by screen, the worst first."""
    for test in SCREENS:
        threshold = thresholds.get(test.rule)
        if threshold is not None:
            findings = [finding for finding in test.measure(sheet) if _passes(test, finding, threshold)]
            findings.sort(key=lambda finding: finding.value, reverse=test.direction == "at least")
            for finding in findings[:FINDINGS_MAX]:
                yield Screened(test.screen, test.rule, threshold, finding)


def _passes(test: Screening, finding: Finding, threshold: int) -> bool:
    return finding.value >= threshold if test.direction == "at least" else finding.value <= threshold
