"""Call a command in this process, and judge what every answer and every refusal must be."""

import json
from typing import Any

from click.testing import CliRunner, Result

from naryq.cli import main


class Command:
    """One command of the program."""

    def __init__(self, name: str) -> None:
        self.name = name

    def run(self, *arguments: str, stdin: str | None = None) -> Result:
        return CliRunner().invoke(main, [self.name, *arguments], input=stdin)

    def data(self, *arguments: str, stdin: str | None = None) -> dict[str, Any]:
        """Return what it says to programs."""
        result = self.run(*arguments, "--json", stdin=stdin)
        assert result.exit_code == 0, result.output
        found: dict[str, Any] = json.loads(result.stdout)
        return found

    def refusal(self, *arguments: str, stdin: str | None = None) -> str:
        """Return the one line of a refusal."""
        result = self.run(*arguments, stdin=stdin)
        assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (2, "", 1)
        return result.stderr.strip()
