"""Every refusal code in one sentence: what it means, for the person who must act. The exact reason stands beside it."""

# ruff: noqa: RUF001 - Kazakh and Russian letters look like Latin ones, and are none.

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

CODES: Final[Mapping[str, tuple[str, str, str]]] = MappingProxyType(
    {
        "unreadable": ("It cannot be read", "Оқу мүмкін емес", "Не удаётся прочитать"),
        "too_large": ("It is too large", "Тым үлкен", "Слишком большой объём"),
        "empty": ("Nothing is given", "Ештеңе берілмеген", "Ничего не указано"),
        "column_missing": ("Something is missing", "Бірдеңе жетіспейді", "Чего-то не хватает"),
        "column_unknown": ("A column is unknown", "Баған белгісіз", "Неизвестный столбец"),
        "wrong_type": ("This is not of the right kind", "Мән түрі дұрыс емес", "Значение не того вида"),
        "out_of_range": ("This value is not allowed", "Бұл мән рұқсат етілмейді", "Такое значение недопустимо"),
        "duplicate_id": ("This identifier is taken", "Бұл сәйкестендіргіш бос емес", "Этот идентификатор занят"),
        "unknown_place": ("There is no such place", "Мұндай орын жоқ", "Такого места нет"),
        "unknown_side": ("There is no such side", "Мұндай жақ жоқ", "Такой стороны нет"),
        "self_loop": ("A link leads nowhere", "Бағыт ешқайда апармайды", "Направление никуда не ведёт"),
        "overflow": ("The session holds no more", "Сессияға бұдан көп сыймайды", "Сессия больше не вмещает"),
        "unknown_option": ("There is no such option", "Мұндай таңдау жоқ", "Такого варианта нет"),
        "not_supported": (
            "This session does not take it",
            "Бұл сессия оны қабылдамайды",
            "Эта сессия такого не принимает",
        ),
        "words_missing": (
            "There is nothing to read here",
            "Мұнда оқитын ештеңе жоқ",
            "Здесь нечего прочитать",
        ),
        "rule_invalid": ("The rule is not sound", "Ереже дұрыс емес", "Правило составлено неверно"),
        "rule_unknown": ("There is no such rule", "Мұндай ереже жоқ", "Такого правила нет"),
        "rule_missing": ("A rule is missing", "Ереже жетіспейді", "Не хватает правила"),
        "not_permitted": ("You may not do this", "Бұған рұқсатыңыз жоқ", "У вас нет на это права"),
        "unknown_participant": (
            "There is no such participant",
            "Мұндай қатысушы жоқ",
            "Такого участника нет",
        ),
        "batch_refused": (
            "Another row was refused, and none is taken",
            "Басқа жол қабылданбады, сондықтан ештеңе алынбады",
            "Другая строка отклонена, и не принята ни одна",
        ),
        "locked_out": (
            "Too many wrong tries; wait",
            "Қате әрекет тым көп; күтіңіз",
            "Слишком много неверных попыток; подождите",
        ),
        "too_many_requests": (
            "Too many requests; wait",
            "Сұраныс тым көп; күтіңіз",
            "Слишком много запросов; подождите",
        ),
        "second_person": (
            "A second person must agree",
            "Екінші адамның келісімі керек",
            "Нужно согласие второго человека",
        ),
        "switched_off": (
            "Your own kill switch is engaged",
            "Өз сөндіргішіңіз қосулы",
            "Включён ваш собственный выключатель",
        ),
        "not_authenticated": ("You are not signed in", "Сіз кірген жоқсыз", "Вы не вошли"),
        "suspended": ("The participant is suspended", "Қатысушы тоқтатылған", "Участник приостановлен"),
        "excluded": ("The participant is excluded", "Қатысушы шығарылған", "Участник исключён"),
        "credential_missing": (
            "A document that the rules ask for is missing",
            "Ережеде талап етілген құжат жоқ",
            "Нет документа, которого требуют правила",
        ),
        "unknown_session": ("There is no such session", "Мұндай сессия жоқ", "Такой сессии нет"),
        "unknown_order": ("There is no such open order", "Мұндай ашық өтінім жоқ", "Такой открытой заявки нет"),
        "not_found": ("It was not found", "Табылмады", "Не найдено"),
        "already_exists": ("It exists already", "Ол бұрыннан бар", "Это уже есть"),
        "wrong_phase": ("Not in this phase", "Бұл кезеңде болмайды", "В этой фазе нельзя"),
        "outside_window": ("Outside the window", "Уақыт аралығынан тыс", "Вне окна времени"),
        "outside_region": ("Outside the region", "Өңірден тыс", "Вне региона"),
        "unknown_instrument": ("There is no such instrument", "Мұндай құрал жоқ", "Такого инструмента нет"),
        "time_backward": ("The time lies in the past", "Уақыт артта қалған", "Время в прошлом"),
        "time_ahead": ("The time lies ahead", "Уақыт алда", "Время в будущем"),
        "no_rulebook": ("No rulebook is in force", "Күшінде ережелер жоқ", "Правила не введены в действие"),
        "no_price": ("There is no price", "Баға жоқ", "Цены нет"),
        "price_above_collar": (
            "The price lies above the collar",
            "Баға дәлізден жоғары",
            "Цена выше коридора",
        ),
        "price_below_collar": (
            "The price lies below the collar",
            "Баға дәлізден төмен",
            "Цена ниже коридора",
        ),
        "insufficient_guarantee": (
            "Free money does not cover the guarantee",
            "Бос ақша кепілдікке жетпейді",
            "Свободных денег не хватает на гарантию",
        ),
        "insufficient_funds": ("Free money does not suffice", "Бос ақша жетпейді", "Свободных денег не хватает"),
        "unknown_obligation": ("There is no such obligation", "Мұндай міндеттеме жоқ", "Такого обязательства нет"),
        "not_paid": ("It is not paid", "Төленбеген", "Не оплачено"),
        "not_due": ("It is not due yet", "Мерзімі келген жоқ", "Срок ещё не наступил"),
        "command_id_reused": (
            "This form was sent before with other values; send it anew",
            "Бұл нысан бұрын басқа мәндермен жіберілген; қайта жіберіңіз",
            "Эта форма уже отправлена с другими значениями; отправьте заново",
        ),
        "trading_stopped": ("Trading is stopped", "Сауда тоқтатылған", "Торги остановлены"),
        "not_stopped": ("It is not stopped", "Ол тоқтатылмаған", "Это не остановлено"),
        "unknown_proposal": ("There is no such proposal", "Мұндай ұсыныс жоқ", "Такого предложения нет"),
        "not_assessed": (
            "The effect must be assessed first",
            "Алдымен әсерін бағалау керек",
            "Сначала нужно оценить последствия",
        ),
        "four_eyes": (
            "A second person in another role must decide",
            "Басқа рөлдегі екінші адам шешуі керек",
            "Решить должен второй человек в другой роли",
        ),
        "unknown_flag": ("There is no such flag", "Мұндай белгі жоқ", "Такого сигнала нет"),
        "price_above_hold": (
            "The price lies above the hold",
            "Баға ұстау шегінен жоғары",
            "Цена выше одностороннего предела",
        ),
        "price_above_parity": (
            "The price lies above export parity",
            "Баға экспорт теңдігінен жоғары",
            "Цена выше экспортного паритета",
        ),
        "too_many_lots": ("Too many lots", "Лот тым көп", "Слишком много лотов"),
        "too_much_value": ("The order is worth too much", "Өтінім құны тым үлкен", "Слишком большая стоимость заявки"),
        "too_fast": ("Orders come too fast", "Өтінімдер тым жиі", "Заявки идут слишком часто"),
        "batch_too_small": (
            "Below the month's smallest batch",
            "Айлық ең аз партиядан аз",
            "Меньше наименьшей месячной партии",
        ),
        "batch_too_large": (
            "Above the month's largest batch",
            "Айлық ең көп партиядан көп",
            "Больше наибольшей месячной партии",
        ),
        "still_halted": ("Still halted by a limit", "Шек бойынша әлі кідіртулі", "Ещё приостановлено пределом"),
        "outside_calendar": ("Outside the calendar", "Күнтізбеден тыс", "Вне календаря"),
        "unknown_claim": ("There is no such claim", "Мұндай талап жоқ", "Такого требования нет"),
        "nothing_to_claim": ("There is nothing to claim", "Талап ететін ештеңе жоқ", "Требовать нечего"),
        "fund_exhausted": ("The fund does not suffice", "Қор жетпейді", "Средств фонда не хватает"),
        "journal_damaged": ("The journal is damaged", "Журнал бүлінген", "Журнал повреждён"),
        "journal_locked": ("The journal is in use", "Журнал бос емес", "Журнал занят"),
        "snapshot_differs": (
            "The snapshot differs from the journal",
            "Сақталған күй журналға сәйкес келмейді",
            "Снимок состояния расходится с журналом",
        ),
        "busy": (
            "The venue is busy; send the form again",
            "Алаң бос емес; нысанды қайта жіберіңіз",
            "Площадка занята; отправьте форму ещё раз",
        ),
        "stopped": ("The venue has stopped working", "Алаң жұмысын тоқтатты", "Площадка прекратила работу"),
        "outcome_unknown": (
            "It is unknown whether it was kept; send this very form again",
            "Сақталғаны белгісіз; дәл осы нысанды қайта жіберіңіз",
            "Неизвестно, сохранено ли; отправьте эту же форму ещё раз",
        ),
    }
)
"""Code -> English, Kazakh, Russian."""
