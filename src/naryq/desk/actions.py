"""All that can be asked through the pages: one row an action, and who may is what the venue permits."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from naryq.desk import lines
from naryq.desk.actions_of_market import MARKET_ACTIONS
from naryq.desk.actions_of_plans import PLAN_ACTIONS
from naryq.desk.forms import Action, Built, Field, Values, choices_of
from naryq.gateways.switching import EngageSwitch, ReleaseSwitch
from naryq.messages import (
    AdmitParticipant,
    AmendOrder,
    ApproveProposal,
    AssessProposal,
    CancelAll,
    CancelOrder,
    ClaimCompensation,
    ClassifyParticipant,
    CloseFlag,
    Code,
    ConfirmEmergency,
    ConfirmReceipt,
    Credential,
    DecideClaim,
    DeclareAffiliation,
    DeclareDefault,
    DeclareEmergency,
    Deposit,
    EndAffiliation,
    EndowFund,
    ExcludeParticipant,
    Fund,
    OrderType,
    ParticipantClass,
    PayObligation,
    ProposeRuleChange,
    RefundObligation,
    Refusal,
    ReinstateParticipant,
    RejectProposal,
    ReportParity,
    ReportShipment,
    ResumeTrading,
    Role,
    Scope,
    Side,
    StopTrading,
    SubmitOrder,
    SuspendParticipant,
    TimeInForce,
    Withdraw,
    WithdrawProposal,
)
from naryq.rulebook import CATALOGUE
from naryq.rulebook.catalogue import Kind

REASON: Final = Field("reason", "long")


def _submit_order(values: Values) -> Built:
    """A market order has no price of its own: the message asks for a number all the same."""
    return {"price_tenge_per_tonne": "0", **values} if values.get("order_type") == "market" else dict(values)


def _admit(values: Values) -> Built:
    return {**values, "provinces": lines.words(values, "provinces"), "shown": _shown(values)}


def _shown(values: Values) -> list[dict[str, str]]:
    """Read the documents shown: one a line, `credential; document; since`."""
    found = lines.rows(values, "shown", 3, "depot; licence 12; 2021-03-01")
    for credential, *_ in found:
        if credential not in choices_of(Credential):
            remedy = f"Begin the line with one of {', '.join(choices_of(Credential))}."
            raise Refusal(Code.WRONG_TYPE, f"{credential!r} is no credential", where="shown", remedy=remedy)
    return [{"credential": name, "document": document, "since": since} for name, document, since in found]


def _shipment(values: Values) -> Built:
    return {**values, "wagons": lines.words(values, "wagons")}


def _sourced(values: Values) -> Built:
    left = {name: value for name, value in values.items() if name not in {"act", "url"}}
    return {**left, "source": {"act": values.get("act", ""), "url": values.get("url", "")}}


def _propose(values: Values) -> Built:
    """Make a proposal of one value for one rule."""
    rule = values.get("rule", "")
    change = {
        "rule": rule,
        "effective": values.get("effective", ""),
        "value": _rule_value(rule, values.get("value", "")),
        "source": {"act": values.get("act", ""), "url": values.get("url", "")},
        **({"until": values["until"]} if "until" in values else {}),
    }
    return {"proposal_id": values.get("proposal_id", ""), "reason": values.get("reason", ""), "proposed": [change]}


def _emergency(values: Values) -> Built:
    """Make an emergency of the value of one rule, and of more in lines: `rule; value`."""
    first = {"rule": values.get("rule", ""), "value": _rule_value(values.get("rule", ""), values.get("value", ""))}
    more = [
        {"rule": rule, "value": _rule_value(rule, text, "more")}
        for rule, text in lines.rows(values, "more", 2, "collar_rise; 2500")
    ]
    named = {name: values.get(name, "") for name in ("emergency_id", "days", "reason")}
    return {**named, "values": [first, *more], "source": {"act": values.get("act", ""), "url": values.get("url", "")}}


def _rule_value(rule: str, text: str, where: str = "value") -> int | str | list[str] | None:
    """Read a rule's value as its kind has it: a whole number, a word, words parted by spaces; empty is no such rule."""
    if not text:
        return None
    kind = CATALOGUE[rule].kind if rule in CATALOGUE else Kind.WORD
    if kind is Kind.INTEGER:
        plain = text.replace(" ", "").replace("\u202f", "")
        if not plain.removeprefix("-").isdigit():
            what, remedy = f"{text!r} is no whole number", f"Give the value in {CATALOGUE[rule].unit}."
            raise Refusal(Code.WRONG_TYPE, what, where=where, remedy=remedy)
        return int(plain)
    if kind in {Kind.WORDS, Kind.PLACES}:
        return text.replace(",", " ").split()
    if kind in {Kind.BY_PLACE, Kind.BY_WORD}:
        what, remedy = f"{rule} has a number for each place or word", "Propose it by a program, or as a whole rulebook."
        raise Refusal(Code.NOT_SUPPORTED, what, where=where, remedy=remedy)
    return text


