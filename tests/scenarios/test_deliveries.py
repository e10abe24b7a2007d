"""Deliveries as scripts that a treasurer can read: one line a step, and after it what an account must hold.

rules    penalty_share 1000                  a rule of the sample venue, changed before it opens
deposit  aktau 50000000                      tenge
fund     guarantee_fund 100000
order    zhanaozen ask sell ZH 100000 10     [-> refusal code]
clear
day      2022-01-04
pay      call/1 36720000                     [-> refusal code]
load     call/1 RW-1 36000                   kg
receive  RW-1
fail     call/1 buyer
undo     call/1
holds    cash:aktau 13243280                 tenge; an account of gas is in kg
deal     call/1 performed                    how it ended; `open` before that
"""

from collections.abc import Callable
from typing import Any

import pytest
from tests.money_samples import Money
from tests.venue_samples import DAY


class Deliveries:
    """Plays a script line by line; a line that does not come true fails with itself as the message."""

    def __init__(self, text: str) -> None:
        self.rules: dict[str, Any] = {}
        self.day, self.line = DAY, ""
        self.money: Money | None = None
        for line in text.strip().split("\n"):
            self.line = line.strip()
            first, *words = self.line.split()
            if first == "rules":
                self.rules[words[0]] = None if words[1] == "none" else int(words[1]) if words[1].isdigit() else words[1]
                continue
            step: Callable[..., None] = getattr(self, f"_{first}")
            step(*words)

    @property
    def venue(self) -> Money:
        """The venue, which opens with the first line that is not about rules, and its session with the first order."""
        if self.money is None:
            self.money = Money(**self.rules)
        return self.money

    def expect(self, found: object, told: object) -> None:
        """Compare one outcome with what the line says."""
        assert found == told, f"{self.line}: found {found}"

    def _answer(self, answer: Any, words: tuple[str, ...]) -> None:
        self.expect(answer.code, words[1] if words[:1] == ("->",) else None)

    def _deposit(self, who: str, tenge: str) -> None:
        self.venue.deposit(who, int(tenge))

    def _fund(self, name: str, tenge: str) -> None:
        self.venue.endow(name, int(tenge))

    def _order(self, who: str, *words: str) -> None:
        if "call" not in self.venue.desk.state.sessions:
            self.venue.session()
        self._answer(self.venue.order(who, " ".join(words[:5])), words[5:])

    def _clear(self) -> None:
        self.venue.clear()

    def _day(self, day: str) -> None:
        self.day = day
        self.venue.on(day)

    def _pay(self, name: str, tenge: str, *words: str) -> None:
        self._answer(self.venue.pay(name, int(tenge)), words)

    def _load(self, name: str, document: str, mass_kg: str, *words: str) -> None:
        self._answer(self.venue.ship(name, document, int(mass_kg), self.day), words)

    def _receive(self, document: str, *words: str) -> None:
        came = int(words[0]) if words and words[0].isdigit() else None
        self._answer(self.venue.receive(document, received_kg=came), words[came is not None :])

    def _fail(self, name: str, party: str, *words: str) -> None:
        self._answer(self.venue.fail(name, party), words)

    def _undo(self, name: str, *words: str) -> None:
        self._answer(self.venue.undo(name), words)

    def _holds(self, account: str, amount: str) -> None:
        found = self.venue.holds(account, "kg") if "#" in account else self.venue.tenge(account)
        self.expect(found, int(amount))

    def _deal(self, name: str, ending: str) -> None:
        self.expect(self.venue.desk.state.money.obligations[name].closing or "open", ending)


