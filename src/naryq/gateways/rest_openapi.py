"""The description of REST as OpenAPI 3.1, made of the message types themselves, so that it cannot say otherwise."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from naryq import __version__
from naryq.gateways import problems
from naryq.gateways.problems import Problem
from naryq.gateways.rest_operations import JSON, ROLES, Operation
from naryq.gateways.rest_routes import fields_of
from naryq.messages import Name

PATH: Final = "/v1/openapi.json"
COMPONENTS: Final = "#/components/schemas/{name}"
BEARER: Final = {"bearer": {"type": "http", "scheme": "bearer", "description": "An API key, or a token made of one."}}
Description = dict[str, Any]


def document(operations: Sequence[Operation]) -> Description:
    """Return the whole description."""
    types = [Problem, *(kind for each in operations for kind in (each.body, each.result) if kind not in {None, str})]
    parameters = [parameter.type for each in operations for parameter in each.parameters]
    unique = list(dict.fromkeys([Name, *types, *parameters]))
    schemas, components = msgspec.json.schema_components(unique, ref_template=COMPONENTS)
    schema_of = dict(zip(unique, schemas, strict=True))
    paths: Description = {}
    for each in operations:
        paths.setdefault(each.path, {})[each.method.lower()] = _operation(each, schema_of, operations)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Naryq", "version": __version__, "description": "A venue's commands and questions."},
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": BEARER, "responses": {"Refused": _refused(schema_of)}},
    }


def endpoint(operations: Sequence[Operation]) -> Callable[[Request], Awaitable[Response]]:
    """Return what answers with the description; it is public."""
    spelled = msgspec.json.encode(document(operations))

    async def describe(_: Request) -> Response:
        return Response(spelled, media_type=JSON)

    return describe


def _operation(operation: Operation, schema_of: dict[Any, Any], operations: Sequence[Operation]) -> Description:
    summary, _, _ = operation.says.partition("\n")
    described: Description = {
        "operationId": operation.name,
        "summary": summary,
        "description": operation.says,
        "parameters": list(_parameters(operation, schema_of)),
        "responses": _responses(operation, schema_of, operations),
    }
    if operation.roles != ROLES:
        described["description"] += f"\n\nFor the roles {', '.join(operation.roles)} alone."
    if operation.is_public:
        described["security"] = []
    if operation.body is not None:
        schema = {"type": "string"} if operation.body is str else schema_of[operation.body]
        content = {operation.media: {"schema": schema}}
        described["requestBody"] = {"required": _is_needed(operation.body), "content": content}
    return described


def _is_needed(body: Any) -> bool:
    """Say whether something has to be said in a body: where everything has a default, it may be left out."""
    return body is str or any(field.required for field in msgspec.structs.fields(body))


def _parameters(operation: Operation, schema_of: dict[Any, Any]) -> Iterator[Description]:
    for field in fields_of(operation.path):
        yield {"name": field, "in": "path", "required": True, "schema": schema_of[Name]}
    for name, kind, says in operation.parameters:
        yield {"name": name, "in": "query", "required": False, "schema": schema_of[kind], "description": says}
    if operation.is_keyed:
        says = "Your identifier of the command. The same request sent again under it is answered as the first time."
        schema = schema_of[Name]
        yield {"name": "Idempotency-Key", "in": "header", "required": True, "schema": schema, "description": says}


def _responses(operation: Operation, schema_of: dict[Any, Any], operations: Sequence[Operation]) -> Description:
    answer: Description = {"description": "What was asked for."}
    if operation.result is not None:
        answer["content"] = {JSON: {"schema": schema_of[operation.result]}}
    if links := dict(_links(operation, operations)):
        answer["links"] = links
    found: Description = {str(int(operation.status)): answer}
    if operation.method == "GET":
        found["304"] = {"description": "What you have is still so."}
    refused = {"$ref": "#/components/responses/Refused"}
    return found | {"4XX": refused, "503": refused}


def _links(operation: Operation, operations: Sequence[Operation]) -> Iterator[tuple[str, Description]]:
    """Yield what can be done with that which the operation has named: whoever has an order's name can cancel it."""
    if operation.body is None or operation.body is str or not operation.is_keyed:
        return
    given = {*operation.body.__struct_fields__}
    for each in operations:
        wanted = fields_of(each.path)
        if wanted and {*wanted} <= given:
            yield (
                each.name,
                {
                    "operationId": each.name,
                    "parameters": {f"path.{field}": f"$request.body#/{field}" for field in wanted},
                },
            )


def _refused(schema_of: dict[Any, Any]) -> Description:
    return {
        "description": "A refusal: its code, what is wrong, where, and what to do.",
        "content": {problems.MEDIA_TYPE: {"schema": schema_of[Problem]}},
    }
