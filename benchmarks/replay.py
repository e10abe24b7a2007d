"""How long it takes to run a session again under a proposal, behind a long journal: `python benchmarks/replay.py`.

The journal is a sample venue's, with days of 20,000 rows added: orders that stand in a book, and their withdrawals. The
last day is run again under a wider collar. All is measured in seconds of the processor: reading the rows, folding those
before the day, and deciding the day's commands under both sets of rules. The journal is in memory.
"""

import time
from collections.abc import Callable
from itertools import count
from typing import Any, TypeVar

from naryq import exchange
from naryq.cli import sample
from naryq.cli.demo import read_inputs
from naryq.cli.files import read_rulebook
from naryq.exchange.rule_replay import case_of, replayed
from naryq.exchange.topic import rules_in_force
from naryq.messages import (
    AssessProposal,
    CancelOrder,
    CloseSession,
    Entry,
    OpenSession,
    ProposalAssessed,
    ProposeRuleChange,
    RuleChange,
    SubmitOrder,
    decode_entry,
    encode,
    written_today,
)
from naryq.units import NS_PER_SECOND, day_after, instant_ns, month_after

FOUNDED = instant_ns("2026-11-28", "12:00", 300)
FIRST_DAY = "2026-11-29"
DAYS, ROWS_A_DAY = 5, 20_000
INSTRUMENT = "KAZGPZ-LPG"
PEOPLE = (*sample.PLANT_OF, *sample.PROVINCE_OF)
Result = TypeVar("Result")


class Venue:
    """A sample venue that lives on, and its rows."""

    def __init__(self) -> None:
        """Found it."""
        self.state, self.rows, self.number = exchange.initial_state(), list[Entry](), count()
        for command in sample.founding(read_rulebook("guarded"), read_inputs(), FOUNDED):
            self.take(command)
        self.at_ns = self.state.at_ns

    def take(self, command: Any) -> Any:
        """Write down a command with its events, and return the first."""
        events = exchange.decide(self.state, command)
        self.rows.append(written_today(self.state.sequence + 1, command, events))
        self.state = exchange.apply(self.state, self.rows[-1])
        return events[0]

    def give(self, kind: Any, actor: str, /, **fields: Any) -> Any:
        """Stamp a command and take it."""
        return self.take(kind(f"b{next(self.number)}", actor, self.at_ns, **fields))

    def day(self, day: str) -> None:
        """Hold a session in which everybody sends orders in turn and takes them back."""
        session_id = f"long-{day}"
        terms = {"day": day, "window": "other", "delivery_month": month_after(day[:7], 1), "kind": "continuous"}
        self.at_ns = max(self.at_ns, instant_ns(day, "00:00", 300))
        self.give(OpenSession, sample.OPERATOR, session_id=session_id, instrument=INSTRUMENT, **terms)
        for number in range(ROWS_A_DAY // 2):
            self.at_ns += NS_PER_SECOND // 2
            person = PEOPLE[number % len(PEOPLE)]
            named = {"session_id": session_id, "order_id": f"{day}-{number}"}
            self.give(SubmitOrder, person, **named, **_order(person))
            self.give(CancelOrder, person, **named)
        self.at_ns = instant_ns(day, "23:59", 300)
        self.give(CloseSession, sample.OPERATOR, session_id=session_id)


def _order(person: str) -> dict[str, Any]:
    """Return an order of one lot that finds nobody: offers stand above all bids."""
    side, away = ("sell", 6) if person in sample.PLANT_OF else ("buy", -6)
    price = sample.MIDDLE_TENGE_PER_TONNE + away * sample.STEP_TENGE_PER_TONNE
    delivery = sample.PROVINCE_OF.get(person)
    return {"place": INSTRUMENT, "side": side, "price_tenge_per_tonne": price, "quantity_lots": 1, "delivery": delivery}


def assessed(venue: Venue) -> ProposalAssessed:
    """Let a wider collar be assessed against the last session."""
    later = day_after(FIRST_DAY, 90)
    change = RuleChange("collar_rise", later, 1_500, sample.MADE_UP)
    venue.give(ProposeRuleChange, sample.OPERATOR, proposal_id="wider", proposed=(change,), reason="to be measured")
    found: ProposalAssessed = venue.give(AssessProposal, sample.OPERATOR, proposal_id="wider", sessions=1)
    return found


def timed(work: Callable[[], Result]) -> tuple[Result, float]:
    """Do it once, and return what came of it with the seconds of the processor that it took."""
    begun = time.process_time()
    return work(), time.process_time() - begun


def folded(rows: list[Entry]) -> exchange.State:
    """Return the state after these rows."""
    state = exchange.initial_state()
    for row in rows:
        state = exchange.apply(state, row)
    return state


def main() -> None:
    """Print where the time goes."""
    venue = Venue()
    for number in range(DAYS):
        venue.day(day_after(FIRST_DAY, number))
    effect = assessed(venue)
    rules = rules_in_force(venue.state, venue.at_ns)
    case = case_of(effect, rules.rulebook, venue.state.rule_changes.proposals["wider"].proposed.proposed, rules.known)
    payloads = list(map(encode, venue.rows))
    rows, reading = timed(lambda: list(map(decode_entry, payloads)))
    _, folding = timed(lambda: folded(rows[:-ROWS_A_DAY]))
    _, whole = timed(lambda: replayed(map(decode_entry, payloads), case))
    print(f"rows in all {len(rows):,}, of the day that is run again {ROWS_A_DAY:,}; seconds of the processor")
    for what, seconds in (("read all rows", reading), ("fold those before the day", folding), ("all", whole)):
        print(f"{what:26}{seconds:6.1f}")


if __name__ == "__main__":
    main()
