"""`naryq serve`: the venue with all its doors, on this machine."""

import asyncio
import logging
import secrets
import signal
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, closing, contextmanager
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Final, NamedTuple, get_args

import click
import uvicorn
import uvloop
from starlette.routing import BaseRoute

from naryq.access import Access
from naryq.access.store import Store
from naryq.cli.files import read_rulebook
from naryq.cli.serve_fix import fix_door
from naryq.cli.settings import AccessSettings, FixSettings, Settings, VenueSettings, WebSettings, read_settings
from naryq.desk import doors as desk
from naryq.engine import Engine, EngineApart, OnEntry, SnapshotCheck, collect_lightly, ignore
from naryq.engine.forking import can_fork
from naryq.engine.intake import Clock
from naryq.exchange import State
from naryq.gateways import rest, stream
from naryq.gateways.application import Service, again_and_again, application
from naryq.gateways.house import House, View
from naryq.gateways.keeper import Keeper
from naryq.gateways.stream_hub import Hub
from naryq.journal import named
from naryq.journal.contract import Journal
from naryq.messages import AdmitParticipant, AdoptRulebook, AnyCommand, Code, Refusal, Refused, RulebookText

OPERATOR: Final = "operator"
REGULATOR: Final = "regulator"
DEFAULT_PORT: Final = 8780
LOCAL_NAMES: Final = ("127.0.0.1", "localhost")
WEBSOCKET_BYTES_MAX: Final = 65_536
"""How long a message of a reader may be before it is read at all."""
CONNECTIONS_MAX: Final = 4_000
"""With more, a request is answered with 503 before it is read."""
GRACE_SECONDS: Final = 5
"""How long requests that are under way may go on once the venue is told to stop."""
WATCH_SECONDS: Final = 1
PASSWORD_BYTES: Final = 8
LOCK_SECONDS: Final = 10
"""How long a journal that another writer holds is waited for."""
LOOK_SECONDS: Final = 0.05


