"""QuickFIX itself as the counterparty, where it is installed: it is built for minutes, so no set-up of ours brings it.

Where it is not, this module has no tests; the counterparty that is always there stands in `test_foreign_fix.py`.
"""

import asyncio
import time
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests.fix_venue import VENUE, Open, venue
from tests.scenarios.test_foreign_fix import relay
from tests.trading_samples import bid, trading

from naryq.messages import SubmitOrder

PATIENCE_SECONDS = 30.0
SETTINGS = """
[DEFAULT]
ConnectionType=initiator
ReconnectInterval=1
FileStorePath={folder}/store
FileLogPath={folder}/log
StartTime=00:00:00
EndTime=00:00:00
HeartBtInt=30
UseDataDictionary=Y
DataDictionary={dictionary}

[SESSION]
BeginString=FIX.4.4
SenderCompID={name}
TargetCompID={venue}
SocketConnectHost=127.0.0.1
SocketConnectPort={port}
"""
NAME = "zhanaozen"

if find_spec("quickfix") is not None:
    import quickfix

    class Peer(quickfix.Application):  # type: ignore[misc]  # it has no types
        """QuickFIX's application: it says its password, and hands what it hears to our loop."""

        def __init__(self, key: str) -> None:
            super().__init__()
            self.key = key
            self.loop = asyncio.get_running_loop()
            self.heard: asyncio.Queue[Any] = asyncio.Queue()
            self.session: Any = None

        def onCreate(self, session: Any) -> None:  # noqa: N802 - QuickFIX's own names
            """Remember the session."""
            self.session = session

        def onLogon(self, _: Any) -> None:  # noqa: N802 - as above
            """Tell of it."""
            self._tell("logon")

        def onLogout(self, _: Any) -> None:  # noqa: N802 - as above
            """Tell of it."""
            self._tell("logout")

        def toAdmin(self, message: Any, _: Any) -> None:  # noqa: N802 - as above
            """Say who we are at a logon."""
            if "\x0135=A\x01" in message.toString():
                message.setField(553, NAME)
                message.setField(554, self.key)

        def fromAdmin(self, message: Any, _: Any) -> None:  # noqa: N802 - as above
            """Tell of what was rejected."""
            if "\x0135=3\x01" in message.toString():
                self._tell(f"rejected {message.toString()}")

        def toApp(self, message: Any, _: Any) -> None:  # noqa: N802 - as above
            """Do nothing."""

        def fromApp(self, message: Any, _: Any) -> None:  # noqa: N802 - as above
            """Tell of a report: its ClOrdID, ExecType and CumQty."""
            self._tell(tuple(message.getField(tag) for tag in (11, 150, 14)))

        def _tell(self, what: Any) -> None:
            self.loop.call_soon_threadsafe(self.heard.put_nowait, what)

        async def next(self) -> Any:
            """Return what is heard next."""
            return await asyncio.wait_for(self.heard.get(), PATIENCE_SECONDS)

        def order(self, name: str, price: int, lots: int) -> None:
            """Send an order to sell."""
            message = quickfix.Message()
            message.getHeader().setField(35, "D")
            for tag, value in ((11, name), (38, lots), (40, 2), (44, price), (54, 2), (55, "ZH-47")):
                message.setField(tag, str(value))
            message.setField(60, "20211231-06:00:00")
            session = quickfix.Group(386, 336)
            session.setField(336, "day")
            message.addGroup(session)
            quickfix.Session.sendToTarget(message, self.session)

    def test_quickfix_trades_is_cut_off_and_recovers(tmp_path: Path) -> None:
        """QuickFIX reads our dictionary, trades, loses an order and a report to a cut, and has both afterwards."""

        async def scene(stage: Open) -> None:
            async with relay(stage.port) as line:
                peer = Peer(stage.keys[NAME])
                settings = await asyncio.to_thread(_settings, tmp_path, line.port)
                store, log = quickfix.FileStoreFactory(settings), quickfix.FileLogFactory(settings)
                initiator = quickfix.SocketInitiator(peer, store, settings, log)
                initiator.start()
                try:
                    assert await peer.next() == "logon"
                    peer.order("one", 90_000, 5)
                    assert await peer.next() == ("one", "0", "0")
                    line.is_deaf = True
                    peer.order("two", 91_000, 3)
                    await asyncio.sleep(0.2)
                    line.cut()
                    await stage.must(SubmitOrder, "aktau", **bid("b1", 90_000, 2))
                    line.mend()
                    assert [await peer.next() for _ in range(2)] == ["logout", "logon"]
                    assert {await peer.next() for _ in range(2)} == {("one", "F", "2"), ("two", "0", "0")}
                    assert len(stage.house.state.sessions["day"].orders) == 2
                finally:
                    await asyncio.to_thread(initiator.stop)

        async def acted() -> None:
            async with venue(trading(), tmp_path / "venue", clock=time.time_ns) as stage:
                await scene(stage)

        asyncio.run(acted())

    def _settings(folder: Path, port: int) -> Any:
        dictionary = files("naryq.gateways.fix") / "naryq-fix44.xml"
        text = SETTINGS.format(folder=folder, dictionary=dictionary, name=NAME, venue=VENUE, port=port)
        path = folder / "quickfix.cfg"
        path.write_text(text, encoding="utf-8")
        return quickfix.SessionSettings(str(path))
