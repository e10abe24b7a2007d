"""Maps as values against dicts: random histories that branch, and threads that read and write at once."""

import pickle
import sys
from collections.abc import Callable, Iterator
from random import Random
from threading import Thread
from typing import Any

import pytest

from naryq import maps
from naryq.maps import MISSING, NEAR, Map

KEYS = 12


@pytest.fixture
def restless() -> Iterator[None]:
    """Let threads take turns as often as the interpreter can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def differs(found: Map[int, int], twin: dict[int, int]) -> bool:
    """Say whether a map is not what a dict says, by any of the ways to ask."""
    asked = {key: found[key] for key in range(KEYS) if key in found}
    by_default = {key: found.get(key, -1) for key in range(KEYS) if found.get(key, -1) != -1}
    listed = dict(zip(found.keys(), found.values(), strict=True))
    return any(each != twin for each in (asked, by_default, listed, dict(found.items()))) or len(found) != len(twin)


def changed(found: Map[int, int], twin: dict[int, int], draw: Random) -> tuple[Map[int, int], dict[int, int]]:
    """Change a map and its twin alike."""
    key, value = draw.randrange(KEYS), draw.randrange(100)
    what = draw.choice(["insert", "remove", "discard"])
    if what == "insert":
        return found.insert(key, value), {**twin, key: value}
    rest = {each: twin[each] for each in twin if each != key}
    if what == "discard" or key in twin:
        return (found.discard if what == "discard" else found.remove)(key), rest
    with pytest.raises(KeyError):
        found.remove(key)
    return found, twin


def history(seed: int, steps: int) -> int:
    """Live a history in which any map of the past may be gone on from; return how many maps ended up wrong."""
    draw, lived = Random(seed), [(Map[int, int](), dict[int, int]())]
    for _ in range(steps):
        back = draw.choice([1, 1, 1, 1, 1, 2, 5, len(lived)])
        lived.append(changed(*lived[-draw.randint(1, min(back, len(lived)))], draw))
        if differs(*lived[draw.randrange(len(lived))]):
            return 1
    return sum(differs(*each) for each in lived)


@pytest.mark.parametrize("seed", range(40))
def test_every_map_of_a_history_stays_what_it_was(seed: int) -> None:
    """After 400 changes, each to any map of the past, every map is still what a dict of its own says."""
    assert history(seed, 400) == 0


@pytest.mark.parametrize("distance", [NEAR - 1, NEAR, NEAR + 1, 3 * NEAR])
def test_a_map_of_long_ago_goes_its_own_way(distance: int) -> None:
    """However far the dict is, an old map that is asked, copied or changed is right, and so is the newest."""
    old = newest = Map({number: number for number in range(NEAR + 9)})
    for number in range(distance):
        newest = newest.insert(number, -1)
    assert old[0] == 0
    branch = old.insert(0, 7).remove(1)
    assert (branch[0], branch.get(1), old[0], old[1]) == (7, None, 0, 1)
    assert (newest[0], newest[distance - 1], len(newest)) == (-1, -1, max(NEAR + 9, distance))
    assert old == Map({number: number for number in range(NEAR + 9)})


def keeps_what_was_not_there(held: dict[int, int], key: int, value: Any) -> None:
    if value is not MISSING:
        held[key] = value


def puts_nothing_back(held: dict[int, int], key: int, value: Any) -> None:
    if value is MISSING:
        held.pop(key, None)


@pytest.mark.parametrize("bug", [keeps_what_was_not_there, puts_nothing_back])
def test_a_careless_way_back_is_caught(bug: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    """The planted bugs: a map that takes the dict back and does not undo all changes is seen by the histories."""
    monkeypatch.setattr(maps, "_put", bug)
    assert any(history(seed, 200) for seed in range(5))


def test_manners() -> None:
    """A map compares by its items, is no key, is pickled as its items, and refuses what is no key without harm."""
    some = Map({"a": 1})
    assert (some == some.insert("b", 2).remove("b"), some == {"a": 1}, repr(some)) == (True, False, "Map({'a': 1})")
    assert pickle.loads(pickle.dumps(some)) == some  # noqa: S301 - our own
    with pytest.raises(TypeError):
        some.insert([], 1)  # type: ignore[call-overload, arg-type, unused-ignore]
    with pytest.raises(TypeError):
        {some: 1}  # noqa: B018
    assert some.insert("a", 3)["a"] == 3


# --- Threads --------------------------------------------------------------------------------------------------------


class Meddler(int):
    """A key that changes a map while it is asked for it, as another thread might: once."""

    meddle: Callable[[], object] | None = None

    def __hash__(self) -> int:
        meddle, self.meddle = self.meddle, None
        if meddle is not None:
            meddle()
        return int.__hash__(self)


def read_amid_a_change(ask: Callable[[Map[int, int], int], object]) -> object:
    """Ask a map of one item for something of its key while the next map is made."""
    at, key = Map({1: 5}), Meddler(1)
    key.meddle = lambda: at.insert(1, -1)
    return ask(at, key)


ASKED: dict[str, tuple[Callable[[Map[int, int], int], object], object]] = {
    "get": (lambda at, key: at.get(key), 5),
    "item": (lambda at, key: at[key], 5),
    "in": (lambda at, key: key in at, True),
    "insert": (lambda at, key: (at.insert(key, 7)[1], at[1]), (7, 5)),
    "remove": (lambda at, key: (1 in at.remove(key), at[1]), (False, 5)),
}


@pytest.mark.parametrize(("ask", "answer"), ASKED.values(), ids=ASKED)
def test_a_reading_amid_a_change_is_made_again(ask: Callable[[Map[int, int], int], object], answer: object) -> None:
    """Whoever changes a map between the steps of a reading or of a change leaves it what it was."""
    assert read_amid_a_change(ask) == answer


def test_a_reading_that_is_not_made_again_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """The planted bug: a map that does not look whether it still has the dict after it was read."""

    def careless(self: Map[int, int], key: int, default: Any = None) -> Any:
        return self._place[0].get(key, default) if isinstance(self._place, list) else self._found(key, default)

    monkeypatch.setattr(Map, "get", careless)
    assert read_amid_a_change(Map.get) == -1


class Shared:
    """The newest map, which all threads see, under whose keys stands one number; and what was read that is not so."""

    def __init__(self) -> None:
        self.newest, self.wrong, self.done = Map(dict.fromkeys(range(8), 0)), list[object](), False

    def write(self) -> None:
        for number in range(1, 4_000):
            at = self.newest
            for key in range(8):
                at = at.insert(key, number)
            self.newest = at
        self.done = True

    def read(self) -> None:
        while not self.done:
            at = self.newest
            self.note([at[key] for key in range(8)])
            self.note(at.values())

    def rehearse(self) -> None:
        while not self.done:
            at = self.newest
            branch = at.insert(2, -5).remove(3)
            self.note([at[key] for key in range(8)])
            self.note([0] if (branch[2], branch.get(3)) == (-5, None) else [1, 2])

    def note(self, seen: list[int]) -> None:
        if seen != [seen[0]] * len(seen):
            self.wrong.append(seen)


@pytest.mark.usefixtures("restless")
@pytest.mark.parametrize("others", [("read", "read", "read"), ("read", "rehearse"), ("rehearse", "rehearse", "read")])
def test_every_thread_sees_one_map_while_another_goes_on(others: tuple[str, ...]) -> None:
    """Whoever has a map reads that map, while a writer makes the next ones and others branch off."""
    shared = Shared()
    threads = [Thread(target=getattr(shared, work)) for work in ("write", *others)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not shared.wrong
