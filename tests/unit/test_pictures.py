"""Pictures of a clearing: the same bytes on each run, whatever the caller's settings, and refusals in plain words."""

import hashlib
import subprocess
import sys
import xml.etree.ElementTree as ET
from typing import Any

import matplotlib as mpl
import pytest
from matplotlib.figure import Figure
from tests.market_oracles import random_market

import naryq
from naryq.market.curves import Arc, Step
from naryq.pictures import bids, curve, flows
from naryq.pictures.layout import MOST_COLUMNS, laid_out

ORDERS: dict[str, list[Any]] = {
    "order_id": [1, 2, 3, 4],
    "place": ["Павлодар", "Павлодар", "<A&$b$>", "<A&$b$>"],
    "side": ["sell", "sell", "buy", "buy"],
    "price": [80_000, 90_000, 120_000, 110_000],
    "quantity": [10, 10, 8, 9],
}
LINKS: dict[str, list[Any]] = {
    "source": ["Павлодар", "<A&$b$>"],
    "target": ["<A&$b$>", "Ақтау"],
    "capacity": [12, 7],
    "tariff": [12_000, 9],
}
PROGRAM = """
import hashlib, naryq
orders, links = {orders!r}, {links!r}
result = naryq.clear(orders, links)
for place in ("<A&$b$>", None):
    for kind in ("svg", "png"):
        print(hashlib.sha256(result.picture(place, kind=kind, language="kk")).hexdigest())
"""


def test_the_same_picture_on_each_run() -> None:
    """Another process, whose hashes fall otherwise, draws the same bytes, in both kinds and of both subjects."""
    result = naryq.clear(ORDERS, LINKS)
    drawn = [
        hashlib.sha256(result.picture(place, kind=kind, language="kk")).hexdigest()
        for place in ("<A&$b$>", None)
        for kind in ("svg", "png")
    ]
    program = PROGRAM.format(orders=ORDERS, links=LINKS)
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert printed.split() == drawn


def test_a_callers_style_neither_shapes_a_picture_nor_is_changed() -> None:
    """Settings of the caller's own leave the picture as it is, and are as they were after it."""
    result = naryq.clear(ORDERS, LINKS)
    before = result.picture("Павлодар")
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "black", "svg.hashsalt": "mine"}):
        kept = dict(mpl.rcParams)
        assert result.picture("Павлодар") == before
        assert dict(mpl.rcParams) == kept


@pytest.mark.parametrize("place", ["Павлодар", "<A&$b$>", "Ақтау", None])
@pytest.mark.parametrize("language", ["en", "kk", "ru"])
def test_both_kinds_are_what_they_say(place: str | None, language: str) -> None:
    """An SVG is one well-formed element with a title, a PNG has its signature, and neither names a date."""
    result = naryq.clear(ORDERS, LINKS)
    svg = result.picture(place, language=language)
    root = ET.fromstring(svg)  # noqa: S314 - we have just written it
    assert root.tag.endswith("}svg")
    assert root.findtext("{http://www.w3.org/2000/svg}title")
    assert b"<dc:date>" not in svg
    assert result.picture(place, kind="png", language=language).startswith(b"\x89PNG\r\n")


@pytest.mark.parametrize(
    "shape", ["mixed", "only sellers", "only buyers", "huge prices", "one price", "circle", "sparse"]
)
def test_every_market_has_a_picture(shape: str) -> None:
    """Odd markets draw without a warning: nothing traded, one side alone, prices near 10**12, no price at all."""
    orders, links = random_market(1, shape)
    result = naryq.clear(orders, links)
    assert result.picture().startswith(b"<?xml")
    for place in list(result.prices)[:2]:
        assert result.picture(place).startswith(b"<?xml")


def test_markets_without_orders_or_places() -> None:
    """Where there is nothing to show, the picture is an empty one."""
    empty: dict[str, list[Any]] = {name: [] for name in ORDERS}
    assert naryq.clear(empty).picture(kind="png")
    assert naryq.clear(empty, LINKS).picture("Ақтау", kind="png")


@pytest.mark.parametrize("name", ["$x_1$", "<b>&", "a\x00b", "\ud800", " ", "\u202eabc", "a\nb", "x" * 3_000, "\ufffe"])
def test_any_name_can_be_drawn(name: str) -> None:
    """Whatever stands in a name, however long, the SVG is well-formed, and a PNG comes without a warning."""
    orders = {
        "order_id": [name, "2"],
        "place": [name, "B"],
        "side": ["sell", "buy"],
        "price": [1, 5],
        "quantity": [3, 3],
    }
    links = {"source": [name], "target": ["B"], "capacity": [2], "tariff": [1]}
    result = naryq.clear(orders, links)
    for place in (name, "B", None):
        ET.fromstring(result.picture(place))  # noqa: S314 - we have just written it
        assert result.picture(place, kind="png").startswith(b"\x89PNG")


def test_a_long_curve_is_drawn_by_fewer_steps() -> None:
    """Of very many steps neighbours are joined, and no lot is lost."""
    steps = [Step(price, 2, "B" if price == 7 else None) for price in range(4_000)]
    fewer = curve._fewer(steps)
    assert len(fewer) <= curve.DRAWN_STEPS + 2
    assert sum(step.lots for step in fewer) == 8_000
    assert curve._fewer(steps[:5]) == steps[:5]


