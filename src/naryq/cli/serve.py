"""`naryq serve`: the venue with all its doors, on this machine."""

import asyncio
import secrets
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Final

import click
import uvicorn
import uvloop

from naryq.access import Access
from naryq.access.store import Store
from naryq.cli.files import read_rulebook
from naryq.engine import Engine, OnEntry, ignore
from naryq.exchange import State
from naryq.gateways import rest, stream
from naryq.gateways.application import Service, application
from naryq.gateways.house import House
from naryq.gateways.stream_hub import Hub
from naryq.journal import named
from naryq.messages import AdmitParticipant, AdoptRulebook, AnyCommand, Code, Refusal, Refused, RulebookText

OPERATOR: Final = "operator"
REGULATOR: Final = "regulator"
DEFAULT_PORT: Final = 8780
ROUTES: Final = (rest.routes,)
"""The doors that are routes of the web server: each gives its routes over a house."""
SERVICES: Final[tuple[Service, ...]] = ()
"""What runs beside the web server."""
WEBSOCKET_BYTES_MAX: Final = 65_536
"""How long a message of a reader may be before it is read at all."""
GRACE_SECONDS: Final = 5
"""How long requests that are under way may go on once the venue is told to stop."""


@click.command()
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("venue"),
    show_default=True,
    help="The folder of the journal and of the file of secrets; a new venue is founded where there is none.",
)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=DEFAULT_PORT, show_default=True, help="The port; 0 takes any."
)
@click.option("--rulebook", default="guarded", show_default=True, help="The rulebook that a new venue adopts.")
def serve(data: Path, port: int, rulebook: str) -> None:
    """Open the venue's doors on 127.0.0.1 until Ctrl-C or SIGTERM."""
    data.mkdir(parents=True, exist_ok=True)
    journal = str(data / "venue.journal")
    with closing(Access(Store.open(data / "access.db"), time.time_ns, secrets.token_bytes)) as access:
        if not Path(journal).exists():
            named.create(journal).close()
        _found(journal, rulebook)
        if access.is_empty:
            click.echo(f"The operator's key, shown this once: {access.issue(OPERATOR, 'founder').text}")
        hub = Hub()
        house = House(partial(_engine, journal), access, time.time_ns, views=(hub.see,))
        of_stream = stream.routes(house, hub)
        doors = [*(route for routes in ROUTES for route in routes(house)), *of_stream]
        app = application(house, doors, (stream.service(hub), *SERVICES))
        config = uvicorn.Config(
            app,
            http="httptools",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
            ws_max_size=WEBSOCKET_BYTES_MAX,
            ws_per_message_deflate=False,  # It would compress the same bytes anew for each of hundreds of readers.
        )
        uvloop.run(_open_doors(config, port, hub))


async def _open_doors(config: uvicorn.Config, port: int, hub: Hub) -> None:
    """Serve until a signal says to stop; what is under way is finished within the grace."""
    server = _Server(config)
    server.hub = hub
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, server.handle_exit, number, None)
    with _listening(port) as listening:
        click.echo(f"The venue: http://127.0.0.1:{listening.getsockname()[1]}/  (Ctrl-C ends it)")
        await server.serve(sockets=[listening])


class _Server(uvicorn.Server):
    """A server that leaves the signals to us: uvicorn's own way would end the process before the journal is closed."""

    hub: Hub

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Tell the readers of the stream that it ends, since their requests would never end by themselves."""
        self.hub.close()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Do nothing with signals."""
        yield


def _listening(port: int) -> socket.socket:
    try:
        return socket.create_server(("127.0.0.1", port), backlog=2_048)
    except OSError as error:
        what = f"port {port} cannot be used ({error.strerror})"
        raise Refusal(Code.BUSY, what, remedy="Give another with --port, or 0 for any free one.") from None


def _engine(journal: str, on_entry: OnEntry = ignore) -> Engine[State]:
    return Engine(named.writer(journal), on_entry=on_entry, snapshots=named.snapshots(journal), clock=time.time_ns)


def _found(journal: str, rulebook: str) -> None:
    """Give a venue on which nothing has happened its operator, its regulator and its rulebook."""
    with _engine(journal) as engine:
        if engine.state.rulebook is None:
            for answer in engine.submit_many(_founding(read_rulebook(rulebook), time.time_ns())):
                assert not isinstance(answer.events[0], Refused), f"a new venue is not founded: {answer.events[0]}"


def _founding(rulebook: RulebookText, at_ns: int) -> tuple[AnyCommand, ...]:
    return (
        AdmitParticipant("found-1", OPERATOR, at_ns, OPERATOR, "The operator", "operator"),
        AdmitParticipant("found-2", OPERATOR, at_ns, REGULATOR, "The regulator", "regulator"),
        AdoptRulebook("found-3", REGULATOR, at_ns, rulebook),
    )
