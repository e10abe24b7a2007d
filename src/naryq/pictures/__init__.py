"""Pictures of a clearing without a browser: the curves of a place, the network with its prices and flows.

`Clearing.picture` is the way to ask for one. matplotlib draws; it is the optional extra `pictures`.
"""

from typing import Literal

from naryq.market.clearing import Clearing
from naryq.market.words import check_language
from naryq.messages import Code, Refusal

Kind = Literal["svg", "png"]


def picture(result: Clearing, place: str | None = None, *, kind: str = "svg", language: str = "en") -> bytes:
    """Draw a place's supply and demand, or, without a place, the network; see `Clearing.picture`."""
    if kind not in {"svg", "png"}:
        raise Refusal(Code.UNKNOWN_OPTION, f"kind is {kind!r}", remedy="Choose one of svg, png.")
    check_language(language)
    curves = None if place is None else (result.curves(place), result.why(place))
    try:
        from naryq.pictures import curve, flows  # noqa: PLC0415 - matplotlib is an extra, and slow to load
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] != "matplotlib":
            raise
        raise Refusal(
            Code.NOT_SUPPORTED, "pictures need matplotlib", remedy="Install it: pip install 'naryq[pictures]'."
        ) from None
    if curves is not None:
        return curve.drawn(*curves, kind, language)
    return flows.drawn(*result.network(), kind, language)
