"""What the limits of a session make of thin selling, robots and rings: each failure without its limit, and with it."""

from tests.limit_script import LimitScript

THIN = """
    11:00  s1 sell 100000 1
    11:01  b1 buy 100000 1
    11:02  s1 sell 104000 1
    11:03  b2 buy 104000 1
    11:04  s1 sell 109000 1
    11:05  b1 buy 109000 1
"""
"""One seller offers a lot at a time, each dearer: three trades carry the price up by nine per cent in five minutes."""
PEOPLE = """
    people seller s1 s2 s3 s4
    people buyer b1 b2 b3 b4 b5
"""


def play(*parts: str) -> None:
    LimitScript("\n".join(parts))


# --- Thin selling -----------------------------------------------------------------------------------------------


def test_thin_selling_as_it_was() -> None:
    """Without a limit three lots carry the price from 100,000 to 109,000, and that is the next reference."""
    play(PEOPLE, "reference 100000", THIN, "trades 100000 1, 104000 1, 109000 1", "limit -", "phase continuous")


def test_thin_selling_halts_and_reopens_in_a_call() -> None:
    """A limit of five per cent halts trading at the third trade; others come to the call, and the price is theirs."""
    play(
        "rules session_price_limit 500",
        "rules session_halt 5",
        PEOPLE,
        "reference 100000",
        THIN,
        """
        trades 100000 1, 104000 1
        limit  session_price_limit 109000 105000
        phase  halted
        11:06  s2 sell 101000 3   -> wrong_phase
        11:07  phase call         -> still_halted
        11:10  phase call
        11:11  s2 sell 101000 3
        11:12  b3 buy 101000 2
        11:15  phase continuous
        phase  continuous
        trades 101000 1, 101000 2
        """,
    )


def test_after_a_call_the_limit_is_drawn_around_its_price() -> None:
    """The price at which a session reopens is the one from which the next five per cent are counted, on either side."""
    play(
        "rules session_price_limit 500",
        "rules session_halt 1",
        PEOPLE,
        """
        reference 100000
        11:00  s1 sell 106000 2
        11:01  b1 buy 106000 1
        trades -
        limit  session_price_limit 106000 105000
        11:02  phase call
        11:03  phase continuous
        trades 106000 1
        11:04  b2 buy 106000 1
        11:05  s2 sell 111300 1
        11:06  b3 buy 111300 1
        trades 106000 1, 111300 1
        11:07  s3 sell 100699 1 as low
        11:08  b4 buy 100699 1
        limit  session_price_limit 100699 100700
        phase  halted
        """,
    )


def test_a_sham_sale_far_below_halts_as_well() -> None:
    """The limit has two sides: a sale to a friend at half the price would set the next reference too."""
    play(
        "rules session_price_limit 500",
        PEOPLE,
        """
        reference 100000
        11:00  s1 sell 50000 1
        11:01  b1 buy 50000 1
        trades -
        limit  session_price_limit 50000 95000
        phase  halted
        """,
    )


def test_without_a_reference_nothing_is_bounded() -> None:
    """A first session has nothing to be held against: the limits say nothing, as the collar does."""
    play("rules session_price_limit 500", "rules hold_rise 700", PEOPLE, THIN, "trades 100000 1, 104000 1, 109000 1")


# --- The hold ---------------------------------------------------------------------------------------------------

HELD = """
    rules hold_rise 700
    rules band_step 150
    rules band_edge 10
    rules band_trades 4
    rules band_buyers 3
    rules band_sellers 2
    rules band_cooling_off 15
"""


def test_a_hold_stops_rises_and_lets_falls_go_on() -> None:
    """Above the hold nothing trades and a bid is refused; below it trading goes on without a pause."""
    play(
        HELD,
        PEOPLE,
        """
        reference 100000
        11:00  s1 sell 108000 5 as high
        11:01  b1 buy 108000 1            -> price_above_hold
        11:02  b1 buy 107000 1
        trades -
        11:03  s2 sell 99000 1
        trades 107000 1
        11:04  s2 sell 96000 1
        11:05  b2 buy 97000 1
        trades 96000 1
        limit  -
        phase  continuous
        gone   -
        """,
    )


def test_what_is_published_says_that_it_was_halted() -> None:
    """The halt is named beside the average of what traded; without a limit nothing is."""
    play("rules session_price_limit 500", PEOPLE, "reference 100000", THIN, "published session_price_limit 102000 -")
    play(PEOPLE, "reference 100000", THIN, "published - 104333 -")


def test_a_band_widens_when_many_trade_at_its_edge() -> None:
    """Four trades of three buyers and two sellers at the edge widen it by a step, after the cooling-off time."""
    play(
        HELD,
        PEOPLE,
        """
        reference 100000
        11:00  s1 sell 107000 2
        11:01  s2 sell 107000 9
        11:02  b1 buy 107000 1
        11:03  b2 buy 107000 1
        11:04  b1 buy 107000 1
        widened -
        11:05  b3 buy 107000 1
        trades 107000 1, 107000 1, 107000 1, 107000 1
        widened 107000 108500 11:20
        11:06  b1 buy 108000 1            -> price_above_hold
        11:19  b1 buy 108000 1            -> price_above_hold
        11:21  b1 buy 108500 1 as wider
        trades 107000 1
        """,
    )


