"""`naryq fix`: the FIX acceptor's session layer on its own, for suites that try it."""

import asyncio
import time

import click


@click.group()
def fix() -> None:
    """Try the FIX acceptor."""


@fix.command()
@click.option("--port", type=click.IntRange(0, 65535), default=9880, show_default=True, help="The port; 0 takes any.")
@click.option("--sender", required=True, help="Our name: the TargetCompID of whoever connects.")
@click.option("--target", required=True, help="The name of whoever connects: its SenderCompID.")
def conformance(port: int, sender: str, target: str) -> None:
    """Serve the session layer alone on 127.0.0.1 until Ctrl-C.

    It takes a logon without a password, begins at number one with each, and returns every NewOrderSingle as it came.
    """
    asyncio.run(_serve(port, sender, target))


async def _serve(port: int, sender: str, target: str) -> None:
    from naryq.gateways.fix.acceptor import Acceptor  # noqa: PLC0415 - late, so that help does not pay for it
    from naryq.gateways.fix.conformance import Echo  # noqa: PLC0415 - as above
    from naryq.gateways.fix.store import MemoryStore  # noqa: PLC0415 - as above

    acceptor = Acceptor(sender, MemoryStore(), time.time_ns)
    Echo(acceptor, target)
    async with acceptor.listening("127.0.0.1", port) as taken:
        click.echo(f"FIX 4.4, session layer alone: 127.0.0.1:{taken}  (Ctrl-C ends it)")
        await asyncio.Event().wait()
