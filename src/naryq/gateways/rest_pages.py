"""Long lists in pages: a page begins behind the last item of the one before, wherever new items have come in."""

from base64 import b64decode, urlsafe_b64encode
from bisect import bisect_right
from collections.abc import Callable, Iterable
from typing import Final, Generic, TypeVar

import msgspec

from naryq.messages import Code, Refusal

LIMIT: Final = 100
LIMIT_MAX: Final = 1_000
T = TypeVar("T")


class Page(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """A part of a list, and the cursor of the next part; null at the end."""

    items: tuple[T, ...]
    next_cursor: str | None


def page(items: Iterable[T], key: Callable[[T], str], cursor: str | None, limit: int) -> Page[T]:
    """Return the items behind a cursor, in the order of their keys, which are unique.

    >>> first = page("cab", str, None, 2)
    >>> first.items, page("cab", str, first.next_cursor, 2).items
    (('a', 'b'), ('c',))
    """
    found = sorted(items, key=key)
    begins = 0 if cursor is None else bisect_right(found, _key_of(cursor), key=key)
    chosen = tuple(found[begins : begins + limit])
    is_last = begins + limit >= len(found)
    return Page(items=chosen, next_cursor=None if is_last or not chosen else _cursor_of(key(chosen[-1])))


def _cursor_of(key: str) -> str:
    return urlsafe_b64encode(key.encode()).decode().rstrip("=")


def _key_of(cursor: str) -> str:
    try:
        return b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    except (ValueError, UnicodeError):
        remedy = "Send the `next_cursor` of the page before as it is, or leave it out."
        raise Refusal(Code.UNKNOWN_OPTION, "this is no cursor", where="cursor", remedy=remedy) from None


def limit_of(given: str | None) -> int:
    """Read how many items a page may have; refuses (OUT_OF_RANGE) what is no number from 1 to the largest."""
    if given is None:
        return LIMIT
    if given.isascii() and given.isdecimal() and len(given) <= len(str(LIMIT_MAX)) and 1 <= int(given) <= LIMIT_MAX:
        return int(given)
    remedy = f"Give a whole number from 1 to {LIMIT_MAX:,}."
    raise Refusal(Code.OUT_OF_RANGE, f"limit is {given!r}", where="limit", remedy=remedy)
