"""Files that people name: shipped folders, rulebooks by name or path, and files that are written whole or not."""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

from naryq.journal.sqlite import sync_directory
from naryq.messages import Code, Refusal, RulebookText
from naryq.rulebook import base_name, load, problems

BYTES_MAX: Final = 1_000_000
"""A rule file is a page of text; what is larger is the wrong file."""


def shipped(name: str) -> Path:
    """Return a folder that comes with this program: from the installed package, else from the repository's root."""
    packaged = Path(__file__).parent.parent / "_shipped" / name
    return packaged if packaged.is_dir() else Path(__file__).parents[3] / name


def rulebook_folder(name_or_path: str, *, beside: Path | None = None) -> Path:
    """Find a rulebook: a folder, else one beside another, else a shipped one by its name."""
    candidates = [Path(name_or_path), shipped("rulebooks") / name_or_path]
    if beside is not None:
        candidates.insert(0, beside.parent / name_or_path)
    for folder in candidates:
        if name_or_path and _is_folder(folder):
            return folder
    names = sorted(path.name for path in shipped("rulebooks").iterdir() if path.is_dir())
    what = f"there is no rulebook {name_or_path!r}"
    remedy = f"Give the path of a rulebook's folder, or one of: {', '.join(names)}."
    raise Refusal(Code.UNREADABLE, what, remedy=remedy)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False


def _content(path: Path) -> bytes | None:
    """Return a file's bytes, or None when it is too large; a pipe or a device would keep us waiting for ever."""
    state = path.stat()
    if not stat.S_ISREG(state.st_mode):
        raise OSError(errno.EINVAL, "it is no regular file")
    return path.read_bytes() if state.st_size <= BYTES_MAX else None


def read_text(path: Path) -> str:
    """Read a rule file as UTF-8; refuses what is too large, no UTF-8 or not to be opened, with the path."""
    try:
        content = _content(path)
    except OSError as error:
        what = f"cannot be read: {error.strerror}"
        raise Refusal(Code.UNREADABLE, what, where=str(path), remedy="Mend the file or remove it.") from None
    if content is None:
        what = f"the file is larger than {BYTES_MAX:,} bytes"
        raise Refusal(Code.TOO_LARGE, what, where=str(path), remedy="A rule file holds one fact: give the right file.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        what = f"byte {content[error.start]:#04x} is not UTF-8"
        raise Refusal(Code.UNREADABLE, what, where=f"{path}:{line}", remedy="Save the file as UTF-8.") from None


def read_folder(folder: Path) -> dict[str, str]:
    """Read the YAML files of a rulebook's folder, path -> text, and nothing else that lies there."""
    paths = (path for path in sorted(folder.iterdir()) if path.suffix in {".yaml", ".yml"})
    return {path.as_posix(): read_text(path) for path in paths if not (path.is_dir() or path.name.startswith("."))}


def _read_base(folder: Path, files: dict[str, str], above: tuple[Path, ...]) -> RulebookText | None:
    name = base_name(files)
    if name is None:
        return None
    base = rulebook_folder(name, beside=folder)
    if base.resolve() in above:
        what = f"rulebook {name} builds on itself"
        raise Refusal(Code.RULE_INVALID, what, where=str(folder), remedy="Remove one base: from the circle.")
    base_files = read_folder(base)
    return load(base_files, base=_read_base(base, base_files, (*above, base.resolve())))


def rulebook_problems(name_or_path: str) -> tuple[Refusal, ...]:
    """Return everything that is wrong with a rulebook's files; empty when all is in order."""
    try:
        folder = rulebook_folder(name_or_path)
        files = read_folder(folder)
        return problems(files, base=_read_base(folder, files, (folder.resolve(),)))
    except Refusal as refusal:
        return (refusal,)


def read_rulebook(name_or_path: str) -> RulebookText:
    """Read a rulebook, and the one it builds on, by the name of a shipped one or the path of its folder.

    Raises:
        Refusal: with the file, the line and what to do.
    """
    folder = rulebook_folder(name_or_path)
    files = read_folder(folder)
    return load(files, base=_read_base(folder, files, (folder.resolve(),)))


@contextmanager
def written_whole(path: Path) -> Iterator[BinaryIO]:
    """Give a file to write, which gets its name once all is written and durable; what breaks off leaves no file.

    Raises:
        Refusal: ALREADY_EXISTS when there is something of this name.
    """
    _refuse_existing(path)
    unfinished = path.with_name(f"{path.name}-new")
    try:
        with unfinished.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        _refuse_existing(path)
        unfinished.replace(path)
        sync_directory(str(path))
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)


def _refuse_existing(path: Path) -> None:
    if os.path.lexists(path):
        remedy = "Choose another name; nothing is ever overwritten."
        raise Refusal(Code.ALREADY_EXISTS, "there is something of this name", where=str(path), remedy=remedy)


@contextmanager
def lines_of(path: Path, longest: int) -> Iterator[Iterator[bytes]]:
    """Open a file to read its lines, one at a time, each with its newline.

    Raises:
        Refusal: UNREADABLE when it cannot be opened or read, TOO_LARGE when a line has more bytes than `longest`.
    """
    with _opened(path) as file:
        yield _lines(file, longest, str(path))


def _opened(path: Path) -> BinaryIO:
    remedy = "Check the path and the permissions."
    try:
        if stat.S_ISREG(path.stat().st_mode):
            return path.open("rb")
    except OSError as error:
        raise Refusal(Code.UNREADABLE, f"cannot be read: {error.strerror}", where=str(path), remedy=remedy) from None
    raise Refusal(Code.UNREADABLE, "it is no regular file", where=str(path), remedy=remedy)


def _lines(file: BinaryIO, longest: int, where: str) -> Iterator[bytes]:
    while line := file.readline(longest + 1):
        if len(line) > longest:
            what = f"a line is longer than {longest:,} bytes"
            raise Refusal(Code.TOO_LARGE, what, where=where, remedy="Check that it is the right file.")
        yield line
