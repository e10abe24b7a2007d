"""What every part of the auditor says of an answer by the reasons for which it must, or may, be a refusal."""

from collections.abc import Iterator
from typing import Any

from naryq import messages as m
from naryq.messages import Code


def misjudged(must: set[Code], may: set[Code], head: Any) -> Iterator[str]:
    """Say where a refusal has none of these reasons, or what must be refused was taken; `head` is the first event."""
    if isinstance(head, m.Refused):
        if head.code not in must | may:
            yield f"refused with {head.code} ({head.what}); permissible: {sorted(must | may) or 'none'}"
    elif must:
        yield f"accepted, though {sorted(must)}"
