"""Access over REST: tokens, keys, people, the second person, kill switches, and what the log says of all that."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyotp
import pytest
from tests.doors import Doors, doors
from tests.venue_samples import founded, opened, order

from naryq.access import Principal
from naryq.access.sessions import TOKEN_NS
from naryq.messages import EndowFund, ExcludeParticipant
from naryq.units import NS_PER_SECOND

PASSWORD = "correct horse battery"  # noqa: S105 - a test's
BID = order("b1", "KZ-47", "buy", price=90_000, lots=2)
ENDOWMENT = {"fund": "guarantee_fund", "amount_tiyn": 500, "bank_reference": "bank 1"}


def play(folder: Path, scenario: Callable[[Doors], Awaitable[None]], **options: Any) -> None:
    async def played() -> None:
        async with doors(options.pop("desk", None) or founded(), folder, **options) as open_doors:
            await scenario(open_doors)

    asyncio.run(played())


def bearer(text: str) -> dict[str, str]:
    return {"authorization": f"Bearer {text}"}


def test_a_token_stands_for_its_key(tmp_path: Path) -> None:
    """A token opens what its key opens, until its time is over or its key is taken back."""

    async def scenario(venue: Doors) -> None:
        answer = await venue.ask("aktau", "POST", "/v1/tokens")
        assert answer.status_code == 201
        token = bearer(answer.json()["token"])
        assert answer.json()["expires_at_ns"] == venue.clock.at_ns + TOKEN_NS
        me = (await venue.ask("", "GET", "/v1/me", **token)).json()
        assert (me["participant_id"], me["role"], me["person"]) == ("aktau", "buyer", "aktau's clerk")
        revoked = await venue.ask("aktau", "DELETE", f"/v1/keys/{me['credential']}")
        assert revoked.status_code == 204
        for headers in (token, bearer(venue.keys["aktau"])):
            assert (await venue.ask("", "GET", "/v1/me", **headers)).status_code == 401

    play(tmp_path, scenario)


def test_a_person_signs_in_and_changes_the_password(tmp_path: Path) -> None:
    """A person is added by the operator, signs in with a one-time code, and another password ends what was open."""

    async def scenario(venue: Doors) -> None:
        wanted = {"login": "aigul", "password": PASSWORD, "participant_id": "aktau"}
        made = (await venue.ask("operator", "POST", "/v1/people", wanted)).json()
        at = datetime.fromtimestamp(venue.clock.at_ns // NS_PER_SECOND, UTC)
        body = {"login": "aigul", "password": PASSWORD, "code": pyotp.TOTP(made["one_time_secret"]).at(at)}
        token = bearer((await venue.ask("", "POST", "/v1/sign-in", body)).json()["token"])
        assert (await venue.ask("", "GET", "/v1/me", **token)).json()["person"] == "aigul"
        assert (await venue.ask("", "POST", "/v1/sign-in", body)).status_code == 401
        change = {"password": PASSWORD + "!"}
        assert (await venue.ask("", "PUT", "/v1/me/password", change, **token)).status_code == 204
        assert (await venue.ask("", "GET", "/v1/me", **token)).status_code == 401
        assert (await venue.ask("aktau", "PUT", "/v1/me/password", change)).status_code == 403
        assert (await venue.ask("dossor", "DELETE", "/v1/people/aigul")).status_code == 404
        assert (await venue.ask("aktau", "DELETE", "/v1/people/aigul")).status_code == 204

    play(tmp_path, scenario)


WHO_MAY_GIVE = {
    ("operator", "aktau"): 201,
    ("operator", "regulator"): 403,
    ("operator", "nobody"): 403,
    ("aktau", "aktau"): 201,
    ("aktau", "dossor"): 403,
    ("regulator", "regulator"): 201,
    ("regulator", "aktau"): 403,
    ("press", "operator"): 403,
}


@pytest.mark.parametrize(("by", "whose"), WHO_MAY_GIVE)
def test_who_may_give_out_keys(tmp_path: Path, by: str, whose: str) -> None:
    """Everybody manages his own credentials, the operator those of others, and nobody the regulator's but itself."""

    async def scenario(venue: Doors) -> None:
        answer = await venue.ask(by, "POST", "/v1/keys", {"participant_id": whose, "person": "new"})
        assert answer.status_code == WHO_MAY_GIVE[by, whose]
        shown = (await venue.ask(by, "GET", "/v1/keys")).json()
        assert {key["participant_id"] for key in shown} == ({*venue.keys} if by == "operator" else {by})

    play(tmp_path, scenario)


