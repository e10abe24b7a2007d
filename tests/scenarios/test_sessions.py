"""Sessions as a trader would tell them: a script is played through the venue, an auditor follows, the end is told."""

import pytest
from tests.scenario_script import Script

SCRIPTS = {
    "a call in one place": """
        place    KZ-47 province
        session  2022-01 on 2021-12-31
        11:00    zhanaozen  sell KZ-47  90000 5   as ask-1
        11:05    atyrau     sell KZ-47  95000 5   as ask-2
        11:10    aktau      buy  KZ-47 105000 4   as bid-1
        11:15    dossor     buy  KZ-47  97000 3   as bid-2
        11:20    aktau      buy  KZ-47  93000 9   as bid-3
        13:00    clear
        # The second ask is the marginal one: it is filled in part and sets the price of all.
        price    KZ-47 95000
        fill     ask-1 5
        fill     ask-2 2
        fill     bid-1 4
        fill     bid-2 3
        fill     bid-3 0
        account  participant:aktau     -13680000 tenge
        account  participant:aktau        144000 kg
        account  participant:dossor    -10260000 tenge
        account  participant:zhanaozen  17100000 tenge
        account  participant:atyrau      6840000 tenge
        account  participant:atyrau       -72000 kg
        account  carrier                       0 tenge
        account  congestion                    0 tenge
        # 95,000 x 1.12 x 0.54 / 1,000 = 57.456; depot 3.24; station 31.
        pump     KZ-47 91.70
    """,
    "the earlier of two equal bids is filled first": """
        session  2022-01 on 2021-12-31
        11:00    zhanaozen  sell ZH     90000 5   as ask
        11:01    dossor     buy  KZ-47 100000 4   as z-early
        11:02    aktau      buy  KZ-47 100000 4   as a-late
        13:00    clear
        price    ZH    98000
        price    KZ-47 100000
        fill     z-early 4
        fill     a-late  1
    """,
    "equal bids share pro rata where the rule says so": """
        rules    tie_rule pro_rata
        session  2022-01 on 2021-12-31
        11:00    zhanaozen  sell ZH     90000 5   as ask
        11:01    dossor     buy  KZ-47 100000 6   as early
        11:02    aktau      buy  KZ-47 100000 4   as late
        13:00    clear
        fill     early 3
        fill     late  2
    """,
    "two provinces and a full link": """
        link     ZH -> KZ-47  3 2000
        link     AT -> KZ-47 10 6000
        link     AT -> KZ-23 10 1000
        session  2022-01 on 2021-12-31
        11:00    zhanaozen  sell ZH     50000 10  as cheap
        11:05    atyrau     sell AT     80000 10  as dear
        11:10    aktau      buy  KZ-47 100000 5   as bid-47
        11:15    dossor     buy  KZ-23  90000 4   as bid-23
        13:00    clear
        # Three lots are all that the cheap plant can send; the dear one sets both provinces' prices.
        price    ZH    50000
        price    AT    80000
        price    KZ-47 86000
        price    KZ-23 81000
        full     KZ-47 ZH -> KZ-47
        fill     cheap 3
        fill     dear  6
        flow     ZH -> KZ-47 3
        flow     AT -> KZ-47 2
        flow     AT -> KZ-23 4
        average  70000
        # Tariffs: 3 x 2,000 + 2 x 6,000 + 4 x 1,000 = 22,000 a tonne-lot; rent: 3 x 34,000; a lot is 36 t.
        account  carrier      792000 tenge
        account  congestion  3672000 tenge
        # The mean carriage is (3 x 2,000 + 2 x 6,000) / 5 = 3,600.
        pump     KZ-47 86.25
        pump     KZ-23 83.23
    """,
    "nobody comes": """
        session  2022-01 on 2021-12-31
        13:00    clear
        price    KZ-47 -
        average  -
        pump     KZ-47 -
    """,
    "only buyers come": """
        session  2022-01 on 2021-12-31
        11:00    aktau      buy  KZ-47 105000 4   as bid
        13:00    clear
        fill     bid 0
        average  -
        pump     KZ-47 -
        account  participant:aktau 0 tenge
    """,
    "only sellers come": """
        session  2022-01 on 2021-12-31
        11:00    zhanaozen  sell ZH     50000 4   as ask
        13:00    clear
        fill     ask 0
        average  -
        pump     KZ-47 -
    """,
    "a bid is taken back": """
        session  2022-01 on 2021-12-31
        11:00    zhanaozen  sell ZH     90000 5   as ask
        11:01    aktau      buy  KZ-47 100000 5   as bid
        11:02    dossor     buy  KZ-47 110000 5   as gone
        11:03    aktau      cancel gone           -> not_permitted
        11:04    dossor     cancel gone
        11:05    dossor     cancel gone           -> unknown_order
        11:06    dossor     buy  KZ-47 110000 5   as gone -> duplicate_id
        13:00    clear
        # Any price from 92,000 to 100,000 clears: the rule takes the middle.
        price    KZ-47 96000
        fill     bid  5
        fill     gone -
    """,
    "a window is open from its first instant to before its last": """
        session  2022-01 on 2021-12-31
        10:59    aktau      buy  KZ-47 100000 5   as early -> outside_window
        11:00    aktau      buy  KZ-47 100000 5   as first
        12:59    aktau      buy  KZ-47 100000 5   as last
        13:00    aktau      buy  KZ-47 100000 5   as late  -> outside_window
        # Nobody else can answer any more, so nobody may step back either.
        13:00    aktau      cancel first                   -> outside_window
        13:00    clear
        fill     first 0
        fill     last  0
        fill     late  -
    """,
    "the collar is judged at the plant gate": """
        session  2021-12 on 2021-11-30
        11:00    zhanaozen  sell ZH    100000 5   as last-month
        11:01    aktau      buy  KZ-47 102000 5   as last-month-too
        13:00    clear
        average  100000
        adopt    collar_rise 1000
        adopt    collar_fall 6000
        session  2022-01 on 2021-12-31
        11:00    zhanaozen  sell ZH    110001 5   as ask     -> price_above_collar
        11:00    zhanaozen  sell ZH     39999 5   as ask     -> price_below_collar
        # The cheapest way to KZ-47 costs 2,000, that to KZ-23 costs 1,000: both stand for 110,000 at the gate.
        11:01    aktau      buy  KZ-47 112001 5   as bid-47  -> price_above_collar
        11:01    aktau      buy  KZ-47 112000 5   as bid-47
        11:01    aktau      buy  KZ-47  41999 5   as low-47  -> price_below_collar
        11:01    aktau      buy  KZ-47  42000 5   as low-47
        11:02    dossor     buy  KZ-23 111001 5   as bid-23  -> price_above_collar
        11:02    dossor     buy  KZ-23 111000 5   as bid-23
        11:03    zhanaozen  sell ZH    110000 4   as ask
        13:00    clear
        price    ZH    110000
        price    KZ-47 112000
        fill     bid-47 4
        bound    KZ-47 collar
    """,
    "each order is judged by the rule in force when it comes": """
        session  2022-01 on 2021-12-31
        11:00    zhanaozen  buy  KZ-47 100000 5   as first -> not_permitted
        adopt    who_may_buy buyer seller
        11:01    zhanaozen  buy  KZ-47 100000 5   as first
        adopt    who_may_buy buyer
        11:02    zhanaozen  buy  KZ-47 100000 5   as second -> not_permitted
        11:03    atyrau     sell AT     90000 5   as ask
        13:00    clear
        # What was taken under the rule of its minute stands.
        fill     first 5
        price    KZ-47 98000
    """,
    "a collar comes between two sessions": """
        session  2021-12 on 2021-11-30
        11:00    zhanaozen  sell ZH     60000 5   as ask-1
        11:01    aktau      buy  KZ-47 180000 5   as bid-1
        13:00    clear
        price    ZH    119000
        adopt    collar_rise 0
        session  2022-01 on 2021-12-31
        11:00    zhanaozen  sell ZH    119001 5   as ask-2 -> price_above_collar
        11:01    zhanaozen  sell ZH    119000 5   as ask-2
        11:02    aktau      buy  KZ-47 180000 5   as bid-2 -> price_above_collar
        11:03    aktau      buy  KZ-47 121000 5   as bid-2
        13:00    clear
        price    ZH    119000
        bound    KZ-47 collar
    """,
    "the retail cap holds the pump": """
        rules    retail_cap default 80
        session  2022-01 on 2021-12-31
        11:00    zhanaozen  sell ZH     90000 5   as ask
        11:01    aktau      buy  KZ-47 100000 5   as bid
        13:00    clear
        # The cap is the seller's loss: nobody pays the stations for it.
        formula  KZ-47 92.30
        pump     KZ-47 80.00
        bound    KZ-47 retail_cap
        fund     KZ-47 0 tenge
        account  fund  0 tenge
    """,
    "the step holds the pump and the fund pays the rest": """
        rules    pump_step_rise 500
        session  2021-12 on 2021-11-30
        11:00    zhanaozen  sell ZH     38000 5   as ask-1
        11:01    aktau      buy  KZ-47  40000 5   as bid-1
        13:00    clear
        # There is no last price to rise from: 38,000 x 0.6048 / 1,000 = 22.98; 1.21; 3.24; 31.
        pump     KZ-47 58.43
        bound    KZ-47
        session  2022-01 on 2021-12-31
        11:00    zhanaozen  sell ZH    100000 5   as ask-2
        11:01    aktau      buy  KZ-47 105000 5   as bid-2
        13:00    clear
        # 58.43 x 1.05 = 61.3515, rounded down; 180 t are 333,333 litres at 35.49 tenge each.
        formula  KZ-47 96.84
        pump     KZ-47 61.35
        bound    KZ-47 pump_step_rise
        fund     KZ-47           1182998817 tiyn
        account  fund           -1182998817 tiyn
        account  stations:KZ-47  1182998817 tiyn
    """,
    "the fund does not pay for what the cap holds": """
        rules    pump_step_rise 500
        rules    retail_cap default 70
        session  2021-12 on 2021-11-30
        11:00    zhanaozen  sell ZH     38000 5   as ask-1
        11:01    aktau      buy  KZ-47  40000 5   as bid-1
        13:00    clear
        session  2022-01 on 2021-12-31
        11:00    zhanaozen  sell ZH    100000 5   as ask-2
        11:01    aktau      buy  KZ-47 105000 5   as bid-2
        13:00    clear
        # From 96.84 the cap takes 26.84; the fund pays from 70 down to 61.35: 8.65 x 333,333 litres.
        pump     KZ-47 61.35
        fund     KZ-47 288333045 tiyn
    """,
    "a fall is free": """
        rules    pump_step_rise 500
        session  2021-12 on 2021-11-30
        11:00    zhanaozen  sell ZH    100000 5   as ask-1
        11:01    aktau      buy  KZ-47 105000 5   as bid-1
        13:00    clear
        session  2022-01 on 2021-12-31
        11:00    zhanaozen  sell ZH     38000 5   as ask-2
        11:01    aktau      buy  KZ-47  40000 5   as bid-2
        13:00    clear
        pump     KZ-47 58.43
        bound    KZ-47
    """,
    "Mangystau lives on the plan alone": """
        rules    platform_share KZ-47 0 default 6500
        rules    wholesale_cap 38000
        session  2021-12 on 2021-11-30
        plan     KZ-47 417 lots at carriage 4050
        plan     KZ-23 141 lots at carriage 3350
        11:00    atyrau     sell AT     80000 50  as ask
        11:01    dossor     buy  KZ-23  90000 92  as bid
        13:00    clear
        price    KZ-23 90000
        # All of Mangystau's gas is plan gas at 38,000: 22.98; carriage 2.45; 3.24; 31.
        pump     KZ-47 59.67
        # In Atyrau the platform's price reaches the pump: none of the plan gas is passed on at its own.
        pump     KZ-23 88.67
    """,
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_session_ends_as_told(name: str) -> None:
    """The venue's answers, prices, fills, accounts and pump prices are those of the script."""
    Script(SCRIPTS[name])


@pytest.mark.parametrize(
    ("told", "untrue"),
    [
        ("price    KZ-47 95000", "price    KZ-47 95001"),
        ("fill     ask-2 2", "fill     ask-2 3"),
        ("account  participant:dossor    -10260000 tenge", "account  participant:dossor 10260000 tenge"),
        ("pump     KZ-47 91.70", "pump     KZ-47 91.69"),
        ("as bid-3", "as bid-3 -> outside_window"),
    ],
)
def test_an_untrue_line_is_caught(told: str, untrue: str) -> None:
    """A script whose end is told wrong fails on the line that is wrong."""
    script = SCRIPTS["a call in one place"]
    assert told in script
    with pytest.raises(AssertionError, match=untrue.split()[1]):
        Script(script.replace(told, untrue))
