"""A browser signs in with the code of a link, or with a key; asks who it is; and signs out."""

from http import HTTPStatus
from typing import Annotated, Any

from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from api_service.accounts.browsers import Signed, renewed, signed_in_by_code, signed_in_by_key, signed_out
from api_service.doors.binding import ApiRequest, by_key, identified
from api_service.http.answers import answer_with
from api_service.http.operations import Access, Answer, Nothing, Operation
from api_service.http.server.browser_cookies import BY_COOKIE, COOKIE, PAGE_HEADER
from api_service.http.server.root_path import below_root
from api_service.refusals.codes import Code
from api_service.refusals.refusal import Refusal

NEEDED = {PAGE_HEADER: "anything: only a page of this service can send it"}


class SignInBody(BaseModel, extra="forbid", frozen=True):
    """Either the code of a link that was printed for this browser, or a key."""

    code: Annotated[str, Field(max_length=200)] | None = None
    key: Annotated[str, Field(max_length=200)] | None = None


class SessionView(BaseModel, frozen=True):
    """Who the browser is signed in as."""

    user: str
    is_admin: bool
    scopes: list[str]


async def sign_in(request: ApiRequest[SignInBody, Nothing]) -> Response:
    """Sign this browser in, for thirty days: it gets a cookie with a key of its own."""
    if PAGE_HEADER not in request.http.headers:
        raise Refusal(Code.CROSS_SITE, f"send the header {PAGE_HEADER}, as the pages do")
    services, sent = request.services, request.body
    if sent.code:
        signed = await services.run(signed_in_by_code, services.engine, sent.code)
    else:
        identity = await identified(request.http, f"Bearer {sent.key}" if sent.key else None)
        signed = await services.run(signed_in_by_key, services.engine, identity.key_id)
    return with_cookie(request.http, signed)


async def show(request: ApiRequest[Nothing, Nothing]) -> Response:
    """Show who this browser is signed in as, if it is. Once a day its cookie is renewed."""
    services, http = request.services, request.http
    nobody = Response(status_code=HTTPStatus.NO_CONTENT, headers={"Cache-Control": "no-store"})
    if not getattr(http.state, BY_COOKIE, False):
        return nobody
    try:
        identity = await by_key(http)
    except Refusal:
        return nobody
    signed = await services.run(renewed, services.engine, identity.key_id)
    if signed.token:
        services.keyring.forget(identity.key_id)
    return with_cookie(http, signed)


async def sign_out(request: ApiRequest[Nothing, Nothing]) -> Response:
    """Sign this browser out: its key is revoked."""
    services, key_id = request.services, request.identity.key_id
    if getattr(request.http.state, BY_COOKIE, False):
        await services.run(signed_out, services.engine, key_id)
        services.keyring.forget(key_id)
    response = Response(status_code=HTTPStatus.NO_CONTENT)
    secure = is_private(request.http)
    response.delete_cookie(COOKIE, path=below_root("") or "/", httponly=True, samesite="strict", secure=secure)
    return response


def with_cookie(http: Request[Any], signed: Signed) -> Response:
    view = SessionView(user=signed.user, is_admin=signed.is_admin, scopes=list(signed.scopes))
    response = answer_with(view)
    response.headers["Cache-Control"] = "no-store"
    if signed.token:
        response.set_cookie(
            COOKIE,
            signed.token,
            max_age=signed.seconds_left,
            path=below_root("") or "/",
            httponly=True,
            samesite="strict",
            secure=is_private(http),
        )
    return response


def is_private(http: Request[Any]) -> bool:
    """Whether the browser came by TLS, here or at a proxy."""
    public_url = http.state.services.settings.public_url
    return http.url.scheme == "https" or str(public_url or "").startswith("https:")


OPERATIONS = (
    Operation(
        "signIn",
        "POST",
        "/session",
        sign_in,
        Access.NO_KEY,
        {HTTPStatus.OK: Answer(SessionView, "signed in")},
        tag="pages",
        body=SignInBody,
        request_headers=NEEDED,
        problems=(Code.UNAUTHENTICATED, Code.CROSS_SITE),
    ),
    Operation(
        "showSession",
        "GET",
        "/session",
        show,
        Access.NO_KEY,
        {
            HTTPStatus.OK: Answer(SessionView, "who is signed in"),
            HTTPStatus.NO_CONTENT: Answer(None, "nobody is", media_types=()),
        },
        tag="pages",
    ),
    Operation(
        "signOut",
        "DELETE",
        "/session",
        sign_out,
        Access.ANY_KEY,
        {HTTPStatus.NO_CONTENT: Answer(None, "signed out", media_types=())},
        tag="pages",
    ),
)