@click.command()
@click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A TOML file with all settings of a real deployment; the options below are for a venue to try.",
)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder of the journal and of the file of secrets; a new venue is founded where there is none.  "
    "[default: venue, or sample with --sample]",
)
@click.option(
    "--sample",
    is_flag=True,
    help="Furnish a new venue with people who are made up and a session that is open, to look around in.",
)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=DEFAULT_PORT, show_default=True, help="The port; 0 takes any."
)
@click.option(
    "--fix-port",
    type=click.IntRange(0, 65535),
    help=f"The port of FIX; 0 takes any.  [default: {FixSettings().port}, or any where --port takes any]",
)
@click.option("--rulebook", default="guarded", show_default=True, help="The rulebook that a new venue adopts.")
def serve(
    *, config: Path | None, data: Path | None, sample: bool, port: int, fix_port: int | None, rulebook: str
) -> None:
    """Open the venue's doors on 127.0.0.1 until Ctrl-C or SIGTERM."""
    if sample:
        _check_sample(config, rulebook)
    if fix_port is None:
        fix_port = FixSettings().port if port else 0
    data = data or Path("sample" if sample else "venue")
    settings = _to_try(data, port, fix_port, rulebook) if config is None else read_settings(config)
    logging.basicConfig(level=settings.venue.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s %(message)s")
    with closing(_access(settings)) as access:
        if not named.in_postgres(settings.venue.journal) and not Path(settings.venue.journal).exists():
            _check_is_new(settings.venue, access)
        services = (_furnish(settings.venue),) if sample else ()
        wired = _wired(settings, access, services)
        _found(wired.house, settings.venue, access)
        if access.is_empty:
            click.echo(f"The operator's key, shown this once: {access.issue(OPERATOR, 'founder').text}")
            if sample:
                asyncio.run(_let_sign_in(access))
        collect_lightly()
        uvloop.run(_open_doors(settings, wired))


def _to_try(data: Path, port: int, fix_port: int, rulebook: str) -> Settings:
    """Return the settings of a venue to try, whose operator is one person."""
    data.mkdir(parents=True, exist_ok=True)
    venue = VenueSettings(journal=str(data / "venue.journal"), secrets=str(data / "access.db"), rulebook=rulebook)
    fix = FixSettings(port=fix_port, sessions=str(data / "fix.db"))
    return Settings(venue=venue, web=WebSettings(port=port), fix=fix, access=AccessSettings(second_person=()))


def _check_sample(config: Path | None, rulebook: str) -> None:
    """Refuse a sample in the place of a real venue, and one under rules that its orders are not made for."""
    if config is not None or rulebook != VenueSettings().rulebook:
        what = f"a sample venue has settings of its own, and the rulebook {VenueSettings().rulebook}"
        remedy = "Leave out --config and --rulebook, or --sample."
        raise Refusal(Code.UNKNOWN_OPTION, what, where="--sample", remedy=remedy)


def _check_is_new(venue: VenueSettings, access: Access) -> None:
    """Refuse to found a venue in the place of one whose journal is gone while its keys are still there."""
    if not access.is_empty:
        what = "there is no journal or an empty one, and the file of secrets has the keys of a venue"
        remedy = "Find the journal, or restore its last copy; for a new venue move the file of secrets away as well."
        raise Refusal(Code.UNREADABLE, what, where=named.shown(venue.journal), remedy=remedy)


def _access(settings: Settings) -> Access:
    return Access(
        Store.open(Path(settings.venue.secrets)),
        time.time_ns,
        secrets.token_bytes,
        requests_per_second=settings.access.requests_per_second,
    )


# --- The wiring -----------------------------------------------------------------------------------------------------


class _Wired(NamedTuple):
    """A house, its routes, and what runs beside the web server."""

    house: House
    hub: Hub
    routes: Sequence[BaseRoute]
    services: Sequence[Service]


def _wired(settings: Settings, access: Access, services: Sequence[Service]) -> _Wired:
    """Put all doors on one house, with what else runs beside them."""
    hub, keeper = Hub(), Keeper(call_seconds=settings.keeper.call_seconds)
    fix = (fix_door(settings.fix, hub),) if settings.fix.runs else ()
    views: tuple[View, ...] = (hub.see, keeper.see)
    second_person = frozenset(_kind(name) for name in settings.access.second_person)
    open_reader = partial(named.reader, settings.venue.journal)
    check = SnapshotCheck(settings.venue.journal, first=settings.venue.snapshot_check == "first")
    opens = _apart if settings.venue.writer == "process" and can_fork() else _engine
    engine = partial(opens, settings.venue.journal, check=check)
    house = House(engine, access, time.time_ns, views=views, second_person=second_person, open_reader=open_reader)
    kept = (keeper.service,) if settings.keeper.runs else ()
    return _Wired(
        house,
        hub,
        routes=(*rest.routes(house), *stream.routes(house, hub), *desk.routes(house)),
        services=(_log_keeping, stream.service(hub), *fix, *kept, *services),
    )


def _kind(name: str) -> type[AnyCommand]:
    kinds: dict[str, type[AnyCommand]] = {kind.__name__: kind for kind in get_args(AnyCommand)}
    if name not in kinds:
        remedy = "Name commands as docs/reference/permissions.md does, such as Withdraw."
        raise Refusal(Code.UNKNOWN_OPTION, f"there is no command {name!r}", where="second-person", remedy=remedy)
    return kinds[name]


def _log_keeping(house: House) -> AbstractAsyncContextManager[None]:
    """Bring the log of the door to its file once a second."""

    async def keep() -> None:
        house.access.audit.keep()

    return again_and_again(keep, WATCH_SECONDS)


# --- The web server -------------------------------------------------------------------------------------------------


async def _open_doors(settings: Settings, wired: _Wired) -> None:
    """Serve until a signal says to stop, or the engine has stopped; what is under way is finished within the grace."""
    web = settings.web
    names = (*LOCAL_NAMES, web.address, *web.names)
    config = uvicorn.Config(
        application(wired.house, wired.routes, wired.services, names=names, is_encrypted=bool(web.certificate)),
        http="httptools",
        log_config=None,
        access_log=False,
        server_header=False,
        limit_concurrency=CONNECTIONS_MAX,
        timeout_graceful_shutdown=GRACE_SECONDS,
        ssl_certfile=web.certificate or None,
        ssl_keyfile=web.private_key or None,
        ws_max_size=WEBSOCKET_BYTES_MAX,
        ws_per_message_deflate=False,  # It would compress the same bytes anew for each of hundreds of readers.
    )
    server = _Server(config)
    server.hub = wired.hub
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, server.handle_exit, number, None)
    with _listening(web) as listening:
        scheme = "https" if web.certificate else "http"
        click.echo(f"The venue: {scheme}://{web.address}:{listening.getsockname()[1]}/  (Ctrl-C ends it)")
        watch = asyncio.create_task(_watch(wired.house, server))
        await server.serve(sockets=[listening])
        watch.cancel()
    if not server.stops_by_signal:
        what = "the engine has stopped: see the log"
        raise wired.house.engine.stopped_for or Refusal(
            Code.STOPPED, what, where="engine", remedy="Start it again: it recovers from the journal."
        )


async def _watch(house: House, server: "_Server") -> None:
    """End the process when the engine has stopped, so that whoever looks after it starts it again."""
    while not server.should_exit:
        await asyncio.sleep(WATCH_SECONDS)
        server.should_exit = server.should_exit or not house.engine.running


