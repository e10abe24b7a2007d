"""Naryq: an open electronic pricing system for a fuel that is leaving price regulation."""

if not __debug__:
    raise RuntimeError(
        "Naryq keeps its assertions on: they guard money. Start Python without -O and without PYTHONOPTIMIZE."
    )

from typing import TYPE_CHECKING, Any

from naryq.messages import Code, Refusal

if TYPE_CHECKING:
    from naryq.market.clearing import Clearing, clear

__all__ = ["Clearing", "Code", "Refusal", "clear"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Load the kernels only when they are asked for: `naryq --help` must not pay for the compiler."""
    if name in {"clear", "Clearing"}:
        from naryq.market import clearing  # noqa: PLC0415 - late on purpose, see above

        return getattr(clearing, name)
    raise AttributeError(f"module 'naryq' has no attribute {name!r}")
