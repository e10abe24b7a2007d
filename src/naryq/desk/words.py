"""The words of the pages in Kazakh, Russian and English.

Each word has a key and one text a language; a page names the key, and a test sees that every key that a page names is
there in all three, and that none stands here that no page names. A placeholder stands in braces: `{count}`.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

from naryq.desk.words_codes import CODES
from naryq.desk.words_forms import FORMS
from naryq.desk.words_market import MARKET
from naryq.desk.words_names import NAMES
from naryq.desk.words_pages import PAGES
from naryq.desk.words_plans import PLANS
from naryq.desk.words_watch import WATCH

Language: TypeAlias = Literal["kk", "ru", "en"]
LANGUAGES: Final[tuple[Language, ...]] = ("kk", "ru", "en")
NATIVE: Final[Mapping[Language, str]] = MappingProxyType({"kk": "Қазақша", "ru": "Русский", "en": "English"})
"""What each language calls itself."""
_POSITION: Final = MappingProxyType({"en": 0, "kk": 1, "ru": 2})

WORDS: Final[Mapping[str, tuple[str, str, str]]] = MappingProxyType(
    {
        **PAGES,
        **FORMS,
        **PLANS,
        **MARKET,
        **NAMES,
        **WATCH,
        **{f"code.{code}": texts for code, texts in CODES.items()},
    }
)
"""Key -> English, Kazakh, Russian."""


def say(language: Language, key: str, **values: str) -> str:
    """Return a text of the pages in a language.

    >>> say("en", "role.buyer"), say("ru", "role.buyer")
    ('Buyer', 'Покупатель')
    """
    return WORDS[key][_POSITION[language]].format(**values)


def name_of(language: Language, kind: str, value: str) -> str:
    """Return the word for a value of a closed list, such as a phase; the value itself where the list has none.

    >>> name_of("en", "phase", "continuous"), name_of("ru", "unit", "basis points"), name_of("en", "phase", "a new one")
    ('Continuous', 'базисных пунктов', 'a new one')
    """
    key = f"{kind}.{value}".replace(" ", "_")
    return say(language, key) if key in WORDS else value.replace("_", " ")


def known_language(text: str | None) -> Language | None:
    """Return the language that a text names, or None.

    >>> known_language("kk"), known_language("xx")
    ('kk', None)
    """
    return next((language for language in LANGUAGES if language == text), None)


def preferred(accepted: str) -> Language:
    """Return the language that a browser asks for (`Accept-Language`), of those that there are; else Kazakh.

    >>> preferred("de-DE, ru;q=0.8, en;q=0.9"), preferred("")
    ('en', 'kk')
    """
    best, weight = LANGUAGES[0], -1
    for part in accepted.split(","):
        name, _, quality = part.strip().partition(";q=")
        found = known_language(name.partition("-")[0].lower())
        given = _thousandths(quality)
        if found is not None and given > weight:
            best, weight = found, given
    return best


def _thousandths(quality: str) -> int:
    """Read a quality value: `0.8` is 800, none is 1000, and what is no number is nothing."""
    if not quality:
        return 1_000
    whole, _, rest = quality.strip().partition(".")
    digits = (rest + "000")[:3]
    return int(whole + digits) if (whole + digits).isascii() and (whole + digits).isdigit() else 0
