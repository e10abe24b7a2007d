"""The state as bytes and back, driven by the types of its fields.

A snapshot saves replaying, and nothing else: the journal stays the truth, and a snapshot that is damaged, or was made
of a state of another shape, is refused and the journal replayed from further back. A topic that adds a field to the
state has nothing to do here, as long as the field is made of what the house makes states of: integers, text, None,
tuples, frozen structs, and the persistent containers of rpds.
"""

from collections.abc import Callable, Iterator
from functools import cache, partial
from hashlib import sha256
from importlib import import_module
from itertools import chain, islice
from types import MappingProxyType, NoneType, UnionType
from typing import Any, Final, Generic, Literal, NamedTuple, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec
from rpds import HashTrieMap, HashTrieSet, List, Queue

from naryq import ledger, messages
from naryq.exchange.state import State
from naryq.messages import Code, Refusal, RulebookText
from naryq.rulebook import Rulebook

MAGIC: Final = b"naryq snapshot 1"
DIGEST_BYTES: Final = 32
ITEMS_A_PIECE: Final = 1_000
"""How much of a container is written in one go: in between, other threads may run."""

LEAVES: Final = (int, str, bool, NoneType)
K = TypeVar("K")
V = TypeVar("V")


class _Map(Generic[K, V]):
    """What `HashTrieMap` means in an annotation; the class itself takes no parameters."""


class _Row(Generic[V]):
    """What `Queue`, `List` and `HashTrieSet` mean in an annotation."""


class _Queue(_Row[V]):
    """A `Queue`."""


class _List(_Row[V]):
    """A `List`."""


class _Set(_Row[V]):
    """A `HashTrieSet`."""


CONTAINERS: Final = MappingProxyType({_Map: HashTrieMap, _Queue: Queue, _List: List, _Set: HashTrieSet})


class Codec(NamedTuple):
    """How a kind of value becomes lists, numbers and text, and is built again."""

    plain: Callable[[Any], Any]
    built: Callable[[Any], Any]


def snapshot(state: State) -> bytes:
    """Return the state as bytes: a mark, the digest of its schema, the digest of what follows, and that."""
    body = msgspec.msgpack.encode(_codec(State).plain(state))
    return MAGIC + schema_digest(State) + sha256(body).digest() + body


def restored(data: bytes) -> State:
    """Return the state that a snapshot was made of.

    Raises:
        Refusal: NOT_SUPPORTED when it was made of a state of another shape, UNREADABLE when it is no whole snapshot.
    """
    mark, rest = data[: len(MAGIC)], data[len(MAGIC) :]
    schema, digest, body = rest[:DIGEST_BYTES], rest[DIGEST_BYTES : 2 * DIGEST_BYTES], rest[2 * DIGEST_BYTES :]
    if mark != MAGIC or len(digest) != DIGEST_BYTES or sha256(body).digest() != digest:
        raise Refusal(Code.UNREADABLE, "this is no whole snapshot", where="snapshot", remedy="Replay the journal.")
    if schema != schema_digest(State):
        raise Refusal(
            Code.NOT_SUPPORTED,
            "the snapshot was made by a program whose state has another shape",
            where="snapshot",
            remedy="Replay the journal.",
        )
    state: State = _codec(State).built(msgspec.msgpack.decode(body))
    return state


# --- How each kind is written ---------------------------------------------------------------------------------------


@cache
def _codec(kind: Any) -> Codec:
    """Return the codec of an annotation; an assertion fails for what no state may hold."""
    return _codec_with_containers(kind) if _holds_containers(kind) else _codec_without_containers(kind)


def _codec_without_containers(kind: Any) -> Codec:
    if _is_leaf(kind):
        return SAME
    if get_origin(kind) is tuple and all(_is_leaf(part) for part in get_args(kind) if part is not ...):
        return Codec(_same, tuple)
    return _flat(kind) if _is_flat(kind) else Codec(_same, partial(msgspec.convert, type=kind))


def _codec_with_containers(kind: Any) -> Codec:
    if kind is Rulebook:
        return Codec(lambda rulebook: rulebook.text, lambda text: Rulebook(msgspec.convert(text, RulebookText)))
    if get_origin(kind) in CONTAINERS:
        return _container(kind)
    if _is_optional(kind):
        return _optional(kind)
    if get_origin(kind) is tuple:
        return _tuple(kind)
    assert isinstance(kind, type), f"no state may hold {kind}"
    return _struct(kind)


def _same(value: Any) -> Any:
    return value


SAME: Final = Codec(_same, _same)


def _container(kind: Any) -> Codec:
    first, last = _codec(get_args(kind)[0]), _codec(get_args(kind)[-1])
    if get_origin(kind) is _Map:
        return Codec(partial(_map_plain, first, last), partial(_map_built, first, last))
    return Codec(partial(_row_plain, first), partial(_row_built, CONTAINERS[get_origin(kind)], first))


def _map_plain(keys: Codec, values: Codec, found: "HashTrieMap[Any, Any]") -> list[msgspec.Raw]:
    """Write a map as pieces of alternating keys and values."""
    items = iter(_items(found))
    if keys is values is SAME:
        return _pieces(chain.from_iterable(items), 2 * ITEMS_A_PIECE)
    return _pieces((part for key, value in items for part in (keys.plain(key), values.plain(value))), 2 * ITEMS_A_PIECE)