def test_the_operator_cannot_lock_the_regulator_out(tmp_path: Path) -> None:
    """The operator takes back the keys of a trader, but not those of the regulator, and nobody those of another."""

    async def scenario(venue: Doors) -> None:
        keys = {key["participant_id"]: key["key_id"] for key in venue_keys(venue)}
        statuses = [
            (await venue.ask(by, "DELETE", f"/v1/keys/{keys[whose]}")).status_code
            for by, whose in (("operator", "regulator"), ("dossor", "aktau"), ("operator", "aktau"))
        ]
        assert statuses == [403, 404, 204]

    play(tmp_path, scenario)


def venue_keys(venue: Doors) -> list[dict[str, str]]:
    return [{"participant_id": key.participant_id, "key_id": key.key_id} for key in venue.house.access.keys.shown()]


def test_what_needs_four_eyes_waits_for_the_second_pair(tmp_path: Path) -> None:
    """The command is not sent until another person of the participant approves it, and then once."""

    async def scenario(venue: Doors) -> None:
        path = "/v1/endowments"
        before = venue.house.state.sequence
        asked = await venue.send("operator", "POST", path, ENDOWMENT, key="k1")
        assert (asked.status_code, asked.json()["code"]) == (409, "second_person")
        waiting = (await venue.ask("operator", "GET", "/v1/pending")).json()
        assert [each["command"]["amount_tiyn"] for each in waiting] == [500]
        approve = f"/v1/pending/{asked.json()['where']}/approve"
        own = await venue.ask("operator", "POST", approve)
        assert (own.status_code, own.json()["code"]) == (403, "four_eyes")
        assert venue.house.state.sequence == before
        principal = Principal("operator", "second", "")
        second = bearer((await venue.house.access.new_key(principal, "", principal)).text)
        done = await venue.ask("", "POST", approve, **second)
        assert done.json()["events"][0]["type"] == "FundEndowed"
        assert (await venue.ask("", "POST", approve, **second)).status_code == 404
        again = await venue.send("operator", "POST", path, ENDOWMENT, key="k1")
        assert again.json() == {**done.json(), "repeated": True}
        other = await venue.send("operator", "POST", path, {**ENDOWMENT, "bank_reference": "bank 2"}, key="k2")
        reject = f"/v1/pending/{other.json()['where']}/reject"
        assert (await venue.ask("operator", "POST", reject)).status_code == 204
        assert (await venue.ask("operator", "GET", "/v1/pending")).json() == []

    play(tmp_path, scenario, second_person=frozenset({EndowFund}))


def test_blanks_are_no_reason_at_the_door(tmp_path: Path) -> None:
    """A reason of blanks engages no kill switch, and keeps no second person waiting."""

    async def scenario(venue: Doors) -> None:
        before = venue.house.state.sequence
        blank = {"reason": " \u200b"}
        asked = [
            await venue.ask("aktau", "PUT", "/v1/kill-switches/aktau", blank),
            await venue.send("operator", "POST", "/v1/participants/aktau/exclude", blank, key="k1"),
        ]
        assert [(each.status_code, each.json()["code"]) for each in asked] == [(422, "words_missing")] * 2
        assert (await venue.ask("aktau", "GET", "/v1/kill-switches")).json() == []
        assert (await venue.ask("operator", "GET", "/v1/pending")).json() == []
        assert venue.house.state.sequence == before

    play(tmp_path, scenario, second_person=frozenset({ExcludeParticipant}))


