"""Access as operations of REST: tokens, keys, people, what waits for a second person, kill switches and the log."""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Annotated, Any, Final

import msgspec
from starlette.responses import Response

from naryq.access.audit import AuditEntry
from naryq.access.keys import ShownKey
from naryq.access.people import NewPerson, ShownPerson
from naryq.access.principals import Principal
from naryq.access.seconds import Pending
from naryq.access.switches import Switch
from naryq.gateways import switching
from naryq.gateways.rest_operations import (
    MALFORMED,
    Act,
    Asked,
    Operation,
    Parameter,
    address_of,
    answered,
    body_of,
    json,
    malformed,
)
from naryq.gateways.rest_pages import LIMIT, LIMIT_MAX, limit_of
from naryq.messages import Code, Name, Reason, Refusal, Role
from naryq.messages.basics import check_said
from naryq.messages.routes import Taken

Words = Annotated[str, msgspec.Meta(max_length=200)]
Password = Annotated[str, msgspec.Meta(min_length=12, max_length=200)]
Limit = Annotated[int, msgspec.Meta(ge=1, le=LIMIT_MAX)]
NUMBER_LENGTH_MAX: Final = 18
WATCHERS: Final[tuple[Role, ...]] = ("operator", "regulator")


class Whoever(msgspec.Struct, frozen=True, kw_only=True):
    """Who you are to the venue: the participant and its role, the person, and the credential's public name."""

    participant_id: str
    role: Role
    person: str
    credential: str
    reads_only: bool


class SignIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A person's login, password, and the code that the one-time device shows now."""

    login: Name
    password: Words
    code: Annotated[str, msgspec.Meta(max_length=10)]


class ShownToken(msgspec.Struct, frozen=True, kw_only=True):
    """A bearer token, shown this once, and when it ends."""

    token: str
    expires_at_ns: int


class KeyWanted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key for a person of a participant, yourself where nobody is named."""

    participant_id: Name | None = None
    person: Name | None = None
    label: Words = ""
    reads_only: bool = False


class NewKey(msgspec.Struct, frozen=True, kw_only=True):
    """A new key, shown this once."""

    key_id: str
    key: str
    participant_id: str
    person: str


class PersonWanted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A person who is to sign in by hand, for your participant where none is named."""

    login: Name
    password: Password
    participant_id: Name | None = None


class PasswordWanted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Another password for yourself."""

    password: Password


class SwitchWanted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why the switch is engaged."""

    reason: Reason


def may_manage(asked: Asked, participant_id: str) -> None:
    """Refuse (NOT_PERMITTED) whoever may not give out or take back the credentials of a participant.

    Everybody manages his own. The operator manages those of all others but a regulator, whom it gives the first one
    only: a regulator whose keys the operator made would be no second pair of eyes.
    """
    house, own = asked.house, asked.principal.participant_id
    found = house.state.participants.get(participant_id)
    if found is None:
        what = f"nobody is admitted as {participant_id!r}"
        raise Refusal(Code.UNKNOWN_PARTICIPANT, what, where="participant_id", remedy="Name a participant.")
    has_any = house.access.keys.shown(participant_id) or house.access.people.shown(participant_id)
    by_operator = asked.viewer.role == "operator" and (found.role != "regulator" or not has_any)
    if participant_id != own and not by_operator:
        what = f"the credentials of {participant_id!r} are not yours to manage"
        raise Refusal(Code.NOT_PERMITTED, what, where="participant_id", remedy="Ask its own people, or the operator.")


def _note(asked: Asked, act: str, what: str) -> None:
    who = asked.principal
    asked.house.access.audit.note(act, who.participant_id, who.person, address_of(asked.request), what)


async def _read(asked: Asked, kind: type[Any]) -> Any:
    try:
        return msgspec.json.decode(await body_of(asked.request) or b"{}", type=kind)
    except MALFORMED as error:
        raise malformed(error) from None


# --- Who you are --------------------------------------------------------------------------------------------------


async def _whoever(asked: Asked) -> Response:
    who, viewer = asked.principal, asked.viewer
    return json(
        Whoever(
            participant_id=who.participant_id,
            role=viewer.role,
            person=who.person,
            credential=who.credential,
            reads_only=who.reads_only,
        )
    )


async def _token(asked: Asked) -> Response:
    token = asked.house.access.tokens.issue(asked.principal)
    return json(ShownToken(token=token.text, expires_at_ns=token.expires_at_ns), HTTPStatus.CREATED)


async def _sign_in(asked: Asked) -> Response:
    wanted: SignIn = await _read(asked, SignIn)
    access, address = asked.house.access, address_of(asked.request)
    access.attempts.check(address)
    principal = await access.people.signed_in(wanted.login, wanted.password, wanted.code, address)
    access.audit.note("signed_in", principal.participant_id, principal.person, address, "")
    token = access.tokens.issue(principal)
    return json(ShownToken(token=token.text, expires_at_ns=token.expires_at_ns), HTTPStatus.CREATED)


