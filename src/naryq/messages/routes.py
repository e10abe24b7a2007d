"""How each command travels over HTTP: one row a command says its method and path; both ends of the wire read it."""

import re
from typing import Final, Literal, NamedTuple

import msgspec

from naryq.messages import (
    AdmitParticipant,
    AdoptRulebook,
    AmendOrder,
    AnyCommand,
    AnyEvent,
    ApprovePlan,
    ApproveProposal,
    AssessProposal,
    CancelAll,
    CancelOrder,
    ChangePhase,
    ClaimCompensation,
    ClassifyParticipant,
    ClearSession,
    CloseFlag,
    CloseSession,
    ConfirmEmergency,
    ConfirmReceipt,
    CorrectApplication,
    DecideClaim,
    DeclareAffiliation,
    DeclareDefault,
    DeclareEmergency,
    DeclareHolidays,
    DelistInstrument,
    Deposit,
    EndAffiliation,
    EndowFund,
    ExcludeParticipant,
    ListInstrument,
    NextRound,
    OpenPlan,
    OpenSession,
    PayObligation,
    PlanSupply,
    ProposeRuleChange,
    PublishPrices,
    PublishSession,
    RefundObligation,
    RefuseAllotment,
    ReinstateParticipant,
    RejectProposal,
    ReportOutput,
    ReportParity,
    ReportRetailTerms,
    ReportSales,
    ReportShipment,
    ResumeTrading,
    ReviewApplications,
    ScheduleSessions,
    ShipAllotment,
    StateCapacity,
    StopTrading,
    SubmitApplication,
    SubmitOrder,
    SuspendParticipant,
    Withdraw,
    WithdrawProposal,
)

STAMP: Final = ("command_id", "actor", "at_ns")
"""What no body says: it comes from the idempotency key, the credential and the venue's clock."""


class Taken(msgspec.Struct, frozen=True):
    """A command was taken: the journal row in which it stands, and what it has caused that is its sender's to see."""

    sequence: int
    repeated: bool
    """Whether an earlier request with the same key had caused it already."""
    events: tuple[AnyEvent, ...]


class CommandRoute(NamedTuple):
    """How a command is sent: the fields that the path names stand there, all others in the body."""

    kind: type[AnyCommand]
    method: Literal["POST", "PUT", "PATCH", "DELETE"]
    path: str

    @property
    def in_path(self) -> tuple[str, ...]:
        """The fields that the path names."""
        return fields_of(self.path)


def fields_of(path: str) -> tuple[str, ...]:
    """Return the fields that a path names.

    >>> fields_of("/v1/sessions/{session_id}/orders/{order_id}")
    ('session_id', 'order_id')
    """
    return tuple(re.findall(r"{(\w+)}", path))


