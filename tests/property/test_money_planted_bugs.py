"""Bugs planted in money, one at a time: the naive ledger, an assertion, a promise or the replay must catch each."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from tests.money_samples import agreed
from tests.money_tour import tour
from tests.planting import catalogue, fold_with, judge_with, wrap

from naryq import exchange, ledger
from naryq.exchange import debts, defaults, guarantees, machine, money_events, obligations, orders
from naryq.exchange import money as money_topic
from naryq.ledger import accounts, pairing
from naryq.ledger import guarantees as formulas
from naryq.ledger import obligations as performed
from naryq.ledger.obligations import Settled
from naryq.messages import (
    ConfirmReceipt,
    OrderAmended,
    OrderCancelled,
    OrderExpired,
    ReceiptConfirmed,
    ReportShipment,
    Traded,
)
from naryq.units import Rounding, amount_tiyn, divide

replaced = msgspec.structs.replace


# --- The bugs ---------------------------------------------------------------------------------------------------

BUGS, bug = catalogue()


def follow_with(patch: pytest.MonkeyPatch, kind: type, *followers: Callable[..., Any]) -> None:
    """Replace what follows one kind of event."""
    patch.setattr(machine, "_FOLLOWERS", {**machine._FOLLOWERS, kind: followers})


def fold_money_with(patch: pytest.MonkeyPatch, kind: type, fold: Callable[..., Any]) -> None:
    """Replace how one kind of event of money is folded, in its steps and in the machine."""
    patch.setattr(money_events, "EVOLVERS", {**money_events.EVOLVERS, kind: fold})
    fold_with(patch, kind, fold)


@bug
def _leg_dropped(patch: pytest.MonkeyPatch) -> None:
    """The last leg of every payment is lost."""
    wrap(patch, performed, "payment_postings", lambda original, *args: original(*args)[:-1])


@bug
def _pair_of_legs_dropped(patch: pytest.MonkeyPatch) -> None:
    """A payment does not reduce what is payable: balanced, and wrong."""
    wrap(patch, performed, "payment_postings", lambda original, *args: original(*args)[:2])


@bug
def _fee_twice(patch: pytest.MonkeyPatch) -> None:
    """The fee is taken twice."""

    def around(original: Any, steps: Any, *args: Any) -> None:
        original(steps, *args)
        steps.post("again", ledger.moved(accounts.cash(args[0]), accounts.FEES, args[1]))

    wrap(patch, obligations, "charge", around)


@bug
def _fee_of_each_deal(patch: pytest.MonkeyPatch) -> None:
    """Each deal pays the minimum, as if it were the order's only one."""
    wrap(
        patch,
        formulas,
        "fee_of",
        lambda original, hold, *args: original(replaced(hold, value_tiyn=0, charged_tiyn=0, traded_lots=0), *args),
    )
    patch.setattr(guarantees, "fee_of", formulas.fee_of)


@bug
def _released_twice(patch: pytest.MonkeyPatch) -> None:
    """What was held for an order is freed twice."""
    wrap(patch, guarantees, "free", lambda original, steps, who, amount, why: original(steps, who, 2 * amount, why))


@bug
def _never_released(patch: pytest.MonkeyPatch) -> None:
    """A cancelled order stays held for."""
    follow_with(patch, OrderCancelled, lambda *_: ())


@bug
def _expired_held(patch: pytest.MonkeyPatch) -> None:
    """An expired order stays held for."""
    follow_with(patch, OrderExpired, lambda *_: ())


@bug
def _guarantee_unchecked(patch: pytest.MonkeyPatch) -> None:
    """Nobody asks whether there is money for an order."""
    checks = tuple(check for check in orders._CHECKS if check is not guarantees.check_guarantee)
    patch.setattr(orders, "_CHECKS", checks)


@bug
def _guarantee_of_one_lot(patch: pytest.MonkeyPatch) -> None:
    """The guarantee is that of one lot, whatever the order."""
    wrap(patch, guarantees, "guarantee_tiyn", lambda original, price, lots, *rest: original(price, min(lots, 1), *rest))


