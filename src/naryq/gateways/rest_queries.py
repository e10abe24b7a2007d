"""The questions of REST: each takes what it shows from the room `showing`."""

from collections.abc import Callable, Iterator, Mapping
from hashlib import blake2b
from http import HTTPStatus
from typing import Annotated, Any, Final, NamedTuple

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from naryq.gateways.rest_operations import JSON, ROLES, Asked, Operation, Parameter
from naryq.gateways.rest_pages import LIMIT_MAX, Page, limit_of, page
from naryq.messages import Code, Refusal, Role
from naryq.showing import instruments

Limit = Annotated[int, msgspec.Meta(ge=1, le=LIMIT_MAX)]
PAGING: Final = (
    Parameter("limit", Limit, "How many items a page has at most; 100 where nothing is said."),
    Parameter("cursor", str, "The `next_cursor` of the page before."),
)


class Listing(NamedTuple):
    """A question that is answered with a list in pages: the type of an item, its unique key, and all of them."""

    path: str
    name: str
    says: str
    item: Any
    key: Callable[[Any], str]
    find: Callable[[Asked], Any]
    roles: tuple[Role, ...] = ROLES
    parameters: tuple[Parameter, ...] = ()


class Question(NamedTuple):
    """A question that is answered with one thing; None is answered with NOT_FOUND."""

    path: str
    name: str
    says: str
    result: Any
    find: Callable[[Asked], Any]
    roles: tuple[Role, ...] = ROLES


LISTINGS: Final = (
    Listing(
        "/v1/instruments",
        "ListInstruments",
        "Every instrument that was ever listed.",
        instruments.ShownInstrument,
        lambda item: item.instrument.code,
        lambda asked: instruments.instruments(asked.house.state, asked.viewer),
    ),
)
QUESTIONS: Final[tuple[Question, ...]] = ()


def queries() -> Iterator[Operation]:
    """Yield the operations of all questions."""
    for listing in LISTINGS:
        paged: Any = Page
        result = paged[listing.item]
        yield _operation(listing, result, (*PAGING, *listing.parameters), _paged(listing))
    for question in QUESTIONS:
        yield _operation(question, question.result, (), _single(question))


def _operation(
    asks: Listing | Question, result: Any, parameters: tuple[Parameter, ...], find: Callable[[Asked], object]
) -> Operation:
    async def act(asked: Asked) -> Response:
        return shown(asked.request, find(asked))

    return Operation("GET", asks.path, asks.name, asks.says, act, result, parameters=parameters, roles=asks.roles)


def _paged(listing: Listing) -> Callable[[Asked], object]:
    def find(asked: Asked) -> object:
        given: Mapping[str, str] = asked.request.query_params
        return page(listing.find(asked), listing.key, given.get("cursor"), limit_of(given.get("limit")))

    return find


def _single(question: Question) -> Callable[[Asked], object]:
    def find(asked: Asked) -> object:
        found = question.find(asked)
        if found is None:
            what = "there is no such thing, or it is not shown"
            where = ", ".join(f"{name} {value}" for name, value in asked.path.items())
            raise Refusal(Code.NOT_FOUND, what, where=where, remedy="Check the path.")
        return found

    return find


def shown(request: Request, value: object) -> Response:
    """Answer with a value, or with 304 where the reader has it already.

    The tag is of the bytes, not of the state's sequence: a hold widens by the clock alone, without any row.
    """
    spelled = msgspec.json.encode(value)
    tag = f'"{blake2b(spelled, digest_size=16).hexdigest()}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache", "Vary": "Authorization"}
    if tag in _tags(request.headers.get("if-none-match", "")):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return Response(spelled, headers=headers, media_type=JSON)


def _tags(header: str) -> list[str]:
    return [tag.strip().removeprefix("W/") for tag in header.split(",")]
