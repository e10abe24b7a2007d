"""End-of-day statements: they add up to the ledger, each movement has its reason, and every form says the same."""

import csv
import io
import json
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.money_samples import Money, agreed

from naryq import exchange
from naryq import statements as module
from naryq.cli import main
from naryq.journal.sqlite import SqliteJournal
from naryq.ledger import accounts
from naryq.messages import Code, Refusal, encode
from naryq.statements import Statement, statements, to_csv, to_json

DAYS = ("2021-12-31", "2022-01-04", "2022-01-05")


def lived() -> Money:
    """Return a venue after three days: a deal and its payment, a loading and receipt, a second order."""
    money = agreed()
    money.pay("call/1", 36_720_000, "aktau")
    money.on("2022-01-04")
    money.ship("call/1", "RW-1", 36_000, "2022-01-03", "zhanaozen")
    money.ship("call/1", "RW-2", 36_000, "2022-01-04", "zhanaozen")
    money.receive("RW-1", "aktau")
    money.session("next", day="2022-01-05", delivery_month="2022-02")
    assert money.order("aktau", "more buy KZ-47 90000 1", "next").code is None
    return money


MONEY = lived()


def of(participant_id: str, day: str) -> Statement:
    (found,) = statements(MONEY.desk.rows, day, participant_id)
    return found


def balance(statement: Statement, account: str) -> tuple[int, int]:
    return next((line.opening, line.closing) for line in statement.accounts if line.account == account)


