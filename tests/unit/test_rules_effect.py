"""`naryq rules effect`: what a change would have done, from a journal on the disk, as people and programs read it."""

import json
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.replay_samples import BEGINNING, BUSY, changed, lived
from tests.rule_change_samples import RULES, approve, assess, change, propose, two_months
from tests.rulebook_samples import write_sample
from tests.venue_samples import Desk, rulebook

from naryq.cli import main
from naryq.cli.files import read_rulebook
from naryq.journal.sqlite import SqliteJournal
from naryq.messages import encode
from naryq.rulebook import Rulebook


def written(desk: Desk, path: Path) -> str:
    """Write a venue's rows to a journal and return its name."""
    with closing(SqliteJournal.create(str(path))) as journal:
        journal.append([encode(row) for row in desk.rows])
    return str(path)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["rules", "effect", *arguments])


@pytest.fixture(scope="module")
def venue(tmp_path_factory: pytest.TempPathFactory) -> tuple[Desk, str]:
    """Return two months with an assessed proposal, in memory and on the disk."""
    desk = two_months(rulebook(**RULES))
    propose(desk, change("price_rule", "highest"), change("collar_rise", 100))
    assess(desk)
    return desk, written(desk, tmp_path_factory.mktemp("venue") / "venue.journal")


def test_a_proposal_is_shown_as_it_was_assessed(venue: tuple[Desk, str]) -> None:
    """The JSON is the event of the journal, and the tables name participants, provinces and refused orders."""
    desk, journal = venue
    event = desk.rows[-1].events[0]
    told = json.loads(run(journal, "--proposal", "p", "--json").stdout)
    assert told.pop("replayed")["sessions"] == []
    assert told == json.loads(encode(event))
    output = run(journal, "--proposal", "p").output
    assert "Who would have paid and received what" in output
    assert "zhanaozen" in output
    assert "Prices of the provinces" in output
    assert "At the pump" in output
    refused = desk.rows[-1].events[0].refused_proposed  # type: ignore[union-attr]  # an assessment is the last row
    assert f"would have refused: {len(refused)}" in output
    assert len(refused) == 2
    assert "second-3: dossor buy 5 lots at KZ-23 for 126 000: price_above_collar" in output


def test_a_rulebook_on_the_disk_is_tried_on_a_journal(venue: tuple[Desk, str], tmp_path: Path) -> None:
    """The last sessions are cleared under a rulebook's own files; nothing is written to the journal."""
    _, journal = venue
    before = Path(journal).read_bytes()
    folder = write_sample(tmp_path)
    told = json.loads(run(journal, str(folder), "--sessions", "1", "--json").stdout)
    assert told["session_ids"] == ["second"]
    assert told["effective"] == "2022-01-10"
    assert told["proposed_version"].startswith(f"{Rulebook(read_rulebook(str(folder))).name}@")
    assert Path(journal).read_bytes() == before


def test_an_effect_is_of_one_thing_that_is_there(venue: tuple[Desk, str]) -> None:
    """Neither or both of rulebook and proposal, and a proposal that nobody assessed, are refused with code 2."""
    _, journal = venue
    for arguments in ((journal,), (journal, "kazakhstan", "--proposal", "p")):
        result = run(*arguments)
        assert (result.exit_code, "Give RULEBOOK or --proposal" in result.output) == (2, True)
    result = run(journal, "--proposal", "none")
    assert (result.exit_code, "unknown_proposal" in result.output) == (2, True)


def test_nothing_changed_is_said_so(tmp_path: Path) -> None:
    """A proposal without an effect on the sessions says so in words, and shows no empty table."""
    desk = two_months(rulebook(**RULES))
    propose(desk, change("retail_remote_surcharge", 1))
    assess(desk)
    output = run(written(desk, tmp_path / "j"), "--proposal", "p").output
    assert "No participant would have bought, sold, paid or received anything else." in output
    assert "No province would have had another price." in output


def test_sessions_over_instruments_are_run_again(tmp_path: Path) -> None:
    """What a proposal leaves out is run again by its rules and those before it, also after it was approved."""
    desk = lived(BEGINNING * 2, changed(**RULES))
    propose(desk, change("order_lots_highest", 1, "2022-02-01"))
    left_out = assess(desk).left_out
    before = json.loads(run(written(desk, tmp_path / "before"), "--proposal", "p", "--json").stdout)["replayed"]
    assert [each["session_id"] for each in before["sessions"]] == list(left_out)
    assert [(each["today"], each["proposed"]) for each in before["orders"]] == [(None, "too_many_lots")] * 4
    (deals,) = (each for each in before["sessions"] if each["session_id"] == "book-2022-01-03")
    assert (deals["today"]["statistics"]["volume_lots"], deals["proposed"]["statistics"]["volume_lots"]) == (2, 0)
    assert approve(desk).code is None
    journal = written(desk, tmp_path / "after")
    assert json.loads(run(journal, "--proposal", "p", "--json").stdout)["replayed"] == before
    output = " ".join(run(journal, "--proposal", "p").output.split())
    assert "Network sessions cleared again: none" in output
    assert f"Sessions over instruments run again: {', '.join(left_out)}" in output
    assert "Orders that would have been judged otherwise: 4" in output
    assert "aktau buy 2 lots for 90 000: taken -> too_many_lots" in output
    assert "How they went: halts, and where they ended" in output


def test_halts_are_told_with_their_times(tmp_path: Path) -> None:
    """Of the halts that would not have come each has its session, its time, its prices and its end."""
    desk = lived(BUSY, changed(**RULES))
    propose(desk, change("session_price_limit", 10_000, "2022-02-01"))
    assess(desk, sessions=8)
    output = run(written(desk, tmp_path / "j"), "--proposal", "p").output
    assert "Halts that would not have come: 3" in output
    told = "book-2022-01-03 2022-01-03 05:05 UTC: a trade at 92 500 would pass 90 081, until 2022-01-03 05:15 UTC"
    assert told in output
    assert "Halts that would have come" not in output


def test_a_rulebook_on_the_disk_is_tried_on_sessions_over_instruments(tmp_path: Path) -> None:
    """The last sessions are run again by a rulebook's own files, and where nothing differs it is said so."""
    journal = written(lived(BEGINNING * 2), tmp_path / "j")
    folder = write_sample(tmp_path)
    told = json.loads(run(journal, str(folder), "--sessions", "4", "--json").stdout)
    assert len(told["replayed"]["sessions"]) == len(told["left_out"]) == 4
    assert [each["today"] == each["proposed"] for each in told["replayed"]["participants"]] == [True, True]
    output = run(journal, str(folder), "--sessions", "4").output
    assert "No participant would have bought, sold, paid or received anything else." in output
    assert "No session would have gone otherwise." in output