@bug
def _guarantee_rounded_down(patch: pytest.MonkeyPatch) -> None:
    """The guarantee is rounded down, by a tiyn at most."""

    def rounded(price: int, lots: int, lot_kg: int, basis_points: int) -> int:
        return divide(amount_tiyn(price, lots * lot_kg) * basis_points, 10_000, Rounding.DOWN)

    patch.setattr(guarantees, "guarantee_tiyn", rounded)


@bug
def _rounding_lost(patch: pytest.MonkeyPatch) -> None:
    """Each part is worth its own rounding, so that the parts do not sum to the whole."""

    def parts(opened: Any, before: int, after: int) -> Settled:
        seller = performed.seller_value(opened, after - before)
        carrier = amount_tiyn(opened.carriage_tenge_per_tonne, after - before)
        return Settled(seller, carrier, performed.buyer_value(opened, after - before) - seller - carrier)

    patch.setattr(performed, "settled", parts)


@bug
def _carrier_unpaid(patch: pytest.MonkeyPatch) -> None:
    """The carrier's tariff goes to the seller."""
    wrap(
        patch,
        performed,
        "settled",
        lambda original, *args: Settled(sum(original(*args)[:2]), 0, original(*args).congestion_tiyn),
    )


@bug
def _seller_at_buyers_price(patch: pytest.MonkeyPatch) -> None:
    """The seller receives the price of the buyer's place."""
    patch.setattr(performed, "seller_value", performed.buyer_value)


@bug
def _waterfall_turned(patch: pytest.MonkeyPatch) -> None:
    """The funds bear a default before the defaulter does."""
    wrap(patch, defaults, "_sources", lambda original, *args: original(*args)[::-1])


@bug
def _insurance_first(patch: pytest.MonkeyPatch) -> None:
    """The insurance fund stands before the guarantee fund."""
    wrap(
        patch,
        defaults,
        "_sources",
        lambda original, *args: [*original(*args)[:2], original(*args)[3], original(*args)[2]],
    )


@bug
def _guarantee_spared(patch: pytest.MonkeyPatch) -> None:
    """The guarantee is not drawn on."""
    wrap(patch, defaults, "_sources", lambda original, *args: original(*args)[1:])


@bug
def _penalty_to_defaulter(patch: pytest.MonkeyPatch) -> None:
    """The penalty goes to the party that has failed."""

    def around(original: Any, needs: Any, sources: Any) -> Any:
        own = next((source.account for source in sources if source.account.startswith("cash:")), "fees")
        turned = [n._replace(target=own) if n.target.startswith("cash:") else n for n in needs]
        return original(turned, sources)

    wrap(patch, defaults, "draws", around)


@bug
def _penalty_on_the_whole(patch: pytest.MonkeyPatch) -> None:
    """The penalty is on the whole value, what was performed included."""
    patch.setattr(
        defaults,
        "_unperformed_tiyn",
        lambda deal, party: (performed.buyer_value if party == "buyer" else performed.seller_value)(
            deal.opened, deal.opened.mass_kg
        ),
    )


@bug
def _penalty_from_funds(patch: pytest.MonkeyPatch) -> None:
    """The funds pay a penalty that goes to the venue."""
    wrap(
        patch,
        defaults,
        "draws",
        lambda original, needs, sources: original([need._replace(from_funds=True) for need in needs], sources),
    )
    wrap(
        patch,
        defaults,
        "_sources",
        lambda original, *args: [source._replace(amount_tiyn=source.amount_tiyn + 1) for source in original(*args)],
    )


@bug
def _deadline_off_by_one(patch: pytest.MonkeyPatch) -> None:
    """A party may be declared in default on its last day."""
    wrap(
        patch,
        defaults,
        "_check_due",
        lambda original, deal, terms, party, _: original(deal, terms, party, "9999-12-31"),
    )


