"""People: what each class must show, who may act on which day, who belongs together, and what the orders do."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.venue_samples import DAY, Desk, founded, instant, opened, order, rulebook

from naryq import exchange
from naryq.cli.files import read_rulebook
from naryq.exchange.people import TOPIC, group_of, groups, standing
from naryq.messages import (
    AdmitParticipant,
    AdoptRulebook,
    CancelOrder,
    ClassifyParticipant,
    Code,
    DeclareAffiliation,
    EndAffiliation,
    ExcludeParticipant,
    ParticipantSuspended,
    Refused,
    ReinstateParticipant,
    Shown,
    SubmitOrder,
    SuspendParticipant,
)
from naryq.rulebook import Rulebook

ADMISSION = {"station_owner.station": 0, "station_owner.experience": 2, "producer.plant": 0}
STATION = Shown("station", "deed-7", "2021-05-01")
YEARS = Shown("experience", "books", "2019-12-31")


def guest(**changes: Any) -> dict[str, Any]:
    """Return the fields of the admission of a station owner."""
    fields = {
        "participant_id": "guest",
        "name": "Guest",
        "role": "buyer",
        "participant_class": "station_owner",
        "provinces": ("KZ-47",),
        "shown": (STATION, YEARS),
    }
    return {**fields, **changes}


def remedied(desk: Desk, kind: Any, actor: str, **fields: Any) -> Refused:
    """Send what is refused, and return the refusal."""
    answer = desk.give(kind, actor, **fields)
    assert answer.findings == []
    (refused,) = answer.events
    assert isinstance(refused, Refused)
    return refused


def life_of_people() -> Desk:
    """Take people through all that can happen to them."""
    desk = founded(rulebook(admission=ADMISSION, exclusion=2))
    desk.must(AdmitParticipant, "operator", **guest())
    desk.must(ClassifyParticipant, "operator", participant_id="aktau", **_class(YEARS, STATION))
    desk.must(SuspendParticipant, "regulator", participant_id="aktau", reason="late", until="2022-01-05")
    desk.must(ReinstateParticipant, "regulator", participant_id="aktau", reason="paid")
    desk.must(ExcludeParticipant, "operator", participant_id="dossor", reason="false documents")
    pair = {"participant_id": "zhanaozen", "affiliate_id": "atyrau", "evidence": "one owner"}
    desk.must(DeclareAffiliation, "zhanaozen", **pair)
    desk.must(EndAffiliation, "regulator", **{**pair, "evidence": "sold"})
    assert desk.findings == []
    return desk


def kinds_that_show(desk: Desk) -> set[type]:
    """Return the kinds of a desk's events, each of which must change the hash of the state."""
    kinds, state = set(), exchange.initial_state()
    for row in desk.rows:
        after = state
        for event in row.events:
            before, after = after, exchange.evolve(after, event)
            kinds.add(type(event))
            assert exchange.state_hash(after) != exchange.state_hash(before)
        state = exchange.apply(state, row)
    return kinds


def test_each_event_of_people_shows_in_the_hash() -> None:
    """Every event about people changes the state, as far as its hash can tell."""
    assert set(TOPIC.evolvers) <= kinds_that_show(life_of_people())


def _class(*shown: Shown) -> dict[str, Any]:
    return {"participant_class": "station_owner", "provinces": ("KZ-23",), "shown": shown}


# --- Admission --------------------------------------------------------------------------------------------------


def test_the_founding_needs_no_class_and_no_rules() -> None:
    """A participant without a class is admitted as ever, with nothing shown and before any rulebook."""
    desk = Desk()
    desk.must(AdmitParticipant, "operator", participant_id="operator", name="", role="operator")
    admitted = desk.must(AdmitParticipant, "operator", participant_id="a", name="", role="seller")
    assert (admitted.participant_class, admitted.shown, admitted.rulebook_version) == (None, (), "")
    assert remedied(desk, AdmitParticipant, "operator", **guest()).code == Code.NO_RULEBOOK