_ORDER: Final = (
    Field("session_id", "hidden"),
    Field("order_id", "hidden"),
    Field("side", "choice", choices_of(Side), "side"),
    Field("quantity_lots", "number"),
    Field("price_tenge_per_tonne", "number", required=False),
    Field("place", "choice"),
    Field("delivery", "choice", required=False),
    Field("order_type", "choice", choices_of(OrderType), "order_type"),
    Field("time_in_force", "choice", choices_of(TimeInForce), "time_in_force"),
    Field("post_only", "check", required=False),
)
_BANK: Final = (
    Field("participant_id", "choice"),
    Field("amount_tiyn", "money"),
    Field("bank_reference"),
)
_OBLIGATION: Final = Field("obligation_id", "hidden")
_PROPOSAL: Final = Field("proposal_id", "hidden")
_SOURCE: Final = (Field("act"), Field("url", hint="hint.url"))
_STOP: Final = (
    Field("scope", "choice", choices_of(Scope), "scope"),
    Field("target", required=False, hint="hint.target"),
    REASON,
)

_ALL: Final = (
    Action("submit-order", SubmitOrder, _ORDER, build=_submit_order),
    Action(
        "amend-order",
        AmendOrder,
        (
            Field("session_id", "hidden"),
            Field("order_id", "hidden"),
            Field("price_tenge_per_tonne", "number", required=False),
            Field("quantity_lots", "number", required=False),
        ),
    ),
    Action("cancel-order", CancelOrder, (Field("session_id", "hidden"), Field("order_id", "hidden"))),
    Action(
        "cancel-all",
        CancelAll,
        (Field("session_id", "hidden", required=False), Field("participant_id", "hidden", required=False)),
        confirm=True,
        danger=True,
    ),
    Action("engage-switch", EngageSwitch, (Field("participant_id", "choice"), REASON), confirm=True, danger=True),
    Action("release-switch", ReleaseSwitch, (Field("participant_id", "hidden"),), confirm=True),
    Action("pay", PayObligation, (_OBLIGATION, Field("amount_tiyn", "money"))),
    Action(
        "report-shipment",
        ReportShipment,
        (
            _OBLIGATION,
            Field("document"),
            Field("mass_kg", "number"),
            Field("loaded_on", "day"),
            Field("wagons", required=False, hint="hint.wagons"),
        ),
        build=_shipment,
    ),
    Action(
        "confirm-receipt",
        ConfirmReceipt,
        (Field("document", "hidden"), Field("received_kg", "number", required=False, hint="hint.received_kg")),
    ),
    Action(
        "claim",
        ClaimCompensation,
        (
            Field("claim_id"),
            Field("session_id"),
            Field("cost_tenge_per_tonne", "number"),
            Field("statement", "long"),
        ),
    ),
    *MARKET_ACTIONS,
    Action(
        "admit",
        AdmitParticipant,
        (
            Field("participant_id", hint="hint.identifier"),
            Field("name"),
            Field("role", "choice", choices_of(Role), "role"),
            Field("participant_class", "choice", choices_of(ParticipantClass), "class", required=False),
            Field("provinces", required=False, hint="hint.provinces"),
            Field("shown", "lines", required=False, hint="hint.shown"),
        ),
        build=_admit,
    ),
    Action(
        "classify",
        ClassifyParticipant,
        (
            Field("participant_id", "hidden"),
            Field("participant_class", "choice", choices_of(ParticipantClass), "class"),
            Field("provinces", required=False, hint="hint.provinces"),
            Field("shown", "lines", required=False, hint="hint.shown"),
        ),
        build=_admit,
    ),
    Action(
        "declare-affiliation",
        DeclareAffiliation,
        (Field("participant_id", "hidden"), Field("affiliate_id", "choice"), Field("evidence", "long")),
    ),
    Action(
        "end-affiliation",
        EndAffiliation,
        (Field("participant_id", "hidden"), Field("affiliate_id", "hidden"), Field("evidence", "long")),
        confirm=True,
    ),
    Action(
        "suspend",
        SuspendParticipant,
        (Field("participant_id", "hidden"), REASON, Field("until", "day", required=False, hint="hint.until")),
        danger=True,
    ),
    Action("reinstate", ReinstateParticipant, (Field("participant_id", "hidden"), REASON)),
    Action("exclude", ExcludeParticipant, (Field("participant_id", "hidden"), REASON), confirm=True, danger=True),
    Action("deposit", Deposit, _BANK),
    Action("withdraw", Withdraw, _BANK),
    Action("endow", EndowFund, (Field("fund", "choice", choices_of(Fund), "fund"), *_BANK[1:])),
    Action(
        "declare-default",
        DeclareDefault,
        (_OBLIGATION, Field("party", "hidden"), REASON),
        confirm=True,
        danger=True,
    ),
    Action("refund", RefundObligation, (_OBLIGATION, REASON), confirm=True, danger=True),
    Action(
        "report-parity",
        ReportParity,
        (Field("day", "day"), Field("parity_tenge_per_tonne", "number"), *_SOURCE),
        build=_sourced,
    ),
    Action("decide-claim", DecideClaim, (Field("claim_id", "hidden"), Field("granted_tiyn", "money"), REASON)),
    Action(
        "close-flag",
        CloseFlag,
        (
            Field("flag_id", "hidden"),
            Field("finding", "choice", ("unfounded", "explained", "referred", "violation"), "finding"),
            REASON,
        ),
    ),
    Action("stop", StopTrading, _STOP, confirm=True, danger=True),
    Action(
        "resume",
        ResumeTrading,
        (Field("scope", "hidden"), Field("target", "hidden", required=False), REASON),
        confirm=True,
    ),
    Action(
        "propose",
        ProposeRuleChange,
        (
            Field("proposal_id"),
            Field("rule", "choice", tuple(sorted(CATALOGUE))),
            Field("value", required=False, hint="hint.value"),
            Field("effective", "day"),
            Field("until", "day", required=False),
            *_SOURCE,
            REASON,
        ),
        build=_propose,
    ),
    Action("withdraw-proposal", WithdrawProposal, (_PROPOSAL,)),
    Action("assess", AssessProposal, (_PROPOSAL, Field("sessions", "number", hint="hint.sessions"))),
    Action(
        "approve",
        ApproveProposal,
        (_PROPOSAL, Field("assessment_sequence", "hidden")),
        confirm=True,
    ),
    Action("reject", RejectProposal, (_PROPOSAL, REASON)),
    Action(
        "declare-emergency",
        DeclareEmergency,
        (
            Field("emergency_id", hint="hint.identifier"),
            Field("rule", "choice", tuple(sorted(CATALOGUE))),
            Field("value", hint="hint.emergency_value"),
            Field("more", "lines", required=False, hint="hint.more"),
            Field("days", "number", label="field.days_long", hint="hint.emergency_days"),
            *_SOURCE,
            REASON,
        ),
        confirm=True,
        danger=True,
        build=_emergency,
    ),
    Action("confirm-emergency", ConfirmEmergency, (Field("emergency_id", "hidden"),), confirm=True),
    *PLAN_ACTIONS,
)
ACTIONS: Final[Mapping[str, Action]] = MappingProxyType({action.name: action for action in _ALL})
"""Name -> action."""
