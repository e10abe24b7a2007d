"""The doorkeeper: keys, people, tokens, sessions, lockout, rates, the second person, and what is written down."""

import asyncio
import stat
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import argon2
import pyotp
import pytest
from tests.doors import QUICK, Clock, Guess

from naryq.access import Access, Principal
from naryq.access.audit import GATHERED_MAX
from naryq.access.hashing import HASHER
from naryq.access.limits import LOCKED_NS, TRIES, Lockout, Rates
from naryq.access.principals import NS_PER_SECOND, read_key
from naryq.access.sessions import IDLE_NS, OF_ONE_MAX, SESSION_NS, TOKEN_NS, check_csrf
from naryq.access.store import Store
from naryq.messages import Code, EndowFund, Refusal

NOON_NS = 1_800_000_000 * NS_PER_SECOND
PASSWORD = "correct horse battery"  # noqa: S105 - a test's
SELLER = Principal("zhanaozen", "Aigul", "a key")
ENDOWMENT = EndowFund("c1", "operator", NOON_NS, "guarantee_fund", 5, "bank 1")


@pytest.fixture
def clock() -> Clock:
    return Clock(NOON_NS)


@pytest.fixture
def access(tmp_path: Path, clock: Clock) -> Iterator[Access]:
    opened = Access(Store.open(tmp_path / "access.db"), clock, Guess(), hasher=QUICK)
    yield opened
    opened.close()


def code_of(attempt: Callable[[], object]) -> Code:
    """Return the code with which an attempt is refused."""
    with pytest.raises(Refusal) as caught:
        attempt()
    return caught.value.code


def awaited(awaitable: Awaitable[object]) -> Callable[[], object]:
    async def wait() -> object:
        return await awaitable

    return lambda: asyncio.run(wait())


# --- Keys -----------------------------------------------------------------------------------------------------------


def test_a_key_opens_until_it_is_revoked(access: Access) -> None:
    """The right key tells who comes, hashed once and then known; revoked, it opens nothing from that moment on."""

    async def scenario() -> None:
        key = access.issue("zhanaozen", "Aigul")
        for _ in range(2):
            assert await access.principal(f"Bearer {key.text}") == Principal("zhanaozen", "Aigul", key.key_id)
        assert access.keys.known(key.text) is not None
        assert access.keys.revoke(key.key_id)
        assert not access.keys.revoke(key.key_id)
        with pytest.raises(Refusal, match="not_authenticated"):
            await access.principal(f"Bearer {key.text}")

    asyncio.run(scenario())


def test_the_file_holds_no_secret(tmp_path: Path, access: Access) -> None:
    """No key and no password stands in the file or its log, only what argon2 makes of them; others cannot read it."""

    async def scenario() -> list[str]:
        key = access.issue("zhanaozen", "Aigul")
        await access.people.add("aigul", "zhanaozen", PASSWORD, "Aigul")
        return [key.secret, key.text, PASSWORD]

    secrets = asyncio.run(scenario())
    files = [path for path in tmp_path.iterdir() if path.is_file()]
    held = b"".join(path.read_bytes() for path in files)
    assert b"$argon2id$" in held
    assert not [secret for secret in secrets if secret.encode() in held]
    assert stat.S_IMODE((tmp_path / "access.db").stat().st_mode) == 0o600


def test_a_file_that_others_may_read_is_refused(tmp_path: Path, access: Access) -> None:
    """The venue does not start over secrets that somebody else may have read, nor over another program's file."""
    access.close()
    (tmp_path / "access.db").chmod(0o640)
    assert code_of(lambda: Store.open(tmp_path / "access.db")) == Code.UNREADABLE
    foreign = tmp_path / "foreign"
    foreign.write_text("not a database at all, but long enough to be read as one " * 100)
    foreign.chmod(0o600)
    assert code_of(lambda: Store.open(foreign)) == Code.UNREADABLE
    (tmp_path / "access.db").chmod(0o600)
    Store.open(tmp_path / "access.db").close()


