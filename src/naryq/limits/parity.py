"""The two keys: a limit that acts only where the home price is high and lies well above what export would pay.

After the European Union's gas market correction mechanism (Regulation 2022/2578): a level and a spread to an outside
reference, both for several days; a bid limit of the reference plus the spread, at least the level; a shortest stay;
an end by itself. https://report.az/en/amp/energy/eu-approves-market-correction-mechanism-to-limit-episodes-of-excessive-gas-prices
"""

from typing import Final, NamedTuple

from naryq.messages import Code, Refusal

TWO_KEY: Final = "two_key_level"


class Keys(NamedTuple):
    """The rules of the two keys: level and spread in tenge a tonne, and in sessions how long they count and stay."""

    level: int
    spread: int
    sessions: int
    stay: int


class Lock(NamedTuple):
    """Where the two keys stand: sessions in a row that turned them (or not), and how long the limit has acted."""

    turned: int = 0
    failed: int = 0
    acting: int | None = None
    """Sessions for which the limit has acted; None while it does not."""


def turned(lock: Lock, average: int, parity: int | None, keys: Keys) -> Lock:
    """Return where the keys stand after a session's average price; without a parity the second key does not turn.

    The limit opens when both keys have held for `sessions` in a row. It closes when it has acted for `stay` sessions
    and either key has failed for `sessions` in a row.

    >>> turned(Lock(turned=2), 150_000, 120_000, Keys(100_000, 20_000, 3, 4))
    Lock(turned=3, failed=0, acting=0)
    """
    both = average > keys.level and parity is not None and average >= parity + keys.spread
    in_a_row, failed = (lock.turned + 1, 0) if both else (0, lock.failed + 1)
    if lock.acting is None:
        return Lock(in_a_row, failed, 0 if in_a_row >= keys.sessions else None)
    acting = lock.acting + 1
    return Lock(in_a_row, failed, None if acting >= keys.stay and failed >= keys.sessions else acting)


def bid_limit(parity: int, keys: Keys) -> int:
    """Return the highest price at which an order may stand while the limit acts: max(level, parity + spread).

    >>> bid_limit(120_000, Keys(100_000, 20_000, 3, 4)), bid_limit(60_000, Keys(100_000, 20_000, 3, 4))
    (140000, 100000)
    """
    return max(keys.level, parity + keys.spread)


def judge_parity(gate_tenge_per_tonne: int, highest: int, carriage_tenge_per_tonne: int) -> Refusal | None:
    """Return the refusal of an order above the limit that the two keys have opened, or None."""
    if gate_tenge_per_tonne <= highest:
        return None
    return Refusal(
        Code.PRICE_ABOVE_PARITY,
        f"the order may pay or ask more than {highest} tenge a tonne, the most that export parity and the level allow",
        where="price_tenge_per_tonne",
        remedy=f"Give a limit of at most {highest + carriage_tenge_per_tonne}.",
    )
