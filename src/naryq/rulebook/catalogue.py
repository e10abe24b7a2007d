"""The closed catalogue of rules, and what a rule must be, wherever it comes from."""

import difflib
import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple, get_args

from naryq.messages import Code, Credential, DatedValue, ParticipantClass, Role, Rule, RuleValue, encode
from naryq.messages.words import is_legible

DEFAULT_PLACE: Final = "default"
"""The key of a by-place value that holds wherever no place of its own is named."""


class Kind(StrEnum):
    """What form a rule's value has; the text is what a refusal asks for."""

    INTEGER = "a whole number"
    BY_PLACE = "a whole number for each place, as in {KZ-47: 50, default: 60}"
    BY_WORD = "a whole number for each of its words, as in {station_owner.experience: 2}"
    WORD = "one word"
    WORDS = "a list of words, as in [seller]"
    PLACES = "a list of ISO 3166-2 codes, as in [KZ-47, KZ-23]"
    WINDOW = "a window of local time, as in 11:00-13:00"


NUMBERS: Final = frozenset({Kind.INTEGER, Kind.BY_PLACE, Kind.BY_WORD})
"""The kinds whose values are numbers with a unit and bounds."""


class Specification(NamedTuple):
    """What the catalogue says of one rule: its form, unit, bounds or words, and whether a venue can do without it."""

    kind: Kind
    unit: str
    lowest: int = 0
    highest: int = 0
    words: tuple[str, ...] = ()
    required: bool = False


VENUE_RULES: Final = ("xetra", "euronext", "last_accepted_sell")
"""The rules of venues for the price of a call (docs/reference/call-auction.md)."""
_ROLES: Final[tuple[str, ...]] = get_args(Role)
_CLASSES: Final[tuple[str, ...]] = get_args(ParticipantClass)
_TO_SHOW: Final = tuple(f"{name}.{credential}" for name in _CLASSES for credential in get_args(Credential))
UNCLASSED: Final = "unclassed"
"""What a list of classes calls participants that were admitted without one."""

