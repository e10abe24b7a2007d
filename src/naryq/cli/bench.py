"""`naryq bench`: this and the best public solvers on the same work in one run, as ratios."""

import json
import os
import platform
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, Literal

import click

from naryq.messages import Code, Refusal
from naryq.units import grouped

PACKAGES: Final = ("naryq", "numpy", "numba", "ortools", "highspy", "pandas")
BOOK_PACKAGES: Final = (
    "naryq",
    "numpy",
    "numba",
    "nautilus_trader",
    "lightmatchingengine",
    "liquibook",
    "pyorderbook",
    "order-matching",
)
VENUE_PACKAGES: Final = ("naryq", "apsw", "msgspec")
FEWEST_ORDERS: Final = 1_000
FEWEST_NODES, MOST_NODES = 200, 30_000


@click.group()
def bench() -> None:
    """Measure against the best public solvers, as ratios."""


@bench.command()
@click.option("--orders", default=1_000_000, show_default=True, type=click.IntRange(min=FEWEST_ORDERS))
@click.option("--full", is_flag=True, help="Give HiGHS the whole market too: minutes at 1,000,000 orders.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def clearing(*, orders: int, full: bool, as_json: bool) -> None:
    """Clear one market with every solver, and ten times as many orders against np.sort of their prices."""
    _need("ortools", "highspy", "pandas")
    from naryq.cli.bench_clearing import run  # noqa: PLC0415 - solvers load only when they run

    _report(run(orders, full=full, say=_say), as_json=as_json)


@bench.command()
@click.option("--orders", default=1_000_000, show_default=True, type=click.IntRange(min=FEWEST_ORDERS))
@click.option("--nodes", default=5_000, show_default=True, type=click.IntRange(FEWEST_NODES, MOST_NODES))
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def networks(*, orders: int, nodes: int, as_json: bool) -> None:
    """Clear the orders at 20 and at 200 places, and minimum-cost flow instances against OR-Tools."""
    _need("ortools", "pandas")
    from naryq.cli.bench_networks import run  # noqa: PLC0415 - solvers load only when they run

    _report(run(orders, nodes, _say), as_json=as_json)


@bench.command()
@click.option("--orders", default=10_000, show_default=True, type=click.IntRange(min=FEWEST_ORDERS))
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def conditions(*, orders: int, as_json: bool) -> None:
    """Choose among all-or-none orders, one in twenty, against HiGHS's branch and bound on welfare alone."""
    _need("highspy", "pandas")
    from naryq.cli.bench_conditions import run  # noqa: PLC0415 - solvers load only when they run

    _report(run(_say, orders), as_json=as_json)


@bench.command()
@click.option("--orders", default=1_000_000, show_default=True, type=click.IntRange(min=FEWEST_ORDERS))
@click.option("--markets", default=10_000, show_default=True, type=click.IntRange(min=1))
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def small(*, orders: int, markets: int, as_json: bool) -> None:
    """Clear small markets, one by one and in one call, and large ones of one place and of wide prices."""
    _need("pandas")
    from naryq.cli.bench_small import run  # noqa: PLC0415 - kernels load only when they run

    _report(run(orders, markets, _say), as_json=as_json)


def _need(*packages: str) -> None:
    remedy = "Let make bench install them, or: python -m pip install highspy ortools pandas."
    for package in packages:
        if not _version(package):
            raise Refusal(Code.NOT_SUPPORTED, f"the benchmark needs {package}", remedy=remedy)


def _report(figures: Sequence[Any], *, as_json: bool) -> None:
    report = {"machine": machine(), "figures": [figure._asdict() for figure in figures]}
    if as_json:
        click.echo(json.dumps(report, indent=2))
    else:
        _show(report)


@bench.command()
@click.option("--messages", default=2_000_000, show_default=True, type=click.IntRange(min=FEWEST_ORDERS))
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def book(*, messages: int, as_json: bool) -> None:
    """Run the continuous book over several streams of messages, and every Python engine that is installed over one."""
    from naryq.cli.bench_book import run  # noqa: PLC0415 - engines load only when they run

    report = {"machine": machine(BOOK_PACKAGES), "figures": [figure._asdict() for figure in run(messages, say=_say)]}
    if as_json:
        click.echo(json.dumps(report, indent=2))
    else:
        _show_book(report)


@bench.command()
@click.option("--rate", default=2_000, show_default=True, type=click.IntRange(1, 100_000))
@click.option("--minutes", default=1.0, show_default=True, type=click.FloatRange(min=0, min_open=True))
@click.option("--ramp", is_flag=True, help="Then raise the rate to ten times within 30 seconds.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def venue(*, rate: int, minutes: float, ramp: bool, as_json: bool) -> None:
    """Send a venue on this disk commands at a fixed rate, time every answer, and look for each in the journal."""
    from naryq.cli.bench_venue import venue as run  # noqa: PLC0415 - the venue loads only when it runs

    with TemporaryDirectory(dir=Path.cwd()) as folder:
        figures, metrics = run(Path(folder), rate, minutes, ramp=ramp, say=_say)
    _report_venue(figures, as_json=as_json)
    if not as_json:
        click.echo(metrics)


@bench.command()
@click.option("--rows", default=1_000_000, show_default=True, type=click.IntRange(min=FEWEST_ORDERS))
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def recovery(*, rows: int, as_json: bool) -> None:
    """Fill a journal, and start from it with and without a snapshot."""
    from naryq.cli.bench_venue import recovery as run  # noqa: PLC0415 - as above

    with TemporaryDirectory(dir=Path.cwd()) as folder:
        figures = run(Path(folder), rows, say=_say)
    _report_venue(figures, as_json=as_json)


@bench.command()
@click.option("--orders", default=100_000, show_default=True, type=click.IntRange(min=FEWEST_ORDERS))
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def month(*, orders: int, as_json: bool) -> None:
    """Trade a month of a national market into a journal, and write everybody's statement from it."""
    from naryq.cli.bench_month import run  # noqa: PLC0415 - as above

    with TemporaryDirectory(dir=Path.cwd()) as folder:
        figures = run(Path(folder), orders, say=_say)
    _report_venue(figures, as_json=as_json)


def _report_venue(figures: Sequence[Any], *, as_json: bool) -> None:
    report = {"machine": machine(VENUE_PACKAGES), "figures": [figure._asdict() for figure in figures]}
    if as_json:
        click.echo(json.dumps(report, indent=2))
    else:
        _show_venue(report)


def _show_venue(report: dict[str, Any]) -> None:
    click.echo(", ".join(f"{name} {value}" for name, value in report["machine"].items()))
    for figure in report["figures"]:
        judged = {True: "met", False: "MISSED", None: ""}[figure["met"]]
        target = f"  ({figure['target']}: {judged})" if figure["target"] else ""
        click.echo(f"{figure['what']:36} {figure['value']}{target}")


@bench.command()
@click.option("--rate", default=1_000, show_default=True, type=click.IntRange(min=1), help="Messages a second.")
@click.option("--seconds", default=30.0, show_default=True, type=click.FloatRange(min=1), help="How long.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def fix(*, rate: int, seconds: float, as_json: bool) -> None:
    """Orders over FIX at a rate, in an open loop: how soon each has its first answer, durable."""
    from naryq.cli.bench_fix import run  # noqa: PLC0415 - the venue loads only when it runs

    with TemporaryDirectory(dir=Path.cwd()) as folder:
        figures = run(Path(folder), rate, seconds, say=_say)
    _report_venue(figures, as_json=as_json)


@bench.command()
@click.option("--markets", default=100, show_default=True, type=click.IntRange(min=1), help="Honest markets a kind.")
@click.option("--planted", default=25, show_default=True, type=click.IntRange(min=1), help="Markets a misconduct.")
@click.option("--rulebook", default="guarded", show_default=True, help="Whose thresholds are held.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def surveillance(*, markets: int, planted: int, rulebook: str, as_json: bool) -> None:
    """Count how often each screen of the watch speaks: of honest markets, and of planted misconduct."""
    from naryq.cli.bench_surveillance import run  # noqa: PLC0415 - kernels load only when they run

    report = {"machine": machine(), **run(rulebook, markets, planted, _say)}
    if as_json:
        click.echo(json.dumps(report, indent=2))
    else:
        _show_surveillance(report)


def _show_surveillance(report: dict[str, Any]) -> None:
    from naryq.cli.bench_surveillance import honest_cells, planted_cells  # noqa: PLC0415 - as above

    honest = ("screen", "kind", "speaks", "threshold", "one in a hundred", "flagged", "of the sessions")
    _show_table("Honest sessions", honest, [honest_cells(rate) for rate in report["honest"]])
    planted = ("misconduct", "screen", "kind", "markets caught")
    _show_table("Planted misconduct", planted, [planted_cells(power) for power in report["planted"]])


def _show_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.console import Console  # noqa: PLC0415 - the table is drawn only for people
    from rich.table import Table  # noqa: PLC0415 - as above

    table = Table(title=title)
    for column in columns:
        table.add_column(column)
    for row in rows:
        table.add_row(*row)
    Console().print(table)


def machine(packages: tuple[str, ...] = PACKAGES) -> dict[str, Any]:
    """Describe where and when the figures were taken."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "processor": _processor(),
        "processors": os.cpu_count(),
        "load": " ".join(f"{load:.1f}" for load in os.getloadavg()) if hasattr(os, "getloadavg") else "",
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{package: _version(package) for package in packages},
    }


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:  # noqa: PTH123 - a kernel file, not a path of anybody's
            return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def _say(text: str) -> None:
    click.echo(text, file=sys.stderr)


def _show(report: dict[str, Any]) -> None:
    from rich.console import Console  # noqa: PLC0415 - the table is drawn only for people
    from rich.table import Table  # noqa: PLC0415 - as above

    console = Console()
    console.print(", ".join(f"{name} {value}" for name, value in report["machine"].items()))
    figures = report["figures"]
    names = ["orders", "work", "seconds", "ratio", "target", "welfare"]
    if all(figure["welfare"] is None for figure in figures):
        names.remove("welfare")
    table = Table()
    for name in names:
        # Words may go over to the next line, figures may not.
        table.add_column(name, no_wrap=name in {"orders", "seconds", "welfare"}, justify=_side_of(name))
    for figure in figures:
        cells = figure | {"orders": grouped(figure["orders"]), "seconds": _seconds(figure["seconds"])}
        table.add_row(*("" if cells[name] is None else str(cells[name]) for name in names))
    console.print(table)


def _side_of(column: str) -> Literal["left", "right"]:
    return "right" if column in {"orders", "seconds", "welfare"} else "left"


def _seconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:.4f}"


def _show_book(report: dict[str, Any]) -> None:
    from rich.console import Console  # noqa: PLC0415 - as above
    from rich.markup import escape  # noqa: PLC0415 - as above
    from rich.table import Table  # noqa: PLC0415 - as above

    console = Console()
    console.print(", ".join(f"{name} {value}" for name, value in report["machine"].items()))
    table = Table()
    for name in ("work", "messages", "a second", "replay is faster by", "target", "trades"):
        words = name in {"work", "target", "trades"}
        table.add_column(name, justify="left" if words else "right", no_wrap=name == "work")
    for figure in report["figures"]:
        rate, ratio = figure["rate"], figure["replay_is_faster_by"]
        table.add_row(
            figure["work"],
            grouped(figure["messages"]),
            "-" if rate is None else grouped(int(rate)),
            "-" if ratio is None else f"{ratio:.1f}x",
            figure["target"],
            escape(figure["trades"]),
        )
    console.print(table)
