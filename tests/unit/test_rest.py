"""REST over a small country: commands, repeats, refusals, batches, files, pages, and what a reader has already."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from tests.doors import Doors, doors
from tests.venue_samples import founded, opened, opening, order

from naryq.gateways import problems, rest
from naryq.gateways.rest_pages import page
from naryq.gateways.rest_routes import ROUTES, STAMP, body_type
from naryq.messages import AnyCommand, Code, Refusal

Scenario = Callable[[Doors], Awaitable[None]]
BID = order("b1", "KZ-47", "buy", price=90_000, lots=2)


def play(folder: Path, scenario: Scenario, desk: Any = None) -> None:
    async def played() -> None:
        async with doors(desk or opened(), folder) as open_doors:
            await scenario(open_doors)

    asyncio.run(played())


# --- The tables -----------------------------------------------------------------------------------------------------


def test_every_command_has_a_route() -> None:
    """The table of routes has every command of the venue, each once, and no path serves two commands."""
    assert sorted(route.kind.__name__ for route in ROUTES) == sorted(kind.__name__ for kind in get_args(AnyCommand))
    pairs = [(operation.method, operation.path) for operation in rest.OPERATIONS]
    assert len({*pairs}) == len(pairs)
    names = [operation.name for operation in rest.OPERATIONS]
    assert len({*names}) == len(names)


def test_a_body_has_the_fields_of_its_command() -> None:
    """Body, path and stamp together are the fields of the command, each in one of them."""
    for route in ROUTES:
        body = [field.name for field in msgspec.structs.fields(body_type(route))]
        assert sorted([*body, *route.in_path, *STAMP]) == sorted(route.kind.__struct_fields__)
        defaults = {field.name: field.default for field in msgspec.structs.fields(route.kind)}
        assert all(field.default == defaults[field.name] for field in msgspec.structs.fields(body_type(route)))


def test_every_code_has_a_status() -> None:
    """The one table says for each refusal code which status it has, and no server error but `unavailable`."""
    assert {*problems.STATUS} == {*Code}
    assert {int(status) for status in problems.STATUS.values()} == {400, 401, 403, 404, 409, 413, 422, 429, 503}


# --- Commands -------------------------------------------------------------------------------------------------------


def test_an_order_is_taken_amended_and_cancelled(tmp_path: Path) -> None:
    """An order goes its way over REST, and each answer names the row and what has happened to it."""

    async def scenario(venue: Doors) -> None:
        taken = await venue.send("aktau", "POST", "/v1/orders", BID, key="k1")
        assert taken.status_code == 200
        assert [event["type"] for event in taken.json()["events"]] == ["OrderAccepted"]
        path = "/v1/sessions/call/orders/b1"
        amended = await venue.send("aktau", "PATCH", path, {"quantity_lots": 1}, key="k2")
        assert amended.json()["events"][0]["quantity_lots"] == 1
        gone = await venue.send("aktau", "DELETE", path, key="k3")
        assert [event["type"] for event in gone.json()["events"]] == ["OrderCancelled"]
        assert gone.json()["sequence"] == venue.house.state.sequence
        assert not len(venue.house.state.sessions["call"].orders)

    play(tmp_path, scenario)


def test_a_retry_has_the_first_answer(tmp_path: Path) -> None:
    """The same request under the same key is answered as before, although time has passed; another one is refused."""

    async def scenario(venue: Doors) -> None:
        first = await venue.send("aktau", "POST", "/v1/orders", BID, key="k1")
        venue.clock.at_ns += 10**9
        again = await venue.send("aktau", "POST", "/v1/orders", BID, key="k1")
        assert again.json() == {**first.json(), "repeated": True}
        other = await venue.send("aktau", "POST", "/v1/orders", {**BID, "quantity_lots": 9}, key="k1")
        assert (other.status_code, other.json()["code"]) == (409, "command_id_reused")
        assert venue.house.state.sequence == first.json()["sequence"]

    play(tmp_path, scenario)


def test_nobody_can_take_anothers_key(tmp_path: Path) -> None:
    """Who sends first under a key that another will use keeps nothing from him: his order is taken, and its retry."""

    async def scenario(venue: Doors) -> None:
        squat = await venue.send("zhanaozen", "POST", "/v1/orders", {**BID, "order_id": "s1"}, key="k1")
        first = await venue.send("aktau", "POST", "/v1/orders", BID, key="k1")
        assert [event["type"] for event in first.json()["events"]] == ["OrderAccepted"]
        assert first.json()["sequence"] == squat.json()["sequence"] + 1
        again = await venue.send("aktau", "POST", "/v1/orders", BID, key="k1")
        assert again.json() == {**first.json(), "repeated": True}
        anew = await venue.send("zhanaozen", "POST", "/v1/orders", {**BID, "order_id": "s1"}, key="k1")
        assert anew.json() == {**squat.json(), **({"repeated": True} if squat.status_code == 200 else {})}

    play(tmp_path, scenario)


def test_a_refusal_is_problem_details(tmp_path: Path) -> None:
    """What the venue refuses is told with its code, the row in which it stands, and what to do."""

    async def scenario(venue: Doors) -> None:
        refused = await venue.send("press", "POST", "/v1/orders", BID, key="k1")
        assert refused.headers["content-type"] == "application/problem+json"
        told = refused.json()
        assert (refused.status_code, told["status"], told["code"]) == (403, 403, "not_permitted")
        assert told["sequence"] == venue.house.state.sequence
        assert told["type"].endswith("/not_permitted")
        assert told["remedy"]

    play(tmp_path, scenario)


BAD_REQUESTS: dict[str, tuple[int, str, Any, str | None, str]] = {
    "no key": (400, "/v1/orders", BID, None, "column_missing"),
    "a key that is no name": (400, "/v1/orders", BID, "a#b", "wrong_type"),
    "no JSON": (400, "/v1/orders", b"{", "k", "wrong_type"),
    "no UTF-8": (400, "/v1/orders", b'{"a":"\xff"}', "k", "wrong_type"),
    "too deep": (400, "/v1/orders", b"[" * 100_000, "k", "wrong_type"),
    "too large": (413, "/v1/orders", b" " * 1_000_001, "k", "too_large"),
    "an unknown field": (400, "/v1/orders", {**BID, "at_ns": 1}, "k", "wrong_type"),
    "a fraction": (400, "/v1/orders", {**BID, "quantity_lots": 1.0}, "k", "wrong_type"),
    "out of range": (400, "/v1/orders", {**BID, "quantity_lots": 0}, "k", "wrong_type"),
    "a name in the path that is none": (400, "/v1/sessions/%0A/close", None, "k", "wrong_type"),
    "no such path": (404, "/v1/nothing", None, "k", "not_found"),
    "no such method": (405, "/v1/openapi.json", None, "k", "not_supported"),
}


@pytest.mark.parametrize("case", BAD_REQUESTS)
def test_a_bad_request_is_told_what_is_wrong(tmp_path: Path, case: str) -> None:
    """Each bad request has a refusal with its code, leaves no row, and ends nothing."""
    status, path, body, key, code = BAD_REQUESTS[case]

    async def scenario(venue: Doors) -> None:
        before = venue.house.state.sequence
        headers = {} if key is None else {"idempotency_key": key}
        answer = await venue.ask("aktau", "POST", path, body, **headers)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert answer.headers["content-type"] == "application/problem+json"
        assert venue.house.state.sequence == before

    play(tmp_path, scenario)


def test_an_identifier_may_have_a_slash(tmp_path: Path) -> None:
    """An identifier with a slash in it is spelled %2F in a path."""

    async def scenario(venue: Doors) -> None:
        await venue.send("aktau", "POST", "/v1/orders", {**BID, "order_id": "a/b c"}, key="k1")
        gone = await venue.send("aktau", "DELETE", "/v1/sessions/call/orders/a%2Fb%20c", key="k2")
        assert gone.json()["events"][0]["order_id"] == "a/b c"

    play(tmp_path, scenario)


def test_whoever_is_not_known_hears_nothing(tmp_path: Path) -> None:
    """Without a key, with a wrong one and with one of somebody who is not admitted, nothing is answered or done."""

    async def scenario(venue: Doors) -> None:
        key = venue.keys["aktau"]
        stranger = venue.house.access.issue("stranger", "a clerk").text
        for shown, status in ((None, 401), ("", 401), (key[:-1] + "f", 401), (key.upper(), 401), (stranger, 403)):
            headers = {} if shown is None else {"authorization": f"Bearer {shown}"}
            answer = await venue.ask("", "POST", "/v1/orders", BID, idempotency_key="k", **headers)
            assert answer.status_code == status
            assert (answer.headers.get("www-authenticate") == "Bearer") == (status == 401)

    play(tmp_path, scenario)


# --- Batches --------------------------------------------------------------------------------------------------------

GOOD, BAD = BID, {**BID, "order_id": "b2", "place": "nowhere"}


def test_a_batch_is_judged_one_by_one_or_whole(tmp_path: Path) -> None:
    """One by one each order has its own fate; all or none a bad one keeps the good ones out, until it is mended."""

    async def scenario(venue: Doors) -> None:
        batch = {"orders": [GOOD, BAD], "all_or_nothing": True}
        answer = (await venue.send("aktau", "POST", "/v1/orders/batch", batch, key="k1")).json()
        codes = [report["problem"]["code"] for report in answer["orders"]]
        assert (answer["accepted"], answer["refused"], codes) == (0, 2, ["batch_refused", "unknown_place"])
        before = venue.house.state.sequence
        noted = (await venue.ask("operator", "GET", "/v1/audit")).json()
        assert [(entry["act"], entry["participant_id"]) for entry in noted] == [
            ("batch_refused", "aktau"),
            ("unknown_place", "aktau"),
        ]
        batch = {"orders": [GOOD, BAD]}
        answer = (await venue.send("aktau", "POST", "/v1/orders/batch", batch, key="k1")).json()
        assert [report["sequence"] for report in answer["orders"]] == [before + 1, before + 2]
        assert [report["problem"] is None for report in answer["orders"]] == [True, False]
        again = (await venue.send("aktau", "POST", "/v1/orders/batch", batch, key="k1")).json()
        assert all(report["repeated"] for report in again["orders"])
        assert venue.house.state.sequence == before + 2

    play(tmp_path, scenario)


CSV_HEAD = "order_id,session_id,place,side,price_tenge_per_tonne,quantity_lots"
CSV_GOOD = f"{CSV_HEAD}\nc1,call,KZ-47,buy,90000,1\nc2,call,KZ-47,buy,91000,1\n"
CSV_BAD = CSV_GOOD.replace("91000", "dear")


def test_a_file_is_reported_row_by_row(tmp_path: Path) -> None:
    """Each row has its report under its line; where all or none is asked, a row that cannot be read stops the rest."""

    async def scenario(venue: Doors) -> None:
        path = "/v1/orders/csv"
        for query, codes in (("?all_or_nothing=true", ["batch_refused", "wrong_type"]), ("", [None, "wrong_type"])):
            answer = (await venue.send("aktau", "POST", path + query, CSV_BAD.encode(), key="k1")).json()
            assert [report["row"] for report in answer["orders"]] == [2, 3]
            assert [(report["problem"] or {"code": None})["code"] for report in answer["orders"]] == codes
        answer = (await venue.send("aktau", "POST", path, CSV_GOOD.encode(), key="k1")).json()
        assert [report["repeated"] for report in answer["orders"]] == [True, False]
        assert answer["accepted"] == 2

    play(tmp_path, scenario)


BAD_FILES = {
    "empty": (b"", "empty"),
    "a head alone": (CSV_HEAD.encode(), "empty"),
    "an unknown column": (CSV_GOOD.replace("place", "spot").encode(), "column_unknown"),
    "a column twice": (CSV_GOOD.replace("place", "side").encode(), "duplicate_id"),
    "no UTF-8": (CSV_GOOD.encode("utf-16"), "unreadable"),
    "an open quote": (CSV_GOOD.encode() + b'"', "unreadable"),
    "too many": (f"{CSV_HEAD}\n".encode() + b"x,call,KZ-47,buy,1,1\n" * 1_001, "too_large"),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_a_bad_file_is_refused(tmp_path: Path, case: str) -> None:
    """What is no file of orders is refused as a whole, with what is wrong with it."""
    content, code = BAD_FILES[case]

    async def scenario(venue: Doors) -> None:
        answer = await venue.send("aktau", "POST", "/v1/orders/csv", content, key="k1")
        assert answer.json()["code"] == code

    play(tmp_path, scenario)


# --- Questions ------------------------------------------------------------------------------------------------------


def test_what_a_reader_has_is_not_sent_again(tmp_path: Path) -> None:
    """A tag that still holds is answered with 304 and nothing else; once the answer is another, it is sent."""

    async def scenario(venue: Doors) -> None:
        first = await venue.ask("press", "GET", "/v1/instruments")
        tag = first.headers["etag"]
        again = await venue.ask("press", "GET", "/v1/instruments", if_none_match=f'"x", W/{tag}')
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        listing = {"code": "A", "product": "LPG", "plant": "ZH", "delivery_basis": "FCA", "delivery_region": "KZ-47"}
        assert (await venue.send("operator", "POST", "/v1/instruments", listing, key="k1")).status_code == 200
        changed = await venue.ask("press", "GET", "/v1/instruments", if_none_match=tag)
        assert changed.status_code == 200
        assert [item["instrument"]["code"] for item in changed.json()["items"]] == ["A"]

    play(tmp_path, scenario, founded())


def test_pages_join_without_a_gap() -> None:
    """All pages together are the list, also when items come in before the cursor or the last one goes away."""
    items = [f"{number:03d}" for number in range(250)]
    seen: list[str] = []
    cursor: str | None = None
    for limit in (100, 100, 100):
        found = page(items, str, cursor, limit)
        seen += found.items
        cursor = found.next_cursor
        items = ["000a", *(item for item in items if item != seen[-1] or cursor is None)]
    assert seen == [f"{number:03d}" for number in range(250)]
    assert cursor is None


@pytest.mark.parametrize("cursor", ["!", "x", "\N{SNOWMAN}", "____"])
def test_a_cursor_that_is_none_is_refused(cursor: str) -> None:
    """What no page gave as its cursor is refused, not taken for the beginning."""
    with pytest.raises(Refusal, match="cursor"):
        page(["a"], str, cursor, 1)


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "limit=-1", "limit=\u0661"])
def test_a_limit_that_is_none_is_refused(tmp_path: Path, query: str) -> None:
    """A page has from one item to a thousand."""

    async def scenario(venue: Doors) -> None:
        answer = await venue.ask("press", "GET", f"/v1/instruments?{query}")
        assert (answer.status_code, answer.json()["code"]) == (422, "out_of_range")

    play(tmp_path, scenario, founded())


def test_a_session_is_opened_over_the_wire(tmp_path: Path) -> None:
    """A command with tables in it, here the places and links of a network, is spelled as its message type says."""

    async def scenario(venue: Doors) -> None:
        body = msgspec.to_builtins(opening("another"))
        answer = await venue.send("operator", "POST", "/v1/sessions", body, key="k1")
        assert answer.json()["events"][0]["session_id"] == "another"

    play(tmp_path, scenario, founded())


def test_a_statement_is_the_day_of_its_reader(tmp_path: Path) -> None:
    """A deposit stands in the day's statement of whoever has it, and a day that is none is refused."""

    async def scenario(venue: Doors) -> None:
        deposit = {"participant_id": "aktau", "amount_tiyn": 700, "bank_reference": "bank 1"}
        assert (await venue.send("operator", "POST", "/v1/deposits", deposit, key="k1")).status_code == 200
        told = (await venue.ask("aktau", "GET", "/v1/statements/2021-12-31")).json()
        assert [(line["account"], line["closing"]) for line in told["accounts"]] == [("cash:aktau", 700)]
        assert (await venue.ask("aktau", "GET", "/v1/account")).json()["free_tiyn"] == 700
        assert [item["amount_tiyn"] for item in (await venue.ask("aktau", "GET", "/v1/payments")).json()["items"]] == [
            700
        ]
        wrong = await venue.ask("aktau", "GET", "/v1/statements/2021-02-30")
        assert (wrong.status_code, wrong.json()["code"]) == (422, "out_of_range")

    play(tmp_path, scenario, founded())


def test_own_orders_are_seen_by_their_owner_alone(tmp_path: Path) -> None:
    """An open order is listed to its owner, by itself and in the list, and to nobody else, not even to the operator."""

    async def scenario(venue: Doors) -> None:
        await venue.send("aktau", "POST", "/v1/orders", {**BID, "order_id": "canary"}, key="k1")
        assert (await venue.ask("aktau", "GET", "/v1/orders/canary")).json()["order"]["quantity_lots"] == 2
        for person in venue.keys:
            for operation in rest.OPERATIONS:
                if operation.method == "GET" and "{day}" not in operation.path:
                    named = {"session_id": "call", "order_id": "canary", "proposal_id": "x", "period": "x"}
                    answer = await venue.ask(person, "GET", operation.path.format(**named))
                    own = person == "aktau" and operation.path.startswith("/v1/orders")
                    assert ("canary" in answer.text.replace("order_id canary", "")) == own, operation.path

    play(tmp_path, scenario)