CATALOGUE: Final[Mapping[str, Specification]] = MappingProxyType(
    {
        "provinces": Specification(Kind.PLACES, "iso_3166_2", required=True),
        "wholesale_cap": Specification(Kind.INTEGER, "tenge_per_tonne", 1, 10_000_000),
        "platform_share": Specification(Kind.BY_PLACE, "basis_points", 0, 10_000, required=True),
        "retail_cap": Specification(Kind.BY_PLACE, "tenge_per_litre", 1, 10_000),
        "retail_remote_surcharge": Specification(Kind.INTEGER, "tenge_per_litre", 0, 1_000),
        "remote_distance": Specification(Kind.INTEGER, "km", 1, 5_000),
        "vat": Specification(Kind.INTEGER, "basis_points", 0, 5_000, required=True),
        "density": Specification(Kind.INTEGER, "gram_per_litre", 450, 650, required=True),
        "lot": Specification(Kind.INTEGER, "kg", 1, 1_000_000, required=True),
        "session_window_plan": Specification(Kind.WINDOW, "local_time", required=True),
        "session_window_other": Specification(Kind.WINDOW, "local_time", required=True),
        "utc_offset": Specification(Kind.INTEGER, "minutes", -720, 840, required=True),
        "who_may_sell": Specification(Kind.WORDS, "roles", words=_ROLES, required=True),
        "who_may_buy": Specification(Kind.WORDS, "roles", words=_ROLES, required=True),
        "admission": Specification(Kind.BY_WORD, "years", 0, 50, words=_TO_SHOW),
        "platform_sellers": Specification(Kind.WORDS, "classes", words=(*_CLASSES, UNCLASSED)),
        "platform_buyers": Specification(Kind.WORDS, "classes", words=(*_CLASSES, UNCLASSED)),
        "exchange_affiliates": Specification(Kind.WORD, "word", words=("forbidden", "permitted")),
        "exclusion": Specification(Kind.INTEGER, "years", 1, 50),
        "plan_period": Specification(Kind.WORD, "word", words=("month", "quarter")),
        "plan_recipients": Specification(Kind.WORDS, "classes", words=(*_CLASSES, UNCLASSED)),
        "plan_platform_application_days": Specification(Kind.INTEGER, "days", 0, 365),
        "plan_application_days": Specification(Kind.INTEGER, "days", 0, 365),
        "plan_review_days": Specification(Kind.INTEGER, "days", 0, 365),
        "plan_correction_days": Specification(Kind.INTEGER, "days", 0, 365),
        "plan_notice_days": Specification(Kind.INTEGER, "days", 0, 365),
        "output_report_day": Specification(Kind.INTEGER, "day_of_month", 1, 28),
        "sales_report_day": Specification(Kind.INTEGER, "day_of_month", 1, 28),
        "tie_rule": Specification(Kind.WORD, "word", words=("time", "pro_rata"), required=True),
        "price_rule": Specification(Kind.WORD, "word", words=("lowest", "middle", "highest"), required=True),
        "collar_rise": Specification(Kind.INTEGER, "basis_points", 0, 100_000),
        "collar_fall": Specification(Kind.INTEGER, "basis_points", 0, 10_000),
        "truck_lot": Specification(Kind.INTEGER, "kg", 10, 1_000_000),
        "price_tick": Specification(Kind.INTEGER, "tenge_per_tonne", 1, 1_000_000),
        "call_price_rule": Specification(Kind.WORD, "word", words=VENUE_RULES),
        "self_trade": Specification(
            Kind.WORD, "word", words=("allow", "cancel_newest", "cancel_resting", "cancel_both")
        ),
        "market_orders": Specification(Kind.WORD, "word", words=("taken", "refused")),
        "reference_minimum_lots": Specification(Kind.INTEGER, "lots", 1, 1_000_000),
        "delivery_months_ahead": Specification(Kind.INTEGER, "months", 0, 120),
        "series_regional_sessions": Specification(Kind.INTEGER, "sessions", 0, 20),
        "series_republic_sessions": Specification(Kind.INTEGER, "sessions", 0, 20),
        "auction_minimum_participants": Specification(Kind.INTEGER, "participants", 1, 1_000),
        "pump_step_rise": Specification(Kind.INTEGER, "basis_points_per_month", 0, 100_000),
        "who_may_stop": Specification(Kind.WORDS, "roles", words=_ROLES),
        "stop_orders": Specification(Kind.WORD, "word", words=("keep", "cancel")),
        "rule_change_notice_days": Specification(Kind.INTEGER, "days", 1, 366),
        "emergency_days_max": Specification(Kind.INTEGER, "days", 1, 366),
        "settlement": Specification(Kind.WORD, "word", words=("at_trade", "against_delivery")),
        "guarantee_share": Specification(Kind.INTEGER, "basis_points", 0, 10_000),
        "exchange_fee": Specification(Kind.INTEGER, "basis_points", 0, 1_000),
        "exchange_fee_minimum": Specification(Kind.INTEGER, "tiyn", 0, 1_000_000_000),
        "payment_days": Specification(Kind.INTEGER, "days", 0, 365),
        "prepayment_days": Specification(Kind.INTEGER, "days", 0, 365),
        "delivery_days": Specification(Kind.INTEGER, "days", 0, 365),
        "weight_tolerance": Specification(Kind.INTEGER, "basis_points", 0, 1_000),
        "penalty_share": Specification(Kind.INTEGER, "basis_points", 0, 10_000),
        "penalty_recipient": Specification(Kind.WORD, "word", words=("injured", "venue")),
        "loss_sharing": Specification(Kind.WORD, "word", words=("creditor", "pro_rata")),
        "watch_concentration": Specification(Kind.INTEGER, "hhi_points", 1, 10_000),
        "watch_pivotal_supplier": Specification(Kind.INTEGER, "basis_points", 1, 100_000),
        "watch_withheld_capacity": Specification(Kind.INTEGER, "basis_points", 1, 10_000_000),
        "watch_clustered_bids": Specification(Kind.INTEGER, "basis_points", 0, 100_000),
        "watch_losing_bids": Specification(Kind.INTEGER, "basis_points", 1, 10_000_000),
        "watch_identical_prices": Specification(Kind.INTEGER, "basis_points", 1, 10_000),
        "watch_same_order": Specification(Kind.INTEGER, "sessions", 2, 9),
        "watch_order_to_trade": Specification(Kind.INTEGER, "messages_per_trade", 2, 1_000_000),
        "watch_self_match": Specification(Kind.INTEGER, "basis_points", 1, 10_000),
        "watch_circular_trades": Specification(Kind.INTEGER, "lots", 1, 1_000_000),
        "watch_message_rate": Specification(Kind.INTEGER, "orders_per_second", 2, 1_000_000),
        "watch_regular_intervals": Specification(Kind.INTEGER, "basis_points", 0, 100_000),
        "watch_resale_markup": Specification(Kind.INTEGER, "basis_points", 1, 10_000_000),
        "watch_resale_chain": Specification(Kind.INTEGER, "trades", 2, 1_000),
        "watch_marking_the_close": Specification(Kind.INTEGER, "basis_points", 1, 10_000_000),
        "watch_momentum": Specification(Kind.INTEGER, "basis_points", 1, 10_000_000),
        "watch_cornering": Specification(Kind.INTEGER, "basis_points", 1, 10_000),
        "session_price_limit": Specification(Kind.INTEGER, "basis_points", 1, 10_000),
        "session_halt": Specification(Kind.INTEGER, "minutes", 0, 240),
        "hold_rise": Specification(Kind.INTEGER, "basis_points", 0, 100_000),
        "band_step": Specification(Kind.INTEGER, "basis_points", 1, 10_000),
        "band_edge": Specification(Kind.INTEGER, "basis_points", 0, 10_000),
        "band_trades": Specification(Kind.INTEGER, "trades", 1, 1_000_000),
        "band_buyers": Specification(Kind.INTEGER, "buyers", 1, 10_000),
        "band_sellers": Specification(Kind.INTEGER, "sellers", 1, 10_000),
        "band_cooling_off": Specification(Kind.INTEGER, "minutes", 0, 240),
        "order_lots_highest": Specification(Kind.INTEGER, "lots", 1, 1_000_000),
        "order_value_highest": Specification(Kind.INTEGER, "tenge", 1, 10**15),
        "orders_per_second": Specification(Kind.INTEGER, "orders_per_second", 1, 100),
        "batch_lowest": Specification(Kind.INTEGER, "lots", 1, 1_000_000),
        "batch_highest": Specification(Kind.INTEGER, "lots", 1, 1_000_000_000),
        "cumulative_sessions": Specification(Kind.INTEGER, "sessions", 1, 400),
        "cumulative_threshold": Specification(Kind.INTEGER, "tenge_per_tonne", 1, 10**12),
        "administered_price": Specification(Kind.INTEGER, "tenge_per_tonne", 1, 10_000_000),
        "claim_days": Specification(Kind.INTEGER, "days", 1, 365),
        "two_key_level": Specification(Kind.INTEGER, "tenge_per_tonne", 1, 10_000_000),
        "two_key_spread": Specification(Kind.INTEGER, "tenge_per_tonne", 0, 10_000_000),
        "two_key_sessions": Specification(Kind.INTEGER, "sessions", 1, 400),
        "two_key_stay": Specification(Kind.INTEGER, "sessions", 0, 400),
        "parity_age": Specification(Kind.INTEGER, "days", 1, 365),
        "publication_lead": Specification(Kind.INTEGER, "days", 0, 365),
        "publication_gap": Specification(Kind.INTEGER, "days", 0, 365),
        "fund_floor": Specification(Kind.INTEGER, "tiyn", -(10**17), 10**17),
        "fund_exhausted": Specification(Kind.WORD, "word", words=("pump", "stations")),
    }
)
"""Rule id -> what its values must be. A rule outside this list is refused: the venue would silently ignore it."""


