"""The commands of REST: the rows of `naryq.messages.routes`; all else comes from a command's message type."""

from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any, TypeAlias

import msgspec

from naryq.messages import AnyCommand
from naryq.messages.routes import ROUTES, STAMP, CommandRoute, fields_of

__all__ = ["ROUTES", "STAMP", "CommandRoute", "Maker", "Reader", "body_type", "fields_of", "maker", "reader"]


@cache
def body_type(route: CommandRoute) -> type[msgspec.Struct]:
    """Return the type of a command's body: its fields, without the stamp and without those of the path."""
    left_out = {*STAMP, *route.in_path}
    kept = (field for field in msgspec.structs.fields(route.kind) if field.name not in left_out)
    field_of: Any = msgspec.field  # Its overloads forbid what it takes: a default and a factory, of which one is none.
    fields = [
        (field.name, field.type, field_of(default=field.default, default_factory=field.default_factory))
        for field in kept
    ]
    made: type[msgspec.Struct] = msgspec.defstruct(
        route.kind.__name__,
        fields,
        frozen=True,
        kw_only=True,
        forbid_unknown_fields=True,
        namespace={"__doc__": route.kind.__doc__},
    )
    return made


Maker: TypeAlias = Callable[..., AnyCommand]
"""Makes a command of its stamp alone."""
Reader: TypeAlias = Callable[[bytes, Mapping[str, str]], Maker]


def maker(kind: Any, body: msgspec.Struct, in_path: Mapping[str, str]) -> Maker:
    """Return what makes a command of its stamp, from a body that was read and the fields of the path."""
    return partial(kind, **{name: getattr(body, name) for name in body.__struct_fields__}, **in_path)


def reader(route: CommandRoute) -> Reader:
    """Return what reads a body and the fields of the path into a command that still lacks its stamp.

    What it returns takes `command_id`, `actor` and `at_ns`.
    """
    decoder = msgspec.json.Decoder(body_type(route))
    return lambda body, in_path: maker(route.kind, decoder.decode(body or b"{}"), in_path)