ONE_ORDER: Final = "/v1/sessions/{session_id}/orders/{order_id}"
ROUTES: Final = (
    CommandRoute(SubmitOrder, "POST", "/v1/orders"),
    CommandRoute(AmendOrder, "PATCH", ONE_ORDER),
    CommandRoute(CancelOrder, "DELETE", ONE_ORDER),
    CommandRoute(CancelAll, "POST", "/v1/orders/cancel-all"),
    CommandRoute(ListInstrument, "POST", "/v1/instruments"),
    CommandRoute(DelistInstrument, "POST", "/v1/instruments/{code}/delist"),
    CommandRoute(DeclareHolidays, "PUT", "/v1/holidays"),
    CommandRoute(ScheduleSessions, "POST", "/v1/series"),
    CommandRoute(OpenSession, "POST", "/v1/sessions"),
    CommandRoute(ChangePhase, "POST", "/v1/sessions/{session_id}/phase"),
    CommandRoute(NextRound, "POST", "/v1/sessions/{session_id}/next-round"),
    CommandRoute(CloseSession, "POST", "/v1/sessions/{session_id}/close"),
    CommandRoute(ClearSession, "POST", "/v1/sessions/{session_id}/clear"),
    CommandRoute(PublishSession, "POST", "/v1/sessions/{session_id}/publish"),
    CommandRoute(PublishPrices, "POST", "/v1/sessions/{session_id}/publish-prices"),
    CommandRoute(StopTrading, "POST", "/v1/stops"),
    CommandRoute(ResumeTrading, "POST", "/v1/stops/lift"),
    CommandRoute(Deposit, "POST", "/v1/deposits"),
    CommandRoute(Withdraw, "POST", "/v1/withdrawals"),
    CommandRoute(EndowFund, "POST", "/v1/endowments"),
    CommandRoute(PayObligation, "POST", "/v1/obligations/{obligation_id}/payments"),
    CommandRoute(ReportShipment, "POST", "/v1/obligations/{obligation_id}/shipments"),
    CommandRoute(DeclareDefault, "POST", "/v1/obligations/{obligation_id}/default"),
    CommandRoute(RefundObligation, "POST", "/v1/obligations/{obligation_id}/refund"),
    CommandRoute(ConfirmReceipt, "POST", "/v1/shipments/{document}/receipt"),
    CommandRoute(AdmitParticipant, "POST", "/v1/participants"),
    CommandRoute(ClassifyParticipant, "PUT", "/v1/participants/{participant_id}/class"),
    CommandRoute(SuspendParticipant, "POST", "/v1/participants/{participant_id}/suspend"),
    CommandRoute(ReinstateParticipant, "POST", "/v1/participants/{participant_id}/reinstate"),
    CommandRoute(ExcludeParticipant, "POST", "/v1/participants/{participant_id}/exclude"),
    CommandRoute(DeclareAffiliation, "POST", "/v1/affiliations"),
    CommandRoute(EndAffiliation, "POST", "/v1/affiliations/end"),
    CommandRoute(AdoptRulebook, "POST", "/v1/rulebooks"),
    CommandRoute(ProposeRuleChange, "POST", "/v1/proposals"),
    CommandRoute(AssessProposal, "POST", "/v1/proposals/{proposal_id}/assess"),
    CommandRoute(ApproveProposal, "POST", "/v1/proposals/{proposal_id}/approve"),
    CommandRoute(RejectProposal, "POST", "/v1/proposals/{proposal_id}/reject"),
    CommandRoute(WithdrawProposal, "POST", "/v1/proposals/{proposal_id}/withdraw"),
    CommandRoute(DeclareEmergency, "POST", "/v1/emergencies"),
    CommandRoute(ConfirmEmergency, "POST", "/v1/emergencies/{emergency_id}/confirm"),
    CommandRoute(ReportParity, "PUT", "/v1/parity"),
    CommandRoute(ClaimCompensation, "POST", "/v1/claims"),
    CommandRoute(DecideClaim, "POST", "/v1/claims/{claim_id}/decide"),
    CommandRoute(PlanSupply, "PUT", "/v1/supplies"),
    CommandRoute(OpenPlan, "POST", "/v1/plans"),
    CommandRoute(StateCapacity, "PUT", "/v1/plans/{period}/capacities"),
    CommandRoute(SubmitApplication, "POST", "/v1/plans/{period}/applications"),
    CommandRoute(ReviewApplications, "PUT", "/v1/plans/{period}/reviews"),
    CommandRoute(ApprovePlan, "POST", "/v1/plans/{period}/approve"),
    CommandRoute(CorrectApplication, "PATCH", "/v1/applications/{application_id}"),
    CommandRoute(RefuseAllotment, "POST", "/v1/allotments/{allotment_id}/refuse"),
    CommandRoute(ShipAllotment, "POST", "/v1/allotments/{allotment_id}/shipments"),
    CommandRoute(ReportOutput, "PUT", "/v1/outputs"),
    CommandRoute(ReportSales, "PUT", "/v1/sales"),
    CommandRoute(ReportRetailTerms, "PUT", "/v1/retail-terms"),
    CommandRoute(CloseFlag, "POST", "/v1/flags/{flag_id}/close"),
)
"""Every command of the venue, once; a test compares the table with `AnyCommand`. What traders send stands first."""
