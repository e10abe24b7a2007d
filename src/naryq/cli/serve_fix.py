"""The FIX door of `naryq serve`: its settings made into an acceptor."""

import re
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import click

from naryq.cli.settings import FixSettings
from naryq.gateways.application import Service
from naryq.gateways.fix.door import Doorway, door_over
from naryq.gateways.fix.schedule import Schedule
from naryq.gateways.fix.store import FileStore
from naryq.gateways.house import House
from naryq.gateways.stream_hub import Hub
from naryq.messages import Code, Refusal

_HOURS: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)", re.ASCII)


def fix_door(settings: FixSettings, hub: Hub) -> Service:
    """Return the FIX door as what runs beside the web server; it hears of every row that the hub sees.

    Raises:
        Refusal: UNREADABLE where its file or a certificate cannot be read; UNKNOWN_OPTION for hours that are none.
    """
    schedule, tls = _schedule(settings.hours), _tls(settings)
    store = FileStore.open(Path(settings.sessions))
    door = door_over(store, settings.name, time.time_ns, hub, schedule)
    service = door.service(Doorway(settings.address, settings.port, tls, click.echo))

    @asynccontextmanager
    async def open_door(house: House) -> AsyncIterator[None]:
        try:
            async with service(house):
                yield
        except OSError as error:
            what = f"port {settings.port} of {settings.address} cannot be used ({error.strerror})"
            raise Refusal(Code.BUSY, what, remedy="Give another port for FIX, or 0 for any free one.") from None
        finally:
            store.close()

    return open_door


def _schedule(hours: str) -> Schedule:
    """Read hours such as `00:00-23:55`, UTC."""
    found = _HOURS.fullmatch(hours)
    if found is None:
        remedy = "Write them as 00:00-23:55, in UTC."
        raise Refusal(Code.UNKNOWN_OPTION, f"the hours are {hours!r}", where="fix.hours", remedy=remedy)
    first_hour, first_minute, last_hour, last_minute = map(int, found.groups())
    return Schedule(first_hour * 3600 + first_minute * 60, last_hour * 3600 + last_minute * 60)


def _tls(settings: FixSettings) -> ssl.SSLContext | None:
    """Return how connections are encrypted; counterparties may show a certificate of the authority, if there is one."""
    if not settings.certificate:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(settings.certificate, settings.private_key or None)
        if settings.authority:
            context.load_verify_locations(settings.authority)
            context.verify_mode = ssl.CERT_OPTIONAL
    except OSError as error:
        what = f"a certificate of the FIX door cannot be read ({error})"
        raise Refusal(Code.UNREADABLE, what, where="fix", remedy="Name PEM files that the venue may read.") from None
    return context
