"""The desk's door: who is signed in, which page he gets, what his forms become, and how an open page stays fresh.

Pages are rendered in a thread from the state, which is a value, so that no page holds up an order.
"""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from http import HTTPStatus
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qs, parse_qsl, quote, unquote, urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from naryq.access.sessions import PageSession, check_csrf
from naryq.desk import rendering
from naryq.desk.actions import ACTIONS
from naryq.desk.forms import Action, read
from naryq.desk.look import Look, NoSuchPage
from naryq.desk.pages import Page, page_at
from naryq.desk.rendering import Asked, Entered, Visit
from naryq.desk.words import Language, known_language, preferred, say
from naryq.engine import Answer
from naryq.exchange.rule_replay import RulesReplayed
from naryq.gateways import switching
from naryq.gateways.house import House
from naryq.gateways.switching import SWITCHING, EngageSwitch
from naryq.messages import AnyEvent, Code, OrderAccepted, Refusal, Refused, SubmitOrder, Traded
from naryq.showing.viewer import viewer_of

SESSION_COOKIE: Final = "naryq_desk"
LANGUAGE_COOKIE: Final = "naryq_language"
THEME_COOKIE: Final = "naryq_theme"
YEAR_SECONDS: Final = 365 * 24 * 3600
FORM_BYTES_MAX: Final = 64 * 1024
FIELDS_MAX: Final = 60
FORM_TYPE: Final = "application/x-www-form-urlencoded"
HOME: Final = "/desk"
REPLAY: Final = "replay"
"""The page that lets something be worked out first."""
LIVE_SECONDS: Final = 1
LIVE_ANYWAY: Final = 30
"""After so many turns an open page is made anew though no row has come: some of it hangs on the time of day."""
LIVE_SHARE: Final = 9
"""For each second that is spent on refreshing open pages, so many are left to all else."""
LIVE_OF_ONE_MAX: Final = 12
UNDECIDED: Final = frozenset({Code.BUSY, Code.STOPPED, Code.OUTCOME_UNKNOWN})
"""After these the same form is sent again under the same identifier."""
HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cache-Control": "no-store",
}
Chance = Callable[[int], bytes]
Handler = Callable[[Request], Awaitable[Response]]


class Signed(NamedTuple):
    """Who is signed in on a request: his session and the cookie that says so."""

    session: PageSession
    cookie: str


class NotSigned(Exception):  # noqa: N818 - an answer to whoever has not signed in
    """Nobody is signed in: the answer is the way to the door."""


def routes(house: House, chance: Chance = secrets.token_bytes) -> Sequence[BaseRoute]:
    """Return the routes of the desk over a house."""
    desk = Desk(house, chance)
    return [
        Route("/", desk.home),
        Route("/desk/static/{digest}/{name}", static),
        Route("/desk/sign-in", desk.handled(desk.door), methods=["GET"]),
        Route("/desk/sign-in", desk.handled(desk.sign_in), methods=["POST"]),
        Route("/desk/sign-out", desk.handled(desk.sign_out), methods=["POST"]),
        Route("/desk/language", desk.handled(desk.choose), methods=["POST"]),
        Route("/desk/theme", desk.handled(desk.choose), methods=["POST"]),
        Route("/desk/live", desk.handled(desk.live), methods=["GET"]),
        Route("/desk/second", desk.handled(desk.second), methods=["POST"]),
        Route("/desk/do/{action}", desk.handled(desk.act), methods=["POST"]),
        Route("/desk", desk.handled(desk.page), methods=["GET"]),
        Route("/desk/{rest:path}", desk.handled(desk.page), methods=["GET"]),
    ]


async def static(request: Request) -> Response:
    """Answer with a file of the pages, which its address names by digest: it may be kept for ever."""
    name = request.path_params["name"]
    if name not in rendering.ASSETS:
        return Response(status_code=HTTPStatus.NOT_FOUND)
    kinds = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
    kept = {**HEADERS, "Cache-Control": "public, max-age=31536000, immutable"}
    return Response(rendering.asset_bytes(name), headers=kept, media_type=kinds[name.rpartition(".")[2]])


