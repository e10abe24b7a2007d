"""What a change of rules would have done, worked out from a journal or read from it, as tables for people."""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from itertools import chain
from typing import Final, NamedTuple

import click
import msgspec
from rich import box
from rich.console import Console, JustifyMethod
from rich.table import Table

from naryq import exchange
from naryq.cli.files import read_rulebook
from naryq.exchange.rule_effect import effect
from naryq.exchange.rule_replay import Case, OrderEffect, RulesReplayed, SessionEffect, case_of, replayed
from naryq.exchange.topic import rules_in_force
from naryq.journal import named
from naryq.journal.verify import checked
from naryq.messages import (
    Code,
    Entry,
    LegalSource,
    LimitReached,
    ParticipantEffect,
    ProposalAssessed,
    ProvinceEffect,
    Refusal,
    RefusedOrder,
    RulebookAdopted,
    RuleChangeProposed,
    WholeRulebook,
)
from naryq.rulebook import Rulebook, proposed_text
from naryq.units import day_after, grouped, tenge, utc_minute

SHOWN: Final = 20
"""How many refused orders are listed; all of them stand in the JSON."""
UNTITLED: Final = LegalSource("A rulebook tried out on the command line", "https://naryq.example/rules-effect")
NOTHING: Final = "-"


class Effect(NamedTuple):
    """What a change would have done: to network sessions as an assessment says it, and to those over instruments."""

    assessed: ProposalAssessed
    replayed: RulesReplayed


