"""A map as a value, at the price of a dict to whoever goes on from the newest one.

`insert` and `remove` return another map and leave the old one as it was. All maps that come from one share a single
dict, which the newest has: an older one knows by which key it differs from its neighbour, and asks that. So a change
costs the same however large a map is, and who keeps an old map pays when it is asked. An old map that is changed takes
the dict back where it is near, and a copy of it where it is not.

After H. G. Baker, "Shallow binding makes functional arrays fast", ACM SIGPLAN Notices 26(8), 1991.

>>> old = Map({"a": 1})
>>> new = old.insert("b", 2).remove("a")
>>> old["a"], "b" in old, sorted(new.items())
(1, False, [('b', 2)])
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, Generic, TypeVar, overload

K = TypeVar("K")
V = TypeVar("V")
D = TypeVar("D")

_new: Final = object.__new__
MISSING: Final[Any] = object()
"""What a map has under a key that it does not have."""
NEAR: Final = 256
"""How many changes away the shared dict may be before an old map that is changed takes a dict of its own."""
COPIED_A_STEP: Final = 16
"""How many items are copied in the time of a step along the changes: what is worth a copy, when an old map is asked."""


class Map(Generic[K, V]):
    """A map that never changes, by the words of a dict; its items come in no promised order.

    Any thread may read and change any map, without a lock. Where a map stands is one attribute, read and written at
    once: a list that holds the dict; or a tuple of a key, the value under it, and the map that is equal but for this
    key, which is true for ever. Only who has taken the dict out of its list changes it, and then puts it into another,
    new list. A reader that finds the list empty after it has read looks again.
    """

    __slots__ = ("_length", "_place")

    _place: Any
    _length: int

    def __init__(self, items: Mapping[K, V] | Iterable[tuple[K, V]] = ()) -> None:
        """Make a map of items, which begins a family of its own."""
        held = dict(items)
        self._length = len(held)
        self._place = [held]

    @classmethod
    def holding(cls, held: dict[K, V]) -> "Map[K, V]":
        """Return the map of a dict that nobody else has: it is not copied."""
        made: Map[K, V] = _new(cls)
        made._length, made._place = len(held), [held]
        return made

    @overload
    def get(self, key: K) -> V | None: ...
    @overload
    def get(self, key: K, default: D) -> V | D: ...
    def get(self, key: K, default: Any = None) -> Any:
        """Return what stands under a key, or the default."""
        place = self._place
        if place.__class__ is list:
            try:
                value = place[0].get(key, default)
            except IndexError:
                return self._found(key, default)
            if place:
                return value
        return self._found(key, default)

    def __getitem__(self, key: K) -> V:
        place = self._place
        if place.__class__ is list:
            try:
                value: V = place[0].get(key, MISSING)
            except IndexError:
                value = MISSING
            if place and value is not MISSING:
                return value
        value = self._found(key, MISSING)
        if value is MISSING:
            raise KeyError(key)
        return value

    def __contains__(self, key: object) -> bool:
        place = self._place
        if place.__class__ is list:
            for held in place:
                there: bool = key in held
                if place:
                    return there
        return self._found(key, MISSING) is not MISSING  # type: ignore[arg-type]  # whatever it is, it may be asked for

    def __len__(self) -> int:
        return self._length

    def insert(self, key: K, value: V) -> "Map[K, V]":
        """Return the map with a value under a key, and hand it the dict.

        Many begin with one and the same empty map, so each that comes from an empty one begins a family.
        """
        while True:
            place = self._place
            if place.__class__ is not list:
                self._take()
                continue
            try:
                held = place[0]
                if not held:
                    return Map({key: value})
                before = held.get(key, MISSING)  # A key that is none fails here, where nothing has changed yet.
                place.pop()
            except IndexError:
                continue
            new: Map[K, V] = _new(Map)
            new._place = filled = []
            self._place = (key, before, new)
            if value is MISSING:
                held.pop(key, None)
            else:
                held[key] = value
            new._length = len(held)
            filled.append(held)
            return new

    def remove(self, key: K) -> "Map[K, V]":
        """Return the map without a key; raises `KeyError` where it has none."""
        if key not in self:
            raise KeyError(key)
        return self.insert(key, MISSING)

    def discard(self, key: K) -> "Map[K, V]":
        """Return the map without a key, whether it has it or not."""
        return self.insert(key, MISSING) if key in self else self

    def items(self) -> list[tuple[K, V]]:
        """Return all keys with their values."""
        return list(self.copied().items())

    def keys(self) -> list[K]:
        """Return all keys."""
        return list(self.copied())

    def values(self) -> list[V]:
        """Return all values."""
        return list(self.copied().values())

    def __iter__(self) -> Iterator[K]:
        return iter(self.keys())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Map):
            return NotImplemented
        return self is other or (len(self) == len(other) and self.copied() == other.copied())

    __hash__ = None  # type: ignore[assignment]  # a map holds too much to be a key

    def __repr__(self) -> str:
        return f"Map({self.copied()!r})"

    def __reduce__(self) -> tuple[type["Map[K, V]"], tuple[dict[K, V]]]:
        return Map, (self.copied(),)

    def copied(self) -> dict[K, V]:
        """Return a dict of one's own with all items."""
        while True:
            way, place = self._way()
            for held in place:
                copy = held.copy()
                if place:
                    for _, (key, value, _) in reversed(way):
                        _put(copy, key, value)
                    return copy

    # --- Who has the dict ---------------------------------------------------------------------------------------

    def _found(self, key: K, default: Any) -> Any:
        """Return what stands under a key of a map that has not the dict."""
        at, steps = self, 0
        while steps <= NEAR or COPIED_A_STEP * steps <= self._length:
            place = at._place
            if place.__class__ is list:
                for held in place:
                    value = held.get(key, default)
                    if place:
                        return value
            elif place[0] == key:
                return default if place[1] is MISSING else place[1]
            else:
                at, steps = place[2], steps + 1
        self._place = [self.copied()]
        return self.get(key, default)

    def _way(self) -> tuple[list[tuple["Map[K, V]", Any]], list[dict[K, V]]]:
        """Return the maps from this one to the one that has the dict, with where each stands, and the dict's list."""
        way: list[tuple[Map[K, V], Any]] = []
        at = self
        while (place := at._place).__class__ is not list:
            way.append((at, place))
            at = place[2]
        return way, place

    def _take(self) -> None:
        """Take the dict from the map that has it, or make a copy of it where that is far away."""
        way, place = self._way()
        if len(way) > NEAR:
            self._place = [self.copied()]
            return
        for held in place:
            if not _emptied(place):
                return
            for at, (key, value, neighbour) in reversed(way):
                neighbour._place = (key, held.get(key, MISSING), at)  # noqa: SLF001 - its own kind
                _put(held, key, value)
            self._place = [held]


def _put(held: dict[Any, Any], key: Any, value: Any) -> None:
    """Put a value under a key of a dict, or take the key out."""
    if value is MISSING:
        held.pop(key, None)
    else:
        held[key] = value


def _emptied(place: list[Any]) -> bool:
    """Take out what a list holds; say whether it was there, which it is for one thread."""
    try:
        place.pop()
    except IndexError:
        return False
    return True
