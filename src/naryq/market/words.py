"""The sentences of every explanation in English, Kazakh and Russian: the only place where they stand.

To add a sentence, add a key to `SENTENCES` with one template for each language, all with the same placeholders, and
call `say(language, key, name=value)`. A test compares the languages of every key and asks for a golden sentence.

A placeholder takes text as it is and a whole number with its thousands parted by spaces. `{lots:lot|lots}` writes the
number and the form of the word that it asks for: English has two forms (one, other), Russian three (one, few, many),
Kazakh one, because a noun does not change after a number. The rules are those of Unicode's Common Locale Data
Repository for whole numbers.

Names of places, orders and participants may be anything, so a template never declines one: it stands in the
nominative, before a colon or a dash, in brackets, at an arrow, or beside the word that says what it is. A clause that
may follow another starts in lower case and has no full stop; the sentence that collects the clauses brings it.
"""

# ruff: noqa: RUF001 - Kazakh and Russian letters look like Latin ones, and are none.

import string
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

from naryq.messages import Code, Refusal
from naryq.units import grouped

LANGUAGES: Final = ("en", "kk", "ru")
FORMS: Final = MappingProxyType({"en": 2, "kk": 1, "ru": 3})
"""How many forms a noun has after a number."""

_PRICES: Final = MappingProxyType(
    {
        "price": {
            "en": "The price in {place} is {price} tenge a tonne: {reasons}.",
            "kk": "{place}: баға тоннасына {price} теңге; {reasons}.",
            "ru": "{place}: цена {price} тенге за тонну; {reasons}.",
        },
        "no_price": {
            "en": "{place} has no price: no order stands there, and nothing bounds what one lot would cost or fetch.",
            "kk": "{place}: баға жоқ; мұнда өтінім берілмеген, ал бір лоттың құнын басқа ештеңе шектемейді.",
            "ru": "{place}: цены нет; заявок здесь нет, и ничто не ограничивает стоимость одного лота.",
        },
        "set_by_one": {
            "en": "order {orders} sets it",
            "kk": "бағаны белгілеген өтінім: {orders}",
            "ru": "цену определяет заявка {orders}",
        },
        "set_by_several": {
            "en": "orders {orders} set it",
            "kk": "бағаны белгілеген өтінімдер: {orders}",
            "ru": "цену определяют заявки {orders}",
        },
        "set_by_outside": {
            "en": "the price outside sets it",
            "kk": "бағаны сыртқы баға белгілейді",
            "ru": "её определяет внешняя цена",
        },
        "outside_order": {"en": "the price outside", "kk": "сыртқы баға", "ru": "внешняя цена"},
        "one_order": {"en": "order {orders}", "kk": "өтінім: {orders}", "ru": "заявка {orders}"},
        "several_orders": {"en": "orders {orders}", "kk": "өтінімдер: {orders}", "ru": "заявки {orders}"},
        "and_more": {
            "en": "{named} and {more} more",
            "kk": "{named} және тағы {more}",
            "ru": "{named} и ещё {more}",
        },
        "from_elsewhere_plus": {
            "en": "the price in {place}, set there by {orders} at {price}, plus {difference} for transport",
            "kk": "негізі — {place} бағасы: {price} ({orders}), оған тасымал құны {difference} қосылған",
            "ru": "основа — цена места {place}: {price} ({orders}), плюс перевозка {difference}",
        },
        "from_elsewhere_less": {
            "en": "the price in {place}, set there by {orders} at {price}, less {difference} for transport",
            "kk": "негізі — {place} бағасы: {price} ({orders}), одан тасымал құны {difference} шегерілген",
            "ru": "основа — цена места {place}: {price} ({orders}), минус перевозка {difference}",
        },
        "open_between": {
            "en": "no order stands at it; any price from {lowest} up to {highest} clears the market as well",
            "kk": "бұл бағада өтінім жоқ; нарық теңесетін бағалар аралығы: {lowest} – {highest}",
            "ru": "заявок по этой цене нет; рынок уравновешен при любой цене от {lowest} до {highest}",
        },
        "open_above": {
            "en": "no order stands at it; any price from {lowest} clears the market as well",
            "kk": "бұл бағада өтінім жоқ; нарық теңесетін ең төмен баға: {lowest}",
            "ru": "заявок по этой цене нет; рынок уравновешен при любой цене не ниже {lowest}",
        },
        "open_below": {
            "en": "no order stands at it; any price up to {highest} clears the market as well",
            "kk": "бұл бағада өтінім жоқ; нарық теңесетін ең жоғары баға: {highest}",
            "ru": "заявок по этой цене нет; рынок уравновешен при любой цене не выше {highest}",
        },
    }
)
_LINKS: Final = MappingProxyType(
    {
        "full_link": {
            "en": "full: {links}",
            "kk": "толық жүктелген бағыт: {links}",
            "ru": "полностью загружено направление: {links}",
        },
        "full_links": {
            "en": "full: {links}",
            "kk": "толық жүктелген бағыттар: {links}",
            "ru": "полностью загружены направления: {links}",
        },
        "link": {
            "en": "{source} to {target} ({capacity:lot|lots}, congestion rent {gap} a tonne)",
            "kk": "{source} → {target} ({capacity:лот}, артық жүктеме рентасы тоннасына {gap})",
            "ru": "{source} → {target} ({capacity:лот|лота|лотов}, перегрузочная рента {gap} за тонну)",
        },
    }
)
_OUTSIDE: Final = MappingProxyType(
    {
        "imported": {
            "en": "{lots:lot|lots} from outside",
            "kk": "сырттан келгені: {lots:лот}",
            "ru": "поступает извне: {lots:лот|лота|лотов}",
        },
        "exported": {
            "en": "{lots:lot|lots} to the outside",
            "kk": "сыртқа кеткені: {lots:лот}",
            "ru": "уходит вовне: {lots:лот|лота|лотов}",
        },
    }
)
_LIMITS: Final = MappingProxyType(
    {
        "limit_floor": {
            "en": "the price floor binds",
            "kk": "бағаның төменгі шегі қолданылды",
            "ru": "действует нижний предел цены",
        },
        "limit_cap": {
            "en": "the price cap binds",
            "kk": "бағаның жоғарғы шегі қолданылды",
            "ru": "действует верхний предел цены",
        },
        "limit_other": {
            "en": "the limit {limit} binds",
            "kk": "қолданылған шектеу: {limit}",
            "ru": "действует ограничение: {limit}",
        },
        "worth": {
            "en": "one lot more would be worth {price}",
            "kk": "тағы бір лоттың құны {price} болар еді",
            "ru": "ещё один лот стоил бы {price}",
        },
        "shortage": {
            "en": "bids at or above it for {lots:lot|lots} go unserved",
            "kk": "осы бағадан төмен емес сұраныстың қанағаттанбағаны: {lots:лот}",
            "ru": "не удовлетворён спрос по этой цене и выше: {lots:лот|лота|лотов}",
        },
        "surplus": {
            "en": "offers at or below it of {lots:lot|lots} stay unsold",
            "kk": "осы бағадан жоғары емес ұсыныстың сатылмағаны: {lots:лот}",
            "ru": "не продано из предложенного по этой цене и ниже: {lots:лот|лота|лотов}",
        },
        "without_limits": {
            "en": "without floors and caps it would be {price}",
            "kk": "төменгі және жоғарғы шектерсіз баға {price} болар еді",
            "ru": "без нижних и верхних пределов она была бы {price}",
        },
    }
)
_CALLS: Final = MappingProxyType(
    {
        "call_no_price": {
            "en": "{place} has no price: no bid meets an offer.",
            "kk": "{place}: баға жоқ; сатып алу өтінімдері мен сату өтінімдері түйіспейді.",
            "ru": "{place}: цены нет; заявки на покупку и на продажу не пересекаются.",
        },
        "call_volume": {
            "en": "{volume:lot|lots} can trade at it, at every other limit fewer",
            "kk": "бұл бағада сатылатыны — {volume:лот}, басқа бағаларда одан аз",
            "ru": "возможный объём по этой цене — {volume:лот|лота|лотов}, по другим — меньше",
        },
        "call_surplus": {
            "en": "of the limits at which the most can trade ({volume:lot|lots}) it leaves the least over",
            "kk": "ең көп сатылатын ({volume:лот}) бағалардың ішінде қалдығы ең аз",
            "ru": "из цен с наибольшим объёмом ({volume:лот|лота|лотов}) у неё наименьший остаток",
        },
        "call_pressure_bids": {
            "en": "bids are left over at every limit at which the most can trade ({volume:lot|lots}) and as few are "
            "left; it is the highest of them",
            "kk": "ең көп сатылатын ({volume:лот}), қалдығы ең аз бағалардың бәрінде сұраныс артық; "
            "олардың ең жоғарысы алынды",
            "ru": "при всех ценах с наибольшим объёмом ({volume:лот|лота|лотов}) и наименьшим остатком "
            "спрос избыточен; взята высшая из них",
        },
        "call_pressure_offers": {
            "en": "offers are left over at every limit at which the most can trade ({volume:lot|lots}) and as few are "
            "left; it is the lowest of them",
            "kk": "ең көп сатылатын ({volume:лот}), қалдығы ең аз бағалардың бәрінде ұсыныс артық; "
            "олардың ең төмені алынды",
            "ru": "при всех ценах с наибольшим объёмом ({volume:лот|лота|лотов}) и наименьшим остатком предложение "
            "избыточно; взята низшая из них",
        },
        "call_reference": {
            "en": "the reference price decides between limits at which {volume:lot|lots} can trade",
            "kk": "{volume:лот} сатылатын бағалардың қайсысы екенін базалық баға анықтады",
            "ru": "базовая цена решает между ценами с объёмом {volume:лот|лота|лотов}",
        },
        "call_no_reference": {
            "en": "there is no reference price to decide between limits at which {volume:lot|lots} can trade",
            "kk": "{volume:лот} сатылатын бағалардың арасынан таңдауға базалық баға жоқ",
            "ru": "нет базовой цены для выбора между ценами с объёмом {volume:лот|лота|лотов}",
        },
        "call_market_orders": {
            "en": "only market orders meet, and it is the reference price",
            "kk": "тек нарықтық өтінімдер түйісті, бұл — базалық баға",
            "ru": "встретились только рыночные заявки, и это базовая цена",
        },
        "call_last_accepted_sell": {
            "en": "it is the limit of the last sell order accepted",
            "kk": "бұл — орындалған соңғы сату өтінімінің бағасы",
            "ru": "это цена последней исполненной заявки на продажу",
        },
        "call_bid_left_short": {
            "en": "it is the limit of a bid left short, above that of the last sell order accepted",
            "kk": "бұл — толық орындалмаған сатып алу өтінімінің бағасы, ол соңғы орындалған сату өтінімінен жоғары",
            "ru": "это цена не полностью исполненной заявки на покупку, она выше последней исполненной на продажу",
        },
        "call_lowest_limit": {
            "en": "whoever sells takes any price, and it is the lowest limit there",
            "kk": "сатушылар кез келген бағаға келіседі, бұл — өтінімдердегі ең төмен баға",
            "ru": "продавцы согласны на любую цену, и это самая низкая цена в заявках",
        },
    }
)
_AUCTIONS: Final = MappingProxyType(
    {
        "auction_sold": {
            "en": "{quantity} of {lots:lot|lots} sold: {price}; {margin}.",
            "kk": "Сатылған лоттар: {quantity} / {lots}; {price}; {margin}.",
            "ru": "Продано лотов: {quantity} из {lots}; {price}; {margin}.",
        },
        "auction_bought": {
            "en": "{quantity} of {lots:lot|lots} bought: {price}; {margin}.",
            "kk": "Сатып алынған лоттар: {quantity} / {lots}; {price}; {margin}.",
            "ru": "Куплено лотов: {quantity} из {lots}; {price}; {margin}.",
        },
        "auction_void": {
            "en": "The auction is void: {reason}.",
            "kk": "Аукцион өтпеді деп танылды: {reason}.",
            "ru": "Аукцион признан несостоявшимся: {reason}.",
        },
        "auction_too_few_participants": {
            "en": "{participants} took part, and {minimum} must",
            "kk": "қатысушылар саны — {participants}, қажетті ең аз саны — {minimum}",
            "ru": "участников — {participants}, а нужно не менее {minimum}",
        },
        "auction_no_bids": {
            "en": "nobody made a bid",
            "kk": "өтінім берілмеді",
            "ru": "заявок не подано",
        },
        "auction_reserve_not_met": {
            "en": "no bid met the reserve price",
            "kk": "бірде-бір өтінім резервтік бағаға сай келмеді",
            "ru": "ни одна заявка не отвечает резервной цене",
        },
        "auction_uniform": {
            "en": "all at {price} tenge a tonne",
            "kk": "барлығына бірдей баға — тоннасына {price} теңге",
            "ru": "единая цена — {price} тенге за тонну",
        },
        "auction_pay_as_bid": {
            "en": "each at its own price, the last at {price} tenge a tonne",
            "kk": "әр лот өз бағасымен, соңғысы — тоннасына {price} теңге",
            "ru": "каждый лот по своей цене, последний — {price} тенге за тонну",
        },
        "auction_margin": {
            "en": "{participants} won the last at {price}, and no acceptable bid was left without",
            "kk": "соңғы лот бағасы — {price} ({participants}), қанағаттандырылмаған қолайлы өтінім қалмады",
            "ru": "последний лот — по цене {price} ({participants}), неудовлетворённых приемлемых заявок не осталось",
        },
        "auction_margin_left": {
            "en": "{participants} won the last at {price}, and the best price left without was {rejected}",
            "kk": "соңғы лот бағасы — {price} ({participants}), қанағаттандырылмаған ең жақсы баға — {rejected}",
            "ru": "последний лот — по цене {price} ({participants}), лучшая неудовлетворённая цена — {rejected}",
        },
    }
)

