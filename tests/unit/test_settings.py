"""The settings of a venue: defaults, a whole file, and what is refused with its place."""

from pathlib import Path

import pytest

from naryq.cli.settings import SECOND_PERSON, Settings, read_settings
from naryq.messages import Code, Refusal

WHOLE = """
[venue]
journal = "rows/venue.journal"
secrets = "access.db"
rulebook = "kazakhstan"
log-level = "info"

[web]
address = "0.0.0.0"
port = 443
names = ["venue.example"]
certificate = "tls/venue.pem"
private-key = "tls/venue.key"

[access]
requests-per-second = 500
second-person = ["Withdraw"]

[keeper]
runs = false
call-seconds = 60
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "venue.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_whole_file_is_read(tmp_path: Path) -> None:
    """Every key is read, and a path is taken from the folder of the file."""
    found = read_settings(written(tmp_path, WHOLE))
    assert found.venue.journal == str(tmp_path / "rows" / "venue.journal")
    assert (found.web.port, found.web.names) == (443, ("venue.example",))
    assert found.web.private_key == str(tmp_path / "tls" / "venue.key")
    assert found.access.second_person == ("Withdraw",)
    assert (found.keeper.runs, found.keeper.call_seconds) == (False, 60)


def test_everything_has_a_default(tmp_path: Path) -> None:
    """An empty file is a venue on this machine alone, without TLS, where money needs a second person."""
    found = read_settings(written(tmp_path, ""))
    assert found.web == Settings().web
    assert (found.web.address, found.web.certificate) == ("127.0.0.1", "")
    assert found.access.second_person == SECOND_PERSON


def test_a_journal_in_postgresql_is_no_path(tmp_path: Path) -> None:
    """A connection string stays as it is."""
    found = read_settings(written(tmp_path, '[venue]\njournal = "postgresql://first/venue"\n'))
    assert found.venue.journal == "postgresql://first/venue"


WRONG = {
    "no TOML": ("[venue", Code.UNREADABLE),
    "an unknown table": ("[vennue]", Code.UNKNOWN_OPTION),
    "an unknown key": ("[web]\nprot = 1", Code.UNKNOWN_OPTION),
    "a port that is none": ("[web]\nport = 70000", Code.UNKNOWN_OPTION),
    "a number as text": ('[web]\nport = "80"', Code.UNKNOWN_OPTION),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_setting_is_refused(tmp_path: Path, case: str) -> None:
    """What is not understood is refused before anything is opened, and the refusal names the file."""
    text, code = WRONG[case]
    with pytest.raises(Refusal) as caught:
        read_settings(written(tmp_path, text))
    assert caught.value.code == code
    assert "venue.toml" in caught.value.where
