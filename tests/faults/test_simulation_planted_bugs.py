"""Bugs planted in the engine, the journal and every topic, one at a time: a few simulated venues must catch each.

What binds for long has a catalogue of its own: `test_simulation_planted_limits.py`.
"""

from collections import deque
from typing import Any

import pytest
from tests.planting import catalogue, fold_with, judge_with, wrap
from tests.simulated_bugs import caught, changed, without

from naryq import exchange, ledger, supply
from naryq.engine import Answer, Engine, Promise, group, recovery, writer
from naryq.engine.answers import STOPPED, keep
from naryq.engine.snapshots import Start
from naryq.exchange import (
    control,
    defaults,
    guarantees,
    machine,
    obligations,
    orders,
    people,
    rulebooks,
    trading,
)
from naryq.journal.contract import GENESIS, Step, rows_after
from naryq.journal.memory import MemoryJournal
from naryq.maps import Map
from naryq.messages import (
    ConfirmReceipt,
    Refusal,
    TradingResumed,
)

SEEDS = (2, 5, 6, 1, 4, 7, 9, 11, 12, 13, 19, 20, 312, 112)

BUGS, bug = catalogue()


# --- The engine and the journal ---------------------------------------------------------------------------------


@bug
def _too_early(patch: pytest.MonkeyPatch) -> None:
    """A group is acknowledged before it is durable."""

    def process(engine: Any, batch: Any) -> None:
        found = group.Group(engine._journal, engine._machine, engine._state)
        answers = [found.decide(waiting.command, waiting.spelling) for waiting in batch]
        keep(engine._lock, [waiting.promise for waiting in batch], answers)
        engine._at_step(Step.DECIDED)
        found.append()
        engine._state = found.state

    patch.setattr(Engine, "_process", process)


@bug
def _swallowed(patch: pytest.MonkeyPatch) -> None:
    """The error of an append is swallowed."""

    def append(found: Any, original: Any = group.Group.append) -> None:
        try:
            original(found)
        except Refusal:
            found._journal._usable = True

    patch.setattr(group.Group, "append", append)


@bug
def _tried_again(patch: pytest.MonkeyPatch) -> None:
    """An append whose outcome is unknown is repeated."""

    def append(found: Any, original: Any = group.Group.append) -> None:
        try:
            original(found)
        except Refusal:
            found._journal._usable, found._journal._head = True, (found._journal.rows or [None])[-1]
            original(found)

    patch.setattr(group.Group, "append", append)


@bug
def _forgotten(patch: pytest.MonkeyPatch) -> None:
    """A repeated command takes effect again."""
    patch.setattr(exchange, "sequence_of", lambda *_: None)


@bug
def _one_set_of_identifiers(patch: pytest.MonkeyPatch) -> None:
    """Whoever comes first under an identifier has it, whoever else meant to use it."""
    patch.setattr(machine, "identity", lambda _, command_id: command_id)


@bug
def _half_an_answer(patch: pytest.MonkeyPatch) -> None:
    """A repeat hears only the first event of its answer."""
    patch.setattr(group, "again", lambda _, entry: Answer(entry.sequence, entry.events[:1], repeated=True))


@bug
def _anybodys_answer(patch: pytest.MonkeyPatch) -> None:
    """Whoever reuses an identifier gets the answer of another command."""
    patch.setattr(group, "again", lambda _, entry: Answer(entry.sequence, entry.events, repeated=True))


@bug
def _unknown_told_as_lost(patch: pytest.MonkeyPatch) -> None:
    """What may have been kept is told to be not kept."""
    patch.setattr(writer, "UNKNOWN", STOPPED)
    patch.setattr(writer, "as_event", lambda _: STOPPED)


@bug
def _left_waiting(patch: pytest.MonkeyPatch) -> None:
    """Whoever waits in the queue when the engine stops is never told."""

    def stop(engine: Any, batch: Any, reason: Any) -> None:
        engine._running, engine._queue = False, deque()
        engine._refuse(batch, reason)

    patch.setattr(Engine, "_stop", stop)


@bug
def _endless_queue(patch: pytest.MonkeyPatch) -> None:
    """The queue has no limit."""
    patch.setattr(Engine, "_reason_to_refuse", lambda engine, _: None if engine._running else STOPPED)


@bug
def _taken_all_the_same(patch: pytest.MonkeyPatch) -> None:
    """A command that was taken back takes effect."""
    patch.setattr(Promise, "take", lambda _: True)


