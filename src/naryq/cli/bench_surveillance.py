"""How often the watch speaks of honest markets, and of planted misconduct, at the thresholds of a rulebook."""

from collections.abc import Callable
from typing import Any

from naryq.cli.files import read_rulebook
from naryq.lab.watching import Power, Rate, honest_rates, powers
from naryq.rulebook import END_OF_TIME, Rulebook
from naryq.surveillance import SCREENS


def run(rulebook: str, markets: int, planted: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Play honest and planted markets and return both tables as lists of plain rows.

    Raises:
        Refusal: RULE_MISSING when the rulebook sets no threshold for a screen.
    """
    day = END_OF_TIME
    rules = Rulebook(read_rulebook(rulebook)).in_force(day, day)
    thresholds = {test.rule: rules.required_integer(test.rule) for test in SCREENS}
    return {
        "honest": [rate._asdict() for rate in honest_rates(thresholds, markets, say)],
        "planted": [power._asdict() for power in powers(thresholds, planted, say)],
    }


def honest_cells(rate: dict[str, Any]) -> tuple[str, ...]:
    """Return one row of the table of honest markets, for people."""
    found = Rate(**rate)
    hundredth = "-" if found.ninety_ninth is None else str(found.ninety_ninth)
    part = f"{100 * found.flagged / found.sessions:.2f} %"
    return (found.screen, found.kind, found.direction, str(found.threshold), hundredth, str(found.flagged), part)


def planted_cells(power: dict[str, Any]) -> tuple[str, ...]:
    """Return one row of the table of planted misconduct, for people."""
    found = Power(**power)
    return (found.misconduct, found.screen, found.kind, f"{found.caught} of {found.markets}")
