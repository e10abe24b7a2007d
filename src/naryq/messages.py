"""Every command, event and refusal of the venue: frozen, tagged structs, one definition for all doors.

A command is what somebody asks for, in the imperative; an event is what has happened, in the past tense.
Time, identifiers and seeds arrive in the command, so that the same journal gives the same state everywhere.
"""

from enum import StrEnum
from typing import Annotated, Literal

import msgspec

Day = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])-[0-3][0-9]$(?!\n)")]
"""A calendar day as ISO 8601 text, `2022-01-01`."""
Month = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])$(?!\n)")]
"""A calendar month as ISO 8601 text, `2022-01`."""
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._:/@+-]*$(?!\n)")]
"""An identifier chosen by a client: printable, at most 64 characters."""
Count = Annotated[int, msgspec.Meta(ge=0, le=10**12)]
Side = Literal["buy", "sell"]


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
    UNKNOWN_SESSION = "unknown_session"
    UNKNOWN_ORDER = "unknown_order"
    ALREADY_EXISTS = "already_exists"
    WRONG_PHASE = "wrong_phase"
    OUTSIDE_WINDOW = "outside_window"
    TIME_BACKWARD = "time_backward"
    NO_RULEBOOK = "no_rulebook"
    NO_PRICE = "no_price"
    PRICE_ABOVE_COLLAR = "price_above_collar"
    PRICE_BELOW_COLLAR = "price_below_collar"
    COMMAND_ID_REUSED = "command_id_reused"
    # What the journal and the engine refuse.
    JOURNAL_DAMAGED = "journal_damaged"
    JOURNAL_LOCKED = "journal_locked"
    BUSY = "busy"
    STOPPED = "stopped"
    OUTCOME_UNKNOWN = "outcome_unknown"


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


class Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The common form of everything that stands in the journal."""


# --- The rules, as data -----------------------------------------------------------------------------------------


class LegalSource(Message, frozen=True):
    """Where a value comes from: the act or report, and an address where it can be read."""

    act: str
    url: str


RuleValue = int | str | tuple[str, ...] | dict[str, int] | None
"""A rule's value: a number, a word, a list of words, a number for each place, or None for `no such rule`."""


class DatedValue(Message, frozen=True):
    """One value of a rule: effective on its first day, known since another, until an open or given last day."""

    effective: Day
    known: Day
    value: RuleValue
    source: LegalSource
    until: Day | None = None
    note: str = ""


class Rule(Message, frozen=True):
    """One rule: one fact, its unit and its dated values, oldest first."""

    rule: str
    title: str
    unit: str
    values: tuple[DatedValue, ...]


class RulebookText(Message, frozen=True):
    """A whole rulebook as it enters the journal: its name, the digest of its rules, and the rules."""

    name: Name
    digest: str
    rules: tuple[Rule, ...]


# --- Commands ---------------------------------------------------------------------------------------------------

Role = Literal["operator", "regulator", "seller", "buyer", "observer"]
PlaceKind = Literal["plant", "province", "outside"]


class Place(Message, frozen=True):
    """A place where gas is offered or wanted: a plant, a province, or a market outside the country."""

    place: Name
    kind: PlaceKind


class Link(Message, frozen=True):
    """A way from one place to another, its capacity in lots and its tariff in tenge a tonne (VAT excluded)."""

    source: Name
    target: Name
    capacity_lots: Count
    tariff_tenge_per_tonne: Count


class Command(Message, frozen=True, tag_field="type"):
    """What somebody asks of the venue: who, when, and an identifier of their own that makes a retry safe."""

    command_id: Name
    actor: Name
    at_ns: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class AdmitParticipant(Command, frozen=True, tag=True):
    """Admit somebody under a role. The first participant of a venue is its operator and admits itself."""

    participant_id: Name
    name: str
    role: Role


class AdoptRulebook(Command, frozen=True, tag=True):
    """Bring a rulebook into force for all that follows."""

    rulebook: RulebookText


class OpenSession(Command, frozen=True, tag=True):
    """Open a call session for one delivery month, on a day, in one of the rulebook's windows."""

    session_id: Name
    day: Day
    window: str
    delivery_month: Month
    places: tuple[Place, ...]
    links: tuple[Link, ...]