class Fault(NamedTuple):
    """What is wrong with a rule: which value (None: the rule itself), which field, what, and what to do."""

    position: int | None
    field: str
    what: str
    remedy: str
    code: Code = Code.RULE_INVALID


_PLACE_CODE: Final = re.compile(r"[A-Z]{2}-[A-Z0-9]{1,3}")
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_WINDOW: Final = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]")
_ADDRESS: Final = re.compile(r"https?://[^\s/]+/?\S*")


def _is_day(text: str) -> bool:
    if _DAY.fullmatch(text) is None:
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


_Found = Iterator[tuple[str, str]]
"""What is wrong with a value: the field or place that is wrong, and what is wrong with it."""


def _number_faults(specification: Specification, value: object) -> _Found:
    if not isinstance(value, int) or isinstance(value, bool):
        yield "value", f"value is {value!r}, not a whole number"
    elif not specification.lowest <= value <= specification.highest:
        bounds = f"{specification.lowest} to {specification.highest} {specification.unit}"
        yield "value", f"value is {value}, outside {bounds}"


def _by_place_faults(specification: Specification, value: object) -> _Found:
    if not isinstance(value, dict) or not value:
        yield "value", f"value is {value!r}, not a number for each place"
        return
    for place, number in value.items():
        if place != DEFAULT_PLACE and _PLACE_CODE.fullmatch(place) is None:
            yield place, f"{place!r} is not an ISO 3166-2 code"
        for _, what in _number_faults(specification, number):
            yield place, f"{place}: {what}"


