"""The pages on money do what they say: the script of the how-to runs, and the chart has every account."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.money_samples import agreed

from naryq.ledger import accounts

DOCS = Path(__file__).parents[2] / "docs"
HOW_TO = (DOCS / "how-to" / "settle-a-delivery.md").read_text(encoding="utf-8")
REFERENCE = (DOCS / "reference" / "ledger.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder in which the how-to's script has run."""
    made = tmp_path_factory.mktemp("venue")
    (script,) = re.findall(r"```python\n(.*?)```", HOW_TO, re.DOTALL)
    subprocess.run([sys.executable, "-c", script], cwd=made, check=True, env=os.environ)
    return made


def test_the_how_to_settles_its_delivery(folder: Path) -> None:
    """The script leaves a journal whose statements show the payment, the lapse and the end of the obligation."""
    lines = re.findall(r"^\.venv/bin/naryq (.*)$", HOW_TO, re.MULTILINE)
    assert len(lines) == 2
    shown = [
        subprocess.run(
            [sys.executable, "-m", "naryq", *line.split()], cwd=folder, check=True, capture_output=True, text=True
        ).stdout
        for line in lines
    ]
    for words in ("settlement of 35900 kg of obligation june-1/1", "2 513 000.00 tenge", "RW-4711"):
        assert words in shown[0]
    assert "100 kg of obligation june-1/1 lapse: within the tolerance" in shown[1]
    assert "720000" in shown[1]


def test_the_chart_has_every_account() -> None:
    """Each account that a venue with a life of its own has booked to stands in the chart, by its kind."""
    money = agreed(prepayment_days=None)
    money.endow("guarantee_fund", 5)
    money.endow("insurance_fund", 5)
    money.ship("call/1", "RW-1", 36_000, "2021-12-31")
    money.receive("RW-1")
    money.withdraw("aktau", 46_000_000)
    money.on("2022-01-06")
    money.fail("call/1", "buyer")
    money.pay("call/1", 1)
    chart = REFERENCE.split("## The chart of accounts")[1].split("## Two ways")[0]
    kinds = {account.partition(":")[0] for account, _ in money.desk.state.balances}
    kinds |= {accounts.FEES, accounts.PENALTIES, accounts.CONGESTION, accounts.FUND, accounts.CARRIER}
    assert len(kinds) > 15
    for kind in kinds:
        assert re.search(rf"`{kind}[:`]", chart), kind
