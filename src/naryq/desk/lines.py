"""What is typed as words parted by commas or spaces, or as lines of parts between semicolons."""

from naryq.desk.forms import Values
from naryq.messages import Code, Refusal


def words(values: Values, name: str) -> list[str]:
    """Return the words of a field, parted by commas or spaces.

    >>> words({"provinces": "KZ-47, KZ-23"}, "provinces"), words({}, "provinces")
    (['KZ-47', 'KZ-23'], [])
    """
    return values.get(name, "").replace(",", " ").split()


def rows(values: Values, name: str, count: int, example: str) -> list[list[str]]:
    """Return the lines of a field, each of so many parts between semicolons.

    Raises:
        Refusal: WRONG_TYPE for a line with more parts or fewer; `where` is the field.

    >>> rows({"links": "ZH; KZ-47; 100; 2 000"}, "links", 4, "")
    [['ZH', 'KZ-47', '100', '2 000']]
    """
    found = [[part.strip() for part in line.split(";")] for line in values.get(name, "").splitlines() if line.strip()]
    for parts in found:
        if len(parts) != count:
            what = f"{'; '.join(parts)!r} has {len(parts)} parts and not {count}"
            raise Refusal(Code.WRONG_TYPE, what, where=name, remedy=f"Write a line such as {example}.")
    return found


def links(values: Values) -> list[dict[str, str]]:
    """Read ways between places, one a line: `source; target; lots; tariff`."""
    found = rows(values, "links", 4, "ZH; KZ-47; 100; 2000")
    names = ("source", "target", "capacity_lots", "tariff_tenge_per_tonne")
    return [dict(zip(names, [*parts[:2], *map(_number, parts[2:])], strict=True)) for parts in found]


def _number(text: str) -> str:
    """Return a whole number without the spaces between its groups; what is none is left to its type."""
    return text.replace(" ", "").replace("\u202f", "").replace("\u00a0", "")