_PARADOXES: Final = MappingProxyType(
    {
        "paradox_prices": {
            "en": "order {order} would gain {loss} and is rejected: with it no price pays all, or welfare is lower",
            "kk": "{order} өтінімі {loss} пайда табар еді, бірақ қабылданбады: "
            "онымен бәріне тиімді баға жоқ немесе жалпы пайда аз",
            "ru": "заявка {order} выиграла бы {loss}, но отклонена: "
            "с ней нет цены, выгодной всем, или общая выгода меньше",
        },
        "paradox_group": {
            "en": "order {order} would gain {loss} and is rejected: another order of its group executes",
            "kk": "{order} өтінімі {loss} пайда табар еді, бірақ қабылданбады: сол топтың басқа өтінімі орындалды",
            "ru": "заявка {order} выиграла бы {loss}, но отклонена: исполнена другая заявка той же группы",
        },
        "paradox_parent": {
            "en": "order {order} would gain {loss} and is rejected: the order that it depends on does not execute",
            "kk": "{order} өтінімі {loss} пайда табар еді, бірақ қабылданбады: оған негіз болған өтінім орындалмады",
            "ru": "заявка {order} выиграла бы {loss}, но отклонена: не исполнена заявка, от которой она зависит",
        },
    }
)
_PIVOTS: Final = MappingProxyType(
    {
        "pivot_price": {
            "en": "without {participant} the price would be {price}",
            "kk": "{participant} болмаса, баға {price} болар еді",
            "ru": "без участника {participant} цена была бы {price}",
        },
        "pivot_no_price": {
            "en": "without {participant} there would be no price",
            "kk": "{participant} болмаса, баға да болмас еді",
            "ru": "без участника {participant} цены бы не было",
        },
        "pivot_shortage": {
            "en": "without {participant} the others could not supply {lots:lot|lots}, at any price",
            "kk": "{participant} болмаса, ешбір бағада {lots:лот} жетпес еді",
            "ru": "без участника {participant} ни при какой цене не хватило бы {lots:лота|лотов|лотов}",
        },
        "pivot_surplus": {
            "en": "without {participant} the others could not take {lots:lot|lots}, at any price",
            "kk": "{participant} болмаса, ешбір бағада {lots:лот} сатылмас еді",
            "ru": "без участника {participant} ни при какой цене не было бы спроса на {lots:лот|лота|лотов}",
        },
    }
)
_PICTURES: Final = MappingProxyType(
    {
        "picture_place": {
            "en": "{place}: {price} tenge a tonne",
            "kk": "{place}: тоннасына {price} теңге",
            "ru": "{place}: {price} тенге за тонну",
        },
        "picture_no_price": {"en": "{place}: no price", "kk": "{place}: баға жоқ", "ru": "{place}: цены нет"},
        "picture_traded": {
            "en": "Lots bought: {bought}, sold: {sold}; brought in: {imports}, taken away: {exports}",
            "kk": "Лот: сатып алынды {bought}, сатылды {sold}; әкелінді {imports}, әкетілді {exports}",
            "ru": "Лотов куплено: {bought}, продано: {sold}; ввезено: {imports}, вывезено: {exports}",
        },
        "picture_lots": {"en": "Quantity, lots", "kk": "Көлемі, лот", "ru": "Объём, лотов"},
        "picture_tenge": {"en": "Price, tenge a tonne", "kk": "Бағасы, теңге/тонна", "ru": "Цена, тенге за тонну"},
        "picture_supply": {
            "en": "Supply: offers",
            "kk": "Ұсыныс: сату өтінімдері",
            "ru": "Предложение: заявки на продажу",
        },
        "picture_demand": {
            "en": "Demand: bids",
            "kk": "Сұраныс: сатып алу өтінімдері",
            "ru": "Спрос: заявки на покупку",
        },
        "picture_imports": {"en": "Brought in over links", "kk": "Сырттан әкелінетіні", "ru": "Ввоз по направлениям"},
        "picture_exports": {"en": "Taken away over links", "kk": "Сыртқа әкетілетіні", "ru": "Вывоз по направлениям"},
        "picture_price": {"en": "Price: {price}", "kk": "Баға: {price}", "ru": "Цена: {price}"},
        "picture_range": {
            "en": "Optimal prices: {range}",
            "kk": "Оңтайлы бағалар: {range}",
            "ru": "Оптимальные цены: {range}",
        },
        "picture_marginal_one": {
            "en": "Marginal order: {orders}",
            "kk": "Шекті өтінім: {orders}",
            "ru": "Предельная заявка: {orders}",
        },
        "picture_marginal_several": {
            "en": "Marginal orders: {orders}",
            "kk": "Шекті өтінімдер: {orders}",
            "ru": "Предельные заявки: {orders}",
        },
        "picture_network": {"en": "Prices and flows", "kk": "Бағалар мен ағындар", "ru": "Цены и потоки"},
        "picture_units": {
            "en": "In the boxes tenge a tonne, at the arrows lots.",
            "kk": "Ұяшықтарда теңге/тонна, бағыттарда лот.",
            "ru": "В рамках тенге за тонну, у стрелок лоты.",
        },
        "picture_busiest": {
            "en": "The {shown} busiest of {places:place|places}.",
            "kk": "{places:пункттің} ең белсенді {shown} пункті.",
            "ru": "Показано {shown} из {places:пункта|пунктов|пунктов}, самые активные.",
        },
        "picture_seller": {
            "en": "Sells more than it buys",
            "kk": "Сатуы сатып алуынан көп",
            "ru": "Продаёт больше, чем покупает",
        },
        "picture_buyer": {
            "en": "Buys more than it sells",
            "kk": "Сатып алуы сатуынан көп",
            "ru": "Покупает больше, чем продаёт",
        },
        "picture_full": {
            "en": "Full: lots | congestion rent, tenge a tonne",
            "kk": "Толық жүктелген: лот | артық жүктеме рентасы, теңге/тонна",
            "ru": "Загружено полностью: лоты | перегрузочная рента, тенге за тонну",
        },
        "picture_open": {
            "en": "Carries, with room left or no rent",
            "kk": "Жүктелген, рента жоқ",
            "ru": "Загружено без ренты",
        },
        "picture_unused": {"en": "Not used", "kk": "Пайдаланылмаған", "ru": "Не используется"},
        "picture_outside": {"en": "outside", "kk": "сыртқы нарық", "ru": "внешний рынок"},
        "picture_from_outside": {"en": "from outside: {lots}", "kk": "сырттан: {lots}", "ru": "извне: {lots}"},
        "picture_to_outside": {"en": "to outside: {lots}", "kk": "сыртқа: {lots}", "ru": "вовне: {lots}"},
        "picture_floor": {"en": "Floor: {price}", "kk": "Төменгі шек: {price}", "ru": "Нижний предел: {price}"},
        "picture_cap": {"en": "Cap: {price}", "kk": "Жоғарғы шек: {price}", "ru": "Верхний предел: {price}"},
    }
)
_AUCTION_PICTURES: Final = MappingProxyType(
    {
        "picture_auction_sold": {
            "en": "Auction: {quantity} of {lots:lot|lots} sold",
            "kk": "Аукцион: сатылған лоттар — {quantity} / {lots}",
            "ru": "Аукцион: продано лотов — {quantity} из {lots}",
        },
        "picture_auction_bought": {
            "en": "Auction: {quantity} of {lots:lot|lots} bought",
            "kk": "Аукцион: сатып алынған лоттар — {quantity} / {lots}",
            "ru": "Аукцион: куплено лотов — {quantity} из {lots}",
        },
        "picture_auction_void": {
            "en": "The auction is void",
            "kk": "Аукцион өтпеді",
            "ru": "Аукцион не состоялся",
        },
        "picture_auction_paid": {
            "en": "Participants: {participants}; to pay: {tenge} tenge",
            "kk": "Қатысушылар: {participants}; төленетіні: {tenge} теңге",
            "ru": "Участников: {participants}; к оплате: {tenge} тенге",
        },
        "picture_auction_bids": {
            "en": "Bids, the best first",
            "kk": "Өтінімдер, ең тиімдісінен бастап",
            "ru": "Заявки, начиная с лучшей",
        },
        "picture_auction_won": {
            "en": "Won, at the price that is paid",
            "kk": "Ұтқаны, төленетін бағасымен",
            "ru": "Выиграно, по цене оплаты",
        },
        "picture_auction_offered": {
            "en": "On offer: {lots:lot|lots}",
            "kk": "Сатуға қойылғаны: {lots:лот}",
            "ru": "Выставлено: {lots:лот|лота|лотов}",
        },
        "picture_auction_asked": {
            "en": "Asked for: {lots:lot|lots}",
            "kk": "Сұралғаны: {lots:лот}",
            "ru": "Запрошено: {lots:лот|лота|лотов}",
        },
        "picture_auction_reserve": {
            "en": "Reserve price: {price}",
            "kk": "Резервтік баға: {price}",
            "ru": "Резервная цена: {price}",
        },
    }
)
_BOOK_PICTURES: Final = MappingProxyType(
    {
        "picture_book": {"en": "Order book", "kk": "Өтінімдер кітабы", "ru": "Книга заявок"},
        "picture_book_call": {
            "en": "Order book in a call",
            "kk": "Өтінімдер кітабы, жинақтау кезеңі",
            "ru": "Книга заявок, фаза сбора",
        },
        "picture_book_best": {
            "en": "Best bid: {bid}; best ask: {ask}",
            "kk": "Ең жоғары сатып алу бағасы: {bid}; ең төмен сату бағасы: {ask}",
            "ru": "Лучшая цена покупки: {bid}; продажи: {ask}",
        },
        "picture_book_price": {"en": "Price", "kk": "Бағасы", "ru": "Цена"},
        "picture_book_depth": {
            "en": "Shown up to the price, lots",
            "kk": "Осы бағаға дейін көрсетілгені, лот",
            "ru": "Показано до этой цены, лотов",
        },
        "picture_book_last": {
            "en": "Last price: {price}",
            "kk": "Соңғы баға: {price}",
            "ru": "Последняя цена: {price}",
        },
        "picture_book_indicative": {
            "en": "Indicative price: {price}",
            "kk": "Болжамды баға: {price}",
            "ru": "Индикативная цена: {price}",
        },
    }
)

