"""Every route of REST under every role: commands by the page of permissions, questions by a list of their readers."""

import asyncio
from itertools import product
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.doors import Doors, doors
from tests.message_samples import sample
from tests.property.test_permissions import PERMITTED, ROLES, SOMEONE
from tests.venue_samples import founded

from naryq.gateways import rest
from naryq.gateways.rest_operations import Operation
from naryq.gateways.rest_routes import ROUTES, CommandRoute, body_type, fields_of

READERS = {
    "/v1/defaults-due": {"operator", "regulator"},
    "/v1/limits": {"operator", "regulator"},
    "/v1/flags": {"regulator"},
    "/v1/proposals": {"operator", "regulator"},
    "/v1/two-keys": {"operator", "regulator"},
    "/v1/emergencies": {"operator", "regulator"},
    "/v1/proposals/{proposal_id}/assessment": {"operator", "regulator"},
    "/v1/proposals/{proposal_id}/replay": {"operator", "regulator"},
    "/v1/audit": {"operator", "regulator"},
    "/v1/duties": {"operator", "regulator", "seller"},
    "/v1/reoffers": {"operator", "regulator", "seller"},
    "/v1/outputs": {"regulator", "seller"},
    "/v1/sales": {"regulator", "observer"},
    "/v1/retail-terms": {"operator", "regulator"},
}
"""Who may ask what not everybody may: written here by hand, so that a change of the table is seen."""
COMMANDS = {route.kind.__name__: route for route in ROUTES}
QUESTIONS = [operation for operation in rest.OPERATIONS if operation.method == "GET"]


def request_of(route: CommandRoute) -> tuple[str, Any]:
    """Return the path and the body of the simplest command of a kind."""
    fields = msgspec.to_builtins(sample(route.kind))
    path = route.path.format(**{name: fields[name] for name in route.in_path})
    return path, {name: fields[name] for name in body_type(route).__struct_fields__}


async def every_command(venue: Doors, role: str) -> dict[str, str]:
    """Send every command as a role, and return the `code where` of each refusal, or nothing."""
    found = {}
    for name, route in COMMANDS.items():
        path, body = request_of(route)
        answer = await venue.send(SOMEONE[role], route.method, path, body, key=f"{role}-{name}")
        told = answer.json()
        found[name] = f"{told['code']} {told['where']}" if answer.status_code != 200 else ""
        assert answer.status_code < 500
    return found


@pytest.mark.parametrize("role", ROLES)
def test_only_the_permitted_are_heard(tmp_path: Path, role: str) -> None:
    """Over REST each command gets past the door from the roles that the page marks, and from no other."""

    async def scenario() -> None:
        async with doors(founded(), tmp_path) as venue:
            found = await every_command(venue, role)
        denied = {name for name, refusal in found.items() if refusal == "not_permitted actor"}
        assert denied == {name for name in COMMANDS if (name, role) not in PERMITTED}

    asyncio.run(scenario())


@pytest.mark.parametrize("role", ROLES)
def test_only_the_permitted_see(tmp_path: Path, role: str) -> None:
    """Each question is answered to the roles that may ask it, and refused to every other."""

    async def scenario() -> None:
        async with doors(founded(), tmp_path) as venue:
            for operation in QUESTIONS:
                path = operation.path.format(**dict.fromkeys(fields_of(operation.path), "2021-12-31"))
                status = (await venue.ask(SOMEONE[role], "GET", path)).status_code
                assert (status == 403) == (role not in READERS.get(operation.path, set(ROLES))), operation.path
                assert status in {200, 403, 404}
            other = await venue.ask(SOMEONE[role], "GET", "/v1/statements/2021-12-31?participant=dossor")
            # Whoever watches may see it once the day is over.
            assert other.json()["code"] == ("not_due" if role in {"operator", "regulator"} else "not_permitted")

    asyncio.run(scenario())


def test_nobody_is_heard_or_answered(tmp_path: Path) -> None:
    """Without a credential every operation is refused before anything else, but for signing in."""

    async def scenario() -> None:
        async with doors(founded(), tmp_path) as venue:
            before = venue.house.state.sequence
            for operation in rest.OPERATIONS:
                status = (await refused(venue, operation)).status_code
                assert (status == 401) == (not operation.is_public), operation.path
                assert status in {400, 401}
            assert venue.house.state.sequence == before

    asyncio.run(scenario())


async def refused(venue: Doors, operation: Operation) -> Any:
    path = operation.path.format(**dict.fromkeys(fields_of(operation.path), "nothing"))
    return await venue.ask("", operation.method, path, {}, idempotency_key="k")


def test_a_key_that_reads_does_nothing(tmp_path: Path) -> None:
    """A key made for reading is refused wherever something is done, in every role, and answered elsewhere."""

    async def scenario() -> None:
        async with doors(founded(), tmp_path) as venue:
            made = (await venue.ask("aktau", "POST", "/v1/keys", {"reads_only": True})).json()
            header = {"authorization": f"Bearer {made['key']}"}
            assert (await venue.ask("", "GET", "/v1/account", **header)).status_code == 200
            for operation in rest.OPERATIONS:
                if operation.method != "GET" and not operation.is_public:
                    path = operation.path.format(**dict.fromkeys(fields_of(operation.path), "nothing"))
                    answer = await venue.ask("", operation.method, path, {}, idempotency_key="k", **header)
                    assert (answer.status_code, answer.json()["where"]) == (403, "Authorization")

    asyncio.run(scenario())


def test_the_matrix_would_see_a_hole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Were the roles of a question not looked at, or its door left open, the matrix would not hold."""
    monkeypatch.setattr(rest, "_check_role", lambda *_: None)
    with pytest.raises(AssertionError, match="/v1/"):
        test_only_the_permitted_see(tmp_path, "observer")
    assert {role for _, role in product(COMMANDS, ROLES)} == set(SOMEONE)
