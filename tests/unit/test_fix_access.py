"""Who may log on over FIX, who may ask for what, and what is written down of those who may not."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.fix_venue import Open, Trader, player
from tests.venue_samples import PEOPLE

from naryq.access.principals import Principal
from naryq.gateways.fix.incoming import TAKEN


@pytest.fixture
def play(tmp_path: Path) -> Callable[..., None]:
    """Play a scene before an open venue, by default with a continuous session over butane for KZ-47."""
    return player(tmp_path)


def test_only_who_proves_its_name_logs_on(play: Callable[..., None]) -> None:
    """Without a key, with a wrong one or somebody else's, under another username or none that is known: cut off."""

    async def scene(stage: Open) -> None:
        for name, key, more in (
            ("aktau", "wrong", {}),
            ("aktau", stage.keys["dossor"], {}),
            ("aktau", stage.keys["aktau"], {"t553": "dossor"}),
            ("nobody", stage.keys["aktau"], {}),
        ):
            trader = await Trader(name, stage.sessions).connect(stage.port)
            username = more.get("t553", name)
            await trader.send("A", "98=0", "108=30", f"553={username}", f"554={key}")
            assert await trader.hear() is None
            await trader.cut()
        async with stage.trader("aktau") as trader:
            assert "naryq_" not in trader.all_bytes.decode("latin-1")

    play(scene)


def test_what_the_door_refuses_is_written_down(play: Callable[..., None]) -> None:
    """A logon that fails and a message that becomes no row stand in the log of the door, and no secret does."""

    async def scene(stage: Open) -> None:
        wrong = f"naryq_{'0' * 12}_{'1' * 64}"
        trader = await Trader("aktau", stage.sessions).connect(stage.port)
        await trader.send("A", "98=0", "108=30", f"554={wrong}")
        assert await trader.hear() is None
        await trader.cut()
        async with stage.trader("aktau") as buyer:
            await buyer.order("1", 90_000, 1, "38=1.5")
            await buyer.hear("3")
            await buyer.send("F", "11=f", "41=none", "54=1", "55=ZH-47", "60=20211231-05:00:00")
            await buyer.hear("9")
        found = [(each.act, each.participant_id, each.what) for each in stage.house.access.audit.entries(0, 10)]
        assert [(act, who) for act, who, _ in found] == [("not_authenticated", "aktau"), ("unknown_order", "aktau")]
        assert all("naryq_" not in what and "1" * 64 not in what for _, _, what in found)
        assert found[1][2].startswith("FIX F 3: ")

    play(scene)


def test_a_key_that_is_taken_back_ends_its_session(play: Callable[..., None]) -> None:
    """Whose key was taken back is logged out at the next look, and others stay."""

    async def scene(stage: Open) -> None:
        async with stage.trader("aktau") as buyer, stage.trader("dossor") as other:
            stage.house.access.keys.revoke(stage.keys["aktau"].split("_")[1])
            stage.door.recheck()
            message = await buyer.hear("5")
            assert message is not None
            assert message.get(58) == "The key was taken back"
            await other.nothing()

    play(scene)


def test_a_key_that_only_reads_sends_no_orders(play: Callable[..., None]) -> None:
    """With a key that only reads one may log on and look, and every order is refused."""

    async def scene(stage: Open) -> None:
        reads = Principal("aktau", "a clerk", "", reads_only=True)
        key = await stage.house.access.new_key(reads, "looks", reads)
        trader = await Trader("aktau", stage.sessions).connect(stage.port)
        await trader.log_on(key.text)
        await trader.order("1", 90_000, 1)
        report = await trader.report(t39="8", t103="0")
        assert report.get(58).startswith("not_permitted")
        await trader.send("x", "320=x", "559=4")
        await trader.hear("y")
        await trader.cut()

    play(scene)


