"""Who takes part: admission, classes and what they must show, standing, and who belongs together."""

from typing import Annotated, Literal

from naryq.messages.basics import Command, Day, Event, Known, Message, Name, Reason
from naryq.messages.words import said

Role = Literal["operator", "regulator", "seller", "buyer", "observer"]
ParticipantClass = Literal[
    "producer",
    "tolling_owner",
    "importer",
    "gas_network_organisation",
    "industrial_consumer",
    "depot_owner",
    "station_owner",
    "akimat",
]
"""What somebody is under the Gas Law: three classes of sellers, four of buyers, and the administration of a province.

An akimat takes part as an observer: it applies for the gas of its province and reports its sales, and trades nothing.
"""
Standing = Literal["active", "suspended", "excluded"]
Credential = Literal[
    "plant",
    "feedstock",
    "import_contract",
    "accreditation",
    "petrochemical_list",
    "depot",
    "station",
    "register",
    "experience",
    "vat_registration",
]
"""What can be shown at admission; docs/reference/participants.md says of each what it is."""


class Shown(Message, frozen=True):
    """One credential that was shown at admission: by which document, and since which day it has been held."""

    credential: Credential
    document: Name
    since: Day


class AdmitParticipant(Command, frozen=True, tag=True):
    """Admit somebody under a role. The first participant of a venue is its operator and admits itself.

    With a class, what the rulebook asks of that class must be shown. `provinces` are those where a buyer takes
    delivery, or that an akimat administers; none named means everywhere.
    """

    participant_id: Name
    name: Annotated[str, said(may_be_empty=True)]
    role: Role
    participant_class: ParticipantClass | None = None
    provinces: tuple[Name, ...] = ()
    shown: tuple[Shown, ...] = ()


class ClassifyParticipant(Command, frozen=True, tag=True):
    """Give a seller, a buyer or an observer a class, or another one, or other provinces, by the rules of admission."""

    participant_id: Name
    participant_class: ParticipantClass
    provinces: tuple[Name, ...]
    shown: tuple[Shown, ...]


class SuspendParticipant(Command, frozen=True, tag=True):
    """Keep somebody from acting, through the last day named or until reinstated; what is owed stays owed.

    A suspension takes the place of an earlier one, a regulator's only where a regulator asks for it.
    """

    participant_id: Name
    reason: Reason
    until: Day | None = None


class ReinstateParticipant(Command, frozen=True, tag=True):
    """Let a suspended participant act again, or one whose time of exclusion is over.

    Whom a regulator has suspended only a regulator reinstates.
    """

    participant_id: Name
    reason: Reason


class ExcludeParticipant(Command, frozen=True, tag=True):
    """Shut somebody out for the years that the rulebook sets; where it sets none, without an end."""

    participant_id: Name
    reason: Reason


class DeclareAffiliation(Command, frozen=True, tag=True):
    """State that two participants are affiliated: before every limit they and theirs are one."""

    participant_id: Name
    affiliate_id: Name
    evidence: Reason


class EndAffiliation(Command, frozen=True, tag=True):
    """State that two participants are no longer affiliated. The two cannot say so themselves.

    Where their group holds the operator, only a regulator says so.
    """

    participant_id: Name
    affiliate_id: Name
    evidence: Reason


class ParticipantAdmitted(Event, frozen=True, tag=True):
    """Somebody may act under a role from now on; `rulebook_version` judged what was shown for a class."""

    participant_id: Known
    name: str
    role: Role
    participant_class: ParticipantClass | None = None
    provinces: tuple[Known, ...] = ()
    shown: tuple[Shown, ...] = ()
    rulebook_version: str = ""


class ParticipantClassified(Event, frozen=True, tag=True):
    """A participant has a class, provinces and credentials in the place of those it had."""

    participant_id: Known
    participant_class: ParticipantClass
    provinces: tuple[Known, ...]
    shown: tuple[Shown, ...]
    rulebook_version: str


class ParticipantSuspended(Event, frozen=True, tag=True):
    """A participant may only wind down: through the day `until`, so before the instant `ends_at_ns`; None is no end."""

    participant_id: Known
    reason: str
    until: Day | None
    ends_at_ns: int | None
    rulebook_version: str
    actor: str = ""
    """Who asked for it; nobody where it follows from an affiliation alone, or is from before version 4."""


class ParticipantExcluded(Event, frozen=True, tag=True):
    """A participant is shut out, and may be reinstated from the instant `ends_at_ns` on; None is never."""

    participant_id: Known
    reason: str
    until: Day | None
    ends_at_ns: int | None
    rulebook_version: str
    actor: str = ""
    """Who asked for it; before version 4 nobody is named."""


class ParticipantReinstated(Event, frozen=True, tag=True):
    """A participant may act again."""

    participant_id: Known
    reason: str


class AffiliationDeclared(Event, frozen=True, tag=True):
    """Two participants are affiliated; `participant_id` is the smaller of the two."""

    participant_id: Known
    affiliate_id: Known
    evidence: str


class AffiliationEnded(Event, frozen=True, tag=True):
    """Two participants are no longer affiliated; `participant_id` is the smaller of the two."""

    participant_id: Known
    affiliate_id: Known
    evidence: str


PeopleCommand = (
    AdmitParticipant
    | ClassifyParticipant
    | SuspendParticipant
    | ReinstateParticipant
    | ExcludeParticipant
    | DeclareAffiliation
    | EndAffiliation
)
PeopleEvent = (
    ParticipantAdmitted
    | ParticipantClassified
    | ParticipantSuspended
    | ParticipantExcluded
    | ParticipantReinstated
    | AffiliationDeclared
    | AffiliationEnded
)