def _items(found: "HashTrieMap[K, V]") -> list[tuple[K, V]]:
    """Return a map's items in no order, as it tells a copier: its iterators take the tree apart, ten times slower."""
    reduced: Any = found.__reduce__()
    items: list[tuple[K, V]] = reduced[1][0]
    assert len(items) == len(found), "all items or none"
    return items


def _map_built(keys: Codec, values: Codec, pieces: list[list[Any]]) -> "HashTrieMap[Any, Any]":
    found: dict[Any, Any] = {}
    for piece in pieces:
        found.update(zip(map(keys.built, piece[::2]), map(values.built, piece[1::2]), strict=True))
    return HashTrieMap(found)


def _row_plain(items: Codec, row: Any) -> list[msgspec.Raw]:
    return _pieces(map(items.plain, row), ITEMS_A_PIECE)


def _row_built(make: Callable[[list[Any]], Any], items: Codec, pieces: list[list[Any]]) -> Any:
    return make([items.built(item) for piece in pieces for item in piece])


def _pieces(parts: Iterator[Any], size: int) -> list[msgspec.Raw]:
    pieces = []
    while piece := list(islice(parts, size)):
        pieces.append(msgspec.Raw(msgspec.msgpack.encode(piece)))
    return pieces


def _optional(kind: Any) -> Codec:
    plain, built = _codec(_without_none(kind))
    return Codec(
        lambda value: None if value is None else plain(value), lambda value: None if value is None else built(value)
    )


def _tuple(kind: Any) -> Codec:
    parts = get_args(kind)
    if parts[-1] is ...:
        plain, built = _codec(parts[0])
        return Codec(lambda row: [plain(item) for item in row], lambda row: tuple(built(item) for item in row))
    return _fields([_codec(part) for part in parts], _same, lambda *row: row)


def _struct(kind: type) -> Codec:
    names = _field_names(kind)
    hints = _hints(kind)
    values = tuple if issubclass(kind, tuple) else msgspec.structs.astuple
    return _fields([_codec(hints[name]) for name in names], values, kind)


def _fields(codecs: list[Codec], values: Callable[[Any], Any], make: Callable[..., Any]) -> Codec:
    plains, builts = [codec.plain for codec in codecs], [codec.built for codec in codecs]
    return Codec(
        lambda whole: [plain(value) for plain, value in zip(plains, values(whole), strict=True)],
        lambda row: make(*(built(value) for built, value in zip(builts, row, strict=True))),
    )


def _flat(kind: type) -> Codec:
    """Write a struct of leaves alone: millions of orders are of this kind, so they are built without a check each."""
    values = tuple if issubclass(kind, tuple) else msgspec.structs.astuple
    return Codec(values, lambda row: kind(*row))


# --- What the annotations say ---------------------------------------------------------------------------------------


def schema_digest(kind: Any) -> bytes:
    """Return 32 bytes that change with every name and type of a field, at whatever depth."""
    seen: dict[Any, None] = {}
    _gather(kind, seen)
    return sha256("\n".join(_said(each) for each in seen).encode()).digest()


def _gather(kind: Any, seen: dict[Any, None]) -> None:
    if kind not in seen:
        seen[kind] = None
        for part in _parts(kind):
            _gather(part, seen)


def _said(kind: Any) -> str:
    fields = [f"{name}: {_hints(kind)[name]}" for name in _field_names(kind)]
    return f"{kind} {', '.join(fields)}"


def _parts(kind: Any) -> list[Any]:
    """Return the kinds that a kind is made of."""
    if get_origin(kind) is Literal:
        return []
    hints = _hints(kind) if _field_names(kind) else {}
    inner = RulebookText if kind is Rulebook else None
    return [*(part for part in get_args(kind) if part is not ...), *hints.values(), *([inner] if inner else [])]


@cache
def _holds_containers(kind: Any) -> bool:
    seen: dict[Any, None] = {}
    _gather(kind, seen)
    return any(get_origin(each) in CONTAINERS or each is Rulebook for each in seen)


def _is_leaf(kind: Any) -> bool:
    parts = get_args(kind)
    if get_origin(kind) in {Union, UnionType}:
        return all(_is_leaf(part) for part in parts)
    return kind in LEAVES or get_origin(kind) is Literal


def _is_flat(kind: Any) -> bool:
    return bool(_field_names(kind)) and all(_is_leaf(hint) for hint in _hints(kind).values())


def _is_optional(kind: Any) -> bool:
    return get_origin(kind) in {Union, UnionType} and NoneType in get_args(kind)


def _without_none(kind: Any) -> Any:
    return Union[tuple(part for part in get_args(kind) if part is not NoneType)]  # noqa: UP007 - made at run time


def _field_names(kind: Any) -> tuple[str, ...]:
    if not isinstance(kind, type):
        return ()
    names: tuple[str, ...] = getattr(kind, "__struct_fields__", getattr(kind, "_fields", ()))
    return names


@cache
def _hints(kind: type) -> dict[str, Any]:
    """Return the types of the fields; a container's name stands for what its parameters say.

    An annotation may use an alias of another module, whose own annotations stand in it as text, so the names of the
    rooms below are known besides those of the kind's own module, which come first.
    """
    meant = {"HashTrieMap": _Map, "Queue": _Queue, "List": _List, "HashTrieSet": _Set}
    own = vars(import_module(kind.__module__))
    return get_type_hints(kind, localns={**vars(messages), **vars(ledger), **own, **meant})
