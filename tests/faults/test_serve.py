"""`naryq serve` as a process: founded once, killed between an answer and the next, told to stop, and over TLS."""

import json
import os
import re
import signal
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pyotp
import pytest
import trustme
from tests.desk_venue import forms_of
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from naryq.cli import sample
from naryq.cli.demo import read_inputs
from naryq.cli.files import read_rulebook
from naryq.engine import Engine
from naryq.exchange import State
from naryq.gateways.stream_hub import CLOSING
from naryq.journal.sqlite import SqliteJournal
from naryq.messages import Refused

ROUNDS = int(os.environ.get("NARYQ_SERVE_KILLS", "2"))
"""How often the venue is killed; more by the environment."""


class Venue(NamedTuple):
    """A serving process, its address, and what it has printed."""

    process: "subprocess.Popen[str]"
    address: str
    printed: str


@contextmanager
def serving(*options: str, cwd: Path) -> Iterator[Venue]:
    """Start the command, wait until its doors are open, and kill what is left of it at the end."""
    command = [sys.executable, "-u", "-m", "naryq", "serve", *options]
    with subprocess.Popen(command, cwd=cwd, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        try:
            yield Venue(process, *_greeting(process))
        finally:
            process.kill()


def _greeting(process: "subprocess.Popen[str]") -> tuple[str, str]:
    """Return the address, and all that was printed until it was."""
    assert process.stdout is not None
    printed = ""
    for line in process.stdout:
        printed += line
        if found := re.search(r"https?://127\.0\.0\.1:\d+", line):
            return found[0], printed
    raise AssertionError(printed)


def key_in(printed: str) -> str:
    (found,) = re.findall(r"naryq_[0-9a-f]{12}_[0-9a-f]{64}", printed)
    return str(found)


def stopped(venue: Venue, number: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
    """Tell the process to stop; return its exit code and what it still had to say."""
    venue.process.send_signal(number)
    rest, _ = venue.process.communicate(timeout=60)
    return venue.process.returncode, rest


def ask(address: str, key: str, method: str, path: str, body: Any = None) -> httpx.Response:
    headers = {"authorization": f"Bearer {key}"} if key else {}
    return httpx.request(method, address + path, headers=headers, json=body, timeout=60)


def admit(venue: Venue, key: str, number: int) -> httpx.Response:
    headers = {"authorization": f"Bearer {key}", "idempotency-key": f"c{number}"}
    body = {"participant_id": f"p{number}", "name": f"Participant {number}", "role": "observer"}
    return httpx.post(venue.address + "/v1/participants", headers=headers, json=body, timeout=60)


def test_a_killed_venue_has_lost_nothing_that_it_answered(tmp_path: Path) -> None:
    """Killed at once after an answer, again and again, it knows all it has answered, and answers repeats as before."""
    answers: dict[int, dict[str, Any]] = {}
    key, number = "", 0
    for _ in range(ROUNDS):
        with serving("--data", "v", "--port", "0", cwd=tmp_path) as venue:
            key = key or key_in(venue.printed)
            for known, answer in answers.items():
                assert admit(venue, key, known).json() == {**answer, "repeated": True}
            for _ in range(5):
                number += 1
                taken = admit(venue, key, number)
                assert taken.status_code == 200
                answers[number] = taken.json()
            venue.process.send_signal(signal.SIGKILL)
            venue.process.wait()
    with serving("--data", "v", "--port", "0", cwd=tmp_path) as venue:
        assert key not in venue.printed
        names = {item["participant_id"] for item in ask(venue.address, key, "GET", "/v1/participants").json()["items"]}
        assert names == {"operator", "regulator", *(f"p{known}" for known in answers)}
        assert stopped(venue)[0] == 0


def test_a_killed_venue_in_the_midst_of_a_flood(tmp_path: Path) -> None:
    """Killed while commands come in on many connections, every one that was answered is there, and each once."""
    answered: list[tuple[str, int]] = []
    with serving("--data", "v", "--port", "0", cwd=tmp_path) as venue:
        key = key_in(venue.printed)

        def send(first: int) -> None:
            for number in range(first, first + 200):
                try:
                    answer = admit(venue, key, number)
                except httpx.TransportError:
                    return
                if answer.status_code == 200:
                    answered.append((f"p{number}", answer.json()["sequence"]))

        threads = [threading.Thread(target=send, args=(1_000 * number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        while len(answered) < 20:
            assert venue.process.poll() is None
        venue.process.send_signal(signal.SIGKILL)
        for thread in threads:
            thread.join()
    assert len({sequence for _, sequence in answered}) == len(answered)
    with serving("--data", "v", "--port", "0", cwd=tmp_path) as venue:
        page = ask(venue.address, key, "GET", "/v1/participants?limit=1000").json()
        assert page["next_cursor"] is None
        assert {name for name, _ in answered} <= {item["participant_id"] for item in page["items"]}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_when_it_is_told(tmp_path: Path, number: signal.Signals) -> None:
    """It ends with 0 although a reader of the stream listens and says nothing; the reader is told why."""
    with serving("--data", "v", "--port", "0", cwd=tmp_path) as venue:
        header = {"authorization": f"Bearer {key_in(venue.printed)}"}
        address = venue.address.replace("http", "ws") + "/v1/stream"
        with connect(address, additional_headers=header) as socket:
            code, said = stopped(venue, number)
            with pytest.raises(ConnectionClosed) as closed:
                socket.recv(timeout=10)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == CLOSING
    assert code == 0
    assert "Traceback" not in said


def test_no_secret_is_printed_or_kept(tmp_path: Path) -> None:
    """The key is shown once; at the log level that says most, no request leaves it in the output or in any file."""
    (tmp_path / "venue.toml").write_text(
        '[venue]\nlog-level = "debug"\n[web]\nport = 0\n[fix]\nport = 0\n', encoding="utf-8"
    )
    with serving("--config", "venue.toml", cwd=tmp_path) as venue:
        key = key_in(venue.printed)
        password = "correct horse battery"  # noqa: S105 - a test's
        made = ask(venue.address, key, "POST", "/v1/people", {"login": "aigul", "password": password})
        token = ask(venue.address, key, "POST", "/v1/tokens").json()["token"]
        assert ask(venue.address, token, "GET", "/v1/me").status_code == 200
        wrong = {"login": "aigul", "password": password + "?", "code": "000000"}
        assert ask(venue.address, "", "POST", "/v1/sign-in", wrong).status_code == 401
        code, said = stopped(venue)
        assert code == 0
    secrets = [key, key.rpartition("_")[2], password, token, made.json()["one_time_secret"]]
    held = said.encode() + b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    # The seeds of one-time codes must be had again to check a code: they stand in the file of its owner alone.
    assert [secret for secret in secrets if secret.encode() in held] == [secrets[-1]]
    assert secrets[-1] not in said


def test_over_tls(tmp_path: Path) -> None:
    """With a certificate it speaks TLS 1.2 or newer alone, and tells browsers never to come without."""
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "venue.pem")
    certificate.private_key_pem.write_to_path(tmp_path / "venue.key")
    settings = '[web]\nport = 0\ncertificate = "venue.pem"\nprivate-key = "venue.key"\n[fix]\nport = 0\n'
    (tmp_path / "venue.toml").write_text(settings, encoding="utf-8")
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    with serving("--config", "venue.toml", cwd=tmp_path) as venue:
        answer = httpx.get(venue.address + "/ready", verify=trusting)
        assert answer.text == "ready\n"
        assert answer.headers["strict-transport-security"].startswith("max-age=")
        with pytest.raises(httpx.TransportError):
            httpx.get(venue.address.replace("https", "http") + "/ready")
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        authority.configure_trust(old)
        with pytest.deprecated_call():
            old.maximum_version = ssl.TLSVersion.TLSv1_1
        with pytest.raises(httpx.ConnectError):
            httpx.get(venue.address + "/ready", verify=old)


def writer_of(venue: Venue) -> int:
    """Return the number of the writer's process."""
    number = venue.process.pid
    (child,) = Path(f"/proc/{number}/task/{number}/children").read_text(encoding="utf-8").split()
    return int(child)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the writer is a thread")
def test_a_venue_whose_writer_is_killed_ends_and_starts_again(tmp_path: Path) -> None:
    """Without its writer it takes nothing more and ends with an error, for whoever looks after it to start it again."""
    with serving("--data", "v", "--port", "0", cwd=tmp_path) as venue:
        key = key_in(venue.printed)
        answer = admit(venue, key, 1).json()
        assert "naryq_commands_accepted_total 4" in ask(venue.address, key, "GET", "/metrics").text
        os.kill(writer_of(venue), signal.SIGKILL)
        said, _ = venue.process.communicate(timeout=60)
        assert venue.process.returncode == 2
        assert "naryq: stopped" in said
        assert "Traceback" not in said
    with serving("--data", "v", "--port", "0", cwd=tmp_path) as venue:
        assert admit(venue, key, 1).json() == {**answer, "repeated": True}


@pytest.mark.postgres
def test_over_a_journal_in_postgresql(tmp_path: Path, new_schema: Callable[[], str]) -> None:
    """The writer's process connects, the doors read beside it; either killed, what was answered is there again."""
    settings = f'[venue]\njournal = "{new_schema()}"\n[web]\nport = 0\n[fix]\nport = 0\n'
    (tmp_path / "venue.toml").write_text(settings, encoding="utf-8")
    key = ""
    for known, victim in ((0, writer_of), (2, lambda venue: venue.process.pid)):
        with serving("--config", "venue.toml", cwd=tmp_path) as venue:
            key = key or key_in(venue.printed)
            answers = [admit(venue, key, number).json() for number in range(known + 2)]
            assert [answer["repeated"] for answer in answers] == [True] * known + [False] * 2
            os.kill(victim(venue), signal.SIGKILL)
            venue.process.wait(60)
    with serving("--config", "venue.toml", cwd=tmp_path) as venue:
        assert admit(venue, key, 3).json()["repeated"]
        assert stopped(venue)[0] == 0


def test_a_writer_in_a_thread(tmp_path: Path) -> None:
    """A small machine may keep it in the process of the doors, which take commands as ever."""
    settings = '[venue]\nwriter = "thread"\n[web]\nport = 0\n[fix]\nport = 0\n'
    (tmp_path / "venue.toml").write_text(settings, encoding="utf-8")
    with serving("--config", "venue.toml", cwd=tmp_path) as venue:
        number = venue.process.pid
        assert admit(venue, key_in(venue.printed), 1).status_code == 200
        assert not Path(f"/proc/{number}/task/{number}/children").read_text(encoding="utf-8")
        assert stopped(venue)[0] == 0


def test_a_taken_port_and_a_taken_journal_are_refused(tmp_path: Path) -> None:
    """One line says what is in the way, with the code of a refusal, and nothing is left half done."""
    with serving("--data", "v", "--port", "0", cwd=tmp_path) as venue:
        port = venue.address.rpartition(":")[2]
        for options in (("--data", "v", "--port", "0"), ("--data", "w", "--port", port)):
            command = [sys.executable, "-m", "naryq", "serve", *options]
            done = subprocess.run(command, cwd=tmp_path, text=True, capture_output=True, check=False)
            assert done.returncode == 2
            assert done.stderr.startswith(("naryq: journal_locked", "naryq: busy"))
            assert "Traceback" not in done.stderr
        assert json.loads(ask(venue.address, key_in(venue.printed), "GET", "/v1/me").content)["role"] == "operator"


def people_in(printed: str) -> dict[str, tuple[str, str]]:
    """Return the password and the secret of one-time codes of each who may sign in at a sample, by the login."""
    found = re.findall(r"^  (\S+) +password (\S+) +secret of codes (\S+)$", printed, re.MULTILINE)
    return {login: (password, secret) for login, password, secret in found}


def sign_in(venue: Venue, people: dict[str, tuple[str, str]], login: str, seconds: int = 0) -> str:
    """Sign in with the one-time code of so many seconds from now, and return the token."""
    password, secret = people[login]
    code = pyotp.TOTP(secret).at(datetime.now(UTC) + timedelta(seconds=seconds))
    body = {"login": login, "password": password, "code": code}
    answer = ask(venue.address, "", "POST", "/v1/sign-in", body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["token"])


def order_over_rest(venue: Venue, token: str, session_id: str) -> httpx.Response:
    """Buy two lots at the best ask."""
    book = ask(venue.address, token, "GET", f"/v1/sessions/{session_id}/book").json()
    order = {"session_id": session_id, "order_id": "mine", "place": "KAZGPZ-LPG", "side": "buy", "quantity_lots": 2}
    terms = {"price_tenge_per_tonne": book["asks"][0]["price_tenge_per_tonne"], "delivery": "KZ-47"}
    headers = {"authorization": f"Bearer {token}", "idempotency-key": "o1"}
    return httpx.post(f"{venue.address}/v1/orders", headers=headers, json=order | terms, timeout=60)


def order_at_the_desk(venue: Venue, people: dict[str, tuple[str, str]], login: str, session_id: str) -> str:
    """Sign in by the page, sell a lot by the ticket of a session, and return the page that says what came of it."""
    password, secret = people[login]
    with httpx.Client(base_url=venue.address, follow_redirects=True, timeout=60) as browser:
        browser.cookies.set("naryq_language", "en", domain="127.0.0.1", path="/desk")
        fields = {"login": login, "password": password, "code": pyotp.TOTP(secret).now(), "back": "/desk"}
        assert session_id in browser.post("/desk/sign-in", data=fields).text
        page = browser.get(f"/desk/sessions/{session_id}").text
        (ticket,) = (form for form in forms_of(page) if form.action == "/desk/do/submit-order")
        filled = {"side": "sell", "price_tenge_per_tonne": "77000", "quantity_lots": "1"}
        return browser.post(ticket.action, data=ticket.values | filled).text


def test_a_sample_venue_is_furnished_once(tmp_path: Path) -> None:
    """One person of each role signs in and sees a book, orders are taken over REST and at the desk, and all is kept."""
    with serving("--sample", "--port", "0", cwd=tmp_path) as venue:
        people = people_in(venue.printed)
        tokens = {login: sign_in(venue, people, login) for login in people if login != "seller-1"}
        roles = {ask(venue.address, token, "GET", "/v1/me").json()["role"] for token in tokens.values()}
        assert roles == {"operator", "regulator", "buyer", "observer"}
        sessions = ask(venue.address, tokens["buyer-1"], "GET", "/v1/sessions").json()["items"]
        trading = [each["opened"]["session_id"] for each in sessions if each["phase"] == "continuous"]
        (session_id,) = (each for each in trading if each.startswith("KAZGPZ"))
        for token in tokens.values():
            book = ask(venue.address, token, "GET", f"/v1/sessions/{session_id}/book").json()
            assert len(book["bids"]) > 2
            assert len(book["asks"]) > 2
        taken = order_over_rest(venue, tokens["buyer-1"], session_id)
        assert taken.status_code == 200, taken.text
        assert "Done" in order_at_the_desk(venue, people, "seller-1", session_id)
        code, said = stopped(venue)
        assert code == 0
    assert len(people) == 5
    assert not any(secret in said for pair in people.values() for secret in pair)
    with serving("--sample", "--port", "0", cwd=tmp_path) as venue:
        assert people_in(venue.printed) == {}
        assert "naryq_" not in venue.printed
        token = sign_in(venue, people, "buyer-1", 30)  # Each code counts once, and that of the next step already.
        again = order_over_rest(venue, token, session_id)
        assert again.json() == {**taken.json(), "repeated": True}


def test_a_sample_of_yesterday_trades_today(tmp_path: Path) -> None:
    """One that was founded the day before opens today's session by itself when it is served again."""
    (tmp_path / "sample").mkdir()
    commands = sample.founding(read_rulebook("guarded"), read_inputs(), time.time_ns() - 86_400 * 10**9)
    with Engine[State](SqliteJournal.create(str(tmp_path / "sample" / "venue.journal"))) as engine:
        assert not any(isinstance(answer.events[0], Refused) for answer in engine.submit_many(commands))
        known = {name for name, _ in engine.state.sessions.items()}
    with serving("--sample", "--port", "0", cwd=tmp_path) as venue:
        key = key_in(venue.printed)
        opened: set[str] = set()
        while not opened:
            items = ask(venue.address, key, "GET", "/v1/sessions?limit=100").json()["items"]
            opened = {each["opened"]["session_id"] for each in items if each["phase"] == "continuous"} - known
            assert venue.process.poll() is None
            time.sleep(0.1)
        assert stopped(venue)[0] == 0
    assert all(name.startswith(("KAZGPZ-", "CNPC-AMG-")) for name in opened)


@pytest.mark.parametrize("options", [("--config", "venue.toml"), ("--rulebook", "kazakhstan"), ("--data", "real")])
def test_nothing_real_becomes_a_sample(tmp_path: Path, options: tuple[str, str]) -> None:
    """A venue with settings of its own, under other rules, or that was founded without it, is not furnished."""
    with serving("--data", "real", "--port", "0", cwd=tmp_path) as venue:
        stopped(venue)
    rows = (tmp_path / "real" / "venue.journal").read_bytes()
    command = [sys.executable, "-m", "naryq", "serve", "--sample", "--port", "0", *options]
    done = subprocess.run(command, cwd=tmp_path, text=True, capture_output=True, check=False, timeout=60)
    assert done.returncode == 2
    assert done.stderr.startswith(("naryq: unknown_option: --sample", "naryq: already_exists: --data"))
    assert (tmp_path / "real" / "venue.journal").read_bytes() == rows
