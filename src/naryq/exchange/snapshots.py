"""The state as bytes and back, driven by the types of its fields.

A snapshot saves replaying, and nothing else: the journal stays the truth, and a snapshot that is damaged, or was made
of a state of another shape, is refused and the journal replayed from further back. A topic that adds a field to the
state has nothing to do here, as long as the field is made of what the house makes states of: integers, text, None,
tuples, frozen structs, and maps.
"""

from collections.abc import Callable, Iterable
from functools import cache, partial
from hashlib import sha256
from importlib import import_module
from itertools import starmap
from types import NoneType, UnionType
from typing import Any, Final, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

import msgspec

from naryq import ledger, messages
from naryq.exchange.state import State
from naryq.maps import Map
from naryq.messages import Code, Refusal, RulebookText
from naryq.rulebook import Rulebook

MAGIC: Final = b"naryq snapshot 2"
DIGEST_BYTES: Final = 32
LONG: Final = 1
"""Marks a number that has too many bits to be written as one."""
LONG_BITS: Final = 64

FOLD_VERSION: Final = 4
"""Raised when events are folded into another state than before, which `tests/unit/test_fold_version.py` notices."""

LEAVES: Final = (int, str, bool, NoneType)


class Codec(NamedTuple):
    """How a kind of value becomes lists, dicts, numbers and text, and is built again."""

    plain: Callable[[Any], Any]
    built: Callable[[Any], Any]
    all_plain: Callable[[Iterable[Any]], Iterable[Any]]
    all_built: Callable[[Iterable[Any]], Iterable[Any]]
    """The same for many at once: there are millions of some kinds."""


def snapshot(state: State) -> bytes:
    """Return the state as bytes: a mark, the digest of its making, the digest of what follows, and that."""
    body = _packed(_codec(State).plain(state))
    return MAGIC + _made_by() + sha256(body).digest() + body


def _packed(plain: Any) -> bytes:
    """Return lists, dicts, numbers and text as bytes.

    MessagePack has no number of more than 64 bits. No amount of a message has so many either, but nothing bounds what
    an account sums up: orders beyond all sense may bring it there. Such a number is written as text, marked as one.
    """
    try:
        return msgspec.msgpack.encode(plain)
    except OverflowError:
        return msgspec.msgpack.encode(_marked(msgspec.to_builtins(plain)))


def _marked(plain: Any) -> Any:
    if isinstance(plain, dict):
        return {key: _marked(value) for key, value in plain.items()}
    if isinstance(plain, list | tuple):
        return [_marked(value) for value in plain]
    is_long = isinstance(plain, int) and plain.bit_length() >= LONG_BITS
    return msgspec.msgpack.Ext(LONG, str(plain).encode()) if is_long else plain


def _unmarked(code: int, text: memoryview) -> int:
    assert code == LONG, "nothing else is marked"
    return int(bytes(text))


def _made_by() -> bytes:
    """Return the digest of what must be the same for a state to be believed: the shape of it, and how events fold."""
    return sha256(schema_digest(State) + FOLD_VERSION.to_bytes(8)).digest()


def restored(data: bytes) -> State:
    """Return the state that a snapshot was made of.

    Raises:
        Refusal: NOT_SUPPORTED when it was made of a state of another shape, UNREADABLE when it is no whole snapshot.
    """
    mark, rest = data[: len(MAGIC)], data[len(MAGIC) :]
    made_by, digest, body = rest[:DIGEST_BYTES], rest[DIGEST_BYTES : 2 * DIGEST_BYTES], rest[2 * DIGEST_BYTES :]
    if mark != MAGIC or len(digest) != DIGEST_BYTES or sha256(body).digest() != digest:
        raise Refusal(Code.UNREADABLE, "this is no whole snapshot", where="snapshot", remedy="Replay the journal.")
    if made_by != _made_by():
        raise Refusal(
            Code.NOT_SUPPORTED,
            "the snapshot was made by a program whose state has another shape, or which folds events otherwise",
            where="snapshot",
            remedy="Replay the journal.",
        )
    state: State = _codec(State).built(msgspec.msgpack.decode(body, ext_hook=_unmarked))
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
        return _made(_same, tuple)
    return _flat(kind) if _is_flat(kind) else _made(_same, partial(msgspec.convert, type=kind))


