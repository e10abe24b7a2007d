"""The rulebook of a simulated venue: what each seed draws of the rules, so that every limit binds in some of them."""

import random
from typing import Any

from tests import random_money
from tests.property.test_trading_campaign import RULES
from tests.random_commands import ADMISSION
from tests.venue_samples import rulebook

from naryq.messages import RulebookText

MONEY: tuple[dict[str, Any], ...] = (
    {},
    *({**random_money.MONEY_RULES, **changes} for changes in random_money.RULEBOOKS if changes.get("lot") is None),
    {**random_money.MONEY_RULES, "prepayment_days": None, "penalty_share": 3_333, "loss_sharing": "pro_rata"},
)
"""Money at the trade or against delivery; under the last, a penalty is more than any guarantee."""
COUNTERS: tuple[dict[str, Any], ...] = (
    {},
    {"cumulative_sessions": 2, "cumulative_threshold": 177_000, "administered_price": 90_000, "claim_days": 2},
    {"cumulative_sessions": 3, "cumulative_threshold": 268_000, "administered_price": 91_000},
)
"""The orders ask for 86,000 to 98,000: the sum of two or three prices is now above the threshold, now below."""
KEYS: tuple[dict[str, Any], ...] = (
    {},
    {"two_key_level": 88_000, "two_key_spread": 4_000, "two_key_sessions": 2, "two_key_stay": 2, "parity_age": 2},
    {"two_key_level": 89_000, "two_key_spread": 0, "two_key_sessions": 1, "two_key_stay": 3},
)
BANDS: tuple[dict[str, Any], ...] = (
    {},
    {},
    {"hold_rise": 100},
    {
        "hold_rise": 200,
        "band_step": 150,
        "band_edge": 300,
        "band_trades": 2,
        "band_buyers": 1,
        "band_sellers": 1,
        "band_cooling_off": 5,
    },
)
CALENDARS: tuple[dict[str, Any], ...] = ({}, {}, {"publication_lead": 0, "publication_gap": 40})
FUNDS: tuple[dict[str, Any], ...] = (
    {},
    {"fund_floor": -(10**8), "fund_exhausted": "pump"},
    {"fund_floor": 0, "fund_exhausted": "stations"},
)
TOGETHER = (MONEY, COUNTERS, KEYS, BANDS, CALENDARS, FUNDS)
"""Rules that mean something only together, of which each seed draws one group of each kind."""
SOMETIMES: dict[str, tuple[Any, ...]] = {
    "self_trade": ("allow", "cancel_newest", "cancel_resting", "cancel_both"),
    "stop_orders": ("keep", "keep", "cancel"),
    "tie_rule": ("time", "pro_rata"),
    "price_rule": ("middle", "lowest", "highest"),
    "who_may_sell": (("seller", "buyer"), ("seller", "buyer"), ("seller",)),
    "who_may_buy": (("seller", "buyer"), ("seller", "buyer"), ("buyer",)),
    "platform_sellers": (None, None, ("producer", "unclassed")),
    "admission": (None, ADMISSION),
    "exchange_affiliates": (None, None, "forbidden"),
    "exclusion": (None, 1, 1),
    "batch_lowest": (None, None, 3),
    "batch_highest": (None, None, 40),
    "collar_rise": (3_000, 700),
    "collar_fall": (3_000, 300),
    "delivery_months_ahead": (None, 0),
    "session_price_limit": (None, 150),
    "session_halt": (None, 30),
    "orders_per_second": (None, 2),
    "order_lots_highest": (None, None, 5),
    "order_value_highest": (None, None, None, 17_000_000),
    "rule_change_notice_days": (None, 2),
    "pump_step_rise": (None, 500),
    "platform_share": ({"default": 10_000}, {"default": 6_000}),
    "plan_recipients": (None, None, ("station_owner", "unclassed")),
    "plan_correction_days": (None, 1, 1),
    "watch_order_to_trade": (None, 3),
    "watch_identical_prices": (None, 3),
}
"""Rules of which each seed draws one value; None is no rule."""
ALWAYS: dict[str, Any] = {
    **RULES,
    "who_may_stop": ("regulator", "operator"),
    "emergency_days_max": 3,
    "wholesale_cap": 38_000,
    "plan_platform_application_days": 5,
    "plan_application_days": 4,
    "plan_review_days": 2,
    "plan_notice_days": 1,
    "output_report_day": 5,
    "sales_report_day": 15,
}


def drawn_rulebook(draw: random.Random) -> RulebookText:
    """Return the rulebook of a seed."""
    rules = dict(ALWAYS)
    for groups in TOGETHER:
        rules.update(draw.choice(groups))
    rules.update({name: draw.choice(values) for name, values in SOMETIMES.items()})
    return rulebook("drawn", **{name: value for name, value in rules.items() if value is not None})
