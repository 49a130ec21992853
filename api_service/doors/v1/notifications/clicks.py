"""Where the links of e-mails lead: a page with a button, for programs follow links too; and what the button does."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from starlette.responses import FileResponse, Response

from api_service.doors.binding import ApiRequest
from api_service.doors.v1.notifications.bodies import ProofQuery
from api_service.doors.v1.notifications.views import EMAIL
from api_service.http.operations import Access, Answer, Nothing, Operation
from api_service.notifications import preferences
from api_service.refusals.codes import Code
from shared.notifications.secrets import Proof, proof_in

PAGES = Path(__file__).parent / "pages"
POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'"
HEADERS = {"Content-Security-Policy": POLICY, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}

ClickRequest = ApiRequest[Nothing, ProofQuery]
Click = Callable[[Engine, Proof | None], None]


def page(name: str) -> Response:
    return FileResponse(PAGES / f"{name}.html", headers=HEADERS)


async def clicked(request: ClickRequest, click: Click, name: str) -> Response:
    """Do what was clicked, and show the page that says so. Raises Refusal: link_invalid."""
    await request.services.run(click, request.services.engine, proof_in(request.query.proof))
    return page(name)


async def show_verify(_request: ClickRequest) -> Response:
    """Show a button that verifies the address to which this link was mailed."""
    return page("verify")


async def verify(request: ClickRequest) -> Response:
    """Verify the address to which this link was mailed."""
    return await clicked(request, preferences.verify_clicked, "verified")


async def show_unsubscribe(_request: ClickRequest) -> Response:
    """Show a button that ends the e-mail of news of whom this link was mailed to."""
    return page("unsubscribe")


async def unsubscribe(request: ClickRequest) -> Response:
    """End the e-mail of news of whom this link was mailed to.

    By one click in a mail program (RFC 8058), or by the button of the page. What the body says makes no difference.
    """
    return await clicked(request, preferences.unsubscribe, "unsubscribed")


def operation(name: str, method: str, path: str, endpoint: Callable[[ClickRequest], Awaitable[Response]]) -> Any:
    answer = Answer(None, "a page", media_types=("text/html",), headers={"Cache-Control": "`no-store`"})
    return Operation(
        name,
        method,
        f"{EMAIL}/{path}",
        endpoint,
        Access.NO_KEY,
        {HTTPStatus.OK: answer},
        tag="notifications",
        query=ProofQuery,
        problems=(Code.LINK_INVALID,) if method == "POST" else (),
    )


OPERATIONS = (
    operation("showVerification", "GET", "verify", show_verify),
    operation("clickVerification", "POST", "verify", verify),
    operation("showUnsubscription", "GET", "unsubscribe", show_unsubscribe),
    operation("clickUnsubscription", "POST", "unsubscribe", unsubscribe),
)
