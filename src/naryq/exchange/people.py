"""Who takes part: admission, and who may act at all."""

from types import MappingProxyType
from typing import Final

import msgspec

from naryq.exchange.state import State
from naryq.exchange.topic import Decision, Topic
from naryq.messages import AdmitParticipant, Code, ParticipantAdmitted, Refusal


def _admit_participant(state: State, command: AdmitParticipant) -> Decision:
    if command.participant_id in state.participants:
        raise Refusal(
            Code.ALREADY_EXISTS,
            f"{command.participant_id!r} is admitted already",
            where="participant_id",
            remedy="Choose another identifier.",
        )
    return (ParticipantAdmitted(command.participant_id, command.name, command.role),)


def check_founder(command: AdmitParticipant) -> None:
    """Refuse a first command that does not found the venue."""
    if command.role != "operator" or command.actor != command.participant_id:
        raise Refusal(
            Code.NOT_PERMITTED,
            "the first participant of a venue is its operator and admits itself",
            where="role",
            remedy="Admit the operator first, as its own actor.",
        )


def _participant_admitted(state: State, event: ParticipantAdmitted) -> State:
    return msgspec.structs.replace(state, participants=state.participants.insert(event.participant_id, event))


TOPIC: Final = Topic(
    permitted=MappingProxyType(
        {
            AdmitParticipant: ("operator",),
        }
    ),
    deciders=MappingProxyType(
        {
            AdmitParticipant: _admit_participant,
        }
    ),
    evolvers=MappingProxyType(
        {
            ParticipantAdmitted: _participant_admitted,
        }
    ),
)
