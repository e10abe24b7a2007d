"""What a change of rules would have done, worked out from a journal or read from it, as tables for people."""

import json
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Final

import click
import msgspec
from rich import box
from rich.console import Console, JustifyMethod
from rich.table import Table

from naryq import exchange
from naryq.cli.files import read_rulebook
from naryq.exchange.rule_effect import effect
from naryq.exchange.topic import rules_in_force
from naryq.journal import named
from naryq.journal.verify import checked
from naryq.messages import (
    Code,
    Entry,
    LegalSource,
    ParticipantEffect,
    ProposalAssessed,
    ProvinceEffect,
    Refusal,
    RefusedOrder,
    WholeRulebook,
)
from naryq.rulebook import Rulebook, proposed_text
from naryq.units import day_after, grouped, tenge

SHOWN: Final = 20
"""How many refused orders are listed; all of them stand in the JSON."""
UNTITLED: Final = LegalSource("A rulebook tried out on the command line", "https://naryq.example/rules-effect")
NOTHING: Final = "-"


def from_rulebook(journal: str, proposed: str, sessions: int, effective: str | None) -> ProposalAssessed:
    """Clear the last sessions of a journal again, under its rules and under a rulebook on disk; nothing is written.

    Raises:
        Refusal: as `effect`; NO_RULEBOOK when the journal has none in force.
    """
    state = exchange.initial_state()
    for entry in _entries(journal):
        state = exchange.apply(state, entry)
    rules = rules_in_force(state, state.at_ns)
    assert state.rulebook is not None, "rules are in force"
    day = effective or day_after(rules.known, rules.integer("rule_change_notice_days") or 1)
    whole = WholeRulebook(day, read_rulebook(proposed), UNTITLED)
    changed = Rulebook(proposed_text(state.rulebook.text, whole, rules.known))
    return effect(state, changed, proposal_id=proposed, effective=day, known=rules.known, count=sessions)


def from_proposal(journal: str, proposal: str) -> ProposalAssessed:
    """Return the last assessment of a proposal as a journal holds it.

    Raises:
        Refusal: UNKNOWN_PROPOSAL when it holds none.
    """
    found = None
    for entry in _entries(journal):
        for event in entry.events:
            if isinstance(event, ProposalAssessed) and event.proposal_id == proposal:
                found = event
    if found is None:
        what = f"{named.shown(journal)} holds no assessment of a proposal {proposal!r}"
        raise Refusal(Code.UNKNOWN_PROPOSAL, what, where="--proposal", remedy="Name a proposal that was assessed.")
    return found


def _entries(journal: str) -> Iterator[Entry]:
    with closing(named.reader(journal)) as reader:
        yield from (entry for _, entry in checked(reader.read()))


# --- For people -------------------------------------------------------------------------------------------------


def show(assessed: ProposalAssessed, *, as_json: bool) -> None:
    """Print an effect: as tables of what differs, or everything as JSON."""
    if as_json:
        click.echo(json.dumps(msgspec.to_builtins(assessed), indent=2))
        return
    console = Console(width=None if Console().is_terminal else 120, highlight=False)
    sessions = ", ".join(assessed.session_ids) or "none"
    console.print(f"Rules of {assessed.effective}: {assessed.rulebook_version} -> {assessed.proposed_version}")
    console.print(f"Sessions cleared again: {sessions}; left out: {', '.join(assessed.left_out) or 'none'}")
    _print_participants(console, [each for each in assessed.participants if each.today != each.proposed])
    _print_provinces(console, [each for each in assessed.provinces if each.today != each.proposed])
    _print_refused(console, "Orders that the rules as they stand would have refused", assessed.refused_today)
    _print_refused(console, "Orders that the proposed rules would have refused", assessed.refused_proposed)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for column in columns:
        justify: JustifyMethod = "left" if column in {"participant", "session", "province"} else "right"
        table.add_column(column, justify=justify, overflow="fold")
    return table


def _print_participants(console: Console, changed: Sequence[ParticipantEffect]) -> None:
    if not changed:
        console.print("No participant would have bought, sold, paid or received anything else.")
        return
    money = _table(
        "Who would have paid and received what, in tenge",
        "participant",
        "paid",
        "would have paid",
        "received",
        "would have received",
    )
    gas = _table("Who would have bought or sold how much, in tonnes", "participant", "tonnes", "would have been")
    for each in changed:
        today, then = each.today, each.proposed
        money.add_row(
            each.participant_id,
            tenge(today.paid_tiyn),
            tenge(then.paid_tiyn),
            tenge(today.received_tiyn),
            tenge(then.received_tiyn),
        )
        if (today.bought_kg, today.sold_kg) != (then.bought_kg, then.sold_kg):
            before_kg, after_kg = today.bought_kg + today.sold_kg, then.bought_kg + then.sold_kg
            gas.add_row(each.participant_id, grouped(before_kg // 1_000), grouped(after_kg // 1_000))
    # Few columns a table, here and below: ten columns of figures would break in a terminal of eighty.
    for table in (money, gas):
        if table.row_count:
            console.print(table)


def _print_provinces(console: Console, changed: Sequence[ProvinceEffect]) -> None:
    if not changed:
        console.print("No province would have had another price.")
        return
    where, then = ("session", "province"), "would have been"
    prices = _table("Prices of the provinces: tenge a tonne, and lots", *where, "price", then, "lots", then)
    pumps = _table("At the pump: tenge a litre, and what the fund pays in tenge", *where, "pump", then, "fund", then)
    for each in changed:
        today, proposed = each.today, each.proposed
        prices.add_row(
            each.session_id,
            each.province,
            _whole(today.price_tenge_per_tonne),
            _whole(proposed.price_tenge_per_tonne),
            grouped(today.traded_lots),
            grouped(proposed.traded_lots),
        )
        pumps.add_row(
            each.session_id,
            each.province,
            _pump(today.pump_tiyn_per_litre),
            _pump(proposed.pump_tiyn_per_litre),
            tenge(today.fund_tiyn),
            tenge(proposed.fund_tiyn),
        )
    console.print(prices)
    console.print(pumps)


def _whole(number: int | None) -> str:
    return NOTHING if number is None else grouped(number)


def _pump(tiyn: int | None) -> str:
    return NOTHING if tiyn is None else tenge(tiyn, 2)


def _print_refused(console: Console, title: str, orders: Sequence[RefusedOrder]) -> None:
    if not orders:
        return
    console.print(f"{title}: {len(orders)}")
    for order in orders[:SHOWN]:
        console.print(
            f"  {order.session_id} {order.order_id}: {order.participant_id} {order.side} {order.quantity_lots} lots at "
            f"{order.place} for {grouped(order.price_tenge_per_tonne)}: {order.code}",
            soft_wrap=True,
        )
    if len(orders) > SHOWN:
        console.print(f"  and {len(orders) - SHOWN} more; --json has them all")
