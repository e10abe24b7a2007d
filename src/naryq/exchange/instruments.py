"""What is traded: instruments, and how the code of one is read.

The codes follow the one real platform of which announcements are at hand (data/kazakhstan/instrument_codes.csv). Of
its seven letters the announcements state the product, the plant and the region in words; which letter stands for which
is inferred from there, and of `EX`, `ER` and `40` no source says what they mean.
"""

from types import MappingProxyType
from typing import Final, NamedTuple

import msgspec

from naryq.exchange.state import State
from naryq.exchange.topic import Decision, Topic, rules_in_force
from naryq.messages import (
    REPUBLIC,
    Code,
    DelistInstrument,
    Instrument,
    InstrumentDelisted,
    InstrumentListed,
    ListInstrument,
    Refusal,
)
from naryq.rulebook import InForce

CODE_LENGTH: Final = 7
PRODUCTS: Final = MappingProxyType({"HBD": "LPG butane technical"})
REGIONS: Final = MappingProxyType({"L": "KZ-27", "F": "Eastern region", "Q": REPUBLIC})
"""The sixth letter, inferred from announcements that state the region in words."""
PLANTS: Final = MappingProxyType({"A": "ANPZ", "P": "PNHZ"})
"""The seventh letter, inferred in the same way."""
OVER: Final = ("cleared", "published", "cancelled")
"""The phases in which nothing of a session is open any more."""


class CodeParts(NamedTuple):
    """What the letters of a code say; None where no source tells what a letter means."""

    product: str | None
    basis: str
    region: str | None
    plant: str | None


def parsed(code: str) -> CodeParts | None:
    """Read a code of the platform ETS; None for a code of another form.

    >>> parsed("HBDEXLA")
    CodeParts(product='LPG butane technical', basis='EX', region='KZ-27', plant='ANPZ')
    >>> parsed("HBDEXEA").region, parsed("A92FCQTS")
    (None, None)
    """
    if len(code) != CODE_LENGTH or not (code.isascii() and code.isalnum() and code.isupper()):
        return None
    return CodeParts(PRODUCTS.get(code[:3]), code[3:5], REGIONS.get(code[5]), PLANTS.get(code[6]))


def composed(product: str, basis: str, region: str, plant: str) -> str | None:
    """Write the code of an instrument as the platform would; None where no letter for a part is known.

    >>> composed("LPG butane technical", "EX", "KZ-27", "ANPZ")
    'HBDEXLA'
    """
    tables = ((PRODUCTS, product), (REGIONS, region), (PLANTS, plant))
    letters = [next((letters for letters, said in table.items() if said == part), None) for table, part in tables]
    if None in letters:
        return None
    return f"{letters[0]}{basis}{letters[1]}{letters[2]}"


def listed(state: State, code: str | None, where: str = "instrument") -> Instrument:
    """Return a listed instrument; refuses (UNKNOWN_INSTRUMENT) what is not listed."""
    found = None if code is None else state.market.instruments.get(code)
    if found is None or code in state.market.delisted:
        what = f"no instrument {code!r} is listed" if code else "no instrument is named"
        remedy = "List it with ListInstrument, or name one that is listed."
        raise Refusal(Code.UNKNOWN_INSTRUMENT, what, where=where, remedy=remedy)
    return found


def _list_instrument(state: State, command: ListInstrument) -> Decision:
    rules = rules_in_force(state, command.at_ns)
    if command.code in state.market.instruments:
        what = f"instrument {command.code!r} exists already, or did"
        remedy = "Choose another code: trades and references of the old one keep its name."
        raise Refusal(Code.ALREADY_EXISTS, what, where="code", remedy=remedy)
    _check_region(command, rules)
    _check_code(command)
    instrument = Instrument(
        code=command.code,
        product=command.product,
        plant=command.plant,
        delivery_basis=command.delivery_basis,
        delivery_region=command.delivery_region,
        lot_kg=rules.required_integer("lot" if command.carriage == "rail" else "truck_lot"),
        tick_tenge_per_tonne=rules.integer("price_tick") or 1,
        provinces=command.provinces,
    )
    return (InstrumentListed(instrument, rules.version),)


def _check_region(command: ListInstrument, rules: InForce) -> None:
    provinces = rules.words("provinces")
    unknown = [province for province in command.provinces if province not in provinces]
    nameless = command.delivery_region not in (*provinces, REPUBLIC) and not command.provinces
    if unknown or nameless:
        what = f"the rulebook has no province {unknown[0] if unknown else command.delivery_region!r}"
        remedy = f"Name a province, {REPUBLIC} for all of them, or list the provinces of the region."
        raise Refusal(Code.UNKNOWN_PLACE, what, where="provinces" if unknown else "delivery_region", remedy=remedy)


def _check_code(command: ListInstrument) -> None:
    """Refuse a code whose known letters say something else than the command."""
    parts = parsed(command.code)
    if parts is None:
        return
    told = (("product", command.product), ("region", command.delivery_region), ("plant", command.plant))
    for name, said in told:
        meant = getattr(parts, name)
        if parts.product is not None and meant is not None and meant != said:
            what = f"the code {command.code} says {name} {meant}, the command {said}"
            raise Refusal(Code.OUT_OF_RANGE, what, where="code", remedy="Mend one of the two.")


def _delist_instrument(state: State, command: DelistInstrument) -> Decision:
    listed(state, command.code, "code")
    for name, session in sorted(state.sessions.items()):
        if session.opened.instrument == command.code and session.phase not in OVER:
            what = f"session {name!r} over {command.code} is {session.phase}"
            raise Refusal(Code.WRONG_PHASE, what, where="code", remedy="End or cancel its sessions first.")
    return (InstrumentDelisted(command.code, command.reason),)


def _instrument_listed(state: State, event: InstrumentListed) -> State:
    instruments = state.market.instruments.insert(event.instrument.code, event.instrument)
    return msgspec.structs.replace(state, market=msgspec.structs.replace(state.market, instruments=instruments))


def _instrument_delisted(state: State, event: InstrumentDelisted) -> State:
    delisted = state.market.delisted.insert(event.code, event.reason)
    return msgspec.structs.replace(state, market=msgspec.structs.replace(state.market, delisted=delisted))


TOPIC: Final = Topic(
    permitted=MappingProxyType(
        {
            ListInstrument: ("operator",),
            DelistInstrument: ("operator",),
        }
    ),
    deciders=MappingProxyType(
        {
            ListInstrument: _list_instrument,
            DelistInstrument: _delist_instrument,
        }
    ),
    evolvers=MappingProxyType(
        {
            InstrumentListed: _instrument_listed,
            InstrumentDelisted: _instrument_delisted,
        }
    ),
)
