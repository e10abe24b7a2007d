"""A proposal's sessions over instruments, run again for who asks over REST or opens the page at the desk."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
from tests.desk_venue import opened, visited
from tests.doors import doors
from tests.replay_samples import BEGINNING, case_of, changed, lived
from tests.rule_change_samples import RULES, approve, assess, change, propose
from tests.venue_samples import Desk

from naryq.exchange.rule_replay import replayed
from naryq.messages import AssessProposal

LATER = "2022-02-01"
PATH = "/v1/proposals/p/replay"
PAGE = "/desk/rules/wider-collar/replay"


def assessed() -> Desk:
    """Return a venue with days of trading and an assessed proposal."""
    desk = lived(BEGINNING * 2, changed(**RULES))
    propose(desk, change("order_lots_highest", 1, LATER))
    assess(desk)
    return desk


def test_rest_runs_them_again_once(tmp_path: Path) -> None:
    """The answer is that of the pure replay, the journal is read once, and who has the answer is told so."""
    desk, answers = assessed(), list[Any]()
    case = case_of(desk, changed(**RULES), changed(**RULES, order_lots_highest=1), 5)

    async def scenario() -> None:
        async with doors(desk, tmp_path) as venue:
            first = await venue.ask("operator", "GET", PATH)
            assert first.status_code == 200, first.text
            answers.append(first.json())
            venue.house._open_reader = None  # Whoever would read the journal once more now fails.
            again = await venue.ask("regulator", "GET", PATH, None, if_none_match=first.headers["etag"])
            assert again.status_code == 304

    asyncio.run(scenario())
    told = msgspec.to_builtins(replayed(desk.rows, case))
    (found,) = answers
    for part in ("sessions", "participants", "orders"):
        assert found[part] == msgspec.json.decode(msgspec.json.encode(told[part]))
    assert found["effective"] == LATER


def test_rest_says_when_there_is_nothing_to_run(tmp_path: Path) -> None:
    """A proposal that nobody assessed is not found, and one that was assessed against other rules is refused."""
    desk = assessed()
    propose(desk, change("collar_rise", 9, LATER), proposal_id="q")
    assert approve(desk).code is None

    async def scenario() -> None:
        async with doors(desk, tmp_path) as venue:
            for path, status, code in ((PATH, 409, "not_assessed"), ("/v1/proposals/q/replay", 404, "not_found")):
                answer = await venue.ask("operator", "GET", path)
                assert (answer.status_code, answer.json()["code"]) == (status, code)

    asyncio.run(scenario())


def test_the_page_shows_what_would_have_been(tmp_path: Path) -> None:
    """Before an assessment the page asks for one; then it shows sessions, money and orders."""
    with opened(tmp_path) as venue, visited(venue) as make:
        operator = make("operator")
        assert "must be assessed first" in operator.get(PAGE).text
        venue.must(AssessProposal, "operator", proposal_id="wider-collar", sessions=5)
        text = operator.get(PAGE).text
        for words in ("day-before", "81\u202f000", "46\u202f656\u202f000.00", "too_many_lots"):
            assert words in text
        assert '<span class="tag">over</span>' in text
        assert not any(f">{phase}</span>" in text for phase in ("Closed", "Cleared", "Published"))
        assert f'href="{PAGE}"' in operator.get("/desk/rules").text
        assert operator.get("/desk/rules/none/replay").status_code == 404


def test_the_page_is_for_those_who_decide(tmp_path: Path) -> None:
    """A trader and the press are refused."""
    with opened(tmp_path) as venue, visited(venue) as make:
        for who in ("aktau", "press"):
            assert make(who).get(PAGE).status_code == 403
