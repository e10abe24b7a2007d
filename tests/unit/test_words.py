"""The sentences of explanations: every language has every one, with the same placeholders and the right plurals."""

# ruff: noqa: RUF001 - Kazakh and Russian letters look like Latin ones, and are none.

import string
from collections.abc import Mapping

import pytest

import naryq
from naryq.market.words import FORMS, LANGUAGES, SENTENCES, form_of, listed, say

GOLDEN: dict[str, tuple[dict[str, int | str], str, str, str]] = {
    "price": (
        {"place": "Astana", "price": 110_000, "reasons": "..."},
        "The price in Astana is 110 000 tenge a tonne: ....",
        "Astana: баға тоннасына 110 000 теңге; ....",
        "Astana: цена 110 000 тенге за тонну; ....",
    ),
    "no_price": (
        {"place": "Astana"},
        "Astana has no price: no order stands there, and nothing bounds what one lot would cost or fetch.",
        "Astana: баға жоқ; мұнда өтінім берілмеген, ал бір лоттың құнын басқа ештеңе шектемейді.",
        "Astana: цены нет; заявок здесь нет, и ничто не ограничивает стоимость одного лота.",
    ),
    "set_by_one": (
        {"orders": "4"},
        "order 4 sets it",
        "бағаны белгілеген өтінім: 4",
        "цену определяет заявка 4",
    ),
    "set_by_several": (
        {"orders": "4, 5"},
        "orders 4, 5 set it",
        "бағаны белгілеген өтінімдер: 4, 5",
        "цену определяют заявки 4, 5",
    ),
    "set_by_outside": (
        {},
        "the price outside sets it",
        "бағаны сыртқы баға белгілейді",
        "её определяет внешняя цена",
    ),
    "outside_order": ({}, "the price outside", "сыртқы баға", "внешняя цена"),
    "one_order": ({"orders": "4"}, "order 4", "өтінім: 4", "заявка 4"),
    "several_orders": ({"orders": "4, 5"}, "orders 4, 5", "өтінімдер: 4, 5", "заявки 4, 5"),
    "and_more": ({"named": "4", "more": 2}, "4 and 2 more", "4 және тағы 2", "4 и ещё 2"),
    "from_elsewhere_plus": (
        {"place": "Pavlodar", "orders": "(4)", "price": 90_000, "difference": 12_000},
        "the price in Pavlodar, set there by (4) at 90 000, plus 12 000 for transport",
        "негізі — Pavlodar бағасы: 90 000 ((4)), оған тасымал құны 12 000 қосылған",
        "основа — цена места Pavlodar: 90 000 ((4)), плюс перевозка 12 000",
    ),
    "from_elsewhere_less": (
        {"place": "Pavlodar", "orders": "(4)", "price": 90_000, "difference": 12_000},
        "the price in Pavlodar, set there by (4) at 90 000, less 12 000 for transport",
        "негізі — Pavlodar бағасы: 90 000 ((4)), одан тасымал құны 12 000 шегерілген",
        "основа — цена места Pavlodar: 90 000 ((4)), минус перевозка 12 000",
    ),
    "open_between": (
        {"lowest": 80, "highest": 101},
        "no order stands at it; any price from 80 up to 101 clears the market as well",
        "бұл бағада өтінім жоқ; нарық теңесетін бағалар аралығы: 80 – 101",
        "заявок по этой цене нет; рынок уравновешен при любой цене от 80 до 101",
    ),
    "open_above": (
        {"lowest": 80},
        "no order stands at it; any price from 80 clears the market as well",
        "бұл бағада өтінім жоқ; нарық теңесетін ең төмен баға: 80",
        "заявок по этой цене нет; рынок уравновешен при любой цене не ниже 80",
    ),
    "open_below": (
        {"highest": 80},
        "no order stands at it; any price up to 80 clears the market as well",
        "бұл бағада өтінім жоқ; нарық теңесетін ең жоғары баға: 80",
        "заявок по этой цене нет; рынок уравновешен при любой цене не выше 80",
    ),
    "full_link": (
        {"links": "..."},
        "full: ...",
        "толық жүктелген бағыт: ...",
        "полностью загружено направление: ...",
    ),
    "full_links": (
        {"links": "..."},
        "full: ...",
        "толық жүктелген бағыттар: ...",
        "полностью загружены направления: ...",
    ),
    "link": (
        {"source": "Pavlodar", "target": "Astana", "capacity": 12, "gap": 8_000},
        "Pavlodar to Astana (12 lots, congestion rent 8 000 a tonne)",
        "Pavlodar → Astana (12 лот, артық жүктеме рентасы тоннасына 8 000)",
        "Pavlodar → Astana (12 лотов, перегрузочная рента 8 000 за тонну)",
    ),
    "imported": ({"lots": 5}, "5 lots from outside", "сырттан келгені: 5 лот", "поступает извне: 5 лотов"),
    "exported": ({"lots": 1}, "1 lot to the outside", "сыртқа кеткені: 1 лот", "уходит вовне: 1 лот"),
    "limit_floor": (
        {},
        "the price floor binds",
        "бағаның төменгі шегі қолданылды",
        "действует нижний предел цены",
    ),
    "limit_cap": ({}, "the price cap binds", "бағаның жоғарғы шегі қолданылды", "действует верхний предел цены"),
    "limit_other": (
        {"limit": "collar"},
        "the limit collar binds",
        "қолданылған шектеу: collar",
        "действует ограничение: collar",
    ),
    "worth": (
        {"price": 120},
        "one lot more would be worth 120",
        "тағы бір лоттың құны 120 болар еді",
        "ещё один лот стоил бы 120",
    ),
    "shortage": (
        {"lots": 1_002},
        "bids at or above it for 1 002 lots go unserved",
        "осы бағадан төмен емес сұраныстың қанағаттанбағаны: 1 002 лот",
        "не удовлетворён спрос по этой цене и выше: 1 002 лота",
    ),
    "surplus": (
        {"lots": 21},
        "offers at or below it of 21 lots stay unsold",
        "осы бағадан жоғары емес ұсыныстың сатылмағаны: 21 лот",
        "не продано из предложенного по этой цене и ниже: 21 лот",
    ),
    "without_limits": (
        {"price": 120_000},
        "without floors and caps it would be 120 000",
        "төменгі және жоғарғы шектерсіз баға 120 000 болар еді",
        "без нижних и верхних пределов она была бы 120 000",
    ),
    "call_no_price": (
        {"place": "Astana"},
        "Astana has no price: no bid meets an offer.",
        "Astana: баға жоқ; сатып алу өтінімдері мен сату өтінімдері түйіспейді.",
        "Astana: цены нет; заявки на покупку и на продажу не пересекаются.",
    ),
    "call_volume": (
        {"volume": 1_022},
        "1 022 lots can trade at it, at every other limit fewer",
        "бұл бағада сатылатыны — 1 022 лот, басқа бағаларда одан аз",
        "возможный объём по этой цене — 1 022 лота, по другим — меньше",
    ),
    "call_surplus": (
        {"volume": 1_022},
        "of the limits at which the most can trade (1 022 lots) it leaves the least over",
        "ең көп сатылатын (1 022 лот) бағалардың ішінде қалдығы ең аз",
        "из цен с наибольшим объёмом (1 022 лота) у неё наименьший остаток",
    ),
    "call_pressure_bids": (
        {"volume": 1_022},
        (
            "bids are left over at every limit at which the most can trade (1 022 lots) and as few are left; it "
            "is the highest of them"
        ),
        "ең көп сатылатын (1 022 лот), қалдығы ең аз бағалардың бәрінде сұраныс артық; олардың ең жоғарысы алынды",
        "при всех ценах с наибольшим объёмом (1 022 лота) и наименьшим остатком спрос избыточен; взята высшая из них",
    ),
    "call_pressure_offers": (
        {"volume": 1_022},
        (
            "offers are left over at every limit at which the most can trade (1 022 lots) and as few are left; "
            "it is the lowest of them"
        ),
        "ең көп сатылатын (1 022 лот), қалдығы ең аз бағалардың бәрінде ұсыныс артық; олардың ең төмені алынды",
        (
            "при всех ценах с наибольшим объёмом (1 022 лота) и наименьшим остатком предложение избыточно; взята "
            "низшая из них"
        ),
    ),
    "call_reference": (
        {"volume": 1_022},
        "the reference price decides between limits at which 1 022 lots can trade",
        "1 022 лот сатылатын бағалардың қайсысы екенін базалық баға анықтады",
        "базовая цена решает между ценами с объёмом 1 022 лота",
    ),
    "call_no_reference": (
        {"volume": 1_022},
        "there is no reference price to decide between limits at which 1 022 lots can trade",
        "1 022 лот сатылатын бағалардың арасынан таңдауға базалық баға жоқ",
        "нет базовой цены для выбора между ценами с объёмом 1 022 лота",
    ),
    "call_market_orders": (
        {},
        "only market orders meet, and it is the reference price",
        "тек нарықтық өтінімдер түйісті, бұл — базалық баға",
        "встретились только рыночные заявки, и это базовая цена",
    ),
    "call_last_accepted_sell": (
        {},
        "it is the limit of the last sell order accepted",
        "бұл — орындалған соңғы сату өтінімінің бағасы",
        "это цена последней исполненной заявки на продажу",
    ),
    "call_bid_left_short": (
        {},
        "it is the limit of a bid left short, above that of the last sell order accepted",
        "бұл — толық орындалмаған сатып алу өтінімінің бағасы, ол соңғы орындалған сату өтінімінен жоғары",
        "это цена не полностью исполненной заявки на покупку, она выше последней исполненной на продажу",
    ),
    "call_lowest_limit": (
        {},
        "whoever sells takes any price, and it is the lowest limit there",
        "сатушылар кез келген бағаға келіседі, бұл — өтінімдердегі ең төмен баға",
        "продавцы согласны на любую цену, и это самая низкая цена в заявках",
    ),
    "auction_sold": (
        {"quantity": 10, "lots": 12, "price": "...", "margin": "..."},
        "10 of 12 lots sold: ...; ....",
        "Сатылған лоттар: 10 / 12; ...; ....",
        "Продано лотов: 10 из 12; ...; ....",
    ),
    "auction_bought": (
        {"quantity": 10, "lots": 12, "price": "...", "margin": "..."},
        "10 of 12 lots bought: ...; ....",
        "Сатып алынған лоттар: 10 / 12; ...; ....",
        "Куплено лотов: 10 из 12; ...; ....",
    ),
    "auction_void": (
        {"reason": "..."},
        "The auction is void: ....",
        "Аукцион өтпеді деп танылды: ....",
        "Аукцион признан несостоявшимся: ....",
    ),
    "auction_too_few_participants": (
        {"participants": 2, "minimum": 3},
        "2 took part, and 3 must",
        "қатысушылар саны — 2, қажетті ең аз саны — 3",
        "участников — 2, а нужно не менее 3",
    ),
    "auction_no_bids": (
        {},
        "nobody made a bid",
        "өтінім берілмеді",
        "заявок не подано",
    ),
    "auction_reserve_not_met": (
        {},
        "no bid met the reserve price",
        "бірде-бір өтінім резервтік бағаға сай келмеді",
        "ни одна заявка не отвечает резервной цене",
    ),
    "auction_uniform": (
        {"price": 88_000},
        "all at 88 000 tenge a tonne",
        "барлығына бірдей баға — тоннасына 88 000 теңге",
        "единая цена — 88 000 тенге за тонну",
    ),
    "auction_pay_as_bid": (
        {"price": 88_000},
        "each at its own price, the last at 88 000 tenge a tonne",
        "әр лот өз бағасымен, соңғысы — тоннасына 88 000 теңге",
        "каждый лот по своей цене, последний — 88 000 тенге за тонну",
    ),
    "auction_margin": (
        {"participants": "A, B", "price": 88_000},
        "A, B won the last at 88 000, and no acceptable bid was left without",
        "соңғы лот бағасы — 88 000 (A, B), қанағаттандырылмаған қолайлы өтінім қалмады",
        "последний лот — по цене 88 000 (A, B), неудовлетворённых приемлемых заявок не осталось",
    ),
    "auction_margin_left": (
        {"participants": "A, B", "price": 88_000, "rejected": 87_000},
        "A, B won the last at 88 000, and the best price left without was 87 000",
        "соңғы лот бағасы — 88 000 (A, B), қанағаттандырылмаған ең жақсы баға — 87 000",
        "последний лот — по цене 88 000 (A, B), лучшая неудовлетворённая цена — 87 000",
    ),
    "paradox_prices": (
        {"order": "4", "loss": 30},
        "order 4 would gain 30 and is rejected: with it no price pays all, or welfare is lower",
        "4 өтінімі 30 пайда табар еді, бірақ қабылданбады: онымен бәріне тиімді баға жоқ немесе жалпы пайда аз",
        "заявка 4 выиграла бы 30, но отклонена: с ней нет цены, выгодной всем, или общая выгода меньше",
    ),
    "paradox_group": (
        {"order": "4", "loss": 300_000},
        "order 4 would gain 300 000 and is rejected: another order of its group executes",
        "4 өтінімі 300 000 пайда табар еді, бірақ қабылданбады: сол топтың басқа өтінімі орындалды",
        "заявка 4 выиграла бы 300 000, но отклонена: исполнена другая заявка той же группы",
    ),
    "paradox_parent": (
        {"order": "4", "loss": 300_000},
        "order 4 would gain 300 000 and is rejected: the order that it depends on does not execute",
        "4 өтінімі 300 000 пайда табар еді, бірақ қабылданбады: оған негіз болған өтінім орындалмады",
        "заявка 4 выиграла бы 300 000, но отклонена: не исполнена заявка, от которой она зависит",
    ),
    "pivot_price": (
        {"participant": "KMG", "price": 112_000},
        "without KMG the price would be 112 000",
        "KMG болмаса, баға 112 000 болар еді",
        "без участника KMG цена была бы 112 000",
    ),
    "pivot_no_price": (
        {"participant": "KMG"},
        "without KMG there would be no price",
        "KMG болмаса, баға да болмас еді",
        "без участника KMG цены бы не было",
    ),
    "pivot_shortage": (
        {"participant": "KMG", "lots": 21},
        "without KMG the others could not supply 21 lots, at any price",
        "KMG болмаса, ешбір бағада 21 лот жетпес еді",
        "без участника KMG ни при какой цене не хватило бы 21 лота",
    ),
    "pivot_surplus": (
        {"participant": "KMG", "lots": 3},
        "without KMG the others could not take 3 lots, at any price",
        "KMG болмаса, ешбір бағада 3 лот сатылмас еді",
        "без участника KMG ни при какой цене не было бы спроса на 3 лота",
    ),
    "picture_place": (
        {"place": "Astana", "price": 110_000},
        "Astana: 110 000 tenge a tonne",
        "Astana: тоннасына 110 000 теңге",
        "Astana: 110 000 тенге за тонну",
    ),
    "picture_no_price": ({"place": "Astana"}, "Astana: no price", "Astana: баға жоқ", "Astana: цены нет"),
    "picture_traded": (
        {"bought": 1, "sold": 2, "imports": 3, "exports": 4},
        "Lots bought: 1, sold: 2; brought in: 3, taken away: 4",
        "Лот: сатып алынды 1, сатылды 2; әкелінді 3, әкетілді 4",
        "Лотов куплено: 1, продано: 2; ввезено: 3, вывезено: 4",
    ),
    "picture_lots": ({}, "Quantity, lots", "Көлемі, лот", "Объём, лотов"),
    "picture_tenge": ({}, "Price, tenge a tonne", "Бағасы, теңге/тонна", "Цена, тенге за тонну"),
    "picture_supply": ({}, "Supply: offers", "Ұсыныс: сату өтінімдері", "Предложение: заявки на продажу"),
    "picture_demand": ({}, "Demand: bids", "Сұраныс: сатып алу өтінімдері", "Спрос: заявки на покупку"),
    "picture_imports": ({}, "Brought in over links", "Сырттан әкелінетіні", "Ввоз по направлениям"),
    "picture_exports": ({}, "Taken away over links", "Сыртқа әкетілетіні", "Вывоз по направлениям"),
    "picture_price": ({"price": 80_000}, "Price: 80 000", "Баға: 80 000", "Цена: 80 000"),
    "picture_range": ({"range": "1 – 2"}, "Optimal prices: 1 – 2", "Оңтайлы бағалар: 1 – 2", "Оптимальные цены: 1 – 2"),
    "picture_marginal_one": ({"orders": "4"}, "Marginal order: 4", "Шекті өтінім: 4", "Предельная заявка: 4"),
    "picture_marginal_several": (
        {"orders": "4, 5"},
        "Marginal orders: 4, 5",
        "Шекті өтінімдер: 4, 5",
        "Предельные заявки: 4, 5",
    ),
    "picture_network": ({}, "Prices and flows", "Бағалар мен ағындар", "Цены и потоки"),
    "picture_units": (
        {},
        "In the boxes tenge a tonne, at the arrows lots.",
        "Ұяшықтарда теңге/тонна, бағыттарда лот.",
        "В рамках тенге за тонну, у стрелок лоты.",
    ),
    "picture_busiest": (
        {"shown": 30, "places": 121},
        "The 30 busiest of 121 places.",
        "121 пункттің ең белсенді 30 пункті.",
        "Показано 30 из 121 пункта, самые активные.",
    ),
    "picture_seller": ({}, "Sells more than it buys", "Сатуы сатып алуынан көп", "Продаёт больше, чем покупает"),
    "picture_buyer": ({}, "Buys more than it sells", "Сатып алуы сатуынан көп", "Покупает больше, чем продаёт"),
    "picture_full": (
        {},
        "Full: lots | congestion rent, tenge a tonne",
        "Толық жүктелген: лот | артық жүктеме рентасы, теңге/тонна",
        "Загружено полностью: лоты | перегрузочная рента, тенге за тонну",
    ),
    "picture_open": (
        {},
        "Carries, with room left or no rent",
        "Жүктелген, рента жоқ",
        "Загружено без ренты",
    ),
    "picture_unused": ({}, "Not used", "Пайдаланылмаған", "Не используется"),
    "picture_outside": ({}, "outside", "сыртқы нарық", "внешний рынок"),
    "picture_from_outside": ({"lots": 5_000}, "from outside: 5 000", "сырттан: 5 000", "извне: 5 000"),
    "picture_to_outside": ({"lots": 5_000}, "to outside: 5 000", "сыртқа: 5 000", "вовне: 5 000"),
    "picture_floor": ({"price": 50_000}, "Floor: 50 000", "Төменгі шек: 50 000", "Нижний предел: 50 000"),
    "picture_cap": ({"price": 50_000}, "Cap: 50 000", "Жоғарғы шек: 50 000", "Верхний предел: 50 000"),
    "picture_auction_sold": (
        {"quantity": 38, "lots": 42},
        "Auction: 38 of 42 lots sold",
        "Аукцион: сатылған лоттар — 38 / 42",
        "Аукцион: продано лотов — 38 из 42",
    ),
    "picture_auction_bought": (
        {"quantity": 38, "lots": 42},
        "Auction: 38 of 42 lots bought",
        "Аукцион: сатып алынған лоттар — 38 / 42",
        "Аукцион: куплено лотов — 38 из 42",
    ),
    "picture_auction_void": (
        {},
        "The auction is void",
        "Аукцион өтпеді",
        "Аукцион не состоялся",
    ),
    "picture_auction_paid": (
        {"participants": 5, "tenge": "129 600 000"},
        "Participants: 5; to pay: 129 600 000 tenge",
        "Қатысушылар: 5; төленетіні: 129 600 000 теңге",
        "Участников: 5; к оплате: 129 600 000 тенге",
    ),
    "picture_auction_bids": (
        {},
        "Bids, the best first",
        "Өтінімдер, ең тиімдісінен бастап",
        "Заявки, начиная с лучшей",
    ),
    "picture_auction_won": (
        {},
        "Won, at the price that is paid",
        "Ұтқаны, төленетін бағасымен",
        "Выиграно, по цене оплаты",
    ),
    "picture_auction_offered": (
        {"lots": 42},
        "On offer: 42 lots",
        "Сатуға қойылғаны: 42 лот",
        "Выставлено: 42 лота",
    ),
    "picture_auction_asked": (
        {"lots": 42},
        "Asked for: 42 lots",
        "Сұралғаны: 42 лот",
        "Запрошено: 42 лота",
    ),
    "picture_auction_reserve": (
        {"price": 85000},
        "Reserve price: 85 000",
        "Резервтік баға: 85 000",
        "Резервная цена: 85 000",
    ),
    "picture_book": (
        {},
        "Order book",
        "Өтінімдер кітабы",
        "Книга заявок",
    ),
    "picture_book_call": (
        {},
        "Order book in a call",
        "Өтінімдер кітабы, жинақтау кезеңі",
        "Книга заявок, фаза сбора",
    ),
    "picture_book_best": (
        {"bid": "102 400", "ask": "102 500"},
        "Best bid: 102 400; best ask: 102 500",
        "Ең жоғары сатып алу бағасы: 102 400; ең төмен сату бағасы: 102 500",
        "Лучшая цена покупки: 102 400; продажи: 102 500",
    ),
    "picture_book_price": (
        {},
        "Price",
        "Бағасы",
        "Цена",
    ),
    "picture_book_depth": (
        {},
        "Shown up to the price, lots",
        "Осы бағаға дейін көрсетілгені, лот",
        "Показано до этой цены, лотов",
    ),
    "picture_book_last": (
        {"price": 85000},
        "Last price: 85 000",
        "Соңғы баға: 85 000",
        "Последняя цена: 85 000",
    ),
    "picture_book_indicative": (
        {"price": 85000},
        "Indicative price: 85 000",
        "Болжамды баға: 85 000",
        "Индикативная цена: 85 000",
    ),
}
"""For each sentence: values, and what becomes of them in English, Kazakh and Russian."""


