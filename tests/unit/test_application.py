"""The web application around all doors: headers, host names, life and readiness, and what is not there."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import pytest
from tests.doors import Clock, access_in, doors
from tests.venue_samples import founded, instant

from naryq.engine import Engine
from naryq.gateways import rest
from naryq.gateways.application import HEADERS, application
from naryq.gateways.house import House
from naryq.journal.memory import MemoryJournal


def play(folder: Path, scenario: Callable[[httpx.AsyncClient, House], Awaitable[None]], **options: object) -> None:
    async def played() -> None:
        clock = Clock(instant("12:00"))
        access = access_in(folder, clock)
        house = House(lambda on_entry: Engine(MemoryJournal(), on_entry=on_entry), access, clock)
        app = application(house, rest.routes(house), **options)  # type: ignore[arg-type]  # the options of the tests below
        async with app.router.lifespan_context(app):
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://venue.example") as client:
                await scenario(client, house)
        access.close()

    asyncio.run(played())


@pytest.mark.parametrize("path", ["/health", "/v1/openapi.json", "/v1/me", "/nothing", "/v1/nothing"])
def test_every_answer_has_the_careful_headers(tmp_path: Path, path: str) -> None:
    """Each answer, refused or not, tells browsers to guess nothing, frame nothing, load nothing and keep nothing."""

    async def scenario(client: httpx.AsyncClient, _: House) -> None:
        answer = await client.get(path)
        for name, value in HEADERS:
            assert answer.headers[name.decode()] == value.decode()
        assert "server" not in answer.headers
        assert not [name for name in answer.headers if name.startswith("access-control-")]
        assert "strict-transport-security" not in answer.headers

    play(tmp_path, scenario)


def test_over_tls_it_stays_over_tls(tmp_path: Path) -> None:
    """Where the venue speaks TLS, every answer says that it always will."""

    async def scenario(client: httpx.AsyncClient, _: House) -> None:
        assert (await client.get("/health")).headers["strict-transport-security"].startswith("max-age=31536000")

    play(tmp_path, scenario, is_encrypted=True)


def test_a_name_that_is_not_ours_is_refused(tmp_path: Path) -> None:
    """A request under another host's name is refused before anything is looked at; under ours it is answered."""

    async def scenario(client: httpx.AsyncClient, _: House) -> None:
        assert (await client.get("/health")).status_code == 200
        assert (await client.get("/health", headers={"host": "evil.example"})).status_code == 400
        assert (await client.get("/health", headers={"host": "venue.example.evil.example"})).status_code == 400

    play(tmp_path, scenario, names=("venue.example",))


def test_it_is_ready_while_commands_are_taken(tmp_path: Path) -> None:
    """The venue is alive as long as it answers, and ready as long as its engine runs."""

    async def scenario(client: httpx.AsyncClient, house: House) -> None:
        assert [(await client.get(path)).status_code for path in ("/health", "/ready")] == [200, 200]
        house.engine.close()
        assert [(await client.get(path)).status_code for path in ("/health", "/ready")] == [200, 503]

    play(tmp_path, scenario)


def test_what_is_not_there_is_said_in_the_reader_s_form(tmp_path: Path) -> None:
    """Under /v1/ what is not there is told as problem details, elsewhere in plain words."""

    async def scenario(client: httpx.AsyncClient, _: House) -> None:
        of_programs, of_people = await client.get("/v1/nothing"), await client.get("/nothing")
        assert (of_programs.status_code, of_programs.json()["code"]) == (404, "not_found")
        assert (of_people.status_code, of_people.text) == (404, "Not Found\n")
        wrong = await client.request("PUT", "/v1/orders")
        assert wrong.status_code == 405
        assert {*wrong.headers["allow"].split(", ")} == {"GET", "HEAD", "POST"}

    play(tmp_path, scenario)


def test_the_figures_are_for_the_operator(tmp_path: Path) -> None:
    """The engine's figures are given to keys of the operator, and to nobody else."""

    async def played() -> None:
        async with doors(founded(), tmp_path) as venue:
            for person, status in (("operator", 200), ("regulator", 403), ("press", 403), ("", 401)):
                answer = await venue.ask(person, "GET", "/metrics")
                assert answer.status_code == status
                assert ("naryq_running 1" in answer.text) == (status == 200)

    asyncio.run(played())
