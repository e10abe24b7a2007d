"""Every command, event and refusal of the venue: frozen, tagged structs, one definition for all doors.

A command is what somebody asks for, in the imperative; an event is what has happened, in the past tense.
Time, identifiers and seeds arrive in the command, so that the same journal gives the same state everywhere.
"""

from naryq.messages.basics import (
    Code,
    Command,
    Count,
    Day,
    Event,
    Message,
    Month,
    Name,
    Refusal,
    Refused,
    Side,
)
from naryq.messages.entry import (
    AnyCommand,
    AnyEvent,
    Entry,
    canonical,
    decode_entry,
    encode,
)
from naryq.messages.money import (
    LedgerPosted,
    Posting,
)
from naryq.messages.orders import (
    CancelOrder,
    OrderAccepted,
    OrderCancelled,
    SubmitOrder,
)
from naryq.messages.people import (
    AdmitParticipant,
    ParticipantAdmitted,
    Role,
)
from naryq.messages.pump import (
    PricesPublished,
    PriceStep,
    PublishPrices,
    PumpPrice,
    ReportRetailTerms,
    RetailTermsReported,
)
from naryq.messages.rulebooks import (
    AdoptRulebook,
    DatedValue,
    LegalSource,
    Rule,
    RulebookAdopted,
    RulebookText,
    RuleValue,
)
from naryq.messages.sessions import (
    ClearSession,
    CloseSession,
    Fill,
    Flow,
    Link,
    OpenSession,
    Place,
    PlaceKind,
    PlacePrice,
    SessionCleared,
    SessionClosed,
    SessionOpened,
)
from naryq.messages.supply import (
    PlanSupply,
    SupplyPlanned,
)

__all__ = [
    "AdmitParticipant",
    "AdoptRulebook",
    "AnyCommand",
    "AnyEvent",
    "CancelOrder",
    "ClearSession",
    "CloseSession",
    "Code",
    "Command",
    "Count",
    "DatedValue",
    "Day",
    "Entry",
    "Event",
    "Fill",
    "Flow",
    "LedgerPosted",
    "LegalSource",
    "Link",
    "Message",
    "Month",
    "Name",
    "OpenSession",
    "OrderAccepted",
    "OrderCancelled",
    "ParticipantAdmitted",
    "Place",
    "PlaceKind",
    "PlacePrice",
    "PlanSupply",
    "Posting",
    "PriceStep",
    "PricesPublished",
    "PublishPrices",
    "PumpPrice",
    "Refusal",
    "Refused",
    "ReportRetailTerms",
    "RetailTermsReported",
    "Role",
    "Rule",
    "RuleValue",
    "RulebookAdopted",
    "RulebookText",
    "SessionCleared",
    "SessionClosed",
    "SessionOpened",
    "Side",
    "SubmitOrder",
    "SupplyPlanned",
    "canonical",
    "decode_entry",
    "encode",
]
