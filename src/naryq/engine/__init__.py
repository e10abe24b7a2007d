"""The one writer: it takes commands, decides them, makes them durable in groups, and only then answers.

    received -> decided -> appended -> synced -> evolved -> acknowledged -> published

Nothing is acknowledged that is not durable. Recovery is the same path without the deciding: every row is decoded and
applied, whether it was written a moment ago or last year. When it is unknown whether a group was kept, everybody in
it is told so and the engine stops; a new engine over the reopened journal knows, and a retry with the same command_id
takes effect once.
"""

from naryq.engine.answers import NOT_KEPT, Answer, Promise
from naryq.engine.apart import EngineApart
from naryq.engine.collector import collect_lightly
from naryq.engine.recovery import OnEntry, ignore
from naryq.engine.snapshot_check import SnapshotCheck
from naryq.engine.writer import BATCH_LIMIT, QUEUE_LIMIT, Engine

__all__ = [
    "BATCH_LIMIT",
    "NOT_KEPT",
    "QUEUE_LIMIT",
    "Answer",
    "Engine",
    "EngineApart",
    "OnEntry",
    "Promise",
    "SnapshotCheck",
    "collect_lightly",
    "ignore",
]
