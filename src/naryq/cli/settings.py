"""The settings of a venue: a TOML file, of which every table and every key has a default."""

import tomllib
from pathlib import Path
from typing import Annotated, Final, Literal, TypeVar

import msgspec

from naryq.cli.files import read_text
from naryq.messages import Code, Refusal

Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]
LogLevel = Literal["debug", "info", "warning", "error"]
SECOND_PERSON: Final = ("DeclareDefault", "EndowFund", "ExcludeParticipant", "RefundObligation", "Withdraw")
"""What one person of a real venue asks for and another confirms: what moves money, and what shuts somebody out."""


class Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """The common form of all tables."""


Named = TypeVar("Named", bound=Table)


class VenueSettings(Table, frozen=True):
    """Where the venue lives: the journal (a file or postgresql://...), the secrets, and what a new one adopts.

    The `writer` has a process of its own, or a thread, which needs half the memory and bears half the load. A
    start's snapshot is checked against the journal beside the venue, or first: then the start waits for it.
    """

    journal: str = "venue.journal"
    secrets: str = "access.db"
    rulebook: str = "guarded"
    log_level: LogLevel = "warning"
    writer: Literal["process", "thread"] = "process"
    snapshot_check: Literal["beside", "first"] = "beside"


class WebSettings(Table, frozen=True):
    """The web server: where it listens, under which names it is asked, and its TLS certificate and key."""

    address: str = "127.0.0.1"
    port: Port = 8780
    names: tuple[str, ...] = ()
    certificate: str = ""
    private_key: str = ""


class FixSettings(Table, frozen=True):
    """The FIX acceptor: where it listens, under which name, its file, its hours (UTC), its TLS certificate and key.

    `authority` signs the certificates with which counterparties may log on without a key.
    """

    runs: bool = True
    address: str = "127.0.0.1"
    port: Port = 8781
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=32, pattern=r"^[A-Za-z0-9_.-]+$(?!\n)")] = "NARYQ"
    sessions: str = "fix.db"
    hours: str = "00:00-23:55"
    certificate: str = ""
    private_key: str = ""
    authority: str = ""


class AccessSettings(Table, frozen=True):
    """How often one participant may ask, and the commands that need a second person."""

    requests_per_second: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 100
    second_person: tuple[str, ...] = SECOND_PERSON


class KeeperSettings(Table, frozen=True):
    """Whether the clock opens, closes and clears sessions, and how long a call of a continuous session lasts."""

    runs: bool = True
    call_seconds: Annotated[int, msgspec.Meta(ge=1, le=86_400)] = 300


class Settings(Table, frozen=True):
    """All settings."""

    venue: VenueSettings = VenueSettings()
    web: WebSettings = WebSettings()
    fix: FixSettings = FixSettings()
    access: AccessSettings = AccessSettings()
    keeper: KeeperSettings = KeeperSettings()


def read_settings(path: Path) -> Settings:
    """Read the settings of a file; paths in it are taken from its folder.

    Raises:
        Refusal: UNREADABLE for what is no TOML, UNKNOWN_OPTION for a key or a value that there is not.
    """
    try:
        found = msgspec.convert(tomllib.loads(read_text(path)), Settings)
    except tomllib.TOMLDecodeError as error:
        raise Refusal(Code.UNREADABLE, str(error), where=str(path), remedy="Write it as TOML.") from None
    except msgspec.ValidationError as error:
        remedy = "See docs/how-to/serve-a-venue.md for every setting."
        raise Refusal(Code.UNKNOWN_OPTION, str(error), where=str(path), remedy=remedy) from None
    return _at(found, path.parent)


def _at(settings: Settings, folder: Path) -> Settings:
    """Return the settings with their paths taken from a folder; a journal in PostgreSQL has none."""
    venue, web, fix = settings.venue, settings.web, settings.fix
    journal = venue.journal if "://" in venue.journal else str(folder / venue.journal)
    venue = msgspec.structs.replace(venue, journal=journal, secrets=str(folder / venue.secrets))
    web = _paths_at(web, folder, "certificate", "private_key")
    fix = _paths_at(fix, folder, "sessions", "certificate", "private_key", "authority")
    return msgspec.structs.replace(settings, venue=venue, web=web, fix=fix)


def _paths_at(table: Named, folder: Path, *names: str) -> Named:
    """Return a table with these paths, where they are given, taken from a folder."""
    return msgspec.structs.replace(
        table, **{name: str(folder / getattr(table, name)) for name in names if getattr(table, name)}
    )