class Desk:
    """The pages over one house. What it remembers of a session is how many forms it sent, and the last notice."""

    def __init__(self, house: House, chance: Chance) -> None:
        """Begin without visitors."""
        self._house = house
        self._salt = chance(16).hex()
        self._sent: dict[str, int] = {}
        self._notices: dict[str, str] = {}
        self._watching: dict[str, int] = {}
        self._slot = asyncio.Semaphore(1)

    # --- Around every request -----------------------------------------------------------------------------------------

    def handled(self, act: Handler) -> Handler:
        """Answer with a page what `act` refuses, and with the way to the door whoever is not signed in."""

        async def handle(request: Request) -> Response:
            try:
                if request.method == "POST":
                    _check_origin(request)
                return await act(request)
            except NotSigned:
                return _to_the_door(request)
            except NoSuchPage:
                return self._trouble(
                    request, HTTPStatus.NOT_FOUND, Refusal(Code.NOT_FOUND, "nothing is at this address")
                )
            except Refusal as refusal:
                return self._refused(request, refusal)

        return handle

    async def home(self, _: Request) -> Response:
        """Lead from the bare address to the desk."""
        return RedirectResponse(HOME, HTTPStatus.SEE_OTHER, headers=HEADERS)

    def _refused(self, request: Request, refusal: Refusal) -> Response:
        status = {
            Code.TOO_MANY_REQUESTS: HTTPStatus.TOO_MANY_REQUESTS,
            Code.TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        }.get(refusal.code, HTTPStatus.FORBIDDEN)
        signed = self._found(request)
        who = ("", "") if signed is None else signed.session.principal[:2]
        self._house.access.audit.note(refusal.code, *who, _address_of(request), refusal.what)
        return self._trouble(request, status, refusal)

    def _trouble(self, request: Request, status: HTTPStatus, refusal: Refusal) -> Response:
        language = _language(request)
        key = "trouble.not_found" if status == HTTPStatus.NOT_FOUND else "trouble.refused"
        return _html(rendering.render_trouble(language, _theme(request), say(language, key), refusal), status)

    def _found(self, request: Request) -> Signed | None:
        cookie = request.cookies.get(SESSION_COOKIE, "")
        session = self._house.access.sessions.of(cookie) if cookie else None
        return None if session is None else Signed(session, cookie)

    def _signed(self, request: Request) -> Signed:
        """Return who is signed in, within the rate that one participant may ask at."""
        found = self._found(request)
        if found is None or viewer_of(self._house.state, found.session.principal.participant_id) is None:
            raise NotSigned
        self._house.access.rates.check(found.session.principal.participant_id)
        return found

    def _look(self, signed: Signed, request: Request, address: str) -> tuple[Look, Page]:
        """Return the venue as somebody looks at it at an address; refuses (NOT_PERMITTED) a page of another role."""
        parts = urlsplit(address)
        page, named = page_at(unquote(parts.path))
        viewer = viewer_of(self._house.state, signed.session.principal.participant_id)
        if viewer is None:
            raise NotSigned
        if viewer.role not in page.roles:
            what = f"the page {page.address} is not for the role {viewer.role}"
            raise Refusal(Code.NOT_PERMITTED, what, where="page", remedy="Open a page of your own from the navigation.")
        query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
        principal = signed.session.principal
        look = Look(
            state=self._house.state,
            history=self._house.history,
            viewer=viewer,
            at_ns=self._house.now_ns(),
            language=_language(request),
            query=query,
            named=named,
            person=principal.person,
            pending=self._house.access.seconds.of(principal.participant_id),
            switches=switching.seen(self._house.access, viewer),
        )
        return (look._replace(replayed=self._known(look)) if page.key == REPLAY else look), page

    def _known(self, look: Look) -> RulesReplayed | None:
        """Return what is known of the replay that an address names; who opens its page lets it be worked out."""
        assessed = self._house.history.assessment(look.viewer, look.named["proposal_id"])
        with suppress(Refusal):  # The rules have changed since: the page says that it must be assessed again.
            return None if assessed is None else self._house.replays.kept(look.state, assessed, look.at_ns)
        return None

    async def _worked_out(self, look: Look) -> Look:
        assessed = self._house.history.assessment(look.viewer, look.named["proposal_id"])
        with suppress(Refusal):
            if assessed is not None:
                return look._replace(replayed=await self._house.replays.of(look.state, assessed, look.at_ns))
        return look

    def _visit(self, signed: Signed, request: Request, address: str) -> Visit:
        csrf = signed.session.csrf
        salt = f"{self._salt} {csrf} {self._sent.get(csrf, 0)}"
        return Visit(signed.session.principal.person, csrf, salt, _theme(request), address)

    # --- Pages --------------------------------------------------------------------------------------------------------

    async def page(self, request: Request) -> Response:
        """Answer with a page."""
        signed, address = self._signed(request), _address(request)
        look, page = self._look(signed, request, address)
        if page.key == REPLAY:
            look = await self._worked_out(look)
        notice = self._notices.pop(signed.session.csrf, "")
        visit = self._visit(signed, request, address)
        return _html(await asyncio.to_thread(rendering.render, look, page, visit, None, notice))

    async def choose(self, request: Request) -> Response:
        """Keep a language or a colour scheme in a cookie, and go back."""
        form = await _form(request)
        response = RedirectResponse(_back(form), HTTPStatus.SEE_OTHER, headers=HEADERS)
        if known_language(form.get("language")) is not None:
            _keep(response, request, LANGUAGE_COOKIE, form["language"])
        if form.get("theme") in {"", "light", "dark"}:
            _keep(response, request, THEME_COOKIE, form["theme"])
        return response

    # --- The door -----------------------------------------------------------------------------------------------------

    async def door(self, request: Request) -> Response:
        """Answer with the page at the door."""
        back = _inside(request.query_params.get("back", HOME))
        return _html(rendering.render_sign_in(_language(request), _theme(request), back, "", None))

    async def sign_in(self, request: Request) -> Response:
        """Begin a session for a login, a password and a one-time code, or say that something of it is wrong."""
        form, access, address = await _form(request), self._house.access, _address_of(request)
        login, code = form.get("login", "").strip(), form.get("code", "").replace(" ", "")
        try:
            access.attempts.check(address)
            principal = await access.people.signed_in(login, form.get("password", ""), code, address)
        except Refusal as refusal:
            access.audit.note(refusal.code, "", login, address, refusal.what)
            language, theme = _language(request), _theme(request)
            return _html(
                rendering.render_sign_in(language, theme, _back(form), login, refusal), HTTPStatus.UNAUTHORIZED
            )
        access.audit.note("signed_in", principal.participant_id, principal.person, address, "desk")
        response = RedirectResponse(_back(form), HTTPStatus.SEE_OTHER, headers=HEADERS)
        response.set_cookie(
            SESSION_COOKIE,
            access.sessions.begin(principal),
            path="/desk",
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
        return response

    async def sign_out(self, request: Request) -> Response:
        """End the session."""
        signed, form = self._signed(request), await _form(request)
        check_csrf(signed.session, form.get("csrf", ""))
        self._house.access.sessions.end(signed.cookie)
        self._sent.pop(signed.session.csrf, None)
        self._notices.pop(signed.session.csrf, None)
        response = RedirectResponse("/desk/sign-in", HTTPStatus.SEE_OTHER, headers=HEADERS)
        response.delete_cookie(SESSION_COOKIE, path="/desk")
        return response

    # --- Forms --------------------------------------------------------------------------------------------------------

    async def act(self, request: Request) -> Response:
        """Do what a form asks for, ask back first where the action says so, or mark the field that was refused."""
        signed, form = self._signed(request), await _form(request)
        check_csrf(signed.session, form.get("csrf", ""))
        action = ACTIONS.get(request.path_params["action"])
        if action is None:
            raise NoSuchPage
        asked = Asked(action, form.get("form", ""), action.values_of(form), _back(form), form.get("command_id", ""))
        self._check_may(signed, action)
        try:
            built = self._built(asked)
        except Refusal as refusal:
            return await self._again(request, signed, asked, refusal)
        if action.confirm and form.get("confirmed") != "yes":
            look, page = self._look(signed, request, asked.back)
            visit = self._visit(signed, request, asked.back)
            return _html(await asyncio.to_thread(rendering.render_confirmation, look, page, visit, asked))
        try:
            if action.command in SWITCHING:
                return await self._switched(request, signed, asked, built)
            answer = await self._submitted(signed, asked, built)
        except Refusal as refusal:
            if refusal.code != Code.SECOND_PERSON:
                return await self._again(request, signed, asked, refusal)
            return self._waits(request, signed, asked)
        return await self._done(request, signed, asked, answer)

    def _check_may(self, signed: Signed, action: Action) -> None:
        viewer = viewer_of(self._house.state, signed.session.principal.participant_id)
        if viewer is None:
            raise NotSigned
        if viewer.role not in action.roles or signed.session.principal.reads_only:
            what = f"{viewer.participant_id!r} acts as {viewer.role} and may not {action.command.__name__}"
            raise Refusal(Code.NOT_PERMITTED, what, where="actor", remedy=f"Only {' or '.join(action.roles)} may.")

    def _built(self, asked: Asked) -> dict[str, Any]:
        """Return the fields of the command."""
        if not 1 <= len(asked.command_id) <= 64:  # noqa: PLR2004 - as long as a name
            remedy = "Open the page again and send it from there."
            raise Refusal(Code.COLUMN_MISSING, "the form has no identifier", where="command_id", remedy=remedy)
        return read(asked.action, asked.values)

    async def _submitted(self, signed: Signed, asked: Asked, built: dict[str, Any]) -> Answer:
        kind: Any = asked.action.command
        actor, at_ns = signed.session.principal.participant_id, self._house.now_ns()
        command = kind(command_id=asked.command_id, actor=actor, at_ns=at_ns, **built)
        answer = await self._house.request(signed.session.principal, command)
        first = answer.events[0]
        if not isinstance(first, Refused) or first.code not in UNDECIDED:
            self._sent[signed.session.csrf] = self._sent.get(signed.session.csrf, 0) + 1
        return answer

    async def _switched(self, request: Request, signed: Signed, asked: Asked, built: dict[str, Any]) -> Response:
        """Engage or release a kill switch, which is the doors' own: no row of the journal says so."""
        act: Any = switching.engage if asked.action.command is EngageSwitch else switching.release
        await act(self._house, signed.session.principal, **built, address=_address_of(request))
        csrf, language = signed.session.csrf, _language(request)
        self._sent[csrf] = self._sent.get(csrf, 0) + 1
        self._notices[csrf] = say(language, "done", what=say(language, f"do.{asked.action.name}"))
        return RedirectResponse(_after(asked), HTTPStatus.SEE_OTHER, headers=HEADERS)

    def _waits(self, request: Request, signed: Signed, asked: Asked) -> Response:
        """Say that a command waits for a second person; its form is done with, so that the next is another one."""
        csrf, language = signed.session.csrf, _language(request)
        self._sent[csrf] = self._sent.get(csrf, 0) + 1
        self._notices[csrf] = say(language, "done.waits", what=say(language, f"do.{asked.action.name}"))
        return RedirectResponse(asked.back, HTTPStatus.SEE_OTHER, headers=HEADERS)

    async def second(self, request: Request) -> Response:
        """Approve or turn down, as the second person, what waits."""
        signed, form = self._signed(request), await _form(request)
        check_csrf(signed.session, form.get("csrf", ""))
        principal, pending_id, seconds = (
            signed.session.principal,
            form.get("pending_id", ""),
            self._house.access.seconds,
        )
        decision = "approved" if form.get("decision") == "approve" else "rejected"
        if principal.reads_only:
            raise Refusal(
                Code.NOT_PERMITTED, "this credential only reads", where="actor", remedy="Sign in with another."
            )
        if decision == "approved":
            first = (await self._house.approve(principal, pending_id)).events[0]
            if isinstance(first, Refused):
                raise Refusal(first.code, first.what, where=first.where, remedy=first.remedy)
        else:
            seconds.waiting(principal, pending_id)
            seconds.decided(pending_id, principal, decision)
        self._house.access.audit.note(
            decision, principal.participant_id, principal.person, _address_of(request), pending_id
        )
        language = _language(request)
        what = say(language, "do.approve" if decision == "approved" else "do.reject")
        self._notices[signed.session.csrf] = say(language, "done", what=what)
        return RedirectResponse("/desk/second", HTTPStatus.SEE_OTHER, headers=HEADERS)

    async def _done(self, request: Request, signed: Signed, asked: Asked, answer: Answer) -> Response:
        first = answer.events[0]
        if isinstance(first, Refused):
            return await self._again(request, signed, asked, first)
        self._notices[signed.session.csrf] = _notice(_language(request), asked.action, answer.events)
        return RedirectResponse(_after(asked), HTTPStatus.SEE_OTHER, headers=HEADERS)

    async def _again(self, request: Request, signed: Signed, asked: Asked, refusal: Refusal | Refused) -> Response:
        """Show the page again with what was typed, and the refusal at its field."""
        look, page = self._look(signed, request, asked.back)
        visit = self._visit(signed, request, asked.back)
        entered = Entered(asked.form, asked.values, refusal)
        html = await asyncio.to_thread(rendering.render, look, page, visit, entered, "")
        return _html(html, HTTPStatus.UNPROCESSABLE_ENTITY)

    # --- Open pages ---------------------------------------------------------------------------------------------------

    async def live(self, request: Request) -> Response:
        """Send a page again whenever something on it has changed, until its session ends or it is left."""
        signed, address = self._signed(request), _inside(request.query_params.get("page", HOME))
        self._look(signed, request, address)
        csrf = signed.session.csrf
        if self._watching.get(csrf, 0) >= LIVE_OF_ONE_MAX:
            what, remedy = f"{LIVE_OF_ONE_MAX} pages are open already", "Close one of them."
            raise Refusal(Code.TOO_MANY_REQUESTS, what, where="page", remedy=remedy)
        return StreamingResponse(self._fresh(request, signed, address), media_type="text/event-stream", headers=HEADERS)

    async def _fresh(self, request: Request, signed: Signed, address: str) -> AsyncIterator[str]:
        csrf = signed.session.csrf
        self._watching[csrf] = self._watching.get(csrf, 0) + 1
        try:
            yield "retry: 3000\n\n"
            sequence, turn, last = -1, 0, ""
            while self._house.is_ready:
                found = self._found(request)
                if found is None:
                    yield "event: gone\ndata: -\n\n"
                    return
                if sequence != self._house.state.sequence or turn % LIVE_ANYWAY == 0:
                    sequence = self._house.state.sequence
                    html = await self._paced(request, found, address)
                    if html != last:
                        last = html
                        yield f"event: page\ndata: {json.dumps(html)}\n\n"
                turn += 1
                await asyncio.sleep(LIVE_SECONDS)
        finally:
            self._watching[csrf] -= 1

    async def _paced(self, request: Request, signed: Signed, address: str) -> str:
        """Render a page for those who have it open: one at a time, and together no more than a tenth of a processor."""
        async with self._slot:
            begun = asyncio.get_running_loop().time()
            look, page = self._look(signed, request, address)
            visit = self._visit(signed, request, address)
            html = await asyncio.to_thread(rendering.render_parts, look, page, visit)
            await asyncio.sleep(LIVE_SHARE * (asyncio.get_running_loop().time() - begun))
            return html


# --- What a request says ------------------------------------------------------------------------------------------


def _language(request: Request) -> Language:
    chosen = known_language(request.cookies.get(LANGUAGE_COOKIE))
    return chosen or preferred(request.headers.get("accept-language", ""))


def _theme(request: Request) -> str:
    theme = request.cookies.get(THEME_COOKIE, "")
    return theme if theme in {"light", "dark"} else ""


def _address_of(request: Request) -> str:
    return request.client.host if request.client is not None else ""


def _address(request: Request) -> str:
    """Return the path and query of a page, as its forms lead back to it."""
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")


def _inside(address: str) -> str:
    """Return an address of the desk itself; whatever leads elsewhere becomes its first page."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return HOME
    is_inside = not parts.scheme and not parts.netloc and (parts.path == HOME or parts.path.startswith(f"{HOME}/"))
    if not is_inside or "\\" in address or any(ord(letter) < ord(" ") for letter in address):
        return HOME
    query = urlencode(parse_qsl(parts.query)[:FIELDS_MAX])
    return quote(unquote(parts.path), safe="/:@+.-_~") + (f"?{query}" if query else "")


def _back(form: dict[str, str]) -> str:
    return _inside(form.get("back", HOME))


def _after(asked: Asked) -> str:
    """Return where a form leads once it is done: off the order that was amended, or the stop that was made."""
    if asked.action.name in {
        "amend-order",
        "suspend",
        "exclude",
        "reinstate",
        "stop",
        "resume",
        "correct-application",
        "delist",
    }:
        return asked.back.partition("?")[0]
    return asked.back


def _check_origin(request: Request) -> None:
    """Refuse (NOT_PERMITTED) a form that another site has sent, by what the browser itself says of it."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    foreign = site not in {None, "same-origin", "none"}
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host", ""):
        foreign = True
    if foreign:
        remedy = "Open the page of the venue itself and send it from there."
        raise Refusal(Code.NOT_PERMITTED, "this form comes from another site", where="Origin", remedy=remedy)


async def _form(request: Request) -> dict[str, str]:
    """Read a form up to its limit; of a field that comes twice the last counts."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM_TYPE:
        raise Refusal(Code.UNREADABLE, "this is no form of the pages", where="body", remedy=f"Send {FORM_TYPE}.")
    read_so_far = bytearray()
    async for piece in request.stream():
        read_so_far += piece
        if len(read_so_far) > FORM_BYTES_MAX:
            what = f"the form has more than {FORM_BYTES_MAX:,} bytes"
            raise Refusal(Code.TOO_LARGE, what, where="body", remedy="Write less.")
    try:
        found = parse_qsl(read_so_far.decode(), keep_blank_values=True, max_num_fields=FIELDS_MAX, errors="strict")
    except (ValueError, UnicodeError):
        raise Refusal(Code.UNREADABLE, "the form cannot be read", where="body", remedy="Send it in UTF-8.") from None
    return dict(found)


# --- What is answered ---------------------------------------------------------------------------------------------


def _html(text: str, status: int = HTTPStatus.OK) -> Response:
    return Response(text, status, headers=HEADERS, media_type="text/html")


def _to_the_door(request: Request) -> Response:
    back = _inside(_address(request)) if request.method == "GET" and request.url.path != "/desk/live" else HOME
    address = "/desk/sign-in" + (f"?{urlencode({'back': back})}" if back != HOME else "")
    return RedirectResponse(address, HTTPStatus.SEE_OTHER, headers=HEADERS)


def _keep(response: Response, request: Request, name: str, value: str) -> None:
    secure = request.url.scheme == "https"
    response.set_cookie(name, value, max_age=YEAR_SECONDS, path="/desk", httponly=True, samesite="lax", secure=secure)


def _notice(language: Language, action: Action, events: tuple[AnyEvent, ...]) -> str:
    """Say what was done; of an order also what of it has traded at once."""
    said = say(language, "done", what=say(language, f"do.{action.name}"))
    order = next((event for event in events if isinstance(event, OrderAccepted)), None)
    if order is None or action.command is not SubmitOrder:
        return said
    lots = sum(event.quantity_lots for event in events if isinstance(event, Traded))
    return (
        f"{said} {say(language, 'done.order', order=order.order_id, traded=str(lots), lots=str(order.quantity_lots))}"
    )
