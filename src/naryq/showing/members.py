"""Who takes part: names and roles are public; standing and who belongs together are for those who watch."""

import msgspec

from naryq.exchange import State, people
from naryq.messages import AffiliationDeclared, ParticipantClass, Role, Standing
from naryq.showing.viewer import Viewer


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A participant; what is not the viewer's to see is None."""

    participant_id: str
    name: str
    role: Role
    participant_class: ParticipantClass | None
    provinces: tuple[str, ...]
    standing: Standing | None
    until: str | None
    reason: str | None
    actor: str | None
    """Who has suspended or excluded it; empty where nobody is named."""
    group: str | None
    """The smallest identifier of its affiliates, where it has any."""


def members(state: State, viewer: Viewer, at_ns: int) -> tuple[Member, ...]:
    """Return everybody who was ever admitted, by identifier."""
    return tuple(_member(state, viewer, identifier, at_ns) for identifier, _ in sorted(state.participants.items()))


def affiliations(state: State, viewer: Viewer) -> tuple[AffiliationDeclared, ...]:
    """Return the declared pairs, in order: all to those who watch, to others those in which they stand."""
    found = sorted(state.people.affiliations.items())
    return tuple(each for pair, each in found if viewer.watches or viewer.participant_id in pair)


def _member(state: State, viewer: Viewer, participant_id: str, at_ns: int) -> Member:
    admitted = state.participants[participant_id]
    seen = viewer.watches or viewer.participant_id == participant_id
    standing = people.standing(state, participant_id, at_ns)
    absence = state.people.absences.get(participant_id) if standing != "active" else None
    return Member(
        participant_id=participant_id,
        name=admitted.name,
        role=admitted.role,
        participant_class=admitted.participant_class,
        provinces=admitted.provinces,
        standing=standing if seen else None,
        until=absence.until if seen and absence is not None else None,
        reason=absence.reason if seen and absence is not None else None,
        actor=absence.actor if seen and absence is not None else None,
        group=state.people.groups.get(participant_id) if seen else None,
    )
