"""What the documentation promises is there: refusals, options, links and commands; and nothing names this workshop."""

import re
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import click
import pytest

from naryq import Code
from naryq.cli import COMMANDS, main

PROJECT = Path(__file__).parents[2]
REFERENCE = PROJECT / "docs" / "reference"

FORBIDDEN = (
    # The hosts of package registries: a reader's machine may be set to another, and a lock that names one is not free.
    r"\b(files\.)?pytho[n]hosted\.org",
    r"\bpyp[i]\.org",
    r"\bregistry\.npm[j]s\.org",
    r"\b(deb|security|snapshot)\.debia[n]\.org",
    r"\b(archive|security)\.ubunt[u]\.com",
    r"\bproxy\.golan[g]\.org",
    r"\bcrates\.i[o]\b",
    # Paths that only the machine of whoever wrote a file has.
    r"(?<![\w./-])/wor[k]/",
    r"(?<![\w./-])/tm[p]/\w",
    r"(?<![\w./-])/roo[t]/",
    r"(?<![\w./-])/home/\w",
    r"(?<![\w./-])/op[t]/\w",
    r"\b[C-Z]:\\\\?[UW]",
    # Papers and tools that a reader of the project does not have.
    r"\bshare[d]/(facts|data|design|reliability|stack|style)\b",
    r"\bissues sho[w]\b",
)
"""What no file may say, written so that these very lines do not say it."""
TEXT_BYTES_MAX = 5_000_000


def ignored_patterns() -> list[str]:
    lines = (PROJECT / ".gitignore").read_text(encoding="utf-8").splitlines()
    return [".git", *(line.rstrip("/") for line in lines if line)]


def project_files(folder: Path = PROJECT) -> Iterator[Path]:
    """List the project's own files: all but what .gitignore leaves out."""
    patterns = ignored_patterns()
    for path in sorted(folder.iterdir()):
        if not any(fnmatch(path.name, pattern) for pattern in patterns):
            if path.is_dir():
                yield from project_files(path)
            else:
                yield path


def pages() -> list[Path]:
    return [path for path in project_files() if path.suffix == ".md"]


# --- Nothing of the workshop ------------------------------------------------------------------------------------


def forbidden_in(text: str) -> list[str]:
    return [match[0] for pattern in FORBIDDEN for match in re.finditer(pattern, text)]


def test_no_file_names_the_workshop() -> None:
    """No file names a package registry's host or a path of the machine where it was written."""
    found = []
    for path in project_files():
        if path.stat().st_size < TEXT_BYTES_MAX:
            text = path.read_text(encoding="utf-8", errors="replace")
            found += [f"{path.relative_to(PROJECT)}: {words}" for words in forbidden_in(text)]
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize(
    "words",
    [
        "https://" + "pyp" + "i.org/simple",
        "files.python" + "hosted.org",
        "http://deb." + "debian.org/debian",
        "cd /" + "work/main",
        '"/' + "tmp/x",
        "(/" + "home/me)",
        "C:" + "\\Users",
        "../shared" + "/facts/x.md",
    ],
)
def test_the_workshop_would_be_seen(words: str) -> None:
    """A host or a path of the machine is seen wherever it stands."""
    assert len(forbidden_in(f"see {words} there")) == 1


def test_addresses_of_sources_are_no_paths() -> None:
    """A source's address may have such a folder in it, and a relative path may too."""
    assert forbidden_in("https://example.com/home/news ../work/x docs/home/x /tmp") == []


# --- Refusals ---------------------------------------------------------------------------------------------------


def test_every_refusal_is_explained() -> None:
    """The page of refusals explains each code, in the order of the code, says what to do, and explains no other."""
    text = (REFERENCE / "refusals.md").read_text(encoding="utf-8")
    sections = re.split(r"^### `(\w+)`$", text, flags=re.MULTILINE)[1:]
    assert sections[::2] == [code.value for code in Code]
    silent = [code for code, section in zip(sections[::2], sections[1::2], strict=True) if "**Do:**" not in section]
    assert silent == []


# --- The command line -------------------------------------------------------------------------------------------