def faults(sentences: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Say what is wrong with a catalogue: a language that lacks, other placeholders, or another number of forms."""
    found = []
    for key, templates in sentences.items():
        if sorted(templates) != sorted(LANGUAGES):
            found.append(f"{key}: in {', '.join(sorted(templates))}")
            continue
        fields = {
            language: [(name, form) for _, name, form, _ in string.Formatter().parse(templates[language]) if name]
            for language in LANGUAGES
        }
        if len({tuple(sorted({name for name, _ in each})) for each in fields.values()}) > 1:
            found.append(f"{key}: placeholders")
        for language, each in fields.items():
            if any(form and len(form.split("|")) != FORMS[language] for _, form in each):
                found.append(f"{key}: forms in {language}")
    return found


def test_every_sentence_is_there_in_every_language() -> None:
    """Each key has each language, with the same placeholders and as many noun forms as the language has."""
    assert faults(SENTENCES) == []


def test_the_test_of_the_catalogue_sees_faults() -> None:
    """A missing language, a placeholder of one language alone and a form too few are each found."""
    good = {"en": "{n:a|b}", "kk": "{n:a}", "ru": "{n:a|b|c}"}
    planted = {"x": {"en": ""}, "y": good | {"kk": "{m:a}"}, "z": good | {"ru": "{n:a|b}"}, "good": good}
    assert faults(planted) == ["x: in en", "y: placeholders", "z: forms in ru"]


def test_every_sentence_has_its_golden_form() -> None:
    """No sentence is written that no golden form shows."""
    assert list(GOLDEN) == list(SENTENCES)


@pytest.mark.parametrize("key", GOLDEN)
def test_golden_sentences(key: str) -> None:
    """A sentence reads in English, Kazakh and Russian as its golden form does."""
    values, *expected = GOLDEN[key]
    assert [say(language, key, **values) for language in LANGUAGES] == expected


def test_plural_forms() -> None:
    """Russian takes one of three forms by the number's last digits, English one of two, Kazakh always the same."""
    template: dict[str, int | str] = {"source": "A", "target": "B", "gap": 0}
    said = [say("ru", "link", capacity=count, **template) for count in (0, 1, 2, 4, 5, 11, 12, 14, 21, 22, 111, 1_001)]
    words = ["лотов", "лот", "лота", "лота", "лотов", "лотов", "лотов", "лотов", "лот", "лота", "лотов", "лот"]
    assert [each.split(",")[0].rsplit(" ", 1)[1] for each in said] == words
    assert [say("en", "link", capacity=count, **template)[8:13] for count in (1, 2)] == ["1 lot", "2 lot"]
    assert {form_of("kk", count) for count in range(30)} == {0}


def test_few_names_are_listed_and_many_counted() -> None:
    """As many names as a sentence may hold are listed, and one more is counted."""
    assert listed("ru", [1, 2, 3], 3) == "1, 2, 3"
    assert listed("ru", [1, 2, 3, "x"], 3) == "1, 2, 3 и ещё 1"


def test_an_unknown_language_is_refused() -> None:
    """A language without sentences is refused with the languages there are."""
    with pytest.raises(naryq.Refusal, match=r"unknown_option: language is 'de'. Choose one of en, kk, ru.") as caught:
        say("de", "full_link", links="")
    assert caught.value.code is naryq.Code.UNKNOWN_OPTION
