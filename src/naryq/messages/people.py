"""Who takes part: admission and roles."""

from typing import Literal

from naryq.messages.basics import Command, Event, Name

Role = Literal["operator", "regulator", "seller", "buyer", "observer"]


class AdmitParticipant(Command, frozen=True, tag=True):
    """Admit somebody under a role. The first participant of a venue is its operator and admits itself."""

    participant_id: Name
    name: str
    role: Role


class ParticipantAdmitted(Event, frozen=True, tag=True):
    """Somebody may act under a role from now on."""

    participant_id: Name
    name: str
    role: Role


PeopleCommand = AdmitParticipant
PeopleEvent = ParticipantAdmitted
