"""How a page becomes HTML: the templates, their filters, and what every page has around its own part."""

from collections.abc import Callable, Mapping
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import escape

from naryq.desk import figures
from naryq.desk.actions import ACTIONS
from naryq.desk.forms import Action, Field, Values
from naryq.desk.look import ASTANA_MINUTES, Look
from naryq.desk.pages import Page, navigation
from naryq.desk.words import NATIVE, Language, name_of, say
from naryq.messages import Refusal, Refused
from naryq.showing.distances import closeness
from naryq.showing.stops import stops
from naryq.units import NS_PER_MINUTE, percent_change_tenths

ASSETS: Final = ("desk.css", "desk.js", "icon.svg")
NS_PER_MS: Final = 10**6
KEY_LETTERS: Final = 24
ORDER_LETTERS: Final = 11


class Entered(NamedTuple):
    """A form that was refused: which, what was typed into it, and why."""

    form: str
    values: Values
    refusal: Refused | Refusal


class Visit(NamedTuple):
    """Somebody signed in, as the pages know him: who he is, and what makes his forms his own."""

    person: str
    csrf: str
    salt: str
    """What the identifiers of this moment's forms are made of; it changes with every form that is sent."""
    theme: str
    address: str
    """The path and query of the page, to which its forms lead back."""


def render(look: Look, page: Page, visit: Visit, entered: Entered | None = None, notice: str = "") -> str:
    """Return a whole page."""
    around = {**_around(look.language, visit.theme, visit.address), **_of_visit(look, page, visit), **page.build(look)}
    template = _template(page.template)
    html: str = template.render(**around, entered=entered, stray=None, notice=notice)
    if entered is None or f'id="{escape(entered.form)}"' in html:
        return html
    # The form is not on the page any more, such as that of an order which has just traded: say it at the top.
    stray: str = template.render(**around, entered=None, stray=entered.refusal, notice=notice)
    return stray


def render_confirmation(look: Look, page: Page, visit: Visit, asked: "Asked") -> str:
    """Return the page that asks whether an action is really meant."""
    html: str = _template("confirm.html").render(
        **{
            **_around(look.language, visit.theme, visit.address),
            **_of_visit(look, page, visit),
            "title": say(look.language, "confirm.title"),
        },
        action=asked.action,
        values=asked.values,
        form=asked.form,
        back=asked.back,
        given_id=asked.command_id,
        entered=None,
        stray=None,
        notice="",
    )
    return html


class Asked(NamedTuple):
    """A form as it was sent."""

    action: Action
    form: str
    values: dict[str, str]
    back: str
    command_id: str


def render_parts(look: Look, page: Page, visit: Visit) -> str:
    """Return what of a page may change while it is open, without what stands around it and without its clock."""
    around = {**_around(look.language, visit.theme, visit.address), **_of_visit(look, page, visit), "is_live": True}
    html: str = _template(page.template).render(**around, **page.build(look), entered=None, stray=None, notice="")
    return html


def render_sign_in(language: Language, theme: str, back: str, login: str, refusal: Refusal | None) -> str:
    """Return the page at the door."""
    around = {**_around(language, theme, "/desk/sign-in"), "title": say(language, "sign_in")}
    html: str = _template("sign_in.html").render(
        **around, back=back, login=login, refusal=refusal, entered=None, stray=None, notice=""
    )
    return html


def render_trouble(language: Language, theme: str, title: str, refusal: Refusal) -> str:
    """Return a page that says why there is no other."""
    around = {**_around(language, theme, "/desk"), "entered": None, "stray": None, "notice": ""}
    html: str = _template("trouble.html").render(**around, title=title, refusal=refusal)
    return html


# --- What templates are given -------------------------------------------------------------------------------------


def _around(language: Language, theme: str, address: str) -> dict[str, Any]:
    return {
        "language": language,
        "theme": theme,
        "path": address,
        "native_names": NATIVE,
        "viewer": None,
        "is_live": False,
        "offset": ASTANA_MINUTES,
        "csrf": "",
    }