SENTENCES: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        **_PRICES,
        **_LINKS,
        **_OUTSIDE,
        **_LIMITS,
        **_CALLS,
        **_AUCTIONS,
        **_PARADOXES,
        **_PIVOTS,
        **_PICTURES,
        **_AUCTION_PICTURES,
        **_BOOK_PICTURES,
    }
)
"""Every sentence and clause: its key, and its template in each language."""


def say(language: str, key: str, **values: int | str) -> str:
    """Write a sentence in a language.

    Args:
        language: `en`, `kk` or `ru`.
        key: A key of `SENTENCES`.
        values: A value for each placeholder of the template.

    Raises:
        Refusal: UNKNOWN_OPTION when there is no such language.

    >>> say("ru", "link", source="Павлодар", target="Астана", capacity=1_022, gap=8_000)
    'Павлодар → Астана (1 022 лота, перегрузочная рента 8 000 за тонну)'
    """
    check_language(language)
    return _Writer(language).format(SENTENCES[key][language], **values)


def check_language(language: str) -> None:
    """Refuse a language that the sentences are not written in."""
    if language not in LANGUAGES:
        raise Refusal(Code.UNKNOWN_OPTION, f"language is {language!r}", remedy=f"Choose one of {', '.join(LANGUAGES)}.")