SCRIPTS = {
    "two tank cars are bought, prepaid, loaded and received": """
        deposit  aktau 7300000
        deposit  zhanaozen 800000
        order    zhanaozen ask sell ZH 100000 2
        order    aktau bid buy KZ-47 102000 2
        clear
        holds    held:aktau 734400
        holds    fees 14544
        pay      call/1 7344000 -> insufficient_funds
        deposit  aktau 100000
        pay      call/1 7344000
        holds    held:aktau 0
        holds    clearing 7344000
        load     call/1 RW-1 36000 -> not_paid
        day      2022-01-02
        load     call/1 RW-1 36000
        load     call/1 RW-1 36000 -> already_exists
        receive  RW-1
        holds    clearing 3672000
        holds    carrier 72000
        holds    delivered:aktau#lpg 36000
        deal     call/1 open
        day      2022-01-03
        load     call/1 RW-2 35900
        receive  RW-2
        deal     call/1 performed
        holds    lapsed:aktau#lpg 100
        holds    clearing 0
        holds    held:zhanaozen 0
        """,
    "an order without a guarantee is refused, and taken once the money is there": """
        deposit  aktau 367200
        order    aktau bid buy KZ-47 102000 1 -> insufficient_guarantee
        deposit  aktau 3672
        order    aktau bid buy KZ-47 102000 1
        holds    cash:aktau 0
        """,
    "a buyer who does not pay loses a tenth of the value to the seller": """
        rules    penalty_share 1000
        deposit  aktau 1000000
        deposit  zhanaozen 800000
        order    zhanaozen ask sell ZH 100000 2
        order    aktau bid buy KZ-47 102000 2
        clear
        day      2022-01-05
        fail     call/1 buyer -> not_due
        day      2022-01-06
        fail     call/1 buyer
        deal     call/1 defaulted
        holds    cash:aktau 258256
        holds    cash:zhanaozen 1527200
        """,
    "the funds bear what the buyer cannot, and have it back first": """
        rules    prepayment_days none
        rules    penalty_share none
        rules    exchange_fee none
        rules    exchange_fee_minimum none
        deposit  aktau 1000000
        deposit  zhanaozen 800000
        fund     guarantee_fund 2000000
        fund     insurance_fund 500000
        order    zhanaozen ask sell ZH 100000 1
        order    aktau bid buy KZ-47 102000 1
        clear
        load     call/1 RW-1 36000
        receive  RW-1
        day      2022-01-06
        fail     call/1 buyer
        holds    guarantee_fund 0
        holds    insurance_fund 0
        holds    owed:aktau -2672000
        holds    cash:zhanaozen 4300000
        holds    carrier 0
        deposit  aktau 2672000
        holds    guarantee_fund 2000000
        holds    insurance_fund 500000
        holds    cash:zhanaozen 4400000
        holds    carrier 72000
        holds    owed:aktau 0
        """,
    "a loading document says two tank cars and half of one came": """
        rules    penalty_share 1000
        deposit  aktau 8000000
        deposit  zhanaozen 800000
        order    zhanaozen ask sell ZH 100000 2
        order    aktau bid buy KZ-47 102000 2
        clear
        pay      call/1 7344000
        day      2022-02-10
        load     call/1 RW-1 72000
        day      2022-02-11
        fail     call/1 seller -> not_due
        receive  RW-1 72001 -> out_of_range
        receive  RW-1 18000
        holds    delivered:aktau#lpg 18000
        holds    undelivered:aktau#lpg 54000
        holds    carrier 36000
        holds    held:zhanaozen 540000
        deal     call/1 open
        fail     call/1 seller
        deal     call/1 defaulted
        holds    lapsed:aktau#lpg 54000
        holds    cash:aktau 6696656
        holds    cash:zhanaozen 2052800
        holds    clearing 0
        """,
    "a void deal is undone, fees and all": """
        deposit  aktau 1000000
        deposit  zhanaozen 800000
        order    zhanaozen ask sell ZH 100000 2
        order    aktau bid buy KZ-47 102000 2
        clear
        pay      call/1 100000
        undo     call/1
        holds    cash:aktau 1000000
        holds    cash:zhanaozen 800000
        holds    fees 0
        """,
}


@pytest.mark.parametrize("text", SCRIPTS.values(), ids=SCRIPTS)
def test_the_delivery_ends_as_told(text: str) -> None:
    """Every line of the script comes true."""
    Deliveries(text)


@pytest.mark.parametrize(
    ("line", "untrue"),
    [
        ("holds    carrier 72000", "holds    carrier 72001"),
        ("deal     call/1 performed", "deal     call/1 open"),
        ("receive  RW-2", "receive  RW-1"),
        ("already_exists", "not_paid"),
    ],
)
def test_an_untrue_line_is_caught(line: str, untrue: str) -> None:
    """A script with one line changed fails at that line or because of it."""
    text = SCRIPTS["two tank cars are bought, prepaid, loaded and received"]
    assert line in text
    with pytest.raises(AssertionError):
        Deliveries(text.replace(line, untrue))