def test_the_operator_makes_no_second_regulator() -> None:
    """Once a regulator stands only a regulator admits another, and nobody else: no operator is its own checker."""
    desk = founded()
    regulator = guest(participant_id="friend", role="regulator", participant_class=None, provinces=(), shown=())
    refused = remedied(desk, AdmitParticipant, "operator", **regulator)
    assert (refused.code, refused.where) == (Code.NOT_PERMITTED, "role")
    refused = remedied(desk, AdmitParticipant, "regulator", **{**regulator, "role": "buyer"})
    assert (refused.code, refused.where) == (Code.NOT_PERMITTED, "role")
    assert desk.must(AdmitParticipant, "regulator", **regulator).role == "regulator"
    assert desk.findings == []


@pytest.mark.parametrize(
    ("changes", "code", "says"),
    [
        ({"shown": ()}, Code.CREDENTIAL_MISSING, "experience held for 2 years; station"),
        ({"shown": (STATION,)}, Code.CREDENTIAL_MISSING, "lacks experience held for 2 years"),
        ({"shown": (YEARS,)}, Code.CREDENTIAL_MISSING, "lacks station"),
        ({"shown": (STATION, Shown("experience", "books", "2020-01-01"))}, Code.CREDENTIAL_MISSING, "2 years"),
        ({"shown": (Shown("station", "plan", "2022-01-01"), YEARS)}, Code.CREDENTIAL_MISSING, "lacks station"),
        ({"shown": (STATION, Shown("experience", "books", "2019-02-30"))}, Code.OUT_OF_RANGE, "no day"),
        ({"role": "seller"}, Code.OUT_OF_RANGE, "does not take part as seller"),
        ({"provinces": ("KZ-47", "KZ-99")}, Code.UNKNOWN_PLACE, "'KZ-99'"),
        ({"participant_id": "aktau"}, Code.ALREADY_EXISTS, "'aktau'"),
    ],
)
def test_who_does_not_show_enough_stays_out(changes: dict[str, Any], code: Code, says: str) -> None:
    """The refusal of an admission names all that is missing, to the day, and admits nobody."""
    desk = founded(rulebook(admission=ADMISSION))
    refused = remedied(desk, AdmitParticipant, "operator", **guest(**changes))
    assert (refused.code, says in refused.what) == (code, True)
    assert "guest" not in desk.state.participants


def test_the_last_day_of_the_years_counts() -> None:
    """Two years held since 31 December 2019 are full on 31 December 2021, and not on the day before."""
    early = founded(rulebook(admission=ADMISSION), "2021-12-30")
    assert remedied(early, AdmitParticipant, "operator", **guest()).code == Code.CREDENTIAL_MISSING
    admitted = founded(rulebook(admission=ADMISSION), "2021-12-31").must(AdmitParticipant, "operator", **guest())
    assert (admitted.participant_class, admitted.provinces) == ("station_owner", ("KZ-47",))


def test_a_class_that_the_rules_leave_out_does_not_trade() -> None:
    """Where the rules list the classes that buy, others are refused, those without a class as well."""
    listing = rulebook(admission=ADMISSION, platform_buyers=("station_owner",), platform_sellers=("unclassed",))
    desk = opened(listing)
    desk.must(AdmitParticipant, "operator", **guest())
    desk.must(SubmitOrder, "guest", **order("a", "KZ-47", "buy", price=90_000, lots=1))
    desk.must(SubmitOrder, "atyrau", **order("b", "AT", "sell", price=90_000, lots=1))
    refused = remedied(desk, SubmitOrder, "aktau", **order("c", "KZ-47", "buy", price=90_000, lots=1))
    assert (refused.code, refused.where) == (Code.NOT_PERMITTED, "side")
    assert "station_owner" in refused.remedy


def test_closed_lists_leave_nobody_without_credentials() -> None:
    """By the two lists of the page on participants, under the credentials of `guarded`, no class is no trade."""
    asked = Rulebook(read_rulebook("guarded")).in_force(DAY, DAY).numbers("admission")
    buyers = ("gas_network_organisation", "industrial_consumer", "depot_owner", "station_owner")
    lists: dict[str, Any] = {"platform_sellers": ("producer", "tolling_owner", "importer"), "platform_buyers": buyers}
    of_classes = {credential.partition(".")[0] for credential in asked}
    assert all(each in of_classes for words in lists.values() for each in words), "each class has something to show"
    desk = opened(rulebook(admission=dict(asked), **lists))
    for who, fields in (("aktau", order("a", "KZ-47", "buy", price=90_000, lots=1)),
                        ("atyrau", order("b", "AT", "sell", price=90_000, lots=1))):  # fmt: skip
        assert remedied(desk, SubmitOrder, who, **fields).code == Code.NOT_PERMITTED
    register = (Shown("register", "entry 9", "2021-01-01"), Shown("vat_registration", "no 4", "2019-01-01"))
    desk.must(AdmitParticipant, "operator", **guest(shown=(STATION, YEARS, *register)))
    desk.must(SubmitOrder, "guest", **order("c", "KZ-47", "buy", price=90_000, lots=1))
    assert desk.findings == []