def _codec_with_containers(kind: Any) -> Codec:
    if kind is Rulebook:
        return _made(lambda rulebook: rulebook.text, lambda text: Rulebook(msgspec.convert(text, RulebookText)))
    if get_origin(kind) is Map:
        return _map(*map(_codec, get_args(kind)))
    if _is_optional(kind):
        return _optional(kind)
    if get_origin(kind) is tuple:
        return _tuple(kind)
    assert isinstance(kind, type), f"no state may hold {kind}"
    return _struct(kind)


def _same(value: Any) -> Any:
    return value


SAME: Final = Codec(_same, _same, _same, _same)


def _made(plain: Callable[[Any], Any], built: Callable[[Any], Any]) -> Codec:
    return Codec(plain, built, partial(map, plain), partial(map, built))


def _map(keys: Codec, values: Codec) -> Codec:
    """Write a map whose keys are leaves as it is, and any other as the list of its keys and the list of its values."""
    if keys is values is SAME:
        return _made(Map.copied, Map.holding)
    if keys is SAME:
        return _made(
            partial(_with_values, values.all_plain), lambda found: Map.holding(_with_values(values.all_built, found))
        )
    return _made(
        lambda found: [list(keys.all_plain(found.keys())), list(values.all_plain(found.values()))],
        lambda both: Map(zip(keys.all_built(both[0]), values.all_built(both[1]), strict=True)),
    )


def _with_values(change: Callable[[Iterable[Any]], Iterable[Any]], found: Map[Any, Any] | dict[Any, Any]) -> Any:
    return dict(zip(found.keys(), change(found.values()), strict=True))


def _optional(kind: Any) -> Codec:
    inner = _codec(_without_none(kind))
    return _made(
        lambda value: None if value is None else inner.plain(value),
        lambda value: None if value is None else inner.built(value),
    )


def _tuple(kind: Any) -> Codec:
    parts = get_args(kind)
    if parts[-1] is ...:
        inner = _codec(parts[0])
        return _made(lambda row: list(inner.all_plain(row)), lambda row: tuple(inner.all_built(row)))
    return _fields([_codec(part) for part in parts], _same, lambda *row: row)


def _struct(kind: type) -> Codec:
    names = _field_names(kind)
    hints = _hints(kind)
    return _fields([_codec(hints[name]) for name in names], _values_of(kind), kind)


def _fields(codecs: list[Codec], values: Callable[[Any], Any], make: Callable[..., Any]) -> Codec:
    plains, builts = [codec.plain for codec in codecs], [codec.built for codec in codecs]
    return _made(
        lambda whole: [plain(value) for plain, value in zip(plains, values(whole), strict=True)],
        lambda row: make(*(built(value) for built, value in zip(builts, row, strict=True))),
    )


def _flat(kind: type) -> Codec:
    """Write a struct of leaves alone: millions of orders are of this kind, so they are built without a check each."""
    values = _values_of(kind)
    return Codec(values, lambda row: kind(*row), partial(map, values), partial(starmap, kind))


def _values_of(kind: type) -> Callable[[Any], Any]:
    return tuple if issubclass(kind, tuple) else msgspec.structs.astuple


# --- What the annotations say ---------------------------------------------------------------------------------------


@cache
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
    return any(get_origin(each) is Map or each is Rulebook for each in seen)


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
    """Return the types of the fields.

    An annotation may use an alias of another module, whose own annotations stand in it as text, so the names of the
    rooms below are known besides those of the kind's own module, which come first.
    """
    own = vars(import_module(kind.__module__))
    return get_type_hints(kind, localns={**vars(messages), **vars(ledger), **own})