class _Server(uvicorn.Server):
    """A server that leaves the signals to us: uvicorn's own way would end the process before the journal is closed."""

    hub: Hub
    stops_by_signal = False

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Remember that it was a person or a supervisor who ended it."""
        self.stops_by_signal = True
        super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Tell the readers of the stream that it ends, since their requests would never end by themselves."""
        self.hub.close()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Do nothing with signals."""
        yield


def _listening(web: WebSettings) -> socket.socket:
    try:
        return socket.create_server((web.address, web.port), backlog=2_048)
    except OSError as error:
        what = f"port {web.port} of {web.address} cannot be used ({error.strerror})"
        raise Refusal(Code.BUSY, what, remedy="Give another port, or 0 for any free one.") from None


# --- The venue ------------------------------------------------------------------------------------------------------


def _engine(
    journal: str, on_entry: OnEntry = ignore, *, clock: Clock | None = time.time_ns, check: SnapshotCheck | None = None
) -> Engine[State]:
    snapshots = named.snapshots(journal)
    opened = _patiently(partial(_journal, journal))
    return Engine(opened, on_entry=on_entry, snapshots=snapshots, snapshot_check=check, clock=clock)


def _apart(journal: str, on_entry: OnEntry, *, check: SnapshotCheck) -> EngineApart[State]:
    snapshots = named.snapshots(journal)
    return EngineApart(
        partial(_patiently, partial(_journal, journal)),
        partial(Engine, snapshots=snapshots, snapshot_check=check, clock=time.time_ns),
        partial(named.reader, journal),
        on_entry=on_entry,
        snapshots=snapshots,
        clock=time.time_ns,
    )


def _patiently(open_journal: Callable[[], Journal]) -> Journal:
    """Open a journal; the writer of a venue that was killed may still be finishing what it had taken."""
    given_up = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            return open_journal()
        except Refusal as refusal:
            if refusal.code != Code.JOURNAL_LOCKED or time.monotonic() > given_up:
                raise
        time.sleep(LOOK_SECONDS)


def _journal(name: str) -> Journal:
    """Open a journal, or make it where there is none."""
    if not named.in_postgres(name):
        return named.writer(name) if Path(name).exists() else named.create(name)
    try:
        return named.writer(name)
    except Refusal as refusal:
        if refusal.code != Code.UNREADABLE:
            raise
        return named.create(name)


def _found(house: House, venue: VenueSettings, access: Access) -> None:
    """Give a venue on which nothing has happened its operator, its regulator and its rulebook."""
    if house.state.rulebook is None:
        _check_is_new(venue, access)
        for promise in house.engine.offer_many([*_founding(read_rulebook(venue.rulebook), time.time_ns())]):
            event = promise.result().events[0]
            assert not isinstance(event, Refused), f"a new venue is not founded: {event}"


def _founding(rulebook: RulebookText, at_ns: int) -> tuple[AnyCommand, ...]:
    return (
        AdmitParticipant("found-1", OPERATOR, at_ns, OPERATOR, "The operator", "operator"),
        AdmitParticipant("found-2", OPERATOR, at_ns, REGULATOR, "The regulator", "regulator"),
        AdoptRulebook("found-3", REGULATOR, at_ns, rulebook),
    )


# --- A sample of one ------------------------------------------------------------------------------------------------


def _furnish(venue: VenueSettings) -> Service:
    """Make a new venue a sample, and return what lets it trade on later days.

    Its script has times of its own, so no clock stands at the engine's door meanwhile.
    """
    from naryq.cli import sample  # noqa: PLC0415 - late, so that a real venue does not pay for it
    from naryq.cli.demo import read_inputs  # noqa: PLC0415 - as above

    with _engine(venue.journal, clock=None) as engine:
        if engine.state.rulebook is None:
            click.echo("A sample venue is furnished; where Naryq was never run before, this takes a minute.")
            commands = sample.founding(read_rulebook(venue.rulebook), read_inputs(), time.time_ns())
            for promise in engine.offer_many(commands, whole=True):
                answer = promise.result()
                assert not isinstance(answer.events[0], Refused), f"a sample is not furnished: {answer.events[0]}"
        elif not sample.is_sample(engine.state):
            what, remedy = "this venue is no sample", "Name another folder, or leave out --sample."
            raise Refusal(Code.ALREADY_EXISTS, what, where="--data", remedy=remedy)
    return sample.service


async def _let_sign_in(access: Access) -> None:
    """Give one person of each role of a sample what it takes to sign in, and print it, this once."""
    from naryq.cli import sample  # noqa: PLC0415 - as above

    click.echo("A sample: whoever takes part is made up. They sign in at /desk with these, shown this once:")
    for login in sample.SIGNING_IN:
        password = secrets.token_hex(PASSWORD_BYTES)
        person = await access.people.add(login, login, password, OPERATOR)
        click.echo(f"  {login:<10} password {password}  secret of codes {person.one_time_secret}")
    click.echo("`naryq code` prints the one-time code of the moment for such a secret.")
