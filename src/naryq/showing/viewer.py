"""Who looks: a participant and the role under which it is admitted."""

from typing import NamedTuple

from naryq.exchange import State
from naryq.messages import Role


class Viewer(NamedTuple):
    """Whoever looks at the venue; what he sees is his own, what his role shows him, and what is public."""

    participant_id: str
    role: Role

    @property
    def watches(self) -> bool:
        """Whether his role is there to see what others do: the operator's and the regulator's."""
        return self.role in {"operator", "regulator"}


def viewer_of(state: State, participant_id: str) -> Viewer | None:
    """Return a participant as a viewer; None where nobody is admitted under the identifier."""
    admitted = state.participants.get(participant_id)
    return None if admitted is None else Viewer(participant_id, admitted.role)