@bug
def _kept_in_part(patch: pytest.MonkeyPatch) -> None:
    """The journal keeps half of a group and says that it kept all."""

    def append(journal: Any, payloads: Any) -> Any:
        rows = rows_after(journal._head, payloads)
        journal.rows.extend(rows[: (len(rows) + 1) // 2])
        journal._head = rows[-1]
        return rows[-1]

    patch.setattr(MemoryJournal, "append", append)


@bug
def _two_writers(patch: pytest.MonkeyPatch) -> None:
    """A writer that was overtaken writes on behind the other."""

    def append(journal: Any, payloads: Any) -> Any:
        journal._at_step(Step.APPENDED)
        rows = rows_after(journal._head, payloads)
        journal.rows.extend(rows)
        journal._head = rows[-1]
        return rows[-1]

    patch.setattr(MemoryJournal, "append", append)


@bug
def _any_snapshot(patch: pytest.MonkeyPatch) -> None:
    """A snapshot of another history is believed."""

    def start(journal: Any, using: Any, store: Any) -> Any:
        for found in store.newest_first() if store else ():
            row = next(journal.read(after=found.sequence - 1), None)
            if row is not None:
                return Start(using.restored(found.state), found.sequence, row.chain)
        return Start(using.initial_state(), 0, GENESIS)

    patch.setattr(recovery, "start", start)


@bug
def _short_snapshot(patch: pytest.MonkeyPatch) -> None:
    """A snapshot leaves a field out."""
    wrap(patch, exchange, "snapshot", lambda original, state: original(changed(state, order_ids=Map())))


@bug
def _late_snapshot(patch: pytest.MonkeyPatch) -> None:
    """A snapshot sets the venue's clock back."""
    wrap(patch, exchange, "snapshot", lambda original, state: original(changed(state, at_ns=state.at_ns - 1)))


# --- The venue --------------------------------------------------------------------------------------------------


@bug
def _lost_leg(patch: pytest.MonkeyPatch) -> None:
    """A posting is left out."""
    wrap(patch, ledger, "post", lambda original, balances, legs: original(balances, legs[:-1]))


@bug
def _fee_twice(patch: pytest.MonkeyPatch) -> None:
    """The exchange takes its fee twice."""
    wrap(patch, obligations, "due_fee", lambda original, *asked: 2 * original(*asked))
    wrap(patch, guarantees, "fee_of", lambda original, *asked: 2 * original(*asked))


@bug
def _small_guarantee(patch: pytest.MonkeyPatch) -> None:
    """Less is held for an order than the rules ask for."""
    wrap(patch, guarantees, "_secured", lambda original, *asked, **fields: _less_held(original(*asked, **fields)))


def _less_held(secured: Any) -> Any:
    return secured and changed(secured, guarantee_tiyn=secured.guarantee_tiyn // 2)


@bug
def _never_released(patch: pytest.MonkeyPatch) -> None:
    """What was held for an order that has left stays held."""
    patch.setattr(guarantees, "release", lambda *_: None)


@bug
def _beyond_volume(patch: pytest.MonkeyPatch) -> None:
    """A trade is for one lot more than is open."""
    wrap(patch, trading, "_trade", lambda original, *asked: original(*asked[:-1], asked[-1] + 1))


@bug
def _outside_the_limit(patch: pytest.MonkeyPatch) -> None:
    """A buyer pays more than its limit."""

    def around(original: Any, *asked: Any) -> Any:
        trade = original(*asked)
        return changed(trade, price_tenge_per_tonne=trade.price_tenge_per_tonne + 50_000)

    wrap(patch, trading, "_trade", around)


@bug
def _last_first(patch: pytest.MonkeyPatch) -> None:
    """The order with the highest number comes first."""
    wrap(patch, trading, "queue", lambda original, *asked: iter(sorted(original(*asked), reverse=True)))


@bug
def _with_itself(patch: pytest.MonkeyPatch) -> None:
    """Affiliates count as strangers."""
    patch.setattr(people, "group_of", lambda _, who: who)


bug_names = {
    "A price beyond the collar is taken": "check_collar",
    "An order is taken without its guarantee": "check_guarantee",
    "An identifier is taken twice": "_check_identifier",
    "An order is taken outside its window": "_check_window",
    "Whoever likes may trade": "_check_may_trade",
}
BUGS.update({name: without(check) for name, check in bug_names.items()})


@bug
def _unstoppable(patch: pytest.MonkeyPatch) -> None:
    """A stop is ignored."""
    patch.setattr(control, "check_order", lambda *_: None)


@bug
def _stopped_for_ever(patch: pytest.MonkeyPatch) -> None:
    """A stop that was lifted still stands."""
    fold_with(patch, TradingResumed, lambda state, _: state)


@bug
def _operator_lifts_a_regulators_stop(patch: pytest.MonkeyPatch) -> None:
    """The operator lifts what a regulator has stopped."""
    patch.setattr(control, "may_undo", lambda *_: True)


@bug
def _operator_takes_back_whom_a_regulator_has_suspended(patch: pytest.MonkeyPatch) -> None:
    """The operator takes back whom a regulator has suspended."""
    patch.setattr(people, "_check_overrules", lambda *_: None)


@bug
def _suspended_trade(patch: pytest.MonkeyPatch) -> None:
    """The suspended may trade."""
    patch.setattr(people, "check_standing", lambda *_: None)


@bug
def _anybody(patch: pytest.MonkeyPatch) -> None:
    """Every role may send every command."""
    roles = ("operator", "regulator", "seller", "buyer", "observer")
    patch.setattr(machine, "_PERMITTED", dict.fromkeys(machine._PERMITTED, roles))


@bug
def _time_runs_back(patch: pytest.MonkeyPatch) -> None:
    """A command from the past is taken."""
    patch.setattr(machine, "_check_time", lambda *_: None)


@bug
def _somebody_elses(patch: pytest.MonkeyPatch) -> None:
    """Anybody may cancel anybody's order."""

    def around(original: Any, session: Any, order_id: str, actor: str) -> Any:
        number = session.numbers.get(order_id)
        return original(session, order_id, actor if number is None else session.orders[number].participant_id)

    wrap(patch, orders, "_own_order", around)


@bug
def _one_pair_of_eyes(patch: pytest.MonkeyPatch) -> None:
    """A proposal or an emergency needs no second person."""
    patch.setattr(rulebooks, "_check_second_person", lambda *_: None)


@bug
def _endless_emergency(patch: pytest.MonkeyPatch) -> None:
    """An emergency does not end."""

    def around(original: Any, text: Any, values: Any, today: Any, _: Any, source: Any) -> Any:
        return original(text, values, today, "2030-01-01", source)

    wrap(patch, rulebooks, "emergency", around)


@bug
def _out_of_nothing(patch: pytest.MonkeyPatch) -> None:
    """A plan allots a lot that no plant has."""

    def around(original: Any, *asked: Any) -> Any:
        shared = original(*asked)
        first = [changed(each, lots=each.lots + 1) for each in shared.allotments[:1]]
        return shared._replace(allotments=(*first, *shared.allotments[1:]))

    wrap(patch, supply, "share_out", around)


@bug
def _counted_twice(patch: pytest.MonkeyPatch) -> None:
    """A loading document is received twice."""

    def around(original: Any, state: Any, command: Any) -> Any:
        known = state.money.shipments.get(command.document)
        if known is not None:
            shipments = state.money.shipments.insert(command.document, changed(known, is_received=False))
            state = changed(state, money=changed(state.money, shipments=shipments))
        return original(state, command)

    judge_with(patch, ConfirmReceipt, around)


@bug
def _wrong_party(patch: pytest.MonkeyPatch) -> None:
    """The party that was failed bears the default."""
    other = {"buyer": "seller", "seller": "buyer"}
    wrap(
        patch, defaults, "_bear", lambda original, steps, name, party, *rest: original(steps, name, other[party], *rest)
    )


@bug
def _too_soon_in_default(patch: pytest.MonkeyPatch) -> None:
    """A default is declared before anything is due."""
    patch.setattr(defaults, "_check_due", lambda *_: None)


@bug
def _unpaid_loads(patch: pytest.MonkeyPatch) -> None:
    """Gas is loaded before it is paid for, where the rules ask for prepayment."""
    patch.setattr(obligations, "_check_prepaid", lambda *_: None)


@bug
def _stays_halted(patch: pytest.MonkeyPatch) -> None:
    """A stop halts nothing that is trading."""
    patch.setattr(control, "_halted", lambda *_: iter(()))


def test_there_are_enough() -> None:
    """The catalogue holds at least the 25 bugs that the plan of the tests asks for."""
    assert len(BUGS) >= 25


@pytest.mark.parametrize("name", BUGS)
def test_the_planted_bug_is_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With this bug planted, a few seeds end with a finding."""
    BUGS[name](monkeypatch)
    assert caught(SEEDS), f"nobody noticed: {name}"
