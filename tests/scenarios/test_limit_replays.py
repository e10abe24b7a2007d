"""The failures that the limits exist for, replayed under the shipped rulebooks; the page tells what comes out."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from naryq.cli import main
from naryq.cli.files import read_rulebook
from naryq.lab import replays

PAGE = (Path(__file__).parents[2] / "docs" / "explanation" / "limits.md").read_text(encoding="utf-8")
AS_IT_WAS, GUARDED = read_rulebook("kazakhstan"), read_rulebook("guarded")


def test_the_page_shows_what_the_command_prints() -> None:
    """The block of the page is the output of `naryq limits`, letter for letter."""
    (block,) = re.findall(r"```console\n\$ \.venv/bin/naryq limits\n(.*?)```", PAGE, re.DOTALL)
    assert CliRunner().invoke(main, ["limits"]).output == block


@pytest.mark.parametrize(
    ("play", "limit"),
    [
        (replays.slow_ramp, "cumulative_threshold"),
        (replays.overnight, "pump_step_rise"),
        (replays.stop, "trading_stopped"),
        (replays.thin_selling, "session_price_limit"),
        (replays.robot, "too_fast"),
        (lambda rules: replays.withheld(rules, 80_000), "two_key_level, cumulative_threshold"),
        (lambda rules: replays.withheld(rules, 215_000), "cumulative_threshold"),
    ],
)
def test_each_failure_meets_its_limit(play: object, limit: str) -> None:
    """Under `guarded` each failure meets its limit; as it was, nothing but the refusal of the stop."""
    assert callable(play)
    assert play(GUARDED).limit == limit
    assert play(AS_IT_WAS).limit in {"", "not_permitted"}


def test_the_ramp_is_that_of_2021() -> None:
    """The path leads from the agency's first price to its last, at one rate to within a tenge."""
    path = replays.ramp()
    assert (path[0], path[-1], len(path)) == (67_000, 100_000, 12)
    assert all(abs(path[at] ** 2 - path[at - 1] * path[at + 1]) <= 2 * path[at + 1] for at in range(1, 11))