def commands(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    yield name, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for child in command.list_commands(context):
            found = command.get_command(context, child)
            assert found is not None
            yield from commands(found, f"{name} {child}")


def options(command: click.Command) -> set[str]:
    """List the long options of a command; --help stands for all at the head of the page."""
    parameters = [one for one in command.params if isinstance(one, click.Option)]
    return {word for one in parameters for word in (*one.opts, *one.secondary_opts)} - {"-h", "--help"}


def documented_commands(text: str) -> dict[str, set[str]]:
    """Read the page: each heading that is a command, with the options of its table."""
    sections = re.split(r"^##+ (naryq[ a-z]*)$", text, flags=re.MULTILINE)[1:]
    rows = {name: re.findall(r"^\| `(--[a-z-]+)", body, re.MULTILINE) for name, body in _pairs(sections)}
    return {name: set(found) for name, found in rows.items()}


def _pairs(sections: list[str]) -> Iterator[tuple[str, str]]:
    return zip(sections[::2], sections[1::2], strict=True)


def test_every_option_is_documented() -> None:
    """The page of the command line has a section for each command and a row for each option, and no others."""
    documented = documented_commands((REFERENCE / "command-line.md").read_text(encoding="utf-8"))
    assert documented == {name: options(command) for name, command in commands(main, "naryq")}


def test_an_undocumented_option_would_be_seen() -> None:
    """The reading of the page sees a row that is missing, and does not take prose for a row."""
    assert documented_commands("## naryq demo\n\nsee `--out`\n\n| `--port NUMBER` | x |\n\n### naryq rules show\n") == {
        "naryq demo": {"--port"},
        "naryq rules show": set(),
    }


# --- Links ------------------------------------------------------------------------------------------------------


def anchors(text: str) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(page: Path, text: str) -> list[str]:
    """List the relative links of a page that lead to no file, or to no heading of it."""
    prose = re.sub(r"^```.*?^```|`[^`\n]*`", "", text, flags=re.MULTILINE | re.DOTALL)
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", prose):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if re.match(r"[a-z]+:", link):
            continue
        if not target.exists() or (anchor and anchor not in anchors(target.read_text(encoding="utf-8"))):
            broken.append(link)
    return broken


def test_every_link_leads_somewhere() -> None:
    """Each relative link in the documentation leads to a file, and to a heading where it names one."""
    found = {
        str(page.relative_to(PROJECT)): broken
        for page in pages()
        if (broken := broken_links(page, page.read_text(encoding="utf-8")))
    }
    assert found == {}


def test_a_broken_link_would_be_seen(tmp_path: Path) -> None:
    """A link to nothing is seen, with a heading or without; code and addresses are not links."""
    page = tmp_path / "page.md"
    page.write_text("# One thing, here\n", encoding="utf-8")
    text = "[a](page.md) [b](page.md#one-thing-here) [c](no.md) [d](page.md#no) `[e](f)` [g](https://x.y/z)"
    assert broken_links(page, text) == ["no.md", "page.md#no"]


def test_every_page_is_reached() -> None:
    """Each page of docs/ can be reached by links from docs/README.md, so that nobody has to know of it."""
    reached: set[Path] = set()
    waiting = [PROJECT / "docs" / "README.md"]
    while waiting:
        page = waiting.pop()
        if page not in reached and page.exists():
            reached.add(page)
            links = re.findall(r"\]\(([^)\s#]+\.md)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
            waiting += [(page.parent / link).resolve() for link in links if ":" not in link]
    assert {page for page in pages() if (PROJECT / "docs") in page.parents} - reached == set()


# --- Commands to copy -------------------------------------------------------------------------------------------


def shell_lines(text: str) -> list[str]:
    """List the commands that a page gives to copy: its blocks marked sh or console, without prompts and comments."""
    blocks = re.findall(r"^```(?:sh|bash|shell|console)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    lines = [line.strip().removeprefix("$ ") for block in blocks for line in block.splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def unknown_commands(lines: list[str], targets: set[str]) -> list[str]:
    """List the lines that call a make target or a command of ours that is not there."""
    unknown = []
    for line in lines:
        for call in re.finditer(r"(?:^|[;&|]\s*)(make|(?:\.venv/bin/)?naryq)((?:\s+[\w.=/-]+)*)", line):
            words = [word for word in call[2].split() if "=" not in word]
            known = targets if call[1] == "make" else {*COMMANDS, "--help", "--version"}
            if words and words[0] not in known:
                unknown.append(line)
    return unknown


def off_the_path(lines: list[str]) -> list[str]:
    """List the lines that call a program by a name that no shell knows: set-up puts ours into .venv/bin alone."""
    return [line for line in lines if re.search(r"(?:^|[;&|(]\s*)(?:naryq|python3?|pytest)\s", line)]


def test_every_command_to_copy_is_found_by_the_shell() -> None:
    """A newcomer who has run make can copy each command as it stands: the program is called where set-up has put it."""
    found = {
        str(page.relative_to(PROJECT)): off
        for page in pages()
        if (off := off_the_path(shell_lines(page.read_text(encoding="utf-8"))))
    }
    assert found == {}


def test_a_command_off_the_path_would_be_seen() -> None:
    """A bare name is seen, also behind another command or a pipe; one with its folder is not."""
    lines = ["naryq demo", "cd x && python y.py", "cat a | naryq clear -", ".venv/bin/naryq demo", "grep naryq x"]
    assert off_the_path(lines) == lines[:3]


def test_every_command_to_copy_is_there() -> None:
    """Each make target and each command that a page tells people to type exists."""
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    found = {
        str(page.relative_to(PROJECT)): unknown
        for page in pages()
        if (unknown := unknown_commands(shell_lines(page.read_text(encoding="utf-8")), targets))
    }
    assert found == {}


def test_a_command_that_is_not_there_would_be_seen() -> None:
    """A target or a command that does not exist is seen, also behind another command."""
    text = "```sh\ncd x && make run\n$ make nothing\n# make a comment\n.venv/bin/naryq demo --out x\nnaryq dance\n```\n"
    assert unknown_commands(shell_lines(text), {"run"}) == ["make nothing", "naryq dance"]
