"""Naryq: an open electronic pricing system for a fuel that is leaving price regulation."""

if not __debug__:
    raise RuntimeError(
        "Naryq keeps its assertions on: they guard money. Start Python without -O and without PYTHONOPTIMIZE."
    )

from functools import wraps
from importlib import import_module
from time import monotonic_ns
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from naryq.market.batch import Clearings, clear_batch
    from naryq.market.book import Book
    from naryq.market.clearing import Clearing, clear
    from naryq.market.standard import StandardAuction, standard_auction
    from naryq.market.standard_awards import StandardResult
    from naryq.messages import Code, Refusal

__all__ = [
    "Book",
    "Clearing",
    "Clearings",
    "Code",
    "Refusal",
    "StandardAuction",
    "StandardResult",
    "clear",
    "clear_batch",
    "standard_auction",
]
__version__ = "0.1.0"


_HOMES = MappingProxyType(
    {
        "Book": "naryq.market.book",
        "Clearing": "naryq.market.clearing",
        "Clearings": "naryq.market.batch",
        "Code": "naryq.messages",
        "Refusal": "naryq.messages",
        "StandardAuction": "naryq.market.standard",
        "StandardResult": "naryq.market.standard_awards",
        "clear": "naryq.market.clearing",
        "clear_batch": "naryq.market.batch",
        "standard_auction": "naryq.market.standard",
    }
)


def __getattr__(name: str) -> Any:
    """Load a public name only when it is asked for: `naryq --help` must pay neither for kernels nor for messages."""
    if name in _HOMES:
        found = getattr(import_module(_HOMES[name]), name)
        return _with_clock(found) if name == "clear" else found
    raise AttributeError(f"module 'naryq' has no attribute {name!r}")


def __dir__() -> list[str]:
    """Name what the library offers, loaded or not, so that an editor or a notebook can complete it."""
    return sorted([*__all__, "__version__"])


def _with_clock(clear: Any) -> Any:
    """Give `clear` the machine's clock, which it needs for a time limit and must not fetch itself.

    The rooms below the engine read no clock (docs/decisions/0012-a-clock-at-the-door.md).
    """

    @wraps(clear)
    def timed(*arguments: Any, **options: Any) -> Any:
        return clear(*arguments, **{"clock": monotonic_ns, **options})

    return timed