def chain(count: int) -> tuple[dict[str, list[Any]], dict[str, list[Any]]]:
    names = [f"P{number:02d}" for number in range(count)]
    orders: dict[str, list[Any]] = {"order_id": [1, 2], "place": [names[0], names[-1]], "side": ["sell", "buy"]}
    links: dict[str, list[Any]] = {"source": names[:-1], "target": names[1:], "capacity": [9] * (count - 1)}
    return orders | {"price": [1, 99], "quantity": [4, 4]}, links | {"tariff": [1] * (count - 1)}


def test_a_layout_runs_from_left_to_right() -> None:
    """What flows goes right, or stays in its column where a deep network is folded; idle places stand apart."""
    for seed in range(30):
        orders, links = random_market(seed)
        nodes, arcs = naryq.clear(orders, links).network()
        plan = laid_out([node.name for node in nodes], arcs)
        for arc in arcs:
            if arc.flow:
                assert plan.spots[arc.source][0] < plan.spots[arc.target][0]
        assert sorted([*plan.spots, *plan.idle]) == sorted(node.name for node in nodes)
    plan = laid_out([f"P{number:02d}" for number in range(12)], naryq.clear(*chain(12)).network()[1])
    assert plan.columns == MOST_COLUMNS
    columns = [plan.spots[f"P{number:02d}"][0] for number in range(12)]
    assert columns == sorted(columns)


def test_no_two_places_stand_on_each_other() -> None:
    """However the network is, the boxes of the places keep apart and stay on the sheet."""
    for count in (1, 2, 9, 30):
        nodes, arcs = naryq.clear(*chain(max(count, 2))).network()
        boxes, width, height = flows._boxes(laid_out([node.name for node in nodes], arcs), 30.0)
        placed = list(boxes.values())
        assert not any(one.meets(other) for number, one in enumerate(placed) for other in placed[:number])
        assert all(box.x - box.half_width > 0 and box.x + box.half_width < width for box in placed)
        assert all(box.y - box.half_height > 30 and box.y + box.half_height < height for box in placed)


def test_of_very_many_places_the_busiest_are_shown() -> None:
    """Thirty places are shown, those that move the most, and a link between two of them is kept."""
    nodes, arcs = naryq.clear(*chain(45)).network()
    busier = [arc._replace(flow=arc.flow + (100 if number < 29 else 0)) for number, arc in enumerate(arcs)]
    shown, ways = flows._busiest(nodes, busier)
    assert [node.name for node in shown] == [f"P{number:02d}" for number in range(30)]
    assert len(ways) == 29
    unused = [Arc("P00", f"P{number:02d}", 5, 0, 0) for number in range(2, 20)]
    assert len(flows._busiest(nodes, [*busier, *unused[:3]])[1]) == 32
    assert len(flows._busiest(nodes, [*busier, *unused])[1]) == 29


def test_two_links_between_the_same_places_have_labels_apart() -> None:
    """Labels of neighbouring arrows do not stand on each other."""
    links = {"source": ["A", "A"], "target": ["B", "B"], "capacity": [5, 6], "tariff": [1, 2]}
    orders = {"order_id": [1, 2], "place": ["A", "B"], "side": ["sell", "buy"], "price": [1, 90], "quantity": [50, 50]}
    nodes, arcs = naryq.clear(orders, links).network()
    boxes, _, _ = flows._boxes(laid_out([node.name for node in nodes], arcs), 30.0)
    taken = list(boxes.values())
    axes = Figure().add_subplot()
    for arrow in flows._placed(arcs, boxes):
        flows._label(axes, arrow, taken)
    assert len(taken) == 4
    assert not taken[2].meets(taken[3])


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ({"kind": "pdf"}, "unknown_option: kind is 'pdf'. Choose one of svg, png."),
        ({"language": "de"}, "unknown_option: language is 'de'. Choose one of en, kk, ru."),
        (
            {"place": "Aktau"},
            "unknown_place: no order and no link names 'Aktau'. The places are <A&$b$>, Ақтау, Павлодар.",
        ),
    ],
)
def test_what_cannot_be_drawn_is_refused(asked: dict[str, str], text: str) -> None:
    """Another kind, another language and a place that is not there are refused in plain words."""
    with pytest.raises(naryq.Refusal) as caught:
        naryq.clear(ORDERS, LINKS).picture(**asked)
    assert str(caught.value) == text


