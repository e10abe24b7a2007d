"""The reasons of a price in three languages and as data, from whole markets."""

import json

import pytest

import naryq

ORDERS = {
    "order_id": [1, 2, 3, 4],
    "place": ["Павлодар", "Павлодар", "Астана", "Астана"],
    "side": ["sell", "sell", "buy", "buy"],
    "price": [80_000, 90_000, 120_000, 110_000],
    "quantity": [10, 10, 8, 9],
}
LINKS = {"source": ["Павлодар"], "target": ["Астана"], "capacity": [12], "tariff": [12_000]}


def test_a_price_set_at_home_behind_a_full_link() -> None:
    """The whole sentence names the order and the full link with its rent, in each language."""
    why = naryq.clear(ORDERS, LINKS).why("Астана")
    assert why.say("kk") == (
        "Астана: баға тоннасына 110 000 теңге; бағаны белгілеген өтінім: 4; толық жүктелген бағыт: "
        "Павлодар → Астана (12 лот, артық жүктеме рентасы тоннасына 8 000)."
    )
    assert why.say("ru") == (
        "Астана: цена 110 000 тенге за тонну; цену определяет заявка 4; полностью загружено направление: "
        "Павлодар → Астана (12 лотов, перегрузочная рента 8 000 за тонну)."
    )
    assert why.say("en") == why.text == str(why)


def test_a_price_set_elsewhere() -> None:
    """A price that comes from another place names it, its orders and the transport, in each language."""
    why = naryq.clear(ORDERS, LINKS | {"capacity": [40]}).why("Астана")
    assert (why.set_at, why.set_price) == ("Павлодар", 90_000)
    assert why.say("kk") == (
        "Астана: баға тоннасына 102 000 теңге; "
        "негізі — Павлодар бағасы: 90 000 (өтінім: 2), оған тасымал құны 12 000 қосылған."
    )
    assert why.say("ru") == (
        "Астана: цена 102 000 тенге за тонну; основа — цена места Павлодар: 90 000 (заявка 2), плюс перевозка 12 000."
    )


@pytest.mark.parametrize(("limit", "ru"), [("cap", "действует верхний предел цены"), ("x", "действует ограничение: x")])
def test_a_limit_that_binds_is_said(limit: str, ru: str) -> None:
    """A limit that whoever holds it fills in is said by its own clause, or by its name."""
    why = naryq.clear(ORDERS, LINKS).why("Павлодар")._replace(limits=(limit,))
    assert f"; {ru}; " in why.say("ru")


def test_reasons_as_data() -> None:
    """The reasons are ready for JSON, links and sentences with them."""
    why = naryq.clear(ORDERS, LINKS).why("Астана")
    data = json.loads(json.dumps(why.as_data()))
    assert data["marginal_orders"] == [4]
    assert data["full_links"][0]["congestion_rent"] == 96_000
    assert data["text"] == {language: why.say(language) for language in ("en", "kk", "ru")}


def test_participants_on_request() -> None:
    """On request the sentence tells of who cannot be replaced, and then of who moves the price the most."""
    orders = ORDERS | {"participant": ["A", "B", "C", "C"]}
    result = naryq.clear(orders, LINKS | {"capacity": [40]})
    assert result.why("Астана").pivotal == ()
    why = result.why("Астана", pivotal=True)
    assert why.text.endswith(
        "; without C there would be no price; without C the others could not take 17 lots, at any price; "
        "without A the price would be 110 000; without A the others could not supply 7 lots, at any price."
    )
    assert why.say("ru").endswith("; без участника A ни при какой цене не хватило бы 7 лотов.")
    assert [one["participant"] for one in why.as_data()["pivotal"]] == ["A", "B", "C"]


def test_a_participant_who_only_moves_the_price() -> None:
    """Where the others could do it, the sentence says at which price they would."""
    orders = {"order_id": [1, 2, 3], "place": ["A"] * 3, "side": ["sell", "sell", "buy"], "price": [10, 20, 30]}
    market = orders | {"quantity": [5, 5, 5], "participant": ["cheap", "dear", None]}
    why = naryq.clear(market, price_rule="lowest").why("A", pivotal=True)
    assert why.text.endswith("; without cheap the price would be 20.")
    assert why.say("kk").endswith("; cheap болмаса, баға 20 болар еді.")


def test_a_price_that_would_be_gone() -> None:
    """Without the only order of a place it would have no price, and the sentence says so."""
    orders = {"order_id": [1], "place": ["A"], "side": ["buy"], "price": [9], "quantity": [1], "participant": [5]}
    assert (
        naryq.clear(orders).why("A", pivotal=True).text.endswith("order 1 sets it; without 5 there would be no price.")
    )


def test_a_notebook_shows_the_sentence() -> None:
    """The notebook form is the sentence, whatever the place is called."""
    orders = {"order_id": [1], "place": ["<b>"], "side": ["buy"], "price": [9], "quantity": [1]}
    assert naryq.clear(orders).why("<b>")._repr_html_().startswith("<p>The price in &lt;b&gt; is 9 tenge a tonne")


def test_a_paradoxically_rejected_order_is_told_of_at_its_place() -> None:
    """A whole train that the price would pay and that cannot run is named with what it loses, at its place alone."""
    orders = {
        "order_id": ["train", "tank", "station", "depot", "far"],
        "place": ["A", "A", "A", "A", "B"],
        "side": ["sell", "sell", "buy", "buy", "sell"],
        "price": [80_000, 95_000, 120_000, 90_000, 70_000],
        "quantity": [20, 12, 12, 3, 4],
        "min_quantity": [20, None, None, None, None],
    }
    result = naryq.clear(orders, price_rule="lowest")
    why = result.why("A")
    assert [one.order_id for one in why.paradoxical] == ["train"]
    assert repr(result).endswith("rejected though the price would pay: 1 order, which loses 300 000")
    assert "; order train would gain 300 000 and is rejected: with it no price pays" in why.text
    assert "; заявка train выиграла бы 300 000, но отклонена: " in why.say("ru")
    assert why.as_data()["paradoxical"] == [{"order_id": "train", "loss": 300_000, "because": "prices"}]
    assert result.why("B").paradoxical == ()


@pytest.mark.parametrize(("column", "because"), [("group", "group"), ("parent", "parent")])
def test_other_reasons_to_reject_an_order(column: str, because: str) -> None:
    """Another order of the group, and a parent that does not execute, are said as such."""
    orders = {
        "order_id": [1, 2, 3, 4],
        "place": ["A"] * 4,
        "side": ["sell", "sell", "buy", "sell"],
        "price": [10, 20, 30, 99],
        "quantity": [5, 5, 5, 5],
        column: [7, 7, None, None] if column == "group" else [4, None, None, None],
    }
    why = naryq.clear(orders, price_rule="highest").why("A")
    assert {one.because for one in why.paradoxical} == {because}
    assert " is rejected: " in why.text
