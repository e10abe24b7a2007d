"""One sample of every command, made from its type alone: a command added tomorrow has a sample today."""

import re
from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import inspect

STAMP = {"command_id": "sample", "actor": "nobody", "at_ns": 0}
TEXTS = ("sample", "2022-01", "2022-01-01")
"""A name, a month and a day: the first that a field's pattern accepts is its sample."""


def sample(kind: type[msgspec.Struct], **stamp: Any) -> Any:
    """Return a command of a kind whose fields are the simplest that its types allow."""
    described = inspect.type_info(kind)
    return msgspec.convert({**_plain(described), **STAMP, **stamp, "type": kind.__name__}, kind)


def _plain(described: inspect.Type) -> Any:
    return MAKERS[type(described)](described)


def _fields(described: inspect.StructType) -> dict[str, Any]:
    return {field.name: _plain(field.type) for field in described.fields if field.required}


MAKERS: dict[type, Callable[[Any], Any]] = {
    inspect.StrType: lambda text: next(sample for sample in TEXTS if re.search(text.pattern or "", sample)),
    inspect.Metadata: lambda marked: _plain(marked.type),
    inspect.IntType: lambda number: max(number.ge or 0, 1),
    inspect.BoolType: lambda _: False,
    inspect.NoneType: lambda _: None,
    inspect.LiteralType: lambda literal: literal.values[0],
    inspect.VarTupleType: lambda row: [_plain(row.item_type)] * (row.min_length or 0),
    inspect.TupleType: lambda row: [_plain(item) for item in row.item_types],
    inspect.DictType: lambda _: {},
    inspect.UnionType: lambda union: _plain(union.types[0]),
    inspect.StructType: _fields,
}
"""How the sample of a type is made; a type that is wanted and not here is a failure, and belongs here."""
