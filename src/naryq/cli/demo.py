"""`naryq demo`: December 2021 and January 2022 through the venue, under both rulebooks, and what came out."""

import csv
import io
import shlex
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import BinaryIO, Final

import click
from rich import box
from rich.console import Console
from rich.progress import track
from rich.table import Table

from naryq import exchange
from naryq.cli.files import read_rulebook, shipped
from naryq.cli.pages import print_paragraph
from naryq.engine import NOT_KEPT, Engine
from naryq.journal.sqlite import SqliteJournal, SqliteReader
from naryq.lab import inputs as lab_inputs
from naryq.lab import report, scenario
from naryq.lab.inputs import Inputs
from naryq.messages import AnyCommand, AnyEvent, Code, Refusal, Refused, RulebookText, decode_entry
from naryq.portal import page
from naryq.record.bulletin import to_csv, to_json
from naryq.units import grouped, tenge
from naryq.views import Bulletin, PlantLine, Proof, ProvinceLine, RulebookResult, look, rulebook_result

RULEBOOKS: Final = {
    "kazakhstan": "As it was: no limit on the price",
    "guarded": "As it could have been: a collar, and a largest step at the pump",
}
PAGE: Final = "index.html"
SERVED: Final = ("/", f"/{PAGE}", "/bulletin.json", "/bulletin.csv")
"""What the server gives away: the folder may hold more than the demo has put there."""
DEFAULT_PORT: Final = 8765
WIDE: Final = 130
"""From this many columns on, a table has room for its reasons."""


@click.command()
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("out"),
    show_default=True,
    help="The folder for the results; earlier results in it are replaced.",
)
@click.option(
    "--serve/--no-serve",
    default=True,
    help="Serve the page on 127.0.0.1 until Ctrl-C, or end when the results are written.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=DEFAULT_PORT,
    show_default=True,
    help="The port of the page; 0 takes any free one.",
)
def demo(out: Path, port: int, *, serve: bool) -> None:
    """Play 1 January 2022 through the venue, before and after, and show what every province pays and why."""
    console = Console(soft_wrap=True) if not Console().is_terminal else Console()
    _make_room(out)
    inputs = read_inputs()
    texts = {name: read_rulebook(name) for name in RULEBOOKS}
    results = tuple(_run(console, out, inputs, texts[name]) for name in RULEBOOKS)
    swings = report.swings(
        inputs, texts["kazakhstan"], partial(_tracked, console, "Moving each assumption over its range")
    )
    bulletin = report.bulletin(inputs, results, swings)
    _write(out, bulletin)
    _show(console, bulletin)
    console.print(f"Written to {out}: bulletin.json, bulletin.csv, index.html, and a journal for each rulebook.")
    console.print(f"Check them yourself: {_program()} journal verify {shlex.quote(str(out / 'guarded.journal'))}")
    if serve:
        _serve(console, out, port)


def _program() -> str:
    """Return what to type to call this program: its name where the shell finds it, and else its path."""
    beside = Path(sys.executable).with_name("naryq")
    if shutil.which("naryq") is not None or not beside.exists():
        return "naryq"
    here = Path.cwd()
    return shlex.quote(str(beside.relative_to(here) if beside.is_relative_to(here) else beside))


def _tracked(console: Console, text: str, names: Sequence[str]) -> Sequence[str]:
    return track(names, text, console=console, transient=True)  # type: ignore[return-value]  # an iterable of the same


def read_inputs() -> Inputs:
    """Read the model's facts and assumptions, as shipped."""
    folder = shipped("data") / "kazakhstan"
    return lab_inputs.load(
        (folder / "model_facts.csv").read_text("utf-8"), (folder / "assumptions.csv").read_text("utf-8")
    )


def read_names() -> dict[str, str]:
    """Read the names of provinces and plants, by their codes."""
    folder = shipped("data") / "kazakhstan"
    names: dict[str, str] = {}
    for file, column in (("provinces.csv", "code"), ("plants.csv", "plant")):
        rows = csv.DictReader((folder / file).read_text("utf-8").splitlines())
        names.update({row[column]: row["name"] for row in rows})
    return names


# --- Running ----------------------------------------------------------------------------------------------------