def from_rulebook(journal: str, proposed: str, sessions: int, effective: str | None) -> Effect:
    """Hold the last sessions of a journal again, under its rules and under a rulebook on disk; nothing is written.

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
    assessed = effect(state, changed, proposal_id=proposed, effective=day, known=rules.known, count=sessions)
    return _with_replay(journal, assessed, case_of(assessed, state.rulebook, whole, rules.known))


def from_proposal(journal: str, proposal: str) -> Effect:
    """Return the last assessment of a proposal as a journal holds it, and run again the sessions that it leaves out.

    Raises:
        Refusal: UNKNOWN_PROPOSAL when it holds none.
    """
    found, proposed, rulebook = None, None, None
    for entry in _entries(journal):
        for event in entry.events:
            if isinstance(event, RulebookAdopted):
                rulebook = event.rulebook
            elif isinstance(event, RuleChangeProposed) and event.proposal_id == proposal:
                proposed = event.proposed
            elif isinstance(event, ProposalAssessed) and event.proposal_id == proposal:
                found = (event, rulebook, entry.command.at_ns)
    if found is None:
        what = f"{named.shown(journal)} holds no assessment of a proposal {proposal!r}"
        raise Refusal(Code.UNKNOWN_PROPOSAL, what, where="--proposal", remedy="Name a proposal that was assessed.")
    assessed, text, at_ns = found
    assert text is not None, "what is assessed is proposed to a rulebook in force"
    assert proposed is not None, "what is assessed was proposed"
    stood = Rulebook(text)
    return _with_replay(journal, assessed, case_of(assessed, stood, proposed, stood.day(at_ns)))


def _with_replay(journal: str, assessed: ProposalAssessed, case: Case) -> Effect:
    return Effect(assessed, replayed(_entries(journal), case))


def _entries(journal: str) -> Iterator[Entry]:
    with closing(named.reader(journal)) as reader:
        yield from (entry for _, entry in checked(reader.read()))


# --- For people -------------------------------------------------------------------------------------------------


def show(effect: Effect, *, as_json: bool) -> None:
    """Print an effect: as tables of what differs, or everything as JSON."""
    assessed, found = effect
    if as_json:
        both = {**msgspec.to_builtins(assessed), "replayed": msgspec.to_builtins(found)}
        click.echo(json.dumps(both, indent=2))
        return
    console = Console(width=None if Console().is_terminal else 120, highlight=False)
    console.print(f"Rules of {assessed.effective}: {assessed.rulebook_version} -> {assessed.proposed_version}")
    console.print(f"Network sessions cleared again: {', '.join(assessed.session_ids) or 'none'}")
    if assessed.session_ids:
        _print_participants(console, assessed.participants)
        _print_provinces(console, [each for each in assessed.provinces if each.today != each.proposed])
    _print_refused(console, "Orders that the rules as they stand would have refused", assessed.refused_today)
    _print_refused(console, "Orders that the proposed rules would have refused", assessed.refused_proposed)
    console.print(f"Sessions over instruments run again: {', '.join(assessed.left_out) or 'none'}")
    if found.sessions:
        _print_replayed(console, found)


def _print_replayed(console: Console, found: RulesReplayed) -> None:
    _print_participants(console, found.participants)
    _print_sessions(console, [each for each in found.sessions if each.today != each.proposed])
    gone = [halt for each in found.sessions for halt in each.today.halts if halt not in each.proposed.halts]
    come = [halt for each in found.sessions for halt in each.proposed.halts if halt not in each.today.halts]
    for title, halts in (("Halts that would not have come", gone), ("Halts that would have come", come)):
        _print_lines(console, title, [_line_of_halt(halt) for halt in halts])
    _print_lines(console, "Orders that would have been judged otherwise", [_line_of(order) for order in found.orders])


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for column in columns:
        justify: JustifyMethod = "left" if column in {"participant", "session", "province"} else "right"
        table.add_column(column, justify=justify, overflow="fold")
    return table


def _print_participants(console: Console, participants: Sequence[ParticipantEffect]) -> None:
    changed = [each for each in participants if each.today != each.proposed]
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


def _print_sessions(console: Console, changed: Sequence[SessionEffect]) -> None:
    if not changed:
        console.print("No session would have gone otherwise.")
        return
    then = "would have been"
    prices = _table("Sessions: average price in tenge a tonne, and lots", "session", "price", then, "lots", then)
    paths = _table("How they went: halts, and where they ended", "session", "halts", then, "ended", then)
    for each in changed:
        today, proposed = each.today, each.proposed
        averages = (side.weighted_average_tenge_per_tonne for side in (today, proposed))
        lots = (grouped(side.statistics.volume_lots) for side in (today, proposed))
        prices.add_row(each.session_id, *_in_turn(map(_whole, averages), lots))
        halts, ends = ([str(len(side.halts)), side.phase or NOTHING] for side in (today, proposed))
        paths.add_row(each.session_id, *_in_turn(*zip(halts, ends, strict=True)))
    console.print(prices)
    console.print(paths)


def _in_turn(*pairs: Iterable[str]) -> Iterator[str]:
    return chain.from_iterable(pairs)


def _line_of_halt(halt: LimitReached) -> str:
    until = "" if halt.until_ns is None else f", until {utc_minute(halt.until_ns)}"
    prices = f"a trade at {grouped(halt.value)} would pass {grouped(halt.threshold)}"
    return f"{halt.session_id} {utc_minute(halt.at_ns)}: {prices}{until}"


def _line_of(order: OrderEffect) -> str:
    side = f" {order.side}" if order.side is not None else " amends"
    lots = "" if order.quantity_lots is None else f" {order.quantity_lots} lots"
    price = "" if order.price_tenge_per_tonne is None else f" for {grouped(order.price_tenge_per_tonne)}"
    judged = f"{order.today or 'taken'} -> {order.proposed or 'taken'}"
    return f"{order.session_id} {order.order_id}: {order.participant_id}{side}{lots}{price}: {judged}"


def _whole(number: int | None) -> str:
    return NOTHING if number is None else grouped(number)


def _pump(tiyn: int | None) -> str:
    return NOTHING if tiyn is None else tenge(tiyn, 2)


def _print_refused(console: Console, title: str, orders: Sequence[RefusedOrder]) -> None:
    lines = [
        f"{order.session_id} {order.order_id}: {order.participant_id} {order.side} {order.quantity_lots} lots at "
        f"{order.place} for {grouped(order.price_tenge_per_tonne)}: {order.code}"
        for order in orders
    ]
    _print_lines(console, title, lines)


def _print_lines(console: Console, title: str, lines: Sequence[str]) -> None:
    if not lines:
        return
    console.print(f"{title}: {len(lines)}")
    for line in lines[:SHOWN]:
        console.print(f"  {line}", soft_wrap=True)
    if len(lines) > SHOWN:
        console.print(f"  and {len(lines) - SHOWN} more; --json has them all")
