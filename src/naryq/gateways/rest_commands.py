"""The commands of the venue as operations of REST."""

from collections.abc import Iterator
from inspect import cleandoc

from starlette.responses import Response

from naryq.gateways.rest_operations import (
    MALFORMED,
    Act,
    Asked,
    Operation,
    answered,
    body_of,
    idempotency_key,
    malformed,
)
from naryq.gateways.rest_routes import ROUTES, CommandRoute, body_type, reader
from naryq.messages.routes import Taken


def commands() -> Iterator[Operation]:
    """Yield the operation of every command."""
    for route in ROUTES:
        says = cleandoc(route.kind.__doc__ or "")
        body = body_type(route)
        yield Operation(
            method=route.method,
            path=route.path,
            name=route.kind.__name__,
            says=says,
            act=_act(route),
            result=Taken,
            body=body if body.__struct_fields__ else None,
            is_keyed=True,
        )


def _act(route: CommandRoute) -> Act:
    read = reader(route)

    async def act(asked: Asked) -> Response:
        command_id = idempotency_key(asked.request)
        body = await body_of(asked.request)
        try:
            make = read(body, asked.path)
        except MALFORMED as error:
            raise malformed(error) from None
        command = make(command_id, asked.principal.participant_id, asked.at_ns)
        return answered(asked.viewer, await asked.house.request(asked.principal, command))

    return act
