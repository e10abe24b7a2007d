"""Many orders in one request, as JSON or as a file, with a report on each: taken one by one, or all or none."""

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from io import StringIO
from typing import Annotated, Final

import msgspec
from starlette.responses import Response

from naryq.engine import Answer
from naryq.gateways.problems import Problem, problem
from naryq.gateways.rest_operations import (
    CSV,
    MALFORMED,
    Asked,
    Operation,
    Parameter,
    address_of,
    body_of,
    idempotency_key,
    json,
    malformed,
)
from naryq.gateways.rest_routes import ROUTES, body_type
from naryq.messages import Code, Refusal, Refused, SubmitOrder

ORDERS_MAX: Final = 1_000
KEY_LENGTH_MAX: Final = 58
"""A command's identifier is the batch's key, a hash sign's place and the order's number, in 64 characters."""
OrderBody: Final = body_type(next(route for route in ROUTES if route.kind is SubmitOrder))
COLUMNS: Final = OrderBody.__struct_fields__


class OrderBatch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Orders in the order in which they are to be judged. With `all_or_nothing` one that is refused stops them all."""

    orders: Annotated[tuple[OrderBody, ...], msgspec.Meta(min_length=1, max_length=ORDERS_MAX)]  # type: ignore[valid-type]  # made when the module is loaded
    all_or_nothing: bool = False


class OrderReport(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one order: the journal row in which it stands, or why it was refused; `row` counts from 1."""

    row: int
    order_id: str
    sequence: int | None
    repeated: bool
    problem: Problem | None


