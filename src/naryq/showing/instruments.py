"""What is traded: public to everybody."""

import msgspec

from naryq.exchange import State
from naryq.messages import Instrument
from naryq.showing.viewer import Viewer


class ShownInstrument(msgspec.Struct, frozen=True, kw_only=True):
    """An instrument, its last weighted average (tenge a tonne, VAT excluded), and why it is not traded any more."""

    instrument: Instrument
    reference_tenge_per_tonne: int | None
    delisted: str | None


def instruments(state: State, viewer: Viewer) -> tuple[ShownInstrument, ...]:  # noqa: ARG001 - all see the same
    """Return every instrument that was ever listed, by its code."""
    return tuple(_shown(state, each) for _, each in sorted(state.market.instruments.items()))


def _shown(state: State, instrument: Instrument) -> ShownInstrument:
    market = state.market
    return ShownInstrument(
        instrument=instrument,
        reference_tenge_per_tonne=market.references.get(instrument.code),
        delisted=market.delisted.get(instrument.code),
    )