def test_a_ring_does_not_widen_the_band() -> None:
    """As many trades at the edge by buyers or sellers who are one group widen nothing: there is no breadth."""
    for ring in ("group b1 b2", "group s1 s2"):
        play(
            HELD,
            PEOPLE,
            ring,
            """
            reference 100000
            11:00  s1 sell 107000 4
            11:01  s2 sell 107000 4
            11:02  b1 buy 107000 1
            11:03  b2 buy 107000 1
            11:04  b1 buy 107000 2
            11:05  b3 buy 107000 1
            11:06  b1 buy 107000 1
            """
            if ring == "group s1 s2"
            else """
            reference 100000
            11:00  s1 sell 107000 2
            11:01  s2 sell 107000 4
            11:02  b1 buy 107000 1
            11:03  b2 buy 107000 1
            11:04  b1 buy 107000 1
            11:05  b3 buy 107000 1
            11:06  b2 buy 107000 1
            """,
            "widened -",
        )


# --- A robot that lifts its own offers --------------------------------------------------------------------------

ROBOT = """
    11:00  s1 sell 101000 1
    11:00  b1 buy 101000 1
    11:00  s1 sell 102000 1
    11:00  b1 buy 102000 1
    11:00  s1 sell 103000 1
    11:00  b1 buy 103000 1
"""
"""A seller's program and that of its affiliate lift the price by one offer after the other, all within a second."""


def test_a_robot_as_it_was() -> None:
    """Without limits two affiliates trade the price up by three per cent among themselves within a second."""
    play(PEOPLE, "group b1 s1", "reference 100000", ROBOT, "trades 101000 1, 102000 1, 103000 1")


def test_a_robot_is_refused_by_its_rate() -> None:
    """With the later law's limit it is refused under its second name too, so that it cannot lift its own offer."""
    play(
        "rules orders_per_second 1",
        PEOPLE,
        "group b1 s1",
        """
        reference 100000
        11:00  s1 sell 101000 1
        11:00  b1 buy 101000 1      -> too_fast
        11:00  s1 sell 102000 1     -> too_fast
        11:01  b2 buy 101000 1
        trades 101000 1
        """,
    )


def test_affiliates_that_slow_down_still_widen_nothing() -> None:
    """Whoever waits a second passes the rate; trades within a group count for no breadth, and the hold stays."""
    play(
        HELD.replace("trades 4", "trades 1").replace("buyers 3", "buyers 1").replace("sellers 2", "sellers 1"),
        PEOPLE,
        "group b1 s1",
        """
        reference 100000
        11:00  s1 sell 107000 1
        11:01  b1 buy 107000 1
        trades 107000 1
        widened -
        11:02  s2 sell 107000 1
        11:03  b1 buy 107000 1
        widened 107000 108500 11:18
        """,
    )


# --- The stop over a book ---------------------------------------------------------------------------------------

STOPS = "rules who_may_stop regulator operator"


def test_a_stop_halts_the_book_and_resuming_reopens_it_in_a_call() -> None:
    """The stop halts trading at once, what stands is kept, and trading reopens in a call that surprises nobody."""
    for scope in ("venue", "session day", "instrument ZH-47", "region KZ-47"):
        play(
            STOPS,
            PEOPLE,
            f"""
            11:00  s1 sell 100000 5 as ask
            11:01  stop {scope}
            phase  halted
            11:02  b1 buy 100000 1      -> trading_stopped
            11:03  phase call           -> trading_stopped
            11:04  resume {scope}
            phase  call
            11:05  b1 buy 100000 1
            trades -
            11:06  phase continuous
            trades 100000 1
            gone   -
            """,
        )


def test_a_kill_switch_takes_the_orders_of_one_and_leaves_the_book_to_others() -> None:
    """A participant that is stopped loses all standing orders and may send none; the others trade on."""
    play(
        STOPS,
        PEOPLE,
        """
        11:00  s1 sell 100000 5 as mine
        11:01  s2 sell 101000 5
        11:02  stop participant s1
        gone   mine
        phase  continuous
        11:03  s1 sell 100000 5         -> trading_stopped
        11:04  b1 buy 101000 1
        trades 101000 1
        """,
    )


def test_a_stop_of_another_region_leaves_the_book_alone() -> None:
    """A book that delivers elsewhere goes on."""
    play(STOPS, PEOPLE, "11:00 stop region KZ-23", "11:01 s1 sell 100000 1", "11:02 b1 buy 100000 1", "trades 100000 1")


def test_two_stops_reopen_a_book_only_together() -> None:
    """While another stop reaches the session, lifting one of them reopens nothing."""
    play(
        STOPS,
        PEOPLE,
        """
        11:00  stop region KZ-47
        11:01  stop venue
        11:02  resume region KZ-47
        phase  halted
        11:03  resume venue
        phase  call
        """,
    )
