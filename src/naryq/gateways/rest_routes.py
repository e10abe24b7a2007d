"""The commands of REST: one row a command says its method and path; all else comes from its message type."""

import re
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any, Final, Literal, NamedTuple, TypeAlias

import msgspec

from naryq.messages import (
    AdmitParticipant,
    AdoptRulebook,
    AmendOrder,
    AnyCommand,
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


@cache
def body_type(route: CommandRoute) -> type[msgspec.Struct]:
    """Return the type of a command's body: its fields, without the stamp and without those of the path."""
    left_out = {*STAMP, *route.in_path}
    kept = (field for field in msgspec.structs.fields(route.kind) if field.name not in left_out)
    field_of: Any = msgspec.field  # Its overloads forbid what it takes: a default and a factory, of which one is none.
    fields = [
        (field.name, field.type, field_of(default=field.default, default_factory=field.default_factory))
        for field in kept
    ]
    made: type[msgspec.Struct] = msgspec.defstruct(
        route.kind.__name__,
        fields,
        frozen=True,
        kw_only=True,
        forbid_unknown_fields=True,
        namespace={"__doc__": route.kind.__doc__},
    )
    return made


Maker: TypeAlias = Callable[..., AnyCommand]
"""Makes a command of its stamp alone."""
Reader: TypeAlias = Callable[[bytes, Mapping[str, str]], Maker]


def maker(kind: Any, body: msgspec.Struct, in_path: Mapping[str, str]) -> Maker:
    """Return what makes a command of its stamp, from a body that was read and the fields of the path."""
    return partial(kind, **{name: getattr(body, name) for name in body.__struct_fields__}, **in_path)


def reader(route: CommandRoute) -> Reader:
    """Return what reads a body and the fields of the path into a command that still lacks its stamp.

    What it returns takes `command_id`, `actor` and `at_ns`.
    """
    decoder = msgspec.json.Decoder(body_type(route))
    return lambda body, in_path: maker(route.kind, decoder.decode(body or b"{}"), in_path)