class BatchReport(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a batch, order by order."""

    accepted: int
    refused: int
    orders: tuple[OrderReport, ...]


def batches() -> Iterator[Operation]:
    """Yield the operations that take many orders."""
    yield Operation(
        method="POST",
        path="/v1/orders/batch",
        name="SubmitOrders",
        says=f"Send up to {ORDERS_MAX:,} orders, each judged by itself, or all or none; the answer reports on each.",
        act=_batch,
        result=BatchReport,
        body=OrderBatch,
        is_keyed=True,
    )
    yield Operation(
        method="POST",
        path="/v1/orders/csv",
        name="UploadOrders",
        says="Send a file of orders with a head of column names, one order a row; the answer reports on each row.",
        act=_upload,
        result=BatchReport,
        body=str,
        media=CSV,
        parameters=(Parameter("all_or_nothing", bool, "Whether one row that is refused stops them all."),),
        is_keyed=True,
    )


_decoder = msgspec.json.Decoder(OrderBatch)


async def _batch(asked: Asked) -> Response:
    key = _key(asked)
    try:
        batch = _decoder.decode(await body_of(asked.request))
    except MALFORMED as error:
        raise malformed(error) from None
    return json(await _report(asked, key, dict(enumerate(batch.orders, 1)), {}, whole=batch.all_or_nothing))


async def _upload(asked: Asked) -> Response:
    key = _key(asked)
    whole = flag(asked, "all_or_nothing")
    rows = _rows(await body_of(asked.request))
    read = {row: _read(cells) for row, cells in rows.items()}
    refused = {row: found for row, found in read.items() if isinstance(found, Refusal)}
    orders = {row: found for row, found in read.items() if not isinstance(found, Refusal)}
    return json(await _report(asked, key, orders, refused, whole=whole))


def flag(asked: Asked, name: str) -> bool:
    """Read a parameter that says yes or no; refuses (UNKNOWN_OPTION) anything else."""
    given = asked.request.query_params.get(name, "false")
    if given not in {"true", "false"}:
        raise Refusal(Code.UNKNOWN_OPTION, f"{name} is {given!r}", where=name, remedy="Say true or false.")
    return given == "true"


def _key(asked: Asked) -> str:
    key = idempotency_key(asked.request)
    if len(key) > KEY_LENGTH_MAX:
        what = f"the key of a batch has more than {KEY_LENGTH_MAX} characters"
        raise Refusal(Code.TOO_LARGE, what, where="Idempotency-Key", remedy="Send a shorter one, such as a UUID.")
    return key


async def _report(
    asked: Asked, key: str, orders: dict[int, msgspec.Struct], refused: dict[int, Refusal], *, whole: bool
) -> BatchReport:
    """Send the orders, each under its row's identifier, and report on all rows; what cannot be read stops a whole."""
    answers: Sequence[Answer | None] = [None] * len(orders)
    if orders and not (whole and refused):
        actor, at_ns = asked.principal.participant_id, asked.at_ns
        commands = [
            SubmitOrder(f"{key}:{row}", actor, at_ns, *msgspec.structs.astuple(order)) for row, order in orders.items()
        ]
        answers = await asked.house.submit_many([*commands], whole=whole)
    told = {row: _told(row, order, answer) for (row, order), answer in zip(orders.items(), answers, strict=True)}
    told |= {row: _unread(row, refusal) for row, refusal in refused.items()}
    reports = tuple(told[row] for row in sorted(told))
    accepted = sum(report.problem is None for report in reports)
    _note(asked, reports)
    return BatchReport(accepted=accepted, refused=len(reports) - accepted, orders=reports)


def _note(asked: Asked, reports: tuple[OrderReport, ...]) -> None:
    """Write down in the log of the door what stands in no row of the journal: how many orders, and the codes."""
    codes = Counter(report.problem.code for report in reports if report.problem is not None and not report.sequence)
    who, address = asked.principal, address_of(asked.request)
    for code, count in sorted(codes.items()):
        what = f"{count} of {len(reports)} orders of a batch"
        asked.house.access.audit.note(code, who.participant_id, who.person, address, what)


NOT_SENT: Final = Refused(
    code=Code.BATCH_REFUSED,
    what="another row of the file cannot be read, and the file was to be taken whole or not at all",
    where="file",
    remedy="Mend or leave out the row, and send the file again.",
)


def _told(row: int, order: msgspec.Struct, answer: Answer | None) -> OrderReport:
    first = NOT_SENT if answer is None else answer.events[0]
    sequence = None if answer is None else answer.sequence or None
    return OrderReport(
        row=row,
        order_id=order.order_id,  # type: ignore[attr-defined]  # the body of an order has it
        sequence=sequence,
        repeated=answer is not None and answer.repeated,
        problem=problem(first, sequence) if isinstance(first, Refused) else None,
    )


def _unread(row: int, refusal: Refusal) -> OrderReport:
    return OrderReport(row=row, order_id="", sequence=None, repeated=False, problem=problem(refusal))


# --- Files --------------------------------------------------------------------------------------------------------


def _rows(content: bytes) -> dict[int, dict[str, str]]:
    """Read a file of orders: line number -> column -> cell; refuses what is no such file."""
    remedy = f"Send a head with some of {', '.join(COLUMNS)}, and below it one order a row."
    try:
        reader = csv.DictReader(
            StringIO(content.decode("utf-8-sig"), newline=""), strict=True, restkey="more cells than the head"
        )
        head = reader.fieldnames or []
        if unknown := [name for name in head if name not in COLUMNS]:
            raise Refusal(Code.COLUMN_UNKNOWN, f"there is no column {unknown[0]!r}", where="line 1", remedy=remedy)
        if len({*head}) != len(head):
            raise Refusal(Code.DUPLICATE_ID, "a column is named twice", where="line 1", remedy=remedy)
        rows = dict(_numbered(reader))
    except (UnicodeDecodeError, csv.Error) as error:
        raise Refusal(Code.UNREADABLE, f"the file cannot be read ({error})", where="body", remedy=remedy) from None
    if not rows:
        raise Refusal(Code.EMPTY, "the file has no orders", where="body", remedy=remedy)
    if len(rows) > ORDERS_MAX:
        what = f"the file has more than {ORDERS_MAX:,} orders"
        raise Refusal(Code.TOO_LARGE, what, where="body", remedy="Send it in parts.")
    return rows


def _numbered(reader: "csv.DictReader[str]") -> Iterator[tuple[int, dict[str, str]]]:
    for row in reader:
        yield reader.line_num, row


def _read(cells: dict[str, str]) -> msgspec.Struct | Refusal:
    """Read one row; an empty cell is as if its column were not there."""
    given = {name: cell for name, cell in cells.items() if cell not in {"", None}}
    try:
        return msgspec.convert(given, OrderBody, strict=False)
    except MALFORMED as error:
        remedy = "Give whole numbers without spaces, and the names that the page of orders lists."
        return Refusal(Code.WRONG_TYPE, f"the row is malformed ({error})", where="row", remedy=remedy)
