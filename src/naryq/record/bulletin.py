"""The bulletin as files: JSON for programs, CSV for a spreadsheet."""

import csv
from io import StringIO

import msgspec

from naryq.views import Bulletin, ProvinceLine, RulebookResult

CSV_COLUMNS = (
    "rulebook",
    "rulebook_version",
    "province_code",
    "province",
    "before_month",
    "after_month",
    "ex_works_before_tenge_per_tonne",
    "ex_works_after_tenge_per_tonne",
    "pump_before_tiyn_per_litre",
    "pump_after_tiyn_per_litre",
    "change_tenths_of_percent",
    "formula_after_tiyn_per_litre",
    "cap_tiyn_per_litre",
    "next_cap_tiyn_per_litre",
    "next_cap_day",
    "volume_after_kg",
    "fund_tiyn",
    "limits",
    "reason",
)


def to_json(bulletin: Bulletin) -> bytes:
    """Return the bulletin as indented JSON; every number is an integer with its unit in the name."""
    return msgspec.json.format(msgspec.json.encode(bulletin), indent=2) + b"\n"


def from_json(text: bytes) -> Bulletin:
    """Read a bulletin back; raises `msgspec.ValidationError` when the text is none."""
    return msgspec.json.decode(text, type=Bulletin)


def to_csv(bulletin: Bulletin) -> str:
    """Return one row for each rulebook and province; an empty cell means that there is no such price or cap."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for result in bulletin.results:
        writer.writerows(_row(bulletin, result, line) for line in result.provinces)
    return text.getvalue()


def _row(bulletin: Bulletin, result: RulebookResult, line: ProvinceLine) -> tuple[str | int | None, ...]:
    return (
        result.rulebook,
        result.version,
        line.code,
        line.name,
        bulletin.before_month,
        bulletin.after_month,
        line.ex_works_before_tenge_per_tonne,
        line.ex_works_after_tenge_per_tonne,
        line.pump_before_tiyn_per_litre,
        line.pump_after_tiyn_per_litre,
        line.change_tenths_of_percent,
        line.formula_after_tiyn_per_litre,
        line.cap_tiyn_per_litre,
        line.next_cap_tiyn_per_litre,
        line.next_cap_day,
        line.volume_after_kg,
        line.fund_tiyn,
        " ".join(line.limits),
        line.reason,
    )
