"""What is read of a command before it waits for the writer, and what is turned away at once."""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import msgspec

from naryq.engine.answers import NOT_ALONE, Promise, Waiting, ahead, malformed
from naryq.messages import AnyCommand, Code, decode_command, encode
from naryq.units import INT64_MAX

AHEAD_NS: Final = 60 * 10**9
"""How far ahead of the venue's clock a command's time may lie: as far as two honest clocks may differ, and more."""

Clock = Callable[[], int]
"""Nanoseconds since 1970 in UTC."""


def sound(
    commands: Sequence[AnyCommand],
    promises: Sequence[Promise],
    clock: Clock | None,
    turned_away: list[Code],
    *,
    whole: bool,
) -> list[Waiting]:
    """Return the commands in the form in which the journal keeps them.

    Those that have none, and those from the future, are refused at once and their codes added to `turned_away`. With
    `whole` all are taken or none: where one was turned away already, none is left.
    """
    latest_ns = INT64_MAX if clock is None else clock() + AHEAD_NS
    found = list(_each_sound(commands, promises, latest_ns, turned_away))
    return _joined(found, promises) if whole else found


def _each_sound(
    commands: Sequence[AnyCommand], promises: Sequence[Promise], latest_ns: int, turned_away: list[Code]
) -> Iterator[Waiting]:
    received_ns = time.perf_counter_ns()
    for command, promise in zip(commands, promises, strict=True):
        try:
            spelling = encode(command)
            waiting = Waiting(decode_command(spelling), spelling, received_ns, promise)
        except (msgspec.MsgspecError, TypeError, OverflowError, UnicodeError) as error:
            promise.refuse(malformed(error))
            turned_away.append(Code.WRONG_TYPE)
            continue
        if waiting.command.at_ns > latest_ns:
            promise.refuse(ahead(waiting.command.at_ns, latest_ns))
            turned_away.append(Code.TIME_AHEAD)
        else:
            yield waiting


def _joined(found: list[Waiting], promises: Sequence[Promise]) -> list[Waiting]:
    """Join commands that are taken all or none."""
    if len(found) == len(promises):
        together = object()
        return [msgspec.structs.replace(waiting, whole=together) for waiting in found]
    for promise in promises:
        if not promise.done():
            promise.refuse(NOT_ALONE)
    return []
