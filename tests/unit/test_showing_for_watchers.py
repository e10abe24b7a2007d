"""What those who operate and watch are shown, and nobody else: distances, flags, proposals, people, defaults."""

import pytest
from tests.limit_script import LimitScript
from tests.money_samples import agreed
from tests.rule_change_samples import change, propose
from tests.trading_samples import closed, trading
from tests.venue_samples import Desk, instant, rulebook

from naryq.messages import CloseFlag, SubmitOrder, SuspendParticipant
from naryq.showing import Viewer, changes, distances, members, moneys, watching
from naryq.showing.distances import Distance, closeness

OPERATOR, REGULATOR = Viewer("operator", "operator"), Viewer("regulator", "regulator")
OTHERS = (Viewer("zhanaozen", "seller"), Viewer("aktau", "buyer"), Viewer("press", "observer"))


def at_hold() -> Desk:
    """Return a session with a hold and a halt in which something has traded below both."""
    script = LimitScript(
        """
        rules hold_rise 700
        rules session_price_limit 500
        rules batch_highest 100
        reference 100000
        11:00 zhanaozen sell 104000 5 as a
        11:01 aktau buy 104000 5 as b
        """
    )
    return script.at_work


def test_the_bounds_of_a_session_are_measured_from_its_reference() -> None:
    """A last price of 104,000 has gone four of seven parts to the hold and four of five to the halt."""
    desk = at_hold()
    found = {(each.limit, each.lowest): each for each in distances.distances(desk.state, REGULATOR, desk.at_ns)}
    hold, halt = found["hold_rise", False], found["session_price_limit", False]
    assert (hold.value, hold.threshold, hold.origin, closeness(hold)) == (104_000, 107_000, 100_000, 571)
    assert (halt.threshold, closeness(halt)) == (105_000, 800)
    assert closeness(found["session_price_limit", True]) == 0
    batch = found["batch_highest", False]
    assert (batch.subject.partition(",")[0], batch.value, batch.threshold, closeness(batch)) == ("aktau", 6, 100, 60)


@pytest.mark.parametrize(
    ("value", "threshold", "lowest", "expected"),
    [(None, 10, False, 0), (12, 10, False, 1_000), (-3, 10, False, 0), (-50, -100, True, 500), (5, -100, True, 0),
     (150, 100, True, 667), (100, 100, True, 1_000), (0, 0, True, 1_000)],
)  # fmt: skip
def test_closeness_stays_between_nothing_and_the_whole(
    value: int | None, threshold: int, expected: int, *, lowest: bool
) -> None:
    """Whatever is measured, from above or below, a bar has between nothing and its whole length."""
    distance = Distance(
        limit="x", subject="y", value=value, threshold=threshold, unit="lots", acts=False, lowest=lowest
    )
    assert closeness(distance) == expected


def test_nobody_else_is_shown_what_those_who_watch_see() -> None:
    """A seller, a buyer and an observer see no distances, flags, proposals, defaults or others' obligations."""
    desk, money = at_hold(), agreed()
    for viewer in OTHERS:
        assert distances.distances(desk.state, viewer, desk.at_ns) == ()
        assert distances.claims(desk.state, viewer) == ()
        assert watching.flags(desk.state, viewer) == ()
        assert changes.proposals(desk.state, viewer, desk.at_ns) == ()
        assert changes.emergencies(desk.state, viewer) == ()
        assert moneys.defaults_due(money.desk.state, viewer, instant("10:00", "2022-06-01")) == ()
        assert {each.participant_id for each in moneys.all_obligations(money.desk.state, viewer)} <= {
            viewer.participant_id
        }
    assert watching.flags(desk.state, OPERATOR) == (), "flags are the regulator's alone"


def test_flags_stand_open_first_and_close_with_a_finding() -> None:
    """A flag is shown to the regulator with its day, and behind the open ones once it is closed."""
    desk = trading(text=rulebook(watch_concentration=1_000))
    for number, (who, side, price) in enumerate((("zhanaozen", "sell", 90_000), ("aktau", "buy", 90_000))):
        delivery = {"delivery": "KZ-47"} if side == "buy" else {}
        desk.must(
            SubmitOrder,
            who,
            session_id="day",
            order_id=f"o{number}",
            place="ZH-47",
            side=side,
            price_tenge_per_tonne=price,
            quantity_lots=5,
            **delivery,
        )
    assert closed(desk).code is None
    first, second = watching.flags(desk.state, REGULATOR)
    assert (first.raised.screen, first.day, first.closed) == ("concentration", "2021-12-31", None)
    desk.must(CloseFlag, "regulator", flag_id=first.raised.flag_id, finding="explained", reason="two plants only")
    shown = watching.flags(desk.state, REGULATOR)
    assert [each.raised.flag_id for each in shown] == [second.raised.flag_id, first.raised.flag_id]


def test_standing_and_groups_are_for_those_who_watch_and_oneself() -> None:
    """A suspension is seen by the operator and by who is suspended, and by nobody else."""
    desk = at_hold()
    desk.must(SuspendParticipant, "operator", participant_id="aktau", reason="a debt", until="2022-01-10")
    seen = {}
    for viewer in (OPERATOR, OTHERS[1], OTHERS[0]):
        found = {each.participant_id: each for each in members.members(desk.state, viewer, desk.at_ns)}
        seen[viewer.participant_id] = (found["aktau"].standing, found["aktau"].until, found["aktau"].reason)
    own = ("suspended", "2022-01-10", "a debt")
    assert seen == {"operator": own, "aktau": own, "zhanaozen": (None, None, None)}


def test_the_queue_of_defaults_is_what_the_venue_would_take() -> None:
    """Nobody is in the queue on the last day to pay, the buyer is on the next, and the seller is not for it."""
    money = agreed()
    ((name, _),) = money.desk.state.money.obligations.items()
    (buyer,) = (each for each in moneys.all_obligations(money.desk.state, OPERATOR) if each.party == "buyer")
    assert buyer.pay_by is not None
    assert moneys.defaults_due(money.desk.state, OPERATOR, instant("10:00", buyer.pay_by)) == ()
    (due,) = moneys.defaults_due(money.desk.state, OPERATOR, instant("10:00", "2022-01-20"))
    assert (due.obligation_id, due.party, due.participant_id) == (name, "buyer", "aktau")
    assert moneys.account(money.desk.state, "aktau").payable_tiyn == due.unpaid_tiyn


def test_a_proposal_says_what_it_changes_and_who_may_decide() -> None:
    """The value of today stands beside the one proposed; the proposer may not decide, another role may."""
    desk = trading(text=rulebook(collar_rise=2_000))
    assert propose(desk, change("collar_rise", 2_500)).code is None
    (own,) = changes.proposals(desk.state, OPERATOR, desk.at_ns)
    (other,) = changes.proposals(desk.state, REGULATOR, desk.at_ns)
    assert [(each.rule, each.before, each.after, each.unit) for each in own.changes] == [
        ("collar_rise", 2_000, 2_500, "basis_points")
    ]
    assert (own.is_own, own.may_decide, other.is_own, other.may_decide) == (True, False, False, True)
    assert (own.is_assessed, own.assessed_sequence) == (False, None)
