"""What the fund can pay, in fractions, province by province: the plain twin of the fund's floor."""

from fractions import Fraction
from math import floor
from typing import Any

from tests import pricing_twins as twins

from naryq import messages as m


def within_the_fund(books: Any, call: Any, expected: list[dict[str, Any]], today: str) -> list[dict[str, Any]]:
    """Return the expected pump prices with no more paid by the fund than its floor allows."""
    month = f"{call.opened.delivery_month}-01"
    lowest, who, density = (books.rule(name, month, today) for name in ("fund_floor", "fund_exhausted", "density"))
    owed = [pump["fund_tiyn"] for pump in expected]
    left = books.balances.get(("fund", "tiyn"), 0) - (lowest or 0)
    if lowest is None or sum(owed) <= left:
        return expected
    return [_short(pump, paid, who, density) for pump, paid in zip(expected, _shares(owed, max(0, left)), strict=True)]


def _shares(owed: list[int], left: int) -> list[int]:
    """Share what is left pro rata, by the largest remainder, the earlier province first."""
    exact = [Fraction(left * tiyn, sum(owed)) for tiyn in owed]
    shares = [floor(part) for part in exact]
    order = sorted(range(len(owed)), key=lambda at: (shares[at] - exact[at], at))
    for at in order[: left - sum(shares)]:
        shares[at] += 1
    return shares


def _short(pump: dict[str, Any], paid_tiyn: int, who: str | None, density: int) -> dict[str, Any]:
    if paid_tiyn == pump["fund_tiyn"]:
        return pump
    litres = twins.half_up(Fraction(pump["volume_kg"] * 1000, density))
    owed = pump["fund_tiyn"] // litres
    paid = paid_tiyn // litres
    steps = [step for step in pump["steps"] if step.step != "paid by the fund"]
    steps += [m.PriceStep("paid by the fund", -paid)] if paid else []
    steps += [m.PriceStep("carried by the stations", paid - owed)] if who == "stations" else []
    rise = 0 if who == "stations" else owed - paid
    return {
        **pump,
        "steps": tuple(steps),
        "pump_tiyn_per_litre": pump["pump_tiyn_per_litre"] + rise,
        "limits": (*pump["limits"], "fund_floor"),
        "fund_tiyn": paid * litres,
    }