class SubmitOrder(Command, frozen=True, tag=True):
    """Offer or ask for gas at a place, up to a limit price (tenge a tonne, VAT excluded), in whole lots."""

    session_id: Name
    order_id: Name
    place: Name
    side: Side
    price_tenge_per_tonne: Annotated[int, msgspec.Meta(ge=0, le=10**9)]
    quantity_lots: Annotated[int, msgspec.Meta(ge=1, le=10**6)]


class CancelOrder(Command, frozen=True, tag=True):
    """Take an open order back while the session's window is open."""

    session_id: Name
    order_id: Name


class CloseSession(Command, frozen=True, tag=True):
    """End the collecting of orders."""

    session_id: Name


class ClearSession(Command, frozen=True, tag=True):
    """Find the uniform prices of a closed session and settle its fills."""

    session_id: Name


class PlanSupply(Command, frozen=True, tag=True):
    """State a province's supply for a month; the rulebook's platform share says how much of it stays outside."""

    delivery_month: Month
    province: Name
    total_lots: Count
    transport_tenge_per_tonne: Count


class ReportRetailTerms(Command, frozen=True, tag=True):
    """Report what stands between the wholesale price and the pump of a province (VAT included, as consumers pay)."""

    delivery_month: Month
    province: Name
    depot_tenge_per_tonne: Count
    station_margin_tiyn_per_litre: Count
    plan_pass_on_basis_points: Annotated[int, msgspec.Meta(ge=0, le=10_000)]
    """What part of the plan gas reaches the pump at its regulated price where the platform sells gas as well."""


class PublishPrices(Command, frozen=True, tag=True):
    """Compute and publish the pump price of every province from a cleared session."""

    session_id: Name


AnyCommand = (
    AdmitParticipant
    | AdoptRulebook
    | OpenSession
    | SubmitOrder
    | CancelOrder
    | CloseSession
    | ClearSession
    | PlanSupply
    | ReportRetailTerms
    | PublishPrices
)


# --- Events -----------------------------------------------------------------------------------------------------


class Event(Message, frozen=True, tag_field="type"):
    """What has happened."""


class Refused(Event, frozen=True, tag=True):
    """A command was refused: nothing else has changed."""

    code: Code
    what: str
    where: str = ""
    remedy: str = ""


class ParticipantAdmitted(Event, frozen=True, tag=True):
    """Somebody may act under a role from now on."""

    participant_id: Name
    name: str
    role: Role


class RulebookAdopted(Event, frozen=True, tag=True):
    """A rulebook is in force; `version` is its name and the start of its digest."""

    rulebook: RulebookText
    version: str


class SessionOpened(Event, frozen=True, tag=True):
    """Orders are taken from `opens_at_ns` until `closes_at_ns`, within the collar where the rules set one."""

    session_id: Name
    day: Day
    window: str
    delivery_month: Month
    places: tuple[Place, ...]
    links: tuple[Link, ...]
    opens_at_ns: int
    closes_at_ns: int
    lot_kg: int
    reference_tenge_per_tonne: int | None
    collar_lowest_tenge_per_tonne: int | None
    collar_highest_tenge_per_tonne: int | None
    rulebook_version: str


class OrderAccepted(Event, frozen=True, tag=True):
    """An order stands in the session."""

    session_id: Name
    order_id: Name
    participant_id: Name
    place: Name
    side: Side
    price_tenge_per_tonne: int
    quantity_lots: int
    submitted_at_ns: int
    rulebook_version: str


class OrderCancelled(Event, frozen=True, tag=True):
    """An order was taken back before the session's window ended."""

    session_id: Name
    order_id: Name


class SessionClosed(Event, frozen=True, tag=True):
    """No further order is taken."""

    session_id: Name


class PlacePrice(Message, frozen=True):
    """The uniform price of one place, and why: the marginal orders, the full links, the limits that bound.

    `set_at` names the place whose marginal orders set this price, over links that are not full; None when none does.
    """

    place: Name
    price_tenge_per_tonne: int
    traded_lots: int
    set_at: Name | None
    marginal_orders: tuple[str, ...]
    full_links: tuple[str, ...]
    limits: tuple[str, ...]


