"""Who is at the door: principals and their secrets, in one file of its own that is never part of the journal."""

from naryq.access.access import Access
from naryq.access.principals import Principal

__all__ = ["Access", "Principal"]