def test_without_matplotlib_the_refusal_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the extra is not installed, the refusal names it; what else is missing is no refusal."""
    import naryq.pictures as door  # noqa: PLC0415 - its parts are taken away here

    result = naryq.clear(ORDERS, LINKS)
    for part in ("curve", "flows", "sheet"):
        monkeypatch.delitem(sys.modules, f"naryq.pictures.{part}")
        monkeypatch.delattr(door, part)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(naryq.Refusal, match=r"not_supported: pictures need matplotlib. .*pip install matplotlib"):
        result.picture()
    monkeypatch.setitem(sys.modules, "naryq.pictures.layout", None)
    monkeypatch.undo()
    for part in ("curve", "flows"):
        monkeypatch.delitem(sys.modules, f"naryq.pictures.{part}")
        monkeypatch.delattr(door, part)
    monkeypatch.setitem(sys.modules, "naryq.market.sheets", None)
    with pytest.raises(ModuleNotFoundError, match="sheets"):
        result.picture()


# --- A standard auction, and a book -------------------------------------------------------------------------------

TERMS: dict[str, Any] = {"initiator": "seller", "direction": "up", "start_price": 80_000, "lots": 20}
BIDS: dict[str, list[Any]] = {
    "participant": ["Ақтөбе-Газ", "<B&$c$>", "C", "<B&$c$>"],
    "price": [92_000, 95_000, 92_000, 84_000],
    "quantity": [12, 8, 5, 10],
}
AUCTION_PROGRAM = """
import hashlib, naryq
result = naryq.standard_auction({bids!r}, payment="uniform", **{terms!r})
book = naryq.Book()
book.submit(1, "buy", 7, 3)
for drawn in (result.picture(kind="png", language="kk"), book.picture(language="ru")):
    print(hashlib.sha256(drawn).hexdigest())
"""


def small_book() -> naryq.Book:
    book = naryq.Book()
    book.submit(1, "buy", 7, 3)
    return book


def test_auctions_and_books_have_the_same_picture_on_each_run() -> None:
    """Another process, whose hashes fall otherwise, draws the same bytes."""
    result = naryq.standard_auction(BIDS, payment="uniform", **TERMS)
    drawn = [result.picture(kind="png", language="kk"), small_book().picture(language="ru")]
    program = AUCTION_PROGRAM.format(bids=BIDS, terms=TERMS)
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert printed.split() == [hashlib.sha256(each).hexdigest() for each in drawn]


@pytest.mark.parametrize("payment", ["uniform", "pay_as_bid"])
@pytest.mark.parametrize("more", [{}, {"reserve_price": 93_000}, {"minimum_participants": 9}, {"lots": 90}])
def test_every_auction_has_a_picture(payment: str, more: dict[str, int]) -> None:
    """Sold, partly sold and void auctions are drawn, for a seller and for a buyer, open and sealed."""
    terms = TERMS | more | {"payment": payment}
    assert naryq.standard_auction(BIDS, **terms).picture().startswith(b"<?xml")
    buyer = terms | {"initiator": "buyer", "direction": "down", "start_price": 99_000}
    assert naryq.standard_auction(BIDS, **buyer).picture(kind="png", language="ru")
    nobody: dict[str, list[Any]] = {name: [] for name in BIDS}
    assert naryq.standard_auction(nobody, **terms).picture()
    auction = naryq.StandardAuction(format="open", step=1_000, **terms)
    auction.bid("A", 5, at_ns=0)
    assert auction.close().picture()


def test_bids_at_one_price_are_one_step() -> None:
    """The staircase goes from the best price on, no lot is lost, and what won is counted where it was bid."""
    levels = bids.levels_of(naryq.standard_auction(BIDS, payment="uniform", **TERMS))
    assert [(level.price, level.start, level.end, level.won) for level in levels] == [
        (95_000, 0, 8, 8),
        (92_000, 8, 25, 12),
        (84_000, 25, 35, 0),
    ]


def test_every_book_has_a_picture() -> None:
    """An empty book, one side alone, and a call whose sides cross are drawn, and the drawing changes nothing."""
    assert naryq.Book().picture().startswith(b"<?xml")
    book = small_book()
    before = book.state_hash()
    assert book.picture(0) != book.picture()
    assert book.state_hash() == before
    book.start_call()
    book.submit(2, "sell", 5, 2)
    book.submit(3, "sell", None, 2, kind="market")
    assert book.picture(kind="png", language="kk").startswith(b"\x89PNG")
    book.uncross()
    assert book.picture(kind="png")


@pytest.mark.parametrize("asked", [{"kind": "pdf"}, {"language": "de"}])
def test_auctions_and_books_refuse_what_cannot_be_drawn(asked: dict[str, str]) -> None:
    """Another kind and another language are refused, as for a clearing."""
    with pytest.raises(naryq.Refusal, match="unknown_option"):
        naryq.standard_auction(BIDS, payment="uniform", **TERMS).picture(**asked)
    with pytest.raises(naryq.Refusal, match="unknown_option"):
        small_book().picture(5, **asked)


def test_a_notebook_shows_an_auction_as_a_table() -> None:
    """Awards stand in a table with the reason under it, names are text whatever they hold, and a void one says why."""
    shown = naryq.standard_auction(BIDS, payment="uniform", **TERMS)._repr_html_()
    assert "<td>&lt;B&amp;$c$&gt;</td><td>8</td><td>92 000</td>" in shown
    assert "20 of 20 lots sold" in shown
    void = naryq.standard_auction(BIDS, payment="uniform", minimum_participants=9, **TERMS)._repr_html_()
    assert void.startswith("<p>The auction is void")
