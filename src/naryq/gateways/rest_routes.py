"""The commands of REST: one row a command says its method and path; all else comes from its message type."""

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, Literal, NamedTuple, TypeAlias

import msgspec

from naryq.messages import AnyCommand, SubmitOrder

STAMP: Final = ("command_id", "actor", "at_ns")
"""What no body says: it comes from the idempotency key, the credential and the venue's clock."""


class CommandRoute(NamedTuple):
    """How a command is sent: the fields that the path names stand there, all others in the body."""

    kind: type[AnyCommand]
    method: Literal["POST", "PUT", "PATCH", "DELETE"]
    path: str

    @property
    def in_path(self) -> tuple[str, ...]:
        """The fields that the path names."""
        return tuple(re.findall(r"{(\w+)}", self.path))


ROUTES: Final = (CommandRoute(SubmitOrder, "POST", "/v1/orders"),)
"""Every command of the venue, once."""


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
        f"{route.kind.__name__}Body",
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


def reader(route: CommandRoute) -> Reader:
    """Return what reads a body and the fields of the path into a command that still lacks its stamp.

    What it returns takes `command_id`, `actor` and `at_ns`.
    """
    decoder = msgspec.json.Decoder(body_type(route))
    names = decoder.type.__struct_fields__
    kind: Any = route.kind

    def read(body: bytes, in_path: Mapping[str, str]) -> Maker:
        decoded = decoder.decode(body or b"{}")
        return partial(kind, **{name: getattr(decoded, name) for name in names}, **in_path)

    return read