def _run(console: Console, out: Path, inputs: Inputs, rulebook: RulebookText) -> RulebookResult:
    path = out / f"{rulebook.name}.journal"
    console.print(f"Playing two months under [bold]{rulebook.name}[/bold] through the venue, each order journalled ...")
    with Engine(SqliteJournal.create(str(path))) as engine:
        scenario.play(partial(_send, engine), inputs, rulebook)
        state = engine.state
    with closing(SqliteReader.open(str(path))) as reader:
        rows = [decode_entry(record.payload) for record in reader.read()]
        head = reader.head()
    assert head is not None, "a played scenario has left rows"
    proof = Proof(head.sequence, head.chain.hex(), exchange.state_hash(state))
    return rulebook_result(
        look(rows),
        title=RULEBOOKS[rulebook.name],
        names=read_names(),
        observed=report.observed(inputs),
        proof=proof,
    )


def _send(engine: Engine, commands: Sequence[AnyCommand]) -> list[tuple[AnyEvent, ...]]:
    answers = engine.submit_many(commands)
    for answer in answers:
        refused = answer.events[0]
        if answer.sequence == NOT_KEPT and isinstance(refused, Refused):  # By the disk, not by the venue.
            raise Refusal(refused.code, refused.what, where=refused.where, remedy=refused.remedy)
    return [answer.events for answer in answers]


def _make_room(out: Path) -> None:
    """Remove an earlier demo's journals, since the demo starts an empty venue; refuse a folder that holds others' work.

    Raises:
        Refusal: JOURNAL_LOCKED while another demo is at work, ALREADY_EXISTS when a file is not a demo's.
    """
    out.mkdir(parents=True, exist_ok=True)
    if (out / PAGE).exists() and not (out / "bulletin.json").exists():
        raise _foreign(out / PAGE)
    journals = [out / f"{name}.journal" for name in RULEBOOKS]
    for path in journals:
        if path.exists() and not _is_a_demos(path):
            raise _foreign(path)
    for path in journals:
        for suffix in ("", "-wal", "-shm"):  # The lock's file stays: another demo may be waiting at it.
            path.with_name(path.name + suffix).unlink(missing_ok=True)


def _is_a_demos(path: Path) -> bool:
    """Tell by its first command whether a journal is a demo's; it must be in nobody's use."""
    try:
        with closing(SqliteJournal.open(str(path))) as journal:
            first = next(journal.read(), None)
            return first is None or decode_entry(first.payload).command.command_id == f"{path.stem}-1"
    except Refusal as refusal:
        if refusal.code != Code.JOURNAL_DAMAGED:
            raise
        return False


def _foreign(path: Path) -> Refusal:
    return Refusal(
        Code.ALREADY_EXISTS,
        "this file is not an earlier demo's, and the demo would replace it",
        where=str(path),
        remedy="Choose another folder with --out, or move the file away.",
    )


def _write(out: Path, bulletin: Bulletin) -> None:
    (out / "bulletin.json").write_bytes(to_json(bulletin))
    (out / "bulletin.csv").write_text(to_csv(bulletin), "utf-8")
    for name, text in page.render(bulletin).items():
        (out / name).write_text(text, "utf-8")


# --- Showing ----------------------------------------------------------------------------------------------------


def _show(console: Console, bulletin: Bulletin) -> None:
    for result in bulletin.results:
        console.print(_province_table(console, bulletin, result))
        console.print(_plant_table(bulletin, result))
        taken, refused = grouped(result.orders_accepted), grouped(result.orders_refused)
        print_paragraph(
            console, f"{taken} orders taken, {refused} refused {_codes(result.refusals)}- rulebook {result.version}"
        )
    for paragraph in bulletin.story:
        print_paragraph(console, paragraph)
    console.print(_swing_table(bulletin))
    console.print(
        f"{bulletin.facts + bulletin.assumptions} inputs of the model: {bulletin.facts} facts, each with a source, "
        f"and {bulletin.assumptions} assumptions, each with a range and a reason (data/kazakhstan)."
    )


def _codes(refusals: Mapping[str, int]) -> str:
    return f"({', '.join(f'{code}: {count}' for code, count in refusals.items())}) " if refusals else ""


