"""The words of the calendar, auctions, affiliates, emergencies and the kill switch."""

# ruff: noqa: RUF001 - Kazakh and Russian letters look like Latin ones, and are none.

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

MARKET: Final[Mapping[str, tuple[str, str, str]]] = MappingProxyType(
    {
        # --- Headings and columns -----------------------------------------------------------------------------------
        "switch": ("Kill switch", "Шұғыл ажыратқыш", "Аварийный выключатель"),
        "switch.own": (
            "Your kill switch is engaged: no order of yours enters",
            "Шұғыл ажыратқышыңыз қосулы: өтінімдеріңіз қабылданбайды",
            "Ваш аварийный выключатель включён: ваши заявки не принимаются",
        ),
        "switch.on": ("Engaged", "Қосулы", "Включён"),
        "switch.off": ("Not engaged", "Қосылмаған", "Не включён"),
        "switch.note": (
            "It takes all your orders back and lets no new one in, by any door, until it is released.",
            "Барлық өтініміңізді қайтарып алады және босатылғанша жаңасын еш жолмен қабылдамайды.",
            "Снимает все ваши заявки и не пускает новых ни через какой вход, пока его не отключат.",
        ),
        "switches": ("Kill switches", "Шұғыл ажыратқыштар", "Аварийные выключатели"),
        "switches.note": (
            "A switch takes all orders of one participant back and lets no new one in, by any door.",
            "Ажыратқыш бір қатысушының бар өтінімін қайтарып алады, жаңасын еш жолмен қабылдамайды.",
            "Выключатель снимает все заявки одного участника и не пускает новых ни через какой вход.",
        ),
        "switches.none": ("No switch is engaged.", "Қосулы ажыратқыш жоқ.", "Включённых выключателей нет."),
        "series": ("Additional sessions", "Қосымша сессиялар", "Дополнительные сессии"),
        "series.none": ("No series is announced.", "Жарияланған топтама жоқ.", "Объявленных серий нет."),
        "sessions_count": ("Sessions", "Сессия саны", "Сессий"),
        "base_price": ("Base price", "Негіз баға", "Базовая цена"),
        "limits_acted": ("Limits that acted", "Іске қосылған шектеулер", "Сработавшие ограничения"),
        "holidays": ("Days without trading", "Сауда жоқ күндер", "Дни без торгов"),
        "holidays.whole_week": (
            "every Saturday and Sunday ({count} days)",
            "әр сенбі мен жексенбі ({count} күн)",
            "каждая суббота и воскресенье (дней: {count})",
        ),
        "holidays.none": (
            "No year is declared: a session may be opened on any day.",
            "Жыл жарияланбаған: сессия кез келген күні ашылады.",
            "Год не объявлен: сессию можно открыть на любой день.",
        ),
        "affiliations": ("Affiliates", "Үлестес тұлғалар", "Аффилированные лица"),
        "affiliations.none": ("No affiliate is declared.", "Үлестес тұлға жарияланбаған.", "Не объявлены."),
        "affiliations.note": (
            "Before every limit you and your affiliates are one. Only the operator or the regulator ends it.",
            "Әр шек алдында сіз бен үлестестеріңіз — біреу. Оны тек оператор не реттеуші тоқтатады.",
            "Перед каждым пределом вы и аффилированные — одно лицо. Прекращают оператор или регулятор.",
        ),
        "for_buyer": ("For the buyer", "Сатып алушы үшін", "За покупателя"),
        "for_seller": ("For the seller", "Сатушы үшін", "За продавца"),
        "deal_void": ("Where the deal is void", "Мәміле жарамсыз болса", "Если сделка недействительна"),
        "claims.own": ("Own claims that wait", "Шешім күткен талаптарыңыз", "Свои требования в ожидании"),
        "emergency.lasts": ("Until the end of", "Осы күн соңына дейін", "До конца дня"),
        "emergency.over": ("Ended", "Аяқталды", "Закончилась"),
        "payment.uniform": ("One price for all", "Бәріне бір баға", "Единая цена"),
        "payment.pay_as_bid": ("Each its own price", "Әркім өз бағасымен", "Каждый по своей цене"),
        # --- Fields -------------------------------------------------------------------------------------------------
        "field.places": ("Places", "Орындар", "Места"),
        "field.ways": ("Ways between places", "Орындар арасындағы бағыттар", "Пути между местами"),
        "field.initiator_id": ("Initiator", "Бастамашы", "Инициатор"),
        "field.initiator": ("It is the", "Ол —", "Он —"),
        "field.direction": ("Price moves", "Баға бағыты", "Цена идёт"),
        "field.format": ("Bids are", "Ұсыныстар", "Предложения"),
        "field.payment": ("Paid is", "Төленетіні", "Платится"),
        "field.start_price_tenge_per_tonne": ("Start price, tenge/t", "Бастапқы баға, теңге/т", "Начальная, тенге/т"),
        "field.step_tenge_per_tonne": ("Step, tenge/t", "Қадам, теңге/т", "Шаг, тенге/т"),
        "field.reserve_price_tenge_per_tonne": ("Reserve, tenge/t", "Шекті баға, теңге/т", "Резервная, тенге/т"),
        "field.reserve_published": ("The reserve is published", "Шекті баға жарияланады", "Резервная публикуется"),
        "field.series_id": ("Series", "Топтама", "Серия"),
        "field.requested_by": ("Asked for by", "Сұраған", "По просьбе"),
        "field.fallback_instrument": ("Then for the Republic", "Кейін республикаға", "Затем для Республики"),
        "field.first_day": ("First day", "Бірінші күні", "Первый день"),
        "field.base_price_tenge_per_tonne": ("Base price, tenge/t", "Негіз баға, теңге/т", "Базовая, тенге/т"),
        "field.base_source": ("Its source", "Оның дереккөзі", "Её источник"),
        "field.year": ("Year", "Жыл", "Год"),
        "field.days": ("Days without trading", "Сауда жоқ күндер", "Дни без торгов"),
        "field.working": ("Weekend days with trading", "Сауда бар демалыс күндері", "Выходные с торгами"),
        "field.source": ("Where it stands", "Қайда жазылған", "Где написано"),
        "field.affiliate_id": ("Affiliated with", "Кіммен үлестес", "Аффилирован с"),
        "field.evidence": ("Evidence", "Дәлел", "Подтверждение"),
        "field.fund": ("Fund", "Қор", "Фонд"),
        "field.more": ("More rules", "Тағы ережелер", "Другие правила"),
        "field.days_long": ("For so many days", "Неше күнге", "На сколько дней"),
        # --- Hints --------------------------------------------------------------------------------------------------
        "hint.places": (
            "A line each: code; plant, province or outside. Such as ZH; plant",
            "Әр жолда: код; plant, province не outside. Мысалы ZH; plant",
            "По строке: код; plant, province или outside. Например, ZH; plant",
        ),
        "hint.network_links": (
            "A line each: from; to; lots; tenge a tonne. Such as ZH; KZ-47; 100; 2000",
            "Әр жолда: қайдан; қайда; лот; теңге/тонна. Мысалы ZH; KZ-47; 100; 2000",
            "По строке: откуда; куда; лоты; тенге за тонну. Например, ZH; KZ-47; 100; 2000",
        ),
        "hint.step": ("1 where nothing is said", "Айтылмаса, 1", "1, если не указано"),
        "hint.base_price": (
            "The last average where nothing is said",
            "Айтылмаса, соңғы орташа баға",
            "Последняя средняя, если не указано",
        ),
        "hint.days": (
            "Such as 2022-01-03, parted by spaces or lines; besides weekends",
            "Мысалы 2022-01-03, бос орынмен не жолмен; демалыстан бөлек",
            "Например, 2022-01-03, через пробел или с новой строки; кроме выходных",
        ),
        "hint.working": ("Such as 2022-03-05", "Мысалы 2022-03-05", "Например, 2022-03-05"),
        "hint.region_provinces": (
            "Codes, where the region is made of several",
            "Өңір бірнешеу болса, кодтары",
            "Коды, если регион из нескольких",
        ),
        "hint.emergency_value": ("In the rule's unit", "Ереженің өлшемімен", "В единице правила"),
        "hint.more": (
            "A line each: rule; value. Such as collar_rise; 2500",
            "Әр жолда: ереже; мәні. Мысалы collar_rise; 2500",
            "По строке: правило; значение. Например, collar_rise; 2500",
        ),
        "hint.emergency_days": (
            "Today is the first; the rules say how many at most",
            "Бүгін — бірінші; ең көбін ережелер айтады",
            "Сегодня — первый; предел в правилах",
        ),
        # --- Buttons ------------------------------------------------------------------------------------------------
        "do.open-network": ("Open a network auction", "Желілік аукцион ашу", "Открыть сетевой аукцион"),
        "do.open-auction": ("Open a standard auction", "Стандартты аукцион ашу", "Открыть стандартный аукцион"),
        "do.schedule": ("Announce additional sessions", "Қосымша сессия жариялау", "Объявить дополнительные сессии"),
        "do.holidays": ("Declare the year's days", "Жыл күндерін жариялау", "Объявить дни года"),
        "do.delist": ("Delist an instrument", "Құралды саудадан шығару", "Снять инструмент с торгов"),
        "do.engage-switch": ("Engage the kill switch", "Шұғыл ажыратқышты қосу", "Включить аварийный выключатель"),
        "do.release-switch": ("Release the kill switch", "Шұғыл ажыратқышты босату", "Отключить аварийный выключатель"),
        "do.classify": ("Give a class", "Санат беру", "Присвоить класс"),
        "do.declare-affiliation": ("Declare an affiliate", "Үлестесті жариялау", "Объявить аффилированное лицо"),
        "do.end-affiliation": ("End the affiliation", "Үлестестікті тоқтату", "Прекратить аффилированность"),
        "do.endow": ("Confirm money for a fund", "Қор ақшасын растау", "Подтвердить деньги фонда"),
        "do.declare-emergency": ("Declare an emergency", "Төтенше шара жариялау", "Объявить чрезвычайную меру"),
        # --- What is asked back -------------------------------------------------------------------------------------
        "confirm.delist": (
            "No further session may be opened over the instrument, and its code is not used again.",
            "Бұл құралмен енді сессия ашылмайды, коды қайта қолданылмайды.",
            "Сессии по инструменту больше не открываются, его код не используется снова.",
        ),
        "confirm.engage-switch": (
            "All open orders of the participant are taken back at once, and no new one enters by any door.",
            "Қатысушының ашық өтінімдері бірден қайтарылады, жаңасы еш жолмен қабылданбайды.",
            "Все открытые заявки участника снимаются сразу, новые не принимаются ни через какой вход.",
        ),
        "confirm.release-switch": (
            "Orders of the participant are taken again.",
            "Қатысушының өтінімдері қайта қабылданады.",
            "Заявки участника снова принимаются.",
        ),
        "confirm.end-affiliation": (
            "Before the limits the two are no longer one.",
            "Шектер алдында екеуі енді біреу емес.",
            "Перед пределами эти двое больше не одно лицо.",
        ),
        "confirm.declare-emergency": (
            "The values hold from now on, by your word alone, and end by themselves. Everybody sees it.",
            "Мәндер қазірден бастап тек сіздің шешіміңізбен қолданылады да, өзі аяқталады. Оны бәрі көреді.",
            "Значения действуют с этой минуты по вашему решению и заканчиваются сами. Это видят все.",
        ),
    }
)
"""Key -> English, Kazakh, Russian."""