def test_a_buyer_bids_where_it_takes_delivery() -> None:
    """A buyer of one province is refused in another, and may fetch gas at a plant; whoever names none bids anywhere."""
    desk = opened()
    desk.must(AdmitParticipant, "operator", **guest())
    desk.must(SubmitOrder, "guest", **order("a", "KZ-47", "buy", price=90_000, lots=1))
    desk.must(SubmitOrder, "guest", **order("b", "ZH", "buy", price=90_000, lots=1))
    desk.must(SubmitOrder, "aktau", **order("c", "KZ-23", "buy", price=90_000, lots=1))
    refused = remedied(desk, SubmitOrder, "guest", **order("d", "KZ-23", "buy", price=90_000, lots=1))
    assert (refused.code, refused.where) == (Code.OUTSIDE_REGION, "place")


# --- Standing ---------------------------------------------------------------------------------------------------


def test_a_suspension_ends_by_itself_after_its_last_day() -> None:
    """A suspension through 1 January keeps an order out in the last instant of that day, by the venue's clock."""
    desk = founded()
    fields = {"participant_id": "aktau", "reason": "late", "until": "2022-01-01"}
    suspended = desk.must(SuspendParticipant, "operator", **fields)
    assert suspended.ends_at_ns == instant("00:00", "2022-01-02")
    for at_ns, found in ((suspended.ends_at_ns - 1, "suspended"), (suspended.ends_at_ns, "active")):
        assert standing(desk.state, "aktau", at_ns) == found


def test_who_is_suspended_winds_down() -> None:
    """The orders of whoever is suspended leave at once; he may cancel and is heard, but not trade, until reinstated."""
    desk = opened()
    for name, person in (("one", "aktau"), ("two", "dossor"), ("three", "aktau")):
        desk.must(SubmitOrder, person, **order(name, "KZ-47", "buy", price=90_000, lots=1))
    answer = desk.give(SuspendParticipant, "regulator", participant_id="aktau", reason="collusion")
    assert [getattr(event, "order_id", "") for event in answer.events] == ["", "one", "three"]
    assert [each.order_id for each in exchange.ordered(desk.state.sessions["call"].orders)] == ["two"]
    again = order("four", "KZ-47", "buy", price=90_000, lots=1)
    refused = remedied(desk, SubmitOrder, "aktau", **again)
    assert (refused.code, "collusion" in refused.what) == (Code.SUSPENDED, True)
    assert remedied(desk, CancelOrder, "aktau", session_id="call", order_id="one").code == Code.UNKNOWN_ORDER
    desk.must(ReinstateParticipant, "regulator", participant_id="aktau", reason="cleared")
    desk.must(SubmitOrder, "aktau", **again)
    assert desk.findings == []


def test_whom_a_regulator_has_suspended_only_a_regulator_takes_back() -> None:
    """The operator neither reinstates him nor puts a suspension that ends sooner in the place of the regulator's."""
    desk = founded()
    desk.must(SuspendParticipant, "regulator", participant_id="aktau", reason="collusion", until="2022-01-31")
    mildly = {"participant_id": "aktau", "reason": "late", "until": "2021-12-31"}
    refused = [
        remedied(desk, ReinstateParticipant, "operator", participant_id="aktau", reason="cleared"),
        remedied(desk, SuspendParticipant, "operator", **mildly),
        remedied(desk, ExcludeParticipant, "operator", participant_id="aktau", reason="late"),
    ]
    assert {(each.code, each.where) for each in refused} == {(Code.NOT_PERMITTED, "participant_id")}
    assert "the regulator 'regulator' has suspended 'aktau': collusion" in refused[0].what
    after = desk.branch()
    after.at_ns = instant("00:00", "2022-02-01")
    after.must(SuspendParticipant, "operator", **{**mildly, "until": None})
    after.must(ReinstateParticipant, "operator", participant_id="aktau", reason="paid")
    desk.must(SuspendParticipant, "regulator", **mildly)
    assert desk.findings == after.findings == []