def test_a_day_of_the_buyer() -> None:
    """Its deposit, guarantee, fee and payment stand there in their order, with what was left after each."""
    found = of("aktau", "2021-12-31")
    cash = [moved for moved in found.movements if moved.account == "cash:aktau"]
    assert [moved.amount // 100 for moved in cash] == [50_000_000, -3_708_720, 3_672_000, -36_720_000]
    assert cash[0].reason == "deposit bank-1"
    assert cash[-1].balance == balance(found, "cash:aktau")[1] == 1_324_328_000
    (line,) = found.obligations
    assert (line.party, line.pay_by, line.value_tiyn, line.settled_tiyn) == (
        "buyer",
        "2022-01-05",
        3_672_000_000,
        3_672_000_000,
    )


def test_a_day_of_the_seller() -> None:
    """A tenth of the gas has come and been paid for, and a second tank car is under way."""
    found = of("zhanaozen", "2022-01-04")
    assert balance(found, "delivered:zhanaozen#lpg") == (0, -36_000)
    assert balance(found, "cash:zhanaozen")[1] - balance(found, "cash:zhanaozen")[0] == 360_000_000 + 36_000_000
    assert [(line.document, line.is_received) for line in found.deliveries] == [("RW-1", True), ("RW-2", False)]
    assert found.obligations[0].settled_tiyn == 360_000_000


def test_a_delivery_says_what_came() -> None:
    """Where less came than the document says, both statements say what was loaded and what counted of it."""
    money = agreed(prepayment_days=None)
    money.ship("call/1", "RW-1", 36_000, "2021-12-31", "zhanaozen")
    money.receive("RW-1", received_kg=20_000)
    for who in ("aktau", "zhanaozen"):
        (found,) = statements(money.desk.rows, "2021-12-31", who)
        (line,) = found.deliveries
        assert (line.mass_kg, line.counted_kg, line.is_received) == (36_000, 20_000, True)


def test_what_is_held_stands_on_the_last_day() -> None:
    """An order that waits is on the statement with its guarantee and fee."""
    found = of("aktau", "2022-01-05")
    assert [(hold.order_id, hold.guarantee_tiyn, hold.fee_tiyn) for hold in found.holds] == [
        ("more", 32_400_000, 324_000)
    ]
    assert of("aktau", "2022-01-04").holds == ()


def test_a_statement_names_nobody_else() -> None:
    """The other side of a deal is confidential: it stands in no line of a statement."""
    assert b"zhanaozen" not in to_json((of("aktau", "2022-01-04"),))
    assert b"aktau" not in to_json((of("zhanaozen", "2022-01-04"),))


@pytest.mark.parametrize("day", DAYS)
def test_all_statements_add_up_to_the_ledger(day: str) -> None:
    """Each account of a participant is on one statement and closes as in the ledger; with the house all sum to zero."""
    state = exchange.initial_state()
    for entry in MONEY.desk.rows:
        if state.rulebook is None or state.rulebook.day(entry.command.at_ns) <= day:
            state = exchange.apply(state, entry)
    lines = [line for found in statements(MONEY.desk.rows, day) for line in found.accounts]
    closing_balances = {(line.account, line.unit): line.closing for line in lines if line.closing}
    assert len({(line.account, line.unit) for line in lines}) == len(lines)
    ledger = {key: amount for key, amount in state.balances.items() if amount and accounts.owner(key[0]) is not None}
    assert closing_balances == ledger
    house = {key: amount for key, amount in state.balances.items() if accounts.owner(key[0]) is None}
    for unit in ("tiyn", "kg"):
        both = [*closing_balances.items(), *house.items()]
        assert sum(amount for (_, of_unit), amount in both if of_unit == unit) == 0


def test_a_day_opens_as_the_one_before_closed() -> None:
    """No tiyn moves overnight."""
    for before, after in pairwise(DAYS):
        closed = {(x.account, x.unit): x.closing for s in statements(MONEY.desk.rows, before) for x in s.accounts}
        opened = {(x.account, x.unit): x.opening for s in statements(MONEY.desk.rows, after) for x in s.accounts}
        assert {key: amount for key, amount in closed.items() if amount} == {k: v for k, v in opened.items() if v}


def test_a_lost_movement_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A booking that the ledger has and the statement lacks is a bug, and stops."""
    folded = module._folded
    monkeypatch.setattr(module, "_folded", lambda *given: (*folded(*given)[:2], folded(*given)[2][:-1]))
    with pytest.raises(AssertionError, match="from the opening to the closing balance"):
        statements(MONEY.desk.rows, "2022-01-05")


def test_whose_nobody_is_is_refused() -> None:
    """A name that was never admitted has no statement, nor one that is admitted later."""
    with pytest.raises(Refusal) as refused:
        statements(MONEY.desk.rows, "2022-01-04", "ghost")
    assert refused.value.code == Code.UNKNOWN_PARTICIPANT
    assert statements([], "2022-01-04") == ()


def test_csv_has_every_balance_and_movement() -> None:
    """The rows of the CSV are the lines of the statement, and opening plus movements is closing."""
    found = of("aktau", "2022-01-04")
    rows = list(csv.DictReader(io.StringIO(to_csv((found,)))))
    assert len(rows) == 2 * len(found.accounts) + len(found.movements)
    for line in found.accounts:
        moved = sum(int(row["amount"]) for row in rows if (row["line"], row["account"]) == ("movement", line.account))
        assert line.opening + moved == line.closing


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the path of a journal with the three days."""
    path = tmp_path_factory.mktemp("venue") / "venue.journal"
    with closing(SqliteJournal.create(str(path))) as written:
        written.append([encode(row) for row in MONEY.desk.rows])
    return path


def run(*arguments: str) -> str:
    result = CliRunner().invoke(main, ["statements", *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_command_says_the_same_in_every_form(journal: Path) -> None:
    """JSON and CSV are those of the library; the table shows balances, movements, obligations and deliveries."""
    fixed = (str(journal), "--day", "2022-01-04", "--participant", "zhanaozen")
    found = (of("zhanaozen", "2022-01-04"),)
    assert json.loads(run(*fixed, "--json")) == json.loads(to_json(found))
    assert run(*fixed, "--csv") == to_csv(found)
    table = run(*fixed)
    for words in ("settlement of 36000 kg of obligation call/1", "RW-2", "3 600 000.00 tenge", "open obligations"):
        assert words in table


def test_the_command_shows_all_and_refuses_what_it_does_not_know(journal: Path) -> None:
    """Without a participant everybody who has an account is there; a wrong day or name is one clear line."""
    everybody = run(str(journal), "--day", "2022-01-05")
    assert everybody.index("aktau - Aktau") < everybody.index("zhanaozen - Zhanaozen")
    assert "held for orders" in everybody
    wrong_day = CliRunner().invoke(main, ["statements", str(journal), "--day", "2022-06-31"])
    assert (wrong_day.exit_code, "is no calendar day" in wrong_day.stderr) == (2, True)
    ghost = CliRunner().invoke(main, ["statements", str(journal), "--day", "2022-01-05", "--participant", "ghost"])
    assert (ghost.exit_code, "unknown_participant" in ghost.stderr) == (2, True)


def test_the_command_is_never_silent_and_takes_one_form(journal: Path) -> None:
    """A day before anybody had an account is told in one sentence, and two forms at once are refused."""
    assert run(str(journal), "--day", "2020-01-01") == (
        "By the end of 2020-01-01 nobody had an account or an order for which money was held.\n\n"
    )
    both = CliRunner().invoke(main, ["statements", str(journal), "--day", "2022-01-05", "--json", "--csv"])
    assert (both.exit_code, "unknown_option" in both.stderr) == (2, True)
