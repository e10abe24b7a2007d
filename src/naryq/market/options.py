"""The options of `clear`: what they may be, and what does not go together."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from naryq.market.auction import PRICE_RULES
from naryq.market.call import REFERRING_RULES, VENUE_RULES
from naryq.market.intake import HIGHEST_PRICE, Links, Orders, shown
from naryq.market.places import Places, bounds_prices
from naryq.messages import Code, Refusal

TIES: Final = ("time", "pro_rata")


def check_options(tie: str, price_rule: str, reference: int | Mapping[str, int] | None) -> None:
    """Refuse an option that is not known, or a reference that does not go with the price rule."""
    for name, value, known in (("tie", tie, TIES), ("price_rule", price_rule, PRICE_RULES)):
        if not isinstance(value, str) or value not in known:
            raise Refusal(Code.UNKNOWN_OPTION, f"{name} is {shown(value)}", remedy=f"Choose one of {', '.join(known)}.")
    needed, welcome = price_rule == "reference", price_rule in {"reference", *REFERRING_RULES}
    if (needed and reference is None) or (reference is not None and not welcome):
        raise Refusal(
            Code.UNKNOWN_OPTION,
            f"price_rule is {price_rule!r} and reference is {'missing' if reference is None else 'given'}",
            remedy="Give a reference price with price_rule='reference' always, with 'xetra' and 'euronext' if there is "
            "one, and with no other.",
        )
    for price in reference.values() if isinstance(reference, Mapping) else () if reference is None else (reference,):
        if isinstance(price, bool) or not isinstance(price, (int, np.integer)) or not 0 <= price <= HIGHEST_PRICE:
            raise Refusal(
                Code.OUT_OF_RANGE,
                f"the reference price is {shown(price)}",
                remedy="Give whole numbers from 0 to 10**12.",
            )


def check_alone(price_rule: str, links: Links, places: Any) -> None:
    """Refuse to apply a venue's rule to joined places, or to ones with terms of their own: it is made for one book."""
    if price_rule in VENUE_RULES and places is not None:
        raise Refusal(
            Code.NOT_SUPPORTED,
            f"price_rule is {price_rule!r} and places have terms of their own",
            where="places",
            remedy="Clear without them, or choose lowest, middle, highest or reference.",
        )
    if price_rule in VENUE_RULES and links.source:
        raise Refusal(
            Code.NOT_SUPPORTED,
            f"price_rule is {price_rule!r} and places are joined by links",
            where="links, row 1",
            remedy="Clear without links, each place alone, or choose lowest, middle, highest or reference.",
        )


def check_choosing(price_rule: str, orders: Orders, terms: Places | None) -> None:
    """Refuse orders with conditions together with what would not say whether the price pays them."""
    remedy = "or leave the conditions out."
    if price_rule in VENUE_RULES:
        what, where = f"price_rule is {price_rule!r} and there are orders with conditions", "orders"
        remedy = f"Choose lowest, middle, highest or reference, {remedy}"
    elif orders.unlimited is not None:
        row = int(np.argmax(orders.unlimited))
        what, where = "the price is missing and there are orders with conditions", f"orders, row {row + 1}"
        remedy = f"Give every order a limit, {remedy}"
    elif bounds_prices(terms):
        what, where = "a place has a floor or a cap and there are orders with conditions", "places"
        remedy = f"Leave out floors and caps, {remedy}"
    else:
        return
    raise Refusal(Code.NOT_SUPPORTED, what, where=where, remedy=remedy)


def check_limit(seconds: int | None) -> None:
    """Refuse a time limit that is no whole number of seconds."""
    if seconds is not None and (isinstance(seconds, bool) or not isinstance(seconds, (int, np.integer)) or seconds < 0):
        raise Refusal(
            Code.OUT_OF_RANGE,
            f"time_limit_seconds is {shown(seconds)}",
            remedy="Give a whole number of seconds, 0 for the first choice found, or leave it out for no limit.",
        )