def test_an_exclusion_lasts_for_the_years_of_the_rule() -> None:
    """Two years from 31 December 2021 end after 31 December 2023, and then somebody must still say so."""
    desk = founded(rulebook(exclusion=2))
    excluded = desk.must(ExcludeParticipant, "operator", participant_id="aktau", reason="false documents")
    assert excluded.until == "2023-12-31"
    back = {"participant_id": "aktau", "reason": "time served"}
    desk.at_ns = excluded.ends_at_ns - 1
    assert remedied(desk, ReinstateParticipant, "regulator", **back).code == Code.EXCLUDED
    desk.at_ns += 1
    assert standing(desk.state, "aktau", desk.at_ns) == "excluded"
    desk.must(ReinstateParticipant, "regulator", **back)
    assert standing(desk.state, "aktau", desk.at_ns) == "active"


def test_an_exclusion_without_a_rule_has_no_end() -> None:
    """Where no rule sets years, nobody comes back."""
    desk = founded()
    assert desk.must(ExcludeParticipant, "operator", participant_id="aktau", reason="fraud").until is None
    desk.at_ns = instant("09:00", "2100-01-01")
    back = {"participant_id": "aktau", "reason": "old"}
    assert remedied(desk, ReinstateParticipant, "operator", **back).code == Code.EXCLUDED


@pytest.mark.parametrize(
    ("kind", "fields", "code"),
    [
        (SuspendParticipant, {"participant_id": "regulator"}, Code.NOT_PERMITTED),
        (ExcludeParticipant, {"participant_id": "operator"}, Code.NOT_PERMITTED),
        (SuspendParticipant, {"participant_id": "ghost"}, Code.UNKNOWN_PARTICIPANT),
        (SuspendParticipant, {"participant_id": "aktau", "until": "2021-12-30"}, Code.OUT_OF_RANGE),
        (SuspendParticipant, {"participant_id": "aktau", "until": "2022-02-30"}, Code.OUT_OF_RANGE),
        (SuspendParticipant, {"participant_id": "aktau", "until": "9999-12-31"}, Code.OUT_OF_RANGE),
        (SuspendParticipant, {"participant_id": "aktau", "until": "2500-01-01"}, Code.OUT_OF_RANGE),
        (ReinstateParticipant, {"participant_id": "aktau"}, Code.NOT_FOUND),
        (ReinstateParticipant, {"participant_id": "ghost"}, Code.UNKNOWN_PARTICIPANT),
    ],
)
def test_what_cannot_be_done_to_somebody_is_refused(kind: Any, fields: dict[str, Any], code: Code) -> None:
    """Nobody suspends the venue's own hands, a stranger, into the past, or to a day that there is not."""
    assert remedied(founded(), kind, "operator", reason="a test", **fields).code == code


def test_the_excluded_are_not_suspended_on_top() -> None:
    """A suspension would shorten an exclusion: it is refused."""
    desk = founded(rulebook(exclusion=2))
    desk.must(ExcludeParticipant, "operator", participant_id="aktau", reason="fraud")
    fields = {"participant_id": "aktau", "reason": "fraud", "until": "2022-01-01"}
    assert remedied(desk, SuspendParticipant, "operator", **fields).code == Code.EXCLUDED


# --- Affiliates -------------------------------------------------------------------------------------------------


def declared(desk: Desk, first: str, second: str, actor: str = "operator") -> Any:
    """Declare two as affiliated."""
    return desk.must(DeclareAffiliation, actor, participant_id=first, affiliate_id=second, evidence="one owner")


def test_affiliates_of_affiliates_are_one() -> None:
    """Two pairs with a common member make one group under its smallest name, and fall apart with the middle."""
    desk = founded()
    event = declared(desk, "zhanaozen", "aktau", "zhanaozen")
    assert (event.participant_id, event.affiliate_id) == ("aktau", "zhanaozen")
    declared(desk, "zhanaozen", "dossor")
    assert {group_of(desk.state, who) for who in ("aktau", "dossor", "zhanaozen")} == {"aktau"}
    assert group_of(desk.state, "atyrau") == "atyrau"
    ended = {"participant_id": "zhanaozen", "affiliate_id": "aktau", "evidence": "sold"}
    desk.must(EndAffiliation, "regulator", **ended)
    assert [group_of(desk.state, who) for who in ("aktau", "dossor", "zhanaozen")] == ["aktau", "dossor", "dossor"]
    assert desk.findings == []


