"""What all messages share: common types, the refusal and its closed list of codes, the forms of commands and events."""

from enum import StrEnum
from typing import Annotated, Literal

import msgspec

from naryq.messages.words import said, unsaid

Day = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])-[0-3][0-9]$(?!\n)")]
"""A calendar day as ISO 8601 text, `2022-01-01`."""
Month = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])$(?!\n)")]
"""A calendar month as ISO 8601 text, `2022-01`."""
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._:/@+-]*$(?!\n)")]
"""An identifier chosen by a client: printable, at most 64 characters."""
Known = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
"""An identifier in an event. Its characters were judged in the command that chose it, and are not judged again.

A name that is held against a pattern costs half a microsecond, and a row is read when it is written and at each start.
"""
Reason = Annotated[str, said(min_length=1, max_length=500)]
"""Why somebody does what needs a reason, or a reference to evidence."""
Words = Annotated[str, said()]
"""The title of an act, of any length."""
LongReason = Annotated[str, said(min_length=1, max_length=2_000)]
Count = Annotated[int, msgspec.Meta(ge=0, le=10**12)]
Side = Literal["buy", "sell"]
Correction = Annotated[str, said(may_be_empty=True, max_length=500)]
"""Why what was reported before is reported anew; empty says that it is reported for the first time."""


class Code(StrEnum):
    """The closed list of refusal codes; docs/reference/refusals.md explains each, and a test compares the two."""

    # What is wrong with a file or a table.
    UNREADABLE = "unreadable"
    TOO_LARGE = "too_large"
    EMPTY = "empty"
    COLUMN_MISSING = "column_missing"
    COLUMN_UNKNOWN = "column_unknown"
    WRONG_TYPE = "wrong_type"
    OUT_OF_RANGE = "out_of_range"
    DUPLICATE_ID = "duplicate_id"
    UNKNOWN_PLACE = "unknown_place"
    UNKNOWN_SIDE = "unknown_side"
    SELF_LOOP = "self_loop"
    OVERFLOW = "overflow"
    UNKNOWN_OPTION = "unknown_option"
    NOT_SUPPORTED = "not_supported"
    # What is wrong with a rulebook.
    RULE_INVALID = "rule_invalid"
    RULE_UNKNOWN = "rule_unknown"
    RULE_MISSING = "rule_missing"
    # What the venue refuses.
    NOT_PERMITTED = "not_permitted"
    UNKNOWN_PARTICIPANT = "unknown_participant"
    SUSPENDED = "suspended"
    EXCLUDED = "excluded"
    CREDENTIAL_MISSING = "credential_missing"
    WORDS_MISSING = "words_missing"
    UNKNOWN_SESSION = "unknown_session"
    UNKNOWN_ORDER = "unknown_order"
    NOT_FOUND = "not_found"
    ALREADY_EXISTS = "already_exists"
    WRONG_PHASE = "wrong_phase"
    OUTSIDE_WINDOW = "outside_window"
    OUTSIDE_REGION = "outside_region"
    UNKNOWN_INSTRUMENT = "unknown_instrument"
    TIME_BACKWARD = "time_backward"
    TIME_AHEAD = "time_ahead"
    NO_RULEBOOK = "no_rulebook"
    NO_PRICE = "no_price"
    PRICE_ABOVE_COLLAR = "price_above_collar"
    PRICE_BELOW_COLLAR = "price_below_collar"
    INSUFFICIENT_GUARANTEE = "insufficient_guarantee"
    INSUFFICIENT_FUNDS = "insufficient_funds"
    UNKNOWN_OBLIGATION = "unknown_obligation"
    NOT_PAID = "not_paid"
    NOT_DUE = "not_due"
    COMMAND_ID_REUSED = "command_id_reused"
    TRADING_STOPPED = "trading_stopped"
    NOT_STOPPED = "not_stopped"
    UNKNOWN_PROPOSAL = "unknown_proposal"
    NOT_ASSESSED = "not_assessed"
    FOUR_EYES = "four_eyes"
    UNKNOWN_FLAG = "unknown_flag"
    PRICE_ABOVE_HOLD = "price_above_hold"
    PRICE_ABOVE_PARITY = "price_above_parity"
    TOO_MANY_LOTS = "too_many_lots"
    TOO_MUCH_VALUE = "too_much_value"
    TOO_FAST = "too_fast"
    BATCH_TOO_SMALL = "batch_too_small"
    BATCH_TOO_LARGE = "batch_too_large"
    STILL_HALTED = "still_halted"
    OUTSIDE_CALENDAR = "outside_calendar"
    UNKNOWN_CLAIM = "unknown_claim"
    NOTHING_TO_CLAIM = "nothing_to_claim"
    FUND_EXHAUSTED = "fund_exhausted"
    # What the journal and the engine refuse.
    JOURNAL_DAMAGED = "journal_damaged"
    JOURNAL_LOCKED = "journal_locked"
    SNAPSHOT_DIFFERS = "snapshot_differs"
    BUSY = "busy"
    STOPPED = "stopped"
    OUTCOME_UNKNOWN = "outcome_unknown"
    BATCH_REFUSED = "batch_refused"
    # What the doors refuse.
    NOT_AUTHENTICATED = "not_authenticated"
    LOCKED_OUT = "locked_out"
    TOO_MANY_REQUESTS = "too_many_requests"
    SECOND_PERSON = "second_person"
    SWITCHED_OFF = "switched_off"


class Refusal(ValueError):  # noqa: N818 - a refusal is an answer to bad input, not an error of the program
    """One clear answer to bad input: a code, what is wrong, where, and what to do.

    The venue writes the same four fields to its journal as the event `Refused`.

    >>> print(Refusal(Code.OUT_OF_RANGE, "quantity is -5", where="row 3", remedy="Give a whole number above zero."))
    out_of_range: row 3: quantity is -5. Give a whole number above zero.
    """

    def __init__(self, code: Code, what: str, *, where: str = "", remedy: str = "") -> None:
        """Keep the four parts; their joined text is what `str` shows."""
        self.code = code
        self.what = what
        self.where = where
        self.remedy = remedy
        place = f"{where}: " if where else ""
        super().__init__(f"{code}: {place}{what}. {remedy}".rstrip())


class Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """The common form of everything that stands in the journal.

    A frozen message cannot come to hold itself, so the collector of reference cycles need not walk through millions.
    """


class Command(Message, frozen=True, tag_field="type"):
    """What somebody asks of the venue: who, when, and an identifier of their own that makes a retry safe."""

    command_id: Name
    actor: Name
    at_ns: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


def check_said(command: msgspec.Struct) -> None:
    """Refuse (WORDS_MISSING) a command with a reason, a source or another text that no person can read."""
    field = unsaid(command)
    if field is not None:
        raise Refusal(
            Code.WORDS_MISSING,
            f"{field} has nothing that can be read",
            where=field,
            remedy="Say it in words: whoever is concerned will read them.",
        )


class Event(Message, frozen=True, tag_field="type"):
    """What has happened."""


class Refused(Event, frozen=True, tag=True):
    """A command was refused: nothing else has changed."""

    code: Code
    what: str
    where: str = ""
    remedy: str = ""