@bug
def _document_twice(patch: pytest.MonkeyPatch) -> None:
    """A loading document counts as often as it is reported."""
    empty = exchange.initial_state().money.shipments

    def around(original: Any, state: Any, command: Any) -> Any:
        blind = replaced(state, money=replaced(state.money, shipments=empty))
        return original(blind, command)

    judge_with(patch, ReportShipment, around)


@bug
def _received_twice(patch: pytest.MonkeyPatch) -> None:
    """A receipt is confirmed as often as one likes."""
    original = money_events.EVOLVERS[ReceiptConfirmed]

    def forget(state: Any, event: Any) -> Any:
        after = original(state, event)
        shipment = replaced(after.money.shipments[event.document], is_received=False)
        return replaced(
            after, money=replaced(after.money, shipments=after.money.shipments.insert(event.document, shipment))
        )

    fold_money_with(patch, ReceiptConfirmed, forget)


@bug
def _counted_as_loaded(patch: pytest.MonkeyPatch) -> None:
    """What a loading document says counts, however little came."""
    judge_with(
        patch, ConfirmReceipt, lambda original, state, command: original(state, replaced(command, received_kg=None))
    )


@bug
def _missing_is_pending(patch: pytest.MonkeyPatch) -> None:
    """What did not come stays on its way for ever, so that no default is ever due."""
    original = money_events.EVOLVERS[ReceiptConfirmed]

    def pending(state: Any, event: Any) -> Any:
        missing = state.money.shipments[event.document].reported.counted_kg - event.counted_kg
        after = original(state, event)
        deal = after.money.obligations[event.obligation_id]
        deals = after.money.obligations.insert(
            event.obligation_id, replaced(deal, pending_kg=deal.pending_kg + missing)
        )
        return replaced(after, money=replaced(after.money, obligations=deals))

    fold_money_with(patch, ReceiptConfirmed, pending)


@bug
def _short_by_anybodys_word(patch: pytest.MonkeyPatch) -> None:
    """A buyer may say itself that less came."""
    wrap(
        patch,
        obligations,
        "_short_kg",
        lambda original, state, command, *rest: original(state, replaced(command, actor="operator"), *rest),
    )


@bug
def _reference_twice(patch: pytest.MonkeyPatch) -> None:
    """A bank reference counts as often as it is sent."""
    patch.setattr(money_topic, "_check_reference", lambda *_: None)


@bug
def _held_is_free(patch: pytest.MonkeyPatch) -> None:
    """What is held may be withdrawn."""
    wrap(
        patch,
        money_topic,
        "free_tiyn",
        lambda original, balances, who: original(balances, who) + balances.get((accounts.held(who), "tiyn"), 0) + 100,
    )


@bug
def _shipped_unpaid(patch: pytest.MonkeyPatch) -> None:
    """Nobody asks whether a loading is prepaid."""
    patch.setattr(obligations, "_check_prepaid", lambda *_: None)


@bug
def _loaded_before_the_deal(patch: pytest.MonkeyPatch) -> None:
    """Gas that was loaded before there was a deal counts for it."""
    wrap(patch, obligations, "_check_loading_day", lambda original, day, _, latest: original(day, "0001-01-01", latest))


@bug
def _put_off_for_ever(patch: pytest.MonkeyPatch) -> None:
    """A seller may report loadings after its last day, and put off its default by each."""
    patch.setattr(obligations, "_check_last_day", lambda *_: None)


@bug
def _tolerance_forgotten(patch: pytest.MonkeyPatch) -> None:
    """A rest within the tolerance does not lapse."""
    patch.setattr(obligations, "_lapse_small_rest", lambda *_: None)


@bug
def _paid_before_received(patch: pytest.MonkeyPatch) -> None:
    """The seller is paid when it has loaded, whether or not the gas has come."""
    wrap(
        patch,
        obligations,
        "pay_out",
        lambda original, steps, name, payout: original(
            steps, name, payout._replace(seller_tiyn=payout.seller_tiyn + 1, congestion_tiyn=payout.congestion_tiyn - 1)
        ),
    )