def _of_visit(look: Look, page: Page, visit: Visit) -> dict[str, Any]:
    offset = look.offset_minutes
    return {
        "title": next(iter(look.named.values()), "") or say(look.language, f"nav.{page.key}"),
        "viewer": look.viewer,
        "member_name": look.state.participants[look.viewer.participant_id].name,
        "person": visit.person,
        "csrf": visit.csrf,
        "command_id": lambda key: identifier(visit.salt, key),
        "order_id": lambda session_id: order_name(visit.salt, session_id),
        "navigation": navigation(look, page),
        "stops": stops(look.state, look.viewer),
        "switches": look.switches,
        "live": f"/desk/live?page={visit.address}".replace("&", "%26").replace("#", "%23"),
        "now_ms": look.at_ns // NS_PER_MS,
        "at_ns": look.at_ns,
        "at_ns_minute": look.at_ns // NS_PER_MINUTE * NS_PER_MINUTE,
        "offset": offset,
        "zone": figures.zone(offset),
    }


def identifier(salt: str, key: str) -> str:
    """Return the identifier of the command of a form: the same for each showing until its session sends one."""
    return "desk-" + sha256(f"{salt} {key}".encode()).hexdigest()[:KEY_LETTERS]


def order_name(salt: str, session_id: str) -> str:
    """Return the identifier of the order that the ticket of a session would make."""
    return "D" + identifier(salt, f"order {session_id}")[-ORDER_LETTERS:].upper()


def form_key(action: str, subject: str = "") -> str:
    """Return the name of one form on a page, fit for an attribute: its action, and a digest of what it is about."""
    return f"{action}-{sha256(subject.encode()).hexdigest()[:10]}" if subject else action


def _visible(action: Action) -> tuple[str, ...]:
    return tuple(field.name for field in action.fields if field.kind != "hidden")


@pass_context
def _options(context: Context, field: Field, choices: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the options of a choice with their words, in the page's language."""
    given = choices.get(field.name)
    if given is not None:
        return list(given)
    return [(choice, name_of(context["language"], field.names, choice)) for choice in field.choices]


def is_address(text: str) -> bool:
    """Say whether a text may become a link: an address on the web and nothing else."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.netloc)


@pass_context
def _change(context: Context, before: int, after: int) -> str:
    tenths = percent_change_tenths(before, after)
    sign = "+" if tenths > 0 else ""
    return sign + figures.percent(context["language"], tenths * 10)


@pass_context
def _said(context: Context, key: str, **values: Any) -> str:
    return say(context["language"], key, **{name: str(value) for name, value in values.items()})


@pass_context
def _named(context: Context, kind: str, value: str) -> str:
    return name_of(context["language"], kind, value)


def _in_language(write: Callable[[str, Any], str]) -> Callable[..., str]:
    @pass_context
    def written(context: Context, value: Any) -> str:
        return write(context["language"], value)

    return written


def _by_clock(write: Callable[[Any, int], str]) -> Callable[..., str]:
    @pass_context
    def written(context: Context, at_ns: Any) -> str:
        return write(at_ns, context["offset"])

    return written


def _instant_minute(at_ns: int, offset_minutes: int) -> str:
    return figures.instant(at_ns, offset_minutes)[:-3]


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("naryq.desk"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        whole=figures.whole,
        money=_in_language(figures.money),
        tonnes=_in_language(figures.tonnes),
        percent=_in_language(figures.percent),
        instant=_by_clock(figures.instant),
        instant_minute=_by_clock(_instant_minute),
        minute=_by_clock(figures.minute),
        second=_by_clock(figures.second),
        machine_time=figures.machine_time,
        plain_money=figures.plain_money,
    )
    environment.tests["address"] = is_address
    environment.globals.update(
        t=_said,
        name=_named,
        change=_change,
        actions=ACTIONS,
        form_key=form_key,
        visible_fields=_visible,
        options_of=_options,
        closeness=closeness,
        part_of=figures.part_of,
        share_of=figures.share_basis_points,
        asset=asset,
    )
    return environment


def _template(name: str) -> Any:
    return _environment().get_template(name)


# --- Files --------------------------------------------------------------------------------------------------------


@cache
def asset_bytes(name: str) -> bytes:
    """Return the bytes of a style sheet, script or icon of the pages."""
    return (files("naryq.desk") / "static" / name).read_bytes()


@cache
def asset(name: str) -> str:
    """Return the address of a file of the pages; it holds a digest, so that a new file is a new address."""
    return f"/desk/static/{sha256(asset_bytes(name)).hexdigest()[:12]}/{name}"
