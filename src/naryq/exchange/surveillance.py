"""The watch over the market: what it raises, and how the regulator closes it."""

from types import MappingProxyType
from typing import Final

import msgspec

from naryq.exchange.state import Flag, State
from naryq.exchange.topic import Decision, Topic
from naryq.messages import CloseFlag, Code, FlagClosed, FlagRaised, Refusal


def _close_flag(state: State, command: CloseFlag) -> Decision:
    flag = state.watch.flags.get(command.flag_id)
    if flag is None:
        raise Refusal(
            Code.UNKNOWN_FLAG,
            f"there is no flag {command.flag_id!r}",
            where="flag_id",
            remedy="Name a flag that was raised.",
        )
    if flag.closed is not None:
        raise Refusal(
            Code.WRONG_PHASE,
            f"flag {command.flag_id!r} is closed: {flag.closed.finding}",
            where="flag_id",
            remedy="Let it stand as it was found.",
        )
    return (FlagClosed(command.flag_id, command.finding, command.reason, command.actor),)


def _flag_raised(state: State, event: FlagRaised) -> State:
    return _with_flag(state, Flag(event))


def _flag_closed(state: State, event: FlagClosed) -> State:
    return _with_flag(state, msgspec.structs.replace(state.watch.flags[event.flag_id], closed=event))


def _with_flag(state: State, flag: Flag) -> State:
    flags = state.watch.flags.insert(flag.raised.flag_id, flag)
    return msgspec.structs.replace(state, watch=msgspec.structs.replace(state.watch, flags=flags))


TOPIC: Final = Topic(
    permitted=MappingProxyType(
        {
            CloseFlag: ("regulator",),
        }
    ),
    deciders=MappingProxyType(
        {
            CloseFlag: _close_flag,
        }
    ),
    evolvers=MappingProxyType(
        {
            FlagRaised: _flag_raised,
            FlagClosed: _flag_closed,
        }
    ),
)