@bug
def _fee_kept_after_refund(patch: pytest.MonkeyPatch) -> None:
    """A void deal costs its fee all the same."""
    patch.setattr(obligations, "waive", lambda steps, name, _: _fee(steps, name))


def _fee(steps: Any, name: str) -> int:
    obligation_id, party, _ = name.rsplit("/", 2)
    opened = steps.state.money.obligations[obligation_id].opened
    fee: int = getattr(opened, f"{party}_fee_tiyn")
    return fee


@bug
def _debt_forgotten(patch: pytest.MonkeyPatch) -> None:
    """What the funds have borne is not owed to them."""
    patch.setattr(defaults, "owe", lambda *_: None)


@bug
def _newest_debt_first(patch: pytest.MonkeyPatch) -> None:
    """New money pays the newest debt first."""
    original = debts.pay_debts

    def turned(steps: Any, *people: str) -> None:
        for who in people:
            known = steps.state.money.debts.get(who)
            if known:
                table = steps.state.money.debts.insert(who, known[::-1])
                steps.state = replaced(steps.state, money=replaced(steps.state.money, debts=table))
        original(steps, *people)

    for home in (money_topic, obligations, defaults, guarantees):
        patch.setattr(home, "pay_debts", turned)


@bug
def _set_off_twice(patch: pytest.MonkeyPatch) -> None:
    """A circle of debts is set off in the accounts of its payer alone."""
    wrap(patch, debts, "_circle", lambda original, *args: dict([*original(*args).items()][:1]))


@bug
def _largest_set_off(patch: pytest.MonkeyPatch) -> None:
    """The largest debt of a circle is taken from each."""
    patch.setattr(debts, "min", max, raising=False)


@bug
def _funds_pay_groups(patch: pytest.MonkeyPatch) -> None:
    """The funds bear what one of a group owes another of it."""
    patch.setattr(defaults, "group_of", lambda _, participant_id: participant_id)


@bug
def _void_deals_share(patch: pytest.MonkeyPatch) -> None:
    """Whoever dealt only in a deal that is void shares the losses of its session."""

    def around(original: Any, steps: Any, *args: Any) -> Any:
        deals = steps.state.money.obligations
        for name, deal in deals.items():
            deals = deals.insert(name, replaced(deal, closing=""))
        state = replaced(steps.state, money=replaced(steps.state.money, obligations=deals))
        return original(money_events.Steps(state), *args)

    wrap(patch, defaults, "_sharers", around)


@bug
def _loss_on_one(patch: pytest.MonkeyPatch) -> None:
    """One of the others bears the whole loss."""
    patch.setattr(defaults, "apportion", lambda loss, weights: (loss, *[0] * (len(weights) - 1)))


@bug
def _pairs_crossed(patch: pytest.MonkeyPatch) -> None:
    """A pair carries one lot less than was traded."""
    wrap(
        patch,
        pairing,
        "pairs",
        lambda original, *args: (original(*args)[0]._replace(lots=original(*args)[0].lots - 1), *original(*args)[1:]),
    )


@bug
def _trade_unsettled(patch: pytest.MonkeyPatch) -> None:
    """Nothing follows from a trade over an instrument."""
    follow_with(patch, Traded, lambda *_: ())


@bug
def _amended_unheld(patch: pytest.MonkeyPatch) -> None:
    """An order that is amended keeps what was held for it as it was."""
    follow_with(patch, OrderAmended, lambda *_: ())


def test_sound_money_passes_the_tour() -> None:
    """Without a planted bug nobody finds anything, and the tour meets the kinds of step that the bugs are in."""
    assert tour() == []
    assert agreed().desk.findings == []


@pytest.mark.parametrize("name", BUGS)
def test_the_planted_bug_is_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tour with this bug planted ends with a finding, or with an assertion of the venue itself."""
    BUGS[name](monkeypatch)
    try:
        findings = tour()
    except AssertionError as failure:
        findings = [f"an assertion of the venue: {failure}"]
    assert findings, f"nobody noticed: {name}"