def _by_word_faults(specification: Specification, value: object) -> _Found:
    if not isinstance(value, dict) or not value:
        yield "value", f"value is {value!r}, not a number for each word"
        return
    for word, number in value.items():
        if word not in specification.words:
            near = difflib.get_close_matches(word, specification.words, n=1)
            yield word, f"{word!r} is none of the rule's words" + (f"; did you mean {near[0]}" if near else "")
        for _, what in _number_faults(specification, number):
            yield word, f"{word}: {what}"


def _word_faults(specification: Specification, value: object) -> _Found:
    if value not in specification.words:
        yield "value", f"value is {value!r}, not one of {', '.join(specification.words)}"


def _list_faults(value: object, accepts: Callable[[str], bool], expected: str) -> _Found:
    if not isinstance(value, tuple) or not value:
        yield "value", f"value is {value!r}, not a list of words"
        return
    for position, word in enumerate(value):
        if not accepts(word):
            yield "value", f"{word!r} is not {expected}"
        if word in value[:position]:
            yield "value", f"{word!r} stands twice in the list"


def _words_faults(specification: Specification, value: object) -> _Found:
    return _list_faults(value, specification.words.__contains__, f"one of {', '.join(specification.words)}")


def _places_faults(_: Specification, value: object) -> _Found:
    return _list_faults(value, lambda word: _PLACE_CODE.fullmatch(word) is not None, "an ISO 3166-2 code")


def _window_faults(_: Specification, value: object) -> _Found:
    if not isinstance(value, str) or _WINDOW.fullmatch(value) is None:
        yield "value", f"value is {value!r}, not a window of local time"
        return
    opens, closes = value.split("-")
    if opens >= closes:
        yield "value", f"the window {value} does not close after it opens"


_FAULTS_BY_KIND: Final[Mapping[Kind, Callable[[Specification, object], _Found]]] = MappingProxyType(
    {
        Kind.INTEGER: _number_faults,
        Kind.BY_PLACE: _by_place_faults,
        Kind.BY_WORD: _by_word_faults,
        Kind.WORD: _word_faults,
        Kind.WORDS: _words_faults,
        Kind.PLACES: _places_faults,
        Kind.WINDOW: _window_faults,
    }
)


def _value_faults(specification: Specification, index: int, value: RuleValue) -> Iterator[Fault]:
    otherwise = "" if specification.required else ", or none where there is no such rule"
    unit = f" in {specification.unit}" if specification.kind in NUMBERS else ""
    remedy = f"Give {specification.kind}{unit}{otherwise}."
    if value is not None:
        for name, what in _FAULTS_BY_KIND[specification.kind](specification, value):
            yield Fault(index, name, what, remedy)
    elif specification.required:
        yield Fault(index, "value", "value is none, but a venue cannot run without this rule", remedy)