@pytest.mark.parametrize(
    ("kind", "actor", "first", "second", "code"),
    [
        (DeclareAffiliation, "aktau", "zhanaozen", "atyrau", Code.NOT_PERMITTED),
        (DeclareAffiliation, "operator", "aktau", "aktau", Code.SELF_LOOP),
        (DeclareAffiliation, "operator", "aktau", "ghost", Code.UNKNOWN_PARTICIPANT),
        (DeclareAffiliation, "operator", "dossor", "aktau", Code.ALREADY_EXISTS),
        (EndAffiliation, "operator", "aktau", "atyrau", Code.NOT_FOUND),
        (EndAffiliation, "aktau", "aktau", "dossor", Code.NOT_PERMITTED),
    ],
)
def test_a_wrong_affiliation_is_refused(kind: Any, actor: str, first: str, second: str, code: Code) -> None:
    """Others' affiliates, oneself, strangers, a second time, and an end that suits the two are refused."""
    desk = founded()
    declared(desk, "aktau", "dossor")
    fields = {"participant_id": first, "affiliate_id": second, "evidence": "a letter"}
    assert remedied(desk, kind, actor, **fields).code == code


def test_an_affiliate_of_the_exchange_is_suspended() -> None:
    """Where the law forbids it, members joined with the operator by one declaration stop until it ends."""
    desk = opened(rulebook(exchange_affiliates="forbidden"))
    desk.must(SubmitOrder, "dossor", **order("one", "KZ-47", "buy", price=90_000, lots=1))
    declared(desk, "aktau", "dossor")
    declared(desk, "press", "operator")
    pair = {"participant_id": "dossor", "affiliate_id": "operator", "evidence": "shares"}
    answer = desk.give(DeclareAffiliation, "regulator", **pair)
    gone = [event.participant_id for event in answer.events if isinstance(event, ParticipantSuspended)]
    assert gone == ["aktau", "dossor"]
    assert not len(desk.state.sessions["call"].orders)
    back = {"participant_id": "aktau", "reason": "please"}
    assert remedied(desk, ReinstateParticipant, "operator", **back).code == Code.NOT_PERMITTED
    for_a_day = {**back, "until": "2021-12-31"}
    assert remedied(desk, SuspendParticipant, "regulator", **for_a_day).where == "until"
    assert remedied(desk, EndAffiliation, "operator", **pair).code == Code.NOT_PERMITTED
    chain = {"participant_id": "aktau", "affiliate_id": "dossor", "evidence": "sold"}
    assert remedied(desk, EndAffiliation, "operator", **chain).code == Code.NOT_PERMITTED
    desk.must(EndAffiliation, "regulator", **pair)
    desk.must(ReinstateParticipant, "operator", **back)
    assert desk.findings == []
    assert desk.read_back() == desk.state, "a suspension that nobody asked for is written so that it can be read"


def test_a_suspension_through_a_day_gets_no_end_by_an_affiliation_with_the_exchange() -> None:
    """It would end by itself, and leave an affiliate of the exchange trading; whose it was, it stays."""
    desk = founded(rulebook(exchange_affiliates="forbidden"))
    pair = {"participant_id": "dossor", "affiliate_id": "operator", "evidence": "shares"}
    desk.must(SuspendParticipant, "regulator", participant_id="dossor", reason="late", until="2021-12-31")
    event = desk.give(DeclareAffiliation, "operator", **pair).events[1]
    assert isinstance(event, ParticipantSuspended)
    assert (event.until, event.ends_at_ns, event.actor) == (None, None, "regulator")
    desk.at_ns = instant("09:00", "2022-01-02")
    assert standing(desk.state, "dossor", desk.at_ns) == "suspended"
    desk.must(EndAffiliation, "regulator", **pair)
    back = {"participant_id": "dossor", "reason": "please"}
    assert remedied(desk, ReinstateParticipant, "operator", **back).code == Code.NOT_PERMITTED
    desk.must(ReinstateParticipant, "regulator", **back)
    assert desk.findings == []


