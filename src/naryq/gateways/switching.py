"""The kill switch as all doors have it: who may engage and release it, and the orders that it takes back."""

from typing import Final

from naryq.access import Access, Principal
from naryq.access.switches import Switch
from naryq.gateways.house import House
from naryq.messages import CancelAll, Code, Refusal
from naryq.messages.basics import Command, Name, Reason
from naryq.showing import Viewer
from naryq.showing.viewer import viewer_of


class EngageSwitch(Command, frozen=True, tag=True):
    """Take all orders of a participant back and let no new one in, by any door. The doors' own: in no journal."""

    participant_id: Name
    reason: Reason


class ReleaseSwitch(Command, frozen=True, tag=True):
    """Let orders of a participant in again. The doors' own: in no journal."""

    participant_id: Name


SwitchCommand = EngageSwitch | ReleaseSwitch
SWITCHING: Final = (EngageSwitch, ReleaseSwitch)


def seen(access: Access, viewer: Viewer) -> tuple[Switch, ...]:
    """Return the engaged switches: all to those who watch, to others their own."""
    engaged = sorted(access.switches.engaged.items())
    return tuple(switch for who, switch in engaged if viewer.watches or who == viewer.participant_id)


async def engage(house: House, principal: Principal, participant_id: str, reason: str, address: str) -> Switch:
    """Keep new orders out first, and then take the old ones back: nothing can come in between.

    Raises:
        Refusal: NOT_PERMITTED, UNKNOWN_PARTICIPANT.
    """
    _check(house, principal, participant_id)
    own = principal.participant_id
    switch = house.access.switches.engage(participant_id, principal.person, reason)
    house.access.audit.note("switch_engaged", own, principal.person, address, f"{participant_id}: {reason}")
    whose, at_ns = None if participant_id == own else participant_id, house.now_ns()
    command_id = f"kill-switch:{switch.engaged_at_ns}:{at_ns}"
    await house.submit(CancelAll(command_id, own, at_ns, participant_id=whose))
    return switch


async def release(house: House, principal: Principal, participant_id: str, address: str) -> None:
    """Let orders in again.

    Raises:
        Refusal: NOT_PERMITTED, UNKNOWN_PARTICIPANT, NOT_FOUND where the switch is not engaged.
    """
    _check(house, principal, participant_id)
    if participant_id not in house.access.switches.engaged:
        what = f"the switch of {participant_id!r} is not engaged"
        raise Refusal(Code.NOT_FOUND, what, where="participant_id", remedy="Nothing has to be done.")
    house.access.switches.release(participant_id)
    house.access.audit.note("switch_released", principal.participant_id, principal.person, address, participant_id)


def _check(house: House, principal: Principal, participant_id: str) -> None:
    """Refuse (NOT_PERMITTED) the switch of another to all but the operator, and (UNKNOWN_PARTICIPANT) one of nobody."""
    viewer = viewer_of(house.state, principal.participant_id)
    if participant_id != principal.participant_id and (viewer is None or viewer.role != "operator"):
        what = f"the switch of {participant_id!r} is not yours"
        raise Refusal(Code.NOT_PERMITTED, what, where="participant_id", remedy="Name yourself, or ask the operator.")
    if participant_id not in house.state.participants:
        what = f"nobody is admitted as {participant_id!r}"
        raise Refusal(Code.UNKNOWN_PARTICIPANT, what, where="participant_id", remedy="Name a participant.")