def _dated_faults(index: int, dated: DatedValue) -> Iterator[Fault]:
    for name, day in (("effective", dated.effective), ("known", dated.known), ("until", dated.until)):
        if day is not None and not _is_day(day):
            yield Fault(index, name, f"{name} is {day!r}, not a calendar day", "Write it as 2022-01-31.")
    if dated.until is not None and dated.until < dated.effective:
        what = f"until is {dated.until}, before effective {dated.effective}"
        yield Fault(index, "until", what, "Give the last day of the value, or leave until out while it is open.")
    if not is_legible(dated.source.act):
        yield Fault(index, "act", "the source names no act", "Name the act or report that sets this value.")
    if _ADDRESS.fullmatch(dated.source.url) is None:
        what = f"the source's url is {dated.source.url!r}, not a web address"
        yield Fault(index, "url", what, "Give the https address where the act or report can be read.")


def _order_faults(rule: Rule) -> Iterator[Fault]:
    days = [(dated.effective, dated.known) for dated in rule.values]
    for index in range(1, len(days)):
        effective, known = days[index]
        if days[index] == days[index - 1]:
            what = f"two values are effective {effective} and known {known}"
            yield Fault(index, "effective", what, "Keep one of them, or date the later one by the day it became known.")
        elif days[index] < days[index - 1]:
            yield Fault(index, "effective", "the values are not in order of time", "Put the oldest first.")


def faults_of(rule: Rule) -> Iterator[Fault]:
    """Yield what is wrong with one rule, judged by the catalogue alone."""
    specification = CATALOGUE.get(rule.rule)
    if specification is None:
        yield _unknown_rule(rule.rule)
        return
    if rule.unit != specification.unit:
        remedy = f"Give its values in {specification.unit} and write unit: {specification.unit}."
        yield Fault(None, "unit", f"the unit of {rule.rule} is {rule.unit!r}", remedy)
    if not rule.values:
        yield Fault(None, "values", f"{rule.rule} has no value", "Give at least one dated value, or remove the file.")
    for index, dated in enumerate(rule.values):
        yield from _value_faults(specification, index, dated.value)
        yield from _dated_faults(index, dated)
    yield from _order_faults(rule)


def _unknown_rule(rule: str) -> Fault:
    near = difflib.get_close_matches(rule, CATALOGUE, n=1)
    hint = f"Did you mean {near[0]}?" if near else f"The rules are: {', '.join(CATALOGUE)}."
    return Fault(None, "rule", f"there is no rule {rule!r}", hint, Code.RULE_UNKNOWN)


def place_faults(rule: Rule, places: tuple[str, ...]) -> Iterator[Fault]:
    """Yield a fault for each place code that the rulebook's own list of provinces does not know."""
    if rule.rule not in CATALOGUE or CATALOGUE[rule.rule].kind is not Kind.BY_PLACE:
        return
    for index, dated in enumerate(rule.values):
        codes = dated.value if isinstance(dated.value, dict) else ()
        for code in codes:
            if code not in places:
                what = f"{code} is none of the rulebook's provinces"
                yield Fault(index, code, what, "Mend the code, or add it to provinces.yaml.", Code.UNKNOWN_PLACE)


def provinces(rules: tuple[Rule, ...]) -> tuple[str, ...]:
    """Return every key that a by-place value may have: `default` and each code that `provinces` ever lists."""
    values = (dated.value for rule in rules if rule.rule == "provinces" for dated in rule.values)
    return (DEFAULT_PLACE, *(code for value in values if isinstance(value, tuple) for code in value))


def missing(rules: tuple[Rule, ...]) -> tuple[str, ...]:
    """Return the rules that a venue cannot do without and that are not among these."""
    given = tuple(rule.rule for rule in rules)
    return tuple(name for name, specification in CATALOGUE.items() if specification.required and name not in given)


def digest_of(rules: tuple[Rule, ...]) -> str:
    """Return the SHA-256 of rules in hexadecimal: over every value, date, source and note, in order of rule id."""
    return hashlib.sha256(b"\n".join(encode(rule) for rule in rules)).hexdigest()
