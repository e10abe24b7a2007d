"""The venue from outside: commands, questions and the live stream, over HTTP.

>>> from naryq.client import Client
>>> with Client("http://127.0.0.1:8780", "naryq_...") as venue:  # doctest: +SKIP
...     venue.submit_order(session_id="day", order_id="mine", place="ZH-47", side="sell", price=90_000, lots=5)
...     for message in venue.stream("own", "market/day"):
...         print(message)

Whatever the venue refuses is raised as `naryq.Refusal`, with its code.
"""

from naryq.client.asynchronous import AsyncClient
from naryq.client.synchronous import Client
from naryq.messages.routes import Taken

__all__ = ["AsyncClient", "Client", "Taken"]