def test_a_member_suspends_nobody_else_by_its_own_word() -> None:
    """Who says that it belongs with the exchange is suspended, and drags no rival along; who watches may say both."""
    desk = founded(rulebook(exchange_affiliates="forbidden"))
    declared(desk, "atyrau", "operator", "atyrau")
    rival = {"participant_id": "atyrau", "affiliate_id": "zhanaozen", "evidence": "a lie"}
    assert remedied(desk, DeclareAffiliation, "atyrau", **rival).code == Code.NOT_PERMITTED
    declared(desk, "zhanaozen", "aktau", "zhanaozen")
    own = {"participant_id": "zhanaozen", "affiliate_id": "operator", "evidence": "shares"}
    assert remedied(desk, DeclareAffiliation, "zhanaozen", **own).code == Code.NOT_PERMITTED
    assert [standing(desk.state, who, desk.at_ns) for who in ("aktau", "zhanaozen")] == ["active", "active"]
    declared(desk, "zhanaozen", "operator", "operator")
    assert [standing(desk.state, who, desk.at_ns) for who in ("aktau", "zhanaozen")] == ["suspended", "suspended"]
    assert desk.findings == []


def test_an_affiliate_of_the_exchange_may_be_permitted() -> None:
    """Where no rule forbids it, the affiliation is only known."""
    for rules in ({}, {"exchange_affiliates": "permitted"}):
        desk = founded(rulebook(**rules))
        declared(desk, "aktau", "operator")
        assert standing(desk.state, "aktau", desk.at_ns) == "active"


def test_an_affiliation_that_is_older_than_the_rules_is_known() -> None:
    """Without a rulebook nobody is suspended for a pair; under one the next declaration counts it as well."""
    desk = Desk()
    desk.at_ns = instant("09:00")
    for person, role in (("operator", "operator"), ("regulator", "regulator"), ("aktau", "buyer"), ("dossor", "buyer")):
        desk.must(AdmitParticipant, "operator", participant_id=person, name=person, role=role)
    declared(desk, "aktau", "operator")
    assert (group_of(desk.state, "operator"), standing(desk.state, "aktau", desk.at_ns)) == ("aktau", "active")
    desk.must(AdoptRulebook, "regulator", rulebook=rulebook(exchange_affiliates="forbidden"))
    desk.must(SuspendParticipant, "regulator", participant_id="aktau", reason="late")
    pair = {"participant_id": "dossor", "affiliate_id": "aktau", "evidence": "shares"}
    answer = desk.give(DeclareAffiliation, "regulator", **pair)
    gone = [event.participant_id for event in answer.events if isinstance(event, ParticipantSuspended)]
    assert gone == ["dossor"]
    assert desk.findings == []


PAIRS = st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from("abcdefgh")), max_size=12)


@settings(derandomize=True)
@given(PAIRS, st.randoms(use_true_random=False))
def test_groups_are_the_connected_components(pairs: list[tuple[str, str]], chance: Any) -> None:
    """Groups are what walking from pair to pair reaches, whatever the order of the pairs and of the two."""
    found = groups(pairs)
    near = {one: {other for pair in pairs if one in pair for other in pair} for pair in pairs for one in pair}
    for one in near:
        reached = {one}
        while (wider := reached.union(*(near[member] for member in reached))) != reached:
            reached = wider
        assert found[one] == min(reached)
    shuffled = [(one, other) if chance.random() < 1 / 2 else (other, one) for one, other in pairs]
    chance.shuffle(shuffled)
    assert groups(shuffled) == found


def test_a_rulebook_that_comes_later_judges_those_who_come_later() -> None:
    """Whoever was admitted under other rules stays; to be classed anew he shows what the new rules ask."""
    desk = founded()
    desk.must(AdmitParticipant, "operator", **guest(shown=()))
    desk.must(AdoptRulebook, "regulator", rulebook=rulebook("strict", admission=ADMISSION))
    again = {"participant_id": "guest", **_class(STATION)}
    assert remedied(desk, ClassifyParticipant, "operator", **again).code == Code.CREDENTIAL_MISSING
    desk.must(ClassifyParticipant, "operator", **{**again, "shown": (STATION, YEARS)})
    assert desk.state.participants["guest"].provinces == ("KZ-23",)