def _table(title: str, columns: Mapping[str, bool], caption: str | None = None) -> Table:
    """Return an empty table; a column is set to the right when it holds numbers."""
    table = Table(title=title, caption=caption, box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.title_justify = table.caption_justify = "left"
    for name, is_number in columns.items():
        table.add_column(name, justify="right" if is_number else "left", overflow="fold", no_wrap=is_number)
    return table


def _province_table(console: Console, bulletin: Bulletin, result: RulebookResult) -> Table:
    """Return the table of provinces; on a narrow terminal the reasons stand below it, once each."""
    before, after = bulletin.before_month, bulletin.after_month
    names = (
        "province",
        f"plant\n{before}",
        f"plant\n{after}",
        f"pump\n{before}",
        f"pump\n{after}",
        "change",
        "cap",
        "next\ncap",
        "why",
    )
    reasons = dict.fromkeys(line.reason for line in result.provinces)
    marks = {reason: str(number) for number, reason in enumerate(reasons, 1)}
    is_wide = console.width >= WIDE
    days = sorted({line.next_cap_day for line in result.provinces if line.next_cap_day is not None})
    notes = [
        "all prices are computed by the model; what was seen at the pumps stands below the tables",
        "plant: what the province paid, on average, tenge a tonne without VAT",
        "pump and cap: tenge a litre with VAT",
    ]
    notes += [f"next cap: in force from {' or '.join(days)}"] if days else []
    notes += [] if is_wide else [f"why {mark}: {reason}" for reason, mark in marks.items()]
    columns = {name: name not in {"province", "why"} for name in names}
    table = _table(f"{result.rulebook} - {result.title}", columns, "\n".join(notes))
    table.columns[0].no_wrap = True
    for line in result.provinces:
        table.add_row(*_province_cells(line), line.reason if is_wide else marks[line.reason])
    return table


def _province_cells(line: ProvinceLine) -> tuple[str, ...]:
    return (
        line.name,
        grouped(line.ex_works_before_tenge_per_tonne),
        grouped(line.ex_works_after_tenge_per_tonne),
        tenge(line.pump_before_tiyn_per_litre, 2),
        tenge(line.pump_after_tiyn_per_litre, 2),
        f"{line.change_tenths_of_percent / 10:+.1f}%",
        "none" if line.cap_tiyn_per_litre is None else tenge(line.cap_tiyn_per_litre),
        "" if line.next_cap_tiyn_per_litre is None else tenge(line.next_cap_tiyn_per_litre),
    )


def _plant_table(bulletin: Bulletin, result: RulebookResult) -> Table:
    columns = {
        "plant": False,
        f"price\n{bulletin.before_month}": True,
        f"price\n{bulletin.after_month}": True,
        "lots sold": True,
        "why": False,
    }
    table = _table(f"{result.rulebook} - every plant: ex-works price on the platform, tenge a tonne", columns)
    for line in result.plants:
        table.add_row(*_plant_cells(line))
    return table


def _plant_cells(line: PlantLine) -> tuple[str, ...]:
    return (
        line.name,
        "-" if line.before_tenge_per_tonne is None else grouped(line.before_tenge_per_tonne),
        "-" if line.after_tenge_per_tonne is None else grouped(line.after_tenge_per_tonne),
        f"{line.sold_before_lots} -> {line.sold_after_lots}",
        line.reason,
    )


def _swing_table(bulletin: Bulletin) -> Table:
    columns = {"assumption": False, "lowest; taken; highest": False, "pump at\nlowest": True, "pump at\nhighest": True}
    table = _table("What the answer hangs on: Mangystau's January pump price, one assumption moved at a time", columns)
    for swing in bulletin.swings:
        # Spans stand one a line: a narrow terminal would part the groups of their numbers.
        separator = ";\n" if " to " in swing.value else "; "
        table.add_row(
            swing.assumption.replace("_", " "),
            f"{separator.join((swing.lowest, swing.value, swing.highest))} {swing.unit.replace('_', ' ')}",
            tenge(swing.pump_at_lowest_tiyn_per_litre, 2),
            tenge(swing.pump_at_highest_tiyn_per_litre, 2),
        )
    return table


# --- Serving ----------------------------------------------------------------------------------------------------


class _Handler(SimpleHTTPRequestHandler):
    """Serve the page and the bulletin, and nothing else, without a line for each request."""

    def send_head(self) -> io.BytesIO | BinaryIO | None:
        """Answer with a file of the demo, or with 404."""
        if self.path.partition("?")[0] in SERVED:
            return super().send_head()
        self.send_error(HTTPStatus.NOT_FOUND)
        return None

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _server(out: Path, port: int) -> ThreadingHTTPServer:
    """Bind a server of the folder to this machine's own address."""
    handler: Callable[..., _Handler] = partial(_Handler, directory=str(out))
    try:
        return ThreadingHTTPServer(("127.0.0.1", port), handler)
    except OSError as error:
        what = f"port {port} cannot be used ({error.strerror}); the results are written"
        remedy = f"Give another with --port, or 0 for any free one, or open {out / PAGE} as it is."
        raise Refusal(Code.BUSY, what, remedy=remedy) from None


def _serve(console: Console, out: Path, port: int) -> None:
    with _server(out, port) as server:
        console.print(f"The page: http://127.0.0.1:{server.server_port}/  (Ctrl-C ends it)")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            console.print("Ended.")