async def _end_tokens(asked: Asked) -> Response:
    asked.house.access.forget(asked.principal.credential)
    return Response(status_code=HTTPStatus.NO_CONTENT)


# --- Keys and people ----------------------------------------------------------------------------------------------


async def _keys(asked: Asked) -> Response:
    return json(asked.house.access.keys.shown(_whose(asked)))


def _whose(asked: Asked) -> str | None:
    """Return of whom an asker sees the credentials: the operator of all, everybody else of himself."""
    return None if asked.viewer.role == "operator" else asked.principal.participant_id


async def _new_key(asked: Asked) -> Response:
    wanted: KeyWanted = await _read(asked, KeyWanted)
    participant_id = wanted.participant_id or asked.principal.participant_id
    may_manage(asked, participant_id)
    principal = Principal(participant_id, wanted.person or asked.principal.person, "", wanted.reads_only)
    key = await asked.house.access.new_key(principal, wanted.label, asked.principal)
    _note(asked, "key_made", f"{key.key_id} for {principal.person} of {participant_id}")
    made = NewKey(key_id=key.key_id, key=key.text, participant_id=participant_id, person=principal.person)
    return json(made, HTTPStatus.CREATED)


async def _revoke_key(asked: Asked) -> Response:
    access, key_id = asked.house.access, asked.path["key_id"]
    found = next((key for key in access.keys.shown() if key.key_id == key_id), None)
    if found is None or _whose(asked) not in {None, found.participant_id}:
        raise Refusal(Code.NOT_FOUND, f"you have no key {key_id!r}", where="key_id", remedy="See GET /v1/keys.")
    _check_may_take_back(asked, found.participant_id)
    access.keys.revoke(key_id)
    access.forget(key_id)
    _note(asked, "key_revoked", f"{key_id} of {found.participant_id}")
    return Response(status_code=HTTPStatus.NO_CONTENT)


def _check_may_take_back(asked: Asked, participant_id: str) -> None:
    """Refuse (NOT_PERMITTED) an operator who would lock the regulator out."""
    found = asked.house.state.participants.get(participant_id)
    own = participant_id == asked.principal.participant_id
    if found is not None and found.role == "regulator" and not own:
        what = "the credentials of a regulator are not yours to take back"
        raise Refusal(Code.NOT_PERMITTED, what, where="participant_id", remedy="Ask its own people.")


async def _people(asked: Asked) -> Response:
    return json(asked.house.access.people.shown(_whose(asked)))


async def _new_person(asked: Asked) -> Response:
    wanted: PersonWanted = await _read(asked, PersonWanted)
    participant_id = wanted.participant_id or asked.principal.participant_id
    may_manage(asked, participant_id)
    people = asked.house.access.people
    made = await people.add(wanted.login, participant_id, wanted.password, asked.principal.person)
    _note(asked, "person_added", f"{wanted.login} of {participant_id}")
    return json(made, HTTPStatus.CREATED)


async def _remove_person(asked: Asked) -> Response:
    access, login = asked.house.access, asked.path["login"]
    found = next((person for person in access.people.shown() if person.login == login), None)
    if found is None or _whose(asked) not in {None, found.participant_id}:
        raise Refusal(Code.NOT_FOUND, f"you have no person {login!r}", where="login", remedy="See GET /v1/people.")
    _check_may_take_back(asked, found.participant_id)
    access.people.remove(login)
    access.forget(f"login {login}")
    _note(asked, "person_removed", f"{login} of {found.participant_id}")
    return Response(status_code=HTTPStatus.NO_CONTENT)


async def _new_password(asked: Asked) -> Response:
    wanted: PasswordWanted = await _read(asked, PasswordWanted)
    login = asked.principal.credential.removeprefix("login ")
    if login == asked.principal.credential:
        what = "this credential is a key and has no password"
        raise Refusal(Code.NOT_PERMITTED, what, where="Authorization", remedy="Sign in with POST /v1/sign-in first.")
    await asked.house.access.people.set_password(login, wanted.password)
    asked.house.access.forget(asked.principal.credential)
    _note(asked, "password_changed", login)
    return Response(status_code=HTTPStatus.NO_CONTENT)


# --- The second person --------------------------------------------------------------------------------------------


async def _pending(asked: Asked) -> Response:
    return json(asked.house.access.seconds.of(asked.principal.participant_id))


async def _approve(asked: Asked) -> Response:
    answer = await asked.house.approve(asked.principal, asked.path["pending_id"])
    _note(asked, "approved", asked.path["pending_id"])
    return answered(asked.viewer, answer)


async def _reject(asked: Asked) -> Response:
    seconds, pending_id = asked.house.access.seconds, asked.path["pending_id"]
    seconds.waiting(asked.principal, pending_id)
    seconds.decided(pending_id, asked.principal, "rejected")
    _note(asked, "rejected", pending_id)
    return Response(status_code=HTTPStatus.NO_CONTENT)