def test_what_was_made_is_there_after_a_restart(tmp_path: Path, clock: Clock) -> None:
    """Keys, people, what waits, engaged switches and the log outlive a restart; tokens and sessions do not."""
    first = Access(Store.open(tmp_path / "a.db"), clock, Guess(), hasher=QUICK)
    key = first.issue("zhanaozen", "Aigul")
    first.switches.engage("zhanaozen", "Aigul", "a test")
    pending_id = first.seconds.ask(SELLER, ENDOWMENT)
    token = first.tokens.issue(SELLER)
    first.audit.note("x", "", "", "", "y")
    first.close()
    again = Access(Store.open(tmp_path / "a.db"), clock, Guess(), hasher=QUICK)
    assert awaited(again.principal(f"Bearer {key.text}"))() == Principal("zhanaozen", "Aigul", key.key_id)
    assert [each.pending_id for each in again.seconds.of("zhanaozen")] == [pending_id]
    assert again.seconds.of("zhanaozen")[0].command == ENDOWMENT
    assert [*again.switches.engaged] == ["zhanaozen"]
    assert [entry.what for entry in again.audit.entries(0, 10)] == ["y"]
    assert code_of(lambda: again.tokens.principal(token.text)) == Code.NOT_AUTHENTICATED
    again.close()


def test_five_wrong_secrets_lock_a_key(access: Access, clock: Clock) -> None:
    """After five wrong secrets not even the right one opens for a quarter of an hour, except where it is known."""

    async def scenario() -> None:
        key, known = access.issue("zhanaozen", "Aigul"), access.issue("atyrau", "Boris")
        await access.principal(f"Bearer {known.text}")
        for each in (key, known):
            for _ in range(TRIES):
                with pytest.raises(Refusal, match="not_authenticated"):
                    await access.principal(f"Bearer naryq_{each.key_id}_{'0' * 64}")
        with pytest.raises(Refusal, match="locked_out"):
            await access.principal(f"Bearer {key.text}")
        assert (await access.principal(f"Bearer {known.text}")).person == "Boris"
        clock.at_ns += LOCKED_NS
        assert (await access.principal(f"Bearer {key.text}")).person == "Aigul"

    asyncio.run(scenario())


@pytest.mark.parametrize("text", ["", "naryq_", "naryq_0_0", "x" * 10_000, "naryq_" + "0" * 12 + "_" + "0" * 64 + "\n"])
def test_what_is_no_key_is_none(text: str) -> None:
    """Nothing but the one spelling is read as a key, so nothing else costs a hash."""
    assert read_key(text) is None


def test_the_hash_is_as_dear_as_promised() -> None:
    """The venue's own hash is Argon2id with at least 46 MiB of memory in one pass or 19 MiB in two (OWASP)."""
    found = argon2.extract_parameters(HASHER.hash("x"))
    assert found.type is argon2.Type.ID
    assert found.memory_cost >= 46 * 1024
    assert found.time_cost >= 1


# --- People ---------------------------------------------------------------------------------------------------------


