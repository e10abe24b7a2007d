"""What the watch measures, in words: one for each of the closed list of measures, and what stands beside an order."""

# ruff: noqa: RUF001 - Kazakh and Russian letters look like Latin ones, and are none.

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_MEASURES: Final = (
    ("asked_for_by_the_plan", "Asked for by the plan", "Жоспар бойынша талап етіледі", "Требует план"),
    ("average_before", "Average before", "Бұған дейінгі орташа баға", "Средняя до этого"),
    ("average_late", "Average at the close", "Жабылу алдындағы орташа баға", "Средняя под закрытие"),
    ("average_now", "Average now", "Қазіргі орташа баға", "Средняя сейчас"),
    ("average_then", "Average then", "Сол кездегі орташа баға", "Средняя тогда"),
    ("bought", "Bought", "Сатып алынды", "Куплено"),
    ("bought_at", "Bought at", "Сатып алу бағасы", "Цена покупки"),
    ("bought_of_all", "Bought, of all that was", "Барлық сатып алудағы үлесі", "Доля во всех покупках"),
    ("carried_round", "Went round", "Айналып өтті", "Прошло по кругу"),
    ("could_offer", "Could offer", "Ұсына алатын еді", "Мог предложить"),
    ("first_sold_at", "First sold at", "Алғашқы сату бағасы", "Цена первой продажи"),
    ("gap", "Gap", "Алшақтық", "Разрыв"),
    (
        "gap_in_spreads_of_the_losers",
        "Gap, in spreads of those who sold nothing",
        "Алшақтық, сатпағандар бағасының шашырауымен",
        "Разрыв, в разбросах цен ничего не продавших",
    ),
    ("groups", "Groups", "Топтар", "Группы"),
    (
        "held_back_of_all_that_was_offered",
        "Held back, of all that was offered",
        "Ұсталғаны, барлық ұсыныстан",
        "Удержано, от всего предложенного",
    ),
    ("hhi_of_purchases", "HHI of purchases", "Сатып алудың ХХИ-і", "ИХХ покупок"),
    ("hhi_of_sales", "HHI of sales", "Сатудың ХХИ-і", "ИХХ продаж"),
    ("highest", "Highest", "Ең жоғарғы", "Наивысшая"),
    (
        "largest_share_of_purchases",
        "Largest share of purchases",
        "Сатып алудағы ең үлкен үлес",
        "Наибольшая доля покупок",
    ),
    ("largest_share_of_sales", "Largest share of sales", "Сатудағы ең үлкен үлес", "Наибольшая доля продаж"),
    ("losers", "Sold nothing", "Ештеңе сатпағандар", "Не продали ничего"),
    ("lots", "Traded in all", "Барлығы саудаланды", "Всего продано"),
    ("lots_with_itself", "Traded with itself", "Өзімен өзі саудалады", "Продано самой себе"),
    ("lowest", "Lowest", "Ең төменгі", "Наименьшая"),
    ("markup_on_resale", "Mark-up on resale", "Қайта сату үстемесі", "Наценка при перепродаже"),
    ("mean_pause", "Mean pause", "Орташа үзіліс", "Средняя пауза"),
    ("messages", "Messages", "Хабарлар", "Сообщения"),
    (
        "messages_for_an_order_that_traded",
        "Messages for an order that traded",
        "Орындалған бір өтінімге келетін хабарлар",
        "Сообщений на исполненную заявку",
    ),
    (
        "messages_within_one_second",
        "Messages within one second",
        "Бір секундтағы хабарлар",
        "Сообщений за одну секунду",
    ),
    ("moved_at_the_close", "Moved at the close", "Жабылу алдындағы өзгеріс", "Сдвиг под закрытие"),
    ("now_sold_at", "Now sold at", "Қазіргі сату бағасы", "Цена продажи сейчас"),
    (
        "of_the_groups_with_one_price_to_buy",
        "Groups with one price to buy",
        "Бірдей бағамен сатып алатын топтар",
        "Группы с одной ценой покупки",
    ),
    (
        "of_the_groups_with_one_price_to_sell",
        "Groups with one price to sell",
        "Бірдей бағамен сататын топтар",
        "Группы с одной ценой продажи",
    ),
    ("offered", "Offered", "Ұсынылды", "Предложено"),
    ("offered_by_all", "Offered by all", "Барлығы ұсынды", "Предложено всеми"),
    ("offered_by_the_largest", "Offered by the largest", "Ең ірісі ұсынды", "Предложено крупнейшим"),
    (
        "on_both_sides_of_all_that_traded",
        "On both sides, of all that traded",
        "Екі жақта да, барлық саудадан",
        "На обеих сторонах, от всех сделок",
    ),
    ("pauses", "Pauses", "Үзілістер", "Паузы"),
    ("price", "Price", "Баға", "Цена"),
    ("residual_supply_index", "Residual supply index", "Қалдық ұсыныс индексі", "Индекс остаточного предложения"),
    ("risen", "Risen", "Өсім", "Рост"),
    ("sessions", "Sessions", "Сессиялар", "Сессии"),
    (
        "sessions_with_the_same_order_of_sellers",
        "Sessions with the same order of sellers",
        "Сатушылар реті бірдей сессиялар",
        "Сессий с тем же порядком продавцов",
    ),
    ("share_of_the_late_trades", "Share of the late trades", "Соңғы мәмілелердегі үлес", "Доля поздних сделок"),
    ("sold", "Sold", "Сатылды", "Продано"),
    ("sold_at", "Sold at", "Сату бағасы", "Цена продажи"),
    ("sold_on", "Sold on", "Қайта сатылды", "Перепродано"),
    ("times_sold", "Times sold", "Неше рет сатылды", "Сколько раз продано"),
    ("traded", "Traded", "Орындалды", "Исполнено"),
    (
        "traded_with_itself_of_all_that_traded",
        "Traded with itself, of all that traded",
        "Өзімен өзі, барлық саудадан",
        "Самой себе, от всех сделок",
    ),
    ("variation_of_the_pauses", "Variation of the pauses", "Үзілістердің шашырауы", "Разброс пауз"),
    (
        "variation_of_the_prices_to_buy",
        "Variation of the prices to buy",
        "Сатып алу бағаларының шашырауы",
        "Разброс цен покупки",
    ),
    (
        "variation_of_the_prices_to_sell",
        "Variation of the prices to sell",
        "Сату бағаларының шашырауы",
        "Разброс цен продажи",
    ),
    ("with_that_price", "With that price", "Осы бағамен", "С этой ценой"),
    ("withdrawn", "Withdrawn", "Қайтарып алынды", "Отозвано"),
)
"""Code, English, Kazakh, Russian."""
WATCH: Final[Mapping[str, tuple[str, str, str]]] = MappingProxyType(
    {
        **{f"measure.{code}": (english, kazakh, russian) for code, english, kazakh, russian in _MEASURES},
        "watched.at": ("Sent", "Жіберілді", "Отправлена"),
        "watched.traded": ("Traded", "Орындалды", "Исполнено"),
        "watched.changes": ("Changed", "Өзгертілді", "Изменений"),
        "watched.withdrawn": ("taken back", "қайтарып алынды", "отозвана"),
        "unit.orders": ("orders", "өтінім", "заявок"),
        "unit.pauses": ("pauses", "үзіліс", "пауз"),
        "unit.nanoseconds": ("nanoseconds", "наносекунд", "наносекунд"),
    }
)
"""Key -> English, Kazakh, Russian."""