def test_the_kill_switch_takes_orders_back_and_lets_none_in(tmp_path: Path) -> None:
    """Engaged, it cancels what stands and refuses what comes, in batches too, until it is released."""

    async def scenario(venue: Doors) -> None:
        path = "/v1/kill-switches/aktau"
        await venue.send("aktau", "POST", "/v1/orders", BID, key="k1")
        assert (await venue.ask("dossor", "PUT", path, {"reason": "spite"})).status_code == 403
        assert (await venue.ask("aktau", "PUT", path, {"reason": "a robot runs wild"})).status_code == 200
        assert not len(venue.house.state.sessions["call"].orders)
        second = {**BID, "order_id": "b2"}
        refused = await venue.send("aktau", "POST", "/v1/orders", second, key="k2")
        assert (refused.status_code, refused.json()["code"]) == (409, "switched_off")
        report = (await venue.send("aktau", "POST", "/v1/orders/batch", {"orders": [second]}, key="k3")).json()
        assert report["orders"][0]["problem"]["code"] == "switched_off"
        seen = [
            len((await venue.ask(who, "GET", "/v1/kill-switches")).json()) for who in ("aktau", "dossor", "operator")
        ]
        assert seen == [1, 0, 1]
        assert (await venue.ask("operator", "DELETE", path)).status_code == 204
        assert (await venue.ask("operator", "DELETE", path)).status_code == 404
        assert (await venue.send("aktau", "POST", "/v1/orders", second, key="k2")).status_code == 200

    play(tmp_path, scenario, desk=opened())


def test_too_many_requests_are_refused(tmp_path: Path) -> None:
    """A participant that asks faster than the venue takes is told so, and others are not."""

    async def scenario(venue: Doors) -> None:
        statuses = [(await venue.ask("aktau", "GET", "/v1/me")).status_code for _ in range(202)]
        assert statuses == [200] * 200 + [429] * 2
        assert (await venue.ask("dossor", "GET", "/v1/me")).status_code == 200
        venue.clock.at_ns += NS_PER_SECOND
        assert (await venue.ask("aktau", "GET", "/v1/me")).status_code == 200

    play(tmp_path, scenario)


def test_every_refusal_is_written_down_and_no_secret(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The log has each refusal that stands in no row, with who and where, and no key, password or code."""
    secrets: list[str] = []

    async def scenario(venue: Doors) -> None:
        secrets.extend([*venue.keys.values(), PASSWORD, "naryq_" + "0" * 12 + "_" + "1" * 64])
        await venue.ask("", "GET", "/v1/me", **bearer(secrets[-1]))
        await venue.ask("", "POST", "/v1/sign-in", {"login": "x", "password": PASSWORD, "code": "123456"})
        await venue.ask("press", "GET", "/v1/flags")
        await venue.ask("aktau", "POST", "/v1/orders", {"price": 1}, idempotency_key="k")
        await venue.send("press", "POST", "/v1/orders", BID, key="k1")
        wanted = {"login": "aigul", "password": PASSWORD}
        made = (await venue.ask("aktau", "POST", "/v1/people", wanted)).json()
        secrets.append(made["one_time_secret"])
        entries = (await venue.ask("regulator", "GET", "/v1/audit")).json()
        acts = [(entry["act"], entry["participant_id"]) for entry in entries]
        assert acts == [
            ("not_authenticated", ""),
            ("not_authenticated", ""),
            ("not_permitted", "press"),
            ("wrong_type", "aktau"),
            ("person_added", "aktau"),
        ]
        assert all(entry["address"] == "127.0.0.1" for entry in entries)
        after = (await venue.ask("operator", "GET", "/v1/audit?after=3&limit=1")).json()
        assert [entry["number"] for entry in after] == [4]
        assert not [secret for secret in secrets if secret in f"{entries} {caplog.text}"]

    with caplog.at_level("DEBUG"):
        play(tmp_path, scenario)
    assert len(secrets) > 3
