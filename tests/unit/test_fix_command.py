"""The commands around FIX: the session layer served alone, its bench, and the settings of the door."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from tests.fix_rig import play_over_socket, scripts

from naryq import Refusal
from naryq.cli import bench_fix
from naryq.cli.serve_fix import fix_door
from naryq.cli.settings import FixSettings
from naryq.gateways.fix.blotter import name_of
from naryq.gateways.stream_hub import Hub
from naryq.messages import AmendOrder, CancelOrder

ROUND = ("1a-right", "2a", "2c", "3b", "8c", "10-equal", "14h", "19a", "20")


@pytest.fixture
def conformance() -> Iterator[int]:
    """Serve the session layer alone, as a person would, and return the port."""
    arguments = [sys.executable, "-m", "naryq", "fix", "conformance", "--port", "0"]
    arguments += ["--sender", "VENUE", "--target", "TRADER"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        yield int(said.split(":")[2].split()[0])
        process.terminate()


def test_the_session_layer_is_served_alone(conformance: int) -> None:
    """A suite from outside plays its scripts, one after the other, against one process with a clock of its own."""
    import time  # noqa: PLC0415

    async def played() -> None:
        for script in scripts():
            if script.name in ROUND:
                await play_over_socket(script, conformance, time.time_ns())

    asyncio.run(played())


def test_the_bench_answers_everything(tmp_path: Path) -> None:
    """A short bench has an answer to each message, and every row that it counts came over FIX."""
    arguments = [sys.executable, "-m", "naryq", "bench", "fix", "--rate", "50", "--seconds", "1", "--json"]
    done = subprocess.run(arguments, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=100)
    figures = {each["what"]: each["value"] for each in json.loads(done.stdout)["figures"]}
    assert (figures["unanswered"], figures["messages sent"]) == ("0", "50")
    assert 0 < int(figures["rows of the journal that came over FIX"]) <= 150


def test_the_bench_asks_what_the_crowd_asks() -> None:
    """Changes and cancels of the crowd become the FIX messages for them, under the crowd's own names."""
    stamp = ("c9", "buyer-1", 0, "2021-12-29 P3", "o1")
    kind, body = bench_fix.as_message(CancelOrder(*stamp))
    assert (kind, dict(body)[41], dict(body)[55], dict(body)[54]) == ("F", "o1", "P3-KZ", "1")
    kind, body = bench_fix.as_message(AmendOrder(*stamp, quantity_lots=1))
    assert (kind, dict(body)[38]) == ("G", "1")
    assert name_of(CancelOrder("fix:F:buyer-1:c9", "buyer-1", 0, "s", "o")) == "c9"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"hours": "24:00-01:00"}, "unknown_option"),
        ({"hours": "always"}, "unknown_option"),
        ({"certificate": "none.pem"}, "unreadable"),
    ],
    ids=["no-hour", "no-hours", "no-certificate"],
)
def test_settings_that_cannot_be_are_refused(changes: dict[str, str], code: str, tmp_path: Path) -> None:
    """Hours that are none and a certificate that is not there are refused before the door opens."""
    settings = msgspec.structs.replace(FixSettings(sessions=str(tmp_path / "fix.db")), **changes)
    with pytest.raises(Refusal, match=code):
        fix_door(settings, Hub())
