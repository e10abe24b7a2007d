"""REST against its own description, by Schemathesis: no server error, no answer that the description does not allow.

By default each operation gets one example from the operator and one from a trader, and the paths through links are
walked once; NARYQ_SCHEMATHESIS=100 gives a hundred, the regulator's too, and adds the phase of systematic coverage.
Schemathesis' check `positive_data_acceptance` is left out: a venue refuses much that its schema allows, and JSON
Schema takes 118.0 for an integer, which we do not.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.rest_server import country, serving

from naryq.gateways import rest

EXAMPLES = int(os.environ.get("NARYQ_SCHEMATHESIS", "1"))
PHASES = "fuzzing,stateful" if EXAMPLES == 1 else "coverage,fuzzing,stateful"
TOOL = Path(sys.executable).with_name("schemathesis")
Served = tuple[str, dict[str, str]]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("venue"), country()) as found:
        yield found


def judged(folder: Path, served: Served, person: str, schema: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Let Schemathesis try the operations of a description, as a participant."""
    address, keys = served
    told = [str(TOOL), "run", schema, "--url", address, "-H", f"Authorization: Bearer {keys[person]}"]
    told += ["--exclude-checks", "positive_data_acceptance", "--seed", "7", "--no-color", "--max-failures", "3"]
    return subprocess.run([*told, *options], cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("person", ["operator", "aktau"] if EXAMPLES == 1 else ["operator", "aktau", "regulator"])
def test_rest_is_as_it_is_described(tmp_path: Path, served: Served, person: str) -> None:
    """Whatever is sent, whoever sends it, is answered as the description says."""
    schema = f"{served[0]}/v1/openapi.json"
    done = judged(tmp_path, served, person, schema, "-n", str(EXAMPLES), "--phases", PHASES)
    assert done.returncode == 0, done.stdout[-10_000:]
    tried = re.search(r"(\d+) generated, (\d+) passed", done.stdout)
    assert tried is not None
    assert int(tried[2]) > len(rest.OPERATIONS) // 2


def test_a_breach_of_the_description_would_be_seen(tmp_path: Path, served: Served) -> None:
    """Where the description promises a field that no answer has, Schemathesis says so."""
    described = httpx.get(f"{served[0]}/v1/openapi.json").json()
    described["components"]["schemas"]["Whoever"]["required"].append("shoe_size")
    path = tmp_path / "wrong.json"
    path.write_text(json.dumps(described), encoding="utf-8")
    options = ("-n", "1", "--phases", "fuzzing", "--include-path", "/v1/me")
    done = judged(tmp_path, served, "press", str(path), *options)
    assert done.returncode == 1
    assert "shoe_size" in done.stdout