def listed(language: str, names: Iterable[int | str], most: int) -> str:
    """Name the first few, and count the rest.

    >>> listed("kk", ["a", "b", "c", "d"], 3)
    'a, b, c және тағы 1'
    """
    every = [str(name) for name in names]
    named = ", ".join(every[:most])
    return named if len(every) <= most else say(language, "and_more", named=named, more=len(every) - most)


def form_of(language: str, count: int) -> int:
    """Return which form of a noun follows a whole number: an index into the forms of the language.

    >>> [form_of("ru", count) for count in (1, 3, 5, 11, 21, 112)], [form_of("en", count) for count in (0, 1, 2)]
    ([0, 1, 2, 2, 0, 2], [1, 0, 1])
    """
    ones, tens = abs(count) % 10, abs(count) // 10 % 10
    if language == "en":
        return 0 if abs(count) == 1 else 1
    if language == "kk":
        return 0
    if tens == 1 or not 1 <= ones <= 4:  # noqa: PLR2004 - one to four, as Russian counts
        return 2
    return 0 if ones == 1 else 1


class _Writer(string.Formatter):
    """Writes numbers for people, with the noun that they ask for."""

    def __init__(self, language: str) -> None:
        self._language = language

    def format_field(self, value: Any, format_spec: str) -> str:
        if isinstance(value, str):
            return value
        assert isinstance(value, int), "a sentence takes whole numbers and text"
        forms = format_spec.split("|")
        return f"{grouped(value)} {forms[form_of(self._language, value)]}".rstrip() if format_spec else grouped(value)