# --- The kill switch ----------------------------------------------------------------------------------------------


async def _switches(asked: Asked) -> Response:
    return json(switching.seen(asked.house.access, asked.viewer))


async def _engage(asked: Asked) -> Response:
    wanted: SwitchWanted = await _read(asked, SwitchWanted)
    whose, address = asked.path["participant_id"], address_of(asked.request)
    check_said(wanted)
    return json(await switching.engage(asked.house, asked.principal, whose, wanted.reason, address))


async def _release(asked: Asked) -> Response:
    await switching.release(asked.house, asked.principal, asked.path["participant_id"], address_of(asked.request))
    return Response(status_code=HTTPStatus.NO_CONTENT)


# --- The log ------------------------------------------------------------------------------------------------------


async def _audit(asked: Asked) -> Response:
    given = asked.request.query_params
    after = given.get("after", "0")
    if not (after.isascii() and after.isdecimal() and len(after) <= NUMBER_LENGTH_MAX):
        raise Refusal(Code.OUT_OF_RANGE, f"after is {after!r}", where="after", remedy="Give the number of an entry.")
    return json(asked.house.access.audit.entries(int(after), limit_of(given.get("limit"))))


ACCESS: Final = (
    ("GET", "/v1/me", "WhoAmI", "Say who you are to the venue.", _whoever, Whoever, None),
    ("POST", "/v1/tokens", "IssueToken", "Make a token of your credential, for a quarter of an hour.", _token,
     ShownToken, None),
    ("DELETE", "/v1/tokens", "EndTokens", "End all tokens and sessions of your credential.", _end_tokens, None, None),
    ("GET", "/v1/keys", "ListKeys", "The keys of your participant; to the operator, all.", _keys,
     tuple[ShownKey, ...], None),
    ("POST", "/v1/keys", "MakeKey", "Make a key; its secret is shown this once.", _new_key, NewKey, KeyWanted),
    ("DELETE", "/v1/keys/{key_id}", "RevokeKey", "Let a key open nothing any more.", _revoke_key, None, None),
    ("GET", "/v1/people", "ListPeople", "Those who sign in for your participant; to the operator, all.", _people,
     tuple[ShownPerson, ...], None),
    ("POST", "/v1/people", "AddPerson", "Let a person sign in; the one-time secret is shown this once.", _new_person,
     NewPerson, PersonWanted),
    ("DELETE", "/v1/people/{login}", "RemovePerson", "Let a person sign in no more.", _remove_person, None, None),
    ("PUT", "/v1/me/password", "ChangePassword", "Give yourself another password; it ends your sessions.",
     _new_password, None, PasswordWanted),
    ("GET", "/v1/pending", "ListPending", "What waits for a second person of your participant.", _pending,
     tuple[Pending, ...], None),
    ("POST", "/v1/pending/{pending_id}/approve", "ApprovePending", "Approve as the second person.", _approve, Taken,
     None),
    ("POST", "/v1/pending/{pending_id}/reject", "RejectPending", "Turn down what waits.", _reject, None, None),
    ("GET", "/v1/kill-switches", "ListSwitches", "Your kill switch where it is engaged; to those who watch, all.",
     _switches, tuple[Switch, ...], None),
    ("PUT", "/v1/kill-switches/{participant_id}", "EngageSwitch",
     "Take all orders back and let no new one in, by any door.", _engage, Switch, SwitchWanted),
    ("DELETE", "/v1/kill-switches/{participant_id}", "ReleaseSwitch", "Let orders in again.", _release, None, None),
)  # fmt: skip
"""Method, path, name, words, what answers, what it gives, and what it takes."""
_CREATED: Final = frozenset({_token, _new_key, _new_person})


def access() -> Iterator[Operation]:
    """Yield the operations of access."""
    for method, path, name, says, act, result, body in ACCESS:
        yield Operation(method, path, name, says, act, result, body, status=_status(act, result))  # type: ignore[arg-type]  # the methods of the table are of the list
    yield Operation(
        method="POST",
        path="/v1/sign-in",
        name="SignIn",
        says="Sign in by hand: a token for a quarter of an hour.",
        act=_sign_in,
        result=ShownToken,
        body=SignIn,
        status=HTTPStatus.CREATED,
        is_public=True,
    )
    yield Operation(
        method="GET",
        path="/v1/audit",
        name="ReadAudit",
        says="The log of the door, from behind an entry on.",
        act=_audit,
        result=tuple[AuditEntry, ...],
        parameters=(
            Parameter("after", int, "The number of the last entry that you have."),
            Parameter("limit", Limit, f"How many entries at most; {LIMIT} where nothing is said."),
        ),
        roles=WATCHERS,
    )


def _status(act: Act, result: Any) -> int:
    if result is None:
        return HTTPStatus.NO_CONTENT
    return HTTPStatus.CREATED if act in _CREATED else HTTPStatus.OK