class Fill(Message, frozen=True):
    """What an order received: lots, at the uniform price of its place."""

    order_id: Name
    quantity_lots: int


class Flow(Message, frozen=True):
    """What moved along a link, in lots."""

    source: Name
    target: Name
    quantity_lots: int


class SessionCleared(Event, frozen=True, tag=True):
    """The prices, fills and flows of a session; `welfare` equals `dual_value`, which proves the optimum."""

    session_id: Name
    prices: tuple[PlacePrice, ...]
    fills: tuple[Fill, ...]
    flows: tuple[Flow, ...]
    welfare: int
    dual_value: int
    average_ex_works_tenge_per_tonne: int | None
    rulebook_version: str


class Posting(Message, frozen=True):
    """One leg of a double entry: an account, its unit, and an amount that is positive when the account receives."""

    account: str
    unit: Literal["tiyn", "kg"]
    amount: int


class LedgerPosted(Event, frozen=True, tag=True):
    """A balanced set of postings: for each unit the amounts sum to zero."""

    reason: str
    postings: tuple[Posting, ...]


class SupplyPlanned(Event, frozen=True, tag=True):
    """A province's supply for a month, parted by the platform share in force."""

    delivery_month: Month
    province: Name
    outside_lots: int
    platform_lots: int
    outside_price_tenge_per_tonne: int | None
    transport_tenge_per_tonne: int
    platform_share_basis_points: int
    rulebook_version: str


class RetailTermsReported(Event, frozen=True, tag=True):
    """What stands between the wholesale price and the pump of a province."""

    delivery_month: Month
    province: Name
    depot_tenge_per_tonne: int
    station_margin_tiyn_per_litre: int
    plan_pass_on_basis_points: int


class PriceStep(Message, frozen=True):
    """One step of the build-up of a pump price; the steps sum to the price exactly."""

    step: str
    tiyn_per_litre: int


class PumpPrice(Message, frozen=True):
    """The pump price of one province for one month, every step shown, and what bound it."""

    province: Name
    ex_works_tenge_per_tonne: int
    transport_tenge_per_tonne: int
    steps: tuple[PriceStep, ...]
    formula_tiyn_per_litre: int
    pump_tiyn_per_litre: int
    previous_tiyn_per_litre: int | None
    cap_tiyn_per_litre: int | None
    limits: tuple[str, ...]
    volume_kg: int
    fund_tiyn: int
    reason: str


class PricesPublished(Event, frozen=True, tag=True):
    """The pump price of every province for a month, under the rulebook named."""

    session_id: Name
    day: Day
    delivery_month: Month
    pump_prices: tuple[PumpPrice, ...]
    rulebook_version: str


AnyEvent = (
    Refused
    | ParticipantAdmitted
    | RulebookAdopted
    | SessionOpened
    | OrderAccepted
    | OrderCancelled
    | SessionClosed
    | SessionCleared
    | LedgerPosted
    | SupplyPlanned
    | RetailTermsReported
    | PricesPublished
)


# --- The journal's row ------------------------------------------------------------------------------------------


class Entry(Message, frozen=True):
    """One command with all that followed from it, as the journal keeps it."""

    sequence: int
    command: AnyCommand
    events: tuple[AnyEvent, ...]


_encoder = msgspec.json.Encoder(order="deterministic")
_entry_decoder = msgspec.json.Decoder(Entry)


def encode(message: Message) -> bytes:
    """Write a message as JSON with its keys in a fixed order: equal messages give equal bytes."""
    return _encoder.encode(message)


def canonical(value: object) -> bytes:
    """Write lists, numbers, text and messages as JSON with its keys in a fixed order, for hashing."""
    return _encoder.encode(value)


def decode_entry(payload: bytes) -> Entry:
    """Read one journal row; raises `msgspec.ValidationError` or `msgspec.DecodeError` when it is none."""
    return _entry_decoder.decode(payload)