def test_a_certificate_is_as_good_as_a_key(play: Callable[..., None]) -> None:
    """Over TLS a counterparty with a certificate of its name needs no password; one of another name does."""
    import ssl  # noqa: PLC0415

    import trustme  # noqa: PLC0415

    authority = trustme.CA()
    served, client, other = (ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), *(ssl.create_default_context() for _ in range(2)))
    authority.issue_cert("127.0.0.1").configure_cert(served)
    authority.configure_trust(served)
    served.verify_mode = ssl.CERT_REQUIRED
    for context, name in ((client, "aktau"), (other, "dossor")):
        authority.issue_cert(f"{name}.example", common_name=name).configure_cert(context)
        authority.configure_trust(context)

    async def scene(stage: Open) -> None:
        trader = await Trader("aktau", stage.sessions).connect(stage.port, client)
        await trader.send("A", "98=0", "108=30")
        assert (await trader.hear("A")) is not None
        await trader.cut()
        trader = await Trader("aktau", stage.sessions).connect(stage.port, other)
        await trader.send("A", "98=0", "108=30")
        assert await trader.hear() is None
        await trader.cut()

    play(scene, tls=served)


MATRIX: dict[str, dict[str, str]] = {
    "D": {"seller": "8:0", "buyer": "8:0", "operator": "8:8", "regulator": "8:8", "observer": "8:8"},
    "G": dict.fromkeys(("seller", "buyer", "operator", "regulator", "observer"), "9"),
    "F": dict.fromkeys(("seller", "buyer", "operator", "regulator", "observer"), "9"),
    "H": dict.fromkeys(("seller", "buyer", "operator", "regulator", "observer"), "8:I"),
    "q": {"seller": "r:7", "buyer": "r:7", "operator": "r:0", "regulator": "r:0", "observer": "r:0"},
    "V": dict.fromkeys(("seller", "buyer", "operator", "regulator", "observer"), "W"),
    "x": dict.fromkeys(("seller", "buyer", "operator", "regulator", "observer"), "y"),
    "g": dict.fromkeys(("seller", "buyer", "operator", "regulator", "observer"), "h"),
}
"""Message and role -> the kind of the answer, with its ExecType (150) or MassCancelResponse (531)."""
ASKED = {
    "G": ["11=g", "41=none", "38=1", "40=2", "44=1", "54=1", "55=ZH-47", "60=20211231-06:00:00"],
    "F": ["11=f", "41=none", "54=1", "55=ZH-47", "60=20211231-06:00:00"],
    "H": ["11=h", "54=1", "55=ZH-47"],
    "q": ["11=q", "530=7", "60=20211231-06:00:00"],
    "V": ["262=v", "263=0", "264=0", "267=1", "269=0", "146=1", "55=ZH-47"],
    "x": ["320=x", "559=4"],
    "g": ["335=g", "263=0"],
}


def test_the_matrix_has_every_message_and_every_role() -> None:
    """Every kind of message that is taken stands in the matrix, under every role."""
    assert set(MATRIX) == TAKEN
    assert all(set(row) == set(PEOPLE.values()) for row in MATRIX.values())


def test_every_role_gets_its_answer_to_every_message(play: Callable[..., None]) -> None:
    """Only sellers and buyers trade; everybody may ask what is public and what is his own."""
    people = {role: person for person, role in PEOPLE.items()}

    async def scene(stage: Open) -> None:
        for role, person in people.items():
            async with stage.trader(person) as trader:
                found = {}
                for kind in "DGFHqVxg":
                    if kind == "D":
                        side = "2" if role == "seller" else "1"
                        await trader.order(side, 70_000 if side == "1" else 99_000, 1, name="d")
                    else:
                        await trader.send(kind, *ASKED[kind])
                    message = await trader.hear()
                    assert message is not None
                    told = message.get(150) or message.get(531)
                    found[kind] = f"{message.kind}:{told}" if told else message.kind
                    if found[kind] == "r:7":
                        await trader.report(t150="4")
            assert found == {kind: row[role] for kind, row in MATRIX.items()}

    play(scene)