def code_at(secret: str, at_ns: int) -> str:
    return pyotp.TOTP(secret).at(datetime.fromtimestamp(at_ns // NS_PER_SECOND, UTC))


def test_a_person_needs_password_and_code(access: Access, clock: Clock) -> None:
    """Both must be right; each code opens once, and one of the step before or after is taken as well."""

    async def scenario() -> None:
        made = await access.people.add("aigul", "zhanaozen", PASSWORD, "operator")
        sign_in = access.people.signed_in
        wrong = [
            ("nobody", PASSWORD, code_at(made.one_time_secret, NOON_NS)),
            ("aigul", "wrong", code_at(made.one_time_secret, NOON_NS)),
            ("aigul", PASSWORD, code_at(made.one_time_secret, NOON_NS - 60 * NS_PER_SECOND)),
            ("aigul", PASSWORD, ""),
        ]
        for attempt in wrong:
            with pytest.raises(Refusal, match="not_authenticated"):
                await sign_in(*attempt, "an address")
        code = code_at(made.one_time_secret, NOON_NS)
        assert await sign_in("aigul", PASSWORD, code, "home") == Principal("zhanaozen", "aigul", "login aigul")
        with pytest.raises(Refusal, match="not_authenticated"):
            await sign_in("aigul", PASSWORD, code, "home")
        later = code_at(made.one_time_secret, NOON_NS + 30 * NS_PER_SECOND)
        await sign_in("aigul", PASSWORD, later, "home")
        await access.people.set_password("aigul", PASSWORD + "!")
        clock.at_ns += 60 * NS_PER_SECOND
        assert await sign_in("aigul", PASSWORD + "!", code_at(made.one_time_secret, clock.at_ns), "home")
        assert access.people.remove("aigul")
        clock.at_ns += 60 * NS_PER_SECOND
        with pytest.raises(Refusal, match="not_authenticated"):
            await sign_in("aigul", PASSWORD + "!", code_at(made.one_time_secret, clock.at_ns), "home")
        assert made.one_time_address.startswith("otpauth://totp/Naryq:aigul?secret=")

    asyncio.run(scenario())


def test_wrong_tries_lock_a_login_and_an_address(access: Access) -> None:
    """Five wrong tries lock the login for everybody, and the address for every login."""

    async def scenario() -> None:
        made = await access.people.add("aigul", "zhanaozen", PASSWORD, "operator")
        for _ in range(TRIES):
            with pytest.raises(Refusal, match="not_authenticated"):
                await access.people.signed_in("aigul", "wrong", "000000", "far")
        code = code_at(made.one_time_secret, NOON_NS)
        for login, address in (("aigul", "home"), ("boris", "far")):
            with pytest.raises(Refusal, match="locked_out"):
                await access.people.signed_in(login, PASSWORD, code, address)

    asyncio.run(scenario())


def test_a_login_is_given_once_and_a_password_is_long(access: Access) -> None:
    """A login that was somebody's is nobody else's, and a short password is refused before it is hashed."""

    async def scenario() -> None:
        with pytest.raises(Refusal, match="out_of_range"):
            await access.people.add("aigul", "zhanaozen", "short", "operator")
        await access.people.add("aigul", "zhanaozen", PASSWORD, "operator")
        access.people.remove("aigul")
        with pytest.raises(Refusal, match="already_exists"):
            await access.people.add("aigul", "atyrau", PASSWORD, "operator")

    asyncio.run(scenario())


# --- Tokens and sessions --------------------------------------------------------------------------------------------


def test_a_token_lives_a_quarter_of_an_hour(access: Access, clock: Clock) -> None:
    """A token stands for its principal until its time, or until its credential is taken back."""
    token = access.tokens.issue(SELLER)
    assert awaited(access.principal(f"bearer {token.text}"))() == SELLER
    clock.at_ns += TOKEN_NS - 1
    assert access.tokens.principal(token.text) == SELLER
    clock.at_ns += 1
    assert code_of(lambda: access.tokens.principal(token.text)) == Code.NOT_AUTHENTICATED
    other = access.tokens.issue(SELLER)
    access.forget(SELLER.credential)
    assert code_of(lambda: access.tokens.principal(other.text)) == Code.NOT_AUTHENTICATED


def test_a_session_ends_when_nobody_is_there(access: Access, clock: Clock) -> None:
    """A page's session goes on while it is used, for twelve hours at most, and ends on request and by itself."""
    cookie = access.sessions.begin(SELLER)
    for _ in range(SESSION_NS // (IDLE_NS - 1)):
        clock.at_ns += IDLE_NS - 1
        held = access.sessions.of(cookie)
        assert held is not None
        assert held.principal == SELLER
    clock.at_ns += IDLE_NS - 1
    assert access.sessions.of(cookie) is None
    second = access.sessions.begin(SELLER)
    clock.at_ns += IDLE_NS
    assert access.sessions.of(second) is None
    third = access.sessions.begin(SELLER)
    access.sessions.end(third)
    assert access.sessions.of(third) is None


def test_a_form_of_another_session_is_refused(access: Access) -> None:
    """Only the session's own mark makes its forms valid."""
    mine, other = (access.sessions.of(access.sessions.begin(SELLER)) for _ in range(2))
    assert mine is not None
    assert other is not None
    check_csrf(mine, mine.csrf)
    assert code_of(lambda: check_csrf(mine, other.csrf)) == Code.NOT_PERMITTED
    assert code_of(lambda: check_csrf(mine, "\udc80")) == Code.NOT_PERMITTED


def test_nobody_fills_the_memory_with_tokens(access: Access) -> None:
    """Of one credential so many tokens are held; the oldest ends for the newest."""
    first = access.tokens.issue(SELLER)
    last = [access.tokens.issue(SELLER) for _ in range(OF_ONE_MAX)][-1]
    assert access.tokens.principal(last.text) == SELLER
    assert code_of(lambda: access.tokens.principal(first.text)) == Code.NOT_AUTHENTICATED


def test_no_secret_shows_itself(access: Access) -> None:
    """What holds a secret in memory does not spell it when it is printed, as a trace or a log would."""
    key, token = access.issue("zhanaozen", "Aigul"), access.tokens.issue(SELLER)
    held = access.sessions.of(access.sessions.begin(SELLER))
    assert held is not None
    assert key.secret not in repr(key)
    assert token.text not in repr(token)
    assert held.csrf not in repr(held)


# --- Limits ---------------------------------------------------------------------------------------------------------


def test_a_bucket_holds_two_seconds(clock: Clock) -> None:
    """Two seconds' worth may come at once, then one a tick of the rate, each subject for itself."""
    rates = Rates(clock, 10)
    for _ in range(20):
        rates.check("a")
    assert code_of(lambda: rates.check("a")) == Code.TOO_MANY_REQUESTS
    rates.check("b")
    clock.at_ns += NS_PER_SECOND // 10
    rates.check("a")
    assert code_of(lambda: rates.check("a")) == Code.TOO_MANY_REQUESTS
    clock.at_ns += 60 * NS_PER_SECOND
    for _ in range(20):
        rates.check("a")


def test_old_failures_are_forgotten(clock: Clock) -> None:
    """Wrong secrets far apart lock nobody out, nor do those before a right one."""
    lockout = Lockout(clock)
    for _ in range(3 * TRIES):
        lockout.failed("a")
        clock.at_ns += LOCKED_NS
    lockout.check("a")
    for _ in range(TRIES - 1):
        lockout.failed("b")
    lockout.passed("b")
    lockout.failed("b")
    lockout.check("b")


# --- The second person, switches, and the log -----------------------------------------------------------------------


def test_the_second_person_is_another(access: Access) -> None:
    """Who asks cannot approve, nobody of another participant sees it, and what is decided waits no more."""
    pending_id = access.seconds.ask(SELLER, ENDOWMENT)
    assert access.seconds.ask(SELLER, ENDOWMENT) == pending_id
    second = SELLER._replace(person="Boris")
    stranger = Principal("atyrau", "Boris", "x")
    assert code_of(lambda: access.seconds.approvable(SELLER, pending_id)) == Code.FOUR_EYES
    assert code_of(lambda: access.seconds.approvable(stranger, pending_id)) == Code.NOT_FOUND
    assert access.seconds.approvable(second, pending_id).command == ENDOWMENT
    access.seconds.decided(pending_id, second, "approved")
    assert code_of(lambda: access.seconds.approvable(second, pending_id)) == Code.NOT_FOUND


def test_a_switch_is_engaged_once(access: Access) -> None:
    """A switch says who engaged it first, until it is released."""
    first = access.switches.engage("zhanaozen", "Aigul", "a robot runs wild")
    assert access.switches.engage("zhanaozen", "Boris", "another") == first
    assert access.switches.release("zhanaozen")
    assert not access.switches.release("zhanaozen")


def test_the_log_keeps_its_order_and_its_bounds(access: Access) -> None:
    """Entries are numbered in order, read from any number on, and gathered no longer than so many."""
    for number in range(GATHERED_MAX + 5):
        access.audit.note("act", "p", "person", "address", f"{number}" + "x" * 1_000)
    found = access.audit.entries(GATHERED_MAX, 3)
    assert [entry.number for entry in found] == [GATHERED_MAX + 1, GATHERED_MAX + 2, GATHERED_MAX + 3]
    assert all(len(entry.what) == 300 for entry in found)
